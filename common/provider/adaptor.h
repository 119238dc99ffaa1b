/* adaptor.h — the questions every dialect answers
 *
 * struct adaptor is behaviour, struct provider (providers.h) is data; several providers share one
 * adaptor. A request that one upstream call cannot answer is a list of steps: encode builds the
 * next call, decode says whether that was all. The engine (fcgi-relay) owns sockets, time and
 * money; an adaptor only turns bytes into bytes and notes usage, so it never blocks and is tested
 * with fixtures alone.
 *
 * The life of one attempt:
 *	encode → (upstream answers) → on_head
 *		status ≥ 400            → error → the engine decides about another channel
 *		whole                   → decode(body) → STEP_DONE, or STEP_NEXT → encode again
 *		stream, per frame       → on_event → appended to out, sent by the engine
 *		end of stream           → on_end: false when the stream broke off; c->more, which
 *		                          on_event has set → encode again
 *
 * Memory   c->arena lives as long as the attempt; during on_event it is rewound after the event,
 *          so what must outlive one event is kept in c->state, allocated in encode.
 * Errors   by kind: ERR_UPSTREAM* count against the channel and may be retried elsewhere,
 *          everything else is the client's.
 * Threads  encode on a worker, the rest on the wire; never at the same time.
 */
#ifndef PROVIDER_ADAPTOR_H
#define PROVIDER_ADAPTOR_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "billing/price.h"
#include "billing/tokens.h"
#include "net/frame.h"
#include "net/upstream.h"
#include "provider/ask.h"
#include "store/channel.h"

struct adaptor;
struct catalog_channel;
struct provider;
struct sink;

/* What lay behind a URL of the request, fetched by the engine for adaptor.wants_bytes. */
struct medium {
	struct str url;  /* as the client wrote it, escapes undone */
	struct str type; /* Content-Type without parameters, or "" */
	struct str bytes;
};

struct call {
	struct arena *arena;
	const struct ask *ask;
	const struct catalog_channel *channel;
	const struct provider *provider;
	struct str model;         /* after the channel's mapping */
	struct str system_prompt; /* forced by the channel, or "" */
	struct str query;         /* of the client's URL, as sent, without '?' */
	struct str key;           /* the one of the channel's keys that this attempt uses */
	bool stream; /* as the upstream is asked; ask->stream, but encode may set it: for a step
	              * whose reply decode reads, and where a provider cannot stream. Then decode
	              * makes all events of the client's stream and sets done_sent */
	int step;    /* 0 for the first upstream call */
	const struct medium *media; /* every URL that wants_bytes named */
	size_t media_count;

	/* filled by the adaptor */
	struct usage usage;
	struct token_meter meter; /* text produced, for billing when usage is not reported */
	int64_t pieces;           /* content deltas seen */
	bool finished;            /* a finish_reason or the end mark was seen */
	bool done_sent;           /* the mode's last event went to out; `[DONE]` for completions */
	bool more;                /* set by on_event: a further call tells what the end lacks */
	bool raw;                 /* set by encode: a 2xx body goes to the client as it comes */
	const char *reply_type;   /* Content-Type of what decode makes; NULL: the upstream's own */
	int reply_status;         /* likewise; 0 */
	struct str resource_id;   /* of what the upstream now keeps for the client (a response, a
	                           * file …), "" when nothing; noted by decode or on_event */
	bool failed;              /* an error event was seen; c->failure says which */
	struct err failure;
	bool system_prompt_reset;
	void *state; /* the dialect's own, in the arena */
};

enum step { STEP_FAILED, STEP_DONE, STEP_NEXT };

struct adaptor {
	const char *name;
	unsigned modes; /* bits 1 << enum mode that the dialect can do */
	/* How its streams are framed. */
	void (*frame_init)(struct frame_reader *in, frame_fn *on_event, void *arg);
	const char *stream_type; /* Content-Type that a streamed reply must start with */

	/* Must the bytes behind this http(s) URL of an image part be there before encode, since the
	 * upstream takes no URLs? NULL: never. */
	bool (*wants_bytes)(const struct call *c, struct str url);
	/* Fills method, url, headers and body of upstream call c->step. */
	bool (*encode)(struct call *c, struct upstream_req *out, struct err *err);
	/* Looks at the head of the reply to each call: ids and counts that the body lacks. What is
	 * kept is copied to c->arena. NULL: nothing in it matters. */
	void (*on_head)(struct call *c, const struct headers *headers);
	/* A whole 2xx body becomes the client's body in out; notes usage. */
	enum step (*decode)(struct call *c, struct str body, struct buf *out, struct err *err);
	/* One frame of a stream: appends what the client gets to out. An error that the upstream
	 * reports inside the stream: c->failed, c->failure, return true. */
	bool (*on_event)(struct call *c, const struct frame_event *event, struct buf *out,
	    struct err *err);
	/* The upstream closed the stream: appends what is missing ([DONE]). False with
	 * ERR_UPSTREAM_TRUNCATED when it broke off. With c->more set it adds nothing: encode is
	 * asked for the next step, and decode makes the end from its whole reply. When that is not
	 * to be had, on_end is asked again, c->more cleared, and ends without. */
	bool (*on_end)(struct call *c, struct buf *out, struct err *err);
	/* May a further upstream call mend this error status (a token that ran out)? True: encode
	 * is asked for the next step. NULL: never. */
	bool (*again)(struct call *c, int status, struct str body);
	/* Turns a reply with an error status into err: kind, status, type, code, message. */
	void (*error)(struct call *c, int status, struct str body, struct err *err);
};

/* Shared by all dialects: message, type, code and param from whatever shape of error body this is
 * (openai-and-azure.md section 9), masked; kind and client status from the upstream's status. */
void adaptor_error(int upstream_status, struct str body, struct err *err);
/* Is this whole 2xx body or event in truth an error? Then err is what adaptor_error would make of
 * the status that the error object names (400 to 599), or of 502; upstream_status is that or 200.
 * root is the first value of body. */
bool adaptor_error_inside(struct jval root, struct str body, struct err *err);
/* Replaces keys, bearer tokens, organisation ids, long random runs and the hosts of URLs by ***. */
struct str adaptor_mask(struct arena *a, struct str message);
/* Does the same to err with what only the call knows: the channel's key and host. For every err
 * that quotes an upstream. */
void adaptor_scrub(const struct call *c, struct err *err);
/* OpenAI's usage object → struct usage; false when it has none of the members. reported only when
 * a token was counted. */
bool adaptor_usage(struct jval usage, struct usage *out);
/* Is our own count of what the model wrote of any use yet? Not beside a report within reason. */
bool adaptor_counts(const struct call *c);
/* Adds tokens counted by us where the upstream reported nothing, half of it or only a sum, and cuts
 * a report that is far from all we saw, and parts that are more than their whole; called once at
 * the end. */
void adaptor_complete_usage(struct call *c, int64_t prompt_estimate);

/* A report of tokens, cut where it is far from what we counted or expected. */
int64_t adaptor_believable(int64_t reported, int64_t counted);

/* What the client is told of it: our own count where the upstream reported none. */
struct usage adaptor_usage_shown(const struct call *c);

/* The end of a decode that has written everything: err unless all of it fits its buffers. */
enum step adaptor_done(bool fits, struct err *err);

/* The bytes of b as long as the arena lives; b is empty afterwards, so ask buf_ok before. For
 * bodies made in encode. */
struct str adaptor_keep(struct arena *a, struct buf *b);

/* The one with this URL; NULL when there is none. */
const struct medium *adaptor_medium(const struct call *c, struct str url);

/* May a client's own path be put behind a base URL? "" or one that begins with '/', without blanks,
 * `?`, `#`, backslash, bytes beyond ASCII and segments of dots. */
bool adaptor_path_ok(struct str path);
/* NUL-terminated in the arena; NULL when it is no method. */
const char *adaptor_method(struct arena *a, struct str method);

/* The `id` of a small JSON reply, for keeping where a resource lives; "" when it has none. */
struct str openai_resource_id(struct arena *a, struct str body);
/* The last event of a stream that has begun and breaks off, in the words of its mode. For the
 * engine, with every dialect. */
void openai_stream_error(const struct call *c, const struct err *err, struct buf *out);
/* A stream was asked for and body came whole: an object of the mode becomes the client's events in
 * out, the mode's end included, with usage and meter noted; an error object or anything else is
 * err. */
MUST_USE bool openai_stream_from_whole(struct call *c, struct str body, struct buf *out,
    struct err *err);

extern const struct adaptor openai_adaptor;
extern const struct adaptor proxy_adaptor;
extern const struct adaptor ollama_adaptor;
extern const struct adaptor anthropic_adaptor;
extern const struct adaptor gemini_adaptor;
extern const struct adaptor palm_adaptor;
extern const struct adaptor vertex_adaptor;
extern const struct adaptor bedrock_adaptor;
extern const struct adaptor cohere_adaptor;
extern const struct adaptor cloudflare_adaptor;
extern const struct adaptor deepl_adaptor;
extern const struct adaptor replicate_adaptor;
extern const struct adaptor skeleton_adaptor; /* in no row: made to be copied */

#endif
