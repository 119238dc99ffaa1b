#include "affinity.h"

enum { KEEP = CELL_KEEP, CHANNEL };

/* ---- what a conversation is known by ---------------------------------------------------------- */

/* A text that says something. */
static bool says(struct jval v)
{
	return v.type == J_STRING && v.text.n > 2;
}

struct beginning {
	uint64_t hash;
	size_t left; /* bytes that may still be looked at */
};

static void add(struct beginning *b, struct str text)
{
	text = str_slice(text, 0, b->left);
	b->left -= text.n;
	b->hash = cells_key(b->hash, str_hash(text));
}

/* The messages up to the first of the user's; does anything follow? */
static bool add_messages(struct beginning *b, struct jval list)
{
	struct jiter it = jscan_iter(list);
	struct jval item, role;

	while (jscan_next_item(&it, &item)) {
		add(b, item.text);
		if (jscan_member(item, STR("role"), &role) && jscan_is(role, STR("user")))
			return jscan_next_item(&it, &item);
	}
	return false;
}

/* Who asks: what the client says of that, else its key. */
static uint64_t who(const struct ask *ask, int64_t token)
{
	if (says(ask->prompt_cache_key))
		return str_hash(ask->prompt_cache_key.text);
	if (says(ask->safety_identifier))
		return str_hash(ask->safety_identifier.text);
	return says(ask->user) ? str_hash(ask->user.text) : (uint64_t)token;
}

struct conversation conversation_of(const struct ask *ask, int64_t user, int64_t token)
{
	struct beginning b = { cells_key((uint64_t)user, (uint64_t)ask->mode),
		AFFINITY_PROMPT_MAX };
	struct jval list = ask->messages.type == J_ARRAY ? ask->messages : ask->input, system;
	bool continued;

	b.hash = cells_key(b.hash, who(ask, token));
	if (says(ask->prompt_cache_key))
		return (struct conversation){ b.hash, true };
	if (list.type != J_ARRAY || ask->mode == MODE_EMBEDDINGS)
		return (struct conversation){ 0 };
	if (ask->mode == MODE_RESPONSES && jscan_member(ask->root, STR("instructions"), &system))
		add(&b, system.text);
	continued = add_messages(&b, list);
	return (struct conversation){ b.hash, continued };
}

/* ---- the table -------------------------------------------------------------------------------- */

int64_t affinity_find(const struct cells *t, uint64_t conversation, uint64_t model_hash,
    int64_t now_ms)
{
	cell_word *cell = cells_find(t, cells_key(conversation, model_hash));

	if (!cell || cell_time(&cell[KEEP]) <= now_ms)
		return 0;
	return cell_time(&cell[CHANNEL]);
}

void affinity_note(const struct cells *t, uint64_t conversation, uint64_t model_hash,
    int64_t channel, int64_t keep_ms, int64_t now_ms)
{
	cell_word *cell = cells_claim(t, cells_key(conversation, model_hash), now_ms);

	cell_set_time(&cell[CHANNEL], channel);
	cell_set_time(&cell[KEEP], now_ms + keep_ms);
}
