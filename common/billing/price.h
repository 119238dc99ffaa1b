/* price.h — what each model costs, as an immutable table
 *
 * Units: a ratio is an integer in millionths; ratio 1 = one quota per input token = USD 2 per
 * million tokens (QUOTA_PER_USD in quota.h). Products are 128 bits wide and rounded up once, at
 * the end, so a charge is exact to one quota.
 *
 * Look-up of a model ratio (relay.md 9.1): the suffix `-internet` of qwen-* and command-* is
 * dropped; then NAME(TYPE) in the operator's option, in the built-in table; then NAME in the
 * option, in the built-in table. A completion ratio is looked up the same way, then by the name
 * rules of the built-in table, else 1. The other prices (cached input, audio, images, tiers …) come
 * from the option ModelPrice (store/price_option.h) and from the built-in table, each member for
 * itself, in the same order.
 *
 * A group without a ratio counts 1, whatever the option says about others: with GroupRatio {} every
 * group does, and "default" is a group always, since it is what users and channels begin with.
 *
 * What a ratio prices: tokens, unless the built-in table says that the model is sold by another
 * unit; then it is one-api's figure for that unit: quota per character spoken, per 1/1000 of an
 * image, per 1/200 of a minute heard. A name that only the operator knows is sold by the unit of
 * the mode that asks. A model has a price for a mode when it has one for the mode's own unit, for
 * tokens, or per request. When not, the option UnpricedModel decides: refuse, free, or one-api's
 * ratio 30.
 *
 * Which price counts, by rule:
 *	PRICE_TOKENS  prompt and completion, each part at its own price
 *	PRICE_IMAGE   tokens when the upstream reported some and the model has a token price, else
 *	PRICE_SPEECH  images, characters or the time heard at the model's price for them, else
 *	PRICE_AUDIO   tokens as they were counted
 *	PRICE_CALL    the price of the query, whatever was used
 *	PRICE_TRAINING  tokens trained, at the model's price for that
 * A price per request is added to all but a call, when anything was used.
 *
 * One request:
 *	price_find(table, &query, &rate, err)
 *	price_estimate(&rate, &most)    → reserve
 *	price_charge(&rate, &used)      → settle
 *	price_describe(&rate, &used, b) → the log row's text
 *
 * Threads  a price_table is read-only once made. A rate borrows nothing from it.
 */
#ifndef BILLING_PRICE_H
#define BILLING_PRICE_H

#include "base/attr.h"
#include "base/str.h"
#include "store/price_option.h"

struct arena;
struct buf;
struct err;
struct price_table;

/* What was used. Parts do not overlap: a token written to the one hour's cache is not in
 * cache_write_tokens, a cached token not in audio_prompt_tokens. When parts are more than their
 * whole, the later ones in this list are cut. */
struct usage {
	int64_t prompt_tokens, completion_tokens;
	/* parts of prompt_tokens */
	int64_t cached_tokens, cache_write_tokens, cache_write_1h_tokens;
	int64_t audio_prompt_tokens, image_prompt_tokens;
	/* parts of completion_tokens */
	int64_t reasoning_tokens, audio_completion_tokens, image_completion_tokens;

	int64_t images;     /* delivered */
	int64_t characters; /* spoken: code points of the input */
	int64_t audio_ms;   /* heard: length of what was transcribed */
	int64_t trained;    /* tokens of a training file, each as often as it was gone through */
	bool reported;      /* by the upstream; else counted by us */
	/* The upstream's cached tokens were more than its prompt and were added to it. */
	bool cached_beside;
	bool only_sum; /* it told nothing but a total, which stands in completion_tokens */
};

/* How a mode is charged. A mode without a rule cannot be registered as a route. */
enum price_rule {
	PRICE_NONE,   /* no rule: refused at start */
	PRICE_TOKENS, /* tokens at the model's ratios */
	PRICE_IMAGE,  /* per image by size and quality; by tokens when the model has token prices */
	PRICE_SPEECH, /* per character; by tokens when … */
	PRICE_AUDIO,  /* per minute heard; by tokens when … */
	PRICE_CALL,   /* a flat price per request, set on the channel; 0 = free but logged */
	PRICE_TRAINING, /* per token trained; no request's, but that of what goes on behind one */
};

/* What is asked of the table. */
struct price_query {
	enum price_rule rule;
	struct str model; /* after mapping */
	int channel_type;
	struct str group;
	struct str size, quality; /* PRICE_IMAGE */
	int64_t call_price;       /* PRICE_CALL: quota before the group's ratio */
};

/* Dearer or cheaper above a length of the prompt: factors on all input and all output prices. */
struct price_tier {
	int64_t above; /* tokens */
	int64_t input, output;
};

/* The price of one model for one group, resolved. Ratios in millionths. */
struct rate {
	enum price_rule rule;
	bool token_priced;                /* model prices tokens, not another unit */
	int64_t model, completion, group; /* as the log row shows them */
	/* times the input price; RATIO_ONE = full price */
	int64_t cached, cache_write, cache_write_1h, audio_in, image_in;
	int64_t reasoning, audio_out, image_out;
	size_t tier_count; /* ascending; the last one that the prompt passes counts */
	struct price_tier tiers[TIERS_MAX];
	/* millionths of a quota, before the group's ratio; below 0: no such price */
	int64_t per_image, per_minute, per_character, per_request, per_trained;
	int64_t batch; /* what a batch costs of all this, in millionths */
};

enum unpriced { UNPRICED_REFUSE, UNPRICED_FREE, UNPRICED_RATIO };

/* The options as they are stored, JSON objects; "" counts as {}. */
struct price_options {
	struct str model_ratio, completion_ratio, group_ratio; /* name → number */
	struct str model_price;                                /* store/price_option.h */
	enum unpriced unpriced;
};

/* What an option says of a figure that may not be saved is in store/price_option.h: nothing becomes
 * free by it, and a line in the log tells. ERR_BAD_REQUEST when a text is no JSON object at all.
 * Allocates in the arena, which must outlive the table, as must the texts. */
MUST_USE bool price_table_new(struct arena *a, const struct price_options *options,
    struct price_table **out, struct err *err);

/* ERR_NO_PRICE when the model has none for this rule and that is refused. */
MUST_USE bool price_find(const struct price_table *t, const struct price_query *q, struct rate *out,
    struct err *err);
bool price_group_exists(const struct price_table *t, struct str group);
/* Sorted names of GroupRatio, and "default". */
struct str *price_groups(const struct price_table *t, size_t *count);

/* Rounded up once; never more than QUOTA_MAX; at least 1 when tokens were used at a price above
 * zero; never negative. Counts are clamped to 0..2^36 each, parts to their whole. */
int64_t price_charge(const struct rate *r, const struct usage *u);
/* For a reservation: u is what may be used at most; its parts do not matter, since the dearest
 * price that may apply counts for the whole. No usage within u is charged more. */
int64_t price_estimate(const struct rate *r, const struct usage *u);
/* Makes it the rate of a whole batch of so many requests, whose usage is charged in one sum: at the
 * batch's share of the price, with a price per request for each, and at the tier of the longest
 * prompt, since a sum says nothing of single prompts. */
void price_batch(struct rate *r, int64_t requests, int64_t longest_prompt);
/* Appends how the charge came about, for the log row's content: for tokens as one-api words it,
 * "model ratio 1.25 × group ratio 1.00 × completion ratio 4.00", then what else counted. */
void price_describe(const struct rate *r, const struct usage *u, struct buf *out);

/* The built-in tables as option JSON, what GET /api/option/ shows while nothing was saved. */
struct str price_default_model_json(struct arena *a);
struct str price_default_completion_json(struct arena *a);
/* What is sold by another unit than tokens: {"dall-e-3":"per_image"}, units as in ModelPrice. */
struct str price_default_units_json(struct arena *a);

#endif
