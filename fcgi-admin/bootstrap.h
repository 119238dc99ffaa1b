/* bootstrap.h — the root account, made when the table of users is empty
 *
 * User name `root`, role 100. Its password is INITIAL_ROOT_PASSWORD, or 16 random characters that
 * are left in DATA_DIR/root-password (mode 0600); they are never in a log, but shown once where a
 * person looks on (standard error is a terminal). INITIAL_ROOT_ACCESS_TOKEN becomes its access
 * token, INITIAL_ROOT_TOKEN (with or without `sk-`) an unlimited API key. Several processes may
 * start at once: the write lock decides which of them makes it.
 *
 * Errors   ERR_CONFIG for a setting that cannot be used, ERR_STORE.
 */
#ifndef ADMIN_BOOTSTRAP_H
#define ADMIN_BOOTSTRAP_H

#include "base/attr.h"

#define BOOTSTRAP_QUOTA INT64_C(500000000000000)
#define BOOTSTRAP_PASSWORD_LEN 16

struct admin;
struct db;
struct err;

/* Does nothing once there is a user. */
MUST_USE bool bootstrap(const struct admin *admin, struct db *db, struct err *err);

#endif
