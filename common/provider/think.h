/* think.h — what a model thought, cut out of what it said
 *
 * Servers without a parser for a model's reasoning leave it in the content, between <think> and
 * </think> at the very beginning; Google's compatible endpoint between <thought> and </thought>.
 * Clients that speak OpenAI's dialect look for it in reasoning_content.
 *
 *	struct think t = { 0 };
 *	think_split(&t, STR("think"), STR("<think>why</th"), false, &thought, &said);
 *	think_split(&t, STR("think"), STR("ink>\n\nbecause"), true, &thought, &said);
 *		thought "why", said "because"
 *
 * Text may be cut anywhere. What could be the beginning of a tag is held back, at most THINK_HELD
 * bytes, until the next piece tells; the last piece holds nothing back. A tag further on is text.
 *
 * Source   openai-compatible-west.md section 3, gemini-and-vertex.md section 9.
 * Threads  one at a time.
 */
#ifndef PROVIDER_THINK_H
#define PROVIDER_THINK_H

#include "base/buf.h"
#include "base/str.h"

#define THINK_HELD 32

/* Zero at the beginning of a message. */
struct think {
	enum { THINK_BEFORE, THINK_INSIDE, THINK_BEHIND, THINK_OVER } at;
	char held[THINK_HELD];
	size_t held_n;
};

/* Appends to both what is sure by now. tag: without brackets, at most 16 bytes. */
void think_split(struct think *t, struct str tag, struct str text, bool last, struct buf *thought,
    struct buf *said);

#endif
