/* test_outbox.c — table outbox: each letter to one sender, again after a failure, not for ever */
#include "temp_db.h"

#include "base/clock.h"
#include "store/outbox.h"

static void put(struct temp_db *t, const char *subject, int life_s)
{
	struct letter l = {
		.kind = LETTER_MAIL,
		.recipient = STR("a@example.org"),
		.subject = str_c(subject),
		.html = STR("<p>secret 123</p>"),
		.life_s = life_s,
	};

	CHECK(outbox_put(t->db, t->box, t->arena, &l, &t->err), &t->err);
}

static bool take(struct temp_db *t, struct letter *l)
{
	bool found = false;

	CHECK(outbox_take(t->db, t->box, t->arena, l, &found, &t->err), &t->err);
	return found;
}

static void test_order(void **state)
{
	struct temp_db *t = *state;
	struct letter l;

	assert_false(take(t, &l));
	put(t, "one", 0);
	put(t, "two", 0);
	assert_true(take(t, &l));
	CHECK_TEXT(l.subject, "one");
	CHECK_TEXT(l.recipient, "a@example.org");
	CHECK_TEXT(l.html, "<p>secret 123</p>");
	assert_string_equal(l.kind, LETTER_MAIL);
	assert_int_equal(l.tries, 1);
	CHECK(outbox_sent(t->db, l.id, &t->err), &t->err);
	assert_true(take(t, &l));
	CHECK_TEXT(l.subject, "two");
	assert_false(take(t, &l));
}

/* Its sender died: after the lease it is due again. */
static void test_lease(void **state)
{
	struct temp_db *t = *state;
	struct letter l;

	put(t, "one", 0);
	assert_true(take(t, &l));
	assert_false(take(t, &l));
	clock_test_advance((OUTBOX_LEASE_S + 1) * 1000);
	assert_true(take(t, &l));
	assert_int_equal(l.tries, 2);
}

static void test_failures(void **state)
{
	struct temp_db *t = *state;
	struct letter l;
	bool given_up = false;
	int tries = 0;

	put(t, "one", 7 * 24 * 3600);
	while (!given_up) {
		assert_true(take(t, &l));
		assert_int_equal(l.tries, ++tries);
		CHECK(outbox_failed(t->db, &l, &given_up, &t->err), &t->err);
		assert_false(take(t, &l));
		clock_test_advance(INT64_C(3600) * 24 * 1000);
	}
	assert_int_equal(tries, OUTBOX_TRIES);
	assert_false(take(t, &l));
}

static void test_expiry(void **state)
{
	struct temp_db *t = *state;
	struct letter l;

	put(t, "short", 600);
	put(t, "long", 0);
	clock_test_advance(601 * 1000);
	assert_true(take(t, &l));
	CHECK_TEXT(l.subject, "long");
	assert_false(take(t, &l));
}

/* A code in a letter is no more readable in the table than it is in table codes. */
static void test_sealed(void **state)
{
	static const char sql[] =
	    "SELECT COUNT(*) FROM outbox WHERE body_sealed LIKE '%secret%' OR body_sealed = ''";
	struct temp_db *t = *state;
	struct rows rows;
	int64_t n = -1;

	put(t, "one", 0);
	CHECK(db_query(t->db, sql, BIND_NONE, &rows, &t->err) && rows_number(&rows, &n, &t->err),
	    &t->err);
	assert_int_equal(n, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		DB_TEST(test_order),
		DB_TEST(test_lease),
		DB_TEST(test_failures),
		DB_TEST(test_expiry),
		DB_TEST(test_sealed),
	};

	clock_test_stop(); /* time goes on where a test says so */
	return temp_db_run("outbox", tests, COUNT_OF(tests));
}
