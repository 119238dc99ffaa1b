/* raw.h — a 2xx body that goes to the client as it comes: audio, files, the proxy route
 *
 * The reply starts with the first byte of the body: until then another channel may be tried. From
 * then on what breaks is cut, since only a cut tells a client that bytes are missing.
 *
 * Threads  on the wire.
 */
#ifndef FCGI_RELAY_RAW_H
#define FCGI_RELAY_RAW_H

#include "exchange.h"

void raw_feed(struct exchange *x, struct str bytes);
/* The body is complete, perhaps empty. */
void raw_close(struct exchange *x);
/* A JSON object came where audio was promised: what it says, as an error. */
void raw_misfit(struct exchange *x, struct err *err);

#endif
