#include "base/rate.h"

#include <assert.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/mem.h"

#define NS_PER_MS INT64_C(1000000)
#define MS_PER_S INT64_C(1000)
#define PERIOD_MAX_MS (INT64_C(366) * 24 * 3600 * 1000)
#define WAYS 8
/* Corrections reach no further, in bursts: a debt ends some day, and no sum overflows. */
#define DEBT_MAX 10

struct cell {
	_Atomic(uint64_t) key;
	_Atomic(int64_t) tat; /* theoretical arrival time, clock_mono_ns; long ago: free */
};

/* What lies in the shared memory; zero at first. */
struct shared_cells {
	_Atomic(uint64_t) seed; /* so that nobody can aim at another's cell */
	uint64_t unused[7];     /* buckets begin on a cache line */
	struct cell cells[];
};

struct rate_table {
	struct shared_cells *shared;
	size_t mask; /* of buckets */
	size_t ways;
	size_t mapped_bytes; /* 0: the memory is somebody else's */
};

static size_t round_up(size_t cells)
{
	size_t count = 1;

	assert(cells > 0 && cells <= (size_t)1 << 30);
	while (count < cells)
		count *= 2;
	return count;
}

size_t rate_table_bytes(size_t cells)
{
	return sizeof(struct shared_cells) + round_up(cells) * sizeof(struct cell);
}

struct rate_table *rate_table_at(void *memory, size_t cells)
{
	struct rate_table *t = MEM_NEW(struct rate_table);
	size_t count = round_up(cells);
	uint64_t seed = 0, none = 0;

	t->shared = memory;
	t->ways = count < WAYS ? count : WAYS;
	t->mask = count / t->ways - 1;
	/* Without randomness the table still limits, only its collisions can be foreseen. */
	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != (ssize_t)sizeof(seed))
		seed = (uint64_t)clock_mono_ns();
	/* Whoever comes first decides. */
	atomic_compare_exchange_strong(&t->shared->seed, &none, seed | 1);
	return t;
}

struct rate_table *rate_table_new(size_t cells)
{
	size_t bytes = rate_table_bytes(cells);
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct rate_table *t;

	if (memory == MAP_FAILED) {
		perror("event=out_of_memory what=rate_table");
		abort();
	}
	t = rate_table_at(memory, cells);
	t->mapped_bytes = bytes;
	return t;
}

void rate_table_free(struct rate_table *t)
{
	if (!t)
		return;
	if (t->mapped_bytes)
		munmap(t->shared, t->mapped_bytes);
	mem_free(t);
}

uint64_t rate_key(const struct rate_table *t, struct str key)
{
	return str_hash_seeded(key, atomic_load_explicit(&t->shared->seed, memory_order_relaxed));
}

/* The key's cell, NULL when it has none. */
static struct cell *find(const struct rate_table *t, uint64_t key)
{
	struct cell *bucket = &t->shared->cells[((size_t)key & t->mask) * t->ways];

	for (size_t i = 0; i < t->ways; i++) {
		if (atomic_load_explicit(&bucket[i].key, memory_order_relaxed) == key)
			return &bucket[i];
	}
	return NULL;
}

/* The same, after taking over the first cell of the bucket whose time has passed. */
static struct cell *find_or_take(const struct rate_table *t, uint64_t key, int64_t now)
{
	struct cell *bucket = &t->shared->cells[((size_t)key & t->mask) * t->ways];
	struct cell *found = find(t, key);

	for (size_t i = 0; !found && i < t->ways; i++) {
		uint64_t other = atomic_load_explicit(&bucket[i].key, memory_order_relaxed);
		bool over = atomic_load_explicit(&bucket[i].tat, memory_order_acquire) <= now;

		if (over && atomic_compare_exchange_strong(&bucket[i].key, &other, key))
			found = &bucket[i];
		/* Or somebody took it for the same key just now: one key has one cell. */
		else if (atomic_load_explicit(&bucket[i].key, memory_order_relaxed) == key)
			found = &bucket[i];
	}
	return found ? found : bucket;
}

/* A limit in nanoseconds: one unit pushes the cell `interval` ahead, `burst` is as far as it may
 * be. */
struct pace {
	int64_t interval, burst;
};

static struct pace pace_of(struct rate_limit limit)
{
	int64_t period_ms = limit.period_ms < PERIOD_MAX_MS ? limit.period_ms : PERIOD_MAX_MS;
	int64_t period = period_ms * NS_PER_MS;
	int64_t n = limit.n < period ? limit.n : period;
	struct pace pace;

	assert(n > 0 && period > 0);
	pace.interval = period / n + (period % n != 0);
	pace.burst = n * pace.interval;
	return pace;
}

static int64_t units(int64_t n, int64_t most)
{
	return n < -most ? -most : n > most ? most : n;
}

static int64_t ms_up(int64_t ns)
{
	return ns <= 0 ? 0 : (ns - 1) / NS_PER_MS + 1;
}

static void look(struct rate_view *view, struct pace pace, int64_t ahead)
{
	view->remaining = ahead < pace.burst ? (pace.burst - ahead) / pace.interval : 0;
	view->reset_ms = ms_up(ahead);
	view->retry_ms = 0;
}

bool rate_take(struct rate_table *t, uint64_t key, struct rate_limit limit, int64_t cost,
    struct rate_view *view)
{
	struct pace pace = pace_of(limit);
	int64_t now = clock_mono_ns();
	struct cell *cell = cost > 0 ? find_or_take(t, key, now) : find(t, key);
	int64_t tat, ahead, next;

	cost = units(cost, pace.burst / pace.interval + 1) * pace.interval;
	tat = cell ? atomic_load_explicit(&cell->tat, memory_order_relaxed) : 0;
	do {
		ahead = tat > now ? tat - now : 0;
		if (cost <= 0) {
			look(view, pace, ahead);
			return true;
		}
		next = now + ahead + cost;
		/* A full burst takes the cell as far ahead of now as the burst, no further. */
		if (ahead + cost > pace.burst) {
			look(view, pace, ahead);
			view->retry_ms = cost > pace.burst ? -1 : ms_up(ahead + cost - pace.burst);
			return false;
		}
	} while (!atomic_compare_exchange_weak_explicit(&cell->tat, &tat, next,
	    memory_order_release, memory_order_relaxed));
	look(view, pace, ahead + cost);
	return true;
}

void rate_adjust(struct rate_table *t, uint64_t key, struct rate_limit limit, int64_t more)
{
	struct pace pace = pace_of(limit);
	int64_t now = clock_mono_ns();
	struct cell *cell = more > 0 ? find_or_take(t, key, now) : find(t, key);
	int64_t by = units(more, pace.burst / pace.interval * DEBT_MAX) * pace.interval;
	int64_t last = now + DEBT_MAX * pace.burst;
	int64_t tat, next;

	if (!cell || more == 0)
		return; /* given back to a cell that has long been full */
	tat = atomic_load_explicit(&cell->tat, memory_order_relaxed);
	do {
		next = (by > 0 && tat < now ? now : tat) + by;
		if (next > last)
			next = last;
	} while (!atomic_compare_exchange_weak_explicit(&cell->tat, &tat, next,
	    memory_order_release, memory_order_relaxed));
}

bool rate_allow(struct rate_table *t, struct str key, int64_t n, int64_t period_ms,
    int *retry_after_s)
{
	struct rate_limit limit = { n, period_ms };
	struct rate_view view;
	int64_t s;

	if (n <= 0 || period_ms <= 0 || rate_take(t, rate_key(t, key), limit, 1, &view))
		return true;
	s = (view.retry_ms + MS_PER_S - 1) / MS_PER_S;
	*retry_after_s = s < 1 ? 1 : s > INT_MAX ? INT_MAX : (int)s;
	return false;
}
