/* fcgi.c — connections of web servers: accept, keep, time, drain, cut
 *
 * DESIGN. Nothing here waits, and between two requests a kept connection costs its struct and no
 * system call. What libfcgi 2.4.2 and the web servers do, each measured, and what follows:
 *
 *  - FCGX_Accept_r waits in three places, in one of them as long as a client uploads: we accept and
 *    collect ourselves and let it decode what is complete (collect.c, decode.c).
 *  - FCGX_Finish_r waits up to 2 s for the other side: it is never called.
 *  - A reader that left the empty STDIN record unread loses the next request: a request is read up
 *    to and including it.
 *  - Closing with unread bytes resets the connection, and the web server drops the reply: a refused
 *    request is read to its end first (DISCARD), or the connection is half-closed and read for a
 *    while (LINGER).
 *  - Nobody sends ABORT_REQUEST, all close: a hang-up is the client leaving.
 *  - accept fails when descriptors run out: it pauses and never ends.
 *  - An idle kept connection may carry a request at the very moment it is closed: while draining,
 *    only a reply closes one.
 *
 * A connection may still be named by a later event of the same batch, and a request by its owner
 * further up the stack: both are freed after the turn.
 */
#include "net/fcgi.h"

#include <assert.h>
#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/log.h"
#include "base/mem.h"
#include "net/conn.h"

#define ACCEPTS_PER_TURN 16
#define PAUSE_MS 50
/* After an answer to a request that was not read to its end. */
#define LINGER_MS 2000

/* ---- a connection's life -------------------------------------------------------------- */

static void on_socket(struct watch *watch, uint32_t events);
static void on_timer(struct timer *t);

static void reset_request(struct conn *c)
{
	c->id = 0;
	c->params_done = c->pipelined = c->unread = false;
	c->params_bytes = c->params_end = c->body_bytes = 0;
	c->stray = c->discard_bytes = c->parsed = 0;
	c->fault = ERR_NONE;
	c->started = c->no_body = c->full = false;
	c->first_ms = c->last_ms = wire_now_ms(c->loop->wire);
}

struct conn *conn_new(struct fcgi_loop *f, int fd)
{
	struct conn *c = MEM_NEW(struct conn);

	c->loop = f;
	c->watch = (struct watch){ .fd = fd, .fn = on_socket };
	c->timer.fn = on_timer;
	c->fresh = true;
	/* Room for whatever the walk lets through; its own limits are lower. */
	c->in = buf_init(SIZE_MAX);
	c->out.head = buf_init((size_t)64 * 1024 * 1024);
	c->out.body = buf_init(0);
	reset_request(c);
	c->next = f->conns;
	if (c->next)
		c->next->prev = c;
	f->conns = c;
	atomic_fetch_add(&f->count, 1);
	return c;
}

static void conn_free(void *object)
{
	struct conn *c = object;

	conn_drop_spool(c);
	buf_release(&c->in);
	output_release(&c->out);
	mem_free(c);
}

static void free_loop(void *object)
{
	fcgi_loop_free(object);
}

/* The struct goes when neither a descriptor nor a request needs it. */
static void conn_forget(struct conn *c)
{
	struct fcgi_loop *f = c->loop;

	if (c->next)
		c->next->prev = c->prev;
	*(c->prev ? &c->prev->next : &f->conns) = c->next;
	if (f->unsent == c)
		f->unsent = NULL;
	timer_clear(f->wire, &c->timer);
	wire_free_later(f->wire, conn_free, c);
	atomic_fetch_sub(&f->count, 1);
	if (c->cgi) {
		wire_stop(f->wire);
		wire_free_later(f->wire, free_loop, f);
	}
}

void conn_close(struct conn *c)
{
	if (c->phase == CONN_CLOSED)
		return;
	wire_close(&c->watch);
	conn_drop_spool(c);
	buf_release(&c->in);
	output_release(&c->out);
	c->phase = CONN_CLOSED;
	conn_drop_request(c);
	conn_forget(c);
}

static void free_arena(void *arena)
{
	arena_free(arena);
}

void conn_drop_request(struct conn *c)
{
	struct req *r = c->r;

	if (!r)
		return;
	c->r = NULL;
	c->events = NULL;
	wire_free_later(c->loop->wire, free_arena, r->arena);
	if (c->gone)
		conn_forget(c);
}

void conn_lost(struct conn *c)
{
	if (c->phase == CONN_CLOSED || c->gone)
		return;
	if (c->phase != CONN_BUSY) {
		conn_close(c);
		return;
	}
	/* Somebody has the request. The loop tells, since we may be inside one of his calls. */
	c->gone = true;
	wire_close(&c->watch);
	buf_release(&c->in);
	output_release(&c->out);
	if (c->events)
		timer_set(c->loop->wire, &c->timer, 0);
}

void conn_linger(struct conn *c)
{
	c->phase = CONN_LINGER;
	buf_release(&c->in);
	/* It may be closed already; then the next read says so. */
	if (shutdown(c->watch.fd, SHUT_WR) < 0 && errno != ENOTCONN) {
		conn_close(c);
		return;
	}
	timer_set(c->loop->wire, &c->timer, LINGER_MS);
	conn_arm(c);
}

void conn_replied(struct conn *c)
{
	if (c->unread) {
		conn_linger(c);
		return;
	}
	/* A request that has begun to arrive is served, also while draining. */
	if (!c->keep || (c->loop->draining && !c->in.len)) {
		conn_close(c);
		return;
	}
	reset_request(c);
	c->phase = CONN_COLLECT;
	conn_arm(c);
	if (c->in.len && !c->walking)
		conn_walk_kept(c);
}

static void on_socket(struct watch *watch, uint32_t events)
{
	struct conn *c = CONTAINER_OF(watch, struct conn, watch);

	if (c->cgi || c->pipelined) {
		if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
			conn_lost(c);
	} else if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) {
		conn_receive(c);
	}
	if (watch->dead || !(events & EPOLLOUT))
		return;
	conn_pump(c);
	conn_drained(c);
}

/* ---- time ----------------------------------------------------------------------------- */

static void on_timer(struct timer *t)
{
	struct conn *c = CONTAINER_OF(t, struct conn, timer);
	const struct fcgi_config *config = c->loop->config;
	int64_t idle, total, due;

	if (c->gone) {
		if (c->events && !c->told && c->events->on_gone) {
			c->told = true;
			c->events->on_gone(c->r);
		}
		return;
	}
	if (c->phase == CONN_LINGER) {
		conn_close(c);
		return;
	}
	if (!conn_is_waiting(c)) {
		conn_drained(c);
		return;
	}
	idle = c->last_ms + config->request_timeout_ms;
	total = c->first_ms + config->max_upload_ms;
	due = idle < total ? idle : total;
	if (wire_now_ms(c->loop->wire) >= due)
		conn_timed_out(c);
	else
		timer_set(c->loop->wire, t, due - wire_now_ms(c->loop->wire));
}

/* ---- accepting ------------------------------------------------------------------------ */

enum accepted { ACCEPTED, QUEUE_EMPTY, NO_ROOM };

void fcgi_loop_adopt(struct fcgi_loop *f, int fd)
{
	struct conn *c = conn_new(f, fd);

	if (!wire_watch(f->wire, &c->watch, EPOLLIN | EPOLLRDHUP, false)) {
		log_warn(NULL, "fcgi.watch_failed", LOG_INT("errno", errno));
		conn_close(c);
		return;
	}
	conn_watch_time(c);
}

static enum accepted accept_one(struct fcgi_loop *f)
{
	int fd;

	if (atomic_load(&f->count) >= f->config->max_conns || !decode_ready(f))
		return NO_ROOM;
	fd = accept4(f->listen.fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd >= 0) {
		f->starved = false;
		fcgi_loop_adopt(f, fd);
		return ACCEPTED;
	}
	switch (errno) {
	case EAGAIN:
		return QUEUE_EMPTY;
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
		if (!f->starved)
			log_warn(NULL, "fcgi.accept_paused", LOG_INT("errno", errno),
			    LOG_INT("conns", atomic_load(&f->count)));
		f->starved = true;
		return NO_ROOM;
	default:
		return ACCEPTED; /* that one went away; there may be others */
	}
}

static void pause_accepting(struct fcgi_loop *f)
{
	wire_unwatch(&f->listen);
	f->paused = true;
	timer_set(f->wire, &f->pause, PAUSE_MS);
}

static void on_listen(struct watch *watch, uint32_t events)
{
	struct fcgi_loop *f = CONTAINER_OF(watch, struct fcgi_loop, listen);
	enum accepted got = ACCEPTED;

	for (int i = 0; i < ACCEPTS_PER_TURN && got == ACCEPTED; i++)
		got = accept_one(f);
	if (got == NO_ROOM)
		pause_accepting(f);
}

/* While draining: takes whatever waits in the queue, then lets go of the socket. */
static void accept_rest(struct fcgi_loop *f)
{
	enum accepted got;

	do {
		got = accept_one(f);
	} while (got == ACCEPTED);
	if (got == NO_ROOM) {
		pause_accepting(f);
		return;
	}
	wire_unwatch(&f->listen);
	atomic_store(&f->accepting, false);
}

static void on_pause_over(struct timer *t)
{
	struct fcgi_loop *f = CONTAINER_OF(t, struct fcgi_loop, pause);

	f->paused = false;
	if (f->draining)
		accept_rest(f);
	else if (!wire_watch(f->wire, &f->listen, EPOLLIN, true))
		pause_accepting(f);
}

/* ---- the loop's connections ----------------------------------------------------------- */

struct fcgi_loop *fcgi_loop_new(struct wire *w, const struct fcgi_listener *l,
    const struct fcgi_config *config)
{
	struct fcgi_loop *f = MEM_NEW(struct fcgi_loop);

	fcgi_setup();
	f->wire = w;
	f->config = config;
	f->memfd = -1;
	f->listen = (struct watch){ .fd = l ? l->fd : -1, .fn = on_listen, .dead = true };
	f->pause.fn = on_pause_over;
	if (!l)
		return f;
	atomic_store(&f->accepting, true);
	if (!wire_watch(w, &f->listen, EPOLLIN, true))
		pause_accepting(f);
	return f;
}

void fcgi_loop_drain(struct fcgi_loop *f)
{
	if (f->draining)
		return;
	f->draining = true;
	if (atomic_load(&f->accepting) && !f->paused)
		accept_rest(f);
}

bool fcgi_loop_accepting(const struct fcgi_loop *f)
{
	return atomic_load(&f->accepting);
}

size_t fcgi_loop_cut(struct fcgi_loop *f)
{
	struct conn *c, *next;
	size_t cut = 0;

	for (c = f->conns; c; c = next) {
		next = c->next;
		if (c->phase == CONN_BUSY || c->phase == CONN_FLUSH)
			cut++;
		conn_lost(c);
	}
	return cut;
}

size_t fcgi_loop_conns(const struct fcgi_loop *f)
{
	return atomic_load(&f->count);
}

void fcgi_loop_free(struct fcgi_loop *f)
{
	if (!f)
		return;
	fcgi_loop_cut(f);
	assert(!f->conns);
	timer_clear(f->wire, &f->pause);
	wire_unwatch(&f->listen);
	decode_release(f);
	mem_free(f);
}
