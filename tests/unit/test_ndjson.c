/* test_ndjson.c — lines of JSON, wherever the stream is cut */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "net/frame.h"

static bool note(void *arg, const struct frame_event *event, struct err *err)
{
	struct buf *out = arg;

	assert_int_equal(event->name.n, 0);
	assert_int_equal(event->id.n, 0);
	buf_add(out, event->data);
	buf_add_char(out, ';');
	return true;
}

/* clang-format off */
static const struct {
	const char *name, *in, *want;
} cases[] = {
	{ "nothing", "", "" },
	{ "one line", "{\"a\":1}\n", "{\"a\":1};" },
	{ "two lines", "{\"a\":1}\n{\"b\":2}\n", "{\"a\":1};{\"b\":2};" },
	{ "no LF at the end", "{\"a\":1}\n{\"b\":2}", "{\"a\":1};{\"b\":2};" },
	{ "CRLF", "{\"a\":1}\r\n{\"b\":2}\r\n", "{\"a\":1};{\"b\":2};" },
	{ "blanks around", " \t{\"a\": 1} \n", "{\"a\": 1};" },
	{ "empty lines", "\n\r\n  \n{}\n\n", "{};" },
	{ "CR is no line end", "{\"a\":\r1}\n", "{\"a\":\r1};" },
	{ "byte order mark", "\xEF\xBB\xBF{}\n", "{};" },
	{ "only one mark, only at the start", "{}\n\xEF\xBB\xBF[]\n", "{};\xEF\xBB\xBF[];" },
	{ "not JSON is handed on", "oops\n", "oops;" },
	{ "blanks at the end", "{}\n   ", "{};" },
	{ "ollama", "{\"message\":{\"content\":\"h\xC3\xA4\"},\"done\":false}\n{\"done\":true}\n",
	    "{\"message\":{\"content\":\"h\xC3\xA4\"},\"done\":false};{\"done\":true};" },
};
/* clang-format on */

static void feed_copy(struct frame_reader *in, struct str piece, struct err *err)
{
	char *copy = mem_alloc(piece.n + 1);

	if (piece.n)
		memcpy(copy, piece.p, piece.n);
	assert_true(frame_feed(in, (struct str){ copy, piece.n }, err));
	memset(copy, '#', piece.n);
	mem_free(copy);
}

static void check_cut(size_t i, size_t a, size_t b, size_t step)
{
	struct str text = str_c(cases[i].in);
	struct buf got = buf_init(4096);
	struct frame_reader in;
	struct err err = { 0 };

	ndjson_init(&in, note, &got);
	if (step) {
		for (size_t at = 0; at < text.n; at += step)
			feed_copy(&in, str_slice(text, at, at + step), &err);
	} else {
		feed_copy(&in, str_slice(text, 0, a), &err);
		feed_copy(&in, str_slice(text, a, b), &err);
		feed_copy(&in, str_slice(text, b, text.n), &err);
	}
	assert_true(frame_end(&in, &err));
	if (!str_eq_c(buf_str(&got), cases[i].want))
		fail_msg("%s, cut at %zu and %zu, step %zu: got '%s', want '%s'", cases[i].name, a,
		    b, step, buf_str(&got).p, cases[i].want);
	frame_release(&in);
	buf_release(&got);
}

static void test_every_cut(void **state)
{
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		for (size_t a = 0; a <= strlen(cases[i].in); a++)
			for (size_t b = a; b <= strlen(cases[i].in); b++)
				check_cut(i, a, b, 0);
}

static void test_small_pieces(void **state)
{
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		for (size_t step = 1; step < 4; step++)
			check_cut(i, 0, 0, step);
}

static bool note_pointer(void *arg, const struct frame_event *event, struct err *err)
{
	*(const char **)arg = event->data.p;
	return true;
}

static void test_no_copy(void **state)
{
	static const char text[] = "{}\n{\"x\":1}\n";
	const char *got = NULL;
	struct frame_reader in;
	struct err err = { 0 };

	ndjson_init(&in, note_pointer, &got);
	assert_true(frame_feed(&in, str_c(text), &err));
	assert_ptr_equal(got, text + 3);
	assert_int_equal(in.events, 2);
	frame_release(&in);
}

static bool refuse(void *arg, const struct frame_event *event, struct err *err)
{
	++*(int *)arg;
	return err_set(err, ERR_UPSTREAM, "enough");
}

static void test_callback_ends_reading(void **state)
{
	struct frame_reader in;
	struct err err = { 0 };
	int n = 0;

	ndjson_init(&in, refuse, &n);
	assert_false(frame_feed(&in, STR("1\n2\n"), &err));
	assert_int_equal(n, 1);
	assert_int_equal(err.kind, ERR_UPSTREAM);
	frame_release(&in);
}

static bool count(void *arg, const struct frame_event *event, struct err *err)
{
	*(size_t *)arg += event->data.n;
	return true;
}

static void test_ceiling(void **state)
{
	enum { MAX = FRAME_MAX_BYTES };
	static const struct {
		const char *name;
		size_t length;
		bool want;
	} sizes[] = {
		{ "at the ceiling", MAX, true },
		{ "beyond it", MAX + 1, false },
	};
	char *text = mem_alloc(MAX + 2);

	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		for (size_t step = 65536; step <= 64 * 1024 * 1024; step *= 1024) {
			struct str line = { text, sizes[i].length + 1 };
			struct frame_reader in;
			struct err err = { 0 };
			size_t total = 0;
			bool ok = true;

			memset(text, 'x', sizes[i].length);
			text[sizes[i].length] = '\n';
			ndjson_init(&in, count, &total);
			for (size_t at = 0; ok && at < line.n; at += step)
				ok = frame_feed(&in, str_slice(line, at, at + step), &err);
			if (ok != sizes[i].want || total != (ok ? sizes[i].length : 0))
				fail_msg("%s, step %zu: got %d with %zu bytes, want %d",
				    sizes[i].name, step, ok, total, sizes[i].want);
			assert_int_equal(err.kind, ok ? ERR_NONE : ERR_UPSTREAM_BODY);
			frame_release(&in);
		}
	}
	mem_free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_cut),
		cmocka_unit_test(test_small_pieces),
		cmocka_unit_test(test_no_copy),
		cmocka_unit_test(test_callback_ends_reading),
		cmocka_unit_test(test_ceiling),
	};

	return cmocka_run_group_tests_name("ndjson", tests, NULL, NULL);
}
