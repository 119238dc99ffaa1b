/* test_affinity.c — what a conversation is known by, and who is remembered to have served it */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../../fcgi-relay/affinity.h"
#include "base/arena.h"
#include "base/err.h"

#define T0 INT64_C(1000000000)
#define SYSTEM "{\"role\":\"system\",\"content\":\"be kind\"}"
#define USER "{\"role\":\"user\",\"content\":\"hello\"}"
#define REPLY ",{\"role\":\"assistant\",\"content\":\"hi\"},{\"role\":\"user\",\"content\":\"on\"}"

static struct conversation of(enum mode mode, const char *members, int64_t user, int64_t token)
{
	struct arena *a = arena_new(1024);
	struct ask ask = { .mode = mode };
	struct err err = { 0 };
	struct conversation c;
	struct str body = str_c(arena_fmt(a, "{%s}", members));

	if (!jscan_check(body, 64, &ask.root, &err))
		fail_msg("%s: %s", members, err.msg);
	(void)jscan_member(ask.root, STR("messages"), &ask.messages);
	(void)jscan_member(ask.root, STR("input"), &ask.input);
	(void)jscan_member(ask.root, STR("prompt_cache_key"), &ask.prompt_cache_key);
	(void)jscan_member(ask.root, STR("safety_identifier"), &ask.safety_identifier);
	(void)jscan_member(ask.root, STR("user"), &ask.user);
	c = conversation_of(&ask, user, token);
	arena_free(a);
	return c;
}

static struct conversation chat(const char *members)
{
	return of(MODE_CHAT, members, 1, 10);
}

/* The same conversation or another? */
static void test_same(void **state)
{
	static const struct {
		const char *name, *first, *second;
		bool same;
	} cases[] = {
		{ "the next turn", "\"messages\":[" SYSTEM "," USER "]",
		    "\"messages\":[" SYSTEM "," USER REPLY "]", true },
		{ "other members", "\"messages\":[" USER "]",
		    "\"temperature\":1,\"stream\":true,\"messages\":[" USER REPLY "]", true },
		{ "another system prompt", "\"messages\":[" SYSTEM "," USER "]",
		    "\"messages\":[" USER "]", false },
		{ "another first question", "\"messages\":[" USER "]",
		    "\"messages\":[{\"role\":\"user\",\"content\":\"bye\"}]", false },
		{ "another user of the client", "\"user\":\"a\",\"messages\":[" USER "]",
		    "\"user\":\"b\",\"messages\":[" USER "]", false },
		{ "the identifier counts more than the old member",
		    "\"user\":\"a\",\"safety_identifier\":\"s\",\"messages\":[" USER "]",
		    "\"safety_identifier\":\"s\",\"user\":\"b\",\"messages\":[" USER "]", true },
		{ "the cache key alone", "\"prompt_cache_key\":\"k\",\"messages\":[" SYSTEM "]",
		    "\"user\":\"u\",\"prompt_cache_key\":\"k\",\"messages\":[" USER "]", true },
		{ "another cache key", "\"prompt_cache_key\":\"k\",\"messages\":[" USER "]",
		    "\"prompt_cache_key\":\"l\",\"messages\":[" USER "]", false },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct conversation a = chat(cases[i].first), b = chat(cases[i].second);

		if (a.key == 0 || b.key == 0 || (a.key == b.key) != cases[i].same)
			fail_msg("%s: %d", cases[i].name, a.key == b.key);
	}
}

static void test_continued(void **state)
{
	static const struct {
		const char *name;
		enum mode mode;
		const char *members;
		bool known, continued;
	} cases[] = {
		{ "first turn", MODE_CHAT, "\"messages\":[" SYSTEM "," USER "]", true, false },
		{ "second turn", MODE_CHAT, "\"messages\":[" USER REPLY "]", true, true },
		{ "a cache key", MODE_CHAT, "\"prompt_cache_key\":\"k\",\"messages\":[" USER "]",
		    true, true },
		{ "an empty cache key", MODE_CHAT,
		    "\"prompt_cache_key\":\"\",\"messages\":[" USER "]", true, false },
		{ "no messages of a user", MODE_CHAT, "\"messages\":[" SYSTEM "]", true, false },
		{ "no messages", MODE_CHAT, "\"messages\":[]", true, false },
		{ "responses, a text", MODE_RESPONSES, "\"input\":\"hello\"", false, false },
		{ "responses, a list", MODE_RESPONSES, "\"input\":[" USER REPLY "]", true, true },
		{ "embeddings", MODE_EMBEDDINGS, "\"input\":[\"a\",\"b\"]", false, false },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct conversation c = of(cases[i].mode, cases[i].members, 1, 10);

		if ((c.key != 0) != cases[i].known || c.continued != cases[i].continued)
			fail_msg("%s: known %d, continued %d", cases[i].name, c.key != 0,
			    c.continued);
	}
}

/* Nobody meets anybody else's. */
static void test_who(void **state)
{
	static const char body[] = "\"messages\":[" USER "]",
	                  named[] = "\"prompt_cache_key\":\"k\"";

	assert_int_equal(of(MODE_CHAT, body, 1, 10).key, of(MODE_CHAT, body, 1, 10).key);
	assert_int_not_equal(of(MODE_CHAT, body, 1, 10).key, of(MODE_CHAT, body, 1, 11).key);
	assert_int_not_equal(of(MODE_CHAT, body, 1, 10).key, of(MODE_CHAT, body, 2, 10).key);
	assert_int_equal(of(MODE_CHAT, named, 1, 10).key, of(MODE_CHAT, named, 1, 11).key);
	assert_int_not_equal(of(MODE_CHAT, named, 1, 10).key, of(MODE_CHAT, named, 2, 10).key);
}

/* Only the beginning is looked at: what lies behind 4 KiB makes no difference. */
static void test_bound(void **state)
{
	struct arena *a = arena_new(64 * 1024);
	char *text = arena_alloc(a, 20001);
	struct conversation one, two, three;

	for (int i = 0; i < 20000; i++)
		text[i] = 'a';
	text[20000] = '\0';
	one = chat(arena_fmt(a, "\"messages\":[{\"role\":\"user\",\"content\":\"%s\"}]", text));
	text[AFFINITY_PROMPT_MAX] = 'b';
	two = chat(arena_fmt(a, "\"messages\":[{\"role\":\"user\",\"content\":\"%s\"}]", text));
	text[1000] = 'b';
	three = chat(arena_fmt(a, "\"messages\":[{\"role\":\"user\",\"content\":\"%s\"}]", text));
	assert_int_equal(one.key, two.key);
	assert_int_not_equal(one.key, three.key);
	arena_free(a);
}

static void test_table(void **state)
{
	void *memory = calloc(1, cells_bytes(AFFINITY_CELLS, AFFINITY_WORDS));
	struct cells t = cells_at(memory, AFFINITY_CELLS, AFFINITY_WORDS);

	assert_int_equal(affinity_find(&t, 5, 1, T0), 0);
	affinity_note(&t, 5, 1, 42, 60000, T0);
	assert_int_equal(affinity_find(&t, 5, 1, T0 + 59999), 42);
	assert_int_equal(affinity_find(&t, 5, 1, T0 + 60000), 0);
	assert_int_equal(affinity_find(&t, 5, 2, T0), 0); /* another model */
	assert_int_equal(affinity_find(&t, 6, 1, T0), 0);
	affinity_note(&t, 5, 1, 43, 60000, T0 + 30000);
	assert_int_equal(affinity_find(&t, 5, 1, T0 + 80000), 43);
	for (uint64_t i = 100; i < 500000; i++)
		affinity_note(&t, i, 1, 1, 60000, T0);
	affinity_note(&t, 7, 1, 44, 60000, T0);
	assert_int_equal(affinity_find(&t, 7, 1, T0), 44);
	free(memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same),
		cmocka_unit_test(test_continued),
		cmocka_unit_test(test_who),
		cmocka_unit_test(test_bound),
		cmocka_unit_test(test_table),
	};

	return cmocka_run_group_tests_name("affinity", tests, NULL, NULL);
}
