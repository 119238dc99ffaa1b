/* test_log.c — what a line looks like, and what a hostile value cannot do to it */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <cjson/cJSON.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"

static char path[] = "/tmp/test_log.XXXXXX";
static char text[512 * 1024];

static int open_file(void **state)
{
	int fd = mkstemp(path);

	if (fd < 0)
		return -1;
	close(fd);
	return log_open("test", LOG_INFO, path) ? 0 : -1;
}

static int remove_file(void **state)
{
	return log_open("test", LOG_INFO, NULL) ? unlink(path) : -1;
}

/* What was written since the last call. */
static struct str written(void)
{
	int fd = open(path, O_RDONLY);
	ssize_t n = read(fd, text, sizeof(text) - 1);

	assert_true(n >= 0);
	close(fd);
	text[n] = '\0';
	assert_int_equal(truncate(path, 0), 0);
	return (struct str){ text, (size_t)n };
}

/* The one line without its time, which is checked for its form: 2026-11-22T10:00:00.123Z. */
static struct str one_line(void)
{
	static const char form[] = "ts=0000-00-00T00:00:00.000Z ";
	struct str s = written();

	assert_true(s.n > sizeof(form));
	for (size_t i = 0; i < sizeof(form) - 1; i++)
		if (form[i] == '0' ? s.p[i] < '0' || s.p[i] > '9' : s.p[i] != form[i])
			fail_msg("got '%.40s', want '%s'", s.p, form);
	assert_int_equal(str_find(s, '\n'), s.n - 1);
	return str_slice(s, sizeof(form) - 1, s.n - 1);
}

static void check_line(const char *name, const char *want)
{
	struct str got = one_line();

	if (!str_eq_c(got, want))
		fail_msg("%s: got '%.*s', want '%s'", name, STR_ARG(got), want);
}

static void test_fields(void **state)
{
	struct log l = { .req = "r1", .user = 7, .channel = 3 };
	struct log unknown = { .req = "r2" };

	log_info(&l, "relay.done", LOG_INT("ms", 812), LOG_STR("model", STR("gpt-4o")));
	check_line("all",
	    "level=info prog=test req=r1 event=relay.done user=7 channel=3 ms=812 model=gpt-4o");
	log_warn(&unknown, "x", LOG_INT("n", INT64_MIN));
	check_line("no user yet", "level=warn prog=test req=r2 event=x n=-9223372036854775808");
	log_error(NULL, "start", LOG_NONE);
	check_line("no log, no fields", "level=error prog=test event=start");
	log_error(NULL, "start", LOG_TEXT("a", NULL));
	check_line("null text", "level=error prog=test event=start a=\"\"");
}

static void test_error_field(void **state)
{
	struct err err;

	err_set(&err, ERR_STORE, "database is away");
	err_detail(&err, "errno=5");
	log_error(NULL, "x", LOG_ERR(&err));
	check_line("err",
	    "level=error prog=test event=x error=\"database is away\" detail=\"errno=5\"");
}

static void test_quoting(void **state)
{
	static const struct {
		const char *name;
		struct str in;
		const char *want;
	} cases[] = {
		{ "plain", STR_INIT("gpt-4o:x/y,z"), "gpt-4o:x/y,z" },
		{ "empty", STR_INIT(""), "\"\"" },
		{ "blank", STR_INIT("a b"), "\"a b\"" },
		{ "equals", STR_INIT("a=b"), "\"a=b\"" },
		{ "quote", STR_INIT("a\"b"), "\"a\\\"b\"" },
		{ "backslash", STR_INIT("a\\b"), "\"a\\\\b\"" },
		{ "newline", STR_INIT("a\nlevel=error"), "\"a\\nlevel=error\"" },
		{ "return and tab", STR_INIT("\r\t"), "\"\\r\\t\"" },
		{ "nul", STR_INIT("a\0b"), "\"a\\u0000b\"" },
		{ "escape sequence", STR_INIT("\x1b[2J"), "\"\\u001b[2J\"" },
		{ "delete", STR_INIT("\x7f"), "\"\\u007f\"" },
		{ "C1 control", STR_INIT("\xc2\x9b"), "\"\\u009b\"" },
		{ "utf-8 as it is", STR_INIT("é世😀"), "é世😀" },
		{ "utf-8 in quotes", STR_INIT("é 世"), "\"é 世\"" },
		{ "not utf-8", STR_INIT("a\xff"), "\"a\\ufffd\"" },
		{ "torn utf-8", STR_INIT("a\xe4\xb8"), "\"a\\ufffd\\ufffd\"" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char want[128];

		log_info(NULL, "e", LOG_STR("v", cases[i].in), LOG_INT("n", 1));
		snprintf(want, sizeof(want), "level=info prog=test event=e v=%s n=1",
		    cases[i].want);
		check_line(cases[i].name, want);
	}
}

/* One long value leaves room for the others, and a cut value still ends with its quote. */
static void test_long_values(void **state)
{
	static const char *const units[] = { "x", "\n", "世", "\xff", "\"" };

	for (size_t u = 0; u < COUNT_OF(units); u++) {
		char value[8000];
		size_t size = strlen(units[u]), n = 0;
		struct str got;

		for (; n + size <= sizeof(value); n += size)
			memcpy(value + n, units[u], size);
		log_info(NULL, "e", LOG_STR("v", ((struct str){ value, n })), LOG_INT("n", 1));
		got = one_line();
		if (!str_ends(got, STR("\" n=1")))
			fail_msg("unit %zu: got the end '%.20s', want '\" n=1'", u,
			    got.p + got.n - 20);
		assert_in_range(got.n, 1000, 1200);
		assert_true(str_is_utf8(got));
	}
}

/* However much there is to say, a line fits one write and every field on it is whole. */
static void test_line_is_bounded(void **state)
{
	for (size_t size = 1; size < 1100; size += 7) {
		char value[1100];
		struct str v = { value, size }, got;
		size_t quotes = 0;

		memset(value, ' ', sizeof(value));
		log_info(NULL, "e", LOG_STR("a", v), LOG_STR("b", v), LOG_STR("c", v),
		    LOG_STR("d", v), LOG_STR("f", v), LOG_INT("number", 123456789));
		got = one_line();
		assert_true(got.n < 4096);
		for (size_t i = 0; i < got.n; i++)
			quotes += got.p[i] == '"';
		if (quotes % 2)
			fail_msg("values of %zu bytes: got %zu quotes, want pairs", size, quotes);
		if (str_has(got, STR("number")) && !str_ends(got, STR(" number=123456789")))
			fail_msg("values of %zu bytes: the number is torn", size);
	}
}

static void test_levels(void **state)
{
	assert_false(log_wants(LOG_DEBUG));
	assert_true(log_wants(LOG_INFO));
	log_debug(NULL, "hidden", LOG_NONE);
	assert_int_equal(written().n, 0);
	assert_true(log_open("other", LOG_DEBUG, path));
	log_debug(NULL, "seen", LOG_NONE);
	check_line("debug", "level=debug prog=other event=seen");
	assert_true(log_open("test", LOG_INFO, path));
}

static void test_open_fails(void **state)
{
	assert_false(log_open("test", LOG_INFO, "/no/such/folder/x.log"));
	log_info(NULL, "still", LOG_NONE);
	check_line("the old file stays", "level=info prog=test event=still");
}

static void test_time_is_now_in_utc(void **state)
{
	struct tm tm = { 0 };
	int64_t before = clock_unix();
	struct str s;

	log_info(NULL, "e", LOG_NONE);
	s = written();
	assert_non_null(strptime(s.p, "ts=%Y-%m-%dT%H:%M:%S", &tm));
	assert_in_range(timegm(&tm), before, clock_unix());
}

static void test_key_tail(void **state)
{
	static const struct {
		const char *in, *want;
	} cases[] = {
		{ "sk-0123456789abcdefghijWXYZ", "…WXYZ" },
		{ "0123456789abcdef", "…cdef" },
		{ "0123456789abcde", "…" },
		{ "short", "…" },
		{ "", "…" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char out[12];

		assert_ptr_equal(log_key_tail(str_c(cases[i].in), out), out);
		if (strcmp(out, cases[i].want) != 0)
			fail_msg("'%s': got '%s', want '%s'", cases[i].in, out, cases[i].want);
	}
}

static void *write_lines(void *arg)
{
	for (int i = 0; i < 200; i++)
		log_info(NULL, "e", LOG_TEXT("v", "a value long enough to be torn"));
	return NULL;
}

static void test_threads_do_not_tear_lines(void **state)
{
	pthread_t threads[4];
	struct str rest, line;
	size_t lines = 0;

	for (size_t i = 0; i < COUNT_OF(threads); i++)
		pthread_create(&threads[i], NULL, write_lines, NULL);
	for (size_t i = 0; i < COUNT_OF(threads); i++)
		pthread_join(threads[i], NULL);
	rest = written();
	while (str_next(&rest, '\n', &line)) {
		assert_true(str_starts(line, STR("ts=")));
		assert_true(str_ends(line, STR("v=\"a value long enough to be torn\"")));
		lines++;
	}
	assert_int_equal(lines, 800);
}

static size_t lines_written(void)
{
	struct str rest = written(), line;
	size_t lines = 0;

	while (str_next(&rest, '\n', &line))
		lines += line.n > 0;
	return lines;
}

/* Lines wait for the end of a turn, in their order, but what is wrong does not. */
static void test_gathering(void **state)
{
	struct log l = { 0 };
	struct str got;

	log_gather(true);
	log_info(&l, "first", LOG_NONE);
	assert_int_equal(lines_written(), 0);
	log_flush();
	assert_int_equal(lines_written(), 1);
	log_flush();
	assert_int_equal(lines_written(), 0);

	log_info(&l, "second", LOG_NONE);
	log_warn(&l, "third", LOG_NONE);
	got = written();
	assert_true(str_find_str(got, STR("second")) < str_find_str(got, STR("third")));
	assert_true(str_has(got, STR("third")));

	/* As much as a pipe takes in one piece, then all of it goes. */
	for (int i = 0; i < 100; i++)
		log_info(&l, "many", LOG_TEXT("v", "a value that takes some room of its line"));
	assert_in_range(lines_written(), 1, 99);
	log_gather(false);
	assert_in_range(lines_written(), 1, 99);
	log_info(&l, "last", LOG_NONE);
	assert_int_equal(lines_written(), 1);
}

/* The same lines as JSON: read back by a parser, whatever the values are and however long. */
static void test_json(void **state)
{
	static const struct {
		const char *name;
		struct str in;
		const char *want; /* NULL: only that it can be read */
	} cases[] = {
		{ "plain", STR_INIT("gpt-4o"), "gpt-4o" },
		{ "empty", STR_INIT(""), "" },
		{ "quote and backslash", STR_INIT("a\"b\\c"), "a\"b\\c" },
		{ "controls", STR_INIT("a\n\t\x01\x7f"), "a\n\t\x01\x7f" },
		{ "not UTF-8", STR_INIT("a\xff"), "a\xef\xbf\xbd" },
		{ "looks like an end", STR_INIT("\"}\n{\"level\":\"error"),
		    "\"}\n{\"level\":\"error" },
	};
	struct log l = { .req = "r1", .user = 7 };
	char value[8000];

	log_set_format(LOG_JSON);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct str got;
		cJSON *line;

		log_info(&l, "e", LOG_STR("v", cases[i].in), LOG_INT("n", -5));
		got = written();
		assert_int_equal(str_find(got, '\n'), got.n - 1);
		line = cJSON_Parse(got.p);
		if (!line ||
		    strcmp(cJSON_GetObjectItem(line, "v")->valuestring, cases[i].want) != 0)
			fail_msg("%s: got %s", cases[i].name, got.p);
		assert_int_equal(strlen(cJSON_GetObjectItem(line, "ts")->valuestring), 24);
		assert_string_equal(cJSON_GetObjectItem(line, "level")->valuestring, "info");
		assert_string_equal(cJSON_GetObjectItem(line, "req")->valuestring, "r1");
		assert_int_equal(cJSON_GetObjectItem(line, "user")->valueint, 7);
		assert_int_equal(cJSON_GetObjectItem(line, "n")->valueint, -5);
		cJSON_Delete(line);
	}
	/* Lines that are too long in every way end well-formed. */
	memset(value, 'x', sizeof value);
	for (size_t n = 0; n < 1100; n += 7) {
		struct str v = { value, n }, got;
		cJSON *line;

		log_info(&l, "e", LOG_STR("a", v), LOG_STR("b", v), LOG_STR("c", v),
		    LOG_STR("d", v), LOG_INT("n", INT64_MIN), LOG_STR("e", v), LOG_INT("m", 1));
		got = written();
		assert_true(got.n <= 4096);
		line = cJSON_Parse(got.p);
		if (!line)
			fail_msg("%zu: got %s", n, got.p);
		cJSON_Delete(line);
	}
	log_set_format(LOG_LOGFMT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_error_field),
		cmocka_unit_test(test_quoting),
		cmocka_unit_test(test_long_values),
		cmocka_unit_test(test_line_is_bounded),
		cmocka_unit_test(test_levels),
		cmocka_unit_test(test_open_fails),
		cmocka_unit_test(test_time_is_now_in_utc),
		cmocka_unit_test(test_key_tail),
		cmocka_unit_test(test_threads_do_not_tear_lines),
		cmocka_unit_test(test_gathering),
	};

	return cmocka_run_group_tests_name("log", tests, open_file, remove_file);
}
