/* attempt.h — one attempt: a channel, its price, its upstream call
 *
 * Everything of one attempt lies behind a mark of the request's arena and is rewound with it when
 * the next one opens.
 *
 * Threads  whichever room owns the exchange.
 */
#ifndef FCGI_RELAY_ATTEMPT_H
#define FCGI_RELAY_ATTEMPT_H

#include "exchange.h"

/* Chooses a channel that was not tried, finds the price of its model and builds the first upstream
 * call. A channel that cannot do it (no such mode, no price) is passed over for the next one; when
 * none is left, err is what the last one said. */
MUST_USE bool attempt_prepare(struct exchange *x, struct err *err);
/* The upstream call of this step; put off (x->awaits_media) until the images it needs were fetched,
 * then this is called again. */
MUST_USE bool attempt_encode(struct exchange *x, struct err *err);
/* For a request that waits for a channel at its limit: as if nothing had been tried but what failed.
 * False: no channel was at its limit. */
MUST_USE bool attempt_forget(struct exchange *x);
/* Builds the next upstream call of the same attempt (STEP_NEXT). */
MUST_USE bool attempt_next_step(struct exchange *x, struct err *err);
/* The program's limits, but for what the channel sets for itself. */
struct upstream_limits attempt_limits(const struct relay *relay, const struct catalog_channel *c);
/* May another channel be tried at all? */
bool attempt_is_pinned(const struct exchange *x);

#endif
