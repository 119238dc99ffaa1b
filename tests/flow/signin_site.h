/* signin_site.h — GitHub, Lark, an OpenID provider and a WeChat bridge, for the flow test of sign-in
 *
 * One thread serves all four, at /gh, /lark, /id and /wx of a free port. What we send is checked to
 * the letter: whatever is not as the provider's documentation has it is a fault (site_faults), and
 * gets the provider's own refusal. A code is made by site_authorize out of the URL that the browser
 * was sent to, or by site_code, and is good once.
 *
 * Threads  everything is guarded by one lock; a test sets the knobs while no sign-in is under way.
 */
#ifndef TESTS_SIGNIN_SITE_H
#define TESTS_SIGNIN_SITE_H

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../stack.h"
#include "../unit/jwt_maker.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"
#include "net/http.h"

#define GH_SECRET "gh-secret-0123456789"
#define LARK_SECRET "lark-secret-0123456789"
#define ID_CLIENT "client one"
#define ID_SECRET "id-secret:&+%/0123"
#define WX_TOKEN "wx-token-0123456789"
#define OUR_ADDRESS "https://gw.example"
#define CODES_MAX 256

struct code {
	char text[64];
	char person[1024]; /* members of the JSON object that tells who it is */
	char challenge[64], nonce[64];
	bool used;
};

/* What the token endpoint does instead of its work. */
enum trouble {
	TROUBLE_NONE,
	TROUBLE_500,
	TROUBLE_REDIRECT,
	TROUBLE_HTML,
	TROUBLE_HUGE,
	TROUBLE_CUT
};

static struct site {
	pthread_mutex_t lock;
	pthread_t thread;
	int fd, port;
	char base[64];
	struct code codes[CODES_MAX];
	int codes_made;
	struct buf faults;
	enum trouble trouble;
	int calls, key_calls, document_calls, redirected;
	struct maker_key key;
	const char *id_members;      /* added to the payload of ID tokens */
	const char *id_token;        /* this one instead */
	const char *userinfo;        /* instead of the person's members */
	const char *document_issuer; /* instead of the right one */
	bool by_form;                /* client_secret_post only */
} site;

static inline void fault(const char *where, const char *what, struct str got)
{
	buf_addf(&site.faults, "%s: %s, got '%.*s'\n", where, what, STR_ARG(got));
}

static inline bool want(const char *where, const char *what, struct str got, const char *wanted)
{
	if (str_eq_c(got, wanted))
		return true;
	fault(where, what, got);
	return false;
}

/* ---- codes --------------------------------------------------------------------------------------- */

static inline const char *site_code(const char *person, const char *challenge, const char *nonce)
{
	struct code *c;

	pthread_mutex_lock(&site.lock);
	c = &site.codes[site.codes_made++ % CODES_MAX];
	memset(c, 0, sizeof *c);
	/* as much trouble for URLs and JSON as a code may make */
	snprintf(c->text, sizeof c->text, "code&=+%%\"%d", site.codes_made);
	snprintf(c->person, sizeof c->person, "%s", person);
	snprintf(c->challenge, sizeof c->challenge, "%s", challenge);
	snprintf(c->nonce, sizeof c->nonce, "%s", nonce);
	pthread_mutex_unlock(&site.lock);
	return c->text;
}

static inline struct code *find_code(struct str text)
{
	for (int i = 0; i < CODES_MAX; i++) {
		if (site.codes[i].text[0] && str_eq_c(text, site.codes[i].text))
			return &site.codes[i];
	}
	return NULL;
}

/* The verifier is there exactly when a challenge was. */
static inline bool verifier_fits(struct arena *a, const struct code *c, struct str verifier)
{
	unsigned char hash[32];

	if (!c->challenge[0])
		return verifier.n == 0;
	if (verifier.n < 43)
		return false;
	EVP_Digest(verifier.p, verifier.n, hash, NULL, EVP_sha256(), NULL);
	return str_eq_c(base64url_encode(a, hash, sizeof hash), c->challenge);
}

static inline struct code *redeem(struct arena *a, const char *where, struct str text,
    struct str verifier)
{
	struct code *c = find_code(text);

	if (!c || c->used)
		return NULL;
	c->used = true;
	if (verifier_fits(a, c, verifier))
		return c;
	fault(where, "code_verifier", verifier);
	return NULL;
}

/* ---- requests and replies ------------------------------------------------------------------------ */

struct asked {
	struct arena *a;
	struct str method, path, query, head, body;
	int status;
	const char *reply;
	const char *location;
};

static inline struct str header_of(const struct asked *q, const char *name)
{
	struct str rest = q->head, line;

	while (str_next(&rest, '\n', &line)) {
		size_t colon = str_find(line, ':');

		if (str_eq_nocase(str_slice(line, 0, colon), str_c(name)))
			return str_trim(str_slice(line, colon + 1, line.n));
	}
	return (struct str){ 0 };
}

static inline struct str value_of(struct arena *a, struct str pairs, const char *name)
{
	struct str pair;

	while (str_next(&pairs, '&', &pair)) {
		size_t equals = str_find(pair, '=');

		if (str_eq_c(str_slice(pair, 0, equals), name))
			return url_decode(a, str_slice(pair, equals + 1, pair.n), true);
	}
	return (struct str){ 0 };
}

static inline void answer(struct asked *q, int status, const char *body)
{
	q->status = status;
	q->reply = body;
}

/* True: the reply is made. */
static inline bool make_trouble(struct asked *q)
{
	switch (site.trouble) {
	case TROUBLE_NONE:
		return false;
	case TROUBLE_500:
		answer(q, 500, "{\"error\":\"boom " GH_SECRET "\"}");
		return true;
	case TROUBLE_REDIRECT:
		answer(q, 302, "{}");
		q->location = arena_fmt(q->a, "%s/redirected", site.base);
		return true;
	case TROUBLE_HTML:
		answer(q, 200, "<html>" GH_SECRET "</html>");
		return true;
	case TROUBLE_HUGE: {
		char *huge = arena_alloc(q->a, 300 * 1024 + 1);

		memset(huge, ' ', 300 * 1024);
		huge[300 * 1024] = '\0';
		answer(q, 200, huge);
		return true;
	}
	case TROUBLE_CUT:
		answer(q, 0, "");
		return true;
	}
	return false;
}

static inline bool json_body(struct asked *q, const char *where, cJSON **tree)
{
	struct err err = { 0 };

	want(where, "Content-Type", header_of(q, "content-type"), "application/json");
	want(where, "Accept", header_of(q, "accept"), "application/json");
	if (json_parse(q->a, q->body, tree, &err))
		return true;
	fault(where, "JSON", q->body);
	return false;
}

/* The token of a code is "at-" and its number; who comes with it is that code's person. */
static inline const char *access_token(struct arena *a, const struct code *c)
{
	return arena_fmt(a, "at-%d-%s", (int)(c - site.codes), "0123456789abcdef");
}

static inline struct code *bearer(struct asked *q, const char *where)
{
	struct str given = header_of(q, "authorization");

	for (int i = 0; i < CODES_MAX; i++) {
		struct code *c = &site.codes[i];

		if (c->used && str_eq_c(given, arena_fmt(q->a, "Bearer %s", access_token(q->a, c))))
			return c;
	}
	fault(where, "Authorization", given);
	return NULL;
}

static inline void tell_who(struct asked *q, const char *where)
{
	struct code *c = bearer(q, where);

	want(where, "Accept", header_of(q, "accept"), "application/json");
	if (header_of(q, "user-agent").n == 0)
		fault(where, "User-Agent", STR(""));
	if (c)
		answer(q, 200, arena_fmt(q->a, "{%s}", c->person));
	else
		answer(q, 401, "{\"message\":\"Requires authentication\"}");
}

/* ---- GitHub -------------------------------------------------------------------------------------- */

static inline void github_token(struct asked *q)
{
	const char *where = "github token";
	struct code *c = NULL;
	cJSON *in;

	if (make_trouble(q) || !json_body(q, where, &in))
		return;
	if (want(where, "client_id", json_str_at(in, "client_id"), "gh-id") &&
	    want(where, "client_secret", json_str_at(in, "client_secret"), GH_SECRET))
		c = redeem(q->a, where, json_str_at(in, "code"), json_str_at(in, "code_verifier"));
	answer(q, 200,
	    c ? arena_fmt(q->a,
	            "{\"access_token\":\"%s\",\"scope\":\"user:email\",\"token_type\":\"bearer\"}",
	            access_token(q->a, c))
	      : "{\"error\":\"bad_verification_code\",\"error_description\":\"The code passed is "
	        "incorrect or expired. " GH_SECRET "\"}");
}

static inline void github_user(struct asked *q)
{
	tell_who(q, "github user");
}

/* ---- Lark ---------------------------------------------------------------------------------------- */

static inline void lark_token(struct asked *q)
{
	const char *where = "lark token";
	struct code *c = NULL;
	cJSON *in;

	if (make_trouble(q) || !json_body(q, where, &in))
		return;
	if (want(where, "client_id", json_str_at(in, "client_id"), "lark-id") &&
	    want(where, "client_secret", json_str_at(in, "client_secret"), LARK_SECRET) &&
	    want(where, "grant_type", json_str_at(in, "grant_type"), "authorization_code") &&
	    want(where, "redirect_uri", json_str_at(in, "redirect_uri"), OUR_ADDRESS "/oauth/lark"))
		c = redeem(q->a, where, json_str_at(in, "code"), json_str_at(in, "code_verifier"));
	if (c)
		answer(q, 200,
		    arena_fmt(q->a, "{\"code\":0,\"access_token\":\"%s\",\"expires_in\":7200}",
		        access_token(q->a, c)));
	else
		answer(q, 400, "{\"code\":20003,\"error\":\"invalid_grant\"}");
}

static inline void lark_user(struct asked *q)
{
	tell_who(q, "lark user");
}

/* ---- the OpenID provider ------------------------------------------------------------------------- */

static inline void id_document(struct asked *q)
{
	const char *issuer = arena_fmt(q->a, "%s/id", site.base);

	site.document_calls++;
	answer(q, 200,
	    arena_fmt(q->a,
	        "{\"issuer\":\"%s\",\"authorization_endpoint\":\"%s/auth?tenant=1\","
	        "\"token_endpoint\":\"%s/token\",\"userinfo_endpoint\":\"%s/userinfo\","
	        "\"jwks_uri\":\"%s/keys\"%s}",
	        site.document_issuer ? site.document_issuer : issuer, issuer, issuer, issuer,
	        issuer,
	        site.by_form ? ",\"token_endpoint_auth_methods_supported\":[\"client_secret_post\"]"
	                     : ""));
}

static inline void id_keys(struct asked *q)
{
	site.key_calls++;
	answer(q, 200,
	    arena_fmt(q->a, "{\"keys\":[%s]}", maker_jwk(q->a, &site.key, ",\"use\":\"sig\"")));
}

static inline const char *id_token(struct arena *a, const struct code *c)
{
	int64_t now = clock_unix();
	const char *payload = arena_fmt(a,
	    "{\"iss\":\"%s/id\",\"aud\":\"" ID_CLIENT "\",\"exp\":%lld,\"iat\":%lld%s%s%s,%s%s}",
	    site.base, (long long)now + 60, (long long)now, c->nonce[0] ? ",\"nonce\":\"" : "",
	    c->nonce, c->nonce[0] ? "\"" : "", c->person, site.id_members ? site.id_members : "");

	return site.id_token ? site.id_token : maker_token(a, &site.key, payload);
}

static inline bool id_client(struct asked *q, const char *where)
{
	/* RFC 6749, 2.3.1: "client%20one" ":" "id-secret%3A%26%2B%25%2F0123" */
	static const char basic[] =
	    "Basic Y2xpZW50JTIwb25lOmlkLXNlY3JldCUzQSUyNiUyQiUyNSUyRjAxMjM=";

	if (!site.by_form)
		return want(where, "Authorization", header_of(q, "authorization"), basic) &&
		    want(where, "client_secret", value_of(q->a, q->body, "client_secret"), "");
	return want(where, "Authorization", header_of(q, "authorization"), "") &&
	    want(where, "client_id", value_of(q->a, q->body, "client_id"), ID_CLIENT) &&
	    want(where, "client_secret", value_of(q->a, q->body, "client_secret"), ID_SECRET);
}

static inline void id_token_call(struct asked *q)
{
	const char *where = "oidc token";
	struct code *c = NULL;

	if (make_trouble(q))
		return;
	want(where, "Content-Type", header_of(q, "content-type"),
	    "application/x-www-form-urlencoded");
	if (id_client(q, where) &&
	    want(where, "grant_type", value_of(q->a, q->body, "grant_type"),
	        "authorization_code") &&
	    want(where, "redirect_uri", value_of(q->a, q->body, "redirect_uri"),
	        OUR_ADDRESS "/oauth/oidc"))
		c = redeem(q->a, where, value_of(q->a, q->body, "code"),
		    value_of(q->a, q->body, "code_verifier"));
	if (c)
		answer(q, 200,
		    arena_fmt(q->a,
		        "{\"access_token\":\"%s\",\"token_type\":\"Bearer\",\"id_token\":\"%s\"}",
		        access_token(q->a, c), id_token(q->a, c)));
	else
		answer(q, 400, "{\"error\":\"invalid_grant\"}");
}

static inline void id_userinfo(struct asked *q)
{
	tell_who(q, "oidc userinfo");
	if (site.userinfo && q->status == 200)
		answer(q, 200, site.userinfo);
}

/* ---- the WeChat bridge --------------------------------------------------------------------------- */

static inline void wx_user(struct asked *q)
{
	struct code *c = find_code(value_of(q->a, q->query, "code"));

	if (make_trouble(q))
		return;
	if (!want("wechat", "Authorization", header_of(q, "authorization"), WX_TOKEN))
		answer(q, 200,
		    arena_fmt(q->a, "{\"success\":false,\"message\":\"token %.*s is wrong\"}",
		        STR_ARG(header_of(q, "authorization"))));
	else if (!c || c->used)
		answer(q, 200,
		    "{\"success\":false,\"message\":\"the code has gone\",\"data\":\"\"}");
	else
		answer(q, 200,
		    arena_fmt(q->a, "{\"success\":true,\"message\":\"\",%s}", c->person));
	if (c)
		c->used = true;
}

static inline void redirected(struct asked *q)
{
	site.redirected++;
	answer(q, 200, "{}");
}

/* ---- the server ---------------------------------------------------------------------------------- */

/* clang-format off */
static const struct {
	const char *method, *path;
	void (*serve)(struct asked *q);
} pages[] = {
	{ "POST", "/gh/login/oauth/access_token", github_token },
	{ "GET",  "/gh/api/user", github_user },
	{ "POST", "/lark/open-apis/authen/v2/oauth/token", lark_token },
	{ "GET",  "/lark/suite/passport/oauth/userinfo", lark_user },
	{ "GET",  "/id/.well-known/openid-configuration", id_document },
	{ "GET",  "/id/keys", id_keys },
	{ "POST", "/id/token", id_token_call },
	{ "GET",  "/id/userinfo", id_userinfo },
	{ "GET",  "/wx/api/wechat/user", wx_user },
	{ "GET",  "/redirected", redirected },
};
/* clang-format on */

static inline void serve(struct asked *q)
{
	site.calls++;
	for (size_t i = 0; i < COUNT_OF(pages); i++) {
		if (str_eq_c(q->path, pages[i].path) && str_eq_c(q->method, pages[i].method)) {
			pages[i].serve(q);
			return;
		}
	}
	fault("site", "a page that there is", q->path);
	answer(q, 404, "{}");
}

/* Reads until the body is whole; false when the peer left before. */
static inline bool read_request(int fd, struct buf *in, struct asked *q)
{
	struct str all, first, part;
	int64_t length = 0;
	size_t end;

	for (;;) {
		char *to = buf_reserve(in, 4096);
		ssize_t n = to ? read(fd, to, 4096) : 0;

		if (n <= 0)
			return false;
		buf_commit(in, (size_t)n);
		all = buf_str(in);
		end = str_find_str(all, STR("\r\n\r\n"));
		if (end == all.n)
			continue;
		q->head = str_slice(all, 0, end);
		if (header_of(q, "content-length").n &&
		    !str_to_int(header_of(q, "content-length"), 0, 1 << 20, &length))
			return false;
		if (all.n >= end + 4 + (size_t)length)
			break;
	}
	q->body = str_slice(all, end + 4, end + 4 + (size_t)length);
	str_next(&q->head, '\n', &first);
	str_next(&first, ' ', &q->method);
	str_next(&first, ' ', &part);
	q->path = str_slice(part, 0, str_find(part, '?'));
	q->query = str_slice(part, q->path.n + 1, part.n);
	return true;
}

static inline void serve_one(int fd)
{
	struct asked q = { .a = arena_new(4096), .reply = "", .status = 400 };
	struct buf in = buf_init(1 << 20), out = buf_init(1 << 20);

	if (read_request(fd, &in, &q)) {
		pthread_mutex_lock(&site.lock);
		serve(&q);
		pthread_mutex_unlock(&site.lock);
		buf_addf(&out, "HTTP/1.1 %d X\r\nContent-Type: application/json\r\n", q.status);
		if (q.location)
			buf_addf(&out, "Location: %s\r\n", q.location);
		buf_addf(&out, "Connection: close\r\nContent-Length: %zu\r\n\r\n", strlen(q.reply));
		buf_add_c(&out, q.reply);
		if (q.status && send(fd, out.data, out.len, MSG_NOSIGNAL) < 0)
			perror("send");
	}
	buf_release(&in);
	buf_release(&out);
	arena_free(q.a);
	close(fd);
}

static inline void *serve_all(void *arg UNUSED)
{
	int fd;

	while ((fd = accept(site.fd, NULL, NULL)) >= 0)
		serve_one(fd);
	return NULL;
}

static inline void site_start(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof at;

	pthread_mutex_init(&site.lock, NULL);
	site.faults = buf_init(64 * 1024);
	site.key = maker_rsa("first", 2048);
	site.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (site.fd < 0 || bind(site.fd, (struct sockaddr *)&at, n) || listen(site.fd, 64) ||
	    getsockname(site.fd, (struct sockaddr *)&at, &n))
		abort();
	site.port = ntohs(at.sin_port);
	snprintf(site.base, sizeof site.base, "http://127.0.0.1:%d", site.port);
	if (pthread_create(&site.thread, NULL, serve_all, NULL))
		abort();
}

static inline void site_stop(void)
{
	shutdown(site.fd, SHUT_RDWR);
	pthread_join(site.thread, NULL);
	close(site.fd);
	maker_free(&site.key);
	buf_release(&site.faults);
}

/* Fails the test with what was not as it should be. */
static inline void site_check(const char *name)
{
	static char text[4096];

	pthread_mutex_lock(&site.lock);
	snprintf(text, sizeof text, "%s", site.faults.data);
	buf_clear(&site.faults);
	pthread_mutex_unlock(&site.lock);
	if (text[0])
		fail_msg("%s: %s", name, text);
}

#endif
