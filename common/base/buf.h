/* buf.h — growable bytes with a ceiling and a sticky overflow
 *
 * Append freely and ask once at the end:
 *
 *	struct buf b = buf_init(64 * 1024);
 *	buf_addf(&b, "{\"n\":%d,", n);
 *	buf_add(&b, STR("\"ok\":true}"));
 *	if (!buf_ok(&b)) …            something did not fit; the contents are not to be used
 *
 * Invariant: data[len] is a NUL, also for the empty buffer (data then points to a static byte).
 * After an overflow the buffer stays as it was and takes nothing more until cleared.
 *
 * Owns     its bytes (malloc). buf_release lets go, buf_detach hands them over.
 * Errors   the overflow flag only; out of memory ends the process.
 * Threads  one at a time.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>

#include "base/attr.h"
#include "base/str.h"

struct buf {
	char *data;
	size_t len;
	size_t cap;   /* 0: data is static */
	size_t limit; /* len never passes it */
	bool overflow;
};

struct buf buf_init(size_t limit_bytes);
void buf_release(struct buf *b);
/* Empty again, overflow forgotten, memory kept. */
void buf_clear(struct buf *b);
/* The bytes, to be freed with mem_free; the buffer is empty afterwards. */
RETURNS_NEW char *buf_detach(struct buf *b);

bool buf_ok(const struct buf *b);
/* A view of the contents, valid until the next append. */
struct str buf_str(const struct buf *b);

void buf_add(struct buf *b, struct str s);
void buf_add_c(struct buf *b, const char *text);
void buf_add_char(struct buf *b, char c);
void buf_add_int(struct buf *b, int64_t n);
void buf_addf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
void buf_vaddf(struct buf *b, const char *fmt, va_list args) PRINTF_LIKE(2, 0);
/* Room for n more bytes at data + len, or NULL (overflow set); then buf_commit what was written. */
char *buf_reserve(struct buf *b, size_t n);
void buf_commit(struct buf *b, size_t n);
/* Drops n bytes from the front. */
void buf_consume(struct buf *b, size_t n);
/* Shorter only. */
void buf_truncate(struct buf *b, size_t len);
/* Gives back memory beyond what the contents need. */
void buf_shrink(struct buf *b);

#endif
