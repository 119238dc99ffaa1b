/* What a model's schema says of its input, and how long it is remembered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "provider/replicate_schema.h"

#define INPUT(properties, more)                                                                    \
	"{\"latest_version\":{\"openapi_schema\":{\"components\":{\"schemas\":{\"Input\":{"        \
	"\"properties\":{" properties "}}" more "}}}}}"
#define PART "{\"type\":\"string\"}"

static void test_reading(void **state)
{
	static const struct {
		const char *name, *body;
		bool known;
		const char *takes, *lacks, *list;
		int64_t outputs;
	} cases[] = {
		{ "members and lists",
		    INPUT("\"prompt\":" PART ",\"images\":{\"type\":\"array\"}", ""), true,
		    "prompt", "image", "images", 1 },
		{ "number with a maximum", INPUT("\"num_outputs\":{\"maximum\":8}", ""), true,
		    "num_outputs", "width", NULL, 8 },
		{ "number without one", INPUT("\"num_images\":{}", ""), true, "num_images",
		    "num_outputs", NULL, 4 },
		{ "a foreign maximum", INPUT("\"num_outputs\":{\"maximum\":1000000}", ""), true,
		    "num_outputs", "width", NULL, 4 },
		{ "of a version",
		    "{\"openapi_schema\":{\"components\":{\"schemas\":{\"Input\":{\"properties\":{"
		    "\"text\":{}}}}}}}",
		    true, "text", "prompt", NULL, 1 },
		{ "no schema", "{\"latest_version\":null}", false, "prompt", "width", NULL, 1 },
		{ "nothing that we know", INPUT("\"audio\":{}", ""), false, "prompt", "width", NULL,
		    1 },
		{ "no JSON", "<html>", false, "prompt", "width", NULL, 1 },
		{ "nothing", "", false, "prompt", "width", NULL, 1 },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct replicate_schema s = replicate_schema_read(str_c(cases[i].body), STR("a/b"));

		if (s.known != cases[i].known)
			fail_msg("%s: known: got %d, want %d", cases[i].name, s.known,
			    cases[i].known);
		if (!replicate_takes(&s, cases[i].takes))
			fail_msg("%s: does not take %s", cases[i].name, cases[i].takes);
		if (replicate_takes(&s, cases[i].lacks))
			fail_msg("%s: takes %s", cases[i].name, cases[i].lacks);
		if (cases[i].list && !replicate_takes_list(&s, cases[i].list))
			fail_msg("%s: %s is no list", cases[i].name, cases[i].list);
		if (s.outputs != cases[i].outputs)
			fail_msg("%s: outputs: got %lld, want %lld", cases[i].name,
			    (long long)s.outputs, (long long)cases[i].outputs);
	}
}

static void test_ratios(void **state)
{
	static const struct {
		const char *name, *values;
		int64_t width, height;
		const char *want;
		bool custom;
	} cases[] = {
		{ "square", "\"1:1\",\"16:9\"", 1024, 1024, "1:1", false },
		{ "wide", "\"1:1\",\"16:9\"", 1792, 1024, "16:9", false },
		{ "the nearest there is", "\"1:1\",\"4:3\",\"16:9\"", 1536, 1024, "4:3", false },
		{ "tall", "\"3:4\",\"9:16\"", 1024, 1792, "9:16", false },
		{ "with custom", "\"custom\",\"1:1\"", 1792, 1024, "1:1", true },
		{ "none that we know: all", "\"match_input_image\"", 1792, 1024, "16:9", false },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char body[512];
		struct replicate_schema s;
		const char *got;

		snprintf(body, sizeof body,
		    INPUT("\"aspect_ratio\":{\"allOf\":[{\"$ref\":\"#/components/schemas/r\"}]}",
		        ",\"r\":{\"enum\":[%s]}"),
		    cases[i].values);
		s = replicate_schema_read(str_c(body), STR("a/b"));
		got = replicate_ratio(&s, cases[i].width, cases[i].height);
		if (strcmp(got, cases[i].want) != 0)
			fail_msg("%s: got %s, want %s", cases[i].name, got, cases[i].want);
		if (replicate_has_custom_ratio(&s) != cases[i].custom)
			fail_msg("%s: custom: got %d, want %d", cases[i].name, !cases[i].custom,
			    cases[i].custom);
	}
}

static bool remembered(const uint8_t *key)
{
	struct replicate_schema s;

	return replicate_schema_get(key, &s);
}

static void test_memory(void **state)
{
	uint8_t key[REPLICATE_KEY_BYTES] = { 1 }, other[REPLICATE_KEY_BYTES] = { 2 };
	struct replicate_schema known =
	    replicate_schema_read(STR(INPUT("\"prompt\":{}", "")), STR("a/b"));
	struct replicate_schema guess = replicate_schema_guess(STR("a/b"));

	replicate_schema_forget();
	assert_false(remembered(key));
	replicate_schema_put(key, &known);
	replicate_schema_put(other, &guess);
	assert_true(remembered(key));
	assert_true(remembered(other));
	clock_test_advance(61 * 1000);
	assert_true(remembered(key));
	assert_false(remembered(other));
	clock_test_advance(600 * 1000);
	assert_false(remembered(key));
}

/* A full table gives up the one that ends first, and never the new one. */
static void test_full(void **state)
{
	uint8_t key[REPLICATE_KEY_BYTES] = { 0 };
	struct replicate_schema known =
	    replicate_schema_read(STR(INPUT("\"prompt\":{}", "")), STR("a/b"));

	replicate_schema_forget();
	for (int i = 0; i < 300; i++) {
		key[0] = (uint8_t)(i & 255);
		key[1] = (uint8_t)(i >> 8);
		key[2] = 1;
		replicate_schema_put(key, &known);
		assert_true(remembered(key));
		clock_test_advance(1000);
	}
	key[0] = key[1] = 0;
	assert_false(remembered(key));
	key[0] = 100;
	assert_true(remembered(key));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reading),
		cmocka_unit_test(test_ratios),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_full),
	};

	clock_test_stop(); /* time goes on where a test says so */
	return cmocka_run_group_tests_name("replicate_schema", tests, NULL, NULL);
}
