/* test_user.c — table users: finding, paging, changing, deleting */
#include "temp_db.h"

#include "store/token.h"
#include "store/user.h"

static int64_t add(struct temp_db *t, const char *name, const char *email)
{
	struct user u = {
		.username = str_c(name),
		.email = str_c(email),
		.role = ROLE_USER,
		.status = USER_ENABLED,
		.group = STR("default"),
	};

	CHECK(user_insert(t->db, &u, &t->err), &t->err);
	return u.id;
}

static void test_round_trip(void **state)
{
	struct temp_db *t = *state;
	struct user got,
	    u = {
		    .username = STR("alice"),
		    .display_name = STR("Alice"),
		    .password = STR("$s1$hash"),
		    .role = ROLE_ADMIN,
		    .status = USER_ENABLED,
		    .email = STR("a@example.com"),
		    .github_id = STR("gh"),
		    .wechat_id = STR("wx"),
		    .lark_id = STR("lk"),
		    .oidc_id = STR("oi"),
		    .quota = 12345,
		    .used_quota = 99, /* not the caller's to set */
		    .request_count = 9,
		    .group = STR("vip"),
		    .aff_code = STR("aB3d"),
		    .inviter_id = 7,
		    .created_at = 1700000000,
	    };

	CHECK(user_insert(t->db, &u, &t->err), &t->err);
	assert_true(u.id > 0);
	CHECK(user_by_id(t->db, t->arena, u.id, &got, &t->err), &t->err);
	assert_int_equal(got.id, u.id);
	CHECK_TEXT(got.username, "alice");
	CHECK_TEXT(got.display_name, "Alice");
	CHECK_TEXT(got.password, "$s1$hash");
	assert_int_equal(got.role, ROLE_ADMIN);
	assert_int_equal(got.status, USER_ENABLED);
	CHECK_TEXT(got.email, "a@example.com");
	CHECK_TEXT(got.github_id, "gh");
	CHECK_TEXT(got.wechat_id, "wx");
	CHECK_TEXT(got.lark_id, "lk");
	CHECK_TEXT(got.oidc_id, "oi");
	assert_int_equal(got.quota, 12345);
	assert_int_equal(got.used_quota, 0);
	assert_int_equal(got.request_count, 0);
	CHECK_TEXT(got.group, "vip");
	CHECK_TEXT(got.aff_code, "aB3d");
	assert_int_equal(got.inviter_id, 7);
	assert_int_equal(got.created_at, 1700000000);
	assert_int_equal(got.session_epoch, 0);

	got.quota = 1;
	got.username = STR("alicia");
	got.group = STR("default");
	got.email = STR("");
	CHECK(user_update(t->db, &got, false, &t->err), &t->err);
	CHECK(user_by_name(t->db, t->arena, STR("ALICIA"), &got, &t->err), &t->err);
	assert_int_equal(got.quota, 12345); /* money is not written here */
	assert_int_equal(got.session_epoch, 0);
	CHECK_TEXT(got.group, "default");
	CHECK_TEXT(got.email, "");
	CHECK(user_update(t->db, &got, true, &t->err), &t->err);
	CHECK(user_by_id(t->db, t->arena, u.id, &got, &t->err), &t->err);
	assert_int_equal(got.session_epoch, 1);
	got.id = 999;
	assert_false(user_update(t->db, &got, false, &t->err));
	assert_int_equal(t->err.kind, ERR_NOT_FOUND);
}

static void test_names(void **state)
{
	static const struct {
		const char *name, *find;
		bool want;
	} cases[] = {
		{ "as written", "Bob", true },
		{ "other case", "bOB", true },
		{ "prefix", "Bo", false },
		{ "empty", "", false },
		{ "wild card", "%", false },
	};
	struct temp_db *t = *state;
	struct user u = { .username = STR("BOB"), .status = 1, .role = 1 };
	struct err err = { 0 };
	int64_t id = add(t, "Bob", ""), carl = add(t, "carl", "");

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct user got;
		bool found = user_by_name(t->db, t->arena, str_c(cases[i].find), &got, &err);

		if (found != cases[i].want || (found && got.id != id))
			fail_msg("%s: got %d, want %d", cases[i].name, found, cases[i].want);
		if (!found)
			assert_int_equal(err.kind, ERR_NOT_FOUND);
	}

	/* A taken name, in any case, at both doors. */
	err_clear(&err);
	assert_false(user_insert(t->db, &u, &err));
	assert_string_equal(err.code, "duplicate");
	err_clear(&err);
	CHECK(user_by_id(t->db, t->arena, carl, &u, &t->err), &t->err);
	u.username = STR("bob");
	assert_false(user_update(t->db, &u, false, &err));
	assert_string_equal(err.code, "duplicate");
}

/* As an import does with addresses that several accounts have. */
static void mark_shared(struct temp_db *t, const char *email)
{
	static const char sql[] = "UPDATE users SET email_shared = 1 WHERE email = ?";

	CHECK(db_run(t->db, sql, BIND(v_text(str_c(email))), NULL, &t->err), &t->err);
}

static void test_email(void **state)
{
	static const struct {
		const char *name, *find, *want;
	} cases[] = {
		{ "one account", "one@example.com", "one" },
		{ "other case", "ONE@Example.com", "one" },
		{ "two accounts", "two@example.com", NULL },
		{ "two accounts by case", "Two@example.com", NULL },
		{ "nobody", "no@example.com", NULL },
		{ "empty", "", NULL },
	};
	struct temp_db *t = *state;

	add(t, "one", "one@example.com");
	add(t, "two", "two@example.com");
	mark_shared(t, "two@example.com");
	add(t, "three", "TWO@example.com");
	add(t, "none", "");
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct user got = { 0 };
		bool found = user_by_email(t->db, t->arena, str_c(cases[i].find), &got, &t->err);

		if (found != (cases[i].want != NULL))
			fail_msg("%s: got %d", cases[i].name, found);
		if (found)
			CHECK_TEXT(got.username, cases[i].want);
		else
			assert_int_equal(t->err.kind, ERR_NOT_FOUND);
	}
}

/* What the database itself refuses, and what it lets be. */
static void test_email_once(void **state)
{
	struct temp_db *t = *state;
	int64_t one = add(t, "one", "one@example.com"), two = add(t, "two", "");
	struct user got,
	    again = { .username = STR("three"),
		    .email = STR("ONE@example.com"),
		    .role = ROLE_USER,
		    .status = USER_ENABLED };
	struct err err = { 0 };
	bool taken = false;

	assert_false(user_insert(t->db, &again, &err));
	assert_string_equal(err.code, "duplicate");
	err_clear(&err);
	assert_false(user_set_email(t->db, two, STR("one@EXAMPLE.com"), &err));
	assert_string_equal(err.code, "duplicate");
	CHECK(user_email_taken(t->db, STR("One@example.com"), two, &taken, &t->err), &t->err);
	assert_true(taken);
	CHECK(user_email_taken(t->db, STR("one@example.com"), one, &taken, &t->err), &t->err);
	assert_false(taken);
	CHECK(user_email_taken(t->db, STR(""), 0, &taken, &t->err), &t->err);
	assert_false(taken);

	/* shared as it was imported: other changes leave that alone, a new address ends it */
	mark_shared(t, "one@example.com");
	CHECK(user_insert(t->db, &again, &t->err), &t->err);
	mark_shared(t, "one@example.com");
	CHECK(user_by_id(t->db, t->arena, one, &got, &t->err), &t->err);
	got.display_name = STR("Number One");
	CHECK(user_update(t->db, &got, false, &t->err), &t->err);
	got.email = STR("free@example.com");
	CHECK(user_update(t->db, &got, false, &t->err), &t->err);
	err_clear(&err);
	assert_false(user_set_email(t->db, two, STR("free@example.com"), &err));
	assert_string_equal(err.code, "duplicate");
	CHECK(user_delete(t->db, one, &t->err), &t->err);
	CHECK(user_set_email(t->db, two, STR("free@example.com"), &t->err), &t->err);
}

static void test_invites(void **state)
{
	struct temp_db *t = *state;
	int64_t inviter = add(t, "ina", ""), n = -1;
	struct user guest = { .username = STR("gus"),
		.role = ROLE_USER,
		.status = USER_ENABLED,
		.inviter_id = inviter },
	            found;
	struct err err = { 0 };
	bool claimed = false;

	CHECK(user_insert(t->db, &guest, &t->err), &t->err);
	CHECK(user_invite_claim(t->db, guest.id, 999, &claimed, &t->err), &t->err);
	assert_false(claimed);
	CHECK(user_invite_due(t->db, guest.id, &t->err), &t->err);
	CHECK(user_invite_due(t->db, inviter, &t->err), &t->err);
	CHECK(user_set_aff_code(t->db, inviter, STR("AbCd1234"), &t->err), &t->err);
	CHECK(user_by_aff_code(t->db, t->arena, STR("AbCd1234"), &found, &t->err), &t->err);
	assert_int_equal(found.id, inviter);
	assert_false(user_by_aff_code(t->db, t->arena, STR("abcd1234"), &found, &err));
	assert_false(user_by_aff_code(t->db, t->arena, STR(""), &found, &err));
	CHECK(user_invite_claim(t->db, guest.id, 1000, &claimed, &t->err), &t->err);
	assert_true(claimed);
	CHECK(user_invite_claim(t->db, guest.id, 1001, &claimed, &t->err), &t->err);
	assert_false(claimed);
	CHECK(user_invite_claim(t->db, inviter, 1001, &claimed, &t->err), &t->err);
	assert_false(claimed);
	CHECK(user_invites_since(t->db, inviter, 999, &n, &t->err), &t->err);
	assert_int_equal(n, 1);
	CHECK(user_invites_since(t->db, inviter, 1000, &n, &t->err), &t->err);
	assert_int_equal(n, 0);
}

static void test_access_token(void **state)
{
	struct temp_db *t = *state;
	uint8_t one[SECRET_HASH_LEN] = { 1 }, two[SECRET_HASH_LEN] = { 2 };
	int64_t id = add(t, "dave", ""), other = add(t, "eve", "");
	struct err err = { 0 };
	struct user got;

	assert_false(user_by_access_token(t->db, t->arena, one, &got, &err));
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	CHECK(user_set_access_token(t->db, id, one, &t->err), &t->err);
	CHECK(user_by_access_token(t->db, t->arena, one, &got, &t->err), &t->err);
	assert_int_equal(got.id, id);
	/* The old one dies with the new one. */
	CHECK(user_set_access_token(t->db, id, two, &t->err), &t->err);
	assert_false(user_by_access_token(t->db, t->arena, one, &got, &err));
	err_clear(&err);
	assert_false(user_set_access_token(t->db, other, two, &err));
	assert_string_equal(err.code, "duplicate");
	CHECK(user_set_access_token(t->db, id, NULL, &t->err), &t->err);
	assert_false(user_by_access_token(t->db, t->arena, two, &got, &err));
	err_clear(&err);
	/* It outlives a new name and another hash of the same password, and no new password. */
	CHECK(user_set_access_token(t->db, id, one, &t->err), &t->err);
	CHECK(user_by_id(t->db, t->arena, id, &got, &t->err), &t->err);
	got.display_name = STR("Dave");
	CHECK(user_update(t->db, &got, true, &t->err), &t->err);
	CHECK(user_renew_hash(t->db, id, got.password, STR("again"), &t->err), &t->err);
	CHECK(user_by_access_token(t->db, t->arena, one, &got, &t->err), &t->err);
	got.password = STR("new");
	CHECK(user_update(t->db, &got, false, &t->err), &t->err);
	assert_false(user_by_access_token(t->db, t->arena, one, &got, &err));
	err_clear(&err);
	CHECK(user_set_access_token(t->db, id, one, &t->err), &t->err);
	CHECK(user_set_password(t->db, id, STR("newer"), &t->err), &t->err);
	assert_false(user_by_access_token(t->db, t->arena, one, &got, &err));
	/* Any number of accounts may have none. */
	CHECK(user_set_access_token(t->db, other, NULL, &t->err), &t->err);
}

static void test_aff_code(void **state)
{
	struct temp_db *t = *state;
	int64_t a = add(t, "a", ""), b = add(t, "b", "");
	struct err err = { 0 };
	struct user got;

	CHECK(user_set_aff_code(t->db, a, STR("Xy12"), &t->err), &t->err);
	CHECK(user_by_id(t->db, t->arena, a, &got, &t->err), &t->err);
	CHECK_TEXT(got.aff_code, "Xy12");
	assert_false(user_set_aff_code(t->db, b, STR("Xy12"), &err));
	assert_string_equal(err.code, "duplicate");
}

/* Ids of a list as "3,1". */
static const char *ids(struct temp_db *t, const struct user_list *list)
{
	const char *text = "";

	for (size_t i = 0; i < list->count; i++)
		text = arena_fmt(t->arena, "%s%s%d", text, i ? "," : "", (int)list->items[i].id);
	return text;
}

static void test_page(void **state)
{
	static const char money_sql[] =
	    "UPDATE users SET quota = id * 10, used_quota = 100 - id, request_count = id % 2";
	static const struct {
		const char *name;
		enum user_order order;
		int64_t offset, limit;
		const char *want;
	} cases[] = {
		{ "by id", USERS_BY_ID, 0, 10, "5,4,3,1" },
		{ "second page", USERS_BY_ID, 2, 2, "3,1" },
		{ "past the end", USERS_BY_ID, 10, 10, "" },
		{ "by quota", USERS_BY_QUOTA, 0, 10, "5,4,3,1" },
		{ "by used quota", USERS_BY_USED_QUOTA, 0, 10, "1,3,4,5" },
		{ "by requests", USERS_BY_REQUEST_COUNT, 0, 10, "5,3,1,4" },
	};
	struct temp_db *t = *state;
	int64_t count;

	for (int i = 1; i <= 5; i++)
		assert_int_equal(add(t, arena_fmt(t->arena, "user%d", i), ""), i);
	CHECK(user_delete(t->db, 2, &t->err), &t->err);
	CHECK(db_run(t->db, money_sql, BIND_NONE, NULL, &t->err), &t->err);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct user_list list;

		CHECK(user_page(t->db, t->arena, cases[i].order, cases[i].offset, cases[i].limit,
		          &list, &t->err),
		    &t->err);
		if (strcmp(ids(t, &list), cases[i].want) != 0)
			fail_msg("%s: got %s, want %s", cases[i].name, ids(t, &list),
			    cases[i].want);
	}
	CHECK(user_count(t->db, &count, &t->err), &t->err);
	assert_int_equal(count, 4);
}

static void test_search(void **state)
{
	static const struct {
		const char *name, *keyword, *want;
	} cases[] = {
		{ "by id", "2", "2" },
		{ "by id, only if all is digits", "2x", "" },
		{ "name prefix", "ann", "2,1" },
		{ "name prefix, case", "ANN", "2,1" },
		{ "not the middle", "nn", "" },
		{ "email", "joe@", "3" },
		{ "display name", "The ", "3" },
		{ "per cent is itself", "%", "" },
		{ "underscore is itself", "a_", "4" },
		{ "exclamation mark is itself", "!", "5" },
		{ "digits as a prefix too", "10", "6" },
		{ "too large for an id", "99999999999999999999", "" },
		{ "deleted", "gone", "" },
	};
	struct temp_db *t = *state;
	struct user joe = { .username = STR("j"),
		.email = STR("joe@example.com"),
		.display_name = STR("The Joe"),
		.status = 1,
		.role = 1 };

	add(t, "anna", "");
	add(t, "Annette", "");
	CHECK(user_insert(t->db, &joe, &t->err), &t->err);
	add(t, "a_b", "");
	add(t, "!x", "");
	add(t, "10cc", "");
	CHECK(user_delete(t->db, add(t, "gone", "gone@example.com"), &t->err), &t->err);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct user_list list;

		CHECK(user_search(t->db, t->arena, str_c(cases[i].keyword), 0, 100, &list, &t->err),
		    &t->err);
		if (strcmp(ids(t, &list), cases[i].want) != 0)
			fail_msg("%s: got %s, want %s", cases[i].name, ids(t, &list),
			    cases[i].want);
	}
}

static void test_delete(void **state)
{
	static const uint8_t hash[SECRET_HASH_LEN] = { 7 };
	struct temp_db *t = *state;
	struct token key = { .status = TOKEN_ENABLED, .name = STR("k"), .expired_time = -1 };
	uint8_t key_hash[SECRET_HASH_LEN];
	struct token_owner owner;
	struct err err = { 0 };
	struct user u,
	    again = { .username = STR("frank"),
		    .github_id = STR("fr"),
		    .status = 1,
		    .role = 1,
		    .email = STR("f@example.com"),
		    .aff_code = STR("FFFF"),
		    .quota = 500 };
	int64_t id;

	CHECK(user_insert(t->db, &again, &t->err), &t->err);
	id = again.id;
	CHECK(user_set_access_token(t->db, id, hash, &t->err), &t->err);
	key.user_id = id;
	CHECK(token_insert(t->db, t->box, t->arena, &key, &t->err), &t->err);
	secret_hash(t->box, "token", key.key, key_hash);
	CHECK(token_find(t->db, t->arena, key_hash, &owner, &t->err), &t->err);

	CHECK(db_begin(t->db, &t->err), &t->err);
	CHECK(user_delete(t->db, id, &t->err), &t->err);
	CHECK(db_commit(t->db, &t->err), &t->err);

	CHECK(user_by_id(t->db, t->arena, id, &u, &t->err), &t->err);
	assert_int_equal(u.status, USER_DELETED);
	assert_true(str_starts(u.username, STR("deleted_")));
	assert_int_equal(u.username.n, strlen("deleted_") + 32);
	CHECK_TEXT(u.email, "");
	CHECK_TEXT(u.github_id, "");
	CHECK_TEXT(u.aff_code, "");
	CHECK_TEXT(u.password, "");
	assert_int_equal(u.session_epoch, 1);
	assert_int_equal(u.quota, 500);
	assert_false(user_by_name(t->db, t->arena, STR("frank"), &u, &err));
	assert_false(user_by_email(t->db, t->arena, STR("f@example.com"), &u, &err));
	assert_false(user_by_access_token(t->db, t->arena, hash, &u, &err));
	assert_false(token_find(t->db, t->arena, key_hash, &owner, &err));
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	assert_false(user_delete(t->db, id, &err));
	assert_int_equal(err.kind, ERR_NOT_FOUND);

	/* All he gave up is free again, but not his id. */
	CHECK(user_insert(t->db, &again, &t->err), &t->err);
	assert_int_not_equal(again.id, id);
	CHECK(user_set_access_token(t->db, again.id, hash, &t->err), &t->err);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		DB_TEST(test_round_trip),
		DB_TEST(test_names),
		DB_TEST(test_email),
		DB_TEST(test_email_once),
		DB_TEST(test_invites),
		DB_TEST(test_access_token),
		DB_TEST(test_aff_code),
		DB_TEST(test_page),
		DB_TEST(test_search),
		DB_TEST(test_delete),
	};

	return temp_db_run("user", tests, COUNT_OF(tests));
}
