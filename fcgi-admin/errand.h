/* errand.h — a series of upstream calls about one channel: a test, a balance, a list of models
 *
 * DESIGN. An errand reads its channel and builds its first call on a thread with a database, then
 * gives the call to a wire (upstream_fetch). The wire hands the answer back (ready) to whoever goes
 * on: a worker, for a request whose reply was deferred (errand_serve), or the runner's thread for an
 * item of a job (runner.h). There the kind reads the answer; it is the result, or one more call goes
 * out. One time limit counts for all calls of an errand. While a call is under way nobody but the
 * wire touches the errand or its arena.
 *
 * All memory is in r->arena; r is the request that waits, or one made for an item of a job.
 *
 * Threads  one at a time, as above.
 */
#ifndef ADMIN_ERRAND_H
#define ADMIN_ERRAND_H

#include "base/err.h"
#include "net/http.h"
#include "net/upstream.h"
#include "provider/adaptor.h"
#include "provider/catalog.h"

struct errand;

struct errand_kind {
	const char *name;
	int timeout_ms;
	size_t body_max;
	/* After the channel was read: can this be done with it? */
	bool (*prepare)(struct errand *e, struct err *err);
	/* Fills e->upstream for call e->step. */
	bool (*encode)(struct errand *e, struct err *err);
	/* May a further call mend an answer with a status that is no 2xx? NULL: never. */
	bool (*mend)(struct errand *e);
	/* An answer with a status that is no 2xx; returns false. */
	bool (*refused)(struct errand *e, struct err *err);
	/* A 2xx answer in e->reply; STEP_NEXT asks for one more call. */
	enum step (*read)(struct errand *e, struct err *err);
	/* It is over, e->ok and e->text say how: writes what is to be kept. */
	void (*note)(struct errand *e);
	/* The reply of a request that waits. */
	bool (*send)(struct errand *e, struct resp *out);
};

struct errand {
	struct req *r;
	const struct errand_kind *kind;
	struct catalog_channel channel;
	const struct catalog_key *key; /* the one that is used */
	void *own;                     /* the kind's */
	bool applies_rules;            /* may switch the channel off and on: tests.h */

	int step;
	int64_t began_ms, answered_ms;
	struct upstream_req upstream;
	struct arena *call_arena; /* of the call under way */
	struct upstream_reply reply;
	void (*ready)(struct errand *e); /* on the wire */
	void *owner;                     /* of ready */
	struct errand *next;             /* of the owner */

	/* the outcome */
	bool ok;
	struct str text;    /* what came, or why not */
	struct err said;    /* an upstream's refusal, for the rules; kind ERR_NONE: none */
	const char *action; /* what the rules did, "" for nothing */
	int64_t elapsed_ms;
};

struct errand *errand_new(struct req *r, const struct errand_kind *kind);
/* Reads the channel and prepares. ERR_NOT_FOUND, or a sentence for the client. */
MUST_USE bool errand_load(struct errand *e, int64_t channel_id, struct err *err);
/* The same for a channel that is in no table. */
MUST_USE bool errand_use(struct errand *e, const struct channel *row, struct err *err);

/* Builds the call of e->step; then sends it: from then on e is the wire's until ready is called. */
MUST_USE bool errand_encode(struct errand *e, struct err *err);
void errand_send(struct errand *e, struct wire *w);
/* Reads the answer. STEP_NEXT: e->step has moved on, encode and send again. */
enum step errand_take(struct errand *e, struct err *err);
/* Notes the outcome: ok, or failed with err. */
void errand_finish(struct errand *e, bool ok, const struct err *err);

/* A whole errand for a request: defers its reply. The end of a handler. */
bool errand_serve(struct errand *e, struct resp *out, struct err *err);

#endif
