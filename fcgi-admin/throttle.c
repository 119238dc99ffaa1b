#include "throttle.h"

#include <inttypes.h>

#include "access.h"
#include "admin.h"
#include "base/err.h"
#include "net/cidr.h"
#include "net/route.h"

static const struct rate_limit critical = { THROTTLE_CRITICAL_N, THROTTLE_CRITICAL_PERIOD_MS };
static const struct rate_limit factor = { THROTTLE_FACTOR_N, THROTTLE_FACTOR_PERIOD_MS };

static bool take(struct req *r, const char *key, struct rate_limit limit, struct err *err)
{
	struct rate_table *t = admin_of(r)->rates;
	struct rate_view view;

	if (rate_take(t, rate_key(t, str_c(key)), limit, 1, &view))
		return true;
	err_set(err, ERR_RATE_LIMIT, "too many requests");
	err->retry_after_s = (int)(view.retry_ms / 1000) + 1;
	return false;
}

static void give_back(struct req *r, const char *key, struct rate_limit limit)
{
	struct rate_table *t = admin_of(r)->rates;

	rate_adjust(t, rate_key(t, str_c(key)), limit, -1);
}

bool throttle_request(struct req *r, struct err *err)
{
	struct rate_limit api = { admin_of(r)->api_limit, THROTTLE_API_PERIOD_MS };
	struct str client = cidr_client(r->arena, r->remote_addr);
	const char *key = arena_fmt(r->arena, "api %.*s", STR_ARG(client));

	if (api.n > 0 && !take(r, key, api, err))
		return false;
	if (!(r->route->flags & ROUTE_CRITICAL))
		return true;
	key = arena_fmt(r->arena, "%s %.*s", r->route->path, STR_ARG(client));
	return take(r, key, critical, err);
}

static const char *account_key(struct req *r, struct str name)
{
	char *key = arena_fmt(r->arena, "account %.*s", STR_ARG(str_slice(name, 0, 256)));

	for (char *p = key; *p; p++) {
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
	}
	return key;
}

bool throttle_account(struct req *r, struct str name, struct err *err)
{
	return take(r, account_key(r, name), critical, err);
}

void throttle_forgive_account(struct req *r, struct str name)
{
	give_back(r, account_key(r, name), critical);
}

static const char *factor_key(struct req *r, int64_t user_id)
{
	return arena_fmt(r->arena, "factor %" PRId64, user_id);
}

bool throttle_factor(struct req *r, int64_t user_id, struct err *err)
{
	return take(r, factor_key(r, user_id), factor, err);
}

void throttle_forgive_factor(struct req *r, int64_t user_id)
{
	give_back(r, factor_key(r, user_id), factor);
}
