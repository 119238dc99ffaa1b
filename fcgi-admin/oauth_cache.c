#include "oauth_cache.h"

#include <pthread.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/mem.h"

struct text {
	struct str url, text; /* owned, one block each */
	int64_t put_ms;
};

struct oauth_cache {
	pthread_mutex_t lock; /* guards texts */
	struct text texts[OAUTH_CACHE_TEXTS];
};

struct oauth_cache *oauth_cache_new(void)
{
	struct oauth_cache *c = MEM_NEW(struct oauth_cache);

	pthread_mutex_init(&c->lock, NULL);
	return c;
}

static void drop(struct text *t)
{
	mem_free((char *)(uintptr_t)t->url.p);
	mem_free((char *)(uintptr_t)t->text.p);
	*t = (struct text){ 0 };
}

void oauth_cache_free(struct oauth_cache *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < OAUTH_CACHE_TEXTS; i++)
		drop(&c->texts[i]);
	pthread_mutex_destroy(&c->lock);
	mem_free(c);
}

static struct text *find(struct oauth_cache *c, struct str url)
{
	for (size_t i = 0; i < OAUTH_CACHE_TEXTS; i++) {
		if (c->texts[i].url.p && str_eq(c->texts[i].url, url))
			return &c->texts[i];
	}
	return NULL;
}

/* The one of that URL, a free one, or the oldest. */
static struct text *room_for(struct oauth_cache *c, struct str url)
{
	struct text *t = find(c, url);

	if (t)
		return t;
	t = &c->texts[0];
	for (size_t i = 0; i < OAUTH_CACHE_TEXTS; i++) {
		if (!c->texts[i].url.p)
			return &c->texts[i];
		if (c->texts[i].put_ms < t->put_ms)
			t = &c->texts[i];
	}
	return t;
}

static struct str copy(struct str s)
{
	char *p = mem_zalloc(s.n + 1);

	if (s.n)
		memcpy(p, s.p, s.n);
	return (struct str){ p, s.n };
}

bool oauth_cache_get(struct oauth_cache *c, struct arena *a, struct str url, struct str *text)
{
	struct text *t;
	bool fresh;

	if (!c)
		return false;
	pthread_mutex_lock(&c->lock);
	t = find(c, url);
	fresh = t && clock_mono_ms() - t->put_ms <= OAUTH_CACHE_LIFE_S * INT64_C(1000);
	if (fresh)
		*text = arena_str(a, t->text);
	pthread_mutex_unlock(&c->lock);
	return fresh;
}

void oauth_cache_put(struct oauth_cache *c, struct str url, struct str text)
{
	struct text fresh, *t;

	if (!c)
		return;
	fresh = (struct text){ copy(url), copy(text), clock_mono_ms() };
	pthread_mutex_lock(&c->lock);
	t = room_for(c, url);
	drop(t);
	*t = fresh;
	pthread_mutex_unlock(&c->lock);
}
