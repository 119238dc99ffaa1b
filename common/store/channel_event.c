/* channel_event.c — table channel_events */
#include "store/channel_event.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/field.h"

#define COLUMNS "id, channel_id, name, kind, cause, created_at"

const struct field channel_event_fields[] = {
	FIELD(struct channel_event, id, 0),
	FIELD(struct channel_event, channel_id, 0),
	FIELD(struct channel_event, name, 0),
	FIELD(struct channel_event, kind, 0),
	FIELD(struct channel_event, cause, 0),
	FIELD(struct channel_event, created_at, 0),
	{ 0 },
};

bool channel_event_add(struct db *db, int64_t channel_id, const char *kind, struct str cause,
    struct err *err)
{
	static const char sql[] =
	    "INSERT INTO channel_events (channel_id, name, kind, cause, created_at) VALUES (?, "
	    "COALESCE((SELECT name FROM channels WHERE id = ?), ''), ?, ?, ?)";

	return db_run(db, sql,
	    BIND(v_int(channel_id), v_int(channel_id), v_text(str_c(kind)),
	        v_text(str_slice(cause, 0, CHANNEL_EVENT_CAUSE_MAX)), v_int(clock_unix())),
	    NULL, err);
}

static bool list(struct db *db, struct arena *a, const char *sql, const struct value *values,
    size_t count, struct channel_event_list *out, struct err *err)
{
	struct rows rows;
	void *items;

	if (!db_query(db, sql, values, count, &rows, err) ||
	    !rows_all(&rows, channel_event_fields, sizeof(struct channel_event), a, &items,
	        &out->count, err))
		return false;
	out->items = items;
	return true;
}

bool channel_event_page(struct db *db, struct arena *a, int64_t channel_id, int64_t limit,
    struct channel_event_list *out, struct err *err)
{
	static const char sql[] = "SELECT " COLUMNS " FROM channel_events "
	                          "WHERE channel_id = ? ORDER BY id DESC LIMIT ?";

	return list(db, a, sql, BIND(v_int(channel_id), v_int(limit)), out, err);
}

bool channel_event_untold(struct db *db, struct arena *a, int64_t limit,
    struct channel_event_list *out, struct err *err)
{
	static const char sql[] = "SELECT " COLUMNS " FROM channel_events "
	                          "WHERE told = 0 ORDER BY id LIMIT ?";

	return list(db, a, sql, BIND(v_int(limit)), out, err);
}

bool channel_event_told(struct db *db, int64_t last_id, struct err *err)
{
	static const char sql[] = "UPDATE channel_events SET told = 1 WHERE told = 0 AND id <= ?";

	return db_run(db, sql, BIND(v_int(last_id)), NULL, err);
}

bool channel_event_sweep(struct db *db, int64_t before, struct err *err)
{
	static const char sql[] = "DELETE FROM channel_events WHERE created_at < ?";

	return db_run(db, sql, BIND(v_int(before)), NULL, err);
}
