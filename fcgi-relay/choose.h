/* choose.h — which channel serves this group and model; what to try after a failure
 *
 * Strict tiers by priority; within a tier in proportion to weight (all zero: alike; zero beside
 * positive weights: only when the others have been tried). A channel is tried once per request.
 *
 * Threads  pure; reads an immutable catalog.
 */
#ifndef FCGI_RELAY_CHOOSE_H
#define FCGI_RELAY_CHOOSE_H

#include "provider/catalog.h"

#define TRIED_MAX 16

/* Channels that a request has tried. */
struct tried {
	int64_t ids[TRIED_MAX];
	size_t count;
};

/* Picks one that was not tried and notes it in *tried. ERR_NO_CHANNEL when none is left. */
MUST_USE bool choose_channel(const struct catalog *c, struct str group, struct str model,
    struct tried *tried, const struct catalog_channel **out, struct err *err);
/* The one that the key names: ERR_CHANNEL_INVALID, ERR_CHANNEL_DISABLED. */
MUST_USE bool choose_pinned(const struct catalog *c, int64_t id, struct tried *tried,
    const struct catalog_channel **out, struct err *err);

#endif
