/* admin.h — what every handler of this program can reach from its request
 *
 * Threads  struct admin is read-only once main has filled it in, apart from the rate table, which
 *          looks after itself.
 */
#ifndef ADMIN_ADMIN_H
#define ADMIN_ADMIN_H

#include "base/rate.h"
#include "net/http.h"
#include "provider/runtime.h"

struct admin {
	struct runtime rt;
	struct rate_table *rates;
	int64_t api_limit; /* requests per client address and 180 s; 0: no limit */
	struct str test_prompt;
	struct str root_token; /* the three are for the first start, see bootstrap.h; "" = none */
	struct str root_access_token;
	struct str root_password;
};

static inline const struct admin *admin_of(const struct req *r)
{
	return r->settings;
}

/* The worker's own connection. */
static inline struct db *db_of(const struct req *r)
{
	return r->local;
}

static inline const struct secret_box *box_of(const struct req *r)
{
	return admin_of(r)->rt.box;
}

/* Today's options, valid as long as the request. */
const struct options *options_of(struct req *r);

#endif
