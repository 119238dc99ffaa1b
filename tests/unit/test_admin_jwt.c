/* test_admin_jwt.c — ID tokens: what passes, and everything that must not */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <openssl/x509.h>

#include "../../fcgi-admin/jwt.h"
#include "base/err.h"
#include "base/json.h"
#include "jwt_maker.h"

#define NOW INT64_C(1800000000)
#define NONCE "n-0S6_WzA2Mj"

static struct maker_key rsa, other_rsa, weak_rsa, ec, odd_ec;
static struct arena *a;
static const char *jwks;

static int setup(void **state UNUSED)
{
	a = arena_new(4096);
	rsa = maker_rsa("r1", 2048);
	other_rsa = maker_rsa("r1", 2048);
	weak_rsa = maker_rsa("weak", 1024);
	ec = maker_ec("e1", "P-256");
	odd_ec = maker_ec("p384", "P-384");
	jwks = arena_fmt(a, "{\"keys\":[%s,%s,%s]}", maker_jwk(a, &rsa, ",\"use\":\"sig\""),
	    maker_jwk(a, &weak_rsa, ""), maker_jwk(a, &ec, ",\"alg\":\"ES256\""));
	return 0;
}

static int teardown(void **state UNUSED)
{
	maker_free(&rsa);
	maker_free(&other_rsa);
	maker_free(&weak_rsa);
	maker_free(&ec);
	maker_free(&odd_ec);
	arena_free(a);
	return 0;
}

/* members: added behind; of equal names the last counts. */
static const char *claims(const char *members)
{
	return arena_fmt(a,
	    "{\"iss\":\"https://"
	    "id.example\",\"aud\":\"client\",\"sub\":\"24400320\",\"exp\":%" PRId64
	    ",\"iat\":%" PRId64 ",\"nonce\":\"" NONCE "\"%s%s}",
	    NOW + 300, NOW - 5, *members ? "," : "", members);
}

static struct jwt_want wanted(void)
{
	return (struct jwt_want){
		.issuer = STR("https://id.example"),
		.audience = STR("client"),
		.nonce = STR(NONCE),
		.access_token = STR("jHkWEdUXMU1BwAsC4vtUsZwnvTvIxEl0z9K3vx5KF0Y"),
		.now = NOW,
	};
}

static enum jwt_verdict check_as(const char *token, const char *keys, const struct jwt_want *want,
    struct err *err)
{
	const cJSON *got = NULL;
	enum jwt_verdict verdict = jwt_check(a, str_c(token), str_c(keys), want, &got, err);

	assert_int_equal(got != NULL, verdict == JWT_OK);
	return verdict;
}

static void expect(const char *name, const char *token, const char *keys, enum jwt_verdict verdict)
{
	struct jwt_want want = wanted();
	struct err err = { 0 };
	enum jwt_verdict got = check_as(token, keys, &want, &err);

	if (got != verdict)
		fail_msg("%s: got %d (%s), want %d", name, got, err.msg, verdict);
	if (verdict != JWT_OK && strncmp(err.msg, "id token: ", 10) != 0)
		fail_msg("%s: got no reason: '%s'", name, err.msg);
}

static void test_good(void **state UNUSED)
{
	struct jwt_want want = wanted();
	struct err err = { 0 };
	const cJSON *got;

	expect("RS256", maker_token(a, &rsa, claims("")), jwks, JWT_OK);
	expect("ES256", maker_token(a, &ec, claims("")), jwks, JWT_OK);
	expect("no kid, one of the keys fits",
	    maker_token_with(a, &ec, "{\"alg\":\"ES256\"}", claims("")), jwks, JWT_OK);
	assert_int_equal(jwt_check(a, str_c(maker_token(a, &rsa, claims("\"name\":\"Jane\""))),
	                     str_c(jwks), &want, &got, &err),
	    JWT_OK);
	assert_true(str_eq_c(json_str_at(got, "sub"), "24400320"));
	assert_true(str_eq_c(json_str_at(got, "name"), "Jane"));
}

static void test_claims(void **state UNUSED)
{
	static const struct {
		const char *name, *members;
		bool ok;
	} cases[] = {
		{ "one audience in a list", "\"aud\":[\"client\"]", true },
		{ "several, made for us", "\"aud\":[\"client\",\"api\"],\"azp\":\"client\"", true },
		{ "several, nobody named", "\"aud\":[\"client\",\"api\"]", false },
		{ "several, made for another", "\"aud\":[\"client\",\"api\"],\"azp\":\"api\"",
		    false },
		{ "ours, made for another", "\"azp\":\"api\"", false },
		{ "azp is no text", "\"azp\":7", false },
		{ "another audience", "\"aud\":\"clients\"", false },
		{ "no audience", "\"aud\":null", false },
		{ "an empty list", "\"aud\":[]", false },
		{ "audience is an object", "\"aud\":{\"a\":\"client\"}", false },
		{ "another issuer", "\"iss\":\"https://id.example.evil\"", false },
		{ "issuer with a slash more", "\"iss\":\"https://id.example/\"", false },
		{ "another nonce", "\"nonce\":\"n-0S6_WzA2Mk\"", false },
		{ "nonce is no text", "\"nonce\":1", false },
		{ "no nonce", "\"nonce\":null", false },
		{ "within the skew", "\"exp\":1799999881", true },
		{ "beyond the skew", "\"exp\":1799999880", false },
		{ "exp is a text", "\"exp\":\"1800000300\"", false },
		{ "exp is huge", "\"exp\":1e300", false },
		{ "exp is below zero", "\"exp\":-1", false },
		{ "no exp", "\"exp\":null", false },
		{ "made in 120 s", "\"iat\":1800000120", true },
		{ "made in 121 s", "\"iat\":1800000121", false },
		{ "made a day ago", "\"iat\":1799913599", false },
		{ "no iat", "\"iat\":null", false },
		{ "nbf has come", "\"nbf\":1799999999", true },
		{ "nbf is far", "\"nbf\":1800000121", false },
		{ "nbf is a text", "\"nbf\":\"0\"", false },
		{ "no sub", "\"sub\":\"\"", false },
		{ "sub is a number", "\"sub\":24400320", false },
		{ "sub has a blank", "\"sub\":\"a b\"", false },
		{ "sub is not ASCII", "\"sub\":\"ü\"", false },
		/* computed with another implementation of SHA-256 */
		{ "at_hash is of the access token", "\"at_hash\":\"Dqnsywk9617_qmSz_i8JlA\"",
		    true },
		{ "at_hash is of another", "\"at_hash\":\"Dqnsywk9617_qmSz_i8JlQ\"", false },
		{ "at_hash is no text", "\"at_hash\":1", false },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++)
		expect(cases[i].name, maker_token(a, &rsa, claims(cases[i].members)), jwks,
		    cases[i].ok ? JWT_OK : JWT_REFUSED);
}

static void test_nonce_that_nobody_sent(void **state UNUSED)
{
	struct jwt_want want = wanted();
	struct err err = { 0 };

	want.nonce = (struct str){ 0 };
	assert_int_equal(check_as(maker_token(a, &rsa, claims("")), jwks, &want, &err),
	    JWT_REFUSED);
	assert_int_equal(
	    check_as(maker_token(a, &rsa,
	                 "{\"iss\":\"https://id.example\",\"aud\":\"client\",\"sub\":\"1\","
	                 "\"exp\":1800000300,\"iat\":1800000000}"),
	        jwks, &want, &err),
	    JWT_OK);
}

static void test_headers(void **state UNUSED)
{
	static const struct {
		const char *name, *header;
		enum jwt_verdict verdict;
	} cases[] = {
		{ "none", "{\"alg\":\"none\",\"kid\":\"r1\"}", JWT_REFUSED },
		{ "None", "{\"alg\":\"None\",\"kid\":\"r1\"}", JWT_REFUSED },
		{ "rs256", "{\"alg\":\"rs256\",\"kid\":\"r1\"}", JWT_REFUSED },
		{ "RS512", "{\"alg\":\"RS512\",\"kid\":\"r1\"}", JWT_REFUSED },
		{ "PS256", "{\"alg\":\"PS256\",\"kid\":\"r1\"}", JWT_REFUSED },
		{ "no alg", "{\"kid\":\"r1\"}", JWT_REFUSED },
		{ "alg is a list", "{\"alg\":[\"RS256\"],\"kid\":\"r1\"}", JWT_REFUSED },
		{ "alg does not fit the key", "{\"alg\":\"ES256\",\"kid\":\"r1\"}", JWT_NO_KEY },
		{ "crit", "{\"alg\":\"RS256\",\"kid\":\"r1\",\"crit\":[\"b64\"],\"b64\":false}",
		    JWT_REFUSED },
		{ "unknown kid", "{\"alg\":\"RS256\",\"kid\":\"r2\"}", JWT_NO_KEY },
		{ "kid is a path", "{\"alg\":\"RS256\",\"kid\":\"../../dev/null\"}", JWT_NO_KEY },
		{ "kid is a number", "{\"alg\":\"RS256\",\"kid\":1}", JWT_REFUSED },
		{ "kid is null", "{\"alg\":\"RS256\",\"kid\":null}", JWT_REFUSED },
		{ "empty kid", "{\"alg\":\"RS256\",\"kid\":\"\"}", JWT_NO_KEY },
		{ "header is a list", "[\"RS256\"]", JWT_REFUSED },
		{ "header is no JSON", "{\"alg\":\"RS256\"", JWT_REFUSED },
		{ "a key comes along, signed by another",
		    "{\"alg\":\"RS256\",\"kid\":\"r2\",\"jku\":\"https://evil.example/keys\"}",
		    JWT_NO_KEY },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++)
		expect(cases[i].name, maker_token_with(a, &rsa, cases[i].header, claims("")), jwks,
		    cases[i].verdict);
	expect("a kid of 257 bytes",
	    maker_token_with(a, &rsa, arena_fmt(a, "{\"alg\":\"RS256\",\"kid\":\"%0257d\"}", 1),
	        claims("")),
	    jwks, JWT_REFUSED);
}

/* The public key, in every form that a careless verifier might use, is no secret for an HMAC. */
static void test_confusion(void **state UNUSED)
{
	unsigned char *der = NULL;
	int n = i2d_PUBKEY(rsa.pkey, &der);
	const char *jwk = maker_jwk(a, &rsa, "");

	assert_true(n > 0);
	expect("HS256 with the key as DER",
	    maker_hmac_token(a, "{\"alg\":\"HS256\",\"kid\":\"r1\"}", claims(""), der, (size_t)n),
	    jwks, JWT_REFUSED);
	expect("the same, called RS256",
	    maker_hmac_token(a, "{\"alg\":\"RS256\",\"kid\":\"r1\"}", claims(""), der, (size_t)n),
	    jwks, JWT_REFUSED);
	expect("HS256 with the JWK",
	    maker_hmac_token(a, "{\"alg\":\"HS256\",\"kid\":\"r1\"}", claims(""), jwk, strlen(jwk)),
	    jwks, JWT_REFUSED);
	OPENSSL_free(der);
	expect("a symmetric key in the set",
	    maker_hmac_token(a, "{\"alg\":\"HS256\",\"kid\":\"h\"}", claims(""), "secret", 6),
	    "{\"keys\":[{\"kty\":\"oct\",\"kid\":\"h\",\"alg\":\"HS256\",\"k\":\"c2VjcmV0\"}]}",
	    JWT_REFUSED);
}

static void test_shapes(void **state UNUSED)
{
	const char *good = maker_token(a, &rsa, claims(""));
	const char *input = maker_input(a, "{\"alg\":\"RS256\",\"kid\":\"r1\"}", claims(""));
	size_t n = strlen(good);
	char *changed = arena_strdup(a, good), *padded;
	char *zeros = arena_zalloc(a, 64);

	expect("empty", "", jwks, JWT_REFUSED);
	expect("two parts", input, jwks, JWT_REFUSED);
	expect("no signature", arena_fmt(a, "%s.", input), jwks, JWT_REFUSED);
	expect("four parts", arena_fmt(a, "%s.AAAA", good), jwks, JWT_REFUSED);
	expect("a dot more", arena_fmt(a, "%s.", good), jwks, JWT_REFUSED);
	expect("dots only", "..", jwks, JWT_REFUSED);
	expect("padding", arena_fmt(a, "%s==", good), jwks, JWT_REFUSED);
	expect("a blank behind", arena_fmt(a, "%s ", good), jwks, JWT_REFUSED);
	/* 256 bytes leave four spare bits: the last character has a twin that decoders often take */
	changed[n - 1] = (char)(good[n - 1] == 'A' || good[n - 1] == 'Q' || good[n - 1] == 'g' ||
	            good[n - 1] == 'w'
	        ? good[n - 1] + 1
	        : 'B');
	expect("the last character's twin", changed, jwks, JWT_REFUSED);
	padded = arena_alloc(a, JWT_MAX + 2);
	memset(padded, 'A', JWT_MAX + 1);
	padded[JWT_MAX + 1] = '\0';
	expect("too long", padded, jwks, JWT_REFUSED);
	expect("payload changed",
	    arena_fmt(a, "%s.%s",
	        maker_input(a, "{\"alg\":\"RS256\",\"kid\":\"r1\"}", claims("\"sub\":\"1\"")),
	        strrchr(good, '.') + 1),
	    jwks, JWT_REFUSED);
	expect("signed by another key of that name", maker_token(a, &other_rsa, claims("")), jwks,
	    JWT_REFUSED);
	input = maker_input(a, "{\"alg\":\"ES256\",\"kid\":\"e1\"}", claims(""));
	expect("ES256 with r = s = 0",
	    arena_fmt(a, "%s.%s", input, base64url_encode(a, zeros, 64).p), jwks, JWT_REFUSED);
	expect("ES256 of 63 bytes", arena_fmt(a, "%s.%s", input, base64url_encode(a, zeros, 63).p),
	    jwks, JWT_REFUSED);
}

static void test_keys(void **state UNUSED)
{
	const char *token = maker_token(a, &rsa, claims(""));
	const char *weak = maker_token(a, &weak_rsa, claims(""));
	const char *curve = maker_token(a, &ec, claims(""));
	struct buf many = buf_init(1 << 20);

	expect("a key of 1024 bits", weak, jwks, JWT_NO_KEY);
	expect("for encryption only", token,
	    arena_fmt(a, "{\"keys\":[%s]}", maker_jwk(a, &rsa, ",\"use\":\"enc\"")), JWT_NO_KEY);
	expect("for another algorithm", token,
	    arena_fmt(a, "{\"keys\":[%s]}", maker_jwk(a, &rsa, ",\"alg\":\"RS512\"")), JWT_NO_KEY);
	expect("for other operations", token,
	    arena_fmt(a, "{\"keys\":[%s]}", maker_jwk(a, &rsa, ",\"key_ops\":[\"encrypt\"]")),
	    JWT_NO_KEY);
	expect("for this operation", token,
	    arena_fmt(a, "{\"keys\":[%s]}", maker_jwk(a, &rsa, ",\"key_ops\":[\"verify\"]")),
	    JWT_OK);
	expect("odd things beside it", token,
	    arena_fmt(a, "{\"keys\":[null,1,\"x\",{},{\"kty\":\"RSA\",\"kid\":\"r1\"},%s]}",
	        maker_jwk(a, &rsa, "")),
	    JWT_OK);
	expect("a point that is not on the curve", curve,
	    "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"e1\","
	    "\"x\":\"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE\","
	    "\"y\":\"AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI\"}]}",
	    JWT_NO_KEY);
	expect("exponent 1", token,
	    arena_fmt(a, "{\"keys\":[{\"kty\":\"RSA\",\"kid\":\"r1\",\"n\":\"%s\",\"e\":\"AQ\"}]}",
	        maker_number(a, &rsa, OSSL_PKEY_PARAM_RSA_N, 0).p),
	    JWT_NO_KEY);
	expect("no set", token, "[]", JWT_NO_KEY);
	expect("keys are no list", token, "{\"keys\":{}}", JWT_NO_KEY);
	expect("no JSON", token, "<html>", JWT_NO_KEY);

	buf_add_c(&many, "{\"keys\":[");
	for (int i = 0; i < JWT_KEYS_MAX; i++)
		buf_add_c(&many, "{},");
	buf_addf(&many, "%s]}", maker_jwk(a, &rsa, ""));
	expect("behind more keys than are looked at", token, many.data, JWT_NO_KEY);
	buf_release(&many);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_claims),
		cmocka_unit_test(test_nonce_that_nobody_sent),
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_confusion),
		cmocka_unit_test(test_shapes),
		cmocka_unit_test(test_keys),
	};

	return cmocka_run_group_tests_name("jwt", tests, setup, teardown);
}
