/* replicate_schema.h — which members the input of a model on Replicate has
 *
 * Every model has an input of its own and refuses what it does not know, so its schema is asked for
 * before the first prediction and remembered for some minutes:
 *
 *	if (!replicate_schema_get(key, &schema))
 *		GET the model, schema = replicate_schema_read(body, model);
 *		replicate_schema_put(key, &schema);
 *
 * Where nobody tells, a guess by the family's name takes its place. Only the members that we have
 * something for are kept: a schema is a handful of bits.
 *
 * Units    the table holds 256 schemas; a read one lives for ten minutes, a guess for one.
 * Threads  get and put any: a mutex guards the table and is never held across I/O. The rest is pure.
 */
#ifndef PROVIDER_REPLICATE_SCHEMA_H
#define PROVIDER_REPLICATE_SCHEMA_H

#include "base/attr.h"
#include "base/jscan.h"
#include "base/str.h"
#include "provider/token_cache.h"

struct replicate_schema {
	bool known;      /* read from the upstream; otherwise a guess */
	uint64_t names;  /* members of the input, by their place in a table of ours */
	uint64_t lists;  /* those of them that are arrays */
	uint32_t ratios; /* values of aspect_ratio, by their place in another */
	int64_t outputs; /* images that one prediction can make */
};

/* What the upstream says of a model or a version of it; a guess where that says nothing. */
struct replicate_schema replicate_schema_read(struct str body, struct str model);
struct replicate_schema replicate_schema_guess(struct str model);

bool replicate_takes(const struct replicate_schema *s, const char *name);
bool replicate_takes_list(const struct replicate_schema *s, const char *name);
/* The first of the names, which end with NULL, that the input has; NULL when it has none. */
const char *replicate_first(const struct replicate_schema *s, const char *const *names);
/* The ratio nearest to the size, of those that the model takes. */
const char *replicate_ratio(const struct replicate_schema *s, int64_t width, int64_t height);
/* Are width and height looked at only when aspect_ratio is "custom"? */
bool replicate_has_custom_ratio(const struct replicate_schema *s);

#define REPLICATE_KEY_BYTES TOKEN_KEY_BYTES /* token_cache_key makes them */

/* False: nobody has asked lately. */
MUST_USE bool replicate_schema_get(const uint8_t key[REPLICATE_KEY_BYTES],
    struct replicate_schema *out);
void replicate_schema_put(const uint8_t key[REPLICATE_KEY_BYTES], const struct replicate_schema *s);
/* For tests, whose exchanges all begin with the question. */
void replicate_schema_forget(void);

#endif
