/* outbox.c — table outbox */
#include "store/outbox.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"

#define BODY_AAD "outbox.body"

bool outbox_put(struct db *db, const struct secret_box *box, struct arena *a,
    const struct letter *l, struct err *err)
{
	static const char sql[] =
	    "INSERT INTO outbox (kind, recipient, subject, body_sealed, created_at, due_at, "
	    "expires_at) VALUES (?, ?, ?, ?, ?, ?, ?)";
	int64_t now = clock_unix();

	return db_run(db, sql,
	    BIND(v_text(str_c(l->kind)), v_text(l->recipient), v_text(l->subject),
	        v_text(secret_seal(box, a, BODY_AAD, l->html)), v_int(now), v_int(now),
	        v_int(now + (l->life_s ? l->life_s : OUTBOX_LIFE_S))),
	    NULL, err);
}

static bool drop_expired(struct db *db, int64_t now, struct err *err)
{
	static const char sql[] = "DELETE FROM outbox WHERE expires_at <= ? AND due_at <= ?";
	int64_t gone;

	if (!db_run(db, sql, BIND(v_int(now), v_int(now)), &gone, err))
		return false;
	if (gone > 0)
		log_warn(NULL, "outbox.expired", LOG_INT("letters", gone));
	return true;
}

/* The first due row; id 0 when there is none. */
static bool read_due(struct db *db, const struct secret_box *box, struct arena *a, int64_t now,
    struct letter *l, struct err *err)
{
	static const char sql[] = "SELECT id, kind, recipient, subject, body_sealed, tries "
	                          "FROM outbox WHERE due_at <= ? ORDER BY due_at, id LIMIT 1";
	struct rows rows;

	*l = (struct letter){ 0 };
	if (!db_query(db, sql, BIND(v_int(now)), &rows, err))
		return false;
	if (rows_next(&rows)) {
		l->id = rows_int(&rows, 0);
		l->kind =
		    str_eq_c(rows_text(&rows, 1), LETTER_NOTICE) ? LETTER_NOTICE : LETTER_MAIL;
		l->recipient = arena_str(a, rows_text(&rows, 2));
		l->subject = arena_str(a, rows_text(&rows, 3));
		l->tries = (int)rows_int(&rows, 5);
		if (!secret_open(box, a, BODY_AAD, rows_text(&rows, 4), &l->html))
			l->html = (struct str){ 0 };
	}
	return rows_close(&rows, err);
}

bool outbox_take(struct db *db, const struct secret_box *box, struct arena *a, struct letter *l,
    bool *found, struct err *err)
{
	static const char sql[] =
	    "UPDATE outbox SET due_at = ?, tries = tries + 1 WHERE id = ? AND due_at <= ?";
	int64_t now = clock_unix(), changed;

	*found = false;
	for (;;) {
		if (!read_due(db, box, a, now, l, err))
			return false;
		if (l->id == 0)
			return true;
		if (!drop_expired(db, now, err) ||
		    !db_run(db, sql, BIND(v_int(now + OUTBOX_LEASE_S), v_int(l->id), v_int(now)),
		        &changed, err))
			return false;
		if (changed == 1)
			break; /* else another process was faster, or it had expired */
	}
	l->tries++;
	*found = true;
	return true;
}

bool outbox_sent(struct db *db, int64_t id, struct err *err)
{
	static const char sql[] = "DELETE FROM outbox WHERE id = ?";

	return db_run(db, sql, BIND(v_int(id)), NULL, err);
}

bool outbox_failed(struct db *db, const struct letter *l, bool *given_up, struct err *err)
{
	static const char sql[] = "UPDATE outbox SET due_at = ? WHERE id = ?";
	int64_t wait_s = 15;

	*given_up = l->tries >= OUTBOX_TRIES;
	if (*given_up)
		return outbox_sent(db, l->id, err);
	for (int i = 1; i < l->tries; i++)
		wait_s *= 4;
	return db_run(db, sql, BIND(v_int(clock_unix() + wait_s), v_int(l->id)), NULL, err);
}
