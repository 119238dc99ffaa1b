#include "base/base64url.h"

#include "base/arena.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

struct str base64url_encode(struct arena *a, const void *bytes, size_t n)
{
	const uint8_t *p = bytes;
	char *text = arena_alloc(a, (n + 2) / 3 * 4 + 1);
	uint32_t bits = 0;
	size_t len = 0;
	int have = 0;

	for (size_t i = 0; i < n; i++) {
		bits = bits << 8 | p[i];
		for (have += 8; have >= 6; have -= 6)
			text[len++] = alphabet[bits >> (have - 6) & 63];
	}
	if (have > 0)
		text[len++] = alphabet[bits << (6 - have) & 63];
	text[len] = '\0';
	return (struct str){ text, len };
}

static int value_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '-' ? 62 : c == '_' ? 63 : -1;
}

bool base64url_decode(struct arena *a, struct str text, struct str *bytes)
{
	char *p = arena_alloc(a, text.n / 4 * 3 + 3);
	uint32_t bits = 0;
	size_t len = 0;
	int have = 0;

	if (text.n % 4 == 1)
		return false;
	for (size_t i = 0; i < text.n; i++) {
		int v = value_of(text.p[i]);

		if (v < 0)
			return false;
		bits = bits << 6 | (uint32_t)v;
		have += 6;
		if (have >= 8) {
			have -= 8;
			p[len++] = (char)(bits >> have & 255);
		}
	}
	if (bits & ((1U << have) - 1))
		return false;
	p[len] = '\0';
	*bytes = (struct str){ p, len };
	return true;
}
