/* schema.h — a JSON schema as structured output takes it
 *
 * Providers that compile a schema into a grammar refuse bounds of numbers, lengths and patterns, want
 * every object closed and know anyOf but not oneOf. What a grammar cannot say is moved into the
 * description, where the model still reads it.
 *
 * Threads  pure.
 */
#ifndef PROVIDER_SCHEMA_H
#define PROVIDER_SCHEMA_H

#include "base/buf.h"
#include "base/jscan.h"

/* Appends the schema as a grammar takes it. */
void schema_add_strict(struct buf *out, struct jval schema);

#endif
