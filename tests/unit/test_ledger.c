/* test_ledger.c — the ledger under parallel callers, crashes, a failing database, two processes
 *
 * Whatever happens, the books agree at the end: granted − left − reserved = charged in the log.
 * The last test prints how many operations a second 64 callers get, for information.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "billing/ledger.h"
#include "store/db.h"
#include "store/migrate.h"

#define GRANTED INT64_C(1000000)

enum { USERS = 100, POOR_KEY = 500, POOR_KEY_QUOTA = 1000 };

struct fixture {
	char dir[64];
	struct db *db; /* the test's own connection */
};

/* ---- the database ----------------------------------------------------------------------------*/

static struct db *open_db(const struct fixture *f)
{
	struct err err = { 0 };
	struct db *db;

	if (!db_open("", f->dir, &db, &err))
		fail_msg("%s %s", err.msg, err.detail);
	return db;
}

static void run(struct db *db, const char *sql)
{
	struct err err = { 0 };

	if (!db_script(db, sql, &err))
		fail_msg("%s: %s %s", sql, err.msg, err.detail);
}

/* sql must be a literal: statements are known by their address. */
static int64_t number(struct db *db, const char *sql)
{
	struct err err = { 0 };
	struct rows rows;
	int64_t n;

	if (!db_query(db, sql, BIND_NONE, &rows, &err))
		fail_msg("%s: %s %s", sql, err.msg, err.detail);
	assert_true(rows_next(&rows));
	n = rows_int(&rows, 0);
	assert_true(rows_close(&rows, &err));
	return n;
}

static void want(const char *name, int64_t got, int64_t wanted)
{
	if (got != wanted)
		fail_msg("%s: got %lld, want %lld", name, (long long)got, (long long)wanted);
}

static void wait_for(struct db *db, const char *sql, int64_t value)
{
	for (int i = 0; i < 6000 && number(db, sql) != value; i++)
		usleep(10000);
	want(sql, number(db, sql), value);
}

/* Users 1 to 100 with one key each of the same number, and a key of user 1 that can pay little. */
static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct err err = { 0 };

	snprintf(f->dir, sizeof(f->dir), "/tmp/test-ledger-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	f->db = open_db(f);
	if (!migrate(f->db, &err))
		fail_msg("%s %s", err.msg, err.detail);
	run(f->db,
	    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100) "
	    "INSERT INTO users (id, username, quota) SELECT i, 'user' || i, 1000000 FROM n;"
	    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100) "
	    "INSERT INTO tokens (id, user_id, key_hash, key_sealed, remain_quota) "
	    "SELECT i, i, CAST('hash' || i AS BLOB), '', 1000000 FROM n;"
	    "INSERT INTO tokens (id, user_id, key_hash, key_sealed, remain_quota) "
	    "VALUES (500, 1, x'00', '', 1000);"
	    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10) "
	    "INSERT INTO channels (id, type) SELECT i, 1 FROM n;");
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	char command[128];

	db_close(f->db);
	snprintf(command, sizeof(command), "rm -r '%s'", f->dir);
	if (system(command) != 0)
		return -1;
	free(f);
	return 0;
}

/* Every user, every key, every channel. */
static void check_books(struct db *db)
{
	want("users whose books do not agree",
	    number(db,
	        "SELECT COUNT(*) FROM users u WHERE 1000000 - quota - "
	        "(SELECT COALESCE(SUM(amount), 0) FROM reservations WHERE user_id = u.id) <> "
	        "(SELECT COALESCE(SUM(quota), 0) FROM logs WHERE type = 2 AND user_id = u.id)"),
	    0);
	want("keys whose books do not agree",
	    number(db,
	        "SELECT COUNT(*) FROM tokens t WHERE (CASE id WHEN 500 THEN 1000 ELSE 1000000 END) "
	        "- "
	        "remain_quota - "
	        "(SELECT COALESCE(SUM(amount), 0) FROM reservations WHERE token_id = t.id) <> "
	        "(SELECT COALESCE(SUM(quota), 0) FROM logs WHERE type = 2 AND token_id = t.id)"),
	    0);
	want("users whose sums do not agree",
	    number(db,
	        "SELECT COUNT(*) FROM users u WHERE used_quota <> "
	        "(SELECT COALESCE(SUM(quota), 0) FROM logs WHERE type = 2 AND user_id = u.id) OR "
	        "request_count <> (SELECT COUNT(*) FROM logs WHERE type = 2 AND user_id = u.id)"),
	    0);
	want("channels whose sums do not agree",
	    number(db,
	        "SELECT COUNT(*) FROM channels c WHERE used_quota <> "
	        "(SELECT COALESCE(SUM(quota), 0) FROM logs WHERE type = 2 AND channel_id = c.id)"),
	    0);
}

/* ---- operations that are waited for ----------------------------------------------------------*/

struct waiter {
	pthread_mutex_t lock; /* guards done */
	pthread_cond_t changed;
	bool done;
};

static void wake(struct ledger_op *op)
{
	struct waiter *w = op->arg;

	pthread_mutex_lock(&w->lock);
	w->done = true;
	pthread_cond_signal(&w->changed);
	pthread_mutex_unlock(&w->lock);
}

/* False when it was refused; the reason is in op->err. */
static bool send_and_wait(struct ledger *l, struct ledger_op *op)
{
	struct waiter w = { .lock = PTHREAD_MUTEX_INITIALIZER,
		.changed = PTHREAD_COND_INITIALIZER };

	op->done = wake;
	op->arg = &w;
	ledger_send(l, op);
	pthread_mutex_lock(&w.lock);
	while (!w.done)
		pthread_cond_wait(&w.changed, &w.lock);
	pthread_mutex_unlock(&w.lock);
	return op->ok;
}

static struct ledger_op reserve_op(const char *id, int64_t user, int64_t token, int64_t amount)
{
	return (struct ledger_op){ .kind = LEDGER_RESERVE,
		.hold = { .request_id = str_c(id),
		    .user_id = user,
		    .token_id = token,
		    .channel_id = 1 + user % 10,
		    .amount = amount,
		    .model = STR("gpt-4o"),
		    .token_name = STR("key"),
		    .username = STR("user") } };
}

static struct ledger_op settle_op(const char *id, int64_t cost)
{
	return (struct ledger_op){ .kind = LEDGER_SETTLE,
		.hold = { .request_id = str_c(id) },
		.row = { .request_id = str_c(id),
		    .quota = cost,
		    .prompt_tokens = 12,
		    .completion_tokens = 3,
		    .model_name = STR("gpt-4o"),
		    .username = STR("user"),
		    .token_name = STR("key"),
		    .content = STR("model ratio 1.25, group ratio 1.00, completion ratio 4.00") },
		.write_log = true };
}

static bool reserve(struct ledger *l, const char *id, int64_t user, int64_t token, int64_t amount)
{
	struct ledger_op op = reserve_op(id, user, token, amount);

	return send_and_wait(l, &op);
}

static bool settle(struct ledger *l, const char *id, int64_t cost)
{
	struct ledger_op op = settle_op(id, cost);

	return send_and_wait(l, &op);
}

static enum err_kind simple(struct ledger *l, enum ledger_kind kind, const char *id, int64_t amount)
{
	struct ledger_op op = { .kind = kind,
		.hold = { .request_id = str_c(id) },
		.amount = amount };

	return send_and_wait(l, &op) ? ERR_NONE : op.err.kind;
}

/* ---- tests -----------------------------------------------------------------------------------*/

struct caller {
	pthread_t thread;
	struct ledger *ledger;
	int number, turns;
	int64_t user, token, amount;
	atomic_int *granted;
	int wrong; /* refusals for another reason than the key's quota */
};

static void *reserve_often(void *arg)
{
	struct caller *c = arg;

	for (int i = 0; i < c->turns; i++) {
		char id[48];
		struct ledger_op op;

		snprintf(id, sizeof(id), "caller-%d-%d", c->number, i);
		op = reserve_op(id, c->user, c->token, c->amount);
		if (send_and_wait(c->ledger, &op))
			atomic_fetch_add(c->granted, 1);
		else
			c->wrong += op.err.kind != ERR_NO_KEY_QUOTA;
	}
	return NULL;
}

/* R1: 500 reservations of 10 at once on a key with 1,000. */
static void test_parallel_reservations(void **state)
{
	struct fixture *f = *state;
	struct ledger *l = ledger_start(open_db(f), "node-1", QUOTA_LEASE_S, "");
	struct caller callers[50];
	atomic_int granted = 0;

	for (int i = 0; i < 50; i++) {
		callers[i] = (struct caller){ .ledger = l,
			.number = i,
			.turns = 10,
			.user = 1,
			.token = POOR_KEY,
			.amount = 10,
			.granted = &granted };
		pthread_create(&callers[i].thread, NULL, reserve_often, &callers[i]);
	}
	for (int i = 0; i < 50; i++) {
		pthread_join(callers[i].thread, NULL);
		want("refused for the right reason", callers[i].wrong, 0);
	}
	want("granted", granted, 100);
	want("key", number(f->db, "SELECT remain_quota FROM tokens WHERE id = 500"), 0);
	want("user", number(f->db, "SELECT quota FROM users WHERE id = 1"),
	    GRANTED - POOR_KEY_QUOTA);
	want("reserved", number(f->db, "SELECT SUM(amount) FROM reservations"), POOR_KEY_QUOTA);
	want("rows", number(f->db, "SELECT COUNT(*) FROM reservations WHERE node = 'node-1'"), 100);
	assert_true(ledger_counts(l).operations >= 500);
	check_books(f->db);
	ledger_stop(l);
}

static void test_life_of_a_request(void **state)
{
	struct fixture *f = *state;
	struct ledger *l = ledger_start(open_db(f), "node-1", QUOTA_LEASE_S, "");

	assert_string_equal(ledger_node(l), "node-1");
	want("reserve", reserve(l, "r1", 2, 2, 500), true);
	want("raise", simple(l, LEDGER_RAISE, "r1", 100), ERR_NONE);
	want("raise too far", simple(l, LEDGER_RAISE, "r1", GRANTED), ERR_NO_KEY_QUOTA);
	want("checkpoint", simple(l, LEDGER_CHECKPOINT, "r1", 50), ERR_NONE);
	want("noted", number(f->db, "SELECT cost FROM reservations WHERE request_id = 'r1'"), 50);
	want("held", number(f->db, "SELECT amount FROM reservations WHERE request_id = 'r1'"), 600);
	check_books(f->db);
	want("settle", settle(l, "r1", 70), true);
	want("settle again", settle(l, "r1", 70), true);
	want("release after", simple(l, LEDGER_RELEASE, "r1", 0), ERR_NONE);
	want("raise after", simple(l, LEDGER_RAISE, "r1", 1), ERR_NOT_FOUND);
	want("checkpoint after", simple(l, LEDGER_CHECKPOINT, "r1", 1), ERR_NOT_FOUND);
	want("charged once", number(f->db, "SELECT quota FROM users WHERE id = 2"), GRANTED - 70);
	want("one row", number(f->db, "SELECT COUNT(*) FROM logs WHERE type = 2"), 1);
	want("reserve", reserve(l, "r2", 2, 2, 900), true);
	want("release", simple(l, LEDGER_RELEASE, "r2", 0), ERR_NONE);
	want("release again", simple(l, LEDGER_RELEASE, "r2", 0), ERR_NONE);
	want("nothing held", number(f->db, "SELECT COUNT(*) FROM reservations"), 0);
	want("given back", number(f->db, "SELECT quota FROM users WHERE id = 2"), GRANTED - 70);
	check_books(f->db);
	ledger_stop(l);
}

static atomic_int told;

static void count_done(struct ledger_op *op)
{
	atomic_fetch_add(&told, op->ok);
}

/* Sent together, in one group or two, a request's own operations keep their meaning. */
static void test_all_at_once(void **state)
{
	struct fixture *f = *state;
	struct ledger *l = ledger_start(open_db(f), "node-1", QUOTA_LEASE_S, "");
	enum { N = 200 };
	struct ledger_op *ops = calloc(3 * N, sizeof(*ops));
	char(*ids)[16] = calloc(N, sizeof(*ids));

	atomic_store(&told, 0);
	for (int i = 0; i < N; i++) {
		snprintf(ids[i], sizeof(ids[i]), "r%d", i);
		ops[3 * i] = reserve_op(ids[i], 1 + i % 5, 1 + i % 5, 100);
		ops[3 * i + 1] = (struct ledger_op){ .kind = LEDGER_CHECKPOINT,
			.hold = { .request_id = str_c(ids[i]) },
			.amount = 5 };
		ops[3 * i + 2] = settle_op(ids[i], 10);
	}
	for (int i = 0; i < 3 * N; i++) {
		ops[i].done = count_done;
		ledger_send(l, &ops[i]);
	}
	ledger_stop(l); /* drains */
	want("all done", atomic_load(&told), 3 * N);
	want("nothing held", number(f->db, "SELECT COUNT(*) FROM reservations"), 0);
	want("charged", number(f->db, "SELECT SUM(quota) FROM logs WHERE type = 2"), 10 * N);
	check_books(f->db);
	free(ops);
	free(ids);
}

/* What the last request did not use can be spent at once, by an operation sent right behind. */
static void test_given_back_first(void **state)
{
	struct fixture *f = *state;
	struct ledger *l = ledger_start(open_db(f), "node-1", QUOTA_LEASE_S, "");

	want("all of it", reserve(l, "r0", 1, POOR_KEY, 1000), true);
	for (int i = 0; i < 50; i++) {
		char before[16], id[16];
		struct ledger_op back;

		snprintf(before, sizeof(before), "r%d", i);
		snprintf(id, sizeof(id), "r%d", i + 1);
		back = settle_op(before, 0);
		ledger_send(l, &back);
		want("again", reserve(l, id, 1, POOR_KEY, 1000), true);
	}
	check_books(f->db);

	/* Even in front of it, when both are in one group: the test's own connection holds the
	 * write lock until both are sent. */
	struct ledger_op busy = { .kind = LEDGER_RELEASE, .hold = { .request_id = STR("none") } };
	struct ledger_op back = settle_op("r50", 400);
	struct ledger_op front = reserve_op("front", 1, POOR_KEY, 600);
	struct err err = { 0 };

	atomic_store(&told, 0);
	front.done = back.done = count_done;
	assert_true(db_begin(f->db, &err));
	ledger_send(l, &busy);
	usleep(20000);
	ledger_send(l, &front);
	ledger_send(l, &back);
	assert_true(db_commit(f->db, &err));
	ledger_stop(l);
	want("both", atomic_load(&told), 2);
	want("left", number(f->db, "SELECT remain_quota FROM tokens WHERE id = 500"), 0);
	check_books(f->db);
}

static atomic_int done_in_order;
static atomic_int out_of_order;

static void check_order(struct ledger_op *op)
{
	if (atomic_fetch_add(&done_in_order, 1) != (int)op->amount)
		atomic_fetch_add(&out_of_order, 1);
}

/* The database rejects log rows for a while: reservations of others go on, settlements come in
 * when it recovers, in their order, and stop waits for them. */
static void test_settlements_survive(void **state)
{
	struct fixture *f = *state;
	struct ledger *l = ledger_start(open_db(f), "node-1", QUOTA_LEASE_S, "");
	enum { N = 20 };
	struct ledger_op *ops = calloc(N, sizeof(*ops));
	char ids[N][16];

	for (int i = 0; i < N; i++) {
		snprintf(ids[i], sizeof(ids[i]), "r%d", i);
		want("reserve", reserve(l, ids[i], 3, 3, 100), true);
	}
	run(f->db, "ALTER TABLE logs RENAME TO away");
	atomic_store(&done_in_order, 0);
	atomic_store(&out_of_order, 0);
	for (int i = 0; i < N; i++) {
		ops[i] = settle_op(ids[i], 30);
		ops[i].amount = i;
		ops[i].done = check_order;
		ledger_send(l, &ops[i]);
	}
	want("reserve meanwhile", reserve(l, "other", 4, 4, 100), true);
	want("release meanwhile", simple(l, LEDGER_RELEASE, "other", 0), ERR_NONE);
	want("none settled", number(f->db, "SELECT COUNT(*) FROM reservations"), N);
	want("none told", atomic_load(&done_in_order), 0);
	run(f->db, "ALTER TABLE away RENAME TO logs");
	ledger_stop(l);
	want("all told", atomic_load(&done_in_order), N);
	want("in order", atomic_load(&out_of_order), 0);
	want("all settled", number(f->db, "SELECT COUNT(*) FROM reservations"), 0);
	want("charged", number(f->db, "SELECT SUM(quota) FROM logs WHERE type = 2"), 30 * N);
	check_books(f->db);
	free(ops);
}

/* One that fails does not disturb those that stand in one group with it. */
static void test_neighbours(void **state)
{
	struct fixture *f = *state;
	struct ledger *l = ledger_start(open_db(f), "node-1", QUOTA_LEASE_S, "");
	struct ledger_op busy = { .kind = LEDGER_RELEASE, .hold = { .request_id = STR("none") } };
	struct ledger_op good = { .kind = LEDGER_RELEASE, .hold = { .request_id = STR("good") } };
	struct ledger_op bad = settle_op("bad", 30), other = reserve_op("other", 5, 5, 100);
	struct err err = { 0 };

	want("reserve", reserve(l, "good", 3, 3, 100), true);
	want("reserve", reserve(l, "bad", 4, 4, 100), true);
	run(f->db, "ALTER TABLE logs RENAME TO away");
	atomic_store(&told, 0);
	good.done = bad.done = count_done;
	assert_true(db_begin(f->db, &err));
	ledger_send(l, &busy);
	usleep(20000);
	ledger_send(l, &good);
	ledger_send(l, &bad);
	ledger_send(l, &other);
	assert_true(db_commit(f->db, &err));
	wait_for(f->db, "SELECT COUNT(*) FROM reservations WHERE request_id = 'other'", 1);
	want("good is in", atomic_load(&told), 1);
	run(f->db, "ALTER TABLE away RENAME TO logs");
	ledger_stop(l);
	want("bad came in later", atomic_load(&told), 2);
	want("other", other.ok, true);
	want("given back once", number(f->db, "SELECT quota FROM users WHERE id = 3"), GRANTED);
	want("charged once", number(f->db, "SELECT quota FROM users WHERE id = 4"), GRANTED - 30);
	check_books(f->db);
}

/* The same for what reservations need: they are refused, and say that the database is to blame. */
static void test_reservations_refused(void **state)
{
	struct fixture *f = *state;
	struct ledger *l = ledger_start(open_db(f), "node-1", QUOTA_LEASE_S, "");
	struct ledger_op op = reserve_op("r1", 3, 3, 100);

	run(f->db, "ALTER TABLE reservations RENAME TO away");
	want("refused", send_and_wait(l, &op), false);
	want("says why", op.err.kind, ERR_STORE);
	want("says when", op.err.retry_after_s, 1);
	run(f->db, "ALTER TABLE away RENAME TO reservations");
	want("works again", reserve(l, "r1", 3, 3, 100), true);
	check_books(f->db);
	ledger_stop(l);
}

/* Runs in a child that never returns: ten requests, three of them with a checkpoint, none settled.
 */
static void crash(const struct fixture *f)
{
	struct ledger *l = ledger_start(open_db(f), "crashed", QUOTA_LEASE_S, "");

	for (int i = 0; i < 10; i++) {
		char id[32];

		snprintf(id, sizeof(id), "crash%d", i);
		if (!reserve(l, id, 1 + i, 1 + i, 1000))
			_exit(1);
		if (i < 3 && simple(l, LEDGER_CHECKPOINT, id, 100 + i) != ERR_NONE)
			_exit(2);
	}
	/* One settlement is on its way when the process dies: it is in, or it is not. */
	struct ledger_op last = settle_op("crash9", 77);
	last.done = NULL;
	ledger_send(l, &last);
	_exit(0);
}

/* P4: what a crash leaves is held until the lease ends, then charged as far as is known. */
static void test_crash(void **state)
{
	struct fixture *f = *state;
	int status;
	pid_t child;
	int64_t late;

	db_close(f->db); /* connections do not pass through fork */
	child = fork();
	if (child == 0)
		crash(f);
	assert_true(waitpid(child, &status, 0) == child);
	f->db = open_db(f);
	want("child", status, 0);
	check_books(f->db);
	late = number(f->db, "SELECT COUNT(*) FROM logs WHERE request_id = 'crash9'");
	want("held", number(f->db, "SELECT COUNT(*) FROM reservations"), 10 - late);

	/* A ledger that starts before the lease ends leaves them alone, one after it clears them.
	 */
	ledger_stop(ledger_start(open_db(f), "next", QUOTA_LEASE_S, ""));
	want("leased", number(f->db, "SELECT COUNT(*) FROM reservations"), 10 - late);
	run(f->db, "UPDATE reservations SET lease_until = lease_until - 100");
	struct ledger *l = ledger_start(open_db(f), "next", QUOTA_LEASE_S, "");
	wait_for(f->db, "SELECT COUNT(*) FROM reservations", 0);
	want("charged", number(f->db, "SELECT SUM(quota) FROM logs WHERE type = 2 AND finish = 3"),
	    100 + 101 + 102);
	want("released",
	    number(f->db, "SELECT COUNT(*) FROM logs WHERE type = 6 AND finish = 3 AND quota = 0"),
	    7 - late);
	check_books(f->db);

	/* Whoever settles late, after the sweep, is charged the difference, once. */
	want("late", settle(l, "crash0", 500), true);
	want("twice", settle(l, "crash0", 500), true);
	want("user", number(f->db, "SELECT quota FROM users WHERE id = 1"), GRANTED - 500);
	want("its row",
	    number(f->db,
	        "SELECT COUNT(*) FROM logs WHERE request_id = 'crash0' AND quota = 500 "
	        "AND finish <> 3"),
	    1);
	check_books(f->db);
	/* So is one that was released: now it is a request that was charged. */
	want("released", settle(l, "crash5", 70), true);
	want("its user", number(f->db, "SELECT quota FROM users WHERE id = 6"), GRANTED - 70);
	want("counted", number(f->db, "SELECT request_count FROM users WHERE id = 6"), 1);
	want("no error row",
	    number(f->db, "SELECT COUNT(*) FROM logs WHERE request_id = 'crash5' AND type = 6"), 0);
	check_books(f->db);
	ledger_stop(l);
}

/* ---- the journal -----------------------------------------------------------------------------*/

static int journals(const struct fixture *f)
{
	char command[160];
	FILE *out;
	int n = -1;

	snprintf(command, sizeof(command), "ls '%s' | grep -c 'journal$'", f->dir);
	out = popen(command, "r");
	if (fscanf(out, "%d", &n) != 1)
		n = -1;
	pclose(out);
	return n;
}

/* Runs in a child that dies as by SIGKILL: ten requests whose settlements the database, which
 * somebody else has locked, does not take. */
static void settle_and_die(const struct fixture *f, int locked, int reserved)
{
	struct ledger *l = ledger_start(open_db(f), "dying", QUOTA_LEASE_S, f->dir);
	struct ledger_op ops[10];
	char ids[10][16], byte = 0;
	struct ledger_op late = reserve_op("late", 20, 20, 5);

	for (int i = 0; i < 10; i++) {
		snprintf(ids[i], sizeof(ids[i]), "j%d", i);
		if (!reserve(l, ids[i], 1 + i, 1 + i, 1000))
			_exit(1);
	}
	if (write(reserved, &byte, 1) != 1 || read(locked, &byte, 1) != 1)
		_exit(2);
	for (int i = 0; i < 10; i++) {
		ops[i] = settle_op(ids[i], 2000 + i); /* above what was held */
		ops[i].done = count_done;
		ledger_send(l, &ops[i]);
	}
	for (int i = 0; i < 6000 && atomic_load(&told) < 10; i++)
		usleep(10000);
	if (atomic_load(&told) != 10)
		_exit(3);
	/* Nobody new gets in, and nobody waits long to hear it. */
	if (send_and_wait(l, &late) || late.err.kind != ERR_STORE || late.err.retry_after_s != 1)
		_exit(4);
	_exit(0);
}

/* Design 9: the database is away, streams settle, the process is killed: nothing is lost, to the
 * last quota. A ledger that only keeps settlements in memory loses all ten: they are then swept
 * and given back. */
static void test_journal_survives_a_kill(void **state)
{
	struct fixture *f = *state;
	int locked[2], reserved[2], status;
	struct err err = { 0 };
	struct ledger *l;
	char byte = 0;
	pid_t child;

	atomic_store(&told, 0);
	assert_int_equal(pipe(locked) | pipe(reserved), 0);
	db_close(f->db);
	child = fork();
	if (child == 0)
		settle_and_die(f, locked[0], reserved[1]);
	f->db = open_db(f);
	assert_int_equal(read(reserved[0], &byte, 1), 1);
	assert_true(db_begin(f->db, &err));
	assert_int_equal(write(locked[1], &byte, 1), 1);
	assert_true(waitpid(child, &status, 0) == child);
	db_rollback(f->db);
	want("child", WEXITSTATUS(status), 0);
	want("still reserved", number(f->db, "SELECT COUNT(*) FROM reservations"), 10);
	want("in a file", journals(f), 1);

	l = ledger_start(open_db(f), "next", QUOTA_LEASE_S, f->dir);
	wait_for(f->db, "SELECT COUNT(*) FROM reservations", 0);
	want("charged", number(f->db, "SELECT SUM(quota) FROM logs WHERE type = 2 AND finish = 0"),
	    10 * 2000 + 45);
	check_books(f->db);
	ledger_stop(l);
	want("no file is left", journals(f), 0);
}

/* The same process recovers; meanwhile another one has swept what seemed dead. */
static void test_journal_and_sweep(void **state)
{
	struct fixture *f = *state;
	struct ledger *l = ledger_start(open_db(f), "node-1", QUOTA_LEASE_S, f->dir), *other;
	struct ledger_op noted, plain;

	want("reserve", reserve(l, "noted", 3, 3, 100), true);
	want("reserve", reserve(l, "plain", 4, 4, 100), true);
	want("note", simple(l, LEDGER_CHECKPOINT, "noted", 40), ERR_NONE);
	run(f->db, "ALTER TABLE logs RENAME TO away");
	atomic_store(&told, 0);
	noted = settle_op("noted", 55);
	plain = settle_op("plain", 60);
	noted.done = plain.done = count_done;
	ledger_send(l, &noted);
	ledger_send(l, &plain);
	for (int i = 0; i < 6000 && atomic_load(&told) < 2; i++)
		usleep(10000);
	want("counted as done", atomic_load(&told), 2);
	want("in a file", journals(f), 1);
	run(f->db,
	    "ALTER TABLE away RENAME TO logs;"
	    "UPDATE reservations SET lease_until = lease_until - 1000");
	other = ledger_start(open_db(f), "node-2", QUOTA_LEASE_S, "");
	wait_for(f->db, "SELECT COUNT(*) FROM reservations", 0);
	ledger_stop(other);
	wait_for(f->db, "SELECT COALESCE(SUM(quota), 0) FROM logs WHERE type = 2", 55 + 60);
	want("nothing says swept", number(f->db, "SELECT COUNT(*) FROM logs WHERE finish = 3"), 0);
	check_books(f->db);
	ledger_stop(l);
	want("no file is left", journals(f), 0);
}

/* Stopping does not wait for a database that is away. */
static void test_stop_while_away(void **state)
{
	struct fixture *f = *state;
	struct ledger *l = ledger_start(open_db(f), "node-1", QUOTA_LEASE_S, f->dir);
	struct ledger_op op = settle_op("r1", 30);
	int64_t start;

	want("reserve", reserve(l, "r1", 3, 3, 100), true);
	run(f->db, "ALTER TABLE logs RENAME TO away");
	atomic_store(&told, 0);
	op.done = count_done;
	ledger_send(l, &op);
	start = clock_mono_ms();
	ledger_stop(l);
	if (clock_mono_ms() - start > 60000)
		fail_msg("it took %lld ms", (long long)(clock_mono_ms() - start));
	want("told", atomic_load(&told), 1);
	want("fine", op.ok, true);
	run(f->db, "ALTER TABLE away RENAME TO logs");
	l = ledger_start(open_db(f), "node-2", QUOTA_LEASE_S, f->dir);
	wait_for(f->db, "SELECT COUNT(*) FROM reservations", 0);
	ledger_stop(l);
	want("charged", number(f->db, "SELECT SUM(quota) FROM logs WHERE type = 2"), 30);
	check_books(f->db);
}

/* ---- many requests ---------------------------------------------------------------------------*/

static void *live(void *arg)
{
	struct caller *c = arg;

	for (int i = 0; i < c->turns; i++) {
		char id[48];
		int64_t user = 1 + (c->number * 7 + i) % USERS;

		snprintf(id, sizeof(id), "p%d-c%d-%d", (int)getpid(), c->number, i);
		if (!reserve(c->ledger, id, user, user, 100) || !settle(c->ledger, id, i % 150))
			c->wrong++;
	}
	return NULL;
}

/* Returns how many requests went wrong. */
static int live_many(struct ledger *l, int callers, int turns)
{
	struct caller *c = calloc((size_t)callers, sizeof(*c));
	int wrong = 0;

	for (int i = 0; i < callers; i++) {
		c[i] = (struct caller){ .ledger = l, .number = i, .turns = turns };
		pthread_create(&c[i].thread, NULL, live, &c[i]);
	}
	for (int i = 0; i < callers; i++) {
		pthread_join(c[i].thread, NULL);
		wrong += c[i].wrong;
	}
	free(c);
	return wrong;
}

static void test_two_processes(void **state)
{
	struct fixture *f = *state;
	struct ledger *l;
	int status;
	pid_t child;

	db_close(f->db);
	child = fork();
	l = ledger_start(open_db(f), child == 0 ? "second" : "first", QUOTA_LEASE_S, "");
	if (child == 0) {
		int wrong = live_many(l, 8, 100);

		ledger_stop(l);
		_exit(wrong > 100 ? 100 : wrong);
	}
	want("wrong in the first", live_many(l, 8, 100), 0);
	assert_true(waitpid(child, &status, 0) == child);
	want("wrong in the second", status, 0);
	ledger_stop(l);
	f->db = open_db(f);
	want("rows", number(f->db, "SELECT COUNT(*) FROM logs WHERE type = 2"), 1600);
	want("nothing held", number(f->db, "SELECT COUNT(*) FROM reservations"), 0);
	check_books(f->db);
}

static int64_t cpu_us(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (int64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000 + u.ru_utime.tv_usec +
	    u.ru_stime.tv_usec;
}

static void test_many_callers(void **state)
{
	enum { CALLERS = 64, TURNS = 150 };
	struct fixture *f = *state;
	struct ledger *l = ledger_start(open_db(f), "node-1", QUOTA_LEASE_S, "");
	int64_t start_ms = clock_mono_ms(), start_us = cpu_us(), ms, us;
	struct ledger_counts counts;

	want("wrong", live_many(l, CALLERS, TURNS), 0);
	ms = clock_mono_ms() - start_ms;
	us = cpu_us() - start_us;
	counts = ledger_counts(l);
	ledger_stop(l);
	want("operations", (int64_t)counts.operations, 2 * CALLERS * TURNS);
	print_message("ledger: %d callers, %lld operations/s, %.1f us CPU each (callers included), "
	              "%.1f a commit, largest group %lld\n",
	    CALLERS, (long long)(2000 * CALLERS * TURNS / (ms ? ms : 1)),
	    (double)us / (2 * CALLERS * TURNS), (double)counts.operations / (double)counts.commits,
	    (long long)counts.largest_group);
	want("rows", number(f->db, "SELECT COUNT(*) FROM logs WHERE type = 2"), CALLERS * TURNS);
	check_books(f->db);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_crash),
		TEST(test_journal_survives_a_kill),
		TEST(test_journal_and_sweep),
		TEST(test_stop_while_away),
		TEST(test_two_processes),
		TEST(test_parallel_reservations),
		TEST(test_life_of_a_request),
		TEST(test_all_at_once),
		TEST(test_given_back_first),
		TEST(test_settlements_survive),
		TEST(test_neighbours),
		TEST(test_reservations_refused),
		TEST(test_many_callers),
	};

	return cmocka_run_group_tests_name("ledger", tests, NULL, NULL);
}
