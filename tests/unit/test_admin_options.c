/* test_admin_options.c — /api/option, /api/status and the site's texts */
#include "admin_room.h"

#define PUT(key, value) "{\"key\":\"" key "\",\"value\":\"" value "\"}"

static void test_save(void **state)
{
	static const struct step steps[] = {
		{ "save", "root", "PUT", "/api/option", PUT("SystemName", "Haus"), 200,
		    "{\"success\":true,\"message\":\"\"}", NULL },
		{ "listed at once", "root", "GET", "/api/option", NULL, 200,
		    "{\"key\":\"SystemName\",\"value\":\"Haus\"}", NULL },
		{ "a boolean is taken", "root", "PUT", "/api/option",
		    "{\"key\":\"RegisterEnabled\",\"value\":false}", 200, SUCCESS, NULL },
		{ "as text", "root", "GET", "/api/option", NULL, 200,
		    "{\"key\":\"RegisterEnabled\",\"value\":\"false\"}", NULL },
		{ "a number is taken", "root", "PUT", "/api/option",
		    "{\"key\":\"RetryTimes\",\"value\":3}", 200, SUCCESS, NULL },
		{ "as text", "root", "GET", "/api/option", NULL, 200,
		    "{\"key\":\"RetryTimes\",\"value\":\"3\"}", NULL },
		{ "names without case, the last counts", "root", "PUT", "/api/option",
		    "{\"Key\":\"RetryTimes\",\"VALUE\":\"1\",\"value\":\"3\"}", 200, SUCCESS,
		    NULL },
		{ "the last", "root", "GET", "/api/option", NULL, 200,
		    "{\"key\":\"RetryTimes\",\"value\":\"3\"}", NULL },
		{ "empty groups", "root", "PUT", "/api/option", PUT("GroupRatio", ""), 200, SUCCESS,
		    NULL },
		{ "are the built-in ones", "root", "GET", "/api/option", NULL, 200,
		    "{\"key\":\"GroupRatio\",\"value\":\"{\\\"default\\\":1,", NULL },
		{ "empty prices", "root", "PUT", "/api/option", PUT("ModelRatio", ""), 200, SUCCESS,
		    NULL },
		{ "still a table that pages can parse", "root", "GET", "/api/option", NULL, 200,
		    "{\"key\":\"ModelRatio\",\"value\":\"{\\\"", NULL },
		{ "undecodable is 400", "root", "PUT", "/api/option", "key=x", 400,
		    "\"message\":\"Invalid parameter\"", NULL },
		{ "value of another type is 400", "root", "PUT", "/api/option",
		    "{\"key\":\"SystemName\",\"value\":[]}", 400, FAILURE, NULL },
		{ "unknown key", "root", "PUT", "/api/option", PUT("SytemName", "x"), 200,
		    "SytemName", NULL },
		{ "bad number", "root", "PUT", "/api/option", PUT("RetryTimes", "many"), 200,
		    "RetryTimes", NULL },
		{ "kept", "root", "GET", "/api/option", NULL, 200,
		    "{\"key\":\"RetryTimes\",\"value\":\"3\"}", NULL },
		{ "unit 0", "root", "PUT", "/api/option", PUT("QuotaPerUnit", "0"), 200, FAILURE,
		    NULL },
		{ "bad ratios", "root", "PUT", "/api/option", PUT("ModelRatio", "{"), 200, FAILURE,
		    NULL },
		{ "negative ratio", "root", "PUT", "/api/option",
		    PUT("ModelRatio", "{\\\"m\\\":-1}"), 200, FAILURE, NULL },
		{ "good ratios", "root", "PUT", "/api/option", PUT("GroupRatio", "{\\\"a\\\":2}"),
		    200, SUCCESS, NULL },
		{ "theme", "root", "PUT", "/api/option", PUT("Theme", "rose"), 200, "Unknown theme",
		    NULL },
		{ "audit row without the value", "root", "GET", "/api/log?type=3", NULL, 200,
		    "changed option SystemName", "Haus" },
		{ "not for admins", "boss", "PUT", "/api/option", PUT("SystemName", "x"), 200,
		    "Insufficient permission", NULL },
	};
	struct room m;

	room_open(&m);
	room_walk(&m, steps, COUNT_OF(steps));
	room_settle(&m);
	assert_non_null(strstr(room_as(&m, "boss", "GET", "/api/group", NULL).body,
	    "\"data\":[\"a\",\"default\"]"));
	room_close(&m);
}

static void test_preconditions(void **state)
{
	static const struct step steps[] = {
		{ "GitHub", "root", "PUT", "/api/option", PUT("GitHubOAuthEnabled", "true"), 200,
		    "GitHub client id first", NULL },
		{ "GitHub off needs nothing", "root", "PUT", "/api/option",
		    PUT("GitHubOAuthEnabled", "false"), 200, SUCCESS, NULL },
		{ "GitHub id", "root", "PUT", "/api/option", PUT("GitHubClientId", "id"), 200,
		    SUCCESS, NULL },
		{ "GitHub on", "root", "PUT", "/api/option", PUT("GitHubOAuthEnabled", "true"), 200,
		    SUCCESS, NULL },
		{ "domains by default", "root", "PUT", "/api/option",
		    PUT("EmailDomainRestrictionEnabled", "true"), 200, SUCCESS, NULL },
		{ "domains emptied", "root", "PUT", "/api/option", PUT("EmailDomainWhitelist", ""),
		    200, SUCCESS, NULL },
		{ "no domains", "root", "PUT", "/api/option",
		    PUT("EmailDomainRestrictionEnabled", "true"), 200, "list of mail domains first",
		    NULL },
		{ "WeChat", "root", "PUT", "/api/option", PUT("WeChatAuthEnabled", "true"), 200,
		    "WeChat server settings first", NULL },
		{ "Turnstile", "root", "PUT", "/api/option", PUT("TurnstileCheckEnabled", "true"),
		    200, "Turnstile site key first", NULL },
		{ "OIDC", "root", "PUT", "/api/option", PUT("OidcEnabled", "true"), 200, "OIDC",
		    NULL },
		{ "OIDC id alone", "root", "PUT", "/api/option", PUT("OidcClientId", "c"), 200,
		    SUCCESS, NULL },
		{ "is not enough", "root", "PUT", "/api/option", PUT("OidcEnabled", "true"), 200,
		    FAILURE, NULL },
	};

	room_try(steps, COUNT_OF(steps));
}

static void test_secrets(void **state)
{
	static const char *const hidden[] = { "SMTPToken", "GitHubClientSecret", "LarkClientSecret",
		"OidcClientSecret", "WeChatServerToken", "MessagePusherToken",
		"TurnstileSecretKey" };
	struct answer a;
	struct room m;

	room_open(&m);
	for (size_t i = 0; i < COUNT_OF(hidden); i++) {
		char body[128];

		snprintf(body, sizeof body, "{\"key\":\"%s\",\"value\":\"hush-hush\"}", hidden[i]);
		a = room_as(&m, "root", "PUT", "/api/option", body);
		if (!strstr(a.body, SUCCESS))
			fail_msg("%s: %s", hidden[i], a.body);
	}
	a = room_as(&m, "root", "GET", "/api/option", NULL);
	assert_null(strstr(a.body, "hush-hush"));
	for (size_t i = 0; i < COUNT_OF(hidden); i++) {
		if (strstr(a.body, hidden[i]))
			fail_msg("%s is listed", hidden[i]);
	}
	room_close(&m);
}

/* The settings page parses these with a strict parser as soon as it opens. */
static void test_list(void **state)
{
	static const char *const tables[] = { "ModelRatio", "CompletionRatio", "GroupRatio" };
	const cJSON *row;
	struct answer a;
	struct room m;
	size_t found = 0;

	room_open(&m);
	a = room_as(&m, "root", "GET", "/api/option", NULL);
	cJSON_ArrayForEach(row, json_at(a.tree, "data"))
	{
		if (!cJSON_IsString(json_at(row, "value")))
			fail_msg("%.*s: not text", STR_ARG(json_str_at(row, "key")));
		for (size_t i = 0; i < COUNT_OF(tables); i++) {
			struct err err = { 0 };
			cJSON *tree = NULL;

			if (!str_eq_c(json_str_at(row, "key"), tables[i]))
				continue;
			found++;
			if (!json_parse(room_arena, json_str_at(row, "value"), &tree, &err) ||
			    cJSON_GetArraySize(tree) < 1)
				fail_msg("%s: %.*s", tables[i], STR_ARG(json_str_at(row, "value")));
		}
	}
	assert_int_equal(found, 3);
	assert_non_null(strstr(a.body, "EmailDomainWhitelist"));
	assert_non_null(
	    strstr(a.body, "{\"key\":\"ServerAddress\",\"value\":\"http://localhost:3000\"}"));
	room_close(&m);
}

static void test_status(void **state)
{
	static const struct {
		const char *name;
		int kind; /* of cJSON */
	} members[] = {
		{ "version", cJSON_String },
		{ "start_time", cJSON_Number },
		{ "email_verification", cJSON_False },
		{ "github_oauth", cJSON_False },
		{ "wechat_login", cJSON_False },
		{ "turnstile_check", cJSON_False },
		{ "oidc", cJSON_False },
		{ "display_in_currency", cJSON_True },
		{ "github_client_id", cJSON_String },
		{ "lark_client_id", cJSON_String },
		{ "oidc_client_id", cJSON_String },
		{ "oidc_well_known", cJSON_String },
		{ "oidc_authorization_endpoint", cJSON_String },
		{ "oidc_token_endpoint", cJSON_String },
		{ "oidc_userinfo_endpoint", cJSON_String },
		{ "system_name", cJSON_String },
		{ "logo", cJSON_String },
		{ "footer_html", cJSON_String },
		{ "wechat_qrcode", cJSON_String },
		{ "server_address", cJSON_String },
		{ "turnstile_site_key", cJSON_String },
		{ "top_up_link", cJSON_String },
		{ "chat_link", cJSON_String },
		{ "quota_per_unit", cJSON_Number },
		{ "capabilities", cJSON_Array },
		/* ours */
		{ "turnstile_login", cJSON_False },
		{ "password_login", cJSON_True },
		{ "register", cJSON_True },
		{ "theme", cJSON_String },
		{ "chat_apps", cJSON_String },
	};
	struct answer a;
	struct room m;

	room_open(&m);
	a = room_as(&m, NULL, "GET", "/api/status", NULL);
	assert_non_null(strstr(a.body, "\"success\":true"));
	for (size_t i = 0; i < COUNT_OF(members); i++) {
		const cJSON *item = cJSON_GetObjectItem(json_at(a.tree, "data"), members[i].name);

		if (!item || item->type != members[i].kind)
			fail_msg("%s: absent or of another type in %s", members[i].name, a.body);
	}
	assert_int_equal(cJSON_GetArraySize(json_at(a.tree, "data")), COUNT_OF(members));
	assert_int_equal(json_int_at(a.tree, "data.quota_per_unit", -1), 500000);
	assert_int_equal(json_int_at(a.tree, "data.start_time", -1), 1700000000);
	assert_true(str_eq_c(json_str_at(a.tree, "data.system_name"), "One API"));
	room_close(&m);
}

static void test_texts(void **state)
{
	static const struct step before[] = {
		{ "notice", NULL, "GET", "/api/notice", NULL, 200, "\"data\":\"\"", NULL },
		{ "about", NULL, "GET", "/api/about", NULL, 200, "\"data\":\"\"", NULL },
		{ "home page", NULL, "GET", "/api/home_page_content", NULL, 200, "\"data\":\"\"",
		    NULL },
		{ "save", "root", "PUT", "/api/option", PUT("Notice", "<b>hello</b>"), 200, SUCCESS,
		    NULL },
		{ "save", "root", "PUT", "/api/option", PUT("About", "who"), 200, SUCCESS, NULL },
		{ "save", "root", "PUT", "/api/option", PUT("HomePageContent", "home"), 200,
		    SUCCESS, NULL },
	};
	static const struct step after[] = {
		{ "notice", NULL, "GET", "/api/notice", NULL, 200, "\"data\":\"<b>hello</b>\"",
		    NULL },
		{ "about", NULL, "GET", "/api/about", NULL, 200, "\"data\":\"who\"", NULL },
		{ "home page", NULL, "GET", "/api/home_page_content", NULL, 200,
		    "\"data\":\"home\"", NULL },
	};
	struct room m;

	room_open(&m);
	room_walk(&m, before, COUNT_OF(before));
	room_settle(&m);
	room_walk(&m, after, COUNT_OF(after));
	room_close(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_save),
		cmocka_unit_test(test_preconditions),
		cmocka_unit_test(test_secrets),
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_texts),
	};

	return cmocka_run_group_tests_name("admin options", tests, NULL, NULL);
}
