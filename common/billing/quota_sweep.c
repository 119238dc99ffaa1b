/* quota_sweep.c — what a crash left behind, and the truth that comes after it */
#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "billing/budget.h"
#include "store/usage.h"

#include "billing/quota_parts.h"

/* ---- settling what was swept -----------------------------------------------------------------*/

/* A process that stood still that long has no requests any more. */
#define SWEPT_BUDGETS_S (24 * 60 * 60)

/* The row that a sweep left for a request. */
struct swept {
	int64_t id, type, channel_id, quota;
};

/* Which budgets a sweep settles, for quota_settle_swept. */
static bool keep_budgets(struct db *db, struct str request_id, int64_t now, struct err *err)
{
	static const char sql[] =
	    "INSERT INTO swept_budgets (request_id, budgets, swept_at) "
	    "SELECT request_id, budgets, ? FROM reservations "
	    "WHERE request_id = ? AND budgets <> '' ON CONFLICT (request_id) DO NOTHING";

	return db_run(db, sql, BIND(v_int(now), v_text(request_id)), NULL, err);
}

static bool forget_budgets(struct db *db, int64_t now, struct err *err)
{
	static const char sql[] = "DELETE FROM swept_budgets WHERE swept_at < ?";

	return db_run(db, sql, BIND(v_int(now - SWEPT_BUDGETS_S)), NULL, err);
}

/* The sweep has settled them with what it charged. */
static bool correct_budgets(struct db *db, struct str request_id, int64_t more, struct err *err)
{
	static const char find_sql[] = "SELECT budgets FROM swept_budgets WHERE request_id = ?";
	static const char drop_sql[] = "DELETE FROM swept_budgets WHERE request_id = ?";
	char text[BUDGETS_TEXT_MAX];
	struct str budgets = { 0 };
	struct rows rows;

	if (!db_query(db, find_sql, BIND(v_text(request_id)), &rows, err))
		return false;
	if (rows_next(&rows))
		budgets = quota_copy_budgets(rows_text(&rows, 0), text);
	if (!rows_close(&rows, err))
		return false;
	return budgets.n == 0 ||
	    (budget_settle(db, budgets, 0, more, err) &&
	        db_run(db, drop_sql, BIND(v_text(request_id)), NULL, err));
}

static bool read_swept(struct db *db, const char *sql, struct str request_id, struct swept *s,
    struct reservation *r, bool *found, struct err *err)
{
	struct rows rows;

	if (!db_query(db, sql, BIND(v_text(request_id), v_int(FINISH_SWEPT)), &rows, err))
		return false;
	*found = rows_next(&rows);
	if (*found) {
		*s = (struct swept){ rows_int(&rows, 0), rows_int(&rows, 1), rows_int(&rows, 2),
			rows_int(&rows, 3) };
		*r = (struct reservation){ .channel_id = rows_int(&rows, 2),
			.user_id = rows_int(&rows, 4),
			.token_id = rows_int(&rows, 5) };
	}
	return rows_close(&rows, err);
}

/* A charge is found by its index; a release, which is rarer still, among the rows that are no
 * charges (`type <> 2` names their index). */
static bool find_swept(struct db *db, struct str request_id, struct swept *s, struct reservation *r,
    bool *found, struct err *err)
{
	static const char charged_sql[] =
	    "SELECT id, type, channel_id, quota, user_id, token_id FROM logs "
	    "WHERE type = 2 AND request_id <> '' AND request_id = ? AND finish = ?";
	static const char released_sql[] =
	    "SELECT id, type, channel_id, quota, user_id, token_id FROM logs "
	    "WHERE type <> 2 AND type = 6 AND request_id = ? AND finish = ?";

	return read_swept(db, charged_sql, request_id, s, r, found, err) &&
	    (*found || read_swept(db, released_sql, request_id, s, r, found, err));
}

static bool remove_swept(struct db *db, const struct swept *s, struct err *err)
{
	static const char sql[] = "DELETE FROM logs WHERE id = ?";

	return usage_take_back(db, s->id, err) && db_run(db, sql, BIND(v_int(s->id)), NULL, err);
}

bool quota_settle_swept(struct db *db, struct quota_sums *sums, const struct logrow *row,
    bool write_log, bool *found, struct err *err)
{
	int64_t cost = quota_charge_of(row), more;
	struct reservation r;
	struct swept s;
	bool fresh = true;

	if (!find_swept(db, row->request_id, &s, &r, found, err))
		return false;
	if (!*found)
		return true;
	if (!remove_swept(db, &s, err) || !quota_log_charge(db, row, &r, write_log, &fresh, err))
		return false;
	more = cost - s.quota;
	if (!correct_budgets(db, row->request_id, more, err))
		return false;
	log_warn(NULL, "quota.settled_late", LOG_STR("request", row->request_id),
	    LOG_INT("user", r.user_id), LOG_INT("quota", cost), LOG_INT("swept", s.quota));
	quota_sums_add(sums, SUM_USER, r.user_id, -more, more, s.type != LOG_TYPE_CONSUME);
	quota_sums_add(sums, SUM_TOKEN, r.token_id, -more, more, s.type != LOG_TYPE_CONSUME);
	quota_sums_add(sums, SUM_CHANNEL, s.channel_id, 0, -s.quota, 0);
	quota_sums_add(sums, SUM_CHANNEL, row->channel ? row->channel : s.channel_id, 0, cost, 0);
	return true;
}

bool quota_release_swept(struct db *db, struct quota_sums *sums, struct str request_id,
    struct err *err)
{
	struct reservation r;
	struct swept s;
	bool found;

	if (!find_swept(db, request_id, &s, &r, &found, err))
		return false;
	if (!found || s.type != LOG_TYPE_CONSUME)
		return true;
	if (!remove_swept(db, &s, err) || !correct_budgets(db, request_id, -s.quota, err))
		return false;
	log_warn(NULL, "quota.released_late", LOG_STR("request", request_id),
	    LOG_INT("user", r.user_id), LOG_INT("swept", s.quota));
	quota_sums_add(sums, SUM_USER, r.user_id, s.quota, -s.quota, -1);
	quota_sums_add(sums, SUM_TOKEN, r.token_id, s.quota, -s.quota, -1);
	quota_sums_add(sums, SUM_CHANNEL, s.channel_id, 0, -s.quota, 0);
	return true;
}

/* ---- sweeping --------------------------------------------------------------------------------*/

/* A reservation that a crash left behind. */
struct leftover {
	struct logrow row; /* quota: the last checkpoint's cost, -1 without one */
	struct str node;
	int64_t amount;
};

static void leftover_read(const struct rows *rows, struct arena *a, int lease_s, struct leftover *l)
{
	int64_t created_at = rows_int(rows, 10);
	int64_t last_seen = rows_int(rows, 11) - lease_s;

	l->row = (struct logrow){
		.request_id = arena_str(a, rows_text(rows, 0)),
		.user_id = rows_int(rows, 1),
		.token_id = rows_int(rows, 2),
		.channel = rows_int(rows, 3),
		.quota = rows_int(rows, 4),
		.prompt_tokens = rows_int(rows, 5),
		.completion_tokens = rows_int(rows, 6),
		.model_name = arena_str(a, rows_text(rows, 7)),
		.token_name = arena_str(a, rows_text(rows, 8)),
		.username = arena_str(a, rows_text(rows, 9)),
		.elapsed_time = last_seen > created_at ? (last_seen - created_at) * 1000 : 0,
		.is_stream = rows_int(rows, 12) != 0,
		.finish = FINISH_SWEPT,
	};
	l->node = arena_str(a, rows_text(rows, 13));
	l->amount = rows_int(rows, 14);
}

static bool leftover_find(struct db *db, struct arena *a, int64_t now, int lease_s, int limit,
    struct leftover *list, int *count, struct err *err)
{
	static const char sql[] =
	    "SELECT request_id, user_id, token_id, channel_id, cost, prompt_tokens, "
	    "completion_tokens, model_name, token_name, username, created_at, lease_until, "
	    "is_stream, node, amount FROM reservations "
	    "WHERE lease_until < ? ORDER BY lease_until LIMIT ?";
	struct rows rows;

	*count = 0;
	if (!db_query(db, sql, BIND(v_int(now), v_int(limit)), &rows, err))
		return false;
	while (*count < limit && rows_next(&rows))
		leftover_read(&rows, a, lease_s, &list[(*count)++]);
	return rows_close(&rows, err);
}

static bool leftover_clear(struct db *db, struct leftover *l, int64_t now, struct err *err)
{
	bool settled, charged = l->row.quota >= 0;

	l->row.created_at = now;
	if (!keep_budgets(db, l->row.request_id, now, err))
		return false;
	log_warn(NULL, "quota.swept", LOG_STR("request", l->row.request_id),
	    LOG_STR("node", l->node), LOG_INT("user", l->row.user_id), LOG_INT("held", l->amount),
	    LOG_INT("charged", charged ? l->row.quota : 0));
	if (charged) {
		l->row.content =
		    STR("settled by its last checkpoint: the process that served it ended");
		return quota_settle(db, &l->row, true, &settled, err);
	}
	l->row.type = LOG_TYPE_ERROR;
	l->row.quota = 0;
	l->row.content =
	    STR("released: the process that served it ended before the first checkpoint");
	return quota_release(db, l->row.request_id, err) && logrow_insert(db, &l->row, err);
}

bool quota_sweep(struct db *db, int64_t now, int lease_s, int limit, int *count, struct err *err)
{
	struct arena *a = arena_new(4096);
	struct leftover *list = arena_alloc(a, (size_t)limit * sizeof(*list));
	bool ok = leftover_find(db, a, now, lease_s, limit, list, count, err) &&
	    (*count == 0 || forget_budgets(db, now, err));

	for (int i = 0; ok && i < *count; i++)
		ok = leftover_clear(db, &list[i], now, err);
	arena_free(a);
	return ok;
}
