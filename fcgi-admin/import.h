/* import.h — fcgi-admin import FILE: the SQLite database of one-api becomes ours
 *
 * FILE is attached and read, never written; columns that an older release lacks have their defaults.
 * Ids, balances, passwords, keys and codes stay what they were; secrets are sealed and hashed on the
 * way. All is one transaction, into a database without accounts: what fails leaves nothing behind.
 *
 *	users        their bcrypt hashes go on working (base/password.h); deleted ones give up address,
 *	             third-party ids and token; one of two names that differ in case only gets its id
 *	channels     what routes them is derived anew; a type that we do not have is disabled
 *	options      checked as on /api/option; those of ours that have no such name there keep their
 *	             defaults, except that a model without a price costs what it cost there
 *	log          unless with_log is false; what was charged before counts as agreed (reconcile.h)
 *
 * Threads  one, before anything serves.
 */
#ifndef ADMIN_IMPORT_H
#define ADMIN_IMPORT_H

#include "store/db.h"

struct secret_box;

struct import_report {
	int64_t users, keys, channels, codes, options, log_rows;
	int64_t notes; /* how often note was called */
};

/* note is called with a sentence about each thing that could not stay as it was. */
typedef void import_note(const char *text, void *arg);
MUST_USE bool import_database(struct db *db, const struct secret_box *box, const char *file,
    bool with_log, import_note *note, void *arg, struct import_report *out, struct err *err);

#endif
