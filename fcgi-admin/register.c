/* register.c — POST /api/user/register: a new account by password */
#include "access.h"
#include "admin.h"
#include "audit.h"
#include "base/clock.h"
#include "base/err.h"
#include "body.h"
#include "invite.h"
#include "message.h"
#include "person.h"
#include "reply.h"
#include "routes.h"
#include "store/code.h"
#include "turnstile.h"

struct registration {
	struct str username, password, email, verification_code, aff_code;
	bool verify; /* the site asks for a verified address */
	struct user row;
};

static const struct field registration_body[] = {
	FIELD(struct registration, username, 0),
	FIELD(struct registration, password, 0),
	FIELD(struct registration, email, 0),
	FIELD(struct registration, verification_code, 0),
	FIELD(struct registration, aff_code, 0),
	{ 0 },
};

/* A wrong code counts at once, whatever becomes of the registration. */
static bool check_code(struct req *r, struct registration *in, struct err *err)
{
	bool right = false;

	if (!in->verify)
		return true;
	in->email = person_mail_address(r, in->email);
	in->verification_code = str_trim(in->verification_code);
	if (in->email.n == 0 || in->verification_code.n == 0)
		return message_fail(r, err, MSG_U06);
	if (!code_check(db_of(r), box_of(r), CODE_EMAIL, in->email, in->verification_code, &right,
	        err))
		return false;
	return right || message_fail(r, err, MSG_U07);
}

/* One that is not verified is not kept either: old forms send what was typed all the same. */
static bool check_address(struct req *r, const struct registration *in, struct err *err)
{
	if (in->verify)
		return person_check_email(r, in->email, err);
	return str_code_points(in->email) <= PERSON_EMAIL_MAX || message_fail(r, err, MSG_E02);
}

static bool check(struct req *r, struct registration *in, struct err *err)
{
	const struct options *o = options_of(r);
	struct str address = { 0 };

	if (!option_bool(o, OPT_REGISTER_ENABLED))
		return message_fail(r, err, MSG_U04);
	if (!option_bool(o, OPT_PASSWORD_REGISTER_ENABLED))
		return message_fail(r, err, MSG_U05);
	if (!body_read(r, registration_body, in, NULL, err))
		return false;
	in->verify = option_bool(o, OPT_EMAIL_VERIFICATION_ENABLED);
	if (in->verify) /* check_code sees to it that it is one, and theirs */
		address = person_mail_address(r, in->email);
	return person_check_name(r, in->username, address, err) &&
	    person_check_password(r, in->password, err) && check_address(r, in, err) &&
	    check_code(r, in, err);
}

/* The code is used up with the account that it makes. */
static bool take_code(struct req *r, const struct registration *in, struct err *err)
{
	bool right, taken;

	if (!in->verify)
		return true;
	if (!code_take(db_of(r), box_of(r), CODE_EMAIL, in->email, in->verification_code, &right,
	        err) ||
	    !user_email_taken(db_of(r), in->email, 0, &taken, err))
		return false;
	if (!right)
		return message_fail(r, err, MSG_U07);
	return !taken || message_fail(r, err, MSG_U09);
}

static bool insert(struct req *r, void *arg, struct err *err)
{
	struct registration *in = arg;
	struct user *u = &in->row;

	return take_code(r, in, err) && invite_find(r, in->aff_code, &u->inviter_id, err) &&
	    person_create(r, u, err) && user_invite_due(db_of(r), u->id, err) &&
	    (!in->verify || invite_grant(r, u, err));
}

static bool create(struct req *r, struct resp *out, struct err *err)
{
	struct registration in = { 0 };

	if (!check(r, &in, err))
		return false;
	in.row = (struct user){
		.username = in.username,
		.display_name = in.username,
		.password = str_c(secret_password_hash(r->arena, in.password)),
		.email = in.verify ? in.email : (struct str){ 0 },
		.role = ROLE_USER,
		.status = USER_ENABLED,
		.group = STR("default"),
		.quota = option_int(options_of(r), OPT_QUOTA_FOR_NEW_USER),
		.created_at = clock_unix(),
	};
	if (!audit_transact(r, insert, &in, err))
		return false;
	log_info(&r->log, "user.registered", LOG_INT("id", in.row.id),
	    LOG_INT("inviter", in.row.inviter_id));
	return reply_ok(out);
}

static bool register_user(struct req *r, struct resp *out, struct err *err)
{
	return turnstile_then(r, create, out, err);
}

const struct route register_routes[] = {
	{ "POST", "/api/user/register", ROLE_GUEST, ROUTE_CRITICAL, register_user, NULL },
	{ 0 },
};
