/* db_driver.h — what a database engine fills in behind db.h
 *
 * A driver is one file that exports one const struct; db.c lists them. It is told of a statement
 * once (prepare) and runs it many times. Only drivers and db.c include this header.
 */
#ifndef STORE_DB_DRIVER_H
#define STORE_DB_DRIVER_H

#include "store/db.h"

struct db_driver {
	const char *name;
	enum db_engine engine;
	/* place is what follows the scheme: a file name or the whole URL. */
	bool (*open)(const char *place, void **conn, struct err *err);
	void (*close)(void *conn);
	/* How long a busy database is waited for; NULL: it never is. */
	void (*set_patience)(void *conn, int wait_ms);
	bool (*prepare)(void *conn, const char *sql, void **stmt, struct err *err);
	void (*finalize)(void *stmt);
	/* Binds and starts; rows follow by step. */
	bool (*start)(void *conn, void *stmt, const struct value *values, size_t count,
	    struct err *err);
	/* 1 a row, 0 the end, -1 failure with err set. */
	int (*step)(void *conn, void *stmt, struct err *err);
	void (*reset)(void *stmt);
	int64_t (*column_int)(void *stmt, int column);
	double (*column_double)(void *stmt, int column);
	struct str (*column_text)(void *stmt, int column);
	bool (*column_null)(void *stmt, int column);
	int64_t (*changed)(void *conn, void *stmt);
	int64_t (*last_id)(void *conn);
	bool (*begin)(void *conn, struct err *err);
	bool (*commit)(void *conn, struct err *err);
	void (*rollback)(void *conn);
	bool (*script)(void *conn, const char *sql, struct err *err);
	bool (*backup)(void *conn, const char *path, struct err *err);
};

extern const struct db_driver db_sqlite_driver;

#endif
