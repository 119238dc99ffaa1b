#include "base/str.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/jtext.h"

/* Longest text that str_to_double reads: more digits than a double can tell apart. */
#define DOUBLE_TEXT_MAX 511

struct str str_c(const char *text)
{
	return (struct str){ text, text ? strlen(text) : 0 };
}

struct str str_slice(struct str s, size_t from, size_t to)
{
	if (s.n == 0)
		return s;
	if (to > s.n)
		to = s.n;
	if (from > to)
		from = to;
	return (struct str){ s.p + from, to - from };
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

struct str str_trim(struct str s)
{
	while (s.n && is_blank(s.p[0])) {
		s.p++;
		s.n--;
	}
	while (s.n && is_blank(s.p[s.n - 1]))
		s.n--;
	return s;
}

struct str str_without_slashes(struct str s)
{
	while (s.n && s.p[s.n - 1] == '/')
		s.n--;
	return s;
}

/* memcmp may not be given NULL, not even for no bytes at all. */
static bool same_bytes(const char *a, const char *b, size_t n)
{
	return n == 0 || memcmp(a, b, n) == 0;
}

static int lower(char c)
{
	return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
}

static bool same_letters(const char *a, const char *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (lower(a[i]) != lower(b[i]))
			return false;
	return true;
}

bool str_eq_c(struct str a, const char *b)
{
	return str_eq(a, str_c(b));
}

bool str_eq_nocase(struct str a, struct str b)
{
	return a.n == b.n && same_letters(a.p, b.p, a.n);
}

bool str_starts(struct str s, struct str prefix)
{
	return s.n >= prefix.n && same_bytes(s.p, prefix.p, prefix.n);
}

bool str_starts_nocase(struct str s, struct str prefix)
{
	return s.n >= prefix.n && same_letters(s.p, prefix.p, prefix.n);
}

bool str_ends(struct str s, struct str suffix)
{
	return s.n >= suffix.n && str_eq(str_slice(s, s.n - suffix.n, s.n), suffix);
}

int str_cmp(struct str a, struct str b)
{
	size_t shorter = a.n < b.n ? a.n : b.n;
	int order = shorter ? memcmp(a.p, b.p, shorter) : 0;

	if (order)
		return order;
	return a.n < b.n ? -1 : a.n > b.n;
}

size_t str_find(struct str s, char c)
{
	const char *at = s.n ? memchr(s.p, c, s.n) : NULL;

	return at ? (size_t)(at - s.p) : s.n;
}

size_t str_find_str(struct str s, struct str needle)
{
	const char *at;

	if (needle.n == 0)
		return 0;
	if (needle.n > s.n)
		return s.n;
	at = memmem(s.p, s.n, needle.p, needle.n);
	return at ? (size_t)(at - s.p) : s.n;
}

bool str_has(struct str s, struct str needle)
{
	return needle.n == 0 || str_find_str(s, needle) < s.n;
}

bool str_next(struct str *rest, char sep, struct str *item)
{
	size_t at;

	if (rest->n == 0)
		return false;
	at = str_find(*rest, sep);
	*item = str_slice(*rest, 0, at);
	*rest = str_slice(*rest, at + 1, rest->n);
	return true;
}

bool str_list_has(struct str list, struct str word)
{
	struct str item;

	if (word.n == 0)
		return false;
	while (str_next(&list, ',', &item))
		if (str_eq(str_trim(item), word))
			return true;
	return false;
}

bool str_to_int(struct str s, int64_t min, int64_t max, int64_t *out)
{
	bool negative = s.n > 0 && s.p[0] == '-';
	int64_t value = 0;
	size_t i = negative;

	if (i == s.n)
		return false;
	/* Counted downwards, since the least int64_t has no positive twin. */
	for (; i < s.n; i++) {
		if (!is_digit(s.p[i]))
			return false;
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_sub_overflow(value, s.p[i] - '0', &value))
			return false;
	}
	if (!negative && __builtin_sub_overflow(0, value, &value))
		return false;
	if (value < min || value > max)
		return false;
	*out = value;
	return true;
}

static size_t skip_digits(struct str s, size_t i)
{
	while (i < s.n && is_digit(s.p[i]))
		i++;
	return i;
}

/* -1, 1.5, 2e-3; not what strtod takes besides: blanks, hex, inf, nan, a bare point. */
static bool is_decimal(struct str s)
{
	size_t i = s.n > 0 && s.p[0] == '-';
	size_t from = i;

	i = skip_digits(s, i);
	if (i == from)
		return false;
	if (i < s.n && s.p[i] == '.') {
		from = ++i;
		i = skip_digits(s, i);
		if (i == from)
			return false;
	}
	if (i < s.n && lower(s.p[i]) == 'e') {
		i++;
		if (i < s.n && (s.p[i] == '+' || s.p[i] == '-'))
			i++;
		from = i;
		i = skip_digits(s, i);
		if (i == from)
			return false;
	}
	return i == s.n;
}

bool str_to_double(struct str s, double *out)
{
	char text[DOUBLE_TEXT_MAX + 1];
	double value;

	if (s.n > DOUBLE_TEXT_MAX || !is_decimal(s))
		return false;
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	value = strtod(text, NULL);
	if (!isfinite(value))
		return false;
	*out = value;
	return true;
}

int str_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

struct str str_put(char *text, size_t *used, struct str s)
{
	char *to = text + *used;

	if (s.n)
		memcpy(to, s.p, s.n);
	*used += s.n;
	return (struct str){ to, s.n };
}

uint64_t str_hash(struct str s)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < s.n; i++) {
		hash ^= (unsigned char)s.p[i];
		hash *= UINT64_C(0x100000001b3);
	}
	return hash;
}

uint64_t str_hash_seeded(struct str s, uint64_t seed)
{
	uint64_t h = seed;

	for (size_t i = 0; i < s.n; i++) {
		h ^= (unsigned char)s.p[i];
		h *= UINT64_C(0x100000001b3);
		h ^= h >> 29;
	}
	h ^= h >> 33;
	h *= UINT64_C(0xff51afd7ed558ccd);
	h ^= h >> 33;
	return h ? h : 1;
}

bool str_is_utf8(struct str s)
{
	const char *p = s.p, *end = p + s.n;

	while (p < end) {
		size_t len;

		/* Most of what we see is ASCII: eight bytes at a time. */
		if (end - p >= 8 && (eight_load(p) & EIGHT_TOPS) == 0) {
			p += 8;
			continue;
		}
		len = jtext_utf8(p, end);
		if (len == 0)
			return false;
		p += len;
	}
	return true;
}

size_t str_code_points(struct str s)
{
	size_t count = 0;

	for (size_t i = 0; i < s.n; i++)
		count += ((unsigned char)s.p[i] & 0xc0) != 0x80;
	return count;
}
