/* job_start.h — which channels a job is about
 *
 * A test is of all channels or of those that are disabled; a balance of the enabled ones whose
 * provider tells it.
 *
 * Threads  the caller's connection.
 */
#ifndef ADMIN_JOB_START_H
#define ADMIN_JOB_START_H

#include "store/job.h"

/* kind, scope, origin and user_id are the caller's; scope all or disabled. *started false: one of
 * that kind is not finished. */
MUST_USE bool job_start_for(struct db *db, struct job *j, bool *started, struct err *err);
/* By the clock; nothing happens while one of that kind is not finished. */
MUST_USE bool job_start_timed(struct db *db, const char *kind, struct err *err);

#endif
