/* login.c — signing in by password, the second step, signing out */
#include "login.h"

#include <inttypes.h>

#include "access.h"
#include "admin.h"
#include "base/err.h"
#include "base/json.h"
#include "base/password.h"
#include "body.h"
#include "factors.h"
#include "message.h"
#include "objects.h"
#include "person.h"
#include "reply.h"
#include "routes.h"
#include "store/code.h"
#include "store/second_factor.h"
#include "store/session.h"
#include "throttle.h"
#include "turnstile.h"

#define TICKET_LEN 32

/* ---- the end --------------------------------------------------------------------------------- */

/* Now and then somebody has to take away what has expired. */
static void sweep(struct req *r)
{
	struct err err = { 0 };

	if (secret_pick(64) == 0 && !session_sweep(db_of(r), &err))
		log_warn(&r->log, "session.sweep_failed", LOG_ERR(&err));
}

static bool sign_in(struct req *r, const struct user *u, struct resp *out, struct err *err)
{
	struct user shown = {
		.id = u->id,
		.username = u->username,
		.display_name = u->display_name,
		.role = u->role,
		.status = u->status,
	};

	if (!access_sign_in(r, u, out, err))
		return false;
	sweep(r);
	log_info(&r->log, "user.signed_in", LOG_INT("id", u->id));
	return reply_object(out, user_wire, &shown);
}

static struct str id_text(struct req *r, int64_t id)
{
	return str_c(arena_fmt(r->arena, "%" PRId64, id));
}

/* What a ticket stands for: a new password, role or status makes it void, as it does sessions. */
static struct str ticket_code(struct req *r, const struct user *u, struct str secret)
{
	return str_c(arena_fmt(r->arena, "%.*s %" PRId64, STR_ARG(secret), u->session_epoch));
}

/* "12.0123…": whose it is, and what only who got it knows. */
static bool ask_for_factor(struct req *r, const struct user *u, struct resp *out, struct err *err)
{
	char ticket[TICKET_LEN + 1];
	struct buf *b = &out->body;

	secret_random_hex(ticket, TICKET_LEN);
	if (!code_put(db_of(r), box_of(r), CODE_LOGIN, id_text(r, u->id),
	        ticket_code(r, u, str_c(ticket)), LOGIN_TICKET_LIFE_S, 0, err))
		return false;
	reply_json(out, 200);
	headers_add_c(&out->headers, "Cache-Control", "no-store");
	buf_add(b, STR("{\"success\":false,\"message\":"));
	json_add_str(b, str_c(message_text(r, MSG_U29)));
	buf_addf(b, ",\"data\":{\"second_factor\":\"totp\",\"ticket\":\"%" PRId64 ".%s\"}}", u->id,
	    ticket);
	return true;
}

bool login_finish(struct req *r, const struct user *u, struct resp *out, struct err *err)
{
	bool in_force;

	if (!second_factor_in_force(db_of(r), u->id, &in_force, err))
		return false;
	return in_force ? ask_for_factor(r, u, out, err) : sign_in(r, u, out, err);
}

/* ---- by password ----------------------------------------------------------------------------- */

struct login {
	struct str username, password, code;
};

static const struct field login_body[] = {
	FIELD(struct login, username, 0),
	FIELD(struct login, password, 0),
	FIELD(struct login, code, 0),
	{ 0 },
};

/* By user name or by e-mail. What looks like an address is its owner's, even if somebody has it as a
 * user name: older accounts may. *found false leaves *u without a password to check. */
static bool find_login(struct req *r, struct str name, struct user *u, bool *found, struct err *err)
{
	bool (*const ways[])(struct db *, struct arena *, struct str, struct user *,
	    struct err *) = { user_by_name, user_by_email };
	size_t first = str_find(name, '@') < name.n;

	*found = false;
	for (size_t i = 0; i < COUNT_OF(ways) && !*found; i++) {
		struct err none = { 0 };

		*found = ways[i ^ first](db_of(r), r->arena, name, u, &none);
		if (*found || none.kind == ERR_NOT_FOUND)
			continue;
		*err = none;
		return false;
	}
	return true;
}

/* Costs one password hash whether the user exists or not, so that time tells nothing. */
static bool check_password(struct req *r, struct str password, const struct user *u, bool found)
{
	if (found && u->password.n)
		return password_check(password, u->password);
	secret_password_hash(r->arena, password);
	return false;
}

/* An imported hash becomes one of ours, unless the password was changed in the meantime; signing in
 * does not fail for it. */
static void renew_hash(struct req *r, struct str password, const struct user *u)
{
	struct err err = { 0 };

	if (!password_is_current(u->password) &&
	    !user_renew_hash(db_of(r), u->id, u->password,
	        str_c(secret_password_hash(r->arena, password)), &err))
		log_warn(&r->log, "user.rehash_failed", LOG_ERR(&err));
}

static bool check_login(struct req *r, const struct login *in, struct user *u, struct err *err)
{
	bool found;

	if (!throttle_account(r, in->username, err) || !find_login(r, in->username, u, &found, err))
		return false;
	if (!check_password(r, in->password, u, found) || u->status != USER_ENABLED)
		return message_fail(r, err, MSG_U03);
	throttle_forgive_account(r, in->username);
	renew_hash(r, in->password, u);
	return true;
}

static bool by_password(struct req *r, struct resp *out, struct err *err)
{
	struct login in = { 0 };
	struct user u = { 0 };
	bool in_force;

	if (!body_read(r, login_body, &in, NULL, err))
		return false;
	if (in.username.n == 0 || in.password.n == 0)
		return message_fail(r, err, MSG_E01);
	if (!option_bool(options_of(r), OPT_PASSWORD_LOGIN_ENABLED))
		return message_fail(r, err, MSG_U01);
	if (!check_login(r, &in, &u, err))
		return false;
	if (in.code.n == 0)
		return login_finish(r, &u, out, err);
	return second_factor_in_force(db_of(r), u.id, &in_force, err) &&
	    (!in_force || factor_check(r, u.id, in.code, err)) && sign_in(r, &u, out, err);
}

static bool login(struct req *r, struct resp *out, struct err *err)
{
	if (option_bool(options_of(r), OPT_TURNSTILE_LOGIN_ENABLED))
		return turnstile_then(r, by_password, out, err);
	return by_password(r, out, err);
}

/* ---- the second step ------------------------------------------------------------------------- */

struct second_step {
	struct str ticket, code;
};

static const struct field second_step_body[] = {
	FIELD(struct second_step, ticket, 0),
	FIELD(struct second_step, code, 0),
	{ 0 },
};

/* Looks only: a mistyped code may be typed again with the same ticket. */
static bool check_ticket(struct req *r, struct str ticket, struct user *u, struct str *code,
    struct err *err)
{
	size_t dot = str_find(ticket, '.');
	bool right = false;
	int64_t id;

	if (!str_to_int(str_slice(ticket, 0, dot), 1, INT64_MAX, &id) || dot == ticket.n)
		return message_fail(r, err, MSG_U33);
	if (!person_find(r, id, u, err))
		return err->kind == ERR_NOT_FOUND ? message_fail(r, err, MSG_U33) : false;
	*code = ticket_code(r, u, str_slice(ticket, dot + 1, ticket.n));
	if (!code_is(db_of(r), box_of(r), CODE_LOGIN, id_text(r, id), *code, &right, err))
		return false;
	return right || message_fail(r, err, MSG_U33);
}

static bool second_step(struct req *r, struct resp *out, struct err *err)
{
	struct second_step in = { 0 };
	struct str code = { 0 };
	struct user u;
	bool right;

	if (!body_read(r, second_step_body, &in, NULL, err) ||
	    !check_ticket(r, in.ticket, &u, &code, err) || !factor_check(r, u.id, in.code, err) ||
	    !code_take(db_of(r), box_of(r), CODE_LOGIN, id_text(r, u.id), code, &right, err))
		return false;
	if (!right)
		return message_fail(r, err, MSG_U33);
	if (u.status != USER_ENABLED)
		return message_fail(r, err, MSG_A03);
	return sign_in(r, &u, out, err);
}

static bool logout(struct req *r, struct resp *out, struct err *err)
{
	return access_sign_out(r, out, err) && reply_ok(out);
}

const struct route login_routes[] = {
	{ "POST", "/api/user/login", ROLE_GUEST, ROUTE_CRITICAL, login, NULL },
	{ "POST", "/api/user/login/totp", ROLE_GUEST, ROUTE_CRITICAL, second_step, NULL },
	{ "GET", "/api/user/logout", ROLE_GUEST, ROUTE_CHANGES, logout, NULL },
	{ 0 },
};
