/* rate.h — how often something may happen: GCRA cells in a table
 *
 * A limit of n per period for a key (an address, an account, an API key). A key has one cell: the
 * theoretical arrival time of the generic cell rate algorithm beside the key's hash. Cells are
 * updated by compare-and-swap, so the table is shared by threads and, lying in a shared mapping
 * (base/mapping.h), by processes.
 *
 *	uint64_t key = rate_key(t, STR("key 12 rpm"));
 *	struct rate_limit limit = { .n = 60, .period_ms = 60000 };
 *	if (!rate_take(t, key, limit, 1, &view))
 *		refuse(view.retry_ms);
 *
 * The whole burst of n is available at once, then one more every period / n. Over a long time that
 * is n per period like one-api's sliding log (options.md 5); the period after a full burst may see
 * n more, spread evenly, where the log would see none until the burst is a period old.
 *
 * A cell whose time has passed is as good as empty, so a newcomer takes it over. Keys meet in
 * buckets of eight cells; a newcomer that finds eight of them in use shares the first one's limit:
 * rare with 65,536 cells, and it errs towards refusing. Two keys that take over one cell in the
 * same instant may both be let in once too often.
 *
 * Units    n and cost: whatever is counted (requests, tokens). Times in milliseconds.
 * Threads  all but making and freeing from anywhere.
 */
#ifndef BASE_RATE_H
#define BASE_RATE_H

#include "base/attr.h"
#include "base/str.h"

struct rate_table;

/* cells is rounded up to a power of two. */
RETURNS_NEW struct rate_table *rate_table_new(size_t cells);
/* The same over memory of rate_table_bytes(cells) that is shared and was zero at first. */
RETURNS_NEW struct rate_table *rate_table_at(void *memory, size_t cells);
size_t rate_table_bytes(size_t cells);
void rate_table_free(struct rate_table *t);

/* May key do it once more now? When not, *retry_after_s says when at the earliest (at least 1).
 * n == 0: no limit. */
MUST_USE bool rate_allow(struct rate_table *t, struct str key, int64_t n, int64_t period_ms,
    int *retry_after_s);

/* ---- the same in parts: costs, corrections, what is left ------------------------------------ */

struct rate_limit {
	int64_t n; /* more than 0 */
	int64_t period_ms;
};

struct rate_view {
	int64_t remaining; /* that could be taken at once */
	int64_t reset_ms;  /* until all of n is there again, when nobody takes */
	int64_t retry_ms;  /* after a refusal: until the cost is there; -1 when it exceeds n */
};

/* The hash that stands for a key in this table; nobody outside can foresee it. Never 0. */
uint64_t rate_key(const struct rate_table *t, struct str key);
/* Takes cost (0 only looks) or nothing. view is filled in both cases. */
MUST_USE bool rate_take(struct rate_table *t, uint64_t key, struct rate_limit limit, int64_t cost,
    struct rate_view *view);
/* Corrects what was taken: more (it came to cost more; the limit may then be in debt) or less (it
 * cost less, or did not happen). */
void rate_adjust(struct rate_table *t, uint64_t key, struct rate_limit limit, int64_t more);

#endif
