/* server.h — what both programs' main() hand their handlers to: wires, workers, signals, drain
 *
 * DESIGN. `wires` threads run event loops and share one listening socket; `workers` threads take
 * complete requests from one queue and may block for milliseconds. A request goes wire → worker →
 * (wire, by reply_send or by a task of the handler's own); a small one may be handled on its wire
 * at once (on_wire_body_bytes). Signals are blocked in these threads
 * and taken by main: SIGTERM and SIGINT drain (stop accepting, let requests end until
 * drain_timeout, then cut), a second one stops at once; SIGHUP is ignored.
 *
 * A full worker queue answers 503 with Retry-After on the wire. Descriptors are budgeted from
 * RLIMIT_NOFILE: two per request plus a reserve.
 *
 * Threads  server_run is called by main; server_defer and server_wire from any thread.
 */
#ifndef NET_SERVER_H
#define NET_SERVER_H

#include "net/fcgi.h"
#include "net/route.h"

struct worker; /* opaque; a task that runs on a worker gets one as its room */

struct server_config {
	const char *listen;   /* --listen, or "" */
	int wires;            /* 0: one per core, at most 4 */
	int workers;          /* 0: 4 */
	size_t queue_ceiling; /* requests waiting for a worker: 4096 */
	int drain_timeout_ms;
	struct fcgi_config fcgi; /* on_request, refuse, arg, server and settings are filled in by
	                          * server.c, and the header's values for limits that are 0 */

	const struct route_table *routes;
	/* Before the handler, on a worker: checks the row's columns. False refuses with err. */
	bool (*admit)(struct req *r, struct resp *out, struct err *err);
	/* An err becomes the reply: the program's one place for that. */
	void (*refuse)(const struct req *r, const struct err *err, struct resp *out);
	/* A request whose body is at most so long runs on the wire that read it: two hand-overs
	 * less. For programs whose handlers then only look things up (a database that is a file,
	 * not one behind a network); what may block longer they give to server_defer. 0: all on
	 * workers. */
	size_t on_wire_body_bytes;
	/* What each worker, and then each wire too, keeps (its database connection); r->local while
	 * it has a request. */
	bool (*local_open)(const void *settings, void **local, struct err *err);
	void (*local_close)(void *local);
	/* After wires and workers run, before the first request; and after the last one. */
	bool (*started)(struct server *s, const void *settings, struct err *err);
	void (*stopping)(struct server *s, const void *settings);
	const void *settings;
};

/* Returns the exit status of the program: 0 when every request got its reply. What goes wrong at
 * start is logged. */
int server_run(const struct server_config *config);

/* Runs a task on a worker, with its struct worker as the room; waits when the queue is full. */
void server_defer(struct server *s, struct task *task);
/* The same, but never waits: false when the queue is full, and the task is still the caller's. */
MUST_USE bool server_try_defer(struct server *s, struct task *task);
/* Tasks that wait for a worker. */
size_t server_waiting(struct server *s);
/* The worker's own, as r->local. */
void *worker_local(struct worker *w);
/* Any wire, for calls that belong to no request (probes); spreads them round robin. */
struct wire *server_wire(struct server *s);
bool server_is_draining(const struct server *s);
/* Runs fn as a handler, with refuse and reply, on a worker: for the second half of a deferred
 * request that ends like a handler. admit is not asked again. local is worker_local's. */
void server_finish(struct req *r, handler_fn *fn, void *local);

#endif
