#include "trace.h"

#include <stdio.h>
#include <string.h>

#include "base/secret.h"
#include "net/http.h"

/* Of a tracestate member (W3C Trace Context, 3.3.1). */
#define KEY_MAX 256
#define TENANT_MAX 241
#define SYSTEM_MAX 14
#define VALUE_MAX 256
/* Where version, trace id, parent id and flags stand. */
enum { AT_ID = 3, AT_PARENT = 36, AT_FLAGS = 53 };

/* ---- traceparent ------------------------------------------------------------------------------- */

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool is_hex(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (hex(s.p[i]) < 0)
			return false;
	return true;
}

static bool is_zero(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] != '0')
			return false;
	return true;
}

static bool is_id(struct str s)
{
	return is_hex(s) && !is_zero(s);
}

/* Version 00 ends here; a later one may go on behind a dash. */
static bool is_shaped(struct str v)
{
	struct str version = str_slice(v, 0, 2);

	if (v.n < TRACE_PARENT_LEN || !is_hex(version) || str_eq_c(version, "ff"))
		return false;
	if (v.p[2] != '-' || v.p[AT_PARENT - 1] != '-' || v.p[AT_FLAGS - 1] != '-')
		return false;
	if (v.n == TRACE_PARENT_LEN)
		return true;
	return !str_eq_c(version, "00") && v.p[TRACE_PARENT_LEN] == '-';
}

bool trace_parse(struct str v, struct trace *t)
{
	struct str id, parent, flags;

	if (!is_shaped(v))
		return false;
	id = str_slice(v, AT_ID, AT_PARENT - 1);
	parent = str_slice(v, AT_PARENT, AT_FLAGS - 1);
	flags = str_slice(v, AT_FLAGS, TRACE_PARENT_LEN);
	if (!is_id(id) || !is_id(parent) || !is_hex(flags))
		return false;
	memcpy(t->id, id.p, id.n);
	memcpy(t->parent, parent.p, parent.n);
	t->id[id.n] = t->parent[parent.n] = '\0';
	t->sampled = hex(flags.p[1]) & 1;
	return true;
}

/* ---- tracestate -------------------------------------------------------------------------------- */

static bool is_low(char c)
{
	return c >= 'a' && c <= 'z';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_key_part(struct str s, size_t most, bool may_begin_with_digit)
{
	if (s.n == 0 || s.n > most ||
	    !(is_low(s.p[0]) || (may_begin_with_digit && is_digit(s.p[0]))))
		return false;
	for (size_t i = 1; i < s.n; i++)
		if (!is_low(s.p[i]) && !is_digit(s.p[i]) && !memchr("_-*/", s.p[i], 4))
			return false;
	return true;
}

static bool is_key(struct str key)
{
	size_t at = str_find(key, '@');

	if (at == key.n)
		return is_key_part(key, KEY_MAX, false);
	return is_key_part(str_slice(key, 0, at), TENANT_MAX, true) &&
	    is_key_part(str_slice(key, at + 1, key.n), SYSTEM_MAX, false);
}

static bool is_value(struct str value)
{
	if (value.n == 0 || value.n > VALUE_MAX || value.p[value.n - 1] == ' ')
		return false;
	for (size_t i = 0; i < value.n; i++) {
		char c = value.p[i];

		if (c < ' ' || c > '~' || c == ',' || c == '=')
			return false;
	}
	return true;
}

static bool is_member(struct str member)
{
	size_t at = str_find(member, '=');

	return at < member.n && is_key(str_slice(member, 0, at)) &&
	    is_value(str_slice(member, at + 1, member.n));
}

static bool is_twice(struct str before, struct str member)
{
	struct str key = str_slice(member, 0, str_find(member, '=')), item;

	while (str_next(&before, ',', &item)) {
		item = str_trim(item);
		if (str_eq(str_slice(item, 0, str_find(item, '=')), key))
			return true;
	}
	return false;
}

bool trace_state_ok(struct str state)
{
	struct str rest = state, item;
	size_t members = 0;

	if (state.n > TRACE_STATE_MAX)
		return false;
	for (;;) {
		size_t before = rest.p ? (size_t)(rest.p - state.p) : state.n;

		if (!str_next(&rest, ',', &item))
			return members > 0;
		item = str_trim(item);
		if (item.n == 0)
			continue; /* allowed between commas */
		if (++members > TRACE_STATE_MEMBERS || !is_member(item) ||
		    is_twice(str_slice(state, 0, before), item))
			return false;
	}
}

/* ---- a request's ------------------------------------------------------------------------------- */

/* The right-most seven bytes are the random ones, whoever made the id. */
bool trace_draw(const char id[33], double share)
{
	uint64_t n = 0;

	for (size_t i = 18; i < 32; i++)
		n = n << 4 | (uint64_t)hex(id[i]);
	/* What a double holds exactly. */
	return (double)(n >> 3) < share * 9007199254740992.0; /* 2^53 */
}

static void random_id(char *out, size_t digits)
{
	static const char hex_digits[] = "0123456789abcdef";
	unsigned char bytes[16];

	secret_random(bytes, digits / 2);
	bytes[0] |= 1; /* never all zero */
	for (size_t i = 0; i < digits; i++)
		out[i] = hex_digits[bytes[i / 2] >> (i % 2 ? 0 : 4) & 15];
	out[digits] = '\0';
}

void trace_span(char span[17])
{
	random_id(span, 16);
}

void trace_begin(struct trace *t, const struct headers *headers, bool records, double share)
{
	struct str state;

	*t = (struct trace){ 0 };
	if (trace_parse(headers_get(headers, "traceparent"), t)) {
		state = headers_get(headers, "tracestate");
		if (trace_state_ok(state))
			t->state = state;
	} else if (records) {
		random_id(t->id, 32);
		t->sampled = trace_draw(t->id, share);
	}
	if (records)
		trace_span(t->span);
}

void trace_pass_on(const struct trace *t, const char *span, struct headers *to)
{
	char text[TRACE_PARENT_LEN + 1];

	if (!*t->id)
		return;
	snprintf(text, sizeof text, "00-%s-%s-%s", t->id, *span ? span : t->parent,
	    t->sampled ? "01" : "00");
	headers_drop(to, "traceparent");
	headers_drop(to, "tracestate");
	headers_add_c(to, "traceparent", text);
	if (t->state.n)
		headers_add(to, STR("tracestate"), t->state);
}
