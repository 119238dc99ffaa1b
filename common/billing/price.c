/* price.c — see price.h
 *
 * One hash table holds what the build ships and what the operator set, under the names operators
 * write: "gpt-4o" or "llama3-8b-8192(33)". An operator's figure replaces ours in the same slot, so
 * a price is two probes: NAME(TYPE), then NAME. Completion ratios that only the rules know are
 * worked out once, when the table is made.
 */
#include "billing/price.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/jscan.h"
#include "billing/builtin_prices.h"
#include "billing/quota.h"

#define RATIO_MAX (INT64_C(1000000) * RATIO_ONE)
#define TOKENS_MAX (INT64_C(1) << 31)
/* What one-api asks for a model that it does not know. */
#define UNKNOWN_MODEL_RATIO (30 * RATIO_ONE)
#define NAME_MAX_BYTES 256
#define OPTION_DEPTH 8
#define OPTION_JSON_MAX (1024 * 1024)

__extension__ typedef unsigned __int128 u128;

enum { NOT_SET = -1 };

struct price {
	struct str key;            /* p NULL: free slot */
	int64_t model, completion; /* millionths or NOT_SET */
	enum price_unit unit;
};

struct group {
	struct str name;
	int64_t ratio;
	size_t order; /* in the JSON text: the last of equal names counts */
};

struct price_table {
	struct price *slots;
	size_t mask;
	struct str *group_names;
	int64_t *group_ratios;
	size_t group_count;
	enum unpriced unpriced;
};

/* ---- numbers ---------------------------------------------------------------------------------*/

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* A JSON number taken apart: digits are those of the mantissa without its point; the first one
 * weighs 10^(whole - 1 + exponent). */
struct decimal {
	struct str whole, fraction;
	int64_t exponent;
	bool negative;
};

static struct str take_digits(struct str *rest)
{
	struct str digits = { rest->p, 0 };

	while (digits.n < rest->n && is_digit(rest->p[digits.n]))
		digits.n++;
	*rest = str_slice(*rest, digits.n, rest->n);
	return digits;
}

static bool take_char(struct str *rest, const char *any_of)
{
	if (rest->n == 0 || !strchr(any_of, rest->p[0]) || rest->p[0] == '\0')
		return false;
	*rest = str_slice(*rest, 1, rest->n);
	return true;
}

/* Clamped: beyond ±10^6 the result is out of range or nothing anyway. */
static int64_t exponent_value(struct str digits, bool negative)
{
	int64_t n = 0;

	for (size_t i = 0; i < digits.n && n < 1000000; i++)
		n = n * 10 + (digits.p[i] - '0');
	return negative ? -n : n;
}

static bool decimal_read(struct str text, struct decimal *d)
{
	struct str digits;

	*d = (struct decimal){ .negative = take_char(&text, "-") };
	d->whole = take_digits(&text);
	if (d->whole.n == 0 || (d->whole.n > 1 && d->whole.p[0] == '0'))
		return false;
	if (take_char(&text, ".")) {
		d->fraction = take_digits(&text);
		if (d->fraction.n == 0)
			return false;
	}
	if (take_char(&text, "eE")) {
		bool minus = take_char(&text, "-");

		if (!minus)
			(void)take_char(&text, "+");
		digits = take_digits(&text);
		if (digits.n == 0)
			return false;
		d->exponent = exponent_value(digits, minus);
	}
	return text.n == 0;
}

bool ratio_parse(struct str number, int64_t *out)
{
	struct decimal d;
	int64_t n = 0, weight;

	if (!decimal_read(number, &d))
		return false;
	/* Power of ten of the next digit, counted in millionths; -1 is the one that rounds. */
	weight = (int64_t)d.whole.n - 1 + d.exponent + 6;
	for (size_t i = 0; i < d.whole.n + d.fraction.n && weight >= -1; i++, weight--) {
		char c = i < d.whole.n ? d.whole.p[i] : d.fraction.p[i - d.whole.n];

		if (weight == -1)
			n += c >= '5';
		else
			n = n * 10 + (c - '0');
		if (n > RATIO_MAX)
			return false;
	}
	for (; n > 0 && weight >= 0; weight--) {
		n *= 10;
		if (n > RATIO_MAX)
			return false;
	}
	if (d.negative && n > 0)
		return false;
	*out = n;
	return true;
}

static int64_t clamp(int64_t n, int64_t max)
{
	return n < 0 ? 0 : n > max ? max : n;
}

/* weighted: tokens × what each weighs against an input token, in millionths. */
static int64_t charge(const struct rate *r, u128 weighted)
{
	const u128 scale = (u128)RATIO_ONE * RATIO_ONE * RATIO_ONE;
	u128 product, quota;

	if (__builtin_mul_overflow(weighted, (u128)clamp(r->model, RATIO_MAX), &product) ||
	    __builtin_mul_overflow(product, (u128)clamp(r->group, RATIO_MAX), &product))
		return QUOTA_MAX;
	quota = product / scale + (product % scale != 0);
	return quota > QUOTA_MAX ? QUOTA_MAX : (int64_t)quota;
}

int64_t price_charge(const struct rate *r, const struct usage *u)
{
	int64_t prompt = clamp(u->prompt_tokens, TOKENS_MAX);
	int64_t completion = clamp(u->completion_tokens, TOKENS_MAX);
	int64_t cached = clamp(u->cached_tokens, prompt);
	u128 weighted = (u128)(prompt - cached) * (u128)RATIO_ONE +
	    (u128)cached * (u128)clamp(r->cached, RATIO_MAX) +
	    (u128)completion * (u128)clamp(r->completion, RATIO_MAX);
	int64_t quota = charge(r, weighted);

	if (quota == 0 && prompt + completion > 0 && r->model > 0 && r->group > 0)
		return 1;
	return quota;
}

int64_t price_estimate(const struct rate *r, int64_t prompt_tokens, int64_t completion_tokens)
{
	struct rate full = *r;
	struct usage u = { .prompt_tokens = prompt_tokens, .completion_tokens = completion_tokens };

	full.cached = RATIO_ONE;
	return price_charge(&full, &u);
}

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
		*p = (struct price){ key, NOT_SET, NOT_SET, UNIT_TOKEN };
	return p;
}

/* NULL when the key is not there. */
static const struct price *slot_find(const struct price_table *t, struct str key)
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
	for (const struct builtin_price *b = builtin_prices; b->name; b++) {
		struct price *p = slot_make(t, builtin_key(a, b));

		p->model = b->ratio;
		p->unit = b->unit;
		if (b->completion)
			p->completion = b->completion;
	}
}

static int64_t completion_by_rule(struct str model)
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
			p->completion = completion_by_rule(p->key);
	}
}

/* ---- options ---------------------------------------------------------------------------------*/

struct option_text {
	const char *name;
	struct jval root;
	struct jiter it;
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

/* *more is false at the end. The key is the arena's. */
static bool option_next(struct option_text *o, struct arena *a, bool *more, struct str *key,
    int64_t *ratio, struct err *err)
{
	struct str raw;
	struct jval value;

	*more = jscan_next_member(&o->it, &raw, &value);
	if (!*more)
		return true;
	/* With its quotes, a name is a string like any other. */
	*key = arena_str(a, jscan_text(a, (struct jval){ J_STRING, { raw.p - 1, raw.n + 2 } }));
	if (key->n == 0)
		return err_set(err, ERR_BAD_REQUEST, "%s has an entry without a name", o->name);
	if (value.type != J_NUMBER || !ratio_parse(value.text, ratio))
		return err_set(err, ERR_BAD_REQUEST,
		    "%s: '%.*s' must be a number from 0 to 1000000", o->name,
		    (int)(key->n < 200 ? key->n : 200), key->p);
	return true;
}

static bool add_option(struct price_table *t, struct option_text *o, size_t member, struct arena *a,
    struct err *err)
{
	struct str key;
	int64_t ratio;
	bool more;

	for (;;) {
		if (!option_next(o, a, &more, &key, &ratio, err))
			return false;
		if (!more)
			return true;
		memcpy((char *)slot_make(t, key) + member, &ratio, sizeof(ratio));
	}
}

static int group_order(const void *left, const void *right)
{
	const struct group *x = left, *y = right;
	int order = str_cmp(x->name, y->name);

	return order ? order : (x->order > y->order) - (x->order < y->order);
}

static bool add_groups(struct price_table *t, struct option_text *o, struct arena *a,
    struct err *err)
{
	size_t room = jscan_count(o->root), n = 0;
	struct group *list = arena_alloc(a, (room + 1) * sizeof(*list));
	bool more = true;

	while (n < room && more) {
		list[n].order = n;
		if (!option_next(o, a, &more, &list[n].name, &list[n].ratio, err))
			return false;
		n += more;
	}
	if (n > 0)
		qsort(list, n, sizeof(*list), group_order);
	t->group_names = arena_alloc(a, (n + 1) * sizeof(*t->group_names));
	t->group_ratios = arena_alloc(a, (n + 1) * sizeof(*t->group_ratios));
	for (size_t i = 0; i < n; i++) {
		if (i + 1 < n && str_eq(list[i].name, list[i + 1].name))
			continue;
		t->group_names[t->group_count] = list[i].name;
		t->group_ratios[t->group_count++] = list[i].ratio;
	}
	return true;
}

static size_t builtin_count(void)
{
	size_t n = 0;

	while (builtin_prices[n].name)
		n++;
	return n;
}

bool price_table_new(struct arena *a, struct str model_ratio, struct str completion_ratio,
    struct str group_ratio, enum unpriced unpriced, struct price_table **out, struct err *err)
{
	struct price_table *t = ARENA_NEW(a, struct price_table);
	struct option_text model, completion, group;
	size_t entries, slots = 1024;

	if (!option_open("ModelRatio", model_ratio, &model, err) ||
	    !option_open("CompletionRatio", completion_ratio, &completion, err) ||
	    !option_open("GroupRatio", group_ratio, &group, err))
		return false;
	entries = builtin_count() + jscan_count(model.root) + jscan_count(completion.root);
	while (slots < 2 * entries)
		slots *= 2;
	t->slots = arena_zalloc(a, slots * sizeof(*t->slots));
	t->mask = slots - 1;
	t->unpriced = unpriced;

	add_builtin(a, t);
	if (!add_option(t, &model, offsetof(struct price, model), a, err) ||
	    !add_option(t, &completion, offsetof(struct price, completion), a, err) ||
	    !add_groups(t, &group, a, err))
		return false;
	add_rules(t);
	*out = t;
	return true;
}

/* ---- look-up ---------------------------------------------------------------------------------*/

/* These models search the web under a second name at the price of the first. */
static struct str without_internet(struct str model)
{
	static const struct str suffix = STR_INIT("-internet");

	if (str_ends(model, suffix) &&
	    (str_starts(model, STR("qwen-")) || str_starts(model, STR("command-"))))
		model.n -= suffix.n;
	return model;
}

static const struct price *find_typed(const struct price_table *t, struct str model, int type)
{
	char key[NAME_MAX_BYTES + 16];
	char digits[12];
	size_t n = model.n, count = 0;
	unsigned rest = (unsigned)type;

	if (type <= 0 || n > NAME_MAX_BYTES)
		return NULL;
	if (n > 0)
		memcpy(key, model.p, n);
	key[n++] = '(';
	for (; rest > 0; rest /= 10)
		digits[count++] = (char)('0' + rest % 10);
	while (count > 0)
		key[n++] = digits[--count];
	key[n++] = ')';
	return slot_find(t, (struct str){ key, n });
}

static bool model_unpriced(const struct price_table *t, struct str model, int64_t *out,
    struct err *err)
{
	switch (t->unpriced) {
	case UNPRICED_FREE:
		*out = 0;
		return true;
	case UNPRICED_RATIO:
		*out = UNKNOWN_MODEL_RATIO;
		return true;
	case UNPRICED_REFUSE:
		break;
	}
	return err_set(err, ERR_NO_PRICE,
	    "model '%.*s' has no price, an administrator has to set one",
	    (int)(model.n < 200 ? model.n : 200), model.p ? model.p : "");
}

static size_t group_find(const struct price_table *t, struct str group)
{
	size_t from = 0, to = t->group_count;

	while (from < to) {
		size_t middle = from + (to - from) / 2;
		int order = str_cmp(t->group_names[middle], group);

		if (order == 0)
			return middle;
		if (order < 0)
			from = middle + 1;
		else
			to = middle;
	}
	return t->group_count;
}

bool price_find(const struct price_table *t, struct str model, int channel_type, struct str group,
    struct rate *out, struct err *err)
{
	struct str name = without_internet(model);
	const struct price *typed = find_typed(t, name, channel_type);
	const struct price *plain = slot_find(t, name);
	const struct price *p = typed && typed->model != NOT_SET ? typed : plain;
	struct rate r = { .cached = RATIO_ONE, .group = RATIO_ONE };
	size_t at = group_find(t, group);

	if (p && p->model != NOT_SET && p->unit == UNIT_TOKEN)
		r.model = p->model;
	else if (!model_unpriced(t, model, &r.model, err))
		return false;

	if (typed && typed->completion != NOT_SET)
		r.completion = typed->completion;
	else if (plain && plain->completion != NOT_SET)
		r.completion = plain->completion;
	else
		r.completion = completion_by_rule(name);

	if (at < t->group_count)
		r.group = t->group_ratios[at];
	*out = r;
	return true;
}

bool price_group_exists(const struct price_table *t, struct str group)
{
	return group_find(t, group) < t->group_count;
}

struct str *price_groups(const struct price_table *t, size_t *count)
{
	*count = t->group_count;
	return t->group_names;
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

static void add_entry(struct buf *b, const struct builtin_price *p, int64_t ratio)
{
	char key[NAME_MAX_BYTES];

	if (p->channel_type)
		snprintf(key, sizeof(key), "%s(%d)", p->name, p->channel_type);
	else
		snprintf(key, sizeof(key), "%s", p->name);
	json_add_name(b, key);
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
	for (const struct builtin_price *p = builtin_prices; p->name; p++)
		add_entry(&b, p, p->ratio);
	buf_add_char(&b, '}');
	return take_text(a, &b);
}

struct str price_default_completion_json(struct arena *a)
{
	struct buf b = buf_init(OPTION_JSON_MAX);

	buf_add_char(&b, '{');
	for (const struct builtin_price *p = builtin_prices; p->name; p++)
		if (p->completion)
			add_entry(&b, p, p->completion);
	buf_add_char(&b, '}');
	return take_text(a, &b);
}
