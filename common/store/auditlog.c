#include "store/auditlog.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/field.h"

static const struct field fields[] = {
	FIELD(struct audit_entry, id, 0),
	FIELD(struct audit_entry, created_at, 0),
	FIELD(struct audit_entry, user_id, 0),
	FIELD(struct audit_entry, username, 0),
	FIELD(struct audit_entry, address, 0),
	FIELD(struct audit_entry, request_id, 0),
	FIELD(struct audit_entry, action, 0),
	FIELD(struct audit_entry, subject, 0),
	FIELD(struct audit_entry, subject_id, 0),
	FIELD(struct audit_entry, before, 0),
	FIELD(struct audit_entry, after, 0),
	{ 0 },
};

bool audit_insert(struct db *db, struct audit_entry *e, struct err *err)
{
	static const char sql[] =
	    "INSERT INTO audits (created_at, user_id, username, address, request_id, action, "
	    "subject, subject_id, before, after) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

	e->created_at = clock_unix();
	return db_insert(db, sql,
	    BIND(v_int(e->created_at), v_int(e->user_id), v_text(e->username), v_text(e->address),
	        v_text(e->request_id), v_text(e->action), v_text(e->subject), v_text(e->subject_id),
	        v_text(e->before), v_text(e->after)),
	    &e->id, err);
}

bool audit_update(struct db *db, const struct audit_entry *e, struct err *err)
{
	static const char sql[] =
	    "UPDATE audits SET subject_id = ?, before = ?, after = ? WHERE id = ?";

	return db_run(db, sql,
	    BIND(v_text(e->subject_id), v_text(e->before), v_text(e->after), v_int(e->id)), NULL,
	    err);
}

#define WHERE                                                                                      \
	"FROM audits WHERE (? = 0 OR user_id = ?) AND (? = '' OR subject = ?) "                    \
	"AND (? = '' OR ',' || subject_id || ',' LIKE ? ESCAPE '!') "                              \
	"AND created_at >= ? AND created_at <= ? AND id < ? "
#define WHERE_VALUES(a, f)                                                                         \
	v_int((f)->user_id), v_int((f)->user_id), v_text((f)->subject), v_text((f)->subject),      \
	    v_text((f)->subject_id), v_text(within(a, (f)->subject_id)), v_int((f)->from),         \
	    v_int((f)->to ? (f)->to : INT64_MAX), v_int((f)->after_id ? (f)->after_id : INT64_MAX)

/* A row's subject_id is a list. */
static struct str within(struct arena *a, struct str id)
{
	struct str item = str_c(arena_fmt(a, ",%.*s,", STR_ARG(id)));

	return str_c(arena_fmt(a, "%%%.*s", STR_ARG(db_prefix(a, item))));
}

bool audit_page(struct db *db, struct arena *a, const struct audit_filter *f, int64_t offset,
    int64_t limit, struct audit_list *out, struct err *err)
{
	static const char sql[] =
	    "SELECT id, created_at, user_id, username, address, request_id, "
	    "action, subject, subject_id, before, after " WHERE "ORDER BY id DESC LIMIT ? OFFSET ?";
	struct rows rows;
	void *items;

	if (!db_query(db, sql, BIND(WHERE_VALUES(a, f), v_int(limit), v_int(offset)), &rows, err) ||
	    !rows_all(&rows, fields, sizeof(struct audit_entry), a, &items, &out->count, err))
		return false;
	out->items = items;
	return true;
}

bool audit_count(struct db *db, struct arena *a, const struct audit_filter *f, int64_t *count,
    struct err *err)
{
	static const char sql[] = "SELECT COUNT(*) " WHERE;

	return db_number(db, sql, BIND(WHERE_VALUES(a, f)), count, err);
}
