/* test_pins.c — pins over a running ledger: found at once, committed with it, a background response
 * is charged once whatever asks for it */
#include "temp_db.h"

#include <sched.h>
#include <stdatomic.h>

#include "../../fcgi-relay/pins.h"
#include "base/clock.h"

#define USER 1
#define KEY 1
#define LIFE_S 1000

struct room {
	struct temp_db *t;
	struct ledger *ledger;
	struct pins *pins;
};

static int64_t number(struct temp_db *t, const char *sql)
{
	struct rows rows;
	int64_t n = -1;

	CHECK(db_query(t->db, sql, BIND_NONE, &rows, &t->err) && rows_number(&rows, &n, &t->err),
	    &t->err);
	return n;
}

/* again 0: people have to be made. */
static struct room open_room_again(struct temp_db *t, size_t again)
{
	struct room r = { .t = t };
	struct db *db;

	if (again == 0)
		CHECK(db_script(t->db,
		          "INSERT INTO users (id, username, quota) VALUES (1, 'alice', 1000000);"
		          "INSERT INTO tokens (id, user_id, key_hash, key_sealed, remain_quota) "
		          "VALUES (1, 1, x'01', '', 1000000);"
		          "INSERT INTO channels (id, type) VALUES (3, 1);",
		          &t->err),
		    &t->err);
	CHECK(db_open(t->dsn, t->dir, &db, &t->err), &t->err);
	r.ledger = ledger_start(db, "test", 90, t->dir);
	r.pins = pins_new(r.ledger, LIFE_S);
	return r;
}

static struct room open_room(struct temp_db *t)
{
	return open_room_again(t, 0);
}

/* All that was sent is committed. */
static void close_room(struct room *r)
{
	ledger_stop(r->ledger);
	pins_free(r->pins);
}

static struct resource response(const char *id, bool due)
{
	return (struct resource){
		.kind = STR("responses"),
		.id = str_c(id),
		.user_id = USER,
		.channel_id = 3,
		.model = STR("gpt-x"),
		.due = due,
	};
}

static bool find(struct room *r, int64_t user, const char *id, struct resource *out)
{
	struct err err = { 0 };
	bool found =
	    pins_find(r->pins, r->t->db, r->t->arena, user, STR("responses"), str_c(id), out, &err);

	if (!found)
		assert_int_equal(err.kind, ERR_NOT_FOUND);
	return found;
}

static void test_found_at_once(void **state)
{
	static const char rows[] = "SELECT COUNT(*) FROM resources";
	struct room r = open_room(*state);
	struct resource got;

	for (int i = 0; i < 200; i++) {
		int64_t before = clock_unix();
		char id[32];
		struct resource pin;

		snprintf(id, sizeof(id), "resp_%d", i);
		pin = response(id, false);
		pins_put(r.pins, &pin);
		memset(id, 'x', 4); /* texts were copied */
		snprintf(id, sizeof(id), "resp_%d", i);
		assert_true(find(&r, USER, id, &got));
		assert_int_equal(got.channel_id, 3);
		assert_in_range(got.expires_at, before + LIFE_S, clock_unix() + LIFE_S);
		assert_false(find(&r, USER + 1, id, &got));
	}
	close_room(&r);
	assert_int_equal(number(r.t, rows), 200);
}

static void on_flushed(void *arg, bool ok)
{
	assert_true(ok);
	atomic_store((atomic_bool *)arg, true);
}

/* An answer that waits for it is never ahead of its pin. */
static void test_flush(void **state)
{
	static const char rows[] = "SELECT COUNT(*) FROM resources WHERE id <> ''";
	struct room r = open_room(*state);

	for (int i = 1; i <= 50; i++) {
		atomic_bool flushed = false;
		struct resource pin;
		char id[32];

		snprintf(id, sizeof(id), "resp_%d", i);
		pin = response(id, false);
		pins_put(r.pins, &pin);
		pins_flush(r.pins, on_flushed, &flushed);
		while (!atomic_load(&flushed))
			sched_yield();
		assert_int_equal(number(r.t, rows), i);
	}
	close_room(&r);
	assert_int_equal(number(r.t, "SELECT COUNT(*) FROM resources"), 50);
}

static void test_delete(void **state)
{
	static const char rows[] = "SELECT COUNT(*) FROM resources";
	struct room r = open_room(*state);
	struct resource pin = response("resp_1", false);

	pins_put(r.pins, &pin);
	pins_delete(r.pins, &pin);
	close_room(&r);
	assert_int_equal(number(r.t, rows), 0);
}

/* Ratio 1 in, 2 out: 10 + 2 × 5 = 20 quota. */
static const struct rate rate = {
	.rule = PRICE_TOKENS,
	.token_priced = true,
	.model = RATIO_ONE,
	.completion = 2 * RATIO_ONE,
	.group = RATIO_ONE,
	.cached = RATIO_ONE,
	.cache_write = RATIO_ONE,
	.cache_write_1h = RATIO_ONE,
	.audio_in = RATIO_ONE,
	.image_in = RATIO_ONE,
	.reasoning = RATIO_ONE,
	.audio_out = RATIO_ONE,
	.image_out = RATIO_ONE,
	.per_image = -1,
	.per_minute = -1,
	.per_character = -1,
	.per_request = -1,
};

static struct pins_bill bill_of(const char *request, int64_t prompt, int64_t completion)
{
	return (struct pins_bill){
		.rate = rate,
		.usage = { .prompt_tokens = prompt, .completion_tokens = completion },
		.row = { .request_id = str_c(request),
		    .user_id = USER,
		    .channel = 3,
		    .model_name = STR("gpt-x") },
		.write_log = true,
	};
}

static void charge(struct room *r, const struct resource *pin, const char *request)
{
	struct pins_bill bill = bill_of(request, 10, 5);

	pins_charge(r->pins, pin, &bill);
}

static void part(struct room *r, const struct resource *pin, const char *request, int64_t tokens,
    bool add)
{
	struct pins_bill bill = bill_of(request, 0, tokens);

	pins_charge_part(r->pins, pin, &bill, add);
}

/* Its creation was charged; the books of this test begin behind that. */
static struct resource made(struct room *r, const char *id, int64_t prompt, int64_t completion)
{
	struct resource pin = response(id, true);

	pin.billed_prompt = prompt;
	pin.billed_completion = completion;
	pin.billed_quota = prompt + 2 * completion;
	pin.billed_token = KEY;
	pins_put(r->pins, &pin);
	return pin;
}

static const char charged_sql[] = "SELECT COALESCE(SUM(quota), 0) FROM logs WHERE type = 2";
static const char left_sql[] = "SELECT quota FROM users WHERE id = 1";
static const char key_sql[] = "SELECT remain_quota FROM tokens WHERE id = 1";
static const char holds_sql[] = "SELECT COUNT(*) FROM reservations";

static void check_books(struct room *r, int64_t charged)
{
	assert_int_equal(number(r->t, charged_sql), charged);
	assert_int_equal(number(r->t, left_sql), 1000000 - charged);
	assert_int_equal(number(r->t, key_sql), 1000000 - charged);
	assert_int_equal(number(r->t, "SELECT used_quota FROM users"), charged);
	assert_int_equal(number(r->t, "SELECT used_quota FROM channels"), charged);
	assert_int_equal(number(r->t, holds_sql), 0);
}

/* 20 in the end, in either direction, however many ask. */
static void test_charged_once(void **state)
{
	static const struct {
		int64_t prompt, completion, want;
	} cases[] = { { 4, 0, 16 }, { 10, 5, 0 }, { 10, 500, -990 } };
	int64_t charged = 0;

	for (size_t n = 0; n < COUNT_OF(cases); n++) {
		struct room r = open_room_again(*state, n);
		struct resource pin, other = response("resp_2", false);
		char id[32];

		snprintf(id, sizeof(id), "resp_at_%zu", n);
		pin = made(&r, id, cases[n].prompt, cases[n].completion);
		pins_put(r.pins, &other);
		for (int i = 0; i < 50; i++) {
			char request[32];

			snprintf(request, sizeof(request), "get-%zu-%d", n, i);
			charge(&r, &pin, request);
			snprintf(request, sizeof(request), "other-%zu-%d", n, i);
			charge(&r, &other, request); /* was never due */
		}
		close_room(&r);
		charged += cases[n].want;
		check_books(&r, charged);
	}
}

/* A request id that is in the log already moves nothing, and is no failure of the database: that would
 * hold up everybody. */
static void test_request_id_twice(void **state)
{
	struct room r = open_room(*state);
	struct resource first = made(&r, "resp_1", 10, 500), second = made(&r, "resp_2", 10, 500);

	charge(&r, &first, "same");
	charge(&r, &second, "same");
	pins_put(r.pins, &(struct resource){ .kind = STR("files"), .id = STR("file-behind") });
	close_room(&r);
	check_books(&r, 20 - (10 + 2 * 500));
	assert_int_equal(number(r.t, "SELECT COUNT(*) FROM resources WHERE id = 'file-behind'"), 1);
}

/* Deleted before its end was seen: what its creation was charged stays. */
static void test_deleted_while_due(void **state)
{
	struct room r = open_room(*state);
	struct resource pin = made(&r, "resp_1", 10, 500);

	pins_delete(r.pins, &pin);
	charge(&r, &pin, "get");
	part(&r, &pin, "part", 9000, true);
	close_room(&r);
	check_books(&r, 0);
}

/* 10 + 2 x 20 = 50 were charged; parts count beyond that, and the end settles everything. */
static void test_parts(void **state)
{
	struct room r = open_room(*state);
	struct resource pin = made(&r, "resp_1", 10, 20), bounded = made(&r, "resp_2", 10, 20);

	bounded.bounded = true;
	pins_put(r.pins, &bounded);
	part(&r, &bounded, "p0", 100, true); /* it cannot have been more */
	part(&r, &pin, "p1", 15, true);
	part(&r, &pin, "p2", 15, false); /* the same once more */
	close_room(&r);
	check_books(&r, 0);
	r = open_room_again(*state, 1);
	part(&r, &pin, "p3", 15, true); /* 30 by now */
	close_room(&r);
	check_books(&r, 20);
	r = open_room_again(*state, 1);
	part(&r, &pin, "p4", 40, false);
	close_room(&r);
	check_books(&r, 40);
	r = open_room_again(*state, 1);
	charge(&r, &pin, "end");
	part(&r, &pin, "p5", 100, true); /* settled */
	close_room(&r);
	check_books(&r, 20 - 50);
}

/* A user who may not spend any more is settled with all the same. */
static void test_disabled(void **state)
{
	struct room r = open_room(*state);
	struct resource pin = made(&r, "resp_1", 4, 0);

	CHECK(db_script(r.t->db, "UPDATE users SET status = 2", &r.t->err), &r.t->err);
	charge(&r, &pin, "get");
	close_room(&r);
	check_books(&r, 16);
}

/* ---- works ----------------------------------------------------------------------------------- */

#define HELD 300 /* 100 for the call, 200 for the work */

static bool opened_ok;

static void on_opened(void *arg, bool ok)
{
	opened_ok = ok;
}

static void reserve(struct room *r, const char *request)
{
	struct hold hold = { .request_id = str_c(request),
		.user_id = USER,
		.token_id = KEY,
		.channel_id = 3,
		.amount = HELD,
		.node = STR("test") };

	CHECK(db_begin(r->t->db, &r->t->err) && quota_reserve(r->t->db, &hold, &r->t->err) &&
	        db_commit(r->t->db, &r->t->err),
	    &r->t->err);
}

static struct resource batch(const char *id)
{
	return (struct resource){
		.kind = STR("batches"),
		.id = str_c(id),
		.user_id = USER,
		.channel_id = 3,
		.model = STR("gpt-x"),
		.due = true,
		.billed_prompt = 100,
		.billed_completion = 50,
		.billed_quota = 200,
		.billed_token = KEY,
		.charge = CHARGE_BATCH,
	};
}

static void open_work(struct room *r, const char *request)
{
	char id[64];
	struct resource pin;

	reserve(r, request);
	snprintf(id, sizeof(id), "~%s", request);
	pin = batch(id);
	pins_open(r->pins, &pin, str_c(request), HELD, on_opened, NULL);
}

static void end_work(struct room *r, const char *request, const char *id, enum pins_end how,
    int64_t quota, int64_t final)
{
	struct resource pin = batch(id);
	struct pins_ending end = {
		.how = how,
		.row = { .request_id = str_c(request), .quota = quota, .channel = 3 },
		.final = final,
		.write_log = true,
	};

	pins_end(r->pins, &pin, &end);
}

/* The process died: its ledger did what it was sent, and its leases run out. */
static void sweep_all(struct room *r)
{
	int count;

	CHECK(db_begin(r->t->db, &r->t->err) &&
	        quota_sweep(r->t->db, clock_unix() + 1000, 90, 100, &count, &r->t->err) &&
	        db_commit(r->t->db, &r->t->err),
	    &r->t->err);
}

static int64_t count_due(struct room *r)
{
	return number(r->t, "SELECT COUNT(*) FROM resources WHERE due = 1");
}

static struct resource_list due_now(struct room *r)
{
	struct resource_list list;

	CHECK(resource_due(r->t->db, r->t->arena, clock_unix(), 10, &list, &r->t->err), &r->t->err);
	return list;
}

/* Where the process may die, and what is charged when it is all over: 100 for the call and 20 for
 * what the work used in truth (charge's usage). */
enum death { AFTER_OPEN, AFTER_ADOPT, AFTER_CHARGE, AFTER_END, NEVER };

static void test_work_and_death(void **state)
{
	for (int death = AFTER_OPEN; death <= NEVER; death++) {
		struct room r = open_room_again(*state, (size_t)death);
		struct resource pin = batch("batch_1");
		int64_t before = number(r.t, charged_sql);
		char request[32], id[32], pending[32], claim[32];

		snprintf(request, sizeof(request), "r%d", death);
		snprintf(pending, sizeof(pending), "~r%d", death);
		snprintf(id, sizeof(id), "batch_%d", death);
		snprintf(claim, sizeof(claim), "c%d", death);
		pin.id = str_c(id);
		open_work(&r, request);
		if (death >= AFTER_ADOPT)
			pins_adopt(r.pins, str_c(pending), &pin);
		if (death >= AFTER_CHARGE)
			charge(&r, &pin, claim); /* somebody looked before the request's end */
		if (death >= AFTER_END)
			end_work(&r, request, id, PINS_BOUND, HELD, 0);
		close_room(&r);
		assert_true(opened_ok);
		sweep_all(&r);
		if (death < AFTER_CHARGE)
			assert_int_equal(number(r.t, charged_sql) - before, HELD);

		r = open_room_again(*state, 1);
		pins_adopt(r.pins, str_c(pending), &pin); /* the settler found it in a list */
		snprintf(claim, sizeof(claim), "d%d", death);
		charge(&r, &pin, claim);
		charge(&r, &pin, claim);
		close_room(&r);
		assert_int_equal(count_due(&r), 0);
		assert_int_equal(number(r.t, charged_sql) - before, 100 + 20);
		check_books(&r, before + 100 + 20);
	}
}

/* A final usage that the creating request sees, with and without somebody who was faster. */
static void test_work_final(void **state)
{
	struct room r = open_room(*state);
	struct resource pin = batch("batch_1");

	open_work(&r, "r1");
	pins_adopt(r.pins, STR("~r1"), &pin);
	end_work(&r, "r1", "batch_1", PINS_FINAL, HELD, 120);
	charge(&r, &pin, "late");
	close_room(&r);
	check_books(&r, 120);

	r = open_room_again(*state, 1);
	pin = batch("batch_2");
	open_work(&r, "r2");
	pins_adopt(r.pins, STR("~r2"), &pin);
	charge(&r, &pin, "early");
	end_work(&r, "r2", "batch_2", PINS_FINAL, HELD, 120);
	close_room(&r);
	check_books(&r, 240);
}

static void test_work_refused(void **state)
{
	struct room r = open_room(*state);
	struct resource pin = batch("~r1");

	open_work(&r, "r1");
	pins_refuse(r.pins, &pin, STR("r1"));
	close_room(&r);
	check_books(&r, 0);
	assert_int_equal(number(r.t, "SELECT COUNT(*) FROM resources"), 0);

	/* nobody will ever know it: what was seen of it is charged */
	r = open_room_again(*state, 1);
	open_work(&r, "r2");
	end_work(&r, "r2", "~r2", PINS_UNDO, 7, 0);
	close_room(&r);
	check_books(&r, 7);
	assert_int_equal(count_due(&r), 0);

	/* its reservation was swept before: nothing may begin */
	r = open_room_again(*state, 1);
	pin = batch("~r3");
	pins_open(r.pins, &pin, STR("r3"), HELD, on_opened, NULL);
	close_room(&r);
	assert_false(opened_ok);
	assert_int_equal(count_due(&r), 0);
}

/* The process stood still, was swept, the settler found nothing and gave back; then the answer came
 * all the same: the work is charged what it uses. */
static void test_work_too_late(void **state)
{
	struct room r = open_room(*state);
	struct resource pin = batch("~r1");
	struct pins_bill nothing = bill_of("never", 0, 0);

	open_work(&r, "r1");
	close_room(&r);
	sweep_all(&r);
	r = open_room_again(*state, 1);
	pins_charge(r.pins, &pin, &nothing);
	close_room(&r);
	check_books(&r, 100);
	assert_int_equal(number(r.t, "SELECT COUNT(*) FROM resources"), 0);
	r = open_room_again(*state, 1);
	pin = batch("batch_1");
	pins_adopt(r.pins, STR("~r1"), &pin);
	end_work(&r, "r1", "batch_1", PINS_BOUND, HELD, 0);
	close_room(&r);
	assert_int_equal(count_due(&r), 1);
	r = open_room_again(*state, 1);
	charge(&r, &pin, "truth");
	close_room(&r);
	check_books(&r, 100 + 20);
}

/* What the settler is told: not before its time, not while the request runs, never what is settled. */
static void test_due(void **state)
{
	struct room r = open_room(*state);
	struct resource pin = batch("batch_1"), later = batch("batch_2");

	later.look_at = clock_unix() + 100;
	open_work(&r, "r1");
	pins_put(r.pins, &pin);
	pins_put(r.pins, &later);
	close_room(&r);
	assert_int_equal(due_now(&r).count, 1);
	assert_true(str_eq_c(due_now(&r).items[0].id, "batch_1"));
	sweep_all(&r);
	assert_int_equal(due_now(&r).count, 2);
	r = open_room_again(*state, 1);
	pin = due_now(&r).items[0];
	later = due_now(&r).items[1];
	pins_looked(r.pins, &pin, clock_unix() + 50);
	pins_give_up(r.pins, &later);
	close_room(&r);
	assert_int_equal(due_now(&r).count, 0);
	assert_int_equal(number(r.t, "SELECT SUM(looks) FROM resources"), 1);
	assert_int_equal(count_due(&r), 2);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		DB_TEST(test_found_at_once),
		DB_TEST(test_flush),
		DB_TEST(test_delete),
		DB_TEST(test_charged_once),
		DB_TEST(test_request_id_twice),
		DB_TEST(test_deleted_while_due),
		DB_TEST(test_parts),
		DB_TEST(test_disabled),
		DB_TEST(test_work_and_death),
		DB_TEST(test_work_final),
		DB_TEST(test_work_refused),
		DB_TEST(test_work_too_late),
		DB_TEST(test_due),
	};

	return temp_db_run("pins", tests, COUNT_OF(tests));
}
