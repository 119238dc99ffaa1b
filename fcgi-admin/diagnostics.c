/* diagnostics.c — /api/diag: facts about this installation, and what is wrong with it
 *
 *	GET  /api/diag         versions, process, database, disk, time, checks (checks.h)
 *	GET  /api/diag/stream  five events, 200 ms apart: do they arrive like that?
 *	POST /api/diag/body    how many bytes of a body arrived: does the web server let it through?
 *
 * Addresses and secrets of others are in none of it; a report may be shown to strangers.
 */
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <curl/curl.h>

#include "access.h"
#include "admin.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"
#include "base/mapping.h"
#include "checks.h"
#include "net/server.h"
#include "reply.h"
#include "routes.h"

#define STREAM_EVENTS 5
#define STREAM_PAUSE_MS 200

/* ---- facts ------------------------------------------------------------------------------------ */

static void add_int(struct buf *b, const char *name, int64_t n)
{
	json_add_name(b, name);
	buf_add_int(b, n);
}

static void add_text(struct buf *b, const char *name, const char *text)
{
	json_add_name(b, name);
	json_add_str(b, str_c(text));
}

static void add_versions(struct buf *b)
{
	json_add_name(b, "versions");
	buf_add_char(b, '{');
	add_text(b, "program", runtime_version());
	add_text(b, "sqlite", sqlite3_libversion());
	add_text(b, "curl", curl_version_info(CURLVERSION_NOW)->version);
	add_text(b, "tls", curl_version_info(CURLVERSION_NOW)->ssl_version);
	buf_add_char(b, '}');
}

static int live_processes(const struct mapping *shared)
{
	int n = 0;

	for (int i = 0; shared && i < MAPPING_PROCESSES; i++)
		n += mapping_slot_alive(shared, i);
	return n;
}

static void add_process(const struct req *r, struct buf *b)
{
	const struct admin *admin = admin_of(r);

	json_add_name(b, "process");
	buf_add_char(b, '{');
	add_text(b, "node", admin->rt.node);
	add_int(b, "pid", getpid());
	add_int(b, "started_at", admin->rt.started_at);
	add_int(b, "sharing", live_processes(admin->shared));
	buf_add_char(b, '}');
}

static int64_t size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? (int64_t)st.st_size : 0;
}

static bool add_database(struct req *r, struct buf *b, struct err *err)
{
	static const char schema_sql[] = "SELECT MAX(number) FROM schema_version";
	static const char newest_sql[] = "SELECT COALESCE(MAX(id), 0) FROM logs";
	static const char oldest_sql[] = "SELECT COALESCE(MIN(created_at), 0) FROM logs";
	static const char held_sql[] = "SELECT COUNT(*) FROM reservations";
	static const char *const engines[] = { "SQLite", "PostgreSQL", "MySQL" };
	const char *dir = admin_of(r)->rt.data_dir;
	int64_t schema, newest, oldest, held;

	if (!db_number(db_of(r), schema_sql, BIND_NONE, &schema, err) ||
	    !db_number(db_of(r), newest_sql, BIND_NONE, &newest, err) ||
	    !db_number(db_of(r), oldest_sql, BIND_NONE, &oldest, err) ||
	    !db_number(db_of(r), held_sql, BIND_NONE, &held, err))
		return false;
	json_add_name(b, "database");
	buf_add_char(b, '{');
	add_text(b, "engine", engines[db_engine(db_of(r))]);
	add_int(b, "schema", schema);
	add_int(b, "bytes", size_of(arena_fmt(r->arena, "%s/oneapi.db", dir)));
	add_int(b, "wal_bytes", size_of(arena_fmt(r->arena, "%s/oneapi.db-wal", dir)));
	add_int(b, "newest_log_id", newest);
	add_int(b, "oldest_log_at", oldest);
	add_int(b, "reservations", held);
	buf_add_char(b, '}');
	return true;
}

static void add_disk(const struct req *r, struct buf *b)
{
	struct statvfs fs;
	int64_t block;

	if (statvfs(admin_of(r)->rt.data_dir, &fs) != 0)
		return;
	block = (int64_t)fs.f_frsize;
	json_add_name(b, "disk");
	buf_add_char(b, '{');
	add_int(b, "free_bytes", (int64_t)fs.f_bavail * block);
	add_int(b, "total_bytes", (int64_t)fs.f_blocks * block);
	buf_add_char(b, '}');
}

/* What the web server told us of this request. */
static void add_request(const struct req *r, struct buf *b)
{
	json_add_name(b, "request");
	buf_add_char(b, '{');
	json_add_name(b, "https");
	json_add_bool(b, r->https);
	json_add_name(b, "host");
	json_add_str(b, r->host);
	json_add_name(b, "address");
	json_add_str(b, r->remote_addr);
	json_add_name(b, "forwarded");
	json_add_bool(b, req_header(r, "x-forwarded-for").n > 0);
	if (admin_of(r)->rt.conf)
		add_int(b, "max_body_bytes", conf_int(admin_of(r)->rt.conf, "MAX_BODY_BYTES"));
	buf_add_char(b, '}');
}

static bool get_diag(struct req *r, struct resp *out, struct err *err)
{
	struct buf *b = reply_open(out);

	buf_add_char(b, '{');
	add_int(b, "time_ms", clock_unix_ms());
	add_versions(b);
	add_process(r, b);
	if (!add_database(r, b, err))
		return false;
	add_disk(r, b);
	add_request(r, b);
	json_add_name(b, "checks");
	checks_add(r, b);
	buf_add_char(b, '}');
	return reply_close(out);
}

static bool count_body(struct req *r, struct resp *out, struct err *err)
{
	return reply_int(out, (int64_t)r->body.n);
}

/* ---- events ----------------------------------------------------------------------------------- */

struct ticker {
	struct task task;
	struct timer timer;
	struct req *r;
	int sent;
};

static struct ticker *ticker_of(const struct req *r)
{
	return access_actor(r)->job;
}

static void stop(struct ticker *t)
{
	timer_clear(reply_wire(t->r), &t->timer);
	reply_end(t->r);
}

static void tick(struct ticker *t)
{
	char event[96];
	int n = snprintf(event, sizeof event, "data: {\"n\":%d,\"time_ms\":%" PRId64 "}\n\n",
	    ++t->sent, clock_unix_ms());

	reply_write(t->r, (struct str){ event, (size_t)n });
	reply_flush(t->r);
	if (t->sent == STREAM_EVENTS)
		stop(t);
	else
		timer_set(reply_wire(t->r), &t->timer, STREAM_PAUSE_MS);
}

static void on_timer(struct timer *timer)
{
	tick((struct ticker *)(void *)((char *)timer - offsetof(struct ticker, timer)));
}

static void on_drain(struct req *r)
{
}

static void on_gone(struct req *r)
{
	stop(ticker_of(r));
}

static void begin(struct task *task, void *room)
{
	static const struct reply_events events = { on_drain, on_gone };
	struct ticker *t = (struct ticker *)(void *)task;
	struct headers headers;

	headers_init(&headers, t->r->arena);
	headers_add_c(&headers, "Content-Type", "text/event-stream");
	headers_add_c(&headers, "Cache-Control", "no-store");
	headers_add_c(&headers, "X-Accel-Buffering", "no");
	reply_watch(t->r, &events);
	reply_start(t->r, 200, &headers);
	tick(t);
}

static bool stream(struct req *r, struct resp *out, struct err *err)
{
	struct ticker *t = ARENA_NEW(r->arena, struct ticker);

	t->task.run = begin;
	t->timer.fn = on_timer;
	t->r = r;
	access_actor(r)->job = t;
	req_defer(r);
	wire_send(reply_wire(r), &t->task);
	return true;
}

const struct route diagnostics_routes[] = {
	{ "GET", "/api/diag", ROLE_ADMIN, 0, get_diag, NULL },
	{ "GET", "/api/diag/stream", ROLE_ADMIN, 0, stream, NULL },
	{ "POST", "/api/diag/body", ROLE_ADMIN, ROUTE_LARGE, count_body, NULL },
	{ 0 },
};
