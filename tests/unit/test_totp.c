/* test_totp.c — time-based codes against the vectors of RFC 6238 (appendix B) and RFC 4226 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/totp.h"

/* The key of both RFCs, as text and in base32. */
static const char key[] = "12345678901234567890";
static const char secret[] = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

static void test_rfc6238(void **state)
{
	static const struct {
		int64_t time;
		const char *want;
	} cases[] = {
		{ 59, "94287082" },
		{ 1111111109, "07081804" },
		{ 1111111111, "14050471" },
		{ 1234567890, "89005924" },
		{ 2000000000, "69279037" },
		{ 20000000000, "65353130" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char got[9];

		totp_code((const uint8_t *)key, 20, cases[i].time / TOTP_STEP_S, 8, got);
		if (strcmp(got, cases[i].want) != 0)
			fail_msg("%lld: got %s, want %s", (long long)cases[i].time, got,
			    cases[i].want);
	}
}

/* RFC 4226, appendix D: the same function over a counter. */
static void test_rfc4226(void **state)
{
	static const char *const want[] = { "755224", "287082", "359152", "969429", "338314",
		"254676", "287922", "162583", "399871", "520489" };

	for (size_t i = 0; i < COUNT_OF(want); i++) {
		char got[9];

		totp_code((const uint8_t *)key, 20, (int64_t)i, 6, got);
		if (strcmp(got, want[i]) != 0)
			fail_msg("%zu: got %s, want %s", i, got, want[i]);
	}
}

/* Code 287082 is that of step 1: seconds 30 to 59. */
static void test_match(void **state)
{
	static const struct {
		const char *name, *secret, *code;
		int64_t now, want;
	} cases[] = {
		{ "its own step", secret, "287082", 45, 1 },
		{ "one step late", secret, "287082", 89, 1 },
		{ "two steps late", secret, "287082", 90, 0 },
		{ "one step early", secret, "359152", 59, 2 },
		{ "two steps early", secret, "969429", 59, 0 },
		{ "with blanks", secret, "287 082", 45, 1 },
		{ "wrong", secret, "287083", 45, 0 },
		{ "too short", secret, "28708", 45, 0 },
		{ "too long", secret, "2870820", 45, 0 },
		{ "empty", secret, "", 45, 0 },
		{ "no base32", "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJ1", "287082", 45, 0 },
		{ "no secret", "", "287082", 45, 0 },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		int64_t got =
		    totp_match(str_c(cases[i].secret), str_c(cases[i].code), cases[i].now);

		if (got != cases[i].want)
			fail_msg("%s: got %lld, want %lld", cases[i].name, (long long)got,
			    (long long)cases[i].want);
	}
}

static void test_fresh_secrets(void **state)
{
	char one[TOTP_SECRET_LEN + 1], two[TOTP_SECRET_LEN + 1];

	totp_secret(one);
	totp_secret(two);
	assert_int_equal(strlen(one), 32);
	assert_int_equal(strspn(one, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"), 32);
	assert_string_not_equal(one, two);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rfc6238),
		cmocka_unit_test(test_rfc4226),
		cmocka_unit_test(test_match),
		cmocka_unit_test(test_fresh_secrets),
	};

	return cmocka_run_group_tests_name("totp", tests, NULL, NULL);
}
