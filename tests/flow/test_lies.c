/* test_lies.c — upstreams that report nonsense: below nothing, beyond all measure, twice, half, late
 *
 * A model with ratio 1 and completion ratio 2, so that quota = prompt + 2 × completion. "hello" is 8
 * tokens as spec/tokens.md counts a message (3, the role, the word, 3 for the answer), " hello there"
 * two. A report may be 2^20 tokens and 64 times our own count above what we saw.
 */
#include "crowd.h"

#define GRANTED INT64_C(100000000)
#define FILE_BYTES 160000
#define SAID "\"messages\":[{\"role\":\"user\",\"content\":\"hello\"}]"
#define WHOLE(usage)                                                                               \
	"body {\"id\":\"x\",\"object\":\"chat.completion\",\"choices\":[{\"index\":0,\"message\":" \
	"{\"role\":\"assistant\",\"content\":\" hello there\"},\"finish_reason\":\"stop\"}]" usage \
	"}\n"
#define USAGE(prompt, completion)                                                                  \
	",\"usage\":{\"prompt_tokens\":" #prompt ",\"completion_tokens\":" #completion "}"
#define EVENTS "header Content-Type: text/event-stream\n"
#define TEXT(usage)                                                                                \
	"event {\"id\":\"x\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\" hello "           \
	"there\"}}]" usage "}\n"
#define STOP(usage)                                                                                \
	"event "                                                                                   \
	"{\"id\":\"x\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]" usage  \
	"}\n"
#define ONLY(prompt, completion)                                                                   \
	"event {\"id\":\"x\",\"choices\":[],\"usage\":{\"prompt_tokens\":" #prompt                 \
	",\"completion_tokens\":" #completion "}}\n"
#define DONE "chunk data: [DONE]\\n\\n\nend\n"
#define TEN "{},{},{},{},{},{},{},{},{},{}"
#define HUNDRED TEN "," TEN "," TEN "," TEN "," TEN "," TEN "," TEN "," TEN "," TEN "," TEN

static struct stack *s;

static int set_up(void **state)
{
	s = stack_start(NULL);
	stack_option(s, "ModelRatio", "{\"l-text\":1}");
	stack_option(s, "CompletionRatio", "{\"l-text\":2}");
	stack_option(s, "ModelPrice",
	    "{\"l-image\":{\"per_image\":0.04},\"l-ears\":{\"per_minute\":0.006}}");
	stack_channel(s, &(struct stack_channel){ .models = "l-text,l-image,l-ears" });
	return 0;
}

static int tear_down(void **state)
{
	stack_stop(s);
	return 0;
}

/* clang-format off */
static const struct lie {
	const char *name, *script;
	int64_t quota;
} whole[] = {
	{ "the truth", WHOLE(USAGE(10, 7)), 24 },
	{ "below nothing", WHOLE(USAGE(-5, -7)), 8 + 2 * 2 },
	{ "half below nothing", WHOLE(USAGE(10, -7)), 10 + 2 * 2 },
	{ "beyond measure", WHOLE(USAGE(999999999999, 999999999999)), (1048576 + 64 * 8) + 2 * (1048576 + 64 * 2) },
	{ "beyond 64 bits", WHOLE(USAGE(1e30, 9999999999999999999999)), 8 + 2 * 2 },
	{ "missing", WHOLE(""), 8 + 2 * 2 },
	{ "null", WHOLE(",\"usage\":null"), 8 + 2 * 2 },
	{ "no numbers", WHOLE(USAGE("ten", [7])), 8 + 2 * 2 },
	{ "only the prompt", WHOLE(USAGE(10, 0)), 10 + 2 * 2 },
	{ "only the answer", WHOLE(USAGE(0, 7)), 8 + 2 * 7 },
	{ "twice in one object", WHOLE(USAGE(10, 7) USAGE(10, 7)), 24 },
	{ "a part larger than its whole", WHOLE(",\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":7,"
		"\"prompt_tokens_details\":{\"cached_tokens\":2000000000},"
		"\"completion_tokens_details\":{\"reasoning_tokens\":2000000000}}"), 24 },
}, streams[] = {
	{ "the truth", EVENTS TEXT("") STOP("") ONLY(10, 7) DONE, 24 },
	{ "twice", EVENTS TEXT("") STOP("") ONLY(10, 7) ONLY(10, 7) DONE, 24 },
	{ "at the end and behind it", EVENTS TEXT("") STOP(USAGE(10, 7)) ONLY(10, 7) DONE, 24 },
	{ "a running sum", EVENTS TEXT(USAGE(10, 2)) TEXT(USAGE(10, 4)) STOP(USAGE(10, 7)) DONE, 24 },
	{ "then nothing", EVENTS TEXT("") STOP(USAGE(10, 7)) ONLY(0, 0) DONE, 24 },
	{ "below nothing", EVENTS TEXT("") STOP("") ONLY(-10, -7) DONE, 8 + 2 * 2 },
	{ "beyond measure", EVENTS TEXT("") STOP("") ONLY(999999999999, 999999999999) DONE,
		(1048576 + 64 * 8) + 2 * (1048576 + 64 * 2) },
	{ "missing", EVENTS TEXT("") STOP("") DONE, 8 + 2 * 2 },
	{ "the prompt first, no more", EVENTS TEXT(USAGE(10, 0)) TEXT("") TEXT("") STOP("") DONE, 10 + 2 * 6 },
	{ "the prompt first, then it breaks off", EVENTS TEXT(USAGE(10, 0)) TEXT("") TEXT("") "cut\n", 10 + 2 * 6 },
	{ "it breaks off behind a report", EVENTS TEXT("") STOP("") ONLY(10, 7) "cut\n", 24 },
};
/* clang-format on */

/* A person for each, so that nobody else's charge is looked at. */
static void check(const char *name, const struct stack_user *u, int64_t want)
{
	if (!stack_wait_settled(s, 10000))
		fail_msg("%s: a reservation is left", name);
	books_want(name, "charged", stack_sums(s, u->id).charged, want);
	books_agree(s, name, u->id, GRANTED);
}

static void test_whole(void **state)
{
	for (size_t i = 0; i < COUNT_OF(whole); i++) {
		struct stack_user u = stack_user(s, &(struct stack_person){ .quota = GRANTED });

		stack_script(s, "l-text", whole[i].script);
		assert_int_equal(
		    stack_post(s, STACK_CHAT, u.key, "{\"model\":\"l-text\"," SAID "}")->status,
		    200);
		check(whole[i].name, &u, whole[i].quota);
	}
}

static void test_streams(void **state)
{
	for (size_t i = 0; i < COUNT_OF(streams); i++) {
		struct stack_user u = stack_user(s, &(struct stack_person){ .quota = GRANTED });
		struct stack_stream st;

		stack_script(s, "l-text", streams[i].script);
		assert_true(stack_stream_open(s,
		    &(struct stack_ask){ .path = STACK_CHAT,
		        .key = u.key,
		        .body = "{\"model\":\"l-text\",\"stream\":true," SAID "}" },
		    &st));
		(void)stack_stream_drain(&st, 60000);
		stack_stream_close(&st, false);
		check(streams[i].name, &u, streams[i].quota);
	}
}

/* 64 images for each that was asked for, at 20,000 quota. */
static void test_images(void **state)
{
	struct stack_user u = stack_user(s, &(struct stack_person){ .quota = GRANTED });

	stack_script(s, "l-image", "body {\"created\":1,\"data\":[" HUNDRED "]}\n");
	assert_int_equal(stack_post(s, "/v1/images/generations", u.key,
	                     "{\"model\":\"l-image\",\"prompt\":\"a cat\"}")
	                     ->status,
	    200);
	check("images", &u, 64 * 20000);
}

/* Ten minutes, and 160,000 bytes ÷ 32 a second: 5,600 s at 3,000 quota a minute. */
static void test_audio(void **state)
{
	static const char *const headers[] = { "Content-Type: multipart/form-data; boundary=b",
		NULL };
	static char form[FILE_BYTES + 512];
	struct stack_user u = stack_user(s, &(struct stack_person){ .quota = GRANTED });
	int n = snprintf(form, sizeof(form),
	    "--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nl-ears\r\n"
	    "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.mp3\"\r\n\r\n");

	memset(form + n, 'a', FILE_BYTES);
	n += FILE_BYTES;
	n += snprintf(form + n, sizeof(form) - (size_t)n, "\r\n--b--\r\n");
	stack_script(s, "l-ears",
	    "body {\"text\":\"hello\",\"usage\":{\"type\":\"duration\",\"seconds\":900000}}\n");
	assert_int_equal(stack_http(s,
	                     &(struct stack_ask){ .path = "/v1/audio/transcriptions",
	                         .key = u.key,
	                         .headers = headers,
	                         .body = form,
	                         .body_bytes = (size_t)n })
	                     ->status,
	    200);
	check("audio", &u, 280000);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_streams),
		cmocka_unit_test(test_images),
		cmocka_unit_test(test_audio),
	};

	return cmocka_run_group_tests_name("lies", tests, set_up, tear_down);
}
