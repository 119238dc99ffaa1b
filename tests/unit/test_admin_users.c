/* test_admin_users.c — /api/user and /api/topup for administrators */
#include "admin_room.h"

#include "billing/quota.h"
#include "store/logrow.h"

static int64_t number_of(struct room *m, const char *name, const char *member)
{
	char path[64];
	struct answer a = room_as(m, name, "GET", "/api/user/self", NULL);

	snprintf(path, sizeof path, "data.%s", member);
	return json_int_at(a.tree, path, INT64_MIN);
}

static void test_reading(void **state)
{
	static const struct step steps[] = {
		{ "list, newest first", "boss", "GET", "/api/user", NULL, 200,
		    "\"data\":[{\"id\":3,\"username\":\"anna\",\"password\":\"\"", "scrypt" },
		{ "no access token of anybody", "boss", "GET", "/api/user?p=0", NULL, 200,
		    "\"access_token\":\"\"", "token-" },
		{ "past the end", "boss", "GET", "/api/user?p=1", NULL, 200, "\"data\":[]", NULL },
		{ "negative page is the first", "boss", "GET", "/api/user?p=-3", NULL, 200,
		    "\"id\":3,", NULL },
		{ "page size", "boss", "GET", "/api/user?page_size=1&p=1", NULL, 200,
		    "\"data\":[{\"id\":2,", "\"id\":1," },
		{ "search by prefix", "boss", "GET", "/api/user/search?keyword=an", NULL, 200,
		    "\"username\":\"anna\"", "boss" },
		{ "search by id", "boss", "GET", "/api/user/search?keyword=2", NULL, 200,
		    "\"username\":\"boss\"", "anna" },
		{ "a percent sign is a letter", "boss", "GET", "/api/user/search?keyword=%25", NULL,
		    200, "\"data\":[]", NULL },
		{ "one", "boss", "GET", "/api/user/3", NULL, 200, "\"username\":\"anna\"", NULL },
		{ "not above oneself", "boss", "GET", "/api/user/1", NULL, 200,
		    "No permission to view users", "data" },
		{ "not a number", "boss", "GET", "/api/user/x", NULL, 200, "Invalid parameter",
		    NULL },
		{ "unknown", "boss", "GET", "/api/user/77", NULL, 200, "Record not found", NULL },
	};

	room_try(steps, COUNT_OF(steps));
}

static void test_create(void **state)
{
	static const struct step steps[] = {
		{ "new", "boss", "POST", "/api/user",
		    "{\"username\":\"bert\",\"password\":\"12345678\",\"quota\":77,\"group\":"
		    "\"vip\","
		    "\"role\":1}",
		    200, SUCCESS, "data" },
		{ "role 1, group default, no quota of choice", "boss", "GET", "/api/user/4", NULL,
		    200, "\"display_name\":\"bert\",\"role\":1,\"status\":1,", "\"quota\":77" },
		{ "taken without case", "boss", "POST", "/api/user",
		    "{\"username\":\"BERT\",\"password\":\"12345678\"}", 200,
		    "This user name is taken", NULL },
		{ "own level", "boss", "POST", "/api/user",
		    "{\"username\":\"carl\",\"password\":\"12345678\",\"role\":10}", 200,
		    "level must be below your own", NULL },
		{ "no name", "boss", "POST", "/api/user", "{\"password\":\"12345678\"}", 200,
		    "\"message\":\"Invalid parameter\"", NULL },
		{ "no password", "boss", "POST", "/api/user", "{\"username\":\"carl\"}", 200,
		    "\"message\":\"Invalid parameter\"", NULL },
		{ "an accent", "boss", "POST", "/api/user",
		    "{\"username\":\"\\u00c9ric\",\"password\":\"12345678\"}", 200, SUCCESS, NULL },
		{ "in the other case", "boss", "POST", "/api/user",
		    "{\"username\":\"\\u00e9RIC\",\"password\":\"12345678\"}", 200,
		    "This user name is taken", NULL },
		{ "long password", "boss", "POST", "/api/user",
		    "{\"username\":\"carl\",\"password\":"
		    "\"1234567890123456789012345678901234567890123456789012345678901234567890123\""
		    "}",
		    200, "Invalid input", NULL },
		{ "control character", "boss", "POST", "/api/user",
		    "{\"username\":\"ca\\trl\",\"password\":\"12345678\"}", 200, "Invalid input",
		    NULL },
	};
	struct token_list keys;
	struct room m;

	room_open(&m);
	room_must(option_save(m.db, m.admin.rt.box, OPT_QUOTA_FOR_NEW_USER, STR("250"), &err));
	room_settle(&m);
	room_walk(&m, steps, COUNT_OF(steps));
	assert_int_equal(
	    json_int_at(room_as(&m, "boss", "GET", "/api/user/4", NULL).tree, "data.quota", -1),
	    250);

	/* the key that every new account has */
	room_must(
	    token_page(m.db, m.admin.rt.box, room_arena, 4, TOKENS_BY_ID, 0, 10, &keys, &err));
	assert_int_equal(keys.count, 1);
	assert_true(str_eq_c(keys.items[0].name, "default"));
	assert_true(keys.items[0].unlimited_quota);
	assert_int_equal(keys.items[0].expired_time, TOKEN_NEVER_EXPIRES);
	assert_non_null(strstr(room_as(&m, "root", "GET", "/api/log?type=4", NULL).body,
	    "new user bonus $0.000500"));
	room_close(&m);
}

static void test_manage(void **state)
{
#define MANAGE(name, action) "{\"username\":\"" name "\",\"action\":\"" action "\"}"
	static const struct step steps[] = {
		{ "empty name", "root", "POST", "/api/user/manage", MANAGE("", "disable"), 200,
		    "\"message\":\"Invalid parameter\"", NULL },
		{ "unknown name", "root", "POST", "/api/user/manage", MANAGE("nemo", "disable"),
		    200, "User does not exist", NULL },
		{ "unknown action", "root", "POST", "/api/user/manage", MANAGE("anna", "tickle"),
		    200, "\"message\":\"Invalid parameter\"", NULL },
		{ "above oneself", "boss", "POST", "/api/user/manage", MANAGE("root", "disable"),
		    200, "No permission to change users", NULL },
		{ "oneself", "boss", "POST", "/api/user/manage", MANAGE("boss", "disable"), 200,
		    "No permission to change users", NULL },
		{ "promote as admin", "boss", "POST", "/api/user/manage", MANAGE("anna", "promote"),
		    200, "Only root can make administrators", NULL },
		{ "disable", "boss", "POST", "/api/user/manage", MANAGE("anna", "disable"), 200,
		    "\"role\":1,\"status\":2,", "anna" },
		{ "enable", "boss", "POST", "/api/user/manage", MANAGE("anna", "enable"), 200,
		    "\"role\":1,\"status\":1,", NULL },
		{ "enable by id", "boss", "POST", "/api/user/manage",
		    "{\"id\":3,\"action\":\"enable\"}", 200, "\"status\":1,", NULL },
		{ "promote", "root", "POST", "/api/user/manage", MANAGE("anna", "promote"), 200,
		    "\"role\":10,\"status\":1,", NULL },
		{ "promote again", "root", "POST", "/api/user/manage", MANAGE("anna", "promote"),
		    200, "already is an administrator", NULL },
		{ "demote", "root", "POST", "/api/user/manage", MANAGE("anna", "demote"), 200,
		    "\"role\":1,\"status\":1,", NULL },
		{ "demote again", "root", "POST", "/api/user/manage", MANAGE("anna", "demote"), 200,
		    "already is a common user", NULL },
		{ "root: disable", "root", "POST", "/api/user/manage", MANAGE("root", "disable"),
		    200, "The root account cannot be disabled", NULL },
		{ "root: delete", "root", "POST", "/api/user/manage", MANAGE("root", "delete"), 200,
		    "The root account cannot be deleted", NULL },
		{ "root: demote", "root", "POST", "/api/user/manage", MANAGE("root", "demote"), 200,
		    "The root account cannot be demoted", NULL },
		{ "delete", "boss", "POST", "/api/user/manage", MANAGE("anna", "delete"), 200,
		    "\"status\":3,", NULL },
		{ "deleted: gone from lists", "boss", "GET", "/api/user", NULL, 200, SUCCESS,
		    "\"id\":3," },
		{ "deleted: gone from search", "boss", "GET", "/api/user/search?keyword=3", NULL,
		    200, "\"data\":[]", NULL },
		{ "deleted: found when asked for", "boss", "GET",
		    "/api/user/search?keyword=3&status=3", NULL, 200, "\"username\":\"deleted_",
		    NULL },
		{ "only those of the status", "boss", "GET",
		    "/api/user/search?keyword=boss&status=3", NULL, 200, "\"data\":[]", NULL },
		{ "no such status: the living", "boss", "GET",
		    "/api/user/search?keyword=boss&status=9", NULL, 200, "\"username\":\"boss\"",
		    NULL },
		{ "deleted: enable does not raise the dead", "root", "POST", "/api/user/manage",
		    "{\"id\":3,\"action\":\"enable\"}", 200, "User does not exist", NULL },
		{ "each left a row", "root", "GET", "/api/log?type=3&username=anna", NULL, 200,
		    "administrator boss: disable user anna", NULL },
	};

	room_try(steps, COUNT_OF(steps));
}

static void test_update(void **state)
{
	static const struct step steps[] = {
		{ "no id", "boss", "PUT", "/api/user", "{\"username\":\"x\"}", 200,
		    "\"message\":\"Invalid parameter\"", NULL },
		{ "unknown id", "boss", "PUT", "/api/user", "{\"id\":99}", 200, "Record not found",
		    NULL },
		{ "above oneself", "boss", "PUT", "/api/user", "{\"id\":1,\"display_name\":\"x\"}",
		    200, "No permission to change users", NULL },
		{ "role as admin", "boss", "PUT", "/api/user", "{\"id\":3,\"role\":10}", 200,
		    "cannot be raised to your own level", NULL },
		{ "whole object back, what we own ignored", "boss", "PUT", "/api/user",
		    "{\"id\":3,\"username\":\"anna\",\"password\":\"\",\"display_name\":\"A\","
		    "\"role\":1,"
		    "\"status\":1,\"email\":\"a@b.example\",\"group\":\"vip\",\"quota\":1000,"
		    "\"used_quota\":0,\"request_count\":9,\"access_token\":\"stolen\",\"aff_code\":"
		    "\"zz\","
		    "\"inviter_id\":5,\"github_id\":\"gh\"}",
		    200, SUCCESS, NULL },
		{ "result", "boss", "GET", "/api/user/3", NULL, 200,
		    "\"display_name\":\"A\",\"role\":1,\"status\":1,\"email\":\"a@b.example\","
		    "\"github_id\":\"\"",
		    "zz" },
		{ "group", "boss", "GET", "/api/user/3", NULL, 200,
		    "\"quota\":1000,\"used_quota\":0,\"request_count\":0,\"group\":\"vip\"", NULL },
		{ "token still works", "anna", "GET", "/api/user/self", NULL, 200, SUCCESS, NULL },
		{ "unchanged quota leaves no row", "root", "GET", "/api/log?type=3", NULL, 200,
		    "\"data\":[]", NULL },
		{ "empty e-mail", "boss", "PUT", "/api/user", "{\"id\":3,\"email\":\"\"}", 200,
		    SUCCESS, NULL },
		{ "is empty", "boss", "GET", "/api/user/3", NULL, 200, "\"email\":\"\"", NULL },
		{ "status 3 is not writable", "boss", "PUT", "/api/user", "{\"id\":3,\"status\":3}",
		    200, SUCCESS, NULL },
		{ "still there", "boss", "GET", "/api/user/3", NULL, 200, "\"status\":1,", NULL },
		{ "blank group", "boss", "PUT", "/api/user", "{\"id\":3,\"group\":\"  \"}", 200,
		    "Invalid input", NULL },
		{ "list of groups", "boss", "PUT", "/api/user",
		    "{\"id\":3,\"group\":\"vip,default\"}", 200, "Invalid input", NULL },
		{ "bad e-mail", "boss", "PUT", "/api/user", "{\"id\":3,\"email\":\"a b@c\"}", 200,
		    "Invalid input", NULL },
		{ "root makes an admin", "root", "PUT", "/api/user", "{\"id\":3,\"role\":10}", 200,
		    SUCCESS, NULL },
		{ "an admin", "root", "GET", "/api/user/3", NULL, 200, "\"role\":10,", NULL },
		{ "no second root", "root", "PUT", "/api/user", "{\"id\":3,\"role\":100}", 200,
		    FAILURE, NULL },
		{ "root edits itself", "root", "PUT", "/api/user",
		    "{\"id\":1,\"role\":100,\"status\":1,\"display_name\":\"R\"}", 200, SUCCESS,
		    NULL },
		{ "root stays root", "root", "PUT", "/api/user", "{\"id\":1,\"role\":1}", 200,
		    FAILURE, NULL },
		{ "root stays enabled", "root", "PUT", "/api/user", "{\"id\":1,\"status\":2}", 200,
		    "cannot be disabled", NULL },
		{ "wrong type", "root", "PUT", "/api/user", "{\"id\":3,\"quota\":1.5}", 200,
		    "quota", NULL },
	};

	room_try(steps, COUNT_OF(steps));
}

static void reserve(struct room *m, const struct hold *hold)
{
	room_must(db_begin(m->db, &err));
	room_must(quota_reserve(m->db, hold, &err));
	room_must(db_commit(m->db, &err));
}

static void settle(struct room *m, const struct hold *hold, int64_t quota)
{
	struct logrow row = { .type = LOG_TYPE_CONSUME,
		.user_id = hold->user_id,
		.token_id = hold->token_id,
		.quota = quota,
		.request_id = hold->request_id,
		.created_at = 1 };
	bool settled;

	room_must(db_begin(m->db, &err));
	room_must(quota_settle(m->db, &row, true, &settled, &err));
	room_must(db_commit(m->db, &err));
	assert_true(settled);
}

/* What a request charges while a form is open must survive the form. */
static void charge(struct room *m, const char *request, int64_t quota)
{
	struct arena *a = arena_new(4096);
	struct token key = { .user_id = m->anna,
		.status = TOKEN_ENABLED,
		.expired_time = -1,
		.unlimited_quota = true };
	struct hold hold = { .request_id = str_c(request),
		.user_id = m->anna,
		.amount = quota,
		.node = STR("test") };

	room_must(token_insert(m->db, m->admin.rt.box, a, &key, &err));
	hold.token_id = key.id;
	reserve(m, &hold);
	settle(m, &hold, quota);
	arena_free(a);
}

static void test_quota_by_difference(void **state)
{
	static const struct {
		const char *name, *body;
		int64_t charged; /* since the form was loaded */
		int64_t want;    /* of the balance, which was 1000 then */
	} cases[] = {
		{ "unchanged form", "{\"id\":3,\"quota\":1000,\"used_quota\":0}", 300, 700 },
		{ "raised by 500", "{\"id\":3,\"quota\":1500,\"used_quota\":0}", 300, 1200 },
		{ "lowered to nothing", "{\"id\":3,\"quota\":0,\"used_quota\":0}", 300, -300 },
		{ "script without the rest", "{\"id\":3,\"quota\":1500}", 0, 1500 },
		{ "quota 0 is a value", "{\"id\":3,\"quota\":0}", 0, 0 },
		{ "our form says what it had", "{\"id\":3,\"quota\":1500,\"quota_before\":1000}",
		    300, 1200 },
		{ "the difference itself", "{\"id\":3,\"quota_delta\":-200,\"quota\":5}", 300,
		    500 },
		{ "not sent", "{\"id\":3,\"display_name\":\"A\"}", 300, 700 },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct room m;
		struct answer a;
		int64_t got;

		room_open(&m);
		if (cases[i].charged)
			charge(&m, "charge-1", cases[i].charged);
		a = room_as(&m, "boss", "PUT", "/api/user", cases[i].body);
		if (!strstr(a.body, SUCCESS))
			fail_msg("%s: %s", cases[i].name, a.body);
		got = number_of(&m, "anna", "quota");
		if (got != cases[i].want)
			fail_msg("%s: got %lld, want %lld", cases[i].name, (long long)got,
			    (long long)cases[i].want);
		room_close(&m);
	}
}

/* A request of 300 that holds 400 begins before or ends after the form is loaded and saved. */
static void test_quota_beside_holds(void **state)
{
	static const char form[] = "{\"id\":3,\"quota\":%lld,\"used_quota\":%lld}";
	static const struct {
		const char *name;
		bool open_at_load, settled_at_save;
		int64_t raise, want; /* of the balance in the end, which was 1000 */
	} cases[] = {
		{ "held while loading, settled when saving", true, true, 0, 700 },
		{ "held throughout", true, false, 0, 700 },
		{ "held only when saving", false, false, 0, 700 },
		{ "held while loading, raised by 50", true, true, 50, 750 },
		{ "held only when saving, raised by 50", false, false, 50, 750 },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct hold hold = { .request_id = STR("h-1"), .amount = 400, .node = STR("test") };
		struct token key = { .status = TOKEN_ENABLED,
			.expired_time = -1,
			.unlimited_quota = true };
		struct arena *arena = arena_new(4096);
		int64_t quota, used, got;
		struct answer a;
		struct room m;
		char body[128];

		room_open(&m);
		key.user_id = hold.user_id = m.anna;
		room_must(token_insert(m.db, m.admin.rt.box, arena, &key, &err));
		hold.token_id = key.id;
		if (cases[i].open_at_load)
			reserve(&m, &hold);
		a = room_as(&m, "boss", "GET", "/api/user/3", NULL);
		quota = json_int_at(a.tree, "data.quota", -1);
		used = json_int_at(a.tree, "data.used_quota", -1);
		if (!cases[i].open_at_load)
			reserve(&m, &hold);
		if (cases[i].settled_at_save)
			settle(&m, &hold, 300);
		snprintf(body, sizeof body, form, (long long)(quota + cases[i].raise),
		    (long long)used);
		a = room_as(&m, "boss", "PUT", "/api/user", body);
		if (!strstr(a.body, SUCCESS))
			fail_msg("%s: %s", cases[i].name, a.body);
		if (!cases[i].settled_at_save)
			settle(&m, &hold, 300);
		got = number_of(&m, "anna", "quota");
		if (got != cases[i].want)
			fail_msg("%s: got %lld, want %lld", cases[i].name, (long long)got,
			    (long long)cases[i].want);
		arena_free(arena);
		room_close(&m);
	}
}

static void test_quota_row(void **state)
{
	static const struct step steps[] = {
		{ "grant", "boss", "PUT", "/api/user", "{\"id\":3,\"quota\":501000}", 200, SUCCESS,
		    NULL },
		{ "row", "root", "GET", "/api/log?type=3&username=anna", NULL, 200,
		    "administrator boss changed quota from $0.002000 to $1.002000", NULL },
	};

	room_try(steps, COUNT_OF(steps));
}

static void test_disabling_ends_sessions(void **state)
{
	struct ask_headers h = { 0 };
	char cookie[128];
	struct answer a;
	struct room m;

	room_open(&m);
	a = room_ask(&m, "POST", "/api/user/login",
	    "{\"username\":\"anna\",\"password\":\"" ROOM_PASSWORD "\"}", &h);
	room_keep_cookie(a, cookie);
	h.cookie = cookie;
	assert_int_equal(room_ask(&m, "GET", "/api/user/self", NULL, &h).status, 200);
	room_as(&m, "boss", "PUT", "/api/user", "{\"id\":3,\"status\":2}");
	a = room_ask(&m, "GET", "/api/user/self", NULL, &h);
	assert_true(a.status == 401 || strstr(a.body, "This account is disabled"));
	room_as(&m, "boss", "PUT", "/api/user", "{\"id\":3,\"status\":1}");
	assert_int_equal(room_ask(&m, "GET", "/api/user/self", NULL, &h).status, 401);
	room_close(&m);
}

static void test_delete(void **state)
{
	static const struct step steps[] = {
		{ "own level", "boss", "DELETE", "/api/user/2", NULL, 200,
		    "No permission to delete", NULL },
		{ "root by root", "root", "DELETE", "/api/user/1", NULL, 200,
		    "No permission to delete", NULL },
		{ "done", "boss", "DELETE", "/api/user/3", NULL, 200,
		    "{\"success\":true,\"message\":\"\"}", NULL },
		{ "twice", "boss", "DELETE", "/api/user/3", NULL, 200, "Record not found", NULL },
	};

	room_try(steps, COUNT_OF(steps));
}

static void test_topup(void **state)
{
	static const struct step steps[] = {
		{ "as user", "anna", "POST", "/api/topup", "{\"user_id\":3,\"quota\":5}", 200,
		    "Insufficient permission", NULL },
		{ "negative", "boss", "POST", "/api/topup", "{\"user_id\":3,\"quota\":-1}", 200,
		    "must not be negative", NULL },
		{ "unknown user", "boss", "POST", "/api/topup", "{\"user_id\":99,\"quota\":1}", 200,
		    "User does not exist", NULL },
		{ "credit", "boss", "POST", "/api/topup",
		    "{\"user_id\":3,\"quota\":500000,\"remark\":\"paid by card\"}", 200, SUCCESS,
		    NULL },
		{ "row", "root", "GET", "/api/log?type=1", NULL, 200,
		    "\"type\":1,\"content\":\"paid by "
		    "card\",\"username\":\"anna\",\"token_name\":\"\","
		    "\"model_name\":\"\",\"quota\":500000,",
		    NULL },
		{ "who did it", "root", "GET", "/api/log?type=3&username=boss", NULL, 200,
		    "topped up user 3 via API: $1.000000", NULL },
		{ "default text", "boss", "POST", "/api/topup", "{\"user_id\":3,\"quota\":500}",
		    200, SUCCESS, NULL },
		{ "default row", "root", "GET", "/api/log?type=1", NULL, 200,
		    "topped up via API: $0.001000", NULL },
		{ "with a number", "boss", "POST", "/api/topup",
		    "{\"user_id\":3,\"quota\":7,\"transaction_id\":\"t-1\"}", 200, SUCCESS, NULL },
		{ "the same again", "boss", "POST", "/api/topup",
		    "{\"user_id\":3,\"quota\":7,\"transaction_id\":\"t-1\"}", 200, SUCCESS, NULL },
	};
	struct ask_headers h = { .authorization = "token-boss", .key = "t-1" };
	struct room m;

	room_open(&m);
	room_walk(&m, steps, COUNT_OF(steps));
	assert_int_equal(number_of(&m, "anna", "quota"), 1000 + 500000 + 500 + 7);
	room_ask(&m, "POST", "/api/topup", "{\"user_id\":3,\"quota\":7}", &h);
	assert_int_equal(number_of(&m, "anna", "quota"), 1000 + 500000 + 500 + 7);
	/* Nor is it forgotten with the log. */
	h.authorization = "token-root";
	room_ask(&m, "DELETE", "/api/log/?target_timestamp=9999999999", NULL, &h);
	h.authorization = "token-boss";
	room_ask(&m, "POST", "/api/topup", "{\"user_id\":3,\"quota\":7}", &h);
	assert_int_equal(number_of(&m, "anna", "quota"), 1000 + 500000 + 500 + 7);
	room_close(&m);
}

static void test_status_bounds(void **state)
{
	static const struct step steps[] = {
		{ "0 is unchanged", "boss", "PUT", "/api/user", "{\"id\":3,\"status\":0}", 200,
		    SUCCESS, NULL },
		{ "none there is", "boss", "PUT", "/api/user", "{\"id\":3,\"status\":4}", 200,
		    "Invalid parameter: status", NULL },
		{ "below", "boss", "PUT", "/api/user", "{\"id\":3,\"status\":-1}", 200,
		    "Invalid parameter: status", NULL },
		{ "still enabled", "boss", "GET", "/api/user/3", NULL, 200, "\"status\":1,", NULL },
	};

	room_try(steps, COUNT_OF(steps));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reading),
		cmocka_unit_test(test_create),
		cmocka_unit_test(test_manage),
		cmocka_unit_test(test_update),
		cmocka_unit_test(test_quota_by_difference),
		cmocka_unit_test(test_quota_beside_holds),
		cmocka_unit_test(test_quota_row),
		cmocka_unit_test(test_disabling_ends_sessions),
		cmocka_unit_test(test_status_bounds),
		cmocka_unit_test(test_delete),
		cmocka_unit_test(test_topup),
	};

	return cmocka_run_group_tests_name("admin users", tests, NULL, NULL);
}
