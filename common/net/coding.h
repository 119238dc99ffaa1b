/* coding.h — request bodies with Content-Encoding: gzip, deflate, zstd
 *
 * RFC 9110, section 8.4.1; RFC 1950 to 1952; RFC 8878. One coding only, and `identity`. What is
 * called deflate comes with the zlib wrapper or, from some clients, without: both are read.
 *
 * A small body may claim to become a huge one, so the result is bounded twice: by the most that any
 * body may have, and beyond a first MiB by a hundred times what was sent. Large results go to a
 * spool.h file, as an uncompressed upload would.
 *
 * Errors   ERR_UNSUPPORTED_ENCODING for any other coding, ERR_TOO_LARGE, ERR_BAD_REQUEST for a body
 *          that is torn or has bytes behind its end, ERR_BUSY from the spool.
 * Threads  pure but for the spool; milliseconds per MiB, so not on a wire.
 */
#ifndef NET_CODING_H
#define NET_CODING_H

#include "base/attr.h"
#include "base/str.h"

struct arena;
struct err;

#define CODING_FREE_BYTES ((size_t)1024 * 1024) /* up to here no ratio is asked for */
#define CODING_RATIO_MAX 100
/* zstd may want a window of up to 2 GiB; RFC 9659 allows 8 MiB over HTTP. */
#define CODING_ZSTD_WINDOW_LOG 23

/* Is there anything to decode? */
bool coding_is_plain(struct str coding);
/* *out is a view into the arena, or body itself when the coding is plain. */
MUST_USE bool coding_decode(struct arena *a, struct str coding, struct str body, size_t max_bytes,
    const char *spool_dir, struct str *out, struct err *err);

#endif
