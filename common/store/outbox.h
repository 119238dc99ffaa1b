/* outbox.h — table outbox: mail and notices that wait to be sent
 *
 * Whoever has something to say writes a row, in the transaction that is the reason for it when
 * there is one; fcgi-admin sends it (mailer.h), so nobody waits for a mail server. Both programs
 * may write.
 *
 *	outbox_put(db, box, a, &(struct letter){ .kind = LETTER_MAIL, .recipient = address,
 *	    .subject = STR("…"), .html = html, .life_s = 600 }, err)
 *
 * A row is taken by one process for OUTBOX_LEASE_S; when that one dies, the row is due again.
 *
 * Threads  as the connection.
 */
#ifndef STORE_OUTBOX_H
#define STORE_OUTBOX_H

#include "base/secret.h"
#include "store/db.h"

#define OUTBOX_LEASE_S 60
#define OUTBOX_LIFE_S (24 * 3600)
#define OUTBOX_TRIES 5

#define LETTER_MAIL "mail"     /* to recipient */
#define LETTER_NOTICE "notice" /* to root: push gateway, else mail */

struct letter {
	int64_t id;
	const char *kind;
	struct str recipient; /* addresses with ; between them */
	struct str subject;
	struct str html; /* the body's inner part, with what was filled in escaped */
	int tries;
	int life_s; /* 0: OUTBOX_LIFE_S */
};

MUST_USE bool outbox_put(struct db *db, const struct secret_box *box, struct arena *a,
    const struct letter *l, struct err *err);
/* The oldest that is due, now ours; *found false: none. Expired rows go on the way. */
MUST_USE bool outbox_take(struct db *db, const struct secret_box *box, struct arena *a,
    struct letter *l, bool *found, struct err *err);
MUST_USE bool outbox_sent(struct db *db, int64_t id, struct err *err);
/* Due again later, each time later; *given_up: that was the last try, the row is gone. */
MUST_USE bool outbox_failed(struct db *db, const struct letter *l, bool *given_up, struct err *err);

#endif
