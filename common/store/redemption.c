/* redemption.c — table redemptions */
#include "store/redemption.h"

#include <assert.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/field.h"
#include "base/log.h"

#define KEY_LABEL "redemption"
#define KEY_AAD "redemption.key"
#define SELECT                                                                                     \
	"SELECT id, user_id, key_sealed, status, name, quota, created_time, redeemed_time, "       \
	"redeemed_by, 0 FROM redemptions "

/* key holds sealed text until open_key. */
static const struct field fields[] = {
	FIELD(struct redemption, id, 0),
	FIELD(struct redemption, user_id, 0),
	FIELD(struct redemption, key, 0),
	FIELD(struct redemption, status, 0),
	FIELD(struct redemption, name, 0),
	FIELD(struct redemption, quota, 0),
	FIELD(struct redemption, created_time, 0),
	FIELD(struct redemption, redeemed_time, 0),
	FIELD(struct redemption, redeemed_by, 0),
	FIELD(struct redemption, count, 0),
	{ 0 },
};

static const char missing[] = "no such code";

static void open_key(const struct secret_box *box, struct arena *a, struct redemption *r)
{
	if (secret_open(box, a, KEY_AAD, r->key, &r->key))
		return;
	log_warn(NULL, "redemption.unreadable", LOG_INT("id", r->id));
	r->key = STR("");
}

static bool list(struct db *db, const struct secret_box *box, struct arena *a, const char *sql,
    const struct value *values, size_t count, struct redemption_list *out, struct err *err)
{
	struct rows rows;
	void *items;

	if (!db_query(db, sql, values, count, &rows, err) ||
	    !rows_all(&rows, fields, sizeof(struct redemption), a, &items, &out->count, err))
		return false;
	out->items = items;
	for (size_t i = 0; i < out->count; i++)
		open_key(box, a, &out->items[i]);
	return true;
}

static bool count_all(struct db *db, int status, int64_t *total, struct err *err)
{
	static const char sql[] = "SELECT COUNT(*) FROM redemptions WHERE ? = 0 OR status = ?";

	return db_number(db, sql, BIND(v_int(status), v_int(status)), total, err);
}

bool redemption_page(struct db *db, const struct secret_box *box, struct arena *a, int status,
    int64_t offset, int64_t limit, struct redemption_list *out, int64_t *total, struct err *err)
{
	static const char sql[] =
	    SELECT "WHERE ? = 0 OR status = ? ORDER BY id DESC LIMIT ? OFFSET ?";

	return list(db, box, a, sql,
	           BIND(v_int(status), v_int(status), v_int(limit), v_int(offset)), out, err) &&
	    (!total || count_all(db, status, total, err));
}

bool redemption_search(struct db *db, const struct secret_box *box, struct arena *a,
    struct str keyword, int64_t limit, struct redemption_list *out, struct err *err)
{
	static const char sql[] =
	    SELECT "WHERE id = ? OR name LIKE ? ESCAPE '!' ORDER BY id DESC LIMIT ?";
	int64_t id;

	if (!str_to_int(keyword, 1, INT64_MAX, &id))
		id = 0;
	return list(db, box, a, sql, BIND(v_int(id), v_text(db_prefix(a, keyword)), v_int(limit)),
	    out, err);
}

static bool one(struct db *db, const struct secret_box *box, struct arena *a, const char *sql,
    struct value value, struct redemption *out, struct err *err)
{
	struct rows rows;

	if (!db_query(db, sql, &value, 1, &rows, err) ||
	    !rows_one(&rows, fields, a, out, missing, err))
		return false;
	open_key(box, a, out);
	return true;
}

bool redemption_by_id(struct db *db, const struct secret_box *box, struct arena *a, int64_t id,
    struct redemption *out, struct err *err)
{
	static const char sql[] = SELECT "WHERE id = ?";

	return one(db, box, a, sql, v_int(id), out, err);
}

bool redemption_find(struct db *db, const struct secret_box *box, struct arena *a, struct str key,
    struct redemption *out, struct err *err)
{
	static const char sql[] = SELECT "WHERE key_hash = ?";
	uint8_t hash[SECRET_HASH_LEN];

	secret_hash(box, KEY_LABEL, key, hash);
	return one(db, box, a, sql, v_blob(hash, sizeof(hash)), out, err);
}

bool redemption_insert(struct db *db, const struct secret_box *box, struct arena *a,
    struct redemption *r, struct err *err)
{
	static const char sql[] =
	    "INSERT INTO redemptions (user_id, key_hash, key_sealed, status, name, quota, "
	    "created_time) VALUES (?, ?, ?, ?, ?, ?, ?)";
	uint8_t hash[SECRET_HASH_LEN];

	if (r->key.n == 0) {
		char *key = arena_alloc(a, REDEMPTION_KEY_LEN + 1);

		secret_random_hex(key, REDEMPTION_KEY_LEN);
		r->key = (struct str){ key, REDEMPTION_KEY_LEN };
	}
	assert(r->key.n <= REDEMPTION_KEY_MAX);
	if (r->created_time == 0)
		r->created_time = clock_unix();
	secret_hash(box, KEY_LABEL, r->key, hash);
	return db_insert(db, sql,
	    BIND(v_int(r->user_id), v_blob(hash, sizeof(hash)),
	        v_text(secret_seal(box, a, KEY_AAD, r->key)), v_int(r->status), v_text(r->name),
	        v_int(r->quota), v_int(r->created_time)),
	    &r->id, err);
}

bool redemption_update(struct db *db, const struct redemption *r, bool *changed, struct err *err)
{
	static const char sql[] =
	    "UPDATE redemptions SET status = ?, name = ?, quota = ? WHERE id = ? AND status <> 3";
	int64_t n;

	assert(r->status != REDEMPTION_USED);
	if (!db_run(db, sql, BIND(v_int(r->status), v_text(r->name), v_int(r->quota), v_int(r->id)),
	        &n, err))
		return false;
	*changed = n == 1;
	return true;
}

/* That id must be there. */
static bool change_one(struct db *db, const char *sql, const struct value *values, size_t count,
    struct err *err)
{
	int64_t n;

	if (!db_run(db, sql, values, count, &n, err))
		return false;
	return n == 1 || err_set(err, ERR_NOT_FOUND, "%s", missing);
}

bool redemption_rename(struct db *db, int64_t id, struct str name, struct err *err)
{
	static const char sql[] = "UPDATE redemptions SET name = ? WHERE id = ?";

	return change_one(db, sql, BIND(v_text(name), v_int(id)), err);
}

bool redemption_delete(struct db *db, int64_t id, struct err *err)
{
	static const char sql[] = "DELETE FROM redemptions WHERE id = ?";

	return change_one(db, sql, BIND(v_int(id)), err);
}

bool redemption_claim(struct db *db, int64_t id, int64_t user_id, bool *claimed, struct err *err)
{
	static const char sql[] = "UPDATE redemptions SET status = 3, redeemed_time = ?, "
	                          "redeemed_by = ? WHERE id = ? AND status = 1";
	int64_t n;

	if (!db_run(db, sql, BIND(v_int(clock_unix()), v_int(user_id), v_int(id)), &n, err))
		return false;
	*claimed = n == 1;
	return true;
}
