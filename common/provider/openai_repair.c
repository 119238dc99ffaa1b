/* openai_repair.c — replies and events of providers with manners of their own, as OpenAI says them
 *
 * Edits of the text, so that what no row names stays byte for byte; then all else reads what the
 * client will. The rows are in openai_manners.c.
 */
#include "provider/openai.h"

#include "base/json.h"
#include "provider/convert.h"
#include "provider/openai_manners.h"

struct repair {
	struct call *c;
	unsigned answers;
	struct str think; /* tag */
	struct jedit e;
	struct jval root;
	int broken; /* status of an ending that is none */
};

/* ---- usage ------------------------------------------------------------------------------- */

static struct str plus(struct repair *r, struct jval a, struct jval b)
{
	return str_c(
	    arena_fmt(r->c->arena, "%lld", (long long)(convert_count(a) + convert_count(b))));
}

/* The sums hold neither the reasoning nor, when it is more than they are, what came from a cache. */
static void mend_xai_usage(struct repair *r)
{
	struct jval usage = convert_member(r->root, STR("usage")), thought, cached, prompt, text;

	if (usage.type != J_OBJECT)
		return;
	thought = convert_member(convert_member(usage, STR("completion_tokens_details")),
	    STR("reasoning_tokens"));
	cached = convert_member(convert_member(usage, STR("prompt_tokens_details")),
	    STR("cached_tokens"));
	prompt = convert_member(usage, STR("prompt_tokens"));
	text = convert_member(usage, STR("completion_tokens"));
	if (text.type == J_NUMBER && convert_count(thought) > 0)
		jedit_set(&r->e, usage, STR("completion_tokens"), plus(r, text, thought));
	if (prompt.type == J_NUMBER && convert_count(cached) > convert_count(prompt))
		jedit_set(&r->e, usage, STR("prompt_tokens"), plus(r, prompt, cached));
}

static void mend_cache(struct repair *r)
{
	struct jval usage = convert_member(r->root, STR("usage")), hit;

	hit = convert_member(usage, STR("prompt_cache_hit_tokens"));
	if (hit.type != J_NUMBER ||
	    convert_given(convert_member(usage, STR("prompt_tokens_details"))))
		return;
	jedit_set(&r->e, usage, STR("prompt_tokens_details"),
	    str_c(arena_fmt(r->c->arena, "{\"cached_tokens\":%.*s}", STR_ARG(hit.text))));
}

/* A choice that says nothing beside the usage of a stream is none. */
static void mend_usage_choice(struct repair *r)
{
	static const char *const telling[] = { "tool_calls", "reasoning", "reasoning_content",
		"reasoning_details", "refusal", "images", "annotations", "audio" };
	struct jval choices = convert_member(r->root, STR("choices")), choice = { 0 }, delta, text;
	struct jiter it = jscan_iter(choices);

	if (choices.type != J_ARRAY || jscan_count(choices) != 1 ||
	    convert_member(r->root, STR("usage")).type != J_OBJECT ||
	    !jscan_next_item(&it, &choice))
		return;
	delta = convert_member(choice, STR("delta"));
	text = convert_member(delta, STR("content"));
	if (delta.type != J_OBJECT || (convert_given(text) && !jscan_is(text, STR(""))) ||
	    convert_given(convert_member(choice, STR("finish_reason"))))
		return;
	for (size_t i = 0; i < COUNT_OF(telling); i++)
		if (convert_given(convert_member(delta, str_c(telling[i]))))
			return;
	jedit_set(&r->e, r->root, STR("choices"), STR("[]"));
}

static void mend_groq(struct repair *r)
{
	struct jval own = convert_member(r->root, STR("x_groq")), usage;

	if (own.type != J_OBJECT || convert_given(convert_member(own, STR("error"))))
		return;
	usage = convert_member(own, STR("usage"));
	if (usage.type == J_OBJECT && !convert_given(convert_member(r->root, STR("usage"))))
		jedit_set(&r->e, r->root, STR("usage"), usage.text);
	jedit_drop(&r->e, r->root, STR("x_groq"));
}

/* ---- messages ---------------------------------------------------------------------------- */

static void mend_reasoning(struct repair *r, struct jval message)
{
	struct jval own = convert_member(message, STR("reasoning"));

	if (own.type == J_STRING && own.text.n > 2 &&
	    !convert_given(convert_member(message, STR("reasoning_content"))))
		jedit_set(&r->e, message, STR("reasoning_content"), own.text);
}

static void add_inside(struct buf *out, struct jval text)
{
	if (text.type == J_STRING)
		buf_add(out, str_slice(text.text, 1, text.text.n - 1));
}

/* Texts of a list of parts, or of the one text that stands in its place. */
static void add_texts(struct buf *out, struct jval parts)
{
	struct jiter it = jscan_iter(parts);
	struct jval part;

	add_inside(out, parts);
	while (parts.type == J_ARRAY && jscan_next_item(&it, &part))
		add_inside(out, convert_member(part, STR("text")));
}

/* Text parts are the content, thinking parts the reasoning. */
static void mend_parts(struct repair *r, struct jval message)
{
	struct jval content = convert_member(message, STR("content")), part;
	struct jiter it = jscan_iter(content);
	struct buf text, thought;

	if (content.type != J_ARRAY)
		return;
	text = buf_init(content.text.n + 2);
	thought = buf_init(content.text.n + 2);
	buf_add_char(&text, '"');
	buf_add_char(&thought, '"');
	while (jscan_next_item(&it, &part)) {
		if (jscan_is(convert_member(part, STR("type")), STR("thinking")))
			add_texts(&thought, convert_member(part, STR("thinking")));
		else
			add_inside(&text, convert_member(part, STR("text")));
	}
	buf_add_char(&text, '"');
	buf_add_char(&thought, '"');
	if (thought.len > 2)
		jedit_set(&r->e, message, STR("reasoning_content"),
		    arena_str(r->c->arena, buf_str(&thought)));
	jedit_replace(&r->e, content, arena_str(r->c->arena, buf_str(&text)));
	buf_release(&text);
	buf_release(&thought);
}

/* ---- choices ----------------------------------------------------------------------------- */

static void mend_finish(struct repair *r, struct jval choice)
{
	static const struct {
		struct str theirs, ours;
		int broken;
	} reasons[] = {
		{ STR_INIT("model_length"), STR_INIT("\"length\""), 0 },
		{ STR_INIT("eos"), STR_INIT("\"stop\""), 0 },
		{ STR_INIT("error"), STR_INIT("null"), 502 },
		{ STR_INIT("insufficient_system_resource"), STR_INIT("null"), 503 },
	};
	struct jval finish = convert_member(choice, STR("finish_reason"));

	for (size_t i = 0; i < COUNT_OF(reasons); i++) {
		if (!jscan_is(finish, reasons[i].theirs))
			continue;
		jedit_replace(&r->e, finish, reasons[i].ours);
		r->broken = reasons[i].broken;
	}
}

/* Pages that the answer rests on: URLs at the top, annotations of the message. */
static void mend_citations(struct repair *r, struct jval message)
{
	struct jval list = convert_member(r->root, STR("citations")), url;
	struct jiter it = jscan_iter(list);
	struct buf b;

	if (list.type != J_ARRAY || jscan_count(list) == 0 ||
	    convert_given(convert_member(message, STR("annotations"))))
		return;
	b = buf_init(list.text.n * 8 + jscan_count(list) * 128 + 16);
	buf_add_char(&b, '[');
	while (jscan_next_item(&it, &url)) {
		if (url.type != J_STRING)
			continue;
		json_add_comma(&b);
		buf_addf(&b,
		    "{\"type\":\"url_citation\",\"url_citation\":{\"url\":%.*s,\"title\":\"\","
		    "\"start_index\":0,\"end_index\":0}}",
		    STR_ARG(url.text));
	}
	buf_add_char(&b, ']');
	jedit_set(&r->e, message, STR("annotations"), adaptor_keep(r->c->arena, &b));
}

static void mend_choice(struct repair *r, struct jval choice, bool first)
{
	struct jval message = convert_member(choice, STR("message"));
	bool streamed = message.type != J_OBJECT;

	if (streamed)
		message = convert_member(choice, STR("delta"));
	if (r->answers & ANSWER_FINISH)
		mend_finish(r, choice);
	if (r->answers & ANSWER_LOGPROBS && r->c->ask->mode == MODE_CHAT)
		openai_mend_logprobs(r->c, &r->e, choice, message);
	if (message.type != J_OBJECT)
		return;
	if (r->answers & ANSWER_REASONING)
		mend_reasoning(r, message);
	if (r->answers & ANSWER_PARTS)
		mend_parts(r, message);
	if (r->answers & ANSWER_CALLS && first)
		openai_mend_calls(r->c, &r->e, message, streamed);
	if (r->think.n)
		openai_split_thought(r->c, &r->e, r->think, choice, message);
	if (r->answers & ANSWER_XAI && first) {
		mend_citations(r, message);
		openai_drop_repeated(r->c, &r->e, message);
	}
}

static void mend_choices(struct repair *r)
{
	struct jval choices = convert_member(r->root, STR("choices")), choice;
	struct jiter it = jscan_iter(choices);

	for (bool first = true; choices.type == J_ARRAY && jscan_next_item(&it, &choice);
	     first = false)
		mend_choice(r, choice, first);
}

/* ---- moderations ------------------------------------------------------------------------- */

static bool any_true(struct jval categories)
{
	struct jiter it = jscan_iter(categories);
	struct jval value;
	struct str name;

	while (categories.type == J_OBJECT && jscan_next_member(&it, &name, &value))
		if (value.type == J_TRUE)
			return true;
	return false;
}

static void mend_flagged(struct repair *r)
{
	struct jval results = convert_member(r->root, STR("results")), result;
	struct jiter it = jscan_iter(results);

	while (results.type == J_ARRAY && jscan_next_item(&it, &result)) {
		if (result.type != J_OBJECT ||
		    convert_member(result, STR("flagged")).type != J_NONE)
			continue;
		jedit_set(&r->e, result, STR("flagged"),
		    any_true(convert_member(result, STR("categories"))) ? STR("true")
		                                                        : STR("false"));
	}
}

/* ---- the whole --------------------------------------------------------------------------- */

/* An ending that is a failure: the error that it should have been. */
static struct str failure(struct repair *r)
{
	return str_c(arena_fmt(r->c->arena,
	    "{\"error\":{\"message\":\"the model failed to complete its reply\",\"code\":%d}}",
	    r->broken));
}

void openai_state_new(struct call *c)
{
	const struct openai_manners *m = openai_manners(c->provider);
	struct openai_state *s = ARENA_NEW(c->arena, struct openai_state);

	if (m && m->answers & ANSWER_CALLS && c->stream)
		s->calls = arena_zalloc(c->arena, OPENAI_CALLS_KEPT * sizeof(*s->calls));
	if (openai_think_tag(c).n)
		s->think = arena_zalloc(c->arena, OPENAI_CHOICES_SPLIT * sizeof(*s->think));
	c->state = s;
}

struct str openai_repair(struct call *c, struct str body)
{
	const struct openai_manners *m = openai_manners(c->provider);
	struct repair r = { .c = c, .answers = m ? m->answers : 0, .think = openai_think_tag(c) };
	struct jval inner;
	struct buf out;

	if ((!r.answers && !r.think.n) || !jscan_value(body, &r.root) || r.root.type != J_OBJECT)
		return body;
	inner = convert_member(r.root, STR("result"));
	if (r.answers & ANSWER_UNWRAP && inner.type == J_OBJECT)
		r.root = inner;
	r.e = jedit_new(c->arena, r.root);
	if (r.answers & ANSWER_GROQ)
		mend_groq(&r);
	if (r.answers & ANSWER_XAI)
		mend_xai_usage(&r);
	if (r.answers & ANSWER_CACHE)
		mend_cache(&r);
	if (r.answers & ANSWER_USAGE_CHOICE && c->stream)
		mend_usage_choice(&r);
	if (r.answers & ANSWER_FLAGGED && c->ask->mode == MODE_MODERATIONS)
		mend_flagged(&r);
	mend_choices(&r);
	if (r.broken)
		return failure(&r);
	if (r.e.n == 0 && !r.e.spoilt)
		return r.root.text.p == inner.text.p ? r.root.text : body;
	out = buf_init(body.n * 2 + 64 * 1024);
	jedit_apply(&r.e, &out);
	if (!buf_ok(&out)) {
		buf_release(&out);
		return body;
	}
	return adaptor_keep(c->arena, &out);
}
