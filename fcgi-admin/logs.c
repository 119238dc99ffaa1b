/* logs.c — /api/log: what was consumed, topped up, managed and tested */
#include <inttypes.h>

#include "access.h"
#include "admin.h"
#include "audit.h"
#include "base/err.h"
#include "message.h"
#include "objects.h"
#include "reply.h"
#include "routes.h"

#define LOG_SEARCH_MAX 100

static struct log_filter filter_of(const struct req *r)
{
	int64_t type = req_query_int(r, "type", 0);

	return (struct log_filter){
		.type = type > 0 && type <= INT32_MAX ? (int)type : LOG_TYPE_ALL,
		.username = req_query(r, "username"),
		.token_name = req_query(r, "token_name"),
		.model_name = req_query(r, "model_name"),
		.channel = req_query_int(r, "channel", 0),
		.from = req_query_int(r, "start_timestamp", 0),
		.to = req_query_int(r, "end_timestamp", 0),
	};
}

/* Own rows only, by id: a name may have belonged to somebody else. */
static struct log_filter own_filter(const struct req *r)
{
	struct log_filter f = filter_of(r);

	f.user_id = access_actor(r)->user.id;
	f.username = (struct str){ 0 };
	f.channel = 0;
	return f;
}

static bool send(struct resp *out, const struct log_list *rows)
{
	return reply_list(out, log_wire, rows->items, rows->count, sizeof *rows->items);
}

/* Which channel served a request is the administrators' business. */
static void hide_channels(const struct req *r, struct log_list *rows)
{
	if (access_actor(r)->user.role >= ROLE_ADMIN)
		return;
	for (size_t i = 0; i < rows->count; i++)
		rows->items[i].channel = 0;
}

static bool list(struct req *r, struct resp *out, struct err *err)
{
	struct log_filter f = filter_of(r);
	struct page page = reply_page(r);
	struct log_list rows;

	return logrow_page(db_of(r), r->arena, &f, page.offset, page.limit, &rows, err) &&
	    send(out, &rows);
}

static bool list_own(struct req *r, struct resp *out, struct err *err)
{
	struct log_filter f = own_filter(r);
	struct page page = reply_page(r);
	struct log_list rows;

	if (!logrow_page(db_of(r), r->arena, &f, page.offset, page.limit, &rows, err))
		return false;
	hide_channels(r, &rows);
	return send(out, &rows);
}

static bool search(struct req *r, struct resp *out, struct err *err)
{
	struct log_list rows;

	return logrow_search(db_of(r), r->arena, req_query(r, "keyword"), 0, LOG_SEARCH_MAX, &rows,
	           err) &&
	    send(out, &rows);
}

static bool search_own(struct req *r, struct resp *out, struct err *err)
{
	struct log_list rows;

	if (!logrow_search(db_of(r), r->arena, req_query(r, "keyword"), access_actor(r)->user.id,
	        LOG_SEARCH_MAX, &rows, err))
		return false;
	hide_channels(r, &rows);
	return send(out, &rows);
}

static bool send_sum(struct req *r, const struct log_filter *f, struct resp *out, struct err *err)
{
	int64_t quota;

	if (!logrow_sum(db_of(r), f, &quota, err))
		return false;
	buf_addf(reply_open(out), "{\"quota\":%" PRId64 "}", quota);
	return reply_close(out);
}

static bool sum(struct req *r, struct resp *out, struct err *err)
{
	struct log_filter f = filter_of(r);

	return send_sum(r, &f, out, err);
}

static bool sum_own(struct req *r, struct resp *out, struct err *err)
{
	struct log_filter f = own_filter(r);

	return send_sum(r, &f, out, err);
}

static bool delete_before(struct req *r, struct resp *out, struct err *err)
{
	int64_t before = req_query_int(r, "target_timestamp", 0), count;

	if (before <= 0)
		return message_fail(r, err, MSG_L01);
	if (!logrow_delete_before(db_of(r), before, &count, err))
		return false;
	audit_note(r,
	    arena_fmt(r->arena, "deleted %" PRId64 " log rows before %" PRId64, count, before));
	log_info(&r->log, "log.deleted", LOG_INT("rows", count), LOG_INT("before", before));
	return reply_int(out, count);
}

const struct route log_routes[] = {
	{ "GET", "/api/log", ROLE_ADMIN, 0, list, NULL },
	{ "DELETE", "/api/log", ROLE_ADMIN, 0, delete_before, NULL },
	{ "GET", "/api/log/stat", ROLE_ADMIN, 0, sum, NULL },
	{ "GET", "/api/log/search", ROLE_ADMIN, 0, search, NULL },
	{ "GET", "/api/log/self", ROLE_USER, 0, list_own, NULL },
	{ "GET", "/api/log/self/stat", ROLE_USER, 0, sum_own, NULL },
	{ "GET", "/api/log/self/search", ROLE_USER, 0, search_own, NULL },
	{ 0 },
};
