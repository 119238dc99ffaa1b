/* skeleton.c — a dialect made to be copied; it compiles and is in no row of providers.c
 *
 * How to add a dialect: README.md. What to say here at the top of the copy: how the dialect differs
 * from OpenAI's, and what of a request it cannot carry. The dialect below is invented: one text in,
 * pieces of text out.
 *
 *	POST {base}/talk	{"model":"m","stream":true,"turns":[{"who":"user","says":"hi"}]}
 *	whole			{"says":"hello","why":"end","in":3,"out":2}
 *	streamed (SSE)		{"says":"hel"} {"says":"lo"} {"why":"end","in":3,"out":2}
 */
#include "provider/adaptor.h"

#include "base/json.h"
#include "provider/catalog.h"
#include "provider/providers.h"
#include "provider/sink.h"

/* ---- request ----------------------------------------------------------------------------- */

/* Read with jscan, write with json_add_*; text that only moves is copied as the JSON string that it
 * is. A part that the upstream cannot take is refused here by its name, never dropped silently. */
static bool add_turn(struct buf *body, struct jval message, size_t index, struct err *err)
{
	struct jval role, content;

	if (!jscan_member(message, STR("role"), &role) || role.type != J_STRING)
		return err_set(err, ERR_INVALID_TEXT, "messages[%zu].role is required", index);
	if (!jscan_member(message, STR("content"), &content) || content.type != J_STRING)
		return err_set(err, ERR_INVALID_TEXT,
		    "messages[%zu].content must be a string for this channel", index);
	json_add_comma(body);
	buf_add(body, STR("{\"who\":"));
	buf_add(body, role.text);
	buf_add(body, STR(",\"says\":"));
	buf_add(body, content.text);
	buf_add_char(body, '}');
	return true;
}

static bool add_body(struct call *c, struct buf *body, struct err *err)
{
	struct jiter it = jscan_iter(c->ask->messages);
	struct jval message;

	buf_add(body, STR("{\"model\":"));
	json_add_str(body, c->model);
	buf_add_c(body, c->stream ? ",\"stream\":true" : ",\"stream\":false");
	buf_add(body, STR(",\"turns\":["));
	for (size_t i = 0; jscan_next_item(&it, &message); i++)
		if (!add_turn(body, message, i, err))
			return false;
	buf_add(body, STR("]}"));
	return buf_ok(body) || err_set(err, ERR_TOO_LARGE, "the request body is too large");
}

/* Runs on a worker, once per attempt. What must live longer than one event is made here, in
 * c->arena, and hung on c->state; on_event's own memory is rewound after each event. */
static bool encode(struct call *c, struct upstream_req *out, struct err *err)
{
	struct buf body = buf_init(c->ask->body.n * 2 + 64 * 1024);
	struct sink *to = ARENA_NEW(c->arena, struct sink);
	bool ok;

	if (c->ask->stream)
		sink_init(to, c->arena, NULL, c->ask, STR(""));
	c->state = to;
	out->method = "POST";
	buf_add(&out->url, c->channel->base_url);
	buf_add(&out->url, STR("/talk"));
	headers_add(&out->headers, STR("Content-Type"), STR("application/json"));
	headers_add(&out->headers, STR("Authorization"),
	    str_c(arena_fmt(c->arena, "Bearer %.*s", STR_ARG(c->key))));
	ok = add_body(c, &body, err);
	out->has_body = true;
	out->body = adaptor_keep(c->arena, &body);
	return ok;
}

/* ---- reply ------------------------------------------------------------------------------- */

static const char *finish_reason(struct jval why)
{
	return jscan_is(why, STR("full")) ? "length" : "stop";
}

/* What one object says, whole reply or piece. Foreign numbers are bounded where they come in. */
static void say(struct call *c, struct sink *to, struct jval object)
{
	struct jval v;

	if (jscan_member(object, STR("says"), &v))
		sink_text(to, jscan_text(c->arena, v));
	/* The engine bills these when usage is not reported. */
	c->meter = to->meter;
	c->pieces = (int64_t)to->pieces;
	if (!jscan_member(object, STR("why"), &v))
		return;
	sink_finish(to, finish_reason(v));
	if (jscan_member(object, STR("in"), &v))
		(void)jscan_int(v, 0, INT32_MAX, &c->usage.prompt_tokens);
	if (jscan_member(object, STR("out"), &v))
		(void)jscan_int(v, 0, INT32_MAX, &c->usage.completion_tokens);
	c->usage.reported = c->usage.prompt_tokens + c->usage.completion_tokens > 0;
	sink_end(to, &c->usage);
	c->finished = true;
	c->done_sent = c->ask->stream;
}

/* A whole 2xx body. A dialect that needs several calls returns STEP_NEXT until it has the reply;
 * encode then looks at c->step. */
static enum step decode(struct call *c, struct str body, struct buf *out, struct err *err)
{
	struct sink *to = c->state;
	struct jval root;

	if (!jscan_value(body, &root) || root.type != J_OBJECT) {
		(void)err_set(err, ERR_UPSTREAM_BODY, "the upstream's reply is not JSON");
		return STEP_FAILED;
	}
	if (adaptor_error_inside(root, body, err)) {
		adaptor_scrub(c, err);
		return STEP_FAILED;
	}
	sink_init(to, c->arena, out, c->ask, STR(""));
	say(c, to, root);
	if (c->finished && buf_ok(out))
		return STEP_DONE;
	(void)err_set(err, ERR_UPSTREAM_BODY, "the upstream's reply is not complete");
	return STEP_FAILED;
}

/* One frame of a stream, on the wire's thread: no blocking, no memory that grows. An error that the
 * upstream reports here goes to c->failure; the engine decides between another channel and an
 * error event. */
static bool on_event(struct call *c, const struct frame_event *event, struct buf *out,
    struct err *err)
{
	struct sink *to = c->state;
	struct jval root;

	if (c->failed || c->finished || !jscan_value(event->data, &root) || root.type != J_OBJECT)
		return true;
	if (adaptor_error_inside(root, event->data, &c->failure)) {
		adaptor_scrub(c, &c->failure);
		c->failed = true;
		return true;
	}
	to->out = out;
	say(c, to, root);
	return true;
}

/* A stream that ends before its end mark broke off, however politely the socket was closed. */
static bool on_end(struct call *c, struct buf *out, struct err *err)
{
	return c->finished ||
	    err_set(err, ERR_UPSTREAM_TRUNCATED,
	        "the upstream's stream ended before its reply was complete");
}

/* Only what differs from the common table is treated here. */
static void error(struct call *c, int status, struct str body, struct err *err)
{
	adaptor_error(status, body, err);
	adaptor_scrub(c, err);
}

const struct adaptor skeleton_adaptor = {
	.name = "skeleton",
	.modes = 1u << MODE_CHAT,
	.frame_init = sse_init,
	.stream_type = "text/event-stream",
	.encode = encode,
	.decode = decode,
	.on_event = on_event,
	.on_end = on_end,
	.error = error,
};
