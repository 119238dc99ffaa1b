/* exchange.h — what travels through the rooms for one request
 *
 * Made by relay_begin in the request's arena; gone with it. One room owns it at a time: whoever
 * hands it on does not touch it again. The parts of one attempt (channel, rate, call, request,
 * collected body) are made anew for each channel tried and rewound with the arena.
 */
#ifndef FCGI_RELAY_EXCHANGE_H
#define FCGI_RELAY_EXCHANGE_H

#include "base/err.h"
#include "billing/ledger.h"
#include "net/upstream.h"
#include "provider/adaptor.h"

#include "choose.h"
#include "gate.h"
#include "relay.h"
#include "routes.h"
#include "watch.h"

struct limit_hold;
struct resource_call;
struct waiter;

/* What the upstream's reply turned out to be, once its head is in. */
enum reply_kind {
	REPLY_PENDING,
	REPLY_ERROR,  /* an error status: collected for adaptor->error */
	REPLY_WHOLE,  /* collected, converted, sent at once */
	REPLY_STREAM, /* converted event by event */
	REPLY_RAW,    /* forwarded as it comes */
};

/* Largest whole reply and largest error body that are collected. */
#define WHOLE_MAX_BYTES (64 * 1024 * 1024)
#define ERROR_MAX_BYTES (64 * 1024)

/* The reservation of a stream that grows with it (slices.h). */
struct slices {
	struct raise *raise;   /* under way; NULL: none */
	struct err *refusal;   /* why there is no more; NULL: there may be */
	bool closed;           /* no further raise */
	bool behind;           /* the stream waits for its reservation */
	unsigned thin;         /* how often a slice was refused: each time the next is halved */
	size_t unseen_bytes;   /* since the cost was last looked at */
	int64_t not_before_ms; /* of the next raise */
};

struct exchange {
	struct task task; /* for handing on */
	struct req *req;
	struct relay *relay;
	const struct caller *caller;
	const struct route_mode *mode;
	struct catalog *catalog; /* a reference, dropped with the arena */
	struct ask ask;
	int64_t prompt_tokens; /* our count */

	int64_t pin; /* the only channel that may serve this (a resource lives there); 0: any */
	uint64_t pin_key; /* the one of its keys (catalog_key.id) that should; 0: any */
	struct resource_call *resource; /* resources.h's; NULL: none of its business */
	int references;                 /* ids in the body that were looked up */
	int64_t call_price;             /* for PRICE_CALL, filled in by the route's read */
	struct tried tried;
	int attempts;
	struct err last_error; /* of the latest attempt */

	struct limit_hold *limit; /* limits.h's; NULL: nothing limits it */
	struct waiter *waiter;    /* wait_line.h's; NULL: it does not wait */
	struct media *media;      /* media.h's; NULL: nothing is fetched for it */
	bool awaits_media;        /* the upstream call is built when they are there */

	struct ledger_op reserve;
	bool reserved; /* there is a reservation, perhaps of nothing: some models are free */
	int64_t held;  /* its amount */
	struct slices slices;

	struct watched watched; /* watch.h's */

	/* one attempt */
	struct arena_mark attempt_mark;
	bool attempt_open;
	int64_t attempt_started_ms;
	const struct catalog_channel *channel;
	struct rate rate;
	struct call call;
	struct upstream_req request;
	int first_token_ms;        /* of a stream, from sending to the first piece; 0: no limit */
	struct upstream *upstream; /* NULL: none runs */
	enum reply_kind kind;
	int upstream_status;
	struct headers headers; /* what of the upstream's head goes to the client */
	struct buf body;        /* collected: whole or error */
	struct frame_reader frames;

	/* the client's side of a stream */
	struct buf out;
	bool committed;        /* a byte of the reply has gone out: no other channel any more */
	int reply_status;      /* of a committed reply */
	int64_t first_byte_ms; /* from the request's start; -1 */
	int64_t last_write_ms;
	struct timer pulse; /* keep-alive comments, checkpoints, the first token's deadline */
	int64_t checkpoint_due_ms;
};

static inline struct wire *exchange_wire(const struct exchange *x)
{
	return reply_wire(x->req);
}

#endif
