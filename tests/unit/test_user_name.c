/* test_user_name.c — which names are one to who reads them */
#include "temp_db.h"

#include "store/user.h"
#include "store/user_name.h"

static void test_same(void **state)
{
	/* clang-format off */
	static const struct { const char *name, *a, *b; bool want; } cases[] = {
		{ "nothing", "", "", true },
		{ "ASCII", "Anna", "aNNA", true },
		{ "Latin-1", "\xc3\x89ric", "\xc3\xa9RIC", true },          /* É é */
		{ "no letters", "\xc3\x97", "\xc3\xb7", false },            /* × ÷ */
		{ "another accent", "\xc3\x89", "\xc3\xa8", false },        /* É è */
		{ "none", "\xc3\x89", "E", false },
		{ "Latin, in pairs", "\xc4\x8c", "\xc4\x8d", true },        /* Č č */
		{ "neighbours of pairs", "\xc4\x8d", "\xc4\x8e", false },   /* č Ď */
		{ "odd capitals", "\xc4\xb9", "\xc4\xba", true },           /* Ĺ ĺ */
		{ "far away", "\xc5\xb8", "\xc3\xbf", true },               /* Ÿ ÿ */
		{ "Vietnamese", "\xe1\xba\xa0", "\xe1\xba\xa1", true },     /* Ạ ạ */
		{ "Greek", "\xce\xa9\xce\x86", "\xcf\x89\xce\xac", true },  /* ΩΆ ωά */
		{ "two sigmas", "\xcf\x82", "\xcf\x83", true },             /* ς σ */
		{ "Cyrillic", "\xd0\x96\xd0\x81", "\xd0\xb6\xd1\x91", true }, /* ЖЁ жё */
		{ "Armenian", "\xd4\xb1", "\xd5\xa1", true },
		{ "full width", "\xef\xbc\xa1", "\xef\xbd\x81", true },     /* Ａ ａ */
		{ "another script", "\xd0\x90", "A", false },               /* Cyrillic A */
		{ "Chinese", "\xe5\xbc\xa0", "\xe5\xbc\xa0", true },
		{ "other Chinese", "\xe5\xbc\xa0", "\xe5\xbc\xa1", false },
		{ "longer", "\xc3\x89", "\xc3\xa9x", false },
		{ "cut off", "\xc3", "\xc3\x89", false },
		{ "emoji", "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80", true },
	};
	/* clang-format on */

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct str a = str_c(cases[i].a), b = str_c(cases[i].b);

		if (user_name_same(a, b) != cases[i].want || user_name_same(b, a) != cases[i].want)
			fail_msg("%s: got %d, want %d", cases[i].name, !cases[i].want,
			    cases[i].want);
	}
}

static void test_taken(void **state)
{
	static const struct {
		const char *name, *like;
		int64_t but;
		bool want;
	} cases[] = {
		{ "the other case", "\xc3\xa9ric", 0, true },
		{ "the same", "\xc3\x89ric", 0, true },
		{ "one's own", "\xc3\xa9ric", 1, false },
		{ "another name", "\xc3\xa8ric", 0, false },
		{ "of a deleted account", "\xc3\xb6tto", 0, false },
		{ "ASCII is the index's", "anna", 0, false },
		{ "so is what has no case", "\xe5\xbc\xa0", 0, false },
		{ "the name that one has", "\xc3\xb1u", 6, false }, /* ñu */
		{ "that of the other one", "\xc3\x91u", 6, true },
		{ "a third one's", "\xc3\xb1u", 3, true },
	};
	static const char *const names[] = { "\xc3\x89ric", "\xc3\x96tto", "anna", "\xe5\xbc\xa0",
		"\xc3\x91u", "\xc3\xb1u" };
	struct temp_db *t = *state;

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		struct user u = { .username = str_c(names[i]), .role = 1, .status = 1 };

		CHECK(user_insert(t->db, &u, &t->err), &t->err);
	}
	CHECK(db_run(t->db, "UPDATE users SET status = 3 WHERE id = 2", BIND_NONE, NULL, &t->err),
	    &t->err);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		bool taken;

		CHECK(user_name_like(t->db, str_c(cases[i].like), cases[i].but, &taken, &t->err),
		    &t->err);
		if (taken != cases[i].want)
			fail_msg("%s: got %d, want %d", cases[i].name, taken, cases[i].want);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same),
		DB_TEST(test_taken),
	};

	return temp_db_run("user_name", tests, COUNT_OF(tests));
}
