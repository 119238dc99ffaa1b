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
		bool ok = ask_read(a, checks[i].mode, STR("application/json"), str_c(checks[i].in),
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

		if (!ask_read(a, facts[i].mode, STR("application/json"), str_c(facts[i].in),
		        str_c(facts[i].path_model), &ask, &err))
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
	assert_true(ask_read(a, MODE_CHAT, STR("application/json"),
	    str_c(arena_fmt(a, "{\"model\":\"%s\"," M "}", name)), STR(""), &ask, &err));
	assert_int_equal(ask.model.n, MODEL_NAME_MAX);
	name[MODEL_NAME_MAX] = 'm';
	name[MODEL_NAME_MAX + 1] = '\0';
	assert_false(ask_read(a, MODE_CHAT, STR("application/json"),
	    str_c(arena_fmt(a, "{\"model\":\"%s\"," M "}", name)), STR(""), &ask, &err));
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
		bool ok = ask_model(a, STR("application/json"), str_c(cases[i].in), &model, &err);

		if (ok != (cases[i].want != NULL) || (ok && !str_eq_c(model, cases[i].want)))
			fail_msg("%s: got %d %.*s", cases[i].name, ok, STR_ARG(model));
		if (!ok)
			assert_int_equal(err.kind, ERR_INVALID_JSON);
		arena_free(a);
	}
}

/* ---- the other modes (relay.md section 5) --------------------------------------------------- */

/* %% in a body stands for text of `filler` characters, each of two bytes. */
/* clang-format off */
static const struct {
	const char *name;
	enum mode mode;
	const char *in;
	int filler;
	enum err_kind want; /* ERR_NONE: fine */
	const char *msg;    /* NULL: any */
} rules[] = {
	{ "moderation", MODE_MODERATIONS, "{\"input\":\"x\"}", 0, ERR_NONE, NULL },
	{ "moderation of parts", MODE_MODERATIONS, "{\"input\":[{\"type\":\"text\",\"text\":\"x\"}]}", 0, ERR_NONE, NULL },
	{ "moderation of nothing", MODE_MODERATIONS, "{\"input\":\"\"}", 0, ERR_INVALID_TEXT, "field input is required" },
	{ "moderation of null", MODE_MODERATIONS, "{\"input\":null}", 0, ERR_INVALID_TEXT, "field input is required" },
	{ "moderation of []", MODE_MODERATIONS, "{\"input\":[]}", 0, ERR_INVALID_TEXT, "field input is required" },
	{ "moderation without input", MODE_MODERATIONS, "{}", 0, ERR_INVALID_TEXT, "field input is required" },

	{ "edit", MODE_EDITS, "{\"model\":\"m\",\"instruction\":\"x\"}", 0, ERR_NONE, NULL },
	{ "edit without instruction", MODE_EDITS, "{\"model\":\"m\",\"input\":\"x\"}", 0, ERR_INVALID_TEXT, "field instruction is required" },
	{ "edit with an empty one", MODE_EDITS, "{\"model\":\"m\",\"instruction\":\"\"}", 0, ERR_INVALID_TEXT, "field instruction is required" },
	{ "edit without model", MODE_EDITS, "{\"instruction\":\"x\"}", 0, ERR_INVALID_TEXT, "model is required" },
	{ "edit, max_tokens", MODE_EDITS, "{\"model\":\"m\",\"instruction\":\"x\",\"max_tokens\":-1}", 0, ERR_INVALID_TEXT, "max_tokens is invalid" },

	{ "image", MODE_IMAGES, "{\"prompt\":\"x\"}", 0, ERR_NONE, NULL },
	{ "image, no JSON", MODE_IMAGES, "{", 0, ERR_INVALID_IMAGE, NULL },
	{ "image, no object", MODE_IMAGES, "[]", 0, ERR_INVALID_IMAGE, "the request body must be a JSON object" },
	{ "image without prompt", MODE_IMAGES, "{}", 0, ERR_PROMPT_MISSING, NULL },
	{ "image, empty prompt", MODE_IMAGES, "{\"prompt\":\"\"}", 0, ERR_PROMPT_MISSING, NULL },
	{ "image, null prompt", MODE_IMAGES, "{\"prompt\":null}", 0, ERR_PROMPT_MISSING, NULL },
	{ "image, prompt a list", MODE_IMAGES, "{\"prompt\":[\"x\"]}", 0, ERR_INVALID_IMAGE, "prompt must be a string" },
	{ "image, size a number", MODE_IMAGES, "{\"prompt\":\"x\",\"size\":1024}", 0, ERR_INVALID_IMAGE, "size must be a string" },
	{ "image, n zero", MODE_IMAGES, "{\"prompt\":\"x\",\"n\":0}", 0, ERR_N_RANGE, NULL },
	{ "image, n negative", MODE_IMAGES, "{\"prompt\":\"x\",\"n\":-3}", 0, ERR_N_RANGE, NULL },
	{ "image, n negative, a model without a range", MODE_IMAGES, "{\"model\":\"cogview-3-plus\",\"prompt\":\"x\",\"n\":-3}", 0, ERR_N_RANGE, NULL },
	{ "image, n eleven", MODE_IMAGES, "{\"prompt\":\"x\",\"n\":11}", 0, ERR_N_RANGE, NULL },
	{ "image, n not whole", MODE_IMAGES, "{\"prompt\":\"x\",\"n\":1.5}", 0, ERR_N_RANGE, NULL },
	{ "image, n ten", MODE_IMAGES, "{\"prompt\":\"x\",\"n\":10}", 0, ERR_NONE, NULL },
	{ "edit of an image, JSON", MODE_IMAGE_EDITS, "{\"prompt\":\"x\",\"images\":[{\"file_id\":\"f\"}]}", 0, ERR_NONE, NULL },
	{ "edit of one image, JSON", MODE_IMAGE_EDITS, "{\"prompt\":\"x\",\"image\":{\"url\":\"u\"}}", 0, ERR_NONE, NULL },
	{ "edit of no image", MODE_IMAGE_EDITS, "{\"prompt\":\"x\",\"images\":[]}", 0, ERR_INVALID_IMAGE, "image is required" },
	{ "edit of an image without prompt", MODE_IMAGE_EDITS, "{\"images\":[{}]}", 0, ERR_PROMPT_MISSING, NULL },
	{ "variation in JSON", MODE_IMAGE_VARIATIONS, "{\"image\":\"x\"}", 0, ERR_INVALID_IMAGE, "the request body must be multipart/form-data" },

	{ "speech", MODE_SPEECH, "{\"model\":\"m\",\"input\":\"x\",\"voice\":\"v\"}", 0, ERR_NONE, NULL },
	{ "speech, a voice by id", MODE_SPEECH, "{\"model\":\"m\",\"input\":\"x\",\"voice\":{\"id\":\"v\"}}", 0, ERR_NONE, NULL },
	{ "speech, no JSON", MODE_SPEECH, "nope", 0, ERR_INVALID_JSON, NULL },
	{ "speech of 4096 characters", MODE_SPEECH, "{\"model\":\"m\",\"input\":\"%%\",\"voice\":\"v\"}", 4096, ERR_NONE, NULL },
	{ "speech of 4097 characters", MODE_SPEECH, "{\"model\":\"m\",\"input\":\"%%\",\"voice\":\"v\"}", 4097, ERR_TEXT_TOO_LONG, NULL },
	{ "speech without input", MODE_SPEECH, "{\"model\":\"m\",\"voice\":\"v\"}", 0, ERR_INVALID_AUDIO, "input is required" },
	{ "speech without voice", MODE_SPEECH, "{\"model\":\"m\",\"input\":\"x\"}", 0, ERR_INVALID_AUDIO, "voice is required" },
	{ "speech, an empty voice", MODE_SPEECH, "{\"model\":\"m\",\"input\":\"x\",\"voice\":\"\"}", 0, ERR_INVALID_AUDIO, "voice is required" },
	{ "speech, a voice that is none", MODE_SPEECH, "{\"model\":\"m\",\"input\":\"x\",\"voice\":7}", 0, ERR_INVALID_AUDIO, "voice must be a string" },
	{ "speech without model", MODE_SPEECH, "{\"input\":\"x\",\"voice\":\"v\"}", 0, ERR_INVALID_AUDIO, "model is required" },
	{ "transcription in JSON", MODE_TRANSCRIPTION, "{\"model\":\"m\"}", 0, ERR_INVALID_AUDIO, "the request body must be multipart/form-data" },

	{ "response", MODE_RESPONSES, "{\"model\":\"m\",\"input\":\"x\"}", 0, ERR_NONE, NULL },
	{ "response to a list", MODE_RESPONSES, "{\"model\":\"m\",\"input\":[{\"role\":\"user\",\"content\":\"x\"}]}", 0, ERR_NONE, NULL },
	{ "response to an earlier one", MODE_RESPONSES, "{\"model\":\"m\",\"previous_response_id\":\"resp_1\"}", 0, ERR_NONE, NULL },
	{ "response to a prompt", MODE_RESPONSES, "{\"model\":\"m\",\"prompt\":{\"id\":\"p\"}}", 0, ERR_NONE, NULL },
	{ "response in a conversation", MODE_RESPONSES, "{\"model\":\"m\",\"conversation\":\"conv_1\"}", 0, ERR_NONE, NULL },
	{ "response to nothing", MODE_RESPONSES, "{\"model\":\"m\"}", 0, ERR_INVALID_TEXT, "field input is required" },
	{ "response to []", MODE_RESPONSES, "{\"model\":\"m\",\"input\":[]}", 0, ERR_INVALID_TEXT, "field input is required" },
	{ "response without model", MODE_RESPONSES, "{\"input\":\"x\"}", 0, ERR_INVALID_TEXT, "model is required" },
	{ "response, a limit below", MODE_RESPONSES, "{\"model\":\"m\",\"input\":\"x\",\"max_output_tokens\":-1}", 0, ERR_INVALID_TEXT, "max_output_tokens is invalid" },
	{ "response, a limit above", MODE_RESPONSES, "{\"model\":\"m\",\"input\":\"x\",\"max_output_tokens\":1073741824}", 0, ERR_INVALID_TEXT, "max_output_tokens is invalid" },
	{ "compacting", MODE_RESPONSES_COMPACT, "{\"model\":\"m\",\"previous_response_id\":\"resp_1\"}", 0, ERR_NONE, NULL },
	{ "compacting nothing", MODE_RESPONSES_COMPACT, "{\"model\":\"m\"}", 0, ERR_INVALID_TEXT, "field input is required" },

	{ "rerank", MODE_RERANK, "{\"model\":\"m\",\"query\":\"x\",\"documents\":[\"a\"]}", 0, ERR_NONE, NULL },
	{ "rerank without query", MODE_RERANK, "{\"model\":\"m\",\"documents\":[\"a\"]}", 0, ERR_INVALID_TEXT, "field query is required" },
	{ "rerank without documents", MODE_RERANK, "{\"model\":\"m\",\"query\":\"x\"}", 0, ERR_INVALID_TEXT, "field documents is required" },
	{ "rerank of none", MODE_RERANK, "{\"model\":\"m\",\"query\":\"x\",\"documents\":[]}", 0, ERR_INVALID_TEXT, "field documents is required" },
	{ "rerank of a string", MODE_RERANK, "{\"model\":\"m\",\"query\":\"x\",\"documents\":\"a\"}", 0, ERR_INVALID_TEXT, "field documents must be an array" },
};
/* clang-format on */

/* in, with filler characters of two bytes in place of %%. */
static struct str fill(struct arena *a, const char *in, int filler)
{
	struct buf b = buf_init(1 << 20);
	struct str rest = str_c(in), text;
	size_t at = str_find_str(rest, STR("%%"));

	buf_add(&b, str_slice(rest, 0, at));
	for (int i = 0; i < filler; i++)
		buf_add(&b, STR("\xc3\xa9"));
	buf_add(&b, str_slice(rest, at + 2, rest.n));
	text = arena_str(a, buf_str(&b));
	buf_release(&b);
	return text;
}

static void want_kind(const char *name, bool ok, const struct err *err, enum err_kind want,
    const char *msg)
{
	if (ok != (want == ERR_NONE) || (!ok && err->kind != want))
		fail_msg("%s: got %s %s, want %s", name, ok ? "ok" : err_kind_name(err->kind),
		    err->msg, err_kind_name(want));
	if (!ok && msg && strcmp(err->msg, msg) != 0)
		fail_msg("%s: got '%s', want '%s'", name, err->msg, msg);
	if (!ok && err_status(err) != 400)
		fail_msg("%s: got status %d", name, err_status(err));
}

static void test_rules(void **state)
{
	for (size_t i = 0; i < COUNT_OF(rules); i++) {
		struct arena *a = arena_new(4096);
		struct err err = { 0 };
		struct ask ask;
		bool ok = ask_read(a, rules[i].mode, STR("application/json"),
		    fill(a, rules[i].in, rules[i].filler), STR(""), &ask, &err);

		want_kind(rules[i].name, ok, &err, rules[i].want, rules[i].msg);
		arena_free(a);
	}
}

/* JSON is read whatever the Content-Type says, unless that is a form. */
static void test_content_types(void **state)
{
	static const char chat[] = "{\"model\":\"m\"," M "}";
	static const struct {
		const char *type, *body;
		enum err_kind want;
	} cases[] = {
		{ "application/json", chat, ERR_NONE },
		{ "application/json; charset=utf-8", chat, ERR_NONE },
		{ "", chat, ERR_NONE },
		{ "text/plain", chat, ERR_NONE },
		{ "application/x-www-form-urlencoded", chat, ERR_NONE },
		{ "application/x-www-form-urlencoded", "model=m", ERR_INVALID_JSON },
		{ "multipart/form-data; boundary=b", chat, ERR_INVALID_JSON },
		{ "multipart/mixed; boundary=b", chat, ERR_NONE },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct arena *a = arena_new(4096);
		struct err err = { 0 };
		struct ask ask;
		bool ok = ask_read(a, MODE_CHAT, str_c(cases[i].type), str_c(cases[i].body),
		    STR(""), &ask, &err);

		want_kind(cases[i].type, ok, &err, cases[i].want, NULL);
		arena_free(a);
	}
}

/* ---- forms ------------------------------------------------------------------------------- */

/* clang-format off */
#define FORM_TYPE "multipart/form-data; boundary=b"
#define FIELD_OF(name, value) \
	"--b\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n" value "\r\n"
#define FILE_OF(name, bytes) \
	"--b\r\nContent-Disposition: form-data; name=\"" name "\"; filename=\"f\"\r\n\r\n" bytes "\r\n"
#define FORM_END "--b--\r\n"

static const struct {
	const char *name;
	enum mode mode;
	const char *in;
	enum err_kind want;
	const char *msg;
} form_rules[] = {
	{ "transcription", MODE_TRANSCRIPTION, FILE_OF("file", "abc") FORM_END, ERR_NONE, NULL },
	{ "without file", MODE_TRANSCRIPTION, FIELD_OF("model", "m") FORM_END, ERR_INVALID_AUDIO, "file is required" },
	{ "file without a name of its own", MODE_TRANSLATION, FIELD_OF("file", "abc") FORM_END, ERR_INVALID_AUDIO, "file is required" },
	{ "file elsewhere", MODE_TRANSCRIPTION, FIELD_OF("url", "https://x") FORM_END, ERR_NONE, NULL },
	{ "broken", MODE_TRANSCRIPTION, FILE_OF("file", "abc"), ERR_INVALID_AUDIO, NULL },
	{ "stream is no boolean", MODE_TRANSCRIPTION, FILE_OF("file", "abc") FIELD_OF("stream", "maybe") FORM_END, ERR_INVALID_AUDIO, "stream must be a boolean" },
	{ "model with a line end", MODE_TRANSCRIPTION, FILE_OF("file", "abc") FIELD_OF("model", "a\r\nb") FORM_END, ERR_INVALID_AUDIO, "model is invalid" },
	{ "model not UTF-8", MODE_TRANSCRIPTION, FILE_OF("file", "abc") FIELD_OF("model", "\xff") FORM_END, ERR_INVALID_AUDIO, "model is not UTF-8" },
	{ "edit", MODE_IMAGE_EDITS, FILE_OF("image", "abc") FIELD_OF("prompt", "x") FORM_END, ERR_NONE, NULL },
	{ "edit of several", MODE_IMAGE_EDITS, FILE_OF("image[]", "a") FILE_OF("image[]", "b") FIELD_OF("prompt", "x") FORM_END, ERR_NONE, NULL },
	{ "edit without prompt", MODE_IMAGE_EDITS, FILE_OF("image", "abc") FORM_END, ERR_PROMPT_MISSING, NULL },
	{ "edit without image", MODE_IMAGE_EDITS, FIELD_OF("prompt", "x") FORM_END, ERR_INVALID_IMAGE, "image is required" },
	{ "edit, broken", MODE_IMAGE_EDITS, "x", ERR_INVALID_IMAGE, NULL },
	{ "edit, n", MODE_IMAGE_EDITS, FILE_OF("image", "abc") FIELD_OF("prompt", "x") FIELD_OF("n", "11") FORM_END, ERR_N_RANGE, NULL },
	{ "variation", MODE_IMAGE_VARIATIONS, FILE_OF("image", "abc") FORM_END, ERR_NONE, NULL },
	{ "variation, n no number", MODE_IMAGE_VARIATIONS, FILE_OF("image", "abc") FIELD_OF("n", "two") FORM_END, ERR_N_RANGE, NULL },
	{ "speech as a form", MODE_SPEECH, FIELD_OF("input", "x") FORM_END, ERR_INVALID_JSON, "the request body must be JSON" },
};
/* clang-format on */

static void test_form_rules(void **state)
{
	for (size_t i = 0; i < COUNT_OF(form_rules); i++) {
		struct arena *a = arena_new(4096);
		struct err err = { 0 };
		struct ask ask;
		bool ok = ask_read(a, form_rules[i].mode, STR(FORM_TYPE), str_c(form_rules[i].in),
		    STR(""), &ask, &err);

		want_kind(form_rules[i].name, ok, &err, form_rules[i].want, form_rules[i].msg);
		arena_free(a);
	}
}

static void read_form(struct arena *a, enum mode mode, const char *in, struct ask *ask)
{
	struct err err = { 0 };

	if (!ask_read(a, mode, STR(FORM_TYPE), str_c(in), STR(""), ask, &err))
		fail_msg("%s", err.msg);
}

static void test_form_facts(void **state)
{
	struct arena *a = arena_new(4096);
	struct err err = { 0 };
	struct ask ask;
	struct str model;

	read_form(a, MODE_TRANSCRIPTION,
	    FILE_OF("file", "abcde") FIELD_OF("stream", "True") FIELD_OF("response_format", "srt")
	        FORM_END,
	    &ask);
	assert_true(str_eq_c(ask.model, "whisper-1"));
	assert_true(ask.stream && str_eq_c(ask.response_format, "srt"));
	assert_int_equal(ask.file_bytes, 5);
	assert_int_equal(ask.root.type, J_NONE);

	read_form(a, MODE_IMAGE_EDITS,
	    FILE_OF("image[]", "abc") FILE_OF("image[]", "de") FILE_OF("mask", "f")
	        FIELD_OF("prompt", "x") FIELD_OF("n", "3") FIELD_OF("quality", "high")
	            FIELD_OF("model", "first") FIELD_OF("model", "last") FORM_END,
	    &ask);
	assert_true(str_eq_c(ask.model, "last"));
	assert_true(str_eq_c(ask.size, "1024x1024") && str_eq_c(ask.quality, "high"));
	assert_int_equal(ask.n, 3);
	assert_int_equal(ask.file_bytes, 6);
	assert_false(ask.stream);
	assert_true(ask_prompt_tokens(&ask) > 0);

	assert_true(
	    ask_model(a, STR(FORM_TYPE), STR(FIELD_OF("model", "m") FORM_END), &model, &err));
	assert_true(str_eq_c(model, "m"));
	arena_free(a);
}

static void read_json(struct arena *a, enum mode mode, const char *in, struct ask *ask)
{
	struct err err = { 0 };

	if (!ask_read(a, mode, STR(""), str_c(in), STR(""), ask, &err))
		fail_msg("%s: %s", in, err.msg);
}

static void test_more_facts(void **state)
{
	struct arena *a = arena_new(4096);
	struct err err = { 0 };
	struct ask ask;

	read_json(a, MODE_MODERATIONS, "{\"input\":\"x\"}", &ask);
	assert_true(str_eq_c(ask.model, "text-moderation-latest"));
	read_json(a, MODE_IMAGES, "{\"prompt\":\"x\",\"stream\":true}", &ask);
	assert_true(str_eq_c(ask.model, "dall-e-2") && str_eq_c(ask.size, "1024x1024"));
	assert_true(ask.stream && ask.n == 1);
	read_json(a, MODE_SPEECH,
	    "{\"model\":\"m\",\"input\":\"\\u00e9\xc3\xa9x\",\"voice\":\"v\",\"stream\":true}",
	    &ask);
	assert_int_equal(ask.characters, 3);
	assert_false(ask.stream);
	read_json(a, MODE_SPEECH,
	    "{\"model\":\"m\",\"input\":\"x\",\"voice\":\"v\",\"stream_format\":\"sse\"}", &ask);
	assert_true(ask.stream);
	read_json(a, MODE_RESPONSES,
	    "{\"model\":\"m\",\"input\":\"x\",\"max_output_tokens\":9,\"stream\":true}", &ask);
	assert_int_equal(ask.max_tokens, 9);
	assert_true(ask.stream);
	assert_true(ask_prompt_tokens(&ask) > 0);
	assert_false(ask_read(a, MODE_PROXY, STR(""), STR("{}"), STR(""), &ask, &err));
	arena_free(a);
}

/* The limits of models: openai-and-azure.md section 7, relay.md section 5. */
static void test_image_limits(void **state)
{
	static const struct {
		const char *model, *size;
		int n, prompt; /* characters */
		enum err_kind want;
	} cases[] = {
		{ "dall-e-2", "256x256", 10, 1000, ERR_NONE },
		{ "dall-e-2", "1792x1024", 1, 1, ERR_SIZE_UNSUPPORTED },
		{ "dall-e-2", "1024x1024", 1, 1001, ERR_PROMPT_TOO_LONG },
		{ "dall-e-2", "", 1, 1, ERR_NONE }, /* the default */
		{ "dall-e-3", "1792x1024", 1, 4000, ERR_NONE },
		{ "dall-e-3", "512x512", 1, 1, ERR_SIZE_UNSUPPORTED },
		{ "dall-e-3", "1024x1024", 2, 1, ERR_N_RANGE },
		{ "dall-e-3", "1024x1024", 1, 4001, ERR_PROMPT_TOO_LONG },
		{ "dall-e-3", "512x512", 2, 4001, ERR_SIZE_UNSUPPORTED }, /* in this order */
		{ "dall-e-3", "1024x1024", 2, 4001, ERR_PROMPT_TOO_LONG },
		{ "gpt-image-1", "auto", 10, 32000, ERR_NONE },
		{ "gpt-image-1", "1536x1024", 1, 32001, ERR_PROMPT_TOO_LONG },
		{ "gpt-image-1", "1792x1024", 1, 1, ERR_SIZE_UNSUPPORTED },
		{ "gpt-image-2", "2048x1152", 1, 1, ERR_NONE },
		{ "cogview-3", "1x1", 1, 833, ERR_NONE },
		{ "cogview-3", "1x1", 1, 834, ERR_PROMPT_TOO_LONG },
		{ "wanx-v1", "720x1280", 4, 1, ERR_NONE },
		{ "wanx-v1", "720x1280", 5, 1, ERR_N_RANGE },
		{ "unknown", "1x1", 10, 40000, ERR_NONE },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct arena *a = arena_new(4096);
		struct err err = { 0 };
		struct ask ask;
		struct str body = fill(a,
		    arena_fmt(a, "{\"prompt\":\"%%%%\",\"size\":\"%s\",\"n\":%d}", cases[i].size,
		        cases[i].n),
		    cases[i].prompt);
		bool ok;

		assert_true(ask_read(a, MODE_IMAGES, STR(""), body, STR(""), &ask, &err));
		ok = ask_check_image(a, &ask, str_c(cases[i].model), &err);
		want_kind(arena_fmt(a, "%s %s", cases[i].model, cases[i].size), ok, &err,
		    cases[i].want, NULL);
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
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_content_types),
		cmocka_unit_test(test_form_rules),
		cmocka_unit_test(test_form_facts),
		cmocka_unit_test(test_more_facts),
		cmocka_unit_test(test_image_limits),
	};

	return cmocka_run_group_tests_name("ask", tests, NULL, NULL);
}
