/* price_table.c — see price_table.h: how the table is made, and the built-in one as option JSON */
#include "billing/price_table.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/log.h"

#define OPTION_DEPTH 8
#define OPTION_JSON_MAX (1024 * 1024)

struct group {
	struct str name;
	int64_t ratio;
	size_t order; /* in the JSON text: the last of equal names counts */
};

/* ---- the table -------------------------------------------------------------------------------*/

/* The slot of a key, or the free one where it would go. */
static struct price *slot_of(const struct price_table *t, struct str key)
{
	size_t i = (size_t)str_hash(key) & t->mask;

	while (t->slots[i].key.p && !str_eq(t->slots[i].key, key))
		i = (i + 1) & t->mask;
	return &t->slots[i];
}

static struct price *slot_make(struct price_table *t, struct str key)
{
	struct price *p = slot_of(t, key);

	if (!p->key.p)
		*p = (struct price){ key, NOT_SET, NOT_SET, NULL, NULL };
	return p;
}

const struct price *price_slot(const struct price_table *t, struct str key)
{
	const struct price *p = slot_of(t, key);

	return p->key.p ? p : NULL;
}

static struct str builtin_key(struct arena *a, const struct builtin_price *b)
{
	if (!b->channel_type)
		return str_c(b->name);
	return str_c(arena_fmt(a, "%s(%d)", b->name, b->channel_type));
}

static void add_builtin(struct arena *a, struct price_table *t)
{
	EACH_BUILTIN(row)
	{
		struct price *p = slot_make(t, builtin_key(a, row));

		p->ours = row;
		p->model = builtin_ratio(row);
		p->completion = builtin_completion(row);
	}
}

int64_t price_completion_by_rule(struct str model)
{
	for (const struct completion_rule *r = completion_rules; r->prefix; r++)
		if (str_starts(model, str_c(r->prefix)) && str_ends(model, str_c(r->suffix)))
			return r->ratio;
	return RATIO_ONE;
}

/* Not for NAME(TYPE): there the figure of NAME comes before the rules. */
static void add_rules(struct price_table *t)
{
	for (size_t i = 0; i <= t->mask; i++) {
		struct price *p = &t->slots[i];

		if (p->key.p && p->completion == NOT_SET && !str_ends(p->key, STR(")")))
			p->completion = price_completion_by_rule(p->key);
	}
}

/* ---- options ---------------------------------------------------------------------------------*/

struct option_text {
	const char *name;
	struct jval root;
	struct jiter it;
	struct price_faults faults;
};

static bool option_open(const char *name, struct str text, struct option_text *o, struct err *err)
{
	struct err why = { 0 };

	*o = (struct option_text){ .name = name };
	if (str_trim(text).n == 0)
		text = STR("{}");
	if (!jscan_check(text, OPTION_DEPTH, &o->root, &why))
		return err_set(err, ERR_BAD_REQUEST, "%s is not valid JSON: %s", name, why.msg);
	if (o->root.type != J_OBJECT)
		return err_set(err, ERR_BAD_REQUEST, "%s must be a JSON object", name);
	o->it = jscan_iter(o->root);
	return true;
}

/* The next entry that is a price; false at the end. The key is the arena's. */
static bool option_next(struct option_text *o, struct arena *a, struct str *key, int64_t *ratio)
{
	struct str raw;
	struct jval value;
	const char *why;

	while (jscan_next_member(&o->it, &raw, &value)) {
		bool ok = ratio_value(value, PRICE_STORED, ratio, &why);

		/* With its quotes, a name is a string like any other. */
		*key = arena_str(a,
		    jscan_text(a, (struct jval){ J_STRING, { raw.p - 1, raw.n + 2 } }));
		if (why || key->n == 0)
			price_fault(&o->faults, *key);
		if (ok && key->n > 0)
			return true;
	}
	return false;
}

static void report(const char *option, const struct price_faults *faults)
{
	if (faults->count)
		log_warn(NULL, "prices.faulty", LOG_TEXT("option", option),
		    LOG_INT("entries", (int64_t)faults->count), LOG_STR("first", faults->first));
}

static void add_option(struct price_table *t, struct option_text *o, size_t member, struct arena *a)
{
	struct str key;
	int64_t ratio;

	while (option_next(o, a, &key, &ratio))
		memcpy((char *)slot_make(t, key) + member, &ratio, sizeof(ratio));
	report(o->name, &o->faults);
}

static int group_order(const void *left, const void *right)
{
	const struct group *x = left, *y = right;
	int order = str_cmp(x->name, y->name);

	return order ? order : (x->order > y->order) - (x->order < y->order);
}

static void add_groups(struct price_table *t, struct option_text *o, struct arena *a)
{
	struct group *list = arena_alloc(a, (jscan_count(o->root) + 1) * sizeof(*list));
	size_t n = 1;

	/* Before the option's entries: one of the same name counts. */
	list[0] = (struct group){ STR("default"), RATIO_ONE, 0 };
	for (struct group g = { 0 }; option_next(o, a, &g.name, &g.ratio); n++) {
		g.order = n;
		list[n] = g;
	}
	report(o->name, &o->faults);
	qsort(list, n, sizeof(*list), group_order);
	t->group_names = arena_alloc(a, (n + 1) * sizeof(*t->group_names));
	t->group_ratios = arena_alloc(a, (n + 1) * sizeof(*t->group_ratios));
	for (size_t i = 0; i < n; i++) {
		if (i + 1 < n && str_eq(list[i].name, list[i + 1].name))
			continue;
		t->group_names[t->group_count] = list[i].name;
		t->group_ratios[t->group_count++] = list[i].ratio;
	}
}

static bool add_extras(struct price_table *t, struct price_option *o, struct arena *a,
    struct err *err)
{
	struct price_entry entry;
	bool more;

	for (;;) {
		if (!price_option_next(o, a, &entry, &more, err))
			return false;
		if (!more)
			break;
		slot_make(t, entry.name)->extras = entry.extras;
	}
	report("ModelPrice", &o->faults);
	return true;
}

static size_t builtin_count(void)
{
	size_t n = 0;

	EACH_BUILTIN(row)
	{
		n++;
	}
	return n;
}

bool price_table_new(struct arena *a, const struct price_options *options, struct price_table **out,
    struct err *err)
{
	struct price_table *t = ARENA_NEW(a, struct price_table);
	struct option_text model, completion, group;
	struct price_option extras;
	size_t entries, slots = 1024;

	if (!option_open("ModelRatio", options->model_ratio, &model, err) ||
	    !option_open("CompletionRatio", options->completion_ratio, &completion, err) ||
	    !option_open("GroupRatio", options->group_ratio, &group, err) ||
	    !price_option_open(options->model_price, PRICE_STORED, &extras, err))
		return false;
	entries = builtin_count() + jscan_count(model.root) + jscan_count(completion.root) +
	    jscan_count(extras.root);
	while (slots < entries + entries / 2)
		slots *= 2;
	t->slots = arena_zalloc(a, slots * sizeof(*t->slots));
	t->mask = slots - 1;
	t->unpriced = options->unpriced;

	add_builtin(a, t);
	add_option(t, &model, offsetof(struct price, model), a);
	add_option(t, &completion, offsetof(struct price, completion), a);
	add_groups(t, &group, a);
	if (!add_extras(t, &extras, a, err))
		return false;
	add_rules(t);
	*out = t;
	return true;
}

/* ---- the built-in tables as JSON -------------------------------------------------------------*/

static void add_ratio(struct buf *b, int64_t n)
{
	int64_t fraction = n % RATIO_ONE;
	int width = 6;

	buf_add_int(b, n / RATIO_ONE);
	if (fraction == 0)
		return;
	for (; fraction % 10 == 0; fraction /= 10)
		width--;
	buf_addf(b, ".%0*" PRId64, width, fraction);
}

static void add_name(struct buf *b, const struct builtin_price *p)
{
	char key[PRICE_NAME_MAX];

	if (p->channel_type)
		snprintf(key, sizeof(key), "%s(%d)", p->name, p->channel_type);
	else
		snprintf(key, sizeof(key), "%s", p->name);
	json_add_name(b, key);
}

static void add_entry(struct buf *b, const struct builtin_price *p, int64_t ratio)
{
	add_name(b, p);
	add_ratio(b, ratio);
}

static struct str take_text(struct arena *a, struct buf *b)
{
	struct str text = arena_str(a, buf_str(b));

	buf_release(b);
	return text;
}

struct str price_default_model_json(struct arena *a)
{
	struct buf b = buf_init(OPTION_JSON_MAX);

	buf_add_char(&b, '{');
	EACH_BUILTIN(row)
	{
		add_entry(&b, row, builtin_ratio(row));
	}
	buf_add_char(&b, '}');
	return take_text(a, &b);
}

struct str price_default_completion_json(struct arena *a)
{
	struct buf b = buf_init(OPTION_JSON_MAX);

	buf_add_char(&b, '{');
	EACH_BUILTIN(row)
	{
		if (builtin_completion(row) >= 0)
			add_entry(&b, row, builtin_completion(row));
	}
	buf_add_char(&b, '}');
	return take_text(a, &b);
}

struct str price_default_units_json(struct arena *a)
{
	static const char *const names[] = {
		[UNIT_CHARACTER] = "per_million_characters",
		[UNIT_IMAGE] = "per_image",
		[UNIT_MINUTE] = "per_minute",
	};
	struct buf b = buf_init(OPTION_JSON_MAX);

	buf_add_char(&b, '{');
	EACH_BUILTIN(row)
	{
		if ((size_t)row->unit < COUNT_OF(names) && names[row->unit]) {
			add_name(&b, row);
			json_add_str(&b, str_c(names[row->unit]));
		}
	}
	buf_add_char(&b, '}');
	return take_text(a, &b);
}
