#include "net/cgi_vars.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "base/secret.h"
#include "net/cidr.h"

#define DIGITS_8 UINT32_C(100000000)

/* clang-format off */
static const struct str var_names[CGI_VAR_COUNT] = {
	[CGI_REQUEST_METHOD] = STR_INIT("REQUEST_METHOD"),
	[CGI_REQUEST_URI]    = STR_INIT("REQUEST_URI"),
	[CGI_QUERY_STRING]   = STR_INIT("QUERY_STRING"),
	[CGI_SCRIPT_NAME]    = STR_INIT("SCRIPT_NAME"),
	[CGI_PATH_INFO]      = STR_INIT("PATH_INFO"),
	[CGI_CONTENT_TYPE]   = STR_INIT("CONTENT_TYPE"),
	[CGI_CONTENT_LENGTH] = STR_INIT("CONTENT_LENGTH"),
	[CGI_REMOTE_ADDR]    = STR_INIT("REMOTE_ADDR"),
	[CGI_HTTPS]          = STR_INIT("HTTPS"),
	[CGI_REQUEST_SCHEME] = STR_INIT("REQUEST_SCHEME"),
	[CGI_SERVER_NAME]    = STR_INIT("SERVER_NAME"),
	[CGI_GATEWAY_PREFIX] = STR_INIT("GATEWAY_PREFIX"),
};
/* clang-format on */

void cgi_vars_init(struct cgi_vars *v, struct arena *a)
{
	*v = (struct cgi_vars){ .arena = a };
	headers_init(&v->headers, a);
}

/* "HTTP_X_API_KEY" without its prefix becomes "x-api-key". */
static struct str header_name(struct arena *a, struct str name)
{
	char *out = str_dup(a, name);

	for (size_t i = 0; i < name.n; i++) {
		if (out[i] >= 'A' && out[i] <= 'Z')
			out[i] = (char)(out[i] - 'A' + 'a');
		else if (out[i] == '_')
			out[i] = '-';
	}
	return (struct str){ out, name.n };
}

static void take_header(struct cgi_vars *v, struct str name, struct str value)
{
	/* nginx and lighttpd send these two twice; the ones without HTTP_ count. */
	if (str_eq(name, STR("CONTENT_LENGTH")) || str_eq(name, STR("CONTENT_TYPE")))
		return;
	headers_add_view(&v->headers, header_name(v->arena, name), arena_str(v->arena, value));
}

void cgi_vars_take(struct cgi_vars *v, const char *entry)
{
	struct str whole = str_c(entry);
	size_t eq = str_find(whole, '=');
	struct str name = str_slice(whole, 0, eq), value;

	if (eq == whole.n)
		return;
	value = str_slice(whole, eq + 1, whole.n);
	if (str_starts(name, STR("HTTP_"))) {
		take_header(v, str_slice(name, 5, name.n), value);
		return;
	}
	for (size_t i = 0; i < CGI_VAR_COUNT; i++) {
		if (str_eq(name, var_names[i])) {
			v->var[i] = arena_str(v->arena, value);
			return;
		}
	}
}

/* ---- path ----------------------------------------------------------------------------- */

/* A request line may hold a whole URI: "http://host/path" (RFC 9112, 3.2.2). */
static struct str without_origin(struct str uri)
{
	size_t scheme = str_find_str(uri, STR("://"));

	if (str_starts(uri, STR("/")) || scheme == uri.n)
		return uri;
	uri = str_slice(uri, scheme + 3, uri.n);
	uri = str_slice(uri, str_find(uri, '/'), uri.n);
	return uri.n ? uri : STR("/");
}

static struct str without_prefix(struct str path, struct str prefix)
{
	if (prefix.n && prefix.p[prefix.n - 1] == '/')
		prefix.n--;
	if (!prefix.n || !str_starts(path, prefix))
		return path;
	if (path.n == prefix.n)
		return STR("/");
	return path.p[prefix.n] == '/' ? str_slice(path, prefix.n, path.n) : path;
}

static struct str script_path(const struct cgi_vars *v)
{
	char *joined = arena_fmt(v->arena, "%.*s%.*s", STR_ARG(v->var[CGI_SCRIPT_NAME]),
	    STR_ARG(v->var[CGI_PATH_INFO]));

	return str_c(joined);
}

static bool fill_path(const struct cgi_vars *v, struct req *r, struct err *err)
{
	struct str uri = without_origin(v->var[CGI_REQUEST_URI]);
	struct str prefix = v->var[CGI_GATEWAY_PREFIX];
	size_t mark = str_find(uri, '?');

	if (uri.n) {
		r->raw_path = without_prefix(str_slice(uri, 0, mark), prefix);
		r->query = mark < uri.n ? str_slice(uri, mark + 1, uri.n) : STR("");
		r->path = url_decode(r->arena, r->raw_path, false);
	} else {
		r->path = without_prefix(script_path(v), prefix);
		r->query = v->var[CGI_QUERY_STRING];
	}
	if (memchr(r->path.p ? r->path.p : "", '\0', r->path.n))
		return err_set(err, ERR_BAD_REQUEST, "the path holds a NUL");
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): a view with a length has bytes */
	if (r->path.n > 1 && r->path.p[r->path.n - 1] == '/')
		r->path.n--;
	if (!r->path.n)
		r->path = STR("/");
	return true;
}

/* ---- who is asking -------------------------------------------------------------------- */

static bool is_socket(struct str address)
{
	return address.n == 0 || str_starts_nocase(address, STR("unix:"));
}

static bool is_trusted(struct str proxies, struct str address)
{
	if (is_socket(address))
		return str_list_has(proxies, STR("unix"));
	return cidr_list_has(proxies, address);
}

/* "192.0.2.7:4711" and "[2001:db8::1]:4711" without port and brackets. */
static struct str bare_address(struct str hop)
{
	size_t colon;

	hop = str_trim(hop);
	if (str_starts(hop, STR("[")))
		return str_slice(hop, 1, str_find(hop, ']'));
	colon = str_find(hop, ':');
	/* One colon ends an IPv4 address; more are IPv6. */
	if (colon < hop.n && str_find(str_slice(hop, colon + 1, hop.n), ':') == hop.n - colon - 1)
		return str_slice(hop, 0, colon);
	return hop;
}

/* Cuts the last item off a comma list. */
static bool last_hop(struct str *list, struct str *hop)
{
	size_t at = list->n;

	if (list->n == 0)
		return false;
	while (at > 0 && list->p[at - 1] != ',')
		at--;
	*hop = bare_address(str_slice(*list, at, list->n));
	*list = str_slice(*list, 0, at ? at - 1 : 0);
	return true;
}

/* X-Forwarded-For from its end. A proxy may add a line of its own behind one that the client sent, and
 * some web servers hand on each as a variable: together they are one list. */
struct hops {
	const struct headers *headers;
	size_t line; /* those from here on were read */
	struct str list;
};

static bool next_hop(struct hops *h, struct str *hop)
{
	while (!last_hop(&h->list, hop)) {
		const struct header *item;

		if (h->line == 0)
			return false;
		item = &h->headers->items[--h->line];
		if (str_eq_c(item->name, "x-forwarded-for"))
			h->list = item->value;
	}
	return true;
}

/* Each proxy appends who it heard it from: walk back over those we trust. */
static struct str client_address(const struct cgi_vars *v, struct str proxies)
{
	struct str address = v->var[CGI_REMOTE_ADDR], hop;
	struct hops hops = { .headers = &v->headers, .line = v->headers.count };

	while (is_trusted(proxies, address) && next_hop(&hops, &hop)) {
		if (!cidr_valid(hop) || str_find(hop, '/') < hop.n)
			break;
		address = hop;
	}
	return is_socket(address) ? STR("") : address;
}

static bool came_by_https(const struct cgi_vars *v, struct str proxies)
{
	if (str_eq_nocase(v->var[CGI_HTTPS], STR("on")) ||
	    str_eq_nocase(v->var[CGI_REQUEST_SCHEME], STR("https")))
		return true;
	return is_trusted(proxies, v->var[CGI_REMOTE_ADDR]) &&
	    str_eq_nocase(str_trim(headers_get(&v->headers, "x-forwarded-proto")), STR("https"));
}

bool cgi_vars_fill(const struct cgi_vars *v, struct str trusted_proxies, struct req *r,
    struct err *err)
{
	r->method = v->var[CGI_REQUEST_METHOD].n ? v->var[CGI_REQUEST_METHOD] : STR("GET");
	r->content_type = v->var[CGI_CONTENT_TYPE];
	r->headers = v->headers;
	if (r->content_type.n)
		headers_add_view(&r->headers, STR("content-type"), r->content_type);
	r->remote_addr = client_address(v, trusted_proxies);
	r->https = came_by_https(v, trusted_proxies);
	r->host = req_header(r, "host");
	if (!r->host.n)
		r->host = v->var[CGI_SERVER_NAME];
	r->chinese = str_starts_nocase(str_trim(req_header(r, "accept-language")), STR("zh"));
	return fill_path(v, r, err);
}

bool cgi_vars_length_is(const struct cgi_vars *v, size_t n)
{
	struct str text = v->var[CGI_CONTENT_LENGTH];
	int64_t length;

	if (!text.n)
		return true;
	return str_to_int(text, 0, INT64_MAX, &length) && (uint64_t)length == n;
}

bool cgi_vars_check_proxies(struct str trusted_proxies, struct err *err)
{
	struct str item;

	while (str_next(&trusted_proxies, ',', &item)) {
		item = str_trim(item);
		if (item.n && !str_eq(item, STR("unix")) && !cidr_valid(item))
			return err_set(err, ERR_CONFIG,
			    "TRUSTED_PROXIES: '%.*s' is not an address or network", STR_ARG(item));
	}
	return true;
}

/* ---- request id ----------------------------------------------------------------------- */

void cgi_vars_request_id(char out[REQ_ID_MAX])
{
	/* Local time is costly and changes once a second. */
	static _Thread_local struct {
		time_t second;
		char text[16];
	} last;
	struct timespec now;
	struct tm local;

	clock_gettime(CLOCK_REALTIME, &now);
	if (now.tv_sec != last.second) {
		localtime_r(&now.tv_sec, &local);
		strftime(last.text, sizeof(last.text), "%Y%m%d%H%M%S", &local);
		last.second = now.tv_sec;
	}
	snprintf(out, REQ_ID_MAX, "%s%ld%08u", last.text, now.tv_nsec, secret_pick(DIGITS_8));
}
