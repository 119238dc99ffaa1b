/* gate.h — bearer key → struct caller; may it use this model at all
 *
 * The checks of a client key, in one-api's order (status and code of each in gate.c's table). What
 * is read here decides early and words the refusal; the reservation checks again in its own
 * transaction and has the last word.
 *
 * Key syntax: `Authorization: Bearer sk-KEY`, without `Bearer` and without `sk-` too; `x-api-key`
 * or `api-key` when Authorization is missing. KEY may end in `-N`, N being the channel to use, if
 * the key's user is an administrator and the whole text is not itself a key.
 *
 * Threads  the worker or wire that has the request, with its database connection; reads only, what
 *          it writes goes to a worker.
 */
#ifndef FCGI_RELAY_GATE_H
#define FCGI_RELAY_GATE_H

#include "net/http.h"
#include "store/token.h"

struct err;

struct caller {
	struct token_owner owner;
	int64_t pinned_channel; /* 0: none */
};

/* Fills *out from the request's key. */
MUST_USE bool gate_check(struct req *r, struct caller *out, struct err *err);
/* The key's own model list; ERR_MODEL_DENIED. */
MUST_USE bool gate_allows_model(const struct req *r, const struct caller *who, struct str model,
    struct err *err);

/* The caller of a request that passed. */
static inline struct caller *gate_caller(const struct req *r)
{
	return r->state;
}

#endif
