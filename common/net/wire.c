/* wire.c — the event loop
 *
 * DESIGN. A turn of the loop is: sleep in epoll_wait, hand out the batch of events, run the timers
 * that are due, run the tasks other threads have sent, send on what all of these had for another
 * thread, free what was freed meanwhile, write the log lines of all that. Tasks wait in a list
 * under a mutex that is held for a few instructions. Before it sleeps the loop says so under that
 * mutex, and only then does a sender pay for a wake-up, once. The wake-up descriptor is watched
 * edge-triggered and never read: each write is an edge, and its counter cannot fill up.
 *
 * Timers are a binary heap of pointers; each timer knows its slot, so clearing one needs no search.
 */
#include "net/wire.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

#define BATCH_EVENTS 256

struct garbage {
	void (*fn)(void *object);
	void *object;
};

struct wire {
	int number;
	int epoll;
	int wake;
	atomic_int senders; /* inside wire_send now */
	atomic_int stops;   /* how often wire_stop was called */
	int64_t now_ms;
	size_t watched; /* without the wire's own */

	pthread_mutex_t lock; /* guards inbox, inbox_end, asleep */
	struct task *inbox;
	struct task **inbox_end;
	bool asleep;

	struct timer **heap; /* 1-based */
	size_t timers, timers_cap;

	struct garbage *garbage;
	size_t garbage_count, garbage_cap;

	bool turning;       /* inside wire_turn, which will send on what is in the outbox */
	struct queue *goal; /* of what is in the outbox */
	struct task *outbox;
	struct task **outbox_end;

	void *slot;
	void (*slot_free)(void *value);

	struct epoll_event batch[BATCH_EVENTS];
};

/* The wire that this thread runs, so that a task sent to oneself needs no wake-up. */
static _Thread_local struct wire *here;

static void die(const char *what)
{
	log_error(NULL, "wire.failed", LOG_TEXT("call", what), LOG_INT("errno", errno));
	abort();
}

struct wire *wire_new(int number)
{
	struct wire *w = MEM_NEW(struct wire);
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET };

	w->number = number;
	w->now_ms = clock_mono_ms();
	w->inbox_end = &w->inbox;
	w->outbox_end = &w->outbox;
	pthread_mutex_init(&w->lock, NULL);
	w->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (w->epoll < 0)
		die("epoll_create1");
	w->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (w->wake < 0 || epoll_ctl(w->epoll, EPOLL_CTL_ADD, w->wake, &ev) < 0)
		die("eventfd");
	return w;
}

static void collect_garbage(struct wire *w)
{
	/* What is freed may free more. */
	while (w->garbage_count > 0) {
		struct garbage g = w->garbage[--w->garbage_count];

		g.fn(g.object);
	}
}

void wire_free(struct wire *w)
{
	if (!w)
		return;
	while (atomic_load(&w->senders) > 0)
		sched_yield();
	if (w->slot_free && w->slot)
		w->slot_free(w->slot);
	collect_garbage(w);
	if (here == w)
		here = NULL;
	close(w->wake);
	close(w->epoll);
	pthread_mutex_destroy(&w->lock);
	mem_free(w->heap);
	mem_free(w->garbage);
	mem_free(w);
}

int wire_number(const struct wire *w)
{
	return w->number;
}

int64_t wire_now_ms(const struct wire *w)
{
	return w->now_ms;
}

bool wire_is_here(const struct wire *w)
{
	return here == w;
}

/* ---- tasks ---------------------------------------------------------------------------- */

static void wake_up(struct wire *w)
{
	uint64_t one = 1;

	/* Fails only when the counter is full, and then the loop is awake. */
	if (write(w->wake, &one, sizeof(one)) < 0 && errno != EAGAIN)
		die("write to eventfd");
}

void wire_send(struct wire *w, struct task *task)
{
	bool wake;

	/* The task may run, and be the last thing the wire does, before we have woken it. */
	atomic_fetch_add(&w->senders, 1);
	task->next = NULL;
	pthread_mutex_lock(&w->lock);
	*w->inbox_end = task;
	w->inbox_end = &task->next;
	wake = w->asleep;
	w->asleep = false;
	pthread_mutex_unlock(&w->lock);
	if (wake)
		wake_up(w);
	atomic_fetch_sub(&w->senders, 1);
}

static void empty_outbox(struct wire *w)
{
	struct task *chain = w->outbox;

	if (!chain)
		return;
	w->outbox = NULL;
	w->outbox_end = &w->outbox;
	queue_send_many(w->goal, chain);
}

void wire_send_on(struct queue *q, struct task *task)
{
	struct wire *w = here;

	if (!w || !w->turning) {
		queue_send(q, task);
		return;
	}
	if (q != w->goal)
		empty_outbox(w);
	w->goal = q;
	task->next = NULL;
	*w->outbox_end = task;
	w->outbox_end = &task->next;
}

void wire_stop(struct wire *w)
{
	atomic_fetch_add(&w->stops, 1);
	wake_up(w);
}

/* Says that the loop is about to sleep; false when there are tasks to run first. */
static bool may_sleep(struct wire *w)
{
	bool empty;

	pthread_mutex_lock(&w->lock);
	empty = !w->inbox;
	w->asleep = empty;
	pthread_mutex_unlock(&w->lock);
	return empty;
}

static struct task *take_inbox(struct wire *w)
{
	struct task *list;

	pthread_mutex_lock(&w->lock);
	list = w->inbox;
	w->inbox = NULL;
	w->inbox_end = &w->inbox;
	w->asleep = false;
	pthread_mutex_unlock(&w->lock);
	return list;
}

static void run_tasks(struct wire *w)
{
	struct task *t = take_inbox(w), *next;

	for (; t; t = next) {
		next = t->next; /* whoever runs it may free it */
		t->next = NULL;
		t->run(t, w);
	}
}

/* ---- descriptors ---------------------------------------------------------------------- */

bool wire_watch(struct wire *w, struct watch *watch, uint32_t events, bool exclusive)
{
	struct epoll_event ev = { .events = events, .data.ptr = watch };

	if (exclusive)
		ev.events |= (uint32_t)EPOLLEXCLUSIVE;
	if (epoll_ctl(w->epoll, EPOLL_CTL_ADD, watch->fd, &ev) < 0)
		return false;
	watch->wire = w;
	watch->events = events;
	watch->dead = false;
	w->watched++;
	return true;
}

void wire_rearm(struct watch *watch, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = watch };

	if (!watch->wire || watch->dead || watch->events == events)
		return;
	if (epoll_ctl(watch->wire->epoll, EPOLL_CTL_MOD, watch->fd, &ev) < 0)
		die("epoll_ctl");
	watch->events = events;
}

static void forget(struct watch *watch)
{
	watch->dead = true;
	watch->wire->watched--;
}

void wire_unwatch(struct watch *watch)
{
	struct epoll_event none = { 0 };

	if (!watch->wire || watch->dead)
		return;
	/* Fails only for a descriptor that somebody closed already; then it is out of the set. */
	if (epoll_ctl(watch->wire->epoll, EPOLL_CTL_DEL, watch->fd, &none) < 0 && errno != EBADF &&
	    errno != ENOENT)
		die("epoll_ctl");
	forget(watch);
}

void wire_close(struct watch *watch)
{
	if (watch->wire && !watch->dead)
		forget(watch);
	close(watch->fd);
	watch->fd = -1;
}

/* ---- timers --------------------------------------------------------------------------- */

static void put(struct wire *w, struct timer *t, size_t slot)
{
	w->heap[slot] = t;
	t->slot = slot;
}

static void sift_up(struct wire *w, struct timer *t, size_t slot)
{
	for (; slot > 1 && w->heap[slot / 2]->due_ms > t->due_ms; slot /= 2)
		put(w, w->heap[slot / 2], slot);
	put(w, t, slot);
}

static void sift_down(struct wire *w, struct timer *t, size_t slot)
{
	size_t child;

	for (; (child = 2 * slot) <= w->timers; slot = child) {
		if (child < w->timers && w->heap[child + 1]->due_ms < w->heap[child]->due_ms)
			child++;
		if (w->heap[child]->due_ms >= t->due_ms)
			break;
		put(w, w->heap[child], slot);
	}
	put(w, t, slot);
}

/* t moves from its slot to where its due time belongs. */
static void sift(struct wire *w, struct timer *t, size_t slot)
{
	if (slot > 1 && w->heap[slot / 2]->due_ms > t->due_ms)
		sift_up(w, t, slot);
	else
		sift_down(w, t, slot);
}

void timer_set(struct wire *w, struct timer *t, int64_t in_ms)
{
	t->due_ms = w->now_ms + (in_ms > 0 ? in_ms : 0);
	if (t->slot) {
		sift(w, t, t->slot);
		return;
	}
	if (w->timers + 2 > w->timers_cap) {
		w->timers_cap = w->timers_cap ? 2 * w->timers_cap : 64;
		w->heap = mem_realloc(w->heap, w->timers_cap * sizeof(w->heap[0]));
	}
	sift_up(w, t, ++w->timers);
}

void timer_clear(struct wire *w, struct timer *t)
{
	size_t slot = t->slot;
	struct timer *last;

	if (!slot)
		return;
	t->slot = 0;
	last = w->heap[w->timers--];
	if (last != t)
		sift(w, last, slot);
}

bool timer_is_set(const struct timer *t)
{
	return t->slot != 0;
}

static void run_timers(struct wire *w)
{
	/* A timer that sets itself anew for at once waits for the next turn. */
	size_t most = w->timers;

	for (; most > 0 && w->timers > 0 && w->heap[1]->due_ms <= w->now_ms; most--) {
		struct timer *t = w->heap[1];

		timer_clear(w, t);
		t->fn(t);
	}
}

/* ---- the loop ------------------------------------------------------------------------- */

void wire_free_later(struct wire *w, void (*fn)(void *object), void *object)
{
	if (w->garbage_count == w->garbage_cap) {
		w->garbage_cap = w->garbage_cap ? 2 * w->garbage_cap : 64;
		w->garbage = mem_realloc(w->garbage, w->garbage_cap * sizeof(w->garbage[0]));
	}
	w->garbage[w->garbage_count++] = (struct garbage){ fn, object };
}

void *wire_slot(struct wire *w)
{
	return w->slot;
}

void wire_set_slot(struct wire *w, void *value, void (*free_fn)(void *value))
{
	w->slot = value;
	w->slot_free = free_fn;
}

static int time_to_sleep(struct wire *w, int max_wait_ms)
{
	int64_t until;

	if (!may_sleep(w))
		return 0;
	if (w->timers == 0)
		return max_wait_ms;
	until = w->heap[1]->due_ms - clock_mono_ms();
	if (until < 0)
		until = 0;
	if (until > INT32_MAX)
		until = INT32_MAX;
	return max_wait_ms >= 0 && max_wait_ms < until ? max_wait_ms : (int)until;
}

void wire_turn(struct wire *w, int max_wait_ms)
{
	int n;

	here = w;
	log_flush();
	n = epoll_wait(w->epoll, w->batch, BATCH_EVENTS, time_to_sleep(w, max_wait_ms));
	if (n < 0 && errno != EINTR)
		die("epoll_wait");
	w->now_ms = clock_mono_ms();
	w->turning = true;

	for (int i = 0; i < n; i++) {
		struct watch *watch = w->batch[i].data.ptr;

		if (watch && !watch->dead)
			watch->fn(watch, w->batch[i].events);
	}
	run_timers(w);
	run_tasks(w);
	w->turning = false;
	empty_outbox(w);
	collect_garbage(w);
}

void wire_run(struct wire *w)
{
	int stops;

	log_gather(true);
	while ((stops = atomic_load(&w->stops)) == 0 || (stops == 1 && w->watched > 0))
		wire_turn(w, -1);
	run_tasks(w);
	collect_garbage(w);
	log_gather(false);
	here = NULL;
}
