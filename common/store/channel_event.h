/* channel_event.h — table channel_events: what the gateway did to channels by itself, and why
 *
 * The row is written in the transaction that switches a channel off or on, so there is no change
 * without it. fcgi-admin/notice.h makes messages to root of rows that nobody was told of.
 *
 * Threads  as the connection.
 */
#ifndef STORE_CHANNEL_EVENT_H
#define STORE_CHANNEL_EVENT_H

#include "base/field.h"
#include "store/db.h"

struct arena;
struct field;

#define CHANNEL_EVENT_CAUSE_MAX 1000
#define CHANNEL_EVENT_LIFE_S (90 * 24 * 3600)

#define EVENT_DISABLED "disabled"
#define EVENT_ENABLED "enabled"
#define EVENT_PARKED "parked" /* one of its keys */
#define EVENT_SLOW "slow"     /* slower than allowed, but left on */
#define EVENT_TESTED "tested" /* all of them: channel 0 */

struct channel_event {
	int64_t id, channel_id;
	struct str name, kind, cause;
	int64_t created_at;
};

extern const struct field channel_event_fields[];

struct channel_event_list {
	struct channel_event *items;
	size_t count;
};

/* One statement; in the caller's transaction when there is one. cause is cut. */
MUST_USE bool channel_event_add(struct db *db, int64_t channel_id, const char *kind,
    struct str cause, struct err *err);
/* Newest first. */
MUST_USE bool channel_event_page(struct db *db, struct arena *a, int64_t channel_id, int64_t limit,
    struct channel_event_list *out, struct err *err);
/* Oldest first. */
MUST_USE bool channel_event_untold(struct db *db, struct arena *a, int64_t limit,
    struct channel_event_list *out, struct err *err);
/* All up to that id. */
MUST_USE bool channel_event_told(struct db *db, int64_t last_id, struct err *err);
MUST_USE bool channel_event_sweep(struct db *db, int64_t before, struct err *err);

#endif
