/* builtin_prices.h — the list prices this build ships with
 *
 * What a model costs when the operator's options say nothing. Rows stand as the vendors' price
 * pages have them: in their currency, per million tokens or in the unit that the model is sold by.
 * A row holds for every channel, or for one channel type only; where hosts ask different prices
 * under one name, an operator prices NAME(TYPE). The tables are in prices_*.c, one row a model;
 * each block names the page and says when it was read. The pages were read through two public
 * catalogues that transcribe them (LiteLLM's, genai-prices'), compared, and partly directly.
 * Blocks marked "unconfirmed" are models that no page lists any more, or none that we could read.
 *
 * To add a model: one row (builtin_rows.h), nothing else.
 */
#ifndef BILLING_BUILTIN_PRICES_H
#define BILLING_BUILTIN_PRICES_H

#include "base/attr.h"
#include "store/price_option.h"

/* What is sold. The ratio of a row is what one-api's ModelRatio means for that unit. */
enum price_unit {
	UNIT_ANY,       /* only an operator's names: by the mode that asks */
	UNIT_TOKEN,     /* price per million; ratio: quota per token */
	UNIT_CHARACTER, /* spoken; price per million; ratio: quota per character */
	UNIT_IMAGE,     /* price per image; ratio: quota per 1/1000 of an image */
	UNIT_MINUTE,    /* heard; price per minute; ratio: quota per 1/200 of a minute */
};

/* Dollars, or yuan at 7 to the dollar. */
enum price_currency { IN_USD, IN_CNY };

struct builtin_price {
	const char *name;
	int channel_type; /* 0: any */
	enum price_currency currency;
	enum price_unit unit;
	/* millionths of the currency; cached and output below 0: cached at the full price, output
	 * by the rules below */
	int64_t input, cached, output;
	const struct price_extra *extras; /* ends with METER_END; NULL: none */
};

/* Output ÷ input for names that start and end so; the first row that fits counts. For names that
 * only the operator knows. */
struct completion_rule {
	const char *prefix, *suffix;
	int64_t ratio; /* millionths */
};

/* Ends with an empty row. */
extern const struct completion_rule completion_rules[];
/* Ends with NULL; each table ends with an empty row. */
extern const struct builtin_price *const builtin_tables[];

#define EACH_BUILTIN(row)                                                                          \
	for (const struct builtin_price *const *row##_table = builtin_tables; *row##_table;        \
	     row##_table++)                                                                        \
		for (const struct builtin_price *row = *row##_table; (row)->name; (row)++)

/* What ModelRatio says of the row, in millionths. */
int64_t builtin_ratio(const struct builtin_price *row);
/* Output ÷ input and cached ÷ input in millionths; below 0: the row does not say. */
int64_t builtin_completion(const struct builtin_price *row);
int64_t builtin_cached(const struct builtin_price *row);

#endif
