/* import_rows.h — import.c's other half: one row of theirs becomes one of ours
 *
 * The readers run in import.c's transaction, over its views in_users, in_tokens …, which have every
 * column of the newest release and no NULL.
 *
 * Threads  as import.h.
 */
#ifndef ADMIN_IMPORT_ROWS_H
#define ADMIN_IMPORT_ROWS_H

#include "import.h"

struct arena;

struct import {
	struct db *db;
	const struct secret_box *box;
	struct arena *arena; /* of one row */
	import_note *note;
	void *arg;
	struct import_report *out;
};

void import_say(struct import *im, const char *text);

MUST_USE bool import_users(struct import *im, struct err *err);
MUST_USE bool import_keys(struct import *im, struct err *err);
MUST_USE bool import_channels(struct import *im, struct err *err);
MUST_USE bool import_codes(struct import *im, struct err *err);
MUST_USE bool import_options(struct import *im, struct err *err);

#endif
