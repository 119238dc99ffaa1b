/* watch.h — what a request tells those who watch: one log line, metrics, spans, reply headers
 *
 * The engine calls these at the named places of a request's life; nothing else writes a request's
 * log line or counts it.
 *
 *	watch_enter	the exchange is made
 *	watch_sent	an upstream call is about to start: its traceparent, its span
 *	watch_times	what the upstream call says of itself when it is done
 *	watch_failed	the attempt failed; watch_retry: another follows
 *	watch_end	the request has ended, just before the reply does
 *	watch_refused	a request that never became an exchange
 *
 * Costs about a microsecond per request, and no memory of its own, while no spans are exported.
 * No line, label or span ever holds a key or what a prompt or a model said.
 *
 * Threads  whichever room owns the exchange.
 */
#ifndef FCGI_RELAY_WATCH_H
#define FCGI_RELAY_WATCH_H

#include "net/http.h"

#include "trace.h"

struct err;
struct exchange;
struct kept;
struct upstream_result;

/* Of one exchange: x->watched. */
struct watched {
	struct trace trace;
	int64_t began_ns; /* wall clock; 0: no span is made */
	char attempt[17]; /* span of the attempt under way; "" */
	int64_t attempt_ns;
	int64_t sent_ms; /* from the request's start to its first upstream call; -1 */
	int connect_ms;  /* of the latest upstream call; -1 */
	int finish;      /* enum log_finish, by bill.c */
	int64_t quota;
	struct kept *kept; /* capture.h's; NULL: nothing is kept */
};

void watch_enter(struct exchange *x);
void watch_sent(struct exchange *x);
void watch_times(struct exchange *x, const struct upstream_result *result);
void watch_failed(struct exchange *x, const struct err *err);
void watch_retry(struct exchange *x, const struct err *err);
void watch_breaker_opened(const struct exchange *x);
/* err NULL: it went well. */
void watch_end(struct exchange *x, int status, int64_t quota, const struct err *err);
void watch_refused(const struct req *r, const struct err *err);

/* What option ReplyDetailHeaders lets this caller see: channel and model, and with quota >= 0 what
 * it cost. The headers of a stream go out before that is known, so that its cost is told in a comment
 * behind its last event, to clients that send `X-Oneapi-Cost: trailer`. */
void watch_headers(const struct exchange *x, int64_t quota, struct headers *headers);
/* That comment, or nothing. */
void watch_trailer(const struct exchange *x, int64_t quota, struct buf *out);

#endif
