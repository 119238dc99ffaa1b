/* user.c — table users */
#include "store/user.h"

#include <limits.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/field.h"

#define COLUMNS                                                                                    \
	"id, username, display_name, password, role, status, email, github_id, wechat_id, "        \
	"lark_id, oidc_id, quota, used_quota, request_count, group_name, aff_code, inviter_id, "   \
	"created_at, session_epoch, access_token_used_at"
#define SELECT "SELECT " COLUMNS " FROM users "

/* In the order of COLUMNS. */
static const struct field fields[] = {
	FIELD(struct user, id, 0),
	FIELD(struct user, username, 0),
	FIELD(struct user, display_name, 0),
	FIELD(struct user, password, 0),
	FIELD(struct user, role, 0),
	FIELD(struct user, status, 0),
	FIELD(struct user, email, 0),
	FIELD(struct user, github_id, 0),
	FIELD(struct user, wechat_id, 0),
	FIELD(struct user, lark_id, 0),
	FIELD(struct user, oidc_id, 0),
	FIELD(struct user, quota, 0),
	FIELD(struct user, used_quota, 0),
	FIELD(struct user, request_count, 0),
	FIELD(struct user, group, 0),
	FIELD(struct user, aff_code, 0),
	FIELD(struct user, inviter_id, 0),
	FIELD(struct user, created_at, 0),
	FIELD(struct user, session_epoch, 0),
	FIELD(struct user, access_token_used_at, 0),
	{ 0 },
};

static const char missing[] = "no such user";

static bool find(struct db *db, struct arena *a, const char *sql, struct value key,
    struct user *out, struct err *err)
{
	struct rows rows;

	return db_query(db, sql, &key, 1, &rows, err) &&
	    rows_one(&rows, fields, a, out, missing, err);
}

bool user_by_id(struct db *db, struct arena *a, int64_t id, struct user *out, struct err *err)
{
	static const char sql[] = SELECT "WHERE id = ?";

	return find(db, a, sql, v_int(id), out, err);
}

bool user_by_name(struct db *db, struct arena *a, struct str name, struct user *out,
    struct err *err)
{
	static const char sql[] = SELECT "WHERE username = ? AND status <> 3";

	return find(db, a, sql, v_text(name), out, err);
}

bool user_by_aff_code(struct db *db, struct arena *a, struct str code, struct user *out,
    struct err *err)
{
	static const char sql[] = SELECT "WHERE aff_code = ? AND aff_code <> '' AND status = 1";

	return find(db, a, sql, v_text(code), out, err);
}

bool user_by_access_token(struct db *db, struct arena *a, const uint8_t hash[SECRET_HASH_LEN],
    struct user *out, struct err *err)
{
	static const char sql[] = SELECT "WHERE access_token_hash = ? AND status <> 3";

	return find(db, a, sql, v_blob(hash, SECRET_HASH_LEN), out, err);
}

/* A reset by mail must not touch an account by chance, so a shared address finds nobody. */
bool user_by_email(struct db *db, struct arena *a, struct str email, struct user *out,
    struct err *err)
{
	static const char sql[] =
	    SELECT "WHERE email = ? AND email <> '' AND status <> 3 ORDER BY id LIMIT 2";
	struct rows rows;
	void *items;
	size_t count;

	if (!db_query(db, sql, BIND(v_text(email)), &rows, err) ||
	    !rows_all(&rows, fields, sizeof(*out), a, &items, &count, err))
		return false;
	if (count != 1)
		return err_set(err, ERR_NOT_FOUND, "%s", missing);
	*out = *(struct user *)items;
	return true;
}

static bool list(struct db *db, struct arena *a, const char *sql, const struct value *values,
    size_t count, struct user_list *out, struct err *err)
{
	struct rows rows;
	void *items;

	if (!db_query(db, sql, values, count, &rows, err) ||
	    !rows_all(&rows, fields, sizeof(struct user), a, &items, &out->count, err))
		return false;
	out->items = items;
	return true;
}

static const char page_by_id_sql[] = SELECT "WHERE status <> 3 ORDER BY id DESC LIMIT ? OFFSET ?";
static const char page_by_quota_sql[] =
    SELECT "WHERE status <> 3 ORDER BY quota DESC, id DESC LIMIT ? OFFSET ?";
static const char page_by_used_sql[] =
    SELECT "WHERE status <> 3 ORDER BY used_quota DESC, id DESC LIMIT ? OFFSET ?";
static const char page_by_count_sql[] =
    SELECT "WHERE status <> 3 ORDER BY request_count DESC, id DESC LIMIT ? OFFSET ?";

bool user_page(struct db *db, struct arena *a, enum user_order order, int64_t offset, int64_t limit,
    struct user_list *out, struct err *err)
{
	static const char *const sql[] = {
		[USERS_BY_ID] = page_by_id_sql,
		[USERS_BY_QUOTA] = page_by_quota_sql,
		[USERS_BY_USED_QUOTA] = page_by_used_sql,
		[USERS_BY_REQUEST_COUNT] = page_by_count_sql,
	};

	return list(db, a, sql[order], BIND(v_int(limit), v_int(offset)), out, err);
}

bool user_search(struct db *db, struct arena *a, struct str keyword, int status, int64_t limit,
    struct user_list *out, struct err *err)
{
	static const char sql[] =
	    SELECT "WHERE (status = ? OR (? = 0 AND status <> 3)) "
	           "AND (id = ? OR username LIKE ? ESCAPE '!' "
	           "OR email LIKE ? ESCAPE '!' OR display_name LIKE ? ESCAPE '!') "
	           "ORDER BY id DESC LIMIT ?";
	struct value prefix = v_text(db_prefix(a, keyword));
	int64_t id;

	if (!str_to_int(keyword, 1, INT64_MAX, &id))
		id = 0;
	return list(db, a, sql,
	    BIND(v_int(status), v_int(status), v_int(id), prefix, prefix, prefix, v_int(limit)),
	    out, err);
}

bool user_root_email(struct db *db, struct arena *a, struct str *out, struct err *err)
{
	static const char sql[] = "SELECT email FROM users WHERE role >= 100 AND status = 1 "
	                          "AND email <> '' ORDER BY id LIMIT 1";

	return db_text(db, a, sql, BIND_NONE, out, err);
}

bool user_root_language(struct db *db, struct arena *a, struct str *out, struct err *err)
{
	static const char sql[] = "SELECT language FROM users WHERE role >= 100 AND status = 1 "
	                          "ORDER BY email = '', id LIMIT 1";

	return db_text(db, a, sql, BIND_NONE, out, err);
}

bool user_count(struct db *db, int64_t *out, struct err *err)
{
	static const char sql[] = "SELECT COUNT(*) FROM users WHERE status <> 3";

	return db_number(db, sql, BIND_NONE, out, err);
}

bool user_insert(struct db *db, struct user *u, struct err *err)
{
	static const char sql[] =
	    "INSERT INTO users (username, display_name, password, role, status, email, github_id, "
	    "wechat_id, lark_id, oidc_id, quota, group_name, aff_code, inviter_id, created_at) "
	    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

	if (u->created_at == 0)
		u->created_at = clock_unix();
	return db_insert(db, sql,
	    BIND(v_text(u->username), v_text(u->display_name), v_text(u->password), v_int(u->role),
	        v_int(u->status), v_text(u->email), v_text(u->github_id), v_text(u->wechat_id),
	        v_text(u->lark_id), v_text(u->oidc_id), v_int(u->quota), v_text(u->group),
	        v_text(u->aff_code), v_int(u->inviter_id), v_int(u->created_at)),
	    &u->id, err);
}

/* Runs a write that must touch the one row it names. */
static bool change(struct db *db, const char *sql, const struct value *values, size_t count,
    struct err *err)
{
	int64_t changed;

	if (!db_run(db, sql, values, count, &changed, err))
		return false;
	return changed == 1 || err_set(err, ERR_NOT_FOUND, "%s", missing);
}

bool user_update(struct db *db, const struct user *u, bool bump_session, struct err *err)
{
	static const char sql[] =
	    "UPDATE users SET username = ?, display_name = ?, password = ?, role = ?, status = ?, "
	    "access_token_hash = CASE WHEN password = ? THEN access_token_hash END, "
	    "email_shared = CASE WHEN email = ? THEN email_shared ELSE 0 END, email = ?, "
	    "group_name = ?, github_id = ?, wechat_id = ?, lark_id = ?, oidc_id = ?, "
	    "session_epoch = session_epoch + ? WHERE id = ?";

	return change(db, sql,
	    BIND(v_text(u->username), v_text(u->display_name), v_text(u->password), v_int(u->role),
	        v_int(u->status), v_text(u->password), v_text(u->email), v_text(u->email),
	        v_text(u->group), v_text(u->github_id), v_text(u->wechat_id), v_text(u->lark_id),
	        v_text(u->oidc_id), v_int(bump_session), v_int(u->id)),
	    err);
}

bool user_set_access_token(struct db *db, int64_t id, const uint8_t *hash, struct err *err)
{
	static const char sql[] =
	    "UPDATE users SET access_token_hash = ?, access_token_used_at = 0 "
	    "WHERE id = ? AND status <> 3";
	struct value token = hash ? v_blob(hash, SECRET_HASH_LEN) : v_null();

	return change(db, sql, BIND(token, v_int(id)), err);
}

bool user_set_aff_code(struct db *db, int64_t id, struct str code, struct err *err)
{
	static const char sql[] = "UPDATE users SET aff_code = ? WHERE id = ? AND status <> 3";

	return change(db, sql, BIND(v_text(code), v_int(id)), err);
}

bool user_email_taken(struct db *db, struct str email, int64_t but, bool *taken, struct err *err)
{
	static const char sql[] = "SELECT COUNT(*) FROM users WHERE email = ? AND email <> '' "
	                          "AND status <> 3 AND id <> ?";
	int64_t n = 0;

	if (!db_number(db, sql, BIND(v_text(email), v_int(but)), &n, err))
		return false;
	*taken = n > 0;
	return true;
}

bool user_set_email(struct db *db, int64_t id, struct str email, struct err *err)
{
	static const char sql[] =
	    "UPDATE users SET email = ?, email_shared = 0 WHERE id = ? AND status <> 3";

	return change(db, sql, BIND(v_text(email), v_int(id)), err);
}

bool user_set_password(struct db *db, int64_t id, struct str hash, struct err *err)
{
	static const char sql[] =
	    "UPDATE users SET password = ?, session_epoch = session_epoch + 1, "
	    "access_token_hash = NULL WHERE id = ? AND status <> 3";

	return change(db, sql, BIND(v_text(hash), v_int(id)), err);
}

bool user_renew_hash(struct db *db, int64_t id, struct str old, struct str hash, struct err *err)
{
	static const char sql[] =
	    "UPDATE users SET password = ? WHERE id = ? AND password = ? AND status <> 3";

	return db_run(db, sql, BIND(v_text(hash), v_int(id), v_text(old)), NULL, err);
}

bool user_set_language(struct db *db, int64_t id, struct str language, struct err *err)
{
	static const char sql[] = "UPDATE users SET language = ? WHERE id = ? AND language <> ?";

	return db_run(db, sql, BIND(v_text(language), v_int(id), v_text(language)), NULL, err);
}

bool user_end_sessions(struct db *db, int64_t id, struct err *err)
{
	static const char sql[] = "UPDATE users SET session_epoch = session_epoch + 1 WHERE id = ?";

	return change(db, sql, BIND(v_int(id)), err);
}

bool user_access_token_used(struct db *db, int64_t id, int64_t at, struct err *err)
{
	static const char sql[] = "UPDATE users SET access_token_used_at = ? WHERE id = ?";

	return db_run(db, sql, BIND(v_int(at), v_int(id)), NULL, err);
}

bool user_invite_due(struct db *db, int64_t id, struct err *err)
{
	static const char sql[] =
	    "UPDATE users SET invite_granted_at = -1 WHERE id = ? AND inviter_id <> 0";

	return db_run(db, sql, BIND(v_int(id)), NULL, err);
}

bool user_invite_claim(struct db *db, int64_t id, int64_t now, bool *claimed, struct err *err)
{
	static const char sql[] = "UPDATE users SET invite_granted_at = ? "
	                          "WHERE id = ? AND inviter_id <> 0 AND invite_granted_at = -1";
	int64_t changed;

	if (!db_run(db, sql, BIND(v_int(now), v_int(id)), &changed, err))
		return false;
	*claimed = changed == 1;
	return true;
}

bool user_invites_since(struct db *db, int64_t inviter_id, int64_t since, int64_t *count,
    struct err *err)
{
	static const char sql[] =
	    "SELECT COUNT(*) FROM users WHERE inviter_id = ? AND invite_granted_at > ?";

	return db_number(db, sql, BIND(v_int(inviter_id), v_int(since)), count, err);
}

bool user_delete(struct db *db, int64_t id, struct err *err)
{
	static const char user_sql[] =
	    "UPDATE users SET status = 3, username = ?, password = '', email = '', "
	    "github_id = '', wechat_id = '', lark_id = '', oidc_id = '', access_token_hash = NULL, "
	    "aff_code = '', session_epoch = session_epoch + 1 WHERE id = ? AND status <> 3";
	static const char tokens_sql[] = "UPDATE tokens SET deleted_at = ?, key_sealed = '' WHERE "
	                                 "user_id = ? AND deleted_at = 0";
	static const char factor_sql[] = "DELETE FROM second_factors WHERE user_id = ?";
	static const char recovery_sql[] = "DELETE FROM recovery_codes WHERE user_id = ?";
	char name[sizeof("deleted_") + 32] = "deleted_";

	secret_random_hex(name + sizeof("deleted_") - 1, 32);
	return change(db, user_sql, BIND(v_text(str_c(name)), v_int(id)), err) &&
	    db_run(db, tokens_sql, BIND(v_int(clock_unix()), v_int(id)), NULL, err) &&
	    db_run(db, factor_sql, BIND(v_int(id)), NULL, err) &&
	    db_run(db, recovery_sql, BIND(v_int(id)), NULL, err);
}
