/* mapping.h — memory that all processes of this machine share
 *
 * One file in DATA_DIR, mapped by every fcgi-relay and fcgi-admin that uses the folder: limits,
 * counts of what runs, health of channels, metrics. It holds nothing that may not be lost: it is
 * made anew when it is missing, was written by another build or layout, or comes from before the
 * machine's last start.
 *
 *	struct mapping *m;
 *	if (!mapping_open("/srv/data/oneapi.shared", &m, err)) …
 *	struct cell *cells = mapping_region(m, "limits", sizeof(struct cell) * 65536);
 *
 * A region is found by name and size, zero-filled when it is made; all its words are C11 atomics
 * that processes update without locks. A process may die in the middle of anything: what it counted
 * up and would have counted down is kept per process (mapping_slot) and taken back by the others
 * once it is seen to be dead.
 *
 * Without a file (name "") the mapping is anonymous: the same behaviour for one process.
 *
 * Who changes what the words of a region mean gives it another name or size; an older program that
 * still runs then keeps its own. A process that calls mapping_reap has registered the reapers of
 * all regions (fcgi-relay); others (fcgi-admin) leave it alone.
 *
 * Threads  regions are made at start, before the first thread; mapping_slot from anywhere.
 */
#ifndef BASE_MAPPING_H
#define BASE_MAPPING_H

#include "base/attr.h"

#define MAPPING_BYTES (16 * 1024 * 1024) /* sparse: only touched pages exist */
#define MAPPING_PROCESSES 64             /* at the same time on one folder */

struct err;
struct mapping;

/* ERR_CONFIG with the reason when the file cannot be used. Returns owned. */
MUST_USE bool mapping_open(const char *path, struct mapping **out, struct err *err);
void mapping_close(struct mapping *m);

/* NULL never: a region that does not fit is our own mistake (assert). Name at most 15 characters. */
void *mapping_region(struct mapping *m, const char *name, size_t bytes);

/* This process's number among those that share the file, 0 to MAPPING_PROCESSES - 1: the index of
 * what only it counts. -1 when there are too many; then nothing of the kind is counted. */
int mapping_slot(const struct mapping *m);
/* Does the process that has this number live? A number whose owner died is given to the next one
 * after the caller's `reap` has taken back what it left (mapping_on_reap). */
bool mapping_slot_alive(const struct mapping *m, int slot);
/* Called with the number of a dead process, in one process only, before the number is used again:
 * from mapping_reap, which is called once at start when everything is registered. */
void mapping_on_reap(struct mapping *m, void (*reap)(int slot, void *arg), void *arg);
/* Looks for dead processes; cheap, every few seconds. */
void mapping_reap(struct mapping *m);

#endif
