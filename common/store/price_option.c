/* price_option.c — see price_option.h */
#include "store/price_option.h"

#include <string.h>

#include "base/arena.h"
#include "base/err.h"

#define OPTION_DEPTH 8
/* Sizes and qualities of one model's images. */
#define IMAGES_MAX 64
#define ABOVE_MAX (INT64_C(1) << 31)

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

/* Is there a digit but 0? */
static bool is_zero(const struct decimal *d)
{
	for (size_t i = 0; i < d->whole.n; i++) {
		if (d->whole.p[i] != '0')
			return false;
	}
	for (size_t i = 0; i < d->fraction.n; i++) {
		if (d->fraction.p[i] != '0')
			return false;
	}
	return true;
}

enum ratio_fault { RATIO_FINE, RATIO_TINY, RATIO_HUGE, RATIO_NEGATIVE, RATIO_NONE };

/* Sets *out to what comes nearest, but for the last two. */
static enum ratio_fault ratio_read(struct str number, int64_t *out)
{
	struct decimal d;
	int64_t n = 0, weight;

	if (!decimal_read(number, &d))
		return RATIO_NONE;
	if (d.negative && !is_zero(&d))
		return RATIO_NEGATIVE;
	*out = RATIO_MAX;
	/* Power of ten of the next digit, counted in millionths; -1 is the one that rounds. */
	weight = (int64_t)d.whole.n - 1 + d.exponent + 6;
	for (size_t i = 0; i < d.whole.n + d.fraction.n && weight >= -1; i++, weight--) {
		char c = i < d.whole.n ? d.whole.p[i] : d.fraction.p[i - d.whole.n];

		if (weight == -1)
			n += c >= '5';
		else
			n = n * 10 + (c - '0');
		if (n > RATIO_MAX)
			return RATIO_HUGE;
	}
	for (; n > 0 && weight >= 0; weight--) {
		n *= 10;
		if (n > RATIO_MAX)
			return RATIO_HUGE;
	}
	*out = n;
	if (n > 0 || is_zero(&d))
		return RATIO_FINE;
	*out = 1;
	return RATIO_TINY;
}

bool ratio_parse(struct str number, int64_t *out)
{
	int64_t n = 0;

	if (ratio_read(number, &n) != RATIO_FINE)
		return false;
	*out = n;
	return true;
}

bool ratio_value(struct jval v, enum price_source source, int64_t *out, const char **why)
{
	static const char *const faults[] = {
		[RATIO_FINE] = NULL,
		[RATIO_TINY] = "is too small: prices are kept in millionths; 0 is free, else "
		               "0.000001 is the least",
		[RATIO_HUGE] = "is too large: 1000000 is the most",
		[RATIO_NEGATIVE] = "must not be below 0",
		[RATIO_NONE] = "must be a number from 0 to 1000000",
	};
	enum ratio_fault fault = RATIO_NONE;
	int64_t n = 0;

	if (v.type == J_NUMBER)
		fault = ratio_read(v.text, &n);
	*why = faults[fault];
	if (fault != RATIO_FINE &&
	    (source == PRICE_NEW || (fault != RATIO_TINY && fault != RATIO_HUGE)))
		return false;
	*out = n;
	return true;
}

void price_fault(struct price_faults *faults, struct str name)
{
	if (faults->count++ == 0)
		faults->first = name;
}

/* ---- one entry -------------------------------------------------------------------------------*/

struct entry_reader {
	struct arena *a;
	struct str name;
	struct price_option *option;
	struct price_extra *extras;
	size_t count;
};

static int shown(struct str s)
{
	return (int)(s.n < 100 ? s.n : 100);
}

static bool refuse(const struct entry_reader *e, struct str member, const char *why,
    struct err *err)
{
	return err_set(err, ERR_BAD_REQUEST, "ModelPrice: '%.*s': '%.*s' %s", shown(e->name),
	    e->name.p, shown(member), member.p ? member.p : "", why);
}

static bool number(const struct entry_reader *e, struct str member, struct jval v, int64_t *out,
    struct err *err)
{
	const char *why;

	if (!ratio_value(v, e->option->source, out, &why))
		return refuse(e, member, why, err);
	if (why)
		price_fault(&e->option->faults, e->name);
	return true;
}

static struct price_extra *add(struct entry_reader *e, enum meter meter)
{
	struct price_extra *x = &e->extras[e->count++];

	*x = (struct price_extra){ .meter = meter };
	return x;
}

/* With its quotes, a raw name is a string like any other. */
static struct str decoded(struct arena *a, struct str raw_name)
{
	struct jval quoted = { J_STRING, { raw_name.p - 1, raw_name.n + 2 } };

	return arena_str(a, jscan_text(a, quoted));
}

static bool read_images(struct entry_reader *e, struct str member, struct jval v, struct err *err)
{
	struct jiter it = jscan_iter(v);
	struct str raw;
	struct jval price;

	if (v.type != J_OBJECT) {
		struct price_extra *x = add(e, METER_PER_IMAGE);

		x->which = "*";
		return number(e, member, v, &x->value, err);
	}
	if (jscan_count(v) == 0 || jscan_count(v) > IMAGES_MAX)
		return refuse(e, member, "must have from 1 to 64 prices", err);
	while (jscan_next_member(&it, &raw, &price)) {
		struct price_extra *x = add(e, METER_PER_IMAGE);
		struct str which = decoded(e->a, raw);

		x->which = str_dup(e->a, which);
		if (!number(e, which, price, &x->value, err))
			return false;
	}
	return true;
}

static bool read_tier(struct entry_reader *e, struct jval v, struct err *err)
{
	struct price_extra *x = add(e, METER_TIER);
	struct jiter it = jscan_iter(v);
	struct str raw;
	struct jval value;

	if (v.type != J_OBJECT)
		return refuse(e, STR("tiers"), "must be a list of objects", err);
	x->value = x->output = RATIO_ONE;
	while (jscan_next_member(&it, &raw, &value)) {
		bool ok;

		if (jscan_name_is(raw, STR("above")))
			ok = jscan_int(value, 1, ABOVE_MAX, &x->above) ||
			    refuse(e, STR("above"), "must be a number of tokens", err);
		else if (jscan_name_is(raw, STR("input")))
			ok = number(e, STR("input"), value, &x->value, err);
		else if (jscan_name_is(raw, STR("output")))
			ok = number(e, STR("output"), value, &x->output, err);
		else
			ok = refuse(e, decoded(e->a, raw), "is no member of a tier", err);
		if (!ok)
			return false;
	}
	return x->above > 0 || refuse(e, STR("tiers"), "need 'above'", err);
}

static bool read_tiers(struct entry_reader *e, struct str member, struct jval v, struct err *err)
{
	struct jiter it = jscan_iter(v);
	struct jval tier;
	int64_t last = 0;

	if (v.type != J_ARRAY || jscan_count(v) > TIERS_MAX)
		return refuse(e, member, "must be a list of at most 4 objects", err);
	add(e, METER_NO_TIERS);
	while (jscan_next_item(&it, &tier)) {
		if (!read_tier(e, tier, err))
			return false;
		if (e->extras[e->count - 1].above <= last)
			return refuse(e, member, "must ascend", err);
		last = e->extras[e->count - 1].above;
	}
	return true;
}

static bool read_member(struct entry_reader *e, struct str raw, struct jval v, struct err *err)
{
	static const struct {
		const char *name;
		enum meter meter;
	} plain[] = {
		{ "cached", METER_CACHED },
		{ "cache_write", METER_CACHE_WRITE },
		{ "cache_write_1h", METER_CACHE_WRITE_1H },
		{ "audio_in", METER_AUDIO_IN },
		{ "image_in", METER_IMAGE_IN },
		{ "reasoning", METER_REASONING },
		{ "audio_out", METER_AUDIO_OUT },
		{ "image_out", METER_IMAGE_OUT },
		{ "per_minute", METER_PER_MINUTE },
		{ "per_million_characters", METER_PER_MILLION_CHARACTERS },
		{ "per_million_trained", METER_PER_MILLION_TRAINED },
		{ "batch", METER_BATCH },
		{ "per_request", METER_PER_REQUEST },
	};
	struct str name = decoded(e->a, raw);

	if (str_eq_c(name, "per_image"))
		return read_images(e, name, v, err);
	if (str_eq_c(name, "tiers"))
		return read_tiers(e, name, v, err);
	for (size_t i = 0; i < COUNT_OF(plain); i++)
		if (str_eq_c(name, plain[i].name))
			return number(e, name, v, &add(e, plain[i].meter)->value, err);
	return refuse(e, name, "is no price", err);
}

/* An upper bound: a member is one extra, per_image and tiers are as many as they have members, and
 * tiers one more. */
static size_t most_extras(struct jval entry)
{
	struct jiter it = jscan_iter(entry);
	struct str raw;
	struct jval v;
	size_t n = 1;

	while (jscan_next_member(&it, &raw, &v)) {
		bool nested = v.type == J_OBJECT || v.type == J_ARRAY;

		n += 1 + (nested ? jscan_count(v) : 0);
	}
	return n;
}

static bool read_entry(struct entry_reader *e, struct jval v, struct err *err)
{
	struct jiter it = jscan_iter(v);
	struct str raw;
	struct jval value;

	if (v.type == J_NUMBER) {
		e->extras = arena_alloc(e->a, 2 * sizeof(*e->extras));
		return number(e, STR("per_request"), v, &add(e, METER_PER_REQUEST)->value, err);
	}
	if (v.type != J_OBJECT)
		return err_set(err, ERR_BAD_REQUEST,
		    "ModelPrice: '%.*s' must be an object of prices or a number", shown(e->name),
		    e->name.p);
	e->extras = arena_alloc(e->a, most_extras(v) * sizeof(*e->extras));
	while (jscan_next_member(&it, &raw, &value))
		if (!read_member(e, raw, value, err))
			return false;
	return true;
}

/* ---- the option ------------------------------------------------------------------------------*/

bool price_option_open(struct str text, enum price_source source, struct price_option *out,
    struct err *err)
{
	struct err why = { 0 };

	*out = (struct price_option){ .source = source };
	if (str_trim(text).n == 0)
		text = STR("{}");
	if (!jscan_check(text, OPTION_DEPTH, &out->root, &why))
		return err_set(err, ERR_BAD_REQUEST, "ModelPrice is not valid JSON: %s", why.msg);
	if (out->root.type != J_OBJECT)
		return err_set(err, ERR_BAD_REQUEST, "ModelPrice must be a JSON object");
	out->it = jscan_iter(out->root);
	return true;
}

static bool read_next(struct entry_reader *e, struct str raw_name, struct jval value,
    struct err *err)
{
	e->name = decoded(e->a, raw_name);
	if (e->name.n == 0)
		return err_set(err, ERR_BAD_REQUEST, "ModelPrice has an entry without a name");
	if (!read_entry(e, value, err))
		return false;
	add(e, METER_END);
	return true;
}

bool price_option_next(struct price_option *o, struct arena *a, struct price_entry *out, bool *more,
    struct err *err)
{
	struct str raw;
	struct jval value;

	for (;;) {
		struct entry_reader e = { .a = a, .option = o };
		struct err why = { 0 };

		*more = jscan_next_member(&o->it, &raw, &value);
		if (!*more)
			return true;
		if (read_next(&e, raw, value, &why)) {
			*out = (struct price_entry){ e.name, e.extras };
			return true;
		}
		if (o->source == PRICE_NEW) {
			*err = why;
			return false;
		}
		price_fault(&o->faults, e.name);
	}
}

/* ---- options of ratios alone ------------------------------------------------------------------*/

bool ratios_check(struct str text, struct err *err)
{
	struct jval root, value;
	struct jiter it;
	struct str raw;
	int64_t ratio;
	const char *why;

	if (!jscan_check(text, OPTION_DEPTH, &root, err))
		return false;
	if (root.type != J_OBJECT)
		return err_set(err, ERR_BAD_REQUEST, "must be a JSON object");
	it = jscan_iter(root);
	while (jscan_next_member(&it, &raw, &value)) {
		if (raw.n == 0)
			return err_set(err, ERR_BAD_REQUEST, "has an entry without a name");
		if (!ratio_value(value, PRICE_NEW, &ratio, &why))
			return err_set(err, ERR_BAD_REQUEST, "'%.*s' %s", shown(raw), raw.p, why);
	}
	return true;
}
