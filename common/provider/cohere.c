/* cohere.c — Cohere's own dialect: /v2/chat, /v1/chat, /v2/embed, /v2/rerank, transcripts
 *
 * The native surface is used and not Cohere's imitation of OpenAI's, because only it has citations,
 * thinking and both of its counts of tokens. Differs from OpenAI in these ways: the text beside tool
 * calls is a plan with a name of its own; a streamed call is an object and not a list; penalties and
 * top_p have narrower ranges; rerank returns no documents. The parts are listed in cohere.h.
 */
#include "provider/cohere.h"

#include <string.h>

#include "provider/catalog.h"
#include "provider/convert.h"
#include "provider/providers.h"

/* A request or reply with a token on a deny list; no fault of the key. */
#define STATUS_DENIED_TOKEN 498

bool cohere_is_v1(const struct call *c)
{
	return str_eq_c(c->channel->api_version, "v1") && c->ask->mode == MODE_CHAT;
}

/* ---- the request ------------------------------------------------------------------------- */

static const struct surface {
	const char *path;
	bool (*add_body)(struct call *c, struct buf *out, struct err *err);
} surfaces[MODE_COUNT] = {
	[MODE_CHAT] = { "/v2/chat", cohere_add_chat },
	[MODE_EMBEDDINGS] = { "/v2/embed", cohere_add_embed },
	[MODE_RERANK] = { "/v2/rerank", cohere_add_rerank },
	[MODE_TRANSCRIPTION] = { "/v2/audio/transcriptions", NULL }, /* a form */
};
static const struct surface v1_chat = { "/v1/chat", cohere_v1_add_chat };

static void release_vectors(void *buf)
{
	buf_release(buf);
}

static void state_new(struct call *c)
{
	struct cohere *s = ARENA_NEW(c->arena, struct cohere);
	struct jval root = c->ask->root;

	s->v1 = cohere_is_v1(c);
	s->base64 = jscan_is(convert_member(root, STR("encoding_format")), STR("base64"));
	s->returns_documents = jscan_true(convert_member(root, STR("return_documents")));
	if (c->ask->stream)
		sink_init(&s->sink, c->arena, NULL, c->ask, STR(""));
	token_meter_init(&c->meter, c->model);
	s->vectors = buf_init((size_t)64 * 1024 * 1024);
	arena_defer(c->arena, release_vectors, &s->vectors);
	c->state = s;
}

static void add_head(const struct call *c, const struct surface *to, struct upstream_req *out)
{
	out->method = "POST";
	buf_add(&out->url, c->channel->base_url);
	buf_add_c(&out->url, to->path);
	headers_add(&out->headers, STR("Accept"),
	    c->stream ? STR("text/event-stream") : STR("application/json"));
	headers_add(&out->headers, STR("Authorization"),
	    str_c(arena_fmt(c->arena, "Bearer %.*s", STR_ARG(c->key))));
}

static bool put_json(struct call *c, const struct surface *to, struct upstream_req *out,
    struct err *err)
{
	struct buf body = buf_init(c->ask->body.n * 2 + c->system_prompt.n * 6 + COHERE_ROOM);
	bool ok = to->add_body(c, &body, err);

	if (ok && !buf_ok(&body))
		ok = err_set(err, ERR_TOO_LARGE, "the request body is too large");
	headers_add(&out->headers, STR("Content-Type"), STR("application/json"));
	out->has_body = true;
	out->body = adaptor_keep(c->arena, &body);
	return ok;
}

static bool encode(struct call *c, struct upstream_req *out, struct err *err)
{
	const struct surface *to = cohere_is_v1(c) ? &v1_chat : &surfaces[c->ask->mode];

	if (!to->path)
		return err_set(err, ERR_UNSUPPORTED_MODE, "channel type %s cannot do this",
		    c->provider->name);
	if (!convert_check_choices(c, 1, err))
		return false;
	if (str_ends(c->model, STR("-internet"))) /* searched the web until September 2025 */
		c->model.n -= strlen("-internet");
	if (!c->state)
		state_new(c);
	if (!to->add_body)
		c->stream = false; /* it answers whole: decode makes the stream of it */
	add_head(c, to, out);
	return to->add_body ? put_json(c, to, out, err) : cohere_put_form(c, out, err);
}

/* ---- the reply ----------------------------------------------------------------------------- */

static enum step chat_done(struct call *c, struct jval root, struct buf *out, struct err *err)
{
	struct cohere *s = c->state;
	bool ok;

	sink_init(&s->sink, c->arena, out, c->ask,
	    jscan_text(c->arena, convert_member(root, STR("id"))));
	ok = s->v1 ? cohere_v1_say(c, root, err) : cohere_say(c, root, err);
	return ok ? STEP_DONE : STEP_FAILED;
}

static enum step decode(struct call *c, struct str body, struct buf *out, struct err *err)
{
	struct jval root = { 0 };

	if (!jscan_value(body, &root) || root.type != J_OBJECT) {
		(void)err_set(err, ERR_UPSTREAM_BODY, "the upstream's reply is not JSON");
		return STEP_FAILED;
	}
	if (adaptor_error_inside(root, body, err)) {
		adaptor_scrub(c, err);
		return STEP_FAILED;
	}
	switch (c->ask->mode) {
	case MODE_EMBEDDINGS:
		return cohere_embedded(c, root, out, err);
	case MODE_RERANK:
		return cohere_reranked(c, root, out, err);
	case MODE_TRANSCRIPTION:
		return cohere_transcribed(c, root, body, out, err);
	default:
		return chat_done(c, root, out, err);
	}
}

static bool on_event(struct call *c, const struct frame_event *event, struct buf *out,
    struct err *err)
{
	struct cohere *s = c->state;
	struct jval root, type;
	bool ok;

	if (c->failed || c->finished || event->data.n == 0 ||
	    str_eq_c(str_trim(event->data), "[DONE]"))
		return true;
	if (!jscan_value(event->data, &root) || root.type != J_OBJECT)
		return err_set(err, ERR_UPSTREAM_BODY,
		    "the upstream sent an event that is not JSON");
	type = convert_member(root, s->v1 ? STR("event_type") : STR("type"));
	s->sink.out = out;
	if (type.type == J_NONE && adaptor_error_inside(root, event->data, &c->failure))
		ok = false;
	else
		ok = s->v1 ? cohere_v1_hear(c, root, type, &c->failure)
		           : cohere_hear(c, root, type, &c->failure);
	c->meter = s->sink.meter;
	c->pieces = (int64_t)s->sink.pieces;
	if (!ok) {
		adaptor_scrub(c, &c->failure);
		c->failed = true;
	}
	return true;
}

static bool on_end(struct call *c, struct buf *out, struct err *err)
{
	return c->finished ||
	    err_set(err, ERR_UPSTREAM_TRUNCATED,
	        "the upstream's stream ended before its reply was complete");
}

/* ---- errors ------------------------------------------------------------------------------ */

static void error(struct call *c, int status, struct str body, struct err *err)
{
	bool denied = status == STATUS_DENIED_TOKEN;
	const char *code = denied ? "content_filter" : NULL;

	adaptor_error(denied ? 400 : status, body, err);
	if (err->status == 400 && str_has(str_c(err->msg), STR("too many tokens")))
		code = "context_length_exceeded";
	if (code)
		memcpy(err->code, code, strlen(code) + 1);
	err->upstream_status = status;
	adaptor_scrub(c, err);
}

const struct adaptor cohere_adaptor = {
	.name = "cohere",
	.modes =
	    1u << MODE_CHAT | 1u << MODE_EMBEDDINGS | 1u << MODE_RERANK | 1u << MODE_TRANSCRIPTION,
	.frame_init = sse_init,
	.stream_type = "text/event-stream",
	.encode = encode,
	.decode = decode,
	.on_event = on_event,
	.on_end = on_end,
	.error = error,
};
