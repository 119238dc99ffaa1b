/* logrow.c — table logs
 *
 * Every query starts from one index and checks the rest row by row; shape_of picks the index by
 * what the filter names. Where nothing but the table itself fits, it is walked from the newest row
 * and the page is soon full. */
#include "store/logrow.h"

#include <inttypes.h>
#include <limits.h>
#include <time.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/field.h"

#define DELETE_STEP 1000
/* A text search looks at so many of the newest rows, so that nobody can make it read them all. */
#define SEARCH_DEPTH 100000
#define DAY_S 86400

#define COLUMNS                                                                                    \
	"id, user_id, created_at, type, content, username, token_name, model_name, quota, "        \
	"prompt_tokens, completion_tokens, channel_id, request_id, elapsed_time, is_stream, "      \
	"system_prompt_reset, token_id, origin_model, cached_tokens, attempts, first_byte_ms, "    \
	"upstream_status, finish, model_ratio, completion_ratio, group_ratio"
#define SELECT "SELECT " COLUMNS " FROM logs "

/* In the order of COLUMNS. */
static const struct field fields[] = {
	FIELD(struct logrow, id, 0),
	FIELD(struct logrow, user_id, 0),
	FIELD(struct logrow, created_at, 0),
	FIELD(struct logrow, type, 0),
	FIELD(struct logrow, content, 0),
	FIELD(struct logrow, username, 0),
	FIELD(struct logrow, token_name, 0),
	FIELD(struct logrow, model_name, 0),
	FIELD(struct logrow, quota, 0),
	FIELD(struct logrow, prompt_tokens, 0),
	FIELD(struct logrow, completion_tokens, 0),
	FIELD(struct logrow, channel, 0),
	FIELD(struct logrow, request_id, 0),
	FIELD(struct logrow, elapsed_time, 0),
	FIELD(struct logrow, is_stream, 0),
	FIELD(struct logrow, system_prompt_reset, 0),
	FIELD(struct logrow, token_id, 0),
	FIELD(struct logrow, origin_model, 0),
	FIELD(struct logrow, cached_tokens, 0),
	FIELD(struct logrow, attempts, 0),
	FIELD(struct logrow, first_byte_ms, 0),
	FIELD(struct logrow, upstream_status, 0),
	FIELD(struct logrow, finish, 0),
	FIELD(struct logrow, model_ratio, 0),
	FIELD(struct logrow, completion_ratio, 0),
	FIELD(struct logrow, group_ratio, 0),
	{ 0 },
};

bool logrow_insert(struct db *db, const struct logrow *r, struct err *err)
{
	static const char sql[] =
	    "INSERT INTO logs (user_id, created_at, type, content, username, token_name, "
	    "model_name, quota, prompt_tokens, completion_tokens, channel_id, request_id, "
	    "elapsed_time, is_stream, system_prompt_reset, token_id, origin_model, cached_tokens, "
	    "attempts, first_byte_ms, upstream_status, finish, model_ratio, completion_ratio, "
	    "group_ratio) "
	    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

	return db_run(db, sql,
	    BIND(v_int(r->user_id), v_int(r->created_at), v_int(r->type), v_text(r->content),
	        v_text(r->username), v_text(r->token_name), v_text(r->model_name), v_int(r->quota),
	        v_int(r->prompt_tokens), v_int(r->completion_tokens), v_int(r->channel),
	        v_text(r->request_id), v_int(r->elapsed_time), v_int(r->is_stream),
	        v_int(r->system_prompt_reset), v_int(r->token_id), v_text(r->origin_model),
	        v_int(r->cached_tokens), v_int(r->attempts), v_int(r->first_byte_ms),
	        v_int(r->upstream_status), v_int(r->finish), v_int(r->model_ratio),
	        v_int(r->completion_ratio), v_int(r->group_ratio)),
	    NULL, err);
}

/* ---- filters ---- */

/* Any filter, checked on a row: `? = 0 OR …` lets through what is not asked for. */
#define REST                                                                                       \
	"(? = 0 OR type = ?) AND (? = '' OR username = ?) AND (? = '' OR token_name = ?) "         \
	"AND (? = '' OR model_name = ?) AND (? = 0 OR channel_id = ?) "                            \
	"AND created_at >= ? AND created_at <= ? "
#define REST_COUNT 12

static void bind_rest(const struct log_filter *f, int type, struct value v[REST_COUNT])
{
	const struct value values[REST_COUNT] = { v_int(type), v_int(type), v_text(f->username),
		v_text(f->username), v_text(f->token_name), v_text(f->token_name),
		v_text(f->model_name), v_text(f->model_name), v_int(f->channel), v_int(f->channel),
		v_int(f->from), v_int(f->to ? f->to : INT64_MAX) };

	for (size_t i = 0; i < REST_COUNT; i++)
		v[i] = values[i];
}

/* Which index finds the rows; each takes one value before REST. */
enum shape { BY_USER, BY_RARE_TYPE, BY_TIME, BY_NOTHING, SHAPE_COUNT };

#define WHERE_USER "WHERE user_id = ? AND "
/* The index holds all types but consumption, and is used only when the query says so. */
#define WHERE_RARE "WHERE type = ? AND type <> 2 AND "
#define WHERE_TIME "WHERE created_at >= ? AND "
#define WHERE_ID "WHERE id > ? AND "
#define PAGE REST "ORDER BY id DESC LIMIT ? OFFSET ?"
/* The order in which rows were made is that of their ids, except within a second. */
#define PAGE_BY_TIME REST "ORDER BY created_at DESC, id DESC LIMIT ? OFFSET ?"
#define SUM "SELECT COALESCE(SUM(quota), 0) FROM logs "

static const char page_user_sql[] = SELECT WHERE_USER PAGE;
static const char page_rare_sql[] = SELECT WHERE_RARE PAGE;
static const char page_time_sql[] = SELECT WHERE_TIME PAGE_BY_TIME;
static const char page_all_sql[] = SELECT WHERE_ID PAGE;
static const char sum_user_sql[] = SUM WHERE_USER REST;
static const char sum_time_sql[] = SUM WHERE_TIME REST;
static const char sum_all_sql[] = SUM WHERE_ID REST;

static const char *const page_sql[SHAPE_COUNT] = {
	[BY_USER] = page_user_sql,
	[BY_RARE_TYPE] = page_rare_sql,
	[BY_TIME] = page_time_sql,
	[BY_NOTHING] = page_all_sql,
};

static const char *const sum_sql[SHAPE_COUNT] = {
	[BY_USER] = sum_user_sql,
	[BY_TIME] = sum_time_sql,
	[BY_NOTHING] = sum_all_sql,
};

/* A user name has no index of its own: it is the account's of that name, when there is one. */
static bool user_of(struct db *db, const struct log_filter *f, int64_t *user_id, struct err *err)
{
	static const char sql[] = "SELECT id FROM users WHERE username = ? AND status <> 3";
	struct rows rows;

	*user_id = f->user_id;
	if (*user_id || f->username.n == 0)
		return true;
	return db_query(db, sql, BIND(v_text(f->username)), &rows, err) &&
	    rows_number(&rows, user_id, err);
}

static enum shape shape_of(const struct log_filter *f, int64_t user_id, int type, int64_t *key)
{
	*key = 0;
	if (user_id) {
		*key = user_id;
		return BY_USER;
	}
	if (type != LOG_TYPE_ALL && type != LOG_TYPE_CONSUME) {
		*key = type;
		return BY_RARE_TYPE;
	}
	if (f->from || f->to) {
		*key = f->from;
		return BY_TIME;
	}
	return BY_NOTHING;
}

static bool list(struct db *db, struct arena *a, const char *sql, const struct value *values,
    size_t count, struct log_list *out, struct err *err)
{
	struct rows rows;
	void *items;

	if (!db_query(db, sql, values, count, &rows, err) ||
	    !rows_all(&rows, fields, sizeof(struct logrow), a, &items, &out->count, err))
		return false;
	out->items = items;
	return true;
}

bool logrow_page(struct db *db, struct arena *a, const struct log_filter *f, int64_t offset,
    int64_t limit, struct log_list *out, struct err *err)
{
	struct value v[REST_COUNT + 3];
	int64_t user_id, key;
	enum shape shape;

	if (!user_of(db, f, &user_id, err))
		return false;
	shape = shape_of(f, user_id, f->type, &key);
	v[0] = v_int(key);
	bind_rest(f, f->type, v + 1);
	v[REST_COUNT + 1] = v_int(limit);
	v[REST_COUNT + 2] = v_int(offset);
	return list(db, a, page_sql[shape], v, REST_COUNT + 3, out, err);
}

bool logrow_sum(struct db *db, const struct log_filter *f, int64_t *quota, struct err *err)
{
	struct value v[REST_COUNT + 1];
	int64_t user_id, key;
	enum shape shape;
	struct rows rows;

	if (!user_of(db, f, &user_id, err))
		return false;
	shape = shape_of(f, user_id, LOG_TYPE_CONSUME, &key);
	v[0] = v_int(key);
	bind_rest(f, LOG_TYPE_CONSUME, v + 1);
	return db_query(db, sum_sql[shape], v, REST_COUNT + 1, &rows, err) &&
	    rows_number(&rows, quota, err);
}

/* ---- search ---- */

#define LIKES                                                                                      \
	"(content LIKE ? ESCAPE '!' OR model_name LIKE ? ESCAPE '!' "                              \
	"OR token_name LIKE ? ESCAPE '!') ORDER BY id DESC LIMIT ?"

static const char search_user_sql[] =
    SELECT "WHERE user_id = ? AND id >= COALESCE((SELECT id FROM logs WHERE user_id = ? "
           "ORDER BY id DESC LIMIT 1 OFFSET ?), 0) AND " LIKES;
static const char search_all_sql[] =
    SELECT "WHERE id > (SELECT COALESCE(MAX(id), 0) - ? FROM logs) AND " LIKES;

bool logrow_search(struct db *db, struct arena *a, struct str keyword, int64_t user_id,
    int64_t limit, struct log_list *out, struct err *err)
{
	struct value like = v_text(db_prefix(a, keyword)), user = v_int(user_id);
	int64_t type;

	if (str_to_int(keyword, 1, INT_MAX, &type)) {
		struct log_filter f = { .type = (int)type, .user_id = user_id };

		return logrow_page(db, a, &f, 0, limit, out, err);
	}
	if (user_id)
		return list(db, a, search_user_sql,
		    BIND(user, user, v_int(SEARCH_DEPTH - 1), like, like, like, v_int(limit)), out,
		    err);
	return list(db, a, search_all_sql,
	    BIND(v_int(SEARCH_DEPTH), like, like, like, v_int(limit)), out, err);
}

/* ---- housekeeping and sums by day ---- */

bool logrow_delete_before(struct db *db, int64_t before, int64_t *count, struct err *err)
{
	static const char sql[] = "DELETE FROM logs WHERE id IN "
	                          "(SELECT id FROM logs WHERE created_at < ? "
	                          "ORDER BY created_at LIMIT ?)";
	int64_t n;

	*count = 0;
	do {
		/* A transaction each, so that settlements get in between. */
		if (!db_run(db, sql, BIND(v_int(before), v_int(DELETE_STEP)), &n, err))
			return false;
		*count += n;
	} while (n == DELETE_STEP);
	return true;
}

static struct str day_text(struct arena *a, int64_t at)
{
	time_t t = (time_t)at;
	struct tm tm;

	if (!gmtime_r(&t, &tm))
		return STR("");
	return str_c(arena_fmt(a, "%04d-%02d-%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday));
}

struct log_day_row {
	int64_t start;
	struct log_day day;
};

static const struct field day_fields[] = {
	FIELD(struct log_day_row, start, 0),
	FIELD(struct log_day_row, day.model, 0),
	FIELD(struct log_day_row, day.requests, 0),
	FIELD(struct log_day_row, day.quota, 0),
	FIELD(struct log_day_row, day.prompt_tokens, 0),
	FIELD(struct log_day_row, day.completion_tokens, 0),
	{ 0 },
};

/* The rows of a user are found by user and id. Ids follow time to within the life of a request, so
 * the first row made a day earlier bounds them. */
bool logrow_days(struct db *db, struct arena *a, int64_t user_id, int64_t from, int64_t to,
    struct log_day_list *out, struct err *err)
{
	static const char sql[] =
	    "SELECT created_at - created_at % 86400, model_name, COUNT(*), SUM(quota), "
	    "SUM(prompt_tokens), SUM(completion_tokens) FROM logs "
	    "WHERE user_id = ? AND type = 2 AND created_at >= ? AND created_at <= ? "
	    "AND id >= (SELECT id FROM logs WHERE created_at >= ? ORDER BY created_at, id LIMIT 1) "
	    "GROUP BY created_at - created_at % 86400, model_name ORDER BY 1, 2";
	struct log_day_row *items;
	struct rows rows;
	void *p;

	if (!db_query(db, sql, BIND(v_int(user_id), v_int(from), v_int(to), v_int(from - DAY_S)),
	        &rows, err) ||
	    !rows_all(&rows, day_fields, sizeof(*items), a, &p, &out->count, err))
		return false;
	items = p;
	out->items = arena_alloc(a, out->count * sizeof(struct log_day));
	for (size_t i = 0; i < out->count; i++) {
		out->items[i] = items[i].day;
		out->items[i].day = day_text(a, items[i].start);
	}
	return true;
}
