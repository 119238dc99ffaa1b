#include "access.h"

#include <inttypes.h>
#include <strings.h>

#include "admin.h"
#include "base/err.h"
#include "body.h"
#include "message.h"
#include "net/route.h"
#include "store/session.h"

struct actor *access_actor(const struct req *r)
{
	return r->state;
}

bool access_outranks(const struct req *r, const struct user *target)
{
	int role = access_actor(r)->user.role;

	return role > target->role || role >= ROLE_ROOT;
}

/* ---- limits -------------------------------------------------------------------------------- */

static bool limit(struct req *r, const char *key, int64_t n, int64_t period_ms, struct err *err)
{
	int retry_after_s = 0;

	if (rate_allow(admin_of(r)->rates, str_c(key), n, period_ms, &retry_after_s))
		return true;
	err_set(err, ERR_RATE_LIMIT, "too many requests");
	err->retry_after_s = retry_after_s;
	return false;
}

static bool check_limits(struct req *r, struct err *err)
{
	const char *key = arena_fmt(r->arena, "api %.*s", STR_ARG(r->remote_addr));

	if (!limit(r, key, admin_of(r)->api_limit, ACCESS_API_PERIOD_MS, err))
		return false;
	if (!(r->route->flags & ROUTE_CRITICAL))
		return true;
	key = arena_fmt(r->arena, "%s %.*s", r->route->path, STR_ARG(r->remote_addr));
	return limit(r, key, ACCESS_CRITICAL_N, ACCESS_CRITICAL_PERIOD_MS, err);
}

bool access_try_account(struct req *r, struct str name, struct err *err)
{
	char *key = arena_fmt(r->arena, "account %.*s", STR_ARG(name));

	for (char *p = key; *p; p++) {
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
	}
	return limit(r, key, ACCESS_CRITICAL_N, ACCESS_CRITICAL_PERIOD_MS, err);
}

static bool check_size(const struct req *r, struct err *err)
{
	size_t most = r->route->flags & ROUTE_LARGE ? BODY_MAX_LARGE : BODY_MAX;

	if (r->body.n > most)
		return err_set(err, ERR_TOO_LARGE, "the body is larger than %zu bytes", most);
	return true;
}

/* ---- the session cookie -------------------------------------------------------------------- */

/* The value of cookie `session`, "" when there is none that could be ours. */
static struct str session_cookie(const struct req *r)
{
	struct str rest = req_header(r, "cookie"), pair;

	while (str_next(&rest, ';', &pair)) {
		size_t equals = str_find(pair, '=');
		struct str value;

		if (equals == pair.n || !str_eq_c(str_trim(str_slice(pair, 0, equals)), "session"))
			continue;
		value = str_trim(str_slice(pair, equals + 1, pair.n));
		if (value.n == SESSION_COOKIE_LEN)
			return value;
	}
	return (struct str){ 0 };
}

static void set_cookie(const struct req *r, struct resp *out, const char *value, int life_s)
{
	const char *text =
	    arena_fmt(r->arena, "session=%s; Path=/; Max-Age=%d; HttpOnly; SameSite=Lax%s", value,
	        life_s, r->https ? "; Secure" : "");

	headers_add_c(&out->headers, "Set-Cookie", text);
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
	return true;
}

bool access_sign_out(struct req *r, struct resp *out, struct err *err)
{
	struct str cookie = session_cookie(r);

	if (cookie.n && !session_delete(db_of(r), box_of(r), cookie, err))
		return false;
	set_cookie(r, out, "", 0);
	return true;
}

/* ---- who asks ------------------------------------------------------------------------------ */

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

/* Without the first `Bearer `, wherever it stands: clients write it in several ways. */
static struct str access_token(struct req *r, struct str header)
{
	size_t at = str_find_str(header, STR("Bearer "));
	struct str head = str_slice(header, 0, at), tail = { 0 };

	if (at < header.n)
		tail = str_slice(header, at + 7, header.n);
	return str_trim(str_c(arena_fmt(r->arena, "%.*s%.*s", STR_ARG(head), STR_ARG(tail))));
}

static bool find_by_token(struct req *r, struct str header, struct actor *actor, struct err *err)
{
	uint8_t hash[SECRET_HASH_LEN];

	secret_hash(box_of(r), ACCESS_TOKEN_LABEL, access_token(r, header), hash);
	if (user_by_access_token(db_of(r), r->arena, hash, &actor->user, err))
		return true;
	return err->kind == ERR_NOT_FOUND ? message_fail(r, err, MSG_A02) : false;
}

static bool find_actor(struct req *r, struct actor *actor, struct err *err)
{
	struct str cookie = session_cookie(r), header = str_trim(req_header(r, "authorization"));
	struct err none = { 0 };

	if (cookie.n) {
		if (session_user(db_of(r), box_of(r), r->arena, cookie, &actor->user, &none)) {
			actor->cookie = cookie;
			return true;
		}
		if (none.kind != ERR_NOT_FOUND) {
			*err = none;
			return false;
		}
	}
	if (header.n)
		return find_by_token(r, header, actor, err);
	message_fail(r, err, MSG_A01);
	err->status = 401;
	return false;
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
	if (!check_limits(r, err) || !check_size(r, err))
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
