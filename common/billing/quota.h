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
 */
#ifndef BILLING_QUOTA_H
#define BILLING_QUOTA_H

#include "base/attr.h"
#include "base/str.h"
#include "store/logrow.h"

#define QUOTA_PER_USD INT64_C(500000)
/* A lease is renewed by checkpoints; a crash strands quota no longer than this. */
#define QUOTA_LEASE_S 90

struct db;
struct err;

/* An amount set aside for one request. Texts are borrowed. */
struct hold {
	struct str request_id;
	int64_t user_id, token_id, channel_id;
	int64_t amount;
	struct str node;       /* which process holds it */
	struct str model;      /* for the log row of a sweep */
	struct str token_name, username;
	bool is_stream;
};

MUST_USE bool quota_reserve(struct db *db, const struct hold *hold, struct err *err);
/* Takes `more` in addition; all or nothing. */
MUST_USE bool quota_raise(struct db *db, struct str request_id, int64_t more, struct err *err);
/* Notes what the stream has cost so far and renews the lease. */
MUST_USE bool quota_checkpoint(struct db *db, struct str request_id, int64_t cost,
    int64_t prompt_tokens, int64_t completion_tokens, struct err *err);

/* What a request cost, with its log row: row->quota is the charge and may exceed the hold, then
 * the rest is taken even below zero (relay.md P2). row->user_id, token_id, channel and request_id
 * name whom. write_log false keeps the sums and skips the row. *settled is false when this request
 * id was settled before: nothing moves then. */
MUST_USE bool quota_settle(struct db *db, const struct logrow *row, bool write_log, bool *settled,
    struct err *err);
/* Gives the whole hold back: the request never reached an upstream. */
MUST_USE bool quota_release(struct db *db, struct str request_id, struct err *err);

/* Settles or releases up to limit reservations whose lease ran out before now, each logged. */
MUST_USE bool quota_sweep(struct db *db, int64_t now, int limit, int *count, struct err *err);

/* An administrator's or a code's change to a user's balance, by difference. */
MUST_USE bool quota_grant(struct db *db, int64_t user_id, int64_t delta, struct err *err);
/* The owner sets what a key may still spend. */
MUST_USE bool quota_set_token(struct db *db, int64_t token_id, int64_t remain_quota,
    bool unlimited, struct err *err);

#endif
