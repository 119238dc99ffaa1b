/* test_limits.c — limits of keys, users, groups, addresses and channels through the real programs
 *
 * Names, values and durations of headers: OpenAI's guide on rate limits. The fake upstream reports
 * 10 tokens for the message and 7 for the reply.
 */
#include "../stack.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define SAID "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}"
#define BODY(model) "{\"model\":\"" model "\"," SAID

/* A short lease: one test kills the relay. */
static const char *const env[] = { "RESERVATION_LEASE=3", NULL };

static struct stack_user person(struct stack *s, const char *group)
{
	return stack_user(s, &(struct stack_person){ .quota = 100000000, .group = group });
}

static void set_up(struct stack *s)
{
	static bool done;

	if (done)
		return;
	done = true;
	stack_option(s, "UnpricedModel", "free");
	stack_channel(s,
	    &(struct stack_channel){ .models = "gpt-4o,slow-400,stream-100-100,gpt-4o-mini",
	        .group = "default,vip,svip" });
}

static struct stack_reply *ask_from(struct stack *s, const char *key, const char *from,
    const char *body)
{
	return stack_http(s,
	    &(struct stack_ask){ .path = STACK_CHAT, .key = key, .from = from, .body = body });
}

static void check_header(const char *name, const struct stack_reply *r, const char *header,
    const char *want)
{
	const char *got = stack_header(r, header);

	if (!got != !want || (want && strcmp(got, want) != 0))
		fail_msg("%s: %s: got %s, want %s", name, header, got ? got : "none",
		    want ? want : "none");
}

static void test_no_limits(void **state)
{
	struct stack *s = *state;
	struct stack_user u;
	struct stack_reply *r;

	set_up(s);
	u = person(s, NULL);
	r = stack_post(s, STACK_CHAT, u.key, BODY("gpt-4o"));
	assert_int_equal(r->status, 200);
	check_header("no limits", r, "x-ratelimit-limit-requests", NULL);
	check_header("no limits", r, "x-ratelimit-limit-tokens", NULL);
}

/* ---- requests ------------------------------------------------------------------------------- */

static void test_scopes(void **state)
{
	static const struct {
		const char *scope, *option;
		const char *group, *from;
	} cases[] = {
		{ "key", "{\"key\":{\"rpm\":2}}", NULL, "192.0.2.1" },
		{ "user", "{\"user\":{\"rpm\":2}}", NULL, "192.0.2.2" },
		{ "user", "{\"user\":{\"rpm\":900},\"user@vip\":{\"rpm\":2}}", "vip", "192.0.2.3" },
		{ "group", "{\"group\":{\"rpm\":900},\"group:vip\":{\"rpm\":2}}", "vip",
		    "192.0.2.4" },
		{ "address", "{\"address\":{\"rpm\":2}}", NULL, "192.0.2.5" },
		{ "address", "{\"address\":{\"rpm\":2}}", NULL, "2001:db8::5" },
	};
	struct stack *s = *state;

	set_up(s);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct stack_user u = person(s, cases[i].group);
		char text[64];
		struct stack_reply *r;
		const char *wait;

		stack_option(s, "RateLimits", cases[i].option);
		for (int n = 0; n < 2; n++) {
			r = ask_from(s, u.key, cases[i].from, BODY("gpt-4o"));
			if (r->status != 200)
				fail_msg("%s %d: status %d, want 200: %s", cases[i].option, n,
				    r->status, r->body.data);
			check_header(cases[i].option, r, "x-ratelimit-limit-requests", "2");
			check_header(cases[i].option, r, "x-ratelimit-remaining-requests",
			    n == 0 ? "1" : "0");
			check_header(cases[i].option, r, "x-ratelimit-limit-tokens", NULL);
			if (n == 0)
				check_header(cases[i].option, r, "x-ratelimit-reset-requests",
				    "30s");
		}
		r = ask_from(s, u.key, cases[i].from, BODY("gpt-4o"));
		snprintf(text, sizeof(text), "this %s on requests per min (RPM): limit 2",
		    cases[i].scope);
		stack_check_error(cases[i].option, r, 429, "requests", "rate_limit_exceeded", text);
		check_header(cases[i].option, r, "x-ratelimit-remaining-requests", "0");
		wait = stack_header(r, "Retry-After");
		if (!wait || atol(wait) < 20 || atol(wait) > 30)
			fail_msg("%s: Retry-After: got %s, want 20 to 30", cases[i].option,
			    wait ? wait : "none");
	}
	stack_option(s, "RateLimits", "");
}

/* Each key by itself; a row in the table counts instead of the option. */
static void test_rows(void **state)
{
	struct stack *s = *state;
	struct stack_user u;
	char other[64], path[64];
	int got[2] = { 0, 0 };

	set_up(s);
	u = person(s, NULL);
	stack_key(s, &u, "\"remain_quota\":1000000", other);
	stack_api(s, "PUT", "/api/limit/",
	    "{\"scope\":\"key\",\"subject\":\"%" PRId64 "\",\"rpm\":3}", u.key_id);
	stack_option(s, "RateLimits", "{\"key\":{\"rpm\":1}}");
	for (int i = 0; i < 5; i++) {
		got[0] += stack_post(s, STACK_CHAT, u.key, BODY("gpt-4o"))->status == 200;
		got[1] += stack_post(s, STACK_CHAT, other, BODY("gpt-4o"))->status == 200;
	}
	assert_int_equal(got[0], 3);
	assert_int_equal(got[1], 1);
	assert_string_equal(stack_text(stack_api(s, "GET", "/api/limit/", NULL), "0.scope"), "key");
	snprintf(path, sizeof(path), "/api/limit/key/%" PRId64, u.key_id);
	stack_api(s, "DELETE", path, NULL);
	assert_int_equal(stack_sql_int(s, "SELECT COUNT(*) FROM limits"), 0);
	stack_option(s, "RateLimits", "");
}

/* What is refused later, before an upstream was asked, gives back what it took. */
static void test_given_back(void **state)
{
	struct stack *s = *state;
	struct stack_user u;
	int64_t asked;

	set_up(s);
	u = person(s, NULL);
	stack_option(s, "RateLimits",
	    "{\"address\":{\"rpm\":1000},\"user\":{\"rpm\":2},\"key\":{\"rpm\":900}}");
	for (int i = 0; i < 4; i++)
		assert_int_equal(stack_post(s, STACK_CHAT, u.key, BODY("no-such-model"))->status,
		    503);
	asked = stack_stats(s).requests;
	assert_int_equal(stack_post(s, STACK_CHAT, u.key, BODY("gpt-4o"))->status, 200);
	assert_int_equal(stack_post(s, STACK_CHAT, u.key, BODY("gpt-4o"))->status, 200);
	assert_int_equal(stack_post(s, STACK_CHAT, u.key, BODY("gpt-4o"))->status, 429);
	assert_int_equal(stack_stats(s).requests - asked, 2);
	stack_option(s, "RateLimits", "");
}

static void test_upstreams_headers(void **state)
{
	struct stack *s = *state;
	struct stack_user u;
	struct stack_reply *r;

	set_up(s);
	u = person(s, NULL);
	stack_script(s, "gpt-4o-mini",
	    "header x-ratelimit-limit-requests: 9999\nheader x-ratelimit-reset-tokens: 6m0s\n"
	    "body "
	    "{\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"x\"},"
	    "\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1}}"
	    "\n");
	r = stack_post(s, STACK_CHAT, u.key, BODY("gpt-4o-mini"));
	assert_int_equal(r->status, 200);
	check_header("theirs", r, "x-ratelimit-limit-requests", "9999");
	stack_option(s, "RateLimits", "{\"key\":{\"rpm\":60}}");
	r = stack_post(s, STACK_CHAT, u.key, BODY("gpt-4o-mini"));
	check_header("ours", r, "x-ratelimit-limit-requests", "60");
	check_header("ours", r, "x-ratelimit-remaining-requests", "59");
	check_header("ours", r, "x-ratelimit-reset-requests", "1s");
	check_header("ours", r, "x-ratelimit-reset-tokens", NULL);
	assert_null(stack_header_n(r, "x-ratelimit-limit-requests", 1));
	stack_option(s, "RateLimits", "");
}

static void test_streams_have_headers(void **state)
{
	struct stack *s = *state;
	struct stack_user u;
	struct stack_stream st;

	set_up(s);
	u = person(s, NULL);
	stack_option(s, "RateLimits", "{\"key\":{\"rpm\":60,\"tpm\":60000}}");
	assert_true(stack_stream_open(s,
	    &(struct stack_ask){ .path = STACK_CHAT,
	        .key = u.key,
	        .body = "{\"model\":\"gpt-4o\",\"stream\":true,\"max_tokens\":100," SAID },
	    &st));
	assert_int_equal(st.reply.status, 200);
	check_header("stream", &st.reply, "x-ratelimit-limit-requests", "60");
	check_header("stream", &st.reply, "x-ratelimit-limit-tokens", "60000");
	assert_true(stack_stream_drain(&st, 60000) > 0);
	stack_stream_close(&st, false);
	stack_option(s, "RateLimits", "");
}

/* ---- tokens --------------------------------------------------------------------------------- */

static int64_t left(const struct stack_reply *r)
{
	const char *text = stack_header(r, "x-ratelimit-remaining-tokens");

	return text ? atoll(text) : -1;
}

/* Taken as declared, corrected to the 17 that were used. */
static void test_tokens(void **state)
{
	static const char hundred[] = "{\"model\":\"gpt-4o\",\"max_tokens\":100," SAID;
	static const char thousand[] = "{\"model\":\"gpt-4o\",\"max_tokens\":1000," SAID;
	static const char *const options[] = { "{\"key\":{\"tpd\":1000}}",
		"{\"key\":{\"tpm\":500000,\"tpd\":1000}}" };
	struct stack *s = *state;

	set_up(s);
	for (size_t i = 0; i < COUNT_OF(options); i++) {
		struct stack_user u = person(s, NULL);
		struct stack_reply *r;
		int64_t first, second;

		stack_option(s, "RateLimits", options[i]);
		r = stack_post(s, STACK_CHAT, u.key, hundred);
		assert_int_equal(r->status, 200);
		check_header(options[i], r, "x-ratelimit-limit-tokens", "1000");
		first = left(r); /* 900 less the prompt as we count it */
		if (first < 870 || first >= 900)
			fail_msg("%s: first: got %" PRId64 " left, want 870 to 899", options[i],
			    first);
		assert_true(stack_wait_settled(s, 2000));
		r = stack_post(s, STACK_CHAT, u.key, hundred);
		second = left(r);
		if (second != first - 17)
			fail_msg("%s: second: got %" PRId64 " left, want %" PRId64, options[i],
			    second, first - 17);
		r = stack_post(s, STACK_CHAT, u.key, thousand);
		stack_check_error(options[i], r, 429, "tokens", "rate_limit_exceeded",
		    "request too large for this key on tokens per day (TPD): limit 1000");
		check_header(options[i], r, "Retry-After", NULL);
	}
	stack_option(s, "RateLimits", "");
}

/* ---- at the same time ----------------------------------------------------------------------- */

static void open_stream(struct stack *s, const char *key, struct stack_stream *st)
{
	assert_true(stack_stream_open(s,
	    &(struct stack_ask){ .path = STACK_CHAT,
	        .key = key,
	        .body = "{\"model\":\"stream-100-100\",\"stream\":true," SAID },
	    st));
}

static void wait_status(struct stack *s, const char *key, const char *model_body, int status)
{
	int got = 0;

	for (int64_t until = stack_now_ms() + 60000; stack_now_ms() < until; stack_sleep_ms(50)) {
		got = stack_post(s, STACK_CHAT, key, model_body)->status;
		if (got == status)
			return;
	}
	fail_msg("got status %d for a minute, want %d", got, status);
}

static void test_parallel(void **state)
{
	struct stack *s = *state;
	struct stack_user u;
	struct stack_stream a, b;

	set_up(s);
	u = person(s, NULL);
	stack_option(s, "RateLimits", "{\"key\":{\"parallel\":2}}");
	open_stream(s, u.key, &a);
	open_stream(s, u.key, &b);
	assert_int_equal(a.reply.status, 200);
	assert_int_equal(b.reply.status, 200);
	stack_check_error("third", stack_post(s, STACK_CHAT, u.key, BODY("gpt-4o")), 429,
	    "requests", "rate_limit_exceeded", "requests at the same time: limit 2");
	stack_stream_close(&a, true);
	wait_status(s, u.key, BODY("gpt-4o"), 200);
	stack_stream_close(&b, true);
	stack_option(s, "RateLimits", "");
}

static void test_killed_relay(void **state)
{
	struct stack *s = *state;
	struct stack_user u;
	struct stack_stream a, b;
	char command[400];

	set_up(s);
	u = person(s, NULL);
	stack_option(s, "RateLimits", "{\"key\":{\"parallel\":2}}");
	open_stream(s, u.key, &a);
	open_stream(s, u.key, &b);
	assert_int_equal(stack_post(s, STACK_CHAT, u.key, BODY("gpt-4o"))->status, 429);
	stack_kill(s, "relay", SIGKILL);
	stack_wait_ready(s);
	/* The file was not made anew: what the dead one counted is in it, and was taken back. */
	snprintf(command, sizeof(command), "test -s %s/oneapi.shared", s->data_dir);
	assert_int_equal(system(command), 0);
	assert_int_equal(stack_post(s, STACK_CHAT, u.key, BODY("gpt-4o"))->status, 200);
	stack_stream_close(&a, false);
	stack_stream_close(&b, false);
	assert_true(stack_wait_settled(s, 20000));
	stack_option(s, "RateLimits", "");
}

/* ---- budgets -------------------------------------------------------------------------------- */

static int64_t sum(struct stack *s, const char *column, const char *scope, int64_t id)
{
	char sql[200];

	snprintf(sql, sizeof(sql),
	    "SELECT COALESCE(SUM(%s), 0) FROM budget_sums WHERE scope = '%s' AND subject = "
	    "'%" PRId64 "'",
	    column, scope, id);
	return stack_sql_int(s, sql);
}

static void test_budget(void **state)
{
	struct stack *s = *state;
	struct stack_user u;
	struct stack_sums sums;
	struct stack_reply *r = NULL;
	int served = 0;

	set_up(s);
	u = person(s, NULL);
	/* gpt-4o: ratio 1.25, completion 4, so 10 and 7 tokens cost 48; room for a few of them */
	stack_option(s, "RateLimits",
	    "{\"user\":{\"budget_day\":3000,\"timezone\":\"Europe/Berlin\"},"
	    "\"key\":{\"budget_week\":900000,\"budget_month\":900000}}");
	for (int i = 0; i < 100 && (!r || r->status == 200); i++) {
		r = stack_post(s, STACK_CHAT, u.key, BODY("gpt-4o"));
		assert_true(stack_wait_settled(s, 2000));
		served += r->status == 200;
	}
	stack_check_error("used up", r, 429, "insufficient_quota", "budget_exceeded",
	    "budget of this user for this day is used up");
	assert_non_null(stack_header(r, "Retry-After"));
	assert_in_range(served, 1, 99);
	sums = stack_sums(s, u.id);
	assert_int_equal(sum(s, "spent", "user", u.id), sums.charged);
	assert_int_equal(sum(s, "spent", "key", u.key_id), 2 * sums.charged); /* week and month */
	assert_int_equal(sum(s, "reserved", "user", u.id), 0);
	assert_true(sums.charged <= 3000 && sums.charged > 0);
	stack_option(s, "RateLimits", "");
	assert_int_equal(stack_post(s, STACK_CHAT, u.key, BODY("gpt-4o"))->status, 200);
}

/* ---- channels ------------------------------------------------------------------------------- */

static int64_t slow_channel(struct stack *s, const char *models, int64_t priority)
{
	return stack_channel(s,
	    &(struct stack_channel){ .models = models, .group = "svip", .priority = priority });
}

static void limit_channel(struct stack *s, int64_t id, const char *rule)
{
	char text[200];

	snprintf(text, sizeof(text), "{\"channel:%" PRId64 "\":{%s}}", id, rule);
	stack_option(s, "RateLimits", text);
}

static int64_t served_by(struct stack *s, int64_t channel)
{
	char sql[128];

	assert_true(stack_wait_settled(s, 2000));
	snprintf(sql, sizeof(sql),
	    "SELECT COUNT(*) FROM logs WHERE type = 2 AND channel_id = %" PRId64, channel);
	return stack_sql_int(s, sql);
}

static void test_channel_is_passed_over(void **state)
{
	struct stack *s = *state;
	struct stack_user u;
	int64_t first, second;
	struct stack_reply *r;

	set_up(s);
	u = person(s, "svip");
	first = slow_channel(s, "error-200", 9);
	second = slow_channel(s, "error-200", 1);
	stack_script(s, "error-200",
	    "body "
	    "{\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"x\"},"
	    "\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1}}"
	    "\n");
	limit_channel(s, first, "\"rpm\":2");
	for (int i = 0; i < 5; i++)
		assert_int_equal(stack_post(s, STACK_CHAT, u.key, BODY("error-200"))->status, 200);
	assert_int_equal(served_by(s, first), 2);
	assert_int_equal(served_by(s, second), 3);
	stack_channel_delete(s, second);
	r = stack_post(s, STACK_CHAT, u.key, BODY("error-200"));
	stack_check_error("alone", r, 429, "requests", "rate_limit_exceeded", "this channel");
	assert_non_null(stack_header(r, "Retry-After"));
	stack_channel_delete(s, first);
	stack_option(s, "RateLimits", "");
}

/* One request in a thread of its own. */
struct shot {
	struct stack *s;
	const char *key, *body;
	int delay_ms, status;
	int64_t done_ms;
	pthread_t thread;
};

static void *shoot(void *arg)
{
	struct shot *shot = arg;

	stack_sleep_ms(shot->delay_ms);
	shot->status = stack_post(shot->s, STACK_CHAT, shot->key, shot->body)->status;
	shot->done_ms = stack_now_ms();
	return NULL;
}

static void test_wait_line(void **state)
{
	enum { SHOTS = 4 };
	struct stack *s = *state;
	struct shot shots[SHOTS];
	struct stack_user u;
	int64_t channel, began;

	set_up(s);
	u = person(s, "svip");
	channel = slow_channel(s, "slow-1500", 0);
	stack_option(s, "ChannelWait", "30");
	limit_channel(s, channel, "\"parallel\":1");
	began = stack_now_ms();
	for (int i = 0; i < SHOTS; i++) {
		shots[i] = (struct shot){ .s = s,
			.key = u.key,
			.body = BODY("slow-1500"),
			.delay_ms = i * 500 };
		pthread_create(&shots[i].thread, NULL, shoot, &shots[i]);
	}
	for (int i = 0; i < SHOTS; i++)
		pthread_join(shots[i].thread, NULL);
	for (int i = 0; i < SHOTS; i++) {
		if (shots[i].status != 200)
			fail_msg("request %d: got %d, want 200", i, shots[i].status);
		/* first come, first served */
		if (i && shots[i].done_ms < shots[i - 1].done_ms)
			fail_msg("request %d: done %" PRId64 " ms before the one before it", i,
			    shots[i - 1].done_ms - shots[i].done_ms);
	}
	/* and one after the other */
	assert_true(shots[SHOTS - 1].done_ms - began >= SHOTS * 1500);
	stack_channel_delete(s, channel);
	stack_option(s, "ChannelWait", "0");
	stack_option(s, "RateLimits", "");
}

static void test_wait_ends(void **state)
{
	struct stack *s = *state;
	struct stack_user u;
	struct stack_stream busy, gone;
	struct stack_reply *r;
	int64_t channel, begun;

	set_up(s);
	u = person(s, "svip");
	channel = slow_channel(s, "stream-90-100", 0);
	stack_option(s, "ChannelWait", "2");
	limit_channel(s, channel, "\"parallel\":1");
	assert_true(stack_stream_open(s,
	    &(struct stack_ask){ .path = STACK_CHAT,
	        .key = u.key,
	        .body = "{\"model\":\"stream-90-100\",\"stream\":true," SAID },
	    &busy));
	/* A client that leaves the line: what it held goes, nobody behind waits for it. */
	stack_stream_send(s,
	    &(struct stack_ask){ .path = STACK_CHAT, .key = u.key, .body = BODY("stream-90-100") },
	    0, &gone);
	stack_sleep_ms(500);
	stack_stream_close(&gone, true);
	stack_sleep_ms(1000); /* else the next one would find somebody in the line */
	begun = stack_now_ms();
	r = stack_post(s, STACK_CHAT, u.key, BODY("stream-90-100"));
	stack_check_error("time is up", r, 429, "requests", "rate_limit_exceeded", "this channel");
	assert_non_null(stack_header(r, "Retry-After"));
	assert_true(stack_now_ms() - begun >= 1900);
	stack_stream_close(&busy, true);
	wait_status(s, u.key, BODY("stream-90-100"), 200);
	for (int i = 0; i < 6000 && stack_stats(s).in_flight; i++)
		stack_sleep_ms(10);
	assert_int_equal(stack_stats(s).in_flight, 0);
	stack_channel_delete(s, channel);
	stack_option(s, "ChannelWait", "0");
	stack_option(s, "RateLimits", "");
}

/* A channel that becomes free while one waits is taken, though the first one still is busy. */
static void test_wait_prefers_free(void **state)
{
	struct stack *s = *state;
	struct stack_user u;
	struct stack_stream busy;
	struct shot shot;
	int64_t first, second;
	char text[200];

	set_up(s);
	u = person(s, "svip");
	first = slow_channel(s, "stream-60-100,error-200", 5);
	second = slow_channel(s, "error-200,slow-500", 1);
	stack_option(s, "ChannelWait", "5");
	snprintf(text, sizeof(text),
	    "{\"channel:%" PRId64 "\":{\"parallel\":1},\"channel:%" PRId64 "\":{\"parallel\":1}}",
	    first, second);
	stack_option(s, "RateLimits", text);
	assert_true(stack_stream_open(s,
	    &(struct stack_ask){ .path = STACK_CHAT,
	        .key = u.key,
	        .body = "{\"model\":\"stream-60-100\",\"stream\":true," SAID },
	    &busy));
	shot = (struct shot){ .s = s, .key = u.key, .body = BODY("slow-500") };
	pthread_create(&shot.thread, NULL, shoot, &shot);
	stack_sleep_ms(150);
	assert_int_equal(stack_post(s, STACK_CHAT, u.key, BODY("error-200"))->status, 200);
	pthread_join(shot.thread, NULL);
	assert_int_equal(shot.status, 200);
	stack_stream_close(&busy, true);
	assert_int_equal(served_by(s, second), 2);
	stack_channel_delete(s, first);
	stack_channel_delete(s, second);
	stack_option(s, "ChannelWait", "0");
	stack_option(s, "RateLimits", "");
}

/* ---- a wrong option -------------------------------------------------------------------------- */

static void test_option_is_checked(void **state)
{
	static const struct {
		const char *value, *want;
	} cases[] = {
		{ "[]", "must be a JSON object" },
		{ "{\\\"kye\\\":{}}", "'kye' is none of" },
		{ "{\\\"key\\\":{\\\"rps\\\":1}}", "'key' has no setting 'rps'" },
		{ "{\\\"key\\\":{\\\"rpm\\\":-1}}", "'key': rpm must be a whole number" },
		{ "{\\\"key\\\":{\\\"rpm\\\":1.5}}", "'key': rpm must be a whole number" },
		{ "{\\\"channel:x\\\":{}}", "'channel:x' is none of" },
		{ "{\\\"channel\\\":{\\\"budget_day\\\":-1}}", "'channel': budget_day must be" },
		{ "{\\\"user\\\":{\\\"timezone\\\":\\\"Mars\\\"}}", "no time zone 'Mars'" },
	};
	struct stack *s = *state;

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char body[256];
		struct stack_reply *r;

		snprintf(body, sizeof(body), "{\"key\":\"RateLimits\",\"value\":\"%s\"}",
		    cases[i].value);
		r = stack_root(s, "PUT", "/api/option/", body);
		if (!strstr(stack_text(r->json, "message"), cases[i].want))
			fail_msg("%s: got '%s', want '%s'", cases[i].value,
			    stack_text(r->json, "message"), cases[i].want);
	}
}

/* ---- Redis ----------------------------------------------------------------------------------- */

static pid_t redis_start(int port)
{
	char text[16];
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		snprintf(text, sizeof(text), "%d", port);
		execlp("redis-server", "redis-server", "--port", text, "--bind", "127.0.0.1",
		    "--save", "", "--appendonly", "no", "--logfile", "/dev/null", (char *)NULL);
		_exit(127);
	}
	return pid;
}

static void redis_stop(pid_t pid, int signal)
{
	kill(pid, signal);
	waitpid(pid, NULL, 0);
}

static bool answers(int port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	bool ok;

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ok = connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0;
	close(fd);
	return ok;
}

/* Skips aloud where there is no Redis. Another program may take a port before it: then the next. */
static pid_t redis_somewhere(int *port)
{
	if (system("command -v redis-server >/dev/null") != 0) {
		print_message("no redis-server here: SKIPPED\n");
		skip();
	}
	for (int i = 0; i < 5; i++) {
		pid_t pid;

		*port = stack_free_port();
		pid = redis_start(*port);
		for (int n = 0; n < 1200; n++) {
			stack_sleep_ms(50);
			if (waitpid(pid, NULL, WNOHANG) == pid)
				break;
			if (answers(*port))
				return pid;
		}
	}
	fail_msg("redis-server does not start");
	return 0;
}

static void wait_log(struct stack *s, const char *text)
{
	if (!stack_log_has(s, text))
		fail_msg("the log does not say '%s'", text);
}

/* Two stacks stand for two machines: their first users and keys have the same ids, and so are the
 * same subjects in Redis. */
static void test_redis(void **state)
{
	char url[64];
	const char *const shared[] = { url, "REDIS_TIMEOUT_MS=30000", NULL };
	struct stack *one, *two;
	struct stack_user a, b;
	struct stack_stream st;
	pid_t redis;
	int port;

	redis = redis_somewhere(&port);
	snprintf(url, sizeof(url), "REDIS_CONN_STRING=redis://127.0.0.1:%d/0", port);
	one = stack_start(shared);
	two = stack_start(shared);
	stack_option(one, "UnpricedModel", "free");
	stack_option(two, "UnpricedModel", "free");
	stack_channel(one, &(struct stack_channel){ .models = "gpt-4o,stream-100-100" });
	stack_channel(two, &(struct stack_channel){ .models = "gpt-4o,stream-100-100" });
	a = person(one, NULL);
	b = person(two, NULL);
	assert_int_equal(a.key_id, b.key_id);
	wait_log(one, "redis.up");
	wait_log(two, "redis.up");

	/* requests: four in all */
	stack_option(one, "RateLimits", "{\"key\":{\"rpm\":4}}");
	stack_option(two, "RateLimits", "{\"key\":{\"rpm\":4}}");
	for (int i = 0; i < 2; i++) {
		struct stack_reply *r = stack_post(one, STACK_CHAT, a.key, BODY("gpt-4o"));

		assert_int_equal(r->status, 200);
		check_header("one", r, "x-ratelimit-remaining-requests", i ? "1" : "3");
		r = stack_post(two, STACK_CHAT, b.key, BODY("gpt-4o"));
		assert_int_equal(r->status, 200);
		check_header("two", r, "x-ratelimit-remaining-requests", i ? "0" : "2");
	}
	stack_check_error("fifth", stack_post(one, STACK_CHAT, a.key, BODY("gpt-4o")), 429,
	    "requests", "rate_limit_exceeded", "limit 4");
	stack_check_error("sixth", stack_post(two, STACK_CHAT, b.key, BODY("gpt-4o")), 429,
	    "requests", "rate_limit_exceeded", "limit 4");

	/* places */
	stack_option(one, "RateLimits", "{\"key\":{\"parallel\":1}}");
	stack_option(two, "RateLimits", "{\"key\":{\"parallel\":1}}");
	open_stream(one, a.key, &st);
	assert_int_equal(st.reply.status, 200);
	assert_int_equal(stack_post(two, STACK_CHAT, b.key, BODY("gpt-4o"))->status, 429);
	stack_stream_close(&st, true);
	wait_status(two, b.key, BODY("gpt-4o"), 200);

	/* away: each counts by itself */
	stack_option(one, "RateLimits", "{\"key\":{\"rpm\":1}}");
	redis_stop(redis, SIGKILL);
	assert_int_equal(stack_post(one, STACK_CHAT, a.key, BODY("gpt-4o"))->status, 200);
	assert_int_equal(stack_post(one, STACK_CHAT, a.key, BODY("gpt-4o"))->status, 429);
	wait_log(one, "redis.away");

	/* and back */
	redis = redis_start(port);
	for (int64_t until = stack_now_ms() + 60000; stack_now_ms() < until; stack_sleep_ms(100)) {
		const char *log = strstr(stack_log(one), "redis.away");

		if (log && strstr(log, "redis.up"))
			break;
	}
	wait_status(one, a.key, BODY("gpt-4o"), 200); /* a fresh Redis has forgotten */
	stack_stop(two);
	stack_stop(one);
	redis_stop(redis, SIGTERM);
}

/* A change is known at once, not at the next poll. */
static void test_redis_push(void **state)
{
	char url[64];
	const char *const slow_poll[] = { url, "REDIS_TIMEOUT_MS=30000", "CATALOG_POLL_MS=60000",
		NULL };
	struct stack *s;
	struct stack_user u;
	pid_t redis;
	int port;
	int64_t begun;

	redis = redis_somewhere(&port);
	snprintf(url, sizeof(url), "REDIS_CONN_STRING=redis://127.0.0.1:%d", port);
	s = stack_start(slow_poll);
	begun = stack_now_ms();
	stack_channel(s, &(struct stack_channel){ .models = "gpt-4o" });
	u = person(s, NULL);
	wait_status(s, u.key, BODY("gpt-4o"), 200);
	assert_in_range(stack_now_ms() - begun, 0, 50000);
	stack_stop(s);
	redis_stop(redis, SIGTERM);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_limits),
		cmocka_unit_test(test_scopes),
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_given_back),
		cmocka_unit_test(test_upstreams_headers),
		cmocka_unit_test(test_streams_have_headers),
		cmocka_unit_test(test_tokens),
		cmocka_unit_test(test_parallel),
		cmocka_unit_test(test_killed_relay),
		cmocka_unit_test(test_budget),
		cmocka_unit_test(test_channel_is_passed_over),
		cmocka_unit_test(test_wait_line),
		cmocka_unit_test(test_wait_ends),
		cmocka_unit_test(test_wait_prefers_free),
		cmocka_unit_test(test_option_is_checked),
		cmocka_unit_test(test_redis),
		cmocka_unit_test(test_redis_push),
	};

	return stack_run("limits", tests, COUNT_OF(tests), env);
}
