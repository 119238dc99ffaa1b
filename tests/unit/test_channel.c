/* test_channel.c — tables channels and abilities; every change moves the catalog version */
#include "temp_db.h"

#include "store/channel.h"

static struct channel sample(const char *name)
{
	return (struct channel){
		.type = 1,
		.key = STR("sk-upstream"),
		.status = CHANNEL_ENABLED,
		.name = str_c(name),
		.models = STR("gpt-4o,gpt-4"),
		.group = STR("default"),
	};
}

static struct channel add(struct temp_db *t, const char *name, int status)
{
	struct channel c = sample(name);

	c.status = status;
	CHECK(channel_insert(t->db, t->box, &c, 1, &t->err), &t->err);
	return c;
}

static int64_t version(struct temp_db *t)
{
	int64_t v = -1;

	CHECK(catalog_version(t->db, &v, &t->err), &t->err);
	return v;
}

static int64_t count(struct temp_db *t, const char *sql, int64_t id)
{
	struct rows rows;
	int64_t n = -1;

	CHECK(db_query(t->db, sql, BIND(v_int(id)), &rows, &t->err) &&
	        rows_number(&rows, &n, &t->err),
	    &t->err);
	return n;
}

/* The models of a group as "a,b". */
static const char *models(struct temp_db *t, const char *group)
{
	struct name_list list;
	const char *text = "";

	CHECK(ability_models(t->db, t->arena, str_c(group), &list, &t->err), &t->err);
	for (size_t i = 0; i < list.count; i++)
		text = arena_fmt(t->arena, "%s%s%.*s", text, i ? "," : "", STR_ARG(list.items[i]));
	return text;
}

static void test_round_trip(void **state)
{
	struct temp_db *t = *state;
	struct channel got,
	    c = {
		    .type = 33,
		    .key = STR("secret key"),
		    .status = CHANNEL_DISABLED,
		    .name = STR("aws"),
		    .weight = 3,
		    .priority = -2,
		    .created_time = 1700000000,
		    .base_url = STR("https://x.example.com"),
		    .other = STR("o"),
		    .models = STR("m1,m2"),
		    .group = STR("default,vip"),
		    .model_mapping = STR("{\"m1\":\"x\"}"),
		    .config = STR("{\"sk\":\"very secret\"}"),
		    .system_prompt = STR("be brief"),
	    };

	CHECK(channel_insert(t->db, t->box, &c, 1, &t->err), &t->err);
	assert_true(c.id > 0);
	CHECK(channel_by_id(t->db, t->box, t->arena, c.id, &got, &t->err), &t->err);
	assert_int_equal(got.id, c.id);
	assert_int_equal(got.type, 33);
	CHECK_TEXT(got.key, "secret key");
	assert_int_equal(got.status, CHANNEL_DISABLED);
	CHECK_TEXT(got.name, "aws");
	assert_int_equal(got.weight, 3);
	assert_int_equal(got.priority, -2);
	assert_int_equal(got.created_time, 1700000000);
	assert_int_equal(got.test_time, 0);
	assert_int_equal(got.response_time, 0);
	CHECK_TEXT(got.base_url, "https://x.example.com");
	CHECK_TEXT(got.other, "o");
	CHECK_TEXT(got.models, "m1,m2");
	CHECK_TEXT(got.group, "default,vip");
	assert_int_equal(got.used_quota, 0);
	CHECK_TEXT(got.model_mapping, "{\"m1\":\"x\"}");
	CHECK_TEXT(got.config, "{\"sk\":\"very secret\"}");
	CHECK_TEXT(got.system_prompt, "be brief");
	CHECK_TEXT(got.disabled_reason, "");

	CHECK(channel_by_id(t->db, NULL, t->arena, c.id, &got, &t->err), &t->err);
	assert_int_equal(got.key.n, 0);
	assert_null(got.config.p);
	assert_false(channel_by_id(t->db, t->box, t->arena, 999, &got, &t->err));
	assert_int_equal(t->err.kind, ERR_NOT_FOUND);
}

static void test_sealed(void **state)
{
	static const char sql[] = "SELECT key_sealed, config_sealed FROM channels";
	static const char spoil_sql[] = "UPDATE channels SET key_sealed = config_sealed";
	struct temp_db *t = *state;
	struct channel got, c = sample("x");
	struct channel_list all;
	struct rows rows;

	c.config = STR("{\"sk\":\"upstream\"}");
	CHECK(channel_insert(t->db, t->box, &c, 1, &t->err), &t->err);
	CHECK(db_query(t->db, sql, BIND_NONE, &rows, &t->err), &t->err);
	assert_true(rows_next(&rows));
	assert_true(rows_text(&rows, 0).n > 0);
	assert_false(str_has(rows_text(&rows, 0), STR("upstream")));
	assert_false(str_has(rows_text(&rows, 1), STR("upstream")));
	CHECK(rows_close(&rows, &t->err), &t->err);

	/* A sealed text in another place does not open, and spoils nothing else. */
	CHECK(db_run(t->db, spoil_sql, BIND_NONE, NULL, &t->err), &t->err);
	add(t, "y", CHANNEL_ENABLED);
	CHECK(channel_all(t->db, t->box, t->arena, &all, &t->err), &t->err);
	assert_int_equal(all.count, 2);
	CHECK_TEXT(all.items[0].key, "");
	CHECK_TEXT(all.items[0].config, "{\"sk\":\"upstream\"}");
	CHECK_TEXT(all.items[1].key, "sk-upstream");
	CHECK(channel_by_id(t->db, t->box, t->arena, c.id, &got, &t->err), &t->err);
	CHECK_TEXT(got.key, "");
}

static void test_insert_is_all_or_nothing(void **state)
{
	static const char count_sql[] = "SELECT COUNT(*) FROM channels WHERE id > ?";
	static const char trap_sql[] = "CREATE UNIQUE INDEX trap ON channels (name)";
	struct temp_db *t = *state;
	struct channel three[3] = { sample("a"), sample("b"), sample("c") };
	struct channel clash[2] = { sample("d"), sample("a") };
	int64_t before;

	CHECK(channel_insert(t->db, t->box, three, 3, &t->err), &t->err);
	assert_int_equal(three[1].id, three[0].id + 1);
	assert_int_equal(three[2].id, three[0].id + 2);
	assert_int_equal(count(t, count_sql, 0), 3);
	CHECK(db_script(t->db, trap_sql, &t->err), &t->err);
	before = version(t);
	assert_false(channel_insert(t->db, t->box, clash, 2, &t->err));
	assert_int_equal(count(t, count_sql, 0), 3);
	assert_int_equal(version(t), before);
}

static void test_abilities(void **state)
{
	static const char rows_sql[] = "SELECT COUNT(*) FROM abilities WHERE channel_id = ?";
	static const struct {
		const char *name, *models, *groups;
		int status;
		int64_t rows;
		const char *vip;
	} cases[] = {
		{ "one", "m", "vip", 1, 1, "m" },
		{ "cross product", "b,a", "default,vip", 1, 4, "a,b" },
		{ "blanks, empties, doubles", " a , ,b,a,", "vip,, vip ", 1, 2, "a,b" },
		{ "no models", "", "vip", 1, 0, "" },
		{ "no groups", "a", "", 1, 0, "" },
		{ "disabled", "a,b", "vip", 2, 2, "" },
		{ "another group", "a", "default", 1, 1, "" },
	};
	struct temp_db *t = *state;
	struct channel c = add(t, "x", CHANNEL_ENABLED);

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const char *vip;
		int64_t rows;

		c.models = str_c(cases[i].models);
		c.group = str_c(cases[i].groups);
		c.status = cases[i].status;
		CHECK(channel_update(t->db, t->box, &c, &t->err), &t->err);
		rows = count(t, rows_sql, c.id);
		vip = models(t, "vip");
		if (rows != cases[i].rows || strcmp(vip, cases[i].vip) != 0)
			fail_msg("%s: got %d rows, vip '%s', want %d, '%s'", cases[i].name,
			    (int)rows, vip, (int)cases[i].rows, cases[i].vip);
	}
}

static void test_update(void **state)
{
	struct temp_db *t = *state;
	struct channel c = sample("x"), got;
	struct err err = { 0 };

	c.config = STR("{\"ak\":\"1\"}");
	CHECK(channel_insert(t->db, t->box, &c, 1, &t->err), &t->err);

	/* Read without the box, changed, written: nothing sealed is lost. */
	CHECK(channel_by_id(t->db, NULL, t->arena, c.id, &got, &t->err), &t->err);
	got.name = STR("y");
	got.priority = 9;
	got.used_quota = 5; /* not written here */
	CHECK(channel_update(t->db, t->box, &got, &t->err), &t->err);
	CHECK(channel_by_id(t->db, t->box, t->arena, c.id, &got, &t->err), &t->err);
	CHECK_TEXT(got.name, "y");
	assert_int_equal(got.priority, 9);
	assert_int_equal(got.used_quota, 0);
	CHECK_TEXT(got.key, "sk-upstream");
	CHECK_TEXT(got.config, "{\"ak\":\"1\"}");

	got.key = STR("another");
	got.config = STR("");
	CHECK(channel_update(t->db, t->box, &got, &t->err), &t->err);
	CHECK(channel_by_id(t->db, t->box, t->arena, c.id, &got, &t->err), &t->err);
	CHECK_TEXT(got.key, "another");
	CHECK_TEXT(got.config, "");
	assert_non_null(got.config.p);

	got.id = 999;
	assert_false(channel_update(t->db, t->box, &got, &err));
	assert_int_equal(err.kind, ERR_NOT_FOUND);
}

static void test_delete(void **state)
{
	static const char abilities_sql[] = "SELECT COUNT(*) FROM abilities WHERE channel_id > ?";
	struct temp_db *t = *state;
	struct channel a = add(t, "a", CHANNEL_ENABLED);
	struct channel_list list;
	struct err err = { 0 };
	int64_t deleted = -1;

	add(t, "b", CHANNEL_DISABLED);
	add(t, "c", CHANNEL_AUTO_DISABLED);
	add(t, "d", CHANNEL_ENABLED);
	CHECK(channel_delete(t->db, a.id, &t->err), &t->err);
	assert_false(channel_delete(t->db, a.id, &err));
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	CHECK(channel_delete_disabled(t->db, &deleted, &t->err), &t->err);
	assert_int_equal(deleted, 2);
	CHECK(channel_all(t->db, t->box, t->arena, &list, &t->err), &t->err);
	assert_int_equal(list.count, 1);
	CHECK_TEXT(list.items[0].name, "d");
	assert_int_equal(count(t, abilities_sql, 0), 2);
	/* The id of a deleted channel never comes back. */
	CHECK(channel_delete(t->db, list.items[0].id, &t->err), &t->err);
	assert_true(add(t, "e", CHANNEL_ENABLED).id > list.items[0].id);
}

static void test_status(void **state)
{
	struct temp_db *t = *state;
	struct channel c = add(t, "x", CHANNEL_ENABLED), got;
	bool changed;

	CHECK(channel_set_status(t->db, c.id, CHANNEL_ENABLED, CHANNEL_AUTO_DISABLED,
	          STR("key revoked"), &changed, &t->err),
	    &t->err);
	assert_true(changed);
	assert_string_equal(models(t, "default"), "");
	CHECK(channel_by_id(t->db, NULL, t->arena, c.id, &got, &t->err), &t->err);
	assert_int_equal(got.status, CHANNEL_AUTO_DISABLED);
	CHECK_TEXT(got.disabled_reason, "key revoked");
	assert_true(got.disabled_time > 0);

	/* The second one comes too late. */
	CHECK(channel_set_status(t->db, c.id, CHANNEL_ENABLED, CHANNEL_AUTO_DISABLED, STR("again"),
	          &changed, &t->err),
	    &t->err);
	assert_false(changed);
	CHECK(channel_by_id(t->db, NULL, t->arena, c.id, &got, &t->err), &t->err);
	CHECK_TEXT(got.disabled_reason, "key revoked");

	CHECK(channel_set_status(t->db, c.id, CHANNEL_AUTO_DISABLED, CHANNEL_ENABLED, STR(""),
	          &changed, &t->err),
	    &t->err);
	assert_true(changed);
	assert_string_equal(models(t, "default"), "gpt-4,gpt-4o");
	CHECK(channel_by_id(t->db, NULL, t->arena, c.id, &got, &t->err), &t->err);
	CHECK_TEXT(got.disabled_reason, "");
	assert_int_equal(got.disabled_time, 0);

	CHECK(channel_set_status(t->db, 999, CHANNEL_ENABLED, CHANNEL_DISABLED, STR(""), &changed,
	          &t->err),
	    &t->err);
	assert_false(changed);
}

static void test_measures(void **state)
{
	struct temp_db *t = *state;
	struct channel c = add(t, "x", CHANNEL_ENABLED), got;

	CHECK(channel_set_tested(t->db, c.id, 321, &t->err), &t->err);
	CHECK(channel_set_balance(t->db, c.id, 12.5, &t->err), &t->err);
	CHECK(channel_by_id(t->db, NULL, t->arena, c.id, &got, &t->err), &t->err);
	assert_int_equal(got.response_time, 321);
	assert_true(got.test_time > 0);
	assert_true(got.balance > 12.4 && got.balance < 12.6);
	assert_true(got.balance_updated_time > 0);
}

static void test_lists(void **state)
{
	static const struct {
		const char *name, *keyword, *want;
	} searches[] = {
		{ "id", "2", "beta" },
		{ "name prefix", "be", "best,beta" },
		{ "not the middle", "eta", "" },
		{ "wild cards are themselves", "b%", "" },
		{ "name of digits", "10", "10x" },
	};
	struct temp_db *t = *state;
	struct channel_list list;

	add(t, "alpha", CHANNEL_ENABLED);
	add(t, "beta", CHANNEL_DISABLED);
	add(t, "best", CHANNEL_ENABLED);
	add(t, "10x", CHANNEL_ENABLED);
	CHECK(channel_page(t->db, t->arena, 1, 2, &list, &t->err), &t->err);
	assert_int_equal(list.count, 2);
	CHECK_TEXT(list.items[0].name, "best");
	CHECK_TEXT(list.items[1].name, "beta");
	assert_int_equal(list.items[0].key.n, 0);
	for (size_t i = 0; i < COUNT_OF(searches); i++) {
		const char *got = "";

		CHECK(channel_search(t->db, t->arena, str_c(searches[i].keyword), 100, &list,
		          &t->err),
		    &t->err);
		for (size_t k = 0; k < list.count; k++)
			got = arena_fmt(t->arena, "%s%s%.*s", got, k ? "," : "",
			    STR_ARG(list.items[k].name));
		if (strcmp(got, searches[i].want) != 0)
			fail_msg("%s: got %s, want %s", searches[i].name, got, searches[i].want);
	}
}

/* ---- the version ---- */

static struct channel shared; /* what the writes below work on */

static bool do_insert(struct temp_db *t)
{
	struct channel two[2] = { sample("p"), sample("q") };

	return channel_insert(t->db, t->box, two, 2, &t->err);
}

static bool do_update(struct temp_db *t)
{
	return channel_update(t->db, t->box, &shared, &t->err);
}

static bool do_status(struct temp_db *t)
{
	bool changed;

	return channel_set_status(t->db, shared.id, CHANNEL_ENABLED, CHANNEL_AUTO_DISABLED,
	    STR("why"), &changed, &t->err);
}

static bool do_delete(struct temp_db *t)
{
	return channel_delete(t->db, shared.id, &t->err);
}

static bool do_delete_disabled(struct temp_db *t)
{
	int64_t n;

	return channel_delete_disabled(t->db, &n, &t->err);
}

static bool do_tested(struct temp_db *t)
{
	return channel_set_tested(t->db, shared.id, 1, &t->err);
}

static bool do_balance(struct temp_db *t)
{
	return channel_set_balance(t->db, shared.id, 1, &t->err);
}

static bool do_missing(struct temp_db *t)
{
	return channel_delete(t->db, 999, &t->err);
}

static void test_version(void **state)
{
	static const struct {
		const char *name;
		bool (*write)(struct temp_db *t);
		bool ok;
		int64_t moves;
	} cases[] = {
		{ "insert of two", do_insert, true, 1 },
		{ "update", do_update, true, 1 },
		{ "tested", do_tested, true, 0 },
		{ "balance", do_balance, true, 0 },
		{ "status", do_status, true, 1 },
		{ "status that was changed before", do_status, true, 0 },
		{ "delete", do_delete, true, 1 },
		{ "delete of what is not there", do_missing, false, 0 },
		{ "delete disabled", do_delete_disabled, true, 1 },
	};
	struct temp_db *t = *state;

	shared = add(t, "shared", CHANNEL_ENABLED);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		int64_t before = version(t), after;
		bool ok = cases[i].write(t);

		after = version(t);
		if (ok != cases[i].ok || after - before != cases[i].moves)
			fail_msg("%s: got ok %d, moved %d, want %d, %d (%s)", cases[i].name, ok,
			    (int)(after - before), cases[i].ok, (int)cases[i].moves, t->err.msg);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		DB_TEST(test_round_trip),
		DB_TEST(test_sealed),
		DB_TEST(test_insert_is_all_or_nothing),
		DB_TEST(test_abilities),
		DB_TEST(test_update),
		DB_TEST(test_delete),
		DB_TEST(test_status),
		DB_TEST(test_measures),
		DB_TEST(test_lists),
		DB_TEST(test_version),
	};

	return temp_db_run("channel", tests, COUNT_OF(tests));
}
