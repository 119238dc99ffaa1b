/* reseal.h — everything in the database that hangs on the data key, and how it gets a new one
 *
 * reseal_all opens each sealed text with the old key and seals it with the new one, in the caller's
 * transaction; hashes of what is sealed beside them are made anew. Of some secrets we keep nothing
 * but a hash: sessions, codes, access tokens, recovery codes. Those cannot be carried over and are
 * void afterwards; *out says how many.
 *
 * Row secret_check holds a word under the data key. reseal_check tells by it whether a key is the
 * right one, so that a program with another SESSION_SECRET does not start and seal things that
 * nobody can open.
 *
 * Threads  as the connection.
 */
#ifndef STORE_RESEAL_H
#define STORE_RESEAL_H

#include "base/secret.h"
#include "store/db.h"

struct resealed {
	int64_t texts;                                   /* sealed anew */
	int64_t unreadable;                              /* left: the old key did not open them */
	int64_t sessions, access_tokens, recovery_codes; /* void now */
};

MUST_USE bool reseal_all(struct db *db, const struct secret_box *from, const struct secret_box *to,
    struct resealed *out, struct err *err);

/* *right false: the database was sealed under another key. Writes the row when there is none and no
 * API key says otherwise. */
MUST_USE bool reseal_check(struct db *db, const struct secret_box *box, bool *right,
    struct err *err);

/* Columns that are looked after here, "table.column", ended by NULL: for the test that no other of
 * that kind is in the schema. */
extern const char *const reseal_columns[];

#endif
