/* test_admin_tokens.c — /api/token: the keys of whoever asks */
#include "admin_room.h"

#include "base/clock.h"

static void test_create(void **state)
{
	static const struct step steps[] = {
		{ "empty list", "anna", "GET", "/api/token", NULL, 200, "\"data\":[]", NULL },
		{ "all members", "anna", "POST", "/api/token",
		    "{\"name\":\"k\",\"expired_time\":0,\"remain_quota\":5,\"unlimited_quota\":"
		    "false,"
		    "\"models\":\" gpt-4o ,, gpt-4o-mini\",\"subnet\":\"10.0.0.0/8, 192.0.2.7\","
		    "\"id\":77,\"user_id\":1,\"used_quota\":9}",
		    200, "\"status\":1,\"name\":\"k\",", "\"id\":77" },
		{ "as stored", "anna", "GET", "/api/token/1", NULL, 200,
		    "\"expired_time\":-1,\"remain_quota\":5,\"unlimited_quota\":false,\"used_"
		    "quota\":0,"
		    "\"models\":\"gpt-4o,gpt-4o-mini\",\"subnet\":\"10.0.0.0/8,192.0.2.7\",",
		    NULL },
		{ "nothing sent", "anna", "POST", "/api/token", "{}", 200, "\"name\":\"\",", NULL },
		{ "models is text, never null", "anna", "GET", "/api/token/2", NULL, 200,
		    "\"models\":\"\",\"subnet\":\"\",", "null" },
		{ "30 bytes", "anna", "POST", "/api/token",
		    "{\"name\":\"123456789012345678901234567890\"}", 200, SUCCESS, NULL },
		{ "31 bytes", "anna", "POST", "/api/token",
		    "{\"name\":\"1234567890123456789012345678901\"}", 200, "name too long", NULL },
		{ "bad network", "anna", "POST", "/api/token",
		    "{\"subnet\":\"10.0.0.0/8,nowhere\"}", 200, "invalid network nowhere", NULL },
		{ "negative limit", "anna", "POST", "/api/token", "{\"remain_quota\":-1}", 200,
		    "\"message\":\"Invalid parameter: remain_quota\"", NULL },
		{ "negative but unlimited", "anna", "POST", "/api/token",
		    "{\"remain_quota\":-1,\"unlimited_quota\":true}", 200, SUCCESS, NULL },
	};
	struct answer a;
	struct str key;
	struct room m;

	room_open(&m);
	room_walk(&m, steps, COUNT_OF(steps));
	a = room_as(&m, "anna", "GET", "/api/token/1", NULL);
	key = json_str_at(a.tree, "data.key");
	assert_int_equal(key.n, 48);
	assert_false(str_starts(key, STR("sk-")));
	assert_int_equal(json_int_at(a.tree, "data.user_id", -1), m.anna);
	room_close(&m);
}

static void test_ownership(void **state)
{
	static const struct step steps[] = {
		{ "anna's", "anna", "POST", "/api/token", "{\"name\":\"mine\"}", 200, SUCCESS,
		    NULL },
		{ "not in root's list", "root", "GET", "/api/token", NULL, 200, "\"data\":[]",
		    NULL },
		{ "not for root", "root", "GET", "/api/token/1", NULL, 200, "Record not found",
		    NULL },
		{ "not changed by root", "root", "PUT", "/api/token", "{\"id\":1,\"name\":\"x\"}",
		    200, "Record not found", NULL },
		{ "not deleted by root", "root", "DELETE", "/api/token/1", NULL, 200,
		    "Record not found", NULL },
		{ "search by prefix", "anna", "GET", "/api/token/search?keyword=mi", NULL, 200,
		    "\"name\":\"mine\"", NULL },
		{ "search in the middle", "anna", "GET", "/api/token/search?keyword=ine", NULL, 200,
		    "\"data\":[]", NULL },
		{ "delete", "anna", "DELETE", "/api/token/1", NULL, 200, SUCCESS, NULL },
		{ "gone", "anna", "GET", "/api/token/1", NULL, 200, "Record not found", NULL },
		{ "twice", "anna", "DELETE", "/api/token/1", NULL, 200, "Record not found", NULL },
	};

	room_try(steps, COUNT_OF(steps));
}

static void test_update(void **state)
{
	static const struct step steps[] = {
		{ "make", "anna", "POST", "/api/token",
		    "{\"name\":\"k\",\"remain_quota\":5,\"models\":\"a,b\",\"expired_time\":-1}",
		    200, SUCCESS, NULL },
		{ "one member, the rest stays", "anna", "PUT", "/api/token",
		    "{\"id\":1,\"remain_quota\":7}", 200,
		    "\"expired_time\":-1,\"remain_quota\":7,\"unlimited_quota\":false,\"used_"
		    "quota\":0,"
		    "\"models\":\"a,b\"",
		    NULL },
		{ "emptied", "anna", "PUT", "/api/token", "{\"id\":1,\"models\":\"\"}", 200,
		    "\"models\":\"\"", NULL },
		{ "a full update does not disable", "anna", "PUT", "/api/token",
		    "{\"id\":1,\"status\":2,\"name\":\"n\"}", 200, "\"status\":1,\"name\":\"n\"",
		    NULL },
		{ "status only", "anna", "PUT", "/api/token?status_only=true",
		    "{\"id\":1,\"status\":2,\"name\":\"no\"}", 200, "\"status\":2,\"name\":\"n\"",
		    NULL },
		{ "status 7", "anna", "PUT", "/api/token?status_only=true",
		    "{\"id\":1,\"status\":7}", 200, "Invalid parameter", NULL },
		{ "status on", "anna", "PUT", "/api/token?status_only=true",
		    "{\"id\":1,\"status\":1}", 200, "\"status\":1,", NULL },
		{ "no id", "anna", "PUT", "/api/token", "{\"name\":\"x\"}", 200,
		    "The id is missing", NULL },
		{ "negative", "anna", "PUT", "/api/token", "{\"id\":1,\"remain_quota\":-5}", 200,
		    FAILURE, NULL },
		{ "and nothing happened", "anna", "GET", "/api/token/1", NULL, 200,
		    "\"remain_quota\":7,", NULL },
	};

	room_try(steps, COUNT_OF(steps));
}

/* A key that the gateway stopped, and what its owner can do about it. */
static void test_stopped_keys(void **state)
{
	static const struct {
		const char *name;
		int status;
		const char *made, *target, *body, *want;
	} cases[] = {
		{ "expired stays expired", TOKEN_EXPIRED, "{\"expired_time\":1,\"remain_quota\":5}",
		    "/api/token?status_only=1", "{\"id\":1,\"status\":1}", "The key has expired" },
		{ "extended works again", TOKEN_EXPIRED, "{\"expired_time\":1,\"remain_quota\":5}",
		    "/api/token", "{\"id\":1,\"expired_time\":-1}", "\"status\":1," },
		{ "renamed stays expired", TOKEN_EXPIRED, "{\"expired_time\":1,\"remain_quota\":5}",
		    "/api/token", "{\"id\":1,\"name\":\"x\"}", "\"status\":3," },
		{ "exhausted stays exhausted", TOKEN_EXHAUSTED, "{\"remain_quota\":0}",
		    "/api/token?status_only=1", "{\"id\":1,\"status\":1}", "no quota left" },
		{ "filled works again", TOKEN_EXHAUSTED, "{\"remain_quota\":0}", "/api/token",
		    "{\"id\":1,\"remain_quota\":10}", "\"status\":1," },
		{ "unlimited works again", TOKEN_EXHAUSTED, "{\"remain_quota\":0}", "/api/token",
		    "{\"id\":1,\"unlimited_quota\":true}", "\"status\":1," },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct answer a;
		struct room m;

		room_open(&m);
		a = room_as(&m, "anna", "POST", "/api/token", cases[i].made);
		assert_non_null(strstr(a.body, SUCCESS));
		room_must(token_set_status(m.db, 1, cases[i].status, &err));
		a = room_as(&m, "anna", "PUT", cases[i].target, cases[i].body);
		if (!strstr(a.body, cases[i].want))
			fail_msg("%s: got %s, want %s", cases[i].name, a.body, cases[i].want);
		room_close(&m);
	}
}

static void test_order_and_ceiling(void **state)
{
	struct answer a;
	struct room m;

	room_open(&m);
	room_as(&m, "anna", "POST", "/api/token", "{\"remain_quota\":5}");
	room_as(&m, "anna", "POST", "/api/token", "{\"unlimited_quota\":true}");
	room_as(&m, "anna", "POST", "/api/token", "{\"remain_quota\":9}");
	a = room_as(&m, "anna", "GET", "/api/token?order=remain_quota", NULL);
	assert_int_equal(json_int_at(a.tree, "data.0.id", -1), 2);
	assert_int_equal(json_int_at(a.tree, "data.1.id", -1), 3);
	assert_int_equal(json_int_at(a.tree, "data.2.id", -1), 1);
	a = room_as(&m, "anna", "GET", "/api/token", NULL);
	assert_int_equal(json_int_at(a.tree, "data.0.id", -1), 3);

	room_must(db_begin(m.db, &err));
	for (int i = 3; i < 1000; i++) {
		struct token t = { .user_id = m.anna, .status = TOKEN_ENABLED, .expired_time = -1 };

		room_must(token_insert(m.db, m.admin.rt.box, room_arena, &t, &err));
	}
	room_must(db_commit(m.db, &err));
	a = room_as(&m, "anna", "POST", "/api/token", "{}");
	assert_non_null(strstr(a.body, "at most 1000 keys"));
	a = room_as(&m, "anna", "GET", "/api/token?p=99", NULL);
	assert_int_equal(cJSON_GetArraySize(json_at(a.tree, "data")), 10);
	room_close(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_create),
		cmocka_unit_test(test_ownership),
		cmocka_unit_test(test_update),
		cmocka_unit_test(test_stopped_keys),
		cmocka_unit_test(test_order_and_ceiling),
	};

	return cmocka_run_group_tests_name("admin tokens", tests, NULL, NULL);
}
