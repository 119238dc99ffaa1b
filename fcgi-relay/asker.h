/* asker.h — a call to an upstream about what it keeps, on behalf of nobody's request
 *
 * With the channel's key that made it, as its dialect builds it; blocks the calling thread, and
 * ends early when the eventfd it was made with has something to read.
 *
 * Threads  one at a time.
 */
#ifndef FCGI_RELAY_ASKER_H
#define FCGI_RELAY_ASKER_H

#include "provider/catalog.h"
#include "store/resource.h"

struct relay;
struct asker;

RETURNS_NEW struct asker *asker_new(const struct relay *relay, int stop_fd);
void asker_free(struct asker *k);

/* GET path: the status, 0 when there was no whole answer; *body is in the arena. query may be "". */
int asker_object(struct asker *k, const struct catalog_channel *channel, const struct resource *pin,
    const char *path, const char *query, struct arena *a, struct str *body);
/* GET path line by line; true when all of a 200 was read. */
typedef bool asker_line_fn(void *arg, struct str line);
bool asker_lines(struct asker *k, const struct catalog_channel *channel, const struct resource *pin,
    const char *path, asker_line_fn *fn, void *arg);

#endif
