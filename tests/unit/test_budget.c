/* test_budget.c — budgets within reservations: refused by the sum, settled where they were taken */
#include "temp_db.h"

#include "base/arena.h"
#include "base/clock.h"
#include "billing/budget.h"
#include "billing/quota.h"

static int64_t number(struct temp_db *t, const char *sql)
{
	struct rows rows;
	int64_t n = -1;

	CHECK(db_query(t->db, sql, BIND_NONE, &rows, &t->err) && rows_number(&rows, &n, &t->err),
	    &t->err);
	return n;
}

static const char spent_sql[] = "SELECT SUM(spent) FROM budget_sums WHERE scope = 'key'";
static const char held_sql[] = "SELECT SUM(reserved) FROM budget_sums WHERE scope = 'key'";
static const char user_sql[] = "SELECT quota FROM users WHERE id = 1";

static void add_people(struct temp_db *t)
{
	static const char script[] =
	    "INSERT INTO users (id, username, quota) VALUES (1, 'anna', 1000000);"
	    "INSERT INTO tokens (id, user_id, key_hash, key_sealed, unlimited_quota) "
	    "VALUES (1, 1, x'00', '', 1);";

	CHECK(db_script(t->db, script, &t->err), &t->err);
}

static struct budget key_budget(int64_t most)
{
	return (
	    struct budget){ STR("key"), STR("1"), STR("day"), 86400 * 20000, 86400 * 20001, most };
}

static struct budget group_budget(int64_t most)
{
	return (struct budget){ STR("group"), STR("a b"), STR("month"), 86400 * 20000,
		86400 * 20030, most };
}

static bool reserve(struct temp_db *t, const char *id, int64_t amount, struct str budgets)
{
	struct hold hold = {
		.request_id = str_c(id),
		.user_id = 1,
		.token_id = 1,
		.amount = amount,
		.node = STR("test"),
		.budgets = budgets,
	};
	bool ok;

	err_clear(&t->err);
	CHECK(db_begin(t->db, &t->err), &t->err);
	ok = quota_reserve(t->db, &hold, &t->err);
	if (ok || t->err.kind == ERR_RATE_LIMIT) {
		struct err commit = { 0 };

		CHECK(db_commit(t->db, &commit), &commit);
	} else {
		db_rollback(t->db);
	}
	return ok;
}

static void settle(struct temp_db *t, const char *id, int64_t cost)
{
	struct logrow row = { .request_id = str_c(id), .quota = cost };
	bool settled;

	CHECK(db_begin(t->db, &t->err), &t->err);
	CHECK(quota_settle(t->db, &row, true, &settled, &t->err), &t->err);
	CHECK(db_commit(t->db, &t->err), &t->err);
	assert_true(settled);
}

static void test_reserve_and_settle(void **state)
{
	struct temp_db *t = *state;
	struct arena *a = arena_new(1024);
	struct budget list[] = { key_budget(1000), group_budget(1500) };
	struct str text = budget_write(a, list, 2);

	add_people(t);
	assert_true(reserve(t, "one", 600, text));
	assert_int_equal(number(t, held_sql), 600);
	assert_false(reserve(t, "two", 401, text));
	assert_int_equal(t->err.kind, ERR_RATE_LIMIT);
	assert_int_equal(err_status(&t->err), 429);
	assert_string_equal(err_code(&t->err), "budget_exceeded");
	assert_true(t->err.retry_after_s >= 1);
	assert_true(reserve(t, "three", 400, text));
	settle(t, "one", 100);
	assert_int_equal(number(t, spent_sql), 100);
	assert_int_equal(number(t, held_sql), 400);
	assert_true(reserve(t, "four", 500, text));
	/* Costs more than was held: spent above the budget, then nothing goes any more. */
	settle(t, "four", 700);
	settle(t, "three", 250);
	assert_int_equal(number(t, spent_sql), 1050);
	assert_int_equal(number(t, held_sql), 0);
	assert_false(reserve(t, "five", 0, text));
	assert_int_equal(number(t, user_sql), 1000000 - 1050);
	arena_free(a);
}

/* What a refused reservation took from the first budget, user and key comes back. */
static void test_refused_leaves_nothing(void **state)
{
	struct temp_db *t = *state;
	struct arena *a = arena_new(1024);
	struct budget list[] = { key_budget(1000), group_budget(10) };
	int64_t before;

	add_people(t);
	before = number(t, user_sql);
	assert_false(reserve(t, "six", 500, budget_write(a, list, 2)));
	assert_int_equal(number(t, held_sql), 0);
	assert_int_equal(number(t, user_sql), before);
	assert_int_equal(number(t, "SELECT COUNT(*) FROM reservations"), 0);
	arena_free(a);
}

static void test_release_and_raise(void **state)
{
	struct temp_db *t = *state;
	struct arena *a = arena_new(1024);
	struct budget b = key_budget(1000);
	struct str text = budget_write(a, &b, 1);
	struct hold seven = { .request_id = STR("seven") };

	add_people(t);
	assert_true(reserve(t, "seven", 300, text));
	CHECK(db_begin(t->db, &t->err), &t->err);
	CHECK(quota_raise(t->db, &seven, 700, &t->err), &t->err);
	CHECK(db_commit(t->db, &t->err), &t->err);
	assert_int_equal(number(t, held_sql), 1000);
	CHECK(db_begin(t->db, &t->err), &t->err);
	assert_false(quota_raise(t->db, &seven, 1, &t->err));
	assert_int_equal(t->err.kind, ERR_RATE_LIMIT);
	err_clear(&t->err);
	CHECK(quota_release(t->db, STR("seven"), &t->err), &t->err);
	CHECK(db_commit(t->db, &t->err), &t->err);
	assert_int_equal(number(t, held_sql), 0);
	assert_int_equal(number(t, spent_sql), 0);
	arena_free(a);
}

/* A new period begins at zero, and rows of the past go with it unless somebody still holds. */
static void test_next_period(void **state)
{
	struct temp_db *t = *state;
	struct arena *a = arena_new(1024);
	struct budget b = key_budget(1000);
	static const char rows_sql[] =
	    "SELECT COUNT(*) FROM budget_sums WHERE scope = 'key' AND period = 'day'";

	add_people(t);
	assert_true(reserve(t, "old", 1000, budget_write(a, &b, 1)));
	assert_int_equal(number(t, rows_sql), 1);
	b.start += 86400;
	assert_true(reserve(t, "new", 1000, budget_write(a, &b, 1)));
	assert_int_equal(number(t, rows_sql), 2);
	settle(t, "old", 900);
	assert_int_equal(number(t, held_sql), 1000);
	settle(t, "new", 10);
	assert_int_equal(number(t, spent_sql), 910);
	b.start += 86400;
	assert_true(reserve(t, "newer", 1000, budget_write(a, &b, 1)));
	assert_int_equal(number(t, rows_sql), 1);
	arena_free(a);
}

/* A crash: the sweeper settles budgets as well. */
static void test_swept(void **state)
{
	struct temp_db *t = *state;
	struct arena *a = arena_new(1024);
	struct budget b = key_budget(1000);
	int count = 0;

	add_people(t);
	assert_true(reserve(t, "gone", 1000, budget_write(a, &b, 1)));
	assert_int_equal(number(t, held_sql), 1000);
	arena_free(a);
	CHECK(db_begin(t->db, &t->err), &t->err);
	CHECK(quota_sweep(t->db, clock_unix() + 1000, 90, 10, &count, &t->err), &t->err);
	CHECK(db_commit(t->db, &t->err), &t->err);
	assert_int_equal(count, 1);
	assert_int_equal(number(t, held_sql), 0);
	/* It was only slow: what it cost counts there, too. */
	settle(t, "gone", 700);
	assert_int_equal(number(t, spent_sql), 700);
	assert_int_equal(number(t, held_sql), 0);
	assert_int_equal(number(t, "SELECT COUNT(*) FROM swept_budgets"), 0);
}

static struct budget channel_budget(const char *id, int64_t most)
{
	return (struct budget){ STR("channel"), str_c(id), STR("week"), 86400 * 20000,
		86400 * 20007, most };
}

static int64_t of_channel(struct temp_db *t, const char *column, int id)
{
	static const char spent[] = "SELECT COALESCE(SUM(spent), 0) FROM budget_sums "
	                            "WHERE scope = 'channel' AND subject = ?";
	static const char reserved[] = "SELECT COALESCE(SUM(reserved), 0) FROM budget_sums "
	                               "WHERE scope = 'channel' AND subject = ?";
	char subject[2] = { (char)('0' + id), '\0' };
	struct rows rows;
	int64_t n = -1;

	CHECK(db_query(t->db, *column == 's' ? spent : reserved, BIND(v_text(str_c(subject))),
	          &rows, &t->err) &&
	        rows_number(&rows, &n, &t->err),
	    &t->err);
	return n;
}

/* The channel's word is the last one, says nothing of its money, and leaves nothing taken. */
static void test_channel_refuses(void **state)
{
	struct temp_db *t = *state;
	struct arena *a = arena_new(1024);
	struct budget list[] = { key_budget(1000), channel_budget("5", 300) };
	struct str text = budget_write(a, list, 2);

	add_people(t);
	assert_true(reserve(t, "one", 200, text));
	assert_false(reserve(t, "two", 101, text));
	assert_string_equal(err_code(&t->err), BUDGET_OF_CHANNEL);
	assert_int_equal(err_status(&t->err), 429);
	assert_null(strstr(t->err.msg, "300"));
	assert_int_equal(number(t, held_sql), 200);
	assert_int_equal(number(t, "SELECT COUNT(*) FROM reservations"), 1);
	assert_int_equal(number(t, user_sql), 1000000 - 200);
	settle(t, "one", 250);
	assert_int_equal(of_channel(t, "spent", 5), 250);
	assert_int_equal(of_channel(t, "reserved", 5), 0);
	assert_int_equal(number(t, spent_sql), 250);
	arena_free(a);
}

static bool raise(struct temp_db *t, const char *id, int64_t more, struct str budgets)
{
	struct hold hold = { .request_id = str_c(id), .budgets = budgets };
	struct err commit = { 0 };
	bool ok;

	err_clear(&t->err);
	CHECK(db_begin(t->db, &t->err), &t->err);
	ok = quota_raise(t->db, &hold, more, &t->err);
	assert_true(ok || t->err.kind == ERR_RATE_LIMIT);
	CHECK(db_commit(t->db, &commit), &commit);
	return ok;
}

/* A request that goes on to another channel takes what it holds along. */
static void test_channel_changes(void **state)
{
	struct temp_db *t = *state;
	struct arena *a = arena_new(1024);
	struct budget to_five[] = { key_budget(500), channel_budget("5", 300) };
	struct budget to_six[] = { key_budget(500), channel_budget("6", 350) };
	struct budget to_seven[] = { key_budget(500), channel_budget("7", 299) };
	struct str five = budget_write(a, to_five, 2), six = budget_write(a, to_six, 2);
	struct str seven = budget_write(a, to_seven, 2), none = budget_write(a, to_five, 1);
	static const struct {
		const char *name;
		int to;
		int64_t more;
		bool want;
		int64_t five, six, seven, key;
	} steps[] = {
		{ "to six", 6, 0, true, 0, 300, 0, 300 },
		{ "to six again", 6, 0, true, 0, 300, 0, 300 },
		{ "more than six has", 6, 51, false, 0, 300, 0, 300 },
		{ "as much as it has", 6, 50, true, 0, 350, 0, 350 },
		{ "seven has less", 7, 0, false, 0, 350, 0, 350 },
		{ "five has less now", 5, 0, false, 0, 350, 0, 350 },
		{ "one without a budget", 0, 0, true, 0, 0, 0, 350 },
		{ "there more than the key has", 0, 151, false, 0, 0, 0, 350 },
		{ "back to six, and more than the key has", 6, 151, false, 0, 0, 0, 350 },
		{ "back to six", 6, 0, true, 0, 350, 0, 350 },
	};

	add_people(t);
	assert_true(reserve(t, "r", 300, five));
	for (size_t i = 0; i < COUNT_OF(steps); i++) {
		struct str to = steps[i].to == 5 ? five
		    : steps[i].to == 6           ? six
		    : steps[i].to == 7           ? seven
		                                 : none;
		bool ok = raise(t, "r", steps[i].more, to);

		if (ok != steps[i].want || of_channel(t, "reserved", 5) != steps[i].five ||
		    of_channel(t, "reserved", 6) != steps[i].six ||
		    of_channel(t, "reserved", 7) != steps[i].seven ||
		    number(t, held_sql) != steps[i].key ||
		    number(t, user_sql) != 1000000 - steps[i].key)
			fail_msg("%s (%s): got %d, held %d %d %d, key %d, want %d, %d %d %d, %d",
			    steps[i].name, t->err.msg, ok, (int)of_channel(t, "reserved", 5),
			    (int)of_channel(t, "reserved", 6), (int)of_channel(t, "reserved", 7),
			    (int)number(t, held_sql), steps[i].want, (int)steps[i].five,
			    (int)steps[i].six, (int)steps[i].seven, (int)steps[i].key);
	}
	/* It runs: the channel is not asked, the key is. */
	assert_true(raise(t, "r", 100, (struct str){ 0 }));
	assert_false(raise(t, "r", 51, (struct str){ 0 }));
	assert_string_equal(err_code(&t->err), "budget_exceeded");
	settle(t, "r", 420);
	assert_int_equal(of_channel(t, "spent", 6), 420);
	assert_int_equal(of_channel(t, "spent", 5), 0);
	assert_int_equal(of_channel(t, "reserved", 6), 0);
	assert_int_equal(number(t, held_sql), 0);
	arena_free(a);
}

/* Addresses are many: those of long ago go when others come, unless somebody holds there. */
static void test_addresses(void **state)
{
	static const char rows_sql[] = "SELECT COUNT(*) FROM budget_sums WHERE scope = 'address'";
	struct temp_db *t = *state;
	struct arena *a = arena_new(1024);
	struct budget b = { STR("address"), STR("192.0.2.1"), STR("day"), 86400 * 20000,
		86400 * 20001, 1000 };

	add_people(t);
	assert_true(reserve(t, "held", 10, budget_write(a, &b, 1)));
	for (int i = 0; i < 10; i++) {
		char id[16];

		snprintf(id, sizeof(id), "a%d", i);
		b.subject = str_c(arena_fmt(a, "2001:db8:%d::", i));
		assert_true(reserve(t, id, 10, budget_write(a, &b, 1)));
		settle(t, id, 10);
	}
	assert_int_equal(number(t, rows_sql), 11);
	b.start += 86400 * 40;
	for (int i = 0; i < 2; i++) {
		b.subject = str_c(arena_fmt(a, "2001:db8:ffff:%d::", i));
		assert_true(reserve(t, i ? "new" : "newer", 10, budget_write(a, &b, 1)));
	}
	assert_int_equal(number(t, rows_sql), 3);
	assert_false(reserve(t, "again", 991, budget_write(a, &b, 1)));
	assert_string_equal(err_code(&t->err), "budget_exceeded");
	arena_free(a);
}

/* As many as there may be, each as long as it may be. */
static void test_longest_text(void **state)
{
	struct arena *a = arena_new(4096);
	struct budget list[BUDGETS_MAX];

	for (size_t i = 0; i < BUDGETS_MAX; i++)
		list[i] = (struct budget){ STR("channel"),
			STR("0123456789012345678901234567890123456789012345678901234567890123"),
			STR("month"), INT64_C(99999999999), INT64_C(99999999999),
			INT64_C(1) << 50 };
	assert_int_equal(list[0].subject.n, BUDGET_SUBJECT_MAX);
	assert_true(budget_write(a, list, BUDGETS_MAX).n <= BUDGETS_TEXT_MAX);
	arena_free(a);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		DB_TEST(test_reserve_and_settle),
		DB_TEST(test_refused_leaves_nothing),
		DB_TEST(test_release_and_raise),
		DB_TEST(test_next_period),
		DB_TEST(test_swept),
		DB_TEST(test_channel_refuses),
		DB_TEST(test_channel_changes),
		DB_TEST(test_addresses),
		DB_TEST(test_longest_text),
	};

	return temp_db_run("budget", tests, COUNT_OF(tests));
}
