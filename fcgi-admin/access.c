#include "access.h"

#include "admin.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "body.h"
#include "message.h"
#include "net/route.h"
#include "store/session.h"
#include "throttle.h"

#define TOKEN_USE_GRAIN_S 60

struct actor *access_actor(const struct req *r)
{
	return r->state;
}

bool access_outranks(const struct req *r, const struct user *target)
{
	int role = access_actor(r)->user.role;

	return role > target->role || role >= ROLE_ROOT;
}

static bool check_size(const struct req *r, struct err *err)
{
	size_t most = r->route->flags & ROUTE_LARGE ? BODY_MAX_LARGE : BODY_MAX;

	if (r->body.n > most)
		return err_set(err, ERR_TOO_LARGE, "the body is larger than %zu bytes", most);
	return true;
}

/* HEAD is for who asks whether something is there. Of a GET that changes something it would change
 * it and show nobody what to, so there is no such route. */
static bool check_head(struct req *r, struct err *err)
{
	if (!(r->route->flags & ROUTE_CHANGES) || !str_eq_c(r->method, "HEAD"))
		return true;
	r->route = NULL;
	return err_set(err, ERR_NOT_FOUND, "no route");
}

/* ---- the session cookie ---------------------------------------------------------------------- */

struct str access_cookie(const struct req *r, const char *name)
{
	struct str rest = req_header(r, "cookie"), pair;

	while (str_next(&rest, ';', &pair)) {
		size_t equals = str_find(pair, '=');
		struct str value;

		if (equals == pair.n || !str_eq_c(str_trim(str_slice(pair, 0, equals)), name))
			continue;
		value = str_trim(str_slice(pair, equals + 1, pair.n));
		if (value.n == SESSION_COOKIE_LEN)
			return value;
	}
	return (struct str){ 0 };
}

static struct str session_cookie(const struct req *r)
{
	return access_cookie(r, "session");
}

void access_set_cookie(const struct req *r, struct resp *out, const char *name, const char *value,
    int life_s)
{
	const char *text =
	    arena_fmt(r->arena, "%s=%s; Path=/; Max-Age=%d; HttpOnly; SameSite=Lax%s", name, value,
	        life_s, r->https ? "; Secure" : "");

	headers_add_c(&out->headers, "Set-Cookie", text);
}

static void set_cookie(const struct req *r, struct resp *out, const char *value, int life_s)
{
	access_set_cookie(r, out, "session", value, life_s);
}

bool access_sign_in(struct req *r, const struct user *u, struct resp *out, struct err *err)
{
	struct str old = session_cookie(r);
	char fresh[SESSION_COOKIE_LEN + 1];

	if (old.n && !session_delete(db_of(r), box_of(r), old, err))
		return false;
	if (!session_create(db_of(r), box_of(r), u, fresh, err))
		return false;
	set_cookie(r, out, fresh, SESSION_LIFE_S);
	return user_set_language(db_of(r), u->id, r->chinese ? STR("zh") : STR("en"), err);
}

bool access_sign_out(struct req *r, struct resp *out, struct err *err)
{
	struct str cookie = session_cookie(r);

	if (cookie.n && !session_delete(db_of(r), box_of(r), cookie, err))
		return false;
	set_cookie(r, out, "", 0);
	return true;
}

/* ---- who asks -------------------------------------------------------------------------------- */

static bool same_host(const struct req *r, struct str origin)
{
	size_t scheme = str_find_str(origin, STR("://"));

	return scheme < origin.n && str_eq_nocase(str_slice(origin, scheme + 3, origin.n), r->host);
}

static bool check_origin(const struct req *r, struct err *err)
{
	bool by_method = !str_eq_c(r->method, "GET") && !str_eq_c(r->method, "HEAD");
	struct str site = req_header(r, "sec-fetch-site");
	struct str origin = req_header(r, "origin");

	if (!by_method && !(r->route->flags & ROUTE_CHANGES))
		return true;
	if (site.n && !str_eq_c(site, "same-origin") && !str_eq_c(site, "none"))
		return message_fail(r, err, MSG_A08);
	if (by_method && origin.n && !same_host(r, origin))
		return message_fail(r, err, MSG_A08);
	return true;
}

/* The name of a scheme has no case. */
static size_t find_bearer(struct str header)
{
	static const struct str scheme = STR_INIT("Bearer ");

	for (size_t at = 0; at + scheme.n <= header.n; at++) {
		if (str_eq_nocase(str_slice(header, at, at + scheme.n), scheme))
			return at;
	}
	return header.n;
}

/* Without the first `Bearer `, wherever it stands: clients write it in several ways. */
static struct str access_token(struct req *r, struct str header)
{
	size_t at = find_bearer(header);
	struct str head = str_slice(header, 0, at), tail = { 0 };

	if (at < header.n)
		tail = str_slice(header, at + 7, header.n);
	return str_trim(str_c(arena_fmt(r->arena, "%.*s%.*s", STR_ARG(head), STR_ARG(tail))));
}

/* So that its owner sees whether it is in use; once a minute is enough. */
static void note_use(struct req *r, const struct user *u)
{
	int64_t now = clock_unix();
	struct err err = { 0 };

	if (u->access_token_used_at > now - TOKEN_USE_GRAIN_S)
		return;
	if (!user_access_token_used(db_of(r), u->id, now, &err))
		log_warn(&r->log, "access.note_failed", LOG_ERR(&err));
}

static bool find_by_token(struct req *r, struct str header, struct actor *actor, struct err *err)
{
	uint8_t hash[SECRET_HASH_LEN];

	secret_hash(box_of(r), ACCESS_TOKEN_LABEL, access_token(r, header), hash);
	if (user_by_access_token(db_of(r), r->arena, hash, &actor->user, err)) {
		note_use(r, &actor->user);
		return true;
	}
	return err->kind == ERR_NOT_FOUND ? message_fail(r, err, MSG_A02) : false;
}

bool access_session(struct req *r, struct actor *actor, bool *found, struct err *err)
{
	struct str cookie = session_cookie(r);
	struct err none = { 0 };

	*found =
	    cookie.n && session_user(db_of(r), box_of(r), r->arena, cookie, &actor->user, &none);
	if (*found)
		actor->cookie = cookie;
	else
		actor->user = (struct user){ 0 };
	if (none.kind == ERR_NONE || none.kind == ERR_NOT_FOUND)
		return true;
	*err = none;
	return false;
}

/* By session, else by access token; *found false for guests. A token that is not valid is refused. */
static bool identify(struct req *r, struct actor *actor, bool *found, struct err *err)
{
	struct str header = str_trim(req_header(r, "authorization"));

	if (!access_session(r, actor, found, err))
		return false;
	if (*found || header.n == 0)
		return true;
	*found = find_by_token(r, header, actor, err);
	return *found;
}

static bool find_actor(struct req *r, struct actor *actor, struct err *err)
{
	bool found;

	if (!identify(r, actor, &found, err))
		return false;
	if (found)
		return true;
	message_fail(r, err, MSG_A01);
	err->status = 401;
	return false;
}

bool access_known(struct req *r, struct user *out, struct err *err)
{
	struct actor actor = { 0 };
	bool found;

	*out = (struct user){ 0 };
	if (!identify(r, &actor, &found, err))
		return false;
	if (actor.user.status == USER_ENABLED)
		*out = actor.user;
	return true;
}

/* A session of an account that is no longer enabled ends here. */
static bool refuse_disabled(struct req *r, const struct actor *actor, struct err *err)
{
	if (actor->cookie.n && !session_delete(db_of(r), box_of(r), actor->cookie, err))
		return false;
	return message_fail(r, err, MSG_A03);
}

bool access_admit(struct req *r, struct resp *out, struct err *err)
{
	struct actor *actor = ARENA_NEW(r->arena, struct actor);

	r->state = actor;
	if (!throttle_request(r, err) || !check_size(r, err) || !check_head(r, err))
		return false;
	if (r->route->access > ROLE_GUEST) {
		if (!find_actor(r, actor, err))
			return false;
		r->log.user = actor->user.id;
		if (actor->user.status != USER_ENABLED)
			return refuse_disabled(r, actor, err);
		if (actor->user.role < r->route->access)
			return message_fail(r, err, MSG_A04);
	}
	if (r->route->access > ROLE_GUEST && actor->cookie.n == 0)
		return true; /* by access token, which no browser adds by itself */
	return check_origin(r, err);
}
