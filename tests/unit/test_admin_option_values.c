/* test_admin_option_values.c — every option of the specification, row by row: what it is at first,
 * what it takes, what it refuses, who may read it; and that a refusal changes nothing and says why in
 * both languages */
#include "admin_room.h"

#include "../../fcgi-admin/phrases.h"

enum {
	PUBLIC = 1, /* in /api/status, or has a route of its own */
	SECRET = 2, /* never listed */
};

/* In the order of the specification's tables. Of values that mean something, good and bad are JSON:
 * they stand as `value` in the body. */
/* clang-format off */
static const struct row {
	const char *key, *first, *good, *bad;
	unsigned flags;
	const char *member; /* of /api/status; a path: of that route */
} rows[] = {
	/* sign-in and registration */
	{ "PasswordLoginEnabled", "true", "false", "\"yes\"", 0, NULL },
	{ "PasswordRegisterEnabled", "true", "\"false\"", "\"\"", 0, NULL },
	{ "RegisterEnabled", "true", "false", "\"True\"", 0, NULL },
	{ "EmailVerificationEnabled", "false", "true", "1", PUBLIC, "email_verification" },
	{ "EmailDomainRestrictionEnabled", "false", "true", "\"on\"", 0, NULL },
	{ "EmailDomainWhitelist", "gmail.com,163.com,126.com,qq.com,outlook.com,hotmail.com,icloud.com,yahoo.com,foxmail.com",
	    "\"example.com, example.org\"", "\"a b.com\"", 0, NULL },
	{ "GitHubClientId", "", "\"id\"", NULL, PUBLIC, "github_client_id" },
	{ "GitHubOAuthEnabled", "false", "true", "2", PUBLIC, "github_oauth" },
	{ "GitHubClientSecret", "", "\"s3cret\"", NULL, SECRET, NULL },
	{ "LarkClientId", "", "\"id\"", NULL, PUBLIC, "lark_client_id" },
	{ "LarkClientSecret", "", "\"s3cret\"", NULL, SECRET, NULL },
	{ "OidcClientId", "", "\"id\"", NULL, PUBLIC, "oidc_client_id" },
	{ "OidcClientSecret", "", "\"s3cret\"", NULL, SECRET, NULL },
	{ "OidcWellKnown", "", "\"https://id.example/.well-known/openid-configuration\"", "\"ftp://x\"", PUBLIC, "oidc_well_known" },
	{ "OidcAuthorizationEndpoint", "", "\"https://id.example/a\"", "\"id.example\"", PUBLIC, "oidc_authorization_endpoint" },
	{ "OidcTokenEndpoint", "", "\"https://id.example/t\"", "\"javascript:alert(1)\"", PUBLIC, "oidc_token_endpoint" },
	{ "OidcUserinfoEndpoint", "", "\"https://id.example/u\"", "\"https://\"", PUBLIC, "oidc_userinfo_endpoint" },
	{ "OidcEnabled", "false", "true", "\"\"", PUBLIC, "oidc" },
	{ "WeChatServerAddress", "", "\"https://wechat.example\"", "\"wechat\"", 0, NULL },
	{ "WeChatServerToken", "", "\"s3cret\"", NULL, SECRET, NULL },
	{ "WeChatAuthEnabled", "false", "true", "\"x\"", PUBLIC, "wechat_login" },
	{ "WeChatAccountQRCodeImageURL", "", "\"https://x.example/q.png\"", NULL, PUBLIC, "wechat_qrcode" },
	{ "TurnstileSiteKey", "", "\"site\"", NULL, PUBLIC, "turnstile_site_key" },
	{ "TurnstileSecretKey", "", "\"s3cret\"", NULL, SECRET, NULL },
	{ "TurnstileCheckEnabled", "false", "true", "\"x\"", PUBLIC, "turnstile_check" },
	/* mail and push */
	{ "SMTPServer", "", "\"mail.example\"", "\"mail.example\\r\\nx\"", 0, NULL },
	{ "SMTPPort", "587", "465", "0", 0, NULL },
	{ "SMTPPort", "465", "\"2525\"", "\"65536\"", 0, NULL },
	{ "SMTPAccount", "", "\"me\"", NULL, 0, NULL },
	{ "SMTPFrom", "", "\"me@example.com\"", "\"me@example.com\\r\\nBcc: x@example.com\"", 0, NULL },
	{ "SMTPToken", "", "\"s3cret\"", NULL, SECRET, NULL },
	{ "MessagePusherAddress", "", "\"https://push.example\"", "\"push\"", 0, NULL },
	{ "MessagePusherToken", "", "\"s3cret\"", NULL, SECRET, NULL },
	/* the site */
	{ "SystemName", "One API", "\"Haus\"", NULL, PUBLIC, "system_name" },
	{ "Logo", "", "\"https://x.example/l.png\"", NULL, PUBLIC, "logo" },
	{ "Footer", "", "\"<b>us</b>\"", NULL, PUBLIC, "footer_html" },
	{ "Notice", "", "\"# soon\"", NULL, PUBLIC, "/api/notice" },
	{ "About", "", "\"https://about.example\"", NULL, PUBLIC, "/api/about" },
	{ "HomePageContent", "", "\"hello\"", NULL, PUBLIC, "/api/home_page_content" },
	{ "ServerAddress", "http://localhost:3000", "\"https://gw.example\"", "\"gw.example\"", PUBLIC, "server_address" },
	{ "TopUpLink", "", "\"https://pay.example\"", NULL, PUBLIC, "top_up_link" },
	{ "ChatLink", "", "\"https://chat.example\"", NULL, PUBLIC, "chat_link" },
	{ "Theme", "default", "\"berry\"", "\"rose\"", 0, NULL },
	/* quota, price and relay */
	{ "QuotaForNewUser", "0", "\"5000\"", "\"-1\"", 0, NULL },
	{ "QuotaForInvitee", "0", "10", "\"1.5\"", 0, NULL },
	{ "QuotaForInviter", "0", "10", "\"ten\"", 0, NULL },
	{ "QuotaRemindThreshold", "1000", "0", "\"\"", 0, NULL },
	{ "PreConsumedQuota", "500", "0", "\"1e3\"", 0, NULL },
	{ "QuotaPerUnit", "500000", "\"1000.5\"", "0", PUBLIC, "quota_per_unit" },
	{ "QuotaPerUnit", "1000.5", "500000", "\"nan\"", PUBLIC, "quota_per_unit" },
	{ "DisplayInCurrencyEnabled", "true", "false", "\"x\"", PUBLIC, "display_in_currency" },
	{ "DisplayTokenStatEnabled", "true", "false", "\"x\"", 0, NULL },
	{ "ModelRatio", NULL, "\"{\\\"m\\\":1.5}\"", "\"{\\\"m\\\":-1}\"", 0, NULL },
	{ "ModelRatio", "{\"m\":1.5}", "\"\"", "\"{\\\"m\\\":\"", 0, NULL },
	{ "CompletionRatio", NULL, "\"{\\\"m\\\":3}\"", "\"[]\"", 0, NULL },
	{ "GroupRatio", "{\"default\":1,\"svip\":1,\"vip\":1}", "\"{\\\"default\\\":1}\"", "\"{\\\"default\\\":\\\"x\\\"}\"", 0, NULL },
	{ "RetryTimes", "0", "3", "\"21\"", 0, NULL },
	{ "ApproximateTokenEnabled", "false", "true", "\"x\"", 0, NULL },
	{ "LogConsumeEnabled", "true", "false", "\"x\"", 0, NULL },
	/* watching */
	{ "ChannelDisableThreshold", "5", "\"2.5\"", "\"-1\"", 0, NULL },
	{ "AutomaticDisableChannelEnabled", "false", "true", "\"x\"", 0, NULL },
	{ "AutomaticEnableChannelEnabled", "false", "true", "\"x\"", 0, NULL },
	/* ours that take tables */
	{ "ModelPrice", "{}", "\"{\\\"m\\\":0.5}\"", "\"{\\\"m\\\":{\\\"cached\\\":-1}}\"", 0, NULL },
	{ "ModelFallbacks", "", "\"{\\\"a\\\":[\\\"b\\\"]}\"", "\"{\\\"a\\\":[\\\"a\\\"]}\"", 0, NULL },
	{ "RateLimits", "", "\"{\\\"key\\\":{\\\"rpm\\\":5}}\"", "\"{\\\"key\\\":{\\\"rpm\\\":-5}}\"", 0, NULL },
	{ "UnpricedModel", "refuse", "\"free\"", "\"maybe\"", 0, NULL },
};
/* clang-format on */

/* Of the list that root gets; NULL when the option is not in it. */
static const char *listed(struct room *m, const char *key)
{
	const cJSON *row;
	struct answer a = room_as(m, "root", "GET", "/api/option", NULL);

	cJSON_ArrayForEach(row, json_at(a.tree, "data"))
	{
		if (str_eq_c(json_str_at(row, "key"), key))
			return json_at(row, "value")->valuestring;
	}
	return NULL;
}

static void check_listed(struct room *m, const struct row *o, const char *when, const char *want)
{
	const char *got = listed(m, o->key);

	if (o->flags & SECRET ? got != NULL : !got || (want && strcmp(got, want) != 0))
		fail_msg("%s, %s: got %s, want %s", o->key, when, got ? got : "nothing",
		    o->flags & SECRET ? "nothing" : want);
}

static struct answer put(struct room *m, const char *key, const char *value, bool chinese)
{
	const struct ask_headers h = { .authorization = "Bearer token-root",
		.language = chinese ? "zh" : NULL };
	char body[512];

	snprintf(body, sizeof body, "{\"key\":\"%s\",\"value\":%s}", key, value);
	return room_ask(m, "PUT", "/api/option", body, &h);
}

/* Of the three-byte forms nearly all are Chinese here; an em dash is none of our wording. */
static bool is_chinese(const char *text)
{
	for (; *text; text++) {
		if ((unsigned char)*text >= 0xe4 && (unsigned char)*text <= 0xe9)
			return true;
	}
	return false;
}

static bool says_english(const char *text)
{
	static const char *const words[] = { "must", " is ", "option", "between" };

	for (size_t i = 0; i < COUNT_OF(words); i++) {
		if (strstr(text, words[i]))
			return true;
	}
	return false;
}

static void check_refused(struct room *m, const struct row *o)
{
	const char *before = listed(m, o->key);
	char kept[512];
	struct answer a;
	const char *said;

	snprintf(kept, sizeof kept, "%s", before ? before : "");
	a = put(m, o->key, o->bad, false);
	if (a.status != 200 || !strstr(a.body, FAILURE))
		fail_msg("%s = %s: got %s, want a refusal", o->key, o->bad, a.body);
	a = put(m, o->key, o->bad, true);
	said = json_at(a.tree, "message")->valuestring;
	if (!is_chinese(said) || says_english(said))
		fail_msg("%s = %s: got %s, want Chinese", o->key, o->bad, said);
	before = listed(m, o->key);
	if (strncmp(kept, before ? before : "", sizeof kept - 1) != 0)
		fail_msg("%s: a refusal changed it to %s", o->key, before);
}

/* Its value as JSON has it, in the public answer; the snapshot is the newest. */
static void check_public(struct room *m, const struct row *o)
{
	char want[256], value[128];
	struct answer a;
	size_t n = 0;

	for (const char *p = o->good; *p && n < sizeof value - 1; p++) {
		if (strcmp(o->member, "quota_per_unit") != 0 || *p != '"')
			value[n++] = *p;
	}
	value[n] = '\0';
	room_settle(m);
	if (*o->member == '/') {
		a = room_as(m, NULL, "GET", o->member, NULL);
		snprintf(want, sizeof want, "\"data\":%s", value);
	} else {
		a = room_as(m, NULL, "GET", "/api/status", NULL);
		snprintf(want, sizeof want, "\"%s\":%s", o->member, value);
	}
	if (!strstr(a.body, want))
		fail_msg("%s: got %s, want %s", o->key, a.body, want);
}

static void check_row(struct room *m, const struct row *o)
{
	struct answer a;

	check_listed(m, o, "at first", o->first);
	if (o->bad)
		check_refused(m, o);
	a = put(m, o->key, o->good, false);
	if (!strstr(a.body, SUCCESS))
		fail_msg("%s = %s: got %s, want success", o->key, o->good, a.body);
	if (strstr(room_as(m, "root", "GET", "/api/option", NULL).body, "s3cret"))
		fail_msg("%s is listed", o->key);
	if (o->flags & PUBLIC)
		check_public(m, o);
}

static void test_rows(void **state)
{
	struct room m;

	room_open(&m);
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		check_row(&m, &rows[i]);
	room_close(&m);
}

/* A switch that needs something says what, in both languages. */
static void test_preconditions_in_chinese(void **state)
{
	static const char *const switches[][2] = {
		{ "GitHubOAuthEnabled", "GitHub 客户端 id" },
		{ "WeChatAuthEnabled", "微信服务器设置" },
		{ "TurnstileCheckEnabled", "Turnstile 站点密钥" },
		{ "OidcEnabled", "OIDC 客户端 id" },
		{ "EmailDomainRestrictionEnabled", "邮箱域名列表" },
	};
	struct room m;

	room_open(&m);
	/* Only separators: one-api counts that as one item. */
	assert_non_null(strstr(put(&m, "EmailDomainWhitelist", "\" , \"", false).body, SUCCESS));
	for (size_t i = 0; i < COUNT_OF(switches); i++) {
		struct answer a = put(&m, switches[i][0], "true", true);

		if (!strstr(a.body, FAILURE) || !strstr(a.body, switches[i][1]))
			fail_msg("%s: got %s, want %s", switches[i][0], a.body, switches[i][1]);
		a = put(&m, switches[i][0], "false", true);
		if (!strstr(a.body, SUCCESS))
			fail_msg("%s off: got %s", switches[i][0], a.body);
	}
	room_close(&m);
}

/* ---- the sentences of the library -------------------------------------------------------------- */

static void test_phrases(void **state)
{
	/* clang-format off */
	static const struct { const char *in, *want; } cases[] = {
		{ "option 'RetryTimes' must be a whole number between 0 and 20", "选项 RetryTimes 必须是 0 到 20 之间的整数" },
		{ "option 'RateLimits': 'key': rpm must be a whole number between 0 and 9", "选项 RateLimits：“key”：rpm 必须是 0 到 9 之间的整数" },
		{ "option 'Theme' must be one of default,berry,air", "选项 Theme 必须是以下之一：default,berry,air" },
		{ "'name' must be a string", "“name” 必须是字符串" },
		{ "subject must be an id", "subject 必须是 id" },
		{ "there is no time zone 'Mars/Olympus'", "没有时区 “Mars/Olympus”" },
		{ "the upstream did not answer in time", "上游响应超时" },
		{ "option 'ModelRatio': invalid JSON at byte 1: the text ends, expected a member name in quotes", "选项 ModelRatio：第 1 字节处的 JSON 格式不正确：文本到此结束，缺少带引号的成员名" },
		{ "invalid JSON at byte 7: expected ',' or '}'", "第 7 字节处的 JSON 格式不正确：缺少 “,” 或 “}”" },
		{ "nobody has ever said this", "nobody has ever said this" },
		{ "", "" },
	};
	/* clang-format on */
	struct arena *a = arena_new(4096);
	struct req *r = req_new(a);

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct str got;

		r->chinese = true;
		got = phrase_for(r, str_c(cases[i].in));
		if (!str_eq_c(got, cases[i].want))
			fail_msg("%s: got %.*s, want %s", cases[i].in, STR_ARG(got), cases[i].want);
		r->chinese = false;
		got = phrase_for(r, str_c(cases[i].in));
		if (!str_eq_c(got, cases[i].in))
			fail_msg("%s in English: got %.*s", cases[i].in, STR_ARG(got));
	}
	arena_free(a);
}

/* What other routes refuse, by the library's own words. */
static void test_refusals_in_chinese(void **state)
{
	static const struct {
		const char *name, *method, *target, *body, *want;
	} cases[] = {
		{ "limit: scope", "PUT", "/api/limit", "{\"scope\":\"moon\",\"subject\":\"1\"}",
		    "参数无效：scope 必须是" },
		{ "limit: subject", "PUT", "/api/limit", "{\"scope\":\"key\",\"subject\":\"x\"}",
		    "subject 必须是 id" },
		{ "limit: number", "PUT", "/api/limit",
		    "{\"scope\":\"key\",\"subject\":\"1\",\"rpm\":-1}", "rpm 必须在 0 到" },
		{ "limit: zone", "PUT", "/api/limit",
		    "{\"scope\":\"key\",\"subject\":\"1\",\"timezone\":\"Mars\"}", "没有时区" },
		{ "limit: type", "PUT", "/api/limit",
		    "{\"scope\":\"key\",\"subject\":\"1\",\"rpm\":\"many\"}", "“rpm” 必须是整数" },
		{ "limit: nothing there", "DELETE", "/api/limit/key/77", NULL, "没有找到该记录" },
		{ "channel: config", "POST", "/api/channel",
		    "{\"type\":1,\"name\":\"a\",\"key\":\"k\",\"models\":\"m\","
		    "\"config\":\"{\\\"key_mode\\\":\\\"dice\\\"}\"}",
		    "config.key_mode 只能是 round_robin,random" },
		{ "member of another type", "POST", "/api/token", "{\"name\":5}",
		    "“name” 必须是字符串" },
		{ "quota", "POST", "/api/topup", "{\"user_id\":3,\"quota\":999999999999999999}",
		    "超出范围" },
	};
	const struct ask_headers h = { .authorization = "Bearer token-root", .language = "zh" };
	struct room m;

	room_open(&m);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct answer a = room_ask(&m, cases[i].method, cases[i].target, cases[i].body, &h);

		if (!strstr(a.body, FAILURE) || !strstr(a.body, cases[i].want))
			fail_msg("%s: got %s, want %s", cases[i].name, a.body, cases[i].want);
	}
	room_close(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_preconditions_in_chinese),
		cmocka_unit_test(test_phrases),
		cmocka_unit_test(test_refusals_in_chinese),
	};

	return cmocka_run_group_tests_name("admin_option_values", tests, NULL, NULL);
}
