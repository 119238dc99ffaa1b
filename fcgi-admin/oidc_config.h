/* oidc_config.h — what an OpenID provider says of itself, and what the operator says instead
 *
 * OpenID Connect Discovery 1.0, section 4: the document's issuer must be the one whose document was
 * asked for, and nothing in it leads from https to http. Endpoints that the operator filled in win.
 * Without a document there are only those: no issuer and no keys, so no ID token can be checked, and
 * the person is who the userinfo endpoint says.
 *
 * Threads  pure.
 */
#ifndef ADMIN_OIDC_CONFIG_H
#define ADMIN_OIDC_CONFIG_H

#include "store/option.h"

#define OIDC_URL_MAX 2048
#define OIDC_WELL_KNOWN "/.well-known/openid-configuration"

struct arena;
struct err;

struct oidc_config {
	bool is_discovered;
	struct str issuer; /* of the document; else scheme and host of the token endpoint */
	struct str authorization_endpoint, token_endpoint, userinfo_endpoint, jwks_uri;
	bool by_form; /* client id and secret belong into the form, not into Authorization */
};

/* http or https, a host, visible ASCII without quotes, no fragment, no user info. */
bool oidc_url_ok(struct str url);
/* The address of the document: url itself, or of the issuer that it is. */
struct str oidc_document_url(struct arena *a, struct str url);
/* ERR_UPSTREAM saying what is wrong with the document that url gave; for the log. */
MUST_USE bool oidc_config_read(struct arena *a, struct str url, struct str text,
    struct oidc_config *out, struct err *err);
/* What the operator filled in goes before; for a config of zeroes it is all there is. */
void oidc_config_override(struct oidc_config *c, const struct options *options);

#endif
