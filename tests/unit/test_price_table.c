/* test_price_table.c — how a price is found: options, built-in tables, order, models without one
 *
 * Expected ratios are list prices in USD per million tokens ÷ 2.
 */
#include "price_room.h"

#include "base/json.h"
#include "billing/builtin_prices.h"
#include "provider/model_names.h"

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
		{ "gpt-5.4", "gpt-5.4", 1, "default", 1250000, 6 * M, M },
		{ "gpt-6.1-sol", "gpt-6.1-sol", 1, "default", M, 5 * M, M },
		{ "opus 5.5", "claude-opus-5-5", 14, "default", 2 * M, 5 * M, M },
		{ "gemini 3.1 pro", "gemini-3.1-pro-preview", 24, "default", M, 6 * M, M },
		{ "grok 4.7", "grok-4.7", 45, "default", M, 3 * M, M },
		{ "kimi k3", "kimi-k3", 25, "default", 1500000, 5 * M, M },
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
		{ "mistral large", "mistral-large-latest", 28, "default", 250000, 3 * M, M },
		{ "embedding", "text-embedding-3-small", 1, "default", 10000, M, M },
		/* CNY 12 per million at 7 to the dollar: 12 ÷ 7 ÷ 2 */
		{ "CNY", "ERNIE-3.5-8K", 15, "default", 857143, M, M },
		{ "typed row wins", "llama3-8b-8192", 33, "default", 150000, 2 * M, M },
		{ "other type", "llama3-8b-8192", 29, "default", 25000, 1600000, M },
		{ "internet qwen", "qwen-turbo-internet", 17, "default", 25000, 4 * M, M },
		{ "internet command", "command-r-internet", 35, "default", 250000, 3 * M, M },
		{ "internet other", "gpt-4o-internet", 1, "default", -1, 0, 0 },
		/* rows that one-api has wrong */
		{ "o3-mini output", "o3-mini", 1, "default", 550000, 4 * M, M },
		{ "gemini-pro", "gemini-pro", 24, "default", 250000, 3 * M, M },
		{ "gemma-7b-it", "gemma-7b-it", 29, "default", 35000, M, M },
		{ "step-1-8k", "step-1-8k", 32, "default", 357143, M, M },
		{ "llama-2-70b", "meta/llama-2-70b", 46, "default", 325000, 4230769, M },
		{ "free moderation", "omni-moderation-latest", 1, "default", 0, M, M },
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

static void test_model_price(void **state)
{
	static const struct bill bills[] = {
		/* 1000 × 1.5 × 0.2; what the option does not name stays: 1000 × 1.5 × 1.25 */
		{ "cached", PRICE_TOKENS, "claude-sonnet-4-5", "", "",
		    TOKENS(.prompt_tokens = 1000, .cached_tokens = 1000), 300 },
		{ "cache write stays", PRICE_TOKENS, "claude-sonnet-4-5", "", "",
		    TOKENS(.prompt_tokens = 1000, .cache_write_tokens = 1000), 1875 },
		/* another input price, the same discount: 1000 × 3 × 0.5 */
		{ "cached follows ModelRatio", PRICE_TOKENS, "gpt-4o", "", "",
		    TOKENS(.prompt_tokens = 1000, .cached_tokens = 1000), 1500 },
		/* 200,001 × 0.625 */
		{ "tiers taken away", PRICE_TOKENS, "gemini-2.5-pro", "", "",
		    TOKENS(.prompt_tokens = 200001), 125001 },
		/* 11 × 1 × 3 + 10 × 2 × 1.5 = 63; at 10 tokens 10 + 20 */
		{ "own tier, at the border", PRICE_TOKENS, "mine", "", "",
		    TOKENS(.prompt_tokens = 10, .completion_tokens = 10), 30 },
		{ "own tier, above", PRICE_TOKENS, "mine", "", "",
		    TOKENS(.prompt_tokens = 11, .completion_tokens = 10), 63 },
		/* the last tier: 101 × 1 × 2 + 10 × 2 */
		{ "own tier, the last", PRICE_TOKENS, "mine", "", "",
		    TOKENS(.prompt_tokens = 101, .completion_tokens = 10), 222 },
		/* channel type 7 of pay(): 10 × 1 × 0.5, the entry for any type has cached 1 */
		{ "typed entry", PRICE_TOKENS, "typed", "", "",
		    TOKENS(.prompt_tokens = 10, .cached_tokens = 10), 5 },
		{ "one hour as five minutes", PRICE_TOKENS, "typed", "", "",
		    TOKENS(.prompt_tokens = 10, .cache_write_1h_tokens = 10), 40 },
		{ "per image, size", PRICE_IMAGE, "art", "1024x1024", "standard", { .images = 1 },
		    20000 },
		{ "per image, both", PRICE_IMAGE, "art", "1024x1024", "hd", { .images = 1 },
		    40000 },
		{ "per image, quality", PRICE_IMAGE, "art", "64x64", "hd", { .images = 1 }, 50000 },
		{ "per image, else", PRICE_IMAGE, "art", "64x64", "", { .images = 1 }, 30000 },
		{ "per image, one price", PRICE_IMAGE, "art1", "64x64", "", { .images = 2 }, 2000 },
		{ "per image, none fits", PRICE_IMAGE, "art2", "9x9", "", { .images = 1 }, 1000 },
		/* dollars, not factors: one-api's table is out of the way */
		{ "per image over ours", PRICE_IMAGE, "dall-e-3", "1024x1024", "hd",
		    { .images = 1 }, 5000 },
		{ "per character", PRICE_SPEECH, "voice", "", "", { .characters = 3 }, 23 },
		{ "per minute", PRICE_AUDIO, "ears", "", "", { .audio_ms = 1000 }, 50 },
		{ "per request", PRICE_TOKENS, "search", "", "", { .prompt_tokens = 1 }, 5000 },
		{ "per request, in short", PRICE_TOKENS, "short", "", "", { .prompt_tokens = 1 },
		    5000 },
		{ "per request and image", PRICE_IMAGE, "both", "", "", { .images = 2 }, 1500 },
		/* names that only ModelRatio has: one-api's units */
		{ "ratio per image", PRICE_IMAGE, "ratio", "", "", { .images = 1 }, 7500 },
		{ "ratio by tokens", PRICE_IMAGE, "ratio", "", "",
		    TOKENS(.prompt_tokens = 10, .images = 1), 75 },
		{ "ratio per character", PRICE_SPEECH, "ratio", "", "", { .characters = 3 }, 23 },
		{ "ratio per minute", PRICE_AUDIO, "ratio", "", "", { .audio_ms = 60000 }, 1500 },
	};
	static const char model[] = "{\"gpt-4o\":3,\"mine\":1,\"typed\":1,\"ratio\":7.5}";
	static const char completion[] = "{\"mine\":2}";
	static const char price[] =
	    "{\"claude-sonnet-4-5\":{\"cached\":0.2},\"gemini-2.5-pro\":{\"tiers\":[]},"
	    "\"mine\":{\"tiers\":[{\"above\":10,\"input\":3,\"output\":1.5},"
	    "{\"above\":100,\"input\":2}]},"
	    "\"typed\":{\"cached\":1},\"typed(7)\":{\"cached\":0.5,\"cache_write\":4},"
	    "\"art\":{\"per_image\":{\"1024x1024\":0.04,\"hd/1024x1024\":0.08,\"hd\":0.1,"
	    "\"*\":0.06}},"
	    "\"art1\":{\"per_image\":0.002},"
	    "\"art2\":{\"per_image\":{\"1x1\":0.001,\"2x2\":0.002,\"3x3\":0.0015}},"
	    "\"dall-e-3\":{\"per_image\":0.01},"
	    "\"voice\":{\"per_million_characters\":15},\"ears\":{\"per_minute\":0.006},"
	    "\"search\":{\"per_request\":0.01},\"short\":0.01,"
	    "\"both\":{\"per_request\":0.001,\"per_image\":0.001}}";
	struct arena *a = arena_new(4096);

	pay(make_all(a,
	        &(struct price_options){ .model_ratio = str_c(model),
	            .completion_ratio = str_c(completion),
	            .model_price = str_c(price) }),
	    bills, COUNT_OF(bills));
	arena_free(a);
}

static void test_unpriced_by_rule(void **state)
{
	/* What one unit of a model without a price costs: nothing, or at one-api's ratio 30. */
	static const struct {
		const char *name, *model;
		enum price_rule rule;
		struct usage used;
		int64_t at_30;
	} cases[] = {
		{ "token", "no-such", PRICE_TOKENS, USED(1, 0, 0), 30 },
		{ "image", "no-such", PRICE_IMAGE, { .images = 1 }, 30000 },
		{ "image by token", "no-such", PRICE_IMAGE, TOKENS(.prompt_tokens = 2), 60 },
		{ "character", "no-such", PRICE_SPEECH, { .characters = 1 }, 30 },
		{ "minute", "no-such", PRICE_AUDIO, { .audio_ms = 60000 }, 6000 },
		{ "speech of an image model", "dall-e-3", PRICE_SPEECH, { .characters = 1 }, 30 },
		{ "discount without a price", "cheap", PRICE_TOKENS, USED(10, 0, 0), 300 },
	};
	static const enum unpriced ways[] = { UNPRICED_REFUSE, UNPRICED_FREE, UNPRICED_RATIO };
	struct arena *a = arena_new(4096);

	for (size_t w = 0; w < COUNT_OF(ways); w++) {
		struct price_table *t = make_all(a,
		    &(struct price_options){ .model_price = STR("{\"cheap\":{\"cached\":0.1}}"),
		        .unpriced = ways[w] });

		for (size_t i = 0; i < COUNT_OF(cases); i++) {
			struct price_query q = { .rule = cases[i].rule,
				.model = str_c(cases[i].model),
				.group = STR("default") };
			struct err err = { 0 };
			struct rate r;
			bool ok = price_find(t, &q, &r, &err);

			same_int(cases[i].name, ok, ways[w] != UNPRICED_REFUSE);
			if (ok)
				same_int(cases[i].name, price_charge(&r, &cases[i].used),
				    ways[w] == UNPRICED_FREE ? 0 : cases[i].at_30);
			else
				same_int(cases[i].name, err.kind, ERR_NO_PRICE);
		}
	}
	arena_free(a);
}

static void test_mode_without_rule(void **state)
{
	struct arena *a = arena_new(4096);
	struct price_table *t = make(a, "", "", "", UNPRICED_FREE);
	struct price_query q = { .rule = PRICE_NONE, .model = STR("no-such") };
	struct err err = { 0 };
	struct rate r;

	assert_false(price_find(t, &q, &r, &err));
	same_int("kind", err.kind, ERR_NO_PRICE);
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
	assert_true(price_table_new(a,
	    &(struct price_options){ .model_ratio = model,
	        .completion_ratio = completion,
	        .group_ratio = STR("{}") },
	    &saved, &err));
	EACH_BUILTIN(b)
	{
		struct rate x = { 0 }, y = { 0 };
		struct price_query q = {
			.rule = PRICE_TOKENS,
			.model = str_c(b->name),
			.channel_type = b->channel_type,
			.group = STR("g"),
		};
		bool first = price_find(ours, &q, &x, &err),
		     second = price_find(saved, &q, &y, &err);

		same_int(b->name, first, b->unit == UNIT_TOKEN);
		same_int(b->name, second, first);
		same_int(b->name, x.model, y.model);
		same_int(b->name, x.completion, y.completion);
		same_int(b->name, x.cached, y.cached);
		same_int(b->name, x.audio_out, y.audio_out);
		if (first)
			same_int(b->name, x.model, builtin_ratio(b));
	}
	arena_free(a);
}

static void check_extras(const struct builtin_price *b)
{
	int64_t above = 0;
	int tiers = 0;

	for (const struct price_extra *x = b->extras; x && x->meter != METER_END; x++) {
		if (x->value < 0 || x->value > 400 * M)
			fail_msg("%s: extra %d is %lld", b->name, (int)x->meter,
			    (long long)x->value);
		if ((x->meter == METER_PER_IMAGE || x->meter == METER_IMAGE_FACTOR) && !x->which)
			fail_msg("%s: an image price for nothing", b->name);
		if (x->meter == METER_TIER && (x->above <= above || ++tiers > TIERS_MAX))
			fail_msg("%s: tiers", b->name);
		if (x->meter == METER_TIER)
			above = x->above;
	}
}

static int by_name(const void *left, const void *right)
{
	const struct builtin_price *x = *(const struct builtin_price *const *)left;
	const struct builtin_price *y = *(const struct builtin_price *const *)right;
	int order = strcmp(x->name, y->name);

	return order ? order : x->channel_type - y->channel_type;
}

static void test_table_is_sane(void **state)
{
	const struct builtin_price *rows[4096];
	size_t n = 0;

	EACH_BUILTIN(b)
	{
		assert_true(n < COUNT_OF(rows));
		rows[n++] = b;
		if (builtin_ratio(b) < 0 || builtin_ratio(b) > 400 * M)
			fail_msg("%s: ratio %lld", b->name, (long long)builtin_ratio(b));
		if (builtin_completion(b) > 21 * M)
			fail_msg("%s: completion %lld", b->name, (long long)builtin_completion(b));
		if (builtin_cached(b) > M)
			fail_msg("%s: a cached token costs more", b->name);
		check_extras(b);
	}
	qsort(rows, n, sizeof(rows[0]), by_name);
	for (size_t i = 1; i < n; i++)
		if (by_name(&rows[i - 1], &rows[i]) == 0)
			fail_msg("%s: two rows", rows[i]->name);
}

/* ---- every model that a channel's form offers ------------------------------------------------ */

/* Knowingly without a price: nobody lists one, or it depends on who runs the model. */

static const char *const unpriced[] = {
	/* palm */
	"PaLM-2",
	/* ali */
	"qwen2.5-vl-2b-instruct",
	"qwen2.5-vl-1b-instruct",
	"qwen2.5-vl-0.5b-instruct",
	/* xunfei */
	"Spark-Lite",
	"Spark-Pro",
	"Spark-Pro-128K",
	"Spark-Max",
	"Spark-Max-32K",
	"Spark-4.0-Ultra",
	/* openrouter */
	"openrouter/auto",
	/* tencent */
	"hunyuan-lite",
	"hunyuan-pro",
	/* baichuan */
	"Baichuan-Text-Embedding",
	/* minimax */
	"MiniMax-VL-01",
	"MiniMax-Text-01",
	/* groq */
	"llava-v1.5-7b-4096-preview",
	"distil-whisper-large-v3-en",
	"deepseek-r1-distill-llama-70b-specdec",
	/* ollama */
	"codellama:7b-instruct",
	"llama2:7b",
	"llama2:latest",
	"llama3:latest",
	"phi3:latest",
	"qwen:0.5b-chat",
	"qwen:7b",
	/* stepfun */
	"step-1x-medium",
	/* cloudflare */
	"@hf/thebloke/deepseek-coder-6.7b-base-awq",
	"@hf/thebloke/deepseek-coder-6.7b-instruct-awq",
	"@cf/deepseek-ai/deepseek-math-7b-base",
	"@cf/deepseek-ai/deepseek-math-7b-instruct",
	"@cf/thebloke/discolm-german-7b-v1-awq",
	"@cf/tiiuae/falcon-7b-instruct",
	"@cf/google/gemma-2b-it-lora",
	"@hf/google/gemma-7b-it",
	"@cf/google/gemma-7b-it-lora",
	"@hf/nousresearch/hermes-2-pro-mistral-7b",
	"@hf/thebloke/llama-2-13b-chat-awq",
	"@cf/meta-llama/llama-2-7b-chat-hf-lora",
	"@hf/thebloke/llamaguard-7b-awq",
	"@hf/thebloke/mistral-7b-instruct-v0.1-awq",
	"@hf/mistralai/mistral-7b-instruct-v0.2",
	"@cf/mistral/mistral-7b-instruct-v0.2-lora",
	"@hf/thebloke/neural-chat-7b-v3-1-awq",
	"@cf/openchat/openchat-3.5-0106",
	"@hf/thebloke/openhermes-2.5-mistral-7b-awq",
	"@cf/microsoft/phi-2",
	"@cf/qwen/qwen1.5-0.5b-chat",
	"@cf/qwen/qwen1.5-1.8b-chat",
	"@cf/qwen/qwen1.5-14b-chat-awq",
	"@cf/qwen/qwen1.5-7b-chat-awq",
	"@cf/defog/sqlcoder-7b-2",
	"@hf/nexusflow/starling-lm-7b-beta",
	"@cf/tinyllama/tinyllama-1.1b-chat-v1.0",
	"@hf/thebloke/zephyr-7b-beta-awq",
	/* doubao */
	"Doubao-pro-128k",
	"Doubao-pro-32k",
	"Doubao-pro-4k",
	"Doubao-lite-128k",
	"Doubao-lite-32k",
	"Doubao-lite-4k",
	"Doubao-embedding",
	/* novita */
	"Nous-Hermes-2-Mixtral-8x7B-DPO",
	"lzlv_70b",
	/* siliconflow */
	"deepseek-ai/deepseek-llm-67b-chat",
	"Qwen/Qwen1.5-14B-Chat",
	"Qwen/Qwen1.5-7B-Chat",
	"Qwen/Qwen1.5-110B-Chat",
	"Qwen/Qwen1.5-32B-Chat",
	"01-ai/Yi-1.5-6B-Chat",
	"01-ai/Yi-1.5-9B-Chat-16K",
	"01-ai/Yi-1.5-34B-Chat-16K",
	"THUDM/chatglm3-6b",
	"deepseek-ai/DeepSeek-V2-Chat",
	"THUDM/glm-4-9b-chat",
	"Qwen/Qwen2-7B-Instruct",
	"Qwen/Qwen2-57B-A14B-Instruct",
	"deepseek-ai/DeepSeek-Coder-V2-Instruct",
	"internlm/internlm2_5-7b-chat",
	"BAAI/bge-large-en-v1.5",
	"BAAI/bge-large-zh-v1.5",
	"Pro/Qwen/Qwen2-7B-Instruct",
	"Pro/Qwen/Qwen2-1.5B-Instruct",
	"Pro/Qwen/Qwen1.5-7B-Chat",
	"Pro/THUDM/glm-4-9b-chat",
	"Pro/THUDM/chatglm3-6b",
	"Pro/01-ai/Yi-1.5-9B-Chat-16K",
	"Pro/01-ai/Yi-1.5-6B-Chat",
	"Pro/google/gemma-2-9b-it",
	"Pro/internlm/internlm2_5-7b-chat",
	"Pro/meta-llama/Meta-Llama-3-8B-Instruct",
	"Pro/mistralai/Mistral-7B-Instruct-v0.2",
	/* baidu_v2 */
	"ernie-4.0-8k-latest",
	"ernie-4.0-8k-preview",
	"ernie-4.0-8k",
	"ernie-4.0-turbo-8k-latest",
	"ernie-4.0-turbo-8k-preview",
	"ernie-4.0-turbo-128k",
	"ernie-3.5-8k-preview",
	"ernie-3.5-8k",
	"ernie-3.5-128k",
	"ernie-speed-8k",
	"ernie-speed-128k",
	"ernie-speed-pro-128k",
	"ernie-lite-8k",
	"ernie-lite-pro-128k",
	"ernie-tiny-8k",
	"ernie-char-8k",
	"ernie-char-fiction-8k",
	"ernie-novel-8k",
	/* xunfei_v2 */
	"lite",
	"generalv3",
	"pro-128k",
	"generalv3.5",
	"max-32k",
	"4.0Ultra",
	NULL,
};

static bool is_listed(const char *const *list, const char *name)
{
	for (; *list; list++)
		if (strcmp(*list, name) == 0)
			return true;
	return false;
}

static bool is_priced(const struct price_table *t, const char *model)
{
	for (enum price_rule rule = PRICE_TOKENS; rule < PRICE_CALL; rule++) {
		struct price_query q = { .rule = rule, .model = str_c(model) };
		struct err err = { 0 };
		struct rate r;

		if (price_find(t, &q, &r, &err))
			return true;
	}
	return false;
}

static void test_offered_models(void **state)
{
	static const char *const *const lists[] = { models_openai, models_palm, models_anthropic,
		models_baidu, models_zhipu, models_ali, models_xunfei, models_ai360,
		models_openrouter, models_tencent, models_gemini, models_moonshot, models_baichuan,
		models_minimax, models_mistral, models_groq, models_ollama, models_lingyiwanwu,
		models_stepfun, models_aws_bedrock, models_cohere, models_deepseek,
		models_cloudflare, models_deepl, models_together_ai, models_doubao, models_novita,
		models_vertex_ai, models_siliconflow, models_xai, models_replicate, models_baidu_v2,
		models_xunfei_v2, models_ali_bailian };
	struct arena *a = arena_new(4096);
	struct price_table *t = make(a, "", "", "", UNPRICED_REFUSE);

	for (size_t i = 0; i < COUNT_OF(lists); i++)
		for (const char *const *name = lists[i]; *name; name++)
			if (is_priced(t, *name) == is_listed(unpriced, *name))
				fail_msg("%s: %s", *name,
				    is_priced(t, *name) ? "has a price, drop it from the list"
				                        : "has no price");
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_builtin),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_unpriced),
		cmocka_unit_test(test_model_price),
		cmocka_unit_test(test_unpriced_by_rule),
		cmocka_unit_test(test_mode_without_rule),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_table_is_sane),
		cmocka_unit_test(test_offered_models),
	};

	return cmocka_run_group_tests_name("price_table", tests, NULL, NULL);
}
