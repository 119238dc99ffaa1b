/* options.c — /api/option: the site's settings, for root */
#include "access.h"
#include "admin.h"
#include "audit.h"
#include "base/err.h"
#include "base/json.h"
#include "body.h"
#include "message.h"
#include "phrases.h"
#include "reply.h"
#include "routes.h"
#include "smtp.h"
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

static void add_option(struct buf *b, struct str name, struct str value)
{
	json_add_comma(b);
	buf_add(b, STR("{\"key\":"));
	json_add_str(b, name);
	buf_add(b, STR(",\"value\":"));
	json_add_str(b, value);
	buf_add_char(b, '}');
}

/* A name that says that its value is a secret, whoever wrote it. */
static bool sounds_secret(struct str name)
{
	return str_ends(name, STR("Token")) || str_ends(name, STR("Secret")) ||
	    str_ends(name, STR("SecretKey"));
}

static bool list(struct req *r, struct resp *out, struct err *err)
{
	struct options *o = ARENA_NEW(r->arena, struct options);
	struct option_row *foreign;
	size_t count;
	struct buf *b;

	if (!load(r, o, err) || !option_foreign(db_of(r), r->arena, &foreign, &count, err))
		return false;
	b = reply_open(out);
	buf_add_char(b, '[');
	for (int i = 0; i < OPTION_COUNT; i++) {
		if (!(option_keys[i].flags & OPTION_SECRET))
			add_option(b, str_c(option_keys[i].name), shown(r, o, (enum option_id)i));
	}
	for (size_t i = 0; i < count; i++) {
		if (!sounds_secret(foreign[i].name))
			add_option(b, foreign[i].name, foreign[i].value);
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

/* Without which no mail could be sent: better refused here than found out then. */
static bool is_mailable(enum option_id id, struct str value)
{
	value = str_trim(value);
	if (id == OPT_SMTP_FROM)
		return value.n == 0 || mail_address_ok(value);
	return id != OPT_SMTP_SERVER || value.n == 0 || smtp_host_ok(value);
}

static bool check_value(struct req *r, enum option_id id, struct str value, struct err *err)
{
	struct err wrong = { 0 };

	if (!is_mailable(id, value))
		return message_fail_member(r, err, option_keys[id].name);
	if (option_check(id, value, &wrong))
		return check_preconditions(r, id, value, err);
	if (id == OPT_THEME)
		return message_fail(r, err, MSG_P01);
	return phrase_fail(r, err, &wrong);
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

struct saving {
	struct str name, value;
	int id; /* -1: a foreign one */
};

/* The name goes to the log row, never the value. */
static bool write_option(struct req *r, void *arg, struct err *err)
{
	const struct saving *s = arg;
	const struct user *who = &access_actor(r)->user;
	bool ok = s->id >= 0
	    ? option_write(db_of(r), box_of(r), (enum option_id)s->id, s->value, err)
	    : option_write_foreign(db_of(r), s->name, s->value, err);

	return ok &&
	    audit_row(r, LOG_TYPE_MANAGE, who->id, who->username, 0,
	        arena_fmt(r->arena, "changed option %.*s", STR_ARG(s->name)), err);
}

/* Any that there is: one of ours, or a row that an import brought. */
static bool find_option(struct req *r, struct saving *s, struct err *err)
{
	bool foreign;

	s->id = option_find(s->name);
	if (s->id >= 0)
		return check_value(r, (enum option_id)s->id, s->value, err);
	if (!option_is_foreign(db_of(r), s->name, &foreign, err))
		return false;
	return foreign || message_fail_about(r, err, MSG_E01_FIELD, s->name, (struct str){ 0 });
}

static bool save(struct req *r, struct resp *out, struct err *err)
{
	struct saving s = { 0 };
	cJSON *tree;

	if (!body_tree(r, &tree, err))
		return undecodable(r, err);
	if (cJSON_IsString(member(tree, "key")))
		s.name = str_c(member(tree, "key")->valuestring);
	if (s.name.n == 0 || !read_value(r, member(tree, "value"), &s.value))
		return undecodable(r, err);
	if (!find_option(r, &s, err) || !audit_transact(r, write_option, &s, err))
		return false;
	catalog_nudge(admin_of(r)->rt.watcher);
	log_info(&r->log, "option.saved", LOG_STR("key", s.name));
	return reply_ok(out);
}

const struct route option_routes[] = {
	{ "GET", "/api/option", ROLE_ROOT, 0, list, NULL },
	{ "PUT", "/api/option", ROLE_ROOT, ROUTE_LARGE, save, NULL },
	{ 0 },
};
