/* anthropic.h — Claude's Messages API, wherever it is hosted
 *
 * Anthropic itself, Bedrock's InvokeModel and Vertex take the same body and answer with the same
 * objects and events; what differs is struct anthropic_host. The dialect of each host makes URL and
 * credentials and frames the stream, the rest is here:
 *
 *	static const struct anthropic_host host = { .version = "vertex-2023-10-16" };
 *	s = anthropic_reply_new(c, &host);             in encode, kept in c->state
 *	anthropic_add_body(c, &host, s, &body, err)
 *	anthropic_decode(c, s, body, out, err)         a whole reply
 *	anthropic_event(c, s, data, out, err)          one event's JSON
 *	anthropic_end(c, err)                          the stream was closed
 *	anthropic_error(c, status, body, err)
 *
 * Thinking comes back as reasoning_content, and as reasoning_details with what must be replayed: the
 * text and signature of a block, or its encrypted data. In a stream the text of the first block is
 * only in reasoning_content and that of later ones also in the details, so that a client that
 * concatenates both can replay every block: the first one's text is what the others leave over.
 *
 * Owns     what it makes is in c->arena.
 * Errors   ERR_INVALID_TEXT and ERR_BAD_REQUEST for what cannot be said to a Claude.
 */
#ifndef PROVIDER_ANTHROPIC_H
#define PROVIDER_ANTHROPIC_H

#include "provider/adaptor.h"
#include "provider/sink.h"

struct claude;

struct anthropic_host {
	const char *version; /* member anthropic_version, or NULL: a header says it */
	bool has_model;      /* model and stream are members of the body */
	bool betas_in_body;  /* anthropic_beta is a member; else the caller makes a header of it */
	bool takes_urls;     /* images and documents by URL or file id */
	bool is_vertex;      /* stream is a member of the body; knows no output_config.format */
	bool is_bedrock;     /* refuses some members (bedrock.md section 4) */
};

struct anthropic_reply;

/* For this attempt; before the body. */
struct anthropic_reply *anthropic_reply_new(struct call *c);
/* Appends the request's body. */
MUST_USE bool anthropic_add_body(struct call *c, const struct anthropic_host *host,
    struct anthropic_reply *reply, struct buf *body, struct err *err);
/* The betas that this request asks for, of the channel and of the client, once each: a comma list.
 * After the body, which may need some. */
struct str anthropic_betas(const struct call *c, const struct anthropic_reply *reply);

MUST_USE enum step anthropic_decode(struct call *c, struct anthropic_reply *reply, struct str body,
    struct buf *out, struct err *err);
MUST_USE bool anthropic_event(struct call *c, struct anthropic_reply *reply, struct str data,
    struct buf *out, struct err *err);
MUST_USE bool anthropic_end(struct call *c, struct err *err);
void anthropic_error(struct call *c, int status, struct str body, struct err *err);

/* ---- between the files of this dialect ---- */

/* What a request decides and its reply must know. */
struct anthropic_reply {
	struct sink sink;
	bool json_tool;   /* the tool json_output stands for the content */
	bool needs_files; /* a part names a file by its id */
	bool eager;       /* a tool's input is wanted as it is written, and only a beta gives it */

	/* while a reply is read */
	int calls, thoughts; /* so far: indices run over the whole reply */
	int block;           /* enum block of anthropic_reply.c: what is open now */
	bool got_arguments;  /* of the call that is open */
	bool started;
	const char *finish;
	int64_t input, cache_read, cache_write, cache_write_5m, cache_write_1h, output, thinking;
};

/* Members of the request, one walk. */
enum anthropic_param {
	AP_TOOL_CHOICE,
	AP_FUNCTIONS,
	AP_FUNCTION_CALL,
	AP_PARALLEL,
	AP_RESPONSE_FORMAT,
	AP_EFFORT,
	AP_STOP,
	AP_TEMPERATURE,
	AP_TOP_P,
	AP_TOP_K,
	AP_SERVICE_TIER,
	AP_METADATA,
	AP_WEB_SEARCH,
	AP_THINKING,
	AP_OUTPUT_CONFIG,
	AP_CACHE_CONTROL,
	AP_MCP_SERVERS,
	AP_CONTAINER,
	AP_CONTEXT_MANAGEMENT,
	AP_COUNT
};

#define ANTHROPIC_NAMES_MAX 128

struct anthropic_writer {
	struct call *c;
	const struct anthropic_host *host;
	struct anthropic_reply *reply;
	const struct claude *model;
	struct buf *out;
	struct jval f[AP_COUNT];

	const char *turn;       /* the role of the message that is open, or NULL */
	bool turn_has_thinking; /* it begins with a signed block */
	bool turn_has_calls;
	bool last_call_unsigned; /* of the last assistant turn: calls without signed thinking */
	struct jval names[ANTHROPIC_NAMES_MAX]; /* of the calls in the history, each once */
	size_t name_count;
	size_t older_calls; /* of the older form, which has no ids */
};

/* anthropic_messages.c: system and messages. */
bool anthropic_add_messages(struct anthropic_writer *w, struct err *err);
/* anthropic_tools.c: tools, tool_choice; thinking: whether it is on. */
bool anthropic_add_tools(struct anthropic_writer *w, bool thinking, struct err *err);
/* eager_input_streaming of a tool; J_NONE when it says nothing. */
struct jval anthropic_eager(struct jval tool, struct jval function);
/* anthropic_thinking.c: thinking, output_config, temperature and the like; max_tokens as it is sent.
 * thinking gets whether it is on. */
bool anthropic_add_thinking(struct anthropic_writer *w, int64_t max_tokens, bool *thinking,
    struct err *err);
/* A reasoning_effort as this model has it: the word of adaptive thinking, NULL for none; tokens gets
 * the budget of models that have one, 0 for none. False when it is no effort. */
bool anthropic_effort(struct jval effort, const struct claude *model, const char **word,
    int64_t *tokens);
/* Is the schema's answer wanted as output_config.format, rather than by a tool? */
bool anthropic_has_format(const struct anthropic_writer *w);

#endif
