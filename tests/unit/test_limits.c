/* test_limits.c — rules (store/limit.h) and what one request takes of them (limit_entry.h) */
#include "temp_db.h"

#include <pthread.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/mapping.h"
#include "store/channel.h"
#include "store/limit.h"

#include "../../fcgi-relay/limit_entry.h"

/* ---- rules ---------------------------------------------------------------------------------- */

static const char option[] =
    "{\"key\":{\"rpm\":1},\"key@vip\":{\"rpm\":2},\"user\":{\"rpm\":3},\"user@free\":{\"tpd\":4},"
    "\"group\":{\"rpm\":5},\"group:vip\":{\"rpm\":6},\"channel\":{\"rpm\":7},"
    "\"channel:12\":{\"rpm\":8,\"parallel\":3},\"address\":{\"rpm\":9}}";

static void test_most_exact_rule(void **state)
{
	static const struct {
		const char *name;
		enum limit_scope scope;
		const char *subject, *group;
		int64_t rpm, tpd;
	} cases[] = {
		{ "each key", LIMIT_KEY, "5", "default", 1, 0 },
		{ "each key of a group", LIMIT_KEY, "5", "vip", 2, 0 },
		{ "this very key", LIMIT_KEY, "77", "vip", 100, 0 },
		{ "each user", LIMIT_USER, "5", "default", 3, 0 },
		{ "each user of a group: as a whole", LIMIT_USER, "5", "free", 0, 4 },
		{ "a group", LIMIT_GROUP, "default", "default", 5, 0 },
		{ "this very group", LIMIT_GROUP, "vip", "vip", 6, 0 },
		{ "a row goes before the option", LIMIT_GROUP, "svip", "svip", 101, 0 },
		{ "a channel", LIMIT_CHANNEL, "5", "", 7, 0 },
		{ "this very channel", LIMIT_CHANNEL, "12", "", 8, 0 },
		{ "an address", LIMIT_ADDRESS, "192.0.2.1", "vip", 9, 0 },
	};
	struct temp_db *t = *state;
	struct arena *a = arena_new(4096);
	struct limit_rules rules;

	CHECK(limit_row_put(t->db,
	          &(struct limit_row){ .scope = STR("key"), .subject = STR("77"), .rpm = 100 },
	          &t->err),
	    &t->err);
	CHECK(limit_row_put(t->db,
	          &(struct limit_row){ .scope = STR("group"), .subject = STR("svip"), .rpm = 101 },
	          &t->err),
	    &t->err);
	CHECK(limit_load(t->db, a, str_c(option), &rules, &t->err), &t->err);
	assert_true(rules.any);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct limit_rule rule;

		CHECK(limit_find(&rules, t->db, a, cases[i].scope, str_c(cases[i].subject),
		          str_c(cases[i].group), &rule, &t->err),
		    &t->err);
		if (rule.rpm != cases[i].rpm || rule.tpd != cases[i].tpd)
			fail_msg("%s: got rpm %lld tpd %lld, want %lld %lld", cases[i].name,
			    (long long)rule.rpm, (long long)rule.tpd, (long long)cases[i].rpm,
			    (long long)cases[i].tpd);
	}
	arena_free(a);
}

static void test_nothing_is_limited(void **state)
{
	struct temp_db *t = *state;
	struct limit_rules rules;

	CHECK(limit_load(t->db, t->arena, STR(""), &rules, &t->err), &t->err);
	assert_false(rules.any);
	CHECK(limit_load(t->db, t->arena, STR("{}"), &rules, &t->err), &t->err);
	assert_false(rules.any);
}

static void test_option_errors(void **state)
{
	static const struct {
		const char *json, *want;
	} cases[] = {
		{ "", NULL },
		{ "{}", NULL },
		{ option, NULL },
		{ "{\"group:a b\":{\"budget_week\":5,\"timezone\":\"UTC\"}}", NULL },
		{ "[", "" },
		{ "[]", "JSON object" },
		{ "{\"keys\":{}}", "'keys' is none of" },
		{ "{\"key\":5}", "'key' must be an object" },
		{ "{\"key:5\":{}}", "'key:5' is none of" },
		{ "{\"group:\":{}}", "'group:' is none of" },
		{ "{\"channel:0\":{}}", "'channel:0' is none of" },
		{ "{\"channel:01\":{}}", "'channel:01' is none of" },
		{ "{\"address:192.0.2.1\":{}}", "is none of" },
		{ "{\"group@vip\":{}}", "is none of" },
		{ "{\"key\":{\"rpm\":\"5\"}}", "'key': rpm must be a whole number" },
		{ "{\"key\":{\"rpm\":1e30}}", "'key': rpm must be a whole number" },
		{ "{\"key\":{\"Rpm\":5}}", "'key' has no setting 'Rpm'" },
		{ "{\"key\":{\"timezone\":5}}", "'key': timezone must be text" },
		{ "{\"key\":{\"timezone\":\"../etc\"}}", "'key': there is no time zone" },
		{ "{\"address\":{\"budget_day\":5,\"timezone\":\"Asia/Tokyo\"}}", NULL },
		{ "{\"channel\":{\"budget_day\":5},\"channel:7\":{\"budget_month\":9}}", NULL },
		{ "{\"channel\":{\"budget_day\":-5}}", "'channel': budget_day must be" },
		{ "{\"key\":{},\"key\":{}}", "two entries" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct err err = { 0 };
		bool ok = limit_check(str_c(cases[i].json), &err);

		if (ok != (cases[i].want == NULL))
			fail_msg("%s: got %d (%s)", cases[i].json, ok, err.msg);
		if (!ok && (err.kind != ERR_BAD_REQUEST || !strstr(err.msg, cases[i].want)))
			fail_msg("%s: got '%s', want '%s'", cases[i].json, err.msg, cases[i].want);
	}
}

static void test_rows(void **state)
{
	static const struct {
		const char *name;
		struct limit_row row;
		bool want;
	} cases[] = {
		{ "key", { .scope = STR_INIT("key"), .subject = STR_INIT("1"), .tpm = 5 }, true },
		{ "again", { .scope = STR_INIT("key"), .subject = STR_INIT("1"), .tpm = 6 }, true },
		{ "group", { .scope = STR_INIT("group"), .subject = STR_INIT("ü"), .rpm = 1 },
		    true },
		{ "no scope", { .scope = STR_INIT("kez"), .subject = STR_INIT("1") }, false },
		{ "address", { .scope = STR_INIT("address"), .subject = STR_INIT("1") }, false },
		{ "no id", { .scope = STR_INIT("user"), .subject = STR_INIT("anna") }, false },
		{ "below zero", { .scope = STR_INIT("user"), .subject = STR_INIT("1"), .rpm = -1 },
		    false },
		{ "a channel's budget",
		    { .scope = STR_INIT("channel"), .subject = STR_INIT("1"), .budget_day = 1 },
		    true },
		{ "no such zone",
		    { .scope = STR_INIT("user"),
		        .subject = STR_INIT("1"),
		        .timezone = STR_INIT("X") },
		    false },
	};
	struct temp_db *t = *state;
	struct limit_row *rows;
	int64_t before = 0, after = 0;
	size_t count;

	CHECK(catalog_version(t->db, &before, &t->err), &t->err);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct err err = { 0 };

		if (limit_row_put(t->db, &cases[i].row, &err) != cases[i].want)
			fail_msg("%s: got the opposite (%s)", cases[i].name, err.msg);
	}
	CHECK(catalog_version(t->db, &after, &t->err), &t->err);
	assert_int_equal(after - before, 4);
	CHECK(limit_row_page(t->db, t->arena, STR(""), STR(""), 10, &rows, &count, &t->err),
	    &t->err);
	assert_int_equal(count, 3);
	CHECK_TEXT(rows[0].scope, "channel");
	assert_int_equal(rows[0].budget_day, 1);
	CHECK_TEXT(rows[1].scope, "group");
	assert_int_equal(rows[2].tpm, 6);
	CHECK(limit_row_page(t->db, t->arena, STR("group"), STR("ü"), 10, &rows, &count, &t->err),
	    &t->err);
	assert_int_equal(count, 1);
	CHECK(limit_row_delete(t->db, STR("key"), STR("1"), &t->err), &t->err);
	assert_false(limit_row_delete(t->db, STR("key"), STR("1"), &t->err));
	assert_int_equal(t->err.kind, ERR_NOT_FOUND);
}

/* ---- entries -------------------------------------------------------------------------------- */

static struct mapping *shared;
static struct limit_counters counters;

static struct limit_entry entry(const char *subject, const struct limit_rule *rule)
{
	struct limit_entry e;

	limit_entry_init(&e, &counters, LIMIT_KEY, str_c(subject), rule);
	return e;
}

static int64_t tokens_left(const struct limit_entry *e, enum limit_kind kind)
{
	struct rate_view view;

	assert_true(rate_take(counters.rates, e->keys[kind], limit_entry_rate(e, kind), 0, &view));
	return view.remaining;
}

static void test_order_and_refusals(void **state)
{
	static const struct {
		const char *name;
		struct limit_rule rule;
		int before; /* entered already */
		int64_t tokens;
		const char *type, *text; /* NULL: let in */
		int retry_min_s, retry_max_s;
	} cases[] = {
		{ "nothing set", { 0 }, 100, 1000000, NULL, NULL, 0, 0 },
		{ "places", { .parallel = 2, .rpm = 2 }, 2, 1, "requests", "at the same time", 1,
		    1 },
		{ "requests", { .rpm = 2, .tpm = 100 }, 2, 50, "requests", "(RPM)", 29, 30 },
		{ "tokens a minute", { .rpm = 9, .tpm = 100 }, 2, 40, "tokens", "(TPM)", 11, 12 },
		{ "tokens a day", { .tpm = 9999, .tpd = 100 }, 2, 40, "tokens", "(TPD)", 17270,
		    17280 },
		{ "too large at all", { .tpm = 100 }, 0, 101, "tokens", "request too large", 0, 0 },
		{ "exactly all", { .tpm = 100 }, 0, 100, NULL, NULL, 0, 0 },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct limit_entry e, last;
		struct err err = { 0 };
		bool ok;

		for (int n = 0; n < cases[i].before; n++) {
			e = entry(cases[i].name, &cases[i].rule);
			CHECK(limit_entry_enter(&e, &counters, cases[i].tokens, &err), &err);
		}
		last = entry(cases[i].name, &cases[i].rule);
		ok = limit_entry_enter(&last, &counters, cases[i].tokens, &err);
		if (ok != (cases[i].type == NULL))
			fail_msg("%s: got %d (%s)", cases[i].name, ok, err.msg);
		if (ok)
			continue;
		if (strcmp(err_type(&err), cases[i].type) != 0 || !strstr(err.msg, cases[i].text))
			fail_msg("%s: got %s, '%s'", cases[i].name, err_type(&err), err.msg);
		assert_string_equal(err_code(&err), "rate_limit_exceeded");
		if (err.retry_after_s < cases[i].retry_min_s ||
		    err.retry_after_s > cases[i].retry_max_s)
			fail_msg("%s: retry after %d s, want %d to %d", cases[i].name,
			    err.retry_after_s, cases[i].retry_min_s, cases[i].retry_max_s);
		assert_false(last.entered);
	}
}

/* The third check refuses: what the first two took comes back. */
static void test_refused_gives_back(void **state)
{
	static const struct limit_rule rule = { .rpm = 10, .tpm = 1000, .tpd = 100, .parallel = 5 };
	struct limit_entry e = entry("gives back", &rule);
	struct err err = { 0 };

	assert_false(limit_entry_enter(&e, &counters, 101, &err));
	assert_int_equal(tokens_left(&e, LIMIT_RPM), 10);
	assert_int_equal(tokens_left(&e, LIMIT_TPM), 1000);
	assert_int_equal(tokens_left(&e, LIMIT_TPD), 100);
	assert_int_equal(e.place.cell, 0);
}

static void test_finish_and_undo(void **state)
{
	static const struct limit_rule rule = { .rpm = 10, .tpm = 100000, .parallel = 1 };
	struct limit_entry e = entry("finish", &rule), f = entry("finish", &rule);
	struct err err = { 0 };

	CHECK(limit_entry_enter(&e, &counters, 5000, &err), &err);
	assert_false(limit_entry_is_free(&f, &counters, 1));
	limit_entry_finish(&e, &counters, 40000);
	assert_in_range(tokens_left(&e, LIMIT_TPM), 60000, 60100);
	assert_int_equal(tokens_left(&e, LIMIT_RPM), 9);
	limit_entry_finish(&e, &counters, 40000); /* once only */
	assert_in_range(tokens_left(&e, LIMIT_TPM), 60000, 60100);

	assert_true(limit_entry_is_free(&f, &counters, 50000));
	assert_false(limit_entry_is_free(&f, &counters, 70000));
	CHECK(limit_entry_enter(&f, &counters, 50000, &err), &err);
	limit_entry_undo(&f, &counters);
	assert_in_range(tokens_left(&e, LIMIT_TPM), 60000, 60200);
	assert_int_equal(tokens_left(&e, LIMIT_RPM), 9);
	assert_true(limit_entry_is_free(&e, &counters, 1));
}

static void test_fake_clock(void **state)
{
	static const struct limit_rule rule = { .rpm = 6 };
	struct limit_entry e = entry("clock", &rule);
	struct err err = { 0 };

	for (int i = 0; i < 6; i++)
		CHECK(limit_entry_enter(&e, &counters, 1, &err), &err);
	assert_false(limit_entry_enter(&e, &counters, 1, &err));
	clock_test_advance(10000); /* one every ten seconds */
	err_clear(&err);
	CHECK(limit_entry_enter(&e, &counters, 1, &err), &err);
	assert_false(limit_entry_enter(&e, &counters, 1, &err));
	clock_test_advance(600000);
	for (int i = 0; i < 6; i++)
		CHECK(limit_entry_enter(&e, &counters, 1, &err), &err);
	assert_false(limit_entry_enter(&e, &counters, 1, &err));
}

/* Threads of three processes want 4000 requests, 900 are allowed. */
static _Atomic(int) entered;

static void *hammer(void *arg)
{
	static const struct limit_rule rule = { .rpm = 900, .parallel = 1000000, .tpd = 100000000 };
	struct limit_entry e;

	limit_entry_init(&e, arg, LIMIT_USER, STR("hammer"), &rule);
	for (int i = 0; i < 400; i++) {
		struct err err = { 0 };

		if (!limit_entry_enter(&e, arg, 3, &err))
			continue;
		entered++;
		limit_entry_finish(&e, arg, 5);
	}
	return NULL;
}

static int hammer_process(const char *path)
{
	struct limit_counters own;
	struct mapping *m;
	struct err err = { 0 };
	pthread_t threads[3];

	entered = 0;
	if (!mapping_open(path, &m, &err))
		return 0;
	limit_counters_init(&own, m);
	for (size_t i = 0; i < COUNT_OF(threads); i++)
		pthread_create(&threads[i], NULL, hammer, &own);
	for (size_t i = 0; i < COUNT_OF(threads); i++)
		pthread_join(threads[i], NULL);
	limit_counters_release(&own);
	mapping_close(m);
	return entered;
}

static void test_hammer(void **state)
{
	char path[] = "/tmp/test_limits.XXXXXX";
	int fd = mkstemp(path), pipe_fds[2], sum = 0, got;
	int64_t begun = clock_mono_ms(), late;

	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(pipe(pipe_fds), 0);
	for (int i = 0; i < 3; i++) {
		if (fork() == 0) {
			got = hammer_process(path);
			_exit(write(pipe_fds[1], &got, sizeof(got)) != sizeof(got));
		}
	}
	for (int i = 0; i < 3; i++) {
		assert_int_equal(read(pipe_fds[0], &got, sizeof(got)), sizeof(got));
		sum += got;
	}
	while (wait(NULL) > 0)
		;
	close(pipe_fds[0]);
	close(pipe_fds[1]);
	unlink(path);
	late = (clock_mono_ms() - begun) / 66 + 1; /* one more every 66.7 ms */
	assert_in_range(sum, 900, 900 + late);
}

static void test_durations(void **state)
{
	/* Those of OpenAI's guide and of replies seen, and what follows from them. */
	static const struct {
		int64_t ms;
		const char *want;
	} cases[] = {
		{ 0, "0s" },
		{ 12, "12ms" },
		{ 999, "999ms" },
		{ 1000, "1s" },
		{ 1500, "1.5s" },
		{ 8640, "8.64s" },
		{ 59999, "59.999s" },
		{ 60000, "1m0s" },
		{ 93504, "1m33.504s" },
		{ 360000, "6m0s" },
		{ 3600000, "1h0m0s" },
		{ 86400000, "24h0m0s" },
		{ 72000010, "20h0m0.01s" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char got[LIMIT_DURATION_MAX];

		limit_duration(cases[i].ms, got);
		if (strcmp(got, cases[i].want) != 0)
			fail_msg("%lld ms: got %s, want %s", (long long)cases[i].ms, got,
			    cases[i].want);
	}
}

static int open_counters(void **state)
{
	struct err err = { 0 };

	if (!mapping_open("", &shared, &err))
		return -1;
	limit_counters_init(&counters, shared);
	return 0;
}

static int close_counters(void **state)
{
	limit_counters_release(&counters);
	mapping_close(shared);
	return 0;
}

int main(void)
{
	static const struct CMUnitTest rules[] = {
		DB_TEST(test_most_exact_rule),
		DB_TEST(test_nothing_is_limited),
		DB_TEST(test_rows),
	};
	static const struct CMUnitTest entries[] = {
		cmocka_unit_test(test_option_errors),
		cmocka_unit_test(test_order_and_refusals),
		cmocka_unit_test(test_refused_gives_back),
		cmocka_unit_test(test_finish_and_undo),
		cmocka_unit_test(test_fake_clock),
		cmocka_unit_test(test_hammer),
		cmocka_unit_test(test_durations),
	};
	int failed = temp_db_run("limit rules", rules, COUNT_OF(rules));

	return failed +
	    cmocka_run_group_tests_name("limits", entries, open_counters, close_counters);
}
