/* test_admin_logs.c — /api/log and the dashboard */
#include "admin_room.h"

#include "base/clock.h"
#include "store/logrow.h"

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
		    "\"elapsed_time\":12,\"is_stream\":true,\"system_prompt_reset\":false}]",
		    NULL },
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
		    "\"data\":{\"quota\":18}", NULL },
		{ "sum of one", "boss", "GET", "/api/log/stat?username=anna", NULL, 200,
		    "\"data\":{\"quota\":7}", NULL },
		{ "own sum", "anna", "GET", "/api/log/self/stat?username=boss", NULL, 200,
		    "\"data\":{\"quota\":7}", NULL },
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

static void test_dashboard(void **state)
{
	int64_t today = clock_unix() / 86400 * 86400;
	char day[16];
	time_t t = (time_t)today;
	struct tm tm;
	struct answer a;
	struct room m;

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_dashboard),
	};

	return cmocka_run_group_tests_name("admin logs", tests, NULL, NULL);
}
