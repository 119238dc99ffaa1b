#include "breaker.h"

#define QUIET_MS 600000 /* a cell is kept so long after its last failure */
#define LEVEL_MAX 4     /* 5 s << 4 is more than the longest */

/* Words of a cell. UNTIL alone says the state: 0 closed, later than now open, else half open. */
enum { KEEP = CELL_KEEP, UNTIL, PROBE, FAILURES, LEVEL, CLOSED_AT, SLICES };

uint64_t breaker_pair(int64_t channel, uint64_t model_hash)
{
	return cells_key((uint64_t)channel, model_hash);
}

/* ---- the window -------------------------------------------------------------------------------
 *
 * A slice is one word: number of its ten seconds, outcomes that were good, outcomes that were bad.
 */

#define GOOD_ONE (UINT64_C(1) << 16)
#define BAD_ONE UINT64_C(1)
#define COUNT_MAX 0xffff

static uint64_t epoch_of(int64_t now_ms)
{
	return (uint64_t)(now_ms / BREAKER_SLICE_MS) & UINT32_MAX;
}

static void count(cell_word *cell, uint64_t one, int64_t now_ms)
{
	uint64_t epoch = epoch_of(now_ms);
	cell_word *slice = &cell[SLICES + epoch % BREAKER_SLICES];
	uint64_t old = atomic_load_explicit(slice, memory_order_relaxed), next;

	do {
		next = old >> 32 == epoch ? old : epoch << 32;
		if (((next / one) & COUNT_MAX) < COUNT_MAX)
			next += one;
	} while (!atomic_compare_exchange_weak(slice, &old, next));
}

static bool fails_too_often(cell_word *cell, int64_t now_ms)
{
	uint64_t epoch = epoch_of(now_ms), good = 0, bad = 0;

	for (size_t i = 0; i < BREAKER_SLICES; i++) {
		uint64_t slice = atomic_load_explicit(&cell[SLICES + i], memory_order_relaxed);

		if (epoch - (slice >> 32) >= BREAKER_SLICES)
			continue;
		good += (slice >> 16) & COUNT_MAX;
		bad += slice & COUNT_MAX;
	}
	return good + bad >= BREAKER_RATE_MIN && bad >= good;
}

static void forget_window(cell_word *cell)
{
	for (size_t i = 0; i < BREAKER_SLICES; i++)
		atomic_store_explicit(&cell[SLICES + i], 0, memory_order_relaxed);
}

/* ---- states ----------------------------------------------------------------------------------- */

static enum breaker_state state_at(int64_t until_ms, int64_t now_ms)
{
	if (until_ms == 0)
		return BREAKER_CLOSED;
	return until_ms > now_ms ? BREAKER_OPEN : BREAKER_HALF_OPEN;
}

struct breaker_view breaker_look(const struct cells *t, uint64_t pair, int64_t now_ms)
{
	cell_word *cell = cells_find(t, pair);
	int64_t until_ms = cell ? cell_time(&cell[UNTIL]) : 0;

	return (struct breaker_view){ state_at(until_ms, now_ms), until_ms };
}

bool breaker_probe(const struct cells *t, uint64_t pair, int64_t now_ms)
{
	cell_word *cell = cells_find(t, pair);
	uint64_t since;

	if (!cell)
		return true;
	since = atomic_load(&cell[PROBE]);
	if (since && now_ms - (int64_t)since < BREAKER_PROBE_MS)
		return false;
	return atomic_compare_exchange_strong(&cell[PROBE], &since, (uint64_t)now_ms);
}

/* From `seen`, which only one of those who see it succeeds in. */
static bool open_from(cell_word *cell, int64_t seen, int64_t retry_after_ms, int64_t now_ms)
{
	uint64_t old = (uint64_t)seen, level = atomic_load(&cell[LEVEL]);
	int64_t closed_at = cell_time(&cell[CLOSED_AT]), wait_ms;

	if (seen || (closed_at && now_ms - closed_at < BREAKER_FLAP_MS))
		level = level < LEVEL_MAX ? level + 1 : LEVEL_MAX;
	else
		level = 0;
	wait_ms = (int64_t)BREAKER_FIRST_MS << level;
	if (wait_ms > BREAKER_LONGEST_MS)
		wait_ms = BREAKER_LONGEST_MS;
	if (wait_ms < retry_after_ms)
		wait_ms = retry_after_ms;
	if (!atomic_compare_exchange_strong(&cell[UNTIL], &old, (uint64_t)(now_ms + wait_ms)))
		return false;
	atomic_store(&cell[LEVEL], level);
	atomic_store(&cell[PROBE], 0);
	cell_keep_until(cell, now_ms + wait_ms + QUIET_MS);
	return true;
}

bool breaker_failed(const struct cells *t, uint64_t pair, int64_t retry_after_ms, int64_t now_ms)
{
	cell_word *cell = cells_claim(t, pair, now_ms);
	uint64_t failures = atomic_fetch_add(&cell[FAILURES], 1) + 1;
	int64_t until_ms = cell_time(&cell[UNTIL]);

	if (retry_after_ms > BREAKER_RETRY_AFTER_MAX_MS)
		retry_after_ms = BREAKER_RETRY_AFTER_MAX_MS;
	count(cell, BAD_ONE, now_ms);
	cell_keep_until(cell, now_ms + QUIET_MS);
	switch (state_at(until_ms, now_ms)) {
	case BREAKER_CLOSED:
		if (retry_after_ms == 0 && failures < BREAKER_FAILURES &&
		    !fails_too_often(cell, now_ms))
			return false;
		return open_from(cell, 0, retry_after_ms, now_ms);
	case BREAKER_HALF_OPEN:
		return open_from(cell, until_ms, retry_after_ms, now_ms);
	case BREAKER_OPEN: /* of a request that began before, or that had no other choice */
		atomic_store(&cell[PROBE], 0);
		if (now_ms + retry_after_ms > until_ms)
			cell_set_time(&cell[UNTIL], now_ms + retry_after_ms);
		return false;
	}
	return false;
}

void breaker_succeeded(const struct cells *t, uint64_t pair, bool probe, int64_t now_ms)
{
	cell_word *cell = cells_find(t, pair);
	uint64_t until;

	if (!cell)
		return;
	count(cell, GOOD_ONE, now_ms);
	atomic_store(&cell[FAILURES], 0);
	until = atomic_load(&cell[UNTIL]);
	/* One that began before the trouble says nothing about the time after it. */
	if (until == 0 || !probe)
		return;
	if (!atomic_compare_exchange_strong(&cell[UNTIL], &until, 0))
		return;
	forget_window(cell);
	cell_set_time(&cell[CLOSED_AT], now_ms);
	atomic_store(&cell[PROBE], 0);
}

void breaker_dropped(const struct cells *t, uint64_t pair)
{
	cell_word *cell = cells_find(t, pair);

	if (cell)
		atomic_store(&cell[PROBE], 0);
}
