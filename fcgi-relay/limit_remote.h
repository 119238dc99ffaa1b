/* limit_remote.h — the same limits for all machines that share a Redis
 *
 * While Redis answers, a request's entries are decided there by one script in one round trip: GCRA
 * cells in Redis's own time, places as leases that end by themselves when a machine dies. The
 * question is asked from the exchange's room without waiting: the exchange is given away and comes
 * back on its wire. When Redis does not answer in time, or not at all, the counters of this machine
 * decide instead (limit_entry.h), from the next request on without asking, until it answers again.
 *
 * Threads  whichever room owns the exchange.
 */
#ifndef FCGI_RELAY_LIMIT_REMOTE_H
#define FCGI_RELAY_LIMIT_REMOTE_H

#include "exchange.h"

struct limit_entry;
struct limiter;

/* For redis_open. */
extern const char *const limit_scripts[];

/* Before a reservation: true when there is something to ask, and x is given away. It comes back on
 * its wire by `heard`, which calls limit_remote_heard. */
MUST_USE bool limit_remote_ask(struct exchange *x, task_fn *heard);
/* What was said. False: refused; *by_channel when only its channel's rule was in the way. */
MUST_USE bool limit_remote_heard(struct exchange *x, bool *by_channel, struct err *err);

/* Nothing happens to what was not entered there. */
void limit_remote_leave_channel(struct exchange *x, bool sent, int64_t tokens);
void limit_remote_leave(struct exchange *x, bool sent, int64_t tokens);
/* Tokens that nothing was taken for before. False: Redis is not there to count them. */
bool limit_remote_add(struct limiter *l, struct limit_entry *entries, size_t count, int64_t tokens);
/* A running request's leases go on. */
void limit_remote_renew(struct exchange *x);

#endif
