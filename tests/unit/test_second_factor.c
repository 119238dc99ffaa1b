/* test_second_factor.c — tables second_factors and recovery_codes */
#include "temp_db.h"

#include "store/second_factor.h"

#define SECRET "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"

static bool in_force(struct temp_db *t, int64_t id)
{
	bool yes = false;

	CHECK(second_factor_in_force(t->db, id, &yes, &t->err), &t->err);
	return yes;
}

static void begin(struct temp_db *t, int64_t id)
{
	CHECK(second_factor_begin(t->db, t->box, t->arena, id, STR(SECRET), &t->err), &t->err);
}

static void test_life(void **state)
{
	struct temp_db *t = *state;
	struct second_factor f;
	struct err err = { 0 };
	bool found = true;

	CHECK(second_factor_get(t->db, t->box, t->arena, 7, &f, &found, &t->err), &t->err);
	assert_false(found);
	begin(t, 7);
	begin(t, 7);
	assert_false(in_force(t, 7));
	CHECK(second_factor_get(t->db, t->box, t->arena, 7, &f, &found, &t->err), &t->err);
	assert_true(found && !f.in_force);
	CHECK_TEXT(f.secret, SECRET);

	CHECK(second_factor_confirm(t->db, 7, &t->err), &t->err);
	assert_true(in_force(t, 7));
	assert_false(in_force(t, 8));
	assert_false(second_factor_begin(t->db, t->box, t->arena, 7, STR(SECRET), &err));
	assert_int_equal(err.kind, ERR_BAD_REQUEST);

	CHECK(second_factor_drop(t->db, 7, &t->err), &t->err);
	assert_false(in_force(t, 7));
}

static void test_steps_only_grow(void **state)
{
	static const struct {
		int64_t step;
		bool fresh;
	} cases[] = { { 100, true }, { 100, false }, { 99, false }, { 101, true } };
	struct temp_db *t = *state;

	begin(t, 7);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		bool fresh = !cases[i].fresh;

		CHECK(second_factor_step(t->db, 7, cases[i].step, &fresh, &t->err), &t->err);
		if (fresh != cases[i].fresh)
			fail_msg("case %zu, step %lld: got %d", i, (long long)cases[i].step, fresh);
	}
}

static bool recover(struct temp_db *t, int64_t id, const char *code)
{
	bool right = false;

	CHECK(second_factor_recover(t->db, t->box, id, str_c(code), &right, &t->err), &t->err);
	return right;
}

static void test_recovery(void **state)
{
	struct temp_db *t = *state;
	char codes[RECOVERY_CODES][RECOVERY_CODE_LEN + 1];
	char old[RECOVERY_CODE_LEN + 1], loose[32];
	struct second_factor f;
	bool found;

	begin(t, 7);
	CHECK(second_factor_new_codes(t->db, t->box, 7, codes, &t->err), &t->err);
	for (int i = 0; i < RECOVERY_CODES; i++) {
		assert_int_equal(strlen(codes[i]), RECOVERY_CODE_LEN);
		assert_int_equal(codes[i][5], '-');
		for (int k = 0; k < i; k++)
			assert_string_not_equal(codes[i], codes[k]);
	}
	assert_false(recover(t, 8, codes[0]));
	assert_true(recover(t, 7, codes[0]));
	assert_false(recover(t, 7, codes[0]));
	snprintf(loose, sizeof(loose), "%.5s %.5s", codes[1], codes[1] + 6);
	assert_true(recover(t, 7, loose));
	assert_false(recover(t, 7, ""));
	CHECK(second_factor_get(t->db, t->box, t->arena, 7, &f, &found, &t->err), &t->err);
	assert_int_equal(f.recovery_codes, RECOVERY_CODES - 2);

	snprintf(old, sizeof(old), "%s", codes[2]);
	CHECK(second_factor_new_codes(t->db, t->box, 7, codes, &t->err), &t->err);
	assert_false(recover(t, 7, old));
	assert_true(recover(t, 7, codes[9]));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		DB_TEST(test_life),
		DB_TEST(test_steps_only_grow),
		DB_TEST(test_recovery),
	};

	return temp_db_run("second_factor", tests, COUNT_OF(tests));
}
