/* spool.h — bytes that are too many for memory: a file without a name, read through a mapping
 *
 * An upload (audio, images, files) is written to a temporary file as it arrives and then seen as one
 * view, like any other body. The pages belong to the kernel's cache, which drops them when it needs
 * to; the file has no name, so nothing is left behind however the process ends.
 *
 *	struct spool *s = spool_new("/srv/data", err);
 *	spool_add(s, piece, err) …
 *	spool_map(s, arena, &body, err);
 *
 * Owns     the descriptor, until spool_map hands the mapping to an arena.
 * Errors   ERR_BUSY when there is no room: the caller says 503.
 * Threads  one at a time.
 */
#ifndef NET_SPOOL_H
#define NET_SPOOL_H

#include "base/attr.h"
#include "base/str.h"

struct arena;
struct err;
struct spool;

/* NULL with err set when no file can be made in dir. Returns owned. */
struct spool *spool_new(const char *dir, struct err *err);
/* NULL is allowed. */
void spool_free(struct spool *s);
MUST_USE bool spool_add(struct spool *s, struct str bytes, struct err *err);
size_t spool_size(const struct spool *s);
/* Takes s, whatever happens. *out is NUL-terminated one past its end and lives as long as the
 * arena. */
MUST_USE bool spool_map(struct spool *s, struct arena *a, struct str *out, struct err *err);

/* How many this process has made. */
uint64_t spool_count(void);

#endif
