/* test_price.c — what price_charge, price_estimate and price_describe make of a price
 *
 * Expected charges are worked out by hand from list prices, in the comments above the cases.
 */
#include "price_room.h"

#include "base/buf.h"
#include "billing/quota.h"

static void test_charge(void **state)
{
	static const struct {
		const char *name;
		struct rate rate;
		struct usage usage;
		int64_t want;
	} cases[] = {
		/* gpt-4o: USD 2.50 and 10 per million. A million of each is 12.50 USD. */
		{ "million each", RATE(1250000, 4 * M, M, M), USED(1000000, 1000000, 0), 6250000 },
		{ "one prompt token rounds up", RATE(1250000, 4 * M, M, M), USED(1, 0, 0), 2 },
		{ "exact stays exact", RATE(1250000, 4 * M, M, M), USED(4, 0, 0), 5 },
		/* 310 × 0.075 + 97 × 0.3 = 23.25 + 29.1 = 52.35 */
		{ "rounds once, at the end", RATE(75000, 4 * M, M, M), USED(310, 97, 0), 53 },
		{ "smallest price", RATE(1, M, M, M), USED(1, 0, 0), 1 },
		{ "no tokens", RATE(1250000, 4 * M, M, M), USED(0, 0, 0), 0 },
		{ "free model", RATE(0, 4 * M, M, M), USED(1000, 1000, 0), 0 },
		{ "free group", RATE(M, 4 * M, 0, M), USED(1000, 1000, 0), 0 },
		{ "half group", RATE(M, M, 500000, M), USED(100, 101, 0), 101 },
		{ "completion free, no prompt", RATE(M, 0, M, M), USED(0, 50, 0), 1 },
		{ "completion free", RATE(M, 0, M, M), USED(10, 50, 0), 10 },
		/* 1000 of which 800 at a tenth: 200 + 80 = 280, × 1.25 = 350 */
		{ "cached tenth", RATE(1250000, 4 * M, M, 100000), USED(1000, 0, 800), 350 },
		{ "cached full price", RATE(1250000, 4 * M, M, M), USED(1000, 0, 800), 1250 },
		{ "cached more than prompt", RATE(M, M, M, 500000), USED(10, 0, 99), 5 },
		{ "all cached, free", RATE(M, M, M, 0), USED(10, 0, 10), 1 },
		{ "negative counts", RATE(M, M, M, M), USED(-5, -7, -9), 0 },
		{ "negative completion", RATE(M, M, M, M), USED(5, -7, 0), 5 },
		{ "clamped to 2^36", RATE(M, 0, M, M), USED(INT64_MAX, 0, 0), INT64_C(1) << 36 },
		/* 2^31 × 10^6 quota exceed QUOTA_MAX = 2^50; nothing wraps */
		{ "model ratio at its limit", RATE(1000000 * M, M, M, M), USED(INT64_MAX, 0, 0),
		    INT64_C(1) << 50 },
		{ "everything at its limit",
		    RATE(1000000 * M, 1000000 * M, 1000000 * M, 1000000 * M),
		    USED(INT64_MAX, INT64_MAX, INT64_MAX), INT64_C(1) << 50 },
		{ "negative ratio charges nothing", RATE(-500000 * M, M, M, M), USED(10, 10, 0),
		    0 },
		/* one third of a third: 3 × 333333 × 333333 / 10^12 = 0.333332… */
		{ "tiny product is one", RATE(333333, M, 333333, M), USED(3, 0, 0), 1 },
		/* 9 × 0.333333 × 0.333333 = 0.99999800001 */
		{ "just below one", RATE(333333, M, 333333, M), USED(9, 0, 0), 1 },
		{ "just above one", RATE(333334, M, 333334, M), USED(9, 0, 0), 2 },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++)
		same_int(cases[i].name, price_charge(&cases[i].rate, &cases[i].usage),
		    cases[i].want);
}

static void test_estimate(void **state)
{
	struct rate r = RATE(1250000, 4 * M, M, 100000);

	/* (1000 + 4 × 500) × 1.25 = 3750, cached or not */
	same_int("prompt and limit",
	    price_estimate(&r, &(struct usage){ .prompt_tokens = 1000, .completion_tokens = 500 }),
	    3750);
	same_int("nothing", price_estimate(&r, &(struct usage){ 0 }), 0);
	same_int("unlimited answer",
	    price_estimate(&r, &(struct usage){ .completion_tokens = INT64_MAX }),
	    5 * (INT64_C(1) << 36));
}

/* ---- each meter, from the vendors' price lists -------------------------------------------------- */

/* Comments: dollars per million tokens; a dollar has 500,000 quota, so a millionth has half a one.
 */

static void test_meters(void **state)
{
	static const struct bill bills[] = {
		/* 600k × 0.30 + 100k × 3.75 + 50k × 6 + 250k × 3 + 100k × 15 = 3.105 dollars */
		{ "claude, both caches", PRICE_TOKENS, "claude-sonnet-4-5", "", "",
		    TOKENS(.prompt_tokens = 1000000, .cached_tokens = 600000,
		        .cache_write_tokens = 100000, .cache_write_1h_tokens = 50000,
		        .completion_tokens = 100000, .reasoning_tokens = 90000),
		    1552500 },
		/* 8 × 0.30 + 2 × 3.75 = 9.9 millionths = 4.95 quota */
		{ "parts beyond their whole", PRICE_TOKENS, "claude-sonnet-4-5", "", "",
		    TOKENS(.prompt_tokens = 10, .cached_tokens = 8, .cache_write_tokens = 8,
		        .cache_write_1h_tokens = 8),
		    5 },
		/* 10 × 3 = 30 millionths */
		{ "negative parts", PRICE_TOKENS, "claude-sonnet-4-5", "", "",
		    TOKENS(.prompt_tokens = 10, .cached_tokens = -8, .cache_write_tokens = -1),
		    15 },
		/* 272k × 2.50 + 1k × 15 = 0.695 dollars */
		{ "gpt-5.4 at the tier's border", PRICE_TOKENS, "gpt-5.4", "", "",
		    TOKENS(.prompt_tokens = 272000, .completion_tokens = 1000), 347500 },
		/* 272,001 × 5 + 1k × 22.50 = 1.382505 dollars = 691,252.5 */
		{ "gpt-5.4 above it", PRICE_TOKENS, "gpt-5.4", "", "",
		    TOKENS(.prompt_tokens = 272001, .completion_tokens = 1000), 691253 },
		/* 100k × 5 + 200k × 0.50 = 0.6 dollars */
		{ "gpt-5.4 above it, cached", PRICE_TOKENS, "gpt-5.4", "", "",
		    TOKENS(.prompt_tokens = 300000, .cached_tokens = 200000), 300000 },
		/* 200k × 1.25 = 0.25 dollars; 200,001 × 2.50 = 0.5000025 dollars */
		{ "gemini at the border", PRICE_TOKENS, "gemini-2.5-pro", "", "",
		    TOKENS(.prompt_tokens = 200000), 125000 },
		{ "gemini above it", PRICE_TOKENS, "gemini-2.5-pro", "", "",
		    TOKENS(.prompt_tokens = 200001), 250002 },
		/* 1.20 to 32k, 2.40 to 128k, 3 above: 128,001 × 3 = 0.384003 dollars */
		{ "second of two tiers", PRICE_TOKENS, "qwen3-max", "", "",
		    TOKENS(.prompt_tokens = 128000), 153600 },
		{ "last of two tiers", PRICE_TOKENS, "qwen3-max", "", "",
		    TOKENS(.prompt_tokens = 128001), 192002 },
		/* 600 × 2.50 + 400 × 40 + 100 × 10 + 900 × 80 = 90,500 millionths */
		{ "audio in and out", PRICE_TOKENS, "gpt-4o-audio-preview", "", "",
		    TOKENS(.prompt_tokens = 1000, .audio_prompt_tokens = 400,
		        .completion_tokens = 1000, .audio_completion_tokens = 900),
		    45250 },
		/* 100 × 0.40 + 300 × 4 (thinking) + 200 × 1.20 = 1,480 millionths */
		{ "reasoning", PRICE_TOKENS, "qwen-plus", "", "",
		    TOKENS(.prompt_tokens = 100, .completion_tokens = 500), 320 },
		{ "reasoning dearer", PRICE_TOKENS, "qwen-plus-latest", "", "",
		    TOKENS(.prompt_tokens = 100, .completion_tokens = 500, .reasoning_tokens = 300),
		    740 },
		/* 100 × 0.30 + 10 × 2.50 + 1290 × 30 = 38,755 millionths */
		{ "image out of a chat", PRICE_TOKENS, "gemini-2.5-flash-image", "", "",
		    TOKENS(.prompt_tokens = 100, .completion_tokens = 1300,
		        .image_completion_tokens = 1290),
		    19378 },
		/* 100 × 2.50 + 50 × 10 = 750 millionths, and 0.025 dollars */
		{ "per request on top", PRICE_TOKENS, "gpt-4o-search-preview", "", "",
		    TOKENS(.prompt_tokens = 100, .completion_tokens = 50), 12875 },
		{ "per request, nothing used", PRICE_TOKENS, "gpt-4o-search-preview", "", "", { 0 },
		    0 },
		{ "per request only", PRICE_TOKENS, "rerank-v3.5", "", "", { .prompt_tokens = 500 },
		    1000 },
		/* 50 × 5 + 200 × 10 + 1056 × 40 = 44,490 millionths */
		{ "image by tokens", PRICE_IMAGE, "gpt-image-1", "1024x1024", "medium",
		    TOKENS(.prompt_tokens = 250, .image_prompt_tokens = 200,
		        .completion_tokens = 1056, .image_completion_tokens = 1056, .images = 1),
		    22245 },
		{ "image without usage", PRICE_IMAGE, "gpt-image-1", "1024x1024", "low",
		    { .prompt_tokens = 250, .images = 2 }, 11000 },
		{ "image, wide and fine", PRICE_IMAGE, "gpt-image-1", "1536x1024", "high",
		    { .images = 1 }, 125000 },
		{ "image, unknown size", PRICE_IMAGE, "gpt-image-1", "auto", "", { .images = 1 },
		    125000 },
		{ "dall-e-3", PRICE_IMAGE, "dall-e-3", "1024x1024", "standard", { .images = 1 },
		    20000 },
		{ "dall-e-3 tall", PRICE_IMAGE, "dall-e-3", "1024x1792", "", { .images = 1 },
		    40000 },
		{ "dall-e-3 hd", PRICE_IMAGE, "dall-e-3", "1024x1024", "hd", { .images = 1 },
		    40000 },
		{ "dall-e-3 hd tall", PRICE_IMAGE, "dall-e-3", "1792x1024", "hd", { .images = 1 },
		    60000 },
		{ "dall-e-2 small", PRICE_IMAGE, "dall-e-2", "256x256", "", { .images = 3 },
		    24000 },
		{ "dall-e-2 middle", PRICE_IMAGE, "dall-e-2", "512x512", "", { .images = 1 },
		    9000 },
		{ "dall-e-2 default", PRICE_IMAGE, "dall-e-2", "", "", { .images = 1 }, 10000 },
		{ "no image delivered", PRICE_IMAGE, "dall-e-2", "", "", { .prompt_tokens = 9 },
		    0 },
		/* CNY 0.06 at 7 to the dollar: 4285.714 quota, one-api's 4285 rounded up once */
		{ "yuan per image", PRICE_IMAGE, "cogview-3-plus", "", "", { .images = 2 }, 8572 },
		{ "a character", PRICE_SPEECH, "tts-1", "", "", { .characters = 1 }, 8 },
		{ "thousand characters", PRICE_SPEECH, "tts-1", "", "", { .characters = 1000 },
		    7500 },
		{ "in high definition", PRICE_SPEECH, "tts-1-hd", "", "", { .characters = 1000 },
		    15000 },
		{ "speech without usage", PRICE_SPEECH, "gpt-4o-mini-tts", "", "",
		    { .characters = 1000 }, 9000 },
		/* 250 × 0.60 + 1250 × 12 = 15,150 millionths */
		{ "speech by tokens", PRICE_SPEECH, "gpt-4o-mini-tts", "", "",
		    TOKENS(.prompt_tokens = 250, .completion_tokens = 1250, .characters = 1000),
		    7575 },
		{ "a minute", PRICE_AUDIO, "whisper-1", "", "", { .audio_ms = 60000 }, 3000 },
		{ "a millisecond", PRICE_AUDIO, "whisper-1", "", "", { .audio_ms = 1 }, 1 },
		{ "90.5 seconds", PRICE_AUDIO, "whisper-1", "", "", { .audio_ms = 90500 }, 4525 },
		{ "duration reported", PRICE_AUDIO, "whisper-1", "", "", TOKENS(.audio_ms = 20),
		    1 },
		/* 600 × 2.50 + 100 × 10 = 2,500 millionths */
		{ "transcript by tokens", PRICE_AUDIO, "gpt-4o-transcribe", "", "",
		    TOKENS(.prompt_tokens = 600, .audio_prompt_tokens = 600,
		        .completion_tokens = 100, .audio_ms = 60000),
		    1250 },
		{ "transcript without usage", PRICE_AUDIO, "gpt-4o-transcribe", "", "",
		    { .audio_ms = 60000 }, 3000 },
	};
	struct arena *a = arena_new(4096);

	pay(make(a, "", "", "", UNPRICED_REFUSE), bills, COUNT_OF(bills));
	arena_free(a);
}

static void test_call(void **state)
{
	static const struct {
		const char *name;
		int64_t price, want;
	} cases[] = {
		{ "half the group", 1234, 617 },
		{ "rounds up", 1233, 617 },
		{ "free", 0, 0 },
		{ "negative", -5, 0 },
		{ "out of bounds", INT64_MAX, INT64_C(1) << 39 },
	};
	struct arena *a = arena_new(4096);
	struct price_table *t = make(a, "", "", "{\"half\":0.5}", UNPRICED_REFUSE);

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct price_query q = {
			.rule = PRICE_CALL,
			.group = STR("half"),
			.call_price = cases[i].price,
		};
		struct err err = { 0 };
		struct rate r;

		if (!price_find(t, &q, &r, &err))
			fail_msg("%s: %s", cases[i].name, err.msg);
		same_int(cases[i].name, price_charge(&r, &(struct usage){ 0 }), cases[i].want);
		same_int(cases[i].name, price_estimate(&r, &(struct usage){ 0 }), cases[i].want);
	}
	arena_free(a);
}

/* ---- properties ----------------------------------------------------------------------------- */

static uint64_t seed = 88172645463325252u;

static uint64_t chance(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static int64_t up_to(int64_t most)
{
	return most <= 0 ? 0 : (int64_t)(chance() % ((uint64_t)most + 1));
}

static int64_t some_ratio(void)
{
	static const int64_t edges[] = { 0, 1, 333333, M, 1250000, 16 * M, 66666667, 1000000 * M };

	return chance() % 2 ? edges[chance() % COUNT_OF(edges)] : up_to(20 * M);
}

static int64_t some_count(void)
{
	static const int64_t edges[] = { 0, 1, 999, 200000, 200001, INT64_C(1) << 31, INT64_MAX };

	return chance() % 3 ? up_to(300000) : edges[chance() % COUNT_OF(edges)];
}

static struct rate some_rate(void)
{
	struct rate r = {
		.rule = PRICE_TOKENS + (enum price_rule)(chance() % 4),
		.token_priced = chance() % 4 != 0,
		.model = some_ratio(),
		.completion = some_ratio(),
		.group = some_ratio(),
		.cached = some_ratio(),
		.cache_write = some_ratio(),
		.cache_write_1h = some_ratio(),
		.audio_in = some_ratio(),
		.image_in = some_ratio(),
		.reasoning = some_ratio(),
		.audio_out = some_ratio(),
		.image_out = some_ratio(),
		.tier_count = chance() % (TIERS_MAX + 1),
		.per_image = chance() % 2 ? -1 : some_ratio(),
		.per_minute = chance() % 2 ? -1 : some_ratio(),
		.per_character = chance() % 2 ? -1 : some_ratio(),
		.per_request = chance() % 2 ? -1 : some_ratio(),
	};

	for (size_t i = 0; i < r.tier_count; i++)
		r.tiers[i] = (struct price_tier){ 1 + (int64_t)i * 100000 + up_to(99999),
			some_ratio(), some_ratio() };
	return r;
}

static struct usage some_usage(const struct usage *most)
{
	struct usage u = {
		.prompt_tokens = up_to(most->prompt_tokens),
		.completion_tokens = up_to(most->completion_tokens),
		.images = up_to(most->images),
		.characters = up_to(most->characters),
		.audio_ms = up_to(most->audio_ms),
		.reported = chance() % 2,
	};

	u.cached_tokens = chance() % 2 ? up_to(u.prompt_tokens) : some_count();
	u.cache_write_tokens = up_to(u.prompt_tokens);
	u.cache_write_1h_tokens = chance() % 2 ? up_to(u.prompt_tokens) : -some_count();
	u.audio_prompt_tokens = up_to(u.prompt_tokens);
	u.image_prompt_tokens = up_to(u.prompt_tokens);
	u.reasoning_tokens = chance() % 2 ? up_to(u.completion_tokens) : some_count();
	u.audio_completion_tokens = up_to(u.completion_tokens);
	u.image_completion_tokens = up_to(u.completion_tokens);
	return u;
}

static void test_estimate_is_enough(void **state)
{
	for (int i = 0; i < 200000; i++) {
		struct rate r = some_rate();
		struct usage most = {
			.prompt_tokens = some_count(),
			.completion_tokens = some_count(),
			.images = some_count(),
			.characters = some_count(),
			.audio_ms = some_count(),
		};
		struct usage used = chance() % 4 ? some_usage(&most) : most;
		int64_t held = price_estimate(&r, &most), cost = price_charge(&r, &used);

		if (cost < 0 || cost > held || held > QUOTA_MAX)
			fail_msg("turn %d, rule %d: held %lld, cost %lld", i, (int)r.rule,
			    (long long)held, (long long)cost);
	}
}

/* ceil((prompt + completion × completion ratio) × model ratio × group ratio), at least 1 */

static void test_one_api_formula(void **state)
{
	__extension__ typedef unsigned __int128 u128;

	for (int i = 0; i < 20000; i++) {
		int64_t model = up_to(40 * M), completion = up_to(10 * M), group = up_to(2 * M);
		int64_t in = up_to(200000), out = up_to(200000), want;
		struct rate r = RATE(model, completion, group, M);
		struct usage u = USED(in, out, 0);
		u128 scale = (u128)M * M * M;
		u128 exact =
		    ((u128)in * M + (u128)out * (u128)completion) * (u128)model * (u128)group;

		want = (int64_t)((exact + scale - 1) / scale);
		if (want == 0 && in + out > 0 && model > 0 && group > 0)
			want = 1;
		same_int("one-api", price_charge(&r, &u), want);
	}
}

/* ---- in words ------------------------------------------------------------------------------- */

static void test_describe(void **state)
{
	static const struct {
		const char *name, *model, *size;
		enum price_rule rule;
		struct usage used;
		const char *want;
	} cases[] = {
		{ "tokens", "gpt-4o", "", PRICE_TOKENS, USED(10, 5, 0),
		    "model ratio 1.25 × group ratio 0.50 × completion ratio 4.00" },
		{ "small ratio", "gpt-4o-mini", "", PRICE_TOKENS, USED(10, 5, 4),
		    "model ratio 0.075 × group ratio 0.50 × completion ratio 4.00, cached 4 × "
		    "0.50" },
		{ "caches and tier", "claude-haiku-5-5", "", PRICE_TOKENS,
		    TOKENS(.prompt_tokens = 100001, .cached_tokens = 1, .cache_write_tokens = 2,
		        .cache_write_1h_tokens = 3),
		    "model ratio 0.05 × group ratio 0.50 × completion ratio 5.00, cached 1 × 0.10, "
		    "cache write 2 × 1.25, cache write 1h 3 × 2.00, above 100000 tokens: input × "
		    "5.00, output × 5.00" },
		{ "with a fee", "gpt-5-search-api", "", PRICE_TOKENS, USED(1, 0, 0),
		    "model ratio 0.625 × group ratio 0.50 × completion ratio 8.00, request 5000.00 "
		    "quota" },
		{ "images", "dall-e-3", "1024x1024", PRICE_IMAGE, { .images = 2 },
		    "2 images × 20000.00 quota × group ratio 0.50" },
		{ "speech", "tts-1", "", PRICE_SPEECH, { .characters = 12 },
		    "12 characters × 7.50 quota × group ratio 0.50" },
		{ "heard", "whisper-1", "", PRICE_AUDIO, { .audio_ms = 12345 },
		    "12.345 s × 3000.00 quota per minute × group ratio 0.50" },
		{ "call", "", "", PRICE_CALL, { 0 }, "1 call × 700.00 quota × group ratio 0.50" },
	};
	struct arena *a = arena_new(4096);
	struct price_table *t = make(a, "", "", "{\"half\":0.5}", UNPRICED_REFUSE);

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct price_query q = { .rule = cases[i].rule,
			.model = str_c(cases[i].model),
			.size = str_c(cases[i].size),
			.group = STR("half"),
			.call_price = 700 };
		struct buf b = buf_init(1024);
		struct err err = { 0 };
		struct rate r;

		if (!price_find(t, &q, &r, &err))
			fail_msg("%s: %s", cases[i].name, err.msg);
		price_describe(&r, &cases[i].used, &b);
		if (!str_eq_c(buf_str(&b), cases[i].want))
			fail_msg("%s: got '%s', want '%s'", cases[i].name, buf_str(&b).p,
			    cases[i].want);
		buf_release(&b);
	}
	arena_free(a);
}

/* ---- batches and training ----------------------------------------------------------------------- */

static void test_batch(void **state)
{
	static const struct usage used = { .prompt_tokens = 300000, .completion_tokens = 1000 };
	struct rate r = RATE(2 * M, 4 * M, 900000, M);

	/* (300,000 + 4 × 1000) × 2 × 0.9 = 547,200; half of it */
	r.batch = M / 2;
	price_batch(&r, 10, 1000);
	same_int("half", price_charge(&r, &used), 273600);

	/* twice and 1.5 times above 200,000: of single prompts, not of the sum */
	r = (struct rate)RATE(2 * M, 4 * M, M, M);
	r.batch = M / 2;
	r.tier_count = 1;
	r.tiers[0] = (struct price_tier){ 200000, 2 * M, 1500000 };
	price_batch(&r, 10, 1000);
	same_int("short prompts", price_charge(&r, &used), 304000);
	r = (struct rate)RATE(2 * M, 4 * M, M, M);
	r.batch = M / 2;
	r.tier_count = 1;
	r.tiers[0] = (struct price_tier){ 200000, 2 * M, 1500000 };
	price_batch(&r, 10, 200001);
	same_int("long prompts", price_charge(&r, &used), 600000 + 6000);

	/* a price per request for each of them: 10 × 5000 / 2, beside 608,000 / 2 */
	r = (struct rate)RATE(2 * M, 4 * M, M, M);
	r.batch = M / 2;
	r.per_request = 5000 * M;
	price_batch(&r, 10, 1000);
	same_int("requests", price_charge(&r, &used), 304000 + 25000);
	same_int("bound", price_estimate(&r, &used), 304000 + 25000);
}

/* USD 3 per million tokens is 1.5 quota a token; a third is what the operator says. */
static void test_training(void **state)
{
	static const struct {
		const char *name, *model, *option;
		enum unpriced unpriced;
		int64_t want; /* for 1000 tokens; -1: refused */
	} cases[] = {
		{ "built in", "gpt-4o-mini-2024-07-18", "", UNPRICED_REFUSE, 1500 },
		{ "the operator's", "gpt-4o-mini-2024-07-18",
		    "{\"gpt-4o-mini-2024-07-18\":{\"per_million_trained\":1}}", UNPRICED_REFUSE,
		    500 },
		{ "none", "gpt-4o", "", UNPRICED_REFUSE, -1 },
		{ "none, free", "gpt-4o", "", UNPRICED_FREE, 0 },
		{ "none, one-api's", "gpt-4o", "", UNPRICED_RATIO, 30000 },
	};
	static const struct usage used = { .trained = 1000, .reported = true };

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct arena *a = arena_new(4096);
		struct price_table *t;
		struct price_query q = { .rule = PRICE_TRAINING, .model = str_c(cases[i].model) };
		struct price_options o = { .model_price = str_c(cases[i].option),
			.unpriced = cases[i].unpriced };
		struct err err = { 0 };
		struct rate r;

		assert_true(price_table_new(a, &o, &t, &err));
		if (price_find(t, &q, &r, &err)) {
			same_int(cases[i].name, price_charge(&r, &used), cases[i].want);
			same_int(cases[i].name, price_estimate(&r, &used), cases[i].want);
		} else {
			same_int(cases[i].name, -1, cases[i].want);
			assert_int_equal(err.kind, ERR_NO_PRICE);
		}
		arena_free(a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_charge),
		cmocka_unit_test(test_estimate),
		cmocka_unit_test(test_meters),
		cmocka_unit_test(test_call),
		cmocka_unit_test(test_estimate_is_enough),
		cmocka_unit_test(test_one_api_formula),
		cmocka_unit_test(test_describe),
		cmocka_unit_test(test_batch),
		cmocka_unit_test(test_training),
	};

	return cmocka_run_group_tests_name("price", tests, NULL, NULL);
}
