/* test_quota.c — reserving, raising, settling, releasing, sweeping: every movement of money
 *
 * Each step is checked against all figures it may touch. Every test ends with the books: for user
 * and key, granted − left − reserved = charged in the log.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/err.h"
#include "billing/quota.h"
#include "store/db.h"
#include "store/migrate.h"

enum { USER = 7, LIMITED = 11, UNLIMITED = 12, CHANNEL = 3, OTHER_CHANNEL = 4 };
enum { GRANTED_USER = 10000, GRANTED_KEY = 1000 };

struct fixture {
	char dir[64];
	struct db *db;
};

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

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct err err = { 0 };

	snprintf(f->dir, sizeof(f->dir), "/tmp/test-quota-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	if (!db_open("", f->dir, &f->db, &err) || !migrate(f->db, &err))
		fail_msg("%s %s", err.msg, err.detail);
	run(f->db,
	    "INSERT INTO users (id, username, quota) VALUES (7, 'ada', 10000);"
	    "INSERT INTO tokens (id, user_id, key_hash, key_sealed, name, remain_quota) "
	    "VALUES (11, 7, x'01', '', 'limited', 1000);"
	    "INSERT INTO tokens (id, user_id, key_hash, key_sealed, name, remain_quota, "
	    "unlimited_quota) VALUES (12, 7, x'02', '', 'unlimited', -1, 1);"
	    "INSERT INTO channels (id, type) VALUES (3, 1), (4, 1);");
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

static void want(const char *name, int64_t got, int64_t wanted)
{
	if (got != wanted)
		fail_msg("%s: got %lld, want %lld", name, (long long)got, (long long)wanted);
}

/* What is in the books of user and limited key. */
struct books {
	int64_t quota, used, requests, remain, key_used, channel_used, reserved, rows, logged;
};

static void check(struct db *db, const char *step, struct books b)
{
	char name[128];
#define CHECK(figure, sql)                                                                         \
	snprintf(name, sizeof(name), "%s: %s", step, #figure);                                     \
	want(name, number(db, sql), b.figure)
	CHECK(quota, "SELECT quota FROM users WHERE id = 7");
	CHECK(used, "SELECT used_quota FROM users WHERE id = 7");
	CHECK(requests, "SELECT request_count FROM users WHERE id = 7");
	CHECK(remain, "SELECT remain_quota FROM tokens WHERE id = 11");
	CHECK(key_used, "SELECT used_quota FROM tokens WHERE id = 11");
	CHECK(channel_used, "SELECT used_quota FROM channels WHERE id = 3");
	CHECK(reserved, "SELECT COALESCE(SUM(amount), 0) FROM reservations");
	CHECK(rows, "SELECT COUNT(*) FROM logs WHERE type = 2");
	CHECK(logged, "SELECT COALESCE(SUM(quota), 0) FROM logs WHERE type = 2");
#undef CHECK
}

static void check_invariant(struct db *db)
{
	want("user's books",
	    GRANTED_USER - number(db, "SELECT quota FROM users WHERE id = 7") -
	        number(db, "SELECT COALESCE(SUM(amount), 0) FROM reservations WHERE user_id = 7"),
	    number(db, "SELECT COALESCE(SUM(quota), 0) FROM logs WHERE type = 2 AND user_id = 7"));
	want("key's books",
	    GRANTED_KEY - number(db, "SELECT remain_quota FROM tokens WHERE id = 11") -
	        number(db, "SELECT COALESCE(SUM(amount), 0) FROM reservations WHERE token_id = 11"),
	    number(db,
	        "SELECT COALESCE(SUM(quota), 0) FROM logs WHERE type = 2 AND token_id = 11"));
}

static struct hold hold(const char *id, int64_t token, int64_t amount)
{
	return (struct hold){ .request_id = str_c(id),
		.user_id = USER,
		.token_id = token,
		.channel_id = CHANNEL,
		.amount = amount,
		.node = STR("node-1"),
		.model = STR("gpt-4o"),
		.token_name = STR("limited"),
		.username = STR("ada"),
		.is_stream = true };
}

static struct logrow cost(const char *id, int64_t quota)
{
	return (struct logrow){ .request_id = str_c(id),
		.user_id = USER,
		.quota = quota,
		.prompt_tokens = 31,
		.completion_tokens = 9,
		.model_name = STR("gpt-4o"),
		.username = STR("ada"),
		.token_name = STR("limited") };
}

/* In a transaction of its own; ERR_NONE when it worked. A refusal is committed: it may leave no
 * trace in a transaction that goes on. */
static enum err_kind reserve(struct db *db, struct hold h)
{
	struct err err = { 0 };
	bool ok;

	assert_true(db_begin(db, &err));
	ok = quota_reserve(db, &h, &err);
	if (ok == (err.kind != ERR_NONE))
		fail_msg("result and error disagree: %d, %s", ok, err.msg);
	err.kind = ok ? ERR_NONE : err.kind;
	struct err other = { 0 };
	assert_true(db_commit(db, &other));
	return err.kind;
}

static bool settle(struct db *db, struct logrow row, bool write_log)
{
	struct err err = { 0 };
	bool settled;

	assert_true(db_begin(db, &err));
	if (!quota_settle(db, &row, write_log, &settled, &err))
		fail_msg("settle: %s %s", err.msg, err.detail);
	assert_true(db_commit(db, &err));
	return settled;
}

static void release(struct db *db, const char *id)
{
	struct err err = { 0 };

	assert_true(db_begin(db, &err));
	if (!quota_release(db, str_c(id), &err))
		fail_msg("release: %s %s", err.msg, err.detail);
	assert_true(db_commit(db, &err));
}

static enum err_kind raise_by(struct db *db, const char *id, int64_t more)
{
	struct err err = { 0 }, other = { 0 };
	bool ok;

	assert_true(db_begin(db, &other));
	ok = quota_raise(db, &(struct hold){ .request_id = str_c(id) }, more, &err);
	assert_true(db_commit(db, &other));
	assert_int_equal(ok, err.kind == ERR_NONE);
	return err.kind;
}

static enum err_kind checkpoint(struct db *db, const char *id, int64_t so_far, int64_t prompt,
    int64_t completion)
{
	struct err err = { 0 };
	bool ok = quota_checkpoint(db, &(struct hold){ .request_id = str_c(id) }, so_far, prompt,
	    completion, &err);

	assert_int_equal(ok, err.kind == ERR_NONE);
	return err.kind;
}

static int sweep(struct db *db, int64_t now, int limit)
{
	struct err err = { 0 };
	int count = -1;

	assert_true(db_begin(db, &err));
	if (!quota_sweep(db, now, QUOTA_LEASE_S, limit, &count, &err))
		fail_msg("sweep: %s %s", err.msg, err.detail);
	assert_true(db_commit(db, &err));
	return count;
}

static const struct books untouched = { .quota = GRANTED_USER, .remain = GRANTED_KEY };

static void test_reserve_and_settle(void **state)
{
	struct db *db = ((struct fixture *)*state)->db;
	int64_t before = clock_unix();

	want("reserve", reserve(db, hold("r1", LIMITED, 300)), ERR_NONE);
	check(db, "reserved", (struct books){ .quota = 9700, .remain = 700, .reserved = 300 });
	want("untouched until charged",
	    number(db, "SELECT accessed_time FROM tokens WHERE id = 11"), 0);

	want("settle", settle(db, cost("r1", 120), true), true);
	check(db, "settled",
	    (struct books){ .quota = 9880,
	        .used = 120,
	        .requests = 1,
	        .remain = 880,
	        .key_used = 120,
	        .channel_used = 120,
	        .rows = 1,
	        .logged = 120 });
	assert_true(number(db, "SELECT accessed_time FROM tokens WHERE id = 11") >= before);
	want("log row",
	    number(db,
	        "SELECT COUNT(*) FROM logs WHERE type = 2 AND request_id = 'r1' AND user_id = 7 "
	        "AND "
	        "token_id = 11 AND channel_id = 3 AND quota = 120 AND prompt_tokens = 31 AND "
	        "completion_tokens = 9 AND model_name = 'gpt-4o' AND username = 'ada' AND "
	        "token_name = 'limited' AND created_at > 1000000000 AND finish = 0"),
	    1);

	/* R: once is once, in every combination. */
	want("settle again", settle(db, cost("r1", 120), true), false);
	release(db, "r1");
	want("settle again", settle(db, cost("r1", 5), false), false);
	want("raise after", raise_by(db, "r1", 10), ERR_NOT_FOUND);
	want("checkpoint after", checkpoint(db, "r1", 10, 1, 1), ERR_NOT_FOUND);
	check(db, "once",
	    (struct books){ .quota = 9880,
	        .used = 120,
	        .requests = 1,
	        .remain = 880,
	        .key_used = 120,
	        .channel_used = 120,
	        .rows = 1,
	        .logged = 120 });
	check_invariant(db);
}

static void test_release(void **state)
{
	struct db *db = ((struct fixture *)*state)->db;

	want("reserve", reserve(db, hold("r1", LIMITED, 1000)), ERR_NONE);
	check(db, "all of it", (struct books){ .quota = 9000, .reserved = 1000 });
	release(db, "r1");
	check(db, "released", untouched);
	release(db, "r1");
	release(db, "never heard of");
	want("settle after release", settle(db, cost("r1", 50), true), false);
	check(db, "released once", untouched);
	check_invariant(db);
}

static void test_overshoot(void **state)
{
	struct db *db = ((struct fixture *)*state)->db;

	want("reserve", reserve(db, hold("r1", LIMITED, 900)), ERR_NONE);
	settle(db, cost("r1", 10500), true);
	check(db, "below zero",
	    (struct books){ .quota = -500,
	        .used = 10500,
	        .requests = 1,
	        .remain = -9500,
	        .key_used = 10500,
	        .channel_used = 10500,
	        .rows = 1,
	        .logged = 10500 });
	want("next is refused", reserve(db, hold("r2", LIMITED, 0)), ERR_NO_KEY_QUOTA);
	want("by any key", reserve(db, hold("r2", UNLIMITED, 0)), ERR_NO_QUOTA);
	check_invariant(db);
}

static void test_unlimited(void **state)
{
	struct db *db = ((struct fixture *)*state)->db;

	want("reserve", reserve(db, hold("r1", UNLIMITED, 5000)), ERR_NONE);
	want("key untouched", number(db, "SELECT remain_quota FROM tokens WHERE id = 12"), -1);
	want("too much", reserve(db, hold("r2", UNLIMITED, 5001)), ERR_NO_QUOTA);
	settle(db, cost("r1", 40), true);
	want("key untouched", number(db, "SELECT remain_quota FROM tokens WHERE id = 12"), -1);
	want("but counted", number(db, "SELECT used_quota FROM tokens WHERE id = 12"), 40);
	want("user", number(db, "SELECT quota FROM users WHERE id = 7"), 9960);
	check_invariant(db);
}

static void test_free_of_charge(void **state)
{
	struct db *db = ((struct fixture *)*state)->db;

	want("reserve nothing", reserve(db, hold("r1", LIMITED, 0)), ERR_NONE);
	settle(db, cost("r1", 0), true);
	check(db, "counted",
	    (struct books){ .quota = 10000, .remain = 1000, .requests = 1, .rows = 1 });
	want("reserve", reserve(db, hold("r2", LIMITED, 10)), ERR_NONE);
	settle(db, cost("r2", -77), true); /* our own bug: nobody is paid for a request */
	check(db, "never negative",
	    (struct books){ .quota = 10000, .remain = 1000, .requests = 2, .rows = 2 });
}

static void test_without_log(void **state)
{
	struct db *db = ((struct fixture *)*state)->db;

	want("reserve", reserve(db, hold("r1", LIMITED, 100)), ERR_NONE);
	want("settle", settle(db, cost("r1", 60), false), true);
	check(db, "sums only",
	    (struct books){ .quota = 9940,
	        .used = 60,
	        .requests = 1,
	        .remain = 940,
	        .key_used = 60,
	        .channel_used = 60 });
}

static void test_refusals(void **state)
{
	static const struct {
		const char *name, *before, *after;
		int64_t token, amount;
		enum err_kind want;
	} cases[] = {
		{ "key short", "", "", LIMITED, 1001, ERR_NO_KEY_QUOTA },
		{ "user short", "", "", UNLIMITED, 10001, ERR_NO_QUOTA },
		{ "user short, limited key", "UPDATE users SET quota = 50",
		    "UPDATE users SET quota = 10000", LIMITED, 51, ERR_NO_QUOTA },
		{ "more than there is", "", "", UNLIMITED, INT64_MAX, ERR_NO_QUOTA },
		{ "more than there is", "", "", LIMITED, INT64_MAX, ERR_NO_KEY_QUOTA },
		{ "disabled", "UPDATE tokens SET status = 2", "UPDATE tokens SET status = 1",
		    LIMITED, 1, ERR_KEY_DISABLED },
		{ "marked expired", "UPDATE tokens SET status = 3", "UPDATE tokens SET status = 1",
		    LIMITED, 1, ERR_KEY_EXPIRED },
		{ "marked used up", "UPDATE tokens SET status = 4", "UPDATE tokens SET status = 1",
		    LIMITED, 1, ERR_KEY_EXHAUSTED },
		{ "odd status", "UPDATE tokens SET status = 9", "UPDATE tokens SET status = 1",
		    LIMITED, 1, ERR_KEY_DISABLED },
		{ "expired", "UPDATE tokens SET expired_time = 1000",
		    "UPDATE tokens SET expired_time = -1", UNLIMITED, 1, ERR_KEY_EXPIRED },
		{ "expired at 0", "UPDATE tokens SET expired_time = 0",
		    "UPDATE tokens SET expired_time = -1", LIMITED, 1, ERR_KEY_EXPIRED },
		{ "deleted", "UPDATE tokens SET deleted_at = 5", "UPDATE tokens SET deleted_at = 0",
		    LIMITED, 1, ERR_KEY_INVALID },
		{ "no such key", "", "", 999, 1, ERR_KEY_INVALID },
		{ "user disabled", "UPDATE users SET status = 2", "UPDATE users SET status = 1",
		    LIMITED, 1, ERR_USER_DISABLED },
		{ "user deleted", "UPDATE users SET status = 3", "UPDATE users SET status = 1",
		    UNLIMITED, 1, ERR_USER_DISABLED },
		{ "no such user", "UPDATE users SET id = 8", "UPDATE users SET id = 7", LIMITED, 1,
		    ERR_USER_DISABLED },
	};
	struct db *db = ((struct fixture *)*state)->db;

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		run(db, cases[i].before);
		want(cases[i].name, reserve(db, hold("r", cases[i].token, cases[i].amount)),
		    cases[i].want);
		run(db, cases[i].after);
		check(db, cases[i].name, untouched);
	}
	run(db, "UPDATE tokens SET expired_time = 99999999999");
	want("expires later", reserve(db, hold("r", LIMITED, 1)), ERR_NONE);
	want("exactly enough", reserve(db, hold("s", LIMITED, 999)), ERR_NONE);
	want("nothing left", reserve(db, hold("t", LIMITED, 1)), ERR_NO_KEY_QUOTA);
}

static void test_same_id_twice(void **state)
{
	struct db *db = ((struct fixture *)*state)->db;

	want("reserve", reserve(db, hold("r1", LIMITED, 300)), ERR_NONE);
	want("same id in flight", reserve(db, hold("r1", LIMITED, 200)), ERR_INTERNAL);
	check(db, "first hold only",
	    (struct books){ .quota = 9700, .remain = 700, .reserved = 300 });
	settle(db, cost("r1", 100), true);

	/* Charged before under the same id: the log holds one row an id, so this one is not
	 * charged. */
	want("same id later", reserve(db, hold("r1", LIMITED, 50)), ERR_NONE);
	want("not settled twice", settle(db, cost("r1", 30), true), false);
	check(db, "hold given back",
	    (struct books){ .quota = 9900,
	        .used = 100,
	        .requests = 1,
	        .remain = 900,
	        .key_used = 100,
	        .channel_used = 100,
	        .rows = 1,
	        .logged = 100 });
	check_invariant(db);
}

static void test_raise(void **state)
{
	struct db *db = ((struct fixture *)*state)->db;

	want("reserve", reserve(db, hold("r1", LIMITED, 300)), ERR_NONE);
	want("raise", raise_by(db, "r1", 200), ERR_NONE);
	check(db, "raised", (struct books){ .quota = 9500, .remain = 500, .reserved = 500 });
	want("more than the key has", raise_by(db, "r1", 501), ERR_NO_KEY_QUOTA);
	run(db, "UPDATE users SET quota = quota - 9400");
	want("more than the user has", raise_by(db, "r1", 101), ERR_NO_QUOTA);
	run(db, "UPDATE users SET quota = quota + 9400");
	check(db, "all or nothing",
	    (struct books){ .quota = 9500, .remain = 500, .reserved = 500 });
	run(db, "UPDATE tokens SET status = 2");
	want("key disabled meanwhile", raise_by(db, "r1", 1), ERR_KEY_DISABLED);
	want("no such request", raise_by(db, "r2", 1), ERR_NOT_FOUND);
	settle(db, cost("r1", 480), true);
	check(db, "settled",
	    (struct books){ .quota = 9520,
	        .used = 480,
	        .requests = 1,
	        .remain = 520,
	        .key_used = 480,
	        .channel_used = 480,
	        .rows = 1,
	        .logged = 480 });
	check_invariant(db);
}

/* P8, R7: what was reserved is charged whatever became of key and user. */
static void test_deleted_meanwhile(void **state)
{
	struct db *db = ((struct fixture *)*state)->db;

	want("reserve", reserve(db, hold("r1", LIMITED, 300)), ERR_NONE);
	want("reserve", reserve(db, hold("r2", LIMITED, 300)), ERR_NONE);
	run(db, "UPDATE tokens SET deleted_at = 5, status = 2");
	settle(db, cost("r1", 250), true);
	check(db, "deleted key",
	    (struct books){ .quota = 9450,
	        .used = 250,
	        .requests = 1,
	        .remain = 450,
	        .key_used = 250,
	        .channel_used = 250,
	        .reserved = 300,
	        .rows = 1,
	        .logged = 250 });
	run(db, "UPDATE users SET status = 3");
	settle(db, cost("r2", 100), true);
	check(db, "deleted user",
	    (struct books){ .quota = 9650,
	        .used = 350,
	        .requests = 2,
	        .remain = 650,
	        .key_used = 350,
	        .channel_used = 350,
	        .rows = 2,
	        .logged = 350 });
	check_invariant(db);
}

/* The row's own ids do not decide who pays, but its channel does: a retry may have gone elsewhere.
 */
static void test_whom(void **state)
{
	struct db *db = ((struct fixture *)*state)->db;
	struct logrow row = cost("r1", 70);

	want("reserve", reserve(db, hold("r1", LIMITED, 100)), ERR_NONE);
	row.user_id = 999;
	row.token_id = 999;
	row.channel = OTHER_CHANNEL;
	settle(db, row, true);
	check(db, "whom",
	    (struct books){ .quota = 9930,
	        .used = 70,
	        .requests = 1,
	        .remain = 930,
	        .key_used = 70,
	        .rows = 1,
	        .logged = 70 });
	want("other channel", number(db, "SELECT used_quota FROM channels WHERE id = 4"), 70);
	check_invariant(db);
}

static void test_sweep(void **state)
{
	struct db *db = ((struct fixture *)*state)->db;
	int64_t now = clock_unix();

	want("reserve", reserve(db, hold("alive", LIMITED, 100)), ERR_NONE);
	want("reserve", reserve(db, hold("silent", LIMITED, 200)), ERR_NONE);
	want("reserve", reserve(db, hold("spoke", LIMITED, 300)), ERR_NONE);
	want("checkpoint", checkpoint(db, "spoke", 80, 40, 10), ERR_NONE);
	want("later", checkpoint(db, "spoke", 120, 40, 20), ERR_NONE);
	want("does not shrink", checkpoint(db, "spoke", 90, 40, 15), ERR_NONE);
	want("renews only", checkpoint(db, "silent", -1, 0, 0), ERR_NONE);
	want("none yet", sweep(db, now + QUOTA_LEASE_S - 2, 10), 0);
	run(db, "UPDATE reservations SET lease_until = 5000 WHERE request_id = 'alive'");
	want("renewed", checkpoint(db, "alive", -1, 0, 0), ERR_NONE);
	want("none yet", sweep(db, now + QUOTA_LEASE_S - 2, 10), 0);

	run(db,
	    "UPDATE reservations SET lease_until = 5000, created_at = 4900 "
	    "WHERE request_id <> 'alive'");
	want("in steps", sweep(db, now, 1), 1);
	want("in steps", sweep(db, now, 10), 1);
	want("done", sweep(db, now, 10), 0);
	check(db, "swept",
	    (struct books){ .quota = 9780,
	        .used = 120,
	        .requests = 1,
	        .remain = 780,
	        .key_used = 120,
	        .channel_used = 120,
	        .reserved = 100,
	        .rows = 1,
	        .logged = 120 });
	want("charged by its checkpoint",
	    number(db,
	        "SELECT COUNT(*) FROM logs WHERE request_id = 'spoke' AND type = 2 AND quota = 120 "
	        "AND "
	        "prompt_tokens = 40 AND completion_tokens = 20 AND finish = 3 AND is_stream = 1 "
	        "AND "
	        "content LIKE 'settled by its last checkpoint%' AND model_name = 'gpt-4o' AND "
	        "username = 'ada' AND token_name = 'limited' AND channel_id = 3 AND token_id = 11"),
	    1);
	want("released",
	    number(db,
	        "SELECT COUNT(*) FROM logs WHERE request_id = 'silent' AND type = 6 AND "
	        "quota = 0 AND finish = 3 AND content LIKE 'released%' AND user_id = 7"),
	    1);
	check_invariant(db);

	/* Its process was only slow: the difference is charged, once, and the row is its own. */
	want("late", settle(db, cost("spoke", 200), true), true);
	want("late again", settle(db, cost("spoke", 200), true), false);
	want("its row",
	    number(db,
	        "SELECT COUNT(*) FROM logs WHERE request_id = 'spoke' AND quota = 200 AND "
	        "finish = 0 AND user_id = 7 AND token_id = 11"),
	    1);
	want("used", number(db, "SELECT used_quota FROM users WHERE id = 7"), 200);
	want("requests", number(db, "SELECT request_count FROM users WHERE id = 7"), 1);
	want("less than the checkpoint said",
	    number(db, "SELECT used_quota FROM channels WHERE id = 3"), 200);
	check_invariant(db);
	/* One that was released becomes a request like any other. */
	want("late", settle(db, cost("silent", 50), true), true);
	want("late again", settle(db, cost("silent", 50), true), false);
	want("requests", number(db, "SELECT request_count FROM users WHERE id = 7"), 2);
	want("rows", number(db, "SELECT COUNT(*) FROM logs WHERE request_id = 'silent'"), 1);
	check_invariant(db);
}

/* What a sweep charged for a request that its upstream refused comes back, once. */
static void test_released_late(void **state)
{
	struct db *db = ((struct fixture *)*state)->db;

	want("reserve", reserve(db, hold("refused", LIMITED, 300)), ERR_NONE);
	want("checkpoint", checkpoint(db, "refused", 300, 40, 10), ERR_NONE);
	run(db, "UPDATE reservations SET lease_until = 5000");
	want("swept", sweep(db, clock_unix(), 10), 1);
	want("charged", number(db, "SELECT used_quota FROM users WHERE id = 7"), 300);
	for (int i = 0; i < 2; i++) {
		release(db, "refused");
		check(db, "released", (struct books){ .quota = 10000, .remain = 1000 });
		want("its row",
		    number(db, "SELECT COUNT(*) FROM logs WHERE request_id = 'refused'"), 0);
		check_invariant(db);
	}
	/* What was settled stays. */
	want("reserve", reserve(db, hold("served", LIMITED, 300)), ERR_NONE);
	want("settle", settle(db, cost("served", 70), true), true);
	release(db, "served");
	want("stays", number(db, "SELECT used_quota FROM users WHERE id = 7"), 70);
	check_invariant(db);
}

/* Who serves in the end is named by the reservation, so that a sweep charges through the right
 * channel. */
static void test_other_channel(void **state)
{
	struct db *db = ((struct fixture *)*state)->db;
	struct hold now = { .request_id = STR("r1"), .channel_id = 4, .model = STR("other") };
	struct err err = { 0 };

	want("reserve", reserve(db, hold("r1", LIMITED, 100)), ERR_NONE);
	want("reserve", reserve(db, hold("r2", LIMITED, 100)), ERR_NONE);
	want("raise", quota_raise(db, &now, 10, &err), true);
	now.request_id = STR("r2");
	want("note", quota_checkpoint(db, &now, 20, 1, 1, &err), true);
	want("named",
	    number(db,
	        "SELECT COUNT(*) FROM reservations WHERE channel_id = 4 AND "
	        "model_name = 'other'"),
	    2);
	now.channel_id = 0;
	want("note", quota_checkpoint(db, &now, 30, 1, 1, &err), true);
	want("kept",
	    number(db,
	        "SELECT COUNT(*) FROM reservations WHERE channel_id = 4 AND "
	        "model_name = 'other'"),
	    2);
	run(db, "UPDATE reservations SET lease_until = 5000");
	want("swept", sweep(db, 5001, 10), 2);
	want("through it", number(db, "SELECT used_quota FROM channels WHERE id = 4"), 30);
	check_invariant(db);
}

/* A checkpoint of zero is a checkpoint: charged as nothing, but as a request. */
static void test_sweep_zero(void **state)
{
	struct db *db = ((struct fixture *)*state)->db;

	want("reserve", reserve(db, hold("r1", LIMITED, 100)), ERR_NONE);
	want("checkpoint", checkpoint(db, "r1", 0, 12, 0), ERR_NONE);
	run(db, "UPDATE reservations SET lease_until = 5000");
	want("swept", sweep(db, 5000, 10), 0);
	want("swept", sweep(db, 5001, 10), 1);
	check(db, "zero",
	    (struct books){ .quota = 10000, .remain = 1000, .requests = 1, .rows = 1 });
}

static void test_grant(void **state)
{
	static const struct {
		const char *name;
		int64_t user, delta;
		enum err_kind want;
		int64_t left;
	} cases[] = {
		{ "more", USER, 500, ERR_NONE, 10500 },
		{ "less", USER, -500, ERR_NONE, 10000 },
		{ "below zero", USER, -10001, ERR_NONE, -1 },
		{ "back", USER, 10001, ERR_NONE, 10000 },
		{ "nobody", 99, 1, ERR_NOT_FOUND, 10000 },
		{ "delta too large", USER, QUOTA_MAX + 1, ERR_BAD_REQUEST, 10000 },
		{ "delta too small", USER, INT64_MIN, ERR_BAD_REQUEST, 10000 },
		{ "sum too large", USER, QUOTA_MAX, ERR_BAD_REQUEST, 10000 },
		{ "sum at the limit", USER, QUOTA_MAX - 10000, ERR_NONE, QUOTA_MAX },
	};
	struct db *db = ((struct fixture *)*state)->db;

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct err err = { 0 };
		bool ok = quota_grant(db, cases[i].user, cases[i].delta, &err);

		want(cases[i].name, err.kind, cases[i].want);
		want(cases[i].name, ok, cases[i].want == ERR_NONE);
		want(cases[i].name, number(db, "SELECT quota FROM users WHERE id = 7"),
		    cases[i].left);
	}
}

static void test_set_token(void **state)
{
	struct db *db = ((struct fixture *)*state)->db;
	struct err err = { 0 };

	want("reserve", reserve(db, hold("r1", UNLIMITED, 300)), ERR_NONE);
	want("reserve", reserve(db, hold("r2", LIMITED, 300)), ERR_NONE);

	/* Limited from now on: 500 to spend, of which r1 holds 300 and will cost 100. */
	assert_true(quota_set_token(db, UNLIMITED, 500, false, &err));
	want("less the open hold", number(db, "SELECT remain_quota FROM tokens WHERE id = 12"),
	    200);
	settle(db, cost("r1", 100), true);
	want("settled", number(db, "SELECT remain_quota FROM tokens WHERE id = 12"), 400);

	assert_true(quota_set_token(db, LIMITED, 5000, false, &err));
	want("limited before", number(db, "SELECT remain_quota FROM tokens WHERE id = 11"), 5000);
	assert_true(quota_set_token(db, LIMITED, 0, true, &err));
	want("unlimited", number(db, "SELECT unlimited_quota FROM tokens WHERE id = 11"), 1);
	settle(db, cost("r2", 100), true);
	want("moves no more", number(db, "SELECT remain_quota FROM tokens WHERE id = 11"), 0);

	assert_false(quota_set_token(db, 99, 1, false, &err));
	want("no such key", err.kind, ERR_NOT_FOUND);
	assert_false(quota_set_token(db, LIMITED, INT64_MAX, false, &err));
	want("too large", err.kind, ERR_BAD_REQUEST);
}

/* Sums of a group are what single settlements would have moved, also when they outgrow their room.
 */
static void test_sums(void **state)
{
	struct db *db = ((struct fixture *)*state)->db;
	struct quota_sums *s = quota_sums_new(2);
	struct err err = { 0 };
	char id[16];

	for (int i = 0; i < 20; i++) {
		snprintf(id, sizeof(id), "r%d", i);
		want("reserve", reserve(db, hold(id, i % 2 ? LIMITED : UNLIMITED, 50)), ERR_NONE);
	}
	assert_true(db_begin(db, &err));
	for (int i = 0; i < 20; i++) {
		struct logrow row;
		bool found = false;

		snprintf(id, sizeof(id), "r%d", i);
		row = cost(id, 10);
		row.channel = 1000 + i;
		if (i == 19)
			assert_true(quota_release_into(db, s, str_c(id), &found, &err));
		else
			assert_true(quota_settle_into(db, s, &row, true, &found, &err));
		want(id, found, true);
	}
	assert_true(quota_sums_flush(db, s, &err));
	assert_true(db_commit(db, &err));
	check(db, "all",
	    (struct books){ .quota = 10000 - 190,
	        .used = 190,
	        .requests = 19,
	        .remain = 1000 - 90,
	        .key_used = 90,
	        .rows = 19,
	        .logged = 190 });

	/* Dropped is forgotten. */
	want("reserve", reserve(db, hold("last", LIMITED, 50)), ERR_NONE);
	bool found;
	assert_true(db_begin(db, &err));
	assert_true(quota_release_into(db, s, STR("last"), &found, &err));
	db_rollback(db);
	quota_sums_drop(s);
	assert_true(quota_sums_flush(db, s, &err));
	check(db, "dropped",
	    (struct books){ .quota = 10000 - 240,
	        .used = 190,
	        .requests = 19,
	        .remain = 1000 - 140,
	        .key_used = 90,
	        .reserved = 50,
	        .rows = 19,
	        .logged = 190 });
	check_invariant(db);
	quota_sums_free(s);
}

/* A refusal in the middle of a transaction changes nothing for the others in it. */
static void test_refused_among_others(void **state)
{
	struct db *db = ((struct fixture *)*state)->db;
	struct hold a = hold("a", LIMITED, 400), b = hold("b", LIMITED, 700),
	            c = hold("c", LIMITED, 600);
	struct hold d = hold("d", UNLIMITED, 9001), e = hold("e", UNLIMITED, 9000);
	struct err err = { 0 }, refused = { 0 };

	assert_true(db_begin(db, &err));
	assert_true(quota_reserve(db, &a, &err));
	assert_false(quota_reserve(db, &b, &refused));
	assert_true(quota_reserve(db, &c, &err));
	assert_false(quota_reserve(db, &d, &refused));
	assert_true(quota_reserve(db, &e, &err));
	assert_true(db_commit(db, &err));
	check(db, "three of five", (struct books){ .quota = 0, .remain = 0, .reserved = 10000 });
	want("rows", number(db, "SELECT COUNT(*) FROM reservations"), 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_reserve_and_settle),
		TEST(test_release),
		TEST(test_overshoot),
		TEST(test_unlimited),
		TEST(test_free_of_charge),
		TEST(test_without_log),
		TEST(test_refusals),
		TEST(test_same_id_twice),
		TEST(test_raise),
		TEST(test_deleted_meanwhile),
		TEST(test_whom),
		TEST(test_sweep),
		TEST(test_released_late),
		TEST(test_other_channel),
		TEST(test_sweep_zero),
		TEST(test_grant),
		TEST(test_set_token),
		TEST(test_sums),
		TEST(test_refused_among_others),
	};

	return cmocka_run_group_tests_name("quota", tests, NULL, NULL);
}
