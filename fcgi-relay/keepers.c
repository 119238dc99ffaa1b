/* keepers.c — which channel keeps a new resource, and whether the one that keeps an old one is still
 * there */
#include "base/err.h"
#include "base/secret.h"

#include "resource_call.h"

/* May this caller's requests go there at all? */
static bool serves_caller(const struct exchange *x, const struct catalog_channel *c)
{
	const struct caller *who = x->caller;

	if (who->pinned_channel)
		return c->row.id == who->pinned_channel;
	return c->row.status == CHANNEL_ENABLED && str_list_has(c->row.group, who->owner.group);
}

static bool can_keep(const struct catalog_channel *c, const struct family *f)
{
	const struct provider *p = c->provider;

	return family_is_offered(f, c) && p->adaptor &&
	    (p->adaptor->modes & p->modes & (1u << MODE_RESOURCE));
}

const struct catalog_channel *keeper_sharing(const struct exchange *x, struct str id)
{
	for (size_t i = 0; i < x->catalog->channel_count; i++) {
		const struct catalog_channel *c = x->catalog->channels[i];

		if (c->shared_resources.n && serves_caller(x, c) &&
		    str_list_has(c->shared_resources, id))
			return c;
	}
	return NULL;
}

/* In the list of models that the caller's group has of it; an administrator who names the channel
 * may ask it for anything. */
static bool offers_model(const struct exchange *x, const struct catalog_channel *c,
    struct str model)
{
	const struct candidates *list;

	if (model.n == 0 || x->caller->pinned_channel)
		return true;
	list = catalog_candidates(x->catalog, x->caller->owner.group, model);
	for (; list; list = list->wider) {
		for (size_t i = 0; i < list->count; i++) {
			if (list->items[i] == c)
				return true;
		}
	}
	return false;
}

/* A draw among those of one priority: by weight, and alike while all weigh nothing. */
struct draw {
	const struct catalog_channel *best;
	uint32_t total, idle; /* of weights; how many weigh nothing */
};

static void draw_add(struct draw *d, const struct catalog_channel *c)
{
	int64_t most = 10000, weight = c->row.weight < most ? c->row.weight : most;

	if (d->best && c->row.priority < d->best->row.priority)
		return;
	if (d->best && c->row.priority > d->best->row.priority)
		*d = (struct draw){ 0 };
	if (weight <= 0) {
		if (d->total == 0 && secret_pick(++d->idle) == 0)
			d->best = c;
		return;
	}
	d->total += (uint32_t)weight;
	if (secret_pick(d->total) < (uint32_t)weight)
		d->best = c;
}

/* Creations are tried at one channel only: who knows whether a failed one left something behind. */
static const struct catalog_channel *choose(const struct exchange *x, const struct family *f,
    struct str model)
{
	struct draw d = { 0 };

	for (size_t i = 0; i < x->catalog->channel_count; i++) {
		const struct catalog_channel *c = x->catalog->channels[i];

		if (serves_caller(x, c) && can_keep(c, f) && offers_model(x, c, model))
			draw_add(&d, c);
	}
	return d.best;
}

bool keeper_exists(const struct exchange *x, const struct family *f)
{
	return f->always || choose(x, f, STR("")) != NULL;
}

/* The channel may have gone, or changed, since. f NULL: whatever it keeps. */
static bool check(struct exchange *x, const struct family *f, struct str model, struct err *err)
{
	const struct catalog_channel *c = catalog_channel(x->catalog, x->pin);

	if (!c || !serves_caller(x, c) || (f && !can_keep(c, f)))
		return err_set(err, ERR_NO_CHANNEL,
		    "the upstream that keeps this is not available any more");
	if (!offers_model(x, c, model))
		return err_set(err, ERR_NO_CHANNEL,
		    "the upstream that keeps this does not offer model %.*s", STR_ARG(model));
	if (f)
		x->call_price = c->call_price;
	return true;
}

bool keeper_check(struct exchange *x, struct str model, struct err *err)
{
	return x->pin == 0 || check(x, NULL, model, err);
}

bool keeper_find(struct exchange *x, const struct family *f, struct str model, struct err *err)
{
	const struct catalog_channel *c;

	if (!x->pin && x->caller->pinned_channel)
		x->pin = x->caller->pinned_channel;
	if (!x->pin) {
		c = choose(x, f, model);
		if (!c)
			return err_set(err, ERR_NO_CHANNEL,
			    "no channel for %.*s with model %.*s in group %.*s", STR_ARG(f->name),
			    STR_ARG(model), STR_ARG(x->caller->owner.group));
		x->pin = c->row.id;
	}
	return check(x, f, model, err);
}
