#include "base/field.h"

#include <assert.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"

/* As many as *seen has bits. */
#define FIELDS_MAX 64

/* Past this, two whole numbers in a text may become one double: we would store another one. */
#define EXACT_MAX 9007199254740991.0 /* 2^53 - 1 */

static uint64_t bit_of(const struct field *fields, const struct field *f)
{
	ptrdiff_t i = f - fields;

	assert(i < FIELDS_MAX);
	return UINT64_C(1) << i;
}

/* For the client: what was wrong with which member. */
static bool refuse(const struct field *f, const char *what, struct err *err)
{
	err_set(err, ERR_BAD_REQUEST, "'%s' %s", f->name, what);
	snprintf(err->param, sizeof(err->param), "%s", f->name);
	return false;
}

static bool read_whole(const struct field *f, const cJSON *v, double min, double max, int64_t *out,
    struct err *err)
{
	double d = v->valuedouble;

	if (!cJSON_IsNumber(v) || !isfinite(d))
		return refuse(f, "must be a whole number", err);
	/* Only within int64_t may it be cast; a double beyond EXACT_MAX has no fraction anyway. */
	if (fabs(d) <= EXACT_MAX && (double)(int64_t)d != d)
		return refuse(f, "must be a whole number", err);
	if (d < min || d > max)
		return refuse(f, "is out of range", err);
	*out = (int64_t)d;
	return true;
}

static bool read_text(const struct field *f, const cJSON *v, struct arena *a, struct str *out,
    struct err *err)
{
	if (!cJSON_IsString(v))
		return refuse(f, "must be a string", err);
	if ((f->flags & FIELD_REQUIRED) && v->valuestring[0] == '\0')
		return refuse(f, "must not be empty", err);
	*out = arena_str(a, str_c(v->valuestring));
	return true;
}

static bool read_member(const struct field *f, const cJSON *v, struct arena *a, void *object,
    struct err *err)
{
	void *to = field_ptr(f, object);
	int64_t n;

	switch (f->kind) {
	case FIELD_INT64:
		return read_whole(f, v, -EXACT_MAX, EXACT_MAX, to, err);
	case FIELD_INT:
		if (!read_whole(f, v, INT_MIN, INT_MAX, &n, err))
			return false;
		*(int *)to = (int)n;
		return true;
	case FIELD_BOOL:
		if (!cJSON_IsBool(v))
			return refuse(f, "must be true or false", err);
		*(bool *)to = cJSON_IsTrue(v);
		return true;
	case FIELD_DOUBLE:
		if (!cJSON_IsNumber(v) || !isfinite(v->valuedouble))
			return refuse(f, "must be a number", err);
		*(double *)to = v->valuedouble;
		return true;
	case FIELD_STR:
		return read_text(f, v, a, to, err);
	}
	/* Only FIELD makes kinds. */
	abort();
}

/* The field that a member of the JSON may set, NULL when there is none. */
static const struct field *field_for(const struct field *fields, const char *name)
{
	struct str wanted = str_c(name);

	for (const struct field *f = fields; f->name; f++)
		if (!(f->flags & (FIELD_READONLY | FIELD_HIDDEN)) &&
		    str_eq_nocase(wanted, str_c(f->name)))
			return f;
	return NULL;
}

bool field_read(const struct field *fields, const cJSON *tree, struct arena *a, void *object,
    uint64_t *seen, struct err *err)
{
	uint64_t present = 0;

	if (!cJSON_IsObject(tree))
		return err_set(err, ERR_BAD_REQUEST, "expected a JSON object");
	/* In the order of the text, so that of equal names the last one counts. */
	for (const cJSON *m = tree->child; m; m = m->next) {
		const struct field *f = cJSON_IsNull(m) ? NULL : field_for(fields, m->string);

		if (!f)
			continue;
		if (!read_member(f, m, a, object, err))
			return false;
		present |= bit_of(fields, f);
	}
	for (const struct field *f = fields; f->name; f++)
		if ((f->flags & FIELD_REQUIRED) && !(present & bit_of(fields, f)))
			return refuse(f, "is required", err);
	if (seen)
		*seen = present;
	return true;
}

static void write_value(const struct field *f, const void *from, struct buf *out)
{
	switch (f->kind) {
	case FIELD_INT64:
		buf_add_int(out, *(const int64_t *)from);
		break;
	case FIELD_INT:
		buf_add_int(out, *(const int *)from);
		break;
	case FIELD_BOOL:
		json_add_bool(out, *(const bool *)from);
		break;
	case FIELD_DOUBLE:
		json_add_double(out, *(const double *)from);
		break;
	case FIELD_STR:
		json_add_str(out, *(const struct str *)from);
		break;
	}
}

void field_write(const struct field *fields, const void *object, struct buf *out)
{
	buf_add_char(out, '{');
	for (const struct field *f = fields; f->name; f++) {
		if (f->flags & FIELD_HIDDEN)
			continue;
		json_add_name(out, f->name);
		if (f->flags & FIELD_SECRET)
			buf_add(out, STR("\"\""));
		else
			write_value(f, (const char *)object + f->offset, out);
	}
	buf_add_char(out, '}');
}

uint64_t field_bit(const struct field *fields, const char *name)
{
	for (const struct field *f = fields; f->name; f++)
		if (strcmp(f->name, name) == 0)
			return bit_of(fields, f);
	return 0;
}
