/* ask.h — what the client asks, as we read it
 *
 * An OpenAI-shaped body is checked once and then read in place: the facts that routing, pricing
 * and conversion need are picked out as views; the body itself stays bytes. A dialect that passes
 * it through edits those bytes; a dialect that converts walks them (or parses the tree once).
 *
 * Threads  owned with the request it was read from.
 */
#ifndef PROVIDER_ASK_H
#define PROVIDER_ASK_H

#include "base/jscan.h"
#include "base/str.h"

struct arena;
struct err;
struct form;
struct headers;

/* What a route does; also the bit of providers.h's modes. */
enum mode {
	MODE_CHAT,
	MODE_COMPLETIONS,
	MODE_EMBEDDINGS,
	MODE_MODERATIONS,
	MODE_EDITS,
	MODE_IMAGES,           /* images/generations */
	MODE_IMAGE_EDITS,      /* a form, or JSON */
	MODE_IMAGE_VARIATIONS, /* a form */
	MODE_SPEECH,
	MODE_TRANSCRIPTION, /* a form */
	MODE_TRANSLATION,   /* a form */
	MODE_RESPONSES,
	MODE_RESPONSES_COMPACT, /* responses/compact */
	MODE_RERANK,
	MODE_RESOURCE, /* files, batches, responses/:id …: forwarded as they are to the channel
	                * that keeps the resource */
	MODE_PROXY,    /* /v1/oneapi/proxy */
	MODE_COUNT
};

#define MODEL_NAME_MAX 191

struct ask {
	enum mode mode;
	struct str body, content_type;
	const struct form *form; /* multipart: its parts, as views into body; NULL: JSON */
	struct jval root;        /* J_NONE when it is a form */
	struct str model;        /* the client's name for it */
	bool stream;
	bool wants_usage;   /* stream_options.include_usage */
	int64_t max_tokens; /* max_completion_tokens, else max_tokens; -1: not said */
	int64_t n;          /* at least 1 */
	struct jval messages, prompt, input, tools, stream_options;
	struct jval prompt_cache_key, safety_identifier, user; /* who the client asks for */

	struct str size, quality;   /* images, with the route's defaults filled in */
	struct str response_format; /* images, speech, transcriptions; "" = not said */
	int64_t characters;         /* speech: code points of input */
	int64_t file_bytes;         /* transcriptions, image edits: of all uploads */

	const struct headers
	    *headers; /* the client's, or NULL; the dialect picks what may travel */
	/* MODE_RESOURCE and MODE_PROXY: what is forwarded. path begins with '/' and has no query */
	struct str method, path;
};

/* Reads and validates (relay.md section 5): a form when content_type says so, else JSON. path_model:
 * the :model part of the path or "". On failure the kind whose code that section names, with the
 * message of its row; ERR_INVALID_TEXT, _IMAGE or _AUDIO for a member that is wrong. MODE_RESOURCE
 * and MODE_PROXY are not read but filled in by who routes them. */
MUST_USE bool ask_read(struct arena *a, enum mode mode, struct str content_type, struct str body,
    struct str path_model, struct ask *out, struct err *err);

/* Only the model, for the key's model list, from a body that may be anything; "" when there is
 * none. ERR_INVALID_JSON or ERR_BAD_REQUEST when it cannot be parsed. */
MUST_USE bool ask_model(struct arena *a, struct str content_type, struct str body,
    struct str *model, struct err *err);

/* The limits of an image model that the channel's mapping led to: size, length of the prompt,
 * number. For dialects, in encode. */
MUST_USE bool ask_check_image(struct arena *a, const struct ask *ask, struct str model,
    struct err *err);

/* Prompt tokens of the whole request, as billing/tokens.h counts them. */
int64_t ask_prompt_tokens(const struct ask *ask);

#endif
