/* users.c — /api/user: the accounts, for administrators
 *
 * Rank rule: who acts must have a higher role than whom it concerns, or be root. Money moves by
 * difference only (billing/quota.h), in the transaction that writes the log row.
 */
#include <inttypes.h>

#include "access.h"
#include "admin.h"
#include "audit.h"
#include "base/clock.h"
#include "base/err.h"
#include "billing/quota.h"
#include "body.h"
#include "message.h"
#include "objects.h"
#include "person.h"
#include "reply.h"
#include "routes.h"

/* ---- reading --------------------------------------------------------------------------------- */

static enum user_order order_of(const struct req *r)
{
	struct str order = req_query(r, "order");

	if (str_eq_c(order, "quota"))
		return USERS_BY_QUOTA;
	if (str_eq_c(order, "used_quota"))
		return USERS_BY_USED_QUOTA;
	if (str_eq_c(order, "request_count"))
		return USERS_BY_REQUEST_COUNT;
	return USERS_BY_ID;
}

static bool list(struct req *r, struct resp *out, struct err *err)
{
	static const char count_sql[] = "SELECT COUNT(*) FROM users WHERE status <> 3";
	struct page page = reply_page(r);
	struct user_list users;
	int64_t total;

	return db_number(db_of(r), count_sql, BIND_NONE, &total, err) &&
	    user_page(db_of(r), r->arena, order_of(r), page.offset, page.limit, &users, err) &&
	    reply_page_of(out, user_wire, users.items, users.count, sizeof *users.items, total);
}

/* ?status= narrows it, and is the only way to see the deleted ones. */
static bool search(struct req *r, struct resp *out, struct err *err)
{
	int64_t status = req_query_int(r, "status", 0);
	struct user_list users;

	if (status < USER_ENABLED || status > USER_DELETED)
		status = 0;
	return user_search(db_of(r), r->arena, req_query(r, "keyword"), (int)status, SEARCH_MAX,
	           &users, err) &&
	    reply_list(out, user_wire, users.items, users.count, sizeof *users.items);
}

/* For the form: with what running requests hold, so that the balance and used_quota together are
 * the same whether a request of the user is under way or not (quota_change). */
static bool get(struct req *r, struct resp *out, struct err *err)
{
	int64_t id, held;
	struct user u;

	if (!body_path_id(r, &id, err) || !user_by_id(db_of(r), r->arena, id, &u, err))
		return false;
	if (!access_outranks(r, &u))
		return message_fail(r, err, MSG_U14);
	if (!quota_held(db_of(r), id, &held, err))
		return false;
	u.quota += held;
	return reply_object(out, user_wire, &u);
}

/* ---- create ---------------------------------------------------------------------------------- */

struct new_user {
	struct str username, password, display_name;
	int role;
	struct user row;
};

static const struct field create_body[] = {
	FIELD(struct new_user, username, 0),
	FIELD(struct new_user, password, 0),
	FIELD(struct new_user, display_name, 0),
	FIELD(struct new_user, role, 0),
	{ 0 },
};

static bool check_new(struct req *r, struct new_user *in, struct err *err)
{
	if (in->username.n == 0 || in->password.n == 0)
		return message_fail(r, err, MSG_E01);
	if (!person_check_name(r, in->username, STR(""), err) ||
	    !person_check_password(r, in->password, err) ||
	    !person_check_display_name(r, in->display_name, err))
		return false;
	if (in->role >= access_actor(r)->user.role)
		return message_fail(r, err, MSG_U18);
	return true;
}

static bool insert(struct req *r, void *arg, struct err *err)
{
	return person_create(r, arg, err);
}

/* The role is compared and then ignored: every new account begins as a common user. */
static bool create(struct req *r, struct resp *out, struct err *err)
{
	struct new_user in = { 0 };

	if (!body_read(r, create_body, &in, NULL, err) || !check_new(r, &in, err))
		return false;
	in.row = (struct user){
		.username = in.username,
		.display_name = in.display_name.n ? in.display_name : in.username,
		.password = str_c(secret_password_hash(r->arena, in.password)),
		.role = ROLE_USER,
		.status = USER_ENABLED,
		.group = STR("default"),
		.quota = option_int(options_of(r), OPT_QUOTA_FOR_NEW_USER),
		.created_at = clock_unix(),
	};
	if (!audit_transact(r, insert, &in.row, err))
		return false;
	log_info(&r->log, "user.created", LOG_INT("id", in.row.id));
	return reply_ok(out);
}

/* ---- update: the form ------------------------------------------------------------------------ */

/* quota is what the form shows after editing. Charges go on while it is open, so the change is
 * the difference to what the form had loaded: quota_before when our own form says it, else today's
 * balance with its holds plus what was charged since used_quota was loaded. quota_delta is the
 * change itself. A script that sends quota alone sets the balance. */
struct user_change {
	int64_t id;
	struct str username, display_name, password, email, group;
	struct str github_id, wechat_id, lark_id, oidc_id;
	int64_t quota, quota_before, quota_delta, used_quota;
	int role, status;
	uint64_t seen;
	struct str hash; /* of password */
};

static const struct field update_body[] = {
	FIELD(struct user_change, id, 0),
	FIELD(struct user_change, username, 0),
	FIELD(struct user_change, display_name, 0),
	FIELD(struct user_change, password, 0),
	FIELD(struct user_change, email, 0),
	FIELD(struct user_change, group, 0),
	FIELD(struct user_change, github_id, 0),
	FIELD(struct user_change, wechat_id, 0),
	FIELD(struct user_change, lark_id, 0),
	FIELD(struct user_change, oidc_id, 0),
	FIELD(struct user_change, quota, 0),
	FIELD(struct user_change, quota_before, 0),
	FIELD(struct user_change, quota_delta, 0),
	FIELD(struct user_change, used_quota, 0),
	FIELD(struct user_change, role, 0),
	FIELD(struct user_change, status, 0),
	{ 0 },
};

static bool has(const struct user_change *c, const char *name)
{
	return (c->seen & field_bit(update_body, name)) != 0;
}

static bool in_range(int64_t n)
{
	return n >= -QUOTA_MAX && n <= QUOTA_MAX;
}

/* The balance that a form showed when used_quota was what it says. */
static bool quota_shown(struct req *r, const struct user_change *c, const struct user *u,
    int64_t *shown, struct err *err)
{
	int64_t held;

	if (!quota_held(db_of(r), u->id, &held, err))
		return false;
	*shown = u->quota + held + u->used_quota - c->used_quota;
	return true;
}

static bool quota_change(struct req *r, const struct user_change *c, const struct user *u,
    int64_t *delta, struct err *err)
{
	int64_t before = u->quota;

	*delta = 0;
	if (!in_range(c->quota) || !in_range(c->quota_before) || !in_range(c->quota_delta) ||
	    !in_range(c->used_quota))
		return message_fail(r, err, MSG_E02);
	if (has(c, "quota_delta")) {
		*delta = c->quota_delta;
	} else if (has(c, "quota")) {
		if (has(c, "quota_before"))
			before = c->quota_before;
		else if (has(c, "used_quota") && c->used_quota <= u->used_quota &&
		    !quota_shown(r, c, u, &before, err))
			return false;
		*delta = c->quota - before;
	}
	return in_range(*delta) ? true : message_fail(r, err, MSG_E02);
}

/* What the form sends back unchanged is no change, whatever the rules for new values say. */
static bool change_texts(struct req *r, const struct user_change *c, struct user *u,
    struct err *err)
{
	if (c->username.n && !str_eq(c->username, u->username)) {
		if (!person_check_name(r, c->username, u->email, err))
			return false;
		u->username = c->username;
	}
	if (has(c, "display_name") && !str_eq(c->display_name, u->display_name)) {
		if (!person_check_display_name(r, c->display_name, err))
			return false;
		u->display_name = c->display_name;
	}
	if (c->group.n && !str_eq(c->group, u->group)) {
		if (!person_check_group(r, c->group, err))
			return false;
		u->group = c->group;
	}
	if (c->hash.n)
		u->password = c->hash;
	return true;
}

static bool change_email(struct req *r, const struct user_change *c, struct user *u,
    struct err *err)
{
	bool taken;

	if (!has(c, "email") || str_eq(c->email, u->email))
		return true;
	if (!person_check_email(r, c->email, err))
		return false;
	if (!user_email_taken(db_of(r), c->email, u->id, &taken, err))
		return false;
	if (taken)
		return message_fail(r, err, MSG_U09);
	u->email = c->email;
	return true;
}

/* Third-party ids may only be given up here: whoever has the id has the account. */
static void clear_ids(const struct user_change *c, struct user *u)
{
	const struct {
		const char *name;
		struct str sent, *now;
	} ids[] = {
		{ "github_id", c->github_id, &u->github_id },
		{ "wechat_id", c->wechat_id, &u->wechat_id },
		{ "lark_id", c->lark_id, &u->lark_id },
		{ "oidc_id", c->oidc_id, &u->oidc_id },
	};

	for (size_t i = 0; i < COUNT_OF(ids); i++) {
		if (has(c, ids[i].name) && ids[i].sent.n == 0)
			*ids[i].now = (struct str){ 0 };
	}
}

/* 0 and what is not writable (status 3) mean unchanged. */
static bool change_rank(struct req *r, const struct user_change *c, struct user *u, struct err *err)
{
	int own = access_actor(r)->user.role;

	if (c->role >= own && own < ROLE_ROOT)
		return message_fail(r, err, MSG_U16);
	if (c->role > 0 && c->role != u->role && own >= ROLE_ROOT) {
		if (u->role >= ROLE_ROOT)
			return message_fail(r, err, MSG_U24);
		if (c->role != ROLE_USER && c->role != ROLE_ADMIN)
			return message_fail(r, err, MSG_E02);
		u->role = c->role;
	}
	if (c->status < 0 || c->status > USER_DELETED)
		return message_fail_member(r, err, "status");
	if (c->status == USER_DISABLED && u->role >= ROLE_ROOT)
		return message_fail(r, err, MSG_U20);
	if (c->status == USER_ENABLED || c->status == USER_DISABLED)
		u->status = c->status;
	return true;
}

static bool grant(struct req *r, const struct user *u, int64_t delta, struct err *err)
{
	const char *note;

	if (delta == 0)
		return true;
	note = arena_fmt(r->arena, "administrator %.*s changed quota from %s to %s",
	    STR_ARG(access_actor(r)->user.username), audit_amount(r, u->quota),
	    audit_amount(r, u->quota + delta));
	return quota_grant(db_of(r), u->id, delta, err) &&
	    audit_row(r, LOG_TYPE_MANAGE, u->id, u->username, delta, note, err);
}

static bool write_change(struct req *r, void *arg, struct err *err)
{
	const struct user_change *c = arg;
	struct user before, u;
	int64_t delta;
	bool bump;

	if (!person_find(r, c->id, &before, err))
		return false;
	if (!access_outranks(r, &before))
		return message_fail(r, err, MSG_U15);
	u = before;
	if (!change_rank(r, c, &u, err) || !change_texts(r, c, &u, err) ||
	    !change_email(r, c, &u, err) || !quota_change(r, c, &before, &delta, err))
		return false;
	clear_ids(c, &u);
	bump = c->hash.n || u.role != before.role || u.status != before.status;
	return person_save(r, &u, bump, err) && grant(r, &u, delta, err);
}

static void warn_group(struct req *r, const struct user_change *c)
{
	struct catalog *catalog = runtime_catalog(&admin_of(r)->rt);

	if (c->group.n && !price_group_exists(catalog->prices, c->group))
		log_warn(&r->log, "user.group_unknown", LOG_INT("id", c->id),
		    LOG_STR("group", c->group));
	catalog_put(catalog);
}

static bool update(struct req *r, struct resp *out, struct err *err)
{
	struct user_change c = { 0 };

	if (!body_read(r, update_body, &c, &c.seen, err))
		return false;
	if (c.id <= 0)
		return message_fail(r, err, MSG_E01);
	if (str_eq_c(c.password, "$I_LOVE_U")) /* what old forms send for "unchanged" */
		c.password = (struct str){ 0 };
	if (c.password.n) {
		if (!person_check_password(r, c.password, err))
			return false;
		c.hash = str_c(secret_password_hash(r->arena, c.password));
	}
	if (!audit_transact(r, write_change, &c, err))
		return false;
	warn_group(r, &c);
	log_info(&r->log, "user.updated", LOG_INT("id", c.id));
	return reply_ok(out);
}

/* ---- delete ---------------------------------------------------------------------------------- */

static bool remove_one(struct req *r, void *arg, struct err *err)
{
	const int64_t *id = arg;
	const char *note;
	struct user u;

	if (!person_find(r, *id, &u, err))
		return false;
	if (access_actor(r)->user.role <= u.role)
		return message_fail(r, err, MSG_U17);
	note = arena_fmt(r->arena, "administrator %.*s: delete user %.*s",
	    STR_ARG(access_actor(r)->user.username), STR_ARG(u.username));
	return user_delete(db_of(r), u.id, err) &&
	    audit_row(r, LOG_TYPE_MANAGE, u.id, u.username, 0, note, err);
}

static bool delete_user(struct req *r, struct resp *out, struct err *err)
{
	int64_t id;

	if (!body_path_id(r, &id, err) || !audit_transact(r, remove_one, &id, err))
		return false;
	log_info(&r->log, "user.deleted", LOG_INT("id", id));
	return reply_ok(out);
}

const struct route user_routes[] = {
	{ "GET", "/api/user", ROLE_ADMIN, 0, list, NULL },
	{ "GET", "/api/user/search", ROLE_ADMIN, 0, search, NULL },
	{ "GET", "/api/user/:id", ROLE_ADMIN, 0, get, NULL },
	{ "POST", "/api/user", ROLE_ADMIN, 0, create, NULL },
	{ "PUT", "/api/user", ROLE_ADMIN, 0, update, NULL },
	{ "DELETE", "/api/user/:id", ROLE_ADMIN, 0, delete_user, NULL },
	{ 0 },
};
