/* test_validation.c — what a request must say (relay.md section 5), one row a rule
 *
 * A refused request costs nothing and reaches no upstream; an accepted one reaches it as sent.
 */
#include "../stack.h"

#include <stdio.h>
#include <string.h>

#define CHAT STACK_CHAT
#define TEXT "/v1/completions"
#define EMBED "/v1/embeddings"
#define ENGINE "/v1/engines/text-embedding-3-small/embeddings"
#define SAID "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"
#define GPT "{\"model\":\"gpt-4o\","
#define WITH(more) GPT more "," SAID "}"
#define PARTS(parts) GPT "\"messages\":[{\"role\":\"user\",\"content\":[" parts "]}]}"
#define INVALID "invalid_text_request"

/* clang-format off */
static const struct row {
	const char *name, *path, *body;
	const char *code; /* NULL: accepted */
	const char *text;
} rows[] = {
	/* all text modes: max_tokens < 0 or > 1073741823 */
	{ "max_tokens below, chat", CHAT, WITH("\"max_tokens\":-1"), INVALID, "max_tokens is invalid" },
	{ "max_tokens below, completions", TEXT, GPT "\"prompt\":\"x\",\"max_tokens\":-1}", INVALID, "max_tokens is invalid" },
	{ "max_tokens below, embeddings", EMBED, GPT "\"input\":\"x\",\"max_tokens\":-1}", INVALID, "max_tokens is invalid" },
	{ "max_tokens above", CHAT, WITH("\"max_tokens\":1073741824"), INVALID, "max_tokens is invalid" },
	{ "max_tokens far above", CHAT, WITH("\"max_tokens\":99999999999999999999999"), INVALID, "max_tokens is invalid" },
	{ "max_tokens text", CHAT, WITH("\"max_tokens\":\"9\""), INVALID, "max_tokens is invalid" },
	{ "max_tokens not whole", CHAT, WITH("\"max_tokens\":1.5"), INVALID, "max_tokens is invalid" },
	{ "max_tokens null", CHAT, WITH("\"max_tokens\":null"), NULL, NULL },
	{ "max_tokens 0", CHAT, WITH("\"max_tokens\":0"), NULL, NULL },
	{ "max_tokens 1", CHAT, WITH("\"max_tokens\":1"), NULL, NULL },
	{ "max_completion_tokens below", CHAT, WITH("\"max_completion_tokens\":-1"), INVALID, "max_completion_tokens is invalid" },
	{ "max_completion_tokens", CHAT, WITH("\"max_completion_tokens\":5"), NULL, NULL },

	/* all text modes: model */
	{ "no model, chat", CHAT, "{" SAID "}", INVALID, "model is required" },
	{ "no model, completions", TEXT, "{\"prompt\":\"x\"}", INVALID, "model is required" },
	{ "no model, embeddings", EMBED, "{\"input\":\"x\"}", INVALID, "model is required" },
	{ "empty model", CHAT, "{\"model\":\"\"," SAID "}", INVALID, "model is required" },
	{ "model null", CHAT, "{\"model\":null," SAID "}", INVALID, "model is required" },
	{ "model a number", CHAT, "{\"model\":4," SAID "}", INVALID, "model must be a string" },
	{ "model with a line end", CHAT, "{\"model\":\"gpt\\r\\n-4o\"," SAID "}", INVALID, "model is invalid" },
	{ "model with a DEL", CHAT, "{\"model\":\"gpt-4o\\u007f\"," SAID "}", INVALID, "model is invalid" },
	{ "embeddings, model of the path", ENGINE, "{\"input\":\"x\"}", NULL, NULL },

	/* chat: messages missing or empty */
	{ "no messages", CHAT, "{\"model\":\"gpt-4o\"}", INVALID, "field messages is required" },
	{ "messages null", CHAT, GPT "\"messages\":null}", INVALID, "field messages is required" },
	{ "messages []", CHAT, GPT "\"messages\":[]}", INVALID, "field messages is required" },
	{ "messages a string", CHAT, GPT "\"messages\":\"hi\"}", INVALID, "field messages is required" },
	{ "messages an object", CHAT, GPT "\"messages\":{\"role\":\"user\",\"content\":\"hi\"}}", INVALID, "field messages is required" },
	{ "a message no object", CHAT, GPT "\"messages\":[\"hi\"]}", INVALID, "messages[0] must be an object" },
	{ "content a number", CHAT, GPT "\"messages\":[{\"role\":\"user\",\"content\":5}]}", INVALID, "messages[0].content must be a string or an array" },
	{ "content null", CHAT, GPT "\"messages\":[{\"role\":\"assistant\",\"content\":null}]}", NULL, NULL },

	/* malformed parts crashed others (section 19): 400 here */
	{ "a part no object", CHAT, PARTS("7"), INVALID, "messages[0].content[0]" },
	{ "a part without type", CHAT, PARTS("{\"text\":\"x\"}"), INVALID, "messages[0].content[0]" },
	{ "an image without url", CHAT, PARTS("{\"type\":\"image_url\",\"image_url\":{}}"), INVALID, "image_url is malformed" },
	{ "an image whose url is a number", CHAT, PARTS("{\"type\":\"image_url\",\"image_url\":{\"url\":1}}"), INVALID, "image_url is malformed" },
	{ "parts of an unknown type", CHAT, PARTS("{\"type\":\"hologram\",\"hologram\":1}"), NULL, NULL },

	/* completions: prompt */
	{ "no prompt", TEXT, "{\"model\":\"gpt-4o\"}", INVALID, "field prompt is required" },
	{ "prompt \"\"", TEXT, GPT "\"prompt\":\"\"}", INVALID, "field prompt is required" },
	{ "prompt null", TEXT, GPT "\"prompt\":null}", INVALID, "field prompt is required" },
	{ "prompt []", TEXT, GPT "\"prompt\":[]}", INVALID, "field prompt is required" },
	{ "prompt an object", TEXT, GPT "\"prompt\":{}}", INVALID, "field prompt must be a string or an array" },
	{ "prompt text", TEXT, GPT "\"prompt\":\"x\"}", NULL, NULL },
	{ "prompt texts", TEXT, GPT "\"prompt\":[\"x\",\"y\"]}", NULL, NULL },
	{ "prompt tokens", TEXT, GPT "\"prompt\":[[1,2],[3]]}", NULL, NULL },
	{ "messages do not count for completions", TEXT, GPT SAID "}", INVALID, "field prompt is required" },

	/* embeddings: input */
	{ "no input", EMBED, "{\"model\":\"text-embedding-3-small\"}", INVALID, "field input is required" },
	{ "input \"\"", EMBED, "{\"model\":\"text-embedding-3-small\",\"input\":\"\"}", INVALID, "field input is required" },
	{ "input null", EMBED, "{\"model\":\"text-embedding-3-small\",\"input\":null}", INVALID, "field input is required" },
	{ "input []", EMBED, "{\"model\":\"text-embedding-3-small\",\"input\":[]}", INVALID, "field input is required" },
	{ "input a number", EMBED, "{\"model\":\"text-embedding-3-small\",\"input\":1}", INVALID, "field input must be a string or an array" },
	{ "input by the path", ENGINE, "{}", INVALID, "field input is required" },
	{ "input text", EMBED, "{\"model\":\"text-embedding-3-small\",\"input\":\"x\"}", NULL, NULL },
	{ "input texts", EMBED, "{\"model\":\"text-embedding-3-small\",\"input\":[\"x\",\"y\"]}", NULL, NULL },

	/* what decides about the shape of the reply or the price */
	{ "stream a string", CHAT, WITH("\"stream\":\"true\""), INVALID, "stream must be a boolean" },
	{ "stream a number", CHAT, WITH("\"stream\":1"), INVALID, "stream must be a boolean" },
	{ "stream null", CHAT, WITH("\"stream\":null"), NULL, NULL },
	{ "stream_options a list", CHAT, WITH("\"stream\":true,\"stream_options\":[]"), INVALID, "stream_options must be an object" },
	{ "n 0", CHAT, WITH("\"n\":0"), INVALID, "n must be between 1 and 128" },
	{ "n -5", CHAT, WITH("\"n\":-5"), INVALID, "n must be between 1 and 128" },
	{ "n 129", CHAT, WITH("\"n\":129"), INVALID, "n must be between 1 and 128" },
	{ "n 2", CHAT, WITH("\"n\":2"), NULL, NULL },

	/* the body itself (2.2 row 12) */
	{ "no body", CHAT, "", "invalid_json", NULL },
	{ "blanks", CHAT, "  \r\n", "invalid_json", NULL },
	{ "cut off", CHAT, "{\"model\":\"gpt-4o\"", "invalid_json", NULL },
	{ "text behind it", CHAT, WITH("\"n\":1") "x", "invalid_json", NULL },
	{ "a list", CHAT, "[" WITH("\"n\":1") "]", "invalid_json", NULL },
	{ "a string", EMBED, "\"input\"", "invalid_json", NULL },
	{ "single quotes", TEXT, "{'model':'gpt-4o','prompt':'x'}", "invalid_json", NULL },
	{ "broken UTF-8", CHAT, GPT "\"messages\":[{\"role\":\"user\",\"content\":\"\xff\"}]}", "invalid_json", NULL },
	{ "NaN", CHAT, WITH("\"temperature\":NaN"), "invalid_json", NULL },
	{ "form", CHAT, "model=gpt-4o&messages=hi", "invalid_json", NULL },
	{ "blanks around it", CHAT, " \t\r\n" WITH("\"n\":1") "\n", NULL, NULL },
};
/* clang-format on */

static struct stack_user user;

static void set_up(struct stack *s)
{
	if (user.id)
		return;
	stack_channel(s, &(struct stack_channel){ .models = "gpt-4o,text-embedding-3-small" });
	user = stack_user(s, &(struct stack_person){ .quota = 100000000 });
}

static void check_refused(struct stack *s, const struct row *row)
{
	struct stack_sums before, after;
	struct stack_reply *r;
	int64_t requests;

	assert_true(stack_wait_settled(s, 2000));
	before = stack_sums(s, 0);
	requests = stack_stats(s).requests;
	r = stack_post(s, row->path, user.key, row->body);
	stack_check_error(row->name, r, 400, "one_api_error", row->code, row->text);
	if (strcmp(stack_text(r->json, "error.param"), "") != 0)
		fail_msg("%s: param '%s'", row->name, stack_text(r->json, "error.param"));
	after = stack_sums(s, 0);
	if (memcmp(&before, &after, sizeof(before)) != 0)
		fail_msg("%s: something was charged", row->name);
	if (stack_stats(s).requests != requests)
		fail_msg("%s: the upstream was asked", row->name);
}

static void check_accepted(struct stack *s, const struct row *row)
{
	int64_t requests = stack_stats(s).requests;
	struct stack_reply *r = stack_post(s, row->path, user.key, row->body);

	if (r->status != 200)
		fail_msg("%s: status %d: %s", row->name, r->status, r->body.data);
	if (stack_stats(s).requests != requests + 1)
		fail_msg("%s: the upstream was not asked once", row->name);
}

static void test_rows(void **state)
{
	struct stack *s = *state;

	set_up(s);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		if (rows[i].code)
			check_refused(s, &rows[i]);
		else
			check_accepted(s, &rows[i]);
	}
}

/* The content type says nothing: JSON is read whenever it is JSON. */
static void test_content_types(void **state)
{
	static const char *const types[] = { "application/json", "application/json; charset=utf-8",
		"text/plain", "application/x-www-form-urlencoded" };
	struct stack *s = *state;

	set_up(s);
	for (size_t i = 0; i < COUNT_OF(types); i++) {
		char line[128];
		const char *const headers[] = { line, NULL };
		struct stack_reply *r;

		snprintf(line, sizeof(line), "Content-Type: %s", types[i]);
		r = stack_http(s,
		    &(struct stack_ask){ .path = CHAT,
		        .key = user.key,
		        .headers = headers,
		        .body = WITH("\"n\":1") });
		if (r->status != 200)
			fail_msg("%s: status %d: %s", types[i], r->status, r->body.data);
	}
}

/* Nesting is bounded: a refusal, not a crash. */
static void test_depth(void **state)
{
	struct stack *s = *state;
	struct buf body = buf_init(1 << 20);

	set_up(s);
	buf_add_c(&body, GPT SAID ",\"metadata\":");
	for (int i = 0; i < 100000; i++)
		buf_add_char(&body, '[');
	for (int i = 0; i < 100000; i++)
		buf_add_char(&body, ']');
	buf_add_char(&body, '}');
	stack_check_error("100,000 levels", stack_post(s, CHAT, user.key, body.data), 400,
	    "one_api_error", "invalid_json", NULL);
	buf_release(&body);
	assert_int_equal(stack_post(s, CHAT, user.key, WITH("\"n\":1"))->status, 200);
}

/* Refused before anything is held, whatever the size of the promise. */
static void test_model_name_length(void **state)
{
	struct stack *s = *state;
	char body[4096], name[2048];

	set_up(s);
	memset(name, 'm', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	snprintf(body, sizeof(body), "{\"model\":\"%s\"," SAID "}", name);
	stack_check_error("2,047 characters", stack_post(s, CHAT, user.key, body), 400,
	    "one_api_error", INVALID, "model is invalid");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_content_types),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_model_name_length),
	};

	return stack_run("validation", tests, COUNT_OF(tests), NULL);
}
