/* body.h — the JSON object that a client sent
 *
 * Any undecodable body is the one refusal E01, with status 400 when it is no UTF-8 or nested deeper
 * than JSON_MAX_DEPTH; a member of the wrong type is E01 and names it.
 * Unknown members are ignored, null leaves a member alone, names match without case.
 *
 *	static const struct field login_body[] = { FIELD(struct login, username, 0), … { 0 } };
 *	struct login in = { 0 };
 *
 *	if (!body_read(r, login_body, &in, NULL, err))
 *		return false;
 */
#ifndef ADMIN_BODY_H
#define ADMIN_BODY_H

#include "base/field.h"
#include "net/http.h"

#define BODY_MAX ((size_t)64 * 1024)
#define BODY_MAX_LARGE ((size_t)8 * 1024 * 1024) /* options and channels */

/* The body as a tree, tied to the request's arena; always an object. */
MUST_USE bool body_tree(struct req *r, cJSON **tree, struct err *err);
/* seen as in field_read; may be NULL. */
MUST_USE bool body_read(struct req *r, const struct field *fields, void *object, uint64_t *seen,
    struct err *err);
/* The :id of the path; E01 when it is not a positive number. */
MUST_USE bool body_path_id(const struct req *r, int64_t *id, struct err *err);

/* A comma list as we store it: items trimmed, empty ones dropped, in order. */
struct str body_list(struct arena *a, struct str list);

#endif
