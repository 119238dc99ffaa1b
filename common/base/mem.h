/* mem.h — malloc that succeeds or ends the process
 *
 * For what outlives a request and so cannot come from an arena. Sizes that strangers can inflate
 * have a ceiling before they get here, so running out of memory is the operator's emergency, not a
 * branch: the process logs one line, aborts, and supervision restarts it.
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include "base/attr.h"

RETURNS_NEW void *mem_alloc(size_t size);
RETURNS_NEW void *mem_zalloc(size_t size);
/* p may be NULL. */
void *mem_realloc(void *p, size_t size);
RETURNS_NEW char *mem_strdup(const char *text);
void mem_free(void *p);
/* Overwrites secrets in a way the compiler may not drop. */
void mem_wipe(void *p, size_t size);

#define MEM_NEW(type) ((type *)mem_zalloc(sizeof(type)))

#endif
