/* convert.h — what dialects that convert a chat request have in common
 *
 * A request is walked as text (jscan.h) and texts of the client are copied as the JSON strings that
 * they are; nothing is decoded but what must be looked at. R-numbers are the rules of the adaptor
 * notes: R10 data URIs, R11 remote media, R16 arguments of tools. What must be refused, since
 * leaving it out would change the meaning, is decided in convert_check.c for all of them.
 *
 * Threads  pure apart from their arguments.
 */
#ifndef PROVIDER_CONVERT_H
#define PROVIDER_CONVERT_H

#include "base/attr.h"
#include "base/buf.h"
#include "base/jscan.h"
#include "base/str.h"

struct arena;
struct call;
struct err;
struct form_edit;
struct upstream_req;

/* J_NONE when object is none or has no such member. */
struct jval convert_member(struct jval object, struct str name);
/* The same of a path with dots, as jscan_at reads it. */
struct jval convert_at(struct jval root, const char *path);
/* A member of the client's request; J_NONE where its body is none of JSON. */
struct jval convert_param(const struct call *c, const char *name);
/* A text as a JSON string, in the arena. */
struct str convert_quote(struct arena *a, struct str text);
/* What stands between the quotes of a string, escapes as they are; "" for anything else. */
static inline struct str convert_inside(struct jval string)
{
	return string.type == J_STRING ? str_slice(string.text, 1, string.text.n - 1) : STR("");
}
/* Present and not null? */
static inline bool convert_given(struct jval v)
{
	return v.type != J_NONE && v.type != J_NULL;
}
/* Is a message somebody's? */
bool convert_has_role(struct jval message, const char *role);
/* What a message says: its content, or else the words in which an assistant declined. */
struct jval convert_content(struct jval message);
/* All members of those names in one walk; absent ones are J_NONE. */
void convert_pick(struct jval object, const struct str *names, struct jval *out, size_t n);
/* A whole number from 0 to 2^31; 0 for anything else. */
int64_t convert_count(struct jval v);
/* `"name":raw`, with a comma before it where one is due. */
void convert_add_raw(struct buf *out, const char *name, struct str raw);
/* JSON text without blanks between its parts, names in their order. */
void convert_add_compact(struct buf *out, struct str json);
/* Arguments of a call as an object (R16): text that is one becomes one, blank text {}, anything
 * else {"raw":"…"}. */
void convert_add_arguments(struct buf *out, struct arena *a, struct jval arguments);
/* Little-endian float32 in base64 with quotes, for encoding_format base64. */
void convert_add_base64_floats(struct buf *out, struct jval numbers);
/* One vector as the client asked for it. */
void convert_add_vector(struct buf *out, struct jval numbers, bool base64);

/* A part of a message that is no text. One of url, encoded, bytes and file_id says where it is. */
enum media_kind { MEDIA_NONE, MEDIA_IMAGE, MEDIA_FILE, MEDIA_AUDIO, MEDIA_VIDEO };
struct media_part {
	enum media_kind kind;
	struct str mime;    /* lower case, without parameters; sniffed where nobody said it */
	struct str url;     /* http, https, s3 … */
	struct str encoded; /* base64, as it came */
	struct str bytes;   /* fetched by the engine */
	struct str file_id, filename;
	struct str format; /* of input_audio: wav, mp3 */
};

/* What its first bytes tell; "" for what we do not know. */
struct str convert_sniff(const struct media_part *m);
/* Reads part, whose place in the request is told in errors. kind is MEDIA_NONE for other parts.
 * What lies behind a URL is in bytes when the engine fetched it. ERR_INVALID_TEXT for a data URI
 * that is none. */
MUST_USE bool convert_media(const struct call *c, struct jval part, const char *place,
    struct media_part *out, struct err *err);
/* Appends its data as base64 without quotes; ERR_INVALID_TEXT when it has none or it is not
 * base64. */
MUST_USE bool convert_add_media(struct buf *out, const struct media_part *m, const char *place,
    struct err *err);
/* The data decoded, in the arena. */
MUST_USE bool convert_media_bytes(struct arena *a, const struct media_part *m, const char *place,
    struct str *out, struct err *err);

/* The client's form for this channel: begun with the model's name there, put when all other edits
 * are made. */
MUST_USE bool convert_begin_form(const struct call *c, struct form_edit *e, struct err *err);
void convert_put_form(const struct call *c, const struct form_edit *e, struct upstream_req *out);

/* What a dialect makes of tools: functions, nothing at all, or it looks at each by itself. */
enum convert_tools { TOOLS_ANY, TOOLS_FUNCTIONS, TOOLS_NONE };

/* Of a chat, before anything is written: not more choices than the provider makes, roles that we
 * know, and no tools, calls or choices of them that the dialect would leave out. */
MUST_USE bool convert_check_chat(const struct call *c, int64_t choices, enum convert_tools takes,
    struct err *err);
/* The choices alone, of any mode. */
MUST_USE bool convert_check_choices(const struct call *c, int64_t most, struct err *err);
/* How many texts an embeddings request holds. */
size_t convert_count_inputs(const struct call *c);
/* As many vectors as texts? ERR_UPSTREAM_BODY: a short list would be taken for the whole one. */
MUST_USE bool convert_check_vectors(size_t came, size_t asked, struct err *err);

/* Parameters that this dialect drops: fine, unless the channel is strict (config strict_params or
 * the option StrictParams) and the client said one of them with a meaning: null, false and 0 say
 * none. */
MUST_USE bool convert_drop(const struct call *c, const struct str *names, size_t n,
    struct err *err);
/* The same for one that is dropped only here, why says because of what. */
MUST_USE bool convert_drop_one(const struct call *c, const char *name, const char *why,
    struct err *err);

#endif
