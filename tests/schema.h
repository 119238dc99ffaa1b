/* schema.h — does a JSON value fit a schema? As much of JSON Schema as openapi.json uses
 *
 * type, enum, const, properties, required, additionalProperties, items, allOf, oneOf, $ref into the
 * document. A keyword that it does not know and that is no remark fails, so that nothing is taken for
 * checked that is not. Small and slow.
 */
#ifndef TESTS_SCHEMA_H
#define TESTS_SCHEMA_H

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>

struct schema_check {
	const cJSON *document;
	char wrong[400]; /* the first misfit, "" when it fits */
};

static inline bool schema_fits(struct schema_check *c, const cJSON *schema, const cJSON *value,
    const char *where);

static inline bool schema_no(struct schema_check *c, const char *where, const char *what)
{
	snprintf(c->wrong, sizeof c->wrong, "%.250s: %.120s", where, what);
	return false;
}

/* "#/components/schemas/User" */
static inline const cJSON *schema_ref(const struct schema_check *c, const char *ref)
{
	const cJSON *at = c->document;
	char name[64];

	if (strncmp(ref, "#/", 2) != 0)
		return NULL;
	for (ref += 2; at && *ref;) {
		size_t n = strcspn(ref, "/");

		snprintf(name, sizeof name, "%.*s", (int)n, ref);
		at = cJSON_GetObjectItemCaseSensitive(at, name);
		ref += ref[n] ? n + 1 : n;
	}
	return at;
}

static inline bool schema_is_type(const char *type, const cJSON *v)
{
	if (strcmp(type, "object") == 0)
		return cJSON_IsObject(v);
	if (strcmp(type, "array") == 0)
		return cJSON_IsArray(v);
	if (strcmp(type, "string") == 0)
		return cJSON_IsString(v);
	if (strcmp(type, "boolean") == 0)
		return cJSON_IsBool(v);
	if (strcmp(type, "null") == 0)
		return cJSON_IsNull(v);
	if (strcmp(type, "number") == 0)
		return cJSON_IsNumber(v);
	return strcmp(type, "integer") == 0 && cJSON_IsNumber(v) &&
	    floor(v->valuedouble) == v->valuedouble;
}

static inline bool schema_type(const cJSON *type, const cJSON *v)
{
	const cJSON *one;

	if (cJSON_IsString(type))
		return schema_is_type(type->valuestring, v);
	cJSON_ArrayForEach(one, type)
	{
		if (schema_is_type(one->valuestring, v))
			return true;
	}
	return false;
}

static inline bool schema_among(const cJSON *list, const cJSON *v)
{
	const cJSON *one;

	cJSON_ArrayForEach(one, list)
	{
		if (cJSON_Compare(one, v, true))
			return true;
	}
	return false;
}

static inline bool schema_members(struct schema_check *c, const cJSON *schema, const cJSON *v,
    const char *where)
{
	const cJSON *properties = cJSON_GetObjectItemCaseSensitive(schema, "properties");
	const cJSON *more = cJSON_GetObjectItemCaseSensitive(schema, "additionalProperties");
	const cJSON *one;

	cJSON_ArrayForEach(one, v)
	{
		const cJSON *of = cJSON_GetObjectItemCaseSensitive(properties, one->string);
		char place[300];

		snprintf(place, sizeof place, "%.200s.%.80s", where, one->string);
		if (!of && cJSON_IsObject(more))
			of = more;
		if (of && !schema_fits(c, of, one, place))
			return false;
	}
	return true;
}

static inline bool schema_required(struct schema_check *c, const cJSON *names, const cJSON *v,
    const char *where)
{
	const cJSON *one;

	cJSON_ArrayForEach(one, names)
	{
		if (cJSON_IsObject(v) && !cJSON_GetObjectItemCaseSensitive(v, one->valuestring)) {
			char what[200];

			snprintf(what, sizeof what, "member %s is missing", one->valuestring);
			return schema_no(c, where, what);
		}
	}
	return true;
}

static inline bool schema_items(struct schema_check *c, const cJSON *schema, const cJSON *v,
    const char *where)
{
	const cJSON *one;
	int i = 0;

	if (!cJSON_IsArray(v))
		return true;
	cJSON_ArrayForEach(one, v)
	{
		char place[300];

		snprintf(place, sizeof place, "%.250s.%d", where, i++);
		if (!schema_fits(c, schema, one, place))
			return false;
	}
	return true;
}

static inline bool schema_one_of(struct schema_check *c, const cJSON *list, const cJSON *v,
    const char *where)
{
	char first[sizeof c->wrong] = "";
	const cJSON *one;
	int fit = 0;

	cJSON_ArrayForEach(one, list)
	{
		if (schema_fits(c, one, v, where))
			fit++;
		else if (!*first)
			memcpy(first, c->wrong, sizeof first);
	}
	if (fit == 1)
		return true;
	memcpy(c->wrong, first, sizeof first);
	return fit > 1 ? schema_no(c, where, "fits more than one of oneOf") : false;
}

static inline bool schema_keyword(struct schema_check *c, const cJSON *schema, const cJSON *key,
    const cJSON *v, const char *where)
{
	const char *k = key->string;
	const cJSON *one;

	if (strcmp(k, "type") == 0)
		return schema_type(key, v) || schema_no(c, where, "has the wrong type");
	if (strcmp(k, "enum") == 0)
		return schema_among(key, v) || schema_no(c, where, "is not one of those allowed");
	if (strcmp(k, "const") == 0)
		return cJSON_Compare(key, v, true) || schema_no(c, where, "is another constant");
	if (strcmp(k, "properties") == 0)
		return !cJSON_IsObject(v) || schema_members(c, schema, v, where);
	if (strcmp(k, "required") == 0)
		return schema_required(c, key, v, where);
	if (strcmp(k, "additionalProperties") == 0)
		return !cJSON_IsObject(v) || schema_members(c, schema, v, where);
	if (strcmp(k, "items") == 0)
		return schema_items(c, key, v, where);
	if (strcmp(k, "oneOf") == 0)
		return schema_one_of(c, key, v, where);
	if (strcmp(k, "allOf") == 0) {
		cJSON_ArrayForEach(one, key)
		{
			if (!schema_fits(c, one, v, where))
				return false;
		}
		return true;
	}
	if (strcmp(k, "$ref") == 0) {
		one = schema_ref(c, key->valuestring);
		return one ? schema_fits(c, one, v, where)
		           : schema_no(c, key->valuestring, "leads nowhere");
	}
	return strcmp(k, "description") == 0 || strcmp(k, "example") == 0 ||
	    schema_no(c, k, "is a keyword that schema.h does not know");
}

static inline bool schema_fits(struct schema_check *c, const cJSON *schema, const cJSON *value,
    const char *where)
{
	const cJSON *key;

	cJSON_ArrayForEach(key, schema)
	{
		if (!schema_keyword(c, schema, key, value, where))
			return false;
	}
	return true;
}

#endif
