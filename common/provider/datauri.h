/* datauri.h — `data:[mime][;param…];base64,…`, as media arrives in a request (R10)
 *
 * Clients write these with blanks and line ends inside, without padding, and in the alphabet of
 * URLs; what comes out is what every upstream takes: standard alphabet, padded, nothing else.
 *
 * Threads  pure.
 */
#ifndef PROVIDER_DATAURI_H
#define PROVIDER_DATAURI_H

#include "base/attr.h"
#include "base/buf.h"
#include "base/str.h"

/* Is it a data URI at all? Without case. */
bool datauri_is(struct str uri);
/* mime is "" when the URI names none; encoded is what follows the comma. False when it is not
 * base64. */
MUST_USE bool datauri_split(struct str uri, struct str *mime, struct str *encoded);
/* Appends base64 text in its standard form; false when it is none or empty. */
MUST_USE bool datauri_add_base64(struct buf *out, struct str encoded);
/* Appends bytes as base64 text. */
void datauri_add_bytes(struct buf *out, struct str bytes);

#endif
