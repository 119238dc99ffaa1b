/* test_rate.c — bursts, the pace after them, and a table that threads and processes share */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/rate.h"

/* So many that two of the keys below meet less than once in 100,000 runs. */
#define CELLS (1 << 24)
/* Long enough that the time a test takes does not count. */
#define HOUR_MS INT64_C(3600000)

static struct rate_table *table;

static int make_table(void **state)
{
	table = rate_table_new(CELLS);
	return 0;
}

static int free_table(void **state)
{
	rate_table_free(table);
	return 0;
}

/* How many of `tries` are allowed. */
static int burst(struct str key, int tries, int64_t n, int64_t period_ms)
{
	int allowed = 0, retry;

	for (int i = 0; i < tries; i++)
		allowed += rate_allow(table, key, n, period_ms, &retry);
	return allowed;
}

static void test_burst(void **state)
{
	static const struct {
		const char *name;
		int tries;
		int64_t n, period_ms;
		int want;
	} cases[] = {
		{ "one per hour", 5, 1, HOUR_MS, 1 },
		{ "20 per 1200 s", 50, 20, 1200000, 20 },
		{ "480 per 180 s, in thirds of a second", 479, 480, 180000, 479 },
		{ "does not divide", 50, 7, HOUR_MS + 1, 7 },
		{ "fewer tries than allowed", 3, 10, HOUR_MS, 3 },
		{ "no limit", 1000, 0, HOUR_MS, 1000 },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		int got =
		    burst(str_c(cases[i].name), cases[i].tries, cases[i].n, cases[i].period_ms);

		if (got != cases[i].want)
			fail_msg("%s: got %d allowed, want %d", cases[i].name, got, cases[i].want);
	}
}

static void test_refusal_says_when(void **state)
{
	int retry = 0;

	/* After two per 100 s the next is due in 50 s; a third of it later, in 33 s. */
	assert_int_equal(burst(STR("when"), 2, 2, 100000), 2);
	assert_false(rate_allow(table, STR("when"), 2, 100000, &retry));
	assert_in_range(retry, 49, 50);
	clock_test_advance(17000);
	assert_false(rate_allow(table, STR("when"), 2, 100000, &retry));
	assert_in_range(retry, 32, 33);
	/* Refusals cost nothing: the time stays what it was. */
	clock_test_advance(32000);
	assert_false(rate_allow(table, STR("when"), 2, 100000, &retry));
	assert_int_equal(retry, 1);
	clock_test_advance(1000);
	assert_true(rate_allow(table, STR("when"), 2, 100000, &retry));
	assert_false(rate_allow(table, STR("when"), 2, 100000, &retry));
}

static void test_pace_after_burst(void **state)
{
	static const struct {
		const char *name;
		int64_t wait_ms;
		int want;
	} cases[] = {
		{ "before the first interval", 350000, 0 },
		{ "after one interval", 360000, 1 },
		{ "after three and a half", 3 * 360000 + 180000, 3 },
		{ "after the whole period", HOUR_MS, 10 },
		{ "after a day: no more than the burst", 24 * HOUR_MS, 10 },
	};

	/* Ten per hour: one every 360 s. */
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct str key = str_c(cases[i].name);
		int got;

		assert_int_equal(burst(key, 20, 10, HOUR_MS), 10);
		clock_test_advance(cases[i].wait_ms);
		got = burst(key, 20, 10, HOUR_MS);
		if (got != cases[i].want)
			fail_msg("%s: got %d, want %d", cases[i].name, got, cases[i].want);
	}
}

/* Over a hundred periods no more than n in each, and the first burst. */
static void test_long_run(void **state)
{
	int allowed = 0;

	for (int i = 0; i < 1000; i++) {
		allowed += burst(STR("long"), 3, 10, HOUR_MS);
		clock_test_advance(HOUR_MS / 10);
	}
	assert_in_range(allowed, 1000, 1010);
}

static void test_keys_are_apart(void **state)
{
	assert_int_equal(burst(STR("GA:192.0.2.1"), 3, 2, HOUR_MS), 2);
	assert_int_equal(burst(STR("CT:192.0.2.1"), 3, 2, HOUR_MS), 2);
	assert_int_equal(burst(STR("GA:192.0.2.2"), 3, 2, HOUR_MS), 2);
}

/* 500 keys in 65,536 cells: about two of them meet by chance. */
static void test_keys_spread(void **state)
{
	struct rate_table *usual = rate_table_new(65536);
	int refused = 0, retry;

	for (int i = 0; i < 500; i++) {
		char key[32];
		int n = snprintf(key, sizeof(key), "GA:198.51.%d.%d", i / 250, i % 250);

		if (!rate_allow(usual, (struct str){ key, (size_t)n }, 1, HOUR_MS, &retry))
			refused++;
	}
	assert_in_range(refused, 0, 20);
	rate_table_free(usual);
}

static void test_extremes(void **state)
{
	int retry = 0;

	assert_true(rate_allow(table, STR("most"), INT64_MAX, INT64_MAX, &retry));
	assert_true(rate_allow(table, STR("fast"), INT64_MAX, 1, &retry));
	assert_true(rate_allow(table, STR("negative"), -1, HOUR_MS, &retry));
	assert_true(rate_allow(table, STR("slow"), 1, INT64_MAX, &retry));
	assert_false(rate_allow(table, STR("slow"), 1, INT64_MAX, &retry));
	/* Not more than a year, whatever the period says. */
	assert_in_range(retry, 365 * 24 * 3600, 366 * 24 * 3600);
	assert_true(rate_allow(table, str_c(NULL), 1, HOUR_MS, &retry));
	assert_false(rate_allow(table, STR(""), 1, HOUR_MS, &retry));
}

static void test_one_cell(void **state)
{
	struct rate_table *tiny = rate_table_new(1);
	int retry;

	assert_true(rate_allow(tiny, STR("a"), 1, HOUR_MS, &retry));
	assert_false(rate_allow(tiny, STR("b"), 1, HOUR_MS, &retry));
	rate_table_free(tiny);
	rate_table_free(NULL);
}

static atomic_int by_threads;

static void *hammer(void *arg)
{
	atomic_fetch_add(&by_threads, burst(STR("threads"), 2000, 1000, 1000 * HOUR_MS));
	return NULL;
}

static void test_threads_share(void **state)
{
	pthread_t threads[4];

	for (size_t i = 0; i < COUNT_OF(threads); i++)
		pthread_create(&threads[i], NULL, hammer, NULL);
	for (size_t i = 0; i < COUNT_OF(threads); i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(atomic_load(&by_threads), 1000);
}

static void test_processes_share(void **state)
{
	int status = 0;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0)
		_exit(burst(STR("fork"), 5, 7, HOUR_MS));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(WEXITSTATUS(status), 5);
	assert_int_equal(burst(STR("fork"), 10, 7, HOUR_MS), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_burst),
		cmocka_unit_test(test_refusal_says_when),
		cmocka_unit_test(test_pace_after_burst),
		cmocka_unit_test(test_long_run),
		cmocka_unit_test(test_keys_are_apart),
		cmocka_unit_test(test_keys_spread),
		cmocka_unit_test(test_extremes),
		cmocka_unit_test(test_one_cell),
		cmocka_unit_test(test_threads_share),
		cmocka_unit_test(test_processes_share),
	};

	return cmocka_run_group_tests_name("rate", tests, make_table, free_table);
}
