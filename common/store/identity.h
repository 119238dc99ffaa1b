/* identity.h — who a user is elsewhere: the columns github_id, lark_id, oidc_id, wechat_id of users
 *
 * One column per provider; "" is nobody. An id belongs to at most one living account. An imported
 * database may have doubles, which are then nobody's: neither account can be told from the other.
 *
 * Threads  as the connection. Looking and then setting belongs into one transaction.
 */
#ifndef STORE_IDENTITY_H
#define STORE_IDENTITY_H

#include "store/user.h"

enum identity { IDENTITY_GITHUB, IDENTITY_LARK, IDENTITY_OIDC, IDENTITY_WECHAT, IDENTITY_COUNT };

/* *count: how many living accounts have it; *out is one of them. id "" is none's. */
MUST_USE bool identity_find(struct db *db, struct arena *a, enum identity provider, struct str id,
    struct user *out, int *count, struct err *err);
/* "" takes it away. ERR_NOT_FOUND when the user is gone. */
MUST_USE bool identity_set(struct db *db, int64_t user_id, enum identity provider, struct str id,
    struct err *err);
/* What the user has there. */
struct str identity_of(const struct user *u, enum identity provider);
void identity_put(struct user *u, enum identity provider, struct str id);

#endif
