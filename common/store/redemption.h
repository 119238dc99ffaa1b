/* redemption.h — table redemptions: codes that turn into quota, once
 *
 * A code is stored as a keyed hash (to find it when somebody shows it) and sealed (so that an
 * administrator can copy it), like a client's key. Claiming is one conditional update: of any
 * number of callers at the same moment one gets true. The credit is billing/quota.h's, in the same
 * transaction.
 *
 * Units    quota.
 * Errors   ERR_NOT_FOUND, ERR_STORE.
 * Threads  as the connection; each function but redemption_insert is one statement or two.
 */
#ifndef STORE_REDEMPTION_H
#define STORE_REDEMPTION_H

#include "base/secret.h"
#include "store/db.h"

struct arena;

enum redemption_status { REDEMPTION_UNUSED = 1, REDEMPTION_DISABLED = 2, REDEMPTION_USED = 3 };

#define REDEMPTION_KEY_LEN 32 /* hex digits */
#define REDEMPTION_KEY_MAX 128

struct redemption {
	int64_t id, user_id; /* user_id: the administrator who made it */
	struct str key;      /* plain, hex */
	int status;
	struct str name; /* of the batch */
	int64_t quota;
	int64_t created_time, redeemed_time;
	int64_t redeemed_by; /* users.id, 0: nobody yet */
	int64_t count;       /* always 0: old clients look for it */
};

struct redemption_list {
	struct redemption *items;
	size_t count;
};

/* Newest first; status 0: any. total (may be NULL): of all pages. */
MUST_USE bool redemption_page(struct db *db, const struct secret_box *box, struct arena *a,
    int status, int64_t offset, int64_t limit, struct redemption_list *out, int64_t *total,
    struct err *err);
/* id equal or name prefix, newest first. */
MUST_USE bool redemption_search(struct db *db, const struct secret_box *box, struct arena *a,
    struct str keyword, int64_t limit, struct redemption_list *out, struct err *err);
MUST_USE bool redemption_by_id(struct db *db, const struct secret_box *box, struct arena *a,
    int64_t id, struct redemption *out, struct err *err);
/* By the code itself. */
MUST_USE bool redemption_find(struct db *db, const struct secret_box *box, struct arena *a,
    struct str key, struct redemption *out, struct err *err);
/* key "" makes a fresh one, in the arena; sets id. In the caller's transaction for several. */
MUST_USE bool redemption_insert(struct db *db, const struct secret_box *box, struct arena *a,
    struct redemption *r, struct err *err);
/* Writes status, name and quota of one that is not used; *changed false: it is, or is not there. */
MUST_USE bool redemption_update(struct db *db, const struct redemption *r, bool *changed,
    struct err *err);
/* Writes the name alone. */
MUST_USE bool redemption_rename(struct db *db, int64_t id, struct str name, struct err *err);
MUST_USE bool redemption_delete(struct db *db, int64_t id, struct err *err);
/* unused → used; *claimed: this call did it. */
MUST_USE bool redemption_claim(struct db *db, int64_t id, int64_t user_id, bool *claimed,
    struct err *err);

#endif
