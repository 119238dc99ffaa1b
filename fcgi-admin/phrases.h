/* phrases.h — what the library says, in Chinese
 *
 * Sentences that a person may read are in the catalogue of message.h. The library below us also has
 * some, in English only, that name what is wrong with a value: "option 'RetryTimes' must be a whole
 * number between 0 and 20". The table in phrases.c has them with holes, {}, each with its Chinese;
 * what a hole took is translated in its turn. What is in no row stays as it is.
 *
 * Threads  pure.
 */
#ifndef ADMIN_PHRASES_H
#define ADMIN_PHRASES_H

#include "net/http.h"

/* In the language of the request; in the arena, or english itself. */
struct str phrase_for(const struct req *r, struct str english);
/* Refuses with "Invalid parameter: …" and what `wrong` says; false. */
bool phrase_fail(const struct req *r, struct err *err, const struct err *wrong);

#endif
