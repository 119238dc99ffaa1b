/* audit.h — log rows that this program writes, and doing several writes at once
 *
 * What a person changed is written in the transaction that changes it, so that there is no change
 * without its row:
 *
 *	static bool rename(struct req *r, void *arg, struct err *err) { … user_update … audit_… }
 *	return audit_transact(r, rename, &change, err) && reply_ok(out);
 */
#ifndef ADMIN_AUDIT_H
#define ADMIN_AUDIT_H

#include "net/http.h"
#include "store/logrow.h"

struct options;

typedef bool audit_fn(struct req *r, void *arg, struct err *err);

/* Runs fn between db_begin and db_commit; rolls back when it fails. */
MUST_USE bool audit_transact(struct req *r, audit_fn *fn, void *arg, struct err *err);

/* A row about a user (id 0: about nobody). quota: what was granted, for type 1. */
MUST_USE bool audit_row(struct req *r, enum log_type type, int64_t user_id, struct str username,
    int64_t quota, const char *content, struct err *err);
/* A management row of the acting administrator, after the change: a failure is only logged. */
void audit_note(struct req *r, const char *content);

/* "$0.002000", or the number of units when the site does not show money. */
const char *audit_amount(struct req *r, int64_t quota);
const char *audit_amount_in(struct arena *a, const struct options *o, int64_t quota);

#endif
