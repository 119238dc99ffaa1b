/* redact_stream.c — secrets that a model spreads over several events of its stream
 *
 * Each text that grows by deltas is a lane: known by the names and indices on the way to it, made of
 * pieces that lie somewhere in the body. A lane is read as if it had come in one piece; what is to be
 * hidden there is looked up in the body again. Texts are compared as they are written, escapes and
 * all: no key has a character that needs one. */
#include "redact.h"

#include <stdlib.h>

#include "base/jscan.h"
#include "base/mem.h"

#define DEPTH_MAX 12
#define LANES_MAX 32
#define STAND_IN "***"

struct piece {
	struct piece *next;
	size_t at, n; /* in the body */
};

struct lane {
	uint64_t key;
	struct piece *first, **end;
	size_t bytes;
};

/* Of the body: hidden, with what stands for it. */
struct gap {
	size_t at, n;
	bool named; /* the first of its secret */
};

struct reading {
	struct str body;
	struct lane lanes[LANES_MAX];
	size_t lane_count;
	struct piece *pieces; /* as many as there may be */
	size_t piece_count, piece_room;
	struct gap *gaps;
	size_t gap_count, gap_room;
};

/* ---- lanes ------------------------------------------------------------------------------------ */

/* Members that deltas of chat, completions, Responses, Messages and Gemini arrive in. */
static const char *const delta_names[] = { "content", "reasoning_content", "reasoning", "refusal",
	"text", "arguments", "delta", "partial_json", "thinking" };
/* Members that say which one of several it is. */
static const char *const index_names[] = { "index", "output_index", "content_index", "item_id" };

static bool is_one_of(struct str name, const char *const *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (str_eq_c(name, list[i]))
			return true;
	}
	return false;
}

static uint64_t mix(uint64_t key, struct str s)
{
	return (key ^ str_hash(s)) * UINT64_C(0x9e3779b97f4a7c15) + 1;
}

static struct lane *lane_of(struct reading *r, uint64_t key)
{
	struct lane *l = r->lanes;

	for (; l < r->lanes + r->lane_count; l++) {
		if (l->key == key)
			return l;
	}
	if (r->lane_count == LANES_MAX)
		return NULL;
	r->lane_count++;
	*l = (struct lane){ .key = key };
	l->end = &l->first;
	return l;
}

static void add_piece(struct reading *r, uint64_t key, struct str text)
{
	struct lane *l = lane_of(r, key);
	struct piece *p;

	if (!l || text.n == 0 || r->piece_count == r->piece_room)
		return;
	p = &r->pieces[r->piece_count++];
	*p = (struct piece){ NULL, (size_t)(text.p - r->body.p), text.n };
	*l->end = p;
	l->end = &p->next;
	l->bytes += text.n;
}

/* ---- events ----------------------------------------------------------------------------------- */

static void read_value(struct reading *r, struct jval v, uint64_t key, int depth);

static uint64_t which_one(struct jval object, uint64_t key)
{
	struct jiter it = jscan_iter(object);
	struct str name;
	struct jval v;

	while (jscan_next_member(&it, &name, &v)) {
		if (is_one_of(name, index_names, COUNT_OF(index_names)))
			key = mix(mix(key, name), v.text);
	}
	return key;
}

static void read_object(struct reading *r, struct jval object, uint64_t key, int depth)
{
	struct jiter it = jscan_iter(object);
	struct str name;
	struct jval v;

	key = which_one(object, key);
	while (jscan_next_member(&it, &name, &v)) {
		if (v.type != J_STRING)
			read_value(r, v, mix(key, name), depth);
		else if (is_one_of(name, delta_names, COUNT_OF(delta_names)))
			add_piece(r, mix(key, name), str_slice(v.text, 1, v.text.n - 1));
	}
}

static void read_value(struct reading *r, struct jval v, uint64_t key, int depth)
{
	struct jiter it;
	struct jval item;

	if (depth == DEPTH_MAX)
		return;
	if (v.type == J_OBJECT)
		read_object(r, v, key, depth + 1);
	if (v.type != J_ARRAY)
		return;
	it = jscan_iter(v);
	while (jscan_next_item(&it, &item))
		read_value(r, item, key, depth + 1);
}

static void read_events(struct reading *r)
{
	struct str rest = r->body, line;
	struct jval event;

	while (str_next(&rest, '\n', &line)) {
		if (str_starts(line, STR("data:")) &&
		    jscan_value(str_slice(line, 5, line.n), &event))
			read_value(r, event, 1, 0);
	}
}

/* ---- secrets ---------------------------------------------------------------------------------- */

/* From..to of the lane's text, piece by piece; nothing when it lies in a single one, which everybody
 * sees. */
static void hide(struct reading *r, const struct lane *l, size_t from, size_t to)
{
	size_t at = 0;
	bool named = true;

	for (const struct piece *p = l->first; p && at < to; at += p->n, p = p->next) {
		size_t begin = from > at ? from - at : 0, end = to - at < p->n ? to - at : p->n;

		if (begin >= p->n || r->gap_count == r->gap_room)
			continue;
		if (named && from >= at && to <= at + p->n)
			return;
		r->gaps[r->gap_count++] = (struct gap){ p->at + begin, end - begin, named };
		named = false;
	}
}

static void read_lane(struct reading *r, const struct lane *l)
{
	struct buf text = buf_init(l->bytes + 1), said = buf_init(256);

	for (const struct piece *p = l->first; p; p = p->next)
		buf_add(&text, str_slice(r->body, p->at, p->at + p->n));
	for (size_t at = 0; buf_ok(&text) && at < text.len;) {
		size_t taken;

		buf_clear(&said); /* what stands for it is ours to say */
		taken = redact_step(buf_str(&text), at, &said);
		if (taken > 0)
			hide(r, l, at, at + taken);
		at += taken ? taken : 1;
	}
	buf_release(&text);
	buf_release(&said);
}

static int by_place(const void *left, const void *right)
{
	const struct gap *a = left, *b = right;

	return a->at < b->at ? -1 : a->at > b->at;
}

static void write_body(const struct reading *r, struct buf *out)
{
	size_t at = 0;

	for (size_t i = 0; i < r->gap_count; i++) {
		const struct gap *g = &r->gaps[i];

		if (g->at < at)
			continue;
		buf_add(out, str_slice(r->body, at, g->at));
		if (g->named)
			buf_add(out, STR(STAND_IN));
		at = g->at + g->n;
	}
	buf_add(out, str_slice(r->body, at, r->body.n));
}

void redact_stream(struct str body, struct buf *out)
{
	struct reading r = { .body = body };

	/* A piece needs a name, quotes and a colon: eight bytes at least. It lies in two secrets at
	 * most that go beyond it, the end of one and the beginning of another. */
	r.piece_room = body.n / 8 + 1;
	r.gap_room = 2 * r.piece_room;
	r.pieces = mem_alloc(r.piece_room * sizeof(*r.pieces));
	read_events(&r);
	if (r.piece_count > 0) {
		r.gaps = mem_alloc(r.gap_room * sizeof(*r.gaps));
		for (size_t i = 0; i < r.lane_count; i++)
			read_lane(&r, &r.lanes[i]);
		if (r.gap_count > 0)
			qsort(r.gaps, r.gap_count, sizeof(*r.gaps), by_place);
	}
	write_body(&r, out);
	mem_free(r.gaps);
	mem_free(r.pieces);
}
