/* channel_find.h — which channels a list shows, and in which order
 *
 * Only ids: whoever lists reads each row by channel_by_id, since what it shows of the sealed members
 * must be opened anyway.
 *
 * Threads  as the connection.
 */
#ifndef STORE_CHANNEL_FIND_H
#define STORE_CHANNEL_FIND_H

#include "store/db.h"

struct arena;

struct channel_filter {
	int type, status;        /* 0: any */
	struct str group, model; /* "": any; names, not beginnings */
	struct str sort;         /* name of a column as on the wire; "" or unknown: id */
	bool ascending;
	int64_t offset, limit;
};

/* *ids in the arena; *total counts what fits the filter on all pages. */
MUST_USE bool channel_find(struct db *db, struct arena *a, const struct channel_filter *f,
    int64_t **ids, size_t *count, int64_t *total, struct err *err);

#endif
