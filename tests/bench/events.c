/* events.c — what one event of a stream costs each dialect's reader
 *
 *	events
 *
 * Prints Markdown: for each dialect how long an event is, what copying its bytes takes, and what
 * reading and converting one takes in a stream of 100 and in one of 10,000, which must be the same.
 * Allocations are counted within this program: calls of malloc, and the bytes they asked for, as an
 * average over the longer stream, its beginning included. A stream comes in pieces of 4 KiB, as from a
 * socket, and its arena is rewound after each event, as the relay does. CPU time of one thread; of
 * several tries the quickest.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../unit/event_frames.h"
#include "base/err.h"
#include "provider/adaptor.h"
#include "provider/catalog.h"
#include "provider/providers.h"

enum { SHORT = 100, LONG = 10000, PIECE = 4096, TRIES = 7, LEAST_US = 3000 };

/* ---- allocations ------------------------------------------------------------------------------ */

static struct {
	size_t calls, bytes;
} taken;

/* A sanitizer has its own; then nothing is counted. */
#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define COUNTS 1

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);

static void count(size_t bytes)
{
	taken.calls++;
	taken.bytes += bytes;
}

void *malloc(size_t size)
{
	count(size);
	return __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	count(n * size);
	return __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
	count(size);
	return __libc_realloc(p, size);
}
#else
#define COUNTS 0
#endif

/* ---- streams ------------------------------------------------------------------------------------ */

/* What stands before the events, one event, what stands behind; %d is the event's number. */
static const struct dialect {
	const char *name;
	int type;
	bool framed; /* lines of event_frames.h */
	enum mode mode;
	const char *model, *config;
	const char *begin, *event, *end;
} dialects[] = {
#define CHUNK(delta, finish)                                                                       \
	"data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,"         \
	"\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":" delta ",\"finish_reason\":" finish  \
	"}]}\n\n"
#define OPENAI_EVENTS                                                                              \
	CHUNK("{\"role\":\"assistant\",\"content\":\"\"}", "null"),                                \
	    CHUNK("{\"content\":\"word %d of many \"}", "null"),                                   \
	    CHUNK("{}", "\"stop\"") "data: [DONE]\n\n"
	{ "openai", 1, false, MODE_CHAT, "m", "", OPENAI_EVENTS },
	{ "mistral (openai with manners)", 28, false, MODE_CHAT, "m", "", OPENAI_EVENTS },
	{ "cloudflare", 37, false, MODE_CHAT, "@cf/m", "{\"user_id\":\"a\"}", OPENAI_EVENTS },
	{ "cloudflare, own surface", 37, false, MODE_COMPLETIONS, "@cf/m", "{\"user_id\":\"a\"}",
	    "", "data: {\"response\":\"word %d of many \",\"p\":\"abcdef\"}\n\n",
	    "data: [DONE]\n\n" },

#define CLAUDE_BEGIN                                                                               \
	"{\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"usage\":{\"input_tokens\":9,"     \
	"\"output_tokens\":1}}}"
#define CLAUDE_BLOCK                                                                               \
	"{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\","      \
	"\"text\":\"\"}}"
#define CLAUDE_EVENT                                                                               \
	"{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\","        \
	"\"text\":\"word %d of many \"}}"
#define CLAUDE_LAST                                                                                \
	"{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{"         \
	"\"output_tokens\":9}}"
#define CLAUDE_END "{\"type\":\"message_stop\"}"
	{ "anthropic", 14, false, MODE_CHAT, "claude-sonnet-4-5", "",
	    "event: message_start\ndata: " CLAUDE_BEGIN
	    "\n\nevent: content_block_start\ndata: " CLAUDE_BLOCK "\n\n",
	    "event: content_block_delta\ndata: " CLAUDE_EVENT "\n\n",
	    "event: message_delta\ndata: " CLAUDE_LAST "\n\nevent: message_stop\ndata: " CLAUDE_END
	    "\n\n" },
	{ "bedrock, InvokeModel", 33, true, MODE_CHAT, "anthropic.claude-sonnet-4-5",
	    "{\"region\":\"us-east-1\",\"ak\":\"a\",\"sk\":\"s\"}",
	    "chunk " CLAUDE_BEGIN "\nchunk " CLAUDE_BLOCK "\n", "chunk " CLAUDE_EVENT "\n",
	    "chunk " CLAUDE_LAST "\nchunk " CLAUDE_END "\n" },
	{ "bedrock, Converse", 33, true, MODE_CHAT, "amazon.nova-pro-v1:0",
	    "{\"region\":\"us-east-1\",\"ak\":\"a\",\"sk\":\"s\"}",
	    "event messageStart {\"role\":\"assistant\"}\n",
	    "event contentBlockDelta {\"contentBlockIndex\":0,\"delta\":{\"text\":\"word %d of "
	    "many \"},\"p\":\"ab\"}\n",
	    "event messageStop {\"stopReason\":\"end_turn\"}\nevent metadata {\"usage\":{"
	    "\"inputTokens\":9,\"outputTokens\":9,\"totalTokens\":18}}\n" },

#define GEMINI_EVENT(part, more)                                                                   \
	"data: {\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":[" part                 \
	"]},\"index\":0" more "}],\"usageMetadata\":{\"promptTokenCount\":9,"                      \
	"\"candidatesTokenCount\":9,\"totalTokenCount\":18},\"responseId\":\"r\"}\r\n\r\n"
	{ "gemini (and vertex)", 24, false, MODE_CHAT, "gemini-2.5-flash", "", "",
	    GEMINI_EVENT("{\"text\":\"word %d of many \"}", ""),
	    GEMINI_EVENT("{\"text\":\"\"}", ",\"finishReason\":\"STOP\"") },

	{ "cohere, v2", 35, false, MODE_CHAT, "command-a", "",
	    "event: message-start\ndata: {\"type\":\"message-start\",\"id\":\"c\"}\n\n",
	    "event: content-delta\ndata: {\"type\":\"content-delta\",\"index\":0,\"delta\":{"
	    "\"message\":{\"content\":{\"text\":\"word %d of many \"}}}}\n\n",
	    "event: message-end\ndata: {\"type\":\"message-end\",\"delta\":{\"finish_reason\":"
	    "\"COMPLETE\",\"usage\":{\"tokens\":{\"input_tokens\":9,\"output_tokens\":9}}}}\n\n" },
	{ "cohere, v1", 35, false, MODE_CHAT, "command-r", "{\"api_version\":\"v1\"}",
	    "data: {\"event_type\":\"stream-start\",\"generation_id\":\"g\"}\n\n",
	    "data: {\"event_type\":\"text-generation\",\"text\":\"word %d of many \"}\n\n",
	    "data: {\"event_type\":\"stream-end\",\"finish_reason\":\"COMPLETE\",\"response\":{}}"
	    "\n\n" },
	{ "ollama", 30, false, MODE_CHAT, "m", "", "",
	    "{\"model\":\"m\",\"created_at\":\"2023-11-14T22:13:20.1Z\",\"message\":{\"role\":"
	    "\"assistant\",\"content\":\"word %d of many \"},\"done\":false}\n",
	    "{\"model\":\"m\",\"created_at\":\"2023-11-14T22:13:20.1Z\",\"message\":{\"role\":"
	    "\"assistant\",\"content\":\"\"},\"done\":true,\"done_reason\":\"stop\","
	    "\"prompt_eval_count\":9,\"eval_count\":9}\n" },
	{ "replicate", 46, false, MODE_CHAT, "meta/m", "", "",
	    "event: output\nid: %d:0\ndata: word of many \n\n", "event: done\ndata: {}\n\n" },
};

static void add_numbered(struct buf *out, const char *text, int n)
{
	const char *mark = strstr(text, "%d");

	buf_add(out, (struct str){ text, mark ? (size_t)(mark - text) : strlen(text) });
	if (!mark)
		return;
	buf_add_int(out, n);
	buf_add_c(out, mark + 2);
}

static struct str make_stream(struct arena *a, const struct dialect *d, int events)
{
	struct buf text = buf_init((size_t)64 * 1024 * 1024);
	struct str bytes;

	buf_add_c(&text, d->begin);
	for (int i = 0; i < events; i++)
		add_numbered(&text, d->event, i);
	buf_add_c(&text, d->end);
	bytes = d->framed ? event_frames(a, buf_str(&text)) : arena_str(a, buf_str(&text));
	buf_release(&text);
	return bytes;
}

/* ---- reading one --------------------------------------------------------------------------------- */

struct room {
	struct arena *arena;
	const struct adaptor *adaptor;
	struct catalog_channel channel;
	struct ask ask;
	struct call call;
	struct buf out;
	size_t sent;
};

_Noreturn static void fail(const struct dialect *d, const struct err *err)
{
	fprintf(stderr, "events: %s: %s (%s)\n", d->name, err->msg, err->detail);
	exit(1);
}

static void open_room(struct room *r, const struct dialect *d)
{
	struct channel row = { .id = 1, .type = d->type, .config = str_c(d->config) };
	struct upstream_req sent;
	struct err err = { 0 };
	const char *body;

	*r = (struct room){ .arena = arena_new(16 * 1024), .out = buf_init(1 << 20) };
	row.key = STR("key");
	body = arena_fmt(r->arena,
	    "{\"model\":\"%s\",\"stream\":true,\"stream_options\":{\"include_usage\":true},%s}",
	    d->model,
	    d->mode == MODE_CHAT ? "\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]"
	                         : "\"prompt\":\"x\"");
	if (!catalog_channel_make(r->arena, &row, &r->channel, &err) ||
	    !ask_read(r->arena, d->mode, STR("application/json"), str_c(body), STR(""), &r->ask,
	        &err))
		fail(d, &err);
	r->adaptor = r->channel.provider->adaptor;
	r->call = (struct call){ .arena = r->arena,
		.ask = &r->ask,
		.channel = &r->channel,
		.provider = r->channel.provider,
		.key = row.key,
		.model = r->ask.model,
		.stream = true };
	upstream_req_init(&sent, r->arena);
	if (!r->adaptor->encode(&r->call, &sent, &err))
		fail(d, &err);
	upstream_req_release(&sent);
}

static bool on_event(void *arg, const struct frame_event *event, struct err *err)
{
	struct room *r = arg;
	struct arena_mark mark = arena_mark(r->arena);
	bool ok = r->adaptor->on_event(&r->call, event, &r->out, err);

	arena_rewind(r->arena, mark);
	r->sent += r->out.len;
	buf_clear(&r->out);
	return ok && !r->call.failed;
}

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* µs of CPU from the first byte to the last. What was allocated meanwhile is in `taken`. */
static double read_stream(const struct dialect *d, struct str bytes)
{
	struct frame_reader in;
	struct err err = { 0 };
	struct room r;
	double start;
	bool ok = true;

	open_room(&r, d);
	memset(&taken, 0, sizeof(taken));
	start = now_us();
	r.adaptor->frame_init(&in, on_event, &r);
	for (size_t i = 0; ok && i < bytes.n; i += PIECE)
		ok = frame_feed(&in, str_slice(bytes, i, i + PIECE), &err);
	ok = ok && frame_end(&in, &err) && r.adaptor->on_end(&r.call, &r.out, &err);
	start = now_us() - start;
	if (!ok || !(r.call.finished || r.call.more) || !r.sent)
		fail(d, r.call.failed ? &r.call.failure : &err);
	frame_release(&in);
	buf_release(&r.out);
	arena_free(r.arena);
	return start;
}

/* ---- figures ----------------------------------------------------------------------------------------- */

/* The quickest try, each of so many streams that the clock's grain does not matter. */
static double per_event(const struct dialect *d, struct str bytes, int events)
{
	double best = 0;

	for (int i = 0; i < TRIES; i++) {
		double spent = 0;
		int streams = 0;

		for (; spent < LEAST_US; streams++)
			spent += read_stream(d, bytes);
		spent /= (double)streams * events;
		best = best > 0 && best < spent ? best : spent;
	}
	return best;
}

static double copy_per_event(struct arena *a, struct str bytes, int events)
{
	char *to = arena_alloc(a, PIECE);
	double best = 0;

	for (int i = 0; i < TRIES; i++) {
		double start = now_us(), spent;
		int rounds = 0;

		do {
			for (size_t at = 0; at < bytes.n; at += PIECE) {
				struct str piece = str_slice(bytes, at, at + PIECE);

				memcpy(to, piece.p, piece.n);
				__asm__ volatile("" : : "r"(to) : "memory");
			}
			rounds++;
			spent = now_us() - start;
		} while (spent < LEAST_US);
		spent /= (double)rounds * events;
		best = best > 0 && best < spent ? best : spent;
	}
	return best;
}

static void measure(const struct dialect *d)
{
	struct arena *a = arena_new(64 * 1024);
	struct str few = make_stream(a, d, SHORT), many = make_stream(a, d, LONG);
	double copy = copy_per_event(a, many, LONG);
	double of_few = per_event(d, few, SHORT), of_many = per_event(d, many, LONG);

	printf("| %s | %zu | %.3f | %.2f | %.2f |", d->name, many.n / LONG, copy, of_few, of_many);
	if (COUNTS)
		printf(" %.3f | %.1f |\n", (double)taken.calls / LONG, (double)taken.bytes / LONG);
	else
		printf(" – | – |\n");
	arena_free(a);
}

int main(void)
{
	puts("## Events\n\nReading one event and writing it as OpenAI's, µs of CPU in streams of "
	     "two lengths, beside a memcpy of the same bytes; calls of malloc and their bytes.\n\n"
	     "| dialect | bytes | memcpy | of 100 | of 10,000 | mallocs | bytes |\n"
	     "|---|---:|---:|---:|---:|---:|---:|");
	for (size_t i = 0; i < COUNT_OF(dialects); i++)
		measure(&dialects[i]);
	return 0;
}
