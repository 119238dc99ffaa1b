/* routes.h — every table of routes of this program; each stands at the end of its file */
#ifndef ADMIN_ROUTES_H
#define ADMIN_ROUTES_H

#include "net/route.h"

extern const struct route status_routes[];
extern const struct route account_routes[];
extern const struct route login_routes[];
extern const struct route factor_routes[];
extern const struct route register_routes[];
extern const struct route verification_routes[];
extern const struct route oauth_routes[];
extern const struct route user_routes[];
extern const struct route user_action_routes[];
extern const struct route topup_routes[];
extern const struct route redemption_routes[];
extern const struct route token_routes[];
extern const struct route channel_routes[];
extern const struct route channel_key_routes[];
extern const struct route balance_routes[];
extern const struct route model_list_routes[];
extern const struct route job_routes[];
extern const struct route probe_routes[];
extern const struct route option_routes[];
extern const struct route limit_routes[];
extern const struct route log_routes[];
extern const struct route export_routes[];
extern const struct route dashboard_routes[];
extern const struct route audit_routes[];
extern const struct route diagnostics_routes[];
extern const struct route openapi_routes[];
extern const struct route model_routes[];
extern const struct route pricing_routes[];
extern const struct route setup_routes[];

/* Returns owned. */
RETURNS_NEW struct route_table *routes_table(void);
/* One line per route: method, path, least role. */
void routes_print(void);

#endif
