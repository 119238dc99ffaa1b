/* test_uploads.c — what is known without its body refuses an upload before anybody reads it
 *
 * The lines of these files are wrong, so that whoever reads them says so: 400. */
#include "works.h"

#define WRONG "no JSON\n"

static struct stack_reply *with_key(struct stack *s, const char *key)
{
	struct stack_user u = { 0 };

	snprintf(u.key, sizeof(u.key), "%s", key);
	return upload(s, &u, "batch", WRONG);
}

static void test_key(void **state)
{
	struct stack *s = *state;
	struct stack_user u = person(s);
	struct stack_stats before = stack_stats(s);
	char narrow[64];

	stack_check_error("unknown", with_key(s, "none"), 401, "one_api_error", "invalid_api_key",
	    NULL);
	stack_key(s, &u, "\"models\":\"gpt-4o\",\"unlimited_quota\":true", narrow);
	stack_check_error("for a model only", with_key(s, narrow), 403, "one_api_error",
	    "model_not_allowed", "files");
	stack_check_error("read", with_key(s, u.key), 400, "invalid_request_error", NULL, "line 1");
	assert_int_equal(stack_stats(s).requests, before.requests);
	charged(s, &u, "refused", 0);
}

/* Nobody keeps files for that group. */
static void test_channel(void **state)
{
	struct stack *s = *state;
	struct stack_user u;

	set_up(s);
	u = stack_user(s, &(struct stack_person){ .quota = GRANTED, .group = "vip" });
	assert_int_equal(with_key(s, u.key)->status, 501);
}

/* A refused one counts as little as any other that reached no upstream. */
static void test_limit(void **state)
{
	struct stack *s = *state;
	struct stack_user u = person(s);
	struct stack_reply *r;

	stack_api(s, "PUT", "/api/limit/", "{\"scope\":\"key\",\"subject\":\"%" PRId64 "\",%s}",
	    u.key_id, "\"rpm\":1");
	stack_wait_catalog(s);
	for (int i = 0; i < 3; i++) {
		r = with_key(s, u.key);
		stack_check_error("given back", r, 400, "invalid_request_error", NULL, "line 1");
		assert_string_equal(stack_header(r, "x-ratelimit-limit-requests"), "1");
	}
	id_of(upload(s, &u, "batch", TWO_LINES));
	r = with_key(s, u.key);
	stack_check_error("at its limit", r, 429, "requests", "rate_limit_exceeded", NULL);
	assert_non_null(stack_header(r, "Retry-After"));
	charged(s, &u, "refused", CALL);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_key),
		cmocka_unit_test(test_channel),
		cmocka_unit_test(test_limit),
	};

	return stack_run("uploads", tests, COUNT_OF(tests), NULL);
}
