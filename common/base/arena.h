/* arena.h — memory that lives as long as one request
 *
 * Everything a request makes is taken from its arena and let go with it in one call; nobody frees
 * single pieces. Foreign objects (cJSON trees, statements, curl lists) are tied to it where they
 * are made, so that an early return is always safe:
 *
 *	cJSON *tree = cJSON_ParseWithLength(p, n);
 *	arena_defer(a, (arena_fn *)cJSON_Delete, tree);
 *
 * A loop that runs for hours marks and rewinds, so that its memory is that of one turn:
 *
 *	struct arena_mark m = arena_mark(a);
 *	… one event …
 *	arena_rewind(a, m);           runs what was deferred since the mark, newest first
 *
 * Owns     its blocks and what was deferred to it.
 * Errors   none: out of memory ends the process.
 * Threads  one at a time; give it away together with the request that holds it.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stdarg.h>

#include "base/attr.h"
#include "base/str.h"

struct arena;
typedef void arena_fn(void *object);

struct arena_mark {
	void *block;
	size_t used;
	void *deferred;
};

/* The arena sits at the start of its first block: making one is one malloc of first_bytes
 * (at least 512). */
RETURNS_NEW struct arena *arena_new(size_t first_bytes);
/* Runs what was deferred, newest first, then frees all. NULL is allowed. */
void arena_free(struct arena *a);

/* Aligned for any type; contents undefined. size 0 is allowed. */
RETURNS_NEW void *arena_alloc(struct arena *a, size_t size);
/* The same, zeroed. */
RETURNS_NEW void *arena_zalloc(struct arena *a, size_t size);
#define ARENA_NEW(a, type) ((type *)arena_zalloc((a), sizeof(type)))

RETURNS_NEW char *arena_strdup(struct arena *a, const char *text);
/* NUL-terminated copy of a view. */
RETURNS_NEW char *str_dup(struct arena *a, struct str s);
/* Copy of a view, still NUL-terminated one past its end. */
struct str arena_str(struct arena *a, struct str s);
RETURNS_NEW PRINTF_LIKE(2, 3) char *arena_fmt(struct arena *a, const char *fmt, ...);
RETURNS_NEW PRINTF_LIKE(2, 0) char *arena_vfmt(struct arena *a, const char *fmt, va_list args);

/* fn(object) runs when the arena is freed or rewound past this point. */
void arena_defer(struct arena *a, arena_fn *fn, void *object);

struct arena_mark arena_mark(const struct arena *a);
void arena_rewind(struct arena *a, struct arena_mark mark);

/* Bytes held from the system, for budgets and tests. */
size_t arena_held(const struct arena *a);

#endif
