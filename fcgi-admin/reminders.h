/* reminders.h — mail to who runs out of quota
 *
 * Rows of quota_reminders (store/reminder.h) become letters in the outbox, in one transaction: each
 * crossing is told once, whichever process is first. In the language of the last sign-in, English
 * while that is unknown. Without a mail server they are dropped: a mail that comes when one is set
 * up would be about last month.
 *
 * Threads  the caller's connection: the runner's.
 */
#ifndef ADMIN_REMINDERS_H
#define ADMIN_REMINDERS_H

#include "base/attr.h"

struct admin;
struct db;
struct err;

MUST_USE bool reminders_tell(const struct admin *admin, struct db *db, struct err *err);

#endif
