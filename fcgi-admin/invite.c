#include "invite.h"

#include "admin.h"
#include "audit.h"
#include "base/clock.h"
#include "base/err.h"
#include "billing/quota.h"

#define DAY_S INT64_C(86400)

bool invite_find(struct req *r, struct str code, int64_t *inviter, struct err *err)
{
	struct err none = { 0 };
	struct user u;

	*inviter = 0;
	if (code.n == 0)
		return true;
	if (user_by_aff_code(db_of(r), r->arena, code, &u, &none)) {
		*inviter = u.id;
		return true;
	}
	if (none.kind == ERR_NOT_FOUND)
		return true;
	*err = none;
	return false;
}

static bool grant(struct req *r, const struct user *u, int64_t quota, const char *what,
    struct err *err)
{
	const char *note;

	if (quota <= 0)
		return true;
	note = arena_fmt(r->arena, "%s %s", what, audit_amount(r, quota));
	return quota_grant(db_of(r), u->id, quota, err) &&
	    audit_row(r, LOG_TYPE_SYSTEM, u->id, u->username, quota, note, err);
}

/* The inviter, if there still is somebody to pay: *found. */
static bool find_payee(struct req *r, int64_t id, struct user *out, bool *found, struct err *err)
{
	struct err none = { 0 };
	int64_t today = 0;

	*found = false;
	if (!user_by_id(db_of(r), r->arena, id, out, &none)) {
		if (none.kind == ERR_NOT_FOUND)
			return true;
		*err = none;
		return false;
	}
	if (!user_invites_since(db_of(r), id, clock_unix() - DAY_S, &today, err))
		return false;
	*found = out->status == USER_ENABLED && today < INVITE_PER_DAY;
	if (today >= INVITE_PER_DAY)
		log_warn(&r->log, "invite.cap_reached", LOG_INT("inviter", id));
	return true;
}

bool invite_grant(struct req *r, const struct user *invitee, struct err *err)
{
	const struct options *o = options_of(r);
	struct user inviter;
	bool found, claimed;

	if (invitee->inviter_id == 0)
		return true;
	if (!find_payee(r, invitee->inviter_id, &inviter, &found, err))
		return false;
	if (!found)
		return true;
	if (!user_invite_claim(db_of(r), invitee->id, clock_unix(), &claimed, err))
		return false;
	return !claimed ||
	    (grant(r, invitee, option_int(o, OPT_QUOTA_FOR_INVITEE), "invitation code bonus",
	         err) &&
	        grant(r, &inviter, option_int(o, OPT_QUOTA_FOR_INVITER),
	            "bonus for inviting a user", err));
}
