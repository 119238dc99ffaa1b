/* cells.h — a bounded table of small cells in memory that processes share, found by a 64-bit key
 *
 * For what is known about channels, keys and conversations and may be lost at any time. A cell is a
 * few 64-bit words that their module reads and writes as atomics, without locks; word 0 says until
 * when it is worth keeping (ms of the monotonic clock). The table is cut into buckets of CELLS_WAYS;
 * where a bucket is full, a new key takes the place of the cell that is worth keeping the shortest.
 *
 *	struct cells t = cells_at(memory, 4096, 6);      memory: cells_bytes(4096, 6), zeroed
 *	_Atomic uint64_t *w = cells_claim(&t, key, now);
 *	atomic_store(&w[CELL_KEEP], until);
 *
 * Who looks a cell up while another takes its place may count once to the wrong key. All that is
 * kept here is a guess about the next request, so that is cheaper than a lock would be; and nobody
 * who dies in the middle leaves anything that others wait for.
 *
 * Threads  from any thread of any process.
 */
#ifndef FCGI_RELAY_CELLS_H
#define FCGI_RELAY_CELLS_H

#include <stdatomic.h>

#include "base/attr.h"

#define CELLS_WAYS 8
#define CELL_KEEP 0

typedef _Atomic uint64_t cell_word;

struct cells {
	cell_word *memory;
	size_t bucket_mask, words; /* words: of one cell */
};

/* count is a power of two, at least CELLS_WAYS; words of one cell, at least 2. */
size_t cells_bytes(size_t count, size_t words);
struct cells cells_at(void *memory, size_t count, size_t words);
/* NULL when there is none. key is not 0. */
cell_word *cells_find(const struct cells *t, uint64_t key);
/* Finds or makes it; a new one is all zero but for CELL_KEEP, which is now_ms + 1. */
cell_word *cells_claim(const struct cells *t, uint64_t key, int64_t now_ms);
/* Calls fn with every cell that is in use. */
void cells_each(const struct cells *t, void (*fn)(cell_word *cell, void *arg), void *arg);

/* Two numbers made into a key that is not 0 and whose low bits are as good as its high ones. */
uint64_t cells_key(uint64_t a, uint64_t b);

/* A word as the signed time that is in it. */
static inline int64_t cell_time(cell_word *w)
{
	return (int64_t)atomic_load_explicit(w, memory_order_relaxed);
}
static inline void cell_set_time(cell_word *w, int64_t ms)
{
	atomic_store_explicit(w, (uint64_t)ms, memory_order_relaxed);
}
/* Only forwards. */
static inline void cell_keep_until(cell_word *cell, int64_t ms)
{
	if (cell_time(&cell[CELL_KEEP]) < ms)
		cell_set_time(&cell[CELL_KEEP], ms);
}

#endif
