/* test_admin_bootstrap.c — the first start; messages */
#include "admin_room.h"

#include <sys/stat.h>

#include "../../fcgi-admin/bootstrap.h"
#include "../../fcgi-admin/message.h"

static const char *read_password(struct room *m, char out[64], mode_t *mode)
{
	char path[128];
	struct stat st;
	FILE *f;

	snprintf(path, sizeof path, "%s/root-password", m->dir);
	if (stat(path, &st) != 0)
		return NULL;
	*mode = st.st_mode & 0777;
	f = fopen(path, "r");
	assert_non_null(f);
	assert_non_null(fgets(out, 64, f));
	fclose(f);
	out[strcspn(out, "\n")] = '\0';
	return out;
}

static struct answer sign_in(struct room *m, const char *password)
{
	char body[256];

	snprintf(body, sizeof body, "{\"username\":\"root\",\"password\":\"%s\"}", password);
	return room_as(m, NULL, "POST", "/api/user/login", body);
}

static void test_random_password(void **state)
{
	char password[64], again[64];
	struct answer a;
	struct room m;
	mode_t mode = 0;
	int64_t users;

	room_open_bare(&m);
	room_must(bootstrap(&m.admin, m.db, &err));
	assert_non_null(read_password(&m, password, &mode));
	assert_int_equal(mode, 0600);
	assert_int_equal(strlen(password), 16);
	a = sign_in(&m, password);
	assert_non_null(strstr(a.body, "\"username\":\"root\""));
	assert_int_equal(json_int_at(a.tree, "data.role", -1), 100);
	assert_non_null(strstr(sign_in(&m, "123456").body, FAILURE));

	/* a second start changes nothing */
	room_must(bootstrap(&m.admin, m.db, &err));
	room_must(user_count(m.db, &users, &err));
	assert_int_equal(users, 1);
	assert_string_equal(read_password(&m, again, &mode), password);
	room_close(&m);
}

static void test_settings(void **state)
{
	struct ask_headers h = { .authorization = "my-access-token" };
	struct token_owner owner;
	uint8_t hash[SECRET_HASH_LEN];
	char password[64];
	struct answer a;
	struct room m;
	mode_t mode;

	room_open_bare(&m);
	m.admin.root_password = STR("chosen by hand");
	m.admin.root_access_token = STR("my-access-token");
	m.admin.root_token = STR("sk-with-dashes-in-it");
	room_must(bootstrap(&m.admin, m.db, &err));
	assert_null(read_password(&m, password, &mode));
	assert_non_null(strstr(sign_in(&m, "chosen by hand").body, SUCCESS));
	a = room_ask(&m, "GET", "/api/user/self", NULL, &h);
	assert_non_null(
	    strstr(a.body, "\"display_name\":\"Root User\",\"role\":100,\"status\":1,"));
	assert_true(json_int_at(a.tree, "data.quota", -1) == 500000000000000);

	secret_hash(m.admin.rt.box, "token", STR("with-dashes-in-it"), hash);
	room_must(token_find(m.db, room_arena, hash, &owner, &err));
	assert_true(str_eq_c(owner.token.name, "Initial Root Token"));
	assert_true(owner.token.unlimited_quota);
	assert_int_equal(owner.token.expired_time, TOKEN_NEVER_EXPIRES);
	assert_true(owner.token.remain_quota == 500000000000000);
	room_close(&m);
}

static void test_bad_settings(void **state)
{
	static const struct {
		const char *name, *password, *token, *access, *want;
	} cases[] = {
		{ "the old default", "123456", "", "", "INITIAL_ROOT_PASSWORD" },
		{ "key with a blank", "", "a b", "", "INITIAL_ROOT_TOKEN" },
		{ "access token with a line end", "", "", "a\n", "INITIAL_ROOT_ACCESS_TOKEN" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct err err = { 0 };
		int64_t users;
		struct room m;

		room_open_bare(&m);
		m.admin.root_password = str_c(cases[i].password);
		m.admin.root_token = str_c(cases[i].token);
		m.admin.root_access_token = str_c(cases[i].access);
		if (bootstrap(&m.admin, m.db, &err))
			fail_msg("%s: taken", cases[i].name);
		if (err.kind != ERR_CONFIG || !strstr(err.msg, cases[i].want))
			fail_msg("%s: got %s, want %s", cases[i].name, err.msg, cases[i].want);
		err_clear(&err);
		assert_true(user_count(m.db, &users, &err));
		assert_int_equal(users, 0);
		room_close(&m);
	}
}

/* A password file that cannot be written: better no account than one that nobody can enter. */
static void test_no_password_file(void **state)
{
	struct err err = { 0 };
	char path[128];
	int64_t users;
	struct room m;

	room_open_bare(&m);
	snprintf(path, sizeof path, "%s/root-password", m.dir);
	assert_int_equal(symlink("/nowhere", path), 0);
	assert_false(bootstrap(&m.admin, m.db, &err));
	assert_int_equal(err.kind, ERR_CONFIG);
	err_clear(&err);
	assert_true(user_count(m.db, &users, &err));
	assert_int_equal(users, 0);
	room_close(&m);
}

static void test_messages(void **state)
{
	struct ask_headers english = { 0 }, chinese = { .language = "zh" };
	struct room m;

	room_open_bare(&m);
	for (int id = 0; id < MESSAGE_COUNT; id++) {
		struct req *r = room_request(&m, "GET", "/", NULL, &english);
		const char *en = message_text(r, (enum message)id), *zh;

		r = room_request(&m, "GET", "/", NULL, &chinese);
		zh = message_text(r, (enum message)id);
		if (!en || !zh || strcmp(en, zh) == 0 || !str_is_utf8(str_c(zh)))
			fail_msg("message %d: '%s' and '%s'", id, en, zh);
	}
	assert_true(str_eq_c(message_filled(room_request(&m, "GET", "/", NULL, &english), MSG_C05,
	                         STR("429"), STR("slow {} down")),
	    "http status code: 429, error message: slow {} down"));
	room_close(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_password),
		cmocka_unit_test(test_settings),
		cmocka_unit_test(test_bad_settings),
		cmocka_unit_test(test_no_password_file),
		cmocka_unit_test(test_messages),
	};

	return cmocka_run_group_tests_name("admin bootstrap", tests, NULL, NULL);
}
