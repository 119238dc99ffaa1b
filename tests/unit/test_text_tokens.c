/* test_text_tokens.c — billing/text_tokens.h: text that arrives in bits, bounds, estimates
 *
 * Token counts are those of the specification (tokens.md section 5) or follow from pieces whose
 * tokens stand there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "billing/text_tokens.h"
#include "billing/tokens.h"

static void same_int(const char *name, int64_t got, int64_t want)
{
	if (got != want)
		fail_msg("%s: got %lld, want %lld", name, (long long)got, (long long)want);
}

static void test_encodings(void **state)
{
	static const struct {
		const char *model;
		enum encoding want;
	} cases[] = {
		{ "gpt-4o", ENCODING_O200K },
		{ "gpt-4o-anything-new", ENCODING_O200K },
		{ "chatgpt-4o-latest", ENCODING_O200K },
		{ "gpt-4.1-mini", ENCODING_O200K },
		{ "gpt-4.5-preview", ENCODING_O200K },
		{ "gpt-5", ENCODING_O200K },
		{ "o1-pro", ENCODING_O200K },
		{ "o3", ENCODING_O200K },
		{ "o4-mini", ENCODING_O200K },
		{ "gpt-oss-120b", ENCODING_O200K },
		{ "gpt-image-1", ENCODING_O200K },
		{ "gpt-4", ENCODING_CL100K },
		{ "gpt-4-turbo-2024-04-09", ENCODING_CL100K },
		{ "gpt-3.5-turbo", ENCODING_CL100K },
		{ "gpt-35-turbo", ENCODING_CL100K },
		{ "text-embedding-ada-002", ENCODING_CL100K },
		{ "text-embedding-3-large", ENCODING_CL100K },
		{ "davinci-002", ENCODING_CL100K },
		{ "babbage-002", ENCODING_CL100K },
		{ "text-moderation-latest", ENCODING_CL100K },
		{ "openai/gpt-4", ENCODING_CL100K },
		{ "a/b/gpt-4", ENCODING_CL100K },
		{ "openai/gpt-4o", ENCODING_O200K },
		{ "gpt-4/claude", ENCODING_O200K },
		{ "claude-sonnet-4", ENCODING_O200K },
		{ "", ENCODING_O200K },
	};
	enum encoding e;

	for (size_t i = 0; i < COUNT_OF(cases); i++)
		same_int(cases[i].model, encoding_of_model(str_c(cases[i].model)), cases[i].want);
	assert_true(encoding_of_name(STR("cl100k_base"), &e));
	assert_int_equal(e, ENCODING_CL100K);
	assert_true(encoding_of_name(STR("o200k_base"), &e));
	assert_int_equal(e, ENCODING_O200K);
	assert_false(encoding_of_name(STR("p50k_base"), &e));
}

/* Contractions, runs that a cut may part, several bytes to a character, one of each emoji. */
static const char mixed[] = "I'm sure they'RE here:\r\n\r\n  \xe4\xbd\xa0\xe5\xa5\xbd\xef\xbc\x8c "
                            "123456 foo/bar//\n/qux  don'tfoo \xf0\x9f\x91\xa8\xe2\x80\x8d\xf0\x9f"
                            "\x91\xa9 \xcc\x81x it'\xc5\xbf   HTTPServer \n bar";

/* Cut at any byte, and byte by byte, pieces add up to the whole. */
static void test_cuts(void **state)
{
	struct str whole = { mixed, sizeof(mixed) - 1 };

	for (int e = 0; e < 2; e++) {
		int64_t want = tokens_text_in((enum encoding)e, whole);
		struct text_counter c;

		for (size_t cut = 0; cut <= whole.n; cut++) {
			struct token_meter m = { .state.encoding = (enum encoding)e };

			token_meter_add(&m, str_slice(whole, 0, cut));
			(void)token_meter_count(&m);
			token_meter_add(&m, str_slice(whole, cut, whole.n));
			same_int("in two", token_meter_count(&m), want);
		}
		text_counter_init(&c, (enum encoding)e);
		for (size_t i = 0; i < whole.n; i++)
			text_add(&c, str_slice(whole, i, i + 1));
		text_end(&c);
		same_int("byte by byte", c.state.tokens, want);
	}
}

/* A stream of several kilobytes counts what the whole text does, whatever its events are. */
static void test_long_stream(void **state)
{
	enum { TIMES = 100 };
	struct str part = { mixed, sizeof(mixed) - 1 }, whole;
	char *text = malloc(TIMES * part.n);

	for (size_t i = 0; i < TIMES; i++)
		memcpy(text + i * part.n, part.p, part.n);
	whole = (struct str){ text, TIMES * part.n };
	for (size_t step = 1; step < 700; step += step < 20 ? 1 : 97) {
		struct token_meter m = { 0 };

		for (size_t i = 0; i < whole.n; i += step)
			token_meter_add(&m, str_slice(whole, i, i + step));
		same_int("stream", token_meter_count(&m), tokens_text(STR("gpt-4o"), whole));
	}
	free(text);
}

/* A word of English and its blank are a token, and five bytes on average: the glance takes four for
 * one, and no more than the 256 that may wait in a meter. */
static void test_about(void **state)
{
	struct token_meter m = { 0 };

	same_int("nothing", token_meter_about(&m), 0);
	for (size_t i = 1; i <= 400; i++) {
		int64_t off;

		token_meter_add(&m, STR(" word"));
		off = token_meter_about(&m) - token_meter_count(&m);
		if (off < 0 || off > 256 / 4 - 256 / 5 + 1)
			fail_msg("after %zu words: off by %lld", i, (long long)off);
	}
	token_meter_break(&m);
	same_int("ended", token_meter_about(&m), token_meter_count(&m));
}

/* "hello world" has two tokens, and `hello` and ` world` are one each. */
static void test_break(void **state)
{
	struct token_meter m = { 0 };

	token_meter_add(&m, STR("hel"));
	token_meter_add(&m, STR("lo"));
	same_int("one word", token_meter_count(&m), 1);
	token_meter_break(&m);
	token_meter_add(&m, STR("hello"));
	same_int("two words", token_meter_count(&m), 2);
	same_int("asked again", token_meter_count(&m), 2);
	token_meter_init(&m, STR("gpt-4"));
	same_int("afresh", token_meter_count(&m), 0);
	token_meter_add(&m, STR("it'\xc5\xbf"));
	same_int("cl100k", token_meter_count(&m), 4);
}

/* Each broken sequence is one U+FFFD, as WHATWG's decoder has it. */
static void test_invalid_utf8(void **state)
{
	static const struct {
		const char *name, *in, *as;
	} cases[] = {
		{ "lone byte", "a\x80z", "a\ufffdz" },
		{ "never valid", "a\xff\xfez", "a\ufffd\ufffdz" },
		{ "overlong", "\xc0\xaf", "\ufffd\ufffd" },
		{ "cut at the end", "a\xe4\xb8", "a\ufffd" },
		{ "cut before a letter", "\xe4\xb8z", "\ufffdz" },
		{ "cut before another", "\xf0\x9f\x98\xf0\x9f\x98\x80", "\ufffd\xf0\x9f\x98\x80" },
		{ "surrogate", "\xed\xa0\x80", "\ufffd\ufffd\ufffd" },
		{ "too large", "\xf4\x90\x80\x80", "\ufffd\ufffd\ufffd\ufffd" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct str in = str_c(cases[i].in);
		int64_t want = tokens_text(STR("gpt-4o"), str_c(cases[i].as));
		struct token_meter m = { 0 };

		same_int(cases[i].name, tokens_text(STR("gpt-4o"), in), want);
		for (size_t k = 0; k < in.n; k++)
			token_meter_add(&m, str_slice(in, k, k + 1));
		same_int(cases[i].name, token_meter_count(&m), want);
	}
}

static void test_json(void **state)
{
	static const struct {
		const char *name, *in;
		int64_t want;
	} cases[] = {
		{ "empty", "\"\"", 0 },
		{ "hello world", "\"hello world\"", 2 },
		{ "letters by number", "\"hell\\u006f\\u0020world\"", 2 },
		{ "line ends", "\"\\r\\r\\n\\n  x\"", 4 },
		{ "quotes", "\"{\\\"a\\\":[1,2,{\\\"b\\\":null}]}\"", 13 },
		{ "characters by number", "\"\\u0301a\"", 2 },
		{ "family, by pairs",
		    "\"\\ud83d\\udc68\\u200d\\ud83d\\udc69\\u200d\\ud83d\\udc67\\u200d\\ud83d\\udc6"
		    "6"
		    " family\"",
		    12 },
		{ "slash", "\"foo\\/bar\\/\\/baz\\n\\/qux\"", 7 },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct jval v = { J_STRING, str_c(cases[i].in) };
		struct token_meter m = { 0 };

		same_int(cases[i].name, tokens_json_string(STR("gpt-4o"), v), cases[i].want);
		token_meter_add_json(&m, v);
		same_int(cases[i].name, token_meter_count(&m), cases[i].want);
	}
	same_int("number", tokens_json_string(STR("gpt-4o"), (struct jval){ J_NUMBER, STR("1") }),
	    0);
}

/* Blanks between values vanish, those in strings stay. */
static void test_compact(void **state)
{
	struct text_counter c;

	text_counter_init(&c, ENCODING_O200K);
	text_add_compact(&c, STR("{ \"a\" : [ 1 ,\n2 , { \"b\" : null } ] }\t"));
	text_end(&c);
	same_int("compact", c.state.tokens, 13);
	text_add_compact(&c, STR("\"hello world\\\"  \""));
	text_end(&c);
	same_int("string", c.state.tokens - 13,
	    tokens_text(STR("o1"), STR("\"hello world\\\"  \"")));
}

/* Eight letters are one token of x; past 4 MiB a letter is a quarter. */
static void test_bound(void **state)
{
	size_t size = TEXT_EXACT_MAX + 4000;
	char *text = malloc(size);
	struct text_counter c;
	int64_t got;

	memset(text, 'x', size);
	for (size_t i = 1023; i < size; i += 1024)
		text[i] = '\n';
	got = tokens_text(STR("gpt-4o"), (struct str){ text, TEXT_EXACT_MAX });
	same_int("estimated rest", tokens_text(STR("gpt-4o"), (struct str){ text, size }),
	    got + 1000);

	text_counter_init(&c, ENCODING_O200K);
	for (int i = 0; i < 2; i++) {
		text_add(&c, (struct str){ text, TEXT_EXACT_MAX });
		text_end(&c);
	}
	same_int("of all texts together", c.state.tokens, got + (int64_t)TEXT_EXACT_MAX / 4);
	free(text);
}

/* A quarter per ASCII byte, three quarters per other code point, rounded up per text. */
static void test_approximate(void **state)
{
	static const struct {
		const char *name, *in;
		int64_t want;
	} cases[] = {
		{ "empty", "", 0 },
		{ "four letters", "abcd", 1 },
		{ "five letters", "abcde", 2 },
		{ "one CJK", "\xe4\xbd\xa0", 1 },
		{ "four CJK", "\xe4\xbd\xa0\xe5\xa5\xbd\xe4\xb8\x96\xe7\x95\x8c", 3 },
		{ "CJK and ASCII", "\xe4\xbd\xa0ok", 2 },
		{ "emoji is one code point", "\xf0\x9f\x98\x80", 1 },
		{ "two accents", "\xc3\xa9\xc3\xa8", 2 },
		{ "12 ASCII, 5 others",
		    "Gr\xc3\xbc\xc3\x9f dich, \xe4\xb8\x96\xe7\x95\x8c \xf0\x9f\x98\x80!", 7 },
	};

	tokens_set_approximate(true);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct str in = str_c(cases[i].in);

		same_int(cases[i].name, tokens_text(STR("gpt-4o"), in), cases[i].want);
		for (size_t cut = 0; cut <= in.n; cut++) {
			struct token_meter m = { 0 };

			token_meter_add(&m, str_slice(in, 0, cut));
			token_meter_add(&m, str_slice(in, cut, in.n));
			same_int(cases[i].name, token_meter_count(&m), cases[i].want);
		}
	}
	tokens_set_approximate(false);
	same_int("exact again", tokens_text(STR("gpt-4o"), STR("hello world")), 2);
}

/* A piece longer than a meter holds is cut: a token or two more, never fewer than half. */
static void test_meter_piece(void **state)
{
	struct token_meter m = { 0 };
	int64_t got;

	for (int i = 0; i < 1000; i++)
		token_meter_add(&m, STR("x"));
	got = token_meter_count(&m);
	if (got < 125 || got > 133)
		fail_msg("1,000 letters: got %lld, want 125 to 133", (long long)got);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_encodings),
		cmocka_unit_test(test_cuts),
		cmocka_unit_test(test_long_stream),
		cmocka_unit_test(test_break),
		cmocka_unit_test(test_about),
		cmocka_unit_test(test_invalid_utf8),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_compact),
		cmocka_unit_test(test_bound),
		cmocka_unit_test(test_approximate),
		cmocka_unit_test(test_meter_piece),
	};

	return cmocka_run_group_tests_name("text_tokens", tests, NULL, NULL);
}
