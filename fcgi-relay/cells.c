#include "cells.h"

#include <assert.h>

/* A bucket is its keys, one cache line, and then their cells. */
static cell_word *bucket_of(const struct cells *t, uint64_t key)
{
	return t->memory + ((size_t)key & t->bucket_mask) * CELLS_WAYS * (1 + t->words);
}

static cell_word *cell_of(const struct cells *t, cell_word *bucket, size_t way)
{
	return bucket + CELLS_WAYS + way * t->words;
}

size_t cells_bytes(size_t count, size_t words)
{
	return count * (1 + words) * sizeof(cell_word);
}

struct cells cells_at(void *memory, size_t count, size_t words)
{
	assert(count >= CELLS_WAYS && (count & (count - 1)) == 0 && words >= 2);
	return (struct cells){ memory, count / CELLS_WAYS - 1, words };
}

cell_word *cells_find(const struct cells *t, uint64_t key)
{
	cell_word *bucket = bucket_of(t, key);

	for (size_t way = 0; way < CELLS_WAYS; way++) {
		if (atomic_load_explicit(&bucket[way], memory_order_acquire) == key)
			return cell_of(t, bucket, way);
	}
	return NULL;
}

/* The way that has the key, else the first free one, else the one whose cell is worth the least; *seen
 * is whose it was. One walk finds and places: ways are filled in their order, so of two who make the
 * same key both want the same way, and one sees the other there. */
static size_t place_for(const struct cells *t, cell_word *bucket, uint64_t key, uint64_t *seen)
{
	size_t best = 0;
	int64_t least = INT64_MAX;

	for (size_t way = 0; way < CELLS_WAYS; way++) {
		uint64_t owner = atomic_load_explicit(&bucket[way], memory_order_acquire);
		int64_t keep = cell_time(&cell_of(t, bucket, way)[CELL_KEEP]);

		if (owner == key || owner == 0) {
			*seen = owner;
			return way;
		}
		if (way == 0 || keep < least) {
			least = keep;
			best = way;
			*seen = owner;
		}
	}
	return best;
}

cell_word *cells_claim(const struct cells *t, uint64_t key, int64_t now_ms)
{
	cell_word *bucket = bucket_of(t, key), *cell;
	uint64_t owner = 0;
	size_t way;

	assert(key != 0);
	do
		way = place_for(t, bucket, key, &owner);
	while (owner != key && !atomic_compare_exchange_strong(&bucket[way], &owner, key));
	cell = cell_of(t, bucket, way);
	if (owner == key)
		return cell;
	/* A way that was never used is zero, and may be in use already by who found it. */
	for (size_t i = 1; owner && i < t->words; i++)
		atomic_store_explicit(&cell[i], 0, memory_order_relaxed);
	cell_set_time(&cell[CELL_KEEP], now_ms + 1);
	return cell;
}

void cells_each(const struct cells *t, void (*fn)(cell_word *cell, void *arg), void *arg)
{
	for (size_t b = 0; b <= t->bucket_mask; b++) {
		cell_word *bucket = bucket_of(t, b);

		for (size_t way = 0; way < CELLS_WAYS; way++) {
			if (atomic_load_explicit(&bucket[way], memory_order_acquire))
				fn(cell_of(t, bucket, way), arg);
		}
	}
}

uint64_t cells_key(uint64_t a, uint64_t b)
{
	uint64_t z = a * UINT64_C(0x9e3779b97f4a7c15) + b;

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	z ^= z >> 31;
	return z ? z : 1;
}
