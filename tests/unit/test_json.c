/* test_json.c — trees: parse, getters, print; writing JSON into a buf */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"

static void expect_str(const char *name, struct str got, struct str want)
{
	if (!str_eq(got, want))
		fail_msg("%s: got '%.*s', want '%.*s'", name, STR_ARG(got), STR_ARG(want));
}

static cJSON *parsed(struct arena *a, struct str text)
{
	struct err err = { .kind = ERR_NONE };
	cJSON *tree = NULL;

	if (!json_parse(a, text, &tree, &err))
		fail_msg("%.*s: %s", STR_ARG(text), err.msg);
	return tree;
}

/* Parsed and printed again: what the tree holds. */
static void parse_keeps_the_value(void **state)
{
	/* clang-format off */
	static const struct {
		const char *name;
		struct str in, want;
	} cases[] = {
		{ "compact", STR_INIT(" { \"b\" : [ 1 , true , null ] , \"a\" : { } } "),
			STR_INIT("{\"b\":[1,true,null],\"a\":{}}") },
		{ "equal names stay", STR_INIT("{\"a\":1,\"a\":2}"), STR_INIT("{\"a\":1,\"a\":2}") },
		{ "escapes", STR_INIT("\"\\u00e4\\/\\n\\u0001\\\"\""),
			STR_INIT("\"\xc3\xa4/\\n\\u0001\\\"\"") },
		{ "pair", STR_INIT("\"\\ud83d\\ude00\""), STR_INIT("\"\xf0\x9f\x98\x80\"") },
		{ "NUL", STR_INIT("\"a\\u0000b\""), STR_INIT("\"a\xef\xbf\xbd""b\"") },
		{ "NUL in a name", STR_INIT("{\"\\u0000\":1}"), STR_INIT("{\"\xef\xbf\xbd\":1}") },
		{ "lone high", STR_INIT("[\"\\ud83d\",1]"), STR_INIT("[\"\xef\xbf\xbd\",1]") },
		{ "lone low", STR_INIT("\"\\uDE00\""), STR_INIT("\"\xef\xbf\xbd\"") },
		{ "high high low", STR_INIT("\"\\ud83d\\ud83d\\ude00\""),
			STR_INIT("\"\xef\xbf\xbd\xf0\x9f\x98\x80\"") },
		{ "no escape after a backslash", STR_INIT("\"\\\\u0000\\\\\\u0000\""),
			STR_INIT("\"\\\\u0000\\\\\xef\xbf\xbd\"") },
		{ "numbers", STR_INIT("[-0.5,1e3,1.0,9007199254740991,1e21,0.1]"),
			STR_INIT("[-0.5,1000,1,9007199254740991,1e+21,0.1]") },
		{ "63 characters", STR_INIT(
			"0.1000000000000000000000000000000000000000000000000000000000000"),
			STR_INIT("0.1") },
		{ "scalar", STR_INIT("false"), STR_INIT("false") },
	};
	/* clang-format on */

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct arena *a = arena_new(0);

		expect_str(cases[i].name, json_print(a, parsed(a, cases[i].in)), cases[i].want);
		arena_free(a);
	}
}

static void parse_refuses(void **state)
{
	/* clang-format off */
	static const struct {
		const char *name;
		struct str in;
		const char *want;
	} cases[] = {
		{ "nothing", STR_INIT(""), "invalid JSON at byte 0: the text ends, expected a value" },
		{ "trailing text", STR_INIT("{} x"), "invalid JSON at byte 3: text after the value" },
		{ "what cJSON takes", STR_INIT("[01]"), "invalid JSON at byte 2: expected ',' or ']'" },
		{ "UTF-8", STR_INIT("\"\xff\""), "invalid JSON at byte 1: invalid UTF-8" },
	};
	/* clang-format on */

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct err err = { .kind = ERR_NONE };
		struct arena *a = arena_new(0);
		cJSON *tree;

		if (json_parse(a, cases[i].in, &tree, &err))
			fail_msg("%s: got true, want false", cases[i].name);
		if (err.kind != ERR_INVALID_JSON || strcmp(err.msg, cases[i].want) != 0)
			fail_msg("%s: got '%s', want '%s'", cases[i].name, err.msg, cases[i].want);
		arena_free(a);
	}
}

/* Some releases of cJSON read no more than 63 characters of a number: then it is refused, never cut
 * off. */
static void long_numbers_are_not_cut(void **state)
{
	static const struct {
		struct str in;
		const char *path;
	} cases[] = {
		{ STR_INIT(
		      "0."
		      "25000000000000000000000000000000000000000000000000000000000000000000000e2"),
		    "" },
		{ STR_INIT(
		      "[0."
		      "25000000000000000000000000000000000000000000000000000000000000000000000e2]"),
		    "0" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct err err = { .kind = ERR_NONE };
		struct arena *a = arena_new(0);
		cJSON *tree;

		if (json_parse(a, cases[i].in, &tree, &err))
			assert_int_equal(json_int_at(tree, cases[i].path, 0), 25);
		else
			assert_string_equal(err.msg,
			    "invalid JSON: a number has more than 63 characters");
		arena_free(a);
	}
}

static void parse_bounds_the_depth(void **state)
{
	for (int depth = JSON_MAX_DEPTH - 1; depth <= JSON_MAX_DEPTH + 1; depth++) {
		struct err err = { .kind = ERR_NONE };
		struct buf b = buf_init(1000);
		struct arena *a = arena_new(0);
		cJSON *tree;

		for (int i = 0; i < depth; i++)
			buf_add_char(&b, '[');
		for (int i = 0; i < depth; i++)
			buf_add_char(&b, ']');
		assert_int_equal(json_parse(a, buf_str(&b), &tree, &err), depth <= JSON_MAX_DEPTH);
		buf_release(&b);
		arena_free(a);
	}
}

static const struct str document = STR_INIT(
    "{\"n\":12,\"f\":-1.75,\"big\":9007199254740992,\"huge\":1e300,\"low\":-1e300,\"inf\":1e999,"
    "\"edge\":9223372036854775807,\"s\":\"text\",\"e\":\"\",\"t\":true,\"x\":false,\"z\":null,"
    "\"a\":[{\"b\":[5,6]},\"i\"],\"d\":1,\"d\":2,\"0\":\"zero\"}");

static void ints_are_clamped(void **state)
{
	static const struct {
		const char *path;
		int64_t want;
	} cases[] = {
		{ "n", 12 },
		{ "f", -1 },
		{ "big", INT64_C(9007199254740992) },
		{ "huge", INT64_MAX },
		{ "low", INT64_MIN },
		{ "inf", INT64_MAX },
		{ "edge", INT64_MAX },
		{ "d", 2 },
		{ "a.0.b.1", 6 },
		{ "a.0.b.2", -7 },
		{ "a.0.b.-1", -7 },
		{ "a.b", -7 },
		{ "s", -7 },
		{ "t", -7 },
		{ "z", -7 },
		{ "none", -7 },
		{ "n.n", -7 },
		{ "N", -7 },
	};
	struct arena *a = arena_new(0);
	const cJSON *tree = parsed(a, document);

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		int64_t got = json_int_at(tree, cases[i].path, -7);

		if (got != cases[i].want)
			fail_msg("%s: got %lld, want %lld", cases[i].path, (long long)got,
			    (long long)cases[i].want);
	}
	assert_int_equal(json_int_at(NULL, "n", 3), 3);
	arena_free(a);
}

static void other_getters(void **state)
{
	struct arena *a = arena_new(0);
	const cJSON *tree = parsed(a, document);

	expect_str("s", json_str_at(tree, "s"), STR("text"));
	expect_str("e", json_str_at(tree, "e"), STR(""));
	expect_str("n", json_str_at(tree, "n"), STR(""));
	expect_str("none", json_str_at(tree, "none"), STR(""));
	expect_str("0", json_str_at(tree, "0"), STR("zero"));
	expect_str("a.1", json_str_at(tree, "a.1"), STR("i"));
	assert_true(json_double_at(tree, "f", 0) == -1.75);
	assert_true(json_double_at(tree, "inf", 4) == 4);
	assert_true(json_double_at(tree, "s", 4) == 4);
	assert_true(json_bool_at(tree, "t", false));
	assert_false(json_bool_at(tree, "x", true));
	assert_true(json_bool_at(tree, "n", true));
	assert_true(json_bool_at(tree, "z", true));
	assert_ptr_equal(json_at(tree, ""), tree);
	assert_null(json_at(tree, "a.2"));
	assert_non_null(json_at(tree, "z"));
	arena_free(a);
}

static void text_is_escaped(void **state)
{
	/* clang-format off */
	static const struct {
		const char *name;
		struct str in, want;
	} cases[] = {
		{ "empty", STR_INIT(""), STR_INIT("\"\"") },
		{ "no view", { 0, 0 }, STR_INIT("\"\"") },
		{ "plain", STR_INIT("a/b'c\x7f"), STR_INIT("\"a/b'c\x7f\"") },
		{ "quotes", STR_INIT("\"\\"), STR_INIT("\"\\\"\\\\\"") },
		{ "letters", STR_INIT("\b\t\n\f\r"), STR_INIT("\"\\b\\t\\n\\f\\r\"") },
		{ "controls", STR_INIT("\0\x01\x0b\x1f"), STR_INIT("\"\\u0000\\u0001\\u000b\\u001f\"") },
		{ "UTF-8", STR_INIT("\xc3\xa4\xe4\xb8\xad\xf0\x9f\x98\x80"),
			STR_INIT("\"\xc3\xa4\xe4\xb8\xad\xf0\x9f\x98\x80\"") },
		{ "wrong byte", STR_INIT("a\xff""b"), STR_INIT("\"a\xef\xbf\xbd""b\"") },
		{ "cut character", STR_INIT("\xe4\xb8"), STR_INIT("\"\xef\xbf\xbd\xef\xbf\xbd\"") },
		{ "surrogate", STR_INIT("\xed\xa0\x80"),
			STR_INIT("\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"") },
		{ "long with one", STR_INIT("0123456789abcdefghij\n0123456789abcdef"),
			STR_INIT("\"0123456789abcdefghij\\n0123456789abcdef\"") },
	};
	/* clang-format on */

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct buf b = buf_init(1000);

		json_add_str(&b, cases[i].in);
		expect_str(cases[i].name, buf_str(&b), cases[i].want);
		buf_release(&b);
	}
}

static void doubles_read_back(void **state)
{
	static const struct {
		double in;
		const char *want;
	} cases[] = {
		{ 0, "0" },
		{ 1, "1" },
		{ -12, "-12" },
		{ 0.5, "0.5" },
		{ 0.1, "0.1" },
		{ 0.1 + 0.2, "0.30000000000000004" },
		{ 1e15, "1000000000000000" },
		{ 9007199254740992.0, "9007199254740992" },
		{ 1e300, "1e+300" },
		{ DBL_MIN, "2.2250738585072014e-308" },
		{ (double)INFINITY, "null" },
		{ (double)NAN, "null" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct buf b = buf_init(100);

		json_add_double(&b, cases[i].in);
		expect_str(cases[i].want, buf_str(&b), str_c(cases[i].want));
		buf_release(&b);
	}
}

static void names_and_commas(void **state)
{
	struct buf b = buf_init(200);

	buf_add_char(&b, '{');
	json_add_name(&b, "a");
	buf_add_int(&b, 1);
	json_add_name(&b, "l\"");
	buf_add_char(&b, '[');
	json_add_comma(&b);
	json_add_bool(&b, true);
	json_add_comma(&b);
	json_add_bool(&b, false);
	buf_add_char(&b, ']');
	json_add_name(&b, "o");
	buf_add(&b, STR("{}}"));
	expect_str("object", buf_str(&b), STR("{\"a\":1,\"l\\\"\":[true,false],\"o\":{}}"));
	buf_clear(&b);
	json_add_comma(&b);
	expect_str("empty", buf_str(&b), STR(""));
	buf_release(&b);
}

static void delete_tree(void *tree)
{
	cJSON_Delete(tree);
}

static void print_of_a_built_tree(void **state)
{
	struct arena *a = arena_new(0);
	cJSON *tree = cJSON_CreateObject();

	arena_defer(a, delete_tree, tree);
	cJSON_AddStringToObject(tree, "bad", "a\xff");
	cJSON_AddRawToObject(tree, "raw", "[1, 2]");
	cJSON_AddNumberToObject(tree, "n", 1.5);
	cJSON_AddNullToObject(tree, "z");
	expect_str("tree", json_print(a, tree),
	    STR("{\"bad\":\"a\xef\xbf\xbd\",\"raw\":[1, 2],\"n\":1.5,\"z\":null}"));
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parse_keeps_the_value),
		cmocka_unit_test(parse_refuses),
		cmocka_unit_test(long_numbers_are_not_cut),
		cmocka_unit_test(parse_bounds_the_depth),
		cmocka_unit_test(ints_are_clamped),
		cmocka_unit_test(other_getters),
		cmocka_unit_test(text_is_escaped),
		cmocka_unit_test(doubles_read_back),
		cmocka_unit_test(names_and_commas),
		cmocka_unit_test(print_of_a_built_tree),
	};

	return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
