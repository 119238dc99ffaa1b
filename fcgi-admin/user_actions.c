/* user_actions.c — POST /api/user/manage: one action on the role or status of an account
 *
 * Rank rule as in users.c. The account is named by user name or id. */
#include "access.h"
#include "admin.h"
#include "audit.h"
#include "base/err.h"
#include "body.h"
#include "message.h"
#include "objects.h"
#include "person.h"
#include "reply.h"
#include "routes.h"
#include "store/second_factor.h"

struct manage {
	int64_t id;
	struct str username, action;
	struct user user;
};

static const struct field manage_body[] = {
	FIELD(struct manage, id, 0),
	FIELD(struct manage, username, 0),
	FIELD(struct manage, action, 0),
	{ 0 },
};

static bool disable(struct req *r, struct user *u, struct err *err)
{
	if (u->role >= ROLE_ROOT)
		return message_fail(r, err, MSG_U20);
	u->status = USER_DISABLED;
	return true;
}

static bool enable(struct req *r, struct user *u, struct err *err)
{
	u->status = USER_ENABLED;
	return true;
}

static bool drop(struct req *r, struct user *u, struct err *err)
{
	if (u->role >= ROLE_ROOT)
		return message_fail(r, err, MSG_U21);
	u->status = USER_DELETED;
	return true;
}

static bool promote(struct req *r, struct user *u, struct err *err)
{
	if (access_actor(r)->user.role < ROLE_ROOT)
		return message_fail(r, err, MSG_U22);
	if (u->role >= ROLE_ADMIN)
		return message_fail(r, err, MSG_U23);
	u->role = ROLE_ADMIN;
	return true;
}

static bool demote(struct req *r, struct user *u, struct err *err)
{
	if (u->role >= ROLE_ROOT)
		return message_fail(r, err, MSG_U24);
	if (u->role <= ROLE_USER)
		return message_fail(r, err, MSG_U25);
	u->role = ROLE_USER;
	return true;
}

/* For who lost the device and the recovery codes. */
static bool disable_totp(struct req *r, struct user *u, struct err *err)
{
	return second_factor_drop(db_of(r), u->id, err);
}

static const struct {
	const char *name;
	bool (*fn)(struct req *r, struct user *u, struct err *err);
} actions[] = {
	{ "disable", disable },
	{ "enable", enable },
	{ "delete", drop },
	{ "promote", promote },
	{ "demote", demote },
	{ "disable_totp", disable_totp },
};

static bool act(struct req *r, const struct manage *m, struct user *u, struct err *err)
{
	for (size_t i = 0; i < COUNT_OF(actions); i++) {
		if (str_eq_c(m->action, actions[i].name))
			return actions[i].fn(r, u, err);
	}
	return message_fail(r, err, MSG_E01);
}

static bool find_managed(struct req *r, const struct manage *m, struct user *u, struct err *err)
{
	bool found = m->id > 0 ? person_find(r, m->id, u, err)
	                       : user_by_name(db_of(r), r->arena, m->username, u, err);

	if (found)
		return true;
	return err->kind == ERR_NOT_FOUND ? message_fail(r, err, MSG_U19) : false;
}

static bool manage_one(struct req *r, void *arg, struct err *err)
{
	struct manage *m = arg;
	struct user *u = &m->user;
	const char *note;

	if (!find_managed(r, m, u, err))
		return false;
	if (!access_outranks(r, u))
		return message_fail(r, err, MSG_U15);
	if (!act(r, m, u, err))
		return false;
	if (u->status == USER_DELETED ? !user_delete(db_of(r), u->id, err)
	                              : !person_save(r, u, true, err))
		return false;
	note = arena_fmt(r->arena, "administrator %.*s: %.*s user %.*s",
	    STR_ARG(access_actor(r)->user.username), STR_ARG(m->action), STR_ARG(u->username));
	return audit_row(r, LOG_TYPE_MANAGE, u->id, u->username, 0, note, err);
}

/* An empty name would once have meant the first account of the table. */
static bool manage(struct req *r, struct resp *out, struct err *err)
{
	struct manage m = { 0 };
	struct user shown;

	if (!body_read(r, manage_body, &m, NULL, err))
		return false;
	if (m.username.n == 0 && m.id <= 0)
		return message_fail(r, err, MSG_E01);
	if (!audit_transact(r, manage_one, &m, err))
		return false;
	log_info(&r->log, "user.managed", LOG_INT("id", m.user.id), LOG_STR("action", m.action));
	shown = (struct user){ .role = m.user.role, .status = m.user.status };
	return reply_object(out, user_wire, &shown);
}

const struct route user_action_routes[] = {
	{ "POST", "/api/user/manage", ROLE_ADMIN, 0, manage, NULL },
	{ 0 },
};
