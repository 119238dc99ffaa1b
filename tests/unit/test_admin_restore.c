/* test_admin_restore.c — the database is the old one or the new one, wherever a restore ends */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../fcgi-admin/swap.h"
#include "base/arena.h"
#include "base/err.h"
#include "store/db.h"

#define must(call)                                                                                 \
	do {                                                                                       \
		struct err err = { 0 };                                                            \
		if (!(call))                                                                       \
			fail_msg("%s: %s (%s)", #call, err.msg, err.detail);                       \
	} while (0)

struct place {
	char dir[64];
	char fresh[96];
};

static const char *in(const struct place *p, const char *name)
{
	static char path[4][160];
	static size_t next;
	char *out = path[next++ % COUNT_OF(path)];

	snprintf(out, sizeof path[0], "%s/%s", p->dir, name);
	return out;
}

static void copy_file(const char *from, const char *to)
{
	FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
	char bytes[4096];
	size_t n;

	assert_true(in && out);
	while ((n = fread(bytes, 1, sizeof bytes, in)) > 0)
		assert_int_equal(fwrite(bytes, 1, n, out), n);
	fclose(in);
	assert_int_equal(fclose(out), 0);
}

/* `rows` rows, the last of them in the log only, as a crash leaves it. */
static void make_database(const struct place *p, const char *name, const char *word, int rows)
{
	static const char insert_sql[] = "INSERT INTO t (word) VALUES (?)";
	char dsn[200], log[200];
	struct db *db;

	snprintf(dsn, sizeof dsn, "sqlite:%s.live", in(p, name));
	must(db_open(dsn, "", &db, &err));
	must(db_script(db, "CREATE TABLE t (word TEXT) STRICT", &err));
	for (int i = 0; i < rows; i++)
		must(db_run(db, insert_sql, BIND(v_text(str_c(word))), NULL, &err));
	snprintf(log, sizeof log, "%s-wal", dsn + 7);
	copy_file(dsn + 7, in(p, name));
	snprintf(dsn, sizeof dsn, "%s-wal", in(p, name));
	copy_file(log, dsn);
	db_close(db);
	snprintf(log, sizeof log, "%s.live", in(p, name));
	unlink(log);
	snprintf(log, sizeof log, "%s.live.lock", in(p, name));
	unlink(log);
}

/* How many rows say `word`, -1 when the database cannot be read or says anything else. */
static int64_t count_rows(const struct place *p, const char *name, const char *word)
{
	static const char whole_sql[] = "PRAGMA integrity_check(1)";
	static const char count_sql[] = "SELECT COUNT(*) FROM t WHERE word = ?";
	static const char all_sql[] = "SELECT COUNT(*) FROM t";
	int64_t count = -1, all = -2;
	struct err why = { 0 };
	char dsn[200];
	struct db *db;
	struct rows rows;
	bool whole;

	snprintf(dsn, sizeof dsn, "sqlite:%s", in(p, name));
	if (access(dsn + 7, F_OK) != 0)
		return -1;
	must(db_open(dsn, "", &db, &err));
	must(db_query(db, whole_sql, BIND_NONE, &rows, &err));
	whole = rows_next(&rows) && str_eq_c(rows_text(&rows, 0), "ok");
	must(rows_close(&rows, &err));
	if (!whole || !db_query(db, count_sql, BIND(v_text(str_c(word))), &rows, &why) ||
	    !rows_number(&rows, &count, &why) || !db_query(db, all_sql, BIND_NONE, &rows, &why) ||
	    !rows_number(&rows, &all, &why) || all != count)
		count = -1;
	db_close(db);
	return count;
}

static void open_place(struct place *p)
{
	*p = (struct place){ .dir = "/tmp/restore-XXXXXX" };
	assert_non_null(mkdtemp(p->dir));
	snprintf(p->fresh, sizeof p->fresh, "%s/restore.fresh", p->dir);
}

static void close_place(struct place *p)
{
	char line[128];

	snprintf(line, sizeof line, "rm -r '%s'", p->dir);
	assert_int_equal(system(line), 0);
}

#define OLD_ROWS 7
#define NEW_ROWS 11

static void make_both(const struct place *p)
{
	make_database(p, "oneapi.db", "old", OLD_ROWS);
	make_database(p, "restore.fresh", "new", NEW_ROWS);
	/* A backup is one file: what its log has goes into it. */
	assert_int_equal(count_rows(p, "restore.fresh", "new"), NEW_ROWS);
}

/* Ended after each step; then once more, which must work from there. */
static void test_ends_anywhere(void **state)
{
	for (size_t steps = 1; steps <= SWAP_STEPS; steps++) {
		struct place p;
		int64_t old, new;

		open_place(&p);
		make_both(&p);
		must(swap_in(&(struct swap){ p.dir, p.fresh, steps }, &err));
		old = count_rows(&p, "oneapi.db", "old");
		new = count_rows(&p, "oneapi.db", "new");
		if (old != OLD_ROWS && new != NEW_ROWS)
			fail_msg("after %zu steps: got %lld old and %lld new rows, want %d or %d",
			    steps, (long long)old, (long long)new, OLD_ROWS, NEW_ROWS);
		if (new == NEW_ROWS &&
		    count_rows(&p, "oneapi.db.before-restore", "old") != OLD_ROWS)
			fail_msg("after %zu steps: the old database is nowhere", steps);
		if (access(p.fresh, F_OK) == 0)
			must(swap_in(&(struct swap){ p.dir, p.fresh, 0 }, &err));
		assert_int_equal(count_rows(&p, "oneapi.db", "new"), NEW_ROWS);
		assert_int_equal(count_rows(&p, "oneapi.db.before-restore", "old"), OLD_ROWS);
		close_place(&p);
	}
}

/* Its log cannot be folded: both are kept as they lie, and nothing of it touches the new one. */
static void test_damaged(void **state)
{
	struct stat before, after;
	struct place p;
	FILE *f;

	open_place(&p);
	make_both(&p);
	f = fopen(in(&p, "oneapi.db"), "r+b");
	assert_non_null(f);
	fputs("this is no database", f);
	fclose(f);
	assert_int_equal(stat(in(&p, "oneapi.db-wal"), &before), 0);
	must(swap_in(&(struct swap){ p.dir, p.fresh, 0 }, &err));
	assert_int_equal(count_rows(&p, "oneapi.db", "new"), NEW_ROWS);
	assert_int_equal(stat(in(&p, "oneapi.db.before-restore"), &after), 0);
	if (stat(in(&p, "oneapi.db.before-restore-wal"), &after) == 0)
		assert_int_equal(after.st_size, before.st_size);
	close_place(&p);
}

static void test_no_old_one(void **state)
{
	struct place p;

	open_place(&p);
	make_database(&p, "restore.fresh", "new", NEW_ROWS);
	assert_int_equal(count_rows(&p, "restore.fresh", "new"), NEW_ROWS);
	must(swap_in(&(struct swap){ p.dir, p.fresh, 0 }, &err));
	assert_int_equal(count_rows(&p, "oneapi.db", "new"), NEW_ROWS);
	assert_int_not_equal(access(in(&p, "oneapi.db.before-restore"), F_OK), 0);
	close_place(&p);
}

/* An older copy is replaced at the very end or not at all. */
static void test_backup(void **state)
{
	struct err why = { 0 };
	char dsn[200];
	struct place p;
	struct db *db;

	open_place(&p);
	make_both(&p);
	make_database(&p, "copy.db", "older", 3);
	assert_int_equal(count_rows(&p, "copy.db", "older"), 3);
	snprintf(dsn, sizeof dsn, "sqlite:%s", in(&p, "oneapi.db"));
	must(db_open(dsn, "", &db, &err));
	assert_int_equal(mkdir(in(&p, "copy.db.part"), 0700), 0); /* in its way */
	assert_false(db_backup(db, in(&p, "copy.db"), &why));
	assert_int_equal(count_rows(&p, "copy.db", "older"), 3);
	assert_int_equal(rmdir(in(&p, "copy.db.part")), 0);
	must(db_backup(db, in(&p, "copy.db"), &err));
	assert_int_equal(count_rows(&p, "copy.db", "old"), OLD_ROWS);
	assert_int_not_equal(access(in(&p, "copy.db.part"), F_OK), 0);
	db_close(db);
	close_place(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ends_anywhere),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_no_old_one),
		cmocka_unit_test(test_backup),
	};

	return cmocka_run_group_tests_name("admin_restore", tests, NULL, NULL);
}
