/* session.h — table sessions: who is signed in with which cookie
 *
 * The cookie is 32 random bytes as hex; the table holds its keyed hash. A session is void when it
 * expired or when the user's session_epoch moved on (password, role or status changed, deleted).
 */
#ifndef STORE_SESSION_H
#define STORE_SESSION_H

#include "base/secret.h"
#include "store/user.h"

#define SESSION_COOKIE_LEN 64
#define SESSION_LIFE_S (30 * 24 * 3600)

/* Writes the cookie's value, NUL-terminated. */
MUST_USE bool session_create(struct db *db, const struct secret_box *box, const struct user *u,
    char cookie[SESSION_COOKIE_LEN + 1], struct err *err);
/* The user behind a cookie, read fresh; ERR_NOT_FOUND when void. */
MUST_USE bool session_user(struct db *db, const struct secret_box *box, struct arena *a,
    struct str cookie, struct user *out, struct err *err);
MUST_USE bool session_delete(struct db *db, const struct secret_box *box, struct str cookie,
    struct err *err);
/* Housekeeping: drops expired rows. */
MUST_USE bool session_sweep(struct db *db, struct err *err);

#endif
