#include "jwt.h"

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include "base/arena.h"
#include "base/base64url.h"
#include "base/err.h"
#include "base/json.h"
#include "base/secret.h"

#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX 8192
#define RSA_EXPONENT_MAX_BYTES 8
#define COORDINATE_BYTES 32
#define POINT_BYTES (1 + 2 * COORDINATE_BYTES)
#define ES256_BYTES 64
#define SHA256_BYTES 32

static bool refuse(struct err *err, const char *why)
{
	return err_set(err, ERR_UPSTREAM, "id token: %s", why);
}

/* ---- keys -------------------------------------------------------------------------------------- */

static void free_key(void *key)
{
	EVP_PKEY_free(key);
}

/* Takes builder. NULL when OpenSSL finds that these parts make no key. */
static EVP_PKEY *build(struct arena *a, const char *type, OSSL_PARAM_BLD *builder)
{
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(builder);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *key = NULL;

	if (params && ctx && EVP_PKEY_fromdata_init(ctx) == 1 &&
	    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) == 1)
		arena_defer(a, free_key, key);
	else
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(builder);
	return key;
}

static bool member_bytes(struct arena *a, const cJSON *jwk, const char *name, struct str *out)
{
	return base64url_decode(a, json_str_at(jwk, name), out) && out->n > 0;
}

static EVP_PKEY *rsa_key(struct arena *a, const cJSON *jwk)
{
	struct str n, e;
	BIGNUM *modulus, *exponent;
	OSSL_PARAM_BLD *builder;
	EVP_PKEY *key = NULL;

	if (!member_bytes(a, jwk, "n", &n) || !member_bytes(a, jwk, "e", &e) ||
	    n.n > RSA_BITS_MAX / 8 + 1 || e.n > RSA_EXPONENT_MAX_BYTES)
		return NULL;
	modulus = BN_bin2bn((const unsigned char *)n.p, (int)n.n, NULL);
	exponent = BN_bin2bn((const unsigned char *)e.p, (int)e.n, NULL);
	builder = OSSL_PARAM_BLD_new();
	if (modulus && exponent && builder && BN_num_bits(modulus) >= RSA_BITS_MIN &&
	    BN_num_bits(modulus) <= RSA_BITS_MAX && BN_is_odd(exponent) && !BN_is_one(exponent) &&
	    OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, modulus) &&
	    OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, exponent))
		key = build(a, "RSA", builder);
	else
		OSSL_PARAM_BLD_free(builder);
	BN_free(modulus);
	BN_free(exponent);
	return key;
}

/* Is the point on the curve? */
static bool is_sound(EVP_PKEY *key)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	bool ok = ctx && EVP_PKEY_public_check(ctx) == 1;

	EVP_PKEY_CTX_free(ctx);
	return ok;
}

static EVP_PKEY *p256_key(struct arena *a, const cJSON *jwk)
{
	unsigned char point[POINT_BYTES] = { POINT_CONVERSION_UNCOMPRESSED };
	OSSL_PARAM_BLD *builder;
	EVP_PKEY *key = NULL;
	struct str x, y;

	if (!str_eq_c(json_str_at(jwk, "crv"), "P-256") || !member_bytes(a, jwk, "x", &x) ||
	    !member_bytes(a, jwk, "y", &y) || x.n != COORDINATE_BYTES || y.n != COORDINATE_BYTES)
		return NULL;
	memcpy(point + 1, x.p, x.n);
	memcpy(point + 1 + COORDINATE_BYTES, y.p, y.n);
	builder = OSSL_PARAM_BLD_new();
	if (builder &&
	    OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) &&
	    OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point,
	        sizeof(point)))
		key = build(a, "EC", builder);
	else
		OSSL_PARAM_BLD_free(builder);
	return key && is_sound(key) ? key : NULL;
}

/* ---- signatures ---------------------------------------------------------------------------------- */

static bool verify(EVP_PKEY *key, struct str input, const unsigned char *signature, size_t n)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = ctx && EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
	    EVP_DigestVerify(ctx, signature, n, (const unsigned char *)input.p, input.n) == 1;

	EVP_MD_CTX_free(ctx);
	return ok;
}

/* PKCS #1 v1.5 is what OpenSSL does with an RSA key when nothing else is said. */
static bool verify_rs256(EVP_PKEY *key, struct str input, struct str signature)
{
	return verify(key, input, (const unsigned char *)signature.p, signature.n);
}

/* r and s side by side (RFC 7518, 3.4); OpenSSL wants them in DER. */
static bool verify_es256(EVP_PKEY *key, struct str input, struct str signature)
{
	const unsigned char *p = (const unsigned char *)signature.p;
	unsigned char *der = NULL;
	ECDSA_SIG *pair;
	BIGNUM *r, *s;
	bool ok = false;
	int n = 0;

	if (signature.n != ES256_BYTES)
		return false;
	pair = ECDSA_SIG_new();
	r = BN_bin2bn(p, ES256_BYTES / 2, NULL);
	s = BN_bin2bn(p + ES256_BYTES / 2, ES256_BYTES / 2, NULL);
	if (pair && r && s && ECDSA_SIG_set0(pair, r, s) == 1) {
		n = i2d_ECDSA_SIG(pair, &der);
		ok = n > 0 && verify(key, input, der, (size_t)n);
	} else {
		BN_free(r);
		BN_free(s);
	}
	OPENSSL_free(der);
	ECDSA_SIG_free(pair);
	return ok;
}

/* clang-format off */
static const struct algorithm {
	const char *name, *key_type;
	EVP_PKEY *(*key)(struct arena *a, const cJSON *jwk);
	bool (*verify)(EVP_PKEY *key, struct str input, struct str signature);
} algorithms[] = {
	{ "RS256", "RSA", rsa_key,  verify_rs256 },
	{ "ES256", "EC",  p256_key, verify_es256 },
};
/* clang-format on */

static const struct algorithm *find_algorithm(struct str name)
{
	for (size_t i = 0; i < COUNT_OF(algorithms); i++) {
		if (str_eq_c(name, algorithms[i].name))
			return &algorithms[i];
	}
	return NULL;
}

/* ---- which key signed it ------------------------------------------------------------------------- */

struct token {
	struct str signing_input, signature;
	const cJSON *claims;
	const struct algorithm *algorithm;
	bool has_kid;
	struct str kid;
};

static bool has_word(const cJSON *list, struct str word)
{
	const cJSON *item;

	if (!cJSON_IsArray(list))
		return false;
	cJSON_ArrayForEach(item, list)
	{
		if (cJSON_IsString(item) && str_eq(str_c(item->valuestring), word))
			return true;
	}
	return false;
}

/* May this key check signatures of this token? */
static bool is_for(const cJSON *jwk, const struct token *t)
{
	const cJSON *use = json_at(jwk, "use"), *alg = json_at(jwk, "alg");
	const cJSON *ops = json_at(jwk, "key_ops");

	return cJSON_IsObject(jwk) && str_eq_c(json_str_at(jwk, "kty"), t->algorithm->key_type) &&
	    (!use || str_eq_c(json_str_at(jwk, "use"), "sig")) &&
	    (!alg || str_eq_c(json_str_at(jwk, "alg"), t->algorithm->name)) &&
	    (!ops || has_word(ops, STR("verify"))) &&
	    (!t->has_kid || str_eq(json_str_at(jwk, "kid"), t->kid));
}

/* A token without the id of its key may be of any of them. */
static enum jwt_verdict check_signature(struct arena *a, const struct token *t, const cJSON *keys,
    struct err *err)
{
	const cJSON *jwk;
	bool tried = false;
	int n = 0;

	cJSON_ArrayForEach(jwk, keys)
	{
		EVP_PKEY *key;

		if (++n > JWT_KEYS_MAX)
			break;
		key = is_for(jwk, t) ? t->algorithm->key(a, jwk) : NULL;
		if (!key)
			continue;
		tried = true;
		if (t->algorithm->verify(key, t->signing_input, t->signature))
			return JWT_OK;
	}
	if (tried && t->has_kid) {
		refuse(err, "the signature is wrong");
		return JWT_REFUSED;
	}
	refuse(err, "no key of the provider fits");
	return JWT_NO_KEY;
}

/* ---- reading ------------------------------------------------------------------------------------- */

static bool read_part(struct arena *a, struct str text, cJSON **tree)
{
	struct err ignored = { 0 };
	struct str json;

	return base64url_decode(a, text, &json) && json_parse(a, json, tree, &ignored) &&
	    cJSON_IsObject(*tree);
}

static bool read_header(const cJSON *header, struct token *t, struct err *err)
{
	const cJSON *kid = json_at(header, "kid");

	t->algorithm = find_algorithm(json_str_at(header, "alg"));
	if (!t->algorithm)
		return refuse(err, "it is not signed with RS256 or ES256");
	if (json_at(header, "crit"))
		return refuse(err, "it demands an extension");
	if (kid && (!cJSON_IsString(kid) || strlen(kid->valuestring) > JWT_ID_MAX))
		return refuse(err, "the id of its key is no text or too long");
	t->has_kid = kid != NULL;
	t->kid = json_str_at(header, "kid");
	return true;
}

static bool read_token(struct arena *a, struct str text, struct token *t, struct err *err)
{
	struct str rest = text, part[3], extra;
	cJSON *header, *claims;

	if (text.n > JWT_MAX)
		return refuse(err, "it is too long");
	for (size_t i = 0; i < COUNT_OF(part); i++) {
		if (!str_next(&rest, '.', &part[i]))
			return refuse(err, "it has not three parts");
	}
	if (str_next(&rest, '.', &extra) || str_ends(text, STR(".")))
		return refuse(err, "it has not three parts");
	if (!read_part(a, part[0], &header) || !read_part(a, part[1], &claims) ||
	    !base64url_decode(a, part[2], &t->signature) || t->signature.n == 0)
		return refuse(err, "a part of it is not what it should be");
	t->signing_input = str_slice(text, 0, part[0].n + 1 + part[1].n);
	t->claims = claims;
	return read_header(header, t, err);
}

/* ---- claims -------------------------------------------------------------------------------------- */

static bool time_at(const cJSON *claims, const char *name, int64_t *out)
{
	const cJSON *item = json_at(claims, name);

	if (!cJSON_IsNumber(item) || !(item->valuedouble > 0 && item->valuedouble < 1e15))
		return false;
	*out = (int64_t)item->valuedouble;
	return true;
}

static bool check_times(const cJSON *claims, int64_t now, struct err *err)
{
	int64_t expires, issued, from;

	if (!time_at(claims, "exp", &expires) || !time_at(claims, "iat", &issued))
		return refuse(err, "it has no time");
	if (expires <= now - JWT_SKEW_S)
		return refuse(err, "it has expired");
	if (issued > now + JWT_SKEW_S)
		return refuse(err, "it was made in the future");
	if (issued < now - JWT_AGE_MAX_S)
		return refuse(err, "it is old");
	if (json_at(claims, "nbf") && (!time_at(claims, "nbf", &from) || from > now + JWT_SKEW_S))
		return refuse(err, "it does not hold yet");
	return true;
}

/* One audience, ours; or several, ours among them and named as the one it was made for. */
static bool check_audience(const cJSON *claims, struct str audience, struct err *err)
{
	const cJSON *aud = json_at(claims, "aud"), *azp = json_at(claims, "azp");
	bool one = cJSON_IsString(aud);
	bool ours = one ? str_eq(str_c(aud->valuestring), audience) : has_word(aud, audience);
	bool alone = one || cJSON_GetArraySize(aud) == 1;

	if (!ours || audience.n == 0)
		return refuse(err, "it is for somebody else");
	if (azp ? !str_eq(json_str_at(claims, "azp"), audience) : !alone)
		return refuse(err, "it was made for another client");
	return true;
}

/* The token of a sign-in that we began with a nonce has it; one that has a nonce where we sent none
 * is of another sign-in. */
static bool check_nonce(const cJSON *claims, struct str nonce, struct err *err)
{
	if (nonce.n == 0)
		return !json_at(claims, "nonce") || refuse(err, "it is of another sign-in");
	return secret_equal(json_str_at(claims, "nonce"), nonce) ||
	    refuse(err, "its nonce is not ours");
}

static bool check_access_token(struct arena *a, const cJSON *claims, struct str access_token,
    struct err *err)
{
	unsigned char hash[SHA256_BYTES];

	if (!json_at(claims, "at_hash") || access_token.n == 0)
		return true;
	if (EVP_Digest(access_token.p, access_token.n, hash, NULL, EVP_sha256(), NULL) != 1)
		return refuse(err, "no hash");
	return secret_equal(json_str_at(claims, "at_hash"),
	           base64url_encode(a, hash, SHA256_BYTES / 2)) ||
	    refuse(err, "it belongs to another access token");
}

static bool check_subject(const cJSON *claims, struct err *err)
{
	struct str sub = json_str_at(claims, "sub");

	if (sub.n == 0 || sub.n > JWT_SUB_MAX)
		return refuse(err, "it has no subject");
	for (size_t i = 0; i < sub.n; i++) {
		if (sub.p[i] <= ' ' || sub.p[i] > '~')
			return refuse(err, "its subject is not plain text");
	}
	return true;
}

static bool check_claims(struct arena *a, const cJSON *claims, const struct jwt_want *want,
    struct err *err)
{
	if (want->issuer.n == 0 || !str_eq(json_str_at(claims, "iss"), want->issuer))
		return refuse(err, "it is of another issuer");
	return check_audience(claims, want->audience, err) && check_times(claims, want->now, err) &&
	    check_nonce(claims, want->nonce, err) &&
	    check_access_token(a, claims, want->access_token, err) && check_subject(claims, err);
}

enum jwt_verdict jwt_check(struct arena *a, struct str token, struct str jwks,
    const struct jwt_want *want, const cJSON **claims, struct err *err)
{
	struct token t = { 0 };
	struct err ignored = { 0 };
	enum jwt_verdict verdict;
	cJSON *set;

	if (!read_token(a, token, &t, err))
		return JWT_REFUSED;
	if (!json_parse(a, jwks, &set, &ignored) || !cJSON_IsArray(json_at(set, "keys"))) {
		refuse(err, "the provider's keys cannot be read");
		return JWT_NO_KEY;
	}
	verdict = check_signature(a, &t, json_at(set, "keys"), err);
	if (verdict != JWT_OK)
		return verdict;
	if (!check_claims(a, t.claims, want, err))
		return JWT_REFUSED;
	*claims = t.claims;
	return JWT_OK;
}
