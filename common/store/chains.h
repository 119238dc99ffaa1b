/* chains.h — option ModelFallbacks: models that serve when no channel could serve the one asked for
 *
 * A JSON object, name -> list of models in the order they are tried:
 *
 *	{ "gpt-4o": ["gpt-4.1", "claude-sonnet-4"], "fast": ["gpt-4o-mini", "gemini-2.0-flash"] }
 *
 * A name need not be a model: "fast" above is only an alias. A model in a list may have a list of
 * its own, which then follows it; a name that would so come back to itself is refused when the
 * option is saved. What follows a name is worked out when the catalog is built: at most CHAIN_MAX
 * models, each once.
 *
 * Threads  struct chains is read-only.
 */
#ifndef STORE_CHAINS_H
#define STORE_CHAINS_H

#include "base/attr.h"
#include "base/str.h"

#define CHAIN_MAX 8
#define CHAIN_NAMES_MAX 512
#define CHAIN_NAME_MAX_BYTES 191

struct arena;
struct err;

struct chain {
	struct str name;
	const struct str *models;
	size_t count;
};

struct chains {
	size_t count;
	const struct chain *items; /* ordered by name */
};

/* ERR_BAD_REQUEST saying what is wrong; "" is fine. */
MUST_USE bool chains_check(struct str text, struct err *err);
/* text has passed its check. */
const struct chains *chains_new(struct arena *a, struct str text);
/* NULL when nothing follows model. */
const struct chain *chains_find(const struct chains *c, struct str model);

#endif
