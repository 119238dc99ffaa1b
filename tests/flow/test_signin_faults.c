/* test_signin_faults.c — what providers may do wrong when somebody signs in, and how OpenID providers
 * differ; nobody is made or signed in by it, and nothing of it is told
 */
#include "signin_browser.h"

static void test_set_up(void **state)
{
	set_up(*state);
}

/* ---- what a provider may do wrong ---------------------------------------------------------------- */

static void test_no_user(void **state)
{
	static const struct {
		const char *provider, *person;
	} cases[] = {
		{ "github", "\"login\":\"x\"" },
		{ "github", "\"id\":0,\"login\":\"x\"" },
		{ "github", "\"id\":\"5\",\"login\":\"x\"" },
		{ "github", "\"id\":5,\"login\":\"\"" },
		{ "lark", "\"open_id\":\"\"" },
		{ "lark", "\"open_id\":\"a b\"" },
		{ "lark", "\"name\":\"nobody\"" },
	};
	struct stack *s = *state;
	int64_t before = users(s);

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct browser b = { 0 };

		check_no(cases[i].person, sign_in(s, &b, cases[i].provider, cases[i].person), 200,
		    O04);
		assert_string_equal(b.session, "");
	}
	assert_int_equal(users(s), before);
}

/* Nobody is made, nobody signed in, and neither reply nor log tells what was said. */
static void test_trouble(void **state)
{
	static const char *const providers[] = { "github", "lark", "oidc" };
	static const char *const people[] = { "\"id\":3001,\"login\":\"t\"", "\"open_id\":\"ou_t\"",
		"\"sub\":\"t\"" };
	struct stack *s = *state;
	int64_t before = users(s);

	for (enum trouble t = TROUBLE_500; t <= TROUBLE_CUT; t++) {
		for (size_t i = 0; i < COUNT_OF(providers); i++) {
			struct browser b = { 0 };
			struct stack_reply *r;

			site.trouble = t;
			r = sign_in(s, &b, providers[i], people[i]);
			check_no(providers[i], r, 200, O03);
			assert_string_equal(b.session, "");
		}
	}
	site.trouble = TROUBLE_NONE;
	assert_int_equal(site.redirected, 0);
	assert_int_equal(users(s), before);
	for (size_t i = 0; i < COUNT_OF(providers); i++) {
		struct browser b = { 0 };
		const char *text = plain_state(s, &b);

		check_no("a code that is none",
		    ask(s, &b, "GET", path_of(providers[i], "nope", text), NULL), 200, O06);
	}
	site_check("trouble");
}

/* Pages try three times: while the provider is away the state stays good. */
static void test_try_again(void **state)
{
	struct stack *s = *state;
	struct browser b = { 0 };
	char text[64];
	const char *code = site_authorize(s, &b, "github", "\"id\":3002,\"login\":\"t2\"", text);

	site.trouble = TROUBLE_CUT;
	check_no("away", ask(s, &b, "GET", path_of("github", code, text), NULL), 200, O03);
	site.trouble = TROUBLE_NONE;
	check_ok("back", ask(s, &b, "GET", path_of("github", code, text), NULL), "");
	check_no("used", ask(s, &b, "GET", path_of("github", code, text), NULL), 403, A07);
	site_check("again");
}

static void test_id_tokens(void **state)
{
	static const struct {
		const char *name, *members;
	} cases[] = {
		{ "another audience", ",\"aud\":\"other\"" },
		{ "another issuer", ",\"iss\":\"https://evil.example\"" },
		{ "expired", ",\"exp\":1000000000" },
		{ "another nonce", ",\"nonce\":\"xxx\"" },
		{ "no nonce", ",\"nonce\":null" },
		{ "of another access token", ",\"at_hash\":\"Dqnsywk9617_qmSz_i8JlA\"" },
	};
	struct stack *s = *state;
	struct arena *a = arena_new(4096);
	struct browser b = { 0 };
	int64_t before = users(s);
	char payload[512];

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		site.id_members = cases[i].members;
		check_no(cases[i].name, sign_in(s, &b, "oidc", "\"sub\":\"v\""), 200, O03);
	}
	site.id_members = NULL;
	snprintf(payload, sizeof payload,
	    "{\"iss\":\"%s/id\",\"aud\":\"" ID_CLIENT
	    "\",\"sub\":\"v\",\"exp\":4000000000,\"iat\":%lld}",
	    site.base, (long long)clock_unix());
	site.id_token = arena_fmt(a, "%s.", maker_input(a, "{\"alg\":\"none\"}", payload));
	check_no("not signed", sign_in_plain(s, &b, "oidc", "\"sub\":\"v\""), 200, O03);
	site.id_token =
	    maker_hmac_token(a, "{\"alg\":\"HS256\"}", payload, ID_SECRET, strlen(ID_SECRET));
	check_no("signed with the client's secret", sign_in_plain(s, &b, "oidc", "\"sub\":\"v\""),
	    200, O03);
	site.id_token = "";
	check_no("none at all", sign_in_plain(s, &b, "oidc", "\"sub\":\"v\""), 200, O03);
	site.id_token = NULL;
	site.userinfo = "{\"sub\":\"248289761001\"}";
	check_no("userinfo of somebody else", sign_in(s, &b, "oidc", "\"sub\":\"v\""), 200, O03);
	site.userinfo = NULL;
	assert_int_equal(users(s), before);
	assert_string_equal(b.session, "");
	check_ok("and then a good one", sign_in(s, &b, "oidc", "\"sub\":\"v\""), "");
	arena_free(a);
	site_check("id tokens");
}

/* Document and keys are asked for once, and again when a token is signed with a key we do not know. */
static void test_rotation(void **state)
{
	struct stack *s = *state;
	struct browser b = { 0 }, c = { 0 };
	int documents = site.document_calls, keys = site.key_calls;
	struct maker_key old = site.key;

	check_ok("from the cache", sign_in(s, &b, "oidc", "\"sub\":\"rot\""), "");
	assert_int_equal(site.document_calls, documents);
	assert_int_equal(site.key_calls, keys);
	site.key = maker_ec("second", "P-256");
	check_ok("new key", sign_in(s, &c, "oidc", "\"sub\":\"rot2\""), "");
	assert_int_equal(site.key_calls, keys + 1);
	c = (struct browser){ 0 };
	check_ok("known by now", sign_in(s, &c, "oidc", "\"sub\":\"rot2\""), "");
	assert_int_equal(site.key_calls, keys + 1);
	maker_free(&old);
	site_check("rotation");
}

/* ---- the rest ------------------------------------------------------------------------------------ */

static void test_discover(void **state)
{
	struct stack *s = *state;
	char path[512], wanted[128];
	struct stack_reply *r;

	snprintf(path, sizeof path, "/api/oauth/oidc/discover?url=%s/id", site.base);
	check_no("guest", ask(s, &(struct browser){ 0 }, "GET", path, NULL), 401, A01);
	r = stack_root(s, "GET", path, NULL);
	check_ok("root", r, "");
	snprintf(wanted, sizeof wanted, "%s/id/token", site.base);
	assert_string_equal(stack_text(r->json, "data.token_endpoint"), wanted);
	snprintf(wanted, sizeof wanted, "%s/id", site.base);
	assert_string_equal(stack_text(r->json, "data.issuer"), wanted);
	check_no("no URL", stack_root(s, "GET", "/api/oauth/oidc/discover?url=ftp://x", NULL), 200,
	    "Invalid parameter: url");
	site.document_issuer = "https://evil.example";
	check_no("another issuer", stack_root(s, "GET", path, NULL), 200, O03);
	site.document_issuer = NULL;
}

/* A provider of which only the endpoints are known, as one-api had them; and client_secret_post. */
static void test_without_document(void **state)
{
	struct stack *s = *state;
	struct browser b = { 0 };
	char well_known[128];
	int64_t id;

	snprintf(well_known, sizeof well_known, "%s/id/.well-known/openid-configuration",
	    site.base);
	set_option(s, "OidcWellKnown", "");
	check_ok("by userinfo", sign_in_plain(s, &b, "oidc", "\"sub\":\"bare\""), "");
	id = number(s, "SELECT id FROM users WHERE oidc_id = 'iss:%s bare'", site.base);
	self_is(s, &b, id);
	b = (struct browser){ 0 };
	check_no("no subject", sign_in_plain(s, &b, "oidc", "\"name\":\"x\""), 200, O04);
	set_option(s, "OidcWellKnown", well_known);
	assert_int_equal(stack_int(sign_in(s, &b, "oidc", "\"sub\":\"bare\"")->json, "data.id"),
	    id);
	site.by_form = true;
	check_ok("asked anew",
	    stack_root(s, "GET",
	        stack_fmt("/api/oauth/oidc/discover?url=http://127.0.0.1:%d/id", site.port), NULL),
	    "");
	b = (struct browser){ 0 };
	check_ok("by form", sign_in(s, &b, "oidc", "\"sub\":\"bare\""), "");
	site_check("without document");
}

static void test_secrets(void **state)
{
	static const char *const secrets[] = { GH_SECRET, LARK_SECRET, ID_SECRET, WX_TOKEN,
		"at-0-0123", "code&=", "code%26" };
	const char *log;

	assert_true(stack_log_has(*state, "event=oauth.refused"));
	assert_true(stack_log_has(*state, "event=oauth.unreachable"));
	assert_true(stack_log_has(*state, "event=oauth.failed"));
	log = stack_log(*state);
	for (size_t i = 0; i < COUNT_OF(secrets); i++) {
		if (strstr(log, secrets[i]))
			fail_msg("the log has %s", secrets[i]);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_set_up),
		cmocka_unit_test(test_no_user),
		cmocka_unit_test(test_trouble),
		cmocka_unit_test(test_try_again),
		cmocka_unit_test(test_id_tokens),
		cmocka_unit_test(test_rotation),
		cmocka_unit_test(test_discover),
		cmocka_unit_test(test_without_document),
		cmocka_unit_test(test_secrets),
	};

	return signin_run("signin_faults", tests, COUNT_OF(tests));
}
