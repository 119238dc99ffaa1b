#include "relay.h"

#include <inttypes.h>

#include "base/clock.h"

#include "answer.h"
#include "bill.h"
#include "exchange.h"
#include "gate.h"
#include "health.h"
#include "stream.h"

/* Of an upstream's Retry-After; a longer one is a mistake. */
#define RETRY_AFTER_MAX_S 86400

static void on_reserved(struct task *task, void *room);
static void call_upstream(struct exchange *x);
static void fail(struct exchange *x, const struct err *err);

/* ---- on a worker: read, choose, price, build ------------------------------------------------ */

static void drop_catalog(void *catalog)
{
	catalog_put(catalog);
}

static struct exchange *exchange_new(struct req *r)
{
	struct exchange *x = ARENA_NEW(r->arena, struct exchange);

	x->req = r;
	x->relay = relay_of(r);
	x->caller = gate_caller(r);
	x->mode = r->route->data;
	x->first_byte_ms = -1;
	x->catalog = runtime_catalog(&x->relay->rt);
	arena_defer(r->arena, drop_catalog, x->catalog);
	x->retries_left = (int)option_int(&x->catalog->options, OPT_RETRY_TIMES);
	x->out = buf_init(2 * FRAME_MAX_BYTES);
	arena_defer(r->arena, (arena_fn *)buf_release, &x->out);
	return x;
}

/* Compressed bodies are not read; saying so beats calling them broken JSON. */
static bool check_encoding(const struct req *r, struct err *err)
{
	struct str coding = str_trim(req_header(r, "content-encoding"));

	if (coding.n == 0 || str_eq_nocase(coding, STR("identity")))
		return true;
	return err_set(err, ERR_UNSUPPORTED_ENCODING,
	    "request bodies with Content-Encoding %.*s are not supported",
	    STR_ARG(str_slice(coding, 0, 64)));
}

static bool read_request(struct exchange *x, struct err *err)
{
	struct req *r = x->req;

	if (!check_encoding(r, err))
		return false;
	if (!ask_read(r->arena, x->mode->mode, r->body, r->params[0], &x->ask, err))
		return false;
	if (!gate_allows_model(r, x->caller, x->ask.model, err))
		return false;
	x->prompt_tokens = ask_prompt_tokens(&x->ask);
	return true;
}

static void close_attempt(void *exchange)
{
	struct exchange *x = exchange;

	upstream_req_release(&x->request);
	buf_release(&x->body);
	if (x->kind == REPLY_STREAM)
		frame_release(&x->frames);
	x->attempt_open = false;
}

/* Everything of one attempt lies behind a mark of the arena. */
static void open_attempt(struct exchange *x)
{
	struct arena *a = x->req->arena;

	if (x->attempt_open)
		arena_rewind(a, x->attempt_mark);
	x->attempt_mark = arena_mark(a);
	x->attempt_open = true;
	x->kind = REPLY_PENDING;
	x->upstream_status = 0;
	x->body = buf_init(ERROR_MAX_BYTES);
	headers_init(&x->headers, a);
	upstream_req_init(&x->request, a);
	arena_defer(a, close_attempt, x);
	buf_clear(&x->out);
}

static bool choose(struct exchange *x, struct err *err)
{
	struct str group = x->caller->owner.group;
	int64_t pinned = x->caller->pinned_channel;

	if (pinned)
		return choose_pinned(x->catalog, pinned, &x->tried, &x->channel, err);
	return choose_channel(x->catalog, group, x->ask.model, &x->tried, &x->channel, err);
}

static bool find_price(struct exchange *x, struct err *err)
{
	const struct caller *who = x->caller;

	return price_find(x->catalog->prices, x->call.model, x->channel->row.type, who->owner.group,
	    &x->rate, err);
}

static bool build_call(struct exchange *x, struct err *err)
{
	const struct catalog_channel *c = x->channel;
	const struct adaptor *adaptor = c->provider->adaptor;

	x->call = (struct call){
		.arena = x->req->arena,
		.ask = &x->ask,
		.channel = c,
		.provider = c->provider,
		.model = catalog_map_model(c, x->ask.model),
		.system_prompt = c->row.system_prompt,
		.query = x->req->query,
		.stream = x->ask.stream,
	};
	if (!adaptor || !(adaptor->modes & c->provider->modes & (1u << x->ask.mode)))
		return err_set(err, ERR_UNSUPPORTED_MODE,
		    "channels of type %s cannot serve this route", c->provider->name);
	x->request.limits = x->relay->limits;
	return find_price(x, err) && adaptor->encode(&x->call, &x->request, err);
}

/* Chooses a channel and makes its upstream call. */
static bool prepare_attempt(struct exchange *x, struct err *err)
{
	open_attempt(x);
	if (!choose(x, err))
		return false;
	x->attempts++;
	x->req->log.channel = x->channel->row.id;
	return build_call(x, err);
}

/* POST /v1/chat/completions, /v1/completions, /v1/embeddings */
static bool relay_begin(struct req *r, struct resp *out, struct err *err)
{
	struct exchange *x = exchange_new(r);

	if (!read_request(x, err) || !prepare_attempt(x, err))
		return false;
	r->state = x;
	req_defer(r);
	x->task.run = on_reserved;
	bill_reserve(x, bill_amount(x)); /* the ledger has it now; it comes back to the wire */
	return true;
}

/* ---- the ends: every exchange leaves through one of these ----------------------------------- */

static void log_end(const struct exchange *x, int status, int64_t quota, const struct err *err)
{
	const struct req *r = x->req;

	log_info(&r->log, "relay.done", LOG_STR("model", x->ask.model), LOG_INT("status", status),
	    LOG_INT("ms", clock_mono_ms() - r->started_ms), LOG_INT("first_ms", x->first_byte_ms),
	    LOG_INT("attempts", x->attempts), LOG_INT("upstream", x->upstream_status),
	    LOG_INT("in", x->call.usage.prompt_tokens),
	    LOG_INT("out", x->call.usage.completion_tokens), LOG_INT("quota", quota),
	    LOG_TEXT("stream", x->ask.stream ? "true" : "false"),
	    LOG_TEXT("error", err ? err_kind_name(err->kind) : ""),
	    LOG_TEXT("detail", err ? (*err->detail ? err->detail : err->msg) : ""));
}

static void stop_watching(struct exchange *x)
{
	timer_clear(exchange_wire(x), &x->pulse);
	reply_watch(x->req, NULL);
}

/* Charges what was used; the texts are copied, so the request may go right after. */
static int64_t settle(struct exchange *x, enum log_finish finish)
{
	int64_t charged;

	adaptor_complete_usage(&x->call, x->prompt_tokens);
	if (finish == FINISH_COMPLETE && !x->call.usage.reported)
		finish = FINISH_ESTIMATED;
	bill_settle(x, finish, &charged);
	return charged;
}

/* Nothing was sent and nothing is charged: one clean error. Any room that owns the exchange. */
static void end_refused(struct exchange *x, const struct err *err)
{
	struct resp out;

	bill_release(x);
	resp_init(&out, x->req->arena);
	answer_error(x->req, err, &out);
	log_end(x, err_status(err), 0, err);
	reply_send(x->req, &out);
}

static void end_whole(struct exchange *x, struct buf *body)
{
	struct resp out;

	stop_watching(x);
	resp_init(&out, x->req->arena);
	out.status = 200;
	for (size_t i = 0; i < x->headers.count; i++)
		headers_add(&out.headers, x->headers.items[i].name, x->headers.items[i].value);
	answer_cors(x->req, &out.headers);
	buf_release(&out.body);
	out.body = *body;
	*body = buf_init(0);
	log_end(x, 200, settle(x, FINISH_COMPLETE), NULL);
	reply_send(x->req, &out);
}

static void end_stream(struct exchange *x)
{
	stop_watching(x);
	log_end(x, 200, settle(x, FINISH_COMPLETE), NULL);
	reply_end(x->req);
}

/* The stream had begun when its upstream failed: an error event, then the bill for what came. */
static void end_broken(struct exchange *x, const struct err *err)
{
	stop_watching(x);
	stream_error(x, err);
	log_end(x, 200, settle(x, FINISH_ABORTED), err);
	reply_end(x->req);
}

/* The client left. What the upstream was asked to do is billed as far as it got. */
static void end_gone(struct exchange *x)
{
	struct err gone = { 0 };
	bool worked = x->upstream && upstream_sent(x->upstream) && x->kind != REPLY_ERROR;
	int64_t charged = 0;

	err_set(&gone, ERR_CLIENT_GONE, "the client left");
	if (x->upstream)
		upstream_cancel(x->upstream);
	x->upstream = NULL;
	if (x->call.done_sent) {
		end_stream(x);
		return;
	}
	stop_watching(x);
	if (worked)
		charged = settle(x, FINISH_ABORTED);
	else
		bill_release(x);
	log_end(x, err_status(&gone), charged, &gone);
	reply_end(x->req);
}

/* ---- on the wire: the client and the clock -------------------------------------------------- */

static void on_client_gone(struct req *r)
{
	end_gone(r->state);
}

static void on_client_drained(struct req *r)
{
	struct exchange *x = r->state;

	if (x->upstream)
		upstream_resume(x->upstream);
}

static const struct reply_events client_events = { on_client_drained, on_client_gone };

static void on_pulse(struct timer *t)
{
	struct exchange *x = CONTAINER_OF(t, struct exchange, pulse);

	if (x->call.done_sent) { /* some upstreams keep the connection open behind it */
		upstream_cancel(x->upstream);
		x->upstream = NULL;
		end_stream(x);
		return;
	}
	stream_keep_alive(x);
	bill_checkpoint(x);
	timer_set(exchange_wire(x), &x->pulse, x->relay->pulse_ms);
}

/* ---- on the wire: the upstream -------------------------------------------------------------- */

/* Response headers of the upstream that clients of OpenAI know; never cookies or server names. */
static const struct kept_header {
	const char *prefix, *as; /* as NULL: under its own name */
} kept_headers[] = {
	{ "retry-after", NULL },
	{ "x-ratelimit-", NULL },
	{ "anthropic-ratelimit-", NULL },
	{ "openai-processing-ms", NULL },
	{ "openai-version", NULL },
	{ "x-request-id", "X-Upstream-Request-Id" },
};

static void keep_headers(struct exchange *x, const struct headers *from)
{
	for (size_t i = 0; i < from->count; i++) {
		struct header h = from->items[i];

		for (size_t k = 0; k < COUNT_OF(kept_headers); k++) {
			if (str_starts(h.name, str_c(kept_headers[k].prefix)))
				headers_add(&x->headers,
				    kept_headers[k].as ? str_c(kept_headers[k].as) : h.name,
				    h.value);
		}
	}
}

static bool on_head(void *arg, const struct upstream_head *head)
{
	struct exchange *x = arg;
	struct str type = headers_get(&head->headers, "content-type");
	const char *stream_type = x->call.provider->adaptor->stream_type;

	x->upstream_status = head->status;
	keep_headers(x, &head->headers);
	if (head->status < 200 || head->status > 299) {
		x->kind = REPLY_ERROR;
	} else if (x->call.stream && str_starts_nocase(type, str_c(stream_type))) {
		stream_open(x);
	} else {
		x->kind = REPLY_WHOLE;
		x->body.limit = WHOLE_MAX_BYTES;
		if (!x->ask.stream)
			headers_add(&x->headers, STR("Content-Type"), type);
	}
	return true;
}

/* Ends the upstream call from within and fails the attempt. */
static bool break_off(struct exchange *x, const struct err *err)
{
	struct err why = *err;

	upstream_cancel(x->upstream);
	x->upstream = NULL;
	fail(x, &why);
	return true;
}

static bool on_body(void *arg, struct str bytes)
{
	struct exchange *x = arg;
	struct err err = { 0 };

	if (x->kind == REPLY_STREAM) {
		if (!stream_feed(x, bytes, &err))
			return break_off(x, &err);
		return !stream_is_full(x);
	}
	buf_add(&x->body, bytes);
	if (x->kind == REPLY_WHOLE && !buf_ok(&x->body)) {
		err_set(&err, ERR_UPSTREAM_BODY, "the upstream's reply is too large");
		return break_off(x, &err);
	}
	return true;
}

/* This attempt needs a further upstream call. */
static void next_step(struct exchange *x)
{
	struct err err = { 0 };

	x->call.step++;
	buf_clear(&x->body);
	x->kind = REPLY_PENDING;
	upstream_req_release(&x->request);
	upstream_req_init(&x->request, x->req->arena);
	x->request.limits = x->relay->limits;
	if (x->call.provider->adaptor->encode(&x->call, &x->request, &err))
		call_upstream(x);
	else
		fail(x, &err);
}

/* A whole 2xx body: the client's reply, or the next step of this attempt. */
static void finish_whole(struct exchange *x)
{
	const struct adaptor *adaptor = x->call.provider->adaptor;
	struct buf reply = buf_init(WHOLE_MAX_BYTES);
	struct err err = { 0 };

	if (x->ask.stream && adaptor->stream_type) {
		if (!stream_whole(x, buf_str(&x->body), &err))
			fail(x, &err);
		else
			end_stream(x);
		return;
	}
	switch (adaptor->decode(&x->call, buf_str(&x->body), &reply, &err)) {
	case STEP_DONE:
		if (buf_ok(&reply)) {
			end_whole(x, &reply);
			return;
		}
		err_set(&err, ERR_UPSTREAM_BODY, "the upstream's reply is too large");
		fail(x, &err);
		break;
	case STEP_NEXT:
		next_step(x);
		break;
	case STEP_FAILED:
		fail(x, &err);
		break;
	}
	buf_release(&reply);
}

/* When the upstream says how long it is busy, the client learns it. A date is not passed on. */
static void note_retry_after(const struct exchange *x, struct err *err)
{
	int64_t seconds;

	if ((err_status(err) == 429 || err_status(err) == 503) &&
	    str_to_int(headers_get(&x->headers, "retry-after"), 1, RETRY_AFTER_MAX_S, &seconds))
		err->retry_after_s = (int)seconds;
}

static void on_done(void *arg, const struct upstream_result *result)
{
	struct exchange *x = arg;
	struct err err = { 0 };

	x->upstream = NULL;
	if (!result->ok) {
		fail(x, &result->err);
		return;
	}
	switch (x->kind) {
	case REPLY_PENDING:
	case REPLY_ERROR:
		x->call.provider->adaptor->error(&x->call, x->upstream_status, buf_str(&x->body),
		    &err);
		note_retry_after(x, &err);
		fail(x, &err);
		return;
	case REPLY_WHOLE:
		finish_whole(x);
		return;
	case REPLY_STREAM:
		if (stream_close(x, &err))
			end_stream(x);
		else
			fail(x, &err);
		return;
	}
}

static const struct upstream_events upstream_events = { on_head, on_body, on_done };

/* The reservation is in: the wire has the exchange from here on. */
static void on_reserved(struct task *task, void *room)
{
	struct exchange *x = CONTAINER_OF(task, struct exchange, task);

	if (!x->reserve.ok) {
		end_refused(x, &x->reserve.err);
		return;
	}
	x->reserved = true;
	x->held = x->reserve.hold.amount;
	call_upstream(x);
}

static void call_upstream(struct exchange *x)
{
	struct wire *w = exchange_wire(x);

	reply_watch(x->req, &client_events);
	if (reply_gone(x->req)) {
		end_gone(x);
		return;
	}
	x->attempt_started_ms = wire_now_ms(w);
	x->pulse.fn = on_pulse;
	timer_set(w, &x->pulse, x->relay->pulse_ms);
	x->upstream = upstream_start(w, &x->request, &upstream_events, x);
}

/* ---- a failed attempt ----------------------------------------------------------------------- */

/* On a worker: the next channel, or the error of the last one. */
static void try_again(struct task *task, void *room)
{
	struct exchange *x = CONTAINER_OF(task, struct exchange, task);
	struct err err = { 0 };
	int64_t amount;

	if (!prepare_attempt(x, &err)) {
		end_refused(x, &x->last_error);
		return;
	}
	amount = bill_amount(x);
	x->task.run = on_reserved;
	if (amount > x->held) {
		bill_reserve(x, amount);
		return;
	}
	x->reserve.ok = true;
	x->reserve.hold.amount = x->held;
	wire_send(exchange_wire(x), &x->task);
}

static void fail(struct exchange *x, const struct err *err)
{
	bool pinned = x->caller->pinned_channel != 0;

	if (x->committed && x->call.done_sent) { /* the client has it all */
		end_stream(x);
		return;
	}
	health_failed(x, err);
	if (x->committed) {
		end_broken(x, err);
		return;
	}
	x->last_error = *err;
	stop_watching(x);
	if (!pinned && x->retries_left > 0 && health_may_retry(err)) {
		log_info(&x->req->log, "relay.retry", LOG_TEXT("kind", err_kind_name(err->kind)),
		    LOG_INT("upstream", x->upstream_status), LOG_TEXT("detail", err->detail));
		x->retries_left--;
		x->task.run = try_again;
		server_defer(x->req->server, &x->task);
		return;
	}
	end_refused(x, &x->last_error);
}

/* ---- routes --------------------------------------------------------------------------------- */

static const struct route_mode chat = { MODE_CHAT, PRICE_TOKENS };
static const struct route_mode completions = { MODE_COMPLETIONS, PRICE_TOKENS };
static const struct route_mode embeddings = { MODE_EMBEDDINGS, PRICE_TOKENS };

/* clang-format off */
const struct route relay_routes[] = {
	{ "POST", "/v1/chat/completions", ACCESS_KEY, 0, relay_begin, &chat },
	{ "POST", "/v1/completions", ACCESS_KEY, 0, relay_begin, &completions },
	{ "POST", "/v1/embeddings", ACCESS_KEY, 0, relay_begin, &embeddings },
	{ "POST", "/v1/engines/:model/embeddings", ACCESS_KEY, 0, relay_begin, &embeddings },
	{ 0 },
};
/* clang-format on */
