/* journal.h — settlements that wait in a file while the database is away
 *
 * One file per process in DATA_DIR, made when the first record comes and removed when all of them
 * are in the database, so on a good day there is none. A record is one line: a checksum, a blank,
 * a JSON object. A line that was cut by a crash is left out and logged. The file is locked by its
 * process; whoever starts or recovers takes over the files whose process is gone.
 *
 * Replaying twice is fine: settling is idempotent by request id (quota.h).
 *
 * Errors   ERR_STORE when the file cannot be written.
 * Threads  one at a time; the ledger's.
 */
#ifndef BILLING_JOURNAL_H
#define BILLING_JOURNAL_H

#include "store/logrow.h"

struct err;
struct journal;

struct journal_entry {
	bool release;   /* give back instead of settling: of row only request_id counts */
	bool write_log; /* of quota_settle */
	struct logrow row;
};

/* Most entries that are handed out together. */
#define JOURNAL_BATCH 256

/* Makes nothing yet. node names this process. */
RETURNS_NEW struct journal *journal_new(const char *dir, const char *node);
void journal_free(struct journal *j);
/* Copies e; it is safe once journal_sync has returned true. */
void journal_add(struct journal *j, const struct journal_entry *e);
/* On false nothing of what was added since the last success is in the file, nor remembered. */
MUST_USE bool journal_sync(struct journal *j, struct err *err);
/* Are there records of this process? */
bool journal_has_records(const struct journal *j);

/* Puts entries into the database; borrowed for the call. False: not now. */
typedef bool journal_fn(void *arg, const struct journal_entry *entries, size_t n);
/* Hands out the records of this process and of those that are gone, file by file, and removes each
 * file whose records are all in. False: fn said so, and the rest waits for another time. */
bool journal_replay(struct journal *j, journal_fn *fn, void *arg);

#endif
