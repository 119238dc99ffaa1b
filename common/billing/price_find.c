/* price_find.c — price_find of price.h: from what the table knows of a model to a rate */
#include <string.h>

#include "base/err.h"
#include "billing/price_table.h"
#include "billing/quota.h"

/* What one-api asks for a model that it does not know. */
#define UNKNOWN_MODEL_RATIO (30 * RATIO_ONE)
/* Quota in ratio 1 of the units; ratios are one-api's figures (builtin_prices.h). */
#define IMAGE_QUOTA 1000
#define MINUTE_QUOTA 200
/* What a batch costs of the price where nobody says otherwise: all who sell batches ask half. */
#define BATCH_SHARE (RATIO_ONE / 2)

/* ---- the slots -------------------------------------------------------------------------------*/

/* These models search the web under a second name at the price of the first. */
static struct str without_internet(struct str model)
{
	static const struct str suffix = STR_INIT("-internet");

	if (str_ends(model, suffix) &&
	    (str_starts(model, STR("qwen-")) || str_starts(model, STR("command-"))))
		model.n -= suffix.n;
	return model;
}

static const struct price *find_typed(const struct price_table *t, struct str model, int type)
{
	char key[PRICE_NAME_MAX + 16];
	char digits[12];
	size_t n = model.n, count = 0;
	unsigned rest = (unsigned)type;

	if (type <= 0 || n > PRICE_NAME_MAX)
		return NULL;
	if (n > 0)
		memcpy(key, model.p, n);
	key[n++] = '(';
	for (; rest > 0; rest /= 10)
		digits[count++] = (char)('0' + rest % 10);
	while (count > 0)
		key[n++] = digits[--count];
	key[n++] = ')';
	return price_slot(t, (struct str){ key, n });
}

static size_t group_find(const struct price_table *t, struct str group)
{
	size_t from = 0, to = t->group_count;

	while (from < to) {
		size_t middle = from + (to - from) / 2;
		int order = str_cmp(t->group_names[middle], group);

		if (order == 0)
			return middle;
		if (order < 0)
			from = middle + 1;
		else
			to = middle;
	}
	return t->group_count;
}

/* What is known of a model: under its name and channel type, and under its name alone. Either may
 * be missing. */
struct known {
	const struct price *typed, *plain;
};

/* From the least to the most particular: a later list overrides. */
static size_t extra_lists(const struct known *k, const struct price_extra *lists[4])
{
	const struct price *const slots[] = { k->plain, k->typed };
	size_t n = 0;

	for (size_t i = 0; i < COUNT_OF(slots); i++) {
		if (slots[i] && slots[i]->ours && slots[i]->ours->extras)
			lists[n++] = slots[i]->ours->extras;
		if (slots[i] && slots[i]->extras)
			lists[n++] = slots[i]->extras;
	}
	return n;
}

/* ---- images: by size and quality -------------------------------------------------------------*/

/* How well an entry fits: 0 not at all. */
static int fitness(const char *which, const struct price_query *q)
{
	struct str w = str_c(which);
	size_t slash = str_find(w, '/');

	if (slash < w.n)
		return 4 *
		    (str_eq(str_slice(w, 0, slash), q->quality) &&
		        str_eq(str_slice(w, slash + 1, w.n), q->size));
	if (q->size.n && str_eq(w, q->size))
		return 3;
	if (q->quality.n && str_eq(w, q->quality))
		return 2;
	return str_eq(w, STR("*"));
}

/* The best fitting value of this meter in the list, the dearest when none fits; NOT_SET when the
 * list has none. */
static int64_t image_value(const struct price_extra *list, enum meter meter,
    const struct price_query *q)
{
	int64_t best = NOT_SET, most = NOT_SET;
	int fits = 0;

	for (; list->meter != METER_END; list++) {
		int fit;

		if (list->meter != meter)
			continue;
		fit = fitness(list->which, q);
		if (fit > 0 && fit >= fits) {
			fits = fit;
			best = list->value;
		}
		if (list->value > most)
			most = list->value;
	}
	return fits ? best : most;
}

/* ---- from what is known to a rate ------------------------------------------------------------*/

/* ratio × times in millionths of a quota; ratios are at most RATIO_MAX. */
static int64_t quota_of(int64_t ratio, int64_t times)
{
	return ratio * times;
}

/* What the model's ratio prices. */
static void apply_unit(struct rate *r, enum price_unit unit)
{
	bool any = unit == UNIT_ANY;

	r->token_priced = any || unit == UNIT_TOKEN;
	if (unit == UNIT_CHARACTER || (any && r->rule == PRICE_SPEECH))
		r->per_character = r->model;
	if (unit == UNIT_IMAGE || (any && r->rule == PRICE_IMAGE))
		r->per_image = quota_of(r->model, IMAGE_QUOTA);
	if (unit == UNIT_MINUTE || (any && r->rule == PRICE_AUDIO))
		r->per_minute = quota_of(r->model, MINUTE_QUOTA);
}

static void add_tier(struct rate *r, const struct price_extra *x)
{
	if (r->tier_count < TIERS_MAX)
		r->tiers[r->tier_count++] = (struct price_tier){ x->above, x->value, x->output };
}

/* Of so many millionths of a US dollar for a million; millionths of a quota, rounded up. */
static int64_t per_piece(int64_t per_million)
{
	return (per_million * (QUOTA_PER_USD / 1000) + 999) / 1000;
}

static void apply_extra(struct rate *r, const struct price_extra *x)
{
	/* Where a meter's value goes, and millionths of a quota in a millionth of its unit. */
	static const struct {
		size_t member;
		int64_t times;
	} to[] = {
		[METER_CACHED] = { offsetof(struct rate, cached), 1 },
		[METER_CACHE_WRITE] = { offsetof(struct rate, cache_write), 1 },
		[METER_CACHE_WRITE_1H] = { offsetof(struct rate, cache_write_1h), 1 },
		[METER_AUDIO_IN] = { offsetof(struct rate, audio_in), 1 },
		[METER_IMAGE_IN] = { offsetof(struct rate, image_in), 1 },
		[METER_REASONING] = { offsetof(struct rate, reasoning), 1 },
		[METER_AUDIO_OUT] = { offsetof(struct rate, audio_out), 1 },
		[METER_IMAGE_OUT] = { offsetof(struct rate, image_out), 1 },
		[METER_PER_MINUTE] = { offsetof(struct rate, per_minute), QUOTA_PER_USD },
		[METER_PER_REQUEST] = { offsetof(struct rate, per_request), QUOTA_PER_USD },
		[METER_BATCH] = { offsetof(struct rate, batch), 1 },
	};

	switch (x->meter) {
	case METER_NO_TIERS:
		r->tier_count = 0;
		return;
	case METER_TIER:
		add_tier(r, x);
		return;
	case METER_PER_MILLION_CHARACTERS:
		r->per_character = per_piece(x->value);
		return;
	case METER_PER_MILLION_TRAINED:
		r->per_trained = per_piece(x->value);
		return;
	default:
		break;
	}
	if ((size_t)x->meter < COUNT_OF(to) && to[x->meter].times > 0) {
		int64_t value = x->value * to[x->meter].times;

		memcpy((char *)r + to[x->meter].member, &value, sizeof(value));
	}
}

/* Rounded up: a part of a price is no gift. */
static int64_t times(int64_t price, int64_t factor)
{
	return price / RATIO_ONE * factor +
	    (price % RATIO_ONE * factor + RATIO_ONE - 1) / RATIO_ONE;
}

static void apply_images(struct rate *r, const struct price_extra *list,
    const struct price_query *q)
{
	int64_t factor = image_value(list, METER_IMAGE_FACTOR, q);
	int64_t price = image_value(list, METER_PER_IMAGE, q);

	if (factor >= 0 && r->per_image >= 0)
		r->per_image = times(r->per_image, factor);
	if (price >= 0)
		r->per_image = quota_of(price, QUOTA_PER_USD);
}

static void apply_extras(struct rate *r, const struct known *k, const struct price_query *q)
{
	const struct price_extra *lists[4];
	size_t count = extra_lists(k, lists);

	for (size_t i = 0; i < count; i++) {
		for (const struct price_extra *x = lists[i]; x->meter != METER_END; x++)
			apply_extra(r, x);
		if (r->rule == PRICE_IMAGE)
			apply_images(r, lists[i], q);
	}
	/* What nobody priced costs what the whole costs that it is a part of. */
	if (r->cache_write_1h < 0)
		r->cache_write_1h = r->cache_write;
	if (r->reasoning < 0)
		r->reasoning = r->completion;
	if (r->audio_out < 0)
		r->audio_out = r->completion;
	if (r->image_out < 0)
		r->image_out = r->completion;
}

static int64_t completion_of(const struct known *k, struct str name)
{
	if (k->typed && k->typed->completion != NOT_SET)
		return k->typed->completion;
	if (k->plain && k->plain->completion != NOT_SET)
		return k->plain->completion;
	return price_completion_by_rule(name);
}

static int64_t cached_of(const struct known *k)
{
	const struct price *const slots[] = { k->typed, k->plain };

	for (size_t i = 0; i < COUNT_OF(slots); i++)
		if (slots[i] && slots[i]->ours && builtin_cached(slots[i]->ours) >= 0)
			return builtin_cached(slots[i]->ours);
	return RATIO_ONE;
}

static bool is_priced(const struct rate *r)
{
	if (r->rule == PRICE_TRAINING)
		return r->per_trained >= 0;
	if (r->token_priced || r->per_request >= 0)
		return true;
	switch (r->rule) {
	case PRICE_IMAGE:
		return r->per_image >= 0;
	case PRICE_SPEECH:
		return r->per_character >= 0;
	case PRICE_AUDIO:
		return r->per_minute >= 0;
	case PRICE_CALL:
		return true;
	case PRICE_NONE:
	case PRICE_TOKENS:
	case PRICE_TRAINING:
		break;
	}
	return false;
}

static bool model_unpriced(const struct price_table *t, struct str model, struct rate *r,
    struct err *err)
{
	r->model = t->unpriced == UNPRICED_RATIO ? UNKNOWN_MODEL_RATIO : 0;
	if (t->unpriced != UNPRICED_REFUSE && r->rule != PRICE_NONE) {
		apply_unit(r, UNIT_ANY);
		r->per_trained = r->model;
		return true;
	}
	return err_set(err, ERR_NO_PRICE,
	    "model '%.*s' has no %sprice, an administrator has to set one",
	    (int)(model.n < 200 ? model.n : 200), model.p ? model.p : "",
	    r->rule == PRICE_TRAINING ? "training " : "");
}

static int64_t group_ratio(const struct price_table *t, struct str group)
{
	size_t at = group_find(t, group);

	return at < t->group_count ? t->group_ratios[at] : RATIO_ONE;
}

static struct rate new_rate(const struct price_table *t, const struct price_query *q)
{
	return (struct rate){
		.rule = q->rule,
		.completion = RATIO_ONE,
		.group = group_ratio(t, q->group),
		.cached = RATIO_ONE,
		.cache_write = RATIO_ONE,
		.cache_write_1h = NOT_SET,
		.audio_in = RATIO_ONE,
		.image_in = RATIO_ONE,
		.reasoning = NOT_SET,
		.audio_out = NOT_SET,
		.image_out = NOT_SET,
		.per_image = NOT_SET,
		.per_minute = NOT_SET,
		.per_character = NOT_SET,
		.per_request = NOT_SET,
		.per_trained = NOT_SET,
		.batch = BATCH_SHARE,
	};
}

/* In millionths of a quota. */
static int64_t call_price(int64_t quota)
{
	const int64_t most = INT64_C(1) << 40;

	return quota_of(quota < 0 ? 0 : quota > most ? most : quota, RATIO_ONE);
}

bool price_find(const struct price_table *t, const struct price_query *q, struct rate *out,
    struct err *err)
{
	struct str name = without_internet(q->model);
	struct known k = { find_typed(t, name, q->channel_type), price_slot(t, name) };
	const struct price *p = k.typed && k.typed->model != NOT_SET ? k.typed : k.plain;
	struct rate r = new_rate(t, q);

	if (q->rule == PRICE_CALL) {
		r.per_request = call_price(q->call_price);
		*out = r;
		return true;
	}
	r.completion = completion_of(&k, name);
	r.cached = cached_of(&k);
	if (p && p->model != NOT_SET) {
		r.model = p->model;
		apply_unit(&r, p->ours ? p->ours->unit : UNIT_ANY);
	}
	apply_extras(&r, &k, q);
	if (!is_priced(&r) && !model_unpriced(t, q->model, &r, err))
		return false;
	*out = r;
	return true;
}

bool price_group_exists(const struct price_table *t, struct str group)
{
	return group_find(t, group) < t->group_count;
}

struct str *price_groups(const struct price_table *t, size_t *count)
{
	*count = t->group_count;
	return t->group_names;
}
