/* image_tokens.h — what a picture in a prompt costs
 *
 * By tiles of 512 pixels or patches of 32, as OpenAI's guide "Images and vision" says for each
 * model (spec tokens.md 1.5, 2.3, 2.4); the figures are a table in image_tokens.c, the longest
 * prefix of a model's name counts, and what nobody knows costs what gpt-4o takes. Where users
 * measured another factor than the guide gives, the larger one stands there.
 *
 * A size that is not known, as for a URL that nobody fetched, costs the most that any picture can.
 *
 * Threads  pure.
 */
#ifndef BILLING_IMAGE_TOKENS_H
#define BILLING_IMAGE_TOKENS_H

#include "base/str.h"
#include "billing/image_size.h"

enum image_detail { IMAGE_AUTO, IMAGE_LOW, IMAGE_HIGH, IMAGE_ORIGINAL };

/* "low", "original"; "auto", "" and anything else are the model's default; "high". */
enum image_detail image_detail_of(struct str word);
int64_t image_tokens(struct str model, struct image_size size, enum image_detail detail);
/* What gpt-image-1 adds for a picture taken in with input_fidelity high. */
int64_t image_fidelity_tokens(struct image_size size);

#endif
