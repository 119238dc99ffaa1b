/* proxy.h — what a path of the proxy route names
 *
 * Threads  pure.
 */
#ifndef FCGI_RELAY_PROXY_H
#define FCGI_RELAY_PROXY_H

#include "base/attr.h"
#include "base/str.h"

struct err;

/* raw_path as sent: id is the text between the prefix and the next slash, target what follows, from
 * that slash on, byte for byte. ERR_BAD_REQUEST when the prefix is not there literally, or when the
 * target would lead elsewhere than below the channel's base URL. */
MUST_USE bool proxy_target(struct str raw_path, struct str *id, struct str *target,
    struct err *err);

#endif
