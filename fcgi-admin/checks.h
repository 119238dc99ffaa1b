/* checks.h — what is wrong with this installation, and how it is put right
 *
 * A row of the table in checks.c is one question; its function looks and answers green, amber or
 * red, with a number that the sentence may name. Sentences are in both languages, next to each
 * other; what cannot be known is left out.
 *
 * Threads  on the worker that has the request.
 */
#ifndef ADMIN_CHECKS_H
#define ADMIN_CHECKS_H

#include "net/http.h"

enum check_state { CHECK_UNKNOWN, CHECK_GREEN, CHECK_AMBER, CHECK_RED };

/* Appends `[{"name":"https","state":"amber","text":"…","fix":"…"},…]`; a green one has no fix. */
void checks_add(struct req *r, struct buf *out);

#endif
