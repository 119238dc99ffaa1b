/* test_openai.c — what fixtures do not show of the openai dialect: usage, masking, metering, cost
 *
 * Whole conversations are in tests/fixtures/openai.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cost.h"

#include "base/mem.h"
#include "provider/adaptor.h"
#include "provider/catalog.h"
#include "provider/providers.h"

/* ---- usage ------------------------------------------------------------------------------- */

/* clang-format off */
static const struct {
	const char *name, *in;
	bool found;
	struct usage want;
} usages[] = {
	{ "absent", "null", false, { 0 } },
	{ "none of the members", "{\"cost\":0}", false, { 0 } },
	{ "zeros are no report", "{\"prompt_tokens\":0,\"completion_tokens\":0,\"total_tokens\":0}", true, { 0 } },
	{ "plain", "{\"prompt_tokens\":5,\"completion_tokens\":7,\"total_tokens\":12}", true,
		{ .prompt_tokens = 5, .completion_tokens = 7, .reported = true } },
	{ "details", "{\"prompt_tokens\":50,\"completion_tokens\":7,\"total_tokens\":57,\"prompt_tokens_details\":{\"cached_tokens\":40,\"cache_write_tokens\":3},\"completion_tokens_details\":{\"reasoning_tokens\":6}}", true,
		{ .prompt_tokens = 50, .completion_tokens = 7, .cached_tokens = 40, .cache_write_tokens = 3, .reasoning_tokens = 6, .reported = true } },
	{ "audio and images", "{\"prompt_tokens\":50,\"completion_tokens\":70,\"prompt_tokens_details\":{\"audio_tokens\":11,\"image_tokens\":12},\"completion_tokens_details\":{\"audio_tokens\":13,\"image_tokens\":14}}", true,
		{ .prompt_tokens = 50, .completion_tokens = 70, .audio_prompt_tokens = 11, .image_prompt_tokens = 12, .audio_completion_tokens = 13, .image_completion_tokens = 14, .reported = true } },
	{ "input and output", "{\"input_tokens\":50,\"output_tokens\":7,\"input_tokens_details\":{\"cached_tokens\":40},\"output_tokens_details\":{\"reasoning_tokens\":6}}", true,
		{ .prompt_tokens = 50, .completion_tokens = 7, .cached_tokens = 40, .reasoning_tokens = 6, .reported = true } },
	{ "details in the singular", "{\"input_tokens\":14,\"input_token_details\":{\"audio_tokens\":14},\"output_tokens\":7}", true,
		{ .prompt_tokens = 14, .completion_tokens = 7, .audio_prompt_tokens = 14, .reported = true } },
	{ "both vocabularies, one of them empty", "{\"prompt_tokens\":5,\"completion_tokens\":7,\"input_tokens\":0,\"output_tokens\":0}", true,
		{ .prompt_tokens = 5, .completion_tokens = 7, .reported = true } },
	{ "null details", "{\"prompt_tokens\":5,\"completion_tokens\":7,\"prompt_tokens_details\":null}", true,
		{ .prompt_tokens = 5, .completion_tokens = 7, .reported = true } },
	{ "negative", "{\"prompt_tokens\":-5,\"completion_tokens\":7}", true,
		{ .completion_tokens = 7, .reported = true } },
	{ "huge", "{\"prompt_tokens\":9000000000000,\"completion_tokens\":1}", true,
		{ .prompt_tokens = INT64_C(1) << 31, .completion_tokens = 1, .reported = true } },
	{ "text", "{\"prompt_tokens\":\"5\",\"completion_tokens\":1}", true, { .completion_tokens = 1, .reported = true } },
	{ "reasoning beside completion", "{\"prompt_tokens\":30,\"completion_tokens\":1,\"total_tokens\":81,\"completion_tokens_details\":{\"reasoning_tokens\":50}}", true,
		{ .prompt_tokens = 30, .completion_tokens = 51, .reasoning_tokens = 50, .reported = true } },
	{ "cached beside prompt", "{\"prompt_tokens\":3,\"completion_tokens\":1,\"prompt_tokens_details\":{\"cached_tokens\":20}}", true,
		{ .prompt_tokens = 23, .completion_tokens = 1, .cached_tokens = 20, .reported = true } },
	{ "only a sum", "{\"total_tokens\":71}", true,
		{ .completion_tokens = 71, .only_sum = true, .reported = true } },
	{ "cache hits by their older name", "{\"prompt_tokens\":100,\"completion_tokens\":6,\"prompt_cache_hit_tokens\":64}", true,
		{ .prompt_tokens = 100, .completion_tokens = 6, .cached_tokens = 64, .reported = true } },
};
/* clang-format on */

static void test_usage(void **state)
{
	for (size_t i = 0; i < COUNT_OF(usages); i++) {
		struct usage got = { 0 };
		const struct usage *want = &usages[i].want;
		struct jval v;

		assert_true(jscan_value(str_c(usages[i].in), &v));
		if (adaptor_usage(v, &got) != usages[i].found)
			fail_msg("%s: found is wrong", usages[i].name);
		if (got.prompt_tokens != want->prompt_tokens ||
		    got.completion_tokens != want->completion_tokens ||
		    got.cached_tokens != want->cached_tokens ||
		    got.cache_write_tokens != want->cache_write_tokens ||
		    got.reasoning_tokens != want->reasoning_tokens ||
		    got.audio_prompt_tokens != want->audio_prompt_tokens ||
		    got.image_prompt_tokens != want->image_prompt_tokens ||
		    got.audio_completion_tokens != want->audio_completion_tokens ||
		    got.image_completion_tokens != want->image_completion_tokens ||
		    got.reported != want->reported || got.only_sum != want->only_sum)
			fail_msg("%s: got %lld %lld cached %lld written %lld reasoning %lld %d",
			    usages[i].name, (long long)got.prompt_tokens,
			    (long long)got.completion_tokens, (long long)got.cached_tokens,
			    (long long)got.cache_write_tokens, (long long)got.reasoning_tokens,
			    got.reported);
	}
}

static void test_complete_usage(void **state)
{
	static const struct {
		const char *name;
		struct usage in;
		int64_t estimate, prompt, completion;
	} cases[] = {
		{ "reported", { .prompt_tokens = 5, .completion_tokens = 6, .reported = true }, 99,
		    5, 6 },
		{ "counted by us", { 0 }, 99, 99, 10 },
		{ "a sum is divided",
		    { .completion_tokens = 71, .only_sum = true, .reported = true }, 60, 60, 11 },
		{ "never below zero",
		    { .completion_tokens = 71, .only_sum = true, .reported = true }, 99, 71, 0 },
		{ "a sum that is all prompt",
		    { .prompt_tokens = 71, .only_sum = true, .reported = true }, 60, 71, 0 },
		{ "the other half", { .prompt_tokens = 71, .reported = true }, 60, 71, 10 },
		{ "half a report", { .completion_tokens = 71, .reported = true }, 99, 99, 71 },
		{ "a large prompt", { .prompt_tokens = 3000000, .reported = true }, 50000, 3000000,
		    10 },
		{ "an absurd prompt", { .prompt_tokens = INT64_C(1) << 31, .reported = true }, 99,
		    1048576 + 64 * 99, 10 },
		{ "an absurd completion",
		    { .prompt_tokens = 1, .completion_tokens = INT64_C(1) << 31, .reported = true },
		    99, 1, 1048576 + 64 * 10 },
		{ "cached beside the prompt",
		    { .prompt_tokens = 1010,
		        .cached_tokens = 1000,
		        .cached_beside = true,
		        .reported = true },
		    99, 1010, 10 },
		{ "an absurd cache",
		    { .prompt_tokens = 10 + (INT64_C(1) << 31),
		        .cached_tokens = INT64_C(1) << 31,
		        .cached_beside = true,
		        .reported = true },
		    9, 10, 10 },
		{ "an absurd sum",
		    { .completion_tokens = INT64_C(1) << 31, .only_sum = true, .reported = true },
		    99, 99, 1048576 + 64 * 10 },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct call c = { .usage = cases[i].in };

		/* one token a word in OpenAI's vocabularies */
		token_meter_add(&c.meter, STR(" one two one two one two one two one two"));
		assert_int_equal(token_meter_count(&c.meter), 10);
		adaptor_complete_usage(&c, cases[i].estimate);
		if (c.usage.prompt_tokens != cases[i].prompt ||
		    c.usage.completion_tokens != cases[i].completion)
			fail_msg("%s: got %lld and %lld", cases[i].name,
			    (long long)c.usage.prompt_tokens, (long long)c.usage.completion_tokens);
		if (c.usage.cached_tokens > c.usage.prompt_tokens)
			fail_msg("%s: %lld of them cached", cases[i].name,
			    (long long)c.usage.cached_tokens);
	}
}

/* ---- masking ----------------------------------------------------------------------------- */

static void test_mask(void **state)
{
	static const struct {
		const char *name, *in, *want;
	} cases[] = {
		{ "nothing", "The model `gpt-4o` does not exist",
		    "The model `gpt-4o` does not exist" },
		{ "key", "key sk-proj-abc_DEF123. Next", "key ***. Next" },
		{ "masked key", "provided: sk-ab**********cdef.", "provided: ***." },
		{ "no key", "a task-force, sk-", "a task-force, sk-" },
		{ "bearer", "got 'Bearer eyJhbGciOi'", "got 'Bearer ***'" },
		{ "bearer in lower case", "bearer abcdefghi", "bearer ***" },
		{ "organisation", "in organization org-AbCdEf12345 on", "in organization *** on" },
		{ "url", "see https://my.host:8443/v1/x?key=1, please", "see https://***, please" },
		{ "long random run", "id 0123456789abcdef0123456789abcdef!", "id ***!" },
		{ "short run", "0123456789abcdef0123456789abcde",
		    "0123456789abcdef0123456789abcde" },
		{ "a long word", "pneumonoultramicroscopicsilicovolcanoconiosis",
		    "pneumonoultramicroscopicsilicovolcanoconiosis" },
		{ "model names stay",
		    "meta-llama/Llama-3-70b-chat-hf and claude-3-5-sonnet-20241022",
		    "meta-llama/Llama-3-70b-chat-hf and claude-3-5-sonnet-20241022" },
		{ "google key", "AIzaSyA1234567890", "***" },
		{ "empty", "", "" },
		{ "at the end", "https://", "https://" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct arena *a = arena_new(1024);
		struct str got = adaptor_mask(a, str_c(cases[i].in));

		if (!str_eq_c(got, cases[i].want))
			fail_msg("%s: got '%.*s', want '%s'", cases[i].name, STR_ARG(got),
			    cases[i].want);
		arena_free(a);
	}
}

static void test_scrub(void **state)
{
	struct catalog_channel channel = { .row.key = STR("plainkey99"),
		.base_url = STR("https://my-res.openai.azure.com/x") };
	struct call c = { .channel = &channel, .key = channel.row.key };
	struct err err = { 0 };

	(void)err_set(&err, ERR_UPSTREAM, "plainkey99 at my-res.openai.azure.com, plainkey99");
	(void)err_detail(&err, "plainkey9 plainkey99plainkey99");
	adaptor_scrub(&c, &err);
	assert_string_equal(err.msg, "*** at ***, ***");
	assert_string_equal(err.detail, "plainkey9 ******");
}

/* Bedrock's credentials are parts of a key, or members of config. */
static void test_scrub_parts(void **state)
{
	struct catalog_channel channel = { .ak = STR("AKIDEXAMPLE"), .sk = STR("of-config") };
	struct call c = { .channel = &channel,
		.key = STR("AKIAIOSFODNN7EXAMPLE|wJalrXUtnFEMI-K7MDENG|us-east-1") };
	struct err err = { 0 };

	(void)err_set(&err, ERR_UPSTREAM, "wJalrXUtnFEMI-K7MDENG in us-east-1, of-config");
	(void)err_detail(&err, "AKIAIOSFODNN7EXAMPLE and AKIDEXAMPLE");
	adaptor_scrub(&c, &err);
	assert_string_equal(err.msg, "*** in us-east-1, ***");
	assert_string_equal(err.detail, "*** and ***");
}

/* Whatever an upstream sends as an error, err is filled and bounded. */
static void test_error_shapes(void **state)
{
	static const struct {
		const char *name;
		int status;
		const char *body, *msg;
	} cases[] = {
		{ "message", 400, "{\"message\":\"m\"}", "m" },
		{ "msg", 400, "{\"msg\":\"m\"}", "m" },
		{ "err", 400, "{\"err\":\"m\"}", "m" },
		{ "error_msg", 400, "{\"error_msg\":\"m\"}", "m" },
		{ "header.message", 400, "{\"header\":{\"message\":\"m\"}}", "m" },
		{ "response.error.message", 400, "{\"response\":{\"error\":{\"message\":\"m\"}}}",
		    "m" },
		{ "Response.Error.Message", 400, "{\"Response\":{\"Error\":{\"Message\":\"m\"}}}",
		    "m" },
		{ "error as a string", 400, "{\"error\":\"m\"}", "m" },
		{ "detail", 400, "{\"detail\":\"m\"}", "m" },
		{ "title", 400, "{\"title\":\"m\"}", "m" },
		{ "errors", 400, "{\"errors\":[{\"message\":\"m\"}]}", "m" },
		{ "message.detail", 422,
		    "{\"object\":\"error\",\"message\":{\"detail\":[{\"loc\":[\"a\",0],\"msg\":"
		    "\"m\"}]}}",
		    "a.0: m" },
		{ "error.message before message", 400,
		    "{\"message\":\"x\",\"error\":{\"message\":\"m\"}}", "m" },
		{ "an empty one is passed over", 400,
		    "{\"error\":{\"message\":\"\"},\"msg\":\"m\"}", "m" },
		{ "a bare string", 400, "\"m\"", "m" },
		{ "empty array", 400, "[]", "bad response status code 400" },
		{ "a number", 400, "5", "bad response status code 400" },
		{ "nothing", 418, "", "bad response status code 418" },
		{ "broken JSON", 500, "{\"error\":", "bad response status code 500" },
		{ "plain text", 500, "internal error", "bad response status code 500" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct err err = { 0 };

		adaptor_error(cases[i].status, str_c(cases[i].body), &err);
		if (strcmp(err.msg, cases[i].msg) != 0)
			fail_msg("%s: got '%s', want '%s'", cases[i].name, err.msg, cases[i].msg);
		assert_int_equal(err.upstream_status, cases[i].status);
	}
}

/* openai-and-azure.md section 9; 404 is not retried by relay.md section 4. */
static void test_statuses(void **state)
{
	static const struct {
		int upstream, client;
		enum err_kind kind;
		enum err_origin origin;
		const char *type, *code;
	} cases[] = {
		{ 400, 400, ERR_BAD_REQUEST, ERR_BY_CLIENT, "invalid_request_error", "c" },
		{ 422, 400, ERR_BAD_REQUEST, ERR_BY_CLIENT, "invalid_request_error", "c" },
		{ 451, 400, ERR_BAD_REQUEST, ERR_BY_CLIENT, "invalid_request_error", "c" },
		{ 401, 502, ERR_UPSTREAM_AUTH, ERR_BY_UPSTREAM, "upstream_auth_error",
		    "upstream_401" },
		{ 402, 502, ERR_UPSTREAM_QUOTA, ERR_BY_UPSTREAM, "upstream_quota_error",
		    "insufficient_quota" },
		{ 403, 502, ERR_UPSTREAM_AUTH, ERR_BY_UPSTREAM, "upstream_auth_error",
		    "upstream_401" },
		{ 404, 404, ERR_MODEL_NOT_FOUND, ERR_BY_CLIENT, "invalid_request_error", "c" },
		{ 408, 504, ERR_UPSTREAM_TIMEOUT, ERR_BY_UPSTREAM, "timeout_error", "c" },
		{ 413, 413, ERR_TOO_LARGE, ERR_BY_CLIENT, "invalid_request_error", "c" },
		{ 429, 429, ERR_UPSTREAM, ERR_BY_UPSTREAM, "t", "c" },
		{ 500, 502, ERR_UPSTREAM, ERR_BY_UPSTREAM, "server_error", "c" },
		{ 502, 502, ERR_UPSTREAM, ERR_BY_UPSTREAM, "server_error", "c" },
		{ 503, 503, ERR_UPSTREAM, ERR_BY_UPSTREAM, "server_error", "c" },
		{ 504, 504, ERR_UPSTREAM_TIMEOUT, ERR_BY_UPSTREAM, "timeout_error", "c" },
		{ 524, 504, ERR_UPSTREAM_TIMEOUT, ERR_BY_UPSTREAM, "timeout_error", "c" },
		{ 529, 503, ERR_UPSTREAM, ERR_BY_UPSTREAM, "server_error", "c" },
		{ 302, 502, ERR_UPSTREAM, ERR_BY_UPSTREAM, "server_error", "c" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct err err = { 0 };

		adaptor_error(cases[i].upstream,
		    STR("{\"error\":{\"message\":\"m\",\"type\":\"t\",\"code\":\"c\"}}"), &err);
		if (err_status(&err) != cases[i].client || err.kind != cases[i].kind ||
		    err_origin(&err) != cases[i].origin ||
		    strcmp(err_type(&err), cases[i].type) != 0 ||
		    strcmp(err_code(&err), cases[i].code) != 0)
			fail_msg("%d: got %d %s %s %s", cases[i].upstream, err_status(&err),
			    err_kind_name(err.kind), err_type(&err), err_code(&err));
	}
}

static void test_long_error(void **state)
{
	struct buf body = buf_init(1 << 20);
	struct err err = { 0 };

	buf_add(&body, STR("{\"error\":{\"message\":\""));
	for (int i = 0; i < 5000; i++)
		buf_add(&body, STR("\xe2\x98\x83 "));
	buf_add(&body, STR("\",\"code\":\""));
	for (int i = 0; i < 500; i++)
		buf_add(&body, STR("long"));
	buf_add(&body, STR("\"}}"));
	adaptor_error(400, buf_str(&body), &err);
	assert_true(strlen(err.msg) < sizeof(err.msg));
	assert_true(strlen(err.msg) > 400);
	assert_true(str_is_utf8(str_c(err.msg)));
	assert_string_equal(err_code(&err), "invalid_request_error");
	buf_release(&body);
}

/* ---- streams ----------------------------------------------------------------------------- */

struct room {
	struct arena *arena;
	struct catalog_channel channel;
	struct ask ask;
	struct call call;
	struct buf out;
};

static void open_room(struct room *r, const char *request)
{
	struct channel row = { .id = 1, .type = 1, .key = STR("k") };
	struct err err = { 0 };

	r->arena = arena_new(8192);
	r->out = buf_init(1 << 20);
	assert_true(catalog_channel_make(r->arena, &row, &r->channel, &err));
	assert_true(ask_read(r->arena, MODE_CHAT, STR("application/json"), str_c(request), STR(""),
	    &r->ask, &err));
	r->call = (struct call){ .arena = r->arena,
		.ask = &r->ask,
		.channel = &r->channel,
		.key = r->channel.row.key,
		.provider = r->channel.provider,
		.model = r->ask.model,
		.stream = r->ask.stream };
}

static void close_room(struct room *r)
{
	buf_release(&r->out);
	arena_free(r->arena);
}

static void send_event(struct room *r, const char *data)
{
	struct frame_event event = { .data = str_c(data) };
	struct err err = { 0 };

	assert_true(openai_adaptor.on_event(&r->call, &event, &r->out, &err));
}

#define STREAM                                                                                     \
	"{\"model\":\"m\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}"
#define WHOLE "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}"

/* Everything that a model writes counts when the upstream reports no usage. */
static void test_meter(void **state)
{
	static const struct {
		const char *name, *event;
		const char *said[3]; /* texts that do not continue each other */
	} cases[] = {
		{ "content", "{\"choices\":[{\"delta\":{\"content\":\"abcd\"}}]}", { "abcd" } },
		{ "role only",
		    "{\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}",
		    { NULL } },
		{ "reasoning", "{\"choices\":[{\"delta\":{\"reasoning_content\":\"abc\"}}]}",
		    { "abc" } },
		{ "reasoning by its other name",
		    "{\"choices\":[{\"delta\":{\"reasoning\":\"abc\"}}]}", { "abc" } },
		{ "both names are one text",
		    "{\"choices\":[{\"delta\":{\"reasoning\":\"abc\",\"reasoning_content\":\"abc\"}"
		    "}]}",
		    { "abc" } },
		{ "refusal", "{\"choices\":[{\"delta\":{\"refusal\":\"no\"}}]}", { "no" } },
		{ "call",
		    "{\"choices\":[{\"delta\":{\"tool_calls\":[{\"id\":\"x\",\"function\":{"
		    "\"name\":\"ab\",\"arguments\":\"{}\"}}]}}]}",
		    { "ab", "{}" } },
		{ "call with an object",
		    "{\"choices\":[{\"delta\":{\"tool_calls\":[{\"function\":{\"name\":\"ab\","
		    "\"arguments\":{\"a\":1}}}]}}]}",
		    { "ab", "{\"a\":1}" } },
		{ "custom call",
		    "{\"choices\":[{\"delta\":{\"tool_calls\":[{\"custom\":{\"name\":\"ab\","
		    "\"input\":\"xyz\"}}]}}]}",
		    { "ab", "xyz" } },
		{ "older call",
		    "{\"choices\":[{\"delta\":{\"function_call\":{\"name\":\"a\",\"arguments\":"
		    "\"b\"}}}]}",
		    { "a", "b" } },
		{ "content in parts",
		    "{\"choices\":[{\"delta\":{\"content\":[{\"type\":\"text\",\"text\":\"abc\"}]}}"
		    "]}",
		    { "abc" } },
		{ "two choices",
		    "{\"choices\":[{\"delta\":{\"content\":\"a\"}},{\"delta\":{\"content\":\"b\"}}]"
		    "}",
		    { "a", "b" } },
		{ "text", "{\"choices\":[{\"text\":\"abc\"}]}", { "abc" } },
		{ "nonsense", "{\"choices\":[1,[],{\"delta\":3},{\"delta\":{\"content\":{}}}]}",
		    { NULL } },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct room r;
		int64_t want = 0;

		open_room(&r, STREAM);
		send_event(&r, cases[i].event);
		for (size_t j = 0; j < COUNT_OF(cases[i].said); j++)
			want += tokens_text(STR("m"), str_c(cases[i].said[j]));
		if (token_meter_count(&r.call.meter) != want)
			fail_msg("%s: got %lld, want %lld", cases[i].name,
			    (long long)token_meter_count(&r.call.meter), (long long)want);
		assert_int_equal(r.call.pieces > 0, want > 0);
		assert_false(r.call.finished);
		close_room(&r);
	}
}

/* An event that is no JSON, or not only JSON, is the client's to judge: it passes byte for byte, and
 * what can be read of it counts. */
static void test_odd_events(void **state)
{
	static const struct {
		const char *event;
		const char *said; /* NULL: nothing */
	} cases[] = {
		{ "{\"choices\":[{\"delta\":{\"content\":\"abcd\"}}]}", "abcd" },
		{ "{\"choices\":[{\"delta\":{\"content\":\"abcd\"}}]}}", "abcd" },
		{ "{\"choices\":[{\"delta\":{\"content\":\"abcd\"}}]} and more", "abcd" },
		{ "{\"choices\":[{\"delta\":{\"content\":\"abcd}}]}", NULL },
		{ "{\"choices\":[{\"delta\":{\"content\":\"abcd\"}", NULL },
		{ "{}", NULL },
		{ "{", NULL },
		{ "}", NULL },
		{ "text", NULL },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct room r;
		struct str out;
		int64_t want = cases[i].said ? tokens_text(STR("m"), str_c(cases[i].said)) : 0;

		open_room(&r, STREAM);
		send_event(&r, cases[i].event);
		out = buf_str(&r.out);
		if (!str_eq(str_slice(out, 6, out.n - 2), str_c(cases[i].event)))
			fail_msg("'%s': got '%.*s'", cases[i].event, STR_ARG(out));
		if (token_meter_count(&r.call.meter) != want)
			fail_msg("'%s': got %lld tokens, want %lld", cases[i].event,
			    (long long)token_meter_count(&r.call.meter), (long long)want);
		close_room(&r);
	}
}

/* Beside a report our own count is of no use, unless the report is beyond all reason. */
static void test_meter_beside_report(void **state)
{
	static const struct {
		const char *usage;
		int64_t want;
		bool counts;
	} cases[] = {
		{ "{\"prompt_tokens\":3,\"completion_tokens\":7}", 7, false },
		{ "{\"prompt_tokens\":3,\"completion_tokens\":1048576}", 1048576, false },
		/* a million and 64 times the two that we counted */
		{ "{\"prompt_tokens\":3,\"completion_tokens\":2000000000}", 1048576 + 64 * 2,
		    true },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct room r;
		struct err err = { 0 };
		const char *body;

		open_room(&r, WHOLE);
		body = arena_fmt(r.arena,
		    "{\"choices\":[{\"message\":{\"content\":\"hello world\"}}],\"usage\":%s}",
		    cases[i].usage);
		assert_int_equal(openai_adaptor.decode(&r.call, str_c(body), &r.out, &err),
		    STEP_DONE);
		assert_int_equal(token_meter_count(&r.call.meter) > 0, cases[i].counts);
		adaptor_complete_usage(&r.call, 3);
		assert_int_equal(r.call.usage.completion_tokens, cases[i].want);
		close_room(&r);
	}
}

static void test_whole_meter(void **state)
{
	struct room r;
	struct err err = { 0 };

	open_room(&r, WHOLE);
	assert_int_equal(openai_adaptor.decode(&r.call,
	                     STR("\n {\"choices\":[{\"message\":{\"content\":\"abcd\","
	                         "\"reasoning_content\":\"efgh\"}}],\"error\":null}"),
	                     &r.out, &err),
	    STEP_DONE);
	assert_false(r.call.usage.reported);
	adaptor_complete_usage(&r.call, 3);
	assert_int_equal(r.call.usage.prompt_tokens, 3);
	/* two texts: `abcd` is one token, `efgh` two */
	assert_int_equal(r.call.usage.completion_tokens, 1 + 2);
	close_room(&r);
}

static void test_last_usage_wins(void **state)
{
	struct room r;

	open_room(&r, STREAM);
	send_event(&r,
	    "{\"choices\":[{\"delta\":{\"content\":\"a\"}}],\"usage\":{\"prompt_tokens\":5,"
	    "\"completion_tokens\":1}}");
	send_event(&r,
	    "{\"choices\":[{\"delta\":{\"content\":\"a\"}}],\"usage\":{\"prompt_tokens\":5,"
	    "\"completion_tokens\":2}}");
	send_event(&r, "{\"choices\":[],\"usage\":null}");
	send_event(&r, "{\"choices\":[],\"usage\":{\"prompt_tokens\":0,\"completion_tokens\":0}}");
	assert_int_equal(r.call.usage.completion_tokens, 2);
	close_room(&r);

	open_room(&r, STREAM);
	send_event(&r,
	    "{\"choices\":[],\"x_groq\":{\"id\":\"r\",\"usage\":{\"prompt_tokens\":7,\"completion_"
	    "tokens\":2}}}");
	assert_int_equal(r.call.usage.prompt_tokens, 7);
	close_room(&r);

	open_room(&r, STREAM);
	send_event(&r,
	    "{\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\",\"usage\":{\"prompt_tokens\":7,"
	    "\"completion_tokens\":3}}]}");
	assert_int_equal(r.call.usage.completion_tokens, 3);
	assert_true(r.call.finished);
	close_room(&r);
}

static void test_failure_in_stream(void **state)
{
	struct room r;

	open_room(&r, STREAM);
	send_event(&r,
	    "{\"choices\":[],\"x_groq\":{\"error\":{\"message\":\"over "
	    "capacity\",\"code\":\"498\"}}}");
	assert_true(r.call.failed);
	assert_int_equal(err_status(&r.call.failure), 503);
	assert_int_equal(r.out.len, 0);
	/* What comes after a failure is not for the client. */
	send_event(&r, "{\"choices\":[{\"delta\":{\"content\":\"a\"}}]}");
	send_event(&r, "[DONE]");
	assert_int_equal(r.out.len, 0);
	close_room(&r);
}

/* Empty finish reasons are none, and a null error is none. */
static void test_not_finished(void **state)
{
	struct room r;
	struct err err = { 0 };

	open_room(&r, STREAM);
	send_event(&r,
	    "{\"error\":null,\"choices\":[{\"delta\":{\"content\":\"a\"},\"finish_reason\":\"\"}]"
	    "}");
	assert_false(r.call.finished || r.call.failed);
	send_event(&r, "{\"error\":{\"message\":\"\",\"type\":\"\",\"code\":0},\"choices\":[]}");
	assert_false(r.call.failed);
	assert_false(openai_adaptor.on_end(&r.call, &r.out, &err));
	assert_int_equal(err.kind, ERR_UPSTREAM_TRUNCATED);
	close_room(&r);
}

/* The body that needs no change is the client's own memory. */
static void test_no_copy(void **state)
{
	struct room r;
	struct upstream_req sent;
	struct err err = { 0 };

	open_room(&r, WHOLE);
	upstream_req_init(&sent, r.arena);
	assert_true(openai_adaptor.encode(&r.call, &sent, &err));
	assert_ptr_equal(sent.body.p, r.ask.body.p);
	assert_int_equal(sent.body.n, r.ask.body.n);
	assert_true(sent.has_body);
	assert_string_equal(sent.method, "POST");
	upstream_req_release(&sent);
	close_room(&r);
}

/* Reasoning models know only the newer limit. What the client said stays in force; null says
 * nothing. */
static void test_limit_names(void **state)
{
	static const struct {
		const char *name, *in, *want;
	} cases[] = {
		{ "renamed", "\"max_tokens\":7", "\"max_completion_tokens\":7" },
		{ "the newer one wins", "\"max_tokens\":7,\"max_completion_tokens\":9",
		    "\"max_completion_tokens\":9" },
		{ "beside null", "\"max_completion_tokens\":null,\"max_tokens\":7",
		    "\"max_completion_tokens\":7" },
		{ "null alone", "\"max_completion_tokens\":null",
		    "\"max_completion_tokens\":null" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		static const char form[] = "{\"model\":\"o1\",%s,\"messages\":[{}]}";
		struct arena *a = arena_new(1024);
		struct upstream_req sent;
		struct err err = { 0 };
		struct room r;

		open_room(&r, arena_fmt(a, form, cases[i].in));
		upstream_req_init(&sent, r.arena);
		assert_true(openai_adaptor.encode(&r.call, &sent, &err));
		if (!str_eq_c(sent.body, arena_fmt(a, form, cases[i].want)))
			fail_msg("%s: got %.*s, want %s", cases[i].name, STR_ARG(sent.body),
			    cases[i].want);
		upstream_req_release(&sent);
		close_room(&r);
		arena_free(a);
	}
}

/* A body made to break the editing is refused, not sent half edited. */
static void test_too_many_names(void **state)
{
	struct room r;
	struct upstream_req sent;
	struct err err = { 0 };
	struct buf body = buf_init(1 << 20);

	buf_add(&body, STR("{"));
	for (int i = 0; i < 5000; i++)
		buf_add(&body, STR("\"model\":\"x\","));
	buf_add(&body, STR("\"model\":\"m\",\"messages\":[{}]}"));
	open_room(&r, body.data);
	upstream_req_init(&sent, r.arena);
	assert_false(openai_adaptor.encode(&r.call, &sent, &err));
	assert_int_equal(err_status(&err), 400);
	upstream_req_release(&sent);
	close_room(&r);
	buf_release(&body);
}

/* Of about 250 bytes, as they come by the thousand. */
static const char usual_chunk[] =
    "{\"id\":\"chatcmpl-9f8e7d6c5b4a39281706\",\"object\":\"chat.completion.chunk\","
    "\"created\":1700000000,\"model\":\"gpt-4o-2024-11-20\",\"service_tier\":\"default\","
    "\"system_fingerprint\":\"fp_0123456789\",\"choices\":[{\"index\":0,\"delta\":"
    "{\"content\":\" token\"},\"logprobs\":null,\"finish_reason\":null}],\"usage\":null}";

static void pass_on(void *room)
{
	struct room *r = room;

	buf_clear(&r->out);
	send_event(r, usual_chunk);
}

static void read_into_a_tree(void *arg)
{
	cJSON_Delete(cJSON_Parse(usual_chunk));
}

/* The hot path allocates nothing, and costs nothing like a reading that does: its budget is 3 us, half
 * of what a tree takes. */
static void test_cost(void **state)
{
	struct room r;
	size_t held;
	int64_t ns, tree_ns;

	open_room(&r, STREAM);
	send_event(&r, usual_chunk);
	held = arena_held(r.arena);
	ns = cost_ns(pass_on, &r, 500);
	assert_int_equal(arena_held(r.arena), held);
	tree_ns = cost_ns(read_into_a_tree, NULL, 500);
	print_message("%lld ns for a chunk of %zu bytes, %lld for a tree\n", (long long)ns,
	    sizeof(usual_chunk) - 1, (long long)tree_ns);
	assert_true(ns < tree_ns * 4);
	close_room(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_usage),
		cmocka_unit_test(test_complete_usage),
		cmocka_unit_test(test_mask),
		cmocka_unit_test(test_scrub),
		cmocka_unit_test(test_scrub_parts),
		cmocka_unit_test(test_error_shapes),
		cmocka_unit_test(test_statuses),
		cmocka_unit_test(test_long_error),
		cmocka_unit_test(test_meter),
		cmocka_unit_test(test_odd_events),
		cmocka_unit_test(test_meter_beside_report),
		cmocka_unit_test(test_whole_meter),
		cmocka_unit_test(test_last_usage_wins),
		cmocka_unit_test(test_failure_in_stream),
		cmocka_unit_test(test_not_finished),
		cmocka_unit_test(test_no_copy),
		cmocka_unit_test(test_limit_names),
		cmocka_unit_test(test_too_many_names),
		cmocka_unit_test(test_cost),
	};

	return cmocka_run_group_tests_name("openai", tests, NULL, NULL);
}
