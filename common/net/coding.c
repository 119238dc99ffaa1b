#include "net/coding.h"

#include <zlib.h>
#include <zstd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "net/spool.h"

#define PIECE_BYTES ((size_t)64 * 1024)

/* Where the decoded bytes go: memory at first, a file when they become many. */
struct expansion {
	struct buf memory;
	struct spool *spool; /* NULL: still in memory */
	const char *spool_dir;
	size_t size, max_bytes, sent_bytes;
};

static size_t ceiling(const struct expansion *s)
{
	size_t by_ratio = s->sent_bytes > SIZE_MAX / CODING_RATIO_MAX
	    ? SIZE_MAX
	    : s->sent_bytes * CODING_RATIO_MAX;

	if (by_ratio < CODING_FREE_BYTES)
		by_ratio = CODING_FREE_BYTES;
	return by_ratio < s->max_bytes ? by_ratio : s->max_bytes;
}

static bool to_file(struct expansion *s, struct err *err)
{
	s->spool = spool_new(s->spool_dir, err);
	if (!s->spool || !spool_add(s->spool, buf_str(&s->memory), err))
		return false;
	buf_release(&s->memory);
	return true;
}

static bool put(struct expansion *s, struct str piece, struct err *err)
{
	s->size += piece.n;
	if (s->size > ceiling(s))
		return err_set(err, ERR_TOO_LARGE,
		    "request body is larger than %zu bytes after decoding", ceiling(s));
	if (!s->spool && s->size > CODING_FREE_BYTES && !to_file(s, err))
		return false;
	if (s->spool)
		return spool_add(s->spool, piece, err);
	buf_add(&s->memory, piece);
	return true;
}

static bool torn(struct err *err)
{
	return err_set(err, ERR_BAD_REQUEST,
	    "the request body does not match its Content-Encoding");
}

/* ---- zlib: gzip and deflate ----------------------------------------------------------------- */

enum { WINDOW_ZLIB = 15, WINDOW_RAW = -15, WINDOW_GZIP = 15 + 16 };

/* A zlib wrapper begins with method 8 and a check of its two bytes (RFC 1950, 2.2). */
static int deflate_window(struct str body)
{
	unsigned cmf = body.n > 1 ? (unsigned char)body.p[0] : 0;
	unsigned flg = body.n > 1 ? (unsigned char)body.p[1] : 0;

	return (cmf & 15) == 8 && (cmf * 256 + flg) % 31 == 0 ? WINDOW_ZLIB : WINDOW_RAW;
}

/* True when one stream, or one member of several, came to its end. */
static bool inflate_member(z_stream *z, struct expansion *s, struct err *err)
{
	char piece[PIECE_BYTES];
	int result;

	do {
		z->next_out = (Bytef *)piece;
		z->avail_out = sizeof piece;
		result = inflate(z, Z_NO_FLUSH);
		if (result != Z_OK && result != Z_STREAM_END)
			return torn(err);
		if (!put(s, (struct str){ piece, sizeof piece - z->avail_out }, err))
			return false;
	} while (result != Z_STREAM_END);
	return true;
}

static bool inflate_all(struct str body, int window, struct expansion *s, struct err *err)
{
	z_stream z = { .next_in = (Bytef *)(uintptr_t)body.p, .avail_in = (uInt)body.n };
	bool ok;

	if (body.n > UINT32_MAX || inflateInit2(&z, window) != Z_OK)
		return err_set(err, ERR_BUSY, "out of memory for requests");
	/* gzip may be several members, one behind the other (RFC 1952, 2.2). */
	do {
		ok = inflate_member(&z, s, err);
	} while (ok && z.avail_in && window == WINDOW_GZIP && inflateReset(&z) == Z_OK);
	if (ok && z.avail_in)
		ok = torn(err);
	inflateEnd(&z);
	return ok;
}

static bool decode_gzip(struct str body, struct expansion *s, struct err *err)
{
	return inflate_all(body, WINDOW_GZIP, s, err);
}

static bool decode_deflate(struct str body, struct expansion *s, struct err *err)
{
	return inflate_all(body, deflate_window(body), s, err);
}

/* ---- zstd ------------------------------------------------------------------------------------ */

static bool zstd_frames(ZSTD_DStream *z, struct str body, struct expansion *s, struct err *err)
{
	ZSTD_inBuffer in = { body.p, body.n, 0 };
	char piece[PIECE_BYTES];
	size_t hint = 1;

	do {
		ZSTD_outBuffer out = { piece, sizeof piece, 0 };

		hint = ZSTD_decompressStream(z, &out, &in);
		if (ZSTD_isError(hint) || (out.pos == 0 && in.pos == in.size && hint != 0))
			return torn(err);
		if (!put(s, (struct str){ piece, out.pos }, err))
			return false;
	} while (in.pos < in.size || hint != 0);
	return true;
}

static bool decode_zstd(struct str body, struct expansion *s, struct err *err)
{
	ZSTD_DStream *z = ZSTD_createDStream();
	bool ok;

	if (!z)
		return err_set(err, ERR_BUSY, "out of memory for requests");
	ZSTD_DCtx_setParameter(z, ZSTD_d_windowLogMax, CODING_ZSTD_WINDOW_LOG);
	ok = zstd_frames(z, body, s, err);
	ZSTD_freeDStream(z);
	return ok;
}

/* ---- the module ------------------------------------------------------------------------------ */

static const struct coding {
	struct str name;
	bool (*decode)(struct str body, struct expansion *s, struct err *err);
} codings[] = {
	{ STR_INIT("gzip"), decode_gzip },
	{ STR_INIT("x-gzip"), decode_gzip },
	{ STR_INIT("deflate"), decode_deflate },
	{ STR_INIT("zstd"), decode_zstd },
};

bool coding_is_plain(struct str coding)
{
	coding = str_trim(coding);
	return coding.n == 0 || str_eq_nocase(coding, STR("identity"));
}

static bool finish(struct expansion *s, struct arena *a, struct str *out, struct err *err)
{
	struct spool *spool = s->spool;

	if (!spool) {
		*out = arena_str(a, buf_str(&s->memory));
		return true;
	}
	s->spool = NULL;
	return spool_map(spool, a, out, err);
}

bool coding_decode(struct arena *a, struct str coding, struct str body, size_t max_bytes,
    const char *spool_dir, struct str *out, struct err *err)
{
	struct expansion s = {
		.memory = buf_init(CODING_FREE_BYTES),
		.spool_dir = spool_dir,
		.max_bytes = max_bytes,
		.sent_bytes = body.n,
	};
	const struct coding *c = NULL;
	bool ok;

	if (coding_is_plain(coding)) {
		*out = body;
		return true;
	}
	for (size_t i = 0; i < COUNT_OF(codings) && !c; i++) {
		if (str_eq_nocase(str_trim(coding), codings[i].name))
			c = &codings[i];
	}
	if (!c)
		return err_set(err, ERR_UNSUPPORTED_ENCODING,
		    "request bodies with Content-Encoding %.*s are not supported; send gzip, "
		    "deflate, zstd or none",
		    STR_ARG(str_slice(str_trim(coding), 0, 64)));
	ok = c->decode(body, &s, err) && finish(&s, a, out, err);
	buf_release(&s.memory);
	spool_free(s.spool);
	return ok;
}
