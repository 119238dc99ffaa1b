/* limits.c — /api/limit/: limits of single keys, users, groups and channels (store/limit.h)
 *
 * What holds for everybody of a kind is the option RateLimits. The list is paged from one row to
 * the next: ?scope= and ?subject= name the last row of the page before. */
#include "base/err.h"
#include "store/limit.h"
#include "store/user.h"

#include "admin.h"
#include "audit.h"
#include "body.h"
#include "phrases.h"
#include "reply.h"
#include "routes.h"

static bool list(struct req *r, struct resp *out, struct err *err)
{
	struct limit_row *rows;
	size_t count;

	if (!limit_row_page(db_of(r), r->arena, req_query(r, "scope"), req_query(r, "subject"),
	        reply_page(r).limit, &rows, &count, err))
		return false;
	return reply_list(out, limit_fields, rows, count, sizeof *rows);
}

static bool put(struct req *r, struct resp *out, struct err *err)
{
	struct limit_row row = { 0 };
	struct err wrong = { 0 };

	if (!body_read(r, limit_fields, &row, NULL, err))
		return false;
	if (!limit_row_put(db_of(r), &row, &wrong)) {
		if (wrong.kind == ERR_BAD_REQUEST)
			return phrase_fail(r, err, &wrong);
		*err = wrong;
		return false;
	}
	catalog_nudge(admin_of(r)->rt.watcher);
	audit_note(r,
	    arena_fmt(r->arena, "set limits of %.*s %.*s", STR_ARG(row.scope),
	        STR_ARG(row.subject)));
	return reply_ok(out);
}

static bool delete_one(struct req *r, struct resp *out, struct err *err)
{
	if (!limit_row_delete(db_of(r), r->params[0], r->params[1], err))
		return false;
	catalog_nudge(admin_of(r)->rt.watcher);
	audit_note(r,
	    arena_fmt(r->arena, "removed limits of %.*s %.*s", STR_ARG(r->params[0]),
	        STR_ARG(r->params[1])));
	return reply_ok(out);
}

const struct route limit_routes[] = {
	{ "GET", "/api/limit", ROLE_ROOT, 0, list, NULL },
	{ "PUT", "/api/limit", ROLE_ROOT, 0, put, NULL },
	{ "DELETE", "/api/limit/:scope/:subject", ROLE_ROOT, 0, delete_one, NULL },
	{ 0 },
};
