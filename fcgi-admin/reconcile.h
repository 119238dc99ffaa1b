/* reconcile.h — do the books agree?
 *
 *	for each user and limited key:      granted − left − reserved = charged
 *	for each user, key and channel:     charged = what the log says
 *	for each hour that the log has:     usage_hours = what the log says
 *
 * Granted is what an account began with and what was given to it (billing/quota.h); what was charged
 * before the log began to be kept counts as agreed. The log is usage_hours, which outlives the log
 * rows, and the rows behind its mark. Each kind is one statement and so of one moment: it may be
 * asked while everything runs.
 *
 * Threads  as the connection.
 */
#ifndef ADMIN_RECONCILE_H
#define ADMIN_RECONCILE_H

#include "store/db.h"

struct reconcile_report {
	int64_t users, keys, channels; /* looked at */
	int64_t wrong;                 /* differences, of all kinds */
	int64_t wrong_hours;           /* of these, sums that can be made anew */
};

/* line is called once for each difference, with a sentence. */
typedef void reconcile_line(const char *text, void *arg);
MUST_USE bool reconcile(struct db *db, reconcile_line *line, void *arg,
    struct reconcile_report *out, struct err *err);

/* Makes usage_hours anew from the log rows that there are, a day at a time; no balance changes. */
MUST_USE bool reconcile_rebuild(struct db *db, struct err *err);

#endif
