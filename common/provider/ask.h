/* ask.h — what the client asks, as we read it
 *
 * An OpenAI-shaped body is checked once and then read in place: the facts that routing, pricing
 * and conversion need are picked out as views; the body itself stays bytes. A dialect that passes
 * it through edits those bytes; a dialect that converts walks them (or parses the tree once).
 *
 * Threads  owned with the request it was read from.
 */
#ifndef PROVIDER_ASK_H
#define PROVIDER_ASK_H

#include "base/jscan.h"
#include "base/str.h"

struct arena;
struct err;

/* What a route does; also the bit of providers.h's modes. */
enum mode { MODE_CHAT, MODE_COMPLETIONS, MODE_EMBEDDINGS, MODE_COUNT };

#define MODEL_NAME_MAX 191

struct ask {
	enum mode mode;
	struct str body;
	struct jval root;
	struct str model; /* the client's name for it */
	bool stream;
	bool wants_usage;   /* stream_options.include_usage */
	int64_t max_tokens; /* max_completion_tokens, else max_tokens; -1: not said */
	int64_t n;          /* at least 1 */
	struct jval messages, prompt, input, tools, stream_options;
};

/* Reads and validates (relay.md section 5). path_model: the :model part of the path or "". On
 * failure ERR_INVALID_JSON or ERR_INVALID_TEXT with the message of that row. */
MUST_USE bool ask_read(struct arena *a, enum mode mode, struct str body, struct str path_model,
    struct ask *out, struct err *err);

/* Only the model, for the key's model list, from a body that may be anything; "" when there is
 * none. ERR_INVALID_JSON when it cannot be parsed. */
MUST_USE bool ask_model(struct arena *a, struct str body, struct str *model, struct err *err);

/* Prompt tokens of the whole request, as billing/tokens.h counts them. */
int64_t ask_prompt_tokens(const struct ask *ask);

#endif
