/* resources.h — what lives at an upstream: files, batches, stored responses and their like
 *
 * One upstream account serves many of our users, and its own lists and look-ups know nothing of
 * them. So what a user makes there is pinned (store/resource.h): calls about it go to the channel
 * and key that made it, for its owner only; an id that is not pinned for the caller is answered
 * 404 without asking anybody, also when it stands in a body (previous_response_id, file_id …).
 * Lists are answered from the pins, with each object as it was last seen: made, read or changed.
 *
 * A family other than responses works where the operator switched it on in a channel's config:
 *
 *	resources		true, or a list: "files,batches"
 *	shared_resources	ids in that account that every user of the channel's groups may refer
 *				to in a body, but not read, change or delete
 *	call_price		dollars for each call; 0
 *
 * Elsewhere it answers 501. Creations go to a channel of the user's group with the switch on; a
 * model in the body must be one that the channel offers. A key with a list of models needs the
 * family's name in it ("files"). An administrator whose key names a channel may use every id there.
 *
 * Money: each call has its flat price, and what goes on behind its answer is a work (works.h): its
 * tokens are charged at most when it is made, and settled once. A response that runs in the
 * background (or whose creation was answered before it ended) is one: it is charged what was
 * reserved, its input and max_output_tokens, or PreConsumedQuota tokens where it names none. The
 * difference is settled, in either direction and once (pins.h), with the key that made it, when
 * somebody first asks for it, cancels it or follows its stream and its final usage is seen, and at
 * the latest by the settler. One that is deleted, or ends without a usage, stays charged as it is.
 * Where no max_output_tokens bounds it, what is read of it without its usage (a stream or a body
 * left early, a body of more than SEEN_MAX_BYTES, a response that still runs) is counted, and
 * charged as soon as it is more than what was charged so far; parts of streams add up, since each
 * may begin where the last one ended, and what was counted twice comes back with the final usage.
 * Such a charge may pass the balance, by one answer at a time: the next request is refused. Its
 * text can only be had by asking, or as the input of a next response, which is charged as that.
 *
 * Not pinned, because nothing lists them: items (item_reference) of stored responses. Their ids
 * cannot be guessed.
 *
 * Threads  resources_read* on the worker or wire that has the request, the rest on its wire.
 */
#ifndef FCGI_RELAY_RESOURCES_H
#define FCGI_RELAY_RESOURCES_H

#include "exchange.h"

/* ---- for route_mode.admit ---- */

/* Calls about one thing, and creations. A body may be long and cost much to read: is it the
 * caller's, may this key use such a thing, does anybody keep it, is a limit reached? */
bool resources_admit(struct exchange *x, struct err *err);

/* ---- for route_mode.read ---- */

/* The same, once admitted. */
bool resources_read(struct exchange *x, struct err *err);
/* POST /v1/responses and /v1/responses/compact. */
bool resources_read_response(struct exchange *x, struct err *err);
/* POST /v1/responses/input_tokens. */
bool resources_read_count(struct exchange *x, struct err *err);
/* The body of any other mode: does it refer to what is not the caller's? Sets x->pin. */
bool resources_check_body(struct exchange *x, struct err *err);

/* GET of a family: the caller's own. */
bool resources_list(struct req *r, struct resp *out, struct err *err);

/* ---- for the engine; each does nothing where it has no business ---- */

/* Some of a 2xx body that is forwarded as it comes, before it is. True: it is held back. */
bool resources_saw(struct exchange *x, struct str bytes);
/* That body is complete. */
void resources_done(struct exchange *x);
/* The dialect noted x->call.resource_id; before the client learns it. Call as often as you like. */
void resources_made(struct exchange *x);
/* Must the answer wait for the commit of what it made? Then `then` runs with x->task on the wire, and
 * *reply, NULL: what was held back, is resources_held's until then. Gives the exchange away. */
bool resources_hold(struct exchange *x, struct buf *reply,
    void (*then)(struct task *task, void *room));
struct buf *resources_held(struct exchange *x);
/* The request ends, and is about to be charged. */
void resources_ended(struct exchange *x);

#endif
