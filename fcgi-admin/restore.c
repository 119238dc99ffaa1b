#include "restore.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "provider/runtime.h"
#include "store/migrate.h"
#include "swap.h"

static bool is_database(const char *file, struct err *err)
{
	static const char magic[] = "SQLite format 3";
	char begin[sizeof magic] = "";
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return err_set(err, ERR_CONFIG, "cannot read '%s': %s", file, strerror(errno));
	n = read(fd, begin, sizeof begin);
	close(fd);
	return (n == (ssize_t)sizeof begin && memcmp(begin, magic, sizeof magic) == 0) ||
	    err_set(err, ERR_CONFIG, "'%s' is not a SQLite database", file);
}

static int newest_schema(void)
{
	int newest = 0;

	for (const struct sql_text *t = sqlite_texts; t->number; t++)
		newest = t->number;
	return newest;
}

/* Whole, and of our kind. */
static bool check(struct db *db, const char *file, struct err *err)
{
	static const char whole_sql[] = "PRAGMA integrity_check(1)";
	static const char schema_sql[] = "SELECT MAX(number) FROM schema_version";
	struct rows rows;
	int64_t schema;
	bool whole;

	if (!db_query(db, whole_sql, BIND_NONE, &rows, err))
		return false;
	whole = rows_next(&rows) && str_eq_c(rows_text(&rows, 0), "ok");
	if (!rows_close(&rows, err))
		return false;
	if (!whole)
		return err_set(err, ERR_CONFIG, "'%s' is damaged", file);
	if (!db_number(db, schema_sql, BIND_NONE, &schema, err))
		return err_set(err, ERR_CONFIG, "'%s' is not a database of this program", file);
	if (schema < 1 || schema > newest_schema())
		return err_set(err, ERR_CONFIG, "'%s' has schema %lld, this build knows 1 to %d",
		    file, (long long)schema, newest_schema());
	return true;
}

/* The copy is made by the driver, so that a file which is in use elsewhere is copied as a whole. */
static bool copy(struct arena *a, const char *file, const char *fresh, struct err *err)
{
	struct db *db;
	bool ok;

	if (!db_open(arena_fmt(a, "sqlite:%s", file), "", &db, err))
		return false;
	ok = check(db, file, err) && db_backup(db, fresh, err);
	db_close(db);
	return ok;
}

bool restore(const struct runtime *rt, const char *file, struct err *err)
{
	struct arena *a = arena_new(4096);
	const char *taken = arena_fmt(a, "%s/restore.taken", rt->data_dir);
	const char *fresh = arena_fmt(a, "%s/restore.fresh", rt->data_dir);
	bool ok = false;

	if (*conf_text(rt->conf, "SQL_DSN"))
		err_set(err, ERR_CONFIG, "only the database in DATA_DIR is restored, not SQL_DSN");
	else
		/* Opening a database makes files beside it; that is not for a backup's folder,
		 * which may be another's or read-only. */
		ok = is_database(file, err) && swap_copy(file, taken, O_TRUNC, err) &&
		    copy(a, taken, fresh, err) &&
		    swap_in(&(struct swap){ .dir = rt->data_dir, .fresh = fresh }, err);
	unlink(taken);
	unlink(arena_fmt(a, "%s-wal", taken));
	unlink(arena_fmt(a, "%s-shm", taken));
	unlink(arena_fmt(a, "%s.lock", taken));
	unlink(fresh);
	arena_free(a);
	return ok;
}
