/* trace.h — which trace a request belongs to (W3C Trace Context, level 1)
 *
 * A client's traceparent is read strictly: what breaks a rule counts as absent, and a trace of our
 * own begins. tracestate counts only behind a good traceparent; one that breaks a rule is dropped
 * whole. The caller's decision to sample is kept; for traces of our own a share is drawn from the
 * trace id, so that all who draw the same share agree.
 *
 * Without an exporter we are no part of the trace: what the client sent travels on as it came.
 *
 * Threads  pure, but for the random ids.
 */
#ifndef FCGI_RELAY_TRACE_H
#define FCGI_RELAY_TRACE_H

#include "base/str.h"

struct headers;

#define TRACE_PARENT_LEN 55
#define TRACE_STATE_MAX 512
#define TRACE_STATE_MEMBERS 32

/* Lower-case hex, NUL-terminated; "" for none. */
struct trace {
	char id[33];
	char parent[17]; /* the caller's span */
	char span[17];   /* ours for the request */
	bool sampled;
	struct str state; /* borrowed from the request's headers; "" */
};

/* False: the value is not to be used, *t is untouched. Sets id, parent and sampled. */
MUST_USE bool trace_parse(struct str traceparent, struct trace *t);
/* Is it a list that may travel on? */
bool trace_state_ok(struct str tracestate);
/* Draws by the id; share from 0 to 1. */
bool trace_draw(const char id[33], double share);

/* Reads the client's headers; with `records` a request without a usable one begins a trace of its
 * own, and a span of ours is given an id. */
void trace_begin(struct trace *t, const struct headers *headers, bool records, double share);
/* A fresh span id. */
void trace_span(char span[17]);
/* traceparent and tracestate of an upstream call whose span is `span`; "" passes on what came. */
void trace_pass_on(const struct trace *t, const char *span, struct headers *to);

#endif
