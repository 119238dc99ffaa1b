/* price.h — what a token of each model costs, as an immutable table
 *
 * Units: a ratio is an integer in millionths; ratio 1 = one quota per input token = USD 2 per
 * million tokens (QUOTA_PER_USD in quota.h). Products are 128 bits wide and rounded up once, at
 * the end, so a charge is exact to one quota.
 *
 * Look-up of a model ratio (relay.md 9.1): the suffix `-internet` of qwen-* and command-* is
 * dropped; then NAME(TYPE) in the operator's option, in the built-in table; then NAME in the
 * option, in the built-in table. No row: the option UnpricedModel decides: refuse, free, or
 * one-api's ratio 30. A completion ratio is looked up the same way, then by the name rules of the
 * built-in table, else 1. An unknown group counts 1. Built-in rows priced per image, character or
 * transcript (builtin_prices.h) are no price for tokens: here such a model counts as having none.
 *
 * Threads  a price_table is read-only once made.
 */
#ifndef BILLING_PRICE_H
#define BILLING_PRICE_H

#include "base/attr.h"
#include "base/str.h"

struct arena;
struct err;
struct price_table;

#define RATIO_ONE INT64_C(1000000)

/* What was used. prompt includes cached_read and cache_write; completion includes reasoning. */
struct usage {
	int64_t prompt_tokens, completion_tokens;
	int64_t cached_tokens, cache_write_tokens, reasoning_tokens;
	bool reported; /* by the upstream; else counted by us */
};

/* The price of one model for one group, resolved. */
struct rate {
	int64_t model, completion, group; /* millionths */
	int64_t cached; /* of the input price, for cached_tokens; RATIO_ONE = full price */
};

enum unpriced { UNPRICED_REFUSE, UNPRICED_FREE, UNPRICED_RATIO };

/* The three options as JSON objects name → number; "" counts as {}. ERR_BAD_REQUEST naming the
 * entry when a value is not a finite number from 0 to 1,000,000. Allocates in the arena. */
MUST_USE bool price_table_new(struct arena *a, struct str model_ratio, struct str completion_ratio,
    struct str group_ratio, enum unpriced unpriced, struct price_table **out, struct err *err);

/* ERR_NO_PRICE when the model has none and that is refused. */
MUST_USE bool price_find(const struct price_table *t, struct str model, int channel_type,
    struct str group, struct rate *out, struct err *err);
bool price_group_exists(const struct price_table *t, struct str group);
/* Sorted names of GroupRatio. */
struct str *price_groups(const struct price_table *t, size_t *count);

/* Rounded up; never more than QUOTA_MAX; at least 1 when tokens were used at a price above zero;
 * never negative. Token counts are clamped to 0..2^31 each. */
int64_t price_charge(const struct rate *r, const struct usage *u);
/* For a reservation: prompt tokens and at most completion tokens. */
int64_t price_estimate(const struct rate *r, int64_t prompt_tokens, int64_t completion_tokens);

/* The built-in tables as option JSON, what GET /api/option/ shows while nothing was saved. */
struct str price_default_model_json(struct arena *a);
struct str price_default_completion_json(struct arena *a);

/* "2.5" or "0.000001" to millionths, rounded to nearest; false when out of range. */
MUST_USE bool ratio_parse(struct str number, int64_t *out);

#endif
