/* sink.h — where a dialect writes role, text, calls, finish; makes OpenAI JSON or events
 *
 * A converting dialect says what happened; the sink knows how OpenAI says it, whole or streamed:
 * one id and one `created` for all chunks, role first, finish_reason null until the end, an index
 * on every tool-call delta, usage last and only when asked for, one [DONE] (rules R1–R9, R18 of
 * the adaptor notes in openai.c). A whole reply is collected and written by sink_end. Every write
 * appends to out; the owner sends what is there and clears it.
 *
 *	sink_text(to, str);             delta.content
 *	sink_reasoning(to, str);        delta.reasoning_content
 *	sink_call(to, index, id, name); opens tool call `index`, counted over tool calls only
 *	sink_arguments(to, index, piece);
 *	sink_finish(to, "stop");
 *	sink_end(to, &usage);
 *
 * Where a request wants several choices, sink_choice says whose the next words are.
 *
 * Errors   none here: a reply past its ceiling shows in buf_ok(out).
 * Threads  owned with its call.
 */
#ifndef PROVIDER_SINK_H
#define PROVIDER_SINK_H

#include "base/buf.h"
#include "base/str.h"
#include "billing/price.h"
#include "billing/tokens.h"
#include "provider/ask.h"

struct arena;

/* Most choices that a dialect may make. */
#define SINK_CHOICES 8

struct sink {
	struct arena *arena;
	struct buf *out;
	enum mode mode;
	bool stream, wants_usage;
	struct str model; /* as the client named it; sink_init copies nothing */
	char id[48];
	int64_t created;
	bool role_sent, finished, ended;
	struct token_meter meter; /* everything produced: for billing when usage is not reported */
	uint64_t pieces;          /* deltas written */
	struct str logprobs;      /* waits for the next text; borrowed until then */
	struct str extra;         /* waits for the next text, reasoning or call; likewise */
	void *whole;              /* sink.c's, when not streaming: of the current choice */
	int choice;               /* role_sent, finished and whole are its own */
	unsigned opened;          /* bits of choices that were spoken of */
	struct sink_choice {      /* of the others */
		bool role_sent, finished;
		void *whole;
	} choices[SINK_CHOICES];
};

/* upstream_id "" makes a fresh one. Made once per attempt; an owner whose buffer changes sets out.
 */
void sink_init(struct sink *to, struct arena *a, struct buf *out, const struct ask *ask,
    struct str upstream_id);

/* The id that the upstream has for the reply, once it is known; before anything is said. */
void sink_id(struct sink *to, struct str upstream_id);

/* The first chunk, with the role alone, when the upstream says that it begins; else the first delta
 * sends it. */
void sink_role(struct sink *to);
/* The choice that is spoken of from now on, 0 at first; those beyond SINK_CHOICES are the last. */
void sink_choice(struct sink *to, int index);

void sink_text(struct sink *to, struct str text);
void sink_reasoning(struct sink *to, struct str text);
/* One item of reasoning_details (R9) or of annotations, a raw JSON object: what must come back next
 * turn, and what backs the text. */
void sink_reasoning_detail(struct sink *to, struct str item);
void sink_annotation(struct sink *to, struct str item);
void sink_refusal(struct sink *to, struct str text);
/* id "" makes a fresh one. */
void sink_call(struct sink *to, int index, struct str id, struct str name);
void sink_arguments(struct sink *to, int index, struct str piece);
/* Both at once, in one chunk, for dialects whose calls arrive whole. */
void sink_whole_call(struct sink *to, int index, struct str id, struct str name,
    struct str arguments);
/* A picture that the model made: an item of message.images, a raw JSON object. */
void sink_image(struct sink *to, struct str item);
/* extra_content, a raw JSON object that the provider wants back next turn: beside the next text,
 * reasoning or call; with an empty text it goes alone. */
void sink_extra(struct sink *to, struct str object);
/* Items of logprobs.content, raw JSON without the brackets: they go with the next sink_text. */
void sink_logprobs(struct sink *to, struct str items);
/* finish_reason of the current choice: stop, length, tool_calls, content_filter. First one counts. */
void sink_finish(struct sink *to, const char *reason);
/* Streaming: finish "stop" if there was none, usage chunk if asked for, then [DONE]. Whole: the
 * whole object. */
void sink_end(struct sink *to, const struct usage *usage);

/* OpenAI's usage object; details only where there are any, never larger than their parent (R7). */
void sink_usage(struct buf *out, const struct usage *usage);

/* `data: {"error":{…}}` for a stream that already began (R20); no [DONE] follows. */
struct err;
void sink_error_event(struct buf *out, const struct err *err);
/* {"error":{"message":…,"type":…,"param":…,"code":…}} */
void sink_error_body(struct buf *out, const struct err *err);

#endif
