/* ollama.c — Ollama's native dialect: /api/chat, /api/generate, /api/embed
 *
 * Differs from OpenAI in these ways: streaming is the default and framed as one JSON object a line;
 * sampling parameters live in `options`; tool arguments are objects, not text; images are bare
 * base64 beside the text; the reply's last object carries counts instead of a usage object.
 *
 * The native surface is used, not /v1 of the same server, because only it can set the size of the
 * context (num_ctx): a longer prompt is otherwise cut silently from its front.
 *
 * The parts are listed in ollama.h.
 */
#include "provider/ollama.h"

#include "provider/catalog.h"
#include "provider/convert.h"
#include "provider/providers.h"

/* Room for what a request gains: names of members, indices, the channel's defaults. */
#define GROWTH_ROOM (64 * 1024)

/* ---- requests ------------------------------------------------------------------------------ */

static const struct {
	const char *path;
	bool (*add_body)(struct ollama_writer *w, struct err *err);
} surfaces[MODE_COUNT] = {
	[MODE_CHAT] = { "/api/chat", ollama_add_chat },
	[MODE_COMPLETIONS] = { "/api/generate", ollama_add_generate },
	[MODE_EMBEDDINGS] = { "/api/embed", ollama_add_embed },
};

/* before: of the attempt's first call, which the model refused. */
static struct ollama_state *state_new(struct ollama_writer *w, const struct ollama_state *before)
{
	struct ollama_state *s = ARENA_NEW(w->c->arena, struct ollama_state);

	s->no_think = before && before->no_think;
	s->wants_logprobs = jscan_true(w->f[OP_LOGPROBS]);
	s->wants_base64 = jscan_is(w->f[OP_ENCODING_FORMAT], STR("base64"));
	if (w->c->ask->stream)
		sink_init(&s->sink, w->c->arena, NULL, w->c->ask, STR(""));
	return s;
}

static void add_head(const struct call *c, struct upstream_req *out)
{
	struct str key = c->key;

	out->method = "POST";
	buf_add(&out->url, c->channel->base_url);
	buf_add_c(&out->url, surfaces[c->ask->mode].path);
	headers_add(&out->headers, STR("Content-Type"), STR("application/json"));
	if (key.n)
		headers_add(&out->headers, STR("Authorization"),
		    str_c(arena_fmt(c->arena, "Bearer %.*s", STR_ARG(key))));
}

static bool encode(struct call *c, struct upstream_req *out, struct err *err)
{
	struct ollama_writer *w = ARENA_NEW(c->arena, struct ollama_writer);
	size_t fetched = 0;
	bool ok;

	for (size_t i = 0; i < c->media_count; i++)
		fetched += c->media[i].bytes.n;
	if (!(c->provider->modes & 1u << c->ask->mode))
		return err_set(err, ERR_UNSUPPORTED_MODE, "channel type %s cannot do this",
		    c->provider->name);
	if (!convert_check_choices(c, 1, err))
		return false;
	w->c = c;
	w->body = buf_init(c->ask->body.n * 2 + c->system_prompt.n * 6 + fetched * 2 + GROWTH_ROOM);
	ollama_find_params(w);
	c->state = state_new(w, c->state);
	add_head(c, out);
	ok = surfaces[c->ask->mode].add_body(w, err);
	if (ok && !buf_ok(&w->body))
		ok = err_set(err, ERR_TOO_LARGE, "the request body is too large");
	out->has_body = true;
	out->body = adaptor_keep(c->arena, &w->body);
	return ok;
}

/* ---- ends and errors ----------------------------------------------------------------------- */

static bool on_end(struct call *c, struct buf *out, struct err *err)
{
	return c->finished ||
	    err_set(err, ERR_UPSTREAM_TRUNCATED,
	        "the upstream's stream ended before its reply was complete");
}

/* Limits of the cloud service are limits, also where it speaks of payment. */
static void error(struct call *c, int status, struct str body, struct err *err)
{
	adaptor_error(status == 402 ? 429 : status, body, err);
	err->upstream_status = status;
	adaptor_scrub(c, err);
}

/* A model that cannot think is asked once more, without a word about it. */
static bool again(struct call *c, int status, struct str body)
{
	struct ollama_state *s = c->state;

	if (status != 400 || !s || !s->thinks || s->no_think ||
	    !str_has(body, STR("does not support thinking")))
		return false;
	return s->no_think = true;
}

/* Its server fetches nothing. */
static bool wants_bytes(const struct call *c, struct str url)
{
	return true;
}

const struct adaptor ollama_adaptor = {
	.name = "ollama",
	.modes = 1u << MODE_CHAT | 1u << MODE_COMPLETIONS | 1u << MODE_EMBEDDINGS,
	.frame_init = ndjson_init,
	.stream_type = "application/x-ndjson",
	.wants_bytes = wants_bytes,
	.encode = encode,
	.decode = ollama_decode,
	.on_event = ollama_on_event,
	.on_end = on_end,
	.again = again,
	.error = error,
};
