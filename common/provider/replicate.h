/* replicate.h — the parts of the replicate dialect, one file each
 *
 *	replicate.c		the adaptor: predictions made, polled, streamed, given up
 *	replicate_input.c	a chat or an image as the input of a model
 *
 * Threads  as adaptor.h says.
 */
#ifndef PROVIDER_REPLICATE_H
#define PROVIDER_REPLICATE_H

#include "provider/adaptor.h"

/* `"input":{…}` for the mode of the call. */
MUST_USE bool replicate_add_input(struct call *c, struct buf *out, struct err *err);
/* How many images one prediction of this model can make. */
int64_t replicate_images_per_call(const struct call *c);

#endif
