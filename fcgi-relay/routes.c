#include "routes.h"

#include "base/err.h"

#include "relay.h"

static const struct route *const tables[] = { relay_routes, resource_routes, proxy_routes,
	billing_routes, models_routes, metrics_routes, other_routes, NULL };

static bool is_priced(const struct route *row)
{
	const struct route_mode *mode = row->data;

	return row->handler != relay_begin || (mode && mode->price != PRICE_NONE);
}

bool routes_are_priced(const struct route *const *list, struct err *err)
{
	for (; *list; list++) {
		for (const struct route *row = *list; row->method; row++) {
			if (!is_priced(row))
				return err_set(err, ERR_CONFIG, "route %s %s has no price rule",
				    row->method, row->path);
		}
	}
	return true;
}

struct route_table *routes_table(struct err *err)
{
	return routes_are_priced(tables, err) ? route_table_new(tables) : NULL;
}
