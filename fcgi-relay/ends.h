/* ends.h — the ends: every exchange leaves through exactly one of these
 *
 * Each settles or releases, writes the log line and takes the request. Which one it is decides what
 * the client gets:
 *
 *	end_refused	nothing was sent: one clean error, nothing charged
 *	end_whole	a whole reply
 *	end_stream	a stream or raw body that is complete
 *	end_broken	a stream that had begun: an error event; a raw body: cut, so that the web
 *			server reports it. What came is charged
 *	end_gone	the client left: what the upstream was asked to do is charged as far as it
 *			got
 *
 * Threads  end_refused from whichever room owns the exchange; the others on the wire.
 */
#ifndef FCGI_RELAY_ENDS_H
#define FCGI_RELAY_ENDS_H

#include "exchange.h"

void end_refused(struct exchange *x, const struct err *err);
/* Takes body. */
void end_whole(struct exchange *x, struct buf *body);
void end_stream(struct exchange *x);
void end_broken(struct exchange *x, const struct err *err);
/* Cancels the upstream. */
void end_gone(struct exchange *x);
/* Ends the upstream call, if one runs, without its on_done. */
void cancel_upstream(struct exchange *x);
/* Nobody hears of the client or the clock any more: before the exchange leaves the wire. */
void stop_watching(struct exchange *x);

#endif
