/* test_think.c — reasoning between tags, in pieces cut anywhere */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "provider/think.h"

/* clang-format off */
static const struct {
	const char *name, *tag, *in, *thought, *said;
} cases[] = {
	{ "nothing", "think", "", "", "" },
	{ "no tag", "think", "just an answer", "", "just an answer" },
	{ "both", "think", "<think>why</think>because", "why", "because" },
	{ "blanks around", "think", "\n <think>\nwhy\n</think>\n\nbecause\n", "\nwhy\n", "because\n" },
	{ "another tag", "thought", "<thought>a < b</thought>yes", "a < b", "yes" },
	{ "the other's tag", "thought", "<think>a</think>yes", "", "<think>a</think>yes" },
	{ "empty thought", "think", "<think></think>x", "", "x" },
	{ "nothing said", "think", "<think>why</think>", "why", "" },
	{ "cut off while thinking", "think", "<think>why </thi", "why </thi", "" },
	{ "cut off in the tag", "think", " <thin", "", " <thin" },
	{ "not at the beginning", "think", "I say <think>no</think>", "", "I say <think>no</think>" },
	{ "a second time is text", "think", "<think>a</think>b<think>c</think>d", "a", "b<think>c</think>d" },
	{ "closing begun in vain", "think", "<think>a</th</think>b", "a</th", "b" },
	{ "opening inside", "think", "<think><think>a</think>b", "<think>a", "b" },
	{ "beyond ASCII", "think", "<think>\xe4\xbd\xa0</think>\xe5\xa5\xbd", "\xe4\xbd\xa0", "\xe5\xa5\xbd" },
};
/* clang-format on */

static void check(const char *name, const char *how, size_t at, struct buf *got, const char *want)
{
	if (!str_eq_c(buf_str(got), want))
		fail_msg("%s, %s in pieces of %zu: got \"%s\", want \"%s\"", name, how, at,
		    got->data, want);
	buf_release(got);
}

/* A case at once and in pieces of each size: always the same. */
static void test_split(void **state)
{
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct str in = str_c(cases[i].in);

		for (size_t step = 1; step <= in.n + 1; step++) {
			struct buf thought = buf_init(4096), said = buf_init(4096);
			struct think t = { 0 };
			size_t from = 0;

			for (; from + step < in.n; from += step)
				think_split(&t, str_c(cases[i].tag),
				    str_slice(in, from, from + step), false, &thought, &said);
			think_split(&t, str_c(cases[i].tag), str_slice(in, from, in.n), true,
			    &thought, &said);
			check(cases[i].name, "thought", step, &thought, cases[i].thought);
			check(cases[i].name, "said", step, &said, cases[i].said);
		}
	}
}

/* What is sure is not held back. */
static void test_at_once(void **state)
{
	struct buf thought = buf_init(4096), said = buf_init(4096);
	struct think t = { 0 };

	think_split(&t, STR("think"), STR("<think>one <"), false, &thought, &said);
	assert_string_equal(thought.data, "one ");
	think_split(&t, STR("think"), STR("2"), false, &thought, &said);
	assert_string_equal(thought.data, "one <2");
	think_split(&t, STR("think"), STR("</think>yes"), false, &thought, &said);
	assert_string_equal(said.data, "yes");
	buf_release(&thought);
	buf_release(&said);
}

/* However long the blanks are, no more than THINK_HELD bytes wait. */
static void test_bound(void **state)
{
	struct buf thought = buf_init(4096), said = buf_init(4096);
	struct think t = { 0 };

	for (int i = 0; i < 100; i++)
		think_split(&t, STR("think"), STR("\n"), false, &thought, &said);
	assert_in_range(said.len, 100 - THINK_HELD, 100);
	think_split(&t, STR("think"), STR("<think>a"), true, &thought, &said);
	assert_int_equal(said.len, 108);
	assert_int_equal(thought.len, 0);
	buf_release(&thought);
	buf_release(&said);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_split),
		cmocka_unit_test(test_at_once),
		cmocka_unit_test(test_bound),
	};

	return cmocka_run_group_tests_name("think", tests, NULL, NULL);
}
