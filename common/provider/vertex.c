/* vertex.c — Vertex AI: the models of many publishers behind one kind of account
 *
 * Which surface serves a model is told by its name: Gemini's, Claude's, Mistral's, and for names with
 * a publisher before a slash one that speaks OpenAI's. A call that has no token asks for one first;
 * one whose token was refused asks again, once.
 */
#include "provider/vertex.h"

#include "base/arena.h"
#include "provider/anthropic.h"
#include "provider/catalog.h"
#include "provider/gemini.h"
#include "provider/providers.h"

/* The provider row that stands for any OpenAI-compatible server. */
#define COMPATIBLE 50

enum surface { GOOGLE, ANTHROPIC, MISTRAL, COMMON };

struct vertex {
	struct vertex_account account;
	struct str token;
	enum surface surface;
	bool asking;  /* for a token, in the call that is under way */
	bool retried; /* a token was refused */
	void *inner;  /* the surface's own state */
};

static const struct gemini_host google = { .is_vertex = true };
static const struct anthropic_host claude = { .version = "vertex-2023-10-16", .is_vertex = true };

static enum surface surface_of(struct str model)
{
	if (str_starts(model, STR("claude")))
		return ANTHROPIC;
	if (str_starts(model, STR("mistral")) || str_starts(model, STR("codestral")))
		return MISTRAL;
	return str_has(model, STR("/")) && !str_starts(model, STR("endpoints/")) ? COMMON : GOOGLE;
}

/* ---- OpenAI's dialect on the inside ------------------------------------------------------- */

/* What the openai dialect is shown instead of this channel. */
struct disguise {
	const struct catalog_channel *channel;
	const struct provider *provider;
	struct str key;
};

static struct disguise put_on(struct call *c, struct vertex *v)
{
	struct disguise own = { c->channel, c->provider, c->key };
	struct catalog_channel *shown = arena_alloc(c->arena, sizeof(*shown));
	struct buf url = buf_init(4096);

	vertex_add_place(c, &v->account, &url);
	*shown = *c->channel;
	shown->base_url = str_c(arena_fmt(c->arena, "%s/endpoints/openapi", url.data));
	buf_release(&url);
	c->channel = shown;
	c->provider = provider_by_id(COMPATIBLE);
	c->key = v->token;
	return own;
}

static void take_off(struct call *c, const struct disguise *own)
{
	c->channel = own->channel;
	c->provider = own->provider;
	c->key = own->key;
}

static void step_in(struct call *c, struct vertex *v)
{
	c->state = v->inner;
}

static void step_out(struct call *c, struct vertex *v)
{
	v->inner = c->state;
	c->state = v;
}

static bool encode_openai(struct call *c, struct vertex *v, struct upstream_req *out,
    struct err *err)
{
	struct disguise own = put_on(c, v);
	bool ok;

	step_in(c, v);
	ok = openai_adaptor.encode(c, out, err);
	step_out(c, v);
	take_off(c, &own);
	return ok;
}

/* ---- URLs and credentials ------------------------------------------------------------------ */

static bool check_model(const struct call *c, struct err *err)
{
	return adaptor_path_ok(str_c(arena_fmt(c->arena, "/%.*s", STR_ARG(c->model)))) ||
	    err_set(err, ERR_INVALID_TEXT, "'%.*s' is no name of a model", STR_ARG(c->model));
}

/* PLACE/publishers/PUBLISHER/models/NAME:METHOD; a tuned model has an endpoint of its own. */
static void add_url(const struct call *c, const struct vertex *v, struct upstream_req *out,
    const char *publisher, const char *method)
{
	vertex_add_place(c, &v->account, &out->url);
	if (str_starts(c->model, STR("endpoints/")))
		buf_addf(&out->url, "/%.*s%s", STR_ARG(c->model), method);
	else
		buf_addf(&out->url, "/publishers/%s/models/%.*s%s", publisher, STR_ARG(c->model),
		    method);
}

static void add_credentials(const struct call *c, const struct vertex *v, struct upstream_req *out)
{
	if (v->account.express)
		headers_add(&out->headers, STR("x-goog-api-key"), v->account.key);
	else
		headers_add(&out->headers, STR("Authorization"),
		    str_c(arena_fmt(c->arena, "Bearer %.*s", STR_ARG(v->token))));
}

static void add_tier(const struct call *c, struct upstream_req *out)
{
	struct jval tier = convert_member(c->ask->root, STR("service_tier"));

	if (jscan_is(tier, STR("flex")) || jscan_is(tier, STR("priority")))
		headers_add(&out->headers, STR("X-Vertex-AI-LLM-Shared-Request-Type"),
		    jscan_text(c->arena, tier));
}

/* ---- the surfaces -------------------------------------------------------------------------- */

static bool encode_google(struct call *c, struct vertex *v, struct buf *body,
    struct upstream_req *out, struct err *err)
{
	add_tier(c, out);
	if (c->ask->mode == MODE_CHAT) {
		add_url(c, v, out, "google",
		    c->stream ? ":streamGenerateContent?alt=sse" : ":generateContent");
		v->inner = gemini_reply_new(c);
		return gemini_add_chat(c, &google, v->inner, body, err);
	}
	c->stream = false;
	if (!v->inner)
		v->inner = gemini_work_new(c, &google);
	add_url(c, v, out, "google", gemini_work_method(v->inner));
	return gemini_work_add(c, v->inner, body, err);
}

static bool encode_claude(struct call *c, struct vertex *v, struct buf *body,
    struct upstream_req *out, struct err *err)
{
	struct str betas;
	bool ok;

	add_url(c, v, out, "anthropic", c->stream ? ":streamRawPredict" : ":rawPredict");
	v->inner = anthropic_reply_new(c);
	ok = anthropic_add_body(c, &claude, v->inner, body, err);
	betas = anthropic_betas(c, v->inner);
	if (betas.n)
		headers_add(&out->headers, STR("anthropic-beta"), betas);
	return ok;
}

static bool encode_native(struct call *c, struct vertex *v, struct upstream_req *out,
    struct err *err)
{
	struct buf body = gemini_body(c);
	bool ok = v->surface == ANTHROPIC ? encode_claude(c, v, &body, out, err)
	                                  : encode_google(c, v, &body, out, err);

	out->method = "POST";
	headers_add(&out->headers, STR("Content-Type"), STR("application/json"));
	add_credentials(c, v, out);
	return gemini_send(c, &body, out, ok ? err : &(struct err){ 0 }) && ok;
}

/* Mistral's own surface takes OpenAI's body at another URL. */
static bool encode_compatible(struct call *c, struct vertex *v, struct upstream_req *out,
    struct err *err)
{
	if (v->account.express)
		return err_set(err, ERR_UNSUPPORTED_MODE,
		    "a key without a project serves Google's models only");
	if (!encode_openai(c, v, out, err))
		return false;
	if (v->surface == MISTRAL) {
		buf_clear(&out->url);
		add_url(c, v, out, "mistralai", c->stream ? ":streamRawPredict" : ":rawPredict");
	}
	return true;
}

/* ---- the adaptor --------------------------------------------------------------------------- */

static bool begin(struct call *c, struct err *err)
{
	struct vertex *v = ARENA_NEW(c->arena, struct vertex);

	c->state = v;
	v->surface = surface_of(c->model);
	if (!(c->provider->modes & 1u << c->ask->mode) ||
	    (v->surface != GOOGLE && c->ask->mode != MODE_CHAT))
		return err_set(err, ERR_UNSUPPORTED_MODE, "channel type %s cannot do this",
		    c->provider->name);
	return check_model(c, err) && vertex_account_read(c, &v->account, err);
}

/* A request that must be refused is refused before anybody asks for a token. */
static bool encode(struct call *c, struct upstream_req *out, struct err *err)
{
	struct vertex *v;

	if (!c->state && !begin(c, err))
		return false;
	v = c->state;
	if (!v->account.express && !v->token.n &&
	    !token_cache_get(v->account.cache_key, c->arena, &v->token)) {
		v->asking = true;
		c->stream = false;
		return vertex_ask_token(c, &v->account, out, err);
	}
	v->asking = false;
	c->stream = c->ask->stream;
	return v->surface == GOOGLE || v->surface == ANTHROPIC ? encode_native(c, v, out, err)
	                                                       : encode_compatible(c, v, out, err);
}

static enum step decode(struct call *c, struct str body, struct buf *out, struct err *err)
{
	struct vertex *v = c->state;
	enum step step;

	if (v->asking)
		return vertex_take_token(c, &v->account, body, &v->token, err) ? STEP_NEXT
		                                                               : STEP_FAILED;
	if (v->surface == ANTHROPIC)
		return anthropic_decode(c, v->inner, body, out, err);
	if (v->surface == GOOGLE)
		return c->ask->mode == MODE_CHAT ? gemini_decode(c, v->inner, body, out, err)
		                                 : gemini_work_take(c, v->inner, body, out, err);
	step_in(c, v);
	step = openai_adaptor.decode(c, body, out, err);
	step_out(c, v);
	return step;
}

static bool on_event(struct call *c, const struct frame_event *event, struct buf *out,
    struct err *err)
{
	struct vertex *v = c->state;
	bool ok;

	if (v->surface == ANTHROPIC)
		return anthropic_event(c, v->inner, event->data, out, err);
	if (v->surface == GOOGLE)
		return gemini_event(c, v->inner, event->data, out, err);
	step_in(c, v);
	ok = openai_adaptor.on_event(c, event, out, err);
	step_out(c, v);
	return ok;
}

static bool on_end(struct call *c, struct buf *out, struct err *err)
{
	struct vertex *v = c->state;
	bool ok;

	if (v->surface == ANTHROPIC)
		return anthropic_end(c, err);
	if (v->surface == GOOGLE)
		return gemini_end(c, v->inner, out, err);
	step_in(c, v);
	ok = openai_adaptor.on_end(c, out, err);
	step_out(c, v);
	return ok;
}

static bool again(struct call *c, int status, struct str body)
{
	struct vertex *v = c->state;

	if (status != 401 || v->asking || v->retried || v->account.express)
		return false;
	token_cache_drop(v->account.cache_key, v->token);
	v->token = (struct str){ 0 };
	v->retried = true;
	return true;
}

/* A Claude's errors are Anthropic's, those of the front end Google's. */
static void error(struct call *c, int status, struct str body, struct err *err)
{
	struct vertex *v = c->state;
	struct jval root, type;

	if (v && v->asking) {
		vertex_token_error(c, status, body, err);
		return;
	}
	if (v && v->surface == ANTHROPIC && jscan_value(body, &root) &&
	    jscan_at(root, "error.type", &type))
		anthropic_error(c, status, body, err);
	else
		google_error(c, status, body, err);
}

static bool wants_bytes(const struct call *c, struct str url)
{
	return surface_of(c->model) == ANTHROPIC;
}

const struct adaptor vertex_adaptor = {
	.name = "vertex",
	.modes = 1u << MODE_CHAT | 1u << MODE_EMBEDDINGS | 1u << MODE_IMAGES | 1u << MODE_SPEECH,
	.frame_init = sse_init,
	.stream_type = "text/event-stream",
	.wants_bytes = wants_bytes,
	.encode = encode,
	.decode = decode,
	.on_event = on_event,
	.on_end = on_end,
	.again = again,
	.error = error,
};
