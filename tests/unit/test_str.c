/* test_str.c — views: compare, search, split, numbers, UTF-8 */
#include <float.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"

static void check_str(const char *name, struct str got, struct str want)
{
	if (!str_eq(got, want))
		fail_msg("%s: got '%.*s', want '%.*s'", name, STR_ARG(got), STR_ARG(want));
}

static void check_bool(const char *name, bool got, bool want)
{
	if (got != want)
		fail_msg("%s: got %d, want %d", name, got, want);
}

static void check_size(const char *name, size_t got, size_t want)
{
	if (got != want)
		fail_msg("%s: got %zu, want %zu", name, got, want);
}

static void test_slice(void **state)
{
	static const struct {
		const char *name;
		struct str in;
		size_t from, to;
		struct str want;
	} cases[] = {
		{ "middle", STR_INIT("abcdef"), 2, 4, STR_INIT("cd") },
		{ "whole", STR_INIT("abc"), 0, 3, STR_INIT("abc") },
		{ "past the end", STR_INIT("abc"), 1, 99, STR_INIT("bc") },
		{ "from past the end", STR_INIT("abc"), 99, 120, STR_INIT("") },
		{ "backwards", STR_INIT("abc"), 2, 1, STR_INIT("") },
		{ "of nothing", { NULL, 0 }, 0, 3, STR_INIT("") },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++)
		check_str(cases[i].name, str_slice(cases[i].in, cases[i].from, cases[i].to),
		    cases[i].want);
}

static void test_trim(void **state)
{
	static const struct {
		const char *name;
		struct str in, want;
	} cases[] = {
		{ "none", STR_INIT("a b"), STR_INIT("a b") },
		{ "both ends", STR_INIT(" \t\r\na b\n\r\t "), STR_INIT("a b") },
		{ "all blank", STR_INIT(" \t "), STR_INIT("") },
		{ "vertical tab stays", STR_INIT("\va\f"), STR_INIT("\va\f") },
		{ "empty", STR_INIT(""), STR_INIT("") },
		{ "null", { NULL, 0 }, STR_INIT("") },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++)
		check_str(cases[i].name, str_trim(cases[i].in), cases[i].want);
}

static void test_without_slashes(void **state)
{
	static const struct {
		const char *name;
		struct str in, want;
	} cases[] = {
		{ "none", STR_INIT("http://a/b"), STR_INIT("http://a/b") },
		{ "one", STR_INIT("http://a/b/"), STR_INIT("http://a/b") },
		{ "many", STR_INIT("http://a///"), STR_INIT("http://a") },
		{ "nothing else", STR_INIT("//"), STR_INIT("") },
		{ "null", { NULL, 0 }, STR_INIT("") },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++)
		check_str(cases[i].name, str_without_slashes(cases[i].in), cases[i].want);
}

static void test_compare(void **state)
{
	static const struct {
		struct str a, b;
		bool eq, nocase;
		int order;
	} cases[] = {
		{ STR_INIT("a"), STR_INIT("a"), true, true, 0 },
		{ STR_INIT("Bearer"), STR_INIT("bEARER"), false, true, -1 },
		{ STR_INIT("a"), STR_INIT("ab"), false, false, -1 },
		{ STR_INIT("b"), STR_INIT("ab"), false, false, 1 },
		{ STR_INIT(""), STR_INIT("a"), false, false, -1 },
		{ STR_INIT("a\0b"), STR_INIT("a\0c"), false, false, -1 },
		{ STR_INIT("\xff"), STR_INIT("a"), false, false, 1 },
		{ STR_INIT("@"), STR_INIT("`"), false, false, -1 },
		{ STR_INIT("["), STR_INIT("{"), false, false, -1 },
		{ { NULL, 0 }, STR_INIT(""), true, true, 0 },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char name[64];
		int order = str_cmp(cases[i].a, cases[i].b);

		snprintf(name, sizeof(name), "case %zu '%.*s'", i, STR_ARG(cases[i].a));
		check_bool(name, str_eq(cases[i].a, cases[i].b), cases[i].eq);
		check_bool(name, str_eq_nocase(cases[i].a, cases[i].b), cases[i].nocase);
		check_bool(name, (order > 0) - (order < 0) == cases[i].order, true);
		order = str_cmp(cases[i].b, cases[i].a);
		check_bool(name, (order < 0) - (order > 0) == cases[i].order, true);
	}
	check_bool("eq_c", str_eq_c(STR("abc"), "abc"), true);
	check_bool("eq_c shorter", str_eq_c(STR("ab"), "abc"), false);
	check_bool("eq_c null", str_eq_c(STR(""), NULL), true);
}

static void test_starts_ends(void **state)
{
	check_bool("starts", str_starts(STR("Bearer x"), STR("Bearer ")), true);
	check_bool("starts case", str_starts(STR("bearer x"), STR("Bearer ")), false);
	check_bool("starts nocase", str_starts_nocase(STR("bEArer x"), STR("Bearer ")), true);
	check_bool("starts longer", str_starts(STR("Be"), STR("Bearer")), false);
	check_bool("starts nocase longer", str_starts_nocase(STR("Be"), STR("Bearer")), false);
	check_bool("starts empty", str_starts(str_c(NULL), STR("")), true);
	check_bool("ends", str_ends(STR("a.json"), STR(".json")), true);
	check_bool("ends not", str_ends(STR("a.jsonl"), STR(".json")), false);
	check_bool("ends longer", str_ends(STR("n"), STR("json")), false);
	check_bool("ends empty", str_ends(str_c(NULL), STR("")), true);
}

static void test_find(void **state)
{
	check_size("char", str_find(STR("a,b,c"), ','), 1);
	check_size("char absent", str_find(STR("abc"), ','), 3);
	check_size("char in nothing", str_find(str_c(NULL), ','), 0);
	check_size("text", str_find_str(STR("abcabd"), STR("abd")), 3);
	check_size("text absent", str_find_str(STR("abcab"), STR("abd")), 5);
	check_size("text longer", str_find_str(STR("ab"), STR("abc")), 2);
	check_size("empty text", str_find_str(STR("ab"), STR("")), 0);
	check_bool("has at the end", str_has(STR("xyz"), STR("z")), true);
	check_bool("has not", str_has(STR("xyz"), STR("a")), false);
	check_bool("nothing has nothing", str_has(STR(""), STR("")), true);
	check_bool("nothing has something", str_has(STR(""), STR("a")), false);
}

static void test_next(void **state)
{
	static const struct {
		const char *in;
		const char *want; /* items joined with | and ended with ; */
	} cases[] = {
		{ "a,b", "a|b|;" },
		{ "a,,b", "a||b|;" },
		{ ",a", "|a|;" },
		{ "a,", "a|;" },
		{ ",", "|;" },
		{ "a", "a|;" },
		{ "", ";" },
		{ " a , b ", " a | b |;" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct str rest = str_c(cases[i].in), item;
		char got[64] = "";

		while (str_next(&rest, ',', &item)) {
			size_t n = strlen(got);

			snprintf(got + n, sizeof(got) - n, "%.*s|", STR_ARG(item));
		}
		strncat(got, ";", 2);
		check_str(cases[i].in, str_c(got), str_c(cases[i].want));
	}
}

static void test_list_has(void **state)
{
	static const struct {
		const char *list, *word;
		bool want;
	} cases[] = {
		{ "gpt-4,gpt-4o", "gpt-4o", true },
		{ "gpt-4, gpt-4o ,x", "gpt-4o", true },
		{ "gpt-4o-mini", "gpt-4o", false },
		{ "gpt-4", "gpt-4o", false },
		{ "GPT-4O", "gpt-4o", false },
		{ "a,,b", "", false },
		{ "", "a", false },
		{ "", "", false },
		{ "a b", "a", false },
		{ "a,b", "a,b", false },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++)
		check_bool(cases[i].list, str_list_has(str_c(cases[i].list), str_c(cases[i].word)),
		    cases[i].want);
}

static void test_to_int(void **state)
{
	static const struct {
		const char *in;
		int64_t min, max;
		bool ok;
		int64_t want;
	} cases[] = {
		{ "0", 0, 10, true, 0 },
		{ "10", 0, 10, true, 10 },
		{ "11", 0, 10, false, 0 },
		{ "-1", 0, 10, false, 0 },
		{ "-5", -5, 0, true, -5 },
		{ "007", 0, 10, true, 7 },
		{ "-0", 0, 10, true, 0 },
		{ "9223372036854775807", INT64_MIN, INT64_MAX, true, INT64_MAX },
		{ "-9223372036854775808", INT64_MIN, INT64_MAX, true, INT64_MIN },
		{ "9223372036854775808", INT64_MIN, INT64_MAX, false, 0 },
		{ "-9223372036854775809", INT64_MIN, INT64_MAX, false, 0 },
		{ "92233720368547758070", INT64_MIN, INT64_MAX, false, 0 },
		{ "99999999999999999999999999", INT64_MIN, INT64_MAX, false, 0 },
		{ "", INT64_MIN, INT64_MAX, false, 0 },
		{ "-", INT64_MIN, INT64_MAX, false, 0 },
		{ "+1", INT64_MIN, INT64_MAX, false, 0 },
		{ " 1", INT64_MIN, INT64_MAX, false, 0 },
		{ "1 ", INT64_MIN, INT64_MAX, false, 0 },
		{ "1.0", INT64_MIN, INT64_MAX, false, 0 },
		{ "1e3", INT64_MIN, INT64_MAX, false, 0 },
		{ "0x10", INT64_MIN, INT64_MAX, false, 0 },
		{ "--1", INT64_MIN, INT64_MAX, false, 0 },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		int64_t got = 0;
		bool ok = str_to_int(str_c(cases[i].in), cases[i].min, cases[i].max, &got);

		if (ok != cases[i].ok || got != cases[i].want)
			fail_msg("'%s': got %d %" PRId64 ", want %d %" PRId64, cases[i].in, ok, got,
			    cases[i].ok, cases[i].want);
	}
}

static void test_to_double(void **state)
{
	static const struct {
		const char *in;
		bool ok;
		double want;
	} cases[] = {
		{ "0", true, 0 },
		{ "1.5", true, 1.5 },
		{ "-2.25", true, -2.25 },
		{ "1e3", true, 1000 },
		{ "1E+3", true, 1000 },
		{ "25e-2", true, 0.25 },
		{ "1e400", false, 0 },
		{ "inf", false, 0 },
		{ "nan", false, 0 },
		{ "0x1p3", false, 0 },
		{ "1.", false, 0 },
		{ ".5", false, 0 },
		{ "1e", false, 0 },
		{ "1e+", false, 0 },
		{ "+1", false, 0 },
		{ " 1", false, 0 },
		{ "1 ", false, 0 },
		{ "1,5", false, 0 },
		{ "", false, 0 },
		{ "-", false, 0 },
	};
	char longest[600];
	double got;

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		bool ok;

		got = 0;
		ok = str_to_double(str_c(cases[i].in), &got);
		if (ok != cases[i].ok || got < cases[i].want || got > cases[i].want)
			fail_msg("'%s': got %d %g, want %d %g", cases[i].in, ok, got, cases[i].ok,
			    cases[i].want);
	}
	memset(longest, '0', sizeof(longest));
	longest[0] = '1';
	longest[1] = '.';
	check_bool("511 bytes", str_to_double((struct str){ longest, 511 }, &got), true);
	check_bool("512 bytes", str_to_double((struct str){ longest, 512 }, &got), false);
}

/* Expected values: the test vectors that Fowler, Noll and Vo publish for 64-bit FNV-1a. */
static void test_hash(void **state)
{
	assert_true(str_hash(STR("")) == UINT64_C(0xcbf29ce484222325));
	assert_true(str_hash(STR("a")) == UINT64_C(0xaf63dc4c8601ec8c));
	assert_true(str_hash(STR("foobar")) == UINT64_C(0x85944171f73967e8));
}

static void test_utf8(void **state)
{
	static const struct {
		const char *name;
		struct str in;
		bool ok;
		size_t points;
	} cases[] = {
		{ "empty", STR_INIT(""), true, 0 },
		{ "ascii", STR_INIT("hello"), true, 5 },
		{ "long ascii", STR_INIT("0123456789abcdefg"), true, 17 },
		{ "two, three, four bytes", STR_INIT("é世😀"), true, 3 },
		{ "late in a long text", STR_INIT("01234567890123é"), true, 15 },
		{ "least of two", STR_INIT("\xc2\x80"), true, 1 },
		{ "overlong two", STR_INIT("\xc0\x80"), false, 0 },
		{ "overlong two, greatest", STR_INIT("\xc1\xbf"), false, 0 },
		{ "least of three", STR_INIT("\xe0\xa0\x80"), true, 1 },
		{ "overlong three", STR_INIT("\xe0\x9f\xbf"), false, 0 },
		{ "before the surrogates", STR_INIT("\xed\x9f\xbf"), true, 1 },
		{ "high surrogate", STR_INIT("\xed\xa0\x80"), false, 0 },
		{ "low surrogate", STR_INIT("\xed\xbf\xbf"), false, 0 },
		{ "behind the surrogates", STR_INIT("\xee\x80\x80"), true, 1 },
		{ "least of four", STR_INIT("\xf0\x90\x80\x80"), true, 1 },
		{ "overlong four", STR_INIT("\xf0\x8f\xbf\xbf"), false, 0 },
		{ "U+10FFFF", STR_INIT("\xf4\x8f\xbf\xbf"), true, 1 },
		{ "U+110000", STR_INIT("\xf4\x90\x80\x80"), false, 0 },
		{ "f5", STR_INIT("\xf5\x80\x80\x80"), false, 0 },
		{ "lone continuation", STR_INIT("\x80"), false, 0 },
		{ "cut two", STR_INIT("a\xc3"), false, 0 },
		{ "cut three", STR_INIT("a\xe4\xb8"), false, 0 },
		{ "cut four", STR_INIT("a\xf0\x9f\x98"), false, 0 },
		{ "third byte wrong", STR_INIT("\xe4\xb8z"), false, 0 },
		{ "fourth byte wrong", STR_INIT("\xf0\x9f\x98z"), false, 0 },
		{ "ff", STR_INIT("12345678\xff"), false, 0 },
		{ "nul", STR_INIT("a\0b"), true, 3 },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		check_bool(cases[i].name, str_is_utf8(cases[i].in), cases[i].ok);
		if (cases[i].ok)
			check_size(cases[i].name, str_code_points(cases[i].in), cases[i].points);
	}
	check_bool("null", str_is_utf8(str_c(NULL)), true);
}

static void test_hex_digit(void **state)
{
	static const char lower[] = "0123456789abcdef", upper[] = "0123456789ABCDEF";

	for (int c = 0; c < 256; c++) {
		const char *low = c ? strchr(lower, c) : NULL, *up = c ? strchr(upper, c) : NULL;
		int want = low ? (int)(low - lower) : up ? (int)(up - upper) : -1;
		int got = str_hex_digit((char)c);

		if (got != want)
			fail_msg("byte %d: got %d, want %d", c, got, want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_slice),
		cmocka_unit_test(test_trim),
		cmocka_unit_test(test_without_slashes),
		cmocka_unit_test(test_compare),
		cmocka_unit_test(test_starts_ends),
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_next),
		cmocka_unit_test(test_list_has),
		cmocka_unit_test(test_to_int),
		cmocka_unit_test(test_to_double),
		cmocka_unit_test(test_hash),
		cmocka_unit_test(test_hex_digit),
		cmocka_unit_test(test_utf8),
	};

	return cmocka_run_group_tests_name("str", tests, NULL, NULL);
}
