/* fake_claude.c — Anthropic's Messages API and Bedrock of fake_upstream
 *
 *	POST …/v1/messages				"Hello from fake", 11 tokens in (5 of them
 *							from the cache) and 7 out; with tools a call of
 *							the first one. Streamed when asked
 *	POST …/model/ID/invoke				the same as Claude says it
 *	POST …/model/ID/invoke-with-response-stream	the same in frames
 *	POST …/model/ID/converse, …/converse-stream	the same as Converse says it
 *
 * A Titan model for embeddings gives [0.5,-1] and counts 3.
 *
 * A model whose name has "broken" in it breaks off in mid-stream, one with "overloaded" in it sends
 * an error there.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake.h"

#define ARGUMENTS "{\"city\":\"Oslo\"}"
#define USAGE                                                                                      \
	"{\"input_tokens\":6,\"cache_read_input_tokens\":5,\"cache_creation_input_tokens\":0,"     \
	"\"output_tokens\":%d}"
#define START                                                                                      \
	"{\"type\":\"message_start\",\"message\":{\"id\":\"msg_fake\",\"type\":\"message\","       \
	"\"role\":\"assistant\",\"model\":\"fake\",\"content\":[],\"stop_reason\":null,\"usage\":" \
	"{\"input_tokens\":6,\"cache_read_input_tokens\":5,\"output_tokens\":1}}}"

/* The name of the first tool, "" when there is none. */
static void tool_name(const struct request *r, char *out, size_t size)
{
	const char *tools = member(r->body, "tools");

	out[0] = '\0';
	if (tools)
		member_text(tools, "name", out, size);
}

/* ---- frames -------------------------------------------------------------------------------- */

static uint32_t crc(const char *p, size_t n)
{
	uint32_t c = 0xffffffff;

	for (size_t i = 0; i < n; i++) {
		c ^= (unsigned char)p[i];
		for (int bit = 0; bit < 8; bit++)
			c = c >> 1 ^ (c & 1 ? 0xedb88320 : 0);
	}
	return ~c;
}

static void add_u32(struct bytes *b, uint32_t n)
{
	const char four[] = { (char)(n >> 24 & 0xff), (char)(n >> 16 & 0xff), (char)(n >> 8 & 0xff),
		(char)(n & 0xff) };

	add(b, four, sizeof(four));
}

static void add_header(struct bytes *b, const char *name, const char *value)
{
	const char head[] = { 7, 0, (char)strlen(value) };
	const char length = (char)strlen(name);

	add(b, &length, 1);
	add_text(b, name);
	add(b, head, sizeof(head));
	add_text(b, value);
}

static void add_frame(struct bytes *b, const char *kind, const char *name, const char *payload)
{
	struct bytes headers = { 0 };
	size_t start = b->n, n = strlen(payload);

	add_header(&headers, strcmp(kind, "event") ? ":exception-type" : ":event-type", name);
	add_header(&headers, ":content-type", "application/json");
	add_header(&headers, ":message-type", kind);
	add_u32(b, (uint32_t)(headers.n + n + 16));
	add_u32(b, (uint32_t)headers.n);
	add_u32(b, crc(b->p + start, 8));
	add(b, headers.p, headers.n);
	add(b, payload, n);
	add_u32(b, crc(b->p + start, b->n - start));
	bytes_free(&headers);
}

static void add_base64(struct bytes *b, const char *p, size_t n)
{
	static const char alphabet[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < n; i += 3) {
		uint32_t w = (uint32_t)(unsigned char)p[i] << 16;
		char four[4];

		w |= i + 1 < n ? (uint32_t)(unsigned char)p[i + 1] << 8 : 0;
		w |= i + 2 < n ? (uint32_t)(unsigned char)p[i + 2] : 0;
		for (int k = 0; k < 4; k++)
			four[k] = alphabet[w >> (18 - 6 * k) & 63];
		if (i + 1 >= n)
			four[2] = '=';
		if (i + 2 >= n)
			four[3] = '=';
		add(b, four, 4);
	}
}

/* ---- Claude -------------------------------------------------------------------------------- */

/* One event, as SSE or in a frame. */
static void add_event(struct bytes *b, bool framed, const char *type, const char *json)
{
	struct bytes payload = { 0 };

	if (!framed) {
		addf(b, "event: %s\ndata: %s\n\n", type, json);
		return;
	}
	add_text(&payload, "{\"bytes\":\"");
	add_base64(&payload, json, strlen(json));
	add_text(&payload, "\",\"p\":\"abc\"}");
	add_frame(b, "event", "chunk", payload.p);
	bytes_free(&payload);
}

static void add_text_events(struct bytes *b, bool framed)
{
	static const char *const words[] = { "Hello", " from", " fake" };
	char json[256];

	add_event(b, framed, "content_block_start",
	    "{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\","
	    "\"text\":\"\"}}");
	add_event(b, framed, "ping", "{\"type\":\"ping\"}");
	for (size_t i = 0; i < COUNT_OF(words); i++) {
		snprintf(json, sizeof(json),
		    "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":"
		    "\"text_delta\",\"text\":\"%s\"}}",
		    words[i]);
		add_event(b, framed, "content_block_delta", json);
	}
}

static void add_tool_events(struct bytes *b, bool framed, const char *tool)
{
	char json[512];

	snprintf(json, sizeof(json),
	    "{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":"
	    "\"tool_use\",\"id\":\"toolu_fake\",\"name\":\"%s\",\"input\":{}}}",
	    tool);
	add_event(b, framed, "content_block_start", json);
	add_event(b, framed, "content_block_delta",
	    "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":"
	    "\"input_json_delta\",\"partial_json\":\"{\\\"city\\\":\"}}");
	add_event(b, framed, "content_block_delta",
	    "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":"
	    "\"input_json_delta\",\"partial_json\":\"\\\"Oslo\\\"}\"}}");
}

static void add_claude_stream(struct bytes *b, const struct request *r, bool framed)
{
	char tool[64], json[512];

	tool_name(r, tool, sizeof(tool));
	add_event(b, framed, "message_start", START);
	if (tool[0])
		add_tool_events(b, framed, tool);
	else
		add_text_events(b, framed);
	if (strstr(r->path, "broken") || strstr(r->model, "broken"))
		return;
	if (strstr(r->model, "overloaded")) {
		add_event(b, framed, "error",
		    "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":"
		    "\"Overloaded\"}}");
		return;
	}
	add_event(b, framed, "content_block_stop", "{\"type\":\"content_block_stop\",\"index\":0}");
	snprintf(json, sizeof(json),
	    "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"%s\",\"stop_sequence\":null},"
	    "\"usage\":{\"output_tokens\":7}}",
	    tool[0] ? "tool_use" : "end_turn");
	add_event(b, framed, "message_delta", json);
	add_event(b, framed, "message_stop", "{\"type\":\"message_stop\"}");
}

static void answer_claude(struct conn *c, const struct request *r)
{
	struct bytes b = { 0 };
	char tool[64];

	tool_name(r, tool, sizeof(tool));
	add_text(&b,
	    "{\"id\":\"msg_fake\",\"type\":\"message\",\"role\":\"assistant\",\"model\":"
	    "\"fake\",\"content\":[");
	if (tool[0])
		addf(&b,
		    "{\"type\":\"tool_use\",\"id\":\"toolu_fake\",\"name\":\"%s\",\"input\":%s}",
		    tool, ARGUMENTS);
	else
		add_text(&b, "{\"type\":\"text\",\"text\":\"Hello from fake\"}");
	addf(&b, "],\"stop_reason\":\"%s\",\"stop_sequence\":null,\"usage\":" USAGE "}",
	    tool[0] ? "tool_use" : "end_turn", 7);
	answer_now(c, 200, "request-id: req_fake\r\n", &b);
}

/* ---- Converse ------------------------------------------------------------------------------ */

#define CONVERSE_USAGE                                                                             \
	"{\"inputTokens\":6,\"outputTokens\":7,\"totalTokens\":18,\"cacheReadInputTokens\":5,"     \
	"\"cacheWriteInputTokens\":0}"

static void answer_converse(struct conn *c)
{
	struct bytes b = { 0 };

	add_text(&b,
	    "{\"metrics\":{\"latencyMs\":1},\"output\":{\"message\":{\"role\":\"assistant\","
	    "\"content\":[{\"text\":\"Hello from "
	    "fake\"}]}},\"stopReason\":\"end_turn\",\"usage\":" CONVERSE_USAGE "}");
	answer_now(c, 200, "x-amzn-RequestId: req-fake\r\n", &b);
}

static void add_converse_stream(struct bytes *b)
{
	add_frame(b, "event", "messageStart", "{\"role\":\"assistant\"}");
	add_frame(b, "event", "contentBlockDelta",
	    "{\"contentBlockIndex\":0,\"delta\":{\"text\":\"Hello\"}}");
	add_frame(b, "event", "contentBlockDelta",
	    "{\"contentBlockIndex\":0,\"delta\":{\"text\":\" from fake\"}}");
	add_frame(b, "event", "contentBlockStop", "{\"contentBlockIndex\":0}");
	add_frame(b, "event", "messageStop", "{\"stopReason\":\"end_turn\"}");
	add_frame(b, "event", "metadata", "{\"usage\":" CONVERSE_USAGE "}");
}

/* ---- which ---------------------------------------------------------------------------------- */

static void answer_frames(struct conn *c, struct bytes *b)
{
	answer_as(c, 200,
	    "Content-Type: application/vnd.amazon.eventstream\r\n"
	    "x-amzn-RequestId: req-fake\r\n",
	    b->p, b->n);
	bytes_free(b);
}

bool fake_claude(struct conn *c, const struct request *r)
{
	struct bytes b = { 0 };

	if (strcmp(r->method, "POST") != 0)
		return false;
	if (ends_with(r->path, "/v1/messages") && is_true(r->body, "stream")) {
		add_claude_stream(&b, r, false);
		answer_events(c, &b);
	} else if (strstr(r->path, "titan-embed")) {
		add_text(&b, "{\"embedding\":[0.5,-1],\"inputTextTokenCount\":3}");
		answer_now(c, 200, "", &b);
	} else if (ends_with(r->path, "/v1/messages") || ends_with(r->path, "/invoke")) {
		answer_claude(c, r);
	} else if (ends_with(r->path, "/invoke-with-response-stream")) {
		add_claude_stream(&b, r, true);
		answer_frames(c, &b);
	} else if (ends_with(r->path, "/converse")) {
		answer_converse(c);
	} else if (ends_with(r->path, "/converse-stream")) {
		add_converse_stream(&b);
		answer_frames(c, &b);
	} else {
		return false;
	}
	return true;
}
