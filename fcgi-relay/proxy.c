/* proxy.c — ANY /v1/oneapi/proxy/:channel/…: any HTTP call to an account that an operator opened
 *
 * Only channels of type 43 (proxy) take part, and only for the groups they serve; administrators
 * may name any of them. A key with a list of models needs "proxy:ID" in it. The path behind the id
 * and the query travel byte for byte, so dots that climb out of the channel's base URL are refused,
 * encoded or not. Status, headers and body come back as they are (provider/proxy.c says which
 * headers travel); nothing is tried twice, and no answer counts against the channel. A call costs
 * the channel's call_price and is in the log with its path, without the query. */
#include <inttypes.h>
#include <strings.h>

#include "base/err.h"

#include "exchange.h"
#include "proxy.h"

#define PREFIX "/v1/oneapi/proxy/"
#define TYPE_PROXY 43
#define TARGET_MAX 4096

/* "." and "%2e" */
static struct str skip_dot(struct str s)
{
	if (s.n >= 1 && s.p[0] == '.')
		return str_slice(s, 1, s.n);
	if (s.n >= 3 && strncasecmp(s.p, "%2e", 3) == 0)
		return str_slice(s, 3, s.n);
	return s;
}

static bool is_dots(struct str segment)
{
	struct str rest = skip_dot(segment);

	return segment.n > 0 && (rest.n == 0 || (rest.n < segment.n && skip_dot(rest).n == 0));
}

/* A server behind us may take these for a slash; then what they part are segments, too. */
static size_t find_slash(struct str s, size_t *bytes)
{
	for (size_t i = 0; i < s.n; i++) {
		bool encoded = s.n - i >= 3 &&
		    (strncasecmp(s.p + i, "%2f", 3) == 0 || strncasecmp(s.p + i, "%5c", 3) == 0);

		*bytes = encoded ? 3 : 1;
		if (encoded || s.p[i] == '/' || s.p[i] == '\\')
			return i;
	}
	*bytes = 0;
	return s.n;
}

static bool climbs(struct str path)
{
	for (;;) {
		size_t bytes, at = find_slash(path, &bytes);

		if (is_dots(str_slice(path, 0, at)))
			return true;
		if (bytes == 0)
			return false;
		path = str_slice(path, at + bytes, path.n);
	}
}

static bool is_printable(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] <= ' ' || s.p[i] == 0x7f)
			return false;
	}
	return true;
}

bool proxy_target(struct str raw_path, struct str *id, struct str *target, struct err *err)
{
	struct str rest = str_slice(raw_path, 0, str_find(raw_path, '?'));

	if (!str_starts(rest, STR(PREFIX)))
		return err_set(err, ERR_BAD_REQUEST, "the path does not begin with %s", PREFIX);
	rest = str_slice(rest, sizeof PREFIX - 1, rest.n);
	*id = str_slice(rest, 0, str_find(rest, '/'));
	*target = str_slice(rest, id->n, rest.n);
	if (target->n > TARGET_MAX)
		return err_set(err, ERR_BAD_REQUEST, "the path is longer than %d bytes",
		    TARGET_MAX);
	if (!is_printable(*target) || climbs(*target))
		return err_set(err, ERR_BAD_REQUEST, "the path is not allowed");
	return true;
}

/* Every refusal, in an order that tells a stranger least about channels. */
static bool check_channel(const struct exchange *x, const struct catalog_channel *c,
    struct err *err)
{
	const struct token_owner *owner = &x->caller->owner;

	if (!c || c->row.type != TYPE_PROXY)
		return err_set(err, ERR_CHANNEL_INVALID, "this is not a proxy channel");
	if (owner->role < ROLE_ADMIN && !str_list_has(c->row.group, owner->group))
		return err_set(err, ERR_CHANNEL_PICK, "group %.*s may not use this channel",
		    STR_ARG(owner->group));
	if (c->row.status != CHANNEL_ENABLED)
		return err_set(err, ERR_CHANNEL_DISABLED, "this channel is disabled");
	if (c->base_url.n == 0)
		return err_set(err, ERR_CHANNEL_INVALID, "this channel has no base URL");
	return true;
}

static bool read_proxy(struct exchange *x, struct err *err)
{
	struct req *r = x->req;
	const struct catalog_channel *c;
	struct str id;

	if (req_header(r, "upgrade").n)
		return err_set(err, ERR_NOT_IMPLEMENTED, "API not implemented");
	if (!proxy_target(r->raw_path.n ? r->raw_path : r->path, &id, &x->ask.path, err))
		return false;
	if (!str_to_int(id, 1, INT64_MAX, &x->pin))
		return err_set(err, ERR_CHANNEL_INVALID, "the channel id is not a number");
	c = catalog_channel(x->catalog, x->pin);
	if (!check_channel(x, c, err))
		return false;
	x->ask.mode = MODE_PROXY;
	x->ask.method = r->method;
	x->ask.headers = &r->headers;
	x->ask.body = r->body;
	x->ask.content_type = r->content_type;
	x->ask.max_tokens = -1;
	x->ask.n = 1;
	x->ask.model = str_c(arena_fmt(r->arena, "proxy:%" PRId64, x->pin));
	x->call_price = c->call_price;
	return true;
}

static const struct route_mode proxy = { MODE_PROXY, PRICE_CALL, NULL, read_proxy };

#define ANY_METHOD(path)                                                                           \
	{ "GET", path, ACCESS_KEY, 0, relay_begin, &proxy },                                       \
	    { "POST", path, ACCESS_KEY, 0, relay_begin, &proxy },                                  \
	    { "PUT", path, ACCESS_KEY, 0, relay_begin, &proxy },                                   \
	    { "PATCH", path, ACCESS_KEY, 0, relay_begin, &proxy },                                 \
	{                                                                                          \
		"DELETE", path, ACCESS_KEY, 0, relay_begin, &proxy                                 \
	}

/* clang-format off */
const struct route proxy_routes[] = {
	ANY_METHOD("/v1/oneapi/proxy/:channel"),
	ANY_METHOD("/v1/oneapi/proxy/:channel/*target"),
	{ 0 },
};
/* clang-format on */
