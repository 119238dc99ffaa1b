/* jwt_maker.h — a provider's side of ID tokens, for tests: keys, key sets, signed tokens */
#ifndef TESTS_JWT_MAKER_H
#define TESTS_JWT_MAKER_H

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/base64url.h"

struct maker_key {
	const char *alg, *kid;
	EVP_PKEY *pkey;
};

static inline struct maker_key maker_rsa(const char *kid, unsigned bits)
{
	return (struct maker_key){ "RS256", kid, EVP_RSA_gen(bits) };
}

static inline struct maker_key maker_ec(const char *kid, const char *curve)
{
	return (struct maker_key){ "ES256", kid, EVP_EC_gen(curve) };
}

static inline void maker_free(struct maker_key *k)
{
	EVP_PKEY_free(k->pkey);
	k->pkey = NULL;
}

static inline struct str maker_number(struct arena *a, const struct maker_key *k, const char *name,
    int width)
{
	unsigned char bytes[1100];
	BIGNUM *n = NULL;
	int len;

	if (!EVP_PKEY_get_bn_param(k->pkey, name, &n))
		abort();
	len = width ? BN_bn2binpad(n, bytes, width) : BN_bn2bin(n, bytes);
	BN_free(n);
	return base64url_encode(a, bytes, (size_t)len);
}

/* more: further members, such as ",\"use\":\"sig\"". */
static inline const char *maker_jwk(struct arena *a, const struct maker_key *k, const char *more)
{
	if (strcmp(k->alg, "RS256") == 0)
		return arena_fmt(a, "{\"kty\":\"RSA\",\"kid\":\"%s\",\"n\":\"%s\",\"e\":\"%s\"%s}",
		    k->kid, maker_number(a, k, OSSL_PKEY_PARAM_RSA_N, 0).p,
		    maker_number(a, k, OSSL_PKEY_PARAM_RSA_E, 0).p, more);
	return arena_fmt(a,
	    "{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"%s\",\"x\":\"%s\",\"y\":\"%s\"%s}", k->kid,
	    maker_number(a, k, OSSL_PKEY_PARAM_EC_PUB_X, 32).p,
	    maker_number(a, k, OSSL_PKEY_PARAM_EC_PUB_Y, 32).p, more);
}

static inline struct str maker_raw_ecdsa(struct arena *a, const unsigned char *der, size_t n)
{
	unsigned char *raw = arena_zalloc(a, 64);
	const unsigned char *p = der;
	ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &p, (long)n);

	if (!pair || BN_bn2binpad(ECDSA_SIG_get0_r(pair), raw, 32) < 0 ||
	    BN_bn2binpad(ECDSA_SIG_get0_s(pair), raw + 32, 32) < 0)
		abort();
	ECDSA_SIG_free(pair);
	return base64url_encode(a, raw, 64);
}

static inline struct str maker_signature(struct arena *a, const struct maker_key *k,
    const char *input)
{
	unsigned char bytes[1100];
	size_t n = sizeof(bytes);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	if (EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, k->pkey) != 1 ||
	    EVP_DigestSign(ctx, bytes, &n, (const unsigned char *)input, strlen(input)) != 1)
		abort();
	EVP_MD_CTX_free(ctx);
	return strcmp(k->alg, "ES256") == 0 ? maker_raw_ecdsa(a, bytes, n)
	                                    : base64url_encode(a, bytes, n);
}

static inline const char *maker_input(struct arena *a, const char *header, const char *payload)
{
	return arena_fmt(a, "%s.%s", base64url_encode(a, header, strlen(header)).p,
	    base64url_encode(a, payload, strlen(payload)).p);
}

static inline const char *maker_token_with(struct arena *a, const struct maker_key *k,
    const char *header, const char *payload)
{
	const char *input = maker_input(a, header, payload);

	return arena_fmt(a, "%s.%s", input, maker_signature(a, k, input).p);
}

static inline const char *maker_token(struct arena *a, const struct maker_key *k,
    const char *payload)
{
	return maker_token_with(a, k,
	    arena_fmt(a, "{\"alg\":\"%s\",\"kid\":\"%s\",\"typ\":\"JWT\"}", k->alg, k->kid),
	    payload);
}

/* HS256 with any bytes as its secret. */
static inline const char *maker_hmac_token(struct arena *a, const char *header, const char *payload,
    const void *secret, size_t n)
{
	const char *input = maker_input(a, header, payload);
	unsigned char mac[32];
	unsigned len = sizeof(mac);

	HMAC(EVP_sha256(), secret, (int)n, (const unsigned char *)input, strlen(input), mac, &len);
	return arena_fmt(a, "%s.%s", input, base64url_encode(a, mac, len).p);
}

#endif
