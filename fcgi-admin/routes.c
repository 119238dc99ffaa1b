#include "routes.h"

#include <stdio.h>

#include "store/user.h"
#include "witness.h"

static const struct route *const tables[] = {
	status_routes,
	account_routes,
	login_routes,
	factor_routes,
	register_routes,
	verification_routes,
	oauth_routes,
	user_routes,
	user_action_routes,
	topup_routes,
	redemption_routes,
	token_routes,
	channel_routes,
	channel_key_routes,
	balance_routes,
	model_list_routes,
	job_routes,
	probe_routes,
	option_routes,
	limit_routes,
	log_routes,
	export_routes,
	dashboard_routes,
	audit_routes,
	diagnostics_routes,
	openapi_routes,
	model_routes,
	pricing_routes,
	setup_routes,
	NULL,
};

struct route_table *routes_table(void)
{
	return route_table_new(witness_routes(tables));
}

static const char *role_name(int role)
{
	switch (role) {
	case ROLE_GUEST:
		return "guest";
	case ROLE_USER:
		return "user";
	case ROLE_ADMIN:
		return "admin";
	default:
		return "root";
	}
}

static void print_row(const struct route *row, void *arg)
{
	printf("%-6s %-5s %s\n", row->method, role_name(row->access), row->path);
}

void routes_print(void)
{
	struct route_table *t = routes_table();

	route_each(t, print_row, NULL);
	route_table_free(t);
}
