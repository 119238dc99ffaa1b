#include "relay.h"

#include "net/coding.h"

#include "attempt.h"
#include "bill.h"
#include "ends.h"
#include "gate.h"
#include "heads.h"
#include "health.h"
#include "limit_remote.h"
#include "limits.h"
#include "media.h"
#include "raw.h"
#include "slices.h"
#include "resources.h"
#include "stream.h"
#include "wait_line.h"
#include "works.h"

/* Of an upstream's Retry-After; a longer one is a mistake. */
#define RETRY_AFTER_MAX_S 86400

static void on_reserved(struct task *task, void *room);
static void on_opened(struct task *task, void *room);
static void on_kept(struct task *task, void *room);
static void call_upstream(struct exchange *x);
static void fail(struct exchange *x, const struct err *err);
static void try_again(struct task *task, void *room);
static void try_elsewhere(struct exchange *x, const struct err *err);
static void upstream_refused(struct exchange *x);
static bool break_off(struct exchange *x, const struct err *err);
static void next_step(struct exchange *x);

/* ---- on a worker: read, then attempt.c, then reserve ---------------------------------------- */

static void drop_catalog(void *catalog)
{
	catalog_put(catalog);
}

static void drop_media(void *exchange)
{
	media_abandon(exchange);
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
	x->out = buf_init(2 * FRAME_MAX_BYTES);
	arena_defer(r->arena, (arena_fn *)buf_release, &x->out);
	arena_defer(r->arena, drop_media, x);
	watch_enter(x);
	return x;
}

/* From here on the request is as if its body had come uncompressed. */
static bool decode_body(struct exchange *x, struct err *err)
{
	struct req *r = x->req;
	const struct relay *relay = x->relay;
	struct str coding = req_header(r, "content-encoding");
	bool upload = str_starts_nocase(r->content_type, STR("multipart/"));

	if (coding_is_plain(coding))
		return true;
	if (!coding_decode(r->arena, coding, r->body,
	        upload ? relay->max_upload_bytes : relay->max_body_bytes,
	        runtime_spool_dir(&relay->rt), &r->body, err))
		return false;
	headers_drop(&r->headers, "content-encoding");
	return true;
}

/* What most routes do: the model is in the body. */
static bool read_ask(struct exchange *x, struct err *err)
{
	struct req *r = x->req;

	if (!ask_read(r->arena, x->mode->mode, r->content_type, r->body, r->params[0], &x->ask,
	        err))
		return false;
	x->ask.headers = &r->headers;
	return resources_check_body(x, err);
}

static bool read_request(struct exchange *x, struct err *err)
{
	if ((x->mode->admit && !x->mode->admit(x, err)) || !decode_body(x, err))
		return false;
	if (x->mode->read ? !x->mode->read(x, err) : !read_ask(x, err))
		return false;
	if (x->ask.model.n > 0 && !gate_allows_model(x->req, x->caller, x->ask.model, err))
		return false;
	x->prompt_tokens = ask_prompt_tokens(&x->ask);
	return true;
}

/* Sets the money aside, if what is held does not suffice; on_reserved has the exchange next. */
static void reserve_money(struct exchange *x)
{
	int64_t amount = bill_amount(x);

	wait_line_leave(x);
	x->task.run = on_reserved;
	if (!x->reserved || amount > x->held || limits_budgets_moved(x)) {
		bill_reserve(x, amount > x->held ? amount : x->held);
		return;
	}
	x->reserve.ok = true;
	x->reserve.hold.amount = x->held;
	wire_send(exchange_wire(x), &x->task);
}

/* On the wire: Redis has counted, or this machine instead. */
static void on_limits(struct task *task, void *room)
{
	struct exchange *x = CONTAINER_OF(task, struct exchange, task);
	struct err err = { 0 };
	bool by_channel;

	if (limit_remote_heard(x, &by_channel, &err)) {
		reserve_money(x);
		return;
	}
	if (by_channel)
		try_elsewhere(x, &err);
	else
		end_refused(x, &err);
}

/* Limits that all machines share, then money. */
static void reserve(struct exchange *x)
{
	if (!limit_remote_ask(x, on_limits))
		reserve_money(x);
}

/* No channel can have it: it waits where that is wanted, for one that is only at its limit. */
static void stand_aside(struct exchange *x, const struct err *err)
{
	struct err why = x->last_error.kind ? x->last_error : *err;

	if (attempt_forget(x) && wait_line_join(x, try_again, &why))
		return;
	end_refused(x, &why);
}

/* On the wire: a limit or a budget of this channel's, of which another one knows nothing. */
static void try_elsewhere(struct exchange *x, const struct err *err)
{
	if (!x->attempt_started_ms)
		x->last_error = *err;
	if (attempt_is_pinned(x)) {
		stand_aside(x, err);
		return;
	}
	x->task.run = try_again;
	server_defer(x->req->server, &x->task);
}

/* The end of a request that limits have seen: its reply says what is left of them. */
static bool refuse_limited(struct exchange *x, const struct err *err)
{
	if (!x->limit)
		return false;
	x->req->state = x;
	req_defer(x->req);
	stand_aside(x, err);
	return true;
}

bool relay_begin(struct req *r, struct resp *out, struct err *err)
{
	struct exchange *x = exchange_new(r);

	if (!read_request(x, err))
		return refuse_limited(x, err); /* unless limits know nothing of it */
	if (!limits_enter(x, err) || wait_line_is_busy(x, err) || !attempt_prepare(x, err))
		return refuse_limited(x, err);
	r->state = x;
	req_defer(r);
	reserve(x);
	return true;
}

/* ---- on the wire: the client and the clock -------------------------------------------------- */

static void on_client_gone(struct req *r)
{
	end_gone(r->state);
}

/* Lets the upstream go on unless somebody is behind: the client, or the reservation. */
static void resume(struct exchange *x)
{
	if (x->upstream && !stream_is_full(x) && !slices_are_behind(x))
		upstream_resume(x->upstream);
}

static void on_client_drained(struct req *r)
{
	resume(r->state);
}

static const struct reply_events client_events = { on_client_drained, on_client_gone };

static bool is_late(const struct exchange *x)
{
	return x->call.stream && !x->committed && x->first_token_ms > 0 &&
	    wire_now_ms(exchange_wire(x)) >= x->attempt_started_ms + x->first_token_ms;
}

static void set_pulse(struct exchange *x)
{
	int64_t in_ms = x->relay->pulse_ms, left;

	if (slices_are_behind(x))
		in_ms = SLICES_POLL_MS;
	if (x->call.stream && !x->committed && x->first_token_ms > 0) {
		left = x->attempt_started_ms + x->first_token_ms - wire_now_ms(exchange_wire(x));
		if (left < in_ms)
			in_ms = left > 0 ? left : 0;
	}
	timer_set(exchange_wire(x), &x->pulse, in_ms);
}

/* A checkpoint now and then, however often the pulse beats. */
static void checkpoint(struct exchange *x)
{
	int64_t now = wire_now_ms(exchange_wire(x));

	if (now < x->checkpoint_due_ms)
		return;
	x->checkpoint_due_ms = now + x->relay->pulse_ms;
	bill_checkpoint(x);
	limit_remote_renew(x);
}

static void on_pulse(struct timer *t)
{
	struct exchange *x = CONTAINER_OF(t, struct exchange, pulse);
	struct err err = { 0 };

	if (x->call.done_sent) { /* some upstreams keep the connection open behind it */
		cancel_upstream(x);
		end_stream(x);
		return;
	}
	if (x->call.more && x->kind == REPLY_STREAM) { /* the same, with one more call to make */
		cancel_upstream(x);
		next_step(x);
		return;
	}
	if (is_late(x)) {
		err_set(&err, ERR_UPSTREAM_TIMEOUT, "the upstream did not begin in time");
		break_off(x, &err);
		return;
	}
	if (x->kind == REPLY_STREAM && !slices_look(x, SLICES_NOW, &err)) {
		end_broken(x, &err);
		return;
	}
	resume(x);
	stream_keep_alive(x);
	checkpoint(x);
	set_pulse(x);
}

/* ---- on the wire: the upstream -------------------------------------------------------------- */

/* A body of audio does not come as JSON: that is an error, or nothing we were promised. */
static bool is_misfit(const struct exchange *x, struct str type)
{
	return x->ask.mode == MODE_SPEECH && str_starts_nocase(type, STR("application/json"));
}

/* Did the client ask for a stream, and was the upstream asked for one? A step before the last, and a
 * provider that cannot, answer whole. */
static bool is_streamed(const struct exchange *x)
{
	return x->ask.stream && x->call.stream && x->call.provider->adaptor->stream_type;
}

static enum reply_kind kind_of(const struct exchange *x, int status, struct str type)
{
	const char *stream_type = x->call.provider->adaptor->stream_type;

	if (x->ask.mode == MODE_PROXY)
		return REPLY_RAW;
	if (status < 200 || status > 299)
		return REPLY_ERROR;
	if (x->call.stream && stream_type && str_starts_nocase(type, str_c(stream_type)))
		return REPLY_STREAM;
	if (x->call.raw && !is_misfit(x, type))
		return REPLY_RAW;
	return REPLY_WHOLE;
}

static bool on_head(void *arg, const struct upstream_head *head)
{
	struct exchange *x = arg;
	struct str type = headers_get(&head->headers, "content-type");

	x->upstream_status = head->status;
	if (x->call.provider->adaptor->on_head)
		x->call.provider->adaptor->on_head(&x->call, &head->headers);
	x->kind = kind_of(x, head->status, type);
	heads_keep(x, head);
	limits_headers(x, &x->headers);
	switch (x->kind) {
	case REPLY_PENDING:
	case REPLY_ERROR:
		break;
	case REPLY_STREAM:
		stream_open(x);
		break;
	case REPLY_RAW:
		heads_keep_raw(x, head);
		break;
	case REPLY_WHOLE:
		x->body.limit = WHOLE_MAX_BYTES;
		if (!is_streamed(x))
			headers_add(&x->headers, STR("Content-Type"), type);
		break;
	}
	return true;
}

/* Ends the upstream call from within and fails the attempt. */
static bool break_off(struct exchange *x, const struct err *err)
{
	struct err why = *err;

	cancel_upstream(x);
	fail(x, &why);
	return true;
}

/* An error's body is cut where it has said enough; the call need not go on. */
static void enough_of_error(struct exchange *x)
{
	cancel_upstream(x);
	upstream_refused(x);
}

static bool on_body(void *arg, struct str bytes)
{
	struct exchange *x = arg;
	struct err err = { 0 };

	switch (x->kind) {
	case REPLY_STREAM:
		if (!stream_feed(x, bytes, &err))
			return break_off(x, &err);
		if (!slices_look(x, bytes.n, &err)) {
			end_broken(x, &err); /* the money is at its end: no fault of the channel */
			return true;
		}
		if (slices_are_behind(x))
			set_pulse(x);
		return !stream_is_full(x) && !slices_are_behind(x);
	case REPLY_RAW:
		if (resources_saw(x, bytes))
			return true;
		raw_feed(x, bytes);
		return !stream_is_full(x);
	case REPLY_WHOLE:
		buf_add(&x->body, bytes);
		if (!buf_ok(&x->body)) {
			err_set(&err, ERR_UPSTREAM_BODY, "the upstream's reply is too large");
			return break_off(x, &err);
		}
		return true;
	case REPLY_PENDING:
	case REPLY_ERROR:
		buf_add(&x->body, str_slice(bytes, 0, ERROR_MAX_BYTES - x->body.len));
		if (x->body.len == ERROR_MAX_BYTES)
			enough_of_error(x);
		return true;
	}
	return true;
}

/* This attempt needs a further upstream call. */
static void next_step(struct exchange *x)
{
	struct err err = { 0 };

	if (attempt_next_step(x, &err))
		call_upstream(x);
	else
		fail(x, &err);
}

/* The commit of what the answer made is through. */
static void on_kept(struct task *task, void *room)
{
	struct exchange *x = CONTAINER_OF(task, struct exchange, task);

	if (x->kind == REPLY_WHOLE) {
		end_whole(x, resources_held(x));
		return;
	}
	raw_feed(x, buf_str(resources_held(x)));
	raw_close(x);
	end_stream(x);
}

/* What decode made: an object, or all events of a stream. */
static void send_made(struct exchange *x, struct buf *reply)
{
	struct err err = { 0 };

	if (x->call.done_sent) {
		if (stream_made(x, reply, &err))
			end_stream(x);
		else
			fail(x, &err);
		return;
	}
	if (x->call.reply_type) {
		headers_drop(&x->headers, "Content-Type");
		headers_add_c(&x->headers, "Content-Type", x->call.reply_type);
	}
	resources_made(x);
	if (!resources_hold(x, reply, on_kept))
		end_whole(x, reply);
}

/* A whole 2xx body: the client's reply, or the next step of this attempt. */
static void finish_whole(struct exchange *x)
{
	const struct adaptor *adaptor = x->call.provider->adaptor;
	struct buf reply = buf_init(WHOLE_MAX_BYTES);
	struct err err = { 0 };

	if (x->call.raw) {
		raw_misfit(x, &err);
		fail(x, &err);
		return;
	}
	if (is_streamed(x)) {
		if (!stream_whole(x, buf_str(&x->body), &err))
			fail(x, &err);
		else
			end_stream(x);
		return;
	}
	switch (adaptor->decode(&x->call, buf_str(&x->body), &reply, &err)) {
	case STEP_DONE:
		if (buf_ok(&reply)) {
			send_made(x, &reply);
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

/* The upstream answered with an error status. */
static void upstream_refused(struct exchange *x)
{
	const struct adaptor *adaptor = x->call.provider->adaptor;
	struct err err = { 0 };

	if (adaptor->again && adaptor->again(&x->call, x->upstream_status, buf_str(&x->body))) {
		next_step(x);
		return;
	}
	x->call.provider->adaptor->error(&x->call, x->upstream_status, buf_str(&x->body), &err);
	note_retry_after(x, &err);
	fail(x, &err);
}

static void on_done(void *arg, const struct upstream_result *result)
{
	struct exchange *x = arg;
	struct err err = { 0 };

	x->upstream = NULL;
	watch_times(x, result);
	if (!result->ok) {
		fail(x, &result->err);
		return;
	}
	switch (x->kind) {
	case REPLY_PENDING:
	case REPLY_ERROR:
		upstream_refused(x);
		return;
	case REPLY_WHOLE:
		finish_whole(x);
		return;
	case REPLY_RAW:
		resources_done(x);
		if (resources_hold(x, NULL, on_kept))
			return;
		raw_close(x);
		end_stream(x);
		return;
	case REPLY_STREAM:
		if (!stream_close(x, &err))
			fail(x, &err);
		else if (x->call.more)
			next_step(x);
		else
			end_stream(x);
		return;
	}
}

static const struct upstream_events upstream_events = { on_head, on_body, on_done };

/* What goes on behind the answer is on record, should we die from here on. */
static void on_opened(struct task *task, void *room)
{
	struct exchange *x = CONTAINER_OF(task, struct exchange, task);
	struct err err = { 0 };

	if (works_is_open(x)) {
		call_upstream(x);
		return;
	}
	err_set(&err, ERR_STORE, "the database is not available");
	end_refused(x, &err);
}

/* The reservation is in: the wire has the exchange from here on. */
static void on_reserved(struct task *task, void *room)
{
	struct exchange *x = CONTAINER_OF(task, struct exchange, task);

	if (!x->reserve.ok) {
		struct err err = x->reserve.err;

		if (limits_spent(x, &err))
			try_elsewhere(x, &err);
		else
			end_refused(x, &err);
		return;
	}
	limits_reserved(x);
	x->reserved = true;
	x->held = x->reserve.hold.amount;
	if (!works_open(x, on_opened))
		call_upstream(x);
}

/* On the wire again, with an upstream call or with the reason why there is none. */
static void on_encoded(struct task *task, void *room)
{
	struct exchange *x = CONTAINER_OF(task, struct exchange, task);

	if (x->last_error.kind)
		fail(x, &x->last_error);
	else
		call_upstream(x);
}

/* On a worker: images become text, which takes its time. */
static void encode_media(struct task *task, void *room)
{
	struct exchange *x = CONTAINER_OF(task, struct exchange, task);

	err_clear(&x->last_error);
	(void)!attempt_encode(x, &x->last_error);
	x->task.run = on_encoded;
	wire_send(exchange_wire(x), &x->task);
}

static void on_media(struct exchange *x, const struct err *err)
{
	if (err) {
		fail(x, err);
		return;
	}
	stop_watching(x);
	x->task.run = encode_media;
	server_defer(x->req->server, &x->task);
}

static void call_upstream(struct exchange *x)
{
	struct wire *w = exchange_wire(x);

	reply_watch(x->req, &client_events);
	if (reply_gone(x->req)) {
		end_gone(x);
		return;
	}
	if (x->awaits_media) {
		media_fetch(x, on_media);
		return;
	}
	if (!x->call.more) /* else the client had its first byte of this attempt long ago */
		x->attempt_started_ms = wire_now_ms(w);
	x->checkpoint_due_ms = wire_now_ms(w) + x->relay->pulse_ms;
	x->pulse.fn = on_pulse;
	set_pulse(x);
	watch_sent(x);
	x->upstream = upstream_start(w, &x->request, &upstream_events, x);
}

/* ---- a failed attempt ----------------------------------------------------------------------- */

/* On a worker: the next channel, or the error of the last one. */
static void try_again(struct task *task, void *room)
{
	struct exchange *x = CONTAINER_OF(task, struct exchange, task);
	struct err err = { 0 };

	if (attempt_prepare(x, &err))
		reserve(x);
	else
		stand_aside(x, &err);
}

static void fail(struct exchange *x, const struct err *err)
{
	struct err ignored = { 0 };

	if (x->committed && x->call.done_sent) { /* the client has it all */
		end_stream(x);
		return;
	}
	if (x->call.more && stream_do_without(x, &ignored)) {
		end_stream(x);
		return;
	}
	health_failed(x, err);
	watch_failed(x, err);
	if (x->committed) {
		end_broken(x, err);
		return;
	}
	x->last_error = *err;
	stop_watching(x);
	if (choose_may_retry(x, err)) {
		watch_retry(x, err);
		log_info(&x->req->log, "relay.retry", LOG_TEXT("kind", err_kind_name(err->kind)),
		    LOG_INT("upstream", x->upstream_status), LOG_TEXT("detail", err->detail));
		x->task.run = try_again;
		server_defer(x->req->server, &x->task);
		return;
	}
	end_refused(x, &x->last_error);
}

/* ---- routes --------------------------------------------------------------------------------- */

/* clang-format off */
static const struct route_mode
	chat             = { MODE_CHAT,              PRICE_TOKENS, NULL, NULL },
	completions      = { MODE_COMPLETIONS,       PRICE_TOKENS, NULL, NULL },
	edits            = { MODE_EDITS,             PRICE_TOKENS, NULL, NULL },
	embeddings       = { MODE_EMBEDDINGS,        PRICE_TOKENS, NULL, NULL },
	moderations      = { MODE_MODERATIONS,       PRICE_TOKENS, NULL, NULL },
	rerank           = { MODE_RERANK,            PRICE_TOKENS, NULL, NULL },
	responses        = { MODE_RESPONSES,         PRICE_TOKENS, NULL, resources_read_response },
	compact          = { MODE_RESPONSES_COMPACT, PRICE_TOKENS, NULL, resources_read_response },
	images           = { MODE_IMAGES,            PRICE_IMAGE,  NULL, NULL },
	image_edits      = { MODE_IMAGE_EDITS,       PRICE_IMAGE,  NULL, NULL },
	image_variations = { MODE_IMAGE_VARIATIONS,  PRICE_IMAGE,  NULL, NULL },
	speech           = { MODE_SPEECH,            PRICE_SPEECH, NULL, NULL },
	transcriptions   = { MODE_TRANSCRIPTION,     PRICE_AUDIO,  NULL, NULL },
	translations     = { MODE_TRANSLATION,       PRICE_AUDIO,  NULL, NULL };

const struct route relay_routes[] = {
	{ "POST", "/v1/chat/completions", ACCESS_KEY, 0, relay_begin, &chat },
	{ "POST", "/v1/completions", ACCESS_KEY, 0, relay_begin, &completions },
	{ "POST", "/v1/edits", ACCESS_KEY, 0, relay_begin, &edits },
	{ "POST", "/v1/embeddings", ACCESS_KEY, 0, relay_begin, &embeddings },
	{ "POST", "/v1/engines/:model/embeddings", ACCESS_KEY, 0, relay_begin, &embeddings },
	{ "POST", "/v1/moderations", ACCESS_KEY, 0, relay_begin, &moderations },
	{ "POST", "/v1/rerank", ACCESS_KEY, 0, relay_begin, &rerank },
	{ "POST", "/v1/responses", ACCESS_KEY, 0, relay_begin, &responses },
	{ "POST", "/v1/responses/compact", ACCESS_KEY, 0, relay_begin, &compact },
	{ "POST", "/v1/images/generations", ACCESS_KEY, 0, relay_begin, &images },
	{ "POST", "/v1/images/edits", ACCESS_KEY, 0, relay_begin, &image_edits },
	{ "POST", "/v1/images/variations", ACCESS_KEY, 0, relay_begin, &image_variations },
	{ "POST", "/v1/audio/speech", ACCESS_KEY, 0, relay_begin, &speech },
	{ "POST", "/v1/audio/transcriptions", ACCESS_KEY, 0, relay_begin, &transcriptions },
	{ "POST", "/v1/audio/translations", ACCESS_KEY, 0, relay_begin, &translations },
	{ 0 },
};
/* clang-format on */
