/* test_snapshot.c — who holds a value, when it is freed, and that readers never see a dead one */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/snapshot.h"

/* left and right are equal in every value that is alive. */
struct pair {
	struct shared shared;
	int left, right;
};

static atomic_int alive;

static void pair_free(struct shared *s)
{
	struct pair *p = CONTAINER_OF(s, struct pair, shared);

	p->left = -1;
	p->right = -2;
	mem_free(p);
	atomic_fetch_sub(&alive, 1);
}

static struct shared *pair_new(int n)
{
	struct pair *p = MEM_NEW(struct pair);

	atomic_init(&p->shared.refs, 1);
	p->shared.free = pair_free;
	p->left = n;
	p->right = n;
	atomic_fetch_add(&alive, 1);
	return &p->shared;
}

static int number(struct shared *s)
{
	return CONTAINER_OF(s, struct pair, shared)->left;
}

static void test_empty(void **state)
{
	struct snapshot s;

	snapshot_init(&s);
	assert_null(snapshot_get(&s));
	shared_unref(NULL);
	snapshot_release(&s);
}

static void test_last_holder_frees(void **state)
{
	struct snapshot s;
	struct shared *one, *again, *two;

	snapshot_init(&s);
	snapshot_set(&s, pair_new(1));
	one = snapshot_get(&s);
	again = snapshot_get(&s);
	assert_ptr_equal(one, again);
	assert_int_equal(number(one), 1);

	snapshot_set(&s, pair_new(2));
	assert_int_equal(atomic_load(&alive), 2);
	assert_int_equal(number(one), 1);
	two = snapshot_get(&s);
	assert_int_equal(number(two), 2);
	shared_unref(one);
	assert_int_equal(atomic_load(&alive), 2);
	shared_unref(again);
	assert_int_equal(atomic_load(&alive), 1);

	shared_ref(two);
	shared_unref(two);
	snapshot_release(&s);
	assert_int_equal(atomic_load(&alive), 1);
	assert_int_equal(number(two), 2);
	shared_unref(two);
	assert_int_equal(atomic_load(&alive), 0);
}

static void test_replaced_unread(void **state)
{
	struct snapshot s;

	snapshot_init(&s);
	for (int i = 0; i < 5; i++) {
		snapshot_set(&s, pair_new(i));
		assert_int_equal(atomic_load(&alive), 1);
	}
	snapshot_release(&s);
	assert_int_equal(atomic_load(&alive), 0);
}

static struct snapshot slot;
static atomic_bool stop;
static atomic_int torn;

/* Numbers only grow, and both halves agree. */
static void *read_pairs(void *arg)
{
	int last = 0;

	while (!atomic_load(&stop)) {
		struct shared *s = snapshot_get(&slot);
		struct pair *p = CONTAINER_OF(s, struct pair, shared);

		if (p->left != p->right || p->left < last)
			atomic_fetch_add(&torn, 1);
		last = p->left;
		shared_unref(s);
	}
	return NULL;
}

static void test_threads(void **state)
{
	pthread_t readers[3];

	snapshot_init(&slot);
	snapshot_set(&slot, pair_new(0));
	for (size_t i = 0; i < COUNT_OF(readers); i++)
		pthread_create(&readers[i], NULL, read_pairs, NULL);
	for (int i = 1; i <= 20000; i++)
		snapshot_set(&slot, pair_new(i));
	atomic_store(&stop, true);
	for (size_t i = 0; i < COUNT_OF(readers); i++)
		pthread_join(readers[i], NULL);
	assert_int_equal(atomic_load(&torn), 0);
	assert_int_equal(atomic_load(&alive), 1);
	snapshot_release(&slot);
	assert_int_equal(atomic_load(&alive), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_last_holder_frees),
		cmocka_unit_test(test_replaced_unread),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests_name("snapshot", tests, NULL, NULL);
}
