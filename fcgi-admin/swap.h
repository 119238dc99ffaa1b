/* swap.h — a new database takes the place of the old one
 *
 *	swap_in(&(struct swap){ .dir = data_dir, .fresh = "…/restore.fresh" }, err)
 *
 * Whenever this ends, by a failure, a kill or the power, oneapi.db is the old database or the new
 * one, whole: the old one's log (-wal) is folded into it first, its second name
 * (oneapi.db.before-restore) stands before its first is given to the new one, and the new one comes
 * by one rename. Each step is on disk before the next counts on it. Only a log that cannot be folded,
 * because the old database is damaged, is taken away before the rename; it stays under the second
 * name then, beside the database that it belongs to.
 *
 * Nothing else may have the database open. Once more after an end halfway is right.
 *
 * Errors   ERR_CONFIG, naming the file.
 */
#ifndef ADMIN_SWAP_H
#define ADMIN_SWAP_H

#include <stddef.h>

#include "base/attr.h"

struct err;

struct swap {
	const char *dir;   /* DATA_DIR */
	const char *fresh; /* complete; on the same file system */
	size_t end_after;  /* for tests: so many steps, then true; 0: all */
};

#define SWAP_STEPS 7

MUST_USE bool swap_in(const struct swap *s, struct err *err);

/* The bytes of a file, onto the disk, for its owner only; how: O_EXCL or O_TRUNC. */
MUST_USE bool swap_copy(const char *from, const char *to, int how, struct err *err);

#endif
