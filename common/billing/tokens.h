/* tokens.h — how many tokens a request has, for reservations and for upstreams that do not count
 *
 * Never used to override usage that an upstream reported. Text is counted exactly for OpenAI's two
 * vocabularies (text_tokens.h), with 3 tokens a message, 1 a name and 3 for the reply, which is what
 * the API bills (spec tokens.md 2.1); tools as tool_tokens.h says, pictures as image_tokens.h.
 *
 * Estimates, since nobody publishes rules: calls of tools in messages (name + arguments + 3),
 * response_format (its schema as compact JSON), tool_choice that is an object (compact JSON), speech
 * (ten tokens a second of MP3, which is 1 KiB of base64 a token), files (40 bytes of base64 a token;
 * one given by id 1,000), parts of a type that nobody knows (compact JSON).
 *
 * A request costs bounded work: 4 MiB of its text are encoded, the rest is estimated, and so is
 * everything after tokens_set_approximate(true).
 *
 * Threads  pure.
 */
#ifndef BILLING_TOKENS_H
#define BILLING_TOKENS_H

#include "base/jscan.h"
#include "base/str.h"
#include "billing/text_tokens.h"

/* One piece of plain text. model chooses the encoding. */
int64_t tokens_text(struct str model, struct str text);
/* A JSON string, counted without being decoded into memory. */
int64_t tokens_json_string(struct str model, struct jval text);
/* messages, tools, functions, tool_choice, response_format of a chat request. */
int64_t tokens_chat(struct str model, struct jval request);
/* instructions, input, tools, text.format of a request for a response. */
int64_t tokens_response(struct str model, struct jval request);
/* prompt or input: a string, an array of strings, of numbers (its length) or of arrays. */
int64_t tokens_input(struct str model, struct jval input);

/* The same with another encoding than the model's, for a channel that names one. */
int64_t tokens_text_in(enum encoding e, struct str text);
int64_t tokens_chat_in(enum encoding e, struct str model, struct jval request);
int64_t tokens_response_in(enum encoding e, struct str model, struct jval request);
int64_t tokens_input_in(enum encoding e, struct str model, struct jval input);

#endif
