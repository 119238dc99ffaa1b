#include "stream.h"

#include "answer.h"
#include "capture.h"
#include "heads.h"
#include "resources.h"

/* What one batch of events may grow to before it is sent. */
#define OUT_MAX_BYTES (2 * FRAME_MAX_BYTES)

static void start_reply(struct exchange *x)
{
	struct headers h = x->headers;

	headers_add_c(&h, "Content-Type", "text/event-stream");
	headers_add_c(&h, "Cache-Control", "no-cache");
	heads_commit(x, 200, &h);
}

/* Sends what the dialect made. */
static bool deliver(struct exchange *x, struct err *err)
{
	if (!buf_ok(&x->out))
		return err_set(err, ERR_UPSTREAM_BODY, "the upstream's reply is too large");
	if (x->out.len == 0)
		return true;
	if (!x->committed)
		start_reply(x);
	reply_write(x->req, buf_str(&x->out));
	capture_reply(x, buf_str(&x->out));
	reply_flush(x->req);
	buf_clear(&x->out);
	x->last_write_ms = wire_now_ms(exchange_wire(x));
	return true;
}

static bool on_frame(void *arg, const struct frame_event *event, struct err *err)
{
	struct exchange *x = arg;

	if (!x->call.provider->adaptor->on_event(&x->call, event, &x->out, err))
		return false;
	resources_made(x);
	if (!x->call.failed)
		return true;
	*err = x->call.failure;
	return false;
}

void stream_open(struct exchange *x)
{
	x->kind = REPLY_STREAM;
	x->call.provider->adaptor->frame_init(&x->frames, on_frame, x);
	buf_clear(&x->out);
}

bool stream_feed(struct exchange *x, struct str bytes, struct err *err)
{
	struct arena_mark mark = arena_mark(x->req->arena);
	bool ok = frame_feed(&x->frames, bytes, err);

	/* Start the reply outside the mark: its headers live as long as the request. */
	arena_rewind(x->req->arena, mark);
	if (!ok && !x->committed)
		return false; /* nothing was seen: what out holds of this attempt is dropped */
	return deliver(x, ok ? err : &(struct err){ 0 }) && ok;
}

bool stream_close(struct exchange *x, struct err *err)
{
	bool ok =
	    frame_end(&x->frames, err) && x->call.provider->adaptor->on_end(&x->call, &x->out, err);

	if (!ok && !x->committed)
		return false;
	return deliver(x, ok ? err : &(struct err){ 0 }) && ok;
}

bool stream_do_without(struct exchange *x, struct err *err)
{
	x->call.more = false;
	headers_drop(&x->headers, "Content-Type"); /* of the further call's answer */
	return x->call.provider->adaptor->on_end(&x->call, &x->out, err) && deliver(x, err);
}

bool stream_whole(struct exchange *x, struct str body, struct err *err)
{
	buf_clear(&x->out);
	return openai_stream_from_whole(&x->call, body, &x->out, err) && deliver(x, err);
}

bool stream_made(struct exchange *x, struct buf *reply, struct err *err)
{
	x->kind = REPLY_STREAM;
	headers_drop(&x->headers, "Content-Type");
	buf_release(&x->out);
	x->out = *reply;
	*reply = buf_init(0);
	return deliver(x, err);
}

void stream_error(struct exchange *x, const struct err *err)
{
	struct err tagged = *err, ignored = { 0 };

	answer_tag(x->req, &tagged);
	buf_clear(&x->out);
	openai_stream_error(&x->call, &tagged, &x->out);
	if (!deliver(x, &ignored))
		log_warn(&x->req->log, "stream.error_lost", LOG_ERR(&ignored));
}

void stream_trailer(struct exchange *x, int64_t quota)
{
	struct err ignored = { 0 };

	buf_clear(&x->out);
	watch_trailer(x, quota, &x->out);
	if (!deliver(x, &ignored))
		log_warn(&x->req->log, "stream.trailer_lost", LOG_ERR(&ignored));
}

void stream_keep_alive(struct exchange *x)
{
	int64_t now = wire_now_ms(exchange_wire(x));

	if (!x->committed || x->kind == REPLY_RAW ||
	    now - x->last_write_ms < x->relay->keep_alive_ms || stream_is_full(x))
		return;
	reply_write(x->req, STR(": keep-alive\n\n"));
	reply_flush(x->req);
	x->last_write_ms = now;
}
