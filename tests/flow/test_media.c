/* Images by URL for an upstream that takes only bytes: fetched, refused, never at the channel's cost. */
#include "../stack.h"

#include <stdio.h>
#include <string.h>

#include "base/attr.h"

#define QUOTA 5000000

static struct stack_reply *ask_about(struct stack *s, const struct stack_user *u, const char *url)
{
	char body[512];

	snprintf(body, sizeof body,
	    "{\"model\":\"gpt-4o-mini\",\"messages\":[{\"role\":\"user\",\"content\":["
	    "{\"type\":\"text\",\"text\":\"what is it\"},"
	    "{\"type\":\"image_url\",\"image_url\":{\"url\":\"%s\"}}]}]}",
	    url);
	return stack_post(s, STACK_CHAT, u->key, body);
}

static int64_t ollama(struct stack *s)
{
	return stack_channel(s, &(struct stack_channel){ .models = "gpt-4o-mini", .type = 30 });
}

/* A picture at the fake upstream, whose address is one of ours. */
static const char *picture(struct stack *s, char url[128])
{
	stack_script(s, "picture", "header Content-Type: image/png\nbody any bytes\n");
	snprintf(url, 128, "%s/models/picture", s->upstream);
	return url;
}

static void test_fetched(void **state)
{
	struct stack *s = *state;
	struct stack_user u = stack_user(s, &(struct stack_person){ .quota = QUOTA });
	int64_t channel = ollama(s);
	struct stack_reply *r;
	char url[128];

	r = ask_about(s, &u, picture(s, url));
	assert_int_equal(r->status, 200);
	/* base64 of the picture's bytes, as the specification of ollama's /api/chat wants it */
	assert_non_null(strstr(stack_text(stack_last(s), "body"), "\"images\":[\"YW55IGJ5dGVz\"]"));
	assert_true(stack_wait_settled(s, 5000));
	stack_channel_delete(s, channel);
}

static void test_refused(void **state)
{
	struct stack *s = *state;
	struct stack_user u = stack_user(s, &(struct stack_person){ .quota = QUOTA });
	int64_t channel = ollama(s);
	static const char *const urls[] = {
		"http://127.0.0.2:1/closed",        /* allowed, but nobody is there */
		"http://169.254.169.254/meta-data", /* not public */
		"http://[::1]:80/x",
		"http://localhost:1/x",
		"https://user@/",
	};

	for (size_t i = 0; i < COUNT_OF(urls); i++) {
		struct stack_reply *r = ask_about(s, &u, urls[i]);

		stack_check_error(urls[i], r, 400, "one_api_error", "invalid_text_request",
		    "could not be fetched");
	}
	assert_true(stack_wait_settled(s, 5000));
	assert_int_equal(stack_sums(s, u.id).quota, QUOTA);
	/* None of it was the channel's fault. */
	assert_int_equal(
	    stack_post(s, STACK_CHAT, u.key,
	        "{\"model\":\"gpt-4o-mini\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}")
	        ->status,
	    200);
	stack_channel_delete(s, channel);
}

/* Pictures of 9 bytes; the environment below allows a request 2000 bytes, the process 2500. */
static void test_bounds(void **state)
{
	static const struct {
		const char *name;
		int urls, data; /* how many URLs of pictures; characters of a data URI */
		int status;
		const char *code, *text;
	} cases[] = {
		{ "few", 3, 400, 200, NULL, NULL },
		{ "many", 16, 1000, 200, NULL, NULL },
		{ "too many URLs", 17, 0, 400, "invalid_text_request", "more than 16 different" },
		{ "a long data URI", 0, 2800, 413, "request_too_large", "more than 2000 bytes" },
		{ "together", 1, 2640, 413, "request_too_large", "too large together" },
		{ "nearly", 1, 2620, 200, NULL, NULL },
	};
	struct stack *s = *state;
	struct stack_user u = stack_user(s, &(struct stack_person){ .quota = QUOTA });
	int64_t channel = ollama(s);
	char url[128];

	picture(s, url);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct buf body = buf_init(100000);
		struct stack_reply *r;

		buf_add(&body,
		    STR("{\"model\":\"gpt-4o-mini\",\"messages\":[{\"role\":\"user\","
		        "\"content\":[{\"type\":\"text\",\"text\":\"what\"}"));
		for (int n = 0; n < cases[i].urls; n++)
			buf_addf(&body,
			    ",{\"type\":\"image_url\",\"image_url\":{\"url\":\"%s?%d\"}}", url, n);
		if (cases[i].data) {
			buf_add(&body,
			    STR(",{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:"
			        "image/png;base64,"));
			for (int n = 0; n < cases[i].data; n++)
				buf_add_char(&body, 'A');
			buf_add(&body, STR("\"}}"));
		}
		buf_add(&body, STR("]}]}"));
		r = stack_post(s, STACK_CHAT, u.key, body.data);
		buf_release(&body);
		if (cases[i].code)
			stack_check_error(cases[i].name, r, cases[i].status, "one_api_error",
			    cases[i].code, cases[i].text);
		else if (r->status != cases[i].status)
			fail_msg("%s: got %d, want %d", cases[i].name, r->status, cases[i].status);
	}
	assert_true(stack_wait_settled(s, 5000));
	assert_int_equal(stack_sums(s, u.id).reserved, 0);
	stack_channel_delete(s, channel);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fetched),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_bounds),
	};
	static const char *const env[] = { "USER_CONTENT_HTTP=true",
		"USER_CONTENT_ALLOW=127.0.0.1,127.0.0.2", "USER_CONTENT_REQUEST_BYTES=2000",
		"USER_CONTENT_TOTAL_BYTES=2500", NULL };

	return stack_run("media", tests, COUNT_OF(tests), env);
}
