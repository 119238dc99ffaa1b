/* form.c — see form.h */
#include "base/form.h"

#include <assert.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/secret.h"

static const struct str form_type = STR_INIT("multipart/form-data");

static bool malformed(struct err *err, const char *what)
{
	return err_set(err, ERR_BAD_REQUEST, "malformed multipart body: %s", what);
}

/* ---- parameters of a header value ----------------------------------------------------- */

/* The text of a quoted string at the beginning of *rest, which begins with a quote. A backslash
 * escapes only a quote or another backslash: browsers send bare ones in names of files. */
static bool take_quoted(struct arena *a, struct str *rest, struct str *out)
{
	char *text = arena_alloc(a, rest->n);
	size_t i = 1, n = 0;

	for (; i < rest->n && rest->p[i] != '"'; i++) {
		if (rest->p[i] == '\\' && i + 1 < rest->n &&
		    (rest->p[i + 1] == '"' || rest->p[i + 1] == '\\'))
			i++;
		text[n++] = rest->p[i];
	}
	if (i >= rest->n)
		return false;
	*rest = str_slice(*rest, i + 1, rest->n);
	*out = (struct str){ text, n };
	return true;
}

static void skip_blanks(struct str *s)
{
	while (s->n && (s->p[0] == ' ' || s->p[0] == '\t'))
		*s = str_slice(*s, 1, s->n);
}

/* `; name=value` at the beginning of *rest; false at its end or where it is none. */
static bool next_param(struct arena *a, struct str *rest, struct str *name, struct str *value)
{
	size_t equals, end;

	skip_blanks(rest);
	if (rest->n == 0 || rest->p[0] != ';')
		return false;
	*rest = str_slice(*rest, 1, rest->n);
	equals = str_find(*rest, '=');
	if (equals == rest->n || str_find(*rest, ';') < equals)
		return false;
	*name = str_trim(str_slice(*rest, 0, equals));
	*rest = str_slice(*rest, equals + 1, rest->n);
	skip_blanks(rest);
	if (rest->n && rest->p[0] == '"')
		return take_quoted(a, rest, value);
	end = str_find(*rest, ';');
	*value = str_trim(str_slice(*rest, 0, end));
	*rest = str_slice(*rest, end, rest->n);
	return true;
}

/* Blanks and a last semicolon may follow the parameters. */
static bool is_used_up(struct str rest)
{
	rest = str_trim(rest);
	return rest.n == 0 || str_eq(rest, STR(";"));
}

/* ---- the boundary --------------------------------------------------------------------- */

bool form_is(struct str content_type)
{
	struct str rest = str_slice(content_type, form_type.n, content_type.n);

	if (!str_starts_nocase(content_type, form_type))
		return false;
	skip_blanks(&rest);
	return rest.n == 0 || rest.p[0] == ';';
}

static bool is_boundary(struct str s)
{
	if (s.n == 0 || s.n > FORM_BOUNDARY_MAX || s.p[s.n - 1] == ' ')
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		bool alnum =
		    (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

		if (!alnum && (c == '\0' || !strchr("'()+_,-./:=? ", c)))
			return false;
	}
	return true;
}

static bool find_boundary(struct arena *a, struct form *f, struct err *err)
{
	struct str rest = str_slice(f->content_type, form_type.n, f->content_type.n), name, value;
	int found = 0;

	while (next_param(a, &rest, &name, &value)) {
		if (!str_eq_nocase(name, STR("boundary")))
			continue;
		f->boundary = value;
		found++;
	}
	if (found != 1 || !is_used_up(rest) || !is_boundary(f->boundary))
		return malformed(err, "the Content-Type names no valid boundary");
	return true;
}

/* ---- headers of a part ---------------------------------------------------------------- */

static bool read_disposition(struct arena *a, struct form_part *part, struct str value,
    struct err *err)
{
	size_t end = str_find(value, ';');
	struct str rest = str_slice(value, end, value.n), name, text;
	int names = 0;

	if (!str_eq_nocase(str_trim(str_slice(value, 0, end)), STR("form-data")))
		return malformed(err, "a part is not form-data");
	while (next_param(a, &rest, &name, &text)) {
		if (str_eq_nocase(name, STR("name"))) {
			part->name = text;
			names++;
		} else if (str_eq_nocase(name, STR("name*"))) {
			names++;
		} else if (str_eq_nocase(name, STR("filename")) ||
		    str_eq_nocase(name, STR("filename*"))) {
			part->is_file = true;
		}
	}
	if (names != 1 || part->name.n == 0 || !is_used_up(rest))
		return malformed(err, "a part has no plain name");
	return true;
}

static bool is_identity(struct str encoding)
{
	return str_eq_nocase(encoding, STR("7bit")) || str_eq_nocase(encoding, STR("8bit")) ||
	    str_eq_nocase(encoding, STR("binary"));
}

static bool read_head(struct arena *a, struct form_part *part, struct str head, struct err *err)
{
	bool disposed = false;

	while (head.n) {
		size_t end = str_find_str(head, STR("\r\n"));
		struct str line = str_slice(head, 0, end), name, value;
		size_t colon = str_find(line, ':');

		head = str_slice(head, end + 2, head.n);
		if (colon == line.n || line.p[0] == ' ' || line.p[0] == '\t' ||
		    memchr(line.p, '\n', line.n) || memchr(line.p, '\r', line.n))
			return malformed(err, "a header of a part is none");
		name = str_trim(str_slice(line, 0, colon));
		value = str_trim(str_slice(line, colon + 1, line.n));
		if (str_eq_nocase(name, STR("content-disposition"))) {
			if (disposed || !read_disposition(a, part, value, err))
				return disposed ? malformed(err, "a part has two names") : false;
			disposed = true;
		} else if (str_eq_nocase(name, STR("content-transfer-encoding")) &&
		    !is_identity(value)) {
			return malformed(err, "encoded parts are not supported");
		}
	}
	return disposed || malformed(err, "a part has no Content-Disposition");
}

static bool read_part(struct arena *a, struct form_part *part, struct str whole, struct err *err)
{
	struct str most = str_slice(whole, 0, FORM_HEAD_MAX);
	size_t blank = str_find_str(most, STR("\r\n\r\n"));

	*part = (struct form_part){ .whole = whole };
	if (blank == most.n)
		return malformed(err, "the headers of a part do not end");
	part->body = str_slice(whole, blank + 4, whole.n);
	return read_head(a, part, str_slice(whole, 0, blank), err);
}

/* ---- walking the body ----------------------------------------------------------------- */

/* What stands behind a boundary: the end of its line, the end of the form, or neither. */
enum mark { MARK_NONE, MARK_PART, MARK_END };

static enum mark mark_at(struct str rest, size_t *length)
{
	size_t n = 0;
	enum mark mark = MARK_PART;

	if (str_starts(rest, STR("--"))) {
		mark = MARK_END;
		n = 2;
	}
	while (n < rest.n && (rest.p[n] == ' ' || rest.p[n] == '\t'))
		n++;
	*length = n + 2;
	if (str_starts(str_slice(rest, n, rest.n), STR("\r\n")))
		return mark;
	return mark == MARK_END && n == rest.n ? MARK_END : MARK_NONE;
}

/* Where the next line begins that starts with the boundary. False when there is none, or when only
 * lenient readers would take it for the end of a part. needle is the boundary after a line feed. */
static bool next_boundary(struct str body, struct str needle, size_t from, size_t *at,
    struct err *err)
{
	struct str rest = str_slice(body, from, body.n);
	size_t found = from + str_find_str(rest, needle);

	if (found >= body.n)
		return malformed(err, "it does not end with its boundary");
	if (found == 0 || body.p[found - 1] != '\r')
		return malformed(err, "the line before a boundary does not end in CR LF");
	*at = found + 1;
	return true;
}

static bool first_boundary(struct str body, struct str needle, size_t *at, struct err *err)
{
	*at = 0;
	return str_starts(body, str_slice(needle, 1, needle.n)) ||
	    next_boundary(body, needle, 0, at, err);
}

static bool walk(struct arena *a, struct form *f, struct str needle, struct err *err)
{
	size_t at = 0, length, begin;

	if (!first_boundary(f->body, needle, &at, err))
		return false;
	for (;;) {
		struct str rest = str_slice(f->body, at + needle.n - 1, f->body.n);
		enum mark mark = mark_at(rest, &length);

		if (mark == MARK_NONE)
			return malformed(err, "the line of a boundary goes on");
		if (mark == MARK_END)
			return f->count > 0 || malformed(err, "it has no parts");
		if (f->count == FORM_PARTS_MAX)
			return malformed(err, "it has too many parts");
		begin = at + needle.n - 1 + length;
		/* A part may be so empty that its boundary begins with the line end before it. */
		if (!next_boundary(f->body, needle, begin - 1, &at, err))
			return false;
		if (at < begin + 2)
			return malformed(err, "the headers of a part do not end");
		if (!read_part(a, &f->parts[f->count], str_slice(f->body, begin, at - 2), err))
			return false;
		f->count++;
	}
}

bool form_read(struct arena *a, struct str content_type, struct str body, const struct form **out,
    struct err *err)
{
	struct form *f = ARENA_NEW(a, struct form);
	struct str needle;

	f->content_type = str_trim(content_type);
	f->body = body;
	if (!find_boundary(a, f, err))
		return false;
	needle = str_c(arena_fmt(a, "\n--%.*s", STR_ARG(f->boundary)));
	f->parts = arena_zalloc(a, FORM_PARTS_MAX * sizeof(*f->parts));
	*out = f;
	return walk(a, f, needle, err);
}

/* ---- finding -------------------------------------------------------------------------- */

const struct form_part *form_field(const struct form *f, struct str name)
{
	for (size_t i = f->count; i-- > 0;)
		if (!f->parts[i].is_file && str_eq(f->parts[i].name, name))
			return &f->parts[i];
	return NULL;
}

struct str form_text(const struct form *f, struct str name)
{
	const struct form_part *part = form_field(f, name);

	return part ? part->body : STR("");
}

static bool is_list_of(struct str name, struct str item)
{
	return str_eq(name, item) ||
	    (name.n == item.n + 2 && str_starts(name, item) && str_ends(name, STR("[]")));
}

const struct form_part *form_file(const struct form *f, struct str name)
{
	for (size_t i = 0; i < f->count; i++)
		if (f->parts[i].is_file && is_list_of(f->parts[i].name, name))
			return &f->parts[i];
	return NULL;
}

size_t form_files(const struct form *f, struct str name, int64_t *bytes)
{
	size_t n = 0;

	for (size_t i = 0; i < f->count; i++) {
		if (!f->parts[i].is_file || !is_list_of(f->parts[i].name, name))
			continue;
		*bytes += (int64_t)f->parts[i].body.n;
		n++;
	}
	return n;
}

/* ---- rewriting ------------------------------------------------------------------------ */

struct form_edit form_edit_new(struct arena *a, const struct form *f)
{
	return (struct form_edit){ .arena = a, .form = f };
}

static size_t count_of(const struct form *f, struct str name)
{
	size_t n = 0;

	for (size_t i = 0; i < f->count; i++)
		n += str_eq(f->parts[i].name, name);
	return n;
}

static void add_edit(struct form_edit *e, struct str name, struct str value, bool dropped)
{
	assert(e->n < FORM_EDITS_MAX);
	e->fields[e->n].name = name;
	e->fields[e->n].value = value;
	e->fields[e->n].dropped = dropped;
	e->n++;
}

void form_set(struct form_edit *e, struct str name, struct str value)
{
	const struct form_part *part = form_field(e->form, name);

	if (!part || count_of(e->form, name) != 1 || !str_eq(part->body, value))
		add_edit(e, name, value, false);
}

void form_drop(struct form_edit *e, struct str name)
{
	if (count_of(e->form, name) > 0)
		add_edit(e, name, STR(""), true);
}

bool form_is_edited(const struct form_edit *e)
{
	return e->n > 0;
}

static bool is_replaced(const struct form_edit *e, struct str name)
{
	for (size_t i = 0; i < e->n; i++)
		if (str_eq(e->fields[i].name, name))
			return true;
	return false;
}

static struct str fresh_boundary(const struct form_edit *e)
{
	char random[33];

	secret_random_alnum(random, sizeof(random) - 1);
	return str_c(arena_fmt(e->arena, "oneapi-%s", random));
}

static bool needs_fresh_boundary(const struct form_edit *e)
{
	for (size_t i = 0; i < e->n; i++)
		if (str_has(e->fields[i].value, e->form->boundary))
			return true;
	return false;
}

void form_pieces(const struct form_edit *e, struct str **pieces, size_t *count,
    struct str *content_type)
{
	const struct form *f = e->form;
	struct str *list = arena_alloc(e->arena, (3 * (f->count + e->n) + 1) * sizeof(*list));
	struct str boundary = f->boundary, opening;
	size_t n = 0;

	*content_type = f->content_type;
	if (needs_fresh_boundary(e)) {
		boundary = fresh_boundary(e);
		*content_type = str_c(arena_fmt(e->arena, "%.*s; boundary=%.*s", STR_ARG(form_type),
		    STR_ARG(boundary)));
	}
	opening = str_c(arena_fmt(e->arena, "--%.*s\r\n", STR_ARG(boundary)));
	for (size_t i = 0; i < e->n; i++) {
		if (e->fields[i].dropped)
			continue;
		list[n++] = opening;
		list[n++] = str_c(
		    arena_fmt(e->arena, "Content-Disposition: form-data; name=\"%.*s\"\r\n\r\n%.*s",
		        STR_ARG(e->fields[i].name), STR_ARG(e->fields[i].value)));
		list[n++] = STR("\r\n");
	}
	for (size_t i = 0; i < f->count; i++) {
		if (is_replaced(e, f->parts[i].name))
			continue;
		list[n++] = opening;
		list[n++] = f->parts[i].whole;
		list[n++] = STR("\r\n");
	}
	list[n++] = str_c(arena_fmt(e->arena, "--%.*s--\r\n", STR_ARG(boundary)));
	*pieces = list;
	*count = n;
}
