/* test_price.c — look-up order, arithmetic and the built-in tables of billing/price.h
 *
 * Expected charges are worked out by hand from list prices: ratio 1 is USD 2 per million tokens
 * and a dollar has 500,000 quota, so n input tokens at ratio r are n × r quota.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "billing/builtin_prices.h"
#include "billing/price.h"
#include "billing/quota.h"

#define M RATIO_ONE

static void same_int(const char *name, int64_t got, int64_t want)
{
	if (got != want)
		fail_msg("%s: got %lld, want %lld", name, (long long)got, (long long)want);
}

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
		{ "0.00000049999999999999999999999", true, 0 },
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
		{ "4e-7", true, 0 },
		{ "5e-8", true, 0 },
		{ "1e-999999999999", true, 0 },
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

static void test_charge(void **state)
{
	static const struct {
		const char *name;
		struct rate rate;
		struct usage usage;
		int64_t want;
	} cases[] = {
		/* gpt-4o: USD 2.50 and 10 per million. A million of each is 12.50 USD. */
		{ "million each", { 1250000, 4 * M, M, M }, { 1000000, 1000000, 0, 0, 0, true },
		    6250000 },
		{ "one prompt token rounds up", { 1250000, 4 * M, M, M }, { 1, 0, 0, 0, 0, true },
		    2 },
		{ "exact stays exact", { 1250000, 4 * M, M, M }, { 4, 0, 0, 0, 0, true }, 5 },
		/* 310 × 0.075 + 97 × 0.3 = 23.25 + 29.1 = 52.35 */
		{ "rounds once, at the end", { 75000, 4 * M, M, M }, { 310, 97, 0, 0, 0, true },
		    53 },
		{ "smallest price", { 1, M, M, M }, { 1, 0, 0, 0, 0, true }, 1 },
		{ "no tokens", { 1250000, 4 * M, M, M }, { 0, 0, 0, 0, 0, true }, 0 },
		{ "free model", { 0, 4 * M, M, M }, { 1000, 1000, 0, 0, 0, true }, 0 },
		{ "free group", { M, 4 * M, 0, M }, { 1000, 1000, 0, 0, 0, true }, 0 },
		{ "half group", { M, M, 500000, M }, { 100, 101, 0, 0, 0, true }, 101 },
		{ "completion free, no prompt", { M, 0, M, M }, { 0, 50, 0, 0, 0, true }, 1 },
		{ "completion free", { M, 0, M, M }, { 10, 50, 0, 0, 0, true }, 10 },
		/* 1000 of which 800 at a tenth: 200 + 80 = 280, × 1.25 = 350 */
		{ "cached tenth", { 1250000, 4 * M, M, 100000 }, { 1000, 0, 800, 0, 0, true },
		    350 },
		{ "cached full price", { 1250000, 4 * M, M, M }, { 1000, 0, 800, 0, 0, true },
		    1250 },
		{ "cached more than prompt", { M, M, M, 500000 }, { 10, 0, 99, 0, 0, true }, 5 },
		{ "all cached, free", { M, M, M, 0 }, { 10, 0, 10, 0, 0, true }, 1 },
		{ "negative counts", { M, M, M, M }, { -5, -7, -9, 0, 0, true }, 0 },
		{ "negative completion", { M, M, M, M }, { 5, -7, 0, 0, 0, true }, 5 },
		{ "clamped to 2^31", { M, 0, M, M }, { INT64_MAX, 0, 0, 0, 0, true },
		    INT64_C(1) << 31 },
		/* 2^31 × 10^6 quota exceed QUOTA_MAX = 2^50; nothing wraps */
		{ "model ratio at its limit", { 1000000 * M, M, M, M },
		    { INT64_MAX, 0, 0, 0, 0, true }, INT64_C(1) << 50 },
		{ "everything at its limit", { 1000000 * M, 1000000 * M, 1000000 * M, 1000000 * M },
		    { INT64_MAX, INT64_MAX, INT64_MAX, 0, 0, true }, INT64_C(1) << 50 },
		{ "negative ratio charges nothing", { -500000 * M, M, M, M },
		    { 10, 10, 0, 0, 0, true }, 0 },
		/* one third of a third: 3 × 333333 × 333333 / 10^12 = 0.333332… */
		{ "tiny product is one", { 333333, M, 333333, M }, { 3, 0, 0, 0, 0, true }, 1 },
		/* 9 × 0.333333 × 0.333333 = 0.99999800001 */
		{ "just below one", { 333333, M, 333333, M }, { 9, 0, 0, 0, 0, true }, 1 },
		{ "just above one", { 333334, M, 333334, M }, { 9, 0, 0, 0, 0, true }, 2 },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++)
		same_int(cases[i].name, price_charge(&cases[i].rate, &cases[i].usage),
		    cases[i].want);
}

static void test_estimate(void **state)
{
	struct rate r = { 1250000, 4 * M, M, 100000 };

	/* (1000 + 4 × 500) × 1.25 = 3750, cached or not */
	same_int("prompt and limit", price_estimate(&r, 1000, 500), 3750);
	same_int("nothing", price_estimate(&r, 0, 0), 0);
	same_int("unlimited answer", price_estimate(&r, 0, INT64_MAX), 5 * (INT64_C(1) << 31));
}

struct found {
	const char *name, *model;
	int type;
	const char *group;
	int64_t model_ratio, completion, group_ratio; /* model_ratio -1: refused */
};

static void look_up(const struct price_table *t, const struct found *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct found *c = &cases[i];
		struct err err = { 0 };
		struct rate r = { -7, -7, -7, -7 };
		bool ok = price_find(t, str_c(c->model), c->type, str_c(c->group), &r, &err);

		same_int(c->name, ok, c->model_ratio >= 0);
		if (!ok) {
			same_int(c->name, err.kind, ERR_NO_PRICE);
			same_int(c->name, r.model, -7);
			continue;
		}
		same_int(c->name, r.model, c->model_ratio);
		same_int(c->name, r.completion, c->completion);
		same_int(c->name, r.group, c->group_ratio);
		same_int(c->name, r.cached, M);
	}
}

static struct price_table *make(struct arena *a, const char *model, const char *completion,
    const char *group, enum unpriced unpriced)
{
	struct price_table *t = NULL;
	struct err err = { 0 };

	if (!price_table_new(a, str_c(model), str_c(completion), str_c(group), unpriced, &t, &err))
		fail_msg("price_table_new: %s", err.msg);
	return t;
}

static void test_builtin(void **state)
{
	/* From the vendors' price lists: USD per million in ÷ 2, out ÷ in. */
	static const struct found cases[] = {
		{ "gpt-4o", "gpt-4o", 1, "default", 1250000, 4 * M, M },
		{ "gpt-4o first edition", "gpt-4o-2024-05-13", 1, "default", 2500000, 3 * M, M },
		{ "gpt-4o-mini", "gpt-4o-mini", 1, "default", 75000, 4 * M, M },
		{ "gpt-4", "gpt-4", 1, "default", 15 * M, 2 * M, M },
		{ "gpt-4-turbo", "gpt-4-turbo", 1, "default", 5 * M, 3 * M, M },
		{ "gpt-4 preview", "gpt-4-0125-preview", 1, "default", 5 * M, 3 * M, M },
		{ "gpt-4.5 is not gpt-4*preview", "gpt-4.5-preview", 1, "default", 37500000, 2 * M,
		    M },
		{ "gpt-4.1", "gpt-4.1", 1, "default", M, 4 * M, M },
		{ "gpt-4.1-mini", "gpt-4.1-mini", 1, "default", 200000, 4 * M, M },
		{ "gpt-4.1-nano", "gpt-4.1-nano", 1, "default", 50000, 4 * M, M },
		{ "gpt-3.5 exact", "gpt-3.5-turbo", 1, "default", 250000, 3 * M, M },
		{ "gpt-3.5 0125", "gpt-3.5-turbo-0125", 1, "default", 250000, 3 * M, M },
		{ "gpt-3.5 1106", "gpt-3.5-turbo-1106", 1, "default", 500000, 2 * M, M },
		{ "gpt-3.5 other", "gpt-3.5-turbo-16k", 1, "default", 1500000, 1333333, M },
		{ "o1-pro", "o1-pro", 1, "default", 75 * M, 4 * M, M },
		{ "o3", "o3", 1, "default", M, 4 * M, M },
		{ "o3-mini", "o3-mini", 1, "default", 550000, 4 * M, M },
		{ "o4-mini", "o4-mini", 1, "default", 550000, 4 * M, M },
		{ "gpt-5", "gpt-5", 1, "default", 625000, 8 * M, M },
		{ "gpt-5-mini", "gpt-5-mini", 1, "default", 125000, 8 * M, M },
		{ "gpt-5-nano", "gpt-5-nano", 1, "default", 25000, 8 * M, M },
		{ "claude 2", "claude-2.1", 14, "default", 4 * M, 3 * M, M },
		{ "claude 3.7", "claude-3-7-sonnet-latest", 14, "default", 1500000, 5 * M, M },
		{ "claude 4", "claude-sonnet-4-20250514", 14, "default", 1500000, 5 * M, M },
		{ "opus 4", "claude-opus-4-20250514", 14, "default", 7500000, 5 * M, M },
		{ "haiku 4.5", "claude-haiku-4-5", 14, "default", 500000, 5 * M, M },
		{ "gemini 2.0", "gemini-2.0-flash", 24, "default", 50000, 4 * M, M },
		{ "gemini 2.5 pro", "gemini-2.5-pro", 24, "default", 625000, 8 * M, M },
		{ "gemini 2.5 flash", "gemini-2.5-flash", 24, "default", 150000, 8333333, M },
		{ "gemini 2.5 lite", "gemini-2.5-flash-lite", 24, "default", 50000, 4 * M, M },
		{ "deepseek", "deepseek-chat", 36, "default", 140000, 1500000, M },
		{ "grok 3 mini", "grok-3-mini", 45, "default", 150000, 1666667, M },
		{ "grok 4", "grok-4", 45, "default", 1500000, 5 * M, M },
		{ "mistral large", "mistral-large-latest", 28, "default", M, 3 * M, M },
		{ "embedding", "text-embedding-3-small", 1, "default", 10000, M, M },
		/* CNY 0.012 per 1,000 at 7 to the dollar: 12 ÷ 7 ÷ 2 per million */
		{ "CNY", "moonshot-v1-8k", 25, "default", 857143, M, M },
		{ "typed row wins", "llama3-8b-8192", 33, "default", 150000, 2 * M, M },
		{ "other type", "llama3-8b-8192", 29, "default", 25000, 2 * M, M },
		{ "internet qwen", "qwen-turbo-internet", 17, "default", 21429, M, M },
		{ "internet command", "command-r-internet", 35, "default", 250000, 3 * M, M },
		{ "internet other", "gpt-4o-internet", 1, "default", -1, 0, 0 },
		{ "free", "glm-4-flash", 16, "default", 0, M, M },
		{ "unknown", "no-such-model", 1, "default", -1, 0, 0 },
		{ "empty", "", 1, "default", -1, 0, 0 },
		{ "negative row dropped", "openrouter/auto", 20, "default", -1, 0, 0 },
		{ "image is not per token", "dall-e-3", 1, "default", -1, 0, 0 },
		{ "speech is not per token", "tts-1", 1, "default", -1, 0, 0 },
		{ "whisper is not per token", "whisper-1", 1, "default", -1, 0, 0 },
		{ "unknown group", "gpt-4o", 1, "no such group", 1250000, 4 * M, M },
	};
	struct arena *a = arena_new(4096);

	look_up(make(a, "", "", "", UNPRICED_REFUSE), cases, COUNT_OF(cases));
	arena_free(a);
}

static void test_options(void **state)
{
	static const struct found cases[] = {
		{ "option over built-in", "gpt-4o", 1, "default", 3 * M, 4 * M, M },
		{ "new model", "mine", 1, "default", 500000, M, M },
		{ "typed option", "mine", 7, "default", 700000, 2500000, M },
		{ "typed only", "typed-only", 9, "default", M, M, M },
		{ "typed only, other type", "typed-only", 8, "default", -1, 0, 0 },
		{ "typed built-in before plain option", "llama3-8b-8192", 33, "default", 150000,
		    2 * M, M },
		{ "plain option", "llama3-8b-8192", 1, "default", 9 * M, 6 * M, M },
		{ "completion option only", "claude-2.1", 14, "default", 4 * M, 7 * M, M },
		{ "typed model, plain completion", "both", 3, "default", 2 * M, 3 * M, M },
		{ "unit stays", "dall-e-2", 1, "default", -1, 0, 0 },
		{ "escaped name", "a\"b", 1, "default", M, M, M },
		{ "last of two counts", "twice", 1, "default", 2 * M, M, M },
		{ "rule for an option's model", "gpt-5-next", 1, "default", M, 8 * M, M },
		{ "group", "mine", 1, "vip", 500000, M, 800000 },
		{ "zero group", "mine", 1, "staff", 500000, M, 0 },
		{ "name with the type in it", "mine(7)", 1, "default", 700000, 2500000, M },
	};
	static const char model[] =
	    "{\"gpt-4o\":3,\"mine\":0.5,\"mine(7)\":0.7,\"typed-only(9)\":1,\"llama3-8b-8192\":9,"
	    "\"both(3)\":2,\"dall-e-2\":8,\"a\\\"b\":1,\"twice\":1,\"twice\":2,\"gpt-5-next\":1}";
	static const char completion[] =
	    "{\"mine(7)\":2.5,\"llama3-8b-8192\":6,\"claude-2.1\":7,\"both\":3}";
	static const char group[] = "{\"vip\":0.8,\"default\":1,\"staff\":0,\"abc\":2,\"abc\":3}";
	static const char *const names[] = { "abc", "default", "staff", "vip" };
	struct arena *a = arena_new(4096);
	struct price_table *t = make(a, model, completion, group, UNPRICED_REFUSE);
	size_t count;
	struct str *groups;

	look_up(t, cases, COUNT_OF(cases));

	groups = price_groups(t, &count);
	assert_int_equal(count, COUNT_OF(names));
	for (size_t i = 0; i < count; i++)
		assert_true(str_eq_c(groups[i], names[i]));
	assert_true(price_group_exists(t, STR("staff")));
	assert_false(price_group_exists(t, STR("stafF")));
	assert_false(price_group_exists(t, STR("")));
	arena_free(a);
}

static void test_unpriced(void **state)
{
	static const struct found free_of_charge[] = {
		{ "free", "no-such-model", 1, "default", 0, M, M },
		{ "free image model", "dall-e-2", 1, "default", 0, M, M },
		{ "priced", "gpt-4.1", 1, "default", M, 4 * M, M },
	};
	static const struct found thirty[] = {
		{ "thirty", "no-such-model", 1, "default", 30 * M, M, M },
		{ "thirty by rule", "claude-9", 1, "default", 30 * M, 5 * M, M },
	};
	struct arena *a = arena_new(4096);

	look_up(make(a, "", "", "", UNPRICED_FREE), free_of_charge, COUNT_OF(free_of_charge));
	look_up(make(a, "", "", "", UNPRICED_RATIO), thirty, COUNT_OF(thirty));
	arena_free(a);
}

static void test_bad_options(void **state)
{
	static const struct {
		const char *name, *model, *completion, *group, *says;
	} cases[] = {
		{ "not JSON", "{", "", "", "ModelRatio" },
		{ "not an object", "", "[1]", "", "CompletionRatio" },
		{ "text value", "", "", "{\"vip\":\"1\"}", "'vip'" },
		{ "negative", "{\"a\":1,\"b\":-0.5}", "", "", "'b'" },
		{ "too large", "", "{\"big\":1000000.1}", "", "'big'" },
		{ "null", "{\"n\":null}", "", "", "'n'" },
		{ "object value", "{\"o\":{}}", "", "", "'o'" },
		{ "no name", "{\"\":1}", "", "", "ModelRatio" },
		{ "trailing", "{} {}", "", "", "ModelRatio" },
	};
	struct arena *a = arena_new(4096);

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct price_table *t = NULL;
		struct err err = { 0 };
		bool ok = price_table_new(a, str_c(cases[i].model), str_c(cases[i].completion),
		    str_c(cases[i].group), UNPRICED_REFUSE, &t, &err);

		same_int(cases[i].name, ok, false);
		same_int(cases[i].name, err.kind, ERR_BAD_REQUEST);
		if (!strstr(err.msg, cases[i].says))
			fail_msg("%s: got '%s', want it to name %s", cases[i].name, err.msg,
			    cases[i].says);
	}
	arena_free(a);
}

static void test_defaults(void **state)
{
	struct arena *a = arena_new(4096);
	struct str model = price_default_model_json(a),
	           completion = price_default_completion_json(a);
	struct price_table *ours = make(a, "", "", "", UNPRICED_REFUSE);
	struct price_table *saved = NULL;
	struct err err = { 0 };
	cJSON *tree;

	assert_true(json_parse(a, model, &tree, &err));
	assert_true(cJSON_GetArraySize(tree) > 600);
	assert_true(cJSON_GetObjectItem(tree, "gpt-4o-mini")->valuedouble == 0.075);
	assert_true(json_parse(a, completion, &tree, &err));
	assert_non_null(cJSON_GetObjectItem(tree, "llama3-8b-8192(33)"));

	/* Saving what is shown changes no price. */
	assert_true(
	    price_table_new(a, model, completion, STR("{}"), UNPRICED_REFUSE, &saved, &err));
	for (const struct builtin_price *b = builtin_prices; b->name; b++) {
		struct rate x = { 0 }, y = { 0 };
		bool first = price_find(ours, str_c(b->name), b->channel_type, STR("g"), &x, &err);
		bool second =
		    price_find(saved, str_c(b->name), b->channel_type, STR("g"), &y, &err);

		same_int(b->name, first, b->unit == UNIT_TOKEN);
		same_int(b->name, second, first);
		same_int(b->name, x.model, y.model);
		same_int(b->name, x.completion, y.completion);
		if (first)
			same_int(b->name, x.model, b->ratio);
	}
	arena_free(a);
}

static void test_table_is_sane(void **state)
{
	for (const struct builtin_price *b = builtin_prices; b->name; b++) {
		if (b->ratio < 0 || b->ratio > 400 * M)
			fail_msg("%s: ratio %lld", b->name, (long long)b->ratio);
		if (b->completion < 0 || b->completion > 10 * M)
			fail_msg("%s: completion %lld", b->name, (long long)b->completion);
		for (const struct builtin_price *c = b + 1; c->name; c++)
			if (strcmp(b->name, c->name) == 0 && b->channel_type == c->channel_type)
				fail_msg("%s: two rows", b->name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ratio_parse),
		cmocka_unit_test(test_charge),
		cmocka_unit_test(test_estimate),
		cmocka_unit_test(test_builtin),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_unpriced),
		cmocka_unit_test(test_bad_options),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_table_is_sane),
	};

	return cmocka_run_group_tests_name("price", tests, NULL, NULL);
}
