/* runtime.h — what both programs open before they serve
 *
 * Command line, configuration, data folder, secrets, database with its schema, catalog, upstream
 * settings: everything that can fail for the operator fails here, in one line, before the first
 * request.
 *
 *	static struct runtime rt;
 *	if (!runtime_open(&rt, argc, argv, "fcgi-relay", relay_keys, &status))
 *		return status;
 *
 * Threads  runtime_open before any thread; afterwards struct runtime is read-only and
 *          runtime_db, runtime_catalog may be called from anywhere.
 */
#ifndef PROVIDER_RUNTIME_H
#define PROVIDER_RUNTIME_H

#include "base/conf.h"
#include "base/rate.h"
#include "base/secret.h"
#include "net/server.h"
#include "provider/catalog.h"
#include "store/db.h"

/* Settings that both programs know: DATA_DIR, SQL_DSN, SESSION_SECRET, TRUSTED_PROXIES, … */
extern const struct conf_key runtime_keys[];

struct runtime {
	const char *program;
	const char *listen; /* --listen, or "" */
	struct conf *conf;
	const char *data_dir;
	struct secret_box *box;
	struct catalog_watcher *watcher;
	struct redis *redis; /* runtime_redis's; NULL: none is configured */
	char node[64];       /* host, process and a random part: who holds a reservation */
	int64_t started_at;
	int lock_fd; /* of DATA_DIR/run.lock: shared with all that run */
	int argc;    /* what is left of the command line: a sub-command */
	char **argv;
};

/* --help, --version, --help-config and --check-config print and end with status 0; a mistake
 * prints one line and ends with status 2 (command line) or 1. False: return *status from main. */
MUST_USE bool runtime_open(struct runtime *rt, int argc, char **argv, const char *program,
    const struct conf_key *own_keys, int *status);
/* Settings and data folder only, and nothing else may run: for what must not look into the database
 * first (a restore). */
MUST_USE bool runtime_open_alone(struct runtime *rt, int argc, char **argv, const char *program,
    const struct conf_key *own_keys, int *status);
void runtime_close(struct runtime *rt);
/* Every program shares a lock on DATA_DIR while it runs; this takes it alone, so that none runs or
 * starts. ERR_CONFIG when one does. */
MUST_USE bool runtime_alone(struct runtime *rt, struct err *err);

/* A fresh connection. Returns owned. */
MUST_USE bool runtime_db(const struct runtime *rt, struct db **out, struct err *err);
/* Connects to the Redis of REDIS_CONN_STRING, if there is one: rt->redis. From then on changes of
 * the catalog are pushed to and heard from other machines. scripts as in redis_setup. */
MUST_USE bool runtime_redis(struct runtime *rt, const char *const *scripts, struct err *err);
/* A reference to today's catalog; catalog_put it. */
struct catalog *runtime_catalog(const struct runtime *rt);
/* What `git describe` said when this was built. */
const char *runtime_version(void);
/* Where bodies of large uploads lie while they are under way (net/spool.h). */
const char *runtime_spool_dir(const struct runtime *rt);
/* The parts of a server_config that come from settings. */
void runtime_server_config(const struct runtime *rt, struct server_config *config);

#endif
