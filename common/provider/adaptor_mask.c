/* adaptor_mask.c — nothing of the operator's account in what a client reads */
#include "provider/adaptor.h"

#include <string.h>

#include "provider/catalog.h"

/* A part of a composed key that is shorter is a region or the like. */
#define KEY_PART_MIN 16

static bool is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool in_key(char c)
{
	return is_alnum(c) || c == '-' || c == '_' || c == '*';
}

static bool in_run(char c)
{
	return is_alnum(c) || c == '_' || c == '+' || c == '/' || c == '=';
}

/* What RFC 6750 lets a bearer token be made of; the dots of a JWT among them. */
static bool in_token(char c)
{
	return in_key(c) || in_run(c) || c == '.' || c == '~';
}

static bool in_url(char c)
{
	return c > ' ' && c < 0x7f && !strchr("\"'<>()[]{}`,", c);
}

static size_t span(struct str s, size_t from, bool (*inside)(char))
{
	size_t n = from;

	while (n < s.n && inside(s.p[n]))
		n++;
	return n - from;
}

/* Beginnings of secrets: what follows belongs to them. */
static const struct secret_prefix {
	struct str text;
	size_t least; /* characters that must follow */
	bool (*inside)(char);
	size_t keep; /* of the prefix, that stay readable */
} secret_prefixes[] = {
	{ STR_INIT("Bearer "), 6, in_token, 7 },
	{ STR_INIT("https://"), 1, in_url, 8 },
	{ STR_INIT("http://"), 1, in_url, 7 },
	{ STR_INIT("wss://"), 1, in_url, 6 },
	{ STR_INIT("sk-"), 4, in_key, 0 },
	{ STR_INIT("sk_"), 4, in_key, 0 },
	{ STR_INIT("gsk_"), 4, in_key, 0 },
	{ STR_INIT("xai-"), 8, in_key, 0 },
	{ STR_INIT("AIza"), 8, in_key, 0 },
	{ STR_INIT("org-"), 6, in_key, 0 },
	{ STR_INIT("proj_"), 6, in_key, 0 },
};

/* Long and random: 32 characters without a blank or hyphen, among them letters and digits. */
static size_t random_run(struct str s)
{
	size_t n = span(s, 0, in_run), digits = 0;

	for (size_t i = 0; i < n; i++)
		digits += s.p[i] >= '0' && s.p[i] <= '9';
	return n >= 32 && digits > 1 ? n : 0;
}

/* How many bytes of a secret s begins with; *keep of them stay. */
static size_t secret_length(struct str s, size_t *keep)
{
	for (size_t i = 0; i < COUNT_OF(secret_prefixes); i++) {
		const struct secret_prefix *p = &secret_prefixes[i];
		size_t tail;

		if (!str_starts_nocase(s, p->text))
			continue;
		tail = span(s, p->text.n, p->inside);
		*keep = p->keep;
		if (tail >= p->least)
			return p->text.n + tail;
	}
	*keep = 0;
	return random_run(s);
}

struct str adaptor_mask(struct arena *a, struct str message)
{
	struct buf out = buf_init(message.n * 2 + 16);
	struct str masked;
	size_t i = 0;

	while (i < message.n) {
		bool boundary = i == 0 || !is_alnum(message.p[i - 1]);
		size_t keep = 0;
		size_t n = boundary ? secret_length(str_slice(message, i, message.n), &keep) : 0;

		if (n == 0) {
			buf_add_char(&out, message.p[i++]);
			continue;
		}
		buf_add(&out, str_slice(message, i, i + keep));
		buf_add(&out, STR("***"));
		i += n;
	}
	masked = arena_str(a, buf_str(&out));
	buf_release(&out);
	return masked;
}

/* Every needle in text becomes ***, in place. */
static void blot_out(char *text, struct str needle)
{
	char *at = text;

	if (needle.n < 4)
		return;
	for (;;) {
		struct str rest = str_c(at);
		size_t found = str_find_str(rest, needle);

		if (found == rest.n)
			return;
		at += found;
		memcpy(at, "***", 3);
		memmove(at + 3, at + needle.n, rest.n - found - needle.n + 1);
		at += 3;
	}
}

static struct str host_of(struct str url)
{
	size_t scheme = str_find_str(url, STR("://"));

	if (scheme < url.n)
		url = str_slice(url, scheme + 3, url.n);
	return str_slice(url, 0, str_find(url, '/'));
}

static void blot(struct err *err, struct str secret)
{
	blot_out(err->msg, secret);
	blot_out(err->detail, secret);
}

void adaptor_scrub(const struct call *c, struct err *err)
{
	const struct catalog_channel *ch = c->channel;
	const struct str secrets[] = { c->key, ch->ak, ch->sk, ch->session_token,
		host_of(ch->base_url) };
	struct str rest = c->key, part;

	for (size_t i = 0; i < COUNT_OF(secrets); i++)
		blot(err, secrets[i]);
	while (str_next(&rest, '|', &part)) /* AK|SK|REGION */
		if (part.n >= KEY_PART_MIN)
			blot(err, part);
}
