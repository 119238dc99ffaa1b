/* route.h — finds the row for a method and a path
 *
 *	const struct route status_routes[] = {
 *		{ "GET", "/api/status", ROLE_GUEST, 0, get_status, NULL },
 *		{ 0 },
 *	};
 *
 * A path is literal segments and `:name` segments; `*name` as the last segment takes the rest.
 * Literal segments win over `:name`, `:name` over `*name`. A request's path has no trailing slash
 * (http.h), and neither need a row: "/api/user/" and "/api/user" are one route. HEAD finds the row
 * of GET. What the columns `access`, `flags` and `data` mean is each program's own business; its
 * dispatcher checks them before the handler runs.
 *
 * Threads  a table is read-only after route_table_new.
 */
#ifndef NET_ROUTE_H
#define NET_ROUTE_H

#include "net/http.h"

typedef bool handler_fn(struct req *r, struct resp *out, struct err *err);

struct route {
	const char *method;
	const char *path;
	int access;
	unsigned flags;
	handler_fn *handler;
	const void *data;
};

struct route_table;

/* tables: NULL-terminated list of row arrays, each ending with an empty row. Two rows that would
 * answer the same request are our own bug (assert). Returns owned. */
RETURNS_NEW struct route_table *route_table_new(const struct route *const *tables);
void route_table_free(struct route_table *t);

/* Sets r->route and r->params. False: no such method and path. */
MUST_USE bool route_find(const struct route_table *t, struct req *r);
/* Every row in order, for `routes` on the command line. */
void route_each(const struct route_table *t, void (*fn)(const struct route *row, void *arg),
    void *arg);

#endif
