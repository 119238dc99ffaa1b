/* test_pins.c — pins over a running ledger: found at once, committed with it, a background response
 * is charged once whatever asks for it */
#include "temp_db.h"

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
		char id[32];
		struct resource pin;

		snprintf(id, sizeof(id), "resp_%d", i);
		pin = response(id, false);
		pins_put(r.pins, &pin);
		memset(id, 'x', 4); /* texts were copied */
		snprintf(id, sizeof(id), "resp_%d", i);
		assert_true(find(&r, USER, id, &got));
		assert_int_equal(got.channel_id, 3);
		assert_in_range(got.expires_at - clock_unix(), LIFE_S - 2, LIFE_S);
		assert_false(find(&r, USER + 1, id, &got));
	}
	close_room(&r);
	assert_int_equal(number(r.t, rows), 200);
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
	struct resource pin = response(id, false);

	pins_put(r->pins, &pin);
	pin.due = true;
	pin.billed_prompt = prompt;
	pin.billed_completion = completion;
	pin.billed_quota = prompt + 2 * completion;
	pin.billed_token = KEY;
	pins_billed(r->pins, &pin);
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
	pins_billed(r.pins, &bounded);
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

int main(void)
{
	static const struct CMUnitTest tests[] = {
		DB_TEST(test_found_at_once),
		DB_TEST(test_delete),
		DB_TEST(test_charged_once),
		DB_TEST(test_deleted_while_due),
		DB_TEST(test_parts),
		DB_TEST(test_disabled),
	};

	return temp_db_run("pins", tests, COUNT_OF(tests));
}
