/* DESIGN  A cell is the hash of its key and one count per process. Who enters counts itself first
 * and adds up afterwards, so two who race see each other and never both take the last place; who
 * finds too many takes itself back and tries again a few times, since the other may have done the
 * same. A cell that counts nobody is free. A newcomer writes its key there with the mark OPENING,
 * which lets nobody in, then looks whether somebody entered under the old key meanwhile and
 * whether the key has, or is getting, another cell of the bucket: of two who open two cells at
 * least one sees the other. Who finds a marked cell does the same: its opener may be dead. */
#include "base/crowd.h"

#include <assert.h>
#include <stdatomic.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/mapping.h"
#include "base/mem.h"

#define WAYS 8
#define TRIES 8
/* The key's cell is being made. */
#define OPENING ((uint64_t)1 << 63)

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
	uint64_t h =
	    str_hash_seeded(key, atomic_load_explicit(&g->shared->seed, memory_order_relaxed)) &
	    ~OPENING;

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

/* Whether no other cell of the bucket has the key, opened or not. */
static bool alone(const struct crowd *g, struct cell *bucket, const struct cell *mine, uint64_t key)
{
	for (size_t i = 0; i < g->ways; i++) {
		if (&bucket[i] != mine && (atomic_load(&bucket[i].key) & ~OPENING) == key)
			return false;
	}
	return true;
}

/* A marked cell becomes the key's, or is given back: to `old`, or when another marked it (old is
 * NULL then) only if it counts nobody. */
static void open_cell(const struct crowd *g, struct cell *bucket, struct cell *cell, uint64_t key,
    const uint64_t *old)
{
	uint64_t marked = key | OPENING;
	bool empty = sum(g, cell) == 0;

	if (empty && alone(g, bucket, cell, key))
		atomic_compare_exchange_strong(&cell->key, &marked, key);
	else if (empty || old)
		atomic_compare_exchange_strong(&cell->key, &marked, old ? *old : 0);
}

/* Makes a cell for a key that has none; false when all cells of its bucket are in use. Look again
 * whether it is there: others may have been at it. */
static bool make_cell(const struct crowd *g, uint64_t key)
{
	struct cell *bucket = &g->shared->cells[((size_t)key & g->mask) * g->ways];
	bool missed = false;

	for (size_t i = 0; i < g->ways; i++) {
		if (atomic_load(&bucket[i].key) == (key | OPENING)) {
			open_cell(g, bucket, &bucket[i], key, NULL);
			return true;
		}
	}
	for (size_t i = 0; i < g->ways; i++) {
		uint64_t old = atomic_load(&bucket[i].key);

		if ((old & OPENING) || sum(g, &bucket[i]) != 0)
			continue;
		if (atomic_compare_exchange_strong(&bucket[i].key, &old, key | OPENING)) {
			open_cell(g, bucket, &bucket[i], key, &old);
			return true;
		}
		missed = true;
	}
	return missed || !alone(g, bucket, NULL, key);
}

/* One try. *decided tells whether it came to a decision. */
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

		if (!cell && !make_cell(g, key))
			return true;
		if (!cell && !(cell = find(g, key)))
			continue;
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
