/* vertex_token.c — a service account's key becomes an access token (RFC 7523)
 *
 * A claim in the account's name is signed with its private key and exchanged for a token that is good
 * for an hour. The account is JSON that may come from a tenant, so only Google's own host, and hosts
 * that the operator listed, are asked.
 */
#include "provider/vertex.h"

#include <openssl/evp.h>
#include <openssl/pem.h>

#include "base/arena.h"
#include "base/base64url.h"
#include "base/clock.h"
#include "base/json.h"
#include "provider/convert.h"
#include "provider/gemini.h"

#define TOKEN_URI "https://oauth2.googleapis.com/token"
#define SCOPE "https://www.googleapis.com/auth/cloud-platform"
#define GRANT "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion="
#define LIFE_S 3600

/* ---- where ------------------------------------------------------------------------------- */

static bool is_allowed(struct str uri)
{
	struct str rest, host, allowed = str_c(google_settings()->token_hosts);

	if (str_starts(uri, STR("https://oauth2.googleapis.com/")))
		return true;
	if (str_starts(uri, STR("https://")))
		rest = str_slice(uri, 8, uri.n);
	else if (str_starts(uri, STR("http://")))
		rest = str_slice(uri, 7, uri.n);
	else
		return false;
	host = str_slice(rest, 0, str_find(rest, '/'));
	for (size_t i = 0; i < host.n; i++)
		if (strchr("@?#\\", host.p[i]))
			return false; /* what stands before an @ is no host */
	return str_list_has(allowed, host) ||
	    str_list_has(allowed, str_slice(host, 0, str_find(host, ':')));
}

static struct str token_uri(const struct vertex_account *account)
{
	return account->token_uri.n ? account->token_uri : STR(TOKEN_URI);
}

/* ---- the claim --------------------------------------------------------------------------- */

static struct str encode(struct arena *a, struct buf *b)
{
	struct str text = base64url_encode(a, b->data, b->len);

	buf_release(b);
	return text;
}

struct str vertex_claim_text(struct arena *a, const struct vertex_account *account, int64_t now)
{
	struct buf head = buf_init(16 * 1024), claims = buf_init(16 * 1024);
	struct str first, second;

	buf_add(&head, STR("{\"alg\":\"RS256\",\"typ\":\"JWT\""));
	if (account->private_key_id.n) {
		json_add_name(&head, "kid");
		json_add_str(&head, account->private_key_id);
	}
	buf_add_char(&head, '}');
	buf_add(&claims, STR("{\"iss\":"));
	json_add_str(&claims, account->email);
	buf_add(&claims, STR(",\"scope\":\"" SCOPE "\",\"aud\":"));
	json_add_str(&claims, token_uri(account));
	buf_addf(&claims, ",\"iat\":%lld,\"exp\":%lld}", (long long)now, (long long)(now + LIFE_S));
	first = encode(a, &head);
	second = encode(a, &claims);
	return str_c(arena_fmt(a, "%.*s.%.*s", STR_ARG(first), STR_ARG(second)));
}

static void free_key(void *key)
{
	EVP_PKEY_free(key);
}

/* A PEM that wants a password is none that we can use; nobody is asked for one. */
static int no_password(char *to, int size, int writing, void *arg)
{
	return -1;
}

static EVP_PKEY *read_key(struct arena *a, struct str pem)
{
	BIO *in = pem.n < 65536 ? BIO_new_mem_buf(pem.p, (int)pem.n) : NULL;
	EVP_PKEY *key = in ? PEM_read_bio_PrivateKey(in, NULL, no_password, NULL) : NULL;

	BIO_free(in);
	if (key)
		arena_defer(a, free_key, key);
	return key && EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA ? key : NULL;
}

/* RSASSA-PKCS1-v1_5 with SHA-256. */
static bool sign(struct arena *a, EVP_PKEY *key, struct str text, struct str *signature)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t n = (size_t)EVP_PKEY_get_size(key);
	unsigned char *bytes = arena_alloc(a, n);
	bool ok = ctx && EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
	    EVP_DigestSign(ctx, bytes, &n, (const unsigned char *)text.p, text.n) == 1;

	EVP_MD_CTX_free(ctx);
	if (ok)
		*signature = base64url_encode(a, bytes, n);
	return ok;
}

bool vertex_claim(struct arena *a, const struct vertex_account *account, int64_t now,
    struct str *jwt, struct err *err)
{
	struct str text = vertex_claim_text(a, account, now), signature;
	EVP_PKEY *key = read_key(a, account->private_key);

	if (!key || !sign(a, key, text, &signature)) {
		(void)err_set(err, ERR_UPSTREAM_AUTH, "upstream credentials rejected");
		return err_detail(err, "the service account's private_key is no RSA key in PEM");
	}
	*jwt = str_c(arena_fmt(a, "%.*s.%.*s", STR_ARG(text), STR_ARG(signature)));
	return true;
}

/* ---- the exchange ------------------------------------------------------------------------ */

bool vertex_ask_token(struct call *c, const struct vertex_account *account,
    struct upstream_req *out, struct err *err)
{
	struct str jwt;

	if (!is_allowed(token_uri(account))) {
		(void)err_set(err, ERR_UPSTREAM_AUTH, "upstream credentials rejected");
		return err_detail(err, "token_uri names a host that is not in VERTEX_TOKEN_HOSTS");
	}
	if (!vertex_claim(c->arena, account, clock_unix(), &jwt, err))
		return false;
	out->method = "POST";
	buf_add(&out->url, token_uri(account));
	headers_add(&out->headers, STR("Content-Type"), STR("application/x-www-form-urlencoded"));
	out->has_body = true;
	out->body = str_c(arena_fmt(c->arena, "%s%.*s", GRANT, STR_ARG(jwt)));
	return true;
}

bool vertex_take_token(struct call *c, const struct vertex_account *account, struct str body,
    struct str *token, struct err *err)
{
	struct jval root = { 0 }, text;
	int64_t seconds;

	(void)!jscan_value(body, &root);
	text = convert_member(root, STR("access_token"));
	*token = arena_str(c->arena, jscan_text(c->arena, text));
	if (!token->n) {
		(void)err_set(err, ERR_UPSTREAM_AUTH, "upstream credentials rejected");
		return err_detail(err, "the token endpoint's reply has no access_token");
	}
	seconds = convert_count(convert_member(root, STR("expires_in")));
	token_cache_put(account->cache_key, *token, seconds);
	return true;
}

void vertex_token_error(struct call *c, int status, struct str body, struct err *err)
{
	struct jval root = { 0 };
	struct str code, why;

	if (status == 429 || status >= 500) {
		adaptor_error(status, body, err);
	} else {
		(void)!jscan_value(body, &root);
		code = jscan_text(c->arena, convert_member(root, STR("error")));
		why = jscan_text(c->arena, convert_member(root, STR("error_description")));
		adaptor_error(401, STR(""), err);
		(void)err_detail(err, "token endpoint, status %d: %.*s: %.*s", status,
		    STR_ARG(adaptor_mask(c->arena, code)), STR_ARG(adaptor_mask(c->arena, why)));
		err->upstream_status = status;
	}
	err->kind = ERR_UPSTREAM_AUTH;
	adaptor_scrub(c, err);
}
