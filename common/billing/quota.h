/* quota.h — the only module that changes a balance
 *
 * A request reserves an upper bound before the upstream call and settles the true cost after it.
 * A reservation is a row, written in the transaction that takes the amount from user and key by
 * conditional updates that re-check status, expiry and what is left: no cache and no earlier read
 * decides about money or access. Settling removes the row, moves the difference, adds the sums and
 * inserts the log row, in one transaction, once per request id whatever happens. A reservation
 * whose lease ran out was left behind by a crash: the sweeper settles it by its last checkpoint or
 * releases it.
 *
 * Invariant (fcgi-admin reconcile proves it): for each user and key, granted − left − reserved =
 * charged in the log.
 *
 * Units    quota, int64_t; QUOTA_PER_USD of them make a dollar. Never a double.
 * Errors   ERR_NO_QUOTA (user), ERR_NO_KEY_QUOTA, ERR_KEY_* and ERR_USER_DISABLED when the
 *          conditional update finds the key or user changed, ERR_STORE.
 * Threads  functions here run inside the caller's transaction on the caller's connection. Requests
 *          go through ledger.h, which groups them.
 *
 * The code lies in quota.c (taking), quota_settle.c (settling, releasing, correcting), quota_sums.c
 * (what a group of these moves), quota_sweep.c (what crashes left, and the truth that comes after)
 * and quota_grant.c (what people change); quota_parts.h is what these share.
 */
#ifndef BILLING_QUOTA_H
#define BILLING_QUOTA_H

#include "base/attr.h"
#include "base/str.h"
#include "store/logrow.h"

#define QUOTA_PER_USD INT64_C(500000)
/* No single charge, hold or grant is larger (USD 2 thousand million): sums stay far from 2^63. */
#define QUOTA_MAX (INT64_C(1) << 50)
/* A lease is renewed by checkpoints; a crash strands quota no longer than one lasts. */
#define QUOTA_LEASE_S 90

struct db;
struct err;

/* An amount set aside for one request. Texts are borrowed. */
struct hold {
	struct str request_id;
	int64_t user_id, token_id, channel_id;
	int64_t amount;
	struct str node;  /* which process holds it */
	int lease_s;      /* 0: QUOTA_LEASE_S */
	struct str model; /* for the log row of a sweep */
	struct str token_name, username;
	bool is_stream;
	struct str budgets; /* budget_write's */
};

MUST_USE bool quota_reserve(struct db *db, const struct hold *hold, struct err *err);
/* Takes `more` in addition; all or nothing. Of hold, request_id is read, and when channel_id is not
 * 0, channel_id and model: who serves now. Budgets that are given (p not NULL) are those of another
 * channel than before: what is held moves with the request, or the channel refuses it. */
MUST_USE bool quota_raise(struct db *db, const struct hold *hold, int64_t more, struct err *err);
/* Notes what the stream has cost so far and renews the lease; of hold, request_id and lease_s are
 * read, and channel_id and model as by quota_raise. What was noted never shrinks, so a cost of -1
 * renews the lease only. ERR_NOT_FOUND, here and for quota_raise, when there is no such reservation
 * (any more). */
MUST_USE bool quota_checkpoint(struct db *db, const struct hold *hold, int64_t cost,
    int64_t prompt_tokens, int64_t completion_tokens, struct err *err);

/* What a request cost, with its log row: row->quota is the charge and may exceed the hold, then
 * the rest is taken even below zero (relay.md P2). User and key are those of the reservation,
 * whatever the row says and even if they were deleted meanwhile; row->channel is who served, 0 for
 * the channel reserved for; row->created_at 0 is now. write_log false keeps the sums and skips the
 * row. *settled is false when this request id was settled or released before: nothing moves then.
 * When it was swept before, since its process stood still for longer than the lease, the sweep's
 * row is replaced by this one and only the difference moves, once. */
MUST_USE bool quota_settle(struct db *db, const struct logrow *row, bool write_log, bool *settled,
    struct err *err);
/* What a charge that is settled already has to be changed by: row->quota may be below zero and gives
 * back. User, key and channel are the row's; nothing is checked, as with a settlement. The row is a
 * charge like others in the log; where that has its request id already nothing moves. */
MUST_USE bool quota_correct(struct db *db, const struct logrow *row, struct str budgets,
    bool write_log, struct err *err);
/* Gives the whole hold back: the request never reached an upstream. Nothing moves when it was
 * settled or released before; what a sweep charged for it comes back. */
MUST_USE bool quota_release(struct db *db, struct str request_id, struct err *err);

/* What a group of settlements moves, kept aside so that each user, key and channel is written once
 * for all of them. It must be flushed before the transaction commits and before anything looks at
 * a balance; after a rollback it is dropped. */
struct quota_sums;
/* Room for that many settlements; when it is full it flushes by itself. */
RETURNS_NEW struct quota_sums *quota_sums_new(size_t settlements);
void quota_sums_free(struct quota_sums *s);
void quota_sums_drop(struct quota_sums *s);
MUST_USE bool quota_sums_flush(struct db *db, struct quota_sums *s, struct err *err);
/* quota_settle and quota_release but for the flush; *found: there was a reservation. */
MUST_USE bool quota_settle_into(struct db *db, struct quota_sums *s, const struct logrow *row,
    bool write_log, bool *found, struct err *err);
MUST_USE bool quota_release_into(struct db *db, struct quota_sums *s, struct str request_id,
    bool *found, struct err *err);

/* Settles or releases up to limit reservations whose lease ran out before now, each logged with
 * FINISH_SWEPT: as consumption when there was a checkpoint to charge, else as an error row. lease_s
 * tells for the log when they were last heard of. */
MUST_USE bool quota_sweep(struct db *db, int64_t now, int lease_s, int limit, int *count,
    struct err *err);

/* An administrator's or a code's change to a user's balance, by difference. ERR_NOT_FOUND; and
 * ERR_BAD_REQUEST when delta or the balance would pass QUOTA_MAX. */
MUST_USE bool quota_grant(struct db *db, int64_t user_id, int64_t delta, struct err *err);
/* What a user's open holds have taken from the balance and may give back. */
MUST_USE bool quota_held(struct db *db, int64_t user_id, int64_t *held, struct err *err);
/* The owner sets what a key may still spend. What is reserved at this moment stays reserved: a key
 * that stops being unlimited starts with what it may spend less its open holds. */
MUST_USE bool quota_set_token(struct db *db, int64_t token_id, int64_t remain_quota, bool unlimited,
    struct err *err);

#endif
