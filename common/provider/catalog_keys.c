/* catalog_keys.c — the keys of a channel: one a line, which of them are parked
 *
 * A key text with several lines is several keys of one account or of several; types whose key may
 * contain line ends (QUIRK_KEY_IS_ONE) have one, whatever is in it. Ids come from a keyed hash, so
 * that neither the database's list of parked keys nor the memory that processes share says a key.
 */
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "provider/catalog.h"
#include "store/channel_key.h"

#define KEYS_MAX 1000

static bool is_there(const struct catalog_channel *c, struct str text)
{
	for (size_t i = 0; i < c->key_count; i++) {
		if (str_eq(c->keys[i].text, text))
			return true;
	}
	return false;
}

static size_t count_lines(struct str text)
{
	struct str line;
	size_t n = 0;

	while (n < KEYS_MAX && str_next(&text, '\n', &line))
		n++;
	return n;
}

void catalog_read_keys(struct arena *a, struct catalog_channel *c)
{
	struct str rest = c->row.key, line;
	size_t most = c->provider->quirks & QUIRK_KEY_IS_ONE ? 0 : count_lines(rest);

	c->keys = arena_zalloc(a, (most ? most : 1) * sizeof(*c->keys));
	for (size_t i = 0; i < most && str_next(&rest, '\n', &line); i++) {
		line = str_trim(line);
		if (line.n && !is_there(c, line))
			c->keys[c->key_count++].text = line;
	}
	if (c->key_count == 0) {
		c->keys[0].text = c->row.key;
		c->key_count = 1;
	}
	if (c->key_count == 1)
		c->keys[0].id = (uint64_t)c->row.id;
}

const struct catalog_key *catalog_first_key(const struct catalog_channel *c)
{
	for (size_t i = 0; i < c->key_count; i++) {
		if (c->keys[i].parked_at == 0)
			return &c->keys[i];
	}
	return &c->keys[0];
}

const struct catalog_key *catalog_key_by_id(const struct catalog_channel *c, uint64_t id)
{
	for (size_t i = 0; i < c->key_count; i++) {
		if (c->keys[i].id == id)
			return &c->keys[i];
	}
	return NULL;
}

/* Rows are ordered by channel; *from is where those of this one begin. */
static void mark_channel(const struct secret_box *box, struct catalog_channel *c,
    const struct parked_key_list *parked, size_t *from)
{
	char hash[CHANNEL_KEY_HASH_LEN + 1];

	while (*from < parked->count && parked->items[*from].channel_id < c->row.id)
		(*from)++;
	for (size_t i = 0; c->key_count > 1 && i < c->key_count; i++) {
		c->keys[i].id = channel_key_hash(box, c->keys[i].text, hash);
		for (size_t k = *from;
		     k < parked->count && parked->items[k].channel_id == c->row.id; k++) {
			if (str_eq_c(parked->items[k].key_hash, hash))
				c->keys[i].parked_at = parked->items[k].parked_at;
		}
	}
}

bool catalog_mark_keys(struct db *db, const struct secret_box *box, struct catalog *cat,
    struct err *err)
{
	struct parked_key_list parked;
	size_t from = 0;

	if (!channel_keys_parked(db, cat->arena, 0, &parked, err))
		return false;
	/* Made by us a moment ago and not yet given to anybody: still ours to write to. */
	for (size_t i = 0; i < cat->channel_count; i++)
		mark_channel(box, (struct catalog_channel *)(uintptr_t)cat->channels[i], &parked,
		    &from);
	return true;
}
