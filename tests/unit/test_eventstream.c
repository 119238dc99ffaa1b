/* test_eventstream.c — AWS event streams: frames as their library writes them, cut anywhere, broken
 *
 * The first three frames are published vectors of the format, in hex.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/err.h"
#include "net/frame.h"

#include "event_frames.h"

#define EMPTY "000000100000000005c248eb7d98c8ff"
#define CHUNK                                                                                      \
	"000000870000004b87ea2bf30b3a6576656e742d747970650700056368756e6b0d3a636f6e74656e742d7479" \
	"70650700106170706c69636174696f6e2f6a736f6e0d3a6d6573736167652d747970650700056576656e747b" \
	"226279746573223a2265794a306558426c496a6f696257567a6332466e5a56397a64473977496e303d227dba" \
	"48ab22"
#define EXCEPTION                                                                                  \
	"0000008e00000061514180540f3a657863657074696f6e2d747970650700137468726f74746c696e67457863" \
	"657074696f6e0d3a636f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e0d3a6d6573" \
	"736167652d74797065070009657863657074696f6e7b226d657373616765223a22546f6f206d616e7920746f" \
	"6b656e73227dc81b1ec1"

static struct str from_hex(struct arena *a, const char *hex)
{
	static const char digits[] = "0123456789abcdef";
	size_t n = strlen(hex) / 2;
	char *bytes = arena_alloc(a, n);

	for (size_t i = 0; i < n; i++)
		bytes[i] = (char)((strchr(digits, hex[2 * i]) - digits) << 4 |
		    (strchr(digits, hex[2 * i + 1]) - digits));
	return (struct str){ bytes, n };
}

static bool note(void *arg, const struct frame_event *event, struct err *err)
{
	struct buf *notes = arg;

	buf_addf(notes, "%.*s|%.*s|%.*s\n", STR_ARG(event->id), STR_ARG(event->name),
	    STR_ARG(event->data));
	return true;
}

/* Everything that a stream says, and how it ended; step: bytes at a time. */
static struct str read_all(struct arena *a, struct str bytes, size_t step)
{
	struct buf notes = buf_init(1 << 20);
	struct frame_reader in;
	struct err err = { 0 };
	struct str said;
	bool ok = true;

	eventstream_init(&in, note, &notes);
	for (size_t i = 0; ok && i < bytes.n; i += step)
		ok = frame_feed(&in, str_slice(bytes, i, i + step), &err);
	if (ok)
		ok = frame_end(&in, &err);
	assert_int_equal(ok, err.kind == ERR_NONE);
	if (!ok)
		buf_add_c(&notes, err_kind_name(err.kind));
	frame_release(&in);
	said = arena_str(a, buf_str(&notes));
	buf_release(&notes);
	return said;
}

static void expect(struct arena *a, const char *name, struct str bytes, const char *want)
{
	for (size_t step = 1; step <= bytes.n; step++) {
		struct str got = read_all(a, bytes, step);

		if (!str_eq_c(got, want))
			fail_msg("%s, %zu bytes at a time:\n got  %.*s\n want %s", name, step,
			    STR_ARG(got), want);
	}
}

static void test_vectors(void **state)
{
	struct arena *a = arena_new(4096);

	expect(a, "empty", from_hex(a, EMPTY), "||\n");
	expect(a, "chunk", from_hex(a, CHUNK),
	    "event|chunk|{\"bytes\":\"eyJ0eXBlIjoibWVzc2FnZV9zdG9wIn0=\"}\n");
	expect(a, "exception", from_hex(a, EXCEPTION),
	    "exception|throttlingException|{\"message\":\"Too many tokens\"}\n");
	expect(a, "all three", from_hex(a, EMPTY CHUNK EXCEPTION),
	    "||\nevent|chunk|{\"bytes\":\"eyJ0eXBlIjoibWVzc2FnZV9zdG9wIn0=\"}\n"
	    "exception|throttlingException|{\"message\":\"Too many tokens\"}\n");
	arena_free(a);
}

/* The tests' own writer of frames agrees with the vectors. */
static void test_writer(void **state)
{
	struct arena *a = arena_new(4096);

	assert_true(str_eq(event_frames(a,
	                       STR("exception throttlingException {\"message\":\"Too many "
	                           "tokens\"}")),
	    from_hex(a, EXCEPTION)));
	arena_free(a);
}

static void test_broken(void **state)
{
	static const struct {
		const char *name;
		size_t at; /* of the byte that is changed */
		const char *want;
	} cases[] = {
		{ "length", 3, "upstream_body" },
		{ "length of headers", 7, "upstream_body" },
		{ "checksum of the prelude", 11, "upstream_body" },
		{ "name of a header", 14, "upstream_body" },
		{ "payload", 100, "upstream_body" },
		{ "checksum", 134, "upstream_body" },
	};
	struct arena *a = arena_new(4096);

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct str good = from_hex(a, CHUNK);
		char *bytes = str_dup(a, good);

		bytes[cases[i].at] ^= 1;
		expect(a, cases[i].name, (struct str){ bytes, good.n }, cases[i].want);
	}
	expect(a, "cut off", str_slice(from_hex(a, CHUNK), 0, 134), "upstream_truncated");
	expect(a, "a beginning", str_slice(from_hex(a, CHUNK), 0, 5), "upstream_truncated");
	arena_free(a);
}

/* A frame with these headers, checksums right. */
static struct str framed(struct arena *a, struct str headers, size_t said_headers,
    size_t said_total)
{
	struct buf out = buf_init(4096);
	struct str bytes;

	frame_u32(&out, said_total ? said_total : headers.n + 16);
	frame_u32(&out, said_headers);
	frame_u32(&out, crc32(0, (const Bytef *)out.data, 8));
	buf_add(&out, headers);
	frame_u32(&out, crc32(0, (const Bytef *)out.data, (uInt)out.len));
	bytes = arena_str(a, buf_str(&out));
	buf_release(&out);
	return bytes;
}

static void test_headers(void **state)
{
	static const struct {
		const char *name;
		struct str headers;
		const char *want;
	} cases[] = {
		{ "every type",
		    STR_INIT("\x01"
		             "a\x00\x01"
		             "b\x01\x01"
		             "c\x02.\x01"
		             "d\x03..\x01"
		             "e\x04....\x01"
		             "f\x05........\x01"
		             "g\x06\x00\x01.\x01"
		             "h\x08........\x01"
		             "i\x09................"),
		    "||\n" },
		{ "an error",
		    STR_INIT("\x0d:message-type\x07\x00\x05"
		             "error\x0b:error-code\x07\x00\x01"
		             "E\x0e:error-message\x07\x00\x02no"),
		    "error|E|no\n" },
		{ "unknown type",
		    STR_INIT("\x01"
		             "a\x0a"),
		    "upstream_body" },
		{ "a value cut off",
		    STR_INIT("\x01"
		             "a\x07\x00\x05xx"),
		    "upstream_body" },
		{ "a name cut off",
		    STR_INIT("\x09"
		             "a"),
		    "upstream_body" },
		{ "a length cut off",
		    STR_INIT("\x01"
		             "a\x07\x00"),
		    "upstream_body" },
	};
	struct arena *a = arena_new(4096);

	for (size_t i = 0; i < COUNT_OF(cases); i++)
		expect(a, cases[i].name, framed(a, cases[i].headers, cases[i].headers.n, 0),
		    cases[i].want);
	expect(a, "headers longer than the frame", framed(a, STR("xx"), 3, 0), "upstream_body");
	expect(a, "shorter than a frame", framed(a, STR(""), 0, 15), "upstream_body");
	expect(a, "longer than any frame", framed(a, STR(""), 0, FRAME_MAX_BYTES + 1),
	    "upstream_body");
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_writer),
		cmocka_unit_test(test_broken),
		cmocka_unit_test(test_headers),
	};

	return cmocka_run_group_tests_name("eventstream", tests, NULL, NULL);
}
