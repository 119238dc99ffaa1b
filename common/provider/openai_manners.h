/* openai_manners.h — how a provider that speaks OpenAI's dialect departs from it
 *
 * Most do in little things: a member that they refuse, another name for one, reasoning under a name
 * of their own, usage in a place of their own. What a provider departs in is a row of
 * openai_manners.c; what is done about it is written once, for requests in openai_fields.c, for
 * replies in openai_repair.c. A provider without a row gets and gives every byte as it is.
 *
 * Threads  the table is read-only.
 */
#ifndef PROVIDER_OPENAI_MANNERS_H
#define PROVIDER_OPENAI_MANNERS_H

#include "base/attr.h"
#include "base/str.h"

struct call;
struct err;
struct jedit;
struct jval;
struct provider;

/* Of requests. */
enum {
	ASK_SYSTEM = 1,        /* knows no role `developer` */
	ASK_MAX_TOKENS = 2,    /* knows no max_completion_tokens */
	ASK_NO_NULL = 4,       /* wants a text beside tool calls, if an empty one */
	ASK_REASONING = 8,     /* reasoning_content of earlier turns is its `reasoning` */
	ASK_NO_REASONING = 16, /* refuses reasoning_content of earlier turns, but where they called
	                        * tools: there it is wanted */
	ASK_PARTS = 32,        /* takes it as a part of the content, of models that think */
	ASK_SHORT_IDS = 64,    /* ids of calls are nine letters and digits, or the model refuses */
	ASK_LEADING_SYSTEM = 128,   /* a system message stands first or not at all */
	ASK_PREFIX = 256,           /* a last message of the assistant says so */
	ASK_SCHEMA_WORDS = 512,     /* takes a schema in words only */
	ASK_NUMBER_LOGPROBS = 1024, /* logprobs is a number */
	ASK_ONE_TOOL = 2048,        /* cannot be told which tool: gets no other */
	ASK_LIMIT = 4096, /* stops early when nobody says max_tokens: the channel's default does */
	ASK_ONE_CHOICE = 8192, /* knows no n: one choice is what it makes */
};

/* Of replies. */
enum {
	ANSWER_REASONING = 1, /* `reasoning` is reasoning_content */
	ANSWER_PARTS = 2,     /* content may be a list with thinking in it */
	ANSWER_CALLS = 4, /* calls without index or id, arguments as an object, empty last deltas */
	ANSWER_FINISH = 8,      /* other finish reasons than OpenAI's */
	ANSWER_GROQ = 16,       /* a member x_groq */
	ANSWER_XAI = 32,        /* reasoning and cached tokens lie outside of the sums; citations */
	ANSWER_UNWRAP = 64,     /* the reply may lie in `result` */
	ANSWER_FLAGGED = 128,   /* moderations do not say `flagged` */
	ANSWER_BUSY_413 = 256,  /* a 413 is a limit of tokens per minute */
	ANSWER_CACHE = 512,     /* cached tokens have a name of their own */
	ANSWER_LOGPROBS = 1024, /* logprobs are lists side by side */
	ANSWER_USAGE_CHOICE = 2048, /* usage comes beside a choice that says nothing */
	ANSWER_SLIPS = 4096,        /* a 400 for what the model wrote, not for what was asked */
};

/* One value of a member, for models whose name has `model` in it (beginning: ^, all of it: ^ and $),
 * and what takes its place; the first that fits counts. */
struct manner_value {
	const char *member, *model, *value; /* value "": any */
	const char *name, *raw;             /* NULL: stays as it is; raw NULL: dropped */
	const char *also, *also_raw;
};

struct manner_rename {
	const char *from, *to;
};

/* A member that is added where the client says neither it nor `unless`. */
struct manner_default {
	const char *model, *name, *raw, *unless;
};

struct openai_manners {
	unsigned asks, answers;
	const char *known;        /* comma list: all others are refused; NULL: none are */
	const char *dropped;      /* comma list */
	const char *unsaid;       /* the same of a message: what clients send back of replies */
	const char *think;        /* tag around reasoning in the content; NULL: none */
	const char *cache_header; /* says what prompt_cache_key does */
	const char *models;       /* comma list of manner_value.model: who thinks */
	const char *short_ids;    /* the same of ASK_SHORT_IDS; "" is anyone */
	const struct manner_value *values;   /* to the one without member */
	const struct manner_rename *renames; /* to the one without from */
	const struct manner_default *defaults;
	const struct manner_rename *embed_renames; /* in requests for embeddings */
};

/* NULL when it has none. */
const struct openai_manners *openai_manners(const struct provider *p);
/* Does the name fit a pattern of manner_value.model? */
bool manners_fit(struct str model, const char *pattern);
/* A pattern of the list that fits. */
bool manners_fit_any(struct str model, const char *list);

/* Edits of a request's members; ERR_BAD_REQUEST for a member that is dropped on a strict channel. */
MUST_USE bool openai_edit_fields(const struct call *c, struct jedit *e, struct err *err);
/* A reply or event as OpenAI would have said it: the text itself, or another one in the arena. */
struct str openai_repair(struct call *c, struct str body);
/* The calls of tools in a message or delta, the first choice's. */
void openai_mend_calls(struct call *c, struct jedit *e, struct jval message, bool streamed);
/* Its parts that are about reasoning. The tag that a call's content is searched for, or "". */
struct str openai_think_tag(const struct call *c);
/* A choice's message or delta. */
void openai_split_thought(struct call *c, struct jedit *e, struct str tag, struct jval choice,
    struct jval message);
/* A delta of reasoning that says again what the one before it said. */
void openai_drop_repeated(struct call *c, struct jedit *e, struct jval delta);
/* A choice's logprobs, and the message or delta that they are of. */
void openai_mend_logprobs(struct call *c, struct jedit *e, struct jval choice, struct jval message);

#endif
