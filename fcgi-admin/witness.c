#include "witness.h"

#include <assert.h>

#include "access.h"
#include "admin.h"
#include "base/err.h"
#include "store/auditlog.h"
#include "subjects.h"

#define ROUTES_MAX 256

/* Written once, before any thread, and the same whenever it is written. */
static struct route copies[ROUTES_MAX + 1];
static const struct route *originals[ROUTES_MAX];

struct watching {
	struct req *r;
	struct audit_entry entry;
	struct subject_view before;
	bool written;
};

/* ---- the row ----------------------------------------------------------------------------------*/

static void describe(struct watching *w)
{
	const struct req *r = w->r;
	const struct user *who = &access_actor(r)->user;

	w->entry.user_id = who->id;
	w->entry.username = who->username;
	w->entry.address = r->remote_addr;
	w->entry.request_id = str_c(r->id);
	w->entry.action = str_c(arena_fmt(r->arena, "%.*s %s", STR_ARG(r->method), r->route->path));
	w->entry.subject = subject_name(&w->before);
}

/* Called before each commit. A request may commit more than once: its row then tells of all. */
static bool write_entry(struct db *db, void *arg, struct err *err)
{
	struct watching *w = arg;

	if (!subject_compare(w->r, &w->before, &w->entry, err))
		return false;
	if (w->written)
		return audit_update(db, &w->entry, err);
	w->written = audit_insert(db, &w->entry, err);
	return w->written;
}

/* ---- the call ---------------------------------------------------------------------------------*/

static bool is_watched(const struct req *r)
{
	bool changes = !str_eq_c(r->method, "GET") && !str_eq_c(r->method, "HEAD");

	return access_actor(r)->user.role >= ROLE_ADMIN &&
	    (changes || (r->route->flags & ROUTE_CHANGES));
}

static bool call_watched(struct req *r, handler_fn *handler, struct resp *out, struct err *err)
{
	struct watching w = { .r = r };
	struct db *db = db_of(r);
	bool *outer = r->defer_flag, deferred = false, ok;

	if (!subject_look(r, &w.before, err))
		return false;
	describe(&w);
	r->defer_flag = &deferred;
	db_witness(db, write_entry, &w);
	ok = handler(r, out, err);
	db_witness(db, NULL, NULL);
	if (deferred) {
		/* The request may be gone. */
		if (outer)
			*outer = true;
		return ok;
	}
	r->defer_flag = outer;
	if (ok && !w.written && w.before.subject && !write_entry(db, &w, err))
		return false;
	return ok;
}

static bool witness_call(struct req *r, struct resp *out, struct err *err)
{
	handler_fn *handler = witness_original(r->route)->handler;

	return is_watched(r) ? call_watched(r, handler, out, err) : handler(r, out, err);
}

/* ---- the table --------------------------------------------------------------------------------*/

const struct route *witness_original(const struct route *row)
{
	return row >= copies && row < copies + ROUTES_MAX ? originals[row - copies] : row;
}

const struct route *const *witness_routes(const struct route *const *tables)
{
	static const struct route *const list[] = { copies, NULL };
	size_t n = 0;

	for (; *tables; tables++) {
		for (const struct route *row = *tables; row->method; row++) {
			assert(n < ROUTES_MAX);
			originals[n] = row;
			copies[n] = *row;
			copies[n].handler = witness_call;
			n++;
		}
	}
	copies[n] = (struct route){ 0 };
	return list;
}
