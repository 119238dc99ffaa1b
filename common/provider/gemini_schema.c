/* gemini_schema.c — a JSON schema in the subset that Google reads
 *
 * A schema is seen as layers: itself, what its $ref names, the items of its allOf, and the one branch
 * of anyOf or oneOf that is left when null is taken away. A keyword is that of the first layer which
 * has it; properties and required are those of all. What the subset does not know is left out.
 */
#include "provider/gemini.h"

#include "base/arena.h"
#include "base/json.h"

#define LAYERS_MAX 24
#define REFS_MAX 24
#define DEPTH_MAX 32
/* Comparisons of names in one schema; a stranger's may have a million of them. */
#define WORK_MAX (1 << 20)

/* What is read of a schema: first what is copied as it is. */
enum keyword {
	TITLE,
	DESCRIPTION,
	MIN_ITEMS,
	MAX_ITEMS,
	ORDERING,
	MINIMUM,
	MAXIMUM,
	MIN_LENGTH,
	MAX_LENGTH,
	PATTERN,
	MIN_PROPERTIES,
	MAX_PROPERTIES,
	DEFAULT,
	EXAMPLE,
	COPIED,
	REF = COPIED,
	ALL_OF,
	ANY_OF,
	ONE_OF,
	TYPE,
	FORMAT,
	ENUM,
	CONST,
	NULLABLE,
	ITEMS,
	PREFIX_ITEMS,
	PROPERTIES,
	REQUIRED,
	KEYWORDS
};

static const struct str keywords[KEYWORDS] = {
	[TITLE] = STR_INIT("title"),
	[DESCRIPTION] = STR_INIT("description"),
	[MIN_ITEMS] = STR_INIT("minItems"),
	[MAX_ITEMS] = STR_INIT("maxItems"),
	[ORDERING] = STR_INIT("propertyOrdering"),
	[MINIMUM] = STR_INIT("minimum"),
	[MAXIMUM] = STR_INIT("maximum"),
	[MIN_LENGTH] = STR_INIT("minLength"),
	[MAX_LENGTH] = STR_INIT("maxLength"),
	[PATTERN] = STR_INIT("pattern"),
	[MIN_PROPERTIES] = STR_INIT("minProperties"),
	[MAX_PROPERTIES] = STR_INIT("maxProperties"),
	[DEFAULT] = STR_INIT("default"),
	[EXAMPLE] = STR_INIT("example"),
	[REF] = STR_INIT("$ref"),
	[ALL_OF] = STR_INIT("allOf"),
	[ANY_OF] = STR_INIT("anyOf"),
	[ONE_OF] = STR_INIT("oneOf"),
	[TYPE] = STR_INIT("type"),
	[FORMAT] = STR_INIT("format"),
	[ENUM] = STR_INIT("enum"),
	[CONST] = STR_INIT("const"),
	[NULLABLE] = STR_INIT("nullable"),
	[ITEMS] = STR_INIT("items"),
	[PREFIX_ITEMS] = STR_INIT("prefixItems"),
	[PROPERTIES] = STR_INIT("properties"),
	[REQUIRED] = STR_INIT("required"),
};

struct schema {
	struct arena *arena;
	struct buf *out;
	struct jval root;
	const char *refs[REFS_MAX]; /* where those lie that are being followed */
	size_t ref_count;
	int depth;
	long work;
};

struct layers {
	struct jval v[KEYWORDS]; /* of the first layer that has it */
	struct {
		struct jval properties, required;
	} items[LAYERS_MAX];
	size_t count;
	bool nullable;
	bool endless; /* it refers to itself, or is too deep */
};

static void add(struct schema *s, struct jval schema);

/* ---- layers ------------------------------------------------------------------------------- */

/* "#/$defs/Name" */
static struct jval follow(struct schema *s, struct jval ref)
{
	struct str path = jscan_text(s->arena, ref), step;
	struct jval at = s->root;

	if (!str_starts(path, STR("#")))
		return (struct jval){ 0 };
	path = str_slice(path, str_starts(path, STR("#/")) ? 2 : 1, path.n);
	while (str_next(&path, '/', &step))
		at = convert_member(at, step);
	return at;
}

static bool is_null(struct jval schema)
{
	return jscan_is(convert_member(schema, STR("type")), STR("null"));
}

static void gather(struct schema *s, struct jval schema, struct layers *to);

static void gather_ref(struct schema *s, struct jval ref, struct layers *to)
{
	struct jval target = follow(s, ref);

	for (size_t i = 0; i < s->ref_count; i++)
		to->endless |= s->refs[i] == target.text.p;
	to->endless |= s->ref_count == REFS_MAX;
	if (to->endless || target.type != J_OBJECT)
		return;
	s->refs[s->ref_count++] = target.text.p;
	gather(s, target, to);
}

/* The only branch beside null. */
static void gather_branch(struct schema *s, struct jval list, struct layers *to)
{
	struct jiter it = jscan_iter(list);
	struct jval item, only = { 0 };
	size_t real = 0;

	while (list.type == J_ARRAY && jscan_next_item(&it, &item)) {
		if (is_null(item)) {
			to->nullable = true;
		} else {
			only = item;
			real++;
		}
	}
	if (real == 1)
		gather(s, only, to);
}

static void gather(struct schema *s, struct jval schema, struct layers *to)
{
	struct jval v[KEYWORDS], item;
	struct jiter it;

	if (schema.type != J_OBJECT || to->count == LAYERS_MAX)
		return;
	convert_pick(schema, keywords, v, COUNT_OF(v));
	for (size_t i = 0; i < COUNT_OF(v); i++)
		if (to->v[i].type == J_NONE)
			to->v[i] = v[i];
	to->items[to->count].properties = v[PROPERTIES];
	to->items[to->count++].required = v[REQUIRED];
	if (v[REF].type == J_STRING)
		gather_ref(s, v[REF], to);
	it = jscan_iter(v[ALL_OF]);
	while (v[ALL_OF].type == J_ARRAY && jscan_next_item(&it, &item))
		gather(s, item, to);
	gather_branch(s, v[ANY_OF], to);
	gather_branch(s, v[ONE_OF], to);
}

/* ---- keywords ----------------------------------------------------------------------------- */

static void add_copied(struct schema *s, const struct layers *l)
{
	for (int i = 0; i < COPIED; i++)
		if (convert_given(l->v[i]))
			convert_add_raw(s->out, keywords[i].p, l->v[i].text);
}

/* Values of an enum as texts; null is said by nullable. Are they more than texts? */
static bool add_values(struct schema *s, struct jval list, struct layers *l)
{
	struct jiter it = jscan_iter(list);
	struct jval item;
	bool others = false;

	convert_add_raw(s->out, "enum", STR("["));
	while (jscan_next_item(&it, &item)) {
		if (item.type == J_NULL) {
			l->nullable = true;
			continue;
		}
		json_add_comma(s->out);
		if (item.type == J_STRING) {
			buf_add(s->out, item.text);
		} else {
			others = true;
			json_add_str(s->out, item.text);
		}
	}
	buf_add_char(s->out, ']');
	return others;
}

/* True when type and format are said by it. */
static bool add_enum(struct schema *s, struct layers *l)
{
	struct jval list = l->v[ENUM], one = l->v[CONST];

	if (list.type != J_ARRAY && one.type != J_NONE)
		list = (struct jval){ J_ARRAY,
			str_c(arena_fmt(s->arena, "[%.*s]", STR_ARG(one.text))) };
	if (list.type != J_ARRAY || !add_values(s, list, l))
		return false;
	buf_add(s->out, STR(",\"type\":\"string\",\"format\":\"enum\""));
	return true;
}

static size_t real_types(struct jval types, struct jval *last, bool *nullable)
{
	struct jiter it = jscan_iter(types);
	struct jval item;
	size_t n = 0;

	while (jscan_next_item(&it, &item)) {
		if (jscan_is(item, STR("null"))) {
			*nullable = true;
		} else {
			*last = item;
			n++;
		}
	}
	return n;
}

static void add_any_types(struct schema *s, struct jval types)
{
	struct jiter it = jscan_iter(types);
	struct jval item;

	convert_add_raw(s->out, "anyOf", STR("["));
	while (jscan_next_item(&it, &item)) {
		if (jscan_is(item, STR("null")))
			continue;
		json_add_comma(s->out);
		buf_add(s->out, STR("{\"type\":"));
		buf_add(s->out, item.text);
		buf_add_char(s->out, '}');
	}
	buf_add_char(s->out, ']');
}

static void add_type(struct schema *s, struct layers *l)
{
	struct jval type = l->v[TYPE], only = type, format = l->v[FORMAT];

	if (type.type == J_ARRAY && real_types(type, &only, &l->nullable) > 1) {
		add_any_types(s, type);
		return;
	}
	if (jscan_is(only, STR("null")))
		l->nullable = true;
	else if (only.type == J_STRING)
		convert_add_raw(s->out, "type", only.text);
	if (format.type == J_STRING)
		convert_add_raw(s->out, "format", format.text);
}

/* Branches, when there is more than one beside null. */
static bool add_branches(struct schema *s, const struct layers *l)
{
	struct jval list = l->v[ANY_OF], item;
	struct jiter it;
	size_t real = 0;

	if (list.type != J_ARRAY)
		list = l->v[ONE_OF];
	it = jscan_iter(list);
	while (list.type == J_ARRAY && jscan_next_item(&it, &item))
		real += !is_null(item);
	if (real < 2)
		return false;
	convert_add_raw(s->out, "anyOf", STR("["));
	it = jscan_iter(list);
	while (jscan_next_item(&it, &item)) {
		if (is_null(item))
			continue;
		json_add_comma(s->out);
		add(s, item);
	}
	buf_add_char(s->out, ']');
	return true;
}

/* Has an earlier layer a property of that raw name? */
static bool is_known(struct schema *s, const struct layers *l, size_t before, struct str name)
{
	struct jval properties, value;
	struct str other;
	struct jiter it;

	for (size_t i = 0; i < before; i++) {
		properties = l->items[i].properties;
		it = jscan_iter(properties);
		while (properties.type == J_OBJECT && jscan_next_member(&it, &other, &value))
			if (++s->work > WORK_MAX || str_eq(other, name))
				return s->work <= WORK_MAX;
	}
	return false;
}

static void add_properties(struct schema *s, const struct layers *l)
{
	struct jval properties, value;
	struct str name;
	struct jiter it;
	bool any = false;

	for (size_t i = 0; i < l->count; i++) {
		properties = l->items[i].properties;
		it = jscan_iter(properties);
		while (properties.type == J_OBJECT && jscan_next_member(&it, &name, &value)) {
			if (is_known(s, l, i, name))
				continue;
			if (!any)
				convert_add_raw(s->out, "properties", STR("{"));
			any = true;
			json_add_comma(s->out);
			buf_add_char(s->out, '"');
			buf_add(s->out, name);
			buf_add(s->out, STR("\":"));
			add(s, value);
		}
	}
	if (any)
		buf_add_char(s->out, '}');
}

/* Only names that are properties: others are refused. */
static void add_required(struct schema *s, const struct layers *l)
{
	struct jval list, item;
	struct jiter it;
	bool any = false;

	for (size_t i = 0; i < l->count; i++) {
		list = l->items[i].required;
		it = jscan_iter(list);
		while (list.type == J_ARRAY && jscan_next_item(&it, &item)) {
			if (item.type != J_STRING || item.text.n < 2 ||
			    !is_known(s, l, l->count, str_slice(item.text, 1, item.text.n - 1)))
				continue;
			if (!any)
				convert_add_raw(s->out, "required", STR("["));
			any = true;
			json_add_comma(s->out);
			buf_add(s->out, item.text);
		}
	}
	if (any)
		buf_add_char(s->out, ']');
}

/* A tuple is taken for a list of what it begins with. */
static void add_items(struct schema *s, const struct layers *l)
{
	struct jval items = l->v[ITEMS];
	struct jiter it;

	if (items.type != J_OBJECT && items.type != J_ARRAY)
		items = l->v[PREFIX_ITEMS];
	it = jscan_iter(items);
	if (items.type == J_ARRAY && !jscan_next_item(&it, &items))
		return;
	if (items.type != J_OBJECT)
		return;
	json_add_name(s->out, "items");
	add(s, items);
}

static void add_layers(struct schema *s, struct layers *l)
{
	buf_add_char(s->out, '{');
	if (!add_branches(s, l) && !add_enum(s, l))
		add_type(s, l);
	add_copied(s, l);
	add_items(s, l);
	add_properties(s, l);
	add_required(s, l);
	if (l->nullable || jscan_true(l->v[NULLABLE]))
		convert_add_raw(s->out, "nullable", STR("true"));
	buf_add_char(s->out, '}');
}

/* References may multiply what is written; once it does not fit any more nothing is followed. */
static void add(struct schema *s, struct jval schema)
{
	size_t refs = s->ref_count;
	struct layers l = { 0 };

	if (!buf_ok(s->out))
		return;
	if (s->depth++ < DEPTH_MAX)
		gather(s, schema, &l);
	if (l.endless || s->depth > DEPTH_MAX)
		buf_add(s->out, STR("{\"type\":\"object\"}"));
	else
		add_layers(s, &l);
	s->ref_count = refs;
	s->depth--;
}

bool gemini_schema_says(struct jval schema)
{
	struct jval type = convert_member(schema, STR("type"));
	struct jval properties = convert_member(schema, STR("properties"));

	if (schema.type != J_OBJECT)
		return false;
	if (properties.type == J_OBJECT)
		return jscan_count(properties) > 0;
	return type.type != J_NONE ? !jscan_is(type, STR("object")) : jscan_count(schema) > 0;
}

void gemini_add_schema(struct buf *out, struct arena *a, struct jval schema)
{
	struct schema s = { .arena = a, .out = out, .root = schema };

	add(&s, schema);
}
