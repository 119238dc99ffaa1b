/* dashboard.c — /api/user/dashboard: what was consumed over time
 *
 * Without parameters it is what old clients know: the caller's last seven UTC days by model. With
 * any of start, end, step, by, scope and tz it is a range of hours or days, of the caller or of the
 * site, by model, key, channel or user. start is inclusive, end exclusive; days are those of tz, and
 * begin with the full hour in zones whose offset has half ones.
 */
#include <time.h>

#include "access.h"
#include "admin.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"
#include "base/zone.h"
#include "message.h"
#include "reply.h"
#include "routes.h"
#include "store/usage.h"

#define HOURS_MAX (31 * 24)
#define DAYS_MAX 400
/* A log so far ahead of the hourly sums is added up a little before it is read: that is the case
 * where no process stays to do it (plain CGI). */
#define CATCH_UP_STEPS 20

struct range {
	struct usage_query query; /* of one run */
	int64_t from, to;
	bool hourly, asked; /* asked: the request names a range */
	struct zone *zone;
};

/* Slots of equal length that follow each other, of one query. */
struct run {
	int64_t from, to, step_s;
};

/* ---- what is asked ---------------------------------------------------------------------------- */

static bool read_by(const struct req *r, struct range *range, struct err *err)
{
	static const char *const names[USAGE_BY_COUNT] = {
		[USAGE_BY_MODEL] = "model",
		[USAGE_BY_KEY] = "key",
		[USAGE_BY_CHANNEL] = "channel",
		[USAGE_BY_USER] = "user",
	};
	struct str by = req_query(r, "by");
	size_t i = 0;

	if (by.n == 0)
		return true;
	while (i < COUNT_OF(names) && !str_eq_c(by, names[i]))
		i++;
	if (i == COUNT_OF(names))
		return message_fail_member(r, err, "by");
	range->query.by = (enum usage_by)i;
	return true;
}

/* Others' business, and which channel served, is the administrators'. */
static bool read_scope(const struct req *r, struct range *range, struct err *err)
{
	const struct user *who = &access_actor(r)->user;
	struct str scope = req_query(r, "scope");
	bool site = str_eq_c(scope, "site");

	if (scope.n && !site && !str_eq_c(scope, "me"))
		return message_fail_member(r, err, "scope");
	if (who->role < ROLE_ADMIN && (site || range->query.by == USAGE_BY_CHANNEL))
		return message_fail(r, err, MSG_A04);
	range->query.user_id = site ? 0 : who->id;
	return true;
}

static bool read_step(const struct req *r, struct range *range, struct err *err)
{
	struct str step = req_query(r, "step");

	range->hourly = str_eq_c(step, "hour");
	return range->hourly || step.n == 0 || str_eq_c(step, "day") ||
	    message_fail_member(r, err, "step");
}

static void put_zone(void *zone)
{
	zone_free(zone);
}

static bool read_zone(const struct req *r, struct range *range, struct err *err)
{
	struct err why = { 0 };

	if (!zone_read(req_query(r, "tz"), &range->zone, &why))
		return message_fail_member(r, err, "tz");
	arena_defer(r->arena, put_zone, range->zone);
	return true;
}

static bool read_times(const struct req *r, struct range *range, struct err *err)
{
	int64_t unit = range->hourly ? USAGE_HOUR_S : USAGE_DAY_S;
	int64_t most = range->hourly ? HOURS_MAX : DAYS_MAX;
	int64_t today = zone_start(range->zone, ZONE_DAY, clock_unix());

	range->to = req_query_int(r, "end", zone_next(range->zone, ZONE_DAY, today));
	range->from = req_query_int(r, "start", 0);
	if (range->from == 0)
		range->from = range->to - 7 * USAGE_DAY_S;
	if (range->to > INT32_MAX * INT64_C(16) || range->from < 0 || range->to <= range->from)
		return message_fail_member(r, err, "end");
	return (range->to - range->from) / unit <= most || message_fail_member(r, err, "start");
}

static bool read_range(const struct req *r, struct range *range, struct err *err)
{
	static const char *const names[] = { "start", "end", "step", "by", "scope", "tz" };

	for (size_t i = 0; i < COUNT_OF(names); i++)
		range->asked = range->asked || req_query(r, names[i]).n > 0;
	return read_by(r, range, err) && read_scope(r, range, err) && read_step(r, range, err) &&
	    read_zone(r, range, err) && read_times(r, range, err);
}

/* ---- rows ------------------------------------------------------------------------------------- */

/* "2025-02-21" or, hourly, "2025-02-21 14:00": the zone's time. */
static void add_day(struct buf *b, const struct range *range, int64_t at)
{
	time_t t = (time_t)(at + zone_offset(range->zone, at));
	struct tm tm;

	json_add_name(b, "Day");
	if (!gmtime_r(&t, &tm))
		tm = (struct tm){ 0 };
	buf_addf(b, "\"%04d-%02d-%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
	if (range->hourly)
		buf_addf(b, " %02d:%02d", tm.tm_hour, tm.tm_min);
	buf_add_char(b, '"');
}

static void add_int(struct buf *b, const char *name, int64_t n)
{
	json_add_name(b, name);
	buf_add_int(b, n);
}

static void add_row(struct buf *b, const struct range *range, int64_t at,
    const struct usage_row *row)
{
	json_add_comma(b);
	buf_add_char(b, '{');
	add_day(b, range, at);
	json_add_name(b, "ModelName");
	json_add_str(b, row->name);
	add_int(b, "RequestCount", row->requests);
	add_int(b, "Quota", row->quota);
	add_int(b, "PromptTokens", row->prompt_tokens);
	add_int(b, "CompletionTokens", row->completion_tokens);
	if (range->asked) {
		add_int(b, "CachedTokens", row->cached_tokens);
		add_int(b, "ElapsedMs", row->elapsed_ms);
		add_int(b, "Id", row->id);
	}
	buf_add_char(b, '}');
}

static bool add_run(struct req *r, struct range *range, const struct run *run, struct buf *b,
    struct err *err)
{
	struct arena_mark mark = arena_mark(r->arena);
	struct usage_list rows;

	range->query.from = run->from - run->from % USAGE_HOUR_S;
	range->query.to = run->to - run->to % USAGE_HOUR_S;
	range->query.step_s = run->step_s;
	if (!usage_read(db_of(r), r->arena, &range->query, &rows, err))
		return false;
	for (size_t i = 0; i < rows.count; i++)
		add_row(b, range, run->from + rows.items[i].slot * run->step_s, &rows.items[i]);
	arena_rewind(r->arena, mark);
	return true;
}

/* Days as long as each other make one run; when the clock is put forward or back there is a day
 * of another length. */
static bool add_days(struct req *r, struct range *range, struct buf *b, struct err *err)
{
	struct run run = { 0 };
	int64_t at = zone_start(range->zone, ZONE_DAY, range->from);

	while (at < range->to) {
		int64_t next = zone_next(range->zone, ZONE_DAY, at);

		if (run.step_s && next - at != run.step_s) {
			if (!add_run(r, range, &run, b, err))
				return false;
			run.step_s = 0;
		}
		if (run.step_s == 0)
			run = (struct run){ .from = at, .step_s = next - at };
		run.to = next;
		at = next;
	}
	return add_run(r, range, &run, b, err);
}

static bool add_rows(struct req *r, struct range *range, struct buf *b, struct err *err)
{
	if (range->hourly) {
		struct run run = { range->from - range->from % USAGE_HOUR_S,
			range->to + USAGE_HOUR_S - 1, USAGE_HOUR_S };

		return add_run(r, range, &run, b, err);
	}
	return add_days(r, range, b, err);
}

static bool catch_up_some(struct db *db, struct err *err)
{
	static const char sql[] = "SELECT COALESCE(MAX(id), 0) - "
	                          "(SELECT log_id FROM usage_mark WHERE id = 1) FROM logs";
	bool more = true;
	int64_t behind;

	if (!db_number(db, sql, BIND_NONE, &behind, err))
		return false;
	if (behind < CATCH_UP_STEPS * USAGE_STEP)
		return true;
	for (int i = 0; more && i < CATCH_UP_STEPS; i++) {
		if (!usage_step(db, &more, err))
			return false;
	}
	return true;
}

static bool get_dashboard(struct req *r, struct resp *out, struct err *err)
{
	struct range range = { .query.by = USAGE_BY_MODEL };
	struct err failed = { 0 };
	struct buf *b;

	if (!read_range(r, &range, err))
		return false;
	b = reply_open(out);
	buf_add_char(b, '[');
	if (!catch_up_some(db_of(r), &failed) || !add_rows(r, &range, b, &failed)) {
		log_error(&r->log, "dashboard.failed", LOG_ERR(&failed));
		return message_fail(r, err, MSG_U27);
	}
	buf_add_char(b, ']');
	return reply_close(out);
}

const struct route dashboard_routes[] = {
	{ "GET", "/api/user/dashboard", ROLE_USER, 0, get_dashboard, NULL },
	{ 0 },
};
