/* oauth_wechat.c — signing in with WeChat, through a bridge server
 *
 * The person sends the bridge's account a message, gets a short code and types it in; the bridge
 * turns the code into the person's id. It answers like one-api does: success, message, data. */
#include "base/err.h"
#include "base/json.h"
#include "message.h"
#include "oauth.h"

#define SENTENCE_MAX 200

static bool is_on(const struct options *options)
{
	return option_bool(options, OPT_WECHAT_AUTH_ENABLED) &&
	    option_text(options, OPT_WECHAT_SERVER_ADDRESS).n > 0;
}

static bool ask_user(struct oauth *o, struct err *err UNUSED)
{
	struct str bridge = option_text(o->options, OPT_WECHAT_SERVER_ADDRESS);

	oauth_ask(o, "GET", str_without_slashes(bridge));
	buf_add(&o->upstream.url, STR("/api/wechat/user"));
	oauth_query(&o->upstream.url, "code", o->code);
	headers_add(&o->upstream.headers, STR("Authorization"),
	    option_text(o->options, OPT_WECHAT_SERVER_TOKEN));
	return true;
}

/* The bridge's own sentence, unless it is odd or tells a secret. */
static bool pass_on(struct oauth *o, struct str said, struct err *err)
{
	struct str token = option_text(o->options, OPT_WECHAT_SERVER_TOKEN);

	if (said.n == 0 || said.n > SENTENCE_MAX || (token.n && str_has(said, token)))
		return message_fail(o->r, err, MSG_O06);
	return err_set(err, ERR_BAD_REQUEST, "%.*s", STR_ARG(said));
}

static bool read_user(struct oauth *o, struct err *err)
{
	const cJSON *tree;

	if (!oauth_object(o, &tree, err))
		return false;
	if (!json_bool_at(tree, "success", false))
		return pass_on(o, json_str_at(tree, "message"), err);
	o->person.id = json_str_at(tree, "data");
	return oauth_id_ok(o->person.id) || message_fail(o->r, err, MSG_O06);
}

static const struct oauth_step steps[] = {
	{ ask_user, read_user },
	{ 0 },
};

const struct oauth_provider oauth_wechat = {
	.name = "wechat",
	.identity = IDENTITY_WECHAT,
	.prefix = "wechat_",
	.display_name = "WeChat User",
	.is_on = is_on,
	.steps = steps,
};
