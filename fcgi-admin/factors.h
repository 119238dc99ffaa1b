/* factors.h — /api/user/totp: the second factor of an account, and its check at sign-in
 *
 * Codes of an authenticator app (base/totp.h), and ten recovery codes, each good once. Access
 * tokens are for programs and ask for no second factor; the first one takes a session, which did.
 *
 *	POST /api/user/totp            {"password"} begins: {"secret", "uri"}, not in force yet
 *	POST /api/user/totp/confirm    {"code"} in force: {"recovery_codes": […]}, shown once
 *	POST /api/user/totp/recovery   {"code"} new recovery codes for the old ones
 *	POST /api/user/totp/disable    {"code"} a code or a recovery code
 *	GET  /api/user/security        what is in force for the own account
 *
 * Who has a password says it at the first step. A code is used once; wrong ones are counted per
 * account (throttle.h).
 */
#ifndef ADMIN_FACTORS_H
#define ADMIN_FACTORS_H

#include "net/http.h"

struct err;

/* Is this the user's code, of the app or for recovery? U30 when it is not; it is used up. */
MUST_USE bool factor_check(struct req *r, int64_t user_id, struct str code, struct err *err);

#endif
