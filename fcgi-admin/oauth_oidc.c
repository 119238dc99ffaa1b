/* oauth_oidc.c — signing in with an OpenID provider (OpenID Connect Core 1.0, section 3.1)
 *
 * Its document and its keys are kept for a while (oauth_cache.h). A token that is signed with a key
 * we do not know makes us fetch the keys again, once: providers change them. The person is issuer
 * and subject together. */
#include <openssl/evp.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"
#include "jwt.h"
#include "message.h"
#include "oauth.h"
#include "oauth_cache.h"
#include "oauth_oidc.h"
#include "reply.h"

struct oidc {
	struct oidc_config config;
	struct str document; /* its URL; "": the operator has named none */
	struct str keys;
	bool keys_are_old; /* from the cache */
	struct str id_token;
	bool needs_keys; /* the ID token is signed with none of these */
	const cJSON *claims;
	bool asks_again; /* passes over the cache */
};

static bool is_on(const struct options *options)
{
	return option_bool(options, OPT_OIDC_ENABLED) &&
	    option_text(options, OPT_OIDC_CLIENT_ID).n > 0 &&
	    (option_text(options, OPT_OIDC_WELL_KNOWN).n > 0 ||
	        (option_text(options, OPT_OIDC_TOKEN_ENDPOINT).n > 0 &&
	            option_text(options, OPT_OIDC_USERINFO_ENDPOINT).n > 0));
}

static struct oauth_cache *cache_of(struct oauth *o)
{
	return admin_of(o->r)->oauth_cache;
}

/* ---- what the provider says of itself ------------------------------------------------------------ */

static bool take_document(struct oauth *o, struct str text, struct err *err)
{
	struct oidc *x = o->own;
	struct err why = { 0 };

	if (!oidc_config_read(o->r->arena, x->document, text, &x->config, &why))
		return oauth_fault(o, why.msg, err);
	return true;
}

static bool ask_document(struct oauth *o, struct err *err)
{
	struct str named = option_text(o->options, OPT_OIDC_WELL_KNOWN), text;
	struct oidc *x = o->own;

	if (!x) {
		o->own = x = ARENA_NEW(o->r->arena, struct oidc);
		if (str_trim(named).n)
			x->document = oidc_document_url(o->r->arena, named);
	}
	if (x->document.n == 0)
		return true;
	if (!oidc_url_ok(x->document))
		return oauth_fault(o, "the address of the provider's document is no URL", err);
	if (!x->asks_again && oauth_cache_get(cache_of(o), o->r->arena, x->document, &text))
		return take_document(o, text, err);
	oauth_ask(o, "GET", x->document);
	return true;
}

static bool read_document(struct oauth *o, struct err *err)
{
	struct oidc *x = o->own;
	const cJSON *tree;

	if (!oauth_object(o, &tree, err) || !take_document(o, o->reply.body, err))
		return false;
	oauth_cache_put(cache_of(o), x->document, o->reply.body);
	return true;
}

/* ---- its keys ------------------------------------------------------------------------------------ */

static bool ask_keys(struct oauth *o, struct err *err)
{
	struct oidc *x = o->own;

	oidc_config_override(&x->config, o->options);
	if (!oidc_url_ok(x->config.token_endpoint))
		return oauth_fault(o, "the token endpoint is no URL", err);
	if (!x->config.is_discovered)
		return true;
	x->keys_are_old = oauth_cache_get(cache_of(o), o->r->arena, x->config.jwks_uri, &x->keys);
	if (!x->keys_are_old)
		oauth_ask(o, "GET", x->config.jwks_uri);
	return true;
}

static bool read_keys(struct oauth *o, struct err *err)
{
	struct oidc *x = o->own;
	const cJSON *tree;

	if (!oauth_object(o, &tree, err))
		return false;
	x->keys = o->reply.body;
	x->keys_are_old = false;
	oauth_cache_put(cache_of(o), x->config.jwks_uri, x->keys);
	return true;
}

/* ---- the code becomes tokens --------------------------------------------------------------------- */

/* RFC 6749, 2.3.1: both parts encoded as in a form, then HTTP Basic. */
static void add_basic(struct oauth *o, struct str id, struct str secret)
{
	struct buf plain = buf_init(16 * 1024);
	char *text;
	int n;

	url_encode(&plain, id);
	buf_add_char(&plain, ':');
	url_encode(&plain, secret);
	text = arena_alloc(o->r->arena, plain.len / 3 * 4 + 5);
	n = EVP_EncodeBlock((unsigned char *)text, (const unsigned char *)plain.data,
	    (int)plain.len);
	headers_add_c(&o->upstream.headers, "Authorization",
	    arena_fmt(o->r->arena, "Basic %.*s", n, text));
	buf_release(&plain);
}

/* A client without a secret is a public one: PKCE is what it proves itself with. */
static void add_client(struct oauth *o, const struct oidc *x)
{
	struct str id = option_text(o->options, OPT_OIDC_CLIENT_ID);
	struct str secret = option_text(o->options, OPT_OIDC_CLIENT_SECRET);

	if (secret.n && !x->config.by_form) {
		add_basic(o, id, secret);
		return;
	}
	oauth_form(o, "client_id", id);
	if (secret.n)
		oauth_form(o, "client_secret", secret);
}

static bool ask_token(struct oauth *o, struct err *err UNUSED)
{
	struct str verifier = oauth_state_verifier(o->r, &o->state);
	struct oidc *x = o->own;

	oauth_ask(o, "POST", x->config.token_endpoint);
	oauth_form(o, "grant_type", STR("authorization_code"));
	oauth_form(o, "code", o->code);
	oauth_form(o, "redirect_uri", oauth_redirect_uri(o));
	if (verifier.n)
		oauth_form(o, "code_verifier", verifier);
	add_client(o, x);
	return true;
}

static bool check_id_token(struct oauth *o, struct err *err)
{
	struct oidc *x = o->own;
	struct jwt_want want = {
		.issuer = x->config.issuer,
		.audience = option_text(o->options, OPT_OIDC_CLIENT_ID),
		.nonce = oauth_state_nonce(o->r, &o->state),
		.access_token = o->access_token,
		.now = clock_unix(),
	};
	struct err why = { 0 };
	enum jwt_verdict verdict =
	    jwt_check(o->r->arena, x->id_token, x->keys, &want, &x->claims, &why);

	x->needs_keys = verdict == JWT_NO_KEY && x->keys_are_old;
	return verdict == JWT_OK || x->needs_keys || oauth_fault(o, why.msg, err);
}

static bool read_token(struct oauth *o, struct err *err)
{
	struct oidc *x = o->own;
	const cJSON *tree;

	if (!oauth_token(o, &tree, err))
		return false;
	if (!x->config.is_discovered)
		return true;
	x->id_token = json_str_at(tree, "id_token");
	return check_id_token(o, err);
}

static bool ask_new_keys(struct oauth *o, struct err *err UNUSED)
{
	struct oidc *x = o->own;

	if (x->needs_keys)
		oauth_ask(o, "GET", x->config.jwks_uri);
	return true;
}

static bool read_new_keys(struct oauth *o, struct err *err)
{
	return read_keys(o, err) && check_id_token(o, err);
}

/* ---- who it is ----------------------------------------------------------------------------------- */

static struct str first_text(const cJSON *a, const cJSON *b, const char *name)
{
	struct str text = json_str_at(a, name);

	return text.n ? text : json_str_at(b, name);
}

/* An address counts only with the word, from the same place, that it was verified; some providers
 * write the word as a text. */
static struct str verified_email(const cJSON *said)
{
	if (json_bool_at(said, "email_verified", false) ||
	    str_eq_c(json_str_at(said, "email_verified"), "true"))
		return json_str_at(said, "email");
	return (struct str){ 0 };
}

static struct str stored_id(struct oauth *o, struct str issuer, struct str sub)
{
	return str_c(arena_fmt(o->r->arena, "iss:%.*s %.*s", STR_ARG(issuer), STR_ARG(sub)));
}

/* Older rows hold the subject alone, or, from before the provider's document was known, with the
 * token endpoint's host. A subject that looks like what we store is not taken for it. */
static void add_former(struct oauth *o, struct oidc *x, struct str sub)
{
	struct oidc_config bare = { .token_endpoint = x->config.token_endpoint };

	if (!str_starts(sub, STR("iss:")))
		o->person.former[0] = sub;
	if (!x->config.is_discovered)
		return;
	oidc_config_override(&bare, o->options);
	o->person.former[1] = stored_id(o, bare.issuer, sub);
}

static bool take_person(struct oauth *o, const cJSON *info, struct err *err)
{
	struct oauth_person *p = &o->person;
	struct oidc *x = o->own;
	struct str sub = first_text(x->claims, info, "sub");

	if (!oauth_id_ok(sub))
		return message_fail(o->r, err, MSG_O04);
	p->id = stored_id(o, x->config.issuer, sub);
	p->username = first_text(info, x->claims, "preferred_username");
	p->display_name = first_text(info, x->claims, "name");
	p->email = verified_email(info);
	if (p->email.n == 0)
		p->email = verified_email(x->claims);
	add_former(o, x, sub);
	return true;
}

static bool ask_userinfo(struct oauth *o, struct err *err)
{
	struct oidc *x = o->own;

	if (x->config.userinfo_endpoint.n == 0)
		return take_person(o, NULL, err);
	if (!oidc_url_ok(x->config.userinfo_endpoint))
		return oauth_fault(o, "the userinfo endpoint is no URL", err);
	oauth_ask(o, "GET", x->config.userinfo_endpoint);
	oauth_bearer(o);
	return true;
}

/* Core, 5.3.2: what is about somebody else must not be used. */
static bool read_userinfo(struct oauth *o, struct err *err)
{
	struct oidc *x = o->own;
	const cJSON *info;

	if (!oauth_object(o, &info, err))
		return false;
	if (x->claims && !str_eq(json_str_at(info, "sub"), json_str_at(x->claims, "sub")))
		return oauth_fault(o, "userinfo is about somebody else", err);
	return take_person(o, info, err);
}

static const struct oauth_step steps[] = {
	{ ask_document, read_document },
	{ ask_keys, read_keys },
	{ ask_token, read_token },
	{ ask_new_keys, read_new_keys },
	{ ask_userinfo, read_userinfo },
	{ 0 },
};

static const struct oauth_step document_steps[] = {
	{ ask_document, read_document },
	{ 0 },
};

/* ---- the way there ------------------------------------------------------------------------------- */

static bool make_url(struct oauth *o, struct buf *out, struct err *err)
{
	struct oidc *x = o->own;

	oidc_config_override(&x->config, o->options);
	if (!oidc_url_ok(x->config.authorization_endpoint))
		return oauth_fault(o, "the authorization endpoint is no URL", err);
	buf_add(out, x->config.authorization_endpoint);
	oauth_query(out, "response_type", STR("code"));
	oauth_query(out, "client_id", option_text(o->options, OPT_OIDC_CLIENT_ID));
	oauth_query(out, "redirect_uri", oauth_redirect_uri(o));
	oauth_query(out, "scope", STR("openid profile email"));
	oauth_query(out, "nonce", oauth_state_nonce(o->r, &o->state));
	oauth_query_state(o, out);
	return true;
}

const struct oauth_provider oauth_oidc = {
	.name = "oidc",
	.identity = IDENTITY_OIDC,
	.prefix = "oidc_",
	.display_name = "OIDC User",
	.is_on = is_on,
	.steps = steps,
	.url_steps = document_steps,
	.url = make_url,
};

/* ---- for the operator's form --------------------------------------------------------------------- */

static bool show_document(struct req *r, struct resp *out, struct err *err UNUSED)
{
	const struct oidc *x = oauth_of(r)->own;
	const struct oidc_config *c = &x->config;
	const struct {
		const char *name;
		struct str value;
	} members[] = {
		{ "well_known", x->document },
		{ "issuer", c->issuer },
		{ "authorization_endpoint", c->authorization_endpoint },
		{ "token_endpoint", c->token_endpoint },
		{ "userinfo_endpoint", c->userinfo_endpoint },
		{ "jwks_uri", c->jwks_uri },
	};
	struct buf *b = reply_open(out);

	buf_add_char(b, '{');
	for (size_t i = 0; i < COUNT_OF(members); i++) {
		json_add_name(b, members[i].name);
		json_add_str(b, members[i].value);
	}
	buf_add_char(b, '}');
	return reply_close(out);
}

bool oidc_discover(struct req *r, struct resp *out, struct err *err)
{
	struct oauth *o = ARENA_NEW(r->arena, struct oauth);
	struct oidc *x = ARENA_NEW(r->arena, struct oidc);

	x->document = oidc_document_url(r->arena, req_query(r, "url"));
	x->asks_again = true;
	if (!oidc_url_ok(x->document))
		return message_fail_member(r, err, "url");
	*o = (struct oauth){
		.r = r,
		.provider = &oauth_oidc,
		.options = options_of(r),
		.own = x,
	};
	return oauth_run(r, o, document_steps, show_document, out, err);
}
