/* cloudflare.c — Cloudflare Workers AI, directly or behind an AI Gateway
 *
 * Chat, embeddings and responses have a surface that is OpenAI's but for little things; everything
 * else runs a model by its name. The account is a part of the URL (config user_id), and errors are
 * numbers of Cloudflare's own.
 */
#include "provider/cloudflare.h"

#include <string.h>

#include "provider/catalog.h"
#include "provider/convert.h"
#include "provider/openai.h"
#include "provider/openai_manners.h"
#include "provider/providers.h"

/* ---- URLs and headers ---------------------------------------------------------------------- */

static bool is_gateway(const struct call *c)
{
	return str_starts(c->channel->base_url, STR("https://gateway.ai.cloudflare.com")) ||
	    str_ends(c->channel->base_url, STR("/workers-ai"));
}

/* What OpenAI's surface has; NULL: the model is run. */
static const char *task_of(enum mode mode)
{
	static const char *const tasks[MODE_COUNT] = {
		[MODE_CHAT] = "/v1/chat/completions",
		[MODE_EMBEDDINGS] = "/v1/embeddings",
		[MODE_RESPONSES] = "/v1/responses",
	};

	return tasks[mode];
}

static bool add_url(const struct call *c, struct buf *url, struct err *err)
{
	const char *task = task_of(c->ask->mode);
	bool gateway = is_gateway(c);

	if (!gateway &&
	    (!c->channel->user_id.n ||
	        !adaptor_path_ok(
	            str_c(arena_fmt(c->arena, "/%.*s", STR_ARG(c->channel->user_id))))))
		return err_set(err, ERR_CHANNEL_INVALID,
		    "the channel's config names no account (user_id)");
	if (!adaptor_path_ok(str_c(arena_fmt(c->arena, "/%.*s", STR_ARG(c->model)))))
		return err_set(err, ERR_BAD_REQUEST, "the model's name is not valid");
	buf_add(url, c->channel->base_url);
	if (!gateway)
		buf_addf(url, "/client/v4/accounts/%.*s/ai", STR_ARG(c->channel->user_id));
	if (task)
		buf_add_c(url, task);
	else
		buf_addf(url, "%s/%.*s", gateway ? "" : "/run", STR_ARG(c->model));
	return true;
}

/* What an operator tells the gateway, by the gateway's own names. */
static void add_gateway_headers(const struct call *c, struct upstream_req *out)
{
	static const char *const passed[] = { "cf-aig-cache-ttl", "cf-aig-skip-cache",
		"cf-aig-metadata", "cf-aig-request-timeout" };
	struct jval config, v;
	struct str token;

	if (!is_gateway(c) || !jscan_value(c->channel->row.config, &config))
		return;
	token = jscan_text(c->arena, convert_member(config, STR("gateway_token")));
	if (token.n)
		headers_add(&out->headers, STR("cf-aig-authorization"),
		    str_c(arena_fmt(c->arena, "Bearer %.*s", STR_ARG(token))));
	for (size_t i = 0; i < COUNT_OF(passed); i++) {
		v = convert_member(config, str_c(passed[i]));
		if (convert_given(v))
			headers_add(&out->headers, str_c(passed[i]),
			    v.type == J_STRING ? jscan_text(c->arena, v) : v.text);
	}
}

static void release_images(void *buf)
{
	buf_release(buf);
}

static void state_new(struct call *c)
{
	struct cloudflare *s;

	token_meter_init(&c->meter, c->model);
	if (task_of(c->ask->mode)) {
		openai_state_new(c);
		return;
	}
	s = ARENA_NEW(c->arena, struct cloudflare);
	s->images = buf_init((size_t)64 * 1024 * 1024);
	arena_defer(c->arena, release_images, &s->images);
	if (c->ask->stream)
		sink_init(&s->sink, c->arena, NULL, c->ask, STR(""));
	c->state = s;
}

static bool encode(struct call *c, struct upstream_req *out, struct err *err)
{
	if (!(c->provider->modes & 1u << c->ask->mode))
		return err_set(err, ERR_UNSUPPORTED_MODE, "channel type %s cannot do this",
		    c->provider->name);
	if (!c->state)
		state_new(c);
	out->method = "POST";
	if (!add_url(c, &out->url, err))
		return false;
	headers_add(&out->headers, STR("Authorization"),
	    str_c(arena_fmt(c->arena, "Bearer %.*s", STR_ARG(c->key))));
	if (c->stream)
		headers_add(&out->headers, STR("Accept"), STR("text/event-stream"));
	openai_add_cache_header(c, out);
	add_gateway_headers(c, out);
	return task_of(c->ask->mode) ? openai_body(c, out, err) : cloudflare_add_run(c, out, err);
}

/* ---- errors ------------------------------------------------------------------------------ */

/* Numbers of Cloudflare's own, as the statuses that they mean. */
static const struct {
	int code, status;
} codes[] = {
	{ 3003, 400 },
	{ 5004, 400 },
	{ 5006, 400 },
	{ 5007, 404 },
	{ 3042, 404 },
	{ 5016, 403 },
	{ 5018, 403 },
	{ 3023, 403 },
	{ 3041, 403 },
	{ 10000, 401 },
	{ 9109, 401 },
	{ 3006, 413 },
	{ 3007, 408 },
	{ 3008, 408 },
	{ 3036, 429 },
	{ 3039, 503 },
	{ 3040, 503 },
	{ 5005, 400 },
	{ 5019, 400 },
};

static struct jval first_error(struct jval root)
{
	struct jval v = { 0 };

	if (!jscan_at(root, "errors.0", &v) || v.type != J_OBJECT)
		(void)jscan_at(root, "error.0", &v);
	return v;
}

static int status_of(struct jval error, int otherwise)
{
	int64_t code;

	if (jscan_int(convert_member(error, STR("code")), 0, 99999, &code))
		for (size_t i = 0; i < COUNT_OF(codes); i++)
			if (codes[i].code == code)
				return codes[i].status;
	return otherwise;
}

static void error(struct call *c, int status, struct str body, struct err *err)
{
	struct jval root, first = { 0 };

	if (jscan_value(body, &root) && root.type == J_OBJECT)
		first = first_error(root);
	if (first.type == J_OBJECT)
		adaptor_error(status_of(first, status), first.text, err);
	else
		adaptor_error(status, body, err);
	if (err->status == 400 &&
	    (str_has(str_c(err->msg), STR("context")) ||
	        str_has(str_c(err->msg), STR("too long"))) &&
	    str_has(str_c(err->msg), STR("token")))
		memcpy(err->code, "context_length_exceeded", sizeof("context_length_exceeded"));
	err->upstream_status = status;
	adaptor_scrub(c, err);
}

/* A 2xx reply or an event that says that it failed. */
static bool is_error_inside(struct call *c, struct str body, struct err *err)
{
	struct jval root;

	if (!jscan_value(body, &root) || root.type != J_OBJECT ||
	    first_error(root).type != J_OBJECT)
		return false;
	error(c, 502, body, err);
	err->upstream_status = 200;
	return true;
}

/* ---- replies ------------------------------------------------------------------------------- */

/* A list that is short would be taken for the whole one. */
static bool has_all_vectors(const struct call *c, struct str body, struct err *err)
{
	struct jval root, data;

	if (c->ask->mode != MODE_EMBEDDINGS || !jscan_value(body, &root))
		return true;
	data = convert_member(root, STR("data"));
	if (data.type != J_ARRAY)
		data = convert_member(convert_member(root, STR("result")), STR("data"));
	return convert_check_vectors(data.type == J_ARRAY ? jscan_count(data) : 0,
	    convert_count_inputs(c), err);
}

static enum step decode(struct call *c, struct str body, struct buf *out, struct err *err)
{
	if (is_error_inside(c, body, err) || !has_all_vectors(c, body, err))
		return STEP_FAILED;
	return task_of(c->ask->mode) ? openai_decode(c, body, out, err)
	                             : cloudflare_ran(c, body, out, err);
}

static bool on_event(struct call *c, const struct frame_event *event, struct buf *out,
    struct err *err)
{
	struct cloudflare *s = c->state;

	if (c->failed || c->finished)
		return task_of(c->ask->mode) ? openai_on_event(c, event, out, err) : true;
	if (is_error_inside(c, event->data, &c->failure)) {
		c->failed = true;
		return true;
	}
	if (task_of(c->ask->mode))
		return openai_on_event(c, event, out, err);
	if (event->data.n == 0)
		return true;
	s->sink.out = out;
	if (!cloudflare_hear(c, event->data, &c->failure)) {
		adaptor_scrub(c, &c->failure);
		c->failed = true;
	}
	return true;
}

static bool on_end(struct call *c, struct buf *out, struct err *err)
{
	if (task_of(c->ask->mode))
		return openai_on_end(c, out, err);
	return c->finished ||
	    err_set(err, ERR_UPSTREAM_TRUNCATED,
	        "the upstream's stream ended before its reply was complete");
}

/* Pictures are taken as bytes only. */
static bool wants_bytes(const struct call *c, struct str url)
{
	return c->ask->mode == MODE_CHAT;
}

const struct adaptor cloudflare_adaptor = {
	.name = "cloudflare",
	.modes = 1u << MODE_CHAT | 1u << MODE_COMPLETIONS | 1u << MODE_EMBEDDINGS |
	    1u << MODE_RESPONSES | 1u << MODE_IMAGES | 1u << MODE_SPEECH |
	    1u << MODE_TRANSCRIPTION | 1u << MODE_TRANSLATION,
	.frame_init = sse_init,
	.stream_type = "text/event-stream",
	.wants_bytes = wants_bytes,
	.encode = encode,
	.decode = decode,
	.on_event = on_event,
	.on_end = on_end,
	.error = error,
};
