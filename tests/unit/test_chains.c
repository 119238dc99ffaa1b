/* test_chains.c — option ModelFallbacks: what is refused, and what follows what */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "store/chains.h"
#include "store/option.h"

static void test_check(void **state)
{
	static const struct {
		const char *name, *text, *want; /* want: in the message; NULL: fine */
	} cases[] = {
		{ "empty", "", NULL },
		{ "no names", "{}", NULL },
		{ "one", "{\"a\":[\"b\",\"c\"]}", NULL },
		{ "an empty list", "{\"a\":[]}", NULL },
		{ "a chain of chains", "{\"a\":[\"b\"],\"b\":[\"c\"],\"c\":[\"d\"]}", NULL },
		{ "two ways to one", "{\"a\":[\"b\",\"c\"],\"b\":[\"d\"],\"c\":[\"d\"]}", NULL },
		{ "itself", "{\"a\":[\"a\"]}", "comes back to itself" },
		{ "a loop of two", "{\"a\":[\"b\"],\"b\":[\"a\"]}", "comes back to itself" },
		{ "a loop further on", "{\"x\":[\"a\"],\"a\":[\"b\"],\"b\":[\"c\"],\"c\":[\"a\"]}",
		    "comes back to itself" },
		{ "twice", "{\"a\":[\"b\"],\"\\u0061\":[\"c\"]}", "there twice" },
		{ "no list", "{\"a\":\"b\"}", "list of models" },
		{ "a number in it", "{\"a\":[1]}", "must be a text" },
		{ "an empty model", "{\"a\":[\" \"]}", "must be a text" },
		{ "an empty name", "{\"\":[\"a\"]}", "must be a text" },
		{ "eight", "{\"a\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\"]}", NULL },
		{ "nine", "{\"a\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\"]}",
		    "more than 8" },
		{ "a list", "[\"a\"]", "JSON object" },
		{ "broken", "{\"a\":[\"b\"", "JSON object" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct err err = { 0 };
		bool ok = chains_check(str_c(cases[i].text), &err);

		if (ok != !cases[i].want || (!ok && !strstr(err.msg, cases[i].want)))
			fail_msg("%s: %d %s", cases[i].name, ok, err.msg);
		err_clear(&err);
		if (option_check(OPT_MODEL_FALLBACKS, str_c(cases[i].text), &err) != ok)
			fail_msg("%s: the option says otherwise", cases[i].name);
	}
}

/* A name with more names than we care for is refused, whatever their shape. */
static void test_many(void **state)
{
	struct arena *a = arena_new(64 * 1024);

	for (int n = CHAIN_NAMES_MAX; n <= CHAIN_NAMES_MAX + 1; n++) {
		struct buf text = buf_init(1 << 20);
		struct err err = { 0 };

		/* each leads to the next: as deep as it gets */
		for (int i = 0; i < n; i++)
			buf_addf(&text, "%s\"m%d\":[\"m%d\",\"m%d\"]", i ? "," : "{", i, i + 1,
			    i + 2);
		buf_add_c(&text, "}");
		assert_int_equal(chains_check(buf_str(&text), &err), n == CHAIN_NAMES_MAX);
		buf_release(&text);
	}
	arena_free(a);
}

static void test_order(void **state)
{
	static const struct {
		const char *name, *text, *model, *want;
	} cases[] = {
		{ "as written", "{\"a\":[\"b\",\"c\"]}", "a", "b c" },
		{ "nothing follows", "{\"a\":[\"b\",\"c\"]}", "b", "-" },
		{ "case counts", "{\"a\":[\"b\"]}", "A", "-" },
		{ "what follows a member comes behind it",
		    "{\"a\":[\"b\",\"c\"],\"b\":[\"d\",\"e\"]}", "a", "b d e c" },
		{ "each once", "{\"a\":[\"b\",\"c\",\"b\"],\"b\":[\"c\"]}", "a", "b c" },
		{ "at most eight",
		    "{\"a\":[\"b\",\"c\",\"d\",\"e\",\"f\"],\"b\":[\"1\",\"2\",\"3\",\"4\",\"5\"]}",
		    "a", "b 1 2 3 4 5 c d" },
		{ "none at all", "", "a", "-" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct arena *a = arena_new(4096);
		const struct chains *all = chains_new(a, str_c(cases[i].text));
		const struct chain *c = chains_find(all, str_c(cases[i].model));
		char got[128] = "";
		size_t n = 0;

		for (size_t k = 0; c && k < c->count; k++)
			n += (size_t)snprintf(got + n, sizeof(got) - n, "%s%.*s", k ? " " : "",
			    STR_ARG(c->models[k]));
		if (strcmp(c ? got : "-", cases[i].want) != 0)
			fail_msg("%s: got '%s', want '%s'", cases[i].name, got, cases[i].want);
		arena_free(a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_order),
	};

	return cmocka_run_group_tests_name("chains", tests, NULL, NULL);
}
