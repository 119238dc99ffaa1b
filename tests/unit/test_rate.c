/* test_rate.c — bursts, the pace after them, and a table that threads and processes share */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mapping.h"
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

/* ---- costs, corrections, views --------------------------------------------------------------- */

static void test_costs(void **state)
{
	/* 1000 tokens a minute: one every 60 ms. */
	static const struct rate_limit tpm = { 1000, 60000 };
	static const struct {
		const char *name;
		int64_t wait_ms, cost;
		bool want;
		int64_t remaining, retry_ms;
	} cases[] = {
		{ "looking takes nothing", 0, 0, true, 1000, 0 },
		{ "part of it", 0, 400, true, 600, 0 },
		{ "too much for now", 0, 601, false, 600, 60 },
		{ "all of the rest", 0, 600, true, 0, 0 },
		{ "nothing left", 0, 1, false, 0, 60 },
		{ "half a minute later", 30000, 501, false, 500, 60 },
		{ "exactly what came back", 0, 500, true, 0, 0 },
		{ "more than there ever is", 0, 1001, false, 0, -1 },
	};
	uint64_t key = rate_key(table, STR("tokens"));

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct rate_view view;
		bool got;

		clock_test_advance(cases[i].wait_ms);
		got = rate_take(table, key, tpm, cases[i].cost, &view);
		if (got != cases[i].want)
			fail_msg("%s: got %d, want %d", cases[i].name, got, cases[i].want);
		/* The test itself takes a few milliseconds: one token more, or two. */
		if (view.remaining < cases[i].remaining || view.remaining > cases[i].remaining + 2)
			fail_msg("%s: got %lld left, want %lld", cases[i].name,
			    (long long)view.remaining, (long long)cases[i].remaining);
		if (view.retry_ms > cases[i].retry_ms ||
		    (cases[i].retry_ms == -1) != (view.retry_ms == -1))
			fail_msg("%s: got retry after %lld ms, want %lld", cases[i].name,
			    (long long)view.retry_ms, (long long)cases[i].retry_ms);
	}
}

static void test_reset(void **state)
{
	/* 10 per hour, 3 taken: all is back after 3 times 360 s. */
	static const struct rate_limit limit = { 10, HOUR_MS };
	struct rate_view view;

	assert_true(rate_take(table, rate_key(table, STR("reset")), limit, 3, &view));
	assert_int_equal(view.reset_ms, 3 * 360000);
	assert_int_equal(view.remaining, 7);
	clock_test_advance(360000);
	assert_true(rate_take(table, rate_key(table, STR("reset")), limit, 0, &view));
	assert_in_range(view.reset_ms, 2 * 360000 - 1000, 2 * 360000);
}

static void test_corrections(void **state)
{
	static const struct rate_limit limit = { 1000, HOUR_MS };
	static const struct {
		const char *name;
		int64_t taken, more, remaining;
	} cases[] = {
		{ "less was used", 500, -200, 700 },
		{ "nothing was used", 500, -500, 1000 },
		{ "more was used", 500, 300, 200 },
		{ "far more was used", 500, 5000, 0 },
		{ "as estimated", 500, 0, 500 },
		{ "given back and never taken", 0, -500, 1000 },
		{ "used without asking", 0, 400, 600 },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		uint64_t key = rate_key(table, str_c(cases[i].name));
		struct rate_view view;

		assert_true(rate_take(table, key, limit, cases[i].taken, &view));
		rate_adjust(table, key, limit, cases[i].more);
		assert_true(rate_take(table, key, limit, 0, &view));
		if (view.remaining != cases[i].remaining)
			fail_msg("%s: got %lld left, want %lld", cases[i].name,
			    (long long)view.remaining, (long long)cases[i].remaining);
	}
}

/* A debt is paid before anything is let in again. */
static void test_debt(void **state)
{
	static const struct rate_limit limit = { 100, HOUR_MS };
	uint64_t key = rate_key(table, STR("debt"));
	struct rate_view view;

	assert_true(rate_take(table, key, limit, 50, &view));
	rate_adjust(table, key, limit, 150); /* 200 in all: 100 too many */
	clock_test_advance(HOUR_MS - 60000);
	assert_false(rate_take(table, key, limit, 1, &view));
	clock_test_advance(60000 + 36000 + 1000);
	assert_true(rate_take(table, key, limit, 1, &view));
}

/* Full buckets are shared, cells whose time has passed are taken over. */
static void test_cells_are_taken_over(void **state)
{
	struct rate_table *small = rate_table_new(8);
	int retry, refused = 0;

	for (int i = 0; i < 16; i++) {
		char key[16];
		int n = snprintf(key, sizeof(key), "first %d", i);

		refused += !rate_allow(small, (struct str){ key, (size_t)n }, 1, 60000, &retry);
	}
	assert_int_equal(refused, 8);
	clock_test_advance(61000);
	for (int i = 0; i < 8; i++) {
		char key[16];
		int n = snprintf(key, sizeof(key), "second %d", i);

		assert_true(rate_allow(small, (struct str){ key, (size_t)n }, 1, 60000, &retry));
	}
	rate_table_free(small);
}

/* Four processes over one mapped file take costs of 50 from 10,000: 200 times, not once more. */
static void test_mapped_processes(void **state)
{
	static const struct rate_limit limit = { 10000, 1000 * HOUR_MS };
	char path[] = "/tmp/test_rate.XXXXXX";
	int fd = mkstemp(path), taken = 0;
	pid_t children[4];

	assert_true(fd >= 0);
	close(fd);
	for (size_t i = 0; i < COUNT_OF(children); i++) {
		children[i] = fork();
		if (children[i] == 0) {
			struct mapping *m;
			struct rate_table *t;
			struct rate_view view;
			struct err err = { 0 };
			int got = 0;

			if (!mapping_open(path, &m, &err))
				_exit(255);
			t = rate_table_at(mapping_region(m, "rates", rate_table_bytes(1024)), 1024);
			for (int n = 0; n < 900; n++) {
				uint64_t key = rate_key(t, STR("all"));

				got += rate_take(t, key, limit, 50, &view);
			}
			_exit(got);
		}
	}
	for (size_t i = 0; i < COUNT_OF(children); i++) {
		int status = 0;

		assert_int_equal(waitpid(children[i], &status, 0), children[i]);
		assert_int_not_equal(WEXITSTATUS(status), 255);
		taken += WEXITSTATUS(status);
	}
	assert_int_equal(taken, 200);
	unlink(path);
}

/* ---- many at a new key ---------------------------------------------------------------------- */

#define NEW_KEYS 2000
#define AT_ONCE 4

static struct {
	struct rate_table *table; /* small: its pages are there, so that threads do meet */
	pthread_barrier_t start;
	atomic_int allowed;
} door;

static void *knock(void *arg)
{
	char key[32];
	int retry;

	for (int i = 0; i < NEW_KEYS; i++) {
		int n = snprintf(key, sizeof(key), "knock %d", i);

		pthread_barrier_wait(&door.start);
		atomic_fetch_add(&door.allowed,
		    rate_allow(door.table, (struct str){ key, (size_t)n }, 1, HOUR_MS, &retry));
	}
	return NULL;
}

/* All come to a key that has no cell yet, in the same instant: one cell is made, and one goes in. */
static void test_new_keys_have_one_cell(void **state)
{
	pthread_t threads[AT_ONCE];

	door.table = rate_table_new(1 << 14);
	pthread_barrier_init(&door.start, NULL, AT_ONCE);
	for (int i = 0; i < AT_ONCE; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, knock, NULL), 0);
	for (int i = 0; i < AT_ONCE; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(atomic_load(&door.allowed), NEW_KEYS);
	pthread_barrier_destroy(&door.start);
	rate_table_free(door.table);
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
		cmocka_unit_test(test_costs),
		cmocka_unit_test(test_reset),
		cmocka_unit_test(test_corrections),
		cmocka_unit_test(test_debt),
		cmocka_unit_test(test_cells_are_taken_over),
		cmocka_unit_test(test_mapped_processes),
		cmocka_unit_test(test_new_keys_have_one_cell),
	};

	clock_test_stop(); /* time goes on where a test says so */
	return cmocka_run_group_tests_name("rate", tests, make_table, free_table);
}
