/* test_crash.c — what becomes of money when the relay is killed or told to stop
 *
 * The lease is four seconds here, so a running stream is noted every 1.3, and a killed relay's
 * reservations are settled at most nine seconds later by the relay that run.sh starts in its place:
 * those with a note are charged by it, the others given back.
 */
#include "crowd.h"

#include <glob.h>
#include <signal.h>
#include <sqlite3.h>

#define HELLO "\"messages\":[{\"role\":\"user\",\"content\":\"hello\"}]"
#define STREAMS 100
#define DRAINED 25
#define GRANTED INT64_C(100000000)
#define SWEPT_MS 90000

static struct stack *s;
static struct stack_user u;

static int set_up(void **state)
{
	static const char *const env[] = { "RESERVATION_LEASE=4", "DRAIN_TIMEOUT=3", NULL };

	s = stack_start(env);
	stack_option(s, "ModelRatio",
	    "{\"stream-300-100\":1,\"stream-15-100\":1,\"stream-40-100\":1,\"slow-13000\":1,\"slow-"
	    "1000\":1,\"gpt-4o\":"
	    "1}");
	stack_option(s, "CompletionRatio",
	    "{\"stream-300-100\":2,\"stream-15-100\":2,\"stream-40-100\":2,\"slow-13000\":2,\"slow-"
	    "1000\":2,\"gpt-4o\":"
	    "2}");
	stack_channel(s,
	    &(struct stack_channel){
	        .models =
	            "stream-300-100,stream-15-100,stream-40-100,slow-13000,slow-1000,gpt-4o" });
	return 0;
}

static int tear_down(void **state)
{
	stack_stop(s);
	return 0;
}

/* A fresh account for each test, and no log rows of another's. */
static int begin(void **state)
{
	u = stack_user(s, &(struct stack_person){ .quota = GRANTED });
	return 0;
}

static int64_t mine(const char *what)
{
	char sql[256];

	snprintf(sql, sizeof(sql), "SELECT %s AND user_id = %" PRId64, what, u.id);
	return stack_sql_int(s, sql);
}

static void wait_mine(const char *what, int64_t least)
{
	char sql[256];

	snprintf(sql, sizeof(sql), "SELECT %s AND user_id = %" PRId64, what, u.id);
	wait_for_number(s, sql, least);
}

static void open_streams(struct stack_stream *st, size_t n, const char *model)
{
	char body[256];
	struct stack_ask ask = { .path = STACK_CHAT, .key = u.key, .body = body };

	snprintf(body, sizeof(body), "{\"model\":\"%s\",\"stream\":true," HELLO "}", model);
	for (size_t i = 0; i < n; i++)
		stack_stream_send(s, &ask, 0, &st[i]);
	for (size_t i = 0; i < n; i++) {
		if (!stack_stream_head(&st[i], 60000) || st[i].reply.status != 200)
			fail_msg("stream %zu: status %d", i, st[i].reply.status);
	}
}

/* Reads to the end: was it the end of a whole reply? A web server that cannot tell a reply that
 * was cut from one that has ended lets [DONE] tell it. */
static bool ends_well(struct stack_stream *st, int timeout_ms)
{
	int64_t until = stack_now_ms() + timeout_ms;
	enum stack_next next;
	bool done = false;

	while ((next = stack_stream_next(st, (int)(until - stack_now_ms()))) == STACK_EVENT)
		done = done || strcmp(st->event.data, "[DONE]") == 0;
	if (next == STACK_TIMEOUT)
		fail_msg("a stream does not end");
	stack_stream_close(st, false);
	return next == STACK_END && done;
}

static void wait_swept(const char *name)
{
	if (!stack_wait_settled(s, SWEPT_MS))
		fail_msg("%s: %" PRId64 " reservations are left", name,
		    stack_sql_int(s, "SELECT count(*) FROM reservations"));
	books_agree(s, name, u.id, GRANTED);
}

/* Two hundred streams, half of them noted and half not yet, and five whole requests. Naive code, which
 * settles in memory when a stream ends, gives all of them away. */
static void test_kill_in_streams(void **state)
{
	static struct stack_stream early[STREAMS], late[STREAMS];
	static struct crowd whole[5];
	pid_t relay = stack_pid(s, "relay");
	int64_t noted;

	open_streams(early, STREAMS, "stream-300-100");
	crowd_start(s, u.key, "{\"model\":\"slow-13000\",\"max_tokens\":5," HELLO "}", whole,
	    COUNT_OF(whole));
	wait_mine("count(*) FROM reservations WHERE cost > 0", STREAMS);
	open_streams(late, STREAMS, "stream-300-100");
	stack_kill(s, "relay", SIGKILL);

	for (size_t i = 0; i < STREAMS; i++) {
		assert_false(ends_well(&early[i], 60000));
		assert_false(ends_well(&late[i], 60000));
	}
	crowd_join(whole, COUNT_OF(whole));
	assert_int_equal(crowd_count(whole, COUNT_OF(whole), 200, NULL), 0);

	/* What the dead one left: nobody touches it before its lease is over. */
	assert_int_equal(mine("count(*) FROM reservations WHERE cost > 0"), STREAMS);
	assert_int_equal(mine("count(*) FROM reservations WHERE cost = -1"),
	    STREAMS + (int)COUNT_OF(whole));
	noted = mine("sum(cost) FROM reservations WHERE cost > 0");
	books_agree(s, "killed", u.id, GRANTED);
	stack_wait_restarted(s, "relay", relay);

	wait_swept("swept");
	assert_int_equal(stack_sums(s, u.id).charged, noted);
	assert_int_equal(mine("count(*) FROM logs WHERE type = 2 AND finish = 3 AND is_stream = 1 "
	                      "AND quota = prompt_tokens + 2 * completion_tokens "
	                      "AND completion_tokens > 0"),
	    STREAMS);
	assert_int_equal(mine("count(*) FROM logs WHERE type = 6 AND finish = 3 AND quota = 0 "
	                      "AND is_stream = 1"),
	    STREAMS);
	assert_int_equal(mine("count(*) FROM logs WHERE type = 6 AND finish = 3 AND quota = 0 "
	                      "AND is_stream = 0"),
	    (int)COUNT_OF(whole));
	assert_int_equal(mine("count(*) FROM logs WHERE finish = 3 AND content LIKE '%ended%'"),
	    2 * STREAMS + (int)COUNT_OF(whole));
	assert_int_equal(
	    stack_post(s, STACK_CHAT, u.key, "{\"model\":\"gpt-4o\"," HELLO "}")->status, 200);
}

/* Whole requests come and go when it dies. Nobody is charged twice, nothing is lost. */
static void test_kill_in_burst(void **state)
{
	enum { BURST = 150 };
	static struct crowd all[BURST], more[BURST];
	pid_t relay = stack_pid(s, "relay");

	crowd_start(s, u.key, "{\"model\":\"gpt-4o\",\"max_tokens\":5," HELLO "}", all, BURST);
	crowd_start(s, u.key, "{\"model\":\"slow-1000\",\"max_tokens\":5," HELLO "}", more, BURST);
	wait_mine("count(*) FROM logs WHERE type = 2", BURST / 4);
	stack_kill(s, "relay", SIGKILL);
	crowd_join(all, BURST);
	crowd_join(more, BURST);
	books_agree(s, "killed in a burst", u.id, GRANTED);
	stack_wait_restarted(s, "relay", relay);
	wait_swept("burst swept");
	/* Everything that was charged was served for 10 + 7 x 2. */
	assert_int_equal(mine("count(*) FROM logs WHERE type = 2 AND quota <> 24"), 0);
	assert_in_range(stack_sums(s, u.id).charges, BURST / 4, 2 * BURST);
}

/* A second SIGKILL, while the first one's leftovers wait for their lease. */
static void test_kill_twice(void **state)
{
	static struct stack_stream st[10];
	pid_t relay = stack_pid(s, "relay");

	open_streams(st, 5, "stream-300-100");
	wait_mine("count(*) FROM reservations WHERE cost > 0", 5);
	stack_kill(s, "relay", SIGKILL);
	stack_wait_restarted(s, "relay", relay);
	relay = stack_pid(s, "relay");
	open_streams(st + 5, 5, "stream-300-100");
	stack_kill(s, "relay", SIGKILL);
	for (size_t i = 0; i < COUNT_OF(st); i++)
		stack_stream_close(&st[i], false);
	stack_wait_restarted(s, "relay", relay);
	wait_swept("killed twice");
	assert_int_equal(mine("count(*) FROM logs WHERE finish = 3"), (int)COUNT_OF(st));
}

/* A stream that lives longer than its lease is not swept while it runs. */
static void test_lease_is_renewed(void **state)
{
	struct stack_stream st;
	struct crowd whole;

	crowd_start(s, u.key, "{\"model\":\"slow-13000\",\"max_tokens\":5," HELLO "}", &whole, 1);
	open_streams(&st, 1, "stream-300-100");
	stack_sleep_ms(7000);
	assert_int_equal(mine("count(*) FROM reservations WHERE 1 = 1"), 2);
	stack_stream_close(&st, true);
	crowd_join(&whole, 1);
	assert_int_equal(whole.status, 200);
	wait_swept("renewed");
	assert_int_equal(mine("count(*) FROM logs WHERE finish = 3"), 0);
	assert_int_equal(mine("count(*) FROM logs WHERE type = 2"), 2);
	assert_true(mine("min(quota) FROM logs WHERE type = 2") > 0);
}

/* SIGTERM: streams that end in time end well, and everything is settled before the program goes. */
static void test_drain(void **state)
{
	static struct stack_stream quick[DRAINED], endless[DRAINED];
	pid_t relay = stack_pid(s, "relay");

	open_streams(endless, DRAINED, "stream-300-100");
	open_streams(quick, DRAINED, "stream-15-100");
	stack_kill(s, "relay", SIGTERM);
	for (size_t i = 0; i < DRAINED; i++)
		assert_true(ends_well(&quick[i], 60000));
	for (size_t i = 0; i < DRAINED; i++)
		assert_false(ends_well(&endless[i], 60000));
	stack_wait_restarted(s, "relay", relay);
	/* Not by the next one: it would say so. */
	assert_int_equal(mine("count(*) FROM reservations WHERE 1 = 1"), 0);
	assert_int_equal(mine("count(*) FROM logs WHERE finish = 3"), 0);
	assert_int_equal(mine("count(*) FROM logs WHERE finish = 0 AND quota = 24"), DRAINED);
	assert_int_equal(mine("count(*) FROM logs WHERE finish = 1 AND completion_tokens > 10 "
	                      "AND quota = prompt_tokens + 2 * completion_tokens"),
	    DRAINED);
	books_agree(s, "drained", u.id, GRANTED);
}

/* ---- the database is away ---------------------------------------------------------------------- */

/* Another program that writes and does not finish, as a backup or somebody's shell does. */
static sqlite3 *lock_database(void)
{
	sqlite3 *db;
	char path[400];

	snprintf(path, sizeof(path), "%s/oneapi.db", s->data_dir);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	sqlite3_busy_timeout(db, 60000);
	assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	return db;
}

static int journals(void)
{
	char pattern[400];
	glob_t found;
	int n;

	snprintf(pattern, sizeof(pattern), "%s/*.journal", s->data_dir);
	n = glob(pattern, 0, NULL, &found) == 0 ? (int)found.gl_pathc : 0;
	globfree(&found);
	return n;
}

/* Streams that run go on and end well; nobody new comes in; what they cost lies in a file when the
 * relay is killed, and is charged to the last quota by the next one. Without the journal their
 * settlements die with the process, and the sweep charges what was noted early on. */
static void test_database_away(void **state)
{
	static struct stack_stream st[DRAINED];
	pid_t relay = stack_pid(s, "relay");
	struct stack_reply *r;
	int64_t start, first_ms;
	sqlite3 *db;

	open_streams(st, DRAINED, "stream-40-100");
	db = lock_database();
	for (size_t i = 0; i < DRAINED; i++)
		assert_true(ends_well(&st[i], 60000));
	start = stack_now_ms();
	r = stack_post(s, STACK_CHAT, u.key, "{\"model\":\"gpt-4o\"," HELLO "}");
	stack_check_error("meanwhile", r, 503, "one_api_error", "store_unavailable", NULL);
	assert_non_null(stack_header(r, "Retry-After"));
	first_ms = stack_now_ms() - start;
	while (journals() == 0) {
		if (stack_now_ms() - start > 90000)
			fail_msg("there is no journal");
		stack_sleep_ms(20);
	}
	/* From now on refusals do not wait for the database first. */
	start = stack_now_ms();
	r = stack_post(s, STACK_CHAT, u.key, "{\"model\":\"gpt-4o\"," HELLO "}");
	assert_int_equal(r->status, 503);
	assert_true(stack_now_ms() - start < first_ms);

	stack_kill(s, "relay", SIGKILL);
	sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	sqlite3_close(db);
	stack_wait_restarted(s, "relay", relay);
	wait_swept("away");
	assert_int_equal(journals(), 0);
	assert_int_equal(mine("count(*) FROM logs WHERE type = 2 AND finish = 0 AND quota = 24"),
	    DRAINED);
	assert_int_equal(stack_sums(s, u.id).charged, 24 * DRAINED);
}

/* The same without a kill: the process recovers by itself, and serves again. */
static void test_database_comes_back(void **state)
{
	static struct stack_stream st[5];
	int64_t until;
	sqlite3 *db;

	open_streams(st, COUNT_OF(st), "stream-40-100");
	db = lock_database();
	for (size_t i = 0; i < COUNT_OF(st); i++)
		assert_true(ends_well(&st[i], 60000));
	until = stack_now_ms() + 90000;
	while (journals() == 0) {
		if (stack_now_ms() > until)
			fail_msg("there is no journal");
		stack_sleep_ms(20);
	}
	sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	sqlite3_close(db);
	wait_swept("back");
	assert_int_equal(stack_sums(s, u.id).charged, 24 * (int)COUNT_OF(st));
	for (until = stack_now_ms() + 60000; journals() > 0; stack_sleep_ms(20))
		if (stack_now_ms() > until)
			fail_msg("the journal stays");
	assert_int_equal(
	    stack_post(s, STACK_CHAT, u.key, "{\"model\":\"gpt-4o\"," HELLO "}")->status, 200);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_kill_in_streams, begin),
		cmocka_unit_test_setup(test_kill_in_burst, begin),
		cmocka_unit_test_setup(test_kill_twice, begin),
		cmocka_unit_test_setup(test_lease_is_renewed, begin),
		cmocka_unit_test_setup(test_drain, begin),
		cmocka_unit_test_setup(test_database_away, begin),
		cmocka_unit_test_setup(test_database_comes_back, begin),
	};

	return cmocka_run_group_tests_name("crash", tests, set_up, tear_down);
}
