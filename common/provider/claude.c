/* claude.c — see claude.h */
#include "provider/claude.h"

#define ALL_EFFORTS (CLAUDE_XHIGH | CLAUDE_MAX)
#define ANY_SCHEMA (CLAUDE_SCHEMA | CLAUDE_SCHEMA_AT_AWS)

/* clang-format off */
/* The first that fits counts, so longer names stand before shorter ones. */
static const struct claude models[] = {
	{ "claude-instant",    4096,   THINKS_NOT,       SAMPLES_BOTH, 0 },
	{ "claude-2",          4096,   THINKS_NOT,       SAMPLES_BOTH, 0 },
	{ "claude-v2",         4096,   THINKS_NOT,       SAMPLES_BOTH, 0 },
	{ "claude-3-5",        8192,   THINKS_NOT,       SAMPLES_BOTH, 0 },
	{ "claude-3-7",        64000,  THINKS_BY_BUDGET, SAMPLES_BOTH, 0 },
	{ "claude-3-",         4096,   THINKS_NOT,       SAMPLES_BOTH, 0 },
	{ "claude-sonnet-4-5", 64000,  THINKS_BY_BUDGET, SAMPLES_ONE,  ANY_SCHEMA },
	{ "claude-haiku-4-5",  64000,  THINKS_BY_BUDGET, SAMPLES_ONE,  ANY_SCHEMA },
	{ "claude-opus-4-5",   64000,  THINKS_BY_BUDGET, SAMPLES_ONE,  ANY_SCHEMA },
	{ "claude-sonnet-4-6", 128000, THINKS_EITHER,    SAMPLES_ONE,  CLAUDE_MAX | ANY_SCHEMA },
	{ "claude-opus-4-6",   128000, THINKS_EITHER,    SAMPLES_ONE,  CLAUDE_MAX | ANY_SCHEMA },
	{ "claude-opus-4-7",   128000, THINKS_ADAPTIVE,  SAMPLES_NOT,  ALL_EFFORTS | CLAUDE_SCHEMA },
	{ "claude-opus-4-8",   128000, THINKS_ADAPTIVE,  SAMPLES_NOT,  ALL_EFFORTS | CLAUDE_SCHEMA },
	{ "claude-opus-4-1",   32000,  THINKS_BY_BUDGET, SAMPLES_BOTH, ANY_SCHEMA },
	{ "claude-opus-4",     32000,  THINKS_BY_BUDGET, SAMPLES_BOTH, 0 },
	{ "claude-sonnet-4",   64000,  THINKS_BY_BUDGET, SAMPLES_BOTH, 0 },
	{ "claude-fable-5",    128000, THINKS_ADAPTIVE,  SAMPLES_NOT,
	  ALL_EFFORTS | CLAUDE_SCHEMA | CLAUDE_NO_FORCE },
	{ "claude-mythos-5",   128000, THINKS_ADAPTIVE,  SAMPLES_NOT,
	  ALL_EFFORTS | CLAUDE_SCHEMA | CLAUDE_NO_FORCE },
	{ "claude-",           128000, THINKS_ADAPTIVE,  SAMPLES_NOT,  ALL_EFFORTS | CLAUDE_SCHEMA },
};
/* clang-format on */

/* Not a Claude by its name: an alias or somebody's imitation. Asks for nothing special. */
static const struct claude unknown = { "", 8192, THINKS_BY_BUDGET, SAMPLES_BOTH, ANY_SCHEMA };

const struct claude *claude_find(struct str model)
{
	size_t at = str_find_str(model, STR("claude-"));

	model = str_slice(model, at, model.n);
	for (size_t i = 0; i < COUNT_OF(models); i++)
		if (str_starts(model, str_c(models[i].name)))
			return &models[i];
	return &unknown;
}
