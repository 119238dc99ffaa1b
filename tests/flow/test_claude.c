/* test_claude.c — Claude through its own API and through Bedrock, behind nginx
 *
 * What an OpenAI client gets of both, and what it is charged.
 */
#include "../stack.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SAID "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"
#define TOOLS                                                                                      \
	"\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"weather\",\"parameters\":"     \
	"{\"type\":\"object\",\"properties\":{\"city\":{\"type\":\"string\"}}}}}]"
#define STREAMED "\"stream\":true,\"stream_options\":{\"include_usage\":true}"
#define BODY(model) "{\"model\":\"" model "\"," SAID "}"

static void set_up(struct stack *s)
{
	static bool done;

	if (done)
		return;
	done = true;
	stack_option(s, "UnpricedModel", "free");
	stack_channel(s,
	    &(struct stack_channel){ .type = 14,
	        .models = "claude-sonnet-4-5,claude-broken,claude-overloaded,error-529",
	        .key = "sk-ant-the-key" });
	stack_channel(s,
	    &(struct stack_channel){ .type = 33,
	        .models = "amazon.titan-embed-text-v2:0,claude-3-haiku-20240307,amazon.nova-pro-v1:"
	                  "0,anthropic.broken",
	        .key = "ABSKthe-key",
	        .config = "{\"region\":\"us-east-1\"}" });
	stack_channel(s,
	    &(struct stack_channel){ .type = 33,
	        .models = "signed",
	        .key = "AKIDEXAMPLE|secret|us-east-1",
	        .mapping = "{\"signed\":\"amazon.nova-lite-v1:0\"}" });
	stack_channel(s,
	    &(struct stack_channel){ .type = 14,
	        .models = "claude-strict",
	        .config = "{\"strict_params\":true}" });
}

static struct stack_reply *ask(struct stack *s, const char *body, int status)
{
	struct stack_reply *r = stack_post(s, STACK_CHAT, STACK_ROOT_KEY, body);

	if (r->status != status)
		fail_msg("%s: status %d, want %d: %s\n%s", body, r->status, status, r->body.data,
		    stack_log(s));
	return r;
}

static void check_text(const char *name, const char *got, const char *want)
{
	if (strcmp(got, want) != 0)
		fail_msg("%s:\n got '%s'\nwant '%s'", name, got, want);
}

static void test_whole(void **state)
{
	static const struct {
		const char *name, *body, *path;
	} cases[] = {
		{ "anthropic", BODY("claude-sonnet-4-5"), "/v1/messages" },
		{ "bedrock claude", BODY("claude-3-haiku-20240307"),
		    "/model/anthropic.claude-3-haiku-20240307-v1%3A0/invoke" },
		{ "bedrock converse", BODY("amazon.nova-pro-v1:0"),
		    "/model/amazon.nova-pro-v1%3A0/converse" },
		{ "bedrock signed", BODY("signed"), "/model/amazon.nova-lite-v1%3A0/converse" },
	};
	struct stack *s = *state;

	set_up(s);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct stack_reply *r = ask(s, cases[i].body, 200);

		check_text(cases[i].name, stack_text(r->json, "choices.0.message.content"),
		    "Hello from fake");
		check_text(cases[i].name, stack_text(r->json, "choices.0.finish_reason"), "stop");
		check_text(cases[i].name, stack_text(stack_last(s), "path"), cases[i].path);
		assert_int_equal(stack_int(r->json, "usage.prompt_tokens"), 11);
		assert_int_equal(stack_int(r->json, "usage.completion_tokens"), 7);
		assert_int_equal(stack_int(r->json, "usage.prompt_tokens_details.cached_tokens"),
		    5);
	}
	assert_true(strncmp(stack_text(stack_last(s), "headers.authorization"),
	                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/", 40) == 0);
}

/* Everything that a stream's choices say, piece by piece, and how it ended. */
static void read_stream(struct stack *s, const char *body, char *out, size_t size)
{
	struct stack_stream st;
	enum stack_next next;
	size_t n = 0;

	if (!stack_stream_open(s,
	        &(struct stack_ask){ .path = STACK_CHAT, .key = STACK_ROOT_KEY, .body = body },
	        &st))
		fail_msg("%s: no head came", body);
	if (st.reply.status != 200)
		fail_msg("%s: status %d: %s", body, st.reply.status, st.raw.data);
	out[0] = '\0';
	while ((next = stack_stream_next(&st, 60000)) == STACK_EVENT) {
		cJSON *tree = cJSON_Parse(st.event.data);
		const char *parts[] = {
			stack_text(tree, "choices.0.delta.content"),
			stack_text(tree, "choices.0.delta.tool_calls.0.function.name"),
			stack_text(tree, "choices.0.delta.tool_calls.0.function.arguments"),
			stack_text(tree, "choices.0.finish_reason"),
			stack_text(tree, "error.code"),
		};

		for (size_t i = 0; i < COUNT_OF(parts); i++)
			if (parts[i][0])
				n += (size_t)snprintf(out + n, size - n, "%s|", parts[i]);
		if (stack_int(tree, "usage.prompt_tokens") > 0)
			n += (size_t)snprintf(out + n, size - n, "%" PRId64 "+%" PRId64 "|",
			    stack_int(tree, "usage.prompt_tokens"),
			    stack_int(tree, "usage.completion_tokens"));
		if (!strcmp(st.event.data, "[DONE]"))
			n += (size_t)snprintf(out + n, size - n, "done");
		cJSON_Delete(tree);
	}
	stack_stream_close(&st, false);
}

static void test_streams(void **state)
{
	static const struct {
		const char *name, *body, *want;
	} cases[] = {
		{ "anthropic", "{\"model\":\"claude-sonnet-4-5\"," STREAMED "," SAID "}",
		    "Hello| from| fake|stop|11+7|done" },
		{ "anthropic with a tool",
		    "{\"model\":\"claude-sonnet-4-5\"," STREAMED "," TOOLS "," SAID "}",
		    "weather|{\"city\":|\"Oslo\"}|tool_calls|11+7|done" },
		{ "bedrock claude", "{\"model\":\"claude-3-haiku-20240307\"," STREAMED "," SAID "}",
		    "Hello| from| fake|stop|11+7|done" },
		{ "bedrock claude with a tool",
		    "{\"model\":\"claude-3-haiku-20240307\"," STREAMED "," TOOLS "," SAID "}",
		    "weather|{\"city\":|\"Oslo\"}|tool_calls|11+7|done" },
		{ "anthropic broken", "{\"model\":\"claude-broken\",\"stream\":true," SAID "}",
		    "Hello| from| fake|upstream_stream_truncated|" },
		{ "bedrock broken", "{\"model\":\"anthropic.broken\",\"stream\":true," SAID "}",
		    "Hello| from| fake|upstream_stream_truncated|" },
		{ "bedrock converse", "{\"model\":\"amazon.nova-pro-v1:0\"," STREAMED "," SAID "}",
		    "Hello| from fake|stop|11+7|done" },
	};
	char got[1024];

	set_up(*state);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		read_stream(*state, cases[i].body, got, sizeof(got));
		check_text(cases[i].name, got, cases[i].want);
	}
}

static void test_tool_and_image(void **state)
{
	struct stack *s = *state;
	const cJSON *sent;
	struct stack_reply *r;

	set_up(s);
	r = ask(s,
	    "{\"model\":\"claude-sonnet-4-5\",\"messages\":[{\"role\":\"user\",\"content\":["
	    "{\"type\":\"text\",\"text\":\"what\"},{\"type\":\"image_url\",\"image_url\":{\"url\":"
	    "\"https://h.example/a.png\"}}]}]," TOOLS "}",
	    200);
	check_text("arguments",
	    stack_text(r->json, "choices.0.message.tool_calls.0.function.arguments"),
	    "{\"city\":\"Oslo\"}");
	sent = cJSON_Parse(stack_text(stack_last(s), "body"));
	check_text("image", stack_text(sent, "messages.0.content.1.source.url"),
	    "https://h.example/a.png");
	check_text("key", stack_text(stack_last(s), "headers.x-api-key"), "sk-ant-the-key");
	cJSON_Delete((cJSON *)(uintptr_t)sent);
}

/* One upstream call a text; their counts are added. */
static void test_embeddings(void **state)
{
	struct stack *s = *state;
	struct stack_reply *r;

	set_up(s);
	r = stack_post(s, "/v1/embeddings", STACK_ROOT_KEY,
	    "{\"model\":\"amazon.titan-embed-text-v2:0\",\"input\":[\"a\",\"b\",\"c\"]}");
	assert_int_equal(r->status, 200);
	assert_int_equal(cJSON_GetArraySize(stack_at(r->json, "data")), 3);
	assert_int_equal(stack_int(r->json, "data.2.index"), 2);
	assert_int_equal(stack_int(r->json, "usage.prompt_tokens"), 9);
	check_text("last text", stack_text(stack_last(s), "body"), "{\"inputText\":\"c\"}");
}

/* The client's own version and betas travel. */
static void test_headers(void **state)
{
	static const char *const headers[] = { "anthropic-beta: one,two", NULL };
	struct stack *s = *state;
	struct stack_reply *r;

	set_up(s);
	r = stack_http(s,
	    &(struct stack_ask){ .path = STACK_CHAT,
	        .key = STACK_ROOT_KEY,
	        .headers = headers,
	        .body = BODY("claude-sonnet-4-5") });
	assert_int_equal(r->status, 200);
	check_text("beta", stack_text(stack_last(s), "headers.anthropic-beta"), "one,two");
	check_text("version", stack_text(stack_last(s), "headers.anthropic-version"), "2023-06-01");
}

static void test_refused(void **state)
{
	struct stack *s = *state;

	set_up(s);
	stack_check_error("strict",
	    ask(s, "{\"model\":\"claude-strict\",\"seed\":7," SAID "}", 400), 400, NULL, NULL,
	    "'seed' cannot be honoured");
	ask(s, "{\"model\":\"claude-sonnet-4-5\",\"seed\":7," SAID "}", 200);
	stack_option(s, "StrictParams", "true");
	ask(s, "{\"model\":\"claude-sonnet-4-5\",\"seed\":7," SAID "}", 400);
	stack_option(s, "StrictParams", "false");
	ask(s, BODY("error-529"), 503);
	/* What breaks before anything went out is a plain error, so that another channel may serve. */
	ask(s, "{\"model\":\"claude-overloaded\",\"stream\":true," SAID "}", 503);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_streams),
		cmocka_unit_test(test_tool_and_image),
		cmocka_unit_test(test_embeddings),
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_refused),
	};

	return stack_run("claude", tests, COUNT_OF(tests), NULL);
}
