/* test_resource.c — table resources: a pin is found by its owner only, until it expires, and the
 * final usage of a background response is claimed once */
#include "temp_db.h"

#include "base/clock.h"
#include "store/resource.h"

#define ALICE 7
#define BOB 8

static struct resource pin(int64_t user, const char *kind, const char *id)
{
	int64_t now = clock_unix();

	return (struct resource){
		.kind = str_c(kind),
		.id = str_c(id),
		.user_id = user,
		.channel_id = 3,
		.key_id = 1,
		.created_at = now,
		.expires_at = now + 100,
		.model = STR("gpt-x"),
		.object = STR("{\"id\":1}"),
	};
}

static void put(struct temp_db *t, struct resource r)
{
	CHECK(resource_put(t->db, &r, &t->err), &t->err);
}

static bool find(struct temp_db *t, int64_t user, const char *kind, const char *id,
    struct resource *out)
{
	struct err err = { 0 };
	bool found = resource_find(t->db, t->arena, user, str_c(kind), str_c(id), out, &err);

	if (!found)
		assert_int_equal(err.kind, ERR_NOT_FOUND);
	return found;
}

static int64_t rows_left(struct temp_db *t)
{
	static const char sql[] = "SELECT COUNT(*) FROM resources";
	struct rows rows;
	int64_t n = -1;

	CHECK(db_query(t->db, sql, BIND_NONE, &rows, &t->err) && rows_number(&rows, &n, &t->err),
	    &t->err);
	return n;
}

static void test_owner(void **state)
{
	struct temp_db *t = *state;
	struct resource got;

	put(t, pin(ALICE, "files", "file-1"));
	assert_true(find(t, ALICE, "files", "file-1", &got));
	assert_int_equal(got.channel_id, 3);
	assert_int_equal(got.key_id, 1);
	assert_int_equal(got.user_id, ALICE);
	assert_true(str_eq_c(got.model, "gpt-x"));
	assert_true(str_eq_c(got.object, "{\"id\":1}"));
	assert_false(got.due);
	assert_false(find(t, BOB, "files", "file-1", &got));
	assert_false(find(t, ALICE, "batches", "file-1", &got));
	assert_false(find(t, ALICE, "files", "file-", &got));
	assert_false(find(t, ALICE, "files", "FILE-1", &got));

	CHECK(resource_delete(t->db, BOB, STR("files"), STR("file-1"), &t->err), &t->err);
	assert_true(find(t, ALICE, "files", "file-1", &got));
	CHECK(resource_delete(t->db, ALICE, STR("files"), STR("file-1"), &t->err), &t->err);
	assert_false(find(t, ALICE, "files", "file-1", &got));
}

/* Two upstreams may use one id, for two users or for one. */
static void test_same_id(void **state)
{
	struct temp_db *t = *state;
	struct resource mine = pin(ALICE, "files", "1"), got;

	put(t, mine);
	put(t, pin(BOB, "files", "1"));
	mine.channel_id = 4;
	mine.key_id = 0;
	put(t, mine);
	assert_true(find(t, ALICE, "files", "1", &got));
	assert_int_equal(got.channel_id, 4);
	assert_true(find(t, BOB, "files", "1", &got));
	assert_int_equal(got.channel_id, 3);
	assert_int_equal(rows_left(t), 2);
}

static void test_learn(void **state)
{
	struct temp_db *t = *state;
	struct resource r = pin(ALICE, "files", "out-1"), got;

	CHECK(resource_learn(t->db, &r, &t->err), &t->err);
	CHECK(resource_learn(t->db, &r, &t->err), &t->err);
	assert_true(find(t, ALICE, "files", "out-1", &got));

	/* what is somebody else's on that channel cannot be learned */
	r.user_id = BOB;
	CHECK(resource_learn(t->db, &r, &t->err), &t->err);
	assert_false(find(t, BOB, "files", "out-1", &got));
	r.channel_id = 9;
	CHECK(resource_learn(t->db, &r, &t->err), &t->err);
	assert_true(find(t, BOB, "files", "out-1", &got));
	assert_int_equal(got.channel_id, 9);
}

static void test_expiry(void **state)
{
	struct temp_db *t = *state;
	struct resource r = pin(ALICE, "responses", "resp_1"), got;
	int64_t now = clock_unix(), count = -1;

	r.expires_at = now - 1;
	put(t, r);
	assert_false(find(t, ALICE, "responses", "resp_1", &got));

	/* using it moves its end on; an empty object is no news */
	CHECK(resource_seen(t->db, ALICE, r.kind, r.id, now + 50, STR(""), &t->err), &t->err);
	assert_true(find(t, ALICE, "responses", "resp_1", &got));
	assert_int_equal(got.expires_at, now + 50);
	assert_true(str_eq_c(got.object, "{\"id\":1}"));

	for (int i = 0; i < 5; i++) {
		char id[16];

		snprintf(id, sizeof(id), "old-%d", i);
		r = pin(ALICE, "files", id);
		r.expires_at = now - 10;
		put(t, r);
	}
	CHECK(resource_sweep(t->db, now, 3, &count, &t->err), &t->err);
	assert_int_equal(count, 3);
	assert_int_equal(rows_left(t), 3);
	CHECK(resource_sweep(t->db, now, 3, &count, &t->err), &t->err);
	assert_int_equal(count, 2);
	CHECK(resource_sweep(t->db, now, 3, &count, &t->err), &t->err);
	assert_int_equal(count, 0);
	assert_true(find(t, ALICE, "responses", "resp_1", &got));
}

/* What is to be charged yet outlives its end, and what it is read from cannot go before it. */
static void test_open_work(void **state)
{
	struct temp_db *t = *state;
	struct resource run = pin(ALICE, "runs", "run_1"),
	                thread = pin(ALICE, "threads", "thread_1");
	struct resource batch = pin(ALICE, "batches", "batch_1"),
	                file = pin(ALICE, "files", "file-1");
	int64_t now = clock_unix(), count = -1;
	struct resource_list list;
	bool needed;

	run.due = batch.due = true;
	run.parent = thread.id;
	run.expires_at = now - 10;
	file.parent = batch.id;
	put(t, run);
	put(t, batch);
	CHECK(resource_sweep(t->db, now, 10, &count, &t->err), &t->err);
	assert_int_equal(count, 0);
	CHECK(resource_due(t->db, t->arena, now, 10, &list, &t->err), &t->err);
	assert_int_equal(list.count, 2);
	CHECK(resource_is_needed(t->db, &thread, &needed, &t->err), &t->err);
	assert_true(needed);
	CHECK(resource_is_needed(t->db, &file, &needed, &t->err), &t->err);
	assert_true(needed);
	file.parent = STR("batch_2");
	CHECK(resource_is_needed(t->db, &file, &needed, &t->err), &t->err);
	assert_false(needed);
	thread.user_id = BOB;
	CHECK(resource_is_needed(t->db, &thread, &needed, &t->err), &t->err);
	assert_false(needed);

	CHECK(resource_give_up(t->db, list.items[0].seq, &t->err), &t->err);
	CHECK(resource_give_up(t->db, list.items[1].seq, &t->err), &t->err);
	CHECK(resource_sweep(t->db, now, 10, &count, &t->err), &t->err);
	assert_int_equal(count, 1);
}

static void test_page(void **state)
{
	struct temp_db *t = *state;
	struct resource_list list;
	struct resource gone = pin(ALICE, "files", "gone"), hidden = pin(ALICE, "files", "hidden");

	put(t, pin(ALICE, "files", "a"));
	put(t, pin(BOB, "files", "b"));
	put(t, pin(ALICE, "batches", "c"));
	gone.expires_at = 1;
	put(t, gone);
	hidden.object = STR("");
	put(t, hidden);
	put(t, pin(ALICE, "files", "d"));
	put(t, pin(ALICE, "files", "e"));

	CHECK(resource_page(t->db, t->arena, ALICE, STR("files"), RESOURCES_NEWEST, 0, 2, &list,
	          &t->err),
	    &t->err);
	assert_int_equal(list.count, 2);
	assert_true(str_eq_c(list.items[0].id, "e"));
	assert_true(str_eq_c(list.items[1].id, "d"));
	CHECK(resource_page(t->db, t->arena, ALICE, STR("files"), RESOURCES_NEWEST,
	          list.items[1].seq, 2, &list, &t->err),
	    &t->err);
	assert_int_equal(list.count, 1);
	assert_true(str_eq_c(list.items[0].id, "a"));
	CHECK(resource_page(t->db, t->arena, ALICE, STR("files"), RESOURCES_OLDEST, 0, 9, &list,
	          &t->err),
	    &t->err);
	assert_int_equal(list.count, 3);
	assert_true(str_eq_c(list.items[0].id, "a"));
	assert_true(str_eq_c(list.items[2].id, "e"));

	CHECK(resource_seen(t->db, ALICE, STR("files"), STR("a"), clock_unix() + 9,
	          STR("{\"new\":1}"), &t->err),
	    &t->err);
	CHECK(resource_page(t->db, t->arena, ALICE, STR("files"), RESOURCES_OLDEST, 0, 1, &list,
	          &t->err),
	    &t->err);
	assert_true(str_eq_c(list.items[0].object, "{\"new\":1}"));
}

static bool claim(struct temp_db *t, int64_t user, struct resource *out)
{
	bool claimed;

	CHECK(resource_claim(t->db, t->arena, user, STR("responses"), STR("resp_1"), out, &claimed,
	          &t->err),
	    &t->err);
	return claimed;
}

static void test_claim(void **state)
{
	struct temp_db *t = *state;
	struct resource r = pin(ALICE, "responses", "resp_1"), got;

	put(t, r);
	assert_false(claim(t, ALICE, &got)); /* not due */
	r.due = true;
	put(t, r);
	r.billed_prompt = 11;
	r.billed_completion = 2;
	r.billed_quota = 19;
	r.billed_token = 7;
	r.billed_budgets = STR("key day 0 1 5 7");
	r.bounded = true;
	r.seen_completion = 3;
	CHECK(resource_billed(t->db, &r, &t->err), &t->err);
	assert_false(claim(t, BOB, &got));
	assert_true(claim(t, ALICE, &got));
	assert_int_equal(got.billed_prompt, 11);
	assert_int_equal(got.billed_completion, 2);
	assert_int_equal(got.billed_quota, 19);
	assert_int_equal(got.billed_token, 7);
	assert_true(str_eq(got.billed_budgets, r.billed_budgets));
	assert_true(got.bounded);
	assert_int_equal(got.seen_completion, 3);
	assert_int_equal(got.channel_id, 3);
	assert_false(claim(t, ALICE, &got));

	/* made anew under the same id: nothing is left of the last one's bill */
	r.due = false;
	put(t, r);
	assert_false(claim(t, ALICE, &got));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		DB_TEST(test_owner),
		DB_TEST(test_same_id),
		DB_TEST(test_learn),
		DB_TEST(test_expiry),
		DB_TEST(test_open_work),
		DB_TEST(test_page),
		DB_TEST(test_claim),
	};

	return temp_db_run("resource", tests, COUNT_OF(tests));
}
