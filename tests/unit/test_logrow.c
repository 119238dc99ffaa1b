/* test_logrow.c — table logs: pages, search, sums, days, deletion */
#include "temp_db.h"

#include "store/logrow.h"
#include "store/user.h"

static int64_t last_id(struct temp_db *t)
{
	static const char sql[] = "SELECT MAX(id) FROM logs";
	struct rows rows;
	int64_t n = 0;

	CHECK(db_query(t->db, sql, BIND_NONE, &rows, &t->err) && rows_number(&rows, &n, &t->err),
	    &t->err);
	return n;
}

static void test_round_trip(void **state)
{
	struct temp_db *t = *state;
	struct log_filter any = { 0 };
	struct log_list list;
	struct logrow got,
	    r = {
		    .user_id = 2,
		    .created_at = 1700000000,
		    .type = LOG_TYPE_CONSUME,
		    .content = STR("ratio 1"),
		    .username = STR("u"),
		    .token_name = STR("t"),
		    .model_name = STR("m"),
		    .quota = 5,
		    .prompt_tokens = 6,
		    .completion_tokens = 7,
		    .channel = 8,
		    .request_id = STR("req-1"),
		    .elapsed_time = 9,
		    .is_stream = true,
		    .system_prompt_reset = true,
		    .token_id = 10,
		    .origin_model = STR("om"),
		    .cached_tokens = 11,
		    .attempts = 12,
		    .first_byte_ms = 13,
		    .upstream_status = 200,
		    .finish = FINISH_ESTIMATED,
		    .model_ratio = 14,
		    .completion_ratio = 15,
		    .group_ratio = 16,
	    };

	CHECK(logrow_insert(t->db, &r, &t->err), &t->err);
	CHECK(logrow_page(t->db, t->arena, &any, 0, 10, &list, &t->err), &t->err);
	assert_int_equal(list.count, 1);
	got = list.items[0];
	assert_int_equal(got.id, last_id(t));
	assert_int_equal(got.user_id, 2);
	assert_int_equal(got.created_at, 1700000000);
	assert_int_equal(got.type, LOG_TYPE_CONSUME);
	CHECK_TEXT(got.content, "ratio 1");
	CHECK_TEXT(got.username, "u");
	CHECK_TEXT(got.token_name, "t");
	CHECK_TEXT(got.model_name, "m");
	assert_int_equal(got.quota, 5);
	assert_int_equal(got.prompt_tokens, 6);
	assert_int_equal(got.completion_tokens, 7);
	assert_int_equal(got.channel, 8);
	CHECK_TEXT(got.request_id, "req-1");
	assert_int_equal(got.elapsed_time, 9);
	assert_true(got.is_stream);
	assert_true(got.system_prompt_reset);
	assert_int_equal(got.token_id, 10);
	CHECK_TEXT(got.origin_model, "om");
	assert_int_equal(got.cached_tokens, 11);
	assert_int_equal(got.attempts, 12);
	assert_int_equal(got.first_byte_ms, 13);
	assert_int_equal(got.upstream_status, 200);
	assert_int_equal(got.finish, FINISH_ESTIMATED);
	assert_int_equal(got.model_ratio, 14);
	assert_int_equal(got.completion_ratio, 15);
	assert_int_equal(got.group_ratio, 16);
}

/* A request is charged once; other rows about it and rows without one are free. */
static void test_one_charge_a_request(void **state)
{
	static const struct {
		const char *name;
		int type;
		const char *request_id;
		bool want;
	} cases[] = {
		{ "first charge", LOG_TYPE_CONSUME, "r1", true },
		{ "second charge", LOG_TYPE_CONSUME, "r1", false },
		{ "another request", LOG_TYPE_CONSUME, "r2", true },
		{ "error row of the same", LOG_TYPE_ERROR, "r1", true },
		{ "and once more", LOG_TYPE_ERROR, "r1", true },
		{ "charge without an id", LOG_TYPE_CONSUME, "", true },
		{ "and once more", LOG_TYPE_CONSUME, "", true },
	};
	struct temp_db *t = *state;

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct logrow r = { .type = cases[i].type,
			.created_at = 1,
			.request_id = str_c(cases[i].request_id) };
		struct err err = { 0 };
		bool got = logrow_insert(t->db, &r, &err);

		if (got != cases[i].want || (!got && strcmp(err.code, "duplicate") != 0))
			fail_msg("%s: got %d %s, want %d", cases[i].name, got, err.code,
			    cases[i].want);
	}
}

/* Nine rows with ids 1 to 9; alice is user 1, bob is user 2, zoe has no account any more. */
static void fill(struct temp_db *t)
{
	static const struct {
		int64_t user_id;
		int type;
		int64_t at;
		const char *username, *token, *model, *content;
		int64_t channel, quota;
	} rows[] = {
		{ 1, LOG_TYPE_CONSUME, 100, "alice", "work", "gpt-4", "ratio", 1, 10 },
		{ 2, LOG_TYPE_CONSUME, 110, "bob", "b", "gpt-4", "ratio", 2, 20 },
		{ 1, LOG_TYPE_TOPUP, 120, "alice", "", "", "50% more", 0, 1000 },
		{ 1, LOG_TYPE_CONSUME, 130, "alice", "home", "claude", "ratio", 2, 40 },
		{ 3, LOG_TYPE_CONSUME, 140, "zoe", "z", "gpt-4", "ratio", 1, 80 },
		{ 0, LOG_TYPE_TEST, 150, "", "", "gpt-4o", "hello there", 1, 0 },
		{ 2, LOG_TYPE_MANAGE, 160, "bob", "", "", "promoted", 0, 0 },
		{ 1, LOG_TYPE_CONSUME, 170, "alice", "work", "gpt-4o", "ratio", 1, 160 },
		{ 0, LOG_TYPE_SYSTEM, 180, "", "", "", "started", 0, 0 },
	};
	static const char *const users[] = { "alice", "bob" };

	for (size_t i = 0; i < COUNT_OF(users); i++) {
		struct user u = { .username = str_c(users[i]), .status = 1, .role = 1 };

		CHECK(user_insert(t->db, &u, &t->err), &t->err);
		assert_int_equal(u.id, i + 1);
	}
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct logrow r = { .user_id = rows[i].user_id,
			.type = rows[i].type,
			.created_at = rows[i].at,
			.username = str_c(rows[i].username),
			.token_name = str_c(rows[i].token),
			.model_name = str_c(rows[i].model),
			.content = str_c(rows[i].content),
			.channel = rows[i].channel,
			.quota = rows[i].quota,
			.prompt_tokens = 1,
			.completion_tokens = 2 };

		CHECK(logrow_insert(t->db, &r, &t->err), &t->err);
	}
}

static const char *ids(struct temp_db *t, const struct log_list *list)
{
	const char *text = "";

	for (size_t i = 0; i < list->count; i++)
		text = arena_fmt(t->arena, "%s%s%d", text, i ? "," : "", (int)list->items[i].id);
	return text;
}

#define NAME(text) STR_INIT(text)

static void test_filters(void **state)
{
	static const struct {
		const char *name;
		struct log_filter f;
		const char *want;
		int64_t sum; /* of consumption, whatever the type asked for */
	} cases[] = {
		{ "any", { 0 }, "9,8,7,6,5,4,3,2,1", 310 },
		{ "consumption", { .type = 2 }, "8,5,4,2,1", 310 },
		{ "top-up", { .type = 1 }, "3", 310 },
		{ "errors, none", { .type = 6 }, "", 310 },
		{ "user", { .user_id = 1 }, "8,4,3,1", 210 },
		{ "user and type", { .user_id = 1, .type = 1 }, "3", 210 },
		{ "unknown user", { .user_id = 9 }, "", 0 },
		{ "user name", { .username = NAME("bob") }, "7,2", 20 },
		{ "user name without account", { .username = NAME("zoe") }, "5", 80 },
		{ "user name of nobody", { .username = NAME("nobody") }, "", 0 },
		{ "key", { .token_name = NAME("work") }, "8,1", 170 },
		{ "model", { .model_name = NAME("gpt-4") }, "5,2,1", 110 },
		{ "channel", { .channel = 1 }, "8,6,5,1", 250 },
		{ "from", { .from = 150 }, "9,8,7,6", 160 },
		{ "to", { .to = 110 }, "2,1", 30 },
		{ "inclusive", { .from = 130, .to = 150 }, "6,5,4", 120 },
		{ "to, with user", { .user_id = 1, .to = 130 }, "4,3,1", 50 },
		{ "from, with type", { .type = 3, .from = 160 }, "7", 160 },
		{ "all at once", { 2, 1, NAME("alice"), NAME("work"), NAME("gpt-4o"), 1, 170, 170 },
		    "8", 160 },
		{ "all but one", { 2, 1, NAME("alice"), NAME("work"), NAME("gpt-4o"), 2, 170, 170 },
		    "", 0 },
	};
	struct temp_db *t = *state;

	fill(t);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct log_list list;
		int64_t sum = -1;

		CHECK(logrow_page(t->db, t->arena, &cases[i].f, 0, 100, &list, &t->err), &t->err);
		if (strcmp(ids(t, &list), cases[i].want) != 0)
			fail_msg("%s: got %s, want %s", cases[i].name, ids(t, &list),
			    cases[i].want);
		CHECK(logrow_sum(t->db, &cases[i].f, &sum, &t->err), &t->err);
		if (sum != cases[i].sum)
			fail_msg("%s: got sum %d, want %d", cases[i].name, (int)sum,
			    (int)cases[i].sum);
	}
}

static void test_pages(void **state)
{
	static const struct {
		const char *name;
		struct log_filter f;
		int64_t offset, limit;
		const char *want;
	} cases[] = {
		{ "first", { 0 }, 0, 4, "9,8,7,6" },
		{ "second", { 0 }, 4, 4, "5,4,3,2" },
		{ "last", { 0 }, 8, 4, "1" },
		{ "past the end", { 0 }, 12, 4, "" },
		{ "user", { .user_id = 1 }, 2, 2, "3,1" },
		{ "time", { .from = 1 }, 7, 5, "2,1" },
	};
	struct temp_db *t = *state;

	fill(t);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct log_list list;

		CHECK(logrow_page(t->db, t->arena, &cases[i].f, cases[i].offset, cases[i].limit,
		          &list, &t->err),
		    &t->err);
		if (strcmp(ids(t, &list), cases[i].want) != 0)
			fail_msg("%s: got %s, want %s", cases[i].name, ids(t, &list),
			    cases[i].want);
	}
}

static void test_search(void **state)
{
	static const struct {
		const char *name, *keyword;
		int64_t user_id, limit;
		const char *want;
	} cases[] = {
		{ "type", "2", 0, 100, "8,5,4,2,1" },
		{ "type of a user", "2", 1, 100, "8,4,1" },
		{ "type, limit", "2", 0, 2, "8,5" },
		{ "rare type", "5", 0, 100, "6" },
		{ "model", "gpt-4o", 0, 100, "8,6" },
		{ "model prefix", "gpt", 0, 100, "8,6,5,2,1" },
		{ "model of a user", "gpt", 1, 100, "8,1" },
		{ "key name", "ho", 0, 100, "4" },
		{ "content", "hello", 0, 100, "6" },
		{ "content, not the middle", "there", 0, 100, "" },
		{ "wild cards are themselves", "50%", 0, 100, "3" },
		{ "and nothing else", "5_%", 0, 100, "" },
		{ "somebody else's", "promoted", 1, 100, "" },
		{ "his own", "promoted", 2, 100, "7" },
		{ "no such type", "77", 0, 100, "" },
	};
	struct temp_db *t = *state;

	fill(t);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct log_list list;

		CHECK(logrow_search(t->db, t->arena, str_c(cases[i].keyword), cases[i].user_id,
		          cases[i].limit, &list, &t->err),
		    &t->err);
		if (strcmp(ids(t, &list), cases[i].want) != 0)
			fail_msg("%s: got %s, want %s", cases[i].name, ids(t, &list),
			    cases[i].want);
	}
}

static void test_days(void **state)
{
	static const struct {
		int64_t user_id, at, quota;
		int type;
		const char *model;
	} rows[] = {
		{ 1, 1740009599, 1, LOG_TYPE_CONSUME, "b" }, /* 2025-02-19 23:59:59, too early */
		{ 1, 1740009600, 2, LOG_TYPE_CONSUME, "b" }, /* 2025-02-20 00:00:00 */
		{ 1, 1740095999, 4, LOG_TYPE_CONSUME, "a" }, /* 2025-02-20 23:59:59 */
		{ 1, 1740050000, 8, LOG_TYPE_CONSUME, "b" },
		{ 2, 1740050000, 16, LOG_TYPE_CONSUME, "b" },  /* somebody else */
		{ 1, 1740050000, 32, LOG_TYPE_TOPUP, "b" },    /* not consumed */
		{ 1, 1740096000, 64, LOG_TYPE_CONSUME, "b" },  /* 2025-02-21 00:00:00 */
		{ 1, 1740182400, 128, LOG_TYPE_CONSUME, "b" }, /* too late */
	};
	static const struct {
		const char *day, *model;
		int64_t requests, quota;
	} want[] = {
		{ "2025-02-20", "a", 1, 4 },
		{ "2025-02-20", "b", 2, 10 },
		{ "2025-02-21", "b", 1, 64 },
	};
	struct temp_db *t = *state;
	struct log_day_list days;

	CHECK(logrow_days(t->db, t->arena, 1, 0, 2000000000, &days, &t->err), &t->err);
	assert_int_equal(days.count, 0);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct logrow r = { .user_id = rows[i].user_id,
			.created_at = rows[i].at,
			.quota = rows[i].quota,
			.type = rows[i].type,
			.model_name = str_c(rows[i].model),
			.prompt_tokens = 3,
			.completion_tokens = 5 };

		CHECK(logrow_insert(t->db, &r, &t->err), &t->err);
	}
	CHECK(logrow_days(t->db, t->arena, 1, 1740009600, 1740182399, &days, &t->err), &t->err);
	assert_int_equal(days.count, COUNT_OF(want));
	for (size_t i = 0; i < COUNT_OF(want); i++) {
		CHECK_TEXT(days.items[i].day, want[i].day);
		CHECK_TEXT(days.items[i].model, want[i].model);
		assert_int_equal(days.items[i].requests, want[i].requests);
		assert_int_equal(days.items[i].quota, want[i].quota);
		assert_int_equal(days.items[i].prompt_tokens, 3 * want[i].requests);
		assert_int_equal(days.items[i].completion_tokens, 5 * want[i].requests);
	}
}

static void test_delete_before(void **state)
{
	struct temp_db *t = *state;
	struct log_filter any = { 0 };
	struct log_list list;
	int64_t n = -1;

	CHECK(db_begin(t->db, &t->err), &t->err);
	for (int i = 0; i < 2500; i++) {
		struct logrow r = { .type = LOG_TYPE_CONSUME, .created_at = i };

		CHECK(logrow_insert(t->db, &r, &t->err), &t->err);
	}
	CHECK(db_commit(t->db, &t->err), &t->err);
	CHECK(logrow_delete_before(t->db, 0, &n, &t->err), &t->err);
	assert_int_equal(n, 0);
	CHECK(logrow_delete_before(t->db, 2001, &n, &t->err), &t->err);
	assert_int_equal(n, 2001);
	CHECK(logrow_page(t->db, t->arena, &any, 0, 10000, &list, &t->err), &t->err);
	assert_int_equal(list.count, 499);
	assert_int_equal(list.items[498].created_at, 2001);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		DB_TEST(test_round_trip),
		DB_TEST(test_one_charge_a_request),
		DB_TEST(test_filters),
		DB_TEST(test_pages),
		DB_TEST(test_search),
		DB_TEST(test_days),
		DB_TEST(test_delete_before),
	};

	return temp_db_run("logrow", tests, COUNT_OF(tests));
}
