/* health.h — switching a channel off when its upstream says that the account is dead
 *
 * The simple form of one-api's automatic disabling (option AutomaticDisableChannelEnabled): an
 * upstream's own answer, never a client's mistake, that proves the key or the account useless.
 *
 * Threads  health_failed from any room; the database work is deferred to a worker.
 */
#ifndef FCGI_RELAY_HEALTH_H
#define FCGI_RELAY_HEALTH_H

#include "exchange.h"

/* Is another channel worth trying after this? */
bool health_may_retry(const struct err *err);
/* Looks at a failed attempt and disables the channel if the rules say so. */
void health_failed(const struct exchange *x, const struct err *err);
/* The rule alone, for tests. */
bool health_is_dead(const struct err *err);

#endif
