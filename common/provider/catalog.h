/* catalog.h — channels, abilities, groups, options and prices as one immutable snapshot
 *
 * Built from the database when its version moves (every admin write bumps it in the same
 * transaction); polled once a second by one thread per process. Whoever works on a request holds a
 * reference for that request. Choosing a channel is a look-up here: no lock, no I/O. If a rebuild
 * fails the old snapshot stays.
 *
 *	struct catalog *c = catalog_get(watcher);
 *	const struct candidates *list = catalog_candidates(c, group, model);
 *	…
 *	catalog_put(c);
 *
 * The cost of a look-up does not depend on the number of channels.
 *
 * Threads  a catalog is read-only; catalog_get from anywhere.
 */
#ifndef PROVIDER_CATALOG_H
#define PROVIDER_CATALOG_H

#include "base/snapshot.h"
#include "base/str.h"
#include "billing/price.h"
#include "provider/providers.h"
#include "store/channel.h"
#include "store/option.h"

struct db;
struct err;
struct secret_box;

struct catalog_channel {
	struct channel row; /* key unsealed */
	const struct provider *provider;
	struct str base_url; /* the row's or the provider's, without trailing / */
	size_t mapping_count;
	struct {
		struct str from, to;
	} * mapping;
	/* members of config, legacy `other` folded in */
	struct str api_version, region, user_id, organization, project;
	/* how we present ourselves where the provider asks (QUIRK_REFERER): config, else the
	 * options ServerAddress and SystemName */
	struct str referer, title;
};

/* Channels that serve one group and model, highest priority first. */
struct candidates {
	size_t count;
	const struct catalog_channel *const *items;
};

struct catalog {
	struct shared shared;
	struct arena *arena;
	int64_t version;
	struct options options;
	struct price_table *prices;
	size_t channel_count;
	const struct catalog_channel **channels; /* ordered by id */
	void *index;                             /* catalog.c's */
};

/* Reads everything in one read transaction's worth of queries; refs = 1. */
MUST_USE bool catalog_build(struct db *db, const struct secret_box *box, struct catalog **out,
    struct err *err);
void catalog_put(struct catalog *c);

/* Only channels that are enabled; NULL when there is none. */
const struct candidates *catalog_candidates(const struct catalog *c, struct str group,
    struct str model);
/* Enabled or not; NULL when there is none. */
const struct catalog_channel *catalog_channel(const struct catalog *c, int64_t id);
/* Distinct models that enabled channels offer a group, sorted. */
const struct str *catalog_models(const struct catalog *c, struct str group, size_t *count);
/* A row with its provider, mapping and config read; ERR_CHANNEL_INVALID for an unknown type. For
 * the catalog itself and for testing a channel that is not in it. */
MUST_USE bool catalog_channel_make(struct arena *a, const struct channel *row,
    struct catalog_channel *out, struct err *err);
/* The channel's name for a model. */
struct str catalog_map_model(const struct catalog_channel *c, struct str model);

/* ---- watcher -------------------------------------------------------------------------- */

struct catalog_watcher;

/* Builds the first snapshot before it returns; then polls every poll_ms. db is taken. */
MUST_USE bool catalog_watch(struct db *db, const struct secret_box *box, int poll_ms,
    struct catalog_watcher **out, struct err *err);
void catalog_unwatch(struct catalog_watcher *w);
/* A reference; never NULL. */
struct catalog *catalog_get(struct catalog_watcher *w);
/* Looks at the version now instead of at the next poll; from any thread, returns at once. */
void catalog_nudge(struct catalog_watcher *w);

#endif
