/* test_health.c — which failures are tried elsewhere, and which switch a channel off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../fcgi-relay/health.h"
#include "base/err.h"

/* relay.md 4 and 13, openai-and-azure.md 9: what an upstream answers, and what follows. */
static void test_upstream_errors(void **state)
{
	static const struct {
		const char *name;
		int status;
		const char *body;
		bool retry, dead;
		enum fault fault;
	} cases[] = {
		{ "400", 400, "{\"error\":{\"message\":\"bad\"}}", false, false, FAULT_CLIENT },
		{ "401", 401, "{}", true, true, FAULT_KEY },
		{ "402", 402, "{}", true, true, FAULT_KEY },
		{ "403", 403, "{}", true, false, FAULT_KEY },
		{ "403 of a type", 403, "{\"error\":{\"type\":\"permission_error\"}}", true, true,
		    FAULT_KEY },
		{ "404", 404, "{}", true, false, FAULT_MODEL },
		{ "408", 408, "{}", true, false, FAULT_CHANNEL },
		{ "413", 413, "{}", false, false, FAULT_CLIENT },
		{ "415", 415, "{}", false, false, FAULT_CLIENT },
		{ "422", 422, "{}", false, false, FAULT_CLIENT },
		{ "429", 429, "{}", true, false, FAULT_BUSY },
		{ "429 without credit", 429, "{\"error\":{\"type\":\"insufficient_quota\"}}", true,
		    true, FAULT_KEY },
		{ "500", 500, "{}", true, false, FAULT_CHANNEL },
		{ "503", 503, "{}", true, false, FAULT_CHANNEL },
		/* The text may be the client's own, quoted. */
		{ "words of a client", 400,
		    "{\"error\":{\"message\":\"unknown role 'your credit balance is too low'\"}}",
		    false, false, FAULT_CLIENT },
		{ "one word", 403, "{\"error\":{\"message\":\"balance\"}}", true, false,
		    FAULT_KEY },
		{ "the whole phrase", 403,
		    "{\"error\":{\"message\":\"Your credit balance is too low to go on\"}}", true,
		    true, FAULT_KEY },
		{ "words of a broken server", 500,
		    "{\"error\":{\"message\":\"your credit balance is too low\"}}", true, false,
		    FAULT_CHANNEL },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct err err = { 0 };
		bool retry, dead;

		adaptor_error(cases[i].status, str_c(cases[i].body), &err);
		retry = health_may_retry(&err);
		dead = health_is_dead(&err);
		if (health_fault(&err) != cases[i].fault)
			fail_msg("%s: class %d, want %d", cases[i].name, health_fault(&err),
			    cases[i].fault);
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
