/* builtin_rows.h — how a row of the built-in price tables is written; only for prices_*.c
 *
 *	USD("gpt-4o", 2.50, 1.25, 10.00, NULL),     input, cached input, output, extras
 *	CNY("glm-4-plus", 5, 2.5, 5, NULL),
 *	IMAGE(USD, "dall-e-3", 0.04, dall_e_3),     per image
 *	SPOKEN(USD, "tts-1", 15),                   per million characters
 *	HEARD(USD, "whisper-1", 0.006),             per minute
 *	USD_ON(33, "llama3-8b-8192", …),            for channels of type 33 only
 *
 * Extras are relative to the row's input price, as in ModelPrice: TIMES(40, 2.5) is 40 dollars for
 * a model whose input costs 2.50.
 */
#ifndef BILLING_BUILTIN_ROWS_H
#define BILLING_BUILTIN_ROWS_H

#include <stddef.h>

#include "billing/builtin_prices.h"

/* The tables; builtin_prices.c lists them. */
extern const struct builtin_price prices_openai[], prices_western[], prices_chinese[],
    prices_hosted[], prices_openrouter[];

/* clang-format off */
#define NONE (-1)
#define MILLIONTHS(x) ((int64_t)((double)(x) * 1e6 + ((x) < 0 ? -0.5 : 0.5)))
#define ROW(type, currency, unit, name, input, cached, output, extras) \
	{ name, type, IN_##currency, unit, MILLIONTHS(input), MILLIONTHS(cached), \
	  MILLIONTHS(output), extras }

#define USD(name, input, cached, output, extras) \
	ROW(0, USD, UNIT_TOKEN, name, input, cached, output, extras)
#define CNY(name, input, cached, output, extras) \
	ROW(0, CNY, UNIT_TOKEN, name, input, cached, output, extras)
#define USD_ON(type, name, input, cached, output, extras) \
	ROW(type, USD, UNIT_TOKEN, name, input, cached, output, extras)
#define IMAGE(currency, name, price, extras) \
	ROW(0, currency, UNIT_IMAGE, name, price, NONE, NONE, extras)
#define SPOKEN(currency, name, price) \
	ROW(0, currency, UNIT_CHARACTER, name, price, NONE, NONE, NULL)
#define HEARD(currency, name, price) \
	ROW(0, currency, UNIT_MINUTE, name, price, NONE, NONE, NULL)

#define TIMES(price, input) MILLIONTHS((double)(price) / (double)(input))
#define EXTRA(meter, times) { METER_##meter, MILLIONTHS(times), 0, 0, NULL }
#define ABOVE(tokens, in, out) { METER_TIER, MILLIONTHS(in), tokens, MILLIONTHS(out), NULL }
#define PER_IMAGE(which, usd) { METER_PER_IMAGE, MILLIONTHS(usd), 0, 0, which }
#define SIZE(which, factor) { METER_IMAGE_FACTOR, MILLIONTHS(factor), 0, 0, which }
#define EXTRAS_END { METER_END, 0, 0, 0, NULL }
/* clang-format on */

#endif
