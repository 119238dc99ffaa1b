/* answer.h — how fcgi-relay words an error, and the headers every reply carries
 *
 * The one function that turns an err into a reply: OpenAI's error object, the request id behind the
 * message, Retry-After where there is one, CORS.
 */
#ifndef FCGI_RELAY_ANSWER_H
#define FCGI_RELAY_ANSWER_H

#include "net/http.h"

struct err;

/* server_config.refuse. */
void answer_error(const struct req *r, const struct err *err, struct resp *out);
/* Appends ` (request id: …)` to err's message. */
void answer_tag(const struct req *r, struct err *err);
/* Access-Control-* for a request with an Origin. */
void answer_cors(const struct req *r, struct headers *headers);
/* OPTIONS on any path. */
bool answer_preflight(struct req *r, struct resp *out, struct err *err);
/* What one-api lists and nobody implements. */
bool answer_not_implemented(struct req *r, struct resp *out, struct err *err);

#endif
