/* channel_key.h — table channel_keys: keys of channels with several that an upstream refused for good
 *
 * A key that is in here is parked: its channel goes on with the others. Found by a keyed hash; the
 * key itself is not in the table. Every write bumps the catalog version in its transaction.
 */
#ifndef STORE_CHANNEL_KEY_H
#define STORE_CHANNEL_KEY_H

#include "store/db.h"

struct secret_box;

#define CHANNEL_KEY_HASH_LEN 32 /* hex digits */
#define CHANNEL_KEY_CAUSE_MAX 600

struct parked_key {
	int64_t channel_id;
	struct str key_hash; /* hex */
	struct str cause;
	int64_t parked_at;
};

struct parked_key_list {
	struct parked_key *items;
	size_t count;
};

/* What a key is found by; returns its first 64 bits, never 0 and never small. */
uint64_t channel_key_hash(const struct secret_box *box, struct str key,
    char out[CHANNEL_KEY_HASH_LEN + 1]);

/* Of one channel, or with 0 of all; ordered by channel. */
MUST_USE bool channel_keys_parked(struct db *db, struct arena *a, int64_t channel_id,
    struct parked_key_list *out, struct err *err);
/* *changed: it was not parked before. */
MUST_USE bool channel_key_park(struct db *db, int64_t channel_id, struct str key_hash,
    struct str cause, bool *changed, struct err *err);
/* key_hash "" means all keys of the channel. *changed: something was parked. */
MUST_USE bool channel_key_unpark(struct db *db, int64_t channel_id, struct str key_hash,
    bool *changed, struct err *err);
/* In the caller's transaction, without the bump. */
MUST_USE bool channel_keys_forget(struct db *db, int64_t channel_id, struct err *err);

#endif
