/* test_tokens.c — the estimate of billing/tokens.h
 *
 * Expected values are worked out by hand: a quarter per ASCII byte and three quarters per other
 * code point, rounded up per text; 3 per message and 3 for the reply; the constants of images.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "billing/tokens.h"

static void same_int(const char *name, int64_t got, int64_t want)
{
	if (got != want)
		fail_msg("%s: got %lld, want %lld", name, (long long)got, (long long)want);
}

static struct jval parse(const char *name, const char *text)
{
	struct jval root;
	struct err err = { 0 };

	if (!jscan_check(str_c(text), 64, &root, &err))
		fail_msg("%s: %s", name, err.msg);
	return root;
}

static void test_text(void **state)
{
	static const struct {
		const char *name, *in;
		int64_t want;
	} cases[] = {
		{ "empty", "", 0 }, { "one letter", "a", 1 }, { "four letters", "abcd", 1 },
		{ "five letters", "abcde", 2 }, { "one CJK", "\xe4\xbd\xa0", 1 },
		{ "four CJK", "\xe4\xbd\xa0\xe5\xa5\xbd\xe4\xb8\x96\xe7\x95\x8c", 3 },
		{ "CJK and ASCII", "\xe4\xbd\xa0ok", 2 }, /* 0.75 + 0.5 */
		{ "emoji is one code point", "\xf0\x9f\x98\x80", 1 },
		{ "four emoji", "\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80",
		    3 },
		{ "two Latin accents", "\xc3\xa9\xc3\xa8", 2 }, /* 1.5 */
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++)
		same_int(cases[i].name, tokens_text(STR("gpt-4o"), str_c(cases[i].in)),
		    cases[i].want);
}

static void test_json_string(void **state)
{
	static const struct {
		const char *name, *in;
		int64_t want;
	} cases[] = {
		{ "empty", "\"\"", 0 },
		{ "plain", "\"abcde\"", 2 },
		{ "escapes are one each", "\"\\n\\t\\\\\\\"\"", 1 },
		{ "five escapes", "\"\\n\\t\\\\\\\"\\/\"", 2 },
		{ "ASCII by number", "\"\\u0041\\u0042\\u0043\\u0044\"", 1 },
		{ "four CJK by number", "\"\\u4f60\\u597d\\u4e16\\u754c\"", 3 },
		{ "pair is one code point", "\"\\ud83d\\ude00\"", 1 },
		{ "four pairs", "\"\\ud83d\\ude00\\ud83d\\ude00\\uD83D\\uDE00\\ud83d\\ude00\"", 3 },
		{ "two lone high", "\"\\ud83d\\ud83d\"", 2 },
		{ "two lone low", "\"\\ude00\\ude00\"", 2 },
		{ "high, then text", "\"\\ud83dabcd\"", 2 }, /* 0.75 + 1 */
		{ "not a string", "12345678", 0 },
		{ "null", "null", 0 },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct jval v = parse("array", "[]");

		/* Lone surrogates may not pass a check; the counter must stand them anyway. */
		v.type = cases[i].in[0] == '"' ? J_STRING : J_NUMBER;
		v.text = str_c(cases[i].in);
		same_int(cases[i].name, tokens_json_string(STR("gpt-4o"), v), cases[i].want);
	}
}

/* clang-format off */
#define IMAGE(detail) \
	"{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":" \
	"{\"url\":\"https://example.com/a.png\"" detail "}}]}]}"

/* clang-format on */
static void test_chat(void **state)
{
	static const struct {
		const char *name, *model, *in;
		int64_t want;
	} cases[] = {
		{ "no messages", "gpt-4o", "{}", 0 },
		{ "empty list", "gpt-4o", "{\"messages\":[]}", 3 },
		/* 3 + 3 + "user" 1 + "hello world!" 3 */
		{ "one message", "gpt-4o",
		    "{\"messages\":[{\"role\":\"user\",\"content\":\"hello world!\"}]}", 10 },
		{ "blanks do not matter", "gpt-4o",
		    "{ \"messages\" : [ { \"role\" : \"user\" , \"content\" : \"hello world!\" } ] "
		    "}",
		    10 },
		{ "escaped member names", "gpt-4o",
		    "{\"m\\u0065ssages\":[{\"role\":\"user\",\"cont\\u0065nt\":\"hello world!\"}]}",
		    10 },
		/* + 1 + "example" 2 */
		{ "name", "gpt-4o",
		    "{\"messages\":[{\"role\":\"user\",\"content\":\"hello "
		    "world!\",\"name\":\"example\"}]}",
		    13 },
		{ "two messages", "gpt-4o",
		    "{\"messages\":[{\"role\":\"system\",\"content\":\"be brief\"},"
		    "{\"role\":\"user\",\"content\":\"hello world!\"}]}",
		    3 + (3 + 2 + 2) + (3 + 1 + 3) },
		{ "null content", "gpt-4o",
		    "{\"messages\":[{\"role\":\"assistant\",\"content\":null}]}", 9 },
		{ "text parts", "gpt-4o",
		    "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":"
		    "\"abcd\"},"
		    "{\"type\":\"text\",\"text\":\"abcde\"}]}]}",
		    3 + 3 + 1 + 1 + 2 },
		{ "reasoning counts", "gpt-4o",
		    "{\"messages\":[{\"role\":\"user\",\"content\":\"\",\"reasoning_content\":"
		    "\"abcdefgh\"}]}",
		    9 },
		/* 3 + 3 + "assistant" 3 + 3 + "get_time" 2 + {"tz":"UTC"} 12 bytes = 3 */
		{ "tool call", "gpt-4o",
		    "{\"messages\":[{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"c1\","
		    "\"type\":"
		    "\"function\",\"function\":{\"name\":\"get_time\",\"arguments\":"
		    "\"{\\\"tz\\\":\\\"UTC\\\"}\"}}]}]}",
		    17 },
		{ "tool answer", "gpt-4o",
		    "{\"messages\":[{\"role\":\"tool\",\"tool_call_id\":\"c1\",\"content\":\"12:"
		    "00\"}]}",
		    3 + 3 + 1 + 1 + 2 },
		{ "image, no detail", "gpt-4o", IMAGE(""), 3 + 3 + 1 + 1105 },
		{ "image, auto", "gpt-4o", IMAGE(",\"detail\":\"auto\""), 3 + 3 + 1 + 1105 },
		{ "image, high", "gpt-4o", IMAGE(",\"detail\":\"high\""), 3 + 3 + 1 + 1105 },
		{ "image, low", "gpt-4o", IMAGE(",\"detail\":\"low\""), 3 + 3 + 1 + 85 },
		{ "image, mini low", "gpt-4o-mini", IMAGE(",\"detail\":\"low\""),
		    3 + 3 + 1 + 2833 },
		{ "image, mini", "gpt-4o-mini-2024-07-18", IMAGE(""), 3 + 3 + 1 + 36835 },
		{ "image, vendor cut off", "openai/gpt-4o-mini", IMAGE(""), 3 + 3 + 1 + 36835 },
		/* 1536 patches × 1.62 = 2488.32 */
		{ "image, patches", "gpt-4.1-mini", IMAGE(""), 3 + 3 + 1 + 2489 },
		{ "image, unknown model", "whatever", IMAGE(""), 3 + 3 + 1 + 1105 },
		{ "image by data URL", "gpt-4o",
		    "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\","
		    "\"image_url\":"
		    "{\"url\":\"data:image/"
		    "png;base64,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}}]}]}",
		    3 + 3 + 1 + 1105 },
		/* {"type":"odd","x":"abcd"} has 25 bytes */
		{ "unknown part counts whole", "gpt-4o",
		    "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"odd\", "
		    "\"x\":\"abcd\"}]}]}",
		    3 + 3 + 1 + 7 },
		/* 12 + [{"type":"function","function":{"name":"f"}}] 45 bytes = 12 */
		{ "tools", "gpt-4o",
		    "{\"tools\":[{\"type\":\"function\",\n\"function\":{\"name\":\"f\"}}],"
		    "\"messages\":[]}",
		    3 + 12 + 12 },
		{ "no tools", "gpt-4o", "{\"tools\":[],\"messages\":[]}", 3 },
		/* {"type":"json_object"} 22 bytes */
		{ "response format", "gpt-4o",
		    "{\"response_format\":{\"type\":\"json_object\"},\"messages\":[]}", 3 + 6 },
		{ "tool choice word", "gpt-4o", "{\"tool_choice\":\"auto\",\"messages\":[]}", 3 },
		{ "messages no array", "gpt-4o", "{\"messages\":\"x\"}", 0 },
		{ "message no object", "gpt-4o", "{\"messages\":[1]}", 6 },
		{ "root no object", "gpt-4o", "[]", 0 },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++)
		same_int(cases[i].name,
		    tokens_chat(str_c(cases[i].model), parse(cases[i].name, cases[i].in)),
		    cases[i].want);
}

/* A picture of a megabyte is no text: the count does not depend on its bytes. */
static void test_large_data(void **state)
{
	static const struct {
		const char *name, *before, *after;
		int64_t least, most;
	} cases[] = {
		{ "image",
		    "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,",
		    "\"}}", 1112, 1112 },
		{ "audio",
		    "{\"type\":\"input_audio\",\"input_audio\":{\"format\":\"mp3\",\"data\":\"",
		    "\"}}", 1000, 1100 },
		{ "file", "{\"type\":\"file\",\"file\":{\"file_data\":\"", "\"}}", 20000, 30000 },
	};
	size_t size = 1024 * 1024;
	char *text = malloc(size + 512);

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		int n = snprintf(text, 512, "{\"messages\":[{\"role\":\"user\",\"content\":[%s",
		    cases[i].before);
		int64_t got;

		memset(text + n, 'A', size);
		snprintf(text + n + size, 64, "%s]}]}", cases[i].after);
		got = tokens_chat(STR("gpt-4o"), parse(cases[i].name, text));
		if (got < cases[i].least || got > cases[i].most)
			fail_msg("%s: got %lld, want %lld to %lld", cases[i].name, (long long)got,
			    (long long)cases[i].least, (long long)cases[i].most);
	}
	free(text);
}

static void test_input(void **state)
{
	static const struct {
		const char *name, *in;
		int64_t want;
	} cases[] = {
		{ "string", "\"hello world!\"", 3 },
		{ "strings", "[\"hello world!\",\"abcd\"]", 4 },
		{ "numbers", "[1,2,3,4,5]", 5 },
		{ "arrays of numbers", "[[1,2,3],[4,5]]", 5 },
		{ "part", "[{\"type\":\"text\",\"text\":\"abcd\"}]", 1 },
		{ "empty array", "[]", 0 },
		{ "null", "null", 0 },
		{ "number", "5", 0 },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++)
		same_int(cases[i].name,
		    tokens_input(STR("gpt-4o"), parse(cases[i].name, cases[i].in)), cases[i].want);
}

/* Cut at any byte, pieces add up to the whole. */
static void test_meter(void **state)
{
	static const char text[] =
	    "Gr\xc3\xbc\xc3\x9f dich, \xe4\xb8\x96\xe7\x95\x8c \xf0\x9f\x98\x80!";
	struct str whole = { text, sizeof(text) - 1 };
	/* 12 ASCII bytes, 5 others: 3 + 3.75, rounded up */
	int64_t want = 7;

	same_int("whole", tokens_text(STR(""), whole), want);
	for (size_t cut = 0; cut <= whole.n; cut++) {
		struct token_meter m = { 0 };

		token_meter_add(&m, str_slice(whole, 0, cut));
		token_meter_add(&m, str_slice(whole, cut, whole.n));
		same_int("pieces", token_meter_count(&m), want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_json_string),
		cmocka_unit_test(test_chat),
		cmocka_unit_test(test_large_data),
		cmocka_unit_test(test_input),
		cmocka_unit_test(test_meter),
	};

	return cmocka_run_group_tests_name("tokens", tests, NULL, NULL);
}
