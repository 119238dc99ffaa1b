/* Bodies with Content-Encoding, and the files that large ones lie in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>
#include <zstd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "net/coding.h"
#include "net/spool.h"

#define MOST ((size_t)8 * 1024 * 1024)

enum { RAW = -15, ZLIB = 15, GZIP = 31 };

static struct str deflated(struct arena *a, struct str text, int window)
{
	z_stream z = { .next_in = (Bytef *)(uintptr_t)text.p, .avail_in = (uInt)text.n };
	char *out;
	size_t room;

	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY), Z_OK);
	room = deflateBound(&z, (uLong)text.n);
	out = arena_alloc(a, room);
	z.next_out = (Bytef *)out;
	z.avail_out = (uInt)room;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	deflateEnd(&z);
	return (struct str){ out, room - z.avail_out };
}

static struct str zstd_packed(struct arena *a, struct str text, int window_log)
{
	ZSTD_CCtx *c = ZSTD_createCCtx();
	size_t room = ZSTD_compressBound(text.n), n;
	char *out = arena_alloc(a, room);

	ZSTD_CCtx_setParameter(c, ZSTD_c_windowLog, window_log);
	ZSTD_CCtx_setParameter(c, ZSTD_c_contentSizeFlag, 0);
	n = ZSTD_compress2(c, out, room, text.p, text.n);
	assert_false(ZSTD_isError(n));
	ZSTD_freeCCtx(c);
	return (struct str){ out, n };
}

static struct str repeated(struct arena *a, const char *text, size_t n)
{
	size_t len = strlen(text);
	char *out = arena_alloc(a, n);

	for (size_t i = 0; i < n; i++)
		out[i] = text[i % len];
	return (struct str){ out, n };
}

/* Text that hardly shrinks, the same in every run. */
static struct str noise(struct arena *a, size_t n)
{
	uint32_t state = 1;
	char *out = arena_alloc(a, n);

	for (size_t i = 0; i < n; i++) {
		state = state * 1664525u + 1013904223u;
		out[i] = (char)(state >> 24);
	}
	return (struct str){ out, n };
}

static struct str joined(struct arena *a, struct str x, struct str y)
{
	char *out = arena_alloc(a, x.n + y.n);

	memcpy(out, x.p, x.n);
	memcpy(out + x.n, y.p, y.n);
	return (struct str){ out, x.n + y.n };
}

static void same(const char *name, struct str got, struct str want)
{
	if (!str_eq(got, want))
		fail_msg("%s: got %zu bytes, want %zu", name, got.n, want.n);
}

static void test_reads(void **state)
{
	struct arena *a = arena_new(4096);
	struct str small = STR("{\"model\":\"m\"}"), large = noise(a, 3 * 1024 * 1024);
	struct str both = joined(a, small, small);
	const struct {
		const char *name, *coding;
		struct str body, want;
	} cases[] = {
		{ "none", "", small, small },
		{ "identity", " Identity ", small, small },
		{ "gzip", "gzip", deflated(a, small, GZIP), small },
		{ "x-gzip, other case", "X-GZip", deflated(a, small, GZIP), small },
		{ "deflate with its wrapper", "deflate", deflated(a, small, ZLIB), small },
		{ "deflate without", "deflate", deflated(a, small, RAW), small },
		{ "zstd", "zstd", zstd_packed(a, small, 17), small },
		{ "gzip, two members", "gzip",
		    joined(a, deflated(a, small, GZIP), deflated(a, small, GZIP)), both },
		{ "zstd, two frames", "zstd",
		    joined(a, zstd_packed(a, small, 17), zstd_packed(a, small, 17)), both },
		{ "gzip of nothing", "gzip", deflated(a, STR(""), GZIP), STR("") },
		{ "gzip that becomes a file", "gzip", deflated(a, large, GZIP), large },
		{ "zstd that becomes a file", "zstd", zstd_packed(a, large, 20), large },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct err err = { 0 };
		struct str got = { 0 };

		if (!coding_decode(a, str_c(cases[i].coding), cases[i].body, MOST, "/tmp", &got,
		        &err))
			fail_msg("%s: refused: %s", cases[i].name, err.msg);
		same(cases[i].name, got, cases[i].want);
		assert_int_equal(got.p[got.n], '\0');
	}
	arena_free(a);
}

static void test_refuses(void **state)
{
	struct arena *a = arena_new(4096);
	struct str text = repeated(a, "abc", 4096), packed = deflated(a, text, GZIP);
	struct str zpacked = zstd_packed(a, text, 17), wide = noise(a, 20 * 1024 * 1024);
	const struct {
		const char *name, *coding;
		struct str body;
		size_t most;
		enum err_kind want;
	} cases[] = {
		{ "br", "br", packed, MOST, ERR_UNSUPPORTED_ENCODING },
		{ "two codings", "gzip, gzip", packed, MOST, ERR_UNSUPPORTED_ENCODING },
		{ "not gzip", "gzip", text, MOST, ERR_BAD_REQUEST },
		{ "empty gzip", "gzip", STR(""), MOST, ERR_BAD_REQUEST },
		{ "torn gzip", "gzip", str_slice(packed, 0, packed.n - 9), MOST, ERR_BAD_REQUEST },
		{ "gzip with a wrong sum", "gzip",
		    joined(a, str_slice(packed, 0, packed.n - 8), STR("12345678")), MOST,
		    ERR_BAD_REQUEST },
		{ "bytes behind gzip", "gzip", joined(a, packed, STR("x")), MOST, ERR_BAD_REQUEST },
		{ "bytes behind deflate", "deflate", joined(a, deflated(a, text, ZLIB), STR("x")),
		    MOST, ERR_BAD_REQUEST },
		{ "torn zstd", "zstd", str_slice(zpacked, 0, zpacked.n - 3), MOST,
		    ERR_BAD_REQUEST },
		{ "empty zstd", "zstd", STR(""), MOST, ERR_BAD_REQUEST },
		{ "over the limit", "gzip", packed, 4095, ERR_TOO_LARGE },
		{ "a bomb, below the limit", "gzip", deflated(a, repeated(a, "a", MOST - 1), GZIP),
		    MOST, ERR_TOO_LARGE },
		{ "a zstd bomb", "zstd", zstd_packed(a, repeated(a, "a", MOST - 1), 20), MOST,
		    ERR_TOO_LARGE },
		{ "a window that is too wide", "zstd", zstd_packed(a, wide, 25), 4 * MOST,
		    ERR_BAD_REQUEST },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct err err = { 0 };
		struct str got = { 0 };

		if (coding_decode(a, str_c(cases[i].coding), cases[i].body, cases[i].most, "/tmp",
		        &got, &err))
			fail_msg("%s: got %zu bytes, want a refusal", cases[i].name, got.n);
		if (err.kind != cases[i].want)
			fail_msg("%s: got %s, want %s", cases[i].name, err_kind_name(err.kind),
			    err_kind_name(cases[i].want));
	}
	arena_free(a);
}

/* Whatever is cut off, the answer is a refusal and never a crash. */
static void test_cut_anywhere(void **state)
{
	struct arena *a = arena_new(4096);
	struct str text = STR("{\"model\":\"m\",\"messages\":[{\"role\":\"user\"}]}");
	const struct {
		const char *coding;
		struct str body;
	} all[] = {
		{ "gzip", deflated(a, text, GZIP) },
		{ "deflate", deflated(a, text, ZLIB) },
		{ "zstd", zstd_packed(a, text, 17) },
	};

	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		for (size_t n = 0; n < all[i].body.n; n++) {
			struct err err = { 0 };
			struct str got;

			if (coding_decode(a, str_c(all[i].coding), str_slice(all[i].body, 0, n),
			        MOST, "/tmp", &got, &err))
				fail_msg("%s cut at %zu: accepted", all[i].coding, n);
		}
	}
	arena_free(a);
}

static void test_spool(void **state)
{
	struct arena *a = arena_new(512);
	struct str text = noise(a, 8192); /* whole pages: the NUL needs one more */
	struct err err = { 0 };
	struct spool *s = spool_new("/tmp", &err);
	struct str got;

	assert_non_null(s);
	assert_true(spool_add(s, str_slice(text, 0, 5000), &err));
	assert_true(spool_add(s, str_slice(text, 5000, text.n), &err));
	assert_int_equal(spool_size(s), 8192);
	assert_true(spool_map(s, a, &got, &err));
	same("two pieces", got, text);
	assert_int_equal(got.p[got.n], '\0');

	s = spool_new("/tmp", &err);
	assert_true(spool_map(s, a, &got, &err));
	assert_int_equal(got.n, 0);
	assert_null(spool_new("/does/not/exist", &err));
	assert_int_equal(err.kind, ERR_BUSY);
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reads),
		cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_cut_anywhere),
		cmocka_unit_test(test_spool),
	};

	return cmocka_run_group_tests_name("coding", tests, NULL, NULL);
}
