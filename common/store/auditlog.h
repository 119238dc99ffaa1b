/* auditlog.h — table audits: what administrators changed
 *
 * Written by fcgi-admin's witness.c and its command line; nothing here changes or deletes a row but
 * the transaction that made it.
 *
 * Errors   ERR_STORE.
 * Threads  as the connection.
 */
#ifndef STORE_AUDITLOG_H
#define STORE_AUDITLOG_H

#include "store/db.h"

struct arena;

struct audit_entry {
	int64_t id, created_at;
	int64_t user_id; /* who did it; 0: somebody on the command line */
	struct str username, address, request_id;
	struct str action;              /* "PUT /api/channel" */
	struct str subject, subject_id; /* "channel", "7" */
	struct str before, after;       /* JSON objects, or "" */
};

struct audit_list {
	struct audit_entry *items;
	size_t count;
};

/* Sets e->id. */
MUST_USE bool audit_insert(struct db *db, struct audit_entry *e, struct err *err);
/* What a request changed further on in a later transaction: all but id and time are written anew. */
MUST_USE bool audit_update(struct db *db, const struct audit_entry *e, struct err *err);

struct audit_filter { /* 0 and "" = any */
	int64_t user_id;
	struct str subject;
	struct str subject_id; /* one of those that a row is about */
	int64_t from, to;      /* inclusive */
	int64_t after_id;      /* only older ones than this */
};
/* Newest first. */
MUST_USE bool audit_page(struct db *db, struct arena *a, const struct audit_filter *f,
    int64_t offset, int64_t limit, struct audit_list *out, struct err *err);
MUST_USE bool audit_count(struct db *db, struct arena *a, const struct audit_filter *f,
    int64_t *count, struct err *err);

#endif
