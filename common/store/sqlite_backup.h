/* sqlite_backup.h — a copy of an open SQLite database, made while others write
 *
 * db_sqlite.c's. The copy is made beside `path` as `path`.part, is on the disk when it gets its name,
 * and so is the name when this returns: whenever it ends, `path` is what it was or a whole copy.
 *
 * Errors   ERR_STORE.
 */
#ifndef STORE_SQLITE_BACKUP_H
#define STORE_SQLITE_BACKUP_H

#include <sqlite3.h>

#include "base/attr.h"

struct err;

MUST_USE bool sqlite_backup(sqlite3 *db, const char *path, struct err *err);

#endif
