/* dialect.h — any bytes as the stream, the whole reply or the error of an upstream
 *
 * The whole of a dialect's fuzz target. Define FUZZED_TYPE, a channel type that speaks the dialect,
 * or FUZZED_TYPES, a list of such, and include it once. The first byte of the input chooses which of
 * the three, which of the types, and where the stream is cut. libFuzzer's entry point.
 */
#ifndef FUZZ_DIALECT_H
#define FUZZ_DIALECT_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"
#include "provider/adaptor.h"
#include "provider/catalog.h"
#include "provider/providers.h"

/* Another mode than chat, with a request that streams and one that does not. */
#ifndef FUZZED_MODE
#define FUZZED_MODE MODE_CHAT
#define FUZZED_STREAM                                                                              \
	"{\"model\":\"m\",\"stream\":true,\"stream_options\":{\"include_usage\":true},"            \
	"\"logprobs\":true,\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}"
#define FUZZED_WHOLE "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}"
#endif

/* What the channel needs beside its type, and how bytes become a stream. */
#ifndef FUZZED_CONFIG
#define FUZZED_CONFIG ""
#endif
#ifndef FUZZED_FRAMES
#define FUZZED_FRAMES(arena, bytes) (bytes)
#endif

#ifndef FUZZED_TYPES
#define FUZZED_TYPES FUZZED_TYPE
#endif
#ifndef FUZZED_BASE_URL
#define FUZZED_BASE_URL ""
#endif
/* Modes without a stream are read whole. */
#ifndef FUZZED_HAS_STREAMS
#define FUZZED_HAS_STREAMS true
#endif
#define FUZZED_ADAPTOR provider_by_id(fuzzed_type)->adaptor
#define OUT_LIMIT (1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int fuzzed_type;

struct room {
	struct arena *arena;
	struct catalog_channel channel;
	struct ask ask;
	struct call call;
	struct buf out;
};

static void open_room(struct room *r, const char *request)
{
	struct channel row = { .id = 1,
		.type = fuzzed_type,
		.key = STR("key-of-upstream"),
		.base_url = STR(FUZZED_BASE_URL),
		.config = STR(FUZZED_CONFIG) };
	struct upstream_req sent;
	struct err err = { 0 };
	bool ok;

	r->arena = arena_new(4096);
	r->out = buf_init(OUT_LIMIT);
	ok = catalog_channel_make(r->arena, &row, &r->channel, &err) &&
	    ask_read(r->arena, FUZZED_MODE, STR("application/json"), str_c(request), STR(""),
	        &r->ask, &err);
	assert(ok);
	r->call = (struct call){ .arena = r->arena,
		.ask = &r->ask,
		.channel = &r->channel,
		.provider = r->channel.provider,
		.key = row.key,
		.model = r->ask.model,
		.stream = r->ask.stream };
	upstream_req_init(&sent, r->arena);
	ok = r->channel.provider->adaptor->encode(&r->call, &sent, &err);
	assert(ok);
	upstream_req_release(&sent);
}

static void close_room(struct room *r)
{
	adaptor_complete_usage(&r->call, 5);
	assert(r->call.usage.prompt_tokens >= 0 && r->call.usage.completion_tokens >= 0);
	assert(r->call.pieces >= 0);
	buf_release(&r->out);
	arena_free(r->arena);
}

static bool on_event(void *arg, const struct frame_event *event, struct err *err)
{
	struct room *r = arg;
	struct arena_mark mark = arena_mark(r->arena);
	bool ok = FUZZED_ADAPTOR->on_event(&r->call, event, &r->out, err);

	arena_rewind(r->arena, mark);
	if (r->out.len > OUT_LIMIT / 2)
		buf_clear(&r->out);
	return ok && !r->call.failed;
}

/* A further call of the exchange, which is answered with the same bytes. */
static enum step answer_again(struct room *r, struct str bytes)
{
	struct upstream_req sent;
	struct err err = { 0 };
	enum step step = STEP_FAILED;

	upstream_req_init(&sent, r->arena);
	r->call.step++;
	if (FUZZED_ADAPTOR->encode(&r->call, &sent, &err))
		step = FUZZED_ADAPTOR->decode(&r->call, bytes, &r->out, &err);
	upstream_req_release(&sent);
	return step;
}

static void stream(struct str bytes, size_t cut)
{
	struct room r;
	struct frame_reader in;
	struct err err = { 0 };

	open_room(&r, FUZZED_STREAM);
	bytes = FUZZED_FRAMES(r.arena, bytes);
	cut = cut < bytes.n ? cut : bytes.n;
	FUZZED_ADAPTOR->frame_init(&in, on_event, &r);
	if (frame_feed(&in, str_slice(bytes, 0, cut), &err) &&
	    frame_feed(&in, str_slice(bytes, cut, bytes.n), &err) && frame_end(&in, &err) &&
	    !r.call.failed)
		(void)FUZZED_ADAPTOR->on_end(&r.call, &r.out, &err);
	if (!err.kind && !r.call.failed && r.call.more)
		(void)answer_again(&r, bytes);
	frame_release(&in);
	if (!r.call.done_sent && err.kind)
		openai_stream_error(&r.call, &err, &r.out);
	close_room(&r);
}

static void whole(struct str body, bool streamed)
{
	struct room r;
	struct err err = { 0 };
	enum step step = STEP_DONE;

	open_room(&r, streamed ? FUZZED_STREAM : FUZZED_WHOLE);
	if (streamed)
		(void)!openai_stream_from_whole(&r.call, body, &r.out, &err);
	else
		step = FUZZED_ADAPTOR->decode(&r.call, body, &r.out, &err);
	for (int i = 0; i < 3 && step == STEP_NEXT; i++)
		step = answer_again(&r, body);
	close_room(&r);
}

static void error(struct str body, int status)
{
	struct room r;
	struct err err = { 0 };

	open_room(&r, FUZZED_WHOLE);
	FUZZED_ADAPTOR->error(&r.call, status, body, &err);
	assert(err.kind != ERR_NONE && err.msg[0]);
	assert(!str_has(str_c(err.msg), STR("key-of-upstream")));
	close_room(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int types[] = { FUZZED_TYPES };
	struct str bytes;

	if (size == 0)
		return 0;
	fuzzed_type = types[data[0] / 4 % COUNT_OF(types)];
	bytes = (struct str){ (const char *)data + 1, size - 1 };
	switch (FUZZED_HAS_STREAMS || data[0] % 4 == 2 ? data[0] % 4 : 0) {
	case 0:
		whole(bytes, false);
		break;
	case 1:
		whole(bytes, true);
		break;
	case 2:
		error(bytes, 400 + data[0]);
		break;
	default:
		stream(bytes, bytes.n ? data[0] % bytes.n : 0);
	}
	return 0;
}

#endif
