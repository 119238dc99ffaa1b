/* ollama_reply.c — what Ollama answers: one object, objects line by line, vectors
 *
 * The last object carries counts instead of a usage object, and says why it ended.
 */
#include "provider/ollama.h"

#include <time.h>

#include "provider/convert.h"

/* ---- reading a reply ----------------------------------------------------------------------- */

/* One object of a stream, or the only one. */
struct reply {
	struct jval message, response, thinking, done, done_reason, created_at, logprobs;
	struct jval prompt_count, count, embeddings, model, error;
};

static void read_reply(struct jval root, struct reply *r)
{
	const struct {
		struct str name;
		struct jval *place;
	} wanted[] = {
		{ STR("message"), &r->message },
		{ STR("response"), &r->response },
		{ STR("thinking"), &r->thinking },
		{ STR("done"), &r->done },
		{ STR("done_reason"), &r->done_reason },
		{ STR("created_at"), &r->created_at },
		{ STR("logprobs"), &r->logprobs },
		{ STR("prompt_eval_count"), &r->prompt_count },
		{ STR("eval_count"), &r->count },
		{ STR("embeddings"), &r->embeddings },
		{ STR("model"), &r->model },
		{ STR("error"), &r->error },
	};
	struct jiter it = jscan_iter(root);
	struct str name;
	struct jval value;

	*r = (struct reply){ 0 };
	while (jscan_next_member(&it, &name, &value))
		for (size_t i = 0; i < COUNT_OF(wanted); i++)
			if (str_eq(name, wanted[i].name))
				*wanted[i].place = value;
}

/* "2023-11-14T22:13:20.5Z", also with an offset; 0 when it is no such time. */
static int64_t unix_time(struct str s)
{
	static const struct {
		size_t from, to;
		int min, max;
	} parts[] = { { 0, 4, 1970, 9999 }, { 5, 7, 1, 12 }, { 8, 10, 1, 31 }, { 11, 13, 0, 23 },
		{ 14, 16, 0, 59 }, { 17, 19, 0, 60 } };
	int64_t n[COUNT_OF(parts)], hours = 0, minutes = 0, offset;
	struct str zone;
	struct tm tm;

	for (size_t i = 0; i < COUNT_OF(parts); i++)
		if (!str_to_int(str_slice(s, parts[i].from, parts[i].to), parts[i].min,
		        parts[i].max, &n[i]))
			return 0;
	tm = (struct tm){ .tm_year = (int)n[0] - 1900,
		.tm_mon = (int)n[1] - 1,
		.tm_mday = (int)n[2],
		.tm_hour = (int)n[3],
		.tm_min = (int)n[4],
		.tm_sec = (int)n[5] };
	zone = str_slice(s, s.n > 6 ? s.n - 6 : 0, s.n);
	if ((zone.p[0] != '+' && zone.p[0] != '-') ||
	    !str_to_int(str_slice(zone, 1, 3), 0, 23, &hours) ||
	    !str_to_int(str_slice(zone, 4, 6), 0, 59, &minutes))
		hours = minutes = 0;
	offset = (hours * 60 + minutes) * 60;
	return (int64_t)timegm(&tm) - (zone.p[0] == '-' ? -offset : offset);
}

/* A prompt count of 0 means that the prefix came from the cache, not that there was none. */
static void note_usage(struct call *c, const struct reply *r)
{
	struct usage *u = &c->usage;

	u->prompt_tokens = convert_count(r->prompt_count);
	u->completion_tokens = convert_count(r->count);
	u->reported = u->prompt_tokens + u->completion_tokens > 0;
	if (u->reported && u->prompt_tokens == 0)
		u->prompt_tokens = ask_prompt_tokens(c->ask);
}

static const char *finish_reason(const struct ollama_state *s, struct jval done_reason)
{
	if (jscan_is(done_reason, STR("length")))
		return "length";
	return s->calls ? "tool_calls" : "stop";
}

/* ---- what a reply says ---------------------------------------------------------------------- */

static struct str compact(struct arena *a, struct str json)
{
	struct buf b = buf_init(json.n + 1);

	convert_add_compact(&b, json);
	return adaptor_keep(a, &b);
}

static void say_calls(struct call *c, struct ollama_state *s, struct jval calls)
{
	struct jiter it = jscan_iter(calls);
	struct jval call, function, arguments;

	while (calls.type == J_ARRAY && jscan_next_item(&it, &call)) {
		function = convert_member(call, STR("function"));
		arguments = convert_member(function, STR("arguments"));
		sink_whole_call(&s->sink, s->calls++,
		    jscan_text(c->arena, convert_member(call, STR("id"))),
		    jscan_text(c->arena, convert_member(function, STR("name"))),
		    arguments.type == J_STRING ? jscan_text(c->arena, arguments)
		                               : compact(c->arena, arguments.text));
	}
}

static void say(struct call *c, struct ollama_state *s, const struct reply *r)
{
	bool chat = c->ask->mode == MODE_CHAT;
	struct jval thinking = chat ? convert_member(r->message, STR("thinking")) : r->thinking;
	struct jval content = chat ? convert_member(r->message, STR("content")) : r->response;
	int64_t created;

	if (!s->started) {
		s->started = true;
		created = unix_time(jscan_text(c->arena, r->created_at));
		if (created)
			s->sink.created = created;
	}
	sink_reasoning(&s->sink, jscan_text(c->arena, thinking));
	if (s->wants_logprobs && r->logprobs.type == J_ARRAY)
		sink_logprobs(&s->sink,
		    str_trim(str_slice(r->logprobs.text, 1, r->logprobs.text.n - 1)));
	sink_text(&s->sink, jscan_text(c->arena, content));
	say_calls(c, s, convert_member(r->message, STR("tool_calls")));
	c->meter = s->sink.meter;
	c->pieces = (int64_t)s->sink.pieces;
	/* The views end with this object; what no text took along is dropped. */
	s->sink.logprobs = (struct str){ 0 };
}

static void finish(struct call *c, struct ollama_state *s, const struct reply *r)
{
	struct usage shown;

	note_usage(c, r);
	shown = adaptor_usage_shown(c);
	sink_finish(&s->sink, finish_reason(s, r->done_reason));
	sink_end(&s->sink, &shown);
	c->finished = true;
	c->done_sent = c->ask->stream;
}

/* ---- embeddings -------------------------------------------------------------------------- */

static void add_embeddings(struct call *c, const struct ollama_state *s, const struct reply *r,
    struct buf *out)
{
	struct jiter it = jscan_iter(r->embeddings);
	struct jval vector;
	struct usage shown;
	int64_t index = 0;

	note_usage(c, r);
	shown = adaptor_usage_shown(c);
	buf_add(out, STR("{\"object\":\"list\",\"data\":["));
	for (; jscan_next_item(&it, &vector); index++) {
		json_add_comma(out);
		buf_add(out, STR("{\"object\":\"embedding\",\"index\":"));
		buf_add_int(out, index);
		buf_add(out, STR(",\"embedding\":"));
		convert_add_vector(out, vector, s->wants_base64);
		buf_add_char(out, '}');
	}
	buf_add(out, STR("],\"model\":"));
	json_add_str(out, c->ask->model);
	buf_addf(out, ",\"usage\":{\"prompt_tokens\":%lld,\"total_tokens\":%lld}}",
	    (long long)shown.prompt_tokens, (long long)shown.prompt_tokens);
}

/* ---- whole replies and lines -------------------------------------------------------------- */

enum step ollama_decode(struct call *c, struct str body, struct buf *out, struct err *err)
{
	struct ollama_state *s = c->state;
	struct jval root = { 0 };
	struct reply r;
	bool wanted;

	if (jscan_value(body, &root) && adaptor_error_inside(root, body, err)) {
		adaptor_scrub(c, err);
		return STEP_FAILED;
	}
	read_reply(root, &r);
	wanted =
	    c->ask->mode == MODE_EMBEDDINGS ? r.embeddings.type == J_ARRAY : r.done.type == J_TRUE;
	if (root.type != J_OBJECT || !wanted) {
		(void)err_set(err, ERR_UPSTREAM_BODY, "the upstream's reply is not complete");
		return STEP_FAILED;
	}
	if (c->ask->mode == MODE_EMBEDDINGS) {
		if (!convert_check_vectors(jscan_count(r.embeddings), convert_count_inputs(c), err))
			return STEP_FAILED;
		add_embeddings(c, s, &r, out);
		c->finished = true;
	} else {
		sink_init(&s->sink, c->arena, out, c->ask, STR(""));
		say(c, s, &r);
		finish(c, s, &r);
	}
	return adaptor_done(buf_ok(out), err);
}

bool ollama_on_event(struct call *c, const struct frame_event *event, struct buf *out,
    struct err *err)
{
	struct ollama_state *s = c->state;
	struct jval root;
	struct reply r;

	if (c->failed || c->finished)
		return true;
	if (!jscan_value(event->data, &root) || root.type != J_OBJECT)
		return err_set(err, ERR_UPSTREAM_BODY, "the upstream sent a line that is not JSON");
	read_reply(root, &r);
	if (r.error.type != J_NONE && adaptor_error_inside(root, event->data, &c->failure)) {
		adaptor_scrub(c, &c->failure);
		c->failed = true;
		return true;
	}
	s->sink.out = out;
	say(c, s, &r);
	if (r.done.type == J_TRUE)
		finish(c, s, &r);
	return true;
}
