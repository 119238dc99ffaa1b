/* works.h — a channel that keeps things, people who make works there, and what these cost them
 *
 * Every call has a price of its own, 100 quota; gpt-4o costs 1.25 for a token in (half of that when it
 * was cached) and 5 for one out, half of all that in a batch. fake_resources.c says what it plays.
 *
 * For the flow tests about works; included once by each. */
#ifndef TESTS_FLOW_WORKS_H
#define TESTS_FLOW_WORKS_H

#include "crowd.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define GRANTED 100000000
#define CALL 100
#define SETTLED_MS 60000
/* 8 tokens of prompt (3 a message, 1 the role, 1 "hi", 3 the answer's beginning), 10 of answer: 60 for
 * one line, half of it in a batch. */
#define LINE_OF(id, more)                                                                          \
	"{\"custom_id\":\"" id "\",\"method\":\"POST\",\"url\":\"/v1/chat/completions\",\"body\":" \
	"{\"model\":\"gpt-4o\",\"max_tokens\":10,\"messages\":[{\"role\":\"user\",\"content\":"    \
	"\"hi\"}]" more "}}"
#define LINE(id) LINE_OF(id, "")
#define TWO_LINES LINE("a") "\n" LINE("b") "\n"
#define BOUND 60
/* 80 × 1.25 + 20 × 0.625 + 50 × 5 = 362.5 */
#define USED 182
/* 10 × 1.25 + 7 × 5 */
#define RUN 48
/* 11 × 1.25 + 7 × 5, whether its end is seen in the stream that made it or by the settler. */
#define RESPONSE 49

static int64_t keeper;

static UNUSED void set_up(struct stack *s)
{
	if (keeper)
		return;
	keeper = stack_channel(s,
	    &(struct stack_channel){ .models = "gpt-4o,gpt-4o-mini-2024-07-18,alias,ghost",
	        .key = "sk-keeper",
	        .mapping = "{\"alias\":\"gpt-4o\"}",
	        .config = "{\"resources\":true,\"call_price\":0.0002}" });
}

static UNUSED struct stack_user person(struct stack *s)
{
	set_up(s);
	return stack_user(s, &(struct stack_person){ .quota = GRANTED });
}

static UNUSED struct stack_reply *upload(struct stack *s, const struct stack_user *u,
    const char *purpose, const char *content)
{
	static const char *const headers[] = { "Content-Type: multipart/form-data; boundary=b",
		NULL };

	return stack_http(s,
	    &(struct stack_ask){ .path = "/v1/files",
	        .key = u->key,
	        .headers = headers,
	        .body = stack_fmt(
	            "--b\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\n%s\r\n"
	            "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.jsonl\"\r\n"
	            "\r\n%s\r\n--b--\r\n",
	            purpose, content) });
}

static UNUSED const char *id_of(const struct stack_reply *r)
{
	if (r->status != 200)
		fail_msg("status %d: %s", r->status, r->body.data);
	return stack_text(r->json, "id");
}

static UNUSED const char *batch_body(const char *file, const char *play)
{
	return stack_fmt("{\"input_file_id\":\"%s\",\"endpoint\":\"/v1/chat/completions\","
	                 "\"completion_window\":\"24h\",\"metadata\":{\"play\":\"%s\"}}",
	    file, play);
}

static UNUSED const char *make_batch(struct stack *s, const struct stack_user *u, const char *play)
{
	const char *file = id_of(upload(s, u, "batch", TWO_LINES));

	return id_of(stack_post(s, "/v1/batches", u->key, batch_body(file, play)));
}

static UNUSED struct stack_reply *look(struct stack *s, const struct stack_user *u,
    const char *family, const char *id)
{
	return stack_http(s,
	    &(struct stack_ask){ .path = stack_fmt("/v1/%s/%s", family, id), .key = u->key });
}

/* What the user was charged, once it is that; and that what is left agrees to the last quota. */
static UNUSED void charged(struct stack *s, const struct stack_user *u, const char *name,
    int64_t want)
{
	int64_t until = stack_now_ms() + SETTLED_MS;
	struct stack_sums sums;

	do {
		stack_sleep_ms(20);
		sums = stack_sums(s, u->id);
	} while ((sums.charged != want || sums.reservations) && stack_now_ms() < until);
	if (sums.charged != want)
		fail_msg("%s: %" PRId64 " charged, want %" PRId64, name, sums.charged, want);
	assert_int_equal(sums.reservations, 0);
	assert_int_equal(sums.quota, GRANTED - want);
	assert_int_equal(sums.used_quota, want);
	assert_int_equal(sums.key_used, want);
}

static UNUSED int64_t count_open(struct stack *s, const struct stack_user *u)
{
	char sql[128];

	snprintf(sql, sizeof(sql),
	    "SELECT COUNT(*) FROM resources WHERE due = 1 AND user_id = %" PRId64, u->id);
	return stack_sql_int(s, sql);
}

static UNUSED void wait_closed(struct stack *s, const struct stack_user *u, const char *name)
{
	int64_t until = stack_now_ms() + SETTLED_MS;

	while (count_open(s, u) > 0) {
		if (stack_now_ms() > until)
			fail_msg("%s: a work is still open", name);
		stack_sleep_ms(20);
	}
}

#endif
