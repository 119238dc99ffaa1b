#include "base/jscan.h"

#include <assert.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/jtext.h"

/* The first quote or bracket, or end. May also stop at a few letters that mean nothing here. */
static const char *next_mark(const char *p, const char *end)
{
	while (end - p >= 8) {
		uint64_t w = eight_load(p);
		/* Setting these bits makes one value of all four brackets (and of Y _ y DEL). */
		uint64_t hit = eight_equal(w, '"') | eight_equal(w | EIGHT_OF(0x26), 0x7f);

		if (hit)
			return p + eight_first(hit);
		p += 8;
	}
	while (p < end && *p != '"' && *p != '{' && *p != '}' && *p != '[' && *p != ']')
		p++;
	return p;
}

/* --- Characters --- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static const char *skip_blanks(const char *p, const char *end)
{
	while (p < end && is_blank(*p))
		p++;
	return p;
}

/* --- Numbers --- */

struct number {
	bool minus;
	struct str whole, fraction;
	int64_t exponent;
};

static struct str digits_at(const char *p, const char *end)
{
	const char *start = p;

	while (p < end && is_digit(*p))
		p++;
	return (struct str){ start, (size_t)(p - start) };
}

/* Far beyond the digits of any body, far below an overflow. */
#define EXPONENT_MAX (INT64_C(1) << 48)

static const char *scan_exponent(const char *p, const char *end, int64_t *exponent)
{
	bool minus = p < end && *p == '-';
	struct str digits;

	if (p < end && (*p == '-' || *p == '+'))
		p++;
	digits = digits_at(p, end);
	for (size_t i = 0; i < digits.n; i++)
		if (*exponent < EXPONENT_MAX)
			*exponent = *exponent * 10 + (digits.p[i] - '0');
	if (minus)
		*exponent = -*exponent;
	return p + digits.n;
}

/* The number at *p by RFC 8259 section 6. Leaves *p where it ends or stops being one. */
static bool scan_number(const char **at, const char *end, struct number *out)
{
	const char *p = *at, *start;

	*out = (struct number){ .minus = p < end && *p == '-' };
	p += out->minus;
	out->whole = digits_at(p, end);
	/* What follows a leading zero is not part of the number. */
	if (out->whole.n > 1 && *p == '0')
		out->whole.n = 1;
	*at = p += out->whole.n;
	if (out->whole.n == 0)
		return false;
	if (p < end && *p == '.') {
		out->fraction = digits_at(p + 1, end);
		*at = p += 1 + out->fraction.n;
		if (out->fraction.n == 0)
			return false;
	}
	if (p < end && (*p | 0x20) == 'e') {
		start = p + 1;
		*at = p = scan_exponent(start, end, &out->exponent);
		return p > start && is_digit(p[-1]);
	}
	return true;
}

static bool add_digit(uint64_t *value, unsigned digit)
{
	return !__builtin_mul_overflow(*value, 10, value) &&
	    !__builtin_add_overflow(*value, digit, value);
}

/* The magnitude, exact; false when it has a fraction or passes 64 bits. */
static bool whole_value(const struct number *n, uint64_t *value)
{
	int64_t count = (int64_t)(n->whole.n + n->fraction.n);
	int64_t point = (int64_t)n->whole.n + n->exponent; /* where the decimal point really is */

	*value = 0;
	for (int64_t i = 0; i < count; i++) {
		size_t at = (size_t)i;
		unsigned digit = at < n->whole.n ? (unsigned)(n->whole.p[at] - '0')
		                                 : (unsigned)(n->fraction.p[at - n->whole.n] - '0');

		if (i < point ? !add_digit(value, digit) : digit != 0)
			return false;
	}
	for (int64_t i = count; i < point && *value; i++)
		if (!add_digit(value, 0))
			return false;
	return true;
}

bool jscan_int(struct jval v, int64_t min, int64_t max, int64_t *out)
{
	const char *p = v.text.p, *end;
	struct number number;
	uint64_t magnitude;
	int64_t value;

	if (v.type != J_NUMBER)
		return false;
	end = p + v.text.n;
	if (!scan_number(&p, end, &number) || p != end)
		return false;
	if (!whole_value(&number, &magnitude))
		return false;
	if (number.minus ? __builtin_sub_overflow(0, magnitude, &value)
	                 : __builtin_add_overflow(0, magnitude, &value))
		return false;
	if (value < min || value > max)
		return false;
	*out = value;
	return true;
}

bool jscan_double(struct jval v, double *out)
{
	return v.type == J_NUMBER && str_to_double(v.text, out);
}

/* --- The check --- */

struct check {
	const char *start, *end;
	struct err *err;
	int max_depth, depth;
	char closers[JSCAN_DEPTH_MAX]; /* of the brackets that are open */
};

/* Returns NULL, as every check_ function does that found something wrong. */
static const char *fail(const struct check *c, const char *at, const char *why)
{
	err_set(c->err, ERR_INVALID_JSON, "invalid JSON at byte %zu: %s%s", (size_t)(at - c->start),
	    at == c->end ? "the text ends, " : "", why);
	return NULL;
}

static bool looking_at(const struct check *c, const char *p, char want)
{
	return p < c->end && *p == want;
}

/* p at the backslash. */
static const char *check_escape(const struct check *c, const char *p)
{
	unsigned unit;

	if (c->end - p < 2)
		return fail(c, c->end, "expected the rest of an escape");
	switch (p[1]) {
	case '"':
	case '\\':
	case '/':
	case 'b':
	case 'f':
	case 'n':
	case 'r':
	case 't':
		return p + 2;
	case 'u':
		if (jtext_hex(p + 2, c->end, &unit))
			return p + 6;
		return fail(c, p, "\\u without four hex digits");
	default:
		return fail(c, p, "unknown escape");
	}
}

/* p just past the opening quote; returns just past the closing one. */
static const char *check_string(const struct check *c, const char *p)
{
	for (;;) {
		p += jtext_plain(p, c->end);
		if (p == c->end)
			return fail(c, p, "expected the end of a string");
		if (*p == '"')
			return p + 1;
		if (*p == '\\') {
			p = check_escape(c, p);
			if (!p)
				return NULL;
		} else if ((unsigned char)*p < 0x20) {
			return fail(c, p, "control character in a string");
		}
		/* Text that is not ASCII comes in runs. */
		while (p < c->end && (unsigned char)*p >= 0x80) {
			size_t n = jtext_utf8(p, c->end);

			if (n == 0)
				return fail(c, p, "invalid UTF-8");
			p += n;
		}
	}
}

static const char *check_word(const struct check *c, const char *p, struct str word)
{
	if ((size_t)(c->end - p) >= word.n && memcmp(p, word.p, word.n) == 0)
		return p + word.n;
	return fail(c, p, "expected a value");
}

static const char *check_number(const struct check *c, const char *p)
{
	struct number number;

	if (scan_number(&p, c->end, &number))
		return p;
	return fail(c, p, "expected a digit");
}

static const char *check_scalar(const struct check *c, const char *p)
{
	if (p == c->end)
		return fail(c, p, "expected a value");
	switch (*p) {
	case '"':
		return check_string(c, p + 1);
	case 't':
		return check_word(c, p, STR("true"));
	case 'f':
		return check_word(c, p, STR("false"));
	case 'n':
		return check_word(c, p, STR("null"));
	default:
		if (*p == '-' || is_digit(*p))
			return check_number(c, p);
		return fail(c, p, "expected a value");
	}
}

/* A member's name and its colon; returns where its value may start. */
static const char *check_name(const struct check *c, const char *p)
{
	p = skip_blanks(p, c->end);
	if (!looking_at(c, p, '"'))
		return fail(c, p, "expected a member name in quotes");
	p = check_string(c, p + 1);
	if (!p)
		return NULL;
	p = skip_blanks(p, c->end);
	if (!looking_at(c, p, ':'))
		return fail(c, p, "expected ':'");
	return p + 1;
}

/* p at an opening bracket; returns what comes first inside. */
static const char *check_open(struct check *c, const char *p)
{
	if (c->depth == c->max_depth)
		return fail(c, p, "nested too deep");
	c->closers[c->depth++] = *p == '{' ? '}' : ']';
	return skip_blanks(p + 1, c->end);
}

static char closer(const struct check *c)
{
	return c->closers[c->depth - 1];
}

/* Where the next value inside the open bracket may start: in an object, after its name. */
static const char *check_inside(const struct check *c, const char *p)
{
	return closer(c) == '}' ? check_name(c, p) : p;
}

/* After a value: closes the brackets that end here, then returns where the next value may start,
 * or, with nothing open any more, where the text goes on. */
static const char *check_after(struct check *c, const char *p)
{
	while (c->depth > 0) {
		p = skip_blanks(p, c->end);
		if (looking_at(c, p, ','))
			return check_inside(c, p + 1);
		if (!looking_at(c, p, closer(c)))
			return fail(c, p,
			    closer(c) == '}' ? "expected ',' or '}'" : "expected ',' or ']'");
		c->depth--;
		p++;
	}
	return p;
}

static const char *check_value(struct check *c, const char *p)
{
	do {
		p = skip_blanks(p, c->end);
		if (looking_at(c, p, '{') || looking_at(c, p, '[')) {
			p = check_open(c, p);
			if (p && !looking_at(c, p, closer(c))) {
				p = check_inside(c, p);
				continue;
			}
		} else {
			p = check_scalar(c, p);
		}
		if (p)
			p = check_after(c, p);
	} while (p && c->depth > 0);
	return p;
}

/* --- Walking --- */

/* The first quote, or NULL. Names and most values end within a few bytes: no call for them. */
static const char *find_quote(const char *p, const char *end)
{
	for (int words = 4; words > 0 && end - p >= 8; words--, p += 8) {
		uint64_t hit = eight_equal(eight_load(p), '"');

		if (hit)
			return p + eight_first(hit);
	}
	return memchr(p, '"', (size_t)(end - p));
}

/* p just past the opening quote; returns just past the closing one, NULL when there is none. A
 * quote closes unless an odd number of backslashes stands before it. */
static const char *skip_string(const char *p, const char *end)
{
	const char *start = p;

	for (;;) {
		const char *quote = find_quote(p, end), *back = quote;

		if (!quote)
			return NULL;
		while (back > start && back[-1] == '\\')
			back--;
		p = quote + 1;
		if ((quote - back) % 2 == 0)
			return p;
	}
}

/* p just past the opening bracket. Counts brackets of both kinds alike. */
static const char *skip_nested(const char *p, const char *end)
{
	size_t depth = 1;

	while ((p = next_mark(p, end)) < end) {
		switch (*p++) {
		case '"':
			p = skip_string(p, end);
			if (!p)
				return NULL;
			break;
		case '{':
		case '[':
			depth++;
			break;
		case '}':
		case ']':
			if (--depth == 0)
				return p;
			break;
		default:
			break;
		}
	}
	return NULL;
}

static bool is_scalar_byte(char c)
{
	return (c >= '+' && c <= 'z' && c != ',' && c != ':' && c != '[' && c != ']');
}

static enum jtype scalar_type(struct str s)
{
	if (s.n == 0)
		return J_NONE;
	if (is_digit(s.p[0]) || s.p[0] == '-')
		return J_NUMBER;
	if (str_eq(s, STR("true")))
		return J_TRUE;
	if (str_eq(s, STR("false")))
		return J_FALSE;
	if (str_eq(s, STR("null")))
		return J_NULL;
	return J_NONE;
}

static const char *skip_scalar(const char *p, const char *end, enum jtype *type)
{
	const char *start = p;

	while (p < end && is_scalar_byte(*p))
		p++;
	*type = scalar_type((struct str){ start, (size_t)(p - start) });
	return *type == J_NONE ? NULL : p;
}

/* The value at or after p; returns where the text goes on, NULL when there is none. */
static const char *take_value(const char *p, const char *end, struct jval *out)
{
	const char *start = skip_blanks(p, end);
	enum jtype type;

	if (start == end)
		return NULL;
	switch (*start) {
	case '"':
		type = J_STRING;
		p = skip_string(start + 1, end);
		break;
	case '{':
		type = J_OBJECT;
		p = skip_nested(start + 1, end);
		break;
	case '[':
		type = J_ARRAY;
		p = skip_nested(start + 1, end);
		break;
	default:
		p = skip_scalar(start, end, &type);
	}
	if (!p)
		return NULL;
	*out = (struct jval){ type, { start, (size_t)(p - start) } };
	return p;
}

bool jscan_check(struct str text, int max_depth, struct jval *root, struct err *err)
{
	const char *start = text.p ? text.p : "";
	struct check c;
	const char *p;

	assert(max_depth >= 0 && max_depth <= JSCAN_DEPTH_MAX);
	/* Member by member: closers need no zeros. */
	c.start = start;
	c.end = start + text.n;
	c.err = err;
	c.max_depth = max_depth;
	c.depth = 0;
	p = check_value(&c, start);
	if (!p)
		return false;
	text.n = (size_t)(p - start);
	p = skip_blanks(p, c.end);
	if (p < c.end) {
		fail(&c, p, "text after the value");
		return false;
	}
	start = skip_blanks(start, c.end);
	root->text = str_slice(text, (size_t)(start - text.p), text.n);
	switch (*start) {
	case '"':
		root->type = J_STRING;
		break;
	case '{':
		root->type = J_OBJECT;
		break;
	case '[':
		root->type = J_ARRAY;
		break;
	default:
		root->type = scalar_type(root->text);
	}
	return true;
}

bool jscan_value(struct str text, struct jval *root)
{
	struct jval found;

	if (!text.n || !take_value(text.p, text.p + text.n, &found))
		return false;
	if (memchr(found.text.p, '\0', found.text.n))
		return false;
	*root = found;
	return true;
}

struct jiter jscan_iter(struct jval v)
{
	if ((v.type != J_OBJECT && v.type != J_ARRAY) || v.text.n < 2)
		return (struct jiter){ "", "", true };
	return (struct jiter){ v.text.p + 1, v.text.p + v.text.n - 1, true };
}

/* Steps over the comma before all but the first; false at the end. */
static bool next_place(struct jiter *it)
{
	it->p = skip_blanks(it->p, it->end);
	if (!it->first) {
		if (it->p == it->end || *it->p != ',')
			return false;
		it->p = skip_blanks(it->p + 1, it->end);
	}
	it->first = false;
	return it->p < it->end;
}

bool jscan_next_item(struct jiter *it, struct jval *value)
{
	const char *p = next_place(it) ? take_value(it->p, it->end, value) : NULL;

	it->p = p ? p : it->end;
	return p != NULL;
}

bool jscan_next_member(struct jiter *it, struct str *name, struct jval *value)
{
	const char *p = NULL, *start;

	if (next_place(it) && *it->p == '"') {
		start = it->p + 1;
		p = skip_string(start, it->end);
		if (p) {
			*name = (struct str){ start, (size_t)(p - 1 - start) };
			p = skip_blanks(p, it->end);
			p = p < it->end && *p == ':' ? take_value(p + 1, it->end, value) : NULL;
		}
	}
	it->p = p ? p : it->end;
	return p != NULL;
}

size_t jscan_count(struct jval v)
{
	struct jiter it = jscan_iter(v);
	struct jval value;
	struct str name;
	size_t n = 0;

	if (v.type == J_OBJECT)
		while (jscan_next_member(&it, &name, &value))
			n++;
	else
		while (jscan_next_item(&it, &value))
			n++;
	return n;
}

bool jscan_member(struct jval object, struct str name, struct jval *out)
{
	struct jiter it = jscan_iter(object);
	struct jval value;
	struct str raw;

	*out = (struct jval){ .type = J_NONE };
	if (object.type != J_OBJECT)
		return false;
	while (jscan_next_member(&it, &raw, &value))
		if (jscan_name_is(raw, name))
			*out = value;
	return out->type != J_NONE;
}

static bool item_at(struct jval array, struct str index, struct jval *out)
{
	struct jiter it = jscan_iter(array);
	int64_t left;

	if (!str_to_int(index, 0, INT64_MAX, &left))
		return false;
	while (jscan_next_item(&it, out))
		if (left-- == 0)
			return true;
	return false;
}

bool jscan_at(struct jval root, const char *path, struct jval *out)
{
	struct str rest = str_c(path), step;

	while (str_next(&rest, '.', &step)) {
		struct jval inner;

		if (root.type == J_ARRAY ? !item_at(root, step, &inner)
		                         : !jscan_member(root, step, &inner)) {
			*out = (struct jval){ .type = J_NONE };
			return false;
		}
		root = inner;
	}
	*out = root;
	return root.type != J_NONE;
}

/* --- Strings --- */

/* Between the quotes. */
static struct str inside(struct jval v)
{
	if (v.type != J_STRING || v.text.n < 2)
		return STR("");
	return str_slice(v.text, 1, v.text.n - 1);
}

struct str jscan_text(struct arena *a, struct jval v)
{
	struct str raw = inside(v);
	const char *p = raw.p, *end = p + raw.n;
	const char *escape = memchr(p, '\\', raw.n);
	char *text, *to;

	if (!escape)
		return raw;
	/* No escape stands for more bytes than it has itself. */
	text = to = arena_alloc(a, raw.n);
	while (escape) {
		size_t n = (size_t)(escape - p);

		memcpy(to, p, n);
		to += n;
		p = jtext_unescape(escape + 1, end, to, &n);
		to += n;
		escape = memchr(p, '\\', (size_t)(end - p));
	}
	memcpy(to, p, (size_t)(end - p));
	return (struct str){ text, (size_t)(to - text) + (size_t)(end - p) };
}

static bool unescaped_is(struct str raw, struct str text)
{
	const char *p = raw.p, *end = p + raw.n;
	size_t at = 0;

	while (p < end) {
		char c[4] = { *p };
		size_t n = 1;

		if (*p++ == '\\')
			p = jtext_unescape(p, end, c, &n);
		if (n > text.n - at || memcmp(text.p + at, c, n) != 0)
			return false;
		at += n;
	}
	return at == text.n;
}

bool jscan_name_decodes_to(struct str raw, struct str text)
{
	if (raw.n == text.n)
		return str_eq(raw, text) && str_find(raw, '\\') == raw.n;
	return str_find(raw, '\\') < raw.n && unescaped_is(raw, text);
}

bool jscan_is(struct jval v, struct str text)
{
	return v.type == J_STRING && jscan_name_is(inside(v), text);
}
