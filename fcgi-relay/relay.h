/* relay.h — one request's life: gate, choose, price, reserve, call, settle; the only retry
 *
 * DESIGN. A request passes through three rooms (common/README.md); the first is the wire itself
 * for a small body:
 *
 *	worker   relay_begin     the key was checked by gate.c; read and validate the body, choose a
 *	                         channel, find the price, count, build the upstream call
 *	ledger                   reserve
 *	wire     call_upstream   send; stream.c turns what comes back into the client's reply
 *	         finish          settle, log, health, reply's end
 *
 * A failure that is the upstream's fault, before the client got a byte, goes back to a worker for
 * the next channel (try_again). The reservation stays and is raised when the next channel costs
 * more. Every end passes through finish, which settles or releases exactly once.
 *
 * struct exchange (exchange.h) is what travels; at any time one room owns it.
 */
#ifndef FCGI_RELAY_RELAY_H
#define FCGI_RELAY_RELAY_H

#include "billing/ledger.h"
#include "net/upstream.h"
#include "provider/runtime.h"

/* How often at least a running exchange looks after its lease and its client. */
#define PULSE_MAX_MS 5000

/* What every request reaches as r->settings. */
struct relay {
	struct runtime rt;
	struct ledger *ledger;
	struct upstream_limits limits;
	int pulse_ms; /* a third of the lease, or PULSE_MAX_MS */
};

static inline struct relay *relay_of(const struct req *r)
{
	/* server_config hands settings out as const; the ledger inside is shared on purpose. */
	return (struct relay *)(uintptr_t)r->settings;
}

#endif
