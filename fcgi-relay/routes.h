/* routes.h — what the columns of a route row mean in fcgi-relay
 *
 * access   ACCESS_NONE: anybody. ACCESS_KEY: a client key that gate.h accepts; r->state is then
 *          the struct caller.
 * data     the struct route_mode of a route that calls an upstream. A mode without a price rule
 *          cannot be registered: routes_table asserts it at start.
 */
#ifndef FCGI_RELAY_ROUTES_H
#define FCGI_RELAY_ROUTES_H

#include "net/route.h"
#include "provider/ask.h"

enum access { ACCESS_NONE, ACCESS_KEY };

/* How a mode is charged. */
enum price_rule {
	PRICE_NONE,
	PRICE_TOKENS, /* prompt and completion tokens at the model's ratios */
};

struct route_mode {
	enum mode mode;
	enum price_rule price;
};

extern const struct route relay_routes[];
extern const struct route models_routes[];
extern const struct route other_routes[];

/* Returns owned. */
struct route_table *routes_table(void);

#endif
