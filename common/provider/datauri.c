/* datauri.c — see datauri.h */
#include "provider/datauri.h"

#include <openssl/evp.h>

bool datauri_is(struct str uri)
{
	return str_starts_nocase(uri, STR("data:"));
}

bool datauri_split(struct str uri, struct str *mime, struct str *encoded)
{
	size_t comma = str_find(uri, ',');
	struct str head, param;
	bool is_base64 = false;

	if (!datauri_is(uri) || comma == uri.n)
		return false;
	head = str_slice(uri, 5, comma);
	*encoded = str_slice(uri, comma + 1, uri.n);
	*mime = (struct str){ 0 };
	for (bool first = true; str_next(&head, ';', &param); first = false) {
		if (first)
			*mime = str_trim(param);
		else if (str_eq_nocase(str_trim(param), STR("base64")))
			is_base64 = true;
	}
	return is_base64;
}

/* The character in the standard alphabet, 0 for a blank, -1 for what has no place here. */
static int standard(char c)
{
	if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    c == '+' || c == '/')
		return c;
	if (c == '-')
		return '+';
	if (c == '_')
		return '/';
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f' ? 0 : -1;
}

bool datauri_add_base64(struct buf *out, struct str encoded)
{
	char *to = buf_reserve(out, encoded.n + 3);
	size_t n = 0, i = 0;
	int c;

	if (!to)
		return true; /* shows in buf_ok */
	for (; i < encoded.n && encoded.p[i] != '='; i++) {
		c = standard(encoded.p[i]);
		if (c < 0)
			return false;
		if (c > 0)
			to[n++] = (char)c;
	}
	for (; i < encoded.n; i++)
		if (encoded.p[i] != '=' && standard(encoded.p[i]) != 0)
			return false;
	if (n == 0 || n % 4 == 1)
		return false;
	while (n % 4)
		to[n++] = '=';
	buf_commit(out, n);
	return true;
}

/* A multiple of three, so that pieces join without padding. */
#define PIECE_BYTES ((size_t)3 * 1024 * 1024)

void datauri_add_bytes(struct buf *out, struct str bytes)
{
	while (bytes.n) {
		struct str piece = str_slice(bytes, 0, PIECE_BYTES);
		char *to = buf_reserve(out, (piece.n + 2) / 3 * 4 + 1);

		if (!to)
			return; /* shows in buf_ok */
		buf_commit(out,
		    (size_t)EVP_EncodeBlock((unsigned char *)to, (const unsigned char *)piece.p,
		        (int)piece.n));
		bytes = str_slice(bytes, piece.n, bytes.n);
	}
}
