/* jobs.c — /api/job: what goes on in the background; the two routes that start it
 *
 * GET /api/channel/test?scope=all|disabled and GET /api/channel/update_balance answer at once, with
 * the job's number as data. The job goes on without a browser; anybody who may see channels may
 * see how far it is, from any process, and stop it (store/job.h, runner.h).
 */
#include <inttypes.h>

#include "access.h"
#include "admin.h"
#include "audit.h"
#include "base/err.h"
#include "base/json.h"
#include "body.h"
#include "job_start.h"
#include "message.h"
#include "reply.h"
#include "routes.h"
#include "runner.h"

static bool start(struct req *r, const char *kind, struct str scope, struct resp *out,
    struct err *err)
{
	struct job j = {
		.kind = str_c(kind),
		.scope = scope,
		.origin = STR("person"),
		.user_id = access_actor(r)->user.id,
	};
	struct buf *b;
	bool started;

	if (!job_start_for(db_of(r), &j, &started, err))
		return false;
	if (!started)
		return message_fail(r, err, MSG_C01);
	runner_wake(admin_of(r)->runner);
	audit_note(r,
	    arena_fmt(r->arena, "started job %" PRId64 ": %s of %" PRId64 " channels", j.id, kind,
	        j.total));
	b = reply_open(out);
	buf_addf(b, "{\"job\":%" PRId64 ",\"total\":%" PRId64 "}", j.id, j.total);
	return reply_close(out);
}

static bool test_all(struct req *r, struct resp *out, struct err *err)
{
	struct str scope = req_query(r, "scope");

	if (scope.n == 0)
		scope = STR("all");
	if (!str_eq_c(scope, "all") && !str_eq_c(scope, "disabled"))
		return message_fail(r, err, MSG_E01);
	return start(r, JOB_TEST, scope, out, err);
}

static bool update_all_balances(struct req *r, struct resp *out, struct err *err)
{
	return start(r, JOB_BALANCE, STR("all"), out, err);
}

/* ---- looking and stopping --------------------------------------------------------------------- */

static bool list(struct req *r, struct resp *out, struct err *err)
{
	struct page page = reply_page(r);
	struct job_list jobs;

	return job_page(db_of(r), r->arena, page.offset, page.limit, &jobs, err) &&
	    reply_list(out, job_fields, jobs.items, jobs.count, sizeof *jobs.items);
}

/* The job, and a page of its items. */
static bool get(struct req *r, struct resp *out, struct err *err)
{
	struct page page = reply_page(r);
	struct job_item_list items;
	struct job job;
	struct buf *b;
	int64_t id;

	if (!body_path_id(r, &id, err) || !job_by_id(db_of(r), r->arena, id, &job, err) ||
	    !job_items(db_of(r), r->arena, id, page.offset, page.limit, &items, err))
		return false;
	b = reply_open(out);
	field_write(job_fields, &job, b);
	b->len--; /* its } */
	json_add_name(b, "items");
	buf_add_char(b, '[');
	for (size_t i = 0; i < items.count; i++) {
		json_add_comma(b);
		field_write(job_item_fields, &items.items[i], b);
	}
	buf_add(b, STR("]}"));
	return reply_close(out);
}

static bool stop(struct req *r, struct resp *out, struct err *err)
{
	int64_t id;

	if (!body_path_id(r, &id, err) || !job_ask_stop(db_of(r), id, err))
		return false;
	runner_wake(admin_of(r)->runner);
	audit_note(r, arena_fmt(r->arena, "stopped job %" PRId64, id));
	return reply_ok(out);
}

const struct route job_routes[] = {
	{ "GET", "/api/channel/test", ROLE_ADMIN, ROUTE_CHANGES, test_all, NULL },
	{ "GET", "/api/channel/update_balance", ROLE_ADMIN, ROUTE_CHANGES, update_all_balances,
	    NULL },
	{ "GET", "/api/job", ROLE_ADMIN, 0, list, NULL },
	{ "GET", "/api/job/:id", ROLE_ADMIN, 0, get, NULL },
	{ "POST", "/api/job/:id/stop", ROLE_ADMIN, 0, stop, NULL },
	{ 0 },
};
