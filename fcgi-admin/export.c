/* export.c — /api/log/export: the filtered log as CSV, streamed
 *
 * A worker reads some rows into a buffer, the wire writes them; when the web server has taken enough
 * of them the next worker goes on behind the last row. So it costs the same memory however long the
 * log is, holds no transaction, and a client that stops reading stops the reading. Each piece is of
 * the moment when it was read; rows that come in meanwhile are newer than the first one and do not
 * appear.
 */
#include <stdio.h>
#include <time.h>

#include "access.h"
#include "admin.h"
#include "base/err.h"
#include "csv.h"
#include "logfilter.h"
#include "message.h"
#include "net/server.h"
#include "routes.h"

#define ROWS_AT_ONCE 500
#define CHUNK_MAX ((size_t)8 * 1024 * 1024)
/* Until a worker is asked for again when all are busy. */
#define RETRY_MS 20

struct export
{
	struct task task;
	struct timer retry;
	struct req *r;
	struct log_filter filter;
	struct buf chunk;
	bool hide; /* which channel served */
	bool started, last;
	bool waiting; /* for the web server, or for a worker: nobody else has it */
	bool failed;
};

static struct export *export_of(const struct req *r)
{
	return access_actor(r)->job;
}

/* ---- rows ------------------------------------------------------------------------------------- */

static const char head[] = CSV_BEGIN
    "id,time,type,user,key,model,asked_model,channel,in,cached,out,ms,first_ms,stream,units,"
    "status,finish,request,text\r\n";

static struct str type_name(int type)
{
	static const char *const names[] = { "", "topup", "usage", "admin", "system", "test",
		"error" };

	return str_c(type > 0 && (size_t)type < COUNT_OF(names) ? names[type] : "");
}

static void add_time(struct buf *b, int64_t at)
{
	time_t t = (time_t)at;
	char text[40] = "";
	struct tm tm;

	if (gmtime_r(&t, &tm))
		strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm);
	csv_text(b, str_c(text));
}

static void add_row(struct buf *b, const struct logrow *row)
{
	csv_int(b, row->id);
	add_time(b, row->created_at);
	csv_text(b, type_name(row->type));
	csv_text(b, row->username);
	csv_text(b, row->token_name);
	csv_text(b, row->model_name);
	csv_text(b, row->origin_model);
	csv_int(b, row->channel);
	csv_int(b, row->prompt_tokens);
	csv_int(b, row->cached_tokens);
	csv_int(b, row->completion_tokens);
	csv_int(b, row->elapsed_time);
	csv_int(b, row->first_byte_ms);
	csv_int(b, row->is_stream);
	csv_int(b, row->quota);
	csv_int(b, row->upstream_status);
	csv_text(b, str_c(row->type == LOG_TYPE_CONSUME ? logfilter_finish(row->finish) : ""));
	csv_text(b, row->request_id);
	csv_text(b, row->content);
	csv_end(b);
}

/* On a worker. */
static bool read_some(struct export *x, struct db *db, struct err *err)
{
	struct arena *a = arena_new(64 * 1024);
	struct log_list rows;

	if (!logrow_page(db, a, &x->filter, 0, ROWS_AT_ONCE, &rows, err)) {
		arena_free(a);
		return false;
	}
	for (size_t i = 0; i < rows.count; i++) {
		if (x->hide)
			rows.items[i].channel = 0;
		add_row(&x->chunk, &rows.items[i]);
	}
	x->last = rows.count < ROWS_AT_ONCE || !buf_ok(&x->chunk);
	if (rows.count) {
		x->filter.after_id = rows.items[rows.count - 1].id;
		x->filter.after_time = rows.items[rows.count - 1].created_at;
	}
	arena_free(a);
	return true;
}

/* ---- between wire and workers ----------------------------------------------------------------- */

static void on_wire(struct task *task, void *room);

static void on_worker(struct task *task, void *room)
{
	struct export *x = (struct export *)(void *)task;
	struct err err = { 0 };

	if (!read_some(x, worker_local(room), &err)) {
		log_warn(&x->r->log, "export.failed", LOG_ERR(&err));
		x->failed = true;
	}
	x->task.run = on_wire;
	wire_send(reply_wire(x->r), &x->task);
}

static void end(struct export *x)
{
	struct req *r = x->r;

	timer_clear(reply_wire(r), &x->retry);
	buf_release(&x->chunk);
	if (x->failed)
		reply_abort(r);
	else
		reply_end(r);
}

static void go_on(struct export *x)
{
	x->waiting = false;
	x->task.run = on_worker;
	if (server_try_defer(x->r->server, &x->task))
		return;
	x->waiting = true;
	timer_set(reply_wire(x->r), &x->retry, RETRY_MS);
}

static void on_retry(struct timer *t)
{
	go_on((struct export *)(void *)((char *)t - offsetof(struct export, retry)));
}

static void on_drain(struct req *r)
{
	struct export *x = export_of(r);

	if (x->waiting && !timer_is_set(&x->retry))
		go_on(x);
}

/* Whoever has it now sees it when it comes back. */
static void on_gone(struct req *r)
{
	struct export *x = export_of(r);

	if (x->waiting)
		end(x);
}

static const struct reply_events events = { on_drain, on_gone };

static void start(struct export *x)
{
	struct headers headers;

	headers_init(&headers, x->r->arena);
	headers_add_c(&headers, "Content-Type", "text/csv; charset=utf-8");
	headers_add_c(&headers, "Content-Disposition", "attachment; filename=\"log.csv\"");
	headers_add_c(&headers, "Cache-Control", "no-store");
	headers_add_c(&headers, "X-Accel-Buffering", "no");
	headers_add_c(&headers, "X-Content-Type-Options", "nosniff");
	reply_watch(x->r, &events);
	reply_start(x->r, 200, &headers);
	x->started = true;
}

static void on_wire(struct task *task, void *room)
{
	struct export *x = (struct export *)(void *)task;

	if (!x->started)
		start(x);
	if (reply_gone(x->r) || x->failed) {
		end(x);
		return;
	}
	reply_write(x->r, buf_str(&x->chunk));
	reply_flush(x->r);
	buf_clear(&x->chunk);
	if (x->last)
		end(x);
	else if (reply_backlog(x->r) > REPLY_HIGH_WATER)
		x->waiting = true;
	else
		go_on(x);
}

/* ---- the request ------------------------------------------------------------------------------ */

static bool begin(struct req *r, struct log_filter f, bool hide, struct err *err)
{
	struct export *x = ARENA_NEW(r->arena, struct export);
	struct str format = req_query(r, "format");

	if (format.n && !str_eq_c(format, "csv"))
		return message_fail_member(r, err, "format");
	x->r = r;
	x->filter = f;
	x->hide = hide;
	x->chunk = buf_init(CHUNK_MAX);
	x->retry.fn = on_retry;
	buf_add_c(&x->chunk, head);
	if (!read_some(x, db_of(r), err)) {
		buf_release(&x->chunk);
		return false;
	}
	access_actor(r)->job = x;
	x->task.run = on_wire;
	req_defer(r);
	wire_send(reply_wire(r), &x->task);
	return true;
}

/* One address for everybody, as the pages have it: users get their own rows. */
static bool export_any(struct req *r, struct resp *out, struct err *err)
{
	bool own = access_actor(r)->user.role < ROLE_ADMIN;

	return begin(r, own ? logfilter_own(r) : logfilter_any(r), own, err);
}

static bool export_own(struct req *r, struct resp *out, struct err *err)
{
	return begin(r, logfilter_own(r), access_actor(r)->user.role < ROLE_ADMIN, err);
}

const struct route export_routes[] = {
	{ "GET", "/api/log/export", ROLE_USER, 0, export_any, NULL },
	{ "GET", "/api/log/self/export", ROLE_USER, 0, export_own, NULL },
	{ 0 },
};
