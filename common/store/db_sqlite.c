/* db_sqlite.c — the SQLite driver
 *
 * DESIGN. WAL: readers never wait. Writers are ordered by a lock of our own, because SQLite's busy
 * handler sleeps and retries, so that one busy writer starves the others for seconds. The lock is
 * two bytes of DATABASE.lock, held with open-file-description locks, so that it works among
 * connections of one process as well as among processes, and dies with its holder:
 *
 *	byte 0, the turn    held by the one who is next, only while waiting for byte 1
 *	byte 1, the pen     held by the one who writes
 *
 * Whoever lays down the pen and wants it again must first get the turn, and that is held by the
 * one who waits; so nobody gets the pen twice while another waits. Waiting is bounded and polls:
 * the kernel has no wait with a deadline for these locks, and a holder that hangs must not hang
 * everybody. A statement that writes outside of a transaction takes the pen by itself.
 *
 * busy_timeout is the second line, for writers that do not know our lock (the sqlite3 shell).
 *
 * synchronous is FULL: what was committed is on the disk, for it is money. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "store/db_driver.h"
#include "store/sqlite_backup.h"

#define WAIT_MS 10000
/* The first polls are quick, since a commit takes a fraction of a millisecond. */
#define QUICK_POLLS 50
#define QUICK_POLL_NS 10000
#define SLOW_POLL_NS 200000

enum lock_byte { LOCK_TURN, LOCK_PEN };

struct sqlite_conn {
	sqlite3 *db;
	int lock_fd;
	int wait_ms;
	bool has_pen;
	bool in_transaction;
	sqlite3_stmt *begin, *commit, *rollback;
};

struct sqlite_stmt {
	sqlite3_stmt *stmt;
	struct sqlite_conn *conn;
	bool took_pen; /* for this one statement */
};

/* Says what went wrong, in a sentence for the client and one for the log. */
static bool fail(struct sqlite_conn *c, const char *sql, int code, struct err *err)
{
	if (code == SQLITE_CONSTRAINT_UNIQUE || code == SQLITE_CONSTRAINT_PRIMARYKEY ||
	    code == SQLITE_CONSTRAINT_ROWID) {
		err_set(err, ERR_STORE, "this exists already");
		snprintf(err->code, sizeof(err->code), "duplicate");
	} else {
		err_set(err, ERR_STORE, "the database is not available");
	}
	return err_detail(err, "sqlite %d, %s, in '%.80s'", code, sqlite3_errmsg(c->db), sql);
}

/* 1 taken (or given back), 0 somebody has it, -1 the system refuses. */
static int set_lock(int fd, enum lock_byte byte, short type)
{
	struct flock f = { .l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1 };

	while (fcntl(fd, F_OFD_SETLK, &f) != 0) {
		if (errno == EAGAIN || errno == EACCES)
			return 0;
		if (errno != EINTR)
			return -1;
	}
	return 1;
}

static int wait_lock(int fd, enum lock_byte byte, int64_t until_ms)
{
	int got;

	for (int polls = 0; (got = set_lock(fd, byte, F_WRLCK)) == 0; polls++) {
		struct timespec pause = { 0, polls < QUICK_POLLS ? QUICK_POLL_NS : SLOW_POLL_NS };

		if (clock_mono_ms() > until_ms)
			return 0;
		nanosleep(&pause, NULL);
	}
	return got;
}

static bool take_pen(struct sqlite_conn *c, struct err *err)
{
	int64_t until_ms = clock_mono_ms() + c->wait_ms;
	int got;

	assert(!c->has_pen);
	got = wait_lock(c->lock_fd, LOCK_TURN, until_ms);
	if (got > 0) {
		got = wait_lock(c->lock_fd, LOCK_PEN, until_ms);
		set_lock(c->lock_fd, LOCK_TURN, F_UNLCK);
	}
	c->has_pen = got > 0;
	if (c->has_pen)
		return true;
	err_set(err, ERR_STORE, "the database is busy");
	return err_detail(err, "write lock: %s", got < 0 ? strerror(errno) : "held for too long");
}

static void drop_pen(struct sqlite_conn *c)
{
	if (c->has_pen)
		set_lock(c->lock_fd, LOCK_PEN, F_UNLCK);
	c->has_pen = false;
}

/* ---- connection ---- */

/* Nobody asks how much memory SQLite uses, and counting it takes a lock that all connections share
 * for every allocation. */
static void configure_once(void)
{
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

static const char settings_sql[] = "PRAGMA synchronous = FULL;"
                                   "PRAGMA foreign_keys = OFF;"
                                   "PRAGMA trusted_schema = OFF;"
                                   "PRAGMA temp_store = MEMORY;"
                                   "PRAGMA mmap_size = 0;"
                                   "PRAGMA cache_size = -1024;"
                                   "PRAGMA wal_autocheckpoint = 1000;"
                                   "PRAGMA journal_size_limit = 67108864;";

static bool use_wal(struct sqlite_conn *c, struct err *err)
{
	static const char sql[] = "PRAGMA journal_mode = WAL";
	sqlite3_stmt *s = NULL;
	int code = sqlite3_prepare_v2(c->db, sql, -1, &s, NULL);
	bool is_wal = false;

	if (code == SQLITE_OK)
		code = sqlite3_step(s);
	if (code == SQLITE_ROW)
		is_wal = strcmp((const char *)sqlite3_column_text(s, 0), "wal") == 0;
	else
		fail(c, sql, code, err);
	sqlite3_finalize(s);
	if (code == SQLITE_ROW && !is_wal)
		err_set(err, ERR_CONFIG, "the database's file system does not allow WAL");
	return is_wal;
}

static bool prepare_own(struct sqlite_conn *c, const char *sql, sqlite3_stmt **out, struct err *err)
{
	int code = sqlite3_prepare_v3(c->db, sql, -1, SQLITE_PREPARE_PERSISTENT, out, NULL);

	return code == SQLITE_OK || fail(c, sql, code, err);
}

/* Makes the file when it is not there, never readable for everybody; SQLite gives its companions
 * the same mode. A file that exists is not touched: closing any descriptor of it would drop the
 * locks that other connections of this process hold. */
static bool create_file(const char *path, struct err *err)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0660);

	if (fd >= 0)
		close(fd);
	return fd >= 0 || errno == EEXIST ||
	    err_set(err, ERR_CONFIG, "cannot create '%s': %s", path, strerror(errno));
}

/* With the pen, which keeps programs that start together apart. */
static bool open_database(struct sqlite_conn *c, const char *path, struct err *err)
{
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_URI, code;

	if (!create_file(path, err))
		return false;
	if (sqlite3_open_v2(path, &c->db, flags, NULL) != SQLITE_OK)
		return err_set(err, ERR_CONFIG, "cannot open '%s': %s", path,
		    sqlite3_errmsg(c->db));
	sqlite3_extended_result_codes(c->db, 1);
	sqlite3_busy_timeout(c->db, WAIT_MS);
	if (!use_wal(c, err))
		return false;
	code = sqlite3_exec(c->db, settings_sql, NULL, NULL, NULL);
	if (code != SQLITE_OK)
		return fail(c, settings_sql, code, err);
	return prepare_own(c, "BEGIN IMMEDIATE", &c->begin, err) &&
	    prepare_own(c, "COMMIT", &c->commit, err) &&
	    prepare_own(c, "ROLLBACK", &c->rollback, err);
}

static void close_conn(void *conn)
{
	struct sqlite_conn *c = conn;

	sqlite3_finalize(c->begin);
	sqlite3_finalize(c->commit);
	sqlite3_finalize(c->rollback);
	sqlite3_close(c->db);
	if (c->lock_fd >= 0)
		close(c->lock_fd);
	mem_free(c);
}

static bool open_conn(const char *path, void **conn, struct err *err)
{
	static pthread_once_t configured = PTHREAD_ONCE_INIT;
	struct sqlite_conn *c = MEM_NEW(struct sqlite_conn);
	char name[4200];
	bool ok = false;

	pthread_once(&configured, configure_once);
	c->wait_ms = WAIT_MS;
	snprintf(name, sizeof(name), "%s.lock", path);
	c->lock_fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0660);
	if (c->lock_fd < 0)
		err_set(err, ERR_CONFIG, "cannot open '%s': %s", name, strerror(errno));
	else if (take_pen(c, err))
		ok = open_database(c, path, err);
	drop_pen(c);
	if (ok)
		*conn = c;
	else
		close_conn(c);
	return ok;
}

static void set_patience(void *conn, int wait_ms)
{
	struct sqlite_conn *c = conn;

	c->wait_ms = wait_ms;
	sqlite3_busy_timeout(c->db, wait_ms);
}

/* ---- statements ---- */

static bool prepare(void *conn, const char *sql, void **stmt, struct err *err)
{
	struct sqlite_conn *c = conn;
	sqlite3_stmt *stmt3 = NULL;

	if (!prepare_own(c, sql, &stmt3, err))
		return false;

	struct sqlite_stmt *s = MEM_NEW(struct sqlite_stmt);

	s->stmt = stmt3;
	s->conn = c;
	*stmt = s;
	return true;
}

static void finalize(void *stmt)
{
	struct sqlite_stmt *s = stmt;

	sqlite3_finalize(s->stmt);
	mem_free(s);
}

static int bind_one(sqlite3_stmt *s, int i, const struct value *v)
{
	switch (v->kind) {
	case VALUE_NULL:
		break;
	case VALUE_INT:
		return sqlite3_bind_int64(s, i, v->n);
	case VALUE_DOUBLE:
		return sqlite3_bind_double(s, i, v->d);
	case VALUE_TEXT:
		return sqlite3_bind_text64(s, i, v->s.n ? v->s.p : "", v->s.n, SQLITE_STATIC,
		    SQLITE_UTF8);
	case VALUE_BLOB:
		return sqlite3_bind_blob64(s, i, v->s.n ? v->s.p : "", v->s.n, SQLITE_STATIC);
	}
	return sqlite3_bind_null(s, i);
}

static bool start(void *conn, void *stmt, const struct value *values, size_t count, struct err *err)
{
	struct sqlite_conn *c = conn;
	struct sqlite_stmt *s = stmt;

	assert((size_t)sqlite3_bind_parameter_count(s->stmt) == count);
	/* A full disk rolls back behind our back; what follows must not be written on its own. */
	if (c->in_transaction && sqlite3_get_autocommit(c->db))
		return fail(c, sqlite3_sql(s->stmt), SQLITE_ABORT_ROLLBACK, err);
	for (size_t i = 0; i < count; i++) {
		int code = bind_one(s->stmt, (int)i + 1, &values[i]);

		if (code != SQLITE_OK)
			return fail(c, sqlite3_sql(s->stmt), code, err);
	}
	if (sqlite3_stmt_readonly(s->stmt) || c->has_pen)
		return true;
	s->took_pen = take_pen(c, err);
	return s->took_pen;
}

static int step(void *conn, void *stmt, struct err *err)
{
	struct sqlite_stmt *s = stmt;
	int code = sqlite3_step(s->stmt);

	if (code == SQLITE_ROW)
		return 1;
	if (code == SQLITE_DONE)
		return 0;
	fail(conn, sqlite3_sql(s->stmt), code, err);
	return -1;
}

static void reset(void *stmt)
{
	struct sqlite_stmt *s = stmt;

	sqlite3_reset(s->stmt);
	if (s->took_pen)
		drop_pen(s->conn);
	s->took_pen = false;
}

static int64_t column_int(void *stmt, int column)
{
	return sqlite3_column_int64(((struct sqlite_stmt *)stmt)->stmt, column);
}

static double column_double(void *stmt, int column)
{
	return sqlite3_column_double(((struct sqlite_stmt *)stmt)->stmt, column);
}

/* Texts and blobs alike: the database is UTF-8, so a text's bytes are what was bound. */
static struct str column_text(void *stmt, int column)
{
	sqlite3_stmt *s = ((struct sqlite_stmt *)stmt)->stmt;
	const char *p = sqlite3_column_blob(s, column);

	return (struct str){ p ? p : "", p ? (size_t)sqlite3_column_bytes(s, column) : 0 };
}

static bool column_null(void *stmt, int column)
{
	return sqlite3_column_type(((struct sqlite_stmt *)stmt)->stmt, column) == SQLITE_NULL;
}

static int64_t changed(void *conn, void *stmt)
{
	return sqlite3_changes64(((struct sqlite_conn *)conn)->db);
}

static int64_t last_id(void *conn)
{
	return sqlite3_last_insert_rowid(((struct sqlite_conn *)conn)->db);
}

/* ---- transactions ---- */

static bool run_own(struct sqlite_conn *c, sqlite3_stmt *s, struct err *err)
{
	int code = sqlite3_step(s);

	sqlite3_reset(s);
	return code == SQLITE_DONE || fail(c, sqlite3_sql(s), code, err);
}

static bool begin(void *conn, struct err *err)
{
	struct sqlite_conn *c = conn;

	if (!take_pen(c, err))
		return false;
	c->in_transaction = run_own(c, c->begin, err);
	if (!c->in_transaction)
		drop_pen(c);
	return c->in_transaction;
}

static void rollback(void *conn)
{
	struct sqlite_conn *c = conn;
	struct err ignored = { 0 };

	/* SQLite rolls back by itself when the disk fails or is full. When even this fails, the
	 * connection has no transaction that could be written either. */
	if (!sqlite3_get_autocommit(c->db) && !run_own(c, c->rollback, &ignored))
		sqlite3_exec(c->db, "ROLLBACK", NULL, NULL, NULL);
	c->in_transaction = false;
	drop_pen(c);
}

static bool commit(void *conn, struct err *err)
{
	struct sqlite_conn *c = conn;

	bool ok = run_own(c, c->commit, err);

	if (!ok)
		rollback(c);
	c->in_transaction = false;
	drop_pen(c);
	return ok;
}

static bool script(void *conn, const char *sql, struct err *err)
{
	struct sqlite_conn *c = conn;
	bool alone = !c->has_pen;
	int code;

	if (alone && !take_pen(c, err))
		return false;
	code = sqlite3_exec(c->db, sql, NULL, NULL, NULL);
	if (code != SQLITE_OK)
		fail(c, sql, code, err);
	if (alone)
		drop_pen(c);
	return code == SQLITE_OK;
}

static bool backup(void *conn, const char *path, struct err *err)
{
	return sqlite_backup(((struct sqlite_conn *)conn)->db, path, err);
}

const struct db_driver db_sqlite_driver = {
	.name = "sqlite",
	.engine = DB_SQLITE,
	.open = open_conn,
	.close = close_conn,
	.set_patience = set_patience,
	.prepare = prepare,
	.finalize = finalize,
	.start = start,
	.step = step,
	.reset = reset,
	.column_int = column_int,
	.column_double = column_double,
	.column_text = column_text,
	.column_null = column_null,
	.changed = changed,
	.last_id = last_id,
	.begin = begin,
	.commit = commit,
	.rollback = rollback,
	.script = script,
	.backup = backup,
};
