#include "raw.h"

#include "base/jscan.h"

#include "heads.h"
#include "capture.h"

void raw_feed(struct exchange *x, struct str bytes)
{
	if (!x->committed)
		heads_commit(x, x->upstream_status, &x->headers);
	reply_write(x->req, bytes);
	capture_reply(x, bytes);
	reply_flush(x->req);
}

void raw_close(struct exchange *x)
{
	if (!x->committed)
		heads_commit(x, x->upstream_status, &x->headers);
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
