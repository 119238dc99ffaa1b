/* cohere_reply.c — what /v2/chat answers, whole and as events
 *
 * Both of Cohere's counts arrive: billed units, and the tokens with the template that it puts around
 * a prompt. OpenAI's usage means the latter, and is what the client reads.
 */
#include "provider/cohere.h"

#include "base/json.h"
#include "provider/convert.h"

/* ---- the end --------------------------------------------------------------------------------- */

void cohere_note_usage(struct call *c, struct jval usage)
{
	struct jval tokens = convert_member(usage, STR("tokens"));
	struct usage *u = &c->usage;

	if (tokens.type != J_OBJECT)
		tokens = convert_member(usage, STR("billed_units"));
	u->prompt_tokens = convert_count(convert_member(tokens, STR("input_tokens")));
	u->completion_tokens = convert_count(convert_member(tokens, STR("output_tokens")));
	u->cached_tokens = convert_count(convert_member(usage, STR("cached_tokens")));
	if (u->cached_tokens > u->prompt_tokens)
		u->cached_tokens = u->prompt_tokens;
	u->reported = u->prompt_tokens + u->completion_tokens > 0;
}

const char *cohere_finish(struct call *c, struct jval reason, struct err *err)
{
	static const struct {
		struct str reason;
		const char *finish;
	} known[] = {
		{ STR_INIT("COMPLETE"), "stop" },
		{ STR_INIT("STOP_SEQUENCE"), "stop" },
		{ STR_INIT("MAX_TOKENS"), "length" },
		{ STR_INIT("TOOL_CALL"), "tool_calls" },
		{ STR_INIT("ERROR_TOXIC"), "content_filter" },
		{ STR_INIT("ERROR_LIMIT"), "length" },
		{ STR_INIT("USER_CANCEL"), "stop" },
	};
	const struct cohere *s = c->state;

	for (size_t i = 0; i < COUNT_OF(known); i++)
		if (jscan_is(reason, known[i].reason))
			return known[i].finish;
	if (jscan_is(reason, STR("TIMEOUT")))
		(void)err_set(err, ERR_UPSTREAM_TIMEOUT, "the model did not finish in time");
	else if (jscan_is(reason, STR("ERROR")))
		(void)err_set(err, ERR_UPSTREAM, "the model failed to generate a reply");
	else
		return s->calls ? "tool_calls" : "stop";
	err->upstream_status = 200;
	return NULL;
}

bool cohere_end(struct call *c, struct jval reason, struct err *err)
{
	struct cohere *s = c->state;
	const char *finish = cohere_finish(c, reason, err);
	struct usage shown;

	c->meter = s->sink.meter;
	c->pieces = (int64_t)s->sink.pieces;
	if (!finish)
		return false;
	shown = adaptor_usage_shown(c);
	sink_finish(&s->sink, finish);
	sink_end(&s->sink, &shown);
	c->finished = true;
	c->done_sent = c->ask->stream;
	return true;
}

/* ---- what is said -------------------------------------------------------------------------------- */

static struct str text_of(struct call *c, struct jval v)
{
	return jscan_text(c->arena, v);
}

/* For those who asked how the answer is backed. */
static void say_citations(struct call *c, struct jval citations)
{
	struct cohere *s = c->state;
	struct jiter it = jscan_iter(citations);
	struct jval one = citations;
	bool wanted = convert_given(convert_member(c->ask->root, STR("documents"))) ||
	    convert_given(convert_member(c->ask->root, STR("citation_options")));

	if (!wanted)
		return;
	if (citations.type == J_OBJECT)
		sink_annotation(&s->sink,
		    str_c(arena_fmt(c->arena, "{\"type\":\"citation\",\"citation\":%.*s}",
		        STR_ARG(one.text))));
	while (citations.type == J_ARRAY && jscan_next_item(&it, &one))
		sink_annotation(&s->sink,
		    str_c(arena_fmt(c->arena, "{\"type\":\"citation\",\"citation\":%.*s}",
		        STR_ARG(one.text))));
}

/* "null" and nothing are no arguments. */
static struct str arguments_of(struct call *c, struct jval function)
{
	struct jval v = convert_member(function, STR("arguments"));
	struct str text = v.type == J_OBJECT ? v.text : str_trim(text_of(c, v));

	return text.n == 0 || str_eq_c(text, "null") ? STR("{}") : text;
}

static void say_calls(struct call *c, struct jval calls)
{
	struct cohere *s = c->state;
	struct jiter it = jscan_iter(calls);
	struct jval call, function;

	while (calls.type == J_ARRAY && jscan_next_item(&it, &call)) {
		function = convert_member(call, STR("function"));
		sink_whole_call(&s->sink, s->calls++, text_of(c, convert_member(call, STR("id"))),
		    text_of(c, convert_member(function, STR("name"))), arguments_of(c, function));
	}
}

static void say_part(struct call *c, struct jval part)
{
	struct cohere *s = c->state;

	sink_reasoning(&s->sink, text_of(c, convert_member(part, STR("thinking"))));
	sink_text(&s->sink, text_of(c, convert_member(part, STR("text"))));
}

/* Probabilities stand by pieces of text, each with those of its tokens. */
static void say_logprobs(struct call *c, struct jval list)
{
	struct cohere *s = c->state;
	struct buf items = buf_init(1024 * 1024);
	struct jiter it = jscan_iter(list), numbers;
	struct jval piece, text, number;

	while (list.type == J_ARRAY && jscan_next_item(&it, &piece)) {
		double sum = 0, d;

		text = convert_member(piece, STR("text"));
		number = convert_member(piece, STR("logprobs"));
		numbers = jscan_iter(number);
		while (number.type == J_ARRAY && jscan_next_item(&numbers, &number) &&
		    jscan_double(number, &d))
			sum += d;
		json_add_comma(&items);
		buf_add(&items, STR("{\"token\":"));
		buf_add(&items, text.type == J_STRING ? text.text : STR("\"\""));
		buf_add(&items, STR(",\"logprob\":"));
		json_add_double(&items, sum);
		buf_add(&items, STR(",\"bytes\":null,\"top_logprobs\":[]}"));
	}
	if (buf_ok(&items))
		sink_logprobs(&s->sink, arena_str(c->arena, buf_str(&items)));
	buf_release(&items);
}

bool cohere_say(struct call *c, struct jval root, struct err *err)
{
	struct cohere *s = c->state;
	struct jval message = convert_member(root, STR("message")), content, calls, part;
	struct jiter it;

	if (message.type != J_OBJECT)
		return err_set(err, ERR_UPSTREAM_BODY, "the upstream's reply is not complete");
	content = convert_member(message, STR("content"));
	calls = convert_member(message, STR("tool_calls"));
	sink_reasoning(&s->sink, text_of(c, convert_member(message, STR("tool_plan"))));
	say_logprobs(c, convert_member(root, STR("logprobs")));
	it = jscan_iter(content);
	while (content.type == J_ARRAY && jscan_next_item(&it, &part))
		say_part(c, part);
	say_calls(c, calls);
	say_citations(c, convert_member(message, STR("citations")));
	cohere_note_usage(c, convert_member(root, STR("usage")));
	return cohere_end(c, convert_member(root, STR("finish_reason")), err);
}

/* ---- events -------------------------------------------------------------------------------- */

static bool on_start(struct call *c, struct jval root, struct err *err)
{
	struct cohere *s = c->state;

	if (!s->started)
		sink_id(&s->sink, text_of(c, convert_member(root, STR("id"))));
	s->started = true;
	sink_role(&s->sink);
	return true;
}

static bool on_content(struct call *c, struct jval root, struct err *err)
{
	say_part(c, convert_at(root, "delta.message.content"));
	return true;
}

static bool on_plan(struct call *c, struct jval root, struct err *err)
{
	struct cohere *s = c->state;

	sink_reasoning(&s->sink, text_of(c, convert_at(root, "delta.message.tool_plan")));
	return true;
}

static void say_arguments(struct call *c, struct jval root)
{
	struct cohere *s = c->state;
	struct str piece =
	    text_of(c, convert_at(root, "delta.message.tool_calls.function.arguments"));

	if (piece.n == 0 || s->calls == 0)
		return;
	s->has_arguments = true;
	sink_arguments(&s->sink, s->calls - 1, piece);
}

static bool on_call_start(struct call *c, struct jval root, struct err *err)
{
	struct cohere *s = c->state;
	struct jval call = convert_at(root, "delta.message.tool_calls");

	sink_call(&s->sink, s->calls++, text_of(c, convert_member(call, STR("id"))),
	    text_of(c, convert_at(call, "function.name")));
	s->has_arguments = false;
	say_arguments(c, root);
	return true;
}

static bool on_call_delta(struct call *c, struct jval root, struct err *err)
{
	say_arguments(c, root);
	return true;
}

static bool on_call_end(struct call *c, struct jval root, struct err *err)
{
	struct cohere *s = c->state;

	if (s->calls && !s->has_arguments)
		sink_arguments(&s->sink, s->calls - 1, STR("{}"));
	s->has_arguments = true;
	return true;
}

static bool on_citation(struct call *c, struct jval root, struct err *err)
{
	say_citations(c, convert_at(root, "delta.message.citations"));
	return true;
}

static bool on_message_end(struct call *c, struct jval root, struct err *err)
{
	struct jval delta = convert_member(root, STR("delta"));
	struct jval said = convert_member(delta, STR("error"));

	cohere_note_usage(c, convert_member(delta, STR("usage")));
	if (said.type == J_STRING && said.text.n > 2) {
		adaptor_error(502, delta.text, err);
		err->upstream_status = 200;
		return false;
	}
	return cohere_end(c, convert_member(delta, STR("finish_reason")), err);
}

bool cohere_hear(struct call *c, struct jval root, struct jval type, struct err *err)
{
	static const struct {
		struct str type;
		bool (*hear)(struct call *c, struct jval root, struct err *err);
	} events[] = {
		{ STR_INIT("message-start"), on_start },
		{ STR_INIT("content-start"), on_content },
		{ STR_INIT("content-delta"), on_content },
		{ STR_INIT("tool-plan-delta"), on_plan },
		{ STR_INIT("tool-call-start"), on_call_start },
		{ STR_INIT("tool-call-delta"), on_call_delta },
		{ STR_INIT("tool-call-end"), on_call_end },
		{ STR_INIT("citation-start"), on_citation },
		{ STR_INIT("message-end"), on_message_end },
	};

	for (size_t i = 0; i < COUNT_OF(events); i++)
		if (jscan_is(type, events[i].type))
			return events[i].hear(c, root, err);
	return true;
}
