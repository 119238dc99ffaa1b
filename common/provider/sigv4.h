/* sigv4.h — signs a request as AWS wants it (Signature Version 4, HMAC-SHA-256)
 *
 *	struct sigv4 s = { .access_key = …, .secret_key = …, .region = STR("us-east-1"),
 *		.service = STR("bedrock"), .now = clock_unix() };
 *	if (!sigv4_sign(&s, out, err)) …
 *
 * Signed are the host, every header that the request has, and the body's hash; X-Amz-Date, the
 * session's token and Authorization are added. Call it last. A signature is good for five minutes
 * around `now`, so each attempt is signed anew. The path is encoded once more than it is sent, as all
 * services but S3 have it.
 *
 * Errors   ERR_CHANNEL_INVALID when a key or the region is missing, or the URL has no host.
 * Threads  pure apart from its arguments.
 */
#ifndef PROVIDER_SIGV4_H
#define PROVIDER_SIGV4_H

#include "base/attr.h"
#include "base/str.h"

struct err;
struct upstream_req;

struct sigv4 {
	struct str access_key, secret_key, session_token; /* the last may be "" */
	struct str region, service;
	int64_t now; /* Unix seconds */
};

MUST_USE bool sigv4_sign(const struct sigv4 *s, struct upstream_req *out, struct err *err);

#endif
