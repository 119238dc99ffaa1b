#include "raw.h"

#include "base/jscan.h"

#include "answer.h"
#include "capture.h"

static void start_reply(struct exchange *x)
{
	struct req *r = x->req;

	headers_add_c(&x->headers, "X-Accel-Buffering", "no");
	answer_cors(r, &x->headers);
	watch_headers(x, -1, &x->headers);
	reply_start(r, x->upstream_status, &x->headers);
	x->committed = true;
	x->reply_status = x->upstream_status;
	x->first_byte_ms = wire_now_ms(exchange_wire(x)) - r->started_ms;
}

void raw_feed(struct exchange *x, struct str bytes)
{
	if (!x->committed)
		start_reply(x);
	reply_write(x->req, bytes);
	capture_reply(x, bytes);
	reply_flush(x->req);
}

void raw_close(struct exchange *x)
{
	if (!x->committed)
		start_reply(x);
	x->call.finished = true;
}

void raw_misfit(struct exchange *x, struct err *err)
{
	struct str body = buf_str(&x->body);
	struct jval root;

	if (!jscan_value(body, &root) || !adaptor_error_inside(root, body, err))
		err_set(err, ERR_UPSTREAM_BODY, "the upstream's reply is not what was promised");
	adaptor_scrub(&x->call, err);
}
