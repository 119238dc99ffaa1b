#include "oauth_account.h"

#include <assert.h>
#include <inttypes.h>

#include "audit.h"
#include "base/err.h"
#include "base/json.h"
#include "message.h"
#include "oauth.h"
#include "person.h"
#include "store/user_name.h"
#include "witness.h"

#define NAME_TRIES 20

struct account_work {
	struct oauth *o;
	int64_t user_id;
	struct user u;
};

/* ---- finding ------------------------------------------------------------------------------------- */

static bool find_one(struct oauth *o, struct str id, struct user *u, bool *found, struct err *err)
{
	int count;

	if (!identity_find(db_of(o->r), o->r->arena, o->provider->identity, id, u, &count, err))
		return false;
	if (count > 1) {
		log_warn(&o->r->log, "oauth.doubles", LOG_TEXT("provider", o->provider->name));
		return message_fail(o->r, err, MSG_O05);
	}
	*found = count == 1;
	return true;
}

static bool find(struct oauth *o, struct user *u, bool *found, struct err *err)
{
	const struct oauth_person *p = &o->person;

	if (!find_one(o, p->id, u, found, err))
		return false;
	for (size_t i = 0; i < COUNT_OF(p->former) && !*found; i++) {
		if (!find_one(o, p->former[i], u, found, err))
			return false;
		if (*found && !identity_set(db_of(o->r), u->id, o->provider->identity, p->id, err))
			return false;
	}
	return true;
}

/* ---- making -------------------------------------------------------------------------------------- */

static bool name_is_free(struct req *r, struct str name, bool *is_free, struct err *err)
{
	struct err none = { 0 };
	struct user other;
	bool taken;

	*is_free = !user_by_name(db_of(r), r->arena, name, &other, &none);
	if (!*is_free)
		return true;
	if (none.kind != ERR_NOT_FOUND) {
		*err = none;
		return false;
	}
	if (!user_name_like(db_of(r), name, 0, &taken, err))
		return false;
	*is_free = !taken;
	return true;
}

static bool next_id(struct db *db, int64_t *out, struct err *err)
{
	static const char sql[] = "SELECT COALESCE(MAX(id), 0) + 1 FROM users";

	return db_number(db, sql, BIND_NONE, out, err);
}

/* The provider's name for the person if that will do, else <prefix><n>, the first that is free. */
static bool choose_name(struct oauth *o, struct str address, struct str *name, struct err *err)
{
	struct req *r = o->r;
	struct err unfit = { 0 };
	int64_t n = 0;
	bool is_free;

	*name = o->person.username;
	if (name->n && person_check_name(r, *name, address, &unfit)) {
		if (!name_is_free(r, *name, &is_free, err) || is_free)
			return err->kind == ERR_NONE;
	}
	if (!next_id(db_of(r), &n, err))
		return false;
	for (int i = 0; i < NAME_TRIES; i++) {
		*name = str_c(arena_fmt(r->arena, "%s%" PRId64, o->provider->prefix, n + i));
		if (!name_is_free(r, *name, &is_free, err) || is_free)
			return err->kind == ERR_NONE;
	}
	return message_fail(r, err, MSG_U26);
}

/* Without control characters, and as long as ours may be. */
static struct str display_name(struct oauth *o)
{
	struct str text = str_trim(o->person.display_name), fits;
	struct err unfit = { 0 };
	char *copy;
	size_t n = 0, points = 0;

	if (text.n == 0 || !str_is_utf8(text))
		return str_c(o->provider->display_name);
	copy = arena_alloc(o->r->arena, text.n + 1);
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];

		if (c < 0x20 || c == 0x7f)
			continue;
		if ((c & 0xc0) != 0x80 && ++points > PERSON_DISPLAY_NAME_MAX)
			break;
		copy[n++] = (char)c;
	}
	copy[n] = '\0';
	fits = str_trim((struct str){ copy, n });
	return fits.n && person_check_display_name(o->r, fits, &unfit)
	    ? fits
	    : str_c(o->provider->display_name);
}

/* An address that is another account's is left out: this one is not taken for that. */
static bool choose_email(struct oauth *o, struct str *email, struct err *err)
{
	bool taken;

	*email = person_mail_address(o->r, o->person.email);
	if (email->n == 0)
		return true;
	if (!user_email_taken(db_of(o->r), *email, 0, &taken, err))
		return false;
	if (taken)
		*email = (struct str){ 0 };
	return true;
}

static bool make(struct oauth *o, struct user *u, struct err *err)
{
	*u = (struct user){
		.role = ROLE_USER,
		.status = USER_ENABLED,
		.group = STR("default"),
		.display_name = display_name(o),
		.quota = option_int(o->options, OPT_QUOTA_FOR_NEW_USER),
	};
	identity_put(u, o->provider->identity, o->person.id);
	if (!choose_email(o, &u->email, err) || !choose_name(o, u->email, &u->username, err) ||
	    !person_create(o->r, u, err))
		return false;
	log_info(&o->r->log, "user.registered", LOG_INT("id", u->id),
	    LOG_TEXT("provider", o->provider->name));
	return true;
}

static bool find_or_make(struct req *r, void *arg, struct err *err)
{
	struct account_work *w = arg;
	bool found = false;

	if (!find(w->o, &w->u, &found, err))
		return false;
	if (found)
		return true;
	if (!option_bool(w->o->options, OPT_REGISTER_ENABLED))
		return message_fail(r, err, MSG_U04);
	return make(w->o, &w->u, err);
}

bool oauth_account(struct oauth *o, struct user *u, struct err *err)
{
	struct account_work w = { .o = o };

	assert(o->person.id.n);
	if (!audit_transact(o->r, find_or_make, &w, err))
		return false;
	*u = w.u;
	return u->status == USER_ENABLED || message_fail(o->r, err, MSG_A03);
}

/* ---- binding ------------------------------------------------------------------------------------- */

static bool note(struct req *r, const struct user *u, const char *what,
    const struct oauth_provider *p, struct err *err)
{
	const char *text = arena_fmt(r->arena, "%s %s", p->name, what);

	return audit_row(r, LOG_TYPE_MANAGE, u->id, u->username, 0, text, err);
}

static bool bind_one(struct req *r, void *arg, struct err *err)
{
	struct account_work *w = arg;
	bool found = false;

	if (!find(w->o, &w->u, &found, err))
		return false;
	if (found)
		return w->u.id == w->user_id || message_fail(r, err, MSG_O05);
	return person_find(r, w->user_id, &w->u, err) &&
	    identity_set(db_of(r), w->user_id, w->o->provider->identity, w->o->person.id, err) &&
	    note(r, &w->u, "account bound", w->o->provider, err);
}

bool oauth_bind(struct oauth *o, int64_t user_id, struct err *err)
{
	struct account_work w = { .o = o, .user_id = user_id };

	assert(o->person.id.n);
	return witness_transact(o->r, bind_one, &w, err);
}

struct unbinding {
	const struct oauth_provider *provider;
	int64_t user_id;
};

static bool has_other_way(const struct user *u, enum identity but)
{
	if (u->password.n)
		return true;
	for (int i = 0; i < IDENTITY_COUNT; i++) {
		if (i != (int)but && identity_of(u, (enum identity)i).n)
			return true;
	}
	return false;
}

static bool unbind_one(struct req *r, void *arg, struct err *err)
{
	const struct unbinding *w = arg;
	struct user u;

	if (!person_find(r, w->user_id, &u, err))
		return false;
	if (identity_of(&u, w->provider->identity).n == 0)
		return true;
	if (!has_other_way(&u, w->provider->identity))
		return message_fail(r, err, MSG_O07);
	return identity_set(db_of(r), u.id, w->provider->identity, STR(""), err) &&
	    note(r, &u, "account unbound", w->provider, err);
}

bool oauth_unbind(struct req *r, const struct oauth_provider *p, int64_t user_id, struct err *err)
{
	struct unbinding w = { p, user_id };

	return witness_transact(r, unbind_one, &w, err);
}
