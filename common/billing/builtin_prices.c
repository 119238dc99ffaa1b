/* builtin_prices.c — see builtin_prices.h; the rows are in prices_*.c */
#include "billing/builtin_prices.h"

#include "billing/builtin_rows.h"

const struct builtin_price *const builtin_tables[] = { prices_openai, prices_western,
	prices_chinese, prices_hosted, prices_openrouter, NULL };

/* clang-format off */
const struct completion_rule completion_rules[] = {
	/* OpenAI */
	{ "gpt-3.5", "0125", 3000000 },
	{ "gpt-3.5", "1106", 2000000 },
	{ "gpt-3.5", "", 1333333 },
	{ "gpt-4o-2024-05-13", "", 3000000 },
	{ "gpt-4o", "", 4000000 },
	{ "gpt-4.1", "", 4000000 },
	{ "gpt-4.5", "", 2000000 },
	{ "gpt-4-turbo", "", 3000000 },
	{ "gpt-4", "preview", 3000000 },
	{ "gpt-4", "", 2000000 },
	{ "gpt-5", "", 8000000 },
	{ "o1", "", 4000000 },
	{ "o3", "", 4000000 },
	{ "o4", "", 4000000 },
	{ "chatgpt-4o-latest", "", 3000000 },
	/* Anthropic: 3 before the third generation, 5 since */
	{ "claude-instant", "", 3000000 },
	{ "claude-1", "", 3000000 },
	{ "claude-2", "", 3000000 },
	{ "claude-3", "", 5000000 },
	{ "claude-sonnet-", "", 5000000 },
	{ "claude-opus-", "", 5000000 },
	{ "claude-haiku-", "", 5000000 },
	{ "claude-", "", 5000000 },
	/* Mistral */
	{ "mistral-embed", "", 1000000 },
	{ "mistral-medium", "", 5000000 },
	{ "mistral-", "", 3000000 },
	/* Google */
	{ "gemini-embedding", "", 1000000 },
	{ "gemini-1.5", "", 4000000 },
	{ "gemini-2.0", "", 4000000 },
	{ "gemini-2.5-pro", "", 8000000 },
	{ "gemini-2.5-flash-lite", "", 4000000 },
	{ "gemini-2.5-flash", "", 8333333 },
	{ "gemini-3-pro", "", 6000000 },
	{ "gemini-", "", 3000000 },
	/* others */
	{ "deepseek-", "", 2000000 },
	{ "grok-3-mini-fast", "", 6666667 },
	{ "grok-3-mini", "", 1666667 },
	{ "grok-4-fast", "", 2500000 },
	{ "grok-code", "", 7500000 },
	{ "grok-beta", "", 3000000 },
	{ "grok-", "", 5000000 },
	{ "llama2-70b-4096", "", 1250000 },
	{ "whisper-", "", 0 },
	{ 0 },
};
/* clang-format on */

int64_t builtin_ratio(const struct builtin_price *row)
{
	/* Ratios in a price of 2 dollars, which is what ratio 1 costs per million tokens. */
	static const int64_t scale[] = {
		[UNIT_ANY] = 1,
		[UNIT_TOKEN] = 1,
		[UNIT_CHARACTER] = 1,
		[UNIT_IMAGE] = 1000,
		[UNIT_MINUTE] = 5000,
	};
	int64_t per_ratio = row->currency == IN_CNY ? 14 : 2;

	return (row->input * scale[row->unit] + per_ratio / 2) / per_ratio;
}

static int64_t of_input(const struct builtin_price *row, int64_t price)
{
	if (price < 0)
		return -1;
	if (row->input == 0)
		return RATIO_ONE;
	return (price * RATIO_ONE + row->input / 2) / row->input;
}

int64_t builtin_completion(const struct builtin_price *row)
{
	return of_input(row, row->output);
}

int64_t builtin_cached(const struct builtin_price *row)
{
	return of_input(row, row->cached);
}
