#include "families.h"

#include <string.h>

#include "base/err.h"
#include "store/resource.h"

/* Deepest path that any family has: threads/ID/runs/ID/steps/ID. */
#define SEGMENTS_MAX 8

/* clang-format off */
static const struct family families[] = {
	/* name, path, id_path, always, lists, uploads */
	{ STR_INIT("responses"), STR_INIT("responses"), STR_INIT("id"), true, false, false },
	{ STR_INIT("files"), STR_INIT("files"), STR_INIT("id"), false, true, true },
	{ STR_INIT("uploads"), STR_INIT("uploads"), STR_INIT("id"), false, false, true },
	{ STR_INIT("batches"), STR_INIT("batches"), STR_INIT("id"), false, true, false },
	{ STR_INIT("fine_tuning"), STR_INIT("fine_tuning/jobs"), STR_INIT("id"), false, true, false },
	{ STR_INIT("vector_stores"), STR_INIT("vector_stores"), STR_INIT("id"), false, true, false },
	{ STR_INIT("assistants"), STR_INIT("assistants"), STR_INIT("id"), false, true, false },
	{ STR_INIT("threads"), STR_INIT("threads"), STR_INIT("id"), false, false, false },
	{ STR_INIT("containers"), STR_INIT("containers"), STR_INIT("id"), false, true, false },
	{ STR_INIT("conversations"), STR_INIT("conversations"), STR_INIT("id"), false, false, false },
};

/* A thread and its first run at once: the answer is the run. */
static const struct family thread_with_run =
	{ STR_INIT("threads"), STR_INIT("threads/runs"), STR_INIT("thread_id"), false, false, false };
/* clang-format on */

/* ---- paths ----------------------------------------------------------------------------------- */

static bool is_id_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	    c == '-' || c == '_' || c == '.' || c == ':';
}

bool family_is_id(struct str s)
{
	bool only_dots = true;

	if (s.n == 0 || s.n > RESOURCE_ID_MAX)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (!is_id_char(s.p[i]))
			return false;
		only_dots = only_dots && s.p[i] == '.';
	}
	return !only_dots;
}

/* What of path lies below the family's own; absent (p NULL) when it is another family's. */
static struct str below(const struct family *f, struct str path)
{
	if (!str_starts(path, f->path))
		return (struct str){ 0 };
	path = str_slice(path, f->path.n, path.n);
	if (path.n == 0)
		return STR("");
	return path.p[0] == '/' && path.n > 1 ? str_slice(path, 1, path.n) : (struct str){ 0 };
}

static const struct family *family_of(struct str path, struct str *rest)
{
	for (size_t i = 0; i < COUNT_OF(families); i++) {
		*rest = below(&families[i], path);
		if (rest->p)
			return &families[i];
	}
	return NULL;
}

/* Every segment is a plain one; *count of them. */
static bool check_segments(struct str rest, int *count)
{
	struct str segment;
	bool slash_at_end = rest.n && rest.p[rest.n - 1] == '/';

	*count = 0;
	while (str_next(&rest, '/', &segment)) {
		if (!family_is_id(segment) || ++*count > SEGMENTS_MAX)
			return false;
	}
	return !slash_at_end;
}

static bool read_root(struct str method, struct family_call *out)
{
	if (str_eq_c(method, "POST"))
		out->act = FAMILY_CREATE;
	else if (str_eq_c(method, "GET") || str_eq_c(method, "HEAD"))
		out->act = FAMILY_LIST;
	else
		return false;
	return true;
}

bool family_read(struct str method, struct str raw_path, struct family_call *out)
{
	struct str path = str_slice(raw_path, 0, str_find(raw_path, '?')), rest;
	int segments;

	if (path.n && path.p[path.n - 1] == '/')
		path.n--;
	if (!str_starts(path, STR("/v1/")))
		return false;
	*out = (struct family_call){ .path = path };
	out->family = family_of(str_slice(path, 4, path.n), &rest);
	if (!out->family || !check_segments(rest, &segments))
		return false;
	if (segments == 0)
		return read_root(method, out);
	if (str_eq_c(method, "POST") && str_eq(str_slice(path, 4, path.n), thread_with_run.path)) {
		out->family = &thread_with_run;
		out->act = FAMILY_CREATE;
		return true;
	}
	out->id = str_slice(rest, 0, str_find(rest, '/'));
	out->act = segments == 1 && str_eq_c(method, "DELETE") ? FAMILY_DELETE : FAMILY_USE;
	return true;
}

const struct family *family_by_name(struct str name)
{
	for (size_t i = 0; i < COUNT_OF(families); i++) {
		if (str_eq(families[i].name, name))
			return &families[i];
	}
	return NULL;
}

bool family_is_offered(const struct family *f, const struct catalog_channel *c)
{
	return f->always || str_eq_c(c->resources, "true") || str_list_has(c->resources, f->name);
}

/* ---- references in bodies -------------------------------------------------------------------- */

/* Members that name what lives upstream: as text, as a list of texts, or as an object whose `id`
 * does. */
static const struct reference {
	struct str name, kind;
} references[] = {
	{ STR_INIT("previous_response_id"), STR_INIT("responses") },
	{ STR_INIT("conversation"), STR_INIT("conversations") },
	{ STR_INIT("container"), STR_INIT("containers") },
	{ STR_INIT("container_id"), STR_INIT("containers") },
	{ STR_INIT("file_id"), STR_INIT("files") },
	{ STR_INIT("file_ids"), STR_INIT("files") },
	{ STR_INIT("input_file_id"), STR_INIT("files") },
	{ STR_INIT("training_file"), STR_INIT("files") },
	{ STR_INIT("validation_file"), STR_INIT("files") },
	{ STR_INIT("assistant_id"), STR_INIT("assistants") },
	{ STR_INIT("thread_id"), STR_INIT("threads") },
	{ STR_INIT("vector_store_id"), STR_INIT("vector_stores") },
	{ STR_INIT("vector_store_ids"), STR_INIT("vector_stores") },
};

/* A prompt's variables: the names are the user's own, but what stands there is input like any other. */
static const struct str variables = STR_INIT("variables");

/* Members whose insides are the user's own names. */
static const struct str free_members[] = {
	STR_INIT("metadata"),
	STR_INIT("parameters"),
	STR_INIT("schema"),
	STR_INIT("attributes"),
};

static const struct reference *reference_named(struct str raw_name)
{
	for (size_t i = 0; i < COUNT_OF(references); i++) {
		if (jscan_name_is(raw_name, references[i].name))
			return &references[i];
	}
	return NULL;
}

static bool is_free(struct str raw_name)
{
	for (size_t i = 0; i < COUNT_OF(free_members); i++) {
		if (jscan_name_is(raw_name, free_members[i]))
			return true;
	}
	return false;
}

static bool refer(const struct reference *r, struct jval v, reference_fn *fn, void *arg,
    struct err *err)
{
	struct jval item;
	struct jiter it;

	if (v.type == J_STRING)
		return fn(arg, r->kind, v, err);
	if (v.type == J_OBJECT)
		return !jscan_member(v, STR("id"), &item) || item.type != J_STRING ||
		    fn(arg, r->kind, item, err);
	if (v.type != J_ARRAY)
		return true;
	it = jscan_iter(v);
	while (jscan_next_item(&it, &item)) {
		if (item.type == J_STRING && !fn(arg, r->kind, item, err))
			return false;
	}
	return true;
}

/* Behind the string whose opening quote is at p. */
static const char *behind_string(const char *p, const char *end)
{
	for (p++; p < end && *p != '"'; p++)
		p += *p == '\\';
	return p < end ? p + 1 : end;
}

static const char *behind_blanks(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\t' || *p == '\r' || *p == '\n'))
		p++;
	return p;
}

/* All members in a text, whatever the depth: the text was checked, so a string in front of a colon is
 * a member's name. has_free: some of them hold the user's own words. */
static bool scan(struct str text, bool has_free, reference_fn *fn, void *arg, struct err *err)
{
	const char *p = text.p, *end = p + text.n;

	while (p < end && (p = memchr(p, '"', (size_t)(end - p)))) {
		const char *behind = behind_string(p, end);
		struct str name = { p + 1, (size_t)(behind - p) - 2 };
		const struct reference *r;
		struct jval value;
		bool free, all;

		p = behind_blanks(behind, end);
		if (p == end || *p != ':')
			continue;
		p = behind_blanks(p + 1, end);
		r = reference_named(name);
		free = has_free && is_free(name);
		all = has_free && jscan_name_is(name, variables);
		if (!r && !free && !all)
			continue;
		if (!jscan_value((struct str){ p, (size_t)(end - p) }, &value))
			break;
		if (r && !refer(r, value, fn, arg, err))
			return false;
		if (all && !scan(value.text, false, fn, arg, err))
			return false;
		/* an object is gone through again for what else it holds */
		if (!r || value.type != J_OBJECT)
			p = value.text.p + value.text.n;
	}
	return true;
}

/* What is no id cannot be looked up, and an upstream might read something into it. */
static bool check_previous(struct jval body, struct err *err)
{
	struct jiter it = jscan_iter(body);
	struct jval value;
	struct str name;

	while (body.type == J_OBJECT && jscan_next_member(&it, &name, &value)) {
		if (jscan_name_is(name, STR("previous_response_id")) && value.type != J_STRING &&
		    value.type != J_NULL)
			return err_set(err, ERR_BAD_REQUEST,
			    "previous_response_id must be a string");
	}
	return true;
}

bool family_references(struct jval body, reference_fn *fn, void *arg, struct err *err)
{
	if (!check_previous(body, err))
		return false;
	return scan(body.text, true, fn, arg, err);
}

/* ---- products -------------------------------------------------------------------------------- */

/* Paths are of our own choosing, never a search: users' own words come back in these answers. "[]"
 * stands for each element. */
static const struct product {
	struct str family, kind;
	const char *path;
} products[] = {
	{ STR_INIT("batches"), STR_INIT("files"), "output_file_id" },
	{ STR_INIT("batches"), STR_INIT("files"), "error_file_id" },
	{ STR_INIT("fine_tuning"), STR_INIT("files"), "result_files.[]" },
	{ STR_INIT("uploads"), STR_INIT("files"), "file.id" },
	{ STR_INIT("threads"), STR_INIT("files"), "content.[].image_file.file_id" },
	{ STR_INIT("threads"), STR_INIT("files"), "data.[].content.[].image_file.file_id" },
	{ STR_INIT("responses"), STR_INIT("containers"), "output.[].container_id" },
};

static void walk_product(struct jval at, struct str path, struct str kind, product_fn *fn,
    void *arg)
{
	struct str step;
	struct jiter it;
	struct jval next;

	if (!str_next(&path, '.', &step)) {
		if (at.type == J_STRING)
			fn(arg, kind, at);
		return;
	}
	if (!str_eq_c(step, "[]")) {
		if (jscan_member(at, step, &next))
			walk_product(next, path, kind, fn, arg);
		return;
	}
	if (at.type != J_ARRAY)
		return;
	it = jscan_iter(at);
	while (jscan_next_item(&it, &next))
		walk_product(next, path, kind, fn, arg);
}

void family_products(const struct family *f, struct jval answer, product_fn *fn, void *arg)
{
	for (size_t i = 0; i < COUNT_OF(products); i++) {
		if (str_eq(products[i].family, f->name))
			walk_product(answer, str_c(products[i].path), products[i].kind, fn, arg);
	}
}
