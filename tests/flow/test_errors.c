/* test_errors.c — what the client reads when the upstream fails
 *
 * Every kind of failure becomes one clean error of OpenAI's shape, without the operator's secrets,
 * and costs nothing; a stream that had begun ends with an error event and costs what it produced.
 */
#include "../stack.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHAT STACK_CHAT
#define SAID "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"
#define WHOLE "{\"model\":\"gpt-4o-mini\"," SAID "}"
#define STREAM "{\"model\":\"gpt-4o-mini\",\"stream\":true," SAID "}"
#define UPSTREAM_KEY "sk-operator-7f3k2m9x1q8w5e6r"

static const char *const env[] = { "UPSTREAM_FIRST_BYTE_TIMEOUT=1", "UPSTREAM_IDLE_TIMEOUT=1",
	"MAX_BODY_BYTES=100000", NULL };

static struct stack_user user;
static int64_t channel;

static void set_up(struct stack *s)
{
	if (user.id)
		return;
	channel = stack_channel(s,
	    &(struct stack_channel){ .models = "gpt-4o-mini,gpt-4o", .key = UPSTREAM_KEY });
	user = stack_user(s, &(struct stack_person){ .quota = 100000000 });
}

/* Nothing of the operator's may stand in what a client gets. */
static void check_no_secrets(const struct stack *s, const char *name, const char *text)
{
	char host[32];
	const char *const secrets[] = { UPSTREAM_KEY, "operator-7f3k", host };

	snprintf(host, sizeof(host), "127.0.0.1:%d", s->upstream_port);
	for (size_t i = 0; i < COUNT_OF(secrets); i++) {
		if (strstr(text, secrets[i]))
			fail_msg("%s: the client reads '%s': %s", name, secrets[i], text);
	}
}

static void check_unchanged(struct stack *s, const char *name, const struct stack_sums *before)
{
	struct stack_sums after;

	if (!stack_wait_settled(s, 2000))
		fail_msg("%s: a reservation is left", name);
	after = stack_sums(s, 0);
	if (memcmp(before, &after, sizeof(after)) != 0)
		fail_msg("%s: something was charged: %" PRId64, name, before->quota - after.quota);
}

/* ---- one row of the table in each --------------------------------------------------------------
 */

#define ERR(message, type, code)                                                                   \
	"body {\"error\":{\"message\":\"" message "\",\"type\":" type                              \
	",\"param\":null,\"code\":" code "}}\n"
#define BAD "invalid_request_error"
#define AUTH "upstream_auth_error"
#define REJECTED "upstream credentials rejected"
#define NO_CREDIT "the upstream account has no quota left"

/* clang-format off */
static const struct failure {
	const char *name, *script;
	int status;
	const char *type, *code, *text;
	const char *hidden; /* must not arrive */
} failures[] = {
	/* 400, 422 */
	{ "400", "status 400\n" ERR("bad thing", "\"invalid_request_error\"", "null"), 400, BAD, NULL, "bad thing", NULL },
	{ "400 with a type of its own", "status 400\n" ERR("no such picture", "\"image_generation_user_error\"", "null"), 400, "image_generation_user_error", NULL, "no such picture", NULL },
	{ "400 with a code", "status 400\n" ERR("too long", "\"invalid_request_error\"", "\"context_length_exceeded\""), 400, BAD, "context_length_exceeded", "too long", NULL },
	{ "400 Azure filter", "status 400\nbody {\"error\":{\"message\":\"filtered\",\"type\":null,\"param\":\"prompt\",\"code\":\"content_filter\",\"status\":400,\"innererror\":{\"code\":\"ResponsibleAIPolicyViolation\"}}}\n", 400, BAD, "content_filter", "filtered", NULL },
	{ "422", "status 422\nbody {\"detail\":[{\"loc\":[\"body\",\"n\"],\"msg\":\"too small\"}]}\n", 400, BAD, NULL, "too small", NULL },
	{ "409", "status 409\n" ERR("conflict", "\"x\"", "null"), 400, BAD, NULL, "conflict", NULL },
	/* 401, 403: the operator's key */
	{ "401", "status 401\n" ERR("Incorrect API key provided: " UPSTREAM_KEY, "\"invalid_request_error\"", "\"invalid_api_key\""), 502, AUTH, "upstream_401", REJECTED, "Incorrect" },
	{ "401 Azure", "status 401\nbody {\"statusCode\":401,\"message\":\"Access denied due to invalid subscription key\"}\n", 502, AUTH, "upstream_401", REJECTED, "subscription" },
	{ "403 key", "status 403\n" ERR("no access for this key", "\"permission_error\"", "null"), 502, AUTH, "upstream_401", REJECTED, "no access" },
	{ "400 that means the key", "status 400\n" ERR("bad key", "\"x\"", "\"invalid_api_key\""), 502, AUTH, "upstream_401", REJECTED, "bad key" },
	/* 402 and what means the same */
	{ "402", "status 402\n" ERR("Insufficient Balance", "\"x\"", "null"), 502, "upstream_quota_error", "insufficient_quota", NO_CREDIT, "Balance" },
	{ "429 without credit", "status 429\n" ERR("You exceeded your current quota", "\"insufficient_quota\"", "\"insufficient_quota\""), 502, "upstream_quota_error", "insufficient_quota", NO_CREDIT, "exceeded" },
	/* 403: content or region */
	{ "403 region", "status 403\n" ERR("not in your country", "\"request_forbidden\"", "\"unsupported_country_region_territory\""), 403, "permission_error", "unsupported_country_region_territory", "not in your country", NULL },
	{ "403 content", "status 403\n" ERR("against the policy", "\"x\"", "\"content_policy_violation\""), 403, "permission_error", "content_policy_violation", "against the policy", NULL },
	/* 404 */
	{ "404", "status 404\n" ERR("The model does not exist", "\"invalid_request_error\"", "\"model_not_found\""), 404, BAD, "model_not_found", "The model does not exist", NULL },
	{ "404 Azure", "status 404\nbody {\"error\":{\"code\":\"DeploymentNotFound\",\"message\":\"no deployment\"}}\n", 404, BAD, "DeploymentNotFound", "no deployment", NULL },
	{ "404 without a code", "status 404\nbody nothing here\n", 404, BAD, "model_not_found", "404", "nothing here" },
	/* 408, 504, 524 */
	{ "408", "status 408\n" ERR("late", "\"x\"", "null"), 504, "timeout_error", "upstream_timeout", "late", NULL },
	{ "504", "status 504\nbody \n", 504, "timeout_error", "upstream_timeout", "504", NULL },
	{ "524", "status 524\nheader Content-Type: text/html\nbody <html><title>A timeout occurred</title></html>\n", 504, "timeout_error", "upstream_timeout", "524", "html" },
	/* 413 */
	{ "413", "status 413\n" ERR("large", "\"x\"", "null"), 413, BAD, "request_too_large", "large", NULL },
	/* 429 keeps what the upstream called it */
	{ "429", "status 429\n" ERR("slow down please", "\"requests\"", "\"rate_limit_exceeded\""), 429, "requests", "rate_limit_exceeded", "slow down please", NULL },
	{ "429 without a type", "status 429\nbody {\"error\":{\"code\":\"429\",\"message\":\"busy\"}}\n", 429, "rate_limit_error", "rate_limit_exceeded", "busy", NULL },
	/* 500, 502, 503, 529 */
	{ "500", "status 500\n" ERR("boom", "\"server_error\"", "null"), 502, "server_error", "upstream_error", "boom", NULL },
	{ "502 page", "status 502\nheader Content-Type: text/html\nbody <html><h1>Bad Gateway</h1><p>nginx/1.2</p></html>\n", 502, "server_error", "upstream_error", "502", "nginx/1.2" },
	{ "503", "status 503\n" ERR("overloaded", "\"x\"", "null"), 503, "server_error", "overloaded", "overloaded", NULL },
	{ "503 with a code", "status 503\n" ERR("later", "\"x\"", "\"slow_down\""), 503, "server_error", "slow_down", "later", NULL },
	{ "529", "status 529\nbody {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n", 503, "server_error", NULL, "Overloaded", NULL },
	{ "599", "status 599\nbody \n", 502, "server_error", "upstream_error", "599", NULL },
	/* an error behind 200 */
	{ "200, code 503", "body {\"error\":{\"message\":\"later\",\"code\":503}}\n", 503, "server_error", "overloaded", "later", NULL },
	{ "200, code 400 as text", "body {\"error\":{\"message\":\"bad\",\"code\":\"400\"}}\n", 400, BAD, NULL, "bad", NULL },
	{ "200, code 401", "body {\"error\":{\"message\":\"bad key\",\"code\":401}}\n", 502, AUTH, "upstream_401", REJECTED, "bad key" },
	{ "200, no status", "body {\"error\":{\"message\":\"strange\",\"type\":\"x\"}}\n", 502, "server_error", NULL, "strange", NULL },
	{ "200, a string", "body {\"error\":\"it broke\"}\n", 502, "server_error", NULL, "it broke", NULL },
	/* statuses that are no answer to a POST */
	{ "301", "status 301\nheader Location: http://127.0.0.1:1/elsewhere\nbody \n", 502, NULL, NULL, NULL, "elsewhere" },
	{ "307", "status 307\nheader Location: /v1/other\nbody \n", 502, NULL, NULL, NULL, "/v1/other" },
	/* connections */
	{ "reset at once", "reset\n", 502, "server_error", "upstream_unreachable", NULL, NULL },
	{ "closed at once", "cut\n", 502, "server_error", "upstream_unreachable", NULL, NULL },
	{ "no first byte in time", "delay 3000\nbody {}\n", 504, "timeout_error", "upstream_timeout", NULL, NULL },
};
/* clang-format on */

static void check_failure(struct stack *s, const struct failure *f, const char *body)
{
	struct stack_sums before;
	struct stack_reply *r;

	assert_true(stack_wait_settled(s, 2000));
	before = stack_sums(s, 0);
	stack_script(s, "gpt-4o-mini", f->script);
	stack_reset(s);
	r = stack_post(s, CHAT, user.key, body);
	stack_check_error(f->name, r, f->status, f->type, f->code, f->text);
	check_no_secrets(s, f->name, r->body.data);
	if (f->hidden && strstr(r->body.data, f->hidden))
		fail_msg("%s: '%s' arrived: %s", f->name, f->hidden, r->body.data);
	if (strcmp(stack_header(r, "Content-Type"), "application/json") != 0)
		fail_msg("%s: type %s", f->name, stack_header(r, "Content-Type"));
	/* A kept connection that turns out to be dead is replaced once, without harm. */
	if (stack_stats(s).requests > (f->code && !strcmp(f->code, "upstream_unreachable") ? 2 : 1))
		fail_msg("%s: the upstream was asked %" PRId64 " times", f->name,
		    stack_stats(s).requests);
	check_unchanged(s, f->name, &before);
}

static void test_failures(void **state)
{
	struct stack *s = *state;

	set_up(s);
	for (size_t i = 0; i < COUNT_OF(failures); i++)
		check_failure(s, &failures[i], WHOLE);
}

/* The same for who asked for a stream: it has not begun. */
static void test_failures_of_streams(void **state)
{
	struct stack *s = *state;

	set_up(s);
	for (size_t i = 0; i < COUNT_OF(failures); i++)
		check_failure(s, &failures[i], STREAM);
}

/* Nobody listens. */
static void test_no_upstream(void **state)
{
	struct stack *s = *state;
	struct stack_sums before;
	struct stack_reply *r;

	set_up(s);
	assert_true(stack_wait_settled(s, 2000));
	before = stack_sums(s, 0);
	stack_upstream_stop(s);
	r = stack_post(s, CHAT, user.key, WHOLE);
	stack_upstream_start(s);
	stack_check_error("refused", r, 502, "server_error", "upstream_unreachable", NULL);
	check_no_secrets(s, "refused", r->body.data);
	check_unchanged(s, "refused", &before);
}

static void test_no_such_host(void **state)
{
	struct stack *s = *state;
	int64_t id = stack_channel(s,
	    &(struct stack_channel){ .models = "gpt-4.1",
	        .base_url = "http://no-such-host.invalid" });
	struct stack_reply *r;

	set_up(s);
	r = stack_post(s, CHAT, user.key, "{\"model\":\"gpt-4.1\"," SAID "}");
	stack_check_error("DNS", r, 502, "server_error", "upstream_unreachable", NULL);
	assert_null(strstr(r->body.data, "no-such-host"));
	stack_channel_delete(s, id);
}

/* ---- headers and members of an error ------------------------------------------------------------
 */

static void test_retry_after(void **state)
{
	struct stack *s = *state;
	struct stack_reply *r;

	set_up(s);
	stack_script(s, "gpt-4o-mini",
	    "status 429\nheader Retry-After: 17\n" ERR("wait", "\"tokens\"", "null"));
	r = stack_post(s, CHAT, user.key, WHOLE);
	assert_int_equal(r->status, 429);
	assert_non_null(stack_header(r, "Retry-After"));
	assert_string_equal(stack_header(r, "Retry-After"), "17");
	assert_null(stack_header_n(r, "Retry-After", 1));
	assert_string_equal(stack_text(r->json, "error.type"), "tokens");
	r = stack_post(s, CHAT, user.key, STREAM);
	assert_non_null(stack_header(r, "Retry-After"));
	assert_string_equal(stack_header(r, "Retry-After"), "17");
}

static void test_param(void **state)
{
	struct stack *s = *state;
	struct stack_reply *r;

	set_up(s);
	stack_script(s, "gpt-4o-mini",
	    "status 400\nbody {\"error\":{\"message\":\"no\",\"type\":\"invalid_request_error\","
	    "\"param\":\"messages[0].role\",\"code\":null}}\n");
	r = stack_post(s, CHAT, user.key, WHOLE);
	assert_string_equal(stack_text(r->json, "error.param"), "messages[0].role");
}

/* Where foreign bodies keep their message. */
static void test_messages(void **state)
{
	static const char *const bodies[] = { "{\"error\":{\"message\":\"FOUND\"}}",
		"{\"message\":\"FOUND\"}", "{\"msg\":\"FOUND\"}", "{\"err\":\"FOUND\"}",
		"{\"error_msg\":\"FOUND\"}", "{\"header\":{\"message\":\"FOUND\"}}",
		"{\"response\":{\"error\":{\"message\":\"FOUND\"}}}", "{\"error\":\"FOUND\"}",
		"{\"detail\":\"FOUND\"}", "{\"detail\":[{\"msg\":\"FOUND\"}]}",
		"{\"title\":\"FOUND\"}", "{\"errors\":[{\"message\":\"FOUND\"}]}",
		"[{\"error\":{\"message\":\"FOUND\"}}]",
		"{\"error\":{\"message\":\"FOUND\",\"param\":7}}" };
	struct stack *s = *state;

	set_up(s);
	for (size_t i = 0; i < COUNT_OF(bodies); i++) {
		char script[256];

		snprintf(script, sizeof(script), "status 400\nbody %s\n", bodies[i]);
		stack_script(s, "gpt-4o-mini", script);
		stack_check_error(bodies[i], stack_post(s, CHAT, user.key, WHOLE), 400, BAD, NULL,
		    "FOUND");
	}
}

static void test_masks(void **state)
{
	static const struct {
		const char *said, *secret;
	} cases[] = {
		{ "wrong key sk-abcdEFGH1234567890 given", "abcdEFGH" },
		{ "header 'Bearer abc.def-ghi' is wrong", "abc.def-ghi" },
		{ "see https://internal.example/path?key=1 for more", "internal.example" },
		{ "organization org-AbCdEf123456 is limited", "AbCdEf123456" },
		{ "id 0123456789abcdef0123456789abcdef is unknown", "0123456789abcdef" },
		{ "your key " UPSTREAM_KEY " and again " UPSTREAM_KEY, "7f3k2m9x" },
	};
	struct stack *s = *state;

	set_up(s);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char script[512];
		struct stack_reply *r;

		snprintf(script, sizeof(script),
		    "status 400\nbody {\"error\":{\"message\":\"%s\"}}\n", cases[i].said);
		stack_script(s, "gpt-4o-mini", script);
		r = stack_post(s, CHAT, user.key, WHOLE);
		stack_check_error(cases[i].said, r, 400, BAD, NULL, "***");
		if (strstr(r->body.data, cases[i].secret))
			fail_msg("not masked: %s", r->body.data);
	}
}

/* A channel's own key and host are hidden whatever they look like. */
static void test_scrub(void **state)
{
	static const char *const asks[] = { "{\"model\":\"gpt-4.1\"," SAID "}",
		"{\"model\":\"gpt-4.1\",\"stream\":true," SAID "}" };
	struct stack *s = *state;
	int64_t id =
	    stack_channel(s, &(struct stack_channel){ .models = "gpt-4.1", .key = "hunter2two" });
	char said[128], script[512];

	set_up(s);
	snprintf(said, sizeof(said), "{\"error\":{\"message\":\"key=hunter2two at 127.0.0.1:%d\"}}",
	    s->upstream_port);
	for (int i = 0; i < 4; i++) {
		const char *how[] = { "status 400\nbody", "body", "event", "status 500\nbody" };
		struct stack_reply *r;

		snprintf(script, sizeof(script), "%s %s\n", how[i], said);
		stack_script(s, "gpt-4.1", script);
		r = stack_post(s, CHAT, user.key, asks[i == 2]);
		assert_true(r->status >= 400);
		assert_non_null(strstr(r->body.data, "key=*** at ***"));
		check_no_secrets(s, how[i], r->body.data);
	}
	assert_null(strstr(stack_log(s), "hunter2two"));
	stack_channel_delete(s, id);
}

/* Headers that are passed on are neither the key's way out nor more than a web server takes. */
static void test_headers(void **state)
{
	struct stack *s = *state;
	int64_t id =
	    stack_channel(s, &(struct stack_channel){ .models = "gpt-4.1", .key = "hunter2two" });
	struct buf script = buf_init(1 << 20);
	struct stack_reply *r;

	set_up(s);
	buf_add(&script, STR("header x-request-id: hunter2two\nheader x-ratelimit-reset: 7\n"));
	for (int i = 0; i < 300; i++)
		buf_addf(&script, "header x-ratelimit-%d: a value of some length\n", i);
	buf_add(&script, STR("body {\"choices\":[]}\n"));
	stack_script(s, "gpt-4.1", script.data);
	r = stack_post(s, CHAT, user.key, "{\"model\":\"gpt-4.1\"," SAID "}");
	assert_int_equal(r->status, 200);
	assert_null(stack_header(r, "X-Upstream-Request-Id"));
	assert_string_equal(stack_header(r, "x-ratelimit-reset"), "7");
	assert_string_equal(stack_header(r, "x-ratelimit-0"), "a value of some length");
	assert_null(stack_header(r, "x-ratelimit-299"));
	buf_release(&script);
	stack_channel_delete(s, id);
}

/* A message may be as long as it likes; ours is bounded and still valid JSON and UTF-8. */
static void test_long_message(void **state)
{
	struct stack *s = *state;
	struct buf script = buf_init(1 << 20);
	struct stack_reply *r;

	set_up(s);
	buf_add_c(&script, "status 400\nbody {\"error\":{\"message\":\"");
	for (int i = 0; i < 5000; i++)
		buf_add_c(&script, "\xe6\x96\x87 \xe5\xad\x97, ");
	buf_add_c(&script, "\"}}\n");
	stack_script(s, "gpt-4o-mini", script.data);
	buf_release(&script);
	r = stack_post(s, CHAT, user.key, WHOLE);
	assert_int_equal(r->status, 400);
	assert_non_null(r->json);
	assert_true(r->body.len < 4096);
	assert_true(str_is_utf8(buf_str(&r->body)));
	/* the id is what support asks for: a long message must not push it out */
	stack_check_error("long message", r, 400, BAD, NULL, NULL);
}

/* ---- bodies that are not what they should be
 * ------------------------------------------------------ */

/* An upstream that did its work is believed: the bytes go to the client and the estimate is
 * charged. */
static void test_whole_garbage(void **state)
{
	static const char *const bodies[] = { "this is no JSON", "<html>hi</html>", "[1,2", "{}",
		"{\"choices\":7,\"usage\":[]}", "\xff\xfe\\x00" };
	struct stack *s = *state;

	set_up(s);
	for (size_t i = 0; i < COUNT_OF(bodies); i++) {
		char script[256];
		struct stack_sums before, after;
		struct stack_reply *r;

		snprintf(script, sizeof(script), "header Content-Type: text/x-odd\nbody %s\n",
		    bodies[i]);
		stack_script(s, "gpt-4o-mini", script);
		assert_true(stack_wait_settled(s, 2000));
		before = stack_sums(s, user.id);
		r = stack_post(s, CHAT, user.key, WHOLE);
		if (r->status != 200)
			fail_msg("%s: status %d: %s", bodies[i], r->status, r->body.data);
		if (i + 1 < COUNT_OF(bodies))
			assert_string_equal(r->body.data, bodies[i]);
		assert_true(stack_wait_settled(s, 2000));
		after = stack_sums(s, user.id);
		if (after.charges != before.charges + 1 || after.charged <= before.charged)
			fail_msg("%s: not charged", bodies[i]);
	}
}

/* clang-format off */
static const struct failure broken_bodies[] = {
	{ "shorter than Content-Length", "header Content-Length: 5000\nbody {\"choices\":[\ncut\n", 502, "server_error", NULL, NULL, NULL },
	{ "cut within chunks", "chunk {\"choices\":[\ncut\n", 502, "server_error", NULL, NULL, NULL },
	{ "reset within the body", "chunk {\"choices\":[\ndelay 50\nreset\n", 502, "server_error", NULL, NULL, NULL },
	{ "stalls within the body", "chunk {\"choices\":[\nstall\n", 504, "timeout_error", "upstream_timeout", NULL, NULL },
};
static const struct failure broken_for_streams[] = {
	{ "a page", "header Content-Type: text/html\nbody <html>login</html>\n", 502, "server_error", "bad_response_content_type", NULL, "login" },
	{ "JSON without a completion", "body {\"ok\":true}\n", 502, "server_error", "bad_response_content_type", NULL, NULL },
	{ "broken JSON", "body {\"choices\":[\n", 502, "server_error", "bad_response_content_type", NULL, NULL },
	{ "nothing", "body \n", 502, "server_error", "bad_response_content_type", NULL, NULL },
	{ "an error", "body {\"error\":{\"message\":\"later\",\"code\":429}}\n", 429, NULL, NULL, "later", NULL },
	{ "an empty stream", "header Content-Type: text/event-stream\nchunk \nend\n", 502, "server_error", "upstream_stream_truncated", NULL, NULL },
	{ "only comments", "header Content-Type: text/event-stream\nchunk : hello\\n\\n\nend\n", 502, "server_error", "upstream_stream_truncated", NULL, NULL },
	{ "an error as its first event", "event {\"error\":{\"message\":\"overloaded now\",\"type\":\"x\",\"code\":503}}\n", 503, "server_error", NULL, "overloaded now", NULL },
	{ "an error named error", "header Content-Type: text/event-stream\nchunk event: error\\ndata: {\"error\":{\"message\":\"bad\",\"code\":400}}\\n\\n\n", 400, BAD, NULL, "bad", NULL },
	{ "cut before its first event", "header Content-Type: text/event-stream\nchunk data: {\"cho\ncut\n", 502, "server_error", NULL, NULL, NULL },
	{ "stalls before its first event", "header Content-Type: text/event-stream\nchunk : \\n\\n\nstall\n", 504, "timeout_error", "upstream_timeout", NULL, NULL },
};
/* clang-format on */

static void test_broken_bodies(void **state)
{
	struct stack *s = *state;

	set_up(s);
	for (size_t i = 0; i < COUNT_OF(broken_bodies); i++)
		check_failure(s, &broken_bodies[i], WHOLE);
	for (size_t i = 0; i < COUNT_OF(broken_for_streams); i++)
		check_failure(s, &broken_for_streams[i], STREAM);
}

/* More than we hold: an error, not memory without end. */
static void test_too_large(void **state)
{
	struct stack *s = *state;
	struct failure f = { "70 MiB", NULL, 502, "server_error", NULL, NULL, NULL };
	struct buf script = buf_init(2 << 20);

	set_up(s);
	buf_add_c(&script, "repeat 70 0 ");
	for (int i = 0; i < 1 << 16; i++)
		buf_add_c(&script, "sixteen letters ");
	buf_add_c(&script, "\n");
	f.script = script.data;
	check_failure(s, &f, WHOLE);
	buf_release(&script);
}

/* A whole completion where a stream was asked for becomes one. */
static void test_whole_for_stream(void **state)
{
	struct stack *s = *state;
	struct stack_stream st;

	set_up(s);
	stack_script(s, "gpt-4o-mini",
	    "body {\"id\":\"chatcmpl-1\",\"created\":5,\"model\":\"m\",\"choices\":[{\"index\":0,"
	    "\"message\":{\"role\":\"assistant\",\"content\":\"all at once\"},\"finish_reason\":"
	    "\"length\"}],\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":3,"
	    "\"total_tokens\":13}}\n");
	assert_true(stack_stream_open(s,
	    &(struct stack_ask){ .path = CHAT, .key = user.key, .body = STREAM }, &st));
	assert_int_equal(st.reply.status, 200);
	assert_string_equal(stack_header(&st.reply, "Content-Type"), "text/event-stream");
	assert_int_equal(stack_stream_next(&st, 60000), STACK_EVENT);
	assert_non_null(strstr(st.event.data, "\"content\":\"all at once\""));
	assert_non_null(strstr(st.event.data, "\"object\":\"chat.completion.chunk\""));
	assert_int_equal(stack_stream_next(&st, 60000), STACK_EVENT);
	assert_non_null(strstr(st.event.data, "\"finish_reason\":\"length\""));
	assert_int_equal(stack_stream_next(&st, 60000), STACK_EVENT);
	assert_string_equal(st.event.data, "[DONE]");
	assert_int_equal(stack_stream_next(&st, 60000), STACK_END);
	stack_stream_close(&st, false);
}

/* ---- streams that had begun
 * ------------------------------------------------------------------------ */

#define DELTA "event {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"some words came\"}}]}\n"

/* clang-format off */
static const struct {
	const char *name, *script;
	int events; /* before the error */
	const char *type, *code, *text;
} begun[] = {
	{ "ends without a word", DELTA DELTA, 2, "server_error", "upstream_stream_truncated", NULL },
	{ "is cut", DELTA DELTA "delay 50\ncut\n", 2, "server_error", NULL, NULL },
	{ "is reset", DELTA DELTA "delay 50\nreset\n", 2, "server_error", NULL, NULL },
	{ "is cut in mid-event", DELTA "chunk data: {\"choices\ndelay 50\ncut\n", 1, "server_error", NULL, NULL },
	{ "stalls", DELTA "stall\n", 1, "timeout_error", "upstream_timeout", NULL },
	{ "an error event", DELTA "event {\"error\":{\"message\":\"tool broke at https://internal.example/x with " UPSTREAM_KEY "\",\"type\":\"x\",\"code\":\"tool_use_failed\",\"status_code\":400}}\n" DELTA, 1, BAD, "tool_use_failed", "tool broke at https://*** with ***" },
	{ "an error beside choices", DELTA "event {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\"},\"finish_reason\":\"error\"}],\"error\":{\"message\":\"provider left\",\"code\":502}}\n", 1, "server_error", NULL, "provider left" },
};
/* clang-format on */

static void check_begun(struct stack *s, size_t i)
{
	struct stack_sums before, after;
	struct stack_stream st;
	cJSON *event;

	stack_script(s, "gpt-4o-mini", begun[i].script);
	assert_true(stack_wait_settled(s, 2000));
	before = stack_sums(s, user.id);
	assert_true(stack_stream_open(s,
	    &(struct stack_ask){ .path = CHAT, .key = user.key, .body = STREAM }, &st));
	if (st.reply.status != 200)
		fail_msg("%s: status %d", begun[i].name, st.reply.status);
	for (int n = 0; n <= begun[i].events; n++) {
		if (stack_stream_next(&st, 60000) != STACK_EVENT)
			fail_msg("%s: event %d did not come", begun[i].name, n);
		if (n < begun[i].events && !strstr(st.event.data, "some words came"))
			fail_msg("%s: event %d is '%s'", begun[i].name, n, st.event.data);
	}
	event = cJSON_Parse(st.event.data);
	if (!*stack_text(event, "error.message"))
		fail_msg("%s: no error event but '%s'", begun[i].name, st.event.data);
	if (strcmp(stack_text(event, "error.type"), begun[i].type) != 0)
		fail_msg("%s: type of '%s'", begun[i].name, st.event.data);
	if (begun[i].code && strcmp(stack_text(event, "error.code"), begun[i].code) != 0)
		fail_msg("%s: code of '%s'", begun[i].name, st.event.data);
	if (begun[i].text && !strstr(stack_text(event, "error.message"), begun[i].text))
		fail_msg("%s: message of '%s'", begun[i].name, st.event.data);
	check_no_secrets(s, begun[i].name, st.event.data);
	cJSON_Delete(event);
	/* and no [DONE]: it must not look complete */
	if (stack_stream_next(&st, 60000) != STACK_END)
		fail_msg("%s: more after the error: '%s'", begun[i].name, st.event.data);
	stack_stream_close(&st, false);

	assert_true(stack_wait_settled(s, 2000));
	after = stack_sums(s, user.id);
	if (after.charges != before.charges + 1 || after.charged <= before.charged)
		fail_msg("%s: what came was not charged", begun[i].name);
}

static void test_begun_streams(void **state)
{
	struct stack *s = *state;

	set_up(s);
	for (size_t i = 0; i < COUNT_OF(begun); i++)
		check_begun(s, i);
}

/* ---- our own refusals
 * ------------------------------------------------------------------------------ */

static void test_request_too_large(void **state)
{
	struct stack *s = *state;
	struct stack_sums before;
	char *body = malloc(200001);

	set_up(s);
	assert_true(stack_wait_settled(s, 2000));
	before = stack_sums(s, 0);
	memset(body, ' ', 200000);
	memcpy(body, WHOLE, sizeof(WHOLE) - 1);
	body[200000] = '\0';
	stack_check_error("200,000 bytes", stack_post(s, CHAT, user.key, body), 413,
	    "one_api_error", "request_too_large", NULL);
	free(body);
	check_unchanged(s, "200,000 bytes", &before);
}

static void test_unsupported_mode(void **state)
{
	struct stack *s = *state;
	struct stack_sums before;
	int64_t id = stack_channel(s,
	    &(struct stack_channel){ .type = 27, .models = "text-embedding-ada-002" });

	set_up(s);
	assert_true(stack_wait_settled(s, 2000));
	before = stack_sums(s, 0);
	stack_check_error("embeddings of MiniMax",
	    stack_post(s, "/v1/embeddings", user.key,
	        "{\"model\":\"text-embedding-ada-002\",\"input\":\"x\"}"),
	    400, "one_api_error", "unsupported_mode", NULL);
	check_unchanged(s, "embeddings of MiniMax", &before);
	stack_channel_delete(s, id);
}

static void test_no_channel_no_price(void **state)
{
	struct stack *s = *state;
	struct stack_sums before;
	int64_t id = stack_channel(s, &(struct stack_channel){ .models = "model-without-price" });

	set_up(s);
	assert_true(stack_wait_settled(s, 2000));
	before = stack_sums(s, 0);
	stack_check_error("no channel",
	    stack_post(s, CHAT, user.key, "{\"model\":\"gpt-unknown\"," SAID "}"), 503,
	    "one_api_error", "no_channel", "gpt-unknown");
	stack_check_error("no price",
	    stack_post(s, CHAT, user.key, "{\"model\":\"model-without-price\"," SAID "}"), 503,
	    "one_api_error", "model_price_missing", "model-without-price");
	check_unchanged(s, "no channel, no price", &before);
	stack_channel_delete(s, id);
}

/* ---- what all of this left in the log
 * ------------------------------------------------------------- */

static void test_log_has_no_keys(void **state)
{
	struct stack *s = *state;
	const char *log = stack_log(s);
	const char *const secrets[] = { UPSTREAM_KEY, "7f3k2m9x", user.key, STACK_ROOT_KEY,
		STACK_ROOT_ACCESS, user.password, strchr(user.cookie, '=') + 1 };

	assert_non_null(strstr(log, "event=relay.done"));
	for (size_t i = 0; i < COUNT_OF(secrets); i++) {
		const char *at = strstr(log, secrets[i]);

		if (at)
			fail_msg("the log has a secret: %.200s", at > log + 100 ? at - 100 : log);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_failures_of_streams),
		cmocka_unit_test(test_no_upstream),
		cmocka_unit_test(test_no_such_host),
		cmocka_unit_test(test_retry_after),
		cmocka_unit_test(test_param),
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_masks),
		cmocka_unit_test(test_scrub),
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_long_message),
		cmocka_unit_test(test_whole_garbage),
		cmocka_unit_test(test_broken_bodies),
		cmocka_unit_test(test_too_large),
		cmocka_unit_test(test_whole_for_stream),
		cmocka_unit_test(test_begun_streams),
		cmocka_unit_test(test_request_too_large),
		cmocka_unit_test(test_unsupported_mode),
		cmocka_unit_test(test_no_channel_no_price),
		cmocka_unit_test(test_log_has_no_keys),
	};

	return stack_run("errors", tests, COUNT_OF(tests), env);
}
