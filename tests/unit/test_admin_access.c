/* test_admin_access.c — who may ask: sessions, access tokens, roles, origin, limits; own account */
#include "admin_room.h"

#include "base/clock.h"

static void test_levels(void **state)
{
	static const struct step steps[] = {
		{ "unknown path", NULL, "GET", "/api/nothing", NULL, 404,
		    "{\"error\":{\"message\":\"Invalid URL (GET /api/nothing)\","
		    "\"type\":\"invalid_request_error\",\"param\":\"\",\"code\":\"\"}}",
		    NULL },
		{ "wrong method is 404 too", NULL, "POST", "/api/status", "{}", 404, "Invalid URL",
		    NULL },
		{ "OPTIONS", NULL, "OPTIONS", "/api/status", NULL, 404, "Invalid URL (OPTIONS",
		    NULL },
		{ "guest route", NULL, "GET", "/api/status", NULL, 200, SUCCESS, NULL },
		{ "nobody is 401", NULL, "GET", "/api/user/self", NULL, 401, FAILURE, NULL },
		{ "wrong token is 200", "nobody", "GET", "/api/user/self", NULL, 200,
		    "The access token is not valid", NULL },
		{ "user on user route", "anna", "GET", "/api/user/self", NULL, 200,
		    "\"username\":\"anna\"", NULL },
		{ "user on admin route", "anna", "GET", "/api/channel", NULL, 200,
		    "Insufficient permission", NULL },
		{ "admin on admin route", "boss", "GET", "/api/channel", NULL, 200, "\"data\":[]",
		    NULL },
		{ "admin on root route", "boss", "GET", "/api/option", NULL, 200,
		    "Insufficient permission", NULL },
		{ "root on root route", "root", "GET", "/api/option", NULL, 200, SUCCESS, NULL },
		{ "HEAD is GET", "anna", "HEAD", "/api/user/self", NULL, 200, SUCCESS, NULL },
		{ "and changes nothing", "anna", "HEAD", "/api/user/token", NULL, 404,
		    "Invalid URL (HEAD /api/user/token)", NULL },
		{ "the token is still good", "anna", "GET", "/api/user/self", NULL, 200, SUCCESS,
		    NULL },
	};

	room_try(steps, COUNT_OF(steps));
}

static void test_authorization_forms(void **state)
{
	static const struct {
		const char *name, *header, *want;
	} cases[] = {
		{ "bare", "token-anna", "\"username\":\"anna\"" },
		{ "bearer", "Bearer token-anna", "\"username\":\"anna\"" },
		{ "in any case", "bEARER token-anna", "\"username\":\"anna\"" },
		{ "only the first Bearer goes", "Bearer Bearer token-anna", "not valid" },
		{ "other case is another token", "Bearer TOKEN-ANNA", "not valid" },
	};
	struct room m;

	room_open(&m);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct ask_headers h = { .authorization = cases[i].header };
		struct answer a = room_ask(&m, "GET", "/api/user/self", NULL, &h);

		if (!strstr(a.body, cases[i].want))
			fail_msg("%s: got %s, want %s", cases[i].name, a.body, cases[i].want);
	}
	room_close(&m);
}

/* Signs in; the cookie pair "session=…" goes to out. */
static struct answer sign_in(struct room *m, const char *name, const char *password,
    const char *cookie, char out[128])
{
	struct ask_headers h = { .cookie = cookie };
	char body[256];
	struct answer a;

	snprintf(body, sizeof body, "{\"username\":\"%s\",\"password\":\"%s\"}", name, password);
	a = room_ask(m, "POST", "/api/user/login", body, &h);
	room_keep_cookie(a, out);
	return a;
}

static void test_login(void **state)
{
	char cookie[128], second[128];
	struct answer a;
	struct room m;

	room_open(&m);
	a = sign_in(&m, "anna", ROOM_PASSWORD, NULL, cookie);
	assert_int_equal(a.status, 200);
	assert_non_null(strstr(a.body, "\"data\":{\"id\":3,\"username\":\"anna\""));
	assert_int_equal(json_int_at(a.tree, "data.role", -1), ROLE_USER);
	assert_int_equal(json_int_at(a.tree, "data.status", -1), USER_ENABLED);
	assert_int_equal(json_int_at(a.tree, "data.quota", -1), 0);
	assert_true(str_eq_c(json_str_at(a.tree, "data.password"), ""));
	assert_non_null(strstr(a.cookie, "; Path=/;"));
	assert_non_null(strstr(a.cookie, "; HttpOnly"));
	assert_non_null(strstr(a.cookie, "; SameSite=Lax"));
	assert_null(strstr(a.cookie, "Secure"));
	assert_int_equal(strlen(cookie), strlen("session=") + 64);

	a = room_with(&m, cookie, "GET", "/api/user/self", NULL);
	assert_int_equal(json_int_at(a.tree, "data.quota", -1), 1000);

	/* a new id at every login, and the old one is void */
	sign_in(&m, "ANNA", ROOM_PASSWORD, cookie, second);
	assert_string_not_equal(cookie, second);
	assert_int_equal(room_with(&m, cookie, "GET", "/api/user/self", NULL).status, 401);
	assert_int_equal(room_with(&m, second, "GET", "/api/user/self", NULL).status, 200);

	a = room_with(&m, second, "GET", "/api/user/logout", NULL);
	assert_non_null(strstr(a.body, SUCCESS));
	assert_non_null(strstr(a.cookie, "session=; Path=/; Max-Age=0"));
	assert_int_equal(room_with(&m, second, "GET", "/api/user/self", NULL).status, 401);
	a = room_as(&m, NULL, "GET", "/api/user/logout", NULL);
	assert_non_null(strstr(a.body, SUCCESS));
	room_close(&m);
}

static void test_login_refusals(void **state)
{
	static const struct step steps[] = {
		{ "wrong password", NULL, "POST", "/api/user/login",
		    "{\"username\":\"anna\",\"password\":\"wrong horse\"}", 200,
		    "Wrong user name or password", "data" },
		{ "unknown user, same text", NULL, "POST", "/api/user/login",
		    "{\"username\":\"nobody\",\"password\":\"wrong horse\"}", 200,
		    "Wrong user name or password", "data" },
		{ "empty", NULL, "POST", "/api/user/login",
		    "{\"username\":\"anna\",\"password\":\"\"}", 200, "Invalid parameter", NULL },
		{ "not JSON", NULL, "POST", "/api/user/login", "username=anna", 200,
		    "\"message\":\"Invalid parameter\"", NULL },
		{ "an array", NULL, "POST", "/api/user/login", "[]", 200,
		    "\"message\":\"Invalid parameter\"", NULL },
		{ "wrong type names the member", NULL, "POST", "/api/user/login",
		    "{\"username\":1,\"password\":\"x\"}", 200, "username", NULL },
		{ "disable", "root", "POST", "/api/user/manage",
		    "{\"username\":\"anna\",\"action\":\"disable\"}", 200, SUCCESS, NULL },
		{ "disabled user, same text", NULL, "POST", "/api/user/login",
		    "{\"username\":\"anna\",\"password\":\"" ROOM_PASSWORD "\"}", 200,
		    "Wrong user name or password", "data" },
		{ "token of a disabled user", "anna", "GET", "/api/user/self", NULL, 200,
		    "This account is disabled", NULL },
		{ "password login off", "root", "PUT", "/api/option",
		    "{\"key\":\"PasswordLoginEnabled\",\"value\":\"false\"}", 200, SUCCESS, NULL },
	};
	struct answer a;
	char cookie[128];
	struct room m;

	room_open(&m);
	room_walk(&m, steps, COUNT_OF(steps));
	room_settle(&m);
	a = sign_in(&m, "root", ROOM_PASSWORD, NULL, cookie);
	assert_non_null(strstr(a.body, "Password login is switched off"));
	assert_string_equal(a.cookie, "");
	room_close(&m);
}

static void test_secure_cookie(void **state)
{
	struct ask_headers h = { .https = true };
	struct answer a;
	struct room m;

	room_open(&m);
	a = room_ask(&m, "POST", "/api/user/login",
	    "{\"username\":\"anna\",\"password\":\"" ROOM_PASSWORD "\"}", &h);
	assert_non_null(strstr(a.cookie, "; Secure"));
	room_close(&m);
}

static void test_other_sites(void **state)
{
	static const struct {
		const char *name, *method, *target, *body, *site, *origin;
		bool refused;
	} cases[] = {
		{ "own page", "PUT", "/api/user/self", "{}", "same-origin", "https://gw.example",
		    false },
		{ "typed address", "GET", "/api/user/aff", NULL, "none", NULL, false },
		{ "script without headers", "PUT", "/api/user/self", "{}", NULL, NULL, false },
		{ "cross-site put", "PUT", "/api/user/self", "{}", "cross-site", NULL, true },
		{ "same-site is another site", "PUT", "/api/user/self", "{}", "same-site", NULL,
		    true },
		{ "foreign origin", "PUT", "/api/user/self", "{}", NULL, "https://evil.example",
		    true },
		{ "origin null", "PUT", "/api/user/self", "{}", NULL, "null", true },
		{ "our name with another port", "PUT", "/api/user/self", "{}", NULL,
		    "https://gw.example:444", true },
		{ "state-changing get", "GET", "/api/user/token", NULL, "cross-site", NULL, true },
		{ "reading get", "GET", "/api/user/self", NULL, "cross-site", NULL, false },
		{ "logout from elsewhere", "GET", "/api/user/logout", NULL, "cross-site", NULL,
		    true },
	};
	struct room m;

	room_open(&m);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char cookie[128];
		struct ask_headers h = { .site = cases[i].site, .origin = cases[i].origin };
		struct answer a;
		bool refused;

		sign_in(&m, "anna", ROOM_PASSWORD, NULL, cookie);
		h.cookie = cookie;
		a = room_ask(&m, cases[i].method, cases[i].target, cases[i].body, &h);
		refused = strstr(a.body, "another site") != NULL;
		if (refused != cases[i].refused || a.status != 200)
			fail_msg("%s: got %d %s, want refused %d", cases[i].name, a.status, a.body,
			    cases[i].refused);
	}
	room_close(&m);
}

/* An access token is put in by a program on purpose: no browser sends it by itself. */
static void test_token_from_elsewhere(void **state)
{
	struct ask_headers h = { .authorization = "token-anna",
		.site = "cross-site",
		.origin = "https://evil.example" };
	struct room m;

	room_open(&m);
	assert_non_null(strstr(room_ask(&m, "PUT", "/api/user/self", "{}", &h).body, SUCCESS));
	room_close(&m);
}

static void test_session_wins(void **state)
{
	struct ask_headers h = { .authorization = "token-root" };
	char cookie[128];
	struct room m;

	room_open(&m);
	sign_in(&m, "anna", ROOM_PASSWORD, NULL, cookie);
	h.cookie = cookie;
	assert_non_null(
	    strstr(room_ask(&m, "GET", "/api/user/self", NULL, &h).body, "\"username\":\"anna\""));
	h.cookie = "session=0000000000000000000000000000000000000000000000000000000000000000";
	assert_non_null(
	    strstr(room_ask(&m, "GET", "/api/user/self", NULL, &h).body, "\"username\":\"root\""));
	room_close(&m);
}

/* Pages of one-api compare it with what they were built with. */
static void test_ui_version(void **state)
{
	char ours[96];
	struct room m;

	room_open(&m);
	snprintf(ours, sizeof ours, "\"version\":\"%s\"", runtime_version());
	assert_non_null(strstr(room_as(&m, NULL, "GET", "/api/status", NULL).body, ours));
	m.admin.ui_version = STR("v9.9.9");
	assert_non_null(
	    strstr(room_as(&m, NULL, "GET", "/api/status", NULL).body, "\"version\":\"v9.9.9\""));
	room_close(&m);
}

static void test_limits(void **state)
{
	struct ask_headers here = { .addr = "192.0.2.7" }, there = { .addr = "192.0.2.8" };
	struct answer a;
	struct room m;

	room_open(&m);
	m.admin.api_limit = 3;
	for (int i = 0; i < 3; i++)
		assert_int_equal(room_ask(&m, "GET", "/api/status", NULL, &here).status, 200);
	a = room_ask(&m, "GET", "/api/status", NULL, &here);
	assert_int_equal(a.status, 429);
	assert_string_equal(a.body, "");
	assert_true(atoi(a.retry_after) >= 1);
	assert_int_equal(room_ask(&m, "GET", "/api/status", NULL, &there).status, 200);
	room_close(&m);
}

/* Who has an IPv6 network has as many addresses as they like. */
static void test_limits_of_networks(void **state)
{
	static const struct {
		const char *name, *from, *to;
		bool same;
	} cases[] = {
		{ "one /64", "2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", true },
		{ "two of them", "2001:db8:1:3::1", "2001:db8:1:4::1", false },
		{ "IPv4", "192.0.2.1", "192.0.2.2", false },
		{ "IPv4 in two forms", "192.0.2.3", "::ffff:192.0.2.3", true },
		{ "IPv4 in that form", "::ffff:192.0.2.4", "::ffff:192.0.2.5", false },
	};
	static const char *const routes[][2] = { { "POST", "/api/user/login" },
		{ "GET", "/api/verification?email=x" }, { "POST", "/api/user/register" },
		{ "GET", "/api/reset_password?email=x" } };
	struct room m;

	for (size_t i = 0; i < COUNT_OF(cases) * COUNT_OF(routes); i++) {
		const char *const *route = routes[i / COUNT_OF(cases)];
		size_t at = i % COUNT_OF(cases);
		struct ask_headers from = { .addr = cases[at].from }, to = { .addr = cases[at].to };
		const char *body = route[0][0] == 'P' ? "{}" : NULL;
		int status;

		if (at == 0)
			room_open(&m);
		for (int k = 0; k < 20; k++)
			assert_int_equal(room_ask(&m, route[0], route[1], body, &from).status, 200);
		status = room_ask(&m, route[0], route[1], body, &to).status;
		if (status != (cases[at].same ? 429 : 200))
			fail_msg("%s, %s: got %d", route[1], cases[at].name, status);
		if (at == COUNT_OF(cases) - 1)
			room_close(&m);
	}
}

/* 20 in 1200 s per address; and as many per account, from wherever. */
static void test_login_limits(void **state)
{
	char addr[32];
	struct ask_headers h = { .addr = "192.0.2.7" };
	struct room m;

	room_open(&m);
	for (int i = 0; i < 20; i++)
		assert_int_equal(room_ask(&m, "POST", "/api/user/login", "{}", &h).status, 200);
	assert_int_equal(room_ask(&m, "POST", "/api/user/login", "{}", &h).status, 429);

	h.addr = addr;
	for (int i = 0; i < 20; i++) {
		snprintf(addr, sizeof addr, "198.51.100.%d", i);
		assert_int_equal(room_ask(&m, "POST", "/api/user/login",
		                     "{\"username\":\"Nobody\",\"password\":\"x\"}", &h)
		                     .status,
		    200);
	}
	snprintf(addr, sizeof addr, "198.51.100.99");
	assert_int_equal(room_ask(&m, "POST", "/api/user/login",
	                     "{\"username\":\"nobody\",\"password\":\"x\"}", &h)
	                     .status,
	    429);
	room_close(&m);
}

static void test_large_body(void **state)
{
	char *body = malloc(70 * 1024 + 1);
	struct answer a;
	struct room m;

	assert_non_null(body);
	memset(body, ' ', 70 * 1024);
	memcpy(body, "{}", 2);
	body[70 * 1024] = '\0';
	room_open(&m);
	a = room_as(&m, "anna", "PUT", "/api/user/self", body);
	assert_int_equal(a.status, 413);
	assert_non_null(strstr(a.body, FAILURE));
	a = room_as(&m, "root", "PUT", "/api/option", body);
	assert_int_equal(a.status, 400); /* not too large there, but no key */
	room_close(&m);
	free(body);
}

static void test_hostile_body(void **state)
{
	static const struct {
		const char *name, *body;
		int depth; /* of lists in a member; 0: body as it is */
		int want;
	} cases[] = {
		{ "64 levels", NULL, 63, 200 },
		{ "65 levels", NULL, 64, 400 },
		{ "no UTF-8 in a value", "{\"display_name\":\"\xff\"}", 0, 400 },
		{ "no UTF-8 in a name", "{\"\xc3(\":1}", 0, 400 },
		{ "half a surrogate pair in UTF-8", "{\"display_name\":\"\xed\xa0\x80\"}", 0, 400 },
		{ "not finished", "{\"display_name\":", 0, 200 },
		{ "no object", "[]", 0, 200 },
		{ "of the wrong type", "{\"display_name\":1}", 0, 200 },
	};
	char deep[256];
	struct room m;

	room_open(&m);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		int n = snprintf(deep, sizeof deep, "{\"x\":");
		struct answer a;

		memset(deep + n, '[', (size_t)cases[i].depth);
		memset(deep + n + cases[i].depth, ']', (size_t)cases[i].depth);
		snprintf(deep + n + 2 * cases[i].depth, 2, "}");
		a = room_as(&m, "anna", "PUT", "/api/user/self",
		    cases[i].body ? cases[i].body : deep);
		if (a.status != cases[i].want)
			fail_msg("%s: %d, want %d", cases[i].name, a.status, cases[i].want);
	}
	room_close(&m);
}

static void test_chinese(void **state)
{
	struct ask_headers h = { .language = "zh-CN" };
	struct answer a;
	struct room m;

	room_open(&m);
	a = room_ask(&m, "GET", "/api/user/self", NULL, &h);
	assert_int_equal(a.status, 401);
	assert_non_null(strstr(a.body, "尚未登录"));
	room_close(&m);
}

/* ---- the own account ------------------------------------------------------------------------- */

static void test_self(void **state)
{
	static const struct step steps[] = {
		{ "object", "anna", "GET", "/api/user/self", NULL, 200,
		    "{\"id\":3,\"username\":\"anna\",\"password\":\"\",\"display_name\":\"anna\","
		    "\"role\":1,\"status\":1,\"email\":\"\",\"github_id\":\"\",\"wechat_id\":\"\","
		    "\"lark_id\":\"\",\"oidc_id\":\"\",\"verification_code\":\"\","
		    "\"access_token\":\"\",\"quota\":1000,\"used_quota\":0,\"request_count\":0,"
		    "\"group\":\"default\",\"aff_code\":\"\",\"inviter_id\":0}",
		    NULL },
		{ "new display name", "anna", "PUT", "/api/user/self",
		    "{\"display_name\":\"Anna B\",\"quota\":999999,\"role\":100,\"aff_code\":null}",
		    200, SUCCESS, NULL },
		{ "and nothing else", "anna", "GET", "/api/user/self", NULL, 200,
		    "\"display_name\":\"Anna B\",\"role\":1,", "999999" },
		{ "taken name", "anna", "PUT", "/api/user/self", "{\"username\":\"ROOT\"}", 200,
		    "This user name is taken", NULL },
		{ "long name", "anna", "PUT", "/api/user/self", "{\"username\":\"annaannaannaa\"}",
		    200, "Invalid input", NULL },
		{ "blank at the end", "anna", "PUT", "/api/user/self", "{\"username\":\"anna \"}",
		    200, "Invalid input", NULL },
		{ "twelve letters count as points", "anna", "PUT", "/api/user/self",
		    "{\"username\":\"\u00e4nn\u00e4\u00e4nn\u00e4\u00e4nn\u00e4\"}", 200, SUCCESS,
		    NULL },
		{ "short password", "anna", "PUT", "/api/user/self", "{\"password\":\"1234567\"}",
		    200, "Invalid input", NULL },
		{ "wrong current password", "anna", "PUT", "/api/user/self",
		    "{\"password\":\"12345678\",\"original_password\":\"no\"}", 200,
		    "The current password is wrong", NULL },
		{ "models of the group", "anna", "GET", "/api/user/available_models", NULL, 200,
		    "\"data\":[]", NULL },
		{ "dashboard", "anna", "GET", "/api/user/dashboard", NULL, 200, "\"data\":[]",
		    NULL },
		{ "root stays", "root", "DELETE", "/api/user/self", NULL, 200,
		    "The root account cannot be deleted", NULL },
		{ "delete", "anna", "DELETE", "/api/user/self", NULL, 200, SUCCESS, NULL },
		{ "the access token is dead", "anna", "GET", "/api/user/self", NULL, 200,
		    "The access token is not valid", NULL },
	};

	room_try(steps, COUNT_OF(steps));
}

static void test_new_password_ends_sessions(void **state)
{
	char here[128], there[128], fresh[128];
	struct answer a;
	struct room m;

	room_open(&m);
	sign_in(&m, "anna", ROOM_PASSWORD, NULL, here);
	sign_in(&m, "anna", ROOM_PASSWORD, NULL, there);
	a = room_with(&m, here, "PUT", "/api/user/self",
	    "{\"password\":\"new password\",\"original_password\":\"" ROOM_PASSWORD "\"}");
	assert_non_null(strstr(a.body, SUCCESS));
	room_keep_cookie(a, fresh);
	assert_int_equal(room_with(&m, there, "GET", "/api/user/self", NULL).status, 401);
	assert_int_equal(room_with(&m, here, "GET", "/api/user/self", NULL).status, 401);
	assert_int_equal(room_with(&m, fresh, "GET", "/api/user/self", NULL).status, 200);
	assert_non_null(
	    strstr(sign_in(&m, "anna", ROOM_PASSWORD, NULL, here).body, "Wrong user name"));
	assert_non_null(strstr(sign_in(&m, "anna", "new password", NULL, here).body, SUCCESS));
	room_close(&m);
}

static void test_access_token(void **state)
{
	char token[64], again[64];
	struct ask_headers h = { .authorization = token };
	struct str text;
	struct answer a;
	struct room m;

	room_open(&m);
	a = room_as(&m, "anna", "GET", "/api/user/token", NULL);
	text = json_str_at(a.tree, "data");
	assert_int_equal(text.n, 32);
	for (size_t i = 0; i < text.n; i++)
		assert_non_null(strchr("0123456789abcdef", text.p[i]));
	snprintf(token, sizeof token, "%.*s", STR_ARG(text));

	assert_non_null(strstr(room_as(&m, "anna", "GET", "/api/user/self", NULL).body,
	    "access token is not valid"));
	assert_non_null(
	    strstr(room_ask(&m, "GET", "/api/user/self", NULL, &h).body, "\"username\":\"anna\""));
	/* money does not move when a token is made */
	a = room_ask(&m, "GET", "/api/user/self", NULL, &h);
	assert_int_equal(json_int_at(a.tree, "data.quota", -1), 1000);

	a = room_ask(&m, "GET", "/api/user/aff", NULL, &h);
	snprintf(again, sizeof again, "%.*s", STR_ARG(json_str_at(a.tree, "data")));
	assert_int_equal(strlen(again), 8);
	a = room_ask(&m, "GET", "/api/user/aff", NULL, &h);
	assert_true(str_eq_c(json_str_at(a.tree, "data"), again));
	room_close(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_levels),
		cmocka_unit_test(test_authorization_forms),
		cmocka_unit_test(test_login),
		cmocka_unit_test(test_login_refusals),
		cmocka_unit_test(test_secure_cookie),
		cmocka_unit_test(test_other_sites),
		cmocka_unit_test(test_token_from_elsewhere),
		cmocka_unit_test(test_session_wins),
		cmocka_unit_test(test_ui_version),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_limits_of_networks),
		cmocka_unit_test(test_login_limits),
		cmocka_unit_test(test_large_body),
		cmocka_unit_test(test_hostile_body),
		cmocka_unit_test(test_chinese),
		cmocka_unit_test(test_self),
		cmocka_unit_test(test_new_password_ends_sessions),
		cmocka_unit_test(test_access_token),
	};

	clock_test_stop(); /* what is counted in time must not ask how fast this machine is */
	return cmocka_run_group_tests_name("admin access", tests, NULL, NULL);
}
