/* ollama.h — the parts of the ollama dialect, one file each
 *
 *	ollama.c		the adaptor: which surface, errors
 *	ollama_messages.c	a conversation with its calls, results and media
 *	ollama_request.c	tools, options and the three bodies
 *	ollama_reply.c		replies, lines of a stream, embeddings
 *
 * Threads  as adaptor.h says.
 */
#ifndef PROVIDER_OLLAMA_H
#define PROVIDER_OLLAMA_H

#include "base/json.h"
#include "provider/adaptor.h"
#include "provider/sink.h"

/* Tool calls that a result may still refer to. */
#define OLLAMA_CALLS_KEPT 256

enum ollama_param {
	OP_TOOL_CHOICE,
	OP_FUNCTIONS,
	OP_FUNCTION_CALL,
	OP_RESPONSE_FORMAT,
	OP_REASONING_EFFORT,
	OP_STOP,
	OP_TEMPERATURE,
	OP_TOP_P,
	OP_TOP_K,
	OP_MIN_P,
	OP_SEED,
	OP_PRESENCE_PENALTY,
	OP_FREQUENCY_PENALTY,
	OP_REPETITION_PENALTY,
	OP_NUM_CTX,
	OP_LOGPROBS,
	OP_TOP_LOGPROBS,
	OP_KEEP_ALIVE,
	OP_TRUNCATE,
	OP_SHIFT,
	OP_SUFFIX,
	OP_RAW,
	OP_DIMENSIONS,
	OP_ENCODING_FORMAT,
	OP_COUNT
};

/* A call of the conversation, so that its result can name the function. */
struct ollama_call {
	struct jval id, name;
};

/* What is needed while one request is written. */
struct ollama_writer {
	struct call *c;
	struct buf body;
	struct jval f[OP_COUNT];
	struct ollama_call calls[OLLAMA_CALLS_KEPT]; /* a ring */
	size_t call_count;
};

/* What outlives encode. */
struct ollama_state {
	struct sink sink;
	int calls; /* tool calls so far: indices run over the whole reply */
	bool wants_logprobs, wants_base64, started;
	bool thinks, no_think; /* was told how hard to think; the model cannot */
};

static inline void ollama_add(struct ollama_writer *w, struct str text)
{
	buf_add(&w->body, text);
}

/* `"name":raw` */
static inline void ollama_add_raw(struct ollama_writer *w, const char *name, struct str raw)
{
	json_add_name(&w->body, name);
	ollama_add(w, raw);
}

/* ---- ollama_messages.c ------------------------------------------------------------------- */

MUST_USE bool ollama_add_messages(struct ollama_writer *w, struct err *err);

/* ---- ollama_request.c -------------------------------------------------------------------- */

/* The client's members, once. */
void ollama_find_params(struct ollama_writer *w);
/* The bodies of /api/chat, /api/generate and /api/embed. */
MUST_USE bool ollama_add_chat(struct ollama_writer *w, struct err *err);
MUST_USE bool ollama_add_generate(struct ollama_writer *w, struct err *err);
MUST_USE bool ollama_add_embed(struct ollama_writer *w, struct err *err);

/* ---- ollama_reply.c ---------------------------------------------------------------------- */

enum step ollama_decode(struct call *c, struct str body, struct buf *out, struct err *err);
bool ollama_on_event(struct call *c, const struct frame_event *event, struct buf *out,
    struct err *err);

#endif
