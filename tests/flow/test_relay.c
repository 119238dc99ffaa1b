/* test_relay.c — what passes through: requests to the upstream, replies and streams back
 *
 * Bytes that nobody has to change arrive as they were sent, in both directions.
 */
#include "../stack.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHAT STACK_CHAT
#define TEXT "/v1/completions"
#define EMBED "/v1/embeddings"
#define SAID "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"
#define STREAM_BODY(model) "{\"model\":\"" model "\",\"stream\":true," SAID "}"

static void set_up(struct stack *s)
{
	static bool done;

	if (!done)
		stack_channel(s,
		    &(struct stack_channel){
		        .models = "gpt-4o,gpt-3.5-turbo-instruct,text-embedding-3-small,"
		                  "gpt-4o-mini,stream-5-100,stream-20-100",
		        .key = "sk-the-upstream-key" });
	done = true;
}

static struct stack_reply *ask(struct stack *s, const char *path, const char *body)
{
	struct stack_reply *r = stack_post(s, path, STACK_ROOT_KEY, body);

	if (r->status != 200)
		fail_msg("%s %s: status %d: %s", path, body, r->status, r->body.data);
	return r;
}

static void check_text(const char *name, const char *got, const char *want)
{
	if (strcmp(got, want) != 0)
		fail_msg("%s:\n got '%s'\nwant '%s'", name, got, want);
}

/* Opens a stream with root's key; it must begin. */
static void open_stream(struct stack *s, const char *path, const char *body,
    struct stack_stream *st)
{
	if (!stack_stream_open(s,
	        &(struct stack_ask){ .path = path, .key = STACK_ROOT_KEY, .body = body }, st))
		fail_msg("%s: no head came", body);
	if (st->reply.status != 200)
		fail_msg("%s: status %d: %s", body, st->reply.status, st->raw.data);
}

/* The whole stream: each event's data and a line feed. It must end well. */
static char *read_stream(struct stack *s, const char *path, const char *body)
{
	struct stack_stream st;
	enum stack_next next;
	struct buf all = buf_init(1 << 20);
	char *text;

	open_stream(s, path, body, &st);
	while ((next = stack_stream_next(&st, 60000)) == STACK_EVENT)
		buf_addf(&all, "%s\n", st.event.data);
	stack_stream_close(&st, false);
	if (next != STACK_END)
		fail_msg("%s: the stream ended with %d after: %s", body, (int)next, all.data);
	text = strdup(all.data);
	buf_release(&all);
	return text;
}

static void check_stream(struct stack *s, const char *name, const char *body, const char *want)
{
	char *got = read_stream(s, CHAT, body);

	check_text(name, got, want);
	free(got);
}

/* ---- requests ----------------------------------------------------------------------------------
 */

/* clang-format off */
static const struct {
	const char *name, *path, *body;
	const char *upstream; /* NULL: the same */
} bodies[] = {
	{ "blanks and order", CHAT, "{ \"messages\" : [ {\"content\":\"hi\",\"role\":\"user\"} ] ,\n\t\"model\":\"gpt-4o\"\r\n}", NULL },
	{ "unknown members, deep", CHAT, "{\"model\":\"gpt-4o\",\"x\":{\"y\":[{\"z\":null}]},\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"strict\":true,\"parameters\":{}}}],\"audio\":{\"voice\":\"v\"}," SAID "}", NULL },
	{ "numbers keep their text", CHAT, "{\"model\":\"gpt-4o\",\"temperature\":1.0,\"top_p\":1e0,\"seed\":12345678901234567890,\"a\":-0.0,\"b\":0.10000000000000000001,\"c\":1E+2,\"max_tokens\":0," SAID "}", NULL },
	{ "escapes keep their text", CHAT, "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\",\"content\":\"\\u0041\\/\\b\\f\\ud83d\\ude00 \xc3\xa9 \xf0\x9f\x98\x80 \\u0000\"}]}", NULL },
	{ "a lone surrogate", CHAT, "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\",\"content\":\"\\ud800\"}]}", NULL },
	{ "an escaped name", CHAT, "{\"mod\\u0065l\":\"gpt-4o\"," SAID "}", NULL },
	{ "completions", TEXT, "{\"model\":\"gpt-3.5-turbo-instruct\",\"prompt\":[\"a\",\"b\"],\"best_of\":2,\"suffix\":null}", NULL },
	{ "embeddings", EMBED, "{\"input\":[\"a\",[1,2]],\"model\":\"text-embedding-3-small\",\"dimensions\":64,\"encoding_format\":\"float\"}", NULL },
	{ "embeddings do not stream", EMBED, "{\"input\":\"a\",\"model\":\"text-embedding-3-small\",\"stream\":true}", NULL },
	{ "usage is asked for", CHAT, "{\"model\":\"gpt-4o\",\"stream\":true,\"n\":1," SAID "}", "{\"model\":\"gpt-4o\",\"stream\":true,\"n\":1," SAID ",\"stream_options\":{\"include_usage\":true}}" },
	{ "usage is asked for, false before", CHAT, "{\"model\":\"gpt-4o\",\"stream_options\":{\"include_usage\":false,\"x\":1},\"stream\":true," SAID "}", "{\"model\":\"gpt-4o\",\"stream_options\":{\"include_usage\":true,\"x\":1},\"stream\":true," SAID "}" },
	{ "usage was asked for", CHAT, "{\"model\":\"gpt-4o\",\"stream\":true,\"stream_options\":{ \"include_usage\" : true }," SAID "}", NULL },
	{ "usage of completions is asked for", TEXT, "{\"model\":\"gpt-3.5-turbo-instruct\",\"prompt\":\"a\",\"stream\":true}", "{\"model\":\"gpt-3.5-turbo-instruct\",\"prompt\":\"a\",\"stream\":true,\"stream_options\":{\"include_usage\":true}}" },
	{ "no usage without a stream", CHAT, "{\"model\":\"gpt-4o\",\"stream\":false," SAID "}", NULL },
	{ "model of the path", "/v1/engines/text-embedding-3-small/embeddings", "{\"input\":\"a\"}", "{\"input\":\"a\",\"model\":\"text-embedding-3-small\"}" },
	{ "a query stays", CHAT "?beta=true", "{\"model\":\"gpt-4o\"," SAID "}", NULL },
};
/* clang-format on */

static void test_request_bytes(void **state)
{
	struct stack *s = *state;

	set_up(s);
	for (size_t i = 0; i < COUNT_OF(bodies); i++) {
		const char *want = bodies[i].upstream ? bodies[i].upstream : bodies[i].body;

		ask(s, bodies[i].path, bodies[i].body);
		check_text(bodies[i].name, stack_text(stack_last(s), "body"), want);
	}
}

/* Whose key, which path, and nothing of the client's. */
static void test_request_head(void **state)
{
	static const char *const headers[] = { "Cookie: session=secret-cookie",
		"Origin: http://evil.example", "X-Custom: custom-value", "User-Agent: client/1.0",
		"OpenAI-Organization: org-of-client", "Accept-Encoding: gzip", NULL };
	static const char *const strangers[] = { STACK_ROOT_KEY, "secret-cookie", "evil.example",
		"custom-value", "org-of-client", "192.0.2.9", "x-forwarded-for", "client/1.0" };
	struct stack *s = *state;
	const cJSON *last;
	char *printed;

	set_up(s);
	assert_int_equal(stack_http(s,
	                     &(struct stack_ask){ .path = CHAT,
	                         .key = STACK_ROOT_KEY,
	                         .from = "192.0.2.9",
	                         .headers = headers,
	                         .body = "{\"model\":\"gpt-4o\"," SAID "}" })
	                     ->status,
	    200);
	last = stack_last(s);
	check_text("method", stack_text(last, "method"), "POST");
	check_text("path", stack_text(last, "path"), "/v1/chat/completions");
	check_text("authorization", stack_text(last, "headers.authorization"),
	    "Bearer sk-the-upstream-key");
	check_text("type", stack_text(last, "headers.content-type"), "application/json");
	printed = cJSON_PrintUnformatted(stack_at(last, "headers"));
	for (size_t i = 0; i < COUNT_OF(strangers); i++) {
		if (strstr(printed, strangers[i]))
			fail_msg("the upstream sees '%s': %s", strangers[i], printed);
	}
	free(printed);

	ask(s, CHAT, STREAM_BODY("gpt-4o"));
	check_text("accept of a stream", stack_text(stack_last(s), "headers.accept"),
	    "text/event-stream");
	ask(s, CHAT "?beta=true&x=%20", "{\"model\":\"gpt-4o\"," SAID "}");
	check_text("query", stack_text(stack_last(s), "path"), CHAT "?beta=true&x=%20");
	ask(s, EMBED, "{\"model\":\"text-embedding-3-small\",\"input\":\"a\"}");
	check_text("path", stack_text(stack_last(s), "path"), "/v1/embeddings");
	ask(s, TEXT, "{\"model\":\"gpt-3.5-turbo-instruct\",\"prompt\":\"a\"}");
	check_text("path", stack_text(stack_last(s), "path"), "/v1/completions");
}

static void test_mapping(void **state)
{
	struct stack *s = *state;
	int64_t id = stack_channel(s,
	    &(struct stack_channel){ .models = "alias,plain-alias",
	        .mapping = "{\"alias\":\"gpt-4o-mini\",\"plain-alias\":\"\",\"other\":\"x\"}" });
	char sql[256];

	ask(s, CHAT, "{ \"x\":1.0, \"model\" : \"alias\", " SAID ",\"y\":\"\\u0041\"}");
	check_text("mapped in place", stack_text(stack_last(s), "body"),
	    "{ \"x\":1.0, \"model\" : \"gpt-4o-mini\", " SAID ",\"y\":\"\\u0041\"}");
	assert_true(stack_wait_settled(s, 2000));
	snprintf(sql, sizeof(sql),
	    "SELECT count(*) FROM logs WHERE type = 2 AND model_name = 'gpt-4o-mini' AND "
	    "origin_model = 'alias' AND channel_id = %" PRId64 " AND quota = 3",
	    id);
	/* gpt-4o-mini: 0.075 a prompt token, four times that a completion token, 10 and 7 of them
	 */
	assert_int_equal(stack_sql_int(s, sql), 1);

	/* An empty target is no mapping, and such a name has no price. */
	stack_check_error("empty target",
	    stack_post(s, CHAT, STACK_ROOT_KEY, "{\"model\":\"plain-alias\"," SAID "}"), 503,
	    "one_api_error", "model_price_missing", NULL);
	stack_channel_delete(s, id);
}

/* clang-format off */
static const struct {
	const char *name, *in, *out;
} prompts[] = {
	{ "in front", "{\"model\":\"gpt-4.1\",\"a\":1.0,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}",
		"{\"model\":\"gpt-4.1\",\"a\":1.0,\"messages\":[{\"role\":\"system\",\"content\":\"Be \\\"kind\\\".\"},{\"role\":\"user\",\"content\":\"hi\"}]}" },
	{ "instead of system", "{\"messages\":[{\"role\":\"system\",\"content\":\"old\",\"name\":\"n\"},{\"role\":\"user\",\"content\":\"hi\"}],\"model\":\"gpt-4.1\"}",
		"{\"messages\":[{\"role\":\"system\",\"content\":\"Be \\\"kind\\\".\",\"name\":\"n\"},{\"role\":\"user\",\"content\":\"hi\"}],\"model\":\"gpt-4.1\"}" },
	{ "instead of developer", "{\"messages\":[{\"content\":[{\"type\":\"text\",\"text\":\"old\"}],\"role\":\"developer\"},{\"role\":\"user\",\"content\":\"hi\"}],\"model\":\"gpt-4.1\"}",
		"{\"messages\":[{\"content\":\"Be \\\"kind\\\".\",\"role\":\"developer\"},{\"role\":\"user\",\"content\":\"hi\"}],\"model\":\"gpt-4.1\"}" },
};
/* clang-format on */

static void test_system_prompt(void **state)
{
	struct stack *s = *state;
	int64_t id = stack_channel(s,
	    &(struct stack_channel){ .models = "gpt-4.1", .system_prompt = "Be \"kind\"." });

	for (size_t i = 0; i < COUNT_OF(prompts); i++) {
		ask(s, CHAT, prompts[i].in);
		check_text(prompts[i].name, stack_text(stack_last(s), "body"), prompts[i].out);
	}
	assert_true(stack_wait_settled(s, 2000));
	assert_int_equal(
	    stack_sql_int(s, "SELECT count(*) FROM logs WHERE system_prompt_reset = 1"), 3);
	stack_channel_delete(s, id);
}

/* ---- replies -----------------------------------------------------------------------------------
 */

/* clang-format off */
static const struct {
	const char *name, *script, *body;
} replies[] = {
	{ "blanks, unknown members, numbers",
		"body { \"id\" : \"x\",\\n\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"\\\\u0041\\\\/\"},\"finish_reason\":\"stop\",\"n\":1.0}], \"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4,\"total_tokens\":7},\"new\":{\"a\":[1e3]} }\n",
		"{ \"id\" : \"x\",\n\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"\\u0041\\/\"},\"finish_reason\":\"stop\",\"n\":1.0}], \"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4,\"total_tokens\":7},\"new\":{\"a\":[1e3]} }" },
	{ "tool calls and null content",
		"body {\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"c\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]},\"finish_reason\":\"tool_calls\"}],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4,\"total_tokens\":7}}\n",
		"{\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"c\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]},\"finish_reason\":\"tool_calls\"}],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4,\"total_tokens\":7}}" },
	{ "no usage", "body {\"choices\":[{\"message\":{\"content\":\"five words make five tokens\"}}]}\n", "{\"choices\":[{\"message\":{\"content\":\"five words make five tokens\"}}]}" },
	{ "cut into chunks", "chunk {\"choices\":[{\"mess\ndelay 20\nchunk age\":{\"content\":\"\\xc3\ndelay 20\nchunk \\xa9\"}}]}\n", "{\"choices\":[{\"message\":{\"content\":\"\xc3\xa9\"}}]}" },
	{ "an empty error member is none", "body {\"error\":null,\"choices\":[{\"message\":{\"content\":\"a\"}}]}\n", "{\"error\":null,\"choices\":[{\"message\":{\"content\":\"a\"}}]}" },
};
/* clang-format on */

static void test_reply_bytes(void **state)
{
	struct stack *s = *state;

	set_up(s);
	for (size_t i = 0; i < COUNT_OF(replies); i++) {
		struct stack_reply *r;

		stack_script(s, "gpt-4o-mini", replies[i].script);
		r = ask(s, CHAT, "{\"model\":\"gpt-4o-mini\"," SAID "}");
		check_text(replies[i].name, r->body.data, replies[i].body);
		check_text(replies[i].name, stack_header(r, "Content-Type"), "application/json");
	}
}

static const char *const answer_script =
    "header Content-Type: application/json; charset=utf-8\n"
    "header Set-Cookie: upstream=1\n"
    "header Set-Cookie: second=2\n"
    "header Server: upstream-server\n"
    "header openai-organization: org-operator\n"
    "header CF-Ray: ray\n"
    "header X-Powered-By: php\n"
    "header Access-Control-Allow-Origin: https://upstream.example\n"
    "header Strict-Transport-Security: max-age=1\n"
    "header X-Oneapi-Request-Id: from-upstream\n"
    "header x-request-id: req-of-upstream\n"
    "header openai-processing-ms: 12\n"
    "header openai-version: 2020-10-01\n"
    "header x-ratelimit-remaining-tokens: 99\n"
    "header X-RateLimit-Limit-Requests: 7\n"
    "header Retry-After: 3\n";

/* clang-format off */
static const struct {
	const char *name, *value; /* NULL: must not arrive */
} answer_headers[] = {
	{ "Set-Cookie", NULL },
	{ "openai-organization", NULL },
	{ "CF-Ray", NULL },
	{ "X-Powered-By", NULL },
	{ "Access-Control-Allow-Origin", NULL },
	{ "Strict-Transport-Security", NULL },
	{ "X-Upstream-Request-Id", "req-of-upstream" },
	{ "openai-processing-ms", "12" },
	{ "openai-version", "2020-10-01" },
	{ "x-ratelimit-remaining-tokens", "99" },
	{ "x-ratelimit-limit-requests", "7" },
	{ "Retry-After", "3" },
};
/* clang-format on */

static void check_answer_headers(const char *name, const struct stack_reply *r)
{
	for (size_t i = 0; i < COUNT_OF(answer_headers); i++) {
		const char *got = stack_header(r, answer_headers[i].name);
		const char *want = answer_headers[i].value;

		if (!got != !want || (got && strcmp(got, want) != 0))
			fail_msg("%s: %s is '%s', want '%s'", name, answer_headers[i].name,
			    got ? got : "(none)", want ? want : "(none)");
	}
	if (strcmp(stack_header(r, "Server"), "upstream-server") == 0)
		fail_msg("%s: the upstream's Server", name);
	if (!stack_header(r, "X-Oneapi-Request-Id") ||
	    stack_header_n(r, "X-Oneapi-Request-Id", 1) ||
	    strcmp(stack_header(r, "X-Oneapi-Request-Id"), "from-upstream") == 0)
		fail_msg("%s: X-Oneapi-Request-Id", name);
	/* Where OpenAI's own clients look for it; one, and never the upstream's. */
	if (!stack_header(r, "X-Request-Id") || stack_header_n(r, "X-Request-Id", 1) ||
	    strcmp(stack_header(r, "X-Request-Id"), stack_header(r, "X-Oneapi-Request-Id")) != 0)
		fail_msg("%s: X-Request-Id", name);
}

static void test_reply_headers(void **state)
{
	struct stack *s = *state;
	struct stack_stream st;
	struct stack_reply *r;
	char script[2048];

	set_up(s);
	snprintf(script, sizeof(script), "%sbody {\"choices\":[]}\n", answer_script);
	stack_script(s, "gpt-4o-mini", script);
	r = ask(s, CHAT, "{\"model\":\"gpt-4o-mini\"," SAID "}");
	check_answer_headers("whole", r);
	check_text("type", stack_header(r, "Content-Type"), "application/json; charset=utf-8");

	snprintf(script, sizeof(script),
	    "header Content-Type: text/event-stream; charset=utf-8\n"
	    "%sevent {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"},\"finish_reason\":"
	    "\"stop\"}]}\nchunk data: [DONE]\\n\\n\n",
	    strchr(answer_script, '\n') + 1);
	stack_script(s, "gpt-4o-mini", script);
	open_stream(s, CHAT, STREAM_BODY("gpt-4o-mini"), &st);
	check_answer_headers("stream", &st.reply);
	check_text("type", stack_header(&st.reply, "Content-Type"), "text/event-stream");
	check_text("cache", stack_header(&st.reply, "Cache-Control"), "no-cache");
	assert_int_equal(stack_stream_drain(&st, 60000), 2);
	stack_stream_close(&st, false);
}

/* ---- streams -----------------------------------------------------------------------------------
 */

#define DELTA(text) "{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" text "\"}}]}"
#define STOP "{\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}"
#define USAGE                                                                                      \
	"{\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4,\"total_tokens\":" \
	"7}}"
#define DONE "chunk data: [DONE]\\n\\n\n"

/* clang-format off */
static const struct {
	const char *name, *script, *want;
} streams[] = {
	{ "bytes of events", "event {\"x\":1.0, \"choices\" : [{\"index\":0,\"delta\":{\"content\":\"\\\\u0041\\\\/\\xc3\\xa9\"},\"y\":1e2}]}\nevent " STOP "\n" DONE,
		"{\"x\":1.0, \"choices\" : [{\"index\":0,\"delta\":{\"content\":\"\\u0041\\/\xc3\xa9\"},\"y\":1e2}]}\n" STOP "\n[DONE]\n" },
	{ "usage is hidden", "event " DELTA("a") "\nevent " STOP "\nevent " USAGE "\n" DONE, DELTA("a") "\n" STOP "\n[DONE]\n" },
	{ "usage beside a choice is not", "event {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":{\"total_tokens\":7}}\n" DONE,
		"{\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":{\"total_tokens\":7}}\n[DONE]\n" },
	{ "Azure's first chunk is dropped", "event {\"choices\":[],\"prompt_filter_results\":[]}\nevent " DELTA("a") "\nevent " STOP "\n" DONE, DELTA("a") "\n" STOP "\n[DONE]\n" },
	{ "no blank behind the colon", "chunk data:" DELTA("a") "\\n\\ndata:" STOP "\\n\\ndata:[DONE]\\n\\n\n", DELTA("a") "\n" STOP "\n[DONE]\n" },
	{ "CRLF", "chunk data: " DELTA("a") "\\r\\n\\r\\ndata: " STOP "\\r\\n\\r\\ndata: [DONE]\\r\\n\\r\\n\n", DELTA("a") "\n" STOP "\n[DONE]\n" },
	{ "cut anywhere", "chunk da\ndelay 10\nchunk ta: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\\xc3\ndelay 10\nchunk \\xa9\"}}]}\\n\ndelay 10\nchunk \\nevent: x\\nid: 7\\ndata: " STOP "\\n\\n" "data: [DO\ndelay 10\nchunk NE]\\n\\n\n",
		DELTA("\xc3\xa9") "\n" STOP "\n[DONE]\n" },
	{ "comments of the upstream are its own", "chunk : OPENROUTER PROCESSING\\n\\n\nevent " DELTA("a") "\nevent " STOP "\n" DONE, DELTA("a") "\n" STOP "\n[DONE]\n" },
	{ "one [DONE] of two", "event " DELTA("a") "\nevent " STOP "\n" DONE DONE, DELTA("a") "\n" STOP "\n[DONE]\n" },
	{ "a missing [DONE] is added", "event " DELTA("a") "\nevent " STOP "\n", DELTA("a") "\n" STOP "\n[DONE]\n" },
	{ "[DONE] without a finish reason", "event " DELTA("a") "\n" DONE, DELTA("a") "\n[DONE]\n" },
	{ "the last event without a blank line", "event " DELTA("a") "\nevent " STOP "\nchunk data: [DONE]\n", DELTA("a") "\n" STOP "\n[DONE]\n" },
	{ "reasoning and calls", "event {\"choices\":[{\"index\":0,\"delta\":{\"reasoning_content\":\"hm\"}}]}\nevent {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"c\"}]}}]}\nevent " STOP "\n" DONE,
		"{\"choices\":[{\"index\":0,\"delta\":{\"reasoning_content\":\"hm\"}}]}\n{\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"c\"}]}}]}\n" STOP "\n[DONE]\n" },
	{ "two choices", "event {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}},{\"index\":1,\"delta\":{\"content\":\"b\"}}]}\nevent " STOP "\n" DONE,
		"{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}},{\"index\":1,\"delta\":{\"content\":\"b\"}}]}\n" STOP "\n[DONE]\n" },
};
/* clang-format on */

static void test_streams(void **state)
{
	struct stack *s = *state;

	set_up(s);
	for (size_t i = 0; i < COUNT_OF(streams); i++) {
		char script[2048];

		snprintf(script, sizeof(script), "header Content-Type: text/event-stream\n%s",
		    streams[i].script);
		stack_script(s, "gpt-4o-mini", script);
		check_stream(s, streams[i].name, STREAM_BODY("gpt-4o-mini"), streams[i].want);
	}
	stack_script(s, "gpt-4o-mini",
	    "event " DELTA("a") "\nevent " STOP "\nevent " USAGE "\n" DONE);
	check_stream(s, "usage that was asked for",
	    "{\"model\":\"gpt-4o-mini\",\"stream\":true,\"stream_options\":{\"include_usage\":true}"
	    "," SAID "}",
	    DELTA("a") "\n" STOP "\n" USAGE "\n[DONE]\n");
}

/* One event may be large: 1 MiB arrives whole. */
static void test_large_event(void **state)
{
	struct stack *s = *state;
	struct buf script = buf_init(4 << 20);
	struct stack_stream st;

	set_up(s);
	buf_add_c(&script, "event {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"");
	for (int i = 0; i < 1 << 16; i++)
		buf_add_c(&script, "sixteen letters ");
	buf_add_c(&script, "\"}}]}\nevent " STOP "\n" DONE);
	stack_script(s, "gpt-4o-mini", script.data);
	open_stream(s, CHAT, STREAM_BODY("gpt-4o-mini"), &st);
	assert_int_equal(stack_stream_next(&st, 60000), STACK_EVENT);
	assert_true(st.event.len > 1 << 20);
	assert_int_equal(stack_stream_drain(&st, 60000), 2);
	stack_stream_close(&st, false);
	buf_release(&script);
}

/* Events leave when they come, not when the stream is over. */
static void test_streams_flow(void **state)
{
	struct stack *s = *state;
	struct stack_stream st;
	int64_t began, first;

	set_up(s);
	stack_option(s, "ModelRatio", "{\"stream-20-100\":1}");
	began = stack_now_ms();
	open_stream(s, CHAT, STREAM_BODY("stream-20-100"), &st);
	assert_int_equal(stack_stream_next(&st, 60000), STACK_EVENT);
	first = stack_now_ms();
	assert_int_equal(stack_stream_drain(&st, 60000), 22);
	if (stack_now_ms() - first < 300)
		fail_msg("the first event came %d ms after the request, all others %d ms later",
		    (int)(first - began), (int)(stack_now_ms() - first));
	stack_stream_close(&st, false);
}

/* The upstream's usage is what is billed although the client never saw it. */
static void test_stream_billed_by_usage(void **state)
{
	struct stack *s = *state;
	struct stack_user u = stack_user(s, &(struct stack_person){ .quota = 1000000 });
	struct stack_stream st;

	set_up(s);
	stack_script(s, "gpt-4o",
	    "event " DELTA(
	        "a") "\nevent " STOP "\n"
	             "event "
	             "{\"choices\":[],\"usage\":{\"prompt_tokens\":100,\"completion_tokens\":10,"
	             "\"total_tokens\":110}}\n" DONE);
	assert_true(stack_stream_open(s,
	    &(struct stack_ask){ .path = CHAT, .key = u.key, .body = STREAM_BODY("gpt-4o") }, &st));
	assert_int_equal(stack_stream_drain(&st, 60000), 3);
	stack_stream_close(&st, false);
	assert_true(stack_wait_settled(s, 2000));
	/* gpt-4o: 1.25 a prompt token, four times that a completion token */
	assert_int_equal(stack_sums(s, u.id).charged, 175);
	stack_script(s, "gpt-4o", "status 200\nbody {\"choices\":[]}\n");
}

/* ---- models ------------------------------------------------------------------------------------
 */

static void check_models(struct stack *s, const char *name, const char *key, const char *want)
{
	struct stack_reply *r =
	    stack_http(s, &(struct stack_ask){ .path = "/v1/models", .key = key });
	const cJSON *item;
	char got[512] = "";

	if (r->status != 200 || strcmp(stack_text(r->json, "object"), "list") != 0)
		fail_msg("%s: status %d: %s", name, r->status, r->body.data);
	cJSON_ArrayForEach(item, stack_at(r->json, "data"))
	{
		size_t n = strlen(got);

		snprintf(got + n, sizeof(got) - n, "%s%s", n ? "," : "", stack_text(item, "id"));
	}
	check_text(name, got, want);
}

static int model_status(struct stack *s, const char *key, const char *path)
{
	return stack_http(s, &(struct stack_ask){ .path = path, .key = key })->status;
}

static void test_models(void **state)
{
	struct stack *s = *state;
	struct stack_user u = stack_user(s, &(struct stack_person){ .group = "vip" });
	struct stack_reply *r;
	const cJSON *model;
	char key[64];
	int64_t a, b, off;

	a = stack_channel(s,
	    &(struct stack_channel){ .models = "zeta,gpt-4o,org/name", .group = "vip" });
	b = stack_channel(s,
	    &(struct stack_channel){ .models = "gpt-4o,alpha", .group = "default,vip" });
	off = stack_channel(s, &(struct stack_channel){ .models = "hidden", .group = "vip" });
	stack_api(s, "PUT", "/api/channel/", "{\"id\":%" PRId64 ",\"status\":2}", off);
	stack_wait_catalog(s);
	check_models(s, "each once, sorted", u.key, "alpha,gpt-4o,org/name,zeta");

	r = stack_http(s, &(struct stack_ask){ .path = "/v1/models/gpt-4o", .key = u.key });
	assert_int_equal(r->status, 200);
	model = r->json;
	check_text("id", stack_text(model, "id"), "gpt-4o");
	check_text("object", stack_text(model, "object"), "model");
	check_text("owner", stack_text(model, "owned_by"), "openai");
	check_text("root", stack_text(model, "root"), "gpt-4o");
	assert_true(cJSON_IsNull(stack_at(model, "parent")));
	assert_int_equal(stack_int(model, "created"), 1626777600);
	check_text("permission", stack_text(model, "permission.0.object"), "model_permission");
	assert_int_equal(model_status(s, u.key, "/v1/models/org/name"), 200);
	assert_int_equal(model_status(s, u.key, "/v1/models/org%2Fname"), 200);
	r = stack_http(s, &(struct stack_ask){ .path = "/v1/models/zeta", .key = u.key });
	check_text("owner of what nobody knows", stack_text(r->json, "owned_by"), "custom");

	/* not there: unknown, of a disabled channel, of another group */
	r = stack_http(s, &(struct stack_ask){ .path = "/v1/models/nosuch", .key = u.key });
	stack_check_error("unknown", r, 404, "invalid_request_error", "model_not_found",
	    "The model 'nosuch' does not exist");
	check_text("param", stack_text(r->json, "error.param"), "model");
	assert_int_equal(model_status(s, u.key, "/v1/models/hidden"), 404);
	assert_int_equal(model_status(s, STACK_ROOT_KEY, "/v1/models/zeta"), 404);

	stack_key(s, &u, "\"unlimited_quota\":true,\"models\":\"zeta, nosuch,alpha,hidden\"", key);
	check_models(s, "only what key and group have both", key, "alpha,zeta");
	assert_int_equal(model_status(s, key, "/v1/models/gpt-4o"), 404);
	assert_int_equal(model_status(s, key, "/v1/models/zeta"), 200);

	stack_channel_delete(s, a);
	check_models(s, "after the channel is gone", u.key, "alpha,gpt-4o");
	stack_channel_delete(s, b);
	stack_channel_delete(s, off);
	check_models(s, "nothing", u.key, "");
}

/* ---- which channel
 * ------------------------------------------------------------------------------- */

static void check_served_by(struct stack *s, const char *name, const char *key, const char *model,
    const char *want)
{
	char body[256], bearer[64];

	snprintf(body, sizeof(body), "{\"model\":\"%s\"," SAID "}", model);
	snprintf(bearer, sizeof(bearer), "Bearer %s", want);
	if (stack_post(s, CHAT, key, body)->status != 200)
		fail_msg("%s: refused", name);
	check_text(name, stack_text(stack_last(s), "headers.authorization"), bearer);
}

static void test_choice(void **state)
{
	struct stack *s = *state;
	struct stack_user vip =
	    stack_user(s, &(struct stack_person){ .quota = 1000000, .group = "vip" });
	struct stack_user u = stack_user(s, &(struct stack_person){ .quota = 1000000 });
	int64_t high, low, light, of_vip;

	low =
	    stack_channel(s, &(struct stack_channel){ .models = "gpt-4.1-mini", .key = "sk-low" });
	high = stack_channel(s,
	    &(struct stack_channel){ .models = "gpt-4.1-mini",
	        .key = "sk-high",
	        .priority = 5,
	        .weight = 3 });
	light = stack_channel(s,
	    &(struct stack_channel){ .models = "gpt-4.1-mini", .key = "sk-light", .priority = 5 });
	of_vip = stack_channel(s,
	    &(struct stack_channel){ .models = "gpt-4.1-mini",
	        .key = "sk-vip",
	        .group = "vip",
	        .priority = -9 });
	for (int i = 0; i < 10; i++)
		check_served_by(s, "by priority and weight", u.key, "gpt-4.1-mini", "sk-high");
	check_served_by(s, "by group", vip.key, "gpt-4.1-mini", "sk-vip");
	stack_channel_delete(s, high);
	check_served_by(s, "weight 0 alone", u.key, "gpt-4.1-mini", "sk-light");
	stack_channel_delete(s, light);
	check_served_by(s, "lower priority", u.key, "gpt-4.1-mini", "sk-low");
	stack_channel_delete(s, low);
	stack_check_error("none left",
	    stack_post(s, CHAT, u.key, "{\"model\":\"gpt-4.1-mini\"," SAID "}"), 503,
	    "one_api_error", "no_channel", "gpt-4.1-mini");
	check_served_by(s, "the other group's is still there", vip.key, "gpt-4.1-mini", "sk-vip");
	stack_channel_delete(s, of_vip);
}

/* ---- paths and methods -------------------------------------------------------------------------
 */

/* clang-format off */
static const struct {
	const char *method, *path;
	int status;
} paths[] = {
	/* unknown: 404 without a key */
	{ "GET", "/v1/nothing", 404 },
	{ "POST", "/v1/chat", 404 },
	{ "POST", "/v1/chat/completions/more", 404 },
	{ "GET", "/v1//chat/completions", 404 },
	/* known, other method */
	{ "GET", "/v1/chat/completions", 404 },
	{ "PUT", "/v1/chat/completions", 404 },
	{ "DELETE", "/v1/embeddings", 404 },
	{ "POST", "/v1/models", 404 },
	/* named by the API, not implemented: 501 with a key, 401 without */
	{ "DELETE", "/v1/models/gpt-4o", 501 },
	{ "GET", "/v1/files", 501 },
	{ "POST", "/v1/files", 501 },
	{ "GET", "/v1/files/f", 501 },
	{ "DELETE", "/v1/files/f", 501 },
	{ "GET", "/v1/files/f/content", 501 },
	{ "GET", "/v1/fine_tuning/jobs", 501 },
	{ "POST", "/v1/fine_tuning/jobs", 501 },
	{ "GET", "/v1/fine_tuning/jobs/j", 501 },
	{ "GET", "/v1/fine_tuning/jobs/j/events", 501 },
	{ "POST", "/v1/fine_tuning/jobs/j/cancel", 501 },
	{ "GET", "/v1/assistants", 501 },
	{ "POST", "/v1/assistants", 501 },
	{ "GET", "/v1/assistants/a", 501 },
	{ "POST", "/v1/assistants/a", 501 },
	{ "DELETE", "/v1/assistants/a", 501 },
	{ "GET", "/v1/assistants/a/files", 501 },
	{ "POST", "/v1/assistants/a/files", 501 },
	{ "GET", "/v1/assistants/a/files/f", 501 },
	{ "DELETE", "/v1/assistants/a/files/f", 501 },
	{ "POST", "/v1/threads", 501 },
	{ "GET", "/v1/threads/t", 501 },
	{ "POST", "/v1/threads/t", 501 },
	{ "DELETE", "/v1/threads/t", 501 },
	{ "POST", "/v1/threads/t/messages", 501 },
	{ "GET", "/v1/threads/t/messages/m", 501 },
	{ "POST", "/v1/threads/t/messages/m", 501 },
	{ "GET", "/v1/threads/t/messages/m/files", 501 },
	{ "GET", "/v1/threads/t/messages/m/files/f", 501 },
	{ "GET", "/v1/threads/t/runs", 501 },
	{ "POST", "/v1/threads/t/runs", 501 },
	{ "GET", "/v1/threads/t/runs/r", 501 },
	{ "POST", "/v1/threads/t/runs/r", 501 },
	{ "POST", "/v1/threads/t/runs/r/submit_tool_outputs", 501 },
	{ "POST", "/v1/threads/t/runs/r/cancel", 501 },
	{ "GET", "/v1/threads/t/runs/r/steps", 501 },
	{ "GET", "/v1/threads/t/runs/r/steps/s", 501 },
};
/* clang-format on */

/* These two bodies are compared literally by clients. */
static const char *const body_501 =
    "{\"error\":{\"message\":\"API not implemented\",\"type\":\"one_api_error\",\"param\":\"\","
    "\"code\":\"api_not_implemented\"}}";
static const char *const body_404 =
    "{\"error\":{\"message\":\"Invalid URL (%s %s)\",\"type\":\"invalid_request_error\","
    "\"param\":\"\",\"code\":\"\"}}";

static void test_paths(void **state)
{
	struct stack *s = *state;

	for (size_t i = 0; i < COUNT_OF(paths); i++) {
		struct stack_ask a = { .method = paths[i].method, .path = paths[i].path };
		struct stack_reply *r;
		char want[512], name[256];

		snprintf(name, sizeof(name), "%s %s", paths[i].method, paths[i].path);
		if (paths[i].status == 501)
			stack_check_error(name, stack_http(s, &a), 401, "one_api_error",
			    "missing_api_key", NULL);
		if (paths[i].status == 501)
			a.key = STACK_ROOT_KEY;
		r = stack_http(s, &a);
		if (r->status != paths[i].status)
			fail_msg("%s: status %d: %s", name, r->status, r->body.data);
		snprintf(want, sizeof(want), body_404, paths[i].method, paths[i].path);
		check_text(name, r->body.data, r->status == 501 ? body_501 : want);
		check_text(name, stack_header(r, "Content-Type"), "application/json");
	}
}

static void test_trailing_slash(void **state)
{
	struct stack *s = *state;

	set_up(s);
	stack_script(s, "gpt-4o-mini", "body {\"choices\":[]}\n");
	ask(s, CHAT "/", "{\"model\":\"gpt-4o-mini\"," SAID "}");
	check_text("path upstream", stack_text(stack_last(s), "path"), CHAT);
	ask(s, EMBED "/", "{\"model\":\"text-embedding-3-small\",\"input\":\"x\"}");
	assert_int_equal(model_status(s, STACK_ROOT_KEY, "/v1/models/"), 200);
	assert_int_equal(model_status(s, STACK_ROOT_KEY, "/v1/models?limit=1"), 200);
}

static void test_head(void **state)
{
	struct stack *s = *state;
	struct stack_ask a = { .method = "HEAD", .path = "/v1/models", .key = STACK_ROOT_KEY };
	struct stack_reply *r = stack_http(s, &a);

	assert_int_equal(r->status, 200);
	assert_int_equal(r->body.len, 0);
	check_text("type", stack_header(r, "Content-Type"), "application/json");
	a.key = NULL;
	assert_int_equal(stack_http(s, &a)->status, 401);
	a.path = CHAT;
	assert_int_equal(stack_http(s, &a)->status, 404);
}

static void test_cors(void **state)
{
	static const char *const origin[] = { "Origin: https://app.example", NULL };
	static const char *const preflight[] = { "Origin: https://app.example",
		"Access-Control-Request-Method: POST",
		"Access-Control-Request-Headers: authorization,content-type", NULL };
	static const char *const listed[] = { "Authorization", "Content-Type", "X-Api-Key" };
	static const char *const methods[] = { "GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS" };
	struct stack *s = *state;
	struct stack_stream st;
	struct stack_reply *r;

	set_up(s);
	r = stack_http(s,
	    &(struct stack_ask){ .method = "OPTIONS", .path = CHAT, .headers = preflight });
	assert_int_equal(r->status, 204);
	check_text("origin", stack_header(r, "Access-Control-Allow-Origin"), "*");
	assert_null(stack_header(r, "Access-Control-Allow-Credentials"));
	check_text("age", stack_header(r, "Access-Control-Max-Age"), "43200");
	for (size_t i = 0; i < COUNT_OF(listed); i++)
		assert_non_null(
		    strcasestr(stack_header(r, "Access-Control-Allow-Headers"), listed[i]));
	for (size_t i = 0; i < COUNT_OF(methods); i++)
		assert_non_null(
		    strstr(stack_header(r, "Access-Control-Allow-Methods"), methods[i]));

	stack_script(s, "gpt-4o-mini", "body {\"choices\":[]}\n");
	r = stack_http(s,
	    &(struct stack_ask){ .path = CHAT,
	        .key = STACK_ROOT_KEY,
	        .headers = origin,
	        .body = "{\"model\":\"gpt-4o-mini\"," SAID "}" });
	assert_int_equal(r->status, 200);
	check_text("whole", stack_header(r, "Access-Control-Allow-Origin"), "*");
	assert_null(stack_header(r, "Access-Control-Allow-Credentials"));
	assert_non_null(
	    strstr(stack_header(r, "Access-Control-Expose-Headers"), "X-Oneapi-Request-Id"));
	assert_non_null(strstr(stack_header(r, "Access-Control-Expose-Headers"), "Retry-After"));
	r = stack_http(s, &(struct stack_ask){ .path = "/v1/models", .headers = origin });
	assert_int_equal(r->status, 401);
	check_text("refusal", stack_header(r, "Access-Control-Allow-Origin"), "*");
	r = stack_http(s, &(struct stack_ask){ .path = "/v1/nothing", .headers = origin });
	check_text("404", stack_header(r, "Access-Control-Allow-Origin"), "*");

	assert_true(stack_stream_open(s,
	    &(struct stack_ask){ .path = CHAT,
	        .key = STACK_ROOT_KEY,
	        .headers = origin,
	        .body = STREAM_BODY("stream-5-100") },
	    &st));
	check_text("stream", stack_header(&st.reply, "Access-Control-Allow-Origin"), "*");
	stack_stream_close(&st, false);

	/* /api stays the browser's own; without an Origin nothing is said */
	r = stack_http(s, &(struct stack_ask){ .path = "/api/status", .headers = origin });
	assert_null(stack_header(r, "Access-Control-Allow-Origin"));
	r = stack_http(s, &(struct stack_ask){ .path = "/v1/models", .key = STACK_ROOT_KEY });
	assert_null(stack_header(r, "Access-Control-Allow-Origin"));
}

static void test_request_ids(void **state)
{
	struct stack *s = *state;
	char seen[4][64];
	const char *const at[] = { "/v1/models", "/v1/nothing", "/api/status", "/api/nothing" };

	for (size_t i = 0; i < COUNT_OF(at); i++) {
		struct stack_reply *r = stack_http(s, &(struct stack_ask){ .path = at[i] });
		const char *id = stack_header(r, "X-Oneapi-Request-Id");

		if (!id || strlen(id) < 20 || strlen(id) > 48 ||
		    stack_header_n(r, "X-Oneapi-Request-Id", 1))
			fail_msg("%s: id '%s'", at[i], id ? id : "(none)");
		snprintf(seen[i], sizeof(seen[i]), "%s", id);
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(seen[i], seen[k]);
	}
}

/* ---- limits
 * -------------------------------------------------------------------------------------- */

/* A chat request of exactly that many bytes. */
static char *sized_body(size_t bytes)
{
	static const char head[] = "{\"model\":\"gpt-4o-mini\",\"messages\":[{\"role\":\"user\","
	                           "\"content\":\"";
	static const char tail[] = "\"}]}";
	char *body = malloc(bytes + 1);

	memset(body, 'a', bytes);
	for (size_t i = 60; i < bytes; i += 6)
		body[i] = ' ';
	memcpy(body, head, sizeof(head) - 1);
	memcpy(body + bytes - (sizeof(tail) - 1), tail, sizeof(tail));
	return body;
}

static void test_body_limit(void **state)
{
	struct stack *s = *state;
	size_t most = 32 * 1024 * 1024;
	struct stack_reply *r;
	char *body;

	set_up(s);
	stack_script(s, "gpt-4o-mini", "body {\"choices\":[]}\n");
	body = sized_body(most);
	r = stack_post(s, CHAT, STACK_ROOT_KEY, body);
	free(body);
	if (r->status != 200)
		fail_msg("32 MiB: status %d: %s", r->status, r->body.data);

	body = sized_body(most + 1);
	stack_reset(s);
	r = stack_post(s, CHAT, STACK_ROOT_KEY, body);
	free(body);
	assert_int_equal(r->status, 413);
	check_text("by the web server", stack_text(r->json, "error.code"), "request_too_large");
	assert_int_equal(stack_stats(s).requests, 0);
	assert_int_equal(model_status(s, STACK_ROOT_KEY, "/v1/models"), 200);
}

/* What nginx lets pass arrives; what is larger is refused, and the next request is served. */
static void test_header_limits(void **state)
{
	struct stack *s = *state;
	char *line = malloc(100 * 1024), *path = malloc(100 * 1024);
	const char *const headers[] = { line, NULL };

	set_up(s);
	memset(line, 'x', 100 * 1024);
	memcpy(line, "X-Long: ", 8);
	line[7000] = '\0';
	assert_int_equal(stack_http(s,
	                     &(struct stack_ask){ .path = "/v1/models",
	                         .key = STACK_ROOT_KEY,
	                         .headers = headers })
	                     ->status,
	    200);
	memset(line, 'x', 100 * 1024);
	memcpy(line, "X-Long: ", 8);
	line[100 * 1024 - 1] = '\0';
	assert_int_equal(stack_http(s,
	                     &(struct stack_ask){ .path = "/v1/models",
	                         .key = STACK_ROOT_KEY,
	                         .headers = headers })
	                     ->status /
	        100,
	    4);
	memset(path, 'y', 4000);
	memcpy(path, "/v1/models/", 11);
	path[4000] = '\0';
	assert_int_equal(model_status(s, STACK_ROOT_KEY, path), 404);
	assert_int_equal(model_status(s, STACK_ROOT_KEY, "/v1/models"), 200);
	free(line);
	free(path);
}

/* What cannot be expanded is said to be that, not broken JSON. */
static void test_content_encoding(void **state)
{
	static const struct {
		const char *name;
		int status;
		const char *type, *code;
	} codings[] = {
		{ "gzip", 400, "invalid_request_error", "invalid_request_error" },
		{ "zstd", 400, "invalid_request_error", "invalid_request_error" },
		{ "br", 415, "one_api_error", "unsupported_encoding" },
		{ "gzip, gzip", 415, "one_api_error", "unsupported_encoding" },
	};
	static const char *const identity[] = { "Content-Encoding: identity", NULL };
	struct stack *s = *state;

	set_up(s);
	for (size_t i = 0; i < COUNT_OF(codings); i++) {
		char line[64];
		const char *const headers[] = { line, NULL };

		snprintf(line, sizeof(line), "Content-Encoding: %s", codings[i].name);
		stack_check_error(codings[i].name,
		    stack_http(s,
		        &(struct stack_ask){ .path = CHAT,
		            .key = STACK_ROOT_KEY,
		            .headers = headers,
		            .body = "\x1f\x8b" }),
		    codings[i].status, codings[i].type, codings[i].code, NULL);
	}
	assert_int_equal(stack_http(s,
	                     &(struct stack_ask){ .path = EMBED,
	                         .key = STACK_ROOT_KEY,
	                         .headers = identity,
	                         .body = "{\"model\":\"text-embedding-3-small\",\"input\":\"x\"}" })
	                     ->status,
	    200);
}

/* ---- another dialect: ollama
 * ----------------------------------------------------------------------- */

static void test_ollama_whole(void **state)
{
	struct stack *s = *state;
	int64_t id = stack_channel(s,
	    &(struct stack_channel){ .type = 30,
	        .models = "llama-3.1-8b-instant",
	        .key = "ollama-key" });
	struct stack_reply *r;
	const cJSON *last;

	r = ask(s, CHAT,
	    "{\"model\":\"llama-3.1-8b-instant\",\"max_tokens\":5,\"temperature\":0.5," SAID "}");
	check_text("object", stack_text(r->json, "object"), "chat.completion");
	check_text("model", stack_text(r->json, "model"), "llama-3.1-8b-instant");
	check_text("role", stack_text(r->json, "choices.0.message.role"), "assistant");
	check_text("content", stack_text(r->json, "choices.0.message.content"), "echo: hi");
	check_text("finish", stack_text(r->json, "choices.0.finish_reason"), "stop");
	assert_int_equal(strncmp(stack_text(r->json, "id"), "chatcmpl-", 9), 0);
	assert_int_equal(stack_int(r->json, "usage.prompt_tokens"), 10);
	assert_int_equal(stack_int(r->json, "usage.completion_tokens"), 7);
	assert_int_equal(stack_int(r->json, "usage.total_tokens"), 17);
	check_text("type", stack_header(r, "Content-Type"), "application/json");

	last = stack_last(s);
	check_text("path", stack_text(last, "path"), "/api/chat");
	last = cJSON_Parse(stack_text(last, "body"));
	assert_true(cJSON_IsFalse(stack_at(last, "stream")));
	assert_int_equal(stack_int(last, "options.num_predict"), 5);
	check_text("content", stack_text(last, "messages.0.content"), "hi");
	cJSON_Delete((cJSON *)(uintptr_t)last);
	stack_channel_delete(s, id);
}

/* Which of the parts of a stream an event is, for a picture of the whole. */
static char event_letter(const char *text, cJSON *event)
{
	if (strcmp(text, "[DONE]") == 0)
		return 'D';
	if (stack_at(event, "usage.total_tokens"))
		return 'u';
	if (*stack_text(event, "choices.0.finish_reason"))
		return 'f';
	if (*stack_text(event, "choices.0.delta.role"))
		return 'r';
	return *stack_text(event, "choices.0.delta.content") ? 'c' : '?';
}

static void check_ollama_stream(struct stack *s, const char *more, const char *want)
{
	char body[512], letters[32] = "", id[64] = "";
	struct stack_stream st;
	enum stack_next next;

	snprintf(body, sizeof(body),
	    "{\"model\":\"llama-3.1-8b-instant\",\"stream\":true,%s" SAID "}", more);
	open_stream(s, CHAT, body, &st);
	check_text("type", stack_header(&st.reply, "Content-Type"), "text/event-stream");
	while ((next = stack_stream_next(&st, 60000)) == STACK_EVENT) {
		cJSON *event = cJSON_Parse(st.event.data);
		size_t n = strlen(letters);

		letters[n] = event_letter(st.event.data, event);
		if (event && !*id)
			snprintf(id, sizeof(id), "%s", stack_text(event, "id"));
		if (event) {
			check_text("one id", stack_text(event, "id"), id);
			check_text("object", stack_text(event, "object"), "chat.completion.chunk");
		}
		cJSON_Delete(event);
		assert_true(n < sizeof(letters) - 2);
	}
	stack_stream_close(&st, false);
	assert_int_equal(next, STACK_END);
	check_text(more, letters, want);
}

static void test_ollama_stream(void **state)
{
	struct stack *s = *state;
	int64_t id = stack_channel(s,
	    &(struct stack_channel){ .type = 30, .models = "llama-3.1-8b-instant" });

	check_ollama_stream(s, "", "rcccccfD");
	check_text("path", stack_text(stack_last(s), "path"), "/api/chat");
	check_ollama_stream(s, "\"stream_options\":{\"include_usage\":true},", "rcccccfuD");
	stack_channel_delete(s, id);
}

static void test_ollama_embeddings(void **state)
{
	struct stack *s = *state;
	int64_t id = stack_channel(s,
	    &(struct stack_channel){ .type = 30, .models = "text-embedding-ada-002" });
	struct stack_reply *r =
	    ask(s, EMBED, "{\"model\":\"text-embedding-ada-002\",\"input\":[\"a\",\"b\"]}");

	check_text("path", stack_text(stack_last(s), "path"), "/api/embed");
	check_text("object", stack_text(r->json, "object"), "list");
	assert_int_equal(cJSON_GetArraySize(stack_at(r->json, "data")), 2);
	assert_int_equal(stack_int(r->json, "data.1.index"), 1);
	assert_int_equal(cJSON_GetArraySize(stack_at(r->json, "data.0.embedding")), 8);
	assert_int_equal(stack_int(r->json, "usage.prompt_tokens"), 20);
	stack_channel_delete(s, id);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_request_bytes),
		cmocka_unit_test(test_request_head),
		cmocka_unit_test(test_mapping),
		cmocka_unit_test(test_system_prompt),
		cmocka_unit_test(test_reply_bytes),
		cmocka_unit_test(test_reply_headers),
		cmocka_unit_test(test_streams),
		cmocka_unit_test(test_large_event),
		cmocka_unit_test(test_streams_flow),
		cmocka_unit_test(test_stream_billed_by_usage),
		cmocka_unit_test(test_models),
		cmocka_unit_test(test_choice),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_trailing_slash),
		cmocka_unit_test(test_head),
		cmocka_unit_test(test_cors),
		cmocka_unit_test(test_request_ids),
		cmocka_unit_test(test_body_limit),
		cmocka_unit_test(test_header_limits),
		cmocka_unit_test(test_content_encoding),
		cmocka_unit_test(test_ollama_whole),
		cmocka_unit_test(test_ollama_stream),
		cmocka_unit_test(test_ollama_embeddings),
	};

	return stack_run("relay", tests, COUNT_OF(tests), NULL);
}
