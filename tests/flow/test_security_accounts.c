/* test_security_accounts.c — what made one-api's accounts unsafe; the index, and the rest of the
 * security register, is in test_security_register.c
 */
#include <signal.h>

#include "../fake_mail.h"
#include "attack.h"
#include "signin_browser.h"

static struct fake_mail *mail;
static int mails_read;

static struct browser browser_of(const char *cookie)
{
	struct browser b = { 0 };

	snprintf(b.session, sizeof b.session, "%s", cookie);
	return b;
}

/* With that session cookie, from an address of its own. */
static struct stack_reply *with(struct stack *s, const char *cookie, const char *method,
    const char *path, const char *body)
{
	struct browser b = browser_of(cookie);

	return ask(s, &b, method, path, body);
}

static struct stack_reply *guest(struct stack *s, const char *path, const char *body)
{
	return with(s, "", body ? "POST" : "GET", path, body);
}

/* ---- who gets an account, and whose ----------------------------------------------------------- */

/* Comes first: nothing is configured yet. */
static void s2_accounts_out_of_nothing(void **state)
{
	static const struct {
		const char *provider, *person;
	} cases[] = {
		{ "lark", "\"open_id\":\"\"" },
		{ "lark", "\"name\":\"nobody\"" },
		{ "oidc", "\"name\":\"nobody\"" },
		{ "github", "\"login\":\"\"" },
	};
	struct stack *s = *state;
	int64_t before = users(s);

	for (size_t i = 0; i < 2 * COUNT_OF(cases); i++) {
		struct browser b = { 0 };
		size_t at = i % COUNT_OF(cases);

		if (i == COUNT_OF(cases)) {
			assert_int_equal(site.calls, 0);
			set_up(s);
		}
		must_fail(cases[at].provider,
		    sign_in_plain(s, &b, cases[at].provider, cases[at].person));
		assert_string_equal(b.session, "");
		assert_int_equal(users(s), before);
	}
}

static void s12_identities(void **state)
{
	struct stack *s = *state;
	struct browser a = { 0 }, b = { 0 }, c = { 0 };
	struct stack_user one, two;
	int64_t first, codes;
	int mails;

	first =
	    stack_int(sign_in(s, &a, "github", "\"id\":901,\"login\":\"s12\"")->json, "data.id");
	assert_true(first > 0);
	/* the name was given up, and somebody else took it */
	assert_int_not_equal(
	    stack_int(sign_in(s, &b, "github", "\"id\":902,\"login\":\"s12\"")->json, "data.id"),
	    first);

	check_ok("an address that nobody verified",
	    sign_in(s, &c, "oidc",
	        "\"sub\":\"s12\",\"email\":\"root@example.org\",\"email_verified\":false"),
	    "");
	assert_int_equal(number(s, "SELECT COUNT(*) FROM users WHERE email = 'root@example.org'"),
	    0);

	one = stack_user(s, &(struct stack_person){ 0 });
	two = stack_user(s, &(struct stack_person){ 0 });
	stack_sql(s,
	    stack_fmt("UPDATE users SET email = 'both@example.org', email_shared = 1 "
	              "WHERE id IN (%" PRId64 ", %" PRId64 ")",
	        one.id, two.id));
	mails = fake_mail_count(mail);
	codes =
	    number(s, "SELECT COUNT(*) FROM codes WHERE subject IN ('%" PRId64 "', '%" PRId64 "')",
	        one.id, two.id);
	must_work("a reset of two accounts",
	    guest(s, "/api/reset_password?email=both@example.org", NULL));
	assert_int_equal(
	    number(s, "SELECT COUNT(*) FROM codes WHERE subject IN ('%" PRId64 "', '%" PRId64 "')",
	        one.id, two.id),
	    codes);
	assert_int_equal(fake_mail_count(mail), mails);
}

/* Binding goes on after the handler has given its request away, and leaves its row all the same. */
static void s13_binding(void **state)
{
	static const struct {
		const char *name, *action, *before, *after;
		int role;
	} cases[] = {
		{ "an administrator binds", "GET /api/oauth/lark", "{\"lark_id\":\"\"}",
		    "{\"lark_id\":\"ou_audit0\"}", 10 },
		{ "and unbinds", "DELETE /api/oauth/lark/bind", "{\"lark_id\":\"ou_audit0\"}",
		    "{\"lark_id\":\"\"}", 10 },
		{ "a user binds", "GET /api/oauth/lark", "{\"lark_id\":\"\"}",
		    "{\"lark_id\":\"ou_audit2\"}", 1 },
		{ "and unbinds", "DELETE /api/oauth/lark/bind", "{\"lark_id\":\"ou_audit2\"}",
		    "{\"lark_id\":\"\"}", 1 },
	};
	struct stack *s = *state;
	struct browser b = { 0 };
	struct stack_user u;

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		int64_t rows = number(s, "SELECT count(*) FROM audits");

		if (i % 2 == 0) {
			u = stack_user(s, &(struct stack_person){ .role = cases[i].role });
			snprintf(b.session, sizeof b.session, "%s", u.cookie);
			rows = number(s, "SELECT count(*) FROM audits");
			check_ok(cases[i].name,
			    sign_in(s, &b, "lark", stack_fmt("\"open_id\":\"ou_audit%zu\"", i)),
			    "bind");
		} else {
			check_ok(cases[i].name, ask(s, &b, "DELETE", "/api/oauth/lark/bind", NULL),
			    "");
		}
		if (number(s, "SELECT count(*) FROM audits") != rows + 1 ||
		    number(s,
		        "SELECT count(*) FROM audits WHERE id = (SELECT max(id) FROM audits) "
		        "AND user_id = %" PRId64 " AND subject = 'user' AND subject_id = user_id "
		        "AND action = '%s' AND before = '%s' AND after = '%s'",
		        u.id, cases[i].action, cases[i].before, cases[i].after) != 1)
			fail_msg("%s: no row, or another one", cases[i].name);
	}
}

static void s16_wechat(void **state)
{
	struct stack *s = *state;

	site.trouble = TROUBLE_REDIRECT;
	must_fail("a redirect", guest(s, "/api/oauth/wechat?code=1", NULL));
	site.trouble = TROUBLE_NONE;
	assert_int_equal(site.redirected, 0);
	must_fail("more than a code", guest(s, "/api/oauth/wechat?code=1%26code%3D2%23", NULL));
	site_check("the code is one parameter");
}

/* ---- codes by mail ---------------------------------------------------------------------------- */

static void read_code(const char *to, char code[16])
{
	struct fake_mail_got got;
	char body[8192], *at;

	if (!fake_mail_wait(mail, mails_read + 1, 60000))
		fail_msg("no mail to %s came", to);
	fake_mail_get(mail, mails_read++, &got);
	assert_string_equal(got.to, to);
	fake_mail_body(&got, body, sizeof body);
	at = strstr(body, "<b>");
	if (!at)
		fail_msg("no code in %s", body);
	snprintf(code, 16, "%.*s", (int)strspn(at + 3, "0123456789abcdef"), at + 3);
}

static struct stack_reply *register_with(struct stack *s, const char *name, const char *address,
    const char *code)
{
	return guest(s, "/api/user/register",
	    stack_fmt("{\"username\":\"%s\",\"password\":\"password 1\",\"email\":\"%s\","
	              "\"verification_code\":\"%s\"}",
	        name, address, code));
}

static void set_mail(struct stack *s)
{
	stack_option(s, "SMTPServer", "127.0.0.1");
	stack_option(s, "SMTPPort", stack_fmt("%d", mail->port));
	stack_option(s, "SMTPAccount", "gateway@example.org");
	set_option(s, "SMTPToken", "mail secret");
}

static void restart(struct stack *s)
{
	pid_t old = stack_pid(s, "admin");

	stack_kill(s, "admin", SIGKILL);
	stack_wait_restarted(s, "admin", old);
}

static void s8_mail_codes(void **state)
{
	struct stack *s = *state;
	char code[16], wrong[16];

	set_mail(s);
	set_option(s, "EmailVerificationEnabled", "true");
	must_work("code", guest(s, "/api/verification?email=s8@example.org", NULL));
	read_code("<s8@example.org>", code);
	assert_true(strlen(code) >= 8);
	snprintf(wrong, sizeof wrong, "%s", code);
	wrong[0] = code[0] == '1' ? '2' : '1';
	for (int i = 0; i < 5; i++) /* each from another address */
		must_fail("guessed", register_with(s, "s8", "s8@example.org", wrong));
	must_fail("five were too many", register_with(s, "s8", "s8@example.org", code));

	must_work("another", guest(s, "/api/verification?email=s8b@example.org", NULL));
	read_code("<s8b@example.org>", code);
	must_fail("somebody else's", register_with(s, "s8b", "s8@example.org", code));
	restart(s); /* another process knows it as well */
	must_work("right", register_with(s, "s8b", "s8b@example.org", code));
	must_fail("again", register_with(s, "s8c", "s8b@example.org", code));
	set_option(s, "EmailVerificationEnabled", "false");
}

/* ---- what is told ----------------------------------------------------------------------------- */

static void is_discreet(const char *name, const struct stack_reply *r)
{
	static const char *const words[] = { "sqlite", "unique", "constraint", "select ", "users.",
		"json:", "cjson", "strconv", "syntax", "unmarshal", "parse", "int64", "curl",
		"errno", ".c:", "550 " };

	for (size_t i = 0; i < COUNT_OF(words); i++) {
		if (strcasestr(r->body.data, words[i]))
			fail_msg("%s: says '%s': %s", name, words[i], r->body.data);
	}
}

static void is_same(const char *name, const struct stack_reply *a, const struct stack_reply *b)
{
	if (a->status != b->status || strcmp(a->body.data, b->body.data) != 0)
		fail_msg("%s: %d %s beside %d %s", name, a->status, a->body.data, b->status,
		    b->body.data);
}

static void s18_telling_too_much(void **state)
{
	static const struct {
		const char *name, *method, *path, *body;
	} cases[] = {
		{ "taken name", "POST", "/api/user/register",
		    "{\"username\":\"root\",\"password\":\"password 1\"}" },
		{ "no JSON", "POST", "/api/user/login", "{\"username\":" },
		{ "wrong type", "POST", "/api/user/login", "{\"username\":5,\"password\":[]}" },
		{ "no number", "GET", "/api/user/abc", NULL },
		{ "too large a number", "GET", "/api/user/99999999999999999999", NULL },
		{ "no id", "PUT", "/api/channel/", "{\"id\":\"x\"}" },
		{ "no such channel", "GET", "/api/channel/4711", NULL },
		{ "bad option", "PUT", "/api/option/", "[" },
		{ "quote", "GET", "/api/user/search?keyword=%27%22%3B--", NULL },
	};
	struct stack *s = *state;
	struct stack_user u = stack_user(s, &(struct stack_person){ 0 });

	for (size_t i = 0; i < COUNT_OF(cases); i++)
		is_discreet(cases[i].name,
		    stack_root(s, cases[i].method, cases[i].path, cases[i].body));
	set_mail(s);
	fake_mail_refuse(mail, true);
	is_discreet("SMTP", guest(s, "/api/verification?email=s18@example.org", NULL));
	fake_mail_refuse(mail, false);

	stack_sql(s,
	    stack_fmt("UPDATE users SET email = 's18k@example.org' WHERE id = %" PRId64, u.id));
	is_same("reset", guest(s, "/api/reset_password?email=s18k@example.org", NULL),
	    guest(s, "/api/reset_password?email=s18u@example.org", NULL));
	is_same("verification", guest(s, "/api/verification?email=s18k@example.org", NULL),
	    guest(s, "/api/verification?email=s18v@example.org", NULL));
	is_same("login",
	    guest(s, "/api/user/login",
	        stack_fmt("{\"username\":\"%s\",\"password\":\"wrong one\"}", u.name)),
	    guest(s, "/api/user/login", "{\"username\":\"nobody\",\"password\":\"wrong one\"}"));
}

/* ---- management tokens, sessions -------------------------------------------------------------- */

static void s1_management_tokens(void **state)
{
	static const char *const paths[] = { "/api/user/?p=0", "/api/user/?p=0&order=quota",
		"/api/user/search?keyword=root", "/api/user/search?keyword=1", "/api/user/1",
		"/api/user/self" };
	struct stack *s = *state;
	struct stack_user admin = stack_user(s, &(struct stack_person){ .role = 10 });
	struct stack_user u = stack_user(s, &(struct stack_person){ 0 });
	char token[64];

	snprintf(token, sizeof token, "%s",
	    stack_text(with(s, u.cookie, "GET", "/api/user/token", NULL)->json, "data"));
	assert_int_equal(strlen(token), 32);
	for (size_t i = 0; i < COUNT_OF(paths); i++) {
		struct stack_reply *r = with(s, admin.cookie, "GET", paths[i], NULL);

		if (strstr(r->body.data, STACK_ROOT_ACCESS) || strstr(r->body.data, token))
			fail_msg("%s: tells a token", paths[i]);
		assert_int_equal(r->status, 200);
	}
}

static void is_out(const char *name, struct stack_reply *r)
{
	if (r->status != 401 && !cJSON_IsFalse(stack_at(r->json, "success")))
		fail_msg("%s: still in: %d %s", name, r->status, r->body.data);
}

static void manage(struct stack *s, const struct stack_user *u, const char *action)
{
	stack_api(s, "POST", "/api/user/manage", "{\"username\":\"%s\",\"action\":\"%s\"}", u->name,
	    action);
}

static void s6_frozen_sessions(void **state)
{
	struct stack *s = *state;
	struct stack_user admin = stack_user(s, &(struct stack_person){ .role = 10 });
	struct stack_user u = stack_user(s, &(struct stack_person){ 0 });
	struct stack_reply *r;
	const char *header[2] = { NULL, NULL };
	char other[128];

	must_work("an administrator", with(s, admin.cookie, "GET", "/api/channel/", NULL));
	manage(s, &admin, "demote");
	is_out("demoted", with(s, admin.cookie, "GET", "/api/channel/", NULL));

	must_work("elsewhere", stack_login(s, u.name, u.password, other));
	assert_string_not_equal(other, u.cookie);
	must_work("a new password",
	    with(s, u.cookie, "PUT", "/api/user/self", "{\"password\":\"another one\"}"));
	is_out("a copy of the cookie", with(s, u.cookie, "GET", "/api/user/self", NULL));
	is_out("elsewhere", with(s, other, "GET", "/api/user/self", NULL));

	must_work("again", stack_login(s, u.name, "another one", other));
	must_work("out", with(s, other, "GET", "/api/user/logout", NULL));
	is_out("a copy", with(s, other, "GET", "/api/user/self", NULL));

	must_work("in", stack_login(s, u.name, "another one", other));
	r = with(s, other, "GET", "/api/user/token", NULL);
	header[0] = stack_fmt("Authorization: %s", stack_text(r->json, "data"));
	manage(s, &u, "delete");
	is_out("deleted", with(s, other, "GET", "/api/user/self", NULL));
	is_out("by token",
	    stack_http(s, &(struct stack_ask){ .path = "/api/user/self", .headers = header }));
	assert_int_equal(
	    stack_http(s, &(struct stack_ask){ .path = "/v1/models", .key = u.key })->status, 401);
}

static void s19_other_sites(void **state)
{
	static const struct {
		const char *name, *method, *path, *body, *headers[3];
	} cases[] = {
		{ "a form", "PUT", "/api/user/self", "{\"display_name\":\"taken\"}",
		    { "Origin: https://evil.example", NULL } },
		{ "text/plain", "POST", "/api/token/", "{\"name\":\"taken\"}",
		    { "Origin: https://evil.example", "Content-Type: text/plain", NULL } },
		{ "a sandbox", "DELETE", "/api/user/self", NULL, { "Origin: null", NULL } },
		{ "fetched", "DELETE", "/api/user/self", NULL,
		    { "Sec-Fetch-Site: cross-site", NULL } },
		{ "a neighbour", "PUT", "/api/user/self", "{\"display_name\":\"taken\"}",
		    { "Sec-Fetch-Site: same-site", NULL } },
		{ "a picture", "GET", "/api/user/token", NULL,
		    { "Sec-Fetch-Site: cross-site", NULL } },
		{ "another", "GET", "/api/user/logout", NULL,
		    { "Sec-Fetch-Site: cross-site", NULL } },
		{ "a bound address", "GET", "/api/oauth/email/bind?email=a@b.cd&code=1", NULL,
		    { "Sec-Fetch-Site: cross-site", NULL } },
		{ "signing in", "POST", "/api/user/login",
		    "{\"username\":\"root\",\"password\":\"x\"}",
		    { "Origin: https://evil.example", NULL } },
	};
	struct stack *s = *state;
	struct stack_user u = stack_user(s, &(struct stack_person){ 0 });
	struct stack_reply *r;
	char cookie[128];
	const char *line;

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		r = stack_http(s,
		    &(struct stack_ask){ .method = cases[i].method,
		        .path = cases[i].path,
		        .body = cases[i].body,
		        .cookie = u.cookie,
		        .headers = cases[i].headers });
		if (!cJSON_IsFalse(stack_at(r->json, "success")) ||
		    strcmp(stack_text(r->json, "message"), A08) != 0)
			fail_msg("%s: %d %s", cases[i].name, r->status, r->body.data);
	}
	must_work("nothing happened", with(s, u.cookie, "GET", "/api/user/self", NULL));
	assert_int_equal(number(s,
	                     "SELECT COUNT(*) FROM users WHERE id = %" PRId64
	                     " AND status = 1 AND display_name = username "
	                     "AND access_token_hash IS NULL",
	                     u.id),
	    1);

	line = stack_header(stack_login(s, u.name, u.password, cookie), "Set-Cookie");
	assert_non_null(strstr(line, "; HttpOnly"));
	assert_non_null(strstr(line, "; SameSite=Lax"));
	r = stack_http(s, &(struct stack_ask){ .path = "/" });
	if (r->status != 200) {
		puts("# skipped: the pages are not built, so their policy is not looked at");
		return;
	}
	line = stack_header(r, "Content-Security-Policy");
	assert_non_null(line);
	line = strstr(line, "script-src");
	assert_non_null(line);
	assert_null(memmem(line, strcspn(line, ";"), "unsafe", 6));
}

/* ---- names that are none ---------------------------------------------------------------------- */

static void s20_empty_names(void **state)
{
	static const char *const bodies[] = { "{\"username\":\"\",\"action\":\"disable\"}",
		"{\"action\":\"disable\"}", "{\"username\":null,\"action\":\"delete\"}",
		"{\"username\":\"\",\"id\":0,\"action\":\"demote\"}" };
	static const char *const names[] = { "", " ", "\\t", "\\u3000", "\\u200b", "ro\\u200bot",
		"ro\\u034fot", "ro\\u061cot", "ro\\u180eot", "ro\\u2800ot", "ro\\ufe0fot",
		"ro\\udb40\\udc41ot", "\\u202etoor", " root", "root " };
	struct stack *s = *state;
	int64_t before = users(s);

	for (size_t i = 0; i < COUNT_OF(bodies); i++)
		must_fail(bodies[i], stack_root(s, "POST", "/api/user/manage", bodies[i]));
	assert_int_equal(
	    number(s, "SELECT COUNT(*) FROM users WHERE id = 1 AND status = 1 AND role = 100"), 1);
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		must_fail(names[i],
		    guest(s, "/api/user/register",
		        stack_fmt("{\"username\":\"%s\",\"password\":\"password 1\"}", names[i])));
		must_fail(names[i],
		    stack_root(s, "POST", "/api/user/",
		        stack_fmt("{\"username\":\"%s\",\"password\":\"password 1\"}", names[i])));
	}
	assert_int_equal(users(s), before);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(s2_accounts_out_of_nothing), /* first: it sets the providers up */
		cmocka_unit_test(s1_management_tokens),
		cmocka_unit_test(s6_frozen_sessions),
		cmocka_unit_test(s8_mail_codes),
		cmocka_unit_test(s12_identities),
		cmocka_unit_test(s13_binding),
		cmocka_unit_test(s16_wechat),
		cmocka_unit_test(s18_telling_too_much),
		cmocka_unit_test(s19_other_sites),
		cmocka_unit_test(s20_empty_names),
	};
	char ca[64], ca_setting[96];
	int failed;

	snprintf(ca, sizeof ca, "/tmp/fake-mail-%d.pem", (int)getpid());
	snprintf(ca_setting, sizeof ca_setting, "CA_FILE=%s", ca);
	mail =
	    fake_mail_start(&(struct fake_mail_setup){ .tls = FAKE_MAIL_STARTTLS, .ca_out = ca });
	failed = stack_run("security of accounts", tests, COUNT_OF(tests), signin_open(ca_setting));
	site_stop();
	fake_mail_stop(mail);
	unlink(ca);
	return failed;
}
