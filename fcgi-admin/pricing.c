/* pricing.c — GET /api/pricing: which models the caller may use, and what they cost
 *
 * For customers, who cannot see the options. data is
 *
 *	{ "models": [ { "model": "gpt-4o", "model_ratio": 1.25, "completion_ratio": 4, "cached": 0.5 },
 *	              { "model": "dall-e-3", "per_image": 0.12 }, { "model": "nobody-priced-it" } ],
 *	  "group": "default", "group_ratio": { "default": 1 } }
 *
 * Members are those of the options: ratios, and the names and units of ModelPrice (per_… in US
 * dollars; of images the dearest), before the group's ratio; what is not there is at the plain
 * price, a model with nothing but its name has none. A model is priced as it is by the channel that
 * is asked first. Administrators see the ratios of all groups, others that of their own. Guests see
 * what the group default may use, while they may register. For root, who edits the prices of all
 * models, "sold_by" names the unit of each built-in one that is not sold by tokens. */
#include "access.h"
#include "admin.h"
#include "base/err.h"
#include "base/json.h"
#include "billing/quota.h"
#include "reply.h"
#include "routes.h"

/* Millionths of a quota in a dollar's millionth. */
#define MILLIONTHS_PER_USD ((double)RATIO_ONE * (double)QUOTA_PER_USD)

static void add_number(struct buf *b, const char *name, double n)
{
	json_add_name(b, name);
	json_add_double(b, n);
}

static void add_ratio(struct buf *b, const char *name, int64_t millionths)
{
	add_number(b, name, (double)millionths / (double)RATIO_ONE);
}

/* What is not at the price that it has when nothing is said. */
static void add_unless(struct buf *b, const char *name, int64_t millionths, int64_t plain)
{
	if (millionths != plain)
		add_ratio(b, name, millionths);
}

static void add_tiers(struct buf *b, const struct rate *rate)
{
	if (rate->tier_count == 0)
		return;
	json_add_name(b, "tiers");
	buf_add_char(b, '[');
	for (size_t i = 0; i < rate->tier_count; i++) {
		json_add_comma(b);
		buf_addf(b, "{\"above\":%lld", (long long)rate->tiers[i].above);
		add_ratio(b, "input", rate->tiers[i].input);
		add_ratio(b, "output", rate->tiers[i].output);
		buf_add_char(b, '}');
	}
	buf_add_char(b, ']');
}

static void add_token_prices(struct buf *b, const struct rate *rate)
{
	add_ratio(b, "model_ratio", rate->model);
	add_ratio(b, "completion_ratio", rate->completion);
	add_unless(b, "cached", rate->cached, RATIO_ONE);
	add_unless(b, "cache_write", rate->cache_write, RATIO_ONE);
	add_unless(b, "cache_write_1h", rate->cache_write_1h, rate->cache_write);
	add_unless(b, "audio_in", rate->audio_in, RATIO_ONE);
	add_unless(b, "image_in", rate->image_in, RATIO_ONE);
	add_unless(b, "reasoning", rate->reasoning, rate->completion);
	add_unless(b, "audio_out", rate->audio_out, rate->completion);
	add_unless(b, "image_out", rate->image_out, rate->completion);
	add_tiers(b, rate);
}

/* Sold by another unit than tokens: by which, and at what. False: it is not. */
static bool add_unit_price(struct buf *b, const struct price_table *t, struct price_query q)
{
	static const struct {
		enum price_rule rule;
		const char *name;
		size_t member;
		double units;
	} kinds[] = {
		{ PRICE_IMAGE, "per_image", offsetof(struct rate, per_image), 1 },
		{ PRICE_SPEECH, "per_million_characters", offsetof(struct rate, per_character),
		    1e6 },
		{ PRICE_AUDIO, "per_minute", offsetof(struct rate, per_minute), 1 },
	};

	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		struct err ignored = { 0 };
		struct rate rate;
		int64_t price;

		q.rule = kinds[i].rule;
		if (!price_find(t, &q, &rate, &ignored) || rate.token_priced)
			continue;
		price = *(const int64_t *)(const void *)((const char *)&rate + kinds[i].member);
		if (price < 0)
			continue;
		add_number(b, kinds[i].name, (double)price * kinds[i].units / MILLIONTHS_PER_USD);
		return true;
	}
	return false;
}

static void add_prices(struct buf *b, const struct price_table *t, struct price_query q)
{
	struct err ignored = { 0 };
	struct rate rate;
	bool found;

	q.rule = PRICE_TOKENS;
	found = price_find(t, &q, &rate, &ignored);
	if (!add_unit_price(b, t, q) && found && rate.token_priced)
		add_token_prices(b, &rate);
	if (!found)
		return;
	if (rate.per_request >= 0)
		add_number(b, "per_request", (double)rate.per_request / MILLIONTHS_PER_USD);
	if (rate.per_trained >= 0)
		add_number(b, "per_million_trained",
		    (double)rate.per_trained * 1e6 / MILLIONTHS_PER_USD);
	add_unless(b, "batch", rate.batch, RATIO_ONE);
}

static void add_model(struct buf *b, const struct catalog *c, struct str group, struct str model)
{
	const struct candidates *list = catalog_candidates(c, group, model);
	struct price_query q = { .model = model, .group = group };

	if (list && list->count > 0) {
		q.model = catalog_map_model(list->items[0], model);
		q.channel_type = list->items[0]->row.type;
	}
	json_add_comma(b);
	buf_add_char(b, '{');
	json_add_name(b, "model");
	json_add_str(b, model);
	add_prices(b, c->prices, q);
	buf_add_char(b, '}');
}

static void add_group_ratio(struct buf *b, const struct catalog *c, struct str group)
{
	const struct price_query q = { .rule = PRICE_CALL, .group = group };
	struct err ignored = { 0 };
	struct rate rate;

	if (!price_find(c->prices, &q, &rate, &ignored))
		return;
	json_add_comma(b);
	json_add_str(b, group);
	buf_add_char(b, ':');
	json_add_double(b, (double)rate.group / (double)RATIO_ONE);
}

static void add_group_ratios(struct buf *b, const struct catalog *c, struct str own, bool all)
{
	size_t count;
	const struct str *names = price_groups(c->prices, &count);

	for (size_t i = 0; i < count && all; i++) {
		if (!str_eq(names[i], own))
			add_group_ratio(b, c, names[i]);
	}
	add_group_ratio(b, c, own);
}

static bool get_pricing(struct req *r, struct resp *out, struct err *err)
{
	const struct catalog *c = catalog_of(r);
	struct str group = STR("default");
	const struct str *models = NULL;
	struct user who;
	size_t count = 0;
	struct buf *b;

	if (!access_known(r, &who, err))
		return false;
	if (who.id)
		group = who.group;
	if (who.id || option_bool(&c->options, OPT_REGISTER_ENABLED))
		models = catalog_models(c, group, &count);
	b = reply_open(out);
	buf_add(b, STR("{\"models\":["));
	for (size_t i = 0; i < count; i++)
		add_model(b, c, group, models[i]);
	buf_add_char(b, ']');
	json_add_name(b, "group");
	json_add_str(b, group);
	json_add_name(b, "group_ratio");
	buf_add_char(b, '{');
	add_group_ratios(b, c, group, who.role >= ROLE_ADMIN);
	buf_add_char(b, '}');
	if (who.role >= ROLE_ROOT) {
		json_add_name(b, "sold_by");
		buf_add(b, price_default_units_json(r->arena));
	}
	buf_add_char(b, '}');
	return reply_close(out);
}

const struct route pricing_routes[] = {
	{ "GET", "/api/pricing", ROLE_GUEST, 0, get_pricing, NULL },
	{ 0 },
};
