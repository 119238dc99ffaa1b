/* catalog_index.c — who serves a group and model
 *
 * DESIGN. Group and model together are found in a hash table of open addressing; the same entries,
 * sorted, give the models of a group. Names that end in * are entries of a second list, sorted by
 * group and beginning: for a model that nobody names, the last beginning that sorts before it is the
 * longest that fits, or shares with it all that do fit, so that following `wider` from there finds
 * it. Every entry knows the next wider one. Within an entry the candidates lie in tiers with
 * running sums of their weights, so that a draw is a search and no walk.
 */
#include <stdlib.h>

#include "base/arena.h"
#include "base/mem.h"
#include "provider/catalog.h"

/* So that the sum over a tier fits the 32 bits of a draw. */
#define WEIGHT_MAX 100000

/* One group and model, or one group and beginning. candidates comes first: catalog_candidates gives
 * out its address. */
struct entry {
	struct candidates candidates;
	const struct catalog_channel **items;
	struct str group, model;            /* model: of a wildcard without its * */
	const struct catalog_channel *last; /* a list may name a model twice */
	size_t filled;
};

struct group_models {
	struct str group;
	const struct str *models;
	size_t count;
};

struct table {
	struct entry **slots; /* a power of two, at most half full */
	size_t mask;
	size_t count;
};

struct index {
	struct table exact, wild;
	struct entry **wildcards;    /* those of wild, ordered */
	struct group_models *groups; /* sorted by name */
	size_t group_count;
};

/* ---- tables ----------------------------------------------------------------------------------- */

static uint64_t hash_of(struct str group, struct str model)
{
	return str_hash(model) ^ (str_hash(group) * UINT64_C(0x9e3779b97f4a7c15));
}

/* The slot of that pair, or the empty one where it belongs. */
static struct entry **slot_of(const struct table *t, struct str group, struct str model)
{
	size_t i = (size_t)hash_of(group, model) & t->mask;

	while (t->slots[i] &&
	    !(str_eq(t->slots[i]->model, model) && str_eq(t->slots[i]->group, group)))
		i = (i + 1) & t->mask;
	return &t->slots[i];
}

static bool is_wildcard(struct str model)
{
	return model.n && model.p[model.n - 1] == '*';
}

/* A wildcard loses its star. */
static struct table *table_for(struct index *ix, struct str *model)
{
	if (!is_wildcard(*model))
		return &ix->exact;
	model->n--;
	return &ix->wild;
}

static void make_slots(struct arena *a, struct table *t)
{
	size_t size = 16;

	while (size < t->count * 2)
		size *= 2;
	t->slots = arena_zalloc(a, size * sizeof(*t->slots));
	t->mask = size - 1;
	t->count = 0;
}

/* ---- filling them ----------------------------------------------------------------------------- */

typedef void pair_fn(struct catalog *cat, struct index *ix, const struct catalog_channel *c,
    struct str group, struct str model);

static bool next_name(struct str *rest, struct str *name)
{
	while (str_next(rest, ',', name)) {
		*name = str_trim(*name);
		if (name->n)
			return true;
	}
	return false;
}

/* Every group and model of a channel that can serve. */
static void each_pair(struct catalog *cat, struct index *ix, const struct catalog_channel *c,
    pair_fn *fn)
{
	struct str groups = c->row.group, models, group, model;

	if (c->row.status != CHANNEL_ENABLED || !c->provider->adaptor)
		return;
	while (next_name(&groups, &group)) {
		models = c->row.models;
		while (next_name(&models, &model))
			fn(cat, ix, c, group, model);
	}
}

static void each_channel(struct catalog *cat, struct index *ix, pair_fn *fn)
{
	for (size_t i = 0; i < cat->channel_count; i++)
		each_pair(cat, ix, cat->channels[i], fn);
}

static void count_pair(struct catalog *cat, struct index *ix, const struct catalog_channel *c,
    struct str group, struct str model)
{
	table_for(ix, &model)->count++;
}

static void count_candidate(struct catalog *cat, struct index *ix, const struct catalog_channel *c,
    struct str group, struct str model)
{
	struct table *t = table_for(ix, &model);
	struct entry **slot = slot_of(t, group, model);

	if (!*slot) {
		*slot = ARENA_NEW(cat->arena, struct entry);
		(*slot)->group = group;
		(*slot)->model = model;
		t->count++;
	}
	if ((*slot)->last == c)
		return;
	(*slot)->last = c;
	(*slot)->candidates.count++;
}

static void fill_candidate(struct catalog *cat, struct index *ix, const struct catalog_channel *c,
    struct str group, struct str model)
{
	struct table *t = table_for(ix, &model);
	struct entry *e = *slot_of(t, group, model);

	if (e->filled && e->items[e->filled - 1] == c)
		return;
	e->items[e->filled++] = c;
}

/* ---- tiers ------------------------------------------------------------------------------------ */

static int by_priority(const void *left, const void *right)
{
	const struct catalog_channel *a = *(const struct catalog_channel *const *)left;
	const struct catalog_channel *b = *(const struct catalog_channel *const *)right;

	if (a->row.priority != b->row.priority)
		return a->row.priority > b->row.priority ? -1 : 1;
	return (a->row.id > b->row.id) - (a->row.id < b->row.id);
}

static uint32_t weight_of(const struct catalog_channel *c)
{
	if (c->row.weight <= 0)
		return 0;
	return c->row.weight < WEIGHT_MAX ? (uint32_t)c->row.weight : WEIGHT_MAX;
}

static void sum_up(const struct entry *e, struct tier *t, uint32_t *until, bool alike)
{
	t->total = 0;
	for (size_t i = t->from; i < t->to; i++) {
		uint32_t weight = alike ? 1 : weight_of(e->items[i]);

		if (weight <= UINT32_MAX - t->total)
			t->total += weight;
		until[i] = t->total;
	}
}

static void make_tiers(struct arena *a, struct entry *e)
{
	struct candidates *c = &e->candidates;
	uint32_t *until = arena_alloc(a, e->filled * sizeof(*until));
	struct tier *tiers;
	size_t n = 1;

	qsort(e->items, e->filled, sizeof(*e->items), by_priority);
	for (size_t i = 1; i < e->filled; i++)
		n += e->items[i]->row.priority != e->items[i - 1]->row.priority;
	tiers = arena_alloc(a, n * sizeof(*tiers));
	for (size_t i = 0; i < e->filled;) {
		struct tier *t = &tiers[c->tier_count++];

		*t = (struct tier){ .from = i, .to = i };
		while (
		    t->to < e->filled && e->items[t->to]->row.priority == e->items[i]->row.priority)
			t->to++;
		sum_up(e, t, until, false);
		if (t->total == 0)
			sum_up(e, t, until, true);
		i = t->to;
	}
	c->items = e->items;
	c->until = until;
	c->tiers = tiers;
}

size_t candidates_at(const struct candidates *list, const struct tier *t, uint32_t number)
{
	size_t low = t->from, high = t->to;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (list->until[middle] > number)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

static void each_entry(struct arena *a, struct table *t, void (*fn)(struct arena *, struct entry *))
{
	for (size_t i = 0; i <= t->mask; i++) {
		if (t->slots[i])
			fn(a, t->slots[i]);
	}
}

static void make_room(struct arena *a, struct entry *e)
{
	e->items = arena_alloc(a, e->candidates.count * sizeof(*e->items));
}

/* ---- wildcards -------------------------------------------------------------------------------- */

static int by_group_and_model(const void *left, const void *right)
{
	const struct entry *a = *(const struct entry *const *)left;
	const struct entry *b = *(const struct entry *const *)right;
	int order = str_cmp(a->group, b->group);

	return order ? order : str_cmp(a->model, b->model);
}

static struct entry **sorted(struct arena *a, const struct table *t)
{
	struct entry **list = arena_alloc(a, t->count * sizeof(*list));
	size_t n = 0;

	for (size_t i = 0; i <= t->mask; i++) {
		if (t->slots[i])
			list[n++] = t->slots[i];
	}
	if (n)
		qsort(list, n, sizeof(*list), by_group_and_model);
	return list;
}

/* The longest beginning among the first `count` wildcards that fits. */
static const struct entry *widest_before(const struct index *ix, size_t count, struct str group,
    struct str model)
{
	const struct entry wanted = { .group = group, .model = model }, *key = &wanted, *e;
	size_t low = 0, high = count;

	while (low < high) { /* to the first that sorts behind it */
		size_t middle = low + (high - low) / 2;

		if (by_group_and_model(&ix->wildcards[middle], &key) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0)
		return NULL;
	e = ix->wildcards[low - 1];
	if (!str_eq(e->group, group))
		return NULL;
	while (e && !str_starts(model, e->model))
		e = (const struct entry *)e->candidates.wider;
	return e;
}

static const struct entry *find_wildcard(const struct index *ix, struct str group, struct str model)
{
	return ix->wild.count ? widest_before(ix, ix->wild.count, group, model) : NULL;
}

/* In order, so that those before know theirs already. */
static void link_wider(struct index *ix)
{
	for (size_t i = 0; i < ix->wild.count; i++) {
		struct entry *e = ix->wildcards[i];

		e->candidates.wider =
		    (const struct candidates *)widest_before(ix, i, e->group, e->model);
	}
	for (size_t i = 0; i <= ix->exact.mask; i++) {
		struct entry *e = ix->exact.slots[i];

		if (e)
			e->candidates.wider =
			    (const struct candidates *)find_wildcard(ix, e->group, e->model);
	}
}

/* ---- the models of a group -------------------------------------------------------------------- */

/* An alias that leads a group somewhere is a model of it. */
static bool leads_somewhere(const struct catalog *cat, struct str group, const struct chain *c)
{
	for (size_t i = 0; i < c->count; i++) {
		if (catalog_candidates(cat, group, c->models[i]))
			return true;
	}
	return false;
}

static int by_text(const void *left, const void *right)
{
	return str_cmp(*(const struct str *)left, *(const struct str *)right);
}

static void add_aliases(struct catalog *cat, struct group_models *g)
{
	const struct chains *all = cat->chains;
	struct str *models = arena_alloc(cat->arena, (g->count + all->count) * sizeof(*models));
	size_t own = g->count;

	for (size_t i = 0; i < own; i++)
		models[i] = g->models[i];
	for (size_t i = 0; i < all->count; i++) {
		struct str name = all->items[i].name;

		if (!*slot_of(&((struct index *)cat->index)->exact, g->group, name) &&
		    leads_somewhere(cat, g->group, &all->items[i]))
			models[g->count++] = name;
	}
	g->models = models;
	if (g->count > own)
		qsort(models, g->count, sizeof(*models), by_text);
}

/* A group of which only wildcards are known has no models by name, but perhaps aliases. */
static struct group_models *group_of(struct index *ix, struct str group)
{
	struct group_models *last = ix->group_count ? &ix->groups[ix->group_count - 1] : NULL;

	if (last && str_eq(last->group, group))
		return last;
	ix->groups[ix->group_count] = (struct group_models){ .group = group };
	return &ix->groups[ix->group_count++];
}

/* Both lists are in the order of their groups: the models of the first, of the second … */
static void make_groups(struct catalog *cat, struct index *ix)
{
	struct entry **list = sorted(cat->arena, &ix->exact);
	struct str *models = arena_alloc(cat->arena, ix->exact.count * sizeof(*models));
	size_t i = 0, k = 0;

	ix->groups =
	    arena_zalloc(cat->arena, (ix->exact.count + ix->wild.count) * sizeof(*ix->groups));
	while (i < ix->exact.count || k < ix->wild.count) {
		bool exact = k == ix->wild.count ||
		    (i < ix->exact.count && str_cmp(list[i]->group, ix->wildcards[k]->group) <= 0);
		struct group_models *g;

		if (!exact) {
			(void)group_of(ix, ix->wildcards[k++]->group);
			continue;
		}
		g = group_of(ix, list[i]->group);
		models[i] = list[i]->model;
		if (g->count++ == 0)
			g->models = &models[i];
		i++;
	}
	for (i = 0; i < ix->group_count && cat->chains->count; i++)
		add_aliases(cat, &ix->groups[i]);
}

/* ---- the whole -------------------------------------------------------------------------------- */

void catalog_make_index(struct catalog *cat)
{
	struct arena *a = cat->arena;
	struct index *ix = ARENA_NEW(a, struct index);

	cat->index = ix;
	each_channel(cat, ix, count_pair);
	make_slots(a, &ix->exact);
	make_slots(a, &ix->wild);
	each_channel(cat, ix, count_candidate);
	each_entry(a, &ix->exact, make_room);
	each_entry(a, &ix->wild, make_room);
	each_channel(cat, ix, fill_candidate);
	each_entry(a, &ix->exact, make_tiers);
	each_entry(a, &ix->wild, make_tiers);
	ix->wildcards = sorted(a, &ix->wild);
	link_wider(ix);
	make_groups(cat, ix);
}

const struct candidates *catalog_candidates(const struct catalog *c, struct str group,
    struct str model)
{
	const struct index *ix = c->index;
	const struct entry *e = *slot_of(&ix->exact, group, model);

	if (!e)
		e = find_wildcard(ix, group, model);
	return e ? &e->candidates : NULL;
}

const struct str *catalog_models(const struct catalog *c, struct str group, size_t *count)
{
	const struct index *ix = c->index;
	size_t low = 0, high = ix->group_count;

	*count = 0;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct group_models *here = &ix->groups[middle];
		int order = str_cmp(group, here->group);

		if (order == 0) {
			*count = here->count;
			return here->models;
		}
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}
