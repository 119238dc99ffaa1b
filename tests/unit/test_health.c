/* test_health.c — which failures are tried elsewhere, and which switch a channel off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../fcgi-relay/health.h"
#include "base/err.h"

/* relay.md 4 and 13: what an upstream answers, and what follows. */
static void test_upstream_errors(void **state)
{
	static const struct {
		const char *name;
		int status;
		const char *body;
		bool retry, dead;
	} cases[] = {
		{ "400", 400, "{\"error\":{\"message\":\"bad\"}}", false, false },
		{ "401", 401, "{}", true, true },
		{ "402", 402, "{}", true, true },
		{ "403", 403, "{}", true, false },
		{ "403 of a type", 403, "{\"error\":{\"type\":\"permission_error\"}}", true, true },
		{ "404", 404, "{}", true, false },
		{ "408", 408, "{}", true, false },
		{ "413", 413, "{}", false, false },
		{ "415", 415, "{}", false, false },
		{ "422", 422, "{}", false, false },
		{ "429", 429, "{}", true, false },
		{ "429 without credit", 429, "{\"error\":{\"type\":\"insufficient_quota\"}}", true,
		    true },
		{ "500", 500, "{}", true, false },
		{ "503", 503, "{}", true, false },
		/* The text may be the client's own, quoted. */
		{ "words of a client", 400,
		    "{\"error\":{\"message\":\"unknown role 'your credit balance is too low'\"}}",
		    false, false },
		{ "one word", 403, "{\"error\":{\"message\":\"balance\"}}", true, false },
		{ "the whole phrase", 403,
		    "{\"error\":{\"message\":\"Your credit balance is too low to go on\"}}", true,
		    true },
		{ "words of a broken server", 500,
		    "{\"error\":{\"message\":\"your credit balance is too low\"}}", true, false },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct err err = { 0 };
		bool retry, dead;

		adaptor_error(cases[i].status, str_c(cases[i].body), &err);
		retry = health_may_retry(&err);
		dead = health_is_dead(&err);
		if (retry != cases[i].retry || dead != cases[i].dead)
			fail_msg("%s: got retry %d dead %d, want %d %d", cases[i].name, retry, dead,
			    cases[i].retry, cases[i].dead);
	}
}

/* Our own refusals and faults on the way. */
static void test_other_errors(void **state)
{
	static const struct {
		const char *name;
		enum err_kind kind;
		bool retry;
	} cases[] = {
		{ "not reached", ERR_UPSTREAM_UNREACHABLE, true },
		{ "too slow", ERR_UPSTREAM_TIMEOUT, true },
		{ "broken off", ERR_UPSTREAM_TRUNCATED, true },
		{ "not what was promised", ERR_UPSTREAM_BODY, true },
		{ "no quota", ERR_NO_QUOTA, false },
		{ "no quota of the key", ERR_NO_KEY_QUOTA, false },
		{ "bad JSON", ERR_INVALID_JSON, false },
		{ "our own rate limit", ERR_RATE_LIMIT, false },
		{ "no such model here", ERR_MODEL_NOT_FOUND, false },
		{ "our database", ERR_STORE, false },
		{ "our fault", ERR_INTERNAL, false },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct err err = { 0 };

		err_set(&err, cases[i].kind, "x");
		if (health_may_retry(&err) != cases[i].retry)
			fail_msg("%s: got %d, want %d", cases[i].name, !cases[i].retry,
			    cases[i].retry);
		if (health_is_dead(&err))
			fail_msg("%s: it switches the channel off", cases[i].name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_upstream_errors),
		cmocka_unit_test(test_other_errors),
	};

	return cmocka_run_group_tests_name("health", tests, NULL, NULL);
}
