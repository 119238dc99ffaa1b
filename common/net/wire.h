/* wire.h — the event loop: sockets, timers, tasks from other threads; never blocks
 *
 * DESIGN. One wire per thread, one epoll set per wire, level-triggered. FastCGI connections
 * (fcgi.c), upstream calls (upstream.c) and anything else with a descriptor or a deadline live on
 * one wire and are touched by its thread only. Other threads reach it with wire_send, which hands
 * over a task and wakes the loop at most once per batch; what goes the other way can leave in one
 * batch as well (wire_send_on). An object that an event of the current batch may still point to is
 * freed with wire_free_later.
 *
 * Timers are exact to a few milliseconds. A deadline that moves with every byte costs nothing:
 * leave the timer, compare the real deadline when it fires, set it again.
 *
 * Threads  wire_send from anywhere; wire_stop from anywhere; all else on the wire's own thread.
 */
#ifndef NET_WIRE_H
#define NET_WIRE_H

#include "base/attr.h"
#include "base/queue.h"

struct wire;
struct upstream_pool;

/* events: EPOLLIN, EPOLLOUT, EPOLLRDHUP, EPOLLHUP … */
struct watch;
typedef void watch_fn(struct watch *w, uint32_t events);
struct watch {
	int fd;
	uint32_t events; /* what is armed; wire.c's */
	watch_fn *fn;
	struct wire *wire;
	bool dead; /* closed in this batch: its events are dropped */
};

struct timer;
typedef void timer_fn(struct timer *t);
struct timer {
	int64_t due_ms; /* monotonic */
	timer_fn *fn;
	size_t slot; /* wire.c's; 0: not set */
};

RETURNS_NEW struct wire *wire_new(int number);
/* When it does not run and nobody will send to it again. */
void wire_free(struct wire *w);
/* Runs until wire_stop and then until nothing is watched but the wire's own descriptors; a second
 * wire_stop ends it at once. */
void wire_run(struct wire *w);
void wire_stop(struct wire *w);
int wire_number(const struct wire *w);
/* One turn of the loop, which sleeps for at most max_wait_ms (-1: until something happens).
 * wire_run is made of these; tests call it themselves. */
void wire_turn(struct wire *w, int max_wait_ms);
/* Does the calling thread run this wire? */
bool wire_is_here(const struct wire *w);

/* Sends a task to run on the wire with the wire as its room. */
void wire_send(struct wire *w, struct task *task);

/* As queue_send. What a wire's thread sends leaves at the end of the turn, together with all else
 * that this turn has for the same queue: one lock and one wake-up. */
void wire_send_on(struct queue *q, struct task *task);

/* False with errno set when epoll refuses. exclusive: EPOLLEXCLUSIVE, for listening sockets. */
MUST_USE bool wire_watch(struct wire *w, struct watch *watch, uint32_t events, bool exclusive);
void wire_rearm(struct watch *watch, uint32_t events);
/* Out of the set; later events of this batch are dropped. Does not close fd. */
void wire_unwatch(struct watch *watch);
/* The same and closes fd, without a system call for leaving the set. fd was never duplicated. */
void wire_close(struct watch *watch);

void timer_set(struct wire *w, struct timer *t, int64_t in_ms);
void timer_clear(struct wire *w, struct timer *t);
bool timer_is_set(const struct timer *t);

/* fn(object) after the current batch of events, or with wire_free. */
void wire_free_later(struct wire *w, void (*fn)(void *object), void *object);

/* Where upstream.c keeps its curl multi; made at first use, freed with the wire. */
void *wire_slot(struct wire *w);
void wire_set_slot(struct wire *w, void *value, void (*free_fn)(void *value));

/* The time of this turn of the loop, without a system call. */
int64_t wire_now_ms(const struct wire *w);

#endif
