/* openai.h — the parts of the openai dialect, one file each
 *
 *	openai.c		the adaptor: encode, headers
 *	openai_url.c		base URL and task → URL, one rule per kind of provider
 *	openai_request.c	what is changed in a body that passes through
 *	openai_reply.c		what is read of a reply: usage, text, errors; whole replies
 *	openai_cues.c		transcripts as subtitles
 *	openai_pictures.c	pictures that are fetched, for providers that have but URLs
 *	openai_stream.c		events
 *	openai_whole.c		a whole reply where a stream was asked for
 *	openai_manners.c	how providers depart from the dialect: one row each
 *	openai_fields.c		what that means for requests
 *	openai_repair.c		and for replies
 *	openai_repair_calls.c	calls of tools
 *	openai_repair_think.c	reasoning that stands in the content, and such that stands twice
 *	openai_repair_logprobs.c	how likely each token was
 *
 * Threads  as adaptor.h says.
 */
#ifndef PROVIDER_OPENAI_H
#define PROVIDER_OPENAI_H

#include "provider/adaptor.h"
#include "provider/think.h"

/* Chat and the older completions: chunks of choices, a usage chunk when asked for, [DONE]. */
bool openai_is_completion(enum mode mode);
/* The request for a form's or file's transcript? */
bool openai_is_transcript(enum mode mode);

/* ERR_BAD_REQUEST when the client's path cannot be sent as it is. */
MUST_USE bool openai_url(const struct call *c, struct buf *url, struct err *err);
/* Body and its Content-Type. */
MUST_USE bool openai_body(struct call *c, struct upstream_req *out, struct err *err);

/* The client's prompt_cache_key as a header, for providers that have one for it. */
void openai_add_cache_header(const struct call *c, struct upstream_req *out);

/* The members of a reply or chunk that matter to us. */
struct openai_chunk {
	struct jval id, choices, usage, error, base_resp, groq, type;
	bool has_choice, is_error;
};

/* The object that a reply or an event is. What opens and closes with a brace is taken for one:
 * reading its members will tell, and passing over it first would cost as much again. */
bool openai_object(struct str body, struct jval *root);
/* Reads one reply or event of any mode into c: usage, text, end. False with err set when the body
 * is an error in truth. */
MUST_USE bool openai_note(struct call *c, struct jval root, struct str body,
    struct openai_chunk *ch, struct err *err);
/* The same for a whole reply, which must also hold what was asked for. */
MUST_USE bool openai_note_whole(struct call *c, struct jval root, struct str body,
    struct openai_chunk *ch, struct err *err);
enum step openai_decode(struct call *c, struct str body, struct buf *out, struct err *err);
/* Text that a model wrote, JSON with its quotes. */
void openai_meter(struct call *c, struct jval text);
/* A usage object; false when it is none. */
bool openai_note_usage(struct call *c, struct jval usage);
/* A transcript as SRT or VTT. */
void openai_note_cues(struct call *c, struct str body);
/* The error object of a response that failed. */
void openai_response_error(const struct call *c, struct jval error, struct err *err);
/* Remembers the id of what the upstream keeps. */
void openai_note_id(struct call *c, struct jval id);

bool openai_on_event(struct call *c, const struct frame_event *event, struct buf *out,
    struct err *err);
bool openai_on_end(struct call *c, struct buf *out, struct err *err);
void openai_send_done(struct call *c, struct buf *out);

/* Calls of one stream that are told apart (openai_repair_calls.c). */
#define OPENAI_CALLS_KEPT 64

/* Choices of one stream whose reasoning is cut out of their content. */
#define OPENAI_CHOICES_SPLIT 8

struct openai_tool_call {
	uint64_t id;   /* hash; 0: it has none */
	int64_t index; /* as the upstream counts; -1: it does not */
	bool renamed;  /* an earlier call has that id: the client knows it by one of ours */
};

struct openai_pictures;

/* What lives longer than one event. */
struct openai_state {
	struct openai_pictures *pictures; /* not NULL: they are being fetched */
	struct openai_tool_call *calls;   /* OPENAI_CALLS_KEPT; NULL: they need no mending */
	int call_count;
	struct think *think; /* OPENAI_CHOICES_SPLIT, by index of the choice; NULL: none is cut */
	uint64_t thought;    /* hash of the last delta of reasoning */
	char id[160];
	int64_t events; /* forwarded, of a stream whose events have a type */
};

/* Does the client want bytes where the provider has but URLs? Then its reply begins them:
 * STEP_NEXT, and until all are there encode fetches one and decode takes it. */
bool openai_wants_pictures(const struct call *c);
enum step openai_begin_pictures(struct call *c, struct jval root, struct err *err);
bool openai_fetches(const struct call *c);
MUST_USE bool openai_fetch_picture(const struct call *c, struct upstream_req *out, struct err *err);
enum step openai_take_picture(struct call *c, struct str body, struct buf *out, struct err *err);

/* Sets c->state, with the parts that replies of c's provider need: it lives as long as a stream. */
void openai_state_new(struct call *c);

#endif
