#include "provider/runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "net/upstream.h"
#include "provider/gemini.h"
#include "store/migrate.h"
#include "store/redis.h"
#include "store/reseal.h"

#ifndef VERSION
#define VERSION "v0.0.0"
#endif

/* clang-format off */
const struct conf_key runtime_keys[] = {
	{ "DATA_DIR", CONF_TEXT, "./data", 0, 0, "folder of database, data key and first password; made when missing, mode 0700" },
	{ "SQL_DSN", CONF_TEXT, "", 0, 0, "database: empty or sqlite:PATH for SQLite (default DATA_DIR/oneapi.db)" },
	{ "REDIS_CONN_STRING", CONF_TEXT, "", 0, 0, "Redis that several machines share for limits and changes, redis://…, rediss://… or unix:/…; empty: none" },
	{ "REDIS_CA_FILE", CONF_TEXT, "", 0, 0, "certificates that a rediss:// server is checked against; empty: as CA_FILE" },
	{ "REDIS_TIMEOUT_MS", CONF_INT, "100", 10, 60000, "a call to Redis that takes longer fails, ms; then each machine limits by itself until Redis is back" },
	{ "SESSION_SECRET", CONF_TEXT, "", 0, 0, "secret that all nodes share, at least 16 characters; empty: DATA_DIR/secret.key" },
	{ "TRUSTED_PROXIES", CONF_TEXT, "", 0, 0, "comma list of addresses or CIDR whose X-Forwarded-For is believed" },
	{ "CATALOG_POLL_MS", CONF_INT, "1000", 50, 60000, "how often channels, options and prices are looked at for changes, ms" },
	{ "RELAY_PROXY", CONF_TEXT, "", 0, 0, "proxy for upstream calls, http://, https:// or socks5h://" },
	{ "CA_FILE", CONF_TEXT, "", 0, 0, "certificates that upstreams are checked against; empty: the system's bundle" },
	{ "WIRES", CONF_INT, "0", 0, 64, "event loops; 0: one per core, at most 4" },
	{ "WORKERS", CONF_INT, "0", 0, 64, "threads that may block on the database; 0: 4" },
	{ "MAX_BODY_BYTES", CONF_INT, "33554432", 1024, 1073741824, "largest request body, bytes; also after decoding" },
	{ "SPOOL_DIR", CONF_TEXT, "", 0, 0, "folder for the bodies of large uploads while they are under way; empty: DATA_DIR" },
	{ "REQUEST_TIMEOUT", CONF_INT, "60", 1, 3600, "a client that sends nothing of its request for so long is refused, s" },
	{ "DRAIN_TIMEOUT", CONF_INT, "4", 0, 3600, "after SIGTERM running requests may go on for so long, s" },
	{ "LOG_FILE", CONF_TEXT, "", 0, 0, "log lines go here instead of stderr" },
	{ "LOG_FORMAT", CONF_TEXT, "logfmt", 0, 0, "how log lines are written: logfmt or json" },
	{ "GEMINI_SAFETY_SETTING", CONF_TEXT, "BLOCK_NONE", 0, 0, "threshold of all safety categories for Gemini and Vertex, where a channel sets none" },
	{ "GEMINI_VERSION", CONF_TEXT, "v1beta", 0, 0, "version of the Gemini API, where a channel sets none; v1 lacks system instructions and tools" },
	{ "VERTEX_TOKEN_HOSTS", CONF_TEXT, "", 0, 0, "comma list of HOST or HOST:PORT that a service account may name for its tokens, beside Google's own" },
	{ "DEBUG", CONF_BOOL, "false", 0, 0, "log more; never bodies, never keys" },
	{ 0 },
};
/* clang-format on */

/* Not in the struct: only these functions need it. */
struct arguments {
	const char *env_file;
	bool check_only;
};

static void print_usage(const char *program)
{
	printf(
	    "usage: %s [--listen PATH|HOST:PORT] [--env FILE] [command …]\n"
	    "\n"
	    "Serves FastCGI on a socket given by the web server (descriptor 0), by systemd or by\n"
	    "--listen; run by a web server as CGI it answers one request.\n"
	    "\n"
	    "  --listen PATH|HOST:PORT  make the listening socket here\n"
	    "  --env FILE               settings (default: ./.env when it exists)\n"
	    "  --check-config           check settings, folder and database, then end\n"
	    "  --help-config            list every setting with its default\n"
	    "  --version, --help\n",
	    program);
}

/* True: go on. False: *status is the program's. */
static bool parse_arguments(struct runtime *rt, int argc, char **argv,
    const struct conf_key *const *tables, struct arguments *args, int *status)
{
	int i;

	*status = 0;
	for (i = 1; i < argc && argv[i][0] == '-'; i++) {
		struct str option = str_c(argv[i]);

		if (str_eq_c(option, "--help")) {
			print_usage(rt->program);
			return false;
		}
		if (str_eq_c(option, "--version")) {
			printf("%s %s\n", rt->program, VERSION);
			return false;
		}
		if (str_eq_c(option, "--help-config")) {
			conf_print_help(tables);
			return false;
		}
		if (str_eq_c(option, "--check-config")) {
			args->check_only = true;
			continue;
		}
		if (i + 1 < argc && str_eq_c(option, "--listen")) {
			rt->listen = argv[++i];
			continue;
		}
		if (i + 1 < argc && str_eq_c(option, "--env")) {
			args->env_file = argv[++i];
			continue;
		}
		fprintf(stderr, "%s: unknown option '%s', see --help\n", rt->program, argv[i]);
		*status = 2;
		return false;
	}
	rt->argc = argc - i;
	rt->argv = argv + i;
	return true;
}

static bool open_data_dir(const char *dir, struct err *err)
{
	if (mkdir(dir, 0700) != 0 && errno != EEXIST)
		return err_set(err, ERR_CONFIG, "cannot make DATA_DIR '%s': %s", dir,
		    strerror(errno));
	if (access(dir, R_OK | W_OK | X_OK) != 0)
		return err_set(err, ERR_CONFIG, "cannot write to DATA_DIR '%s': %s", dir,
		    strerror(errno));
	return true;
}

/* A file system without locks keeps nobody from running. */
static bool share_lock(struct runtime *rt, struct err *err)
{
	char path[4096];

	if (snprintf(path, sizeof path, "%s/run.lock", rt->data_dir) >= (int)sizeof path)
		return err_set(err, ERR_CONFIG, "DATA_DIR is too long");
	rt->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (rt->lock_fd < 0)
		return err_set(err, ERR_CONFIG, "cannot open '%s': %s", path, strerror(errno));
	if (flock(rt->lock_fd, LOCK_SH) != 0)
		log_warn(NULL, "runtime.no_lock", LOG_TEXT("reason", strerror(errno)));
	return true;
}

bool runtime_alone(struct runtime *rt, struct err *err)
{
	if (flock(rt->lock_fd, LOCK_EX | LOCK_NB) == 0)
		return true;
	return err_set(err, ERR_CONFIG, "%s: stop fcgi-relay and fcgi-admin first",
	    errno == EWOULDBLOCK ? "a program is running" : strerror(errno));
}

static void name_node(struct runtime *rt)
{
	char host[32] = "", tail[9];

	gethostname(host, sizeof host - 1);
	secret_random_hex(tail, 8);
	snprintf(rt->node, sizeof rt->node, "%s:%ld:%s", host, (long)getpid(), tail);
}

/* Only main's thread reads signals (server.h); every thread made from here on inherits this. */
static void block_signals(void)
{
	sigset_t all;

	sigfillset(&all);
	sigdelset(&all, SIGSEGV);
	sigdelset(&all, SIGBUS);
	sigdelset(&all, SIGFPE);
	sigdelset(&all, SIGILL);
	sigdelset(&all, SIGABRT);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	signal(SIGPIPE, SIG_IGN);
}

/* With another secret than the database's this program would seal what nobody else can open. */
static bool check_secret(const struct runtime *rt, struct db *db, struct err *err)
{
	bool right = false;

	if (rt->argc > 0 && str_eq_c(str_c(rt->argv[0]), "rotate-secret"))
		return true;
	if (!reseal_check(db, rt->box, &right, err))
		return false;
	return right ||
	    err_set(err, ERR_CONFIG,
	        "the database was sealed under another secret than this %s; if a rotation broke "
	        "off, call fcgi-admin rotate-secret again",
	        *conf_text(rt->conf, "SESSION_SECRET") ? "SESSION_SECRET" : "secret.key");
}

static bool open_database(struct runtime *rt, struct err *err)
{
	struct db *db;

	if (!runtime_db(rt, &db, err))
		return false;
	if (!migrate(db, err) || !check_secret(rt, db, err)) {
		db_close(db);
		return false;
	}
	return catalog_watch(db, rt->box, (int)conf_int(rt->conf, "CATALOG_POLL_MS"), &rt->watcher,
	    err);
}

static bool open_log(const struct runtime *rt, struct err *err)
{
	const char *file = conf_text(rt->conf, "LOG_FILE");
	struct str format = str_c(conf_text(rt->conf, "LOG_FORMAT"));

	if (!str_eq_c(format, "logfmt") && !str_eq_c(format, "json"))
		return err_set(err, ERR_CONFIG, "LOG_FORMAT must be logfmt or json");
	log_set_format(str_eq_c(format, "json") ? LOG_JSON : LOG_LOGFMT);
	return log_open(rt->program, conf_bool(rt->conf, "DEBUG") ? LOG_DEBUG : LOG_INFO,
	           *file ? file : NULL) ||
	    err_set(err, ERR_CONFIG, "cannot write LOG_FILE '%s'", file);
}

static bool open_all(struct runtime *rt, const struct conf_key *const *tables,
    const struct arguments *args, struct err *err)
{
	struct upstream_setup upstream = { .user_agent = "oneapi-fcgi", .max_idle_conns = 2048 };

	if (!conf_load(args->env_file ? args->env_file : ".env", args->env_file != NULL, tables,
	        &rt->conf, err) ||
	    !open_log(rt, err))
		return false;
	rt->data_dir = conf_text(rt->conf, "DATA_DIR");
	upstream.proxy = conf_text(rt->conf, "RELAY_PROXY");
	upstream.ca_file = conf_text(rt->conf, "CA_FILE");
	name_node(rt);
	block_signals();
	return open_data_dir(rt->data_dir, err) && share_lock(rt, err) &&
	    secret_box_open(rt->data_dir, conf_text(rt->conf, "SESSION_SECRET"), &rt->box, err) &&
	    upstream_setup(&upstream, err) && open_database(rt, err);
}

/* What stands before anything is opened; false: *status is the program's. */
static bool begin(struct runtime *rt, int argc, char **argv, const char *program,
    const struct conf_key *const *tables, struct arguments *args, int *status)
{
	*rt = (struct runtime){
		.program = program,
		.listen = "",
		.started_at = clock_unix(),
		.lock_fd = -1,
	};
	return parse_arguments(rt, argc, argv, tables, args, status);
}

bool runtime_open_alone(struct runtime *rt, int argc, char **argv, const char *program,
    const struct conf_key *own_keys, int *status)
{
	const struct conf_key *const tables[] = { runtime_keys, own_keys, NULL };
	struct arguments args = { 0 };
	struct err err = { 0 };

	if (!begin(rt, argc, argv, program, tables, &args, status))
		return false;
	if (conf_load(args.env_file ? args.env_file : ".env", args.env_file != NULL, tables,
	        &rt->conf, &err) &&
	    open_log(rt, &err)) {
		rt->data_dir = conf_text(rt->conf, "DATA_DIR");
		if (open_data_dir(rt->data_dir, &err) && share_lock(rt, &err) &&
		    runtime_alone(rt, &err))
			return true;
	}
	fprintf(stderr, "%s: %s\n", program, err.msg);
	runtime_close(rt);
	*status = 1;
	return false;
}

bool runtime_open(struct runtime *rt, int argc, char **argv, const char *program,
    const struct conf_key *own_keys, int *status)
{
	const struct conf_key *const tables[] = { runtime_keys, own_keys, NULL };
	struct arguments args = { 0 };
	struct err err = { 0 };

	if (!begin(rt, argc, argv, program, tables, &args, status))
		return false;
	if (!open_all(rt, tables, &args, &err)) {
		fprintf(stderr, "%s: %s%s%s\n", program, err.msg, *err.detail ? ": " : "",
		    err.detail);
		runtime_close(rt);
		*status = 1;
		return false;
	}
	google_configure(&(struct google_settings){
	    .safety = conf_text(rt->conf, "GEMINI_SAFETY_SETTING"),
	    .version = conf_text(rt->conf, "GEMINI_VERSION"),
	    .token_hosts = conf_text(rt->conf, "VERTEX_TOKEN_HOSTS"),
	});
	if (args.check_only) {
		printf("%s: configuration is fine\n", program);
		runtime_close(rt);
		*status = 0;
		return false;
	}
	return true;
}

static void on_remote_change(void *runtime)
{
	const struct runtime *rt = runtime;

	catalog_look(rt->watcher);
}

static void tell_change(void *redis)
{
	redis_publish(redis);
}

bool runtime_redis(struct runtime *rt, const char *const *scripts, struct err *err)
{
	struct redis_setup setup = {
		.url = conf_text(rt->conf, "REDIS_CONN_STRING"),
		.ca_file = conf_text(rt->conf, "REDIS_CA_FILE"),
		.timeout_ms = (int)conf_int(rt->conf, "REDIS_TIMEOUT_MS"),
		.scripts = scripts,
		.channel = "oneapi:catalog",
		.on_nudge = on_remote_change,
		.arg = rt,
	};

	if (!*setup.url)
		return true;
	if (!*setup.ca_file)
		setup.ca_file = conf_text(rt->conf, "CA_FILE");
	if (!redis_open(&setup, &rt->redis, err))
		return false;
	catalog_on_nudge(rt->watcher, tell_change, rt->redis);
	return true;
}

void runtime_close(struct runtime *rt)
{
	if (rt->redis)
		catalog_on_nudge(rt->watcher, NULL, NULL);
	redis_close(rt->redis);
	rt->redis = NULL;
	if (rt->watcher)
		catalog_unwatch(rt->watcher);
	if (rt->box)
		secret_box_free(rt->box);
	if (rt->conf)
		conf_free(rt->conf);
	if (rt->lock_fd >= 0)
		close(rt->lock_fd);
	rt->lock_fd = -1;
	rt->watcher = NULL;
	rt->box = NULL;
	rt->conf = NULL;
}

bool runtime_db(const struct runtime *rt, struct db **out, struct err *err)
{
	return db_open(conf_text(rt->conf, "SQL_DSN"), rt->data_dir, out, err);
}

struct catalog *runtime_catalog(const struct runtime *rt)
{
	return catalog_get(rt->watcher);
}

const char *runtime_version(void)
{
	return VERSION;
}

const char *runtime_spool_dir(const struct runtime *rt)
{
	const char *set = conf_text(rt->conf, "SPOOL_DIR");

	return *set ? set : rt->data_dir;
}

void runtime_server_config(const struct runtime *rt, struct server_config *config)
{
	const struct conf *conf = rt->conf;

	config->listen = rt->listen;
	config->wires = (int)conf_int(conf, "WIRES");
	config->workers = (int)conf_int(conf, "WORKERS");
	config->queue_ceiling = 4096;
	config->drain_timeout_ms = (int)conf_int(conf, "DRAIN_TIMEOUT") * 1000;
	config->fcgi.max_params_bytes = 64 * 1024;
	config->fcgi.max_body_bytes = (size_t)conf_int(conf, "MAX_BODY_BYTES");
	config->fcgi.spool_dir = runtime_spool_dir(rt);
	config->fcgi.request_timeout_ms = (int)conf_int(conf, "REQUEST_TIMEOUT") * 1000;
	config->fcgi.max_upload_ms = 600 * 1000;
	config->fcgi.trusted_proxies = str_c(conf_text(conf, "TRUSTED_PROXIES"));
}
