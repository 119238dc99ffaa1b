/* spans.h — a request and its attempts as spans, in the words of OpenTelemetry
 *
 * The request is a span of kind server, named by method and route; each attempt is one of kind client
 * below it, named by operation and model, with the attributes of the GenAI semantic conventions
 * (status: development; names as of schema 1.42). Errors are told by kind, never by message: that
 * may quote what somebody wrote.
 *
 * Nothing happens for a request that is not sampled.
 *
 * Threads  whichever room owns the exchange.
 */
#ifndef FCGI_RELAY_SPANS_H
#define FCGI_RELAY_SPANS_H

#include "base/attr.h"

struct err;
struct exchange;

int64_t spans_now_ns(void);
/* The attempt under way is over; err NULL: it went well. Once per attempt. */
void spans_attempt(struct exchange *x, const struct err *err);
void spans_request(struct exchange *x, int status, const struct err *err);

#endif
