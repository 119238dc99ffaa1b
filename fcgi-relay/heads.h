/* heads.h — the head of a reply: which of the upstream's headers a client gets, and how it starts
 *
 * An allow-list: what clients of OpenAI know, never cookies or the names of servers. What is
 * forwarded as it came (raw) also keeps what describes the body. The proxy route is the exception:
 * everything but what belongs to a connection.
 *
 * Threads  pure, but for heads_commit.
 */
#ifndef FCGI_RELAY_HEADS_H
#define FCGI_RELAY_HEADS_H

#include "exchange.h"

/* Adds to x->headers what of head goes to the client whatever becomes of the body. */
void heads_keep(struct exchange *x, const struct upstream_head *head);
/* The same for a body that is forwarded as it comes. */
void heads_keep_raw(struct exchange *x, const struct upstream_head *head);
/* Starts a reply whose body comes piece by piece: h and what every such reply has. From here on there
 * is no other channel any more. On the wire. */
void heads_commit(struct exchange *x, int status, struct headers *h);

#endif
