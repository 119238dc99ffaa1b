/* notice.h — tells root what the gateway did to channels by itself
 *
 * Both programs leave a row in channel_events when they switch a channel off or on, in the
 * transaction that does it (store/channel_event.h). Here the rows that nobody was told of become one
 * letter in the outbox, in one transaction with the mark that they were: each is told exactly once,
 * whichever process is first, and what happens at one moment is one letter, not fifty. The mailer
 * sends it: by the push gateway, else by mail to root, in the language of root's last sign-in.
 *
 * Threads  the caller's connection: the runner's.
 */
#ifndef ADMIN_NOTICE_H
#define ADMIN_NOTICE_H

#include "base/attr.h"

struct db;
struct err;
struct secret_box;

MUST_USE bool notice_tell(struct db *db, const struct secret_box *box, struct err *err);

#endif
