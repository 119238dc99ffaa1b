/* test_conf.c — the syntax of the file, what wins, and what is refused in which words */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/conf.h"
#include "base/err.h"

static const struct conf_key first[] = {
	{ "T_PORT", CONF_INT, "3000", 1, 65535, "a port" },
	{ "T_NAME", CONF_TEXT, "nobody", 0, 0, "a name" },
	{ "T_EMPTY", CONF_TEXT, "", 0, 0, "empty unless set" },
	{ 0 },
};
static const struct conf_key second[] = {
	{ "T_DEBUG", CONF_BOOL, "false", 0, 0, "a switch" },
	{ "T_RATIO", CONF_DOUBLE, "0.5", 0, 2, "a ratio" },
	{ "T_SIGNED", CONF_INT, "-1", -1, 10, "-1 is none" },
	{ "T_PORT", CONF_INT, "3000", 1, 65535, "a port" }, /* shared with the first table */
	{ 0 },
};
static const struct conf_key *const tables[] = { first, second, NULL };

static char path[] = "/tmp/test_conf.XXXXXX";

static int make_file(void **state)
{
	int fd = mkstemp(path);

	return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state)
{
	return unlink(path);
}

static int clear_environment(void **state)
{
	for (size_t t = 0; tables[t]; t++)
		for (const struct conf_key *k = tables[t]; k->name; k++)
			unsetenv(k->name);
	return 0;
}

static void write_file(struct str text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(text.p, 1, text.n, f), text.n);
	assert_int_equal(fclose(f), 0);
}

static struct conf *load(const char *name, struct str text)
{
	struct conf *c = NULL;
	struct err err;

	write_file(text);
	if (!conf_load(path, true, tables, &c, &err))
		fail_msg("%s: got error '%s', want none", name, err.msg);
	return c;
}

static void test_fallbacks(void **state)
{
	struct conf *c = load("empty file", STR(""));

	assert_int_equal(conf_int(c, "T_PORT"), 3000);
	assert_string_equal(conf_text(c, "T_NAME"), "nobody");
	assert_string_equal(conf_text(c, "T_EMPTY"), "");
	assert_false(conf_bool(c, "T_DEBUG"));
	assert_true(conf_double(c, "T_RATIO") >= 0.5 && conf_double(c, "T_RATIO") <= 0.5);
	assert_int_equal(conf_int(c, "T_SIGNED"), -1);
	assert_false(conf_is_set(c, "T_PORT"));
	assert_false(conf_is_set(c, "T_EMPTY"));
	conf_free(c);
	conf_free(NULL);
}

/* T_NAME as the file gives it. */
static void test_syntax(void **state)
{
	static const struct {
		const char *name;
		struct str in;
		const char *want;
	} cases[] = {
		{ "plain", STR_INIT("T_NAME=abc\n"), "abc" },
		{ "no newline at the end", STR_INIT("T_NAME=abc"), "abc" },
		{ "CRLF", STR_INIT("T_NAME=abc\r\n"), "abc" },
		{ "byte order mark", STR_INIT("\xef\xbb\xbfT_NAME=abc\n"), "abc" },
		{ "blanks around", STR_INIT("  T_NAME = abc \t\n"), "abc" },
		{ "blanks inside", STR_INIT("T_NAME=a b c\n"), "a b c" },
		{ "export", STR_INIT("export T_NAME=abc\n"), "abc" },
		{ "export and blanks", STR_INIT("export   T_NAME=abc\n"), "abc" },
		{ "equals in the value", STR_INIT("T_NAME=a=b=c\n"), "a=b=c" },
		{ "comment line", STR_INIT("# T_NAME=x\n\n  # y\nT_NAME=abc\n"), "abc" },
		{ "comment behind", STR_INIT("T_NAME=abc # why\n"), "abc" },
		{ "hash in the value", STR_INIT("T_NAME=a#b\n"), "a#b" },
		{ "only a comment", STR_INIT("T_NAME= # why\n"), "nobody" },
		{ "single quotes", STR_INIT("T_NAME='a b'\n"), "a b" },
		{ "single quotes, literal", STR_INIT("T_NAME='a\\n\"#'\n"), "a\\n\"#" },
		{ "double quotes", STR_INIT("T_NAME=\" a b \"\n"), " a b " },
		{ "escapes", STR_INIT("T_NAME=\"a\\n\\t\\\"\\\\b\"\n"), "a\n\t\"\\b" },
		{ "hash in quotes", STR_INIT("T_NAME=\"a # b\" # why\n"), "a # b" },
		{ "backslash without quotes", STR_INIT("T_NAME=a\\nb\n"), "a\\nb" },
		{ "quote inside", STR_INIT("T_NAME=it's\n"), "it's" },
		{ "dollar stays", STR_INIT("T_NAME=$HOME\n"), "$HOME" },
		{ "the later counts", STR_INIT("T_NAME=a\nT_NAME=b\n"), "b" },
		{ "empty is the default", STR_INIT("T_NAME=\n"), "nobody" },
		{ "empty quotes too", STR_INIT("T_NAME=\"\"\n"), "nobody" },
		{ "unknown names", STR_INIT("OTHER=1\nT.X=2\nT_NAME=abc\n"), "abc" },
		{ "name as a prefix", STR_INIT("T_NAME2=x\nT_NAM=y\n"), "nobody" },
		{ "utf-8", STR_INIT("T_NAME=世界\n"), "世界" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct conf *c = load(cases[i].name, cases[i].in);

		if (strcmp(conf_text(c, "T_NAME"), cases[i].want) != 0)
			fail_msg("%s: got '%s', want '%s'", cases[i].name, conf_text(c, "T_NAME"),
			    cases[i].want);
		conf_free(c);
	}
}

static void test_types(void **state)
{
	static const struct {
		const char *in;
		bool want;
	} switches[] = {
		{ "T_DEBUG=true", true },
		{ "T_DEBUG=TRUE", true },
		{ "T_DEBUG=1", true },
		{ "T_DEBUG=false", false },
		{ "T_DEBUG=0", false },
	};
	struct conf *c =
	    load("numbers", STR("T_PORT=65535\nT_RATIO=1.25\nT_SIGNED=-1\nT_EMPTY=x\n"));

	assert_int_equal(conf_int(c, "T_PORT"), 65535);
	assert_int_equal(conf_int(c, "T_SIGNED"), -1);
	assert_true(conf_double(c, "T_RATIO") >= 1.25 && conf_double(c, "T_RATIO") <= 1.25);
	assert_true(conf_is_set(c, "T_PORT"));
	assert_true(conf_is_set(c, "T_EMPTY"));
	assert_false(conf_is_set(c, "T_NAME"));
	conf_free(c);

	for (size_t i = 0; i < COUNT_OF(switches); i++) {
		c = load(switches[i].in, str_c(switches[i].in));
		if (conf_bool(c, "T_DEBUG") != switches[i].want)
			fail_msg("'%s': got %d, want %d", switches[i].in, conf_bool(c, "T_DEBUG"),
			    switches[i].want);
		conf_free(c);
	}
}

static void test_environment_wins(void **state)
{
	struct conf *c;

	setenv("T_NAME", "from env", 1);
	setenv("T_PORT", "", 1);
	c = load("both", STR("T_NAME=file\nT_PORT=80\nT_EMPTY=file\n"));
	assert_string_equal(conf_text(c, "T_NAME"), "from env");
	/* Set to nothing is set, so the file does not count, and nothing means the default. */
	assert_int_equal(conf_int(c, "T_PORT"), 3000);
	assert_false(conf_is_set(c, "T_PORT"));
	assert_string_equal(conf_text(c, "T_EMPTY"), "file");
	assert_true(conf_is_set(c, "T_NAME"));
	conf_free(c);
	clear_environment(NULL);
}

/* A bad value in the file does no harm when the environment overrules it. */
static void test_environment_overrules_bad_value(void **state)
{
	struct conf *c;

	setenv("T_PORT", "81", 1);
	c = load("bad but overruled", STR("T_PORT=lots\n"));
	assert_int_equal(conf_int(c, "T_PORT"), 81);
	conf_free(c);
	clear_environment(NULL);
}

/* Every message names the line and, where there is one, the setting; none quotes the value. */
static void test_refusals(void **state)
{
	static const struct {
		const char *name;
		struct str in;
		const char *want; /* behind the file's name */
	} cases[] = {
		{ "not a number", STR_INIT("\nT_PORT=SECRET\n"),
		    " line 2: setting 'T_PORT' must be a whole number from 1 to 65535" },
		{ "too small", STR_INIT("T_PORT=0"),
		    " line 1: setting 'T_PORT' must be a whole number from 1 to 65535" },
		{ "too large", STR_INIT("#\n#\nT_PORT=65536"),
		    " line 3: setting 'T_PORT' must be a whole number from 1 to 65535" },
		{ "with a unit", STR_INIT("T_PORT=80s"),
		    " line 1: setting 'T_PORT' must be a whole number from 1 to 65535" },
		{ "not a boolean", STR_INIT("T_DEBUG=SECRET"),
		    " line 1: setting 'T_DEBUG' must be true or false" },
		{ "double out of bounds", STR_INIT("T_RATIO=2.01"),
		    " line 1: setting 'T_RATIO' must be a number from 0 to 2" },
		{ "double not a number", STR_INIT("T_RATIO=nan"),
		    " line 1: setting 'T_RATIO' must be a number from 0 to 2" },
		{ "later line counts", STR_INIT("T_PORT=80\nT_PORT=x\n"),
		    " line 2: setting 'T_PORT' must be a whole number from 1 to 65535" },
		{ "no equals", STR_INIT("T_NAME=a\nSECRET\n"), " line 2: no '=' after the name" },
		{ "no name", STR_INIT("=SECRET"), " line 1: not a name before the '='" },
		{ "blank in the name", STR_INIT("T NAME=SECRET"),
		    " line 1: not a name before the '='" },
		{ "digit first", STR_INIT("1T=SECRET"), " line 1: not a name before the '='" },
		{ "open single quote", STR_INIT("T_NAME='SECRET\n"),
		    " line 1, setting 'T_NAME': no closing quote" },
		{ "open double quote", STR_INIT("T_NAME=\"SECRET\nT_PORT=1\n"),
		    " line 1, setting 'T_NAME': no closing quote" },
		{ "backslash at the end", STR_INIT("T_NAME=\"SECRET\\\n"),
		    " line 1, setting 'T_NAME': no closing quote" },
		{ "text behind the quote", STR_INIT("T_NAME=\"a\"SECRET"),
		    " line 1, setting 'T_NAME': text after the closing quote" },
		{ "unknown escape", STR_INIT("T_NAME=\"C:\\SECRET\""),
		    " line 1, setting 'T_NAME': unknown escape, only \\n \\t \\\" \\\\ are" },
		{ "unknown names too", STR_INIT("OTHER='SECRET"),
		    " line 1, setting 'OTHER': no closing quote" },
		{ "nul byte", STR_INIT("T_NAME=a\0b"), " is not a text file" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct conf *c = NULL;
		struct err err;
		char want[300];

		write_file(cases[i].in);
		if (conf_load(path, true, tables, &c, &err))
			fail_msg("%s: got no error", cases[i].name);
		snprintf(want, sizeof(want), "'%s'%s", path, cases[i].want);
		if (strcmp(err.msg, want) != 0)
			fail_msg("%s: got '%s', want '%s'", cases[i].name, err.msg, want);
		assert_int_equal(err.kind, ERR_CONFIG);
		assert_null(c);
		assert_null(strstr(err.detail, "SECRET"));
	}
}

static void test_bad_environment(void **state)
{
	struct conf *c = NULL;
	struct err err;

	setenv("T_PORT", "SECRET", 1);
	assert_false(conf_load(NULL, false, tables, &c, &err));
	assert_string_equal(err.msg,
	    "environment: setting 'T_PORT' must be a whole number from 1 to 65535");
	clear_environment(NULL);
}

static void test_files(void **state)
{
	struct conf *c = NULL;
	struct err err;

	assert_true(conf_load(NULL, false, tables, &c, &err));
	conf_free(c);
	assert_true(conf_load("/no/such/file", false, tables, &c, &err));
	conf_free(c);
	c = NULL;
	assert_false(conf_load("/no/such/file", true, tables, &c, &err));
	assert_string_equal(err.msg, "cannot open '/no/such/file': No such file or directory");
	assert_false(conf_load("/tmp", true, tables, &c, &err));
	assert_string_equal(err.msg, "cannot read '/tmp'");
	assert_null(c);
}

static void test_file_is_bounded(void **state)
{
	struct conf *c = NULL;
	struct err err;
	size_t size = 1024 * 1024;
	char *text = malloc(size + 1);

	assert_non_null(text);
	memset(text, '\n', size + 1);
	c = load("a MiB of nothing", (struct str){ text, size });
	conf_free(c);
	c = NULL;
	write_file((struct str){ text, size + 1 });
	free(text);
	assert_false(conf_load(path, true, tables, &c, &err));
	assert_non_null(strstr(err.msg, "larger than 1 MiB"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fallbacks),
		cmocka_unit_test(test_syntax),
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_environment_wins),
		cmocka_unit_test(test_environment_overrules_bad_value),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_bad_environment),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_file_is_bounded),
	};

	clear_environment(NULL);
	return cmocka_run_group_tests_name("conf", tests, make_file, remove_file);
}
