/* Cohere, DeepL, Replicate and Cloudflare through nginx: whole, streamed, rerank, images, money. */
#include "../stack.h"

#include <stdio.h>
#include <string.h>

#include "base/attr.h"

#define QUOTA 50000000
#define ASK(model, more)                                                                           \
	"{\"model\":\"" model "\"" more ",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}"

/* Prices for names that the built-in tables do not know. */
static void price(struct stack *s)
{
	stack_option(s, "ModelRatio",
	    "{\"command-a-03-2025\":1,\"rerank-v3.5\":1,\"deepl-fr\":1,\"meta/llama\":1,"
	    "\"@cf/meta/llama\":1,\"@cf/flux\":1}");
}

static struct stack_user someone(struct stack *s)
{
	price(s);
	return stack_user(s, &(struct stack_person){ .quota = QUOTA });
}

static int64_t charged(struct stack *s, const struct stack_user *u)
{
	assert_true(stack_wait_settled(s, 5000));
	return QUOTA - stack_sums(s, u->id).quota;
}

static void test_cohere(void **state)
{
	struct stack *s = *state;
	struct stack_user u = someone(s);
	int64_t channel = stack_channel(s,
	    &(struct stack_channel){ .models = "command-a-03-2025,rerank-v3.5", .type = 35 });
	struct stack_reply *r;

	r = stack_post(s, STACK_CHAT, u.key, ASK("command-a-03-2025", ""));
	assert_int_equal(r->status, 200);
	assert_string_equal(stack_text(r->json, "choices.0.message.content"), "fake reply");
	assert_int_equal(stack_int(r->json, "usage.prompt_tokens"), 30);
	r = stack_post(s, STACK_CHAT, u.key, ASK("command-a-03-2025", ",\"stream\":true"));
	assert_int_equal(r->status, 200);
	assert_non_null(strstr(r->body.data, "\"delta\":{\"content\":\"fake reply\"}"));
	assert_non_null(strstr(r->body.data, "data: [DONE]\n\n"));
	r = stack_post(s, "/v1/rerank", u.key,
	    "{\"model\":\"rerank-v3.5\",\"query\":\"cat\",\"documents\":[\"dog\",\"cat\"],"
	    "\"return_documents\":true}");
	assert_int_equal(r->status, 200);
	assert_int_equal(stack_int(r->json, "results.0.index"), 1);
	assert_string_equal(stack_text(r->json, "results.0.document.text"), "cat");
	assert_true(charged(s, &u) > 0);
	stack_channel_delete(s, channel);
}

static void test_deepl(void **state)
{
	struct stack *s = *state;
	struct stack_user u = someone(s);
	int64_t channel =
	    stack_channel(s, &(struct stack_channel){ .models = "deepl-fr", .type = 38 });
	struct stack_reply *r;

	r = stack_post(s, STACK_CHAT, u.key, ASK("deepl-fr", ""));
	assert_int_equal(r->status, 200);
	assert_string_equal(stack_text(r->json, "choices.0.message.content"), "[FR] hi");
	assert_int_equal(stack_int(r->json, "usage.prompt_tokens"), 2);
	r = stack_post(s, STACK_CHAT, u.key, ASK("deepl-fr", ",\"stream\":true"));
	assert_int_equal(r->status, 200);
	assert_non_null(strstr(r->body.data, "\"delta\":{\"content\":\"[FR] hi\"}"));
	assert_non_null(strstr(r->body.data, "data: [DONE]\n\n"));
	stack_channel_delete(s, channel);
}

static void test_replicate(void **state)
{
	struct stack *s = *state;
	struct stack_user u = someone(s);
	char base[128];
	struct stack_reply *r;
	int64_t channel;

	snprintf(base, sizeof base, "%s/v1", s->upstream);
	channel = stack_channel(s,
	    &(struct stack_channel){ .models = "meta/llama", .type = 46, .base_url = base });
	r = stack_post(s, STACK_CHAT, u.key, ASK("meta/llama", ""));
	assert_int_equal(r->status, 200);
	assert_string_equal(stack_text(r->json, "choices.0.message.content"), "fake reply");
	assert_int_equal(stack_int(r->json, "usage.total_tokens"), 22);
	r = stack_post(s, STACK_CHAT, u.key, ASK("meta/llama", ",\"stream\":true"));
	assert_int_equal(r->status, 200);
	assert_non_null(strstr(r->body.data, "\"delta\":{\"content\":\"fake \"}"));
	assert_non_null(strstr(r->body.data, "data: [DONE]\n\n"));
	assert_true(charged(s, &u) > 0);
	stack_channel_delete(s, channel);
}

static void test_cloudflare(void **state)
{
	struct stack *s = *state;
	struct stack_user u = someone(s);
	int64_t channel = stack_channel(s,
	    &(struct stack_channel){ .models = "@cf/meta/llama,@cf/flux",
	        .type = 37,
	        .config = "{\"user_id\":\"acc\"}" });
	struct stack_reply *r;

	r = stack_post(s, "/v1/completions", u.key,
	    "{\"model\":\"@cf/meta/llama\",\"prompt\":\"hi\"}");
	assert_int_equal(r->status, 200);
	assert_string_equal(stack_text(r->json, "choices.0.text"), "fake reply");
	r = stack_post(s, STACK_CHAT, u.key, ASK("@cf/meta/llama", ",\"stream\":true"));
	assert_int_equal(r->status, 200);
	assert_non_null(strstr(r->body.data, "data: [DONE]\n\n"));
	r = stack_post(s, "/v1/images/generations", u.key,
	    "{\"model\":\"@cf/flux\",\"prompt\":\"cat\",\"n\":2}");
	assert_int_equal(r->status, 200);
	assert_string_equal(stack_text(r->json, "data.1.b64_json"), "ZmFrZQ==");
	stack_channel_delete(s, channel);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cohere),
		cmocka_unit_test(test_deepl),
		cmocka_unit_test(test_replicate),
		cmocka_unit_test(test_cloudflare),
	};

	return stack_run("west", tests, COUNT_OF(tests), NULL);
}
