/* job.h — tables jobs and job_items: work on many channels that goes on without a browser
 *
 * A job is written with its items and then taken, for a lease, by a process that works them off
 * (fcgi-admin/runner.h). What a job has done so far is what its items say, so every process can show
 * it, and another goes on with the rest when the one that had it dies. At most one job of a kind is
 * unfinished; the database sees to that.
 *
 * Units    lease and times Unix seconds.
 * Errors   ERR_STORE, ERR_NOT_FOUND.
 * Threads  as the connection. job_start opens its own transaction; the rest is one statement each.
 */
#ifndef STORE_JOB_H
#define STORE_JOB_H

#include "base/field.h"
#include "store/db.h"

struct arena;
struct field;

#define JOB_LEASE_S 30
#define JOB_LIFE_S (30 * 24 * 3600)
#define JOB_MESSAGE_MAX 1000

#define JOB_TEST "test"
#define JOB_BALANCE "balance"

enum job_item_state { ITEM_WAITING, ITEM_OK, ITEM_FAILED };

struct job {
	int64_t id;
	struct str kind, scope, origin, state;
	int64_t user_id;
	bool stop_asked;
	int64_t created_at, finished_at;
	int64_t total, done, failed; /* done counts those that failed too */
};

extern const struct field job_fields[];

struct job_item {
	int64_t channel_id;
	struct str name; /* of the channel now, "" when it is gone */
	int state;
	int64_t elapsed_ms;
	struct str message, action;
	int64_t finished_at;
};

extern const struct field job_item_fields[];

struct job_list {
	struct job *items;
	size_t count;
};

struct job_item_list {
	struct job_item *items;
	size_t count;
};

/* Writes a job with these channels; *started false when one of its kind is unfinished. A job without
 * channels is done at once. */
MUST_USE bool job_start(struct db *db, struct job *j, const int64_t *channels, size_t count,
    bool *started, struct err *err);
/* When somebody's clock last started one of that kind; 0: never. */
MUST_USE bool job_last_timed(struct db *db, const char *kind, int64_t *at, struct err *err);

MUST_USE bool job_by_id(struct db *db, struct arena *a, int64_t id, struct job *out,
    struct err *err);
/* Newest first. */
MUST_USE bool job_page(struct db *db, struct arena *a, int64_t offset, int64_t limit,
    struct job_list *out, struct err *err);
/* Ordered by channel. */
MUST_USE bool job_items(struct db *db, struct arena *a, int64_t id, int64_t offset, int64_t limit,
    struct job_item_list *out, struct err *err);
/* Asks it to stop; nothing happens to one that is finished. ERR_NOT_FOUND. */
MUST_USE bool job_ask_stop(struct db *db, int64_t id, struct err *err);

/* ---- for whoever works it off ---------------------------------------------------------------- */

/* Takes an unfinished job that nobody has; *found false: none. */
MUST_USE bool job_take(struct db *db, struct arena *a, struct str node, struct job *out,
    bool *found, struct err *err);
/* *ours false: another process has it, or it is finished. */
MUST_USE bool job_renew(struct db *db, int64_t id, struct str node, bool *ours, struct err *err);
MUST_USE bool job_stop_asked(struct db *db, int64_t id, bool *stop, struct err *err);
/* Gives it back, for another process to go on. */
MUST_USE bool job_give_back(struct db *db, int64_t id, struct str node, struct err *err);
/* Channels that wait, after that one, in order. */
MUST_USE bool job_waiting(struct db *db, int64_t id, int64_t after, int64_t limit,
    int64_t *channels, size_t *count, struct err *err);
MUST_USE bool job_item_done(struct db *db, int64_t id, const struct job_item *item,
    struct err *err);
/* state: done or stopped. */
MUST_USE bool job_finish(struct db *db, int64_t id, const char *state, struct err *err);
/* Removes finished jobs of before that time with their items. */
MUST_USE bool job_sweep(struct db *db, int64_t before, struct err *err);

#endif
