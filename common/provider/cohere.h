/* cohere.h — the parts of the cohere dialect, one file each
 *
 *	cohere.c		the adaptor: which surface, headers, errors
 *	cohere_request.c	a chat for /v2/chat
 *	cohere_reply.c		what /v2/chat answers, whole and streamed
 *	cohere_v1.c		both for /v1/chat (config api_version "v1")
 *	cohere_lists.c		embeddings and rerank
 *	cohere_audio.c		transcripts
 *
 * Threads  as adaptor.h says.
 */
#ifndef PROVIDER_COHERE_H
#define PROVIDER_COHERE_H

#include "provider/adaptor.h"
#include "provider/sink.h"

/* Room for what a request gains: names of members, defaults. */
#define COHERE_ROOM (64 * 1024)

/* What outlives encode. */
struct cohere {
	struct sink sink;
	bool v1, base64, returns_documents, started;
	int calls;          /* tool calls so far */
	bool has_arguments; /* of the last of them */
	/* embeddings: vectors of the calls so far */
	struct buf vectors;
	int64_t count, tokens;
	size_t from; /* the next text */
};

bool cohere_is_v1(const struct call *c);
/* Members that both versions know, from the request's to Cohere's names. */
void cohere_add_sampling(struct call *c, struct buf *out);
/* The text parts of a content, joined by line feeds, as a JSON string; media is refused. */
MUST_USE bool cohere_add_text(struct call *c, struct buf *out, struct jval content, size_t message,
    struct err *err);
/* Is this tool the one that tool_choice insists on, or does it insist on none? */
bool cohere_is_chosen(struct jval tool_choice, struct jval function);

MUST_USE bool cohere_add_chat(struct call *c, struct buf *out, struct err *err);
MUST_USE bool cohere_v1_add_chat(struct call *c, struct buf *out, struct err *err);
MUST_USE bool cohere_add_embed(struct call *c, struct buf *out, struct err *err);
MUST_USE bool cohere_add_rerank(struct call *c, struct buf *out, struct err *err);
/* The client's form, with nothing in it that Cohere does not know. */
MUST_USE bool cohere_put_form(struct call *c, struct upstream_req *out, struct err *err);

/* usage or meta of a reply. */
void cohere_note_usage(struct call *c, struct jval usage);
/* finish_reason in OpenAI's words; NULL with err set when it means a failure. */
const char *cohere_finish(struct call *c, struct jval reason, struct err *err);
/* Finish, usage and end of the client's reply; false when the reason is a failure. */
MUST_USE bool cohere_end(struct call *c, struct jval reason, struct err *err);

MUST_USE bool cohere_say(struct call *c, struct jval root, struct err *err);
MUST_USE bool cohere_v1_say(struct call *c, struct jval root, struct err *err);
MUST_USE bool cohere_hear(struct call *c, struct jval root, struct jval type, struct err *err);
MUST_USE bool cohere_v1_hear(struct call *c, struct jval root, struct jval type, struct err *err);
enum step cohere_embedded(struct call *c, struct jval root, struct buf *out, struct err *err);
enum step cohere_reranked(struct call *c, struct jval root, struct buf *out, struct err *err);
enum step cohere_transcribed(struct call *c, struct jval root, struct str body, struct buf *out,
    struct err *err);

#endif
