/* upstream.h — one upstream call on a wire: request out, bytes handed on as they arrive
 *
 * libcurl's multi interface within the wire's epoll, one multi per wire: shared connection cache,
 * TLS sessions, DNS. Settings that decide are explained in upstream.c. Redirects are never
 * followed, the proxy is only the one configured, HTTP/1.1 unless asked otherwise.
 *
 *	static const struct upstream_events events = { on_head, on_body, on_done };
 *	x->call = upstream_start(wire, &request, &events, x);
 *
 * on_done is called exactly once, after which the handle is gone; upstream_cancel ends the call at
 * once without on_done. No callback comes before upstream_start has returned.
 *
 * Back-pressure: on_body returns false to pause; it has still taken these bytes. upstream_resume
 * lets the rest come.
 *
 * Errors   in struct upstream_result: ERR_UPSTREAM_UNREACHABLE (name, connection, TLS, closed or
 *          reset before the head was there), _TIMEOUT, _TRUNCATED (broke off after the head), _BODY
 *          (head too large, not HTTP, refused by on_head). msg is fixed text; detail names the
 *          host and what curl says, never path, query or key.
 * Threads  all on the wire's thread; upstream_setup once before any.
 */
#ifndef NET_UPSTREAM_H
#define NET_UPSTREAM_H

#include "base/err.h"
#include "net/http.h"
#include "net/wire.h"

struct upstream;

struct upstream_setup {
	const char *proxy;   /* RELAY_PROXY, "" = none */
	const char *ca_file; /* "" = the system's bundle */
	const char *user_agent;
	long max_idle_conns; /* per wire: 2048 */
};

/* curl_global_init and the like, before the first thread. */
MUST_USE bool upstream_setup(const struct upstream_setup *setup, struct err *err);

struct upstream_limits {
	int connect_ms;        /* 10 s: DNS, TCP, TLS */
	int first_byte_ms;     /* 300 s from sending to the first byte of the reply's head */
	int idle_ms;           /* 120 s between bytes of the body */
	int total_ms;          /* 0: none */
	size_t max_head_bytes; /* 64 KiB */
};

extern const struct upstream_limits upstream_default_limits;

/* Borrowed until on_done or cancel: url, headers and body stay where they are. */
struct upstream_req {
	const char *method; /* "POST" */
	struct buf url;
	struct headers headers; /* Content-Type, Authorization …; nothing is added but Host, Accept,
	                         * Content-Length and User-Agent */
	struct str body;
	const struct str
	    *pieces; /* not NULL: instead of body, one behind the other; none of them is
	                           * copied but into curl's send buffer */
	size_t piece_count;
	bool has_body;
	/* For URLs that strangers name: only public addresses and those in this list of networks
	 * (multi.h, multi_take_public); NULL: anything. */
	const struct str *public_or;
	int wait_ms; /* before it is sent: for polling */
	struct upstream_limits limits;
};

void upstream_req_init(struct upstream_req *u, struct arena *a);
void upstream_req_release(struct upstream_req *u);

struct upstream_head {
	int status;
	struct headers headers; /* names lower case, in an arena of the call */
};

struct upstream_times { /* milliseconds since the call started; -1: not reached */
	int connect_ms, first_byte_ms, total_ms;
};

struct upstream_result {
	bool ok;           /* the reply arrived whole, whatever its status */
	bool request_sent; /* the upstream may have worked on it */
	bool reused;       /* an idle connection was used */
	struct err err;    /* when not ok */
	struct upstream_times times;
};

struct upstream_events {
	/* The final status and all headers; false ends the call (on_done follows, not ok). */
	bool (*on_head)(void *arg, const struct upstream_head *head);
	bool (*on_body)(void *arg, struct str bytes);
	void (*on_done)(void *arg, const struct upstream_result *result);
};

/* Never fails by itself: what goes wrong arrives in on_done. */
struct upstream *upstream_start(struct wire *w, const struct upstream_req *u,
    const struct upstream_events *events, void *arg);
void upstream_resume(struct upstream *u);
/* Has the whole request gone out, so that the upstream may be working on it? */
bool upstream_sent(const struct upstream *u);
/* From a callback, too; but within another call's on_head or on_body, what this one borrowed must
 * stay until the turn is over (wire_free_later). */
void upstream_cancel(struct upstream *u);
/* Calls that run on this wire. */
size_t upstream_running(const struct wire *w);

/* A small whole exchange (sign-in, balance, probe): collects the body up to max_body and hands all
 * to done on the wire. Takes u (no upstream_req_release) and the arena, in which u and its parts
 * live; done gets the arena back, and the URL's memory goes with it. */
struct upstream_reply {
	struct arena *arena;
	int status; /* 0 when there was no reply */
	struct headers headers;
	struct str body;
	struct upstream_result result;
};
typedef void upstream_reply_fn(void *arg, struct upstream_reply *reply);
/* From any thread. */
void upstream_fetch(struct wire *w, struct arena *a, const struct upstream_req *u, size_t max_body,
    upstream_reply_fn *done, void *arg);

#endif
