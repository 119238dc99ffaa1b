/* test_token.c — table tokens: keys are found by hash, shown by their owner, gone when deleted */
#include "cost.h"
#include "temp_db.h"

#include "base/clock.h"
#include "store/token.h"
#include "store/user.h"

static int64_t add_user(struct temp_db *t, const char *name)
{
	struct user u = { .username = str_c(name),
		.role = ROLE_USER,
		.status = USER_ENABLED,
		.group = STR("vip"),
		.quota = 777 };

	CHECK(user_insert(t->db, &u, &t->err), &t->err);
	return u.id;
}

static struct token add(struct temp_db *t, int64_t user_id, const char *name)
{
	struct token k = { .user_id = user_id,
		.status = TOKEN_ENABLED,
		.name = str_c(name),
		.expired_time = TOKEN_NEVER_EXPIRES,
		.remain_quota = 100 };

	CHECK(token_insert(t->db, t->box, t->arena, &k, &t->err), &t->err);
	return k;
}

static bool find(struct temp_db *t, struct str key, struct token_owner *out, struct err *err)
{
	uint8_t hash[SECRET_HASH_LEN];

	secret_hash(t->box, "token", key, hash);
	return token_find(t->db, t->arena, hash, out, err);
}

static void test_find(void **state)
{
	struct temp_db *t = *state;
	int64_t user = add_user(t, "alice");
	struct token k = { .user_id = user,
		.status = TOKEN_DISABLED,
		.name = STR("mine"),
		.created_time = 5,
		.accessed_time = 6,
		.expired_time = 7,
		.remain_quota = 8,
		.unlimited_quota = true,
		.models = STR("gpt-4o,gpt-4"),
		.subnet = STR("10.0.0.0/8") };
	struct token_owner o;
	struct err err = { 0 };

	CHECK(token_insert(t->db, t->box, t->arena, &k, &t->err), &t->err);
	assert_int_equal(k.key.n, TOKEN_KEY_LEN);
	CHECK(find(t, k.key, &o, &t->err), &t->err);
	assert_int_equal(o.token.id, k.id);
	assert_int_equal(o.token.user_id, user);
	assert_int_equal(o.token.key.n, 0); /* not asked for */
	assert_int_equal(o.token.status, TOKEN_DISABLED);
	CHECK_TEXT(o.token.name, "mine");
	assert_int_equal(o.token.created_time, 5);
	assert_int_equal(o.token.accessed_time, 6);
	assert_int_equal(o.token.expired_time, 7);
	assert_int_equal(o.token.remain_quota, 8);
	assert_true(o.token.unlimited_quota);
	assert_int_equal(o.token.used_quota, 0);
	CHECK_TEXT(o.token.models, "gpt-4o,gpt-4");
	CHECK_TEXT(o.token.subnet, "10.0.0.0/8");
	CHECK_TEXT(o.username, "alice");
	CHECK_TEXT(o.group, "vip");
	assert_int_equal(o.user_status, USER_ENABLED);
	assert_int_equal(o.role, ROLE_USER);
	assert_int_equal(o.user_quota, 777);

	assert_false(find(t, STR("no such key"), &o, &err));
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	assert_false(find(t, STR(""), &o, &err));
}

/* A key that the operator chose, and the same once more. */
static void test_given_key(void **state)
{
	struct temp_db *t = *state;
	int64_t user = add_user(t, "root");
	struct token k = { .user_id = user, .key = STR("chosen"), .status = TOKEN_ENABLED };
	struct token_owner o;
	struct err err = { 0 };
	int64_t id;

	CHECK(token_insert(t->db, t->box, t->arena, &k, &t->err), &t->err);
	CHECK_TEXT(k.key, "chosen");
	assert_true(k.created_time > 0);
	CHECK(find(t, STR("chosen"), &o, &t->err), &t->err);
	assert_false(find(t, STR("CHOSEN"), &o, &err));
	id = k.id;
	err_clear(&err);
	assert_false(token_insert(t->db, t->box, t->arena, &k, &err));
	assert_string_equal(err.code, "duplicate");
	/* Free again once it is deleted. */
	CHECK(token_delete(t->db, id, user, &t->err), &t->err);
	CHECK(token_insert(t->db, t->box, t->arena, &k, &t->err), &t->err);
	CHECK(find(t, STR("chosen"), &o, &t->err), &t->err);
	assert_int_not_equal(o.token.id, id);
}

/* The key stands nowhere in the table, and an unreadable one is "" while the key still works. */
static void test_sealed(void **state)
{
	static const char sql[] = "SELECT key_hash, key_sealed FROM tokens WHERE id = ?";
	static const char spoil_sql[] = "UPDATE tokens SET key_sealed = 'AAAA' WHERE id = ?";
	struct temp_db *t = *state;
	int64_t user = add_user(t, "alice");
	struct token k = add(t, user, "k"), got;
	struct token_owner o;
	struct rows rows;

	CHECK(db_query(t->db, sql, BIND(v_int(k.id)), &rows, &t->err), &t->err);
	assert_true(rows_next(&rows));
	assert_int_equal(rows_blob(&rows, 0).n, SECRET_HASH_LEN);
	assert_false(str_has(rows_text(&rows, 1), k.key));
	assert_true(rows_text(&rows, 1).n > k.key.n);
	CHECK(rows_close(&rows, &t->err), &t->err);

	CHECK(token_by_id(t->db, t->box, t->arena, k.id, user, &got, &t->err), &t->err);
	assert_true(str_eq(got.key, k.key));
	CHECK(db_run(t->db, spoil_sql, BIND(v_int(k.id)), NULL, &t->err), &t->err);
	CHECK(token_by_id(t->db, t->box, t->arena, k.id, user, &got, &t->err), &t->err);
	CHECK_TEXT(got.key, "");
	CHECK(find(t, k.key, &o, &t->err), &t->err);
}

static const char *names(struct temp_db *t, const struct token_list *list)
{
	const char *text = "";

	for (size_t i = 0; i < list->count; i++) {
		text = arena_fmt(t->arena, "%s%s%.*s", text, i ? "," : "",
		    STR_ARG(list->items[i].name));
		assert_int_equal(list->items[i].key.n, TOKEN_KEY_LEN);
	}
	return text;
}

static void test_lists(void **state)
{
	static const char money_sql[] =
	    "UPDATE tokens SET remain_quota = id, used_quota = 10 - id, "
	    "unlimited_quota = CASE WHEN name = 'b1' THEN 1 ELSE 0 END";
	static const struct {
		const char *name;
		enum token_order order;
		int64_t offset, limit;
		const char *want;
	} pages[] = {
		{ "by id", TOKENS_BY_ID, 0, 10, "b2,b1,a1" },
		{ "by id, next", TOKENS_BY_ID, 1, 1, "b1" },
		{ "by what is left, unlimited first", TOKENS_BY_REMAIN, 0, 10, "b1,b2,a1" },
		{ "by what is used", TOKENS_BY_USED, 0, 10, "a1,b1,b2" },
		{ "past the end", TOKENS_BY_ID, 3, 10, "" },
	};
	static const struct {
		const char *name, *keyword, *want;
	} searches[] = {
		{ "prefix", "b", "b2,b1" },
		{ "whole", "a1", "a1" },
		{ "somebody else's", "x", "" },
		{ "deleted", "gone", "" },
		{ "per cent is itself", "%", "" },
		{ "underscore is itself", "b_", "" },
	};
	struct temp_db *t = *state;
	int64_t user = add_user(t, "alice"), other = add_user(t, "bob"), count;
	struct token_list list;

	add(t, user, "a1");
	add(t, user, "b1");
	add(t, other, "x1");
	add(t, user, "b2");
	CHECK(token_delete(t->db, add(t, user, "gone").id, user, &t->err), &t->err);
	CHECK(db_run(t->db, money_sql, BIND_NONE, NULL, &t->err), &t->err);
	for (size_t i = 0; i < COUNT_OF(pages); i++) {
		CHECK(token_page(t->db, t->box, t->arena, user, pages[i].order, pages[i].offset,
		          pages[i].limit, &list, &t->err),
		    &t->err);
		if (strcmp(names(t, &list), pages[i].want) != 0)
			fail_msg("%s: got %s, want %s", pages[i].name, names(t, &list),
			    pages[i].want);
	}
	for (size_t i = 0; i < COUNT_OF(searches); i++) {
		CHECK(token_search(t->db, t->box, t->arena, user, str_c(searches[i].keyword), 100,
		          &list, &t->err),
		    &t->err);
		if (strcmp(names(t, &list), searches[i].want) != 0)
			fail_msg("%s: got %s, want %s", searches[i].name, names(t, &list),
			    searches[i].want);
	}
	CHECK(token_count(t->db, user, &count, &t->err), &t->err);
	assert_int_equal(count, 3);
}

static void test_update(void **state)
{
	struct temp_db *t = *state;
	int64_t user = add_user(t, "alice");
	struct token k = add(t, user, "old"), got;
	struct err err = { 0 };

	k.status = TOKEN_DISABLED;
	k.name = STR("new");
	k.expired_time = 1234;
	k.remain_quota = 55; /* these three are not written here */
	k.unlimited_quota = !k.unlimited_quota;
	k.used_quota = 9;
	k.models = STR("m");
	k.subnet = STR("::1/128");
	CHECK(token_update(t->db, &k, &t->err), &t->err);
	CHECK(token_by_id(t->db, t->box, t->arena, k.id, user, &got, &t->err), &t->err);
	assert_int_equal(got.status, TOKEN_DISABLED);
	CHECK_TEXT(got.name, "new");
	assert_int_equal(got.expired_time, 1234);
	assert_int_not_equal(got.remain_quota, 55);
	assert_int_not_equal(got.unlimited_quota, k.unlimited_quota);
	assert_int_equal(got.used_quota, 0);
	CHECK_TEXT(got.models, "m");
	CHECK_TEXT(got.subnet, "::1/128");
	assert_true(str_eq(got.key, k.key));

	CHECK(token_set_status(t->db, k.id, TOKEN_EXPIRED, &t->err), &t->err);
	CHECK(token_by_id(t->db, t->box, t->arena, k.id, user, &got, &t->err), &t->err);
	assert_int_equal(got.status, TOKEN_EXPIRED);

	k.user_id = user + 1;
	assert_false(token_update(t->db, &k, &err));
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	assert_false(token_by_id(t->db, t->box, t->arena, k.id, user + 1, &got, &err));
	assert_int_equal(err.kind, ERR_NOT_FOUND);
}

/* A key whose quota is only held gets it back, so it is not at its end. */
static void test_mark_exhausted(void **state)
{
	static const struct {
		const char *name, *change, *hold;
		int want;
	} cases[] = {
		{ "something left", "", "", TOKEN_ENABLED },
		{ "unlimited", "remain_quota = 0, unlimited_quota = 1", "", TOKEN_ENABLED },
		{ "held", "remain_quota = 0", "hold", TOKEN_ENABLED },
		{ "disabled", "remain_quota = 0, status = 2", "", TOKEN_DISABLED },
		{ "nothing left", "remain_quota = 0", "", TOKEN_EXHAUSTED },
		{ "below", "remain_quota = -5", "", TOKEN_EXHAUSTED },
	};
	struct temp_db *t = *state;
	int64_t user = add_user(t, "alice");

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct token k = add(t, user, cases[i].name), got;
		const char *change = arena_fmt(t->arena, "UPDATE tokens SET %s WHERE id = %d",
		    *cases[i].change ? cases[i].change : "name = name", (int)k.id);
		const char *hold = arena_fmt(t->arena,
		    "INSERT INTO reservations (request_id, user_id, token_id, channel_id, amount, "
		    "node, lease_until, created_at, model_name, token_name, username) "
		    "VALUES ('r', 1, %d, 1, 5, 'n', 0, 0, '', '', '')",
		    (int)k.id);

		CHECK(db_script(t->db, change, &t->err), &t->err);
		if (*cases[i].hold)
			CHECK(db_script(t->db, hold, &t->err), &t->err);
		CHECK(token_mark_exhausted(t->db, k.id, &t->err), &t->err);
		CHECK(token_by_id(t->db, t->box, t->arena, k.id, user, &got, &t->err), &t->err);
		if (got.status != cases[i].want)
			fail_msg("%s: status %d, want %d", cases[i].name, got.status,
			    cases[i].want);
	}
}

static void test_delete(void **state)
{
	static const char row_sql[] =
	    "SELECT COUNT(*) FROM tokens WHERE id = ? AND deleted_at > 0 AND key_sealed = ''";
	struct temp_db *t = *state;
	int64_t user = add_user(t, "alice"), n = 0;
	struct token k = add(t, user, "k"), got;
	struct token_owner o;
	struct err err = { 0 };
	struct rows rows;

	assert_false(token_delete(t->db, k.id, user + 1, &err));
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	CHECK(find(t, k.key, &o, &t->err), &t->err);
	CHECK(token_delete(t->db, k.id, user, &t->err), &t->err);
	assert_false(find(t, k.key, &o, &err));
	assert_false(token_by_id(t->db, t->box, t->arena, k.id, user, &got, &err));
	assert_false(token_delete(t->db, k.id, user, &err));
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	assert_false(token_update(t->db, &k, &err));
	assert_false(token_set_status(t->db, k.id, TOKEN_ENABLED, &err));
	/* The row stays, without the key, for what is still running. */
	CHECK(db_query(t->db, row_sql, BIND(v_int(k.id)), &rows, &t->err) &&
	        rows_number(&rows, &n, &t->err),
	    &t->err);
	assert_int_equal(n, 1);
}

struct finding {
	struct temp_db *t;
	struct arena *arena;
	uint8_t hash[SECRET_HASH_LEN];
};

static void find_it(void *arg)
{
	struct finding *f = arg;
	struct arena_mark m = arena_mark(f->arena);
	struct token_owner o;

	CHECK(token_find(f->t->db, f->arena, f->hash, &o, &f->t->err), &f->t->err);
	arena_rewind(f->arena, m);
}

/* It runs for every request: a full scan of the table would show here. */
static void test_find_is_quick(void **state)
{
	struct temp_db *t = *state;
	struct finding f = { .t = t, .arena = arena_new(4096) };
	int64_t user = add_user(t, "alice"), few_ns, many_ns;
	struct token k = add(t, user, "k");

	secret_hash(t->box, "token", k.key, f.hash);
	few_ns = cost_ns(find_it, &f, 50);
	CHECK(db_begin(t->db, &t->err), &t->err);
	for (int i = 0; i < 5000; i++)
		k = add(t, user, "k");
	CHECK(db_commit(t->db, &t->err), &t->err);
	secret_hash(t->box, "token", k.key, f.hash);
	many_ns = cost_ns(find_it, &f, 50);
	arena_free(f.arena);
	print_message("token_find: %d ns alone, %d among 5000\n", (int)few_ns, (int)many_ns);
	if (many_ns > few_ns * 10)
		fail_msg("got %d ns for one, want not much more than %d", (int)many_ns,
		    (int)few_ns);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		DB_TEST(test_find),
		DB_TEST(test_given_key),
		DB_TEST(test_sealed),
		DB_TEST(test_lists),
		DB_TEST(test_update),
		DB_TEST(test_mark_exhausted),
		DB_TEST(test_delete),
		DB_TEST(test_find_is_quick),
	};

	return temp_db_run("token", tests, COUNT_OF(tests));
}
