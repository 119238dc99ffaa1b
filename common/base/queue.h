/* queue.h — tasks handed from one thread to another
 *
 * A task is a node inside the thing it is about (a request, a ledger operation), so handing over
 * allocates nothing. Sending is giving away: the sender does not touch the task or what holds it
 * again. The receiver runs task->run(task, room), room being the receiving thread's own struct.
 *
 *	struct task t = { .run = settle_done };
 *	queue_send(q, &t);
 *
 * Order is first in, first out per queue. A queue has a ceiling; past it queue_try_send refuses
 * (the caller answers 503) and queue_send waits. A closed queue still gives out what it holds.
 *
 * Threads  any number of senders and receivers.
 */
#ifndef BASE_QUEUE_H
#define BASE_QUEUE_H

#include "base/attr.h"

struct queue;
struct task;

typedef void task_fn(struct task *task, void *room);

struct task {
	struct task *next;
	task_fn *run;
};

RETURNS_NEW struct queue *queue_new(size_t ceiling);
/* Must be empty. */
void queue_free(struct queue *q);

void queue_send(struct queue *q, struct task *task);
/* A chain of them, in its order; waits while the queue is full, then takes in all of it. */
void queue_send_many(struct queue *q, struct task *chain);
MUST_USE bool queue_try_send(struct queue *q, struct task *task);
/* Waits for one task; NULL when the queue is closed and empty. */
struct task *queue_take(struct queue *q);
/* Waits for at least one or for timeout_ms (-1: for ever), then takes up to max of them as a
 * chain; NULL on timeout or when closed and empty. */
struct task *queue_take_many(struct queue *q, size_t max, int timeout_ms);
/* From here on queue_try_send refuses; a task that queue_send brings is still taken in, so close
 * only when those who send are done, or a task may find nobody left to take it. */
void queue_close(struct queue *q);
size_t queue_length(struct queue *q);

#endif
