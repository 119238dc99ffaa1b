/* witness.h — every change that an administrator makes leaves a row in the audit log
 *
 * DESIGN. Handlers know nothing of it. The route table is built from copies of all rows whose handler
 * is witness_call; it runs the real one and meanwhile takes part in the connection's transactions
 * (db_witness): whoever has role admin or more and changes rows through any route but a plain GET
 * (one with neither ROUTE_CHANGES nor ROUTE_AUDITED) gets a row in table audits, in the same
 * transaction as the change; a change of many objects gets as many rows as it takes. What the change
 * was is told by the objects themselves, read at the begin and at the end of the transaction
 * (subjects.h), without secrets.
 *
 * A handler that succeeds without having written (a job was started, a body was read) leaves a row
 * afterwards, if it is about an object of ours; one that fails without having written leaves none. The
 * second half of a handler that deferred its reply is not watched: what it changes for somebody goes
 * through witness_transact, and one that changes nothing but is worth a row (a test that an upstream is
 * paid for) calls witness_asked before it defers. witness_transact is also for what is to leave a row
 * whoever does it, such as binding an account.
 *
 * Threads  witness_routes before the first thread; the rest belongs to the worker with the request.
 */
#ifndef ADMIN_WITNESS_H
#define ADMIN_WITNESS_H

#include "audit.h"
#include "net/route.h"

/* audit_transact with a row about it, whatever the role of who asks. */
MUST_USE bool witness_transact(struct req *r, audit_fn *fn, void *arg, struct err *err);

/* For a handler that is about to defer its reply and has written nothing: leaves the row of what was
 * asked for now, if who asks is watched. What the handler still writes before it returns is not seen. */
MUST_USE bool witness_asked(struct req *r, struct err *err);

/* tables as in route_table_new; the copies live as long as the program, and another call makes the
 * same ones again. */
const struct route *const *witness_routes(const struct route *const *tables);
/* The row that a copy was made from, or row itself. */
const struct route *witness_original(const struct route *row);

#endif
