/* test_chaos.c — the relay is killed again and again among requests of every kind: the books agree
 *
 * Whole answers and streams, read to their end or left, answers that another channel gives at another
 * price, images, responses in the background, batches, on keys and budgets that run out meanwhile.
 * When it dies says a fixed sequence; what it does then, the moment. */
#include "works.h"

#include <signal.h>
#include <stdlib.h>

#define ROUNDS 5
#define EACH 4 /* requests of a kind in a round */
#define HELLO "\"messages\":[{\"role\":\"user\",\"content\":\"hello\"}]"
/* Enough for some of them. */
#define SMALL 3000

static const struct kind {
	const char *path, *body;
	bool leaves; /* the client, behind the first event */
} kinds[] = {
	{ STACK_CHAT, "{\"model\":\"gpt-4o\",\"max_tokens\":20," HELLO "}", false },
	{ STACK_CHAT, "{\"model\":\"slow-200\",\"max_tokens\":20," HELLO "}", false },
	{ STACK_CHAT, "{\"model\":\"stream-20-20\",\"stream\":true," HELLO "}", false },
	{ STACK_CHAT, "{\"model\":\"stream-200-20\",\"stream\":true," HELLO "}", true },
	{ STACK_CHAT, "{\"model\":\"elsewhere\",\"max_tokens\":20," HELLO "}", false },
	{ "/v1/embeddings", "{\"model\":\"text-embedding-3-small\",\"input\":\"hello\"}", false },
	{ "/v1/images/generations", "{\"model\":\"c-image\",\"prompt\":\"a cat\"}", false },
	{ "/v1/responses", "{\"model\":\"gpt-4o\",\"input\":\"hi\",\"background\":true}", false },
	{ "/v1/threads/runs", "{\"model\":\"gpt-4o\",\"metadata\":{\"play\":\"ends\"}}", false },
};

struct customer {
	struct stack *s;
	const struct kind *kind;
	const char *key;
	pthread_t thread;
};

static void *ask(void *arg)
{
	const struct customer *c = arg;
	const struct stack_ask a = { .path = c->kind->path, .key = c->key, .body = c->kind->body };
	struct stack_stream st;

	if (!c->kind->leaves) {
		(void)stack_http(c->s, &a);
		return NULL;
	}
	stack_stream_send(c->s, &a, 0, &st);
	if (stack_stream_head(&st, 60000) && st.reply.status == 200)
		(void)stack_stream_next(&st, 60000);
	stack_stream_close(&st, true);
	return NULL;
}

static void prepare(struct stack *s)
{
	stack_option(s, "ModelRatio",
	    "{\"gpt-4o\":1.25,\"slow-200\":1,\"stream-20-20\":1,\"stream-200-20\":1,\"error-500\":"
	    "7}");
	stack_option(s, "CompletionRatio",
	    "{\"gpt-4o\":4,\"slow-200\":2,\"stream-20-20\":2,\"stream-200-20\":2,\"error-500\":3}");
	stack_option(s, "ModelPrice", "{\"c-image\":{\"per_image\":0.0004}}");
	stack_option(s, "RetryTimes", "2");
	set_up(s);
	stack_channel(s,
	    &(struct stack_channel){ .models = "gpt-4o,slow-200,stream-20-20,stream-200-20,"
	                                       "text-embedding-3-small,c-image,elsewhere",
	        .mapping = "{\"elsewhere\":\"gpt-4o\"}" });
	/* dearer, asked first, and never there */
	stack_channel(s,
	    &(struct stack_channel){ .models = "elsewhere",
	        .mapping = "{\"elsewhere\":\"error-500\"}",
	        .priority = 9 });
}

/* A rich one, one whose key ends, one whose balance ends, one with a budget. */
static void make_users(struct stack *s, struct stack_user users[4])
{
	users[0] = stack_user(s, &(struct stack_person){ .quota = GRANTED });
	users[1] = stack_user(s,
	    &(struct stack_person){ .quota = GRANTED, .key_json = "\"remain_quota\":3000" });
	users[2] = stack_user(s, &(struct stack_person){ .quota = SMALL });
	users[3] = stack_user(s, &(struct stack_person){ .quota = GRANTED });
	stack_api(s, "PUT", "/api/limit/",
	    "{\"scope\":\"key\",\"subject\":\"%" PRId64 "\",\"budget_day\":%d}", users[3].key_id,
	    SMALL);
	stack_wait_catalog(s);
}

static void play_round(struct stack *s, struct stack_user users[4], int64_t after_ms)
{
	static struct customer all[COUNT_OF(kinds) * EACH];
	pid_t relay = stack_pid(s, "relay");

	for (size_t i = 0; i < COUNT_OF(all); i++) {
		all[i] = (struct customer){ .s = s,
			.kind = &kinds[i % COUNT_OF(kinds)],
			.key = users[i % 4].key };
		assert_int_equal(pthread_create(&all[i].thread, NULL, ask, &all[i]), 0);
	}
	stack_sleep_ms(after_ms);
	stack_kill(s, "relay", SIGKILL);
	for (size_t i = 0; i < COUNT_OF(all); i++)
		pthread_join(all[i].thread, NULL);
	stack_wait_restarted(s, "relay", relay);
}

static void check_reconciled(struct stack *s)
{
	char said[8192], data_dir[400];
	const struct stack_command c = {
		.dir = s->dir,
		.env = { data_dir, "LOG_FILE=/dev/null" },
		.words = { "reconcile" },
	};
	int got;

	snprintf(data_dir, sizeof(data_dir), "DATA_DIR=%s", s->data_dir);
	got = stack_command(&c, said, sizeof(said));
	if (got != 0 || !strstr(said, " 0 differences"))
		fail_msg("fcgi-admin reconcile: status %d, '%s'", got, said);
}

static void test_killed_again_and_again(void **state)
{
	static const int64_t granted[4] = { GRANTED, GRANTED, SMALL, GRANTED };
	static const int64_t after_ms[ROUNDS] = { 30, 350, 120, 5, 220 };
	struct stack *s = *state;
	struct stack_user users[4];
	char name[32];

	prepare(s);
	make_users(s, users);
	for (int i = 0; i < ROUNDS; i++) {
		play_round(s, users, after_ms[i]);
		snprintf(name, sizeof(name), "round %d", i);
		for (size_t k = 0; k < COUNT_OF(users); k++)
			books_agree(s, name, users[k].id, granted[k]);
	}
	if (!stack_wait_settled(s, 30000))
		fail_msg("%" PRId64 " reservations are left",
		    stack_sql_int(s, "SELECT count(*) FROM reservations"));
	for (size_t k = 0; k < COUNT_OF(users); k++)
		wait_closed(s, &users[k], "works");
	for (size_t k = 0; k < COUNT_OF(users); k++)
		books_agree(s, "in the end", users[k].id, granted[k]);
	books_agree_of_key(s, "in the end", users[1].key_id, SMALL);
	books_want("in the end", "budgets that hold something",
	    stack_sql_int(s, "SELECT count(*) FROM budget_sums WHERE reserved <> 0"), 0);
	assert_true(stack_sums(s, users[0].id).charges > ROUNDS);
	check_reconciled(s);
}

int main(void)
{
	static const char *const env[] = { "RESOURCE_LOOK=1", "RESERVATION_LEASE=3", NULL };
	static const struct CMUnitTest tests[] = { cmocka_unit_test(test_killed_again_and_again) };

	return stack_run("chaos", tests, COUNT_OF(tests), env);
}
