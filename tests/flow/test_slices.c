/* test_slices.c — a stream that runs past what it declared: its reservation grows with it
 *
 * Naive code reserves once, before the call: a stream without max_tokens then runs to any length on
 * the little that was set aside, and its user ends as far below zero as the model likes to talk.
 * One that stops every stream at its first reservation fails test_grows.
 *
 * The stream here says " hello hello … hello", ten tokens in each event, whatever counts them; model
 * ratio 1, completion ratio 1, so a token costs a quota. PreConsumedQuota is 100: that much is
 * reserved beside the prompt, and a slice is at least as large.
 */
#include "crowd.h"

#include <stdlib.h>

#define HELLO "\"messages\":[{\"role\":\"user\",\"content\":\"hello\"}]"
#define TEN " hello hello hello hello hello hello hello hello hello hello"
#define CHUNK(content)                                                                             \
	"{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" content                             \
	"\"},\"finish_reason\":null}]}"
#define LAST "event {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n"
#define STREAM(model) "{\"model\":\"" model "\",\"stream\":true," HELLO "}"
/* A slice, what is produced between two looks, and what counts the prompt. */
#define OVERSHOOT_MAX 300
#define LONG_TEXT "300"
#define LONG_CHUNKS 300

static struct stack *s;

static int set_up(void **state)
{
	s = stack_start(NULL);
	stack_script(s, "long",
	    "header Content-Type: text/event-stream\n"
	    "repeat " LONG_TEXT " 10 data: " CHUNK(TEN) "\\n\\n\n" LAST "event [DONE]\n");
	stack_script(s, "endless",
	    "header Content-Type: text/event-stream\n"
	    "repeat 100000 5 data: " CHUNK(TEN) "\\n\\n\nstall\n");
	stack_script(s, "quick",
	    "header Content-Type: text/event-stream\n"
	    "repeat 20000 0 data: " CHUNK(TEN) "\\n\\n\nstall\n");
	stack_option(s, "ModelRatio", "{\"long\":1,\"endless\":1,\"quick\":1}");
	stack_option(s, "CompletionRatio", "{\"long\":1,\"endless\":1,\"quick\":1}");
	stack_option(s, "PreConsumedQuota", "100");
	stack_channel(s, &(struct stack_channel){ .models = "long,endless,quick" });
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

static int64_t held(const struct stack_user *u)
{
	char sql[128];

	snprintf(sql, sizeof(sql),
	    "SELECT coalesce(sum(amount), 0) FROM reservations WHERE user_id = %" PRId64, u->id);
	return stack_sql_int(s, sql);
}

static void open_stream(const struct stack_user *u, const char *body, struct stack_stream *st)
{
	struct stack_ask ask = { .path = STACK_CHAT, .key = u->key, .body = body };

	assert_true(stack_stream_open(s, &ask, st));
	assert_int_equal(st->reply.status, 200);
}

/* Reads to the end: how many events had content; the last one that was an error is in last. */
static int read_all(struct stack_stream *st, char *last, size_t size)
{
	enum stack_next next;
	int n = 0;

	*last = '\0';
	while ((next = stack_stream_next(st, 60000)) == STACK_EVENT) {
		n += strstr(st->event.data, "hello") != NULL;
		if (strstr(st->event.data, "\"error\"") || strcmp(st->event.data, "[DONE]") == 0)
			snprintf(last, size, "%s", st->event.data);
	}
	if (next == STACK_TIMEOUT)
		fail_msg("the stream does not end");
	return n;
}

static void wait_settled(void)
{
	if (!stack_wait_settled(s, 10000))
		fail_msg("a reservation is left");
}

/* 3,000 tokens on a reservation that began at about a hundred. */
static void test_grows(void **state)
{
	struct stack_user u = person(1000000, "\"remain_quota\":500000");
	struct stack_stream st;
	int64_t first, later, most = 0;
	int n = 0, steps = 0;

	open_stream(&u, STREAM("long"), &st);
	first = held(&u);
	assert_in_range(first, 100, 130);
	while (
	    stack_stream_next(&st, 60000) == STACK_EVENT && strcmp(st.event.data, "[DONE]") != 0) {
		n += strstr(st.event.data, "hello") != NULL;
		/* Behind the last one it may be settled already. */
		if (n % 20 != 0 || n == LONG_CHUNKS)
			continue;
		later = held(&u);
		/* Never a slice and a look behind what has been produced. */
		if (later < 10 * n - OVERSHOOT_MAX - 10 * n / 4)
			fail_msg("after %d tokens %" PRId64 " are held", 10 * n, later);
		steps += later > most;
		most = later > most ? later : most;
	}
	stack_stream_close(&st, false);
	assert_int_equal(n, LONG_CHUNKS);
	assert_in_range(steps, 4, 100);
	wait_settled();
	assert_in_range(stack_sums(s, u.id).charged, 3000, 3100);
	assert_int_equal(last_log(s, "finish"), 2);
	books_agree(s, "grows", u.id, 1000000);
	books_agree_of_key(s, "grows", u.key_id, 500000);
}

/* clang-format off */
static const struct dry {
	const char *name, *model;
	int64_t quota;
	const char *key_json;
	const char *code;
	int64_t beyond;
} dry[] = {
	{ "user", "endless", 800, NULL, "insufficient_user_quota", OVERSHOOT_MAX },
	{ "key", "endless", 100000, "\"remain_quota\":800", "pre_consume_token_quota_failed", OVERSHOOT_MAX },
	/* 16 KiB come in one read: some 1,300 tokens */
	{ "faster than the ledger", "quick", 800, NULL, "insufficient_user_quota", OVERSHOOT_MAX + 1300 },
};
/* clang-format on */

static void check_dry(const struct dry *d)
{
	struct stack_user u = person(d->quota, d->key_json);
	struct stack_stats before = stack_stats(s);
	struct stack_stream st;
	struct stack_sums sums;
	char body[256], last[1024];
	int n;

	snprintf(body, sizeof body, "{\"model\":\"%s\",\"stream\":true," HELLO "}", d->model);
	open_stream(&u, body, &st);
	n = read_all(&st, last, sizeof last);
	assert_true(st.complete);
	stack_stream_close(&st, false);
	if (!strstr(last, d->code))
		fail_msg("%s: the last event is %s", d->name, last);
	wait_settled();
	sums = stack_sums(s, u.id);
	/* All that there was, and no more than a slice beyond it. */
	if (sums.charged < 600 || sums.charged > 800 + d->beyond)
		fail_msg("%s: charged %" PRId64 " of 800", d->name, sums.charged);
	if (sums.charged < 10 * n)
		fail_msg("%s: %d tokens, charged %" PRId64, d->name, 10 * n, sums.charged);
	assert_int_equal(last_log(s, "finish"), 1);
	for (int i = 0; i < 6000 && stack_stats(s).cancelled == before.cancelled; i++)
		stack_sleep_ms(10);
	assert_int_equal(stack_stats(s).cancelled, before.cancelled + 1);
	books_agree(s, d->name, u.id, d->quota);
}

static void test_money_ends(void **state)
{
	for (size_t i = 0; i < COUNT_OF(dry); i++)
		check_dry(&dry[i]);
}

/* Who declares the end reserves for it, and is not stopped on the way to it. */
static void test_declared(void **state)
{
	struct stack_user u = person(3130, NULL);
	struct stack_stream st;
	char last[1024];

	open_stream(&u, "{\"model\":\"long\",\"stream\":true,\"max_tokens\":3100," HELLO "}", &st);
	assert_in_range(held(&u), 3100, 3130);
	assert_int_equal(read_all(&st, last, sizeof last), 300);
	stack_stream_close(&st, false);
	assert_string_equal(last, "[DONE]");
	wait_settled();
	books_agree(s, "declared", u.id, 3130);
}

/* A key that is switched off while its stream runs gets no further slice. */
static void test_key_disabled(void **state)
{
	struct stack_user u = person(1000000, NULL);
	struct stack_stream st;
	char last[1024], sql[128];

	open_stream(&u, STREAM("endless"), &st);
	snprintf(sql, sizeof sql, "UPDATE tokens SET status = 2 WHERE id = %" PRId64, u.key_id);
	stack_sql(s, sql);
	read_all(&st, last, sizeof last);
	stack_stream_close(&st, false);
	if (!strstr(last, "token_disabled"))
		fail_msg("the last event is %s", last);
	wait_settled();
	books_agree(s, "disabled", u.id, 1000000);
}

/* R1 for slices: many streams of one poor user share what there is; none takes it twice. */
static void test_many_streams(void **state)
{
	enum { STREAMS = 20 };
	static struct stack_stream st[STREAMS];
	struct stack_user u = person(10000, NULL);
	char last[1024];
	int cut = 0;

	for (int i = 0; i < STREAMS; i++)
		open_stream(&u, STREAM("long"), &st[i]);
	for (int i = 0; i < STREAMS; i++) {
		read_all(&st[i], last, sizeof last);
		stack_stream_close(&st[i], false);
		cut += strstr(last, "insufficient_user_quota") != NULL;
	}
	/* 20 times 3,000 were asked for. */
	assert_in_range(cut, 14, STREAMS);
	wait_settled();
	if (stack_sums(s, u.id).quota < -STREAMS * OVERSHOOT_MAX)
		fail_msg("%" PRId64 " are left", stack_sums(s, u.id).quota);
	books_agree(s, "many streams", u.id, 10000);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_grows),
		cmocka_unit_test(test_money_ends),
		cmocka_unit_test(test_declared),
		cmocka_unit_test(test_key_disabled),
		cmocka_unit_test(test_many_streams),
	};

	return cmocka_run_group_tests_name("slices", tests, set_up, tear_down);
}
