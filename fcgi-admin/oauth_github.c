/* oauth_github.c — signing in with GitHub, or a GitHub Enterprise server
 *
 * https://docs.github.com/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps. A failed
 * exchange has status 200 and a member `error`. A person is the numeric id: a login name can pass to
 * somebody else. Rows of an old database hold the login name until its owner signs in. */
#include <inttypes.h>

#include "base/err.h"
#include "base/json.h"
#include "message.h"
#include "oauth.h"

#define GITHUB_ID_MAX INT64_C(9007199254740992) /* what a JSON number holds exactly */

static bool is_on(const struct options *options)
{
	return option_bool(options, OPT_GITHUB_OAUTH_ENABLED) &&
	    option_text(options, OPT_GITHUB_CLIENT_ID).n > 0 &&
	    option_text(options, OPT_GITHUB_CLIENT_SECRET).n > 0;
}

static struct str at(struct oauth *o, const char *host, const char *path)
{
	return str_c(arena_fmt(o->r->arena, "%s%s", host, path));
}

static bool make_url(struct oauth *o, struct buf *out, struct err *err UNUSED)
{
	buf_add(out, at(o, admin_of(o->r)->github_url, "/login/oauth/authorize"));
	oauth_query(out, "client_id", option_text(o->options, OPT_GITHUB_CLIENT_ID));
	oauth_query(out, "scope", STR("user:email"));
	oauth_query_state(o, out);
	return true;
}

static bool ask_token(struct oauth *o, struct err *err UNUSED)
{
	struct str verifier = oauth_state_verifier(o->r, &o->state);

	oauth_ask(o, "POST", at(o, admin_of(o->r)->github_url, "/login/oauth/access_token"));
	oauth_json(o, "client_id", option_text(o->options, OPT_GITHUB_CLIENT_ID));
	oauth_json(o, "client_secret", option_text(o->options, OPT_GITHUB_CLIENT_SECRET));
	oauth_json(o, "code", o->code);
	if (verifier.n)
		oauth_json(o, "code_verifier", verifier);
	return true;
}

static bool read_token(struct oauth *o, struct err *err)
{
	const cJSON *tree;

	return oauth_token(o, &tree, err);
}

static bool ask_user(struct oauth *o, struct err *err UNUSED)
{
	oauth_ask(o, "GET", at(o, admin_of(o->r)->github_api_url, "/user"));
	oauth_bearer(o);
	return true;
}

static bool read_user(struct oauth *o, struct err *err)
{
	struct oauth_person *p = &o->person;
	const cJSON *tree, *id;
	struct str login;

	if (!oauth_object(o, &tree, err))
		return false;
	id = json_at(tree, "id");
	login = json_str_at(tree, "login");
	if (!oauth_id_ok(login) || !cJSON_IsNumber(id) || !(id->valuedouble >= 1) ||
	    id->valuedouble >= (double)GITHUB_ID_MAX)
		return message_fail(o->r, err, MSG_O04);
	p->id = str_c(arena_fmt(o->r->arena, "id:%" PRId64, (int64_t)id->valuedouble));
	p->former[0] = login;
	p->display_name = json_str_at(tree, "name");
	p->email = json_str_at(tree, "email"); /* GitHub shows none that is not verified */
	return true;
}

static const struct oauth_step steps[] = {
	{ ask_token, read_token },
	{ ask_user, read_user },
	{ 0 },
};

const struct oauth_provider oauth_github = {
	.name = "github",
	.identity = IDENTITY_GITHUB,
	.prefix = "github_",
	.display_name = "GitHub User",
	.is_on = is_on,
	.steps = steps,
	.url = make_url,
};
