/* resource.c — table resources */
#include "store/resource.h"

#include <inttypes.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/field.h"

static const struct field fields[] = {
	FIELD(struct resource, seq, 0),
	FIELD(struct resource, kind, 0),
	FIELD(struct resource, id, 0),
	FIELD(struct resource, user_id, 0),
	FIELD(struct resource, channel_id, 0),
	FIELD(struct resource, key_id, 0),
	FIELD(struct resource, created_at, 0),
	FIELD(struct resource, expires_at, 0),
	FIELD(struct resource, model, 0),
	FIELD(struct resource, due, 0),
	FIELD(struct resource, billed_prompt, 0),
	FIELD(struct resource, billed_completion, 0),
	FIELD(struct resource, billed_quota, 0),
	FIELD(struct resource, billed_token, 0),
	FIELD(struct resource, billed_budgets, 0),
	FIELD(struct resource, bounded, 0),
	FIELD(struct resource, seen_completion, 0),
	FIELD(struct resource, charge, 0),
	FIELD(struct resource, parent, 0),
	FIELD(struct resource, summary, 0),
	FIELD(struct resource, looks, 0),
	FIELD(struct resource, look_at, 0),
	FIELD(struct resource, object, 0),
	{ 0 },
};

/* The columns of fields, in their order. */
#define SELECT                                                                                     \
	"SELECT seq, kind, id, user_id, channel_id, key_id, created_at, expires_at, model, "       \
	"due, billed_prompt, billed_completion, billed_quota, billed_token, billed_budgets, "      \
	"bounded, seen_completion, charge, parent, summary, looks, look_at, object "               \
	"FROM resources "

/* The columns that a creation fills in. */
#define CREATED                                                                                    \
	"channel_id, key_id, created_at, expires_at, model, due, billed_prompt, "                  \
	"billed_completion, billed_quota, billed_token, billed_budgets, bounded, "                 \
	"seen_completion, charge, parent, summary, looks, look_at, object"

static bool insert(struct db *db, const struct resource *r, struct err *err)
{
	static const char sql[] =
	    "INSERT INTO resources (kind, id, user_id, " CREATED ") VALUES "
	    "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?)";

	return db_run(db, sql,
	    BIND(v_text(r->kind), v_text(r->id), v_int(r->user_id), v_int(r->channel_id),
	        v_int(r->key_id), v_int(r->created_at), v_int(r->expires_at), v_text(r->model),
	        v_int(r->due), v_int(r->billed_prompt), v_int(r->billed_completion),
	        v_int(r->billed_quota), v_int(r->billed_token), v_text(r->billed_budgets),
	        v_int(r->bounded), v_int(r->seen_completion), v_int(r->charge), v_text(r->parent),
	        v_text(r->summary), v_int(r->look_at), v_text(r->object)),
	    NULL, err);
}

bool resource_put(struct db *db, const struct resource *r, struct err *err)
{
	static const char sql[] = "UPDATE resources SET (" CREATED ") = "
	                          "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?) "
	                          "WHERE kind = ? AND id = ? AND user_id = ?";
	int64_t changed;

	if (!db_run(db, sql,
	        BIND(v_int(r->channel_id), v_int(r->key_id), v_int(r->created_at),
	            v_int(r->expires_at), v_text(r->model), v_int(r->due), v_int(r->billed_prompt),
	            v_int(r->billed_completion), v_int(r->billed_quota), v_int(r->billed_token),
	            v_text(r->billed_budgets), v_int(r->bounded), v_int(r->seen_completion),
	            v_int(r->charge), v_text(r->parent), v_text(r->summary), v_int(r->look_at),
	            v_text(r->object), v_text(r->kind), v_text(r->id), v_int(r->user_id)),
	        &changed, err))
		return false;
	return changed > 0 || insert(db, r, err);
}

bool resource_learn(struct db *db, const struct resource *r, struct err *err)
{
	static const char sql[] = "SELECT COUNT(*) FROM resources WHERE kind = ? AND id = ? "
	                          "AND (user_id = ? OR channel_id = ?)";
	int64_t known;

	if (!db_number(db, sql,
	        BIND(v_text(r->kind), v_text(r->id), v_int(r->user_id), v_int(r->channel_id)),
	        &known, err))
		return false;
	return known > 0 || insert(db, r, err);
}

bool resource_find(struct db *db, struct arena *a, int64_t user_id, struct str kind, struct str id,
    struct resource *out, struct err *err)
{
	static const char sql[] =
	    SELECT "WHERE kind = ? AND id = ? AND user_id = ? AND expires_at > ?";
	struct rows rows;

	if (!db_query(db, sql, BIND(v_text(kind), v_text(id), v_int(user_id), v_int(clock_unix())),
	        &rows, err))
		return false;
	return rows_one(&rows, fields, a, out, "no such resource", err);
}

bool resource_page(struct db *db, struct arena *a, int64_t user_id, struct str kind,
    enum resource_order order, int64_t behind_seq, int64_t limit, struct resource_list *out,
    struct err *err)
{
	static const char newest[] = SELECT "WHERE user_id = ? AND kind = ? AND seq < ? AND "
	                                    "expires_at > ? AND object <> '' "
	                                    "ORDER BY seq DESC LIMIT ?";
	static const char oldest[] = SELECT "WHERE user_id = ? AND kind = ? AND seq > ? AND "
	                                    "expires_at > ? AND object <> '' "
	                                    "ORDER BY seq LIMIT ?";
	bool down = order == RESOURCES_NEWEST;
	struct rows rows;

	if (down && behind_seq == 0)
		behind_seq = INT64_MAX;
	if (!db_query(db, down ? newest : oldest,
	        BIND(v_int(user_id), v_text(kind), v_int(behind_seq), v_int(clock_unix()),
	            v_int(limit)),
	        &rows, err))
		return false;
	return rows_all(&rows, fields, sizeof(*out->items), a, (void **)&out->items, &out->count,
	    err);
}

bool resource_seen(struct db *db, int64_t user_id, struct str kind, struct str id,
    int64_t expires_at, struct str object, struct err *err)
{
	static const char sql[] =
	    "UPDATE resources SET expires_at = ?, "
	    "object = CASE WHEN object <> '' AND ? <> '' THEN ? ELSE object END "
	    "WHERE kind = ? AND id = ? AND user_id = ?";

	return db_run(db, sql,
	    BIND(v_int(expires_at), v_text(object), v_text(object), v_text(kind), v_text(id),
	        v_int(user_id)),
	    NULL, err);
}

bool resource_delete(struct db *db, int64_t user_id, struct str kind, struct str id,
    struct err *err)
{
	static const char sql[] = "DELETE FROM resources WHERE kind = ? AND id = ? AND user_id = ?";

	return db_run(db, sql, BIND(v_text(kind), v_text(id), v_int(user_id)), NULL, err);
}

bool resource_billed(struct db *db, const struct resource *r, struct err *err)
{
	static const char sql[] =
	    "UPDATE resources SET due = ?, billed_prompt = ?, billed_completion = ?, "
	    "billed_quota = ?, billed_token = ?, billed_budgets = ?, bounded = ?, "
	    "seen_completion = ? WHERE kind = ? AND id = ? AND user_id = ?";

	return db_run(db, sql,
	    BIND(v_int(r->due), v_int(r->billed_prompt), v_int(r->billed_completion),
	        v_int(r->billed_quota), v_int(r->billed_token), v_text(r->billed_budgets),
	        v_int(r->bounded), v_int(r->seen_completion), v_text(r->kind), v_text(r->id),
	        v_int(r->user_id)),
	    NULL, err);
}

bool resource_claim(struct db *db, struct arena *a, int64_t user_id, struct str kind, struct str id,
    struct resource *out, bool *claimed, struct err *err)
{
	static const char sql[] = "UPDATE resources SET due = 0 "
	                          "WHERE kind = ? AND id = ? AND user_id = ? AND due = 1";
	static const char find_sql[] = SELECT "WHERE kind = ? AND id = ? AND user_id = ?";
	struct rows rows;
	int64_t changed;

	*claimed = false;
	if (!db_run(db, sql, BIND(v_text(kind), v_text(id), v_int(user_id)), &changed, err))
		return false;
	if (changed == 0)
		return true;
	*claimed = true;
	if (!db_query(db, find_sql, BIND(v_text(kind), v_text(id), v_int(user_id)), &rows, err))
		return false;
	return rows_one(&rows, fields, a, out, "no such resource", err);
}

bool resource_sweep(struct db *db, int64_t now, int64_t limit, int64_t *count, struct err *err)
{
	static const char sql[] = "DELETE FROM resources WHERE seq IN "
	                          "(SELECT seq FROM resources "
	                          "WHERE expires_at <= ? AND due = 0 LIMIT ?)";

	return db_run(db, sql, BIND(v_int(now), v_int(limit)), count, err);
}

/* ---- works ----------------------------------------------------------------------------------- */

static bool exists(struct db *db, const struct resource *r, bool *yes, struct err *err)
{
	static const char sql[] =
	    "SELECT COUNT(*) FROM resources WHERE kind = ? AND id = ? AND user_id = ?";
	int64_t count;

	if (!db_number(db, sql, BIND(v_text(r->kind), v_text(r->id), v_int(r->user_id)), &count,
	        err))
		return false;
	*yes = count > 0;
	return true;
}

bool resource_adopt(struct db *db, struct str pending_id, const struct resource *r, struct err *err)
{
	static const char sql[] =
	    "UPDATE resources SET id = ?, parent = ?, object = ?, expires_at = ?, look_at = ? "
	    "WHERE kind = ? AND id = ? AND user_id = ?";
	struct resource fresh = *r;
	int64_t changed;
	bool known;

	if (!exists(db, r, &known, err))
		return false;
	if (known)
		return true;
	if (!db_run(db, sql,
	        BIND(v_text(r->id), v_text(r->parent), v_text(r->object), v_int(r->expires_at),
	            v_int(r->look_at), v_text(r->kind), v_text(pending_id), v_int(r->user_id)),
	        &changed, err))
		return false;
	if (changed > 0)
		return true;
	fresh.due = true;
	fresh.billed_prompt = fresh.billed_completion = fresh.billed_quota = 0;
	fresh.bounded = false;
	return insert(db, &fresh, err);
}

bool resource_due(struct db *db, struct arena *a, int64_t now, int64_t limit,
    struct resource_list *out, struct err *err)
{
	static const char sql[] =
	    SELECT "WHERE due = 1 AND look_at <= ? AND NOT (id LIKE '~%' AND EXISTS "
	           "(SELECT 1 FROM reservations WHERE request_id = SUBSTR(resources.id, 2))) "
	           "ORDER BY look_at LIMIT ?";
	struct rows rows;

	if (!db_query(db, sql, BIND(v_int(now), v_int(limit)), &rows, err))
		return false;
	return rows_all(&rows, fields, sizeof(*out->items), a, (void **)&out->items, &out->count,
	    err);
}

bool resource_is_needed(struct db *db, const struct resource *r, bool *needed, struct err *err)
{
	static const char sql[] =
	    "SELECT COUNT(*) FROM resources WHERE due = 1 AND user_id = ? AND "
	    "((? = 'threads' AND kind = 'runs' AND parent = ?) OR "
	    "(? = 'files' AND kind = 'batches' AND id = ?))";
	int64_t count;

	if (!db_number(db, sql,
	        BIND(v_int(r->user_id), v_text(r->kind), v_text(r->id), v_text(r->kind),
	            v_text(r->parent)),
	        &count, err))
		return false;
	*needed = count > 0;
	return true;
}

bool resource_is_known(struct db *db, struct str kind, struct str id, bool *known, struct err *err)
{
	static const char sql[] = "SELECT COUNT(*) FROM resources WHERE kind = ? AND id = ?";
	int64_t count;

	if (!db_number(db, sql, BIND(v_text(kind), v_text(id)), &count, err))
		return false;
	*known = count > 0;
	return true;
}

bool resource_looked(struct db *db, int64_t seq, int64_t look_at, struct err *err)
{
	static const char sql[] =
	    "UPDATE resources SET looks = looks + 1, look_at = ? WHERE seq = ?";

	return db_run(db, sql, BIND(v_int(look_at), v_int(seq)), NULL, err);
}

bool resource_give_up(struct db *db, int64_t seq, struct err *err)
{
	static const char sql[] = "UPDATE resources SET due = 0 WHERE seq = ?";

	return db_run(db, sql, BIND(v_int(seq)), NULL, err);
}

bool resource_undo(struct db *db, int64_t user_id, struct str kind, struct str id, bool *gone,
    struct err *err)
{
	static const char sql[] =
	    "DELETE FROM resources WHERE kind = ? AND id = ? AND user_id = ? AND due = 1";
	int64_t changed;

	if (!db_run(db, sql, BIND(v_text(kind), v_text(id), v_int(user_id)), &changed, err))
		return false;
	*gone = changed > 0;
	return true;
}
