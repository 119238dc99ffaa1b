/* oauth_cache.h — what OpenID providers publish, kept for a while: texts by URL
 *
 * A few texts per process; the oldest makes room. Whoever finds a text too old fetches it again, two
 * at once do it twice.
 *
 * Threads  from anywhere. A cache of NULL is empty and stays so.
 */
#ifndef ADMIN_OAUTH_CACHE_H
#define ADMIN_OAUTH_CACHE_H

#include "base/attr.h"
#include "base/str.h"

#define OAUTH_CACHE_LIFE_S 3600
#define OAUTH_CACHE_TEXTS 8

struct arena;
struct oauth_cache;

RETURNS_NEW struct oauth_cache *oauth_cache_new(void);
void oauth_cache_free(struct oauth_cache *c);

/* A copy in the arena; false when there is none, or it is older than OAUTH_CACHE_LIFE_S. */
bool oauth_cache_get(struct oauth_cache *c, struct arena *a, struct str url, struct str *text);
void oauth_cache_put(struct oauth_cache *c, struct str url, struct str text);

#endif
