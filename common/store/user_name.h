/* user_name.h — user names that differ in the case of their letters alone
 *
 * The database keeps names apart without the case of ASCII letters. É and é are other characters to
 * it, and the same to who reads them: before a name with such letters is given, the names that are
 * there are looked through. Latin, Greek, Cyrillic, Armenian and full-width letters; other scripts of
 * that kind are rare in names.
 *
 * Errors   ERR_STORE.
 * Threads  as the connection; in the transaction that gives the name.
 */
#ifndef STORE_USER_NAME_H
#define STORE_USER_NAME_H

#include "store/db.h"

/* Both are UTF-8. */
bool user_name_same(struct str a, struct str b);
/* Has anybody alive but this id a name that is the same? Never of a name that has no such letter,
 * which the index looks after, nor of the one that this id has: who got it by an import keeps it. */
MUST_USE bool user_name_like(struct db *db, struct str name, int64_t but, bool *taken,
    struct err *err);

#endif
