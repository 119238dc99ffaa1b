/* logstats.h — table logs: sums over many rows, and cleaning old ones away
 *
 * It is the sum of the rows that the log has, exactly. Of whole hours it is read from usage_sums, or
 * where the filter names a model or channel from usage_hours (usage.h), without what has no row; so it
 * costs the same however long the log is. The hours at both ends are added up row by row.
 *
 * A clean-up is a row of log_cleanups: whoever finds it unfinished does the next step, a transaction
 * of at most LOG_CLEAN_STEP rows, so that settlements get in between. What usage_hours does not have
 * yet is added there before it goes.
 *
 * Errors   ERR_STORE.
 * Threads  as the connection; log_clean_step opens its own transactions.
 */
#ifndef STORE_LOGSTATS_H
#define STORE_LOGSTATS_H

#include "store/logrow.h"

#define LOG_CLEAN_STEP 1000

/* Over consumption rows; the filter's type is ignored. */
struct log_sums {
	int64_t quota, requests, tokens;
};
MUST_USE bool log_sum(struct db *db, const struct log_filter *f, struct log_sums *out,
    struct err *err);

/* Rows made before that time are to go, of a time to come: those that are there now; user_id asked
 * for it. */
MUST_USE bool log_clean_begin(struct db *db, int64_t before, int64_t user_id, int64_t *id,
    struct err *err);
/* The next step of the oldest unfinished clean-up, or with id of that one. *id 0: there is none.
 * *deleted: by this step; *finished: that was the last one of it. */
MUST_USE bool log_clean_step(struct db *db, int64_t *id, int64_t *deleted, bool *finished,
    struct err *err);

#endif
