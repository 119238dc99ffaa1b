#include "store/limit.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/field.h"
#include "base/json.h"
#include "base/zone.h"
#include "store/channel.h"

#define QUOTA_TOP (INT64_C(1) << 50)
#define GROUP_MAX_BYTES 64

const char *const limit_scope_names[LIMIT_SCOPES] = { "key", "user", "group", "channel",
	"address" };

/* clang-format off */
static const struct setting {
	const char *name;
	size_t offset;
	int64_t max;
} settings[] = {
	{ "rpm", offsetof(struct limit_rule, rpm), 1000000000 },
	{ "tpm", offsetof(struct limit_rule, tpm), INT64_C(1000000000000) },
	{ "tpd", offsetof(struct limit_rule, tpd), INT64_C(10000000000000) },
	{ "parallel", offsetof(struct limit_rule, parallel), 1000000 },
	{ "budget_day", offsetof(struct limit_rule, budget_day), QUOTA_TOP },
	{ "budget_week", offsetof(struct limit_rule, budget_week), QUOTA_TOP },
	{ "budget_month", offsetof(struct limit_rule, budget_month), QUOTA_TOP },
};

const struct field limit_fields[] = {
	FIELD(struct limit_row, scope, FIELD_REQUIRED),
	FIELD(struct limit_row, subject, FIELD_REQUIRED),
	FIELD(struct limit_row, rpm, 0),
	FIELD(struct limit_row, tpm, 0),
	FIELD(struct limit_row, tpd, 0),
	FIELD(struct limit_row, parallel, 0),
	FIELD(struct limit_row, budget_day, 0),
	FIELD(struct limit_row, budget_week, 0),
	FIELD(struct limit_row, budget_month, 0),
	FIELD(struct limit_row, timezone, 0),
	{ 0 },
};
/* clang-format on */

static int64_t *value_of(struct limit_rule *r, const struct setting *s)
{
	return (int64_t *)(void *)((char *)r + s->offset);
}

bool limit_rule_is_empty(const struct limit_rule *r)
{
	return !(r->rpm | r->tpm | r->tpd | r->parallel | r->budget_day | r->budget_week |
	    r->budget_month);
}

int64_t limit_budget(const struct limit_rule *r, enum limit_period period)
{
	return period == LIMIT_DAY ? r->budget_day
	    : period == LIMIT_WEEK ? r->budget_week
	                           : r->budget_month;
}

/* ---- names of entries ------------------------------------------------------------------------ */

/* For whom an entry of RateLimits stands, the most exact first. */
enum reach { ONE, EACH_IN_GROUP, EACH };

struct limit_named {
	enum limit_scope scope;
	enum reach reach;
	struct str subject; /* ONE: who; EACH_IN_GROUP: the group */
	struct limit_rule rule;
};

static bool find_scope(struct str name, enum limit_scope *out)
{
	for (int i = 0; i < LIMIT_SCOPES; i++) {
		if (str_eq_c(name, limit_scope_names[i])) {
			*out = (enum limit_scope)i;
			return true;
		}
	}
	return false;
}

static bool is_group_name(struct str name)
{
	for (size_t i = 0; i < name.n; i++) {
		if ((unsigned char)name.p[i] < ' ' || name.p[i] == 0x7f)
			return false;
	}
	return name.n > 0 && name.n <= GROUP_MAX_BYTES && str_is_utf8(name);
}

static bool is_subject(enum limit_scope scope, struct str subject)
{
	int64_t id;

	if (scope == LIMIT_GROUP)
		return is_group_name(subject);
	return scope != LIMIT_ADDRESS && str_to_int(subject, 1, INT64_MAX, &id) &&
	    subject.p[0] != '0' && subject.p[0] != '+';
}

/* "key", "group:vip", "channel:7", "user@free". */
static bool parse_name(struct str name, struct limit_named *out)
{
	size_t colon = str_find(name, ':'), at = str_find(name, '@');
	size_t end = colon < at ? colon : at;

	if (!find_scope(str_slice(name, 0, end), &out->scope))
		return false;
	out->reach = end == name.n ? EACH : end == colon ? ONE : EACH_IN_GROUP;
	out->subject = end == name.n ? (struct str){ 0 } : str_slice(name, end + 1, name.n);
	switch (out->reach) {
	case EACH:
		return true;
	case ONE:
		return (out->scope == LIMIT_GROUP || out->scope == LIMIT_CHANNEL) &&
		    is_subject(out->scope, out->subject);
	case EACH_IN_GROUP:
		return (out->scope == LIMIT_KEY || out->scope == LIMIT_USER) &&
		    is_group_name(out->subject);
	}
	return false;
}

static bool check_zone(struct str name, struct err *err)
{
	struct zone *z;

	if (!zone_read(name, &z, err))
		return false;
	zone_free(z);
	return true;
}

/* ---- RateLimits ------------------------------------------------------------------------------ */

static const struct setting *find_setting(const char *name)
{
	for (size_t i = 0; i < COUNT_OF(settings); i++) {
		if (str_eq_c(str_c(name), settings[i].name))
			return &settings[i];
	}
	return NULL;
}

#define BAD(...) err_set(err, ERR_BAD_REQUEST, __VA_ARGS__)

static bool read_setting(const char *entry, const cJSON *item, struct limit_named *out,
    struct err *err)
{
	const struct setting *s = find_setting(item->string);
	double d = item->valuedouble;
	struct err why = { 0 };

	if (strcmp(item->string, "timezone") == 0) {
		if (!cJSON_IsString(item))
			return BAD("'%.64s': timezone must be text", entry);
		out->rule.timezone = str_c(item->valuestring);
		return check_zone(out->rule.timezone, &why) || BAD("'%.64s': %s", entry, why.msg);
	}
	if (!s)
		return BAD("'%.64s' has no setting '%.64s'", entry, item->string);
	if (!cJSON_IsNumber(item) || !(d >= 0) || d > (double)s->max || d != floor(d))
		return BAD("'%.64s': %s must be a whole number between 0 and %" PRId64, entry,
		    s->name, s->max);
	*value_of(&out->rule, s) = (int64_t)d;
	return true;
}

static bool read_entry(const cJSON *entry, struct limit_named *out, struct err *err)
{
	const cJSON *item;

	if (!parse_name(str_c(entry->string), out))
		return BAD("'%.64s' is none of key, user, group, channel, address, group:NAME, "
		           "channel:ID, key@GROUP, user@GROUP",
		    entry->string);
	if (!cJSON_IsObject(entry))
		return BAD("'%.64s' must be an object", entry->string);
	cJSON_ArrayForEach(item, entry)
	{
		if (!read_setting(entry->string, item, out, err))
			return false;
	}
	return true;
}

static int by_name(const void *left, const void *right)
{
	const struct limit_named *a = left, *b = right;

	if (a->scope != b->scope)
		return a->scope < b->scope ? -1 : 1;
	if (a->reach != b->reach)
		return a->reach < b->reach ? -1 : 1;
	return str_cmp(a->subject, b->subject);
}

/* Texts stay in the tree, which the arena keeps. */
static bool read_option(struct arena *a, struct str json, struct limit_rules *out, size_t spare,
    struct err *err)
{
	const cJSON *entry;
	cJSON *tree = NULL;
	size_t count = 0;
	struct err why = { 0 };

	json = str_trim(json);
	if (json.n && !json_parse(a, json, &tree, &why))
		return BAD("%s", why.msg);
	if (tree && !cJSON_IsObject(tree))
		return BAD("it must be a JSON object");
	if (tree)
		count = (size_t)cJSON_GetArraySize(tree);
	out->items = arena_zalloc(a, (count + spare + 1) * sizeof(*out->items));
	cJSON_ArrayForEach(entry, tree)
	{
		if (!read_entry(entry, &out->items[out->count], err))
			return false;
		out->count++;
	}
	qsort(out->items, out->count, sizeof(*out->items), by_name);
	for (size_t i = 1; i < out->count; i++) {
		if (by_name(&out->items[i - 1], &out->items[i]) == 0)
			return BAD("'%s' has two entries of one name",
			    limit_scope_names[out->items[i].scope]);
	}
	return true;
}

bool limit_check(struct str json, struct err *err)
{
	struct arena *a = arena_new(4096);
	struct limit_rules rules = { 0 };
	bool ok = read_option(a, json, &rules, 0, err);

	arena_free(a);
	return ok;
}

/* ---- the snapshot ---------------------------------------------------------------------------- */

/* The settings of a row that begin at this column, with the zone behind them. */
static void read_rule(const struct rows *rows, int column, struct arena *a, struct limit_rule *out)
{
	for (size_t i = 0; i < COUNT_OF(settings); i++)
		*value_of(out, &settings[i]) = rows_int(rows, column + (int)i);
	out->timezone = arena_str(a, rows_text(rows, column + (int)COUNT_OF(settings)));
}

static bool find_rows(struct db *db, struct limit_rules *out, size_t *count, struct err *err)
{
	static const char exists_sql[] = "SELECT EXISTS (SELECT 1 FROM limits WHERE scope = ?)";
	static const char count_sql[] =
	    "SELECT COUNT(*) FROM limits WHERE scope IN ('group', 'channel')";
	int64_t n;

	for (int i = 0; i < LIMIT_SCOPES; i++) {
		if (!db_number(db, exists_sql, BIND(v_text(str_c(limit_scope_names[i]))), &n, err))
			return false;
		out->has_rows[i] = n != 0;
	}
	if (!db_number(db, count_sql, BIND_NONE, &n, err))
		return false;
	*count = (size_t)n;
	return true;
}

static struct limit_named *find_item(const struct limit_rules *rules, size_t count,
    enum limit_scope scope, enum reach reach, struct str subject)
{
	const struct limit_named wanted = { .scope = scope, .reach = reach, .subject = subject };

	if (count == 0)
		return NULL;
	return bsearch(&wanted, rules->items, count, sizeof(*rules->items), by_name);
}

/* Rows of groups and channels go before the option's entry of the same name. */
static bool add_rows(struct db *db, struct arena *a, size_t spare, struct limit_rules *out,
    struct err *err)
{
	static const char sql[] =
	    "SELECT scope, subject, rpm, tpm, tpd, parallel, budget_day, budget_week, "
	    "budget_month, timezone FROM limits WHERE scope IN ('group', 'channel')";
	size_t from_option = out->count;
	struct rows rows;

	if (!db_query(db, sql, BIND_NONE, &rows, err))
		return false;
	while (spare > 0 && rows_next(&rows)) {
		struct limit_named row = { .reach = ONE }, *same;

		if (!find_scope(rows_text(&rows, 0), &row.scope))
			continue;
		row.subject = arena_str(a, rows_text(&rows, 1));
		read_rule(&rows, 2, a, &row.rule);
		same = find_item(out, from_option, row.scope, ONE, row.subject);
		if (same)
			same->rule = row.rule;
		else
			out->items[out->count++] = row;
		spare--;
	}
	qsort(out->items, out->count, sizeof(*out->items), by_name);
	return rows_close(&rows, err);
}

bool limit_load(struct db *db, struct arena *a, struct str json, struct limit_rules *out,
    struct err *err)
{
	size_t rows = 0;

	*out = (struct limit_rules){ 0 };
	if (!find_rows(db, out, &rows, err) || !read_option(a, json, out, rows, err) ||
	    !add_rows(db, a, rows, out, err))
		return false;
	out->any = out->count > 0;
	for (int i = 0; i < LIMIT_SCOPES; i++)
		out->any = out->any || out->has_rows[i];
	return true;
}

static bool find_row(struct db *db, struct arena *a, enum limit_scope scope, struct str subject,
    struct limit_rule *out, bool *found, struct err *err)
{
	static const char sql[] =
	    "SELECT rpm, tpm, tpd, parallel, budget_day, budget_week, budget_month, timezone "
	    "FROM limits WHERE scope = ? AND subject = ?";
	struct rows rows;

	if (!db_query(db, sql, BIND(v_text(str_c(limit_scope_names[scope])), v_text(subject)),
	        &rows, err))
		return false;
	*found = rows_next(&rows);
	if (*found)
		read_rule(&rows, 0, a, out);
	return rows_close(&rows, err);
}

bool limit_find(const struct limit_rules *rules, struct db *db, struct arena *a,
    enum limit_scope scope, struct str subject, struct str group, struct limit_rule *out,
    struct err *err)
{
	const struct limit_named *item = NULL;
	bool found = false;

	*out = (struct limit_rule){ 0 };
	if ((scope == LIMIT_KEY || scope == LIMIT_USER) && rules->has_rows[scope] &&
	    !find_row(db, a, scope, subject, out, &found, err))
		return false;
	if (found)
		return true;
	if (scope == LIMIT_GROUP || scope == LIMIT_CHANNEL)
		item = find_item(rules, rules->count, scope, ONE, subject);
	if (!item && group.n)
		item = find_item(rules, rules->count, scope, EACH_IN_GROUP, group);
	if (!item)
		item = find_item(rules, rules->count, scope, EACH, (struct str){ 0 });
	if (item)
		*out = item->rule;
	return true;
}

/* ---- rows ------------------------------------------------------------------------------------ */

bool limit_row_check(const struct limit_row *row, struct err *err)
{
	struct limit_rule rule = { row->rpm, row->tpm, row->tpd, row->parallel, row->budget_day,
		row->budget_week, row->budget_month, row->timezone };
	enum limit_scope scope;

	if (!find_scope(row->scope, &scope) || scope == LIMIT_ADDRESS)
		return err_set(err, ERR_BAD_REQUEST, "scope must be key, user, group or channel");
	if (!is_subject(scope, row->subject))
		return err_set(err, ERR_BAD_REQUEST, "subject must be %s",
		    scope == LIMIT_GROUP ? "the name of a group" : "an id");
	for (size_t i = 0; i < COUNT_OF(settings); i++) {
		int64_t n = *value_of(&rule, &settings[i]);

		if (n < 0 || n > settings[i].max)
			return err_set(err, ERR_BAD_REQUEST, "%s must be between 0 and %" PRId64,
			    settings[i].name, settings[i].max);
	}
	return check_zone(row->timezone, err);
}

static bool end_write(struct db *db, bool ok, struct err *err)
{
	if (ok && catalog_bump(db, err))
		return db_commit(db, err);
	db_rollback(db);
	return false;
}

bool limit_row_put(struct db *db, const struct limit_row *row, struct err *err)
{
	static const char delete_sql[] = "DELETE FROM limits WHERE scope = ? AND subject = ?";
	static const char insert_sql[] =
	    "INSERT INTO limits (scope, subject, rpm, tpm, tpd, parallel, budget_day, "
	    "budget_week, budget_month, timezone) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
	bool ok;

	if (!limit_row_check(row, err) || !db_begin(db, err))
		return false;
	ok = db_run(db, delete_sql, BIND(v_text(row->scope), v_text(row->subject)), NULL, err) &&
	    db_run(db, insert_sql,
	        BIND(v_text(row->scope), v_text(row->subject), v_int(row->rpm), v_int(row->tpm),
	            v_int(row->tpd), v_int(row->parallel), v_int(row->budget_day),
	            v_int(row->budget_week), v_int(row->budget_month), v_text(row->timezone)),
	        NULL, err);
	return end_write(db, ok, err);
}

bool limit_row_delete(struct db *db, struct str scope, struct str subject, struct err *err)
{
	static const char sql[] = "DELETE FROM limits WHERE scope = ? AND subject = ?";
	int64_t changed = 0;
	bool ok;

	if (!db_begin(db, err))
		return false;
	ok = db_run(db, sql, BIND(v_text(scope), v_text(subject)), &changed, err);
	if (ok && changed == 0)
		ok = err_set(err, ERR_NOT_FOUND, "there is no such limit");
	return end_write(db, ok, err);
}

bool limit_row_page(struct db *db, struct arena *a, struct str scope, struct str subject,
    int64_t limit, struct limit_row **rows, size_t *count, struct err *err)
{
	static const char sql[] =
	    "SELECT scope, subject, rpm, tpm, tpd, parallel, budget_day, budget_week, "
	    "budget_month, timezone FROM limits WHERE scope > ? OR (scope = ? AND subject > ?) "
	    "ORDER BY scope, subject LIMIT ?";
	struct rows found;
	void *items;

	if (!db_query(db, sql, BIND(v_text(scope), v_text(scope), v_text(subject), v_int(limit)),
	        &found, err) ||
	    !rows_all(&found, limit_fields, sizeof(struct limit_row), a, &items, count, err))
		return false;
	*rows = items;
	return true;
}
