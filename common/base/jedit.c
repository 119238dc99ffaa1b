#include "base/jedit.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/json.h"

/* Each edit is a cut of the source and what stands in its place. Which comma goes with a dropped
 * member, and whether one comes before an appended member, depends on the other edits of that
 * object; so commas are settled when all edits are known, in jedit_apply. */

enum cut_kind { CUT_REPLACE, CUT_DROP, CUT_APPEND, CUT_PREPEND };

/* All places are offsets in the source. */
struct jedit_cut {
	enum cut_kind kind;
	unsigned turn; /* which call it came from: what is inserted at one place keeps its order */
	size_t from, to;
	struct str with;
	/* Of an insertion: */
	bool into_empty; /* the object or array has nothing in it */
	size_t name_n;   /* of an appended member: length of `"name":` */
	/* Of a dropped member: */
	bool leads;      /* all members before it are dropped too */
	size_t prev_end; /* where the value before it ends; 0: it is the first */
	size_t end;      /* where its own value ends */
	size_t next;     /* where the next member starts; 0: it is the last */
};

struct jedit jedit_new(struct arena *a, struct jval root)
{
	return (struct jedit){ .arena = a, .source = root.text };
}

static size_t offset_of(const struct jedit *e, const char *p)
{
	assert(p >= e->source.p && p <= e->source.p + e->source.n);
	return (size_t)(p - e->source.p);
}

static const char *end_of(struct jval v)
{
	return v.text.p + v.text.n;
}

/* A new cut, NULL when there are too many. */
static struct jedit_cut *add_cut(struct jedit *e, enum cut_kind kind, size_t from, size_t to)
{
	if (e->n == JEDIT_MAX) {
		e->spoilt = true;
		return NULL;
	}
	if (e->n == e->cap) {
		size_t cap = e->cap ? e->cap * 2 : 8;
		struct jedit_cut *more = arena_alloc(e->arena, cap * sizeof(*more));

		if (e->n)
			memcpy(more, e->cuts, e->n * sizeof(*more));
		e->cuts = more;
		e->cap = cap;
	}
	e->cuts[e->n] = (struct jedit_cut){ .kind = kind, .from = from, .to = to };
	e->cuts[e->n].turn = (unsigned)e->n;
	return &e->cuts[e->n++];
}

void jedit_replace(struct jedit *e, struct jval old, struct str raw)
{
	struct jedit_cut *cut;

	if (old.type == J_NONE) {
		e->spoilt = true;
		return;
	}
	cut = add_cut(e, CUT_REPLACE, offset_of(e, old.text.p), offset_of(e, end_of(old)));
	if (cut)
		cut->with = raw;
}

static struct str member_text(struct arena *a, struct str name, struct str raw)
{
	struct buf b = buf_init(SIZE_MAX);
	struct str text;

	json_add_str(&b, name);
	buf_add_char(&b, ':');
	buf_add(&b, raw);
	text = arena_str(a, buf_str(&b));
	buf_release(&b);
	return text;
}

/* One call appends a member; a second one for the same name is our bug. */
static bool is_appended(const struct jedit *e, size_t at, struct str name)
{
	for (size_t i = 0; i < e->n; i++) {
		const struct jedit_cut *cut = &e->cuts[i];

		if (cut->kind == CUT_APPEND && cut->from == at &&
		    str_eq(str_slice(cut->with, 0, cut->name_n), name))
			return true;
	}
	return false;
}

static void append(struct jedit *e, size_t at, bool into_empty, struct str name, struct str raw)
{
	struct str text = member_text(e->arena, name, raw);
	size_t name_n = text.n - raw.n;
	struct jedit_cut *cut;

	assert(!is_appended(e, at, str_slice(text, 0, name_n)));
	cut = add_cut(e, CUT_APPEND, at, at);
	if (!cut)
		return;
	cut->into_empty = into_empty;
	cut->name_n = name_n;
	cut->with = text;
}

/* Can this be edited as what it must be? */
static bool editable(struct jedit *e, struct jval v, enum jtype type)
{
	if (v.type == type && v.text.n >= 2)
		return true;
	e->spoilt = true;
	return false;
}

void jedit_set(struct jedit *e, struct jval object, struct str name, struct str raw)
{
	struct jiter it = jscan_iter(object);
	const char *last = NULL;
	bool found = false;
	struct jval value;
	struct str member;

	if (!editable(e, object, J_OBJECT))
		return;
	while (!e->spoilt && jscan_next_member(&it, &member, &value)) {
		if (jscan_name_is(member, name)) {
			jedit_replace(e, value, raw);
			found = true;
		}
		last = end_of(value);
	}
	if (!found)
		append(e, offset_of(e, last ? last : object.text.p + 1), !last, name, raw);
}

void jedit_drop(struct jedit *e, struct jval object, struct str name)
{
	struct jiter it = jscan_iter(object);
	struct jedit_cut *dropped = NULL;
	size_t prev_end = 0;
	struct jval value;
	struct str member;

	if (!editable(e, object, J_OBJECT))
		return;
	while (!e->spoilt && jscan_next_member(&it, &member, &value)) {
		size_t start = offset_of(e, member.p) - 1, end = offset_of(e, end_of(value));

		if (dropped)
			dropped->next = start;
		dropped = NULL;
		if (jscan_name_is(member, name)) {
			dropped = add_cut(e, CUT_DROP, start, end);
			if (!dropped)
				return;
			dropped->prev_end = prev_end;
			dropped->end = end;
		}
		prev_end = end;
	}
}

void jedit_prepend(struct jedit *e, struct jval array, struct str raw)
{
	struct jiter it = jscan_iter(array);
	struct jedit_cut *cut;
	struct jval first;
	bool empty;
	size_t at;

	if (!editable(e, array, J_ARRAY))
		return;
	empty = !jscan_next_item(&it, &first);
	at = offset_of(e, empty ? array.text.p + 1 : first.text.p);
	cut = add_cut(e, CUT_PREPEND, at, at);
	if (!cut)
		return;
	cut->into_empty = empty;
	cut->with = raw;
}

/* By place; at one place what is inserted comes before what is cut, in the order of the calls. */
static int cut_order(const void *left, const void *right)
{
	const struct jedit_cut *a = left, *b = right;
	bool a_cuts = a->to > a->from, b_cuts = b->to > b->from;

	if (a->from != b->from)
		return a->from < b->from ? -1 : 1;
	if (a_cuts != b_cuts)
		return a_cuts ? 1 : -1;
	return a->turn < b->turn ? -1 : a->turn > b->turn;
}

static struct jedit_cut *sorted_cuts(const struct jedit *e)
{
	struct jedit_cut *cuts = arena_alloc(e->arena, e->n * sizeof(*cuts));

	if (e->n) {
		memcpy(cuts, e->cuts, e->n * sizeof(*cuts));
		qsort(cuts, e->n, sizeof(*cuts), cut_order);
	}
	return cuts;
}

/* With a member that leads goes the comma after it, with any other the comma before it. Cut this
 * way, neighbours that are all dropped meet without overlapping. */
static void settle_drop(struct jedit_cut *cut, const struct jedit_cut *before)
{
	cut->leads = cut->prev_end == 0 ||
	    (before && before->kind == CUT_DROP && before->leads && before->end == cut->prev_end);
	if (!cut->leads)
		cut->from = cut->prev_end;
	else if (cut->next)
		cut->to = cut->next;
}

static bool comma_before(const struct jedit_cut *cut, const struct jedit_cut *before)
{
	bool follows = before && before->from == cut->from && before->to == cut->from;

	if (cut->kind == CUT_PREPEND)
		return cut->into_empty && follows;
	if (cut->kind != CUT_APPEND)
		return false;
	if (cut->into_empty || follows)
		return follows;
	/* The last member, and with it all of them, may have been dropped. */
	return !(before && before->kind == CUT_DROP && before->leads && before->end == cut->from);
}

void jedit_apply(const struct jedit *e, struct buf *out)
{
	struct jedit_cut *cuts = sorted_cuts(e);
	size_t at = 0;

	if (e->spoilt) {
		out->overflow = true;
		return;
	}
	for (size_t i = 0; i < e->n; i++) {
		const struct jedit_cut *before = i ? &cuts[i - 1] : NULL;
		struct jedit_cut *cut = &cuts[i];

		if (cut->kind == CUT_DROP)
			settle_drop(cut, before);
		assert(cut->from >= at);
		buf_add(out, str_slice(e->source, at, cut->from));
		if (comma_before(cut, before))
			buf_add_char(out, ',');
		buf_add(out, cut->with);
		if (cut->kind == CUT_PREPEND && !cut->into_empty)
			buf_add_char(out, ',');
		at = cut->to;
	}
	buf_add(out, str_slice(e->source, at, e->source.n));
}
