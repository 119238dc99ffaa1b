/* dead_account.h — does a refusal prove that a key or its account is of no use any more?
 *
 * Whoever is about to switch a channel off asks here: the relay after a failed attempt, the
 * administration after a test. Only what an upstream says by its status, or in whole sentences of
 * its own, counts: an upstream may echo a client's text, and no client may switch off a channel.
 *
 * Threads  pure.
 */
#ifndef PROVIDER_DEAD_ACCOUNT_H
#define PROVIDER_DEAD_ACCOUNT_H

#include "base/attr.h"

struct err;

/* err as an adaptor's error question or adaptor_error left it. */
bool account_is_dead(const struct err *err);

#endif
