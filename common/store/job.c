/* job.c — tables jobs and job_items */
#include "store/job.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/field.h"

/* Counting the items costs as many row reads as there are channels, which is what one page of a
 * list may cost. */
#define SELECT                                                                                     \
	"SELECT id, kind, scope, origin, state, user_id, stop_asked, created_at, finished_at, "    \
	"(SELECT COUNT(*) FROM job_items WHERE job_id = jobs.id), "                                \
	"(SELECT COUNT(*) FROM job_items WHERE job_id = jobs.id AND state <> 0), "                 \
	"(SELECT COUNT(*) FROM job_items WHERE job_id = jobs.id AND state = 2) FROM jobs "

const struct field job_fields[] = {
	FIELD(struct job, id, 0),
	FIELD(struct job, kind, 0),
	FIELD(struct job, scope, 0),
	FIELD(struct job, origin, 0),
	FIELD(struct job, state, 0),
	FIELD(struct job, user_id, 0),
	FIELD(struct job, stop_asked, 0),
	FIELD(struct job, created_at, 0),
	FIELD(struct job, finished_at, 0),
	FIELD(struct job, total, 0),
	FIELD(struct job, done, 0),
	FIELD(struct job, failed, 0),
	{ 0 },
};

const struct field job_item_fields[] = {
	FIELD(struct job_item, channel_id, 0),
	FIELD(struct job_item, name, 0),
	FIELD(struct job_item, state, 0),
	FIELD(struct job_item, elapsed_ms, 0),
	FIELD(struct job_item, message, 0),
	FIELD(struct job_item, action, 0),
	FIELD(struct job_item, finished_at, 0),
	{ 0 },
};

static const char missing[] = "no such job";

/* ---- starting ---- */

static bool insert(struct db *db, struct job *j, const int64_t *channels, size_t count,
    struct err *err)
{
	static const char job_sql[] =
	    "INSERT INTO jobs (kind, scope, origin, user_id, state, created_at, finished_at) "
	    "VALUES (?, ?, ?, ?, ?, ?, ?)";
	static const char item_sql[] = "INSERT INTO job_items (job_id, channel_id) VALUES (?, ?)";

	j->created_at = clock_unix();
	j->finished_at = count ? 0 : j->created_at;
	j->state = count ? STR("waiting") : STR("done");
	j->total = (int64_t)count;
	if (!db_insert(db, job_sql,
	        BIND(v_text(j->kind), v_text(j->scope), v_text(j->origin), v_int(j->user_id),
	            v_text(j->state), v_int(j->created_at), v_int(j->finished_at)),
	        &j->id, err))
		return false;
	for (size_t i = 0; i < count; i++) {
		if (!db_run(db, item_sql, BIND(v_int(j->id), v_int(channels[i])), NULL, err))
			return false;
	}
	return true;
}

static bool count_unfinished(struct db *db, struct str kind, int64_t *count, struct err *err)
{
	static const char sql[] = "SELECT COUNT(*) FROM jobs WHERE kind = ? AND finished_at = 0";

	return db_number(db, sql, BIND(v_text(kind)), count, err);
}

bool job_start(struct db *db, struct job *j, const int64_t *channels, size_t count, bool *started,
    struct err *err)
{
	int64_t unfinished = 0;
	bool ok;

	*started = false;
	if (!db_begin(db, err))
		return false;
	ok = count_unfinished(db, j->kind, &unfinished, err) &&
	    (unfinished > 0 || insert(db, j, channels, count, err));
	if (!ok || unfinished > 0) {
		db_rollback(db);
		return ok;
	}
	*started = true;
	return db_commit(db, err);
}

bool job_last_timed(struct db *db, const char *kind, int64_t *at, struct err *err)
{
	static const char sql[] =
	    "SELECT MAX(created_at) FROM jobs WHERE kind = ? AND origin = 'timer'";

	return db_number(db, sql, BIND(v_text(str_c(kind))), at, err);
}

/* ---- reading ---- */

bool job_by_id(struct db *db, struct arena *a, int64_t id, struct job *out, struct err *err)
{
	static const char sql[] = SELECT "WHERE id = ?";
	struct rows rows;

	return db_query(db, sql, BIND(v_int(id)), &rows, err) &&
	    rows_one(&rows, job_fields, a, out, missing, err);
}

bool job_page(struct db *db, struct arena *a, int64_t offset, int64_t limit, struct job_list *out,
    struct err *err)
{
	static const char sql[] = SELECT "ORDER BY id DESC LIMIT ? OFFSET ?";
	struct rows rows;
	void *items;

	if (!db_query(db, sql, BIND(v_int(limit), v_int(offset)), &rows, err) ||
	    !rows_all(&rows, job_fields, sizeof(struct job), a, &items, &out->count, err))
		return false;
	out->items = items;
	return true;
}

bool job_items(struct db *db, struct arena *a, int64_t id, int64_t offset, int64_t limit,
    struct job_item_list *out, struct err *err)
{
	static const char sql[] =
	    "SELECT i.channel_id, COALESCE(c.name, ''), i.state, i.elapsed_ms, i.message, "
	    "i.action, i.finished_at FROM job_items i LEFT JOIN channels c ON c.id = i.channel_id "
	    "WHERE i.job_id = ? ORDER BY i.channel_id LIMIT ? OFFSET ?";
	struct rows rows;
	void *items;

	if (!db_query(db, sql, BIND(v_int(id), v_int(limit), v_int(offset)), &rows, err) ||
	    !rows_all(&rows, job_item_fields, sizeof(struct job_item), a, &items, &out->count, err))
		return false;
	out->items = items;
	return true;
}

bool job_ask_stop(struct db *db, int64_t id, struct err *err)
{
	static const char sql[] = "UPDATE jobs SET stop_asked = 1 WHERE id = ?";
	int64_t changed;

	if (!db_run(db, sql, BIND(v_int(id)), &changed, err))
		return false;
	return changed > 0 || err_set(err, ERR_NOT_FOUND, "%s", missing);
}

/* ---- working it off ---- */

static bool find_free(struct db *db, int64_t now, int64_t *id, struct err *err)
{
	static const char sql[] =
	    "SELECT id FROM jobs WHERE finished_at = 0 AND lease_until < ? ORDER BY id LIMIT 1";

	return db_number(db, sql, BIND(v_int(now)), id, err);
}

bool job_take(struct db *db, struct arena *a, struct str node, struct job *out, bool *found,
    struct err *err)
{
	static const char sql[] = "UPDATE jobs SET node = ?, lease_until = ?, state = 'running' "
	                          "WHERE id = ? AND finished_at = 0 AND lease_until < ?";
	int64_t now = clock_unix(), id, changed = 0;

	*found = false;
	if (!find_free(db, now, &id, err))
		return false;
	if (id == 0)
		return true;
	if (!db_run(db, sql, BIND(v_text(node), v_int(now + JOB_LEASE_S), v_int(id), v_int(now)),
	        &changed, err))
		return false;
	*found = changed == 1;
	return !*found || job_by_id(db, a, id, out, err);
}

bool job_stop_asked(struct db *db, int64_t id, bool *stop, struct err *err)
{
	static const char sql[] = "SELECT stop_asked FROM jobs WHERE id = ?";
	int64_t n;

	if (!db_number(db, sql, BIND(v_int(id)), &n, err))
		return false;
	*stop = n != 0;
	return true;
}

bool job_renew(struct db *db, int64_t id, struct str node, bool *ours, struct err *err)
{
	static const char sql[] =
	    "UPDATE jobs SET lease_until = ? WHERE id = ? AND node = ? AND finished_at = 0";
	int64_t changed;

	if (!db_run(db, sql, BIND(v_int(clock_unix() + JOB_LEASE_S), v_int(id), v_text(node)),
	        &changed, err))
		return false;
	*ours = changed == 1;
	return true;
}

bool job_give_back(struct db *db, int64_t id, struct str node, struct err *err)
{
	static const char sql[] = "UPDATE jobs SET lease_until = 0, state = 'waiting' "
	                          "WHERE id = ? AND node = ? AND finished_at = 0";

	return db_run(db, sql, BIND(v_int(id), v_text(node)), NULL, err);
}

bool job_waiting(struct db *db, int64_t id, int64_t after, int64_t limit, int64_t *channels,
    size_t *count, struct err *err)
{
	static const char sql[] = "SELECT channel_id FROM job_items WHERE job_id = ? AND "
	                          "channel_id > ? AND state = 0 ORDER BY channel_id LIMIT ?";
	struct rows rows;

	*count = 0;
	if (!db_query(db, sql, BIND(v_int(id), v_int(after), v_int(limit)), &rows, err))
		return false;
	while (rows_next(&rows))
		channels[(*count)++] = rows_int(&rows, 0);
	return rows_close(&rows, err);
}

bool job_item_done(struct db *db, int64_t id, const struct job_item *item, struct err *err)
{
	static const char sql[] =
	    "UPDATE job_items SET state = ?, elapsed_ms = ?, message = ?, action = ?, "
	    "finished_at = ? WHERE job_id = ? AND channel_id = ?";

	return db_run(db, sql,
	    BIND(v_int(item->state), v_int(item->elapsed_ms),
	        v_text(str_slice(item->message, 0, JOB_MESSAGE_MAX)), v_text(item->action),
	        v_int(clock_unix()), v_int(id), v_int(item->channel_id)),
	    NULL, err);
}

bool job_finish(struct db *db, int64_t id, const char *state, struct err *err)
{
	static const char sql[] = "UPDATE jobs SET state = ?, finished_at = ?, lease_until = 0 "
	                          "WHERE id = ? AND finished_at = 0";

	return db_run(db, sql, BIND(v_text(str_c(state)), v_int(clock_unix()), v_int(id)), NULL,
	    err);
}

bool job_sweep(struct db *db, int64_t before, struct err *err)
{
	static const char items_sql[] =
	    "DELETE FROM job_items WHERE job_id IN "
	    "(SELECT id FROM jobs WHERE finished_at > 0 AND finished_at < ?)";
	static const char jobs_sql[] = "DELETE FROM jobs WHERE finished_at > 0 AND finished_at < ?";

	return db_run(db, items_sql, BIND(v_int(before)), NULL, err) &&
	    db_run(db, jobs_sql, BIND(v_int(before)), NULL, err);
}
