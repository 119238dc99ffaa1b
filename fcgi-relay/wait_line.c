/* DESIGN  Lines hang in a table of buckets by the hash of group and model; one mutex guards all of
 * it, held for a few instructions. Who leaves the head of a line wakes its successor by a task on
 * the successor's wire. That task is under way while the successor may leave for another reason, so
 * leaving then waits for it: a waiter with `woken` set ends when its task runs. */
#include "wait_line.h"

#include <pthread.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/mem.h"

#include "bill.h"
#include "ends.h"
#include "limit_remote.h"
#include "limits.h"

#include "net/server.h"

#define BUCKETS 256
#define LOOK_EVERY_MS 20

enum outcome { STAYS, TIME_IS_UP, CLIENT_LEFT };

/* One request in its line; in the request's arena. */
struct waiter {
	struct waiter *next, *before;
	struct exchange *x;
	uint64_t line;
	struct timer timer;
	struct task wake;
	int64_t renew_due_ms;
	bool woken; /* wake is under way; guarded */
	bool retried;
	enum outcome outcome;
	task_fn *retry;
	struct err why;
};

struct wait_lines {
	pthread_mutex_t lock; /* guards all that follows, and the waiters' links */
	struct waiter *first[BUCKETS], *last[BUCKETS];
	size_t count;
};

struct wait_lines *wait_lines_new(void)
{
	struct wait_lines *lines = MEM_NEW(struct wait_lines);

	pthread_mutex_init(&lines->lock, NULL);
	return lines;
}

void wait_lines_free(struct wait_lines *lines)
{
	pthread_mutex_destroy(&lines->lock);
	mem_free(lines);
}

static struct wait_lines *lines_of(const struct exchange *x)
{
	return x->relay->limiter->lines;
}

/* Who wants the same channels. */
static uint64_t line_of(const struct exchange *x)
{
	int64_t pinned = x->pin ? x->pin : x->caller->pinned_channel;

	if (pinned)
		return (uint64_t)pinned * UINT64_C(0x9e3779b97f4a7c15);
	return str_hash(x->ask.model) * 31 + str_hash(x->caller->owner.group);
}

/* ---- under the lock --------------------------------------------------------------------------- */

/* The first of that line at or behind w. */
static struct waiter *first_of(struct waiter *w, uint64_t line)
{
	while (w && w->line != line)
		w = w->next;
	return w;
}

static size_t length(struct wait_lines *lines, uint64_t line)
{
	size_t n = 0;

	for (struct waiter *w = first_of(lines->first[line % BUCKETS], line); w;
	     w = first_of(w->next, line))
		n++;
	return n;
}

static void link_waiter(struct wait_lines *lines, struct waiter *w, struct waiter *behind)
{
	struct waiter **first = &lines->first[w->line % BUCKETS];
	struct waiter **last = &lines->last[w->line % BUCKETS];

	w->before = behind;
	w->next = behind ? behind->next : *first;
	*(w->next ? &w->next->before : last) = w;
	*(behind ? &behind->next : first) = w;
	lines->count++;
}

static void unlink_waiter(struct wait_lines *lines, struct waiter *w)
{
	*(w->before ? &w->before->next : &lines->first[w->line % BUCKETS]) = w->next;
	*(w->next ? &w->next->before : &lines->last[w->line % BUCKETS]) = w->before;
	lines->count--;
}

static void wake_first(struct wait_lines *lines, uint64_t line)
{
	struct waiter *w = first_of(lines->first[line % BUCKETS], line);

	if (!w || w->woken)
		return;
	w->woken = true;
	wire_send(exchange_wire(w->x), &w->wake);
}

static bool is_first(struct wait_lines *lines, const struct waiter *w)
{
	return first_of(lines->first[w->line % BUCKETS], w->line) == w;
}

/* ---- leaving ------------------------------------------------------------------------------------ */

/* Only who was first has a successor to wake: the others' first is looking for itself. */
static void step_out(struct wait_lines *lines, struct waiter *w)
{
	bool first = is_first(lines, w);

	unlink_waiter(lines, w);
	if (first)
		wake_first(lines, w->line);
}

/* On its wire. False: its wake is under way, which ends it. */
static bool leave(struct waiter *w, enum outcome outcome)
{
	struct wait_lines *lines = lines_of(w->x);
	bool free_to_go;

	timer_clear(exchange_wire(w->x), &w->timer);
	reply_watch(w->x->req, NULL);
	pthread_mutex_lock(&lines->lock);
	step_out(lines, w);
	w->outcome = outcome;
	free_to_go = !w->woken;
	pthread_mutex_unlock(&lines->lock);
	return free_to_go;
}

void wait_line_leave(struct exchange *x)
{
	struct waiter *w = x->waiter;

	if (!w)
		return;
	x->waiter = NULL;
	pthread_mutex_lock(&lines_of(x)->lock);
	step_out(lines_of(x), w);
	pthread_mutex_unlock(&lines_of(x)->lock);
}

/* w is gone with x. */
static void finish(struct waiter *w)
{
	struct exchange *x = w->x;

	x->waiter = NULL;
	if (w->outcome == CLIENT_LEFT)
		end_gone(x);
	else
		end_refused(x, &w->why);
}

static void give_up(struct waiter *w, enum outcome outcome)
{
	if (leave(w, outcome))
		finish(w);
}

static void on_gone(struct req *r)
{
	struct exchange *x = r->state;

	give_up(x->waiter, CLIENT_LEFT);
}

static const struct reply_events waiting_events = { NULL, on_gone };

/* ---- the head of the line ----------------------------------------------------------------------- */

static bool any_is_free(const struct exchange *x)
{
	struct str model = x->tried.model_hash ? x->tried.model : x->ask.model;
	const struct candidates *list;
	int64_t pinned = x->pin ? x->pin : x->caller->pinned_channel;

	if (pinned)
		return limits_channel_is_free(x, pinned);
	list = catalog_candidates(x->catalog, x->caller->owner.group, model);
	for (; list; list = list->wider) {
		for (size_t i = 0; i < list->count; i++) {
			int64_t id = list->items[i]->row.id;

			if (!choose_was_tried(&x->tried, id) && limits_channel_is_free(x, id))
				return true;
		}
	}
	return false;
}

/* First, and no wake on its way to find it elsewhere? */
static bool may_go(struct waiter *w, bool *first)
{
	struct wait_lines *lines = lines_of(w->x);
	bool woken;

	pthread_mutex_lock(&lines->lock);
	*first = is_first(lines, w);
	woken = w->woken;
	pthread_mutex_unlock(&lines->lock);
	return *first && !woken;
}

/* The retry runs on a worker and keeps the place in the line: nobody behind is let in before. */
static void go(struct waiter *w)
{
	struct exchange *x = w->x;

	timer_clear(exchange_wire(x), &w->timer);
	reply_watch(x->req, NULL);
	w->retried = true;
	x->task.run = w->retry;
	server_defer(x->req->server, &x->task);
}

/* What a further attempt holds already: money, places among those of the same key. */
static void renew(struct waiter *w, int64_t now_ms)
{
	if (now_ms < w->renew_due_ms)
		return;
	w->renew_due_ms = now_ms + w->x->relay->pulse_ms;
	bill_renew(w->x);
	limit_remote_renew(w->x);
}

/* On its wire. */
static void look(struct waiter *w)
{
	struct wire *wire = exchange_wire(w->x);
	int64_t now_ms = wire_now_ms(wire), left = w->x->limit->waiting_until_ms - now_ms, most;
	bool first;

	if (left <= 0) {
		give_up(w, TIME_IS_UP);
		return;
	}
	if (may_go(w, &first) && any_is_free(w->x)) {
		go(w);
		return;
	}
	renew(w, now_ms);
	most = first ? LOOK_EVERY_MS : w->x->relay->pulse_ms;
	timer_set(wire, &w->timer, left < most ? left : most);
}

static void on_timer(struct timer *t)
{
	look(CONTAINER_OF(t, struct waiter, timer));
}

static void on_wake(struct task *task, void *room)
{
	struct waiter *w = CONTAINER_OF(task, struct waiter, wake);
	struct wait_lines *lines = lines_of(w->x);

	pthread_mutex_lock(&lines->lock);
	w->woken = false;
	pthread_mutex_unlock(&lines->lock);
	if (w->outcome != STAYS)
		finish(w);
	else
		look(w);
}

/* ---- joining ------------------------------------------------------------------------------------ */

bool wait_line_is_busy(const struct exchange *x, struct err *err)
{
	struct wait_lines *lines = lines_of(x);
	uint64_t line = line_of(x);
	bool busy;

	if (!x->limit || option_int(&x->catalog->options, OPT_CHANNEL_WAIT) == 0)
		return false;
	pthread_mutex_lock(&lines->lock);
	busy = lines->count > 0 && first_of(lines->first[line % BUCKETS], line) != NULL;
	pthread_mutex_unlock(&lines->lock);
	if (!busy)
		return false;
	err_set(err, ERR_RATE_LIMIT, "the channels for this model are at their limits");
	snprintf(err->type, sizeof(err->type), "requests");
	err->retry_after_s = 1;
	x->limit->channel_refused = true;
	return true;
}

/* On the wire: the client may have left on the way. */
static void begin_waiting(struct task *task, void *room)
{
	struct exchange *x = CONTAINER_OF(task, struct exchange, task);

	x->waiter->timer.fn = on_timer;
	reply_watch(x->req, &waiting_events);
	if (reply_gone(x->req))
		give_up(x->waiter, CLIENT_LEFT);
	else if (x->waiter->retried) /* in vain: not again at once */
		timer_set(exchange_wire(x), &x->waiter->timer, LOOK_EVERY_MS);
	else
		look(x->waiter);
}

static struct waiter *waiter_new(struct exchange *x)
{
	struct waiter *w = ARENA_NEW(x->req->arena, struct waiter);

	w->x = x;
	w->line = line_of(x);
	w->wake.run = on_wake;
	x->waiter = w;
	return w;
}

/* At the end, within the bounds. */
static bool stand(struct wait_lines *lines, struct waiter *w)
{
	bool room;

	pthread_mutex_lock(&lines->lock);
	room = lines->count < WAIT_LINES_MAX && length(lines, w->line) < WAIT_LINE_MAX;
	if (room)
		link_waiter(lines, w, lines->last[w->line % BUCKETS]);
	pthread_mutex_unlock(&lines->lock);
	return room;
}

bool wait_line_join(struct exchange *x, task_fn *retry, const struct err *why)
{
	int64_t wait_s = option_int(&x->catalog->options, OPT_CHANNEL_WAIT);

	if (!x->limit || wait_s == 0)
		return false;
	if (x->limit->waiting_until_ms == 0)
		x->limit->waiting_until_ms = clock_mono_ms() + wait_s * 1000;
	if (clock_mono_ms() >= x->limit->waiting_until_ms)
		return false;
	if (!x->waiter && !stand(lines_of(x), waiter_new(x))) {
		x->waiter = NULL;
		return false;
	}
	x->waiter->retry = retry;
	x->waiter->why = *why;
	x->task.run = begin_waiting;
	wire_send(exchange_wire(x), &x->task);
	return true;
}
