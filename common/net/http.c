/* http.c — requests, replies and URL encoding, without any socket */
#include "net/http.h"

#include <string.h>

#define RESP_MAX_BYTES ((size_t)64 * 1024 * 1024)

/* ---- headers -------------------------------------------------------------------------- */

void headers_init(struct headers *h, struct arena *a)
{
	*h = (struct headers){ .arena = a };
}

void headers_add_view(struct headers *h, struct str name, struct str value)
{
	if (h->count == h->cap) {
		size_t cap = h->cap ? 2 * h->cap : 8;
		struct header *items = arena_alloc(h->arena, cap * sizeof(*items));

		if (h->count)
			memcpy(items, h->items, h->count * sizeof(*items));
		h->items = items;
		h->cap = cap;
	}
	h->items[h->count++] = (struct header){ name, value };
}

/* A copy that cannot end its line. */
static struct str one_line(struct arena *a, struct str s)
{
	char *copy = arena_alloc(a, s.n + 1);
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] != '\r' && s.p[i] != '\n' && s.p[i] != '\0')
			copy[n++] = s.p[i];
	}
	copy[n] = '\0';
	return (struct str){ copy, n };
}

void headers_add(struct headers *h, struct str name, struct str value)
{
	headers_add_view(h, one_line(h->arena, name), one_line(h->arena, value));
}

void headers_add_c(struct headers *h, const char *name, const char *value)
{
	headers_add(h, str_c(name), str_c(value));
}

void headers_drop(struct headers *h, const char *name)
{
	size_t kept = 0;

	for (size_t i = 0; i < h->count; i++) {
		if (!str_eq_nocase(h->items[i].name, str_c(name)))
			h->items[kept++] = h->items[i];
	}
	h->count = kept;
}

struct str headers_get(const struct headers *h, const char *name)
{
	struct str wanted = str_c(name);

	for (size_t i = 0; i < h->count; i++) {
		if (str_eq_nocase(h->items[i].name, wanted))
			return h->items[i].value;
	}
	return STR("");
}

/* ---- requests ------------------------------------------------------------------------- */

struct req *req_new(struct arena *a)
{
	struct req *r = ARENA_NEW(a, struct req);

	r->arena = a;
	r->log.req = r->id;
	headers_init(&r->headers, a);
	return r;
}

void req_free(struct req *r)
{
	if (r)
		arena_free(r->arena);
}

void req_defer(struct req *r)
{
	r->deferred = true;
	if (r->defer_flag)
		*r->defer_flag = true;
	r->defer_flag = NULL;
}

struct str req_header(const struct req *r, const char *name)
{
	return headers_get(&r->headers, name);
}

struct str req_query(const struct req *r, const char *name)
{
	struct str rest = r->query, pair, wanted = str_c(name);

	while (str_next(&rest, '&', &pair)) {
		size_t eq = str_find(pair, '=');
		struct str key = str_slice(pair, 0, eq);

		if (!str_eq(key, wanted) && !str_eq(url_decode(r->arena, key, true), wanted))
			continue;
		if (eq == pair.n)
			return STR("");
		return url_decode(r->arena, str_slice(pair, eq + 1, pair.n), true);
	}
	return STR("");
}

int64_t req_query_int(const struct req *r, const char *name, int64_t fallback)
{
	int64_t n;

	return str_to_int(req_query(r, name), INT64_MIN, INT64_MAX, &n) ? n : fallback;
}

/* ---- URL encoding --------------------------------------------------------------------- */

/* The byte of the escape at s[i], or -1 when there is none. */
static int escape_at(struct str s, size_t i)
{
	int high, low;

	if (s.p[i] != '%' || s.n - i < 3)
		return -1;
	high = str_hex_digit(s.p[i + 1]);
	low = str_hex_digit(s.p[i + 2]);
	return high < 0 || low < 0 ? -1 : high * 16 + low;
}

struct str url_decode(struct arena *a, struct str s, bool plus_is_blank)
{
	char *out;
	size_t n = 0;

	if (str_find(s, '%') == s.n && (!plus_is_blank || str_find(s, '+') == s.n))
		return s;

	out = arena_alloc(a, s.n + 1);
	for (size_t i = 0; i < s.n; i++) {
		int byte = escape_at(s, i);

		if (byte >= 0) {
			out[n++] = (char)byte;
			i += 2;
		} else {
			out[n++] = plus_is_blank && s.p[i] == '+' ? ' ' : s.p[i];
		}
	}
	out[n] = '\0';
	return (struct str){ out, n };
}

static bool is_unreserved(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	    c == '-' || c == '.' || c == '_' || c == '~';
}

void url_encode(struct buf *out, struct str s)
{
	static const char digits[] = "0123456789ABCDEF";

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (is_unreserved(s.p[i])) {
			buf_add_char(out, s.p[i]);
		} else {
			char escape[3] = { '%', digits[c >> 4], digits[c & 15] };

			buf_add(out, (struct str){ escape, 3 });
		}
	}
}

/* ---- replies -------------------------------------------------------------------------- */

void resp_init(struct resp *resp, struct arena *a)
{
	*resp = (struct resp){ .body = buf_init(RESP_MAX_BYTES) };
	headers_init(&resp->headers, a);
}

void resp_release(struct resp *resp)
{
	buf_release(&resp->body);
}

void resp_json(struct resp *resp, int status)
{
	resp->status = status;
	headers_add_c(&resp->headers, "Content-Type", "application/json");
}
