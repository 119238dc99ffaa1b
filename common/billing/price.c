/* price.c — the arithmetic of price.h; look-up is in price_find.c, the table in price_table.c
 *
 * Arithmetic in three scales, all integers. Tokens weigh in millionths of an input token, times a
 * tier's factor, times the model's and the group's ratio: four factors in millionths, so 10^24 is
 * one quota. Other units are priced in millionths of a quota, times the group's ratio: 10^12. What
 * overflows 128 bits would be far beyond QUOTA_MAX anyway.
 */
#include "billing/price.h"

#include "base/buf.h"
#include "billing/quota.h"

#define COUNT_MAX (INT64_C(1) << 36)
#define PRICE_MAX (INT64_C(1) << 60)
#define MS_PER_MINUTE 60000

__extension__ typedef unsigned __int128 u128;

static int64_t clamp(int64_t n, int64_t max)
{
	return n < 0 ? 0 : n > max ? max : n;
}

static u128 ratio(int64_t n)
{
	return (u128)clamp(n, RATIO_MAX);
}

static int64_t larger(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static int64_t round_up(u128 n, u128 scale)
{
	u128 quota = n / scale + (n % scale != 0);

	return quota > (u128)QUOTA_MAX ? QUOTA_MAX : (int64_t)quota;
}

/* ---- tokens ----------------------------------------------------------------------------------*/

/* As much of a part as is left of its whole, times the part's price. */
static u128 take_part(int64_t *left, int64_t part, int64_t price)
{
	part = clamp(part, *left);
	*left -= part;
	return (u128)part * ratio(price);
}

static u128 weigh_prompt(const struct rate *r, const struct usage *u)
{
	int64_t left = clamp(u->prompt_tokens, COUNT_MAX);
	u128 sum = take_part(&left, u->cached_tokens, r->cached);

	sum += take_part(&left, u->cache_write_tokens, r->cache_write);
	sum += take_part(&left, u->cache_write_1h_tokens, r->cache_write_1h);
	sum += take_part(&left, u->audio_prompt_tokens, r->audio_in);
	sum += take_part(&left, u->image_prompt_tokens, r->image_in);
	return sum + (u128)left * (u128)RATIO_ONE;
}

static u128 weigh_completion(const struct rate *r, const struct usage *u)
{
	int64_t left = clamp(u->completion_tokens, COUNT_MAX);
	u128 sum = take_part(&left, u->reasoning_tokens, r->reasoning);

	sum += take_part(&left, u->audio_completion_tokens, r->audio_out);
	sum += take_part(&left, u->image_completion_tokens, r->image_out);
	return sum + (u128)left * ratio(r->completion);
}

static const struct price_tier *tier_of(const struct rate *r, int64_t prompt_tokens)
{
	static const struct price_tier plain = { 0, RATIO_ONE, RATIO_ONE };
	const struct price_tier *found = &plain;

	for (size_t i = 0; i < r->tier_count; i++)
		if (prompt_tokens > r->tiers[i].above)
			found = &r->tiers[i];
	return found;
}

static bool used_tokens(const struct usage *u)
{
	return u->prompt_tokens > 0 || u->completion_tokens > 0;
}

static int64_t charge_tokens(const struct rate *r, const struct usage *u)
{
	const u128 scale = (u128)RATIO_ONE * RATIO_ONE * RATIO_ONE * RATIO_ONE;
	const struct price_tier *tier = tier_of(r, u->prompt_tokens);
	u128 n =
	    weigh_prompt(r, u) * ratio(tier->input) + weigh_completion(r, u) * ratio(tier->output);
	u128 request = (u128)clamp(r->per_request, PRICE_MAX);
	int64_t quota;

	if (!used_tokens(u) || r->group <= 0)
		return 0;
	if (__builtin_mul_overflow(n, r->token_priced ? ratio(r->model) : 0, &n) ||
	    __builtin_mul_overflow(n, ratio(r->group), &n) ||
	    __builtin_mul_overflow(request, ratio(r->group), &request) ||
	    __builtin_mul_overflow(request, (u128)RATIO_ONE * RATIO_ONE, &request) ||
	    __builtin_add_overflow(n, request, &n))
		return QUOTA_MAX;
	quota = round_up(n, scale);
	return quota == 0 && r->token_priced && r->model > 0 ? 1 : quota;
}

/* ---- other units -----------------------------------------------------------------------------*/

/* What a rule counts when it does not count tokens. */
struct unit {
	int64_t count, price; /* price below 0: none */
	int64_t per;          /* this many cost the price */
};

static struct unit unit_of(const struct rate *r, const struct usage *u)
{
	switch (r->rule) {
	case PRICE_IMAGE:
		return (struct unit){ u->images, r->per_image, 1 };
	case PRICE_SPEECH:
		return (struct unit){ u->characters, r->per_character, 1 };
	case PRICE_AUDIO:
		return (struct unit){ u->audio_ms, r->per_minute, MS_PER_MINUTE };
	case PRICE_TRAINING:
		return (struct unit){ u->trained, r->per_trained, 1 };
	case PRICE_NONE:
	case PRICE_TOKENS:
	case PRICE_CALL:
		break;
	}
	return (struct unit){ 0, -1, 1 };
}

static int64_t charge_units(const struct rate *r, struct unit unit)
{
	u128 n = (u128)clamp(unit.count, COUNT_MAX) * (u128)clamp(unit.price, PRICE_MAX);
	u128 request = (u128)clamp(r->per_request, PRICE_MAX) * (u128)unit.per;

	if (unit.count <= 0)
		return 0;
	if (__builtin_mul_overflow(n + request, ratio(r->group), &n))
		return QUOTA_MAX;
	return round_up(n, (u128)RATIO_ONE * RATIO_ONE * (u128)unit.per);
}

static int64_t charge_call(const struct rate *r)
{
	return charge_units(r, (struct unit){ 1, 0, 1 });
}

/* Do tokens count, or the rule's own unit? */
static bool by_tokens(const struct rate *r, const struct usage *u)
{
	if (unit_of(r, u).price < 0)
		return true;
	return r->token_priced && u->reported && used_tokens(u);
}

int64_t price_charge(const struct rate *r, const struct usage *u)
{
	if (r->rule == PRICE_CALL)
		return charge_call(r);
	return by_tokens(r, u) ? charge_tokens(r, u) : charge_units(r, unit_of(r, u));
}

/* ---- the most it can cost --------------------------------------------------------------------*/

/* The same rate with one price for every prompt token and one for every completion token, the
 * dearest that a prompt of so many tokens or fewer can meet. */
static struct rate dearest(const struct rate *r, int64_t prompt_tokens)
{
	struct rate most = *r;
	int64_t in = larger(RATIO_ONE, larger(r->cached, r->cache_write));
	int64_t out =
	    larger(larger(r->completion, r->reasoning), larger(r->audio_out, r->image_out));
	struct price_tier tier = { 0, RATIO_ONE, RATIO_ONE };

	in = larger(larger(in, r->cache_write_1h), larger(r->audio_in, r->image_in));
	for (size_t i = 0; i < r->tier_count && prompt_tokens > r->tiers[i].above; i++) {
		tier.input = larger(tier.input, r->tiers[i].input);
		tier.output = larger(tier.output, r->tiers[i].output);
	}
	/* Every prompt token is one of the dearest part. */
	most.cached = in;
	most.completion = most.reasoning = most.audio_out = most.image_out = out;
	most.tier_count = 1;
	most.tiers[0] = tier;
	return most;
}

int64_t price_estimate(const struct rate *r, const struct usage *u)
{
	const struct usage most = {
		.prompt_tokens = u->prompt_tokens,
		.cached_tokens = u->prompt_tokens,
		.completion_tokens = u->completion_tokens,
	};
	struct unit unit = unit_of(r, u);
	struct rate rate;
	int64_t tokens;

	if (r->rule == PRICE_CALL)
		return charge_call(r);
	if (unit.price >= 0 && !r->token_priced)
		return charge_units(r, unit);
	rate = dearest(r, u->prompt_tokens);
	tokens = charge_tokens(&rate, &most);
	return unit.price < 0 ? tokens : larger(tokens, charge_units(r, unit));
}

/* ---- batches ---------------------------------------------------------------------------------*/

void price_batch(struct rate *r, int64_t requests, int64_t longest_prompt)
{
	int64_t share = clamp(r->batch, RATIO_MAX), group = clamp(r->group, RATIO_MAX);
	u128 all = (u128)clamp(r->per_request, PRICE_MAX) * (u128)clamp(requests, COUNT_MAX);

	if (r->tier_count > 0) {
		r->tiers[0] = *tier_of(r, longest_prompt);
		r->tiers[0].above = 0;
		r->tier_count = 1;
	}
	if (r->per_request > 0)
		r->per_request = all > (u128)PRICE_MAX ? PRICE_MAX : (int64_t)all;
	r->group = clamp(round_up((u128)group * (u128)share, RATIO_ONE), RATIO_MAX);
}

/* ---- in words --------------------------------------------------------------------------------*/

/* Millionths with at least two decimals. */
static void add_ratio(struct buf *b, int64_t n)
{
	int64_t fraction;

	n = n < 0 ? 0 : n;
	fraction = n % RATIO_ONE;
	buf_add_int(b, n / RATIO_ONE);
	buf_add_char(b, '.');
	for (int64_t digit = RATIO_ONE / 10; digit >= RATIO_ONE / 100 || fraction > 0;
	     digit /= 10) {
		buf_add_char(b, (char)('0' + fraction / digit));
		fraction %= digit;
	}
}

static void add_part(struct buf *b, const char *name, int64_t tokens, int64_t price)
{
	if (tokens <= 0)
		return;
	buf_add(b, STR(", "));
	buf_add_c(b, name);
	buf_add_char(b, ' ');
	buf_add_int(b, tokens);
	buf_add(b, STR(" × "));
	add_ratio(b, price);
}

static void add_request(struct buf *b, const struct rate *r)
{
	if (r->per_request <= 0)
		return;
	buf_add(b, STR(", request "));
	add_ratio(b, r->per_request);
	buf_add(b, STR(" quota"));
}

static void describe_tokens(const struct rate *r, const struct usage *u, struct buf *b)
{
	const struct price_tier *tier = tier_of(r, u->prompt_tokens);

	buf_add(b, STR("model ratio "));
	add_ratio(b, r->token_priced ? r->model : 0);
	buf_add(b, STR(" × group ratio "));
	add_ratio(b, r->group);
	buf_add(b, STR(" × completion ratio "));
	add_ratio(b, r->completion);
	add_part(b, "cached", u->cached_tokens, r->cached);
	add_part(b, "cache write", u->cache_write_tokens, r->cache_write);
	add_part(b, "cache write 1h", u->cache_write_1h_tokens, r->cache_write_1h);
	add_part(b, "audio in", u->audio_prompt_tokens, r->audio_in);
	add_part(b, "image in", u->image_prompt_tokens, r->image_in);
	if (r->reasoning != r->completion)
		add_part(b, "reasoning", u->reasoning_tokens, r->reasoning);
	add_part(b, "audio out", u->audio_completion_tokens, r->audio_out);
	add_part(b, "image out", u->image_completion_tokens, r->image_out);
	if (tier->above > 0) {
		buf_add(b, STR(", above "));
		buf_add_int(b, tier->above);
		buf_add(b, STR(" tokens: input × "));
		add_ratio(b, tier->input);
		buf_add(b, STR(", output × "));
		add_ratio(b, tier->output);
	}
}

static void describe_units(const struct rate *r, const struct usage *u, struct buf *b)
{
	static const struct {
		const char *count, *price;
	} words[] = {
		[PRICE_IMAGE] = { " images", " quota" },
		[PRICE_SPEECH] = { " characters", " quota" },
		[PRICE_AUDIO] = { " s", " quota per minute" },
		[PRICE_TRAINING] = { " trained tokens", " quota" },
		[PRICE_CALL] = { " call", " quota" },
	};
	struct unit unit = unit_of(r, u);

	if (r->rule == PRICE_CALL)
		unit = (struct unit){ 1, r->per_request, 1 };
	if (r->rule == PRICE_AUDIO)
		add_ratio(b, clamp(unit.count, COUNT_MAX) * 1000);
	else
		buf_add_int(b, unit.count);
	buf_add_c(b, words[r->rule].count);
	buf_add(b, STR(" × "));
	add_ratio(b, unit.price);
	buf_add_c(b, words[r->rule].price);
	buf_add(b, STR(" × group ratio "));
	add_ratio(b, r->group);
}

void price_describe(const struct rate *r, const struct usage *u, struct buf *out)
{
	if (r->rule != PRICE_CALL && by_tokens(r, u))
		describe_tokens(r, u, out);
	else
		describe_units(r, u, out);
	if (r->rule != PRICE_CALL)
		add_request(out, r);
}
