#include "net/record.h"

#include <assert.h>
#include <string.h>

#define LONG_LENGTH 0x80u /* the bit that makes a length four bytes */

static unsigned byte_at(const char *p, size_t i)
{
	return (unsigned char)p[i];
}

bool record_read(const char *p, struct record *out)
{
	out->type = (uint8_t)byte_at(p, 1);
	out->id = (uint16_t)(byte_at(p, 2) << 8 | byte_at(p, 3));
	out->content = (uint16_t)(byte_at(p, 4) << 8 | byte_at(p, 5));
	out->padding = (uint8_t)byte_at(p, 6);
	return byte_at(p, 0) == 1;
}

size_t record_size(const struct record *rec)
{
	return RECORD_HEADER + (size_t)rec->content + rec->padding;
}

size_t record_padding(size_t content)
{
	return (8 - content % 8) % 8;
}

void record_write(char out[RECORD_HEADER], enum record_type type, uint16_t id, size_t content)
{
	assert(content <= RECORD_MAX_CONTENT);
	out[0] = 1;
	out[1] = (char)type;
	out[2] = (char)(id >> 8);
	out[3] = (char)(id & 0xff);
	out[4] = (char)(content >> 8);
	out[5] = (char)(content & 0xff);
	out[6] = (char)record_padding(content);
	out[7] = 0;
}

void record_add(struct buf *out, enum record_type type, uint16_t id, struct str content)
{
	static const char zeros[8];
	char header[RECORD_HEADER];

	record_write(header, type, id, content.n);
	buf_add(out, (struct str){ header, sizeof(header) });
	buf_add(out, content);
	buf_add(out, (struct str){ zeros, record_padding(content.n) });
}

void record_add_end(struct buf *out, uint16_t id, uint32_t app_status, enum record_status status)
{
	char body[8] = { (char)(app_status >> 24), (char)(app_status >> 16),
		(char)(app_status >> 8), (char)app_status, (char)status };

	record_add(out, RECORD_END, id, (struct str){ body, sizeof(body) });
}

void record_add_finish(struct buf *out, uint16_t id)
{
	record_add(out, RECORD_STDOUT, id, STR(""));
	record_add_end(out, id, 0, RECORD_COMPLETE);
}

static void add_length(struct buf *out, size_t n)
{
	char four[4] = { (char)(n >> 24 | LONG_LENGTH), (char)(n >> 16), (char)(n >> 8), (char)n };

	if (n < LONG_LENGTH)
		buf_add_char(out, (char)n);
	else
		buf_add(out, (struct str){ four, sizeof(four) });
}

void record_add_pair(struct buf *out, struct str name, struct str value)
{
	add_length(out, name.n);
	add_length(out, value.n);
	buf_add(out, name);
	buf_add(out, value);
}

static bool next_length(struct str *rest, size_t *n)
{
	size_t bytes;

	if (rest->n == 0)
		return false;
	bytes = byte_at(rest->p, 0) & LONG_LENGTH ? 4 : 1;
	if (rest->n < bytes)
		return false;
	*n = byte_at(rest->p, 0) & ~LONG_LENGTH;
	for (size_t i = 1; i < bytes; i++)
		*n = *n << 8 | byte_at(rest->p, i);
	*rest = str_slice(*rest, bytes, rest->n);
	return true;
}

bool record_next_pair(struct str *rest, struct str *name, struct str *value)
{
	size_t name_n, value_n;

	if (!next_length(rest, &name_n) || !next_length(rest, &value_n))
		return false;
	if (name_n > rest->n || value_n > rest->n - name_n)
		return false;
	*name = str_slice(*rest, 0, name_n);
	*value = str_slice(*rest, name_n, name_n + value_n);
	*rest = str_slice(*rest, name_n + value_n, rest->n);
	return true;
}
