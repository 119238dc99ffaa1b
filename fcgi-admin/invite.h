/* invite.h — what inviter and invitee get
 *
 * Both get their quota once, when the invitee's mail address is verified: with the registration
 * when that takes a code, else when an address is bound later. An account that was made up costs a
 * mail address that way, and an inviter is paid for INVITE_PER_DAY a day; for those beyond, nobody
 * gets anything.
 */
#ifndef ADMIN_INVITE_H
#define ADMIN_INVITE_H

#include "net/http.h"
#include "store/user.h"

#define INVITE_PER_DAY 50

/* The enabled user with this code; id 0 in *inviter when there is none. */
MUST_USE bool invite_find(struct req *r, struct str code, int64_t *inviter, struct err *err);
/* In the caller's transaction, the invitee's address being verified. */
MUST_USE bool invite_grant(struct req *r, const struct user *invitee, struct err *err);

#endif
