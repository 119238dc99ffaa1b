/* test_acceptance.c — what old pages and scripts count on, one test for each row of the checklist
 *
 *	row   test
 *	 1    test_row_1    signing in, by cookie, by token, by Bearer token
 *	 2    test_row_2    401 for who is nobody, 200 with success false for every other refusal
 *	 3    test_row_3    lists of ten, pages from 0, [] past the end, orders
 *	 4    test_row_4    paths with and without a slash at the end, with a query
 *	 5    test_row_5    channels: many keys at once, switches, forms, test, balance, clean-up
 *	 6    test_row_6    keys
 *	 7    test_row_7    redemption codes
 *	 8    test_row_8    logs
 *	 9    test_row_9    options
 *	10    test_row_10   the dashboard
 *	11    test_row_11   binding a third party's account
 *	12    test_row_12   billing
 *	13    test_row_13   /api/status
 *
 * Each depth has its own test elsewhere; here every row is walked once, as a page would.
 */
#include "signin_browser.h"

#include <time.h>

#define PAGES_VERSION "v0.6.10"

static struct stack_user user, admin;

static void people(struct stack *s)
{
	if (user.id)
		return;
	user = stack_user(s, &(struct stack_person){ .quota = 100000000 });
	admin = stack_user(s, &(struct stack_person){ .quota = 100000000, .role = 10 });
	stack_channel(s, &(struct stack_channel){ .models = "gpt-4o" });
}

/* The data of a reply that must be a success with an empty message. */
static const cJSON *good(const char *name, const struct stack_reply *r)
{
	check_ok(name, r, "");
	return stack_at(r->json, "data");
}

static int size_of(const cJSON *list)
{
	assert_true(cJSON_IsArray(list));
	return cJSON_GetArraySize(list);
}

static void check_refused(const char *name, const struct stack_reply *r)
{
	if (r->status != 200 || !cJSON_IsFalse(stack_at(r->json, "success")) ||
	    *stack_text(r->json, "message") == '\0')
		fail_msg("%s: want 200 and a refusal, got %d %s", name, r->status, r->body.data);
}

static void test_row_1(void **state)
{
	static const char *const members[] = { "id", "username", "display_name", "role", "status" };
	struct stack *s = *state;
	char cookie[128], lines[2][128];
	struct stack_reply *r;
	const char *token;

	people(s);
	r = stack_login(s, user.name, user.password, cookie);
	for (size_t i = 0; i < COUNT_OF(members); i++) {
		if (!cJSON_GetObjectItemCaseSensitive(good("login", r), members[i]))
			fail_msg("login: no %s in %s", members[i], r->body.data);
	}
	assert_string_equal(stack_text(r->json, "data.username"), user.name);
	assert_true(strncmp(cookie, "session=", 8) == 0);
	r = stack_http(s, &(struct stack_ask){ .path = "/api/user/self", .cookie = cookie });
	assert_string_equal(stack_text(good("by cookie", r), "username"), user.name);

	r = stack_as(s, &user, "GET", "/api/user/token", NULL);
	good("a token", r);
	token = stack_text(r->json, "data");
	assert_int_equal(strlen(token), 32);
	snprintf(lines[0], sizeof lines[0], "Authorization: %s", token);
	snprintf(lines[1], sizeof lines[1], "Authorization: Bearer %s", token);
	for (size_t i = 0; i < COUNT_OF(lines); i++) {
		const char *const headers[] = { lines[i], NULL };

		r = stack_http(s,
		    &(struct stack_ask){ .path = "/api/user/self", .headers = headers });
		assert_string_equal(stack_text(good(lines[i], r), "username"), user.name);
	}
}

static void test_row_2(void **state)
{
	static const char *const of_users[] = { "/api/user/self", "/api/token/", "/api/log/self",
		"/api/channel/", "/api/option/", "/api/user/dashboard" };
	static const char *const wrong[] = { "Authorization: 00000000000000000000000000000000",
		NULL };
	struct stack *s = *state;
	struct stack_reply *r;

	people(s);
	for (size_t i = 0; i < COUNT_OF(of_users); i++)
		check_no(of_users[i], stack_http(s, &(struct stack_ask){ .path = of_users[i] }),
		    401, A01);
	check_refused("a wrong token",
	    stack_http(s, &(struct stack_ask){ .path = "/api/user/self", .headers = wrong }));
	check_refused("too low a role", stack_as(s, &user, "GET", "/api/channel/", NULL));
	check_refused("nothing there", stack_as(s, &user, "GET", "/api/token/999999", NULL));
	check_refused("no id", stack_as(s, &user, "PUT", "/api/token/", "{}"));
	check_refused("a wrong password",
	    stack_login(s, user.name, "not the password", (char[128]){ 0 }));
	r = stack_root(s, "PUT", "/api/option/", "no JSON");
	assert_int_equal(r->status, 400);
	r = stack_as(s, &user, "GET", "/api/nothing", NULL);
	assert_int_equal(r->status, 404);
	assert_string_equal(stack_text(r->json, "error.type"), "invalid_request_error");
}

/* Values of a member never rise from row to row. */
static void check_falls(const char *name, const cJSON *list, const char *member)
{
	int64_t before = INT64_MAX;
	const cJSON *row;

	cJSON_ArrayForEach(row, list)
	{
		int64_t n = stack_int(row, member);

		if (n > before)
			fail_msg("%s: %" PRId64 " after %" PRId64, name, n, before);
		before = n;
	}
}

static void test_row_3(void **state)
{
	static const char *const user_orders[] = { "quota", "used_quota", "request_count" };
	struct stack *s = *state;
	struct stack_user many = stack_user(s, &(struct stack_person){ .quota = 1000 });
	const cJSON *list;
	char key[64];

	people(s);
	for (int i = 0; i < 11; i++) {
		char json[64];

		snprintf(json, sizeof json, "\"remain_quota\":%d", i * 7 % 11);
		stack_key(s, &many, json, key);
	}
	list = good("first page", stack_as(s, &many, "GET", "/api/token/?p=0", NULL));
	assert_int_equal(size_of(list), 10);
	check_falls("by id", list, "id");
	list = good("second", stack_as(s, &many, "GET", "/api/token/?p=1", NULL));
	assert_int_equal(size_of(list), 3); /* and the two it began with */
	list = good("past the end", stack_as(s, &many, "GET", "/api/token/?p=2", NULL));
	assert_int_equal(size_of(list), 0);
	list = good("no number", stack_as(s, &many, "GET", "/api/token/?p=x", NULL));
	assert_int_equal(size_of(list), 10);

	list = good("by what is left",
	    stack_as(s, &many, "GET", "/api/token/?p=0&order=remain_quota", NULL));
	assert_true(cJSON_IsTrue(stack_at(list, "0.unlimited_quota")));
	assert_true(cJSON_IsTrue(stack_at(list, "1.unlimited_quota")));
	assert_int_equal(stack_int(list, "2.remain_quota"), 10);
	assert_int_equal(stack_int(list, "3.remain_quota"), 9);
	list = good("by what is used",
	    stack_as(s, &many, "GET", "/api/token/?p=0&order=used_quota", NULL));
	check_falls("by what is used", list, "used_quota");
	for (size_t i = 0; i < COUNT_OF(user_orders); i++) {
		const char *path = stack_fmt("/api/user/?p=0&order=%s", user_orders[i]);

		list = good(path, stack_as(s, &admin, "GET", path, NULL));
		check_falls(path, list, user_orders[i]);
	}
	assert_int_equal(
	    size_of(good("channels", stack_as(s, &admin, "GET", "/api/channel/?p=9", NULL))), 0);
	assert_int_equal(
	    size_of(good("codes", stack_as(s, &admin, "GET", "/api/redemption/?p=9", NULL))), 0);
	assert_int_equal(size_of(good("log", stack_as(s, &admin, "GET", "/api/log/?p=9", NULL))),
	    0);
}

static void test_row_4(void **state)
{
	static const char *const paths[] = { "/api/token", "/api/token/", "/api/token?p=0",
		"/api/token/?p=0", "/api/log/self", "/api/log/self/", "/api/log/self/?p=0&type=0",
		"/api/user/self/", "/api/status/", "/api/notice/?x=1" };
	struct stack *s = *state;
	char path[64];
	int64_t id;

	people(s);
	for (size_t i = 0; i < COUNT_OF(paths); i++)
		good(paths[i], stack_as(s, &user, "GET", paths[i], NULL));
	for (int slash = 0; slash < 2; slash++) {
		char key[64];

		id = stack_key(s, &user, "\"remain_quota\":1", key);
		snprintf(path, sizeof path, "/api/token/%" PRId64 "%s", id, slash ? "/" : "");
		check_ok(path, stack_as(s, &user, "DELETE", path, NULL), "");
	}
	for (int slash = 0; slash < 2; slash++) {
		struct stack_reply *r;

		snprintf(path, sizeof path, "/api/token%s", slash ? "/" : "");
		r = stack_as(s, &user, "POST", path, "{\"name\":\"x\"}");
		check_ok(path, r, "");
		id = stack_int(r->json, "data.id");
		snprintf(path, sizeof path, "/api/token/%" PRId64, id);
		check_ok(path, stack_as(s, &user, "DELETE", path, NULL), "");
	}
}

static int64_t newest_channel_named(struct stack *s, const char *name)
{
	const cJSON *list = good("search",
	    stack_as(s, &admin, "GET", stack_fmt("/api/channel/search?keyword=%s", name), NULL));

	return stack_int(list, "0.id");
}

static void test_row_5(void **state)
{
	struct stack *s = *state;
	struct stack_reply *r;
	const cJSON *row;
	char path[96], *form;
	int64_t id;

	people(s);
	check_ok("three keys in one text",
	    stack_as(s, &admin, "POST", "/api/channel/",
	        stack_fmt("{\"type\":1,\"name\":\"trio\",\"models\":\"gpt-4o\",\"group\":"
	                  "\"default\",\"base_url\":\"%s\",\"key\":\"sk-a\\nsk-b\\nsk-c\"}",
	            s->upstream)),
	    "");
	assert_int_equal(stack_sql_int(s, "SELECT COUNT(*) FROM channels WHERE name = 'trio'"), 3);
	id = newest_channel_named(s, "trio");

	check_ok("a switch",
	    stack_as(s, &admin, "PUT", "/api/channel/",
	        stack_fmt("{\"id\":%" PRId64 ",\"status\":2}", id)),
	    "");
	check_ok("a number",
	    stack_as(s, &admin, "PUT", "/api/channel/",
	        stack_fmt("{\"id\":%" PRId64 ",\"priority\":7}", id)),
	    "");
	snprintf(path, sizeof path, "/api/channel/%" PRId64, id);
	r = stack_as(s, &admin, "GET", path, NULL);
	row = good("the form loads", r);
	assert_int_equal(stack_int(row, "status"), 2);
	assert_int_equal(stack_int(row, "priority"), 7);
	assert_string_equal(stack_text(row, "key"), "");
	assert_string_equal(stack_text(row, "models"), "gpt-4o");

	form = cJSON_PrintUnformatted(row);
	check_ok("the form is sent back", stack_as(s, &admin, "PUT", "/api/channel/", form), "");
	cJSON_free(form);
	check_ok("on again",
	    stack_as(s, &admin, "PUT", "/api/channel/",
	        stack_fmt("{\"id\":%" PRId64 ",\"status\":1}", id)),
	    "");
	snprintf(path, sizeof path, "/api/channel/test/%" PRId64 "/", id);
	r = stack_as(s, &admin, "GET", path, NULL);
	assert_true(cJSON_IsTrue(stack_at(r->json, "success")));
	assert_true(cJSON_IsNumber(stack_at(r->json, "time")));
	/* The form said nothing of the key, so it is the one of before. */
	if (!strstr(stack_text(stack_last(s), "headers.authorization"), "sk-"))
		fail_msg("the key is gone: %s", cJSON_PrintUnformatted(stack_last(s)));

	snprintf(path, sizeof path, "/api/channel/update_balance/%" PRId64 "/", id);
	r = stack_as(s, &admin, "GET", path, NULL);
	check_ok(path, r, "");
	assert_true(cJSON_IsNumber(stack_at(r->json, "balance")));
	assert_null(stack_at(r->json, "data"));

	stack_sql(s, "UPDATE channels SET status = 2 WHERE name = 'trio'");
	r = stack_as(s, &admin, "DELETE", "/api/channel/disabled/", NULL);
	assert_int_equal(stack_int(r->json, "data"), 3);
	check_ok("deleted", r, "");
}

static void test_row_6(void **state)
{
	struct stack *s = *state;
	struct stack_reply *r;
	char key[64], path[64];
	int64_t id;

	people(s);
	r = stack_as(s, &user, "POST", "/api/token/",
	    "{\"name\":\"mine\",\"remain_quota\":500,\"expired_time\":-1,\"unlimited_quota\":false,"
	    "\"models\":\"\",\"subnet\":\"\"}");
	check_ok("create", r, "");
	id = stack_int(r->json, "data.id");
	snprintf(key, sizeof key, "%s", stack_text(r->json, "data.key"));
	assert_int_equal(strlen(key), 48);
	assert_true(strncmp(key, "sk-", 3) != 0);
	assert_true(cJSON_IsString(stack_at(r->json, "data.models")));

	check_ok("status only",
	    stack_as(s, &user, "PUT", "/api/token/?status_only=true",
	        stack_fmt("{\"id\":%" PRId64 ",\"status\":2}", id)),
	    "");
	snprintf(path, sizeof path, "/api/token/%" PRId64, id);
	r = stack_as(s, &user, "GET", path, NULL);
	assert_int_equal(stack_int(good("get", r), "status"), 2);
	assert_string_equal(stack_text(r->json, "data.name"), "mine");
	assert_int_equal(stack_int(r->json, "data.remain_quota"), 500);
	assert_string_equal(stack_text(r->json, "data.key"), key);
	/* The key that every account begins with can be edited, too. */
	r = stack_as(s, &user, "GET", "/api/token/?p=0", NULL);
	for (int i = 0; i < size_of(good("list", r)); i++)
		assert_true(cJSON_IsString(stack_at(r->json, stack_fmt("data.%d.models", i))));
}

static void test_row_7(void **state)
{
	struct stack *s = *state;
	struct stack_reply *r;
	char body[128];

	people(s);
	r = stack_as(s, &admin, "POST", "/api/redemption/",
	    "{\"name\":\"gift\",\"quota\":777,\"count\":3}");
	assert_int_equal(size_of(good("create", r)), 3);
	assert_int_equal(strlen(stack_text(r->json, "data.0")), 32);
	snprintf(body, sizeof body, "{\"key\":\"%s\"}", stack_text(r->json, "data.0"));
	r = stack_as(s, &user, "POST", "/api/user/topup", body);
	good("top up", r);
	assert_int_equal(stack_int(r->json, "data"), 777);
	check_refused("twice", stack_as(s, &user, "POST", "/api/user/topup", body));
}

static void call_once(struct stack *s, const struct stack_user *u)
{
	struct stack_reply *r = stack_post(s, STACK_CHAT, u->key,
	    "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}");

	if (r->status != 200)
		fail_msg("chat: got %d %s", r->status, r->body.data);
	assert_true(stack_wait_settled(s, 5000));
}

static void test_row_8(void **state)
{
	static const char *const members[] = { "id", "user_id", "created_at", "type", "content",
		"username", "token_name", "model_name", "quota", "prompt_tokens",
		"completion_tokens", "channel", "request_id", "elapsed_time", "is_stream",
		"system_prompt_reset" };
	struct stack *s = *state;
	struct stack_reply *r;
	const cJSON *row;

	people(s);
	call_once(s, &user);
	r = stack_as(s, &admin, "GET",
	    stack_fmt("/api/log/?p=0&type=2&username=%s&token_name=&model_name=&start_timestamp=0"
	              "&end_timestamp=%lld&channel=",
	        user.name, (long long)time(NULL) + 3600),
	    NULL);
	assert_true(size_of(good("log", r)) > 0);
	row = stack_at(r->json, "data.0");
	for (size_t i = 0; i < COUNT_OF(members); i++) {
		if (!cJSON_GetObjectItemCaseSensitive(row, members[i]))
			fail_msg("no %s in %s", members[i], r->body.data);
	}
	assert_true(stack_int(row, "channel") > 0);
	r = stack_as(s, &user, "GET", "/api/log/self/?p=0&type=0", NULL);
	assert_true(stack_int(good("own", r), "0.id") > 0);
	r = stack_as(s, &user, "GET", "/api/log/self/stat?type=0", NULL);
	assert_true(stack_int(good("own sum", r), "quota") > 0);
	r = stack_as(s, &admin, "GET", stack_fmt("/api/log/stat?username=%s", user.name), NULL);
	assert_true(stack_int(good("sum", r), "quota") > 0);

	stack_sql(s, "INSERT INTO logs (user_id, created_at, type) VALUES (1, 50, 4), (1, 60, 4)");
	r = stack_as(s, &admin, "DELETE", "/api/log/?target_timestamp=60", NULL);
	good("delete", r);
	assert_int_equal(stack_int(r->json, "data"), 1);
	check_refused("without a time", stack_as(s, &admin, "DELETE", "/api/log/", NULL));
}

static void test_row_9(void **state)
{
	static const char *const tables[] = { "ModelRatio", "CompletionRatio", "GroupRatio" };
	static const char *const secrets[] = { "SMTPToken", "GitHubClientSecret",
		"LarkClientSecret", "OidcClientSecret", "WeChatServerToken", "MessagePusherToken",
		"TurnstileSecretKey" };
	struct stack *s = *state;
	struct stack_reply *r = stack_root(s, "GET", "/api/option/", NULL);
	size_t parsed = 0;
	const cJSON *row;

	assert_true(size_of(good("options", r)) >= 51 - (int)COUNT_OF(secrets));
	cJSON_ArrayForEach(row, stack_at(r->json, "data"))
	{
		const char *key = stack_text(row, "key");

		if (!cJSON_IsString(stack_at(row, "value")))
			fail_msg("%s is no text", key);
		for (size_t i = 0; i < COUNT_OF(secrets); i++) {
			if (strcmp(key, secrets[i]) == 0)
				fail_msg("%s is listed", key);
		}
		for (size_t i = 0; i < COUNT_OF(tables); i++) {
			cJSON *tree;

			if (strcmp(key, tables[i]) != 0)
				continue;
			tree = cJSON_Parse(stack_text(row, "value"));
			if (!cJSON_IsObject(tree))
				fail_msg("%s: got %s", key, stack_text(row, "value"));
			cJSON_Delete(tree);
			parsed++;
		}
	}
	assert_int_equal(parsed, COUNT_OF(tables));
	assert_non_null(strstr(r->body.data, "\"EmailDomainWhitelist\""));
}

static void test_row_10(void **state)
{
	static const char *const numbers[] = { "RequestCount", "Quota", "PromptTokens",
		"CompletionTokens" };
	struct stack *s = *state;
	struct stack_reply *r;
	char today[16];
	time_t now;
	struct tm tm;

	people(s);
	call_once(s, &user);
	now = time(NULL);
	r = stack_as(s, &user, "GET", "/api/user/dashboard", NULL);
	assert_true(size_of(good("dashboard", r)) > 0);
	gmtime_r(&now, &tm);
	strftime(today, sizeof today, "%Y-%m-%d", &tm);
	assert_string_equal(stack_text(r->json, "data.0.Day"), today);
	assert_string_equal(stack_text(r->json, "data.0.ModelName"), "gpt-4o");
	for (size_t i = 0; i < COUNT_OF(numbers); i++) {
		if (stack_int(r->json, stack_fmt("data.0.%s", numbers[i])) <= 0)
			fail_msg("%s: got %s", numbers[i], r->body.data);
	}
}

static void test_row_11(void **state)
{
	struct stack *s = *state;
	struct browser b = { 0 };

	people(s);
	set_up(s);
	snprintf(b.session, sizeof b.session, "%s", user.cookie);
	check_no("another state", ask(s, &b, "GET", "/api/oauth/github?code=1&state=made-up", NULL),
	    403, A07);
	check_no("no state", ask(s, &b, "GET", "/api/oauth/github?code=1", NULL), 403, A07);
	check_ok("bind", sign_in(s, &b, "github", "\"id\":4711,\"login\":\"row-eleven\""), "bind");
	assert_int_equal(stack_sql_int(s, "SELECT COUNT(*) FROM users WHERE github_id <> ''"), 1);
}

static void test_row_12(void **state)
{
	static const char *const prefixes[] = { "", "/v1" };
	struct stack *s = *state;
	struct stack_user payer = stack_user(s, &(struct stack_person){ .quota = 1000000 });
	char key[64];

	stack_key(s, &payer, "\"remain_quota\":250000", key);
	for (size_t i = 0; i < COUNT_OF(prefixes); i++) {
		struct stack_reply *r = stack_http(s,
		    &(struct stack_ask){
		        .path = stack_fmt("%s/dashboard/billing/subscription", prefixes[i]),
		        .key = key });

		assert_int_equal(r->status, 200);
		assert_string_equal(stack_text(r->json, "object"), "billing_subscription");
		/* 250,000 quota at 500,000 to a dollar */
		assert_true(stack_at(r->json, "hard_limit_usd")->valuedouble == 0.5);
		assert_true(stack_at(r->json, "soft_limit_usd")->valuedouble == 0.5);
		r = stack_http(s,
		    &(struct stack_ask){ .path =
		                             stack_fmt("%s/dashboard/billing/usage", prefixes[i]),
		        .key = key });
		assert_int_equal(r->status, 200);
		assert_string_equal(stack_text(r->json, "object"), "list");
		assert_true(stack_at(r->json, "total_usage")->valuedouble == 0);
	}
}

static void test_row_13(void **state)
{
	static const struct {
		const char *name;
		int type;
	} members[] = {
		{ "version", cJSON_String },
		{ "start_time", cJSON_Number },
		{ "email_verification", cJSON_True | cJSON_False },
		{ "github_oauth", cJSON_True | cJSON_False },
		{ "wechat_login", cJSON_True | cJSON_False },
		{ "turnstile_check", cJSON_True | cJSON_False },
		{ "oidc", cJSON_True | cJSON_False },
		{ "display_in_currency", cJSON_True | cJSON_False },
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
	};
	struct stack *s = *state;
	struct stack_reply *r = stack_http(s, &(struct stack_ask){ .path = "/api/status" });
	const cJSON *data = good("status", r);

	for (size_t i = 0; i < COUNT_OF(members); i++) {
		const cJSON *item = cJSON_GetObjectItemCaseSensitive(data, members[i].name);

		if (!item || !(item->type & members[i].type))
			fail_msg("%s: got %s", members[i].name, r->body.data);
	}
	/* What a container's health check looks for. */
	assert_non_null(strstr(r->body.data, "\"success\":true"));
	/* Old pages nag unless it is theirs. */
	assert_string_equal(stack_text(data, "version"), PAGES_VERSION);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_row_1),
		cmocka_unit_test(test_row_2),
		cmocka_unit_test(test_row_3),
		cmocka_unit_test(test_row_4),
		cmocka_unit_test(test_row_5),
		cmocka_unit_test(test_row_6),
		cmocka_unit_test(test_row_7),
		cmocka_unit_test(test_row_8),
		cmocka_unit_test(test_row_9),
		cmocka_unit_test(test_row_10),
		cmocka_unit_test(test_row_11),
		cmocka_unit_test(test_row_12),
		cmocka_unit_test(test_row_13),
	};
	int failed = stack_run("acceptance", tests, COUNT_OF(tests),
	    signin_open("UI_VERSION=" PAGES_VERSION));

	site_stop();
	return failed;
}
