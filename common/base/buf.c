#include "base/buf.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

#define SMALLEST_CAP ((size_t)64)

/* What an empty buffer shows; never written, since every empty buffer shares it. */
static char nothing[1];

struct buf buf_init(size_t limit_bytes)
{
	const size_t most = PTRDIFF_MAX - 1;

	return (struct buf){ .data = nothing, .limit = limit_bytes < most ? limit_bytes : most };
}

void buf_release(struct buf *b)
{
	if (b->cap)
		mem_free(b->data);
	*b = buf_init(b->limit);
}

static void set_len(struct buf *b, size_t len)
{
	b->len = len;
	if (b->cap)
		b->data[len] = '\0'; /* NOLINT(clang-analyzer-core.NullDereference): cap says so */
}

void buf_clear(struct buf *b)
{
	set_len(b, 0);
	b->overflow = false;
}

char *buf_detach(struct buf *b)
{
	char *data = b->cap ? b->data : mem_zalloc(1);

	*b = buf_init(b->limit);
	return data;
}

bool buf_ok(const struct buf *b)
{
	return !b->overflow;
}

struct str buf_str(const struct buf *b)
{
	return (struct str){ b->data, b->len };
}

static void set_cap(struct buf *b, size_t cap)
{
	b->data = mem_realloc(b->cap ? b->data : NULL, cap);
	b->cap = cap;
	b->data[b->len] = '\0';
}

char *buf_reserve(struct buf *b, size_t n)
{
	size_t need;

	if (b->overflow)
		return NULL;
	if (n > b->limit - b->len) {
		b->overflow = true;
		return NULL;
	}
	need = b->len + n + 1;
	if (n && need > b->cap) {
		size_t cap = b->cap ? b->cap * 2 : SMALLEST_CAP;

		if (cap > b->limit + 1)
			cap = b->limit + 1;
		set_cap(b, cap < need ? need : cap);
	}
	return b->data + b->len;
}

void buf_commit(struct buf *b, size_t n)
{
	assert(n == 0 || n < b->cap - b->len);
	set_len(b, b->len + n);
}

void buf_add(struct buf *b, struct str s)
{
	char *to = buf_reserve(b, s.n);

	if (!to || s.n == 0)
		return;
	memcpy(to, s.p, s.n);
	buf_commit(b, s.n);
}

void buf_add_c(struct buf *b, const char *text)
{
	buf_add(b, str_c(text));
}

void buf_add_char(struct buf *b, char c)
{
	buf_add(b, (struct str){ &c, 1 });
}

void buf_add_int(struct buf *b, int64_t n)
{
	char digits[24];
	size_t at = sizeof(digits);
	uint64_t left = n < 0 ? -(uint64_t)n : (uint64_t)n;

	do {
		digits[--at] = (char)('0' + left % 10);
		left /= 10;
	} while (left);
	if (n < 0)
		digits[--at] = '-';
	buf_add(b, (struct str){ digits + at, sizeof(digits) - at });
}

void buf_vaddf(struct buf *b, const char *fmt, va_list args)
{
	size_t room = b->cap ? b->cap - b->len : 0;
	va_list again;
	int n;

	if (b->overflow)
		return;
	va_copy(again, args);
	/* Usually it fits where we are; otherwise the length tells how much it takes. */
	n = vsnprintf(room ? b->data + b->len : NULL, room, fmt, args);
	assert(n >= 0);
	if ((size_t)n >= room && n > 0) {
		char *to = buf_reserve(b, (size_t)n);

		if (to)
			vsnprintf(to, (size_t)n + 1, fmt, again);
	}
	va_end(again);
	set_len(b, b->overflow ? b->len : b->len + (size_t)n);
}

void buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	buf_vaddf(b, fmt, args);
	va_end(args);
}

void buf_consume(struct buf *b, size_t n)
{
	assert(n <= b->len);
	if (n == 0)
		return;
	memmove(b->data, b->data + n, b->len - n);
	set_len(b, b->len - n);
}

void buf_truncate(struct buf *b, size_t len)
{
	assert(len <= b->len);
	set_len(b, len);
}

void buf_shrink(struct buf *b)
{
	bool overflow = b->overflow;

	if (b->len == 0) {
		buf_release(b);
		b->overflow = overflow;
	} else if (b->cap > b->len + 1) {
		set_cap(b, b->len + 1);
	}
}
