/* test_field.c — reading and writing a struct by its table */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/field.h"

struct thing {
	int64_t id;
	int64_t quota;
	int level;
	bool on;
	double ratio;
	struct str name;
	struct str key;
	struct str hash;
};

enum { ID, QUOTA, LEVEL, ON, RATIO, NAME, KEY, HASH };

static const struct field fields[] = {
	FIELD(struct thing, id, FIELD_READONLY),
	FIELD(struct thing, quota, 0),
	FIELD(struct thing, level, 0),
	FIELD(struct thing, on, 0),
	FIELD(struct thing, ratio, 0),
	FIELD_AS(struct thing, name, "display_name", FIELD_REQUIRED),
	FIELD(struct thing, key, FIELD_SECRET),
	FIELD(struct thing, hash, FIELD_HIDDEN),
	{ 0 },
};

static const struct thing before = {
	.id = 1,
	.quota = 2,
	.level = 3,
	.on = true,
	.ratio = 4.5,
	.name = STR_INIT("old"),
	.key = STR_INIT("sk"),
	.hash = STR_INIT("h"),
};

static void expect_str(const char *name, struct str got, struct str want)
{
	if (!str_eq(got, want))
		fail_msg("%s: got '%.*s', want '%.*s'", name, STR_ARG(got), STR_ARG(want));
}

static bool read_into(struct arena *a, const char *text, struct thing *t, uint64_t *seen,
    struct err *err)
{
	cJSON *tree;

	if (!json_parse(a, str_c(text), &tree, err))
		fail_msg("%s: %s", text, err->msg);
	return field_read(fields, tree, a, t, seen, err);
}

#define BIT(i) (UINT64_C(1) << (i))

/* The struct afterwards, written out with nothing held back. */
static struct str shown(struct arena *a, const struct thing *t)
{
	return str_c(
	    arena_fmt(a, "%lld %lld %d %d %g %.*s %.*s %.*s", (long long)t->id, (long long)t->quota,
	        t->level, t->on, t->ratio, STR_ARG(t->name), STR_ARG(t->key), STR_ARG(t->hash)));
}

static void reads_what_is_present(void **state)
{
	/* clang-format off */
	static const struct {
		const char *name, *in, *want;
		uint64_t seen;
	} cases[] = {
		{ "only the required", "{\"display_name\":\"n\"}", "1 2 3 1 4.5 n sk h", BIT(NAME) },
		{ "everything", "{\"quota\":-7,\"level\":8,\"on\":false,\"ratio\":1e-1,"
			"\"display_name\":\"n\",\"key\":\"\"}", "1 -7 8 0 0.1 n  h",
			BIT(QUOTA) | BIT(LEVEL) | BIT(ON) | BIT(RATIO) | BIT(NAME) | BIT(KEY) },
		{ "not ours to set", "{\"display_name\":\"n\",\"id\":9,\"hash\":\"x\",\"name\":\"y\"}",
			"1 2 3 1 4.5 n sk h", BIT(NAME) },
		{ "wrong type where we do not look", "{\"display_name\":\"n\",\"id\":\"x\"}",
			"1 2 3 1 4.5 n sk h", BIT(NAME) },
		{ "null", "{\"display_name\":\"n\",\"quota\":null}", "1 2 3 1 4.5 n sk h", BIT(NAME) },
		{ "another case", "{\"Display_Name\":\"n\",\"QUOTA\":5}", "1 5 3 1 4.5 n sk h",
			BIT(NAME) | BIT(QUOTA) },
		{ "last counts", "{\"display_name\":\"n\",\"quota\":5,\"Quota\":6,\"quota\":null}",
			"1 6 3 1 4.5 n sk h", BIT(NAME) | BIT(QUOTA) },
		{ "whole in other words", "{\"display_name\":\"n\",\"quota\":1.5e1,\"level\":-0.0}",
			"1 15 0 1 4.5 n sk h", BIT(NAME) | BIT(QUOTA) | BIT(LEVEL) },
		{ "limits", "{\"display_name\":\"n\",\"quota\":9007199254740991,\"level\":-2147483648}",
			"1 9007199254740991 -2147483648 1 4.5 n sk h",
			BIT(NAME) | BIT(QUOTA) | BIT(LEVEL) },
	};
	/* clang-format on */

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct err err = { .kind = ERR_NONE };
		struct arena *a = arena_new(0);
		struct thing t = before;
		uint64_t seen = 0;

		if (!read_into(a, cases[i].in, &t, &seen, &err))
			fail_msg("%s: %s", cases[i].name, err.msg);
		expect_str(cases[i].name, shown(a, &t), str_c(cases[i].want));
		if (seen != cases[i].seen)
			fail_msg("%s: seen: got %llx, want %llx", cases[i].name,
			    (unsigned long long)seen, (unsigned long long)cases[i].seen);
		arena_free(a);
	}
}

static void refuses(void **state)
{
	/* clang-format off */
	static const struct {
		const char *name, *in, *want, *param;
	} cases[] = {
		{ "array", "[]", "expected a JSON object", "" },
		{ "null", "null", "expected a JSON object", "" },
		{ "missing", "{}", "'display_name' is required", "display_name" },
		{ "required null", "{\"display_name\":null}", "'display_name' is required",
			"display_name" },
		{ "required empty", "{\"display_name\":\"\"}", "'display_name' must not be empty",
			"display_name" },
		{ "text for int", "{\"quota\":\"1\"}", "'quota' must be a whole number", "quota" },
		{ "fraction for int", "{\"level\":1.5}", "'level' must be a whole number", "level" },
		{ "bool for int", "{\"level\":true}", "'level' must be a whole number", "level" },
		{ "past int", "{\"level\":2147483648}", "'level' is out of range", "level" },
		{ "past 2^53", "{\"quota\":9007199254740992}", "'quota' is out of range", "quota" },
		{ "past -2^53", "{\"quota\":-9007199254740992}", "'quota' is out of range", "quota" },
		{ "infinite int", "{\"quota\":1e999}", "'quota' must be a whole number", "quota" },
		{ "number for bool", "{\"on\":1}", "'on' must be true or false", "on" },
		{ "text for double", "{\"ratio\":\"1\"}", "'ratio' must be a number", "ratio" },
		{ "infinite double", "{\"ratio\":-1e999}", "'ratio' must be a number", "ratio" },
		{ "number for text", "{\"key\":1}", "'key' must be a string", "key" },
		{ "object for text", "{\"key\":{}}", "'key' must be a string", "key" },
	};
	/* clang-format on */

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct err err = { .kind = ERR_NONE };
		struct arena *a = arena_new(0);
		struct thing t = before;

		if (read_into(a, cases[i].in, &t, NULL, &err))
			fail_msg("%s: got true, want false", cases[i].name);
		if (err.kind != ERR_BAD_REQUEST)
			fail_msg("%s: got kind %d, want %d", cases[i].name, (int)err.kind,
			    (int)ERR_BAD_REQUEST);
		expect_str(cases[i].name, str_c(err.msg), str_c(cases[i].want));
		expect_str(cases[i].name, str_c(err.param), str_c(cases[i].param));
		arena_free(a);
	}
}

static void text_outlives_the_tree(void **state)
{
	struct arena *a = arena_new(0), *short_lived = arena_new(0);
	struct err err = { .kind = ERR_NONE };
	struct thing t = before;
	cJSON *tree;

	assert_true(json_parse(short_lived, STR("{\"display_name\":\"kept\"}"), &tree, &err));
	assert_true(field_read(fields, tree, a, &t, NULL, &err));
	arena_free(short_lived);
	expect_str("name", t.name, STR("kept"));
	arena_free(a);
}

static void writes(void **state)
{
	struct thing t = before;
	struct buf b = buf_init(1000);

	t.quota = INT64_MAX;
	t.level = INT_MIN;
	t.name = STR("a\"b");
	field_write(fields, &t, &b);
	expect_str("thing", buf_str(&b),
	    STR("{\"id\":1,\"quota\":9223372036854775807,\"level\":-2147483648,\"on\":true,"
	        "\"ratio\":4.5,\"display_name\":\"a\\\"b\",\"key\":\"\"}"));
	buf_release(&b);
}

static void bits(void **state)
{
	static const struct {
		const char *name;
		uint64_t want;
	} cases[] = {
		{ "id", BIT(ID) },
		{ "display_name", BIT(NAME) },
		{ "hash", BIT(HASH) },
		{ "name", 0 },
		{ "", 0 },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++)
		if (field_bit(fields, cases[i].name) != cases[i].want)
			fail_msg("%s: got %llx, want %llx", cases[i].name,
			    (unsigned long long)field_bit(fields, cases[i].name),
			    (unsigned long long)cases[i].want);
}

static void pointers_to_members(void **state)
{
	struct thing t = before;

	assert_ptr_equal(field_ptr(&fields[ID], &t), &t.id);
	assert_ptr_equal(field_ptr(&fields[RATIO], &t), &t.ratio);
	assert_ptr_equal(field_ptr(&fields[NAME], &t), &t.name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_is_present),
		cmocka_unit_test(refuses),
		cmocka_unit_test(text_outlives_the_tree),
		cmocka_unit_test(writes),
		cmocka_unit_test(bits),
		cmocka_unit_test(pointers_to_members),
	};

	return cmocka_run_group_tests_name("field", tests, NULL, NULL);
}
