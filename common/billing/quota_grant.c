/* quota_grant.c — what people change about a balance */
#include <inttypes.h>

#include "base/err.h"

#include "billing/quota_parts.h"

static bool user_exists(struct db *db, int64_t user_id, bool *exists, struct err *err)
{
	static const char sql[] = "SELECT 1 FROM users WHERE id = ?";
	struct rows rows;

	if (!db_query(db, sql, BIND(v_int(user_id)), &rows, err))
		return false;
	*exists = rows_next(&rows);
	return rows_close(&rows, err);
}

static bool in_range(int64_t quota)
{
	return quota >= -QUOTA_MAX && quota <= QUOTA_MAX;
}

bool quota_grant(struct db *db, int64_t user_id, int64_t delta, struct err *err)
{
	static const char sql[] = "UPDATE users SET quota = quota + ?, granted = granted + ? "
	                          "WHERE id = ? AND quota + ? BETWEEN ? AND ?";
	int64_t changed;
	bool exists;

	if (!in_range(delta))
		return err_set(err, ERR_BAD_REQUEST, "the quota is too large");
	if (!db_run(db, sql,
	        BIND(v_int(delta), v_int(delta), v_int(user_id), v_int(delta), v_int(-QUOTA_MAX),
	            v_int(QUOTA_MAX)),
	        &changed, err))
		return false;
	if (changed == 1)
		return true;
	if (!user_exists(db, user_id, &exists, err))
		return false;
	if (!exists)
		return err_set(err, ERR_NOT_FOUND, "there is no user %" PRId64, user_id);
	return err_set(err, ERR_BAD_REQUEST, "the quota would be too large");
}

bool quota_held(struct db *db, int64_t user_id, int64_t *held, struct err *err)
{
	static const char sql[] =
	    "SELECT COALESCE(SUM(amount), 0) FROM reservations WHERE user_id = ?";

	return db_number(db, sql, BIND(v_int(user_id)), held, err);
}

bool quota_set_token(struct db *db, int64_t token_id, int64_t remain_quota, bool unlimited,
    struct err *err)
{
	/* Holds taken while the key was unlimited took nothing from it, and will give back. */
	static const char sql[] =
	    "UPDATE tokens SET remain_quota = ? - CASE WHEN unlimited_quota <> 0 AND ? = 0 THEN "
	    "(SELECT COALESCE(SUM(amount), 0) FROM reservations WHERE token_id = tokens.id) "
	    "ELSE 0 END, granted = ? + used_quota + CASE WHEN unlimited_quota <> 0 AND ? = 0 "
	    "THEN 0 ELSE "
	    "(SELECT COALESCE(SUM(amount), 0) FROM reservations WHERE token_id = tokens.id) END, "
	    "unlimited_quota = ? WHERE id = ? AND deleted_at = 0";
	int64_t changed;

	if (!in_range(remain_quota))
		return err_set(err, ERR_BAD_REQUEST, "the quota is too large");
	if (!db_run(db, sql,
	        BIND(v_int(remain_quota), v_int(unlimited), v_int(remain_quota), v_int(unlimited),
	            v_int(unlimited), v_int(token_id)),
	        &changed, err))
		return false;
	return changed == 1 || err_set(err, ERR_NOT_FOUND, "there is no key %" PRId64, token_id);
}
