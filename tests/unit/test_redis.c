/* test_redis.c — calls, scripts and nudges over a real redis-server; skipped aloud without one */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/err.h"
#include "store/redis.h"

static const char *const scripts[] = {
	"return { #KEYS, tonumber(ARGV[1]) }",
	"return redis.call('INCR', KEYS[1])",
	"redis.call('SET', KEYS[1], 'x') return redis.error_reply('no')",
	NULL,
};

/* A socket file, since any port may be somebody's; the flow tests go over TCP. */
static char path[] = "/tmp/test_redis.XXXXXX.sock";
static pid_t server;
static char url[64];
static const char *ca_file = "";

static void sleep_ms(int ms)
{
	usleep((useconds_t)ms * 1000);
}

static bool answers(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	bool ok;

	memcpy(at.sun_path, path, sizeof(path));
	ok = connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0;
	close(fd);
	return ok;
}

static void start_server(void)
{
	unlink(path);
	server = fork();
	if (server == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", path,
		    "--save", "", "--appendonly", "no", "--logfile", "/dev/null", (char *)NULL);
		_exit(127);
	}
	for (int i = 0; i < 1200 && !answers(); i++)
		sleep_ms(50);
}

static void stop_server(int signal)
{
	kill(server, signal);
	waitpid(server, NULL, 0);
}

static int begin(void **state)
{
	if (system("command -v redis-server >/dev/null") != 0) {
		print_message("no redis-server here: SKIPPED\n");
		return 0;
	}
	signal(SIGPIPE, SIG_IGN); /* as runtime.c does */
	close(mkstemps(path, 5));
	snprintf(url, sizeof(url), "unix:%s", path);
	start_server();
	return 0;
}

static int end(void **state)
{
	if (server > 0)
		stop_server(SIGTERM);
	unlink(path);
	return 0;
}

/* Up to a minute: what is waited for comes at once, or a busy machine is slow. */
static bool comes_up(struct redis *r)
{
	for (int i = 0; i < 6000 && !redis_is_up(r); i++)
		sleep_ms(10);
	return redis_is_up(r);
}

static void hear(void *arg)
{
	atomic_fetch_add((_Atomic(int) *)arg, 1);
}

/* A patience that no busy machine uses up. */
#define PATIENT_MS 60000

static struct redis *open_redis(_Atomic(int) *heard, int timeout_ms)
{
	struct redis_setup setup = { .url = url,
		.ca_file = ca_file,
		.timeout_ms = timeout_ms,
		.scripts = scripts,
		.channel = heard ? "test" : "",
		.on_nudge = hear,
		.arg = heard };
	struct redis *r;
	struct err err = { 0 };

	if (server == 0)
		skip();
	if (!redis_open(&setup, &r, &err))
		fail_msg("%s", err.msg);
	assert_true(comes_up(r));
	return r;
}

struct waiting {
	struct redis_call call;
	_Atomic(int) done;
};

static void on_done(struct redis_call *call)
{
	atomic_store(&((struct waiting *)(void *)call)->done, 1);
}

static void add(struct redis_call *call, const char *text)
{
	call->argv[call->argc] = text;
	call->lengths[call->argc++] = strlen(text);
}

static void prepare(struct waiting *w, int script)
{
	*w = (struct waiting){ .call = { .script = script, .argc = 2, .done = on_done } };
	add(&w->call, "1");
	add(&w->call, "key");
	add(&w->call, "42");
}

static void await(struct waiting *w)
{
	for (int i = 0; i < 60000 && !atomic_load(&w->done); i++)
		sleep_ms(1);
	assert_int_equal(atomic_load(&w->done), 1);
}

static void test_calls(void **state)
{
	struct redis *r = open_redis(NULL, PATIENT_MS);
	static struct waiting many[500];
	struct waiting w;

	prepare(&w, 0);
	assert_true(redis_send(r, &w.call));
	await(&w);
	assert_true(w.call.ok);
	assert_int_equal(w.call.count, 2);
	assert_int_equal(w.call.values[0], 1);
	assert_int_equal(w.call.values[1], 42);
	for (size_t i = 0; i < COUNT_OF(many); i++) {
		prepare(&many[i], 1);
		assert_true(redis_send(r, &many[i].call));
	}
	for (size_t i = 0; i < COUNT_OF(many); i++) {
		await(&many[i]);
		assert_int_equal(many[i].call.values[0], i + 1);
	}
	redis_close(r);
}

/* What follows an error answer is not mistaken for its own; the connection is made anew. */
static void test_error_answer(void **state)
{
	struct redis *r = open_redis(NULL, PATIENT_MS);
	struct waiting bad, good;

	prepare(&bad, 2);
	assert_true(redis_send(r, &bad.call));
	await(&bad);
	assert_false(bad.call.ok);
	assert_true(comes_up(r));
	prepare(&good, 0);
	assert_true(redis_send(r, &good.call));
	await(&good);
	assert_true(good.call.ok);
	redis_close(r);
}

/* A server that does not answer costs its caller a tenth of a second, and the next one nothing. It is
 * stopped: it neither answers nor comes back, however long that takes. The first connection may be
 * over before, when this machine is busy; then there is another. */
static void test_slow_server(void **state)
{
	struct redis *r = open_redis(NULL, 0);
	struct waiting slow, next;
	int64_t begun;

	do {
		kill(server, SIGCONT);
		assert_true(comes_up(r));
		kill(server, SIGSTOP);
		begun = clock_mono_ms();
		prepare(&slow, 0);
	} while (!redis_send(r, &slow.call));
	await(&slow);
	assert_false(slow.call.ok);
	assert_true(clock_mono_ms() - begun >= REDIS_TIMEOUT_MS - 10);
	prepare(&next, 0);
	assert_false(redis_send(r, &next.call));
	kill(server, SIGCONT);
	redis_close(r);
}

static void test_away_and_back(void **state)
{
	struct redis *r = open_redis(NULL, PATIENT_MS);
	struct waiting w;

	stop_server(SIGKILL);
	prepare(&w, 0);
	if (redis_send(r, &w.call)) {
		await(&w);
		assert_false(w.call.ok);
	}
	assert_false(redis_is_up(r));
	start_server();
	assert_true(comes_up(r));
	prepare(&w, 0); /* the fresh server does not know the script: it is loaded again */
	assert_true(redis_send(r, &w.call));
	await(&w);
	assert_true(w.call.ok);
	redis_close(r);
}

static void wait_heard(_Atomic(int) *heard, int want)
{
	for (int i = 0; i < 6000 && atomic_load(heard) < want; i++)
		sleep_ms(10);
	assert_int_equal(atomic_load(heard), want);
}

/* Each hears once that it has connected, then only what the other says. */
static void test_nudge(void **state)
{
	_Atomic(int) a_heard = 0, b_heard = 0;
	struct redis *a = open_redis(&a_heard, PATIENT_MS), *b = open_redis(&b_heard, PATIENT_MS);

	wait_heard(&a_heard, 1);
	wait_heard(&b_heard, 1);
	redis_publish(a);
	wait_heard(&b_heard, 2);
	redis_publish(b);
	wait_heard(&a_heard, 2);
	sleep_ms(50); /* its own would have come by now */
	assert_int_equal(a_heard, 2);
	assert_int_equal(b_heard, 2);
	redis_close(a);
	redis_close(b);
}

static void test_urls(void **state)
{
	static const struct {
		const char *url;
		bool want;
	} cases[] = {
		{ "redis://127.0.0.1:1", true },
		{ "redis://user:pa:ss@[::1]:1/15", true },
		{ "redis://secret@127.0.0.1:1", true },
		{ "unix:/nonexistent/redis.sock", true },
		{ "redis://", false },
		{ "redis://127.0.0.1:0", false },
		{ "redis://127.0.0.1:65536", false },
		{ "redis://127.0.0.1/x", false },
		{ "redis://[::1", false },
		{ "rediss://127.0.0.1:1", true },
		{ "rediss://", false },
		{ "redis://u%40x:p%3A%2f@127.0.0.1:1", true },
		{ "redis://u:p%00@127.0.0.1:1", false },
		{ "unix://user:pass@/nonexistent/redis.sock?db=3", true },
		{ "unix:///nonexistent/redis.sock", true },
		{ "unix:/nonexistent/redis.sock?db=x", false },
		{ "unix:/nonexistent/redis.sock?x=1", false },
		{ "127.0.0.1:6379", false },
		{ "unix:", false },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct redis_setup setup = { .url = cases[i].url, .channel = "" };
		struct redis *r = NULL;
		struct err err = { 0 };
		bool ok = redis_open(&setup, &r, &err);

		if (ok != cases[i].want)
			fail_msg("%s: got %d", cases[i].url, ok);
		if (ok) {
			assert_false(redis_is_up(r));
			redis_close(r);
		} else {
			assert_int_equal(err.kind, ERR_CONFIG);
		}
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_calls),
		cmocka_unit_test(test_error_answer),
		cmocka_unit_test(test_slow_server),
		cmocka_unit_test(test_away_and_back),
		cmocka_unit_test(test_nudge),
		cmocka_unit_test(test_urls),
	};

	return cmocka_run_group_tests_name("redis", tests, begin, end);
}
