/* tokens.h — how many tokens a text has, for reservations and for upstreams that do not count
 *
 * Never used to override usage that an upstream reported. Today an estimate from character classes,
 * (ASCII letters ~4 bytes a token, other scripts ~0.75 token a code point; spec tokens.md 1.2,
 * 1.3); exact byte-pair counting comes behind the same functions. An estimate errs high by a
 * little, never by a factor.
 *
 * Threads  pure.
 */
#ifndef BILLING_TOKENS_H
#define BILLING_TOKENS_H

#include "base/jscan.h"
#include "base/str.h"

/* One piece of plain text. model chooses the encoding. */
int64_t tokens_text(struct str model, struct str text);
/* A JSON string, counted without being decoded into memory. */
int64_t tokens_json_string(struct str model, struct jval text);
/* messages, tools, functions, tool_choice, response_format of a chat request. */
int64_t tokens_chat(struct str model, struct jval request);
/* prompt or input: a string, an array of strings, of numbers (its length) or of arrays. */
int64_t tokens_input(struct str model, struct jval input);

/* A text that arrives in pieces (a stream's content): add each, ask at the end or on the way. */
struct token_meter {
	int64_t ascii_bytes, other_points;
};
void token_meter_add(struct token_meter *m, struct str piece);
/* A JSON string with its quotes. */
void token_meter_add_json(struct token_meter *m, struct jval text);
int64_t token_meter_count(const struct token_meter *m);

#endif
