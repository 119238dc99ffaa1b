/* throttle.h — how often somebody may ask, by address and by account
 *
 * The cells lie in memory that all processes of the machine share (base/mapping.h). A refusal is
 * ERR_RATE_LIMIT, 429 with Retry-After. Wrong codes are counted in the database (store/code.h).
 *
 * An address is what cidr_client makes of it: an IPv6 network of 64 bits counts as one, since
 * whoever is in it may take another address for every request.
 *
 * Threads  from anywhere.
 */
#ifndef ADMIN_THROTTLE_H
#define ADMIN_THROTTLE_H

#include "net/http.h"

#define THROTTLE_API_PERIOD_MS INT64_C(180000)
/* Calls of one critical route by one address, and wrong passwords of one account. */
#define THROTTLE_CRITICAL_N 20
#define THROTTLE_CRITICAL_PERIOD_MS INT64_C(1200000)
/* Wrong second factors of one account. */
#define THROTTLE_FACTOR_N 10
#define THROTTLE_FACTOR_PERIOD_MS INT64_C(3600000)

/* What the request's own route allows its address. */
MUST_USE bool throttle_request(struct req *r, struct err *err);

/* One more password for this name (any case); throttle_forgive when it was the right one. */
MUST_USE bool throttle_account(struct req *r, struct str name, struct err *err);
void throttle_forgive_account(struct req *r, struct str name);
/* One more second factor for this user. */
MUST_USE bool throttle_factor(struct req *r, int64_t user_id, struct err *err);
void throttle_forgive_factor(struct req *r, int64_t user_id);

#endif
