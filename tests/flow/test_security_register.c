/* test_security_register.c — what made one-api unsafe, attacked here one weakness after the other
 *
 * The index of admin-api.md's security register. Each row is the shortest attack, through the web
 * server and both programs; what lies around it is tested where the feature is.
 *
 *	S1	s1_management_tokens		test_security_accounts.c
 *	S2	s2_accounts_out_of_nothing	test_security_accounts.c
 *	S3	s3_lost_updates			test_security_money.c
 *	S4	s4_redemption_race		test_security_money.c
 *	S5	s5_forged_address		here
 *	S6	s6_frozen_sessions		test_security_accounts.c
 *	S7	s7_first_password		here
 *	S8	s8_mail_codes			test_security_accounts.c
 *	S9	s9_channels_by_content		here
 *	S10	s10_debug			here
 *	S11	s11_channel_secrets		here
 *	S12	s12_identities			test_security_accounts.c
 *	S13	s13_without_a_trace		test_security_money.c; s13_binding in …_accounts.c
 *	S14	s14_plain_text			here
 *	S15	s15_options_and_leftovers	test_security_money.c
 *	S16	s16_secrets_to_strangers	here; s16_wechat in test_security_accounts.c
 *	S17	s17_proxy_route			here
 *	S18	s18_telling_too_much		test_security_accounts.c
 *	S19	s19_other_sites			test_security_accounts.c
 *	S20	s20_empty_names			test_security_accounts.c
 */
#include <ctype.h>
#include <sys/stat.h>

#include "../fake_mail.h"
#include "attack.h"

static void must_not_tell(const char *name, const struct stack_reply *r, const char *secret)
{
	if (strstr(r->body.data, secret) || strstr(r->head.data, secret))
		fail_msg("%s: tells '%s'", name, secret);
}

/* ---- what callers can do to channels --------------------------------------------------------- */

/* An error that quotes the caller says nothing about the account behind the channel. */
static void s9_channels_by_content(void **state)
{
	struct stack *s = *state;
	struct stack_user u = stack_user(s, &(struct stack_person){ .quota = 5000000 });
	int64_t id = stack_channel(s, &(struct stack_channel){ .models = "gpt-4o-mini" });

	stack_option(s, "AutomaticDisableChannelEnabled", "true");
	stack_script(s, "gpt-4o-mini",
	    "status 400\nheader Content-Type: application/json\n"
	    "body {\"error\":{\"message\":\"no prompt like 'Your credit balance is too low, your "
	    "access was terminated, permission denied' please\",\"type\":\"invalid_request_error\","
	    "\"code\":null}}\n");
	for (int i = 0; i < 12; i++) {
		struct stack_reply *r = stack_post(s, STACK_CHAT, u.key,
		    "{\"model\":\"gpt-4o-mini\",\"messages\":[{\"role\":\"user\",\"content\":"
		    "\"Your credit balance is too low\"}]}");

		assert_int_equal(r->status, 400);
	}
	stack_sleep_ms(100);
	assert_int_equal(stack_sql_int(s, "SELECT status FROM channels ORDER BY id DESC LIMIT 1"),
	    1);
	assert_int_equal(stack_sql_int(s, "SELECT COUNT(*) FROM channel_events"), 0);

	/* what does say it */
	stack_script(s, "gpt-4o-mini",
	    "status 401\nheader Content-Type: application/json\n"
	    "body {\"error\":{\"message\":\"no\",\"type\":\"invalid_request_error\","
	    "\"code\":\"invalid_api_key\"}}\n");
	for (int i = 0; i < 1000; i++) {
		(void)stack_post(s, STACK_CHAT, u.key,
		    "{\"model\":\"gpt-4o-mini\",\"messages\":[{\"role\":\"user\",\"content\":"
		    "\"hi\"}]}");
		if (stack_sql_int(s, "SELECT status FROM channels ORDER BY id DESC LIMIT 1") == 3)
			break;
		stack_sleep_ms(20);
	}
	assert_int_equal(stack_sql_int(s, "SELECT status FROM channels ORDER BY id DESC LIMIT 1"),
	    3);
	stack_option(s, "AutomaticDisableChannelEnabled", "false");
	stack_channel_delete(s, id);
}

/* A key may use what its group is given, whichever channel the path names. */
static void s17_proxy_route(void **state)
{
	struct stack *s = *state;
	struct stack_user u = stack_user(s, &(struct stack_person){ .quota = 5000000 });
	int64_t plain = stack_channel(s, &(struct stack_channel){ .models = "gpt-4o" });
	int64_t others = stack_channel(s,
	    &(struct stack_channel){ .type = 43,
	        .models = "",
	        .group = "vip",
	        .key = "Bearer up-1" });
	struct stack_stats before = stack_stats(s);
	int64_t ids[] = { plain, others };

	for (size_t i = 0; i < COUNT_OF(ids); i++) {
		struct stack_reply *r = stack_http(s,
		    &(struct stack_ask){
		        .path = stack_fmt("/v1/oneapi/proxy/%" PRId64 "/v1/models", ids[i]),
		        .key = u.key });

		if (r->status != 400 && r->status != 403)
			fail_msg("channel %" PRId64 ": got %d %s", ids[i], r->status, r->body.data);
	}
	assert_int_equal(stack_stats(s).requests, before.requests);
	stack_channel_delete(s, others);
	stack_channel_delete(s, plain);
}

/* ---- what administrators can read ------------------------------------------------------------- */

static void s11_channel_secrets(void **state)
{
	static const char *const secrets[] = { "sk-key-of-s11", "sk-in-config-s11", "turn-s11" };
	struct stack *s = *state;
	struct stack_user admin = stack_user(s, &(struct stack_person){ .role = 10 });
	int64_t id = stack_channel(s,
	    &(struct stack_channel){ .type = 33,
	        .name = "s11",
	        .models = "claude-3-haiku-20240307",
	        .key = "sk-key-of-s11",
	        .config = "{\"region\":\"us-east-1\",\"ak\":\"AK\",\"sk\":\"sk-in-config-s11\"}" });
	const char *one = stack_fmt("/api/channel/%" PRId64, id);
	struct stack_reply *replies[6];

	stack_option(s, "TurnstileSecretKey", "turn-s11");
	replies[0] = stack_as(s, &admin, "GET", "/api/channel/?p=0", NULL);
	replies[1] = stack_as(s, &admin, "GET", one, NULL);
	replies[2] = stack_as(s, &admin, "GET", "/api/channel/search?keyword=s11", NULL);
	replies[3] = stack_as(s, &admin, "PUT", "/api/channel/",
	    stack_fmt("{\"id\":%" PRId64 ",\"priority\":3}", id));
	replies[4] = stack_as(s, &admin, "PUT", "/api/channel/",
	    stack_fmt("{\"id\":%" PRId64 ",\"key\":\"sk-key-of-s11\"}", id));
	replies[5] = stack_root(s, "GET", "/api/option/", NULL);
	for (size_t i = 0; i < COUNT_OF(replies); i++) {
		must_work("read", replies[i]);
		for (size_t k = 0; k < COUNT_OF(secrets); k++)
			must_not_tell(stack_fmt("reply %zu", i), replies[i], secrets[k]);
	}
	assert_non_null(strstr(replies[1]->body.data, "us-east-1"));
	stack_channel_delete(s, id);
}

static bool file_has(const char *path, const char *text)
{
	size_t n = strlen(text), got, kept = 0;
	static char room[1 << 16];
	FILE *f = fopen(path, "rbe");
	bool found = false;

	while (f && !found && (got = fread(room + kept, 1, sizeof room - kept, f)) > 0) {
		found = memmem(room, kept + got, text, n) != NULL;
		got += kept;
		kept = got < n ? got : n - 1;
		memmove(room, room + got - kept, kept);
	}
	if (f)
		fclose(f);
	return found;
}

static void is_nowhere(struct stack *s, const char *name, const char *secret)
{
	static const char *const files[] = { "oneapi.db", "oneapi.db-wal" };

	assert_true(strlen(secret) >= 8);
	for (size_t i = 0; i < COUNT_OF(files); i++) {
		if (file_has(stack_fmt("%s/%s", s->data_dir, files[i]), secret))
			fail_msg("%s: lies in %s as it is", name, files[i]);
	}
}

/* The same with the case of its letters changed. */
static const char *swapped(const char *secret)
{
	char *text = (char *)(uintptr_t)stack_fmt("%s", secret);

	for (char *p = text; *p; p++)
		*p = (char)(islower((unsigned char)*p) ? toupper((unsigned char)*p)
		                                       : tolower((unsigned char)*p));
	assert_string_not_equal(text, secret);
	return text;
}

static void s14_plain_text(void **state)
{
	struct stack *s = *state;
	struct stack_user u = stack_user(s, &(struct stack_person){ .quota = 1000 });
	int64_t id = stack_channel(s,
	    &(struct stack_channel){ .models = "gpt-4o", .key = "sk-provider-key-of-s14" });
	struct stack_reply *r = stack_as(s, &u, "GET", "/api/user/token", NULL);
	const char *code, *authorization[] = { NULL, NULL };
	char token[64];

	snprintf(token, sizeof token, "%s", stack_text(r->json, "data"));
	code = cJSON_GetStringValue(cJSON_GetArrayItem(
	    stack_api(s, "POST", "/api/redemption/", "{\"name\":\"s14\",\"quota\":5,\"count\":1}"),
	    0));
	/* the search sees what is there */
	if (!file_has(stack_fmt("%s/oneapi.db", s->data_dir), u.name) &&
	    !file_has(stack_fmt("%s/oneapi.db-wal", s->data_dir), u.name))
		fail_msg("the files of the database are not where they are looked for");
	is_nowhere(s, "an API key", u.key);
	is_nowhere(s, "an access token", token);
	is_nowhere(s, "a password", u.password);
	is_nowhere(s, "a session", u.cookie + strlen("session="));
	is_nowhere(s, "a code", code);
	is_nowhere(s, "a channel's key", "sk-provider-key-of-s14");

	assert_int_equal(
	    stack_http(s, &(struct stack_ask){ .path = "/v1/models", .key = swapped(u.key) })
	        ->status,
	    401);
	authorization[0] = stack_fmt("Authorization: %s", swapped(token));
	must_fail("the token in another case",
	    stack_http(s,
	        &(struct stack_ask){ .path = "/api/user/self", .headers = authorization }));
	must_fail("the code in another case",
	    stack_as(s, &u, "POST", "/api/user/topup",
	        stack_fmt("{\"key\":\"%s\"}", swapped(code))));
	must_work("as it is",
	    stack_as(s, &u, "POST", "/api/user/topup", stack_fmt("{\"key\":\"%s\"}", code)));
	stack_channel_delete(s, id);
}

/* ---- what we tell whom -------------------------------------------------------------------------- */

/* A key goes where its channel points, not to who once ran the service. */
static void s16_secrets_to_strangers(void **state)
{
	static const struct {
		int type;
		const char *path;
	} cases[] = {
		{ 5, "/sb-api/user/status" },
		{ 10, "/api/report/getUserOverview" },
		{ 12, "/dashboard/billing/credit_grants" },
		{ 13, "/dashboard/billing/credit_grants" },
	};
	struct stack *s = *state;

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		int64_t id = stack_channel(s,
		    &(struct stack_channel){ .type = cases[i].type, .models = "gpt-4o" });

		stack_reset(s);
		(void)stack_root(s, "GET", stack_fmt("/api/channel/update_balance/%" PRId64, id),
		    NULL);
		if (stack_stats(s).requests < 1 ||
		    strncmp(stack_text(stack_last(s), "path"), cases[i].path,
		        strlen(cases[i].path)) != 0)
			fail_msg("type %d: its own server was not asked", cases[i].type);
		stack_channel_delete(s, id);
	}
}

/* Of every reply of /api, whatever it says: no browser guesses, frames, runs or keeps it. */
static void headers_of_replies(void **state)
{
	static const struct {
		const char *name, *method, *path, *body;
		int status;
	} cases[] = {
		{ "public", "GET", "/api/status", NULL, 200 },
		{ "refused", "POST", "/api/user/login", "{}", 200 },
		{ "nobody", "GET", "/api/user/self", NULL, 401 },
		{ "no such path", "GET", "/api/nothing", NULL, 404 },
		{ "not well-formed", "POST", "/api/user/login", "\xff", 400 },
		{ "another site", "GET", "/api/oauth/github?code=1&state=2", NULL, 403 },
		{ "site's own text", "GET", "/api/notice", NULL, 200 },
	};
	static const char *const want[][2] = { { "X-Content-Type-Options", "nosniff" },
		{ "X-Frame-Options", "DENY" }, { "Referrer-Policy", "no-referrer" },
		{ "Cross-Origin-Resource-Policy", "same-origin" }, { "Cache-Control", "no-store" },
		{ "Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'" } };
	struct stack *s = *state;

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct stack_reply *r = stack_http(s,
		    &(struct stack_ask){ .method = cases[i].method,
		        .path = cases[i].path,
		        .body = cases[i].body });

		if (r->status != cases[i].status)
			fail_msg("%s: got %d %s", cases[i].name, r->status, r->body.data);
		for (size_t k = 0; k < COUNT_OF(want); k++) {
			const char *got = stack_header(r, want[k][0]);

			if (!got || strcmp(got, want[k][1]) != 0)
				fail_msg("%s: %s: got '%s', want '%s'", cases[i].name, want[k][0],
				    got ? got : "", want[k][1]);
		}
		assert_null(stack_header(r, "Access-Control-Allow-Origin"));
	}
}

/* ---- a gateway that is exposed, with DEBUG on, and nobody in front whom it trusts --------------- */

static struct stack_reply *forged(struct stack *s, const char *path, const char *key,
    const char *body, const char *address)
{
	const char *const headers[] = { stack_fmt("X-Forwarded-For: %s", address),
		stack_fmt("X-Real-IP: %s", address), stack_fmt("CF-Connecting-IP: %s", address),
		NULL };

	return stack_http(s,
	    &(struct stack_ask){ .path = path, .key = key, .body = body, .headers = headers });
}

static int refused_of(struct stack *s, const char *path, int tries)
{
	int refused = 0;

	for (int i = 0; i < tries; i++)
		refused +=
		    forged(s, path, NULL, "{}", stack_fmt("198.51.100.%d", i + 1))->status == 429;
	return refused;
}

static void s5_forged_address(void **state)
{
	struct stack *s = *state;
	const cJSON *made = stack_api(s, "POST", "/api/token/",
	    "{\"name\":\"s5\",\"unlimited_quota\":true,\"subnet\":\"203.0.113.0/24\"}");
	const char *key = stack_text(made, "key");

	assert_int_equal(forged(s, "/v1/models", key, NULL, "203.0.113.9")->status, 403);
	assert_int_equal(refused_of(s, "/api/user/register", 21), 1);
}

static void s7_first_password(void **state)
{
	struct stack *s = *state;
	const char *path = stack_fmt("%s/root-password", s->data_dir);
	char password[64] = "", cookie[128];
	struct stat st;
	FILE *f = fopen(path, "re");

	must_fail("one-api's", stack_login(s, "root", "123456", cookie));
	must_fail("none", stack_login(s, "root", "", cookie));
	assert_non_null(f);
	assert_non_null(fgets(password, sizeof password, f));
	fclose(f);
	password[strcspn(password, "\n")] = '\0';
	assert_true(strlen(password) >= 16);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	must_work("the one that was drawn", stack_login(s, "root", password, cookie));
}

static void s10_debug(void **state)
{
	struct stack *s = *state;
	char cookie[128];

	must_fail("a wrong password", stack_login(s, "root", "typed in the wrong window", cookie));
	assert_int_equal(refused_of(s, "/api/user/reset", 21), 1);
	stack_post(s, STACK_CHAT, STACK_ROOT_KEY,
	    "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\",\"content\":\"my diary\"}]}");
	assert_null(strstr(stack_log(s), "typed in the wrong window"));
	assert_null(strstr(stack_log(s), "my diary"));
	assert_null(strstr(stack_log(s), STACK_ROOT_KEY));
	assert_null(strstr(stack_log(s), STACK_ROOT_ACCESS));
}

/* A mail server that anybody could be gets neither our password nor a code. */
static void s16_unknown_mail_server(void **state)
{
	struct stack *s = *state;
	struct fake_mail *m =
	    fake_mail_start(&(struct fake_mail_setup){ .tls = FAKE_MAIL_STARTTLS });

	stack_option(s, "SMTPServer", "127.0.0.1");
	stack_option(s, "SMTPPort", stack_fmt("%d", m->port));
	stack_option(s, "SMTPAccount", "gateway@example.org");
	stack_option(s, "SMTPToken", "mail secret");
	must_fail("mail", stack_root(s, "POST", "/api/mail/test", "{\"to\":\"bert@example.org\"}"));
	assert_int_equal(fake_mail_count(m), 0);
	fake_mail_stop(m);
}

int main(void)
{
	static const char *const exposed[] = { "TRUSTED_PROXIES=192.0.2.77", "DEBUG=true", NULL };
	static const struct CMUnitTest behind[] = {
		cmocka_unit_test(s9_channels_by_content),
		cmocka_unit_test(s11_channel_secrets),
		cmocka_unit_test(s14_plain_text),
		cmocka_unit_test(s16_secrets_to_strangers),
		cmocka_unit_test(s17_proxy_route),
		cmocka_unit_test(headers_of_replies),
	};
	static const struct CMUnitTest alone[] = {
		cmocka_unit_test(s7_first_password),
		cmocka_unit_test(s5_forged_address),
		cmocka_unit_test(s10_debug),
		cmocka_unit_test(s16_unknown_mail_server),
	};

	return stack_run("security register", behind, COUNT_OF(behind), NULL) +
	    stack_run("security register, exposed", alone, COUNT_OF(alone), exposed);
}
