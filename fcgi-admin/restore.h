/* restore.h — fcgi-admin restore FILE: a backup becomes the database
 *
 * Nothing may run meanwhile: the caller has DATA_DIR alone (runtime_open_alone). The file is looked at
 * first: a whole SQLite database with a schema that this build knows. The database that was there
 * stays beside it as oneapi.db.before-restore. Should it end halfway, what is there is one of the two,
 * whole (swap.h), and calling it again is right.
 */
#ifndef ADMIN_RESTORE_H
#define ADMIN_RESTORE_H

#include "base/attr.h"

struct runtime;
struct err;

MUST_USE bool restore(const struct runtime *rt, const char *file, struct err *err);

#endif
