/* fcgi.h — FastCGI and CGI: a struct req comes in, a struct resp or a stream goes out
 *
 * The only module that knows libfcgi, the FastCGI records (FastCGI Specification 1.0, sections 3
 * to 5) and the ways a program is started. What libfcgi and the web servers really do is measured
 * in the comments of fcgi.c.
 *
 * Started in one of four ways, found out by fcgi_listen:
 *	a listening socket on descriptor 0	mod_fcgid, lighttpd, spawn-fcgi
 *	a socket from systemd			LISTEN_FDS, LISTEN_PID (sd_listen_fds(3))
 *	--listen PATH or HOST:PORT		made here: non-blocking, backlog 4096, mode 0660
 *	none of these and GATEWAY_INTERFACE set	plain CGI: one request, then exit
 *
 * Limits are checked while bytes come in: parameters, body, time. A request that breaks one is
 * answered by fcgi.c itself, in the program's error format (fcgi_config.refuse), after its body was
 * drained (bounded), since closing with unread bytes would lose the reply.
 *
 * Output never blocks the loop: what the socket does not take stays in the connection's buffer,
 * reply_backlog tells how much, and on_drain says when it is gone. A client that left is told once
 * by on_gone; until the stream's owner then calls reply_end, writes are dropped.
 *
 * Threads  reply_send from any thread that owns the request; every other reply_* on its wire.
 */
#ifndef NET_FCGI_H
#define NET_FCGI_H

#include "net/http.h"
#include "net/wire.h"

struct err;

enum fcgi_start { FCGI_START_SOCKET, FCGI_START_CGI };

struct fcgi_listener {
	enum fcgi_start how;
	int fd;		  /* listening socket, non-blocking; -1 for CGI */
	char path[108];	  /* unix socket that we made and unlink at the end, or "" */
};

/* listen_text "" when no --listen was given. ERR_CONFIG when there is no way to be reached. */
MUST_USE bool fcgi_listen(const char *listen_text, struct fcgi_listener *out, struct err *err);
void fcgi_unlisten(struct fcgi_listener *l);

struct fcgi_config {
	size_t max_params_bytes;   /* 64 KiB */
	size_t max_body_bytes;	   /* 32 MiB */
	int request_timeout_ms;	   /* for the whole request to arrive: 60 s idle, see max_upload_ms */
	int max_upload_ms;	   /* 600 s */
	size_t max_conns;	   /* budget; accepting pauses at it */
	struct str trusted_proxies; /* comma list of CIDR whose X-Forwarded-For counts */
	/* A complete request, on the wire: give it away at once. */
	void (*on_request)(struct req *r, void *arg);
	/* Writes a refusal made by fcgi.c into out, in the program's own error shape. */
	void (*refuse)(const struct req *r, const struct err *err, struct resp *out);
	void *arg;
	struct server *server;	   /* copied into each request */
	const void *settings;
};

struct fcgi_loop;

/* Accepts on the listener within this wire. Returns owned; config is borrowed until freed. */
RETURNS_NEW struct fcgi_loop *fcgi_loop_new(struct wire *w, const struct fcgi_listener *l,
    const struct fcgi_config *config);
/* Draining: accept what waits in the queue, then no more; close each kept connection after its
 * next reply. */
void fcgi_loop_drain(struct fcgi_loop *f);
/* Connections that are open, with or without a request. */
size_t fcgi_loop_conns(const struct fcgi_loop *f);
void fcgi_loop_free(struct fcgi_loop *f);
/* CGI: reads the one request from environment and stdin; its reply goes to stdout and ends the
 * wire. */
MUST_USE bool fcgi_cgi_start(struct wire *w, const struct fcgi_config *config, struct err *err);

/* ---- replies -------------------------------------------------------------------------- */

/* The whole reply; takes the request and resp's body, on whichever thread. Adds
 * X-Oneapi-Request-Id, Content-Type and Content-Length where missing; HEAD sends no body. */
void reply_send(struct req *r, struct resp *resp);

/* A stream, on the wire that reply_wire names. */
struct wire *reply_wire(const struct req *r);

struct reply_events {
	void (*on_drain)(struct req *r); /* the backlog fell below REPLY_LOW_WATER */
	void (*on_gone)(struct req *r);	 /* the client or its web server left */
};

#define REPLY_HIGH_WATER (64 * 1024)
#define REPLY_LOW_WATER (8 * 1024)

/* Who hears of the client; may be set before the reply starts, so that a client that leaves while
 * the upstream is silent is noticed. Wire only. */
void reply_watch(struct req *r, const struct reply_events *events);
/* Has the client left? Wire only. */
bool reply_gone(const struct req *r);
/* Status and headers go out with the first bytes written (or by themselves at reply_flush). */
void reply_start(struct req *r, int status, const struct headers *headers);
void reply_write(struct req *r, struct str bytes);
/* Sends what is buffered; call once per batch of events. */
void reply_flush(struct req *r);
/* Bytes that wait for the web server; above REPLY_HIGH_WATER stop producing. */
size_t reply_backlog(const struct req *r);
/* Ends the stream and takes the request: it is freed once its last byte is out. */
void reply_end(struct req *r);
/* Ends it in a way the web server reports as broken off, when a cut is the truth. */
void reply_abort(struct req *r);

#endif
