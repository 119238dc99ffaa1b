/* works.h — what goes on at an upstream after its creation was answered, and what it is charged
 *
 * A work is a batch, a run of an assistant, a training job, or a response in the background: its
 * tokens are used later, and reported in the object that the upstream keeps. Its creation is
 * charged a bound, and the difference to its final usage is settled once, in either direction, by
 * whoever sees that first: the creating request, a client that asks for it, or the settler.
 *
 *	batch		the summary of its input file (lines.h), at the batch's share of the price;
 *			`usage` of the object, else the sum over the lines of its output file
 *	run		max_prompt_tokens and max_completion_tokens, or PreConsumedQuota tokens where
 *			they are not given; `usage`
 *	training	the tokens of its file times n_epochs, or OpenAI's rule for "auto", at the
 *			model's training price; `trained_tokens`
 *	response	what was reserved; `usage`
 *
 * How a crash at any moment loses nothing and charges nothing twice is said in pins.h.
 *
 * A run is settled at the price of the model that it says it used: its assistant may be changed in
 * the moment that it is made.
 *
 * A request that names what was not checked here (a file from elsewhere, an assistant whose model
 * is not known) or that needs the channel's mapping of models is refused: what is inside does not
 * pass by here again. So are models without a price for this, unless UnpricedModel says otherwise,
 * and training that is not paid by tokens.
 *
 * A thread with an open run, and a file that an open batch wrote, cannot be deleted (409): they are
 * what the usage is read from.
 *
 * Not charged: what an upstream's own tools cost (searches, interpreters), storage, and the use of
 * what was trained, which is a model like others.
 *
 * Threads  work_* pure; works_* by whoever owns the exchange.
 */
#ifndef FCGI_RELAY_WORKS_H
#define FCGI_RELAY_WORKS_H

#include "exchange.h"
#include "lines.h"
#include "pins.h"

/* ---- any work ---- */

enum work_state {
	WORK_RUNS,
	WORK_ENDED,     /* and its usage is known */
	WORK_UNCOUNTED, /* and it does not say what it used */
};

/* What a work has used in the end. */
struct work_end {
	struct usage usage;
	int64_t requests; /* of a batch, that were answered; -1: not said */
	struct str model; /* of a run: the one that it used, in the object; "" as it was made */
};

/* What object, as the upstream has it now, says of the work that is pinned as pin. */
enum work_state work_state(const struct resource *pin, struct jval object, struct work_end *end);
/* The usage of a single answer of a batch is added: of a line of its output file. */
void work_add_line(struct arena *a, struct str line, struct work_end *end);
/* No mistake of an upstream may empty an account: what is far above all that its files ask for, or
 * that was charged in advance, is cut. work_state has done it. */
void work_cut(const struct resource *pin, struct usage *u);
/* The price of its tokens. */
MUST_USE bool work_rate(struct arena *a, const struct catalog *c,
    const struct catalog_channel *channel, struct str group, const struct resource *pin,
    int64_t requests, struct rate *out, struct err *err);
/* A whole bill but for row.request_id, user's and key's names. */
MUST_USE bool work_bill(struct arena *a, const struct catalog *c,
    const struct catalog_channel *channel, struct str group, const struct resource *pin,
    const struct work_end *end, struct pins_bill *bill, struct err *err);

/* ---- that a request makes: struct resource_call's work ---- */

struct work {
	bool wanted; /* this request makes one */
	bool open;   /* it is in the pins, as pending */
	bool made;   /* the upstream said its id */
	bool final;  /* … and its end at once: end is its usage */
	int64_t channel_id;
	struct resource pin; /* as it was opened */
	struct rate rate;
	struct usage most;
	struct work_end end;
	char pending[80], id[RESOURCE_ID_MAX + 1]; /* pin.id, before it is made and after */
};

/* Of a body that was read, for the channel in x->pin: is it a creation of a work, and may it be? */
MUST_USE bool works_read(struct exchange *x, struct err *err);
/* What it is charged beside its call. */
int64_t works_bound(const struct exchange *x);
/* The money is reserved. True: the work is being opened; then runs `then` with x->task on the wire,
 * and x has not been given to an upstream yet. Gives the exchange away. */
bool works_open(struct exchange *x, void (*then)(struct task *task, void *room));
bool works_is_open(const struct exchange *x);
/* A creation of a response was answered before it ended, though it did not ask for that. */
void works_open_late(struct exchange *x);
/* An object that may be the one that this request makes: then it is adopted. True when it is. */
bool works_saw(struct exchange *x, struct jval object, struct str listed);
/* The upstream's id for a response. */
void works_made(struct exchange *x, struct str id, struct str listed);
/* The request ended well or badly and is charged: instead of LEDGER_SETTLE. row->quota is what the
 * call costs, of a response what its usage does. Returns what is charged. */
int64_t works_end(struct exchange *x, const struct logrow *row, bool write_log);
/* The request failed: instead of LEDGER_RELEASE. False: there is no open work. */
bool works_failed(struct exchange *x);

#endif
