/* claude.h — what each Claude model can do: length, thinking, sampling, structured output
 *
 * A table of names as the three hosts write them: claude-sonnet-4-5-20250929, the same behind
 * us.anthropic. and before -v1:0, claude-sonnet-4-5@20250929. A name that begins like none is taken
 * for a newer model, which can what the newest can.
 *
 * Threads  pure.
 */
#ifndef PROVIDER_CLAUDE_H
#define PROVIDER_CLAUDE_H

#include "base/attr.h"
#include "base/str.h"

enum claude_thinking { THINKS_NOT, THINKS_BY_BUDGET, THINKS_EITHER, THINKS_ADAPTIVE };
enum claude_sampling { SAMPLES_BOTH, SAMPLES_ONE, SAMPLES_NOT }; /* temperature and top_p */
enum {
	CLAUDE_XHIGH = 1,         /* knows the effort */
	CLAUDE_MAX = 2,           /* knows the effort */
	CLAUDE_SCHEMA = 4,        /* output_config.format */
	CLAUDE_SCHEMA_AT_AWS = 8, /* also through InvokeModel */
	CLAUDE_NO_FORCE = 16,     /* refuses a forced tool_choice always */
};

struct claude {
	const char *name; /* what the model's name begins with */
	int max_tokens;   /* longest reply */
	enum claude_thinking thinking;
	enum claude_sampling sampling;
	unsigned flags;
};

/* Never NULL. */
const struct claude *claude_find(struct str model);

#endif
