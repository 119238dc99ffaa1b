/* record.h — the records of FastCGI 1.0 (section 3.3), read and written as bytes
 *
 *	+---------+------+----+--------+---------+----------+
 *	| version | type | id | length | padding | reserved |    8 bytes, then content and padding
 *	+---------+------+----+--------+---------+----------+
 *
 * Threads  pure.
 */
#ifndef NET_RECORD_H
#define NET_RECORD_H

#include "base/attr.h"
#include "base/buf.h"

#define RECORD_HEADER 8
#define RECORD_MAX_CONTENT 65535
/* The longest content that needs no padding. */
#define RECORD_FULL 65528

enum record_type {
	RECORD_BEGIN = 1,
	RECORD_ABORT,
	RECORD_END,
	RECORD_PARAMS,
	RECORD_STDIN,
	RECORD_STDOUT,
	RECORD_STDERR,
	RECORD_DATA,
	RECORD_GET_VALUES,
	RECORD_GET_VALUES_RESULT,
	RECORD_UNKNOWN_TYPE,
};

enum record_role { RECORD_RESPONDER = 1, RECORD_AUTHORIZER, RECORD_FILTER };
enum record_status { RECORD_COMPLETE, RECORD_CANT_MPX, RECORD_OVERLOADED, RECORD_UNKNOWN_ROLE };

#define RECORD_KEEP_CONN 1 /* a flag of BEGIN */

struct record {
	uint8_t type;
	uint8_t padding;
	uint16_t id; /* 0: about the connection, not about a request */
	uint16_t content;
};

/* From RECORD_HEADER bytes; false when the version is not 1. */
MUST_USE bool record_read(const char *p, struct record *out);
/* Header, content and padding together. */
size_t record_size(const struct record *rec);
/* What padding brings content to a multiple of 8. */
size_t record_padding(size_t content);

/* The header of a record with that padding. */
void record_write(char out[RECORD_HEADER], enum record_type type, uint16_t id, size_t content);
/* A whole record; content at most RECORD_MAX_CONTENT. */
void record_add(struct buf *out, enum record_type type, uint16_t id, struct str content);
void record_add_end(struct buf *out, uint16_t id, uint32_t app_status, enum record_status status);
/* End of stdout and END_REQUEST. */
void record_add_finish(struct buf *out, uint16_t id);
/* A name-value pair as in PARAMS and GET_VALUES (section 3.4). */
void record_add_pair(struct buf *out, struct str name, struct str value);
/* Cuts the next pair off *rest; false at the end and when it is malformed. */
MUST_USE bool record_next_pair(struct str *rest, struct str *name, struct str *value);

#endif
