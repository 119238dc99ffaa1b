/* bedrock_model.c — what a model is called at Bedrock
 *
 * A name of Anthropic's or of the older gateways becomes Bedrock's id; any other goes as it stands,
 * and ids of inference profiles and ARNs come by the channel's mapping. Most models since Claude 3.5
 * v2 are served by inference profiles only: the channel's config names their prefix in
 * inference_profile, or says auto to have it made from the region. */
#include "provider/bedrock.h"

#include "provider/catalog.h"

static const struct {
	struct str name, id;
} aliases[] = {
	{ STR_INIT("claude-instant-1.2"), STR_INIT("anthropic.claude-instant-v1") },
	{ STR_INIT("claude-2.0"), STR_INIT("anthropic.claude-v2") },
	{ STR_INIT("claude-2.1"), STR_INIT("anthropic.claude-v2:1") },
	{ STR_INIT("claude-3-5-sonnet-20241022"),
	    STR_INIT("anthropic.claude-3-5-sonnet-20241022-v2:0") },
	{ STR_INIT("claude-3-5-sonnet-latest"),
	    STR_INIT("anthropic.claude-3-5-sonnet-20241022-v2:0") },
	{ STR_INIT("llama3-8b-8192"), STR_INIT("meta.llama3-8b-instruct-v1:0") },
	{ STR_INIT("llama3-70b-8192"), STR_INIT("meta.llama3-70b-instruct-v1:0") },
};

/* Where a region's profiles live, by the beginning of its name. */
static const struct {
	struct str region, prefix;
} profiles[] = {
	{ STR_INIT("us-gov-"), STR_INIT("us-gov") },
	{ STR_INIT("us-"), STR_INIT("us") },
	{ STR_INIT("ca-"), STR_INIT("us") },
	{ STR_INIT("eu-"), STR_INIT("eu") },
	{ STR_INIT("ap-northeast-1"), STR_INIT("jp") },
	{ STR_INIT("ap-northeast-3"), STR_INIT("jp") },
	{ STR_INIT("ap-southeast-2"), STR_INIT("au") },
	{ STR_INIT("ap-southeast-4"), STR_INIT("au") },
	{ STR_INIT("ap-"), STR_INIT("apac") },
	{ STR_INIT(""), STR_INIT("global") },
};

static const struct str families[] = {
	STR_INIT("anthropic."),
	STR_INIT("meta.llama"),
	STR_INIT("mistral."),
	STR_INIT("cohere.embed"),
	STR_INIT("cohere."),
	STR_INIT("amazon.titan-embed"),
	STR_INIT("amazon.titan"),
	STR_INIT("amazon.nova"),
	STR_INIT("openai."),
	STR_INIT("deepseek."),
};

/* claude-…-YYYYMMDD, as every Claude from 3 to 4.5 was named. */
static bool is_dated_claude(struct str name)
{
	int64_t date;

	return str_starts(name, STR("claude-")) && name.n > 16 && name.p[name.n - 9] == '-' &&
	    str_to_int(str_slice(name, name.n - 8, name.n), 20240101, 20991231, &date);
}

static struct str id_of(struct arena *a, struct str model)
{
	for (size_t i = 0; i < COUNT_OF(aliases); i++)
		if (str_eq(model, aliases[i].name))
			return aliases[i].id;
	if (is_dated_claude(model))
		return str_c(arena_fmt(a, "anthropic.%.*s-v1:0", STR_ARG(model)));
	return model;
}

static struct str prefix_of(const struct catalog_channel *channel)
{
	if (!str_eq_c(channel->inference_profile, "auto"))
		return channel->inference_profile;
	for (size_t i = 0; i < COUNT_OF(profiles); i++)
		if (str_starts(channel->region, profiles[i].region))
			return profiles[i].prefix;
	return STR("");
}

static struct str family_of(struct str id, const struct catalog_channel *channel)
{
	if (channel->family.n)
		return channel->family;
	for (size_t i = 0; i < COUNT_OF(families); i++)
		if (str_has(id, families[i]))
			return families[i];
	return str_has(id, STR("claude")) ? families[0] : id;
}

void bedrock_find_model(const struct call *c, struct bedrock *b)
{
	struct str prefix = prefix_of(c->channel), id = id_of(c->arena, c->model);

	b->family = family_of(id, c->channel);
	b->model = id;
	/* Only a base id takes a prefix: it begins with its maker. These have no profiles. */
	if (c->ask->mode != MODE_CHAT)
		return;
	if (prefix.n && str_starts(id, b->family))
		b->model = str_c(arena_fmt(c->arena, "%.*s.%.*s", STR_ARG(prefix), STR_ARG(id)));
}
