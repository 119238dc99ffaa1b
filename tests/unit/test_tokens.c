/* test_tokens.c — billing/tokens.h: how many tokens a request has
 *
 * The two samples of OpenAI's cookbook have the totals that its API bills. The others are worked out
 * from the rules of tokens.md section 2 and the tokens of their texts, which the npm package
 * tiktoken gives: `user`, `system`, `assistant`, `tool`, `example`, `abcd` and `abcdefgh` are one,
 * `be brief`, `abcde`, `get_time`, `c1` and `f:` two, `hello world!` and `12:00` three.
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

/* clang-format off */
static const char cookbook_messages[] =
	"{\"messages\":[{\"role\":\"system\",\"content\":\"You are a helpful, pattern-fo"
	"llowing assistant that translates corporate jargon into plain English.\"},{\"ro"
	"le\":\"system\",\"name\":\"example_user\",\"content\":\"New synergies will help"
	" drive top-line growth.\"},{\"role\":\"system\",\"name\":\"example_assistant\","
	"\"content\":\"Things working well together will increase revenue.\"},{\"role\":"
	"\"system\",\"name\":\"example_user\",\"content\":\"Let's circle back when we ha"
	"ve more bandwidth to touch base on opportunities for increased leverage.\"},{\""
	"role\":\"system\",\"name\":\"example_assistant\",\"content\":\"Let's talk later"
	" when we're less busy about how to do better.\"},{\"role\":\"user\",\"content\""
	":\"This late pivot means we don't have time to boil the ocean for the client de"
	"liverable.\"}]}";
static const char cookbook_tools[] =
	"{\"messages\":[{\"role\":\"system\",\"content\":\"You are a helpful assistant t"
	"hat can answer to questions about the weather.\"},{\"role\":\"user\",\"content\""
	":\"What's the weather like in San Francisco?\"}],\"tools\":[{\"type\":\"functio"
	"n\",\"function\":{\"name\":\"get_current_weather\",\"description\":\"Get the cu"
	"rrent weather in a given location\",\"parameters\":{\"type\":\"object\",\"prope"
	"rties\":{\"location\":{\"type\":\"string\",\"description\":\"The city and state"
	", e.g. San Francisco, CA.\"},\"unit\":{\"type\":\"string\",\"description\":\"Th"
	"e unit of temperature to return\",\"enum\":[\"celsius\",\"fahrenheit\"]}},\"req"
	"uired\":[\"location\"]}}}]}";
/* The same, as functions and as the tools of a response are written. */
static const char cookbook_functions[] =
	"{\"messages\":[{\"role\":\"system\",\"content\":\"You are a helpful assistant t"
	"hat can answer to questions about the weather.\"},{\"role\":\"user\",\"content\""
	":\"What's the weather like in San Francisco?\"}],\"functions\":[{\"name\":\"get"
	"_current_weather\",\"description\":\"Get the current weather in a given locatio"
	"n\",\"parameters\":{\"type\":\"object\",\"properties\":{\"location\":{\"type\":"
	"\"string\",\"description\":\"The city and state, e.g. San Francisco, CA.\"},\"u"
	"nit\":{\"type\":\"string\",\"description\":\"The unit of temperature to return\""
	",\"enum\":[\"celsius\",\"fahrenheit\"]}},\"required\":[\"location\"]}}]}";

static const struct {
	const char *name, *model, *in;
	int64_t want;
} chats[] = {
	{ "no messages", "gpt-4o",
	    "{}", 0 },
	{ "empty list", "gpt-4o",
	    "{\"messages\":[]}", 3 },
	{ "one message", "gpt-4o",
	    "{\"messages\":[{\"role\":\"user\",\"content\":\"hello world!\"}]}", 3 + 3 + 1 + 3 },
	{ "blanks do not matter", "gpt-4o",
	    "{ \"messages\" : [ { \"role\" : \"user\" , \"content\" : \"hello world!\" } ] }", 10 },
	{ "escaped member names", "gpt-4o",
	    "{\"m\\u0065ssages\":[{\"role\":\"user\",\"cont\\u0065nt\":\"hello world!\"}]}", 10 },
	{ "name", "gpt-4o",
	    "{\"messages\":[{\"role\":\"user\",\"content\":\"hello world!\",\"name\":\"examp"
	    "le\"}]}", 10 + 1 + 1 },
	{ "two messages", "gpt-4o",
	    "{\"messages\":[{\"role\":\"system\",\"content\":\"be brief\"},{\"role\":\"user\""
	    ",\"content\":\"hello world!\"}]}", 3 + (3 + 1 + 2) + (3 + 1 + 3) },
	{ "null content", "gpt-4o",
	    "{\"messages\":[{\"role\":\"assistant\",\"content\":null}]}", 3 + 3 + 1 },
	{ "text parts", "gpt-4o",
	    "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"ab"
	    "cd\"},{\"type\":\"text\",\"text\":\"abcde\"}]}]}", 3 + 3 + 1 + 1 + 2 },
	{ "reasoning counts", "gpt-4o",
	    "{\"messages\":[{\"role\":\"user\",\"content\":\"\",\"reasoning_content\":\"abcd"
	    "efgh\"}]}", 3 + 3 + 1 + 1 },
	{ "refusal counts", "gpt-4o",
	    "{\"messages\":[{\"role\":\"assistant\",\"refusal\":\"hello world!\"}]}", 3 + 3 + 1 + 3 },
	{ "tool call", "gpt-4o",
	    "{\"messages\":[{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"c1\",\"type\":"
	    "\"function\",\"function\":{\"name\":\"get_time\",\"arguments\":\"{\\\"tz\\\":\\"
	    "\"UTC\\\"}\"}}]}]}", 3 + 3 + 1 + (3 + 2 + 5) },
	{ "tool call, arguments as object", "gpt-4o",
	    "{\"messages\":[{\"role\":\"assistant\",\"tool_calls\":[{\"function\":{\"name\":"
	    "\"get_time\",\"arguments\":{\"tz\": \"UTC\"}}}]}]}", 3 + 3 + 1 + (3 + 2 + 5) },
	{ "older function call", "gpt-4o",
	    "{\"messages\":[{\"role\":\"assistant\",\"content\":null,\"function_call\":{\"na"
	    "me\":\"get_time\",\"arguments\":\"{\\\"tz\\\":\\\"UTC\\\"}\"}}]}", 3 + 3 + 1 + (3 + 2 + 5) },
	{ "tool answer", "gpt-4o",
	    "{\"messages\":[{\"role\":\"tool\",\"tool_call_id\":\"c1\",\"content\":\"12:00\""
	    "}]}", 3 + 3 + 1 + 2 + 3 },
	{ "image, no detail", "gpt-4o",
	    "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_"
	    "url\":{\"url\":\"https://example.com/a.png\"}}]}]}", 7 + 1445 },
	{ "image, auto", "gpt-4o",
	    "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_"
	    "url\":{\"url\":\"https://example.com/a.png\",\"detail\":\"auto\"}}]}]}", 7 + 1445 },
	{ "image, high", "gpt-4o",
	    "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_"
	    "url\":{\"url\":\"https://example.com/a.png\",\"detail\":\"high\"}}]}]}", 7 + 1445 },
	{ "image, low", "gpt-4o",
	    "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_"
	    "url\":{\"url\":\"https://example.com/a.png\",\"detail\":\"low\"}}]}]}", 7 + 85 },
	{ "image, vendor cut off", "openai/gpt-4o-mini",
	    "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_"
	    "url\":{\"url\":\"https://example.com/a.png\",\"detail\":\"low\"}}]}]}", 7 + 2833 },
	{ "image, of a response", "gpt-4o",
	    "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"input_image\",\"imag"
	    "e_url\":\"https://example.com/a.png\",\"detail\":\"low\"}]}]}", 7 + 85 },
	{ "image in the request", "gpt-4o",
	    "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_"
	    "url\":{\"url\":\"data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAABAAAAAQACAYAAAB/"
	    "HSuDAAAA\"}}]}]}", 7 + 765 },
	{ "image in the request, slashes escaped", "gpt-4o",
	    "{\"messages\": [{\"role\": \"user\", \"content\": [{\"type\": \"image_url\", \""
	    "image_url\": {\"url\": \"data:image\\/png;base64,iVBORw0KGgoAAAANSUhEUgAABAAAAA"
	    "QACAYAAAB\\/HSuDAAAA\"}}]}]}", 7 + 765 },
	{ "image as a source", "gpt-4o",
	    "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image\",\"source\":{"
	    "\"type\":\"base64\",\"data\":\"iVBORw0KGgoAAAANSUhEUgAABAAAAAQACAYAAAB/HSuDAAAA"
	    "\"}}]}]}", 7 + 765 },
	{ "image that is none", "gpt-4o",
	    "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_"
	    "url\":{\"url\":\"data:image/png;base64,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	    "AAAAAAAA\"}}]}]}", 7 + 1445 },
	{ "file by id", "gpt-4o",
	    "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"file\",\"file\":{\"f"
	    "ile_id\":\"file-1\"}}]}]}", 7 + 1000 },
	{ "unknown part counts whole", "gpt-4o",
	    "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"odd\", \"x\":\"abcd\""
	    "}]}]}", 7 + 9 },
	{ "no tools", "gpt-4o",
	    "{\"tools\":[],\"messages\":[]}", 3 },
	{ "tools no array", "gpt-4o",
	    "{\"tools\":{},\"messages\":[]}", 3 },
	{ "bare function", "gpt-4o",
	    "{\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}],\"messages\""
	    ":[]}", 3 + 12 + (7 + 2) },
	{ "bare function, gpt-4", "gpt-4",
	    "{\"functions\":[{\"name\":\"f\"}],\"messages\":[]}", 3 + 12 + (10 + 2) },
	{ "nested object", "gpt-4o",
	    "{\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"plan\",\"descriptio"
	    "n\":\"Plan a trip.\",\"parameters\":{\"type\":\"object\",\"properties\":{\"plac"
	    "e\":{\"type\":\"object\",\"description\":\"Where it is\",\"properties\":{\"city"
	    "\":{\"type\":\"string\"}}}}}}}],\"messages\":[]}", 3 + 12 + (7 + 5) + 3 + (3 + 7) + 3 + (3 + 3) },
	{ "items of an array", "gpt-4o",
	    "{\"functions\":[{\"name\":\"f\",\"parameters\":{\"properties\":{\"tags\":{\"typ"
	    "e\":\"array\",\"items\":{\"type\":\"string\"}}}}}],\"messages\":[]}", 3 + 12 + (7 + 2) + 3 + (3 + 4) + (3 + 3) },
	{ "numbers to choose from", "gpt-4o",
	    "{\"functions\":[{\"name\":\"f\",\"parameters\":{\"properties\":{\"size\":{\"typ"
	    "e\":\"integer\",\"enum\":[1,2]}}}}],\"messages\":[]}", 3 + 12 + (7 + 2) + 3 + (3 + 4) - 3 + (3 + 1) + (3 + 1) },
	{ "anyOf as it is", "gpt-4o",
	    "{\"functions\":[{\"name\":\"f\",\"parameters\":{\"properties\":{\"x\":{\"anyOf\""
	    ": [ {\"type\": \"null\"} ]}}}}],\"messages\":[]}", 3 + 12 + (7 + 2) + 3 + (3 + 2) + 7 },
	{ "what says nothing", "gpt-4o",
	    "{\"functions\":[{\"name\":\"f\",\"parameters\":{\"required\":[\"a\",\"b\"],\"ad"
	    "ditionalProperties\":false}}],\"messages\":[]}", 3 + 12 + (7 + 2) },
	{ "no function", "gpt-4o",
	    "{\"tools\":[{\"type\":\"web_search\"}],\"messages\":[]}", 3 + 12 + 6 },
	{ "format without a schema", "gpt-4o",
	    "{\"response_format\":{\"type\":\"json_object\"},\"messages\":[]}", 3 },
	{ "format with a schema", "gpt-4o",
	    "{\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"x\","
	    "\"schema\":{\"type\":\"object\"}}},\"messages\":[]}", 3 + 11 },
	{ "tool choice, a word", "gpt-4o",
	    "{\"tool_choice\":\"auto\",\"messages\":[]}", 3 },
	{ "tool choice, an object", "gpt-4o",
	    "{\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"f\"}},\"messag"
	    "es\":[]}", 3 + 11 },
	{ "messages no array", "gpt-4o",
	    "{\"messages\":\"x\"}", 0 },
	{ "message no object", "gpt-4o",
	    "{\"messages\":[1]}", 3 + 3 },
	{ "content a number", "gpt-4o",
	    "{\"messages\":[{\"role\":\"user\",\"content\":5}]}", 3 + 3 + 1 },
	{ "root no object", "gpt-4o",
	    "[]", 0 },
};

static const struct {
	const char *name, *in;
	int64_t want;
} responses[] = {
	{ "empty",
	    "{}", 0 },
	{ "text",
	    "{\"input\":\"hello world!\"}", 3 + 3 + 1 + 3 },
	{ "instructions",
	    "{\"instructions\":\"be brief\",\"input\":\"hello world!\"}", (3 + 1 + 2) + 3 + 3 + 1 + 3 },
	{ "messages",
	    "{\"input\":[{\"role\":\"user\",\"content\":[{\"type\":\"input_text\",\"text\":\""
	    "hello world!\"}]}]}", 3 + 3 + 1 + 3 },
	{ "calls and answers",
	    "{\"input\":[{\"type\":\"function_call\",\"call_id\":\"c\",\"name\":\"get_time\""
	    ",\"arguments\":\"{\\\"tz\\\":\\\"UTC\\\"}\"},{\"type\":\"function_call_output\""
	    ",\"call_id\":\"c\",\"output\":\"12:00\"}]}", 3 + (3 + 1 + 2 + 5) + (3 + 3) },
	{ "tools",
	    "{\"input\":[],\"tools\":[{\"type\":\"function\",\"name\":\"f\"}]}", 3 + 12 + (7 + 2) },
	{ "format",
	    "{\"text\":{\"format\":{\"type\":\"json_schema\",\"schema\":{\"type\":\"object\""
	    "}}}}", 5 },
};
/* clang-format on */

static void test_cookbook(void **state)
{
	static const struct {
		const char *name, *model, *in;
		int64_t want;
	} cases[] = {
		{ "messages", "gpt-3.5-turbo", cookbook_messages, 129 },
		{ "messages", "gpt-4-0613", cookbook_messages, 129 },
		{ "messages", "gpt-4", cookbook_messages, 129 },
		{ "messages", "gpt-4o", cookbook_messages, 124 },
		{ "messages", "gpt-4o-mini", cookbook_messages, 124 },
		{ "tools", "gpt-3.5-turbo", cookbook_tools, 105 },
		{ "tools", "gpt-4", cookbook_tools, 105 },
		{ "tools", "gpt-4o", cookbook_tools, 101 },
		{ "tools", "gpt-4o-mini", cookbook_tools, 101 },
		{ "functions", "gpt-4", cookbook_functions, 105 },
		{ "functions", "gpt-4o", cookbook_functions, 101 },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++)
		same_int(cases[i].model,
		    tokens_chat(str_c(cases[i].model), parse(cases[i].name, cases[i].in)),
		    cases[i].want);
	same_int("encoding named by a channel",
	    tokens_chat_in(ENCODING_CL100K, STR("gpt-4o"), parse("messages", cookbook_messages)),
	    129);
}

static void test_chat(void **state)
{
	for (size_t i = 0; i < COUNT_OF(chats); i++)
		same_int(chats[i].name,
		    tokens_chat(str_c(chats[i].model), parse(chats[i].name, chats[i].in)),
		    chats[i].want);
}

static void test_response(void **state)
{
	for (size_t i = 0; i < COUNT_OF(responses); i++)
		same_int(responses[i].name,
		    tokens_response(STR("gpt-4o"), parse(responses[i].name, responses[i].in)),
		    responses[i].want);
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
		    "\"}}", 7 + 1445, 7 + 1445 },
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

/* Brackets to the depth that a body may have, in a schema and in content. */
static void test_depth(void **state)
{
	enum { DEPTH = 58 };
	char text[4096];
	size_t n = (size_t)snprintf(text, sizeof(text),
	    "{\"messages\":[],\"functions\":[{\"name\":\"f\",\"parameters\":");

	for (int i = 0; i < DEPTH; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "{\"items\":");
	n += (size_t)snprintf(text + n, sizeof(text) - n, "{}");
	for (int i = 0; i < DEPTH; i++)
		text[n++] = '}';
	(void)snprintf(text + n, sizeof(text) - n, "}]}");
	/* `items::` has two tokens */
	same_int("items in items", tokens_chat(STR("gpt-4o"), parse("depth", text)),
	    3 + 12 + (7 + 2) + DEPTH * (3 + 2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cookbook),
		cmocka_unit_test(test_chat),
		cmocka_unit_test(test_response),
		cmocka_unit_test(test_large_data),
		cmocka_unit_test(test_input),
		cmocka_unit_test(test_depth),
	};

	return cmocka_run_group_tests_name("tokens", tests, NULL, NULL);
}
