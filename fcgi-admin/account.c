/* account.c — what users do with their own account */
#include <inttypes.h>

#include "access.h"
#include "admin.h"
#include "audit.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/password.h"
#include "body.h"
#include "message.h"
#include "objects.h"
#include "person.h"
#include "reply.h"
#include "routes.h"
#include "throttle.h"

#define ACCESS_TOKEN_LEN 32
#define AFF_CODE_LEN 8

/* ---- the own account ------------------------------------------------------------------------- */

static bool get_self(struct req *r, struct resp *out, struct err *err)
{
	return reply_object(out, user_wire, &access_actor(r)->user);
}

struct self_change {
	struct str username, display_name, password, original_password;
	uint64_t seen;
	struct str hash; /* of password */
	struct user after;
};

static const struct field self_body[] = {
	FIELD(struct self_change, username, 0),
	FIELD(struct self_change, display_name, 0),
	FIELD(struct self_change, password, 0),
	FIELD(struct self_change, original_password, 0),
	{ 0 },
};

static bool check_self(struct req *r, const struct self_change *c, struct err *err)
{
	const struct user *u = &access_actor(r)->user;

	if (c->username.n && !str_eq(c->username, u->username) &&
	    !person_check_name(r, c->username, u->email, err))
		return false;
	if (!str_eq(c->display_name, u->display_name) &&
	    !person_check_display_name(r, c->display_name, err))
		return false;
	if (c->password.n && !person_check_password(r, c->password, err))
		return false;
	if (c->original_password.n && !password_check(c->original_password, u->password))
		return message_fail(r, err, MSG_U28);
	return true;
}

static bool write_self(struct req *r, void *arg, struct err *err)
{
	struct self_change *c = arg;
	struct user *u = &c->after;

	if (!person_find(r, access_actor(r)->user.id, u, err))
		return false;
	if (c->username.n)
		u->username = c->username;
	if (c->seen & field_bit(self_body, "display_name"))
		u->display_name = c->display_name;
	if (c->hash.n)
		u->password = c->hash;
	return person_save(r, u, c->hash.n > 0, err);
}

/* A new password ends every session; the browser that sent it gets a fresh one. */
static bool renew_session(struct req *r, int64_t id, struct resp *out, struct err *err)
{
	struct user u;

	return person_find(r, id, &u, err) && access_sign_in(r, &u, out, err);
}

static bool update_self(struct req *r, struct resp *out, struct err *err)
{
	const struct actor *actor = access_actor(r);
	struct self_change c = { 0 };

	if (!body_read(r, self_body, &c, &c.seen, err))
		return false;
	if (c.original_password.n && !throttle_account(r, actor->user.username, err))
		return false;
	if (!check_self(r, &c, err))
		return false;
	if (c.original_password.n)
		throttle_forgive_account(r, actor->user.username);
	if (c.password.n)
		c.hash = str_c(secret_password_hash(r->arena, c.password));
	if (!audit_transact(r, write_self, &c, err))
		return false;
	if (c.hash.n && actor->cookie.n && !renew_session(r, actor->user.id, out, err))
		return false;
	return reply_ok(out);
}

static bool remove_self(struct req *r, void *arg, struct err *err)
{
	const struct user *u = &access_actor(r)->user;

	return user_delete(db_of(r), u->id, err) &&
	    audit_row(r, LOG_TYPE_MANAGE, u->id, u->username, 0, "deleted the own account", err);
}

static bool delete_self(struct req *r, struct resp *out, struct err *err)
{
	if (access_actor(r)->user.role >= ROLE_ROOT)
		return message_fail(r, err, MSG_U13);
	return audit_transact(r, remove_self, NULL, err) && access_sign_out(r, out, err) &&
	    reply_ok(out);
}

/* The token is shown this once; only its hash is kept. */
static bool new_access_token(struct req *r, struct resp *out, struct err *err)
{
	char text[ACCESS_TOKEN_LEN + 1];
	uint8_t hash[SECRET_HASH_LEN];

	secret_random_hex(text, ACCESS_TOKEN_LEN);
	secret_hash(box_of(r), ACCESS_TOKEN_LABEL, str_c(text), hash);
	if (!user_set_access_token(db_of(r), access_actor(r)->user.id, hash, err))
		return false;
	log_info(&r->log, "user.access_token_made", LOG_INT("id", access_actor(r)->user.id));
	return reply_text(out, str_c(text));
}

static bool make_aff_code(struct req *r, void *arg, struct err *err)
{
	struct user *u = arg;
	char code[AFF_CODE_LEN + 1];

	if (!person_find(r, u->id, u, err) || u->aff_code.n)
		return err->kind == ERR_NONE;
	secret_random_alnum(code, AFF_CODE_LEN);
	u->aff_code = arena_str(r->arena, str_c(code));
	return user_set_aff_code(db_of(r), u->id, u->aff_code, err);
}

/* A code that somebody else has is drawn again: once in 62^8 draws. */
static bool get_aff_code(struct req *r, struct resp *out, struct err *err)
{
	struct user u = access_actor(r)->user;

	for (int tries = 0; u.aff_code.n == 0; tries++) {
		if (audit_transact(r, make_aff_code, &u, err))
			break;
		if (tries == 3 || !str_eq_c(str_c(err->code), "duplicate"))
			return false;
		err_clear(err);
		u.aff_code = (struct str){ 0 };
	}
	return reply_text(out, u.aff_code);
}

static bool get_available_models(struct req *r, struct resp *out, struct err *err)
{
	struct name_list names;

	return ability_models(db_of(r), r->arena, access_actor(r)->user.group, &names, err) &&
	    reply_names(out, names.items, names.count);
}

const struct route account_routes[] = {
	{ "GET", "/api/user/self", ROLE_USER, 0, get_self, NULL },
	{ "PUT", "/api/user/self", ROLE_USER, 0, update_self, NULL },
	{ "DELETE", "/api/user/self", ROLE_USER, 0, delete_self, NULL },
	{ "GET", "/api/user/token", ROLE_USER, ROUTE_CHANGES, new_access_token, NULL },
	{ "GET", "/api/user/aff", ROLE_USER, ROUTE_CHANGES, get_aff_code, NULL },
	{ "GET", "/api/user/available_models", ROLE_USER, 0, get_available_models, NULL },
	{ 0 },
};
