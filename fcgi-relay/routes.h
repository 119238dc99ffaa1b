/* routes.h — what the columns of a route row mean in fcgi-relay
 *
 * access   ACCESS_NONE: anybody. ACCESS_KEY: a client key that gate.h accepts; r->state is then
 *          the struct caller.
 * data     the struct route_mode of a route that calls an upstream. A route without a price rule
 *          cannot be registered: the program refuses to start.
 */
#ifndef FCGI_RELAY_ROUTES_H
#define FCGI_RELAY_ROUTES_H

#include "net/route.h"
#include "billing/price.h"
#include "provider/ask.h"

enum access { ACCESS_NONE, ACCESS_KEY };

struct exchange;

struct route_mode {
	enum mode mode;
	enum price_rule price;
	/* What is known without the body, asked before it is decoded; NULL: nothing. */
	bool (*admit)(struct exchange *x, struct err *err);
	/* Fills x->ask and, where a resource lives on one channel, x->pin; NULL: ask_read. One that
	 * leaves ask.model empty has itself asked what the key may do (gate.h). */
	bool (*read)(struct exchange *x, struct err *err);
};

extern const struct route relay_routes[];
extern const struct route models_routes[];
extern const struct route resource_routes[];
extern const struct route proxy_routes[];
extern const struct route billing_routes[];
extern const struct route metrics_routes[];
extern const struct route other_routes[];

/* Does every row that calls an upstream say how it is charged? On false err names the first that
 * does not. tables as in route_table_new. */
MUST_USE bool routes_are_priced(const struct route *const *tables, struct err *err);
/* Returns owned; NULL when a route has no price rule. */
struct route_table *routes_table(struct err *err);

#endif
