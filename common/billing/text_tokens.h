/* text_tokens.h — tokens of text: which encoding a model has, and counting text that arrives in bits
 *
 *	struct text_counter c;
 *
 *	text_counter_init(&c, encoding_of_model(model));
 *	text_add(&c, STR("hello "));
 *	text_add_json(&c, value);               the same text goes on
 *	text_end(&c);                           the next one begins
 *	n = c.state.tokens;
 *
 * Text is cut into pieces as it comes; only the piece that is not finished is kept, so the count is
 * exact and memory constant, whatever the bits are. Bytes that are not UTF-8 count as U+FFFD. What
 * special tokens look like is ordinary text.
 *
 * Bounds: a counter encodes TEXT_EXACT_MAX bytes and estimates the rest (a quarter of a token per
 * ASCII byte, three quarters per other code point, rounded up per text). A piece that does not fit
 * the counter is cut, which adds a token or two: 4 KiB in a text_counter, 250 bytes in a token_meter.
 *
 * Threads  a counter has one owner. The switch to estimates is one atomic for the process.
 */
#ifndef BILLING_TEXT_TOKENS_H
#define BILLING_TEXT_TOKENS_H

#include "base/jscan.h"
#include "base/str.h"
#include "billing/bpe.h"

#define TEXT_EXACT_MAX ((size_t)4 << 20)

/* By the longest prefix that fits, a provider's name before a slash cut off. What nobody knows has
 * o200k_base: newer vocabularies are of that size. */
enum encoding encoding_of_model(struct str model);
/* "o200k_base" or "cl100k_base", as a channel may name it. */
bool encoding_of_name(struct str name, enum encoding *out);

/* Option ApproximateTokenEnabled: from now on every text of this process is estimated. */
void tokens_set_approximate(bool on);

struct text_state {
	enum encoding encoding;
	int64_t tokens;                    /* of the texts that ended, and of finished pieces */
	int64_t ascii_bytes, other_points; /* of this text, estimated */
	size_t exact;                      /* bytes encoded so far */
	uint16_t held;                     /* bytes in the counter's buffer */
	uint8_t cut;                       /* bytes of a code point that is not complete */
	char cut_bytes[4];
};

/* For what is there as a whole: twice the longest piece. Lives on the stack. */
struct text_counter {
	struct text_state state;
	char buffer[2 * BPE_PIECE_MAX];
};

void text_counter_init(struct text_counter *c, enum encoding e);
void text_add(struct text_counter *c, struct str bytes);
/* A JSON string, decoded on the way; any other value counts nothing. */
void text_add_json(struct text_counter *c, struct jval text);
/* Raw JSON in which blanks between values do not count. */
void text_add_compact(struct text_counter *c, struct str json);
void text_end(struct text_counter *c);

/* For a stream, small enough to be kept with each: { 0 } is a fresh one for o200k_base. Adding is
 * copying; about every 250 bytes are encoded. */
enum token_turn { TURN_CONTENT, TURN_REASONING, TURN_REFUSAL, TURN_NAME, TURN_ARGUMENTS };
struct token_meter {
	struct text_state state;
	enum token_turn turn;
	char buffer[256];
};

void token_meter_init(struct token_meter *m, struct str model);
void token_meter_add(struct token_meter *m, struct str piece);
/* A JSON string with its quotes. */
void token_meter_add_json(struct token_meter *m, struct jval text);
/* What is added next does not continue this text, as with another choice. */
void token_meter_break(struct token_meter *m);
/* Which of a reply's texts is added next: another than before, or a name, begins anew. Choices whose
 * events alternate count as one text, which is a token off now and then. */
void token_meter_turn(struct token_meter *m, enum token_turn turn);
/* Of all that was added, as if it ended here. */
int64_t token_meter_count(const struct token_meter *m);
/* The same at a glance: what is not encoded yet, some 250 bytes at most, is estimated. */
int64_t token_meter_about(const struct token_meter *m);

#endif
