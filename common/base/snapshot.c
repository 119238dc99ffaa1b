/* DESIGN  The slot holds one reference. A reader must not be caught between reading the pointer
 * and counting itself, so both happen under the lock, which nobody holds for longer than that; a
 * value is freed outside of it. */
#include "base/snapshot.h"

#include <assert.h>

void snapshot_init(struct snapshot *s)
{
	pthread_mutex_init(&s->lock, NULL);
	s->current = NULL;
}

static struct shared *swap(struct snapshot *s, struct shared *value)
{
	struct shared *old;

	pthread_mutex_lock(&s->lock);
	old = s->current;
	s->current = value;
	pthread_mutex_unlock(&s->lock);
	return old;
}

void snapshot_release(struct snapshot *s)
{
	shared_unref(swap(s, NULL));
	pthread_mutex_destroy(&s->lock);
}

struct shared *snapshot_get(struct snapshot *s)
{
	struct shared *value;

	pthread_mutex_lock(&s->lock);
	value = s->current;
	if (value)
		shared_ref(value);
	pthread_mutex_unlock(&s->lock);
	return value;
}

void snapshot_set(struct snapshot *s, struct shared *value)
{
	shared_unref(swap(s, value));
}

void shared_ref(struct shared *value)
{
	long before = atomic_fetch_add_explicit(&value->refs, 1, memory_order_relaxed);

	assert(before > 0);
}

void shared_unref(struct shared *value)
{
	long before;

	if (!value)
		return;
	/* Whoever frees must see what every other holder did before letting go. */
	before = atomic_fetch_sub_explicit(&value->refs, 1, memory_order_acq_rel);
	assert(before > 0);
	if (before == 1)
		value->free(value);
}
