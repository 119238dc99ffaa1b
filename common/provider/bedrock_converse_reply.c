/* bedrock_converse_reply.c — replies and events of Converse
 *
 * A stream names its events in its frames. messageStop is not the end: usage follows in metadata,
 * or has come before it, so the reply is finished when the stream is closed.
 */
#include "provider/bedrock_converse.h"

#include "base/json.h"
#include "provider/convert.h"

enum block { BLOCK_OTHER, BLOCK_THINKING, BLOCK_TOOL, BLOCK_JSON };

static const char *finish_of(const struct bedrock *b, struct jval reason)
{
	static const struct {
		struct str reason;
		const char *finish;
	} known[] = {
		{ STR_INIT("tool_use"), "tool_calls" },
		{ STR_INIT("max_tokens"), "length" },
		{ STR_INIT("model_context_window_exceeded"), "length" },
		{ STR_INIT("guardrail_intervened"), "content_filter" },
		{ STR_INIT("content_filtered"), "content_filter" },
	};

	if (jscan_is(reason, STR("tool_use")) && b->calls == 0)
		return "stop";
	for (size_t i = 0; i < COUNT_OF(known); i++)
		if (jscan_is(reason, known[i].reason))
			return known[i].finish;
	return "stop";
}

/* A reply that the model botched, with nothing in it: worth a try elsewhere. */
static bool is_malformed(struct jval reason)
{
	return jscan_is(reason, STR("malformed_model_output")) ||
	    jscan_is(reason, STR("malformed_tool_use"));
}

static int64_t one_hour_of(struct jval details)
{
	struct jiter it = jscan_iter(details);
	struct jval item;
	int64_t n = 0;

	while (details.type == J_ARRAY && jscan_next_item(&it, &item))
		if (jscan_is(convert_member(item, STR("ttl")), STR("1h")))
			n += convert_count(convert_member(item, STR("inputTokens")));
	return n;
}

/* inputTokens leaves out what the cache read and wrote. */
static void read_usage(struct bedrock *b, struct jval usage)
{
	enum { INPUT, OUTPUT, READ, WRITE, DETAILS };
	static const struct str names[] = { STR_INIT("inputTokens"), STR_INIT("outputTokens"),
		STR_INIT("cacheReadInputTokens"), STR_INIT("cacheWriteInputTokens"),
		STR_INIT("cacheDetails") };
	struct jval v[COUNT_OF(names)];
	int64_t read, written, hour;

	if (usage.type != J_OBJECT)
		return;
	convert_pick(usage, names, v, COUNT_OF(v));
	read = convert_count(v[READ]);
	hour = one_hour_of(v[DETAILS]);
	written = convert_count(v[WRITE]);
	written = written > hour ? written : hour;
	b->usage = (struct usage){
		.prompt_tokens = convert_count(v[INPUT]) + read + written,
		.completion_tokens = convert_count(v[OUTPUT]),
		.cached_tokens = read,
		.cache_write_tokens = written - hour,
		.cache_write_1h_tokens = hour,
	};
}

/* ---- what both say ----------------------------------------------------------------------- */

static bool has_text(struct jval v)
{
	return v.type == J_STRING && v.text.n > 2;
}

static void say_detail(struct call *c, struct bedrock *b, const char *type, struct jval text,
    const char *name, struct jval value)
{
	struct buf item = buf_init(2 * FRAME_MAX_BYTES);

	buf_addf(&item, "{\"type\":\"reasoning.%s\",\"index\":%d", type,
	    b->thoughts ? b->thoughts - 1 : 0);
	if (text.type == J_STRING)
		convert_add_raw(&item, "text", text.text);
	if (value.type == J_STRING)
		convert_add_raw(&item, name, value.text);
	buf_add_char(&item, '}');
	sink_reasoning_detail(&b->sink, arena_str(c->arena, buf_str(&item)));
	buf_release(&item);
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

static bool is_json_tool(const struct bedrock *b, struct jval tool)
{
	return b->json_tool && jscan_is(convert_member(tool, STR("name")), STR("json_output"));
}

/* ---- whole ------------------------------------------------------------------------------- */

static void say_tool(struct call *c, struct bedrock *b, struct jval tool)
{
	struct jval input = convert_member(tool, STR("input"));
	struct str arguments = input.type == J_OBJECT ? compact(c->arena, input) : STR("{}");

	if (is_json_tool(b, tool))
		sink_text(&b->sink, arguments);
	else
		sink_whole_call(&b->sink, b->calls++,
		    jscan_text(c->arena, convert_member(tool, STR("toolUseId"))),
		    jscan_text(c->arena, convert_member(tool, STR("name"))), arguments);
}

static void say_reasoning(struct call *c, struct bedrock *b, struct jval content)
{
	struct jval inner = convert_member(content, STR("reasoningText"));
	struct jval redacted = convert_member(content, STR("redactedContent"));
	struct jval text = convert_member(inner, STR("text"));
	struct jval signature = convert_member(inner, STR("signature"));

	b->thoughts++;
	sink_reasoning(&b->sink, jscan_text(c->arena, text));
	if (has_text(signature))
		say_detail(c, b, "text", text, "signature", signature);
	if (has_text(redacted))
		say_detail(c, b, "encrypted", (struct jval){ 0 }, "data", redacted);
}

static void say_block(struct call *c, struct bedrock *b, struct jval block)
{
	enum { TEXT, TOOL, REASONING, CITATIONS };
	static const struct str names[] = { STR_INIT("text"), STR_INIT("toolUse"),
		STR_INIT("reasoningContent"), STR_INIT("citationsContent") };
	struct jval v[COUNT_OF(names)], cited, part;
	struct jiter it;

	convert_pick(block, names, v, COUNT_OF(v));
	sink_text(&b->sink, jscan_text(c->arena, v[TEXT]));
	if (v[TOOL].type == J_OBJECT)
		say_tool(c, b, v[TOOL]);
	if (v[REASONING].type == J_OBJECT)
		say_reasoning(c, b, v[REASONING]);
	cited = convert_member(v[CITATIONS], STR("content"));
	it = jscan_iter(cited);
	while (cited.type == J_ARRAY && jscan_next_item(&it, &part))
		sink_text(&b->sink, jscan_text(c->arena, convert_member(part, STR("text"))));
}

static enum step decode(struct call *c, struct str body, struct buf *out, struct err *err)
{
	struct bedrock *b = c->state;
	struct jval root = { 0 }, content, reason, block;
	struct jiter it;

	if (!jscan_value(body, &root) || !jscan_at(root, "output.message.content", &content) ||
	    content.type != J_ARRAY) {
		(void)err_set(err, ERR_UPSTREAM_BODY, "the upstream's reply is not complete");
		return STEP_FAILED;
	}
	reason = convert_member(root, STR("stopReason"));
	if (is_malformed(reason) && jscan_count(content) == 0) {
		(void)err_set(err, ERR_UPSTREAM, "the model's reply was malformed");
		return STEP_FAILED;
	}
	sink_init(&b->sink, c->arena, out, c->ask, b->request_id);
	it = jscan_iter(content);
	while (jscan_next_item(&it, &block))
		say_block(c, b, block);
	b->finish = finish_of(b, reason);
	read_usage(b, convert_member(root, STR("usage")));
	bedrock_finish(c, b);
	return STEP_DONE;
}

/* ---- events ------------------------------------------------------------------------------ */

static void on_message_start(struct call *c, struct bedrock *b, struct jval root)
{
	sink_role(&b->sink);
}

static void on_block_start(struct call *c, struct bedrock *b, struct jval root)
{
	struct jval tool = convert_member(convert_member(root, STR("start")), STR("toolUse"));

	b->block = BLOCK_OTHER;
	if (tool.type != J_OBJECT)
		return;
	b->got_arguments = false;
	if (is_json_tool(b, tool)) {
		b->block = BLOCK_JSON;
		return;
	}
	b->block = BLOCK_TOOL;
	sink_call(&b->sink, b->calls++,
	    jscan_text(c->arena, convert_member(tool, STR("toolUseId"))),
	    jscan_text(c->arena, convert_member(tool, STR("name"))));
}

static void say_thinking(struct call *c, struct bedrock *b, struct jval content)
{
	struct jval text = convert_member(content, STR("text"));
	struct jval signature = convert_member(content, STR("signature"));
	struct jval redacted = convert_member(content, STR("redactedContent"));

	if (b->block != BLOCK_THINKING) { /* such a block has no start of its own */
		b->block = BLOCK_THINKING;
		b->thoughts++;
	}
	sink_reasoning(&b->sink, jscan_text(c->arena, text));
	if (b->thoughts > 1 && has_text(text))
		say_detail(c, b, "text", text, "", (struct jval){ 0 });
	if (has_text(signature))
		say_detail(c, b, "text", (struct jval){ 0 }, "signature", signature);
	if (has_text(redacted))
		say_detail(c, b, "encrypted", (struct jval){ 0 }, "data", redacted);
}

static void say_input(struct call *c, struct bedrock *b, struct jval input)
{
	struct str piece = jscan_text(c->arena, input);

	if (!piece.n)
		return;
	b->got_arguments = true;
	if (b->block == BLOCK_JSON)
		sink_text(&b->sink, piece);
	else if (b->block == BLOCK_TOOL)
		sink_arguments(&b->sink, b->calls - 1, piece);
}

static void on_block_delta(struct call *c, struct bedrock *b, struct jval root)
{
	enum { TEXT, TOOL, REASONING };
	static const struct str names[] = { STR_INIT("text"), STR_INIT("toolUse"),
		STR_INIT("reasoningContent") };
	struct jval v[COUNT_OF(names)];

	convert_pick(convert_member(root, STR("delta")), names, v, COUNT_OF(v));
	sink_text(&b->sink, jscan_text(c->arena, v[TEXT]));
	if (v[TOOL].type == J_OBJECT)
		say_input(c, b, convert_member(v[TOOL], STR("input")));
	if (v[REASONING].type == J_OBJECT)
		say_thinking(c, b, v[REASONING]);
}

static void on_block_stop(struct call *c, struct bedrock *b, struct jval root)
{
	if (b->block == BLOCK_TOOL && !b->got_arguments)
		sink_arguments(&b->sink, b->calls - 1, STR("{}"));
	b->block = BLOCK_OTHER;
}

static void on_message_stop(struct call *c, struct bedrock *b, struct jval root)
{
	struct jval reason = convert_member(root, STR("stopReason"));

	if (is_malformed(reason) && b->sink.pieces == 0) {
		c->failed = true;
		(void)err_set(&c->failure, ERR_UPSTREAM, "the model's reply was malformed");
		return;
	}
	b->finish = finish_of(b, reason);
}

static void on_metadata(struct call *c, struct bedrock *b, struct jval root)
{
	read_usage(b, convert_member(root, STR("usage")));
}

static bool event(struct call *c, struct str name, struct str data, struct buf *out,
    struct err *err)
{
	static const struct {
		struct str name;
		void (*on)(struct call *c, struct bedrock *b, struct jval root);
	} events[] = {
		{ STR_INIT("contentBlockDelta"), on_block_delta },
		{ STR_INIT("contentBlockStart"), on_block_start },
		{ STR_INIT("contentBlockStop"), on_block_stop },
		{ STR_INIT("messageStart"), on_message_start },
		{ STR_INIT("messageStop"), on_message_stop },
		{ STR_INIT("metadata"), on_metadata },
	};
	struct bedrock *b = c->state;
	struct jval root;

	if (!jscan_value(data, &root) || root.type != J_OBJECT)
		return err_set(err, ERR_UPSTREAM_BODY,
		    "the upstream sent an event that is not JSON");
	for (size_t i = 0; i < COUNT_OF(events); i++)
		if (str_eq(name, events[i].name)) {
			events[i].on(c, b, root);
			break;
		}
	bedrock_note_meter(c, b);
	return true;
}

static bool end(struct call *c, struct buf *out, struct err *err)
{
	struct bedrock *b = c->state;

	if (c->failed)
		return true;
	if (!b->finish)
		return err_set(err, ERR_UPSTREAM_TRUNCATED,
		    "the upstream's stream ended before its reply was complete");
	bedrock_finish(c, b);
	return true;
}

const struct bedrock_surface bedrock_converse = { "converse", "converse-stream",
	bedrock_converse_body, decode, event, end };
