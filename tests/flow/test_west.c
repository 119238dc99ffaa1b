/* Cohere, DeepL, Replicate, Cloudflare and SiliconFlow through nginx: whole, streamed, rerank, images,
 * money. */
#include "../stack.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/attr.h"

#define QUOTA 50000000
#define ASK(model, more)                                                                           \
	"{\"model\":\"" model "\"" more ",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}"

/* Prices for names that the built-in tables do not know. */
static void price(struct stack *s)
{
	stack_option(s, "ModelRatio",
	    "{\"command-a-03-2025\":1,\"rerank-v3.5\":1,\"deepl-fr\":1,\"meta/llama\":1,"
	    "\"meta/lost\":1,\"meta/scripted\":1,\"kolors\":1,"
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
	    &(struct stack_channel){ .models = "meta/llama,meta/lost",
	        .type = 46,
	        .base_url = base });
	r = stack_post(s, STACK_CHAT, u.key, ASK("meta/llama", ""));
	assert_int_equal(r->status, 200);
	assert_string_equal(stack_text(r->json, "choices.0.message.content"), "fake reply");
	assert_int_equal(stack_int(r->json, "usage.total_tokens"), 22);
	r = stack_post(s, STACK_CHAT, u.key,
	    ASK("meta/llama", ",\"stream\":true,\"stream_options\":{\"include_usage\":true}"));
	assert_int_equal(r->status, 200);
	assert_non_null(strstr(r->body.data, "\"delta\":{\"content\":\"fake \"}"));
	assert_non_null(strstr(r->body.data, "\"prompt_tokens\":18,\"completion_tokens\":4"));
	assert_non_null(strstr(r->body.data, "data: [DONE]\n\n"));
	/* The prediction is not to be had any more: the stream ends all the same. */
	r = stack_post(s, STACK_CHAT, u.key, ASK("meta/lost", ",\"stream\":true"));
	assert_int_equal(r->status, 200);
	assert_non_null(strstr(r->body.data, "\"delta\":{\"content\":\"reply\"}"));
	assert_non_null(strstr(r->body.data, "\"finish_reason\":\"stop\""));
	assert_non_null(strstr(r->body.data, "data: [DONE]\n\n"));
	assert_null(strstr(r->body.data, "\"error\""));
	assert_true(charged(s, &u) > 0);
	stack_channel_delete(s, channel);
}

static void wait_path(struct stack *s, const char *path)
{
	for (int i = 0; i < 6000; i++) {
		const char *last = stack_text(stack_last(s), "path");

		if (last && strstr(last, path))
			return;
		stack_sleep_ms(10);
	}
	fail_msg("nobody asked for %s", path);
}

/* The client has the whole text, and leaves while the prediction is asked what it used. */
static void test_replicate_left(void **state)
{
	struct stack *s = *state;
	struct stack_user u = someone(s);
	struct stack_stream st;
	char base[128];
	int64_t channel;

	snprintf(base, sizeof base, "%s/v1", s->upstream);
	channel = stack_channel(s,
	    &(struct stack_channel){ .models = "meta/scripted", .type = 46, .base_url = base });
	stack_script(s, "prediction", "status 500\nchunk {\nstall\n");
	assert_true(stack_stream_open(s,
	    &(struct stack_ask){ .path = STACK_CHAT,
	        .key = u.key,
	        .body = ASK("meta/scripted", ",\"stream\":true") },
	    &st));
	do
		assert_int_equal(stack_stream_next(&st, 60000), STACK_EVENT);
	while (!strstr(st.event.data, "\"content\":\"reply\""));
	wait_path(s, "/v1/models/prediction");
	stack_sleep_ms(
	    200); /* it answers, badly: most likely that is seen before the client leaves */
	stack_stream_close(&st, true);
	assert_true(stack_wait_settled(s, 60000));
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

/* A port of this machine that would hear if somebody came. */
static int listener(uint16_t *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	socklen_t n = sizeof(a);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, 4), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
	*port = ntohs(a.sin_port);
	return fd;
}

static struct stack_reply *paint(struct stack *s, const struct stack_user *u, const char *url)
{
	char script[512];

	snprintf(script, sizeof(script), "body {\"images\":[{\"url\":\"%s\"}],\"seed\":1}\n", url);
	stack_script(s, "kolors", script);
	return stack_post(s, "/v1/images/generations", u->key,
	    "{\"model\":\"kolors\",\"prompt\":\"cat\",\"response_format\":\"b64_json\"}");
}

/* It has but URLs of pictures: they are fetched, from below the channel's own base or from public
 * places. */
static void test_siliconflow(void **state)
{
	struct stack *s = *state;
	struct stack_user u = someone(s);
	int64_t channel =
	    stack_channel(s, &(struct stack_channel){ .models = "kolors", .type = 44 });
	struct stack_reply *r;
	uint16_t port;
	char url[128];
	int fd = listener(&port), came;

	stack_script(s, "picture", "header Content-Type: image/png\nbody any bytes\n");
	snprintf(url, sizeof(url), "%s/models/picture", s->upstream);
	r = paint(s, &u, url);
	assert_int_equal(r->status, 200);
	assert_string_equal(stack_text(r->json, "data.0.b64_json"), "YW55IGJ5dGVz");
	assert_true(charged(s, &u) > 0);

	snprintf(url, sizeof(url), "https://127.0.0.1:%u/a.png", (unsigned)port);
	r = paint(s, &u, url);
	assert_int_equal(r->status, 502);
	came = accept(fd, NULL, NULL);
	assert_int_equal(came, -1);
	assert_int_equal(errno, EAGAIN);
	close(fd);
	stack_channel_delete(s, channel);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cohere),
		cmocka_unit_test(test_deepl),
		cmocka_unit_test(test_replicate),
		cmocka_unit_test(test_replicate_left),
		cmocka_unit_test(test_cloudflare),
		cmocka_unit_test(test_siliconflow),
	};

	return stack_run("west", tests, COUNT_OF(tests), NULL);
}
