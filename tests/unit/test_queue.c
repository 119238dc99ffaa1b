/* test_queue.c — order, ceiling, timeouts, closing, and many threads at once */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/queue.h"

struct item {
	struct task task;
	int sender;
	int number;
};

static struct item *item_of(struct task *t)
{
	return CONTAINER_OF(t, struct item, task);
}

static void doze(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 20 * 1000 * 1000 }, NULL);
}

static void test_order(void **state)
{
	struct queue *q = queue_new(100);
	struct item items[50] = { 0 };

	for (int i = 0; i < 50; i++) {
		items[i].number = i;
		queue_send(q, &items[i].task);
	}
	assert_int_equal(queue_length(q), 50);
	for (int i = 0; i < 50; i++) {
		struct task *t = queue_take(q);

		assert_non_null(t);
		assert_null(t->next);
		assert_int_equal(item_of(t)->number, i);
	}
	assert_int_equal(queue_length(q), 0);
	/* Emptied, it starts anew. */
	queue_send(q, &items[7].task);
	assert_ptr_equal(queue_take(q), &items[7].task);
	queue_free(q);
	queue_free(NULL);
}

static void test_ceiling(void **state)
{
	struct queue *q = queue_new(2);
	struct item items[3] = { 0 };

	assert_true(queue_try_send(q, &items[0].task));
	assert_true(queue_try_send(q, &items[1].task));
	assert_false(queue_try_send(q, &items[2].task));
	assert_int_equal(queue_length(q), 2);
	assert_ptr_equal(queue_take(q), &items[0].task);
	assert_true(queue_try_send(q, &items[2].task));
	assert_ptr_equal(queue_take(q), &items[1].task);
	assert_ptr_equal(queue_take(q), &items[2].task);
	queue_free(q);
}

static void test_take_many(void **state)
{
	static const struct {
		const char *name;
		int sent;
		size_t max;
		int want; /* how many the first take gives */
	} cases[] = {
		{ "one of one", 1, 1, 1 },
		{ "fewer than max", 3, 10, 3 },
		{ "exactly max", 4, 4, 4 },
		{ "more than max", 5, 2, 2 },
		{ "one of many", 5, 1, 1 },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct queue *q = queue_new(10);
		struct item items[10] = { 0 };
		int number = 0, taken = 0;

		for (int n = 0; n < cases[i].sent; n++) {
			items[n].number = n;
			queue_send(q, &items[n].task);
		}
		for (struct task *t = queue_take_many(q, cases[i].max, 0); t; t = t->next, taken++)
			assert_int_equal(item_of(t)->number, number++);
		if (taken != cases[i].want)
			fail_msg("%s: got %d, want %d", cases[i].name, taken, cases[i].want);
		assert_int_equal(queue_length(q), (size_t)(cases[i].sent - taken));
		for (struct task *t = queue_take_many(q, 10, 0); t; t = t->next)
			assert_int_equal(item_of(t)->number, number++);
		assert_int_equal(number, cases[i].sent);
		queue_free(q);
	}
}

static void test_timeout(void **state)
{
	struct queue *q = queue_new(1);
	int64_t before = clock_mono_ms();

	assert_null(queue_take_many(q, 1, 0));
	assert_null(queue_take_many(q, 1, 30));
	assert_true(clock_mono_ms() - before >= 29);
	queue_free(q);
}

static void test_close(void **state)
{
	struct queue *q = queue_new(10);
	struct item a = { .number = 1 }, b = { .number = 2 };

	queue_send(q, &a.task);
	queue_close(q);
	assert_false(queue_try_send(q, &b.task));
	assert_ptr_equal(queue_take(q), &a.task);
	assert_null(queue_take(q));
	assert_null(queue_take_many(q, 5, -1));
	queue_free(q);
}

static void *take_until_closed(void *arg)
{
	struct queue *q = arg;
	intptr_t n = 0;

	while (queue_take(q))
		n++;
	return (void *)n;
}

static void test_close_wakes_all(void **state)
{
	struct queue *q = queue_new(10);
	pthread_t threads[3];
	void *got;

	for (size_t i = 0; i < COUNT_OF(threads); i++)
		pthread_create(&threads[i], NULL, take_until_closed, q);
	doze();
	queue_close(q);
	for (size_t i = 0; i < COUNT_OF(threads); i++) {
		pthread_join(threads[i], &got);
		assert_null(got);
	}
	queue_free(q);
}

struct late {
	struct queue *q;
	struct item *item;
	atomic_bool sent;
};

static void *send_one(void *arg)
{
	struct late *l = arg;

	queue_send(l->q, &l->item->task);
	atomic_store(&l->sent, true);
	return NULL;
}

static void test_full_queue_makes_sender_wait(void **state)
{
	struct item a = { 0 }, b = { 0 };
	struct late l = { .q = queue_new(1), .item = &b };
	pthread_t thread;

	queue_send(l.q, &a.task);
	pthread_create(&thread, NULL, send_one, &l);
	doze();
	assert_false(atomic_load(&l.sent));
	assert_int_equal(queue_length(l.q), 1);
	assert_ptr_equal(queue_take(l.q), &a.task);
	assert_ptr_equal(queue_take(l.q), &b.task);
	pthread_join(thread, NULL);
	queue_free(l.q);
}

/* What waits to get into a queue when it is closed is not lost, and no receiver waits for ever. */
static void close_with_waiting_senders(size_t count)
{
	struct queue *q = queue_new(1);
	struct item items[4] = { 0 };
	struct late late[3];
	pthread_t senders[3], receivers[3];
	intptr_t total = 0;

	queue_send(q, &items[0].task);
	for (size_t i = 0; i < count; i++) {
		late[i].q = q;
		late[i].item = &items[i + 1];
		atomic_init(&late[i].sent, false);
		pthread_create(&senders[i], NULL, send_one, &late[i]);
	}
	nanosleep(&(struct timespec){ .tv_nsec = 1000 * 1000 }, NULL);
	queue_close(q);
	for (size_t i = 0; i < COUNT_OF(receivers); i++)
		pthread_create(&receivers[i], NULL, take_until_closed, q);
	/* A sender that came later than its millisecond may find the receivers gone. */
	for (size_t i = 0; i < count; i++) {
		while (!atomic_load(&late[i].sent)) {
			if (queue_take(q))
				total++;
		}
		pthread_join(senders[i], NULL);
	}
	for (size_t i = 0; i < COUNT_OF(receivers); i++) {
		void *got;

		pthread_join(receivers[i], &got);
		total += (intptr_t)got;
	}
	while (queue_take(q))
		total++;
	assert_int_equal(total, count + 1);
	queue_free(q);
}

static void test_close_keeps_waiting_senders(void **state)
{
	for (int round = 0; round < 200; round++)
		close_with_waiting_senders((size_t)round % 3 + 1);
}

#define SENDERS 4
#define RECEIVERS 3
#define EACH 5000

static struct item sent[SENDERS][EACH];
static atomic_int seen[SENDERS][EACH];
static struct queue *shared;

static void *send_all(void *arg)
{
	int sender = (int)(intptr_t)arg;

	for (int i = 0; i < EACH; i++) {
		sent[sender][i].sender = sender;
		sent[sender][i].number = i;
		queue_send(shared, &sent[sender][i].task);
	}
	return NULL;
}

/* Within what one receiver gets, each sender's order is kept; half of them take chains. */
static void *receive(void *arg)
{
	size_t max = arg ? 1 : 16;
	int last[SENDERS] = { -1, -1, -1, -1 };
	struct task *t;

	while ((t = queue_take_many(shared, max, -1)) != NULL) {
		while (t) {
			struct task *next = t->next;
			struct item *item = item_of(t);

			assert_true(item->number > last[item->sender]);
			last[item->sender] = item->number;
			atomic_fetch_add(&seen[item->sender][item->number], 1);
			t = next;
		}
	}
	return NULL;
}

static void test_many_threads(void **state)
{
	pthread_t senders[SENDERS], receivers[RECEIVERS];

	shared = queue_new(8);
	for (intptr_t i = 0; i < RECEIVERS; i++)
		pthread_create(&receivers[i], NULL, receive, (void *)(i % 2));
	for (intptr_t i = 0; i < SENDERS; i++)
		pthread_create(&senders[i], NULL, send_all, (void *)i);
	for (int i = 0; i < SENDERS; i++)
		pthread_join(senders[i], NULL);
	queue_close(shared);
	for (int i = 0; i < RECEIVERS; i++)
		pthread_join(receivers[i], NULL);
	for (int s = 0; s < SENDERS; s++)
		for (int i = 0; i < EACH; i++)
			if (atomic_load(&seen[s][i]) != 1)
				fail_msg("task %d of sender %d: got %d times, want once", i, s,
				    atomic_load(&seen[s][i]));
	queue_free(shared);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_ceiling),
		cmocka_unit_test(test_take_many),
		cmocka_unit_test(test_timeout),
		cmocka_unit_test(test_close),
		cmocka_unit_test(test_close_wakes_all),
		cmocka_unit_test(test_full_queue_makes_sender_wait),
		cmocka_unit_test(test_close_keeps_waiting_senders),
		cmocka_unit_test(test_many_threads),
	};

	return cmocka_run_group_tests_name("queue", tests, NULL, NULL);
}
