/* test_resources.c — what lives at an upstream: pins across channels, isolation between users,
 * background responses paid once, lists, hostile paths; the proxy route; the billing routes
 *
 * The fake upstream keeps things by account (the channel's key) and lists all that an account has,
 * so a call that goes to the wrong channel is a 404 and a forwarded list shows what others own. */
#include "../stack.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define FORM                                                                                       \
	"--b\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\n%s\r\n"                    \
	"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.jsonl\"\r\n"           \
	"Content-Type: application/octet-stream\r\n\r\n%s\r\n--b--\r\n"

static const char *const form_headers[] = { "Content-Type: multipart/form-data; boundary=b", NULL };

#define RATE 200 /* of the billing routes, see main */

static int64_t first, second; /* channels that keep things, with different keys */
static struct stack_user alice, bob;
static struct stack *running_stack; /* for threads */

static void set_up(struct stack *s)
{
	if (first)
		return;
	first = stack_channel(s,
	    &(struct stack_channel){ .models = "gpt-4o",
	        .key = "sk-one",
	        .config = "{\"resources\":true,\"call_price\":0.0002}" });
	second = stack_channel(s,
	    &(struct stack_channel){ .models = "gpt-4.1",
	        .key = "sk-two",
	        .config = "{\"resources\":\"files,batches\"}" });
	alice = stack_user(s, &(struct stack_person){ .quota = 1000000 });
	bob = stack_user(s, &(struct stack_person){ .quota = 1000000 });
}

static struct stack_reply *call(struct stack *s, const char *method, const char *path,
    const char *key, const char *body)
{
	return stack_http(s,
	    &(struct stack_ask){ .method = method, .path = path, .key = key, .body = body });
}

static const cJSON *want(struct stack_reply *r, const char *name, int status)
{
	if (r->status != status)
		fail_msg("%s: got status %d, want %d: %s", name, r->status, status, r->body.data);
	return r->json;
}

static const char *make_response(struct stack *s, const char *key, const char *model,
    const char *more)
{
	char body[512];

	snprintf(body, sizeof(body), "{\"model\":\"%s\",\"input\":\"Hello\"%s}", model, more);
	return stack_text(want(stack_post(s, "/v1/responses", key, body), body, 200), "id");
}

/* A line that a batch takes. */
#define LINE                                                                                       \
	"{\"custom_id\":\"1\",\"method\":\"POST\",\"url\":\"/v1/chat/completions\",\"body\":"      \
	"{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}}"

static const char *upload_for(struct stack *s, const char *key, const char *purpose,
    const char *content)
{
	char body[2048];

	snprintf(body, sizeof(body), FORM, purpose, content);
	return stack_text(want(stack_http(s,
	                           &(struct stack_ask){ .path = "/v1/files",
	                               .key = key,
	                               .headers = form_headers,
	                               .body = body }),
	                      "upload", 200),
	    "id");
}

static const char *upload(struct stack *s, const char *key, const char *content)
{
	return upload_for(s, key, "user_data", content);
}

static const char *path_of(const char *family, const char *id, const char *more)
{
	static char path[4][1024];
	static int at;

	at = (at + 1) % 4;
	snprintf(path[at], sizeof(path[at]), "/v1/%s/%s%s", family, id, more);
	return path[at];
}

static void check_404(struct stack *s, const char *method, const char *path, const char *key,
    const char *body, const char *code)
{
	char name[1200];

	snprintf(name, sizeof(name), "%s %.1100s", method, path);
	stack_check_error(name, call(s, method, path, key, body), 404, "invalid_request_error",
	    code, NULL);
}

/* ---- responses ------------------------------------------------------------------------------- */

static void test_pinned_to_channel(struct stack *s, const char *model, const char *key)
{
	const char *id = make_response(s, alice.key, model, "");
	char more[128];

	want(call(s, "GET", path_of("responses", id, ""), alice.key, NULL), "retrieve", 200);
	assert_string_equal(stack_text(stack_at(stack_last(s), "headers"), "authorization"), key);
	want(call(s, "GET", path_of("responses", id, "/input_items"), alice.key, NULL), "items",
	    200);
	/* the next turn goes to the same account, whoever else may serve the model */
	snprintf(more, sizeof(more), ",\"previous_response_id\":\"%s\"", id);
	make_response(s, alice.key, model, more);
	assert_string_equal(stack_text(stack_at(stack_last(s), "headers"), "authorization"), key);
	want(call(s, "POST", path_of("responses", id, "/cancel"), alice.key, "{}"), "cancel", 200);
	want(call(s, "DELETE", path_of("responses", id, ""), alice.key, NULL), "delete", 200);
	assert_true(stack_wait_settled(s, 2000));
	check_404(s, "GET", path_of("responses", id, ""), alice.key, NULL, NULL);
}

static void test_responses(void **state)
{
	struct stack *s = *state;
	int64_t rival;

	set_up(s);
	test_pinned_to_channel(s, "gpt-4o", "Bearer sk-one");
	test_pinned_to_channel(s, "gpt-4.1", "Bearer sk-two");

	/* a channel that would always be chosen first does not get what another one keeps */
	{
		const char *id = make_response(s, alice.key, "gpt-4o", "");
		char more[128];

		rival = stack_channel(s,
		    &(struct stack_channel){ .models = "gpt-4o",
		        .key = "sk-rival",
		        .priority = 9 });
		snprintf(more, sizeof(more), ",\"previous_response_id\":\"%s\"", id);
		make_response(s, alice.key, "gpt-4o", more);
		assert_string_equal(stack_text(stack_at(stack_last(s), "headers"), "authorization"),
		    "Bearer sk-one");
		make_response(s, alice.key, "gpt-4o", "");
		assert_string_equal(stack_text(stack_at(stack_last(s), "headers"), "authorization"),
		    "Bearer sk-rival");
		stack_channel_delete(s, rival);
	}
}

static void test_responses_of_others(void **state)
{
	struct stack *s = *state;
	const char *id, *hidden;
	char more[128];
	struct stack_stats before;

	set_up(s);
	id = make_response(s, alice.key, "gpt-4o", "");
	hidden = make_response(s, alice.key, "gpt-4o", ",\"store\":false");
	assert_true(stack_wait_settled(s, 2000));
	before = stack_stats(s);
	check_404(s, "GET", path_of("responses", id, ""), bob.key, NULL, "response_not_found");
	check_404(s, "DELETE", path_of("responses", id, ""), bob.key, NULL, "response_not_found");
	check_404(s, "POST", path_of("responses", id, "/cancel"), bob.key, "{}",
	    "response_not_found");
	check_404(s, "GET", path_of("responses", id, "/input_items"), bob.key, NULL,
	    "response_not_found");
	check_404(s, "GET", path_of("responses", hidden, ""), alice.key, NULL,
	    "response_not_found");
	check_404(s, "GET", "/v1/responses/resp_never", alice.key, NULL, "response_not_found");
	snprintf(more, sizeof(more),
	    "{\"model\":\"gpt-4o\",\"input\":\"x\",\"previous_response_id\":\"%s\"}", id);
	check_404(s, "POST", "/v1/responses", bob.key, more, "response_not_found");
	/* with the name spelled otherwise */
	snprintf(more, sizeof(more),
	    "{\"model\":\"gpt-4o\",\"input\":\"x\",\"previous_response\\u005fid\":\"%s\"}", id);
	check_404(s, "POST", "/v1/responses", bob.key, more, "response_not_found");
	assert_int_equal(stack_stats(s).requests, before.requests);
	want(call(s, "GET", path_of("responses", id, ""), alice.key, NULL), "the owner", 200);
}

static int64_t count_of(struct stack *s, const char *what)
{
	char sql[512];

	snprintf(sql, sizeof(sql), "SELECT COUNT(*) FROM logs WHERE type = 2 AND content LIKE '%s'",
	    what);
	return stack_sql_int(s, sql);
}

/* Until nothing is reserved and a user was charged that much more: what a look finds out is written
 * down behind its answer. */
static struct stack_sums wait_charged(struct stack *s, int64_t user, int64_t before, int64_t least)
{
	int64_t until = stack_now_ms() + 60000;
	struct stack_sums now;

	do {
		stack_sleep_ms(10);
		now = stack_sums(s, user);
	} while ((now.reservations || now.charged - before < least) && stack_now_ms() < until);
	return now;
}

/* Until that many rows are there. */
static void wait_rows(struct stack *s, const char *sql, int64_t want)
{
	int64_t until = stack_now_ms() + 60000;

	while (stack_sql_int(s, sql) != want && stack_now_ms() < until)
		stack_sleep_ms(10);
	if (stack_sql_int(s, sql) != want)
		fail_msg("%s: got %" PRId64 ", want %" PRId64, sql, stack_sql_int(s, sql), want);
}

static void wait_row_of(struct stack *s, const char *id, int64_t want)
{
	char sql[256];

	snprintf(sql, sizeof(sql), "SELECT COUNT(*) FROM resources WHERE id = '%s'", id);
	wait_rows(s, sql, want);
}

static void test_background(void **state)
{
	struct stack *s = *state;
	struct stack_sums before, after;
	const char *id, *path;
	int64_t made;

	set_up(s);
	assert_true(stack_wait_settled(s, 2000));
	before = stack_sums(s, alice.id);
	id = make_response(s, alice.key, "gpt-4o", ",\"background\":true");
	path = path_of("responses", id, "");
	assert_true(stack_wait_settled(s, 2000));
	made = stack_sums(s, alice.id).charged - before.charged;
	assert_string_equal(
	    stack_text(want(call(s, "GET", path, alice.key, NULL), "running", 200), "status"),
	    "in_progress");
	assert_int_equal(count_of(s, "background response %"), 0);
	for (int i = 0; i < 3; i++)
		assert_string_equal(
		    stack_text(want(call(s, "GET", path, alice.key, NULL), "ended", 200), "status"),
		    "completed");
	after = wait_charged(s, alice.id, before.charged, 4 * 100 + 49);
	assert_int_equal(count_of(s, "background response %"), 1);
	/* four reads at USD 0.0002 = 100 quota each; gpt-4o: 1.25 per token in, 5 per token out, for
	 * 11 and 7 of them: 49; the creation charged the 500 tokens that it had reserved */
	assert_int_equal(after.charged - before.charged - 4 * 100, 49);
	assert_true(made > 500 * 5);
	assert_int_equal(before.quota - after.quota, after.charged - before.charged);
	assert_int_equal(after.reservations, 0);
}

/* Many ask at the same moment for what has just ended. */
static void *ask_again(void *arg)
{
	const struct stack_ask *a = arg;

	for (int i = 0; i < 5; i++)
		stack_http(running_stack, a);
	return NULL;
}

static void test_background_race(void **state)
{
	struct stack *s = *state;
	struct stack_ask a = { 0 };
	pthread_t threads[8];
	struct stack_sums before, after;
	const char *id;

	set_up(s);
	running_stack = s;
	assert_true(stack_wait_settled(s, 2000));
	before = stack_sums(s, alice.id);
	id = make_response(s, alice.key, "gpt-4o", ",\"background\":true");
	a.path = path_of("responses", id, "");
	a.key = alice.key;
	for (size_t i = 0; i < COUNT_OF(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, ask_again, &a), 0);
	for (size_t i = 0; i < COUNT_OF(threads); i++)
		pthread_join(threads[i], NULL);
	after = wait_charged(s, alice.id, before.charged, 40 * 100 + 49);
	assert_int_equal(after.charged - before.charged - 40 * 100, 49);
	assert_int_equal(before.quota - after.quota, after.charged - before.charged);
}

static void test_background_stream(void **state)
{
	struct stack *s = *state;
	struct stack_stream st;
	int64_t before;
	const char *id;

	set_up(s);
	before = count_of(s, "background response %");
	id = make_response(s, alice.key, "gpt-4o", ",\"background\":true");
	assert_true(stack_wait_settled(s, 2000));
	assert_true(stack_stream_open(s,
	    &(struct stack_ask){ .path = path_of("responses", id, "?stream=true&starting_after=2"),
	        .key = alice.key },
	    &st));
	assert_int_equal(st.reply.status, 200);
	assert_string_equal(stack_header(&st.reply, "Content-Type"), "text/event-stream");
	assert_int_equal(stack_stream_next(&st, 60000), STACK_EVENT);
	assert_non_null(strstr(st.event.data, "\"sequence_number\":3"));
	assert_true(stack_stream_drain(&st, 60000) > 0);
	stack_stream_close(&st, false);
	wait_rows(s,
	    "SELECT COUNT(*) FROM logs WHERE type = 2 AND content LIKE 'background response %'",
	    before + 1);
	assert_true(stack_wait_settled(s, 2000));
	want(call(s, "GET", path_of("responses", id, ""), alice.key, NULL), "again", 200);
	want(call(s, "GET", path_of("responses", id, ""), alice.key, NULL), "again", 200);
	stack_sleep_ms(50);
	assert_int_equal(count_of(s, "background response %"), before + 1);
}

/* What was read to no end was charged in advance, and is not to be had for nothing. */
static void test_background_unread(void **state)
{
	static const char *const starts[] = { "?stream=true", "?stream=true&starting_after=4" };
	struct stack *s = *state;
	struct stack_sums before, after;
	struct stack_stream st;
	const char *id;
	int64_t made;

	set_up(s);
	assert_true(stack_wait_settled(s, 2000));
	before = stack_sums(s, alice.id);
	id =
	    make_response(s, alice.key, "gpt-4o", ",\"background\":true,\"max_output_tokens\":100");
	assert_true(stack_wait_settled(s, 2000));
	made = stack_sums(s, alice.id).charged - before.charged;
	assert_true(made > 100 * 5 && made < 200 * 5);
	for (size_t i = 0; i < COUNT_OF(starts); i++) {
		assert_true(stack_stream_open(s,
		    &(struct stack_ask){ .path = path_of("responses", id, starts[i]),
		        .key = alice.key },
		    &st));
		assert_int_equal(stack_stream_next(&st, 60000), STACK_EVENT);
		stack_stream_close(&st, false);
	}
	want(call(s, "DELETE", path_of("responses", id, ""), alice.key, NULL), "delete", 200);
	after = wait_charged(s, alice.id, before.charged, 3 * 100 + 49);
	/* the fake sends a stream in one piece, so its end may have been seen all the same */
	made = after.charged - before.charged - 3 * 100;
	if (made < 49)
		fail_msg("%" PRId64 " charged", made);
	assert_int_equal(before.quota - after.quota, after.charged - before.charged);

	before = after;
	id =
	    make_response(s, alice.key, "gpt-4o", ",\"background\":true,\"max_output_tokens\":100");
	want(call(s, "DELETE", path_of("responses", id, ""), alice.key, NULL), "delete", 200);
	after = wait_charged(s, alice.id, before.charged, 100 + 100 * 5 + 1);
	assert_true(after.charged - before.charged - 100 > 100 * 5);
	assert_int_equal(before.quota - after.quota, after.charged - before.charged);
	assert_int_equal(after.reservations, 0);
	stack_check_error("no string",
	    stack_post(s, "/v1/responses", alice.key,
	        "{\"model\":\"gpt-4o\",\"input\":\"x\",\"previous_response_id\":[\"resp_1\"]}"),
	    400, "invalid_request_error", NULL, "previous_response_id");
}

/* Nothing bounds this one: what was seen of it is charged, and its end settles that, too. */
static void test_background_in_part(void **state)
{
	struct stack *s = *state;
	struct stack_sums before;
	struct stack_stream st;
	const char *id, *path;
	int64_t made, seen;

	set_up(s);
	assert_true(stack_wait_settled(s, 2000));
	before = stack_sums(s, alice.id);
	id = make_response(s, alice.key, "gpt-4o", ",\"background\":true");
	path = path_of("responses", id, "?stream=true&half=1");
	assert_true(stack_wait_settled(s, 2000));
	made = stack_sums(s, alice.id).charged - before.charged;
	for (int i = 1; i <= 2; i++) {
		assert_true(stack_stream_open(s,
		    &(struct stack_ask){ .path = path, .key = alice.key }, &st));
		assert_true(stack_stream_drain(&st, 60000) > 0);
		stack_stream_close(&st, false);
		seen = wait_charged(s, alice.id, before.charged, i * 100 + i * 2000 * 5).charged -
		    before.charged - i * 100;
		/* at least 2000 words each time; far from what the frames around them are */
		if (seen < i * 2000 * 5 || seen > made + i * 2000 * 5 * 4)
			fail_msg("%" PRId64 " charged for part %d", seen, i);
	}
	path = path_of("responses", id, "");
	for (int i = 0; i < 3; i++)
		want(call(s, "GET", path, alice.key, NULL), "read", 200);
	/* Here it becomes less in the end. */
	for (int i = 0; i < 6000; i++) {
		seen = wait_charged(s, alice.id, before.charged, 0).charged - before.charged;
		if (seen == 5 * 100 + 49)
			break;
	}
	assert_int_equal(seen - 5 * 100, 49);
	assert_int_equal(before.quota - stack_sums(s, alice.id).quota, seen);
}

static void test_input_tokens(void **state)
{
	struct stack *s = *state;
	const cJSON *reply;

	set_up(s);
	reply = want(stack_post(s, "/v1/responses/input_tokens", alice.key,
	                 "{\"model\":\"gpt-4.1\",\"input\":\"Hello\"}"),
	    "count", 200);
	assert_int_equal(stack_int(reply, "input_tokens"), 11);
	assert_string_equal(stack_text(stack_last(s), "path"), "/v1/responses/input_tokens");
	assert_int_equal(
	    stack_post(s, "/v1/responses/input_tokens", alice.key, "{\"input\":\"x\"}")->status,
	    400);
}

/* ---- files and their like -------------------------------------------------------------------- */

static void test_files(void **state)
{
	struct stack *s = *state;
	struct stack_sums before, after;
	const char *id, *of_bob;
	struct stack_reply *r;

	set_up(s);
	assert_true(stack_wait_settled(s, 2000));
	before = stack_sums(s, alice.id);
	id = upload(s, alice.key, "line 1");
	of_bob = upload(s, bob.key, "bob's secret");

	r = call(s, "GET", path_of("files", id, "/content"), alice.key, NULL);
	want(r, "content", 200);
	assert_string_equal(r->body.data, "line 1");
	assert_string_equal(stack_header(r, "Content-Type"), "application/octet-stream");
	assert_string_equal(
	    stack_text(
	        want(call(s, "GET", path_of("files", id, ""), alice.key, NULL), "retrieve", 200),
	        "filename"),
	    "a.jsonl");
	check_404(s, "GET", path_of("files", of_bob, ""), alice.key, NULL, "resource_not_found");
	check_404(s, "GET", path_of("files", of_bob, "/content"), alice.key, NULL,
	    "resource_not_found");
	check_404(s, "DELETE", path_of("files", of_bob, ""), alice.key, NULL, "resource_not_found");
	check_404(s, "GET", path_of("batches", id, ""), alice.key, NULL, "resource_not_found");

	assert_true(stack_wait_settled(s, 2000));
	r = call(s, "GET", "/v1/files", alice.key, NULL);
	want(r, "list", 200);
	assert_non_null(strstr(r->body.data, id));
	assert_null(strstr(r->body.data, of_bob));
	r = call(s, "GET", "/v1/files?purpose=fine-tune", alice.key, NULL);
	assert_null(strstr(r->body.data, id));

	want(call(s, "DELETE", path_of("files", id, ""), alice.key, NULL), "delete", 200);
	assert_true(stack_wait_settled(s, 2000));
	wait_row_of(s, id, 0);
	check_404(s, "GET", path_of("files", id, ""), alice.key, NULL, "resource_not_found");
	r = call(s, "GET", "/v1/files", alice.key, NULL);
	assert_null(strstr(r->body.data, id));
	want(call(s, "GET", path_of("files", of_bob, ""), bob.key, NULL), "bob's own", 200);
	/* upload, content, retrieve, delete; never what was refused. Either channel may have it. */
	after = stack_sums(s, alice.id);
	assert_int_equal(after.charges - before.charges, 4);
	assert_int_equal(before.quota - after.quota, after.charged - before.charged);
}

static void test_list_pages(void **state)
{
	struct stack *s = *state;
	struct stack_user carol;
	const char *last;
	char path[256];
	const cJSON *page;
	int seen = 0;

	set_up(s);
	carol = stack_user(s, &(struct stack_person){ .quota = 1000000 });
	for (int i = 0; i < 5; i++)
		upload(s, carol.key, "x");
	assert_true(stack_wait_settled(s, 2000));
	snprintf(path, sizeof(path), "/v1/files?limit=2");
	for (;;) {
		page = want(call(s, "GET", path, carol.key, NULL), path, 200);
		seen += cJSON_GetArraySize(stack_at(page, "data"));
		last = stack_text(page, "last_id");
		assert_string_equal(stack_text(page, "object"), "list");
		if (!cJSON_IsTrue(stack_at(page, "has_more")))
			break;
		snprintf(path, sizeof(path), "/v1/files?limit=2&after=%s", last);
	}
	assert_int_equal(seen, 5);
	check_404(s, "GET", "/v1/files?after=file-unknown", carol.key, NULL, "resource_not_found");
	page = want(call(s, "GET", "/v1/files?limit=0", carol.key, NULL), "limit=0", 200);
	assert_int_equal(cJSON_GetArraySize(stack_at(page, "data")), 1);
}

static void test_batches(void **state)
{
	struct stack *s = *state;
	const char *file, *of_bob, *batch, *output;
	char body[512];

	set_up(s);
	file = upload_for(s, alice.key, "batch", LINE);
	of_bob = upload_for(s, bob.key, "batch", LINE);
	snprintf(body, sizeof(body),
	    "{\"input_file_id\":\"%s\",\"endpoint\":\"/v1/chat/completions\"}", of_bob);
	check_404(s, "POST", "/v1/batches", alice.key, body, "resource_not_found");
	snprintf(body, sizeof(body),
	    "{\"input_file_id\":\"%s\",\"endpoint\":\"/v1/chat/completions\","
	    "\"metadata\":{\"output_file_id\":\"%s\",\"file_id\":\"%s\"}}",
	    file, of_bob, of_bob);
	batch =
	    stack_text(want(stack_post(s, "/v1/batches", alice.key, body), "create", 200), "id");
	output = stack_text(
	    want(call(s, "GET", path_of("batches", batch, ""), alice.key, NULL), "look", 200),
	    "output_file_id");
	assert_true(*output);
	wait_row_of(s, output, 1);
	/* what the batch wrote is hers, what she wrote into metadata is not */
	want(call(s, "GET", path_of("files", output, "/content"), alice.key, NULL), "output", 200);
	check_404(s, "GET", path_of("files", output, "/content"), bob.key, NULL,
	    "resource_not_found");
	check_404(s, "GET", path_of("files", of_bob, "/content"), alice.key, NULL,
	    "resource_not_found");
	want(call(s, "POST", path_of("batches", batch, "/cancel"), alice.key, ""), "cancel", 200);
}

/* text with its "%s" replaced. */
static void insert(const char *text, const char *id, char *out, size_t size)
{
	const char *hole = strstr(text, "%s");

	snprintf(out, size, "%.*s%s%s", (int)(hole - text), text, id, hole + 2);
}

/* A body may name things of others in many places; whatever is done with it, it is refused. */
static void test_foreign_ids(void **state)
{
	/* clang-format off */
	static const struct {
		const char *path, *body;
	} cases[] = {
		{ "/v1/responses", "{\"model\":\"gpt-4o\",\"input\":[{\"role\":\"user\",\"content\":"
			"[{\"type\":\"input_file\",\"file_id\":\"%s\"}]}]}" },
		{ "/v1/responses", "{\"model\":\"gpt-4o\",\"input\":\"x\",\"tools\":[{\"type\":"
			"\"code_interpreter\",\"container\":{\"type\":\"auto\",\"file_ids\":[\"%s\"]}}]}" },
		{ "/v1/responses", "{\"model\":\"gpt-4o\",\"input\":\"x\",\"tools\":[{\"type\":"
			"\"file_search\",\"vector_store_ids\":[\"%s\"]}]}" },
		{ "/v1/responses", "{\"model\":\"gpt-4o\",\"input\":\"x\",\"conversation\":{\"id\":\"%s\"}}" },
		{ "/v1/responses", "{\"model\":\"gpt-4o\",\"input\":\"x\",\"conversation\":\"%s\"}" },
		{ "/v1/chat/completions", "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\",\"content\":"
			"[{\"type\":\"file\",\"file\":{\"file_id\":\"%s\"}}]}]}" },
		{ "/v1/chat/completions", "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\",\"content\":"
			"[{\"type\":\"file\",\"file\":{\"file\\u005fid\":\"%s\"}}]}]}" },
		{ "/v1/vector_stores", "{\"file_ids\":[\"%s\"]}" },
		{ "/v1/vector_stores", "{\"file_ids\":[],\"file_ids\":[\"%s\"]}" },
		{ "/v1/fine_tuning/jobs", "{\"model\":\"gpt-4o\",\"training_file\":\"%s\"}" },
		{ "/v1/threads", "{\"messages\":[{\"role\":\"user\",\"content\":\"x\",\"attachments\":"
			"[{\"file_id\":\"%s\",\"tools\":[]}]}]}" },
		{ "/v1/threads/runs", "{\"assistant_id\":\"%s\"}" },
		{ "/v1/assistants", "{\"model\":\"gpt-4o\",\"tool_resources\":{\"file_search\":"
			"{\"vector_store_ids\":[\"%s\"]}}}" },
	};
	/* clang-format on */
	struct stack *s = *state;
	const char *of_bob;
	struct stack_stats before;
	char body[1024];

	set_up(s);
	of_bob = upload(s, bob.key, "secret");
	before = stack_stats(s);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		insert(cases[i].body, of_bob, body, sizeof(body));
		check_404(s, "POST", cases[i].path, alice.key, body, "resource_not_found");
	}
	assert_int_equal(stack_stats(s).requests, before.requests);
}

static void test_other_families(void **state)
{
	struct stack *s = *state;
	const char *id, *store, *thread;
	char body[256];

	set_up(s);
	/* only the first channel has more than files and batches */
	id = stack_text(want(stack_post(s, "/v1/assistants", alice.key, "{\"model\":\"gpt-4o\"}"),
	                    "assistant", 200),
	    "id");
	store = stack_text(want(stack_post(s, "/v1/vector_stores", alice.key, "{}"), "store", 200),
	    "id");
	assert_string_equal(stack_text(stack_at(stack_last(s), "headers"), "authorization"),
	    "Bearer sk-one");
	want(call(s, "GET", path_of("vector_stores", store, "/files"), alice.key, NULL), "files",
	    200);
	check_404(s, "GET", path_of("vector_stores", store, "/files"), bob.key, NULL,
	    "resource_not_found");
	snprintf(body, sizeof(body), "{\"assistant_id\":\"%s\"}", id);
	thread = stack_text(want(stack_post(s, "/v1/threads/runs", alice.key, body), "run", 200),
	    "thread_id");
	want(call(s, "GET", path_of("threads", thread, "/messages"), alice.key, NULL), "messages",
	    200);
	check_404(s, "GET", path_of("threads", thread, ""), bob.key, NULL, "resource_not_found");

	/* a model that the keeper does not offer, and one that the key may not use */
	stack_check_error("model", stack_post(s, "/v1/assistants", alice.key, "{\"model\":\"o9\"}"),
	    503, "one_api_error", "no_channel", "o9");
}

static void check_501(const struct stack_reply *r)
{
	assert_int_equal(r->status, 501);
	assert_string_equal(r->body.data,
	    "{\"error\":{\"message\":\"API not implemented\",\"type\":\"one_api_error\","
	    "\"param\":\"\",\"code\":\"api_not_implemented\"}}");
}

static void test_switched_off(void **state)
{
	struct stack *s = *state;
	struct stack_user vip;

	set_up(s);
	vip = stack_user(s, &(struct stack_person){ .quota = 1000, .group = "vip" });
	check_501(call(s, "GET", "/v1/files", vip.key, NULL));
	check_501(call(s, "GET", "/v1/files/file-x/content", vip.key, NULL));
	check_501(stack_post(s, "/v1/uploads", vip.key, "{}"));
	/* a channel that keeps files only keeps nothing else, and threads have no list */
	check_501(call(s, "GET", "/v1/threads", alice.key, NULL));
	assert_int_equal(stack_post(s, "/v1/evals", alice.key, "{}")->status, 404);
}

static void test_model_list(void **state)
{
	struct stack *s = *state;
	char narrow[64], wide[64];

	set_up(s);
	stack_key(s, &alice, "\"models\":\"gpt-4o\",\"unlimited_quota\":true", narrow);
	stack_key(s, &alice, "\"models\":\"gpt-4o,files\",\"unlimited_quota\":true", wide);
	stack_check_error("list", call(s, "GET", "/v1/files", narrow, NULL), 403, "one_api_error",
	    "model_not_allowed", "files");
	want(call(s, "GET", "/v1/files", wide, NULL), "list", 200);
	upload(s, wide, "x");
	stack_check_error("batch", stack_post(s, "/v1/batches", wide, "{}"), 403, "one_api_error",
	    "model_not_allowed", "batches");
	want(call(s, "GET", path_of("responses", make_response(s, narrow, "gpt-4o", ""), ""),
	         narrow, NULL),
	    "retrieve", 200);
}

/* clang-format off */
static const struct {
	const char *method, *path;
	int status;
} hostile[] = {
	{ "GET", "/v1/files/..", 404 },
	{ "GET", "/v1/files/../../v1/files", 404 },
	{ "GET", "/v1/files/%2e%2e/x", 404 },
	{ "GET", "/v1/files/..%2f..%2ffiles", 404 },
	{ "GET", "/v1/files/a%2fb", 404 },
	{ "GET", "/v1/files/a%00b", 404 },
	{ "GET", "/v1/files/a%0d%0aX-Evil:1", 404 },
	{ "GET", "/v1/files//content", 404 },
	{ "GET", "/v1/files/a;b", 404 },
	{ "GET", "/v1/files/.", 404 },
	{ "GET", "/v1/responses/../files", 404 },
	{ "GET", "/v1/responses/%72esp_x", 404 },
	{ "PATCH", "/v1/files/x", 404 },
	{ "DELETE", "/v1/files", 404 },
	{ "GET", "/v1/responses", 404 },
};
/* clang-format on */

static void test_hostile_paths(void **state)
{
	struct stack *s = *state;
	struct stack_stats before;
	char path[4096];

	set_up(s);
	before = stack_stats(s);
	for (size_t i = 0; i < COUNT_OF(hostile); i++) {
		struct stack_reply *r =
		    call(s, hostile[i].method, hostile[i].path, alice.key, NULL);

		/* the web server itself refuses some */
		if (r->status != hostile[i].status && r->status != 400)
			fail_msg("%s %s: got status %d, want %d: %s", hostile[i].method,
			    hostile[i].path, r->status, hostile[i].status, r->body.data);
	}
	snprintf(path, sizeof(path), "/v1/files/%02000d", 0);
	assert_int_equal(call(s, "GET", path, alice.key, NULL)->status, 404);
	assert_int_equal(stack_stats(s).requests, before.requests);
}

static void test_expiry(void **state)
{
	struct stack *s = *state;
	const char *id;

	set_up(s);
	id = make_response(s, alice.key, "gpt-4o", "");
	assert_true(stack_wait_settled(s, 2000));
	wait_row_of(s, id, 1);
	stack_sleep_ms(20); /* and the relay holds it no longer in memory */
	stack_sql(s, "UPDATE resources SET expires_at = 1");
	check_404(s, "GET", path_of("responses", id, ""), alice.key, NULL, "response_not_found");
	/* each new pin sweeps some of the old ones away */
	for (int i = 0; i < 5; i++)
		make_response(s, alice.key, "gpt-4o", "");
	assert_true(stack_wait_settled(s, 2000));
	wait_rows(s, "SELECT COUNT(*) FROM resources WHERE expires_at = 1", 0);
}

static void test_channel_gone(void **state)
{
	struct stack *s = *state;
	const char *id, *file;
	int64_t third;
	char body[256];

	set_up(s);
	third = stack_channel(s,
	    &(struct stack_channel){ .models = "o3",
	        .key = "sk-three",
	        .config = "{\"resources\":[\"files\"]}",
	        .priority = 50 });
	id = make_response(s, alice.key, "o3", "");
	file = upload(s, alice.key, "x");
	assert_string_equal(stack_text(stack_at(stack_last(s), "headers"), "authorization"),
	    "Bearer sk-three");
	stack_api(s, "PUT", "/api/channel/", "{\"id\":%" PRId64 ",\"status\":2}", third);
	stack_wait_catalog(s);
	stack_check_error("disabled", call(s, "GET", path_of("responses", id, ""), alice.key, NULL),
	    503, "one_api_error", "no_channel", "not available");
	stack_check_error("disabled", call(s, "GET", path_of("files", file, ""), alice.key, NULL),
	    503, "one_api_error", "no_channel", "not available");
	stack_channel_delete(s, third);
	stack_check_error("deleted", call(s, "GET", path_of("responses", id, ""), alice.key, NULL),
	    503, "one_api_error", "no_channel", "not available");
	snprintf(body, sizeof(body),
	    "{\"model\":\"gpt-4o\",\"input\":\"x\",\"previous_response_id\":\"%s\"}", id);
	assert_int_not_equal(stack_post(s, "/v1/responses", alice.key, body)->status, 200);
}

static void test_form_elsewhere(void **state)
{
	struct stack *s = *state;
	char body[512];

	set_up(s);
	snprintf(body, sizeof(body), FORM, "user_data", "x");
	assert_int_equal(stack_http(s,
	                     &(struct stack_ask){ .path = "/v1/batches",
	                         .key = alice.key,
	                         .headers = form_headers,
	                         .body = body })
	                     ->status,
	    400);
}

/* An id may not carry a request to a channel that does not offer its model, nor two of them to two
 * channels. */
static void test_pin_and_model(void **state)
{
	struct stack *s = *state;
	const char *one, *two;
	char body[512];

	set_up(s);
	one = make_response(s, alice.key, "gpt-4o", "");
	two = make_response(s, alice.key, "gpt-4.1", "");
	snprintf(body, sizeof(body),
	    "{\"model\":\"gpt-4.1\",\"input\":\"x\",\"previous_response_id\":\"%s\"}", one);
	stack_check_error("other model", stack_post(s, "/v1/responses", alice.key, body), 503,
	    "one_api_error", "no_channel", "does not offer model gpt-4.1");
	snprintf(body, sizeof(body),
	    "{\"model\":\"gpt-4o\",\"input\":[{\"previous_response_id\":\"%s\"}],"
	    "\"previous_response_id\":\"%s\"}",
	    two, one);
	assert_int_equal(stack_post(s, "/v1/responses", alice.key, body)->status, 400);
}

/* What the operator shares may be referred to by all, and used no further. */
static void test_shared(void **state)
{
	struct stack *s = *state;
	static const char body[] =
	    "{\"model\":\"gpt-4.1-nano\",\"input\":\"x\",\"tools\":[{\"type\":\"file_search\","
	    "\"vector_store_ids\":[\"vs_shared\"]}]}";
	int64_t rival, id;

	set_up(s);
	rival = stack_channel(s,
	    &(struct stack_channel){ .models = "gpt-4.1-nano", .key = "sk-r", .priority = 9 });
	check_404(s, "POST", "/v1/responses", bob.key, body, "resource_not_found");
	id = stack_channel(s,
	    &(struct stack_channel){ .models = "gpt-4.1-nano",
	        .key = "sk-shared",
	        .config = "{\"shared_resources\":\"vs_shared,file-x\"}" });
	want(stack_post(s, "/v1/responses", bob.key, body), "shared", 200);
	assert_string_equal(stack_text(stack_at(stack_last(s), "headers"), "authorization"),
	    "Bearer sk-shared");
	check_404(s, "DELETE", "/v1/vector_stores/vs_shared", bob.key, NULL, "resource_not_found");
	stack_channel_delete(s, id);
	stack_channel_delete(s, rival);
}

/* Two keys of one channel may be two projects: what one made the other does not know. */
static void test_keys_of_channel(void **state)
{
	struct stack *s = *state;
	const char *ids[4];
	int64_t id;

	set_up(s);
	id = stack_channel(s,
	    &(struct stack_channel){ .models = "gpt-4.1-mini", .key = "sk-a\nsk-b" });
	for (size_t i = 0; i < COUNT_OF(ids); i++)
		ids[i] = make_response(s, alice.key, "gpt-4.1-mini", "");
	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < COUNT_OF(ids); i++)
			want(call(s, "GET", path_of("responses", ids[i], ""), alice.key, NULL),
			    ids[i], 200);
	}
	stack_channel_delete(s, id);
}

/* ---- the proxy route ------------------------------------------------------------------------- */

static const char *proxy_path(int64_t channel, const char *target)
{
	static char path[4][512];
	static int at;

	at = (at + 1) % 4;
	snprintf(path[at], sizeof(path[at]), "/v1/oneapi/proxy/%" PRId64 "%s", channel, target);
	return path[at];
}

static void test_proxy(void **state)
{
	static const char *const headers[] = { "Content-Type: application/json", "X-Trace: 7",
		"Cookie: a=b", "X-Forwarded-Host: evil", "Forwarded: for=1.2.3.4",
		"X-Real-IP: 1.2.3.4", "TE: trailers", NULL };
	struct stack *s = *state;
	struct stack_sums before, after;
	struct stack_reply *r;
	const cJSON *last, *up;
	int64_t id;

	set_up(s);
	id = stack_channel(s,
	    &(struct stack_channel){ .type = 43,
	        .models = "",
	        .key = "Bearer up-1",
	        .config = "{\"call_price\":0.001}" });
	assert_true(stack_wait_settled(s, 2000));
	before = stack_sums(s, alice.id);
	r = stack_http(s,
	    &(struct stack_ask){ .path = proxy_path(id, "/echo/things/?x=1&y=%2f"),
	        .key = alice.key,
	        .headers = headers,
	        .body = "{\"a\":\"b\"}" });
	want(r, "proxy", 202);
	assert_string_equal(r->body.data, "{\"ok\":true}");
	assert_string_equal(stack_header(r, "X-Up"), "1");
	assert_null(stack_header(r, "Set-Cookie")); /* the gateway's origin is not the upstream's */
	assert_null(stack_header(r, "Proxy-Authenticate"));

	last = stack_last(s);
	up = stack_at(last, "headers");
	assert_string_equal(stack_text(last, "path"), "/echo/things/?x=1&y=%2f");
	assert_string_equal(stack_text(last, "body"), "{\"a\":\"b\"}");
	assert_string_equal(stack_text(up, "authorization"), "Bearer up-1");
	assert_string_equal(stack_text(up, "x-trace"), "7");
	assert_string_equal(stack_text(up, "content-type"), "application/json");
	assert_null(stack_at(up, "cookie"));
	assert_null(stack_at(up, "x-forwarded-host"));
	assert_null(stack_at(up, "x-forwarded-for"));
	assert_null(stack_at(up, "forwarded"));
	assert_null(stack_at(up, "x-real-ip"));
	assert_null(stack_at(up, "te"));

	assert_true(stack_wait_settled(s, 2000));
	after = stack_sums(s, alice.id);
	assert_int_equal(after.charged - before.charged, 500); /* USD 0.001 */
	assert_int_equal(before.quota - after.quota, 500);
	assert_int_equal(after.charges - before.charges, 1);

	/* errors and redirects of the upstream are the client's, as they are */
	want(call(s, "GET", proxy_path(id, "/echo/404"), alice.key, NULL), "404", 404);
	r = call(s, "GET", proxy_path(id, "/echo/302"), alice.key, NULL);
	want(r, "302", 302);
	assert_string_equal(stack_header(r, "Location"), "/elsewhere");
	for (int i = 0; i < 8; i++)
		want(call(s, "DELETE", proxy_path(id, "/echo/500"), alice.key, NULL), "500", 500);
	want(call(s, "PUT", proxy_path(id, "/echo"), alice.key, "x"), "still served", 202);
	stack_channel_delete(s, id);
}

static void test_proxy_refusals(void **state)
{
	static const char *const upgrade[] = { "Upgrade: websocket", "Connection: Upgrade", NULL };
	static const char *const climbing[] = { "/../x", "/a/../../x", "/%2e%2e/x", "/.%2E/x",
		"/a/..%2fx", "/a/..%5cx", NULL };
	struct stack *s = *state;
	struct stack_user vip;
	struct stack_stats before;
	char narrow[64], wide[64], json[128];
	int64_t id;

	set_up(s);
	vip = stack_user(s, &(struct stack_person){ .quota = 1000, .group = "vip" });
	id = stack_channel(s,
	    &(struct stack_channel){ .type = 43, .models = "", .key = "Bearer up-1" });
	stack_key(s, &alice, "\"models\":\"gpt-4o\",\"unlimited_quota\":true", narrow);
	snprintf(json, sizeof(json), "\"models\":\"proxy:%" PRId64 "\",\"unlimited_quota\":true",
	    id);
	stack_key(s, &alice, json, wide);
	before = stack_stats(s);

	stack_check_error("type", call(s, "GET", proxy_path(first, "/x"), alice.key, NULL), 400,
	    "one_api_error", "invalid_channel", NULL);
	stack_check_error("none", call(s, "GET", proxy_path(9999, "/x"), alice.key, NULL), 400,
	    "one_api_error", "invalid_channel", NULL);
	stack_check_error("no number", call(s, "GET", "/v1/oneapi/proxy/abc/x", alice.key, NULL),
	    400, "one_api_error", "invalid_channel", NULL);
	assert_int_equal(call(s, "GET", proxy_path(id, "/x"), vip.key, NULL)->status, 403);
	stack_check_error("model list", call(s, "GET", proxy_path(id, "/x"), narrow, NULL), 403,
	    "one_api_error", "model_not_allowed", "proxy:");
	assert_int_equal(call(s, "GET", proxy_path(id, "/x"), NULL, NULL)->status, 401);
	assert_int_equal(stack_http(s,
	                     &(struct stack_ask){ .path = proxy_path(id, "/x"),
	                         .key = alice.key,
	                         .headers = upgrade })
	                     ->status,
	    501);
	for (size_t i = 0; climbing[i]; i++) {
		int status = call(s, "GET", proxy_path(id, climbing[i]), alice.key, NULL)->status;

		if (status != 400 && status != 404)
			fail_msg("%s: got status %d", climbing[i], status);
	}
	assert_int_equal(stack_stats(s).requests, before.requests);
	want(call(s, "GET", proxy_path(id, "/echo"), wide, NULL), "listed", 202);
	want(call(s, "GET", proxy_path(id, "/echo"), STACK_ROOT_KEY, NULL), "root", 202);
	want(call(s, "GET", proxy_path(id, "//echo//x"), alice.key, NULL), "slashes", 202);
	assert_string_equal(stack_text(stack_last(s), "path"), "//echo//x");
	stack_api(s, "PUT", "/api/channel/", "{\"id\":%" PRId64 ",\"status\":2}", id);
	stack_wait_catalog(s);
	stack_check_error("disabled", call(s, "GET", proxy_path(id, "/x"), alice.key, NULL), 403,
	    "one_api_error", "channel_disabled", NULL);
	stack_channel_delete(s, id);
}

/* ---- the billing routes ---------------------------------------------------------------------- */

static void check_number(const char *name, const cJSON *json, const char *path, double want_number)
{
	const cJSON *item = stack_at(json, path);

	if (!cJSON_IsNumber(item) || item->valuedouble != want_number)
		fail_msg("%s %s: got %g, want %g", name, path, item ? item->valuedouble : -1,
		    want_number);
}

static void test_billing(void **state)
{
	static const char *const prefixes[] = { "", "/v1" };
	struct stack *s = *state;
	struct stack_user dave;
	char key[64], path[128];
	const cJSON *json;

	set_up(s);
	dave = stack_user(s, &(struct stack_person){ .quota = 1000000 });
	stack_key(s, &dave, "\"remain_quota\":250000,\"expired_time\":4000000000", key);
	make_response(s, key, "gpt-4o", ""); /* 49 quota */
	assert_true(stack_wait_settled(s, 2000));
	for (size_t i = 0; i < COUNT_OF(prefixes); i++) {
		snprintf(path, sizeof(path), "%s/dashboard/billing/subscription", prefixes[i]);
		json = want(call(s, "GET", path, key, NULL), path, 200);
		assert_string_equal(stack_text(json, "object"), "billing_subscription");
		assert_true(cJSON_IsTrue(stack_at(json, "has_payment_method")));
		check_number(path, json, "hard_limit_usd", 0.5);
		check_number(path, json, "soft_limit_usd", 0.5);
		check_number(path, json, "system_hard_limit_usd", 0.5);
		check_number(path, json, "access_until", 4000000000.0);
		json = want(call(s, "GET", path, dave.key, NULL), path, 200);
		check_number("unlimited", json, "hard_limit_usd", 100000000);
		check_number("unlimited", json, "access_until", 0);
		snprintf(path, sizeof(path), "%s/dashboard/billing/usage?start_date=2024-01-01",
		    prefixes[i]);
		json = want(call(s, "GET", path, key, NULL), path, 200);
		check_number(path, json, "total_usage", 0.0098); /* 100 × 49 ÷ 500,000 */
		assert_int_equal(call(s, "GET", path, NULL, NULL)->status, 401);
	}
	stack_option(s, "DisplayTokenStatEnabled", "false");
	json = want(call(s, "GET", "/dashboard/billing/subscription", key, NULL), "user", 200);
	check_number("of the user", json, "hard_limit_usd",
	    2); /* what is left and what was spent */
	stack_option(s, "DisplayInCurrencyEnabled", "false");
	json = want(call(s, "GET", "/dashboard/billing/subscription", key, NULL), "quota", 200);
	check_number("in quota", json, "hard_limit_usd", 1000000);
	json = want(call(s, "GET", "/dashboard/billing/usage", key, NULL), "usage", 200);
	check_number("in quota", json, "total_usage", 4900);
	stack_option(s, "DisplayTokenStatEnabled", "true");
	stack_option(s, "DisplayInCurrencyEnabled", "true");
}

/* HEAD is GET without a body, for the caller's own models only. */
static void test_models_head(void **state)
{
	struct stack *s = *state;
	struct stack_reply *r;

	set_up(s);
	r = call(s, "HEAD", "/v1/models", alice.key, NULL);
	assert_int_equal(r->status, 200);
	assert_int_equal(r->body.len, 0);
	assert_int_equal(call(s, "HEAD", "/v1/models/gpt-4o", alice.key, NULL)->status, 200);
	assert_int_equal(call(s, "HEAD", "/v1/models/none", alice.key, NULL)->status, 404);
	r = call(s, "HEAD", path_of("files", upload(s, alice.key, "abc"), "/content"), alice.key,
	    NULL);
	assert_int_equal(r->status, 200);
	assert_int_equal(r->body.len, 0);
}

/* From one address only so often, with or without a key. */
static void test_billing_rate(void **state)
{
	struct stack *s = *state;
	struct stack_ask a = { .path = "/v1/dashboard/billing/usage", .from = "192.0.2.7" };
	int refused = 0;

	for (int i = 0; i < RATE + 10; i++) {
		struct stack_reply *r;

		a.key = i % 2 ? STACK_ROOT_KEY : NULL;
		r = stack_http(s, &a);
		if (r->status == 429) {
			refused++;
			assert_non_null(stack_header(r, "Retry-After"));
		} else {
			assert_int_equal(r->status, i % 2 ? 200 : 401);
		}
	}
	assert_in_range(refused, 5, 10);
	a.from = "192.0.2.8";
	a.key = STACK_ROOT_KEY;
	assert_int_equal(stack_http(s, &a)->status, 200);
	a.from = "192.0.2.7";
	a.path = "/v1/models";
	assert_int_equal(stack_http(s, &a)->status, 200);
}

int main(void)
{
	static const struct CMUnitTest limited[] = { cmocka_unit_test(test_billing_rate) };
	static const char *const env[] = { "GLOBAL_API_RATE_LIMIT=200", NULL };
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_responses),
		cmocka_unit_test(test_responses_of_others),
		cmocka_unit_test(test_background),
		cmocka_unit_test(test_background_race),
		cmocka_unit_test(test_background_stream),
		cmocka_unit_test(test_background_unread),
		cmocka_unit_test(test_background_in_part),
		cmocka_unit_test(test_input_tokens),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_list_pages),
		cmocka_unit_test(test_batches),
		cmocka_unit_test(test_foreign_ids),
		cmocka_unit_test(test_other_families),
		cmocka_unit_test(test_switched_off),
		cmocka_unit_test(test_model_list),
		cmocka_unit_test(test_hostile_paths),
		cmocka_unit_test(test_expiry),
		cmocka_unit_test(test_channel_gone),
		cmocka_unit_test(test_form_elsewhere),
		cmocka_unit_test(test_pin_and_model),
		cmocka_unit_test(test_shared),
		cmocka_unit_test(test_keys_of_channel),
		cmocka_unit_test(test_proxy),
		cmocka_unit_test(test_proxy_refusals),
		cmocka_unit_test(test_billing),
		cmocka_unit_test(test_models_head),
	};

	return stack_run("resources", tests, COUNT_OF(tests), NULL) +
	    stack_run("resources, limited", limited, COUNT_OF(limited), env);
}
