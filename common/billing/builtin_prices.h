/* builtin_prices.h — the list prices this build ships with
 *
 * What a model costs when the operator's options ModelRatio and CompletionRatio say nothing. A row
 * holds for every channel, or for one channel type only. Ratios are integers in millionths:
 * ratio 1 is USD 2 per million tokens, so a ratio is the list price in USD per million, halved.
 *
 * To add a model: one row with its input ratio and, when the rules below do not give it, output
 * price ÷ input price.
 */
#ifndef BILLING_BUILTIN_PRICES_H
#define BILLING_BUILTIN_PRICES_H

#include "base/attr.h"

/* What a ratio is multiplied with. Rows of UNIT_TOKEN price text; the others are kept for the modes
 * they belong to, and never price a token. */
enum price_unit {
	UNIT_TOKEN,      /* quota per input token */
	UNIT_CHARACTER,  /* quota per character of text to speak */
	UNIT_TRANSCRIPT, /* quota per token of a transcript */
	UNIT_IMAGE,      /* quota per thousandth of an image */
};

struct builtin_price {
	const char *name;
	int channel_type;   /* 0: any */
	int64_t ratio;      /* millionths */
	int64_t completion; /* output ÷ input, millionths; 0: by rule */
	enum price_unit unit;
};

/* Output ÷ input for names that start and end so; the first row that fits counts. */
struct completion_rule {
	const char *prefix, *suffix;
	int64_t ratio; /* millionths */
};

/* Both end with an empty row. */
extern const struct builtin_price builtin_prices[];
extern const struct completion_rule completion_rules[];

#endif
