/* test_relay_routes.c — no route that calls an upstream is without a price rule */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"

#include "../../fcgi-relay/relay.h"
#include "../../fcgi-relay/routes.h"

static const struct route_mode priced = { MODE_CHAT, PRICE_TOKENS, NULL, NULL };
static const struct route_mode unpriced = { MODE_CHAT, PRICE_NONE, NULL, NULL };
static const struct route_mode forgotten = { .mode = MODE_IMAGES };

static bool answer(struct req *r, struct resp *out, struct err *err)
{
	return true;
}

/* clang-format off */
static const struct {
	const char *name;
	struct route rows[3];
	const char *want; /* NULL: fine */
} cases[] = {
	{ "all have one", { { "POST", "/a", ACCESS_KEY, 0, relay_begin, &priced }, { 0 } }, NULL },
	{ "calls nobody", { { "GET", "/a", ACCESS_KEY, 0, answer, NULL }, { 0 } }, NULL },
	{ "says none", { { "POST", "/a", ACCESS_KEY, 0, relay_begin, &priced },
	  { "POST", "/b", ACCESS_KEY, 0, relay_begin, &unpriced }, { 0 } }, "POST /b" },
	{ "says nothing", { { "POST", "/b", ACCESS_KEY, 0, relay_begin, &forgotten }, { 0 } }, "POST /b" },
	{ "no mode", { { "PUT", "/c", ACCESS_KEY, 0, relay_begin, NULL }, { 0 } }, "PUT /c" },
};
/* clang-format on */

static void test_rules(void **state)
{
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const struct route *const tables[] = { cases[i].rows, NULL };
		struct err err = { 0 };
		bool ok = routes_are_priced(tables, &err);

		if (ok != !cases[i].want || (cases[i].want && !strstr(err.msg, cases[i].want)))
			fail_msg("%s: got '%s', want '%s'", cases[i].name, err.msg,
			    cases[i].want ? cases[i].want : "fine");
	}
}

struct expected {
	const char *method, *path;
	enum price_rule price;
	bool seen;
};

static void find(const struct route *row, void *arg)
{
	struct expected *list = arg;

	for (; list->method; list++) {
		const struct route_mode *mode = row->data;

		if (strcmp(row->method, list->method) == 0 && strcmp(row->path, list->path) == 0) {
			list->seen = true;
			if (row->access != ACCESS_KEY || !mode || mode->price != list->price)
				fail_msg("%s %s: access %d, price rule %d", row->method, row->path,
				    row->access, mode ? (int)mode->price : -1);
		}
	}
}

/* The routes of relay.md section 1, and how each is charged (section 9). */
static void test_table(void **state)
{
	struct expected want[] = {
		{ "POST", "/v1/chat/completions", PRICE_TOKENS, false },
		{ "POST", "/v1/completions", PRICE_TOKENS, false },
		{ "POST", "/v1/edits", PRICE_TOKENS, false },
		{ "POST", "/v1/embeddings", PRICE_TOKENS, false },
		{ "POST", "/v1/engines/:model/embeddings", PRICE_TOKENS, false },
		{ "POST", "/v1/moderations", PRICE_TOKENS, false },
		{ "POST", "/v1/responses", PRICE_TOKENS, false },
		{ "POST", "/v1/responses/compact", PRICE_TOKENS, false },
		{ "POST", "/v1/rerank", PRICE_TOKENS, false },
		{ "POST", "/v1/images/generations", PRICE_IMAGE, false },
		{ "POST", "/v1/images/edits", PRICE_IMAGE, false },
		{ "POST", "/v1/images/variations", PRICE_IMAGE, false },
		{ "POST", "/v1/audio/speech", PRICE_SPEECH, false },
		{ "POST", "/v1/audio/transcriptions", PRICE_AUDIO, false },
		{ "POST", "/v1/audio/translations", PRICE_AUDIO, false },
		{ 0 },
	};
	struct err err = { 0 };
	struct route_table *t = routes_table(&err);

	if (!t)
		fail_msg("%s", err.msg);
	route_each(t, find, want);
	for (size_t i = 0; want[i].method; i++) {
		if (!want[i].seen)
			fail_msg("%s %s is missing", want[i].method, want[i].path);
	}
	route_table_free(t);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_table),
	};

	return cmocka_run_group_tests_name("relay_routes", tests, NULL, NULL);
}
