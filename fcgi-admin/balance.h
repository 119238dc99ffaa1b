/* balance.h — what an upstream account still has, in the account's own unit
 *
 * One row per kind of provider says which calls it takes and how their answers are read. The host is
 * the channel's base_url when it has one, so that a key goes nowhere else than the channel's
 * requests do; a `/v1` at its end is not repeated. Of several keys the first that is in use is
 * asked. The calls go through the server's wires, so proxy and certificates are those of all
 * upstream calls.
 *
 * Threads  the reading functions are pure; the rest as errand.h.
 */
#ifndef ADMIN_BALANCE_H
#define ADMIN_BALANCE_H

#include "errand.h"

#define BALANCE_TIMEOUT_MS (30 * 1000)

/* Does this provider tell its balance? */
bool balance_is_known(int type);
/* An errand that asks for it and notes it. */
struct errand *balance_new(struct req *r);

#endif
