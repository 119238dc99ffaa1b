/* test_admin_redemptions.c — /api/redemption, POST /api/user/topup, and keys that are shown once */
#include "admin_room.h"

#include "base/clock.h"
#include "store/redemption.h"

/* The codes that were made, as the pages get them. */
static void make_codes(struct room *m, const char *body, int count, char codes[][64])
{
	struct answer a = room_as(m, "boss", "POST", "/api/redemption", body);

	if (cJSON_GetArraySize(json_at(a.tree, "data")) != count)
		fail_msg("got %s, want %d codes", a.body, count);
	for (int i = 0; i < count; i++) {
		const cJSON *code = cJSON_GetArrayItem(json_at(a.tree, "data"), i);

		assert_int_equal(strlen(code->valuestring), 32);
		assert_int_equal(strspn(code->valuestring, "0123456789abcdef"), 32);
		snprintf(codes[i], 64, "%s", code->valuestring);
	}
}

static const char *redeem_body(const char *code, char out[128])
{
	snprintf(out, 128, "{\"key\":\"%s\"}", code);
	return out;
}

static void test_create(void **state)
{
	static const struct step steps[] = {
		{ "no name", "boss", "POST", "/api/redemption", "{\"quota\":5,\"count\":1}", 200,
		    "The name must have 1 to 20 characters", NULL },
		{ "21 bytes", "boss", "POST", "/api/redemption",
		    "{\"name\":\"123456789012345678901\",\"quota\":5,\"count\":1}", 200,
		    "The name must have 1 to 20 characters", NULL },
		{ "none", "boss", "POST", "/api/redemption", "{\"name\":\"a\",\"quota\":5}", 200,
		    "The count must be positive", NULL },
		{ "too many", "boss", "POST", "/api/redemption",
		    "{\"name\":\"a\",\"quota\":5,\"count\":101}", 200, "At most 100 codes at once",
		    NULL },
		{ "negative", "boss", "POST", "/api/redemption",
		    "{\"name\":\"a\",\"quota\":-5,\"count\":1}", 200, "Invalid parameter: quota",
		    NULL },
		{ "above 10^15", "boss", "POST", "/api/redemption",
		    "{\"name\":\"a\",\"quota\":1000000000000001,\"count\":1}", 200,
		    "Invalid parameter: quota", NULL },
		{ "nothing came of these", "boss", "GET", "/api/redemption", NULL, 200,
		    "\"data\":[],\"total\":0", NULL },
		{ "0 is 100", "boss", "POST", "/api/redemption",
		    "{\"name\":\"a\",\"quota\":0,\"count\":1}", 200, SUCCESS, NULL },
		{ "so it is", "boss", "GET", "/api/redemption/1", NULL, 200,
		    "\"status\":1,\"name\":\"a\",\"quota\":100,", NULL },
		{ "count is always 0", "boss", "GET", "/api/redemption/1", NULL, 200,
		    "\"redeemed_time\":0,\"redeemed_by\":0,\"count\":0}", NULL },
		{ "no such code", "boss", "GET", "/api/redemption/7", NULL, 200, "Record not found",
		    NULL },
		{ "id 0", "boss", "GET", "/api/redemption/0", NULL, 200, "The id is missing",
		    NULL },
		{ "not for users", "anna", "GET", "/api/redemption", NULL, 200,
		    "Insufficient permission", NULL },
		{ "nor guests", NULL, "GET", "/api/redemption", NULL, 401, FAILURE, NULL },
	};
	char codes[100][64];
	struct answer a;
	struct room m;

	room_open(&m);
	room_walk(&m, steps, COUNT_OF(steps));
	make_codes(&m, "{\"name\":\"batch\",\"quota\":7,\"count\":100}", 100, codes);
	a = room_as(&m, "boss", "GET", "/api/redemption?p=0", NULL);
	assert_int_equal(cJSON_GetArraySize(json_at(a.tree, "data")), 10);
	assert_int_equal(json_int_at(a.tree, "data.0.id", 0), 101);
	assert_int_equal(json_int_at(a.tree, "total", 0), 101);
	assert_true(str_eq_c(json_str_at(a.tree, "data.0.key"), codes[99]));
	a = room_as(&m, "boss", "GET", "/api/redemption?p=11", NULL);
	assert_int_equal(cJSON_GetArraySize(json_at(a.tree, "data")), 0);
	a = room_as(&m, "boss", "GET", "/api/redemption/search?keyword=ba", NULL);
	assert_int_equal(cJSON_GetArraySize(json_at(a.tree, "data")), 100);
	/* at rest there is no code in clear */
	assert_int_equal(room_number(&m,
	                     "SELECT COUNT(*) FROM redemptions WHERE LENGTH(key_sealed) <= 32 OR "
	                     "LENGTH(key_hash) <> 32"),
	    0);
	room_close(&m);
}

static void test_redeem(void **state)
{
	char codes[2][64], body[128], upper[128];
	struct answer a;
	struct room m;

	room_open(&m);
	make_codes(&m, "{\"name\":\"x\",\"quota\":500,\"count\":2}", 2, codes);
	a = room_as(&m, "anna", "POST", "/api/user/topup", redeem_body(codes[0], body));
	assert_int_equal(json_int_at(a.tree, "data", -1), 500);
	assert_int_equal(room_number(&m, "SELECT quota FROM users WHERE username = 'anna'"), 1500);
	assert_int_equal(
	    room_number(&m, "SELECT COUNT(*) FROM logs WHERE type = 1 AND quota = 500"), 1);
	assert_int_equal(room_number(&m, "SELECT redeemed_by FROM redemptions WHERE id = 1"),
	    m.anna);
	assert_true(room_number(&m, "SELECT redeemed_time FROM redemptions WHERE id = 1") > 0);

	a = room_as(&m, "boss", "POST", "/api/user/topup", redeem_body(codes[0], body));
	assert_non_null(strstr(a.body, "Redemption failed: the code was used already"));
	assert_int_equal(room_number(&m, "SELECT quota FROM users WHERE username = 'boss'"), 1000);
	a = room_as(&m, "anna", "POST", "/api/user/topup", "{\"key\":\"\"}");
	assert_non_null(strstr(a.body, "Redemption failed: no code given"));
	a = room_as(&m, "anna", "POST", "/api/user/topup", "{\"key\":\"abc\"}");
	assert_non_null(strstr(a.body, "Redemption failed: unknown code"));
	/* by its bytes, not without case */
	redeem_body(codes[1], upper);
	for (char *p = upper + 8; *p; p++)
		*p = (char)(*p >= 'a' && *p <= 'f' ? *p - 32 : *p);
	a = room_as(&m, "anna", "POST", "/api/user/topup", upper);
	assert_non_null(strstr(a.body, "unknown code"));

	room_as(&m, "boss", "PUT", "/api/redemption?status_only=true", "{\"id\":2,\"status\":2}");
	a = room_as(&m, "anna", "POST", "/api/user/topup", redeem_body(codes[1], body));
	assert_non_null(strstr(a.body, "or is disabled"));
	assert_int_equal(room_number(&m, "SELECT quota FROM users WHERE username = 'anna'"), 1500);
	room_close(&m);
}

/* 20 wrong codes at once, then no more for a while, not even the right one. */
static void test_wrong_codes_are_limited(void **state)
{
	char codes[1][64], body[128];
	struct answer a;
	struct room m;

	room_open(&m);
	make_codes(&m, "{\"name\":\"x\",\"quota\":500,\"count\":1}", 1, codes);
	for (int i = 0; i < 20; i++) {
		a = room_as(&m, "anna", "POST", "/api/user/topup", "{\"key\":\"wrong\"}");
		assert_int_equal(a.status, 200);
	}
	a = room_as(&m, "anna", "POST", "/api/user/topup", redeem_body(codes[0], body));
	assert_int_equal(a.status, 429);
	assert_true(atoi(a.retry_after) >= 1);
	a = room_as(&m, "boss", "POST", "/api/user/topup", redeem_body(codes[0], body));
	assert_int_equal(json_int_at(a.tree, "data", -1), 500);
	room_close(&m);
}

static void test_update(void **state)
{
	static const struct step before[] = {
		{ "name and quota", "boss", "PUT", "/api/redemption",
		    "{\"id\":1,\"name\":\"neu\",\"quota\":9,\"status\":2}", 200,
		    "\"status\":1,\"name\":\"neu\",\"quota\":9,", NULL },
		{ "status only", "boss", "PUT", "/api/redemption?status_only=1",
		    "{\"id\":1,\"name\":\"other\",\"quota\":8,\"status\":2}", 200,
		    "\"status\":2,\"name\":\"neu\",\"quota\":9,", NULL },
		{ "only in the list of those", "boss", "GET", "/api/redemption?status=2", NULL, 200,
		    "\"id\":1,", "\"id\":2," },
		{ "status 3 is ours", "boss", "PUT", "/api/redemption?status_only=1",
		    "{\"id\":1,\"status\":3}", 200, "Invalid parameter: status", NULL },
		{ "back", "boss", "PUT", "/api/redemption?status_only=1", "{\"id\":1,\"status\":1}",
		    200, "\"status\":1,", NULL },
		{ "long name", "boss", "PUT", "/api/redemption",
		    "{\"id\":1,\"name\":\"123456789012345678901\"}", 200, "The name must have",
		    NULL },
		{ "no id", "boss", "PUT", "/api/redemption", "{\"name\":\"x\"}", 200,
		    "The id is missing", NULL },
		{ "unknown", "boss", "PUT", "/api/redemption", "{\"id\":9,\"name\":\"x\"}", 200,
		    "Record not found", NULL },
	};
	static const struct step after[] = {
		{ "a used code is not used again", "boss", "PUT", "/api/redemption?status_only=1",
		    "{\"id\":1,\"status\":1}", 200, "was used already", NULL },
		{ "nor is it worth another amount", "boss", "PUT", "/api/redemption",
		    "{\"id\":1,\"name\":\"z\",\"quota\":10}", 200, "was used already", NULL },
		{ "its name may change", "boss", "PUT", "/api/redemption",
		    "{\"id\":1,\"name\":\"z\",\"quota\":9}", 200, "\"status\":3,\"name\":\"z\"",
		    NULL },
		{ "delete", "boss", "DELETE", "/api/redemption/2", NULL, 200, SUCCESS, NULL },
		{ "gone", "boss", "DELETE", "/api/redemption/2", NULL, 200, "Record not found",
		    NULL },
	};
	char codes[2][64], body[128];
	struct room m;

	room_open(&m);
	make_codes(&m, "{\"name\":\"x\",\"quota\":500,\"count\":2}", 2, codes);
	room_walk(&m, before, COUNT_OF(before));
	room_as(&m, "anna", "POST", "/api/user/topup", redeem_body(codes[0], body));
	room_walk(&m, after, COUNT_OF(after));
	assert_int_equal(room_number(&m, "SELECT quota FROM users WHERE username = 'anna'"), 1009);
	room_close(&m);
}

/* The credit would pass the largest balance: nothing of it happens. */
static void test_all_or_nothing(void **state)
{
	char codes[1][64], body[128];
	struct answer a;
	struct room m;

	room_open(&m);
	make_codes(&m, "{\"name\":\"x\",\"quota\":1000000000000000,\"count\":1}", 1, codes);
	room_must(db_script(m.db, "UPDATE users SET quota = 1125899906842000", &err));
	a = room_as(&m, "anna", "POST", "/api/user/topup", redeem_body(codes[0], body));
	assert_non_null(strstr(a.body, FAILURE));
	assert_int_equal(room_number(&m, "SELECT status FROM redemptions WHERE id = 1"), 1);
	assert_int_equal(room_number(&m, "SELECT COUNT(*) FROM logs WHERE type = 1"), 0);
	room_close(&m);
}

static void test_key_once(void **state)
{
	struct answer a;
	struct room m;
	char key[64], shown[64];

	room_open(&m);
	a = room_as(&m, "anna", "POST", "/api/token", "{\"name\":\"k\"}");
	snprintf(key, sizeof key, "%s", json_at(a.tree, "data.key")->valuestring);
	assert_int_equal(strlen(key), 48);
	a = room_as(&m, "anna", "GET", "/api/token", NULL);
	assert_non_null(strstr(a.body, key));
	a = room_as(&m, NULL, "GET", "/api/status", NULL);
	assert_null(strstr(a.body, "key.once"));

	room_as(&m, "root", "PUT", "/api/option",
	    "{\"key\":\"KeyOnceEnabled\",\"value\":\"true\"}");
	room_settle(&m);
	a = room_as(&m, NULL, "GET", "/api/status", NULL);
	assert_non_null(strstr(a.body, "\"key.once\""));
	snprintf(shown, sizeof shown, "\"key\":\"%.4s…%s\"", key, key + 44);
	a = room_as(&m, "anna", "GET", "/api/token", NULL);
	assert_null(strstr(a.body, key));
	assert_non_null(strstr(a.body, shown));
	a = room_as(&m, "anna", "GET", "/api/token/search?keyword=k", NULL);
	assert_non_null(strstr(a.body, shown));
	a = room_as(&m, "anna", "GET", "/api/token/1", NULL);
	assert_non_null(strstr(a.body, shown));
	a = room_as(&m, "anna", "PUT", "/api/token", "{\"id\":1,\"name\":\"neu\"}");
	assert_non_null(strstr(a.body, shown));
	a = room_as(&m, "anna", "POST", "/api/token", "{\"name\":\"k2\"}");
	assert_int_equal(strlen(json_at(a.tree, "data.key")->valuestring), 48);
	room_close(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_create),
		cmocka_unit_test(test_redeem),
		cmocka_unit_test(test_wrong_codes_are_limited),
		cmocka_unit_test(test_update),
		cmocka_unit_test(test_all_or_nothing),
		cmocka_unit_test(test_key_once),
	};

	clock_test_stop(); /* what is counted in time must not ask how fast this machine is */
	return cmocka_run_group_tests_name("admin redemptions", tests, NULL, NULL);
}
