/* media.h — images named by URL, for upstreams that take only their bytes
 *
 * Some dialects cannot pass a URL on (adaptor.wants_bytes). After the money is set aside and before
 * the upstream call is built, the URLs are fetched under the rules of net/fetch.h, each once per
 * request, whatever number of channels is tried. A URL that cannot be fetched is the client's
 * fault: 400, and no channel's health is touched.
 *
 * Of one request there are at most MEDIA_MAX different URLs and MEDIA_PARTS_MAX images, data URIs
 * included, and no more than USER_CONTENT_REQUEST_BYTES of them together: else 400 or 413. All
 * requests of a process hold no more than USER_CONTENT_TOTAL_BYTES of what was fetched: beyond that
 * 503 with Retry-After, and the reservation goes back. Data URIs lie in the body, whose size is
 * bounded before it gets here.
 *
 * Owns     what was fetched, in an arena of its own, as long as the request.
 * Threads  media_missing: the room that owns the exchange; media_fetch: the wire, which keeps the
 *          exchange until `then`.
 */
#ifndef FCGI_RELAY_MEDIA_H
#define FCGI_RELAY_MEDIA_H

#include "exchange.h"

#define MEDIA_MAX 16
#define MEDIA_PARTS_MAX 256

/* Are there URLs that this attempt's dialect wants and that were not fetched? Those that were are
 * in x->call. False with err set when there are too many. */
MUST_USE bool media_missing(struct exchange *x, bool *missing, struct err *err);
/* Fetches them; then runs on the wire, with err NULL when all are there. */
void media_fetch(struct exchange *x, void (*then)(struct exchange *x, const struct err *err));
/* The client left while they are fetched: `then` is not called. */
void media_abandon(struct exchange *x);

#endif
