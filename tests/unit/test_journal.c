/* test_journal.c — settlements in a file: what goes in comes out, whole or not at all
 *
 * The naive journal appends text and trusts what it reads: a crash in the middle of a line then
 * settles half a number, and a second process settles what a living one still holds.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/log.h"
#include "billing/journal.h"

struct seen {
	size_t count, refuse_after; /* 0: refuses nothing */
	int64_t quota;
	char ids[1024][16];
	struct logrow last; /* only its numbers */
	char content[256], username[64];
	bool release, write_log;
};

static char dir[64];
static struct seen seen;

static int set_up(void **state)
{
	memset(&seen, 0, sizeof seen);
	snprintf(dir, sizeof dir, "/tmp/test-journal-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int tear_down(void **state)
{
	char command[128];

	snprintf(command, sizeof command, "rm -r '%s'", dir);
	return system(command);
}

static bool take(void *arg, const struct journal_entry *entries, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct journal_entry *e = &entries[i];

		snprintf(seen.ids[seen.count++], sizeof seen.ids[0], "%.*s",
		    STR_ARG(e->row.request_id));
		seen.quota += e->row.quota;
		seen.last = e->row;
		seen.release = e->release;
		seen.write_log = e->write_log;
		snprintf(seen.content, sizeof seen.content, "%.*s", STR_ARG(e->row.content));
		snprintf(seen.username, sizeof seen.username, "%.*s", STR_ARG(e->row.username));
	}
	return seen.refuse_after == 0 || seen.count < seen.refuse_after;
}

static void want(const char *name, int64_t got, int64_t wanted)
{
	if (got != wanted)
		fail_msg("%s: got %lld, want %lld", name, (long long)got, (long long)wanted);
}

static void add(struct journal *j, int from, int n)
{
	struct err err = { 0 };
	char id[16];

	for (int i = from; i < from + n; i++) {
		snprintf(id, sizeof id, "r%d", i);
		journal_add(j,
		    &(struct journal_entry){ .write_log = true,
		        .row = { .request_id = str_c(id), .quota = i } });
	}
	if (!journal_sync(j, &err))
		fail_msg("%s %s", err.msg, err.detail);
}

static const char *file_of(const char *node)
{
	static char path[160];

	snprintf(path, sizeof path, "%s/settlements-%s.journal", dir, node);
	return path;
}

static bool exists(const char *path)
{
	return access(path, F_OK) == 0;
}

/* Nothing is made before it is needed, and nothing is left. */
static void test_good_day(void **state)
{
	struct journal *j = journal_new(dir, "a");

	assert_true(journal_replay(j, take, NULL));
	assert_false(exists(file_of("a")));
	add(j, 1, 3);
	assert_true(exists(file_of("a")));
	assert_true(journal_has_records(j));
	assert_true(journal_replay(j, take, NULL));
	want("records", (int64_t)seen.count, 3);
	want("quota", seen.quota, 1 + 2 + 3);
	assert_false(exists(file_of("a")));
	assert_false(journal_has_records(j));
	journal_free(j);
}

static void test_every_member(void **state)
{
	struct journal *j = journal_new(dir, "a");
	struct err err = { 0 };
	const struct logrow row = { .user_id = 1,
		.created_at = 1700000000,
		.type = 2,
		.content = STR("ratio \"2.50\" × 1\n\\ €"),
		.username = STR("ann"),
		.token_name = STR("key"),
		.model_name = STR("gpt-4o"),
		.quota = INT64_C(1) << 50,
		.prompt_tokens = 5,
		.completion_tokens = 6,
		.channel = 7,
		.request_id = STR("r1"),
		.elapsed_time = 8,
		.is_stream = true,
		.system_prompt_reset = true,
		.token_id = 9,
		.origin_model = STR("alias"),
		.cached_tokens = 10,
		.attempts = 11,
		.first_byte_ms = 12,
		.upstream_status = 13,
		.finish = 1,
		.model_ratio = 14,
		.completion_ratio = 15,
		.group_ratio = 16 };

	journal_add(j, &(struct journal_entry){ .release = true, .row = row });
	assert_true(journal_sync(j, &err));
	assert_true(journal_replay(j, take, NULL));
	journal_free(j);
	assert_true(seen.release);
	assert_false(seen.write_log);
	assert_string_equal(seen.content, "ratio \"2.50\" × 1\n\\ €");
	assert_string_equal(seen.username, "ann");
	assert_string_equal(seen.ids[0], "r1");
#define SAME(member) want(#member, seen.last.member, row.member)
	SAME(user_id), SAME(created_at), SAME(type), SAME(quota), SAME(prompt_tokens);
	SAME(completion_tokens), SAME(channel), SAME(elapsed_time), SAME(is_stream);
	SAME(system_prompt_reset), SAME(token_id), SAME(cached_tokens), SAME(attempts);
	SAME(first_byte_ms), SAME(upstream_status), SAME(finish), SAME(model_ratio);
	SAME(completion_ratio), SAME(group_ratio);
	want("lengths",
	    (int64_t)(seen.last.token_name.n + seen.last.model_name.n + seen.last.origin_model.n),
	    3 + 6 + 5);
#undef SAME
}

/* Many batches; the database goes away in the middle: all of it waits for another time. */
static void test_not_now(void **state)
{
	struct journal *j = journal_new(dir, "a");

	add(j, 0, 2 * JOURNAL_BATCH + 10);
	seen.refuse_after = JOURNAL_BATCH + 1;
	assert_false(journal_replay(j, take, NULL));
	assert_true(journal_has_records(j));
	add(j, 2 * JOURNAL_BATCH + 10, 1);
	memset(&seen, 0, sizeof seen);
	assert_true(journal_replay(j, take, NULL));
	want("records", (int64_t)seen.count, 2 * JOURNAL_BATCH + 11);
	assert_string_equal(seen.ids[0], "r0");
	journal_free(j);
}

/* A living process keeps its file to itself; a dead one's is taken over, once. */
static void test_orphans(void **state)
{
	struct journal *owner = journal_new(dir, "a"), *other = journal_new(dir, "b");

	add(owner, 1, 5);
	assert_true(journal_replay(other, take, NULL));
	want("of the living", (int64_t)seen.count, 0);
	journal_free(owner); /* its descriptor closes, as when it is killed */
	assert_true(journal_replay(other, take, NULL));
	want("of the dead", (int64_t)seen.count, 5);
	assert_true(journal_replay(other, take, NULL));
	want("once", (int64_t)seen.count, 5);
	assert_false(exists(file_of("a")));
	journal_free(other);
}

/* clang-format off */
static const struct {
	const char *name, *tail;
	int64_t whole;
} tails[] = {
	{ "a line without its end", "00000000 {\"request_id\":\"x\",\"quota\":5", 2 },
	{ "a wrong checksum", "00000000 {\"request_id\":\"x\",\"quota\":5}\n", 2 },
	{ "a checksum only", "0000", 2 },
	{ "noise", "\x01\x02\xff\n\n\n", 2 },
};
/* clang-format on */

static void test_torn(void **state)
{
	for (size_t i = 0; i < COUNT_OF(tails); i++) {
		struct journal *j = journal_new(dir, "a"), *next;
		char aside[200];
		FILE *f;

		memset(&seen, 0, sizeof seen);
		add(j, 1, 2);
		journal_free(j);
		f = fopen(file_of("a"), "a");
		fputs(tails[i].tail, f);
		fclose(f);
		next = journal_new(dir, "b");
		assert_true(journal_replay(next, take, NULL));
		want(tails[i].name, (int64_t)seen.count, tails[i].whole);
		assert_false(exists(file_of("a")));
		snprintf(aside, sizeof aside, "%s.torn", file_of("a"));
		assert_true(exists(aside));
		journal_free(next);
	}
}

/* Each cut of a file gives the records before it, and never half of one. */
static void test_every_cut(void **state)
{
	struct journal *j = journal_new(dir, "a"), *next;
	char text[4096];
	size_t n;
	FILE *f;

	add(j, 100, 3);
	journal_free(j);
	f = fopen(file_of("a"), "r");
	n = fread(text, 1, sizeof text, f);
	fclose(f);
	for (size_t cut = 0; cut <= n; cut++) {
		size_t lines = 0;

		for (size_t i = 0; i < cut; i++)
			lines += text[i] == '\n';
		f = fopen(file_of("a"), "w");
		fwrite(text, 1, cut, f);
		fclose(f);
		memset(&seen, 0, sizeof seen);
		next = journal_new(dir, "b");
		assert_true(journal_replay(next, take, NULL));
		journal_free(next);
		want("records", (int64_t)seen.count, (int64_t)lines);
		want("quota", seen.quota, (int64_t[]){ 0, 100, 201, 303 }[lines]);
	}
}

static void test_no_room(void **state)
{
	struct journal *j = journal_new("/tmp/there/is/no/such/folder", "a");
	struct err err = { 0 };

	journal_add(j, &(struct journal_entry){ .row = { .request_id = STR("x") } });
	assert_false(journal_sync(j, &err));
	want("kind", err.kind, ERR_STORE);
	assert_false(journal_has_records(j));
	journal_free(j);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_good_day, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_every_member, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_not_now, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_orphans, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_torn, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_every_cut, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_no_room, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("journal", tests, NULL, NULL);
}
