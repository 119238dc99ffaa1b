/* test_ask.c — what a request must be, and what is read of it (relay.md section 5) */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "provider/ask.h"

#define M "\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]"
#define PARTS(parts) "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":[" parts "]}]}"

/* clang-format off */
static const struct {
	const char *name;
	enum mode mode;
	const char *in;
	const char *path_model;
	const char *want; /* the message, or NULL when it is fine; "json" = ERR_INVALID_JSON */
} checks[] = {
	{ "least chat", MODE_CHAT, "{\"model\":\"m\"," M "}", "", NULL },
	{ "empty body", MODE_CHAT, "", "", "json" },
	{ "no JSON", MODE_CHAT, "{", "", "json" },
	{ "trailing text", MODE_CHAT, "{\"model\":\"m\"," M "} x", "", "json" },
	{ "no object", MODE_CHAT, "[1]", "", "json" },
	{ "broken UTF-8", MODE_CHAT, "{\"model\":\"\xff\"," M "}", "", "json" },
	{ "no model", MODE_CHAT, "{" M "}", "", "model is required" },
	{ "null model", MODE_CHAT, "{\"model\":null," M "}", "", "model is required" },
	{ "empty model", MODE_CHAT, "{\"model\":\"\"," M "}", "", "model is required" },
	{ "model a number", MODE_CHAT, "{\"model\":1," M "}", "", "model must be a string" },
	{ "model with a line end", MODE_CHAT, "{\"model\":\"a\\nb\"," M "}", "", "model is invalid" },
	{ "max_tokens below", MODE_CHAT, "{\"model\":\"m\",\"max_tokens\":-1," M "}", "", "max_tokens is invalid" },
	{ "max_tokens above", MODE_CHAT, "{\"model\":\"m\",\"max_tokens\":1073741824," M "}", "", "max_tokens is invalid" },
	{ "max_tokens at the limit", MODE_CHAT, "{\"model\":\"m\",\"max_tokens\":1073741823," M "}", "", NULL },
	{ "max_tokens zero", MODE_CHAT, "{\"model\":\"m\",\"max_tokens\":0," M "}", "", NULL },
	{ "max_tokens null", MODE_CHAT, "{\"model\":\"m\",\"max_tokens\":null," M "}", "", NULL },
	{ "max_tokens text", MODE_CHAT, "{\"model\":\"m\",\"max_tokens\":\"9\"," M "}", "", "max_tokens is invalid" },
	{ "max_tokens not whole", MODE_CHAT, "{\"model\":\"m\",\"max_tokens\":1.5," M "}", "", "max_tokens is invalid" },
	{ "max_tokens comes before model", MODE_CHAT, "{\"max_tokens\":-1}", "", "max_tokens is invalid" },
	{ "max_completion_tokens", MODE_CHAT, "{\"model\":\"m\",\"max_completion_tokens\":-1," M "}", "", "max_completion_tokens is invalid" },
	{ "no messages", MODE_CHAT, "{\"model\":\"m\"}", "", "field messages is required" },
	{ "null messages", MODE_CHAT, "{\"model\":\"m\",\"messages\":null}", "", "field messages is required" },
	{ "empty messages", MODE_CHAT, "{\"model\":\"m\",\"messages\":[]}", "", "field messages is required" },
	{ "messages a string", MODE_CHAT, "{\"model\":\"m\",\"messages\":\"x\"}", "", "field messages is required" },
	{ "message no object", MODE_CHAT, "{\"model\":\"m\",\"messages\":[{},7]}", "", "messages[1] must be an object" },
	{ "content null", MODE_CHAT, "{\"model\":\"m\",\"messages\":[{\"role\":\"assistant\",\"content\":null}]}", "", NULL },
	{ "content a number", MODE_CHAT, "{\"model\":\"m\",\"messages\":[{\"content\":5}]}", "", "messages[0].content must be a string or an array" },
	{ "parts", MODE_CHAT, PARTS("{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"image_url\",\"image_url\":{\"url\":\"u\"}},{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"\",\"format\":\"wav\"}},{\"type\":\"new_kind\"}"), "", NULL },
	{ "part a string", MODE_CHAT, PARTS("\"a\""), "", "messages[0].content[0] must be an object with a type" },
	{ "part without type", MODE_CHAT, PARTS("{\"text\":\"a\"}"), "", "messages[0].content[0] must be an object with a type" },
	{ "image without url", MODE_CHAT, PARTS("{\"type\":\"text\",\"text\":\"\"},{\"type\":\"image_url\",\"image_url\":{}}"), "", "messages[0].content[1].image_url is malformed" },
	{ "image url a number", MODE_CHAT, PARTS("{\"type\":\"image_url\",\"image_url\":{\"url\":5}}"), "", "messages[0].content[0].image_url is malformed" },
	{ "image missing", MODE_CHAT, PARTS("{\"type\":\"image_url\"}"), "", "messages[0].content[0].image_url is malformed" },
	{ "text an object", MODE_CHAT, PARTS("{\"type\":\"text\",\"text\":{}}"), "", "messages[0].content[0].text is malformed" },
	{ "audio without data", MODE_CHAT, PARTS("{\"type\":\"input_audio\",\"input_audio\":{\"format\":\"wav\"}}"), "", "messages[0].content[0].input_audio is malformed" },
	{ "stream a string", MODE_CHAT, "{\"model\":\"m\",\"stream\":\"true\"," M "}", "", "stream must be a boolean" },
	{ "stream null", MODE_CHAT, "{\"model\":\"m\",\"stream\":null," M "}", "", NULL },
	{ "stream_options a list", MODE_CHAT, "{\"model\":\"m\",\"stream_options\":[]," M "}", "", "stream_options must be an object" },
	{ "n zero", MODE_CHAT, "{\"model\":\"m\",\"n\":0," M "}", "", "n must be between 1 and 128" },
	{ "n negative", MODE_CHAT, "{\"model\":\"m\",\"n\":-5," M "}", "", "n must be between 1 and 128" },
	{ "n 129", MODE_CHAT, "{\"model\":\"m\",\"n\":129," M "}", "", "n must be between 1 and 128" },
	{ "n 128", MODE_CHAT, "{\"model\":\"m\",\"n\":128," M "}", "", NULL },
	{ "no prompt", MODE_COMPLETIONS, "{\"model\":\"m\"}", "", "field prompt is required" },
	{ "empty prompt", MODE_COMPLETIONS, "{\"model\":\"m\",\"prompt\":\"\"}", "", "field prompt is required" },
	{ "null prompt", MODE_COMPLETIONS, "{\"model\":\"m\",\"prompt\":null}", "", "field prompt is required" },
	{ "prompt []", MODE_COMPLETIONS, "{\"model\":\"m\",\"prompt\":[ ]}", "", "field prompt is required" },
	{ "prompt", MODE_COMPLETIONS, "{\"model\":\"m\",\"prompt\":[\"a\"]}", "", NULL },
	{ "prompt an object", MODE_COMPLETIONS, "{\"model\":\"m\",\"prompt\":{}}", "", "field prompt must be a string or an array" },
	{ "no input", MODE_EMBEDDINGS, "{\"model\":\"m\"}", "", "field input is required" },
	{ "empty input", MODE_EMBEDDINGS, "{\"model\":\"m\",\"input\":\"\"}", "", "field input is required" },
	{ "input []", MODE_EMBEDDINGS, "{\"model\":\"m\",\"input\":[]}", "", "field input is required" },
	{ "input tokens", MODE_EMBEDDINGS, "{\"model\":\"m\",\"input\":[1,2]}", "", NULL },
	{ "model from the path", MODE_EMBEDDINGS, "{\"input\":\"a\"}", "ada", NULL },
};
/* clang-format on */

static void test_checks(void **state)
{
	for (size_t i = 0; i < COUNT_OF(checks); i++) {
		struct arena *a = arena_new(4096);
		struct err err = { 0 };
		struct ask ask;
		bool ok = ask_read(a, checks[i].mode, str_c(checks[i].in),
		    str_c(checks[i].path_model), &ask, &err);
		const char *want = checks[i].want;
		bool json = want && strcmp(want, "json") == 0;

		if (ok != !want)
			fail_msg("%s: got %s, want %s", checks[i].name, ok ? "ok" : err.msg,
			    want ? want : "ok");
		if (want && err.kind != (json ? ERR_INVALID_JSON : ERR_INVALID_TEXT))
			fail_msg("%s: got kind %s", checks[i].name, err_kind_name(err.kind));
		if (want && !json && strcmp(err.msg, want) != 0)
			fail_msg("%s: got '%s', want '%s'", checks[i].name, err.msg, want);
		if (want)
			assert_int_equal(err_status(&err), 400);
		arena_free(a);
	}
}

/* clang-format off */
static const struct {
	const char *name;
	enum mode mode;
	const char *in, *path_model, *model;
	bool stream, wants_usage;
	int64_t max_tokens, n;
} facts[] = {
	{ "defaults", MODE_CHAT, "{\"model\":\"m\"," M "}", "", "m", false, false, -1, 1 },
	{ "all", MODE_CHAT, "{\"model\":\"m\",\"stream\":true,\"n\":3,\"max_tokens\":7,\"stream_options\":{\"include_usage\":true}," M "}", "", "m", true, true, 7, 3 },
	{ "usage without stream", MODE_CHAT, "{\"model\":\"m\",\"stream_options\":{\"include_usage\":true}," M "}", "", "m", false, false, -1, 1 },
	{ "usage false", MODE_CHAT, "{\"model\":\"m\",\"stream\":true,\"stream_options\":{\"include_usage\":false}," M "}", "", "m", true, false, -1, 1 },
	{ "the newer limit wins", MODE_CHAT, "{\"max_completion_tokens\":5,\"model\":\"m\",\"max_tokens\":7," M "}", "", "m", false, false, 5, 1 },
	{ "the last name counts", MODE_CHAT, "{\"model\":\"a\",\"model\":\"b\"," M "}", "", "b", false, false, -1, 1 },
	{ "an escaped name is that name", MODE_CHAT, "{\"model\":\"a\",\"mod\\u0065l\":\"b\"," M "}", "", "b", false, false, -1, 1 },
	{ "escapes in the model", MODE_CHAT, "{\"model\":\"\\u0061\\/b\"," M "}", "", "a/b", false, false, -1, 1 },
	{ "the body's model wins", MODE_EMBEDDINGS, "{\"model\":\"m\",\"input\":\"x\"}", "ada", "m", false, false, -1, 1 },
	{ "embeddings do not stream", MODE_EMBEDDINGS, "{\"stream\":true,\"input\":\"x\"}", "ada", "ada", false, false, -1, 1 },
	{ "numbers with exponent", MODE_CHAT, "{\"model\":\"m\",\"max_tokens\":1e2,\"n\":2.0," M "}", "", "m", false, false, 100, 2 },
};
/* clang-format on */

static void test_facts(void **state)
{
	for (size_t i = 0; i < COUNT_OF(facts); i++) {
		struct arena *a = arena_new(4096);
		struct err err = { 0 };
		struct ask ask;

		if (!ask_read(a, facts[i].mode, str_c(facts[i].in), str_c(facts[i].path_model),
		        &ask, &err))
			fail_msg("%s: %s", facts[i].name, err.msg);
		if (!str_eq_c(ask.model, facts[i].model) || ask.stream != facts[i].stream ||
		    ask.wants_usage != facts[i].wants_usage ||
		    ask.max_tokens != facts[i].max_tokens || ask.n != facts[i].n)
			fail_msg("%s: got %.*s stream %d usage %d max %lld n %lld", facts[i].name,
			    STR_ARG(ask.model), ask.stream, ask.wants_usage,
			    (long long)ask.max_tokens, (long long)ask.n);
		assert_true(ask_prompt_tokens(&ask) > 0);
		arena_free(a);
	}
}

static void test_long_model(void **state)
{
	struct arena *a = arena_new(4096);
	struct err err = { 0 };
	struct ask ask;
	char name[MODEL_NAME_MAX + 2];

	memset(name, 'm', sizeof(name));
	name[MODEL_NAME_MAX] = '\0';
	assert_true(ask_read(a, MODE_CHAT, str_c(arena_fmt(a, "{\"model\":\"%s\"," M "}", name)),
	    STR(""), &ask, &err));
	assert_int_equal(ask.model.n, MODEL_NAME_MAX);
	name[MODEL_NAME_MAX] = 'm';
	name[MODEL_NAME_MAX + 1] = '\0';
	assert_false(ask_read(a, MODE_CHAT, str_c(arena_fmt(a, "{\"model\":\"%s\"," M "}", name)),
	    STR(""), &ask, &err));
	assert_string_equal(err.msg, "model is invalid");
	arena_free(a);
}

static void test_model_only(void **state)
{
	static const struct {
		const char *name, *in, *want; /* NULL: it cannot be parsed */
	} cases[] = {
		{ "there", "{\"model\":\"m\"}", "m" },
		{ "absent", "{}", "" },
		{ "no string", "{\"model\":[1]}", "" },
		{ "no object", "[\"model\"]", "" },
		{ "no JSON", "model=m", NULL },
		{ "empty", "", NULL },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct arena *a = arena_new(1024);
		struct err err = { 0 };
		struct str model = STR("unset");
		bool ok = ask_model(a, str_c(cases[i].in), &model, &err);

		if (ok != (cases[i].want != NULL) || (ok && !str_eq_c(model, cases[i].want)))
			fail_msg("%s: got %d %.*s", cases[i].name, ok, STR_ARG(model));
		if (!ok)
			assert_int_equal(err.kind, ERR_INVALID_JSON);
		arena_free(a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_checks),
		cmocka_unit_test(test_facts),
		cmocka_unit_test(test_long_model),
		cmocka_unit_test(test_model_only),
	};

	return cmocka_run_group_tests_name("ask", tests, NULL, NULL);
}
