/* mailer.h — the thread that sends mail and notices
 *
 * DESIGN. Mail servers take seconds, and no worker waits that long. One thread of fcgi-admin sends
 * everything: what handlers give it (struct mailer_job: the reply waits for the outcome, the worker
 * does not) and what lies in the table outbox (store/outbox.h), where both programs and all
 * processes leave what nobody waits for. It has a database connection of its own. When it is told
 * to stop, a transfer under way is given up; a letter of the outbox is then due again later.
 *
 * A handler that wants to know:
 *
 *	if (mailer_is_set(r))
 *		return mailer_send_then(r, &letter, after, err);   replies with after(r, out, err)
 *
 * Threads  mailer_start and _stop by main's; the rest from any.
 */
#ifndef ADMIN_MAILER_H
#define ADMIN_MAILER_H

#include "base/queue.h"
#include "net/route.h"
#include "smtp.h"
#include "store/outbox.h"

struct admin;
struct mailer;

/* Returns owned. */
MUST_USE bool mailer_start(const struct admin *admin, struct mailer **out, struct err *err);
/* Waits for the thread. NULL is fine. */
void mailer_stop(struct mailer *m);

/* Are a server and a sender configured? */
bool mailer_is_set(struct req *r);
/* Sends a letter of kind mail now and replies with `after` on a worker; there mailer_failed tells
 * how it went. The letter is borrowed until then, its texts live in r->arena. Without a mailer (a
 * test without threads) the letter goes to the outbox and `after` is called at once. */
MUST_USE bool mailer_send_then(struct req *r, const struct letter *l, handler_fn *after,
    struct resp *out, struct err *err);
bool mailer_failed(const struct req *r);

/* One letter, on the calling thread: for the mailer and its tests. */
MUST_USE bool mailer_deliver(const struct admin *admin, struct db *db, struct arena *a,
    const struct letter *l, const struct stop *stop, struct err *err);

#endif
