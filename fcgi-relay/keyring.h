/* keyring.h — which of a channel's keys is next
 *
 * A channel's key text may have several keys, one a line. key_mode says how they take turns; a key
 * that the upstream refused is left out: for good when the refusal was (the database knows, the
 * catalog brings it with `parked_at`), or for a while, which is noted here in shared memory. What
 * was parked for good is noted here as well, so that no process uses it until the catalog knows.
 *
 * A channel with one key is never parked: that is what breaker and channel status are for.
 *
 * Threads  from any thread of any process.
 */
#ifndef FCGI_RELAY_KEYRING_H
#define FCGI_RELAY_KEYRING_H

#include "provider/catalog.h"

#include "cells.h"

#define KEYRING_CELLS 4096
#define KEYRING_WORDS 2
/* Keys that one request tries at most. */
#define KEYS_TRIED_MAX 8

struct tried_keys {
	uint64_t ids[KEYS_TRIED_MAX];
	size_t count;
};

/* A key that is free and was not tried; NULL when there is none: then *free_ms gets when one will
 * be, INT64_MAX when none will by itself. standings: for whose turn it is. */
const struct catalog_key *keyring_pick(const struct cells *parked, const struct cells *standings,
    const struct catalog_channel *c, const struct tried_keys *tried, int64_t now_ms,
    int64_t *free_ms);
/* Where there is nothing else: the untried key that is free soonest, or that was parked first; NULL
 * when all were tried. *free_ms gets when it is free. */
const struct catalog_key *keyring_least_bad(const struct cells *parked,
    const struct catalog_channel *c, const struct tried_keys *tried, int64_t now_ms,
    int64_t *free_ms);
/* Has c a free key besides those? */
bool keyring_has_more(const struct cells *parked, const struct catalog_channel *c,
    const struct tried_keys *tried, int64_t now_ms);

void keyring_note_tried(struct tried_keys *tried, const struct catalog_key *key);
void keyring_park(const struct cells *parked, const struct catalog_key *key, int64_t until_ms,
    int64_t now_ms);
/* It served: whatever was noted is no longer so. */
void keyring_unpark(const struct cells *parked, const struct catalog_key *key);

#endif
