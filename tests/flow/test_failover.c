/* test_failover.c — what happens when an upstream fails: the next channel, or one clean error
 *
 * Every channel points to the fake upstream and maps the model that is asked for to one that fails
 * in its own way, or to a good one; the log row says which channel served. RetryTimes is 3 unless a
 * test says otherwise.
 */
#include "crowd.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define HELLO "\"messages\":[{\"role\":\"user\",\"content\":\"hello\"}]"
#define GRANTED INT64_C(1000000000)
#define GOOD "good"
#define STREAM_HEAD "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
#define CHUNK                                                                                      \
	"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"abcd\"},\"finish_reason\":"     \
	"null}]}\n\n"

static struct stack *s;
static struct stack_user u;

static int set_up(void **state)
{
	static const char *const env[] = { "UPSTREAM_FIRST_BYTE_TIMEOUT=1",
		"UPSTREAM_IDLE_TIMEOUT=1", "UPSTREAM_CONNECT_TIMEOUT=1",
		"UPSTREAM_FIRST_TOKEN_TIMEOUT=2", NULL };

	s = stack_start(env);
	stack_option(s, "UnpricedModel", "ratio"); /* 30 a token, whatever it is called */
	stack_option(s, "RetryTimes", "3");
	return 0;
}

static int tear_down(void **state)
{
	stack_stop(s);
	return 0;
}

static int begin(void **state)
{
	u = stack_user(s, &(struct stack_person){ .quota = GRANTED });
	return 0;
}

static void wait_settled(const char *name)
{
	if (!stack_wait_settled(s, 10000))
		fail_msg("%s: reservations are left", name);
	books_agree(s, name, u.id, GRANTED);
}

/* A channel that serves model by asking for another. */
static int64_t channel_as(const char *model, const char *as, int64_t priority, int64_t weight)
{
	char mapping[256];

	snprintf(mapping, sizeof(mapping), "{\"%s\":\"%s\"}", model, as);
	return stack_channel(s,
	    &(struct stack_channel){ .models = model,
	        .mapping = mapping,
	        .priority = priority,
	        .weight = weight });
}

static struct stack_reply *ask_with(const char *key, const char *model, const char *more)
{
	char body[512];

	snprintf(body, sizeof(body), "{\"model\":\"%s\",\"max_tokens\":20%s," HELLO "}", model,
	    more);
	return stack_post(s, STACK_CHAT, key, body);
}

static struct stack_reply *ask(const char *model, const char *more)
{
	return ask_with(u.key, model, more);
}

static int64_t count_logs(int64_t channel)
{
	char sql[128];

	snprintf(sql, sizeof(sql),
	    "SELECT count(*) FROM logs WHERE type = 2 AND channel_id = %" PRId64, channel);
	return stack_sql_int(s, sql);
}

/* ---- which failures are retried ---------------------------------------------------------------
 */

/* clang-format off */
static const struct failure {
	const char *name, *model, *script, *base_url;
	bool retried;
	int status; /* for the client when there is no other channel */
	const char *code;
} failures[] = {
	{ "500", "error-500", NULL, NULL, true, 502, "upstream_error" },
	{ "502", "error-502", NULL, NULL, true, 502, "upstream_error" },
	{ "503", "error-503", NULL, NULL, true, 503, NULL },
	{ "504", "error-504", NULL, NULL, true, 504, "upstream_timeout" },
	{ "529", "error-529", NULL, NULL, true, 503, NULL },
	{ "408", "error-408", NULL, NULL, true, 504, NULL },
	{ "429", "error-429", NULL, NULL, true, 429, "rate_limit_exceeded" },
	{ "401", "error-401", NULL, NULL, true, 502, NULL },
	{ "402", "error-402", NULL, NULL, true, 502, "insufficient_quota" },
	{ "403 of a bad key", "key-403", "status 403\nbody {\"error\":{\"message\":\"no\",\"code\":\"invalid_api_key\"}}\n", NULL, true, 502, NULL },
	{ "400", "error-400", NULL, NULL, false, 400, NULL },
	{ "413", "error-413", NULL, NULL, false, 413, "request_too_large" },
	{ "422", "error-422", NULL, NULL, false, 400, NULL },
	{ "415", "error-415", NULL, NULL, false, 400, NULL },
	{ "refused", "refused", NULL, "http://127.0.0.1:1", true, 502, "upstream_unreachable" },
	{ "no such name", "no-name", NULL, "http://nobody.invalid", true, 502, "upstream_unreachable" },
	{ "resets", "reset-f", "reset\n", NULL, true, 502, "upstream_unreachable" },
	{ "stalls", "stall-f", "stall\n", NULL, true, 504, "upstream_timeout" },
	{ "not JSON, 500", "html-500", "status 500\nheader Content-Type: text/html\nbody <html>no</html>\n", NULL, true, 502, "upstream_error" },
	{ "redirects", "see-other", "status 302\nheader Location: http://127.0.0.1:1/\nbody \n", NULL, true, 502, NULL },
};
/* clang-format on */

static void try_failure(const struct failure *f, const char *more)
{
	char model[64], alone[64];
	struct stack_reply *r;
	int64_t bad, good, requests;

	snprintf(model, sizeof(model), "f-%s%s", f->model, *more ? "-stream" : "");
	snprintf(alone, sizeof(alone), "a-%s%s", f->model, *more ? "-stream" : "");
	if (f->script)
		stack_script(s, f->model, f->script);
	bad = channel_as(model, f->model, 5, 0);
	good = channel_as(model, GOOD, 0, 0);
	(void)channel_as(alone, f->model, 0, 0);
	if (f->base_url) {
		char sql[256];

		snprintf(sql, sizeof(sql),
		    "UPDATE channels SET base_url = '%s' WHERE id IN (%" PRId64 ", %" PRId64 "); "
		    "UPDATE catalog_version SET version = version + 1",
		    f->base_url, bad, good + 1);
		stack_sql(s, sql);
		stack_wait_catalog(s);
	}

	requests = stack_stats(s).requests;
	r = ask(model, more);
	if (r->status != (f->retried ? 200 : f->status))
		fail_msg("%s%s: status %d: %s", f->name, more, r->status, r->body.data);
	wait_settled(f->name);
	books_want(f->name, "served by the second", count_logs(good), f->retried);
	/* curl sends again, once, when a kept connection dies without an answer. */
	requests = stack_stats(s).requests - requests;
	if (requests != 3 || strcmp(f->name, "resets") != 0)
		books_want(f->name, "upstream requests", requests, !f->base_url + f->retried);
	if (f->retried)
		books_want(f->name, "attempts", last_log(s, "attempts"), 2);

	r = ask(alone, more);
	stack_check_error(f->name, r, f->status, NULL, f->code, NULL);
	wait_settled(f->name);
}

static void test_failures(void **state)
{
	for (size_t i = 0; i < COUNT_OF(failures); i++) {
		try_failure(&failures[i], "");
		try_failure(&failures[i], ",\"stream\":true");
	}
}

/* RetryTimes says how many further channels, and none is asked twice. */
static void test_retry_times(void **state)
{
	static const struct {
		const char *times;
		int64_t attempts;
	} cases[] = { { "0", 1 }, { "1", 2 }, { "3", 4 }, { "4", 5 }, { "20", 5 } };
	struct stack_reply *r;

	for (int i = 0; i < 5; i++)
		(void)channel_as("five", "error-500", i / 2, i);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		int64_t before;

		stack_option(s, "RetryTimes", cases[i].times);
		before = stack_stats(s).requests;
		r = ask("five", "");
		stack_check_error(cases[i].times, r, 502, NULL, "upstream_error", NULL);
		books_want(cases[i].times, "attempts", stack_stats(s).requests - before,
		    cases[i].attempts);
	}
	stack_option(s, "RetryTimes", "3");
	wait_settled("retry times");
}

/* All of a tier before the next one; the error that the client gets is that of the last. */
static void test_tiers_in_order(void **state)
{
	int64_t good;
	struct stack_reply *r;

	(void)channel_as("tiers", "error-500", 9, 0);
	(void)channel_as("tiers", "error-502", 9, 0);
	good = channel_as("tiers", GOOD, 5, 0);
	(void)channel_as("tiers", "error-400", -1, 0);
	/* Not so often that breakers open. */
	for (int i = 0; i < 4; i++) {
		assert_int_equal(ask("tiers", "")->status, 200);
		wait_settled("tiers");
		assert_int_equal(last_log(s, "channel_id"), good);
		assert_int_equal(last_log(s, "attempts"), 3);
	}
	stack_channel_delete(s, good);
	r = ask("tiers", "");
	stack_check_error("the last tier's error", r, 400, NULL, NULL, "error-400");
}

/* 400 requests on weights 3 : 1 : 0 and a lower tier. By chance alone the first misses 300 by more
 * than 60 once in 10^11. */
static void test_weights(void **state)
{
	enum { REQUESTS = 400 };
	static struct crowd all[REQUESTS];
	int64_t three = channel_as("weighted", GOOD, 5, 3),
	        one = channel_as("weighted", GOOD, 5, 1), zero = channel_as("weighted", GOOD, 5, 0),
	        lower = channel_as("weighted", GOOD, 4, 9), left = channel_as("alike", GOOD, 0, 0),
	        right = channel_as("alike", GOOD, 0, 0);

	crowd_run(s, u.key, "{\"model\":\"weighted\",\"max_tokens\":20," HELLO "}", all, REQUESTS);
	assert_int_equal(crowd_count(all, REQUESTS, 200, ""), REQUESTS);
	wait_settled("weights");
	assert_in_range(count_logs(three), 240, 360);
	assert_int_equal(count_logs(three) + count_logs(one), REQUESTS);
	assert_int_equal(count_logs(zero), 0);
	assert_int_equal(count_logs(lower), 0);

	crowd_run(s, u.key, "{\"model\":\"alike\",\"max_tokens\":20," HELLO "}", all, REQUESTS);
	assert_int_equal(crowd_count(all, REQUESTS, 200, ""), REQUESTS);
	wait_settled("alike");
	assert_in_range(count_logs(left), 140, 260);
	assert_int_equal(count_logs(left) + count_logs(right), REQUESTS);
}

/* Weight zero beside a positive one: only when that has failed. */
static void test_zero_weight(void **state)
{
	int64_t zero;

	(void)channel_as("last-resort", "error-500", 5, 1);
	zero = channel_as("last-resort", GOOD, 5, 0);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(ask("last-resort", "")->status, 200);
		wait_settled("zero weight");
		assert_int_equal(last_log(s, "channel_id"), zero);
		assert_int_equal(last_log(s, "attempts"), 2);
	}
}

/* Who picks a channel gets that one, whatever it answers. */
static void test_pinned(void **state)
{
	int64_t bad = channel_as("pinned", "error-500", 5, 0),
	        good = channel_as("pinned", GOOD, 0, 0);
	int64_t requests = stack_stats(s).requests;
	char key[96];

	snprintf(key, sizeof(key), STACK_ROOT_KEY "-%" PRId64, bad);
	stack_check_error("pinned", ask_with(key, "pinned", ""), 502, NULL, "upstream_error", NULL);
	assert_int_equal(stack_stats(s).requests, requests + 1);
	snprintf(key, sizeof(key), STACK_ROOT_KEY "-%" PRId64, good);
	assert_int_equal(ask_with(key, "pinned", "")->status, 200);
	if (!stack_wait_settled(s, 5000))
		fail_msg("pinned: reservations are left");
	assert_int_equal(last_log(s, "channel_id"), good);
}

/* Only as long as its upstream says that there is another: our own refusals never go further. */
static void test_own_errors(void **state)
{
	int64_t requests;

	(void)channel_as("mine", GOOD, 0, 0);
	(void)channel_as("mine", GOOD, 0, 0);
	requests = stack_stats(s).requests;
	stack_check_error("n", ask("mine", ",\"n\":0"), 400, NULL, NULL, NULL);
	stack_check_error("no channel", ask("nobody-has-it", ""), 503, NULL, "no_channel", NULL);
	assert_int_equal(stack_stats(s).requests, requests);
	wait_settled("own errors");
}

/* ---- an upstream that dies at every stage
 * ----------------------------------------------------------- */

/* A server that reads a request, says the same bytes each time and closes. */
static struct dying {
	int listener, port;
	pthread_t thread;
	_Atomic(const char *) says;
	atomic_bool resets;
	atomic_int served;
} dying;

static bool whole_request(const char *text)
{
	const char *end = strstr(text, "\r\n\r\n"), *length = strcasestr(text, "content-length:");

	return end && length && strlen(end + 4) >= (size_t)strtol(length + 15, NULL, 10);
}

static void serve_one(int fd)
{
	struct linger hard = { .l_onoff = 1, .l_linger = 0 };
	const char *says = atomic_load(&dying.says);
	char in[8192];
	size_t n = 0;
	ssize_t got;

	while (n < sizeof(in) - 1 && (got = recv(fd, in + n, sizeof(in) - 1 - n, 0)) > 0) {
		n += (size_t)got;
		in[n] = '\0';
		if (whole_request(in))
			break;
	}
	atomic_fetch_add(&dying.served, 1);
	if (send(fd, says, strlen(says), MSG_NOSIGNAL) >= 0)
		stack_sleep_ms(
		    atomic_load(&dying.resets) ? 400 : 0); /* it is read before a reset */
	if (atomic_load(&dying.resets))
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	close(fd);
}

static void *serve_dying(void *arg)
{
	int fd;

	while ((fd = accept(dying.listener, NULL, NULL)) >= 0)
		serve_one(fd);
	return NULL;
}

static void start_dying(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t n = sizeof(a);

	dying.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(dying.listener, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(dying.listener, 64), 0);
	assert_int_equal(getsockname(dying.listener, (struct sockaddr *)&a, &n), 0);
	dying.port = ntohs(a.sin_port);
	assert_int_equal(pthread_create(&dying.thread, NULL, serve_dying, NULL), 0);
}

static void stop_dying(void)
{
	shutdown(dying.listener, SHUT_RDWR);
	pthread_join(dying.thread, NULL);
	close(dying.listener);
}

/* clang-format off */
static const struct stage {
	const char *name, *says;
	bool stream;
	int contents; /* that reach the client before it breaks: then no other channel may follow */
} stages[] = {
	{ "before the head", "", false, 0 },
	{ "in the status line", "HTTP/1.1 2", false, 0 },
	{ "in the head", "HTTP/1.1 200 OK\r\nContent-Type: appl", false, 0 },
	{ "after the head", "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n", false, 0 },
	{ "in the body", "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"choices\":[", false, 0 },
	{ "in a chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n40\r\n{\"choices\"", false, 0 },
	{ "in an error's body", "HTTP/1.1 500 No\r\nContent-Length: 100\r\n\r\n{\"error\"", false, 0 },
	{ "not HTTP", "SSH-2.0-OpenSSH_9.2\r\n", false, 0 },
	{ "stream, before the head", "", true, 0 },
	{ "stream, in the head", "HTTP/1.1 200 OK\r\nContent-Type: text/", true, 0 },
	{ "stream, after the head", STREAM_HEAD, true, 0 },
	{ "stream, in the first event", STREAM_HEAD "data: {\"choices\":[{\"index\":0", true, 0 },
	{ "stream, after an event", STREAM_HEAD CHUNK, true, 1 },
	{ "stream, in the third event", STREAM_HEAD CHUNK CHUNK "data: {\"choi", true, 2 },
};
/* clang-format on */

/* The client's side of a stream that broke: contents, one error event, a proper end. */
static void want_error_event(const struct stage *g, const char *body)
{
	int contents = 0, errors = 0, dones = 0;

	for (const char *p = body; (p = strstr(p, "\"content\":\"abcd\"")); p++)
		contents++;
	for (const char *p = body; (p = strstr(p, "data: {\"error\":")); p++)
		errors++;
	for (const char *p = body; (p = strstr(p, "[DONE]")); p++)
		dones++;
	books_want(g->name, "contents", contents, g->contents);
	books_want(g->name, "error events", errors, 1);
	books_want(g->name, "[DONE]s", dones, 0);
}

static void try_stage(const struct stage *g, int number)
{
	const char *more = g->stream ? ",\"stream\":true" : "";
	char alone[32], both[32], url[64], mapping[64];
	struct stack_reply *r;
	int served;

	snprintf(alone, sizeof(alone), "alone-%d", number);
	snprintf(both, sizeof(both), "both-%d", number);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d", dying.port);
	snprintf(mapping, sizeof(mapping), "{\"%s\":\"" GOOD "\"}", both);
	(void)stack_channel(s, &(struct stack_channel){ .models = alone, .base_url = url });
	(void)stack_channel(s,
	    &(struct stack_channel){ .models = both, .base_url = url, .priority = 5 });
	(void)stack_channel(s, &(struct stack_channel){ .models = both, .mapping = mapping });
	atomic_store(&dying.says, g->says);

	served = atomic_load(&dying.served);
	r = ask(alone, more);
	books_want(g->name, "asked", atomic_load(&dying.served) - served, 1);
	if (g->contents) {
		books_want(g->name, "status", r->status, 200);
		want_error_event(g, r->body.data);
	} else {
		stack_check_error(g->name, r, 502, NULL, NULL, NULL);
	}
	wait_settled(g->name);

	r = ask(both, more);
	books_want(g->name, "status with a second channel", r->status, 200);
	if (g->contents)
		want_error_event(g, r->body.data);
	else if (strstr(r->body.data, "\"error\""))
		fail_msg("%s: %s", g->name, r->body.data);
	wait_settled(g->name);
	books_want(g->name, "attempts", last_log(s, "attempts"), g->contents ? 1 : 2);
}

static void test_dying(void **state)
{
	static const bool ways[] = { false, true };

	start_dying();
	for (size_t k = 0; k < COUNT_OF(ways); k++) {
		atomic_store(&dying.resets, ways[k]);
		for (size_t i = 0; i < COUNT_OF(stages); i++)
			try_stage(&stages[i], (int)(k * 100 + i));
	}
	stop_dying();
}

/* An upstream that sends comments and never begins is not silent, but late. Naive code waits as long
 * as the comments come. */
static void test_first_token(void **state)
{
	struct stack_reply *r;
	int64_t start;

	stack_script(s, "pings",
	    "header Content-Type: text/event-stream\nrepeat 100 200 : ping\\n\\n\n");
	(void)channel_as("late", "pings", 5, 0);
	(void)channel_as("late", GOOD, 0, 0);
	start = stack_now_ms();
	r = ask("late", ",\"stream\":true");
	assert_int_equal(r->status, 200);
	assert_non_null(strstr(r->body.data, "[DONE]"));
	assert_true(stack_now_ms() - start >= 1900);
	wait_settled("late");
	assert_int_equal(last_log(s, "attempts"), 2);
	/* With nobody else to ask: a clean error. */
	(void)channel_as("late-alone", "pings", 5, 0);
	r = ask("late-alone", ",\"stream\":true");
	stack_check_error("late", r, 504, "timeout_error", "upstream_timeout", "in time");
	wait_settled("late alone");
}

/* The body of an error is read as far as it can tell something. */
static void test_endless_error(void **state)
{
	int64_t before = stack_stats(s).cancelled;
	struct stack_reply *r;

	stack_script(s, "endless-error",
	    "status 500\nrepeat 200000 0 0123456789abcdef0123456789\n");
	(void)channel_as("endless-error", "endless-error", 5, 0);
	r = ask("endless-error", "");
	stack_check_error("endless", r, 502, NULL, NULL, NULL);
	for (int i = 0; i < 6000 && stack_stats(s).cancelled == before; i++)
		stack_sleep_ms(10);
	assert_int_equal(stack_stats(s).cancelled, before + 1);
	wait_settled("endless");
}

/* Two channels that cannot do it, for want of a price and of the mode, before one that can: naive
 * code ends with what the first of them lacks. */
static void test_gaps(void **state)
{
	int64_t good;

	stack_option(s, "UnpricedModel", "refuse");
	stack_option(s, "ModelRatio", "{\"" GOOD "\":1,\"error-500\":1,\"gaps\":1}");
	(void)channel_as("gaps", "error-500", 9, 0);
	(void)channel_as("gaps", "nobody-knows-its-price", 7, 0);
	(void)stack_channel(s,
	    &(struct stack_channel){ .models = "gaps", .type = 43, .priority = 6 });
	good = channel_as("gaps", GOOD, 1, 0);
	assert_int_equal(ask("gaps", "")->status, 200);
	wait_settled("gaps");
	assert_int_equal(last_log(s, "channel_id"), good);
	assert_int_equal(last_log(s, "attempts"), 2);
	stack_option(s, "ModelRatio", "");
	stack_option(s, "UnpricedModel", "ratio");
}

/* The upstream stalls in the middle: the idle limit ends it, with an error event where the client
 * has seen something, else on the next channel. */
static void test_stalls(void **state)
{
	struct stage broken = { .name = "stall in the stream", .contents = 1 };
	struct stack_reply *r;

	stack_script(s, "stall-body", "header Content-Length: 100\nbody {\"choices\":[\nstall\n");
	stack_script(s, "stall-head",
	    "header Content-Type: text/event-stream\nchunk : x\\n\\n\nstall\n");
	stack_script(s, "stall-event",
	    "event "
	    "{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"abcd\"},\"finish_reason\":null}]}"
	    "\n"
	    "stall\n");
	(void)channel_as("stalls-a", "stall-body", 5, 0);
	(void)channel_as("stalls-a", GOOD, 0, 0);
	(void)channel_as("stalls-b", "stall-head", 5, 0);
	(void)channel_as("stalls-b", GOOD, 0, 0);
	(void)channel_as("stalls-c", "stall-event", 5, 0);
	(void)channel_as("stalls-c", GOOD, 0, 0);
	assert_int_equal(ask("stalls-a", "")->status, 200);
	r = ask("stalls-b", ",\"stream\":true");
	assert_int_equal(r->status, 200);
	assert_non_null(strstr(r->body.data, "[DONE]"));
	r = ask("stalls-c", ",\"stream\":true");
	want_error_event(&broken, r->body.data);
	assert_non_null(strstr(r->body.data, "upstream_timeout"));
	wait_settled("stalls");
	assert_int_equal(last_log(s, "finish"), 1);
}

/* ---- money on the way
 * --------------------------------------------------------------------------------- */

/* The second channel's model is dearer: the reservation is raised to its price before it is called,
 * or the request refused when there is not that much. */
static void test_raise(void **state)
{
	static const char body[] = "{\"model\":\"rising\",\"max_tokens\":20," HELLO "}";
	struct stack_user poor = stack_user(s, &(struct stack_person){ .quota = 1000 });
	struct stack_reply *r;
	struct crowd one;
	int64_t cheap, dear, requests;

	stack_option(s, "ModelRatio", "{\"error-500\":1,\"slow-900\":100}");
	stack_option(s, "CompletionRatio", "{\"error-500\":1,\"slow-900\":2}");
	cheap = channel_as("rising", "error-500", 5, 0);
	dear = channel_as("rising", "slow-900", 0, 0);

	crowd_start(s, u.key, body, &one, 1);
	wait_for_number(s, "SELECT count(*) FROM reservations WHERE amount > 4000", 1);
	assert_in_range(stack_sql_int(s, "SELECT amount FROM reservations"), 4600, 5200);
	crowd_join(&one, 1);
	assert_int_equal(one.status, 200);
	wait_settled("raised");
	assert_int_equal(stack_sums(s, u.id).charged, 2400); /* (10 + 14) x 100 */
	assert_int_equal(count_logs(dear), 1);
	assert_int_equal(count_logs(cheap), 0);

	requests = stack_stats(s).requests;
	r = ask_with(poor.key, "rising", "");
	stack_check_error("too dear", r, 403, NULL, "insufficient_user_quota", NULL);
	assert_int_equal(stack_stats(s).requests, requests + 1);
	assert_true(stack_wait_settled(s, 5000));
	assert_int_equal(stack_sums(s, poor.id).quota, 1000);
	books_agree(s, "too dear", poor.id, 1000);
}

/* From a model that costs nothing to one that does, and to another that does not. */
static void test_raise_from_nothing(void **state)
{
	stack_option(s, "ModelRatio", "{\"error-500\":0,\"error-502\":0,\"" GOOD "\":2}");
	stack_option(s, "CompletionRatio", "{\"" GOOD "\":1}");
	(void)channel_as("from-nothing", "error-500", 5, 0);
	(void)channel_as("from-nothing", GOOD, 0, 0);
	assert_int_equal(ask("from-nothing", "")->status, 200);
	wait_settled("from nothing");
	assert_int_equal(stack_sums(s, u.id).charged, 34);

	(void)channel_as("to-nothing", "error-500", 5, 0);
	(void)channel_as("to-nothing", "error-502", 0, 0);
	stack_check_error("to nothing", ask("to-nothing", ""), 502, NULL, NULL, NULL);
	wait_settled("to nothing");
	assert_int_equal(stack_sums(s, u.id).charges, 1);
	stack_option(s, "ModelRatio", "");
	stack_option(s, "CompletionRatio", "");
}

/* ---- switching channels off
 * ------------------------------------------------------------------------------- */

static int64_t status_of(int64_t channel)
{
	return column_of(s, "channels", "status", channel);
}

static bool becomes_disabled(int64_t channel)
{
	int64_t until = stack_now_ms() + 60000;

	while (status_of(channel) != 3) {
		if (stack_now_ms() > until)
			return false;
		stack_sleep_ms(10);
	}
	return true;
}

static void test_disabling(void **state)
{
	/* clang-format off */
	static const struct {
		const char *name, *script;
		bool dies;
	} cases[] = {
		{ "401", "status 401\nbody {\"error\":{\"message\":\"bad key\",\"code\":\"invalid_api_key\"}}\n", true },
		{ "401 without a word", "status 401\nbody \n", true },
		{ "429 without quota", "status 429\nbody {\"error\":{\"message\":\"x\",\"type\":\"insufficient_quota\",\"code\":\"insufficient_quota\"}}\n", true },
		{ "403 deactivated", "status 403\nbody {\"error\":{\"message\":\"x\",\"code\":\"account_deactivated\"}}\n", true },
		{ "whole phrase", "status 403\nbody {\"error\":{\"message\":\"Your credit balance is too low to go on\",\"type\":\"x\"}}\n", true },
		{ "429 for a moment", "status 429\nbody {\"error\":{\"message\":\"slow down\",\"code\":\"rate_limit_exceeded\"}}\n", false },
		{ "client's words, 400", "status 400\nbody {\"error\":{\"message\":\"role 'your credit balance is too low' is invalid\"}}\n", false },
		{ "client's word credit, 429", "status 429\nbody {\"error\":{\"message\":\"credit\",\"code\":\"rate_limit_exceeded\"}}\n", false },
		{ "client's word balance, 403", "status 403\nbody {\"error\":{\"message\":\"tool balance: content is not allowed\",\"code\":\"content_filter\"}}\n", false },
		{ "500", "status 500\nbody {\"error\":{\"message\":\"organization has been disabled\"}}\n", false },
	};
	/* clang-format on */

	for (int on = 0; on < 2; on++) {
		stack_option(s, "AutomaticDisableChannelEnabled", on ? "true" : "false");
		for (size_t i = 0; i < COUNT_OF(cases); i++) {
			char model[32], name[96];
			int64_t id;
			bool want = on && cases[i].dies;

			snprintf(model, sizeof(model), "dies-%d-%zu", on, i);
			snprintf(name, sizeof(name), "%s, option %s", cases[i].name,
			    on ? "on" : "off");
			stack_script(s, model, cases[i].script);
			id = stack_channel(s, &(struct stack_channel){ .models = model });
			assert_true(ask(model, "")->status >= 400);
			if (want && !becomes_disabled(id))
				fail_msg("%s: the channel is not disabled", name);
			if (!want) {
				stack_sleep_ms(100);
				books_want(name, "status", status_of(id), 1);
				continue;
			}
			books_want(name, "length of the reason > 0",
			    column_of(s, "channels", "length(disabled_reason) > 0", id), 1);
			books_want(name, "time", column_of(s, "channels", "disabled_time > 0", id),
			    1);
			stack_wait_catalog(s);
			stack_check_error(name, ask(model, ""), 503, NULL, "no_channel", NULL);
		}
	}
	assert_true(stack_log_has(s, "event=health.disabled"));
	stack_option(s, "AutomaticDisableChannelEnabled", "false");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_failures, begin),
		cmocka_unit_test_setup(test_retry_times, begin),
		cmocka_unit_test_setup(test_tiers_in_order, begin),
		cmocka_unit_test_setup(test_weights, begin),
		cmocka_unit_test_setup(test_zero_weight, begin),
		cmocka_unit_test_setup(test_pinned, begin),
		cmocka_unit_test_setup(test_own_errors, begin),
		cmocka_unit_test_setup(test_dying, begin),
		cmocka_unit_test_setup(test_stalls, begin),
		cmocka_unit_test_setup(test_first_token, begin),
		cmocka_unit_test_setup(test_endless_error, begin),
		cmocka_unit_test_setup(test_gaps, begin),
		cmocka_unit_test_setup(test_raise, begin),
		cmocka_unit_test_setup(test_raise_from_nothing, begin),
		cmocka_unit_test_setup(test_disabling, begin),
	};

	return cmocka_run_group_tests_name("failover", tests, set_up, tear_down);
}
