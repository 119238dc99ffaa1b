/* redact.c — takes keys, secrets and base64 out of a body that is to be kept */
#include <string.h>

#include "capture.h"
#include "redact.h"

/* A run of base64 that long is no word of anybody. */
#define RUN_MIN 256
/* Of UTF-8: a little more than is kept shows whether the last one is whole. */
#define CHARACTER_MAX 4
/* What follows the prefix of a key, at least. */
#define KEY_MIN 12

static const char *const key_prefixes[] = { "sk-", "sk_", "pk-", "AIza", "xai-", "gsk_", "ghp_",
	"github_pat_", "glpat-", "hf_", "xoxb-", "xoxp-", "AKIA", "ASIA", "eyJ", "r8_", "tgp_" };

/* Members whose text is nobody's business, lower case. */
static const char *const secret_names[] = { "authorization", "proxy-authorization", "api_key",
	"api-key", "apikey", "x-api-key", "access_token", "refresh_token", "client_secret",
	"password", "passwd", "secret", "secret_key", "private_key", "cookie", "set-cookie" };

static bool is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* Of base64, plain or for URLs. */
static bool is_run(char c)
{
	return is_alnum(c) || c == '+' || c == '/' || c == '-' || c == '_' || c == '=';
}

static bool is_key(char c)
{
	return is_alnum(c) || c == '-' || c == '_' || c == '.';
}

static size_t span(struct str s, size_t at, bool (*is)(char c))
{
	size_t n = 0;

	while (at + n < s.n && is(s.p[at + n]))
		n++;
	return n;
}

static size_t skip(struct str s, size_t at, const char *set)
{
	while (at < s.n && strchr(set, s.p[at]) && s.p[at])
		at++;
	return at;
}

/* Where the key that begins at `at` ends; at when there is none. */
static size_t key_end(struct str s, size_t at)
{
	struct str rest = str_slice(s, at, s.n);

	for (size_t i = 0; i < COUNT_OF(key_prefixes); i++) {
		struct str prefix = str_c(key_prefixes[i]);

		if (str_starts(rest, prefix) && span(rest, prefix.n, is_key) >= KEY_MIN)
			return at + prefix.n + span(rest, prefix.n, is_key);
	}
	if (str_starts_nocase(rest, STR("bearer ")) && span(rest, 7, is_key) >= KEY_MIN)
		return at + 7 + span(rest, 7, is_key);
	return at;
}

/* The text behind `name":`, also where JSON stands in a JSON string; at when it is none. */
static size_t secret_value(struct str s, size_t at, size_t *end)
{
	for (size_t i = 0; i < COUNT_OF(secret_names); i++) {
		struct str name = str_c(secret_names[i]);
		size_t to = at + name.n;

		if (!str_starts_nocase(str_slice(s, at, s.n), name))
			continue;
		if (to == skip(s, to, "\\\"")) /* the name goes on */
			continue;
		to = skip(s, skip(s, to, "\\\""), " \t\r\n");
		if (to >= s.n || s.p[to] != ':')
			continue;
		to = skip(s, to + 1, " \t\r\n");
		if (to == skip(s, to, "\\\"")) /* not a text */
			continue;
		to = skip(s, to, "\\\"");
		*end = to;
		while (*end < s.n && s.p[*end] != '"' && s.p[*end] != '\\')
			(*end)++;
		return to;
	}
	return at;
}

/* One step at a place where a word begins; how far it went, 0: nothing to hide here. A key may follow
 * what a run goes on with, as in `?key=`. */
static size_t hide(struct str s, size_t at, struct buf *out)
{
	bool quoted = at > 0 && s.p[at - 1] == '"', begins = at == 0 || !is_run(s.p[at - 1]);
	size_t run = begins ? span(s, at, is_run) : 0, end;

	if (run >= RUN_MIN) {
		buf_addf(out, "[%zu bytes of base64]", run);
		return run;
	}
	end = key_end(s, at);
	if (end > at) {
		buf_add(out, STR("***"));
		return end - at;
	}
	if (quoted) {
		size_t value = secret_value(s, at, &end);

		if (value > at) {
			buf_add(out, str_slice(s, at, value));
			buf_add(out, STR("***"));
			return end - at;
		}
	}
	return 0;
}

size_t redact_step(struct str s, size_t at, struct buf *out)
{
	bool begins = at == 0 || !is_alnum(s.p[at - 1]);

	return begins ? hide(s, at, out) : 0;
}

/* Text, perhaps cut within its last character. */
static bool is_text(struct str s)
{
	size_t cut = 0;

	if (s.n && memchr(s.p, '\0', s.n))
		return false;
	while (cut < 4 && cut < s.n && !str_is_utf8(str_slice(s, 0, s.n - cut)))
		cut++;
	return cut < 4 && cut <= s.n && str_is_utf8(str_slice(s, 0, s.n - cut));
}

/* What is left of a text that was cut anywhere. */
static void cut_at_character(struct buf *out, size_t most)
{
	size_t n = out->len < most ? out->len : most;

	while (n > 0 && n < out->len && ((unsigned char)out->data[n] & 0xc0) == 0x80)
		n--;
	buf_truncate(out, n);
}

void capture_redact(struct str body, size_t total, size_t most, struct buf *out)
{
	size_t at = 0;

	if (!is_text(body)) {
		buf_addf(out, "[%zu bytes that are not text]", total);
		return;
	}
	/* A replacement may be longer than what it stands for: hence the room behind `most`. */
	while (at < body.n && out->len < most + CHARACTER_MAX && buf_ok(out)) {
		size_t taken = redact_step(body, at, out);

		if (taken == 0) {
			buf_add_char(out, body.p[at]);
			taken = 1;
		}
		at += taken;
	}
	cut_at_character(out, most);
}
