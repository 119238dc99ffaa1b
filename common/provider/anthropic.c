/* anthropic.c — the dialect of api.anthropic.com: POST /v1/messages (see anthropic.h)
 *
 * A key that begins with sk-ant-oat is a token of a person's subscription, which goes the way of
 * OAuth; any other is an API key. The version of the API and the betas may be the client's, who says
 * them in headers as it would to Anthropic.
 */
#include "provider/anthropic.h"

#include "provider/catalog.h"
#include "provider/providers.h"

#define GROWTH_ROOM (64 * 1024)

static const struct anthropic_host host = { .has_model = true, .takes_urls = true };

static void add_headers(const struct call *c, struct upstream_req *out)
{
	const struct headers *own = c->ask->headers;
	struct str version = own ? headers_get(own, "anthropic-version") : STR("");
	struct str betas = anthropic_betas(c, c->state);

	headers_add(&out->headers, STR("Content-Type"), STR("application/json"));
	headers_add(&out->headers, STR("anthropic-version"),
	    version.n ? version : STR("2023-06-01"));
	if (betas.n)
		headers_add(&out->headers, STR("anthropic-beta"), betas);
	if (str_starts(c->key, STR("sk-ant-oat")))
		headers_add(&out->headers, STR("Authorization"),
		    str_c(arena_fmt(c->arena, "Bearer %.*s", STR_ARG(c->key))));
	else if (c->key.n)
		headers_add(&out->headers, STR("x-api-key"), c->key);
}

static bool encode(struct call *c, struct upstream_req *out, struct err *err)
{
	struct buf body = buf_init(c->ask->body.n * 2 + c->system_prompt.n * 6 + GROWTH_ROOM);
	bool ok;

	if (!(c->provider->modes & 1u << c->ask->mode))
		return err_set(err, ERR_UNSUPPORTED_MODE, "channel type %s cannot do this",
		    c->provider->name);
	c->state = anthropic_reply_new(c);
	out->method = "POST";
	buf_add(&out->url, c->channel->base_url);
	buf_add(&out->url, STR("/v1/messages"));
	ok = anthropic_add_body(c, &host, c->state, &body, err);
	if (ok && !buf_ok(&body))
		ok = err_set(err, ERR_TOO_LARGE, "the request body is too large");
	add_headers(c, out);
	out->has_body = true;
	out->body = adaptor_keep(c->arena, &body);
	return ok;
}

static enum step decode(struct call *c, struct str body, struct buf *out, struct err *err)
{
	return anthropic_decode(c, c->state, body, out, err);
}

static bool on_event(struct call *c, const struct frame_event *event, struct buf *out,
    struct err *err)
{
	return anthropic_event(c, c->state, event->data, out, err);
}

static bool on_end(struct call *c, struct buf *out, struct err *err)
{
	return anthropic_end(c, err);
}

const struct adaptor anthropic_adaptor = {
	.name = "anthropic",
	.modes = 1u << MODE_CHAT,
	.frame_init = sse_init,
	.stream_type = "text/event-stream",
	.encode = encode,
	.decode = decode,
	.on_event = on_event,
	.on_end = on_end,
	.error = anthropic_error,
};
