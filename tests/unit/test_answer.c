/* test_answer.c — how fcgi-relay words an error */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "../../fcgi-relay/answer.h"
#include "base/err.h"

static const char id_text[] = " (request id: 2026010203040512345678912345678)";

/* A message of that many units of text. */
static void long_message(struct err *err, const char *unit, size_t count)
{
	size_t len = 0;

	for (size_t i = 0; i < count && len + strlen(unit) < sizeof err->msg; i++)
		len += (size_t)snprintf(err->msg + len, sizeof err->msg - len, "%s", unit);
}

/* Whatever the message, it stays UTF-8 and ends with the request id. */
static void test_tag(void **state)
{
	static const struct {
		const char *name, *unit;
		size_t count;
	} cases[] = {
		{ "empty", "", 0 },
		{ "short", "no", 1 },
		{ "names an id of its own", "slow down (request id: 1)", 1 },
		{ "full", "x", 1000 },
		{ "full of three-byte characters", "\xe6\xa8\xa1", 1000 },
		{ "full of four-byte characters", "\xf0\x9f\x98\x80", 1000 },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct arena *a = arena_new(1024);
		struct req *r = req_new(a);
		struct err err = { .kind = ERR_UPSTREAM };
		struct str before, after;

		snprintf(r->id, sizeof r->id, "2026010203040512345678912345678");
		long_message(&err, cases[i].unit, cases[i].count);
		before = str_c(arena_strdup(a, err.msg));
		answer_tag(r, &err);
		after = str_c(err.msg);
		if (!str_ends(after, str_c(id_text)) || !str_is_utf8(after))
			fail_msg("%s: got '%s'", cases[i].name, err.msg);
		after.n -= strlen(id_text);
		if (!str_starts(before, after) || (before.n < 400 && before.n != after.n))
			fail_msg("%s: got '%s', want '%.*s…'", cases[i].name, err.msg,
			    STR_ARG(before));
		req_free(r);
	}
}

static void test_reply(void **state)
{
	struct req *r = req_new(arena_new(1024));
	struct err err = { 0 };
	struct resp out;

	snprintf(r->id, sizeof r->id, "1");
	resp_init(&out, r->arena);
	err_set(&err, ERR_BUSY, "busy");
	err.retry_after_s = 7;
	answer_error(r, &err, &out);
	assert_int_equal(out.status, 503);
	assert_true(str_eq(headers_get(&out.headers, "Retry-After"), STR("7")));
	assert_string_equal(out.body.data,
	    "{\"error\":{\"message\":\"busy (request id: 1)\",\"type\":\"one_api_error\","
	    "\"param\":\"\",\"code\":\"gateway_busy\"}}");
	resp_release(&out);

	/* Clients of one-api compare this one literally. */
	resp_init(&out, r->arena);
	err_clear(&err);
	err_set(&err, ERR_NOT_FOUND, "Invalid URL (GET /v1/x)");
	answer_error(r, &err, &out);
	assert_int_equal(out.status, 404);
	assert_string_equal(out.body.data,
	    "{\"error\":{\"message\":\"Invalid URL (GET /v1/x)\",\"type\":"
	    "\"invalid_request_error\",\"param\":\"\",\"code\":\"\"}}");
	resp_release(&out);
	req_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tag),
		cmocka_unit_test(test_reply),
	};

	return cmocka_run_group_tests_name("answer", tests, NULL, NULL);
}
