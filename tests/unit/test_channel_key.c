/* test_channel_key.c — keys that are parked, and what forgets them */
#include "temp_db.h"

#include "store/channel.h"
#include "store/channel_key.h"

static int64_t new_channel(struct temp_db *t, const char *key, int status)
{
	struct channel c = { .type = 1,
		.status = status,
		.name = STR("c"),
		.models = STR("m"),
		.group = STR("g") };

	c.key = str_c(key);
	CHECK(channel_insert(t->db, t->box, &c, 1, &t->err), &t->err);
	return c.id;
}

static size_t count(struct temp_db *t, int64_t channel)
{
	struct parked_key_list list;

	CHECK(channel_keys_parked(t->db, t->arena, channel, &list, &t->err), &t->err);
	return list.count;
}

static bool park(struct temp_db *t, int64_t channel, const char *key, const char *cause)
{
	char hash[CHANNEL_KEY_HASH_LEN + 1];
	bool changed = false;

	(void)channel_key_hash(t->box, str_c(key), hash);
	CHECK(channel_key_park(t->db, channel, str_c(hash), str_c(cause), &changed, &t->err),
	    &t->err);
	return changed;
}

static int64_t version(struct temp_db *t)
{
	int64_t v;

	CHECK(catalog_version(t->db, &v, &t->err), &t->err);
	return v;
}

static void test_hash(void **state)
{
	struct temp_db *t = *state;
	char a[CHANNEL_KEY_HASH_LEN + 1], b[CHANNEL_KEY_HASH_LEN + 1];

	assert_int_equal(channel_key_hash(t->box, STR("sk-1"), a),
	    channel_key_hash(t->box, STR("sk-1"), b));
	assert_string_equal(a, b);
	assert_int_equal(strlen(a), CHANNEL_KEY_HASH_LEN);
	assert_int_not_equal(channel_key_hash(t->box, STR("sk-2"), b),
	    channel_key_hash(t->box, STR("sk-1"), a));
	assert_string_not_equal(a, b);
	assert_null(strstr(a, "sk-1"));
}

static void test_park(void **state)
{
	struct temp_db *t = *state;
	int64_t one = new_channel(t, "ka\nkb", 1), two = new_channel(t, "ka", 1), before;
	struct parked_key_list list;
	bool changed;

	before = version(t);
	assert_true(park(t, one, "ka", "status 401: no"));
	assert_true(version(t) > before);
	before = version(t);
	assert_false(park(t, one, "ka", "again")); /* the first cause stays */
	assert_int_equal(version(t), before);
	assert_true(park(t, two, "ka", "other"));
	assert_false(park(t, 12345, "ka", "no such channel"));

	CHECK(channel_keys_parked(t->db, t->arena, one, &list, &t->err), &t->err);
	assert_int_equal(list.count, 1);
	CHECK_TEXT(list.items[0].cause, "status 401: no");
	assert_int_equal(list.items[0].channel_id, one);
	assert_true(list.items[0].parked_at > 0);
	assert_int_equal(count(t, 0), 2);

	CHECK(channel_key_unpark(t->db, one, list.items[0].key_hash, &changed, &t->err), &t->err);
	assert_true(changed);
	CHECK(channel_key_unpark(t->db, one, STR(""), &changed, &t->err), &t->err);
	assert_false(changed);
	assert_int_equal(count(t, one), 0);
	assert_int_equal(count(t, two), 1);
}

/* New keys, being enabled, being deleted: all of these forget; nothing else does. */
static void test_forgotten(void **state)
{
	struct temp_db *t = *state;
	struct channel c;
	int64_t id = new_channel(t, "ka\nkb", 1), other = new_channel(t, "kc\nkd", 1), n;
	bool changed;

	assert_true(park(t, other, "kc", ""));
	assert_true(park(t, id, "ka", ""));
	CHECK(channel_by_id(t->db, t->box, t->arena, id, &c, &t->err), &t->err);
	c.key = STR("");
	c.priority = 7;
	CHECK(channel_update(t->db, t->box, &c, &t->err), &t->err);
	assert_int_equal(count(t, id), 1); /* same key, on as before */
	c.key = STR("ka\nke");
	CHECK(channel_update(t->db, t->box, &c, &t->err), &t->err);
	assert_int_equal(count(t, id), 0);

	assert_true(park(t, id, "ka", ""));
	CHECK(channel_set_status(t->db, id, 1, 3, STR("dead"), &changed, &t->err), &t->err);
	assert_int_equal(count(t, id), 1);
	c.key = STR("");
	c.status = CHANNEL_ENABLED;
	CHECK(channel_update(t->db, t->box, &c, &t->err), &t->err);
	assert_int_equal(count(t, id), 0);

	assert_true(park(t, id, "ka", ""));
	CHECK(channel_recovered(t->db, id, &changed, &t->err), &t->err);
	assert_false(changed); /* it is on */
	assert_int_equal(count(t, id), 1);
	CHECK(channel_set_status(t->db, id, 1, 3, STR("dead"), &changed, &t->err), &t->err);
	CHECK(channel_recovered(t->db, id, &changed, &t->err), &t->err);
	assert_true(changed);
	assert_int_equal(count(t, id), 0);

	assert_true(park(t, id, "ka", ""));
	CHECK(channel_delete(t->db, id, &t->err), &t->err);
	assert_int_equal(count(t, id), 0);
	assert_int_equal(count(t, other), 1);
	CHECK(channel_set_status(t->db, other, 1, 2, STR(""), &changed, &t->err), &t->err);
	CHECK(channel_recovered(t->db, other, &changed, &t->err), &t->err);
	assert_false(changed); /* a person did it */
	CHECK(channel_delete_disabled(t->db, &n, &t->err), &t->err);
	assert_int_equal(count(t, other), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		DB_TEST(test_hash),
		DB_TEST(test_park),
		DB_TEST(test_forgotten),
	};

	return temp_db_run("channel_key", tests, COUNT_OF(tests));
}
