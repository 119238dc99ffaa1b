/* jwt.h — an OpenID provider's ID token, checked against the provider's keys
 *
 * Token: RFC 7515 and 7519, compact form, signed with RS256 or ES256 and nothing else. The
 * algorithm must fit the kind of the key, so a public key is never taken for a shared secret; where
 * a token says its key lies (jku, x5u, jwk, x5c) is not looked at, and one with `crit` is refused.
 * Keys: a JWK set (RFC 7517); those that are not for signatures, of other kinds or too weak are
 * passed over. Claims: OpenID Connect Core 1.0, section 3.1.3.7.
 *
 *	switch (jwt_check(a, token, jwks, &want, &claims, &why)) {
 *	case JWT_NO_KEY: … the provider may have new keys: fetch them, once …
 *
 * Errors   ERR_UPSTREAM saying why, for the log: texts are ours, nothing of the token is in them.
 * Threads  pure.
 */
#ifndef ADMIN_JWT_H
#define ADMIN_JWT_H

#include <cjson/cJSON.h>

#include "base/attr.h"
#include "base/str.h"

struct arena;
struct err;

#define JWT_MAX ((size_t)16 * 1024)
#define JWT_KEYS_MAX 64
#define JWT_ID_MAX 256      /* bytes of a key's id */
#define JWT_SUB_MAX 255     /* OpenID Connect Core, section 2 */
#define JWT_SKEW_S 120      /* how far the provider's clock may be off */
#define JWT_AGE_MAX_S 86400 /* a token for a sign-in is new */

struct jwt_want {
	struct str issuer, audience;
	struct str nonce;        /* "": the token may have none */
	struct str access_token; /* that came with it: at_hash, where there is one, is of it */
	int64_t now;
};

enum jwt_verdict { JWT_OK, JWT_NO_KEY, JWT_REFUSED };

/* On JWT_OK *claims is the payload, `sub` in it a text of 1 to JWT_SUB_MAX characters. */
MUST_USE enum jwt_verdict jwt_check(struct arena *a, struct str token, struct str jwks,
    const struct jwt_want *want, const cJSON **claims, struct err *err);

#endif
