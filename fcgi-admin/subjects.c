#include "subjects.h"

#include <stdio.h>

#include "access.h"
#include "admin.h"
#include "base/err.h"
#include "base/json.h"

/* Of one value, and of all of an object. */
#define VALUE_MAX 2000
#define OBJECT_MAX ((size_t)64 * 1024)
#define COLUMNS_MAX 32

/* ---- the kinds --------------------------------------------------------------------------------*/

/* Columns as they are shown; the query selects them in this order. A `*` stands before a secret, and
 * `*name=aad` is one that was sealed with that aad. */
struct subject {
	const char *prefix; /* of the route's path */
	const char *name;
	const char *columns;
	/* By id; NULL: it has no image, and what the path names, or else the query, is kept. */
	const char *image_sql;
	const char *newest_sql; /* NULL: none is made */
	const char *names;      /* what its id consists of; NULL: it is a number */
	bool own;               /* it is the caller's account */
};

#define USER_COLUMNS                                                                               \
	"username, display_name, role, status, email, github_id, wechat_id, lark_id, oidc_id, "    \
	"quota, group_name, aff_code, inviter_id"
#define TOKEN_COLUMNS                                                                              \
	"user_id, status, name, expired_time, remain_quota, unlimited_quota, models, subnet, "     \
	"capture_until, deleted_at"
#define CHANNEL_COLUMNS                                                                            \
	"type, status, name, weight, priority, base_url, other, models, group_name, "              \
	"model_mapping, system_prompt, disabled_reason"
#define LIMIT_COLUMNS "rpm, tpm, tpd, parallel, budget_day, budget_week, budget_month, timezone"
#define CODE_COLUMNS "user_id, status, name, quota, redeemed_by"

static const char user_sql[] =
    "SELECT " USER_COLUMNS ", password, access_token_hash, session_epoch, "
    "(SELECT 'in force' FROM second_factors f WHERE f.user_id = users.id AND "
    "f.confirmed_at <> 0) FROM users WHERE id = ?";
static const char token_sql[] = "SELECT " TOKEN_COLUMNS ", key_sealed FROM tokens WHERE id = ?";
static const char channel_sql[] =
    "SELECT " CHANNEL_COLUMNS ", key_sealed, config_sealed FROM channels WHERE id = ?";
static const char code_sql[] = "SELECT " CODE_COLUMNS ", key_sealed FROM redemptions WHERE id = ?";
static const char limit_sql[] =
    "SELECT " LIMIT_COLUMNS " FROM limits WHERE scope || ' ' || subject = ?";
static const char option_sql[] = "SELECT value FROM options WHERE name = ?";
static const char job_sql[] = "SELECT stop_asked FROM jobs WHERE id = ?";
static const char newest_user_sql[] = "SELECT COALESCE(MAX(id), 0) FROM users";
static const char newest_token_sql[] = "SELECT COALESCE(MAX(id), 0) FROM tokens";
static const char newest_channel_sql[] = "SELECT COALESCE(MAX(id), 0) FROM channels";
static const char newest_code_sql[] = "SELECT COALESCE(MAX(id), 0) FROM redemptions";

#define USER_SHOWN USER_COLUMNS ", *password, *access_token, session_epoch, second_factor"

/* The first whose prefix fits. */
static const struct subject subjects[] = {
	{ "/api/user/topup", "user", USER_SHOWN, user_sql, NULL, NULL, true },
	{ "/api/user/self", "user", USER_SHOWN, user_sql, NULL, NULL, true },
	{ "/api/user/token", "user", USER_SHOWN, user_sql, NULL, NULL, true },
	{ "/api/user/aff", "user", USER_SHOWN, user_sql, NULL, NULL, true },
	{ "/api/user/totp", "user", USER_SHOWN, user_sql, NULL, NULL, true },
	{ "/api/oauth", "user", USER_SHOWN, user_sql, NULL, NULL, true },
	{ "/api/user", "user", USER_SHOWN, user_sql, newest_user_sql, NULL, false },
	{ "/api/topup", "user", USER_SHOWN, user_sql, NULL, NULL, false },
	{ "/api/token", "token", TOKEN_COLUMNS ", *key=token.key", token_sql, newest_token_sql,
	    NULL, false },
	{ "/api/channel", "channel", CHANNEL_COLUMNS ", *key=channel.key, *config=channel.config",
	    channel_sql, newest_channel_sql, NULL, false },
	{ "/api/redemption", "redemption", CODE_COLUMNS ", *key=redemption.key", code_sql,
	    newest_code_sql, NULL, false },
	{ "/api/option", "option", "value", option_sql, NULL, "key", false },
	{ "/api/limit", "limit", LIMIT_COLUMNS, limit_sql, NULL, "scope subject", false },
	{ "/api/job", "job", "stop_asked", job_sql, NULL, NULL, false },
	{ "/api/log", "log", "", NULL, NULL, NULL, false },
};

static const struct subject *subject_of(const struct req *r)
{
	struct str path = str_c(r->route->path);

	for (size_t i = 0; i < COUNT_OF(subjects); i++) {
		if (str_starts(path, str_c(subjects[i].prefix)))
			return &subjects[i];
	}
	return NULL;
}

struct str subject_name(const struct subject_view *view)
{
	return str_c(view->subject ? view->subject->name : "");
}

/* ---- which one --------------------------------------------------------------------------------*/

static void add_id(struct req *r, struct subject_view *v, struct str id)
{
	if (id.n == 0)
		return;
	if (v->count == v->room) {
		struct str *old = v->ids;

		v->room = v->room ? 2 * v->room : 8;
		v->ids = arena_alloc(r->arena, v->room * sizeof *v->ids);
		for (size_t i = 0; i < v->count; i++)
			v->ids[i] = old[i];
	}
	v->ids[v->count++] = arena_str(r->arena, str_slice(id, 0, 200));
}

static void add_number(struct req *r, struct subject_view *v, const cJSON *n)
{
	if (cJSON_IsNumber(n) && n->valuedouble >= 1 && n->valuedouble < 9e15)
		add_id(r, v, str_c(arena_fmt(r->arena, "%lld", (long long)n->valuedouble)));
}

static bool add_named_user(struct req *r, struct subject_view *v, const cJSON *name,
    struct err *err)
{
	static const char sql[] = "SELECT id FROM users WHERE username = ? AND status <> 3";
	int64_t id;

	if (!cJSON_IsString(name))
		return true;
	if (!db_number(db_of(r), sql, BIND(v_text(str_c(name->valuestring))), &id, err))
		return false;
	if (id)
		add_id(r, v, str_c(arena_fmt(r->arena, "%lld", (long long)id)));
	return true;
}

/* As the handlers read it (field_read): without case, null is absent, and of equal names the last one
 * counts. Another choice here would let a request be noted as one about somebody else. */
static const cJSON *member(const cJSON *tree, const char *name)
{
	const cJSON *found = NULL, *m;

	cJSON_ArrayForEach(m, tree)
	{
		if (!cJSON_IsNull(m) && str_eq_nocase(str_c(m->string), str_c(name)))
			found = m;
	}
	return found;
}

static bool is_route(const struct req *r, const char *path)
{
	return str_eq_c(str_c(r->route->path), path);
}

static void add_list(struct req *r, struct subject_view *v, const cJSON *ids)
{
	const cJSON *item;

	if (!cJSON_IsArray(ids))
		return;
	cJSON_ArrayForEach(item, ids)
	{
		add_number(r, v, item);
	}
}

/* Members of the body; without one, of the path. */
static void add_names(struct req *r, struct subject_view *v, const cJSON *tree)
{
	struct str rest = str_c(v->subject->names), name;
	const char *id = "";

	for (int i = 0; str_next(&rest, ' ', &name); i++) {
		struct str part = r->params[i];

		if (tree) {
			const cJSON *item = member(tree, str_dup(r->arena, name));

			if (!cJSON_IsString(item))
				return;
			part = str_c(item->valuestring);
		}
		id = arena_fmt(r->arena, "%s%s%.*s", id, i ? " " : "", STR_ARG(part));
	}
	add_id(r, v, str_c(id));
}

static bool ids_in_body(struct req *r, struct subject_view *v, struct err *err)
{
	struct err ignored = { 0 };
	cJSON *tree;

	/* What is not an object is the handler's to refuse. */
	if (r->body.n == 0 || !json_parse(r->arena, r->body, &tree, &ignored) ||
	    !cJSON_IsObject(tree))
		return true;
	if (v->subject->names) {
		add_names(r, v, tree);
		return true;
	}
	if (is_route(r, "/api/channel/batch")) {
		add_list(r, v, json_at(tree, "ids"));
		return true;
	}
	add_number(r, v, member(tree, is_route(r, "/api/topup") ? "user_id" : "id"));
	if (v->count == 0 && is_route(r, "/api/user/manage"))
		return add_named_user(r, v, member(tree, "username"), err);
	return true;
}

static bool add_found(struct req *r, struct subject_view *v, const char *sql, struct err *err)
{
	struct rows rows;

	if (!db_query(db_of(r), sql, BIND_NONE, &rows, err))
		return false;
	while (rows_next(&rows))
		add_id(r, v, rows_text(&rows, 0));
	return rows_close(&rows, err);
}

static bool find_ids(struct req *r, struct subject_view *v, struct err *err)
{
	static const char disabled_sql[] = "SELECT id FROM channels WHERE status IN (2, 3)";
	int64_t id;

	if (is_route(r, "/api/channel/disabled"))
		return add_found(r, v, disabled_sql, err);
	if (v->subject->own) {
		add_id(r, v,
		    str_c(arena_fmt(r->arena, "%lld", (long long)access_actor(r)->user.id)));
		return true;
	}
	if (str_has(str_c(r->route->path), STR("/:"))) {
		if (v->subject->names)
			add_names(r, v, NULL);
		else if (str_to_int(r->params[0], 1, INT64_MAX, &id))
			add_id(r, v, r->params[0]);
		return true;
	}
	return ids_in_body(r, v, err);
}

static bool newest(struct req *r, const struct subject *s, int64_t *id, struct err *err)
{
	*id = 0;
	return !s->newest_sql || db_number(db_of(r), s->newest_sql, BIND_NONE, id, err);
}

/* ---- how it looks -----------------------------------------------------------------------------*/

struct subject_image {
	bool exists;
	struct str values[COLUMNS_MAX];
};

/* An option that an import brought and we do not know may be one. */
static bool is_secret(const struct subject *s, struct str id, struct str column)
{
	int option = option_find(id);

	if (s->image_sql == option_sql)
		return option < 0 || option_keys[option].flags & OPTION_SECRET;
	return str_starts(column, STR("*"));
}

/* A sealed text differs each time it is sealed, so what is in it is compared. */
static struct str opened(struct req *r, struct str column, struct str value)
{
	size_t equals = str_find(column, '=');
	struct str plain;

	if (equals == column.n || value.n == 0)
		return arena_str(r->arena, value);
	if (secret_open(box_of(r), r->arena,
	        str_dup(r->arena, str_slice(column, equals + 1, column.n)), value, &plain))
		return plain;
	return arena_str(r->arena, value);
}

static bool look_at(struct req *r, const struct subject *s, struct str id,
    struct subject_image *image, struct err *err)
{
	struct str rest = str_c(s->columns), column;
	struct rows rows;
	int64_t number = 0;

	*image = (struct subject_image){ 0 };
	if (!s->names && !str_to_int(id, 1, INT64_MAX, &number))
		return true;
	if (!db_query(db_of(r), s->image_sql, BIND(s->names ? v_text(id) : v_int(number)), &rows,
	        err))
		return false;
	image->exists = rows_next(&rows);
	for (int i = 0; image->exists && i < COLUMNS_MAX && str_next(&rest, ',', &column); i++)
		image->values[i] = opened(r, str_trim(column), rows_text(&rows, i));
	return rows_close(&rows, err);
}

bool subject_look(struct req *r, struct subject_view *v, struct err *err)
{
	*v = (struct subject_view){ .subject = subject_of(r) };
	if (!v->subject || !v->subject->image_sql)
		return true;
	if (!find_ids(r, v, err) || !newest(r, v->subject, &v->newest, err))
		return false;
	v->images = arena_alloc(r->arena, (v->count + 1) * sizeof *v->images);
	for (size_t i = 0; i < v->count; i++) {
		if (!look_at(r, v->subject, v->ids[i], &v->images[i], err))
			return false;
	}
	return true;
}

/* ---- what is different ------------------------------------------------------------------------*/

static void add_value(struct buf *b, const struct subject *s, struct str id, struct str column,
    struct str value)
{
	struct str name = str_slice(column, 0, str_find(column, '='));
	char text[64];

	if (str_starts(name, STR("*")))
		name = str_slice(name, 1, name.n);
	snprintf(text, sizeof text, "%.*s", STR_ARG(name));
	json_add_name(b, text);
	if (is_secret(s, id, column))
		value = value.n ? STR("***") : value;
	json_add_str(b, str_slice(value, 0, VALUE_MAX));
}

/* Columns of `of` where it differs from other; nothing when it does not exist. */
static void add_image(struct buf *b, const struct subject *s, struct str id,
    const struct subject_image *of, const struct subject_image *other)
{
	struct str rest = str_c(s->columns), column;

	if (!of->exists)
		return;
	buf_add_char(b, '{');
	for (int i = 0; i < COLUMNS_MAX && str_next(&rest, ',', &column); i++) {
		struct str value = of->values[i], there = other->values[i];

		if (other->exists ? !str_eq(value, there) : value.n > 0)
			add_value(b, s, id, str_trim(column), value);
	}
	buf_add_char(b, '}');
}

/* Too long a text says so instead. */
static struct str object_text(const struct buf *b)
{
	return buf_ok(b) ? buf_str(b) : STR("{\"\":\"too much to show\"}");
}

static bool add_object(struct subject_rows *t, const struct subject *s, struct str id,
    const struct subject_image *was, const struct subject_image *is, struct err *err)
{
	struct buf before = buf_init(OBJECT_MAX), after = buf_init(OBJECT_MAX);
	bool ok;

	add_image(&before, s, id, was, is);
	add_image(&after, s, id, is, was);
	ok = subject_rows_add(t, id, object_text(&before), object_text(&after), err);
	buf_release(&before);
	buf_release(&after);
	return ok;
}

static bool add_known(struct req *r, const struct subject_view *v, struct subject_rows *t,
    struct err *err)
{
	for (size_t i = 0; i < v->count; i++) {
		struct subject_image now;

		if (!look_at(r, v->subject, v->ids[i], &now, err) ||
		    !add_object(t, v->subject, v->ids[i], &v->images[i], &now, err))
			return false;
	}
	return true;
}

static bool add_made(struct req *r, const struct subject_view *v, struct subject_rows *t,
    struct err *err)
{
	const struct subject_image none = { 0 };
	int64_t last;

	if (!newest(r, v->subject, &last, err))
		return false;
	for (int64_t id = v->newest + 1; id <= last; id++) {
		struct str name = str_c(arena_fmt(r->arena, "%lld", (long long)id));
		struct subject_image now;

		if (!look_at(r, v->subject, name, &now, err))
			return false;
		if (now.exists && !add_object(t, v->subject, name, &none, &now, err))
			return false;
	}
	return true;
}

static struct str query_text(struct req *r)
{
	struct buf b = buf_init(OBJECT_MAX);
	struct str text;

	buf_add_c(&b, "{\"query\":");
	json_add_str(&b, str_slice(r->query, 0, VALUE_MAX));
	buf_add_char(&b, '}');
	text = arena_str(r->arena, buf_str(&b));
	buf_release(&b);
	return text;
}

bool subject_compare(struct req *r, const struct subject_view *v, subject_row_fn *fn, void *arg,
    struct err *err)
{
	struct audit_entry plain = { 0 };
	struct subject_rows t;
	bool ok;

	if (!v->subject || !v->subject->image_sql) {
		if (str_has(str_c(r->route->path), STR("/:")))
			plain.subject_id = r->params[0];
		else if (v->subject)
			plain.after = query_text(r);
		return fn(arg, 0, &plain, err);
	}
	subject_rows_init(&t, r->arena, fn, arg);
	ok = add_known(r, v, &t, err) && add_made(r, v, &t, err) && subject_rows_end(&t, err);
	subject_rows_release(&t);
	return ok;
}
