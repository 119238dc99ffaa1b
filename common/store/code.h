/* code.h — table codes: what we told somebody in secret, to be shown to us soon
 *
 * The code in a mail, the token of a reset link, the ticket between password and second factor, the
 * proof of a passed Turnstile check, the state of a sign-in elsewhere. There is one per purpose and
 * subject (an address, without case; an id; a hash), the newest replaces older ones. The table
 * holds a keyed hash, so that a copy of it opens nothing, and being a table it is the same for all
 * processes.
 *
 *	if (!code_check(db, box, CODE_EMAIL, address, given, &right, err))
 *		return false;
 *	if (!right)
 *		return message_fail(r, err, MSG_U07);
 *	… in a transaction: code_take, and what it is good for …
 *
 * A wrong code costs one of CODE_TRIES; then the code is worth nothing. code_check looks, so that a
 * try counts even if what follows is rolled back; code_take uses up, so that of two who come at
 * once with the right code one succeeds. A code that nobody can guess (128 bits) is looked at by
 * code_is: counting would only help whoever wants to spoil it for its owner.
 *
 * Threads  as the connection.
 */
#ifndef STORE_CODE_H
#define STORE_CODE_H

#include "base/secret.h"
#include "store/db.h"

#define CODE_TRIES 5

/* Purposes; a module may have one of its own. */
#define CODE_EMAIL "email"         /* address: registering and binding */
#define CODE_RESET "reset"         /* users.id */
#define CODE_LOGIN "login"         /* users.id, between password and second factor */
#define CODE_TURNSTILE "turnstile" /* hash of cookie and client address */

/* ERR_RATE_LIMIT, with retry_after_s, when the last one is younger than gap_s. */
MUST_USE bool code_put(struct db *db, const struct secret_box *box, const char *purpose,
    struct str subject, struct str code, int life_s, int gap_s, struct err *err);
/* Outside of a transaction that may be rolled back. *right: it is this code and not expired. */
MUST_USE bool code_check(struct db *db, const struct secret_box *box, const char *purpose,
    struct str subject, struct str code, bool *right, struct err *err);
MUST_USE bool code_is(struct db *db, const struct secret_box *box, const char *purpose,
    struct str subject, struct str code, bool *right, struct err *err);
/* *right: it was this code, and now it is gone. Wrong tries are not counted. */
MUST_USE bool code_take(struct db *db, const struct secret_box *box, const char *purpose,
    struct str subject, struct str code, bool *right, struct err *err);
/* For codes that are good several times: *right: one more use of `most` was left. */
MUST_USE bool code_use(struct db *db, const char *purpose, struct str subject, int most,
    bool *right, struct err *err);
MUST_USE bool code_drop(struct db *db, const char *purpose, struct str subject, struct err *err);
/* Housekeeping: drops expired rows; code_put does it now and then. */
MUST_USE bool code_sweep(struct db *db, struct err *err);

#endif
