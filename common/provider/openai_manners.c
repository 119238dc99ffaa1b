/* openai_manners.c — one row for each provider that departs from OpenAI's dialect
 *
 * From openai-compatible-west.md and cloudflare.md of the adaptor notes. Members that a provider
 * neither knows nor refuses are not listed: they pass.
 */
#include "provider/openai_manners.h"

#include <string.h>

#include "provider/providers.h"

/* What OpenAI alone has. */
#define ONLY_OPENAI "store,modalities,audio,verbosity,web_search_options"

/* clang-format off */

static const struct manner_value mistral_values[] = {
	{ "reasoning_effort", "magistral", "none", "", NULL, NULL, NULL },
	{ "reasoning_effort", "magistral", "", "prompt_mode", "\"reasoning\"", NULL, NULL },
	{ "reasoning_effort", "", "none", NULL, NULL, NULL, NULL },
	{ "reasoning_effort", "", "minimal", "reasoning_effort", "\"none\"", NULL, NULL },
	{ "reasoning_effort", "", "", "reasoning_effort", "\"high\"", NULL, NULL },
	{ 0 },
};
static const struct manner_rename mistral_renames[] = { { "seed", "random_seed" }, { 0 } };
static const struct manner_rename mistral_embed[] = { { "dimensions", "output_dimension" }, { 0 } };

static const struct manner_value groq_values[] = {
	{ "reasoning_effort", "gpt-oss", "none", "", NULL, NULL, NULL },
	{ "reasoning_effort", "gpt-oss", "minimal", "reasoning_effort", "\"low\"", NULL, NULL },
	{ "reasoning_effort", "gpt-oss", "xhigh", "reasoning_effort", "\"high\"", NULL, NULL },
	{ "reasoning_effort", "gpt-oss", "max", "reasoning_effort", "\"high\"", NULL, NULL },
	{ "reasoning_effort", "gpt-oss", "", NULL, NULL, NULL, NULL },
	{ "reasoning_effort", "qwen", "none", NULL, NULL, NULL, NULL },
	{ "reasoning_effort", "qwen", "", "reasoning_effort", "\"default\"", NULL, NULL },
	{ "reasoning_effort", "", "", "", NULL, NULL, NULL },
	{ "service_tier", "", "default", "service_tier", "\"on_demand\"", NULL, NULL },
	{ "service_tier", "", "auto", NULL, NULL, NULL, NULL },
	{ "service_tier", "", "on_demand", NULL, NULL, NULL, NULL },
	{ "service_tier", "", "flex", NULL, NULL, NULL, NULL },
	{ "service_tier", "", "performance", NULL, NULL, NULL, NULL },
	{ "service_tier", "", "", "", NULL, NULL, NULL },
	{ 0 },
};
/* Raw reasoning would stand in the content. */
static const struct manner_default groq_defaults[] = {
	{ "qwen", "reasoning_format", "\"parsed\"", "include_reasoning" },
	{ "deepseek", "reasoning_format", "\"parsed\"", "include_reasoning" },
	{ 0 },
};

#define THINKING_ON "{\"type\":\"enabled\"}"
static const struct manner_value deepseek_values[] = {
	{ "reasoning_effort", "", "none", "thinking", "{\"type\":\"disabled\"}", NULL, NULL },
	{ "reasoning_effort", "", "minimal", "reasoning_effort", "\"low\"", "thinking", THINKING_ON },
	{ "reasoning_effort", "", "low", "reasoning_effort", "\"low\"", "thinking", THINKING_ON },
	{ "reasoning_effort", "", "max", "reasoning_effort", "\"max\"", "thinking", THINKING_ON },
	{ "reasoning_effort", "", "", "reasoning_effort", "\"high\"", "thinking", THINKING_ON },
	{ 0 },
};

static const struct manner_value together_values[] = {
	{ "reasoning_effort", "gpt-oss", "", NULL, NULL, NULL, NULL },
	{ "reasoning_effort", "", "none", "reasoning", "{\"enabled\":false}", NULL, NULL },
	{ "reasoning_effort", "", "", "reasoning", "{\"enabled\":true}", NULL, NULL },
	{ 0 },
};

static const struct manner_value novita_values[] = {
	{ "reasoning_effort", "", "none", "enable_thinking", "false", NULL, NULL },
	{ "reasoning_effort", "", "", "", NULL, NULL, NULL },
	{ 0 },
};

/* Models that think refuse what steers sampling by what was said. */
#define GROK_THINKS(member) \
	{ member, "non-reasoning", "", NULL, NULL, NULL, NULL }, \
	{ member, "^grok-4", "", "", NULL, NULL, NULL }, \
	{ member, "^grok-3-mini", "", "", NULL, NULL, NULL }
static const struct manner_value xai_values[] = {
	GROK_THINKS("stop"),
	GROK_THINKS("presence_penalty"),
	GROK_THINKS("frequency_penalty"),
	{ "reasoning_effort", "^grok-4$", "", "", NULL, NULL, NULL },
	{ "reasoning_effort", "^grok-4-", "", "", NULL, NULL, NULL },
	{ "reasoning_effort", "^grok-4.20", "", "", NULL, NULL, NULL },
	{ 0 },
};

/* By provider id. */
static const struct openai_manners table[PROVIDER_COUNT + 1] = {
	[20] = { /* openrouter */
		/* Its `usage.cost` passes to the client and decides about no money of ours: prices are
		 * those of the catalog. */
		.asks = ASK_REASONING | ASK_ONE_CHOICE,
		.answers = ANSWER_REASONING | ANSWER_CALLS | ANSWER_USAGE_CHOICE,
	},
	[28] = { /* mistral */
		.asks = ASK_SYSTEM | ASK_MAX_TOKENS | ASK_NO_NULL | ASK_PARTS | ASK_SHORT_IDS |
			ASK_LEADING_SYSTEM | ASK_PREFIX,
		.answers = ANSWER_PARTS | ANSWER_CALLS | ANSWER_FINISH | ANSWER_FLAGGED,
		.known = "model,messages,stream,stream_options,max_tokens,max_completion_tokens,"
			"temperature,top_p,stop,seed,random_seed,metadata,response_format,tools,"
			"tool_choice,presence_penalty,frequency_penalty,n,prediction,"
			"parallel_tool_calls,reasoning_effort,prompt_mode,guardrails,safe_prompt,"
			"prompt_cache_key",
		.unsaid = "refusal,annotations,audio,function_call,name",
		.models = "magistral",
		.short_ids = "^",
		.values = mistral_values,
		.renames = mistral_renames,
		.embed_renames = mistral_embed,
	},
	[29] = { /* groq */
		.asks = ASK_REASONING,
		.answers = ANSWER_REASONING | ANSWER_GROQ | ANSWER_BUSY_413 | ANSWER_SLIPS,
		.unsaid = "refusal,annotations,audio",
		.dropped = "logit_bias,logprobs,top_logprobs,metadata,prediction,prompt_cache_key,"
			ONLY_OPENAI,
		.models = "gpt-oss",
		.values = groq_values,
		.defaults = groq_defaults,
	},
	[36] = { /* deepseek */
		.asks = ASK_SYSTEM | ASK_MAX_TOKENS | ASK_NO_REASONING | ASK_SCHEMA_WORDS,
		.answers = ANSWER_FINISH | ANSWER_CACHE,
		.dropped = "seed,logit_bias,parallel_tool_calls,user,metadata,prediction,service_tier,"
			"prompt_cache_key," ONLY_OPENAI,
		.models = "^deepseek-reasoner$", /* who must not see its own thoughts again, but for those before a call */
		.values = deepseek_values,
	},
	[37] = { /* cloudflare */
		.asks = ASK_SYSTEM | ASK_MAX_TOKENS | ASK_NO_NULL | ASK_REASONING | ASK_SHORT_IDS |
			ASK_ONE_TOOL | ASK_LIMIT | ASK_ONE_CHOICE,
		.answers = ANSWER_REASONING | ANSWER_CALLS | ANSWER_FINISH | ANSWER_UNWRAP,
		.dropped = "logit_bias,logprobs,top_logprobs,user,service_tier,"
			"prompt_cache_key," ONLY_OPENAI,
		.short_ids = "mistral",
		.cache_header = "x-session-affinity",
	},
	[39] = { /* together */
		.asks = ASK_SYSTEM | ASK_MAX_TOKENS | ASK_NO_NULL | ASK_REASONING |
			ASK_NUMBER_LOGPROBS,
		.answers = ANSWER_REASONING | ANSWER_FINISH | ANSWER_LOGPROBS,
		.dropped = "parallel_tool_calls,user,metadata,prediction,service_tier,"
			"prompt_cache_key," ONLY_OPENAI,
		.values = together_values,
	},
	[41] = { /* novita */
		.asks = ASK_SYSTEM | ASK_MAX_TOKENS | ASK_NO_NULL,
		.dropped = "parallel_tool_calls,user,metadata,prediction,service_tier,"
			"prompt_cache_key," ONLY_OPENAI,
		.values = novita_values,
	},
	[45] = { /* xai */
		.asks = ASK_SYSTEM,
		.answers = ANSWER_XAI,
		.cache_header = "x-grok-conv-id",
		.dropped = "logit_bias,metadata,prediction,prompt_cache_key," ONLY_OPENAI,
		.values = xai_values,
	},
	[51] = { /* gemini by its endpoint for OpenAI's clients */
		.answers = ANSWER_CALLS,
		.think = "thought",
	},
};
/* clang-format on */

const struct openai_manners *openai_manners(const struct provider *p)
{
	const struct openai_manners *m = &table[p->id];

	return m->asks || m->answers || m->dropped ? m : NULL;
}

bool manners_fit(struct str model, const char *pattern)
{
	struct str p = str_c(pattern);
	bool begins = str_starts(p, STR("^")), ends = str_ends(p, STR("$"));

	p = str_slice(p, begins ? 1 : 0, p.n - (ends ? 1 : 0));
	if (begins && ends)
		return str_eq(model, p);
	if (begins)
		return str_starts(model, p);
	return str_has(model, p);
}

bool manners_fit_any(struct str model, const char *list)
{
	struct str rest = str_c(list ? list : ""), item;
	char pattern[64];

	while (str_next(&rest, ',', &item)) {
		if (item.n >= sizeof(pattern))
			continue;
		memcpy(pattern, item.p, item.n);
		pattern[item.n] = '\0';
		if (manners_fit(model, pattern))
			return true;
	}
	return false;
}
