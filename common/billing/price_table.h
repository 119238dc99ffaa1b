/* price_table.h — the inside of struct price_table; for price_table.c and price_find.c only
 *
 * One hash table holds what the build ships and what the operator set, under the names operators
 * write: "gpt-4o" or "llama3-8b-8192(33)". An operator's figure replaces ours in the same slot, so
 * a price is two probes: NAME(TYPE), then NAME. Completion ratios that only the rules know are
 * worked out once, when the table is made.
 */
#ifndef BILLING_PRICE_TABLE_H
#define BILLING_PRICE_TABLE_H

#include "base/str.h"
#include "billing/builtin_prices.h"
#include "billing/price.h"

#define PRICE_NAME_MAX 256
/* No figure; figures are from 0. */
#define NOT_SET (-1)

struct price {
	struct str key;                   /* p NULL: free slot */
	int64_t model, completion;        /* millionths or NOT_SET */
	const struct builtin_price *ours; /* NULL: only the operator's */
	const struct price_extra *extras; /* the operator's; NULL: none */
};

struct price_table {
	struct price *slots;
	size_t mask;
	struct str *group_names; /* sorted */
	int64_t *group_ratios;
	size_t group_count;
	enum unpriced unpriced;
};

/* NULL when the key is not there. */
const struct price *price_slot(const struct price_table *t, struct str key);
/* What the name rules say, else 1. */
int64_t price_completion_by_rule(struct str model);

#endif
