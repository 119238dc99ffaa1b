/* test_standing.c — what is known of a channel: speed, load, success rate, turns */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../../fcgi-relay/standing.h"

#define T0 INT64_C(1000000000)

static struct cells table(void **memory)
{
	*memory = calloc(1, cells_bytes(STANDING_CELLS, STANDING_WORDS));
	assert_non_null(*memory);
	return cells_at(*memory, STANDING_CELLS, STANDING_WORDS);
}

static void want_cost(const char *name, const struct cells *t, int64_t now, double want_us)
{
	double got = standing_cost(t, 1, now);

	if (fabs(got - want_us) > want_us / 1000 + 1)
		fail_msg("%s: cost %.0f, want %.0f", name, got, want_us);
}

/* Up at once, down by half every five seconds, times what is under way plus one. */
static void test_speed(void **state)
{
	void *memory;
	struct cells t = table(&memory);

	want_cost("nothing known", &t, T0, 0);
	standing_answered(&t, 1, 100, T0);
	want_cost("one answer", &t, T0, 100000);
	standing_answered(&t, 1, 500, T0);
	want_cost("a slow one", &t, T0, 500000);
	standing_answered(&t, 1, 100, T0);
	want_cost("a fast one at the same moment", &t, T0, 500000);
	standing_answered(&t, 1, 100, T0 + 5000);
	want_cost("a fast one five seconds later", &t, T0 + 5000, 300000);
	want_cost("silence", &t, T0 + 10000, 150000);
	want_cost("long silence", &t, T0 + 5000 + 5000 * 61, 0);
	standing_begin(&t, 1, 3, T0 + 5000);
	standing_begin(&t, 1, 4, T0 + 5000);
	want_cost("two under way", &t, T0 + 5000, 900000);
	standing_end(&t, 1, 3);
	want_cost("one is back", &t, T0 + 5000, 600000);
	assert_true(standing_cost(&t, 2, T0) <= 0); /* another channel */
	free(memory);
}

/* One that fails at once must not look fast. */
static void test_stumbling(void **state)
{
	void *memory;
	struct cells t = table(&memory);

	standing_stumbled(&t, 1, 3, T0);
	want_cost("a second at least", &t, T0, 1000000);
	standing_stumbled(&t, 1, 3, T0);
	want_cost("twice as bad", &t, T0, 2000000);
	for (int i = 0; i < 100; i++)
		standing_stumbled(&t, 1, 3, T0);
	assert_in_range((uint64_t)standing_cost(&t, 1, T0), 30000000, 60000000);
	free(memory);
}

static void test_reap(void **state)
{
	void *memory;
	struct cells t = table(&memory);

	standing_answered(&t, 1, 100, T0);
	for (int i = 0; i < 300; i++)
		standing_begin(&t, 1, 0, T0);
	for (int i = 0; i < 2; i++)
		standing_begin(&t, 1, 1, T0);
	want_cost("both", &t, T0, 303 * 100000.0);
	standing_reap(&t, 0);
	want_cost("one died", &t, T0, 3 * 100000.0);
	standing_reap(&t, 0);
	standing_end(&t, 1, 0); /* what is gone is not taken back twice */
	want_cost("again", &t, T0, 3 * 100000.0);
	standing_begin(&t, 1, -1, T0); /* too many processes: not counted */
	standing_end(&t, 1, -1);
	standing_end(&t, 99, 0);
	want_cost("not counted", &t, T0, 3 * 100000.0);
	free(memory);
}

/* relay.md 13: a window of exactly N; on a failure, once it is full and below the rate; then it
 * begins anew. 'g' good, 'b' bad, capital: it must be said there. */
static void test_window(void **state)
{
	static const struct {
		const char *name, *outcomes;
		int size;
		double rate;
	} cases[] = {
		{ "full only with the tenth", "bbbbbbbbbB", 10, 0.8 },
		{ "eight of ten are enough", "ggggggggbb", 10, 0.8 },
		{ "seven are not", "gggggggbbB", 10, 0.8 },
		{ "only on a failure", "bbbgggggggg", 10, 0.8 },
		{ "the oldest falls out", "bgggggggggbggggggggbbB", 10, 0.8 },
		{ "anew after it was said", "bbbbBbbbbB", 5, 0.8 },
		{ "no rate, no end", "bbbbbbbbbbbb", 5, 0.0 },
		{ "one", "gBgB", 1, 0.5 },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		void *memory;
		struct cells t = table(&memory);

		for (const char *p = cases[i].outcomes; *p; p++) {
			bool said =
			    standing_outcome(&t, 7, *p == 'g', cases[i].size, cases[i].rate, T0);

			if (said != (*p == 'B'))
				fail_msg("%s: at %d said %d", cases[i].name,
				    (int)(p - cases[i].outcomes), said);
		}
		free(memory);
	}
}

static void test_long_window(void **state)
{
	void *memory;
	struct cells t = table(&memory);

	for (int i = 0; i < STANDING_WINDOW_MAX - 1; i++)
		assert_false(standing_outcome(&t, 7, false, 1000, 0.8, T0));
	assert_true(standing_outcome(&t, 7, false, 1000, 0.8, T0));
	free(memory);
}

static void test_turns(void **state)
{
	void *memory;
	struct cells t = table(&memory);

	for (uint64_t i = 0; i < 10; i++)
		assert_int_equal(standing_turn(&t, 5, T0), i);
	assert_int_equal(standing_turn(&t, 6, T0), 0);
	free(memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_speed),
		cmocka_unit_test(test_stumbling),
		cmocka_unit_test(test_reap),
		cmocka_unit_test(test_window),
		cmocka_unit_test(test_long_window),
		cmocka_unit_test(test_turns),
	};

	return cmocka_run_group_tests_name("standing", tests, NULL, NULL);
}
