/* DESIGN  A cell is the hash of its key and one count per process. Who enters counts itself first
 * and adds up afterwards, so two who race see each other and never both take the last place; who
 * finds too many takes itself back and tries again a few times, since the other may have done the
 * same. A cell that counts nobody is free: a newcomer writes its key there and looks again whether
 * somebody entered under the old key meanwhile. */
#include "base/crowd.h"

#include <assert.h>
#include <stdatomic.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/mapping.h"
#include "base/mem.h"

#define WAYS 8
#define TRIES 8

struct cell {
	_Atomic(uint64_t) key;
	_Atomic(int32_t) counts[MAPPING_PROCESSES];
};

struct shared_cells {
	_Atomic(uint64_t) seed;
	_Atomic(uint32_t) slots; /* numbers that were ever in use: 0 to slots - 1 */
	struct cell cells[];
};

struct crowd {
	struct shared_cells *shared;
	size_t mask; /* of buckets */
	size_t ways;
	int slot;
};

static size_t round_up(size_t cells)
{
	size_t count = 1;

	assert(cells > 0 && cells <= (size_t)1 << 24);
	while (count < cells)
		count *= 2;
	return count;
}

size_t crowd_bytes(size_t cells)
{
	return sizeof(struct shared_cells) + round_up(cells) * sizeof(struct cell);
}

struct crowd *crowd_at(void *memory, size_t cells, int slot)
{
	struct crowd *g = MEM_NEW(struct crowd);
	size_t count = round_up(cells);
	uint64_t seed = 0, none = 0;
	uint32_t slots;

	assert(slot < MAPPING_PROCESSES);
	g->shared = memory;
	g->slot = slot;
	g->ways = count < WAYS ? count : WAYS;
	g->mask = count / g->ways - 1;
	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != (ssize_t)sizeof(seed))
		seed = (uint64_t)clock_mono_ns();
	atomic_compare_exchange_strong(&g->shared->seed, &none, seed | 1);
	slots = atomic_load(&g->shared->slots);
	while (slot >= (int)slots &&
	    !atomic_compare_exchange_weak(&g->shared->slots, &slots, (uint32_t)slot + 1))
		;
	return g;
}

void crowd_free(struct crowd *g)
{
	mem_free(g);
}

uint64_t crowd_key(const struct crowd *g, struct str key)
{
	uint64_t h = atomic_load_explicit(&g->shared->seed, memory_order_relaxed);

	for (size_t i = 0; i < key.n; i++) {
		h ^= (unsigned char)key.p[i];
		h *= UINT64_C(0x100000001b3);
		h ^= h >> 29;
	}
	h ^= h >> 33;
	h *= UINT64_C(0xff51afd7ed558ccd);
	h ^= h >> 33;
	return h ? h : 1;
}

static int64_t sum(const struct crowd *g, struct cell *cell)
{
	uint32_t slots = atomic_load(&g->shared->slots);
	int64_t n = 0;

	for (uint32_t i = 0; i < slots && i < MAPPING_PROCESSES; i++)
		n += atomic_load(&cell->counts[i]);
	return n;
}

static struct cell *find(const struct crowd *g, uint64_t key)
{
	struct cell *bucket = &g->shared->cells[((size_t)key & g->mask) * g->ways];

	for (size_t i = 0; i < g->ways; i++) {
		if (atomic_load(&bucket[i].key) == key)
			return &bucket[i];
	}
	return NULL;
}

/* Takes over a cell that counts nobody; NULL when there is none. */
static struct cell *take_over(const struct crowd *g, uint64_t key)
{
	struct cell *bucket = &g->shared->cells[((size_t)key & g->mask) * g->ways];

	for (size_t i = 0; i < g->ways; i++) {
		uint64_t other = atomic_load(&bucket[i].key), mine = key;

		if (sum(g, &bucket[i]) != 0)
			continue;
		if (!atomic_compare_exchange_strong(&bucket[i].key, &other, key)) {
			if (other == key)
				return &bucket[i];
			continue;
		}
		if (sum(g, &bucket[i]) == 0)
			return &bucket[i];
		/* Somebody entered under the old key in between: it is theirs. */
		atomic_compare_exchange_strong(&bucket[i].key, &mine, other);
	}
	return NULL;
}

/* One try. *counted tells whether it came to a decision. */
static bool try_enter(struct crowd *g, struct cell *cell, uint64_t key, int64_t most, bool *decided)
{
	atomic_fetch_add(&cell->counts[g->slot], 1);
	*decided = atomic_load(&cell->key) == key;
	if (*decided && sum(g, cell) <= most)
		return true;
	atomic_fetch_sub(&cell->counts[g->slot], 1);
	/* Full without us? Else two turned each other away. */
	*decided = *decided && sum(g, cell) >= most;
	return false;
}

bool crowd_enter(struct crowd *g, uint64_t key, int64_t most, struct crowd_hold *hold)
{
	hold->cell = 0;
	if (g->slot < 0)
		return true;
	for (int i = 0; i < TRIES; i++) {
		struct cell *cell = find(g, key);
		bool decided;

		if (!cell)
			cell = take_over(g, key);
		if (!cell)
			return true;
		if (try_enter(g, cell, key, most, &decided)) {
			hold->cell = (uint32_t)(cell - g->shared->cells) + 1;
			return true;
		}
		if (decided)
			return false;
	}
	return false;
}

void crowd_leave(struct crowd *g, struct crowd_hold *hold)
{
	if (!hold->cell)
		return;
	atomic_fetch_sub(&g->shared->cells[hold->cell - 1].counts[g->slot], 1);
	hold->cell = 0;
}

int64_t crowd_count(const struct crowd *g, uint64_t key)
{
	struct cell *cell = find(g, key);

	return cell ? sum(g, cell) : 0;
}

void crowd_reap(int slot, void *crowd)
{
	struct crowd *g = crowd;
	size_t count = (g->mask + 1) * g->ways;

	for (size_t i = 0; i < count; i++) {
		if (atomic_load_explicit(&g->shared->cells[i].counts[slot], memory_order_relaxed))
			atomic_store(&g->shared->cells[i].counts[slot], 0);
	}
}
