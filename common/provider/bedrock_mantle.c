/* bedrock_mantle.c — Mantle, Bedrock's surface for OpenAI's clients (config.api_style mantle)
 *
 * The openai dialect in all but whose request it is: a key of Bedrock's own goes as a bearer, other
 * credentials sign for a service of its own name. The host is the region's, unless the channel has a
 * base URL.
 */
#include "provider/bedrock.h"

#include "provider/catalog.h"
#include "provider/model_names.h"
#include "provider/openai.h"
#include "provider/providers.h"

/* The channel as it would be with the base URL that its region makes. */
static bool find_base(struct call *c, struct str region, struct err *err)
{
	struct catalog_channel *own;

	if (c->channel->base_url.n)
		return true;
	if (!bedrock_region_ok(region))
		return err_set(err, ERR_CHANNEL_INVALID,
		    "this channel needs a region or a base URL");
	own = arena_alloc(c->arena, sizeof(*own));
	*own = *c->channel;
	own->base_url =
	    str_c(arena_fmt(c->arena, "https://bedrock-mantle.%.*s.api.aws", STR_ARG(region)));
	c->channel = own;
	return true;
}

static bool encode(struct call *c, struct upstream_req *out, struct err *err)
{
	struct bedrock_credentials with = bedrock_credentials(c);

	if (!find_base(c, with.region, err) || !openai_adaptor.encode(c, out, err))
		return false;
	headers_drop(&out->headers, "Authorization");
	return bedrock_authorize(c, &with, "bedrock-mantle", out, err);
}

static void error(struct call *c, int status, struct str body, struct err *err)
{
	openai_adaptor.error(c, status, body, err);
}

static const struct adaptor mantle_adaptor = {
	.name = "bedrock",
	.modes = 1u << MODE_CHAT | 1u << MODE_RESPONSES,
	.frame_init = sse_init,
	.stream_type = "text/event-stream",
	.encode = encode,
	.decode = openai_decode,
	.on_event = openai_on_event,
	.on_end = openai_on_end,
	.error = error,
};

const struct provider bedrock_mantle = {
	.id = 33,
	.name = "aws-bedrock",
	.adaptor = &mantle_adaptor,
	.base_url = "",
	.url_rule = URL_DEFAULT,
	.quirks = QUIRK_KEY_IS_ONE,
	.modes = 1u << MODE_CHAT | 1u << MODE_RESPONSES,
	.owned_by = "aws",
	.legacy_other = "",
	.models = models_none,
};
