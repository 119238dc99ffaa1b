/* cohere_request.c — a chat request as /v2/chat wants it
 *
 * Only members that Cohere knows are written, since it refuses others. Texts of the client are
 * copied as the JSON strings that they are.
 */
#include "provider/cohere.h"

#include "base/json.h"
#include "provider/convert.h"

static bool refuse(size_t message, const char *why, struct err *err)
{
	return err_set(err, ERR_INVALID_TEXT, "messages[%zu].content: %s", message, why);
}

/* ---- messages ---------------------------------------------------------------------------- */

bool cohere_add_text(struct call *c, struct buf *out, struct jval content, size_t message,
    struct err *err)
{
	struct jiter it = jscan_iter(content);
	struct jval part, text;
	bool any = false;

	if (content.type != J_ARRAY) {
		buf_add(out, content.type == J_STRING ? content.text : STR("\"\""));
		return true;
	}
	buf_add_char(out, '"');
	for (; jscan_next_item(&it, &part); any = true) {
		bool refusal = jscan_is(convert_member(part, STR("type")), STR("refusal"));

		text = convert_member(part, refusal ? STR("refusal") : STR("text"));
		if (text.type != J_STRING)
			return refuse(message, "this channel cannot take such a part here", err);
		buf_add(out, any ? STR("\\n") : STR(""));
		buf_add(out, convert_inside(text));
	}
	buf_add_char(out, '"');
	return true;
}

static bool add_part(struct buf *out, struct jval part, size_t message, struct err *err)
{
	struct jval type = convert_member(part, STR("type")), v;

	json_add_comma(out);
	if (jscan_is(type, STR("text"))) {
		v = convert_member(part, STR("text"));
		buf_add(out, STR("{\"type\":\"text\",\"text\":"));
		buf_add(out, v.text);
	} else if (jscan_is(type, STR("image_url"))) {
		v = convert_member(part, STR("image_url"));
		buf_add(out, STR("{\"type\":\"image_url\",\"image_url\":"));
		buf_add(out, v.type == J_STRING ? STR("{\"url\":") : STR(""));
		buf_add(out, v.text);
		buf_add(out, v.type == J_STRING ? STR("}") : STR(""));
	} else {
		return refuse(message, "this channel takes text and images only", err);
	}
	buf_add_char(out, '}');
	return true;
}

static bool add_user(struct buf *out, struct jval content, size_t message, struct err *err)
{
	struct jiter it = jscan_iter(content);
	struct jval part;

	json_add_name(out, "content");
	if (content.type != J_ARRAY) {
		buf_add(out, content.type == J_STRING ? content.text : STR("\"\""));
		return true;
	}
	buf_add_char(out, '[');
	while (jscan_next_item(&it, &part))
		if (!add_part(out, part, message, err))
			return false;
	buf_add_char(out, ']');
	return true;
}

/* An older function_call has no id; the number of its message serves for it and its result. */
static void add_older_call(struct buf *out, struct jval function, size_t message)
{
	json_add_name(out, "tool_calls");
	buf_addf(out, "[{\"id\":\"call_%zu\",\"type\":\"function\",\"function\":", message);
	buf_add(out, function.text);
	buf_add(out, STR("}]"));
}

/* Text beside calls is their plan; what the model thought is a part of its own without calls, and the
 * plan where no text is. */
static bool add_assistant(struct call *c, struct buf *out, struct jval m, size_t index,
    struct err *err)
{
	struct jval content = convert_content(m);
	struct jval calls = convert_member(m, STR("tool_calls"));
	struct jval older = convert_member(m, STR("function_call"));
	struct jval thought = convert_member(m, STR("reasoning_content"));
	bool has_calls = calls.type == J_ARRAY && jscan_count(calls);
	bool speaks = convert_given(content) && !jscan_is(content, STR("")), ok = true;
	bool thinks = thought.type == J_STRING && thought.text.n > 2;

	if (!has_calls && older.type != J_OBJECT) {
		json_add_name(out, "content");
		if (thinks)
			buf_addf(out,
			    "[{\"type\":\"thinking\",\"thinking\":%.*s},{\"type\":\"text\","
			    "\"text\":",
			    STR_ARG(thought.text));
		ok = cohere_add_text(c, out, content, index, err);
		buf_add(out, thinks ? STR("}]") : STR(""));
		return ok;
	}
	if (speaks) {
		json_add_name(out, "tool_plan");
		ok = cohere_add_text(c, out, content, index, err);
	} else if (thinks) {
		convert_add_raw(out, "tool_plan", thought.text);
	}
	if (has_calls)
		convert_add_raw(out, "tool_calls", calls.text);
	else
		add_older_call(out, older, index);
	return ok;
}

static bool add_result(struct call *c, struct buf *out, struct jval m, size_t index,
    struct err *err)
{
	struct jval id = convert_member(m, STR("tool_call_id"));

	json_add_name(out, "tool_call_id");
	if (id.type == J_STRING)
		buf_add(out, id.text);
	else
		buf_addf(out, "\"call_%zu\"", index ? index - 1 : 0);
	json_add_name(out, "content");
	return cohere_add_text(c, out, convert_member(m, STR("content")), index, err);
}

static bool add_message(struct call *c, struct buf *out, struct jval m, size_t index,
    struct err *err)
{
	struct jval role = convert_member(m, STR("role"));

	json_add_comma(out);
	if (jscan_is(role, STR("system")) || jscan_is(role, STR("developer"))) {
		buf_add(out, STR("{\"role\":\"system\",\"content\":"));
		if (!cohere_add_text(c, out, convert_member(m, STR("content")), index, err))
			return false;
	} else if (jscan_is(role, STR("assistant"))) {
		buf_add(out, STR("{\"role\":\"assistant\""));
		if (!add_assistant(c, out, m, index, err))
			return false;
	} else if (jscan_is(role, STR("tool")) || jscan_is(role, STR("function"))) {
		buf_add(out, STR("{\"role\":\"tool\""));
		if (!add_result(c, out, m, index, err))
			return false;
	} else {
		buf_add(out, STR("{\"role\":\"user\""));
		if (!add_user(out, convert_member(m, STR("content")), index, err))
			return false;
	}
	buf_add_char(out, '}');
	return true;
}

static bool is_system(struct jval m)
{
	struct jval role = convert_member(m, STR("role"));

	return jscan_is(role, STR("system")) || jscan_is(role, STR("developer"));
}

static void add_system(struct buf *out, struct str text)
{
	json_add_comma(out);
	buf_add(out, STR("{\"role\":\"system\",\"content\":"));
	json_add_str(out, text);
	buf_add_char(out, '}');
}

/* ---- the format of the answer ------------------------------------------------------------------ */

/* Cohere takes a format beside neither tools nor documents; then words must do. */
static bool has_format_room(const struct call *c)
{
	return (c->ask->tools.type != J_ARRAY || !jscan_count(c->ask->tools)) &&
	    convert_param(c, "functions").type != J_ARRAY &&
	    !convert_given(convert_param(c, "documents"));
}

static struct jval schema_of(struct jval format)
{
	return convert_member(convert_member(format, STR("json_schema")), STR("schema"));
}

static void add_format_words(const struct call *c, struct buf *out)
{
	struct jval format = convert_param(c, "response_format"), schema = schema_of(format);
	struct jval type = convert_member(format, STR("type"));

	if (has_format_room(c) ||
	    (!jscan_is(type, STR("json_object")) && !jscan_is(type, STR("json_schema"))))
		return;
	add_system(out,
	    schema.type == J_OBJECT
	        ? str_c(arena_fmt(c->arena,
	              "Answer with nothing but a JSON object that follows this JSON Schema: %.*s",
	              STR_ARG(schema.text)))
	        : STR("Answer with nothing but a JSON object."));
}

static void add_format(const struct call *c, struct buf *out)
{
	struct jval format = convert_param(c, "response_format"), schema = schema_of(format);
	struct jval type = convert_member(format, STR("type"));
	bool with_schema = jscan_is(type, STR("json_schema")) && schema.type == J_OBJECT;

	if (!has_format_room(c) ||
	    (!jscan_is(type, STR("json_object")) && !jscan_is(type, STR("json_schema"))))
		return;
	convert_add_raw(out, "response_format", STR("{\"type\":\"json_object\""));
	if (with_schema)
		convert_add_raw(out, "json_schema", schema.text);
	buf_add_char(out, '}');
}

/* The channel's forced prompt takes the place of a leading system message. */
static bool add_messages(struct call *c, struct buf *out, struct err *err)
{
	struct jiter it = jscan_iter(c->ask->messages);
	struct jval m;

	convert_add_raw(out, "messages", STR("["));
	if (c->system_prompt.n) {
		add_system(out, c->system_prompt);
		c->system_prompt_reset = true;
	}
	for (size_t i = 0; jscan_next_item(&it, &m); i++) {
		if (i == 0 && c->system_prompt.n && is_system(m))
			continue;
		if (!add_message(c, out, m, i, err))
			return false;
	}
	add_format_words(c, out);
	buf_add_char(out, ']');
	return true;
}

/* ---- tools --------------------------------------------------------------------------------- */

bool cohere_is_chosen(struct jval tool_choice, struct jval function)
{
	struct jval name =
	    convert_member(convert_member(tool_choice, STR("function")), STR("name"));

	if (name.type != J_STRING) /* the older function_call names it directly */
		name = convert_member(tool_choice, STR("name"));
	return name.type != J_STRING ||
	    str_eq(name.text, convert_member(function, STR("name")).text);
}

static struct jval choice_of(const struct call *c)
{
	struct jval choice = convert_param(c, "tool_choice");

	return convert_given(choice) ? choice : convert_param(c, "function_call");
}

static bool is_strict(struct jval function)
{
	return jscan_true(convert_member(function, STR("strict")));
}

static void add_tool(struct buf *out, struct jval function)
{
	static const char *const kept[] = { "name", "description", "parameters" };
	struct jval v;

	json_add_comma(out);
	buf_add(out, STR("{\"type\":\"function\",\"function\":{"));
	for (size_t i = 0; i < COUNT_OF(kept); i++) {
		v = convert_member(function, str_c(kept[i]));
		if (convert_given(v))
			convert_add_raw(out, kept[i], v.text);
	}
	if (convert_member(function, STR("parameters")).type != J_OBJECT)
		convert_add_raw(out, "parameters", STR("{\"type\":\"object\",\"properties\":{}}"));
	buf_add(out, STR("}}"));
}

static void add_tools(const struct call *c, struct buf *out)
{
	bool older = c->ask->tools.type != J_ARRAY, strict = false;
	struct jval list = older ? convert_param(c, "functions") : c->ask->tools, tool;
	struct jval choice = choice_of(c);
	struct jiter it = jscan_iter(list);

	if (list.type != J_ARRAY || jscan_count(list) == 0)
		return;
	convert_add_raw(out, "tools", STR("["));
	while (jscan_next_item(&it, &tool)) {
		struct jval function = older ? tool : convert_member(tool, STR("function"));

		if (function.type != J_OBJECT || !cohere_is_chosen(choice, function))
			continue;
		add_tool(out, function);
		strict |= is_strict(function);
	}
	buf_add_char(out, ']');
	if (strict)
		convert_add_raw(out, "strict_tools", STR("true"));
	if (jscan_is(choice, STR("none")))
		convert_add_raw(out, "tool_choice", STR("\"NONE\""));
	else if (jscan_is(choice, STR("required")) || choice.type == J_OBJECT)
		convert_add_raw(out, "tool_choice", STR("\"REQUIRED\""));
}

/* ---- the rest -------------------------------------------------------------------------------- */

static void add_clamped(struct buf *out, const char *name, struct jval v, double low, double high)
{
	double d;

	if (!jscan_double(v, &d))
		return;
	if (d >= low && d <= high) {
		convert_add_raw(out, name, v.text);
		return;
	}
	json_add_name(out, name);
	json_add_double(out, d < low ? low : high);
}

static void add_stop(struct buf *out, struct jval stop)
{
	struct jiter it = jscan_iter(stop);
	struct jval item;
	bool any = false;

	if (stop.type == J_STRING && stop.text.n > 2) {
		convert_add_raw(out, "stop_sequences", STR("["));
		buf_add(out, stop.text);
		buf_add_char(out, ']');
	}
	while (stop.type == J_ARRAY && jscan_next_item(&it, &item)) {
		if (item.type != J_STRING || item.text.n <= 2)
			continue;
		if (!any)
			convert_add_raw(out, "stop_sequences", STR("["));
		any = true;
		json_add_comma(out);
		buf_add(out, item.text);
	}
	buf_add(out, any ? STR("]") : STR(""));
}

void cohere_add_sampling(struct call *c, struct buf *out)
{
	if (c->ask->max_tokens >= 0) {
		json_add_name(out, "max_tokens");
		buf_add_int(out, c->ask->max_tokens);
	}
	add_clamped(out, "temperature", convert_param(c, "temperature"), 0, 1e9);
	add_clamped(out, "p", convert_param(c, "top_p"), 0.01, 0.99);
	add_clamped(out, "k", convert_param(c, "top_k"), 0, 500);
	add_clamped(out, "frequency_penalty", convert_param(c, "frequency_penalty"), 0, 1);
	add_clamped(out, "presence_penalty", convert_param(c, "presence_penalty"), 0, 1);
	if (convert_param(c, "seed").type == J_NUMBER)
		convert_add_raw(out, "seed", convert_param(c, "seed").text);
	add_stop(out, convert_param(c, "stop"));
}

static void add_thinking(const struct call *c, struct buf *out)
{
	static const struct {
		struct str effort, thinking;
	} levels[] = {
		{ STR_INIT("none"), STR_INIT("{\"type\":\"disabled\"}") },
		{ STR_INIT("minimal"), STR_INIT("{\"type\":\"enabled\",\"token_budget\":1024}") },
		{ STR_INIT("low"), STR_INIT("{\"type\":\"enabled\",\"token_budget\":1024}") },
		{ STR_INIT("medium"), STR_INIT("{\"type\":\"enabled\",\"token_budget\":8192}") },
		{ STR_INIT("high"), STR_INIT("{\"type\":\"enabled\"}") },
		{ STR_INIT("xhigh"), STR_INIT("{\"type\":\"enabled\"}") },
		{ STR_INIT("max"), STR_INIT("{\"type\":\"enabled\"}") },
	};
	struct jval effort = convert_param(c, "reasoning_effort");
	struct jval own = convert_param(c, "thinking");

	if (own.type == J_OBJECT) {
		convert_add_raw(out, "thinking", own.text);
		return;
	}
	for (size_t i = 0; i < COUNT_OF(levels); i++)
		if (jscan_is(effort, levels[i].effort))
			convert_add_raw(out, "thinking", levels[i].thinking);
}

/* What Cohere has beyond OpenAI, by its own names. */
static void add_own(const struct call *c, struct buf *out)
{
	static const char *const own[] = { "documents", "citation_options", "safety_mode",
		"priority" };

	for (size_t i = 0; i < COUNT_OF(own); i++) {
		struct jval v = convert_param(c, own[i]);

		if (convert_given(v))
			convert_add_raw(out, own[i], v.text);
	}
}

bool cohere_add_chat(struct call *c, struct buf *out, struct err *err)
{
	static const struct str dropped[] = { STR_INIT("logit_bias"), STR_INIT("top_logprobs"),
		STR_INIT("parallel_tool_calls"), STR_INIT("prediction"), STR_INIT("modalities"),
		STR_INIT("audio"), STR_INIT("verbosity"), STR_INIT("web_search_options") };

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
	add_thinking(c, out);
	if (jscan_true(convert_param(c, "logprobs")))
		convert_add_raw(out, "logprobs", STR("true"));
	add_own(c, out);
	buf_add_char(out, '}');
	return true;
}
