/* logs.c — /api/log: what was consumed, topped up, managed and tested */
#include <inttypes.h>

#include "access.h"
#include "admin.h"
#include "audit.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"
#include "logfilter.h"
#include "message.h"
#include "objects.h"
#include "pager.h"
#include "reply.h"
#include "routes.h"
#include "store/capture.h"
#include "store/logstats.h"

#define LOG_SEARCH_MAX 100
/* A total is exact up to here; beyond it, none is given. */
#define TOTAL_MAX 5000
/* So long a deletion is waited for; what is left goes on without the client. */
#define CLEAN_WAIT_MS 500
#define LIST_NAME_MAX ((size_t)64 * 1024)

/* ---- rows ------------------------------------------------------------------------------------- */

static void add_ratio(struct buf *b, const char *name, int64_t millionths)
{
	json_add_name(b, name);
	json_add_double(b, (double)millionths / 1e6);
}

/* Members that old clients do not know; only rows of requests have them. */
static void add_detail(struct buf *b, const struct logrow *row)
{
	json_add_name(b, "token_id");
	buf_add_int(b, row->token_id);
	json_add_name(b, "origin_model");
	json_add_str(b, row->origin_model);
	json_add_name(b, "upstream_model");
	json_add_str(b, row->model_name);
	json_add_name(b, "cached_tokens");
	buf_add_int(b, row->cached_tokens);
	json_add_name(b, "attempts");
	buf_add_int(b, row->attempts);
	json_add_name(b, "first_token_ms");
	buf_add_int(b, row->first_byte_ms);
	json_add_name(b, "http_status");
	buf_add_int(b, row->upstream_status);
	json_add_name(b, "finish");
	json_add_str(b, str_c(logfilter_finish(row->finish)));
	add_ratio(b, "model_ratio", row->model_ratio);
	add_ratio(b, "completion_ratio", row->completion_ratio);
	add_ratio(b, "group_ratio", row->group_ratio);
}

static void add_row(struct buf *b, const struct logrow *row)
{
	json_add_comma(b);
	field_write(log_wire, row, b);
	if (row->type != LOG_TYPE_CONSUME && row->type != LOG_TYPE_ERROR)
		return;
	buf_truncate(b, b->len - 1);
	add_detail(b, row);
	buf_add_char(b, '}');
}

/* total -1: unknown. */
static bool send(struct resp *out, const struct log_list *rows, int64_t total)
{
	struct buf *b = reply_open(out);

	buf_add_char(b, '[');
	for (size_t i = 0; i < rows->count; i++)
		add_row(b, &rows->items[i]);
	buf_add_char(b, ']');
	if (total >= 0)
		buf_addf(b, ",\"total\":%" PRId64, total);
	return reply_close(out);
}

/* ---- pages ------------------------------------------------------------------------------------ */

/* What tells this list from others: who asks, the route, and the query but for the page. */
static struct str list_name(const struct req *r)
{
	struct buf b = buf_init(LIST_NAME_MAX);
	struct str rest = r->query, item, name;

	buf_addf(&b, "%lld %s", (long long)access_actor(r)->user.id, r->route->path);
	while (str_next(&rest, '&', &item)) {
		if (!str_starts(item, STR("p=")))
			buf_addf(&b, "&%.*s", STR_ARG(item));
	}
	name = arena_str(r->arena, buf_str(&b));
	buf_release(&b);
	return name;
}

/* Counting costs, so only who asks for pages of a size gets a total. */
static bool count(const struct req *r, const struct log_filter *f, struct page page, size_t found,
    int64_t *total, struct err *err)
{
	*total = -1;
	if (req_query(r, "page_size").n == 0)
		return true;
	if ((int64_t)found < page.limit && (found > 0 || page.offset == 0)) {
		*total = page.offset + (int64_t)found;
		return true;
	}
	return logrow_count(db_of(r), f, TOTAL_MAX, total, err);
}

static bool read_page(struct req *r, struct log_filter f, struct log_list *rows, int64_t *total,
    struct err *err)
{
	struct pager *pager = admin_of(r)->pager;
	struct page page = reply_page(r);
	int64_t number = page.offset / page.limit, offset = page.offset;
	struct pager_place place = { 0 };
	struct str name = list_name(r);
	struct log_filter from = f;

	if (number > 0 && pager_find(pager, name, number, &place)) {
		from.after_id = place.after_id;
		from.after_time = place.after_time;
		offset = 0;
	}
	if (!logrow_page(db_of(r), r->arena, &from, offset, page.limit, rows, err) ||
	    !count(r, &f, page, rows->count, total, err))
		return false;
	if ((int64_t)rows->count == page.limit) {
		const struct logrow *last = &rows->items[rows->count - 1];

		pager_keep(pager, name, number + 1,
		    (struct pager_place){ last->id, last->created_at });
	}
	return true;
}

static bool list(struct req *r, struct resp *out, struct err *err)
{
	struct log_list rows;
	int64_t total;

	return read_page(r, logfilter_any(r), &rows, &total, err) && send(out, &rows, total);
}

static bool list_own(struct req *r, struct resp *out, struct err *err)
{
	struct log_list rows;
	int64_t total;

	if (!read_page(r, logfilter_own(r), &rows, &total, err))
		return false;
	logfilter_hide(r, &rows);
	return send(out, &rows, total);
}

static bool search(struct req *r, struct resp *out, struct err *err)
{
	struct log_list rows;

	return logrow_search(db_of(r), r->arena, req_query(r, "keyword"), 0, LOG_SEARCH_MAX, &rows,
	           err) &&
	    send(out, &rows, -1);
}

static bool search_own(struct req *r, struct resp *out, struct err *err)
{
	struct log_list rows;

	if (!logrow_search(db_of(r), r->arena, req_query(r, "keyword"), access_actor(r)->user.id,
	        LOG_SEARCH_MAX, &rows, err))
		return false;
	logfilter_hide(r, &rows);
	return send(out, &rows, -1);
}

/* ---- sums ------------------------------------------------------------------------------------- */

static bool send_sum(struct req *r, struct log_filter f, struct resp *out, struct err *err)
{
	struct log_sums sum;

	if (!log_sum(db_of(r), &f, &sum, err))
		return false;
	buf_addf(reply_open(out),
	    "{\"quota\":%" PRId64 ",\"requests\":%" PRId64 ",\"tokens\":%" PRId64 "}", sum.quota,
	    sum.requests, sum.tokens);
	return reply_close(out);
}

static bool sum(struct req *r, struct resp *out, struct err *err)
{
	return send_sum(r, logfilter_any(r), out, err);
}

static bool sum_own(struct req *r, struct resp *out, struct err *err)
{
	return send_sum(r, logfilter_own(r), out, err);
}

/* ---- clean-up --------------------------------------------------------------------------------- */

/* The number of rows that are gone when the reply is written; a large log goes on shrinking after it
 * (upkeep.h). */
static bool delete_before(struct req *r, struct resp *out, struct err *err)
{
	int64_t before = req_query_int(r, "target_timestamp", 0), id, n, gone = 0;
	int64_t until_ms = clock_mono_ms() + CLEAN_WAIT_MS;
	bool finished = false;

	if (access_actor(r)->user.role < ROLE_ROOT &&
	    option_bool(options_of(r), OPT_LOG_DELETE_ROOT_ONLY_ENABLED))
		return message_fail(r, err, MSG_A04);
	if (before <= 0)
		return message_fail(r, err, MSG_L01);
	if (!log_clean_begin(db_of(r), before, access_actor(r)->user.id, &id, err))
		return false;
	while (!finished && clock_mono_ms() < until_ms) {
		if (!log_clean_step(db_of(r), &id, &n, &finished, err))
			return false;
		gone += n;
		finished = finished || id == 0;
	}
	audit_note(r,
	    arena_fmt(r->arena, "deleted %" PRId64 " log rows before %" PRId64 "%s", gone, before,
	        finished ? "" : ", and goes on"));
	log_info(&r->log, "log.deleted", LOG_INT("rows", gone), LOG_INT("before", before),
	    LOG_INT("finished", finished));
	return reply_int(out, gone);
}

/* ---- bodies that were kept --------------------------------------------------------------------- */

static void add_body(struct buf *out, const char *name, struct str body, int64_t total)
{
	json_add_name(out, name);
	json_add_str(out, body);
	buf_addf(out, ",\"%s_total\":%" PRId64, name, total);
}

/* By the rank rule, as everything else of an account. */
static bool may_read(struct req *r, const struct capture *c, struct err *err)
{
	struct user owner;

	if (c->user_id == access_actor(r)->user.id)
		return true;
	if (!user_by_id(db_of(r), r->arena, c->user_id, &owner, err))
		return false;
	if (!access_outranks(r, &owner))
		return message_fail(r, err, MSG_U14);
	audit_note(r,
	    arena_fmt(r->arena, "read the bodies of request %.*s", STR_ARG(c->request_id)));
	return true;
}

/* Administrators see those of whom they outrank; others those of their own keys. */
static bool get_capture(struct req *r, struct resp *out, struct err *err)
{
	const struct user *who = &access_actor(r)->user;
	struct capture c;
	struct buf *to;

	if (!capture_find(db_of(r), r->arena, who->role >= ROLE_ADMIN ? 0 : who->id, r->params[0],
	        &c, err) ||
	    !may_read(r, &c, err))
		return false;
	to = reply_open(out);
	buf_add_c(to, "{\"request_id\":");
	json_add_str(to, c.request_id);
	buf_addf(to, ",\"user_id\":%" PRId64 ",\"token_id\":%" PRId64 ",\"created_at\":%" PRId64,
	    c.user_id, c.token_id, c.created_at);
	add_body(to, "request", c.request, c.request_total);
	add_body(to, "response", c.response, c.response_total);
	buf_add_char(to, '}');
	return reply_close(out);
}

const struct route log_routes[] = {
	{ "GET", "/api/log", ROLE_ADMIN, 0, list, NULL },
	{ "DELETE", "/api/log", ROLE_ADMIN, 0, delete_before, NULL },
	{ "GET", "/api/log/:request_id/capture", ROLE_USER, ROUTE_AUDITED, get_capture, NULL },
	{ "GET", "/api/log/stat", ROLE_ADMIN, 0, sum, NULL },
	{ "GET", "/api/log/search", ROLE_ADMIN, 0, search, NULL },
	{ "GET", "/api/log/self", ROLE_USER, 0, list_own, NULL },
	{ "GET", "/api/log/self/stat", ROLE_USER, 0, sum_own, NULL },
	{ "GET", "/api/log/self/search", ROLE_USER, 0, search_own, NULL },
	{ 0 },
};
