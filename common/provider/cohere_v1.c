/* cohere_v1.c — /v1/chat, for channels whose api_version is "v1"
 *
 * The last user message stands alone, everything before it is a history, the first system message a
 * preamble, and the results of tools a list beside them. Tools have flat parameters.
 */
#include "provider/cohere.h"

#include "base/json.h"
#include "provider/convert.h"

static bool is_system(struct jval m)
{
	return convert_has_role(m, "system") || convert_has_role(m, "developer");
}

/* Results at the end of a conversation: each looks for its call. */
#define RESULTS_MAX 128

/* ---- messages ---------------------------------------------------------------------------- */

/* Where the parts of the conversation are. */
struct places {
	size_t last_user; /* its number; SIZE_MAX: none */
	size_t
	    results_from; /* the first of the tool results that end the conversation, else SIZE_MAX */
	bool system_first;
};

static struct places find_places(const struct call *c)
{
	struct places p = { SIZE_MAX, SIZE_MAX, false };
	struct jiter it = jscan_iter(c->ask->messages);
	struct jval m;

	for (size_t i = 0; jscan_next_item(&it, &m); i++) {
		if (i == 0)
			p.system_first = is_system(m);
		if (convert_has_role(m, "user"))
			p.last_user = i;
		if (!convert_has_role(m, "tool"))
			p.results_from = SIZE_MAX;
		else if (p.results_from == SIZE_MAX)
			p.results_from = i;
	}
	return p;
}

static bool add_history_item(struct call *c, struct buf *out, struct jval m, size_t index,
    struct err *err)
{
	const char *role = is_system(m)        ? "SYSTEM"
	    : convert_has_role(m, "assistant") ? "CHATBOT"
	    : convert_has_role(m, "tool")      ? "TOOL"
	                                       : "USER";

	json_add_comma(out);
	buf_addf(out, "{\"role\":\"%s\",\"message\":", role);
	if (!cohere_add_text(c, out, convert_content(m), index, err))
		return false;
	buf_add_char(out, '}');
	return true;
}

/* The call that a result answers: its name and arguments, from the assistant message before. */
static bool add_called(struct call *c, struct buf *out, struct jval id)
{
	struct jiter it = jscan_iter(c->ask->messages), calls_it;
	struct jval m, calls, call, function, name;

	while (jscan_next_item(&it, &m)) {
		calls = convert_member(m, STR("tool_calls"));
		calls_it = jscan_iter(calls);
		while (calls.type == J_ARRAY && jscan_next_item(&calls_it, &call)) {
			if (!str_eq(convert_member(call, STR("id")).text, id.text))
				continue;
			function = convert_member(call, STR("function"));
			name = convert_member(function, STR("name"));
			buf_add(out, STR("{\"name\":"));
			buf_add(out, name.type == J_STRING ? name.text : STR("\"\""));
			json_add_name(out, "parameters");
			convert_add_arguments(out, c->arena,
			    convert_member(function, STR("arguments")));
			buf_add_char(out, '}');
			return true;
		}
	}
	return false;
}

static bool add_results(struct call *c, struct buf *out, size_t from, struct err *err)
{
	struct jiter it = jscan_iter(c->ask->messages);
	struct jval m;

	convert_add_raw(out, "tool_results", STR("["));
	for (size_t i = 0; jscan_next_item(&it, &m); i++) {
		if (i < from)
			continue;
		if (i - from >= RESULTS_MAX)
			return err_set(err, ERR_INVALID_TEXT, "at most %d tool results",
			    RESULTS_MAX);
		json_add_comma(out);
		buf_add(out, STR("{\"call\":"));
		if (!add_called(c, out, convert_member(m, STR("tool_call_id"))))
			return err_set(err, ERR_INVALID_TEXT,
			    "messages[%zu]: no call has this tool_call_id", i);
		buf_add(out, STR(",\"outputs\":[{\"output\":"));
		if (!cohere_add_text(c, out, convert_member(m, STR("content")), i, err))
			return false;
		buf_add(out, STR("}]}"));
	}
	buf_add_char(out, ']');
	convert_add_raw(out, "force_single_step", STR("true"));
	return true;
}

static bool add_preamble(struct call *c, struct buf *out, const struct places *p, struct err *err)
{
	struct jiter it = jscan_iter(c->ask->messages);
	struct jval first;

	if (c->system_prompt.n) {
		json_add_name(out, "preamble");
		json_add_str(out, c->system_prompt);
		c->system_prompt_reset = true;
		return true;
	}
	if (!p->system_first || !jscan_next_item(&it, &first))
		return true;
	json_add_name(out, "preamble");
	return cohere_add_text(c, out, convert_member(first, STR("content")), 0, err);
}

static bool add_messages(struct call *c, struct buf *out, struct err *err)
{
	struct places p = find_places(c);
	struct jiter it = jscan_iter(c->ask->messages);
	bool with_results = p.results_from != SIZE_MAX;
	struct jval m, message = { 0 };
	size_t at_message = 0;

	if (!add_preamble(c, out, &p, err))
		return false;
	convert_add_raw(out, "chat_history", STR("["));
	for (size_t i = 0; jscan_next_item(&it, &m); i++) {
		if ((i == 0 && p.system_first) || (with_results && i >= p.results_from))
			continue;
		if (i == p.last_user && !with_results) {
			message = m;
			at_message = i;
		} else if (!add_history_item(c, out, m, i, err)) {
			return false;
		}
	}
	buf_add_char(out, ']');
	json_add_name(out, "message");
	if (!cohere_add_text(c, out, convert_member(message, STR("content")), at_message, err))
		return false;
	return !with_results || add_results(c, out, p.results_from, err);
}

/* ---- tools ----------------------------------------------------------------------------------- */

static bool is_required(struct jval list, struct str name)
{
	struct jiter it = jscan_iter(list);
	struct jval item;

	while (list.type == J_ARRAY && jscan_next_item(&it, &item))
		if (jscan_is(item, name))
			return true;
	return false;
}

static void add_parameters(struct buf *out, struct jval schema)
{
	struct jval properties = convert_member(schema, STR("properties")), property, v;
	struct jval required = convert_member(schema, STR("required"));
	struct jiter it = jscan_iter(properties);
	struct str name;

	convert_add_raw(out, "parameter_definitions", STR("{"));
	while (properties.type == J_OBJECT && jscan_next_member(&it, &name, &property)) {
		json_add_comma(out);
		buf_addf(out, "\"%.*s\":{\"type\":", STR_ARG(name));
		v = convert_member(property, STR("type"));
		buf_add(out, v.type == J_STRING ? v.text : STR("\"string\""));
		v = convert_member(property, STR("description"));
		if (v.type == J_STRING)
			convert_add_raw(out, "description", v.text);
		convert_add_raw(out, "required",
		    is_required(required, name) ? STR("true") : STR("false"));
		buf_add_char(out, '}');
	}
	buf_add_char(out, '}');
}

static void add_tools(const struct call *c, struct buf *out)
{
	struct jval choice = convert_member(c->ask->root, STR("tool_choice"));
	struct jiter it = jscan_iter(c->ask->tools);
	struct jval tool, function, v;

	if (c->ask->tools.type != J_ARRAY || !jscan_count(c->ask->tools) ||
	    jscan_is(choice, STR("none")))
		return;
	convert_add_raw(out, "tools", STR("["));
	while (jscan_next_item(&it, &tool)) {
		function = convert_member(tool, STR("function"));
		if (function.type != J_OBJECT || !cohere_is_chosen(choice, function))
			continue;
		json_add_comma(out);
		buf_add(out, STR("{\"name\":"));
		v = convert_member(function, STR("name"));
		buf_add(out, v.type == J_STRING ? v.text : STR("\"\""));
		v = convert_member(function, STR("description"));
		convert_add_raw(out, "description", v.type == J_STRING ? v.text : STR("\"\""));
		add_parameters(out, convert_member(function, STR("parameters")));
		buf_add_char(out, '}');
	}
	buf_add_char(out, ']');
}

static void add_format(const struct call *c, struct buf *out)
{
	struct jval format = convert_member(c->ask->root, STR("response_format"));
	struct jval type = convert_member(format, STR("type"));
	struct jval schema =
	    convert_member(convert_member(format, STR("json_schema")), STR("schema"));

	if (!jscan_is(type, STR("json_object")) && !jscan_is(type, STR("json_schema")))
		return;
	convert_add_raw(out, "response_format", STR("{\"type\":\"json_object\""));
	if (schema.type == J_OBJECT)
		convert_add_raw(out, "schema", schema.text);
	buf_add_char(out, '}');
}

bool cohere_v1_add_chat(struct call *c, struct buf *out, struct err *err)
{
	static const struct str dropped[] = { STR_INIT("logit_bias"), STR_INIT("logprobs"),
		STR_INIT("top_logprobs"), STR_INIT("parallel_tool_calls"),
		STR_INIT("reasoning_effort"), STR_INIT("prediction"), STR_INIT("modalities"),
		STR_INIT("audio") };

	if (!convert_check_chat(c, 1, TOOLS_FUNCTIONS, err) ||
	    !convert_drop(c, dropped, COUNT_OF(dropped), err))
		return false;
	buf_add(out, STR("{\"model\":"));
	json_add_str(out, c->model);
	convert_add_raw(out, "stream", c->stream ? STR("true") : STR("false"));
	if (!add_messages(c, out, err))
		return false;
	add_tools(c, out);
	cohere_add_sampling(c, out);
	add_format(c, out);
	buf_add_char(out, '}');
	return true;
}

/* ---- replies ------------------------------------------------------------------------------- */

static void say_calls(struct call *c, struct jval calls)
{
	struct cohere *s = c->state;
	struct jiter it = jscan_iter(calls);
	struct jval call, parameters;

	while (calls.type == J_ARRAY && jscan_next_item(&it, &call)) {
		parameters = convert_member(call, STR("parameters"));
		sink_whole_call(&s->sink, s->calls++, STR(""),
		    jscan_text(c->arena, convert_member(call, STR("name"))),
		    parameters.type == J_OBJECT ? parameters.text : STR("{}"));
	}
}

/* With calls made, how it ended is said by them. */
static struct jval reason_of(const struct call *c, struct jval root)
{
	const struct cohere *s = c->state;
	struct jval reason = convert_member(root, STR("finish_reason"));

	return s->calls && jscan_is(reason, STR("COMPLETE"))
	    ? (struct jval){ J_STRING, STR("\"TOOL_CALL\"") }
	    : reason;
}

bool cohere_v1_say(struct call *c, struct jval root, struct err *err)
{
	struct cohere *s = c->state;
	struct jval text = convert_member(root, STR("text"));

	if (text.type != J_STRING)
		return err_set(err, ERR_UPSTREAM_BODY, "the upstream's reply is not complete");
	sink_id(&s->sink, jscan_text(c->arena, convert_member(root, STR("generation_id"))));
	sink_text(&s->sink, jscan_text(c->arena, text));
	say_calls(c, convert_member(root, STR("tool_calls")));
	cohere_note_usage(c, convert_member(root, STR("meta")));
	return cohere_end(c, reason_of(c, root), err);
}

bool cohere_v1_hear(struct call *c, struct jval root, struct jval type, struct err *err)
{
	struct cohere *s = c->state;

	if (jscan_is(type, STR("stream-start"))) {
		if (!s->started)
			sink_id(&s->sink,
			    jscan_text(c->arena, convert_member(root, STR("generation_id"))));
		s->started = true;
		sink_role(&s->sink);
	} else if (jscan_is(type, STR("text-generation"))) {
		sink_text(&s->sink, jscan_text(c->arena, convert_member(root, STR("text"))));
	} else if (jscan_is(type, STR("tool-calls-generation"))) {
		say_calls(c, convert_member(root, STR("tool_calls")));
	} else if (jscan_is(type, STR("stream-end"))) {
		cohere_note_usage(c, convert_at(root, "response.meta"));
		return cohere_end(c, reason_of(c, root), err);
	}
	return true;
}
