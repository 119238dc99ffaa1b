/* login.h — the end of every way to sign in
 *
 * Whoever has proved to be a user (by password here, by a third party elsewhere) is handed to
 * login_finish. It replies with the short user object and a session, or, when the account has a
 * second factor, with
 *
 *	{"success":false,"message":"Please enter the code …",
 *	 "data":{"second_factor":"totp","ticket":"…"}}
 *
 * and POST /api/user/login/totp {"ticket","code"} is the second step. A script may send "code"
 * along with its password instead.
 */
#ifndef ADMIN_LOGIN_H
#define ADMIN_LOGIN_H

#include "net/http.h"
#include "store/user.h"

#define LOGIN_TICKET_LIFE_S 300

/* u was read just now and is enabled. */
MUST_USE bool login_finish(struct req *r, const struct user *u, struct resp *out, struct err *err);

#endif
