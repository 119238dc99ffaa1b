/* gemini_tools.c — tools and tool_choice as functionDeclarations and toolConfig */
#include "provider/gemini.h"

#include "base/arena.h"
#include "base/json.h"

/* What tool_choice comes to. */
struct choice {
	const char *mode;   /* NULL: nothing is said */
	struct jval only;   /* the name of the only function that may be called */
	struct jval listed; /* tools of allowed_tools */
	bool filters;       /* functions that are not listed are not even declared */
};

/* ---- tools -------------------------------------------------------------------------------- */

/* Tools of Google's own, under the names that clients give them. */
static const struct {
	struct str name, other;
	const char *member;
} builtin[] = {
	{ STR_INIT("googleSearch"), STR_INIT("google_search"), "googleSearch" },
	{ STR_INIT("codeExecution"), STR_INIT("code_execution"), "codeExecution" },
	{ STR_INIT("urlContext"), STR_INIT("url_context"), "urlContext" },
};

/* Its place in builtin, or -1: by type, by a function of that name, by a member. */
static int builtin_of(struct jval tool)
{
	struct jval type = convert_member(tool, STR("type"));
	struct jval name = convert_member(convert_member(tool, STR("function")), STR("name"));

	for (size_t i = 0; i < COUNT_OF(builtin); i++)
		if (jscan_is(type, builtin[i].name) || jscan_is(type, builtin[i].other) ||
		    jscan_is(name, builtin[i].name) ||
		    convert_member(tool, builtin[i].name).type == J_OBJECT ||
		    convert_member(tool, builtin[i].other).type == J_OBJECT)
			return (int)i;
	return -1;
}

static struct jval name_of_tool(struct jval tool)
{
	return convert_member(convert_member(tool, STR("function")), STR("name"));
}

static bool is_listed(const struct choice *choice, struct jval name)
{
	struct jiter it = jscan_iter(choice->listed);
	struct jval tool;

	if (!choice->filters)
		return true;
	while (jscan_next_item(&it, &tool))
		if (str_eq(name_of_tool(tool).text, name.text))
			return true;
	return false;
}

static void add_declaration(struct gemini_writer *w, struct jval function)
{
	struct jval name = convert_member(function, STR("name"));
	struct jval description = convert_member(function, STR("description"));
	struct jval parameters = convert_member(function, STR("parameters"));

	json_add_comma(w->out);
	buf_add(w->out, STR("{\"name\":"));
	buf_add(w->out, name.type == J_STRING ? name.text : STR("\"\""));
	if (description.type == J_STRING)
		convert_add_raw(w->out, "description", description.text);
	if (gemini_schema_says(parameters)) {
		json_add_name(w->out, "parameters");
		gemini_add_schema(w->out, w->c->arena, parameters);
	}
	buf_add_char(w->out, '}');
}

/* All functions in one entry. older: items are functions, not tools. */
static bool add_functions(struct gemini_writer *w, const struct choice *choice, struct jval list,
    bool older, struct err *err)
{
	struct jiter it = jscan_iter(list);
	struct jval tool, function;
	bool any = false;

	for (size_t i = 0; list.type == J_ARRAY && jscan_next_item(&it, &tool); i++) {
		function = older ? tool : convert_member(tool, STR("function"));
		if (!older && builtin_of(tool) >= 0)
			continue;
		if (function.type != J_OBJECT)
			return err_set(err, ERR_INVALID_TEXT,
			    "tools[%zu]: this channel takes functions only", i);
		if (!is_listed(choice, convert_member(function, STR("name"))))
			continue;
		if (!any)
			buf_add(w->out, STR("{\"functionDeclarations\":["));
		any = true;
		add_declaration(w, function);
	}
	if (any)
		buf_add(w->out, STR("]}"));
	return true;
}

static void add_builtin(struct gemini_writer *w, struct jval list)
{
	bool wanted[COUNT_OF(builtin)] = { convert_given(w->f[GP_WEB_SEARCH]) };
	struct jiter it = jscan_iter(list);
	struct jval tool;

	while (list.type == J_ARRAY && jscan_next_item(&it, &tool)) {
		int at = builtin_of(tool);

		if (at >= 0)
			wanted[at] = true;
	}
	for (size_t i = 0; i < COUNT_OF(builtin); i++) {
		if (!wanted[i])
			continue;
		json_add_comma(w->out);
		buf_addf(w->out, "{\"%s\":{}}", builtin[i].member);
	}
}

/* ---- tool_choice -------------------------------------------------------------------------- */

static bool is_strict(struct jval list)
{
	struct jiter it = jscan_iter(list);
	struct jval tool;

	while (list.type == J_ARRAY && jscan_next_item(&it, &tool))
		if (jscan_true(
		        convert_member(convert_member(tool, STR("function")), STR("strict"))))
			return true;
	return false;
}

static struct choice read_choice(const struct gemini_writer *w, struct jval list)
{
	struct jval v = w->f[GP_TOOL_CHOICE], allowed;
	struct choice c = { 0 };

	if (!convert_given(v))
		v = w->f[GP_FUNCTION_CALL];
	allowed = convert_member(v, STR("allowed_tools"));
	if (jscan_is(v, STR("auto")))
		c.mode = "AUTO";
	else if (jscan_is(v, STR("none")))
		c.mode = "NONE";
	else if (jscan_is(v, STR("required")) || v.type == J_OBJECT)
		c.mode = "ANY";
	c.only = convert_member(convert_member(v, STR("function")), STR("name"));
	if (c.only.type != J_STRING)
		c.only = convert_member(v, STR("name"));
	if (allowed.type == J_OBJECT) {
		c.listed = convert_member(allowed, STR("tools"));
		c.filters = !jscan_is(convert_member(allowed, STR("mode")), STR("required"));
		c.mode = c.filters ? "AUTO" : "ANY";
	}
	if ((!c.mode || str_eq_c(STR("AUTO"), c.mode)) && is_strict(list))
		c.mode = "VALIDATED";
	return c;
}

static void add_names(struct gemini_writer *w, const struct choice *choice)
{
	struct jiter it = jscan_iter(choice->listed);
	struct jval tool;

	convert_add_raw(w->out, "allowedFunctionNames", STR("["));
	if (choice->only.type == J_STRING)
		buf_add(w->out, choice->only.text);
	while (choice->listed.type == J_ARRAY && jscan_next_item(&it, &tool)) {
		if (name_of_tool(tool).type != J_STRING)
			continue;
		json_add_comma(w->out);
		buf_add(w->out, name_of_tool(tool).text);
	}
	buf_add_char(w->out, ']');
}

static void add_choice(struct gemini_writer *w, const struct choice *choice)
{
	bool names =
	    choice->only.type == J_STRING || (choice->listed.type == J_ARRAY && !choice->filters);

	if (!choice->mode)
		return;
	convert_add_raw(w->out, "toolConfig", STR("{\"functionCallingConfig\":{\"mode\":"));
	buf_addf(w->out, "\"%s\"", choice->mode);
	if (names)
		add_names(w, choice);
	buf_add(w->out, STR("}}"));
}

bool gemini_add_tools(struct gemini_writer *w, struct err *err)
{
	bool older = w->c->ask->tools.type != J_ARRAY;
	struct jval list = older ? w->f[GP_FUNCTIONS] : w->c->ask->tools;
	struct choice choice = read_choice(w, list);
	size_t start = w->out->len, before, after;

	convert_add_raw(w->out, "tools", STR("["));
	before = w->out->len;
	if (!add_functions(w, &choice, list, older, err))
		return false;
	after = w->out->len;
	add_builtin(w, older ? (struct jval){ 0 } : list);
	if (w->out->len == before) {
		buf_truncate(w->out, start);
		return true;
	}
	buf_add_char(w->out, ']');
	if (after > before)
		add_choice(w, &choice);
	return true;
}
