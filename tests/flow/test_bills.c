/* test_bills.c — what each mode costs, what it reserves meanwhile, and what its log row says
 *
 * Prices are set here, so every figure follows from relay.md 9 by hand: USD 0.04 an image are 20,000
 * quota, USD 0.006 a minute are 3,000, a ratio of 1 is one quota for a token.
 */
#include "crowd.h"

#include <stdlib.h>

#define SAID "\"messages\":[{\"role\":\"user\",\"content\":\"hello\"}]"
/* 160,000 bytes: ten seconds as usual (128 kbit/s), eighty at the least (16 kbit/s). */
#define FILE_BYTES 160000
#define GRANTED INT64_C(100000000)

static struct stack *s;
static struct stack_user u;

static int set_up(void **state)
{
	s = stack_start(NULL);
	stack_option(s, "ModelRatio",
	    "{\"b-moderation\":1,\"b-embedding\":1,\"b-edit\":1,\"b-response\":1,\"b-text\":1,"
	    "\"b-token-image\":2.5}");
	stack_option(s, "CompletionRatio",
	    "{\"b-response\":2,\"b-text\":2,\"b-edit\":2,\"b-token-image\":8}");
	stack_option(s, "ModelPrice",
	    "{\"b-image\":{\"per_image\":0.04},\"b-fewer\":{\"per_image\":0.04},"
	    "\"b-ears\":{\"per_minute\":0.006},\"b-silent\":{\"per_minute\":0.006}}");
	u = stack_user(s, &(struct stack_person){ .quota = GRANTED });
	return 0;
}

static int tear_down(void **state)
{
	stack_stop(s);
	return 0;
}

/* clang-format off */
static const struct bill {
	const char *name, *model, *path;
	const char *body; /* NULL: a form with a file */
	const char *reply;
	int64_t held;  /* -1: whatever */
	int64_t quota; /* -1: as much as prompt_tokens */
	int64_t prompt, completion, finish; /* -1: at least one token */
} bills[] = {
	{ "moderation, which has no usage", "b-moderation", "/v1/moderations",
	  "{\"model\":\"b-moderation\",\"input\":[\"hello\",\"hello\"]}",
	  "{\"id\":\"m\",\"model\":\"x\",\"results\":[]}", -1, -1, -1, 0, 2 },
	{ "embeddings", "b-embedding", "/v1/embeddings", "{\"model\":\"b-embedding\",\"input\":\"hello\"}",
	  "{\"object\":\"list\",\"data\":[],\"usage\":{\"prompt_tokens\":1,\"total_tokens\":1}}", 1, 1, 1, 0, 0 },
	{ "edits", "b-edit", "/v1/edits", "{\"model\":\"b-edit\",\"input\":\"helo\",\"instruction\":\"mend\"}",
	  "{\"object\":\"edit\",\"choices\":[{\"index\":0,\"text\":\"hello\"}],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":3,\"total_tokens\":8}}",
	  -1, 11, 5, 3, 0 },
	{ "a response", "b-response", "/v1/responses", "{\"model\":\"b-response\",\"input\":\"hello\",\"max_output_tokens\":50}",
	  "{\"id\":\"resp_1\",\"object\":\"response\",\"status\":\"completed\",\"output\":[],\"usage\":{\"input_tokens\":20,\"output_tokens\":5,\"total_tokens\":25}}",
	  -1, 30, 20, 5, 0 },
	{ "a list of prompts, each answered twice", "b-text", "/v1/completions",
	  "{\"model\":\"b-text\",\"prompt\":[\"hello\",\"hello\",\"hello\"],\"n\":2,\"max_tokens\":100}",
	  "{\"object\":\"text_completion\",\"choices\":[{\"index\":0,\"text\":\"a\",\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":6,\"total_tokens\":9}}",
	  1203, 15, 3, 6, 0 },
	{ "two images", "b-image", "/v1/images/generations", "{\"model\":\"b-image\",\"prompt\":\"a cat\",\"n\":2}",
	  "{\"created\":1,\"data\":[{\"url\":\"https://x.example/1\"},{\"url\":\"https://x.example/2\"}]}", 40000, 40000, 0, 0, 0 },
	{ "fewer images than asked for", "b-fewer", "/v1/images/generations", "{\"model\":\"b-fewer\",\"prompt\":\"a cat\",\"n\":3}",
	  "{\"created\":1,\"data\":[{\"url\":\"https://x.example/1\"}]}", 60000, 20000, 0, 0, 0 },
	{ "an image that is paid by tokens", "b-token-image", "/v1/images/generations", "{\"model\":\"b-token-image\",\"prompt\":\"a cat\"}",
	  "{\"created\":1,\"data\":[{\"b64_json\":\"eA==\"}],\"usage\":{\"input_tokens\":10,\"output_tokens\":100,\"total_tokens\":110}}", -1, 2025, 10, 100, 0 },
	{ "a minute and a half", "b-ears", "/v1/audio/transcriptions", NULL,
	  "{\"text\":\"hello\",\"usage\":{\"type\":\"duration\",\"seconds\":90}}", 4000, 4500, 0, 0, 0 },
	{ "nobody says how long", "b-silent", "/v1/audio/translations", NULL, "{\"text\":\"hello\"}", 4000, 500, 0, 0, 2 },
};
/* clang-format on */

static char *form_of(const char *model, size_t *n)
{
	static char form[FILE_BYTES + 1024];
	int head = snprintf(form, sizeof form,
	    "--edge\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\n%s\r\n"
	    "--edge\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.mp3\"\r\n"
	    "Content-Type: audio/mpeg\r\n\r\n",
	    model);

	memset(form + head, 'a', FILE_BYTES);
	*n = (size_t)head + FILE_BYTES;
	*n += (size_t)snprintf(form + *n, sizeof form - *n, "\r\n--edge--\r\n");
	return form;
}

struct call {
	pthread_t thread;
	struct stack_ask ask;
	struct stack_reply *reply;
};

static void *run_call(void *arg)
{
	struct call *c = arg;

	c->reply = stack_http(s, &c->ask);
	return NULL;
}

static void want_tokens(const char *name, const char *column, int64_t want)
{
	int64_t got = last_log(s, column);

	if (want < 0 ? got < 1 : got != want)
		fail_msg("%s: %s is %" PRId64 ", want %" PRId64, name, column, got, want);
}

static void check_bill(const struct bill *b)
{
	static const char *const form_type[] = { "Content-Type: multipart/form-data; boundary=edge",
		NULL };
	struct call c = { .ask = { .path = b->path, .key = u.key, .body = b->body } };
	char script[2048];
	int64_t held;

	if (!b->body) {
		c.ask.headers = form_type;
		c.ask.body = form_of(b->model, &c.ask.body_bytes);
	}
	snprintf(script, sizeof script, "delay 400\nbody %s\n", b->reply);
	stack_script(s, b->model, script);
	stack_channel(s, &(struct stack_channel){ .models = b->model });
	pthread_create(&c.thread, NULL, run_call, &c);
	wait_for_number(s, "SELECT count(*) FROM reservations", 1);
	held = stack_sql_int(s, "SELECT amount FROM reservations");
	pthread_join(c.thread, NULL);
	if (c.reply->status != 200)
		fail_msg("%s: status %d: %s", b->name, c.reply->status, c.reply->body.data);
	if (!stack_wait_settled(s, 5000))
		fail_msg("%s: a reservation is left", b->name);
	if (b->held >= 0)
		books_want(b->name, "held", held, b->held);
	want_tokens(b->name, "prompt_tokens", b->prompt);
	want_tokens(b->name, "completion_tokens", b->completion);
	books_want(b->name, "quota", last_log(s, "quota"),
	    b->quota < 0 ? last_log(s, "prompt_tokens") : b->quota);
	books_want(b->name, "finish", last_log(s, "finish"), b->finish);
	/* What was held is a bound of what it cost. */
	if (b->finish == 0 && b->quota > 0 && b->held != 4000 && held < b->quota)
		fail_msg("%s: %" PRId64 " were held, %" PRId64 " charged", b->name, held, b->quota);
	assert_in_range(last_log(s, "elapsed_time"), 400, 10000);
	assert_int_equal(last_log(s, "upstream_status"), 200);
	assert_int_equal(last_log(s, "attempts"), 1);
	books_agree(s, b->name, u.id, GRANTED);
}

static void test_bills(void **state)
{
	for (size_t i = 0; i < COUNT_OF(bills); i++)
		check_bill(&bills[i]);
}

/* What a row says of its model: the one that served, and the one that was asked for. */
static void test_names(void **state)
{
	stack_script(s, "b-image",
	    "body {\"created\":1,\"data\":[{\"url\":\"https://x.example/1\"}]}\n");
	stack_channel(s,
	    &(struct stack_channel){ .models = "b-alias", .mapping = "{\"b-alias\":\"b-image\"}" });
	assert_int_equal(stack_post(s, "/v1/images/generations", u.key,
	                     "{\"model\":\"b-alias\",\"prompt\":\"a cat\"}")
	                     ->status,
	    200);
	assert_true(stack_wait_settled(s, 5000));
	assert_int_equal(
	    stack_sql_int(s,
	        "SELECT model_name = 'b-image' AND origin_model = 'b-alias' AND quota = "
	        "20000 FROM logs ORDER BY id DESC LIMIT 1"),
	    1);
}

/* A stream of images that breaks off behind a part of one has shown it: that one is paid. */
static void test_partial_image(void **state)
{
	stack_script(s, "b-image",
	    "header Content-Type: text/event-stream\n"
	    "event {\"type\":\"image_generation.partial_image\",\"b64_json\":\"eA==\","
	    "\"partial_image_index\":0}\ncut\n");
	stack_channel(s, &(struct stack_channel){ .models = "b-image" });
	assert_int_equal(stack_post(s, "/v1/images/generations", u.key,
	                     "{\"model\":\"b-image\",\"prompt\":\"a cat\",\"stream\":true,"
	                     "\"partial_images\":1}")
	                     ->status,
	    200);
	assert_true(stack_wait_settled(s, 5000));
	assert_int_equal(last_log(s, "finish"), 1);
	assert_int_equal(last_log(s, "quota"), 20000);
	books_agree(s, "a partial image", u.id, GRANTED);
}

/* A mode that a channel's kind does not know is refused before anything is set aside. */
static void test_reserved_route(void **state)
{
	struct stack_reply *r;

	stack_channel(s, &(struct stack_channel){ .models = "b-rerank" });
	stack_option(s, "UnpricedModel", "free");
	r = stack_post(s, "/v1/rerank", u.key,
	    "{\"model\":\"b-rerank\",\"query\":\"a\",\"documents\":[\"b\"]}");
	if (r->status != 400 && r->status != 501)
		fail_msg("rerank: status %d: %s", r->status, r->body.data);
	assert_int_equal(stack_sums(s, u.id).reserved, 0);
	stack_option(s, "UnpricedModel", "refuse");
}

/* Option ApproximateTokenEnabled, with a text whose exact count is known (tokens.md section 5).
 * exact: 3 + 3 + role 1 + "hello world" 2 = 9 and "tiktoken is great!" 6; then a quarter of the
 * bytes, rounded up: 3 + 3 + 1 + 3 = 10 and 5. The completion costs twice. */
static void test_approximate(void **state)
{
	static const char body[] = "{\"model\":\"b-text\",\"messages\":[{\"role\":\"user\","
	                           "\"content\":\"hello world\"}]}";
	static const struct {
		const char *option;
		int64_t prompt, completion;
	} cases[] = { { "false", 9, 6 }, { "true", 10, 5 }, { "false", 9, 6 } };
	int64_t channel = stack_channel(s, &(struct stack_channel){ .models = "b-text" });

	stack_script(s, "b-text",
	    "header Content-Type: application/json\n"
	    "body {\"object\":\"chat.completion\",\"choices\":[{\"index\":0,\"finish_reason\":"
	    "\"stop\",\"message\":{\"role\":\"assistant\",\"content\":\"tiktoken is "
	    "great!\"}}]}\n");
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		stack_option(s, "ApproximateTokenEnabled", cases[i].option);
		assert_int_equal(stack_post(s, STACK_CHAT, u.key, body)->status, 200);
		assert_true(stack_wait_settled(s, 5000));
		want_tokens(cases[i].option, "prompt_tokens", cases[i].prompt);
		want_tokens(cases[i].option, "completion_tokens", cases[i].completion);
		want_tokens(cases[i].option, "quota", cases[i].prompt + 2 * cases[i].completion);
	}
	stack_channel_delete(s, channel);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bills),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_partial_image),
		cmocka_unit_test(test_reserved_route),
		cmocka_unit_test(test_approximate),
	};

	return cmocka_run_group_tests_name("bills", tests, set_up, tear_down);
}
