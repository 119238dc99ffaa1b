/* ledger.h — the thread that commits reservations and settlements in groups
 *
 * DESIGN. One thread per process owns the writing connection. It takes everything that waits,
 * opens one transaction, runs each operation, commits, and only then tells each one. Under load a
 * commit (and its fsync) is shared by hundreds of requests; alone, a request waits for one. An
 * operation that is refused (no quota) leaves no trace and does not disturb its neighbours. When
 * the database fails, reservations of the group are refused with ERR_STORE; settlements and
 * releases stay and are tried again until they are in. What could not be written for a second, or
 * at the end, goes to a file (journal.h) and counts as done: whoever recovers or starts next puts
 * it into the database.
 *
 * Within a group what gives back runs before what takes, so that a client can spend at once what
 * its last request did not use. Settling or releasing twice is fine and moves nothing.
 *
 * The same thread sweeps expired reservations every few seconds and once at start.
 *
 * Handing an operation over is giving it away, with everything it points to, until done is called
 * on the ledger's thread, after the commit; done may only hand on (wire_send, queue_send) or free.
 * Nobody waits for a settlement except ledger_stop.
 *
 * Threads  ledger_send from anywhere; what a wire's turn sends leaves together at its end.
 */
#ifndef BILLING_LEDGER_H
#define BILLING_LEDGER_H

#include "base/err.h"
#include "base/queue.h"
#include "billing/quota.h"

struct ledger;
struct ledger_op;

enum ledger_kind {
	LEDGER_RESERVE,
	LEDGER_RAISE,
	LEDGER_CHECKPOINT,
	LEDGER_SETTLE,
	LEDGER_RELEASE,
	LEDGER_WRITE, /* whatever op->write does: it shares the commit, and is tried again like a
	               * settlement */
};

struct ledger_op {
	struct task task; /* ledger.c's */
	enum ledger_kind kind;
	struct hold hold; /* RESERVE (node and lease are filled in); of the others: request_id, and
	                   * of RAISE and CHECKPOINT who serves (quota_raise) */
	int64_t amount;   /* RAISE: more; CHECKPOINT: cost so far, -1 renews the lease only */
	int64_t prompt_tokens, completion_tokens; /* CHECKPOINT */
	struct logrow row;                        /* SETTLE: names its request by row.request_id */
	/* WRITE: runs in the group's transaction, hold.node and hold.lease_s filled in. False only
	 * with ERR_STORE. It may run again after a rollback. */
	bool (*write)(struct db *db, struct ledger_op *op, struct err *err);
	bool write_log;
	void (*done)(struct ledger_op *op); /* NULL: nobody wants to know */
	void *arg;
	bool ok; /* for done; false only when refused, see quota.h for the kinds */
	struct err err;
};

/* db is taken and closed at the end. node names this process in its reservations; lease_s is how
 * long they stay without a checkpoint, usually QUOTA_LEASE_S. journal_dir is DATA_DIR; "": there is
 * no journal, and stopping waits for the database. */
RETURNS_NEW struct ledger *ledger_start(struct db *db, const char *node, int lease_s,
    const char *journal_dir);
void ledger_send(struct ledger *l, struct ledger_op *op);
/* After the last sender: drains, commits, joins the thread, frees. A database that fails for 3 s
 * (30 s without a journal) ends the waiting: what is not in then is in the journal, or stays
 * reserved for the next sweep. */
void ledger_stop(struct ledger *l);
const char *ledger_node(const struct ledger *l);

/* Called on the ledger's thread after each commit: how many operations shared it, how long begin to
 * commit took. One only; NULL: nobody. */
typedef void ledger_commit_fn(void *arg, size_t operations, int64_t us);
void ledger_watch(struct ledger *l, ledger_commit_fn *fn, void *arg);

struct ledger_counts {
	uint64_t operations, commits, largest_group;
};
struct ledger_counts ledger_counts(struct ledger *l);

#endif
