/* test_admin.c — the administration as browsers and scripts use it: who may, what changes, and that
 * the relay knows within a second
 */
#include "../stack.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SAID "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}"
#define CHAT_BODY "{\"model\":\"gpt-4o\"," SAID
#define LIVE_MS 60000 /* a change reaches the relay; against hanging only */

#define E01 "Invalid parameter"
#define E02 "Invalid input, please check the fields"
#define E03 "Record not found"
#define A02 "The access token is not valid"
#define A04 "Insufficient permission"
#define A08 "The request came from another site"
#define U03 "Wrong user name or password, or the account is disabled"

static struct stack_user user, other, admin;

static void set_up(struct stack *s)
{
	if (user.id)
		return;
	stack_channel(s, &(struct stack_channel){ .models = "gpt-4o", .key = "sk-first-key" });
	user = stack_user(s, &(struct stack_person){ .quota = 100000000 });
	other = stack_user(s, &(struct stack_person){ .quota = 100000000 });
	admin = stack_user(s, &(struct stack_person){ .quota = 100000000, .role = 10 });
}

static const cJSON *check_ok(const char *name, const struct stack_reply *r)
{
	if (r->status != 200 || !cJSON_IsTrue(stack_at(r->json, "success")))
		fail_msg("%s: status %d: %s", name, r->status, r->body.data);
	return stack_at(r->json, "data");
}

static bool begins(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* A refusal as the pages expect it: 200, success false, the text begins so, no data. */
static void check_no(const char *name, const struct stack_reply *r, const char *text)
{
	if (r->status != 200 || !cJSON_IsFalse(stack_at(r->json, "success")) ||
	    !begins(stack_text(r->json, "message"), text) || stack_at(r->json, "data"))
		fail_msg("%s: want '%s', got status %d: %s", name, text, r->status, r->body.data);
}

static void check_401(const char *name, const struct stack_reply *r)
{
	if (r->status != 401 || !cJSON_IsFalse(stack_at(r->json, "success")))
		fail_msg("%s: want 401, got %d: %s", name, r->status, r->body.data);
}

static void check_text(const char *name, const char *got, const char *want)
{
	if (strcmp(got, want) != 0)
		fail_msg("%s: got '%s', want '%s'", name, got, want);
}

static int chat_status(struct stack *s, const char *key)
{
	return stack_post(s, STACK_CHAT, key, CHAT_BODY)->status;
}

/* The relay comes to answer so. */
static void wait_chat_status(struct stack *s, const char *name, const char *key, int want)
{
	int64_t until = stack_now_ms() + LIVE_MS;
	int got;

	while ((got = chat_status(s, key)) != want) {
		if (stack_now_ms() > until)
			fail_msg("%s: the relay says %d, want %d", name, got, want);
		stack_sleep_ms(20);
	}
}

/* body with a %d for an id. */
static const char *with_id(char out[512], const char *format, int64_t id)
{
	const char *hole = strstr(format, "%d");

	snprintf(out, 512, "%.*s%" PRId64 "%s", (int)(hole - format), format, id, hole + 2);
	return out;
}

/* ---- signing in -------------------------------------------------------------------------------
 */

static void read_root_password(const struct stack *s, char out[64])
{
	char path[400];
	FILE *f;

	snprintf(path, sizeof(path), "%s/root-password", s->data_dir);
	f = fopen(path, "re");
	assert_non_null(f);
	assert_non_null(fgets(out, 64, f));
	out[strcspn(out, "\n")] = '\0';
	fclose(f);
}

static void test_login(void **state)
{
	struct stack *s = *state;
	char password[64], cookie[128];
	const char *set;
	struct stack_reply *r;
	struct stack_user root = { 0 };

	read_root_password(s, password);
	r = stack_login(s, "root", password, cookie);
	check_ok("root signs in", r);
	assert_int_equal(stack_int(r->json, "data.id"), 1);
	check_text("name", stack_text(r->json, "data.username"), "root");
	assert_int_equal(stack_int(r->json, "data.role"), 100);
	assert_int_equal(stack_int(r->json, "data.status"), 1);
	set = stack_header(r, "Set-Cookie");
	assert_non_null(strstr(set, "; HttpOnly"));
	assert_non_null(strstr(set, "; SameSite=Lax"));
	assert_non_null(strstr(set, "; Path=/"));
	assert_null(strstr(set, "Secure")); /* this is no TLS */

	snprintf(root.cookie, sizeof(root.cookie), "%s", cookie);
	r = stack_as(s, &root, "GET", "/api/user/self", NULL);
	check_ok("self by cookie", r);
	check_text("name", stack_text(r->json, "data.username"), "root");
	check_text("no password", stack_text(r->json, "data.password"), "");
	check_text("no token", stack_text(r->json, "data.access_token"), "");
	check_ok("logout", stack_as(s, &root, "GET", "/api/user/logout", NULL));
	check_401("the cookie after logout", stack_as(s, &root, "GET", "/api/user/self", NULL));
}

static void test_access_token(void **state)
{
	/* clang-format off */
	static const struct {
		const char *name, *header;
		int status;
		const char *refusal;
	} cases[] = {
		{ "bare", "Authorization: " STACK_ROOT_ACCESS, 200, NULL },
		{ "Bearer", "Authorization: Bearer " STACK_ROOT_ACCESS, 200, NULL },
		{ "unknown", "Authorization: 00000000000000000000000000000000", 200, A02 },
		{ "an API key is none", "Authorization: Bearer sk-" STACK_ROOT_KEY, 200, A02 },
		{ "empty", "Authorization;", 401, NULL },
		{ "in another header", "X-Api-Key: " STACK_ROOT_ACCESS, 401, NULL },
	};
	/* clang-format on */
	struct stack *s = *state;

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const char *const headers[] = { cases[i].header, NULL };
		struct stack_reply *r = stack_http(s,
		    &(struct stack_ask){ .path = "/api/user/self", .headers = headers });

		if (cases[i].status == 401)
			check_401(cases[i].name, r);
		else if (cases[i].refusal)
			check_no(cases[i].name, r, cases[i].refusal);
		else
			check_ok(cases[i].name, r);
	}
	check_401("none", stack_http(s, &(struct stack_ask){ .path = "/api/user/self" }));
}

/* A session counts before a token. */
static void test_session_wins(void **state)
{
	static const char *const headers[] = { "Authorization: " STACK_ROOT_ACCESS, NULL };
	struct stack *s = *state;
	struct stack_reply *r;

	set_up(s);
	r = stack_http(s,
	    &(struct stack_ask){ .path = "/api/user/self",
	        .cookie = user.cookie,
	        .headers = headers });
	check_text("both", stack_text(r->json, "data.username"), user.name);
	r = stack_http(s,
	    &(struct stack_ask){ .path = "/api/user/self",
	        .cookie = "session=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	        .headers = headers });
	check_text("a dead session and a token", stack_text(r->json, "data.username"), "root");
}

static void test_login_refusals(void **state)
{
	struct stack *s = *state;
	char cookie[128];
	struct stack_user fresh;

	fresh = stack_user(s, &(struct stack_person){ .quota = 0 });
	check_no("wrong password", stack_login(s, fresh.name, "wrong password", cookie), U03);
	check_text("no cookie", cookie, "");
	check_no("unknown user", stack_login(s, "nobody", "wrong password", cookie), U03);
	check_no("no password", stack_login(s, fresh.name, "", cookie), E01);
	check_no("no name", stack_login(s, "", "password", cookie), E01);
	check_no("SQL", stack_login(s, "' OR 1=1 --", "password", cookie), U03);
	check_no("no JSON",
	    stack_http(s,
	        &(struct stack_ask){ .path = "/api/user/login", .body = "username=root" }),
	    E01);
	stack_api(s, "POST", "/api/user/manage", "{\"username\":\"%s\",\"action\":\"disable\"}",
	    fresh.name);
	check_no("disabled", stack_login(s, fresh.name, fresh.password, cookie), U03);
	stack_option(s, "PasswordLoginEnabled", "false");
	check_no("switched off", stack_login(s, user.name, user.password, cookie),
	    "Password login is switched off");
	stack_option(s, "PasswordLoginEnabled", "true");
	check_ok("and on again", stack_login(s, user.name, user.password, cookie));
}

/* Another login ends the session it came with, and only that. */
static void test_login_rotates(void **state)
{
	struct stack *s = *state;
	struct stack_user first, second;
	char body[128];
	struct stack_reply *r;

	first = stack_user(s, &(struct stack_person){ .quota = 0 });
	second = first;
	stack_login(s, first.name, first.password, second.cookie);
	assert_string_not_equal(first.cookie, second.cookie);
	check_ok("two at once", stack_as(s, &first, "GET", "/api/user/self", NULL));
	snprintf(body, sizeof(body), "{\"username\":\"%s\",\"password\":\"%s\"}", first.name,
	    first.password);
	r = stack_http(s,
	    &(struct stack_ask){ .path = "/api/user/login",
	        .body = body,
	        .cookie = first.cookie,
	        .from = "198.18.250.1" });
	check_ok("again", r);
	check_401("the old id", stack_as(s, &first, "GET", "/api/user/self", NULL));
	check_ok("the other browser", stack_as(s, &second, "GET", "/api/user/self", NULL));
}

/* Twenty tries for an address, and for a name from anywhere; then 429 without a body. */
static void test_login_limits(void **state)
{
	struct stack *s = *state;
	struct stack_reply *r = NULL;
	char cookie[128];

	for (int i = 0; i < 21; i++)
		r = stack_http(s,
		    &(struct stack_ask){ .path = "/api/user/login",
		        .body = "{\"username\":\"x\",\"password\":\"\"}",
		        .from = "203.0.113.9" });
	assert_int_equal(r->status, 429);
	assert_int_equal(r->body.len, 0);
	assert_true(strtol(stack_header(r, "Retry-After"), NULL, 10) > 0);
	check_no("other addresses may", stack_login(s, "x", "", cookie), E01);
	for (int i = 0; i < 21; i++)
		r = stack_login(s, i % 2 ? "GuessedName" : "guessedname", "password", cookie);
	assert_int_equal(r->status, 429);
}

/* ---- requests that another site made a browser send --------------------------------------------
 */

/* clang-format off */
static const struct {
	const char *name, *method, *path, *body, *header;
	bool refused;
} crossings[] = {
	{ "POST, other origin", "POST", "/api/token/", "{\"name\":\"x\"}", "Origin: http://evil.example", true },
	{ "POST, origin null", "POST", "/api/token/", "{\"name\":\"x\"}", "Origin: null", true },
	{ "POST, our name as a prefix", "POST", "/api/token/", "{\"name\":\"x\"}", "Origin: http://HOST.evil.example", true },
	{ "POST, cross-site", "POST", "/api/token/", "{\"name\":\"x\"}", "Sec-Fetch-Site: cross-site", true },
	{ "POST, same-site", "POST", "/api/token/", "{\"name\":\"x\"}", "Sec-Fetch-Site: same-site", true },
	{ "PUT, other origin", "PUT", "/api/user/self", "{}", "Origin: http://evil.example", true },
	{ "DELETE, cross-site", "DELETE", "/api/token/999999", NULL, "Sec-Fetch-Site: cross-site", true },
	{ "new access token, cross-site", "GET", "/api/user/token", NULL, "Sec-Fetch-Site: cross-site", true },
	{ "invitation code, cross-site", "GET", "/api/user/aff", NULL, "Sec-Fetch-Site: cross-site", true },
	{ "logout, cross-site", "GET", "/api/user/logout", NULL, "Sec-Fetch-Site: cross-site", true },
	{ "POST, our origin", "POST", "/api/token/", "{\"name\":\"x\"}", "Origin: http://HOST", false },
	{ "POST, same-origin", "POST", "/api/token/", "{\"name\":\"x\"}", "Sec-Fetch-Site: same-origin", false },
	{ "POST, typed by the user", "POST", "/api/token/", "{\"name\":\"x\"}", "Sec-Fetch-Site: none", false },
	{ "invitation code, same-origin", "GET", "/api/user/aff", NULL, "Sec-Fetch-Site: same-origin", false },
	{ "reading, cross-site", "GET", "/api/user/self", NULL, "Sec-Fetch-Site: cross-site", false },
};
/* clang-format on */

static void test_crossings(void **state)
{
	struct stack *s = *state;
	int64_t keys;

	set_up(s);
	for (size_t i = 0; i < COUNT_OF(crossings); i++) {
		char line[128];
		const char *hole = strstr(crossings[i].header, "HOST");
		const char *const headers[] = { line, NULL };
		struct stack_reply *r;

		snprintf(line, sizeof(line), "%s", crossings[i].header);
		if (hole)
			snprintf(line, sizeof(line), "%.*s127.0.0.1:%d%s",
			    (int)(hole - crossings[i].header), crossings[i].header, s->port,
			    hole + 4);
		keys = stack_sql_int(s, "SELECT count(*) FROM tokens");
		r = stack_http(s,
		    &(struct stack_ask){ .method = crossings[i].method,
		        .path = crossings[i].path,
		        .body = crossings[i].body,
		        .cookie = user.cookie,
		        .headers = headers });
		if (!crossings[i].refused) {
			check_ok(crossings[i].name, r);
			continue;
		}
		check_no(crossings[i].name, r, A08);
		assert_int_equal(stack_sql_int(s, "SELECT count(*) FROM tokens"), keys);
	}
	check_ok("still signed in", stack_as(s, &user, "GET", "/api/user/self", NULL));
}

/* No browser adds an access token by itself. */
static void test_crossing_with_token(void **state)
{
	static const char *const headers[] = { "Authorization: " STACK_ROOT_ACCESS,
		"Origin: http://evil.example", "Sec-Fetch-Site: cross-site", NULL };
	struct stack *s = *state;

	check_ok("script",
	    stack_http(s,
	        &(struct stack_ask){ .path = "/api/token/",
	            .headers = headers,
	            .body = "{\"name\":\"by script\"}" }));
}

/* ---- who may do what
 * ----------------------------------------------------------------------------- */

enum { GUEST, USER, ADMIN, ROOT, ROLES };

/* As the specification has it. once: an allowed call would change who asks. */
/* clang-format off */
static const struct right {
	const char *method, *path;
	int least;
	bool once;
} rights[] = {
	{ "GET", "/api/status", GUEST, false },
	{ "GET", "/api/pricing", GUEST, false },
	{ "GET", "/api/setup", ROOT, false },
	{ "GET", "/api/notice", GUEST, false },
	{ "GET", "/api/about", GUEST, false },
	{ "GET", "/api/home_page_content", GUEST, false },
	{ "POST", "/api/user/login", GUEST, true },
	{ "GET", "/api/user/logout", GUEST, true },
	{ "POST", "/api/user/login/totp", GUEST, true },
	{ "POST", "/api/user/register", GUEST, false },
	{ "GET", "/api/verification", GUEST, false },
	{ "GET", "/api/reset_password", GUEST, false },
	{ "POST", "/api/user/reset", GUEST, false },
	{ "GET", "/api/oauth/email/bind", USER, false },
	{ "GET", "/api/user/security", USER, false },
	{ "POST", "/api/user/totp", USER, true },
	{ "POST", "/api/user/totp/confirm", USER, false },
	{ "POST", "/api/user/totp/recovery", USER, false },
	{ "POST", "/api/user/totp/disable", USER, false },
	{ "POST", "/api/mail/test", ROOT, false },
	{ "GET", "/api/user/self", USER, false },
	{ "PUT", "/api/user/self", USER, false },
	{ "DELETE", "/api/user/self", USER, true },
	{ "GET", "/api/user/token", USER, true },
	{ "GET", "/api/user/aff", USER, false },
	{ "GET", "/api/user/dashboard", USER, false },
	{ "GET", "/api/user/available_models", USER, false },
	{ "GET", "/api/user", ADMIN, false },
	{ "GET", "/api/user/search", ADMIN, false },
	{ "GET", "/api/user/:id", ADMIN, false },
	{ "POST", "/api/user", ADMIN, false },
	{ "POST", "/api/user/manage", ADMIN, false },
	{ "PUT", "/api/user", ADMIN, false },
	{ "DELETE", "/api/user/:id", ADMIN, false },
	{ "POST", "/api/topup", ADMIN, false },
	{ "GET", "/api/token", USER, false },
	{ "GET", "/api/token/search", USER, false },
	{ "GET", "/api/token/:id", USER, false },
	{ "POST", "/api/token", USER, false },
	{ "PUT", "/api/token", USER, false },
	{ "DELETE", "/api/token/:id", USER, false },
	{ "GET", "/api/channel", ADMIN, false },
	{ "GET", "/api/channel/search", ADMIN, false },
	{ "GET", "/api/channel/:id", ADMIN, false },
	{ "POST", "/api/channel", ADMIN, false },
	{ "PUT", "/api/channel", ADMIN, false },
	{ "DELETE", "/api/channel/disabled", ADMIN, false },
	{ "DELETE", "/api/channel/:id", ADMIN, false },
	{ "GET", "/api/channel/test/:id", ADMIN, false },
	{ "GET", "/api/channel/models", ADMIN, false },
	{ "GET", "/api/channel/test", ADMIN, true },
	{ "POST", "/api/channel/probe", ADMIN, false },
	{ "GET", "/api/channel/update_balance", ADMIN, true },
	{ "GET", "/api/channel/update_balance/:id", ADMIN, false },
	{ "POST", "/api/channel/batch", ADMIN, false },
	{ "POST", "/api/channel/fetch_models", ADMIN, false },
	{ "GET", "/api/channel/:id/events", ADMIN, false },
	{ "GET", "/api/channel/:id/keys", ADMIN, false },
	{ "POST", "/api/channel/:id/keys/unpark", ADMIN, false },
	{ "GET", "/api/job", ADMIN, false },
	{ "GET", "/api/job/:id", ADMIN, false },
	{ "POST", "/api/job/:id/stop", ADMIN, false },
	{ "GET", "/api/redemption", ADMIN, false },
	{ "GET", "/api/redemption/search", ADMIN, false },
	{ "GET", "/api/redemption/:id", ADMIN, false },
	{ "POST", "/api/redemption", ADMIN, false },
	{ "PUT", "/api/redemption", ADMIN, false },
	{ "DELETE", "/api/redemption/:id", ADMIN, false },
	{ "POST", "/api/user/topup", USER, false },
	{ "GET", "/api/limit", ROOT, false },
	{ "PUT", "/api/limit", ROOT, false },
	{ "DELETE", "/api/limit/:scope/:subject", ROOT, false },
	{ "GET", "/api/option", ROOT, false },
	{ "PUT", "/api/option", ROOT, false },
	{ "GET", "/api/log", ADMIN, false },
	{ "DELETE", "/api/log", ADMIN, false },
	{ "GET", "/api/log/stat", ADMIN, false },
	{ "GET", "/api/log/search", ADMIN, false },
	{ "GET", "/api/log/self", USER, false },
	{ "GET", "/api/log/self/stat", USER, false },
	{ "GET", "/api/log/self/search", USER, false },
	{ "GET", "/api/log/:request_id/capture", USER, false },
	{ "GET", "/api/log/export", USER, false },
	{ "GET", "/api/log/self/export", USER, false },
	{ "GET", "/api/audit", ROOT, false },
	{ "GET", "/api/diag", ADMIN, false },
	{ "GET", "/api/diag/stream", ADMIN, false },
	{ "POST", "/api/diag/body", ADMIN, false },
	{ "GET", "/api/oauth/state", GUEST, false },
	{ "GET", "/api/oauth/github", GUEST, false },
	{ "GET", "/api/oauth/lark", GUEST, false },
	{ "GET", "/api/oauth/oidc", GUEST, false },
	{ "GET", "/api/oauth/oidc/discover", ROOT, false },
	{ "GET", "/api/oauth/wechat", GUEST, false },
	{ "GET", "/api/oauth/wechat/bind", USER, false },
	{ "DELETE", "/api/oauth/github/bind", USER, false },
	{ "DELETE", "/api/oauth/lark/bind", USER, false },
	{ "DELETE", "/api/oauth/oidc/bind", USER, false },
	{ "DELETE", "/api/oauth/wechat/bind", USER, false },
	{ "GET", "/api/openapi.json", GUEST, false },
	{ "GET", "/api/group", ADMIN, false },
	{ "GET", "/api/models", USER, false },
};
/* clang-format on */

static const struct right *find_right(const char *method, const char *path)
{
	for (size_t i = 0; i < COUNT_OF(rights); i++) {
		if (!strcmp(rights[i].method, method) && !strcmp(rights[i].path, path))
			return &rights[i];
	}
	return NULL;
}

/* Every route that the program has stands above, with the same role. */
static void test_routes_are_known(void **state)
{
	static const char *const names[] = { "guest", "user", "admin", "root" };
	struct stack *s = *state;
	char command[600], line[256], method[16], role[16], path[128];
	size_t count = 0;
	FILE *f;

	snprintf(command, sizeof(command), "%s/bin/fcgi-admin routes", s->build);
	f = popen(command, "re");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		const struct right *right;

		assert_int_equal(sscanf(line, "%15s %15s %127s", method, role, path), 3);
		right = find_right(method, path);
		if (!right || strcmp(names[right->least], role) != 0)
			fail_msg("not in the table with that role: %s", line);
		count++;
	}
	assert_int_equal(pclose(f), 0);
	assert_int_equal(count, COUNT_OF(rights));
}

static struct stack_reply *try_right(struct stack *s, const struct right *right, const char *cookie,
    const char *slash)
{
	bool has_body = right->method[0] == 'P';
	const char *p = right->path;
	char path[128];
	size_t n = 0;

	/* every ":name" becomes a number that nothing has */
	while (*p) {
		size_t text = strcspn(p, ":");
		size_t name = p[text] ? strcspn(p + text, "/") : 0;

		n += (size_t)snprintf(path + n, sizeof(path) - n, "%.*s%s", (int)text, p,
		    name ? "999999" : "");
		p += text + name;
	}
	snprintf(path + n, sizeof(path) - n, "%s", slash);
	return stack_http(s,
	    &(struct stack_ask){ .method = right->method,
	        .path = path,
	        .cookie = cookie,
	        .body = has_body ? "{}" : NULL });
}

static void check_right(struct stack *s, const struct right *right, int role, const char *cookie,
    const char *slash)
{
	struct stack_reply *r;
	char name[128];
	bool no;

	snprintf(name, sizeof(name), "%s %s%s as %d", right->method, right->path, slash, role);
	if (role >= right->least && right->once)
		return;
	r = try_right(s, right, cookie, slash);
	if (role == GUEST && right->least > GUEST) {
		check_401(name, r);
		return;
	}
	no = strcmp(stack_text(r->json, "message"), A04) == 0;
	if (r->status == 401 || r->status == 404 || no != (role < right->least))
		fail_msg("%s: status %d: %s", name, r->status, r->body.data);
}

static void test_rights(void **state)
{
	struct stack *s = *state;
	char password[64], root[128];
	const char *cookies[ROLES] = { NULL, user.cookie, admin.cookie, root };

	set_up(s);
	read_root_password(s, password);
	check_ok("root", stack_login(s, "root", password, root));
	for (size_t i = 0; i < COUNT_OF(rights); i++) {
		for (int role = GUEST; role < ROLES; role++) {
			check_right(s, &rights[i], role, cookies[role], "");
			check_right(s, &rights[i], role, cookies[role], "/");
		}
	}
}

/* Those that change who asks, with an account that is then gone. */
static void test_rights_once(void **state)
{
	struct stack *s = *state;
	struct stack_user gone = stack_user(s, &(struct stack_person){ .quota = 1000000 });
	struct stack_reply *r;
	char line[128], token[64];
	const char *const headers[] = { line, NULL };

	r = stack_as(s, &gone, "GET", "/api/user/token", NULL);
	check_ok("new token", r);
	snprintf(token, sizeof(token), "%s", stack_text(r->json, "data"));
	assert_int_equal(strlen(token), 32);
	snprintf(line, sizeof(line), "Authorization: %s", token);
	r = stack_http(s, &(struct stack_ask){ .path = "/api/user/self", .headers = headers });
	check_text("by token", stack_text(r->json, "data.username"), gone.name);
	check_ok("another", stack_as(s, &gone, "GET", "/api/user/token", NULL));
	check_no("the first is dead",
	    stack_http(s, &(struct stack_ask){ .path = "/api/user/self", .headers = headers }),
	    A02);

	stack_channel(s, &(struct stack_channel){ .models = "gpt-4o" });
	assert_int_equal(chat_status(s, gone.key), 200);
	check_ok("delete self", stack_as(s, &gone, "DELETE", "/api/user/self", NULL));
	check_401("its session", stack_as(s, &gone, "GET", "/api/user/self", NULL));
	assert_int_equal(chat_status(s, gone.key) / 100, 4);
	check_no("root stays", stack_root(s, "DELETE", "/api/user/self", NULL),
	    "The root account cannot be deleted");
}

static void test_unknown_paths(void **state)
{
	static const char *const asks[][2] = { { "GET", "/api/nothing" },
		{ "DELETE", "/api/status" }, { "POST", "/api/user/self" },
		{ "POST", "/api/user/pay" }, { "PATCH", "/api/user/" } };
	struct stack *s = *state;

	for (size_t i = 0; i < COUNT_OF(asks); i++) {
		struct stack_reply *r = stack_root(s, asks[i][0], asks[i][1], NULL);

		if (r->status != 404 ||
		    !begins(stack_text(r->json, "error.message"), "Invalid URL"))
			fail_msg("%s %s: status %d: %s", asks[i][0], asks[i][1], r->status,
			    r->body.data);
		check_text("type", stack_text(r->json, "error.type"), "invalid_request_error");
		check_text("cache", stack_header(r, "Cache-Control"), "no-store");
	}
}

static void test_status(void **state)
{
	static const char *const texts[] = { "version", "system_name", "logo", "footer_html",
		"github_client_id", "lark_client_id", "oidc_client_id", "server_address",
		"turnstile_site_key", "top_up_link", "chat_link", "wechat_qrcode" };
	static const char *const flags[] = { "email_verification", "github_oauth", "wechat_login",
		"turnstile_check", "oidc", "display_in_currency" };
	struct stack *s = *state;
	struct stack_reply *r = stack_http(s, &(struct stack_ask){ .path = "/api/status" });
	struct stack_reply *zh = stack_http(s,
	    &(struct stack_ask){ .path = "/api/user/self",
	        .headers = (const char *const[]){ "Accept-Language: zh-CN", NULL } });

	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		if (!cJSON_IsString(stack_at(stack_at(r->json, "data"), texts[i])))
			fail_msg("%s is no text", texts[i]);
	}
	for (size_t i = 0; i < COUNT_OF(flags); i++) {
		if (!cJSON_IsBool(stack_at(stack_at(r->json, "data"), flags[i])))
			fail_msg("%s is no flag", flags[i]);
	}
	assert_int_equal(stack_int(r->json, "data.quota_per_unit"), 500000);
	check_text("type", stack_header(r, "Content-Type"), "application/json; charset=utf-8");
	check_text("type of a refusal", stack_header(zh, "Content-Type"),
	    "application/json; charset=utf-8");
	check_text("Chinese", stack_text(zh->json, "message"), "尚未登录，也没有提供访问令牌");
}

/* ---- users -------------------------------------------------------------------------------------
 */

/* clang-format off */
static const struct {
	const char *name, *body, *refusal; /* NULL: created */
} new_users[] = {
	{ "no password", "{\"username\":\"newuser\"}", E01 },
	{ "no name", "{\"password\":\"password 1\"}", E01 },
	{ "13 characters", "{\"username\":\"abcdefghijklm\",\"password\":\"password 1\"}", E02 },
	{ "a control character", "{\"username\":\"a\\nb\",\"password\":\"password 1\"}", E02 },
	{ "a blank at the end", "{\"username\":\"ab \",\"password\":\"password 1\"}", E02 },
	{ "a short password", "{\"username\":\"newuser\",\"password\":\"7 chars\"}", E02 },
	{ "a long display name", "{\"username\":\"newuser\",\"password\":\"password 1\",\"display_name\":\"abcdefghijklmnopqrstu\"}", E02 },
	{ "role root", "{\"username\":\"newuser\",\"password\":\"password 1\",\"role\":100}", "The new user's level must be below your own" },
	{ "a number as name", "{\"username\":5,\"password\":\"password 1\"}", E01 },
	{ "12 characters of three bytes", "{\"username\":\"\xe4\xb8\x80\xe4\xb8\x80\xe4\xb8\x80\xe4\xb8\x80\xe4\xb8\x80\xe4\xb8\x80\xe4\xb8\x80\xe4\xb8\x80\xe4\xb8\x80\xe4\xb8\x80\xe4\xb8\x80\xe4\xb8\x80\",\"password\":\"password 1\"}", NULL },
	{ "plain", "{\"username\":\"Newuser\",\"password\":\"password 1\",\"quota\":5,\"group\":\"vip\",\"role\":10}", NULL },
	{ "the same in other case", "{\"username\":\"nEWUSER\",\"password\":\"password 1\"}", "This user name is taken" },
};
/* clang-format on */

static void test_create_users(void **state)
{
	struct stack *s = *state;
	const cJSON *u;

	for (size_t i = 0; i < COUNT_OF(new_users); i++) {
		struct stack_reply *r = stack_root(s, "POST", "/api/user/", new_users[i].body);

		if (new_users[i].refusal)
			check_no(new_users[i].name, r, new_users[i].refusal);
		else
			check_ok(new_users[i].name, r);
	}
	/* role, quota and group of the body are not for this call */
	u = stack_at(stack_api(s, "GET", "/api/user/search?keyword=newuser", NULL), "0");
	assert_int_equal(stack_int(u, "role"), 1);
	assert_int_equal(stack_int(u, "quota"), 0);
	check_text("group", stack_text(u, "group"), "default");
	check_text("display name", stack_text(u, "display_name"), "Newuser");
}

static void test_list_users(void **state)
{
	struct stack *s = *state;
	const cJSON *page;
	int64_t total, last = INT64_MAX;
	int rows = 0, n;

	set_up(s);
	for (int i = 0; i < 8; i++)
		stack_api(s, "POST", "/api/user/",
		    "{\"username\":\"list%d\",\"password\":\"password 1\"}", i);
	total = stack_sql_int(s, "SELECT count(*) FROM users WHERE status <> 3");
	for (int p = 0;; p++) {
		char path[64];

		snprintf(path, sizeof(path), "/api/user/?p=%d", p);
		page = stack_api(s, "GET", path, NULL);
		n = cJSON_GetArraySize(page);
		assert_true(n <= 10);
		for (int i = 0; i < n; i++) {
			const cJSON *u = cJSON_GetArrayItem(page, i);

			assert_true(stack_int(u, "id") < last);
			last = stack_int(u, "id");
			check_text("password", stack_text(u, "password"), "");
			check_text("access token", stack_text(u, "access_token"), "");
		}
		rows += n;
		if (n == 0)
			break;
		assert_true(n == 10 || rows == total);
	}
	assert_int_equal(rows, total);

	page = stack_api(s, "GET", "/api/user/?page_size=3", NULL);
	assert_int_equal(cJSON_GetArraySize(page), 3);
	page = stack_api(s, "GET", "/api/user/?page_size=1000&p=-1", NULL);
	assert_int_equal(cJSON_GetArraySize(page), 10);
	page = stack_api(s, "GET", "/api/user/?order=quota", NULL);
	check_text("the richest first", stack_text(page, "0.username"), "root");
	page = stack_api(s, "GET", "/api/user/search?keyword=list", NULL);
	assert_int_equal(cJSON_GetArraySize(page), 8);
	page = stack_api(s, "GET", "/api/user/search?keyword=l%25st", NULL);
	assert_int_equal(cJSON_GetArraySize(page), 0);
	page = stack_api(s, "GET", "/api/user/search?keyword=1", NULL);
	check_text("by id", stack_text(page, "0.username"), "root");
}

static const cJSON *get_user(struct stack *s, int64_t id)
{
	char path[64];

	snprintf(path, sizeof(path), "/api/user/%" PRId64, id);
	return stack_api(s, "GET", path, NULL);
}

static void test_update_user(void **state)
{
	struct stack *s = *state;
	struct stack_user u = stack_user(s, &(struct stack_person){ .quota = 1000000 });
	char cookie[128];

	stack_api(s, "PUT", "/api/user/",
	    "{\"id\":%" PRId64 ",\"display_name\":\"Shown\",\"email\":\"a@b.example\","
	    "\"group\":\"vip\",\"access_token\":\"x\",\"used_quota\":77,\"request_count\":77}",
	    u.id);
	check_text("display name", stack_text(get_user(s, u.id), "display_name"), "Shown");
	check_text("email", stack_text(get_user(s, u.id), "email"), "a@b.example");
	check_text("group", stack_text(get_user(s, u.id), "group"), "vip");
	assert_int_equal(stack_int(get_user(s, u.id), "used_quota"), 0);
	assert_int_equal(stack_int(get_user(s, u.id), "request_count"), 0);
	assert_int_equal(stack_int(get_user(s, u.id), "quota"), 1000000);

	/* absent is unchanged, empty is empty */
	stack_api(s, "PUT", "/api/user/", "{\"id\":%" PRId64 ",\"email\":\"\"}", u.id);
	check_text("email", stack_text(get_user(s, u.id), "email"), "");
	check_text("display name", stack_text(get_user(s, u.id), "display_name"), "Shown");
	check_ok("the session lives", stack_as(s, &u, "GET", "/api/user/self", NULL));

	stack_api(s, "PUT", "/api/user/", "{\"id\":%" PRId64 ",\"password\":\"another password\"}",
	    u.id);
	check_401("a new password ends sessions", stack_as(s, &u, "GET", "/api/user/self", NULL));
	check_no("the old password", stack_login(s, u.name, u.password, cookie), U03);
	check_ok("the new one", stack_login(s, u.name, "another password", cookie));
	check_no("unknown id", stack_root(s, "PUT", "/api/user/", "{\"id\":999999}"), E03);
	check_no("no id", stack_root(s, "PUT", "/api/user/", "{}"), E01);
}

/* The form sends the balance it loaded; what was spent meanwhile must stay spent. */
static void test_update_quota(void **state)
{
	struct stack *s = *state;
	struct stack_user u;
	int64_t spent;

	set_up(s);
	u = stack_user(s, &(struct stack_person){ .quota = 1000000 });
	assert_int_equal(chat_status(s, u.key), 200);
	assert_true(stack_wait_settled(s, 2000));
	spent = stack_sums(s, u.id).used_quota;
	assert_true(spent > 0);

	stack_api(s, "PUT", "/api/user/", "{\"id\":%" PRId64 ",\"quota\":1000000,\"used_quota\":0}",
	    u.id);
	assert_int_equal(stack_sums(s, u.id).quota, 1000000 - spent);
	stack_api(s, "PUT", "/api/user/",
	    "{\"id\":%" PRId64 ",\"quota\":1500000,\"quota_before\":1000000}", u.id);
	assert_int_equal(stack_sums(s, u.id).quota, 1500000 - spent);
	stack_api(s, "PUT", "/api/user/", "{\"id\":%" PRId64 ",\"quota_delta\":-500000}", u.id);
	assert_int_equal(stack_sums(s, u.id).quota, 1000000 - spent);
	stack_api(s, "PUT", "/api/user/", "{\"id\":%" PRId64 ",\"quota\":0}", u.id);
	assert_int_equal(stack_sums(s, u.id).quota, 0);
	stack_check_error("nothing left", stack_post(s, STACK_CHAT, u.key, CHAT_BODY), 403,
	    "one_api_error", "insufficient_user_quota", NULL);
}

static void test_topup(void **state)
{
	static const char *const once[] = { "Authorization: " STACK_ROOT_ACCESS,
		"Idempotency-Key: payment-1", NULL };
	struct stack *s = *state;
	struct stack_user u = stack_user(s, &(struct stack_person){ .quota = 10 });
	char body[512];
	struct stack_ask a = { .path = "/api/topup", .headers = once };

	stack_api(s, "POST", "/api/topup",
	    "{\"user_id\":%" PRId64 ",\"quota\":500,\"remark\":\"r\"}", u.id);
	assert_int_equal(stack_sums(s, u.id).quota, 510);
	a.body = with_id(body, "{\"user_id\":%d,\"quota\":40}", u.id);
	check_ok("paid", stack_http(s, &a));
	check_ok("paid, told again", stack_http(s, &a));
	assert_int_equal(stack_sums(s, u.id).quota, 550);
	check_no("negative",
	    stack_root(s, "POST", "/api/topup",
	        with_id(body, "{\"user_id\":%d,\"quota\":-1}", u.id)),
	    "The amount must not be negative");
	check_no("unknown user",
	    stack_root(s, "POST", "/api/topup", "{\"user_id\":999999,\"quota\":1}"),
	    "User does not exist");
	assert_int_equal(stack_sums(s, u.id).quota, 550);
}

static struct stack_reply *manage(struct stack *s, const struct stack_user *who, const char *name,
    const char *action)
{
	char body[128];

	snprintf(body, sizeof(body), "{\"username\":\"%s\",\"action\":\"%s\"}", name, action);
	return who ? stack_as(s, who, "POST", "/api/user/manage", body)
	           : stack_root(s, "POST", "/api/user/manage", body);
}

static void test_manage_users(void **state)
{
	struct stack *s = *state;
	struct stack_user u;
	struct stack_reply *r;
	char cookie[128], path[64];

	set_up(s);
	u = stack_user(s, &(struct stack_person){ .quota = 1000000 });
	assert_int_equal(chat_status(s, u.key), 200);
	r = manage(s, NULL, u.name, "disable");
	check_ok("disable", r);
	assert_int_equal(stack_int(r->json, "data.status"), 2);
	wait_chat_status(s, "disabled", u.key, 403);
	assert_int_not_equal(
	    cJSON_IsTrue(stack_at(stack_as(s, &u, "GET", "/api/user/self", NULL)->json, "success")),
	    1);
	r = manage(s, NULL, u.name, "enable");
	assert_int_equal(stack_int(r->json, "data.status"), 1);
	wait_chat_status(s, "enabled", u.key, 200);

	r = manage(s, NULL, u.name, "promote");
	assert_int_equal(stack_int(r->json, "data.role"), 10);
	check_no("twice", manage(s, NULL, u.name, "promote"),
	    "The user already is an administrator");
	stack_login(s, u.name, u.password, u.cookie);
	check_ok("an admin now", stack_as(s, &u, "GET", "/api/user/", NULL));
	r = manage(s, NULL, u.name, "demote");
	assert_int_equal(stack_int(r->json, "data.role"), 1);
	stack_login(s, u.name, u.password, u.cookie);
	check_no("no longer", stack_as(s, &u, "GET", "/api/user/", NULL), A04);
	check_no("twice", manage(s, NULL, u.name, "demote"), "The user already is a common user");

	check_no("unknown", manage(s, NULL, "nobody", "disable"), "User does not exist");
	check_no("no name", manage(s, NULL, "", "disable"), E01);
	check_no("unknown action", manage(s, NULL, u.name, "paint"), E01);
	check_no("root", manage(s, NULL, "root", "disable"), "The root account cannot be disabled");
	check_no("root", manage(s, NULL, "root", "delete"), "The root account cannot be deleted");
	check_no("root", manage(s, NULL, "root", "demote"), "The root account cannot be demoted");

	check_ok("delete", manage(s, NULL, u.name, "delete"));
	assert_int_equal(chat_status(s, u.key) / 100, 4);
	check_no("login", stack_login(s, u.name, u.password, cookie), U03);
	snprintf(path, sizeof(path), "/api/user/search?keyword=%s", u.name);
	assert_int_equal(cJSON_GetArraySize(stack_api(s, "GET", path, NULL)), 0);
	check_ok("the name is free again",
	    stack_root(s, "POST", "/api/user/",
	        "{\"username\":\"freed\",\"password\":\"password 1\"}"));
}

/* An admin rules over common users only. */
static void test_ranks(void **state)
{
	struct stack *s = *state;
	struct stack_user second;
	char body[512], path[64];

	set_up(s);
	second = stack_user(s, &(struct stack_person){ .role = 10 });
	snprintf(path, sizeof(path), "/api/user/%" PRId64, second.id);
	check_no("sees an admin", stack_as(s, &admin, "GET", path, NULL),
	    "No permission to view users");
	check_no("sees root", stack_as(s, &admin, "GET", "/api/user/1", NULL),
	    "No permission to view users");
	check_no("changes an admin",
	    stack_as(s, &admin, "PUT", "/api/user/",
	        with_id(body, "{\"id\":%d,\"quota\":5}", second.id)),
	    "No permission to change users");
	check_no("changes root",
	    stack_as(s, &admin, "PUT", "/api/user/", "{\"id\":1,\"password\":\"password 1\"}"),
	    "No permission to change users");
	check_no("deletes an admin", stack_as(s, &admin, "DELETE", path, NULL),
	    "No permission to delete users");
	check_no("deletes root", stack_as(s, &admin, "DELETE", "/api/user/1", NULL),
	    "No permission to delete users");
	check_no("disables an admin", manage(s, &admin, second.name, "disable"),
	    "No permission to change users");
	check_no("makes an admin", manage(s, &admin, user.name, "promote"),
	    "Only root can make administrators");
	check_no("raises by the form",
	    stack_as(s, &admin, "PUT", "/api/user/",
	        with_id(body, "{\"id\":%d,\"role\":10}", user.id)),
	    "A user cannot be raised");
	assert_int_equal(stack_int(get_user(s, user.id), "role"), 1);
	check_no("creates an admin",
	    stack_as(s, &admin, "POST", "/api/user/",
	        "{\"username\":\"x\",\"password\":\"password 1\",\"role\":10}"),
	    "The new user's level");
	check_ok("changes a user",
	    stack_as(s, &admin, "PUT", "/api/user/",
	        with_id(body, "{\"id\":%d,\"display_name\":\"by admin\"}", user.id)));
}

/* ---- keys
 * ---------------------------------------------------------------------------------------- */

static const cJSON *put_key(struct stack *s, const struct stack_user *u, const char *query,
    const char *format, int64_t id)
{
	char body[512], path[64];

	snprintf(path, sizeof(path), "/api/token/%s", query);
	return check_ok(format, stack_as(s, u, "PUT", path, with_id(body, format, id)));
}

static void test_keys(void **state)
{
	struct stack *s = *state;
	struct stack_reply *r;
	char key[64], path[64], body[512];
	const cJSON *row;
	int64_t id;

	set_up(s);
	r = stack_as(s, &user, "POST", "/api/token/",
	    "{\"name\":\"mine\",\"remain_quota\":500000,\"models\":\"gpt-4o, gpt-4o-mini ,\","
	    "\"subnet\":\"127.0.0.0/8\"}");
	row = check_ok("create", r);
	snprintf(key, sizeof(key), "%s", stack_text(row, "key"));
	id = stack_int(row, "id");
	assert_int_equal(strlen(key), 48);
	assert_int_equal(
	    strspn(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"), 48);
	assert_int_equal(stack_int(row, "expired_time"), -1);
	assert_int_equal(stack_int(row, "status"), 1);
	check_text("models", stack_text(row, "models"), "gpt-4o,gpt-4o-mini");
	assert_int_equal(chat_status(s, key), 200);

	/* list, search, get: with the key, for its owner only */
	check_text("list",
	    stack_text(check_ok("list", stack_as(s, &user, "GET", "/api/token/", NULL)), "0.key"),
	    key);
	row = check_ok("search", stack_as(s, &user, "GET", "/api/token/search?keyword=min", NULL));
	assert_int_equal(cJSON_GetArraySize(row), 1);
	snprintf(path, sizeof(path), "/api/token/%" PRId64, id);
	check_text("get", stack_text(check_ok("get", stack_as(s, &user, "GET", path, NULL)), "key"),
	    key);
	check_no("get by another", stack_as(s, &other, "GET", path, NULL), E03);
	check_no("get by root", stack_root(s, "GET", path, NULL), E03);
	check_no("update by another",
	    stack_as(s, &other, "PUT", "/api/token/",
	        with_id(body, "{\"id\":%d,\"name\":\"x\"}", id)),
	    E03);
	check_no("delete by another", stack_as(s, &other, "DELETE", path, NULL), E03);
	row = check_ok("search by another",
	    stack_as(s, &other, "GET", "/api/token/search?keyword=mine", NULL));
	assert_int_equal(cJSON_GetArraySize(row), 0);

	/* absent is unchanged */
	row = put_key(s, &user, "", "{\"id\":%d,\"name\":\"renamed\"}", id);
	check_text("name", stack_text(row, "name"), "renamed");
	assert_int_equal(stack_int(row, "expired_time"), -1);
	check_text("models", stack_text(row, "models"), "gpt-4o,gpt-4o-mini");
	assert_int_equal(chat_status(s, key), 200);

	put_key(s, &user, "?status_only=true", "{\"id\":%d,\"status\":2,\"name\":\"ignored\"}", id);
	wait_chat_status(s, "disabled", key, 401);
	check_text("only the status",
	    stack_text(check_ok("get", stack_as(s, &user, "GET", path, NULL)), "name"), "renamed");
	put_key(s, &user, "?status_only=true", "{\"id\":%d,\"status\":1}", id);
	wait_chat_status(s, "enabled", key, 200);
	put_key(s, &user, "", "{\"id\":%d,\"models\":\"gpt-3.5\"}", id);
	wait_chat_status(s, "other models", key, 403);
	put_key(s, &user, "", "{\"id\":%d,\"models\":\"\",\"subnet\":\"10.0.0.0/8\"}", id);
	wait_chat_status(s, "other network", key, 403);
	put_key(s, &user, "", "{\"id\":%d,\"subnet\":\"\"}", id);
	wait_chat_status(s, "any network", key, 200);

	check_ok("delete", stack_as(s, &user, "DELETE", path, NULL));
	wait_chat_status(s, "deleted", key, 401);
	check_no("get", stack_as(s, &user, "GET", path, NULL), E03);
	check_no("delete again", stack_as(s, &user, "DELETE", path, NULL), E03);
}

/* What stopped by itself starts again once the reason is gone, not before. */
static void test_revive_keys(void **state)
{
	struct stack *s = *state;
	char key[64], body[512];
	int64_t id;

	set_up(s);
	id = stack_key(s, &user, "\"unlimited_quota\":true,\"expired_time\":1600000000", key);
	assert_int_equal(chat_status(s, key), 401);
	while (stack_sql_int(s, "SELECT status FROM tokens ORDER BY id DESC LIMIT 1") != 3)
		stack_sleep_ms(10);
	check_no("expired",
	    stack_as(s, &user, "PUT", "/api/token/?status_only=1",
	        with_id(body, "{\"id\":%d,\"status\":1}", id)),
	    "The key has expired");
	put_key(s, &user, "", "{\"id\":%d,\"expired_time\":-1}", id);
	wait_chat_status(s, "never expires", key, 200);

	id = stack_key(s, &user, "\"remain_quota\":0", key);
	assert_int_equal(chat_status(s, key), 401);
	while (stack_sql_int(s, "SELECT status FROM tokens ORDER BY id DESC LIMIT 1") != 4)
		stack_sleep_ms(10);
	check_no("exhausted",
	    stack_as(s, &user, "PUT", "/api/token/?status_only=1",
	        with_id(body, "{\"id\":%d,\"status\":1}", id)),
	    "The key has no quota left");
	put_key(s, &user, "", "{\"id\":%d,\"remain_quota\":100000}", id);
	wait_chat_status(s, "filled up", key, 200);
}

/* clang-format off */
static const struct {
	const char *name, *body, *refusal;
} bad_keys[] = {
	{ "31 bytes", "{\"name\":\"abcdefghijklmnopqrstuvwxyz12345\"}", "Invalid parameter: name too long" },
	{ "no network", "{\"name\":\"x\",\"subnet\":\"127.0.0.0/33\"}", "Invalid parameter: invalid network 127.0.0.0/33" },
	{ "a name as network", "{\"name\":\"x\",\"subnet\":\"10.0.0.0/8,localhost\"}", "Invalid parameter: invalid network localhost" },
	{ "negative", "{\"name\":\"x\",\"remain_quota\":-1}", E01 },
	{ "a fraction", "{\"name\":\"x\",\"remain_quota\":1.5}", E01 },
	{ "text for a number", "{\"name\":\"x\",\"remain_quota\":\"5\"}", E01 },
	{ "beyond all bounds", "{\"name\":\"x\",\"remain_quota\":9223372036854775807}", E01 },
	{ "no JSON", "name=x", E01 },
	{ "a list", "[]", E01 },
};
/* clang-format on */

static void test_bad_keys(void **state)
{
	struct stack *s = *state;

	set_up(s);
	for (size_t i = 0; i < COUNT_OF(bad_keys); i++)
		check_no(bad_keys[i].name,
		    stack_as(s, &user, "POST", "/api/token/", bad_keys[i].body),
		    bad_keys[i].refusal);
	check_no("status 4",
	    stack_as(s, &user, "PUT", "/api/token/?status_only=1", "{\"id\":1,\"status\":4}"), "");
	check_no("no id", stack_as(s, &user, "PUT", "/api/token/", "{}"), "The id is missing");
}

/* ---- channels
 * ------------------------------------------------------------------------------------ */

static const cJSON *get_channel(struct stack *s, int64_t id)
{
	char path[64];

	snprintf(path, sizeof(path), "/api/channel/%" PRId64, id);
	return stack_api(s, "GET", path, NULL);
}

/* Asks the model and returns whose key the upstream saw. */
static const char *key_upstream(struct stack *s, const char *model)
{
	char body[256];
	struct stack_reply *r;

	snprintf(body, sizeof(body), "{\"model\":\"%s\"," SAID, model);
	r = stack_post(s, STACK_CHAT, STACK_ROOT_KEY, body);
	if (r->status != 200)
		fail_msg("%s: status %d: %s", model, r->status, r->body.data);
	return stack_text(stack_last(s), "headers.authorization");
}

static void test_channels(void **state)
{
	struct stack *s = *state;
	const cJSON *rows, *c;
	int64_t id;

	/* one channel a line of the key: blanks, CR and doubles do not count */
	stack_api(s, "POST", "/api/channel/",
	    "{\"type\":1,\"name\":\"three\",\"key\":\"sk-one\\r\\n sk-two "
	    "\\n\\nsk-one\\nsk-three\","
	    "\"base_url\":\"%s/\",\"models\":\" gpt-4.1 ,,gpt-4.1-mini\",\"group\":\"default, "
	    "vip\"}",
	    s->upstream);
	rows = stack_api(s, "GET", "/api/channel/search?keyword=three", NULL);
	assert_int_equal(cJSON_GetArraySize(rows), 3);
	c = cJSON_GetArrayItem(rows, 0);
	check_text("key", stack_text(c, "key"), "");
	check_text("models", stack_text(c, "models"), "gpt-4.1,gpt-4.1-mini");
	check_text("group", stack_text(c, "group"), "default,vip");
	check_text("base", stack_text(c, "base_url"), s->upstream);
	assert_int_equal(stack_int(c, "status"), 1);
	for (int i = 0; i < 3; i++)
		check_text("key", stack_text(cJSON_GetArrayItem(rows, i), "key"), "");
	for (int i = 1; i < 3; i++)
		stack_channel_delete(s, stack_int(cJSON_GetArrayItem(rows, i), "id"));
	id = stack_int(c, "id");
	stack_wait_catalog(s);
	assert_true(begins(key_upstream(s, "gpt-4.1"), "Bearer sk-"));

	/* the switch and the number of the table */
	stack_api(s, "PUT", "/api/channel/", "{\"id\":%" PRId64 ",\"status\":2}", id);
	stack_wait_catalog(s);
	stack_check_error("off",
	    stack_post(s, STACK_CHAT, STACK_ROOT_KEY, "{\"model\":\"gpt-4.1\"," SAID), 503,
	    "one_api_error", "no_channel", NULL);
	c = stack_api(s, "PUT", "/api/channel/",
	    "{\"id\":%" PRId64 ",\"status\":1,\"priority\":-3}", id);
	assert_int_equal(stack_int(c, "status"), 1);
	assert_int_equal(stack_int(c, "priority"), -3);
	check_text("nothing else", stack_text(c, "models"), "gpt-4.1,gpt-4.1-mini");

	/* the form: everything it loaded, the key empty */
	stack_api(s, "PUT", "/api/channel/", "{\"id\":%" PRId64 ",\"key\":\"sk-new\"}", id);
	c = stack_api(s, "PUT", "/api/channel/",
	    "{\"id\":%" PRId64 ",\"type\":1,\"key\":\"\",\"status\":1,\"name\":\"form\","
	    "\"weight\":4,\"created_time\":1,\"test_time\":1,\"response_time\":1,\"balance\":99,"
	    "\"balance_updated_time\":1,\"used_quota\":123456,\"base_url\":\"%s\",\"other\":\"\","
	    "\"models\":\"gpt-4.1\",\"group\":\"default\",\"model_mapping\":\"\",\"priority\":0,"
	    "\"config\":\"{}\",\"system_prompt\":\"\"}",
	    id, s->upstream);
	check_text("key in the answer", stack_text(c, "key"), "");
	check_text("name", stack_text(c, "name"), "form");
	assert_int_equal(stack_int(c, "weight"), 4);
	assert_int_not_equal(stack_int(c, "used_quota"), 123456);
	assert_int_not_equal(stack_int(c, "created_time"), 1);
	assert_int_equal(stack_int(c, "balance"), 0);
	stack_wait_catalog(s);
	check_text("the key stayed", key_upstream(s, "gpt-4.1"), "Bearer sk-new");

	stack_channel_delete(s, id);
	stack_check_error("deleted",
	    stack_post(s, STACK_CHAT, STACK_ROOT_KEY, "{\"model\":\"gpt-4.1\"," SAID), 503,
	    "one_api_error", "no_channel", NULL);
}

/* clang-format off */
static const struct {
	const char *name, *body;
} bad_channels[] = {
	{ "type 0", "{\"type\":0,\"name\":\"x\",\"key\":\"k\",\"models\":\"m\"}" },
	{ "type 52", "{\"type\":52,\"name\":\"x\",\"key\":\"k\",\"models\":\"m\"}" },
	{ "no name", "{\"type\":1,\"key\":\"k\",\"models\":\"m\"}" },
	{ "no key", "{\"type\":1,\"name\":\"x\",\"models\":\"m\"}" },
	{ "blank key", "{\"type\":1,\"name\":\"x\",\"key\":\" \\r\\n \",\"models\":\"m\"}" },
	{ "no models", "{\"type\":1,\"name\":\"x\",\"key\":\"k\"}" },
	{ "only commas", "{\"type\":1,\"name\":\"x\",\"key\":\"k\",\"models\":\" , ,\"}" },
	{ "a file", "{\"type\":1,\"name\":\"x\",\"key\":\"k\",\"models\":\"m\",\"base_url\":\"file:///etc/passwd\"}" },
	{ "a URL with a line end", "{\"type\":1,\"name\":\"x\",\"key\":\"k\",\"models\":\"m\",\"base_url\":\"http://a\\r\\nX: y\"}" },
	{ "Azure without a URL", "{\"type\":3,\"name\":\"x\",\"key\":\"k\",\"models\":\"m\"}" },
	{ "mapping no JSON", "{\"type\":1,\"name\":\"x\",\"key\":\"k\",\"models\":\"m\",\"model_mapping\":\"a=b\"}" },
	{ "mapping of numbers", "{\"type\":1,\"name\":\"x\",\"key\":\"k\",\"models\":\"m\",\"model_mapping\":\"{\\\"a\\\":1}\"}" },
	{ "config a list", "{\"type\":1,\"name\":\"x\",\"key\":\"k\",\"models\":\"m\",\"config\":\"[]\"}" },
	{ "negative weight", "{\"type\":1,\"name\":\"x\",\"key\":\"k\",\"models\":\"m\",\"weight\":-1}" },
};
/* clang-format on */

static void test_bad_channels(void **state)
{
	struct stack *s = *state;
	int64_t before = stack_sql_int(s, "SELECT count(*) FROM channels");
	struct stack_reply *r;

	for (size_t i = 0; i < COUNT_OF(bad_channels); i++)
		check_no(bad_channels[i].name,
		    stack_root(s, "POST", "/api/channel/", bad_channels[i].body), "");
	assert_int_equal(stack_sql_int(s, "SELECT count(*) FROM channels"), before);
	check_no("unknown id",
	    stack_root(s, "PUT", "/api/channel/", "{\"id\":999999,\"status\":2}"), E03);
	check_no("no id", stack_root(s, "PUT", "/api/channel/", "{\"status\":2}"),
	    "The id is missing");
	check_no("get unknown", stack_root(s, "GET", "/api/channel/999999", NULL), E03);
	r = stack_root(s, "GET", "/api/channel/x", NULL);
	check_no("get no number", r, E01);
}

/* Secrets of config are shown as a mask, which sent back means unchanged. */
static void test_channel_config(void **state)
{
	struct stack *s = *state;
	int64_t id = stack_channel(s,
	    &(struct stack_channel){ .type = 33,
	        .models = "claude-3-haiku-20240307",
	        .config = "{\"region\":\"us-east-1\",\"ak\":\"AKSECRET\",\"sk\":\"SKSECRET\"}" });
	const char *shown = stack_text(get_channel(s, id), "config");
	const cJSON *c;

	assert_null(strstr(shown, "SECRET"));
	assert_non_null(strstr(shown, "us-east-1"));
	c = stack_api(s, "PUT", "/api/channel/",
	    "{\"id\":%" PRId64 ",\"config\":\"{\\\"region\\\":\\\"eu-west-1\\\",\\\"ak\\\":"
	    "\\\"********\\\",\\\"sk\\\":\\\"\\\"}\"}",
	    id);
	assert_non_null(strstr(stack_text(c, "config"), "eu-west-1"));
	assert_null(strstr(stack_text(c, "config"), "SECRET"));
	assert_non_null(strstr(stack_text(c, "config"), "\"sk\":\"********\""));
	assert_int_equal(stack_sql_int(s,
	                     "SELECT count(*) FROM channels WHERE config_sealed LIKE '%SECRET%' OR "
	                     "key_sealed LIKE '%sk-%'"),
	    0);
	stack_channel_delete(s, id);
}

static void test_channel_list(void **state)
{
	struct stack *s = *state;
	int64_t total;
	const cJSON *page;

	stack_api(s, "POST", "/api/channel/",
	    "{\"type\":1,\"name\":\"many\",\"key\":"
	    "\"k1\\nk2\\nk3\\nk4\\nk5\\nk6\\nk7\\nk8\\nk9\\nk10\\nk11\\nk12\","
	    "\"models\":\"m-many\",\"status\":2}");
	total = stack_sql_int(s, "SELECT count(*) FROM channels");
	page = stack_api(s, "GET", "/api/channel/?p=0", NULL);
	assert_int_equal(cJSON_GetArraySize(page), 10);
	assert_true(stack_int(page, "0.id") > stack_int(page, "9.id"));
	page = stack_api(s, "GET", "/api/channel/?p=1", NULL);
	assert_int_equal(cJSON_GetArraySize(page), total < 20 ? total - 10 : 10);
	page = stack_api(s, "GET", "/api/channel/?p=900", NULL);
	assert_int_equal(cJSON_GetArraySize(page), 0);
	assert_true(cJSON_IsArray(page));

	/* all that are switched off go at once */
	page = stack_api(s, "DELETE", "/api/channel/disabled", NULL);
	assert_int_equal(page->valuedouble, 12);
	assert_int_equal(stack_sql_int(s, "SELECT count(*) FROM channels"), total - 12);
	assert_int_equal(stack_sql_int(s, "SELECT count(*) FROM abilities WHERE model = 'm-many'"),
	    0);
}

static struct stack_reply *test_one(struct stack *s, int64_t id, const char *query)
{
	char path[128];

	snprintf(path, sizeof(path), "/api/channel/test/%" PRId64 "%s", id, query);
	return stack_root(s, "GET", path, NULL);
}

static void test_channel_test(void **state)
{
	struct stack *s = *state;
	int64_t id = stack_channel(s,
	    &(struct stack_channel){ .models = "gpt-4.1,gpt-4.1-mini,gpt-4o-mini",
	        .mapping = "{\"gpt-4.1\":\"gpt-4.1-2025\"}",
	        .key = "sk-tested" });
	struct stack_sums before;
	struct stack_reply *r;
	char body[64];

	assert_true(stack_wait_settled(s, 2000));
	before = stack_sums(s, 0);
	r = test_one(s, id, "");
	assert_true(cJSON_IsTrue(stack_at(r->json, "success")));
	check_text("its first model, mapped", stack_text(r->json, "model"), "gpt-4.1-2025");
	check_text("nothing was asked for", stack_text(r->json, "modelName"), "");
	assert_true(cJSON_IsNumber(stack_at(r->json, "time")));
	assert_true(begins(stack_text(r->json, "message"), "echo: "));
	check_text("key", stack_text(stack_last(s), "headers.authorization"), "Bearer sk-tested");
	assert_int_equal(stack_sql_int(s, "SELECT count(*) FROM logs WHERE type = 5 AND quota = 0"),
	    1);
	assert_true(stack_int(get_channel(s, id), "test_time") > 0);
	assert_int_equal(stack_sql_int(s,
	                     stack_fmt("SELECT count(*) FROM audits WHERE subject = 'channel' AND "
	                               "action = 'GET /api/channel/test/:id' AND user_id = 1 AND "
	                               "subject_id = '%" PRId64 "'",
	                         id)),
	    1);

	r = test_one(s, id, "?model=gpt-4.1-mini");
	check_text("by name", stack_text(r->json, "model"), "gpt-4.1-mini");
	check_text("as asked", stack_text(r->json, "modelName"), "gpt-4.1-mini");
	r = test_one(s, id, "?model=gpt-4");
	check_text("a part of a name is none", stack_text(r->json, "model"), "gpt-4.1-2025");

	stack_script(s, "gpt-4o-mini",
	    "status 401\nbody {\"error\":{\"message\":\"no such "
	    "key\",\"code\":\"invalid_api_key\"}}\n");
	r = test_one(s, id, "?model=gpt-4o-mini");
	assert_int_equal(r->status, 200);
	assert_true(cJSON_IsFalse(stack_at(r->json, "success")));
	assert_int_equal(stack_int(r->json, "time"), 0);
	assert_true(begins(stack_text(r->json, "message"), "http status code: 401"));
	assert_int_equal(stack_int(get_channel(s, id), "response_time"), 0);
	assert_int_equal(stack_int(get_channel(s, id), "status"), 1);

	stack_script(s, "gpt-4o-mini", "body {\"choices\":[],\"usage\":{\"total_tokens\":1}}\n");
	check_text("no choices", stack_text(test_one(s, id, "?model=gpt-4o-mini")->json, "message"),
	    "The answer has no choices");
	stack_script(s, "gpt-4o-mini", "body {\"choices\":[{\"message\":{\"content\":\"x\"}}]}\n");
	check_text("no usage", stack_text(test_one(s, id, "?model=gpt-4o-mini")->json, "message"),
	    "The usage is missing in the answer");

	/* a test costs nobody anything */
	before.reservations = 0;
	assert_memory_equal(&before, &(struct stack_sums[]){ stack_sums(s, 0) }, sizeof(before));
	check_no("unknown channel", test_one(s, 999999, ""), E03);
	snprintf(body, sizeof(body), "{\"id\":%" PRId64 ",\"status\":2}", id);
	stack_root(s, "PUT", "/api/channel/", body);
	assert_true(cJSON_IsTrue(stack_at(test_one(s, id, "")->json, "success")));
	stack_channel_delete(s, id);
}

/* ---- options
 * ------------------------------------------------------------------------------------- */

static void test_options(void **state)
{
	static const char *const needed[] = { "EmailDomainWhitelist", "ModelRatio", "GroupRatio",
		"CompletionRatio" };
	static const char *const secret[] = { "SMTPToken", "GitHubClientSecret",
		"TurnstileSecretKey", "WeChatServerToken", "OidcClientSecret", "LarkClientSecret" };
	struct stack *s = *state;
	const cJSON *options = stack_api(s, "GET", "/api/option/", NULL), *o;

	for (size_t i = 0; i < COUNT_OF(needed) + COUNT_OF(secret); i++) {
		const char *name = i < COUNT_OF(needed) ? needed[i] : secret[i - COUNT_OF(needed)];
		const char *value = NULL;

		cJSON_ArrayForEach(o, options)
		{
			if (!cJSON_IsString(stack_at(o, "value")))
				fail_msg("%s is no text", stack_text(o, "key"));
			if (strcmp(stack_text(o, "key"), name) == 0)
				value = stack_text(o, "value");
		}
		if (!value != (i >= COUNT_OF(needed)))
			fail_msg("%s: %s", name, value ? value : "missing");
		if (value && strstr(name, "Ratio")) {
			cJSON *tree = cJSON_Parse(value);

			assert_true(cJSON_IsObject(tree));
			cJSON_Delete(tree);
		}
	}
}

/* clang-format off */
static const struct {
	const char *name, *body;
	int status;
} bad_options[] = {
	{ "no JSON", "key=ModelRatio", 400 },
	{ "no key", "{\"value\":\"1\"}", 400 },
	{ "no value", "{\"key\":\"ModelRatio\"}", 400 },
	{ "unknown", "{\"key\":\"NoSuchOption\",\"value\":\"1\"}", 200 },
	{ "ratio no JSON", "{\"key\":\"ModelRatio\",\"value\":\"{\"}", 200 },
	{ "ratio negative", "{\"key\":\"ModelRatio\",\"value\":\"{\\\"gpt-4o\\\":-1}\"}", 200 },
	{ "ratio text", "{\"key\":\"GroupRatio\",\"value\":\"{\\\"default\\\":\\\"1\\\"}\"}", 200 },
	{ "a word for a number", "{\"key\":\"RetryTimes\",\"value\":\"many\"}", 200 },
	{ "GitHub without an id", "{\"key\":\"GitHubOAuthEnabled\",\"value\":\"true\"}", 200 },
};
/* clang-format on */

static void test_bad_options(void **state)
{
	struct stack *s = *state;

	for (size_t i = 0; i < COUNT_OF(bad_options); i++) {
		struct stack_reply *r = stack_root(s, "PUT", "/api/option/", bad_options[i].body);

		if (r->status != bad_options[i].status ||
		    !cJSON_IsFalse(stack_at(r->json, "success")))
			fail_msg("%s: status %d: %s", bad_options[i].name, r->status, r->body.data);
	}
	assert_int_equal(stack_sql_int(s,
	                     "SELECT count(*) FROM options WHERE name IN "
	                     "('ModelRatio', 'GroupRatio', 'RetryTimes', "
	                     "'GitHubOAuthEnabled', 'NoSuchOption')"),
	    0);
}

static int64_t cost_of(struct stack *s, const char *body)
{
	struct stack_user u = stack_user(s, &(struct stack_person){ .quota = 10000000 });
	struct stack_reply *r = stack_post(s, STACK_CHAT, u.key, body);

	if (r->status != 200)
		fail_msg("status %d: %s", r->status, r->body.data);
	assert_true(stack_wait_settled(s, 2000));
	return stack_sums(s, u.id).charged;
}

/* The relay prices by what was saved, without a restart. */
static void test_options_live(void **state)
{
	struct stack *s = *state;
	static const char body[] = "{\"model\":\"house-model\"," SAID;
	int64_t id = stack_channel(s, &(struct stack_channel){ .models = "house-model" });
	int64_t until;

	stack_check_error("no price yet", stack_post(s, STACK_CHAT, STACK_ROOT_KEY, body), 503,
	    "one_api_error", "model_price_missing", NULL);
	stack_api(s, "PUT", "/api/option/",
	    "{\"key\":\"ModelRatio\",\"value\":\"{\\\"house-model\\\":2}\"}");
	until = stack_now_ms() + LIVE_MS;
	while (stack_post(s, STACK_CHAT, STACK_ROOT_KEY, body)->status != 200) {
		if (stack_now_ms() > until)
			fail_msg("the price did not arrive");
		stack_sleep_ms(20);
	}
	/* 10 tokens in, 7 out */
	assert_int_equal(cost_of(s, body), 34);
	stack_option(s, "CompletionRatio", "{\"house-model\":3}");
	assert_int_equal(cost_of(s, body), 62);
	stack_option(s, "GroupRatio", "{\"default\":0.5,\"vip\":1}");
	assert_int_equal(cost_of(s, body), 31);
	stack_option(s, "GroupRatio", "{\"default\":1,\"vip\":1}");
	assert_int_equal(cost_of(s, CHAT_BODY), 48); /* built-in prices stayed */
	stack_option(s, "LogConsumeEnabled", "false");
	assert_int_equal(cost_of(s, body), 0); /* no row */
	stack_option(s, "LogConsumeEnabled", "true");
	stack_channel_delete(s, id);
}

static void test_site_texts(void **state)
{
	struct stack *s = *state;
	struct stack_reply *r;

	stack_option(s, "Notice", "# \xe4\xbd\xa0\xe5\xa5\xbd <b>\"x\"</b>");
	stack_option(s, "SystemName", "House");
	r = stack_http(s, &(struct stack_ask){ .path = "/api/notice" });
	check_text("notice", stack_text(r->json, "data"),
	    "# \xe4\xbd\xa0\xe5\xa5\xbd <b>\"x\"</b>");
	r = stack_http(s, &(struct stack_ask){ .path = "/api/status" });
	check_text("name", stack_text(r->json, "data.system_name"), "House");
}

/* ---- logs
 * ---------------------------------------------------------------------------------------- */

static const cJSON *log_rows(struct stack *s, const struct stack_user *u, const char *path)
{
	return u ? check_ok(path, stack_as(s, u, "GET", path, NULL))
	         : stack_api(s, "GET", path, NULL);
}

static void test_logs(void **state)
{
	struct stack *s = *state;
	struct stack_user a, b;
	const cJSON *rows;
	char path[256];
	int64_t now;

	set_up(s);
	a = stack_user(s, &(struct stack_person){ .quota = 1000000 });
	b = stack_user(s, &(struct stack_person){ .quota = 1000000 });
	for (int i = 0; i < 12; i++)
		assert_int_equal(chat_status(s, a.key), 200);
	assert_int_equal(chat_status(s, b.key), 200);
	assert_true(stack_wait_settled(s, 2000));

	/* own rows, without the channel */
	rows = log_rows(s, &a, "/api/log/self?p=0&type=2");
	assert_int_equal(cJSON_GetArraySize(rows), 10);
	assert_true(stack_int(rows, "0.id") > stack_int(rows, "9.id"));
	for (int i = 0; i < 10; i++) {
		const cJSON *row = cJSON_GetArrayItem(rows, i);

		check_text("user", stack_text(row, "username"), a.name);
		check_text("model", stack_text(row, "model_name"), "gpt-4o");
		assert_int_equal(stack_int(row, "channel"), 0);
		assert_int_equal(stack_int(row, "quota"), 48);
		assert_int_equal(stack_int(row, "prompt_tokens"), 10);
		assert_int_equal(stack_int(row, "completion_tokens"), 7);
		assert_true(cJSON_IsFalse(stack_at(row, "is_stream")));
		assert_true(strlen(stack_text(row, "request_id")) > 20);
	}
	assert_int_equal(cJSON_GetArraySize(log_rows(s, &a, "/api/log/self?p=1&type=2")), 2);
	assert_int_equal(cJSON_GetArraySize(log_rows(s, &a, "/api/log/self?p=2&type=2")), 0);
	assert_int_equal(cJSON_GetArraySize(log_rows(s, &a, "/api/log/self?type=2&page_size=100")),
	    12);
	snprintf(path, sizeof(path), "/api/log/self?type=2&username=%s", a.name);
	assert_int_equal(cJSON_GetArraySize(log_rows(s, &b, path)), 1);
	assert_int_equal(stack_int(log_rows(s, &a, "/api/log/self/stat?type=2"), "quota"), 12 * 48);
	assert_int_equal(stack_int(log_rows(s, &b, path + 0), "0.quota"), 48);

	/* everybody's, with it */
	snprintf(path, sizeof(path), "/api/log/?type=2&username=%s&page_size=50", a.name);
	rows = log_rows(s, NULL, path);
	assert_int_equal(cJSON_GetArraySize(rows), 12);
	assert_true(stack_int(rows, "0.channel") > 0);
	snprintf(path, sizeof(path), "/api/log/stat?username=%s", b.name);
	assert_int_equal(stack_int(log_rows(s, NULL, path), "quota"), 48);
	snprintf(path, sizeof(path), "/api/log/?username=%s&model_name=gpt-4", a.name);
	assert_int_equal(cJSON_GetArraySize(log_rows(s, NULL, path)), 0);
	snprintf(path, sizeof(path), "/api/log/?type=2&token_name=key%%20of%%20%s", b.name);
	assert_int_equal(cJSON_GetArraySize(log_rows(s, NULL, path)), 1);
	now = stack_sql_int(s, "SELECT max(created_at) FROM logs");
	snprintf(path, sizeof(path), "/api/log/?type=2&start_timestamp=%" PRId64, now + 1);
	assert_int_equal(cJSON_GetArraySize(log_rows(s, NULL, path)), 0);
	snprintf(path, sizeof(path),
	    "/api/log/?type=2&end_timestamp=%" PRId64 "&start_timestamp=NaN", now);
	assert_int_equal(cJSON_GetArraySize(log_rows(s, NULL, path)), 10);
	snprintf(path, sizeof(path), "/api/log/?username=%s", "x%27%20OR%201=1%20--");
	assert_int_equal(cJSON_GetArraySize(log_rows(s, NULL, path)), 0);

	/* search: by type or by the beginning of a text */
	rows = log_rows(s, &a, "/api/log/self/search?keyword=2");
	assert_int_equal(cJSON_GetArraySize(rows), 12);
	rows = log_rows(s, &a, "/api/log/self/search?keyword=gpt-4");
	assert_int_equal(cJSON_GetArraySize(rows), 12);
	rows = log_rows(s, &b, "/api/log/self/search?keyword=gpt-4");
	assert_int_equal(cJSON_GetArraySize(rows), 1);
	rows = log_rows(s, &b, "/api/log/self/search?keyword=%25");
	assert_int_equal(cJSON_GetArraySize(rows), 0);

	rows = log_rows(s, &a, "/api/user/dashboard");
	check_text("dashboard", stack_text(rows, "0.ModelName"), "gpt-4o");
	assert_int_equal(stack_int(rows, "0.RequestCount"), 12);
	assert_int_equal(stack_int(rows, "0.Quota"), 12 * 48);
}

static void test_delete_logs(void **state)
{
	struct stack *s = *state;
	int64_t all;
	const cJSON *n;

	set_up(s);
	assert_int_equal(chat_status(s, user.key), 200);
	assert_true(stack_wait_settled(s, 2000));
	check_no("when?", stack_root(s, "DELETE", "/api/log/", NULL),
	    "target_timestamp is required");
	all = stack_sql_int(s, "SELECT count(*) FROM logs");
	n = stack_api(s, "DELETE", "/api/log/?target_timestamp=1000", NULL);
	assert_int_equal(n->valuedouble, 0);
	all = stack_sql_int(s, "SELECT count(*) FROM logs");
	n = stack_api(s, "DELETE", "/api/log/?target_timestamp=9999999999", NULL);
	assert_int_equal(n->valuedouble, all);
	/* who did it stays on record */
	assert_int_equal(stack_sql_int(s, "SELECT count(*) FROM logs WHERE type = 3"), 1);
	assert_int_equal(stack_sql_int(s, "SELECT count(*) FROM logs WHERE type <> 3"), 0);
}

/* ---- the rest
 * ------------------------------------------------------------------------------------- */

static void test_models_and_groups(void **state)
{
	struct stack *s = *state;
	struct stack_reply *r;
	const cJSON *list;

	set_up(s);
	r = stack_root(s, "GET", "/api/channel/models", NULL);
	check_text("no envelope", stack_text(r->json, "object"), "list");
	assert_true(cJSON_GetArraySize(stack_at(r->json, "data")) > 400);
	check_text("a model", stack_text(r->json, "data.0.object"), "model");
	list = check_ok("models", stack_as(s, &user, "GET", "/api/models", NULL));
	assert_true(cJSON_IsArray(stack_at(list, "1")));
	assert_true(cJSON_IsArray(stack_at(list, "43")));
	list = check_ok("available", stack_as(s, &user, "GET", "/api/user/available_models", NULL));
	check_text("available", stack_text(list, "0"), "gpt-4o");
	list = stack_api(s, "GET", "/api/group/", NULL);
	check_text("group", stack_text(list, "0"), "default");
}

/* Bodies are bounded: 64 KiB, 8 MiB where tables of prices are saved. */
static void test_body_limits(void **state)
{
	struct stack *s = *state;
	size_t n = 9 * 1024 * 1024;
	char *body = malloc(n + 1);

	memset(body, ' ', n);
	memcpy(body, "{}", 2);
	body[70 * 1024] = '\0';
	assert_int_equal(stack_root(s, "POST", "/api/user/", body)->status, 413);
	assert_int_equal(stack_root(s, "PUT", "/api/option/", body)->status, 400);
	body[70 * 1024] = ' ';
	body[n] = '\0';
	assert_int_equal(stack_root(s, "PUT", "/api/option/", body)->status, 413);
	free(body);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_login),
		cmocka_unit_test(test_access_token),
		cmocka_unit_test(test_session_wins),
		cmocka_unit_test(test_login_refusals),
		cmocka_unit_test(test_login_rotates),
		cmocka_unit_test(test_login_limits),
		cmocka_unit_test(test_crossings),
		cmocka_unit_test(test_crossing_with_token),
		cmocka_unit_test(test_routes_are_known),
		cmocka_unit_test(test_rights),
		cmocka_unit_test(test_rights_once),
		cmocka_unit_test(test_unknown_paths),
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_create_users),
		cmocka_unit_test(test_list_users),
		cmocka_unit_test(test_update_user),
		cmocka_unit_test(test_update_quota),
		cmocka_unit_test(test_topup),
		cmocka_unit_test(test_manage_users),
		cmocka_unit_test(test_ranks),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_revive_keys),
		cmocka_unit_test(test_bad_keys),
		cmocka_unit_test(test_channels),
		cmocka_unit_test(test_bad_channels),
		cmocka_unit_test(test_channel_config),
		cmocka_unit_test(test_channel_list),
		cmocka_unit_test(test_channel_test),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_bad_options),
		cmocka_unit_test(test_options_live),
		cmocka_unit_test(test_site_texts),
		cmocka_unit_test(test_logs),
		cmocka_unit_test(test_delete_logs),
		cmocka_unit_test(test_models_and_groups),
		cmocka_unit_test(test_body_limits),
	};

	return stack_run("admin", tests, COUNT_OF(tests), NULL);
}
