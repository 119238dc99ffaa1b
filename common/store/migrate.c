/* migrate.c — applies sql/<engine>, each text once, in order */
#include "store/migrate.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"

static const struct sql_text *const texts[DB_ENGINE_COUNT] = {
	[DB_SQLITE] = sqlite_texts,
};

static const char create_sql[] =
    "CREATE TABLE IF NOT EXISTS schema_version ("
    "number INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at BIGINT NOT NULL)";
static const char latest_sql[] = "SELECT MAX(number) FROM schema_version";
static const char applied_sql[] =
    "INSERT INTO schema_version (number, name, applied_at) VALUES (?, ?, ?)";

static bool latest(struct db *db, int64_t *number, struct err *err)
{
	return db_number(db, latest_sql, BIND_NONE, number, err);
}

/* Inside a transaction: another program may have applied it while we waited for the lock. */
static bool apply(struct db *db, const struct sql_text *t, struct err *err)
{
	int64_t number;

	if (!latest(db, &number, err))
		return false;
	if (number >= t->number)
		return true;
	if (!db_script(db, t->text, err) ||
	    !db_run(db, applied_sql,
	        BIND(v_int(t->number), v_text(str_c(t->name)), v_int(clock_unix())), NULL, err))
		return false;
	log_info(NULL, "schema.applied", LOG_TEXT("name", t->name));
	return true;
}

/* Tables of our names that no build of ours has made: nothing is written then. */
static bool is_ours(struct db *db, struct err *err)
{
	static const char sql[] = "SELECT COUNT(*) FROM sqlite_master WHERE name = 'users' AND "
	                          "NOT EXISTS (SELECT 1 FROM sqlite_master WHERE name = "
	                          "'schema_version')";
	int64_t foreign = 0;

	if (db_engine(db) != DB_SQLITE)
		return true;
	if (!db_number(db, sql, BIND_NONE, &foreign, err))
		return false;
	return foreign == 0 ||
	    err_set(err, ERR_CONFIG,
	        "the database is another program's; one of one-api is taken over by: fcgi-admin "
	        "import FILE");
}

bool migrate(struct db *db, struct err *err)
{
	const struct sql_text *t = texts[db_engine(db)];
	int64_t number, newest = 0;

	if (!is_ours(db, err))
		return false;
	if (!db_run(db, create_sql, BIND_NONE, NULL, err) || !latest(db, &number, err))
		return false;
	for (const struct sql_text *n = t; n->number; n++)
		newest = n->number;
	if (number > newest)
		return err_set(err, ERR_CONFIG,
		    "the database has schema %d, this build knows schemas up to %d only",
		    (int)number, (int)newest);
	for (; t->number; t++) {
		if (t->number <= number)
			continue;
		if (!db_begin(db, err))
			return false;
		if (!apply(db, t, err)) {
			db_rollback(db);
			return false;
		}
		if (!db_commit(db, err))
			return false;
	}
	return true;
}
