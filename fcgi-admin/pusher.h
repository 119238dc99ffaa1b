/* pusher.h — a notice to the operator through a push gateway (option MessagePusherAddress)
 *
 * POST with JSON {title, description, content, url, channel, token}; the gateway answers
 * {"success": bool, "message"}. Redirects are not followed: the token stays where it was meant to.
 *
 * Threads  blocks for up to PUSHER_TIMEOUT_MS: the mailer's thread only.
 */
#ifndef ADMIN_PUSHER_H
#define ADMIN_PUSHER_H

#include "base/arena.h"

#define PUSHER_TIMEOUT_MS 5000

struct err;
struct options;

bool pusher_is_set(const struct options *o);
/* text: plain, no HTML. ERR_UPSTREAM when the gateway did not take it. */
MUST_USE bool pusher_send(struct arena *a, const struct options *o, const char *ca_file,
    struct str title, struct str text, struct err *err);

#endif
