/* anthropic_reply.c — replies, events and errors of the Messages API
 *
 * A whole reply is an object with a list of blocks; a stream brings the same blocks one after the
 * other: start, deltas, stop. Both end in the same calls of the sink. Counts come twice in a stream,
 * the input's with the first event, the output's with the last but one, and each is cumulative: what
 * comes later takes the place of what came before.
 */
#include "provider/anthropic.h"

#include <stdio.h>

#include "base/json.h"
#include "provider/convert.h"

enum block { BLOCK_OTHER, BLOCK_TEXT, BLOCK_THINKING, BLOCK_TOOL, BLOCK_JSON };

/* ---- usage ------------------------------------------------------------------------------- */

static void take(struct jval v, int64_t *count)
{
	if (v.type == J_NUMBER)
		*count = convert_count(v);
}

static void read_usage(struct anthropic_reply *r, struct jval usage)
{
	enum { INPUT, READ, WRITE, SPLIT, OUTPUT, OUTPUT_DETAILS };
	static const struct str names[] = { STR_INIT("input_tokens"),
		STR_INIT("cache_read_input_tokens"), STR_INIT("cache_creation_input_tokens"),
		STR_INIT("cache_creation"), STR_INIT("output_tokens"),
		STR_INIT("output_tokens_details") };
	struct jval v[COUNT_OF(names)];

	convert_pick(usage, names, v, COUNT_OF(v));
	take(v[INPUT], &r->input);
	take(v[READ], &r->cache_read);
	take(v[WRITE], &r->cache_write);
	take(convert_member(v[SPLIT], STR("ephemeral_5m_input_tokens")), &r->cache_write_5m);
	take(convert_member(v[SPLIT], STR("ephemeral_1h_input_tokens")), &r->cache_write_1h);
	take(v[OUTPUT], &r->output);
	take(convert_member(v[OUTPUT_DETAILS], STR("thinking_tokens")), &r->thinking);
}

static int64_t larger(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* Their input leaves out what the cache read and wrote; ours has it in. */
static void note_usage(struct call *c, const struct anthropic_reply *r)
{
	int64_t written = larger(r->cache_write, r->cache_write_5m + r->cache_write_1h);

	c->usage = (struct usage){
		.prompt_tokens = r->input + r->cache_read + written,
		.completion_tokens = r->output,
		.cached_tokens = r->cache_read,
		.cache_write_tokens = written - r->cache_write_1h,
		.cache_write_1h_tokens = r->cache_write_1h,
		.reasoning_tokens = r->thinking,
	};
	c->usage.reported = c->usage.prompt_tokens + c->usage.completion_tokens > 0;
}

/* ---- blocks ------------------------------------------------------------------------------ */

/* A stop reason as OpenAI's; an answer given by the tool that stands for it is none. */
static const char *finish_of(const struct anthropic_reply *r, struct jval reason)
{
	static const struct {
		struct str reason;
		const char *finish;
	} known[] = {
		{ STR_INIT("max_tokens"), "length" },
		{ STR_INIT("model_context_window_exceeded"), "length" },
		{ STR_INIT("tool_use"), "tool_calls" },
		{ STR_INIT("refusal"), "content_filter" },
	};

	if (jscan_is(reason, STR("tool_use")) && r->calls == 0)
		return "stop";
	for (size_t i = 0; i < COUNT_OF(known); i++)
		if (jscan_is(reason, known[i].reason))
			return known[i].finish;
	return "stop";
}

static void open_detail(struct buf *out, const char *type, int index)
{
	buf_addf(out, "{\"type\":\"reasoning.%s\",\"index\":%d", type, index);
}

static void say_detail(struct call *c, struct anthropic_reply *r, struct buf *item)
{
	buf_add_char(item, '}');
	sink_reasoning_detail(&r->sink, arena_str(c->arena, buf_str(item)));
	buf_release(item);
}

/* One member of an item of reasoning_details, raw. */
static void say_thought(struct call *c, struct anthropic_reply *r, const char *type,
    const char *name, struct jval value)
{
	struct buf item = buf_init(FRAME_MAX_BYTES);

	open_detail(&item, type, r->thoughts - 1);
	convert_add_raw(&item, name, value.text);
	say_detail(c, r, &item);
}

static bool has_text(struct jval v)
{
	return v.type == J_STRING && v.text.n > 2;
}

static void say_redacted(struct call *c, struct anthropic_reply *r, struct jval block)
{
	struct jval data = convert_member(block, STR("data"));

	r->thoughts++;
	if (has_text(data))
		say_thought(c, r, "encrypted", "data", data);
}

static bool is_json_tool(const struct anthropic_reply *r, struct jval block)
{
	return r->json_tool && jscan_is(convert_member(block, STR("name")), STR("json_output"));
}

static struct str compact(struct arena *a, struct jval v)
{
	struct buf b = buf_init(v.text.n + 1);
	struct str text;

	convert_add_compact(&b, v.text);
	text = arena_str(a, buf_str(&b));
	buf_release(&b);
	return text;
}

/* Backs the text with a page that a search found. */
static void say_citation(struct call *c, struct anthropic_reply *r, struct jval citation)
{
	struct jval url = convert_member(citation, STR("url"));
	struct jval title = convert_member(citation, STR("title"));
	struct buf item = buf_init(64 * 1024);

	if (url.type == J_STRING) {
		buf_add(&item, STR("{\"type\":\"url_citation\",\"url_citation\":{\"url\":"));
		buf_add(&item, url.text);
		if (title.type == J_STRING)
			convert_add_raw(&item, "title", title.text);
		buf_add(&item, STR("}}"));
		if (buf_ok(&item))
			sink_annotation(&r->sink, arena_str(c->arena, buf_str(&item)));
	}
	buf_release(&item);
}

/* ---- whole replies ----------------------------------------------------------------------- */

static void say_whole_thinking(struct call *c, struct anthropic_reply *r, struct jval block)
{
	struct jval thinking = convert_member(block, STR("thinking"));
	struct jval signature = convert_member(block, STR("signature"));
	struct buf item = buf_init(2 * FRAME_MAX_BYTES);

	sink_reasoning(&r->sink, jscan_text(c->arena, thinking));
	open_detail(&item, "text", r->thoughts++);
	if (thinking.type == J_STRING)
		convert_add_raw(&item, "text", thinking.text);
	if (has_text(signature))
		convert_add_raw(&item, "signature", signature.text);
	say_detail(c, r, &item);
}

static void say_whole_tool(struct call *c, struct anthropic_reply *r, struct jval block)
{
	struct jval input = convert_member(block, STR("input"));
	struct str arguments = input.type == J_OBJECT ? compact(c->arena, input) : STR("{}");

	if (is_json_tool(r, block))
		sink_text(&r->sink, arguments);
	else
		sink_whole_call(&r->sink, r->calls++,
		    jscan_text(c->arena, convert_member(block, STR("id"))),
		    jscan_text(c->arena, convert_member(block, STR("name"))), arguments);
}

static void say_whole_block(struct call *c, struct anthropic_reply *r, struct jval block)
{
	struct jval type = convert_member(block, STR("type"));
	struct jval citations = convert_member(block, STR("citations")), citation;
	struct jiter it = jscan_iter(citations);

	if (jscan_is(type, STR("text"))) {
		sink_text(&r->sink, jscan_text(c->arena, convert_member(block, STR("text"))));
		while (citations.type == J_ARRAY && jscan_next_item(&it, &citation))
			say_citation(c, r, citation);
	} else if (jscan_is(type, STR("thinking"))) {
		say_whole_thinking(c, r, block);
	} else if (jscan_is(type, STR("redacted_thinking"))) {
		say_redacted(c, r, block);
	} else if (jscan_is(type, STR("tool_use"))) {
		say_whole_tool(c, r, block);
	}
}

static void say_refusal(struct call *c, struct anthropic_reply *r, struct jval details)
{
	sink_refusal(&r->sink, jscan_text(c->arena, convert_member(details, STR("explanation"))));
}

static void note_meter(struct call *c, const struct anthropic_reply *r)
{
	c->meter = r->sink.meter;
	c->pieces = (int64_t)r->sink.pieces;
}

static void finish(struct call *c, struct anthropic_reply *r)
{
	struct usage shown;

	note_usage(c, r);
	note_meter(c, r);
	shown = adaptor_usage_shown(c);
	sink_finish(&r->sink, r->finish ? r->finish : "stop");
	sink_end(&r->sink, &shown);
	c->finished = true;
	c->done_sent = c->ask->stream;
}

static int status_of(struct jval error)
{
	static const struct {
		struct str type;
		int status;
	} known[] = {
		{ STR_INIT("invalid_request_error"), 400 },
		{ STR_INIT("authentication_error"), 401 },
		{ STR_INIT("billing_error"), 402 },
		{ STR_INIT("permission_error"), 403 },
		{ STR_INIT("not_found_error"), 404 },
		{ STR_INIT("request_too_large"), 413 },
		{ STR_INIT("rate_limit_error"), 429 },
		{ STR_INIT("api_error"), 500 },
		{ STR_INIT("timeout_error"), 504 },
		{ STR_INIT("overloaded_error"), 529 },
	};
	struct jval type = convert_member(error, STR("type"));

	for (size_t i = 0; i < COUNT_OF(known); i++)
		if (jscan_is(type, known[i].type))
			return known[i].status;
	return 500;
}

enum step anthropic_decode(struct call *c, struct anthropic_reply *r, struct str body,
    struct buf *out, struct err *err)
{
	enum { ERROR, ID, CONTENT, REASON, DETAILS, USAGE };
	static const struct str names[] = { STR_INIT("error"), STR_INIT("id"), STR_INIT("content"),
		STR_INIT("stop_reason"), STR_INIT("stop_details"), STR_INIT("usage") };
	struct jval root = { 0 }, v[COUNT_OF(names)], block;
	struct jiter it;

	if (!jscan_value(body, &root))
		root = (struct jval){ 0 };
	convert_pick(root, names, v, COUNT_OF(v));
	if (v[ERROR].type == J_OBJECT) {
		anthropic_error(c, status_of(v[ERROR]), body, err);
		err->upstream_status = 200;
		return STEP_FAILED;
	}
	if (v[CONTENT].type != J_ARRAY) {
		(void)err_set(err, ERR_UPSTREAM_BODY, "the upstream's reply is not complete");
		return STEP_FAILED;
	}
	sink_init(&r->sink, c->arena, out, c->ask, jscan_text(c->arena, v[ID]));
	it = jscan_iter(v[CONTENT]);
	while (jscan_next_item(&it, &block))
		say_whole_block(c, r, block);
	say_refusal(c, r, v[DETAILS]);
	r->finish = finish_of(r, v[REASON]);
	read_usage(r, v[USAGE]);
	finish(c, r);
	return adaptor_done(buf_ok(out), err);
}

/* ---- events ------------------------------------------------------------------------------ */

/* Members of any event. */
enum { E_TYPE, E_MESSAGE, E_BLOCK, E_DELTA, E_USAGE, E_ERROR, E_METRICS, E_COUNT };

static const struct str event_names[E_COUNT] = {
	[E_TYPE] = STR_INIT("type"),
	[E_MESSAGE] = STR_INIT("message"),
	[E_BLOCK] = STR_INIT("content_block"),
	[E_DELTA] = STR_INIT("delta"),
	[E_USAGE] = STR_INIT("usage"),
	[E_ERROR] = STR_INIT("error"),
	[E_METRICS] = STR_INIT("amazon-bedrock-invocationMetrics"),
};

static void on_message_start(struct call *c, struct anthropic_reply *r, const struct jval *e)
{
	if (!r->started)
		sink_id(&r->sink, jscan_text(c->arena, convert_member(e[E_MESSAGE], STR("id"))));
	r->started = true;
	read_usage(r, convert_member(e[E_MESSAGE], STR("usage")));
	sink_role(&r->sink);
}

static void start_tool(struct call *c, struct anthropic_reply *r, struct jval block)
{
	struct jval input = convert_member(block, STR("input"));
	bool early = input.type == J_OBJECT && jscan_count(input);

	r->got_arguments = early;
	if (is_json_tool(r, block)) {
		r->block = BLOCK_JSON;
		if (early)
			sink_text(&r->sink, compact(c->arena, input));
		return;
	}
	r->block = BLOCK_TOOL;
	sink_call(&r->sink, r->calls++, jscan_text(c->arena, convert_member(block, STR("id"))),
	    jscan_text(c->arena, convert_member(block, STR("name"))));
	if (early)
		sink_arguments(&r->sink, r->calls - 1, compact(c->arena, input));
}

static void on_block_start(struct call *c, struct anthropic_reply *r, const struct jval *e)
{
	struct jval block = e[E_BLOCK], type = convert_member(block, STR("type"));

	r->block = BLOCK_OTHER;
	if (jscan_is(type, STR("text"))) {
		r->block = BLOCK_TEXT;
		sink_text(&r->sink, jscan_text(c->arena, convert_member(block, STR("text"))));
	} else if (jscan_is(type, STR("thinking"))) {
		r->block = BLOCK_THINKING;
		r->thoughts++;
	} else if (jscan_is(type, STR("redacted_thinking"))) {
		say_redacted(c, r, block);
	} else if (jscan_is(type, STR("tool_use"))) {
		start_tool(c, r, block);
	}
}

static void say_thinking(struct call *c, struct anthropic_reply *r, struct jval text)
{
	if (r->block != BLOCK_THINKING)
		return;
	sink_reasoning(&r->sink, jscan_text(c->arena, text));
	if (r->thoughts > 1 && has_text(text))
		say_thought(c, r, "text", "text", text);
}

static void say_arguments(struct call *c, struct anthropic_reply *r, struct jval piece)
{
	struct str text = jscan_text(c->arena, piece);

	if (!text.n)
		return;
	if (r->block == BLOCK_JSON)
		sink_text(&r->sink, text);
	else if (r->block == BLOCK_TOOL)
		sink_arguments(&r->sink, r->calls - 1, text);
	r->got_arguments = true;
}

static void on_block_delta(struct call *c, struct anthropic_reply *r, const struct jval *e)
{
	enum { TEXT, THINKING, PARTIAL, SIGNATURE, CITATION };
	static const struct str names[] = { STR_INIT("text"), STR_INIT("thinking"),
		STR_INIT("partial_json"), STR_INIT("signature"), STR_INIT("citation") };
	struct jval v[COUNT_OF(names)];

	convert_pick(e[E_DELTA], names, v, COUNT_OF(v));
	if (v[TEXT].type == J_STRING)
		sink_text(&r->sink, jscan_text(c->arena, v[TEXT]));
	if (v[THINKING].type == J_STRING)
		say_thinking(c, r, v[THINKING]);
	if (v[PARTIAL].type == J_STRING)
		say_arguments(c, r, v[PARTIAL]);
	if (has_text(v[SIGNATURE]) && r->block == BLOCK_THINKING)
		say_thought(c, r, "text", "signature", v[SIGNATURE]);
	if (v[CITATION].type == J_OBJECT)
		say_citation(c, r, v[CITATION]);
}

static void on_block_stop(struct call *c, struct anthropic_reply *r, const struct jval *e)
{
	if (r->block == BLOCK_TOOL && !r->got_arguments)
		sink_arguments(&r->sink, r->calls - 1, STR("{}"));
	r->block = BLOCK_OTHER;
}

static void on_message_delta(struct call *c, struct anthropic_reply *r, const struct jval *e)
{
	struct jval reason = convert_member(e[E_DELTA], STR("stop_reason"));

	say_refusal(c, r, convert_member(e[E_DELTA], STR("stop_details")));
	if (reason.type == J_STRING)
		r->finish = finish_of(r, reason);
	read_usage(r, e[E_USAGE]);
}

/* Where the events brought no counts, Bedrock's own are taken. */
static void read_metrics(struct anthropic_reply *r, struct jval metrics)
{
	if (r->input + r->cache_read + r->cache_write)
		return;
	take(convert_member(metrics, STR("inputTokenCount")), &r->input);
	take(convert_member(metrics, STR("outputTokenCount")), &r->output);
	take(convert_member(metrics, STR("cacheReadInputTokenCount")), &r->cache_read);
	take(convert_member(metrics, STR("cacheWriteInputTokenCount")), &r->cache_write);
}

static void on_message_stop(struct call *c, struct anthropic_reply *r, const struct jval *e)
{
	read_metrics(r, e[E_METRICS]);
	finish(c, r);
}

static void on_error(struct call *c, struct jval error, struct str data)
{
	anthropic_error(c, status_of(error), data, &c->failure);
	c->failure.upstream_status = 200;
	c->failed = true;
}

/* Until the end is seen the input is known and the output is for adaptor_complete_usage to count. */
static void note_so_far(struct call *c, const struct anthropic_reply *r)
{
	note_meter(c, r);
	if (c->finished)
		return;
	note_usage(c, r);
	c->usage.reported = false;
}

bool anthropic_event(struct call *c, struct anthropic_reply *r, struct str data, struct buf *out,
    struct err *err)
{
	static const struct {
		struct str type;
		void (*on)(struct call *c, struct anthropic_reply *r, const struct jval *e);
	} events[] = {
		{ STR_INIT("content_block_delta"), on_block_delta },
		{ STR_INIT("content_block_start"), on_block_start },
		{ STR_INIT("content_block_stop"), on_block_stop },
		{ STR_INIT("message_start"), on_message_start },
		{ STR_INIT("message_delta"), on_message_delta },
		{ STR_INIT("message_stop"), on_message_stop },
	};
	struct jval root, e[E_COUNT];

	if (c->failed || c->finished)
		return true;
	if (!jscan_value(data, &root) || root.type != J_OBJECT)
		return err_set(err, ERR_UPSTREAM_BODY,
		    "the upstream sent an event that is not JSON");
	convert_pick(root, event_names, e, E_COUNT);
	r->sink.out = out;
	if (jscan_is(e[E_TYPE], STR("error"))) {
		on_error(c, e[E_ERROR], data);
		return true;
	}
	for (size_t i = 0; i < COUNT_OF(events); i++) {
		if (jscan_is(e[E_TYPE], events[i].type)) {
			events[i].on(c, r, e);
			break;
		}
	}
	note_so_far(c, r);
	return true;
}

bool anthropic_end(struct call *c, struct err *err)
{
	return c->finished ||
	    err_set(err, ERR_UPSTREAM_TRUNCATED,
	        "the upstream's stream ended before its reply was complete");
}

/* ---- errors ------------------------------------------------------------------------------ */

/* An empty account is told with 400, and only in words. */
void anthropic_error(struct call *c, int status, struct str body, struct err *err)
{
	bool poor = status == 400 && str_has(body, STR("credit balance is too low"));
	bool long_prompt = status == 400 &&
	    (str_has(body, STR("prompt is too long")) || str_has(body, STR("nput is too long")) ||
	        str_has(body, STR("too many input tokens")));

	adaptor_error(poor ? 402 : status, body, err);
	err->upstream_status = status;
	if (long_prompt)
		(void)snprintf(err->code, sizeof(err->code), "context_length_exceeded");
	adaptor_scrub(c, err);
}
