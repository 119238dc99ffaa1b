/* image_size.c — see image_size.h */
#include "billing/image_size.h"

#include "base/jtext.h"

enum { NO_BYTE = -1, HEAD = 30 };

/* Gives the bytes of a file one by one. */
struct source {
	const char *p, *end;
	bool is_base64;
	size_t given;
	unsigned bits; /* of base64 characters, `bit_count` of them not given yet */
	int bit_count;
};

/* ---- bytes -----------------------------------------------------------------------------------*/

/* -1: none of the alphabet. */
static int base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+' || c == '-')
		return 62;
	return c == '/' || c == '_' ? 63 : -1;
}

/* The next character, an escape of JSON undone; -1 at the end. */
static int next_char(struct source *s)
{
	char point[4];
	size_t n;

	if (s->p == s->end)
		return NO_BYTE;
	if (*s->p != '\\')
		return (unsigned char)*s->p++;
	s->p = jtext_unescape(s->p + 1, s->end, point, &n);
	return n == 1 ? (unsigned char)point[0] : NO_BYTE;
}

static int next_base64(struct source *s)
{
	while (s->bit_count < 8) {
		int c = next_char(s), value;

		if (c == NO_BYTE)
			return NO_BYTE;
		if (c == ' ' || c == '\n' || c == '\r' || c == '\t')
			continue;
		value = base64_value((char)c);
		if (value < 0)
			return NO_BYTE;
		s->bits = s->bits << 6 | (unsigned)value;
		s->bit_count += 6;
	}
	s->bit_count -= 8;
	return (int)(s->bits >> s->bit_count & 0xff);
}

static int next_byte(struct source *s)
{
	if (s->given++ == IMAGE_HEAD_MAX)
		s->end = s->p;
	if (s->is_base64)
		return next_base64(s);
	return s->p < s->end ? (unsigned char)*s->p++ : NO_BYTE;
}

static bool skip(struct source *s, size_t n)
{
	while (n > 0 && next_byte(s) != NO_BYTE)
		n--;
	return n == 0;
}

/* Two bytes, the higher first; -1 at the end. */
static int next_pair(struct source *s)
{
	int high = next_byte(s), low = next_byte(s);

	return high == NO_BYTE || low == NO_BYTE ? NO_BYTE : high << 8 | low;
}

static int64_t little(const unsigned char *p, size_t n)
{
	int64_t value = 0;

	while (n-- > 0)
		value = value << 8 | p[n];
	return value;
}

static int64_t big(const unsigned char *p, size_t n)
{
	int64_t value = 0;

	for (size_t i = 0; i < n; i++)
		value = value << 8 | p[i];
	return value;
}

/* ---- formats ---------------------------------------------------------------------------------*/

typedef bool format_fn(const unsigned char head[HEAD], struct source s, struct image_size *out);

static bool read_png(const unsigned char head[HEAD], struct source s, struct image_size *out)
{
	*out = (struct image_size){ big(head + 16, 4), big(head + 20, 4) };
	return memcmp(head + 12, "IHDR", 4) == 0;
}

static bool read_gif(const unsigned char head[HEAD], struct source s, struct image_size *out)
{
	*out = (struct image_size){ little(head + 6, 2), little(head + 8, 2) };
	return true;
}

/* Its first chunk: lossy, lossless or extended. */
static bool read_webp(const unsigned char head[HEAD], struct source s, struct image_size *out)
{
	static const unsigned char key_frame[] = { 0x9d, 0x01, 0x2a };
	int64_t bits = little(head + 21, 4);

	if (memcmp(head + 8, "WEBPVP8 ", 8) == 0) {
		*out = (struct image_size){ little(head + 26, 2) & 0x3fff,
			little(head + 28, 2) & 0x3fff };
		return memcmp(head + 23, key_frame, sizeof(key_frame)) == 0;
	}
	if (memcmp(head + 8, "WEBPVP8L", 8) == 0) {
		*out = (struct image_size){ (bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1 };
		return head[20] == 0x2f;
	}
	*out = (struct image_size){ little(head + 24, 3) + 1, little(head + 27, 3) + 1 };
	return memcmp(head + 8, "WEBPVP8X", 8) == 0;
}

/* A start of frame, SOF0 to SOF15, which begins with the size; DHT, JPG and DAC lie between. */
static bool is_frame(int marker)
{
	return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 &&
	    marker != 0xcc;
}

/* Markers without a length: TEM, RST0 to RST7, SOI. */
static bool stands_alone(int marker)
{
	return marker == 0x01 || (marker >= 0xd0 && marker <= 0xd8);
}

static bool read_jpeg(const unsigned char head[HEAD], struct source s, struct image_size *out)
{
	enum { SCAN = 0xda, END = 0xd9 };

	for (;;) {
		int marker = next_byte(&s), length;

		if (marker != 0xff)
			return false;
		while (marker == 0xff)
			marker = next_byte(&s);
		if (marker == NO_BYTE || marker == SCAN || marker == END)
			return false;
		if (stands_alone(marker))
			continue;
		length = next_pair(&s);
		if (length < 2)
			return false;
		if (is_frame(marker)) {
			if (!skip(&s, 1))
				return false;
			out->height = next_pair(&s);
			out->width = next_pair(&s);
			return true;
		}
		if (!skip(&s, (size_t)length - 2))
			return false;
	}
}

/* clang-format off */
static const struct {
	struct str magic;
	format_fn *read;
} formats[] = {
	{ STR_INIT("\x89PNG\r\n\x1a\n"), read_png },
	{ STR_INIT("\xff\xd8\xff"),      read_jpeg },
	{ STR_INIT("GIF8"),              read_gif },
	{ STR_INIT("RIFF"),              read_webp },
};
/* clang-format on */

static bool read_size(struct source s, struct image_size *out)
{
	unsigned char head[HEAD] = { 0 };
	struct source from_start = s;
	struct image_size size;

	for (size_t i = 0; i < HEAD; i++) {
		int c = next_byte(&s);

		if (c == NO_BYTE)
			break;
		head[i] = (unsigned char)c;
	}
	for (size_t i = 0; i < COUNT_OF(formats); i++)
		if (memcmp(head, formats[i].magic.p, formats[i].magic.n) == 0) {
			if (!formats[i].read(head, from_start, &size) || size.width <= 0 ||
			    size.height <= 0)
				return false;
			*out = size;
			return true;
		}
	return false;
}

/* ---- the module ------------------------------------------------------------------------------*/

bool image_size_of_bytes(struct str head, struct image_size *out)
{
	return read_size((struct source){ .p = head.p, .end = head.p + head.n }, out);
}

bool image_size_of_base64(struct str encoded, struct image_size *out)
{
	return read_size(
	    (struct source){ .p = encoded.p, .end = encoded.p + encoded.n, .is_base64 = true },
	    out);
}

bool image_size_of_uri(struct str uri, struct image_size *out)
{
	struct str type;

	if (!str_starts_nocase(uri, STR("data:")))
		return false;
	/* A type and its parameters are short; what is not is no image. */
	type = str_slice(uri, 0, 256);
	type.n = str_find(type, ',');
	if (type.n == uri.n || uri.p[type.n] != ',' || type.n < 7 ||
	    !str_eq_nocase(str_slice(type, type.n - 7, type.n), STR(";base64")))
		return false;
	return image_size_of_base64(str_slice(uri, type.n + 1, uri.n), out);
}
