/* ledger.c — see ledger.h
 *
 * DESIGN. One thread, one connection, one list. A turn of the loop takes what the queue holds, puts
 * it behind what waits, and commits the first GROUP_MAX of it as one transaction, in three passes.
 * First what gives back or notes (settle, release, checkpoint), summed up and written once per row.
 * Then what takes (reserve, raise), each by its own conditional update upon balances that are true.
 * Then, again, what found no reservation at first: its reservation may just have come.
 *
 * A commit is shared by those who wait for it. Under load a short wait makes the next group larger;
 * what nobody waits for waits a little longer for company (gather).
 *
 * That the givers go first lets a client spend at once what its last request did not use.
 *
 * An operation that the database does not take although it lives makes its group be run one by one,
 * so that only this one suffers. Settlements, releases and checkpoints that failed are kept, in
 * order, and come back after a pause that doubles up to PAUSE_MAX_MS; meanwhile, if the database
 * does not even begin or commit, reservations are refused at once instead of waiting for it.
 *
 * The thread owns everything in struct ledger but the queue and the counters.
 */
#include "billing/ledger.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/db.h"

/* A transaction of this many takes some 20 ms. */
#define GROUP_MAX 1024
/* After a group of this many the next one gathers company for so long before it is committed: a
 * commit costs as much CPU as some ten operations, whoever shares it. */
#define BUSY_GROUP 8
#define GATHER_NS 400000
/* Nobody waits for a settlement: alone, it waits so long for a reservation to ride along with. */
#define LINGER_MS 3
/* More than there can be requests: senders on a wire must not wait here. */
#define QUEUE_CEILING ((size_t)1 << 20)
#define SWEEP_EVERY_MS 5000
#define SWEEP_LIMIT 100
#define PAUSE_MIN_MS 100
#define PAUSE_MAX_MS 5000
/* How long a stopping ledger goes on trying; what is left then is swept by whoever starts next. */
#define STOP_PATIENCE_MS 30000

/* Operations linked by task.next. */
struct op_list {
	struct task *first;
	struct task **end;
};

struct ledger {
	struct queue *queue;
	pthread_t thread;
	atomic_bool stopping;
	atomic_uint_least64_t operations, commits, largest_group;

	struct db *db;
	char *node;
	int lease_s;
	struct quota_sums *sums;
	struct op_list waiting; /* taken from the queue, not run yet */
	struct op_list kept;    /* failed, to be tried again at retry_ms */
	int64_t retry_ms, pause_ms;
	bool kept_more; /* by the group at hand */
	bool away;      /* at the last try the database did not begin or commit */
	int64_t sweep_ms;
	int64_t give_up_ms; /* 0 until the ledger is told to stop */
	struct ledger_op *group[GROUP_MAX];
	size_t group_size;
};

/* How a transaction ended. */
enum outcome {
	COMMITTED,
	REJECTED, /* one operation failed; the others may be fine */
	FAILED,   /* the database does not begin or commit */
};

/* ---- lists -----------------------------------------------------------------------------------*/

static struct ledger_op *op_of(struct task *task)
{
	return CONTAINER_OF(task, struct ledger_op, task);
}

static void list_init(struct op_list *list)
{
	list->first = NULL;
	list->end = &list->first;
}

static void list_add(struct op_list *list, struct ledger_op *op)
{
	op->task.next = NULL;
	*list->end = &op->task;
	list->end = &op->task.next;
}

static struct ledger_op *list_take(struct op_list *list)
{
	struct task *task = list->first;

	if (!task)
		return NULL;
	list->first = task->next;
	if (!list->first)
		list->end = &list->first;
	return op_of(task);
}

/* Moves all of `head` in front of list. */
static void list_prepend(struct op_list *list, struct op_list *head)
{
	if (!head->first)
		return;
	*head->end = list->first;
	if (!list->first)
		list->end = head->end;
	list->first = head->first;
	list_init(head);
}

/* ---- operations ------------------------------------------------------------------------------*/

/* Does it need a balance to be large enough? Only these may be refused. */
static bool takes(const struct ledger_op *op)
{
	return op->kind == LEDGER_RESERVE || op->kind == LEDGER_RAISE;
}

static bool run_reserve(struct ledger *l, struct ledger_op *op)
{
	op->hold.node = str_c(l->node);
	op->hold.lease_s = l->lease_s;
	return quota_reserve(l->db, &op->hold, &op->err);
}

static bool run_raise(struct ledger *l, struct ledger_op *op)
{
	return quota_raise(l->db, op->hold.request_id, op->amount, &op->err);
}

static bool run_checkpoint(struct ledger *l, struct ledger_op *op)
{
	op->hold.lease_s = l->lease_s;
	return quota_checkpoint(l->db, &op->hold, op->amount, op->prompt_tokens,
	    op->completion_tokens, &op->err);
}

/* These two leave ERR_NOT_FOUND for pass 3; it never reaches the sender (accept_repeats). */
static bool run_settle(struct ledger *l, struct ledger_op *op)
{
	bool found;

	if (!quota_settle_into(l->db, l->sums, &op->row, op->write_log, &found, &op->err))
		return false;
	return found || err_set(&op->err, ERR_NOT_FOUND, "settled before");
}

static bool run_release(struct ledger *l, struct ledger_op *op)
{
	bool found;

	if (!quota_release_into(l->db, l->sums, op->hold.request_id, &found, &op->err))
		return false;
	return found || err_set(&op->err, ERR_NOT_FOUND, "settled before");
}

/* False when the database failed; a refusal is in op. */
static bool run_op(struct ledger *l, struct ledger_op *op, struct err *err)
{
	static bool (*const run[])(struct ledger *, struct ledger_op *) = {
		[LEDGER_RESERVE] = run_reserve,
		[LEDGER_RAISE] = run_raise,
		[LEDGER_CHECKPOINT] = run_checkpoint,
		[LEDGER_SETTLE] = run_settle,
		[LEDGER_RELEASE] = run_release,
	};

	if (op->err.kind != ERR_NONE)
		err_clear(&op->err);
	op->ok = run[op->kind](l, op);
	if (op->ok || op->err.kind != ERR_STORE)
		return true;
	*err = op->err;
	return false;
}

/* Settling or releasing what is settled or released is fine: once is once. A settlement that comes
 * too late was swept, since its lease ran out while we stood still: the log keeps what it would
 * have charged. */
static void accept_repeats(struct ledger_op *op)
{
	if (op->ok || op->err.kind != ERR_NOT_FOUND ||
	    (op->kind != LEDGER_SETTLE && op->kind != LEDGER_RELEASE))
		return;
	if (op->kind == LEDGER_SETTLE)
		log_warn(NULL, "ledger.too_late", LOG_STR("request", op->row.request_id),
		    LOG_INT("user", op->row.user_id), LOG_INT("quota", op->row.quota));
	err_clear(&op->err);
	op->ok = true;
}

static bool run_passes(struct ledger *l, struct ledger_op **ops, size_t n, struct err *err)
{
	size_t taking = 0;

	for (size_t i = 0; i < n; i++) {
		taking += takes(ops[i]);
		if (!takes(ops[i]) && !run_op(l, ops[i], err))
			return false;
	}
	if (!quota_sums_flush(l->db, l->sums, err))
		return false;
	for (size_t i = 0; i < n && taking > 0; i++)
		if (takes(ops[i]) && !run_op(l, ops[i], err))
			return false;
	for (size_t i = 0; i < n && taking > 0; i++)
		if (!takes(ops[i]) && !ops[i]->ok && !run_op(l, ops[i], err))
			return false;
	return quota_sums_flush(l->db, l->sums, err);
}

static enum outcome commit(struct ledger *l, struct ledger_op **ops, size_t n, struct err *err)
{
	enum outcome outcome = COMMITTED;

	if (!db_begin(l->db, err))
		return FAILED;
	if (!run_passes(l, ops, n, err))
		outcome = REJECTED;
	else if (!db_commit(l->db, err))
		outcome = FAILED;
	if (outcome != COMMITTED) {
		db_rollback(l->db);
		quota_sums_drop(l->sums);
		return outcome;
	}
	atomic_fetch_add(&l->operations, n);
	atomic_fetch_add(&l->commits, 1);
	if (n > atomic_load(&l->largest_group))
		atomic_store(&l->largest_group, n);
	return COMMITTED;
}

/* ---- telling ---------------------------------------------------------------------------------*/

/* op is its sender's again. */
static void tell(struct ledger_op *op)
{
	if (op->done)
		op->done(op);
}

static void tell_committed(struct ledger_op **ops, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		accept_repeats(ops[i]);
		tell(ops[i]);
	}
}

/* The database did not take it: refused if it can be, else kept. */
static void keep(struct ledger *l, struct ledger_op *op, const struct err *why)
{
	if (!takes(op)) {
		list_add(&l->kept, op);
		l->kept_more = true;
		return;
	}
	op->ok = false;
	op->err = *why;
	op->err.retry_after_s = 1;
	tell(op);
}

/* ---- groups ----------------------------------------------------------------------------------*/

/* After a try: when to try again what was kept. */
static void set_pause(struct ledger *l, const struct err *why)
{
	if (!l->kept.first)
		l->pause_ms = 0;
	if (!l->kept_more)
		return;
	l->pause_ms = l->pause_ms ? l->pause_ms * 2 : PAUSE_MIN_MS;
	if (l->pause_ms > PAUSE_MAX_MS)
		l->pause_ms = PAUSE_MAX_MS;
	l->retry_ms = clock_mono_ms() + l->pause_ms;
	log_error(NULL, "ledger.failed", LOG_ERR(why), LOG_INT("retry_ms", l->pause_ms));
}

static void run_alone(struct ledger *l, struct ledger_op *op, enum outcome *outcome,
    struct err *why)
{
	if (*outcome != FAILED)
		*outcome = commit(l, &op, 1, why);
	if (*outcome == COMMITTED)
		tell_committed(&op, 1);
	else
		keep(l, op, why);
}

/* When one operation failed, each gets a transaction of its own, until the database itself fails:
 * then nothing more is tried. */
static void run_group(struct ledger *l)
{
	struct err why = { 0 };
	enum outcome outcome = commit(l, l->group, l->group_size, &why);

	l->kept_more = false;
	if (outcome == COMMITTED) {
		tell_committed(l->group, l->group_size);
	} else if (l->group_size == 1) {
		keep(l, l->group[0], &why);
	} else {
		for (size_t i = 0; i < l->group_size; i++)
			run_alone(l, l->group[i], &outcome, &why);
	}
	l->away = outcome == FAILED;
	set_pause(l, &why);
}

/* ---- the loop --------------------------------------------------------------------------------*/

static bool pausing(const struct ledger *l)
{
	return l->kept.first && clock_mono_ms() < l->retry_ms;
}

/* How long the queue may keep us waiting. */
static int idle_ms(const struct ledger *l)
{
	int64_t now = clock_mono_ms(), until = l->sweep_ms;

	if (l->waiting.first)
		return 0;
	if (l->kept.first && l->retry_ms < until)
		until = l->retry_ms;
	return until > now ? (int)(until - now) : 0;
}

/* Takes what was sent. While the database is away nothing waits that can be refused. */
static bool receive(struct ledger *l, int timeout_ms)
{
	struct task *chain = queue_take_many(l->queue, GROUP_MAX, timeout_ms), *next;
	bool any = chain != NULL, closed_door = l->away && pausing(l);
	struct err why = { 0 };

	if (closed_door)
		err_set(&why, ERR_STORE, "the database is not available");
	for (; chain; chain = next) {
		next = chain->next;
		if (closed_door)
			keep(l, op_of(chain), &why);
		else
			list_add(&l->waiting, op_of(chain));
	}
	return any;
}

static bool somebody_waits(const struct ledger *l)
{
	for (const struct task *t = l->waiting.first; t; t = t->next)
		if (takes(CONTAINER_OF(t, struct ledger_op, task)))
			return true;
	return false;
}

/* Makes the next group larger where that costs nobody much. */
static void gather(struct ledger *l)
{
	int64_t until = clock_mono_ms() + LINGER_MS;

	if (!l->waiting.first || atomic_load(&l->stopping))
		return;
	if (l->group_size >= BUSY_GROUP) {
		nanosleep(&(struct timespec){ .tv_nsec = GATHER_NS }, NULL);
		receive(l, 0);
	}
	while (!somebody_waits(l) && !atomic_load(&l->stopping)) {
		int64_t left = until - clock_mono_ms();

		if (left <= 0)
			return;
		receive(l, (int)left);
	}
}

static bool sweep_due(const struct ledger *l)
{
	return clock_mono_ms() >= l->sweep_ms;
}

/* Before a sweep what was kept gets its chance: its leases may have run out meanwhile. */
static void fill_group(struct ledger *l)
{
	struct ledger_op *op;

	if (!pausing(l) || (sweep_due(l) && l->give_up_ms == 0))
		list_prepend(&l->waiting, &l->kept);
	l->group_size = 0;
	while (l->group_size < GROUP_MAX && (op = list_take(&l->waiting)))
		l->group[l->group_size++] = op;
}

static bool sweep_once(struct ledger *l, int *count, struct err *err)
{
	if (!db_begin(l->db, err))
		return false;
	if (quota_sweep(l->db, clock_unix(), l->lease_s, SWEEP_LIMIT, count, err) &&
	    db_commit(l->db, err))
		return true;
	db_rollback(l->db);
	return false;
}

static void sweep(struct ledger *l)
{
	struct err err = { 0 };
	int64_t now = clock_mono_ms();
	int count = 0;

	l->sweep_ms = now + SWEEP_EVERY_MS;
	if (l->away || l->waiting.first)
		return;
	if (!sweep_once(l, &count, &err))
		log_error(NULL, "ledger.sweep_failed", LOG_ERR(&err));
	else if (count == SWEEP_LIMIT)
		l->sweep_ms = now;
}

static void wait_ms(int64_t ms)
{
	struct timespec t = { (time_t)(ms / 1000), (long)(ms % 1000) * 1000000 };

	if (ms > 0)
		nanosleep(&t, NULL);
}

/* The database did not come back in time. The reservations are still there, to be swept. */
static void give_up(struct ledger *l)
{
	struct ledger_op *op;

	list_prepend(&l->waiting, &l->kept);
	while ((op = list_take(&l->waiting))) {
		struct str id =
		    op->kind == LEDGER_SETTLE ? op->row.request_id : op->hold.request_id;

		log_error(NULL, "ledger.lost", LOG_STR("request", id), LOG_INT("kind", op->kind),
		    LOG_INT("quota", op->kind == LEDGER_SETTLE ? op->row.quota : 0));
		op->ok = false;
		err_set(&op->err, ERR_STORE, "the database is not available");
		tell(op);
	}
}

/* Nothing more was sent: true when all is in, or never will be. */
static bool drained(struct ledger *l)
{
	int64_t now = clock_mono_ms();

	if (l->give_up_ms == 0)
		l->give_up_ms = now + STOP_PATIENCE_MS;
	if (!l->waiting.first && !l->kept.first)
		return true;
	if (now >= l->give_up_ms) {
		give_up(l);
		return true;
	}
	if (!l->waiting.first && pausing(l))
		wait_ms(l->retry_ms - now);
	return false;
}

static void *ledger_thread(void *arg)
{
	struct ledger *l = arg;

	for (;;) {
		bool stopping = atomic_load(&l->stopping);

		if (!receive(l, idle_ms(l)) && stopping && drained(l))
			return NULL;
		gather(l);
		fill_group(l);
		if (l->group_size > 0)
			run_group(l);
		if (!stopping && sweep_due(l))
			sweep(l);
	}
}

/* ---- outside ---------------------------------------------------------------------------------*/

struct ledger *ledger_start(struct db *db, const char *node, int lease_s)
{
	struct ledger *l = MEM_NEW(struct ledger);
	sigset_t all, before;

	l->queue = queue_new(QUEUE_CEILING);
	l->db = db;
	l->node = mem_strdup(node);
	l->lease_s = lease_s;
	l->sums = quota_sums_new(GROUP_MAX);
	l->sweep_ms = clock_mono_ms();
	list_init(&l->waiting);
	list_init(&l->kept);

	/* Signals are for the main thread. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	if (pthread_create(&l->thread, NULL, ledger_thread, l) != 0) {
		log_error(NULL, "ledger.no_thread", LOG_NONE);
		abort();
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return l;
}

void ledger_send(struct ledger *l, struct ledger_op *op)
{
	queue_send(l->queue, &op->task);
}

void ledger_stop(struct ledger *l)
{
	if (!l)
		return;
	atomic_store(&l->stopping, true);
	queue_close(l->queue);
	pthread_join(l->thread, NULL);
	queue_free(l->queue);
	quota_sums_free(l->sums);
	db_close(l->db);
	mem_free(l->node);
	mem_free(l);
}

const char *ledger_node(const struct ledger *l)
{
	return l->node;
}

struct ledger_counts ledger_counts(struct ledger *l)
{
	return (struct ledger_counts){
		.operations = atomic_load(&l->operations),
		.commits = atomic_load(&l->commits),
		.largest_group = atomic_load(&l->largest_group),
	};
}
