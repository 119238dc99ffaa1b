/* test_ops.c — what operators do with a running gateway: export, diagnosis, books, backup, passwords
 */
#include "../stack.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHAT "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}"

static struct stack_user person, admin;

static void set_up(struct stack *s)
{
	if (person.id)
		return;
	stack_channel(s, &(struct stack_channel){ .models = "gpt-4o" });
	person = stack_user(s, &(struct stack_person){ .quota = 100000000 });
	admin = stack_user(s, &(struct stack_person){ .quota = 100000000, .role = 10 });
}

static void chat(struct stack *s, int times)
{
	for (int i = 0; i < times; i++)
		assert_int_equal(stack_post(s, STACK_CHAT, person.key, CHAT)->status, 200);
	assert_true(stack_wait_settled(s, 5000));
}

/* fcgi-admin with these arguments on the stack's folder: exit status, and what it said. */
static int command(struct stack *s, const char *arguments, char *said, size_t size)
{
	char line[1200];
	size_t n = 0;
	FILE *f;
	int status;

	snprintf(line, sizeof line, "DATA_DIR=%s LOG_FILE=/dev/null %s/bin/fcgi-admin %s 2>&1",
	    s->data_dir, s->build, arguments);
	f = popen(line, "r");
	assert_non_null(f);
	while (n + 1 < size && !feof(f))
		n += fread(said + n, 1, size - 1 - n, f);
	said[n] = '\0';
	status = pclose(f);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void check_command(struct stack *s, const char *arguments, int want, const char *text)
{
	char said[8192];
	int got = command(s, arguments, said, sizeof said);

	if (got != want || !strstr(said, text))
		fail_msg("fcgi-admin %s: status %d, '%s'; want %d, '%s'", arguments, got, said,
		    want, text);
}

/* ---- export ----------------------------------------------------------------------------------- */

static int count_lines(const char *text)
{
	int n = 0;

	while ((text = strstr(text, "\r\n")) != NULL) {
		n++;
		text += 2;
	}
	return n;
}

static void test_export(void **state)
{
	struct stack *s = *state;
	struct stack_reply *r;
	char sql[100];

	set_up(s);
	chat(s, 3);
	/* More than a few pieces of them, of which some look like formulas. */
	stack_sql(s,
	    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) "
	    "INSERT INTO logs (user_id, created_at, type, content, username) "
	    "SELECT 0, 1000 + i, 4, '=HYPERLINK(\"http://x\")', 'system' FROM n");
	r = stack_root(s, "GET", "/api/log/export?format=csv", NULL);
	assert_int_equal(r->status, 200);
	assert_string_equal(stack_header(r, "content-type"), "text/csv; charset=utf-8");
	assert_memory_equal(r->body.data, "\xEF\xBB\xBFid,time,type,user,", 21);
	assert_int_equal(count_lines(r->body.data),
	    1 + stack_sql_int(s, "SELECT COUNT(*) FROM logs"));
	assert_non_null(strstr(r->body.data, ",\"'=HYPERLINK(\"\"http://x\"\")\"\r\n"));
	assert_null(strstr(r->body.data, ",\"=HYPERLINK"));
	/* A filter, and what a user gets. */
	r = stack_root(s, "GET", "/api/log/export?type=2", NULL);
	assert_int_equal(count_lines(r->body.data), 4);
	r = stack_http(s,
	    &(struct stack_ask){ .path = "/api/log/export?username=system",
	        .cookie = person.cookie });
	snprintf(sql, sizeof sql, "SELECT COUNT(*) FROM logs WHERE user_id = %" PRId64, person.id);
	assert_int_equal(count_lines(r->body.data), 1 + stack_sql_int(s, sql));
	assert_null(strstr(r->body.data, "HYPERLINK"));
	r = stack_http(s, &(struct stack_ask){ .path = "/api/log/export" });
	assert_int_equal(r->status, 401);
	r = stack_root(s, "GET", "/api/log/export?format=xls", NULL);
	assert_true(cJSON_IsFalse(stack_at(r->json, "success")));
}

/* Who stops reading is not read for, and who leaves is let go. */
static void test_export_left(void **state)
{
	struct stack *s = *state;
	const char *const headers[] = { "Authorization: " STACK_ROOT_ACCESS, NULL };

	set_up(s);
	for (int i = 0; i < 5; i++) {
		struct stack_stream st;

		stack_stream_send(s,
		    &(struct stack_ask){ .path = "/api/log/export", .headers = headers }, 4096,
		    &st);
		stack_sleep_ms(30);
		stack_stream_close(&st, true);
	}
	assert_int_equal(stack_root(s, "GET", "/api/status", NULL)->status, 200);
}

/* ---- diagnosis -------------------------------------------------------------------------------- */

/* Was there time between the first and the last? */
static bool come_apart(struct stack *s)
{
	const char *const headers[] = { "Authorization: " STACK_ROOT_ACCESS, NULL };
	int64_t began = stack_now_ms(), first = 0, last;
	struct stack_stream st;

	assert_true(stack_stream_open(s,
	    &(struct stack_ask){ .path = "/api/diag/stream", .headers = headers }, &st));
	for (int i = 0; i < 5; i++) {
		assert_int_equal(stack_stream_next(&st, 60000), STACK_EVENT);
		if (i == 0)
			first = stack_now_ms() - began;
	}
	assert_int_equal(stack_stream_next(&st, 60000), STACK_END);
	last = stack_now_ms() - began;
	assert_true(last >= 800);
	stack_stream_close(&st, false);
	return last - first >= 500;
}

static void test_events_come_one_by_one(void **state)
{
	bool apart = false;

	/* A busy machine may hold us back until all are there. */
	for (int i = 0; i < 10 && !apart; i++)
		apart = come_apart(*state);
	assert_true(apart);
}

static void test_large_body(void **state)
{
	struct stack *s = *state;
	const char *const headers[] = { "Authorization: " STACK_ROOT_ACCESS, NULL };
	size_t n = 2 * 1024 * 1024;
	char *body = calloc(1, n + 1);
	struct stack_reply *r;

	memset(body, 'x', n);
	r = stack_http(s,
	    &(struct stack_ask){ .path = "/api/diag/body",
	        .headers = headers,
	        .body = body,
	        .body_bytes = n });
	free(body);
	assert_int_equal(stack_int(r->json, "data"), (int64_t)n);
}

/* ---- books ------------------------------------------------------------------------------------ */

static void test_books(void **state)
{
	struct stack *s = *state;

	set_up(s);
	chat(s, 5);
	check_command(s, "reconcile", 0, " 0 differences");
	stack_api(s, "POST", "/api/topup",
	    "{\"user_id\":%" PRId64 ",\"quota\":5000,\"remark\":\"x\"}", person.id);
	check_command(s, "reconcile", 0, " 0 differences");
	/* With the log switched off, nothing is lost either. */
	stack_option(s, "LogConsumeEnabled", "false");
	chat(s, 2);
	check_command(s, "reconcile", 0, " 0 differences");
	stack_option(s, "LogConsumeEnabled", "true");
	/* Nor by a clean-up. */
	stack_api(s, "DELETE", "/api/log/?target_timestamp=4000000000", NULL);
	check_command(s, "reconcile", 0, " 0 differences");
	chat(s, 1);
	check_command(s, "reconcile", 0, " 0 differences");
	stack_sql(s, "UPDATE users SET quota = quota - 7 WHERE role = 1");
	check_command(s, "reconcile", 1, "(difference 7)");
	stack_sql(s, "UPDATE users SET quota = quota + 7 WHERE role = 1");
	check_command(s, "reconcile", 0, " 0 differences");
}

/* The thread of the program itself brings the sums up to the log. */
static void test_sums_follow(void **state)
{
	struct stack *s = *state;
	int64_t until = stack_now_ms() + 60000;

	set_up(s);
	chat(s, 1);
	while (stack_sql_int(s, "SELECT (SELECT MAX(id) FROM logs) - log_id FROM usage_mark") > 0 &&
	    stack_now_ms() < until)
		stack_sleep_ms(100);
	assert_int_equal(
	    stack_sql_int(s, "SELECT (SELECT MAX(id) FROM logs) - log_id FROM usage_mark"), 0);
	check_command(s, "reconcile", 0, " 0 differences");
}

/* ---- people ----------------------------------------------------------------------------------- */

static void test_reset_password(void **state)
{
	struct stack *s = *state;
	char said[1024], arguments[100], cookie[128], *password;
	struct stack_user u = stack_user(s, &(struct stack_person){ .quota = 1 });

	snprintf(arguments, sizeof arguments, "reset-password %s", u.name);
	assert_int_equal(command(s, arguments, said, sizeof said), 0);
	password = strstr(said, "password: ");
	assert_non_null(password);
	password += 10;
	password[strcspn(password, "\n")] = '\0';
	assert_int_equal(strlen(password), 16);
	/* The session before is void, so is the password before. */
	assert_int_equal(
	    stack_http(s, &(struct stack_ask){ .path = "/api/user/self", .cookie = u.cookie })
	        ->status,
	    401);
	assert_true(
	    cJSON_IsFalse(stack_at(stack_login(s, u.name, u.password, cookie)->json, "success")));
	assert_true(
	    cJSON_IsTrue(stack_at(stack_login(s, u.name, password, cookie)->json, "success")));
	check_command(s, "reset-password nobody", 1, "there is no user 'nobody'");
	check_command(s, "reset-password", 2, "usage: ");
	check_command(s, "create-root", 1, "there is a root already: 'root'");
	check_command(s, "reset-password --help", 0, "--drop-second-factor");
	check_command(s, "frobnicate", 2, "unknown command");
	check_command(s, "check-config", 0, "are fine");
	check_command(s, "help", 0, "reconcile");
	assert_int_equal(stack_sql_int(s,
	                     "SELECT COUNT(*) FROM audits WHERE action = 'reset-password' AND "
	                     "user_id = 0"),
	    1);
}

/* ---- backup ----------------------------------------------------------------------------------- */

/* While everything runs; the copy is whole and can be restored elsewhere, with its key. */
static void test_backup_and_restore(void **state)
{
	struct stack *s = *state;
	char line[1500], said[2048], arguments[600];
	struct stack elsewhere = *s;

	set_up(s);
	chat(s, 2);
	snprintf(arguments, sizeof arguments, "backup %s/copy.db", s->dir);
	check_command(s, arguments, 0, "secret.key");
	snprintf(arguments, sizeof arguments, "restore %s/copy.db", s->dir);
	check_command(s, arguments, 1, "a program is running");
	check_command(s, "restore", 2, "usage: ");

	snprintf(elsewhere.data_dir, sizeof elsewhere.data_dir, "%s/elsewhere", s->dir);
	snprintf(line, sizeof line, "mkdir -m 700 %s && cp %s/secret.key %s/", elsewhere.data_dir,
	    s->data_dir, elsewhere.data_dir);
	assert_int_equal(system(line), 0);
	snprintf(arguments, sizeof arguments, "restore %s/log", s->dir);
	check_command(&elsewhere, arguments, 1, "is not a SQLite database");
	check_command(&elsewhere, "restore /nowhere/x.db", 1, "cannot read");
	snprintf(arguments, sizeof arguments, "restore %s/copy.db", s->dir);
	check_command(&elsewhere, arguments, 0, "restored");
	check_command(&elsewhere, "reconcile", 0, " 0 differences");
	/* Once more, over what is there now. The log that a crash left of an older one stays behind. */
	snprintf(line, sizeof line, "echo old >%s/oneapi.db.before-restore-wal",
	    elsewhere.data_dir);
	assert_int_equal(system(line), 0);
	check_command(&elsewhere, arguments, 0, "restored");
	snprintf(line, sizeof line, "%s/oneapi.db.before-restore-wal", elsewhere.data_dir);
	assert_int_not_equal(access(line, F_OK), 0);
	assert_int_equal(command(&elsewhere, "check-config", said, sizeof said), 0);
	snprintf(line, sizeof line, "%s/oneapi.db.before-restore", elsewhere.data_dir);
	assert_int_equal(access(line, F_OK), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_export),
		cmocka_unit_test(test_export_left),
		cmocka_unit_test(test_events_come_one_by_one),
		cmocka_unit_test(test_large_body),
		cmocka_unit_test(test_backup_and_restore),
		cmocka_unit_test(test_reset_password),
		cmocka_unit_test(test_books),
		cmocka_unit_test(test_sums_follow),
	};

	return stack_run("ops", tests, COUNT_OF(tests), NULL);
}
