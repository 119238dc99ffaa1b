/* test_wire.c — timers, descriptors, tasks from other threads */
#include "net/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

/* ---- timers --------------------------------------------------------------------------- */

static int order[64];
static size_t fired;

struct numbered {
	struct timer timer;
	int number;
};

static void note(struct timer *t)
{
	order[fired++] = CONTAINER_OF(t, struct numbered, timer)->number;
}

static void turns_for(struct wire *w, int64_t ms)
{
	int64_t end = clock_mono_ms() + ms;

	while (clock_mono_ms() < end)
		wire_turn(w, 5);
}

static void timers_fire_in_order_of_time(void **state)
{
	struct wire *w = wire_new(0);
	static const int delays[] = { 30, 5, 20, 10, 25, 0, 15 };
	struct numbered t[COUNT_OF(delays)];

	fired = 0;
	memset(t, 0, sizeof(t));
	for (size_t i = 0; i < COUNT_OF(delays); i++) {
		t[i].number = delays[i];
		t[i].timer.fn = note;
		timer_set(w, &t[i].timer, delays[i]);
		assert_true(timer_is_set(&t[i].timer));
	}
	turns_for(w, 60);
	assert_int_equal(fired, COUNT_OF(delays));
	for (size_t i = 0; i < fired; i++) {
		assert_int_equal(order[i], 5 * (int)i);
		assert_false(timer_is_set(&t[i].timer));
	}
	wire_free(w);
}

static void timers_are_never_early(void **state)
{
	struct wire *w = wire_new(0);
	struct numbered t = { .timer.fn = note };
	int64_t begun = clock_mono_ms();

	fired = 0;
	timer_set(w, &t.timer, 20);
	while (!fired)
		wire_turn(w, -1);
	assert_true(clock_mono_ms() - begun >= 20);
	wire_free(w);
}

static void a_timer_can_be_moved_and_cleared(void **state)
{
	struct wire *w = wire_new(0);
	struct numbered t[40];

	fired = 0;
	memset(t, 0, sizeof(t));
	for (int i = 0; i < 40; i++) {
		t[i].number = i;
		t[i].timer.fn = note;
		timer_set(w, &t[i].timer, i % 7);
	}
	for (int i = 0; i < 40; i++) {
		if (i % 2)
			timer_clear(w, &t[i].timer);
		else
			timer_set(w, &t[i].timer, 40 - i);
	}
	timer_clear(w, &t[1].timer); /* once more: nothing */
	turns_for(w, 70);
	assert_int_equal(fired, 20);
	for (size_t i = 0; i < fired; i++)
		assert_int_equal(order[i], 38 - 2 * (int)i);
	wire_free(w);
}

static struct wire *current;
static int rounds;

static void again(struct timer *t)
{
	rounds++;
	timer_set(current, t, 0);
}

static void a_timer_for_at_once_waits_for_the_next_turn(void **state)
{
	struct wire *w = wire_new(0);
	struct timer t = { .fn = again };

	current = w;
	rounds = 0;
	timer_set(w, &t, 0);
	wire_turn(w, 0);
	assert_int_equal(rounds, 1);
	wire_turn(w, 1000); /* does not sleep */
	assert_int_equal(rounds, 2);
	wire_free(w);
}

/* ---- descriptors ---------------------------------------------------------------------- */

struct end {
	struct watch watch;
	struct end *peer; /* to unwatch when called */
	int calls;
	uint32_t events;
};

static void on_end(struct watch *watch, uint32_t events)
{
	struct end *e = CONTAINER_OF(watch, struct end, watch);

	e->calls++;
	e->events = events;
	if (e->peer)
		wire_unwatch(&e->peer->watch);
}

static void pair(struct end *a, struct end *b)
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	*a = (struct end){ .watch = { .fd = fds[0], .fn = on_end } };
	*b = (struct end){ .watch = { .fd = fds[1], .fn = on_end } };
}

static void events_come_as_armed(void **state)
{
	struct wire *w = wire_new(0);
	struct end a, b;

	pair(&a, &b);
	assert_true(wire_watch(w, &a.watch, EPOLLIN, false));
	wire_turn(w, 0);
	assert_int_equal(a.calls, 0);

	assert_int_equal(write(b.watch.fd, "x", 1), 1);
	wire_turn(w, 100);
	assert_int_equal(a.calls, 1);
	assert_int_equal(a.events, EPOLLIN);
	wire_turn(w, 100); /* level-triggered */
	assert_int_equal(a.calls, 2);

	wire_rearm(&a.watch, EPOLLOUT);
	wire_turn(w, 100);
	assert_int_equal(a.events, EPOLLOUT);

	wire_rearm(&a.watch, 0);
	wire_turn(w, 0);
	assert_int_equal(a.calls, 3);
	wire_close(&a.watch);
	assert_int_equal(a.watch.fd, -1);
	wire_close(&b.watch); /* was never watched */
	wire_free(w);
}

static void what_was_unwatched_in_this_batch_is_not_called(void **state)
{
	struct wire *w = wire_new(0);
	struct end a, b;

	pair(&a, &b);
	a.peer = &b;
	b.peer = &a;
	assert_true(wire_watch(w, &a.watch, EPOLLOUT, false));
	assert_true(wire_watch(w, &b.watch, EPOLLOUT, false));
	wire_turn(w, 100);
	assert_int_equal(a.calls + b.calls, 1);
	assert_true(a.watch.dead != b.watch.dead);
	wire_close(&a.watch);
	wire_close(&b.watch);
	wire_free(w);
}

static void a_bad_descriptor_is_refused(void **state)
{
	struct wire *w = wire_new(0);
	struct end e = { .watch = { .fd = 9999, .fn = on_end } };

	assert_false(wire_watch(w, &e.watch, EPOLLIN, false));
	wire_unwatch(&e.watch);
	wire_free(w);
}

/* ---- garbage and slot ----------------------------------------------------------------- */

static int freed;

static void count_free(void *object)
{
	freed += *(int *)object;
}

static void free_next(void *object)
{
	freed++;
	wire_free_later(object, mem_free, mem_alloc(10));
}

static void garbage_goes_after_the_turn(void **state)
{
	struct wire *w = wire_new(7);
	int ten = 10;

	assert_int_equal(wire_number(w), 7);
	freed = 0;
	wire_free_later(w, count_free, &ten);
	assert_int_equal(freed, 0);
	wire_turn(w, 0);
	assert_int_equal(freed, 10);
	wire_free_later(w, free_next, w);
	wire_set_slot(w, &ten, count_free);
	assert_ptr_equal(wire_slot(w), &ten);
	wire_free(w);
	assert_int_equal(freed, 21);
}

/* ---- tasks ---------------------------------------------------------------------------- */

#define SENDERS 4
#define TASKS_EACH 5000

struct job {
	struct task task;
	int sender, number;
};

static struct job jobs[SENDERS][TASKS_EACH];
static int last_of[SENDERS];
static int ran, disorder, elsewhere;

static void run_job(struct task *task, void *room)
{
	struct job *j = CONTAINER_OF(task, struct job, task);
	struct wire *w = room;

	if (!wire_is_here(w))
		elsewhere++;
	if (j->number != last_of[j->sender] + 1)
		disorder++;
	last_of[j->sender] = j->number;
	if (++ran == SENDERS * TASKS_EACH)
		wire_stop(w);
}

static void *send_jobs(void *arg)
{
	int me = *(int *)arg;

	for (int i = 0; i < TASKS_EACH; i++) {
		jobs[me][i] = (struct job){ .task.run = run_job, .sender = me, .number = i + 1 };
		wire_send(current, &jobs[me][i].task);
	}
	return NULL;
}

static void tasks_from_threads_all_run_in_order(void **state)
{
	pthread_t threads[SENDERS];
	int numbers[SENDERS];

	current = wire_new(0);
	ran = disorder = elsewhere = 0;
	memset(last_of, 0, sizeof(last_of));
	for (int i = 0; i < SENDERS; i++) {
		numbers[i] = i;
		assert_int_equal(pthread_create(&threads[i], NULL, send_jobs, &numbers[i]), 0);
	}
	assert_false(wire_is_here(current));
	wire_run(current);
	for (int i = 0; i < SENDERS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(ran, SENDERS * TASKS_EACH);
	assert_int_equal(disorder, 0);
	assert_int_equal(elsewhere, 0);
	wire_free(current);
}

static void *stop_later(void *arg)
{
	usleep(20000);
	wire_stop(arg);
	return NULL;
}

static void a_sleeping_loop_is_woken_by_stop(void **state)
{
	struct wire *w = wire_new(0);
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, stop_later, w), 0);
	wire_run(w);
	pthread_join(thread, NULL);
	wire_free(w);
}

static void unwatch_it(struct timer *t)
{
	struct numbered *n = CONTAINER_OF(t, struct numbered, timer);

	n->number++;
	wire_unwatch(&((struct end *)(void *)(n + 1))->watch);
}

static void a_stopped_loop_runs_on_while_something_is_watched(void **state)
{
	struct wire *w = wire_new(0);
	struct {
		struct numbered timer;
		struct end end;
	} x = { .timer.timer.fn = unwatch_it };
	struct end other;

	pair(&x.end, &other);
	assert_true(wire_watch(w, &x.end.watch, EPOLLIN, false));
	timer_set(w, &x.timer.timer, 20);
	wire_stop(w);
	wire_run(w);
	assert_int_equal(x.timer.number, 1);
	wire_close(&x.end.watch);
	wire_close(&other.watch);
	wire_free(w);
}

static void a_second_stop_ends_it_at_once(void **state)
{
	struct wire *w = wire_new(0);
	struct end a, b;

	pair(&a, &b);
	assert_true(wire_watch(w, &a.watch, EPOLLIN, false));
	wire_stop(w);
	wire_stop(w);
	wire_run(w);
	wire_close(&a.watch);
	wire_close(&b.watch);
	wire_free(w);
}

/* ---- tasks for other threads ---------------------------------------------------------- */

#define SENT 3

struct sender {
	struct timer timer;
	struct queue *first, *second;
	struct task tasks[SENT], other;
	size_t during[2]; /* the lengths of both queues after the sending */
};

static void send_three(struct timer *t)
{
	struct sender *s = CONTAINER_OF(t, struct sender, timer);

	for (size_t i = 0; i < SENT; i++)
		wire_send_on(s->first, &s->tasks[i]);
	s->during[0] = queue_length(s->first);
	wire_send_on(s->second, &s->other); /* what is for another queue must leave before */
	s->during[1] = queue_length(s->first);
}

static void what_a_turn_sends_leaves_together(void **state)
{
	struct wire *w = wire_new(0);
	struct sender s = { .timer.fn = send_three };
	struct task outside = { 0 }, *got;

	s.first = queue_new(8);
	s.second = queue_new(8);
	timer_set(w, &s.timer, 0);
	while (timer_is_set(&s.timer))
		wire_turn(w, -1);
	assert_int_equal(s.during[0], 0);
	assert_int_equal(s.during[1], SENT);
	got = queue_take_many(s.first, 8, 0);
	for (size_t i = 0; i < SENT; i++, got = got->next)
		assert_ptr_equal(got, &s.tasks[i]);
	assert_null(got);
	assert_ptr_equal(queue_take(s.second), &s.other);

	wire_send_on(s.first, &outside); /* between two turns nobody would send it on */
	assert_ptr_equal(queue_take(s.first), &outside);
	wire_free(w);
	queue_free(s.first);
	queue_free(s.second);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(timers_fire_in_order_of_time),
		cmocka_unit_test(timers_are_never_early),
		cmocka_unit_test(a_timer_can_be_moved_and_cleared),
		cmocka_unit_test(a_timer_for_at_once_waits_for_the_next_turn),
		cmocka_unit_test(events_come_as_armed),
		cmocka_unit_test(what_was_unwatched_in_this_batch_is_not_called),
		cmocka_unit_test(a_bad_descriptor_is_refused),
		cmocka_unit_test(garbage_goes_after_the_turn),
		cmocka_unit_test(tasks_from_threads_all_run_in_order),
		cmocka_unit_test(what_a_turn_sends_leaves_together),
		cmocka_unit_test(a_sleeping_loop_is_woken_by_stop),
		cmocka_unit_test(a_stopped_loop_runs_on_while_something_is_watched),
		cmocka_unit_test(a_second_stop_ends_it_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
