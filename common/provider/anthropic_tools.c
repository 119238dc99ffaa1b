/* anthropic_tools.c — tools and tool_choice for the Messages API */
#include "provider/anthropic.h"

#include "base/json.h"
#include "provider/claude.h"
#include "provider/convert.h"

#define EMPTY_SCHEMA STR("{\"type\":\"object\",\"properties\":{}}")

/* What tool_choice comes down to, in either of its forms. */
struct choice {
	const char *type; /* auto, any, tool, none; NULL: not said */
	struct jval name; /* of the tool */
	struct jval allowed;
};

static const char *type_of(struct jval word)
{
	if (jscan_is(word, STR("auto")))
		return "auto";
	if (jscan_is(word, STR("none")))
		return "none";
	if (jscan_is(word, STR("required")) || jscan_is(word, STR("any")))
		return "any";
	return NULL;
}

static struct choice read_choice(const struct anthropic_writer *w)
{
	struct jval v = w->f[AP_TOOL_CHOICE], type = convert_member(v, STR("type")), inner;
	struct choice choice = { 0 };

	if (!convert_given(v))
		v = w->f[AP_FUNCTION_CALL];
	choice.type = v.type == J_STRING ? type_of(v) : type_of(type);
	if (v.type != J_OBJECT || choice.type)
		return choice;
	if (jscan_is(type, STR("allowed_tools"))) {
		inner = convert_member(v, STR("allowed_tools"));
		inner = inner.type == J_OBJECT ? inner : v;
		choice.type = type_of(convert_member(inner, STR("mode")));
		choice.allowed = convert_member(inner, STR("tools"));
		return choice;
	}
	inner = convert_member(v, STR("function"));
	if (inner.type != J_OBJECT)
		inner = convert_member(v, STR("custom"));
	choice.name = convert_member(inner.type == J_OBJECT ? inner : v, STR("name"));
	choice.type = choice.name.type == J_STRING ? "tool" : NULL;
	return choice;
}

/* A list of allowed tools leaves out the others. */
static bool is_allowed(const struct choice *choice, struct jval name)
{
	struct jiter it = jscan_iter(choice->allowed);
	struct jval item, function;

	if (choice->allowed.type != J_ARRAY)
		return true;
	while (jscan_next_item(&it, &item)) {
		function = convert_member(item, STR("function"));
		if (function.type != J_OBJECT)
			function = item;
		if (str_eq(convert_member(function, STR("name")).text, name.text))
			return true;
	}
	return false;
}

/* Said beside the function or in it. */
struct jval anthropic_eager(struct jval tool, struct jval function)
{
	struct jval eager = convert_member(tool, STR("eager_input_streaming"));

	return convert_given(eager) ? eager
	                            : convert_member(function, STR("eager_input_streaming"));
}

/* Bedrock refuses the member and has the beta that it came from. */
static void add_eager(struct anthropic_writer *w, struct jval eager)
{
	if (w->host->is_bedrock)
		w->reply->eager |= jscan_true(eager);
	else if (eager.type == J_TRUE || eager.type == J_FALSE)
		convert_add_raw(w->out, "eager_input_streaming", eager.text);
}

static void add_function(struct anthropic_writer *w, struct jval tool, struct jval function,
    bool custom)
{
	struct jval name = convert_member(function, STR("name"));
	struct jval description = convert_member(function, STR("description"));
	struct jval schema = convert_member(function, STR("parameters"));
	struct jval mark = convert_member(tool, STR("cache_control"));

	json_add_comma(w->out);
	buf_add_char(w->out, '{');
	convert_add_raw(w->out, "name", name.type == J_STRING ? name.text : STR("\"\""));
	if (description.type == J_STRING)
		convert_add_raw(w->out, "description", description.text);
	if (custom)
		convert_add_raw(w->out, "input_schema",
		    STR("{\"type\":\"object\",\"properties\":{\"input\":{\"type\":\"string\"}},"
		        "\"required\":[\"input\"]}"));
	else
		convert_add_raw(w->out, "input_schema",
		    schema.type == J_OBJECT && jscan_count(schema) ? schema.text : EMPTY_SCHEMA);
	if (jscan_true(convert_member(function, STR("strict"))) && anthropic_has_format(w))
		convert_add_raw(w->out, "strict", STR("true"));
	add_eager(w, anthropic_eager(tool, function));
	if (mark.type != J_OBJECT)
		mark = convert_member(function, STR("cache_control"));
	if (mark.type == J_OBJECT)
		convert_add_raw(w->out, "cache_control", mark.text);
	buf_add_char(w->out, '}');
}

/* Ours, or one that only the provider knows, which passes as it is. */
static void add_tool(struct anthropic_writer *w, struct jval tool, const struct choice *choice)
{
	struct jval function = convert_member(tool, STR("function"));
	struct jval custom = convert_member(tool, STR("custom"));
	struct jval type = convert_member(tool, STR("type"));

	if (custom.type == J_OBJECT)
		function = custom;
	if (function.type != J_OBJECT && type.type == J_STRING && !w->host->is_bedrock) {
		json_add_comma(w->out);
		buf_add(w->out, tool.text);
		return;
	}
	if (function.type == J_OBJECT && is_allowed(choice, convert_member(function, STR("name"))))
		add_function(w, tool, function, custom.type == J_OBJECT);
}

static void add_web_search(struct anthropic_writer *w)
{
	struct jval place = convert_member(w->f[AP_WEB_SEARCH], STR("user_location"));
	struct jval inner = convert_member(place, STR("approximate")), v;
	static const char *const members[] = { "city", "region", "country", "timezone" };

	json_add_comma(w->out);
	buf_add(w->out, STR("{\"type\":\"web_search_20250305\",\"name\":\"web_search\""));
	if (inner.type == J_OBJECT) {
		json_add_name(w->out, "user_location");
		buf_add(w->out, STR("{\"type\":\"approximate\""));
		for (size_t i = 0; i < COUNT_OF(members); i++) {
			v = convert_member(inner, str_c(members[i]));
			if (v.type == J_STRING)
				convert_add_raw(w->out, members[i], v.text);
		}
		buf_add_char(w->out, '}');
	}
	buf_add_char(w->out, '}');
}

/* A history with calls needs definitions, also when the client sent none. */
static void add_stubs(struct anthropic_writer *w)
{
	for (size_t i = 0; i < w->name_count; i++) {
		json_add_comma(w->out);
		buf_add(w->out, STR("{\"name\":"));
		buf_add(w->out, w->names[i].text);
		buf_add(w->out, STR(",\"input_schema\":"));
		buf_add(w->out, EMPTY_SCHEMA);
		buf_add_char(w->out, '}');
	}
}

/* Stands for the answer where the model has no structured output of its own. */
static void add_json_tool(struct anthropic_writer *w)
{
	struct jval format = convert_member(w->f[AP_RESPONSE_FORMAT], STR("json_schema"));
	struct jval schema = convert_member(format, STR("schema"));

	json_add_comma(w->out);
	buf_add(w->out,
	    STR("{\"name\":\"json_output\",\"description\":\"Gives the final answer. Call it "
	        "exactly once.\",\"input_schema\":"));
	buf_add(w->out, schema.type == J_OBJECT ? schema.text : EMPTY_SCHEMA);
	buf_add_char(w->out, '}');
	w->reply->json_tool = true;
}

static bool wants_json_tool(const struct anthropic_writer *w)
{
	return jscan_is(convert_member(w->f[AP_RESPONSE_FORMAT], STR("type")),
	           STR("json_schema")) &&
	    !anthropic_has_format(w);
}

static size_t add_list(struct anthropic_writer *w, const struct choice *choice)
{
	bool older = w->c->ask->tools.type != J_ARRAY;
	struct jval list = older ? w->f[AP_FUNCTIONS] : w->c->ask->tools, tool;
	struct jiter it = jscan_iter(list);
	size_t start = w->out->len, before;

	convert_add_raw(w->out, "tools", STR("["));
	before = w->out->len;
	while (list.type == J_ARRAY && jscan_next_item(&it, &tool)) {
		if (older)
			add_function(w, tool, tool, false);
		else
			add_tool(w, tool, choice);
	}
	if (w->f[AP_WEB_SEARCH].type == J_OBJECT && !w->host->is_bedrock)
		add_web_search(w);
	if (w->out->len == before)
		add_stubs(w);
	if (wants_json_tool(w))
		add_json_tool(w);
	if (w->out->len == before) {
		buf_truncate(w->out, start);
		return 0;
	}
	buf_add_char(w->out, ']');
	return w->out->len - before;
}

bool anthropic_add_tools(struct anthropic_writer *w, bool thinking, struct err *err)
{
	struct choice choice = read_choice(w);
	bool alone = w->f[AP_PARALLEL].type == J_FALSE && !w->host->is_bedrock;
	bool forced;

	if (!add_list(w, &choice))
		return true;
	if (w->reply->json_tool)
		choice = (struct choice){ .type = w->c->ask->tools.type == J_ARRAY ? "any" : "tool",
			.name = { J_STRING, STR("\"json_output\"") } };
	forced = choice.type && (str_eq_c(str_c(choice.type), "any") || choice.name.type);
	if (forced && (thinking || w->model->flags & CLAUDE_NO_FORCE)) {
		if (!w->reply->json_tool &&
		    !convert_drop_one(w->c, "tool_choice",
		        "a model that thinks chooses its tools itself", err))
			return false;
		choice = (struct choice){ .type = "auto" };
	}
	if (w->f[AP_PARALLEL].type == J_FALSE && w->host->is_bedrock &&
	    !convert_drop_one(w->c, "parallel_tool_calls", "the provider refuses it", err))
		return false;
	if (!choice.type && !alone)
		return true;
	if (!choice.type)
		choice.type = "auto";
	buf_addf(w->out, ",\"tool_choice\":{\"type\":\"%s\"", choice.type);
	if (str_eq_c(str_c(choice.type), "tool"))
		convert_add_raw(w->out, "name", choice.name.text);
	if (alone && !str_eq_c(str_c(choice.type), "none"))
		convert_add_raw(w->out, "disable_parallel_tool_use", STR("true"));
	buf_add_char(w->out, '}');
	return true;
}
