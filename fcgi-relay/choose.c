#include "choose.h"

#include "base/err.h"
#include "base/secret.h"

static bool was_tried(const struct tried *t, int64_t id)
{
	for (size_t i = 0; i < t->count; i++) {
		if (t->ids[i] == id)
			return true;
	}
	return false;
}

/* Bounded, so that the sum over 10,000 channels fits the 32 bits of a draw. */
#define WEIGHT_MAX 100000

static uint64_t weight_of(const struct catalog_channel *c)
{
	if (c->row.weight <= 0)
		return 0;
	return c->row.weight < WEIGHT_MAX ? (uint64_t)c->row.weight : WEIGHT_MAX;
}

/* The first run of equal priority that still has an untried channel: [*from, *to). */
static bool find_tier(const struct candidates *list, const struct tried *tried, size_t *from,
    size_t *to)
{
	size_t begin = 0;

	while (begin < list->count) {
		int64_t priority = list->items[begin]->row.priority;
		size_t end = begin;
		bool open = false;

		for (; end < list->count && list->items[end]->row.priority == priority; end++)
			open = open || !was_tried(tried, list->items[end]->row.id);
		if (open) {
			*from = begin;
			*to = end;
			return true;
		}
		begin = end;
	}
	return false;
}

/* One untried channel of a tier by weight. */
static const struct catalog_channel *pick(const struct candidates *list, const struct tried *tried,
    size_t from, size_t to)
{
	uint64_t total = 0, open = 0, at;

	for (size_t i = from; i < to; i++) {
		if (was_tried(tried, list->items[i]->row.id))
			continue;
		total += weight_of(list->items[i]);
		open++;
	}
	/* all zero: everybody weighs one */
	at = secret_pick((uint32_t)(total ? total : open));
	for (size_t i = from; i < to; i++) {
		uint64_t weight = total ? weight_of(list->items[i]) : 1;

		if (was_tried(tried, list->items[i]->row.id))
			continue;
		if (at < weight)
			return list->items[i];
		at -= weight;
	}
	return NULL;
}

static void note(struct tried *tried, int64_t id)
{
	if (tried->count < TRIED_MAX)
		tried->ids[tried->count++] = id;
}

bool choose_channel(const struct catalog *c, struct str group, struct str model,
    struct tried *tried, const struct catalog_channel **out, struct err *err)
{
	const struct candidates *list = catalog_candidates(c, group, model);
	size_t from, to;

	if (!list || tried->count == TRIED_MAX || !find_tier(list, tried, &from, &to))
		return err_set(err, ERR_NO_CHANNEL,
		    "no channel for model %.*s in group %.*s is available", STR_ARG(model),
		    STR_ARG(group));
	*out = pick(list, tried, from, to);
	note(tried, (*out)->row.id);
	return true;
}

bool choose_pinned(const struct catalog *c, int64_t id, struct tried *tried,
    const struct catalog_channel **out, struct err *err)
{
	*out = catalog_channel(c, id);
	if (!*out)
		return err_set(err, ERR_CHANNEL_INVALID, "there is no such channel");
	if ((*out)->row.status != CHANNEL_ENABLED)
		return err_set(err, ERR_CHANNEL_DISABLED, "this channel is disabled");
	note(tried, id);
	return true;
}
