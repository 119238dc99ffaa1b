/* test_works_late.c — what goes on behind an answer: its tokens count in limits when they are known, and
 * what others make past us is not taken for it
 *
 * The settler looks after one second here. Prices stand in works.h. */
#include "works.h"

#include <stdlib.h>

/* ---- limits ---------------------------------------------------------------------------------- */

#define CHAT_BODY                                                                                  \
	"{\"model\":\"gpt-4o\",\"max_tokens\":10,\"messages\":[{\"role\":\"user\",\"content\":"    \
	"\"hi\"}]}"
/* What it declares, and what the upstream reports. */
#define CHAT_DECLARED 18
#define CHAT_USED 17

/* Behind it, all that was committed before has been counted: the ledger does one after the other. */
static void wait_counted(struct stack *s)
{
	struct stack_user other = person(s);

	assert_int_equal(stack_post(s, STACK_CHAT, other.key, CHAT_BODY)->status, 200);
}

static struct stack_user limited_person(struct stack *s, const char *rule)
{
	struct stack_user u = person(s);

	stack_api(s, "PUT", "/api/limit/", "{\"scope\":\"key\",\"subject\":\"%" PRId64 "\",%s}",
	    u.key_id, rule);
	stack_wait_catalog(s);
	return u;
}

/* Tokens of a day, of which one comes back in 8.64 seconds. */
static int64_t left_of_day(struct stack *s, const struct stack_user *u)
{
	struct stack_reply *r = stack_post(s, STACK_CHAT, u->key, CHAT_BODY);
	const char *text = stack_header(r, "x-ratelimit-remaining-tokens");

	assert_int_equal(r->status, 200);
	assert_non_null(text);
	return strtoll(text, NULL, 10) + CHAT_DECLARED;
}

/* file: the member that names it; NULL: there is none. */
static const struct {
	const char *name, *path, *purpose, *file, *members;
	int64_t tokens, cost, calls;
} counted[] = {
	/* 80 + 20 + 50 */
	{ "batch", "/v1/batches", "batch", "input_file_id", "\"endpoint\":\"/v1/chat/completions\"",
	    150, USED, 2 },
	{ "training", "/v1/fine_tuning/jobs", "fine-tune", "training_file",
	    "\"model\":\"gpt-4o-mini-2024-07-18\",\"hyperparameters\":{\"n_epochs\":2},"
	    "\"metadata\":{\"play\":\"ends\"}",
	    3000, 4500, 2 },
	{ "response", "/v1/responses", NULL, NULL,
	    "\"model\":\"gpt-4o\",\"input\":\"hi\",\"background\":true", 18, RESPONSE, 0 },
	{ "run", "/v1/threads/runs", NULL, NULL, "\"model\":\"gpt-4o\"", 17, RUN, 1 },
	{ "run that goes on", "/v1/threads/runs", NULL, NULL,
	    "\"model\":\"gpt-4o\",\"metadata\":{\"play\":\"ends\"}", 17, RUN, 1 },
};

static void make_counted(struct stack *s, const struct stack_user *u, size_t i)
{
	const char *body = stack_fmt("{%s}", counted[i].members);

	if (counted[i].file)
		body = stack_fmt("{\"%s\":\"%s\",%s}", counted[i].file,
		    id_of(upload(s, u, counted[i].purpose, TWO_LINES)), counted[i].members);
	id_of(stack_post(s, counted[i].path, u->key, body));
}

/* Whatever goes on behind an answer counts against the day of the key that made it, once. */
static void test_tokens_a_day(void **state)
{
	struct stack *s = *state;
	struct stack_user users[COUNT_OF(counted)];
	int64_t before[COUNT_OF(counted)], began = stack_now_ms();

	for (size_t i = 0; i < COUNT_OF(counted); i++) {
		users[i] = limited_person(s, "\"tpd\":10000");
		before[i] = left_of_day(s, &users[i]);
		make_counted(s, &users[i], i);
	}
	for (size_t i = 0; i < COUNT_OF(counted); i++) {
		int64_t want = before[i] - CHAT_USED - counted[i].tokens, left, grown;

		wait_closed(s, &users[i], counted[i].name);
		/* the chat costs 10 × 1.25 + 7 × 5 */
		charged(s, &users[i], counted[i].name,
		    RUN + counted[i].cost + counted[i].calls * CALL);
		wait_counted(s);
		left = left_of_day(s, &users[i]);
		grown = (stack_now_ms() - began) * 10000 / 86400000 + 1;
		if (left < want || left > want + grown)
			fail_msg("%s: %" PRId64 " tokens are left, want %" PRId64 " to %" PRId64,
			    counted[i].name, left, want, want + grown);
	}
}

/* No minute has used what a batch did in hours; a run is a conversation. */
static void test_tokens_a_minute(void **state)
{
	static const struct {
		size_t i;
		int status;
	} cases[] = { { 0, 200 }, { 3, 429 } };
	struct stack *s = *state;

	for (size_t k = 0; k < COUNT_OF(cases); k++) {
		struct stack_user u = limited_person(s, "\"tpm\":18");
		int got;

		make_counted(s, &u, cases[k].i);
		wait_closed(s, &u, counted[cases[k].i].name);
		wait_counted(s);
		got = stack_post(s, STACK_CHAT, u.key, CHAT_BODY)->status;
		if (got != cases[k].status)
			fail_msg("%s: status %d, want %d", counted[cases[k].i].name, got,
			    cases[k].status);
	}
}

/* ---- made past us ----------------------------------------------------------------------------- */

/* Made of that file at the upstream by somebody who does not come by here. */
static void make_outside(struct stack *s, const char *file, const char *age)
{
	struct stack upstream = *s;
	const char *body =
	    stack_fmt("{\"input_file_id\":\"%s\",\"endpoint\":\"/v1/chat/completions\","
	              "\"metadata\":{\"play\":\"stays\",\"age\":\"%s\"}}",
	        file, age);

	memcpy(upstream.base, s->upstream, sizeof(upstream.base));
	id_of(stack_post(&upstream, "/v1/batches", "keeper", body));
	s->kept = upstream.kept;
}

/* Neither for the one whose answer broke nor for one that was never made is another of the same file
 * taken, whatever stands first in the list: one long before, one long after, one a little before. */
static void test_made_outside(void **state)
{
	static const struct {
		const char *name, *play, *ages[3];
		int64_t want;
	} cases[] = {
		{ "made", "lost", { "1000", "-1000", "250" }, CALL + USED },
		{ "not made", "broken", { "1000", "-1000", NULL }, CALL },
	};
	struct stack *s = *state;

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct stack_user u = person(s);
		const char *file = id_of(upload(s, &u, "batch", TWO_LINES));

		assert_int_equal(
		    stack_post(s, "/v1/batches", u.key, batch_body(file, cases[i].play))->status,
		    502);
		for (size_t k = 0; k < COUNT_OF(cases[i].ages) && cases[i].ages[k]; k++)
			make_outside(s, file, cases[i].ages[k]);
		wait_closed(s, &u, cases[i].name);
		charged(s, &u, cases[i].name, cases[i].want);
	}
}

/* Users, keys and channels against the log, after all this. */
static void test_books(void **state)
{
	struct stack *s = *state;

	assert_true(stack_wait_settled(s, SETTLED_MS));
	books_match_logs(s, "works");
}

int main(void)
{
	static const char *const env[] = { "RESOURCE_LOOK=1", NULL };
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tokens_a_day),
		cmocka_unit_test(test_tokens_a_minute),
		cmocka_unit_test(test_made_outside),
		cmocka_unit_test(test_books),
	};

	return stack_run("works, late", tests, COUNT_OF(tests), env);
}
