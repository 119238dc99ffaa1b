/* quota_parts.h — what the files of quota.h share, and nobody else */
#ifndef BILLING_QUOTA_PARTS_H
#define BILLING_QUOTA_PARTS_H

#include "billing/budget.h"
#include "billing/quota.h"
#include "store/db.h"

/* ---- quota_sums.c ---- */

enum sum_kind { SUM_FREE, SUM_USER, SUM_TOKEN, SUM_CHANNEL };

struct sum {
	enum sum_kind kind;
	int64_t id;
	int64_t balance; /* given back less charged */
	int64_t used, requests;
};

struct quota_sums {
	struct sum *slots; /* open addressing; at most three quarters full */
	size_t mask;
	uint32_t *filled; /* slots in the order they were filled */
	size_t count;
};

/* A settlement fills at most one slot of each kind, a late one two of channels. */
enum { SUMS_PER_SETTLEMENT = 4, SUMS_SMALL = 8 };

/* Those of a single settlement, on the caller's stack. */
struct small_sums {
	struct quota_sums sums;
	struct sum slots[SUMS_SMALL];
	uint32_t filled[SUMS_SMALL];
};

struct quota_sums *quota_sums_small(struct small_sums *s);
/* Balance: given back less charged. id 0 is nobody. */
void quota_sums_add(struct quota_sums *s, enum sum_kind kind, int64_t id, int64_t balance,
    int64_t used, int64_t requests);
/* For one more settlement; writes what is there when there is none. */
MUST_USE bool quota_sums_make_room(struct db *db, struct quota_sums *s, struct err *err);

/* ---- quota_settle.c ---- */

struct reservation {
	int64_t user_id, token_id, channel_id, amount;
	struct str budgets;
	char budgets_text[BUDGETS_TEXT_MAX];
};

bool quota_is_duplicate(const struct err *err);
/* Out of a row, before it is closed. */
struct str quota_copy_budgets(struct str text, char out[BUDGETS_TEXT_MAX]);
/* Within what a charge may be. */
int64_t quota_charge_of(const struct logrow *row);
/* The row of a charge, with what the reservation knows better; without a log, its sums. *fresh
 * false: a charge for this request id is in the log already, which only a request id used twice can
 * bring about. */
MUST_USE bool quota_log_charge(struct db *db, const struct logrow *row, const struct reservation *r,
    bool write_log, bool *fresh, struct err *err);

/* ---- quota_sweep.c ---- */

/* The truth comes late: it takes the place of what the sweep had to assume. *found: it had swept
 * this request. */
MUST_USE bool quota_settle_swept(struct db *db, struct quota_sums *sums, const struct logrow *row,
    bool write_log, bool *found, struct err *err);

/* The same where in truth nothing is to be charged. */
MUST_USE bool quota_release_swept(struct db *db, struct quota_sums *sums, struct str request_id,
    struct err *err);

#endif
