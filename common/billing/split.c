/* split.c — see split.h
 *
 * Every rule is a run of characters that have a flag; run() says where it ends. Reaching the end of
 * the text on the way is what makes a piece open.
 */
#include "billing/split.h"

#include "billing/bpe_table.h"

struct text {
	const struct bpe_header *chars;
	const char *end;
	bool open;
	uint8_t glued; /* flags of what may follow punctuation: CR, LF, in o200k also '/' */
};

/* ---- characters ------------------------------------------------------------------------------*/

static inline uint8_t flags_at(const struct text *t, const char *p, size_t *n)
{
	const unsigned char *u = (const unsigned char *)p;
	uint32_t c;

	if (u[0] < 0x80) {
		*n = 1;
		return t->chars->flags[0][u[0]];
	}
	if (u[0] < 0xe0) {
		*n = 2;
		c = (u[0] & 0x1fU) << 6 | (u[1] & 0x3fU);
	} else if (u[0] < 0xf0) {
		*n = 3;
		c = (u[0] & 0x0fU) << 12 | (u[1] & 0x3fU) << 6 | (u[2] & 0x3fU);
	} else {
		*n = 4;
		c = (u[0] & 0x07U) << 18 | (u[1] & 0x3fU) << 12 | (u[2] & 0x3fU) << 6 |
		    (u[3] & 0x3fU);
	}
	return t->chars->flags[t->chars->page_of[c / BPE_PAGE]][c % BPE_PAGE];
}

/* Where the run of characters with any of the flags ends that begins at p. */
static inline const char *run(struct text *t, const char *p, unsigned flags)
{
	size_t n;

	while (p < t->end) {
		if (!(flags_at(t, p, &n) & flags))
			return p;
		p += n;
	}
	t->open = true;
	return p;
}

/* The same for characters without any of them. */
static inline const char *run_without(struct text *t, const char *p, unsigned flags)
{
	size_t n;

	while (p < t->end) {
		if (flags_at(t, p, &n) & flags)
			return p;
		p += n;
	}
	t->open = true;
	return p;
}

/* Length of 's 't 'm 'd 're 've 'll at p, letters in any case; 0: none. U+017F is an s. */
static size_t contraction(struct text *t, const char *p)
{
	size_t n = (size_t)(t->end - p);
	char first, second;

	if (n == 0 || *p != '\'') {
		t->open |= n == 0;
		return 0;
	}
	first = n > 1 ? (char)(p[1] | 0x20) : '\0';
	second = n > 2 ? (char)(p[2] | 0x20) : '\0';
	if (first == 's' || first == 't' || first == 'm' || first == 'd')
		return 2;
	if (n > 2 && p[1] == '\xc5' && p[2] == '\xbf')
		return 3;
	if ((first == 'r' || first == 'v') && second == 'e')
		return 3;
	if (first == 'l' && second == 'l')
		return 3;
	t->open |= n < 3;
	return 0;
}

/* ---- rules -----------------------------------------------------------------------------------*/

/* White space: up to its last line break, else all but the last character, which goes with what
 * follows. */
static const char *space_piece(struct text *t, const char *p)
{
	const char *last_break = NULL, *last = p, *q = p;
	size_t n;
	uint8_t flags;

	while (q < t->end && (flags = flags_at(t, q, &n)) & CHAR_SPACE) {
		last = q;
		q += n;
		if (flags & CHAR_BREAK)
			last_break = q;
	}
	t->open |= q == t->end;
	if (last_break)
		return last_break;
	return q == t->end || last == p ? q : last;
}

/* What is no word, in both encodings. */
static const char *tail_piece(struct text *t, const char *p)
{
	const char *start = p, *end;
	size_t n;
	uint8_t flags = flags_at(t, p, &n);

	if (flags & CHAR_NUMBER) {
		for (int i = 0; i < 3 && p < t->end && flags_at(t, p, &n) & CHAR_NUMBER; i++)
			p += n;
		t->open |= p == t->end;
		return p;
	}
	if (*p == ' ')
		start++;
	end = run_without(t, start, CHAR_SPACE | CHAR_LETTER | CHAR_NUMBER);
	if (end > start)
		return run(t, end, t->glued);
	return space_piece(t, p);
}

static const char *cl100k_piece(struct text *t, const char *p)
{
	size_t n = contraction(t, p);
	const char *start = p, *end;
	uint8_t flags;

	if (n > 0)
		return p + n;
	flags = flags_at(t, p, &n);
	if (!(flags & (CHAR_BREAK | CHAR_NUMBER | CHAR_LETTER)))
		start += n;
	end = run(t, start, CHAR_LETTER);
	return end > start ? end : tail_piece(t, p);
}

/* A word with small letters at its end: capitals, then small ones; letters without case are both.
 * NULL when there is none at start; then *capitals is where the run of capitals ends. */
static const char *small_word(struct text *t, const char *start, const char **capitals)
{
	const char *q = start, *both = NULL;
	size_t n = 0;
	uint8_t flags = 0;

	while (q < t->end && (flags = flags_at(t, q, &n)) & CHAR_UPPER) {
		q += n;
		if (flags & CHAR_LOWER)
			both = q;
	}
	*capitals = q;
	if (q == t->end)
		t->open = true;
	else if (flags & CHAR_LOWER)
		return run(t, q + n, CHAR_LOWER);
	return both;
}

static const char *o200k_piece(struct text *t, const char *p)
{
	const char *led_capitals = NULL, *capitals = p, *end;
	size_t n;
	bool led = !(flags_at(t, p, &n) & (CHAR_BREAK | CHAR_LETTER | CHAR_NUMBER));

	end = led ? small_word(t, p + n, &led_capitals) : NULL;
	if (!end)
		end = small_word(t, p, &capitals);
	if (!end && led && led_capitals > p + n)
		end = led_capitals;
	if (!end && capitals > p)
		end = capitals;
	return end ? end + contraction(t, end) : tail_piece(t, p);
}

size_t split_next(enum encoding e, const char *p, const char *end, bool *open)
{
	struct text t = { .chars = bpe_header(), .end = end };
	const char *q;

	t.glued = e == ENCODING_CL100K ? CHAR_BREAK : CHAR_BREAK | CHAR_SLASH;
	q = e == ENCODING_CL100K ? cl100k_piece(&t, p) : o200k_piece(&t, p);
	*open = t.open;
	return (size_t)(q - p);
}
