/* fetch.h — an image or file behind a URL that a client named
 *
 * Whoever may write a prompt may name any URL, so this is the one place that goes there: https
 * only (http when the operator allows it), no credentials, the connected address must be public at
 * every hop, few redirects, one deadline for all of it, a ceiling for the bytes.
 *
 * Errors   ERR_INVALID_TEXT, the client's fault, in words that tell nothing of the network behind
 *          us; the log's detail has the reason.
 * Threads  fetch_url on the wire, done on the same wire, never from within fetch_url.
 */
#ifndef NET_FETCH_H
#define NET_FETCH_H

#include "base/err.h"
#include "base/str.h"

struct arena;
struct wire;

#define FETCH_REDIRECTS_MAX 2

struct fetch_rules {
	size_t max_bytes;   /* 20 MiB */
	int timeout_ms;     /* 30 s, all hops together */
	struct str allowed; /* networks that may be asked though they are not public */
	bool allow_http;
};

struct fetched {
	bool ok;
	struct str body, content_type; /* in the arena that was given; type without parameters */
	struct err err;
};

typedef void fetch_fn(void *arg, const struct fetched *result);

/* The arena must stay until done was called, and no other thread may use it meanwhile; rules are
 * borrowed. */
void fetch_url(struct wire *w, struct arena *a, struct str url, const struct fetch_rules *rules,
    fetch_fn *done, void *arg);

#endif
