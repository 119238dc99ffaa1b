/* test_migrate.c — the schema arrives once, whoever comes first, and newer ones are refused */
#include "temp_db.h"

#include <sys/wait.h>

static int64_t number(struct db *db, const char *sql)
{
	struct err err = { 0 };
	struct rows rows;
	int64_t n = -1;

	CHECK(db_query(db, sql, BIND_NONE, &rows, &err) && rows_number(&rows, &n, &err), &err);
	return n;
}

static void test_tables(void **state)
{
	static const char users[] = "SELECT COUNT(*) FROM users";
	static const char tokens[] = "SELECT COUNT(*) FROM tokens";
	static const char channels[] = "SELECT COUNT(*) FROM channels";
	static const char abilities[] = "SELECT COUNT(*) FROM abilities";
	static const char options[] = "SELECT COUNT(*) FROM options";
	static const char logs[] = "SELECT COUNT(*) FROM logs";
	static const char reservations[] = "SELECT COUNT(*) FROM reservations";
	static const char redemptions[] = "SELECT COUNT(*) FROM redemptions";
	static const char sessions[] = "SELECT COUNT(*) FROM sessions";
	static const char catalog[] = "SELECT COUNT(*) FROM catalog_version";
	static const char resources[] = "SELECT COUNT(*) FROM resources";
	static const char schema[] = "SELECT COUNT(*) FROM schema_version WHERE number = 1";
	static const struct {
		const char *sql;
		int64_t want;
	} cases[] = {
		{ users, 0 },
		{ tokens, 0 },
		{ channels, 0 },
		{ abilities, 0 },
		{ options, 0 },
		{ logs, 0 },
		{ reservations, 0 },
		{ redemptions, 0 },
		{ sessions, 0 },
		{ resources, 0 },
		{ catalog, 1 },
		{ schema, 1 },
	};
	struct temp_db *t = *state;

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		int64_t got = number(t->db, cases[i].sql);

		if (got != cases[i].want)
			fail_msg("%s: got %d, want %d", cases[i].sql, (int)got, (int)cases[i].want);
	}
}

static void test_again(void **state)
{
	static const char count_sql[] = "SELECT COUNT(*) FROM schema_version";
	static const char mark_sql[] = "INSERT INTO options (name, value) VALUES ('mark', 'x')";
	static const char marks_sql[] = "SELECT COUNT(*) FROM options WHERE name = 'mark'";
	struct temp_db *t = *state;
	int64_t count = number(t->db, count_sql);

	CHECK(db_run(t->db, mark_sql, BIND_NONE, NULL, &t->err), &t->err);
	CHECK(migrate(t->db, &t->err), &t->err);
	assert_int_equal(number(t->db, count_sql), count);
	assert_int_equal(number(t->db, marks_sql), 1);
}

static void test_newer(void **state)
{
	static const char sql[] =
	    "INSERT INTO schema_version (number, name, applied_at) VALUES (9999, 'future', 0)";
	struct temp_db *t = *state;
	struct err err = { 0 };

	CHECK(db_run(t->db, sql, BIND_NONE, NULL, &t->err), &t->err);
	assert_false(migrate(t->db, &err));
	assert_int_equal(err.kind, ERR_CONFIG);
	assert_non_null(strstr(err.msg, "9999"));
}

/* Somebody names the file of another gateway: it stays as it is. */
static void test_foreign(void **state)
{
	static const char tables_sql[] = "SELECT COUNT(*) FROM sqlite_master";
	struct temp_db *t = *state;
	struct err err = { 0 };
	struct db *db = NULL;
	char dsn[512];

	if (db_engine(t->db) != DB_SQLITE)
		skip();
	snprintf(dsn, sizeof dsn, "sqlite:%s/foreign.db", t->dir);
	CHECK(db_open(dsn, t->dir, &db, &t->err), &t->err);
	CHECK(db_script(db, "CREATE TABLE users (id integer, password text)", &t->err), &t->err);
	assert_false(migrate(db, &err));
	assert_int_equal(err.kind, ERR_CONFIG);
	assert_non_null(strstr(err.msg, "fcgi-admin import"));
	assert_int_equal(number(db, tables_sql), 1);
	db_close(db);
}

/* Several programs that start at once on a new database. */
static void test_together(void **state)
{
	static const char count_sql[] = "SELECT COUNT(*) FROM schema_version WHERE number = 1";
	static const char version_sql[] = "SELECT COUNT(*) FROM catalog_version";
	struct temp_db *t = *state;
	struct db *db = NULL;
	char dsn[128];
	pid_t pids[4];

	if (db_engine(t->db) != DB_SQLITE)
		skip();
	snprintf(dsn, sizeof(dsn), "sqlite:%s/fresh.db", t->dir);
	for (size_t i = 0; i < COUNT_OF(pids); i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			struct err err = { 0 };
			bool ok = db_open(dsn, t->dir, &db, &err) && migrate(db, &err);

			if (!ok)
				fprintf(stderr, "%s (%s)\n", err.msg, err.detail);
			db_close(db);
			_exit(!ok);
		}
	}
	for (size_t i = 0; i < COUNT_OF(pids); i++) {
		int status = -1;

		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	CHECK(db_open(dsn, t->dir, &db, &t->err), &t->err);
	assert_int_equal(number(db, count_sql), 1);
	assert_int_equal(number(db, version_sql), 1);
	db_close(db);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		DB_TEST(test_tables),
		DB_TEST(test_again),
		DB_TEST(test_newer),
		DB_TEST(test_foreign),
		DB_TEST(test_together),
	};

	return temp_db_run("migrate", tests, COUNT_OF(tests));
}
