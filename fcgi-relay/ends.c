#include "ends.h"

#include "answer.h"
#include "bill.h"
#include "capture.h"
#include "health.h"
#include "limits.h"
#include "media.h"
#include "slices.h"
#include "stream.h"
#include "wait_line.h"

void cancel_upstream(struct exchange *x)
{
	if (x->upstream)
		upstream_cancel(x->upstream);
	x->upstream = NULL;
}

void stop_watching(struct exchange *x)
{
	slices_drop(x);
	timer_clear(exchange_wire(x), &x->pulse);
	reply_watch(x->req, NULL);
}

/* What everybody wants to know who looks after channels, limits and logs. */
static void note_end(struct exchange *x, int status, int64_t quota, const struct err *err)
{
	if (!err)
		health_served(x);
	wait_line_leave(x);
	limits_leave(x, x->call.usage.prompt_tokens + x->call.usage.completion_tokens);
	watch_end(x, status, quota, err);
}

void end_refused(struct exchange *x, const struct err *err)
{
	struct resp out;

	bill_release(x);
	limits_leave(x, 0);
	resp_init(&out, x->req->arena);
	answer_error(x->req, err, &out);
	limits_headers(x, &out.headers);
	watch_headers(x, 0, &out.headers);
	capture_reply(x, buf_str(&out.body));
	note_end(x, err_status(err), 0, err);
	reply_send(x->req, &out);
}

void end_whole(struct exchange *x, struct buf *body)
{
	struct resp out;
	int64_t charged;

	stop_watching(x);
	resp_init(&out, x->req->arena);
	out.status = x->call.reply_status ? x->call.reply_status : x->upstream_status;
	for (size_t i = 0; i < x->headers.count; i++)
		headers_add(&out.headers, x->headers.items[i].name, x->headers.items[i].value);
	answer_cors(x->req, &out.headers);
	buf_release(&out.body);
	out.body = *body;
	*body = buf_init(0);
	charged = bill_settle(x, FINISH_COMPLETE);
	watch_headers(x, charged, &out.headers);
	capture_reply(x, buf_str(&out.body));
	note_end(x, out.status, charged, NULL);
	reply_send(x->req, &out);
}

void end_stream(struct exchange *x)
{
	int64_t charged;

	stop_watching(x);
	charged = bill_settle(x, FINISH_COMPLETE);
	if (x->kind != REPLY_RAW)
		stream_trailer(x, charged);
	note_end(x, x->reply_status, charged, NULL);
	reply_end(x->req);
}

void end_broken(struct exchange *x, const struct err *err)
{
	bool raw = x->kind == REPLY_RAW;

	cancel_upstream(x);
	stop_watching(x);
	if (!raw)
		stream_error(x, err);
	note_end(x, x->reply_status, bill_settle(x, FINISH_ABORTED), err);
	if (raw)
		reply_abort(x->req);
	else
		reply_end(x->req);
}

void end_gone(struct exchange *x)
{
	struct err gone = { 0 };
	/* A stream that is through was made, whatever becomes of the call behind it. */
	bool worked =
	    x->call.more || (x->upstream && upstream_sent(x->upstream) && x->kind != REPLY_ERROR);
	int64_t charged = 0;

	err_set(&gone, ERR_CLIENT_GONE, "the client left");
	cancel_upstream(x);
	if (x->call.done_sent) {
		end_stream(x);
		return;
	}
	stop_watching(x);
	media_abandon(x);
	if (worked)
		charged = bill_settle(x, FINISH_ABORTED);
	else {
		bill_release(x);
		limits_leave(x, 0);
	}
	note_end(x, err_status(&gone), charged, &gone);
	reply_end(x->req);
}
