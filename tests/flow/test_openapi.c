/* test_openapi.c — /api/openapi.json is true: every route of both programs is in it and no other, its
 * examples fit its schemas, and what the running programs answer to every GET without side effects
 * does, too
 */
#include "../stack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../schema.h"

static struct stack_user person;

static const cJSON *document(struct stack *s)
{
	struct stack_reply *r = stack_http(s, &(struct stack_ask){ .path = "/api/openapi.json" });

	if (r->status != 200 || !r->json)
		fail_msg("openapi.json: status %d", r->status);
	assert_string_equal(stack_text(r->json, "openapi"), "3.1.0");
	return r->json;
}

static void set_up(struct stack *s)
{
	if (person.id)
		return;
	stack_channel(s, &(struct stack_channel){ .models = "gpt-4o" });
	person = stack_user(s, &(struct stack_person){ .quota = 100000000 });
	for (int i = 0; i < 3; i++)
		assert_int_equal(stack_post(s, STACK_CHAT, person.key,
		                     "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\","
		                     "\"content\":\"hi\"}]}")
		                     ->status,
		    200);
	assert_true(stack_wait_settled(s, 5000));
	stack_api(s, "POST", "/api/redemption/", "{\"name\":\"x\",\"quota\":5,\"count\":1}");
}

/* ---- routes ----------------------------------------------------------------------------------- */

/* "/api/user/:id" is "/api/user/{id}" there. */
static void braced(const char *path, char *out, size_t size)
{
	size_t n = 0;

	while (*path && n + 4 < size) {
		if ((*path == ':' || *path == '*') && path[-1] == '/') {
			out[n++] = '{';
			for (path++; *path && *path != '/' && n + 4 < size; path++)
				out[n++] = *path;
			out[n++] = '}';
		} else {
			out[n++] = *path++;
		}
	}
	out[n] = '\0';
}

static void lower(char *text)
{
	for (; *text; text++) {
		if (*text >= 'A' && *text <= 'Z')
			*text = (char)(*text - 'A' + 'a');
	}
}

/* Marks the operation as found; how many routes the program has. */
static int match_routes(struct stack *s, const cJSON *doc, const char *program)
{
	const cJSON *paths = cJSON_GetObjectItemCaseSensitive(doc, "paths");
	char command[700], line[512];
	int count = 0;
	FILE *f;

	snprintf(command, sizeof command, "%s/bin/%s routes", s->build, program);
	f = popen(command, "r");
	assert_non_null(f);
	while (fgets(line, sizeof line, f)) {
		char method[16], second[300] = "", third[300] = "", path[320];
		cJSON *operation;

		if (sscanf(line, "%15s %299s %299s", method, second, third) < 2)
			fail_msg("%s: a line of another form: %s", program, line);
		braced(*third ? third : second, path, sizeof path);
		lower(method);
		operation = cJSON_GetObjectItemCaseSensitive(
		    cJSON_GetObjectItemCaseSensitive(paths, path), method);
		if (!operation)
			fail_msg("%s: %s %s is not described", program, method, path);
		if (*third && strcmp(stack_text(operation, "x-role"), second) != 0)
			fail_msg("%s %s: x-role is %s, the program says %s", method, path,
			    stack_text(operation, "x-role"), second);
		cJSON_AddTrueToObject(operation, "found");
		count++;
	}
	pclose(f);
	return count;
}

static void test_routes(void **state)
{
	struct stack *s = *state;
	const cJSON *doc = document(s), *path, *operation;
	int described = 0, have;

	have = match_routes(s, doc, "fcgi-admin") + match_routes(s, doc, "fcgi-relay");
	cJSON_ArrayForEach(path, cJSON_GetObjectItemCaseSensitive(doc, "paths"))
	{
		cJSON_ArrayForEach(operation, path)
		{
			if (!cJSON_GetObjectItemCaseSensitive(operation, "found"))
				fail_msg("%s %s is described, but no route", operation->string,
				    path->string);
			described++;
		}
	}
	assert_int_equal(described, have);
	assert_true(have > 100);
}

/* ---- examples --------------------------------------------------------------------------------- */

static int check_examples(struct schema_check *c, const cJSON *at, const char *where)
{
	const cJSON *example = cJSON_GetObjectItemCaseSensitive(at, "example");
	const cJSON *schema = cJSON_GetObjectItemCaseSensitive(at, "schema"), *one;
	int count = 0;

	if (example) {
		/* Of a parameter or a body beside its schema, of a schema in it. */
		if (!schema_fits(c, schema ? schema : at, example, where))
			fail_msg("example of %s: %s", where, c->wrong);
		count++;
	}
	cJSON_ArrayForEach(one, at)
	{
		char place[300];

		if (!cJSON_IsObject(one) && !cJSON_IsArray(one))
			continue;
		snprintf(place, sizeof place, "%.200s/%.80s", where,
		    one->string ? one->string : "-");
		count += check_examples(c, one, place);
	}
	return count;
}

/* Every reference leads somewhere. */
static void check_refs(const struct schema_check *c, const cJSON *at)
{
	const cJSON *one;

	cJSON_ArrayForEach(one, at)
	{
		if (one->string && strcmp(one->string, "$ref") == 0 &&
		    !schema_ref(c, one->valuestring))
			fail_msg("%s leads nowhere", one->valuestring);
		check_refs(c, one);
	}
}

static void test_examples(void **state)
{
	struct schema_check c = { .document = document(*state) };

	check_refs(&c, c.document);
	assert_true(check_examples(&c, c.document, "") > 40);
}

/* ---- answers ---------------------------------------------------------------------------------- */

static void fill_path(const cJSON *operation, const char *path, char *out, size_t size)
{
	const cJSON *p;

	snprintf(out, size, "%s", path);
	cJSON_ArrayForEach(p, cJSON_GetObjectItemCaseSensitive(operation, "parameters"))
	{
		const cJSON *example = cJSON_GetObjectItemCaseSensitive(p, "example");
		char hole[64], value[64], before[400], *at;

		if (strcmp(stack_text(p, "in"), "path") != 0)
			continue;
		snprintf(hole, sizeof hole, "{%s}", stack_text(p, "name"));
		if (cJSON_IsNumber(example))
			snprintf(value, sizeof value, "%d", example->valueint);
		else
			snprintf(value, sizeof value, "%s", cJSON_GetStringValue(example));
		at = strstr(out, hole);
		assert_non_null(at);
		snprintf(before, sizeof before, "%.*s%s%s", (int)(at - out), out, value,
		    at + strlen(hole));
		snprintf(out, size, "%s", before);
	}
}

static bool is_safe(const cJSON *operation)
{
	return !cJSON_GetObjectItemCaseSensitive(operation, "x-changes") &&
	    !cJSON_GetObjectItemCaseSensitive(operation, "x-needs");
}

static void check_answer(struct stack *s, struct schema_check *c, const cJSON *path,
    const cJSON *operation)
{
	const cJSON *answer = stack_at(operation, "responses.200"), *content;
	bool relay = !cJSON_GetObjectItemCaseSensitive(operation, "x-role");
	struct stack_reply *r;
	char filled[400];

	if (stack_text(answer, "$ref")[0])
		answer = schema_ref(c, stack_text(answer, "$ref"));
	content = cJSON_GetObjectItemCaseSensitive(answer, "content")->child;
	fill_path(operation, path->string, filled, sizeof filled);
	r = relay ? stack_http(s, &(struct stack_ask){ .path = filled, .key = person.key })
	          : stack_root(s, "GET", filled, NULL);
	if (r->status != 200)
		fail_msg("%s: status %d: %s", filled, r->status, r->body.data);
	if (strncmp(stack_header(r, "content-type"), content->string, strlen(content->string)) != 0)
		fail_msg("%s: content type %s", filled, stack_header(r, "content-type"));
	if (strcmp(content->string, "application/json") != 0)
		return;
	if (!r->json)
		fail_msg("%s: no JSON: %s", filled, r->body.data);
	if (cJSON_IsFalse(stack_at(r->json, "success")))
		fail_msg("%s: refused: %s", filled, r->body.data);
	if (!schema_fits(c, cJSON_GetObjectItemCaseSensitive(content, "schema"), r->json, ""))
		fail_msg("%s: the answer does not fit: %s: %.500s", filled, c->wrong, r->body.data);
}

static void test_answers(void **state)
{
	struct stack *s = *state;
	struct schema_check c = { .document = document(s) };
	const cJSON *path;
	int asked = 0;

	set_up(s);
	cJSON_ArrayForEach(path, cJSON_GetObjectItemCaseSensitive(c.document, "paths"))
	{
		const cJSON *get = cJSON_GetObjectItemCaseSensitive(path, "get");

		if (!get || !is_safe(get))
			continue;
		check_answer(s, &c, path, get);
		asked++;
	}
	assert_true(asked >= 45);
}

/* The validator itself can say no. */
static void test_validator(void **state)
{
	static const struct {
		const char *name, *schema, *value;
		bool want;
	} cases[] = {
		{ "type", "{\"type\":\"integer\"}", "1", true },
		{ "fraction", "{\"type\":\"integer\"}", "1.5", false },
		{ "one of types", "{\"type\":[\"string\",\"null\"]}", "null", true },
		{ "required", "{\"required\":[\"a\"]}", "{\"b\":1}", false },
		{ "member", "{\"properties\":{\"a\":{\"type\":\"string\"}}}", "{\"a\":1}", false },
		{ "item", "{\"items\":{\"enum\":[1,2]}}", "[1,3]", false },
		{ "enum", "{\"items\":{\"enum\":[1,2]}}", "[1,2]", true },
		{ "others", "{\"additionalProperties\":{\"type\":\"string\"}}", "{\"x\":1}",
		    false },
		{ "both of oneOf", "{\"oneOf\":[{},{}]}", "1", false },
		{ "allOf", "{\"allOf\":[{},{\"const\":2}]}", "1", false },
		{ "unknown keyword", "{\"pattern\":\"a\"}", "1", false },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		cJSON *schema = cJSON_Parse(cases[i].schema), *value = cJSON_Parse(cases[i].value);
		struct schema_check c = { .document = schema };
		bool got = schema_fits(&c, schema, value, "");

		if (got != cases[i].want)
			fail_msg("%s: got %d, want %d (%s)", cases[i].name, got, cases[i].want,
			    c.wrong);
		cJSON_Delete(schema);
		cJSON_Delete(value);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_validator),
		cmocka_unit_test(test_routes),
		cmocka_unit_test(test_examples),
		cmocka_unit_test(test_answers),
	};

	return stack_run("openapi", tests, COUNT_OF(tests), NULL);
}
