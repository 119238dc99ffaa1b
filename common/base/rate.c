#include "base/rate.h"

#include <assert.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "base/clock.h"

#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S INT64_C(1000000000)
#define PERIOD_MAX_MS (INT64_C(366) * 24 * 3600 * 1000)

struct rate_table {
	size_t bytes; /* of the mapping */
	size_t mask;
	uint64_t seed;          /* so that nobody can aim at another's cell */
	_Atomic(int64_t) tat[]; /* theoretical arrival time, clock_mono_ns; 0: long ago */
};

struct rate_table *rate_table_new(size_t cells)
{
	struct rate_table *t;
	size_t count = 1, bytes;

	assert(cells > 0 && cells <= (size_t)1 << 30);
	while (count < cells)
		count *= 2;
	bytes = sizeof(*t) + count * sizeof(t->tat[0]);
	t = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (t == MAP_FAILED) {
		perror("event=out_of_memory what=rate_table");
		abort();
	}
	t->bytes = bytes;
	t->mask = count - 1;
	/* Without randomness the table still limits, only its collisions can be foreseen. */
	if (getrandom(&t->seed, sizeof(t->seed), GRND_NONBLOCK) != (ssize_t)sizeof(t->seed))
		t->seed = (uint64_t)clock_mono_ns();
	return t;
}

void rate_table_free(struct rate_table *t)
{
	if (t)
		munmap(t, t->bytes);
}

/* FNV's low bits know little of the key's beginning: stirred with the seed until all bits do. */
static size_t cell_of(const struct rate_table *t, struct str key)
{
	uint64_t h = t->seed;

	for (size_t i = 0; i < key.n; i++) {
		h ^= (unsigned char)key.p[i];
		h *= UINT64_C(0x100000001b3);
		h ^= h >> 29;
	}
	h ^= h >> 33;
	h *= UINT64_C(0xff51afd7ed558ccd);
	h ^= h >> 33;
	return (size_t)h & t->mask;
}

static int seconds_up(int64_t ns)
{
	int64_t s = ns / NS_PER_S + (ns % NS_PER_S != 0);

	return s < 1 ? 1 : s > INT_MAX ? INT_MAX : (int)s;
}

bool rate_allow(struct rate_table *t, struct str key, int64_t n, int64_t period_ms,
    int *retry_after_s)
{
	_Atomic(int64_t) *cell;
	int64_t period_ns, interval, now, tat, next;

	if (n <= 0 || period_ms <= 0)
		return true;
	period_ns = (period_ms < PERIOD_MAX_MS ? period_ms : PERIOD_MAX_MS) * NS_PER_MS;
	if (n > period_ns)
		n = period_ns;
	interval = period_ns / n + (period_ns % n != 0);
	now = clock_mono_ns();
	cell = &t->tat[cell_of(t, key)];
	tat = atomic_load_explicit(cell, memory_order_relaxed);
	do {
		next = (tat > now ? tat : now) + interval;
		/* A full burst takes the cell n intervals ahead of now, and no further. */
		if (next - now > n * interval) {
			*retry_after_s = seconds_up(next - now - n * interval);
			return false;
		}
	} while (!atomic_compare_exchange_weak_explicit(cell, &tat, next, memory_order_relaxed,
	    memory_order_relaxed));
	return true;
}
