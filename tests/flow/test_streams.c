/* test_streams.c — streamed replies: whole, in order, ended once, and billed however they end
 *
 * Expected charges: model ratio 1, completion ratio 2, so prompt + 2 × completion. The fake
 * upstream reports 10 and 7; where it does not, tokens are counted: a little more than a quarter of
 * the letters, and 6 to 12 for the prompt.
 */
#include "crowd.h"

#include <sqlite3.h>

#include <stdlib.h>

#define HELLO "\"messages\":[{\"role\":\"user\",\"content\":\"hello\"}]"
#define GRANTED INT64_C(1000000000)
#define CONTENT(text)                                                                              \
	"{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" text "\"},\"finish_reason\":null}]" \
	"}"
#define FINISH "{\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}"
#define ERROR_EVENT "{\"error\":{\"message\":\"out of order\",\"type\":\"server_error\"}}"

static struct stack *s;
static struct stack_user u;
static struct buf models; /* priced so far: "name":1,… */

/* A price and a channel for a model. */
static int64_t serve_on(const char *model, const struct stack_channel *channel)
{
	struct buf ratios = buf_init(65536);
	struct stack_channel c = *channel;

	buf_addf(&models, "%s\"%s\":1", models.len ? "," : "", model);
	buf_addf(&ratios, "{%s}", models.data);
	stack_option(s, "ModelRatio", ratios.data);
	buf_clear(&ratios);
	for (struct str rest = buf_str(&models), one; str_next(&rest, ',', &one);)
		buf_addf(&ratios, "%s%.*s2", ratios.len ? "," : "{", (int)one.n - 1, one.p);
	buf_add_c(&ratios, "}");
	stack_option(s, "CompletionRatio", ratios.data);
	buf_release(&ratios);
	c.models = model;
	return stack_channel(s, &c);
}

static void serve(const char *model)
{
	serve_on(model, &(struct stack_channel){ 0 });
}

static int set_up(void **state)
{
	static const char *const env[] = { "RESERVATION_LEASE=9", NULL };

	s = stack_start(env);
	models = buf_init(65536);
	serve("gpt-4o");
	serve("stream-20-50");
	serve("stream-40-100");
	serve("stream-1000-20");
	serve("slow-5000");
	return 0;
}

static int tear_down(void **state)
{
	buf_release(&models);
	stack_stop(s);
	return 0;
}

/* A fresh account for each test. */
static int begin(void **state)
{
	u = stack_user(s, &(struct stack_person){ .quota = GRANTED });
	return 0;
}

static void wait_settled(const char *name)
{
	if (!stack_wait_settled(s, 10000))
		fail_msg("%s: reservations are left", name);
	books_agree(s, name, u.id, GRANTED);
}

static const char *ask_body(const char *model)
{
	static char body[256];

	snprintf(body, sizeof(body), "{\"model\":\"%s\",\"stream\":true," HELLO "}", model);
	return body;
}

static void send_ask(const char *model, struct stack_stream *st)
{
	stack_stream_send(s,
	    &(struct stack_ask){ .path = STACK_CHAT, .key = u.key, .body = ask_body(model) }, 0,
	    st);
}

static void open_stream(const char *model, struct stack_stream *st)
{
	send_ask(model, st);
	if (!stack_stream_head(st, 60000) || st->reply.status != 200)
		fail_msg("%s: status %d: %s", model, st->reply.status, st->raw.data);
}

/* What a stream brought, counted. */
struct seen {
	int events, contents, finishes, dones, errors, comments;
	size_t letters;   /* of contents */
	char code[48];    /* of the last error */
	bool after_done;  /* something came behind [DONE] */
	bool well_framed; /* the body was complete */
};

static void note_content(struct seen *seen, const char *text)
{
	seen->contents += *text != '\0';
	seen->letters += strlen(text);
}

static void note_event(struct seen *seen, const char *data)
{
	cJSON *json;

	seen->after_done = seen->after_done || seen->dones > 0;
	if (*data == ':') {
		seen->comments++;
		return;
	}
	seen->events++;
	if (strcmp(data, "[DONE]") == 0) {
		seen->dones++;
		return;
	}
	json = cJSON_Parse(data);
	if (!json)
		fail_msg("an event is not JSON: %.200s", data);
	note_content(seen, stack_text(json, "choices.0.delta.content"));
	seen->finishes += *stack_text(json, "choices.0.finish_reason") != '\0';
	if (stack_at(json, "error")) {
		seen->errors++;
		snprintf(seen->code, sizeof(seen->code), "%s", stack_text(json, "error.code"));
	}
	cJSON_Delete(json);
}

/* Reads to the end. */
static struct seen read_all(struct stack_stream *st, int timeout_ms)
{
	int64_t until = stack_now_ms() + timeout_ms;
	struct seen seen = { 0 };
	enum stack_next next;

	while ((next = stack_stream_next(st, (int)(until - stack_now_ms()))) == STACK_EVENT)
		note_event(&seen, st->event.data);
	if (next == STACK_TIMEOUT)
		fail_msg("the stream does not end");
	seen.well_framed = next == STACK_END;
	stack_stream_close(st, false);
	return seen;
}

static struct seen play(const char *model)
{
	struct stack_stream st;

	open_stream(model, &st);
	return read_all(&st, 60000);
}

static void want_whole(const char *name, const struct seen *seen)
{
	books_want(name, "[DONE]s", seen->dones, 1);
	books_want(name, "finish reasons", seen->finishes, 1);
	books_want(name, "errors", seen->errors, 0);
	books_want(name, "something behind [DONE]", seen->after_done, 0);
	books_want(name, "complete body", seen->well_framed, 1);
}

/* ---- the client that leaves --------------------------------------------------------------- */

static void wait_cancelled(const char *name, int64_t before)
{
	int64_t left = stack_now_ms();

	while (stack_stats(s).cancelled == before) {
		if (stack_now_ms() > left + 60000)
			fail_msg("%s: the upstream was not cancelled", name);
		stack_sleep_ms(5);
	}
}

static void wait_in_flight(int64_t want)
{
	for (int i = 0; i < 6000 && stack_stats(s).in_flight != want; i++)
		stack_sleep_ms(10);
	assert_int_equal(stack_stats(s).in_flight, want);
}

static void test_client_leaves(void **state)
{
	static const bool ways[] = { false, true };

	for (size_t i = 0; i < COUNT_OF(ways); i++) {
		int64_t before = stack_stats(s).cancelled, prompt, completion;
		int64_t began = stack_now_ms(), words;
		struct stack_stream st;

		open_stream("stream-1000-20", &st);
		for (int n = 0; n < 21; n++)
			assert_int_equal(stack_stream_next(&st, 60000), STACK_EVENT);
		stack_stream_close(&st, ways[i]);
		wait_cancelled("mid-stream", before);
		words = (stack_now_ms() - began) / 20 + 2;
		wait_settled("mid-stream");
		prompt = last_log(s, "prompt_tokens");
		completion = last_log(s, "completion_tokens");
		assert_int_equal(last_log(s, "finish"), 1);
		assert_in_range(prompt, 6, 12);
		/* "word0 " to "word19 ": 130 letters were seen; and there were no more words than
		 * there was time for. */
		assert_in_range(completion, 130 / 4, (130 + words * 8) / 4 + 1);
		assert_int_equal(last_log(s, "quota"), prompt + 2 * completion);
	}
}

/* The upstream was asked, so the prompt is charged and nothing else. */
static void test_client_leaves_early(void **state)
{
	int64_t before = stack_stats(s).cancelled;
	struct stack_stream st;

	send_ask("slow-5000", &st);
	wait_for_number(s, "SELECT count(*) FROM reservations", 1);
	wait_in_flight(1);
	stack_stream_close(&st, false);
	wait_cancelled("before the first byte", before);
	wait_settled("before the first byte");
	assert_int_equal(last_log(s, "finish"), 1);
	assert_int_equal(last_log(s, "completion_tokens"), 0);
	assert_int_equal(last_log(s, "quota"), last_log(s, "prompt_tokens"));
	assert_in_range(last_log(s, "quota"), 6, 12);
}

/* The same at every other point of a request: its upstream is let go, and who got
 * nothing of a reply that was on its way pays for the prompt. */
static void test_client_leaves_anywhere(void **state)
{
	/* clang-format off */
	static const struct {
		const char *name, *script, *stream;
	} cases[] = {
		{ "a stream before its head", "delay 20000\nevent " CONTENT("ab") "\n", "true" },
		{ "a stream before its first event", "header Content-Type: text/event-stream\nchunk : x\\n\\n\nstall\n", "true" },
		{ "a whole reply before its head", "delay 20000\nbody {}\n", "false" },
		{ "a whole reply in its body", "header Content-Length: 100\nbody {\"choices\":[\nstall\n", "false" },
	};
	/* clang-format on */

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		int64_t before = stack_stats(s).cancelled;
		char model[32], body[256];
		struct stack_stream st;

		snprintf(model, sizeof(model), "leave-%zu", i);
		stack_script(s, model, cases[i].script);
		serve(model);
		snprintf(body, sizeof(body), "{\"model\":\"%s\",\"stream\":%s," HELLO "}", model,
		    cases[i].stream);
		stack_stream_send(s,
		    &(struct stack_ask){ .path = STACK_CHAT, .key = u.key, .body = body }, 0, &st);
		wait_for_number(s, "SELECT count(*) FROM reservations", 1);
		wait_in_flight(1);
		stack_sleep_ms(100); /* the relay has what was sent */
		stack_stream_close(&st, i % 2 == 0);
		wait_cancelled(cases[i].name, before);
		wait_settled(cases[i].name);
		books_want(cases[i].name, "finish", last_log(s, "finish"), 1);
		books_want(cases[i].name, "completion", last_log(s, "completion_tokens"), 0);
		books_want(cases[i].name, "charge", last_log(s, "quota"),
		    last_log(s, "prompt_tokens"));
	}
}

/* While the ledger waits for the database: nobody is asked, nothing is charged. Naive code goes on
 * to call the upstream for a client that is not there any more. */
static void test_client_leaves_the_ledger(void **state)
{
	struct stack_stats before = stack_stats(s);
	struct stack_stream st;
	char path[400];
	sqlite3 *db;

	snprintf(path, sizeof(path), "%s/oneapi.db", s->data_dir);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	sqlite3_busy_timeout(db, 60000);
	assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	send_ask("gpt-4o", &st);
	stack_sleep_ms(500);
	stack_stream_close(&st, false);
	stack_sleep_ms(500);
	sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	sqlite3_close(db);
	stack_sleep_ms(500);
	wait_settled("ledger");
	assert_int_equal(stack_stats(s).requests, before.requests);
	assert_int_equal(stack_sums(s, u.id).charges, 0);
}

/* Most clients hang up as soon as they read [DONE]; that is a complete reply. So is one whose
 * upstream keeps the connection open behind it, or breaks it. */
static void test_after_done(void **state)
{
	static const char *const ends[] = { "stall\n", "reset\n", "cut\n" };

	for (size_t i = 0; i < COUNT_OF(ends); i++) {
		char model[32], script[512];
		struct stack_stream st;
		struct seen seen;

		snprintf(model, sizeof(model), "behind-%zu", i);
		snprintf(script, sizeof(script),
		    "event " CONTENT("hello you") "\nevent " FINISH "\nevent [DONE]\ndelay 50\n%s",
		    ends[i]);
		stack_script(s, model, script);
		serve(model);
		seen = play(model);
		want_whole(ends[i], &seen);
		wait_settled(ends[i]);
		books_want(ends[i], "finish", last_log(s, "finish"), 2);

		open_stream(model, &st);
		do
			assert_int_equal(stack_stream_next(&st, 60000), STACK_EVENT);
		while (strcmp(st.event.data, "[DONE]") != 0);
		stack_stream_close(&st, false);
		wait_settled(ends[i]);
		books_want(ends[i], "finish, client gone", last_log(s, "finish"), 2);
	}
}

/* ---- a slow reader ----------------------------------------------------------------------------
 */

static int64_t relay_memory_kb(void)
{
	char path[64], line[256];
	int64_t kb = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)stack_pid(s, "relay"));
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, "VmRSS:", 6) == 0)
			kb = strtoll(line + 6, NULL, 10);
	if (f)
		fclose(f);
	return kb;
}

#define FLOOD_EVENTS 12000
#define FLOOD_LETTERS 1000

static void make_flood(void)
{
	char letters[FLOOD_LETTERS + 1], script[FLOOD_LETTERS + 512];

	memset(letters, 'x', FLOOD_LETTERS);
	letters[FLOOD_LETTERS] = '\0';
	snprintf(script, sizeof(script),
	    "header Content-Type: text/event-stream\nrepeat %d 0 data: " CONTENT(
	        "%s") "\\n\\n\nevent " FINISH "\nevent [DONE]\n",
	    FLOOD_EVENTS, letters);
	stack_script(s, "flood", script);
	serve("flood");
}

static void send_slow(struct stack_stream *st)
{
	stack_stream_send(s,
	    &(struct stack_ask){ .path = STACK_CHAT, .key = u.key, .body = ask_body("flood") },
	    16384, st);
}

/* Twelve megabytes each for readers who read nothing for three seconds: they wait at the upstream,
 * not in the relay, and other streams do not notice. */
static void test_slow_readers(void **state)
{
	struct stack_stream slow[4], other;
	struct seen seen;
	int64_t before, most = 0, start;

	make_flood();
	(void)play("gpt-4o");
	before = relay_memory_kb();
	for (size_t i = 0; i < COUNT_OF(slow); i++)
		send_slow(&slow[i]);
	start = stack_now_ms();
	open_stream("stream-20-50", &other);
	while (stack_now_ms() < start + 3000) {
		int64_t now = relay_memory_kb();

		most = now > most ? now : most;
		stack_sleep_ms(20);
	}
	if (strcmp(stack_mode(s), "release") == 0)
		assert_in_range(most, 1, before + (int64_t)COUNT_OF(slow) * 1024);
	/* The floods stand, the other is done. */
	wait_in_flight(COUNT_OF(slow));
	seen = read_all(&other, 60000);
	want_whole("the other", &seen);
	assert_int_equal(seen.contents, 20);

	for (size_t i = 0; i < COUNT_OF(slow); i++) {
		assert_true(stack_stream_head(&slow[i], 60000));
		seen = read_all(&slow[i], 60000);
		want_whole("flood", &seen);
		assert_int_equal(seen.contents, FLOOD_EVENTS);
		assert_int_equal(seen.letters, (size_t)FLOOD_EVENTS * FLOOD_LETTERS);
	}
	wait_settled("flood");
	/* Eight x are a token of o200k_base. */
	assert_in_range(last_log(s, "completion_tokens"), FLOOD_EVENTS * FLOOD_LETTERS / 8,
	    FLOOD_EVENTS * FLOOD_LETTERS / 3);
}

/* ---- framing ------------------------------------------------------------------------------------
 */

static void test_framing(void **state)
{
	/* clang-format off */
	static const struct {
		const char *name, *script;
		int contents;
		size_t letters;
	} cases[] = {
		{ "cut in mid-event",
		  "header Content-Type: text/event-stream\n"
		  "chunk data: {\"choices\":[{\"index\":0,\"del\ndelay 30\nchunk ta\":{\"content\":\"ab\ndelay 30\n"
		  "chunk cd\"},\"finish_reason\":null}]}\ndelay 30\nchunk \\n\ndelay 30\nchunk \\ndata: \ndelay 30\n"
		  "chunk " FINISH "\\n\\ndata: [DO\ndelay 30\nchunk NE]\\n\\n\n", 1, 4 },
		{ "CRLF",
		  "header Content-Type: text/event-stream\n"
		  "chunk data: " CONTENT("ab") "\\r\\n\\r\\ndata: " CONTENT("cd") "\\r\ndelay 30\nchunk \\n\ndelay 30\n"
		  "chunk \\r\ndelay 30\nchunk \\ndata: " FINISH "\\r\\n\\r\\ndata: [DONE]\\r\\n\\r\\n\n", 2, 4 },
		{ "CR alone, no blank, comments, other fields",
		  "header Content-Type: text/event-stream; charset=utf-8\n"
		  "chunk : hello\\r\\revent: x\\rid: 7\\rdata:" CONTENT("ab") "\\r\\r: more\\rdata:" FINISH "\\r\\rdata:[DONE]\\r\\r\n", 1, 2 },
		{ "byte order mark",
		  "header Content-Type: text/event-stream\n"
		  "chunk \\xEF\\xBB\\xBFdata: " CONTENT("ab") "\\n\\ndata: " FINISH "\\n\\ndata: [DONE]\\n\\n\n", 1, 2 },
		{ "several data lines",
		  "header Content-Type: text/event-stream\n"
		  "chunk data: {\"choices\":[{\"index\":0,\\ndata: \"delta\":{\"content\":\"abc\"},\\ndata: \"finish_reason\":null}]}\\n\\n\n"
		  "event " FINISH "\nevent [DONE]\n", 1, 3 },
		{ "all in one piece",
		  "header Content-Type: text/event-stream\n"
		  "chunk data: " CONTENT("a") "\\n\\ndata: " CONTENT("b") "\\n\\ndata: " CONTENT("c") "\\n\\ndata: " FINISH "\\n\\ndata: [DONE]\\n\\n\n", 3, 3 },
		{ "[DONE] twice", "event " CONTENT("ab") "\nevent " FINISH "\nevent [DONE]\nevent [DONE]\n", 1, 2 },
		{ "chunks behind [DONE]", "event " CONTENT("ab") "\nevent " FINISH "\nevent [DONE]\nevent " CONTENT("zz") "\n", 1, 2 },
		{ "an error behind [DONE]", "event " CONTENT("ab") "\nevent " FINISH "\nevent [DONE]\nevent " ERROR_EVENT "\n", 1, 2 },
		{ "no [DONE]", "event " CONTENT("ab") "\nevent " FINISH "\n", 1, 2 },
		{ "the last event without its blank line",
		  "header Content-Type: text/event-stream\nevent " CONTENT("ab") "\nevent " FINISH "\nchunk data: [DONE]\n", 1, 2 },
		{ "Azure's first chunk", "event {\"choices\":[],\"prompt_filter_results\":[]}\nevent " CONTENT("ab") "\nevent " FINISH "\nevent [DONE]\n", 1, 2 },
	};
	/* clang-format on */

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char model[32];
		struct seen seen;

		snprintf(model, sizeof(model), "frames-%zu", i);
		stack_script(s, model, cases[i].script);
		serve(model);
		seen = play(model);
		want_whole(cases[i].name, &seen);
		books_want(cases[i].name, "contents", seen.contents, cases[i].contents);
		books_want(cases[i].name, "letters", (int64_t)seen.letters,
		    (int64_t)cases[i].letters);
		wait_settled(cases[i].name);
	}
}

/* One event of that many letters between two small ones. */
static void play_large(const char *model, size_t letters)
{
	char *text = malloc(letters + 1), *script = malloc(letters + 1024);
	struct seen seen;

	memset(text, 'y', letters);
	text[letters] = '\0';
	snprintf(script, letters + 1024,
	    "event " CONTENT("ab") "\nevent " CONTENT("%s") "\nevent " CONTENT(
	        "cd") "\nevent " FINISH "\nevent [DONE]\n",
	    text);
	stack_script(s, model, script);
	free(text);
	free(script);
	serve(model);
	seen = play(model);
	want_whole(model, &seen);
	books_want(model, "contents", seen.contents, 3);
	books_want(model, "letters", (int64_t)seen.letters, (int64_t)letters + 4);
	wait_settled(model);
	assert_in_range(last_log(s, "completion_tokens"), letters / 8, letters / 3);
}

static void test_large_events(void **state)
{
	play_large("large-65537", 65537);
	play_large("large-200000", 200000);
	play_large("large-1m", 1024 * 1024);
	play_large("large-4m", 4 * 1024 * 1024);
	play_large("large-15m", 15 * 1024 * 1024);
}

/* ---- streams that go wrong
 * ------------------------------------------------------------------------ */

static void test_broken(void **state)
{
	/* clang-format off */
	static const struct {
		const char *name, *script, *code;
		int contents;
	} cases[] = {
		{ "ends early", "event " CONTENT(" hello hello") "\nend\n", "upstream_stream_truncated", 1 },
		{ "cut", "event " CONTENT(" hello hello") "\nevent " CONTENT(" hello hello") "\ndelay 50\ncut\n", "upstream_stream_truncated", 2 },
		{ "reset", "event " CONTENT(" hello hello") "\ndelay 50\nreset\n", "upstream_stream_truncated", 1 },
		{ "cut within an event", "header Content-Type: text/event-stream\nevent " CONTENT(" hello hello") "\nchunk data: {\"cho\ndelay 50\ncut\n", "upstream_stream_truncated", 1 },
		{ "an error in the middle", "event " CONTENT(" hello hello") "\nevent " ERROR_EVENT "\nevent " CONTENT("no") "\nend\n", NULL, 1 },
	};
	/* clang-format on */

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char model[32];
		struct seen seen;
		int64_t prompt, completion;

		snprintf(model, sizeof(model), "broken-%zu", i);
		stack_script(s, model, cases[i].script);
		serve(model);
		seen = play(model);
		books_want(cases[i].name, "contents", seen.contents, cases[i].contents);
		books_want(cases[i].name, "errors", seen.errors, 1);
		books_want(cases[i].name, "[DONE]s", seen.dones, 0);
		books_want(cases[i].name, "complete body", seen.well_framed, 1);
		if (cases[i].code && strcmp(seen.code, cases[i].code) != 0)
			fail_msg("%s: code '%s'", cases[i].name, seen.code);
		wait_settled(cases[i].name);
		prompt = last_log(s, "prompt_tokens");
		completion = last_log(s, "completion_tokens");
		books_want(cases[i].name, "finish", last_log(s, "finish"), 1);
		books_want(cases[i].name, "completion tokens", completion, cases[i].contents * 2);
		books_want(cases[i].name, "charge", last_log(s, "quota"), prompt + 2 * completion);
	}
}

/* Before any content an error is only a failed attempt: the next channel serves. */
static void test_error_first(void **state)
{
	static const struct {
		const char *name, *script;
	} cases[] = {
		{ "an error event", "event " ERROR_EVENT "\nend\n" },
		{ "nothing at all",
		    "header Content-Type: text/event-stream\nchunk : hi\\n\\n\nend\n" },
		{ "cut before an event",
		    "header Content-Type: text/event-stream\nchunk : hi\\n\\n\ndelay 30\ncut\n" },
		{ "an error instead of a stream",
		    "body {\"error\":{\"message\":\"no\",\"type\":\"server_error\"}}\n" },
		{ "something else instead of a stream", "body [1,2,3]\n" },
	};

	stack_option(s, "RetryTimes", "1");
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char model[32], mapping[64];
		struct seen seen;
		int64_t good;

		snprintf(model, sizeof(model), "first-%zu", i);
		snprintf(mapping, sizeof(mapping), "{\"%s\":\"stream-20-50\"}", model);
		stack_script(s, model, cases[i].script);
		serve_on(model, &(struct stack_channel){ .priority = 5 });
		good = serve_on(model, &(struct stack_channel){ .mapping = mapping });
		seen = play(model);
		want_whole(cases[i].name, &seen);
		books_want(cases[i].name, "contents", seen.contents, 20);
		wait_settled(cases[i].name);
		books_want(cases[i].name, "channel", last_log(s, "channel_id"), good);
		books_want(cases[i].name, "attempts", last_log(s, "attempts"), 2);
		books_want(cases[i].name, "charge", last_log(s, "quota"), 24);
	}
	stack_option(s, "RetryTimes", "0");
}

/* A whole reply where a stream was asked for becomes one. */
static void test_whole_for_stream(void **state)
{
	struct seen seen;

	stack_script(s, "whole",
	    "body "
	    "{\"id\":\"x\",\"object\":\"chat.completion\",\"choices\":[{\"index\":0,\"message\":"
	    "{\"role\":\"assistant\",\"content\":\"all at once\"},\"finish_reason\":\"stop\"}],"
	    "\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":7,\"total_tokens\":17}}\n");
	serve("whole");
	seen = play("whole");
	want_whole("whole", &seen);
	assert_int_equal(seen.letters, strlen("all at once"));
	wait_settled("whole");
	assert_int_equal(last_log(s, "quota"), 24);
}

/* ---- time and number --------------------------------------------------------------------------
 */

/* A silent upstream: a comment after fifteen seconds tells whether the client is still there. */
static void test_keep_alive(void **state)
{
	struct stack_stream st;
	struct seen seen;
	int64_t start;

	stack_script(s, "silent",
	    "event " CONTENT("ab") "\ndelay 20000\nevent " FINISH "\nevent [DONE]\n");
	serve("silent");
	start = stack_now_ms();
	open_stream("silent", &st);
	assert_int_equal(stack_stream_next(&st, 60000), STACK_EVENT);
	assert_int_equal(stack_stream_next(&st, 60000), STACK_EVENT);
	assert_int_equal(st.event.data[0], ':'); /* before what comes after twenty */
	assert_true(stack_now_ms() - start >= 14000);
	seen = read_all(&st, 60000);
	want_whole("silent", &seen);
	assert_int_equal(seen.contents, 0);
	wait_settled("silent");
}

static void test_thousand_streams(void **state)
{
	size_t n = strcmp(stack_mode(s), "tsan") == 0 ? 300 : 1000;
	struct stack_stream *st = calloc(n, sizeof(*st));
	int64_t start = stack_now_ms();

	for (size_t i = 0; i < n; i++)
		send_ask("stream-40-100", &st[i]);
	for (size_t i = 0; i < n; i++) {
		if (!stack_stream_head(&st[i], 60000) || st[i].reply.status != 200)
			fail_msg("stream %zu: status %d", i, st[i].reply.status);
	}
	if (stack_now_ms() - start < 2000)
		assert_int_equal(stack_stats(s).in_flight, n);
	for (size_t i = 0; i < n; i++) {
		struct seen seen = read_all(&st[i], 120000);

		want_whole("one of many", &seen);
		/* word0 to word39, each with a blank */
		if (seen.contents != 40 || seen.letters != 10 * 6 + 30 * 7)
			fail_msg("stream %zu: %d contents of %zu letters", i, seen.contents,
			    seen.letters);
	}
	free(st);
	wait_settled("many");
	assert_int_equal(stack_sums(s, u.id).charges, n);
	assert_int_equal(stack_sums(s, u.id).charged, n * 24);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_client_leaves, begin),
		cmocka_unit_test_setup(test_client_leaves_early, begin),
		cmocka_unit_test_setup(test_client_leaves_anywhere, begin),
		cmocka_unit_test_setup(test_client_leaves_the_ledger, begin),
		cmocka_unit_test_setup(test_after_done, begin),
		cmocka_unit_test_setup(test_framing, begin),
		cmocka_unit_test_setup(test_large_events, begin),
		cmocka_unit_test_setup(test_broken, begin),
		cmocka_unit_test_setup(test_error_first, begin),
		cmocka_unit_test_setup(test_whole_for_stream, begin),
		cmocka_unit_test_setup(test_slow_readers, begin),
		cmocka_unit_test_setup(test_keep_alive, begin),
		cmocka_unit_test_setup(test_thousand_streams, begin),
	};

	return cmocka_run_group_tests_name("streams", tests, set_up, tear_down);
}
