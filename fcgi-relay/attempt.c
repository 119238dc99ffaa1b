#include "attempt.h"

#include "health.h"
#include "limits.h"
#include "media.h"

#include <stdio.h>

/* ---- memory ---------------------------------------------------------------------------------- */

static void close_attempt(void *exchange)
{
	struct exchange *x = exchange;

	health_left(x); /* unless its end was said */
	limits_leave_channel(x);
	upstream_req_release(&x->request);
	buf_release(&x->body);
	if (x->kind == REPLY_STREAM)
		frame_release(&x->frames);
	x->attempt_open = false;
}

static void open_attempt(struct exchange *x)
{
	struct arena *a = x->req->arena;

	if (x->attempt_open)
		arena_rewind(a, x->attempt_mark);
	x->attempt_mark = arena_mark(a);
	x->attempt_open = true;
	x->kind = REPLY_PENDING;
	x->upstream_status = 0;
	x->slices = (struct slices){ 0 };
	x->body = buf_init(ERROR_MAX_BYTES);
	headers_init(&x->headers, a);
	upstream_req_init(&x->request, a);
	arena_defer(a, close_attempt, x);
	buf_clear(&x->out);
}

/* ---- the steps ------------------------------------------------------------------------------- */

bool attempt_is_pinned(const struct exchange *x)
{
	return x->pin != 0 || x->caller->pinned_channel != 0;
}

/* The key that made it, while the channel has it: keys may belong to different projects. */
static void keep_key(struct exchange *x)
{
	const struct catalog_key *key =
	    x->pin_key ? catalog_key_by_id(x->channel, x->pin_key) : NULL;

	if (key)
		x->tried.key = key;
}

/* Where a resource lives is no choice of the caller's: when its channel is gone, so is the
 * resource. */
static bool choose_keeper(struct exchange *x, struct err *err)
{
	struct err why = { 0 };

	if (choose_next(x, &why)) {
		keep_key(x);
		return true;
	}
	if (why.kind != ERR_CHANNEL_INVALID) {
		*err = why;
		return false;
	}
	err_set(err, ERR_MODEL_NOT_FOUND, "the upstream account that kept this is gone");
	snprintf(err->code, sizeof err->code, "resource_not_found");
	return false;
}

static bool choose(struct exchange *x, struct err *err)
{
	return x->pin ? choose_keeper(x, err) : choose_next(x, err);
}

static bool check_mode(const struct exchange *x, struct err *err)
{
	const struct provider *p = x->channel->provider;

	if (p->adaptor && p->adaptor->modes & p->modes & (1u << x->ask.mode))
		return true;
	return err_set(err, ERR_UNSUPPORTED_MODE, "channels of type %s cannot serve this route",
	    p->name);
}

static void make_call(struct exchange *x)
{
	const struct catalog_channel *c = x->channel;

	x->call = (struct call){
		.arena = x->req->arena,
		.ask = &x->ask,
		.channel = c,
		.provider = c->provider,
		.model = catalog_map_model(c, x->tried.model),
		.system_prompt = c->row.system_prompt,
		.query = x->req->query,
		.key = x->tried.key->text,
		.stream = x->ask.stream,
	};
	token_meter_init(&x->call.meter, x->call.model);
}

static bool find_price(struct exchange *x, struct err *err)
{
	return price_find(x->catalog->prices,
	    &(struct price_query){
	        .rule = x->mode->price,
	        .model = x->call.model,
	        .channel_type = x->channel->row.type,
	        .group = x->caller->owner.group,
	        .size = x->ask.size,
	        .quality = x->ask.quality,
	        .call_price = x->call_price ? x->call_price : x->channel->call_price,
	    },
	    &x->rate, err);
}

static void set_limit(int *limit, int own)
{
	if (own > 0)
		*limit = own;
}

struct upstream_limits attempt_limits(const struct relay *relay, const struct catalog_channel *c)
{
	struct upstream_limits limits = relay->limits;

	set_limit(&limits.connect_ms, c->limits.connect_ms);
	set_limit(&limits.first_byte_ms, c->limits.first_byte_ms);
	set_limit(&limits.idle_ms, c->limits.idle_ms);
	set_limit(&limits.total_ms, c->limits.total_ms);
	return limits;
}

static void set_limits(struct exchange *x)
{
	x->request.limits = attempt_limits(x->relay, x->channel);
	x->first_token_ms = x->relay->first_token_ms;
	set_limit(&x->first_token_ms, x->channel->limits.first_token_ms);
}

bool attempt_encode(struct exchange *x, struct err *err)
{
	set_limits(x);
	if (!media_missing(x, &x->awaits_media, err))
		return false;
	if (x->awaits_media)
		return true;
	if (!x->call.provider->adaptor->encode(&x->call, &x->request, err))
		return false;
	if (x->request.public_or) /* a URL of the upstream's: as for those that clients name */
		x->request.public_or = &x->relay->media.allowed;
	return true;
}

static bool build_call(struct exchange *x, struct err *err)
{
	if (!check_mode(x, err))
		return false;
	make_call(x);
	return find_price(x, err) && attempt_encode(x, err);
}

/* The operator's gaps and this channel's own limit, of which another one knows nothing. */
static bool is_gap(const struct err *err)
{
	return err->kind == ERR_UNSUPPORTED_MODE || err->kind == ERR_NO_PRICE ||
	    err->kind == ERR_RATE_LIMIT;
}

bool attempt_forget(struct exchange *x)
{
	if (!limits_forget_full(x))
		return false;
	if (x->attempt_open)
		arena_rewind(x->req->arena, x->attempt_mark);
	if (!x->attempt_started_ms)
		x->tried = (struct tried){ 0 };
	return true;
}

bool attempt_prepare(struct exchange *x, struct err *err)
{
	struct err gap = { 0 }, none = { 0 };

	for (;;) {
		open_attempt(x);
		if (!choose(x, &none)) {
			*err = gap.kind ? gap : none;
			return false;
		}
		x->req->log.channel = x->channel->row.id;
		err_clear(&gap);
		if (build_call(x, &gap) && limits_enter_channel(x, &gap))
			break;
		if (!is_gap(&gap) || attempt_is_pinned(x)) {
			*err = gap;
			return false;
		}
	}
	x->attempts++;
	return true;
}

bool attempt_next_step(struct exchange *x, struct err *err)
{
	x->call.step++;
	if (x->kind == REPLY_STREAM)
		frame_release(&x->frames);
	buf_clear(&x->body);
	x->headers.count = 0; /* the reply's are those of the last call */
	x->kind = REPLY_PENDING;
	upstream_req_release(&x->request);
	upstream_req_init(&x->request, x->req->arena);
	return attempt_encode(x, err);
}
