/* stream.h — upstream event → adaptor → client; back-pressure; the client that left
 *
 * The client's side of a streamed reply, on the wire. Nothing is sent until the dialect has made
 * the first bytes: until then another channel may still be tried. From then on (x->committed) the
 * stream only ends well, or with an error event.
 *
 * While a stream is silent for STREAM_KEEP_ALIVE seconds the client gets an SSE comment: the only way to notice
 * behind Apache and lighttpd that it has left.
 */
#ifndef FCGI_RELAY_STREAM_H
#define FCGI_RELAY_STREAM_H

#include "exchange.h"

/* The upstream's head announced a stream. */
void stream_open(struct exchange *x);
/* Feeds what the upstream sent and writes what came of it. False: the stream is broken, err says
 * why; nothing more may be fed. */
MUST_USE bool stream_feed(struct exchange *x, struct str bytes, struct err *err);
/* The upstream closed: the rest is written. False: it broke off too early. */
MUST_USE bool stream_close(struct exchange *x, struct err *err);
/* A stream that is through, whose further call (call.more) came to nothing: its end without. */
MUST_USE bool stream_do_without(struct exchange *x, struct err *err);
/* A whole reply to a client that asked for a stream, made into events. */
MUST_USE bool stream_whole(struct exchange *x, struct str body, struct err *err);
/* All events of a stream that the dialect made from a whole reply. Takes reply. */
MUST_USE bool stream_made(struct exchange *x, struct buf *reply, struct err *err);
/* A comment with what it cost, for who asked for one (watch.h). */
void stream_trailer(struct exchange *x, int64_t quota);
/* The error event that ends a committed stream. */
void stream_error(struct exchange *x, const struct err *err);
/* A comment, when the last write is long ago. */
void stream_keep_alive(struct exchange *x);
/* Is the web server too far behind to take more? */
static inline bool stream_is_full(const struct exchange *x)
{
	return reply_backlog(x->req) > REPLY_HIGH_WATER;
}

#endif
