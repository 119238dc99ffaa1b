/* conn.h — one connection of a web server: what the files of fcgi.h share
 *
 * Nothing else includes it: fcgi.c, collect.c, decode.c, output.c, cgi.c. A connection lives on one
 * wire:
 *
 *	COLLECT ──complete──▶ BUSY ──reply ended──▶ FLUSH ──all is out──▶ COLLECT or closed
 *	   └──breaks a limit──▶ DISCARD ──rest is read──▶ BUSY (answered by ourselves)
 *	                          FLUSH ──rest was not read──▶ LINGER ──▶ closed
 *
 * While BUSY the request belongs to whoever answers it, perhaps on another thread; of the
 * connection only `composed` and what is constant during a request (id, cgi) may be touched there.
 */
#ifndef NET_CONN_H
#define NET_CONN_H

#include <stdatomic.h>

#include "base/err.h"
#include "net/fcgi.h"
#include "net/spool.h"

#define SCRATCH_BYTES ((size_t)64 * 1024)

enum conn_phase { CONN_COLLECT, CONN_DISCARD, CONN_BUSY, CONN_FLUSH, CONN_LINGER, CONN_CLOSED };

/* Bytes on their way out: first head, then body, which is framed as it goes. */
struct output {
	struct buf head;
	size_t sent;   /* of head */
	size_t record; /* 1 + offset in head of the record that is still open; 0: none */
	struct buf body;
	size_t body_at; /* what of body is out or in head */
	bool finish;    /* the end of the request follows body */
};

/* A whole reply, made on the thread that had the request; lives in the request's arena. */
struct composed {
	struct buf head, body;
	bool finish;
};

struct conn {
	struct watch watch;
	struct timer timer; /* a deadline for input, or the moment to tell that the client left */
	struct fcgi_loop *loop;
	struct conn *prev, *next; /* in the loop's list */
	enum conn_phase phase;
	bool cgi;       /* stdout, without records */
	bool fresh;     /* no request was begun yet */
	bool keep;      /* the web server will use the connection again */
	bool pipelined; /* the next request began too early: nothing is read until this one ends */
	bool walking;   /* its input is being looked at further up the stack */
	bool unread;    /* a request was answered before it was read to its end */

	/* the request that is collected or answered */
	uint16_t id; /* 0: none */
	bool params_done;
	size_t params_bytes, params_end, body_bytes;
	size_t body_limit;    /* that a refusal names */
	size_t stray;         /* records that belonged to no request of ours */
	size_t discard_bytes; /* thrown away so far */
	int64_t first_ms, last_ms;
	struct buf in;       /* records of this request, then bytes not looked at */
	size_t parsed;       /* where those begin */
	struct spool *spool; /* the body, once it is too large for `in`; else NULL */
	enum err_kind fault; /* why it is discarded */

	/* its reply */
	struct req *r;
	const struct reply_events *events;
	struct composed *composed;
	struct output out;
	bool started; /* the head of a stream is in out */
	bool no_body; /* HEAD, 204, 304 */
	bool full;    /* the backlog was above the low water mark */
	bool gone, told;
};

struct fcgi_loop {
	struct wire *wire;
	const struct fcgi_config *config;
	struct watch listen;
	struct timer pause; /* until accepting is tried again */
	bool paused;
	bool starved; /* of descriptors or memory, and said so in the log */
	bool draining;
	atomic_bool accepting;
	atomic_size_t count;
	struct conn *conns;
	struct conn *unsent; /* flushed in this turn, not sent yet (reply_flush) */
	bool sends_later;    /* … and that will happen */
	int memfd;           /* decode.c's, -1: none */
	size_t memfd_size;
	char scratch[SCRATCH_BYTES];
};

/* fcgi.c */
struct conn *conn_new(struct fcgi_loop *f, int fd);
/* The last byte of a reply is out: the connection is used again or closed. */
void conn_replied(struct conn *c);
/* The web server is gone. Its request, if somebody has it, learns it in a while. */
void conn_lost(struct conn *c);
/* At once; nobody has its request. */
void conn_close(struct conn *c);
/* Nothing more is said, but what still comes is read for a while: closing with unread bytes would
 * lose the reply. */
void conn_linger(struct conn *c);
/* The request is over, whatever became of its reply: its memory goes after this turn. */
void conn_drop_request(struct conn *c);

/* collect.c */
/* Reads once. */
void conn_receive(struct conn *c);
/* Goes on with what was kept. */
void conn_walk_kept(struct conn *c);
/* Is something incomplete, so that time matters? */
bool conn_is_waiting(const struct conn *c);
void conn_watch_time(struct conn *c);
/* The rest of the request did not come. */
void conn_timed_out(struct conn *c);
/* Forgets a body that was collected so far. */
void conn_drop_spool(struct conn *c);
/* Fills in what does not come from the web server. */
void conn_begin(struct conn *c, struct req *r);
/* A refusal of our own; takes r, which belongs to c. */
void conn_refuse(struct conn *c, struct req *r, const struct err *err);

/* decode.c */
enum decoded {
	DECODED_OK,
	DECODED_BAD,  /* err is set, *out is usable for a refusal */
	DECODED_TORN, /* not what was announced: nobody may see it */
};
/* records are whole and in order, up to the empty PARAMS record or to the empty STDIN record. A
 * body in c->spool is taken from there. */
MUST_USE enum decoded decode_request(struct conn *c, struct str records, struct req **out,
    struct err *err);
/* Do the parameters among these records announce a multipart body? */
bool decode_is_upload(const struct conn *c, struct str records);
/* Makes the memory file if there is none; false when descriptors have run out. */
bool decode_ready(struct fcgi_loop *f);
void decode_release(struct fcgi_loop *f);

/* output.c */
/* Sends what can be sent; may end in conn_replied or conn_lost. */
void conn_pump(struct conn *c);
/* A record of the connection itself, between those of a reply. */
void conn_answer(struct conn *c, struct str record);
/* After room was made: tells the producer that waits for it. */
void conn_drained(struct conn *c);
size_t conn_backlog(const struct conn *c);
/* Which events to wait for now. */
void conn_arm(struct conn *c);
void output_release(struct output *out);

#endif
