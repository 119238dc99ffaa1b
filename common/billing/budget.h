/* budget.h — quota that a key, user, group, channel or address may spend in a day, week or month
 *
 * A part of quota.c's transactions: a reservation is refused when what the subject spent in the
 * period, what it holds and the amount pass the budget, decided by a conditional update. A
 * reservation remembers the periods it counts in (column budgets), and is settled there even if it
 * ends after them, by whoever settles it.
 *
 * A channel's budget decides whether it gets a request, not whether that ends well: a request that
 * runs already may spend more than is left of it. A request that moves on to another channel takes
 * what it holds from the one's budget to the other's.
 *
 * Units    quota; start: Unix seconds.
 * Errors   ERR_RATE_LIMIT with code budget_exceeded and the time until the next period; for a
 *          channel's budget the code is BUDGET_OF_CHANNEL and nothing tells how much it was.
 * Threads  the caller's transaction on the caller's connection.
 */
#ifndef BILLING_BUDGET_H
#define BILLING_BUDGET_H

#include "base/attr.h"
#include "base/str.h"

struct arena;
struct db;
struct err;

/* Five kinds of subject, three periods. */
#define BUDGETS_MAX 15
#define BUDGET_SUBJECT_MAX 64
/* Text of so many, at most. */
#define BUDGETS_TEXT_MAX 2560
#define BUDGET_OF_CHANNEL "channel_budget_exceeded"

struct budget {
	struct str scope;   /* key, user, group, channel, address */
	struct str subject; /* an id, a name, an address */
	struct str period;  /* day, week, month */
	int64_t start, next;
	int64_t most;
};

/* As the reservation keeps them: a line for each. */
struct str budget_write(struct arena *a, const struct budget *list, size_t count);

/* Holds amount in all of them or in none; "" is no budget. */
MUST_USE bool budget_take(struct db *db, struct str text, int64_t amount, struct err *err);
/* The same for a request that runs, whose channel is not asked any more. */
MUST_USE bool budget_take_more(struct db *db, struct str text, int64_t amount, struct err *err);
/* What is held of the channel's budgets in one text is held of those in the other, or on false where
 * it was. */
MUST_USE bool budget_move(struct db *db, struct str from, struct str to, int64_t amount,
    struct err *err);
/* Each undoes what succeeded in the same transaction. */
MUST_USE bool budget_unmove(struct db *db, struct str from, struct str to, int64_t amount,
    struct err *err);
MUST_USE bool budget_untake(struct db *db, struct str text, int64_t amount, struct err *err);
/* What was held is held no more; cost is spent. */
MUST_USE bool budget_settle(struct db *db, struct str text, int64_t held, int64_t cost,
    struct err *err);

#endif
