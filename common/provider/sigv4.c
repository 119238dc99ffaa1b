/* sigv4.c — see sigv4.h */
#include "provider/sigv4.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include "base/arena.h"
#include "base/err.h"
#include "net/upstream.h"

#define HASH_BYTES 32
#define HEX_BYTES (2 * HASH_BYTES + 1)
#define DATE_BYTES 17 /* 20150830T123600Z */
#define SIGNED_MAX 64
#define TEXT_MAX ((size_t)256 * 1024)

/* What goes into the signature. */
struct parts {
	const struct sigv4 *s;
	struct arena *arena;
	struct str host, path, query;
	char date[DATE_BYTES];
	struct header headers[SIGNED_MAX]; /* names lower case, sorted */
	size_t count;
};

static void to_hex(const unsigned char *bytes, char hex[HEX_BYTES])
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < HASH_BYTES; i++) {
		hex[2 * i] = digits[bytes[i] >> 4];
		hex[2 * i + 1] = digits[bytes[i] & 15];
	}
	hex[HEX_BYTES - 1] = '\0';
}

static void hash_hex(struct str text, char hex[HEX_BYTES])
{
	unsigned char hash[HASH_BYTES];

	SHA256((const unsigned char *)(text.p ? text.p : ""), text.n, hash);
	to_hex(hash, hex);
}

static void hmac(const void *key, size_t key_bytes, struct str text, unsigned char out[HASH_BYTES])
{
	unsigned n = HASH_BYTES;

	HMAC(EVP_sha256(), key, (int)key_bytes, (const unsigned char *)text.p, text.n, out, &n);
}

/* ---- the parts of the request ------------------------------------------------------------ */

static void write_date(int64_t now, char date[DATE_BYTES])
{
	time_t t = (time_t)now;
	struct tm tm;

	gmtime_r(&t, &tm);
	(void)strftime(date, DATE_BYTES, "%Y%m%dT%H%M%SZ", &tm);
}

/* As an HTTP client sends it: without the port that the scheme implies. */
static struct str host_of(struct str scheme, struct str authority)
{
	struct str port = str_eq_nocase(scheme, STR("https")) ? STR(":443") : STR(":80");

	return str_ends(authority, port) ? str_slice(authority, 0, authority.n - port.n)
	                                 : authority;
}

static bool split_url(struct parts *p, struct str url)
{
	size_t at = str_find_str(url, STR("://")), end;
	struct str scheme = str_slice(url, 0, at), rest = str_slice(url, at + 3, url.n);

	if (at == url.n)
		return false;
	end = 0;
	while (end < rest.n && rest.p[end] != '/' && rest.p[end] != '?')
		end++;
	p->host = host_of(scheme, str_slice(rest, 0, end));
	rest = str_slice(rest, end, rest.n);
	end = str_find(rest, '?');
	p->path = end ? str_slice(rest, 0, end) : STR("/");
	p->query = end < rest.n ? str_slice(rest, end + 1, rest.n) : STR("");
	return p->host.n > 0;
}

static struct str lower(struct arena *a, struct str s)
{
	char *text = str_dup(a, s);

	for (size_t i = 0; i < s.n; i++)
		if (text[i] >= 'A' && text[i] <= 'Z')
			text[i] = (char)(text[i] - 'A' + 'a');
	return (struct str){ text, s.n };
}

/* Trimmed, and with single blanks inside. */
static struct str tidy(struct arena *a, struct str value)
{
	char *text = arena_alloc(a, value.n + 1);
	size_t n = 0;

	value = str_trim(value);
	for (size_t i = 0; i < value.n; i++)
		if (value.p[i] != ' ' || (n && text[n - 1] != ' '))
			text[n++] = value.p[i];
	return (struct str){ text, n };
}

static bool is_signed(struct str name)
{
	static const struct str not_signed[] = { STR_INIT("user-agent"), STR_INIT("expect"),
		STR_INIT("connection"), STR_INIT("x-amzn-trace-id"), STR_INIT("authorization") };

	for (size_t i = 0; i < COUNT_OF(not_signed); i++)
		if (str_eq(name, not_signed[i]))
			return false;
	return true;
}

static bool add_header(struct parts *p, struct str name, struct str value)
{
	name = lower(p->arena, name);
	if (!is_signed(name))
		return true;
	if (p->count == SIGNED_MAX)
		return false;
	p->headers[p->count++] = (struct header){ name, tidy(p->arena, value) };
	return true;
}

static int by_name(const void *left, const void *right)
{
	return str_cmp(((const struct header *)left)->name, ((const struct header *)right)->name);
}

static bool collect_headers(struct parts *p, const struct headers *from)
{
	if (!add_header(p, STR("host"), p->host))
		return false;
	for (size_t i = 0; i < from->count; i++)
		if (!add_header(p, from->items[i].name, from->items[i].value))
			return false;
	qsort(p->headers, p->count, sizeof(p->headers[0]), by_name);
	return true;
}

/* ---- canonical request ------------------------------------------------------------------- */

/* Everything but unreserved characters and slashes is encoded, a percent sign too. */
static void add_path(struct buf *out, struct str path)
{
	size_t from = 0, to;

	while (from < path.n) {
		to = from + str_find(str_slice(path, from, path.n), '/');
		url_encode(out, str_slice(path, from, to));
		if (to < path.n)
			buf_add_char(out, '/');
		from = to + 1;
	}
}

static int by_text(const void *left, const void *right)
{
	return str_cmp(*(const struct str *)left, *(const struct str *)right);
}

/* Parameters are encoded already; here they are sorted. */
static void add_query(struct buf *out, struct str query)
{
	struct str items[SIGNED_MAX], item;
	size_t count = 0;

	while (count < SIGNED_MAX && str_next(&query, '&', &item))
		if (item.n)
			items[count++] = item;
	qsort(items, count, sizeof(items[0]), by_text);
	for (size_t i = 0; i < count; i++) {
		buf_add(out, i ? STR("&") : STR(""));
		buf_add(out, items[i]);
		if (str_find(items[i], '=') == items[i].n)
			buf_add_char(out, '=');
	}
}

static void add_names(struct buf *out, const struct parts *p)
{
	for (size_t i = 0; i < p->count; i++) {
		buf_add(out, i ? STR(";") : STR(""));
		buf_add(out, p->headers[i].name);
	}
}

static void hash_request(const struct parts *p, const struct upstream_req *req, char hex[HEX_BYTES])
{
	struct buf b = buf_init(TEXT_MAX);
	char body[HEX_BYTES];

	hash_hex(req->has_body ? req->body : STR(""), body);
	buf_addf(&b, "%s\n", req->method);
	add_path(&b, p->path);
	buf_add_char(&b, '\n');
	add_query(&b, p->query);
	buf_add_char(&b, '\n');
	for (size_t i = 0; i < p->count; i++) {
		buf_add(&b, p->headers[i].name);
		buf_add_char(&b, ':');
		buf_add(&b, p->headers[i].value);
		buf_add_char(&b, '\n');
	}
	buf_add_char(&b, '\n');
	add_names(&b, p);
	buf_addf(&b, "\n%s", body);
	hash_hex(buf_str(&b), hex);
	buf_release(&b);
}

/* ---- signature --------------------------------------------------------------------------- */

static const char *scope_of(const struct parts *p)
{
	return arena_fmt(p->arena, "%.8s/%.*s/%.*s/aws4_request", p->date, STR_ARG(p->s->region),
	    STR_ARG(p->s->service));
}

static void sign(const struct parts *p, const char *request, char hex[HEX_BYTES])
{
	const struct str steps[] = { { p->date, 8 }, p->s->region, p->s->service,
		STR("aws4_request") };
	struct str secret = str_c(arena_fmt(p->arena, "AWS4%.*s", STR_ARG(p->s->secret_key)));
	unsigned char key[HASH_BYTES], next[HASH_BYTES];
	const char *text =
	    arena_fmt(p->arena, "AWS4-HMAC-SHA256\n%s\n%s\n%s", p->date, scope_of(p), request);

	hmac(secret.p, secret.n, steps[0], key);
	OPENSSL_cleanse((char *)(uintptr_t)secret.p, secret.n);
	for (size_t i = 1; i < COUNT_OF(steps); i++) {
		hmac(key, sizeof(key), steps[i], next);
		memcpy(key, next, sizeof(key));
	}
	hmac(key, sizeof(key), str_c(text), next);
	to_hex(next, hex);
	OPENSSL_cleanse(key, sizeof(key));
}

static void add_authorization(const struct parts *p, const char *signature, struct headers *to)
{
	struct buf b = buf_init(TEXT_MAX);

	buf_addf(&b,
	    "AWS4-HMAC-SHA256 Credential=%.*s/%s, SignedHeaders=", STR_ARG(p->s->access_key),
	    scope_of(p));
	add_names(&b, p);
	buf_addf(&b, ", Signature=%s", signature);
	headers_add(to, STR("Authorization"), buf_str(&b));
	buf_release(&b);
}

bool sigv4_sign(const struct sigv4 *s, struct upstream_req *out, struct err *err)
{
	struct arena *a = out->headers.arena;
	struct parts *p = ARENA_NEW(a, struct parts);
	char request[HEX_BYTES], signature[HEX_BYTES];

	p->s = s;
	p->arena = a;
	if (!s->access_key.n || !s->secret_key.n || !s->region.n)
		return err_set(err, ERR_CHANNEL_INVALID,
		    "this channel needs an access key, a secret key and a region");
	if (!split_url(p, buf_str(&out->url)))
		return err_set(err, ERR_CHANNEL_INVALID, "the channel's base URL has no host");
	write_date(s->now, p->date);
	headers_add(&out->headers, STR("X-Amz-Date"), str_c(p->date));
	if (s->session_token.n)
		headers_add(&out->headers, STR("X-Amz-Security-Token"), s->session_token);
	if (!collect_headers(p, &out->headers))
		return err_set(err, ERR_CHANNEL_INVALID, "too many headers to sign");
	hash_request(p, out, request);
	sign(p, request, signature);
	add_authorization(p, signature, &out->headers);
	return true;
}
