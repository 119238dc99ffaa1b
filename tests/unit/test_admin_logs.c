/* test_admin_logs.c — /api/log, its pages and CSV, and the dashboard */
#include "admin_room.h"

#include "store/capture.h"

#include "base/clock.h"
#include "../../fcgi-admin/csv.h"
#include "../../fcgi-admin/pager.h"
#include "store/logrow.h"
#include "store/usage.h"

static void add(struct room *m, const struct logrow *row)
{
	room_must(logrow_insert(m->db, row, &err));
}

static void fill(struct room *m)
{
	add(m,
	    &(struct logrow){ .user_id = m->anna,
	        .created_at = 100,
	        .type = LOG_TYPE_TOPUP,
	        .content = STR("paid"),
	        .username = STR("anna"),
	        .quota = 50 });
	add(m,
	    &(struct logrow){ .user_id = m->anna,
	        .created_at = 200,
	        .type = LOG_TYPE_CONSUME,
	        .username = STR("anna"),
	        .token_name = STR("k1"),
	        .model_name = STR("gpt-4o"),
	        .quota = 7,
	        .prompt_tokens = 5,
	        .completion_tokens = 6,
	        .channel = 4,
	        .request_id = STR("r-1"),
	        .elapsed_time = 12,
	        .origin_model = STR("gpt-4o"),
	        .cached_tokens = 3,
	        .attempts = 2,
	        .first_byte_ms = 9,
	        .upstream_status = 200,
	        .finish = FINISH_ABORTED,
	        .model_ratio = 1250000,
	        .completion_ratio = 4000000,
	        .group_ratio = 1000000,
	        .is_stream = true });
	add(m,
	    &(struct logrow){ .user_id = m->boss,
	        .created_at = 300,
	        .type = LOG_TYPE_CONSUME,
	        .username = STR("boss"),
	        .token_name = STR("k2"),
	        .model_name = STR("gpt-4"),
	        .quota = 11,
	        .channel = 5,
	        .request_id = STR("r-2") });
}

static void test_lists(void **state)
{
	static const struct step steps[] = {
		{ "all, newest first", "boss", "GET", "/api/log", NULL, 200,
		    "\"data\":[{\"id\":3,\"user_id\":2,\"created_at\":300,\"type\":2,", NULL },
		{ "every member", "boss", "GET", "/api/log?username=anna&type=2", NULL, 200,
		    "\"data\":[{\"id\":2,\"user_id\":3,\"created_at\":200,\"type\":2,\"content\":"
		    "\"\","
		    "\"username\":\"anna\",\"token_name\":\"k1\",\"model_name\":\"gpt-4o\","
		    "\"quota\":7,"
		    "\"prompt_tokens\":5,\"completion_tokens\":6,\"channel\":4,\"request_id\":\"r-"
		    "1\","
		    "\"elapsed_time\":12,\"is_stream\":true,\"system_prompt_reset\":false,"
		    "\"token_id\":0,\"origin_model\":\"gpt-4o\",\"upstream_model\":\"gpt-4o\","
		    "\"cached_tokens\":3,\"attempts\":2,\"first_token_ms\":9,\"http_status\":200,"
		    "\"finish\":\"aborted\",\"model_ratio\":1.25,\"completion_ratio\":4,"
		    "\"group_ratio\":1}]",
		    NULL },
		{ "only rows of requests have more", "boss", "GET", "/api/log?type=1", NULL, 200,
		    "\"system_prompt_reset\":false}]", "attempts" },
		{ "a total for who asks for pages of a size", "boss", "GET", "/api/log?page_size=2",
		    NULL, 200, "],\"total\":3}", NULL },
		{ "and on the last page", "boss", "GET", "/api/log?page_size=2&p=1", NULL, 200,
		    "],\"total\":3}", "\"id\":2," },
		{ "and of a filter", "boss", "GET", "/api/log?page_size=10&channel=4", NULL, 200,
		    "],\"total\":1}", NULL },
		{ "old clients get none", "boss", "GET", "/api/log", NULL, 200, "\"data\":[",
		    "total" },
		{ "model is exact", "boss", "GET", "/api/log?model_name=gpt-4", NULL, 200,
		    "\"id\":3,", "\"id\":2," },
		{ "channel", "boss", "GET", "/api/log?channel=4", NULL, 200, "\"id\":2,",
		    "\"id\":3," },
		{ "times are inclusive", "boss", "GET",
		    "/api/log?start_timestamp=200&end_timestamp=200", NULL, 200, "\"id\":2,",
		    "\"id\":3," },
		{ "NaN is no filter", "boss", "GET", "/api/log?start_timestamp=NaN&type=NaN", NULL,
		    200, "\"id\":3,", NULL },
		{ "past the end", "boss", "GET", "/api/log?p=5", NULL, 200, "\"data\":[]", NULL },
		{ "own rows, channel hidden", "anna", "GET", "/api/log/self", NULL, 200,
		    "\"id\":2,\"user_id\":3,", "\"channel\":4" },
		{ "own rows only", "anna", "GET", "/api/log/self?username=boss", NULL, 200,
		    "\"id\":1,", "\"id\":3," },
		{ "an admin's own rows show it", "boss", "GET", "/api/log/self", NULL, 200,
		    "\"channel\":5", NULL },
		{ "all rows are not for users", "anna", "GET", "/api/log", NULL, 200,
		    "Insufficient permission", NULL },
		{ "search by type", "boss", "GET", "/api/log/search?keyword=1", NULL, 200,
		    "\"paid\"", "gpt" },
		{ "search by text", "boss", "GET", "/api/log/search?keyword=gpt-4o", NULL, 200,
		    "\"id\":2,", "\"id\":3," },
		{ "own search", "anna", "GET", "/api/log/self/search?keyword=gpt", NULL, 200,
		    "\"id\":2,", "\"id\":3," },
		{ "sum counts consumption only", "boss", "GET", "/api/log/stat?type=1", NULL, 200,
		    "\"data\":{\"quota\":18,\"requests\":2,\"tokens\":11}", NULL },
		{ "sum of one", "boss", "GET", "/api/log/stat?username=anna", NULL, 200,
		    "\"data\":{\"quota\":7,\"requests\":1,\"tokens\":11}", NULL },
		{ "own sum", "anna", "GET", "/api/log/self/stat?username=boss", NULL, 200,
		    "\"data\":{\"quota\":7,\"requests\":1,\"tokens\":11}", NULL },
		{ "delete needs a time", "boss", "DELETE", "/api/log", NULL, 200,
		    "target_timestamp is required", NULL },
		{ "not for users", "anna", "DELETE", "/api/log?target_timestamp=999", NULL, 200,
		    "Insufficient permission", NULL },
		{ "delete before, exclusive", "boss", "DELETE", "/api/log?target_timestamp=300",
		    NULL, 200, "\"data\":2", NULL },
		{ "who did it", "root", "GET", "/api/log", NULL, 200,
		    "deleted 2 log rows before 300", "\"id\":2," },
		{ "the rest is there", "root", "GET", "/api/log?channel=5", NULL, 200, "\"id\":3,",
		    NULL },
	};
	struct room m;

	room_open(&m);
	fill(&m);
	room_walk(&m, steps, COUNT_OF(steps));
	room_close(&m);
}

static void test_delete_by_root_only(void **state)
{
	static const struct step steps[] = {
		{ "not for administrators then", "boss", "DELETE", "/api/log?target_timestamp=300",
		    NULL, 200, "Insufficient permission", NULL },
		{ "nothing is gone", "root", "GET", "/api/log", NULL, 200, "\"id\":2,", NULL },
		{ "for root", "root", "DELETE", "/api/log?target_timestamp=300", NULL, 200,
		    "\"data\":2", NULL },
		{ "who did it", "root", "GET", "/api/log?type=3", NULL, 200,
		    "deleted 2 log rows before 300", NULL },
	};
	struct room m;

	room_open(&m);
	fill(&m);
	assert_non_null(strstr(room_as(&m, "root", "PUT", "/api/option",
	                           "{\"key\":\"LogDeleteRootOnlyEnabled\",\"value\":true}")
	                           .body,
	    SUCCESS));
	room_settle(&m);
	room_walk(&m, steps, COUNT_OF(steps));
	room_close(&m);
}

static void test_dashboard(void **state)
{
	int64_t today;
	char day[16];
	time_t t;
	struct tm tm;
	struct answer a;
	struct room m;

	/* Noon: no day ends meanwhile. */
	clock_test_advance((86400 + 43200 - clock_unix() % 86400) * 1000);
	today = clock_unix() / 86400 * 86400;
	t = (time_t)today;
	room_open(&m);
	add(&m,
	    &(struct logrow){ .user_id = m.anna,
	        .created_at = today - 6 * 86400 - 1,
	        .type = 2,
	        .model_name = STR("too old"),
	        .quota = 1 });
	add(&m,
	    &(struct logrow){ .user_id = m.anna,
	        .created_at = today - 6 * 86400,
	        .type = 2,
	        .model_name = STR("old"),
	        .quota = 1 });
	for (int i = 0; i < 2; i++)
		add(&m,
		    &(struct logrow){ .user_id = m.anna,
		        .created_at = today,
		        .type = 2,
		        .model_name = STR("gpt-4o"),
		        .quota = 600,
		        .prompt_tokens = 50,
		        .completion_tokens = 25 });
	add(&m,
	    &(struct logrow){ .user_id = m.boss,
	        .created_at = today,
	        .type = 2,
	        .model_name = STR("of others"),
	        .quota = 1 });
	add(&m,
	    &(struct logrow){ .user_id = m.anna,
	        .created_at = today,
	        .type = 1,
	        .model_name = STR("no consumption"),
	        .quota = 1 });

	a = room_as(&m, "anna", "GET", "/api/user/dashboard", NULL);
	assert_int_equal(cJSON_GetArraySize(json_at(a.tree, "data")), 2);
	assert_true(str_eq_c(json_str_at(a.tree, "data.0.ModelName"), "old"));
	gmtime_r(&t, &tm);
	strftime(day, sizeof day, "%Y-%m-%d", &tm);
	assert_true(str_eq_c(json_str_at(a.tree, "data.1.Day"), day));
	assert_non_null(strstr(a.body,
	    "\"ModelName\":\"gpt-4o\",\"RequestCount\":2,\"Quota\":1200,"
	    "\"PromptTokens\":100,\"CompletionTokens\":50}"));
	room_close(&m);
}

/* Three rows: anna yesterday and today by two keys, boss today. */
static void fill_range(struct room *m, int64_t day)
{
	add(m,
	    &(struct logrow){ .user_id = m->anna,
	        .created_at = day - 1,
	        .type = 2,
	        .model_name = STR("a"),
	        .token_id = 1,
	        .channel = 4,
	        .quota = 10,
	        .cached_tokens = 2,
	        .elapsed_time = 30 });
	add(m,
	    &(struct logrow){ .user_id = m->anna,
	        .created_at = day + 3600,
	        .type = 2,
	        .model_name = STR("b"),
	        .token_id = 2,
	        .channel = 5,
	        .quota = 20 });
	add(m,
	    &(struct logrow){ .user_id = m->boss,
	        .created_at = day + 7200,
	        .type = 2,
	        .model_name = STR("b"),
	        .token_id = 3,
	        .channel = 5,
	        .quota = 40 });
}

static void test_dashboard_range(void **state)
{
	static const int64_t day = 1740096000; /* 2025-02-21 */
#define RANGE "/api/user/dashboard?start=1740009600&end=1740182400"
	static const struct step steps[] = {
		{ "own, by model", "anna", "GET", RANGE, NULL, 200,
		    "[{\"Day\":\"2025-02-20\",\"ModelName\":\"a\",\"RequestCount\":1,\"Quota\":10,"
		    "\"PromptTokens\":0,\"CompletionTokens\":0,\"CachedTokens\":2,\"ElapsedMs\":30,"
		    "\"Id\":0},{\"Day\":\"2025-02-21\",\"ModelName\":\"b\",\"RequestCount\":1,"
		    "\"Quota\":20,",
		    "\"Quota\":40" },
		{ "by key", "anna", "GET", RANGE "&by=key", NULL, 200, "\"Id\":2}", "\"Id\":3}" },
		{ "by the hour", "anna", "GET", RANGE "&step=hour", NULL, 200,
		    "{\"Day\":\"2025-02-21 01:00\",\"ModelName\":\"b\"", NULL },
		{ "another zone's days", "anna", "GET", RANGE "&tz=%2B02:00", NULL, 200,
		    "[{\"Day\":\"2025-02-21\",\"ModelName\":\"a\"", "2025-02-20" },
		{ "unknown zone", "anna", "GET", RANGE "&tz=Nowhere/Else", NULL, 200,
		    "Invalid parameter: tz", NULL },
		{ "the site is not for users", "anna", "GET", RANGE "&scope=site", NULL, 200,
		    "Insufficient permission", NULL },
		{ "nor are channels", "anna", "GET", RANGE "&by=channel", NULL, 200,
		    "Insufficient permission", NULL },
		{ "site by channel", "boss", "GET", RANGE "&scope=site&by=channel", NULL, 200,
		    "\"RequestCount\":2,\"Quota\":60,", NULL },
		{ "site by user", "boss", "GET", RANGE "&scope=site&by=user", NULL, 200,
		    "\"ModelName\":\"boss\",\"RequestCount\":1,\"Quota\":40,", NULL },
		{ "an admin's own", "boss", "GET", RANGE, NULL, 200, "\"Quota\":40",
		    "\"Quota\":20" },
		{ "too long", "boss", "GET", "/api/user/dashboard?start=1&end=1740182400", NULL,
		    200, "Invalid parameter: start", NULL },
		{ "backwards", "boss", "GET", "/api/user/dashboard?start=9&end=8", NULL, 200,
		    "Invalid parameter: end", NULL },
		{ "unknown step", "boss", "GET", RANGE "&step=week", NULL, 200,
		    "Invalid parameter: step", NULL },
		{ "unknown by", "boss", "GET", RANGE "&by=colour", NULL, 200,
		    "Invalid parameter: by", NULL },
	};
	struct room m;

	room_open(&m);
	fill_range(&m, day);
	room_walk(&m, steps, COUNT_OF(steps));
	room_must(usage_catch_up(m.db, &err));
	room_walk(&m, steps, COUNT_OF(steps));
	room_close(&m);
}

/* The place where a page ended is where the next begins, whatever came in meanwhile. */
static void test_pages_keep_their_place(void **state)
{
	struct pager *pager = pager_new();
	struct answer a;
	struct room m;

	room_open(&m);
	m.admin.pager = pager;
	for (int i = 0; i < 25; i++)
		add(&m, &(struct logrow){ .created_at = 100 + i, .type = 2 });
	a = room_as(&m, "boss", "GET", "/api/log?p=0", NULL);
	assert_int_equal(json_int_at(a.tree, "data.9.id", 0), 16);
	add(&m, &(struct logrow){ .created_at = 200, .type = 2 });
	a = room_as(&m, "boss", "GET", "/api/log?p=1", NULL);
	assert_int_equal(json_int_at(a.tree, "data.0.id", 0), 15);
	/* Somebody else, and another filter, begin by themselves. */
	a = room_as(&m, "root", "GET", "/api/log?p=1", NULL);
	assert_int_equal(json_int_at(a.tree, "data.0.id", 0), 16);
	a = room_as(&m, "boss", "GET", "/api/log?p=1&type=2", NULL);
	assert_int_equal(json_int_at(a.tree, "data.0.id", 0), 16);
	/* The first page is always the newest. */
	a = room_as(&m, "boss", "GET", "/api/log?p=0", NULL);
	assert_int_equal(json_int_at(a.tree, "data.0.id", 0), 26);
	room_close(&m);
	pager_free(pager);
}

static void test_csv(void **state)
{
	static const struct {
		const char *name, *in, *want;
	} cases[] = {
		{ "plain", "abc", "\"abc\"" },
		{ "empty", "", "\"\"" },
		{ "quotes", "a \"b\"", "\"a \"\"b\"\"\"" },
		{ "comma and line", "a,b\nc", "\"a,b\nc\"" },
		{ "formula", "=1+1", "\"'=1+1\"" },
		{ "formula in full width", "\xef\xbc\x9d\x31+1", "\"'\xef\xbc\x9d\x31+1\"" },
		{ "formula of the next line", "\n=1", "\"'\n=1\"" },
		{ "plus", "+1", "\"'+1\"" },
		{ "minus", "-1", "\"'-1\"" },
		{ "at", "@SUM(A1)", "\"'@SUM(A1)\"" },
		{ "tab", "\t=1", "\"'\t=1\"" },
		{ "formula further on", "a=1", "\"a=1\"" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct buf b = buf_init(1024);

		csv_text(&b, str_c(cases[i].in));
		if (!str_eq_c(buf_str(&b), cases[i].want))
			fail_msg("%s: got %s, want %s", cases[i].name, b.data, cases[i].want);
		buf_clear(&b);
		csv_int(&b, -5);
		csv_text(&b, str_c("x"));
		csv_end(&b);
		assert_string_equal(b.data, "-5,\"x\"\r\n");
		buf_release(&b);
	}
}

static void keep_bodies(struct room *m, const char *request_id, int64_t user_id)
{
	struct buf packed = buf_init(4096);
	struct capture c = { .request_id = str_c(request_id),
		.user_id = user_id,
		.created_at = 1000 };

	capture_pack(STR("asked"), &packed);
	c.request = buf_str(&packed);
	c.response = buf_str(&packed);
	c.request_bytes = 5;
	c.response_bytes = 5;
	c.request_total = 5;
	c.response_total = 5;
	room_must(capture_put(m->db, &c, &err));
	buf_release(&packed);
}

/* Bodies are private like the rest of an account: own ones, and of whom one outranks. */
static void test_bodies(void **state)
{
	static const struct step steps[] = {
		{ "own", "anna", "GET", "/api/log/of-anna/capture", NULL, 200,
		    "\"request\":\"asked\"", NULL },
		{ "others'", "anna", "GET", "/api/log/of-boss/capture", NULL, 200,
		    "Record not found", "asked" },
		{ "a user's", "boss", "GET", "/api/log/of-anna/capture", NULL, 200, SUCCESS, NULL },
		{ "an administrator's own", "boss", "GET", "/api/log/of-boss/capture", NULL, 200,
		    SUCCESS, NULL },
		{ "root's", "boss", "GET", "/api/log/of-root/capture", NULL, 200, FAILURE,
		    "asked" },
		{ "root", "root", "GET", "/api/log/of-boss/capture", NULL, 200, SUCCESS, NULL },
		{ "who read what stays", "root", "DELETE", "/api/log?target_timestamp=9999999999",
		    NULL, 200, SUCCESS, NULL },
		{ "by root", "root", "GET", "/api/audit?subject=log&subject_id=of-boss&page_size=1",
		    NULL, 200,
		    "\"username\":\"root\",\"address\":\"192.0.2.1\",\"request_id\":\"req-1\","
		    "\"action\":\"GET /api/log/:request_id/capture\",\"subject\":\"log\","
		    "\"subject_id\":\"of-boss\",\"before\":null,\"after\":null}],\"total\":2}",
		    NULL },
		{ "by an administrator", "root", "GET", "/api/audit?user_id=2&subject=log", NULL,
		    200, "\"subject_id\":\"of-anna\",\"before\":null,\"after\":null}],\"total\":2}",
		    "of-root" },
		{ "not by users", "root", "GET", "/api/audit?user_id=3", NULL, 200,
		    "\"data\":[],\"total\":0}", NULL },
	};
	struct room m;

	room_open(&m);
	keep_bodies(&m, "of-root", m.root);
	keep_bodies(&m, "of-boss", m.boss);
	keep_bodies(&m, "of-anna", m.anna);
	room_walk(&m, steps, COUNT_OF(steps));
	room_close(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_delete_by_root_only),
		cmocka_unit_test(test_dashboard),
		cmocka_unit_test(test_dashboard_range),
		cmocka_unit_test(test_pages_keep_their_place),
		cmocka_unit_test(test_csv),
		cmocka_unit_test(test_bodies),
	};

	return cmocka_run_group_tests_name("admin logs", tests, NULL, NULL);
}
