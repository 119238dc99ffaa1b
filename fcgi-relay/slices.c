/* slices.c — see slices.h
 *
 * A raise may come back when the exchange is gone, so it is an operation of its own on the heap.
 * Both the exchange and the ledger hold it, and whoever lets go last frees it. The ledger's thread
 * stores the outcome and nothing else: it wakes nobody, since a stream that costs money is about to
 * look anyway. */
#include "slices.h"

#include <stdatomic.h>
#include <string.h>

#include "base/mem.h"

#include "used.h"

/* Bytes of a stream between two looks at its cost; some ten tokens. */
#define LOOK_EVERY_BYTES 1024
/* A slice that is refused is halved so often, to use up what is left. */
#define THINNEST 3
/* After the database failed. */
#define AWAY_PAUSE_MS 1000

struct raise {
	struct ledger_op op;
	atomic_int holders;
	atomic_bool back; /* op has its outcome */
	char text[];      /* of the request id and the model */
};

static void let_go(struct raise *r)
{
	if (atomic_fetch_sub(&r->holders, 1) == 1)
		mem_free(r);
}

/* On the ledger's thread. */
static void raised(struct ledger_op *op)
{
	struct raise *r = CONTAINER_OF(op, struct raise, op);

	atomic_store(&r->back, true);
	let_go(r);
}

static int64_t cost_so_far(const struct exchange *x)
{
	struct usage u;

	used_about(x, &u);
	return price_charge(&x->rate, &u);
}

static int64_t slice_of(const struct exchange *x, int64_t cost)
{
	int64_t tokens = option_int(&x->catalog->options, OPT_PRE_CONSUMED_QUOTA);
	int64_t least = price_estimate(&x->rate, &(struct usage){ .completion_tokens = tokens });
	int64_t slice = (cost / 4 > least ? cost / 4 : least) >> x->slices.thin;

	return slice > 0 ? slice : 1;
}

static void start_raise(struct exchange *x, int64_t more)
{
	size_t id = strlen(x->req->id);
	struct raise *r = mem_zalloc(sizeof *r + id + x->call.model.n + 1);

	memcpy(r->text, x->req->id, id);
	memcpy(r->text + id, x->call.model.p, x->call.model.n);
	atomic_init(&r->holders, 2);
	r->op = (struct ledger_op){
		.kind = LEDGER_RAISE,
		.hold = {
			.request_id = { r->text, id },
			.channel_id = x->channel->row.id,
			.model = { r->text + id, x->call.model.n },
		},
		.amount = more,
		.done = raised,
	};
	x->slices.raise = r;
	ledger_send(x->relay->ledger, &r->op);
}

/* Why no more could be set aside. */
static void note_refusal(struct exchange *x, const struct err *err)
{
	struct slices *s = &x->slices;
	bool short_of_money = err->kind == ERR_NO_QUOTA || err->kind == ERR_NO_KEY_QUOTA;

	if (err->kind == ERR_STORE) {
		s->not_before_ms = wire_now_ms(exchange_wire(x)) + AWAY_PAUSE_MS;
	} else if (err->kind == ERR_NOT_FOUND) {
		s->closed = true; /* it was swept; the settlement puts it right */
	} else if (short_of_money && s->thin < THINNEST) {
		s->thin++;
	} else {
		s->closed = true;
		s->refusal = arena_alloc(x->req->arena, sizeof *err);
		*s->refusal = *err;
	}
}

static void take_back(struct exchange *x)
{
	struct raise *r = x->slices.raise;

	if (!r || !atomic_load(&r->back))
		return;
	x->slices.raise = NULL;
	if (r->op.ok)
		x->held += r->op.amount;
	else
		note_refusal(x, &r->op.err);
	let_go(r);
}

/* Ahead of the cost when the end is open; a declared end was reserved for. */
static bool wants_more(const struct exchange *x, int64_t cost, int64_t slice)
{
	const struct slices *s = &x->slices;

	if (s->raise || s->closed || wire_now_ms(exchange_wire(x)) < s->not_before_ms)
		return false;
	return cost + (x->ask.max_tokens < 0 ? slice / 2 : 0) > x->held;
}

bool slices_look(struct exchange *x, size_t bytes, struct err *err)
{
	struct slices *s = &x->slices;
	int64_t cost, slice;

	/* What is charged otherwise than by tokens knows its end beforehand. */
	if (x->mode->price != PRICE_TOKENS || !x->committed)
		return true;
	take_back(x);
	s->unseen_bytes += bytes;
	if (s->unseen_bytes < LOOK_EVERY_BYTES || x->call.finished)
		return true;
	s->unseen_bytes = 0;
	cost = cost_so_far(x);
	if (s->refusal && cost > x->held) {
		*err = *s->refusal;
		return false;
	}
	slice = slice_of(x, cost);
	if (wants_more(x, cost, slice))
		start_raise(x, cost + slice - x->held);
	s->behind = s->raise && cost > x->held + slice;
	return true;
}

bool slices_are_behind(const struct exchange *x)
{
	return x->slices.behind;
}

void slices_drop(struct exchange *x)
{
	if (x->slices.raise)
		let_go(x->slices.raise);
	x->slices.raise = NULL;
}
