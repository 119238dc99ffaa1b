/* test_logrow.c — table logs: pages, search, sums, clean-up; what usage_hours makes of it */
#include "cost.h"
#include "temp_db.h"

#include "base/clock.h"
#include "store/logstats.h"
#include "store/usage.h"
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
		{ "without a model", { .without = { .model_name = NAME("gpt-4") } }, "9,8,7,6,4,3",
		    200 },
		{ "without a key", { .type = 2, .without = { .token_name = NAME("work") } },
		    "5,4,2", 140 },
		{ "without a user", { .without = { .username = NAME("alice") } }, "9,7,6,5,2",
		    100 },
		{ "without a channel", { .type = 2, .without = { .channel = 1 } }, "4,2", 60 },
		{ "a user without a model",
		    { .user_id = 1, .without = { .model_name = NAME("gpt-4o") } }, "4,3,1", 50 },
		{ "what is asked for and left out",
		    { .model_name = NAME("gpt-4"), .without = { .model_name = NAME("gpt-4") } }, "",
		    0 },
		{ "all at once",
		    { .type = 2,
		        .user_id = 1,
		        .username = NAME("alice"),
		        .token_name = NAME("work"),
		        .model_name = NAME("gpt-4o"),
		        .channel = 1,
		        .from = 170,
		        .to = 170 },
		    "8", 160 },
		{ "all but one",
		    { .type = 2,
		        .user_id = 1,
		        .username = NAME("alice"),
		        .token_name = NAME("work"),
		        .model_name = NAME("gpt-4o"),
		        .channel = 2,
		        .from = 170,
		        .to = 170 },
		    "", 0 },
	};
	struct temp_db *t = *state;

	fill(t);
	for (size_t i = 0; i < 2 * COUNT_OF(cases); i++) {
		size_t c = i % COUNT_OF(cases);
		struct log_sums sum = { .quota = -1 };
		struct log_list list;

		/* The second time with all rows in usage_hours: a sum is the same either way. */
		if (i == COUNT_OF(cases))
			CHECK(usage_catch_up(t->db, &t->err), &t->err);
		CHECK(logrow_page(t->db, t->arena, &cases[c].f, 0, 100, &list, &t->err), &t->err);
		if (strcmp(ids(t, &list), cases[c].want) != 0)
			fail_msg("%s: got %s, want %s", cases[c].name, ids(t, &list),
			    cases[c].want);
		CHECK(log_sum(t->db, &cases[c].f, &sum, &t->err), &t->err);
		if (sum.quota != cases[c].sum)
			fail_msg("%s: got sum %d, want %d", cases[c].name, (int)sum.quota,
			    (int)cases[c].sum);
		if (sum.tokens != 3 * sum.requests)
			fail_msg("%s: got %d tokens of %d requests", cases[c].name, (int)sum.tokens,
			    (int)sum.requests);
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

/* Pages one after the other, each found by the last row of the one before. */
static void test_pages_by_row(void **state)
{
	static const struct {
		const char *name;
		struct log_filter f;
		const char *want[4];
	} cases[] = {
		{ "all", { 0 }, { "9,8,7,6", "5,4,3,2", "1", "" } },
		{ "user", { .user_id = 1 }, { "8,4,3,1", "", "", "" } },
		{ "time", { .from = 110, .to = 170 }, { "8,7,6,5", "4,3,2", "", "" } },
		{ "user and time", { .user_id = 1, .to = 130 }, { "4,3,1", "", "", "" } },
		{ "rare type", { .type = 5 }, { "6", "", "", "" } },
	};
	struct temp_db *t = *state;

	fill(t);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct log_filter f = cases[i].f;

		for (size_t page = 0; page < 4; page++) {
			struct log_list list;

			CHECK(logrow_page(t->db, t->arena, &f, 0, 4, &list, &t->err), &t->err);
			if (strcmp(ids(t, &list), cases[i].want[page]) != 0)
				fail_msg("%s, page %zu: got %s, want %s", cases[i].name, page,
				    ids(t, &list), cases[i].want[page]);
			if (list.count == 0)
				break;
			f.after_id = list.items[list.count - 1].id;
			f.after_time = list.items[list.count - 1].created_at;
		}
	}
}

static void test_count(void **state)
{
	static const struct {
		const char *name;
		struct log_filter f;
		int64_t most, want;
	} cases[] = {
		{ "all", { 0 }, 100, 9 },
		{ "exactly as many", { 0 }, 9, 9 },
		{ "too many", { 0 }, 8, -1 },
		{ "user", { .user_id = 1 }, 100, 4 },
		{ "time", { .from = 150 }, 100, 4 },
		{ "rare type", { .type = 5 }, 100, 1 },
		{ "none", { .channel = 77 }, 100, 0 },
	};
	struct temp_db *t = *state;

	fill(t);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		int64_t n = -2;

		CHECK(logrow_count(t->db, &cases[i].f, cases[i].most, &n, &t->err), &t->err);
		if (n != cases[i].want)
			fail_msg("%s: got %d, want %d", cases[i].name, (int)n, (int)cases[i].want);
	}
}

struct look {
	struct temp_db *t;
	struct log_filter f;
};

static void look(void *arg)
{
	struct look *l = arg;
	struct log_list list;

	CHECK(logrow_page(l->t->db, l->t->arena, &l->f, 0, 10, &list, &l->t->err), &l->t->err);
	assert_int_equal(list.count, 10);
}

static int64_t quietest_us(struct temp_db *t, struct log_filter f)
{
	struct look l = { t, f };

	return cost_ns(look, &l, 1) / 1000;
}

/* tests/bench/log_pages measures it with millions; here a scan would be a hundred times slower. */
static void test_long_log(void **state)
{
	static const struct {
		const char *name;
		struct log_filter f;
	} cases[] = {
		{ "all", { 0 } },
		{ "user", { .user_id = 7 } },
		{ "user and time", { .user_id = 7, .from = 1 } },
		{ "time", { .from = 2000 } },
		{ "rare type", { .type = 5 } },
		{ "in the middle", { .after_id = 400, .after_time = 400 } },
	};
	static const char fill_sql[] =
	    "WITH RECURSIVE n(i) AS (SELECT ? UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?) "
	    "INSERT INTO logs (user_id, created_at, type) "
	    "SELECT i % 20, i, CASE i % 50 WHEN 1 THEN 5 ELSE 2 END FROM n";
	struct temp_db *t = *state;
	int64_t before[COUNT_OF(cases)];

	CHECK(db_run(t->db, fill_sql, BIND(v_int(1), v_int(3000)), NULL, &t->err), &t->err);
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		before[i] = quietest_us(t, cases[i].f);
	CHECK(db_run(t->db, fill_sql, BIND(v_int(3000), v_int(150000)), NULL, &t->err), &t->err);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		int64_t after = quietest_us(t, cases[i].f);

		if (after > before[i] * 10 + 500)
			fail_msg("%s: %d us with 3,000 rows, %d us with 150,000", cases[i].name,
			    (int)before[i], (int)after);
	}
}

static int64_t number(struct temp_db *t, const char *sql)
{
	struct rows rows;
	int64_t n = 0;

	CHECK(db_query(t->db, sql, BIND_NONE, &rows, &t->err) && rows_number(&rows, &n, &t->err),
	    &t->err);
	return n;
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
		int64_t slot;
		const char *model;
		int64_t requests, quota;
	} want[] = {
		{ 0, "a", 1, 4 },
		{ 0, "b", 2, 10 },
		{ 1, "b", 1, 64 },
	};
	const struct usage_query days = { .user_id = 1,
		.from = 1740009600,
		.to = 1740182400,
		.step_s = USAGE_DAY_S };
	struct temp_db *t = *state;
	struct usage_list list;

	CHECK(usage_read(t->db, t->arena, &days, &list, &t->err), &t->err);
	assert_int_equal(list.count, 0);
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
	/* From the log alone, from usage_hours alone, and with one row of each. */
	for (int turn = 0; turn < 3; turn++) {
		if (turn == 1)
			CHECK(usage_catch_up(t->db, &t->err), &t->err);
		if (turn == 2)
			CHECK(db_script(t->db,
			          "INSERT INTO logs (user_id, created_at, type, model_name, quota, "
			          "prompt_tokens, completion_tokens) VALUES "
			          "(1, 1740100000, 2, 'b', 1000, 3, 5)",
			          &t->err),
			    &t->err);
		CHECK(usage_read(t->db, t->arena, &days, &list, &t->err), &t->err);
		assert_int_equal(list.count, COUNT_OF(want));
		for (size_t i = 0; i < COUNT_OF(want); i++) {
			int64_t more = turn == 2 && want[i].slot == 1;

			assert_int_equal(list.items[i].slot, want[i].slot);
			CHECK_TEXT(list.items[i].name, want[i].model);
			assert_int_equal(list.items[i].requests, want[i].requests + more);
			assert_int_equal(list.items[i].quota, want[i].quota + 1000 * more);
			assert_int_equal(list.items[i].prompt_tokens,
			    3 * (want[i].requests + more));
			assert_int_equal(list.items[i].completion_tokens,
			    5 * (want[i].requests + more));
		}
	}
}

/* The id of a row that goes is used again: its successor must be counted all the same. */
static void test_mark_goes_back(void **state)
{
	static const char insert_sql[] =
	    "INSERT INTO logs (user_id, created_at, type, quota) VALUES (1, 7200, 2, 5)";
	static const char sum_sql[] = "SELECT SUM(quota) FROM usage_hours";
	struct temp_db *t = *state;
	int64_t first, second;

	CHECK(db_run(t->db, insert_sql, BIND_NONE, NULL, &t->err), &t->err);
	CHECK(db_insert(t->db, insert_sql, BIND_NONE, &first, &t->err), &t->err);
	CHECK(usage_catch_up(t->db, &t->err), &t->err);
	assert_int_equal(number(t, sum_sql), 10);
	CHECK(usage_take_back(t->db, first, &t->err), &t->err);
	assert_int_equal(number(t, sum_sql), 5);
	CHECK(db_script(t->db, "DELETE FROM logs WHERE id = 2", &t->err), &t->err);
	CHECK(db_insert(t->db, insert_sql, BIND_NONE, &second, &t->err), &t->err);
	assert_int_equal(second, first);
	CHECK(usage_catch_up(t->db, &t->err), &t->err);
	assert_int_equal(number(t, sum_sql), 10);
	/* One that was not counted yet has nothing to take back. */
	CHECK(db_insert(t->db, insert_sql, BIND_NONE, &second, &t->err), &t->err);
	CHECK(usage_take_back(t->db, second, &t->err), &t->err);
	assert_int_equal(number(t, sum_sql), 10);
}

static int64_t clean(struct temp_db *t, int64_t before, int *steps)
{
	int64_t id, n, sum = 0;
	bool finished = false;

	CHECK(log_clean_begin(t->db, before, 1, &id, &t->err), &t->err);
	for (*steps = 0; !finished; ++*steps) {
		CHECK(log_clean_step(t->db, &id, &n, &finished, &t->err), &t->err);
		assert_true(id > 0 && n <= LOG_CLEAN_STEP);
		sum += n;
	}
	return sum;
}

static void test_clean_up(void **state)
{
	struct log_filter any = { 0 };
	struct temp_db *t = *state;
	struct log_sums sum;
	struct log_list list;
	int64_t id = 0, n;
	bool finished;
	int steps;

	CHECK(db_begin(t->db, &t->err), &t->err);
	for (int i = 0; i < 2500; i++) {
		struct logrow r = { .type = LOG_TYPE_CONSUME, .created_at = i, .quota = 1 };

		CHECK(logrow_insert(t->db, &r, &t->err), &t->err);
	}
	CHECK(db_commit(t->db, &t->err), &t->err);
	assert_int_equal(clean(t, 0, &steps), 0);
	assert_int_equal(clean(t, 2001, &steps), 2001);
	assert_int_equal(steps, 3);
	CHECK(logrow_page(t->db, t->arena, &any, 0, 10000, &list, &t->err), &t->err);
	assert_int_equal(list.count, 499);
	assert_int_equal(list.items[498].created_at, 2001);
	/* The log's sum is of what is left, the books keep the rest. */
	CHECK(log_sum(t->db, &any, &sum, &t->err), &t->err);
	assert_int_equal(sum.quota, 499);
	assert_int_equal(number(t, "SELECT SUM(quota) FROM usage_hours"), 2500);
	CHECK(log_clean_step(t->db, &id, &n, &finished, &t->err), &t->err);
	assert_int_equal(id, 0);
	/* All of it is what is there: hours to come are not taken for cleaned. */
	assert_int_equal(clean(t, INT64_C(9999999999), &steps), 499);
	assert_true(number(t, "SELECT cleaned_before FROM usage_mark") <= clock_unix() + 1);
}

static void test_copy(void **state)
{
	char of[] = "one two three four five six";
	struct str rest = str_c(of);
	struct logrow row = { .quota = 5, .finish = FINISH_SWEPT }, copy;
	char room[sizeof(of)];
	size_t used = 1;

	str_next(&rest, ' ', &row.content);
	str_next(&rest, ' ', &row.username);
	str_next(&rest, ' ', &row.token_name);
	str_next(&rest, ' ', &row.model_name);
	str_next(&rest, ' ', &row.request_id);
	str_next(&rest, ' ', &row.origin_model);
	assert_int_equal(logrow_bytes(&row), strlen("onetwothreefourfivesix"));
	copy = logrow_copy(&row, room, &used);
	assert_int_equal(used, 1 + logrow_bytes(&row));
	memset(of, 'x', sizeof(of)); /* what was copied is its own */
	CHECK_TEXT(copy.content, "one");
	CHECK_TEXT(copy.username, "two");
	CHECK_TEXT(copy.token_name, "three");
	CHECK_TEXT(copy.model_name, "four");
	CHECK_TEXT(copy.request_id, "five");
	CHECK_TEXT(copy.origin_model, "six");
	assert_int_equal(copy.quota, 5);
	assert_int_equal(copy.finish, FINISH_SWEPT);
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
		DB_TEST(test_clean_up),
		DB_TEST(test_pages_by_row),
		DB_TEST(test_count),
		DB_TEST(test_long_log),
		DB_TEST(test_mark_goes_back),
		DB_TEST(test_copy),
	};

	return temp_db_run("logrow", tests, COUNT_OF(tests));
}
