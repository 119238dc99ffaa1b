/* channel_key.c — table channel_keys */
#include "store/channel_key.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/field.h"
#include "base/secret.h"
#include "store/channel.h"
#include "store/channel_event.h"

static const struct field fields[] = {
	FIELD(struct parked_key, channel_id, 0),
	FIELD(struct parked_key, key_hash, 0),
	FIELD(struct parked_key, cause, 0),
	FIELD(struct parked_key, parked_at, 0),
	{ 0 },
};

uint64_t channel_key_hash(const struct secret_box *box, struct str key,
    char out[CHANNEL_KEY_HASH_LEN + 1])
{
	uint8_t hash[SECRET_HASH_LEN];
	uint64_t id = 0;

	secret_hash(box, "channel_key", key, hash);
	for (size_t i = 0; i < CHANNEL_KEY_HASH_LEN / 2; i++)
		(void)snprintf(out + 2 * i, 3, "%02x", hash[i]);
	for (size_t i = 0; i < sizeof(id); i++)
		id = id << 8 | hash[i];
	return id | UINT64_C(1) << 63; /* apart from ids of channels, which stand for single keys */
}

bool channel_keys_parked(struct db *db, struct arena *a, int64_t channel_id,
    struct parked_key_list *out, struct err *err)
{
	static const char sql[] = "SELECT channel_id, key_hash, cause, parked_at FROM channel_keys "
	                          "WHERE ? = 0 OR channel_id = ? ORDER BY channel_id, parked_at";
	struct rows rows;
	void *items;

	if (!db_query(db, sql, BIND(v_int(channel_id), v_int(channel_id)), &rows, err) ||
	    !rows_all(&rows, fields, sizeof(struct parked_key), a, &items, &out->count, err))
		return false;
	out->items = items;
	return true;
}

/* Ends the transaction that ok happened in. */
static bool finish(struct db *db, bool ok, int64_t n, bool *changed, struct err *err)
{
	*changed = ok && n > 0;
	if (*changed && catalog_bump(db, err))
		return db_commit(db, err);
	db_rollback(db);
	return ok && n == 0;
}

bool channel_key_park(struct db *db, int64_t channel_id, struct str key_hash, struct str cause,
    bool *changed, struct err *err)
{
	static const char sql[] =
	    "INSERT INTO channel_keys (channel_id, key_hash, cause, parked_at) "
	    "SELECT id, ?, ?, ? FROM channels WHERE id = ? AND NOT EXISTS "
	    "(SELECT 1 FROM channel_keys WHERE channel_id = ? AND key_hash = ?)";
	int64_t n = 0;
	bool ok;

	if (!db_begin(db, err))
		return false;
	ok = db_run(db, sql,
	         BIND(v_text(key_hash), v_text(str_slice(cause, 0, CHANNEL_KEY_CAUSE_MAX)),
	             v_int(clock_unix()), v_int(channel_id), v_int(channel_id), v_text(key_hash)),
	         &n, err) &&
	    (n == 0 || channel_event_add(db, channel_id, EVENT_PARKED, cause, err));
	return finish(db, ok, n, changed, err);
}

bool channel_key_unpark(struct db *db, int64_t channel_id, struct str key_hash, bool *changed,
    struct err *err)
{
	static const char sql[] =
	    "DELETE FROM channel_keys WHERE channel_id = ? AND (? = '' OR key_hash = ?)";
	int64_t n = 0;
	bool ok;

	if (!db_begin(db, err))
		return false;
	ok = db_run(db, sql, BIND(v_int(channel_id), v_text(key_hash), v_text(key_hash)), &n, err);
	return finish(db, ok, n, changed, err);
}

bool channel_keys_forget(struct db *db, int64_t channel_id, struct err *err)
{
	static const char sql[] = "DELETE FROM channel_keys WHERE channel_id = ?";

	return db_run(db, sql, BIND(v_int(channel_id)), NULL, err);
}
