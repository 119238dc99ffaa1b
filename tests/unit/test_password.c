/* test_password.c — our own hashes and those of an imported database */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/password.h"
#include "base/secret.h"

/* Published vectors of the bcrypt implementations by Openwall and jBCrypt. */
static void test_bcrypt(void **state)
{
	static const struct {
		const char *name, *password, *hash;
		bool want;
	} cases[] = {
		{ "2a", "U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
		    true },
		{ "wrong", "U*V", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
		    false },
		{ "empty", "", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.7uG0VCzI2bS7j6ymqJi9CdcdxiRTWNy",
		    true },
		{ "cost 10", "abc", "$2a$10$WvvTPHKwdBJ3uk0Z37EMR.hLA2W6N9AEBhEgrAOljy2Ae5MtaSIUi",
		    true },
		{ "2y", "U*U", "$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
		    true },
		{ "2b", "U*U", "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
		    true },
		{ "a cost that would stop us", "U*U",
		    "$2a$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", false },
		{ "cut off", "U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOe",
		    false },
		{ "no hash", "U*U", "U*U", false },
		{ "nothing", "", "", false },
		{ "crypt's older kinds are none of ours", "U*U",
		    "$1$abcdefgh$irWbblnpmw.5z7wgBnprh0", false },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		bool got = password_check(str_c(cases[i].password), str_c(cases[i].hash));

		if (got != cases[i].want)
			fail_msg("%s: got %d, want %d", cases[i].name, got, cases[i].want);
	}
}

/* What follows a NUL would not count for crypt(3). */
static void test_nul(void **state)
{
	struct str hash = STR("$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW");

	assert_false(password_check((struct str){ "U*U\0x", 5 }, hash));
}

static void test_ours(void **state)
{
	struct arena *a = arena_new(1024);
	struct str hash = str_c(secret_password_hash(a, STR("correct horse")));

	assert_true(password_is_current(hash));
	assert_true(password_check(STR("correct horse"), hash));
	assert_false(password_check(STR("correct horsf"), hash));
	assert_false(password_is_current(
	    STR("$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW")));
	arena_free(a);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bcrypt),
		cmocka_unit_test(test_nul),
		cmocka_unit_test(test_ours),
	};

	return cmocka_run_group_tests_name("password", tests, NULL, NULL);
}
