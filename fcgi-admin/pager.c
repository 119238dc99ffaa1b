#include "pager.h"

#include <pthread.h>

#include "base/clock.h"
#include "base/mem.h"

#define PLACES 4096
#define LIFE_MS (5 * 60 * 1000)

struct place {
	uint64_t hash; /* of list and number */
	int64_t until_ms;
	struct pager_place at;
};

struct pager {
	pthread_mutex_t lock;
	struct place places[PLACES]; /* a newer one takes the place of an older one */
};

struct pager *pager_new(void)
{
	struct pager *p = MEM_NEW(struct pager);

	pthread_mutex_init(&p->lock, NULL);
	return p;
}

void pager_free(struct pager *p)
{
	if (!p)
		return;
	pthread_mutex_destroy(&p->lock);
	mem_free(p);
}

static uint64_t hash_of(struct str list, int64_t number)
{
	return (str_hash(list) ^ (uint64_t)number) * UINT64_C(0x9E3779B97F4A7C15) | 1;
}

bool pager_find(struct pager *p, struct str list, int64_t number, struct pager_place *out)
{
	uint64_t hash = hash_of(list, number);
	struct place *place;
	bool found;

	if (!p)
		return false;
	place = &p->places[(hash >> 32) % PLACES];
	pthread_mutex_lock(&p->lock);
	found = place->hash == hash && place->until_ms > clock_mono_ms();
	if (found)
		*out = place->at;
	pthread_mutex_unlock(&p->lock);
	return found;
}

void pager_keep(struct pager *p, struct str list, int64_t number, struct pager_place at)
{
	uint64_t hash = hash_of(list, number);

	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	p->places[(hash >> 32) % PLACES] =
	    (struct place){ .hash = hash, .until_ms = clock_mono_ms() + LIFE_MS, .at = at };
	pthread_mutex_unlock(&p->lock);
}
