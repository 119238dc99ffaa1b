/* test_admin_reconcile.c — the books agree after all that moves money, and a coin that is missing is
 * found
 */
#include "admin_room.h"

#include "../../fcgi-admin/reconcile.h"
#include "billing/quota.h"
#include "store/logstats.h"
#include "store/usage.h"

static char lines[4096];

static void keep(const char *text, void *arg)
{
	strncat(lines, text, sizeof lines - strlen(lines) - 2);
	strncat(lines, "\n", sizeof lines - strlen(lines) - 1);
}

static int64_t wrong(struct room *m)
{
	struct reconcile_report r;

	*lines = '\0';
	room_must(reconcile(m->db, keep, NULL, &r, &err));
	return r.wrong;
}

static void check_balanced(struct room *m, const char *name)
{
	if (wrong(m) != 0)
		fail_msg("%s: %s", name, lines);
}

static void run(struct room *m, const char *sql)
{
	room_must(db_script(m->db, sql, &err));
}

static int64_t make_key(struct room *m, bool unlimited, int64_t remain)
{
	struct arena *a = arena_new(4096);
	struct token t = { .user_id = m->anna,
		.status = TOKEN_ENABLED,
		.name = STR("k"),
		.expired_time = TOKEN_NEVER_EXPIRES,
		.remain_quota = remain,
		.unlimited_quota = unlimited };

	room_must(token_insert(m->db, m->admin.rt.box, a, &t, &err));
	arena_free(a);
	return t.id;
}

static void reserve(struct room *m, int64_t key, const char *id, int64_t amount)
{
	const struct hold h = { .request_id = str_c(id),
		.user_id = m->anna,
		.token_id = key,
		.channel_id = 1,
		.amount = amount,
		.node = STR("n"),
		.model = STR("gpt-4o") };

	room_must(quota_reserve(m->db, &h, &err));
}

static void settle(struct room *m, const char *id, int64_t cost, bool write_log)
{
	const struct logrow row = { .request_id = str_c(id),
		.quota = cost,
		.channel = 1,
		.model_name = STR("gpt-4o") };
	bool settled;

	room_must(quota_settle(m->db, &row, write_log, &settled, &err));
	assert_true(settled);
}

static void begin(struct room *m)
{
	room_open(m);
	run(m, "INSERT INTO channels (type, name) VALUES (1, 'c')");
}

static void test_balanced(void **state)
{
	int64_t limited, unlimited;
	struct room m;
	int count;

	begin(&m);
	limited = make_key(&m, false, 500);
	unlimited = make_key(&m, true, -1);
	check_balanced(&m, "at first");
	reserve(&m, limited, "r1", 100);
	check_balanced(&m, "reserved");
	settle(&m, "r1", 30, true);
	check_balanced(&m, "settled");
	reserve(&m, unlimited, "r2", 100);
	settle(&m, "r2", 150, true);
	check_balanced(&m, "more than was held");
	reserve(&m, limited, "r3", 50);
	room_must(quota_release(m.db, STR("r3"), &err));
	check_balanced(&m, "released");
	room_must(quota_grant(m.db, m.anna, 700, &err));
	check_balanced(&m, "granted");
	reserve(&m, limited, "r4", 60);
	room_must(quota_set_token(m.db, limited, 90, false, &err));
	check_balanced(&m, "key set while it holds");
	room_must(quota_set_token(m.db, limited, 0, true, &err));
	settle(&m, "r4", 40, true);
	room_must(quota_set_token(m.db, limited, 80, false, &err));
	check_balanced(&m, "unlimited and back");
	reserve(&m, limited, "r5", 20);
	settle(&m, "r5", 15, false);
	check_balanced(&m, "without a log row");
	room_must(usage_catch_up(m.db, &err));
	check_balanced(&m, "all in usage_hours");
	/* A sweep guesses, and the truth takes its place. */
	reserve(&m, limited, "r6", 20);
	room_must(quota_checkpoint(m.db, &(struct hold){ .request_id = STR("r6") }, 5, 1, 1, &err));
	room_must(quota_sweep(m.db, INT64_MAX, 90, 10, &count, &err));
	assert_int_equal(count, 1);
	check_balanced(&m, "swept");
	room_must(usage_catch_up(m.db, &err));
	settle(&m, "r6", 12, true);
	check_balanced(&m, "settled late");
	room_must(usage_catch_up(m.db, &err));
	check_balanced(&m, "all of it");
	room_close(&m);
}

static void test_clean_up_keeps_the_books(void **state)
{
	int64_t key, id, n;
	bool finished;
	struct room m;

	begin(&m);
	key = make_key(&m, false, 500);
	reserve(&m, key, "r1", 100);
	settle(&m, "r1", 30, true);
	room_must(log_clean_begin(m.db, INT32_MAX * INT64_C(2), m.root, &id, &err));
	room_must(log_clean_step(m.db, &id, &n, &finished, &err));
	assert_true(finished && n == 1);
	check_balanced(&m, "after a clean-up");
	reserve(&m, key, "r2", 100);
	settle(&m, "r2", 7, true);
	check_balanced(&m, "and after the next charge");
	room_close(&m);
}

static void test_found(void **state)
{
	static const struct {
		const char *name, *sql, *want;
		int64_t wrong;
	} cases[] = {
		{ "a balance", "UPDATE users SET quota = quota + 5 WHERE username = 'anna'",
		    "user 3 (anna): granted 1000 - left 975 - reserved 0 = 25, but 30 was charged "
		    "(difference -5)",
		    1 },
		{ "a key's", "UPDATE tokens SET remain_quota = remain_quota - 1",
		    "key 1 (k): ", 1 },
		{ "a charge", "UPDATE logs SET quota = 31 WHERE type = 2",
		    "channel 1 (c): charged 30, but the log has 31 (difference -1)", 3 },
		{ "a lost row", "DELETE FROM logs WHERE type = 2", "but the log has 0", 3 },
		{ "a channel's sum", "UPDATE channels SET used_quota = 0", "channel 1 (c): ", 1 },
		{ "a reservation",
		    "INSERT INTO reservations (request_id, user_id, token_id, "
		    "channel_id, amount, node, lease_until, created_at, model_name, "
		    "token_name, username) VALUES ('x', 3, 1, 1, 9, 'n', 1, 1, 'm', "
		    "'k', 'anna')",
		    "reserved 9", 2 },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct room m;
		int64_t got;

		begin(&m);
		reserve(&m, make_key(&m, false, 500), "r1", 100);
		settle(&m, "r1", 30, true);
		check_balanced(&m, cases[i].name);
		run(&m, cases[i].sql);
		got = wrong(&m);
		if (got != cases[i].wrong || !strstr(lines, cases[i].want))
			fail_msg("%s: got %d, %s; want %d, %s", cases[i].name, (int)got, lines,
			    (int)cases[i].wrong, cases[i].want);
		room_close(&m);
	}
}

static void test_rebuild(void **state)
{
	struct room m;

	begin(&m);
	reserve(&m, make_key(&m, false, 500), "r1", 100);
	settle(&m, "r1", 30, true);
	room_must(usage_catch_up(m.db, &err));
	run(&m, "UPDATE usage_hours SET quota = quota + 3, requests = 9");
	assert_int_equal(wrong(&m), 4); /* user, key, channel, hour */
	room_must(reconcile_rebuild(m.db, &err));
	check_balanced(&m, "made anew");
	room_close(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_balanced),
		cmocka_unit_test(test_clean_up_keeps_the_books),
		cmocka_unit_test(test_found),
		cmocka_unit_test(test_rebuild),
	};

	return cmocka_run_group_tests_name("admin reconcile", tests, NULL, NULL);
}
