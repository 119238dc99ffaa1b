/* slices.h — while a stream runs past what it declared, more is reserved, slice by slice
 *
 * A client that names no max_tokens reserves only a little. While the answer grows, the reservation
 * grows ahead of it: by PreConsumedQuota tokens, or by a quarter of what it has cost so far if that
 * is more. The stream does not stop for it; only one that is a whole slice ahead of its reservation
 * waits. When there is no more money the stream ends with an error event, and what was produced is
 * charged: nobody gets further than a slice, and what comes in one read of the network, beyond what
 * could be set aside (relay.md P2).
 *
 * While the database is away, streams go on.
 *
 * Threads  on the wire; the ledger's thread only notes the outcome in memory that both hold.
 */
#ifndef FCGI_RELAY_SLICES_H
#define FCGI_RELAY_SLICES_H

#include "exchange.h"

/* Asked after every piece of a committed stream, with its size; SLICES_NOW looks in any case.
 * False: the money is at its end, err says whose. */
#define SLICES_NOW ((size_t)1 << 20)
MUST_USE bool slices_look(struct exchange *x, size_t bytes, struct err *err);
/* Must the upstream wait until the reservation has caught up? Look again after SLICES_POLL_MS. */
#define SLICES_POLL_MS 10
bool slices_are_behind(const struct exchange *x);
/* The stream is over; whatever is under way takes care of itself. */
void slices_drop(struct exchange *x);

#endif
