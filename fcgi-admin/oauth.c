/* oauth.c — the routes of /api/oauth for GitHub, Lark, OpenID Connect and WeChat (oauth.h) */
#include "oauth.h"

#include "access.h"
#include "base/err.h"
#include "base/json.h"
#include "login.h"
#include "message.h"
#include "oauth_account.h"
#include "oauth_oidc.h"
#include "reply.h"
#include "routes.h"

/* Those that a browser is sent to. */
static const struct oauth_provider *const sites[] = { &oauth_github, &oauth_lark, &oauth_oidc };

static const struct oauth_provider *find_site(struct str name)
{
	for (size_t i = 0; i < COUNT_OF(sites); i++) {
		if (str_eq_c(name, sites[i]->name))
			return sites[i];
	}
	return NULL;
}

static struct oauth *begin(struct req *r, const struct oauth_provider *p)
{
	struct oauth *o = ARENA_NEW(r->arena, struct oauth);

	o->r = r;
	o->provider = p;
	o->options = options_of(r);
	return o;
}

/* Whose session it is; an access token does not count here. */
static bool find_user(struct req *r, int64_t *id, struct err *err)
{
	struct actor *actor = access_actor(r);
	bool found;

	if (!access_session(r, actor, &found, err))
		return false;
	*id = found ? actor->user.id : 0;
	r->log.user = *id;
	return true;
}

/* ---- the way there ------------------------------------------------------------------------------- */

static bool reply_url(struct req *r, struct resp *out, struct err *err)
{
	struct oauth *o = oauth_of(r);
	struct buf url = buf_init(8192);
	bool ok;

	o->state.provider = str_c(o->provider->name);
	ok = oauth_state_make(r, &o->state, out, err) && o->provider->url(o, &url, err);
	if (ok) {
		json_add_str(reply_open(out), o->state.text);
		json_add_name(&out->body, "url");
		json_add_str(&out->body, buf_str(&url));
		reply_close(out);
	}
	buf_release(&url);
	return ok;
}

static bool get_state(struct req *r, struct resp *out, struct err *err)
{
	static const struct oauth_step none[] = { { 0 } };
	struct str name = req_query(r, "provider");
	struct oauth *o = begin(r, find_site(name));

	if (!find_user(r, &o->state.user_id, err))
		return false;
	if (name.n == 0)
		return oauth_state_make(r, &o->state, out, err) && reply_text(out, o->state.text);
	if (!o->provider)
		return message_fail_member(r, err, "provider");
	if (!o->provider->is_on(o->options))
		return message_fail(r, err, MSG_O01);
	return oauth_run(r, o, o->provider->url_steps ? o->provider->url_steps : none, reply_url,
	    out, err);
}

/* ---- and back ------------------------------------------------------------------------------------ */

/* Pages compare the word `bind` literally. */
static bool reply_bound(struct oauth *o, struct resp *out)
{
	if (!o->provider->url)
		return reply_ok(out);
	reply_json(out, 200);
	headers_add_c(&out->headers, "Cache-Control", "no-store");
	buf_add(&out->body, STR("{\"success\":true,\"message\":\"bind\"}"));
	return true;
}

static bool finish(struct req *r, struct resp *out, struct err *err)
{
	struct oauth *o = oauth_of(r);
	struct user u;

	if (o->state.user_id == 0)
		return oauth_account(o, &u, err) && login_finish(r, &u, out, err);
	if (!oauth_bind(o, o->state.user_id, err))
		return false;
	log_info(&r->log, "user.bound", LOG_TEXT("provider", o->provider->name));
	return reply_bound(o, out);
}

static bool exchange(struct req *r, struct oauth *o, struct resp *out, struct err *err)
{
	o->code = req_query(r, "code");
	if (o->state.user_id && access_actor(r)->user.status != USER_ENABLED)
		return message_fail(r, err, MSG_A03);
	if (!o->provider->is_on(o->options))
		return message_fail(r, err, MSG_O01);
	if (o->code.n == 0 || o->code.n > OAUTH_CODE_MAX)
		return message_fail(r, err, MSG_O02);
	return oauth_run(r, o, o->provider->steps, finish, out, err);
}

static bool come_back(struct req *r, struct resp *out, struct err *err)
{
	struct oauth *o = begin(r, r->route->data);

	o->state.text = req_query(r, "state");
	o->state.provider = str_c(o->provider->name);
	return find_user(r, &o->state.user_id, err) && oauth_state_take(r, &o->state, err) &&
	    exchange(r, o, out, err);
}

/* ---- without a site ------------------------------------------------------------------------------ */

static bool wechat_sign_in(struct req *r, struct resp *out, struct err *err)
{
	return exchange(r, begin(r, &oauth_wechat), out, err);
}

static bool wechat_bind(struct req *r, struct resp *out, struct err *err)
{
	struct oauth *o = begin(r, &oauth_wechat);

	o->state.user_id = access_actor(r)->user.id;
	return exchange(r, o, out, err);
}

static bool unbind(struct req *r, struct resp *out, struct err *err)
{
	const struct oauth_provider *p = r->route->data;

	if (!oauth_unbind(r, p, access_actor(r)->user.id, err))
		return false;
	log_info(&r->log, "user.unbound", LOG_TEXT("provider", p->name));
	return reply_ok(out);
}

#define CRITICAL ROUTE_CRITICAL
#define CHANGES (ROUTE_CRITICAL | ROUTE_CHANGES)

/* clang-format off */
const struct route oauth_routes[] = {
	{ "GET", "/api/oauth/state", ROLE_GUEST, CHANGES, get_state, NULL },
	{ "GET", "/api/oauth/github", ROLE_GUEST, CHANGES, come_back, &oauth_github },
	{ "GET", "/api/oauth/lark", ROLE_GUEST, CHANGES, come_back, &oauth_lark },
	{ "GET", "/api/oauth/oidc", ROLE_GUEST, CHANGES, come_back, &oauth_oidc },
	{ "GET", "/api/oauth/oidc/discover", ROLE_ROOT, CRITICAL, oidc_discover, NULL },
	{ "GET", "/api/oauth/wechat", ROLE_GUEST, CHANGES, wechat_sign_in, NULL },
	{ "GET", "/api/oauth/wechat/bind", ROLE_USER, CHANGES, wechat_bind, NULL },
	{ "DELETE", "/api/oauth/github/bind", ROLE_USER, CRITICAL, unbind, &oauth_github },
	{ "DELETE", "/api/oauth/lark/bind", ROLE_USER, CRITICAL, unbind, &oauth_lark },
	{ "DELETE", "/api/oauth/oidc/bind", ROLE_USER, CRITICAL, unbind, &oauth_oidc },
	{ "DELETE", "/api/oauth/wechat/bind", ROLE_USER, CRITICAL, unbind, &oauth_wechat },
	{ 0 },
};
/* clang-format on */
