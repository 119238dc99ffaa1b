#include "base/arena.h"

#include <assert.h>
#include <stdalign.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

/* Under ASan what is not handed out is poisoned: using memory after a rewind then shows. */
#if defined(__SANITIZE_ADDRESS__)
#define ARENA_POISONS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_POISONS 1
#endif
#endif
#ifdef ARENA_POISONS
#include <sanitizer/asan_interface.h>
#define POISON(p, n) ASAN_POISON_MEMORY_REGION((p), (n))
#define UNPOISON(p, n) ASAN_UNPOISON_MEMORY_REGION((p), (n))
#else
#define POISON(p, n) ((void)(p), (void)(n))
#define UNPOISON(p, n) ((void)(p), (void)(n))
#endif

#define FIRST_MIN ((size_t)512)
#define GROWN_MAX ((size_t)64 * 1024)

/* A block's bytes follow it; used and size count from the block's own start. */
struct block {
	struct block *older;
	size_t used;
	size_t size;
};

struct deferred {
	struct deferred *older;
	arena_fn *fn;
	void *object;
};

/* Lies in the first block, which is therefore never freed before the arena is. */
struct arena {
	struct block *top;
	struct block *spare; /* kept from the last rewind, or NULL */
	struct deferred *deferred;
	size_t next_size; /* of the next block */
	size_t held;
};

static size_t aligned(size_t n)
{
	const size_t to = alignof(max_align_t);

	return (n + to - 1) & ~(to - 1);
}

static struct block *block_new(size_t size)
{
	struct block *b = mem_alloc(size);

	b->older = NULL;
	b->used = aligned(sizeof(*b));
	b->size = size;
	POISON((char *)b + b->used, size - b->used);
	return b;
}

/* The next n bytes of a block that has them. */
static void *block_take(struct block *b, size_t n)
{
	char *p = (char *)b + b->used;

	/* The last piece may end short of a multiple of the alignment. */
	b->used = aligned(n) <= b->size - b->used ? b->used + aligned(n) : b->size;
	UNPOISON(p, n);
	return p;
}

static bool block_fits(const struct block *b, size_t n)
{
	return n <= b->size - b->used;
}

struct arena *arena_new(size_t first_bytes)
{
	size_t size = first_bytes < FIRST_MIN ? FIRST_MIN : first_bytes;
	struct block *first = block_new(size);
	struct arena *a = block_take(first, sizeof(*a));

	a->top = first;
	a->spare = NULL;
	a->deferred = NULL;
	a->next_size = size < GROWN_MAX / 2 ? size * 2 : GROWN_MAX;
	a->held = size;
	return a;
}

/* Each is unlinked before it runs, so that it may use the arena itself. */
static void run_deferred(struct arena *a, const struct deferred *until)
{
	while (a->deferred != until) {
		struct deferred *d = a->deferred;

		assert(d);
		a->deferred = d->older;
		d->fn(d->object);
	}
}

void arena_free(struct arena *a)
{
	struct block *b;

	if (!a)
		return;
	run_deferred(a, NULL);
	mem_free(a->spare);
	b = a->top;
	while (b) {
		struct block *older = b->older;

		mem_free(b);
		b = older;
	}
}

/* A block on top with room for n bytes. */
static struct block *grow(struct arena *a, size_t n)
{
	const size_t head = aligned(sizeof(struct block));
	struct block *b = a->spare;

	if (b && block_fits(b, n)) {
		a->spare = NULL;
	} else {
		size_t size = a->next_size;

		/* n is far from SIZE_MAX in every program that is not already lost. */
		assert(n < SIZE_MAX / 2);
		if (size < head + n)
			size = head + n;
		b = block_new(size);
		a->held += size;
		a->next_size = a->next_size < GROWN_MAX / 2 ? a->next_size * 2 : GROWN_MAX;
	}
	b->older = a->top;
	a->top = b;
	return b;
}

void *arena_alloc(struct arena *a, size_t size)
{
	struct block *b = a->top;

	/* Even nothing has an address of its own. */
	if (size == 0)
		size = 1;
	if (!block_fits(b, size))
		b = grow(a, size);
	return block_take(b, size);
}

void *arena_zalloc(struct arena *a, size_t size)
{
	return memset(arena_alloc(a, size), 0, size);
}

char *str_dup(struct arena *a, struct str s)
{
	char *copy = arena_alloc(a, s.n + 1);

	if (s.n)
		memcpy(copy, s.p, s.n);
	copy[s.n] = '\0';
	return copy;
}

char *arena_strdup(struct arena *a, const char *text)
{
	return str_dup(a, str_c(text));
}

struct str arena_str(struct arena *a, struct str s)
{
	return (struct str){ str_dup(a, s), s.n };
}

char *arena_vfmt(struct arena *a, const char *fmt, va_list args)
{
	char small[256];
	va_list again;
	char *text;
	int n;

	va_copy(again, args);
	n = vsnprintf(small, sizeof(small), fmt, args);
	assert(n >= 0);
	text = arena_alloc(a, (size_t)n + 1);
	if ((size_t)n < sizeof(small))
		memcpy(text, small, (size_t)n + 1);
	else
		vsnprintf(text, (size_t)n + 1, fmt, again);
	va_end(again);
	return text;
}

char *arena_fmt(struct arena *a, const char *fmt, ...)
{
	va_list args;
	char *text;

	va_start(args, fmt);
	text = arena_vfmt(a, fmt, args);
	va_end(args);
	return text;
}

void arena_defer(struct arena *a, arena_fn *fn, void *object)
{
	struct deferred *d = arena_alloc(a, sizeof(*d));

	d->older = a->deferred;
	d->fn = fn;
	d->object = object;
	a->deferred = d;
}

struct arena_mark arena_mark(const struct arena *a)
{
	return (struct arena_mark){ a->top, a->top->used, a->deferred };
}

/* Keeps one ordinary block, so that a loop whose turns need it does not make it every time. */
static void drop_top(struct arena *a)
{
	struct block *b = a->top;

	a->top = b->older;
	if (a->spare || b->size > GROWN_MAX) {
		a->held -= b->size;
		mem_free(b);
		return;
	}
	b->used = aligned(sizeof(*b));
	POISON((char *)b + b->used, b->size - b->used);
	a->spare = b;
}

void arena_rewind(struct arena *a, struct arena_mark mark)
{
	run_deferred(a, mark.deferred);
	while (a->top != mark.block) {
		assert(a->top->older);
		drop_top(a);
	}
	assert(mark.used <= a->top->used);
	a->top->used = mark.used;
	POISON((char *)a->top + mark.used, a->top->size - mark.used);
}

size_t arena_held(const struct arena *a)
{
	return a->held;
}
