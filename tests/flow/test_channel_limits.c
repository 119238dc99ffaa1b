/* test_channel_limits.c — what limits and budgets of channels and addresses do to a request's way
 *
 * The fake upstream reports 10 tokens for the message and 7 for the reply: gpt-4o at ratio 1.25 and
 * completion 4 charges 48 for them, and reserves some 2,500 (PreConsumedQuota tokens of a reply).
 */
#include "../stack.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SAID "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}"
#define BODY(model) "{\"model\":\"" model "\"," SAID

static struct stack_user person(struct stack *s)
{
	return stack_user(s, &(struct stack_person){ .quota = 100000000 });
}

static int64_t channel(struct stack *s, const char *models, int64_t priority)
{
	return stack_channel(s, &(struct stack_channel){ .models = models, .priority = priority });
}

static int64_t of_channel(struct stack *s, const char *sql, int64_t id)
{
	char text[256];

	assert_true(stack_wait_settled(s, 2000));
	snprintf(text, sizeof(text), "%s'%" PRId64 "'", sql, id);
	return stack_sql_int(s, text);
}

static int64_t served_by(struct stack *s, int64_t id)
{
	return of_channel(s, "SELECT COUNT(*) FROM logs WHERE type = 2 AND channel_id = ", id);
}

static const char spent_sql[] =
    "SELECT COALESCE(SUM(spent), 0) FROM budget_sums WHERE scope = 'channel' AND subject = ";
static const char held_sql[] =
    "SELECT COALESCE(SUM(reserved), 0) FROM budget_sums WHERE scope = 'channel' AND subject = ";

static void budget(struct stack *s, int64_t id, int64_t quota)
{
	stack_api(s, "PUT", "/api/limit/",
	    "{\"scope\":\"channel\",\"subject\":\"%" PRId64 "\",\"budget_day\":%" PRId64 "}", id,
	    quota);
	stack_wait_catalog(s);
}

/* Root's key, which may name a channel. */
static void pinned_key(struct stack *s, int64_t id, char out[96])
{
	snprintf(out, 96, "%s-%" PRId64, stack_root_key(s), id);
}

static int ask(struct stack *s, const char *key, const char *body)
{
	return stack_post(s, STACK_CHAT, key, body)->status;
}

/* ---- budgets --------------------------------------------------------------------------------- */

/* What a channel's budget pays for is what it served; then the others serve, then nobody. */
static void test_channel_budget(void **state)
{
	struct stack *s = *state;
	struct stack_user u = person(s);
	int64_t first = channel(s, "gpt-4o", 9), second = channel(s, "gpt-4o", 1), spent;
	struct stack_reply *r;
	char key[96];

	budget(s, first, 3000);
	for (int i = 0; i < 60 && served_by(s, second) < 3; i++)
		assert_int_equal(ask(s, u.key, BODY("gpt-4o")), 200);
	assert_int_equal(served_by(s, second), 3);
	spent = of_channel(s, spent_sql, first);
	assert_true(spent > 0 && spent <= 3000 && spent % 48 == 0);
	assert_int_equal(spent, 48 * served_by(s, first));
	assert_int_equal(of_channel(s, held_sql, first), 0);
	assert_int_equal(of_channel(s, spent_sql, second), 0);
	stack_channel_delete(s, second);
	r = stack_post(s, STACK_CHAT, u.key, BODY("gpt-4o"));
	stack_check_error("all used up", r, 429, "insufficient_quota", "channel_budget_exceeded",
	    "the channels for this model have used up their budget for this day");
	assert_non_null(stack_header(r, "Retry-After"));
	/* One that a key names is asked once, not for ever. */
	pinned_key(s, first, key);
	stack_check_error("pinned", stack_post(s, STACK_CHAT, key, BODY("gpt-4o")), 429,
	    "insufficient_quota", "channel_budget_exceeded", "used up");
	budget(s, first, 9000);
	for (int64_t until = stack_now_ms() + 60000; stack_now_ms() < until; stack_sleep_ms(100)) {
		if (ask(s, u.key, BODY("gpt-4o")) == 200)
			break;
	}
	assert_true(of_channel(s, spent_sql, first) > spent);
	stack_channel_delete(s, first);
}

/* What failed at one channel is held of the other's budget, and charged there. */
static void test_budget_moves(void **state)
{
	struct stack *s = *state;
	struct stack_user u = person(s);
	int64_t first, second;

	first = stack_channel(s,
	    &(struct stack_channel){ .models = "gpt-4o",
	        .priority = 9,
	        .mapping = "{\"gpt-4o\":\"error-500\"}" });
	second = channel(s, "gpt-4o", 1);
	stack_option(s, "RetryTimes", "1");
	stack_option(s, "UnpricedModel", "ratio");
	budget(s, first, 900000);
	budget(s, second, 900000);
	assert_int_equal(ask(s, u.key, BODY("gpt-4o")), 200);
	assert_int_equal(of_channel(s, spent_sql, first), 0);
	assert_int_equal(of_channel(s, spent_sql, second), 48);
	assert_int_equal(of_channel(s, held_sql, first), 0);
	assert_int_equal(of_channel(s, held_sql, second), 0);
	/* Whose budget is too small for it is not asked: the first one's failure is the answer. */
	budget(s, second, 60);
	assert_int_equal(ask(s, u.key, BODY("gpt-4o")), 502);
	assert_int_equal(served_by(s, second), 1);
	assert_int_equal(stack_sums(s, u.id).reserved, 0);
	assert_int_equal(of_channel(s, held_sql, first), 0);
	stack_option(s, "UnpricedModel", "refuse");
	stack_option(s, "RetryTimes", "0");
	stack_channel_delete(s, first);
	stack_channel_delete(s, second);
}

static void test_address_budget(void **state)
{
	struct stack *s = *state;
	struct stack_user u = person(s);
	struct stack_reply *r = NULL;
	int64_t id = channel(s, "gpt-4o", 0);

	stack_option(s, "RateLimits",
	    "{\"address\":{\"budget_month\":3000,\"timezone\":\"Asia/Tokyo\"}}");
	for (int i = 0; i < 100 && (!r || r->status == 200); i++) {
		r = stack_post(s, STACK_CHAT, u.key, BODY("gpt-4o"));
		assert_true(stack_wait_settled(s, 2000));
	}
	stack_check_error("used up", r, 429, "insufficient_quota", "budget_exceeded",
	    "budget of this address for this month is used up");
	r = stack_http(s,
	    &(struct stack_ask){ .path = STACK_CHAT,
	        .key = u.key,
	        .from = "198.51.100.77",
	        .body = BODY("gpt-4o") });
	assert_int_equal(r->status, 200);
	assert_int_equal(
	    stack_sql_int(s, "SELECT COUNT(*) FROM budget_sums WHERE scope = 'address'"), 2);
	stack_option(s, "RateLimits", "");
	stack_channel_delete(s, id);
}

/* ---- waiting ---------------------------------------------------------------------------------- */

/* One request in a thread of its own. */
struct shot {
	struct stack *s;
	char key[96];
	const char *body;
	int status;
	pthread_t thread;
};

static void *shoot(void *arg)
{
	struct shot *shot = arg;

	shot->status = ask(shot->s, shot->key, shot->body);
	return NULL;
}

/* Comes back when the upstream has it. */
static void begin(struct shot *shot)
{
	int64_t before = stack_stats(shot->s).requests, until = stack_now_ms() + 60000;

	pthread_create(&shot->thread, NULL, shoot, shot);
	while (stack_stats(shot->s).requests == before && stack_now_ms() < until)
		stack_sleep_ms(5);
}

/* The first channel fails, the second is at its limit: the further attempt waits for that one. */
static void test_retry_waits(void **state)
{
	struct stack *s = *state;
	struct stack_user u = person(s);
	struct shot shot = { .s = s, .body = BODY("slow-600") };
	int64_t first, second;
	char text[128];

	stack_option(s, "UnpricedModel", "ratio");
	first = stack_channel(s,
	    &(struct stack_channel){ .models = "gpt-4o",
	        .priority = 9,
	        .mapping = "{\"gpt-4o\":\"error-500\"}" });
	second = channel(s, "gpt-4o,slow-600", 1);
	stack_option(s, "ChannelWait", "5");
	stack_option(s, "RetryTimes", "2");
	snprintf(text, sizeof(text), "{\"channel:%" PRId64 "\":{\"parallel\":1}}", second);
	stack_option(s, "RateLimits", text);
	pinned_key(s, second, shot.key);
	begin(&shot);
	assert_int_equal(ask(s, u.key, BODY("gpt-4o")), 200);
	pthread_join(shot.thread, NULL);
	assert_int_equal(shot.status, 200);
	assert_int_equal(served_by(s, second), 2);
	assert_int_equal(stack_sums(s, u.id).reserved, 0);
	assert_int_equal(stack_sums(s, u.id).charged, 48);
	/* Without waiting, and when the time is up, it is told of the failure. */
	for (int i = 0; i < 2; i++) {
		struct shot long_one = { .s = s, .body = BODY("slow-1500") };

		stack_option(s, "ChannelWait", i ? "1" : "0");
		snprintf(long_one.key, sizeof(long_one.key), "%s", shot.key);
		begin(&long_one);
		assert_int_equal(ask(s, u.key, BODY("gpt-4o")), 502);
		pthread_join(long_one.thread, NULL);
		assert_int_equal(long_one.status, 200);
	}
	assert_true(stack_wait_settled(s, 2000));
	assert_int_equal(stack_sums(s, u.id).reserved, 0);
	stack_option(s, "RetryTimes", "0");
	stack_option(s, "ChannelWait", "0");
	stack_option(s, "UnpricedModel", "refuse");
	stack_option(s, "RateLimits", "");
	stack_channel_delete(s, first);
	stack_channel_delete(s, second);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_channel_budget),
		cmocka_unit_test(test_budget_moves),
		cmocka_unit_test(test_address_budget),
		cmocka_unit_test(test_retry_waits),
	};

	/* A short lease: what waits has to renew it. */
	static const char *const env[] = { "RESERVATION_LEASE=3", NULL };

	return stack_run("channel limits", tests, COUNT_OF(tests), env);
}
