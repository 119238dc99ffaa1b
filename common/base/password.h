/* password.h — is this the password? For hashes of our own and for those of an older gateway
 *
 * Ours are scrypt (secret.h). A database that was imported from one-api brings bcrypt hashes
 * ("$2a$", "$2b$", "$2y$"), which crypt(3) checks; whoever signs in with one gets a hash of ours:
 *
 *	if (!password_check(given, u.password))
 *		return …;
 *	if (!password_is_current(u.password))
 *		… store secret_password_hash(arena, given) …
 *
 * Both cost some 50 ms on purpose: workers only. A bcrypt hash whose cost would stop the worker
 * (above PASSWORD_BCRYPT_COST_MAX) fits no password.
 *
 * Threads  pure.
 */
#ifndef BASE_PASSWORD_H
#define BASE_PASSWORD_H

#include "base/attr.h"
#include "base/str.h"

#define PASSWORD_BCRYPT_COST_MAX 14

/* False for a wrong password and for anything that is not a hash. */
MUST_USE bool password_check(struct str password, struct str hash);
/* Is it the kind that secret_password_hash makes? */
bool password_is_current(struct str hash);

#endif
