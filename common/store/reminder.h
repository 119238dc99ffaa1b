/* reminder.h — table quota_reminders: whom to tell that the quota runs out
 *
 * A row comes by itself, with the charge that crosses the option QuotaRemindThreshold or uses the
 * last of a balance (sql/sqlite/0052-reminders.sql); it is no work for charges that cross nothing,
 * and there is one for each crossing. fcgi-admin takes the rows away and writes mail.
 *
 * Threads  as the connection.
 */
#ifndef STORE_REMINDER_H
#define STORE_REMINDER_H

#include "store/db.h"

struct reminder {
	int64_t user_id, left;
	struct str username, email;
	struct str language; /* en, zh; "" unknown */
};

struct reminder_list {
	struct reminder *items;
	size_t count;
};

MUST_USE bool reminder_any(struct db *db, bool *any, struct err *err);
/* Takes up to limit of them, in the caller's transaction. Left out and gone are those of accounts
 * that are disabled, have no address any more, or got more than `most` meanwhile. */
MUST_USE bool reminder_take(struct db *db, struct arena *a, int64_t most, int limit,
    struct reminder_list *out, struct err *err);

#endif
