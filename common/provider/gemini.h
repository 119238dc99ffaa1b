/* gemini.h — Google's generateContent, wherever it is hosted
 *
 * The Gemini API and Vertex take the same body and answer with the same objects; what differs is
 * struct gemini_host. The dialect of each host makes URL and credentials, the rest is here:
 *
 *	s = gemini_reply_new(c);                 in encode, kept in c->state
 *	gemini_add_chat(c, &host, s, &body, err)
 *	gemini_decode(c, s, body, out, err)      a whole reply
 *	gemini_event(c, s, data, out, err)       one event's JSON
 *	gemini_end(c, s, out, err)               the stream was closed
 *	google_error(c, status, body, err)
 *
 * A thought signature comes back as extra_content.google.thought_signature of the call or message
 * that it belongs to (Google's own convention) and as an item of reasoning_details; both are read
 * again next turn and put on the same part. A Gemini 3 refuses calls without one, so a call that
 * lost its own gets the value that Google made for this.
 *
 * Owns     what it makes is in c->arena.
 * Errors   ERR_INVALID_TEXT and ERR_BAD_REQUEST for what cannot be said to a Gemini.
 */
#ifndef PROVIDER_GEMINI_H
#define PROVIDER_GEMINI_H

#include "provider/adaptor.h"
#include "provider/convert.h"
#include "provider/sink.h"

struct gemini_host {
	bool is_vertex; /* knows no ids of calls, fetches URLs itself, takes labels */
};

/* What the name of a model tells about it. */
struct gemini_model {
	int generation; /* times ten: 25 is Gemini 2.5; 0: no Gemini, or a tuned one */
	bool is_gemma;  /* takes no system instruction */
	bool is_pro, is_lite;
	bool is_image;  /* makes pictures by generateContent */
	bool is_imagen; /* makes pictures by predict */
	bool is_embedding;
	bool thinks; /* takes a thinkingConfig */
};

struct gemini_model gemini_model(struct str name);

/* What the operator sets for all channels of Google's: GEMINI_SAFETY_SETTING, GEMINI_VERSION, and
 * hosts beside Google's that may be asked for tokens (VERTEX_TOKEN_HOSTS). The texts stay where they
 * are. Before any thread. */
struct google_settings {
	const char *safety, *version, *token_hosts;
};
void google_configure(const struct google_settings *settings);
const struct google_settings *google_settings(void);

/* What a request decides and its reply must know. */
struct gemini_reply {
	struct sink sink;
	bool wants_logprobs;
	bool started;
	struct gemini_choice {
		bool seen, spoke;
		int calls;          /* so far: indices run over the whole reply */
		const char *finish; /* NULL: not said yet */
		bool is_faulty;     /* it ended in a way that is an answer only if it spoke */
	} choices[SINK_CHOICES];
};

struct gemini_reply *gemini_reply_new(struct call *c);
MUST_USE bool gemini_add_chat(struct call *c, const struct gemini_host *host,
    struct gemini_reply *reply, struct buf *body, struct err *err);
MUST_USE enum step gemini_decode(struct call *c, struct gemini_reply *reply, struct str body,
    struct buf *out, struct err *err);
MUST_USE bool gemini_event(struct call *c, struct gemini_reply *reply, struct str data,
    struct buf *out, struct err *err);
MUST_USE bool gemini_end(struct call *c, struct gemini_reply *reply, struct buf *out,
    struct err *err);
/* usageMetadata into usage; false when it is none. */
bool gemini_usage(struct jval metadata, struct usage *out);

/* google_error.c: the error shape of all of Google's services. */
void google_error(struct call *c, int status, struct str body, struct err *err);
/* The same for a 2xx body or an event; false when there is no error in it. */
bool google_error_inside(struct call *c, struct jval root, struct str body, struct err *err);
/* promptFeedback without candidates: the prompt was blocked. */
bool google_blocked(struct call *c, struct jval feedback, struct err *err);

/* gemini_work.c: embeddings, pictures and speech. A request may take several calls: each encode
 * writes the next body, each decode takes its reply in. */
struct gemini_work;
struct gemini_work *gemini_work_new(struct call *c, const struct gemini_host *host);
/* What stands behind the model in the URL: ":predict". */
const char *gemini_work_method(const struct gemini_work *work);
MUST_USE bool gemini_work_add(struct call *c, struct gemini_work *work, struct buf *body,
    struct err *err);
MUST_USE enum step gemini_work_take(struct call *c, struct gemini_work *work, struct str reply,
    struct buf *out, struct err *err);

/* Room for a body of this request. */
struct buf gemini_body(const struct call *c);
/* The bytes of body as the request's. ERR_TOO_LARGE when it did not fit. */
MUST_USE bool gemini_send(struct call *c, struct buf *body, struct upstream_req *out,
    struct err *err);
/* Does this URL lie where Gemini finds it itself (its files, YouTube)? */
bool gemini_finds(struct str url);

/* ---- between the files of this dialect ---- */

/* Members of the request, one walk. */
enum gemini_param {
	GP_TOOL_CHOICE,
	GP_FUNCTIONS,
	GP_FUNCTION_CALL,
	GP_PARALLEL,
	GP_RESPONSE_FORMAT,
	GP_EFFORT,
	GP_THINKING,
	GP_STOP,
	GP_TEMPERATURE,
	GP_TOP_P,
	GP_TOP_K,
	GP_SEED,
	GP_PRESENCE,
	GP_FREQUENCY,
	GP_LOGPROBS,
	GP_TOP_LOGPROBS,
	GP_MODALITIES,
	GP_WEB_SEARCH,
	GP_SERVICE_TIER,
	GP_METADATA,
	GP_GOOGLE,
	GP_EXTRA_BODY,
	GP_COUNT
};

/* Members of the extension `google`, by either spelling. */
enum google_member {
	GG_CACHED,
	GG_SAFETY,
	GG_THINKING,
	GG_RESOLUTION,
	GG_SPEECH,
	GG_IMAGE,
	GG_COUNT
};

struct gemini_writer {
	struct call *c;
	const struct gemini_host *host;
	struct gemini_model model;
	struct gemini_reply *reply;
	struct buf *out;
	struct jval f[GP_COUNT];
	struct jval google[GG_COUNT];
};

/* gemini_contents.c: systemInstruction and contents. */
MUST_USE bool gemini_add_messages(struct gemini_writer *w, struct err *err);
/* gemini_tools.c: tools and toolConfig. */
MUST_USE bool gemini_add_tools(struct gemini_writer *w, struct err *err);
/* gemini_config.c: generationConfig and safetySettings. */
MUST_USE bool gemini_add_config(struct gemini_writer *w, struct err *err);
/* The four categories at the channel's threshold. */
void gemini_add_safety(struct buf *out, const struct call *c);

/* gemini_schema.c: a JSON schema in the subset that Google reads. False, and nothing is added, when
 * it is an object without properties. */
bool gemini_schema_says(struct jval schema);
void gemini_add_schema(struct buf *out, struct arena *a, struct jval schema);

#endif
