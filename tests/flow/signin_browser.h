/* signin_browser.h — a browser with cookies, on its way to a provider of signin_site.h and back */
#ifndef TESTS_SIGNIN_BROWSER_H
#define TESTS_SIGNIN_BROWSER_H

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "signin_site.h"

#define A01 "Not logged in and no access token given"
#define A03 "This account is disabled"
#define A07 "The OAuth state is missing or does not match"
#define A08 "The request came from another site"
#define U04 "Registration is closed"
#define O01 "Sign-in with this provider is switched off"
#define O02 "Invalid parameter"
#define O03 "The provider cannot be reached, please retry later"
#define O04 "The provider returned no user"
#define O05 "This third-party account is bound to another user"
#define O06 "The code is wrong or has expired"
#define O07 "This is the only way to sign in to the account, set a password first"

/* ---- a browser ----------------------------------------------------------------------------------- */

struct browser {
	char session[160], oauth[160]; /* "name=value" */
	char jar[400];
};

static inline void keep_cookie(char slot[160], const char *line)
{
	snprintf(slot, 160, "%.*s", (int)strcspn(line, ";"), line);
	if (strcmp(strchr(slot, '=') + 1, "") == 0)
		slot[0] = '\0';
}

/* Each call comes from an address of its own, so that no limit is met. */
static inline struct stack_reply *ask(struct stack *s, struct browser *b, const char *method,
    const char *path, const char *body)
{
	static int n;
	char from[32];
	const char *line;
	struct stack_reply *r;

	n++;
	snprintf(from, sizeof from, "10.9.%d.%d", n / 250, n % 250 + 1);
	snprintf(b->jar, sizeof b->jar, "%s; %s", b->session, b->oauth);
	r = stack_http(s,
	    &(struct stack_ask){ .method = method,
	        .path = path,
	        .cookie = b->jar,
	        .from = from,
	        .body = body });
	for (int i = 0; (line = stack_header_n(r, "Set-Cookie", i)); i++) {
		if (strncmp(line, "session=", 8) == 0)
			keep_cookie(b->session, line);
		if (strncmp(line, "oauth=", 6) == 0)
			keep_cookie(b->oauth, line);
	}
	return r;
}

static inline void check_ok(const char *name, const struct stack_reply *r, const char *message)
{
	if (r->status != 200 || !cJSON_IsTrue(stack_at(r->json, "success")) ||
	    strcmp(stack_text(r->json, "message"), message) != 0)
		fail_msg("%s: want success '%s', got %d %s", name, message, r->status,
		    r->body.data);
}

static inline void check_no(const char *name, const struct stack_reply *r, int status,
    const char *message)
{
	if (r->status != status || !cJSON_IsFalse(stack_at(r->json, "success")) ||
	    strcmp(stack_text(r->json, "message"), message) != 0)
		fail_msg("%s: want %d '%s', got %d %s", name, status, message, r->status,
		    r->body.data);
}

/* Encoded, in memory that stays until the end of the test. */
static inline const char *encoded(const char *text)
{
	static struct buf slots[8];
	static int n;
	struct buf *b = &slots[n++ % 8];

	buf_release(b);
	*b = buf_init(64 * 1024);
	url_encode(b, str_c(text));
	return b->data;
}

static inline const char *path_of(const char *provider, const char *code, const char *state)
{
	static char path[4096];

	snprintf(path, sizeof path, "/api/oauth/%s?code=%s&state=%s", provider, encoded(code),
	    encoded(state));
	return path;
}

/* A state as old pages ask for it. */
static inline const char *plain_state(struct stack *s, struct browser *b)
{
	struct stack_reply *r = ask(s, b, "GET", "/api/oauth/state", NULL);

	check_ok("state", r, "");
	return stack_text(r->json, "data");
}

/* ---- the way to the provider --------------------------------------------------------------------- */

struct way {
	const char *provider, *url; /* up to the parameters that are always there */
	const char *client_id, *redirect_uri, *scope;
};

static struct way ways[3];

static inline const struct way *way_of(const char *provider)
{
	for (size_t i = 0; i < COUNT_OF(ways); i++) {
		if (strcmp(ways[i].provider, provider) == 0)
			return &ways[i];
	}
	fail_msg("no such provider: %s", provider);
	return NULL;
}

static inline void check_param(struct arena *a, struct str url, const char *name,
    const char *wanted)
{
	struct str query = str_slice(url, str_find(url, '?') + 1, url.n);
	struct str got = value_of(a, query, name);

	if (!str_eq_c(got, wanted))
		fail_msg("%.*s: %s: got '%.*s', want '%s'", STR_ARG(url), name, STR_ARG(got),
		    wanted);
}

/* The browser goes where our state call sent it; the person agrees there. The code that comes back. */
static inline const char *site_authorize(struct stack *s, struct browser *b, const char *provider,
    const char *person, char state[64])
{
	const struct way *way = way_of(provider);
	struct arena *a = arena_new(4096);
	struct stack_reply *r =
	    ask(s, b, "GET", arena_fmt(a, "/api/oauth/state?provider=%s", provider), NULL);
	struct str url = str_c(stack_text(r->json, "url"));
	struct str query = str_slice(url, str_find(url, '?') + 1, url.n);
	const char *code;

	check_ok(provider, r, "");
	if (!str_starts(url, str_c(way->url)))
		fail_msg("%s: got %.*s, want %s", provider, STR_ARG(url), way->url);
	snprintf(state, 64, "%s", stack_text(r->json, "data"));
	check_param(a, url, "state", state);
	check_param(a, url, "client_id", way->client_id);
	check_param(a, url, "redirect_uri", way->redirect_uri);
	check_param(a, url, "scope", way->scope);
	check_param(a, url, "code_challenge_method", "S256");
	assert_int_equal(value_of(a, query, "code_challenge").n, 43);
	assert_int_equal(value_of(a, query, "nonce").n, strcmp(provider, "oidc") ? 0 : 43);
	code = site_code(person, str_dup(a, value_of(a, query, "code_challenge")),
	    str_dup(a, value_of(a, query, "nonce")));
	arena_free(a);
	return code;
}

/* The whole way with PKCE; the reply of the last step. */
static inline struct stack_reply *sign_in(struct stack *s, struct browser *b, const char *provider,
    const char *person)
{
	char state[64];
	const char *code = site_authorize(s, b, provider, person, state);

	return ask(s, b, "GET", path_of(provider, code, state), NULL);
}

/* The way of old pages, which make the URL themselves. */
static inline struct stack_reply *sign_in_plain(struct stack *s, struct browser *b,
    const char *provider, const char *person)
{
	const char *state = plain_state(s, b);

	return ask(s, b, "GET", path_of(provider, site_code(person, "", ""), state), NULL);
}

/* ---- what the database says ---------------------------------------------------------------------- */

static inline int64_t number(struct stack *s, const char *format, ...) PRINTF_LIKE(2, 3);
static inline int64_t number(struct stack *s, const char *format, ...)
{
	char sql[512];
	va_list args;

	va_start(args, format);
	vsnprintf(sql, sizeof sql, format, args);
	va_end(args);
	return stack_sql_int(s, sql);
}

static inline int64_t users(struct stack *s)
{
	return number(s, "SELECT count(*) FROM users");
}

static inline void self_is(struct stack *s, struct browser *b, int64_t id)
{
	struct stack_reply *r = ask(s, b, "GET", "/api/user/self", NULL);

	check_ok("self", r, "");
	assert_int_equal(stack_int(r->json, "data.id"), id);
}

/* ---- a site that lets sign in ------------------------------------------------------------------- */

static inline void set_option(struct stack *s, const char *name, const char *value)
{
	stack_option(s, name, value);
}

static inline void set_up(struct stack *s)
{
	char well_known[128], bridge[128], token[128], userinfo[128];

	snprintf(well_known, sizeof well_known, "%s/id/.well-known/openid-configuration",
	    site.base);
	snprintf(bridge, sizeof bridge, "%s/wx/", site.base);
	snprintf(token, sizeof token, "%s/id/token", site.base);
	snprintf(userinfo, sizeof userinfo, "%s/id/userinfo", site.base);
	stack_option(s, "ServerAddress", OUR_ADDRESS);
	stack_option(s, "QuotaForNewUser", "777");
	stack_option(s, "GitHubClientId", "gh-id");
	stack_option(s, "GitHubClientSecret", GH_SECRET);
	stack_option(s, "GitHubOAuthEnabled", "true");
	stack_option(s, "LarkClientId", "lark-id");
	stack_option(s, "LarkClientSecret", LARK_SECRET);
	stack_option(s, "OidcClientId", ID_CLIENT);
	stack_option(s, "OidcClientSecret", ID_SECRET);
	stack_option(s, "OidcWellKnown", well_known);
	stack_option(s, "OidcTokenEndpoint", token);
	stack_option(s, "OidcUserinfoEndpoint", userinfo);
	stack_option(s, "OidcEnabled", "true");
	stack_option(s, "WeChatServerAddress", bridge);
	stack_option(s, "WeChatServerToken", WX_TOKEN);
	set_option(s, "WeChatAuthEnabled", "true");
}

static char env_text[5][128];
static char way_text[3][128];

/* Starts the site; the settings that make the programs ask it, and `more`, which may be NULL. */
static inline const char *const *signin_open(const char *more)
{
	static const char *const names[] = { "GITHUB_URL", "GITHUB_API_URL", "LARK_URL",
		"LARK_ACCOUNTS_URL", "LARK_PASSPORT_URL" };
	static const char *const places[] = { "/gh", "/gh/api", "/lark", "/lark", "/lark" };
	static const char *env[8] = { "GLOBAL_API_RATE_LIMIT=0" };

	site_start();
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		snprintf(env_text[i], sizeof env_text[i], "%s=%s%s", names[i], site.base,
		    places[i]);
		env[i + 1] = env_text[i];
	}
	env[COUNT_OF(names) + 1] = more;
	snprintf(way_text[0], sizeof way_text[0], "%s/gh/login/oauth/authorize?", site.base);
	snprintf(way_text[1], sizeof way_text[1], "%s/lark/open-apis/authen/v1/authorize?",
	    site.base);
	snprintf(way_text[2], sizeof way_text[2], "%s/id/auth?tenant=1&", site.base);
	ways[0] = (struct way){ "github", way_text[0], "gh-id", "", "user:email" };
	ways[1] = (struct way){ "lark", way_text[1], "lark-id", OUR_ADDRESS "/oauth/lark", "" };
	ways[2] = (struct way){ "oidc", way_text[2], ID_CLIENT, OUR_ADDRESS "/oauth/oidc",
		"openid profile email" };
	return env;
}

static inline int signin_run(const char *group, const struct CMUnitTest *tests, size_t count)
{
	int failed = stack_run(group, tests, count, signin_open(NULL));

	site_stop();
	return failed;
}

#endif
