/* resource.h — table resources: which channel keeps what an upstream stores for a user
 *
 * A row (a pin) says that a user owns an upstream's object and where it lives. Nobody else finds
 * it: every look-up names the user. An expired row is as good as none; resource_sweep removes such
 * rows, a few at a time.
 *
 * What goes on at an upstream after its creation was answered (a work: a response in the
 * background, a batch, a run, training) is `due` until its final usage was charged; what was
 * charged so far, and whom, stands in billed_*. resource_claim ends that state for exactly one
 * caller and belongs into the transaction of the charge. A work is put before its upstream is
 * asked, with the id "~REQUEST", which no client can name; resource_adopt gives it its own. Rows
 * that are due are not swept.
 *
 * Threads  the caller's connection; each function is one statement or safe without a transaction.
 */
#ifndef STORE_RESOURCE_H
#define STORE_RESOURCE_H

#include "store/db.h"

/* Longest id that is kept, and largest object for lists. */
#define RESOURCE_ID_MAX 128
#define RESOURCE_OBJECT_MAX (16 * 1024)

/* How a work's tokens are priced. In the database: never renumber. */
enum resource_charge { CHARGE_RESPONSE = 0, CHARGE_BATCH = 1, CHARGE_RUN = 2, CHARGE_TRAINING = 3 };

struct resource {
	int64_t seq;
	struct str kind, id;
	int64_t user_id, channel_id, key_id;
	int64_t created_at, expires_at;
	struct str model;
	bool due;
	int64_t billed_prompt, billed_completion, billed_quota;
	int64_t billed_token; /* tokens.id */
	struct str billed_budgets;
	bool bounded; /* no usage is more than what was charged: it named max_output_tokens */
	int64_t seen_completion; /* tokens that were seen of it in parts */
	int64_t charge;          /* enum resource_charge */
	struct str parent;       /* of a run: its thread; of a batch or training: its file; of
	                          * a file that a batch wrote: the batch */
	struct str summary;      /* lines.h's, of a checked file and of what was made of it */
	int64_t looks, look_at;  /* how often the settler looked; when it does next */
	struct str object;
};

struct resource_list {
	struct resource *items;
	size_t count;
};

/* An upstream answered a creation with it: it is this user's from now on, wherever it was. */
MUST_USE bool resource_put(struct db *db, const struct resource *r, struct err *err);
/* One of the user's objects mentions it (the result of a batch): theirs, unless somebody else's on
 * that channel already. */
MUST_USE bool resource_learn(struct db *db, const struct resource *r, struct err *err);
/* ERR_NOT_FOUND: unknown, expired or another user's. */
MUST_USE bool resource_find(struct db *db, struct arena *a, int64_t user_id, struct str kind,
    struct str id, struct resource *out, struct err *err);
/* Of one user and kind, not expired and with an object, newest first or oldest first; behind the
 * row with that seq, 0: from the beginning. */
enum resource_order { RESOURCES_NEWEST, RESOURCES_OLDEST };
MUST_USE bool resource_page(struct db *db, struct arena *a, int64_t user_id, struct str kind,
    enum resource_order order, int64_t behind_seq, int64_t limit, struct resource_list *out,
    struct err *err);

/* Begins the id of a work whose own is not known; the request's follows. */
#define RESOURCE_PENDING_MARK '~'
static inline bool resource_is_pending(const struct resource *r)
{
	return r->id.n > 0 && r->id.p[0] == RESOURCE_PENDING_MARK;
}
/* The work that was put as pending_id is r: its id, parent and object are taken over. Where it was
 * given back and is gone it becomes a work of its own that nothing was charged for; where it is
 * known already nothing happens. */
MUST_USE bool resource_adopt(struct db *db, struct str pending_id, const struct resource *r,
    struct err *err);
/* Works that are to be looked at now, without those whose creating request still runs. */
MUST_USE bool resource_due(struct db *db, struct arena *a, int64_t now, int64_t limit,
    struct resource_list *out, struct err *err);
/* Is it needed to settle a work of its owner's? A thread by its open runs, a file by the batch that
 * wrote it. */
MUST_USE bool resource_is_needed(struct db *db, const struct resource *r, bool *needed,
    struct err *err);
/* Does anybody have it? */
MUST_USE bool resource_is_known(struct db *db, struct str kind, struct str id, bool *known,
    struct err *err);

/* These do nothing when there is no such row. */
/* The settler looked at it; next at that time. */
MUST_USE bool resource_looked(struct db *db, int64_t seq, int64_t look_at, struct err *err);
/* It stays as it was charged. */
MUST_USE bool resource_give_up(struct db *db, int64_t seq, struct err *err);
/* A work that was never begun; *gone: it was due. */
MUST_USE bool resource_undo(struct db *db, int64_t user_id, struct str kind, struct str id,
    bool *gone, struct err *err);
/* Used: it lives until then; object is what it looks like now, "" for no news. */
MUST_USE bool resource_seen(struct db *db, int64_t user_id, struct str kind, struct str id,
    int64_t expires_at, struct str object, struct err *err);
MUST_USE bool resource_delete(struct db *db, int64_t user_id, struct str kind, struct str id,
    struct err *err);
/* What was charged for it so far: due, billed_*, bounded and seen_completion. */
MUST_USE bool resource_billed(struct db *db, const struct resource *r, struct err *err);
/* *claimed: this call ended `due`, and nobody else will; *out is the row. */
MUST_USE bool resource_claim(struct db *db, struct arena *a, int64_t user_id, struct str kind,
    struct str id, struct resource *out, bool *claimed, struct err *err);

/* Removes at most limit rows that expired before now. */
MUST_USE bool resource_sweep(struct db *db, int64_t now, int64_t limit, int64_t *count,
    struct err *err);

#endif
