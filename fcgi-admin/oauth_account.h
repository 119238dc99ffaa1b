/* oauth_account.h — the account behind a person of a third party: found, made, bound, unbound
 *
 * Looking and writing are one transaction, so that two who come at once make one account. A row that
 * holds the person in an older way (struct oauth_person, former) gets the newer one.
 *
 * Errors   U04 registration is closed, A03, O05, O07; ERR_STORE.
 * Threads  as the request.
 */
#ifndef ADMIN_OAUTH_ACCOUNT_H
#define ADMIN_OAUTH_ACCOUNT_H

#include "oauth.h"

/* The enabled account of o->person, made when there is none. */
MUST_USE bool oauth_account(struct oauth *o, struct user *u, struct err *err);
/* For the signed-in user of that id. Binding again is no error. */
MUST_USE bool oauth_bind(struct oauth *o, int64_t user_id, struct err *err);
/* Not the last way in of an account without a password. */
MUST_USE bool oauth_unbind(struct req *r, const struct oauth_provider *p, int64_t user_id,
    struct err *err);

#endif
