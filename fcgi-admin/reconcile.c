#include "reconcile.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/err.h"
#include "store/usage.h"

#define MARK "(SELECT log_id FROM usage_mark WHERE id = 1)"

/* What the log says of each id in that column. */
#define CHARGED(column)                                                                            \
	"(SELECT id, SUM(q) AS quota FROM (SELECT " column " AS id, SUM(quota) AS q "              \
	"FROM usage_hours GROUP BY " column " UNION ALL SELECT " column ", SUM(quota) FROM logs "  \
	"WHERE id > " MARK " AND type = 2 GROUP BY " column ") AS parts GROUP BY id)"
#define HELD(column)                                                                               \
	"(SELECT " column " AS id, SUM(amount) AS quota FROM reservations GROUP BY " column ")"

/* id, name, granted, left, reserved, used, of which before the log, in the log. */
static const char users_sql[] =
    "SELECT u.id, u.username, u.granted, u.quota, COALESCE(h.quota, 0), u.used_quota, "
    "u.used_before, COALESCE(c.quota, 0) FROM users u "
    "LEFT JOIN " HELD("user_id") " AS h ON h.id = u.id "
                                 "LEFT JOIN " CHARGED(
                                     "user_id") " AS c ON c.id = u.id "
                                                "WHERE u.granted - u.quota - COALESCE(h.quota, 0) "
                                                "<> u.used_quota "
                                                "OR u.used_quota - u.used_before <> "
                                                "COALESCE(c.quota, 0) ORDER BY u.id";
/* Of an unlimited key only what it used counts. */
static const char keys_sql[] =
    "SELECT t.id, t.name, "
    "CASE t.unlimited_quota WHEN 0 THEN t.granted ELSE t.used_quota END, "
    "CASE t.unlimited_quota WHEN 0 THEN t.remain_quota ELSE 0 END, "
    "CASE t.unlimited_quota WHEN 0 THEN COALESCE(h.quota, 0) ELSE 0 END, t.used_quota, "
    "t.used_before, COALESCE(c.quota, 0) FROM tokens t "
    "LEFT JOIN " HELD("token_id") " AS h ON h.id = t.id "
                                  "LEFT JOIN " CHARGED(
                                      "token_id") " AS c ON c.id = t.id "
                                                  "WHERE (t.unlimited_quota = 0 "
                                                  "AND t.granted - t.remain_quota - "
                                                  "COALESCE(h.quota, 0) <> t.used_quota) "
                                                  "OR t.used_quota - t.used_before <> "
                                                  "COALESCE(c.quota, 0) ORDER BY t.id";
static const char channels_sql[] =
    "SELECT n.id, n.name, n.used_quota, 0, 0, n.used_quota, n.used_before, "
    "COALESCE(c.quota, 0) FROM channels n "
    "LEFT JOIN " CHARGED(
        "channel_id") " AS c ON c.id = n.id "
                      "WHERE n.used_quota - n.used_before <> COALESCE(c.quota, 0) ORDER BY n.id";

struct report {
	reconcile_line *line;
	void *arg;
	struct reconcile_report *out;
};

static void say_balance(const struct report *r, const char *kind, const struct rows *rows)
{
	int64_t granted = rows_int(rows, 2), left = rows_int(rows, 3), held = rows_int(rows, 4);
	int64_t used = rows_int(rows, 5), before = rows_int(rows, 6), logged = rows_int(rows, 7);
	struct str name = rows_text(rows, 1);
	char text[512];

	if (granted - left - held != used) {
		snprintf(text, sizeof text,
		    "%s %" PRId64 " (%.*s): granted %" PRId64 " - left %" PRId64
		    " - reserved %" PRId64 " = %" PRId64 ", but %" PRId64
		    " was charged (difference %" PRId64 ")",
		    kind, rows_int(rows, 0), STR_ARG(str_slice(name, 0, 64)), granted, left, held,
		    granted - left - held, used, granted - left - held - used);
		r->line(text, r->arg);
		r->out->wrong++;
	}
	if (used - before != logged) {
		snprintf(text, sizeof text,
		    "%s %" PRId64 " (%.*s): charged %" PRId64 ", but the log has %" PRId64
		    " (difference %" PRId64 ")",
		    kind, rows_int(rows, 0), STR_ARG(str_slice(name, 0, 64)), used - before, logged,
		    used - before - logged);
		r->line(text, r->arg);
		r->out->wrong++;
	}
}

static bool compare(struct db *db, const char *sql, const char *kind, const struct report *r,
    struct err *err)
{
	struct rows rows;

	if (!db_query(db, sql, BIND_NONE, &rows, err))
		return false;
	while (rows_next(&rows))
		say_balance(r, kind, &rows);
	return rows_close(&rows, err);
}

/* ---- hours ------------------------------------------------------------------------------------*/

/* The first hour of which the log still has every row. */
static bool first_whole_hour(struct db *db, int64_t *hour, struct err *err)
{
	if (!usage_cleaned_before(db, hour, err))
		return false;
	*hour += (USAGE_HOUR_S - *hour % USAGE_HOUR_S) % USAGE_HOUR_S;
	return true;
}

static bool compare_hours(struct db *db, const struct report *r, struct err *err)
{
	static const char sql[] =
	    "SELECT hour, user_id, model_name, SUM(q) FROM ("
	    "SELECT hour, user_id, token_id, channel_id, model_name, quota - unlogged_quota AS q "
	    "FROM usage_hours WHERE hour >= ? UNION ALL "
	    "SELECT created_at - created_at % 3600, user_id, token_id, channel_id, model_name, "
	    "-quota FROM logs WHERE type = 2 AND id <= " MARK " AND created_at >= ?) AS parts "
	    "GROUP BY hour, user_id, token_id, channel_id, model_name HAVING SUM(q) <> 0";
	struct rows rows;
	int64_t first;

	if (!first_whole_hour(db, &first, err) ||
	    !db_query(db, sql, BIND(v_int(first), v_int(first)), &rows, err))
		return false;
	while (rows_next(&rows)) {
		char text[256];

		snprintf(text, sizeof text,
		    "hour %" PRId64 ", user %" PRId64 ", model %.*s: the sum differs from the log "
		    "by %" PRId64,
		    rows_int(&rows, 0), rows_int(&rows, 1),
		    STR_ARG(str_slice(rows_text(&rows, 2), 0, 100)), rows_int(&rows, 3));
		r->line(text, r->arg);
		r->out->wrong++;
		r->out->wrong_hours++;
	}
	return rows_close(&rows, err);
}

bool reconcile(struct db *db, reconcile_line *line, void *arg, struct reconcile_report *out,
    struct err *err)
{
	static const char count_users_sql[] = "SELECT COUNT(*) FROM users";
	static const char count_keys_sql[] = "SELECT COUNT(*) FROM tokens";
	static const char count_channels_sql[] = "SELECT COUNT(*) FROM channels";
	const struct report r = { line, arg, out };

	*out = (struct reconcile_report){ 0 };
	return db_number(db, count_users_sql, BIND_NONE, &out->users, err) &&
	    db_number(db, count_keys_sql, BIND_NONE, &out->keys, err) &&
	    db_number(db, count_channels_sql, BIND_NONE, &out->channels, err) &&
	    compare(db, users_sql, "user", &r, err) && compare(db, keys_sql, "key", &r, err) &&
	    compare(db, channels_sql, "channel", &r, err) && compare_hours(db, &r, err);
}

/* ---- making hours anew ------------------------------------------------------------------------*/

/* What has no log row cannot be made anew and stays. */
static bool rebuild_between(struct db *db, int64_t from, int64_t to, struct err *err)
{
	static const char delete_sql[] =
	    "DELETE FROM usage_hours WHERE hour >= ? AND hour < ? AND unlogged_quota = 0 "
	    "AND unlogged_requests = 0";
	static const char insert_sql[] =
	    "INSERT INTO usage_hours (user_id, hour, token_id, channel_id, model_name, requests, "
	    "quota, prompt_tokens, completion_tokens, cached_tokens, elapsed_ms) "
	    "SELECT user_id, created_at - created_at % 3600, token_id, channel_id, model_name, "
	    "COUNT(*), SUM(quota), SUM(prompt_tokens), SUM(completion_tokens), "
	    "SUM(cached_tokens), SUM(elapsed_time) FROM logs "
	    "WHERE created_at >= ? AND created_at < ? AND type = 2 AND id <= " MARK " "
	    "GROUP BY user_id, created_at - created_at % 3600, token_id, channel_id, model_name "
	    "ON CONFLICT (user_id, hour, token_id, channel_id, model_name) DO NOTHING";

	return db_run(db, delete_sql, BIND(v_int(from), v_int(to)), NULL, err) &&
	    db_run(db, insert_sql, BIND(v_int(from), v_int(to)), NULL, err);
}

bool reconcile_rebuild(struct db *db, struct err *err)
{
	static const char first_sql[] =
	    "SELECT COALESCE(MIN(at), 0) FROM (SELECT MIN(hour) AS at FROM usage_hours "
	    "UNION ALL SELECT MIN(created_at) FROM logs) AS both_of_them";
	static const char last_sql[] =
	    "SELECT COALESCE(MAX(at), 0) FROM (SELECT MAX(hour) AS at FROM usage_hours "
	    "UNION ALL SELECT MAX(created_at) FROM logs) AS both_of_them";
	int64_t at, oldest, last;

	if (!usage_catch_up(db, err) || !first_whole_hour(db, &at, err) ||
	    !db_number(db, first_sql, BIND_NONE, &oldest, err) ||
	    !db_number(db, last_sql, BIND_NONE, &last, err))
		return false;
	if (oldest - oldest % USAGE_HOUR_S > at)
		at = oldest - oldest % USAGE_HOUR_S;
	for (; at <= last; at += USAGE_DAY_S) {
		if (!db_begin(db, err))
			return false;
		if (!rebuild_between(db, at, at + USAGE_DAY_S, err)) {
			db_rollback(db);
			return false;
		}
		if (!db_commit(db, err))
			return false;
	}
	return true;
}
