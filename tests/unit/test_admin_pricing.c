/* test_admin_pricing.c — /api/pricing and /api/setup */
#include "admin_room.h"

#include "base/password.h"
#include "billing/quota.h"

static void add_channel(struct room *m, const char *body)
{
	must_have(body, room_as(m, "root", "POST", "/api/channel", body), SUCCESS);
}

/* Prices that can be told apart, none of them built in but gpt-4o's and dall-e-3's. */
static void open_shop(struct room *m)
{
	room_open(m);
	room_option(m, "ModelRatio",
	    "{\\\"mine\\\":2,\\\"mapped\\\":7,\\\"typed(1)\\\":9,\\\"dall-e-3\\\":20}");
	room_option(m, "CompletionRatio", "{\\\"mine\\\":3}");
	room_option(m, "ModelPrice",
	    "{\\\"mine\\\":{\\\"per_million_trained\\\":25,\\\"cached\\\":0.25,\\\"tiers\\\":[{"
	    "\\\"above\\\":1000,\\\"input\\\":2,"
	    "\\\"output\\\":1.5}]},\\\"per-call\\\":0.01,\\\"mapped\\\":{\\\"batch\\\":1}}");
	room_option(m, "GroupRatio", "{\\\"default\\\":1,\\\"vip\\\":0.5}");
	add_channel(m,
	    "{\"type\":1,\"name\":\"a\",\"key\":\"k\",\"group\":\"default\",\"models\":"
	    "\"mine,alias,typed,per-call,unpriced,dall-e-3\","
	    "\"model_mapping\":\"{\\\"alias\\\":\\\"mapped\\\"}\"}");
	add_channel(m,
	    "{\"type\":1,\"name\":\"b\",\"key\":\"k\",\"group\":\"vip\",\"models\":\"only-vip\"}");
	room_settle(m);
}

/* By name; NULL when it is not offered. */
static const cJSON *find_model(const cJSON *tree, const char *name)
{
	const cJSON *row;

	cJSON_ArrayForEach(row, json_at(tree, "data.models"))
	{
		if (str_eq_c(json_str_at(row, "model"), name))
			return row;
	}
	return NULL;
}

static void test_prices(void **state)
{
	/* clang-format off */
	static const struct {
		const char *model;
		const char *want; /* the members behind the name */
	} cases[] = {
		{ "mine", "\"model_ratio\":2,\"completion_ratio\":3,\"cached\":0.25,"
		    "\"tiers\":[{\"above\":1000,\"input\":2,\"output\":1.5}],\"per_million_trained\":25,\"batch\":0.5}" },
		{ "alias", "\"model_ratio\":7,\"completion_ratio\":1}" }, /* what it is mapped to */
		{ "typed", "\"model_ratio\":9,\"completion_ratio\":1,\"batch\":0.5}" }, /* by the channel's type */
		{ "per-call", "\"per_request\":0.01" },
		{ "unpriced", "" },
		/* ratio 20 is one-api's for USD 0.04, size and quality make it three times that at most */
		{ "dall-e-3", "\"per_image\":" },
	};
	/* clang-format on */
	struct answer a;
	struct room m;

	open_shop(&m);
	a = room_as(&m, "anna", "GET", "/api/pricing", NULL);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char want[300];

		snprintf(want, sizeof want, "{\"model\":\"%s\"%s%s", cases[i].model,
		    *cases[i].want ? "," : "", cases[i].want);
		if (!find_model(a.tree, cases[i].model) || !strstr(a.body, want))
			fail_msg("%s: got %s, want %s", cases[i].model, a.body, want);
	}
	assert_null(json_at(find_model(a.tree, "unpriced"), "model_ratio"));
	assert_null(json_at(find_model(a.tree, "dall-e-3"), "model_ratio"));
	room_close(&m);
}

static void test_who_sees_what(void **state)
{
	static const char to_vip[] = "UPDATE users SET group_name = 'vip' WHERE username = 'anna'";
	static const struct {
		const char *model, *want;
	} units[] = {
		{ "dall-e-3", "per_image" },
		{ "tts-1", "per_million_characters" },
		{ "whisper-1", "per_minute" },
		{ "gpt-4o", "tokens" },
	};
	struct answer a;
	struct room m;

	open_shop(&m);
	a = room_as(&m, "anna", "GET", "/api/pricing", NULL);
	assert_non_null(strstr(a.body, "\"group\":\"default\",\"group_ratio\":{\"default\":1}"));
	assert_null(find_model(a.tree, "only-vip"));
	a = room_as(&m, "boss", "GET", "/api/pricing", NULL);
	assert_non_null(strstr(a.body, "\"vip\":0.5"));
	assert_non_null(find_model(a.tree, "mine"));
	assert_null(json_at(a.tree, "data.sold_by"));
	a = room_as(&m, "root", "GET", "/api/pricing", NULL);
	for (size_t i = 0; i < COUNT_OF(units); i++) {
		const cJSON *sold_by = json_at(a.tree, "data.sold_by");
		const cJSON *unit = cJSON_GetObjectItemCaseSensitive(sold_by, units[i].model);
		const char *got = unit ? unit->valuestring : "tokens";

		if (strcmp(got, units[i].want) != 0)
			fail_msg("%s: got %s, want %s", units[i].model, got, units[i].want);
	}

	room_must(db_script(m.db, to_vip, &err));
	a = room_as(&m, "anna", "GET", "/api/pricing", NULL);
	assert_non_null(strstr(a.body, "\"group\":\"vip\",\"group_ratio\":{\"vip\":0.5}"));
	assert_non_null(find_model(a.tree, "only-vip"));
	assert_null(find_model(a.tree, "mine"));

	a = room_as(&m, NULL, "GET", "/api/pricing", NULL);
	assert_non_null(find_model(a.tree, "mine"));
	assert_null(find_model(a.tree, "only-vip"));
	room_option(&m, "RegisterEnabled", "false");
	room_settle(&m);
	a = room_as(&m, NULL, "GET", "/api/pricing", NULL);
	if (!strstr(a.body, "\"models\":[]"))
		fail_msg("a guest who cannot become a customer: got %s", a.body);
	a = room_as(&m, "boss", "GET", "/api/pricing", NULL);
	assert_non_null(find_model(a.tree, "mine"));
	a = room_as(&m, "nobody", "GET", "/api/pricing", NULL);
	assert_non_null(strstr(a.body, FAILURE));
	room_close(&m);
}

/* ---- the first run ----------------------------------------------------------------------------- */

static void check_setup(struct room *m, const char *name, const char *want)
{
	must_have(name, room_as(m, "root", "GET", "/api/setup", NULL), want);
}

static void charge(struct room *m, int64_t user)
{
	struct hold h = { .request_id = STR("r1"), .user_id = user, .amount = 5, .node = STR("n") };
	struct logrow row = { .request_id = STR("r1"), .quota = 5, .created_at = 1700000123 };
	bool settled;

	room_must(quota_reserve(m->db, &h, &err));
	room_must(quota_settle(m->db, &row, true, &settled, &err));
}

static void test_setup(void **state)
{
	char path[128];
	struct room m;
	FILE *f;

	room_open(&m);
	check_setup(&m, "fresh",
	    "{\"default_root_password\":false,\"server_address_set\":false,\"channels\":0,"
	    "\"keys\":0,\"first_request\":0}");
	room_set_password(&m, m.root, "123456");
	check_setup(&m, "the factory's password", "\"default_root_password\":true");
	snprintf(path, sizeof path, "%s/root-password", m.dir);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs("sesame-open\n", f);
	fclose(f);
	room_set_password(&m, m.root, "sesame-open");
	check_setup(&m, "the one of the first start", "\"default_root_password\":true");
	room_set_password(&m, m.root, "something else");
	check_setup(&m, "changed", "\"default_root_password\":false");

	room_option(&m, "ServerAddress", "https://gw.example");
	add_channel(&m, "{\"type\":1,\"name\":\"a\",\"key\":\"k\",\"models\":\"m\"}");
	assert_non_null(strstr(
	    room_as(&m, "root", "POST", "/api/token", "{\"name\":\"first\"}").body, SUCCESS));
	charge(&m, m.root);
	room_settle(&m);
	check_setup(&m, "all done",
	    "\"server_address_set\":true,\"channels\":1,\"keys\":1,\"first_request\":1700000123}");
	assert_non_null(
	    strstr(room_as(&m, "boss", "GET", "/api/setup", NULL).body, "Insufficient"));
	room_close(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_prices),
		cmocka_unit_test(test_who_sees_what),
		cmocka_unit_test(test_setup),
	};

	return cmocka_run_group_tests_name("admin_pricing", tests, NULL, NULL);
}
