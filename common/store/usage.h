/* usage.h — table usage_hours: what was consumed by the hour, for dashboards and for the books
 *
 * The table follows the log: usage_step adds the next rows behind the mark and moves the mark, in
 * one transaction. Any process may do that at any time; one that dies in between has done nothing.
 * Nobody needs to wait for it either: every reader adds what the log has behind the mark, in the
 * same statement and so of the same moment. What is read is exact, however far the mark is.
 *
 * Two things reach the table another way: a charge that is not logged (option LogConsumeEnabled), in
 * the settlement's own transaction, and a swept row that the true charge replaces. usage_sums, the
 * logged part of each hour in one row (0060-usage-sums.sql), follows by triggers.
 *
 * Units    hours begin at whole multiples of 3600 Unix seconds. Times: from inclusive, to exclusive.
 * Errors   ERR_STORE.
 * Threads  as the connection. usage_step and usage_catch_up open their own transactions.
 */
#ifndef STORE_USAGE_H
#define STORE_USAGE_H

#include "store/db.h"
#include "store/logrow.h"

#define USAGE_HOUR_S 3600
#define USAGE_DAY_S 86400
/* Rows that one step takes: some ten milliseconds in which nobody else writes. */
#define USAGE_STEP 2000

/* *more: there are rows left. */
MUST_USE bool usage_step(struct db *db, bool *more, struct err *err);
/* Steps until nothing is left. */
MUST_USE bool usage_catch_up(struct db *db, struct err *err);

/* In the caller's transaction, before this log row is deleted because it never was true. */
MUST_USE bool usage_take_back(struct db *db, int64_t log_id, struct err *err);
/* In the caller's transaction: a charge (row->quota, at row->created_at) without a log row. */
MUST_USE bool usage_add_unlogged(struct db *db, const struct logrow *row, struct err *err);

/* ---- sums ------------------------------------------------------------------------------------ */

enum usage_by { USAGE_BY_MODEL, USAGE_BY_KEY, USAGE_BY_CHANNEL, USAGE_BY_USER, USAGE_BY_COUNT };

struct usage_query {
	int64_t user_id; /* 0: everybody */
	enum usage_by by;
	int64_t from, to; /* whole hours */
	int64_t step_s;   /* a multiple of an hour: length of a slot; the first begins at from */
};

struct usage_row {
	int64_t slot;    /* 0 for the first */
	int64_t id;      /* of key, channel or user; 0 for models */
	struct str name; /* of the model; of the others as they are called now, "" when gone */
	int64_t requests, quota, prompt_tokens, completion_tokens, cached_tokens, elapsed_ms;
};

struct usage_list {
	struct usage_row *items;
	size_t count;
};

/* Ordered by slot and name or id. */
MUST_USE bool usage_read(struct db *db, struct arena *a, const struct usage_query *q,
    struct usage_list *out, struct err *err);

/* Log rows before this time may have been cleaned away. */
MUST_USE bool usage_cleaned_before(struct db *db, int64_t *at, struct err *err);

#endif
