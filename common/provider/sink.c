/* sink.c — OpenAI's chunks and whole replies, written piece by piece */
#include "provider/sink.h"

#include <stdio.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"
#include "base/secret.h"

/* More tool calls than any model makes; a stranger's upstream cannot make us hold more. */
#define CALLS_MAX 1024
#define FRESH_ID 24

struct call_part {
	struct str id, name, extra;
	struct buf arguments;
};

/* A whole reply while it is collected. */
struct whole {
	struct buf text, reasoning, refusal, logprobs, details, annotations, images;
	struct str extra;
	struct call_part *calls;
	int call_count, call_cap;
	const char *finish;
};

/* ---- making ------------------------------------------------------------------------------ */

static struct buf part_buf(const struct sink *to)
{
	return buf_init(to->out->limit);
}

static void whole_release(void *object)
{
	struct whole *w = object;

	buf_release(&w->text);
	buf_release(&w->reasoning);
	buf_release(&w->refusal);
	buf_release(&w->logprobs);
	buf_release(&w->details);
	buf_release(&w->annotations);
	buf_release(&w->images);
	for (int i = 0; i < w->call_count; i++)
		buf_release(&w->calls[i].arguments);
}

static struct whole *whole_new(const struct sink *to)
{
	struct whole *w = ARENA_NEW(to->arena, struct whole);

	w->text = part_buf(to);
	w->reasoning = part_buf(to);
	w->refusal = part_buf(to);
	w->logprobs = part_buf(to);
	w->details = part_buf(to);
	w->annotations = part_buf(to);
	w->images = part_buf(to);
	arena_defer(to->arena, whole_release, w);
	return w;
}

static void make_id(struct sink *to, struct str upstream_id)
{
	const char *prefix = to->mode == MODE_COMPLETIONS ? "cmpl-" : "chatcmpl-";
	char fresh[FRESH_ID + 1];
	size_t room = sizeof(to->id) - sizeof("chatcmpl-");

	if (upstream_id.n == 0 || upstream_id.n > room) {
		secret_random_alnum(fresh, FRESH_ID);
		upstream_id = str_c(fresh);
	}
	(void)snprintf(to->id, sizeof(to->id), "%s%.*s", prefix, STR_ARG(upstream_id));
}

void sink_init(struct sink *to, struct arena *a, struct buf *out, const struct ask *ask,
    struct str upstream_id)
{
	*to = (struct sink){
		.arena = a,
		.out = out,
		.mode = ask->mode,
		.stream = ask->stream,
		.wants_usage = ask->wants_usage,
		.model = ask->model,
		.created = clock_unix(),
		.opened = 1,
	};
	token_meter_init(&to->meter, ask->model);
	make_id(to, upstream_id);
	if (!to->stream)
		to->whole = whole_new(to);
}

void sink_id(struct sink *to, struct str upstream_id)
{
	if (upstream_id.n)
		make_id(to, upstream_id);
}

void sink_choice(struct sink *to, int index)
{
	struct sink_choice *from = &to->choices[to->choice], *next;

	if (index < 0 || index >= SINK_CHOICES)
		index = SINK_CHOICES - 1;
	*from = (struct sink_choice){ to->role_sent, to->finished, to->whole };
	next = &to->choices[index];
	if (!to->stream && !next->whole)
		next->whole = whole_new(to);
	to->choice = index;
	to->opened |= 1u << index;
	to->role_sent = next->role_sent;
	to->finished = next->finished;
	to->whole = next->whole;
}

/* ---- chunks ------------------------------------------------------------------------------ */

static bool is_chat(const struct sink *to)
{
	return to->mode != MODE_COMPLETIONS;
}

static void add_head(struct sink *to, const char *object)
{
	buf_add(to->out, STR("{\"id\":"));
	json_add_str(to->out, str_c(to->id));
	buf_add(to->out, STR(",\"object\":\""));
	buf_add_c(to->out, object);
	buf_add(to->out, STR("\",\"created\":"));
	buf_add_int(to->out, to->created);
	buf_add(to->out, STR(",\"model\":"));
	json_add_str(to->out, to->model);
	buf_add(to->out, STR(",\"choices\":["));
}

static void open_chunk(struct sink *to)
{
	buf_add(to->out, STR("data: "));
	add_head(to, is_chat(to) ? "chat.completion.chunk" : "text_completion");
}

/* Up to the inside of the delta: `"delta":{` or `"text":`. */
static void open_delta(struct sink *to)
{
	open_chunk(to);
	buf_add(to->out, STR("{\"index\":"));
	buf_add_int(to->out, to->choice);
	buf_add_char(to->out, ',');
	if (is_chat(to))
		buf_add(to->out, STR("\"delta\":{"));
	else
		buf_add(to->out, STR("\"text\":"));
}

static void add_logprobs(struct buf *out, struct str items)
{
	buf_add(out, STR(",\"logprobs\":{\"content\":["));
	buf_add(out, items);
	buf_add(out, STR("]}"));
}

/* What the provider wants back, inside a delta or a call. */
static void add_extra(struct buf *out, struct str extra)
{
	if (extra.n) {
		json_add_name(out, "extra_content");
		buf_add(out, extra);
	}
}

static struct str take_extra(struct sink *to)
{
	struct str extra = to->extra;

	to->extra = (struct str){ 0 };
	return extra;
}

static void close_delta(struct sink *to, const char *finish)
{
	if (is_chat(to))
		buf_add_char(to->out, '}');
	if (to->logprobs.n) {
		add_logprobs(to->out, to->logprobs);
		to->logprobs = (struct str){ 0 };
	}
	buf_add(to->out, STR(",\"finish_reason\":"));
	if (finish)
		json_add_str(to->out, str_c(finish));
	else
		buf_add(to->out, STR("null"));
	buf_add(to->out, STR("}]}\n\n"));
}

void sink_role(struct sink *to)
{
	if (to->role_sent)
		return;
	to->role_sent = true;
	if (!to->stream || !is_chat(to))
		return;
	open_delta(to);
	buf_add(to->out, STR("\"role\":\"assistant\",\"content\":\"\""));
	close_delta(to, NULL);
}

/* One text delta of a chat, under the name that it has there. */
static void send_delta(struct sink *to, const char *name, struct str text)
{
	sink_role(to);
	open_delta(to);
	if (is_chat(to))
		json_add_name(to->out, name);
	json_add_str(to->out, text);
	if (is_chat(to))
		add_extra(to->out, take_extra(to));
	close_delta(to, NULL);
}

/* ---- what the dialect says ----------------------------------------------------------------- */

/* Counts it; true when it is to be said at all. */
static bool note_piece(struct sink *to, enum token_turn turn, struct str text)
{
	if (to->ended || text.n == 0)
		return false;
	token_meter_turn(&to->meter, turn);
	token_meter_add(&to->meter, text);
	to->pieces++;
	return true;
}

static void collect_logprobs(struct sink *to, struct whole *w)
{
	if (to->logprobs.n == 0)
		return;
	if (w->logprobs.len)
		buf_add_char(&w->logprobs, ',');
	buf_add(&w->logprobs, to->logprobs);
	to->logprobs = (struct str){ 0 };
}

void sink_extra(struct sink *to, struct str object)
{
	if (is_chat(to))
		to->extra = object;
}

/* The message has one of them, and the latest counts. */
static void collect_extra(struct sink *to, struct whole *w)
{
	if (to->extra.n)
		w->extra = arena_str(to->arena, take_extra(to));
}

/* With no text beside it. */
static void say_extra(struct sink *to)
{
	if (to->ended || to->extra.n == 0)
		return;
	if (!to->stream) {
		collect_extra(to, to->whole);
		return;
	}
	sink_role(to);
	open_delta(to);
	add_extra(to->out, take_extra(to));
	close_delta(to, NULL);
}

void sink_text(struct sink *to, struct str text)
{
	struct whole *w = to->whole;

	if (!note_piece(to, TURN_CONTENT, text)) {
		say_extra(to);
		return;
	}
	if (to->stream) {
		send_delta(to, "content", text);
		return;
	}
	buf_add(&w->text, text);
	collect_logprobs(to, w);
	collect_extra(to, w);
}

void sink_reasoning(struct sink *to, struct str text)
{
	struct whole *w = to->whole;

	if (!note_piece(to, TURN_REASONING, text) || !is_chat(to))
		return;
	if (to->stream) {
		send_delta(to, "reasoning_content", text);
		return;
	}
	buf_add(&w->reasoning, text);
	collect_extra(to, w);
}

void sink_refusal(struct sink *to, struct str text)
{
	struct whole *w = to->whole;

	if (!note_piece(to, TURN_REFUSAL, text) || !is_chat(to))
		return;
	if (to->stream)
		send_delta(to, "refusal", text);
	else
		buf_add(&w->refusal, text);
}

/* Raw items of a list beside the text, under the name that it has there. */
static void say_item(struct sink *to, const char *name, struct buf *kept, struct str item)
{
	if (to->ended || item.n == 0 || !is_chat(to))
		return;
	if (!to->stream) {
		if (kept->len)
			buf_add_char(kept, ',');
		buf_add(kept, item);
		return;
	}
	sink_role(to);
	open_delta(to);
	json_add_name(to->out, name);
	buf_add_char(to->out, '[');
	buf_add(to->out, item);
	buf_add_char(to->out, ']');
	close_delta(to, NULL);
}

void sink_reasoning_detail(struct sink *to, struct str item)
{
	struct whole *w = to->whole;

	say_item(to, "reasoning_details", w ? &w->details : NULL, item);
}

void sink_annotation(struct sink *to, struct str item)
{
	struct whole *w = to->whole;

	say_item(to, "annotations", w ? &w->annotations : NULL, item);
}

void sink_image(struct sink *to, struct str item)
{
	struct whole *w = to->whole;

	to->pieces += !to->ended && item.n > 0;
	say_item(to, "images", w ? &w->images : NULL, item);
}

void sink_logprobs(struct sink *to, struct str items)
{
	if (is_chat(to))
		to->logprobs = items;
}

/* ---- tool calls -------------------------------------------------------------------------- */

static struct str call_id(struct str given, char fresh[FRESH_ID + 6])
{
	if (given.n)
		return given;
	(void)snprintf(fresh, FRESH_ID + 6, "call_");
	secret_random_alnum(fresh + 5, FRESH_ID);
	return str_c(fresh);
}

/* The call of that index, made when it is new; NULL beyond what a reply may hold. */
static struct call_part *call_at(struct sink *to, int index)
{
	struct whole *w = to->whole;

	if (index < 0 || index >= CALLS_MAX)
		return NULL;
	if (index >= w->call_cap) {
		int cap = index < 8 ? 8 : index * 2;
		struct call_part *grown =
		    arena_zalloc(to->arena, (size_t)cap * sizeof(struct call_part));

		for (int i = 0; i < w->call_count; i++)
			grown[i] = w->calls[i];
		w->calls = grown;
		w->call_cap = cap;
	}
	while (w->call_count <= index)
		w->calls[w->call_count++].arguments = part_buf(to);
	return &w->calls[index];
}

static void keep_call(struct sink *to, int index, struct str id, struct str name,
    struct str arguments)
{
	struct call_part *call = call_at(to, index);

	if (!call)
		return;
	call->id = arena_str(to->arena, id);
	call->name = arena_str(to->arena, name);
	call->extra = arena_str(to->arena, take_extra(to));
	buf_add(&call->arguments, arguments);
}

void sink_whole_call(struct sink *to, int index, struct str id, struct str name,
    struct str arguments)
{
	char fresh[FRESH_ID + 6];

	if (to->ended || !is_chat(to))
		return;
	token_meter_turn(&to->meter, TURN_NAME);
	token_meter_add(&to->meter, name);
	token_meter_turn(&to->meter, TURN_ARGUMENTS);
	token_meter_add(&to->meter, arguments);
	to->pieces++;
	id = call_id(id, fresh);
	if (!to->stream) {
		keep_call(to, index, id, name, arguments);
		return;
	}
	sink_role(to);
	open_delta(to);
	buf_addf(to->out, "\"tool_calls\":[{\"index\":%d,\"id\":", index);
	json_add_str(to->out, id);
	buf_add(to->out, STR(",\"type\":\"function\",\"function\":{\"name\":"));
	json_add_str(to->out, name);
	buf_add(to->out, STR(",\"arguments\":"));
	json_add_str(to->out, arguments);
	buf_add_char(to->out, '}');
	add_extra(to->out, take_extra(to));
	buf_add(to->out, STR("}]"));
	close_delta(to, NULL);
}

void sink_call(struct sink *to, int index, struct str id, struct str name)
{
	sink_whole_call(to, index, id, name, STR(""));
}

void sink_arguments(struct sink *to, int index, struct str piece)
{
	if (!note_piece(to, TURN_ARGUMENTS, piece) || !is_chat(to))
		return;
	if (!to->stream) {
		struct call_part *call = call_at(to, index);

		if (call)
			buf_add(&call->arguments, piece);
		return;
	}
	open_delta(to);
	buf_addf(to->out, "\"tool_calls\":[{\"index\":%d,\"function\":{\"arguments\":", index);
	json_add_str(to->out, piece);
	buf_add(to->out, STR("}}]"));
	close_delta(to, NULL);
}

/* ---- the end ----------------------------------------------------------------------------- */

void sink_finish(struct sink *to, const char *reason)
{
	struct whole *w = to->whole;

	if (to->finished || to->ended)
		return;
	to->finished = true;
	if (!to->stream) {
		w->finish = reason;
		return;
	}
	sink_role(to);
	open_delta(to);
	if (!is_chat(to))
		buf_add(to->out, STR("\"\""));
	close_delta(to, reason);
}

static int64_t at_most(int64_t n, int64_t ceiling)
{
	return n < ceiling ? n : ceiling;
}

static void add_detail(struct buf *out, const char *name, int64_t n)
{
	if (n <= 0)
		return;
	json_add_name(out, name);
	buf_add_int(out, n);
}

void sink_usage(struct buf *out, const struct usage *u)
{
	int64_t cached = at_most(u->cached_tokens, u->prompt_tokens);
	int64_t written =
	    at_most(u->cache_write_tokens + u->cache_write_1h_tokens, u->prompt_tokens - cached);
	int64_t reasoning = at_most(u->reasoning_tokens, u->completion_tokens);
	int64_t audio = at_most(u->audio_completion_tokens, u->completion_tokens);
	int64_t image = at_most(u->image_completion_tokens, u->completion_tokens);

	buf_add(out, STR("{\"prompt_tokens\":"));
	buf_add_int(out, u->prompt_tokens);
	buf_add(out, STR(",\"completion_tokens\":"));
	buf_add_int(out, u->completion_tokens);
	buf_add(out, STR(",\"total_tokens\":"));
	buf_add_int(out, u->prompt_tokens + u->completion_tokens);
	if (cached > 0 || written > 0 || u->audio_prompt_tokens > 0 || u->image_prompt_tokens > 0) {
		buf_add(out, STR(",\"prompt_tokens_details\":{\"cached_tokens\":"));
		buf_add_int(out, cached);
		add_detail(out, "cache_write_tokens", written);
		add_detail(out, "audio_tokens", at_most(u->audio_prompt_tokens, u->prompt_tokens));
		add_detail(out, "image_tokens", at_most(u->image_prompt_tokens, u->prompt_tokens));
		buf_add_char(out, '}');
	}
	if (reasoning > 0 || audio > 0 || image > 0) {
		buf_add(out, STR(",\"completion_tokens_details\":{\"reasoning_tokens\":"));
		buf_add_int(out, reasoning);
		add_detail(out, "audio_tokens", audio);
		add_detail(out, "image_tokens", image);
		buf_add_char(out, '}');
	}
	buf_add_char(out, '}');
}

static void add_calls(struct sink *to, const struct whole *w)
{
	json_add_name(to->out, "tool_calls");
	buf_add_char(to->out, '[');
	for (int i = 0; i < w->call_count; i++) {
		const struct call_part *call = &w->calls[i];

		buf_add(to->out, i ? STR(",{\"id\":") : STR("{\"id\":"));
		json_add_str(to->out, call->id);
		buf_add(to->out, STR(",\"type\":\"function\",\"function\":{\"name\":"));
		json_add_str(to->out, call->name);
		buf_add(to->out, STR(",\"arguments\":"));
		json_add_str(to->out, buf_str(&call->arguments));
		buf_add_char(to->out, '}');
		add_extra(to->out, call->extra);
		buf_add_char(to->out, '}');
	}
	buf_add_char(to->out, ']');
}

static void add_items(struct sink *to, const char *name, const struct buf *items)
{
	if (!items->len)
		return;
	json_add_name(to->out, name);
	buf_add_char(to->out, '[');
	buf_add(to->out, buf_str(items));
	buf_add_char(to->out, ']');
}

static void add_message(struct sink *to, const struct whole *w)
{
	bool silent = w->text.len == 0 && (w->call_count || w->refusal.len);

	buf_add(to->out, STR("\"message\":{\"role\":\"assistant\",\"content\":"));
	if (silent)
		buf_add(to->out, STR("null"));
	else
		json_add_str(to->out, buf_str(&w->text));
	if (w->reasoning.len) {
		json_add_name(to->out, "reasoning_content");
		json_add_str(to->out, buf_str(&w->reasoning));
	}
	add_items(to, "reasoning_details", &w->details);
	if (w->refusal.len) {
		json_add_name(to->out, "refusal");
		json_add_str(to->out, buf_str(&w->refusal));
	}
	if (w->call_count)
		add_calls(to, w);
	add_items(to, "annotations", &w->annotations);
	add_items(to, "images", &w->images);
	add_extra(to->out, w->extra);
	buf_add_char(to->out, '}');
}

static bool whole_ok(const struct whole *w)
{
	bool ok = buf_ok(&w->text) && buf_ok(&w->reasoning) && buf_ok(&w->refusal) &&
	    buf_ok(&w->logprobs) && buf_ok(&w->details) && buf_ok(&w->annotations) &&
	    buf_ok(&w->images);

	for (int i = 0; ok && i < w->call_count; i++)
		ok = buf_ok(&w->calls[i].arguments);
	return ok;
}

static void add_choice(struct sink *to, const struct whole *w)
{
	json_add_comma(to->out);
	buf_add(to->out, STR("{\"index\":"));
	buf_add_int(to->out, to->choice);
	buf_add_char(to->out, ',');
	if (is_chat(to)) {
		add_message(to, w);
	} else {
		buf_add(to->out, STR("\"text\":"));
		json_add_str(to->out, buf_str(&w->text));
	}
	if (w->logprobs.len)
		add_logprobs(to->out, buf_str(&w->logprobs));
	else
		buf_add(to->out, STR(",\"logprobs\":null"));
	buf_add(to->out, STR(",\"finish_reason\":"));
	json_add_str(to->out, str_c(w->finish));
	buf_add_char(to->out, '}');
}

static void send_whole(struct sink *to, const struct usage *usage)
{
	size_t start = to->out->len;

	add_head(to, is_chat(to) ? "chat.completion" : "text_completion");
	for (int i = 0; i < SINK_CHOICES; i++) {
		if (!(to->opened & 1u << i))
			continue;
		sink_choice(to, i);
		if (!whole_ok(to->whole)) {
			buf_truncate(to->out, start);
			to->out->overflow = true;
			return;
		}
		add_choice(to, to->whole);
	}
	buf_add(to->out, STR("],\"usage\":"));
	sink_usage(to->out, usage);
	buf_add_char(to->out, '}');
}

/* Whoever has not said why it ended just ended. */
static void finish_all(struct sink *to)
{
	for (int i = 0; i < SINK_CHOICES; i++) {
		if (to->opened & 1u << i) {
			sink_choice(to, i);
			sink_finish(to, "stop");
		}
	}
}

void sink_end(struct sink *to, const struct usage *usage)
{
	if (to->ended)
		return;
	finish_all(to);
	to->ended = true;
	if (!to->stream) {
		send_whole(to, usage);
		return;
	}
	if (to->wants_usage) {
		open_chunk(to);
		buf_add(to->out, STR("],\"usage\":"));
		sink_usage(to->out, usage);
		buf_add(to->out, STR("}\n\n"));
	}
	buf_add(to->out, STR("data: [DONE]\n\n"));
}

/* ---- errors ------------------------------------------------------------------------------ */

void sink_error_body(struct buf *out, const struct err *err)
{
	buf_add(out, STR("{\"error\":{\"message\":"));
	json_add_str(out, str_c(err->msg));
	buf_add(out, STR(",\"type\":"));
	json_add_str(out, str_c(err_type(err)));
	buf_add(out, STR(",\"param\":"));
	json_add_str(out, str_c(err->param));
	buf_add(out, STR(",\"code\":"));
	json_add_str(out, str_c(err_code(err)));
	buf_add(out, STR("}}"));
}

void sink_error_event(struct buf *out, const struct err *err)
{
	buf_add(out, STR("data: "));
	sink_error_body(out, err);
	buf_add(out, STR("\n\n"));
}
