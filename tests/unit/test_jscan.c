/* test_jscan.c — the check, the walk and the edits of JSON as text
 *
 * What is well-formed comes from RFC 8259; each refused text names the first byte that is wrong. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/jscan.h"
#include "base/jtext.h"
#include "base/mem.h"

#define DEPTH 8

/* A copy that ends where its memory ends, so that a sanitizer sees a byte read too many. */
static struct str exact(struct arena *a, struct str s)
{
	char *copy = mem_alloc(s.n);

	if (s.n)
		memcpy(copy, s.p, s.n);
	arena_defer(a, mem_free, copy);
	return (struct str){ copy, s.n };
}

static struct jval checked(struct arena *a, struct str text)
{
	struct err err = { .kind = ERR_NONE };
	struct jval root;

	if (!jscan_check(exact(a, text), DEPTH, &root, &err))
		fail_msg("%.*s: %s", STR_ARG(text), err.msg);
	return root;
}

static void expect_str(const char *name, struct str got, struct str want)
{
	if (!str_eq(got, want))
		fail_msg("%s: got '%.*s', want '%.*s'", name, STR_ARG(got), STR_ARG(want));
}

/* --- The check --- */

static void check_accepts(void **state)
{
	/* clang-format off */
	static const struct {
		const char *name;
		struct str in;
		enum jtype type;
		struct str want;
	} cases[] = {
		{ "null", STR_INIT("null"), J_NULL, STR_INIT("null") },
		{ "true", STR_INIT(" true "), J_TRUE, STR_INIT("true") },
		{ "false", STR_INIT("\r\n\tfalse\n"), J_FALSE, STR_INIT("false") },
		{ "zero", STR_INIT("0"), J_NUMBER, STR_INIT("0") },
		{ "minus zero", STR_INIT("-0"), J_NUMBER, STR_INIT("-0") },
		{ "fraction", STR_INIT("-10.250"), J_NUMBER, STR_INIT("-10.250") },
		{ "exponent", STR_INIT("1E+02"), J_NUMBER, STR_INIT("1E+02") },
		{ "small exponent", STR_INIT("0e-1"), J_NUMBER, STR_INIT("0e-1") },
		{ "huge", STR_INIT("1e999999999999999999999"), J_NUMBER,
			STR_INIT("1e999999999999999999999") },
		{ "empty string", STR_INIT("\"\""), J_STRING, STR_INIT("\"\"") },
		{ "every escape", STR_INIT("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\uaF09\""), J_STRING,
			STR_INIT("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\uaF09\"") },
		{ "lone surrogate escape", STR_INIT("\"\\ud800\""), J_STRING, STR_INIT("\"\\ud800\"") },
		{ "NUL escape", STR_INIT("\"\\u0000\""), J_STRING, STR_INIT("\"\\u0000\"") },
		{ "DEL", STR_INIT("\"\x7f\""), J_STRING, STR_INIT("\"\x7f\"") },
		{ "UTF-8 of 2, 3, 4 bytes, least", STR_INIT("\"\xc2\x80\xe0\xa0\x80\xf0\x90\x80\x80\""),
			J_STRING, STR_INIT("\"\xc2\x80\xe0\xa0\x80\xf0\x90\x80\x80\"") },
		{ "UTF-8 of 2, 3, 4 bytes, greatest",
			STR_INIT("\"\xdf\xbf\xef\xbf\xbf\xf4\x8f\xbf\xbf\""), J_STRING,
			STR_INIT("\"\xdf\xbf\xef\xbf\xbf\xf4\x8f\xbf\xbf\"") },
		{ "around the surrogates", STR_INIT("\"\xed\x9f\xbf\xee\x80\x80\""), J_STRING,
			STR_INIT("\"\xed\x9f\xbf\xee\x80\x80\"") },
		{ "empty array", STR_INIT("[ ]"), J_ARRAY, STR_INIT("[ ]") },
		{ "empty object", STR_INIT("{\n}"), J_OBJECT, STR_INIT("{\n}") },
		{ "nested", STR_INIT("{\"a\":[{},[],{\"b\":[1 , 2]}], \"c\" : null }"), J_OBJECT,
			STR_INIT("{\"a\":[{},[],{\"b\":[1 , 2]}], \"c\" : null }") },
		{ "equal names", STR_INIT("{\"a\":1,\"a\":2}"), J_OBJECT,
			STR_INIT("{\"a\":1,\"a\":2}") },
		{ "as deep as allowed", STR_INIT("[[[[[[[[1]]]]]]]]"), J_ARRAY,
			STR_INIT("[[[[[[[[1]]]]]]]]") },
		{ "more brackets than depth", STR_INIT("[[],[],[],[],[],[],[],[],[],[]]"), J_ARRAY,
			STR_INIT("[[],[],[],[],[],[],[],[],[],[]]") },
	};
	/* clang-format on */

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct arena *a = arena_new(0);
		struct jval root = checked(a, cases[i].in);

		if (root.type != cases[i].type)
			fail_msg("%s: got type %d, want %d", cases[i].name, (int)root.type,
			    (int)cases[i].type);
		expect_str(cases[i].name, root.text, cases[i].want);
		arena_free(a);
	}
}

static void check_refuses(void **state)
{
	/* clang-format off */
	static const struct {
		const char *name;
		struct str in;
		size_t at;
		const char *why;
	} cases[] = {
		{ "nothing", STR_INIT(""), 0, "the text ends, expected a value" },
		{ "blanks", STR_INIT("  "), 2, "the text ends, expected a value" },
		{ "byte order mark", STR_INIT("\xef\xbb\xbf{}"), 0, "expected a value" },
		{ "other blank", STR_INIT("\v1"), 0, "expected a value" },
		{ "two values", STR_INIT("1 2"), 2, "text after the value" },
		{ "object and more", STR_INIT("{}]"), 2, "text after the value" },
		{ "NUL after", STR_INIT("{}\0"), 2, "text after the value" },
		{ "word", STR_INIT("[nul]"), 1, "expected a value" },
		{ "capital", STR_INIT("True"), 0, "expected a value" },
		{ "longer word", STR_INIT("truex"), 4, "text after the value" },
		{ "cut word", STR_INIT("[fals"), 1, "expected a value" },
		{ "NaN", STR_INIT("NaN"), 0, "expected a value" },
		{ "plus", STR_INIT("+1"), 0, "expected a value" },
		{ "bare point", STR_INIT(".5"), 0, "expected a value" },
		{ "minus alone", STR_INIT("-"), 1, "the text ends, expected a digit" },
		{ "minus word", STR_INIT("-Infinity"), 1, "expected a digit" },
		{ "leading zero", STR_INIT("[01]"), 2, "expected ',' or ']'" },
		{ "minus leading zero", STR_INIT("-01"), 2, "text after the value" },
		{ "point alone", STR_INIT("[1.]"), 3, "expected a digit" },
		{ "point and e", STR_INIT("1.e5"), 2, "expected a digit" },
		{ "e alone", STR_INIT("1e"), 2, "the text ends, expected a digit" },
		{ "e sign", STR_INIT("[1e+]"), 4, "expected a digit" },
		{ "hex", STR_INIT("0x10"), 1, "text after the value" },
		{ "open string", STR_INIT("\"abc"), 4, "the text ends, expected the end of a string" },
		{ "escaped quote", STR_INIT("\"abc\\\""), 6,
			"the text ends, expected the end of a string" },
		{ "cut escape", STR_INIT("\"a\\"), 3, "the text ends, expected the rest of an escape" },
		{ "unknown escape", STR_INIT("\"ab\\x41\""), 3, "unknown escape" },
		{ "quote escape", STR_INIT("\"\\'\""), 1, "unknown escape" },
		{ "short hex", STR_INIT("\"\\u12g4\""), 1, "\\u without four hex digits" },
		{ "cut hex", STR_INIT("\"\\u123"), 1, "\\u without four hex digits" },
		{ "newline", STR_INIT("\"a\nb\""), 2, "control character in a string" },
		{ "control after 16 bytes", STR_INIT("\"0123456789abcdef012345\x1f\""), 23,
			"control character in a string" },
		{ "NUL", STR_INIT("\"\0\""), 1, "control character in a string" },
		{ "stray continuation", STR_INIT("\"ab\x80\""), 3, "invalid UTF-8" },
		{ "overlong 2", STR_INIT("\"\xc1\xbf\""), 1, "invalid UTF-8" },
		{ "overlong 3", STR_INIT("\"\xe0\x9f\xbf\""), 1, "invalid UTF-8" },
		{ "overlong 4", STR_INIT("\"\xf0\x8f\xbf\xbf\""), 1, "invalid UTF-8" },
		{ "surrogate", STR_INIT("\"\xc3\xa4\xed\xa0\x80\""), 3, "invalid UTF-8" },
		{ "past U+10FFFF", STR_INIT("\"\xf4\x90\x80\x80\""), 1, "invalid UTF-8" },
		{ "F5", STR_INIT("\"\xf5\x80\x80\x80\""), 1, "invalid UTF-8" },
		{ "FF", STR_INIT("\"\xff\""), 1, "invalid UTF-8" },
		{ "cut character", STR_INIT("\"\xe4\xb8\""), 1, "invalid UTF-8" },
		{ "cut by the end", STR_INIT("\"\xf0\x9f\x98"), 1, "invalid UTF-8" },
		{ "open array", STR_INIT("[1"), 2, "the text ends, expected ',' or ']'" },
		{ "comma last", STR_INIT("[1,]"), 3, "expected a value" },
		{ "comma first", STR_INIT("[,1]"), 1, "expected a value" },
		{ "no comma", STR_INIT("[1 2]"), 3, "expected ',' or ']'" },
		{ "wrong bracket", STR_INIT("[1}"), 2, "expected ',' or ']'" },
		{ "wrong bracket of none", STR_INIT("{]"), 1, "expected a member name in quotes" },
		{ "open object", STR_INIT("{"), 1, "the text ends, expected a member name in quotes" },
		{ "bare name", STR_INIT("{a:1}"), 1, "expected a member name in quotes" },
		{ "number name", STR_INIT("{1:1}"), 1, "expected a member name in quotes" },
		{ "no colon", STR_INIT("{\"a\" 1}"), 5, "expected ':'" },
		{ "no value", STR_INIT("{\"a\":}"), 5, "expected a value" },
		{ "member comma last", STR_INIT("{\"a\":1,}"), 7, "expected a member name in quotes" },
		{ "no member comma", STR_INIT("{\"a\":1 \"b\":2}"), 7, "expected ',' or '}'" },
		{ "invalid name", STR_INIT("{\"\xff\":1}"), 2, "invalid UTF-8" },
		{ "comment", STR_INIT("[1/**/]"), 2, "expected ',' or ']'" },
		{ "too deep", STR_INIT("[[[[[[[[[1]]]]]]]]]"), 8, "nested too deep" },
		{ "too deep, mixed", STR_INIT("{\"a\":[[[[[[[{}]]]]]]]}"), 12, "nested too deep" },
	};
	/* clang-format on */

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct arena *a = arena_new(0);
		char *want =
		    arena_fmt(a, "invalid JSON at byte %zu: %s", cases[i].at, cases[i].why);
		struct err err = { .kind = ERR_NONE };
		struct jval root;

		if (jscan_check(exact(a, cases[i].in), DEPTH, &root, &err))
			fail_msg("%s: got true, want false", cases[i].name);
		if (err.kind != ERR_INVALID_JSON || strcmp(err.msg, want) != 0)
			fail_msg("%s: got '%s', want '%s'", cases[i].name, err.msg, want);
		arena_free(a);
	}
}

/* The eight-byte steps must find each special byte at each place. */
static void check_sees_every_place(void **state)
{
	static const struct {
		unsigned char byte;
		bool plain;
	} cases[] = {
		{ 0x00, false },
		{ 0x1f, false },
		{ 0x20, true },
		{ '!', true },
		{ '"', false },
		{ '#', true },
		{ '[', true },
		{ '\\', false },
		{ ']', true },
		{ 0x7f, true },
		{ 0x80, false },
		{ 0xa2, false },
		{ 0xdc, false },
		{ 0xff, false },
	};
	char text[40];

	for (size_t c = 0; c < COUNT_OF(cases); c++) {
		for (size_t n = 1; n <= sizeof(text); n++) {
			for (size_t at = 0; at < n; at++) {
				size_t want = cases[c].plain ? n : at, got;

				memset(text, 'a', sizeof(text));
				text[at] = (char)cases[c].byte;
				got = jtext_plain(text, text + n);
				if (got != want)
					fail_msg("byte %02x at %zu of %zu: got %zu, want %zu",
					    cases[c].byte, at, n, got, want);
			}
		}
	}
}

/* --- The walk --- */

static void value_finds_the_first(void **state)
{
	/* clang-format off */
	static const struct {
		const char *name;
		struct str in;
		enum jtype type; /* J_NONE: refused */
		struct str want;
	} cases[] = {
		{ "object", STR_INIT(" {\"a\":\"}\"} x"), J_OBJECT, STR_INIT("{\"a\":\"}\"}") },
		{ "array", STR_INIT("[[1],{}],"), J_ARRAY, STR_INIT("[[1],{}]") },
		{ "string", STR_INIT("\"a\\\\\" tail"), J_STRING, STR_INIT("\"a\\\\\"") },
		{ "quotes escaped", STR_INIT("\"a\\\\\\\"b\"c\""), J_STRING,
			STR_INIT("\"a\\\\\\\"b\"") },
		{ "number", STR_INIT("12.5e3,"), J_NUMBER, STR_INIT("12.5e3") },
		{ "word", STR_INIT("null}"), J_NULL, STR_INIT("null") },
		{ "long string in object", STR_INIT("{\"k\":\"[[[{{{ \\\"{ 0123456789\"}"), J_OBJECT,
			STR_INIT("{\"k\":\"[[[{{{ \\\"{ 0123456789\"}") },
		{ "nothing", STR_INIT(""), J_NONE, STR_INIT("") },
		{ "blanks", STR_INIT(" \n"), J_NONE, STR_INIT("") },
		{ "other word", STR_INIT("nil"), J_NONE, STR_INIT("") },
		{ "open object", STR_INIT("{\"a\":[1]"), J_NONE, STR_INIT("") },
		{ "open string", STR_INIT("{\"a"), J_NONE, STR_INIT("") },
		{ "open escape", STR_INIT("\"\\\""), J_NONE, STR_INIT("") },
		{ "closed first", STR_INIT("}"), J_NONE, STR_INIT("") },
		{ "NUL inside", STR_INIT("{\"a\":\"\0\"}"), J_NONE, STR_INIT("") },
	};
	/* clang-format on */

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct jval got = { .type = J_NONE };
		struct arena *a = arena_new(0);
		bool found = jscan_value(exact(a, cases[i].in), &got);

		if (found != (cases[i].type != J_NONE) || got.type != cases[i].type)
			fail_msg("%s: got type %d, want %d", cases[i].name, (int)got.type,
			    (int)cases[i].type);
		expect_str(cases[i].name, got.text, cases[i].want);
		arena_free(a);
	}
}

static void paths_are_followed(void **state)
{
	static const struct str text = STR_INIT(
	    "{ \"a\" : 1 , \"usage\":{\"n\":12,\"deep\":[10,[20,{\"x\":\"y\"}],30]},"
	    "\"a\":2,\"0\":\"zero\",\"\\u0062\\\"\":true,\"e\":{},\"\xe4\xb8\xad\":false}");
	/* clang-format off */
	static const struct {
		const char *path;
		const char *want; /* NULL: absent */
	} cases[] = {
		{ "a", "2" },
		{ "usage.n", "12" },
		{ "usage.deep.0", "10" },
		{ "usage.deep.1.1.x", "\"y\"" },
		{ "usage.deep.2", "30" },
		{ "0", "\"zero\"" },
		{ "b\"", "true" },
		{ "e", "{}" },
		{ "\xe4\xb8\xad", "false" },
		{ "A", NULL },
		{ "usag", NULL },
		{ "usage.deep.3", NULL },
		{ "usage.deep.-1", NULL },
		{ "usage.deep.x", NULL },
		{ "usage.n.x", NULL },
		{ "usage..n", NULL },
		{ "e.x", NULL },
		{ "0.x", NULL },
	};
	/* clang-format on */
	struct arena *a = arena_new(0);
	struct jval root = checked(a, text), got;

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		bool found = jscan_at(root, cases[i].path, &got);

		if (found != (cases[i].want != NULL) || found != (got.type != J_NONE))
			fail_msg("%s: got %d, want %d", cases[i].path, found, !found);
		if (found)
			expect_str(cases[i].path, got.text, str_c(cases[i].want));
	}
	assert_true(jscan_at(root, "", &got));
	expect_str("root", got.text, text);
	assert_false(jscan_member(got = (struct jval){ .type = J_NONE }, STR("a"), &got));
	arena_free(a);
}

static void iteration_gives_all(void **state)
{
	struct arena *a = arena_new(0);
	struct jval object = checked(a, STR("{\"a\":1, \"b\\n\" : [2,3] ,\"\":{\"c\":4}}"));
	struct jval array = checked(a, STR("[ 1 , \"two\",[3],{\"four\":4},null ]"));
	struct buf got = buf_init(1000);
	struct jiter it = jscan_iter(object);
	struct jval v;
	struct str name;

	while (jscan_next_member(&it, &name, &v))
		buf_addf(&got, "<%.*s=%.*s>", STR_ARG(name), STR_ARG(v.text));
	expect_str("members", buf_str(&got), STR("<a=1><b\\n=[2,3]><={\"c\":4}>"));
	buf_clear(&got);
	it = jscan_iter(array);
	while (jscan_next_item(&it, &v))
		buf_addf(&got, "<%d:%.*s>", (int)v.type, STR_ARG(v.text));
	expect_str("items", buf_str(&got), STR("<4:1><5:\"two\"><6:[3]><7:{\"four\":4}><1:null>"));
	assert_int_equal(jscan_count(object), 3);
	assert_int_equal(jscan_count(array), 5);
	assert_int_equal(jscan_count(checked(a, STR("[]"))), 0);
	assert_int_equal(jscan_count(checked(a, STR("{ }"))), 0);
	assert_int_equal(jscan_count(checked(a, STR("\"text\""))), 0);
	buf_release(&got);
	arena_free(a);
}

/* Unchecked text: no crash, an end, and values within the text. */
static void nonsense_stays_inside(void **state)
{
	static const struct str cases[] = {
		STR_INIT("{\"a\" 1}"),
		STR_INIT("{\"a\":}"),
		STR_INIT("{,,,}"),
		STR_INIT("{\"a\":1 2}"),
		STR_INIT("[1 2 3]"),
		STR_INIT("[,]"),
		STR_INIT("[}"),
		STR_INIT("{\"a\":\"\\\"}\"}"),
		STR_INIT("{\"a\\\":1}\"}"),
		STR_INIT("[\"\\u12\"]"),
		STR_INIT("[nonsense]"),
		STR_INIT("{\"a\":[}]}"),
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct arena *a = arena_new(0);
		struct str text = exact(a, cases[i]);
		struct jval root, v;

		if (jscan_value(text, &root)) {
			assert_true(jscan_count(root) < text.n);
			if (jscan_member(root, STR("a"), &v)) {
				assert_true(v.text.p >= text.p);
				assert_true(v.text.p + v.text.n <= text.p + text.n);
				assert_true(jscan_text(a, v).n <= v.text.n);
			}
		}
		arena_free(a);
	}
}

/* --- Scalars --- */

static void text_is_decoded(void **state)
{
	/* clang-format off */
	static const struct {
		const char *name;
		struct str in, want;
	} cases[] = {
		{ "plain", STR_INIT("\"abc\""), STR_INIT("abc") },
		{ "empty", STR_INIT("\"\""), STR_INIT("") },
		{ "simple escapes", STR_INIT("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""),
			STR_INIT("\"\\/\b\f\n\r\t") },
		{ "between text", STR_INIT("\"one\\ntwo\\nthree\""), STR_INIT("one\ntwo\nthree") },
		{ "one byte", STR_INIT("\"\\u0041\\u007F\""), STR_INIT("A\x7f") },
		{ "two bytes", STR_INIT("\"\\u0080\\u07ff\""), STR_INIT("\xc2\x80\xdf\xbf") },
		{ "three bytes", STR_INIT("\"\\u0800\\uFFFF\""), STR_INIT("\xe0\xa0\x80\xef\xbf\xbf") },
		{ "pair", STR_INIT("\"\\ud83d\\ude00!\""), STR_INIT("\xf0\x9f\x98\x80!") },
		{ "least and greatest pair", STR_INIT("\"\\ud800\\udc00\\udbff\\udfff\""),
			STR_INIT("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf") },
		{ "lone high", STR_INIT("\"\\ud83dx\""), STR_INIT("\xef\xbf\xbdx") },
		{ "lone high last", STR_INIT("\"\\ud83d\""), STR_INIT("\xef\xbf\xbd") },
		{ "lone low", STR_INIT("\"\\ude00\""), STR_INIT("\xef\xbf\xbd") },
		{ "high high low", STR_INIT("\"\\ud83d\\ud83d\\ude00\""),
			STR_INIT("\xef\xbf\xbd\xf0\x9f\x98\x80") },
		{ "high then other", STR_INIT("\"\\ud83d\\u0041\""), STR_INIT("\xef\xbf\xbd""A") },
		{ "high then newline", STR_INIT("\"\\ud83d\\n\""), STR_INIT("\xef\xbf\xbd\n") },
		{ "NUL", STR_INIT("\"a\\u0000b\""), STR_INIT("a\xef\xbf\xbd""b") },
		{ "escaped backslash before u", STR_INIT("\"\\\\u0041\""), STR_INIT("\\u0041") },
		{ "number is no text", STR_INIT("12"), STR_INIT("") },
		{ "array is no text", STR_INIT("[\"a\"]"), STR_INIT("") },
	};
	/* clang-format on */

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct arena *a = arena_new(0);
		struct jval v = checked(a, cases[i].in);

		expect_str(cases[i].name, jscan_text(a, v), cases[i].want);
		if (v.type == J_STRING && !jscan_is(v, cases[i].want))
			fail_msg("%s: jscan_is got false, want true", cases[i].name);
		if (jscan_is(v, STR("something else")))
			fail_msg("%s: jscan_is got true, want false", cases[i].name);
		arena_free(a);
	}
}

static void text_without_escapes_is_a_view(void **state)
{
	struct arena *a = arena_new(0);
	struct jval v = checked(a, STR("\"view\""));

	assert_ptr_equal(jscan_text(a, v).p, v.text.p + 1);
	arena_free(a);
}

static void names_compare_decoded(void **state)
{
	/* clang-format off */
	static const struct {
		struct str raw, text;
		bool want;
	} cases[] = {
		{ STR_INIT("model"), STR_INIT("model"), true },
		{ STR_INIT("model"), STR_INIT("modem"), false },
		{ STR_INIT("model"), STR_INIT("mode"), false },
		{ STR_INIT("mode"), STR_INIT("model"), false },
		{ STR_INIT("mode\\u006c"), STR_INIT("model"), true },
		{ STR_INIT("mode\\u006c"), STR_INIT("model2"), false },
		{ STR_INIT("mode\\u006cx"), STR_INIT("model"), false },
		{ STR_INIT("a\\b"), STR_INIT("a\\b"), false },
		{ STR_INIT("a\\\\b"), STR_INIT("a\\b"), true },
		{ STR_INIT("\\ud83d"), STR_INIT("\xef\xbf\xbd"), true },
		{ STR_INIT(""), STR_INIT(""), true },
		{ STR_INIT(""), STR_INIT("model"), false },
		{ STR_INIT("model"), STR_INIT(""), false },
		{ STR_INIT("\\u006dodel"), STR_INIT("model"), true },
		{ STR_INIT("\\u006eodel"), STR_INIT("model"), false },
		{ STR_INIT("nodel"), STR_INIT("model"), false },
		{ STR_INIT("\\"), STR_INIT("m"), false },
	};
	/* clang-format on */

	for (size_t i = 0; i < COUNT_OF(cases); i++)
		if (jscan_name_is(cases[i].raw, cases[i].text) != cases[i].want)
			fail_msg("%.*s is %.*s: got %d, want %d", STR_ARG(cases[i].raw),
			    STR_ARG(cases[i].text), !cases[i].want, cases[i].want);
}

static void ints_are_exact(void **state)
{
	/* clang-format off */
	static const struct {
		const char *in;
		int64_t min, max;
		bool ok;
		int64_t want;
	} cases[] = {
		{ "0", INT64_MIN, INT64_MAX, true, 0 },
		{ "-0", INT64_MIN, INT64_MAX, true, 0 },
		{ "-0.0e7", INT64_MIN, INT64_MAX, true, 0 },
		{ "42", 0, 42, true, 42 },
		{ "43", 0, 42, false, 0 },
		{ "-1", 0, 42, false, 0 },
		{ "1.0", 0, 42, true, 1 },
		{ "1.5", 0, 42, false, 0 },
		{ "1.50", 0, 42, false, 0 },
		{ "1e2", 0, 100, true, 100 },
		{ "1E+2", 0, 100, true, 100 },
		{ "1.25e2", 0, 1000, true, 125 },
		{ "1.255e2", 0, 1000, false, 0 },
		{ "1200e-2", 0, 1000, true, 12 },
		{ "1201e-2", 0, 1000, false, 0 },
		{ "0.00012e5", 0, 1000, true, 12 },
		{ "5e-1", 0, 1000, false, 0 },
		{ "9007199254740993", INT64_MIN, INT64_MAX, true, INT64_C(9007199254740993) },
		{ "9223372036854775807", INT64_MIN, INT64_MAX, true, INT64_MAX },
		{ "9223372036854775808", INT64_MIN, INT64_MAX, false, 0 },
		{ "-9223372036854775808", INT64_MIN, INT64_MAX, true, INT64_MIN },
		{ "-9223372036854775809", INT64_MIN, INT64_MAX, false, 0 },
		{ "18446744073709551616", INT64_MIN, INT64_MAX, false, 0 },
		{ "92233720368547758070e-1", INT64_MIN, INT64_MAX, true, INT64_MAX },
		{ "92233720368547758080e-1", INT64_MIN, INT64_MAX, false, 0 },
		{ "9223372036854775807.000", INT64_MIN, INT64_MAX, true, INT64_MAX },
		{ "1e18", INT64_MIN, INT64_MAX, true, INT64_C(1000000000000000000) },
		{ "1e19", INT64_MIN, INT64_MAX, false, 0 },
		{ "1e99999999999999999999999", INT64_MIN, INT64_MAX, false, 0 },
		{ "0e99999999999999999999999", INT64_MIN, INT64_MAX, true, 0 },
		{ "1e-99999999999999999999999", INT64_MIN, INT64_MAX, false, 0 },
		{ "\"1\"", INT64_MIN, INT64_MAX, false, 0 },
		{ "true", INT64_MIN, INT64_MAX, false, 0 },
	};
	/* clang-format on */

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct arena *a = arena_new(0);
		struct jval v = checked(a, str_c(cases[i].in));
		int64_t got = -77;
		bool ok = jscan_int(v, cases[i].min, cases[i].max, &got);

		if (ok != cases[i].ok || got != (ok ? cases[i].want : -77))
			fail_msg("%s: got %d %lld, want %d %lld", cases[i].in, ok, (long long)got,
			    cases[i].ok, (long long)cases[i].want);
		arena_free(a);
	}
}

static void doubles_are_read(void **state)
{
	static const struct {
		const char *in;
		bool ok;
		double want;
	} cases[] = {
		{ "0.5", true, 0.5 },
		{ "-1e3", true, -1000 },
		{ "1e-400", true, 0 },
		{ "1e400", false, 0 },
		{ "\"1\"", false, 0 },
		{ "null", false, 0 },
		{ "2.5E+1", true, 25.0 },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct arena *a = arena_new(0);
		double got = -77;
		bool ok = jscan_double(checked(a, str_c(cases[i].in)), &got);

		if (ok != cases[i].ok || got != (ok ? cases[i].want : -77))
			fail_msg("%s: got %d %g, want %d %g", cases[i].in, ok, got, cases[i].ok,
			    cases[i].want);
		arena_free(a);
	}
}

/* --- Edits --- */

/* One step of an edit: '=' sets, '-' drops, '^' prepends, '~' replaces; at: the path of the object,
 * array or value. */
struct step {
	char what;
	const char *at, *name, *raw;
};

static void run_step(struct jedit *e, struct jval root, const struct step *s)
{
	struct jval v;

	if (!jscan_at(root, s->at, &v))
		v = (struct jval){ .type = J_NONE };
	switch (s->what) {
	case '=':
		jedit_set(e, v, str_c(s->name), str_c(s->raw));
		break;
	case '-':
		jedit_drop(e, v, str_c(s->name));
		break;
	case '^':
		jedit_prepend(e, v, str_c(s->raw));
		break;
	default:
		jedit_replace(e, v, str_c(s->raw));
	}
}

static void edits_apply(void **state)
{
	/* clang-format off */
	static const struct {
		const char *name, *in;
		struct step steps[6];
		const char *want; /* NULL: spoilt */
	} cases[] = {
		{ "nothing", " { \"a\" : 1 } ", { { 0 } }, "{ \"a\" : 1 }" },
		{ "replace", "{\"a\" : 1 , \"b\":2}", { { '=', "", "a", "\"x\"" } },
			"{\"a\" : \"x\" , \"b\":2}" },
		{ "all equal names", "{\"m\":1, \"x\":0,\"m\" :[2],\"\\u006d\":3}",
			{ { '=', "", "m", "9" } }, "{\"m\":9, \"x\":0,\"m\" :9,\"\\u006d\":9}" },
		{ "append to empty", "{}", { { '=', "", "a", "1" } }, "{\"a\":1}" },
		{ "append to empty with blanks", "{ \n}", { { '=', "", "a", "1" } }, "{\"a\":1 \n}" },
		{ "append two to empty", "{}", { { '=', "", "a", "1" }, { '=', "", "b", "2" } },
			"{\"a\":1,\"b\":2}" },
		{ "append", "{\"a\":1\n}", { { '=', "", "b", "2" } }, "{\"a\":1,\"b\":2\n}" },
		{ "append two", "{\"a\":1 }", { { '=', "", "b", "2" }, { '=', "", "c", "3" } },
			"{\"a\":1,\"b\":2,\"c\":3 }" },
		{ "appended name is escaped", "{}", { { '=', "", "a\"\n", "1" } },
			"{\"a\\\"\\n\":1}" },
		{ "replace last and append", "{\"a\":{\"b\":1}}",
			{ { '=', "", "c", "3" }, { '=', "", "a", "{}" } }, "{\"a\":{},\"c\":3}" },
		{ "nested", "{\"a\":{\"b\":1},\"c\":[{\"d\":2}]}",
			{ { '=', "c.0", "d", "4" }, { '=', "", "e", "5" }, { '=', "a", "x", "6" },
			  { '=', "c.0", "y", "7" } },
			"{\"a\":{\"b\":1,\"x\":6},\"c\":[{\"d\":4,\"y\":7}],\"e\":5}" },
		{ "append at every level", "{\"a\":{\"b\":{}}}",
			{ { '=', "", "z", "1" }, { '=', "a", "y", "2" }, { '=', "a.b", "x", "3" } },
			"{\"a\":{\"b\":{\"x\":3},\"y\":2},\"z\":1}" },
		{ "drop first", "{ \"a\":1 , \"b\":2}", { { '-', "", "a", 0 } }, "{ \"b\":2}" },
		{ "drop middle", "{\"a\":1, \"b\":2 , \"c\":3}", { { '-', "", "b", 0 } },
			"{\"a\":1 , \"c\":3}" },
		{ "drop last", "{\"a\":1 , \"b\":2 }", { { '-', "", "b", 0 } }, "{\"a\":1 }" },
		{ "drop only", "{ \"a\":1 }", { { '-', "", "a", 0 } }, "{  }" },
		{ "drop absent", "{\"a\":1}", { { '-', "", "b", 0 } }, "{\"a\":1}" },
		{ "drop equal names", "{\"a\":1,\"b\":2,\"a\":3}", { { '-', "", "a", 0 } },
			"{\"b\":2}" },
		{ "drop neighbours first", "{\"a\":1,\"b\":2,\"c\":3}",
			{ { '-', "", "b", 0 }, { '-', "", "a", 0 } }, "{\"c\":3}" },
		{ "drop neighbours last", "{\"a\":1,\"b\":2,\"c\":3}",
			{ { '-', "", "c", 0 }, { '-', "", "b", 0 } }, "{\"a\":1}" },
		{ "drop ends", "{\"a\":1,\"b\":2,\"c\":3}",
			{ { '-', "", "a", 0 }, { '-', "", "c", 0 } }, "{\"b\":2}" },
		{ "drop all", "{\"a\":1,\"b\":2,\"c\":3}",
			{ { '-', "", "a", 0 }, { '-', "", "c", 0 }, { '-', "", "b", 0 } }, "{}" },
		{ "drop all and append", "{\"a\":1,\"b\":2}",
			{ { '=', "", "c", "3" }, { '-', "", "a", 0 }, { '-', "", "b", 0 } },
			"{\"c\":3}" },
		{ "drop all and append two", "{\"a\":1}",
			{ { '=', "", "c", "3" }, { '-', "", "a", 0 }, { '=', "", "d", "4" } },
			"{\"c\":3,\"d\":4}" },
		{ "drop last and append", "{\"a\":1,\"b\":2}",
			{ { '-', "", "b", 0 }, { '=', "", "c", "3" } }, "{\"a\":1,\"c\":3}" },
		{ "drop beside an edited member", "{\"a\":{\"x\":1},\"b\":2,\"c\":{\"x\":1}}",
			{ { '-', "", "b", 0 }, { '-', "a", "x", 0 }, { '=', "c", "x", "5" } },
			"{\"a\":{},\"c\":{\"x\":5}}" },
		{ "drop first, set second", "{\"a\":1,\"b\":2}",
			{ { '-', "", "a", 0 }, { '=', "", "b", "3" } }, "{\"b\":3}" },
		{ "prepend to empty", "{\"m\":[ ]}", { { '^', "m", 0, "1" }, { '^', "m", 0, "2" } },
			"{\"m\":[1,2 ]}" },
		{ "prepend", "{\"m\":[ {\"x\":1}]}", { { '^', "m", 0, "{}" }, { '=', "m.0", "x", "2" } },
			"{\"m\":[ {},{\"x\":2}]}" },
		{ "prepend two", "[1,2]", { { '^', "", 0, "8" }, { '^', "", 0, "9" } }, "[8,9,1,2]" },
		{ "prepend and replace", "[1,2]", { { '~', "0", 0, "7" }, { '^', "", 0, "8" } },
			"[8,7,2]" },
		{ "prepend nested", "[[]]", { { '^', "", 0, "8" }, { '^', "0", 0, "9" } }, "[8,[9]]" },
		{ "replace root", "[1]", { { '~', "", 0, "{}" } }, "{}" },
		{ "text that looks like JSON", "{\"a\":\"\\\"},{\\\"b\\\":\"}", { { '=', "", "b", "1" } },
			"{\"a\":\"\\\"},{\\\"b\\\":\",\"b\":1}" },
		{ "set in no object", "{\"a\":1}", { { '=', "a", "b", "1" } }, NULL },
		{ "set in an absent object", "{\"a\":1}", { { '=', "x", "b", "1" } }, NULL },
		{ "prepend to an object", "{\"a\":{}}", { { '^', "a", 0, "1" } }, NULL },
		{ "replace nothing", "{}", { { '~', "a", 0, "1" } }, NULL },
	};
	/* clang-format on */

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct arena *a = arena_new(0);
		struct jval root = checked(a, str_c(cases[i].in));
		struct jedit e = jedit_new(a, root);
		struct buf out = buf_init(1000);

		for (const struct step *s = cases[i].steps; s->what; s++)
			run_step(&e, root, s);
		jedit_apply(&e, &out);
		if (buf_ok(&out) != (cases[i].want != NULL))
			fail_msg("%s: got ok %d", cases[i].name, buf_ok(&out));
		if (cases[i].want) {
			expect_str(cases[i].name, buf_str(&out), str_c(cases[i].want));
			checked(a, buf_str(&out));
		}
		buf_release(&out);
		arena_free(a);
	}
}

/* `{"m":0,"x":0,"m":0,…}` with count pairs. */
static struct str many_members(struct buf *b, size_t count)
{
	buf_add_char(b, '{');
	for (size_t i = 0; i < count; i++)
		buf_addf(b, "%s\"m\":0,\"x\":0", i ? "," : "");
	buf_add_char(b, '}');
	return buf_str(b);
}

static void edits_have_a_ceiling(void **state)
{
	static const struct {
		size_t count;
		bool ok;
	} cases[] = { { JEDIT_MAX / 2, true }, { JEDIT_MAX / 2 + 1, false } };

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct arena *a = arena_new(0);
		struct buf in = buf_init(SIZE_MAX), out = buf_init(SIZE_MAX);
		struct jval root = checked(a, many_members(&in, cases[i].count));
		struct jedit e = jedit_new(a, root);
		struct jval v;

		jedit_drop(&e, root, STR("x"));
		jedit_set(&e, root, STR("m"), STR("77"));
		jedit_apply(&e, &out);
		assert_int_equal(buf_ok(&out), cases[i].ok);
		if (cases[i].ok) {
			root = checked(a, buf_str(&out));
			assert_int_equal(jscan_count(root), cases[i].count);
			assert_false(jscan_member(root, STR("x"), &v));
			assert_int_equal(str_find_str(root.text, STR("0")), root.text.n);
		}
		buf_release(&in);
		buf_release(&out);
		arena_free(a);
	}
}

static void output_ceiling_holds(void **state)
{
	struct arena *a = arena_new(0);
	struct jval root = checked(a, STR("{\"a\":1}"));
	struct jedit e = jedit_new(a, root);
	struct buf out = buf_init(8);

	jedit_set(&e, root, STR("a"), STR("123"));
	jedit_apply(&e, &out);
	assert_false(buf_ok(&out));
	buf_release(&out);
	arena_free(a);
}

/* Runs the steps in a child; true when an assert ended it. */
static bool asserts(const char *in, const struct step *steps)
{
	int status;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		struct arena *a = arena_new(0);
		struct jval root = checked(a, str_c(in));
		struct jedit e = jedit_new(a, root);
		struct buf out = buf_init(1000);

		/* The message of the assert is no news here. */
		close(STDERR_FILENO);
		signal(SIGABRT, SIG_DFL);
		for (const struct step *s = steps; s->what; s++)
			run_step(&e, root, s);
		jedit_apply(&e, &out);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void overlapping_edits_are_our_bug(void **state)
{
	/* clang-format off */
	static const struct {
		const char *name, *in;
		struct step steps[3];
		bool want;
	} cases[] = {
		{ "none", "{\"a\":1,\"b\":2}", { { '=', "", "a", "1" }, { '=', "", "b", "2" } }, false },
		{ "set twice", "{\"a\":1}", { { '=', "", "a", "1" }, { '=', "", "a", "2" } }, true },
		{ "append twice", "{}", { { '=', "", "a", "1" }, { '=', "", "a", "2" } }, true },
		{ "drop twice", "{\"a\":1,\"b\":1}", { { '-', "", "b", 0 }, { '-', "", "b", 0 } }, true },
		{ "set and drop", "{\"a\":1}", { { '=', "", "a", "1" }, { '-', "", "a", 0 } }, true },
		{ "inside a replaced value", "{\"a\":{\"b\":1}}",
			{ { '=', "a", "b", "2" }, { '=', "", "a", "1" } }, true },
		{ "inside a dropped member", "{\"a\":{\"b\":1},\"c\":1}",
			{ { '-', "", "a", 0 }, { '=', "a", "x", "2" } }, true },
	};
	/* clang-format on */

	for (size_t i = 0; i < COUNT_OF(cases); i++)
		if (asserts(cases[i].in, cases[i].steps) != cases[i].want)
			fail_msg("%s: got %d, want %d", cases[i].name, !cases[i].want,
			    cases[i].want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(check_accepts),
		cmocka_unit_test(check_refuses),
		cmocka_unit_test(check_sees_every_place),
		cmocka_unit_test(value_finds_the_first),
		cmocka_unit_test(paths_are_followed),
		cmocka_unit_test(iteration_gives_all),
		cmocka_unit_test(nonsense_stays_inside),
		cmocka_unit_test(text_is_decoded),
		cmocka_unit_test(text_without_escapes_is_a_view),
		cmocka_unit_test(names_compare_decoded),
		cmocka_unit_test(ints_are_exact),
		cmocka_unit_test(doubles_are_read),
		cmocka_unit_test(edits_apply),
		cmocka_unit_test(edits_have_a_ceiling),
		cmocka_unit_test(output_ceiling_holds),
		cmocka_unit_test(overlapping_edits_are_our_bug),
	};

	return cmocka_run_group_tests_name("jscan", tests, NULL, NULL);
}
