#include "store/logblocks.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/err.h"

enum kind { KIND_MODEL = 1, KIND_KEY, KIND_CHANNEL, KIND_USER };

static bool read_mark(struct db *db, int64_t *blocks, struct err *err)
{
	static const char sql[] = "SELECT blocks FROM log_blocks_mark WHERE id = 1";

	return db_number(db, sql, BIND_NONE, blocks, err);
}

static bool read_newest(struct db *db, int64_t *id, struct err *err)
{
	static const char sql[] = "SELECT COALESCE(MAX(id), 0) FROM logs";

	return db_number(db, sql, BIND_NONE, id, err);
}

/* ---- noting ---- */

#define NOTE(column)                                                                               \
	"INSERT INTO log_blocks (kind, value, block) SELECT DISTINCT ?, " column ", ? "            \
	"FROM logs WHERE id >= ? AND id < ? ON CONFLICT DO NOTHING"

/* All values, "" and 0 too: they are something else than what a search leaves out. */
static bool note(struct db *db, int64_t block, struct err *err)
{
	static const char models_sql[] = NOTE("model_name");
	static const char keys_sql[] = NOTE("token_name");
	static const char channels_sql[] = NOTE("CAST(channel_id AS TEXT)");
	static const char users_sql[] = NOTE("username");
	static const char move_sql[] = "UPDATE log_blocks_mark SET blocks = ? WHERE id = 1";
	const struct value v = v_int(block), first = v_int(block * LOG_BLOCK_IDS),
	                   last = v_int((block + 1) * LOG_BLOCK_IDS);

	return db_run(db, models_sql, BIND(v_int(KIND_MODEL), v, first, last), NULL, err) &&
	    db_run(db, keys_sql, BIND(v_int(KIND_KEY), v, first, last), NULL, err) &&
	    db_run(db, channels_sql, BIND(v_int(KIND_CHANNEL), v, first, last), NULL, err) &&
	    db_run(db, users_sql, BIND(v_int(KIND_USER), v, first, last), NULL, err) &&
	    db_run(db, move_sql, BIND(v_int(block + 1)), NULL, err);
}

/* How many blocks the log is a whole block past. */
static int64_t passed(int64_t newest)
{
	int64_t blocks = newest / LOG_BLOCK_IDS - 1;

	return blocks > 0 ? blocks : 0;
}

bool log_blocks_step(struct db *db, bool *more, struct err *err)
{
	int64_t mark, newest;

	*more = false;
	/* Nothing to do is the usual case, and no reason to take the write lock. */
	if (!read_mark(db, &mark, err) || !read_newest(db, &newest, err))
		return false;
	if (mark >= passed(newest))
		return true;
	if (!db_begin(db, err))
		return false;
	if (!read_mark(db, &mark, err) || !read_newest(db, &newest, err) ||
	    (mark < passed(newest) && !note(db, mark, err))) {
		db_rollback(db);
		return false;
	}
	*more = mark + 1 < passed(newest);
	return db_commit(db, err);
}

bool log_blocks_shrink(struct db *db, bool all, struct err *err)
{
	static const char forget_sql[] = "DELETE FROM log_blocks WHERE block < "
	                                 "(SELECT MIN(id) FROM logs) / ?";
	static const char sql[] =
	    "UPDATE log_blocks_mark SET blocks = ? WHERE id = 1 AND blocks > ?";
	int64_t newest, most;

	if (!read_newest(db, &newest, err))
		return false;
	most = newest / LOG_BLOCK_IDS;
	if (all && !db_run(db, forget_sql, BIND(v_int(LOG_BLOCK_IDS)), NULL, err))
		return false;
	return db_run(db, sql, BIND(v_int(most), v_int(most)), NULL, err);
}

/* ---- finding ---- */

bool log_blocks_end(struct db *db, int64_t *id, struct err *err)
{
	int64_t blocks;

	if (!read_mark(db, &blocks, err))
		return false;
	*id = blocks * LOG_BLOCK_IDS;
	return true;
}

/* A block may have rows of a filter if it has the value, or without has another one. */
struct want {
	const char *sql;
	enum kind kind;
	struct str value;
};

#define WANTS_MAX 8

/* Both get kind, value and block. */
static const char with_sql[] = "SELECT block FROM log_blocks WHERE kind = ? AND value = ? "
                               "AND block <= ? ORDER BY block DESC LIMIT 1";
static const char without_sql[] = "SELECT block FROM log_blocks WHERE kind = ? AND value <> ? "
                                  "AND block <= ? ORDER BY block DESC LIMIT 1";

static struct str number_text(int64_t n, char digits[24])
{
	int len = n ? snprintf(digits, 24, "%" PRId64, n) : 0;

	return (struct str){ digits, len > 0 ? (size_t)len : 0 };
}

/* The rarest first: names of keys are many, channels few. */
static size_t wanted(const struct log_filter *f, char digits[2][24], struct want wants[WANTS_MAX])
{
	const struct want all[WANTS_MAX] = {
		{ with_sql, KIND_KEY, f->token_name },
		{ with_sql, KIND_USER, f->username },
		{ with_sql, KIND_MODEL, f->model_name },
		{ with_sql, KIND_CHANNEL, number_text(f->channel, digits[0]) },
		{ without_sql, KIND_CHANNEL, number_text(f->without.channel, digits[1]) },
		{ without_sql, KIND_MODEL, f->without.model_name },
		{ without_sql, KIND_USER, f->without.username },
		{ without_sql, KIND_KEY, f->without.token_name },
	};
	size_t count = 0;

	for (size_t i = 0; i < WANTS_MAX; i++) {
		if (all[i].value.n)
			wants[count++] = all[i];
	}
	return count;
}

bool log_blocks_leave_out(const struct log_filter *f)
{
	return f->without.username.n || f->without.token_name.n || f->without.model_name.n ||
	    f->without.channel;
}

bool log_blocks_help(const struct log_filter *f)
{
	return f->token_name.n || f->username.n || f->model_name.n || f->channel ||
	    log_blocks_leave_out(f);
}

/* The highest block up to that one; -1: none. */
static bool step_down(struct db *db, const struct want *w, int64_t *block, struct err *err)
{
	struct rows rows;

	if (!db_query(db, w->sql, BIND(v_int(w->kind), v_text(w->value), v_int(*block)), &rows,
	        err))
		return false;
	*block = rows_next(&rows) ? rows_int(&rows, 0) : -1;
	return rows_close(&rows, err);
}

/* Down to where the next one wants, in turns, until all agree. */
bool log_blocks_find(struct db *db, const struct log_filter *f, int64_t below, int64_t *block,
    struct err *err)
{
	struct want wants[WANTS_MAX];
	char digits[2][24];
	size_t n = wanted(f, digits, wants), agreed = 0;

	*block = n && below > 0 ? (below - 1) / LOG_BLOCK_IDS : -1;
	for (size_t i = 0; *block >= 0 && agreed < n; i = (i + 1) % n) {
		int64_t at = *block;

		if (!step_down(db, &wants[i], block, err))
			return false;
		agreed = *block == at ? agreed + 1 : 1;
	}
	return true;
}
