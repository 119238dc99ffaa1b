/* temp_db.h — a migrated database in a fresh folder, for tests of everything that needs one
 *
 *	static void test_something(void **state)
 *	{
 *		struct temp_db *t = *state;
 *		…
 *	}
 *	int main(void)
 *	{
 *		static const struct CMUnitTest tests[] = { DB_TEST(test_something) };
 *
 *		return temp_db_run("user", tests, COUNT_OF(tests));
 *	}
 *
 * The tests run once for each row of temp_drivers. An engine that needs a server is a row with the
 * name of an environment variable that holds its DSN, an empty database; without it, it is skipped
 * and says so.
 */
#ifndef TESTS_TEMP_DB_H
#define TESTS_TEMP_DB_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/secret.h"
#include "store/db.h"
#include "store/migrate.h"

struct temp_driver {
	const char *name;
	const char *dsn_variable; /* NULL: DSN "" */
};

static const struct temp_driver temp_drivers[] = {
	{ "sqlite", NULL },
};

struct temp_db {
	char dir[64];
	const char *dsn;
	struct db *db;
	struct secret_box *box;
	struct arena *arena;
	struct err err; /* for CHECK */
};

/* The DSN of the driver whose turn it is. */
static const char *temp_dsn = "";

#define DB_TEST(fn) cmocka_unit_test_setup_teardown(fn, temp_db_setup, temp_db_teardown)

/* The call must succeed; e is the struct err it was given. */
#define CHECK(call, e)                                                                             \
	do {                                                                                       \
		if (!(call))                                                                       \
			fail_msg("%s: %s (%s)", #call, (e)->msg, (e)->detail);                     \
	} while (0)

/* A view against text; prints both. */
#define CHECK_TEXT(view, want)                                                                     \
	do {                                                                                       \
		struct str got_ = (view);                                                          \
		if (!str_eq_c(got_, (want)))                                                       \
			fail_msg("%s: got '%.*s', want '%s'", #view, STR_ARG(got_), (want));       \
	} while (0)

/* A further connection to the same database. */
static inline struct db *temp_db_connect(const struct temp_db *t)
{
	struct db *db = NULL;
	struct err err = { 0 };

	CHECK(db_open(t->dsn, t->dir, &db, &err), &err);
	return db;
}

static inline void temp_dir_remove(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *e;
	char name[512];

	while (dir && (e = readdir(dir))) {
		snprintf(name, sizeof(name), "%s/%s", path, e->d_name);
		if (e->d_name[0] != '.' && unlink(name) != 0)
			print_message("cannot remove %s\n", name);
	}
	if (dir)
		closedir(dir);
	rmdir(path);
}

static inline int temp_db_setup(void **state)
{
	struct temp_db *t = calloc(1, sizeof(*t));

	snprintf(t->dir, sizeof(t->dir), "/tmp/temp_db.XXXXXX");
	if (!mkdtemp(t->dir))
		return -1;
	t->dsn = temp_dsn;
	t->arena = arena_new(4096);
	*state = t;
	if (secret_box_open(t->dir, "a secret for tests", &t->box, &t->err) &&
	    db_open(t->dsn, t->dir, &t->db, &t->err) && migrate(t->db, &t->err))
		return 0;
	print_message("no database: %s (%s)\n", t->err.msg, t->err.detail);
	return -1;
}

static inline int temp_db_teardown(void **state)
{
	struct temp_db *t = *state;

	db_close(t->db);
	secret_box_free(t->box);
	arena_free(t->arena);
	temp_dir_remove(t->dir);
	free(t);
	return 0;
}

static inline int temp_db_run(const char *module, const struct CMUnitTest *tests, size_t count)
{
	int failed = 0;

	for (size_t i = 0; i < COUNT_OF(temp_drivers); i++) {
		const struct temp_driver *d = &temp_drivers[i];
		char name[64];

		temp_dsn = d->dsn_variable ? getenv(d->dsn_variable) : "";
		if (!temp_dsn) {
			print_message("%s: %s skipped, %s is not set\n", module, d->name,
			    d->dsn_variable);
			continue;
		}
		snprintf(name, sizeof(name), "%s on %s", module, d->name);
		failed += _cmocka_run_group_tests(name, tests, count, NULL, NULL);
	}
	return failed;
}

#endif
