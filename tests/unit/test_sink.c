/* test_sink.c — what OpenAI's clients read of a converted reply */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "provider/sink.h"

struct room {
	struct arena *arena;
	struct buf out;
	struct ask ask;
	struct sink to;
};

static void open_room(struct room *r, enum mode mode, bool stream, bool wants_usage)
{
	r->arena = arena_new(4096);
	r->out = buf_init(1 << 20);
	r->ask = (struct ask){ .mode = mode,
		.model = STR("m\"x"),
		.stream = stream,
		.wants_usage = wants_usage };
	sink_init(&r->to, r->arena, &r->out, &r->ask, STR("up-1"));
	r->to.created = 1700000000;
}

static void close_room(struct room *r)
{
	buf_release(&r->out);
	arena_free(r->arena);
}

static void want_out(struct room *r, const char *want)
{
	if (!str_eq_c(buf_str(&r->out), want))
		fail_msg("got  %.*s\nwant %s", STR_ARG(buf_str(&r->out)), want);
}

#define HEAD(object)                                                                               \
	"{\"id\":\"chatcmpl-up-1\",\"object\":\"" object                                           \
	"\",\"created\":1700000000,\"model\":\"m\\\"x\",\"choices\":["
#define CHUNK(delta, finish)                                                                       \
	"data: " HEAD("chat.completion.chunk") "{\"index\":0,\"delta\":{" delta                    \
	                                       "},\"finish_reason\":" finish "}]}\n\n"
#define ROLE CHUNK("\"role\":\"assistant\",\"content\":\"\"", "null")

static const struct usage used = { .prompt_tokens = 10,
	.completion_tokens = 5,
	.cached_tokens = 4,
	.reasoning_tokens = 9,
	.reported = true };

/* clang-format off */
static const char streamed[] =
	ROLE
	CHUNK("\"reasoning_content\":\"hm\"", "null")
	CHUNK("\"content\":\"a\\n\\\"b\\\"\"", "null")
	CHUNK("\"refusal\":\"no\"", "null")
	CHUNK("\"tool_calls\":[{\"index\":0,\"id\":\"c0\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"\"}}]", "null")
	CHUNK("\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"{\\\"a\\\":\"}}]", "null")
	CHUNK("\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"1}\"}}]", "null")
	CHUNK("\"tool_calls\":[{\"index\":1,\"id\":\"c1\",\"type\":\"function\",\"function\":{\"name\":\"g\",\"arguments\":\"{}\"}}]", "null")
	CHUNK("", "\"tool_calls\"")
	"data: " HEAD("chat.completion.chunk") "],\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":5,\"total_tokens\":15,"
	"\"prompt_tokens_details\":{\"cached_tokens\":4},\"completion_tokens_details\":{\"reasoning_tokens\":5}}}\n\n"
	"data: [DONE]\n\n";
/* clang-format on */

static void test_stream(void **state)
{
	struct room r;

	open_room(&r, MODE_CHAT, true, true);
	sink_reasoning(&r.to, STR("hm"));
	sink_text(&r.to, STR(""));
	sink_text(&r.to, STR("a\n\"b\""));
	sink_refusal(&r.to, STR("no"));
	sink_call(&r.to, 0, STR("c0"), STR("f"));
	sink_arguments(&r.to, 0, STR("{\"a\":"));
	sink_arguments(&r.to, 0, STR("1}"));
	sink_whole_call(&r.to, 1, STR("c1"), STR("g"), STR("{}"));
	sink_finish(&r.to, "tool_calls");
	sink_finish(&r.to, "stop");
	sink_end(&r.to, &used);
	sink_end(&r.to, &used);
	sink_text(&r.to, STR("late"));
	want_out(&r, streamed);
	/* hm, a\n"b", no, f, {"a":1}, g, {} */
	assert_int_equal(token_meter_count(&r.to.meter), 1 + 5 + 1 + 1 + 5 + 1 + 1);
	assert_int_equal(r.to.pieces, 7);
	close_room(&r);
}

static void test_stream_without_usage(void **state)
{
	struct room r;

	open_room(&r, MODE_CHAT, true, false);
	sink_end(&r.to, &used);
	want_out(&r, ROLE CHUNK("", "\"stop\"") "data: [DONE]\n\n");
	close_room(&r);
}

static void test_logprobs(void **state)
{
	struct room r;

	open_room(&r, MODE_CHAT, true, false);
	sink_text(&r.to, STR("a"));
	sink_logprobs(&r.to, STR("{\"token\":\"b\"}"));
	buf_clear(&r.out);
	sink_text(&r.to, STR("b"));
	want_out(&r,
	    "data: " HEAD("chat.completion.chunk") "{\"index\":0,\"delta\":{\"content\":\"b\"},"
	                                           "\"logprobs\":{\"content\":[{\"token\":\"b\"}]},"
	                                           "\"finish_reason\":null}]}\n\n");
	buf_clear(&r.out);
	sink_text(&r.to, STR("c"));
	want_out(&r, CHUNK("\"content\":\"c\"", "null"));
	close_room(&r);
}

static void test_whole(void **state)
{
	struct room r;

	open_room(&r, MODE_CHAT, false, false);
	sink_reasoning(&r.to, STR("h"));
	sink_reasoning(&r.to, STR("m"));
	sink_text(&r.to, STR("a"));
	sink_text(&r.to, STR("b"));
	assert_int_equal(r.out.len, 0);
	sink_finish(&r.to, "length");
	sink_end(&r.to, &(struct usage){ .prompt_tokens = 1, .completion_tokens = 2 });
	want_out(&r,
	    HEAD("chat.completion") "{\"index\":0,\"message\":{\"role\":\"assistant\","
	                            "\"content\":\"ab\",\"reasoning_content\":\"hm\"},"
	                            "\"logprobs\":null,\"finish_reason\":\"length\"}],"
	                            "\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2,"
	                            "\"total_tokens\":3}}");
	close_room(&r);
}

static void test_whole_calls(void **state)
{
	struct room r;

	open_room(&r, MODE_CHAT, false, false);
	for (int i = 0; i < 20; i++) {
		sink_call(&r.to, i, STR(""), STR("f"));
		sink_arguments(&r.to, i, STR("{"));
		sink_arguments(&r.to, i, STR("}"));
	}
	/* Beyond what a reply may hold; not a crash. */
	sink_call(&r.to, 1000000, STR("x"), STR("f"));
	sink_call(&r.to, -1, STR("x"), STR("f"));
	sink_finish(&r.to, "tool_calls");
	sink_end(&r.to, &used);
	{
		struct err err = { 0 };
		cJSON *tree;

		assert_true(json_parse(r.arena, buf_str(&r.out), &tree, &err));
		assert_true(cJSON_IsNull(json_at(tree, "choices.0.message.content")));
		assert_int_equal(cJSON_GetArraySize(json_at(tree, "choices.0.message.tool_calls")),
		    20);
		assert_true(str_starts(json_str_at(tree, "choices.0.message.tool_calls.19.id"),
		    STR("call_")));
		assert_int_equal(json_str_at(tree, "choices.0.message.tool_calls.19.id").n, 5 + 24);
		assert_true(str_eq_c(
		    json_str_at(tree, "choices.0.message.tool_calls.7.function.arguments"), "{}"));
	}
	close_room(&r);
}

static void test_completions(void **state)
{
	struct room r;

	open_room(&r, MODE_COMPLETIONS, true, false);
	sink_text(&r.to, STR("a"));
	sink_call(&r.to, 0, STR("x"), STR("f"));
	sink_end(&r.to, &used);
#define TEXT(text, finish)                                                                         \
	"data: {\"id\":\"cmpl-up-1\",\"object\":\"text_completion\",\"created\":1700000000,"       \
	"\"model\":\"m\\\"x\",\"choices\":[{\"index\":0,\"text\":\"" text                          \
	"\",\"finish_reason\":" finish "}]}\n\n"
	want_out(&r, TEXT("a", "null") TEXT("", "\"stop\"") "data: [DONE]\n\n");
	close_room(&r);
}

static void test_fresh_id(void **state)
{
	struct arena *a = arena_new(1024);
	struct buf out = buf_init(1000);
	struct ask ask = { .mode = MODE_CHAT, .model = STR("m"), .stream = true };
	struct sink one, two;
	int64_t before = clock_unix();

	sink_init(&one, a, &out, &ask, STR(""));
	sink_init(&two, a, &out, &ask, STR(""));
	assert_int_equal(strlen(one.id), strlen("chatcmpl-") + 24);
	assert_string_not_equal(one.id, two.id);
	assert_true(one.created >= before && one.created <= clock_unix());
	arena_free(a);
	buf_release(&out);
}

/* A reply that does not fit is seen by whoever asks buf_ok, never sent in part. */
static void test_ceiling(void **state)
{
	struct arena *a = arena_new(1024);
	struct buf out = buf_init(100);
	struct ask ask = { .mode = MODE_CHAT, .model = STR("m") };
	struct sink to;

	sink_init(&to, a, &out, &ask, STR(""));
	for (int i = 0; i < 20; i++)
		sink_text(&to, STR("0123456789"));
	sink_end(&to, &used);
	assert_false(buf_ok(&out));
	assert_int_equal(out.len, 0);
	buf_release(&out);
	arena_free(a);
}

static void test_errors(void **state)
{
	struct buf out = buf_init(4096);
	struct err err = { 0 };

	(void)err_set(&err, ERR_INVALID_TEXT, "say \"%s\"", "n");
	sink_error_body(&out, &err);
	assert_string_equal(out.data,
	    "{\"error\":{\"message\":\"say \\\"n\\\"\",\"type\":\"one_api_error\",\"param\":\"\","
	    "\"code\":\"invalid_text_request\"}}");
	buf_clear(&out);
	sink_error_event(&out, &err);
	assert_string_equal(out.data,
	    "data: {\"error\":{\"message\":\"say \\\"n\\\"\",\"type\":\"one_api_error\","
	    "\"param\":\"\",\"code\":\"invalid_text_request\"}}\n\n");
	buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stream),
		cmocka_unit_test(test_stream_without_usage),
		cmocka_unit_test(test_logprobs),
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_whole_calls),
		cmocka_unit_test(test_completions),
		cmocka_unit_test(test_fresh_id),
		cmocka_unit_test(test_ceiling),
		cmocka_unit_test(test_errors),
	};

	return cmocka_run_group_tests_name("sink", tests, NULL, NULL);
}
