#include "factors.h"

#include "access.h"
#include "admin.h"
#include "audit.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/password.h"
#include "base/totp.h"
#include "body.h"
#include "message.h"
#include "reply.h"
#include "routes.h"
#include "store/second_factor.h"
#include "throttle.h"

#define CODE_MAX 32

/* ---- checking -------------------------------------------------------------------------------- */

static bool check_app(struct req *r, int64_t user_id, struct str code, bool *right, struct err *err)
{
	struct second_factor f;
	int64_t step;
	bool found;

	*right = false;
	if (!second_factor_get(db_of(r), box_of(r), r->arena, user_id, &f, &found, err))
		return false;
	step = found ? totp_match(f.secret, code, clock_unix()) : 0;
	return step == 0 || second_factor_step(db_of(r), user_id, step, right, err);
}

bool factor_check(struct req *r, int64_t user_id, struct str code, struct err *err)
{
	bool right = false;

	if (!throttle_factor(r, user_id, err))
		return false;
	if (code.n > CODE_MAX)
		return message_fail(r, err, MSG_U30);
	if (!check_app(r, user_id, code, &right, err))
		return false;
	if (!right && !second_factor_recover(db_of(r), box_of(r), user_id, code, &right, err))
		return false;
	if (!right)
		return message_fail(r, err, MSG_U30);
	throttle_forgive_factor(r, user_id);
	return true;
}

/* ---- setting it up --------------------------------------------------------------------------- */

struct factor_body {
	struct str password, code;
};

static const struct field factor_body[] = {
	FIELD(struct factor_body, password, 0),
	FIELD(struct factor_body, code, 0),
	{ 0 },
};

static bool check_password(struct req *r, struct str password, struct err *err)
{
	const struct user *u = &access_actor(r)->user;

	if (u->password.n == 0)
		return true;
	if (!throttle_account(r, u->username, err))
		return false;
	if (!password_check(password, u->password))
		return message_fail(r, err, MSG_U28);
	throttle_forgive_account(r, u->username);
	return true;
}

/* The form that authenticator apps read from a QR code. */
static void add_uri(struct req *r, const char *secret, struct buf *out)
{
	struct str site = option_text(options_of(r), OPT_SYSTEM_NAME);

	buf_add(out, STR("otpauth://totp/"));
	url_encode(out, site);
	buf_add_char(out, ':');
	url_encode(out, access_actor(r)->user.username);
	buf_addf(out, "?secret=%s&issuer=", secret);
	url_encode(out, site);
	buf_addf(out, "&algorithm=SHA1&digits=%d&period=%d", TOTP_DIGITS, TOTP_STEP_S);
}

static bool reply_secret(struct req *r, const char *secret, struct resp *out)
{
	struct buf uri = buf_init(4096);
	struct buf *b = reply_open(out);

	add_uri(r, secret, &uri);
	buf_add_char(b, '{');
	json_add_name(b, "secret");
	json_add_str(b, str_c(secret));
	json_add_name(b, "uri");
	json_add_str(b, buf_str(&uri));
	buf_add_char(b, '}');
	buf_release(&uri);
	return reply_close(out);
}

static bool begin_one(struct req *r, void *secret, struct err *err)
{
	return second_factor_begin(db_of(r), box_of(r), r->arena, access_actor(r)->user.id,
	    str_c(secret), err);
}

static bool begin(struct req *r, struct resp *out, struct err *err)
{
	struct factor_body in = { 0 };
	char secret[TOTP_SECRET_LEN + 1];

	if (!body_read(r, factor_body, &in, NULL, err) || !check_password(r, in.password, err))
		return false;
	totp_secret(secret);
	if (!audit_transact(r, begin_one, secret, err))
		return err->kind == ERR_BAD_REQUEST ? message_fail(r, err, MSG_U31) : false;
	reply_secret(r, secret, out);
	mem_wipe(secret, sizeof(secret));
	return true;
}

static bool reply_codes(char codes[RECOVERY_CODES][RECOVERY_CODE_LEN + 1], struct resp *out)
{
	struct buf *b = reply_open(out);

	buf_add(b, STR("{\"recovery_codes\":["));
	for (int i = 0; i < RECOVERY_CODES; i++) {
		json_add_comma(b);
		json_add_str(b, str_c(codes[i]));
	}
	buf_add(b, STR("]}"));
	mem_wipe(codes, RECOVERY_CODES * (RECOVERY_CODE_LEN + 1));
	return reply_close(out);
}

struct new_codes {
	char codes[RECOVERY_CODES][RECOVERY_CODE_LEN + 1];
};

static bool note(struct req *r, const char *what, struct err *err)
{
	const struct user *u = &access_actor(r)->user;

	return audit_row(r, LOG_TYPE_MANAGE, u->id, u->username, 0, what, err);
}

/* From here on the sessions that were made without it are void. */
static bool confirm_one(struct req *r, void *arg, struct err *err)
{
	struct new_codes *n = arg;
	int64_t id = access_actor(r)->user.id;

	return second_factor_confirm(db_of(r), id, err) &&
	    second_factor_new_codes(db_of(r), box_of(r), id, n->codes, err) &&
	    user_end_sessions(db_of(r), id, err) && note(r, "second factor put in force", err);
}

static bool begun(struct req *r, bool in_force, struct err *err)
{
	struct second_factor f;
	bool found;

	if (!second_factor_get(db_of(r), box_of(r), r->arena, access_actor(r)->user.id, &f, &found,
	        err))
		return false;
	if (found && f.in_force && !in_force)
		return message_fail(r, err, MSG_U31);
	return (found && f.in_force == in_force) || message_fail(r, err, MSG_U32);
}

static bool renew_session(struct req *r, struct resp *out, struct err *err)
{
	struct user u;

	return access_actor(r)->cookie.n == 0 ||
	    (user_by_id(db_of(r), r->arena, access_actor(r)->user.id, &u, err) &&
	        access_sign_in(r, &u, out, err));
}

static bool confirm(struct req *r, struct resp *out, struct err *err)
{
	struct factor_body in = { 0 };
	struct new_codes n;

	if (!body_read(r, factor_body, &in, NULL, err) || !begun(r, false, err) ||
	    !factor_check(r, access_actor(r)->user.id, in.code, err) ||
	    !audit_transact(r, confirm_one, &n, err) || !renew_session(r, out, err))
		return false;
	log_info(&r->log, "user.factor_confirmed", LOG_INT("id", access_actor(r)->user.id));
	return reply_codes(n.codes, out);
}

static bool new_codes(struct req *r, void *arg, struct err *err)
{
	struct new_codes *n = arg;

	return second_factor_new_codes(db_of(r), box_of(r), access_actor(r)->user.id, n->codes,
	           err) &&
	    note(r, "new recovery codes made", err);
}

static bool renew_codes(struct req *r, struct resp *out, struct err *err)
{
	struct factor_body in = { 0 };
	struct new_codes n;

	return body_read(r, factor_body, &in, NULL, err) && begun(r, true, err) &&
	    factor_check(r, access_actor(r)->user.id, in.code, err) &&
	    audit_transact(r, new_codes, &n, err) && reply_codes(n.codes, out);
}

static bool drop(struct req *r, void *arg UNUSED, struct err *err)
{
	return second_factor_drop(db_of(r), access_actor(r)->user.id, err) &&
	    note(r, "second factor switched off", err);
}

static bool disable(struct req *r, struct resp *out, struct err *err)
{
	struct factor_body in = { 0 };

	return body_read(r, factor_body, &in, NULL, err) && begun(r, true, err) &&
	    factor_check(r, access_actor(r)->user.id, in.code, err) &&
	    audit_transact(r, drop, NULL, err) && reply_ok(out);
}

static bool get_security(struct req *r, struct resp *out, struct err *err)
{
	const struct user *u = &access_actor(r)->user;
	struct second_factor f;
	struct buf *b;
	bool found;

	if (!second_factor_get(db_of(r), box_of(r), r->arena, u->id, &f, &found, err))
		return false;
	b = reply_open(out);
	buf_add_char(b, '{');
	json_add_name(b, "totp");
	json_add_bool(b, found && f.in_force);
	json_add_name(b, "recovery_codes");
	buf_add_int(b, f.recovery_codes);
	json_add_name(b, "has_password");
	json_add_bool(b, u->password.n > 0);
	json_add_name(b, "access_token_used_at");
	buf_add_int(b, u->access_token_used_at);
	buf_add_char(b, '}');
	return reply_close(out);
}

const struct route factor_routes[] = {
	{ "GET", "/api/user/security", ROLE_USER, 0, get_security, NULL },
	{ "POST", "/api/user/totp", ROLE_USER, ROUTE_CRITICAL, begin, NULL },
	{ "POST", "/api/user/totp/confirm", ROLE_USER, ROUTE_CRITICAL, confirm, NULL },
	{ "POST", "/api/user/totp/recovery", ROLE_USER, ROUTE_CRITICAL, renew_codes, NULL },
	{ "POST", "/api/user/totp/disable", ROLE_USER, ROUTE_CRITICAL, disable, NULL },
	{ 0 },
};
