/* token.c — table tokens */
#include "store/token.h"

#include <assert.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/field.h"
#include "base/log.h"

#define KEY_LABEL "token"
#define KEY_AAD "token.key"

#define COLUMNS                                                                                    \
	"id, user_id, key_sealed, status, name, created_time, accessed_time, expired_time, "       \
	"remain_quota, unlimited_quota, used_quota, models, subnet, capture_until"
#define SELECT "SELECT " COLUMNS " FROM tokens "

/* In the order of COLUMNS; key holds the sealed text until open_keys. */
static const struct field fields[] = {
	FIELD(struct token, id, 0),
	FIELD(struct token, user_id, 0),
	FIELD(struct token, key, 0),
	FIELD(struct token, status, 0),
	FIELD(struct token, name, 0),
	FIELD(struct token, created_time, 0),
	FIELD(struct token, accessed_time, 0),
	FIELD(struct token, expired_time, 0),
	FIELD(struct token, remain_quota, 0),
	FIELD(struct token, unlimited_quota, 0),
	FIELD(struct token, used_quota, 0),
	FIELD(struct token, models, 0),
	FIELD(struct token, subnet, 0),
	FIELD(struct token, capture_until, 0),
	{ 0 },
};

static const char missing[] = "no such key";

/* In the order of token_find's columns. */
static const struct field owner_fields[] = {
	FIELD(struct token_owner, token.id, 0),
	FIELD(struct token_owner, token.user_id, 0),
	FIELD(struct token_owner, token.status, 0),
	FIELD(struct token_owner, token.name, 0),
	FIELD(struct token_owner, token.created_time, 0),
	FIELD(struct token_owner, token.accessed_time, 0),
	FIELD(struct token_owner, token.expired_time, 0),
	FIELD(struct token_owner, token.remain_quota, 0),
	FIELD(struct token_owner, token.unlimited_quota, 0),
	FIELD(struct token_owner, token.used_quota, 0),
	FIELD(struct token_owner, token.models, 0),
	FIELD(struct token_owner, token.subnet, 0),
	FIELD(struct token_owner, token.capture_until, 0),
	FIELD(struct token_owner, username, 0),
	FIELD(struct token_owner, group, 0),
	FIELD(struct token_owner, user_status, 0),
	FIELD(struct token_owner, role, 0),
	FIELD(struct token_owner, user_quota, 0),
	{ 0 },
};

/* Once per relayed request: two index look-ups. */
bool token_find(struct db *db, struct arena *a, const uint8_t hash[SECRET_HASH_LEN],
    struct token_owner *out, struct err *err)
{
	static const char sql[] =
	    "SELECT t.id, t.user_id, t.status, t.name, t.created_time, t.accessed_time, "
	    "t.expired_time, t.remain_quota, t.unlimited_quota, t.used_quota, t.models, t.subnet, "
	    "t.capture_until, "
	    "u.username, u.group_name, u.status, u.role, u.quota "
	    "FROM tokens t JOIN users u ON u.id = t.user_id "
	    "WHERE t.key_hash = ? AND t.deleted_at = 0";
	struct rows rows;

	*out = (struct token_owner){ 0 };
	return db_query(db, sql, BIND(v_blob(hash, SECRET_HASH_LEN)), &rows, err) &&
	    rows_one(&rows, owner_fields, a, out, missing, err);
}

/* A key sealed under another data key still works for clients whose hash matches; it only cannot
 * be shown. */
static void open_key(const struct secret_box *box, struct arena *a, struct token *t)
{
	struct str plain = { 0 };

	if (!secret_open(box, a, KEY_AAD, t->key, &plain)) {
		log_warn(NULL, "token.unreadable", LOG_INT("token", t->id));
		plain = STR("");
	}
	t->key = plain;
}

static bool list(struct db *db, const struct secret_box *box, struct arena *a, const char *sql,
    const struct value *values, size_t count, struct token_list *out, struct err *err)
{
	struct rows rows;
	void *items;

	if (!db_query(db, sql, values, count, &rows, err) ||
	    !rows_all(&rows, fields, sizeof(struct token), a, &items, &out->count, err))
		return false;
	out->items = items;
	for (size_t i = 0; i < out->count; i++)
		open_key(box, a, &out->items[i]);
	return true;
}

static const char page_by_id_sql[] =
    SELECT "WHERE user_id = ? AND deleted_at = 0 ORDER BY id DESC LIMIT ? OFFSET ?";
static const char page_by_remain_sql[] =
    SELECT "WHERE user_id = ? AND deleted_at = 0 "
           "ORDER BY unlimited_quota DESC, remain_quota DESC, id DESC LIMIT ? OFFSET ?";
static const char page_by_used_sql[] = SELECT
    "WHERE user_id = ? AND deleted_at = 0 ORDER BY used_quota DESC, id DESC LIMIT ? OFFSET ?";

bool token_page(struct db *db, const struct secret_box *box, struct arena *a, int64_t user_id,
    enum token_order order, int64_t offset, int64_t limit, struct token_list *out, struct err *err)
{
	static const char *const sql[] = {
		[TOKENS_BY_ID] = page_by_id_sql,
		[TOKENS_BY_REMAIN] = page_by_remain_sql,
		[TOKENS_BY_USED] = page_by_used_sql,
	};

	return list(db, box, a, sql[order], BIND(v_int(user_id), v_int(limit), v_int(offset)), out,
	    err);
}

bool token_search(struct db *db, const struct secret_box *box, struct arena *a, int64_t user_id,
    struct str keyword, int64_t limit, struct token_list *out, struct err *err)
{
	static const char sql[] =
	    SELECT "WHERE user_id = ? AND deleted_at = 0 AND name LIKE ? ESCAPE '!' "
	           "ORDER BY id DESC LIMIT ?";

	return list(db, box, a, sql,
	    BIND(v_int(user_id), v_text(db_prefix(a, keyword)), v_int(limit)), out, err);
}

bool token_by_id(struct db *db, const struct secret_box *box, struct arena *a, int64_t id,
    int64_t user_id, struct token *out, struct err *err)
{
	static const char sql[] = SELECT "WHERE id = ? AND user_id = ? AND deleted_at = 0";
	struct rows rows;

	if (!db_query(db, sql, BIND(v_int(id), v_int(user_id)), &rows, err) ||
	    !rows_one(&rows, fields, a, out, missing, err))
		return false;
	open_key(box, a, out);
	return true;
}

bool token_count(struct db *db, int64_t user_id, int64_t *out, struct err *err)
{
	static const char sql[] =
	    "SELECT COUNT(*) FROM tokens WHERE user_id = ? AND deleted_at = 0";

	return db_number(db, sql, BIND(v_int(user_id)), out, err);
}

bool token_insert(struct db *db, const struct secret_box *box, struct arena *a, struct token *t,
    struct err *err)
{
	static const char sql[] =
	    "INSERT INTO tokens (user_id, key_hash, key_sealed, status, name, created_time, "
	    "accessed_time, expired_time, remain_quota, unlimited_quota, models, subnet, "
	    "capture_until) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
	uint8_t hash[SECRET_HASH_LEN];

	if (t->key.n == 0) {
		char *key = arena_alloc(a, TOKEN_KEY_LEN + 1);

		secret_random_alnum(key, TOKEN_KEY_LEN);
		t->key = (struct str){ key, TOKEN_KEY_LEN };
	}
	assert(t->key.n <= TOKEN_KEY_MAX);
	if (t->created_time == 0)
		t->created_time = clock_unix();
	if (t->accessed_time == 0)
		t->accessed_time = t->created_time;
	secret_hash(box, KEY_LABEL, t->key, hash);
	return db_insert(db, sql,
	    BIND(v_int(t->user_id), v_blob(hash, sizeof(hash)),
	        v_text(secret_seal(box, a, KEY_AAD, t->key)), v_int(t->status), v_text(t->name),
	        v_int(t->created_time), v_int(t->accessed_time), v_int(t->expired_time),
	        v_int(t->remain_quota), v_int(t->unlimited_quota), v_text(t->models),
	        v_text(t->subnet), v_int(t->capture_until)),
	    &t->id, err);
}

/* Runs a write that must touch the one living row it names. */
static bool change(struct db *db, const char *sql, const struct value *values, size_t count,
    struct err *err)
{
	int64_t changed;

	if (!db_run(db, sql, values, count, &changed, err))
		return false;
	return changed == 1 || err_set(err, ERR_NOT_FOUND, "%s", missing);
}

bool token_update(struct db *db, const struct token *t, struct err *err)
{
	static const char sql[] =
	    "UPDATE tokens SET status = ?, name = ?, expired_time = ?, models = ?, subnet = ?, "
	    "capture_until = ? WHERE id = ? AND user_id = ? AND deleted_at = 0";

	return change(db, sql,
	    BIND(v_int(t->status), v_text(t->name), v_int(t->expired_time), v_text(t->models),
	        v_text(t->subnet), v_int(t->capture_until), v_int(t->id), v_int(t->user_id)),
	    err);
}

bool token_set_status(struct db *db, int64_t id, int status, struct err *err)
{
	static const char sql[] = "UPDATE tokens SET status = ? WHERE id = ? AND deleted_at = 0";

	return change(db, sql, BIND(v_int(status), v_int(id)), err);
}

bool token_mark_exhausted(struct db *db, int64_t id, struct err *err)
{
	static const char held_sql[] = "SELECT count(*) FROM "
	                               "(SELECT 1 FROM reservations WHERE token_id = ? LIMIT 1)";
	static const char mark_sql[] =
	    "UPDATE tokens SET status = ? WHERE id = ? AND status = ? AND unlimited_quota = 0 "
	    "AND remain_quota <= 0 "
	    "AND NOT EXISTS (SELECT 1 FROM reservations WHERE token_id = tokens.id)";
	int64_t held;

	/* Asked first, because a write would wait for its turn. */
	if (!db_number(db, held_sql, BIND(v_int(id)), &held, err))
		return false;
	return held ||
	    db_run(db, mark_sql, BIND(v_int(TOKEN_EXHAUSTED), v_int(id), v_int(TOKEN_ENABLED)),
	        NULL, err);
}

bool token_delete(struct db *db, int64_t id, int64_t user_id, struct err *err)
{
	static const char sql[] = "UPDATE tokens SET deleted_at = ?, key_sealed = '' "
	                          "WHERE id = ? AND user_id = ? AND deleted_at = 0";

	return change(db, sql, BIND(v_int(clock_unix()), v_int(id), v_int(user_id)), err);
}
