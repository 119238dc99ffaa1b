/* base64url.h — base64 for URLs (RFC 4648, section 5), without padding
 *
 * Reading is strict: only the alphabet, no padding, no blanks, no spare bits. So there is one text
 * for one run of bytes, and what was signed cannot be spelled in another way.
 *
 * Threads  pure.
 */
#ifndef BASE_BASE64URL_H
#define BASE_BASE64URL_H

#include "base/attr.h"
#include "base/str.h"

struct arena;

/* In the arena, NUL-terminated one past its end. */
struct str base64url_encode(struct arena *a, const void *bytes, size_t n);
/* The same end for the bytes. "" is the empty run. */
MUST_USE bool base64url_decode(struct arena *a, struct str text, struct str *bytes);

#endif
