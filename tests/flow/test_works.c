/* test_works.c — what goes on at an upstream after its creation was answered costs what it used, once:
 * batches, runs, training, responses in the background; whoever looks first, and whatever dies
 *
 * The settler looks after one second here, and a killed relay's reservations are swept after three.
 * Prices stand in works.h. */
#include "works.h"

#include <pthread.h>
#include <signal.h>

/* ---- files ----------------------------------------------------------------------------------- */

/* clang-format off */
static const struct {
	const char *name, *purpose, *content;
	int status;
	const char *text;
} files[] = {
	{ "good", "batch", TWO_LINES, 200, NULL },
	{ "good, without a last newline, with blank lines", "batch", "\n" LINE("a") "\r\n\n" LINE("b"), 200, NULL },
	{ "good responses", "batch", "{\"custom_id\":\"a\",\"method\":\"POST\",\"url\":\"/v1/responses\","
		"\"body\":{\"model\":\"gpt-4o\",\"input\":\"x\"}}", 200, NULL },
	{ "any purpose", "user_data", "no JSON", 200, NULL },
	{ "nothing", "batch", "\n \n", 400, "no lines" },
	{ "a line in a line", "batch", "{\"x\":\r" LINE("a") "\r,\"custom_id\":\"b\"}", 400, "line 1: has a carriage" },
	{ "no JSON", "batch", LINE("a") "\n{\"custom_id\":", 400, "line 2: " },
	{ "no object", "batch", "[1]", 400, "line 1: is not a JSON object" },
	{ "no id", "batch", "{\"method\":\"POST\"}", 400, "line 1: custom_id must be a string" },
	{ "one id twice", "batch", LINE("a") "\n" LINE("b") "\n" LINE("a"), 400, "line 3: custom_id was used before" },
	{ "GET", "batch", "{\"custom_id\":\"a\",\"method\":\"GET\",\"url\":\"/v1/chat/completions\",\"body\":{}}",
		400, "line 1: method must be POST" },
	{ "another route", "batch", "{\"custom_id\":\"a\",\"method\":\"POST\",\"url\":\"/v1/files\",\"body\":{}}",
		400, "line 1: url is none of the routes" },
	{ "images", "batch", "{\"custom_id\":\"a\",\"method\":\"POST\",\"url\":\"/v1/images/generations\",\"body\":{}}",
		400, "line 1: url is none of the routes" },
	{ "two routes", "batch", LINE("a") "\n{\"custom_id\":\"b\",\"method\":\"POST\",\"url\":\"/v1/embeddings\","
		"\"body\":{\"model\":\"gpt-4o\",\"input\":\"x\"}}", 400, "line 2: url is not that of the lines before" },
	{ "no body", "batch", "{\"custom_id\":\"a\",\"method\":\"POST\",\"url\":\"/v1/chat/completions\"}",
		400, "line 1: body must be an object" },
	{ "no messages", "batch", "{\"custom_id\":\"a\",\"method\":\"POST\",\"url\":\"/v1/chat/completions\","
		"\"body\":{\"model\":\"gpt-4o\"}}", 400, "line 1: " },
	{ "no model", "batch", "{\"custom_id\":\"a\",\"method\":\"POST\",\"url\":\"/v1/chat/completions\","
		"\"body\":{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}}", 400, "line 1: " },
	{ "two models", "batch", LINE("a") "\n{\"custom_id\":\"b\",\"method\":\"POST\",\"url\":"
		"\"/v1/chat/completions\",\"body\":{\"model\":\"gpt-4o-mini-2024-07-18\",\"messages\":[{\"role\":"
		"\"user\",\"content\":\"x\"}]}}", 400, "line 2: a batch is for one model" },
	{ "a stream", "batch", LINE_OF("a", ",\"stream\":true"), 400, "line 1: stream and background" },
	{ "a file of somebody's", "batch", "{\"custom_id\":\"a\",\"method\":\"POST\",\"url\":\"/v1/responses\","
		"\"body\":{\"model\":\"gpt-4o\",\"input\":\"x\",\"previous_response_id\":\"resp_other\"}}",
		404, "not found" },
	{ "a model that nobody offers", "batch", "{\"custom_id\":\"a\",\"method\":\"POST\",\"url\":\"/v1/embeddings\","
		"\"body\":{\"model\":\"o9\",\"input\":\"x\"}}", 503, "o9" },
	{ "a model without a price", "batch", "{\"custom_id\":\"a\",\"method\":\"POST\",\"url\":\"/v1/embeddings\","
		"\"body\":{\"model\":\"ghost\",\"input\":\"x\"}}", 503, "has no price" },
	{ "a model with another name there", "batch", "{\"custom_id\":\"a\",\"method\":\"POST\",\"url\":"
		"\"/v1/embeddings\",\"body\":{\"model\":\"alias\",\"input\":\"x\"}}", 400, "another name at the upstream" },
	{ "training", "fine-tune", "{\"messages\":[]}\n", 200, NULL },
	{ "training, no JSON", "fine-tune", "{\"messages\":[]}\nx", 400, "line 2: " },
};
/* clang-format on */

static void test_files(void **state)
{
	struct stack *s = *state;
	struct stack_user u = person(s);

	for (size_t i = 0; i < COUNT_OF(files); i++) {
		struct stack_stats before = stack_stats(s);
		struct stack_reply *r = upload(s, &u, files[i].purpose, files[i].content);

		if (r->status != files[i].status ||
		    (files[i].text && !strstr(r->body.data, files[i].text)))
			fail_msg("%s: status %d, want %d: %s", files[i].name, r->status,
			    files[i].status, r->body.data);
		if (stack_stats(s).requests != before.requests + (r->status == 200))
			fail_msg("%s: the upstream was asked", files[i].name);
	}
}

/* ---- batches --------------------------------------------------------------------------------- */

static void *look_thrice(void *arg)
{
	const void *const *args = arg;

	for (int i = 0; i < 3; i++)
		look((struct stack *)(uintptr_t)args[0], args[1], "batches", args[2]);
	return NULL;
}

/* Many look at the same moment, the settler among them. */
static void test_batch(void **state)
{
	struct stack *s = *state;
	struct stack_user u = person(s);
	const char *id = make_batch(s, &u, "");
	const void *args[] = { s, &u, id };
	pthread_t threads[6];

	for (size_t i = 0; i < COUNT_OF(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, look_thrice, args), 0);
	for (size_t i = 0; i < COUNT_OF(threads); i++)
		pthread_join(threads[i], NULL);
	charged(s, &u, "looked at", 2 * CALL + 18 * CALL + USED);
	wait_closed(s, &u, "looked at");
	assert_string_equal(stack_text(look(s, &u, "batches", id)->json, "status"), "completed");
	charged(s, &u, "again", 2 * CALL + 19 * CALL + USED);
}

static void test_batch_bound(void **state)
{
	struct stack *s = *state;
	struct stack_user u = person(s);
	const char *id = make_batch(s, &u, "stays");

	charged(s, &u, "made", 2 * CALL + BOUND);
	assert_int_equal(count_open(s, &u), 1);
	look(s, &u, "batches", id);
	charged(s, &u, "under way", 3 * CALL + BOUND);
	stack_http(s,
	    &(struct stack_ask){ .method = "POST",
	        .path = stack_fmt("/v1/batches/%s/cancel", id),
	        .key = u.key });
	/* 30 × 1.25 + 10 × 5 = 87.5, half of it */
	charged(s, &u, "cancelled", 4 * CALL + 44);
	assert_int_equal(count_open(s, &u), 0);
}

/* Nobody asks for these: the settler does. */
static const struct {
	const char *play;
	int64_t want;
} alone[] = {
	{ "", USED },
	{ "lines", 38 }, /* 20 × 1.25 + 10 × 5 = 75 */
	{ "blank", BOUND },
	{ "fails", 0 },
};
static struct stack_user left_alone[COUNT_OF(alone)];

static void test_left_alone(void **state)
{
	struct stack *s = *state;

	for (size_t i = 0; i < COUNT_OF(alone); i++) {
		left_alone[i] = person(s);
		make_batch(s, &left_alone[i], alone[i].play);
	}
}

static void test_settled_alone(void **state)
{
	struct stack *s = *state;

	for (size_t i = 0; i < COUNT_OF(alone); i++) {
		wait_closed(s, &left_alone[i], alone[i].play);
		charged(s, &left_alone[i], alone[i].play, 2 * CALL + alone[i].want);
	}
	assert_true(stack_log_has(s, "its output has no usage"));
}

static void test_batch_refusals(void **state)
{
	struct stack *s = *state;
	struct stack_user u = person(s);
	const char *plain = id_of(upload(s, &u, "user_data", TWO_LINES));
	const char *training = id_of(upload(s, &u, "fine-tune", TWO_LINES));
	const char *file = id_of(upload(s, &u, "batch", TWO_LINES));
	const char *body;
	char narrow[64];
	struct stack_stats before = stack_stats(s);

	stack_check_error("unchecked", stack_post(s, "/v1/batches", u.key, batch_body(plain, "")),
	    400, "invalid_request_error", NULL,
	    "was not uploaded here as a file with purpose batch");
	stack_check_error("training", stack_post(s, "/v1/batches", u.key, batch_body(training, "")),
	    400, "invalid_request_error", NULL, "purpose batch");
	body = stack_fmt("{\"input_file_id\":\"%s\",\"endpoint\":\"/v1/responses\"}", file);
	stack_check_error("endpoint", stack_post(s, "/v1/batches", u.key, body), 400,
	    "invalid_request_error", NULL, "endpoint must be");
	/* an administrator who names the channel may use every id in it, but not for nothing */
	body = batch_body("file-of-nobody", "");
	{
		char key[128];

		snprintf(key, sizeof(key), "%s-%" PRId64, STACK_ROOT_KEY, keeper);
		stack_check_error("root", stack_post(s, "/v1/batches", key, body), 400,
		    "invalid_request_error", NULL, "was not uploaded here");
	}
	stack_key(s, &u, "\"models\":\"files,batches\",\"unlimited_quota\":true", narrow);
	stack_check_error("key without the model",
	    stack_post(s, "/v1/batches", narrow, batch_body(file, "")), 403, "one_api_error",
	    "model_not_allowed", "gpt-4o");
	assert_int_equal(stack_stats(s).requests, before.requests);

	/* what the upstream refuses costs nothing */
	assert_int_equal(stack_post(s, "/v1/batches", u.key, batch_body(file, "refused"))->status,
	    400);
	charged(s, &u, "refused", 3 * CALL);
	assert_int_equal(count_open(s, &u), 0);
}

static void test_no_money(void **state)
{
	struct stack *s = *state;
	struct stack_user u;
	struct stack_stats before;
	const char *file;

	set_up(s);
	u = stack_user(s, &(struct stack_person){ .quota = 2 * CALL + BOUND - 1 });
	file = id_of(upload(s, &u, "batch", TWO_LINES));
	assert_true(stack_wait_settled(s, 2000));
	before = stack_stats(s);
	assert_int_equal(stack_post(s, "/v1/batches", u.key, batch_body(file, ""))->status, 403);
	assert_int_equal(stack_stats(s).requests, before.requests);
	assert_int_equal(count_open(s, &u), 0);
}

/* ---- runs and training ----------------------------------------------------------------------- */

static struct stack_reply *drop_thread(struct stack *s, const struct stack_user *u, const char *id)
{
	return stack_http(s,
	    &(struct stack_ask){ .method = "DELETE",
	        .path = stack_fmt("/v1/threads/%s", id),
	        .key = u->key });
}

static void test_runs(void **state)
{
	struct stack *s = *state;
	struct stack_user u = person(s);
	struct stack_stream st;
	const char *assistant, *thread, *fresh, *run, *body;

	assistant = id_of(stack_post(s, "/v1/assistants", u.key, "{\"model\":\"gpt-4o\"}"));
	body = stack_fmt("{\"assistant_id\":\"%s\"}", assistant);
	thread = stack_text(stack_post(s, "/v1/threads/runs", u.key, body)->json, "thread_id");
	charged(s, &u, "ended at once", 2 * CALL + RUN);
	assert_true(stack_stream_open(s,
	    &(struct stack_ask){ .path = "/v1/threads/runs",
	        .key = u.key,
	        .body = stack_fmt("{\"assistant_id\":\"%s\",\"stream\":true}", assistant) },
	    &st));
	assert_true(stack_stream_drain(&st, 60000) > 0);
	stack_stream_close(&st, false);
	charged(s, &u, "streamed", 3 * CALL + 2 * RUN);
	/* at most 100 × 1.25 + 20 × 5 */
	body = stack_fmt("{\"assistant_id\":\"%s\",\"max_prompt_tokens\":100,"
	                 "\"max_completion_tokens\":20,\"metadata\":{\"play\":\"%s\"}}",
	    assistant, "stays");
	run = id_of(stack_post(s, stack_fmt("/v1/threads/%s/runs", thread), u.key, body));
	charged(s, &u, "bound", 4 * CALL + 2 * RUN + 225);
	look(s, &u, "threads", stack_fmt("%s/runs/%s", thread, run));
	charged(s, &u, "under way", 5 * CALL + 2 * RUN + 225);
	/* one that the settler sees */
	body = stack_fmt("{\"assistant_id\":\"%s\",\"metadata\":{\"play\":\"%s\"}}", assistant,
	    "ends");
	run = id_of(stack_post(s, stack_fmt("/v1/threads/%s/runs", thread), u.key, body));
	charged(s, &u, "by the settler", 6 * CALL + 3 * RUN + 225);
	/* also of a thread that is made with it, and may not go as long as it runs */
	body = stack_fmt("{\"assistant_id\":\"%s\",\"max_prompt_tokens\":100,"
	                 "\"max_completion_tokens\":20,\"metadata\":{\"play\":\"%s\"}}",
	    assistant, "ends");
	fresh = stack_text(stack_post(s, "/v1/threads/runs", u.key, body)->json, "thread_id");
	assert_int_equal(drop_thread(s, &u, fresh)->status, 409);
	charged(s, &u, "of a new thread, by the settler", 7 * CALL + 4 * RUN + 225);
	assert_int_equal(drop_thread(s, &u, fresh)->status, 200);
	body = stack_fmt("{\"assistant_id\":\"%s\",\"metadata\":{\"play\":\"%s\"}}", assistant,
	    "ends");
	/* and one that the client does */
	run = id_of(stack_post(s, stack_fmt("/v1/threads/%s/runs", thread), u.key, body));
	look(s, &u, "threads", stack_fmt("%s/runs/%s", thread, run));
	charged(s, &u, "by the client", 10 * CALL + 5 * RUN + 225);
	assert_int_equal(count_open(s, &u), 1);
	/* what cannot be asked any more cannot be settled */
	assert_int_equal(drop_thread(s, &u, thread)->status, 409);
	stack_check_error("unknown assistant",
	    stack_post(s, "/v1/threads/runs", u.key, "{\"assistant_id\":\"asst_none\"}"), 404,
	    "invalid_request_error", "resource_not_found", NULL);
	stack_check_error("no assistant", stack_post(s, "/v1/threads/runs", u.key, "{}"), 400,
	    "invalid_request_error", NULL, "name a model");
}

static void test_training(void **state)
{
	static const char body[] = "{\"model\":\"%s\",\"training_file\":\"%s\",\"hyperparameters\":"
	                           "{\"n_epochs\":2},\"metadata\":{\"play\":\"ends\"}}";
	struct stack *s = *state;
	struct stack_user u = person(s);
	const char *file = id_of(upload(s, &u, "fine-tune", "{\"messages\":[]}"));
	const char *id;

	/* 15 bytes are taken for 6 tokens, twice, at USD 3 per million */
	id = id_of(stack_post(s, "/v1/fine_tuning/jobs", u.key,
	    stack_fmt(body, "gpt-4o-mini-2024-07-18", file)));
	charged(s, &u, "bound", 2 * CALL + 18);
	assert_string_equal(stack_text(look(s, &u, "fine_tuning/jobs", id)->json, "status"),
	    "succeeded");
	charged(s, &u, "3000 tokens", 3 * CALL + 4500);
	/* seen by nobody but the settler */
	id_of(stack_post(s, "/v1/fine_tuning/jobs", u.key,
	    stack_fmt(body, "gpt-4o-mini-2024-07-18", file)));
	charged(s, &u, "3000 tokens more", 4 * CALL + 9000);
	stack_check_error("no training price",
	    stack_post(s, "/v1/fine_tuning/jobs", u.key, stack_fmt(body, "gpt-4o", file)), 503,
	    NULL, NULL, "has no training price");
	stack_check_error("by the hour",
	    stack_post(s, "/v1/fine_tuning/jobs", u.key,
	        stack_fmt("{\"model\":\"%s\",\"training_file\":\"%s\",\"method\":{\"type\":"
	                  "\"reinforcement\"}}",
	            "gpt-4o-mini-2024-07-18", file)),
	    400, "invalid_request_error", NULL, "paid by tokens");
	charged(s, &u, "refused", 4 * CALL + 9000);
}

/* ---- responses ------------------------------------------------------------------------------- */

static void test_responses(void **state)
{
	struct stack *s = *state;
	struct stack_user streamed = person(s), refused = person(s);
	struct stack_stream st;

	assert_true(stack_stream_open(s,
	    &(struct stack_ask){ .path = "/v1/responses",
	        .key = streamed.key,
	        .body = "{\"model\":\"gpt-4o\",\"input\":\"hi\",\"background\":true,"
	                "\"stream\":true}" },
	    &st));
	assert_true(stack_stream_drain(&st, 60000) > 0);
	stack_stream_close(&st, false);
	charged(s, &streamed, "streamed", RESPONSE);
	assert_int_equal(count_open(s, &streamed), 0);
	assert_int_equal(stack_sums(s, streamed.id).charges, 1);

	assert_int_not_equal(stack_post(s, "/v1/responses", refused.key,
	                         "{\"model\":\"gpt-4o\",\"input\":\"hi\",\"background\":true,"
	                         "\"previous_response_id\":\"resp_none\"}")
	                         ->status,
	    200);
	charged(s, &refused, "refused", 0);
	assert_int_equal(count_open(s, &refused), 0);
}

/* ---- what goes wrong ------------------------------------------------------------------------- */

struct asking {
	struct stack *s;
	struct stack_ask ask;
};

static void *post(void *arg)
{
	struct asking *a = arg;

	stack_http(a->s, &a->ask);
	return NULL;
}

/* What is under way when the relay dies, and what it costs in the end. */
static const struct {
	const char *name, *path, *play;
	int64_t want;
} dying[] = {
	/* made, but nobody said so: in the upstream's list */
	{ "mute", "/v1/batches", "mute", 2 * CALL + USED },
	/* never made: in no list */
	{ "never", "/v1/batches", "never", 2 * CALL },
	/* 500 tokens are reserved for an answer that names no most, 2500 quota, and 8 tokens of prompt;
	 * no list has responses, so it stays at that */
	{ "response", "/v1/responses", "mute", 2510 },
};

static const char *body_of(struct stack *s, const struct stack_user *u, size_t i)
{
	if (strcmp(dying[i].path, "/v1/batches") == 0)
		return batch_body(id_of(upload(s, u, "batch", TWO_LINES)), dying[i].play);
	return stack_fmt("{\"model\":\"gpt-4o\",\"input\":\"hi\",\"background\":true,"
	                 "\"metadata\":{\"play\":\"%s\"}}",
	    dying[i].play);
}

/* Twice: the second time when the leases have run out, so that the next one sweeps at once. */
static void kill_twice(struct stack *s)
{
	for (int i = 0; i < 2; i++) {
		pid_t relay = stack_pid(s, "relay");

		stack_kill(s, "relay", SIGKILL);
		stack_wait_restarted(s, "relay", relay);
		stack_sleep_ms(i == 0 ? 3500 : 0);
	}
}

/* While the upstream has the creations; behind an answer that broke; behind a look. */
static void test_killed(void **state)
{
	struct stack *s = *state;
	struct stack_user users[COUNT_OF(dying)], lost = person(s), reader = person(s), watcher;
	struct asking asking[COUNT_OF(dying)];
	pthread_t threads[COUNT_OF(dying)];
	int64_t until = stack_now_ms() + 60000, calls, open = 0;
	const char *watched, *file = id_of(upload(s, &lost, "batch", TWO_LINES));

	assert_int_equal(stack_post(s, "/v1/batches", lost.key, batch_body(file, "lost"))->status,
	    502);
	id_of(stack_post(s, "/v1/responses", reader.key,
	    "{\"model\":\"gpt-4o\",\"input\":\"hi\",\"background\":true}"));
	for (size_t i = 0; i < COUNT_OF(dying); i++) {
		users[i] = person(s);
		asking[i] = (struct asking){ s,
			{ .path = dying[i].path,
			    .key = users[i].key,
			    .body = body_of(s, &users[i], i) } };
		assert_int_equal(pthread_create(&threads[i], NULL, post, &asking[i]), 0);
	}
	while (open < (int64_t)COUNT_OF(dying) && stack_now_ms() < until) {
		stack_sleep_ms(10);
		open = 0;
		for (size_t i = 0; i < COUNT_OF(dying); i++)
			open += count_open(s, &users[i]);
	}
	assert_int_equal(open, COUNT_OF(dying));
	watcher = person(s);
	watched = make_batch(s, &watcher, "");
	stack_sleep_ms(200); /* the upstream has them */
	look(s, &watcher, "batches", watched);
	kill_twice(s);
	for (size_t i = 0; i < COUNT_OF(dying); i++)
		pthread_join(threads[i], NULL);

	for (size_t i = 0; i < COUNT_OF(dying); i++) {
		wait_closed(s, &users[i], dying[i].name);
		charged(s, &users[i], dying[i].name, dying[i].want);
	}
	assert_true(stack_log_has(s, "settler.never_made"));
	assert_true(stack_log_has(s, "its id was lost"));
	/* the upload; the creation had no answer, and costs nothing by itself */
	wait_closed(s, &lost, "lost");
	charged(s, &lost, "lost", CALL + USED);
	assert_true(stack_log_has(s, "settler.found"));
	wait_closed(s, &reader, "reader");
	charged(s, &reader, "reader", RESPONSE);

	/* whether its look was charged or swept for nothing: what it saw counts once */
	wait_closed(s, &watcher, "watched");
	look(s, &watcher, "batches", watched);
	assert_true(stack_wait_settled(s, SETTLED_MS));
	stack_sleep_ms(50);
	calls = stack_sums(s, watcher.id).charged - USED;
	if (calls != 3 * CALL && calls != 4 * CALL)
		fail_msg("%" PRId64 " charged", calls + USED);
	charged(s, &watcher, "watched", calls + USED);
}

static void test_too_old(void **state)
{
	struct stack *s = *state;
	struct stack_user u = person(s);
	char sql[160];

	make_batch(s, &u, "stays");
	snprintf(sql, sizeof(sql),
	    "UPDATE resources SET created_at = 1, expires_at = 1, look_at = 0 WHERE due = 1 "
	    "AND user_id = %" PRId64,
	    u.id);
	stack_sql(s, sql);
	wait_closed(s, &u, "old");
	charged(s, &u, "old", 2 * CALL + BOUND);
	assert_true(stack_log_has(s, "settler.stays_at_bound"));
}

/* Users, keys and channels against the log, after all this. */
static void test_books(void **state)
{
	struct stack *s = *state;

	assert_true(stack_wait_settled(s, SETTLED_MS));
	books_match_logs(s, "works");
}

int main(void)
{
	static const char *const env[] = { "RESOURCE_LOOK=1", "RESERVATION_LEASE=3", NULL };
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_files), /* counts what the upstream is asked: nobody else may */
		cmocka_unit_test(test_left_alone),
		cmocka_unit_test(test_batch),
		cmocka_unit_test(test_batch_bound),
		cmocka_unit_test(test_batch_refusals),
		cmocka_unit_test(test_no_money),
		cmocka_unit_test(test_runs),
		cmocka_unit_test(test_training),
		cmocka_unit_test(test_responses),
		cmocka_unit_test(test_settled_alone),
		cmocka_unit_test(test_killed),
		cmocka_unit_test(test_too_old),
		cmocka_unit_test(test_books),
	};

	return stack_run("works", tests, COUNT_OF(tests), env);
}
