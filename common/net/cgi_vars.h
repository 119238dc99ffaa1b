/* cgi_vars.h — from the variables a web server sends (RFC 3875, section 4.1) to a struct req
 *
 * The same names arrive as FastCGI parameters and as the environment of a plain CGI program. What
 * the five web servers we know make of them is measured: REQUEST_URI is the client's path on all of
 * them, SCRIPT_NAME and PATH_INFO are cut differently by each and are only the fallback.
 *
 *	struct cgi_vars v;
 *	cgi_vars_init(&v, r->arena);
 *	for each "NAME=value"
 *		cgi_vars_take(&v, entry);
 *	if (!cgi_vars_fill(&v, trusted_proxies, r, err)) …     ERR_BAD_REQUEST, r is usable
 *
 * Beyond RFC 3875: GATEWAY_PREFIX, the folder under which the gateway is reached ("/llm"); it is
 * cut off the path. The list of trusted proxies may hold the word `unix`, which stands for a web
 * server whose own client came through a unix socket.
 *
 * Threads  pure apart from the arena.
 */
#ifndef NET_CGI_VARS_H
#define NET_CGI_VARS_H

#include "net/http.h"

struct err;

enum cgi_var {
	CGI_REQUEST_METHOD,
	CGI_REQUEST_URI,
	CGI_QUERY_STRING,
	CGI_SCRIPT_NAME,
	CGI_PATH_INFO,
	CGI_CONTENT_TYPE,
	CGI_CONTENT_LENGTH,
	CGI_REMOTE_ADDR,
	CGI_HTTPS,
	CGI_REQUEST_SCHEME,
	CGI_SERVER_NAME,
	CGI_GATEWAY_PREFIX,
	CGI_VAR_COUNT
};

struct cgi_vars {
	struct arena *arena;
	struct str var[CGI_VAR_COUNT];
	struct headers headers; /* from HTTP_*, names lower case with dashes */
};

void cgi_vars_init(struct cgi_vars *v, struct arena *a);
/* entry is borrowed; what we use of it is copied. Unknown names are skipped. */
void cgi_vars_take(struct cgi_vars *v, const char *entry);
/* Everything in r but the body, its id and times. */
MUST_USE bool cgi_vars_fill(const struct cgi_vars *v, struct str trusted_proxies, struct req *r,
    struct err *err);
/* Is CONTENT_LENGTH absent, or exactly n? */
bool cgi_vars_length_is(const struct cgi_vars *v, size_t n);

/* Are all entries networks, addresses or `unix`? ERR_CONFIG names the one that is not. */
MUST_USE bool cgi_vars_check_proxies(struct str trusted_proxies, struct err *err);

/* A fresh X-Oneapi-Request-Id: local time, nanoseconds, eight random digits. */
void cgi_vars_request_id(char out[REQ_ID_MAX]);

#endif
