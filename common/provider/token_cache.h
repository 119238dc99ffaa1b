/* token_cache.h — access tokens that upstream accounts were given, until shortly before they expire
 *
 * One table for the whole process: a token costs a signature and a call, and lives for an hour.
 *
 *	if (token_cache_get(key, arena, &token))
 *		use(token);
 *	else
 *		ask for one, then token_cache_put(key, token, expires_in_s);
 *
 * Near its end one caller is told that there is no token, so that it fetches the next; the others go
 * on with the old one, which is still good. When a table is full, the token that expires first goes.
 *
 * Units    seconds. Time is clock_unix, so a test can move it.
 * Owns     copies of the tokens, wiped when they go.
 * Threads  any: a mutex guards the table and is never held across I/O.
 */
#ifndef PROVIDER_TOKEN_CACHE_H
#define PROVIDER_TOKEN_CACHE_H

#include "base/attr.h"
#include "base/str.h"

struct arena;

#define TOKEN_KEY_BYTES 32
#define TOKEN_MAX_BYTES 8192

/* What stands for an account: SHA-256 of the parts, each with its length. */
void token_cache_key(const struct str *parts, size_t n, uint8_t key[TOKEN_KEY_BYTES]);

/* A copy in the arena. */
MUST_USE bool token_cache_get(const uint8_t key[TOKEN_KEY_BYTES], struct arena *a,
    struct str *token);
/* Longer tokens are not kept. */
void token_cache_put(const uint8_t key[TOKEN_KEY_BYTES], struct str token, int64_t expires_in_s);
/* The upstream refused this token; one that has taken its place stays. */
void token_cache_drop(const uint8_t key[TOKEN_KEY_BYTES], struct str token);

#endif
