/* subjects.h — what a request is about, and how that looked before and after it
 *
 * A row of the table in subjects.c is a kind of object: which routes are about it, which of its
 * columns may be shown. Which object it is says the path (:id), or the body (id, user_id, username,
 * key, scope and subject, ids: read as the handler reads them), or it is the caller's own account;
 * else it is a new one, found by its id afterwards.
 *
 * Secrets (keys, passwords, sealed options) are compared, and shown as *** when they differ. A request
 * about many objects is told in several rows, each with some of them, so that none is left out.
 *
 * Threads  pure apart from the request's own connection and arena.
 */
#ifndef ADMIN_SUBJECTS_H
#define ADMIN_SUBJECTS_H

#include "net/http.h"
#include "subject_rows.h"

struct subject;
struct subject_image;

struct subject_view {
	const struct subject *subject; /* NULL: of no kind that we know */
	struct str *ids;
	struct subject_image *images; /* one for each id, as it was */
	size_t count, room;
	int64_t newest; /* id of the newest object, for those that this request makes */
};

/* Before the change, in its transaction. */
MUST_USE bool subject_look(struct req *r, struct subject_view *before, struct err *err);

/* After it, in its transaction: hands on one row or more. */
MUST_USE bool subject_compare(struct req *r, const struct subject_view *before, subject_row_fn *fn,
    void *arg, struct err *err);
struct str subject_name(const struct subject_view *view);

#endif
