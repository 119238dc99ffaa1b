/* subject_rows.h — what became of many objects, as the rows that tell it
 *
 * Objects are added one after the other, each with its id and how it was and is. A row takes up to
 * SUBJECT_OBJECTS_MAX of them and so much text as is good to read; when it is full it is handed on,
 * and the next object begins another. So a change of any size is told completely, in rows of
 * bounded size.
 *
 * A row of one object has its texts as they are, a row of several has objects of them: {"7":{…},"8":{…}}.
 *
 * Threads  as the request.
 */
#ifndef ADMIN_SUBJECT_ROWS_H
#define ADMIN_SUBJECT_ROWS_H

#include "base/buf.h"
#include "store/auditlog.h"

#define SUBJECT_OBJECTS_MAX 100

/* One row: e has subject_id, before and after, borrowed for the call. i counts the rows from 0. */
typedef bool subject_row_fn(void *arg, size_t i, const struct audit_entry *e, struct err *err);

struct subject_rows {
	struct arena *arena;
	subject_row_fn *fn;
	void *arg;
	size_t count, objects; /* rows handed on; objects in this one */
	struct buf ids, before, after;
};

void subject_rows_init(struct subject_rows *t, struct arena *a, subject_row_fn *fn, void *arg);
void subject_rows_release(struct subject_rows *t);
/* before, after: JSON objects, "" when it did not, or does not, exist. */
MUST_USE bool subject_rows_add(struct subject_rows *t, struct str id, struct str before,
    struct str after, struct err *err);
/* Hands on the last row: an empty one when there was no object at all. */
MUST_USE bool subject_rows_end(struct subject_rows *t, struct err *err);

#endif
