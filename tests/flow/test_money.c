/* test_money.c — that what a request costs is reserved before and settled after it, exactly
 *
 * The fake upstream reports 10 prompt tokens for each message and 7 for the reply, unless a script
 * says otherwise, so every charge below is worked out by hand from relay.md 9:
 *
 *	quota = ceil((prompt + completion × completion ratio) × model ratio × group ratio)
 *
 * One-api's races (relay.md 9.6), each with the test that naive code fails:
 *	R1	read the balance, then take from it: test_limited_key, test_limited_user
 *	R2	nothing is reserved for the rich: test_rich_user
 *	R3	a cached balance that falls by estimates only: test_balance_is_true
 *	R4	changes kept in memory for seconds: test_balance_is_true, test_crash.c
 *	R5	a settlement that dies with the process: test_crash.c, test_drain there
 *	R6	an edit writes back what it read before: test_edits_lose_nothing
 *	R7	a key deleted in flight is not charged: test_gone_in_flight
 *	R8	tables changed while they are read: test_live_change, test_options_in_flight (TSan)
 */
#include "crowd.h"

#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "../fcgi_client.h"

#define HELLO "\"messages\":[{\"role\":\"user\",\"content\":\"hello\"}]"
#define CROWD 500
/* (10 + 7 × 2) × 1 */
#define SLOW_CHARGE 24
#define SLOW_MODEL_RATIO "\"slow-700\":1,\"slow-4000\":1,\"slow-12000\":1,"
#define SLOW_COMPLETION_RATIO "\"slow-700\":2,\"slow-4000\":2,\"slow-12000\":2,"

static struct stack *s;
static int64_t channel;
static struct crowd all[CROWD];

/* Long enough that everybody has asked before the first is done. */
static const char *slow_body(void)
{
	return strcmp(stack_mode(s), "release") == 0
	    ? "{\"model\":\"slow-4000\",\"max_tokens\":20," HELLO "}"
	    : "{\"model\":\"slow-12000\",\"max_tokens\":20," HELLO "}";
}

static int set_up(void **state)
{
	s = stack_start(NULL);
	stack_option(s, "ModelRatio", "{" SLOW_MODEL_RATIO "\"gpt-4o\":1.25}");
	stack_option(s, "CompletionRatio", "{" SLOW_COMPLETION_RATIO "\"gpt-4o\":4}");
	channel = stack_channel(s,
	    &(struct stack_channel){ .models = "slow-700,slow-4000,slow-12000,gpt-4o" });
	return 0;
}

static int tear_down(void **state)
{
	stack_stop(s);
	return 0;
}

static struct stack_user person(int64_t quota, const char *key_json)
{
	return stack_user(s, &(struct stack_person){ .quota = quota, .key_json = key_json });
}

static void wait_settled(const char *name)
{
	if (!stack_wait_settled(s, 10000))
		fail_msg("%s: reservations are left", name);
}

/* Waits until that many reservations are open. */
static void wait_reserved(int64_t n)
{
	int64_t until = stack_now_ms() + 60000;

	while (stack_sql_int(s, "SELECT count(*) FROM reservations") != n) {
		if (stack_now_ms() > until)
			fail_msg("%" PRId64 " reservations, want %" PRId64,
			    stack_sql_int(s, "SELECT count(*) FROM reservations"), n);
		stack_sleep_ms(5);
	}
}

/* What slow_body reserves: (prompt + 20 × 2) × 1. The prompt is 5 letters, a role and what the chat
 * format adds, 6 to 12 tokens however it is counted. */
static int64_t hold_of_slow_body(void)
{
	static int64_t hold;
	struct stack_user u;
	struct crowd one;

	if (hold)
		return hold;
	u = person(1000, NULL);
	crowd_start(s, u.key, slow_body(), &one, 1);
	wait_reserved(1);
	hold = stack_sql_int(s, "SELECT amount FROM reservations");
	crowd_join(&one, 1);
	assert_int_equal(one.status, 200);
	wait_settled("hold");
	assert_in_range(hold, 40 + 6, 40 + 12);
	return hold;
}

/* ---- many at once --------------------------------------------------------------------------- */

struct watch {
	atomic_bool stop;
	int64_t lowest;
	char sql[200];
	pthread_t thread;
};

static void *watch_balance(void *arg)
{
	struct watch *w = arg;

	while (!atomic_load(&w->stop)) {
		int64_t now = stack_sql_int(s, w->sql);

		if (now < w->lowest)
			w->lowest = now;
		stack_sleep_ms(10);
	}
	return NULL;
}

static void run_watched(const struct stack_user *u, int64_t *lowest)
{
	struct watch w = { .lowest = INT64_MAX };

	snprintf(w.sql, sizeof(w.sql),
	    "SELECT min(quota, remain_quota) FROM users, tokens WHERE users.id = %" PRId64
	    " AND tokens.id = %" PRId64,
	    u->id, u->key_id);
	assert_int_equal(pthread_create(&w.thread, NULL, watch_balance, &w), 0);
	crowd_run(s, u->key, slow_body(), all, CROWD);
	atomic_store(&w.stop, true);
	pthread_join(w.thread, NULL);
	*lowest = w.lowest;
}

static void check_crowd(const char *name, const char *code)
{
	books_want(name, "requests served", (int64_t)crowd_count(all, CROWD, 200, ""), 100);
	books_want(name, "requests refused", (int64_t)crowd_count(all, CROWD, 403, code), 400);
	wait_settled(name);
}

/* 500 at once on a key that can pay for 100 and a half. */
static void test_limited_key(void **state)
{
	int64_t granted = hold_of_slow_body() * 100 + hold_of_slow_body() / 2, lowest;
	struct stack_user u;
	char json[64];

	snprintf(json, sizeof(json), "\"remain_quota\":%" PRId64, granted);
	u = person(1000000, json);
	run_watched(&u, &lowest);
	check_crowd("limited key", "pre_consume_token_quota_failed");
	assert_true(lowest >= 0);
	books_agree(s, "limited key", u.id, 1000000);
	books_agree_of_key(s, "limited key", u.key_id, granted);
	assert_int_equal(stack_sums(s, u.id).charged, 100 * SLOW_CHARGE);
	assert_int_equal(stack_sums(s, u.id).request_count, 100);
}

/* The same where the key has no limit of its own and the user has. */
static void test_limited_user(void **state)
{
	int64_t granted = hold_of_slow_body() * 100 + hold_of_slow_body() / 2, lowest;
	struct stack_user u = person(granted, NULL);

	stack_sql(s, "UPDATE tokens SET remain_quota = 1000 WHERE unlimited_quota = 1");
	run_watched(&u, &lowest);
	check_crowd("limited user", "insufficient_user_quota");
	assert_true(lowest >= 0);
	books_agree(s, "limited user", u.id, granted);
	assert_int_equal(stack_sums(s, u.id).charged, 100 * SLOW_CHARGE);
	/* An unlimited key counts what it used and loses nothing. */
	assert_int_equal(column_of(s, "tokens", "used_quota", u.key_id), 100 * SLOW_CHARGE);
	assert_int_equal(column_of(s, "tokens", "remain_quota", u.key_id), 1000);
}

/* R2: whoever has a hundred times what a request may cost reserves it all the same. Naive code takes
 * nothing from him, so that any number of requests passes at once. */
static void test_rich_user(void **state)
{
	struct stack_user u = person(INT64_C(1000000000), NULL);
	int64_t hold = hold_of_slow_body();

	crowd_start(s, u.key, slow_body(), all, 50);
	wait_reserved(50);
	assert_int_equal(stack_sums(s, u.id).reserved, 50 * hold);
	assert_int_equal(stack_sums(s, u.id).quota, INT64_C(1000000000) - 50 * hold);
	crowd_join(all, 50);
	assert_int_equal(crowd_count(all, 50, 200, ""), 50);
	wait_settled("rich");
	assert_int_equal(stack_sums(s, u.id).charged, 50 * SLOW_CHARGE);
	books_agree(s, "rich", u.id, INT64_C(1000000000));
}

/* R3, R4: what the next request may spend is what the last one left, at once and to the last quota.
 * A balance that falls by estimates refuses the first of these users after seven requests, one that
 * is written back seconds later lets the second go on for free. */
static void test_balance_is_true(void **state)
{
	struct stack_user large = person(3000, NULL), small = person(100, NULL);
	struct stack_reply *r = NULL;
	int served = 0;

	/* 400 x 4 x 1.25 are held each time, 48 charged. */
	for (int i = 0; i < 20; i++) {
		r = stack_post(s, STACK_CHAT, large.key,
		    "{\"model\":\"gpt-4o\",\"max_tokens\":400," HELLO "}");
		if (r->status != 200)
			fail_msg("request %d: status %d: %s", i, r->status, r->body.data);
	}
	wait_settled("large estimates");
	assert_int_equal(stack_sums(s, large.id).quota, 3000 - 20 * 48);
	books_agree(s, "large estimates", large.id, 3000);

	for (; served < 10; served++) {
		r = stack_post(s, STACK_CHAT, small.key,
		    "{\"model\":\"gpt-4o\",\"max_tokens\":1," HELLO "}");
		if (r->status != 200)
			break;
	}
	assert_int_equal(r->status, 403);
	assert_string_equal(stack_text(r->json, "error.code"), "insufficient_user_quota");
	assert_in_range(served, 2, 3);
	wait_settled("small estimates");
	assert_int_equal(stack_sums(s, small.id).charged, 48 * served);
	books_agree(s, "small estimates", small.id, 100);
}

/* R8: every price is replaced again and again while it is read; each request is charged by the one
 * or the other. Naive code fills the table that others read. */
static void test_options_in_flight(void **state)
{
	enum { REQUESTS = 100, ROUNDS = 6 };
	static const char body[] = "{\"model\":\"gpt-4o\",\"max_tokens\":20," HELLO "}";
	struct stack_user u = person(10000000, NULL);

	for (int round = 0; round < ROUNDS; round++) {
		crowd_start(s, u.key, body, all, REQUESTS);
		stack_option(s, "CompletionRatio",
		    round % 2 ? "{" SLOW_COMPLETION_RATIO "\"gpt-4o\":4}"
		              : "{" SLOW_COMPLETION_RATIO "\"gpt-4o\":2}");
		crowd_join(all, REQUESTS);
		assert_int_equal(crowd_count(all, REQUESTS, 200, ""), REQUESTS);
	}
	wait_settled("options in flight");
	assert_int_equal(stack_sums(s, u.id).charges, ROUNDS * REQUESTS);
	/* (10 + 7 x 4) x 1.25 or (10 + 7 x 2) x 1.25 */
	assert_int_equal(stack_sql_int(s,
	                     "SELECT count(*) FROM logs WHERE user_id = (SELECT max(id) "
	                     "FROM users) AND type = 2 AND quota NOT IN (48, 30)"),
	    0);
	books_agree(s, "options in flight", u.id, 10000000);
}

/* A key whose last quota is held by running requests is refused meanwhile, and works again when
 * they have given back what they did not use. */
static void test_key_held_to_zero(void **state)
{
	int64_t granted = hold_of_slow_body() * 3;
	struct stack_user u;
	struct stack_reply *r;
	char json[64];

	snprintf(json, sizeof(json), "\"remain_quota\":%" PRId64, granted);
	u = person(1000000, json);
	crowd_start(s, u.key, slow_body(), all, 3);
	wait_reserved(3);
	assert_int_equal(column_of(s, "tokens", "remain_quota", u.key_id), 0);
	r = stack_post(s, STACK_CHAT, u.key, slow_body());
	assert_int_equal(r->status, 401);
	assert_string_equal(stack_text(r->json, "error.code"), "token_exhausted");
	crowd_join(all, 3);
	assert_int_equal(crowd_count(all, 3, 200, ""), 3);
	wait_settled("held to zero");
	assert_int_equal(stack_post(s, STACK_CHAT, u.key, slow_body())->status, 200);
	wait_settled("held to zero");
	books_agree_of_key(s, "held to zero", u.key_id, granted);
}

/* No max_tokens: the part that was not declared is taken even below zero, and the next request is
 * refused (relay.md P2). */
static void test_undeclared_overshoot(void **state)
{
	struct stack_user u;
	struct stack_reply *r;

	stack_option(s, "PreConsumedQuota", "0");
	stack_script(s, "talkative",
	    "body "
	    "{\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"a\"},"
	    "\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":"
	    "990,"
	    "\"total_tokens\":1000}}\n");
	stack_option(s, "ModelRatio", "{" SLOW_MODEL_RATIO "\"talkative\":1}");
	stack_option(s, "CompletionRatio", "{" SLOW_COMPLETION_RATIO "\"talkative\":1}");
	stack_channel(s, &(struct stack_channel){ .models = "talkative" });
	u = person(300, "\"remain_quota\":200");
	assert_int_equal(
	    stack_post(s, STACK_CHAT, u.key, "{\"model\":\"talkative\"," HELLO "}")->status, 200);
	wait_settled("overshoot");
	assert_int_equal(stack_sums(s, u.id).quota, 300 - 1000);
	assert_int_equal(column_of(s, "tokens", "remain_quota", u.key_id), 200 - 1000);
	r = stack_post(s, STACK_CHAT, u.key, "{\"model\":\"talkative\"," HELLO "}");
	assert_int_equal(r->status, 401);
	books_agree(s, "overshoot", u.id, 300);
	stack_option(s, "PreConsumedQuota", "500");
}

/* ---- what it costs ----------------------------------------------------------------------- */

/* clang-format off */
static const struct price_case {
	const char *name, *model, *model_ratio, *completion_ratio;
	const char *group;
	int64_t prompt, completion; /* as the upstream reports */
	int64_t want;
} price_cases[] = {
	{ "one to one", "p-a", "1", "1", "default", 1000, 500, 1500 },
	{ "output dearer", "p-b", "1", "4", "default", 1000, 500, 3000 },
	{ "rounded up once", "p-c", "1.25", "4", "default", 10, 7, 48 },    /* 47.5 */
	{ "rounded up from a hair", "p-d", "0.000001", "1", "default", 10, 7, 1 },
	{ "a million of a millionth", "p-d2", "0.000001", "1", "default", 1000000, 1, 2 },
	{ "no float: 30 x 0.1", "p-e", "0.1", "1", "default", 20, 10, 3 },  /* 3.0000000000000004 */
	{ "no float: 10 x 1.1", "p-f", "1.1", "1", "default", 9, 1, 11 },   /* 11.000000000000002 */
	{ "half a group", "p-g", "30", "2", "half", 10, 7, 360 },           /* 24 x 30 x 0.5 */
	{ "third of a group", "p-h", "1", "1", "third", 10, 7, 6 },         /* 17 x 0.333333 = 5.67 */
	{ "group for free", "p-i", "30", "2", "free", 10, 7, 0 },
	{ "model for free", "p-j", "0", "2", "default", 10, 7, 0 },
	{ "output for free", "p-k", "1", "0", "default", 10, 7, 10 },
	{ "half a token", "p-l", "0.5", "0", "default", 1, 7, 1 },
	{ "dear", "p-m", "1000000", "1000000", "default", 1, 1, 1000001000000 },
	{ "priced for this type", "p-n", "7", "1", "default", 10, 7, 119 }, /* p-n(1), see below */
	{ "suffix dropped", "qwen-p-internet", "2", "1", "default", 10, 7, 34 },
};
/* clang-format on */

static void set_price_options(void)
{
	struct buf models = buf_init(65536), completions = buf_init(65536);

	buf_add_c(&models, "{" SLOW_MODEL_RATIO "\"p-n\":1,\"p-n(1)\":7,\"qwen-p\":2");
	buf_add_c(&completions, "{" SLOW_COMPLETION_RATIO "\"qwen-p\":1");
	for (size_t i = 0; i < COUNT_OF(price_cases); i++) {
		const struct price_case *c = &price_cases[i];

		if (strncmp(c->model, "p-n", 3) != 0 && strncmp(c->model, "qwen", 4) != 0)
			buf_addf(&models, ",\"%s\":%s", c->model, c->model_ratio);
		if (strncmp(c->model, "qwen", 4) != 0)
			buf_addf(&completions, ",\"%s\":%s", c->model, c->completion_ratio);
	}
	buf_add_c(&models, "}");
	buf_add_c(&completions, "}");
	stack_option(s, "ModelRatio", models.data);
	stack_option(s, "CompletionRatio", completions.data);
	stack_option(s, "GroupRatio",
	    "{\"default\":1,\"half\":0.5,\"third\":0.333333,\"free\":0,\"vip\":1,\"svip\":1}");
	buf_release(&models);
	buf_release(&completions);
}

static void play_price_case(const struct price_case *c)
{
	char script[512];

	snprintf(script, sizeof(script),
	    "body "
	    "{\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"a\"},"
	    "\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":%" PRId64
	    ",\"completion_tokens\":%" PRId64 ",\"total_tokens\":%" PRId64 "}}\n",
	    c->prompt, c->completion, c->prompt + c->completion);
	stack_script(s, c->model, script);
	stack_channel(s,
	    &(struct stack_channel){ .models = c->model, .group = "default,half,third,free" });
}

static void test_prices(void **state)
{
	set_price_options();
	for (size_t i = 0; i < COUNT_OF(price_cases); i++) {
		const struct price_case *c = &price_cases[i];
		struct stack_user u = stack_user(s,
		    &(struct stack_person){ .quota = INT64_C(1) << 49, .group = c->group });
		struct stack_reply *r;
		struct stack_sums sums;
		char body[256];

		play_price_case(c);
		snprintf(body, sizeof(body), "{\"model\":\"%s\",\"max_tokens\":1," HELLO "}",
		    c->model);
		r = stack_post(s, STACK_CHAT, u.key, body);
		if (r->status != 200)
			fail_msg("%s: status %d: %s", c->name, r->status, r->body.data);
		wait_settled(c->name);
		sums = stack_sums(s, u.id);
		books_want(c->name, "charge", sums.charged, c->want);
		books_want(c->name, "number of charges", sums.charges, 1);
		books_want(c->name, "prompt tokens", last_log(s, "prompt_tokens"), c->prompt);
		books_want(c->name, "completion tokens", last_log(s, "completion_tokens"),
		    c->completion);
		books_want(c->name, "finish", last_log(s, "finish"), 0);
		books_agree(s, c->name, u.id, INT64_C(1) << 49);
	}
}

/* The price of a mapped request is that of the model that served it. */
static void test_mapped_price(void **state)
{
	struct stack_user u = person(1000, NULL);

	stack_option(s, "ModelRatio", "{" SLOW_MODEL_RATIO "\"cheap\":1,\"dear\":10}");
	stack_option(s, "CompletionRatio", "{" SLOW_COMPLETION_RATIO "\"cheap\":1,\"dear\":1}");
	stack_channel(s,
	    &(struct stack_channel){ .models = "cheap", .mapping = "{\"cheap\":\"dear\"}" });
	assert_int_equal(
	    stack_post(s, STACK_CHAT, u.key, "{\"model\":\"cheap\",\"max_tokens\":1," HELLO "}")
	        ->status,
	    200);
	wait_settled("mapped");
	assert_int_equal(stack_sums(s, u.id).charged, 170);
	books_agree(s, "mapped", u.id, 1000);
}

/* An option that is saved counts for the next request; a running one keeps the price it began
 * with. */
static void test_live_change(void **state)
{
	static const char body[] = "{\"model\":\"slow-700\",\"max_tokens\":20," HELLO "}";
	struct stack_user u = person(1000000, NULL);

	stack_option(s, "ModelRatio", "{" SLOW_MODEL_RATIO "\"gpt-4o\":1}");
	stack_option(s, "GroupRatio", "{\"default\":1}");
	crowd_start(s, u.key, body, all, 1);
	wait_reserved(1);
	stack_option(s, "ModelRatio", "{\"slow-700\":3}");
	crowd_join(all, 1);
	wait_settled("live");
	assert_int_equal(last_log(s, "quota"), 24);
	assert_int_equal(last_log(s, "model_ratio"), 1000000);

	assert_int_equal(stack_post(s, STACK_CHAT, u.key, body)->status, 200);
	wait_settled("live");
	assert_int_equal(last_log(s, "quota"), 72);

	stack_option(s, "GroupRatio", "{\"default\":2}");
	assert_int_equal(stack_post(s, STACK_CHAT, u.key, body)->status, 200);
	wait_settled("live");
	assert_int_equal(last_log(s, "quota"), 144);
	assert_int_equal(last_log(s, "group_ratio"), 2000000);

	stack_option(s, "CompletionRatio", "{\"slow-700\":0.5}");
	assert_int_equal(stack_post(s, STACK_CHAT, u.key, body)->status, 200);
	wait_settled("live");
	assert_int_equal(last_log(s, "quota"), 81); /* 13.5 x 3 x 2 */

	stack_option(s, "GroupRatio", "{\"default\":1,\"vip\":1,\"svip\":1}");
	stack_option(s, "ModelRatio", "{" SLOW_MODEL_RATIO "\"gpt-4o\":1.25}");
	stack_option(s, "CompletionRatio", "{" SLOW_COMPLETION_RATIO "\"gpt-4o\":4}");
	books_agree(s, "live", u.id, 1000000);
}

static void test_without_price(void **state)
{
	static const char body[] = "{\"model\":\"no-price-known\",\"max_tokens\":1," HELLO "}";
	struct stack_user u = person(100000, NULL);
	struct stack_reply *r;
	int64_t requests;

	stack_channel(s, &(struct stack_channel){ .models = "no-price-known" });
	requests = stack_stats(s).requests;
	r = stack_post(s, STACK_CHAT, u.key, body);
	assert_int_equal(r->status, 503);
	assert_string_equal(stack_text(r->json, "error.code"), "model_price_missing");
	assert_int_equal(stack_stats(s).requests, requests);
	assert_int_equal(stack_sums(s, u.id).quota, 100000);
	assert_int_equal(stack_sums(s, u.id).reservations, 0);

	stack_option(s, "UnpricedModel", "free");
	assert_int_equal(stack_post(s, STACK_CHAT, u.key, body)->status, 200);
	wait_settled("free");
	assert_int_equal(stack_sums(s, u.id).charges, 1);
	assert_int_equal(stack_sums(s, u.id).charged, 0);

	stack_option(s, "UnpricedModel", "ratio");
	assert_int_equal(stack_post(s, STACK_CHAT, u.key, body)->status, 200);
	wait_settled("ratio");
	assert_int_equal(stack_sums(s, u.id).charged, 17 * 30);
	stack_option(s, "UnpricedModel", "refuse");
	books_agree(s, "without price", u.id, 100000);
}

/* ---- requests that fail -------------------------------------------------------------------- */

static void test_failures_release(void **state)
{
	/* clang-format off */
	static const struct {
		const char *name, *model, *script, *base_url;
		int want;
	} cases[] = {
		{ "upstream 400", "error-400", NULL, NULL, 400 },
		{ "upstream 401", "error-401", NULL, NULL, 502 },
		{ "upstream 500", "error-500", NULL, NULL, 502 },
		{ "refused", "f-refused", NULL, "http://127.0.0.1:1", 502 },
		{ "cut before the head", "f-cut", "cut\n", NULL, 502 },
		{ "cut in the body", "f-half", "header Content-Length: 100\nbody {\"a\":\ncut\n", NULL, 502 },
		{ "an error with status 200", "f-200", "body {\"error\":{\"message\":\"no\",\"type\":\"x\"}}\n", NULL, 502 },
		{ "no such host", "f-host", NULL, "http://nobody.invalid", 502 },
	};
	/* clang-format on */
	static const char *const streams[] = { "false", "true" };
	struct stack_user u = person(100000, "\"remain_quota\":50000");
	struct buf ratios = buf_init(4096);

	buf_add_c(&ratios, "{" SLOW_MODEL_RATIO "\"gpt-4o\":1.25");
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		buf_addf(&ratios, ",\"%s\":1", cases[i].model);
	buf_add_c(&ratios, "}");
	stack_option(s, "ModelRatio", ratios.data);
	for (size_t i = 0; i < 2 * COUNT_OF(cases); i++) {
		struct stack_reply *r;
		char body[256];
		size_t at = i / 2;

		if (cases[at].script)
			stack_script(s, cases[at].model, cases[at].script);
		if (i % 2 == 0)
			stack_channel(s,
			    &(struct stack_channel){ .models = cases[at].model,
			        .base_url = cases[at].base_url });
		snprintf(body, sizeof(body), "{\"model\":\"%s\",\"stream\":%s," HELLO "}",
		    cases[at].model, streams[i % 2]);
		r = stack_post(s, STACK_CHAT, u.key, body);
		books_want(cases[at].name, "status", r->status, cases[at].want);
		wait_settled(cases[at].name);
		books_want(cases[at].name, "quota left", stack_sums(s, u.id).quota, 100000);
		books_want(cases[at].name, "quota of the key",
		    column_of(s, "tokens", "remain_quota", u.key_id), 50000);
		books_want(cases[at].name, "charges", stack_sums(s, u.id).charges, 0);
	}
	buf_release(&ratios);
	stack_option(s, "ModelRatio", "{" SLOW_MODEL_RATIO "\"gpt-4o\":1.25}");
}

/* ---- streams ------------------------------------------------------------------------------- */

/* Reads a stream to its end; how many events had a "usage" in them. */
static int stream_usages(const char *key, const char *body)
{
	struct stack_ask ask = { .path = STACK_CHAT, .key = key, .body = body };
	struct stack_stream st;
	enum stack_next next;
	int usages = 0;

	assert_true(stack_stream_open(s, &ask, &st));
	assert_int_equal(st.reply.status, 200);
	while ((next = stack_stream_next(&st, 60000)) == STACK_EVENT)
		usages += strstr(st.event.data, "\"usage\"") != NULL;
	assert_int_equal(next, STACK_END);
	stack_stream_close(&st, false);
	return usages;
}

/* Usage is always asked for; the client sees it only when it asked as well. */
static void test_stream_by_usage(void **state)
{
	struct stack_user u = person(100000, NULL);

	assert_int_equal(stream_usages(u.key, "{\"model\":\"gpt-4o\",\"stream\":true," HELLO "}"),
	    0);
	wait_settled("usage");
	assert_int_equal(stack_sums(s, u.id).charged, 48); /* (10 + 28) x 1.25 */
	assert_int_equal(last_log(s, "finish"), 0);
	assert_int_equal(last_log(s, "is_stream"), 1);

	assert_int_equal(stream_usages(u.key,
	                     "{\"model\":\"gpt-4o\",\"stream\":true,\"stream_options\":"
	                     "{\"include_usage\":true}," HELLO "}"),
	    1);
	wait_settled("usage");
	assert_int_equal(stack_sums(s, u.id).charged, 96);
	books_agree(s, "stream by usage", u.id, 100000);
}

/* 80 times " hello" in the stream, which is one token in every encoding. */
static void test_stream_by_count(void **state)
{
	struct stack_user u = person(100000, NULL);
	struct buf script = buf_init(65536);
	int64_t prompt, completion;

	for (int i = 0; i < 40; i++)
		buf_add_c(&script,
		    "event {\"choices\":[{\"index\":0,\"delta\":{\"content\":\" hello hello\"},"
		    "\"finish_reason\":null}]}\n");
	buf_add_c(&script,
	    "event {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n"
	    "event [DONE]\n");
	stack_script(s, "uncounted", script.data);
	buf_release(&script);
	stack_option(s, "ModelRatio", "{" SLOW_MODEL_RATIO "\"gpt-4o\":1.25,\"uncounted\":1}");
	stack_option(s, "CompletionRatio", "{" SLOW_COMPLETION_RATIO "\"uncounted\":3}");
	stack_channel(s, &(struct stack_channel){ .models = "uncounted" });

	assert_int_equal(
	    stream_usages(u.key, "{\"model\":\"uncounted\",\"stream\":true," HELLO "}"), 0);
	wait_settled("count");
	prompt = last_log(s, "prompt_tokens");
	completion = last_log(s, "completion_tokens");
	assert_in_range(prompt, 6, 12);
	assert_int_equal(completion, 80);
	assert_int_equal(last_log(s, "finish"), 2);
	assert_int_equal(stack_sums(s, u.id).charged, prompt + 3 * completion);
	books_agree(s, "stream by count", u.id, 100000);
	stack_option(s, "ModelRatio", "{" SLOW_MODEL_RATIO "\"gpt-4o\":1.25}");
	stack_option(s, "CompletionRatio", "{" SLOW_COMPLETION_RATIO "\"gpt-4o\":4}");
}

/* ---- changes while requests run -------------------------------------------------------------- */

static void delete_key(const struct stack_user *u)
{
	char path[64];

	snprintf(path, sizeof(path), "/api/token/%" PRId64, u->key_id);
	stack_http(s, &(struct stack_ask){ .method = "DELETE", .path = path, .cookie = u->cookie });
	assert_true(column_of(s, "tokens", "deleted_at", u->key_id) > 0);
}

static void disable_key(const struct stack_user *u)
{
	char body[64];

	snprintf(body, sizeof(body), "{\"id\":%" PRId64 ",\"status\":2}", u->key_id);
	stack_http(s,
	    &(struct stack_ask){ .method = "PUT",
	        .path = "/api/token/?status_only=true",
	        .cookie = u->cookie,
	        .body = body });
	assert_int_equal(column_of(s, "tokens", "status", u->key_id), 2);
}

static void disable_user(const struct stack_user *u)
{
	stack_api(s, "POST", "/api/user/manage", "{\"username\":\"%s\",\"action\":\"disable\"}",
	    u->name);
	assert_int_equal(column_of(s, "users", "status", u->id), 2);
}

static void delete_user(const struct stack_user *u)
{
	stack_api(s, "POST", "/api/user/manage", "{\"username\":\"%s\",\"action\":\"delete\"}",
	    u->name);
	assert_int_equal(column_of(s, "users", "status", u->id), 3);
}

/* Whoever disappears while his request runs pays for it all the same. */
static void test_gone_in_flight(void **state)
{
	static const struct {
		const char *name;
		void (*change)(const struct stack_user *u);
	} cases[] = {
		{ "key deleted", delete_key },
		{ "key disabled", disable_key },
		{ "user disabled", disable_user },
		{ "user deleted", delete_user },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct stack_user u = person(100000, "\"remain_quota\":50000");
		struct stack_reply *r;

		crowd_start(s, u.key, "{\"model\":\"slow-700\",\"max_tokens\":20," HELLO "}", all,
		    2);
		wait_reserved(2);
		cases[i].change(&u);
		r = stack_post(s, STACK_CHAT, u.key, slow_body());
		if (r->status != 401 && r->status != 403)
			fail_msg("%s: status %d", cases[i].name, r->status);
		crowd_join(all, 2);
		books_want(cases[i].name, "requests served", (int64_t)crowd_count(all, 2, 200, ""),
		    2);
		wait_settled(cases[i].name);
		books_want(cases[i].name, "charged", stack_sums(s, u.id).charged, 2 * SLOW_CHARGE);
		books_agree(s, cases[i].name, u.id, 100000);
		books_agree_of_key(s, cases[i].name, u.key_id, 50000);
	}
}

/* One-api writes back what it had read of a key, and what was spent meanwhile is lost (R6). */
static void test_edits_lose_nothing(void **state)
{
	static const char body[] = "{\"model\":\"gpt-4o\",\"max_tokens\":20," HELLO "}";
	struct stack_user u = person(10000000, "\"remain_quota\":5000000");
	enum { REQUESTS = 60, ROUNDS = 4 };
	int edits = 0;

	for (int round = 0; round < ROUNDS; round++) {
		crowd_start(s, u.key, body, all, REQUESTS);
		for (int i = 0; i < 10; i++) {
			bool only_status = i % 2;
			char edit[200];

			snprintf(edit, sizeof(edit),
			    only_status ? "{\"id\":%" PRId64 ",\"status\":1}"
			                : "{\"id\":%" PRId64 ",\"name\":\"named\",\"subnet\":\"\"}",
			    u.key_id);
			edits += cJSON_IsTrue(
			    stack_at(stack_http(s,
			                 &(struct stack_ask){ .method = "PUT",
			                     .path = only_status ? "/api/token/?status_only=true"
			                                         : "/api/token/",
			                     .cookie = u.cookie,
			                     .body = edit })
			                 ->json,
			        "success"));
		}
		crowd_join(all, REQUESTS);
		assert_int_equal(crowd_count(all, REQUESTS, 200, ""), REQUESTS);
	}
	assert_int_equal(edits, ROUNDS * 10);
	wait_settled("edits");
	assert_int_equal(stack_sums(s, u.id).charged, ROUNDS * REQUESTS * 48);
	books_agree(s, "edits", u.id, 10000000);
	books_agree_of_key(s, "edits", u.key_id, 5000000);
}

/* A key that gets a limit while requests hold nothing of it starts with what was written less their
 * holds, and gets those back. */
static void test_limit_set_in_flight(void **state)
{
	struct stack_user u = person(10000000, NULL);
	char edit[128];

	crowd_start(s, u.key, "{\"model\":\"slow-700\",\"max_tokens\":20," HELLO "}", all, 5);
	wait_reserved(5);
	snprintf(edit, sizeof(edit),
	    "{\"id\":%" PRId64 ",\"unlimited_quota\":false,\"remain_quota\":1000}", u.key_id);
	stack_http(s,
	    &(struct stack_ask){ .method = "PUT",
	        .path = "/api/token/",
	        .cookie = u.cookie,
	        .body = edit });
	assert_int_equal(column_of(s, "tokens", "unlimited_quota", u.key_id), 0);
	books_agree_of_key(s, "limit set, running", u.key_id, 1000);
	crowd_join(all, 5);
	wait_settled("limit set");
	assert_int_equal(column_of(s, "tokens", "remain_quota", u.key_id), 1000 - 5 * SLOW_CHARGE);
	books_agree(s, "limit set", u.id, 10000000);
}

/* ---- two relays on one database ----------------------------------------------------------------
 */

/* A relay of our own beside the one of the stack, on a socket of its own. */
static pid_t start_second_relay(const char *socket)
{
	char program[600], log[400];
	int64_t until = stack_now_ms() + 60000;
	pid_t pid;
	int fd;

	snprintf(program, sizeof(program), "%s/bin/fcgi-relay", s->build);
	snprintf(log, sizeof(log), "%s/second.log", s->dir);
	pid = fork();
	if (pid == 0) {
		int out = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		setenv("DATA_DIR", s->data_dir, 1);
		setenv("CATALOG_POLL_MS", "50", 1);
		dup2(out, 1);
		dup2(out, 2);
		if (chdir(s->dir) == 0)
			execl(program, program, "--listen", socket, (char *)NULL);
		_exit(127);
	}
	while ((fd = fcgi_dial(socket)) < 0) {
		if (stack_now_ms() > until)
			fail_msg("the second relay does not listen");
		stack_sleep_ms(10);
	}
	close(fd);
	return pid;
}

struct second {
	const char *socket, *key, *body;
	pthread_t thread;
	int status;
};

static void *ask_second(void *arg)
{
	struct second *x = arg;
	char bearer[128];
	struct fcgi_param params[] = { { "HTTP_AUTHORIZATION", bearer }, { 0 } };
	struct fcgi_client c;
	struct fcgi_answer a;
	int fd = fcgi_dial(x->socket);

	snprintf(bearer, sizeof(bearer), "Bearer sk-%s", x->key);
	if (fd < 0)
		return NULL;
	fcgi_client_open(&c, fd);
	fcgi_answer_init(&a);
	if (fcgi_client_ask(&c,
	        &(struct fcgi_ask){ .uri = STACK_CHAT,
	            .content_type = "application/json",
	            .body = str_c(x->body),
	            .params = params },
	        &a, 30000))
		x->status = a.status;
	fcgi_answer_release(&a);
	fcgi_client_close(&c);
	return NULL;
}

static void test_two_relays(void **state)
{
	enum { EACH = 100, SURE = 15 };
	static struct second others[EACH];
	int64_t granted = hold_of_slow_body() * 50 + 1, served = 0, refused = 0;
	struct stack_user u;
	char json[64], socket[320];
	pid_t pid;

	snprintf(socket, sizeof(socket), "%s/second.sock", s->dir);
	snprintf(json, sizeof(json), "\"remain_quota\":%" PRId64, granted);
	u = person(1000000, json);
	pid = start_second_relay(socket);
	for (int i = 0; i < EACH; i++) {
		/* The first of both are in before the rest crowd after what is left. */
		if (i == SURE)
			wait_reserved(2 * SURE);
		crowd_start(s, u.key, slow_body(), &all[i], 1);
		others[i] = (struct second){ .socket = socket, .key = u.key, .body = slow_body() };
		assert_int_equal(pthread_create(&others[i].thread, NULL, ask_second, &others[i]),
		    0);
	}
	for (int i = 0; i < EACH; i++) {
		crowd_join(&all[i], 1);
		pthread_join(others[i].thread, NULL);
		served += others[i].status == 200;
		refused += others[i].status == 403;
	}
	books_want("two relays", "served", served + (int64_t)crowd_count(all, EACH, 200, ""), 50);
	books_want("two relays", "refused",
	    refused + (int64_t)crowd_count(all, EACH, 403, "pre_consume_token_quota_failed"), 150);
	assert_in_range(served, SURE, 50 - SURE);
	wait_settled("two relays");
	books_agree(s, "two relays", u.id, 1000000);
	books_agree_of_key(s, "two relays", u.key_id, granted);
	assert_int_equal(stack_sums(s, u.id).charged, 50 * SLOW_CHARGE);
	assert_int_equal(fcgi_stop(pid, SIGTERM, 20000), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_limited_key),
		cmocka_unit_test(test_limited_user),
		cmocka_unit_test(test_rich_user),
		cmocka_unit_test(test_balance_is_true),
		cmocka_unit_test(test_options_in_flight),
		cmocka_unit_test(test_key_held_to_zero),
		cmocka_unit_test(test_two_relays),
		cmocka_unit_test(test_gone_in_flight),
		cmocka_unit_test(test_edits_lose_nothing),
		cmocka_unit_test(test_limit_set_in_flight),
		cmocka_unit_test(test_failures_release),
		cmocka_unit_test(test_stream_by_usage),
		cmocka_unit_test(test_stream_by_count),
		cmocka_unit_test(test_undeclared_overshoot),
		cmocka_unit_test(test_mapped_price),
		cmocka_unit_test(test_prices),
		cmocka_unit_test(test_live_change),
		cmocka_unit_test(test_without_price),
	};

	return cmocka_run_group_tests_name("money", tests, set_up, tear_down);
}
