/* gemini.c — the Gemini API: generateContent with a key
 *
 * One path for each thing to do, `models/NAME:METHOD`; a stream is another method, not a member of
 * the body. The key goes in a header: in the query, where it also may stand, it would be logged.
 */
#include "provider/gemini.h"

#include "base/arena.h"
#include "provider/catalog.h"
#include "provider/providers.h"

static const struct gemini_host host = { .is_vertex = false };

/* "models/gemini-2.5-flash"; a name may say itself where it belongs. */
static void add_url(const struct call *c, struct upstream_req *out, const char *method)
{
	struct str version = c->channel->api_version;
	bool placed =
	    str_starts(c->model, STR("models/")) || str_starts(c->model, STR("tunedModels/"));

	if (!version.n)
		version = str_c(google_settings()->version);
	if (!version.n)
		version = STR("v1beta");
	out->method = "POST";
	buf_addf(&out->url, "%.*s/%.*s/%s%.*s%s", STR_ARG(c->channel->base_url), STR_ARG(version),
	    placed ? "" : "models/", STR_ARG(c->model), method);
	headers_add(&out->headers, STR("Content-Type"), STR("application/json"));
	if (c->key.n)
		headers_add(&out->headers, STR("x-goog-api-key"), c->key);
}

/* The model becomes part of a path. */
static bool check(const struct call *c, struct err *err)
{
	if (!(c->provider->modes & 1u << c->ask->mode))
		return err_set(err, ERR_UNSUPPORTED_MODE, "channel type %s cannot do this",
		    c->provider->name);
	return adaptor_path_ok(str_c(arena_fmt(c->arena, "/%.*s", STR_ARG(c->model)))) ||
	    err_set(err, ERR_INVALID_TEXT, "'%.*s' is no name of a model", STR_ARG(c->model));
}

static bool encode_work(struct call *c, struct buf *body, struct upstream_req *out, struct err *err)
{
	if (!c->state)
		c->state = gemini_work_new(c, &host);
	c->stream = false;
	add_url(c, out, gemini_work_method(c->state));
	return gemini_work_add(c, c->state, body, err);
}

static bool encode_chat(struct call *c, struct buf *body, struct upstream_req *out, struct err *err)
{
	c->state = gemini_reply_new(c);
	add_url(c, out, c->stream ? ":streamGenerateContent?alt=sse" : ":generateContent");
	return gemini_add_chat(c, &host, c->state, body, err);
}

static bool encode(struct call *c, struct upstream_req *out, struct err *err)
{
	struct buf body = gemini_body(c);
	bool ok;

	if (!check(c, err))
		return false;
	ok = c->ask->mode == MODE_CHAT ? encode_chat(c, &body, out, err)
	                               : encode_work(c, &body, out, err);
	return gemini_send(c, &body, out, ok ? err : &(struct err){ 0 }) && ok;
}

static enum step decode(struct call *c, struct str body, struct buf *out, struct err *err)
{
	return c->ask->mode == MODE_CHAT ? gemini_decode(c, c->state, body, out, err)
	                                 : gemini_work_take(c, c->state, body, out, err);
}

static bool on_event(struct call *c, const struct frame_event *event, struct buf *out,
    struct err *err)
{
	return gemini_event(c, c->state, event->data, out, err);
}

static bool on_end(struct call *c, struct buf *out, struct err *err)
{
	return gemini_end(c, c->state, out, err);
}

static bool wants_bytes(const struct call *c, struct str url)
{
	return !gemini_finds(url);
}

const struct adaptor gemini_adaptor = {
	.name = "gemini",
	.modes = 1u << MODE_CHAT | 1u << MODE_EMBEDDINGS | 1u << MODE_IMAGES | 1u << MODE_SPEECH,
	.frame_init = sse_init,
	.stream_type = "text/event-stream",
	.wants_bytes = wants_bytes,
	.encode = encode,
	.decode = decode,
	.on_event = on_event,
	.on_end = on_end,
	.error = google_error,
};
