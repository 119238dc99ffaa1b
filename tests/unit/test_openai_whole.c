/* test_openai_whole.c — one object where a stream was asked for, whatever dialect asked
 *
 * The other cases are in tests/fixtures/openai.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "provider/adaptor.h"
#include "provider/catalog.h"
#include "provider/providers.h"

#define CONFIG                                                                                     \
	"{\"split_think\":true,\"region\":\"us-east-1\",\"ak\":\"a\",\"sk\":\"s\",\"user_id\":"    \
	"\"a\"}"
#define REQUEST                                                                                    \
	"{\"model\":\"deployments/a/b\",\"stream\":true,\"stream_options\":{\"include_usage\":"    \
	"true},\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}"
#define REPLY                                                                                      \
	"{\"id\":\"i\",\"object\":\"chat.completion\",\"choices\":[{\"index\":0,\"message\":{"     \
	"\"role\":\"assistant\",\"content\":\"<think>why</think>because\"},\"finish_reason\":"     \
	"\"stop\"}]}"

static void must_have(const char *dialect, struct str out, const char *want)
{
	if (!str_has(out, str_c(want)))
		fail_msg("%s: got '%.*s', want '%s' in it", dialect, STR_ARG(out), want);
}

/* A base URL may lead to a server that speaks OpenAI's dialect: what the channel's own dialect keeps
 * of its request must not be taken for what ours keeps of a reply. */
static void check(struct arena *a, int type)
{
	struct channel row = { .id = 1, .type = type, .key = STR("k"), .config = STR(CONFIG) };
	struct buf out = buf_init(1 << 20);
	struct catalog_channel channel;
	struct upstream_req sent;
	struct err err = { 0 };
	struct ask ask;
	struct call c;

	assert_true(catalog_channel_make(a, &row, &channel, &err));
	assert_true(
	    ask_read(a, MODE_CHAT, STR("application/json"), STR(REQUEST), STR(""), &ask, &err));
	c = (struct call){ .arena = a,
		.ask = &ask,
		.channel = &channel,
		.key = row.key,
		.provider = channel.provider,
		.model = ask.model,
		.stream = true };
	upstream_req_init(&sent, a);
	if (!channel.provider->adaptor->encode(&c, &sent, &err))
		fail_msg("%s: %s", channel.provider->name, err.msg);
	if (!openai_stream_from_whole(&c, STR(REPLY), &out, &err))
		fail_msg("%s: %s", channel.provider->name, err.msg);
	must_have(channel.provider->name, buf_str(&out), "\"reasoning_content\":\"why\"");
	must_have(channel.provider->name, buf_str(&out), "\"content\":\"because\"");
	must_have(channel.provider->name, buf_str(&out), "\"choices\":[],\"usage\":{");
	must_have(channel.provider->name, buf_str(&out), "data: [DONE]");
	upstream_req_release(&sent);
	buf_release(&out);
}

static void test_foreign_state(void **state)
{
	/* openai, anthropic, gemini, ollama, bedrock, cohere, cloudflare, replicate */
	static const int types[] = { 1, 14, 24, 30, 33, 35, 37, 46 };

	for (size_t i = 0; i < COUNT_OF(types); i++) {
		struct arena *a = arena_new(8192);

		check(a, types[i]);
		arena_free(a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_foreign_state),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
