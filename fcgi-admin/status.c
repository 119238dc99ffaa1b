/* status.c — /api/status and the site's texts: what everyone may know */
#include "access.h"
#include "admin.h"
#include "base/json.h"
#include "reply.h"
#include "routes.h"

/* What this program can do beyond what old clients expect; they look for the words. */
/* clang-format off */
static const char *const capabilities[] = {
	"audit",
	"auth.totp",
	"capture",
	"channel.apply",
	"channel.batch",
	"channel.fetch_models",
	"channel.filter",
	"channel.keys",
	"channel.probe",
	"channel.sort",
	"code.filter",
	"dash.range",
	"diag",
	"jobs",
	"limits",
	"list.paging",
	"log.count",
	"log.detail",
	"log.export",
	"log.not",
	"mail.test",
	"oauth.unbind",
	"oauth.url",
	"oidc.discover",
	"pricing",
	"setup",
};
/* clang-format on */

enum member_kind { MEMBER_BOOL, MEMBER_TEXT, MEMBER_NUMBER };

/* clang-format off */
static const struct {
	const char *name;
	enum member_kind kind;
	enum option_id option;
} members[] = {
	{ "email_verification", MEMBER_BOOL, OPT_EMAIL_VERIFICATION_ENABLED },
	{ "github_oauth", MEMBER_BOOL, OPT_GITHUB_OAUTH_ENABLED },
	{ "github_client_id", MEMBER_TEXT, OPT_GITHUB_CLIENT_ID },
	{ "lark_client_id", MEMBER_TEXT, OPT_LARK_CLIENT_ID },
	{ "system_name", MEMBER_TEXT, OPT_SYSTEM_NAME },
	{ "logo", MEMBER_TEXT, OPT_LOGO },
	{ "footer_html", MEMBER_TEXT, OPT_FOOTER },
	{ "wechat_qrcode", MEMBER_TEXT, OPT_WECHAT_QRCODE },
	{ "wechat_login", MEMBER_BOOL, OPT_WECHAT_AUTH_ENABLED },
	{ "server_address", MEMBER_TEXT, OPT_SERVER_ADDRESS },
	{ "turnstile_check", MEMBER_BOOL, OPT_TURNSTILE_CHECK_ENABLED },
	{ "turnstile_site_key", MEMBER_TEXT, OPT_TURNSTILE_SITE_KEY },
	{ "turnstile_login", MEMBER_BOOL, OPT_TURNSTILE_LOGIN_ENABLED },
	{ "password_login", MEMBER_BOOL, OPT_PASSWORD_LOGIN_ENABLED },
	{ "register", MEMBER_BOOL, OPT_REGISTER_ENABLED },
	{ "theme", MEMBER_TEXT, OPT_THEME },
	{ "top_up_link", MEMBER_TEXT, OPT_TOP_UP_LINK },
	{ "chat_link", MEMBER_TEXT, OPT_CHAT_LINK },
	{ "chat_apps", MEMBER_TEXT, OPT_CHAT_APPS },
	{ "quota_per_unit", MEMBER_NUMBER, OPT_QUOTA_PER_UNIT },
	{ "display_in_currency", MEMBER_BOOL, OPT_DISPLAY_IN_CURRENCY_ENABLED },
	{ "oidc", MEMBER_BOOL, OPT_OIDC_ENABLED },
	{ "oidc_client_id", MEMBER_TEXT, OPT_OIDC_CLIENT_ID },
	{ "oidc_well_known", MEMBER_TEXT, OPT_OIDC_WELL_KNOWN },
	{ "oidc_authorization_endpoint", MEMBER_TEXT, OPT_OIDC_AUTHORIZATION_ENDPOINT },
	{ "oidc_token_endpoint", MEMBER_TEXT, OPT_OIDC_TOKEN_ENDPOINT },
	{ "oidc_userinfo_endpoint", MEMBER_TEXT, OPT_OIDC_USERINFO_ENDPOINT },
};
/* clang-format on */

static void add_member(struct buf *b, const struct options *o, size_t i)
{
	json_add_name(b, members[i].name);
	switch (members[i].kind) {
	case MEMBER_BOOL:
		json_add_bool(b, option_bool(o, members[i].option));
		break;
	case MEMBER_TEXT:
		json_add_str(b, option_text(o, members[i].option));
		break;
	case MEMBER_NUMBER:
		json_add_double(b, option_double(o, members[i].option));
		break;
	}
}

static void add_capabilities(struct buf *b, const struct options *o)
{
	json_add_name(b, "capabilities");
	buf_add_char(b, '[');
	for (size_t i = 0; i < COUNT_OF(capabilities); i++) {
		json_add_comma(b);
		json_add_str(b, str_c(capabilities[i]));
	}
	if (option_bool(o, OPT_KEY_ONCE_ENABLED)) {
		json_add_comma(b);
		json_add_str(b, STR("key.once"));
	}
	buf_add_char(b, ']');
}

/* Pages of one-api tell people to reload when it is not what they were built with. */
static struct str version(const struct req *r)
{
	struct str set = admin_of(r)->ui_version;

	return set.n ? set : str_c(runtime_version());
}

static bool get_status(struct req *r, struct resp *out, struct err *err)
{
	const struct options *o = options_of(r);
	struct buf *b = reply_open(out);

	buf_add_char(b, '{');
	json_add_name(b, "version");
	json_add_str(b, version(r));
	json_add_name(b, "start_time");
	buf_add_int(b, admin_of(r)->rt.started_at);
	for (size_t i = 0; i < COUNT_OF(members); i++)
		add_member(b, o, i);
	add_capabilities(b, o);
	buf_add_char(b, '}');
	return reply_close(out);
}

/* The route's data names the option. */
static bool get_text(struct req *r, struct resp *out, struct err *err)
{
	const enum option_id *option = r->route->data;

	return reply_text(out, option_text(options_of(r), *option));
}

static const enum option_id notice = OPT_NOTICE;
static const enum option_id about = OPT_ABOUT;
static const enum option_id home_page = OPT_HOME_PAGE_CONTENT;

const struct route status_routes[] = {
	{ "GET", "/api/status", ROLE_GUEST, 0, get_status, NULL },
	{ "GET", "/api/notice", ROLE_GUEST, 0, get_text, &notice },
	{ "GET", "/api/about", ROLE_GUEST, 0, get_text, &about },
	{ "GET", "/api/home_page_content", ROLE_GUEST, 0, get_text, &home_page },
	{ 0 },
};
