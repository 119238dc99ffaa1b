/* test_pins.c — pins over a running ledger: found at once, committed with it, a background response
 * is charged once whatever asks for it */
#include "temp_db.h"

#include <unistd.h>

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

static struct room open_room(struct temp_db *t)
{
	struct room r = { .t = t };
	struct db *db;

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

static void charge(struct room *r, const struct resource *pin, const char *request)
{
	struct pins_bill bill = {
		.rate = rate,
		.usage = { .prompt_tokens = 10, .completion_tokens = 5, .reported = true },
		.hold = { .request_id = str_c(request),
		    .user_id = USER,
		    .token_id = KEY,
		    .channel_id = 3,
		    .model = STR("gpt-x") },
		.row = { .user_id = USER, .type = LOG_TYPE_CONSUME, .channel = 3 },
		.write_log = true,
	};

	pins_charge(r->pins, pin, &bill);
}

static const char charged_sql[] = "SELECT COALESCE(SUM(quota), 0) FROM logs WHERE type = 2";
static const char left_sql[] = "SELECT quota FROM users WHERE id = 1";
static const char key_sql[] = "SELECT remain_quota FROM tokens WHERE id = 1";
static const char holds_sql[] = "SELECT COUNT(*) FROM reservations";

static void test_charged_once(void **state)
{
	struct room r = open_room(*state);
	struct resource pin = response("resp_1", true), other = response("resp_2", false);

	pins_put(r.pins, &pin);
	pins_put(r.pins, &other);
	pin.billed_prompt = 4;
	pins_billed(r.pins, &pin);
	for (int i = 0; i < 50; i++) {
		char request[32];

		snprintf(request, sizeof(request), "get-%d", i);
		charge(&r, &pin, request);
		snprintf(request, sizeof(request), "other-%d", i);
		charge(&r, &other, request); /* was never due */
	}
	close_room(&r);
	assert_int_equal(number(r.t, charged_sql), 16); /* 20 less the 4 that were charged */
	assert_int_equal(number(r.t, left_sql), 1000000 - 16);
	assert_int_equal(number(r.t, key_sql), 1000000 - 16);
	assert_int_equal(number(r.t, holds_sql), 0);
}

/* Who cannot pay now pays when they ask again. */
static void test_stays_due(void **state)
{
	static const char due_sql[] = "SELECT due FROM resources WHERE id = 'resp_1'";
	static const char billed_sql[] = "SELECT billed_prompt FROM resources WHERE id = 'resp_1'";
	struct room r = open_room(*state);
	struct resource pin = response("resp_1", true);

	pins_put(r.pins, &pin);
	pin.billed_prompt = 4;
	pins_billed(r.pins, &pin);
	for (int i = 0; i < 500 && number(r.t, billed_sql) != 4; i++)
		usleep(10000);
	CHECK(db_script(r.t->db, "UPDATE users SET status = 2", &r.t->err), &r.t->err);
	charge(&r, &pin, "first");
	for (int i = 0; i < 500 && number(r.t, due_sql) != 1; i++)
		usleep(10000);
	usleep(50000);
	assert_int_equal(number(r.t, charged_sql), 0);
	assert_int_equal(number(r.t, due_sql), 1);
	CHECK(db_script(r.t->db, "UPDATE users SET status = 1", &r.t->err), &r.t->err);
	charge(&r, &pin, "second");
	close_room(&r);
	assert_int_equal(number(r.t, charged_sql), 16);
	assert_int_equal(number(r.t, due_sql), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		DB_TEST(test_found_at_once),
		DB_TEST(test_delete),
		DB_TEST(test_charged_once),
		DB_TEST(test_stays_due),
	};

	return temp_db_run("pins", tests, COUNT_OF(tests));
}
