/* replicate_url.c — where models, predictions and files lie, and whose URLs are followed
 *
 * The key travels, so URLs are followed to Replicate and the channel's own host only.
 */
#include "provider/replicate.h"

#include <string.h>

#include "provider/catalog.h"
#include "provider/convert.h"

static struct str base_of(const struct call *c)
{
	struct str base = c->channel->base_url;

	return str_ends(base, STR("/models")) ? str_slice(base, 0, base.n - strlen("/models"))
	                                      : base;
}

/* scheme://host:port of a URL. */
static struct str origin_of(struct str url)
{
	size_t scheme = str_find_str(url, STR("://"));
	size_t from = scheme < url.n ? scheme + 3 : url.n, to = from;

	while (to < url.n && !strchr("/?#", url.p[to]))
		to++;
	return str_slice(url, 0, to);
}

static bool is_below(struct str origin, struct str domain)
{
	return str_starts(origin, STR("https://")) && str_ends(origin, domain);
}

bool replicate_is_theirs(const struct call *c, struct str url, bool delivery)
{
	struct str origin = origin_of(url);

	if (str_find(origin, '@') < origin.n || str_find(url, '\\') < url.n)
		return false;
	if (str_eq(origin, origin_of(base_of(c))) || is_below(origin, STR(".replicate.com")))
		return true;
	return delivery &&
	    (is_below(origin, STR(".replicate.delivery")) ||
	        str_eq_c(origin, "https://replicate.delivery"));
}

/* A version is 64 hexadecimal digits, alone or behind a colon. */
static bool is_version(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!strchr("0123456789abcdef", s.p[i]))
			return false;
	return s.n == 64;
}

bool replicate_is_versioned(struct str model)
{
	return str_find(model, ':') < model.n || is_version(model);
}

bool replicate_check_model(struct str model, struct err *err)
{
	size_t slashes = 0;

	for (size_t i = 0; i < model.n; i++) {
		char c = model.p[i];

		slashes += c == '/';
		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		        strchr("/:._-", c)))
			return err_set(err, ERR_BAD_REQUEST, "the model's name is not valid");
	}
	if (str_has(model, STR("..")) || (!is_version(model) && (slashes == 0 || slashes > 2)))
		return err_set(err, ERR_BAD_REQUEST,
		    "a model of this channel is named owner/name or owner/name:version");
	return true;
}

bool replicate_is_deployment(struct str model)
{
	return str_starts(model, STR("deployments/"));
}

void replicate_add_create_url(const struct call *c, struct buf *url)
{
	buf_add(url, base_of(c));
	if (replicate_is_versioned(c->model)) {
		buf_add(url, STR("/predictions"));
		return;
	}
	if (replicate_is_deployment(c->model))
		buf_addf(url, "/%.*s", STR_ARG(c->model));
	else
		buf_addf(url, "/models/%.*s", STR_ARG(c->model));
	buf_add(url, STR("/predictions"));
}

bool replicate_tells_schema(struct str model)
{
	return !is_version(model);
}

void replicate_add_schema_url(const struct call *c, struct str model, struct buf *url)
{
	size_t colon = str_find(model, ':');

	buf_add(url, base_of(c));
	buf_addf(url, "/models/%.*s", STR_ARG(str_slice(model, 0, colon)));
	if (colon < model.n)
		buf_addf(url, "/versions/%.*s", STR_ARG(str_slice(model, colon + 1, model.n)));
}

void replicate_add_deployment_url(const struct call *c, struct buf *url)
{
	buf_add(url, base_of(c));
	buf_addf(url, "/%.*s", STR_ARG(c->model));
}

/* The name becomes a part of a URL that the key goes to. */
struct str replicate_deployed(struct arena *a, struct str body)
{
	struct str model, version, named;
	struct err ignored = { 0 };
	struct jval root;

	if (!jscan_value(body, &root))
		return STR("");
	model = jscan_text(a, convert_at(root, "current_release.model"));
	version = jscan_text(a, convert_at(root, "current_release.version"));
	if (str_find(model, '/') == model.n || str_find(model, ':') < model.n ||
	    !is_version(version))
		return STR("");
	named = str_c(arena_fmt(a, "%.*s:%.*s", STR_ARG(model), STR_ARG(version)));
	return !replicate_is_deployment(named) && replicate_check_model(named, &ignored) ? named
	                                                                                 : STR("");
}
