/* crowd.h — how many at once: counts in a shared mapping that die with their process
 *
 * A limit on what runs at the same time for a key (requests of an API key, calls through a
 * channel). Each process counts what it lets in under its own number of the mapping
 * (mapping_slot), and the count of a key is the sum over all processes: what a killed process had
 * let in is taken back by crowd_reap.
 *
 *	struct crowd *g = crowd_at(mapping_region(m, "parallel", crowd_bytes(8192)), 8192, slot);
 *	struct crowd_hold hold;
 *	if (!crowd_enter(g, crowd_key(g, STR("key 12")), 8, &hold)) …
 *	…
 *	crowd_leave(g, &hold);
 *
 * Never more than the limit are in; two that come in the same instant for the last place may, in
 * rare cases, both be turned away. A key without a cell (all eight of its bucket are in use by
 * other keys) is let in uncounted, and so is everything in a process without a number: a stranger
 * who opens many connections must not lock out others.
 *
 * Threads  all but making and freeing from anywhere; who entered may leave from another thread.
 */
#ifndef BASE_CROWD_H
#define BASE_CROWD_H

#include "base/attr.h"
#include "base/str.h"

struct crowd;

/* Where one was counted; plain data. cell 0: nowhere. */
struct crowd_hold {
	uint32_t cell; /* index + 1 */
};

/* Memory that is shared and was zero at first; cells is rounded up to a power of two. slot: this
 * process's number, -1 for none. */
RETURNS_NEW struct crowd *crowd_at(void *memory, size_t cells, int slot);
size_t crowd_bytes(size_t cells);
void crowd_free(struct crowd *g);

uint64_t crowd_key(const struct crowd *g, struct str key);
/* False when `most` are in already; *hold is then empty. */
MUST_USE bool crowd_enter(struct crowd *g, uint64_t key, int64_t most, struct crowd_hold *hold);
/* Empties *hold; an empty one is fine. */
void crowd_leave(struct crowd *g, struct crowd_hold *hold);
/* How many are in now. */
int64_t crowd_count(const struct crowd *g, uint64_t key);
/* The process with that number is dead. For mapping_on_reap. */
void crowd_reap(int slot, void *crowd);

#endif
