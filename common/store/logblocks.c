#include "store/logblocks.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/err.h"

enum kind { KIND_MODEL = 1, KIND_KEY, KIND_CHANNEL };

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

#define NOTE(column, none)                                                                         \
	"INSERT INTO log_blocks (kind, value, block) SELECT DISTINCT ?, " column ", ? "            \
	"FROM logs WHERE id >= ? AND id < ? AND " none " ON CONFLICT DO NOTHING"

static bool note(struct db *db, int64_t block, struct err *err)
{
	static const char models_sql[] = NOTE("model_name", "model_name <> ''");
	static const char keys_sql[] = NOTE("token_name", "token_name <> ''");
	static const char channels_sql[] = NOTE("CAST(channel_id AS TEXT)", "channel_id <> 0");
	static const char move_sql[] = "UPDATE log_blocks_mark SET blocks = ? WHERE id = 1";
	const struct value v = v_int(block), first = v_int(block * LOG_BLOCK_IDS),
	                   last = v_int((block + 1) * LOG_BLOCK_IDS);

	return db_run(db, models_sql, BIND(v_int(KIND_MODEL), v, first, last), NULL, err) &&
	    db_run(db, keys_sql, BIND(v_int(KIND_KEY), v, first, last), NULL, err) &&
	    db_run(db, channels_sql, BIND(v_int(KIND_CHANNEL), v, first, last), NULL, err) &&
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

/* What the filter names, the rarest first: names of keys are many, channels few. */
static size_t wanted(const struct log_filter *f, char digits[24], struct value kinds[3],
    struct value values[3])
{
	int n = f->channel ? snprintf(digits, 24, "%" PRId64, f->channel) : 0;
	const struct {
		enum kind kind;
		struct str value;
	} all[] = {
		{ KIND_KEY, f->token_name },
		{ KIND_MODEL, f->model_name },
		{ KIND_CHANNEL, { digits, n > 0 ? (size_t)n : 0 } },
	};
	size_t count = 0;

	for (size_t i = 0; i < COUNT_OF(all); i++) {
		if (all[i].value.n == 0)
			continue;
		kinds[count] = v_int(all[i].kind);
		values[count++] = v_text(all[i].value);
	}
	return count;
}

bool log_blocks_help(const struct log_filter *f)
{
	return f->token_name.n || f->model_name.n || f->channel;
}

#define AND_IN                                                                                     \
	" AND EXISTS (SELECT 1 FROM log_blocks WHERE kind = ? AND value = ? AND block = b.block)"
#define FIND(more)                                                                                 \
	"SELECT b.block FROM log_blocks AS b WHERE b.kind = ? AND b.value = ? AND b.block < "      \
	"?" more " ORDER BY b.block DESC LIMIT 1"

bool log_blocks_find(struct db *db, const struct log_filter *f, int64_t below, int64_t *block,
    struct err *err)
{
	static const char one_sql[] = FIND("");
	static const char two_sql[] = FIND(AND_IN);
	static const char three_sql[] = FIND(AND_IN AND_IN);
	static const char *const sql[] = { one_sql, two_sql, three_sql };
	struct value k[3] = { 0 }, v[3] = { 0 };
	char digits[24];
	size_t n = wanted(f, digits, k, v);
	const struct value values[] = { k[0], v[0],
		v_int((below + LOG_BLOCK_IDS - 1) / LOG_BLOCK_IDS), k[1], v[1], k[2], v[2] };
	struct rows rows;

	*block = -1;
	if (n == 0 || below <= 0)
		return true;
	if (!db_query(db, sql[n - 1], values, 1 + 2 * n, &rows, err))
		return false;
	if (rows_next(&rows))
		*block = rows_int(&rows, 0);
	return rows_close(&rows, err);
}
