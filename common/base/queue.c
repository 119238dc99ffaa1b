/* DESIGN  One mutex, one list, two conditions: receivers wait on `filled`, senders on `drained`.
 * A wake-up is a system call, so it is made only when the counters say that somebody waits. A
 * closed queue counts as empty only when no sender is waiting to get in: what has been sent is
 * never lost. */
#include "base/queue.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <time.h>

#include "base/mem.h"

#define NS_PER_S 1000000000L
#define NS_PER_MS 1000000L

struct queue {
	pthread_mutex_t lock; /* guards all that follows */
	pthread_cond_t filled;
	pthread_cond_t drained;
	struct task *first;
	struct task **end; /* where the next one is linked */
	size_t length;
	size_t ceiling;
	size_t receivers; /* waiting on filled */
	size_t senders;   /* waiting on drained */
	bool closed;
};

struct queue *queue_new(size_t ceiling)
{
	struct queue *q = MEM_NEW(struct queue);
	pthread_condattr_t monotonic;

	assert(ceiling > 0);
	pthread_mutex_init(&q->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&q->filled, &monotonic);
	pthread_cond_init(&q->drained, NULL);
	pthread_condattr_destroy(&monotonic);
	q->end = &q->first;
	q->ceiling = ceiling;
	return q;
}

void queue_free(struct queue *q)
{
	if (!q)
		return;
	assert(q->length == 0);
	pthread_cond_destroy(&q->filled);
	pthread_cond_destroy(&q->drained);
	pthread_mutex_destroy(&q->lock);
	mem_free(q);
}

/* Under the lock. */
static void append(struct queue *q, struct task *task)
{
	task->next = NULL;
	*q->end = task;
	q->end = &task->next;
	q->length++;
	/* The last sender to get into a closed queue lets those go who would wait for another. */
	if (q->closed)
		pthread_cond_broadcast(&q->filled);
	else if (q->receivers)
		pthread_cond_signal(&q->filled);
}

void queue_send_many(struct queue *q, struct task *chain)
{
	struct task *next;

	pthread_mutex_lock(&q->lock);
	while (q->length >= q->ceiling) {
		q->senders++;
		pthread_cond_wait(&q->drained, &q->lock);
		q->senders--;
	}
	for (; chain; chain = next) {
		next = chain->next;
		append(q, chain);
	}
	pthread_mutex_unlock(&q->lock);
}

void queue_send(struct queue *q, struct task *task)
{
	task->next = NULL;
	queue_send_many(q, task);
}

bool queue_try_send(struct queue *q, struct task *task)
{
	bool fits;

	pthread_mutex_lock(&q->lock);
	fits = !q->closed && q->length < q->ceiling;
	if (fits)
		append(q, task);
	pthread_mutex_unlock(&q->lock);
	return fits;
}

static struct timespec deadline_after(int timeout_ms)
{
	struct timespec at;

	/* Not clock.h: a test that moves its clock does not move the kernel's. */
	clock_gettime(CLOCK_MONOTONIC, &at);
	at.tv_sec += timeout_ms / 1000;
	at.tv_nsec += timeout_ms % 1000 * NS_PER_MS;
	if (at.tv_nsec >= NS_PER_S) {
		at.tv_sec++;
		at.tv_nsec -= NS_PER_S;
	}
	return at;
}

/* Under the lock: waits until there is something; false on timeout or when nothing will come. */
static bool wait_filled(struct queue *q, const struct timespec *deadline)
{
	int rc = 0;

	while (!q->first) {
		if (rc == ETIMEDOUT || (q->closed && q->senders == 0))
			return false;
		q->receivers++;
		if (deadline)
			rc = pthread_cond_timedwait(&q->filled, &q->lock, deadline);
		else
			pthread_cond_wait(&q->filled, &q->lock);
		q->receivers--;
	}
	return true;
}

/* Under the lock: unlinks up to max from the front. */
static struct task *cut(struct queue *q, size_t max)
{
	struct task *chain = q->first, *last = chain;
	size_t n = 1;

	if (max >= q->length) {
		n = q->length;
		q->first = NULL;
		q->end = &q->first;
	} else {
		for (; n < max; n++)
			last = last->next;
		q->first = last->next;
		last->next = NULL;
	}
	q->length -= n;
	if (q->senders && n == 1)
		pthread_cond_signal(&q->drained);
	else if (q->senders)
		pthread_cond_broadcast(&q->drained);
	return chain;
}

struct task *queue_take_many(struct queue *q, size_t max, int timeout_ms)
{
	struct task *chain = NULL;
	struct timespec deadline;

	assert(max > 0);
	if (timeout_ms >= 0)
		deadline = deadline_after(timeout_ms);
	pthread_mutex_lock(&q->lock);
	if (wait_filled(q, timeout_ms >= 0 ? &deadline : NULL))
		chain = cut(q, max);
	pthread_mutex_unlock(&q->lock);
	return chain;
}

struct task *queue_take(struct queue *q)
{
	return queue_take_many(q, 1, -1);
}

void queue_close(struct queue *q)
{
	pthread_mutex_lock(&q->lock);
	q->closed = true;
	pthread_cond_broadcast(&q->filled);
	pthread_mutex_unlock(&q->lock);
}

size_t queue_length(struct queue *q)
{
	size_t length;

	pthread_mutex_lock(&q->lock);
	length = q->length;
	pthread_mutex_unlock(&q->lock);
	return length;
}
