#include "bill.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

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
	char *to = p->text + p->used;

	if (s.n)
		memcpy(to, s.p, s.n);
	p->used += s.n;
	return (struct str){ to, s.n };
}

static struct str request_id(const struct exchange *x)
{
	return str_c(x->req->id);
}

int64_t bill_amount(const struct exchange *x)
{
	const struct ask *ask = &x->ask;
	int64_t most = ask->max_tokens;

	if (ask->mode == MODE_EMBEDDINGS)
		most = 0;
	else if (most < 0)
		most = option_int(&x->catalog->options, OPT_PRE_CONSUMED_QUOTA);
	if (most > INT32_MAX / ask->n)
		most = INT32_MAX;
	else
		most *= ask->n;
	return price_estimate(&x->rate, x->prompt_tokens, most);
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
		},
		.amount = amount - x->held,
		.done = reserved,
		.arg = x,
	};
	ledger_send(x->relay->ledger, op);
}

void bill_checkpoint(const struct exchange *x)
{
	struct posted *p = posted_new(LEDGER_CHECKPOINT, strlen(x->req->id));
	struct call so_far = x->call;

	adaptor_complete_usage(&so_far, x->prompt_tokens);
	p->op.hold.request_id = keep(p, request_id(x));
	/* Who got nothing yet owes nothing if we die now. */
	p->op.amount = x->committed ? price_charge(&x->rate, &so_far.usage) : -1;
	p->op.prompt_tokens = so_far.usage.prompt_tokens;
	p->op.completion_tokens = so_far.usage.completion_tokens;
	ledger_send(x->relay->ledger, &p->op);
}

/* "model 2.50 × group 1.00 × completion 4.00", as one-api words it. */
static const char *formula(const struct exchange *x)
{
	const struct rate *r = &x->rate;
	double one = (double)RATIO_ONE;

	return arena_fmt(x->req->arena,
	    "model ratio %.2f × group ratio %.2f × completion ratio %.2f", (double)r->model / one,
	    (double)r->group / one, (double)r->completion / one);
}

void bill_settle(const struct exchange *x, enum log_finish finish, int64_t *charged)
{
	const struct token_owner *owner = &x->caller->owner;
	const struct usage *u = &x->call.usage;
	struct str content = str_c(formula(x));
	struct posted *p = posted_new(LEDGER_SETTLE,
	    content.n + owner->username.n + owner->token.name.n + x->call.model.n + x->ask.model.n +
	        strlen(x->req->id));
	int64_t now = clock_mono_ms();

	*charged = price_charge(&x->rate, u);
	p->op.row = (struct logrow){
		.user_id = owner->token.user_id,
		.created_at = clock_unix(),
		.type = LOG_TYPE_CONSUME,
		.content = keep(p, content),
		.username = keep(p, owner->username),
		.token_name = keep(p, owner->token.name),
		.model_name = keep(p, x->call.model),
		.quota = *charged,
		.prompt_tokens = u->prompt_tokens,
		.completion_tokens = u->completion_tokens,
		.channel = x->channel->row.id,
		.request_id = keep(p, request_id(x)),
		.elapsed_time = now - x->attempt_started_ms,
		.is_stream = x->ask.stream,
		.system_prompt_reset = x->call.system_prompt_reset,
		.token_id = owner->token.id,
		.origin_model = keep(p, x->ask.model),
		.cached_tokens = u->cached_tokens,
		.attempts = x->attempts,
		.first_byte_ms = x->first_byte_ms,
		.upstream_status = x->upstream_status,
		.finish = (int)finish,
		.model_ratio = x->rate.model,
		.completion_ratio = x->rate.completion,
		.group_ratio = x->rate.group,
	};
	p->op.hold.request_id = p->op.row.request_id;
	p->op.write_log = option_bool(&x->catalog->options, OPT_LOG_CONSUME_ENABLED);
	ledger_send(x->relay->ledger, &p->op);
}

void bill_release(const struct exchange *x)
{
	struct posted *p;

	if (!x->reserved)
		return;
	p = posted_new(LEDGER_RELEASE, strlen(x->req->id));
	p->op.hold.request_id = keep(p, request_id(x));
	ledger_send(x->relay->ledger, &p->op);
}
