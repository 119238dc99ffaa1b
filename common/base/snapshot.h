/* snapshot.h — a value that many read and one replaces
 *
 * Readers take a reference, use the immutable value for one request, and drop it; the writer swaps
 * in a new one; the old one is freed when its last reader is done.
 *
 *	struct snapshot { … }           the slot
 *	struct shared { refs; free }    first member of every value kept in a slot
 *
 * Threads  snapshot_get from anywhere; snapshot_set from one writer at a time.
 */
#ifndef BASE_SNAPSHOT_H
#define BASE_SNAPSHOT_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/attr.h"

/* Must be the first member of the value. */
struct shared {
	atomic_long refs;
	void (*free)(struct shared *value);
};

struct snapshot {
	pthread_mutex_t lock; /* guards current; held for a few instructions */
	struct shared *current;
};

void snapshot_init(struct snapshot *s);
/* Drops the slot's own reference. */
void snapshot_release(struct snapshot *s);
/* A reference to the current value, or NULL before the first set. */
struct shared *snapshot_get(struct snapshot *s);
/* Takes value with its one reference (refs = 1). */
void snapshot_set(struct snapshot *s, struct shared *value);

void shared_ref(struct shared *value);
/* NULL is allowed. */
void shared_unref(struct shared *value);

#endif
