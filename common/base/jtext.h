/* jtext.h — the characters of JSON text: what jscan.c, json.c and str.c share
 *
 * UTF-8, escapes, and a look at eight bytes at a time: a word is loaded so that the first byte in
 * memory is its lowest; a mask has the top bit of each byte that was looked for.
 *
 * Threads  pure.
 */
#ifndef BASE_JTEXT_H
#define BASE_JTEXT_H

#include <endian.h>
#include <string.h>

#include "base/attr.h"

/* The byte in each of eight places. */
#define EIGHT_OF(byte) (UINT64_C(0x0101010101010101) * (byte))
#define EIGHT_TOPS EIGHT_OF(0x80)

/* The first byte in memory is the lowest, on every machine. */
static inline uint64_t eight_load(const char *p)
{
	uint64_t w;

	memcpy(&w, p, sizeof(w));
	return le64toh(w);
}

/* Top bit of each byte below limit, which is at most 0x80. Borrows may light false ones, but only
 * above a true one: the lowest is always true, also when several such masks are joined. */
static inline uint64_t eight_below(uint64_t w, uint64_t limit)
{
	return (w - EIGHT_OF(limit)) & ~w & EIGHT_TOPS;
}

static inline uint64_t eight_equal(uint64_t w, char c)
{
	return eight_below(w ^ EIGHT_OF((unsigned char)c), 1);
}

static inline size_t eight_first(uint64_t mask)
{
	return (size_t)__builtin_ctzll(mask) / 8;
}

static inline uint64_t jtext_not_plain(uint64_t w)
{
	return (w & EIGHT_TOPS) | eight_below(w, 0x20) | eight_equal(w, '"') | eight_equal(w, '\\');
}

/* How many bytes at p stand for themselves in a JSON string: ASCII without quote, backslash and
 * control characters. */
static inline size_t jtext_plain(const char *p, const char *end)
{
	const char *start = p;

	while (end - p >= 16) {
		uint64_t low = jtext_not_plain(eight_load(p)),
		         high = jtext_not_plain(eight_load(p + 8));

		if (low)
			return (size_t)(p - start) + eight_first(low);
		if (high)
			return (size_t)(p - start) + 8 + eight_first(high);
		p += 16;
	}
	while (p < end && (unsigned char)*p >= 0x20 && (unsigned char)*p < 0x80 && *p != '"' &&
	    *p != '\\')
		p++;
	return (size_t)(p - start);
}

/* Length of the well-formed UTF-8 sequence at p, 0 when there is none. */
size_t jtext_utf8(const char *p, const char *end);
/* The value of the four hex digits at p. */
bool jtext_hex(const char *p, const char *end, unsigned *unit);
/* The escape at p, just past its backslash: writes what it stands for as UTF-8 to out, the length
 * to *n, and returns where the text goes on. A lone surrogate and U+0000 give U+FFFD, an unknown
 * escape stands for itself. Never writes more bytes than the escape has. */
const char *jtext_unescape(const char *p, const char *end, char *out, size_t *n);

#endif
