#include "heads.h"

#include "answer.h"

/* Names and values together; web servers give all headers of a reply a page or two. */
#define KEPT_BYTES 3072

struct kept_header {
	const char *prefix, *as; /* as NULL: under its own name */
};

static const struct kept_header kept_headers[] = {
	{ "retry-after", NULL },
	{ "x-ratelimit-", NULL },
	{ "anthropic-ratelimit-", NULL },
	{ "openai-processing-ms", NULL },
	{ "openai-version", NULL },
	{ "x-request-id", "X-Upstream-Request-Id" },
	{ "request-id", "X-Upstream-Request-Id" },
	{ "x-amzn-requestid", "X-Upstream-Request-Id" },
};

static const struct kept_header raw_headers[] = {
	{ "content-type", "Content-Type" },
	{ "content-length", "Content-Length" },
	{ "content-disposition", "Content-Disposition" },
	{ "content-encoding", "Content-Encoding" },
	{ "content-range", "Content-Range" },
};

/* Of one connection (RFC 9110, 7.6.1), or the web server's own business, or ours; and what a browser
 * would keep for our origin, where people are signed in. */
static const char *const hop_headers[] = { "connection", "keep-alive", "proxy-authenticate",
	"proxy-authorization", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
	"status", "x-oneapi-request-id", "x-accel-redirect", "x-accel-buffering", "x-sendfile",
	"set-cookie", "set-cookie2", "clear-site-data", "strict-transport-security", "alt-svc" };

/* Nothing that echoes the key, and no more than fits. */
static bool is_fit(const struct exchange *x, struct header h, size_t *left)
{
	struct str key = x->call.key;

	if (h.name.n + h.value.n > *left || (key.n && str_has(h.value, key)))
		return false;
	*left -= h.name.n + h.value.n;
	return true;
}

static void keep(struct exchange *x, const struct upstream_head *head,
    const struct kept_header *list, size_t count)
{
	size_t left = KEPT_BYTES;

	for (size_t i = 0; i < head->headers.count; i++) {
		struct header h = head->headers.items[i];

		for (size_t k = 0; k < count; k++) {
			if (str_starts(h.name, str_c(list[k].prefix)) && is_fit(x, h, &left))
				headers_add(&x->headers, list[k].as ? str_c(list[k].as) : h.name,
				    h.value);
		}
	}
}

static bool is_hop(struct str name, struct str connection)
{
	for (size_t i = 0; i < COUNT_OF(hop_headers); i++) {
		if (str_eq_c(name, hop_headers[i]))
			return true;
	}
	return str_list_has(connection, name);
}

static void keep_all(struct exchange *x, const struct upstream_head *head)
{
	struct str connection = headers_get(&head->headers, "connection");

	for (size_t i = 0; i < head->headers.count; i++) {
		struct header h = head->headers.items[i];

		if (!is_hop(h.name, connection))
			headers_add(&x->headers, h.name, h.value);
	}
}

void heads_keep(struct exchange *x, const struct upstream_head *head)
{
	if (x->ask.mode != MODE_PROXY)
		keep(x, head, kept_headers, COUNT_OF(kept_headers));
}

void heads_keep_raw(struct exchange *x, const struct upstream_head *head)
{
	if (x->ask.mode == MODE_PROXY)
		keep_all(x, head);
	else
		keep(x, head, raw_headers, COUNT_OF(raw_headers));
}

void heads_commit(struct exchange *x, int status, struct headers *h)
{
	struct req *r = x->req;

	headers_add_c(h, "X-Accel-Buffering", "no");
	answer_cors(r, h);
	watch_headers(x, -1, h);
	reply_start(r, status, h);
	x->committed = true;
	x->reply_status = status;
	x->first_byte_ms = wire_now_ms(exchange_wire(x)) - r->started_ms;
}
