/* limit.h — table limits and the option RateLimits: who may use how much
 *
 * A rule says how many requests, tokens and quota a subject may use. The subjects of a request are
 * its key, user, group and client address, and the channel that serves it; each has its own rule,
 * and all of them must allow the request. Of a subject's rules the most exact one counts, alone:
 *
 *	the row of table limits for this very key, user, group or channel
 *	RateLimits "group:NAME" or "channel:ID"
 *	RateLimits "key@GROUP" or "user@GROUP": each key, each user of that group
 *	RateLimits "key", "user", "group", "channel", "address": each one of them
 *
 * RateLimits is a JSON object of such names:
 *
 *	{ "key": { "rpm": 60, "tpm": 100000, "parallel": 8 },
 *	  "user@free": { "tpd": 50000, "budget_month": 500000, "timezone": "Europe/Berlin" },
 *	  "group:batch": { "parallel": 20 },
 *	  "channel:7": { "rpm": 500, "budget_month": 50000000 },
 *	  "address": { "rpm": 120, "budget_day": 100000 } }
 *
 * A group's rule is shared by all its users. What a channel's budget pays for is in billing/budget.h.
 *
 * Units    rpm requests a minute; tpm, tpd tokens a minute, a day (input and output together);
 *          parallel requests at a time; budget_* quota. 0: no limit.
 * Owns     struct limit_rules lies in the arena it was loaded with.
 * Threads  rules are read-only once loaded; the rest: the caller's connection.
 */
#ifndef STORE_LIMIT_H
#define STORE_LIMIT_H

#include "base/field.h"
#include "store/db.h"

enum limit_scope { LIMIT_KEY, LIMIT_USER, LIMIT_GROUP, LIMIT_CHANNEL, LIMIT_ADDRESS, LIMIT_SCOPES };
enum limit_period { LIMIT_DAY, LIMIT_WEEK, LIMIT_MONTH, LIMIT_PERIODS };

extern const char *const limit_scope_names[LIMIT_SCOPES];

struct limit_rule {
	int64_t rpm, tpm, tpd, parallel;
	int64_t budget_day, budget_week, budget_month;
	struct str timezone; /* when these begin, zone.h */
};

bool limit_rule_is_empty(const struct limit_rule *r);
int64_t limit_budget(const struct limit_rule *r, enum limit_period period);

/* ---- the snapshot --------------------------------------------------------------------------- */

struct limit_rules {
	bool any;                    /* false: nothing is limited */
	bool has_rows[LIMIT_SCOPES]; /* keys, users: their rows are read one by one */
	size_t count;
	struct limit_named *items; /* ordered; limit.c's */
};

/* ERR_BAD_REQUEST naming the entry. Empty text is fine: no limits. */
MUST_USE bool limit_check(struct str json, struct err *err);
/* json has passed its check. Rows of keys and users are not loaded: there may be a million. */
MUST_USE bool limit_load(struct db *db, struct arena *a, struct str json, struct limit_rules *out,
    struct err *err);
/* The rule of one subject, empty when it has none. subject: an id as text, a group's name, an
 * address; group: the user's, "" for a channel. Reads a row only for keys and users, and only when
 * there are any. */
MUST_USE bool limit_find(const struct limit_rules *rules, struct db *db, struct arena *a,
    enum limit_scope scope, struct str subject, struct str group, struct limit_rule *out,
    struct err *err);

/* ---- rows ----------------------------------------------------------------------------------- */

struct limit_row {
	struct str scope, subject;
	int64_t rpm, tpm, tpd, parallel;
	int64_t budget_day, budget_week, budget_month;
	struct str timezone;
};

extern const struct field limit_fields[];

/* ERR_BAD_REQUEST naming what is wrong. */
MUST_USE bool limit_row_check(const struct limit_row *row, struct err *err);
/* Each writes and moves the catalog's version on, in its own transaction. */
MUST_USE bool limit_row_put(struct db *db, const struct limit_row *row, struct err *err);
/* ERR_NOT_FOUND. */
MUST_USE bool limit_row_delete(struct db *db, struct str scope, struct str subject,
    struct err *err);
/* One page, ordered by scope and subject, behind these two ("" and "": from the beginning). */
MUST_USE bool limit_row_page(struct db *db, struct arena *a, struct str scope, struct str subject,
    int64_t limit, struct limit_row **rows, size_t *count, struct err *err);

#endif
