/* test_admin_channels.c — channels as operators use them: tests, balances, jobs, what the gateway does
 * by itself and tells; and codes that fifty people redeem at once
 */
#include "../stack.h"

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define WAIT_MS 60000

static int64_t number(struct stack *s, const char *format, int64_t id)
{
	char sql[256];
	const char *hole = strstr(format, "%d");

	if (!hole)
		return stack_sql_int(s, format);
	snprintf(sql, sizeof(sql), "%.*s%" PRId64 "%s", (int)(hole - format), format, id, hole + 2);
	return stack_sql_int(s, sql);
}

static void wait_for(struct stack *s, const char *name, const char *sql, int64_t id, int64_t want)
{
	int64_t until = stack_now_ms() + WAIT_MS, got;

	while ((got = number(s, sql, id)) != want) {
		if (stack_now_ms() > until)
			fail_msg("%s: got %" PRId64 ", want %" PRId64, name, got, want);
		stack_sleep_ms(50);
	}
}

static struct stack_reply *root_get(struct stack *s, const char *format, int64_t id)
{
	char path[128];
	const char *hole = strstr(format, "%d");

	snprintf(path, sizeof(path), "%.*s%" PRId64 "%s", (int)(hole - format), format, id,
	    hole + 2);
	return stack_root(s, "GET", path, NULL);
}

static int64_t start_job(struct stack *s, const char *path)
{
	struct stack_reply *r = stack_root(s, "GET", path, NULL);
	int64_t id = stack_int(r->json, "data.job");

	if (id <= 0)
		fail_msg("%s: %s", path, r->body.data);
	return id;
}

static void wait_job(struct stack *s, int64_t id)
{
	wait_for(s, "the job's end", "SELECT finished_at > 0 FROM jobs WHERE id = %d", id, 1);
}

static void delete_all(struct stack *s)
{
	stack_option(s, "AutomaticDisableChannelEnabled", "false");
	stack_option(s, "AutomaticEnableChannelEnabled", "false");
	stack_option(s, "ChannelDisableThreshold", "5");
	stack_sql(s, "UPDATE channels SET status = 2");
	(void)stack_api(s, "DELETE", "/api/channel/disabled", NULL);
}

/* ---- one test ------------------------------------------------------------------------------- */

static void test_single(struct stack_reply *r, bool ok, const char *action)
{
	if (cJSON_IsTrue(stack_at(r->json, "success")) != ok ||
	    strcmp(stack_text(r->json, "action"), action) != 0 ||
	    !cJSON_IsNumber(stack_at(r->json, "time")))
		fail_msg("want %d and '%s', got %s", ok, action, r->body.data);
}

/* A single test changes nothing unless it is asked to; what it then does is kept and shown. */
static void test_apply(void **state)
{
	struct stack *s = *state;
	int64_t dead = stack_channel(s, &(struct stack_channel){ .models = "error-401" });
	int64_t weak = stack_channel(s, &(struct stack_channel){ .models = "error-500" });
	struct stack_reply *r;

	stack_option(s, "AutomaticDisableChannelEnabled", "true");
	test_single(root_get(s, "/api/channel/test/%d", dead), false, "");
	assert_int_equal(number(s, "SELECT status FROM channels WHERE id = %d", dead), 1);
	test_single(root_get(s, "/api/channel/test/%d?apply=1", weak), false, "");
	assert_int_equal(number(s, "SELECT status FROM channels WHERE id = %d", weak), 1);

	test_single(root_get(s, "/api/channel/test/%d?apply=1", dead), false, "disabled");
	r = root_get(s, "/api/channel/%d", dead);
	assert_int_equal(stack_int(r->json, "data.status"), 3);
	assert_non_null(strstr(stack_text(r->json, "data.disabled_reason"), "status 401"));
	assert_non_null(strstr(stack_text(r->json, "data.disabled_reason"), "fake error"));
	assert_true(stack_int(r->json, "data.disabled_time") > 0);
	r = root_get(s, "/api/channel/%d/events", dead);
	assert_string_equal(stack_text(r->json, "data.0.kind"), "disabled");
	/* root is told, once */
	wait_for(s, "notice",
	    "SELECT COUNT(*) FROM channel_events WHERE told = 1 AND channel_id = %d", dead, 1);
	assert_int_equal(number(s,
	                     "SELECT COUNT(*) FROM outbox WHERE kind = 'notice' AND "
	                     "subject = 'Channel status change'",
	                     0),
	    1);
	delete_all(s);
}

/* The relay disables by itself; the same row, the same notice. */
static void test_relay_disables(void **state)
{
	struct stack *s = *state;
	int64_t dead = stack_channel(s, &(struct stack_channel){ .models = "error-401" });

	stack_option(s, "AutomaticDisableChannelEnabled", "true");
	stack_option(s, "UnpricedModel", "free");
	(void)stack_post(s, STACK_CHAT, stack_root_key(s),
	    "{\"model\":\"error-401\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}");
	wait_for(s, "disabled", "SELECT status FROM channels WHERE id = %d", dead, 3);
	wait_for(s, "told",
	    "SELECT COUNT(*) FROM channel_events WHERE told = 1 AND channel_id = %d", dead, 1);
	delete_all(s);
}

/* One of two keys is refused: it is parked, the channel goes on. */
static void test_park(void **state)
{
	struct stack *s = *state;
	int64_t id = stack_channel(s,
	    &(struct stack_channel){ .models = "error-401",
	        .key = "sk-one\nsk-two",
	        .config = "{\"key_mode\":\"round_robin\"}" });
	struct stack_reply *r;

	stack_option(s, "AutomaticDisableChannelEnabled", "true");
	test_single(root_get(s, "/api/channel/test/%d?apply=1", id), false, "parked");
	r = root_get(s, "/api/channel/%d/keys", id);
	assert_true(stack_int(r->json, "data.0.parked_at") > 0);
	assert_int_equal(stack_int(r->json, "data.1.parked_at"), 0);
	assert_int_equal(number(s, "SELECT status FROM channels WHERE id = %d", id), 1);
	/* the other one, too: nothing is left */
	test_single(root_get(s, "/api/channel/test/%d?apply=1", id), false, "disabled");
	assert_int_equal(number(s, "SELECT status FROM channels WHERE id = %d", id), 3);
	delete_all(s);
}

static void test_unsaved(void **state)
{
	struct stack *s = *state;
	char body[512];
	struct stack_reply *r;

	snprintf(body, sizeof(body),
	    "{\"type\":1,\"name\":\"n\",\"key\":\"sk-x\",\"models\":\"gpt-4o\",\"base_url\":\"%"
	    "s\"}",
	    s->upstream);
	r = stack_root(s, "POST", "/api/channel/probe", body);
	test_single(r, true, "");
	assert_string_equal(stack_text(r->json, "model"), "gpt-4o");
	assert_int_equal(number(s, "SELECT COUNT(*) FROM channels WHERE name = 'n'", 0), 0);
	r = stack_root(s, "POST", "/api/channel/fetch_models", body);
	assert_true(cJSON_GetArraySize(stack_at(r->json, "data")) > 0);
	snprintf(body, sizeof(body), "{\"type\":43,\"key\":\"k\",\"base_url\":\"%s\"}",
	    s->upstream);
	r = stack_root(s, "POST", "/api/channel/fetch_models", body);
	assert_string_equal(stack_text(r->json, "message"), "Not supported for this channel type");
}

/* ---- all of them ------------------------------------------------------------------------------ */

static void test_all(void **state)
{
	struct stack *s = *state;
	int64_t good = stack_channel(s, &(struct stack_channel){ .models = "gpt-4o" });
	int64_t dead = stack_channel(s, &(struct stack_channel){ .models = "error-401" });
	int64_t weak = stack_channel(s, &(struct stack_channel){ .models = "error-500" });
	int64_t slow = stack_channel(s, &(struct stack_channel){ .models = "slow-1500" });
	int64_t off = stack_channel(s, &(struct stack_channel){ .models = "gpt-4o" });
	int64_t back = stack_channel(s, &(struct stack_channel){ .models = "gpt-4o" });
	char sql[64];
	struct stack_reply *r;
	int64_t id;

	stack_option(s, "AutomaticDisableChannelEnabled", "true");
	stack_option(s, "AutomaticEnableChannelEnabled", "true");
	stack_option(s, "ChannelDisableThreshold", "1");
	snprintf(sql, sizeof(sql), "UPDATE channels SET status = 2 WHERE id = %" PRId64, off);
	stack_sql(s, sql);
	snprintf(sql, sizeof(sql), "UPDATE channels SET status = 3 WHERE id = %" PRId64, back);
	stack_sql(s, sql);

	id = start_job(s, "/api/channel/test/?scope=all");
	r = stack_root(s, "GET", "/api/channel/test", NULL);
	assert_string_equal(stack_text(r->json, "message"), "A test is already running");
	wait_job(s, id);
	r = root_get(s, "/api/job/%d?page_size=100", id);
	assert_string_equal(stack_text(r->json, "data.state"), "done");
	assert_int_equal(stack_int(r->json, "data.total"), 6);
	assert_int_equal(stack_int(r->json, "data.done"), 6);
	assert_int_equal(stack_int(r->json, "data.failed"), 2);
	assert_int_equal(number(s, "SELECT status FROM channels WHERE id = %d", good), 1);
	assert_int_equal(number(s, "SELECT status FROM channels WHERE id = %d", dead), 3);
	assert_int_equal(number(s, "SELECT status FROM channels WHERE id = %d", weak), 1);
	assert_int_equal(number(s, "SELECT status FROM channels WHERE id = %d", slow), 3);
	assert_int_equal(number(s, "SELECT status FROM channels WHERE id = %d", off), 2);
	assert_int_equal(number(s, "SELECT status FROM channels WHERE id = %d", back), 1);
	assert_true(number(s, "SELECT response_time FROM channels WHERE id = %d", slow) >= 1500);
	assert_int_equal(number(s, "SELECT response_time FROM channels WHERE id = %d", weak), 0);
	r = root_get(s, "/api/channel/%d", slow);
	assert_non_null(
	    strstr(stack_text(r->json, "data.disabled_reason"), "exceeds the limit of 1.00 s"));
	wait_for(s, "the end is told",
	    "SELECT COUNT(*) FROM channel_events WHERE kind = 'tested' AND told = 1", 0, 1);

	/* only those that are off */
	id = start_job(s, "/api/channel/test?scope=disabled");
	wait_job(s, id);
	r = root_get(s, "/api/job/%d", id);
	assert_int_equal(stack_int(r->json, "data.total"), 3);
	delete_all(s);
}

/* A job goes on when its process dies, and ends when somebody says so. */
static void test_job_survives_and_stops(void **state)
{
	struct stack *s = *state;
	char sql[128];
	struct stack_reply *r;
	int64_t id;

	for (int i = 0; i < 30; i++)
		stack_channel(s, &(struct stack_channel){ .models = "slow-2000" });
	id = start_job(s, "/api/channel/test");
	wait_for(s, "it runs", "SELECT COUNT(*) > 0 FROM job_items WHERE state > 0 AND job_id = %d",
	    id, 1);
	stack_kill(s, "admin", SIGKILL);
	stack_wait_ready(s);
	r = root_get(s, "/api/job/%d", id);
	assert_string_equal(stack_text(r->json, "data.state"), "running");
	snprintf(sql, sizeof(sql), "UPDATE jobs SET lease_until = 0 WHERE id = %" PRId64, id);
	stack_sql(s, sql); /* instead of waiting for its end */
	wait_for(s, "it goes on",
	    "SELECT COUNT(*) > 5 FROM job_items WHERE state = 1 AND job_id = %d", id, 1);
	snprintf(sql, sizeof(sql), "/api/job/%" PRId64 "/stop", id);
	(void)stack_api(s, "POST", sql, NULL);
	wait_job(s, id);
	r = root_get(s, "/api/job/%d", id);
	assert_string_equal(stack_text(r->json, "data.state"), "stopped");
	assert_true(stack_int(r->json, "data.done") < 30);
	delete_all(s);
}

/* By the clock: the last time was two hours ago, and CHANNEL_TEST_FREQUENCY is one hour. */
static void test_timer(void **state)
{
	struct stack *s = *state;
	int64_t id = stack_channel(s, &(struct stack_channel){ .models = "gpt-4o" });

	stack_sql(s,
	    "INSERT INTO jobs (kind, scope, origin, state, created_at, finished_at) VALUES "
	    "('test', 'all', 'timer', 'done', strftime('%s', 'now') - 7200, 1)");
	wait_for(s, "a second one",
	    "SELECT COUNT(*) FROM jobs WHERE origin = 'timer' AND state = 'done'", 0, 2);
	assert_true(number(s, "SELECT test_time FROM channels WHERE id = %d", id) > 0);
	/* and it is not the time for a third */
	stack_sleep_ms(3000);
	assert_int_equal(number(s, "SELECT COUNT(*) FROM jobs WHERE origin = 'timer'", 0), 2);
	delete_all(s);
}

/* ---- balances --------------------------------------------------------------------------------- */

static void test_balances(void **state)
{
	/* admin-api.md 10.10, and what tests/fake/fake_balance.c says */
	static const struct {
		const char *name;
		int type;
		const char *key;
		double want; /* -1: refused */
		const char *message;
	} cases[] = {
		{ "OpenAI", 1, "sk", 100, "" },
		{ "custom", 8, "sk", 100, "" },
		{ "CloseAI", 4, "sk", 12.25, "" },
		{ "OpenAI-SB", 5, "sb&key", 123456, "" },
		{ "OpenAI-SB without account", 5, "gone", -1, "no such account" },
		{ "AI Proxy", 10, "sk", 999.5, "" },
		{ "API2GPT", 12, "sk", 7.5, "" },
		{ "AIGC2D", 13, "sk", 12.25, "" },
		{ "SiliconFlow", 44, "sk", 88, "" },
		{ "SiliconFlow, closed", 44, "refused", -1, "account is closed" },
		{ "DeepSeek", 36, "sk", 25.2, "" },
		{ "DeepSeek in dollars", 36, "usd", 3.5, "" },
		{ "OpenRouter", 20, "sk", 74.5, "" },
		{ "Azure", 3, "sk", -1, "Not supported for this channel type" },
		{ "Groq", 29, "sk", -1, "Not supported for this channel type" },
	};
	struct stack *s = *state;

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		int64_t id = stack_channel(s,
		    &(struct stack_channel){ .models = "m",
		        .type = cases[i].type,
		        .key = cases[i].key });
		struct stack_reply *r = root_get(s, "/api/channel/update_balance/%d/", id);
		const cJSON *got = stack_at(r->json, "balance");

		if (cases[i].want < 0 ? cJSON_IsTrue(stack_at(r->json, "success")) || got ||
		            strcmp(stack_text(r->json, "message"), cases[i].message) != 0
		                      : !cJSON_IsNumber(got) || got->valuedouble != cases[i].want)
			fail_msg("%s: got %s", cases[i].name, r->body.data);
		if (cases[i].want >= 0 &&
		    number(s, "SELECT balance_updated_time > 0 FROM channels WHERE id = %d", id) !=
		        1)
			fail_msg("%s: not noted", cases[i].name);
		stack_channel_delete(s, id);
	}
}

/* Nothing listens behind the channel: the key goes nowhere else, and no log says it. */
static void test_balance_of_nobody(void **state)
{
	struct stack *s = *state;
	int64_t id = stack_channel(s,
	    &(struct stack_channel){ .models = "m",
	        .type = 5,
	        .key = "very-secret-key",
	        .base_url = "http://127.0.0.1:1" });
	struct stack_reply *r = root_get(s, "/api/channel/update_balance/%d", id);

	assert_true(cJSON_IsFalse(stack_at(r->json, "success")));
	assert_null(strstr(stack_log(s), "very-secret-key"));
	assert_null(strstr(r->body.data, "very-secret-key"));
	stack_channel_delete(s, id);
}

static void test_all_balances(void **state)
{
	struct stack *s = *state;
	int64_t rich =
	    stack_channel(s, &(struct stack_channel){ .models = "m", .type = 1, .key = "sk" });
	int64_t broke =
	    stack_channel(s, &(struct stack_channel){ .models = "m", .type = 1, .key = "broke" });
	struct stack_reply *r;
	int64_t id;

	stack_channel(s, &(struct stack_channel){ .models = "m", .type = 29 }); /* tells none */
	stack_option(s, "AutomaticDisableChannelEnabled", "true");
	id = start_job(s, "/api/channel/update_balance");
	wait_job(s, id);
	r = root_get(s, "/api/job/%d", id);
	assert_int_equal(stack_int(r->json, "data.total"), 2);
	assert_int_equal(stack_int(r->json, "data.failed"), 0);
	assert_string_equal(stack_text(r->json, "data.items.0.message"), "100");
	assert_int_equal(number(s, "SELECT status FROM channels WHERE id = %d", rich), 1);
	assert_int_equal(number(s, "SELECT status FROM channels WHERE id = %d", broke), 3);
	r = root_get(s, "/api/channel/%d", broke);
	assert_string_equal(stack_text(r->json, "data.disabled_reason"), "Balance exhausted");
	delete_all(s);
}

/* ---- codes -------------------------------------------------------------------------------------- */

#define REDEEMERS 50

struct redeemer {
	struct stack *s;
	const struct stack_user *user;
	const char *body;
	bool got;
	pthread_t thread;
};

static void *redeem(void *arg)
{
	struct redeemer *r = arg;
	struct stack_reply *reply = stack_http(r->s,
	    &(struct stack_ask){ .method = "POST",
	        .path = "/api/user/topup",
	        .cookie = r->user->cookie,
	        .body = r->body });

	r->got = cJSON_IsTrue(stack_at(reply->json, "success"));
	return NULL;
}

static void test_one_code_counts_once(void **state)
{
	static struct redeemer all[REDEEMERS];
	struct stack *s = *state;
	struct stack_user users[5];
	int64_t before, after;
	char body[128];
	int got = 0;
	struct stack_reply *r;

	for (size_t i = 0; i < COUNT_OF(users); i++)
		users[i] = stack_user(s, &(struct stack_person){ .quota = 1000 });
	r = stack_root(s, "POST", "/api/redemption/",
	    "{\"name\":\"race\",\"quota\":777,\"count\":1}");
	snprintf(body, sizeof(body), "{\"key\":\"%s\"}", stack_text(r->json, "data.0"));
	before = number(s, "SELECT SUM(quota) FROM users", 0);
	for (int i = 0; i < REDEEMERS; i++) {
		all[i] = (struct redeemer){ .s = s, .user = &users[i % 5], .body = body };
		assert_int_equal(pthread_create(&all[i].thread, NULL, redeem, &all[i]), 0);
	}
	for (int i = 0; i < REDEEMERS; i++) {
		pthread_join(all[i].thread, NULL);
		got += all[i].got;
	}
	after = number(s, "SELECT SUM(quota) FROM users", 0);
	assert_int_equal(got, 1);
	assert_int_equal(after - before, 777);
	assert_int_equal(number(s, "SELECT COUNT(*) FROM logs WHERE type = 1 AND quota = 777", 0),
	    1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_apply),
		cmocka_unit_test(test_relay_disables),
		cmocka_unit_test(test_park),
		cmocka_unit_test(test_unsaved),
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_job_survives_and_stops),
		cmocka_unit_test(test_timer),
		cmocka_unit_test(test_balances),
		cmocka_unit_test(test_balance_of_nobody),
		cmocka_unit_test(test_all_balances),
		cmocka_unit_test(test_one_code_counts_once),
	};

	static const char *const env[] = { "CHANNEL_TEST_FREQUENCY=60", NULL };

	return stack_run("admin_channels", tests, COUNT_OF(tests), env);
}
