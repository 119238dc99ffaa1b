/* db.h — the database, as narrow as we can make it
 *
 *	static const char find_sql[] = "SELECT id, name FROM tokens WHERE user_id = ? ORDER BY id";
 *	struct rows rows;
 *
 *	if (!db_query(db, find_sql, BIND(v_int(user_id)), &rows, err))
 *		return false;
 *	while (rows_next(&rows))
 *		use(rows_int(&rows, 0), rows_text(&rows, 1));
 *	return rows_close(&rows, err);
 *
 * A query stands as a static const char array above its function. Values are always bound; `?` is
 * the placeholder on every engine (the driver rewrites it). A statement is prepared once per
 * connection and found again by the address of its text, so text made at run time is not allowed.
 * SQL is the common subset of SQLite, PostgreSQL and MySQL; where they part, the text is picked by
 * db_engine.
 *
 * Transactions: reads need none. A write that is one statement needs none. More than one statement
 * stands between db_begin and db_commit; db_begin takes the write lock at once (SQLite: a fair
 * lock among processes, then BEGIN IMMEDIATE), so what is read inside is what is written upon.
 *
 * Rows that are still open hold a snapshot: close them before writing outside of a transaction.
 *
 * Owns     struct db owns its connection and statements; struct rows borrows one statement and
 *          must be closed. Bound texts are borrowed until then. Text views from rows live until
 *          the next rows_next or rows_close.
 * Errors   ERR_STORE; detail names the statement's beginning and the engine's message. A unique
 *          constraint sets err->code to "duplicate".
 * Threads  one connection, one thread at a time. Busy databases are waited for (up to 10 s), never
 *          reported at once.
 */
#ifndef STORE_DB_H
#define STORE_DB_H

#include "base/attr.h"
#include "base/str.h"

struct db;
struct err;
struct arena;
struct field;
struct statement;

enum db_engine { DB_SQLITE, DB_PGSQL, DB_MYSQL, DB_ENGINE_COUNT };

/* dsn: "" or "sqlite:PATH" (default DATA_DIR/oneapi.db), "postgres://…", MySQL's
 * "user:pass@tcp(host:port)/db". An engine that this build has no driver for is ERR_CONFIG. */
MUST_USE bool db_open(const char *dsn, const char *data_dir, struct db **out, struct err *err);
void db_close(struct db *db);
enum db_engine db_engine(const struct db *db);

enum value_kind { VALUE_NULL, VALUE_INT, VALUE_DOUBLE, VALUE_TEXT, VALUE_BLOB };

struct value {
	enum value_kind kind;
	int64_t n;
	double d;
	struct str s;
};

static inline struct value v_null(void)
{
	return (struct value){ .kind = VALUE_NULL };
}
static inline struct value v_int(int64_t n)
{
	return (struct value){ .kind = VALUE_INT, .n = n };
}
static inline struct value v_double(double d)
{
	return (struct value){ .kind = VALUE_DOUBLE, .d = d };
}
static inline struct value v_text(struct str s)
{
	return (struct value){ .kind = VALUE_TEXT, .s = s };
}
static inline struct value v_blob(const void *p, size_t n)
{
	return (struct value){ .kind = VALUE_BLOB, .s = { (const char *)p, n } };
}

/* Passes as two arguments: the values and their number. */
#define BIND(...)                                                                                  \
	(const struct value[]){ __VA_ARGS__ },                                                     \
	    sizeof((const struct value[]){ __VA_ARGS__ }) / sizeof(struct value)
#define BIND_NONE NULL, 0

/* A statement without rows. changed (may be NULL) gets the number of rows it touched. */
MUST_USE bool db_run(struct db *db, const char *sql, const struct value *values, size_t count,
    int64_t *changed, struct err *err);
/* The same for an INSERT into a table with an id; id gets the new one. */
MUST_USE bool db_insert(struct db *db, const char *sql, const struct value *values, size_t count,
    int64_t *id, struct err *err);

struct rows {
	struct db *db;
	struct statement *statement; /* db.c's */
	bool failed;
	bool done;
};

MUST_USE bool db_query(struct db *db, const char *sql, const struct value *values, size_t count,
    struct rows *rows, struct err *err);
/* False at the end and after a failure; rows_close tells which. */
bool rows_next(struct rows *rows);
MUST_USE bool rows_close(struct rows *rows, struct err *err);
int64_t rows_int(const struct rows *rows, int column);
double rows_double(const struct rows *rows, int column);
struct str rows_text(const struct rows *rows, int column); /* NULL reads as "" */
struct str rows_blob(const struct rows *rows, int column);
bool rows_null(const struct rows *rows, int column);
/* Fills object: column i is field i; text is copied into the arena. */
void rows_read(const struct rows *rows, const struct field *fields, struct arena *a, void *object);

/* What nearly every reader does with its rows; all three close them. */
/* One row into object; ERR_NOT_FOUND saying `missing` when there is none. */
MUST_USE bool rows_one(struct rows *rows, const struct field *fields, struct arena *a, void *object,
    const char *missing, struct err *err);
/* All rows: *items gets an array in the arena of objects of that size. */
MUST_USE bool rows_all(struct rows *rows, const struct field *fields, size_t size, struct arena *a,
    void **items, size_t *count, struct err *err);
/* The first column of the first row; 0 when there is no row. */
MUST_USE bool rows_number(struct rows *rows, int64_t *out, struct err *err);

/* A query for one number, as by rows_number. */
MUST_USE bool db_number(struct db *db, const char *sql, const struct value *values, size_t count,
    int64_t *out, struct err *err);
/* A query for one text, copied into the arena; "" when there is no row. */
MUST_USE bool db_text(struct db *db, struct arena *a, const char *sql, const struct value *values,
    size_t count, struct str *out, struct err *err);

/* The pattern for `LIKE ? ESCAPE '!'` that finds what starts with text. */
struct str db_prefix(struct arena *a, struct str text);

/* How long begin and writes outside a transaction wait for other writers; 10 s at first. */
void db_set_patience(struct db *db, int wait_ms);
MUST_USE bool db_begin(struct db *db, struct err *err);
/* On false nothing of the transaction was written. */
MUST_USE bool db_commit(struct db *db, struct err *err);
/* Does nothing when no transaction is open. */
void db_rollback(struct db *db);

/* From now on somebody takes part in every transaction of this connection: `begun` is called first,
 * and `ending` last, before the commit, when rows were changed; it may write. When either fails
 * nothing is written. Single statements become transactions for it. NULL: nobody. */
typedef bool db_witness_fn(struct db *db, void *arg, struct err *err);
struct db_witness {
	db_witness_fn *begun, *ending;
	void *arg;
};
/* Borrowed until the next call. */
void db_witness(struct db *db, const struct db_witness *w);
bool db_is_witnessed(const struct db *db);

/* Plain text of one or more statements: migrations only. */
MUST_USE bool db_script(struct db *db, const char *sql, struct err *err);

/* Makes `path` a consistent copy while others write (SQLite online backup). An older file there is
 * replaced at the very end. */
MUST_USE bool db_backup(struct db *db, const char *path, struct err *err);

/* How many statements this connection has prepared, for tests. */
size_t db_statements(const struct db *db);

#endif
