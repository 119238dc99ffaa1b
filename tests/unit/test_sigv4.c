/* test_sigv4.c — signatures against vectors that AWS publishes
 *
 * The first four are of the Signature Version 4 test suite (service "service"); the others were made
 * with the service's own client for Bedrock, whose path is encoded twice.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/err.h"
#include "net/upstream.h"
#include "provider/sigv4.h"

#define SUITE_URL "https://example.amazonaws.com/"
#define CLAUDE                                                                                     \
	"https://bedrock-runtime.us-east-1.amazonaws.com/model/"                                   \
	"anthropic.claude-3-haiku-20240307-v1%3A0/invoke"
#define CLAUDE_BODY                                                                                \
	"{\"anthropic_version\":\"bedrock-2023-05-31\",\"max_tokens\":16,\"messages\":[{\"role\":" \
	"\"user\",\"content\":[{\"type\":\"text\",\"text\":\"Hi\"}]}]}"
#define FIRST_OF_2015 1440938160 /* 2015-08-30 12:36:00 UTC */

struct vector {
	const char *name, *method, *url, *service, *token, *body;
	const char *headers[4]; /* name, value, name, value */
	const char *names, *signature;
};

static const struct vector vectors[] = {
	{ "get-vanilla", "GET", SUITE_URL, "service", "", NULL, { NULL }, "host;x-amz-date",
	    "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31" },
	{ "post-vanilla", "POST", SUITE_URL, "service", "", NULL, { NULL }, "host;x-amz-date",
	    "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b" },
	{ "get-vanilla-query-order-key-case", "GET", SUITE_URL "?Param2=value2&Param1=value1",
	    "service", "", NULL, { NULL }, "host;x-amz-date",
	    "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500" },
	{ "post-x-www-form-urlencoded", "POST", SUITE_URL, "service", "", "Param1=value1",
	    { "Content-Type", "application/x-www-form-urlencoded" }, "content-type;host;x-amz-date",
	    "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a" },
	{ "bedrock", "POST", CLAUDE, "bedrock", "", CLAUDE_BODY,
	    { "Accept", "application/json", "Content-Type", "application/json" },
	    "accept;content-type;host;x-amz-date",
	    "6f25591a093a16bff0b62e1d7a32298125e28725a14f734d355bff3b352d3ce0" },
	{ "bedrock with a session", "POST", CLAUDE, "bedrock", "TOKENEXAMPLE", CLAUDE_BODY,
	    { "Accept", "application/json", "Content-Type", "application/json" },
	    "accept;content-type;host;x-amz-date;x-amz-security-token",
	    "8f38a91cadf592728f0723c79834da0363f92e247274ab2ff4b5057f0bef5436" },
};

static struct sigv4 signer(const char *service, const char *token)
{
	return (struct sigv4){ .access_key = STR("AKIDEXAMPLE"),
		.secret_key = STR("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
		.session_token = str_c(token),
		.region = STR("us-east-1"),
		.service = str_c(service),
		.now = FIRST_OF_2015 };
}

static void check_vector(const struct vector *v)
{
	struct arena *a = arena_new(4096);
	struct sigv4 s = signer(v->service, v->token);
	struct upstream_req req;
	struct err err = { 0 };
	struct str got;
	const char *want;

	upstream_req_init(&req, a);
	req.method = v->method;
	buf_add_c(&req.url, v->url);
	req.has_body = v->body;
	req.body = str_c(v->body);
	for (int i = 0; i < 4 && v->headers[i]; i += 2)
		headers_add_c(&req.headers, v->headers[i], v->headers[i + 1]);
	if (!sigv4_sign(&s, &req, &err))
		fail_msg("%s: %s", v->name, err.msg);
	got = headers_get(&req.headers, "Authorization");
	want = arena_fmt(a,
	    "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/%s/aws4_request, "
	    "SignedHeaders=%s, Signature=%s",
	    v->service, v->names, v->signature);
	if (!str_eq_c(got, want))
		fail_msg("%s:\n got  %.*s\n want %s", v->name, STR_ARG(got), want);
	assert_true(str_eq_c(headers_get(&req.headers, "X-Amz-Date"), "20150830T123600Z"));
	assert_true(str_eq_c(headers_get(&req.headers, "X-Amz-Security-Token"), v->token));
	upstream_req_release(&req);
	arena_free(a);
}

static void test_vectors(void **state)
{
	for (size_t i = 0; i < COUNT_OF(vectors); i++)
		check_vector(&vectors[i]);
}

/* The port of the scheme is not said, any other is; blanks in values are joined; what is not signed
 * does not change the signature. */
static void sign_for(struct arena *a, const char *url, const char *agent, const char *value,
    struct str *out)
{
	struct sigv4 s = signer("bedrock", "");
	struct upstream_req req;
	struct err err = { 0 };

	upstream_req_init(&req, a);
	req.method = "POST";
	buf_add_c(&req.url, url);
	headers_add_c(&req.headers, "User-Agent", agent);
	headers_add_c(&req.headers, "X-Amzn-Thing", value);
	assert_true(sigv4_sign(&s, &req, &err));
	*out = arena_str(a, headers_get(&req.headers, "Authorization"));
	upstream_req_release(&req);
}

static void test_what_counts(void **state)
{
	static const struct {
		const char *name, *url, *agent, *value;
		bool same;
	} cases[] = {
		{ "the scheme's port", "https://h.example:443/a", "x", "a b", true },
		{ "another agent", "https://h.example/a", "y", "a b", true },
		{ "blanks", "https://h.example/a", "x", "  a   b ", true },
		{ "another port", "https://h.example:444/a", "x", "a b", false },
		{ "another path", "https://h.example/b", "x", "a b", false },
		{ "another value", "https://h.example/a", "x", "a c", false },
	};
	struct arena *a = arena_new(4096);
	struct str plain, got;

	sign_for(a, "https://h.example/a", "x", "a b", &plain);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		sign_for(a, cases[i].url, cases[i].agent, cases[i].value, &got);
		if (str_eq(got, plain) != cases[i].same)
			fail_msg("%s: same signature: got %d, want %d", cases[i].name,
			    str_eq(got, plain), cases[i].same);
	}
	arena_free(a);
}

static void test_refused(void **state)
{
	struct arena *a = arena_new(4096);
	struct sigv4 s = signer("bedrock", "");
	struct upstream_req req;
	struct err err = { 0 };

	upstream_req_init(&req, a);
	req.method = "POST";
	buf_add_c(&req.url, "no-scheme");
	assert_false(sigv4_sign(&s, &req, &err));
	assert_int_equal(err.kind, ERR_CHANNEL_INVALID);
	s.secret_key = STR("");
	assert_false(sigv4_sign(&s, &req, &err));
	assert_int_equal(err.kind, ERR_CHANNEL_INVALID);
	upstream_req_release(&req);
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_what_counts),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests_name("sigv4", tests, NULL, NULL);
}
