/* relay.h — one request's life: gate, choose, price, reserve, call, settle; the only retry
 *
 * DESIGN. A request passes through three rooms (common/README.md); the first is the wire itself
 * for a small body:
 *
 *	worker   relay_begin     the key was checked by gate.c; read and validate the body
 *	         attempt.c       choose a channel, find the price, build the upstream call
 *	ledger                   reserve
 *	wire     call_upstream   send; stream.c or raw.c hands what comes back to the client
 *	         slices.c        while it runs past what it declared: reserve more
 *	         ends.c          settle, log, reply's end
 *
 * A failure that is the upstream's fault, before the client got a byte, goes back to a worker for
 * the next channel (try_again). The reservation stays and is raised when the next channel costs
 * more. Every request ends in ends.c, which settles or releases exactly once.
 *
 * struct exchange (exchange.h) is what travels; at any time one room owns it.
 */
#ifndef FCGI_RELAY_RELAY_H
#define FCGI_RELAY_RELAY_H

#include "billing/ledger.h"
#include "net/upstream.h"
#include "provider/runtime.h"

#include "net/fetch.h"

#include "vitals.h"

/* How often at least a running exchange looks after its lease and its client. */
#define PULSE_MAX_MS 5000

struct limiter;
struct watching;
struct pins;
struct settler;

/* What every request reaches as r->settings. */
struct relay {
	struct runtime rt;
	struct mapping *shared; /* with the other processes of this machine (base/mapping.h) */
	struct vitals vitals;   /* of channels, in it */
	struct limiter *limiter;
	struct ledger *ledger;
	struct pins *pins;         /* which channel keeps what */
	struct settler *settler;   /* looks after works that are open; NULL: nobody does */
	struct watching *watching; /* NULL: nobody watches */
	struct rate_table *dashboard_rates;
	int64_t dashboard_limit; /* requests per address to the billing routes; 0: none */
	struct upstream_limits limits;
	struct fetch_rules media; /* for URLs in requests (media.h) */
	struct fetch_room media_room;
	size_t max_body_bytes, max_upload_bytes; /* after decoding; uploads are multipart bodies */
	int pulse_ms; /* a third of the lease, or PULSE_MAX_MS; no longer than keep_alive_ms */
	int first_token_ms; /* a stream's first piece at the latest; 0: no limit */
	int keep_alive_ms;  /* of silence before a stream's client gets a comment */
};

/* Handler of every route whose data is a struct route_mode. */
bool relay_begin(struct req *r, struct resp *out, struct err *err);

static inline struct relay *relay_of(const struct req *r)
{
	/* server_config hands settings out as const; the ledger inside is shared on purpose. */
	return (struct relay *)(uintptr_t)r->settings;
}

#endif
