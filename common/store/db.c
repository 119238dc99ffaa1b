/* db.c — what all drivers share: the statement cache, rows, transactions
 *
 * A statement is found by the address of its text: the texts are static, so the address is its
 * name and nothing is compared. One that is in use (a query inside the loop over the same query)
 * is prepared a second time and dropped when its rows are closed. */
#include "store/db.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/field.h"
#include "base/mem.h"
#include "store/db_driver.h"

struct statement {
	const char *sql; /* its address is the key */
	void *handle;    /* the driver's */
	bool busy;       /* rows are open on it */
	bool cached;
};

struct db {
	const struct db_driver *driver;
	void *conn;
	bool in_transaction;
	bool wrote; /* something in this transaction, so far */
	const struct db_witness *witness;
	struct statement **slots; /* open addressing; room is a power of two, at most half full */
	size_t room, used;
	struct err failure; /* of rows_next, until rows_close reports it */
};

static const struct db_driver *const drivers[DB_ENGINE_COUNT] = {
	[DB_SQLITE] = &db_sqlite_driver,
};

static const struct {
	const char *prefix;
	enum db_engine engine;
	const char *name;
	bool keep_prefix; /* the driver wants the whole text */
} schemes[] = {
	{ "sqlite:", DB_SQLITE, "SQLite", false },
	{ "postgres://", DB_PGSQL, "PostgreSQL", true },
	{ "postgresql://", DB_PGSQL, "PostgreSQL", true },
	{ "", DB_MYSQL, "MySQL", true },
};

bool db_open(const char *dsn, const char *data_dir, struct db **out, struct err *err)
{
	char place[4096];
	size_t i = 0;
	int n;

	if (dsn[0] == '\0') {
		n = snprintf(place, sizeof(place), "%s/oneapi.db", data_dir);
	} else {
		while (strncmp(dsn, schemes[i].prefix, strlen(schemes[i].prefix)) != 0)
			i++;
		n = snprintf(place, sizeof(place), "%s",
		    schemes[i].keep_prefix ? dsn : dsn + strlen(schemes[i].prefix));
	}
	if (n < 0 || (size_t)n >= sizeof(place))
		return err_set(err, ERR_CONFIG, "the name of the database is too long");
	if (!drivers[schemes[i].engine])
		return err_set(err, ERR_CONFIG, "this build has no driver for %s", schemes[i].name);

	struct db *db = MEM_NEW(struct db);

	db->driver = drivers[schemes[i].engine];
	if (!db->driver->open(place, &db->conn, err)) {
		mem_free(db);
		return false;
	}
	db->room = 64;
	db->slots = mem_zalloc(db->room * sizeof(struct statement *));
	*out = db;
	return true;
}

void db_close(struct db *db)
{
	if (!db)
		return;
	db_rollback(db);
	for (size_t i = 0; i < db->room; i++) {
		if (!db->slots[i])
			continue;
		assert(!db->slots[i]->busy);
		db->driver->finalize(db->slots[i]->handle);
		mem_free(db->slots[i]);
	}
	db->driver->close(db->conn);
	mem_free(db->slots);
	mem_free(db);
}

enum db_engine db_engine(const struct db *db)
{
	return db->driver->engine;
}

size_t db_statements(const struct db *db)
{
	return db->used;
}

/* The slot of sql, or the free one where it belongs. */
static struct statement **find_slot(struct statement **slots, size_t room, const char *sql)
{
	uint64_t h = (uint64_t)(uintptr_t)sql * UINT64_C(0x9E3779B97F4A7C15);
	size_t i = (size_t)(h >> 32) & (room - 1);

	while (slots[i] && slots[i]->sql != sql)
		i = (i + 1) & (room - 1);
	return &slots[i];
}

static void grow(struct db *db)
{
	size_t room = db->room * 2;
	struct statement **slots = mem_zalloc(room * sizeof(struct statement *));

	for (size_t i = 0; i < db->room; i++) {
		if (db->slots[i])
			*find_slot(slots, room, db->slots[i]->sql) = db->slots[i];
	}
	mem_free(db->slots);
	db->slots = slots;
	db->room = room;
}

static struct statement *statement_new(struct db *db, const char *sql, struct err *err)
{
	void *handle;

	if (!db->driver->prepare(db->conn, sql, &handle, err))
		return NULL;

	struct statement *s = MEM_NEW(struct statement);

	s->sql = sql;
	s->handle = handle;
	return s;
}

static struct statement *statement_for(struct db *db, const char *sql, struct err *err)
{
	struct statement **slot = find_slot(db->slots, db->room, sql);
	struct statement *s = *slot;

	if (s)
		return s->busy ? statement_new(db, sql, err) : s;
	s = statement_new(db, sql, err);
	if (!s)
		return NULL;
	s->cached = true;
	*slot = s;
	if (++db->used > db->room / 2)
		grow(db);
	return s;
}

static void statement_done(struct db *db, struct statement *s)
{
	s->busy = false;
	db->driver->reset(s->handle);
	if (s->cached)
		return;
	db->driver->finalize(s->handle);
	mem_free(s);
}

/* Runs a statement to its end; changed and id may be NULL. */
static bool run(struct db *db, const char *sql, const struct value *values, size_t count,
    int64_t *changed, int64_t *id, struct err *err)
{
	struct statement *s = statement_for(db, sql, err);
	int step = -1;

	if (!s)
		return false;
	if (db->driver->start(db->conn, s->handle, values, count, err)) {
		do
			step = db->driver->step(db->conn, s->handle, err);
		while (step > 0);
	}
	if (step == 0 && changed)
		*changed = db->driver->changed(db->conn, s->handle);
	if (step == 0 && id)
		*id = db->driver->last_id(db->conn);
	if (step == 0 && db->witness && db->driver->changed(db->conn, s->handle) > 0)
		db->wrote = true;
	statement_done(db, s);
	return step == 0;
}

/* A write on its own becomes a transaction when somebody wants to be in it. */
static bool run_witnessed(struct db *db, const char *sql, const struct value *values, size_t count,
    int64_t *changed, int64_t *id, struct err *err)
{
	if (!db->witness || db->in_transaction)
		return run(db, sql, values, count, changed, id, err);
	if (!db_begin(db, err))
		return false;
	if (!run(db, sql, values, count, changed, id, err)) {
		db_rollback(db);
		return false;
	}
	return db_commit(db, err);
}

bool db_run(struct db *db, const char *sql, const struct value *values, size_t count,
    int64_t *changed, struct err *err)
{
	return run_witnessed(db, sql, values, count, changed, NULL, err);
}

bool db_insert(struct db *db, const char *sql, const struct value *values, size_t count,
    int64_t *id, struct err *err)
{
	return run_witnessed(db, sql, values, count, NULL, id, err);
}

bool db_query(struct db *db, const char *sql, const struct value *values, size_t count,
    struct rows *rows, struct err *err)
{
	struct statement *s = statement_for(db, sql, err);

	if (!s)
		return false;
	if (!db->driver->start(db->conn, s->handle, values, count, err)) {
		statement_done(db, s);
		return false;
	}
	s->busy = true;
	*rows = (struct rows){ .db = db, .statement = s };
	return true;
}

bool rows_next(struct rows *rows)
{
	struct db *db = rows->db;
	int step;

	if (rows->done || rows->failed)
		return false;
	step = db->driver->step(db->conn, rows->statement->handle, &db->failure);
	rows->done = step == 0;
	rows->failed = step < 0;
	return step > 0;
}

bool rows_close(struct rows *rows, struct err *err)
{
	statement_done(rows->db, rows->statement);
	rows->statement = NULL;
	if (!rows->failed)
		return true;
	*err = rows->db->failure;
	return false;
}

int64_t rows_int(const struct rows *rows, int column)
{
	return rows->db->driver->column_int(rows->statement->handle, column);
}

double rows_double(const struct rows *rows, int column)
{
	return rows->db->driver->column_double(rows->statement->handle, column);
}

struct str rows_text(const struct rows *rows, int column)
{
	return rows->db->driver->column_text(rows->statement->handle, column);
}

struct str rows_blob(const struct rows *rows, int column)
{
	return rows->db->driver->column_text(rows->statement->handle, column);
}

bool rows_null(const struct rows *rows, int column)
{
	return rows->db->driver->column_null(rows->statement->handle, column);
}

void rows_read(const struct rows *rows, const struct field *fields, struct arena *a, void *object)
{
	for (int i = 0; fields[i].name; i++) {
		void *p = field_ptr(&fields[i], object);

		switch (fields[i].kind) {
		case FIELD_INT64:
			*(int64_t *)p = rows_int(rows, i);
			break;
		case FIELD_INT:
			*(int *)p = (int)rows_int(rows, i);
			break;
		case FIELD_BOOL:
			*(bool *)p = rows_int(rows, i) != 0;
			break;
		case FIELD_DOUBLE:
			*(double *)p = rows_double(rows, i);
			break;
		case FIELD_STR:
			*(struct str *)p = arena_str(a, rows_text(rows, i));
			break;
		}
	}
}

bool rows_one(struct rows *rows, const struct field *fields, struct arena *a, void *object,
    const char *missing, struct err *err)
{
	bool found = rows_next(rows);

	if (found)
		rows_read(rows, fields, a, object);
	if (!rows_close(rows, err))
		return false;
	return found || err_set(err, ERR_NOT_FOUND, "%s", missing);
}

bool rows_all(struct rows *rows, const struct field *fields, size_t size, struct arena *a,
    void **items, size_t *count, struct err *err)
{
	size_t room = 0, n = 0;
	char *list = NULL;

	while (rows_next(rows)) {
		if (n == room) {
			room = room ? room * 2 : 16;
			char *wider = arena_zalloc(a, room * size);

			if (n)
				memcpy(wider, list, n * size);
			list = wider;
		}
		rows_read(rows, fields, a, list + n * size);
		n++;
	}
	*items = list;
	*count = n;
	return rows_close(rows, err);
}

bool rows_number(struct rows *rows, int64_t *out, struct err *err)
{
	int64_t n = 0;

	if (rows_next(rows))
		n = rows_int(rows, 0);
	if (!rows_close(rows, err))
		return false;
	*out = n;
	return true;
}

bool db_number(struct db *db, const char *sql, const struct value *values, size_t count,
    int64_t *out, struct err *err)
{
	struct rows rows;

	return db_query(db, sql, values, count, &rows, err) && rows_number(&rows, out, err);
}

bool db_text(struct db *db, struct arena *a, const char *sql, const struct value *values,
    size_t count, struct str *out, struct err *err)
{
	struct rows rows;

	*out = (struct str){ 0 };
	if (!db_query(db, sql, values, count, &rows, err))
		return false;
	if (rows_next(&rows))
		*out = arena_str(a, rows_text(&rows, 0));
	return rows_close(&rows, err);
}

struct str db_prefix(struct arena *a, struct str text)
{
	char *out = arena_alloc(a, text.n * 2 + 2), *end = out;

	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '%' || text.p[i] == '_' || text.p[i] == '!')
			*end++ = '!';
		*end++ = text.p[i];
	}
	*end++ = '%';
	*end = '\0';
	return (struct str){ out, (size_t)(end - out) };
}

void db_set_patience(struct db *db, int wait_ms)
{
	if (db->driver->set_patience)
		db->driver->set_patience(db->conn, wait_ms);
}

bool db_begin(struct db *db, struct err *err)
{
	assert(!db->in_transaction);
	db->wrote = false;
	db->in_transaction = db->driver->begin(db->conn, err);
	if (db->in_transaction && db->witness && !db->witness->begun(db, db->witness->arg, err))
		db_rollback(db);
	return db->in_transaction;
}

bool db_commit(struct db *db, struct err *err)
{
	assert(db->in_transaction);
	if (db->wrote && db->witness && !db->witness->ending(db, db->witness->arg, err)) {
		db_rollback(db);
		return false;
	}
	db->in_transaction = false;
	return db->driver->commit(db->conn, err);
}

void db_rollback(struct db *db)
{
	if (!db->in_transaction)
		return;
	db->in_transaction = false;
	db->driver->rollback(db->conn);
}

void db_witness(struct db *db, const struct db_witness *w)
{
	assert(!db->in_transaction);
	db->witness = w;
}

bool db_is_witnessed(const struct db *db)
{
	return db->witness != NULL;
}

bool db_script(struct db *db, const char *sql, struct err *err)
{
	return db->driver->script(db->conn, sql, err);
}

bool db_backup(struct db *db, const char *path, struct err *err)
{
	return db->driver->backup(db->conn, path, err);
}
