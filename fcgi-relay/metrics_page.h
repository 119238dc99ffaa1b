/* metrics_page.h — the document that Prometheus reads, and who may read it
 *
 * All that watching.c's table counts, and what is looked up when it is asked for: how breakers stand,
 * reservations, the build. GET /metrics exists for addresses in METRICS_ALLOW and whoever shows
 * METRICS_TOKEN; for anybody else it is a path like any that does not exist.
 *
 * Threads  from anywhere; db is the caller's.
 */
#ifndef FCGI_RELAY_METRICS_PAGE_H
#define FCGI_RELAY_METRICS_PAGE_H

#include "watching.h"

struct buf;
struct db;

/* The largest document. */
#define METRICS_PAGE_MAX ((size_t)32 * 1024 * 1024)

/* db NULL: without reservations. */
void metrics_page(const struct watching *w, struct db *db, struct buf *out);
/* Is this reader allowed by METRICS_ALLOW or METRICS_TOKEN? authorization: the header's value. */
bool metrics_page_allows(const struct watching *w, struct str address, struct str authorization);

#endif
