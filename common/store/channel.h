/* channel.h — tables channels and abilities: the upstream accounts an operator has configured
 *
 * abilities is derived: one row per group × model of a channel, rewritten in the transaction that
 * changes the channel. Every write here bumps the catalog version in the same transaction, so that
 * all processes pick it up within a second.
 */
#ifndef STORE_CHANNEL_H
#define STORE_CHANNEL_H

#include "store/db.h"

struct secret_box;

enum channel_status {
	CHANNEL_UNKNOWN = 0,
	CHANNEL_ENABLED = 1,
	CHANNEL_DISABLED = 2,      /* by a person */
	CHANNEL_AUTO_DISABLED = 3, /* by the gateway */
};

struct channel {
	int64_t id;
	int type;       /* id of the provider row, 1..51 */
	struct str key; /* plain; filled only where asked for */
	int status;
	struct str name;
	int64_t weight, priority;
	int64_t created_time, test_time, response_time; /* response_time in ms */
	struct str base_url, other;
	double balance;
	int64_t balance_updated_time;
	struct str models, group; /* comma lists, trimmed, in order */
	int64_t used_quota;
	struct str model_mapping, config, system_prompt; /* JSON object, JSON object, text */
	/* config is sealed with its secrets: p is NULL where it was not asked for */
	struct str disabled_reason; /* why it was disabled automatically */
	int64_t disabled_time;
};

struct channel_list {
	struct channel *items;
	size_t count;
};

/* box NULL leaves key and config sealed away: key is "", config absent (p == NULL). */
MUST_USE bool channel_by_id(struct db *db, const struct secret_box *box, struct arena *a,
    int64_t id, struct channel *out, struct err *err);
MUST_USE bool channel_page(struct db *db, struct arena *a, int64_t offset, int64_t limit,
    struct channel_list *out, struct err *err);
/* id equal or name prefix, newest first. */
MUST_USE bool channel_search(struct db *db, struct arena *a, struct str keyword, int64_t limit,
    struct channel_list *out, struct err *err);
/* Every one with its key, for the catalog. */
MUST_USE bool channel_all(struct db *db, const struct secret_box *box, struct arena *a,
    struct channel_list *out, struct err *err);

/* These and channel_set_status open their own transaction. insert is all or nothing and sets each
 * id. In update c->key "" and an absent c->config mean unchanged; config "" removes it. */
MUST_USE bool channel_insert(struct db *db, const struct secret_box *box, struct channel *items,
    size_t count, struct err *err);
MUST_USE bool channel_update(struct db *db, const struct secret_box *box, const struct channel *c,
    struct err *err);
/* The same as update and delete in the caller's transaction, in which the row was read: what another
 * process does to the channel in between waits. */
MUST_USE bool channel_write(struct db *db, const struct secret_box *box, struct arena *a,
    const struct channel *c, struct err *err);
MUST_USE bool channel_remove(struct db *db, int64_t id, struct err *err);
/* ERR_NOT_FOUND when absent. */
MUST_USE bool channel_delete(struct db *db, int64_t id, struct err *err);
/* All with status 2 or 3; *count gets how many. */
MUST_USE bool channel_delete_disabled(struct db *db, int64_t *count, struct err *err);

/* Compare-and-set: *changed says whether this call did it. reason "" unless automatic; what is done
 * automatically leaves a row in channel_events (channel_event.h). Parked keys
 * (channel_key.h) are forgotten by what enables a channel, gives it new keys or deletes it. */
MUST_USE bool channel_set_status(struct db *db, int64_t id, int from, int to, struct str reason,
    bool *changed, struct err *err);
/* A test went well: one that was disabled automatically is enabled again, with all its keys. For
 * the option AutomaticEnableChannelEnabled. */
MUST_USE bool channel_recovered(struct db *db, int64_t id, bool *changed, struct err *err);
/* After a test and after asking the upstream; these do not bump the catalog. */
MUST_USE bool channel_set_tested(struct db *db, int64_t id, int64_t response_ms, struct err *err);
MUST_USE bool channel_set_balance(struct db *db, int64_t id, double balance, struct err *err);

/* Distinct models of enabled channels of a group, sorted; wildcards are none. */
struct name_list {
	struct str *items;
	size_t count;
};
MUST_USE bool ability_models(struct db *db, struct arena *a, struct str group,
    struct name_list *out, struct err *err);

/* The version that all processes poll. */
MUST_USE bool catalog_version(struct db *db, int64_t *out, struct err *err);
/* In the caller's transaction. */
MUST_USE bool catalog_bump(struct db *db, struct err *err);

#endif
