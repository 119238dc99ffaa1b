/* test_price_option.c — figures of prices: what may be saved, and what a stored one counts as */
#include "price_room.h"

#include "store/option.h"

static void test_ratio_parse(void **state)
{
	static const struct {
		const char *in;
		bool ok;
		int64_t want;
	} cases[] = {
		{ "0", true, 0 },
		{ "-0", true, 0 },
		{ "0.0", true, 0 },
		{ "1", true, 1000000 },
		{ "2.5", true, 2500000 },
		{ "0.000001", true, 1 },
		{ "0.0000005", true, 1 },
		{ "0.00000049999999999999999999999", false, 0 },
		{ "1.0000005", true, 1000001 },
		{ "1.3333333333333333", true, 1333333 },
		{ "1.6666666666666667", true, 1666667 },
		{ "3.981818181818182", true, 3981818 },
		{ "0.1", true, 100000 },
		{ "0.3", true, 300000 },
		{ "7.14286e-05", true, 71 },
		{ "3.5e-05", true, 35 },
		{ "1e-6", true, 1 },
		{ "5e-7", true, 1 },
		{ "4e-7", false, 0 },
		{ "5e-8", false, 0 },
		{ "1e-999999999999", false, 0 },
		{ "0e-999999999999", true, 0 },
		{ "-0.0e5", true, 0 },
		{ "-1e-999999999999", false, 0 },
		{ "0e999999999999", true, 0 },
		{ "1E6", true, 1000000000000 },
		{ "1e+3", true, 1000000000 },
		{ "12.5e1", true, 125000000 },
		{ "0.000000000001e12", true, 1000000 },
		{ "1000000", true, 1000000000000 },
		{ "999999.9999994", true, 999999999999 },
		{ "1000000.0000004", true, 1000000000000 },
		{ "1000000.0000005", false, 0 },
		{ "1000001", false, 0 },
		{ "1e7", false, 0 },
		{ "1e999999999999", false, 0 },
		{ "123456789012345678901234567890", false, 0 },
		{ "-1", false, 0 },
		{ "-0.000001", false, 0 },
		{ "", false, 0 },
		{ "-", false, 0 },
		{ ".5", false, 0 },
		{ "5.", false, 0 },
		{ "01", false, 0 },
		{ "1e", false, 0 },
		{ "1e+", false, 0 },
		{ "1e+-3", false, 0 },
		{ "+1", false, 0 },
		{ "1x", false, 0 },
		{ " 1", false, 0 },
		{ "NaN", false, 0 },
		{ "Infinity", false, 0 },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		int64_t got = -7;
		bool ok = ratio_parse(str_c(cases[i].in), &got);

		same_int(cases[i].in, ok, cases[i].ok);
		same_int(cases[i].in, got, cases[i].ok ? cases[i].want : -7);
	}
}

static void test_bad_options(void **state)
{
	static const struct {
		const char *name, *model, *completion, *group, *price, *says;
	} cases[] = {
		{ "not JSON", "{", "", "", "", "ModelRatio" },
		{ "not an object", "", "[1]", "", "", "CompletionRatio" },
		{ "trailing", "{} {}", "", "", "", "ModelRatio" },
		{ "prices not JSON", "", "", "", "{", "ModelPrice" },
		{ "prices not an object", "", "", "", "[]", "ModelPrice" },
		{ "not a number", "{\"a\":NaN}", "", "", "", "ModelRatio" },
	};
	struct arena *a = arena_new(4096);

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct price_table *t = NULL;
		struct err err = { 0 };
		struct price_options options = {
			.model_ratio = str_c(cases[i].model),
			.completion_ratio = str_c(cases[i].completion),
			.group_ratio = str_c(cases[i].group),
			.model_price = str_c(cases[i].price),
		};

		same_int(cases[i].name, price_table_new(a, &options, &t, &err), false);
		same_int(cases[i].name, err.kind, ERR_BAD_REQUEST);
		if (!strstr(err.msg, cases[i].says))
			fail_msg("%s: got '%s', want it to name %s", cases[i].name, err.msg,
			    cases[i].says);
	}
	arena_free(a);
}

/* What an administrator is told who wants to save it. */
static void test_refused_prices(void **state)
{
	static const struct {
		const char *name;
		enum option_id id;
		const char *text, *says;
	} cases[] = {
		{ "text value", OPT_GROUP_RATIO, "{\"vip\":\"1\"}", "'vip' must be a number" },
		{ "negative", OPT_MODEL_RATIO, "{\"a\":1,\"b\":-0.5}", "'b' must not be below 0" },
		{ "negative and tiny", OPT_MODEL_RATIO, "{\"b\":-1e-9}",
		    "'b' must not be below 0" },
		{ "too large", OPT_COMPLETION_RATIO, "{\"big\":1000000.1}", "'big' is too large" },
		{ "infinite", OPT_GROUP_RATIO, "{\"big\":1e999}", "'big' is too large" },
		{ "too small", OPT_MODEL_RATIO, "{\"m\":4.9e-7}", "'m' is too small" },
		{ "group too small", OPT_GROUP_RATIO, "{\"g\":1e-9}", "'g' is too small" },
		{ "completion too small", OPT_COMPLETION_RATIO, "{\"c\":1e-99}",
		    "'c' is too small" },
		{ "null", OPT_MODEL_RATIO, "{\"n\":null}", "'n' must be a number" },
		{ "object value", OPT_MODEL_RATIO, "{\"o\":{}}", "'o' must be a number" },
		{ "no name", OPT_MODEL_RATIO, "{\"\":1}", "option 'ModelRatio': has an entry" },
		{ "price too small", OPT_MODEL_PRICE, "{\"m\":{\"cached\":1e-8}}",
		    "'m': 'cached' is too small" },
		{ "request too small", OPT_MODEL_PRICE, "{\"m\":1e-7}",
		    "'m': 'per_request' is too small" },
		{ "image too small", OPT_MODEL_PRICE, "{\"m\":{\"per_image\":{\"hd\":1e-7}}}",
		    "'m': 'hd' is too small" },
		{ "tier too small", OPT_MODEL_PRICE,
		    "{\"m\":{\"tiers\":[{\"above\":9,\"input\":1e-7}]}}",
		    "'m': 'input' is too small" },
		{ "entry a list", OPT_MODEL_PRICE, "{\"m\":[]}", "'m'" },
		{ "entry negative", OPT_MODEL_PRICE, "{\"m\":-1}", "'m'" },
		{ "entry without a name", OPT_MODEL_PRICE, "{\"\":1}", "without a name" },
		{ "no such price", OPT_MODEL_PRICE, "{\"m\":{\"cashed\":0.1}}",
		    "'cashed' is no price" },
		{ "price as text", OPT_MODEL_PRICE, "{\"m\":{\"cached\":\"0.1\"}}",
		    "'m': 'cached'" },
		{ "price negative", OPT_MODEL_PRICE, "{\"m\":{\"audio_in\":-1}}", "'audio_in'" },
		{ "price too large", OPT_MODEL_PRICE, "{\"m\":{\"per_minute\":1e7}}",
		    "'per_minute'" },
		{ "image price", OPT_MODEL_PRICE, "{\"m\":{\"per_image\":{\"hd\":null}}}", "'hd'" },
		{ "no image prices", OPT_MODEL_PRICE, "{\"m\":{\"per_image\":{}}}", "'per_image'" },
		{ "tiers no list", OPT_MODEL_PRICE, "{\"m\":{\"tiers\":{}}}", "'tiers'" },
		{ "tier no object", OPT_MODEL_PRICE, "{\"m\":{\"tiers\":[1]}}", "'tiers'" },
		{ "tier without above", OPT_MODEL_PRICE, "{\"m\":{\"tiers\":[{\"input\":2}]}}",
		    "above" },
		{ "tier above 0", OPT_MODEL_PRICE, "{\"m\":{\"tiers\":[{\"above\":0}]}}", "above" },
		{ "tier with more", OPT_MODEL_PRICE, "{\"m\":{\"tiers\":[{\"above\":1,\"x\":1}]}}",
		    "'x'" },
		{ "tiers not ascending", OPT_MODEL_PRICE,
		    "{\"m\":{\"tiers\":[{\"above\":9},{\"above\":9}]}}", "ascend" },
		{ "five tiers", OPT_MODEL_PRICE,
		    "{\"m\":{\"tiers\":[{\"above\":1},{\"above\":2},{\"above\":3},{\"above\":4},"
		    "{\"above\":5}]}}",
		    "at most 4" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct err err = { 0 };

		same_int(cases[i].name, option_check(cases[i].id, str_c(cases[i].text), &err),
		    false);
		same_int(cases[i].name, err.kind, ERR_BAD_REQUEST);
		if (!strstr(err.msg, cases[i].says))
			fail_msg("%s: got '%s', want it to say %s", cases[i].name, err.msg,
			    cases[i].says);
	}
}

/* Stored by whoever: too small is a millionth, too large a million, else as if it were not there. */
static void test_stored_faults(void **state)
{
	static const struct found found[] = {
		{ "tiny model", "tiny", 1, "default", 1, M, M },
		{ "tiny group", "gpt-4.1", 1, "tiny", M, 4 * M, 1 },
		{ "tiny completion", "tinyc", 1, "default", M, 1, M },
		{ "huge model", "huge", 1, "default", RATIO_MAX, M, M },
		{ "negative: the built-in one", "gpt-4o", 1, "default", 1250000, 4 * M, M },
		{ "text: the built-in one", "gpt-4o-mini", 1, "default", 75000, 4 * M, M },
		{ "negative group", "gpt-4.1", 1, "below", M, 4 * M, M },
		{ "group of text", "gpt-4.1", 1, "text", M, 4 * M, M },
		{ "free on purpose", "free", 1, "default", 0, M, M },
		{ "free group on purpose", "gpt-4.1", 1, "free", M, 4 * M, 0 },
		{ "after the faults", "fine", 1, "fine", 2 * M, M, 3 * M },
	};
	static const struct bill bills[] = {
		/* a millionth of a dollar is half a quota */
		{ "tiny per request", PRICE_TOKENS, "ask", "", "", TOKENS(.prompt_tokens = 9), 1 },
		/* the entry has a fault beside its price: it is not there */
		{ "faulty entry", PRICE_TOKENS, "gpt-4.1", "", "", TOKENS(.prompt_tokens = 9), 9 },
	};
	struct arena *a = arena_new(4096);
	const struct price_options options = {
		.model_ratio = STR("{\"tiny\":1e-9,\"tinyc\":1,\"huge\":1e99,\"gpt-4o\":-1,"
		                   "\"gpt-4o-mini\":\"0\",\"free\":0,\"\":7,\"fine\":2,"
		                   "\"unpriced\":-0.5}"),
		.completion_ratio = STR("{\"tinyc\":1e-12,\"gpt-4o\":null}"),
		.group_ratio =
		    STR("{\"tiny\":4e-7,\"below\":-2,\"text\":\"0\",\"free\":0,\"fine\":3}"),
		.model_price =
		    STR("{\"gpt-4.1\":{\"cached\":0,\"audio_in\":-1},\"ask\":1e-9,\"x\":[]}"),
	};
	struct price_table *t = make_all(a, &options);
	struct price_query q = { .rule = PRICE_TOKENS,
		.model = STR("unpriced"),
		.group = STR("default") };
	struct err err = { 0 };
	struct rate r;

	look_up(t, found, COUNT_OF(found));
	pay(t, bills, COUNT_OF(bills));
	same_int("negative, unknown to us", price_find(t, &q, &r, &err), false);
	same_int("negative, unknown to us", err.kind, ERR_NO_PRICE);
	arena_free(a);
}

/* A group that nobody gave a ratio to counts 1, as in one-api. */
static void test_no_groups(void **state)
{
	static const struct {
		const char *name, *option;
		size_t count;
		int64_t fallback;
	} cases[] = {
		{ "empty", "{}", 1, M },
		{ "no text", "", 1, M },
		{ "others only", "{\"vip\":2}", 2, M },
		{ "default itself", "{\"default\":0.5}", 1, M / 2 },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct arena *a = arena_new(4096);
		struct price_table *t = make(a, "", "", cases[i].option, UNPRICED_REFUSE);
		const struct found found[] = {
			{ cases[i].name, "gpt-4.1", 1, "default", M, 4 * M, cases[i].fallback },
			{ cases[i].name, "gpt-4.1", 1, "nobody knows", M, 4 * M, M },
			{ cases[i].name, "gpt-4.1", 1, "", M, 4 * M, M },
		};
		size_t count;

		look_up(t, found, COUNT_OF(found));
		assert_true(price_group_exists(t, STR("default")));
		assert_non_null(price_groups(t, &count));
		same_int(cases[i].name, (int64_t)count, (int64_t)cases[i].count);
		arena_free(a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ratio_parse),
		cmocka_unit_test(test_bad_options),
		cmocka_unit_test(test_refused_prices),
		cmocka_unit_test(test_stored_faults),
		cmocka_unit_test(test_no_groups),
	};

	return cmocka_run_group_tests_name("price option", tests, NULL, NULL);
}
