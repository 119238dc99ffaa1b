/* test_admin_audit.c — every change by an administrator leaves a row, in the same transaction */
#include "admin_room.h"

#include "store/auditlog.h"
#include "store/channel.h"

static const char count_sql[] = "SELECT COUNT(*) FROM audits";

#define CHANNEL "{\"type\":1,\"name\":\"main\",\"key\":\"sk-secret-1\",\"models\":\"gpt-4o\"}"
#define NEWEST "/api/audit?page_size=1"

static void test_rows(void **state)
{
	static const struct step steps[] = {
		{ "a channel", "boss", "POST", "/api/channel", CHANNEL, 200, SUCCESS, NULL },
		{ "is made", "root", "GET", NEWEST, NULL, 200,
		    "\"user_id\":2,\"username\":\"boss\",\"address\":\"192.0.2.1\","
		    "\"request_id\":\"req-1\",\"action\":\"POST /api/channel\","
		    "\"subject\":\"channel\",\"subject_id\":\"1\",\"before\":null,\"after\":{"
		    "\"type\":\"1\",\"status\":\"1\",\"name\":\"main\",",
		    "sk-secret" },
		{ "its priority", "boss", "PUT", "/api/channel", "{\"id\":1,\"priority\":5}", 200,
		    SUCCESS, NULL },
		{ "only what changed", "root", "GET", NEWEST, NULL, 200,
		    "\"before\":{\"priority\":\"0\"},\"after\":{\"priority\":\"5\"}}", "sealed" },
		{ "its key", "boss", "PUT", "/api/channel", "{\"id\":1,\"key\":\"sk-secret-2\"}",
		    200, SUCCESS, NULL },
		{ "a secret", "root", "GET", NEWEST, NULL, 200,
		    "\"before\":{\"key\":\"***\"},\"after\":{\"key\":\"***\"}}", "sk-secret" },
		{ "an option", "root", "PUT", "/api/option",
		    "{\"key\":\"SystemName\",\"value\":\"Ours\"}", 200, SUCCESS, NULL },
		{ "by name", "root", "GET", NEWEST, NULL, 200,
		    "\"subject\":\"option\",\"subject_id\":\"SystemName\",\"before\":null,"
		    "\"after\":{\"value\":\"Ours\"}}",
		    NULL },
		{ "a secret option", "root", "PUT", "/api/option",
		    "{\"key\":\"SMTPToken\",\"value\":\"hush\"}", 200, SUCCESS, NULL },
		{ "not shown", "root", "GET", NEWEST, NULL, 200, "\"after\":{\"value\":\"***\"}}",
		    "hush" },
		{ "an account by name", "boss", "POST", "/api/user/manage",
		    "{\"username\":\"anna\",\"action\":\"disable\"}", 200, SUCCESS, NULL },
		{ "its state", "root", "GET", NEWEST, NULL, 200,
		    "\"subject\":\"user\",\"subject_id\":\"3\",\"before\":{\"status\":\"1\"",
		    NULL },
		{ "a key of their own", "boss", "POST", "/api/token", "{\"name\":\"k\"}", 200,
		    SUCCESS, NULL },
		{ "too", "root", "GET", NEWEST, NULL, 200, "\"subject\":\"token\"", NULL },
		{ "a limit", "root", "PUT", "/api/limit",
		    "{\"scope\":\"user\",\"subject\":\"3\",\"rpm\":5}", 200, SUCCESS, NULL },
		{ "whose", "root", "GET", NEWEST, NULL, 200,
		    "\"subject\":\"limit\",\"subject_id\":\"user 3\",\"before\":null,"
		    "\"after\":{\"rpm\":\"5\",",
		    NULL },
		{ "taken away", "root", "DELETE", "/api/limit/user/3", NULL, 200, SUCCESS, NULL },
		{ "what it was", "root", "GET", NEWEST, NULL, 200,
		    "\"subject_id\":\"user 3\",\"before\":{\"rpm\":\"5\",", "\"after\":{" },
		{ "deleted", "boss", "DELETE", "/api/channel/1", NULL, 200, SUCCESS, NULL },
		{ "gone", "root", "GET", NEWEST, NULL, 200, "\"subject_id\":\"1\",\"before\":{",
		    "\"after\":{" },
		{ "log", "root", "DELETE", "/api/log?target_timestamp=5", NULL, 200, SUCCESS,
		    NULL },
		{ "how much of it", "root", "GET", NEWEST, NULL, 200,
		    "\"subject\":\"log\",\"subject_id\":\"\",\"before\":null,\"after\":{\"query\":"
		    "\"target_timestamp=5\"}",
		    NULL },
		{ "of one kind", "root", "GET", "/api/audit?subject=option", NULL, 200,
		    "\"total\":2}", "\"subject\":\"channel\"" },
		{ "of one object", "root", "GET", "/api/audit?subject=channel&subject_id=1", NULL,
		    200, "\"total\":4}", "\"subject\":\"option\"" },
		{ "of one person", "root", "GET", "/api/audit?user_id=2&subject=option", NULL, 200,
		    "\"data\":[],\"total\":0}", NULL },
		{ "root's alone", "boss", "GET", "/api/audit", NULL, 200, "Insufficient permission",
		    NULL },
	};

	room_try(steps, COUNT_OF(steps));
}

/* The row is about what the handler changed, whatever else the body names. */
static void test_same_object(void **state)
{
	static const struct step steps[] = {
		{ "of two ids", "boss", "PUT", "/api/user",
		    "{\"id\":2,\"id\":3,\"display_name\":\"one\"}", 200, SUCCESS, NULL },
		{ "the last", "root", "GET", NEWEST, NULL, 200,
		    "\"subject_id\":\"3\",\"before\":{\"display_name\":\"anna\"},\"after\":{"
		    "\"display_name\":\"one\"}}",
		    NULL },
		{ "without case", "boss", "PUT", "/api/user",
		    "{\"id\":2,\"ID\":3,\"id\":null,\"display_name\":\"two\"}", 200, SUCCESS,
		    NULL },
		{ "as well", "root", "GET", NEWEST, NULL, 200,
		    "\"subject_id\":\"3\",\"before\":{\"display_name\":\"one\"}", NULL },
		{ "another route's member", "boss", "PUT", "/api/user",
		    "{\"user_id\":2,\"ids\":[2],\"id\":3,\"display_name\":\"three\"}", 200, SUCCESS,
		    NULL },
		{ "is none here", "root", "GET", NEWEST, NULL, 200,
		    "\"subject_id\":\"3\",\"before\":{\"display_name\":\"two\"}", NULL },
		{ "a credit", "boss", "POST", "/api/topup",
		    "{\"id\":2,\"user_id\":1,\"user_id\":3,\"quota\":5}", 200, SUCCESS, NULL },
		{ "whose", "root", "GET", NEWEST, NULL, 200,
		    "\"subject_id\":\"3\",\"before\":{\"quota\":\"1000\"},\"after\":{\"quota\":"
		    "\"1005\"}}",
		    NULL },
		{ "of two names", "boss", "POST", "/api/user/manage",
		    "{\"username\":\"root\",\"username\":\"anna\",\"action\":\"disable\"}", 200,
		    SUCCESS, NULL },
		{ "the last, too", "root", "GET", NEWEST, NULL, 200,
		    "\"subject_id\":\"3\",\"before\":{\"status\":\"1\"", NULL },
		{ "of two options", "root", "PUT", "/api/option",
		    "{\"key\":\"Notice\",\"key\":\"SystemName\",\"value\":\"Ours\"}", 200, SUCCESS,
		    NULL },
		{ "the one that was saved", "root", "GET", NEWEST, NULL, 200,
		    "\"subject_id\":\"SystemName\",\"before\":null,\"after\":{\"value\":\"Ours\"}}",
		    NULL },
	};

	room_try(steps, COUNT_OF(steps));
}

/* ---- many at once --------------------------------------------------------------------------------- */

#define MANY 250

static struct answer make_many(struct room *m)
{
	struct buf keys = buf_init(65536);
	struct answer a;

	buf_add_c(&keys,
	    "{\"type\":1,\"name\":\"many\",\"models\":\"gpt-4o\",\"key\":\"sk-secret-0");
	for (int i = 1; i < MANY; i++)
		buf_addf(&keys, "\\nsk-secret-%d", i);
	buf_add_c(&keys, "\"}");
	a = room_as(m, "boss", "POST", "/api/channel", keys.data);
	buf_release(&keys);
	return a;
}

static struct answer batch(struct room *m, const char *rest)
{
	struct buf body = buf_init(65536);
	struct answer a;

	buf_add_c(&body, "{\"ids\":[1");
	for (int i = 2; i <= MANY; i++)
		buf_addf(&body, ",%d", i);
	buf_addf(&body, "],%s}", rest);
	a = room_as(m, "boss", "POST", "/api/channel/batch", body.data);
	buf_release(&body);
	return a;
}

/* Every channel occurs in one of the newest rows, with what became of it; no row is long. */
static void all_are_told(struct room *m, const char *name, const char *member, const char *want)
{
	bool seen[MANY + 1] = { false };
	struct answer a = room_as(m, "root", "GET", "/api/audit?page_size=100", NULL);
	const cJSON *row;
	int told = 0;

	cJSON_ArrayForEach(row, json_at(a.tree, "data"))
	{
		struct str ids = json_str_at(row, "subject_id"), id;

		assert_true(ids.n < 4096);
		while (str_next(&ids, ',', &id)) {
			int64_t n;
			char path[64];

			assert_true(str_to_int(id, 1, MANY, &n));
			if (seen[n])
				fail_msg("%s: channel %d is told twice", name, (int)n);
			snprintf(path, sizeof path, "%s.%d.status", member, (int)n);
			if (!str_eq_c(json_str_at(row, path), want))
				fail_msg("%s: channel %d: status '%.*s', want '%s'", name, (int)n,
				    STR_ARG(json_str_at(row, path)), want);
			seen[n] = true;
			told++;
		}
		if (told == MANY)
			return;
	}
	fail_msg("%s: the rows tell of %d channels, want %d", name, told, MANY);
}

/* Texts that would make one row too long make several. */
static void long_texts(struct room *m)
{
	static const char told_sql[] =
	    "SELECT SUM(length(subject_id) - length(replace(subject_id, ',', '')) + 1) "
	    "FROM audits WHERE after LIKE '%long-name%'";
	struct buf set = buf_init(65536);

	buf_add_c(&set, "\"set\":{\"models\":\"long-name-0");
	for (int i = 1; i < 150; i++)
		buf_addf(&set, ",long-name-%d", i);
	buf_add_c(&set, "\"}");
	assert_non_null(strstr(batch(m, set.data).body, "\"data\":250"));
	assert_int_equal(room_number(m, told_sql), MANY);
	assert_int_equal(
	    room_number(m, "SELECT COUNT(*) FROM audits WHERE after LIKE '%too much%'"), 0);
	assert_true(room_number(m, "SELECT MAX(length(after)) FROM audits") <= 34 * 1024);
	buf_release(&set);
}

static void test_many(void **state)
{
	struct room m;

	room_open(&m);
	assert_non_null(strstr(make_many(&m).body, SUCCESS));
	all_are_told(&m, "made", "after", "1");
	assert_non_null(strstr(batch(&m, "\"action\":\"disable\"").body, "\"data\":250"));
	all_are_told(&m, "disabled", "after", "2");
	long_texts(&m);
	assert_int_equal(
	    room_number(&m, "SELECT COUNT(*) FROM audits WHERE before = '' AND after = ''"), 0);
	assert_non_null(strstr(
	    room_as(&m, "root", "GET", "/api/audit?subject=channel&subject_id=117", NULL).body,
	    "\"total\":3}"));
	assert_non_null(
	    strstr(room_as(&m, "boss", "DELETE", "/api/channel/disabled", NULL).body, ":250}"));
	all_are_told(&m, "deleted", "before", "2");
	assert_int_equal(room_number(&m, "SELECT COUNT(*) FROM channels"), 0);
	room_close(&m);
}

/* Nothing changed, or nobody of note: no row. */
static void test_no_row(void **state)
{
	static const struct {
		const char *name, *who, *method, *target, *body;
	} cases[] = {
		{ "refused", "boss", "POST", "/api/channel", "{\"type\":1}" },
		{ "not allowed", "boss", "PUT", "/api/option",
		    "{\"key\":\"SystemName\",\"value\":\"x\"}" },
		{ "read", "boss", "GET", "/api/channel", NULL },
		{ "a user's own key", "anna", "POST", "/api/token", "{\"name\":\"k\"}" },
		{ "no JSON", "boss", "PUT", "/api/user", "[" },
		{ "nobody", NULL, "POST", "/api/user/login", "{\"username\":\"root\"}" },
	};
	struct room m;

	room_open(&m);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		room_as(&m, cases[i].who, cases[i].method, cases[i].target, cases[i].body);
		if (room_number(&m, count_sql) != 0)
			fail_msg("%s: there is a row", cases[i].name);
	}
	room_close(&m);
}

/* When the row cannot be written, the change is not either. */
static void test_together(void **state)
{
	struct answer a;
	struct room m;

	room_open(&m);
	room_must(db_script(m.db, "ALTER TABLE audits RENAME TO hidden", &err));
	a = room_as(&m, "boss", "POST", "/api/channel", CHANNEL);
	assert_non_null(strstr(a.body, FAILURE));
	assert_int_equal(room_number(&m, "SELECT COUNT(*) FROM channels"), 0);
	room_must(db_script(m.db, "ALTER TABLE hidden RENAME TO audits", &err));
	a = room_as(&m, "boss", "POST", "/api/channel", CHANNEL);
	assert_non_null(strstr(a.body, SUCCESS));
	assert_int_equal(room_number(&m, "SELECT COUNT(*) FROM channels"), 1);
	assert_int_equal(room_number(&m, count_sql), 1);
	room_close(&m);
}

static void test_diagnosis(void **state)
{
	static const struct step steps[] = {
		{ "facts", "boss", "GET", "/api/diag", NULL, 200, "\"engine\":\"SQLite\"", NULL },
		{ "plain HTTP", "boss", "GET", "/api/diag", NULL, 200,
		    "{\"name\":\"https\",\"state\":\"amber\",", NULL },
		{ "what to do", "boss", "GET", "/api/diag", NULL, 200, "\"fix\":\"Add a channel",
		    NULL },
		{ "database", "boss", "GET", "/api/diag", NULL, 200,
		    "{\"name\":\"database\",\"state\":\"green\"", NULL },
		{ "no clock given", "boss", "GET", "/api/diag", NULL, 200, NULL, "\"clock\"" },
		{ "a clock far off", "boss", "GET", "/api/diag?now=1000", NULL, 200,
		    "{\"name\":\"clock\",\"state\":\"amber\"", NULL },
		{ "a body", "boss", "POST", "/api/diag/body", "12345", 200, "\"data\":5", NULL },
		{ "not for users", "anna", "GET", "/api/diag", NULL, 200, "Insufficient permission",
		    NULL },
	};
	struct ask_headers proxied = { .authorization = "Bearer token-boss", .language = "zh" };
	struct answer a;
	struct room m;

	room_open(&m);
	room_walk(&m, steps, COUNT_OF(steps));
	a = room_ask(&m, "GET", "/api/diag", NULL, &proxied);
	assert_non_null(strstr(a.body, "请添加或启用渠道"));
	room_close(&m);
}

/* What is no column of the object, and what nobody here can say is no secret. */
static void test_beside(void **state)
{
	static const char rows[] =
	    "INSERT INTO second_factors (user_id, secret_sealed, created_at, confirmed_at) "
	    "VALUES (3, 'x', 1, 2);"
	    "INSERT INTO jobs (id, kind, scope, origin, created_at) VALUES (7, 'test', 'all', "
	    "'person', 1);"
	    "INSERT INTO options (name, value) VALUES ('TheirSecret', 'hush-1')";
	static const struct step steps[] = {
		{ "a factor", "boss", "POST", "/api/user/manage",
		    "{\"id\":3,\"action\":\"disable_totp\"}", 200, SUCCESS, NULL },
		{ "gone", "root", "GET", NEWEST, NULL, 200,
		    "\"second_factor\":\"in force\"},\"after\":{", NULL },
		{ "a job", "boss", "POST", "/api/job/7/stop", NULL, 200, SUCCESS, NULL },
		{ "stopped", "root", "GET", NEWEST, NULL, 200,
		    "\"subject\":\"job\",\"subject_id\":\"7\",\"before\":{\"stop_asked\":"
		    "\"0\"},\"after\":{\"stop_asked\":\"1\"}}",
		    NULL },
		{ "an option of theirs", "root", "PUT", "/api/option",
		    "{\"key\":\"TheirSecret\",\"value\":\"hush-2\"}", 200, SUCCESS, NULL },
		{ "not shown", "root", "GET", NEWEST, NULL, 200,
		    "\"subject_id\":\"TheirSecret\",\"before\":{\"value\":\"***\"}", "hush" },
	};
	struct room m;

	room_open(&m);
	room_must(db_script(m.db, rows, &err));
	room_walk(&m, steps, COUNT_OF(steps));
	room_close(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_same_object),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_no_row),
		cmocka_unit_test(test_together),
		cmocka_unit_test(test_beside),
		cmocka_unit_test(test_diagnosis),
	};

	return cmocka_run_group_tests_name("admin audit", tests, NULL, NULL);
}
