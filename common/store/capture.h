/* capture.h — table captures: bodies of requests and replies, kept for a while on demand
 *
 * Who writes has redacted and cut the bodies (fcgi-relay/capture.h); here they are compressed and
 * kept until capture_sweep finds them old. tokens.capture_until says for which keys.
 *
 * Threads  capture_pack: pure. The rest: the caller's connection, each function one statement.
 */
#ifndef STORE_CAPTURE_H
#define STORE_CAPTURE_H

#include "store/db.h"

struct buf;

/* Longest body that is kept, whatever is configured. */
#define CAPTURE_BODY_MAX ((size_t)1024 * 1024)

/* Rows at the same time, so that no key's owner can fill the disk. */
#define CAPTURE_ROWS_MAX 20000

struct capture {
	struct str request_id;
	int64_t user_id, token_id, created_at;
	struct str request, response;          /* as kept; to capture_put: packed */
	int64_t request_bytes, response_bytes; /* before packing */
	int64_t request_total, response_total; /* of the bodies as they were */
};

/* Appends body compressed; about 15 µs for each KiB: workers only. */
void capture_pack(struct str body, struct buf *out);
/* A second row for the same request is not written, nor one more than CAPTURE_ROWS_MAX. */
MUST_USE bool capture_put(struct db *db, const struct capture *c, struct err *err);
/* user_id 0: of anybody. Bodies are unpacked into the arena. ERR_NOT_FOUND. */
MUST_USE bool capture_find(struct db *db, struct arena *a, int64_t user_id, struct str request_id,
    struct capture *out, struct err *err);
/* Removes at most limit rows made before that time. */
MUST_USE bool capture_sweep(struct db *db, int64_t before, int64_t limit, int64_t *count,
    struct err *err);

#endif
