/* redact.h — what in a text is a secret
 *
 * For capture.h's redaction and for the same over the events of a stream (redact_stream.c).
 *
 * Threads  pure.
 */
#ifndef FCGI_RELAY_REDACT_H
#define FCGI_RELAY_REDACT_H

#include "base/buf.h"

/* One step of hiding at a place of s: how many bytes are replaced by what was appended to out; 0:
 * nothing is to be hidden there. */
size_t redact_step(struct str s, size_t at, struct buf *out);

/* The body of a stream, "data:" lines of JSON, with those secrets hidden that begin in one event and
 * end in another: the first piece becomes ***, the others nothing. All else is appended as it is, and
 * a body that is no stream is. The pieces of one text (a choice's content, one call's arguments …) are
 * read one behind the other; of more than 32 such texts only the first 32 are. Takes memory in
 * proportion to the body, some ten times its size. */
void redact_stream(struct str body, struct buf *out);

#endif
