/* test_db.c — db.h over every driver: values, statements, transactions, many writers, backup */
#include "temp_db.h"

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/field.h"

static const char create_sql[] =
    "CREATE TABLE things (id INTEGER PRIMARY KEY, who BIGINT NOT NULL, name TEXT, "
    "ratio DOUBLE PRECISION, bytes BLOB); CREATE UNIQUE INDEX things_name ON things (name)";
static const char insert_sql[] = "INSERT INTO things (who, name) VALUES (?, ?)";
static const char insert_who_sql[] = "INSERT INTO things (who) VALUES (?)";
static const char count_sql[] = "SELECT COUNT(*) FROM things";

static void create_things(struct temp_db *t)
{
	CHECK(db_script(t->db, create_sql, &t->err), &t->err);
}

static int64_t number(struct db *db, const char *sql)
{
	struct err err = { 0 };
	struct rows rows;
	int64_t n = -1;

	CHECK(db_query(db, sql, BIND_NONE, &rows, &err) && rows_number(&rows, &n, &err), &err);
	return n;
}

/* ---- opening ---- */

static void test_open(void **state)
{
	static const struct {
		const char *name, *dsn, *want;
	} cases[] = {
		{ "PostgreSQL", "postgres://u:p@h/db", "this build has no driver for PostgreSQL" },
		{ "PostgreSQL, long", "postgresql://h/db",
		    "this build has no driver for PostgreSQL" },
		{ "MySQL", "u:p@tcp(h:3306)/db", "this build has no driver for MySQL" },
		{ "no such folder", "sqlite:/no/such/folder/x.db",
		    "cannot open '/no/such/folder/x.db.lock': No such file or directory" },
	};
	struct temp_db *t = *state;

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct err err = { 0 };
		struct db *db = NULL;

		if (db_open(cases[i].dsn, t->dir, &db, &err))
			fail_msg("%s: got a database", cases[i].name);
		if (err.kind != ERR_CONFIG || strcmp(err.msg, cases[i].want) != 0)
			fail_msg("%s: got %d '%s', want '%s'", cases[i].name, (int)err.kind,
			    err.msg, cases[i].want);
	}
}

static void test_files_are_not_public(void **state)
{
	static const char *const names[] = { "oneapi.db", "oneapi.db-wal", "oneapi.db.lock" };
	struct temp_db *t = *state;

	if (db_engine(t->db) != DB_SQLITE)
		skip();
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		char path[128];
		struct stat st;

		snprintf(path, sizeof(path), "%s/%s", t->dir, names[i]);
		assert_int_equal(stat(path, &st), 0);
		if (st.st_mode & 07)
			fail_msg("%s: got mode %o", names[i], (unsigned)st.st_mode);
	}
}

/* Not a database: the file is left as it is and the reason is told. */
static void test_open_garbage(void **state)
{
	struct temp_db *t = *state;
	struct err err = { 0 };
	struct db *db = NULL;
	char dsn[128];
	FILE *f;

	snprintf(dsn, sizeof(dsn), "sqlite:%s/garbage", t->dir);
	f = fopen(dsn + strlen("sqlite:"), "w");
	for (int i = 0; i < 200; i++)
		fputs("this is not a database at all\n", f);
	fclose(f);
	assert_false(db_open(dsn, t->dir, &db, &err));
	assert_int_not_equal(err.kind, ERR_NONE);
	assert_non_null(strstr(err.detail, "not a database"));
}

/* ---- values and rows ---- */

static void test_values(void **state)
{
	static const char echo_sql[] = "SELECT ?";
	static const char zero[] = "a\0b";
	const struct {
		const char *name;
		struct value in;
	} cases[] = {
		{ "0", v_int(0) },
		{ "least", v_int(INT64_MIN) },
		{ "greatest", v_int(INT64_MAX) },
		{ "double", v_double(0.1) },
		{ "null", v_null() },
		{ "text", v_text(STR("it's \"quoted\" and ünïcode")) },
		{ "empty text", v_text(STR("")) },
		{ "absent text", v_text((struct str){ 0 }) },
		{ "text with a NUL", v_text((struct str){ zero, 3 }) },
		{ "blob", v_blob("\x00\xff\x80", 3) },
		{ "empty blob", v_blob("", 0) },
	};
	struct temp_db *t = *state;

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const struct value *v = &cases[i].in;
		struct rows rows;
		bool same = false;

		CHECK(db_query(t->db, echo_sql, v, 1, &rows, &t->err), &t->err);
		assert_true(rows_next(&rows));
		switch (v->kind) {
		case VALUE_NULL:
			same = rows_text(&rows, 0).n == 0 && rows_int(&rows, 0) == 0;
			break;
		case VALUE_INT:
			same = rows_int(&rows, 0) == v->n;
			break;
		case VALUE_DOUBLE:
			same = rows_double(&rows, 0) >= v->d && rows_double(&rows, 0) <= v->d;
			break;
		case VALUE_TEXT:
			same = str_eq(rows_text(&rows, 0), v->s);
			break;
		case VALUE_BLOB:
			same = str_eq(rows_blob(&rows, 0), v->s);
			break;
		}
		if (!same || rows_null(&rows, 0) != (v->kind == VALUE_NULL))
			fail_msg("%s: came back as '%.*s'", cases[i].name,
			    STR_ARG(rows_text(&rows, 0)));
		assert_false(rows_next(&rows));
		assert_false(rows_next(&rows));
		CHECK(rows_close(&rows, &t->err), &t->err);
	}
}

struct thing {
	int64_t id;
	int who;
	struct str name;
	double ratio;
	bool is_odd;
};

static const struct field thing_fields[] = {
	FIELD(struct thing, id, 0),
	FIELD(struct thing, who, 0),
	FIELD(struct thing, name, 0),
	FIELD(struct thing, ratio, 0),
	FIELD(struct thing, is_odd, 0),
	{ 0 },
};

static void test_rows_all(void **state)
{
	static const char insert_all_sql[] =
	    "INSERT INTO things (who, name, ratio) VALUES (?, ?, ?)";
	static const char sql[] = "SELECT id, who, name, ratio, id % 2 FROM things ORDER BY id";
	static const char none_sql[] = "SELECT id, who, name, ratio, 0 FROM things WHERE id < 0";
	struct temp_db *t = *state;
	struct rows rows;
	struct thing *items, one;
	void *p;
	size_t count;

	create_things(t);
	for (int64_t i = 1; i <= 100; i++) {
		char *name = arena_fmt(t->arena, "thing %d", (int)i);
		int64_t id = 0;

		CHECK(db_insert(t->db, insert_all_sql,
		          BIND(v_int(-i), v_text(str_c(name)), v_double((double)i / 4)), &id,
		          &t->err),
		    &t->err);
		assert_int_equal(id, i);
	}
	CHECK(db_query(t->db, sql, BIND_NONE, &rows, &t->err), &t->err);
	CHECK(rows_all(&rows, thing_fields, sizeof(struct thing), t->arena, &p, &count, &t->err),
	    &t->err);
	assert_int_equal(count, 100);
	items = p;
	for (int i = 1; i <= 100; i++) {
		struct thing *it = &items[i - 1];

		assert_int_equal(it->id, i);
		assert_int_equal(it->who, -i);
		CHECK_TEXT(it->name, arena_fmt(t->arena, "thing %d", i));
		assert_true(it->ratio * 4 > i - 0.5 && it->ratio * 4 < i + 0.5);
		assert_int_equal(it->is_odd, i % 2);
	}

	CHECK(db_query(t->db, sql, BIND_NONE, &rows, &t->err), &t->err);
	CHECK(rows_one(&rows, thing_fields, t->arena, &one, "no thing", &t->err), &t->err);
	CHECK_TEXT(one.name, "thing 1");

	CHECK(db_query(t->db, none_sql, BIND_NONE, &rows, &t->err), &t->err);
	assert_false(rows_one(&rows, thing_fields, t->arena, &one, "no thing", &t->err));
	assert_int_equal(t->err.kind, ERR_NOT_FOUND);
	assert_string_equal(t->err.msg, "no thing");
	CHECK(db_query(t->db, none_sql, BIND_NONE, &rows, &t->err), &t->err);
	CHECK(rows_all(&rows, thing_fields, sizeof(struct thing), t->arena, &p, &count, &t->err),
	    &t->err);
	assert_int_equal(count, 0);
	assert_int_equal(number(t->db, none_sql), 0);
}

static void test_prefix(void **state)
{
	static const struct {
		const char *name, *in, *want;
	} cases[] = {
		{ "plain", "abc", "abc%" },
		{ "empty", "", "%" },
		{ "wild cards", "50%_!", "50!%!_!!%" },
	};
	struct temp_db *t = *state;

	for (size_t i = 0; i < COUNT_OF(cases); i++)
		CHECK_TEXT(db_prefix(t->arena, str_c(cases[i].in)), cases[i].want);
}

static void test_first_value(void **state)
{
	static const char text_sql[] = "SELECT name FROM things WHERE who >= ? ORDER BY who";
	static const char number_sql[] = "SELECT who FROM things WHERE who >= ? ORDER BY who";
	static const struct {
		const char *name, *text;
		int64_t from, number;
	} cases[] = {
		{ "the first of two", "a", 0, 1 },
		{ "one", "b", 2, 2 },
		{ "none", "", 3, 0 },
	};
	struct temp_db *t = *state;
	struct str text;
	int64_t n = 7;

	create_things(t);
	CHECK(db_run(t->db, insert_sql, BIND(v_int(1), v_text(STR("a"))), NULL, &t->err) &&
	        db_run(t->db, insert_sql, BIND(v_int(2), v_text(STR("b"))), NULL, &t->err),
	    &t->err);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		CHECK(db_number(t->db, number_sql, BIND(v_int(cases[i].from)), &n, &t->err) &&
		        db_text(t->db, t->arena, text_sql, BIND(v_int(cases[i].from)), &text,
		            &t->err),
		    &t->err);
		if (n != cases[i].number)
			fail_msg("%s: got %" PRId64 ", want %" PRId64, cases[i].name, n,
			    cases[i].number);
		CHECK_TEXT(text, cases[i].text);
	}
	assert_false(db_number(t->db, "SELECT nothing", BIND_NONE, &n, &t->err));
	assert_false(db_text(t->db, t->arena, "SELECT nothing", BIND_NONE, &text, &t->err));
}

/* ---- statements ---- */

static void test_statements_are_reused(void **state)
{
	static const char sql[] = "SELECT ? + 1";
	struct temp_db *t = *state;
	size_t before = db_statements(t->db);
	struct rows rows;

	for (int64_t i = 0; i < 1000; i++) {
		int64_t n = 0;

		CHECK(db_query(t->db, sql, BIND(v_int(i)), &rows, &t->err) &&
		        rows_number(&rows, &n, &t->err),
		    &t->err);
		assert_int_equal(n, i + 1);
	}
	assert_int_equal(db_statements(t->db), before + 1);
}

static void test_many_statements(void **state)
{
	struct temp_db *t = *state;
	size_t before = db_statements(t->db);
	/* Each offset of the blanks is another address, so another statement. */
	static const char blanks[] =
	    "                                                                                "
	    "                                                                                "
	    "SELECT 7";

	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < 160; i++)
			assert_int_equal(number(t->db, blanks + i), 7);
	}
	assert_int_equal(db_statements(t->db), before + 160);
}

/* The same query inside the loop over itself. */
static void test_nested_query(void **state)
{
	static const char sql[] = "SELECT id FROM things WHERE id > ? ORDER BY id";
	struct temp_db *t = *state;
	size_t before;
	struct rows outer, inner;
	int pairs = 0;

	create_things(t);
	for (int i = 0; i < 4; i++)
		CHECK(db_run(t->db, insert_who_sql, BIND(v_int(i)), NULL, &t->err), &t->err);
	before = db_statements(t->db);
	CHECK(db_query(t->db, sql, BIND(v_int(0)), &outer, &t->err), &t->err);
	while (rows_next(&outer)) {
		CHECK(db_query(t->db, sql, BIND(v_int(rows_int(&outer, 0))), &inner, &t->err),
		    &t->err);
		while (rows_next(&inner)) {
			assert_true(rows_int(&inner, 0) > rows_int(&outer, 0));
			pairs++;
		}
		CHECK(rows_close(&inner, &t->err), &t->err);
	}
	CHECK(rows_close(&outer, &t->err), &t->err);
	assert_int_equal(pairs, 3 + 2 + 1);
	assert_int_equal(db_statements(t->db), before + 1);
}

static void test_errors(void **state)
{
	static const char wrong_sql[] = "SELEC nonsense";
	struct temp_db *t = *state;
	struct err err = { 0 };
	struct rows rows;
	struct value a = v_text(STR("a"));

	assert_false(db_query(t->db, wrong_sql, BIND_NONE, &rows, &err));
	assert_int_equal(err.kind, ERR_STORE);
	assert_non_null(strstr(err.detail, "SELEC nonsense"));
	assert_null(strstr(err.msg, "SELEC"));

	create_things(t);
	CHECK(db_run(t->db, insert_sql, BIND(v_int(1), a), NULL, &t->err), &t->err);
	err_clear(&err);
	assert_false(db_run(t->db, insert_sql, BIND(v_int(2), a), NULL, &err));
	assert_int_equal(err.kind, ERR_STORE);
	assert_string_equal(err.code, "duplicate");

	/* Not every broken rule is a duplicate. */
	err_clear(&err);
	assert_false(db_run(t->db, insert_sql, BIND(v_null(), v_null()), NULL, &err));
	assert_int_equal(err.kind, ERR_STORE);
	assert_string_not_equal(err.code, "duplicate");

	/* The statement works again afterwards. */
	CHECK(db_run(t->db, insert_sql, BIND(v_int(2), v_text(STR("b"))), NULL, &t->err), &t->err);
	assert_int_equal(number(t->db, count_sql), 2);
}

static void test_changed(void **state)
{
	static const char update_sql[] = "UPDATE things SET who = who + 1 WHERE who < ?";
	struct temp_db *t = *state;
	int64_t changed = -1;

	create_things(t);
	for (int i = 0; i < 5; i++)
		CHECK(db_run(t->db, insert_who_sql, BIND(v_int(i)), NULL, &t->err), &t->err);
	CHECK(db_run(t->db, update_sql, BIND(v_int(3)), &changed, &t->err), &t->err);
	assert_int_equal(changed, 3);
	CHECK(db_run(t->db, update_sql, BIND(v_int(0)), &changed, &t->err), &t->err);
	assert_int_equal(changed, 0);
}

/* ---- transactions ---- */

static void test_transactions(void **state)
{
	struct temp_db *t = *state;
	struct db *other = temp_db_connect(t);
	struct err err = { 0 };
	struct value a = v_text(STR("a"));

	create_things(t);
	CHECK(db_begin(t->db, &t->err), &t->err);
	CHECK(db_run(t->db, insert_sql, BIND(v_int(1), a), NULL, &t->err), &t->err);
	assert_int_equal(number(t->db, count_sql), 1);
	assert_int_equal(number(other, count_sql), 0);
	db_rollback(t->db);
	assert_int_equal(number(t->db, count_sql), 0);
	db_rollback(t->db);

	/* What was refused leaves no trace and does not disturb its neighbours. */
	CHECK(db_begin(t->db, &t->err), &t->err);
	CHECK(db_run(t->db, insert_sql, BIND(v_int(1), a), NULL, &t->err), &t->err);
	assert_false(db_run(t->db, insert_sql, BIND(v_int(2), a), NULL, &err));
	CHECK(db_run(t->db, insert_who_sql, BIND(v_int(3)), NULL, &t->err), &t->err);
	CHECK(db_commit(t->db, &t->err), &t->err);
	assert_int_equal(number(other, count_sql), 2);

	/* The write lock is free again after each of these. */
	CHECK(db_run(other, insert_who_sql, BIND(v_int(4)), NULL, &t->err), &t->err);
	CHECK(db_begin(other, &t->err), &t->err);
	CHECK(db_commit(other, &t->err), &t->err);
	CHECK(db_begin(t->db, &t->err), &t->err);
	db_rollback(t->db);
	db_close(other);
}

/* An engine that rolls back by itself (a full disk) must not let the rest be written alone. */
static void test_engine_rolls_back(void **state)
{
	static const char clash_sql[] = "INSERT OR ROLLBACK INTO things (who, name) VALUES (?, ?)";
	struct temp_db *t = *state;
	struct err err = { 0 };
	struct value a = v_text(STR("a"));

	if (db_engine(t->db) != DB_SQLITE)
		skip();
	create_things(t);
	CHECK(db_begin(t->db, &t->err), &t->err);
	CHECK(db_run(t->db, insert_sql, BIND(v_int(1), a), NULL, &t->err), &t->err);
	assert_false(db_run(t->db, clash_sql, BIND(v_int(2), a), NULL, &err));
	assert_false(db_run(t->db, insert_who_sql, BIND(v_int(3)), NULL, &err));
	assert_int_equal(err.kind, ERR_STORE);
	assert_false(db_commit(t->db, &err));
	assert_int_equal(number(t->db, count_sql), 0);
	CHECK(db_run(t->db, insert_who_sql, BIND(v_int(4)), NULL, &t->err), &t->err);
}

/* Closing in the middle of a transaction gives it up, with its lock. */
static void test_close_rolls_back(void **state)
{
	struct temp_db *t = *state;
	struct db *other = temp_db_connect(t);

	create_things(t);
	CHECK(db_begin(other, &t->err), &t->err);
	CHECK(db_run(other, insert_who_sql, BIND(v_int(1)), NULL, &t->err), &t->err);
	db_close(other);
	CHECK(db_run(t->db, insert_who_sql, BIND(v_int(2)), NULL, &t->err), &t->err);
	assert_int_equal(number(t->db, count_sql), 1);
}

/* ---- many writers ---- */

/* What two writers know of each other; in memory that both share. */
struct pace {
	atomic_int ready;
	atomic_int n[2]; /* transactions so far */
};

#define ENOUGH 40 /* transactions of each */
#define HANGING_MS 120000

static bool both_have(const struct pace *p, int n)
{
	return atomic_load(&p->n[0]) >= n && atomic_load(&p->n[1]) >= n;
}

/* A busy writer until both have written enough; false after any failure. */
static bool write_on(const struct temp_db *t, int who, struct pace *p)
{
	int64_t until_ms = clock_mono_ms() + HANGING_MS;
	struct db *db = NULL;
	struct err err = { 0 };

	if (!db_open(t->dsn, t->dir, &db, &err))
		return false;
	atomic_fetch_add(&p->ready, 1);
	while (atomic_load(&p->ready) < 2 && clock_mono_ms() < until_ms)
		usleep(100);
	while (!both_have(p, ENOUGH) && clock_mono_ms() < until_ms) {
		bool ok = db_begin(db, &err);

		for (int i = 0; ok && i < 3; i++)
			ok = db_run(db, insert_who_sql, BIND(v_int(who)), NULL, &err);
		/* Every other write is a single statement, which takes the lock by itself. */
		if (!ok || !db_commit(db, &err) ||
		    !db_run(db, insert_who_sql, BIND(v_int(who)), NULL, &err)) {
			fprintf(stderr, "writer %d: %s (%s)\n", who, err.msg, err.detail);
			return false;
		}
		atomic_fetch_add(&p->n[who], 1);
	}
	db_close(db);
	return both_have(p, ENOUGH);
}

/* How often the pen went from one writer to the other; rows stand in the order of writing. */
static int64_t handovers(struct db *db)
{
	static const char sql[] =
	    "SELECT COUNT(*) FROM things a JOIN things b ON b.id = a.id + 1 WHERE a.who <> b.who";

	return number(db, sql);
}

/* The most rows that one wrote while the other waited. */
static int64_t longest_row(struct db *db)
{
	static const char sql[] = "SELECT MAX(n) FROM (SELECT COUNT(*) AS n FROM "
	                          "(SELECT who, id - ROW_NUMBER() OVER (PARTITION BY who "
	                          "ORDER BY id) AS run FROM things) r GROUP BY who, run) s";

	return number(db, sql);
}

static bool is_fair(struct db *db, const struct pace *p)
{
	int a = atomic_load(&p->n[0]), b = atomic_load(&p->n[1]);
	int64_t turns = 2 * (a < b ? a : b), went = handovers(db), most = longest_row(db);

	print_message("%d and %d transactions, %d handovers, %d rows in a row at most\n", a, b,
	    (int)went, (int)most);
	assert_int_equal(number(db, count_sql), 4 * (a + b));
	/* Each transaction takes the lock twice; whoever lets go of it while the other waits must
	 * not get it back at once: nearly one handover a turn, and nobody waits for long. */
	return a <= 2 * b && b <= 2 * a && went >= turns && most <= 40;
}

/* The two side by side, to their end. */
static void write_both(const struct temp_db *t, struct pace *p)
{
	pid_t pids[2];

	for (int i = 0; i < 2; i++) {
		pids[i] = fork();
		if (pids[i] == 0)
			_exit(!write_on(t, i, p));
	}
	for (int i = 0; i < 2; i++) {
		int status;

		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
}

/* A lock that is not fair never looks so; one that is may look otherwise on a machine that holds one
 * of the two back while it waits for nothing. Hence once is enough. */
static void test_two_processes(void **state)
{
	struct temp_db *t = *state;
	bool fair = false;

	create_things(t);
	for (int round = 0; round < 10 && !fair; round++) {
		struct pace *p = mmap(NULL, sizeof(*p), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

		assert_true(p != MAP_FAILED);
		CHECK(db_script(t->db, "DELETE FROM things", &t->err), &t->err);
		db_close(t->db);
		t->db = NULL;
		write_both(t, p);
		t->db = temp_db_connect(t);
		fair = is_fair(t->db, p);
		munmap(p, sizeof(*p));
	}
	assert_true(fair);
}

struct writer {
	const struct temp_db *t;
	pthread_t thread;
	int rounds;
	bool ok;
	struct err err;
};

/* Reads, then writes upon what it read: only right when both are inside the lock. */
static void *count_up(void *arg)
{
	static const char read_sql[] = "SELECT who FROM things WHERE id = 1";
	static const char write_sql[] = "UPDATE things SET who = ? WHERE id = 1";
	struct writer *w = arg;
	struct db *db = temp_db_connect(w->t);

	w->ok = true;
	for (int i = 0; w->ok && i < w->rounds; i++) {
		struct rows rows;
		int64_t n = 0;

		w->ok = db_begin(db, &w->err) &&
		    db_query(db, read_sql, BIND_NONE, &rows, &w->err) &&
		    rows_number(&rows, &n, &w->err) &&
		    db_run(db, write_sql, BIND(v_int(n + 1)), NULL, &w->err) &&
		    db_commit(db, &w->err);
	}
	db_close(db);
	return NULL;
}

static void test_threads(void **state)
{
	static const char read_sql[] = "SELECT who FROM things WHERE id = 1";
	struct temp_db *t = *state;
	struct writer writers[4] = { 0 };

	create_things(t);
	CHECK(db_run(t->db, insert_who_sql, BIND(v_int(0)), NULL, &t->err), &t->err);
	for (size_t i = 0; i < COUNT_OF(writers); i++) {
		writers[i].t = t;
		writers[i].rounds = 50;
		pthread_create(&writers[i].thread, NULL, count_up, &writers[i]);
	}
	for (size_t i = 0; i < COUNT_OF(writers); i++) {
		pthread_join(writers[i].thread, NULL);
		CHECK(writers[i].ok, &writers[i].err);
	}
	assert_int_equal(number(t->db, read_sql), 200);
}

/* A writer that is killed in its transaction leaves neither rows nor a lock. */
static void test_killed_writer(void **state)
{
	struct temp_db *t = *state;
	int ready[2];
	char c;
	pid_t pid;

	create_things(t);
	db_close(t->db);
	t->db = NULL;
	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		struct db *db = NULL;

		if (db_open(t->dsn, t->dir, &db, &t->err) && db_begin(db, &t->err) &&
		    db_run(db, insert_who_sql, BIND(v_int(1)), NULL, &t->err) &&
		    write(ready[1], "x", 1) == 1)
			pause();
		_exit(1);
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	close(ready[0]);
	close(ready[1]);
	t->db = temp_db_connect(t);
	/* waits for no dead man's lock, which would be held for ever */
	CHECK(db_run(t->db, insert_who_sql, BIND(v_int(2)), NULL, &t->err), &t->err);
	assert_int_equal(number(t->db, count_sql), 1);
}

/* ---- backup ---- */

struct pair_writer {
	const struct temp_db *t;
	atomic_bool stop;
	atomic_int done;
	bool ok;
	struct err err;
};

/* Two rows a transaction, so a copy is torn when it has an odd number. */
static void *write_pairs(void *arg)
{
	struct pair_writer *w = arg;
	struct db *db = temp_db_connect(w->t);

	w->ok = true;
	while (w->ok && !atomic_load(&w->stop)) {
		w->ok = db_begin(db, &w->err) &&
		    db_run(db, insert_who_sql, BIND(v_int(1)), NULL, &w->err) &&
		    db_run(db, insert_who_sql, BIND(v_int(2)), NULL, &w->err) &&
		    db_commit(db, &w->err);
		atomic_fetch_add(&w->done, 1);
	}
	atomic_store(&w->stop, true);
	db_close(db);
	return NULL;
}

static void test_backup(void **state)
{
	static const char check_sql[] = "PRAGMA integrity_check";
	struct temp_db *t = *state;
	struct pair_writer w = { .t = t };
	struct err err = { 0 };
	pthread_t thread;
	char path[128], dsn[160];
	int64_t last = 0;

	if (db_engine(t->db) != DB_SQLITE)
		skip();
	create_things(t);
	snprintf(path, sizeof(path), "%s/copy", t->dir);
	snprintf(dsn, sizeof(dsn), "sqlite:%s", path);
	pthread_create(&thread, NULL, write_pairs, &w);
	for (int i = 0; i < 4; i++) {
		int done = atomic_load(&w.done);
		struct db *copy = NULL;
		struct rows rows;
		int64_t count;

		while (atomic_load(&w.done) < done + 5 && !atomic_load(&w.stop))
			usleep(1000);
		CHECK(db_backup(t->db, path, &t->err), &t->err);
		CHECK(db_open(dsn, t->dir, &copy, &t->err), &t->err);
		count = number(copy, count_sql);
		if (count % 2 != 0 || count <= last)
			fail_msg("copy %d: got %d rows after %d", i, (int)count, (int)last);
		last = count;
		CHECK(db_query(copy, check_sql, BIND_NONE, &rows, &t->err), &t->err);
		assert_true(rows_next(&rows));
		CHECK_TEXT(rows_text(&rows, 0), "ok");
		CHECK(rows_close(&rows, &t->err), &t->err);
		db_close(copy);
	}
	atomic_store(&w.stop, true);
	pthread_join(thread, NULL);
	CHECK(w.ok, &w.err);

	/* A folder that is not there, and the database itself. */
	assert_false(db_backup(t->db, "/no/such/folder/copy", &err));
	assert_int_equal(err.kind, ERR_STORE);
	snprintf(path, sizeof(path), "%s/oneapi.db", t->dir);
	assert_false(db_backup(t->db, path, &err));
	assert_true(number(t->db, count_sql) >= last);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		DB_TEST(test_open),
		DB_TEST(test_files_are_not_public),
		DB_TEST(test_open_garbage),
		DB_TEST(test_values),
		DB_TEST(test_rows_all),
		DB_TEST(test_prefix),
		DB_TEST(test_first_value),
		DB_TEST(test_statements_are_reused),
		DB_TEST(test_many_statements),
		DB_TEST(test_nested_query),
		DB_TEST(test_errors),
		DB_TEST(test_changed),
		DB_TEST(test_transactions),
		DB_TEST(test_engine_rolls_back),
		DB_TEST(test_close_rolls_back),
		DB_TEST(test_two_processes),
		DB_TEST(test_threads),
		DB_TEST(test_killed_writer),
		DB_TEST(test_backup),
	};

	return temp_db_run("db", tests, COUNT_OF(tests));
}
