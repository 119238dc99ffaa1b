/* test_code.c — table codes: tries, expiry, one use, shared by all connections */
#include "temp_db.h"

#include "base/clock.h"
#include "store/code.h"

static void put(struct temp_db *t, const char *subject, const char *code)
{
	CHECK(code_put(t->db, t->box, CODE_EMAIL, str_c(subject), str_c(code), 600, 0, &t->err),
	    &t->err);
}

static bool check(struct temp_db *t, const char *subject, const char *code)
{
	bool right = false;

	CHECK(code_check(t->db, t->box, CODE_EMAIL, str_c(subject), str_c(code), &right, &t->err),
	    &t->err);
	return right;
}

static bool take(struct temp_db *t, const char *subject, const char *code)
{
	bool right = false;

	CHECK(code_take(t->db, t->box, CODE_EMAIL, str_c(subject), str_c(code), &right, &t->err),
	    &t->err);
	return right;
}

static void test_use(void **state)
{
	struct temp_db *t = *state;
	struct db *other = temp_db_connect(t);
	bool right = false;

	put(t, "a@example.org", "12345678");
	assert_false(check(t, "a@example.org", "12345679"));
	assert_false(check(t, "b@example.org", "12345678"));
	assert_true(check(t, "a@example.org", "12345678"));
	assert_true(check(t, "A@Example.org", "12345678"));
	CHECK(code_check(other, t->box, CODE_EMAIL, STR("a@example.org"), STR("12345678"), &right,
	          &t->err),
	    &t->err);
	assert_true(right);
	CHECK(code_check(t->db, t->box, CODE_RESET, STR("a@example.org"), STR("12345678"), &right,
	          &t->err),
	    &t->err);
	assert_false(right);

	assert_false(take(t, "a@example.org", "12345679"));
	assert_true(take(t, "a@example.org", "12345678"));
	assert_false(take(t, "a@example.org", "12345678"));
	assert_false(check(t, "a@example.org", "12345678"));
	db_close(other);
}

static void test_newest_counts(void **state)
{
	struct temp_db *t = *state;

	put(t, "a@example.org", "11111111");
	put(t, "a@example.org", "22222222");
	assert_false(check(t, "a@example.org", "11111111"));
	assert_true(check(t, "a@example.org", "22222222"));
}

/* Right ones cost nothing, five wrong ones end it. */
static void test_tries(void **state)
{
	struct temp_db *t = *state;

	put(t, "a@example.org", "12345678");
	for (int i = 0; i < 20; i++)
		assert_true(check(t, "a@example.org", "12345678"));
	for (int i = 0; i < CODE_TRIES; i++)
		assert_false(check(t, "a@example.org", "00000000"));
	assert_false(check(t, "a@example.org", "12345678"));
	assert_false(take(t, "a@example.org", "12345678"));
}

/* A look costs no try: for codes that are too long to guess. */
static void test_look(void **state)
{
	struct temp_db *t = *state;
	bool right = true;

	put(t, "a@example.org", "12345678");
	for (int i = 0; i < 2 * CODE_TRIES; i++) {
		CHECK(code_is(t->db, t->box, CODE_EMAIL, STR("a@example.org"), STR("x"), &right,
		          &t->err),
		    &t->err);
		assert_false(right);
	}
	CHECK(code_is(t->db, t->box, CODE_EMAIL, STR("a@example.org"), STR("12345678"), &right,
	          &t->err),
	    &t->err);
	assert_true(right);
	assert_true(take(t, "a@example.org", "12345678"));
}

static void test_gap(void **state)
{
	struct temp_db *t = *state;
	struct err err = { 0 };

	put(t, "a@example.org", "12345678");
	assert_false(
	    code_put(t->db, t->box, CODE_EMAIL, STR("A@example.org"), STR("2"), 600, 60, &err));
	assert_int_equal(err.kind, ERR_RATE_LIMIT);
	assert_true(err.retry_after_s > 0 && err.retry_after_s <= 60);
	CHECK(code_put(t->db, t->box, CODE_EMAIL, STR("b@example.org"), STR("2"), 600, 60, &t->err),
	    &t->err);
	clock_test_advance(61 * 1000);
	CHECK(code_put(t->db, t->box, CODE_EMAIL, STR("a@example.org"), STR("2"), 600, 60, &t->err),
	    &t->err);
}

static void test_expiry(void **state)
{
	struct temp_db *t = *state;

	put(t, "a@example.org", "12345678");
	clock_test_advance(599 * 1000);
	assert_true(check(t, "a@example.org", "12345678"));
	clock_test_advance(2 * 1000);
	assert_false(check(t, "a@example.org", "12345678"));
	assert_false(take(t, "a@example.org", "12345678"));
	CHECK(code_sweep(t->db, &t->err), &t->err);
}

static void test_uses(void **state)
{
	struct temp_db *t = *state;
	bool right = true;

	CHECK(code_put(t->db, t->box, CODE_TURNSTILE, STR("x"), STR(""), 600, 0, &t->err), &t->err);
	for (int i = 0; i < 3; i++) {
		CHECK(code_use(t->db, CODE_TURNSTILE, STR("x"), 3, &right, &t->err), &t->err);
		assert_true(right);
	}
	CHECK(code_use(t->db, CODE_TURNSTILE, STR("x"), 3, &right, &t->err), &t->err);
	assert_false(right);
	CHECK(code_use(t->db, CODE_TURNSTILE, STR("y"), 3, &right, &t->err), &t->err);
	assert_false(right);
}

/* A copy of the table must not help: the code stands nowhere. */
static void test_hashed(void **state)
{
	static const char sql[] = "SELECT COUNT(*) FROM codes WHERE subject = '12345678' OR "
	                          "CAST(code_hash AS TEXT) = '12345678' OR length(code_hash) <> 32";
	struct temp_db *t = *state;
	struct rows rows;
	int64_t n = -1;

	put(t, "a@example.org", "12345678");
	CHECK(db_query(t->db, sql, BIND_NONE, &rows, &t->err) && rows_number(&rows, &n, &t->err),
	    &t->err);
	assert_int_equal(n, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		DB_TEST(test_use),
		DB_TEST(test_newest_counts),
		DB_TEST(test_tries),
		DB_TEST(test_look),
		DB_TEST(test_gap),
		DB_TEST(test_expiry),
		DB_TEST(test_uses),
		DB_TEST(test_hashed),
	};

	clock_test_stop(); /* time goes on where a test says so */
	return temp_db_run("code", tests, COUNT_OF(tests));
}
