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
 * The code lies in listen.c (ways to start), fcgi.c (connections), collect.c (input), decode.c
 * (libfcgi), cgi_vars.c (variables to struct req), output.c (replies) and cgi.c; record.h has the
 * records themselves.
 *
 * Threads  reply_send from any thread that owns the request; every other reply_* on its wire.
 */
#ifndef NET_FCGI_H
#define NET_FCGI_H

#include <sys/types.h>

#include "net/http.h"
#include "net/wire.h"

struct err;

enum fcgi_start { FCGI_START_SOCKET, FCGI_START_CGI };

struct fcgi_listener {
	enum fcgi_start how;
	int fd;         /* listening socket, non-blocking; -1 for CGI */
	char path[108]; /* unix socket that we made and unlink at the end, or "" */
	dev_t device;   /* what the path was when we made it: a successor may have */
	ino_t inode;    /* put its own socket there, and that one stays */
};

/* listen_text "" when no --listen was given; when given it goes before all other ways. ERR_CONFIG
 * when there is no way to be reached. */
MUST_USE bool fcgi_listen(const char *listen_text, struct fcgi_listener *out, struct err *err);
/* Takes the path away, so that nobody new comes; those in the queue can still be accepted. */
void fcgi_unpublish(struct fcgi_listener *l);
void fcgi_unlisten(struct fcgi_listener *l);

/* A body up to this is kept in memory. */
#define SPOOL_ABOVE_BYTES ((size_t)1024 * 1024)

struct fcgi_config {
	size_t max_params_bytes; /* 64 KiB */
	size_t max_body_bytes;   /* 32 MiB */
	size_t max_upload_bytes; /* 128 MiB: of a multipart body */
	const char *spool_dir;   /* where larger bodies than SPOOL_ABOVE_BYTES lie (spool.h) */
	int request_timeout_ms;  /* for the whole request to arrive: 60 s idle, see max_upload_ms */
	int max_upload_ms;       /* 600 s */
	size_t max_conns;        /* budget of each loop; accepting pauses at it */
	struct str trusted_proxies; /* comma list of CIDR whose X-Forwarded-For counts; the word
	                             * `unix` stands for clients without an address */
	/* A complete request, on the wire: give it away at once. */
	void (*on_request)(struct req *r, void *arg);
	/* Writes a refusal made by fcgi.c into out, in the program's own error shape. */
	void (*refuse)(const struct req *r, const struct err *err, struct resp *out);
	const char *head; /* lines that every reply has, each with CR LF; NULL: none */
	void *arg;
	struct server *server; /* copied into each request */
	const void *settings;
};

/* What libfcgi needs once, before the first thread; keeps the program's signal dispositions. A loop
 * does it too, when nobody did. */
void fcgi_setup(void);

struct fcgi_loop;

/* Accepts on the listener within this wire; l NULL: only what fcgi_loop_adopt brings. Returns
 * owned; config is borrowed until freed. On the wire, or before it runs. */
RETURNS_NEW struct fcgi_loop *fcgi_loop_new(struct wire *w, const struct fcgi_listener *l,
    const struct fcgi_config *config);
/* Serves a connection that was made elsewhere, such as one end of a socketpair; takes fd. */
void fcgi_loop_adopt(struct fcgi_loop *f, int fd);
/* Draining: accept what waits in the queue, then no more; close each kept connection after its
 * next reply. */
void fcgi_loop_drain(struct fcgi_loop *f);
/* False once a drain has emptied the queue; from any thread. */
bool fcgi_loop_accepting(const struct fcgi_loop *f);
/* Ends every connection: those with a request as if their client had left, so that each request
 * still ends in the hands of its owner. Returns how many had one. */
size_t fcgi_loop_cut(struct fcgi_loop *f);
/* Connections that are open, with or without a request, and requests that outlived theirs; from
 * any thread. */
size_t fcgi_loop_conns(const struct fcgi_loop *f);
/* No request may be out. */
void fcgi_loop_free(struct fcgi_loop *f);
/* CGI: reads the one request from environment and stdin; its reply goes to stdout and ends the
 * wire. */
MUST_USE bool fcgi_cgi_start(struct wire *w, const struct fcgi_config *config, struct err *err);

/* ---- replies -------------------------------------------------------------------------- */

/* The whole reply; takes the request and releases resp, on whichever thread. Adds
 * X-Oneapi-Request-Id, Content-Type and Content-Length where missing; HEAD sends no body. */
void reply_send(struct req *r, struct resp *resp);

/* The same with what the program's refuse makes of err; a Retry-After that err asks for is added
 * where missing. */
void reply_refuse(struct req *r, const struct err *err);

/* A stream, on the wire that reply_wire names. */
struct wire *reply_wire(const struct req *r);

/* Called by the loop, never from within a reply_* function. */
struct reply_events {
	void (*on_drain)(struct req *r); /* the backlog fell below REPLY_LOW_WATER */
	void (*on_gone)(struct req *r);  /* the client or its web server left */
};

#define REPLY_HIGH_WATER (64 * 1024)
#define REPLY_LOW_WATER (8 * 1024)

/* Who hears of the client; may be set before the reply starts, so that a client that leaves while
 * the upstream is silent is noticed, and is told even if it left before. NULL: nobody, for when the
 * request goes back to a worker. Borrowed. Wire only. */
void reply_watch(struct req *r, const struct reply_events *events);
/* Has the client left? Wire only. */
bool reply_gone(const struct req *r);
/* Status and headers go out with the first bytes written (or by themselves at reply_flush). */
void reply_start(struct req *r, int status, const struct headers *headers);
void reply_write(struct req *r, struct str bytes);
/* Sends what is buffered, at the latest when the wire's turn ends. */
void reply_flush(struct req *r);
/* Bytes that wait for the web server; above REPLY_HIGH_WATER stop producing. */
size_t reply_backlog(const struct req *r);
/* Ends the stream and takes the request: it is freed once its last byte is out. */
void reply_end(struct req *r);
/* Ends it in a way the web server reports as broken off, when a cut is the truth. */
void reply_abort(struct req *r);

#endif
