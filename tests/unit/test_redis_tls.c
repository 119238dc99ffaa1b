/* test_redis_tls.c — the ways to a Redis: TLS with a certificate of our own, users, databases
 *
 * A real redis-server with a TLS port, a password, a user and a socket file; skipped aloud without
 * one, or where it was built without TLS. */
#include "../certs.h"

#include <arpa/inet.h>
#include <hiredis/hiredis.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "store/redis.h"
#include "store/redis_link.h"

static char folder[] = "/tmp/test_redis_tls.XXXXXX";
static pid_t server;
static int port;

static const char *in_folder(const char *name)
{
	static char paths[4][128];
	static int next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
	return path;
}

static void make_certificates(void)
{
	struct certs_ca ours = certs_ca("ours"), theirs = certs_ca("theirs");

	certs_write_ca(&ours, in_folder("ours.pem"));
	certs_write_ca(&theirs, in_folder("theirs.pem"));
	certs_issue(&ours, in_folder("server"), "IP:127.0.0.1,DNS:redis.example", 1);
	certs_free_ca(&ours);
	certs_free_ca(&theirs);
}

static void start_server(void)
{
	char number[16];

	snprintf(number, sizeof(number), "%d", port);
	server = fork();
	if (server == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execlp("redis-server", "redis-server", "--port", "0", "--tls-port", number,
		    "--bind", "127.0.0.1", "--tls-cert-file", in_folder("server.pem"),
		    "--tls-key-file", in_folder("server.key"), "--tls-auth-clients", "no",
		    "--unixsocket", in_folder("sock"), "--requirepass", "pass word", "--user",
		    "anna", "on", ">p@ss:w/rd", "~*", "&*", "+@all", "--save", "", "--appendonly",
		    "no", "--logfile", in_folder("log"), (char *)NULL);
		_exit(127);
	}
}

/* On a busy machine a link's short patience may end: then once more. */
static struct redis_link *open_link(const struct redis_address *at, char why[128])
{
	struct redis_link *l = NULL;

	for (int i = 0; i < 5 && !l; i++) {
		why[0] = '\0';
		l = redis_link_open(at, why);
		if (!l && !strstr(why, "no answer in time"))
			return NULL;
	}
	return l;
}

/* A command of up to three words. */
static redisReply *ask(const struct redis_address *at, struct redis_link **l, const char *verb,
    const char *key, const char *value)
{
	const char *argv[] = { verb, key, value };
	size_t lengths[] = { strlen(verb), strlen(key), value ? strlen(value) : 0 };
	redisReply *reply = NULL;
	char why[128];

	for (int i = 0; i < 5 && !reply; i++) {
		if (i > 0) {
			redis_link_free(*l);
			*l = open_link(at, why);
		}
		assert_non_null(*l);
		redis_link_add(*l, value ? 3 : 2, argv, lengths);
		reply = redis_link_reply(*l);
	}
	assert_non_null(reply);
	return reply;
}

static bool answers(void)
{
	struct redis_address at;
	struct redis_link *l;
	struct err err = { 0 };
	char url[256], why[128];

	snprintf(url, sizeof(url), "unix://:pass%%20word@%s", in_folder("sock"));
	assert_true(redis_address_read(&at, str_c(url), "", &err));
	l = redis_link_open(&at, why);
	redis_link_free(l);
	redis_address_wipe(&at);
	return l != NULL;
}

/* One of the system's choice, which nobody has now. */
static int free_port(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &n), 0);
	close(fd);
	return ntohs(at.sin_port);
}

/* Somebody may take the port before the server does: it ends then, and another is tried. */
static int begin(void **state)
{
	if (system("command -v redis-server >/dev/null") != 0) {
		print_message("no redis-server here: SKIPPED\n");
		return 0;
	}
	signal(SIGPIPE, SIG_IGN); /* as runtime.c does */
	if (!mkdtemp(folder))
		return -1;
	make_certificates();
	for (int i = 0; i < 4; i++) {
		port = free_port();
		start_server();
		for (int n = 0; n < 2000; n++) {
			usleep(30000);
			if (waitpid(server, NULL, WNOHANG) == server)
				break;
			if (answers())
				return 0;
		}
		kill(server, SIGKILL);
	}
	server = 0;
	print_message("redis-server does not start with TLS: SKIPPED\n");
	return 0;
}

static int end(void **state)
{
	char command[128];

	if (server > 0) {
		kill(server, SIGTERM);
		waitpid(server, NULL, 0);
	}
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command) == 0 ? 0 : -1;
}

static void test_ways(void **state)
{
	static const struct {
		const char *name, *url; /* PORT and SOCK stand for the server's */
		const char *ca;
		const char *fails; /* NULL: it goes */
	} cases[] = {
		{ "trusted", "rediss://:pass%20word@127.0.0.1:PORT/3", "ours.pem", NULL },
		{ "a user", "rediss://anna:p%40ss%3aw%2Frd@127.0.0.1:PORT", "ours.pem", NULL },
		{ "a user, as it stands", "rediss://anna:p@ss:w/rd@127.0.0.1:PORT", "ours.pem",
		    NULL },
		{ "another authority", "rediss://:pass%20word@127.0.0.1:PORT", "theirs.pem",
		    "TLS" },
		{ "the system's authorities", "rediss://:pass%20word@127.0.0.1:PORT", "", "TLS" },
		{ "another name", "rediss://:pass%20word@localhost:PORT", "ours.pem", "TLS: " },
		{ "TLS expected by the server", "redis://:pass%20word@127.0.0.1:PORT", "", "read" },
		{ "wrong password", "rediss://:pass@127.0.0.1:PORT", "ours.pem",
		    "AUTH: WRONGPASS" },
		{ "no password, a database", "rediss://127.0.0.1:PORT/1", "ours.pem",
		    "SELECT: NOAUTH" },
		{ "wrong user", "rediss://otto:x@127.0.0.1:PORT", "ours.pem", "AUTH: WRONGPASS" },
		{ "no such database", "rediss://:pass%20word@127.0.0.1:PORT/99", "ours.pem",
		    "SELECT" },
		{ "a socket", "unix://:pass%20word@SOCK?db=3", "", NULL },
		{ "a socket, a user", "unix://anna:p%40ss:w%2frd@SOCK", "", NULL },
	};

	if (server == 0)
		skip();
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const char *mark = strstr(cases[i].url, "PORT"),
		           *sock = strstr(cases[i].url, "SOCK");
		struct redis_address at;
		struct redis_link *l;
		struct err err = { 0 };
		char url[256], why[128] = "";
		redisReply *reply;

		if (mark)
			snprintf(url, sizeof(url), "%.*s%d%s", (int)(mark - cases[i].url),
			    cases[i].url, port, mark + 4);
		else
			snprintf(url, sizeof(url), "%.*s%s%s", (int)(sock - cases[i].url),
			    cases[i].url, in_folder("sock"), sock + 4);
		if (!redis_address_read(&at, str_c(url), *cases[i].ca ? in_folder(cases[i].ca) : "",
		        &err))
			fail_msg("%s: %s", cases[i].name, err.msg);
		l = open_link(&at, why);
		if ((l != NULL) != (cases[i].fails == NULL) ||
		    (!l && strncmp(why, cases[i].fails, strlen(cases[i].fails)) != 0))
			fail_msg("%s: got '%s', want '%s'", cases[i].name, why,
			    cases[i].fails ? cases[i].fails : "");
		if (strstr(why, "pass word") || strstr(why, "p@ss"))
			fail_msg("%s: the password is told: %s", cases[i].name, why);
		if (l) {
			reply = ask(&at, &l, "SET", "key", url);
			assert_non_null(reply);
			assert_int_equal(reply->type, REDIS_REPLY_STATUS);
			freeReplyObject(reply);
			reply = ask(&at, &l, "GET", "key", NULL);
			assert_non_null(reply);
			assert_string_equal(reply->str, url);
			freeReplyObject(reply);
		}
		redis_link_free(l);
		redis_address_wipe(&at);
	}
}

/* Two clients of different databases do not see each other's keys. */
static void test_databases(void **state)
{
	static const struct {
		int database;
		const char *want;
	} cases[] = { { 4, "four" }, { 5, "five" }, { 4, "four" } };
	struct err err = { 0 };

	if (server == 0)
		skip();
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct redis_address at;
		struct redis_link *l;
		char url[256], why[128];
		redisReply *reply;

		snprintf(url, sizeof(url), "rediss://:pass%%20word@127.0.0.1:%d/%d", port,
		    cases[i].database);
		assert_true(redis_address_read(&at, str_c(url), in_folder("ours.pem"), &err));
		l = open_link(&at, why);
		assert_non_null(l);
		reply = ask(&at, &l, i < 2 ? "SET" : "GET", "which", i < 2 ? cases[i].want : NULL);
		assert_non_null(reply);
		if (i < 2)
			assert_int_equal(reply->type, REDIS_REPLY_STATUS);
		else
			assert_string_equal(reply->str, cases[i].want);
		freeReplyObject(reply);
		redis_link_free(l);
		redis_address_wipe(&at);
	}
}

/* A reply of many TLS records, and messages that come unasked. */
static void test_much(void **state)
{
	enum { BYTES = 300000 };
	struct redis_address at;
	struct redis_link *l, *other;
	struct err err = { 0 };
	char url[256], why[128], *text = malloc(BYTES + 1);
	redisReply *reply = NULL;

	if (server == 0) {
		free(text);
		skip();
	}
	memset(text, 'x', BYTES);
	text[BYTES] = '\0';
	snprintf(url, sizeof(url), "rediss://:pass%%20word@127.0.0.1:%d/6", port);
	assert_true(redis_address_read(&at, str_c(url), in_folder("ours.pem"), &err));
	l = open_link(&at, why);
	other = open_link(&at, why);
	assert_non_null(l);
	assert_non_null(other);
	reply = ask(&at, &l, "SUBSCRIBE", "news", NULL);
	assert_non_null(reply);
	freeReplyObject(reply);
	assert_true(redis_link_hear(l, 10, &reply));
	assert_null(reply);
	reply = ask(&at, &other, "PUBLISH", "news", text);
	assert_non_null(reply);
	assert_int_equal(reply->integer, 1);
	freeReplyObject(reply);
	reply = NULL;
	for (int i = 0; i < 6000 && !reply; i++)
		assert_true(redis_link_hear(l, 10, &reply));
	assert_non_null(reply);
	assert_int_equal(reply->elements, 3);
	assert_int_equal(reply->element[2]->len, BYTES);
	freeReplyObject(reply);
	redis_link_free(l);
	redis_link_free(other);
	redis_address_wipe(&at);
	free(text);
}

struct waiting {
	struct redis_call call;
	_Atomic(int) done;
};

static void on_done(struct redis_call *call)
{
	atomic_store(&((struct waiting *)(void *)call)->done, 1);
}

/* redis.c over it: scripts are loaded and answer; one that is not trusted never is up. */
static void test_calls(void **state)
{
	static const char *const scripts[] = { "return { 7, #KEYS }", NULL };
	struct redis_setup setup = { .scripts = scripts, .channel = "", .timeout_ms = 60000 };
	struct waiting w = { 0 };
	struct redis *r;
	struct err err = { 0 };
	char url[256];

	if (server == 0)
		skip();
	snprintf(url, sizeof(url), "rediss://:pass%%20word@127.0.0.1:%d/7", port);
	setup.url = url;
	setup.ca_file = in_folder("theirs.pem");
	assert_true(redis_open(&setup, &r, &err));
	usleep(300000);
	assert_false(redis_is_up(r));
	redis_close(r);
	setup.ca_file = in_folder("ours.pem");
	assert_true(redis_open(&setup, &r, &err));
	for (int i = 0; i < 6000 && !redis_is_up(r); i++)
		usleep(10000);
	w = (struct waiting){ .call = { .argc = 4, .done = on_done } };
	w.call.argv[2] = "1";
	w.call.argv[3] = "key";
	w.call.lengths[2] = 1;
	w.call.lengths[3] = 3;
	assert_true(redis_send(r, &w.call));
	for (int i = 0; i < 60000 && !atomic_load(&w.done); i++)
		usleep(1000);
	assert_int_equal(atomic_load(&w.done), 1);
	assert_true(w.call.ok);
	assert_int_equal(w.call.values[0], 7);
	assert_int_equal(w.call.values[1], 1);
	redis_close(r);
}

static void test_certificate_files(void **state)
{
	struct redis_address at;
	struct err err = { 0 };

	assert_false(redis_address_read(&at, STR("rediss://h"), "/nonexistent/ca.pem", &err));
	assert_int_equal(err.kind, ERR_CONFIG);
	assert_non_null(strstr(err.msg, "/nonexistent/ca.pem"));
	redis_address_wipe(&at);
	assert_true(redis_address_read(&at, STR("redis://h"), "/nonexistent/ca.pem", &err));
	redis_address_wipe(&at);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ways),
		cmocka_unit_test(test_databases),
		cmocka_unit_test(test_much),
		cmocka_unit_test(test_calls),
		cmocka_unit_test(test_certificate_files),
	};

	return cmocka_run_group_tests_name("redis over TLS", tests, begin, end);
}
