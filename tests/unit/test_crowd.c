/* test_crowd.c — never too many at once, among threads and processes; the dead are taken back */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/crowd.h"
#include "base/mapping.h"

#define CELLS 1024

static char path[] = "/tmp/test_crowd.XXXXXX";

static int new_file(void **state)
{
	int fd;

	memcpy(path, "/tmp/test_crowd.XXXXXX", sizeof(path));
	fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	return 0;
}

static int drop_file(void **state)
{
	return unlink(path);
}

static struct crowd *crowd_over(struct mapping **m, size_t cells)
{
	struct err err = { 0 };

	if (!mapping_open(path, m, &err)) {
		fprintf(stderr, "%s\n", err.msg);
		abort();
	}
	return crowd_at(mapping_region(*m, "parallel", crowd_bytes(cells)), cells,
	    mapping_slot(*m));
}

static void test_enter_and_leave(void **state)
{
	struct mapping *m;
	struct crowd *g = crowd_over(&m, CELLS);
	uint64_t a = crowd_key(g, STR("a")), b = crowd_key(g, STR("b"));
	struct crowd_hold holds[3], other;

	assert_true(crowd_enter(g, a, 2, &holds[0]));
	assert_true(crowd_enter(g, a, 2, &holds[1]));
	assert_false(crowd_enter(g, a, 2, &holds[2]));
	assert_int_equal(holds[2].cell, 0);
	assert_int_equal(crowd_count(g, a), 2);
	assert_true(crowd_enter(g, b, 1, &other));
	crowd_leave(g, &holds[2]); /* never entered */
	assert_int_equal(crowd_count(g, a), 2);
	crowd_leave(g, &holds[0]);
	crowd_leave(g, &holds[0]); /* once only */
	assert_int_equal(crowd_count(g, a), 1);
	assert_true(crowd_enter(g, a, 2, &holds[2]));
	assert_false(crowd_enter(g, a, 2, &holds[0]));
	/* A limit that was lowered. */
	assert_false(crowd_enter(g, a, 1, &holds[0]));
	crowd_leave(g, &holds[1]);
	crowd_leave(g, &holds[2]);
	crowd_leave(g, &other);
	assert_int_equal(crowd_count(g, a), 0);
	crowd_free(g);
	mapping_close(m);
}

/* Eight cells: eight keys are counted, the ninth goes in uncounted, until one is free. */
static void test_full_bucket(void **state)
{
	struct mapping *m;
	struct crowd *g = crowd_over(&m, 8);
	struct crowd_hold holds[9];

	for (int i = 0; i < 9; i++) {
		char name[] = { 'k', (char)('0' + i) };

		assert_true(crowd_enter(g, crowd_key(g, (struct str){ name, 2 }), 1, &holds[i]));
		assert_int_equal(holds[i].cell != 0, i < 8);
	}
	crowd_leave(g, &holds[3]);
	assert_true(crowd_enter(g, crowd_key(g, STR("k8")), 1, &holds[8]));
	assert_int_not_equal(holds[8].cell, 0);
	assert_false(crowd_enter(g, crowd_key(g, STR("k8")), 1, &holds[3]));
	crowd_free(g);
	mapping_close(m);
}

static void test_no_number(void **state)
{
	struct mapping *m;
	struct crowd *g = crowd_over(&m, CELLS), *uncounted;
	struct crowd_hold hold;

	uncounted = crowd_at(mapping_region(m, "parallel", crowd_bytes(CELLS)), CELLS, -1);
	assert_true(crowd_enter(uncounted, crowd_key(uncounted, STR("a")), 1, &hold));
	assert_true(crowd_enter(uncounted, crowd_key(uncounted, STR("a")), 1, &hold));
	crowd_leave(uncounted, &hold);
	assert_int_equal(crowd_count(g, crowd_key(g, STR("a"))), 0);
	crowd_free(uncounted);
	crowd_free(g);
	mapping_close(m);
}

/* ---- races ---------------------------------------------------------------------------------- */

#define MOST 3

struct visitors {
	struct crowd *g;
	_Atomic(int) *inside; /* counted by ourselves */
	_Atomic(int) *worst;
	_Atomic(int) *entered;
};

static void *come_and_go(void *arg)
{
	struct visitors *c = arg;
	uint64_t key = crowd_key(c->g, STR("door"));

	for (int i = 0; i < 5000; i++) {
		struct crowd_hold hold;
		int now, worst;

		if (!crowd_enter(c->g, key, MOST, &hold))
			continue;
		now = atomic_fetch_add(c->inside, 1) + 1;
		worst = atomic_load(c->worst);
		while (now > worst && !atomic_compare_exchange_weak(c->worst, &worst, now))
			;
		atomic_fetch_add(c->entered, 1);
		if (i % 64 == 0)
			usleep(50);
		atomic_fetch_sub(c->inside, 1);
		crowd_leave(c->g, &hold);
	}
	return NULL;
}

static void visit(void)
{
	struct mapping *m;
	struct visitors c = { .g = crowd_over(&m, CELLS) };
	_Atomic(int) *counts = mapping_region(m, "counts", 3 * sizeof(int));
	pthread_t threads[3];

	c.inside = &counts[0];
	c.worst = &counts[1];
	c.entered = &counts[2];
	for (size_t i = 0; i < COUNT_OF(threads); i++)
		pthread_create(&threads[i], NULL, come_and_go, &c);
	for (size_t i = 0; i < COUNT_OF(threads); i++)
		pthread_join(threads[i], NULL);
	crowd_free(c.g);
	mapping_close(m);
}

static void test_never_too_many(void **state)
{
	struct mapping *m;
	struct crowd *g = crowd_over(&m, CELLS);
	_Atomic(int) *counts = mapping_region(m, "counts", 3 * sizeof(int));
	pid_t children[2];

	for (size_t i = 0; i < COUNT_OF(children); i++) {
		children[i] = fork();
		if (children[i] == 0) {
			visit();
			_exit(0);
		}
	}
	for (size_t i = 0; i < COUNT_OF(children); i++) {
		int status = 1;

		assert_int_equal(waitpid(children[i], &status, 0), children[i]);
		assert_int_equal(status, 0);
	}
	assert_in_range(counts[1], 1, MOST);
	assert_in_range(counts[2], 1000, 30000);
	assert_int_equal(crowd_count(g, crowd_key(g, STR("door"))), 0);
	crowd_free(g);
	mapping_close(m);
}

#define NEW_KEYS 500
#define AT_ONCE 4

static struct {
	struct crowd *g;
	pthread_barrier_t gate;
	atomic_int inside[NEW_KEYS];
} first;

static void *come_first(void *arg)
{
	for (int i = 0; i < NEW_KEYS; i++) {
		struct crowd_hold hold;
		char key[32];
		int n = snprintf(key, sizeof(key), "new %d", i);

		pthread_barrier_wait(&first.gate);
		if (crowd_enter(first.g, crowd_key(first.g, (struct str){ key, (size_t)n }), 1,
		        &hold))
			atomic_fetch_add(&first.inside[i], 1);
		pthread_barrier_wait(&first.gate);
		crowd_leave(first.g, &hold);
	}
	return NULL;
}

/* All come to a key that has no cell yet, in the same instant: it gets one, and never two go in.
 * That they turn each other away is rare. */
static void test_new_keys_have_one_cell(void **state)
{
	pthread_t threads[AT_ONCE];
	struct mapping *m;
	int entered = 0;

	first.g = crowd_over(&m, CELLS);
	pthread_barrier_init(&first.gate, NULL, AT_ONCE);
	for (int i = 0; i < AT_ONCE; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, come_first, NULL), 0);
	for (int i = 0; i < AT_ONCE; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < NEW_KEYS; i++) {
		assert_in_range(first.inside[i], 0, 1);
		entered += first.inside[i];
	}
	assert_in_range(entered, NEW_KEYS * 9 / 10, NEW_KEYS);
	pthread_barrier_destroy(&first.gate);
	crowd_free(first.g);
	mapping_close(m);
}

/* ---- the dead ------------------------------------------------------------------------------- */

static void test_killed_process(void **state)
{
	struct mapping *m;
	struct crowd *g = crowd_over(&m, CELLS);
	uint64_t key = crowd_key(g, STR("a"));
	struct crowd_hold mine, hold;
	int ready[2];
	char byte;
	pid_t child;

	mapping_on_reap(m, crowd_reap, g);
	assert_true(crowd_enter(g, key, 4, &mine));
	assert_int_equal(pipe(ready), 0);
	child = fork();
	if (child == 0) {
		struct mapping *own;
		struct crowd *theirs = crowd_over(&own, CELLS);
		int ok = 0;

		for (int i = 0; i < 5; i++)
			ok += crowd_enter(theirs, key, 4, &hold);
		byte = (char)ok;
		if (write(ready[1], &byte, 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	assert_int_equal(byte, 3);
	assert_false(crowd_enter(g, key, 4, &hold));
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, NULL, 0), child);
	mapping_reap(m);
	assert_int_equal(crowd_count(g, key), 1);
	assert_true(crowd_enter(g, key, 2, &hold));
	crowd_leave(g, &hold);
	crowd_leave(g, &mine);
	close(ready[0]);
	close(ready[1]);
	crowd_free(g);
	mapping_close(m);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_enter_and_leave, new_file, drop_file),
		cmocka_unit_test_setup_teardown(test_full_bucket, new_file, drop_file),
		cmocka_unit_test_setup_teardown(test_no_number, new_file, drop_file),
		cmocka_unit_test_setup_teardown(test_never_too_many, new_file, drop_file),
		cmocka_unit_test_setup_teardown(test_new_keys_have_one_cell, new_file, drop_file),
		cmocka_unit_test_setup_teardown(test_killed_process, new_file, drop_file),
	};

	return cmocka_run_group_tests_name("crowd", tests, NULL, NULL);
}
