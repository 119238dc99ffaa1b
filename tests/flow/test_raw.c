/* test_raw.c — replies that go to the client as they come: speech
 *
 * Ratio 7.5 of tts-1 is one-api's: quota for a character, USD 15 per million of them. The text
 * spoken here has 20 characters, among them ones of two, three and four bytes: 150 quota. One-api
 * counts 29 bytes.
 */
#include "crowd.h"

#include <signal.h>
#include <stdlib.h>

#define SPEECH "/v1/audio/speech"
#define TEXT "Grüße aus 東京, hello😀"
#define BODY(model) "{\"model\":\"" model "\",\"voice\":\"alloy\",\"input\":\"" TEXT "\"}"
#define CHARACTERS 20
#define CHARGE 150
#define FLOOD_KB 65536

static struct stack *s;
static struct stack_user u;

static int set_up(void **state)
{
	static const char *const env[] = { "UPSTREAM_IDLE_TIMEOUT=2", NULL };

	s = stack_start(env);
	stack_option(s, "ModelRatio",
	    "{\"tts-1\":7.5,\"s-length\":7.5,\"s-cut\":7.5,\"s-late\":7.5,\"s-json\":7.5,\"s-"
	    "slow\":"
	    "7.5,\"s-flood\":7.5,\"error-500\":7.5,\"s-empty\":7.5,\"s-stall\":7.5}");
	u = stack_user(s, &(struct stack_person){ .quota = 1000000 });
	return 0;
}

static int tear_down(void **state)
{
	stack_stop(s);
	return 0;
}

static void serve(const char *model, const char *script)
{
	if (script)
		stack_script(s, model, script);
	stack_channel(s, &(struct stack_channel){ .models = model });
}

static struct stack_reply *speak(const char *body)
{
	return stack_post(s, SPEECH, u.key, body);
}

static void wait_settled(const char *name)
{
	if (!stack_wait_settled(s, 10000))
		fail_msg("%s: a reservation is left", name);
	books_agree(s, name, u.id, 1000000);
}

static void want_charge(const char *name, int finish)
{
	wait_settled(name);
	books_want(name, "quota", last_log(s, "quota"), CHARGE);
	books_want(name, "finish", last_log(s, "finish"), finish);
	books_want(name, "is_stream", last_log(s, "is_stream"), 0);
}

/* Bytes that are no text, in several pieces; the head says what they are and nothing else. */
static void test_speech(void **state)
{
	static const char want[] = "ID3\x04\0\xff\xfb\x90 and more";
	struct stack_reply *r;

	serve("tts-1",
	    "header Content-Type: audio/mpeg\nheader Set-Cookie: a=b\nheader Server: up\n"
	    "header Content-Disposition: attachment; filename=speech.mp3\n"
	    "chunk ID3\\x04\\x00\n"
	    "delay 30\nchunk \\xff\\xfb\\x90 and \ndelay 30\nchunk more\nend\n");
	r = speak(BODY("tts-1"));
	assert_int_equal(r->status, 200);
	assert_int_equal(r->body.len, sizeof want - 1);
	assert_memory_equal(r->body.data, want, sizeof want - 1);
	assert_string_equal(stack_header(r, "Content-Type"), "audio/mpeg");
	assert_string_equal(stack_header(r, "Content-Disposition"),
	    "attachment; filename=speech.mp3");
	assert_null(stack_header(r, "Set-Cookie"));
	want_charge("speech", 0);
	assert_int_equal(last_log(s, "upstream_status"), 200);
	assert_true(last_log(s, "elapsed_time") >= 60);
}

static void test_length(void **state)
{
	struct stack_reply *r;

	serve("s-length", "header Content-Type: audio/wav\nbody RIFF0123456789\n");
	r = speak(BODY("s-length"));
	assert_int_equal(r->status, 200);
	assert_string_equal(stack_header(r, "Content-Length"), "14");
	assert_string_equal(r->body.data, "RIFF0123456789");
	want_charge("length", 0);

	serve("s-empty", "header Content-Type: audio/mpeg\nheader Content-Length: 0\nend\n");
	r = speak(BODY("s-empty"));
	assert_int_equal(r->status, 200);
	assert_int_equal(r->body.len, 0);
	wait_settled("empty");
}

/* What is cut after its first byte is cut for the client as well, and no other channel is asked:
 * naive code ends such a reply as if it were whole, or appends a second one to it. */
static void test_cut(void **state)
{
	struct stack_ask ask = { .path = SPEECH, .key = u.key, .body = BODY("s-cut") };
	struct stack_stats before;
	struct stack_stream st;

	stack_option(s, "RetryTimes", "2");
	serve("s-cut", "header Content-Type: audio/mpeg\nchunk half of it\ndelay 100\ncut\n");
	stack_channel(s, &(struct stack_channel){ .models = "s-cut" });
	before = stack_stats(s);
	assert_true(stack_stream_open(s, &ask, &st));
	assert_int_equal(st.reply.status, 200);
	while (stack_stream_next(&st, 60000) == STACK_EVENT)
		;
	assert_false(st.complete);
	stack_stream_close(&st, false);
	assert_int_equal(stack_stats(s).requests, before.requests + 1);
	want_charge("cut", 1);
}

/* Before the first byte another channel may serve. */
static void test_failover(void **state)
{
	struct stack_reply *r;

	stack_script(s, "s-late", "header Content-Type: audio/mpeg\nbody sound\n");
	stack_script(s, "s-dead",
	    "header Content-Type: audio/mpeg\nheader Content-Length: 9\ncut\n");
	stack_channel(s,
	    &(struct stack_channel){ .models = "s-late",
	        .priority = 9,
	        .mapping = "{\"s-late\":\"s-dead\"}" });
	stack_option(s, "ModelRatio", "{\"s-late\":7.5,\"s-dead\":7.5,\"s-cut\":7.5}");
	stack_channel(s, &(struct stack_channel){ .models = "s-late" });
	r = speak(BODY("s-late"));
	assert_int_equal(r->status, 200);
	assert_string_equal(r->body.data, "sound");
	want_charge("failover", 0);
	assert_int_equal(last_log(s, "attempts"), 2);
	stack_option(s, "RetryTimes", "0");
}

/* clang-format off */
static const struct {
	const char *name, *model, *script;
	int status;
	const char *text;
} refusals[] = {
	{ "an error with status 200", "s-json",
	  "body {\"error\":{\"message\":\"voice is not known\",\"type\":\"invalid_request_error\",\"code\":\"bad_voice\"}}\n",
	  502, "voice is not known" },
	{ "JSON that is no error", "s-json2", "body {\"audio\":\"none\"}\n", 502, "promised" },
	{ "an error", "s-error", "status 400\nbody {\"error\":{\"message\":\"input is too long\",\"type\":\"invalid_request_error\"}}\n",
	  400, "input is too long" },
	{ "upstream down", "s-down", "status 500\nbody oops\n", 502, NULL },
};
/* clang-format on */

static void test_refusals(void **state)
{
	stack_option(s, "ModelRatio",
	    "{\"s-json\":7.5,\"s-json2\":7.5,\"s-error\":7.5,\"s-down\":7.5}");
	for (size_t i = 0; i < COUNT_OF(refusals); i++) {
		int64_t before = stack_sums(s, u.id).charges;
		struct stack_reply *r;
		char body[256];

		serve(refusals[i].model, refusals[i].script);
		snprintf(body, sizeof body,
		    "{\"model\":\"%s\",\"voice\":\"alloy\",\"input\":\"hello\"}",
		    refusals[i].model);
		r = speak(body);
		stack_check_error(refusals[i].name, r, refusals[i].status, NULL, NULL,
		    refusals[i].text);
		wait_settled(refusals[i].name);
		books_want(refusals[i].name, "charges", stack_sums(s, u.id).charges, before);
	}
}

/* A client that leaves in the middle: the upstream is let go within a second, the text was spoken
 * and is paid for. */
static void test_client_leaves(void **state)
{
	struct stack_ask ask = { .path = SPEECH, .key = u.key, .body = BODY("s-slow") };
	struct stack_stats before;
	struct stack_stream st;
	int64_t start;

	stack_option(s, "ModelRatio", "{\"s-slow\":7.5}");
	serve("s-slow", "header Content-Type: audio/mpeg\nrepeat 600 50 0123456789\n");
	before = stack_stats(s);
	assert_true(stack_stream_open(s, &ask, &st));
	stack_sleep_ms(300);
	stack_stream_close(&st, true);
	start = stack_now_ms();
	while (stack_stats(s).cancelled == before.cancelled) {
		if (stack_now_ms() - start > 60000)
			fail_msg("the upstream still runs");
		stack_sleep_ms(10);
	}
	want_charge("left", 1);
}

static int64_t relay_memory_kb(void)
{
	char path[64], line[256];
	int64_t kb = 0;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/status", (int)stack_pid(s, "relay"));
	f = fopen(path, "re");
	while (f && fgets(line, sizeof line, f))
		if (strncmp(line, "VmRSS:", 6) == 0)
			kb = strtoll(line + 6, NULL, 10);
	if (f)
		fclose(f);
	return kb;
}

/* 64 MiB for a reader who waits: they stay at the upstream. */
static void test_back_pressure(void **state)
{
	struct stack_ask ask = { .path = SPEECH, .key = u.key, .body = BODY("s-flood") };
	char script[1200], kib[1025];
	struct stack_stream st;
	int64_t before, most = 0, got = 0;
	enum stack_next next;

	memset(kib, 'x', 1021);
	kib[1021] = '\0';
	snprintf(script, sizeof script,
	    "header Content-Type: audio/mpeg\nrepeat %d 0 data:%s\\n\\n\n", FLOOD_KB, kib);
	stack_option(s, "ModelRatio", "{\"s-flood\":7.5}");
	serve("s-flood", script);
	before = relay_memory_kb();
	stack_stream_send(s, &ask, 16384, &st);
	for (int i = 0; i < 75; i++) {
		int64_t now = relay_memory_kb();

		most = now > most ? now : most;
		stack_sleep_ms(20);
	}
	if (strcmp(stack_mode(s), "release") == 0)
		assert_in_range(most, 1, before + 4096);
	assert_true(stack_stream_head(&st, 60000));
	while ((next = stack_stream_next(&st, 60000)) == STACK_EVENT)
		got++;
	assert_int_equal(next, STACK_END);
	assert_int_equal(got, FLOOD_KB);
	stack_stream_close(&st, false);
	want_charge("flood", 0);
}

/* The upstream falls silent in the middle: a cut, not a wait without end. */
static void test_stall(void **state)
{
	struct stack_ask ask = { .path = SPEECH, .key = u.key, .body = BODY("s-stall") };
	struct stack_stream st;

	stack_option(s, "ModelRatio", "{\"s-stall\":7.5}");
	serve("s-stall", "header Content-Type: audio/mpeg\nchunk some\nstall\n");
	assert_true(stack_stream_open(s, &ask, &st));
	while (stack_stream_next(&st, 6000) == STACK_EVENT)
		;
	assert_false(st.complete);
	stack_stream_close(&st, false);
	want_charge("stall", 1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_speech),
		cmocka_unit_test(test_length),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_failover),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_client_leaves),
		cmocka_unit_test(test_back_pressure),
		cmocka_unit_test(test_stall),
	};

	return cmocka_run_group_tests_name("raw", tests, set_up, tear_down);
}
