/* fetch.h — an image or file behind a URL that a client named
 *
 * Whoever may write a prompt may name any URL, so this is the one place that goes there: https
 * only (http when the operator allows it), no credentials, the connected address must be public at
 * every hop, few redirects, one deadline for all of it, a ceiling for the bytes: of one file, of all
 * that one request names, and of what all requests of the process hold at the same time. Bytes are
 * counted as they arrive, so nobody pays for what others announced and never sent.
 *
 * Errors   ERR_INVALID_TEXT, the client's fault, in words that tell nothing of the network behind
 *          us; the log's detail has the reason. ERR_TOO_LARGE (413) when the request's files are too
 *          large together, ERR_BUSY (503, Retry-After) when it is the process that holds too much.
 * Threads  fetch_url on the wire, done on the same wire, never from within fetch_url.
 */
#ifndef NET_FETCH_H
#define NET_FETCH_H

#include <stdatomic.h>

#include "base/err.h"
#include "base/str.h"

struct arena;
struct wire;

#define FETCH_REDIRECTS_MAX 2

struct fetch_rules {
	size_t max_bytes;         /* of one: 20 MiB */
	size_t max_request_bytes; /* of one request: 64 MiB */
	int timeout_ms;           /* 30 s, all hops together */
	struct str allowed;       /* networks that may be asked though they are not public */
	bool allow_http;
};

/* What the process holds of it. */
struct fetch_room {
	size_t max_bytes; /* 512 MiB */
	_Atomic(size_t) used;
};

/* What one request holds, on one wire. */
struct fetch_share {
	struct fetch_room *room;
	size_t used, most;
};

/* Both halves of a share's life: counted is what the request brought itself, in data URIs. */
void fetch_share_init(struct fetch_share *s, struct fetch_room *room,
    const struct fetch_rules *rules, size_t counted);
void fetch_share_release(struct fetch_share *s);

struct fetched {
	bool ok;
	struct str body, content_type; /* in the arena that was given; type without parameters */
	struct err err;
};

typedef void fetch_fn(void *arg, const struct fetched *result);

/* The arena must stay until done was called, and no other thread may use it meanwhile; rules and
 * share are borrowed, and what came stays the share's whether it is ok or not. */
void fetch_url(struct wire *w, struct arena *a, struct str url, const struct fetch_rules *rules,
    struct fetch_share *share, fetch_fn *done, void *arg);

#endif
