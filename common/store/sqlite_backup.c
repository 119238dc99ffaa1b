#include "store/sqlite_backup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"

/* One step over all pages: it reads one snapshot, and in WAL mode nobody waits for a reader.
 * Smaller steps would start over with every commit. The copy leaves WAL mode, so that it is one
 * file. */
static bool copy_to(sqlite3 *db, const char *path, struct err *err)
{
	sqlite3 *copy = NULL;
	sqlite3_backup *b = NULL;
	int code = sqlite3_open_v2(path, &copy, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);

	if (code == SQLITE_OK && (b = sqlite3_backup_init(copy, "main", db, "main"))) {
		sqlite3_backup_step(b, -1);
		code = sqlite3_backup_finish(b);
	} else if (code == SQLITE_OK) {
		code = sqlite3_errcode(copy);
	}
	if (code == SQLITE_OK)
		code = sqlite3_exec(copy, "PRAGMA journal_mode = DELETE", NULL, NULL, NULL);
	if (code != SQLITE_OK) {
		err_set(err, ERR_STORE, "the backup failed");
		err_detail(err, "sqlite %d, %s", code, sqlite3_errmsg(copy));
	}
	sqlite3_close(copy);
	return code == SQLITE_OK;
}

/* A name that was just given survives the power going. */
static bool sync_folder_of(const char *path, struct err *err)
{
	const char *slash = strrchr(path, '/');
	char folder[4200] = ".";
	bool ok;
	int fd;

	if (slash)
		snprintf(folder, sizeof folder, "%.*s", slash == path ? 1 : (int)(slash - path),
		    path);
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ok = fd >= 0 && (fsync(fd) == 0 || errno == EINVAL);
	if (!ok)
		err_set(err, ERR_STORE, "cannot sync '%s': %s", folder, strerror(errno));
	if (fd >= 0)
		close(fd);
	return ok;
}

static bool is_same_file(const char *a, const char *b)
{
	struct stat x, y;

	return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

bool sqlite_backup(sqlite3 *db, const char *path, struct err *err)
{
	char part[4200];
	int fd, n = snprintf(part, sizeof(part), "%s.part", path);

	if (n < 0 || (size_t)n >= sizeof(part))
		return err_set(err, ERR_STORE, "the name of the backup is too long");
	if (is_same_file(path, sqlite3_db_filename(db, "main")))
		return err_set(err, ERR_STORE, "'%s' is the database itself", path);
	fd = open(part, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set(err, ERR_STORE, "cannot create '%s': %s", part, strerror(errno));
	close(fd);
	if (copy_to(db, part, err)) {
		if (rename(part, path) == 0)
			return sync_folder_of(path, err);
		err_set(err, ERR_STORE, "cannot rename '%s': %s", part, strerror(errno));
	}
	unlink(part);
	return false;
}
