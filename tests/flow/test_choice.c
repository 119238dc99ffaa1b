/* test_choice.c — keys, breakers, fallback models, conversations: who is asked, and in which order
 *
 * The upstream here is a server of the test's own: what it answers follows from the key that it is
 * shown, and it writes down which keys it saw. So each test sees from outside what was chosen.
 */
#include "crowd.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define HELLO "\"messages\":[{\"role\":\"user\",\"content\":\"hello\"}]"
#define GRANTED INT64_C(1000000000)
#define TURNS "{\"key_mode\":\"round_robin\"}"

static struct stack *s;
static struct stack_user u;

/* ---- the upstream -------------------------------------------------------------------------------
 *
 * Keys are sk-WORD-anything; the word says what happens.
 */

#define OK_BODY                                                                                    \
	"{\"id\":\"x\",\"object\":\"chat.completion\",\"choices\":[{\"index\":0,\"message\":{"     \
	"\"role\":\"assistant\",\"content\":\"hi\"},\"finish_reason\":\"stop\"}],"                 \
	"\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":5,\"total_tokens\":15}}"
#define ERROR_BODY "{\"error\":{\"message\":\"no\",\"type\":\"x\",\"code\":\"%s\"}}"
#define CHUNK                                                                                      \
	"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"abcd\"},\"finish_reason\":"     \
	"null}]}\n\n"

static struct upstream {
	int listener, port;
	pthread_t thread;
	pthread_mutex_t lock;
	char seen[4096];    /* "ok-1 bad-2 …" */
	atomic_bool mended; /* sk-down-* works */
	atomic_int slow_ms; /* sk-down-* waits first */
} up = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* clang-format off */
static const struct answer {
	const char *word;
	int status;
	const char *head, *code;
} answers[] = {
	{ "bad", 401, "", "invalid_api_key" },
	{ "poor", 402, "", "insufficient_quota" },
	{ "busy", 429, "Retry-After: 5\r\n", "rate_limit_exceeded" },
	{ "nonsense", 400, "", "bad_thing" },
	{ "lacks", 404, "", "model_not_found" },
	{ "down", 500, "", "server_error" },
};
/* clang-format on */

static const struct answer *answer_for(const char *key)
{
	for (size_t i = 0; i < COUNT_OF(answers); i++) {
		size_t n = strlen(answers[i].word);

		if (strncmp(key, answers[i].word, n) == 0 &&
		    !(strcmp(answers[i].word, "down") == 0 && atomic_load(&up.mended)))
			return &answers[i];
	}
	return NULL;
}

static void see(const char *key)
{
	size_t n;

	pthread_mutex_lock(&up.lock);
	n = strlen(up.seen);
	snprintf(up.seen + n, sizeof(up.seen) - n, "%s%s", n ? " " : "", key);
	pthread_mutex_unlock(&up.lock);
}

/* What was seen since the last time. */
static const char *seen(void)
{
	static char text[sizeof(up.seen)];

	pthread_mutex_lock(&up.lock);
	snprintf(text, sizeof(text), "%s", up.seen);
	up.seen[0] = '\0';
	pthread_mutex_unlock(&up.lock);
	return text;
}

static int count_seen(const char *all, const char *key)
{
	int n = 0;

	for (const char *p = all; (p = strstr(p, key)); p += strlen(key))
		n++;
	return n;
}

static void say(int fd, int status, const char *head, const char *body)
{
	char text[2048];
	int n = snprintf(text, sizeof(text),
	    "HTTP/1.1 %d x\r\nConnection: close\r\nContent-Type: application/json\r\n%s"
	    "Content-Length: %zu\r\n\r\n%s",
	    status, head, strlen(body), body);

	if (send(fd, text, (size_t)n, MSG_NOSIGNAL) < 0)
		return;
}

static void answer(int fd, const char *key)
{
	static const char half[] = "HTTP/1.1 200 OK\r\nConnection: close\r\n"
	                           "Content-Type: text/event-stream\r\n\r\n" CHUNK "data: {\"cho";
	const struct answer *a = answer_for(key);
	char body[256];

	if (strncmp(key, "down", 4) == 0)
		stack_sleep_ms(atomic_load(&up.slow_ms));
	if (strncmp(key, "slow", 4) == 0)
		stack_sleep_ms(3000);
	if (strncmp(key, "half", 4) == 0) {
		if (send(fd, half, sizeof(half) - 1, MSG_NOSIGNAL) >= 0)
			stack_sleep_ms(30);
		return;
	}
	if (!a) {
		say(fd, 200, "", OK_BODY);
		return;
	}
	snprintf(body, sizeof(body), ERROR_BODY, a->code);
	say(fd, a->status, a->head, body);
}

static bool whole_request(const char *text)
{
	const char *end = strstr(text, "\r\n\r\n"), *length = strcasestr(text, "content-length:");

	return end && length && strlen(end + 4) >= (size_t)strtol(length + 15, NULL, 10);
}

static void *serve_one(void *arg)
{
	int fd = *(int *)arg;
	char in[16384], key[64] = "?";
	const char *bearer;
	size_t n = 0;
	ssize_t got;

	free(arg);
	in[0] = '\0';
	while (n < sizeof(in) - 1 && (got = recv(fd, in + n, sizeof(in) - 1 - n, 0)) > 0) {
		n += (size_t)got;
		in[n] = '\0';
		if (whole_request(in))
			break;
	}
	bearer = strstr(in, "Bearer sk-");
	if (bearer)
		snprintf(key, sizeof(key), "%.*s", (int)strcspn(bearer + 10, "\r\n"), bearer + 10);
	see(key);
	answer(fd, key);
	close(fd);
	return NULL;
}

static void *serve(void *arg)
{
	pthread_attr_t detached;
	int fd;

	pthread_attr_init(&detached);
	pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
	while ((fd = accept(up.listener, NULL, NULL)) >= 0) {
		pthread_t thread;
		int *own = malloc(sizeof(*own));

		assert_non_null(own);
		*own = fd;
		assert_int_equal(pthread_create(&thread, &detached, serve_one, own), 0);
	}
	pthread_attr_destroy(&detached);
	return NULL;
}

static void start_upstream(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t n = sizeof(a);

	up.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(up.listener, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(up.listener, 64), 0);
	assert_int_equal(getsockname(up.listener, (struct sockaddr *)&a, &n), 0);
	up.port = ntohs(a.sin_port);
	assert_int_equal(pthread_create(&up.thread, NULL, serve, NULL), 0);
}

/* ---- the room ----------------------------------------------------------------------------------- */

static int set_up(void **state)
{
	static const char *const env[] = { "ENABLE_METRIC=true", NULL };

	start_upstream();
	s = stack_start(env);
	stack_option(s, "UnpricedModel", "ratio");
	return 0;
}

static int tear_down(void **state)
{
	shutdown(up.listener, SHUT_RDWR);
	pthread_join(up.thread, NULL);
	close(up.listener);
	stack_stop(s);
	return 0;
}

static int begin(void **state)
{
	u = stack_user(s, &(struct stack_person){ .quota = GRANTED });
	stack_option(s, "RetryTimes", "0");
	atomic_store(&up.mended, false);
	atomic_store(&up.slow_ms, 0);
	(void)seen();
	return 0;
}

static int end(void **state)
{
	if (!stack_wait_settled(s, 10000))
		fail_msg("reservations are left");
	books_agree(s, "at the end", u.id, GRANTED);
	return 0;
}

static int64_t channel(const char *models, const char *key, int64_t priority, const char *config)
{
	char url[64];

	snprintf(url, sizeof(url), "http://127.0.0.1:%d", up.port);
	return stack_channel(s,
	    &(struct stack_channel){ .models = models,
	        .key = key,
	        .base_url = url,
	        .priority = priority,
	        .config = config });
}

static struct stack_reply *ask(const char *model, const char *more)
{
	char body[512];

	snprintf(body, sizeof(body), "{\"model\":\"%s\",\"max_tokens\":20%s," HELLO "}", model,
	    more);
	return stack_post(s, STACK_CHAT, u.key, body);
}

static void want_seen(const char *name, const char *want)
{
	const char *got = seen();

	if (strcmp(got, want) != 0)
		fail_msg("%s: keys seen '%s', want '%s'", name, got, want);
}

static void wait_status(const char *name, int64_t id, int64_t want)
{
	int64_t until = stack_now_ms() + 60000;

	while (column_of(s, "channels", "status", id) != want) {
		if (stack_now_ms() > until)
			fail_msg("%s: the channel's status is not %d", name, (int)want);
		stack_sleep_ms(10);
	}
	stack_wait_catalog(s);
}

static void wait_parked(int64_t id, int64_t want)
{
	char sql[128];

	snprintf(sql, sizeof(sql), "SELECT count(*) FROM channel_keys WHERE channel_id = %" PRId64,
	    id);
	wait_for_number(s, sql, want);
	stack_wait_catalog(s);
}

/* ---- keys ---------------------------------------------------------------------------------------- */

/* A key that is refused goes alone; its request goes on with the next key, without RetryTimes. */
static void test_bad_key(void **state)
{
	static const char *const keys[] = { "sk-bad-1\nsk-ok-1", "sk-poor-1\nsk-ok-1" };

	for (size_t i = 0; i < COUNT_OF(keys); i++) {
		char model[16];
		int64_t id;

		snprintf(model, sizeof(model), "bad-key-%zu", i);
		id = channel(model, keys[i], 0, TURNS);
		assert_int_equal(ask(model, "")->status, 200);
		want_seen(keys[i], i == 0 ? "bad-1 ok-1" : "poor-1 ok-1");
		wait_parked(id, 1);
		assert_int_equal(column_of(s, "channels", "status", id), 1);
		for (int k = 0; k < 4; k++)
			assert_int_equal(ask(model, "")->status, 200);
		want_seen("afterwards", "ok-1 ok-1 ok-1 ok-1");
	}
	assert_int_equal(stack_sql_int(s,
	                     "SELECT count(*) FROM channel_keys WHERE cause LIKE 'status 40%' "
	                     "AND parked_at > 0 AND key_hash NOT LIKE '%bad%'"),
	    2);
	assert_true(stack_log_has(s, "event=health.key_parked"));
	assert_null(strstr(stack_log(s), "sk-bad-1"));

	/* written down: another process knows it from the first */
	assert_true(stack_wait_settled(s, 5000));
	stack_kill(s, "relay", SIGKILL);
	stack_wait_ready(s);
	for (int k = 0; k < 4; k++)
		assert_int_equal(ask("bad-key-0", "")->status, 200);
	want_seen("after a restart", "ok-1 ok-1 ok-1 ok-1");
}

/* The channel goes when its last key does, and only if the operator wants that. */
static void test_last_key(void **state)
{
	struct stack_reply *r;
	int64_t id;

	id = channel("last-key-off", "sk-bad-2\nsk-poor-2", 0, TURNS);
	r = ask("last-key-off", "");
	stack_check_error("option off", r, 502, NULL, NULL, NULL);
	want_seen("option off", "bad-2 poor-2");
	wait_parked(id, 2);
	assert_int_equal(column_of(s, "channels", "status", id), 1);
	assert_int_equal(ask("last-key-off", "")->status, 502); /* there is nothing else */
	assert_int_equal((int)strlen(seen()) > 0, 1);

	stack_option(s, "AutomaticDisableChannelEnabled", "true");
	id = channel("last-key-on", "sk-bad-3\nsk-ok-3", 0, TURNS);
	assert_int_equal(ask("last-key-on", "")->status, 200);
	wait_parked(id, 1);
	assert_int_equal(column_of(s, "channels", "status", id), 1);
	id = channel("no-key-on", "sk-bad-4\nsk-poor-4", 0, TURNS);
	assert_int_equal(ask("no-key-on", "")->status, 502);
	wait_status("option on", id, 3);
	assert_int_equal(column_of(s, "channels", "length(disabled_reason) > 0", id), 1);
	stack_option(s, "AutomaticDisableChannelEnabled", "false");
	(void)seen();
}

/* 429: that key rests as long as it is told to, and nothing is written down. */
static void test_busy_key(void **state)
{
	int64_t id = channel("busy-key", "sk-busy-5\nsk-ok-5", 0, TURNS);
	const char *all;

	for (int i = 0; i < 4; i++)
		assert_int_equal(ask("busy-key", "")->status, 200);
	want_seen("at first", "busy-5 ok-5 ok-5 ok-5 ok-5");
	stack_sleep_ms(5100);
	for (int i = 0; i < 2; i++)
		assert_int_equal(ask("busy-key", "")->status, 200);
	all = seen();
	assert_int_equal(count_seen(all, "busy-5"), 1);
	assert_int_equal(count_seen(all, "ok-5"), 2);
	wait_parked(id, 0);
}

/* Who names the channel gets its other keys, but no other channel. */
static void test_pinned_keys(void **state)
{
	int64_t id = channel("pinned-key", "sk-bad-6\nsk-ok-6", 0, TURNS);
	char key[96];

	(void)channel("pinned-key", "sk-ok-7", 9, "");
	snprintf(key, sizeof(key), STACK_ROOT_KEY "-%" PRId64, id);
	assert_int_equal(
	    stack_post(s, STACK_CHAT, key, "{\"model\":\"pinned-key\"," HELLO "}")->status, 200);
	want_seen("pinned", "bad-6 ok-6");
	wait_parked(id, 1);
}

/* ---- breakers -------------------------------------------------------------------------------------- */

/* Five failures and the next ones go elsewhere; five seconds later one asks whether it is back. */
static void test_breaker(void **state)
{
	static struct crowd all[8];
	const char *got;

	stack_option(s, "RetryTimes", "1");
	(void)channel("breaks", "sk-down-8", 5, "");
	(void)channel("breaks", "sk-ok-8", 0, "");
	for (int i = 0; i < 5; i++)
		assert_int_equal(ask("breaks", "")->status, 200);
	want_seen("closed", "down-8 ok-8 down-8 ok-8 down-8 ok-8 down-8 ok-8 down-8 ok-8");
	for (int i = 0; i < 3; i++)
		assert_int_equal(ask("breaks", "")->status, 200);
	want_seen("open", "ok-8 ok-8 ok-8");
	assert_true(stack_log_has(s, "event=breaker.open"));

	stack_sleep_ms(5100);
	atomic_store(&up.mended, true);
	atomic_store(&up.slow_ms, 3000); /* all come while it is asked */
	crowd_run(s, u.key, "{\"model\":\"breaks\",\"max_tokens\":20," HELLO "}", all,
	    COUNT_OF(all));
	assert_int_equal(crowd_count(all, COUNT_OF(all), 200, ""), COUNT_OF(all));
	got = seen();
	assert_int_equal(count_seen(got, "down-8"), 1); /* the probe */
	assert_int_equal(count_seen(got, "ok-8"), COUNT_OF(all) - 1);
	atomic_store(&up.slow_ms, 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(ask("breaks", "")->status, 200);
	want_seen("closed again", "down-8 down-8 down-8");
}

/* A breaker never refuses: what has no other channel is tried all the same. */
static void test_all_open(void **state)
{
	(void)channel("alone", "sk-down-9", 0, "");
	for (int i = 0; i < 7; i++)
		stack_check_error("alone", ask("alone", ""), 502, NULL, NULL, NULL);
	atomic_store(&up.mended, true);
	assert_int_equal(ask("alone", "")->status, 200);
	assert_int_equal(count_seen(seen(), "down-9"), 8);
}

/* Retry-After opens it at once. */
static void test_busy_channel(void **state)
{
	stack_option(s, "RetryTimes", "1");
	(void)channel("busy-channel", "sk-busy-10", 5, "");
	(void)channel("busy-channel", "sk-ok-10", 0, "");
	for (int i = 0; i < 3; i++)
		assert_int_equal(ask("busy-channel", "")->status, 200);
	want_seen("busy", "busy-10 ok-10 ok-10 ok-10");
}

/* What clients do wrong, here or at the upstream, and models that an account lacks: no matter how
 * often, the channel stays the first. */
static void test_malformed(void **state)
{
	int64_t id = channel("mine", "sk-nonsense-11", 5, ""), lacks;
	int opened = count_seen(stack_log(s), "event=breaker.open");

	(void)channel("mine", "sk-ok-11", 0, "");
	lacks = channel("lacks", "sk-lacks-11", 0, "");
	for (int i = 0; i < 25; i++) {
		assert_int_equal(ask("mine", "")->status, 400);
		assert_int_equal(stack_post(s, STACK_CHAT, u.key, "{\"model\":\"mine\"")->status,
		    400);
		assert_int_equal(ask("mine", ",\"n\":-1")->status, 400);
		assert_int_equal(ask("lacks", "")->status, 404);
	}
	assert_int_equal(count_seen(seen(), "nonsense-11"), 25);
	assert_int_equal(column_of(s, "channels", "status", id), 1);
	assert_int_equal(column_of(s, "channels", "status", lacks), 1);
	assert_int_equal(count_seen(stack_log(s), "event=breaker.open"), opened);
}

/* one-api's success rate: the last ten, fewer than eight of them good. */
static void test_metric(void **state)
{
	int64_t id = channel("rate", "sk-down-12", 0, "");

	atomic_store(&up.mended, true);
	for (int i = 0; i < 8; i++)
		assert_int_equal(ask("rate", "")->status, 200);
	atomic_store(&up.mended, false);
	for (int i = 0; i < 2; i++)
		assert_int_equal(ask("rate", "")->status, 502);
	stack_sleep_ms(200);
	assert_int_equal(column_of(s, "channels", "status", id), 1); /* 8 of 10 */
	assert_int_equal(ask("rate", "")->status, 502);              /* 7 of 10 */
	wait_status("rate", id, 3);
	assert_int_equal(column_of(s, "channels", "disabled_reason LIKE 'success rate%'", id), 1);
	(void)seen();
}

/* ---- other models ----------------------------------------------------------------------------------- */

static void test_chain(void **state)
{
	struct stack_reply *r;
	char key[64];

	stack_option(s, "ModelFallbacks",
	    "{\"first\":[\"nobody\",\"second\"],\"alias\":[\"second\"]}");
	stack_option(s, "ModelRatio", "{\"first\":1,\"second\":3}");
	stack_option(s, "CompletionRatio", "{\"first\":1,\"second\":2}");
	(void)channel("first", "sk-down-13", 0, "");
	(void)channel("second", "sk-ok-13", 0, "");

	assert_int_equal(ask("first", "")->status, 200);
	want_seen("chain", "down-13 ok-13");
	assert_true(stack_wait_settled(s, 5000));
	assert_int_equal(stack_sums(s, u.id).charged,
	    (10 + 2 * 5) * 3); /* what served is charged */
	assert_int_equal(stack_sql_int(s,
	                     "SELECT count(*) FROM logs WHERE type = 2 AND model_name = 'second' "
	                     "AND origin_model = 'first' AND attempts = 2"),
	    1);
	assert_int_equal(ask("alias", "")->status, 200);
	want_seen("alias", "ok-13");

	/* the key's list is about what is asked for */
	(void)stack_key(s, &u, "\"unlimited_quota\":true,\"models\":\"alias\"", key);
	assert_int_equal(stack_post(s, STACK_CHAT, key, "{\"model\":\"alias\"," HELLO "}")->status,
	    200);
	assert_int_equal(stack_post(s, STACK_CHAT, key, "{\"model\":\"second\"," HELLO "}")->status,
	    403);
	r = stack_http(s, &(struct stack_ask){ .path = "/v1/models", .key = key });
	assert_string_equal(stack_text(r->json, "data.0.id"), "alias");

	/* a client's mistake goes nowhere else; neither does what is pinned */
	(void)channel("mistake", "sk-nonsense-13", 0, "");
	stack_option(s, "ModelFallbacks", "{\"mistake\":[\"second\"]}");
	(void)seen();
	assert_int_equal(ask("mistake", "")->status, 400);
	want_seen("mistake", "nonsense-13");

	r = stack_root(s, "PUT", "/api/option/",
	    "{\"key\":\"ModelFallbacks\",\"value\":\"{\\\"a\\\":[\\\"b\\\"],\\\"b\\\":[\\\"a\\\"]}"
	    "\"}");
	assert_non_null(strstr(r->body.data, "\"success\":false"));
	stack_option(s, "ModelFallbacks", "");
	stack_option(s, "ModelRatio", "");
	stack_option(s, "CompletionRatio", "");
}

static void test_wildcard(void **state)
{
	(void)channel("gpt-x*", "sk-ok-wide", 9, "");
	(void)channel("gpt-x1", "sk-ok-exact", 0, "");
	assert_int_equal(ask("gpt-x1", "")->status, 200);
	assert_int_equal(ask("gpt-x2", "")->status, 200);
	want_seen("wildcard", "ok-exact ok-wide");
	assert_null(strstr(
	    stack_http(s, &(struct stack_ask){ .path = "/v1/models", .key = u.key })->body.data,
	    "gpt-x*"));
}

/* ---- conversations ----------------------------------------------------------------------------------- */

static void test_affinity(void **state)
{
	static const char next_turn[] =
	    "{\"model\":\"talk\",\"max_tokens\":20,\"messages\":[{\"role\":\"user\",\"content\":"
	    "\"hello\"},{\"role\":\"assistant\",\"content\":\"hi\"},{\"role\":\"user\","
	    "\"content\":\"go on\"}]}";
	const char *all;
	char first[64];

	(void)channel("talk", "sk-ok-a", 0, "");
	(void)channel("talk", "sk-ok-b", 0, "");
	assert_int_equal(ask("talk", "")->status, 200);
	snprintf(first, sizeof(first), "%.60s", seen());
	for (int i = 0; i < 30; i++)
		assert_int_equal(stack_post(s, STACK_CHAT, u.key, next_turn)->status, 200);
	assert_int_equal(count_seen(seen(), first), 30);

	stack_option(s, "ChannelAffinityMinutes", "0");
	for (int i = 0; i < 30; i++)
		assert_int_equal(stack_post(s, STACK_CHAT, u.key, next_turn)->status, 200);
	all = seen();
	assert_in_range(count_seen(all, "ok-a"), 1, 29); /* else once in 500 million */
	stack_option(s, "ChannelAffinityMinutes", "10");
}

/* Both are asked once; from then on the faster one, but for a few draws that fell on one twice. */
static void test_latency(void **state)
{
	const char *all;

	stack_option(s, "ChannelChoice", "latency");
	atomic_store(&up.mended, true);
	atomic_store(&up.slow_ms, 200);
	(void)channel("pace", "sk-ok-fast", 0, "");
	(void)channel("pace", "sk-down-slow", 0, "");
	for (int i = 0; i < 40; i++)
		assert_int_equal(ask("pace", "")->status, 200);
	all = seen();
	/* by chance alone 20; once in 32 draws of two the slow one is drawn five times in a row */
	assert_in_range(count_seen(all, "down-slow"), 1, 10);
	stack_option(s, "ChannelChoice", "weight");
}

/* ---- limits of one channel, and the first byte --------------------------------------------------------- */

static void test_own_limits(void **state)
{
	int64_t start;

	stack_option(s, "RetryTimes", "1");
	(void)channel("waits", "sk-slow-14", 5, "{\"first_byte_timeout\":1}");
	(void)channel("waits", "sk-ok-14", 0, "");
	start = stack_now_ms();
	assert_int_equal(ask("waits", "")->status, 200);
	assert_true(stack_now_ms() - start >= 900);
	want_seen("waits", "slow-14 ok-14");
}

/* Other keys, channels and models there are, but the client has seen the beginning. */
static void test_never_after_the_first_byte(void **state)
{
	struct stack_reply *r;

	stack_option(s, "RetryTimes", "3");
	stack_option(s, "ModelFallbacks", "{\"begun\":[\"begun-other\"]}");
	(void)channel("begun", "sk-half-15\nsk-half-16", 5, TURNS);
	(void)channel("begun,begun-other", "sk-ok-15", 0, "");
	r = ask("begun", ",\"stream\":true");
	assert_int_equal(r->status, 200);
	want_seen("begun", "half-15");
	assert_int_equal(count_seen(r->body.data, "abcd"), 1);
	assert_int_equal(count_seen(r->body.data, "data: {\"error\":"), 1);
	stack_option(s, "ModelFallbacks", "");
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, begin, end)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_bad_key),
		TEST(test_last_key),
		TEST(test_busy_key),
		TEST(test_pinned_keys),
		TEST(test_breaker),
		TEST(test_all_open),
		TEST(test_busy_channel),
		TEST(test_malformed),
		TEST(test_metric),
		TEST(test_chain),
		TEST(test_wildcard),
		TEST(test_affinity),
		TEST(test_latency),
		TEST(test_own_limits),
		TEST(test_never_after_the_first_byte),
	};

	return cmocka_run_group_tests_name("choice", tests, set_up, tear_down);
}
