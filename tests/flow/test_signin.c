/* test_signin.c — accounts of people who sign in with GitHub, Lark, OpenID Connect and WeChat: made,
 * found, bound, unbound, refused
 */
#include "base/totp.h"
#include "signin_browser.h"

static void test_settings(void **state)
{
	struct stack *s = *state;
	struct browser b = { 0 };

	check_no("before it is switched on", sign_in_plain(s, &b, "github", "\"id\":1"), 200, O01);
	check_no("Lark too", sign_in_plain(s, &b, "lark", "\"open_id\":\"ou\""), 200, O01);
	check_no("no URL either", ask(s, &b, "GET", "/api/oauth/state?provider=oidc", NULL), 200,
	    O01);
	check_no("WeChat", ask(s, &b, "GET", "/api/oauth/wechat?code=1", NULL), 200, O01);
	assert_int_equal(site.calls, 0);
	set_up(s);
}

/* 1.6, 5.1: single use, ten minutes, this browser, this provider. */
static void test_state(void **state)
{
	struct stack *s = *state;
	struct browser b = { 0 }, other = { 0 };
	char first[64], text[64];
	int calls = site.calls;
	struct stack_reply *r;

	r = ask(s, &b, "GET", "/api/oauth/state", NULL);
	assert_int_equal(strlen(stack_text(r->json, "data")), 32);
	assert_non_null(strstr(stack_header(r, "Set-Cookie"), "; HttpOnly; SameSite=Lax"));
	snprintf(first, sizeof first, "%s", stack_text(r->json, "data"));
	plain_state(s, &other);
	assert_string_not_equal(b.oauth, other.oauth);

	check_no("no state", ask(s, &b, "GET", "/api/oauth/github?code=1", NULL), 403, A07);
	check_no("made up",
	    ask(s, &b, "GET", path_of("github", "1", "00000000000000000000000000000000"), NULL),
	    403, A07);
	check_no("another browser's", ask(s, &other, "GET", path_of("github", "1", first), NULL),
	    403, A07);
	check_no("right, but no code", ask(s, &b, "GET", path_of("github", "", first), NULL), 200,
	    O02);
	check_no("used", ask(s, &b, "GET", path_of("github", "1", first), NULL), 403, A07);

	site_authorize(s, &b, "lark", "", text);
	check_no("another provider's", ask(s, &b, "GET", path_of("github", "1", text), NULL), 403,
	    A07);
	snprintf(text, sizeof text, "%s", plain_state(s, &b));
	stack_sql(s, "UPDATE codes SET expires_at = 1 WHERE purpose = 'oauth'");
	check_no("too old", ask(s, &b, "GET", path_of("github", "1", text), NULL), 403, A07);
	assert_int_equal(number(s, "SELECT count(*) FROM codes WHERE subject LIKE '%s%%'", text),
	    0);
	check_no("unknown provider", ask(s, &b, "GET", "/api/oauth/state?provider=gitlab", NULL),
	    200, "Invalid parameter: provider");
	assert_int_equal(site.calls, calls);

	r = stack_http(s,
	    &(struct stack_ask){ .path = path_of("github", "1", text),
	        .headers = (const char *const[]){ "Sec-Fetch-Site: cross-site", NULL } });
	check_no("another site's page", r, 200, A08);
}

/* A new account, and the same account again; both with PKCE and as old pages do it. */
static void test_sign_up_and_in(void **state)
{
	static const struct {
		const char *provider, *person, *again, *username, *display, *email, *column,
		    *stored;
	} cases[] = {
		{ "github",
		    "\"id\":583231,\"login\":\"octocat\",\"name\":\"The "
		    "Octocat\",\"email\":\"o@example.org\"",
		    "\"id\":583231,\"login\":\"renamed\",\"name\":null,\"email\":null", "github_",
		    "The Octocat", "o@example.org", "github_id", "id:583231" },
		{ "lark", "\"open_id\":\"ou_caecc734\",\"name\":\"王小明\"",
		    "\"open_id\":\"ou_caecc734\"", "lark_", "王小明", "", "lark_id",
		    "ou_caecc734" },
		{ "oidc",
		    "\"sub\":\"248289761001\",\"preferred_username\":\"j.doe\",\"email\":\"j@"
		    "example.org\","
		    "\"email_verified\":true",
		    "\"sub\":\"248289761001\"", "j.doe", "OIDC User", "j@example.org", "oidc_id",
		    "/id 248289761001" },
	};
	struct stack *s = *state;

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct browser b = { 0 }, c = { 0 };
		int64_t before = users(s), id;
		char wanted[64];
		struct stack_reply *r = sign_in(s, &b, cases[i].provider, cases[i].person);

		site_check(cases[i].provider);
		check_ok(cases[i].provider, r, "");
		id = stack_int(r->json, "data.id");
		snprintf(wanted, sizeof wanted, "%s", cases[i].username);
		if (wanted[strlen(wanted) - 1] == '_')
			snprintf(wanted + strlen(wanted), 20, "%" PRId64, id);
		assert_string_equal(stack_text(r->json, "data.username"), wanted);
		assert_string_equal(stack_text(r->json, "data.display_name"), cases[i].display);
		assert_int_equal(stack_int(r->json, "data.role"), 1);
		assert_int_equal(users(s), before + 1);
		assert_int_equal(
		    number(s,
		        "SELECT count(*) FROM users WHERE id = %" PRId64
		        " AND quota = 777 AND email = '%s' AND inviter_id = 0 AND password = ''"
		        " AND %s LIKE '%%%s'",
		        id, cases[i].email, cases[i].column, cases[i].stored),
		    1);
		assert_int_equal(
		    number(s, "SELECT count(*) FROM tokens WHERE user_id = %" PRId64, id), 1);
		self_is(s, &b, id);

		r = sign_in_plain(s, &c, cases[i].provider, cases[i].again);
		site_check(cases[i].provider);
		check_ok(cases[i].provider, r, "");
		assert_int_equal(stack_int(r->json, "data.id"), id);
		assert_int_equal(users(s), before + 1);
		self_is(s, &c, id);
		assert_string_not_equal(b.session, c.session);
	}
}

static void test_wechat(void **state)
{
	struct stack *s = *state;
	struct browser b = { 0 };
	char path[256];
	struct stack_reply *r;
	int64_t id;

	check_no("unknown code", ask(s, &b, "GET", "/api/oauth/wechat?code=nope", NULL), 200,
	    "the code has gone");
	check_no("no code", ask(s, &b, "GET", "/api/oauth/wechat", NULL), 200, O02);
	snprintf(path, sizeof path, "/api/oauth/wechat?code=%s",
	    encoded(site_code("\"data\":\"\"", "", "")));
	check_no("no id", ask(s, &b, "GET", path, NULL), 200, O06);
	snprintf(path, sizeof path, "/api/oauth/wechat?code=%s",
	    encoded(site_code("\"data\":\"wx-1\"", "", "")));
	r = ask(s, &b, "GET", path, NULL);
	check_ok("sign-up", r, "");
	id = stack_int(r->json, "data.id");
	assert_int_equal(number(s, "SELECT id FROM users WHERE wechat_id = 'wx-1'"), id);
	self_is(s, &b, id);
	snprintf(path, sizeof path, "/api/oauth/wechat?code=%s",
	    encoded(site_code("\"data\":\"wx-1\"", "", "")));
	r = ask(s, &(struct browser){ 0 }, "GET", path, NULL);
	assert_int_equal(stack_int(r->json, "data.id"), id);
	site_check("wechat");

	site.trouble = TROUBLE_REDIRECT;
	check_no("a redirect", ask(s, &b, "GET", "/api/oauth/wechat?code=1", NULL), 200, O03);
	assert_int_equal(site.redirected, 0);
	site.trouble = TROUBLE_NONE;
	set_option(s, "WeChatServerToken", "another-token");
	check_no("the bridge tells our secret", ask(s, &b, "GET", "/api/oauth/wechat?code=1", NULL),
	    200, O06);
	buf_clear(&site.faults);
	set_option(s, "WeChatServerToken", WX_TOKEN);
}

/* 5: with a session the account is bound; the word is compared literally by pages. */
static void test_binding(void **state)
{
	static const struct {
		const char *provider, *person, *column;
	} cases[] = {
		{ "github", "\"id\":77,\"login\":\"bind-me\"", "github_id" },
		{ "lark", "\"open_id\":\"ou_bind\"", "lark_id" },
		{ "oidc", "\"sub\":\"bind\"", "oidc_id" },
		{ "wechat", "\"data\":\"wx-bind\"", "wechat_id" },
	};
	struct stack *s = *state;
	struct stack_user u = stack_user(s, &(struct stack_person){ .quota = 1000 });
	struct stack_user v = stack_user(s, &(struct stack_person){ .quota = 1000 });

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		bool wechat = strcmp(cases[i].provider, "wechat") == 0;
		struct browser b = { 0 }, other = { 0 };
		int64_t before = users(s);
		struct stack_reply *r;
		char path[256];

		snprintf(b.session, sizeof b.session, "%s", u.cookie);
		snprintf(other.session, sizeof other.session, "%s", v.cookie);
		for (int turn = 0; turn < 2; turn++) {
			struct browser *who = turn == 0 ? &b : &other;

			snprintf(path, sizeof path, "/api/oauth/wechat/bind?code=%s",
			    encoded(wechat ? site_code(cases[i].person, "", "") : ""));
			r = wechat ? ask(s, who, "GET", path, NULL)
			           : sign_in(s, who, cases[i].provider, cases[i].person);
			site_check(cases[i].provider);
			if (turn == 0)
				check_ok(cases[i].provider, r, wechat ? "" : "bind");
			else
				check_no(cases[i].provider, r, 200, O05);
			assert_null(stack_at(r->json, "data"));
		}
		assert_int_equal(users(s), before);
		assert_int_equal(number(s,
		                     "SELECT count(*) FROM users WHERE %s <> '' AND id = %" PRId64
		                     " AND quota = 1000",
		                     cases[i].column, u.id),
		    1);
		assert_int_equal(number(s,
		                     "SELECT count(*) FROM users WHERE %s <> '' AND id = %" PRId64,
		                     cases[i].column, v.id),
		    0);

		snprintf(path, sizeof path, "/api/oauth/%s/bind", cases[i].provider);
		check_no("guest", ask(s, &(struct browser){ 0 }, "DELETE", path, NULL), 401, A01);
		check_ok("unbind", ask(s, &b, "DELETE", path, NULL), "");
		check_ok("again", ask(s, &b, "DELETE", path, NULL), "");
		assert_int_equal(number(s,
		                     "SELECT count(*) FROM users WHERE %s <> '' AND id = %" PRId64,
		                     cases[i].column, u.id),
		    0);
	}
}

/* A state is for who was signed in when it was made: nobody is signed in, or bound, by surprise. */
static void test_state_of_another_account(void **state)
{
	struct stack *s = *state;
	struct stack_user u = stack_user(s, &(struct stack_person){ .quota = 0 });
	struct browser b = { 0 };
	const char *code;
	char text[64];

	code = site_authorize(s, &b, "github", "\"id\":88,\"login\":\"x\"", text);
	snprintf(b.session, sizeof b.session, "%s", u.cookie);
	check_no("made by a guest", ask(s, &b, "GET", path_of("github", code, text), NULL), 403,
	    A07);
	code = site_authorize(s, &b, "github", "\"id\":88,\"login\":\"x\"", text);
	b.session[0] = '\0';
	check_no("made by a user", ask(s, &b, "GET", path_of("github", code, text), NULL), 403,
	    A07);
	assert_int_equal(number(s, "SELECT count(*) FROM users WHERE github_id = 'id:88'"), 0);
}

static void test_last_way_in(void **state)
{
	struct stack *s = *state;
	struct browser b = { 0 };

	check_ok("sign-up", sign_in(s, &b, "lark", "\"open_id\":\"ou_only\""), "");
	check_no("the only one", ask(s, &b, "DELETE", "/api/oauth/lark/bind", NULL), 200, O07);
	check_ok("another", sign_in(s, &b, "github", "\"id\":99,\"login\":\"only\""), "bind");
	check_ok("one of two", ask(s, &b, "DELETE", "/api/oauth/lark/bind", NULL), "");
	check_no("the last", ask(s, &b, "DELETE", "/api/oauth/github/bind", NULL), 200, O07);
}

/* 5.2, 5.4: rows of an old database are found once by what they hold, then hold what we store. */
static void test_old_rows(void **state)
{
	struct stack *s = *state;
	struct stack_user g = stack_user(s, &(struct stack_person){ .quota = 0 });
	struct stack_user o = stack_user(s, &(struct stack_person){ .quota = 0 });
	struct stack_user d = stack_user(s, &(struct stack_person){ .quota = 0 });
	struct browser b = { 0 };
	char sql[256];

	snprintf(sql, sizeof sql, "UPDATE users SET github_id = 'old-login' WHERE id = %" PRId64,
	    g.id);
	stack_sql(s, sql);
	snprintf(sql, sizeof sql, "UPDATE users SET oidc_id = 'old-sub' WHERE id = %" PRId64, o.id);
	stack_sql(s, sql);
	assert_int_equal(
	    stack_int(sign_in(s, &b, "github", "\"id\":1001,\"login\":\"old-login\"")->json,
	        "data.id"),
	    g.id);
	assert_int_equal(number(s, "SELECT id FROM users WHERE github_id = 'id:1001'"), g.id);
	b = (struct browser){ 0 };
	assert_int_not_equal(
	    stack_int(sign_in(s, &b, "github", "\"id\":1002,\"login\":\"old-login\"")->json,
	        "data.id"),
	    g.id);
	b = (struct browser){ 0 };
	assert_int_equal(stack_int(sign_in(s, &b, "oidc", "\"sub\":\"old-sub\"")->json, "data.id"),
	    o.id);
	assert_int_equal(
	    number(s, "SELECT id FROM users WHERE oidc_id = 'iss:%s/id old-sub'", site.base), o.id);
	/* a subject that spells what is stored of somebody else */
	b = (struct browser){ 0 };
	snprintf(sql, sizeof sql, "\"sub\":\"iss:%s/id_old-sub\"", site.base);
	assert_int_not_equal(stack_int(sign_in(s, &b, "oidc", sql)->json, "data.id"), o.id);

	snprintf(sql, sizeof sql,
	    "UPDATE users SET lark_id = 'double' WHERE id IN (%" PRId64 ",%" PRId64 ")", o.id,
	    d.id);
	stack_sql(s, sql);
	b = (struct browser){ 0 };
	check_no("two have it", sign_in(s, &b, "lark", "\"open_id\":\"double\""), 200, O05);
	site_check("old rows");
}

static void test_who_may_not(void **state)
{
	struct stack *s = *state;
	struct browser b = { 0 }, c = { 0 }, d = { 0 };
	struct stack_reply *r = sign_in(s, &b, "github", "\"id\":2001,\"login\":\"bad\"");
	int64_t id = stack_int(r->json, "data.id"), before;

	stack_api(s, "POST", "/api/user/manage", "{\"username\":\"%s\",\"action\":\"disable\"}",
	    stack_text(r->json, "data.username"));
	check_no("disabled", sign_in(s, &c, "github", "\"id\":2001,\"login\":\"bad\""), 200, A03);
	assert_string_equal(c.session, "");

	set_option(s, "RegisterEnabled", "false");
	before = users(s);
	check_no("closed", sign_in(s, &d, "github", "\"id\":2002,\"login\":\"new\""), 200, U04);
	check_no("closed", sign_in(s, &d, "lark", "\"open_id\":\"ou_new\""), 200, U04);
	check_no("closed", sign_in(s, &d, "oidc", "\"sub\":\"new\""), 200, U04);
	assert_int_equal(users(s), before);
	assert_string_equal(d.session, "");
	check_ok("who is known may",
	    sign_in(s, &d, "github", "\"id\":583231,\"login\":\"octocat\""), "");
	set_option(s, "RegisterEnabled", "true");

	/* who was deleted is somebody new */
	r = stack_root(s, "POST", "/api/user/manage",
	    stack_fmt("{\"username\":\"github_%d\",\"action\":\"delete\"}", (int)id));
	check_ok("deleted", r, "");
	c = (struct browser){ 0 };
	r = sign_in(s, &c, "github", "\"id\":2001,\"login\":\"bad\"");
	check_ok("again", r, "");
	assert_int_not_equal(stack_int(r->json, "data.id"), id);
}

static void test_names(void **state)
{
	static const struct {
		const char *name, *person, *username, *display, *email;
	} cases[] = {
		{ "taken by root, in another case",
		    "\"sub\":\"n1\",\"preferred_username\":\"ROOT\"", "oidc_", "OIDC User", "" },
		{ "too long", "\"sub\":\"n2\",\"preferred_username\":\"thirteen-long\"", "oidc_",
		    "OIDC User", "" },
		{ "with a line end",
		    "\"sub\":\"n3\",\"preferred_username\":\"a\\nb\",\"name\":\"A\\nB\"", "oidc_",
		    "AB", "" },
		{ "display name of 21",
		    "\"sub\":\"n4\",\"name\":\"\u4e00\u4e01\u4e02\u4e03456789012345678901\"",
		    "oidc_", "\u4e00\u4e01\u4e02\u4e034567890123456789", "" },
		{ "not verified",
		    "\"sub\":\"n5\",\"email\":\"n5@example.org\",\"email_verified\":false", "oidc_",
		    "OIDC User", "" },
		{ "nothing said", "\"sub\":\"n6\",\"email\":\"n6@example.org\"", "oidc_",
		    "OIDC User", "" },
		{ "said as text",
		    "\"sub\":\"n7\",\"email\":\"n7@example.org\",\"email_verified\":\"true\"",
		    "oidc_", "OIDC User", "n7@example.org" },
		{ "another's address",
		    "\"sub\":\"n8\",\"email\":\"N7@example.org\",\"email_verified\":true", "oidc_",
		    "OIDC User", "" },
		{ "no address", "\"sub\":\"n9\",\"email\":\"n9\",\"email_verified\":true", "oidc_",
		    "OIDC User", "" },
		{ "an address as name", "\"sub\":\"n10\",\"preferred_username\":\"a@b.cd\"",
		    "oidc_", "OIDC User", "" },
		{ "the own one",
		    "\"sub\":\"n11\",\"preferred_username\":\"a@b.cd\",\"email\":\"a@b.cd\","
		    "\"email_verified\":true",
		    "a@b.cd", "OIDC User", "a@b.cd" },
	};
	struct stack *s = *state;

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct browser b = { 0 };
		struct stack_reply *r = sign_in(s, &b, "oidc", cases[i].person);

		site_check(cases[i].name);
		check_ok(cases[i].name, r, "");
		if (strncmp(stack_text(r->json, "data.username"), cases[i].username, 5) != 0 ||
		    strcmp(stack_text(r->json, "data.display_name"), cases[i].display) != 0)
			fail_msg("%s: got %s", cases[i].name, r->body.data);
		if (number(s, "SELECT count(*) FROM users WHERE id = %" PRId64 " AND email = '%s'",
		        stack_int(r->json, "data.id"), cases[i].email) != 1)
			fail_msg("%s: the address is not '%s'", cases[i].name, cases[i].email);
	}
}

/* The name that comes next is somebody's already. */
static void test_name_collision(void **state)
{
	struct stack *s = *state;
	struct browser b = { 0 };
	int64_t next = number(s, "SELECT max(id) + 1 FROM users");
	char name[32];
	struct stack_reply *r;

	snprintf(name, sizeof name, "lark_%" PRId64, next + 1);
	stack_user(s, &(struct stack_person){ .name = name });
	r = sign_in(s, &b, "lark", "\"open_id\":\"ou_collides\"");
	check_ok("collision", r, "");
	snprintf(name, sizeof name, "lark_%" PRId64, next + 2);
	assert_string_equal(stack_text(r->json, "data.username"), name);
}

/* What an authenticator app shows, so many steps from now. */
static void app_code(const char *secret, int steps, char out[9])
{
	uint8_t key[TOTP_SECRET_BYTES];
	uint32_t bits = 0;
	size_t n = 0;
	int have = 0;

	for (const char *p = secret; *p; p++) {
		bits = bits << 5 | (uint32_t)(*p >= 'A' ? *p - 'A' : *p - '2' + 26);
		have += 5;
		if (have >= 8 && n < sizeof key)
			key[n++] = (uint8_t)(bits >> (have -= 8) & 255);
	}
	assert_int_equal(n, sizeof key);
	totp_code(key, n, clock_unix() / TOTP_STEP_S + steps, TOTP_DIGITS, out);
}

/* Who has a second factor is asked for it, whatever the first was. */
static void test_second_factor(void **state)
{
	struct stack *s = *state;
	struct browser b = { 0 }, c = { 0 };
	struct stack_reply *r = sign_in(s, &b, "github", "\"id\":4001,\"login\":\"careful\"");
	int64_t id = stack_int(r->json, "data.id");
	char secret[64], code[16], body[256];

	r = ask(s, &b, "POST", "/api/user/totp", "{}");
	check_ok("begin", r, "");
	snprintf(secret, sizeof secret, "%s", stack_text(r->json, "data.secret"));
	app_code(secret, 0, code);
	snprintf(body, sizeof body, "{\"code\":\"%s\"}", code);
	check_ok("confirm", ask(s, &b, "POST", "/api/user/totp/confirm", body), "");

	r = sign_in(s, &c, "github", "\"id\":4001,\"login\":\"careful\"");
	assert_true(cJSON_IsFalse(stack_at(r->json, "success")));
	assert_string_equal(stack_text(r->json, "data.second_factor"), "totp");
	assert_string_equal(c.session, "");
	app_code(secret, 1, code);
	snprintf(body, sizeof body, "{\"ticket\":\"%s\",\"code\":\"%s\"}",
	    stack_text(r->json, "data.ticket"), code);
	r = ask(s, &c, "POST", "/api/user/login/totp", body);
	check_ok("second step", r, "");
	assert_int_equal(stack_int(r->json, "data.id"), id);
	self_is(s, &c, id);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_settings),
		cmocka_unit_test(test_state),
		cmocka_unit_test(test_sign_up_and_in),
		cmocka_unit_test(test_wechat),
		cmocka_unit_test(test_binding),
		cmocka_unit_test(test_state_of_another_account),
		cmocka_unit_test(test_last_way_in),
		cmocka_unit_test(test_old_rows),
		cmocka_unit_test(test_who_may_not),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_name_collision),
		cmocka_unit_test(test_second_factor),
	};

	return signin_run("signin", tests, COUNT_OF(tests));
}
