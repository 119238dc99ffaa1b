/* str.h — struct str, a view of bytes: split, trim, compare, to number
 *
 *	struct str rest = STR("a, b"), item;
 *	while (str_next(&rest, ',', &item))
 *		use(str_trim(item));            "a", then "b"
 *
 * A view never owns: whoever made it says how long it lives. It is passed by value, a pointer and
 * a length in that order, and is not NUL-terminated. The empty view may have p == NULL.
 *
 * Threads  everything here is pure.
 */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <string.h>

#include "base/attr.h"

struct str {
	const char *p;
	size_t n;
};

/* A view of a string literal. */
#define STR(literal) ((struct str){ "" literal, sizeof(literal) - 1 })
/* The same for a constant initialiser of a static table. */
/* clang-format off */
#define STR_INIT(literal) { "" literal, sizeof(literal) - 1 }
/* clang-format on */
/* For printf's %.*s. */
#define STR_ARG(s) (int)(s).n, (s).p ? (s).p : ""

/* A view of NUL-terminated text; NULL gives the empty view. */
struct str str_c(const char *text);
struct str str_slice(struct str s, size_t from, size_t to);
/* Without ASCII blanks (space, tab, CR, LF) at both ends. */
struct str str_trim(struct str s);
/* Without the slashes at its end: of an address that a path is put behind. */
struct str str_without_slashes(struct str s);

/* Mostly asked to tell names apart, and most differ in length. memcmp may not be given NULL, not
 * even for no bytes at all. */
static inline bool str_eq(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}
bool str_eq_c(struct str a, const char *b);
/* ASCII letters compare without case. */
bool str_eq_nocase(struct str a, struct str b);
bool str_starts(struct str s, struct str prefix);
bool str_starts_nocase(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
/* Bytewise order like strcmp: <0, 0, >0. */
int str_cmp(struct str a, struct str b);

/* Offset of the first c or of the first needle, or s.n when absent. */
size_t str_find(struct str s, char c);
size_t str_find_str(struct str s, struct str needle);
bool str_has(struct str s, struct str needle);

/* Cuts the next item off *rest at sep. "a,,b" has three items, "a," has one, "" has none; false
 * when *rest is used up. */
bool str_next(struct str *rest, char sep, struct str *item);
/* Is word one of the items of the comma list, blanks around items ignored? "" never is. */
bool str_list_has(struct str list, struct str word);

/* Whole view as a decimal number within [min, max]; nothing else may stand in it. A double must
 * be finite and at most 511 bytes long. */
MUST_USE bool str_to_int(struct str s, int64_t min, int64_t max, int64_t *out);
MUST_USE bool str_to_double(struct str s, double *out);

/* What a hexadecimal digit stands for, -1: it is none. */
int str_hex_digit(char c);

/* Copies s to text + *used and moves *used on: for texts that lie behind a struct, in room that was
 * reckoned before. A view of the copy. */
struct str str_put(char *text, size_t *used, struct str s);

/* FNV-1a of the bytes, for tables in memory; not for secrets. */
uint64_t str_hash(struct str s);
/* The same from a seed, stirred until all bits know of every byte, since FNV's low bits know little of
 * the beginning; never 0. */
uint64_t str_hash_seeded(struct str s, uint64_t seed);

/* Well-formed UTF-8, no surrogates, nothing above U+10FFFF? */
bool str_is_utf8(struct str s);
/* Code points in well-formed UTF-8. */
size_t str_code_points(struct str s);

#endif
