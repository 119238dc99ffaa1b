/* json.h — JSON as trees: cJSON at the edge
 *
 * For bodies whose every member matters to us: the admin API, options, dialects that convert.
 * Bodies that only pass through are read and edited as text (jscan.h) and never become a tree.
 *
 * json_parse checks size, depth, UTF-8 and trailing bytes before cJSON sees the text; the tree is
 * tied to the arena. Paths name nested members with dots and array items by number:
 * "choices.0.delta.content". Getters never fail: what is absent or of another type gives the
 * fallback. Writers append to a buf, escape as RFC 8259 demands and add no blanks.
 *
 * Threads  pure apart from their arguments.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <cjson/cJSON.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/str.h"

struct arena;
struct err;

/* Deepest nesting that any body may have. */
#define JSON_MAX_DEPTH 64

/* ERR_INVALID_JSON with a plain sentence when text is not one well-formed JSON value, or has a
 * number of more than 63 characters, where cJSON is one that reads no more. Lone surrogates and
 * U+0000 become U+FFFD. */
MUST_USE bool json_parse(struct arena *a, struct str text, cJSON **out, struct err *err);

/* NULL when absent. Of equal member names the last counts; the path "" is the tree itself. */
const cJSON *json_at(const cJSON *tree, const char *path);
struct str json_str_at(const cJSON *tree, const char *path);
/* A fraction is cut off. cJSON holds numbers as double: exact up to 2^53, the nearest double
 * beyond, and clamped to what an int64_t holds. */
int64_t json_int_at(const cJSON *tree, const char *path, int64_t fallback);
double json_double_at(const cJSON *tree, const char *path, double fallback);
bool json_bool_at(const cJSON *tree, const char *path, bool fallback);
/* Text of the tree, compact, members in their order. */
struct str json_print(struct arena *a, const cJSON *tree);

/* "…" with quotes and escapes; invalid UTF-8 becomes U+FFFD. */
void json_add_str(struct buf *b, struct str s);
/* The inside of a string, without the quotes: for text that arrives in pieces, each of them whole
 * characters. */
void json_add_escaped(struct buf *b, struct str s);
/* The shortest text that reads back as the same number; null for what JSON cannot say. */
void json_add_double(struct buf *b, double d);
void json_add_bool(struct buf *b, bool v);
/* `"name":`, preceded by a comma unless the last byte is { or [. */
void json_add_name(struct buf *b, const char *name);
/* A comma unless the last byte is { or [ or the buffer is empty. */
void json_add_comma(struct buf *b);

#endif
