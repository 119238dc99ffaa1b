/* test_job.c — tables jobs and job_items: who has a job, what is left of it; channel_events */
#include "temp_db.h"

#include "base/clock.h"
#include "store/channel.h"
#include "store/channel_event.h"
#include "store/channel_find.h"
#include "store/job.h"

static int64_t new_channel(struct temp_db *t, const char *name, int type, int status)
{
	struct channel c = { .type = type,
		.status = status,
		.key = STR("k"),
		.models = STR("m1,m2"),
		.group = STR("g") };

	c.name = str_c(name);
	CHECK(channel_insert(t->db, t->box, &c, 1, &t->err), &t->err);
	return c.id;
}

static bool start(struct temp_db *t, const char *kind, size_t count, int64_t *id)
{
	static const int64_t channels[] = { 3, 1, 2 };
	struct job j = { .scope = STR("all"), .origin = STR("person"), .user_id = 7 };
	bool started;

	j.kind = str_c(kind);
	CHECK(job_start(t->db, &j, channels, count, &started, &t->err), &t->err);
	*id = j.id;
	return started;
}

static struct job look(struct temp_db *t, int64_t id)
{
	struct job j;

	CHECK(job_by_id(t->db, t->arena, id, &j, &t->err), &t->err);
	return j;
}

static bool take(struct temp_db *t, const char *node, struct job *j)
{
	bool found;

	CHECK(job_take(t->db, t->arena, str_c(node), j, &found, &t->err), &t->err);
	return found;
}

static void test_one_of_a_kind(void **state)
{
	struct temp_db *t = *state;
	int64_t id, other;
	struct job j;

	assert_true(start(t, JOB_TEST, 3, &id));
	assert_false(start(t, JOB_TEST, 3, &other));
	assert_true(start(t, JOB_BALANCE, 3, &other));
	CHECK(job_finish(t->db, id, "done", &t->err), &t->err);
	assert_true(start(t, JOB_TEST, 3, &id));
	CHECK(job_finish(t->db, id, "done", &t->err), &t->err);
	/* without channels it is over at once */
	assert_true(start(t, JOB_TEST, 0, &id));
	assert_true(start(t, JOB_TEST, 0, &id));
	j = look(t, id);
	CHECK_TEXT(j.state, "done");
	assert_true(j.finished_at > 0);
}

static void test_lease(void **state)
{
	struct temp_db *t = *state;
	bool ours;
	int64_t id;
	struct job j;

	assert_true(start(t, JOB_TEST, 3, &id));
	assert_true(take(t, "a", &j));
	assert_int_equal(j.id, id);
	CHECK_TEXT(j.state, "running");
	assert_false(take(t, "b", &j));
	CHECK(job_renew(t->db, id, STR("a"), &ours, &t->err), &t->err);
	assert_true(ours);
	CHECK(job_renew(t->db, id, STR("b"), &ours, &t->err), &t->err);
	assert_false(ours);
	/* given back by its own process only */
	CHECK(job_give_back(t->db, id, STR("b"), &t->err), &t->err);
	assert_false(take(t, "b", &j));
	CHECK(job_give_back(t->db, id, STR("a"), &t->err), &t->err);
	assert_true(take(t, "b", &j));
	/* and when its process died, another has it after the lease */
	clock_test_advance((JOB_LEASE_S + 1) * 1000);
	assert_true(take(t, "c", &j));
	CHECK(job_renew(t->db, id, STR("b"), &ours, &t->err), &t->err);
	assert_false(ours);
}

static void test_items(void **state)
{
	struct temp_db *t = *state;
	struct job_item done = { .state = ITEM_FAILED, .message = STR("no"), .elapsed_ms = 5 };
	struct job_item_list items;
	int64_t id, channels[5];
	size_t count;
	struct job j;

	done.channel_id = new_channel(t, "one", 1, CHANNEL_ENABLED);
	assert_int_equal(done.channel_id, 1);
	assert_true(start(t, JOB_TEST, 3, &id));
	CHECK(job_waiting(t->db, id, 0, 5, channels, &count, &t->err), &t->err);
	assert_int_equal(count, 3);
	assert_int_equal(channels[0], 1);
	assert_int_equal(channels[2], 3);
	CHECK(job_item_done(t->db, id, &done, &t->err), &t->err);
	CHECK(job_waiting(t->db, id, 0, 5, channels, &count, &t->err), &t->err);
	assert_int_equal(count, 2);
	CHECK(job_waiting(t->db, id, 2, 5, channels, &count, &t->err), &t->err);
	assert_int_equal(count, 1);
	j = look(t, id);
	assert_int_equal(j.total, 3);
	assert_int_equal(j.done, 1);
	assert_int_equal(j.failed, 1);
	CHECK(job_items(t->db, t->arena, id, 0, 10, &items, &t->err), &t->err);
	assert_int_equal(items.count, 3);
	CHECK_TEXT(items.items[0].name, "one");
	CHECK_TEXT(items.items[0].message, "no");
	CHECK_TEXT(items.items[1].name, ""); /* that channel is not there */
}

static void test_stop_and_sweep(void **state)
{
	struct temp_db *t = *state;
	int64_t id;
	bool stop;

	assert_true(start(t, JOB_TEST, 3, &id));
	CHECK(job_stop_asked(t->db, id, &stop, &t->err), &t->err);
	assert_false(stop);
	CHECK(job_ask_stop(t->db, id, &t->err), &t->err);
	CHECK(job_stop_asked(t->db, id, &stop, &t->err), &t->err);
	assert_true(stop);
	assert_false(job_ask_stop(t->db, id + 1, &t->err));
	assert_int_equal(t->err.kind, ERR_NOT_FOUND);
	/* an unfinished one stays */
	CHECK(job_sweep(t->db, INT64_MAX, &t->err), &t->err);
	(void)look(t, id);
	CHECK(job_finish(t->db, id, "stopped", &t->err), &t->err);
	CHECK(job_sweep(t->db, clock_unix() + 1, &t->err), &t->err);
	err_clear(&t->err);
	assert_false(job_by_id(t->db, t->arena, id, &(struct job){ 0 }, &t->err));
}

static void test_last_timed(void **state)
{
	struct temp_db *t = *state;
	struct job j = { .kind = STR("test"), .scope = STR("all"), .origin = STR("timer") };
	int64_t at, id;
	bool started;

	assert_true(start(t, JOB_TEST, 0, &id));
	CHECK(job_last_timed(t->db, JOB_TEST, &at, &t->err), &t->err);
	assert_int_equal(at, 0);
	CHECK(job_start(t->db, &j, NULL, 0, &started, &t->err), &t->err);
	CHECK(job_last_timed(t->db, JOB_TEST, &at, &t->err), &t->err);
	assert_int_equal(at, j.created_at);
}

/* What switches a channel off or on automatically leaves a row; what a person does leaves none. */
static void test_events(void **state)
{
	struct temp_db *t = *state;
	int64_t id = new_channel(t, "one", 1, CHANNEL_ENABLED);
	struct channel_event_list events;
	bool changed;

	CHECK(channel_set_status(t->db, id, 1, 2, STR(""), &changed, &t->err), &t->err);
	CHECK(channel_set_status(t->db, id, 2, 1, STR(""), &changed, &t->err), &t->err);
	CHECK(channel_event_untold(t->db, t->arena, 9, &events, &t->err), &t->err);
	assert_int_equal(events.count, 0);

	CHECK(channel_set_status(t->db, id, 1, 3, STR("status 401: no"), &changed, &t->err),
	    &t->err);
	assert_true(changed);
	CHECK(channel_set_status(t->db, id, 1, 3, STR("again"), &changed, &t->err), &t->err);
	assert_false(changed);
	CHECK(channel_recovered(t->db, id, &changed, &t->err), &t->err);
	CHECK(channel_event_untold(t->db, t->arena, 9, &events, &t->err), &t->err);
	assert_int_equal(events.count, 2);
	CHECK_TEXT(events.items[0].kind, "disabled");
	CHECK_TEXT(events.items[0].name, "one");
	CHECK_TEXT(events.items[0].cause, "status 401: no");
	CHECK_TEXT(events.items[1].kind, "enabled");

	CHECK(channel_event_told(t->db, events.items[0].id, &t->err), &t->err);
	CHECK(channel_event_untold(t->db, t->arena, 9, &events, &t->err), &t->err);
	assert_int_equal(events.count, 1);
	CHECK(channel_event_page(t->db, t->arena, id, 9, &events, &t->err), &t->err);
	assert_int_equal(events.count, 2);
	CHECK_TEXT(events.items[0].kind, "enabled"); /* newest first */
}

static void test_find(void **state)
{
	static const struct {
		const char *name;
		struct channel_filter filter;
		const char *want; /* ids */
		int64_t total;
	} cases[] = {
		{ "all, newest first", { .limit = 9 }, " 3 2 1", 3 },
		{ "oldest first", { .limit = 9, .ascending = true }, " 1 2 3", 3 },
		{ "second page", { .limit = 1, .offset = 1 }, " 2", 3 },
		{ "by name", { .limit = 9, .sort = STR_INIT("name"), .ascending = true }, " 2 3 1",
		    3 },
		{ "no such column", { .limit = 9, .sort = STR_INIT("key_sealed") }, " 3 2 1", 3 },
		{ "type", { .limit = 9, .type = 14 }, " 2", 1 },
		{ "status", { .limit = 9, .status = 2 }, " 3", 1 },
		{ "group", { .limit = 9, .group = STR_INIT("g") }, " 3 2 1", 3 },
		{ "part of a group's name", { .limit = 9, .group = STR_INIT("gg") }, "", 0 },
		{ "model", { .limit = 9, .model = STR_INIT("m2") }, " 3 2 1", 3 },
		{ "no such model", { .limit = 9, .model = STR_INIT("m") }, "", 0 },
		{ "both", { .limit = 9, .type = 1, .status = 1 }, " 1", 1 },
	};
	struct temp_db *t = *state;

	new_channel(t, "c", 1, CHANNEL_ENABLED);
	new_channel(t, "a", 14, CHANNEL_ENABLED);
	new_channel(t, "b", 1, CHANNEL_DISABLED);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char got[64] = "";
		int64_t *ids, total;
		size_t count, n = 0;

		CHECK(
		    channel_find(t->db, t->arena, &cases[i].filter, &ids, &count, &total, &t->err),
		    &t->err);
		for (size_t k = 0; k < count; k++)
			n += (size_t)snprintf(got + n, sizeof(got) - n, " %d", (int)ids[k]);
		if (strcmp(got, cases[i].want) != 0 || total != cases[i].total)
			fail_msg("%s: got%s of %d, want%s of %d", cases[i].name, got, (int)total,
			    cases[i].want, (int)cases[i].total);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		DB_TEST(test_one_of_a_kind),
		DB_TEST(test_lease),
		DB_TEST(test_items),
		DB_TEST(test_stop_and_sweep),
		DB_TEST(test_last_timed),
		DB_TEST(test_events),
		DB_TEST(test_find),
	};

	clock_test_stop(); /* time goes on where a test says so */
	return temp_db_run("job", tests, COUNT_OF(tests));
}
