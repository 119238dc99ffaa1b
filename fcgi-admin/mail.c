#include "mail.h"

#include <openssl/evp.h>
#include <time.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/jtext.h"
#include "base/secret.h"

#define ADDRESS_MAX 254
#define LOCAL_MAX 64
#define LABEL_MAX 63
/* Bytes in one encoded word: 60 letters of base64, and it may have 75 with its frame. */
#define WORD_BYTES 45
/* Bytes in one line of the body: 76 letters of base64. */
#define LINE_BYTES 57

/* ---- addresses ------------------------------------------------------------------------------- */

static bool is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool is_one_of(char c, struct str set)
{
	return str_find(set, c) < set.n;
}

/* RFC 5321: dot-string. */
static bool is_local(struct str s)
{
	char before = '.';

	if (s.n == 0 || s.n > LOCAL_MAX)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c == '.' ? before == '.'
		             : !is_alnum(c) && !is_one_of(c, STR("!#$%&'*+-/=?^_`{|}~")))
			return false;
		before = c;
	}
	return before != '.';
}

static bool is_label(struct str s)
{
	if (s.n == 0 || s.n > LABEL_MAX || s.p[0] == '-' || s.p[s.n - 1] == '-')
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (!is_alnum(s.p[i]) && s.p[i] != '-')
			return false;
	}
	return true;
}

static bool is_domain(struct str s)
{
	struct str label;
	int labels = 0;

	if (s.n == 0 || s.p[s.n - 1] == '.')
		return false;
	while (str_next(&s, '.', &label)) {
		if (!is_label(label))
			return false;
		labels++;
	}
	return labels >= 2;
}

struct str mail_domain(struct str address)
{
	size_t at = str_find(address, '@');

	return at < address.n ? str_slice(address, at + 1, address.n) : (struct str){ 0 };
}

bool mail_address_ok(struct str address)
{
	size_t at = str_find(address, '@');

	return address.n <= ADDRESS_MAX && is_local(str_slice(address, 0, at)) &&
	    is_domain(mail_domain(address));
}

size_t mail_recipients(struct str list, struct str out[MAIL_RECIPIENTS_MAX])
{
	struct str item;
	size_t n = 0;

	while (str_next(&list, ';', &item)) {
		item = str_trim(item);
		if (item.n == 0)
			continue;
		if (n == MAIL_RECIPIENTS_MAX || !mail_address_ok(item))
			return 0;
		out[n++] = item;
	}
	return n;
}

/* ---- the message ----------------------------------------------------------------------------- */

static void add_base64(struct buf *b, struct str s)
{
	char *to = buf_reserve(b, (s.n + 2) / 3 * 4 + 1);

	if (to)
		buf_commit(b,
		    (size_t)EVP_EncodeBlock((uint8_t *)to, (const uint8_t *)s.p, (int)s.n));
}

/* As many whole characters as fit in one word; a byte that is no UTF-8 counts as a character. */
static size_t word_length(struct str s)
{
	size_t n = 0;

	while (n < s.n) {
		size_t one = jtext_utf8(s.p + n, s.p + s.n);

		one = one ? one : 1;
		if (n + one > WORD_BYTES)
			break;
		n += one;
	}
	return n;
}

/* RFC 2047: words in lines of their own, the blank between them is not read. */
static void add_words(struct buf *b, struct str s)
{
	bool first = true;

	while (s.n > 0) {
		size_t n = word_length(s);

		if (!first)
			buf_add(b, STR("\r\n "));
		buf_add(b, STR("=?UTF-8?B?"));
		add_base64(b, str_slice(s, 0, n));
		buf_add(b, STR("?="));
		s = str_slice(s, n, s.n);
		first = false;
	}
}

static void add_date(struct buf *b)
{
	time_t now = (time_t)clock_unix();
	char text[64];
	struct tm tm;

	if (gmtime_r(&now, &tm) &&
	    strftime(text, sizeof(text), "Date: %a, %d %b %Y %H:%M:%S +0000\r\n", &tm))
		buf_add_c(b, text);
}

static void add_head(const struct mail *m, const struct str *to, size_t count, struct buf *b)
{
	char id[33];

	secret_random_hex(id, 32);
	add_date(b);
	buf_add(b, STR("From: "));
	add_words(b, m->from_name);
	buf_addf(b, " <%.*s>\r\nTo: ", STR_ARG(m->from));
	for (size_t i = 0; i < count; i++)
		buf_addf(b, "%s<%.*s>", i ? ",\r\n " : "", STR_ARG(to[i]));
	buf_add(b, STR("\r\nSubject: "));
	add_words(b, m->subject);
	buf_addf(b, "\r\nMessage-ID: <%s@%.*s>\r\n", id, STR_ARG(mail_domain(m->from)));
	buf_add(b,
	    STR("MIME-Version: 1.0\r\nContent-Type: text/html; charset=UTF-8\r\n"
	        "Content-Transfer-Encoding: base64\r\nAuto-Submitted: auto-generated\r\n\r\n"));
}

bool mail_compose(struct arena *a, const struct mail *m, struct buf *out, struct err *err)
{
	struct str to[MAIL_RECIPIENTS_MAX];
	size_t count = mail_recipients(m->to, to);

	if (!mail_address_ok(m->from))
		return err_set(err, ERR_BAD_REQUEST, "the sender's address is none");
	if (count == 0)
		return err_set(err, ERR_BAD_REQUEST, "the receiver's address is none");
	add_head(m, to, count, out);
	for (size_t at = 0; at < m->html.n; at += LINE_BYTES) {
		size_t end = at + LINE_BYTES < m->html.n ? at + LINE_BYTES : m->html.n;

		add_base64(out, str_slice(m->html, at, end));
		buf_add(out, STR("\r\n"));
	}
	return buf_ok(out) || err_set(err, ERR_BAD_REQUEST, "the message is too large");
}

/* ---- HTML ------------------------------------------------------------------------------------ */

#define HTML_MAX ((size_t)1024 * 1024)

static const struct {
	char c;
	struct str entity;
} entities[] = {
	{ '&', STR_INIT("&amp;") },
	{ '<', STR_INIT("&lt;") },
	{ '>', STR_INIT("&gt;") },
	{ '"', STR_INIT("&quot;") },
	{ '\'', STR_INIT("&#39;") },
};

static void release(void *buf)
{
	buf_release(buf);
}

static struct buf *arena_buf(struct arena *a)
{
	struct buf *b = ARENA_NEW(a, struct buf);

	*b = buf_init(HTML_MAX);
	arena_defer(a, release, b);
	return b;
}

static void add_escaped_char(struct buf *b, char c)
{
	for (size_t i = 0; i < COUNT_OF(entities); i++) {
		if (entities[i].c == c) {
			buf_add(b, entities[i].entity);
			return;
		}
	}
	buf_add_char(b, c);
}

struct str mail_escape(struct arena *a, struct str text)
{
	struct buf *b = arena_buf(a);

	for (size_t i = 0; i < text.n; i++)
		add_escaped_char(b, text.p[i]);
	return buf_str(b);
}

struct str mail_page(struct arena *a, struct str system_name, struct str title, struct str html)
{
	struct buf *b = arena_buf(a);
	struct str safe_title = mail_escape(a, title);

	buf_addf(b,
	    "<!DOCTYPE html>\n<html><head><meta charset=\"UTF-8\"><title>%.*s</title></head>\n"
	    "<body style=\"margin:0;padding:24px;background:#f4f4f5;font-family:sans-serif;"
	    "color:#18181b\">\n<div style=\"max-width:560px;margin:0 auto;padding:24px;"
	    "background:#fff;border-radius:8px\">\n<h2 style=\"margin-top:0\">%.*s</h2>\n",
	    STR_ARG(safe_title), STR_ARG(safe_title));
	buf_add(b, html);
	buf_add(b,
	    STR("\n</div>\n<p style=\"text-align:center;font-size:12px;color:#71717a\">"
	        "This message was sent automatically, please do not reply.<br>"
	        "此邮件由系统自动发送，请勿回复。<br>"));
	buf_add(b, mail_escape(a, system_name));
	buf_add(b, STR("</p>\n</body></html>\n"));
	return buf_str(b);
}

/* The entity that s begins with, as its character; how long it is, 0 when it is none. */
static size_t entity_at(struct str s, char *c)
{
	for (size_t i = 0; i < COUNT_OF(entities); i++) {
		if (str_starts(s, entities[i].entity)) {
			*c = entities[i].c;
			return entities[i].entity.n;
		}
	}
	return 0;
}

struct str mail_plain(struct arena *a, struct str html)
{
	struct buf *b = arena_buf(a);

	for (size_t i = 0; i < html.n; i++) {
		char c = html.p[i];
		size_t n;

		if (c == '<') {
			i += str_find(str_slice(html, i, html.n), '>');
			c = ' ';
		} else if (c == '&' && (n = entity_at(str_slice(html, i, html.n), &c)) > 0) {
			i += n - 1;
		}
		if (c == '\n' || c == '\r')
			c = ' ';
		if (c != ' ' || (b->len > 0 && b->data[b->len - 1] != ' '))
			buf_add_char(b, c);
	}
	return str_trim(buf_str(b));
}
