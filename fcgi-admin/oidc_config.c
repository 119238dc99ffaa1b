#include "oidc_config.h"

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"

static bool refuse(struct err *err, const char *why)
{
	return err_set(err, ERR_UPSTREAM, "discovery: %s", why);
}

static struct str host_of(struct str url)
{
	size_t scheme = str_find_str(url, STR("://"));
	struct str rest = str_slice(url, scheme + 3, url.n);
	size_t end = 0;

	while (end < rest.n && rest.p[end] != '/' && rest.p[end] != '?')
		end++;
	return str_slice(rest, 0, end);
}

bool oidc_url_ok(struct str url)
{
	struct str host;

	if (url.n > OIDC_URL_MAX ||
	    !(str_starts(url, STR("https://")) || str_starts(url, STR("http://"))))
		return false;
	for (size_t i = 0; i < url.n; i++) {
		if (url.p[i] <= ' ' || url.p[i] > '~' || strchr("\"'<>\\^`{|}#", url.p[i]))
			return false;
	}
	host = host_of(url);
	return host.n > 0 && str_find(host, '@') == host.n;
}

struct str oidc_document_url(struct arena *a, struct str url)
{
	url = str_trim(url);
	if (str_has(url, STR("/.well-known/")))
		return url;
	return str_c(arena_fmt(a, "%.*s" OIDC_WELL_KNOWN, STR_ARG(str_without_slashes(url))));
}

/* As safe as the document's own address. */
static bool endpoint(const cJSON *tree, const char *name, struct str from, struct str *out)
{
	*out = json_str_at(tree, name);
	if (out->n == 0)
		return true;
	return oidc_url_ok(*out) &&
	    (str_starts(*out, STR("https://")) || str_starts(from, STR("http://")));
}

static bool check_issuer(struct str issuer, struct str url, struct err *err)
{
	struct str of = url;

	if (!oidc_url_ok(issuer) || issuer.n > 255)
		return refuse(err, "the issuer is no URL");
	if (!str_ends(url, STR(OIDC_WELL_KNOWN)))
		return true;
	of.n -= strlen(OIDC_WELL_KNOWN);
	return str_eq(str_without_slashes(issuer), str_without_slashes(of)) ||
	    refuse(err, "the issuer is another one than the one that was asked");
}

/* Without a list it is client_secret_basic. */
static bool wants_form(const cJSON *tree)
{
	const cJSON *list = json_at(tree, "token_endpoint_auth_methods_supported"), *item;
	bool form = false;

	if (!cJSON_IsArray(list))
		return false;
	cJSON_ArrayForEach(item, list)
	{
		if (!cJSON_IsString(item))
			continue;
		if (str_eq_c(str_c(item->valuestring), "client_secret_basic"))
			return false;
		if (str_eq_c(str_c(item->valuestring), "client_secret_post"))
			form = true;
	}
	return form;
}

bool oidc_config_read(struct arena *a, struct str url, struct str text, struct oidc_config *out,
    struct err *err)
{
	struct err ignored = { 0 };
	struct oidc_config c = { .is_discovered = true };
	cJSON *tree;

	if (!json_parse(a, text, &tree, &ignored) || !cJSON_IsObject(tree))
		return refuse(err, "the document is not JSON");
	c.issuer = json_str_at(tree, "issuer");
	if (!check_issuer(c.issuer, url, err))
		return false;
	if (!endpoint(tree, "authorization_endpoint", url, &c.authorization_endpoint) ||
	    !endpoint(tree, "token_endpoint", url, &c.token_endpoint) ||
	    !endpoint(tree, "userinfo_endpoint", url, &c.userinfo_endpoint) ||
	    !endpoint(tree, "jwks_uri", url, &c.jwks_uri))
		return refuse(err, "an endpoint is no URL, or not https");
	if (c.token_endpoint.n == 0 || c.jwks_uri.n == 0)
		return refuse(err, "the document has no token endpoint or no keys");
	c.by_form = wants_form(tree);
	*out = c;
	return true;
}

static void prefer(struct str *endpoint_url, struct str set)
{
	set = str_trim(set);
	if (set.n)
		*endpoint_url = set;
}

void oidc_config_override(struct oidc_config *c, const struct options *options)
{
	struct str host;

	prefer(&c->authorization_endpoint, option_text(options, OPT_OIDC_AUTHORIZATION_ENDPOINT));
	prefer(&c->token_endpoint, option_text(options, OPT_OIDC_TOKEN_ENDPOINT));
	prefer(&c->userinfo_endpoint, option_text(options, OPT_OIDC_USERINFO_ENDPOINT));
	if (c->is_discovered)
		return;
	host = host_of(c->token_endpoint);
	if (host.n)
		c->issuer = str_slice(c->token_endpoint, 0,
		    (size_t)(host.p + host.n - c->token_endpoint.p));
}
