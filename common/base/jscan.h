/* jscan.h — JSON read as text, without a tree
 *
 * A body that passes through keeps every byte that we do not own: unknown members survive, numbers
 * are not re-printed, nothing is allocated. First the whole text is checked once; then members are
 * found and walked as views into it; then edits (jedit.h) are collected and applied in one copy.
 *
 *	struct jval root, model;
 *	if (!jscan_check(body, JSON_MAX_DEPTH, &root, err))
 *		return false;
 *	if (jscan_member(root, STR("model"), &model))
 *		name = jscan_text(arena, model);
 *
 *	struct jedit e = jedit_new(arena, root);
 *	jedit_set(&e, root, STR("model"), STR("\"gpt-4o\""));
 *	jedit_apply(&e, &out);
 *
 * A view (struct jval) is valid as long as the text is. Walking assumes checked text; on unchecked
 * text it stays within bounds but may find nonsense. When a member name occurs twice the last one
 * counts (as in Go's and Python's decoders), and jedit_set and jedit_drop treat all of them.
 *
 * Errors   only the check fails: ERR_INVALID_JSON, saying what and at which byte.
 * Threads  pure.
 */
#ifndef BASE_JSCAN_H
#define BASE_JSCAN_H

#include "base/attr.h"
#include "base/buf.h"
#include "base/str.h"

struct arena;
struct err;

enum jtype { J_NONE, J_NULL, J_FALSE, J_TRUE, J_NUMBER, J_STRING, J_ARRAY, J_OBJECT };

struct jval {
	enum jtype type; /* J_NONE: absent */
	struct str text; /* raw, with quotes or brackets, no blanks around it */
};

/* Deepest max_depth that jscan_check takes. */
#define JSCAN_DEPTH_MAX 256

/* The whole of text is one well-formed value (RFC 8259), UTF-8, at most max_depth deep: a scalar
 * has depth 0, [] has 1. Bytes in the message count from 0. Escapes of lone surrogates and of
 * U+0000 pass; decoding makes U+FFFD of them, so that no text ever holds a NUL. */
MUST_USE bool jscan_check(struct str text, int max_depth, struct jval *root, struct err *err);
/* The first value in unchecked but bounded text, for events of an upstream: false when there is
 * none, when brackets or quotes do not close, or when a NUL lies in it. Costs one pass, checks no
 * details: not the kinds of brackets, not UTF-8. */
MUST_USE bool jscan_value(struct str text, struct jval *root);

/* name is plain text. What is not found, or not looked for in an object, leaves J_NONE in *out.
 * Costs a walk over the whole object, since the last of equal names counts: whoever wants many
 * members walks once with jscan_iter. */
bool jscan_member(struct jval object, struct str name, struct jval *out);
/* Dotted path of member names and array indices, "usage.prompt_tokens"; "" is the root. */
bool jscan_at(struct jval root, const char *path, struct jval *out);

struct jiter {
	const char *p, *end;
	bool first;
};

struct jiter jscan_iter(struct jval array_or_object);
/* name is raw, without quotes, escapes not undone. */
bool jscan_next_member(struct jiter *it, struct str *name, struct jval *value);
bool jscan_next_item(struct jiter *it, struct jval *value);
size_t jscan_count(struct jval array_or_object);

/* Decoded text of a string: a view into the source when nothing is escaped, else in the arena;
 * any other type gives the empty view. */
struct str jscan_text(struct arena *a, struct jval v);
/* Is it the string `text` (escapes undone)? */
bool jscan_is(struct jval v, struct str text);
/* Does a raw name, as jscan_next_member gives it, stand for `text`? Most do not, and a look tells:
 * escapes only ever make text longer, and a first letter is itself or an escape. */
bool jscan_name_decodes_to(struct str raw_name, struct str text);
static inline bool jscan_name_is(struct str raw_name, struct str text)
{
	if (raw_name.n < text.n || (text.n && raw_name.p[0] != text.p[0] && raw_name.p[0] != '\\'))
		return false;
	return jscan_name_decodes_to(raw_name, text);
}
/* A whole number within [min, max], exact; 1.0 and 1e2 count as whole. */
bool jscan_int(struct jval v, int64_t min, int64_t max, int64_t *out);
bool jscan_double(struct jval v, double *out);
static inline bool jscan_true(struct jval v)
{
	return v.type == J_TRUE;
}

/* Editing what was read belongs to reading it. */
#include "base/jedit.h"

#endif
