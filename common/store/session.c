/* session.c — table sessions */
#include "store/session.h"

#include "base/clock.h"
#include "base/err.h"

#define ID_LABEL "session"

static const char missing[] = "no such session";

bool session_create(struct db *db, const struct secret_box *box, const struct user *u,
    char cookie[SESSION_COOKIE_LEN + 1], struct err *err)
{
	static const char sql[] =
	    "INSERT INTO sessions (id_hash, user_id, session_epoch, created_at, expires_at) "
	    "VALUES (?, ?, ?, ?, ?)";
	uint8_t hash[SECRET_HASH_LEN];
	int64_t now = clock_unix();

	secret_random_hex(cookie, SESSION_COOKIE_LEN);
	secret_hash(box, ID_LABEL, (struct str){ cookie, SESSION_COOKIE_LEN }, hash);
	return db_run(db, sql,
	    BIND(v_blob(hash, sizeof(hash)), v_int(u->id), v_int(u->session_epoch), v_int(now),
	        v_int(now + SESSION_LIFE_S)),
	    NULL, err);
}

bool session_user(struct db *db, const struct secret_box *box, struct arena *a, struct str cookie,
    struct user *out, struct err *err)
{
	static const char sql[] =
	    "SELECT user_id, session_epoch FROM sessions WHERE id_hash = ? AND expires_at > ?";
	uint8_t hash[SECRET_HASH_LEN];
	int64_t user_id = 0, epoch = 0;
	struct rows rows;

	if (cookie.n != SESSION_COOKIE_LEN)
		return err_set(err, ERR_NOT_FOUND, "%s", missing);
	secret_hash(box, ID_LABEL, cookie, hash);
	if (!db_query(db, sql, BIND(v_blob(hash, sizeof(hash)), v_int(clock_unix())), &rows, err))
		return false;
	if (rows_next(&rows)) {
		user_id = rows_int(&rows, 0);
		epoch = rows_int(&rows, 1);
	}
	if (!rows_close(&rows, err))
		return false;
	if (user_id == 0)
		return err_set(err, ERR_NOT_FOUND, "%s", missing);
	if (!user_by_id(db, a, user_id, out, err))
		return false;
	if (out->session_epoch != epoch || out->status == USER_DELETED)
		return err_set(err, ERR_NOT_FOUND, "%s", missing);
	return true;
}

bool session_delete(struct db *db, const struct secret_box *box, struct str cookie, struct err *err)
{
	static const char sql[] = "DELETE FROM sessions WHERE id_hash = ?";
	uint8_t hash[SECRET_HASH_LEN];

	secret_hash(box, ID_LABEL, cookie, hash);
	return db_run(db, sql, BIND(v_blob(hash, sizeof(hash))), NULL, err);
}

bool session_sweep(struct db *db, struct err *err)
{
	static const char sql[] = "DELETE FROM sessions WHERE expires_at <= ?";

	return db_run(db, sql, BIND(v_int(clock_unix())), NULL, err);
}
