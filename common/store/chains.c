#include "store/chains.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/jscan.h"
#include "base/json.h"

/* ---- what is written, name by name ------------------------------------------------------------ */

static int by_name(const void *left, const void *right)
{
	const struct chain *a = left, *b = right;

	return str_cmp(a->name, b->name);
}

static const struct chain *find(const struct chain *items, size_t count, struct str name)
{
	struct chain wanted = { .name = name };

	return count ? bsearch(&wanted, items, count, sizeof(*items), by_name) : NULL;
}

static bool read_name(struct arena *a, struct jval v, struct str *out, struct err *err)
{
	if (v.type == J_STRING)
		*out = arena_str(a, str_trim(jscan_text(a, v)));
	if (v.type == J_STRING && out->n > 0 && out->n <= CHAIN_NAME_MAX_BYTES)
		return true;
	return err_set(err, ERR_BAD_REQUEST, "a model must be a text of 1 to %d bytes",
	    CHAIN_NAME_MAX_BYTES);
}

static bool read_list(struct arena *a, struct jval list, struct chain *out, struct err *err)
{
	struct str *models = arena_alloc(a, CHAIN_MAX * sizeof(*models));
	struct jiter it = jscan_iter(list);
	struct jval item;

	out->models = models;
	if (list.type != J_ARRAY)
		return err_set(err, ERR_BAD_REQUEST, "'%.*s' must have a list of models",
		    STR_ARG(out->name));
	while (jscan_next_item(&it, &item)) {
		if (out->count == CHAIN_MAX)
			return err_set(err, ERR_BAD_REQUEST, "'%.*s' has more than %d models",
			    STR_ARG(out->name), CHAIN_MAX);
		if (!read_name(a, item, &models[out->count++], err))
			return false;
	}
	return true;
}

static bool read_all(struct arena *a, struct jval root, struct chains *out, struct err *err)
{
	struct chain *items = arena_zalloc(a, CHAIN_NAMES_MAX * sizeof(*items));
	struct jiter it = jscan_iter(root);
	struct jval list;
	struct str name;

	out->items = items;
	while (jscan_next_member(&it, &name, &list)) {
		struct jval text = { J_STRING, { name.p - 1, name.n + 2 } };

		if (out->count == CHAIN_NAMES_MAX)
			return err_set(err, ERR_BAD_REQUEST, "more than %d names", CHAIN_NAMES_MAX);
		if (!read_name(a, text, &items[out->count].name, err) ||
		    !read_list(a, list, &items[out->count], err))
			return false;
		out->count++;
	}
	if (out->count)
		qsort(items, out->count, sizeof(*items), by_name);
	for (size_t i = 1; i < out->count; i++) {
		if (str_eq(items[i].name, items[i - 1].name))
			return err_set(err, ERR_BAD_REQUEST, "'%.*s' is there twice",
			    STR_ARG(items[i].name));
	}
	return true;
}

static bool read_text(struct arena *a, struct str text, struct chains *out, struct err *err)
{
	struct jval root;

	*out = (struct chains){ 0 };
	text = str_trim(text);
	if (text.n == 0)
		return true;
	if (!jscan_check(text, 8, &root, err) || root.type != J_OBJECT)
		return err_set(err, ERR_BAD_REQUEST, "must be a JSON object");
	return read_all(a, root, out, err);
}

/* ---- what follows what ------------------------------------------------------------------------ */

/* Names on the way from the first to the one looked at, deepest first. */
struct way {
	const struct chain *at;
	const struct way *up;
};

static bool is_on(const struct way *way, const struct chain *c)
{
	for (; way; way = way->up) {
		if (way->at == c)
			return true;
	}
	return false;
}

static bool returns(const struct chains *all, const struct chain *c, const struct way *up,
    bool *done, struct err *err)
{
	const struct way way = { c, up };

	if (is_on(up, c))
		return !err_set(err, ERR_BAD_REQUEST, "'%.*s' comes back to itself",
		    STR_ARG(c->name));
	if (done[c - all->items])
		return false;
	for (size_t i = 0; i < c->count; i++) {
		const struct chain *next = find(all->items, all->count, c->models[i]);

		if (next && returns(all, next, &way, done, err))
			return true;
	}
	done[c - all->items] = true;
	return false;
}

bool chains_check(struct str text, struct err *err)
{
	struct arena *a = arena_new(4096);
	struct chains all;
	bool ok = read_text(a, text, &all, err), *done;

	done = arena_zalloc(a, ok ? all.count * sizeof(*done) : 0);
	for (size_t i = 0; ok && i < all.count; i++)
		ok = !returns(&all, &all.items[i], NULL, done, err);
	arena_free(a);
	return ok;
}

struct collected {
	struct str *models;
	size_t count;
};

static void collect(const struct chains *all, const struct chain *c, struct collected *out)
{
	for (size_t i = 0; i < c->count && out->count < CHAIN_MAX; i++) {
		const struct chain *next = find(all->items, all->count, c->models[i]);
		bool known = false;

		for (size_t k = 0; k < out->count; k++)
			known = known || str_eq(out->models[k], c->models[i]);
		if (known)
			continue;
		out->models[out->count++] = c->models[i];
		if (next)
			collect(all, next, out);
	}
}

const struct chains *chains_new(struct arena *a, struct str text)
{
	struct chains *written = ARENA_NEW(a, struct chains), *out = ARENA_NEW(a, struct chains);
	struct chain *items;
	struct err ignored = { 0 };

	if (!read_text(a, text, written, &ignored))
		return out;
	items = arena_zalloc(a, written->count * sizeof(*items));
	for (size_t i = 0; i < written->count; i++) {
		struct collected c = { arena_alloc(a, CHAIN_MAX * sizeof(struct str)), 0 };

		collect(written, &written->items[i], &c);
		items[i] = (struct chain){ written->items[i].name, c.models, c.count };
	}
	out->items = items;
	out->count = written->count;
	return out;
}

const struct chain *chains_find(const struct chains *c, struct str model)
{
	return find(c->items, c->count, model);
}
