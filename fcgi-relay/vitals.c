#include "vitals.h"

#include "base/mapping.h"

#include "affinity.h"
#include "breaker.h"
#include "standing.h"
#include "keyring.h"

/* clang-format off */
static const struct table {
	const char *name;
	size_t cells, words, place;
} tables[] = {
	{ "breakers", BREAKER_CELLS, BREAKER_WORDS, offsetof(struct vitals, breakers) },
	{ "standings", STANDING_CELLS, STANDING_WORDS, offsetof(struct vitals, standings) },
	{ "keys", KEYRING_CELLS, KEYRING_WORDS, offsetof(struct vitals, keys) },
	{ "conversations", AFFINITY_CELLS, AFFINITY_WORDS, offsetof(struct vitals, conversations) },
};
/* clang-format on */

static void put(struct vitals *v, const struct table *t, void *memory)
{
	struct cells *place = (struct cells *)(void *)((char *)v + t->place);

	*place = cells_at(memory, t->cells, t->words);
}

static void reap(int slot, void *vitals)
{
	const struct vitals *v = vitals;

	standing_reap(&v->standings, slot);
}

void vitals_open(struct vitals *v, struct mapping *m)
{
	*v = (struct vitals){ .slot = mapping_slot(m) };
	for (size_t i = 0; i < COUNT_OF(tables); i++)
		put(v, &tables[i],
		    mapping_region(m, tables[i].name,
		        cells_bytes(tables[i].cells, tables[i].words)));
	mapping_on_reap(m, reap, v);
}

size_t vitals_bytes(void)
{
	size_t n = 0;

	for (size_t i = 0; i < COUNT_OF(tables); i++)
		n += cells_bytes(tables[i].cells, tables[i].words);
	return n;
}

void vitals_at(struct vitals *v, void *memory)
{
	char *at = memory;

	*v = (struct vitals){ 0 };
	for (size_t i = 0; i < COUNT_OF(tables); i++) {
		put(v, &tables[i], at);
		at += cells_bytes(tables[i].cells, tables[i].words);
	}
}
