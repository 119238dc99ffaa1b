/* budget.h — quota that a key, user or group may spend in a day, week or month
 *
 * A part of quota.c's transactions: a reservation is refused when what the subject spent in the
 * period, what it holds and the amount pass the budget, decided by a conditional update. A
 * reservation remembers the periods it counts in (column budgets), and is settled there even if it
 * ends after them, by whoever settles it.
 *
 * Units    quota; start: Unix seconds.
 * Errors   ERR_RATE_LIMIT with code budget_exceeded and the time until the next period.
 * Threads  the caller's transaction on the caller's connection.
 */
#ifndef BILLING_BUDGET_H
#define BILLING_BUDGET_H

#include "base/attr.h"
#include "base/str.h"

struct arena;
struct db;
struct err;

/* Three kinds of subject, three periods. */
#define BUDGETS_MAX 9
#define BUDGET_SUBJECT_MAX 64
/* Text of so many, at most. */
#define BUDGETS_TEXT_MAX 2048

struct budget {
	struct str scope;   /* key, user, group */
	struct str subject; /* an id, a name */
	struct str period;  /* day, week, month */
	int64_t start, next;
	int64_t most;
};

/* As the reservation keeps them: a line for each. */
struct str budget_write(struct arena *a, const struct budget *list, size_t count);

/* Holds amount in all of them or in none; "" is no budget. */
MUST_USE bool budget_take(struct db *db, struct str text, int64_t amount, struct err *err);
/* Undoes a take of the same transaction. */
MUST_USE bool budget_untake(struct db *db, struct str text, int64_t amount, struct err *err);
/* What was held is held no more; cost is spent. */
MUST_USE bool budget_settle(struct db *db, struct str text, int64_t held, int64_t cost,
    struct err *err);

#endif
