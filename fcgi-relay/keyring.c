#include "keyring.h"

#include "base/secret.h"

#include "standing.h"

enum { KEEP = CELL_KEEP, UNTIL };

static bool was_tried(const struct tried_keys *tried, const struct catalog_key *key)
{
	for (size_t i = 0; i < tried->count; i++) {
		if (tried->ids[i] == key->id)
			return true;
	}
	return false;
}

/* 0: now. */
static int64_t free_at(const struct cells *parked, const struct catalog_key *key, int64_t now_ms)
{
	cell_word *cell;
	int64_t until_ms;

	if (key->parked_at)
		return INT64_MAX;
	cell = cells_find(parked, key->id);
	until_ms = cell ? cell_time(&cell[UNTIL]) : 0;
	return until_ms > now_ms ? until_ms : 0;
}

static size_t first_turn(const struct cells *standings, const struct catalog_channel *c,
    int64_t now_ms)
{
	if (c->key_mode == KEY_RANDOM)
		return secret_pick((uint32_t)c->key_count);
	return (size_t)(standing_turn(standings, c->row.id, now_ms) % c->key_count);
}

const struct catalog_key *keyring_pick(const struct cells *parked, const struct cells *standings,
    const struct catalog_channel *c, const struct tried_keys *tried, int64_t now_ms,
    int64_t *free_ms)
{
	size_t first;

	*free_ms = INT64_MAX;
	if (c->key_count == 1)
		return was_tried(tried, &c->keys[0]) ? NULL : &c->keys[0];
	if (tried->count == KEYS_TRIED_MAX)
		return NULL;
	first = first_turn(standings, c, now_ms);
	for (size_t i = 0; i < c->key_count; i++) {
		const struct catalog_key *key = &c->keys[(first + i) % c->key_count];
		int64_t at;

		if (was_tried(tried, key))
			continue;
		at = free_at(parked, key, now_ms);
		if (at == 0)
			return key;
		if (at < *free_ms)
			*free_ms = at;
	}
	return NULL;
}

const struct catalog_key *keyring_least_bad(const struct cells *parked,
    const struct catalog_channel *c, const struct tried_keys *tried, int64_t now_ms,
    int64_t *free_ms)
{
	const struct catalog_key *best = NULL;
	int64_t best_at = 0;

	for (size_t i = 0; i < c->key_count && tried->count < KEYS_TRIED_MAX; i++) {
		const struct catalog_key *key = &c->keys[i];
		int64_t at = free_at(parked, key, now_ms);

		if (was_tried(tried, key))
			continue;
		if (!best || at < best_at || (at == best_at && key->parked_at < best->parked_at)) {
			best = key;
			best_at = at;
		}
	}
	*free_ms = best_at;
	return best;
}

bool keyring_has_more(const struct cells *parked, const struct catalog_channel *c,
    const struct tried_keys *tried, int64_t now_ms)
{
	if (c->key_count == 1)
		return !was_tried(tried, &c->keys[0]);
	for (size_t i = 0; i < c->key_count && tried->count < KEYS_TRIED_MAX; i++) {
		if (!was_tried(tried, &c->keys[i]) && free_at(parked, &c->keys[i], now_ms) == 0)
			return true;
	}
	return false;
}

void keyring_note_tried(struct tried_keys *tried, const struct catalog_key *key)
{
	if (tried->count < KEYS_TRIED_MAX)
		tried->ids[tried->count++] = key->id;
}

void keyring_park(const struct cells *parked, const struct catalog_key *key, int64_t until_ms,
    int64_t now_ms)
{
	cell_word *cell = cells_claim(parked, key->id, now_ms);

	cell_set_time(&cell[UNTIL], until_ms);
	cell_set_time(&cell[KEEP], until_ms);
}

void keyring_unpark(const struct cells *parked, const struct catalog_key *key)
{
	cell_word *cell = cells_find(parked, key->id);

	if (cell)
		cell_set_time(&cell[UNTIL], 0);
}
