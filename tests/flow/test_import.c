/* test_import.c — fcgi-admin import: who switches from one-api finds everything as it was
 *
 * The database is written here as one-api's newest release writes it, or as an old one did; then the
 * programs are started on what was imported.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../stack.h"
#include "base/err.h"
#include "store/db.h"

/* "password1", by bcrypt. */
#define HASH "$2a$10$abcdefghijklmnopqrstuu2njjerFUdKeNqVoGia/slSqhJQ.vuAy"
#define ANNA_KEY "AnnasKeyAnnasKeyAnnasKeyAnnasKeyAnnasKeyAnnasKey"

static const char newest_sql[] =
    "CREATE TABLE users (id integer PRIMARY KEY, username text, password text NOT NULL, "
    "display_name text, role integer DEFAULT 1, status integer DEFAULT 1, email text, github_id "
    "text, wechat_id text, lark_id text, oidc_id text, access_token char(32), quota integer, "
    "used_quota integer, request_count integer, `group` varchar(32) DEFAULT 'default', aff_code "
    "varchar(32), inviter_id integer);"
    "CREATE TABLE tokens (id integer PRIMARY KEY, user_id integer, `key` char(48), status integer "
    "DEFAULT 1, name text, created_time integer, accessed_time integer, expired_time integer "
    "DEFAULT -1, remain_quota integer DEFAULT 0, unlimited_quota numeric DEFAULT false, used_quota "
    "integer DEFAULT 0, models text, subnet text DEFAULT '');"
    "CREATE TABLE channels (id integer PRIMARY KEY, type integer DEFAULT 0, `key` text, status "
    "integer DEFAULT 1, name text, weight integer DEFAULT 0, created_time integer, test_time "
    "integer, response_time integer, base_url text DEFAULT '', other text, balance real, "
    "balance_updated_time integer, models text, `group` varchar(32) DEFAULT 'default', used_quota "
    "integer DEFAULT 0, model_mapping varchar(1024) DEFAULT '', priority integer DEFAULT 0, config "
    "text, system_prompt text);"
    "CREATE TABLE abilities (`group` varchar(32), model text, channel_id integer, enabled numeric, "
    "priority integer DEFAULT 0, PRIMARY KEY (`group`, model, channel_id));"
    "CREATE TABLE redemptions (id integer PRIMARY KEY, user_id integer, `key` char(32), status "
    "integer DEFAULT 1, name text, quota integer DEFAULT 100, created_time integer, redeemed_time "
    "integer);"
    "CREATE TABLE options (`key` text PRIMARY KEY, value text);"
    "CREATE TABLE logs (id integer PRIMARY KEY, user_id integer, created_at integer, type integer, "
    "content text, username text DEFAULT '', token_name text DEFAULT '', model_name text DEFAULT "
    "'', quota integer DEFAULT 0, prompt_tokens integer DEFAULT 0, completion_tokens integer "
    "DEFAULT 0, channel_id integer, request_id text DEFAULT '', elapsed_time integer DEFAULT 0, "
    "is_stream numeric DEFAULT false, system_prompt_reset numeric DEFAULT false);";

static const char rows_sql[] =
    "INSERT INTO users (id, username, password, display_name, role, status, email, github_id, "
    "access_token, quota, used_quota, request_count, `group`, aff_code, inviter_id) VALUES "
    "(1, 'root', '" HASH "', 'Root User', 100, 1, '', '', '" STACK_ROOT_ACCESS
    "', 900000, 1000, 3, 'default', '', 0),"
    "(2, 'anna', '" HASH "', 'Anna', 1, 1, 'anna@example.org', 'anna-at-hub', "
    "'22222222222222222222222222222222', 70000, 600, 2, 'vip', 'aB3d', 0),"
    "(4, 'Anna', '" HASH "', 'Other', 1, 1, 'ANNA@example.org', NULL, "
    "'44444444444444444444444444444444', 5, 0, 0, 'default', 'aB3e', 2),"
    "(5, 'ben', '" HASH "', 'Ben', 10, 2, NULL, NULL, NULL, 0, 0, 0, NULL, 'aB3f', 0),"
    "(6, 'deleted_00', '" HASH "', 'Gone', 1, 3, 'anna@example.org', 'gone', "
    "'66666666666666666666666666666666', 3, 0, 0, 'default', 'aB3g', 0),"
    "(8, 'github_8', '', 'From Hub', 1, 9, '', 'hub8', NULL, -7, 7, 1, 'default', 'aB3h', 0);"
    "INSERT INTO tokens (id, user_id, `key`, status, name, created_time, accessed_time, "
    "expired_time, remain_quota, unlimited_quota, used_quota, models, subnet) VALUES "
    "(1, 1, '" STACK_ROOT_KEY "', 1, 'first', 100, 200, -1, 0, 1, 0, NULL, ''),"
    "(3, 2, '" ANNA_KEY "', 1, 'annas', 101, 201, -1, 50000, 0, 600, 'gpt-4o, gpt-4o-mini', ''),"
    "(4, 2, 'expiredkey', 1, 'expired', 102, 202, 0, 5, 0, 0, '', ''),"
    "(5, 2, 'disabledkey', 2, 'disabled', 102, 202, -1, 5, 0, 0, '', ''),"
    "(6, 2, 'strangekey', 8, 'strange', 102, 202, -1, 5, 0, 0, '', ''),"
    "(7, 2, 'elsewherekey', 1, 'elsewhere', 102, 202, -1, 5, 0, 0, '', '10.9.8.0/24'),"
    "(9, 5, 'benskey', 1, 'of ben', 102, 202, -1, 5, 0, 0, '', '');"
    "INSERT INTO channels (id, type, `key`, status, name, weight, created_time, test_time, "
    "response_time, base_url, other, balance, balance_updated_time, models, `group`, used_quota, "
    "model_mapping, priority, config, system_prompt) VALUES "
    "(3, 1, 'sk-theirs', 1, 'main', 2, 300, 301, 302, 'http://127.0.0.1:9/', '', 12.5, 303, "
    "'gpt-4o,my-model', 'default,vip', 1500, '{\"my-model\":\"gpt-4o-mini\"}', 7, "
    "'{\"region\":\"\"}', NULL),"
    "(4, 3, 'azure', 2, 'off', 0, 300, 0, 0, 'https://a.example', '2024-03-01-preview', 0, 0, "
    "'gpt-4o', 'default', 0, 'null', NULL, NULL, NULL),"
    "(5, 14, 'sk-ant', 3, 'failed', NULL, 300, 0, 0, '', NULL, 0, 0, 'claude-3-opus-20240229', "
    "'default', 0, '{not json', 0, '', 'be kind'),"
    "(7, 99, 'x', 1, 'unknown', 0, 300, 0, 0, '', NULL, 0, 0, 'm', 'default', 0, '', 0, '', NULL);"
    "INSERT INTO abilities VALUES ('default', 'orphan', 99, 1, 0);"
    "INSERT INTO redemptions VALUES "
    "(2, 1, '22222222222222222222222222222222', 1, 'free', 500, 400, 0),"
    "(3, 1, '33333333333333333333333333333333', 3, 'used', 500, 400, 401),"
    "(5, 1, '55555555555555555555555555555555', 1, 'minus', -500, 400, 0);"
    "INSERT INTO options VALUES ('QuotaForNewUser', '1234'), ('SystemName', 'Our gate'), "
    "('SMTPToken', 'mail-secret'), ('RetryTimes', 'many'), ('RatioGPT4', '15'), ('', 'x'), "
    "('GroupRatio', '{\"default\":1,\"vip\":0.5}'), "
    "('ModelRatio', '{\"gpt-4o\":1.25,\"openrouter/auto\":-500000,\"gpt-4o-mini\":0.075}');"
    "INSERT INTO logs (id, user_id, created_at, type, content, username, token_name, model_name, "
    "quota, prompt_tokens, completion_tokens, channel_id, request_id, is_stream) VALUES "
    "(11, 1, 1700000000, 4, 'welcome', 'root', '', '', 0, 0, 0, 0, 'r0', 0),"
    "(12, 1, 1700000001, 2, 'one', 'root', 'first', 'gpt-4o', 900, 10, 7, 3, 'r1', 1),"
    "(13, 1, 1700000002, 2, 'again', 'root', 'first', 'gpt-4o', 100, 1, 2, 3, 'r1', 0),"
    "(15, 2, 1700000003, 2, 'annas', 'anna', 'annas', 'gpt-4o-mini', 500, 1, 2, 3, '', 0);";

struct room {
	char dir[64], theirs[96], data[96];
	char output[16384]; /* of the program's last run */
};

#define MUST(call)                                                                                 \
	do {                                                                                       \
		struct err err = { 0 };                                                            \
		if (!(call))                                                                       \
			fail_msg("%s: %s (%s)", #call, err.msg, err.detail);                       \
	} while (0)

static void room_open(struct room *m)
{
	*m = (struct room){ .dir = "/tmp/import.XXXXXX" };
	assert_non_null(mkdtemp(m->dir));
	snprintf(m->theirs, sizeof(m->theirs), "%s/one-api.db", m->dir);
	snprintf(m->data, sizeof(m->data), "%s/data", m->dir);
}

static void room_close(struct room *m)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -r %s", m->dir);
	assert_int_equal(system(command), 0);
}

static void write_theirs(struct room *m, const char *schema, const char *rows)
{
	char dsn[128];
	struct db *db = NULL;

	unlink(m->theirs);
	snprintf(dsn, sizeof(dsn), "sqlite:%s", m->theirs);
	MUST(db_open(dsn, m->dir, &db, &err));
	MUST(db_script(db, schema, &err));
	MUST(db_script(db, rows, &err));
	db_close(db);
}

/* file and option may be NULL. */
static void check_run(struct room *m, const char *command, const char *file, const char *option,
    int want, const char *said)
{
	int got = stack_command(
	    &(struct stack_command){ .dir = m->dir,
	        .env = { stack_fmt("DATA_DIR=%s", m->data), "SESSION_SECRET", "SQL_DSN" },
	        .words = { command, file, option } },
	    m->output, sizeof(m->output));

	if (got != want || !strstr(m->output, said))
		fail_msg("%s %s: got status %d, want %d and '%s': %s", command, file ? file : "",
		    got, want, said, m->output);
}

/* ---- what is there afterwards -----------------------------------------------------------------*/

static const struct {
	const char *name, *sql;
	int64_t want;
} sums[] = {
	{ "root's quota", "SELECT quota FROM users WHERE id = 1", 900000 },
	{ "root's part in the log", "SELECT used_quota - used_before FROM users WHERE id = 1",
	    1000 },
	{ "anna's requests", "SELECT request_count FROM users WHERE id = 2", 2 },
	{ "a debt", "SELECT quota FROM users WHERE id = 8", -7 },
	{ "unknown status", "SELECT status FROM users WHERE id = 8", 2 },
	{ "no group", "SELECT COUNT(*) FROM users WHERE id = 5 AND group_name = 'default'", 1 },
	{ "a name but for its case",
	    "SELECT COUNT(*) FROM users WHERE id = 4 AND username = 'Anna_4' AND inviter_id = 2",
	    1 },
	{ "the address of two", "SELECT SUM(email_shared) FROM users", 2 },
	{ "a deleted one gives up",
	    "SELECT COUNT(*) FROM users WHERE id = 6 AND email = '' AND github_id = '' AND "
	    "access_token_hash IS NULL AND quota = 3",
	    1 },
	{ "login name at the hub",
	    "SELECT COUNT(*) FROM users WHERE id = 2 AND github_id = 'anna-at-hub'", 1 },
	{ "nobody's plain key",
	    "SELECT COUNT(*) FROM tokens WHERE key_sealed LIKE '%key%' OR name LIKE '%Key%'", 0 },
	{ "times of a key",
	    "SELECT COUNT(*) FROM tokens WHERE id = 3 AND created_time = 101 AND accessed_time = "
	    "201 "
	    "AND used_quota = 600 AND remain_quota = 50000 AND models = 'gpt-4o,gpt-4o-mini'",
	    1 },
	{ "unknown status of a key", "SELECT status FROM tokens WHERE id = 6", 2 },
	{ "a channel",
	    "SELECT COUNT(*) FROM channels WHERE id = 3 AND status = 1 AND weight = 2 AND priority "
	    "= 7 "
	    "AND created_time = 300 AND test_time = 301 AND response_time = 302 AND balance = 12.5 "
	    "AND "
	    "balance_updated_time = 303 AND used_quota = 1500 AND base_url = 'http://127.0.0.1:9' "
	    "AND "
	    "group_name = 'default,vip'",
	    1 },
	{ "null is no mapping",
	    "SELECT COUNT(*) FROM channels WHERE id = 4 AND model_mapping = '' AND status = 2 AND "
	    "other "
	    "= '2024-03-01-preview'",
	    1 },
	{ "no JSON is none",
	    "SELECT COUNT(*) FROM channels WHERE id = 5 AND model_mapping = '' AND status = 3 AND "
	    "system_prompt = 'be kind'",
	    1 },
	{ "an unknown type", "SELECT status FROM channels WHERE id = 7", 2 },
	{ "routing made anew",
	    "SELECT COUNT(*) FROM abilities WHERE channel_id = 3 AND enabled = 1", 4 },
	{ "no orphans", "SELECT COUNT(*) FROM abilities WHERE model = 'orphan'", 0 },
	{ "a used code",
	    "SELECT COUNT(*) FROM redemptions WHERE id = 3 AND status = 3 AND redeemed_time = 401",
	    1 },
	{ "a code below nothing", "SELECT status FROM redemptions WHERE id = 5", 2 },
	{ "a name of nobody's", "SELECT COUNT(*) FROM options WHERE name = 'RatioGPT4'", 1 },
	{ "a wrong value", "SELECT COUNT(*) FROM options WHERE name = 'RetryTimes'", 0 },
	{ "a sealed secret", "SELECT COUNT(*) FROM options WHERE value LIKE '%mail-secret%'", 0 },
	{ "the log", "SELECT COUNT(*) FROM logs WHERE type < 5 AND id BETWEEN 11 AND 15", 4 },
	{ "a request id once", "SELECT COUNT(*) FROM logs WHERE request_id = 'r1'", 1 },
	{ "flags", "SELECT is_stream FROM logs WHERE id = 12", 1 },
};

static void check_rows(struct room *m)
{
	struct db *db = NULL;

	MUST(db_open("", m->data, &db, &err));
	for (size_t i = 0; i < COUNT_OF(sums); i++) {
		struct rows rows;
		int64_t got = -1;

		MUST(db_query(db, sums[i].sql, BIND_NONE, &rows, &err));
		MUST(rows_number(&rows, &got, &err));
		if (got != sums[i].want)
			fail_msg("%s: got %lld, want %lld", sums[i].name, (long long)got,
			    (long long)sums[i].want);
	}
	db_close(db);
}

static const struct {
	const char *name, *user, *password;
	bool in;
} logins[] = {
	{ "root", "root", "password1", true },
	{ "a user", "anna", "password1", true },
	{ "again, by a hash of ours", "anna", "password1", true },
	{ "wrong password", "anna", "password2", false },
	{ "who was renamed", "Anna_4", "password1", true },
	{ "disabled", "ben", "password1", false },
	{ "deleted", "deleted_00", "password1", false },
	{ "an address of two", "anna@example.org", "password1", false },
	{ "without a password", "github_8", "", false },
};

static const struct {
	const char *name, *key, *from;
	int status;
} keys[] = {
	{ "root's", STACK_ROOT_KEY, NULL, 200 },
	{ "anna's", ANNA_KEY, NULL, 200 },
	{ "expired", "expiredkey", NULL, 401 },
	{ "disabled", "disabledkey", NULL, 401 },
	{ "of unknown status", "strangekey", NULL, 401 },
	{ "from elsewhere", "elsewherekey", "10.1.1.1", 403 },
	{ "from its network", "elsewherekey", "10.9.8.7", 200 },
	{ "of somebody disabled", "benskey", NULL, 403 },
};

static void check_people(struct stack *s)
{
	char cookie[128];

	for (size_t i = 0; i < COUNT_OF(logins); i++) {
		struct stack_reply *r = stack_login(s, logins[i].user, logins[i].password, cookie);

		if (cJSON_IsTrue(stack_at(r->json, "success")) != logins[i].in)
			fail_msg("%s: want %d, got %s", logins[i].name, logins[i].in, r->body.data);
	}
	assert_int_equal(
	    stack_sql_int(s,
	        "SELECT COUNT(*) FROM users WHERE id = 2 AND password NOT LIKE '$2a$%'"),
	    1);
	for (size_t i = 0; i < COUNT_OF(keys); i++) {
		struct stack_reply *r = stack_http(s,
		    &(struct stack_ask){ .path = "/v1/models",
		        .key = keys[i].key,
		        .from = keys[i].from });

		if (r->status != keys[i].status)
			fail_msg("key %s: got %d, want %d", keys[i].name, r->status,
			    keys[i].status);
	}
}

static void check_access_token(struct stack *s, const char *token, bool good)
{
	char line[96];
	const char *const headers[] = { line, NULL };
	struct stack_reply *r;

	snprintf(line, sizeof(line), "Authorization: %s", token);
	r = stack_http(s, &(struct stack_ask){ .path = "/api/user/self", .headers = headers });
	assert_int_equal(cJSON_IsTrue(stack_at(r->json, "success")), good);
}

/* The provider gets the key that was theirs, and their ratios make the price: 1.25 and 0.075, half of
 * it for the group, 10 tokens in and 7 out. */
static void check_calls(struct stack *s)
{
	static const char body[] =
	    "{\"model\":\"%s\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}";
	char text[128];
	struct stack_reply *r;

	stack_api(s, "PUT", "/api/channel/", "{\"id\":3,\"base_url\":\"%s\"}", s->upstream);
	stack_wait_catalog(s);
	snprintf(text, sizeof(text), body, "gpt-4o");
	r = stack_post(s, STACK_CHAT, ANNA_KEY, text);
	assert_int_equal(r->status, 200);
	assert_string_equal(stack_text(stack_last(s), "headers.authorization"), "Bearer sk-theirs");
	snprintf(text, sizeof(text), body, "my-model"); /* not on her list */
	assert_int_equal(stack_post(s, STACK_CHAT, ANNA_KEY, text)->status, 403);
	assert_int_equal(stack_post(s, STACK_CHAT, STACK_ROOT_KEY, text)->status, 200);
	assert_non_null(strstr(stack_text(stack_last(s), "body"), "\"model\":\"gpt-4o-mini\""));
	assert_true(stack_wait_settled(s, 5000));
	/* (10 + 4 × 7) × 1.25 × 0.5, rounded up */
	assert_int_equal(stack_sql_int(s, "SELECT 70000 - quota FROM users WHERE id = 2"), 24);
	assert_int_equal(stack_sql_int(s, "SELECT 50000 - remain_quota FROM tokens WHERE id = 3"),
	    24);
}

static void check_rest(struct stack *s)
{
	const cJSON *status = stack_api(s, "GET", "/api/status", NULL);
	struct stack_reply *r;

	assert_string_equal(stack_text(status, "system_name"), "Our gate");
	r = stack_root(s, "POST", "/api/user/topup",
	    "{\"key\":\"22222222222222222222222222222222\"}");
	assert_int_equal(stack_int(r->json, "data"), 500);
	r = stack_root(s, "POST", "/api/user/topup",
	    "{\"key\":\"33333333333333333333333333333333\"}");
	assert_true(cJSON_IsFalse(stack_at(r->json, "success")));
	r = stack_root(s, "GET", "/api/log/?p=0&type=2&model_name=gpt-4o-mini&username=anna", NULL);
	assert_int_equal(stack_int(r->json, "data.0.quota"), 500);
	r = stack_root(s, "GET", "/api/log/stat?type=2&username=root&token_name=first", NULL);
	assert_int_equal(stack_int(r->json, "data.quota") >= 1000, 1);
}

static void test_switch(void **state)
{
	struct room m;
	struct stack *s;
	char setting[128];
	const char *const env[] = { setting, NULL };

	room_open(&m);
	write_theirs(&m, newest_sql, rows_sql);
	check_run(&m, "import", m.theirs, NULL, 0,
	    "imported: 6 users, 7 keys, 4 channels, 3 redemption codes, 6 options, 4 log rows");
	assert_null(strstr(m.output, ANNA_KEY));
	assert_null(strstr(m.output, "mail-secret"));
	check_rows(&m);
	check_run(&m, "reconcile", NULL, NULL, 0, "0 differences");
	check_run(&m, "import", m.theirs, NULL, 1, "has accounts already");

	snprintf(setting, sizeof(setting), "DATA_DIR=%s", m.data);
	s = stack_start(env);
	snprintf(s->data_dir, sizeof(s->data_dir), "%s", m.data);
	check_people(s);
	check_access_token(s, "22222222222222222222222222222222", true);
	check_access_token(s, "66666666666666666666666666666666", false);
	check_calls(s);
	check_rest(s);
	stack_stop(s);
	check_run(&m, "reconcile", NULL, NULL, 0, "0 differences");
	room_close(&m);
}

/* ---- older and other files --------------------------------------------------------------------*/

static const char old_sql[] =
    "CREATE TABLE users (id integer PRIMARY KEY, username text, password text NOT NULL, role "
    "integer, status integer, quota integer, balance integer);"
    "CREATE TABLE tokens (id integer PRIMARY KEY, user_id integer, `key` char(32), status integer, "
    "name text, remain_quota integer, unlimited_quota numeric, remain_times integer);"
    "CREATE TABLE channels (id integer PRIMARY KEY, type integer, `key` text, status integer, name "
    "text, models text, `group` varchar(32));"
    "CREATE TABLE logs (id integer PRIMARY KEY, user_id integer, created_at integer, type integer, "
    "content text, channel integer);";
static const char old_rows_sql[] =
    "INSERT INTO users VALUES (1, 'root', '" HASH "', 100, 1, 10, 5), (2, 'x', '', 1, 1, 7.0, 0);"
    "INSERT INTO tokens VALUES (1, 1, 'oldkey', 1, NULL, 5, 0, -1);"
    "INSERT INTO channels VALUES (1, 1, 'k', 1, NULL, ' a, b,,a ', NULL);"
    "INSERT INTO logs VALUES (1, 1, 5, 2, NULL, 1);";

static void test_old(void **state)
{
	struct room m;

	room_open(&m);
	write_theirs(&m, old_sql, old_rows_sql);
	check_run(&m, "import", m.theirs, "--without-log", 0,
	    "imported: 2 users, 1 keys, 1 channels, 0 redemption codes, 0 options, 0 log rows");
	check_run(&m, "reconcile", NULL, NULL, 0, "0 differences");
	room_close(&m);
}

/* What fails leaves nothing: the next import finds an empty database. */
static void test_refused(void **state)
{
	static const char twice_sql[] =
	    "INSERT INTO tokens (id, user_id, `key`) VALUES (20, 1, 'same'), (21, 1, 'same');";
	struct room m;
	char absent[128];
	int fd;

	room_open(&m);
	snprintf(absent, sizeof(absent), "%s/absent.db", m.dir);
	check_run(&m, "import", absent, NULL, 1, "cannot read");
	assert_int_equal(access(absent, F_OK), -1);
	fd = open(absent, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, "no database, but long enough to be a header of one", 50), 50);
	close(fd);
	check_run(&m, "import", absent, NULL, 1, "not a database");
	write_theirs(&m, "CREATE TABLE users (id integer, name text);", "");
	check_run(&m, "import", m.theirs, NULL, 1, "no column 'username'");
	write_theirs(&m, newest_sql, twice_sql);
	check_run(&m, "import", m.theirs, NULL, 1, "fcgi-admin: ");
	check_run(&m, "import", NULL, NULL, 2, "usage");
	write_theirs(&m, newest_sql, rows_sql);
	check_run(&m, "import", m.theirs, NULL, 0, "imported: 6 users, 7 keys");
	check_rows(&m);
	room_close(&m);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_switch),
		cmocka_unit_test(test_old),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests_name("import", tests, NULL, NULL);
}
