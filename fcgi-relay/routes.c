#include "routes.h"

#include <assert.h>

static const struct route *const tables[] = { relay_routes, models_routes, other_routes, NULL };

static void check_price_rule(const struct route *row, void *arg)
{
	const struct route_mode *mode = row->data;

	assert(!mode || mode->price != PRICE_NONE);
}

struct route_table *routes_table(void)
{
	struct route_table *t = route_table_new(tables);

	route_each(t, check_price_rule, NULL);
	return t;
}
