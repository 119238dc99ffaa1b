/* outcall.h — a call to another server in the middle of a handler
 *
 * The handler gives its request away and its second half runs, as a handler of its own, when the
 * answer is there:
 *
 *	outcall_send(r, &u, MAX, &c->reply, proceed);
 *	return true;
 *	…
 *	static bool proceed(struct req *r, struct resp *out, struct err *err)
 *
 * Takes    u, as upstream_fetch does. The reply lives as long as the request.
 * Threads  outcall_send: where the handler runs; `then` on a worker.
 */
#ifndef FCGI_ADMIN_OUTCALL_H
#define FCGI_ADMIN_OUTCALL_H

#include "net/route.h"
#include "net/upstream.h"

/* At most max_body bytes of a body; *reply, in the request's arena, is filled in before then runs.
 * From here on nobody but then may touch r. */
void outcall_send(struct req *r, const struct upstream_req *u, size_t max_body,
    struct upstream_reply *reply, handler_fn *then);

#endif
