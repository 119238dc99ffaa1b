/* main.c — fcgi-admin: accounts, keys, channels and settings over /api */
#include <stdio.h>
#include <string.h>

#include "access.h"
#include "admin.h"
#include "base/err.h"
#include "base/mapping.h"
#include "body.h"
#include "bootstrap.h"
#include "commands.h"
#include "mailer.h"
#include "oauth_cache.h"
#include "pager.h"
#include "reply.h"
#include "routes.h"
#include "runner.h"
#include "turnstile.h"
#include "upkeep.h"

#define RATE_CELLS 65536

/* Replies are for programs and this site's own scripts: no browser should guess their type, draw
 * them in a frame, run anything in them or hand them to another site, and a URL with a code in it
 * is nobody else's. */
#define REPLY_HEAD                                                                                 \
	"X-Content-Type-Options: nosniff\r\n"                                                      \
	"X-Frame-Options: DENY\r\n"                                                                \
	"Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n"                  \
	"Cross-Origin-Resource-Policy: same-origin\r\n"                                            \
	"Referrer-Policy: no-referrer\r\n"

/* clang-format off */
static const struct conf_key admin_keys[] = {
	{ "GLOBAL_API_RATE_LIMIT", CONF_INT, "480", 0, 1000000000, "requests to /api per client address and 180 s; 0: no limit" },
	{ "GLOBAL_WEB_RATE_LIMIT", CONF_INT, "240", 0, 1000000000, "accepted, not used: pages are served, and limited, by the web server" },
	{ "NODE_TYPE", CONF_TEXT, "master", 0, 0, "slave: this node does not make the root account" },
	{ "INITIAL_ROOT_TOKEN", CONF_TEXT, "", 0, 0, "first start: API key of root, with or without sk-" },
	{ "INITIAL_ROOT_ACCESS_TOKEN", CONF_TEXT, "", 0, 0, "first start: root's token for /api" },
	{ "INITIAL_ROOT_PASSWORD", CONF_TEXT, "", 0, 0, "first start: password of root, 8 to 72 characters; empty: random, in DATA_DIR/root-password" },
	{ "SHARED_FILE", CONF_TEXT, "", 0, 0, "memory shared with the other processes of this machine; empty: DATA_DIR/oneapi.shared; off: nothing is shared" },
	{ "TURNSTILE_URL", CONF_TEXT, TURNSTILE_DEFAULT_URL, 0, 0, "where Turnstile tokens are checked" },
	{ "CHANNEL_TEST_FREQUENCY", CONF_INT, "0", 0, 525600, "all channels are tested so often, minutes; 0: only when asked" },
	{ "CHANNEL_UPDATE_FREQUENCY", CONF_INT, "0", 0, 525600, "balances are asked for so often, minutes; 0: only when asked" },
	{ "POLLING_INTERVAL", CONF_INT, "0", 0, 3600, "seconds between two channels in such jobs; 0: four at a time" },
	{ "GITHUB_URL", CONF_TEXT, "https://github.com", 0, 0, "where users of GitHub sign in" },
	{ "GITHUB_API_URL", CONF_TEXT, "https://api.github.com", 0, 0, "where GitHub says who they are" },
	{ "LARK_URL", CONF_TEXT, "https://open.feishu.cn", 0, 0, "Lark's open platform" },
	{ "LARK_ACCOUNTS_URL", CONF_TEXT, "https://accounts.feishu.cn", 0, 0, "where users of Lark sign in" },
	{ "LARK_PASSPORT_URL", CONF_TEXT, "https://passport.feishu.cn", 0, 0, "where Lark says who they are" },
	{ "UI_VERSION", CONF_TEXT, "", 0, 0, "version in /api/status, for web pages of one-api, which compare it with their own; empty: this build's" },
	{ "TEST_PROMPT", CONF_TEXT, "Answer with the name of the model that you are and nothing else.", 0, 0, "what a channel test asks" },
	{ 0 },
};
/* clang-format on */

static bool open_local(const void *settings, void **local, struct err *err)
{
	const struct admin *admin = settings;
	struct db *db;

	if (!runtime_db(&admin->rt, &db, err))
		return false;
	*local = db;
	return true;
}

static void close_local(void *local)
{
	db_close(local);
}

static void read_conf(struct admin *admin)
{
	const struct conf *conf = admin->rt.conf;

	admin->api_limit = conf_int(conf, "GLOBAL_API_RATE_LIMIT");
	admin->ui_version = str_c(conf_text(conf, "UI_VERSION"));
	admin->test_prompt = str_c(conf_text(conf, "TEST_PROMPT"));
	admin->root_token = str_c(conf_text(conf, "INITIAL_ROOT_TOKEN"));
	admin->root_access_token = str_c(conf_text(conf, "INITIAL_ROOT_ACCESS_TOKEN"));
	admin->root_password = str_c(conf_text(conf, "INITIAL_ROOT_PASSWORD"));
	admin->ca_file = conf_text(conf, "CA_FILE");
	admin->turnstile_url = conf_text(conf, "TURNSTILE_URL");
	admin->github_url = conf_text(conf, "GITHUB_URL");
	admin->github_api_url = conf_text(conf, "GITHUB_API_URL");
	admin->lark_url = conf_text(conf, "LARK_URL");
	admin->lark_accounts_url = conf_text(conf, "LARK_ACCOUNTS_URL");
	admin->lark_passport_url = conf_text(conf, "LARK_PASSPORT_URL");
}

/* Limits are counted here, by all processes of the machine together. */
static bool open_shared(struct admin *admin, struct err *err)
{
	const char *set = conf_text(admin->rt.conf, "SHARED_FILE");
	char path[4096];
	void *cells;

	if (!*set &&
	    snprintf(path, sizeof path, "%s/oneapi.shared", admin->rt.data_dir) >= (int)sizeof path)
		return err_set(err, ERR_CONFIG, "DATA_DIR is too long");
	if (!mapping_open(strcmp(set, "off") == 0 ? "" : *set ? set : path, &admin->shared, err))
		return false;
	cells = mapping_region(admin->shared, "admin-rates", rate_table_bytes(RATE_CELLS));
	admin->rates = rate_table_at(cells, RATE_CELLS);
	return true;
}

/* What is to be done once, before the first request. */
static bool prepare_store(const struct admin *admin, struct err *err)
{
	bool master = strcmp(conf_text(admin->rt.conf, "NODE_TYPE"), "slave") != 0;
	struct db *db;
	bool ok;

	if (!runtime_db(&admin->rt, &db, err))
		return false;
	ok = !master || bootstrap(admin, db, err);
	db_close(db);
	return ok;
}

static struct runner *make_runner(const struct admin *admin)
{
	const struct conf *conf = admin->rt.conf;
	struct runner_conf how = {
		.test_every_s = 60 * (int)conf_int(conf, "CHANNEL_TEST_FREQUENCY"),
		.balance_every_s = 60 * (int)conf_int(conf, "CHANNEL_UPDATE_FREQUENCY"),
		.pause_ms = 1000 * (int)conf_int(conf, "POLLING_INTERVAL"),
		.is_leader = strcmp(conf_text(conf, "NODE_TYPE"), "slave") != 0,
	};

	return runner_new(admin, &how);
}

static bool started(struct server *server, const void *settings, struct err *err)
{
	const struct admin *admin = settings;

	return runner_start(admin->runner, server, err);
}

static void stopping(struct server *server, const void *settings)
{
	const struct admin *admin = settings;

	runner_stop(admin->runner);
}

static int serve(const struct admin *admin)
{
	struct route_table *routes = routes_table();
	struct server_config config = {
		.routes = routes,
		.admit = access_admit,
		.refuse = reply_error,
		.local_open = open_local,
		.local_close = close_local,
		.started = started,
		.stopping = stopping,
		.settings = admin,
	};
	int status;

	runtime_server_config(&admin->rt, &config);
	config.fcgi.refuse = reply_error;
	config.fcgi.head = REPLY_HEAD;
	if (config.fcgi.max_body_bytes > BODY_MAX_LARGE)
		config.fcgi.max_body_bytes = BODY_MAX_LARGE;
	status = server_run(&config);
	route_table_free(routes);
	return status;
}

int main(int argc, char **argv)
{
	static struct admin admin;
	struct upkeep *upkeep = NULL;
	struct err err = { 0 };
	int status;

	if (command_early(argc, argv, admin_keys, &status))
		return status;
	if (!runtime_open(&admin.rt, argc, argv, "fcgi-admin", admin_keys, &status))
		return status;
	if (admin.rt.argc > 0) {
		status = command_run(&admin);
		runtime_close(&admin.rt);
		return status;
	}
	if (!runtime_redis(&admin.rt, NULL, &err)) {
		fprintf(stderr, "fcgi-admin: %s\n", err.msg);
		runtime_close(&admin.rt);
		return 1;
	}
	read_conf(&admin);
	admin.oauth_cache = oauth_cache_new();
	if (open_shared(&admin, &err) && prepare_store(&admin, &err) &&
	    mailer_start(&admin, &admin.mailer, &err) && upkeep_start(&admin.rt, &upkeep, &err)) {
		admin.pager = pager_new();
		admin.runner = make_runner(&admin);
		status = serve(&admin);
		runner_free(admin.runner);
		upkeep_stop(upkeep);
		pager_free(admin.pager);
		mailer_stop(admin.mailer);
	} else {
		fprintf(stderr, "fcgi-admin: %s%s%s\n", err.msg, *err.detail ? ": " : "",
		    err.detail);
		status = 1;
	}
	rate_table_free(admin.rates);
	mapping_close(admin.shared);
	oauth_cache_free(admin.oauth_cache);
	runtime_close(&admin.rt);
	return status;
}
