/* totp.h — time-based one-time codes: RFC 6238 over HMAC-SHA-1, six digits, steps of 30 s
 *
 * These are the parameters that every authenticator app knows, and the only ones that some know.
 *
 *	int64_t step = totp_match(secret, given, clock_unix());
 *	if (step == 0 || … not later than the last step used …)
 *		refuse();
 *
 * Secrets travel and are stored as base32 (RFC 4648) without padding.
 *
 * Threads  pure.
 */
#ifndef BASE_TOTP_H
#define BASE_TOTP_H

#include "base/attr.h"
#include "base/str.h"

#define TOTP_STEP_S 30
#define TOTP_DIGITS 6
#define TOTP_SECRET_BYTES 20
#define TOTP_SECRET_LEN 32 /* in base32 */

/* A fresh secret, NUL-terminated. */
void totp_secret(char out[TOTP_SECRET_LEN + 1]);
/* The code of a step (Unix time / TOTP_STEP_S), with `digits` of them (at most 8: what the RFC's
 * vectors have); NUL-terminated. */
void totp_code(const uint8_t *key, size_t key_n, int64_t step, int digits, char out[9]);
/* The step whose code this is: now's, the one before or the one after; 0 when it is none of them
 * or the secret is not base32. Blanks within the code do not count. */
int64_t totp_match(struct str secret, struct str code, int64_t now);

#endif
