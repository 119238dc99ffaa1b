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
 * does not even begin or commit, reservations are refused at once instead of waiting for it. What
 * fails for JOURNAL_AFTER_MS moves to the journal, from where it is replayed before each sweep.
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
#include "billing/journal.h"
#include "net/wire.h"
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
/* How long a stopping ledger goes on trying, with and without a journal. */
#define STOP_PATIENCE_MS 3000
#define STOP_PATIENCE_ALONE_MS 30000
/* What fails for so long goes to the journal. */
#define JOURNAL_AFTER_MS 1000
/* How long another writer is waited for; and how long once the database is away, when all that wait
 * would be refused anyway. */
#define PATIENCE_MS 5000
#define AWAY_PATIENCE_MS 200

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
	_Atomic(ledger_commit_fn *) on_commit;
	_Atomic(void *) on_commit_arg; /* set first */

	struct db *db;
	char *node;
	int lease_s;
	struct quota_sums *sums;
	struct op_list waiting; /* taken from the queue, not run yet */
	struct op_list kept;    /* failed, to be tried again at retry_ms */
	int64_t retry_ms, pause_ms;
	int64_t failing_ms;      /* since when something is kept; 0: nothing is */
	struct journal *journal; /* NULL: none */
	bool kept_more;          /* by the group at hand */
	int64_t begun_ms;        /* the group at hand */
	bool away;               /* at the last try the database did not begin or commit */
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
	return quota_raise(l->db, &op->hold, op->amount, &op->err);
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

static bool run_write(struct ledger *l, struct ledger_op *op)
{
	op->hold.node = str_c(l->node);
	op->hold.lease_s = l->lease_s;
	return op->write(l->db, op, &op->err);
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
		[LEDGER_WRITE] = run_write,
	};

	if (op->err.kind != ERR_NONE)
		err_clear(&op->err);
	op->ok = run[op->kind](l, op);
	if (op->ok || op->err.kind != ERR_STORE)
		return true;
	*err = op->err;
	return false;
}

/* Settling or releasing what is settled or released is fine: once is once. */
static void accept_repeats(struct ledger_op *op)
{
	if (op->ok || op->err.kind != ERR_NOT_FOUND ||
	    (op->kind != LEDGER_SETTLE && op->kind != LEDGER_RELEASE))
		return;
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

static void tell_watcher(struct ledger *l, size_t n, int64_t ns)
{
	ledger_commit_fn *fn = atomic_load(&l->on_commit);

	if (fn)
		fn(atomic_load(&l->on_commit_arg), n, ns / 1000);
}

static enum outcome commit(struct ledger *l, struct ledger_op **ops, size_t n, struct err *err)
{
	enum outcome outcome = COMMITTED;
	int64_t begun_ns = clock_mono_ns();

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
	tell_watcher(l, n, clock_mono_ns() - begun_ns);
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
	bool journalled = l->journal && journal_has_records(l->journal);

	if (!l->kept.first) {
		l->failing_ms = 0;
		if (!l->away)
			l->pause_ms = 0;
	}
	if (!l->kept_more && !(l->away && journalled))
		return;
	if (l->failing_ms == 0)
		l->failing_ms = l->begun_ms;
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

static void set_away(struct ledger *l, bool away)
{
	if (l->away == away)
		return;
	l->away = away;
	db_set_patience(l->db, away ? AWAY_PATIENCE_MS : PATIENCE_MS);
}

/* When one operation failed, each gets a transaction of its own, until the database itself fails:
 * then nothing more is tried. */
static void run_group(struct ledger *l)
{
	struct err why = { 0 };
	enum outcome outcome;

	l->begun_ms = clock_mono_ms();
	outcome = commit(l, l->group, l->group_size, &why);
	l->kept_more = false;
	if (outcome == COMMITTED) {
		tell_committed(l->group, l->group_size);
	} else if (l->group_size == 1) {
		keep(l, l->group[0], &why);
	} else {
		for (size_t i = 0; i < l->group_size; i++)
			run_alone(l, l->group[i], &outcome, &why);
	}
	set_away(l, outcome == FAILED);
	set_pause(l, &why);
}

/* ---- the loop --------------------------------------------------------------------------------*/

static bool pausing(const struct ledger *l)
{
	return (l->kept.first || l->away) && clock_mono_ms() < l->retry_ms;
}

/* How long the queue may keep us waiting. */
static int idle_ms(const struct ledger *l)
{
	int64_t now = clock_mono_ms(), until = l->sweep_ms;

	if (l->waiting.first)
		return 0;
	if (l->kept.first && l->retry_ms < until)
		until = l->retry_ms;
	if (l->kept.first && l->journal && l->failing_ms + JOURNAL_AFTER_MS < until)
		until = l->failing_ms + JOURNAL_AFTER_MS;
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

/* ---- the journal -----------------------------------------------------------------------------*/

static struct journal_entry entry_of(const struct ledger_op *op)
{
	struct journal_entry e = { .write_log = op->write_log, .row = op->row };

	e.release = op->kind == LEDGER_RELEASE;
	if (e.release)
		e.row.request_id = op->hold.request_id;
	return e;
}

/* Puts all that is kept into the file. A checkpoint is not worth it: what it notes is out of date
 * when the database is back. */
static bool write_journal(struct ledger *l)
{
	struct err err = { 0 };
	struct ledger_op *op;
	int64_t count = 0;

	for (struct task *t = l->kept.first; t; t = t->next) {
		struct journal_entry e = entry_of(op_of(t));

		if (op_of(t)->kind == LEDGER_CHECKPOINT || op_of(t)->kind == LEDGER_WRITE)
			continue; /* no money, or what sweeps and the settler see to */
		journal_add(l->journal, &e);
		count++;
	}
	if (count > 0 && !journal_sync(l->journal, &err)) {
		log_error(NULL, "ledger.journal_failed", LOG_ERR(&err));
		return false;
	}
	while ((op = list_take(&l->kept))) {
		op->ok = op->kind != LEDGER_WRITE;
		if (op->ok)
			err_clear(&op->err);
		tell(op);
	}
	log_warn(NULL, "ledger.journalled", LOG_INT("settlements", count));
	return true;
}

static void journal_if_due(struct ledger *l)
{
	int64_t now = clock_mono_ms();

	if (!l->journal || !l->kept.first)
		return;
	if (l->failing_ms == 0)
		l->failing_ms = now;
	if (now - l->failing_ms >= JOURNAL_AFTER_MS) {
		write_journal(l);
		l->failing_ms = 0; /* when even that failed: again after as long */
	}
}

/* From the file into the database. If one of them fails, the file stays: the others are found
 * settled next time. */
static bool replay_entries(void *arg, const struct journal_entry *entries, size_t n)
{
	struct ledger *l = arg;
	struct ledger_op *ops = mem_zalloc(n * sizeof(*ops)),
	                 **list = mem_zalloc(n * sizeof(*list));
	enum outcome outcome;
	struct err err = { 0 };

	for (size_t i = 0; i < n; i++) {
		ops[i] = (struct ledger_op){
			.kind = entries[i].release ? LEDGER_RELEASE : LEDGER_SETTLE,
			.hold = { .request_id = entries[i].row.request_id },
			.row = entries[i].row,
			.write_log = entries[i].write_log,
		};
		list[i] = &ops[i];
	}
	outcome = commit(l, list, n, &err);
	for (size_t i = 0; i < n && n > 1 && outcome == REJECTED; i++)
		if (commit(l, &list[i], 1, &err) == FAILED)
			outcome = FAILED;
	set_away(l, outcome == FAILED);
	if (outcome != COMMITTED)
		log_error(NULL, "ledger.replay_failed", LOG_ERR(&err));
	mem_free(ops);
	mem_free(list);
	return outcome == COMMITTED;
}

/* ---- sweeping --------------------------------------------------------------------------------*/

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
	if (l->waiting.first)
		return;
	/* The truth first: what lies in a journal need not be guessed. */
	if (l->journal && !journal_replay(l->journal, replay_entries, l))
		return;
	if (l->away)
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

/* The database did not come back in time. What is not in the journal either is still reserved, to
 * be swept. */
static void give_up(struct ledger *l)
{
	struct err why = { 0 };
	struct ledger_op *op;

	err_set(&why, ERR_STORE, "the database is not available");
	while ((op = list_take(&l->waiting)))
		keep(l, op, &why);
	if (l->journal && write_journal(l))
		return;
	while ((op = list_take(&l->kept))) {
		struct str id =
		    op->kind == LEDGER_SETTLE ? op->row.request_id : op->hold.request_id;

		log_error(NULL, "ledger.lost", LOG_STR("request", id), LOG_INT("kind", op->kind),
		    LOG_INT("quota", op->kind == LEDGER_SETTLE ? op->row.quota : 0));
		op->ok = false;
		op->err = why;
		tell(op);
	}
}

/* Nothing more was sent: true when all is in, or never will be. */
static bool drained(struct ledger *l)
{
	int64_t now = clock_mono_ms();

	if (l->give_up_ms == 0)
		l->give_up_ms = now + (l->journal ? STOP_PATIENCE_MS : STOP_PATIENCE_ALONE_MS);
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
		journal_if_due(l);
		if (!stopping && sweep_due(l))
			sweep(l);
	}
}

/* ---- outside ---------------------------------------------------------------------------------*/

struct ledger *ledger_start(struct db *db, const char *node, int lease_s, const char *journal_dir)
{
	struct ledger *l = MEM_NEW(struct ledger);
	sigset_t all, before;

	l->queue = queue_new(QUEUE_CEILING);
	l->db = db;
	l->node = mem_strdup(node);
	l->lease_s = lease_s;
	l->journal = *journal_dir ? journal_new(journal_dir, node) : NULL;
	db_set_patience(db, PATIENCE_MS);
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
	wire_send_on(l->queue, &op->task);
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
	journal_free(l->journal);
	db_close(l->db);
	mem_free(l->node);
	mem_free(l);
}

const char *ledger_node(const struct ledger *l)
{
	return l->node;
}

void ledger_watch(struct ledger *l, ledger_commit_fn *fn, void *arg)
{
	atomic_store(&l->on_commit, NULL);
	atomic_store(&l->on_commit_arg, arg);
	atomic_store(&l->on_commit, fn);
}

struct ledger_counts ledger_counts(struct ledger *l)
{
	return (struct ledger_counts){
		.operations = atomic_load(&l->operations),
		.commits = atomic_load(&l->commits),
		.largest_group = atomic_load(&l->largest_group),
	};
}
