/* test_base64url.c — vectors of RFC 4648 section 10 in the alphabet of section 5, and refusals */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/base64url.h"

static void test_vectors(void **state UNUSED)
{
	/* The last is of RFC 7515, appendix C: both characters that base64 has no room for in URLs. */
	static const struct {
		struct str plain, text;
	} cases[] = {
		{ STR_INIT(""), STR_INIT("") },
		{ STR_INIT("f"), STR_INIT("Zg") },
		{ STR_INIT("fo"), STR_INIT("Zm8") },
		{ STR_INIT("foo"), STR_INIT("Zm9v") },
		{ STR_INIT("foob"), STR_INIT("Zm9vYg") },
		{ STR_INIT("fooba"), STR_INIT("Zm9vYmE") },
		{ STR_INIT("foobar"), STR_INIT("Zm9vYmFy") },
		{ STR_INIT("\x03\xec\xff\xe0\xc1"), STR_INIT("A-z_4ME") },
	};
	struct arena *a = arena_new(1024);

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct str text = base64url_encode(a, cases[i].plain.p, cases[i].plain.n), back;

		if (!str_eq(text, cases[i].text))
			fail_msg("encode %zu: got %.*s, want %.*s", i, STR_ARG(text),
			    STR_ARG(cases[i].text));
		if (!base64url_decode(a, cases[i].text, &back) || !str_eq(back, cases[i].plain))
			fail_msg("decode %.*s: got something else", STR_ARG(cases[i].text));
	}
	arena_free(a);
}

static void test_refusals(void **state UNUSED)
{
	static const struct {
		const char *name;
		struct str text;
	} cases[] = {
		{ "padding", STR_INIT("Zg==") },
		{ "one character left over", STR_INIT("Zm9vY") },
		{ "spare bits set", STR_INIT("Zh") },
		{ "spare bits set behind two", STR_INIT("Zm9") },
		{ "a blank", STR_INIT("Zm 9v") },
		{ "a line end", STR_INIT("Zm9v\n") },
		{ "the other alphabet's +", STR_INIT("A+z_4ME") },
		{ "the other alphabet's /", STR_INIT("A-z/4ME") },
		{ "a NUL", STR_INIT("Zm\0v") },
		{ "a byte above ASCII", STR_INIT("Zm9\xc3") },
	};
	struct arena *a = arena_new(1024);
	struct str bytes;

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		if (base64url_decode(a, cases[i].text, &bytes))
			fail_msg("%s: got bytes, want a refusal", cases[i].name);
	}
	arena_free(a);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_refusals),
	};

	return cmocka_run_group_tests_name("base64url", tests, NULL, NULL);
}
