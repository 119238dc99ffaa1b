/* test_logblocks.c — rare values in a long log: found whatever is noted, and by reading little of it */
#include "temp_db.h"

#include "store/logblocks.h"
#include "store/logstats.h"

#define BLOCKS 5
#define ROWS (BLOCKS * LOG_BLOCK_IDS + 1000)
#define BEGIN INT64_C(1700000000)

static void run(struct temp_db *t, const char *sql)
{
	CHECK(db_script(t->db, sql, &t->err), &t->err);
}

static int64_t number(struct temp_db *t, const char *sql)
{
	struct rows rows;
	int64_t n = 0;

	CHECK(db_query(t->db, sql, BIND_NONE, &rows, &t->err) && rows_number(&rows, &n, &t->err),
	    &t->err);
	return n;
}

/* A second from row to row. Every 1000th is of model-rare, in the first block and in the last; every
 * 7000th of key rare; channel 9 has three rows in the middle. */
static void fill(struct temp_db *t)
{
	static const char sql[] =
	    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) "
	    "INSERT INTO logs (id, user_id, created_at, type, username, token_name, model_name, "
	    "channel_id, token_id) SELECT i, CASE WHEN i % 1000 = 1 OR i = 20000 THEN 7 ELSE 0 "
	    "END, ? + i, 2, 'u', "
	    "CASE WHEN i % 7000 = 1 THEN 'rare' ELSE 'key' || (i % 3) END, "
	    "CASE WHEN i % 1000 = 1 AND (i < 8192 OR i > 40000) THEN 'model-rare' "
	    "ELSE 'model-' || (i % 4) END, CASE WHEN i IN (20000, 20001, 24577) THEN 9 ELSE 1 END, "
	    "1 "
	    "FROM n";

	CHECK(db_run(t->db, sql, BIND(v_int(ROWS), v_int(BEGIN)), NULL, &t->err), &t->err);
}

static void note_all(struct temp_db *t)
{
	bool more = true;

	while (more)
		CHECK(log_blocks_step(t->db, &more, &t->err), &t->err);
}

/* clang-format off */
static const struct {
	const char *name;
	struct log_filter filter;
} filters[] = {
	{ "a model of some blocks", { .model_name = STR_INIT("model-rare") } },
	{ "a key of some blocks", { .token_name = STR_INIT("rare") } },
	{ "a channel in the middle", { .channel = 9 } },
	{ "a common model", { .model_name = STR_INIT("model-2") } },
	{ "a model that there is not", { .model_name = STR_INIT("no such") } },
	{ "a channel that there is not", { .channel = 77 } },
	{ "two that meet", { .model_name = STR_INIT("model-1"), .token_name = STR_INIT("rare") } },
	{ "two that never meet", { .model_name = STR_INIT("model-rare"), .channel = 9 } },
	{ "three", { .model_name = STR_INIT("model-0"), .token_name = STR_INIT("key2"), .channel = 9 } },
	{ "with dates", { .model_name = STR_INIT("model-rare"), .from = BEGIN + 1000, .to = BEGIN + 40002 } },
	{ "dates of one block", { .channel = 9, .from = BEGIN + 20001, .to = BEGIN + 20001 } },
	{ "behind a row", { .model_name = STR_INIT("model-rare"), .after_id = 41001, .after_time = BEGIN + 41001 } },
	{ "behind a row in the middle", { .token_name = STR_INIT("rare"), .after_id = 21001, .after_time = BEGIN + 21001 } },
	{ "only consumption", { .type = LOG_TYPE_CONSUME, .token_name = STR_INIT("rare") } },
	{ "all but the usual channel", { .without = { .channel = 1 } } },
	{ "of a model, but not of the usual channel", { .model_name = STR_INIT("model-1"), .without = { .channel = 1 } } },
	{ "all but a model", { .without = { .model_name = STR_INIT("model-2") } } },
	{ "with dates, all but a channel", { .from = BEGIN + 20001, .to = BEGIN + 30000, .without = { .channel = 1 } } },
	{ "all but everybody", { .without = { .username = STR_INIT("u") } } },
	{ "a name without an account", { .username = STR_INIT("u"), .token_name = STR_INIT("rare") } },
	{ "a name that nobody has", { .username = STR_INIT("nobody") } },
	{ "of one user, all but a channel", { .user_id = 7, .without = { .channel = 1 } } },
};
/* clang-format on */

static bool in_filter(const struct log_filter *f, int64_t i)
{
	bool rare = i % 1000 == 1 && (i < 8192 || i > 40000);
	int64_t channel = i == 20000 || i == 20001 || i == 24577 ? 9 : 1;
	char model[32], key[32];

	snprintf(model, sizeof model, rare ? "model-rare" : "model-%d", (int)(i % 4));
	snprintf(key, sizeof key, i % 7000 == 1 ? "rare" : "key%d", (int)(i % 3));
	if ((f->user_id && i % 1000 != 1 && i != 20000) ||
	    (f->username.n && !str_eq_c(f->username, "u")) || f->without.username.n ||
	    str_eq_c(f->without.model_name, model) || f->without.channel == channel)
		return false;
	return (f->model_name.n == 0 || str_eq_c(f->model_name, model)) &&
	    (f->token_name.n == 0 || str_eq_c(f->token_name, key)) &&
	    (f->channel == 0 || f->channel == channel) && BEGIN + i >= f->from &&
	    (f->to == 0 || BEGIN + i <= f->to) && (f->after_id == 0 || i < f->after_id);
}

/* The newest ten that the filter means, by counting down. */
static void check_page(struct temp_db *t, const char *when, size_t which)
{
	const struct log_filter *f = &filters[which].filter;
	struct log_list list;
	size_t n = 0;

	CHECK(logrow_page(t->db, t->arena, f, 0, 10, &list, &t->err), &t->err);
	for (int64_t i = ROWS; i > 0 && n < 10; i--) {
		if (!in_filter(f, i))
			continue;
		if (n >= list.count || list.items[n].id != i)
			fail_msg("%s, %s: row %zu: got %lld, want %lld", when, filters[which].name,
			    n, n < list.count ? (long long)list.items[n].id : -1, (long long)i);
		n++;
	}
	if (n != list.count)
		fail_msg("%s, %s: got %zu rows, want %zu", when, filters[which].name, list.count,
		    n);
}

static void check_pages(struct temp_db *t, const char *when)
{
	for (size_t i = 0; i < COUNT_OF(filters); i++)
		check_page(t, when, i);
}

static void test_pages(void **state)
{
	struct temp_db *t = *state;
	bool more;

	fill(t);
	check_pages(t, "nothing noted");
	CHECK(log_blocks_step(t->db, &more, &t->err), &t->err);
	assert_true(more);
	check_pages(t, "one block noted");
	note_all(t);
	/* All but the last whole one and the one that is being filled. */
	assert_int_equal(number(t, "SELECT blocks FROM log_blocks_mark"), BLOCKS - 1);
	check_pages(t, "all noted");
}

/* With its rows gone from the table, a block that was not read cannot be missed. */
static void test_reads_few_blocks(void **state)
{
	struct temp_db *t = *state;
	const struct log_filter f = { .channel = 9 }, but = { .without = { .channel = 1 } };
	struct log_list list;

	fill(t);
	note_all(t);
	run(t, "UPDATE logs SET channel_id = 9 WHERE id = 10000"); /* in a block noted without it */
	CHECK(logrow_page(t->db, t->arena, &f, 0, 10, &list, &t->err), &t->err);
	assert_int_equal(list.count, 3);
	assert_int_equal(list.items[2].id, 20000);
	CHECK(logrow_page(t->db, t->arena, &but, 0, 10, &list, &t->err), &t->err);
	assert_int_equal(list.count, 3);
	assert_int_equal(list.items[2].id, 20000);
	CHECK(logrow_page(t->db, t->arena, &but, 2, 10, &list, &t->err), &t->err);
	assert_int_equal(list.count, 1);
	assert_int_equal(list.items[0].id, 20000);
	CHECK(logrow_page(t->db, t->arena, &but, 3, 10, &list, &t->err), &t->err);
	assert_int_equal(list.count, 0);
}

/* Ids begin anew when the newest rows go: what was noted of the old ones says nothing of the new. */
static void test_log_is_cleaned(void **state)
{
	struct temp_db *t = *state;
	int64_t id, n;
	bool finished = false;

	fill(t);
	note_all(t);
	CHECK(log_clean_begin(t->db, BEGIN + 10 * ROWS, 1, &id, &t->err), &t->err);
	while (!finished)
		CHECK(log_clean_step(t->db, &id, &n, &finished, &t->err), &t->err);
	assert_int_equal(number(t, "SELECT COUNT(*) FROM logs"), 0);
	assert_int_equal(number(t, "SELECT blocks FROM log_blocks_mark"), 0);
	fill(t);
	check_pages(t, "a new log");
	note_all(t);
	check_pages(t, "noted anew");

	/* Only the old ones: notes of their blocks go. */
	finished = false;
	CHECK(log_clean_begin(t->db, BEGIN + 3 * LOG_BLOCK_IDS, 1, &id, &t->err), &t->err);
	while (!finished)
		CHECK(log_clean_step(t->db, &id, &n, &finished, &t->err), &t->err);
	assert_int_equal(number(t, "SELECT COUNT(*) FROM log_blocks WHERE block < 3"), 0);
	assert_true(number(t, "SELECT COUNT(*) FROM log_blocks WHERE block = 3") > 0);
	check_page(t, "old rows cleaned", 3);
}

/* ---- plans ------------------------------------------------------------------------------------- */

/* No page reads the table but by an index or its ids, and none sorts. */
static void test_plans(void **state)
{
	struct temp_db *t = *state;
	const char *const *all;
	size_t count;

	all = logrow_statements(&count);
	assert_true(count >= 10);
	for (size_t i = 0; i < count; i++) {
		const char *sql = arena_fmt(t->arena, "EXPLAIN QUERY PLAN %s", all[i]);
		struct value nulls[64] = { 0 };
		size_t holes = 0;
		struct rows rows;

		for (const char *p = sql; *p; p++)
			holes += *p == '?';
		assert_true(holes <= COUNT_OF(nulls));
		CHECK(db_query(t->db, sql, nulls, holes, &rows, &t->err), &t->err);
		while (rows_next(&rows)) {
			struct str line = rows_text(&rows, 3);

			if (str_eq_c(line, "SCAN logs") || str_has(line, STR("TEMP B-TREE")))
				fail_msg("statement %zu: %.*s", i, STR_ARG(line));
		}
		CHECK(rows_close(&rows, &t->err), &t->err);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		DB_TEST(test_pages),
		DB_TEST(test_reads_few_blocks),
		DB_TEST(test_log_is_cleaned),
		DB_TEST(test_plans),
	};

	return temp_db_run("logblocks", tests, COUNT_OF(tests));
}
