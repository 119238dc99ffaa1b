/* rate.h — how often something may happen: GCRA cells in a table
 *
 * A limit of n per period for a key (an address, an account). Each key hashes to one 64-bit cell
 * that holds the theoretical arrival time of the generic cell rate algorithm; a cell is updated by
 * compare-and-swap, so the table is shared by threads and, lying in a shared mapping, by the
 * processes that the maker forks. Different keys that meet in one cell share its limit; with 65,536
 * cells that is rare and errs towards refusing.
 *
 * The whole burst of n is available at once, then one more every period / n. Over a long time that
 * is n per period like one-api's sliding log (options.md 5); the period after a full burst may see
 * n more, spread evenly, where the log would see none until the burst is a period old.
 *
 * Threads  rate_allow from anywhere.
 */
#ifndef BASE_RATE_H
#define BASE_RATE_H

#include "base/attr.h"
#include "base/str.h"

struct rate_table;

/* cells is rounded up to a power of two. */
RETURNS_NEW struct rate_table *rate_table_new(size_t cells);
void rate_table_free(struct rate_table *t);

/* May key do it once more now? When not, *retry_after_s says when at the earliest (at least 1).
 * n == 0: no limit. */
MUST_USE bool rate_allow(struct rate_table *t, struct str key, int64_t n, int64_t period_ms,
    int *retry_after_s);

#endif
