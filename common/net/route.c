/* route.c — a tree of path segments, walked once per request
 *
 * Each node is one segment of one or more rows: its literal children are sorted and searched by
 * halves, and it has at most one `:name` and one `*name` child. A walk tries them in that order and
 * comes back when a branch has no row for the method, so "/user/self" with GET only does not hide
 * "/user/:id" with DELETE. A node is reached by one path only, hence a request visits no node
 * twice, whatever a stranger puts into it.
 *
 * The path is cut before it is decoded: "%2F" in a `:name` segment is part of the value. A `:name`
 * or `*name` matches at least one byte. */
#include "net/route.h"

#include <assert.h>
#include <string.h>

#include "base/arena.h"

struct node {
	struct str segment;
	struct node **literals; /* sorted by segment */
	size_t literal_count, literal_cap;
	struct node *param, *rest;
	const struct route **rows; /* those that end here, one per method */
	size_t row_count, row_cap;
};

struct route_table {
	struct arena *arena;
	const struct route *const *tables; /* our copy of the list */
	struct node root;
};

/* ---- building ------------------------------------------------------------------------- */

/* An array of pointers in the arena with room for one more. */
static void *grown(struct arena *a, void *items, size_t count, size_t *cap)
{
	void *larger;

	if (count < *cap)
		return items;
	*cap = *cap ? *cap * 2 : 4;
	larger = arena_alloc(a, *cap * sizeof(void *));
	if (count)
		memcpy(larger, items, count * sizeof(void *));
	return larger;
}

/* Where segment is among the literal children, or would have to be. */
static size_t literal_slot(const struct node *n, struct str segment)
{
	size_t low = 0, high = n->literal_count;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (str_cmp(n->literals[mid]->segment, segment) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static struct node *literal_child(const struct node *n, struct str segment)
{
	size_t at = literal_slot(n, segment);

	if (at == n->literal_count || !str_eq(n->literals[at]->segment, segment))
		return NULL;
	return n->literals[at];
}

static struct node *add_literal(struct arena *a, struct node *n, struct str segment)
{
	size_t at = literal_slot(n, segment);
	struct node *child = literal_child(n, segment);

	if (child)
		return child;
	child = ARENA_NEW(a, struct node);
	child->segment = segment;
	n->literals = grown(a, n->literals, n->literal_count, &n->literal_cap);
	memmove(n->literals + at + 1, n->literals + at,
	    (n->literal_count - at) * sizeof(*n->literals));
	n->literals[at] = child;
	n->literal_count++;
	return child;
}

static struct node *add_wild(struct arena *a, struct node **slot)
{
	if (!*slot)
		*slot = ARENA_NEW(a, struct node);
	return *slot;
}

static struct node *add_child(struct arena *a, struct node *n, struct str segment)
{
	if (segment.p[0] == ':')
		return add_wild(a, &n->param);
	if (segment.p[0] == '*')
		return add_wild(a, &n->rest);
	return add_literal(a, n, segment);
}

static const struct route *row_for(const struct node *n, struct str method)
{
	for (size_t i = 0; i < n->row_count; i++)
		if (str_eq_c(method, n->rows[i]->method))
			return n->rows[i];
	return NULL;
}

static void add_row(struct route_table *t, const struct route *row)
{
	struct str path = str_c(row->path), segment;
	struct node *n = &t->root;
	size_t params = 0;
	bool rest = false;

	assert(path.n && path.p[0] == '/');
	while (str_next(&path, '/', &segment)) {
		if (!segment.n)
			continue; /* before the first slash, after the last */
		assert(!rest);    /* `*name` is the last segment */
		rest = segment.p[0] == '*';
		params += rest || segment.p[0] == ':';
		n = add_child(t->arena, n, segment);
	}
	assert(params <= REQ_PARAMS_MAX);
	assert(!row_for(n, str_c(row->method)));
	n->rows = grown(t->arena, n->rows, n->row_count, &n->row_cap);
	n->rows[n->row_count++] = row;
}

static const struct route *const *copy_of(struct arena *a, const struct route *const *tables)
{
	const struct route **copy;
	size_t n = 0;

	while (tables[n])
		n++;
	copy = arena_alloc(a, (n + 1) * sizeof(*copy));
	memcpy(copy, tables, (n + 1) * sizeof(*copy));
	return copy;
}

struct route_table *route_table_new(const struct route *const *tables)
{
	struct arena *a = arena_new(16 * 1024);
	struct route_table *t = ARENA_NEW(a, struct route_table);

	t->arena = a;
	t->tables = copy_of(a, tables);
	for (const struct route *const *table = tables; *table; table++)
		for (const struct route *row = *table; row->method; row++)
			add_row(t, row);
	return t;
}

void route_table_free(struct route_table *t)
{
	if (t)
		arena_free(t->arena);
}

/* ---- finding -------------------------------------------------------------------------- */

struct walk {
	struct req *r;
	struct str method;
	bool encoded; /* segments come as sent and are decoded here */
};

static struct str decoded(const struct walk *w, struct str s)
{
	if (!w->encoded || str_find(s, '%') == s.n)
		return s;
	return url_decode(w->r->arena, s, false);
}

/* Walks on from n with what is left of the path, which begins behind a slash, or is used up when
 * rest.p is NULL. Returns the row, with its params set from `param` on. */
static const struct route *walk(const struct walk *w, const struct node *n, struct str rest,
    size_t param)
{
	struct str whole = rest, segment;
	const struct route *row = NULL;
	const struct node *child;
	size_t cut;

	if (!rest.p)
		return row_for(n, w->method);

	cut = str_find(rest, '/');
	segment = decoded(w, str_slice(rest, 0, cut));
	rest = cut < rest.n ? str_slice(rest, cut + 1, rest.n) : (struct str){ 0 };

	child = literal_child(n, segment);
	if (child && (row = walk(w, child, rest, param)))
		return row;
	if (n->param && segment.n && (row = walk(w, n->param, rest, param + 1)))
		w->r->params[param] = segment;
	else if (n->rest && whole.n && (row = row_for(n->rest, w->method)))
		w->r->params[param] = decoded(w, whole);
	return row;
}

/* The path behind its first slash; p is NULL for the root. */
static struct str path_to_walk(const struct req *r, bool *encoded)
{
	struct str path = str_slice(r->raw_path, 0, str_find(r->raw_path, '?'));

	*encoded = str_starts(path, STR("/"));
	if (!*encoded)
		path = r->path;
	if (!str_starts(path, STR("/")))
		return STR(""); /* an empty segment, which nothing matches */
	path = str_slice(path, 1, path.n);
	if (path.n && path.p[path.n - 1] == '/')
		path.n--;
	return path.n ? path : (struct str){ 0 };
}

bool route_find(const struct route_table *t, struct req *r)
{
	struct walk w = { .r = r, .method = r->method };
	struct str path = path_to_walk(r, &w.encoded);
	const struct route *row = walk(&w, &t->root, path, 0);

	if (!row && str_eq_c(r->method, "HEAD")) {
		w.method = STR("GET");
		row = walk(&w, &t->root, path, 0);
	}
	if (!row)
		return false;
	r->route = row;
	return true;
}

void route_each(const struct route_table *t, void (*fn)(const struct route *row, void *arg),
    void *arg)
{
	for (const struct route *const *table = t->tables; *table; table++)
		for (const struct route *row = *table; row->method; row++)
			fn(row, arg);
}
