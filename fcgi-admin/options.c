/* options.c — /api/option: the site's settings, for root */
#include "access.h"
#include "admin.h"
#include "audit.h"
#include "base/err.h"
#include "base/json.h"
#include "body.h"
#include "message.h"
#include "reply.h"
#include "routes.h"
#include "store/option.h"

/* From the database, not from the catalog: whoever just saved wants to see it. */
static bool load(struct req *r, struct options *o, struct err *err)
{
	return option_load(db_of(r), box_of(r), r->arena, o, err);
}

/* While nothing was saved the price tables show what is built in: pages parse and edit them. */
static struct str shown(struct req *r, const struct options *o, enum option_id id)
{
	struct str text = option_text(o, id);

	if (o->v[id].is_set)
		return text;
	if (id == OPT_MODEL_RATIO)
		return price_default_model_json(r->arena);
	if (id == OPT_COMPLETION_RATIO)
		return price_default_completion_json(r->arena);
	return text;
}

static bool list(struct req *r, struct resp *out, struct err *err)
{
	struct options *o = ARENA_NEW(r->arena, struct options);
	struct buf *b;

	if (!load(r, o, err))
		return false;
	b = reply_open(out);
	buf_add_char(b, '[');
	for (int i = 0; i < OPTION_COUNT; i++) {
		if (option_keys[i].flags & OPTION_SECRET)
			continue;
		json_add_comma(b);
		buf_add(b, STR("{\"key\":"));
		json_add_str(b, str_c(option_keys[i].name));
		buf_add(b, STR(",\"value\":"));
		json_add_str(b, shown(r, o, (enum option_id)i));
		buf_add_char(b, '}');
	}
	buf_add_char(b, ']');
	return reply_close(out);
}

/* ---- what must be filled in before a switch may be turned on --------------------------------- */

static bool has_items(struct str list)
{
	struct str item;

	while (str_next(&list, ',', &item)) {
		if (str_trim(item).n)
			return true;
	}
	return false;
}

/* clang-format off */
static const struct {
	enum option_id turned_on;
	enum option_id needs;
	enum message otherwise;
} preconditions[] = {
	{ OPT_GITHUB_OAUTH_ENABLED, OPT_GITHUB_CLIENT_ID, MSG_P02 },
	{ OPT_EMAIL_DOMAIN_RESTRICTION_ENABLED, OPT_EMAIL_DOMAIN_WHITELIST, MSG_P03 },
	{ OPT_WECHAT_AUTH_ENABLED, OPT_WECHAT_SERVER_ADDRESS, MSG_P04 },
	{ OPT_TURNSTILE_CHECK_ENABLED, OPT_TURNSTILE_SITE_KEY, MSG_P05 },
	{ OPT_OIDC_ENABLED, OPT_OIDC_CLIENT_ID, MSG_P06 },
	{ OPT_OIDC_ENABLED, OPT_OIDC_TOKEN_ENDPOINT, MSG_P06 },
	{ OPT_OIDC_ENABLED, OPT_OIDC_USERINFO_ENDPOINT, MSG_P06 },
};
/* clang-format on */

static bool check_preconditions(struct req *r, enum option_id id, struct str value, struct err *err)
{
	struct options *o = ARENA_NEW(r->arena, struct options);

	if (!str_eq_c(value, "true"))
		return true;
	if (!load(r, o, err))
		return false;
	for (size_t i = 0; i < COUNT_OF(preconditions); i++) {
		if (preconditions[i].turned_on == id &&
		    !has_items(option_text(o, preconditions[i].needs)))
			return message_fail(r, err, preconditions[i].otherwise);
	}
	return true;
}

static bool check_value(struct req *r, enum option_id id, struct str value, struct err *err)
{
	struct err wrong = { 0 };

	if (option_check(id, value, &wrong))
		return check_preconditions(r, id, value, err);
	if (id == OPT_THEME)
		return message_fail(r, err, MSG_P01);
	return message_fail_about(r, err, MSG_E01_FIELD, str_c(wrong.msg), (struct str){ 0 });
}

/* ---- saving ---------------------------------------------------------------------------------- */

/* Without case, the last of that name, as in field_read; NULL when there is none. */
static const cJSON *member(const cJSON *tree, const char *name)
{
	const cJSON *found = NULL, *m;

	cJSON_ArrayForEach(m, tree)
	{
		if (str_eq_nocase(str_c(m->string), str_c(name)))
			found = m;
	}
	return found;
}

/* Values are strings; a number or boolean is taken as it would be written. */
static bool read_value(struct req *r, const cJSON *item, struct str *out)
{
	if (cJSON_IsString(item))
		*out = str_c(item->valuestring);
	else if (cJSON_IsNumber(item) || cJSON_IsBool(item))
		*out = json_print(r->arena, item);
	else
		return false;
	return true;
}

static bool undecodable(const struct req *r, struct err *err)
{
	message_fail(r, err, MSG_E01);
	err->status = 400;
	return false;
}

static bool save(struct req *r, struct resp *out, struct err *err)
{
	struct str name = { 0 }, value;
	cJSON *tree;
	int id;

	if (!body_tree(r, &tree, err))
		return undecodable(r, err);
	if (cJSON_IsString(member(tree, "key")))
		name = str_c(member(tree, "key")->valuestring);
	if (name.n == 0 || !read_value(r, member(tree, "value"), &value))
		return undecodable(r, err);
	id = option_find(name);
	if (id < 0)
		return message_fail_about(r, err, MSG_E01_FIELD, name, (struct str){ 0 });
	if (!check_value(r, (enum option_id)id, value, err) ||
	    !option_save(db_of(r), box_of(r), (enum option_id)id, value, err))
		return false;
	catalog_nudge(admin_of(r)->rt.watcher);
	audit_note(r, arena_fmt(r->arena, "changed option %s", option_keys[id].name));
	log_info(&r->log, "option.saved", LOG_TEXT("key", option_keys[id].name));
	return reply_ok(out);
}

const struct route option_routes[] = {
	{ "GET", "/api/option", ROLE_ROOT, 0, list, NULL },
	{ "PUT", "/api/option", ROLE_ROOT, ROUTE_LARGE, save, NULL },
	{ 0 },
};
