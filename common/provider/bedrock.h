/* bedrock.h — between the files of the bedrock dialect
 *
 * Mantle, Bedrock's surface for OpenAI's clients, is none of this: bedrock_mantle.c hands over to the
 * openai dialect.
 *
 * One dialect, five shapes of body: Claude's and Llama's own through InvokeModel, everybody's through
 * Converse, embeddings by family and pictures through InvokeModel. Each is a surface; encode chooses one by
 * the model's id, the channel's api_style and what the request needs, and keeps it for the reply.
 */
#ifndef PROVIDER_BEDROCK_H
#define PROVIDER_BEDROCK_H

#include "provider/adaptor.h"
#include "provider/anthropic.h"
#include "provider/sink.h"

/* What makes and reads the bodies of one shape. */
struct bedrock_surface {
	const char *action, *stream_action; /* last part of the path */
	bool (*add_body)(struct call *c, struct buf *body, struct err *err);
	enum step (*decode)(struct call *c, struct str body, struct buf *out, struct err *err);
	/* One event: of Converse its name and JSON, of InvokeModel the model's own JSON. */
	bool (*event)(struct call *c, struct str name, struct str data, struct buf *out,
	    struct err *err);
	bool (*end)(struct call *c, struct buf *out, struct err *err);
};

struct bedrock {
	const struct bedrock_surface *surface;
	struct str model;                     /* Bedrock's id */
	struct str family;                    /* its maker's part: anthropic, meta.llama … */
	struct str request_id, error_type;    /* of the reply's head */
	int64_t header_tokens, header_output; /* of the reply's head; -1: not said */

	/* the reply */
	struct sink sink;
	struct anthropic_reply *claude;
	int calls, thoughts; /* so far */
	int block;
	bool got_arguments, trimmed;
	bool json_tool;
	const char *finish;
	struct usage usage;

	/* embeddings, one text a call */
	struct buf vectors;
	int64_t embedded;
};

extern const struct bedrock_surface bedrock_claude, bedrock_llama, bedrock_converse,
    bedrock_embeddings, bedrock_images;

/* The ends of a surface that does not stream: both are err. */
MUST_USE bool bedrock_no_event(struct call *c, struct str name, struct str data, struct buf *out,
    struct err *err);
MUST_USE bool bedrock_no_end(struct call *c, struct buf *out, struct err *err);

/* bedrock_auth.c: a key that is sent as it is, or a pair that signs. */
struct bedrock_credentials {
	struct str bearer, ak, sk, region;
};
struct bedrock_credentials bedrock_credentials(const struct call *c);
/* May it be part of a host? */
bool bedrock_region_ok(struct str region);
/* The last thing that is added to a request. */
MUST_USE bool bedrock_authorize(const struct call *c, const struct bedrock_credentials *with,
    const char *service, struct upstream_req *out, struct err *err);

/* bedrock_mantle.c: what type 33 is with api_style mantle, a row beside the table. */
extern const struct provider bedrock_mantle;

/* bedrock_model.c: the id of the call's model at Bedrock, and its family. */
void bedrock_find_model(const struct call *c, struct bedrock *b);
static inline bool bedrock_is(const struct bedrock *b, const char *family)
{
	return str_starts(b->family, str_c(family));
}

/* Usage as the client is told it: ours where the upstream said nothing. Ends the reply. */
void bedrock_finish(struct call *c, struct bedrock *b);
void bedrock_note_meter(struct call *c, const struct bedrock *b);

#endif
