/* tool_tokens.h — what the tools of a request cost
 *
 * OpenAI's cookbook gives constants and the way a flat list of parameters is written out; both are
 * followed exactly (spec tokens.md 2.2). What it does not cover is an estimate: nested objects and
 * items recurse with the same constants, anything else in a schema counts as compact JSON, and so
 * does a tool that is no function.
 *
 * Threads  owned with the counter.
 */
#ifndef BILLING_TOOL_TOKENS_H
#define BILLING_TOOL_TOKENS_H

#include "base/jscan.h"
#include "billing/text_tokens.h"

/* The array `tools` of a chat or of a response, or the older `functions`, added to c. */
void tool_tokens_add(struct text_counter *c, struct jval tools);

#endif
