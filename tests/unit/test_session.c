/* test_session.c — table sessions: a cookie is good until it expires or its user moved on */
#include "temp_db.h"

#include "base/clock.h"
#include "store/session.h"

static struct user add(struct temp_db *t, const char *name)
{
	struct user u = { .username = str_c(name), .role = ROLE_USER, .status = USER_ENABLED };

	CHECK(user_insert(t->db, &u, &t->err), &t->err);
	return u;
}

static bool is_good(struct temp_db *t, const char *cookie, int64_t want_id)
{
	struct user got;
	struct err err = { 0 };
	bool good = session_user(t->db, t->box, t->arena, str_c(cookie), &got, &err);

	if (good)
		assert_int_equal(got.id, want_id);
	else
		assert_int_equal(err.kind, ERR_NOT_FOUND);
	return good;
}

static int64_t rows_left(struct temp_db *t)
{
	static const char sql[] = "SELECT COUNT(*) FROM sessions";
	struct rows rows;
	int64_t n = -1;

	CHECK(db_query(t->db, sql, BIND_NONE, &rows, &t->err) && rows_number(&rows, &n, &t->err),
	    &t->err);
	return n;
}

static void test_cookie(void **state)
{
	struct temp_db *t = *state;
	struct user u = add(t, "alice"), other = add(t, "bob");
	char one[SESSION_COOKIE_LEN + 1], two[SESSION_COOKIE_LEN + 1],
	    wrong[SESSION_COOKIE_LEN + 2];

	CHECK(session_create(t->db, t->box, &u, one, &t->err), &t->err);
	CHECK(session_create(t->db, t->box, &other, two, &t->err), &t->err);
	assert_int_equal(strlen(one), SESSION_COOKIE_LEN);
	assert_string_not_equal(one, two);
	assert_true(is_good(t, one, u.id));
	assert_true(is_good(t, two, other.id));

	assert_false(is_good(t, "", 0));
	snprintf(wrong, sizeof(wrong), "%s", one);
	wrong[SESSION_COOKIE_LEN - 1] = wrong[SESSION_COOKIE_LEN - 1] == '0' ? '1' : '0';
	assert_false(is_good(t, wrong, 0));
	snprintf(wrong, sizeof(wrong), "%s0", one);
	assert_false(is_good(t, wrong, 0));

	CHECK(session_delete(t->db, t->box, str_c(one), &t->err), &t->err);
	assert_false(is_good(t, one, 0));
	assert_true(is_good(t, two, other.id));
	CHECK(session_delete(t->db, t->box, str_c(one), &t->err), &t->err);
}

static void test_epoch(void **state)
{
	struct temp_db *t = *state;
	struct user u = add(t, "alice");
	char old[SESSION_COOKIE_LEN + 1], fresh[SESSION_COOKIE_LEN + 1];

	CHECK(session_create(t->db, t->box, &u, old, &t->err), &t->err);
	CHECK(user_update(t->db, &u, false, &t->err), &t->err);
	assert_true(is_good(t, old, u.id));
	CHECK(user_update(t->db, &u, true, &t->err), &t->err);
	assert_false(is_good(t, old, 0));

	CHECK(user_by_id(t->db, t->arena, u.id, &u, &t->err), &t->err);
	CHECK(session_create(t->db, t->box, &u, fresh, &t->err), &t->err);
	assert_true(is_good(t, fresh, u.id));
	CHECK(user_delete(t->db, u.id, &t->err), &t->err);
	assert_false(is_good(t, fresh, 0));
}

static void test_expiry(void **state)
{
	struct temp_db *t = *state;
	struct user u = add(t, "alice");
	char cookie[SESSION_COOKIE_LEN + 1], later[SESSION_COOKIE_LEN + 1];

	CHECK(session_create(t->db, t->box, &u, cookie, &t->err), &t->err);
	clock_test_advance((SESSION_LIFE_S - 60) * INT64_C(1000));
	assert_true(is_good(t, cookie, u.id));
	CHECK(session_create(t->db, t->box, &u, later, &t->err), &t->err);
	clock_test_advance(INT64_C(61) * 1000);
	assert_false(is_good(t, cookie, 0));
	assert_true(is_good(t, later, u.id));
	assert_int_equal(rows_left(t), 2);
	CHECK(session_sweep(t->db, &t->err), &t->err);
	assert_int_equal(rows_left(t), 1);
	assert_true(is_good(t, later, u.id));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		DB_TEST(test_cookie),
		DB_TEST(test_epoch),
		DB_TEST(test_expiry),
	};

	clock_test_stop(); /* time goes on where a test says so */
	return temp_db_run("session", tests, COUNT_OF(tests));
}
