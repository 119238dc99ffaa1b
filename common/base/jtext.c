#include "base/jtext.h"

static bool is_continuation(unsigned char c)
{
	return (c & 0xc0) == 0x80;
}

size_t jtext_utf8(const char *text, const char *end)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t n = (size_t)(end - text);
	unsigned point;

	if (n == 0)
		return 0;
	if (p[0] < 0x80)
		return 1;
	if (p[0] < 0xe0)
		return p[0] >= 0xc2 && n >= 2 && is_continuation(p[1]) ? 2 : 0;
	if (n < 3 || !is_continuation(p[1]) || !is_continuation(p[2]))
		return 0;
	if (p[0] < 0xf0) {
		point = (p[0] & 0x0fU) << 12 | (p[1] & 0x3fU) << 6 | (p[2] & 0x3fU);
		return point >= 0x800 && (point < 0xd800 || point > 0xdfff) ? 3 : 0;
	}
	if (p[0] > 0xf4 || n < 4 || !is_continuation(p[3]))
		return 0;
	/* The first eighteen bits decide: from U+10000 to U+10FFFF. */
	point = (p[0] & 0x07U) << 6 | (p[1] & 0x3fU);
	return point >= 0x10 && point <= 0x10f ? 4 : 0;
}

static size_t put_utf8(unsigned point, char *out)
{
	if (point < 0x80) {
		out[0] = (char)point;
		return 1;
	}
	if (point < 0x800) {
		out[0] = (char)(0xc0 | point >> 6);
		out[1] = (char)(0x80 | (point & 0x3f));
		return 2;
	}
	if (point < 0x10000) {
		out[0] = (char)(0xe0 | point >> 12);
		out[1] = (char)(0x80 | (point >> 6 & 0x3f));
		out[2] = (char)(0x80 | (point & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | point >> 18);
	out[1] = (char)(0x80 | (point >> 12 & 0x3f));
	out[2] = (char)(0x80 | (point >> 6 & 0x3f));
	out[3] = (char)(0x80 | (point & 0x3f));
	return 4;
}

bool jtext_hex(const char *p, const char *end, unsigned *unit)
{
	unsigned value = 0;

	if (end - p < 4)
		return false;
	for (int i = 0; i < 4; i++) {
		unsigned c = (unsigned char)p[i], letter = c | 0x20;

		if (c >= '0' && c <= '9')
			value = value << 4 | (c - '0');
		else if (letter >= 'a' && letter <= 'f')
			value = value << 4 | (letter - 'a' + 10);
		else
			return false;
	}
	*unit = value;
	return true;
}

/* The code point of \uXXXX, p at the first digit; two escapes when they are a surrogate pair. */
static const char *unescape_unit(const char *p, const char *end, unsigned *point)
{
	const unsigned replacement = 0xfffd;
	unsigned low;

	p += 4;
	if (*point == 0 || (*point >= 0xdc00 && *point <= 0xdfff)) {
		*point = replacement;
	} else if (*point >= 0xd800 && *point <= 0xdbff) {
		if (end - p >= 6 && p[0] == '\\' && p[1] == 'u' && jtext_hex(p + 2, end, &low) &&
		    low >= 0xdc00 && low <= 0xdfff) {
			*point = 0x10000 + ((*point - 0xd800) << 10) + (low - 0xdc00);
			return p + 6;
		}
		*point = replacement;
	}
	return p;
}

const char *jtext_unescape(const char *p, const char *end, char *out, size_t *n)
{
	unsigned point;

	*n = 0;
	if (p == end)
		return p;
	*n = 1;
	switch (*p) {
	case 'b':
		out[0] = '\b';
		break;
	case 'f':
		out[0] = '\f';
		break;
	case 'n':
		out[0] = '\n';
		break;
	case 'r':
		out[0] = '\r';
		break;
	case 't':
		out[0] = '\t';
		break;
	case 'u':
		if (jtext_hex(p + 1, end, &point)) {
			p = unescape_unit(p + 1, end, &point);
			*n = put_utf8(point, out);
			return p;
		}
		/* fall through */
	default:
		out[0] = *p;
	}
	return p + 1;
}
