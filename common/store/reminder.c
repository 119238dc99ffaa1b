#include "store/reminder.h"

#include "base/err.h"
#include "base/field.h"

bool reminder_any(struct db *db, bool *any, struct err *err)
{
	static const char sql[] = "SELECT EXISTS (SELECT 1 FROM quota_reminders)";
	int64_t n;

	if (!db_number(db, sql, BIND_NONE, &n, err))
		return false;
	*any = n != 0;
	return true;
}

/* By user id, so that a limit takes the same ones as the deletion. */
bool reminder_take(struct db *db, struct arena *a, int64_t most, int limit,
    struct reminder_list *out, struct err *err)
{
	static const char find_sql[] =
	    "SELECT u.id, u.granted - u.used_quota, u.username, u.email, u.language "
	    "FROM (SELECT user_id FROM quota_reminders ORDER BY user_id LIMIT ?) AS r "
	    "JOIN users AS u ON u.id = r.user_id "
	    "WHERE u.status = 1 AND u.email <> '' AND u.granted - u.used_quota <= ? "
	    "ORDER BY u.id";
	static const char drop_sql[] =
	    "DELETE FROM quota_reminders WHERE user_id IN "
	    "(SELECT user_id FROM quota_reminders ORDER BY user_id LIMIT ?)";
	static const struct field fields[] = {
		FIELD(struct reminder, user_id, 0),
		FIELD(struct reminder, left, 0),
		FIELD(struct reminder, username, 0),
		FIELD(struct reminder, email, 0),
		FIELD(struct reminder, language, 0),
		{ 0 },
	};
	struct rows rows;
	void *items;

	if (!db_query(db, find_sql, BIND(v_int(limit), v_int(most > 0 ? most : 0)), &rows, err) ||
	    !rows_all(&rows, fields, sizeof(struct reminder), a, &items, &out->count, err))
		return false;
	out->items = items;
	return db_run(db, drop_sql, BIND(v_int(limit)), NULL, err);
}
