/* person.h — what account.c and users.c share: rules for names and passwords, new accounts
 *
 * Lengths count code points; a password's are bytes. The rules hold for what is newly chosen: an
 * older account may keep a name that would no longer pass.
 *
 * Errors   the sentences of message.h, ERR_STORE.
 */
#ifndef ADMIN_PERSON_H
#define ADMIN_PERSON_H

#include "net/http.h"
#include "store/user.h"

#define PERSON_NAME_MAX 12
#define PERSON_DISPLAY_NAME_MAX 20
#define PERSON_EMAIL_MAX 50
#define PERSON_GROUP_MAX 64
#define PERSON_PASSWORD_MIN 8
#define PERSON_PASSWORD_MAX 72

/* All fail with E02. A name with an @ in it must be `address`, the account's own verified one ("" =
 * it has none): people sign in by either, and nobody shall sit on a name that is somebody's address. */
MUST_USE bool person_check_name(const struct req *r, struct str name, struct str address,
    struct err *err);
MUST_USE bool person_check_display_name(const struct req *r, struct str name, struct err *err);
MUST_USE bool person_check_password(const struct req *r, struct str password, struct err *err);
/* One name, not a list of them; not empty. */
MUST_USE bool person_check_group(const struct req *r, struct str group, struct err *err);
MUST_USE bool person_check_email(const struct req *r, struct str email, struct err *err);
/* An address that mail may go to, trimmed; a blank in it was a + that nobody encoded. "" when it is
 * none or too long. */
struct str person_mail_address(const struct req *r, struct str text);

/* user_by_id; ERR_NOT_FOUND also for deleted users. */
MUST_USE bool person_find(struct req *r, int64_t id, struct user *out, struct err *err);
/* user_update; a name that is taken is U26. */
MUST_USE bool person_save(struct req *r, const struct user *u, bool bump_session, struct err *err);
/* In the caller's transaction: the user, a key named "default", the log row of the start quota. */
MUST_USE bool person_create(struct req *r, struct user *u, struct err *err);

#endif
