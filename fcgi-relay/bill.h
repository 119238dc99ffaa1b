/* bill.h — an exchange's dealings with the ledger
 *
 * How much to set aside, what it cost in the end, and the log row that says so. Every amount is
 * made by billing/price.h from the rate of the channel that served.
 *
 * Threads  bill_amount: pure. The others send to the ledger from whichever room owns the exchange.
 */
#ifndef FCGI_RELAY_BILL_H
#define FCGI_RELAY_BILL_H

#include "exchange.h"

/* The upper bound that this request declares, at the present rate. */
int64_t bill_amount(const struct exchange *x);
/* Reserves, or raises what is held, to amount; afterwards x->task runs on the request's wire with
 * x->reserve.ok saying how it went. Gives the exchange away. */
void bill_reserve(struct exchange *x, int64_t amount);
/* Renews the lease, and notes what a running stream has cost so far. */
void bill_checkpoint(const struct exchange *x);
/* Renews the lease of what is reserved, if anything is, while no upstream call runs. */
void bill_renew(const struct exchange *x);
/* Completes the usage, charges and logs it; how much. The exchange may be freed right after. */
int64_t bill_settle(struct exchange *x, enum log_finish finish);
/* Gives all back; nothing happens when nothing was reserved. */
void bill_release(struct exchange *x);

#endif
