/* test_buf.c — appending, the ceiling, and the NUL behind the last byte */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"

static void check_at(int line, const struct buf *b, const char *want)
{
	if (b->len != strlen(want) || memcmp(b->data, want, b->len) != 0)
		fail_msg("line %d: got '%.*s', want '%s'", line, (int)b->len, b->data, want);
	if (b->data[b->len] != '\0')
		fail_msg("line %d: got byte %d behind the last, want NUL", line, b->data[b->len]);
}

#define check(b, want) check_at(__LINE__, (b), (want))

static void test_append(void **state)
{
	struct buf b = buf_init(1000);

	check(&b, "");
	assert_true(buf_ok(&b));
	buf_add(&b, STR("ab"));
	check(&b, "ab");
	buf_add_c(&b, "cd");
	buf_add_char(&b, 'e');
	check(&b, "abcde");
	buf_add(&b, str_c(NULL));
	buf_add_c(&b, "");
	check(&b, "abcde");
	buf_addf(&b, "<%d,%s>", 7, "x");
	check(&b, "abcde<7,x>");
	assert_true(str_eq(buf_str(&b), STR("abcde<7,x>")));
	buf_clear(&b);
	check(&b, "");
	buf_release(&b);
	check(&b, "");
}

static void test_int(void **state)
{
	static const struct {
		int64_t in;
		const char *want;
	} cases[] = {
		{ 0, "0" },
		{ 7, "7" },
		{ -1, "-1" },
		{ 1000000, "1000000" },
		{ INT64_MAX, "9223372036854775807" },
		{ INT64_MIN, "-9223372036854775808" },
	};
	struct buf b = buf_init(100);

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		buf_clear(&b);
		buf_add_int(&b, cases[i].in);
		check(&b, cases[i].want);
	}
	buf_release(&b);
}

/* Every length around the places where memory grows. */
static void test_addf_at_every_length(void **state)
{
	char want[301];

	for (size_t n = 0; n < sizeof(want); n++) {
		struct buf b = buf_init(1000);

		memset(want, 'y', sizeof(want));
		want[n] = '\0';
		for (size_t i = 0; i < n; i++)
			buf_addf(&b, "%c", 'y');
		check(&b, want);
		buf_clear(&b);
		buf_addf(&b, "%s", want);
		check(&b, want);
		buf_release(&b);
	}
}

static void test_ceiling(void **state)
{
	struct buf b = buf_init(5);

	buf_add(&b, STR("abc"));
	buf_add(&b, STR("de"));
	check(&b, "abcde");
	assert_true(buf_ok(&b));
	buf_add(&b, STR(""));
	assert_true(buf_ok(&b));
	buf_add_char(&b, 'f');
	assert_false(buf_ok(&b));
	check(&b, "abcde");
	buf_clear(&b);
	assert_true(buf_ok(&b));
	check(&b, "");

	buf_add(&b, STR("abc"));
	buf_add(&b, STR("xyz"));
	assert_false(buf_ok(&b));
	check(&b, "abc");
	/* Sticky: what would fit is not taken either. */
	buf_add_char(&b, 'd');
	buf_addf(&b, "%d", 1);
	buf_add_int(&b, 1);
	assert_null(buf_reserve(&b, 1));
	check(&b, "abc");
	buf_release(&b);
	assert_true(buf_ok(&b));
}

static void test_ceiling_of_addf(void **state)
{
	struct buf b = buf_init(5);

	buf_addf(&b, "%s", "abc");
	buf_addf(&b, "%s", "defg");
	assert_false(buf_ok(&b));
	check(&b, "abc");
	buf_clear(&b);
	buf_addf(&b, "%s", "abcde");
	assert_true(buf_ok(&b));
	check(&b, "abcde");
	buf_release(&b);
}

static void test_ceiling_zero(void **state)
{
	struct buf b = buf_init(0);

	buf_add(&b, STR(""));
	buf_addf(&b, "%s", "");
	assert_true(buf_ok(&b));
	buf_add_char(&b, 'x');
	assert_false(buf_ok(&b));
	check(&b, "");
	buf_release(&b);
}

static void test_no_ceiling(void **state)
{
	struct buf b = buf_init(SIZE_MAX);

	buf_add(&b, STR("abc"));
	assert_true(buf_ok(&b));
	assert_null(buf_reserve(&b, SIZE_MAX));
	assert_false(buf_ok(&b));
	check(&b, "abc");
	buf_release(&b);
}

static void test_reserve_commit(void **state)
{
	struct buf b = buf_init(1000);
	char *p = buf_reserve(&b, 100);

	assert_non_null(p);
	memset(p, 'q', 100);
	buf_commit(&b, 3);
	check(&b, "qqq");
	p = buf_reserve(&b, 0);
	assert_ptr_equal(p, b.data + 3);
	buf_commit(&b, 0);
	check(&b, "qqq");
	buf_release(&b);
	assert_non_null(buf_reserve(&b, 0));
	buf_commit(&b, 0);
	check(&b, "");
	buf_release(&b);
}

static void test_consume_truncate(void **state)
{
	struct buf b = buf_init(100);

	buf_consume(&b, 0);
	buf_truncate(&b, 0);
	check(&b, "");
	buf_add(&b, STR("abcdef"));
	buf_consume(&b, 2);
	check(&b, "cdef");
	buf_truncate(&b, 3);
	check(&b, "cde");
	buf_add_char(&b, 'X');
	check(&b, "cdeX");
	buf_consume(&b, 4);
	check(&b, "");
	buf_release(&b);
}

/* What is consumed makes room under the ceiling again. */
static void test_consume_makes_room(void **state)
{
	struct buf b = buf_init(4);

	for (int i = 0; i < 100; i++) {
		buf_add(&b, STR("abcd"));
		assert_true(buf_ok(&b));
		buf_consume(&b, 4);
	}
	buf_release(&b);
}

static void test_detach(void **state)
{
	struct buf b = buf_init(100);
	char *p;

	buf_add(&b, STR("abc"));
	p = buf_detach(&b);
	assert_string_equal(p, "abc");
	mem_free(p);
	check(&b, "");
	p = buf_detach(&b);
	assert_string_equal(p, "");
	mem_free(p);
	buf_add(&b, STR("again"));
	check(&b, "again");
	buf_release(&b);
}

static void test_shrink(void **state)
{
	struct buf b = buf_init(100000);

	for (int i = 0; i < 5000; i++)
		buf_add_char(&b, 'x');
	buf_truncate(&b, 10);
	buf_shrink(&b);
	check(&b, "xxxxxxxxxx");
	assert_in_range(b.cap, 11, 64);
	buf_add(&b, STR("yy"));
	check(&b, "xxxxxxxxxxyy");
	buf_clear(&b);
	buf_shrink(&b);
	assert_int_equal(b.cap, 0);
	check(&b, "");
	buf_release(&b);
}

/* Growing doubles: a million bytes one by one take few moves. */
static void test_growth_is_geometric(void **state)
{
	struct buf b = buf_init(2000000);
	size_t cap = 0;
	int moves = 0;

	for (int i = 0; i < 1000000; i++) {
		buf_add_char(&b, 'x');
		moves += b.cap != cap;
		cap = b.cap;
	}
	assert_int_equal(b.len, 1000000);
	assert_in_range(moves, 1, 24);
	buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_append),
		cmocka_unit_test(test_int),
		cmocka_unit_test(test_addf_at_every_length),
		cmocka_unit_test(test_ceiling),
		cmocka_unit_test(test_ceiling_of_addf),
		cmocka_unit_test(test_ceiling_zero),
		cmocka_unit_test(test_no_ceiling),
		cmocka_unit_test(test_reserve_commit),
		cmocka_unit_test(test_consume_truncate),
		cmocka_unit_test(test_consume_makes_room),
		cmocka_unit_test(test_detach),
		cmocka_unit_test(test_shrink),
		cmocka_unit_test(test_growth_is_geometric),
	};

	return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}
