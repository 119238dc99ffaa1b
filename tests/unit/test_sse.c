/* test_sse.c — events read from text/event-stream, wherever the stream is cut */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "net/frame.h"

/* Each event becomes "name|data|id;" */
static bool note(void *arg, const struct frame_event *event, struct err *err)
{
	struct buf *out = arg;

	buf_add(out, event->name);
	buf_add_char(out, '|');
	buf_add(out, event->data);
	buf_add_char(out, '|');
	buf_add(out, event->id);
	buf_add_char(out, ';');
	return true;
}

/* Text with its length, for the case that holds a NUL. */
#define TEXT(literal)                                                                              \
	{                                                                                          \
		"" literal, sizeof(literal) - 1                                                    \
	}

/* clang-format off */
static const struct {
	const char *name;
	struct str in;
	const char *want;
} cases[] = {
	{ "nothing", TEXT(""), "" },
	{ "one event", TEXT("data: x\n\n"), "|x|;" },
	{ "no blank after the colon", TEXT("data:x\n\n"), "|x|;" },
	{ "only one blank goes", TEXT("data:  x \n\n"), "| x |;" },
	{ "a tab stays", TEXT("data:\tx\n\n"), "|\tx|;" },
	{ "CRLF", TEXT("data: x\r\n\r\ndata: y\r\n\r\n"), "|x|;|y|;" },
	{ "CR", TEXT("data: x\r\rdata: y\r\r"), "|x|;|y|;" },
	{ "line ends mixed", TEXT("data: a\rdata: b\ndata: c\r\n\rdata: d\n\r\n"), "|a\nb\nc|;|d|;" },
	{ "LF CR is two line ends", TEXT("data: a\n\rdata: b\n\n"), "|a|;|b|;" },
	{ "several data lines", TEXT("data: a\ndata: b\ndata:\ndata: c\n\n"), "|a\nb\n\nc|;" },
	{ "empty data", TEXT("data:\n\n"), "||;" },
	{ "data without a colon", TEXT("data\n\n"), "||;" },
	{ "data twice without a colon", TEXT("data\ndata\n\n"), "|\n|;" },
	{ "event name", TEXT("event: ping\ndata: {}\n\n"), "ping|{}|;" },
	{ "event name behind the data", TEXT("data: {}\nevent: ping\n\n"), "ping|{}|;" },
	{ "the last name counts", TEXT("event: a\nevent: b\ndata: 1\n\n"), "b|1|;" },
	{ "an empty name counts too", TEXT("event: a\nevent\ndata: 1\n\n"), "|1|;" },
	{ "a name is for one event", TEXT("event: a\ndata: 1\n\ndata: 2\n\n"), "a|1|;|2|;" },
	{ "a name without data", TEXT("event: a\n\ndata: 2\n\n"), "|2|;" },
	{ "an id stays", TEXT("id: 7\ndata: 1\n\ndata: 2\n\nid\ndata: 3\n\n"), "|1|7;|2|7;|3|;" },
	{ "an id with NUL is none", TEXT("id: 7\ndata: 1\n\nid: a\0b\ndata: 2\n\n"), "|1|7;|2|7;" },
	{ "comments", TEXT(": hi\n:\ndata: 1\n: there\ndata: 2\n\n: end\n\n"), "|1\n2|;" },
	{ "retry and unknown fields", TEXT("retry: 5\nfoo: bar\ndatum: 1\nDATA: 2\ndata: 3\n\n"), "|3|;" },
	{ "a blank before the name is part of it", TEXT(" data: 1\n\n"), "" },
	{ "blank lines only", TEXT("\n\n\r\n\r\r"), "" },
	{ "byte order mark", TEXT("\xEF\xBB\xBF" "data: 1\n\n"), "|1|;" },
	{ "byte order mark alone on its line", TEXT("\xEF\xBB\xBF\ndata: 1\n\n"), "|1|;" },
	{ "only one mark, only at the start", TEXT("data: 0\n\n\xEF\xBB\xBF" "data: 1\n\n"), "|0|;" },
	{ "two marks", TEXT("\xEF\xBB\xBF\xEF\xBB\xBF" "data: 1\ndata: 2\n\n"), "|2|;" },
	{ "end without a blank line", TEXT("event: e\ndata: 1\n"), "e|1|;" },
	{ "end within a line", TEXT("data: 1\n\ndata: 2"), "|1|;|2|;" },
	{ "end after CR", TEXT("data: 1\r"), "|1|;" },
	{ "end with a name only", TEXT("event: e"), "" },
	{ "colons in the value", TEXT("data: a: b:c\n\n"), "|a: b:c|;" },
	{ "openai", TEXT("data: {\"a\":1}\n\ndata: [DONE]\n\n"), "|{\"a\":1}|;|[DONE]|;" },
	{ "anthropic", TEXT("event: message_start\ndata: {\"type\":\"message_start\"}\n\n"
	    "event: ping\ndata: {\"type\": \"ping\"}\n\n"),
	    "message_start|{\"type\":\"message_start\"}|;ping|{\"type\": \"ping\"}|;" },
	{ "text beyond ASCII", TEXT("data: h\xC3\xA4\xE2\x82\xAC\n\n"), "|h\xC3\xA4\xE2\x82\xAC|;" },
};
/* clang-format on */

/* Every piece is fed from memory of its own, so that a view kept too long is seen by ASan. */
static void feed_copy(struct frame_reader *in, struct str piece, struct err *err)
{
	char *copy = mem_alloc(piece.n + 1);

	if (piece.n)
		memcpy(copy, piece.p, piece.n);
	assert_true(frame_feed(in, (struct str){ copy, piece.n }, err));
	memset(copy, '#', piece.n);
	mem_free(copy);
}

/* Reads text in pieces that end at a, at b and at the end; step > 0: pieces of that many bytes. */
static void check_cut(const char *name, struct str text, const char *want, size_t a, size_t b,
    size_t step)
{
	struct buf got = buf_init(4096);
	struct frame_reader in;
	struct err err = { 0 };

	sse_init(&in, note, &got);
	if (step) {
		for (size_t i = 0; i < text.n; i += step)
			feed_copy(&in, str_slice(text, i, i + step), &err);
	} else {
		feed_copy(&in, str_slice(text, 0, a), &err);
		feed_copy(&in, str_slice(text, a, b), &err);
		feed_copy(&in, str_slice(text, b, text.n), &err);
	}
	assert_true(frame_end(&in, &err));
	if (!str_eq_c(buf_str(&got), want))
		fail_msg("%s, cut at %zu and %zu, step %zu: got '%s', want '%s'", name, a, b, step,
		    buf_str(&got).p, want);
	frame_release(&in);
	buf_release(&got);
}

static void test_whole(void **state)
{
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		check_cut(cases[i].name, cases[i].in, cases[i].want, 0, cases[i].in.n, 0);
}

static void test_every_cut(void **state)
{
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		for (size_t a = 0; a <= cases[i].in.n; a++)
			for (size_t b = a; b <= cases[i].in.n; b++)
				check_cut(cases[i].name, cases[i].in, cases[i].want, a, b, 0);
}

static void test_small_pieces(void **state)
{
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		for (size_t step = 1; step < 4; step++)
			check_cut(cases[i].name, cases[i].in, cases[i].want, 0, 0, step);
}

/* ---- copies --------------------------------------------------------------------------- */

struct place {
	struct str fed;
	size_t inside, events;
};

static bool note_place(void *arg, const struct frame_event *event, struct err *err)
{
	struct place *p = arg;

	p->events++;
	p->inside += event->data.p >= p->fed.p && event->data.p < p->fed.p + p->fed.n;
	return true;
}

static void test_no_copy(void **state)
{
	static const struct {
		const char *name, *in;
		size_t inside, events;
	} places[] = {
		{ "single lines", "data: abc\n\nevent: e\ndata: def\n\n", 2, 2 },
		{ "CRLF", "data: abc\r\n\r\nid: 1\r\ndata: def\r\n\r\n", 2, 2 },
		{ "several lines", "data: abc\ndata: def\n\ndata: x\n\n", 1, 2 },
	};

	for (size_t i = 0; i < COUNT_OF(places); i++) {
		struct place p = { .fed = str_c(places[i].in) };
		struct frame_reader in;
		struct err err = { 0 };

		sse_init(&in, note_place, &p);
		assert_true(frame_feed(&in, p.fed, &err));
		if (p.inside != places[i].inside || p.events != places[i].events)
			fail_msg("%s: got %zu of %zu in place, want %zu of %zu", places[i].name,
			    p.inside, p.events, places[i].inside, places[i].events);
		assert_int_equal(in.events, places[i].events);
		frame_release(&in);
	}
}

/* ---- refusals and ceilings ------------------------------------------------------------- */

static bool refuse_second(void *arg, const struct frame_event *event, struct err *err)
{
	int *n = arg;

	return ++*n < 2 || err_set(err, ERR_UPSTREAM, "enough");
}

static void test_callback_ends_reading(void **state)
{
	struct frame_reader in;
	struct err err = { 0 };
	int n = 0;

	sse_init(&in, refuse_second, &n);
	assert_false(frame_feed(&in, STR("data: 1\n\ndata: 2\n\ndata: 3\n\n"), &err));
	assert_int_equal(n, 2);
	assert_int_equal(err.kind, ERR_UPSTREAM);
	frame_release(&in);
}

static bool count(void *arg, const struct frame_event *event, struct err *err)
{
	*(size_t *)arg += event->data.n;
	return true;
}

/* `lines` data lines of `length` bytes each, field name included, in pieces of `step` bytes. */
static bool read_large(size_t lines, size_t length, size_t step, size_t *total, struct err *err)
{
	size_t n = lines * (length + 1) + 1;
	char *text = mem_alloc(n);
	struct frame_reader in;
	bool ok = true;

	memset(text, 'x', n);
	for (size_t i = 0; i < lines; i++) {
		memcpy(text + i * (length + 1), "data:", 5);
		text[i * (length + 1) + length] = '\n';
	}
	text[n - 1] = '\n';
	*total = 0;
	sse_init(&in, count, total);
	for (size_t i = 0; ok && i < n; i += step)
		ok = frame_feed(&in, str_slice((struct str){ text, n }, i, i + step), err);
	frame_release(&in);
	mem_free(text);
	return ok;
}

static void test_ceiling(void **state)
{
	enum { MAX = FRAME_MAX_BYTES, PIECE = 16384, WHOLE = 64 * 1024 * 1024 };
	static const struct {
		const char *name;
		size_t lines, length;
		bool want;
		size_t total;
	} sizes[] = {
		{ "line at the ceiling", 1, MAX, true, MAX - 5 },
		{ "line beyond it", 1, MAX + 1, false, 0 },
		{ "joined data below it", 2, MAX / 2, true, MAX - 9 },
		{ "joined data at it", 2, MAX / 2 + 4, true, MAX - 1 },
		{ "joined data beyond it", 2, MAX / 2 + 5, false, 0 },
	};

	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		for (int cut = 0; cut < 2; cut++) {
			struct err err = { 0 };
			size_t total;
			bool ok = read_large(sizes[i].lines, sizes[i].length, cut ? PIECE : WHOLE,
			    &total, &err);

			if (ok != sizes[i].want || total != sizes[i].total)
				fail_msg("%s, cut %d: got %d with %zu, want %d with %zu",
				    sizes[i].name, cut, ok, total, sizes[i].want, sizes[i].total);
			assert_int_equal(err.kind, ok ? ERR_NONE : ERR_UPSTREAM_BODY);
		}
	}
}

static void test_long_names(void **state)
{
	static const char *const fields[] = { "event:", "id:" };
	struct buf text = buf_init(10000), got = buf_init(10000);

	for (size_t i = 0; i < COUNT_OF(fields); i++) {
		struct frame_reader in;
		struct err err = { 0 };

		buf_clear(&text);
		buf_add_c(&text, fields[i]);
		for (int k = 0; k < 4097; k++)
			buf_add_char(&text, 'x');
		buf_add_char(&text, '\n');
		sse_init(&in, note, &got);
		assert_false(frame_feed(&in, buf_str(&text), &err));
		assert_int_equal(err.kind, ERR_UPSTREAM_BODY);
		frame_release(&in);
	}
	buf_release(&text);
	buf_release(&got);
}

/* A large event does not leave its memory behind. */
static void test_gives_memory_back(void **state)
{
	size_t total = 0;
	struct frame_reader in;
	struct err err = { 0 };
	char piece[1024];

	memset(piece, 'x', sizeof(piece));
	sse_init(&in, count, &total);
	assert_true(frame_feed(&in, STR("data:"), &err));
	for (int i = 0; i < 1024; i++)
		assert_true(frame_feed(&in, (struct str){ piece, sizeof(piece) }, &err));
	assert_true(in.pending.cap > 1024 * 1024);
	assert_true(frame_feed(&in, STR("\n\ndata:y\n\n"), &err));
	assert_int_equal(total, 1024 * 1024 + 1);
	assert_true(in.pending.cap + in.data.cap < 64 * 1024);
	frame_release(&in);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_every_cut),
		cmocka_unit_test(test_small_pieces),
		cmocka_unit_test(test_no_copy),
		cmocka_unit_test(test_callback_ends_reading),
		cmocka_unit_test(test_ceiling),
		cmocka_unit_test(test_long_names),
		cmocka_unit_test(test_gives_memory_back),
	};

	return cmocka_run_group_tests_name("sse", tests, NULL, NULL);
}
