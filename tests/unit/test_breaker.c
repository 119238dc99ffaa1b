/* test_breaker.c — circuit breakers, and the table of cells that they and others lie in */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../fcgi-relay/breaker.h"

#define T0 INT64_C(1000000000)

/* Memory as processes share it. */
static struct cells shared(size_t count, size_t words)
{
	void *memory = mmap(NULL, cells_bytes(count, words), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_true(memory != MAP_FAILED);
	return cells_at(memory, count, words);
}

static void unshare_cells(struct cells *t, size_t count)
{
	munmap((void *)(uintptr_t)t->memory, cells_bytes(count, t->words));
}

static struct cells table(void)
{
	return shared(BREAKER_CELLS, BREAKER_WORDS);
}

static void drop(struct cells *t)
{
	unshare_cells(t, BREAKER_CELLS);
}

static void fail_times(struct cells *t, uint64_t pair, int times, int64_t now)
{
	for (int i = 0; i < times; i++)
		(void)breaker_failed(t, pair, 0, now);
}

static void want_state(const char *name, const struct cells *t, uint64_t pair, int64_t now,
    enum breaker_state want)
{
	struct breaker_view v = breaker_look(t, pair, now);

	if (v.state != want)
		fail_msg("%s: state %d, want %d", name, v.state, want);
}

/* relay.md 13: five in a row, then five seconds, doubled up to sixty. */
static void test_opens_after_five(void **state)
{
	static const int64_t waits[] = { 5000, 10000, 20000, 40000, 60000, 60000 };
	struct cells t = table();
	uint64_t pair = breaker_pair(7, 99);
	int64_t now = T0;

	for (int i = 0; i < 4; i++)
		assert_false(breaker_failed(&t, pair, 0, now));
	want_state("after four", &t, pair, now, BREAKER_CLOSED);
	assert_true(breaker_failed(&t, pair, 0, now));
	for (size_t i = 0; i < COUNT_OF(waits); i++) {
		want_state("just open", &t, pair, now, BREAKER_OPEN);
		assert_int_equal(breaker_look(&t, pair, now).until_ms, now + waits[i]);
		want_state("one ms before", &t, pair, now + waits[i] - 1, BREAKER_OPEN);
		now += waits[i];
		want_state("due", &t, pair, now, BREAKER_HALF_OPEN);
		assert_true(breaker_probe(&t, pair, now));
		assert_true(breaker_failed(&t, pair, 0, now));
	}
	/* another model, another channel: nothing */
	want_state("other model", &t, breaker_pair(7, 98), now, BREAKER_CLOSED);
	want_state("other channel", &t, breaker_pair(8, 99), now, BREAKER_CLOSED);
	drop(&t);
}

/* A success in between starts the count anew. */
static void test_in_a_row(void **state)
{
	struct cells t = table();
	uint64_t pair = breaker_pair(1, 1);

	for (int i = 0; i < 4; i++) {
		fail_times(&t, pair, 4, T0 + i);
		for (int k = 0; k < 10; k++) /* so that the rate stays below a half */
			breaker_succeeded(&t, pair, false, T0 + i);
	}
	want_state("four, good, four …", &t, pair, T0 + 4, BREAKER_CLOSED);
	drop(&t);
}

static void test_rate(void **state)
{
	static const struct {
		const char *name;
		int good, bad; /* alternating as far as they go: never five in a row */
		int64_t apart_ms;
		bool opens;
	} cases[] = {
		{ "half of twenty", 10, 10, 10, true },
		{ "half of eighteen", 9, 9, 10, false },
		{ "a third of thirty", 20, 10, 10, false },
		{ "half, but over ten minutes", 20, 20, 15000, false },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct cells t = table();
		uint64_t pair = breaker_pair(3, 5);
		int good = cases[i].good, bad = cases[i].bad;
		int64_t now = T0;
		bool opened = false;

		while (good + bad > 0) {
			for (int k = 0; k < cases[i].good / cases[i].bad && good > 0; k++, good--) {
				/* the first success has no cell to count in */
				if (good == cases[i].good)
					(void)cells_claim(&t, pair, now);
				breaker_succeeded(&t, pair, false, now);
				now += cases[i].apart_ms;
			}
			if (bad-- > 0)
				opened |= breaker_failed(&t, pair, 0, now);
			now += cases[i].apart_ms;
		}
		if (opened != cases[i].opens)
			fail_msg("%s: opened %d", cases[i].name, opened);
		drop(&t);
	}
}

static void test_retry_after(void **state)
{
	static const struct {
		const char *name;
		int64_t retry_after_ms, want_ms;
	} cases[] = {
		{ "longer than the first wait", 30000, 30000 },
		{ "shorter", 1000, 5000 },
		{ "an hour at most", 86400000, 3600000 },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct cells t = table();
		uint64_t pair = breaker_pair(4, 4);

		assert_true(breaker_failed(&t, pair, cases[i].retry_after_ms, T0));
		if (breaker_look(&t, pair, T0).until_ms != T0 + cases[i].want_ms)
			fail_msg("%s: until %lld", cases[i].name,
			    (long long)(breaker_look(&t, pair, T0).until_ms - T0));
		drop(&t);
	}
}

static void test_half_open(void **state)
{
	struct cells t = table();
	uint64_t pair = breaker_pair(2, 2);
	int64_t due = T0 + 5000;

	fail_times(&t, pair, 5, T0);
	assert_true(breaker_probe(&t, pair, due));
	assert_false(breaker_probe(&t, pair, due));
	assert_false(breaker_probe(&t, pair, due + BREAKER_PROBE_MS - 1));
	/* one that says nothing, or whose process died, blocks nobody for ever */
	assert_true(breaker_probe(&t, pair, due + BREAKER_PROBE_MS));
	breaker_dropped(&t, pair);
	want_state("dropped: still half open", &t, pair, due, BREAKER_HALF_OPEN);
	assert_true(breaker_probe(&t, pair, due));
	/* a request from before the trouble proves nothing */
	breaker_succeeded(&t, pair, false, due);
	want_state("somebody else's success", &t, pair, due, BREAKER_HALF_OPEN);
	breaker_succeeded(&t, pair, true, due);
	want_state("the probe's success", &t, pair, due, BREAKER_CLOSED);
	/* what failed before is forgotten: one more failure does not open it */
	assert_false(breaker_failed(&t, pair, 0, due + 1));
	drop(&t);
}

/* One that opens soon after closing goes on where it was; much later it begins anew. */
static void test_flapping(void **state)
{
	static const struct {
		const char *name;
		int64_t after_ms, want_ms;
	} cases[] = {
		{ "at once", 1, 10000 },
		{ "within two minutes", BREAKER_FLAP_MS - 1, 10000 },
		{ "later", BREAKER_FLAP_MS, 5000 },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct cells t = table();
		uint64_t pair = breaker_pair(5, 6);
		int64_t closed = T0 + 5000, now = closed + cases[i].after_ms;

		fail_times(&t, pair, 5, T0);
		assert_true(breaker_probe(&t, pair, closed));
		breaker_succeeded(&t, pair, true, closed);
		fail_times(&t, pair, 5, now);
		if (breaker_look(&t, pair, now).until_ms != now + cases[i].want_ms)
			fail_msg("%s: waits %lld", cases[i].name,
			    (long long)(breaker_look(&t, pair, now).until_ms - now));
		drop(&t);
	}
}

/* What arrives late while it is open neither lengthens the wait nor closes it. */
static void test_stragglers(void **state)
{
	struct cells t = table();
	uint64_t pair = breaker_pair(1, 9);

	fail_times(&t, pair, 5, T0);
	fail_times(&t, pair, 20, T0 + 1000);
	assert_int_equal(breaker_look(&t, pair, T0 + 1000).until_ms, T0 + 5000);
	breaker_succeeded(&t, pair, false, T0 + 2000);
	want_state("late success", &t, pair, T0 + 2000, BREAKER_OPEN);
	/* one that went there for want of another knows better */
	assert_true(breaker_probe(&t, pair, T0 + 3000));
	breaker_succeeded(&t, pair, true, T0 + 3000);
	want_state("tried all the same", &t, pair, T0 + 3000, BREAKER_CLOSED);
	drop(&t);
}

/* What one process learns all know; of those who want the probe at the same moment one gets it. */
static void test_two_processes(void **state)
{
	enum { CHILDREN = 4 };
	struct cells t = table();
	uint64_t pair = breaker_pair(11, 12);
	pid_t pids[CHILDREN];
	int status, probes = 0;

	fail_times(&t, pair, 2, T0);
	pids[0] = fork();
	if (pids[0] == 0) {
		fail_times(&t, pair, 3, T0);
		_exit(0);
	}
	assert_int_equal(waitpid(pids[0], &status, 0), pids[0]);
	assert_int_equal(status, 0);
	want_state("opened by the other", &t, pair, T0, BREAKER_OPEN);

	for (int i = 0; i < CHILDREN; i++) {
		pids[i] = fork();
		if (pids[i] == 0)
			_exit(breaker_probe(&t, pair, T0 + 5000));
	}
	for (int i = 0; i < CHILDREN; i++) {
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		probes += WEXITSTATUS(status);
	}
	assert_int_equal(probes, 1);
	drop(&t);
}

/* ---- threads: exactly one opens it, no count is lost ------------------------------------------- */

/* So few pairs that no bucket overflows: a cell that is made anew might open once more. */
enum { THREADS = 4, TURNS = 500 };

static struct crowd {
	struct cells t;
	_Atomic int opened, probes;
	pthread_barrier_t start;
} crowd;

static void *fail_together(void *arg)
{
	pthread_barrier_wait(&crowd.start);
	for (int i = 0; i < TURNS; i++) {
		uint64_t pair = breaker_pair(i, 1);

		if (breaker_failed(&crowd.t, pair, 1000, T0))
			atomic_fetch_add(&crowd.opened, 1);
	}
	pthread_barrier_wait(&crowd.start);
	for (int i = 0; i < TURNS; i++)
		if (breaker_probe(&crowd.t, breaker_pair(i, 1), T0 + 5000))
			atomic_fetch_add(&crowd.probes, 1);
	return NULL;
}

static void test_threads(void **state)
{
	pthread_t threads[THREADS];

	crowd.t = table();
	pthread_barrier_init(&crowd.start, NULL, THREADS);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, fail_together, NULL), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(atomic_load(&crowd.opened), TURNS);
	assert_int_equal(atomic_load(&crowd.probes), TURNS);
	pthread_barrier_destroy(&crowd.start);
	drop(&crowd.t);
}

/* ---- cells -------------------------------------------------------------------------------------- */

static void count_cell(cell_word *cell, void *arg)
{
	(*(int *)arg)++;
}

/* A bucket of eight: the ninth takes the place of the one that is worth keeping the shortest. */
static void test_eviction(void **state)
{
	struct cells t = shared(CELLS_WAYS, 3);
	int count = 0;

	for (uint64_t key = 1; key <= CELLS_WAYS; key++) {
		cell_word *cell = cells_claim(&t, key, T0);

		atomic_store(&cell[1], key * 100);
		cell_keep_until(cell, T0 + (key == 5 ? 10 : 1000));
	}
	assert_ptr_equal(cells_claim(&t, 3, T0), cells_find(&t, 3));
	assert_int_equal(cells_claim(&t, 3, T0)[1], 300);
	assert_int_equal(cells_claim(&t, 77, T0)[1], 0);
	assert_null(cells_find(&t, 5));
	for (uint64_t key = 1; key <= CELLS_WAYS; key++)
		if (key != 5)
			assert_int_equal(cells_find(&t, key)[1], key * 100);
	cells_each(&t, count_cell, &count);
	assert_int_equal(count, CELLS_WAYS);
	unshare_cells(&t, CELLS_WAYS);
}

/* As many keys as an enemy likes: memory stays, what is in trouble stays known. */
static void test_flood(void **state)
{
	struct cells t = table();
	uint64_t pair = breaker_pair(1, 1);

	(void)breaker_failed(&t, pair, 3600000, T0);
	for (uint64_t model = 2; model < 200000; model++)
		(void)breaker_failed(&t, breaker_pair(1, model), 0, T0);
	want_state("after a flood", &t, pair, T0 + 1, BREAKER_OPEN);
	drop(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_opens_after_five),
		cmocka_unit_test(test_in_a_row),
		cmocka_unit_test(test_rate),
		cmocka_unit_test(test_retry_after),
		cmocka_unit_test(test_half_open),
		cmocka_unit_test(test_flapping),
		cmocka_unit_test(test_stragglers),
		cmocka_unit_test(test_two_processes),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_eviction),
		cmocka_unit_test(test_flood),
	};

	return cmocka_run_group_tests_name("breaker", tests, NULL, NULL);
}
