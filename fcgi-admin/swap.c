#include "swap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "store/db.h"

/* What the steps work on. */
struct names {
	struct arena *arena;
	const char *dir, *fresh, *now, *old;
};

static const char *with(const struct names *n, const char *name, const char *end)
{
	return arena_fmt(n->arena, "%s%s", name, end);
}

static bool cannot(const char *what, const char *name, struct err *err)
{
	return err_set(err, ERR_CONFIG, "cannot %s '%s': %s", what, name, strerror(errno));
}

static bool gone(const char *name, struct err *err)
{
	return unlink(name) == 0 || errno == ENOENT || cannot("remove", name, err);
}

/* A file's contents or a folder's names, onto the disk. */
static bool sync_one(const char *name, int flags, struct err *err)
{
	int fd = open(name, O_RDONLY | O_CLOEXEC | flags);
	bool ok = fd >= 0 && fsync(fd) == 0;

	if (!ok)
		cannot("sync", name, err);
	if (fd >= 0)
		close(fd);
	return ok;
}

static bool copy_bytes(int in, int out)
{
	char bytes[65536];
	ssize_t n;

	while ((n = read(in, bytes, sizeof bytes)) > 0) {
		if (write(out, bytes, (size_t)n) != n)
			return false;
	}
	return n == 0 && fsync(out) == 0;
}

bool swap_copy(const char *from, const char *to, int how, struct err *err)
{
	int in = open(from, O_RDONLY | O_CLOEXEC);
	int out = open(to, O_WRONLY | O_CREAT | how | O_CLOEXEC | O_NOFOLLOW, 0600);
	bool ok = in >= 0 && out >= 0 && copy_bytes(in, out);

	if (!ok)
		cannot("copy", from, err);
	if (in >= 0)
		close(in);
	if (out >= 0)
		close(out);
	return ok;
}

/* A copy, where the file system has no second names. */
static bool second_name(const char *from, const char *to, struct err *err)
{
	if (link(from, to) == 0 || errno == ENOENT)
		return true;
	return errno == EEXIST ? cannot("make", to, err) : swap_copy(from, to, O_EXCL, err);
}

/* ---- the steps, in their order ---------------------------------------------------------------- */

/* Closing the last connection takes the log away. What fails here is a damaged database. */
static bool fold_log(const struct names *n, struct err *err)
{
	static const char sql[] = "PRAGMA wal_checkpoint(TRUNCATE)";
	struct err why = { 0 };
	struct db *db = NULL;
	int64_t busy = 1;

	if (access(n->now, F_OK) != 0)
		return true;
	if (!db_open(with(n, "sqlite:", n->now), "", &db, &why) ||
	    !db_number(db, sql, BIND_NONE, &busy, &why) || busy)
		log_warn(NULL, "restore.log_kept", LOG_ERR(&why));
	db_close(db);
	return true;
}

static bool drop_older(const struct names *n, struct err *err)
{
	return gone(n->old, err) && gone(with(n, n->old, "-wal"), err) &&
	    gone(with(n, n->old, "-shm"), err);
}

static bool name_old(const struct names *n, struct err *err)
{
	return second_name(n->now, n->old, err) &&
	    second_name(with(n, n->now, "-wal"), with(n, n->old, "-wal"), err);
}

static bool sync_names(const struct names *n, struct err *err)
{
	return sync_one(n->fresh, 0, err) && sync_one(n->dir, O_DIRECTORY, err);
}

/* Or what is left of it would be applied to the new database. */
static bool drop_log(const struct names *n, struct err *err)
{
	return gone(with(n, n->now, "-wal"), err) && gone(with(n, n->now, "-shm"), err);
}

static bool put_fresh(const struct names *n, struct err *err)
{
	return rename(n->fresh, n->now) == 0 || cannot("rename", n->fresh, err);
}

static bool sync_dir(const struct names *n, struct err *err)
{
	return sync_one(n->dir, O_DIRECTORY, err);
}

bool swap_in(const struct swap *s, struct err *err)
{
	static bool (*const steps[SWAP_STEPS])(const struct names *, struct err *) = { fold_log,
		drop_older, name_old, sync_names, drop_log, put_fresh, sync_dir };
	struct names n = { .arena = arena_new(4096), .dir = s->dir, .fresh = s->fresh };
	size_t most = s->end_after ? s->end_after : SWAP_STEPS;
	bool ok = true;

	n.now = arena_fmt(n.arena, "%s/oneapi.db", s->dir);
	n.old = arena_fmt(n.arena, "%s/oneapi.db.before-restore", s->dir);
	for (size_t i = 0; ok && i < most && i < SWAP_STEPS; i++)
		ok = steps[i](&n, err);
	arena_free(n.arena);
	return ok;
}
