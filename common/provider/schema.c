/* schema.c — see schema.h */
#include "provider/schema.h"

#include "base/json.h"

/* Bounds that no grammar has. */
static const struct str bounds[] = {
	STR_INIT("minimum"),
	STR_INIT("maximum"),
	STR_INIT("exclusiveMinimum"),
	STR_INIT("exclusiveMaximum"),
	STR_INIT("multipleOf"),
	STR_INIT("minLength"),
	STR_INIT("maxLength"),
	STR_INIT("pattern"),
	STR_INIT("minItems"),
	STR_INIT("maxItems"),
	STR_INIT("uniqueItems"),
	STR_INIT("minProperties"),
	STR_INIT("maxProperties"),
};

/* What the value of a member holds. */
enum holds { HOLDS_DATA, HOLDS_SCHEMA, HOLDS_LIST, HOLDS_MAP };

static const struct {
	struct str name;
	enum holds holds;
} members[] = {
	{ STR_INIT("items"), HOLDS_SCHEMA },
	{ STR_INIT("not"), HOLDS_SCHEMA },
	{ STR_INIT("anyOf"), HOLDS_LIST },
	{ STR_INIT("oneOf"), HOLDS_LIST },
	{ STR_INIT("allOf"), HOLDS_LIST },
	{ STR_INIT("prefixItems"), HOLDS_LIST },
	{ STR_INIT("properties"), HOLDS_MAP },
	{ STR_INIT("$defs"), HOLDS_MAP },
	{ STR_INIT("definitions"), HOLDS_MAP },
};

static bool is_bound(struct str name)
{
	for (size_t i = 0; i < COUNT_OF(bounds); i++)
		if (jscan_name_is(name, bounds[i]))
			return true;
	return false;
}

static enum holds holds(struct str name)
{
	for (size_t i = 0; i < COUNT_OF(members); i++)
		if (jscan_name_is(name, members[i].name))
			return members[i].holds;
	return HOLDS_DATA;
}

static void add_name(struct buf *out, struct str raw_name)
{
	json_add_comma(out);
	buf_add_char(out, '"');
	buf_add(out, raw_name);
	buf_add(out, STR("\":"));
}

/* The schemas of a list or of a map. The text was checked, so the depth is bounded. */
static void add_all(struct buf *out, struct jval v)
{
	struct jiter it = jscan_iter(v);
	struct str name;
	struct jval item;

	buf_add_char(out, v.type == J_ARRAY ? '[' : '{');
	while (v.type == J_ARRAY ? jscan_next_item(&it, &item)
	                         : jscan_next_member(&it, &name, &item)) {
		if (v.type == J_ARRAY)
			json_add_comma(out);
		else
			add_name(out, name);
		schema_add_strict(out, item);
	}
	buf_add_char(out, v.type == J_ARRAY ? ']' : '}');
}

static void add_member(struct buf *out, struct str name, struct jval v)
{
	enum holds kind = holds(name);

	add_name(out, jscan_name_is(name, STR("oneOf")) ? STR("anyOf") : name);
	if (kind == HOLDS_SCHEMA || (kind == HOLDS_LIST && v.type == J_ARRAY) ||
	    (kind == HOLDS_MAP && v.type == J_OBJECT)) {
		if (kind == HOLDS_SCHEMA)
			schema_add_strict(out, v);
		else
			add_all(out, v);
	} else {
		buf_add(out, v.text);
	}
}

/* The description, and behind it each bound as NAME: VALUE. */
static void add_description(struct buf *out, struct jval schema, struct jval description)
{
	struct jiter it = jscan_iter(schema);
	struct str name;
	struct jval v;
	bool any = description.type == J_STRING && description.text.n > 2;

	json_add_name(out, "description");
	buf_add_char(out, '"');
	if (any)
		buf_add(out, str_slice(description.text, 1, description.text.n - 1));
	while (jscan_next_member(&it, &name, &v)) {
		if (!is_bound(name))
			continue;
		buf_add(out, any ? STR("; ") : STR(""));
		any = true;
		buf_add(out, name);
		buf_add(out, STR(": "));
		if (v.type == J_STRING)
			buf_add(out, str_slice(v.text, 1, v.text.n - 1));
		else
			json_add_escaped(out, v.text);
	}
	buf_add_char(out, '"');
}

void schema_add_strict(struct buf *out, struct jval schema)
{
	struct jiter it = jscan_iter(schema);
	struct jval v, type = { 0 }, description = { 0 };
	bool bound = false, properties = false;
	struct str name;

	if (schema.type != J_OBJECT) {
		buf_add(out, schema.text);
		return;
	}
	buf_add_char(out, '{');
	while (jscan_next_member(&it, &name, &v)) {
		if (jscan_name_is(name, STR("type")))
			type = v;
		properties |= jscan_name_is(name, STR("properties"));
		if (is_bound(name))
			bound = true;
		else if (jscan_name_is(name, STR("description")))
			description = v;
		else if (!jscan_name_is(name, STR("additionalProperties")))
			add_member(out, name, v);
	}
	if (bound || description.type != J_NONE)
		add_description(out, schema, description);
	if (properties || jscan_is(type, STR("object"))) {
		json_add_name(out, "additionalProperties");
		buf_add(out, STR("false"));
	}
	buf_add_char(out, '}');
}
