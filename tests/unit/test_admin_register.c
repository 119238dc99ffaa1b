/* test_admin_register.c — registering, codes by mail, binding an address, a new password
 *
 * Without a mailer's thread every letter stays in the outbox, where these tests read it.
 */
#include "admin_room.h"

#include "base/clock.h"
#include "store/code.h"
#include "store/outbox.h"

static void open_with_mail(struct room *m)
{
	room_open(m);
	room_option(m, "SMTPServer", "127.0.0.1");
	room_option(m, "SMTPFrom", "noreply@example.org");
	room_option(m, "ServerAddress", "https://gw.example/");
	room_option(m, "SystemName", "A & B");
	room_settle(m);
}

/* The next letter; its texts live until the test's end. */
static struct arena *letters;

static bool next_letter(struct room *m, struct letter *l)
{
	bool found = false;

	room_must(outbox_take(m->db, m->admin.rt.box, letters, l, &found, &err));
	return found;
}

static int begin(void **state)
{
	letters = arena_new(16 * 1024);
	return 0;
}

static int end(void **state)
{
	arena_free(letters);
	return 0;
}

/* Eight digits between <b> and </b>. */
static void code_in(struct letter l, char out[9])
{
	size_t at = str_find_str(l.html, STR("<b>"));

	assert_true(at + 11 < l.html.n);
	snprintf(out, 9, "%.8s", l.html.p + at + 3);
	assert_int_equal(strspn(out, "0123456789"), 8);
}

static void ask_code(struct room *m, const char *address, char code[9])
{
	char target[256];
	struct letter l;

	snprintf(target, sizeof target, "/api/verification?email=%s", address);
	must_have(target, room_as(m, NULL, "GET", target, NULL), SUCCESS);
	assert_true(next_letter(m, &l));
	code_in(l, code);
}

/* ---- registering ----------------------------------------------------------------------------- */

static void test_plain(void **state)
{
	static const struct step steps[] = {
		{ "as the old form sends it", NULL, "POST", "/api/user/register",
		    "{\"username\":\"bert\",\"password\":\"12345678\",\"email\":\"\","
		    "\"verification_code\":\"\",\"aff_code\":null,\"role\":100,\"quota\":9}",
		    200, SUCCESS, "data" },
		{ "what became of it", "root", "GET", "/api/user/4", NULL, 200,
		    "\"username\":\"bert\",\"password\":\"\",\"display_name\":\"bert\",\"role\":1,"
		    "\"status\":1,\"email\":\"\"",
		    NULL },
		{ "the name is taken, in any case", NULL, "POST", "/api/user/register",
		    "{\"username\":\"BERT\",\"password\":\"12345678\"}", 200,
		    "This user name is taken", NULL },
		{ "signs in", NULL, "POST", "/api/user/login",
		    "{\"username\":\"bert\",\"password\":\"12345678\"}", 200, SUCCESS, NULL },
		{ "an address that was not verified is not kept", NULL, "POST",
		    "/api/user/register",
		    "{\"username\":\"carl\",\"password\":\"12345678\",\"email\":\"c@example.org\"}",
		    200, SUCCESS, NULL },
		{ "no name", NULL, "POST", "/api/user/register", "{\"password\":\"12345678\"}", 200,
		    "Invalid input", NULL },
		{ "name too long", NULL, "POST", "/api/user/register",
		    "{\"username\":\"1234567890123\",\"password\":\"12345678\"}", 200,
		    "Invalid input", NULL },
		{ "blank at the end", NULL, "POST", "/api/user/register",
		    "{\"username\":\"dora \",\"password\":\"12345678\"}", 200, "Invalid input",
		    NULL },
		{ "password too short", NULL, "POST", "/api/user/register",
		    "{\"username\":\"dora\",\"password\":\"1234567\"}", 200, "Invalid input",
		    NULL },
		{ "wrong type", NULL, "POST", "/api/user/register", "{\"username\":7}", 200,
		    "username", NULL },
		{ "an address that nobody asked for", NULL, "POST", "/api/user/register",
		    "{\"username\":\"emil\",\"password\":\"12345678\",\"email\":\"none\"}", 200,
		    SUCCESS, NULL },
		{ "one that is too long", NULL, "POST", "/api/user/register",
		    "{\"username\":\"fred\",\"password\":\"12345678\",\"email\":"
		    "\"ffffffffffffffffffffffffffffffffffffffff@example.org\"}",
		    200, "Invalid input", NULL },
	};
	struct room m;

	room_open(&m);
	room_walk(&m, steps, 5);
	assert_int_equal(room_number(&m,
	                     "SELECT COUNT(*) FROM users WHERE username = 'carl' AND "
	                     "email = ''"),
	    1);
	room_walk(&m, steps + 5, COUNT_OF(steps) - 5);
	assert_int_equal(room_number(&m,
	                     "SELECT COUNT(*) FROM tokens WHERE user_id = 4 AND name = "
	                     "'default' AND unlimited_quota = 1 AND remain_quota = -1"),
	    1);
	room_close(&m);
}

static void test_closed(void **state)
{
	static const char body[] = "{\"username\":\"bert\",\"password\":\"12345678\"}";
	struct room m;

	room_open(&m);
	room_option(&m, "PasswordRegisterEnabled", "false");
	room_settle(&m);
	must_have("by password", room_as(&m, NULL, "POST", "/api/user/register", body),
	    "Registration by password is closed");
	room_option(&m, "RegisterEnabled", "false");
	room_settle(&m);
	must_have("at all", room_as(&m, NULL, "POST", "/api/user/register", body),
	    "Registration is closed");
	room_close(&m);
}

static void test_start_quota(void **state)
{
	struct room m;

	room_open(&m);
	room_option(&m, "QuotaForNewUser", "5000");
	room_settle(&m);
	must_have("new",
	    room_as(&m, NULL, "POST", "/api/user/register",
	        "{\"username\":\"bert\",\"password\":\"12345678\"}"),
	    SUCCESS);
	assert_int_equal(room_number(&m, "SELECT quota FROM users WHERE username = 'bert'"), 5000);
	assert_int_equal(room_number(&m,
	                     "SELECT SUM(quota) FROM logs WHERE type = 4 AND username = 'bert' "
	                     "AND content = 'new user bonus $0.010000'"),
	    5000);
	room_close(&m);
}

static struct answer register_with(struct room *m, const char *name, const char *email,
    const char *code, const char *aff)
{
	char body[512];

	snprintf(body, sizeof body,
	    "{\"username\":\"%s\",\"password\":\"12345678\",\"email\":\"%s\","
	    "\"verification_code\":\"%s\",\"aff_code\":\"%s\"}",
	    name, email, code, aff);
	return room_as(m, NULL, "POST", "/api/user/register", body);
}

static void test_verified(void **state)
{
	struct room m;
	char code[9];

	open_with_mail(&m);
	room_option(&m, "EmailVerificationEnabled", "true");
	room_settle(&m);
	must_have("no code", register_with(&m, "bert", "b@example.org", "", ""),
	    "E-mail address and verification code are required");
	must_have("code that nobody sent",
	    register_with(&m, "bert", "b@example.org", "12345678", ""),
	    "The code is wrong or has expired");
	ask_code(&m, "b@example.org", code);
	must_have("a taken name does not use it up",
	    register_with(&m, "anna", "b@example.org", code, ""), "This user name is taken");
	must_have("for another address", register_with(&m, "bert", "x@example.org", code, ""),
	    "The code is wrong");
	must_have("right", register_with(&m, "bert", "B@example.org", code, ""), SUCCESS);
	must_have("once", register_with(&m, "carl", "b@example.org", code, ""),
	    "The code is wrong");
	assert_int_equal(
	    room_number(&m, "SELECT COUNT(*) FROM users WHERE username = 'bert' AND email <> ''"),
	    1);
	room_close(&m);
}

static void test_tries(void **state)
{
	struct room m;
	char code[9];

	open_with_mail(&m);
	room_option(&m, "EmailVerificationEnabled", "true");
	room_settle(&m);
	ask_code(&m, "b@example.org", code);
	for (int i = 0; i < CODE_TRIES; i++)
		must_have("wrong", register_with(&m, "bert", "b@example.org", "x", ""),
		    "The code is wrong");
	must_have("worth nothing now", register_with(&m, "bert", "b@example.org", code, ""),
	    "The code is wrong");
	room_close(&m);
}

/* ---- invitations ----------------------------------------------------------------------------- */

static void open_with_invitations(struct room *m, char aff[16])
{
	struct answer a;

	open_with_mail(m);
	room_option(m, "QuotaForInvitee", "100");
	room_option(m, "QuotaForInviter", "30");
	room_settle(m);
	a = room_as(m, "anna", "GET", "/api/user/aff", NULL);
	snprintf(aff, 16, "%.*s", STR_ARG(json_str_at(a.tree, "data")));
	assert_int_equal(strlen(aff), 8);
}

static int64_t quota_of(struct room *m, const char *name)
{
	char sql[128];

	/* a statement is known by the address of its text */
	snprintf(sql, sizeof sql, "SELECT quota FROM users WHERE username = '%s'", name);
	return room_number(m, str_dup(letters, str_c(sql)));
}

static void test_invitation(void **state)
{
	char aff[16], code[9];
	struct room m;

	open_with_invitations(&m, aff);
	room_option(&m, "EmailVerificationEnabled", "true");
	room_settle(&m);
	ask_code(&m, "b@example.org", code);
	must_have("invited", register_with(&m, "bert", "b@example.org", code, aff), SUCCESS);
	assert_int_equal(quota_of(&m, "bert"), 100);
	assert_int_equal(quota_of(&m, "anna"), 1030);
	assert_int_equal(room_number(&m, "SELECT SUM(quota) FROM logs WHERE type = 4"), 130);
	assert_int_equal(room_number(&m, "SELECT inviter_id FROM users WHERE username = 'bert'"),
	    m.anna);

	ask_code(&m, "c@example.org", code);
	must_have("unknown code", register_with(&m, "carl", "c@example.org", code, "nobody"),
	    SUCCESS);
	assert_int_equal(quota_of(&m, "carl"), 0);
	room_as(&m, "root", "POST", "/api/user/manage",
	    "{\"username\":\"anna\",\"action\":\"disable\"}");
	ask_code(&m, "d@example.org", code);
	must_have("inviter disabled", register_with(&m, "dora", "d@example.org", code, aff),
	    SUCCESS);
	assert_int_equal(quota_of(&m, "dora"), 0);
	assert_int_equal(quota_of(&m, "anna"), 1030);
	room_close(&m);
}

/* Without verification the quota waits for an address to be bound, and comes once. */
static void test_invitation_waits(void **state)
{
	char aff[16], code[9], target[128], cookie[128];
	struct room m;
	struct answer a;

	open_with_invitations(&m, aff);
	must_have("invited", register_with(&m, "bert", "", "", aff), SUCCESS);
	assert_int_equal(quota_of(&m, "bert"), 0);
	assert_int_equal(quota_of(&m, "anna"), 1000);
	a = room_as(&m, NULL, "POST", "/api/user/login",
	    "{\"username\":\"bert\",\"password\":\"12345678\"}");
	room_keep_cookie(a, cookie);
	for (int i = 0; i < 2; i++) {
		char address[32];

		snprintf(address, sizeof address, "b%d@example.org", i);
		ask_code(&m, address, code);
		snprintf(target, sizeof target, "/api/oauth/email/bind?email=%s&code=%s", address,
		    code);
		must_have("bind", room_with(&m, cookie, "GET", target, NULL), SUCCESS);
		assert_int_equal(quota_of(&m, "bert"), 100);
		assert_int_equal(quota_of(&m, "anna"), 1030);
		/* the second one tells the first address */
		struct letter l;
		assert_int_equal(next_letter(&m, &l), i == 1);
		if (i == 1) {
			assert_true(str_eq_c(l.recipient, "b0@example.org"));
			assert_true(str_has(l.html, STR("b1@example.org")));
		}
	}
	room_close(&m);
}

/* ---- the code's letter ----------------------------------------------------------------------- */

static void test_verification(void **state)
{
	static const struct step steps[] = {
		{ "no address", NULL, "GET", "/api/verification", NULL, 200, "Invalid parameter",
		    NULL },
		{ "no domain", NULL, "GET", "/api/verification?email=b", NULL, 200,
		    "Invalid parameter", NULL },
		{ "more than one line", NULL, "GET",
		    "/api/verification?email=b@example.org%0d%0aBcc:%20x@example.org", NULL, 200,
		    "Invalid parameter", NULL },
		{ "too long", NULL, "GET",
		    "/api/verification?email=bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb@example.org",
		    NULL, 200, "Invalid parameter", NULL },
		{ "an unencoded plus", NULL, "GET", "/api/verification?email=b+x@example.org", NULL,
		    200, SUCCESS, NULL },
		{ "again within the minute", NULL, "GET",
		    "/api/verification?email=b%2Bx@example.org", NULL, 429, NULL, NULL },
	};
	struct letter l;
	struct room m;

	open_with_mail(&m);
	room_walk(&m, steps, COUNT_OF(steps));
	assert_true(next_letter(&m, &l));
	assert_true(str_eq_c(l.recipient, "b+x@example.org"));
	assert_true(str_eq_c(l.subject, "A & B e-mail verification"));
	assert_false(next_letter(&m, &l));
	room_close(&m);
}

static void test_without_mail(void **state)
{
	struct room m;

	room_open(&m);
	must_have("code", room_as(&m, NULL, "GET", "/api/verification?email=b@example.org", NULL),
	    "The mail could not be sent");
	must_have("reset",
	    room_as(&m, NULL, "GET", "/api/reset_password?email=b@example.org", NULL),
	    "The mail could not be sent");
	room_close(&m);
}

static void test_domains(void **state)
{
	static const struct {
		const char *address;
		bool want;
	} cases[] = {
		{ "b@example.org", true },
		{ "c@EXAMPLE.ORG", true },
		{ "b@example.net", true },
		{ "b@sub.example.org", false },
		{ "b@badexample.org", false },
		{ "b@gmail.com", false },
	};
	struct room m;

	open_with_mail(&m);
	room_option(&m, "EmailDomainWhitelist", "example.org, Example.net");
	room_option(&m, "EmailDomainRestrictionEnabled", "true");
	room_settle(&m);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char target[128];

		snprintf(target, sizeof target, "/api/verification?email=%s", cases[i].address);
		must_have(cases[i].address, room_as(&m, NULL, "GET", target, NULL),
		    cases[i].want ? SUCCESS : "Addresses of this mail domain are not accepted");
	}
	room_close(&m);
}

/* Asking does not tell who has an account: the letter does, to its owner. */
static void test_address_in_use(void **state)
{
	struct letter l;
	struct room m;
	char code[9];

	open_with_mail(&m);
	room_must(user_set_email(m.db, m.anna, STR("anna@example.org"), &err));
	must_have("same reply",
	    room_as(&m, NULL, "GET", "/api/verification?email=Anna@example.org", NULL), SUCCESS);
	assert_true(next_letter(&m, &l));
	assert_true(str_has(l.html, STR("there is an account with it already")));
	assert_false(str_has(l.html, STR("<b>")));

	/* bound by another one in the meantime */
	ask_code(&m, "c@example.org", code);
	room_must(user_set_email(m.db, m.anna, STR("c@example.org"), &err));
	char target[128];
	snprintf(target, sizeof target, "/api/oauth/email/bind?email=c@example.org&code=%s", code);
	must_have("taken", room_as(&m, "boss", "GET", target, NULL), "already in use");
	room_close(&m);
}

/* ---- a new password -------------------------------------------------------------------------- */

static void ask_reset(struct room *m, char token[33])
{
	struct letter l;
	size_t at;

	must_have("ask",
	    room_as(m, NULL, "GET", "/api/reset_password?email=anna%2Bx@example.org", NULL),
	    SUCCESS);
	assert_true(next_letter(m, &l));
	assert_true(str_eq_c(l.recipient, "anna+x@example.org"));
	at = str_find_str(l.html,
	    STR("https://gw.example/user/reset?email=anna%2Bx%40example.org&amp;"
	        "token="));
	assert_true(at < l.html.n);
	at += strlen("https://gw.example/user/reset?email=anna%2Bx%40example.org&amp;token=");
	snprintf(token, 33, "%.32s", l.html.p + at);
}

static void test_reset(void **state)
{
	char token[33], body[256], cookie[128];
	struct letter l;
	struct answer a;
	struct room m;

	open_with_mail(&m);
	room_must(user_set_email(m.db, m.anna, STR("anna+x@example.org"), &err));
	a = room_as(&m, NULL, "POST", "/api/user/login",
	    "{\"username\":\"anna\",\"password\":\"" ROOM_PASSWORD "\"}");
	room_keep_cookie(a, cookie);

	a = room_as(&m, NULL, "GET", "/api/reset_password?email=nobody@example.org", NULL);
	must_have("unknown, same reply", a, "{\"success\":true,\"message\":\"\"}");
	assert_false(next_letter(&m, &l));
	ask_reset(&m, token);
	a = room_as(&m, NULL, "GET", "/api/reset_password?email=anna%2Bx@example.org", NULL);
	must_have("too soon, same reply", a, "{\"success\":true,\"message\":\"\"}");
	assert_false(next_letter(&m, &l));

	must_have("wrong token",
	    room_as(&m, NULL, "POST", "/api/user/reset",
	        "{\"email\":\"anna+x@example.org\",\"token\":\"0\"}"),
	    "The reset link is invalid");
	snprintf(body, sizeof body, "{\"email\":\"boss@example.org\",\"token\":\"%s\"}", token);
	must_have("another address", room_as(&m, NULL, "POST", "/api/user/reset", body),
	    "The reset link is invalid");
	must_have("empty", room_as(&m, NULL, "POST", "/api/user/reset", "{\"email\":\"\"}"),
	    "Invalid parameter");
	snprintf(body, sizeof body, "{\"email\":\"Anna+X@example.org\",\"token\":\"%s\"}", token);
	a = room_as(&m, NULL, "POST", "/api/user/reset", body);
	must_have("right", a, SUCCESS);
	assert_true(json_str_at(a.tree, "data").n >= 16);
	snprintf(body + 128, 128, "{\"username\":\"anna\",\"password\":\"%.*s\"}",
	    STR_ARG(json_str_at(a.tree, "data")));
	must_have("new password", room_as(&m, NULL, "POST", "/api/user/login", body + 128),
	    SUCCESS);
	must_have("once", room_as(&m, NULL, "POST", "/api/user/reset", body),
	    "The reset link is invalid");
	assert_int_equal(room_with(&m, cookie, "GET", "/api/user/self", NULL).status, 401);
	room_close(&m);
}

static void test_reset_with_choice(void **state)
{
	char token[33], body[256];
	struct answer a;
	struct room m;

	open_with_mail(&m);
	room_must(user_set_email(m.db, m.anna, STR("anna+x@example.org"), &err));
	ask_reset(&m, token);
	snprintf(body, sizeof body,
	    "{\"email\":\"anna+x@example.org\",\"token\":\"%s\",\"password\":\"short\"}", token);
	must_have("too short", room_as(&m, NULL, "POST", "/api/user/reset", body), "Invalid input");
	snprintf(body, sizeof body,
	    "{\"email\":\"anna+x@example.org\",\"token\":\"%s\",\"password\":\"chosen by me\"}",
	    token);
	a = room_as(&m, NULL, "POST", "/api/user/reset", body);
	must_have("chosen", a, "\"data\":\"\"");
	must_have("signs in",
	    room_as(&m, NULL, "POST", "/api/user/login",
	        "{\"username\":\"anna\",\"password\":\"chosen by me\"}"),
	    SUCCESS);
	room_close(&m);
}

static void test_reset_disabled_or_late(void **state)
{
	char token[33], body[256];
	struct room m;

	open_with_mail(&m);
	room_must(user_set_email(m.db, m.anna, STR("anna+x@example.org"), &err));
	ask_reset(&m, token);
	snprintf(body, sizeof body, "{\"email\":\"anna+x@example.org\",\"token\":\"%s\"}", token);
	room_as(&m, "root", "POST", "/api/user/manage",
	    "{\"username\":\"anna\",\"action\":\"disable\"}");
	must_have("disabled", room_as(&m, NULL, "POST", "/api/user/reset", body),
	    "The reset link is invalid");
	room_as(&m, "root", "POST", "/api/user/manage",
	    "{\"username\":\"anna\",\"action\":\"enable\"}");
	clock_test_advance(601 * 1000);
	must_have("late", room_as(&m, NULL, "POST", "/api/user/reset", body),
	    "The reset link is invalid");
	room_close(&m);
}

/* ---- Turnstile ------------------------------------------------------------------------------- */

static void test_turnstile(void **state)
{
	static const struct {
		const char *method, *target;
	} routes[] = {
		{ "GET", "/api/verification?email=b@example.org" },
		{ "GET", "/api/reset_password?email=b@example.org" },
		{ "POST", "/api/user/register?x=1" },
	};
	struct room m;

	open_with_mail(&m);
	room_option(&m, "TurnstileSiteKey", "site");
	room_option(&m, "TurnstileCheckEnabled", "true");
	room_settle(&m);
	for (size_t i = 0; i < COUNT_OF(routes); i++)
		must_have(routes[i].target,
		    room_as(&m, NULL, routes[i].method, routes[i].target, "{}"),
		    "Turnstile token is missing");
	must_have("not at sign-in", room_as(&m, NULL, "POST", "/api/user/login", "{}"),
	    "Invalid parameter");
	room_option(&m, "TurnstileLoginEnabled", "true");
	room_settle(&m);
	must_have("unless asked", room_as(&m, NULL, "POST", "/api/user/login", "{}"),
	    "Turnstile token is missing");
	room_close(&m);
}

static void test_chinese(void **state)
{
	struct ask_headers h = { .language = "zh-CN" };
	struct letter l;
	struct room m;

	open_with_mail(&m);
	must_have("refusal", room_ask(&m, "GET", "/api/verification?email=b", NULL, &h),
	    "参数无效");
	must_have("code", room_ask(&m, "GET", "/api/verification?email=b@example.org", NULL, &h),
	    SUCCESS);
	assert_true(next_letter(&m, &l));
	assert_true(str_eq_c(l.subject, "A & B 邮箱验证"));
	assert_true(str_has(l.html, STR("您的验证码是")));
	room_close(&m);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, begin, end)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_plain),
		TEST(test_closed),
		TEST(test_start_quota),
		TEST(test_verified),
		TEST(test_tries),
		TEST(test_invitation),
		TEST(test_invitation_waits),
		TEST(test_verification),
		TEST(test_without_mail),
		TEST(test_domains),
		TEST(test_address_in_use),
		TEST(test_reset),
		TEST(test_reset_with_choice),
		TEST(test_reset_disabled_or_late),
		TEST(test_turnstile),
		TEST(test_chinese),
	};

	clock_test_stop(); /* what is counted in time must not ask how fast this machine is */
	return cmocka_run_group_tests_name("register", tests, NULL, NULL);
}
