/* used.h — how much a request may use at most, and what it has used
 *
 * Modes count different things: tokens, images, characters, time heard. Each is bounded before the
 * call from what the request says, and filled in after it where the upstream reported nothing.
 *
 * Threads  pure.
 */
#ifndef FCGI_RELAY_USED_H
#define FCGI_RELAY_USED_H

#include "exchange.h"

/* At most, by what the request declares; what it leaves open counts as PreConsumedQuota tokens.
 *	audio heard	as if it were stored at 16 kbit/s, the least that speech is sent with
 *	images		the largest an image can be in tokens for its quality
 */
void used_bound(const struct exchange *x, struct usage *out);
/* Tokens that all answers to it may have together; unsaid: what one may where it names no most. */
int64_t used_most_written(const struct ask *ask, int64_t unsaid);
/* Of a reply under way: what was reported, else what was counted. */
void used_so_far(const struct exchange *x, struct usage *out);
/* The same at a glance, some fifty tokens off perhaps: asked for many events. */
void used_about(const struct exchange *x, struct usage *out);
/* Completes x->call.usage; called once, at the end. True when what decides the charge is known, not
 * our own estimate. */
bool used_complete(struct exchange *x);

#endif
