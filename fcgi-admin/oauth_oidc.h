/* oauth_oidc.h — GET /api/oauth/oidc/discover?url=: what an OpenID provider says of itself
 *
 * url is the issuer, or its document. data: well_known, issuer, authorization_endpoint,
 * token_endpoint, userinfo_endpoint, jwks_uri.
 */
#ifndef ADMIN_OAUTH_OIDC_H
#define ADMIN_OAUTH_OIDC_H

#include "net/http.h"
#include "oidc_config.h"

struct err;

MUST_USE bool oidc_discover(struct req *r, struct resp *out, struct err *err);

#endif
