/* verification.c — codes by mail: for registering and binding an address, for a new password
 *
 * Nobody learns here whether an address has an account: the reply is the same, and who does have it
 * gets another letter.
 */
#include <inttypes.h>

#include "access.h"
#include "admin.h"
#include "audit.h"
#include "base/err.h"
#include "body.h"
#include "invite.h"
#include "letters.h"
#include "mail.h"
#include "mailer.h"
#include "message.h"
#include "person.h"
#include "reply.h"
#include "routes.h"
#include "store/code.h"
#include "turnstile.h"
#include "witness.h"

#define MAIL_GAP_S 60
#define RESET_TOKEN_LEN 32
#define NEW_PASSWORD_LEN 16

/* ---- a code for an address ------------------------------------------------------------------- */

static bool check_domain(struct req *r, struct str address, struct err *err)
{
	const struct options *o = options_of(r);
	struct str list = option_text(o, OPT_EMAIL_DOMAIN_WHITELIST), domain;

	if (!option_bool(o, OPT_EMAIL_DOMAIN_RESTRICTION_ENABLED))
		return true;
	while (str_next(&list, ',', &domain)) {
		if (str_eq_nocase(str_trim(domain), mail_domain(address)))
			return true;
	}
	return message_fail(r, err, MSG_U08);
}

static bool read_address(struct req *r, struct str *address, struct err *err)
{
	*address = person_mail_address(r, req_query(r, "email"));
	if (address->n == 0)
		return message_fail(r, err, MSG_E01);
	return true;
}

/* Eight digits: 26 bits and five tries. */
static struct str draw_code(struct req *r)
{
	return str_c(arena_fmt(r->arena, "%08" PRIu64, secret_random_u64() % 100000000));
}

static bool code_sent(struct req *r, struct resp *out, struct err *err)
{
	if (!mailer_failed(r))
		return reply_ok(out);
	/* So that one may try again at once. */
	if (!code_drop(db_of(r), CODE_EMAIL, person_mail_address(r, req_query(r, "email")), err))
		return false;
	return message_fail(r, err, MSG_E06);
}

static bool send_code(struct req *r, struct resp *out, struct err *err)
{
	struct letter letter;
	struct str address, code = draw_code(r);
	bool taken;

	if (!read_address(r, &address, err) || !check_domain(r, address, err))
		return false;
	if (!mailer_is_set(r))
		return message_fail(r, err, MSG_E06);
	if (!user_email_taken(db_of(r), address, 0, &taken, err))
		return false;
	letter = taken ? letter_known(r, address) : letter_code(r, address, code);
	if (taken) /* the row stays, for the next minute's sake, with a code that nobody was told */
		code = str_c(arena_fmt(r->arena, "%016" PRIx64, secret_random_u64()));
	return code_put(db_of(r), box_of(r), CODE_EMAIL, address, code, LETTER_CODE_LIFE_S,
	           MAIL_GAP_S, err) &&
	    mailer_send_then(r, &letter, code_sent, out, err);
}

static bool get_verification(struct req *r, struct resp *out, struct err *err)
{
	return turnstile_then(r, send_code, out, err);
}

/* ---- binding an address ---------------------------------------------------------------------- */

struct binding {
	struct str address, code;
	struct user before;
};

static bool write_binding(struct req *r, void *arg, struct err *err)
{
	struct binding *b = arg;
	struct letter letter;
	bool right, taken;

	if (!person_find(r, access_actor(r)->user.id, &b->before, err) ||
	    !code_take(db_of(r), box_of(r), CODE_EMAIL, b->address, b->code, &right, err) ||
	    !user_email_taken(db_of(r), b->address, b->before.id, &taken, err))
		return false;
	if (!right)
		return message_fail(r, err, MSG_U07);
	if (taken)
		return message_fail(r, err, MSG_U09);
	if (!user_set_email(db_of(r), b->before.id, b->address, err) ||
	    !invite_grant(r, &b->before, err))
		return false;
	if (!mail_address_ok(b->before.email) || str_eq_nocase(b->before.email, b->address))
		return true;
	letter = letter_moved(r, b->before.email, b->before.username, b->address);
	return outbox_put(db_of(r), box_of(r), r->arena, &letter, err);
}

static bool bind_address(struct req *r, struct resp *out, struct err *err)
{
	struct binding b = { .code = str_trim(req_query(r, "code")) };
	bool right = false;

	if (!read_address(r, &b.address, err) ||
	    !code_check(db_of(r), box_of(r), CODE_EMAIL, b.address, b.code, &right, err))
		return false;
	if (!right)
		return message_fail(r, err, MSG_U07);
	if (!witness_transact(r, write_binding, &b, err))
		return false;
	log_info(&r->log, "user.address_bound", LOG_INT("id", b.before.id));
	return reply_ok(out);
}

/* ---- a new password -------------------------------------------------------------------------- */

/* ERR_NOT_FOUND in *err is the caller's to hide. */
static bool find_owner(struct req *r, struct str address, struct user *u, bool *found,
    struct err *err)
{
	struct err none = { 0 };

	*found = user_by_email(db_of(r), r->arena, address, u, &none);
	if (!*found && none.kind != ERR_NOT_FOUND) {
		*err = none;
		return false;
	}
	*found = *found && u->status == USER_ENABLED;
	return true;
}

static struct str id_text(struct req *r, int64_t id)
{
	return str_c(arena_fmt(r->arena, "%" PRId64, id));
}

static void release(void *buf)
{
	buf_release(buf);
}

static struct str reset_link(struct req *r, struct str address, const char *token)
{
	struct buf *b = ARENA_NEW(r->arena, struct buf);

	*b = buf_init(16 * 1024);
	arena_defer(r->arena, release, b);
	buf_add(b, site_address(options_of(r)));
	buf_add(b, STR("/user/reset?email="));
	url_encode(b, address);
	buf_addf(b, "&token=%s", token);
	return buf_str(b);
}

struct reset_mail {
	struct str address;
	struct user user;
	bool found;
};

static bool write_reset_mail(struct req *r, void *arg, struct err *err)
{
	struct reset_mail *m = arg;
	char token[RESET_TOKEN_LEN + 1];
	struct letter letter;
	/* For an unknown address as much is written as for a known one. */
	struct str subject = m->found ? id_text(r, m->user.id) : m->address;

	secret_random_hex(token, RESET_TOKEN_LEN);
	if (!code_put(db_of(r), box_of(r), CODE_RESET, subject, str_c(token), LETTER_CODE_LIFE_S,
	        MAIL_GAP_S, err))
		return false;
	if (!m->found)
		return true;
	letter = letter_reset(r, m->user.email, m->user.username, reset_link(r, m->address, token));
	return outbox_put(db_of(r), box_of(r), r->arena, &letter, err);
}

/* Too soon after the last one is no other answer either. */
static bool send_reset(struct req *r, struct resp *out, struct err *err)
{
	struct reset_mail m = { 0 };
	struct err why = { 0 };

	if (!read_address(r, &m.address, err))
		return false;
	if (!mailer_is_set(r))
		return message_fail(r, err, MSG_E06);
	if (!find_owner(r, m.address, &m.user, &m.found, err))
		return false;
	if (!audit_transact(r, write_reset_mail, &m, &why) && why.kind != ERR_RATE_LIMIT) {
		*err = why;
		return false;
	}
	return reply_ok(out);
}

static bool get_reset(struct req *r, struct resp *out, struct err *err)
{
	return turnstile_then(r, send_reset, out, err);
}

struct reset {
	struct str email, token, password;
	struct user user;
	struct str hash;
};

static const struct field reset_body[] = {
	FIELD(struct reset, email, 0),
	FIELD(struct reset, token, 0),
	FIELD(struct reset, password, 0),
	{ 0 },
};

static bool write_reset(struct req *r, void *arg, struct err *err)
{
	struct reset *in = arg;
	struct user *u = &in->user;
	bool right;

	if (!code_take(db_of(r), box_of(r), CODE_RESET, id_text(r, u->id), in->token, &right, err))
		return false;
	if (!right)
		return message_fail(r, err, MSG_U11);
	return user_set_password(db_of(r), u->id, in->hash, err) &&
	    audit_row(r, LOG_TYPE_MANAGE, u->id, u->username, 0, "password reset by mail", err);
}

static bool check_reset(struct req *r, struct reset *in, struct err *err)
{
	bool found, right = false;

	if (!body_read(r, reset_body, in, NULL, err))
		return false;
	if (in->email.n == 0 || in->token.n == 0)
		return message_fail(r, err, MSG_E01);
	if (in->password.n && !person_check_password(r, in->password, err))
		return false;
	in->email = person_mail_address(r, in->email);
	if (in->email.n == 0)
		return message_fail(r, err, MSG_U11);
	if (!find_owner(r, in->email, &in->user, &found, err))
		return false;
	if (found &&
	    !code_is(db_of(r), box_of(r), CODE_RESET, id_text(r, in->user.id), in->token, &right,
	        err))
		return false;
	return right || message_fail(r, err, MSG_U11);
}

static bool reset_password(struct req *r, struct resp *out, struct err *err)
{
	char random[NEW_PASSWORD_LEN + 1] = "";
	struct reset in = { 0 };

	if (!check_reset(r, &in, err))
		return false;
	if (in.password.n == 0) {
		secret_random_alnum(random, NEW_PASSWORD_LEN);
		in.password = str_c(random);
	}
	in.hash = str_c(secret_password_hash(r->arena, in.password));
	if (!audit_transact(r, write_reset, &in, err))
		return false;
	log_info(&r->log, "user.password_reset", LOG_INT("id", in.user.id));
	return reply_text(out, str_c(random));
}

/* ---- does mail work? ------------------------------------------------------------------------- */

struct test_mail {
	struct str to;
};

static const struct field test_body[] = {
	FIELD(struct test_mail, to, 0),
	{ 0 },
};

static bool test_sent(struct req *r, struct resp *out, struct err *err)
{
	return mailer_failed(r) ? message_fail(r, err, MSG_E06) : reply_ok(out);
}

/* To the given address, or root's own. */
static bool send_test(struct req *r, struct resp *out, struct err *err)
{
	struct test_mail in = { 0 };
	struct letter letter;

	if (r->body.n && !body_read(r, test_body, &in, NULL, err))
		return false;
	in.to = person_mail_address(r, in.to.n ? in.to : access_actor(r)->user.email);
	if (in.to.n == 0)
		return message_fail(r, err, MSG_E01);
	if (!mailer_is_set(r))
		return message_fail(r, err, MSG_E06);
	letter = letter_test(r, in.to);
	return mailer_send_then(r, &letter, test_sent, out, err);
}

const struct route verification_routes[] = {
	{ "GET", "/api/verification", ROLE_GUEST, ROUTE_CRITICAL | ROUTE_CHANGES, get_verification,
	    NULL },
	{ "GET", "/api/oauth/email/bind", ROLE_USER, ROUTE_CRITICAL | ROUTE_CHANGES, bind_address,
	    NULL },
	{ "GET", "/api/reset_password", ROLE_GUEST, ROUTE_CRITICAL | ROUTE_CHANGES, get_reset,
	    NULL },
	{ "POST", "/api/user/reset", ROLE_GUEST, ROUTE_CRITICAL, reset_password, NULL },
	{ "POST", "/api/mail/test", ROLE_ROOT, ROUTE_CRITICAL, send_test, NULL },
	{ 0 },
};
