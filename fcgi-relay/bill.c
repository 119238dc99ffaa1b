#include "bill.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

#include "limits.h"

#include "resources.h"
#include "used.h"
#include "works.h"

/* How a charge came about, for people: a line, not a novel. */
#define CONTENT_MAX_BYTES 1024

/* An operation that outlives the exchange, with copies of its texts behind it. */
struct posted {
	struct ledger_op op;
	size_t used;
	char text[];
};

static void free_posted(struct ledger_op *op)
{
	if (!op->ok)
		log_error(NULL, "ledger.lost", LOG_STR("request", op->hold.request_id),
		    LOG_INT("kind", op->kind), LOG_ERR(&op->err));
	mem_free(CONTAINER_OF(op, struct posted, op));
}

static struct posted *posted_new(enum ledger_kind kind, size_t text_bytes)
{
	struct posted *p = mem_zalloc(sizeof *p + text_bytes);

	p->op.kind = kind;
	p->op.done = free_posted;
	return p;
}

static struct str keep(struct posted *p, struct str s)
{
	return str_put(p->text, &p->used, s);
}

static struct str request_id(const struct exchange *x)
{
	return str_c(x->req->id);
}

int64_t bill_amount(const struct exchange *x)
{
	struct usage most;

	used_bound(x, &most);
	return price_estimate(&x->rate, &most) + works_bound(x);
}

/* On the ledger's thread: only hands on. */
static void reserved(struct ledger_op *op)
{
	struct exchange *x = op->arg;

	wire_send(exchange_wire(x), &x->task);
}

void bill_reserve(struct exchange *x, int64_t amount)
{
	const struct token_owner *owner = &x->caller->owner;
	struct ledger_op *op = &x->reserve;

	*op = (struct ledger_op){
		.kind = x->reserved ? LEDGER_RAISE : LEDGER_RESERVE,
		.hold = {
			.request_id = request_id(x),
			.user_id = owner->token.user_id,
			.token_id = owner->token.id,
			.channel_id = x->channel->row.id,
			.amount = amount,
			.node = str_c(x->relay->rt.node),
			.model = x->call.model,
			.token_name = owner->token.name,
			.username = owner->username,
			.is_stream = x->ask.stream,
			.budgets = limits_budgets(x),
		},
		.amount = amount - x->held,
		.done = reserved,
		.arg = x,
	};
	ledger_send(x->relay->ledger, op);
}

void bill_checkpoint(const struct exchange *x)
{
	struct posted *p = posted_new(LEDGER_CHECKPOINT, strlen(x->req->id) + x->call.model.n);
	struct usage so_far;

	used_so_far(x, &so_far);
	p->op.hold.request_id = keep(p, request_id(x));
	p->op.hold.channel_id = x->channel->row.id;
	p->op.hold.model = keep(p, x->call.model);
	/* Who got nothing yet owes nothing if we die now; of a work its bound was noted. */
	p->op.amount = x->committed && !works_is_open(x) ? price_charge(&x->rate, &so_far) : -1;
	p->op.prompt_tokens = so_far.prompt_tokens;
	p->op.completion_tokens = so_far.completion_tokens;
	ledger_send(x->relay->ledger, &p->op);
}

void bill_renew(const struct exchange *x)
{
	struct posted *p;

	if (!x->reserved)
		return;
	p = posted_new(LEDGER_CHECKPOINT, strlen(x->req->id));
	p->op.hold.request_id = keep(p, request_id(x));
	p->op.amount = -1;
	ledger_send(x->relay->ledger, &p->op);
}

static struct logrow settled_row(const struct exchange *x, int64_t charged, bool by_tokens,
    enum log_finish finish)
{
	const struct token_owner *owner = &x->caller->owner;
	const struct usage *u = &x->call.usage;

	return (struct logrow){
		.user_id = owner->token.user_id,
		.created_at = clock_unix(),
		.type = LOG_TYPE_CONSUME,
		.username = owner->username,
		.token_name = owner->token.name,
		.model_name = x->call.model,
		.quota = charged,
		/* What no price was worked out from is no news. */
		.prompt_tokens = by_tokens ? u->prompt_tokens : 0,
		.completion_tokens = by_tokens ? u->completion_tokens : 0,
		.channel = x->channel->row.id,
		.request_id = request_id(x),
		.elapsed_time = clock_mono_ms() - x->attempt_started_ms,
		.is_stream = x->ask.stream,
		.system_prompt_reset = x->call.system_prompt_reset,
		.token_id = owner->token.id,
		.origin_model = x->ask.model,
		.cached_tokens = u->cached_tokens,
		.attempts = x->attempts,
		.first_byte_ms = x->first_byte_ms,
		.upstream_status = x->upstream_status,
		.finish = (int)finish,
		.model_ratio = x->rate.model,
		.completion_ratio = x->rate.completion,
		.group_ratio = x->rate.group,
	};
}

static void post_row(const struct exchange *x, const struct logrow *row, bool write_log)
{
	struct posted *p = posted_new(LEDGER_SETTLE, logrow_bytes(row));

	p->op.row = logrow_copy(row, p->text, &p->used);
	p->op.hold.request_id = p->op.row.request_id;
	p->op.write_log = write_log;
	ledger_send(x->relay->ledger, &p->op);
}

int64_t bill_settle(struct exchange *x, enum log_finish finish)
{
	bool write_log = option_bool(&x->catalog->options, OPT_LOG_CONSUME_ENABLED);
	struct buf content = buf_init(CONTENT_MAX_BYTES);
	struct logrow row;
	int64_t charged;

	if (!used_complete(x) && finish == FINISH_COMPLETE)
		finish = FINISH_ESTIMATED;
	x->watched.finish = (int)finish;
	charged = price_charge(&x->rate, &x->call.usage);
	resources_ended(x);
	price_describe(&x->rate, &x->call.usage, &content);
	row = settled_row(x, charged, x->call.usage.reported || x->rate.token_priced, finish);
	row.content = buf_str(&content);
	if (works_is_open(x))
		charged = works_end(x, &row, write_log);
	else
		post_row(x, &row, write_log);
	buf_release(&content);
	return charged;
}

void bill_release(struct exchange *x)
{
	struct posted *p;

	if (!x->reserved || works_failed(x))
		return;
	p = posted_new(LEDGER_RELEASE, strlen(x->req->id));
	p->op.hold.request_id = keep(p, request_id(x));
	ledger_send(x->relay->ledger, &p->op);
}
