/* logrow.c — table logs
 *
 * Every query starts from one index and checks the rest row by row; shape_of picks the index by
 * what the filter names. A model, a key, a user or a channel may be rare, or all that is left out:
 * these are looked for block by block (logblocks.h). Where nothing but the table itself fits, it is
 * walked from the newest row and the page is soon full. */
#include "store/logrow.h"

#include <inttypes.h>
#include <limits.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/field.h"
#include "store/logblocks.h"

/* A text search looks at so many of the newest rows, so that nobody can make it read them all. */
#define SEARCH_DEPTH 100000
#define DAY_S 86400
/* A page that begins further on is counted through in the table. */
#define SKIP_MAX 2000

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

size_t logrow_bytes(const struct logrow *row)
{
	return row->content.n + row->username.n + row->token_name.n + row->model_name.n +
	    row->request_id.n + row->origin_model.n;
}

struct logrow logrow_copy(const struct logrow *row, char *text, size_t *used)
{
	struct logrow copy = *row;

	copy.content = str_put(text, used, row->content);
	copy.username = str_put(text, used, row->username);
	copy.token_name = str_put(text, used, row->token_name);
	copy.model_name = str_put(text, used, row->model_name);
	copy.request_id = str_put(text, used, row->request_id);
	copy.origin_model = str_put(text, used, row->origin_model);
	return copy;
}

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

void log_bind_rest(const struct log_filter *f, int type, struct value v[LOG_REST_COUNT])
{
	const struct value values[LOG_REST_COUNT] = { v_int(type), v_int(type), v_text(f->username),
		v_text(f->username), v_text(f->token_name), v_text(f->token_name),
		v_text(f->model_name), v_text(f->model_name), v_int(f->channel), v_int(f->channel),
		v_text(f->without.username), v_text(f->without.username),
		v_text(f->without.token_name), v_text(f->without.token_name),
		v_text(f->without.model_name), v_text(f->without.model_name),
		v_int(f->without.channel), v_int(f->without.channel), v_int(f->from),
		v_int(f->to ? f->to : INT64_MAX) };

	for (size_t i = 0; i < LOG_REST_COUNT; i++)
		v[i] = values[i];
}

bool log_user_of(struct db *db, const struct log_filter *f, int64_t *user_id, struct err *err)
{
	static const char sql[] = "SELECT id FROM users WHERE username = ? AND status <> 3";

	*user_id = f->user_id;
	if (*user_id || f->username.n == 0)
		return true;
	return db_number(db, sql, BIND(v_text(f->username)), user_id, err);
}

/* Which index finds the rows; each takes some values before LOG_REST. */
enum shape { BY_USER, BY_RARE_TYPE, BY_BLOCK, BY_TIME, BY_NOTHING, SHAPE_COUNT };

#define WHERE_USER "WHERE user_id = ? AND id >= ? AND id < ? AND "
/* The index holds all types but consumption, and is used only when the query says so. */
#define WHERE_RARE "WHERE type = ? AND type <> 2 AND id >= ? AND id < ? AND "
#define WHERE_TIME "WHERE created_at >= ? AND created_at <= ? AND (created_at < ? OR id < ?) AND "
#define WHERE_ID "WHERE id >= ? AND id < ? AND "
#define PAGE LOG_REST "ORDER BY id DESC LIMIT ? OFFSET ?"
#define PAGE_BY_TIME LOG_REST "ORDER BY created_at DESC, id DESC LIMIT ? OFFSET ?"

static const char page_user_sql[] = SELECT WHERE_USER PAGE;
static const char page_rare_sql[] = SELECT WHERE_RARE PAGE;
static const char page_time_sql[] = SELECT WHERE_TIME PAGE_BY_TIME;
static const char page_all_sql[] = SELECT WHERE_ID PAGE;

static const char *const page_sql[SHAPE_COUNT] = {
	[BY_USER] = page_user_sql,
	[BY_RARE_TYPE] = page_rare_sql,
	[BY_BLOCK] = page_all_sql,
	[BY_TIME] = page_time_sql,
	[BY_NOTHING] = page_all_sql,
};

/* Most values that stand before LOG_REST. */
#define FIRST_MAX 4

struct search {
	enum shape shape;
	int64_t user_id, low, high; /* rows have ids from low to below high */
	struct value v[FIRST_MAX + LOG_REST_COUNT + 2];
	size_t count;
};

static enum shape shape_of(const struct log_filter *f, int64_t user_id)
{
	if (user_id)
		return BY_USER;
	if (f->type != LOG_TYPE_ALL && f->type != LOG_TYPE_CONSUME)
		return BY_RARE_TYPE;
	if (log_blocks_help(f))
		return BY_BLOCK;
	return f->from || f->to ? BY_TIME : BY_NOTHING;
}

/* Which ids rows of the filter's times can have, a day of slack on both sides. */
static bool bound_ids(struct db *db, const struct log_filter *f, struct search *s, struct err *err)
{
	static const char low_sql[] = "SELECT id FROM logs WHERE created_at < ? "
	                              "ORDER BY created_at DESC, id DESC LIMIT 1";
	static const char high_sql[] = "SELECT id FROM logs WHERE created_at > ? "
	                               "ORDER BY created_at, id LIMIT 1";
	int64_t id;

	if (f->from > DAY_S) {
		if (!db_number(db, low_sql, BIND(v_int(f->from - DAY_S)), &id, err))
			return false;
		if (id >= s->low)
			s->low = id + 1;
	}
	if (f->to > 0 && f->to < INT64_MAX - DAY_S) {
		if (!db_number(db, high_sql, BIND(v_int(f->to + DAY_S)), &id, err))
			return false;
		if (id > 0 && id < s->high)
			s->high = id;
	}
	return true;
}

static void add(struct search *s, int64_t n)
{
	s->v[s->count++] = v_int(n);
}

/* The values of the shape's beginning and of LOG_REST. */
static void bind(struct search *s, const struct log_filter *f)
{
	int64_t to = f->to ? f->to : INT64_MAX;

	s->count = 0;
	if (s->shape == BY_TIME) {
		bool behind = f->after_id && f->after_time < to;

		add(s, f->from);
		add(s, behind ? f->after_time : to);
		add(s, f->after_id ? f->after_time : INT64_MAX);
		add(s, f->after_id ? f->after_id : INT64_MAX);
	} else {
		if (s->shape == BY_USER)
			add(s, s->user_id);
		if (s->shape == BY_RARE_TYPE)
			add(s, f->type);
		add(s, s->low);
		add(s, s->high);
	}
	log_bind_rest(f, f->type, s->v + s->count);
	s->count += LOG_REST_COUNT;
}

static bool search_for(struct db *db, const struct log_filter *f, struct search *s, struct err *err)
{
	*s = (struct search){ .high = f->after_id ? f->after_id : INT64_MAX };
	if (!log_user_of(db, f, &s->user_id, err))
		return false;
	s->shape = shape_of(f, s->user_id);
	if ((s->shape == BY_USER || s->shape == BY_BLOCK) && !bound_ids(db, f, s, err))
		return false;
	bind(s, f);
	return true;
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

/* Of the rows from low to below high as many as still fit behind those of out. */
static bool take_between(struct db *db, struct arena *a, const struct log_filter *f,
    const struct search *of, int64_t low, int64_t high, int64_t limit, struct log_list *out,
    struct err *err)
{
	struct search s = { .shape = of->shape, .user_id = of->user_id, .low = low, .high = high };
	struct log_list found;

	if (low >= high)
		return true;
	bind(&s, f);
	add(&s, limit - (int64_t)out->count);
	add(&s, 0);
	if (!list(db, a, page_sql[s.shape], s.v, s.count, &found, err))
		return false;
	for (size_t i = 0; i < found.count; i++)
		out->items[out->count++] = found.items[i];
	return true;
}

/* First the end of the log, which no block has, then one block that may have some after the other. */
static bool page_of_blocks(struct db *db, struct arena *a, const struct log_filter *f,
    const struct search *s, int64_t limit, struct log_list *out, struct err *err)
{
	int64_t end, block;

	*out = (struct log_list){ .items = arena_zalloc(a, (size_t)limit * sizeof *out->items) };
	if (!log_blocks_end(db, &end, err) ||
	    !take_between(db, a, f, s, s->low > end ? s->low : end, s->high, limit, out, err))
		return false;
	if (end > s->high)
		end = s->high;
	while ((int64_t)out->count < limit && end > s->low) {
		if (!log_blocks_find(db, f, end, &block, err))
			return false;
		if (block < 0)
			return true;
		if (end > (block + 1) * LOG_BLOCK_IDS)
			end = (block + 1) * LOG_BLOCK_IDS;
		if (!take_between(db, a, f, s,
		        s->low > block * LOG_BLOCK_IDS ? s->low : block * LOG_BLOCK_IDS, end, limit,
		        out, err))
			return false;
		end = block * LOG_BLOCK_IDS;
	}
	return true;
}

static bool goes_by_blocks(const struct log_filter *f, const struct search *s)
{
	return s->shape == BY_BLOCK || (s->shape == BY_USER && log_blocks_leave_out(f));
}

bool logrow_page(struct db *db, struct arena *a, const struct log_filter *f, int64_t offset,
    int64_t limit, struct log_list *out, struct err *err)
{
	struct search s;
	size_t skipped;

	if (!search_for(db, f, &s, err))
		return false;
	if (goes_by_blocks(f, &s) && offset <= SKIP_MAX) {
		if (!page_of_blocks(db, a, f, &s, offset + limit, out, err))
			return false;
		skipped = out->count < (size_t)offset ? out->count : (size_t)offset;
		out->items += skipped;
		out->count -= skipped;
		return true;
	}
	add(&s, limit);
	add(&s, offset);
	return list(db, a, page_sql[s.shape], s.v, s.count, out, err);
}

/* ---- counting ---- */

/* So many of the newest rows are looked at; what is only found further back is not counted. */
#define COUNT_DEPTH 200000

#define COUNT_OF_ROWS(where)                                                                       \
	"SELECT COUNT(*) FROM (SELECT 1 FROM logs " where LOG_REST "AND id >= ? LIMIT ?) AS found"

static const char count_user_sql[] = COUNT_OF_ROWS(WHERE_USER);
static const char count_rare_sql[] = COUNT_OF_ROWS(WHERE_RARE);
static const char count_time_sql[] = COUNT_OF_ROWS(WHERE_TIME);
static const char count_all_sql[] = COUNT_OF_ROWS(WHERE_ID);

static const char *const count_sql[SHAPE_COUNT] = {
	[BY_USER] = count_user_sql,
	[BY_RARE_TYPE] = count_rare_sql,
	[BY_BLOCK] = count_all_sql,
	[BY_TIME] = count_time_sql,
	[BY_NOTHING] = count_all_sql,
};

bool logrow_count(struct db *db, const struct log_filter *f, int64_t most, int64_t *count,
    struct err *err)
{
	static const char floor_sql[] = "SELECT COALESCE(MAX(id), 0) - ? FROM logs";
	static const char below_sql[] = "SELECT COUNT(*) FROM (SELECT 1 FROM logs WHERE id < ? "
	                                "LIMIT 1) AS found";
	int64_t floor, below;
	struct search s;

	if (!db_number(db, floor_sql, BIND(v_int(COUNT_DEPTH)), &floor, err) ||
	    !db_number(db, below_sql, BIND(v_int(floor)), &below, err) ||
	    !search_for(db, f, &s, err))
		return false;
	add(&s, floor);
	add(&s, most + 1);
	if (!db_number(db, count_sql[s.shape], s.v, s.count, count, err))
		return false;
	if (*count > most || below)
		*count = -1;
	return true;
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

const char *const *logrow_statements(size_t *count)
{
	static const char *const all[] = { page_user_sql, page_rare_sql, page_time_sql,
		page_all_sql, count_user_sql, count_rare_sql, count_time_sql, count_all_sql,
		search_user_sql, search_all_sql };

	*count = COUNT_OF(all);
	return all;
}
