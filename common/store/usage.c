#include "store/usage.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/field.h"

#define MARK "(SELECT log_id FROM usage_mark WHERE id = 1)"
#define TO_HOUR "created_at - created_at % 3600"

/* ---- following the log ------------------------------------------------------------------------*/

#define KEY_COLUMNS "user_id, hour, token_id, channel_id, model_name"
#define SUM_COLUMNS "requests, quota, prompt_tokens, completion_tokens, cached_tokens, elapsed_ms"
#define ADD_EXCLUDED                                                                               \
	"ON CONFLICT (" KEY_COLUMNS ") DO UPDATE SET "                                             \
	"requests = requests + excluded.requests, quota = quota + excluded.quota, "                \
	"prompt_tokens = prompt_tokens + excluded.prompt_tokens, "                                 \
	"completion_tokens = completion_tokens + excluded.completion_tokens, "                     \
	"cached_tokens = cached_tokens + excluded.cached_tokens, "                                 \
	"elapsed_ms = elapsed_ms + excluded.elapsed_ms, "                                          \
	"unlogged_quota = unlogged_quota + excluded.unlogged_quota, "                              \
	"unlogged_requests = unlogged_requests + excluded.unlogged_requests, "                     \
	"unlogged_tokens = unlogged_tokens + excluded.unlogged_tokens"

/* Adds the rows behind the mark, at most USAGE_STEP, whatever their type. */
static bool take_rows(struct db *db, int64_t *taken, struct err *err)
{
	static const char last_sql[] = "SELECT COALESCE(MAX(id), 0) FROM (SELECT id FROM logs "
	                               "WHERE id > ? ORDER BY id LIMIT ?) AS next";
	static const char count_sql[] = "SELECT COUNT(*) FROM logs WHERE id > ? AND id <= ?";
	static const char mark_sql[] = "SELECT log_id FROM usage_mark WHERE id = 1";
	static const char move_sql[] = "UPDATE usage_mark SET log_id = ? WHERE id = 1";
	static const char add_sql[] =
	    "INSERT INTO usage_hours (" KEY_COLUMNS ", " SUM_COLUMNS ") "
	    "SELECT user_id, " TO_HOUR ", token_id, channel_id, model_name, COUNT(*), SUM(quota), "
	    "SUM(prompt_tokens), SUM(completion_tokens), SUM(cached_tokens), SUM(elapsed_time) "
	    "FROM logs WHERE id > ? AND id <= ? AND type = 2 "
	    "GROUP BY user_id, " TO_HOUR ", token_id, channel_id, model_name " ADD_EXCLUDED;
	int64_t mark, last;

	*taken = 0;
	if (!db_number(db, mark_sql, BIND_NONE, &mark, err) ||
	    !db_number(db, last_sql, BIND(v_int(mark), v_int(USAGE_STEP)), &last, err))
		return false;
	if (last == 0)
		return true;
	return db_number(db, count_sql, BIND(v_int(mark), v_int(last)), taken, err) &&
	    db_run(db, add_sql, BIND(v_int(mark), v_int(last)), NULL, err) &&
	    db_run(db, move_sql, BIND(v_int(last)), NULL, err);
}

static bool is_behind(struct db *db, bool *behind, struct err *err)
{
	static const char sql[] = "SELECT COALESCE(MAX(id), 0) > " MARK " FROM logs";
	int64_t n;

	if (!db_number(db, sql, BIND_NONE, &n, err))
		return false;
	*behind = n != 0;
	return true;
}

bool usage_step(struct db *db, bool *more, struct err *err)
{
	int64_t taken;

	/* Nothing new is the usual case, and no reason to take the write lock. */
	if (!is_behind(db, more, err))
		return false;
	if (!*more)
		return true;
	if (!db_begin(db, err))
		return false;
	if (!take_rows(db, &taken, err)) {
		db_rollback(db);
		return false;
	}
	*more = taken == USAGE_STEP;
	return db_commit(db, err);
}

bool usage_catch_up(struct db *db, struct err *err)
{
	bool more = true;

	while (more) {
		if (!usage_step(db, &more, err))
			return false;
	}
	return true;
}

/* ---- beside the log ---------------------------------------------------------------------------*/

bool usage_take_back(struct db *db, int64_t log_id, struct err *err)
{
	static const char sql[] =
	    "UPDATE usage_hours SET requests = requests - 1, quota = usage_hours.quota - l.quota, "
	    "prompt_tokens = usage_hours.prompt_tokens - l.prompt_tokens, "
	    "completion_tokens = usage_hours.completion_tokens - l.completion_tokens, "
	    "cached_tokens = usage_hours.cached_tokens - l.cached_tokens, "
	    "elapsed_ms = usage_hours.elapsed_ms - l.elapsed_time FROM logs AS l "
	    "WHERE l.id = ? AND l.id <= " MARK " AND l.type = 2 "
	    "AND usage_hours.user_id = l.user_id "
	    "AND usage_hours.hour = l.created_at - l.created_at % 3600 "
	    "AND usage_hours.token_id = l.token_id AND usage_hours.channel_id = l.channel_id "
	    "AND usage_hours.model_name = l.model_name";

	return db_run(db, sql, BIND(v_int(log_id)), NULL, err);
}

bool usage_add_unlogged(struct db *db, const struct logrow *row, struct err *err)
{
	static const char sql[] = "INSERT INTO usage_hours (" KEY_COLUMNS ", " SUM_COLUMNS
	                          ", unlogged_quota, unlogged_requests, unlogged_tokens) "
	                          "VALUES (?, ?, ?, ?, ?, 1, ?, ?, ?, ?, ?, ?, 1, ?) " ADD_EXCLUDED;
	int64_t at = row->created_at ? row->created_at : clock_unix();

	return db_run(db, sql,
	    BIND(v_int(row->user_id), v_int(at - at % USAGE_HOUR_S), v_int(row->token_id),
	        v_int(row->channel), v_text(row->model_name), v_int(row->quota),
	        v_int(row->prompt_tokens), v_int(row->completion_tokens), v_int(row->cached_tokens),
	        v_int(row->elapsed_time), v_int(row->quota),
	        v_int(row->prompt_tokens + row->completion_tokens)),
	    NULL, err);
}

bool usage_cleaned_before(struct db *db, int64_t *at, struct err *err)
{
	static const char sql[] = "SELECT cleaned_before FROM usage_mark WHERE id = 1";

	return db_number(db, sql, BIND_NONE, at, err);
}

/* ---- sums -------------------------------------------------------------------------------------*/

static const struct field row_fields[] = {
	FIELD(struct usage_row, slot, 0),
	FIELD(struct usage_row, id, 0),
	FIELD(struct usage_row, name, 0),
	FIELD(struct usage_row, requests, 0),
	FIELD(struct usage_row, quota, 0),
	FIELD(struct usage_row, prompt_tokens, 0),
	FIELD(struct usage_row, completion_tokens, 0),
	FIELD(struct usage_row, cached_tokens, 0),
	FIELD(struct usage_row, elapsed_ms, 0),
	{ 0 },
};

#define SUMS                                                                                       \
	"SUM(requests), SUM(quota), SUM(prompt_tokens), SUM(completion_tokens), "                  \
	"SUM(cached_tokens), SUM(elapsed_ms) "
/* Both halves, from one moment: what was added up already, and the log behind the mark. */
#define PARTS(who)                                                                                 \
	"FROM (SELECT hour, user_id, token_id, channel_id, model_name, " SUM_COLUMNS               \
	" FROM usage_hours WHERE " who "hour >= ? AND hour < ? UNION ALL "                         \
	"SELECT " TO_HOUR ", user_id, token_id, channel_id, model_name, 1, quota, prompt_tokens, " \
	"completion_tokens, cached_tokens, elapsed_time FROM logs WHERE " who "id > " MARK         \
	" AND type = 2 AND +created_at >= ? AND +created_at < ?) AS parts "
#define GROUPED(key) "GROUP BY (hour - ?) / ?, " key " ORDER BY 1, 2, 3"
#define OF_MODEL(who) "SELECT (hour - ?) / ?, 0, model_name, " SUMS PARTS(who) GROUPED("model_name")
/* The name is looked up once for each group. */
#define OF_ID(who, key, table, name)                                                               \
	"SELECT (hour - ?) / ?, " key ", COALESCE((SELECT " name " FROM " table " WHERE id = " key \
	"), ''), " SUMS                                                                            \
	PARTS(who) GROUPED(key)
#define ONE "user_id = ? AND "

static const char one_by_model_sql[] = OF_MODEL(ONE);
static const char one_by_key_sql[] = OF_ID(ONE, "token_id", "tokens", "name");
static const char one_by_channel_sql[] = OF_ID(ONE, "channel_id", "channels", "name");
static const char one_by_user_sql[] = OF_ID(ONE, "user_id", "users", "username");
static const char all_by_model_sql[] = OF_MODEL("");
static const char all_by_key_sql[] = OF_ID("", "token_id", "tokens", "name");
static const char all_by_channel_sql[] = OF_ID("", "channel_id", "channels", "name");
static const char all_by_user_sql[] = OF_ID("", "user_id", "users", "username");

static const char *const one_sql[USAGE_BY_COUNT] = {
	[USAGE_BY_MODEL] = one_by_model_sql,
	[USAGE_BY_KEY] = one_by_key_sql,
	[USAGE_BY_CHANNEL] = one_by_channel_sql,
	[USAGE_BY_USER] = one_by_user_sql,
};
static const char *const all_sql[USAGE_BY_COUNT] = {
	[USAGE_BY_MODEL] = all_by_model_sql,
	[USAGE_BY_KEY] = all_by_key_sql,
	[USAGE_BY_CHANNEL] = all_by_channel_sql,
	[USAGE_BY_USER] = all_by_user_sql,
};

bool usage_read(struct db *db, struct arena *a, const struct usage_query *q, struct usage_list *out,
    struct err *err)
{
	const struct value first = v_int(q->from), step = v_int(q->step_s), end = v_int(q->to);
	const struct value user = v_int(q->user_id);
	struct rows rows;
	bool ok;
	void *p;

	if (q->user_id)
		ok = db_query(db, one_sql[q->by],
		    BIND(first, step, user, first, end, user, first, end, first, step), &rows, err);
	else
		ok = db_query(db, all_sql[q->by],
		    BIND(first, step, first, end, first, end, first, step), &rows, err);
	if (!ok || !rows_all(&rows, row_fields, sizeof(struct usage_row), a, &p, &out->count, err))
		return false;
	out->items = p;
	return true;
}
