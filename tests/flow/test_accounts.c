/* test_accounts.c — accounts as people have them: registering with a code from a mail, a forgotten
 * password, a second factor, who may try how often; with a mail server and Turnstile played here
 */
#include "../stack.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../app_code.h"
#include "../fake_mail.h"
#include "../fake_web.h"

static struct fake_mail *mail;
static struct fake_web *turnstile;
static int mails_read;

static struct stack_reply *ask(struct stack *s, const char *method, const char *path,
    const char *body, const char *cookie)
{
	static int serial;
	char from[32];

	serial++;
	snprintf(from, sizeof(from), "198.19.%d.%d", serial / 250, serial % 250 + 1);
	return stack_http(s,
	    &(struct stack_ask){ .method = method,
	        .path = path,
	        .body = body,
	        .cookie = cookie,
	        .from = from });
}

static const cJSON *must_work(const char *name, const struct stack_reply *r)
{
	if (r->status != 200 || !cJSON_IsTrue(stack_at(r->json, "success")))
		fail_msg("%s: status %d: %s", name, r->status, r->body.data);
	return stack_at(r->json, "data");
}

static void must_fail(const char *name, const struct stack_reply *r, const char *text)
{
	if (r->status != 200 || !cJSON_IsFalse(stack_at(r->json, "success")) ||
	    !strstr(stack_text(r->json, "message"), text))
		fail_msg("%s: status %d: %s, want '%s'", name, r->status, r->body.data, text);
}

/* The text of the next mail. */
static void read_mail(const char *to, char *body, size_t size)
{
	struct fake_mail_got got;

	if (!fake_mail_wait(mail, mails_read + 1, 60000))
		fail_msg("no mail to %s came", to);
	fake_mail_get(mail, mails_read++, &got);
	assert_string_equal(got.to, to);
	assert_true(got.tls);
	assert_string_equal(got.auth, "|gateway@example.org|mail secret");
	fake_mail_body(&got, body, size);
}

static void read_code(const char *to, char code[9])
{
	char body[8192], *at;

	read_mail(to, body, sizeof(body));
	at = strstr(body, "<b>");
	if (!at)
		fail_msg("no code in %s", body);
	snprintf(code, 9, "%.8s", at + 3);
}

static void set_up(struct stack *s)
{
	char port[16];

	snprintf(port, sizeof(port), "%d", mail->port);
	stack_option(s, "SMTPServer", "127.0.0.1");
	stack_option(s, "SMTPPort", port);
	stack_option(s, "SMTPAccount", "gateway@example.org");
	stack_option(s, "SMTPToken", "mail secret");
	stack_option(s, "ServerAddress", s->base);
}

/* stack_option waits for the relay; the other program polls as often. */
static void wait_status(struct stack *s, const char *member, bool want)
{
	char path[64];

	snprintf(path, sizeof(path), "data.%s", member);
	for (int i = 0; i < 1200; i++) {
		struct stack_reply *r = ask(s, "GET", "/api/status", NULL, NULL);

		if ((bool)cJSON_IsTrue(stack_at(r->json, path)) == want)
			return;
		stack_sleep_ms(50);
	}
	fail_msg("%s did not become %d", member, want);
}

/* ---- registering ----------------------------------------------------------------------------- */

static void test_register(void **state)
{
	struct stack *s = *state;
	char code[9], body[512], cookie[128];

	set_up(s);
	stack_option(s, "EmailVerificationEnabled", "true");
	wait_status(s, "email_verification", true);
	must_work("ask for a code",
	    ask(s, "GET", "/api/verification?email=bert@example.org", NULL, NULL));
	read_code("<bert@example.org>", code);
	snprintf(body, sizeof(body),
	    "{\"username\":\"bert\",\"password\":\"password 1\",\"email\":\"bert@example.org\","
	    "\"verification_code\":\"%s\",\"aff_code\":null}",
	    code);
	must_work("register", ask(s, "POST", "/api/user/register?turnstile=", body, NULL));
	must_work("sign in", stack_login(s, "bert", "password 1", cookie));
	assert_string_equal(
	    stack_text(ask(s, "GET", "/api/user/self", NULL, cookie)->json, "data.email"),
	    "bert@example.org");
	must_work("sign in by address", stack_login(s, "Bert@example.org", "password 1", cookie));
}

struct racer {
	struct stack *s;
	const char *code;
	int number;
	bool won;
};

static void *race(void *arg)
{
	struct racer *r = arg;
	struct stack_reply *reply;
	char body[512], from[32];

	snprintf(from, sizeof(from), "198.18.200.%d", r->number + 1);
	snprintf(body, sizeof(body),
	    "{\"username\":\"racer%d\",\"password\":\"password 1\",\"email\":\"race@example.org\","
	    "\"verification_code\":\"%s\"}",
	    r->number, r->code);
	reply = stack_http(r->s,
	    &(struct stack_ask){ .path = "/api/user/register", .body = body, .from = from });
	r->won = cJSON_IsTrue(stack_at(reply->json, "success"));
	return NULL;
}

static void test_one_code_one_account(void **state)
{
	struct stack *s = *state;
	struct racer racers[8];
	pthread_t threads[COUNT_OF(racers)];
	int won = 0;
	char code[9];

	must_work("ask", ask(s, "GET", "/api/verification?email=race@example.org", NULL, NULL));
	read_code("<race@example.org>", code);
	for (size_t i = 0; i < COUNT_OF(racers); i++) {
		racers[i] = (struct racer){ s, code, (int)i, false };
		pthread_create(&threads[i], NULL, race, &racers[i]);
	}
	for (size_t i = 0; i < COUNT_OF(racers); i++) {
		pthread_join(threads[i], NULL);
		won += racers[i].won;
	}
	assert_int_equal(won, 1);
	assert_int_equal(
	    stack_sql_int(s, "SELECT COUNT(*) FROM users WHERE email = 'race@example.org'"), 1);
}

/* The reply waits for the mail server's word, and one may try again at once. */
static void test_mail_refused(void **state)
{
	static const char path[] = "/api/verification?email=late@example.org";
	struct stack *s = *state;
	char code[9];

	fake_mail_refuse(mail, true);
	must_fail("refused", ask(s, "GET", path, NULL, NULL), "The mail could not be sent");
	fake_mail_refuse(mail, false);
	must_work("again", ask(s, "GET", path, NULL, NULL));
	read_code("<late@example.org>", code);
	assert_int_equal(ask(s, "GET", path, NULL, NULL)->status, 429);
}

/* ---- Turnstile ------------------------------------------------------------------------------- */

static struct stack_reply *from_there(struct stack *s, const char *path, const char *from)
{
	return stack_http(s, &(struct stack_ask){ .path = path, .from = from });
}

static void test_turnstile(void **state)
{
	struct stack *s = *state;
	struct fake_web_asked asked;
	int calls;

	stack_option(s, "TurnstileSiteKey", "site");
	stack_option(s, "TurnstileSecretKey", "turn & secret");
	stack_option(s, "TurnstileCheckEnabled", "true");
	wait_status(s, "turnstile_check", true);
	must_fail("no token",
	    from_there(s, "/api/reset_password?email=x@example.org", "203.0.113.5"),
	    "Turnstile token is missing");

	fake_web_reply(turnstile, 200, "{\"success\":false,\"error-codes\":[\"bad\"]}");
	must_fail("refused token",
	    from_there(s, "/api/reset_password?email=x@example.org&turnstile=tok1", "203.0.113.5"),
	    "Turnstile check failed");
	calls = fake_web_last(turnstile, &asked);
	assert_non_null(strstr(asked.head, "POST /siteverify HTTP/1.1\r\n"));
	assert_non_null(strcasestr(asked.head, "application/x-www-form-urlencoded"));
	assert_string_equal(asked.body,
	    "secret=turn%20%26%20secret&response=tok1&remoteip=203.0.113.5");

	fake_web_reply(turnstile, 200, "{\"success\":true}");
	for (int i = 0; i < 5; i++)
		must_work("good for five calls",
		    from_there(s, "/api/reset_password?email=x@example.org&turnstile=tok2",
		        "203.0.113.5"));
	assert_int_equal(fake_web_last(turnstile, NULL), calls + 1);
	fake_web_reply(turnstile, 200, "{\"success\":false}");
	must_fail("not for a sixth",
	    from_there(s, "/api/reset_password?email=x@example.org&turnstile=tok2", "203.0.113.5"),
	    "Turnstile check failed");
	must_fail("nor from elsewhere",
	    from_there(s, "/api/reset_password?email=x@example.org&turnstile=tok2", "203.0.113.6"),
	    "Turnstile check failed");
	fake_web_reply(turnstile, 500, "{\"success\":true}");
	must_fail("out of order",
	    from_there(s, "/api/reset_password?email=x@example.org&turnstile=tok3", "203.0.113.5"),
	    "Turnstile check failed");
	stack_option(s, "TurnstileCheckEnabled", "false");
	wait_status(s, "turnstile_check", false);
}

/* ---- a forgotten password -------------------------------------------------------------------- */

static struct stack_reply *by_token(struct stack *s, const char *token)
{
	const char *const headers[] = { stack_fmt("Authorization: %s", token), NULL };

	return stack_http(s, &(struct stack_ask){ .path = "/api/user/self", .headers = headers });
}

static void test_reset(void **state)
{
	static const char prefix[] = "/user/reset?email=bert%40example.org&amp;token=";
	struct stack *s = *state;
	char text[8192], body[256], cookie[128], fresh[64], token[64], *at;
	const cJSON *data;

	must_work("sign in", stack_login(s, "bert", "password 1", cookie));
	data = must_work("a token", ask(s, "GET", "/api/user/token", NULL, cookie));
	snprintf(token, sizeof(token), "%s", cJSON_GetStringValue(data));
	must_work("is good", by_token(s, token));
	must_work("unknown address",
	    ask(s, "GET", "/api/reset_password?email=nobody@example.org", NULL, NULL));
	must_work("ask", ask(s, "GET", "/api/reset_password?email=bert@example.org", NULL, NULL));
	read_mail("<bert@example.org>", text, sizeof(text));
	at = strstr(text, prefix);
	if (!at || strncmp(at - strlen(s->base), s->base, strlen(s->base)) != 0)
		fail_msg("no link in %s", text);
	snprintf(body, sizeof(body), "{\"email\":\"bert@example.org\",\"token\":\"%.32s\"}",
	    at + strlen(prefix));
	data = must_work("reset", ask(s, "POST", "/api/user/reset", body, NULL));
	snprintf(fresh, sizeof(fresh), "%s", cJSON_GetStringValue(data));
	must_fail("its token is void", by_token(s, token), "The access token is not valid");
	assert_int_equal(ask(s, "GET", "/api/user/self", NULL, cookie)->status, 401);
	must_fail("old password", stack_login(s, "bert", "password 1", cookie), "Wrong user name");
	must_work("new password", stack_login(s, "bert", fresh, cookie));
	must_fail("once", ask(s, "POST", "/api/user/reset", body, NULL),
	    "The reset link is invalid");
	assert_null(strstr(stack_log(s), fresh));
}

/* ---- second factor --------------------------------------------------------------------------- */

static void test_second_factor(void **state)
{
	struct stack *s = *state;
	struct stack_user u = stack_user(s, &(struct stack_person){ .quota = 1000 });
	char body[256], secret[64], code[9], cookie[128], ticket[128];
	struct stack_reply *r;

	snprintf(body, sizeof(body), "{\"password\":\"%s\"}", u.password);
	r = ask(s, "POST", "/api/user/totp", body, u.cookie);
	must_work("begin", r);
	snprintf(secret, sizeof(secret), "%s", stack_text(r->json, "data.secret"));
	app_code(secret, 0, code);
	snprintf(body, sizeof(body), "{\"code\":\"%s\"}", code);
	must_work("confirm", ask(s, "POST", "/api/user/totp/confirm", body, u.cookie));

	r = stack_login(s, u.name, u.password, cookie);
	must_fail("first step", r, "authenticator app");
	assert_string_equal(cookie, "");
	snprintf(ticket, sizeof(ticket), "%s", stack_text(r->json, "data.ticket"));
	app_code(secret, 1, code);
	snprintf(body, sizeof(body), "{\"ticket\":\"%s\",\"code\":\"%s\"}", ticket, code);
	r = ask(s, "POST", "/api/user/login/totp", body, NULL);
	must_work("second step", r);
	assert_non_null(strstr(stack_header(r, "Set-Cookie"), "session="));
	assert_null(strstr(stack_log(s), secret));
}

/* ---- who may, how often ---------------------------------------------------------------------- */

static void test_disabled_at_once(void **state)
{
	struct stack *s = *state;
	struct stack_user u = stack_user(s, &(struct stack_person){ .quota = 1000 });
	struct stack_reply *r;

	must_work("signed in", ask(s, "GET", "/api/user/self", NULL, u.cookie));
	stack_api(s, "POST", "/api/user/manage", "{\"username\":\"%s\",\"action\":\"disable\"}",
	    u.name);
	r = ask(s, "GET", "/api/user/self", NULL, u.cookie);
	if (cJSON_IsTrue(stack_at(r->json, "success")))
		fail_msg("still in: %s", r->body.data);
	stack_api(s, "POST", "/api/user/manage", "{\"username\":\"%s\",\"action\":\"enable\"}",
	    u.name);
	assert_int_equal(ask(s, "GET", "/api/user/self", NULL, u.cookie)->status, 401);
}

/* Wrong passwords from many addresses count together, and the pages' own way still works. */
static void test_throttle(void **state)
{
	struct stack *s = *state;
	struct stack_user u = stack_user(s, &(struct stack_person){ .quota = 1000 });
	struct stack_reply *r = NULL;
	char cookie[128];

	for (int i = 0; i < 20; i++)
		must_fail("wrong", stack_login(s, u.name, "wrong password", cookie),
		    "Wrong user name");
	r = stack_login(s, u.name, u.password, cookie);
	assert_int_equal(r->status, 429);
	assert_non_null(stack_header(r, "Retry-After"));
	must_work("whoever is in stays in", ask(s, "GET", "/api/user/self", NULL, u.cookie));
}

/* An address that anybody can write into a header does not count. */
static void test_forged_address(void **state)
{
	static const char *const env[] = { "TRUSTED_PROXIES=192.0.2.77", NULL };
	struct stack *s = stack_start(env);
	int refused = 0;

	for (int i = 0; i < 21; i++) {
		char from[32];

		snprintf(from, sizeof(from), "198.51.100.%d", i + 1);
		refused += stack_http(s,
		               &(struct stack_ask){ .path = "/api/user/login",
		                   .body = "{\"username\":\"x\",\"password\":\"\"}",
		                   .from = from })
		               ->status == 429;
	}
	assert_int_equal(refused, 1);
	stack_stop(s);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_register),
		cmocka_unit_test(test_one_code_one_account),
		cmocka_unit_test(test_mail_refused),
		cmocka_unit_test(test_turnstile),
		cmocka_unit_test(test_reset),
		cmocka_unit_test(test_second_factor),
		cmocka_unit_test(test_disabled_at_once),
		cmocka_unit_test(test_throttle),
	};
	static const struct CMUnitTest alone[] = { cmocka_unit_test(test_forged_address) };
	char ca[64], ca_setting[96], turnstile_setting[96];
	const char *const env[] = { ca_setting, turnstile_setting, NULL };
	int failed;

	snprintf(ca, sizeof(ca), "/tmp/fake-mail-%d.pem", (int)getpid());
	snprintf(ca_setting, sizeof(ca_setting), "CA_FILE=%s", ca);
	mail =
	    fake_mail_start(&(struct fake_mail_setup){ .tls = FAKE_MAIL_STARTTLS, .ca_out = ca });
	turnstile = fake_web_start(0);
	snprintf(turnstile_setting, sizeof(turnstile_setting),
	    "TURNSTILE_URL=http://127.0.0.1:%d/siteverify", turnstile->port);
	failed = stack_run("accounts", tests, COUNT_OF(tests), env);
	failed += cmocka_run_group_tests_name("accounts, forged", alone, NULL, NULL);
	fake_web_stop(turnstile);
	fake_mail_stop(mail);
	unlink(ca);
	return failed;
}
