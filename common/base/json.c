#include "base/json.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/jscan.h"
#include "base/jtext.h"

/* Up to here a double holds every whole number. */
#define EXACT_MAX 9007199254740992.0     /* 2^53 */
#define INT64_PAST 9223372036854775808.0 /* 2^63, the first that is too large */

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

/* --- Reading --- */

static bool is_low_surrogate(const char *p, const char *end)
{
	unsigned unit;

	return end - p >= 6 && p[0] == '\\' && p[1] == 'u' && jtext_hex(p + 2, end, &unit) &&
	    unit >= 0xdc00 && unit <= 0xdfff;
}

/* The \uXXXX at p; returns where to go on. */
static char *mend_unit(char *p, const char *end)
{
	static const char replacement[] = { '\\', 'u', 'f', 'f', 'f', 'd' };
	unsigned unit;

	if (!jtext_hex(p + 2, end, &unit))
		return p + 2;
	if (unit >= 0xd800 && unit <= 0xdbff && is_low_surrogate(p + 6, end))
		return p + 12;
	if (unit == 0 || (unit >= 0xd800 && unit <= 0xdfff))
		memcpy(p, replacement, sizeof(replacement));
	return p + 6;
}

/* cJSON ends a text at U+0000 and gives up at a lone surrogate; both become U+FFFD, as in
 * jscan_text. Backslashes occur only in strings, since the text has been checked. */
static struct str mend_escapes(struct arena *a, struct str text)
{
	char *copy, *end, *p;

	if (!str_has(text, STR("\\u")))
		return text;
	copy = p = str_dup(a, text);
	end = copy + text.n;
	while ((p = memchr(p, '\\', (size_t)(end - p))) && end - p >= 2)
		p = p[1] == 'u' ? mend_unit(p, end) : p + 2;
	return (struct str){ copy, text.n };
}

static void delete_tree(void *tree)
{
	cJSON_Delete(tree);
}

bool json_parse(struct arena *a, struct str text, cJSON **out, struct err *err)
{
	const char *end = NULL;
	struct jval root;
	cJSON *tree;

	if (!jscan_check(text, JSON_MAX_DEPTH, &root, err))
		return false;
	text = mend_escapes(a, root.text);
	tree = cJSON_ParseWithLengthOpts(text.p, text.n, &end, 0);
	if (tree)
		arena_defer(a, delete_tree, tree);
	/* What the check passes and some releases of cJSON cut off: a number longer than their
	 * buffer. */
	if (!tree || end != text.p + text.n)
		return err_set(err, ERR_INVALID_JSON,
		    "invalid JSON: a number has more than 63 characters");
	*out = tree;
	return true;
}

/* The last member of that name, as in jscan_member. */
static const cJSON *member(const cJSON *object, struct str name)
{
	const cJSON *found = NULL;

	for (const cJSON *m = object->child; m; m = m->next)
		if (m->string && str_eq_c(name, m->string))
			found = m;
	return found;
}

static const cJSON *item(const cJSON *array, struct str index)
{
	const cJSON *at = array->child;
	int64_t left;

	if (!str_to_int(index, 0, INT64_MAX, &left))
		return NULL;
	while (at && left-- > 0)
		at = at->next;
	return at;
}

const cJSON *json_at(const cJSON *tree, const char *path)
{
	struct str rest = str_c(path), step;

	while (tree && str_next(&rest, '.', &step)) {
		if (cJSON_IsObject(tree))
			tree = member(tree, step);
		else if (cJSON_IsArray(tree))
			tree = item(tree, step);
		else
			tree = NULL;
	}
	return tree;
}

struct str json_str_at(const cJSON *tree, const char *path)
{
	const cJSON *at = json_at(tree, path);

	return cJSON_IsString(at) && at->valuestring ? str_c(at->valuestring) : STR("");
}

int64_t json_int_at(const cJSON *tree, const char *path, int64_t fallback)
{
	const cJSON *at = json_at(tree, path);

	if (!cJSON_IsNumber(at) || isnan(at->valuedouble))
		return fallback;
	if (at->valuedouble >= INT64_PAST)
		return INT64_MAX;
	if (at->valuedouble < -INT64_PAST)
		return INT64_MIN;
	return (int64_t)at->valuedouble;
}

double json_double_at(const cJSON *tree, const char *path, double fallback)
{
	const cJSON *at = json_at(tree, path);

	return cJSON_IsNumber(at) && isfinite(at->valuedouble) ? at->valuedouble : fallback;
}

bool json_bool_at(const cJSON *tree, const char *path, bool fallback)
{
	const cJSON *at = json_at(tree, path);

	return cJSON_IsBool(at) ? cJSON_IsTrue(at) : fallback;
}

/* --- Writing --- */

/* What does not stand for itself: a quote, a backslash, a control character. */
static void add_escape(struct buf *b, char c)
{
	static const char hex[] = "0123456789abcdef";
	static const char letters[0x20] = {
		['\b'] = 'b',
		['\t'] = 't',
		['\n'] = 'n',
		['\f'] = 'f',
		['\r'] = 'r',
	};
	char text[6] = { '\\', 'u', '0', '0' };
	size_t n = 2;

	if (c == '"' || c == '\\') {
		text[1] = c;
	} else if (letters[(unsigned char)c]) {
		text[1] = letters[(unsigned char)c];
	} else {
		text[4] = hex[(unsigned char)c >> 4];
		text[5] = hex[c & 15];
		n = 6;
	}
	buf_add(b, (struct str){ text, n });
}

/* Bytes at p that are written as they are. */
static size_t clean_run(const char *p, const char *end)
{
	const char *start = p;
	size_t n;

	for (;;) {
		p += jtext_plain(p, end);
		if (p == end || (unsigned char)*p < 0x80)
			break;
		n = jtext_utf8(p, end);
		if (n == 0)
			break;
		p += n;
	}
	return (size_t)(p - start);
}

void json_add_escaped(struct buf *b, struct str s)
{
	const char *p = s.p ? s.p : "", *end = p + s.n;

	while (p < end) {
		size_t n = clean_run(p, end);

		buf_add(b, (struct str){ p, n });
		p += n;
		if (p == end)
			return;
		if ((unsigned char)*p < 0x80)
			add_escape(b, *p);
		else
			buf_add(b, STR(REPLACEMENT));
		p++;
	}
}

void json_add_str(struct buf *b, struct str s)
{
	buf_add_char(b, '"');
	json_add_escaped(b, s);
	buf_add_char(b, '"');
}

void json_add_double(struct buf *b, double d)
{
	char text[40];

	if (!isfinite(d)) {
		buf_add(b, STR("null"));
		return;
	}
	if (fabs(d) <= EXACT_MAX && (double)(int64_t)d == d) {
		buf_add_int(b, (int64_t)d);
		return;
	}
	/* The shortest of these that reads back as the same number; the last always does. */
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, d);
		if (strtod(text, NULL) == d)
			break;
	}
	buf_add_c(b, text);
}

void json_add_bool(struct buf *b, bool v)
{
	buf_add(b, v ? STR("true") : STR("false"));
}

void json_add_comma(struct buf *b)
{
	if (b->len && b->data[b->len - 1] != '{' && b->data[b->len - 1] != '[')
		buf_add_char(b, ',');
}

void json_add_name(struct buf *b, const char *name)
{
	json_add_comma(b);
	json_add_str(b, str_c(name));
	buf_add_char(b, ':');
}

static void print(struct buf *b, const cJSON *v);

static void print_inside(struct buf *b, const cJSON *v, char open, char close)
{
	buf_add_char(b, open);
	for (const cJSON *child = v->child; child; child = child->next) {
		if (open == '{')
			json_add_name(b, child->string);
		else
			json_add_comma(b);
		print(b, child);
	}
	buf_add_char(b, close);
}

/* Recursion as deep as the tree: JSON_MAX_DEPTH, or what we built ourselves. */
static void print(struct buf *b, const cJSON *v)
{
	if (cJSON_IsObject(v))
		print_inside(b, v, '{', '}');
	else if (cJSON_IsArray(v))
		print_inside(b, v, '[', ']');
	else if (cJSON_IsString(v))
		json_add_str(b, str_c(v->valuestring));
	else if (cJSON_IsNumber(v))
		json_add_double(b, v->valuedouble);
	else if (cJSON_IsBool(v))
		json_add_bool(b, cJSON_IsTrue(v));
	else if (cJSON_IsRaw(v))
		buf_add_c(b, v->valuestring);
	else
		buf_add(b, STR("null"));
}

struct str json_print(struct arena *a, const cJSON *tree)
{
	struct buf b = buf_init(SIZE_MAX);
	struct str text;

	print(&b, tree);
	text = arena_str(a, buf_str(&b));
	buf_release(&b);
	return text;
}
