/* tool_tokens.c — see tool_tokens.h */
#include "billing/tool_tokens.h"

/* Negative: an enumeration replaces what a plain property would have. */
enum {
	ONCE = 12,
	PER_FUNCTION_OLD = 10, /* gpt-4, gpt-3.5: the models of cl100k_base */
	PER_FUNCTION = 7,
	PER_PROPERTIES = 3,
	PER_PROPERTY = 3,
	PER_ENUM = -3,
	PER_ENUM_VALUE = 3,
};

/* The members of a schema that are written out. */
struct schema {
	struct jval type, description, properties, items, values;
};

static void count_schema(struct text_counter *c, const struct schema *s);

/* ---- text ------------------------------------------------------------------------------------*/

/* The text of a string; another value as compact JSON. */
static void add_value(struct text_counter *c, struct jval v)
{
	if (v.type == J_STRING)
		text_add_json(c, v);
	else
		text_add_compact(c, v.text);
}

/* Without the full stop at its end. */
static void add_description(struct text_counter *c, struct jval v)
{
	if (v.type == J_STRING && v.text.n >= 3 && v.text.p[v.text.n - 2] == '.')
		v.text.n--;
	add_value(c, v);
}

/* A member's name as it stands in the text, as the string that it is. */
static struct jval name_value(struct str raw)
{
	return (struct jval){ J_STRING, { raw.p - 1, raw.n + 2 } };
}

/* ---- schemas ---------------------------------------------------------------------------------*/

/* What says nothing to the model, or is implied in how the rest is written out. */
static bool is_silent(struct str name, struct jval value)
{
	if (value.type == J_TRUE || value.type == J_FALSE || value.type == J_NULL)
		return true;
	return jscan_name_is(name, STR("required")) || jscan_name_is(name, STR("$schema"));
}

/* Sorts the members of a schema; those that have no place in it count as they are. */
static void read_schema(struct text_counter *c, struct jval v, struct schema *s)
{
	const struct {
		struct str name;
		struct jval *value;
	} known[] = {
		{ STR("type"), &s->type },
		{ STR("description"), &s->description },
		{ STR("properties"), &s->properties },
		{ STR("items"), &s->items },
		{ STR("enum"), &s->values },
	};
	struct jiter it = jscan_iter(v);
	struct jval value;
	struct str name;

	*s = (struct schema){ 0 };
	while (jscan_next_member(&it, &name, &value)) {
		size_t i = 0;

		while (i < COUNT_OF(known) && !jscan_name_is(name, known[i].name))
			i++;
		if (i < COUNT_OF(known))
			*known[i].value = value;
		else if (!is_silent(name, value)) {
			text_add_compact(c, value.text);
			text_end(c);
		}
	}
}

/* NAME:TYPE:DESCRIPTION, then what is below it. */
static void count_property(struct text_counter *c, struct jval name, struct jval v)
{
	struct schema s = { 0 };

	c->state.tokens += PER_PROPERTY;
	if (v.type == J_OBJECT)
		read_schema(c, v, &s);
	add_value(c, name);
	text_add(c, STR(":"));
	add_value(c, s.type);
	text_add(c, STR(":"));
	add_description(c, s.description);
	text_end(c);
	count_schema(c, &s);
}

static void count_values(struct text_counter *c, struct jval values)
{
	struct jiter it = jscan_iter(values);
	struct jval value;

	c->state.tokens += PER_ENUM;
	while (jscan_next_item(&it, &value)) {
		c->state.tokens += PER_ENUM_VALUE;
		add_value(c, value);
		text_end(c);
	}
}

static void count_properties(struct text_counter *c, struct jval properties)
{
	struct jiter it = jscan_iter(properties);
	struct jval value;
	struct str name;
	bool any = false;

	while (jscan_next_member(&it, &name, &value)) {
		count_property(c, name_value(name), value);
		any = true;
	}
	if (any)
		c->state.tokens += PER_PROPERTIES;
}

static void count_schema(struct text_counter *c, const struct schema *s)
{
	static const char items[] = "\"items\"";

	if (s->values.type == J_ARRAY)
		count_values(c, s->values);
	if (s->properties.type == J_OBJECT)
		count_properties(c, s->properties);
	if (s->items.type == J_OBJECT)
		count_property(c, (struct jval){ J_STRING, str_c(items) }, s->items);
}

/* ---- tools -----------------------------------------------------------------------------------*/

static void count_function(struct text_counter *c, struct jval function, struct jval name)
{
	struct jval description, parameters;
	struct schema s;

	c->state.tokens += c->state.encoding == ENCODING_CL100K ? PER_FUNCTION_OLD : PER_FUNCTION;
	(void)jscan_member(function, STR("description"), &description);
	add_value(c, name);
	text_add(c, STR(":"));
	add_description(c, description);
	text_end(c);
	if (!jscan_member(function, STR("parameters"), &parameters) || parameters.type != J_OBJECT)
		return;
	read_schema(c, parameters, &s);
	count_schema(c, &s);
}

/* A chat's tool holds its function in a member; a response's, and the older kind, is one. */
static void count_tool(struct text_counter *c, struct jval tool)
{
	struct jval function, name;

	if (!jscan_member(tool, STR("function"), &function) || function.type != J_OBJECT)
		function = tool;
	if (jscan_member(function, STR("name"), &name) && name.type == J_STRING) {
		count_function(c, function, name);
		return;
	}
	text_add_compact(c, tool.text);
	text_end(c);
}

void tool_tokens_add(struct text_counter *c, struct jval tools)
{
	struct jiter it = jscan_iter(tools);
	struct jval tool;
	bool any = false;

	if (tools.type != J_ARRAY)
		return;
	while (jscan_next_item(&it, &tool)) {
		count_tool(c, tool);
		any = true;
	}
	if (any)
		c->state.tokens += ONCE;
}
