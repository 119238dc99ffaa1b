#include "store/logstats.h"

#include "base/clock.h"
#include "base/err.h"
#include "store/logblocks.h"
#include "store/usage.h"

/* ---- sums -------------------------------------------------------------------------------------*/

/* Row by row, each shape beginning at the index that its filter names. */
#define RAW "SELECT COALESCE(SUM(quota), 0), COUNT(*), " TOKENS " FROM logs WHERE "
#define TOKENS "COALESCE(SUM(prompt_tokens + completion_tokens), 0)"

static const char raw_user_sql[] = RAW "user_id = ? AND " LOG_REST;
static const char raw_sql[] = RAW "? = 0 AND " LOG_REST;

static bool read_sums(struct db *db, const char *sql, const struct value *v, size_t count,
    struct log_sums *out, struct err *err)
{
	struct rows rows;

	if (!db_query(db, sql, v, count, &rows, err))
		return false;
	if (rows_next(&rows))
		*out =
		    (struct log_sums){ rows_int(&rows, 0), rows_int(&rows, 1), rows_int(&rows, 2) };
	return rows_close(&rows, err);
}

static bool sum_rows(struct db *db, const struct log_filter *f, int64_t user_id,
    struct log_sums *out, struct err *err)
{
	struct value v[1 + LOG_REST_COUNT];

	v[0] = v_int(user_id);
	log_bind_rest(f, LOG_TYPE_CONSUME, v + 1);
	return read_sums(db, user_id ? raw_user_sql : raw_sql, v, 1 + LOG_REST_COUNT, out, err);
}

/* What both sources know. */
#define REST "AND (? = '' OR model_name = ?) AND (? = 0 OR channel_id = ?) "
#define OF_LOG                                                                                     \
	"UNION ALL SELECT SUM(quota), COUNT(*), SUM(prompt_tokens + completion_tokens) FROM logs " \
	"WHERE "
/* `+user_id` keeps the index of users out of it: the hours at both ends are found by time. The few
 * rows behind the mark are found by their ids. */
#define EDGE(who) OF_LOG who "created_at >= ? AND created_at < ? AND type = 2 " REST
/* One statement, so that all of it is of one moment: whole hours, the log behind the mark, and the
 * hours at both ends. */
#define WITH_HOURS(hours, who, plain_who)                                                          \
	"SELECT COALESCE(SUM(q), 0), COALESCE(SUM(n), 0), COALESCE(SUM(t), 0) FROM (" hours OF_LOG \
	    who "id > (SELECT log_id FROM usage_mark WHERE id = 1) "                               \
	"AND +created_at >= ? AND +created_at < ? AND type = 2 " REST                              \
	EDGE(plain_who) EDGE(plain_who) ") AS parts"
/* Hours of models and channels, and hours as a whole. */
#define BY_HOURS(who, plain_who, column)                                                           \
	WITH_HOURS("SELECT SUM(quota - unlogged_quota) AS q, "                                     \
	           "SUM(requests - unlogged_requests) AS n, "                                      \
	           "SUM(prompt_tokens + completion_tokens - unlogged_tokens) AS t "                \
	           "FROM usage_hours WHERE " who column " >= ? AND " column " < ? " REST,          \
	    who, plain_who)
#define BY_SUMS(who, plain_who)                                                                    \
	WITH_HOURS("SELECT SUM(quota) AS q, SUM(requests) AS n, SUM(tokens) AS t "                 \
	           "FROM usage_sums WHERE user_id = ? AND hour >= ? AND hour < ? ",                \
	    who, plain_who)
#define PARTS 4
#define PART_VALUES 7
#define EVERYBODY (-1) /* in usage_sums */

static const char hours_user_sql[] = BY_HOURS("user_id = ? AND ", "+user_id = ? AND ", "hour");
static const char hours_sql[] = BY_HOURS("? = 0 AND ", "? = 0 AND ", "hour");
/* Of nearly all hours: the table itself is read, without its index. */
static const char all_hours_sql[] = BY_HOURS("? = 0 AND ", "? = 0 AND ", "+hour");
static const char sums_user_sql[] = BY_SUMS("user_id = ? AND ", "+user_id = ? AND ");
static const char sums_sql[] = BY_SUMS("? = 0 AND ", "? = 0 AND ");

static const char *statement_for(const struct log_filter *f, bool plain)
{
	if (plain)
		return f->user_id ? sums_user_sql : sums_sql;
	if (f->user_id)
		return hours_user_sql;
	return f->from ? hours_sql : all_hours_sql;
}

static bool sum_hours(struct db *db, const struct log_filter *f, int64_t first, int64_t last,
    struct log_sums *out, struct err *err)
{
	bool plain = f->model_name.n == 0 && f->channel == 0; /* as usage_sums is */
	const char *sql = statement_for(f, plain);
	int64_t end = f->to ? f->to + 1 : INT64_MAX;
	const int64_t ranges[PARTS][2] = { { first, last }, { first, last }, { f->from, first },
		{ last, end } };
	struct value v[PARTS * PART_VALUES], *at = v;

	for (size_t i = 0; i < PARTS; i++) {
		bool sums = plain && i == 0;

		*at++ = v_int(sums && f->user_id == 0 ? EVERYBODY : f->user_id);
		*at++ = v_int(ranges[i][0]);
		*at++ = v_int(ranges[i][1]);
		if (sums)
			continue;
		*at++ = v_text(f->model_name);
		*at++ = v_text(f->model_name);
		*at++ = v_int(f->channel);
		*at++ = v_int(f->channel);
	}
	return read_sums(db, sql, v, (size_t)(at - v), out, err);
}

bool log_sum(struct db *db, const struct log_filter *f, struct log_sums *out, struct err *err)
{
	int64_t user_id, first, last = INT64_MAX;

	*out = (struct log_sums){ 0 };
	/* Names as they were then are in the log only, and so is what is left out. */
	if (f->username.n || f->token_name.n || log_blocks_leave_out(f))
		return log_user_of(db, f, &user_id, err) && sum_rows(db, f, user_id, out, err);
	/* What was cleaned away is not in the log any more, and not in its sum. */
	if (!usage_cleaned_before(db, &first, err))
		return false;
	if (f->from > first)
		first = f->from;
	first += (USAGE_HOUR_S - first % USAGE_HOUR_S) % USAGE_HOUR_S;
	if (f->to)
		last = f->to + 1 - (f->to + 1) % USAGE_HOUR_S;
	if (f->from < 0 || f->to < 0 || f->to == INT64_MAX || first >= last)
		return sum_rows(db, f, f->user_id, out, err);
	return sum_hours(db, f, first, last, out, err);
}

/* ---- clean-up ---------------------------------------------------------------------------------*/

bool log_clean_begin(struct db *db, int64_t before, int64_t user_id, int64_t *id, struct err *err)
{
	static const char sql[] =
	    "INSERT INTO log_cleanups (before, user_id, created_at) VALUES (?, ?, ?)";
	int64_t now = clock_unix();

	/* Or rows that are still to come would go as well, and no sum of theirs be trusted. */
	if (before > now + 1)
		before = now + 1;
	return db_insert(db, sql, BIND(v_int(before), v_int(user_id), v_int(now)), id, err);
}

/* *before is when the clean-up's rows were made; *id 0: nothing to do. */
static bool find_next(struct db *db, int64_t *id, int64_t *before, struct err *err)
{
	static const char sql[] = "SELECT id, before FROM log_cleanups "
	                          "WHERE finished_at = 0 AND (? = 0 OR id = ?) ORDER BY id LIMIT 1";
	struct rows rows;

	if (!db_query(db, sql, BIND(v_int(*id), v_int(*id)), &rows, err))
		return false;
	*id = 0;
	if (rows_next(&rows)) {
		*id = rows_int(&rows, 0);
		*before = rows_int(&rows, 1);
	}
	return rows_close(&rows, err);
}

static bool delete_some(struct db *db, int64_t id, int64_t before, int64_t *deleted,
    struct err *err)
{
	static const char delete_sql[] =
	    "DELETE FROM logs WHERE id IN (SELECT id FROM logs WHERE created_at < ? "
	    "AND id <= (SELECT log_id FROM usage_mark WHERE id = 1) ORDER BY created_at LIMIT ?)";
	static const char mark_sql[] = "UPDATE usage_mark SET cleaned_before = ? "
	                               "WHERE id = 1 AND cleaned_before < ?";
	static const char count_sql[] = "UPDATE log_cleanups SET deleted = deleted + ?, "
	                                "finished_at = CASE WHEN ? < ? THEN ? ELSE 0 END "
	                                "WHERE id = ?";

	return db_run(db, mark_sql, BIND(v_int(before), v_int(before)), NULL, err) &&
	    db_run(db, delete_sql, BIND(v_int(before), v_int(LOG_CLEAN_STEP)), deleted, err) &&
	    db_run(db, count_sql,
	        BIND(v_int(*deleted), v_int(*deleted), v_int(LOG_CLEAN_STEP), v_int(clock_unix()),
	            v_int(id)),
	        NULL, err);
}

bool log_clean_step(struct db *db, int64_t *id, int64_t *deleted, bool *finished, struct err *err)
{
	int64_t before = 0;

	*deleted = 0;
	*finished = false;
	if (!find_next(db, id, &before, err))
		return false;
	if (*id == 0)
		return true;
	if (!usage_catch_up(db, err) || !db_begin(db, err))
		return false;
	if (!delete_some(db, *id, before, deleted, err) ||
	    !log_blocks_shrink(db, *deleted < LOG_CLEAN_STEP, err)) {
		db_rollback(db);
		return false;
	}
	*finished = *deleted < LOG_CLEAN_STEP;
	return db_commit(db, err);
}
