/* test_ollama.c — data URIs, and what hostile or odd lines do to the ollama dialect
 *
 * Whole conversations are in tests/fixtures/ollama.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "provider/adaptor.h"
#include "provider/catalog.h"
#include "provider/datauri.h"
#include "provider/providers.h"

/* ---- data URIs --------------------------------------------------------------------------- */

static void test_datauri(void **state)
{
	static const struct {
		const char *name, *in;
		bool ok;
		const char *mime, *base64;
	} cases[] = {
		{ "plain", "data:image/png;base64,AAAA", true, "image/png", "AAAA" },
		{ "capitals", "DATA:Image/PNG;BASE64,AAAA", true, "Image/PNG", "AAAA" },
		{ "no type", "data:;base64,AAAA", true, "", "AAAA" },
		{ "parameters", "data:text/plain;charset=utf-8;base64,AAAA", true, "text/plain",
		    "AAAA" },
		{ "blanks and line ends", "data:a/b;base64, AA\r\nAA\t", true, "a/b", "AAAA" },
		{ "one to pad", "data:a/b;base64,AAA", true, "a/b", "AAA=" },
		{ "two to pad", "data:a/b;base64,AA", true, "a/b", "AA==" },
		{ "padded", "data:a/b;base64,AA==", true, "a/b", "AA==" },
		{ "too little padding", "data:a/b;base64,AA=", true, "a/b", "AA==" },
		{ "alphabet of URLs", "data:a/b;base64,-_-_", true, "a/b", "+/+/" },
		{ "one letter over", "data:a/b;base64,AAAAA", false, "", "" },
		{ "text after padding", "data:a/b;base64,AA==AA", false, "", "" },
		{ "wrong letter", "data:a/b;base64,AA\"A", false, "", "" },
		{ "empty", "data:a/b;base64,", false, "", "" },
		{ "not base64", "data:text/plain,hello", false, "", "" },
		{ "no comma", "data:image/png;base64", false, "", "" },
		{ "a URL", "https://h/a.png", false, "", "" },
		{ "nothing", "", false, "", "" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct buf out = buf_init(1000);
		struct str mime, encoded;
		bool ok = datauri_split(str_c(cases[i].in), &mime, &encoded) &&
		    datauri_add_base64(&out, encoded);

		if (ok != cases[i].ok)
			fail_msg("%s: got %d", cases[i].name, ok);
		if (ok &&
		    (!str_eq_c(mime, cases[i].mime) || !str_eq_c(buf_str(&out), cases[i].base64)))
			fail_msg("%s: got %.*s and %.*s", cases[i].name, STR_ARG(mime),
			    STR_ARG(buf_str(&out)));
		buf_release(&out);
	}
}

/* ---- calls ------------------------------------------------------------------------------- */

struct room {
	struct arena *arena;
	struct catalog_channel channel;
	struct ask ask;
	struct call call;
	struct upstream_req sent;
	struct buf out;
	struct err err;
	bool ok;
};

static void open_room(struct room *r, enum mode mode, const char *request)
{
	struct channel row = { .id = 1, .type = 30 };

	*r = (struct room){ .arena = arena_new(8192), .out = buf_init(1 << 20) };
	assert_true(catalog_channel_make(r->arena, &row, &r->channel, &r->err));
	assert_true(ask_read(r->arena, mode, STR("application/json"), str_c(request), STR(""),
	    &r->ask, &r->err));
	r->call = (struct call){ .arena = r->arena,
		.ask = &r->ask,
		.channel = &r->channel,
		.key = r->channel.row.key,
		.provider = r->channel.provider,
		.model = r->ask.model,
		.stream = r->ask.stream };
	upstream_req_init(&r->sent, r->arena);
	r->ok = ollama_adaptor.encode(&r->call, &r->sent, &r->err);
}

static void close_room(struct room *r)
{
	upstream_req_release(&r->sent);
	buf_release(&r->out);
	arena_free(r->arena);
}

static bool send_line(struct room *r, const char *line)
{
	struct frame_event event = { .data = str_c(line) };
	struct arena_mark mark = arena_mark(r->arena);
	bool ok = ollama_adaptor.on_event(&r->call, &event, &r->out, &r->err);

	arena_rewind(r->arena, mark);
	return ok;
}

#define STREAM                                                                                     \
	"{\"model\":\"m\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"hello "   \
	"you\"}]}"
#define WHOLE "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hello you\"}]}"

static void test_refusals(void **state)
{
	static const struct {
		const char *name;
		enum mode mode;
		const char *in, *want; /* what the message must name */
	} cases[] = {
		{ "image by URL", MODE_CHAT,
		    "{\"model\":\"m\",\"messages\":[{\"role\":\"user\"},{\"role\":\"user\","
		    "\"content\":[{\"type\":\"image_url\","
		    "\"image_url\":\"http://x\"}]}]}",
		    "messages[1].content[0]" },
		{ "broken base64", MODE_CHAT,
		    "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":"
		    "\"image_url\",\"image_"
		    "url\":{\"url\":\"data:a/b;base64,!\"}}]}]}",
		    "messages[0].content[0]" },
		{ "data URI as text", MODE_CHAT,
		    "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":"
		    "\"image_url\",\"image_"
		    "url\":{\"url\":\"data:a/b,hi\"}}]}]}",
		    "messages[0].content[0]" },
		{ "an empty image", MODE_CHAT,
		    "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":"
		    "\"image_url\",\"image_"
		    "url\":{\"url\":\"\"}}]}]}",
		    "messages[0].content[0]" },
		{ "several prompts", MODE_COMPLETIONS, "{\"model\":\"m\",\"prompt\":[\"a\",\"b\"]}",
		    "prompt" },
		{ "token prompt", MODE_COMPLETIONS, "{\"model\":\"m\",\"prompt\":[1,2]}",
		    "prompt" },
		{ "token input", MODE_EMBEDDINGS, "{\"model\":\"m\",\"input\":[1,2]}", "input" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct room r;

		open_room(&r, cases[i].mode, cases[i].in);
		if (r.ok || !str_has(str_c(r.err.msg), str_c(cases[i].want)))
			fail_msg("%s: got %d '%s'", cases[i].name, r.ok, r.err.msg);
		assert_int_equal(err_status(&r.err), 400);
		close_room(&r);
	}
}

/* A prompt count of 0 is a cached prefix; no counts at all are no report. */
static void test_counts(void **state)
{
	static const struct {
		const char *name, *counts;
		bool reported, estimated;
		int64_t completion;
	} cases[] = {
		{ "both", "\"prompt_eval_count\":900,\"eval_count\":3", true, false, 3 },
		{ "prompt cached", "\"eval_count\":3", true, true, 3 },
		{ "prompt zero", "\"prompt_eval_count\":0,\"eval_count\":3", true, true, 3 },
		{ "none", "\"x\":1", false, false, 0 },
		{ "negative", "\"prompt_eval_count\":-4,\"eval_count\":-1", false, false, 0 },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct room r;
		char line[256];

		open_room(&r, MODE_CHAT, STREAM);
		assert_true(r.ok);
		assert_true(
		    send_line(&r, "{\"message\":{\"content\":\"abcdefgh\"},\"done\":false}"));
		(void)snprintf(line, sizeof(line),
		    "{\"message\":{\"content\":\"\"},\"done\":true,%s}", cases[i].counts);
		assert_true(send_line(&r, line));
		if (r.call.usage.reported != cases[i].reported ||
		    r.call.usage.completion_tokens != cases[i].completion ||
		    (cases[i].estimated && r.call.usage.prompt_tokens != ask_prompt_tokens(&r.ask)))
			fail_msg("%s: got %d %lld %lld", cases[i].name, r.call.usage.reported,
			    (long long)r.call.usage.prompt_tokens,
			    (long long)r.call.usage.completion_tokens);
		assert_int_equal(token_meter_count(&r.call.meter),
		    tokens_text(STR("m"), STR("abcdefgh")));
		assert_int_equal(r.call.pieces, 1);
		assert_true(r.call.finished && r.call.done_sent);
		close_room(&r);
	}
}

static void test_created(void **state)
{
	static const struct {
		const char *in;
		int64_t want; /* 0: now */
	} cases[] = {
		{ "2023-11-14T22:13:20Z", 1700000000 },
		{ "2023-11-14T22:13:20.999999999Z", 1700000000 },
		{ "2023-11-15T06:13:20.5+08:00", 1700000000 },
		{ "2023-11-14T15:43:20.123456789-06:30", 1700000000 },
		{ "2024-02-29T00:00:00Z", 1709164800 },
		{ "yesterday", 0 },
		{ "", 0 },
		{ "2023-13-14T22:13:20Z", 0 },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		int64_t got = 0, before = clock_unix();
		struct room r;
		struct str created;
		char line[256];

		open_room(&r, MODE_CHAT, STREAM);
		(void)snprintf(line, sizeof(line),
		    "{\"created_at\":\"%s\",\"message\":{\"content\":\"x\"}}", cases[i].in);
		assert_true(send_line(&r, line));
		created = buf_str(&r.out);
		created =
		    str_slice(created, str_find_str(created, STR("\"created\":")) + 10, created.n);
		assert_true(
		    str_to_int(str_slice(created, 0, str_find(created, ',')), 0, INT64_MAX, &got));
		if (cases[i].want ? got != cases[i].want : (got < before || got > clock_unix()))
			fail_msg("%s: got %lld", cases[i].in, (long long)got);
		close_room(&r);
	}
}

static void test_odd_lines(void **state)
{
	struct room r;

	open_room(&r, MODE_CHAT, STREAM);
	assert_true(send_line(&r, "{}"));
	assert_true(send_line(&r, "{\"message\":5,\"logprobs\":3,\"done\":\"no\"}"));
	assert_true(send_line(&r,
	    "{\"message\":{\"content\":5,\"tool_calls\":[1,{},{\"function\":{\"arguments\":[]}}]}"
	    "}"));
	assert_true(send_line(&r, "{\"error\":null}"));
	assert_false(r.call.failed);
	assert_false(send_line(&r, "not json"));
	assert_int_equal(r.err.kind, ERR_UPSTREAM_BODY);
	close_room(&r);

	open_room(&r, MODE_CHAT, WHOLE);
	assert_int_equal(ollama_adaptor.decode(&r.call, STR("<html>"), &r.out, &r.err),
	    STEP_FAILED);
	assert_int_equal(r.err.kind, ERR_UPSTREAM_BODY);
	assert_int_equal(ollama_adaptor.decode(&r.call, STR("{\"done\":false}"), &r.out, &r.err),
	    STEP_FAILED);
	assert_int_equal(ollama_adaptor.decode(&r.call, STR("{\"error\":\"x\"}"), &r.out, &r.err),
	    STEP_FAILED);
	assert_string_equal(r.err.msg, "x");
	close_room(&r);
}

/* Results find their call by id among the last 256; older ones are named by nothing. */
static void test_many_calls(void **state)
{
	struct buf body = buf_init(1 << 20);
	struct room r;
	struct err err = { 0 };
	cJSON *sent;

	buf_add(&body,
	    STR("{\"model\":\"m\",\"messages\":[{\"role\":\"assistant\",\"tool_calls\":["));
	for (int i = 0; i < 300; i++)
		buf_addf(&body, "%s{\"id\":\"c%d\",\"function\":{\"name\":\"f%d\"}}", i ? "," : "",
		    i, i);
	buf_add(&body,
	    STR("]},{\"role\":\"tool\",\"tool_call_id\":\"c299\",\"content\":\"a\"},"
	        "{\"role\":\"tool\",\"tool_call_id\":\"c44\",\"content\":\"b\"},"
	        "{\"role\":\"tool\",\"tool_call_id\":\"c43\",\"content\":\"c\"}]}"));
	open_room(&r, MODE_CHAT, body.data);
	assert_true(r.ok);
	assert_true(json_parse(r.arena, r.sent.body, &sent, &err));
	assert_true(str_eq_c(json_str_at(sent, "messages.1.tool_name"), "f299"));
	assert_true(str_eq_c(json_str_at(sent, "messages.2.tool_name"), "f44"));
	assert_null(json_at(sent, "messages.3.tool_name"));
	assert_true(str_eq_c(json_str_at(sent, "messages.3.tool_call_id"), "c43"));
	close_room(&r);
	buf_release(&body);
}

/* A model that cannot think is asked again without think, once. */
static void test_no_thinking(void **state)
{
	static const char refusal[] = "{\"error\":\"\\\"m\\\" does not support thinking\"}";
	struct room r;

	open_room(&r, MODE_CHAT,
	    "{\"model\":\"m\",\"reasoning_effort\":\"low\",\"messages\":[{\"role\":\"user\","
	    "\"content\":\"x\"}]}");
	assert_true(r.ok && str_has(r.sent.body, STR("\"think\":\"low\"")));
	assert_false(ollama_adaptor.again(&r.call, 500, str_c(refusal)));
	assert_false(ollama_adaptor.again(&r.call, 400, STR("{\"error\":\"other\"}")));
	assert_true(ollama_adaptor.again(&r.call, 400, str_c(refusal)));
	upstream_req_release(&r.sent);
	upstream_req_init(&r.sent, r.arena);
	r.call.step++;
	assert_true(ollama_adaptor.encode(&r.call, &r.sent, &r.err));
	assert_false(str_has(r.sent.body, STR("think")));
	assert_false(ollama_adaptor.again(&r.call, 400, str_c(refusal)));
	close_room(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_datauri),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_created),
		cmocka_unit_test(test_odd_lines),
		cmocka_unit_test(test_many_calls),
		cmocka_unit_test(test_no_thinking),
	};

	return cmocka_run_group_tests_name("ollama", tests, NULL, NULL);
}
