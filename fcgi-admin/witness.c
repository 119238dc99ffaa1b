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
	struct subject_view before;
	bool looked;
	int64_t *rows; /* ids of those that were written */
	size_t count, room;
};

/* ---- the rows ---------------------------------------------------------------------------------*/

static void describe(const struct watching *w, struct audit_entry *e)
{
	const struct req *r = w->r;
	const struct user *who = &access_actor(r)->user;

	e->user_id = who->id;
	e->username = who->username;
	e->address = r->remote_addr;
	e->request_id = str_c(r->id);
	e->action = str_c(arena_fmt(r->arena, "%.*s %s", STR_ARG(r->method), r->route->path));
	e->subject = subject_name(&w->before);
}

static void keep_id(struct watching *w, int64_t id)
{
	if (w->count == w->room) {
		int64_t *old = w->rows;

		w->room = w->room ? 2 * w->room : 4;
		w->rows = arena_alloc(w->r->arena, w->room * sizeof *w->rows);
		for (size_t i = 0; i < w->count; i++)
			w->rows[i] = old[i];
	}
	w->rows[w->count++] = id;
}

static bool write_row(void *arg, size_t i, const struct audit_entry *part, struct err *err)
{
	struct watching *w = arg;
	struct audit_entry e = *part;

	if (i < w->count) {
		e.id = w->rows[i];
		return audit_update(db_of(w->r), &e, err);
	}
	describe(w, &e);
	if (!audit_insert(db_of(w->r), &e, err))
		return false;
	keep_id(w, e.id);
	return true;
}

/* ---- in the transactions ----------------------------------------------------------------------*/

/* Once something was written the view stays what it was before. */
static bool look(struct db *db, void *arg, struct err *err)
{
	struct watching *w = arg;

	w->looked = w->count > 0 || subject_look(w->r, &w->before, err);
	return w->looked;
}

/* Called before each commit. A request may commit more than once: its rows then tell of all. */
static bool write_rows(struct db *db, void *arg, struct err *err)
{
	struct watching *w = arg;
	size_t had = w->count;

	if (subject_compare(w->r, &w->before, write_row, w, err))
		return true;
	w->count = had;
	return false;
}

/* ---- the call ---------------------------------------------------------------------------------*/

static bool is_watched(const struct req *r)
{
	bool changes = !str_eq_c(r->method, "GET") && !str_eq_c(r->method, "HEAD");

	return access_actor(r)->user.role >= ROLE_ADMIN &&
	    (changes || (r->route->flags & (ROUTE_CHANGES | ROUTE_AUDITED)));
}

/* Nothing was written: what was asked for is noted, if it is about an object of ours. */
static bool note_asked(struct watching *w, struct err *err)
{
	if (w->count || (!w->looked && !look(db_of(w->r), w, err)))
		return w->count > 0;
	return !w->before.subject || write_rows(db_of(w->r), w, err);
}

static bool call_watched(struct req *r, handler_fn *handler, struct resp *out, struct err *err)
{
	struct watching w = { .r = r };
	const struct db_witness witness = { look, write_rows, &w };
	struct db *db = db_of(r);
	bool *outer = r->defer_flag, deferred = false, ok;

	/* cppcheck-suppress autoVariables ; it is put back, or the request is gone */
	r->defer_flag = &deferred;
	/* cppcheck-suppress autoVariables ; only witness_asked reads it, from within the handler */
	access_actor(r)->watching = &w;
	db_witness(db, &witness);
	ok = handler(r, out, err);
	db_witness(db, NULL);
	if (deferred) {
		/* The request may be gone. */
		if (outer)
			*outer = true;
		return ok;
	}
	r->defer_flag = outer;
	return ok && note_asked(&w, err);
}

bool witness_asked(struct req *r, struct err *err)
{
	struct watching *w = access_actor(r)->watching;

	if (!w)
		return true;
	db_witness(db_of(r), NULL);
	return note_asked(w, err);
}

static bool witness_call(struct req *r, struct resp *out, struct err *err)
{
	handler_fn *handler = witness_original(r->route)->handler;

	return is_watched(r) ? call_watched(r, handler, out, err) : handler(r, out, err);
}

bool witness_transact(struct req *r, audit_fn *fn, void *arg, struct err *err)
{
	struct watching w = { .r = r };
	const struct db_witness witness = { look, write_rows, &w };
	bool ok;

	if (db_is_witnessed(db_of(r)))
		return audit_transact(r, fn, arg, err);
	db_witness(db_of(r), &witness);
	ok = audit_transact(r, fn, arg, err);
	db_witness(db_of(r), NULL);
	return ok;
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
