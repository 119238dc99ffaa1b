/* palm.c — Google's PaLM, whose endpoints were shut in 2024
 *
 * The channel type stays so that databases that know it can be read. What becomes of a request is the
 * channel's choice, config.palm: refuse (410), alias (a Gemini channel with the same key; the mapping
 * names the model), native (the old protocol, for whoever still plays it). Unset, a channel at
 * Google's own host refuses and one with another base URL is native.
 *
 * The old protocol: turns by numbered authors, no stream, no tools, no usage.
 */
#include "provider/gemini.h"

#include <stdio.h>

#include "base/arena.h"
#include "base/json.h"
#include "provider/catalog.h"
#include "provider/providers.h"

#define MODEL "chat-bison-001"

enum way { REFUSE, ALIAS, NATIVE };

static enum way way_of(const struct call *c)
{
	struct str set = c->channel->palm;

	if (str_eq_c(set, "alias"))
		return ALIAS;
	if (str_eq_c(set, "native"))
		return NATIVE;
	if (set.n || str_eq_c(c->channel->base_url, c->provider->base_url))
		return REFUSE;
	return NATIVE;
}

/* ---- request ------------------------------------------------------------------------------- */

/* The texts of a message joined, still escaped; false when it holds anything else. */
static bool add_text(struct buf *out, struct jval content)
{
	struct jiter it = jscan_iter(content);
	struct jval part, text;
	bool any = false;

	if (content.type == J_STRING)
		buf_add(out, str_slice(content.text, 1, content.text.n - 1));
	while (content.type == J_ARRAY && jscan_next_item(&it, &part)) {
		text = convert_member(part, STR("text"));
		if (!jscan_is(convert_member(part, STR("type")), STR("text")) ||
		    text.type != J_STRING)
			return false;
		buf_add(out, any ? STR("\\n") : STR(""));
		buf_add(out, str_slice(text.text, 1, text.text.n - 1));
		any = true;
	}
	return true;
}

static bool is_system(struct jval role)
{
	return jscan_is(role, STR("system")) || jscan_is(role, STR("developer"));
}

static bool add_context(struct call *c, struct buf *out, struct err *err)
{
	struct jiter it = jscan_iter(c->ask->messages);
	bool any = c->system_prompt.n > 0;
	size_t start = out->len;
	struct jval message;

	buf_add(out, STR("\"context\":\""));
	json_add_escaped(out, c->system_prompt);
	c->system_prompt_reset = any;
	for (size_t i = 0; jscan_next_item(&it, &message); i++) {
		if (!is_system(convert_member(message, STR("role"))) ||
		    (i == 0 && c->system_prompt.n))
			continue;
		buf_add(out, any ? STR("\\n") : STR(""));
		any = true;
		if (!add_text(out, convert_member(message, STR("content"))))
			return err_set(err, ERR_INVALID_TEXT,
			    "messages[%zu]: this channel takes text only", i);
	}
	buf_add_char(out, '"');
	if (!any)
		buf_truncate(out, start);
	return true;
}

static bool add_messages(struct call *c, struct buf *out, struct err *err)
{
	struct jiter it = jscan_iter(c->ask->messages);
	struct jval message, role;

	convert_add_raw(out, "messages", STR("["));
	for (size_t i = 0; jscan_next_item(&it, &message); i++) {
		role = convert_member(message, STR("role"));
		if (is_system(role))
			continue;
		if (jscan_is(role, STR("tool")) || jscan_is(role, STR("function")) ||
		    convert_given(convert_member(message, STR("tool_calls"))))
			return err_set(err, ERR_INVALID_TEXT,
			    "messages[%zu]: this channel has no tools", i);
		json_add_comma(out);
		buf_add(out,
		    jscan_is(role, STR("assistant")) ? STR("{\"author\":\"1\"")
		                                     : STR("{\"author\":\"0\""));
		convert_add_raw(out, "content", STR("\""));
		if (!add_text(out, convert_content(message)))
			return err_set(err, ERR_INVALID_TEXT,
			    "messages[%zu]: this channel takes text only", i);
		buf_add(out, STR("\"}"));
	}
	buf_add_char(out, ']');
	return true;
}

static bool add_sampling(struct call *c, struct buf *out, struct err *err)
{
	static const struct str dropped[] = { STR_INIT("max_tokens"),
		STR_INIT("max_completion_tokens"), STR_INIT("stop"), STR_INIT("presence_penalty"),
		STR_INIT("frequency_penalty"), STR_INIT("seed"), STR_INIT("logprobs"),
		STR_INIT("response_format"), STR_INIT("reasoning_effort"), STR_INIT("user"),
		STR_INIT("logit_bias") };
	static const struct str names[] = { STR_INIT("temperature"), STR_INIT("top_p"),
		STR_INIT("top_k") };
	struct jval v[COUNT_OF(names)];
	double warmth;

	convert_pick(c->ask->root, names, v, COUNT_OF(v));
	if (jscan_double(v[0], &warmth))
		convert_add_raw(out, "temperature",
		    warmth > 1       ? STR("1")
		        : warmth < 0 ? STR("0")
		                     : v[0].text);
	if (c->ask->n > 1)
		buf_addf(out, ",\"candidateCount\":%lld", (long long)c->ask->n);
	if (v[1].type == J_NUMBER)
		convert_add_raw(out, "topP", v[1].text);
	if (v[2].type == J_NUMBER)
		convert_add_raw(out, "topK", v[2].text);
	return convert_drop(c, dropped, COUNT_OF(dropped), err);
}

static bool add_body(struct call *c, struct buf *out, struct err *err)
{
	if (!convert_check_chat(c, SINK_CHOICES, TOOLS_NONE, err))
		return false;
	buf_add(out, STR("{\"prompt\":{"));
	if (!add_context(c, out, err) || !add_messages(c, out, err))
		return false;
	buf_add_char(out, '}');
	if (!add_sampling(c, out, err))
		return false;
	buf_add_char(out, '}');
	return true;
}

static bool refuse(struct err *err)
{
	(void)err_set(err, ERR_UNSUPPORTED_MODE, "PaLM was retired by its provider");
	err->status = 410;
	(void)snprintf(err->code, sizeof(err->code), "model_retired");
	return false;
}

static bool encode(struct call *c, struct upstream_req *out, struct err *err)
{
	struct buf body = gemini_body(c);
	bool ok;

	if (way_of(c) == REFUSE)
		return refuse(err);
	if (way_of(c) == ALIAS)
		return gemini_adaptor.encode(c, out, err);
	c->stream = false;
	out->method = "POST";
	buf_addf(&out->url, "%.*s/v1beta2/models/" MODEL ":generateMessage",
	    STR_ARG(c->channel->base_url));
	headers_add(&out->headers, STR("Content-Type"), STR("application/json"));
	if (c->key.n)
		headers_add(&out->headers, STR("x-goog-api-key"), c->key);
	ok = add_body(c, &body, err);
	return gemini_send(c, &body, out, ok ? err : &(struct err){ 0 }) && ok;
}

/* ---- reply --------------------------------------------------------------------------------- */

static bool blocked(struct call *c, struct jval filters, struct err *err)
{
	struct jiter it = jscan_iter(filters);
	struct jval first;

	if (filters.type != J_ARRAY || !jscan_next_item(&it, &first))
		return err_set(err, ERR_UPSTREAM, "the upstream answered with nothing");
	(void)err_set(err, ERR_BAD_REQUEST, "prompt blocked: %.*s",
	    STR_ARG(jscan_text(c->arena, convert_member(first, STR("reason")))));
	(void)snprintf(err->code, sizeof(err->code), "content_filter");
	return false;
}

static void say(struct call *c, struct sink *to, struct jval candidates)
{
	struct jiter it = jscan_iter(candidates);
	struct jval item;

	for (int i = 0; i < SINK_CHOICES && jscan_next_item(&it, &item); i++) {
		sink_choice(to, i);
		sink_text(to, jscan_text(c->arena, convert_member(item, STR("content"))));
	}
	c->meter = to->meter;
	c->pieces = (int64_t)to->pieces;
}

static enum step decode_native(struct call *c, struct str body, struct buf *out, struct err *err)
{
	struct jval root = { 0 }, candidates;
	struct usage shown;
	struct sink sink;

	if (jscan_value(body, &root) && google_error_inside(c, root, body, err))
		return STEP_FAILED;
	candidates = convert_member(root, STR("candidates"));
	if (candidates.type != J_ARRAY || jscan_count(candidates) == 0) {
		(void)blocked(c, convert_member(root, STR("filters")), err);
		return STEP_FAILED;
	}
	sink_init(&sink, c->arena, out, c->ask, STR(""));
	say(c, &sink, candidates);
	shown = adaptor_usage_shown(c);
	sink_end(&sink, &shown);
	c->finished = true;
	c->done_sent = c->ask->stream;
	return adaptor_done(buf_ok(out), err);
}

static enum step decode(struct call *c, struct str body, struct buf *out, struct err *err)
{
	return way_of(c) == ALIAS ? gemini_adaptor.decode(c, body, out, err)
	                          : decode_native(c, body, out, err);
}

/* Only an alias streams. */
static bool on_event(struct call *c, const struct frame_event *event, struct buf *out,
    struct err *err)
{
	return way_of(c) == ALIAS
	    ? gemini_adaptor.on_event(c, event, out, err)
	    : err_set(err, ERR_UPSTREAM_BODY, "the upstream sent a stream nobody asked for");
}

static bool on_end(struct call *c, struct buf *out, struct err *err)
{
	return way_of(c) == ALIAS
	    ? gemini_adaptor.on_end(c, out, err)
	    : err_set(err, ERR_UPSTREAM_TRUNCATED, "the upstream's stream ended too early");
}

static bool wants_bytes(const struct call *c, struct str url)
{
	return way_of(c) == ALIAS && gemini_adaptor.wants_bytes(c, url);
}

const struct adaptor palm_adaptor = {
	.name = "palm",
	.modes = 1u << MODE_CHAT,
	.frame_init = sse_init,
	.stream_type = "text/event-stream",
	.wants_bytes = wants_bytes,
	.encode = encode,
	.decode = decode,
	.on_event = on_event,
	.on_end = on_end,
	.error = google_error,
};
