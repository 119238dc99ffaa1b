#include "pins.h"

#include <pthread.h>
#include <sys/queue.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"

/* Expired pins that one write removes at most. */
#define SWEEP_STEP 20
/* Using a pin moves its end on no more often than this. */
#define TOUCH_EVERY_S (24 * 60 * 60)

/* A write on its way, with copies of its texts behind it. */
struct pin_op {
	struct ledger_op op;
	struct pins *pins;
	struct resource pin;
	bool (*write)(struct db *db, struct pin_op *p, struct err *err);
	struct rate rate; /* of a charge */
	struct usage usage;
	bool part, add; /* as pins_charge_part's */
	bool pending;   /* in pins->pending */
	/* of a work */
	struct str pending_id, request_id;
	int64_t amount; /* cost, or the charge of its final usage */
	enum pins_end how;
	bool refused; /* pins_open's: there is no reservation */
	pins_fn *fn;
	void *arg;
	void *prepared; /* the watcher's */
	LIST_ENTRY(pin_op) link;
	size_t used;
	char text[];
};

LIST_HEAD(pin_op_list, pin_op);

struct pins {
	struct ledger *ledger;
	int64_t life_s;
	struct pins_watcher watcher;
	pthread_mutex_t lock;
	struct pin_op_list pending; /* guarded by lock */
};

struct pins *pins_new(struct ledger *ledger, int64_t life_s)
{
	struct pins *p = MEM_NEW(struct pins);

	p->ledger = ledger;
	p->life_s = life_s;
	pthread_mutex_init(&p->lock, NULL);
	LIST_INIT(&p->pending);
	return p;
}

void pins_free(struct pins *p)
{
	if (!p)
		return;
	pthread_mutex_destroy(&p->lock);
	mem_free(p);
}

/* ---- writing --------------------------------------------------------------------------------- */

static struct str keep(struct pin_op *p, struct str s)
{
	return str_put(p->text, &p->used, s);
}

static bool run(struct db *db, struct ledger_op *op, struct err *err)
{
	struct pin_op *p = CONTAINER_OF(op, struct pin_op, op);

	return p->write(db, p, err);
}

static void finished(struct ledger_op *op)
{
	struct pin_op *p = CONTAINER_OF(op, struct pin_op, op);

	if (!op->ok)
		log_error(NULL, "pins.lost", LOG_STR("kind", p->pin.kind), LOG_STR("id", p->pin.id),
		    LOG_ERR(&op->err));
	if (p->pending) {
		pthread_mutex_lock(&p->pins->lock);
		LIST_REMOVE(p, link);
		pthread_mutex_unlock(&p->pins->lock);
	}
	if (p->prepared)
		p->pins->watcher.settled(p->prepared, op->ok);
	if (p->fn)
		p->fn(p->arg, op->ok && !p->refused);
	mem_free(p);
}

/* more: bytes of further texts. */
static struct pin_op *op_new(struct pins *pins, const struct resource *r, struct str object,
    bool (*write)(struct db *, struct pin_op *, struct err *), size_t more)
{
	struct pin_op *p = mem_zalloc(sizeof *p + r->kind.n + r->id.n + r->model.n +
	    r->billed_budgets.n + r->parent.n + r->summary.n + object.n + more);
	int64_t now = clock_unix();

	p->op.kind = LEDGER_WRITE;
	p->op.write = run;
	p->op.done = finished;
	p->pins = pins;
	p->write = write;
	p->pin = *r;
	p->pin.kind = keep(p, r->kind);
	p->pin.id = keep(p, r->id);
	p->pin.model = keep(p, r->model);
	p->pin.billed_budgets = keep(p, r->billed_budgets);
	p->pin.parent = keep(p, r->parent);
	p->pin.summary = keep(p, r->summary);
	p->pin.object = keep(p, object);
	if (p->pin.created_at == 0)
		p->pin.created_at = now;
	p->pin.expires_at = now + pins->life_s;
	return p;
}

/* Found by pins_find from now on. */
static void send_pending(struct pin_op *p)
{
	p->pending = true;
	pthread_mutex_lock(&p->pins->lock);
	LIST_INSERT_HEAD(&p->pins->pending, p, link);
	pthread_mutex_unlock(&p->pins->lock);
	ledger_send(p->pins->ledger, &p->op);
}

static bool write_put(struct db *db, struct pin_op *p, struct err *err)
{
	return resource_put(db, &p->pin, err) &&
	    resource_sweep(db, clock_unix(), SWEEP_STEP, NULL, err);
}

void pins_put(struct pins *pins, const struct resource *r)
{
	send_pending(op_new(pins, r, r->object, write_put, 0));
}

static bool write_learn(struct db *db, struct pin_op *p, struct err *err)
{
	return resource_learn(db, &p->pin, err) &&
	    resource_sweep(db, clock_unix(), SWEEP_STEP, NULL, err);
}

/* Not pending: whether it will be the user's is not known yet. */
void pins_learn(struct pins *pins, const struct resource *r)
{
	struct pin_op *p = op_new(pins, r, STR(""), write_learn, 0);

	ledger_send(pins->ledger, &p->op);
}

static bool write_seen(struct db *db, struct pin_op *p, struct err *err)
{
	return resource_seen(db, p->pin.user_id, p->pin.kind, p->pin.id, p->pin.expires_at,
	    p->pin.object, err);
}

void pins_seen(struct pins *pins, const struct resource *r, struct str object)
{
	bool news = object.n && !str_eq(object, r->object);
	struct pin_op *p;

	if (!news && clock_unix() + pins->life_s - r->expires_at < TOUCH_EVERY_S)
		return;
	p = op_new(pins, r, object, write_seen, 0);
	ledger_send(pins->ledger, &p->op);
}

static bool write_delete(struct db *db, struct pin_op *p, struct err *err)
{
	return resource_delete(db, p->pin.user_id, p->pin.kind, p->pin.id, err);
}

void pins_delete(struct pins *pins, const struct resource *r)
{
	struct pin_op *p = op_new(pins, r, STR(""), write_delete, 0);

	ledger_send(pins->ledger, &p->op);
}

static bool write_nothing(struct db *db, struct pin_op *p, struct err *err)
{
	return true;
}

/* The ledger keeps the order, so that what was sent before is through when this is. */
void pins_flush(struct pins *pins, pins_fn *fn, void *arg)
{
	struct pin_op *p = op_new(pins, &(struct resource){ 0 }, STR(""), write_nothing, 0);

	p->fn = fn;
	p->arg = arg;
	ledger_send(pins->ledger, &p->op);
}

/* ---- works ----------------------------------------------------------------------------------- */

static bool write_open(struct db *db, struct pin_op *p, struct err *err)
{
	struct hold hold = { .request_id = p->request_id, .lease_s = p->op.hold.lease_s };
	struct err why = { 0 };
	bool gone;

	p->refused = false;
	if (!resource_put(db, &p->pin, err))
		return false;
	if (quota_checkpoint(db, &hold, p->amount, p->pin.billed_prompt, p->pin.billed_completion,
	        &why))
		return true;
	p->refused = why.kind == ERR_NOT_FOUND;
	if (!p->refused) {
		*err = why;
		return false;
	}
	return resource_undo(db, p->pin.user_id, p->pin.kind, p->pin.id, &gone, err);
}

void pins_open(struct pins *pins, const struct resource *r, struct str request_id, int64_t cost,
    pins_fn *fn, void *arg)
{
	struct pin_op *p = op_new(pins, r, r->object, write_open, request_id.n);

	p->request_id = keep(p, request_id);
	p->amount = cost;
	p->fn = fn;
	p->arg = arg;
	send_pending(p);
}

static bool write_adopt(struct db *db, struct pin_op *p, struct err *err)
{
	return resource_adopt(db, p->pending_id, &p->pin, err);
}

void pins_adopt(struct pins *pins, struct str pending_id, const struct resource *r)
{
	struct pin_op *p = op_new(pins, r, r->object, write_adopt, pending_id.n);

	p->pending_id = keep(p, pending_id);
	send_pending(p);
}

static bool write_refuse(struct db *db, struct pin_op *p, struct err *err)
{
	bool gone;

	return resource_undo(db, p->pin.user_id, p->pin.kind, p->pin.id, &gone, err) &&
	    quota_release(db, p->request_id, err);
}

void pins_refuse(struct pins *pins, const struct resource *r, struct str request_id)
{
	struct pin_op *p = op_new(pins, r, STR(""), write_refuse, request_id.n);

	p->request_id = keep(p, request_id);
	ledger_send(pins->ledger, &p->op);
}

static bool write_looked(struct db *db, struct pin_op *p, struct err *err)
{
	return resource_looked(db, p->pin.seq, p->pin.look_at, err);
}

void pins_looked(struct pins *pins, const struct resource *r, int64_t look_at)
{
	struct pin_op *p = op_new(pins, r, STR(""), write_looked, 0);

	p->pin.look_at = look_at;
	ledger_send(pins->ledger, &p->op);
}

static bool write_give_up(struct db *db, struct pin_op *p, struct err *err)
{
	return resource_give_up(db, p->pin.seq, err);
}

void pins_give_up(struct pins *pins, const struct resource *r)
{
	ledger_send(pins->ledger, &op_new(pins, r, STR(""), write_give_up, 0)->op);
}

void pins_watch(struct pins *pins, const struct pins_watcher *w)
{
	pins->watcher = *w;
}

/* An earlier run was rolled back; this one may find it settled by somebody else. */
static void begin_again(struct pin_op *p)
{
	if (p->prepared)
		p->pins->watcher.settled(p->prepared, false);
	p->prepared = NULL;
}

/* A response's prompt was counted by the request that made it. */
static void note_settled(struct db *db, struct pin_op *p, const struct resource *pin)
{
	const struct pins_watcher *w = &p->pins->watcher;
	const struct usage *u = &p->usage;
	int64_t tokens = u->prompt_tokens + u->completion_tokens + u->trained;

	if (pin->charge == CHARGE_RESPONSE && tokens > 0)
		tokens -= pin->billed_prompt;
	if (w->prepare && tokens != 0)
		p->prepared = w->prepare(w->arg, db, pin, tokens);
}

/* What it is charged now. */
static bool find_charge(struct db *db, struct pin_op *p, int64_t *quota, struct err *err)
{
	struct arena *a;
	struct resource pin;
	bool done = false, ok = true;

	*quota = p->op.row.quota;
	if (p->how == PINS_UNDO)
		return resource_undo(db, p->pin.user_id, p->pin.kind, p->pin.id, &done, err);
	if (p->how == PINS_BOUND)
		return true;
	a = arena_new(1024);
	ok = resource_claim(db, a, p->pin.user_id, p->pin.kind, p->pin.id, &pin, &done, err);
	if (done) {
		*quota = p->amount;
		note_settled(db, p, &pin);
	}
	arena_free(a);
	return ok;
}

static bool write_end(struct db *db, struct pin_op *p, struct err *err)
{
	struct logrow row = p->op.row;
	bool settled;

	begin_again(p);
	return find_charge(db, p, &row.quota, err) &&
	    quota_settle(db, &row, p->op.write_log, &settled, err);
}

/* ---- charging -------------------------------------------------------------------------------- */

/* The difference between what was charged so far and what is known now. */
static bool correct(struct db *db, struct pin_op *p, const struct resource *pin, struct err *err)
{
	struct logrow *row = &p->op.row;

	row->quota = price_charge(&p->rate, &p->usage) - pin->billed_quota;
	row->prompt_tokens = p->usage.prompt_tokens - pin->billed_prompt;
	row->completion_tokens = p->usage.completion_tokens - pin->billed_completion;
	row->cached_tokens = p->usage.cached_tokens;
	row->token_id = pin->billed_token;
	return quota_correct(db, row, pin->billed_budgets, p->op.write_log, err);
}

/* The claim and the charge are one transaction: together they happen once or not at all. */
static bool claim_and_charge(struct db *db, struct pin_op *p, struct arena *a, struct err *err)
{
	struct resource pin;
	bool claimed;

	if (!resource_claim(db, a, p->pin.user_id, p->pin.kind, p->pin.id, &pin, &claimed, err))
		return err->kind != ERR_STORE; /* it expired between two statements */
	if (!claimed)
		return true;
	note_settled(db, p, &pin);
	/* What was never made leaves nothing: should its answer come all the same, it is adopted as a
	 * work that nothing was charged for. */
	return correct(db, p, &pin, err) &&
	    (!resource_is_pending(&pin) || resource_delete(db, pin.user_id, pin.kind, pin.id, err));
}

static bool charge_part(struct db *db, struct pin_op *p, struct arena *a, struct err *err)
{
	int64_t seen = p->usage.completion_tokens;
	struct resource pin;

	if (!resource_find(db, a, p->pin.user_id, p->pin.kind, p->pin.id, &pin, err))
		return err->kind != ERR_STORE;
	if (!pin.due || pin.bounded)
		return true;
	if (p->add)
		seen += pin.seen_completion;
	if (seen <= pin.seen_completion)
		return true;
	pin.seen_completion = seen;
	p->usage = (struct usage){ .prompt_tokens = pin.billed_prompt, .completion_tokens = seen };
	if (seen > pin.billed_completion && price_charge(&p->rate, &p->usage) > pin.billed_quota) {
		if (!correct(db, p, &pin, err))
			return false;
		pin.billed_completion = seen;
		pin.billed_quota += p->op.row.quota;
	}
	return resource_billed(db, &pin, err);
}

static bool write_charge(struct db *db, struct pin_op *p, struct err *err)
{
	struct arena *a = arena_new(1024);
	bool ok;

	begin_again(p);
	ok = p->part ? charge_part(db, p, a, err) : claim_and_charge(db, p, a, err);
	arena_free(a);
	return ok;
}

static struct pin_op *charge_new(struct pins *pins, const struct resource *r,
    const struct pins_bill *bill)
{
	struct pin_op *p = op_new(pins, r, STR(""), write_charge, logrow_bytes(&bill->row));

	p->rate = bill->rate;
	p->usage = bill->usage;
	p->op.write_log = bill->write_log;
	p->op.row = logrow_copy(&bill->row, p->text, &p->used);
	return p;
}

void pins_end(struct pins *pins, const struct resource *r, const struct pins_ending *end)
{
	struct pin_op *p = op_new(pins, r, STR(""), write_end, logrow_bytes(&end->row));

	p->how = end->how;
	p->usage = end->usage;
	p->amount = end->final;
	p->op.write_log = end->write_log;
	p->op.row = logrow_copy(&end->row, p->text, &p->used);
	ledger_send(pins->ledger, &p->op);
}

void pins_charge(struct pins *pins, const struct resource *r, const struct pins_bill *bill)
{
	ledger_send(pins->ledger, &charge_new(pins, r, bill)->op);
}

void pins_charge_part(struct pins *pins, const struct resource *r, const struct pins_bill *bill,
    bool add)
{
	struct pin_op *p = charge_new(pins, r, bill);

	p->part = true;
	p->add = add;
	ledger_send(pins->ledger, &p->op);
}

/* ---- finding --------------------------------------------------------------------------------- */

static bool is_it(const struct pin_op *p, int64_t user_id, struct str kind, struct str id)
{
	return p->pin.user_id == user_id && str_eq(p->pin.kind, kind) && str_eq(p->pin.id, id);
}

static bool find_pending(struct pins *pins, struct arena *a, int64_t user_id, struct str kind,
    struct str id, struct resource *out)
{
	const struct pin_op *p;

	pthread_mutex_lock(&pins->lock);
	LIST_FOREACH(p, &pins->pending, link)
	{
		if (is_it(p, user_id, kind, id))
			break;
	}
	if (p) {
		*out = p->pin;
		out->kind = arena_str(a, p->pin.kind);
		out->id = arena_str(a, p->pin.id);
		out->model = arena_str(a, p->pin.model);
		out->billed_budgets = arena_str(a, p->pin.billed_budgets);
		out->parent = arena_str(a, p->pin.parent);
		out->summary = arena_str(a, p->pin.summary);
		out->object = arena_str(a, p->pin.object);
	}
	pthread_mutex_unlock(&pins->lock);
	return p != NULL;
}

/* In this order: what is no longer pending is committed. */
bool pins_find(struct pins *p, struct db *db, struct arena *a, int64_t user_id, struct str kind,
    struct str id, struct resource *out, struct err *err)
{
	return find_pending(p, a, user_id, kind, id, out) ||
	    resource_find(db, a, user_id, kind, id, out, err);
}
