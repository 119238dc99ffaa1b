/* test_form.c — forms in RFC 7578 and RFC 2046: what is read, what is refused, what is rewritten */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/form.h"

#define TYPE "multipart/form-data; boundary=b"
#define HEAD "Content-Disposition: form-data; name=\"a\""
#define PART "--b\r\n" HEAD "\r\n\r\nx\r\n"
#define END "--b--\r\n"

/* ---- which Content-Types are forms ----------------------------------------------------- */

static void test_is(void **state)
{
	static const struct {
		const char *in;
		bool want;
	} cases[] = {
		{ "multipart/form-data; boundary=x", true },
		{ "Multipart/Form-Data;boundary=x", true },
		{ "multipart/form-data", true },
		{ "multipart/form-database", false },
		{ "multipart/mixed; boundary=x", false },
		{ "application/json", false },
		{ "", false },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++)
		if (form_is(str_c(cases[i].in)) != cases[i].want)
			fail_msg("%s: got %d", cases[i].in, !cases[i].want);
}

/* ---- reading ----------------------------------------------------------------------------- */

/* clang-format off */
static const struct {
	const char *name, *type, *in;
	int parts; /* -1: refused */
	const char *text; /* of field a */
} cases[] = {
	{ "one field", TYPE, PART END, 1, "x" },
	{ "no line end at the end", TYPE, PART "--b--", 1, "x" },
	{ "preamble and epilogue", TYPE, "this is\r\nnot it\r\n" PART END "nor this --b\r\n", 1, "x" },
	{ "blanks behind boundaries", TYPE, "--b \t\r\n" HEAD "\r\n\r\nx\r\n--b-- \r\n", 1, "x" },
	{ "empty body", TYPE, "--b\r\n" HEAD "\r\n\r\n\r\n" END, 1, "" },
	{ "line ends inside", TYPE, "--b\r\n" HEAD "\r\n\r\n\r\nx\n\r\n\r\n" END, 1, "\r\nx\n\r\n" },
	{ "the boundary within a line", TYPE, "--b\r\n" HEAD "\r\n\r\nx--b--b\r\n" END, 1, "x--b--b" },
	{ "more headers", TYPE, "--b\r\nX-A: 1\r\n" HEAD "\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: 8BIT\r\n\r\nx\r\n" END, 1, "x" },
	{ "the last of equal names", TYPE, PART "--b\r\n" HEAD "\r\n\r\ny\r\n" END, 2, "y" },
	{ "a file is no field", TYPE, PART "--b\r\n" HEAD "; filename=\"f\"\r\n\r\ny\r\n" END, 2, "x" },
	{ "names without quotes", TYPE, "--b\r\ncontent-disposition:form-data;name=a;filename=\r\n\r\ny\r\n" PART END, 2, "x" },
	{ "a quoted boundary", "multipart/form-data; charset=utf-8; boundary=\"b\"", PART END, 1, "x" },
	{ "a boundary with blanks and colons", "multipart/form-data; boundary=\"a b:c\"", "--a b:c\r\n" HEAD "\r\n\r\nx\r\n--a b:c--", 1, "x" },
	{ "a path as file name", TYPE, PART "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"C:\\new\\x.wav\"\r\n\r\ny\r\n" END, 2, "x" },
	{ "an escaped quote in a name", TYPE, PART "--b\r\nContent-Disposition: form-data; name=\"\\\"a\"\r\n\r\ny\r\n" END, 2, "x" },

	{ "empty", TYPE, "", -1, "" },
	{ "no boundary in it", TYPE, "hello", -1, "" },
	{ "no parts", TYPE, END, -1, "" },
	{ "no end", TYPE, PART, -1, "" },
	{ "cut in the boundary", TYPE, PART "--", -1, "" },
	{ "a part without headers", TYPE, "--b\r\n\r\nx\r\n" END, -1, "" },
	{ "headers that do not end", TYPE, "--b\r\n" HEAD "\r\n" END, -1, "" },
	{ "a part of nothing", TYPE, "--b\r\n--b--\r\n", -1, "" },
	{ "no disposition", TYPE, "--b\r\nX: y\r\n\r\nx\r\n" END, -1, "" },
	{ "two dispositions", TYPE, "--b\r\n" HEAD "\r\n" HEAD "\r\n\r\nx\r\n" END, -1, "" },
	{ "another disposition", TYPE, "--b\r\nContent-Disposition: attachment; name=\"a\"\r\n\r\nx\r\n" END, -1, "" },
	{ "no name", TYPE, "--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n" END, -1, "" },
	{ "an empty name", TYPE, "--b\r\nContent-Disposition: form-data; name=\"\"\r\n\r\nx\r\n" END, -1, "" },
	{ "two names", TYPE, "--b\r\n" HEAD "; name=\"c\"\r\n\r\nx\r\n" END, -1, "" },
	{ "a second, encoded name", TYPE, "--b\r\n" HEAD "; name*=utf-8''model\r\n\r\nx\r\n" END, -1, "" },
	{ "a quote that does not end", TYPE, "--b\r\nContent-Disposition: form-data; name=\"a\r\n\r\nx\r\n" END, -1, "" },
	{ "nonsense behind the name", TYPE, "--b\r\n" HEAD "b\r\n\r\nx\r\n" END, -1, "" },
	{ "a folded header", TYPE, "--b\r\n" HEAD "\r\n ; filename=\"f\"\r\n\r\nx\r\n" END, -1, "" },
	{ "a line feed in a header", TYPE, "--b\r\n" HEAD "\nX: y\r\n\r\nx\r\n" END, -1, "" },
	{ "base64", TYPE, "--b\r\n" HEAD "\r\nContent-Transfer-Encoding: base64\r\n\r\neA==\r\n" END, -1, "" },
	{ "a boundary after a bare line feed", TYPE, "--b\r\n" HEAD "\r\n\r\nx\n--b\r\n" HEAD "\r\n\r\ny\r\n" END, -1, "" },
	{ "a boundary whose line goes on", TYPE, "--b\r\n" HEAD "\r\n\r\nx\r\n--bc\r\n" END, -1, "" },
	{ "a boundary that ends in a line feed", TYPE, "--b\n" HEAD "\r\n\r\nx\r\n" END, -1, "" },
	{ "no boundary named", "multipart/form-data", PART END, -1, "" },
	{ "an empty boundary", "multipart/form-data; boundary=", PART END, -1, "" },
	{ "two boundaries", "multipart/form-data; boundary=b; boundary=c", PART END, -1, "" },
	{ "a boundary of 71", "multipart/form-data; boundary=" "0123456789012345678901234567890123456789" "0123456789012345678901234567890", PART END, -1, "" },
	{ "a boundary with a line end", "multipart/form-data; boundary=\"b\r\n\"", PART END, -1, "" },
	{ "nonsense behind the boundary", "multipart/form-data; boundary=\"b\" c", PART END, -1, "" },
};
/* clang-format on */

/* The body is given in memory of its own, so that ASan sees a byte read too far. */
static const struct form *read_copy(struct arena *a, struct str type, struct str body,
    struct err *err)
{
	const struct form *f = NULL;
	char *copy = test_malloc(body.n + 1);

	memcpy(copy, body.p, body.n);
	if (!form_read(a, type, arena_str(a, (struct str){ copy, body.n }), &f, err))
		f = NULL;
	test_free(copy);
	return f;
}

static void test_read(void **state)
{
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct arena *a = arena_new(1024);
		struct err err = { 0 };
		const struct form *f = read_copy(a, str_c(cases[i].type), str_c(cases[i].in), &err);

		if ((f != NULL) != (cases[i].parts >= 0))
			fail_msg("%s: got %s", cases[i].name, f ? "ok" : err.msg);
		if (f && (int)f->count != cases[i].parts)
			fail_msg("%s: got %zu parts", cases[i].name, f->count);
		if (f && !str_eq_c(form_text(f, STR("a")), cases[i].text))
			fail_msg("%s: got '%.*s', want '%s'", cases[i].name,
			    STR_ARG(form_text(f, STR("a"))), cases[i].text);
		if (!f && (err.kind != ERR_BAD_REQUEST || err_status(&err) != 400))
			fail_msg("%s: got kind %s", cases[i].name, err_kind_name(err.kind));
		arena_free(a);
	}
}

static void add_parts(struct buf *b, int n, size_t head)
{
	for (int i = 0; i < n; i++) {
		buf_add(b, STR("--b\r\n" HEAD "\r\nX: "));
		for (size_t j = 0; j < head; j++)
			buf_add_char(b, 'y');
		buf_add(b, STR("\r\n\r\nx\r\n"));
	}
	buf_add(b, STR(END));
}

static void test_bounds(void **state)
{
	static const struct {
		const char *name;
		int parts;
		size_t head;
		bool want;
	} bounds[] = {
		{ "as many parts as there may be", FORM_PARTS_MAX, 0, true },
		{ "one more", FORM_PARTS_MAX + 1, 0, false },
		{ "long headers", 1, FORM_HEAD_MAX - 100, true },
		{ "longer ones", 1, FORM_HEAD_MAX, false },
	};

	for (size_t i = 0; i < COUNT_OF(bounds); i++) {
		struct arena *a = arena_new(1024);
		struct buf b = buf_init(1 << 20);
		struct err err = { 0 };

		add_parts(&b, bounds[i].parts, bounds[i].head);
		if ((read_copy(a, STR(TYPE), buf_str(&b), &err) != NULL) != bounds[i].want)
			fail_msg("%s: got %s", bounds[i].name, err.msg);
		buf_release(&b);
		arena_free(a);
	}
}

/* Parts are views into the body, whatever it holds. */
static void test_files(void **state)
{
	static const char body[] =
	    "--b\r\nContent-Disposition: form-data; name=\"image[]\"; filename=\"\xc3\xa4.png\"\r\n"
	    "Content-Type: image/png\r\n\r\n\0\1\2\r\n-\r\n--\xff\r\n"
	    "--b\r\nContent-Disposition: form-data; name=\"image\"; "
	    "filename*=utf-8''b\r\n\r\nyy\r\n"
	    "--b\r\nContent-Disposition: form-data; name=\"imagery\"; "
	    "filename=\"c\"\r\n\r\nz\r\n--b--";
	struct arena *a = arena_new(1024);
	struct str text = { body, sizeof(body) - 1 };
	struct err err = { 0 };
	const struct form *f;
	int64_t bytes = 0;

	assert_true(form_read(a, STR(TYPE), text, &f, &err));
	assert_int_equal(form_files(f, STR("image"), &bytes), 2);
	assert_int_equal(bytes, 11 + 2);
	assert_ptr_equal(form_file(f, STR("image")), &f->parts[0]);
	assert_true(f->parts[0].body.p > body && f->parts[0].body.p < body + sizeof(body));
	assert_true(str_has(f->parts[0].whole, STR("filename=\"\xc3\xa4.png\"")));
	assert_null(form_file(f, STR("mask")));
	assert_null(form_field(f, STR("image")));
	arena_free(a);
}

/* ---- rewriting --------------------------------------------------------------------------- */

static struct str joined(struct arena *a, const struct form_edit *e, struct str *type)
{
	struct buf b = buf_init(1 << 20);
	struct str *pieces, text;
	size_t n;

	form_pieces(e, &pieces, &n, type);
	for (size_t i = 0; i < n; i++)
		buf_add(&b, pieces[i]);
	text = arena_str(a, buf_str(&b));
	buf_release(&b);
	return text;
}

#define MODEL(value) "--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\n" value "\r\n"
#define FILE_PART                                                                                  \
	"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n"                 \
	"Content-Type: audio/mpeg\r\n\r\nsound\r\n"

static void test_set(void **state)
{
	static const struct {
		const char *name, *in, *want; /* want NULL: unchanged */
	} sets[] = {
		{ "the same", MODEL("m") FILE_PART END, NULL },
		{ "another", FILE_PART MODEL("x") PART END, MODEL("m") FILE_PART PART END },
		{ "absent", FILE_PART END, MODEL("m") FILE_PART END },
		{ "twice the same", MODEL("m") FILE_PART MODEL("m") END, MODEL("m") FILE_PART END },
		{ "twice", MODEL("x") MODEL("m") END, MODEL("m") END },
	};

	for (size_t i = 0; i < COUNT_OF(sets); i++) {
		struct arena *a = arena_new(1024);
		struct err err = { 0 };
		const struct form *f = read_copy(a, STR(TYPE), str_c(sets[i].in), &err);
		struct form_edit e;
		struct str got, type;

		assert_non_null(f);
		e = form_edit_new(a, f);
		form_set(&e, STR("model"), STR("m"));
		assert_int_equal(form_is_edited(&e), sets[i].want != NULL);
		if (!sets[i].want) {
			arena_free(a);
			continue;
		}
		got = joined(a, &e, &type);
		if (!str_eq_c(got, sets[i].want))
			fail_msg("%s: got\n%.*s", sets[i].name, STR_ARG(got));
		assert_true(str_eq_c(type, TYPE));
		arena_free(a);
	}
}

static void test_drop(void **state)
{
	struct arena *a = arena_new(1024);
	struct err err = { 0 };
	const struct form *f =
	    read_copy(a, STR(TYPE), STR(PART MODEL("m") FILE_PART PART END), &err);
	struct form_edit e = form_edit_new(a, f);
	struct str type;

	form_drop(&e, STR("absent"));
	assert_false(form_is_edited(&e));
	form_drop(&e, STR("a"));
	assert_true(str_eq_c(joined(a, &e, &type), MODEL("m") FILE_PART END));
	arena_free(a);
}

/* A value that holds the client's boundary must not end its part. */
static void test_fresh_boundary(void **state)
{
	struct arena *a = arena_new(1024);
	struct err err = { 0 };
	const struct form *f = read_copy(a, STR(TYPE), STR(FILE_PART END), &err), *again;
	struct form_edit e = form_edit_new(a, f);
	struct str type, body;

	form_set(&e, STR("model"), STR("x\r\n--b--"));
	body = joined(a, &e, &type);
	assert_false(str_eq_c(type, TYPE));
	assert_true(form_is(type));
	assert_true(form_read(a, type, body, &again, &err));
	assert_int_equal(again->count, 2);
	assert_true(str_eq_c(form_text(again, STR("model")), "x\r\n--b--"));
	assert_true(str_eq(again->parts[1].whole, f->parts[0].whole));
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_is),
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_set),
		cmocka_unit_test(test_drop),
		cmocka_unit_test(test_fresh_boundary),
	};

	return cmocka_run_group_tests_name("form", tests, NULL, NULL);
}
