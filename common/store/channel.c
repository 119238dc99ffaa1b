/* channel.c — tables channels, abilities and catalog_version */
#include "store/channel.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/field.h"
#include "base/log.h"
#include "base/secret.h"
#include "store/channel_event.h"
#include "store/channel_key.h"

#define KEY_AAD "channel.key"
#define CONFIG_AAD "channel.config"

#define COLUMNS                                                                                    \
	"id, type, key_sealed, status, name, weight, priority, created_time, test_time, "          \
	"response_time, base_url, other, balance, balance_updated_time, models, group_name, "      \
	"used_quota, model_mapping, config_sealed, system_prompt, disabled_reason, disabled_time"
#define SELECT "SELECT " COLUMNS " FROM channels "

/* In the order of COLUMNS; key and config hold sealed text until open_secrets. */
static const struct field fields[] = {
	FIELD(struct channel, id, 0),
	FIELD(struct channel, type, 0),
	FIELD(struct channel, key, 0),
	FIELD(struct channel, status, 0),
	FIELD(struct channel, name, 0),
	FIELD(struct channel, weight, 0),
	FIELD(struct channel, priority, 0),
	FIELD(struct channel, created_time, 0),
	FIELD(struct channel, test_time, 0),
	FIELD(struct channel, response_time, 0),
	FIELD(struct channel, base_url, 0),
	FIELD(struct channel, other, 0),
	FIELD(struct channel, balance, 0),
	FIELD(struct channel, balance_updated_time, 0),
	FIELD(struct channel, models, 0),
	FIELD(struct channel, group, 0),
	FIELD(struct channel, used_quota, 0),
	FIELD(struct channel, model_mapping, 0),
	FIELD(struct channel, config, 0),
	FIELD(struct channel, system_prompt, 0),
	FIELD(struct channel, disabled_reason, 0),
	FIELD(struct channel, disabled_time, 0),
	{ 0 },
};

static const char missing[] = "no such channel";

/* ---- reading ---- */

/* Absent without a box, and when it cannot be opened (another data key): that channel fails, the
 * others work, and an update leaves it as it is. */
static struct str open_secret(const struct secret_box *box, struct arena *a, const char *aad,
    struct str sealed, int64_t id)
{
	struct str plain;

	if (!box)
		return (struct str){ 0 };
	if (sealed.n == 0)
		return STR("");
	if (secret_open(box, a, aad, sealed, &plain))
		return plain;
	log_warn(NULL, "channel.unreadable", LOG_INT("channel", id), LOG_TEXT("what", aad));
	return (struct str){ 0 };
}

static void open_secrets(const struct secret_box *box, struct arena *a, struct channel *c)
{
	c->key = open_secret(box, a, KEY_AAD, c->key, c->id);
	c->config = open_secret(box, a, CONFIG_AAD, c->config, c->id);
}

static bool list(struct db *db, const struct secret_box *box, struct arena *a, const char *sql,
    const struct value *values, size_t count, struct channel_list *out, struct err *err)
{
	struct rows rows;
	void *items;

	if (!db_query(db, sql, values, count, &rows, err) ||
	    !rows_all(&rows, fields, sizeof(struct channel), a, &items, &out->count, err))
		return false;
	out->items = items;
	for (size_t i = 0; i < out->count; i++)
		open_secrets(box, a, &out->items[i]);
	return true;
}

bool channel_by_id(struct db *db, const struct secret_box *box, struct arena *a, int64_t id,
    struct channel *out, struct err *err)
{
	static const char sql[] = SELECT "WHERE id = ?";
	struct rows rows;

	if (!db_query(db, sql, BIND(v_int(id)), &rows, err) ||
	    !rows_one(&rows, fields, a, out, missing, err))
		return false;
	open_secrets(box, a, out);
	return true;
}

bool channel_page(struct db *db, struct arena *a, int64_t offset, int64_t limit,
    struct channel_list *out, struct err *err)
{
	static const char sql[] = SELECT "ORDER BY id DESC LIMIT ? OFFSET ?";

	return list(db, NULL, a, sql, BIND(v_int(limit), v_int(offset)), out, err);
}

bool channel_search(struct db *db, struct arena *a, struct str keyword, int64_t limit,
    struct channel_list *out, struct err *err)
{
	static const char sql[] =
	    SELECT "WHERE id = ? OR name LIKE ? ESCAPE '!' ORDER BY id DESC LIMIT ?";
	int64_t id;

	if (!str_to_int(keyword, 1, INT64_MAX, &id))
		id = 0;
	return list(db, NULL, a, sql, BIND(v_int(id), v_text(db_prefix(a, keyword)), v_int(limit)),
	    out, err);
}

bool channel_all(struct db *db, const struct secret_box *box, struct arena *a,
    struct channel_list *out, struct err *err)
{
	static const char sql[] = SELECT "ORDER BY id";

	return list(db, box, a, sql, BIND_NONE, out, err);
}

bool ability_models(struct db *db, struct arena *a, struct str group, struct name_list *out,
    struct err *err)
{
	static const char sql[] =
	    "SELECT DISTINCT model FROM abilities "
	    "WHERE group_name = ? AND enabled = 1 AND model NOT LIKE '%*' ORDER BY model";
	static const struct field name_field[] = { { "model", FIELD_STR, 0, 0 }, { 0 } };
	struct rows rows;
	void *items;

	if (!db_query(db, sql, BIND(v_text(group)), &rows, err) ||
	    !rows_all(&rows, name_field, sizeof(struct str), a, &items, &out->count, err))
		return false;
	out->items = items;
	return true;
}

/* ---- abilities ---- */

/* Cuts the next item off that is not empty and did not come before; all is the whole list. */
static bool next_item(struct str all, struct str *rest, struct str *item)
{
	while (str_next(rest, ',', item)) {
		struct str before = { all.p, (size_t)(item->p - all.p) };

		*item = str_trim(*item);
		if (item->n && !str_list_has(before, *item))
			return true;
	}
	return false;
}

static bool write_abilities(struct db *db, const struct channel *c, struct err *err)
{
	static const char delete_sql[] = "DELETE FROM abilities WHERE channel_id = ?";
	static const char insert_sql[] =
	    "INSERT INTO abilities (group_name, model, channel_id, enabled, priority) "
	    "VALUES (?, ?, ?, ?, ?)";
	struct str groups = c->group, group, models, model;

	if (!db_run(db, delete_sql, BIND(v_int(c->id)), NULL, err))
		return false;
	while (next_item(c->group, &groups, &group)) {
		models = c->models;
		while (next_item(c->models, &models, &model)) {
			if (!db_run(db, insert_sql,
			        BIND(v_text(group), v_text(model), v_int(c->id),
			            v_int(c->status == CHANNEL_ENABLED), v_int(c->priority)),
			        NULL, err))
				return false;
		}
	}
	return true;
}

/* ---- writing: each public function is a transaction around the static one ---- */

/* Ends the transaction that ok happened in; when it went well the catalog has changed. */
static bool finish(struct db *db, bool ok, struct err *err)
{
	if (ok && catalog_bump(db, err))
		return db_commit(db, err);
	db_rollback(db);
	return false;
}

static bool insert_one(struct db *db, const struct secret_box *box, struct arena *a,
    struct channel *c, struct err *err)
{
	static const char sql[] =
	    "INSERT INTO channels (type, key_sealed, status, name, weight, priority, created_time, "
	    "base_url, other, models, group_name, model_mapping, config_sealed, system_prompt) "
	    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

	if (c->created_time == 0)
		c->created_time = clock_unix();
	return db_insert(db, sql,
	           BIND(v_int(c->type), v_text(secret_seal(box, a, KEY_AAD, c->key)),
	               v_int(c->status), v_text(c->name), v_int(c->weight), v_int(c->priority),
	               v_int(c->created_time), v_text(c->base_url), v_text(c->other),
	               v_text(c->models), v_text(c->group), v_text(c->model_mapping),
	               v_text(secret_seal(box, a, CONFIG_AAD, c->config)),
	               v_text(c->system_prompt)),
	           &c->id, err) &&
	    write_abilities(db, c, err);
}

bool channel_insert(struct db *db, const struct secret_box *box, struct channel *items,
    size_t count, struct err *err)
{
	struct arena *a;
	bool ok = true;

	if (!db_begin(db, err))
		return false;
	a = arena_new(4096);
	for (size_t i = 0; ok && i < count; i++)
		ok = insert_one(db, box, a, &items[i], err);
	arena_free(a);
	return finish(db, ok, err);
}

/* Parked keys are of the key text there was, and of a channel that was on: new keys and a channel
 * that is switched on begin with all of them. */
static bool forget_parked(struct db *db, const struct channel *c, struct err *err)
{
	static const char sql[] =
	    "DELETE FROM channel_keys WHERE channel_id = ? AND (? OR EXISTS "
	    "(SELECT 1 FROM channels WHERE id = channel_id AND status <> ? AND ? = ?))";

	return db_run(db, sql,
	    BIND(v_int(c->id), v_int(c->key.n > 0), v_int(CHANNEL_ENABLED), v_int(c->status),
	        v_int(CHANNEL_ENABLED)),
	    NULL, err);
}

static bool update_one(struct db *db, const struct secret_box *box, struct arena *a,
    const struct channel *c, struct err *err)
{
	static const char sql[] =
	    "UPDATE channels SET type = ?, key_sealed = CASE WHEN ? = '' THEN key_sealed ELSE ? "
	    "END, "
	    "status = ?, name = ?, weight = ?, priority = ?, base_url = ?, other = ?, models = ?, "
	    "group_name = ?, model_mapping = ?, "
	    "config_sealed = CASE WHEN ? = 0 THEN config_sealed ELSE ? END, system_prompt = ?, "
	    "disabled_reason = ?, disabled_time = ? WHERE id = ?";
	struct value key = v_text(secret_seal(box, a, KEY_AAD, c->key));
	bool is_auto = c->status == CHANNEL_AUTO_DISABLED;
	int64_t changed;

	if (!forget_parked(db, c, err))
		return false;
	if (!db_run(db, sql,
	        BIND(v_int(c->type), key, key, v_int(c->status), v_text(c->name), v_int(c->weight),
	            v_int(c->priority), v_text(c->base_url), v_text(c->other), v_text(c->models),
	            v_text(c->group), v_text(c->model_mapping), v_int(c->config.p != NULL),
	            v_text(secret_seal(box, a, CONFIG_AAD, c->config)), v_text(c->system_prompt),
	            v_text(is_auto ? c->disabled_reason : STR("")),
	            v_int(c->status == CHANNEL_ENABLED ? 0 : c->disabled_time), v_int(c->id)),
	        &changed, err))
		return false;
	if (changed == 0)
		return err_set(err, ERR_NOT_FOUND, "%s", missing);
	return write_abilities(db, c, err);
}

bool channel_write(struct db *db, const struct secret_box *box, struct arena *a,
    const struct channel *c, struct err *err)
{
	return update_one(db, box, a, c, err) && catalog_bump(db, err);
}

bool channel_update(struct db *db, const struct secret_box *box, const struct channel *c,
    struct err *err)
{
	struct arena *a;
	bool ok;

	if (!db_begin(db, err))
		return false;
	a = arena_new(4096);
	ok = update_one(db, box, a, c, err);
	arena_free(a);
	return finish(db, ok, err);
}

static bool delete_one(struct db *db, int64_t id, struct err *err)
{
	static const char channel_sql[] = "DELETE FROM channels WHERE id = ?";
	static const char abilities_sql[] = "DELETE FROM abilities WHERE channel_id = ?";
	int64_t changed;

	if (!db_run(db, channel_sql, BIND(v_int(id)), &changed, err))
		return false;
	if (changed == 0)
		return err_set(err, ERR_NOT_FOUND, "%s", missing);
	return db_run(db, abilities_sql, BIND(v_int(id)), NULL, err) &&
	    channel_keys_forget(db, id, err);
}

bool channel_remove(struct db *db, int64_t id, struct err *err)
{
	return delete_one(db, id, err) && catalog_bump(db, err);
}

bool channel_delete(struct db *db, int64_t id, struct err *err)
{
	return db_begin(db, err) && finish(db, delete_one(db, id, err), err);
}

static bool delete_disabled(struct db *db, int64_t *count, struct err *err)
{
	static const char abilities_sql[] = "DELETE FROM abilities WHERE channel_id IN "
	                                    "(SELECT id FROM channels WHERE status IN (2, 3))";
	static const char keys_sql[] = "DELETE FROM channel_keys WHERE channel_id IN "
	                               "(SELECT id FROM channels WHERE status IN (2, 3))";
	static const char channels_sql[] = "DELETE FROM channels WHERE status IN (2, 3)";

	return db_run(db, abilities_sql, BIND_NONE, NULL, err) &&
	    db_run(db, keys_sql, BIND_NONE, NULL, err) &&
	    db_run(db, channels_sql, BIND_NONE, count, err);
}

bool channel_delete_disabled(struct db *db, int64_t *count, struct err *err)
{
	return db_begin(db, err) && finish(db, delete_disabled(db, count, err), err);
}

static bool set_status(struct db *db, int64_t id, int from, int to, struct str reason,
    int64_t *changed, struct err *err)
{
	static const char channel_sql[] = "UPDATE channels SET status = ?, disabled_reason = ?, "
	                                  "disabled_time = ? WHERE id = ? AND status = ?";
	static const char abilities_sql[] = "UPDATE abilities SET enabled = ? WHERE channel_id = ?";
	bool is_on = to == CHANNEL_ENABLED;

	if (is_on && !channel_keys_forget(db, id, err))
		return false;
	return db_run(db, channel_sql,
	           BIND(v_int(to), v_text(reason), v_int(is_on ? 0 : clock_unix()), v_int(id),
	               v_int(from)),
	           changed, err) &&
	    (*changed == 0 || db_run(db, abilities_sql, BIND(v_int(is_on), v_int(id)), NULL, err));
}

bool channel_set_status(struct db *db, int64_t id, int from, int to, struct str reason,
    bool *changed, struct err *err)
{
	int64_t n = 0;
	bool ok;

	if (!db_begin(db, err))
		return false;
	ok = set_status(db, id, from, to, reason, &n, err);
	if (ok && n > 0 && (from == CHANNEL_AUTO_DISABLED || to == CHANNEL_AUTO_DISABLED))
		ok = channel_event_add(db, id,
		    to == CHANNEL_AUTO_DISABLED ? EVENT_DISABLED : EVENT_ENABLED, reason, err);
	*changed = ok && n > 0;
	if (*changed || !ok)
		return finish(db, ok, err);
	db_rollback(db);
	return true;
}

bool channel_recovered(struct db *db, int64_t id, bool *changed, struct err *err)
{
	return channel_set_status(db, id, CHANNEL_AUTO_DISABLED, CHANNEL_ENABLED, STR(""), changed,
	    err);
}

bool channel_set_tested(struct db *db, int64_t id, int64_t response_ms, struct err *err)
{
	static const char sql[] =
	    "UPDATE channels SET response_time = ?, test_time = ? WHERE id = ?";

	return db_run(db, sql, BIND(v_int(response_ms), v_int(clock_unix()), v_int(id)), NULL, err);
}

bool channel_set_balance(struct db *db, int64_t id, double balance, struct err *err)
{
	static const char sql[] =
	    "UPDATE channels SET balance = ?, balance_updated_time = ? WHERE id = ?";

	return db_run(db, sql, BIND(v_double(balance), v_int(clock_unix()), v_int(id)), NULL, err);
}

/* ---- catalog version ---- */

bool catalog_version(struct db *db, int64_t *out, struct err *err)
{
	static const char sql[] = "SELECT version FROM catalog_version WHERE id = 1";

	return db_number(db, sql, BIND_NONE, out, err);
}

bool catalog_bump(struct db *db, struct err *err)
{
	static const char sql[] = "UPDATE catalog_version SET version = version + 1 WHERE id = 1";

	return db_run(db, sql, BIND_NONE, NULL, err);
}
