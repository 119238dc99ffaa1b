#include "standing.h"

#define IDLE_MS 3600000 /* an idle channel is remembered so long */
#define FAILURE_MIN_MS 1000
#define BUSY_MS 100 /* what one under way counts where no time is known yet */

/* SPEED in microseconds, as of STAMP; OWN: four processes to a word, 16 bits each. */
enum { KEEP = CELL_KEEP, SPEED, STAMP, UNDER_WAY, WINDOW, TURN, OWN };

static cell_word *claim(const struct cells *t, int64_t channel, int64_t now_ms)
{
	cell_word *cell = cells_claim(t, cells_key((uint64_t)channel, 0), now_ms);

	cell_keep_until(cell, now_ms + IDLE_MS);
	return cell;
}

static cell_word *find(const struct cells *t, int64_t channel)
{
	return cells_find(t, cells_key((uint64_t)channel, 0));
}

/* ---- under way -------------------------------------------------------------------------------- */

static cell_word *own_word(cell_word *cell, int slot)
{
	return &cell[OWN + slot / 4];
}

static int own_shift(int slot)
{
	return slot % 4 * 16;
}

/* Takes up to n off the process's count and as many off the sum; a cell that was made anew
 * meanwhile has none of them. */
static void take_back(cell_word *cell, int slot, uint64_t n)
{
	cell_word *own = own_word(cell, slot);
	uint64_t old = atomic_load(own), have;

	do {
		have = (old >> own_shift(slot)) & 0xffff;
		if (n > have)
			n = have;
	} while (!atomic_compare_exchange_weak(own, &old, old - (n << own_shift(slot))));
	atomic_fetch_sub(&cell[UNDER_WAY], n);
}

void standing_begin(const struct cells *t, int64_t channel, int slot, int64_t now_ms)
{
	cell_word *cell;

	if (slot < 0 || slot >= STANDING_PROCESSES)
		return;
	cell = claim(t, channel, now_ms);
	atomic_fetch_add(own_word(cell, slot), UINT64_C(1) << own_shift(slot));
	atomic_fetch_add(&cell[UNDER_WAY], 1);
}

void standing_end(const struct cells *t, int64_t channel, int slot)
{
	cell_word *cell = find(t, channel);

	if (cell && slot >= 0 && slot < STANDING_PROCESSES)
		take_back(cell, slot, 1);
}

static void reap_one(cell_word *cell, void *slot)
{
	take_back(cell, *(int *)slot, UINT64_MAX);
}

void standing_reap(const struct cells *t, int slot)
{
	if (slot >= 0 && slot < STANDING_PROCESSES)
		cells_each(t, reap_one, &slot);
}

/* ---- speed ------------------------------------------------------------------------------------ */

/* What is left of a weight of one after so long: half after each STANDING_HALF_MS, straight in
 * between. */
static double faded(int64_t stamp_ms, int64_t now_ms)
{
	int64_t age_ms = now_ms > stamp_ms ? now_ms - stamp_ms : 0;
	int64_t halves = age_ms / STANDING_HALF_MS;
	double rest = (double)(age_ms % STANDING_HALF_MS) / STANDING_HALF_MS;

	return halves < 60 ? (1.0 - rest / 2) / (double)(UINT64_C(1) << halves) : 0.0;
}

static void note(cell_word *cell, uint64_t us, int64_t now_ms)
{
	uint64_t old = atomic_load(&cell[SPEED]), next;
	int64_t stamp_ms = cell_time(&cell[STAMP]);

	do {
		double kept = faded(stamp_ms, now_ms);

		next = us;
		if (old && us < old)
			next = (uint64_t)((double)old * kept + (double)us * (1.0 - kept));
	} while (!atomic_compare_exchange_weak(&cell[SPEED], &old, next));
	cell_set_time(&cell[STAMP], now_ms);
}

void standing_answered(const struct cells *t, int64_t channel, int64_t ms, int64_t now_ms)
{
	note(claim(t, channel, now_ms), ms > 0 ? (uint64_t)ms * 1000 : 1, now_ms);
}

void standing_stumbled(const struct cells *t, int64_t channel, int64_t ms, int64_t now_ms)
{
	cell_word *cell = claim(t, channel, now_ms);
	uint64_t us = (uint64_t)(ms > FAILURE_MIN_MS ? ms : FAILURE_MIN_MS) * 1000;
	uint64_t twice = atomic_load(&cell[SPEED]) * 2;

	/* a minute is as bad as it gets: the doubling has an end */
	if (twice > us && twice <= UINT64_C(60000000))
		us = twice;
	note(cell, us, now_ms);
}

double standing_cost(const struct cells *t, int64_t channel, int64_t now_ms)
{
	cell_word *cell = find(t, channel);
	double us, under_way;

	if (!cell)
		return 0;
	under_way = (double)atomic_load_explicit(&cell[UNDER_WAY], memory_order_relaxed);
	us = (double)atomic_load_explicit(&cell[SPEED], memory_order_relaxed);
	if (us <= 0)
		return under_way * BUSY_MS * 1000.0;
	/* nothing heard for long: what was slow once deserves another look */
	us *= faded(cell_time(&cell[STAMP]), now_ms);
	return us * (under_way + 1);
}

/* ---- window ----------------------------------------------------------------------------------- */

#define WINDOW_BITS ((UINT64_C(1) << STANDING_WINDOW_MAX) - 1)

/* The low 56 bits are the outcomes, newest lowest, 1 good; above them how many there are. */
bool standing_outcome(const struct cells *t, int64_t channel, bool good, int size, double rate,
    int64_t now_ms)
{
	cell_word *word = &claim(t, channel, now_ms)[WINDOW];
	uint64_t old = atomic_load(word), next, bits, count;
	bool poor;

	if (size < 1)
		return false;
	if (size > STANDING_WINDOW_MAX)
		size = STANDING_WINDOW_MAX;
	do {
		bits = ((old << 1) | good) & WINDOW_BITS & ((UINT64_C(1) << size) - 1);
		count = (old >> STANDING_WINDOW_MAX) + 1;
		if (count > (uint64_t)size)
			count = (uint64_t)size;
		poor = !good && count == (uint64_t)size &&
		    (double)__builtin_popcountll(bits) < rate * size;
		next = poor ? 0 : count << STANDING_WINDOW_MAX | bits;
	} while (!atomic_compare_exchange_weak(word, &old, next));
	return poor;
}

uint64_t standing_turn(const struct cells *t, int64_t channel, int64_t now_ms)
{
	return atomic_fetch_add(&claim(t, channel, now_ms)[TURN], 1);
}
