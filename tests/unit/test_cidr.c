/* test_cidr.c — networks that an address lies in, and for whom it stands */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/attr.h"
#include "net/cidr.h"

static void test_list(void **state)
{
	static const struct {
		const char *name, *list, *address;
		bool want;
	} cases[] = {
		{ "in a network", "10.0.0.0/8", "10.255.0.1", true },
		{ "beside it", "10.0.0.0/8", "11.0.0.1", false },
		{ "the second", "192.0.2.7, 2001:db8::/32", "2001:db8:ffff::1", true },
		{ "an address alone", "192.0.2.7", "192.0.2.8", false },
		{ "mapped", "192.0.2.0/24", "::ffff:192.0.2.9", true },
		{ "everything", "0.0.0.0/0", "198.51.100.1", true },
		{ "IPv4 is not in ::/1", "8000::/1", "198.51.100.1", false },
		{ "nonsense", "10.0.0.0/33, x, /", "10.0.0.1", false },
		{ "no address", "0.0.0.0/0,::/0", "localhost", false },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		if (cidr_list_has(str_c(cases[i].list), str_c(cases[i].address)) != cases[i].want)
			fail_msg("%s: got %d", cases[i].name, !cases[i].want);
	}
}

static void test_client(void **state)
{
	static const struct {
		const char *address, *want;
	} cases[] = {
		{ "192.0.2.7", "192.0.2.7" },
		{ "::ffff:192.0.2.7", "192.0.2.7" },
		{ "::FFFF:c000:207", "192.0.2.7" },
		{ "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::" },
		{ "2001:DB8:1:2::", "2001:db8:1:2::" },
		{ "2001:db8:1:3::1", "2001:db8:1:3::" },
		{ "::1", "::" },
		{ " 2001:db8::1 ", "2001:db8::" },
		{ "", "" },
		{ "unix", "unix" },
		{ "2001:db8::1/64", "2001:db8::1/64" },
	};
	struct arena *a = arena_new(1024);

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct str got = cidr_client(a, str_c(cases[i].address));

		if (!str_eq_c(got, cases[i].want))
			fail_msg("%s: got '%.*s', want '%s'", cases[i].address, STR_ARG(got),
			    cases[i].want);
	}
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_client),
	};

	return cmocka_run_group_tests_name("cidr", tests, NULL, NULL);
}
