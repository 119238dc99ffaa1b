/* oauth_lark.c — signing in with Lark, in China Feishu
 *
 * Version 2 of its token call takes id and secret of the app themselves, so there is no token of app
 * or tenant to be got before. Failures have a `code` other than 0, whatever the status. A person is
 * the open_id, which is the same for one app only. */
#include "base/err.h"
#include "base/json.h"
#include "message.h"
#include "oauth.h"

/* There is no switch: who filled in both has switched it on. */
static bool is_on(const struct options *options)
{
	return option_text(options, OPT_LARK_CLIENT_ID).n > 0 &&
	    option_text(options, OPT_LARK_CLIENT_SECRET).n > 0;
}

static struct str at(struct oauth *o, const char *host, const char *path)
{
	return str_c(arena_fmt(o->r->arena, "%s%s", host, path));
}

static bool make_url(struct oauth *o, struct buf *out, struct err *err UNUSED)
{
	buf_add(out, at(o, admin_of(o->r)->lark_accounts_url, "/open-apis/authen/v1/authorize"));
	oauth_query(out, "client_id", option_text(o->options, OPT_LARK_CLIENT_ID));
	oauth_query(out, "redirect_uri", oauth_redirect_uri(o));
	oauth_query(out, "response_type", STR("code"));
	oauth_query_state(o, out);
	return true;
}

static bool ask_token(struct oauth *o, struct err *err UNUSED)
{
	struct str verifier = oauth_state_verifier(o->r, &o->state);

	oauth_ask(o, "POST", at(o, admin_of(o->r)->lark_url, "/open-apis/authen/v2/oauth/token"));
	oauth_json(o, "client_id", option_text(o->options, OPT_LARK_CLIENT_ID));
	oauth_json(o, "client_secret", option_text(o->options, OPT_LARK_CLIENT_SECRET));
	oauth_json(o, "code", o->code);
	oauth_json(o, "grant_type", STR("authorization_code"));
	oauth_json(o, "redirect_uri", oauth_redirect_uri(o));
	if (verifier.n)
		oauth_json(o, "code_verifier", verifier);
	return true;
}

static bool read_token(struct oauth *o, struct err *err)
{
	const cJSON *tree;

	if (!oauth_token(o, &tree, err))
		return false;
	return json_int_at(tree, "code", 0) == 0 ||
	    oauth_fault(o, "the code of the reply is not 0", err);
}

static bool ask_user(struct oauth *o, struct err *err UNUSED)
{
	oauth_ask(o, "GET",
	    at(o, admin_of(o->r)->lark_passport_url, "/suite/passport/oauth/userinfo"));
	oauth_bearer(o);
	return true;
}

static bool read_user(struct oauth *o, struct err *err)
{
	const cJSON *tree;

	if (!oauth_object(o, &tree, err))
		return false;
	o->person.id = json_str_at(tree, "open_id");
	o->person.display_name = json_str_at(tree, "name");
	return oauth_id_ok(o->person.id) || message_fail(o->r, err, MSG_O04);
}

static const struct oauth_step steps[] = {
	{ ask_token, read_token },
	{ ask_user, read_user },
	{ 0 },
};

const struct oauth_provider oauth_lark = {
	.name = "lark",
	.identity = IDENTITY_LARK,
	.prefix = "lark_",
	.display_name = "Lark User",
	.is_on = is_on,
	.steps = steps,
	.url = make_url,
};
