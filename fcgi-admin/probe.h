/* probe.h — tests a channel with a real call
 *
 * GET /api/channel/test/:id asks the channel's model TEST_PROMPT and says what came; the channel's
 * status is not touched, unless ?apply=1 asks for what "test all" does (test_rules.h).
 * POST /api/channel/probe does it with a channel that is not saved, and keeps nothing.
 *
 * Threads  as errand.h.
 */
#ifndef ADMIN_PROBE_H
#define ADMIN_PROBE_H

#include "net/http.h"

struct errand;

#define PROBE_TIMEOUT_MS (60 * 1000)
#define PROBE_MAX_TOKENS 16
#define PROBE_BODY_MAX (4 * 1024 * 1024)

/* An errand that tests; wanted "" is the channel's first model. */
struct errand *probe_new(struct req *r, struct str wanted);

/* ---- the parts without an upstream ---- */

/* Which model to ask for: `wanted` when it is an item of the comma list or fits one that ends in *,
 * else the first item without *; "" when there is none. "gpt-4" does not match "gpt-4o". */
struct str probe_model(struct str models, struct str wanted);
/* The chat request, in the arena. */
struct str probe_request(struct arena *a, struct str model, struct str prompt);
/* Is this OpenAI-shaped answer a success: choices, text content, usage? *text is the content. On
 * false err is C06, C07 or C08. */
MUST_USE bool probe_judge(struct req *r, struct str body, struct str *text, struct err *err);

#endif
