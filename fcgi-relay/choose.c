#include "choose.h"

#include "base/err.h"
#include "base/secret.h"

#include "breaker.h"
#include "limits.h"
#include "standing.h"

/* A draw that falls on a channel which cannot be had is repeated so often; then the tier is walked. */
#define DRAWS 4

/* ---- may it be this one? ---------------------------------------------------------------------- */

bool choose_was_tried(const struct tried *t, int64_t id)
{
	for (size_t i = 0; i < t->count; i++) {
		if (t->ids[i] == id)
			return true;
	}
	return false;
}

static bool uses_breakers(const struct choice *q)
{
	return option_bool(&q->catalog->options, OPT_CIRCUIT_BREAKER_ENABLED);
}

static struct breaker_view look(const struct choice *q, const struct tried *t,
    const struct catalog_channel *c)
{
	if (!uses_breakers(q))
		return (struct breaker_view){ BREAKER_CLOSED, 0 };
	return breaker_look(&q->vitals->breakers, breaker_pair(c->row.id, t->model_hash),
	    q->now_ms);
}

static bool has_key(const struct choice *q, const struct tried *t, const struct catalog_channel *c)
{
	return keyring_has_more(&q->vitals->keys, c, &t->keys, q->now_ms);
}

/* Not tried, breaker not open, a key free. Takes nothing yet. */
static bool is_open_to(const struct choice *q, const struct tried *t,
    const struct catalog_channel *c)
{
	return !choose_was_tried(t, c->row.id) && look(q, t, c).state != BREAKER_OPEN &&
	    has_key(q, t, c) && (!q->limited || limits_channel_is_free(q->limited, c->row.id));
}

/* Takes it: its probe if it is half open, its next key, its place among the tried. */
static bool take(const struct choice *q, struct tried *t, const struct catalog_channel *c)
{
	const struct vitals *v = q->vitals;
	struct breaker_view view = look(q, t, c);
	int64_t free_ms;

	t->pair = breaker_pair(c->row.id, t->model_hash);
	t->key = keyring_pick(&v->keys, &v->standings, c, &t->keys, q->now_ms, &free_ms);
	if (!t->key)
		return false;
	if (view.state == BREAKER_HALF_OPEN) {
		if (!breaker_probe(&v->breakers, t->pair, q->now_ms))
			return false;
		t->probe = true;
	}
	t->ids[t->count++] = c->row.id;
	return true;
}

/* ---- one of a tier ---------------------------------------------------------------------------- */

static size_t draw(const struct candidates *list, const struct tier *tier)
{
	return candidates_at(list, tier, secret_pick(tier->total));
}

/* What the item at i weighs in its tier. */
static uint32_t weight_at(const struct candidates *list, const struct tier *tier, size_t i)
{
	return list->until[i] - (i == tier->from ? 0 : list->until[i - 1]);
}

/* One of those that can be had, by weight, in one walk: each new one takes the place of the one
 * before with the chance that its weight has in the sum so far. Those that weigh nothing are alike
 * and only chosen where nothing else can be had. */
static const struct catalog_channel *walk(const struct choice *q, const struct tried *t,
    const struct candidates *list, const struct tier *tier)
{
	const struct catalog_channel *chosen = NULL, *spare = NULL;
	uint32_t sum = 0, spares = 0;

	for (size_t i = tier->from; i < tier->to; i++) {
		uint32_t weight = weight_at(list, tier, i);

		if (!is_open_to(q, t, list->items[i]))
			continue;
		sum += weight;
		if (weight && secret_pick(sum) < weight)
			chosen = list->items[i];
		if (!weight && secret_pick(++spares) == 0)
			spare = list->items[i];
	}
	return chosen ? chosen : spare;
}

static const struct catalog_channel *pick(const struct choice *q, const struct tried *t,
    const struct candidates *list, const struct tier *tier)
{
	if (tier->to - tier->from == 1)
		return is_open_to(q, t, list->items[tier->from]) ? list->items[tier->from] : NULL;
	for (int i = 0; i < DRAWS; i++) {
		const struct catalog_channel *c = list->items[draw(list, tier)];

		if (is_open_to(q, t, c))
			return c;
	}
	return walk(q, t, list, tier);
}

/* The faster of two. */
static const struct catalog_channel *pick_faster(const struct choice *q, const struct tried *t,
    const struct candidates *list, const struct tier *tier)
{
	const struct catalog_channel *a = pick(q, t, list, tier), *b = NULL;
	const struct cells *standings = &q->vitals->standings;

	for (int i = 0; a && tier->to - tier->from > 1 && i < DRAWS && (!b || b == a); i++)
		b = pick(q, t, list, tier);
	if (!b || a == b)
		return a;
	return standing_cost(standings, b->row.id, q->now_ms) <
	        standing_cost(standings, a->row.id, q->now_ms)
	    ? b
	    : a;
}

static bool by_latency(const struct choice *q)
{
	return str_eq_c(option_text(&q->catalog->options, OPT_CHANNEL_CHOICE), "latency");
}

/* ---- the conversation's ----------------------------------------------------------------------- */

static bool uses_affinity(const struct choice *q)
{
	return option_int(&q->catalog->options, OPT_CHANNEL_AFFINITY_MINUTES) > 0;
}

/* Worked out once, and only where there is a choice. */
static void know_conversation(const struct choice *q, struct tried *t)
{
	if (t->is_known || !uses_affinity(q))
		return;
	t->is_known = true;
	t->conversation = conversation_of(q->ask, q->user_id, q->token_id);
}

/* Where it stands, or tier->to: a tier is ordered by id. */
static size_t place_in_tier(const struct candidates *list, const struct tier *tier, int64_t id)
{
	size_t low = tier->from, high = tier->to;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (list->items[middle]->row.id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low < tier->to && list->items[low]->row.id == id ? low : tier->to;
}

static const struct catalog_channel *familiar(const struct choice *q, struct tried *t,
    const struct candidates *list, const struct tier *tier)
{
	int64_t id;
	size_t i;

	if (tier->to - tier->from == 1)
		return NULL;
	know_conversation(q, t);
	if (!t->conversation.continued)
		return NULL;
	id =
	    affinity_find(&q->vitals->conversations, t->conversation.key, t->model_hash, q->now_ms);
	i = id ? place_in_tier(list, tier, id) : tier->to;
	if (i == tier->to || weight_at(list, tier, i) == 0 || !is_open_to(q, t, list->items[i]))
		return NULL;
	return list->items[i];
}

/* ---- all tiers -------------------------------------------------------------------------------- */

static const struct catalog_channel *from_tier(const struct choice *q, struct tried *t,
    const struct candidates *list, const struct tier *tier)
{
	const struct catalog_channel *c = familiar(q, t, list, tier);

	if (!c && by_latency(q))
		c = pick_faster(q, t, list, tier);
	if (!c)
		c = pick(q, t, list, tier);
	if (c && take(q, t, c))
		return c;
	/* Another request was quicker to take the probe or the key: who is left? */
	for (size_t i = tier->from; c && i < tier->to; i++) {
		c = list->items[i];
		if (is_open_to(q, t, c) && take(q, t, c))
			return c;
	}
	return NULL;
}

static const struct catalog_channel *best(const struct choice *q, struct tried *t,
    const struct candidates *widest)
{
	for (const struct candidates *list = widest; list; list = list->wider) {
		for (size_t i = 0; i < list->tier_count; i++) {
			const struct catalog_channel *c = from_tier(q, t, list, &list->tiers[i]);

			if (c)
				return c;
		}
	}
	return NULL;
}

/* When an untried channel that nobody would choose is due: its breaker half open, a key free. */
static int64_t due(const struct choice *q, const struct tried *t, const struct catalog_channel *c)
{
	struct breaker_view view = look(q, t, c);
	int64_t at = view.state == BREAKER_OPEN ? view.until_ms : q->now_ms, free_ms;

	if (has_key(q, t, c))
		return at;
	if (!keyring_least_bad(&q->vitals->keys, c, &t->keys, q->now_ms, &free_ms))
		return -1; /* all its keys were tried */
	return at > free_ms ? at : free_ms;
}

/* Everything is in trouble: what is due first. Its probe is taken if nobody has it; a second request
 * goes there all the same. */
static const struct catalog_channel *least_bad(const struct choice *q, struct tried *t,
    const struct candidates *widest)
{
	const struct catalog_channel *found = NULL;
	int64_t soonest = INT64_MAX, free_ms;

	for (const struct candidates *list = widest; list; list = list->wider) {
		for (size_t i = 0; i < list->count; i++) {
			const struct catalog_channel *c = list->items[i];
			int64_t at = choose_was_tried(t, c->row.id) ? -1 : due(q, t, c);

			if (at < 0 || (found && at >= soonest))
				continue;
			soonest = at;
			found = c;
		}
	}
	if (!found)
		return NULL;
	t->pair = breaker_pair(found->row.id, t->model_hash);
	t->key = keyring_least_bad(&q->vitals->keys, found, &t->keys, q->now_ms, &free_ms);
	t->probe = look(q, t, found).state != BREAKER_CLOSED &&
	    breaker_probe(&q->vitals->breakers, t->pair, q->now_ms);
	t->ids[t->count++] = found->row.id;
	return t->key ? found : NULL;
}

/* ---- models ----------------------------------------------------------------------------------- */

static void begin_model(struct tried *t, struct str model)
{
	t->model = model;
	t->model_hash = str_hash(model);
	t->count = 0;
	t->retries = 0;
}

/* The model that stands in next; false at the end. */
static bool next_model(struct tried *t)
{
	if (!t->chain || t->chain_at == t->chain->count)
		return false;
	begin_model(t, t->chain->models[t->chain_at++]);
	return true;
}

static void begin(const struct choice *q, struct tried *t)
{
	if (t->model_hash)
		return;
	begin_model(t, q->ask->model);
	t->chain = chains_find(q->catalog->chains, q->ask->model);
}

static void forget_attempt(struct tried *t)
{
	t->key = NULL;
	t->probe = false;
	t->stay = false;
	t->said = false;
}

/* The same channel with its next key. */
static bool stays(const struct choice *q, struct tried *t, const struct catalog_channel **out)
{
	int64_t free_ms;

	if (!t->stay || t->count == 0)
		return false;
	*out = catalog_channel(q->catalog, t->ids[t->count - 1]);
	forget_attempt(t);
	if (*out)
		t->key = keyring_pick(&q->vitals->keys, &q->vitals->standings, *out, &t->keys,
		    q->now_ms, &free_ms);
	return t->key != NULL;
}

bool choose_channel(const struct choice *q, struct tried *t, const struct catalog_channel **out,
    struct err *err)
{
	begin(q, t);
	if (stays(q, t, out))
		return true;
	do {
		const struct candidates *widest =
		    catalog_candidates(q->catalog, q->group, t->model);

		forget_attempt(t);
		if (!widest || t->count == TRIED_MAX)
			continue;
		*out = best(q, t, widest);
		if (!*out)
			*out = least_bad(q, t, widest);
		if (*out)
			return true;
	} while (next_model(t));
	return err_set(err, ERR_NO_CHANNEL, "no channel for model %.*s in group %.*s is available",
	    STR_ARG(q->ask->model), STR_ARG(q->group));
}

bool choose_pinned(const struct choice *q, int64_t id, struct tried *t,
    const struct catalog_channel **out, struct err *err)
{
	int64_t free_ms;

	begin(q, t);
	if (stays(q, t, out))
		return true;
	forget_attempt(t);
	*out = catalog_channel(q->catalog, id);
	if (!*out)
		return err_set(err, ERR_CHANNEL_INVALID, "there is no such channel");
	if ((*out)->row.status != CHANNEL_ENABLED)
		return err_set(err, ERR_CHANNEL_DISABLED, "this channel is disabled");
	t->pair = breaker_pair(id, t->model_hash);
	t->key = keyring_pick(&q->vitals->keys, &q->vitals->standings, *out, &t->keys, q->now_ms,
	    &free_ms);
	if (!t->key)
		t->key = keyring_least_bad(&q->vitals->keys, *out, &t->keys, q->now_ms, &free_ms);
	if (!t->key)
		return err_set(err, ERR_NO_CHANNEL, "this channel has no other key");
	t->ids[0] = id;
	t->count = 1;
	return true;
}

bool choose_again(const struct choice *q, struct tried *t, const struct catalog_channel *failed,
    int retry_times, bool is_pinned)
{
	bool refused = t->keys.count && t->key && t->keys.ids[t->keys.count - 1] == t->key->id;

	if (failed->max_retries >= 0)
		retry_times = failed->max_retries;
	if (refused && failed->key_count > 1 && has_key(q, t, failed)) {
		t->stay = true;
		return true;
	}
	if (is_pinned)
		return false;
	if (t->retries < retry_times) {
		t->retries++;
		return true;
	}
	return next_model(t);
}
