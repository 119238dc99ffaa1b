/* test_lines.c — files for batches and training: what is counted, the bounds, the summary; the lines
 * that are refused one by one are test_works.c's (flow) */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "../../fcgi-relay/lines.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

#define UNSAID 500

static const struct lines_rules rules = { .unsaid = UNSAID };

static bool check(struct arena *a, enum lines_kind kind, struct str content, struct lines *out,
    struct err *err)
{
	return lines_check(a, kind, content, &rules, out, err);
}

static void same(const char *name, const char *what, int64_t got, int64_t want)
{
	if (got != want)
		fail_msg("%s: %s: got %lld, want %lld", name, what, (long long)got,
		    (long long)want);
}

/* clang-format off */
#define CHAT(id, more) "{\"custom_id\":\"" id "\",\"method\":\"POST\",\"url\":\"/v1/chat/completions\"," \
	"\"body\":{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]" more "}}\n"
#define EMBED(id, input) "{\"custom_id\":\"" id "\",\"method\":\"POST\",\"url\":\"/v1/embeddings\"," \
	"\"body\":{\"model\":\"text-embedding-3-small\",\"input\":" input "}}\n"

/* Prompts as spec/tokens.md counts them: 3 a message, its role, its text, 3 for the answer. */
static const struct {
	const char *name;
	enum lines_kind kind;
	const char *content;
	struct lines want;
} counted[] = {
	{ "one", LINES_BATCH, CHAT("a", ",\"max_tokens\":10"),
		{ .requests = 1, .prompt = 8, .completion = 10, .longest = 8, .bounded = true } },
	{ "two answers", LINES_BATCH, CHAT("a", ",\"max_tokens\":10,\"n\":2"),
		{ .requests = 1, .prompt = 8, .completion = 20, .longest = 8, .bounded = true } },
	{ "one without a most", LINES_BATCH, CHAT("a", ",\"max_tokens\":10") CHAT("b", ""),
		{ .requests = 2, .prompt = 16, .completion = 10 + UNSAID, .longest = 8, .bounded = false } },
	{ "embeddings write nothing", LINES_BATCH, EMBED("a", "\"hi\"") EMBED("b", "\"hi hi hi\""),
		{ .requests = 2, .prompt = 4, .completion = 0, .longest = 3, .bounded = false } },
	{ "training", LINES_TRAINING, "{\"a\":1}\n\n{\"bb\":22}\n",
		{ .requests = 2, .prompt = 3 + 4, .bounded = true } },
};
/* clang-format on */

static void test_counted(void **state)
{
	for (size_t i = 0; i < COUNT_OF(counted); i++) {
		const struct lines *want = &counted[i].want;
		struct arena *a = arena_new(4096);
		struct err err = { 0 };
		struct lines got, again;

		if (!check(a, counted[i].kind, str_c(counted[i].content), &got, &err))
			fail_msg("%s: %s", counted[i].name, err.msg);
		lines_read(a, lines_write(a, &got), &again);
		same(counted[i].name, "kind", again.kind, counted[i].kind);
		same(counted[i].name, "requests", again.requests, want->requests);
		same(counted[i].name, "prompt", again.prompt, want->prompt);
		same(counted[i].name, "completion", again.completion, want->completion);
		same(counted[i].name, "longest", again.longest, want->longest);
		same(counted[i].name, "bounded", again.bounded, want->bounded);
		if (!str_eq(again.model, got.model) || !str_eq(again.endpoint, got.endpoint))
			fail_msg("%s: the summary lost its words", counted[i].name);
		arena_free(a);
	}
}

/* As many lines as OpenAI takes, and one more. */
static void test_most_lines(void **state)
{
	struct buf b = buf_init(64 * 1024 * 1024);
	struct arena *a = arena_new(4096);
	struct err err = { 0 };
	struct lines got;

	for (int i = 0; i < LINES_MAX; i++)
		buf_addf(&b,
		    "{\"custom_id\":\"%d\",\"method\":\"POST\",\"url\":\"/v1/embeddings\","
		    "\"body\":{\"model\":\"m\",\"input\":\"x\"}}\n",
		    i);
	if (!check(a, LINES_BATCH, buf_str(&b), &got, &err))
		fail_msg("%s", err.msg);
	same("all", "requests", got.requests, LINES_MAX);
	buf_add(&b, STR(EMBED("more", "\"x\"")));
	assert_false(check(a, LINES_BATCH, buf_str(&b), &got, &err));
	assert_non_null(strstr(err.msg, "more than 50000 lines"));
	buf_release(&b);
	arena_free(a);
}

/* Memory of a line is that of one line. */
static void test_long_file(void **state)
{
	struct buf b = buf_init(64 * 1024 * 1024);
	struct arena *a = arena_new(4096);
	struct err err = { 0 };
	struct lines got;

	for (int i = 0; i < 2000; i++) {
		buf_addf(&b,
		    "{\"custom_id\":\"%d\",\"method\":\"POST\",\"url\":\"/v1/chat/completions\","
		    "\"body\":{\"model\":\"m\\u0031\",\"messages\":[{\"role\":\"user\",\"content\":"
		    "\"",
		    i);
		for (int n = 0; n < 100; n++)
			buf_add(&b, STR("\\u00e4\\u00f6 "));
		buf_add(&b, STR("\"}]}}\n"));
	}
	if (!check(a, LINES_BATCH, buf_str(&b), &got, &err))
		fail_msg("%s", err.msg);
	assert_true(str_eq_c(got.model, "m1"));
	assert_true(arena_held(a) < 512 * 1024);
	buf_release(&b);
	arena_free(a);
}

/* Cut anywhere, or with any byte spoilt: read or refused, never more than that. */
static void test_spoilt(void **state)
{
	static const char file[] = CHAT("a", ",\"max_tokens\":10") CHAT("b", "");
	static const char spoilers[] = { '\0', '\n', '\r', '"', '{', '}', '\\', (char)0xff };
	char spoilt[sizeof(file)];
	size_t refused = 0;

	for (size_t cut = 0; cut < sizeof(file); cut++) {
		struct arena *a = arena_new(4096);
		struct err err = { 0 };
		struct lines got;

		refused += !check(a, LINES_BATCH, (struct str){ file, cut }, &got, &err);
		for (size_t i = 0; i < sizeof(spoilers) && cut + 1 < sizeof(file); i++) {
			memcpy(spoilt, file, sizeof(file));
			spoilt[cut] = spoilers[i];
			err_clear(&err);
			if (!check(a, LINES_BATCH, (struct str){ spoilt, sizeof(file) - 1 }, &got,
			        &err))
				assert_int_not_equal(err.kind, ERR_NONE);
			else
				assert_in_range(got.requests, 1, 3);
		}
		arena_free(a);
	}
	/* a line is whole at its end, with and without the newline */
	same("cuts", "refused", (int64_t)refused, (int64_t)sizeof(file) - 4);
}

static void test_bad_summaries(void **state)
{
	static const char *const bad[] = { "", "x", "[]", "{}", "{\"kind\":\"other\"}" };
	struct arena *a = arena_new(4096);
	struct lines got;

	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		lines_read(a, str_c(bad[i]), &got);
		same(bad[i], "kind", got.kind, LINES_NONE);
	}
	arena_free(a);
}

/* OpenAI's rule: three times, but at least 100 examples in all and at most 25,000; 1 to 25 times. */
static void test_epochs(void **state)
{
	static const struct {
		int64_t lines, want;
	} cases[] = { { 1, 25 }, { 10, 10 }, { 33, 3 }, { 34, 3 }, { 1000, 3 }, { 8333, 3 },
		{ 10000, 2 }, { 50000, 1 } };

	for (size_t i = 0; i < COUNT_OF(cases); i++)
		same("epochs", "of so many", lines_epochs(cases[i].lines), cases[i].want);
}

static bool on_model(void *arg, struct str model, struct err *err)
{
	++*(int *)arg;
	return str_eq_c(model, "gpt-4o") || err_set(err, ERR_MODEL_DENIED, "not this one");
}

/* Asked once, behind the first line: what follows is not read for a model that may not be. */
static void test_model(void **state)
{
	static const struct {
		const char *name, *content, *error;
	} cases[] = {
		{ "it may", CHAT("a", "") CHAT("b", "") CHAT("c", ""), NULL },
		{ "it may not", EMBED("a", "\"hi\"") "no JSON\n", "not this one" },
		{ "the first line is wrong", "no JSON\n" EMBED("a", "\"hi\""), "line 1: " },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct arena *a = arena_new(1024);
		struct err err = { 0 };
		struct lines out;
		int asked = 0;
		const struct lines_rules asking = { .model = on_model, .arg = &asked };
		bool ok = lines_check(a, LINES_BATCH, str_c(cases[i].content), &asking, &out, &err);

		if (ok != !cases[i].error || (!ok && !strstr(err.msg, cases[i].error)))
			fail_msg("%s: got \"%s\"", cases[i].name, err.msg);
		same(cases[i].name, "asked", asked, i < 2);
		arena_free(a);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counted),
		cmocka_unit_test(test_most_lines),
		cmocka_unit_test(test_long_file),
		cmocka_unit_test(test_spoilt),
		cmocka_unit_test(test_bad_summaries),
		cmocka_unit_test(test_epochs),
		cmocka_unit_test(test_model),
	};

	return cmocka_run_group_tests_name("lines", tests, NULL, NULL);
}
