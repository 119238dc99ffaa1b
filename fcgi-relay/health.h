/* health.h — what the end of an attempt says about its channel, its key, its model
 *
 * Every attempt ends with one of three: it served, it failed, or it says nothing (the client left,
 * or the request was refused before it was sent). Of a failure, its class decides what follows:
 *
 *	            tried elsewhere   key            breaker, success rate
 *	client      no                -              -
 *	model 404   yes               -              -
 *	key         yes, first the    parked         count when no other key is free
 *	            next key
 *	busy (429)  the same          for a while    count when no other key is free; Retry-After
 *	                                             opens the breaker for that long
 *	channel     yes               -              count
 *
 * So nothing that a client can cause touches a channel's health. A channel's only key is not
 * parked: with the option AutomaticDisableChannelEnabled the channel is disabled, as it is when the
 * last of several keys is parked for good. The success rate (ENABLE_METRIC) disables by itself.
 *
 * Threads  from any room that owns the exchange; the database work is deferred to a worker.
 */
#ifndef FCGI_RELAY_HEALTH_H
#define FCGI_RELAY_HEALTH_H

#include "exchange.h"

#define KEY_BUSY_MS 5000           /* parked after a 429 that does not say for how long */
#define KEY_REFUSED_MS 60000       /* after a refusal that may pass */
#define RETRY_AFTER_KEY_MAX_S 3600 /* of Retry-After */

enum fault {
	FAULT_CLIENT,
	FAULT_MODEL,
	FAULT_KEY,
	FAULT_BUSY,
	FAULT_CHANNEL,
};

/* The class of a failure, for what follows and for tests. */
enum fault health_fault(const struct err *err);
/* Is another attempt worth trying after this? */
bool health_may_retry(const struct err *err);
/* Does it prove the key or the account useless for good? */
bool health_is_dead(const struct err *err);

/* The ends of x's attempt; any of them once, later ones say nothing more. */
void health_served(struct exchange *x);
void health_failed(struct exchange *x, const struct err *err);
void health_left(struct exchange *x);

#endif
