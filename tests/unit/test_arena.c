/* test_arena.c — what an arena hands out, keeps, rewinds and runs at its end */
#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"

/* What ran, in order. */
static char ran[32];

static void note(void *object)
{
	size_t n = strlen(ran);

	snprintf(ran + n, sizeof(ran) - n, "%s", (const char *)object);
}

static char A[] = "a", B[] = "b", C[] = "c";

static int reset(void **state)
{
	ran[0] = '\0';
	return 0;
}

static void test_alignment_and_zero(void **state)
{
	static const size_t sizes[] = { 0, 1, 7, 16, 17, 100, 600, 5000, 100000, 3 };
	struct arena *a = arena_new(0);

	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		char *p = arena_alloc(a, sizes[i]);
		char *z = arena_zalloc(a, sizes[i]);

		if ((uintptr_t)p % alignof(max_align_t) || (uintptr_t)z % alignof(max_align_t))
			fail_msg("size %zu: got %p and %p, want both aligned", sizes[i], (void *)p,
			    (void *)z);
		memset(p, 0xff, sizes[i]);
		for (size_t j = 0; j < sizes[i]; j++)
			if (z[j])
				fail_msg("size %zu: byte %zu is %d, want 0", sizes[i], j, z[j]);
	}
	arena_free(a);
	arena_free(NULL);
}

static void test_zalloc_after_rewind(void **state)
{
	struct arena *a = arena_new(1024);
	struct arena_mark m = arena_mark(a);
	char *p;

	memset(arena_alloc(a, 200), 0xff, 200);
	arena_rewind(a, m);
	p = arena_zalloc(a, 200);
	for (size_t i = 0; i < 200; i++)
		if (p[i])
			fail_msg("byte %zu: got %d, want 0", i, p[i]);
	arena_free(a);
}

/* Pieces that share memory would overwrite each other's pattern. */
static void test_pieces_do_not_overlap(void **state)
{
	unsigned char *pieces[300];
	struct arena *a = arena_new(512);

	for (size_t i = 0; i < COUNT_OF(pieces); i++) {
		pieces[i] = arena_alloc(a, i * 3 + 1);
		memset(pieces[i], (int)(i & 0xff), i * 3 + 1);
	}
	for (size_t i = 0; i < COUNT_OF(pieces); i++)
		for (size_t j = 0; j < i * 3 + 1; j++)
			if (pieces[i][j] != (i & 0xff))
				fail_msg("piece %zu: got %d, want %zu", i, pieces[i][j], i & 0xff);
	arena_free(a);
}

static void test_text(void **state)
{
	struct arena *a = arena_new(512);
	char long_text[1001];
	struct str view;

	assert_string_equal(arena_strdup(a, "abc"), "abc");
	assert_string_equal(str_dup(a, str_slice(STR("abcdef"), 1, 3)), "bc");
	assert_string_equal(str_dup(a, str_c(NULL)), "");
	view = arena_str(a, str_slice(STR("abcdef"), 2, 5));
	assert_int_equal(view.n, 3);
	assert_string_equal(view.p, "cde");
	assert_string_equal(arena_fmt(a, "%s=%d", "n", 42), "n=42");
	assert_string_equal(arena_fmt(a, "%s", ""), "");

	memset(long_text, 'x', 1000);
	long_text[1000] = '\0';
	for (size_t n = 254; n <= 258; n++) {
		char *got = arena_fmt(a, "%.*s", (int)n, long_text);

		if (strlen(got) != n || strspn(got, "x") != n)
			fail_msg("fmt of %zu bytes: got %zu", n, strlen(got));
	}
	assert_string_equal(arena_fmt(a, "%s", long_text), long_text);
	arena_free(a);
}

static void test_deferred_run_newest_first(void **state)
{
	struct arena *a = arena_new(512);

	arena_defer(a, note, A);
	arena_alloc(a, 10000);
	arena_defer(a, note, B);
	arena_defer(a, note, C);
	assert_string_equal(ran, "");
	arena_free(a);
	assert_string_equal(ran, "cba");
}

static void test_rewind_runs_what_came_since(void **state)
{
	struct arena *a = arena_new(512);
	struct arena_mark m;

	arena_defer(a, note, A);
	m = arena_mark(a);
	arena_defer(a, note, B);
	arena_alloc(a, 100000);
	arena_defer(a, note, C);
	arena_rewind(a, m);
	assert_string_equal(ran, "cb");
	arena_rewind(a, m);
	assert_string_equal(ran, "cb");
	arena_free(a);
	assert_string_equal(ran, "cba");
}

static void test_nested_marks(void **state)
{
	struct arena *a = arena_new(512);
	struct arena_mark outer = arena_mark(a), inner;
	char *kept;

	kept = arena_strdup(a, "kept");
	arena_defer(a, note, A);
	inner = arena_mark(a);
	memset(arena_alloc(a, 3000), 'x', 3000);
	arena_defer(a, note, B);
	arena_rewind(a, inner);
	assert_string_equal(ran, "b");
	memset(arena_alloc(a, 3000), 'y', 3000);
	assert_string_equal(kept, "kept");
	arena_rewind(a, outer);
	assert_string_equal(ran, "ba");
	arena_free(a);
}

static struct arena *reentrant;

static void allocates(void *object)
{
	note(object);
	memset(arena_alloc(reentrant, 2000), 'z', 2000);
}

/* A deferred function may use the arena it is run by. */
static void test_deferred_may_allocate(void **state)
{
	struct arena_mark m;

	reentrant = arena_new(512);
	m = arena_mark(reentrant);
	arena_defer(reentrant, allocates, A);
	arena_defer(reentrant, allocates, B);
	arena_rewind(reentrant, m);
	assert_string_equal(ran, "ba");
	arena_defer(reentrant, allocates, C);
	arena_free(reentrant);
	assert_string_equal(ran, "bac");
}

/* An hour of turns holds what one turn holds, and a rewind keeps one ordinary block at most. */
static void test_turns_hold_what_one_holds(void **state)
{
	static const struct {
		const char *name;
		size_t bytes;
		int times;
	} cases[] = {
		{ "within the first block", 100, 1 },
		{ "one more block", 5000, 1 },
		{ "several blocks", 30000, 10 },
		{ "a large block", 1000000, 1 },
		{ "large and small ones", 70000, 3 },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct arena *a = arena_new(1024);
		size_t after_ten = 0;

		for (int turn = 1; turn <= 300; turn++) {
			struct arena_mark m = arena_mark(a);

			for (int n = 0; n < cases[i].times; n++) {
				arena_alloc(a, 10);
				arena_alloc(a, cases[i].bytes);
			}
			arena_rewind(a, m);
			/* By then blocks have grown as large as they get. */
			if (turn == 10)
				after_ten = arena_held(a);
		}
		if (arena_held(a) != after_ten || after_ten > 1024 + 64 * 1024)
			fail_msg("%s: got %zu bytes held, then %zu, want the same, one block",
			    cases[i].name, after_ten, arena_held(a));
		arena_free(a);
	}
}

static void test_blocks_grow(void **state)
{
	struct arena *a = arena_new(100);
	size_t held;

	assert_int_equal(arena_held(a), 512);
	arena_alloc(a, 600);
	assert_int_equal(arena_held(a), 512 + 1024);
	arena_alloc(a, 1000);
	assert_int_equal(arena_held(a), 512 + 1024 + 2048);
	held = arena_held(a);
	arena_alloc(a, 1024 * 1024);
	assert_in_range(arena_held(a) - held, 1024 * 1024, 1024 * 1024 + 64);

	/* From then on no block is larger than 64 KiB unless a piece is. */
	for (int i = 0; i < 40; i++) {
		held = arena_held(a);
		arena_alloc(a, 40000);
		assert_in_range(arena_held(a) - held, 0, 64 * 1024);
	}
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_alignment_and_zero),
		cmocka_unit_test(test_zalloc_after_rewind),
		cmocka_unit_test(test_pieces_do_not_overlap),
		cmocka_unit_test(test_text),
		cmocka_unit_test_setup(test_deferred_run_newest_first, reset),
		cmocka_unit_test_setup(test_rewind_runs_what_came_since, reset),
		cmocka_unit_test_setup(test_nested_marks, reset),
		cmocka_unit_test_setup(test_deferred_may_allocate, reset),
		cmocka_unit_test(test_turns_hold_what_one_holds),
		cmocka_unit_test(test_blocks_grow),
	};

	return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}
