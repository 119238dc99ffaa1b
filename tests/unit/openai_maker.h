/* openai_maker.h — puts an OpenAI chat request together, piece by piece, as a tree
 *
 * For recorded_request.h. What is said in a role goes to the last message when that has the role, so
 * that turns which a dialect merges are merged here too. Whatever a reader does not know is named in
 * `unknown`.
 */
#ifndef TESTS_OPENAI_MAKER_H
#define TESTS_OPENAI_MAKER_H

#include <stdio.h>
#include <string.h>

#include "base/json.h"

struct maker {
	struct arena *arena;
	cJSON *root, *messages;
	struct buf *unknown;
	char pending[32][64]; /* names of calls without their results, for dialects without ids */
	int calls;
};

static const char *text_of(const cJSON *o)
{
	return cJSON_IsString(o) ? o->valuestring : "";
}

static void knows(struct maker *m, const cJSON *o, const char *list)
{
	const cJSON *item;

	cJSON_ArrayForEach(item, o)
	{
		if (!cJSON_IsNull(item) && !str_list_has(str_c(list), str_c(item->string)))
			buf_addf(m->unknown, " %s", item->string);
	}
}

static const cJSON *either(const cJSON *o, const char *camel, const char *snake)
{
	const cJSON *found = cJSON_GetObjectItemCaseSensitive(o, camel);

	return found ? found : cJSON_GetObjectItemCaseSensitive(o, snake);
}

static const cJSON *at(const cJSON *o, const char *name)
{
	return either(o, name, name);
}

static void copy(cJSON *to, const char *name, const cJSON *value)
{
	if (value && !cJSON_IsNull(value))
		cJSON_AddItemToObject(to, name, cJSON_Duplicate(value, 1));
}

/* The last message when it is of that role, else a new one. */
static cJSON *turn(struct maker *m, const char *role)
{
	int n = cJSON_GetArraySize(m->messages);
	cJSON *last = n ? cJSON_GetArrayItem(m->messages, n - 1) : NULL;

	if (last && strcmp(text_of(at(last, "role")), role) == 0 && strcmp(role, "tool") != 0)
		return last;
	last = cJSON_CreateObject();
	cJSON_AddStringToObject(last, "role", role);
	cJSON_AddItemToArray(m->messages, last);
	return last;
}

static void add_part(struct maker *m, const char *type, cJSON *value, const cJSON *mark)
{
	cJSON *message = turn(m, "user"), *list = (cJSON *)(uintptr_t)at(message, "content");
	cJSON *part = cJSON_CreateObject();

	if (!list)
		list = cJSON_AddArrayToObject(message, "content");
	cJSON_AddStringToObject(part, "type", type);
	cJSON_AddItemToObject(part, type, value);
	copy(part, "cache_control", mark);
	cJSON_AddItemToArray(list, part);
}

static void join(struct maker *m, const char *role, const char *member, const char *text)
{
	cJSON *message = turn(m, role);
	const cJSON *before = at(message, member);
	const char *all = arena_fmt(m->arena, "%s%s", text_of(before), text);

	cJSON_DeleteItemFromObject(message, member);
	cJSON_AddStringToObject(message, member, all);
}

static void say_text(struct maker *m, const char *role, const char *text, const cJSON *mark)
{
	if (strcmp(role, "user") == 0)
		add_part(m, "text", cJSON_CreateString(text), mark);
	else
		join(m, role, "content", text);
}

/* Base64 of the alphabet for URLs becomes the plain one. */
static void say_media(struct maker *m, const char *type, const char *data)
{
	char *uri = arena_strdup(m->arena, arena_fmt(m->arena, "data:%s;base64,%s", type, data));
	cJSON *image = cJSON_CreateObject();

	for (char *p = strchr(uri, ','); *p; p++)
		*p = *p == '-' ? '+' : *p == '_' ? '/' : *p;
	cJSON_AddStringToObject(image, "url", uri);
	add_part(m, "image_url", image, NULL);
}

static cJSON *say_call(struct maker *m, const char *id, const char *name, const cJSON *input)
{
	cJSON *message = turn(m, "assistant"),
	      *calls = (cJSON *)(uintptr_t)at(message, "tool_calls");
	cJSON *call = cJSON_CreateObject(), *function = cJSON_CreateObject();

	if (!calls)
		calls = cJSON_AddArrayToObject(message, "tool_calls");
	snprintf(m->pending[m->calls % 32], 64, "%s", name);
	cJSON_AddStringToObject(call, "id", id ? id : arena_fmt(m->arena, "call_%d", m->calls));
	m->calls++;
	cJSON_AddStringToObject(call, "type", "function");
	cJSON_AddStringToObject(function, "name", name);
	cJSON_AddStringToObject(function, "arguments", json_print(m->arena, input).p);
	cJSON_AddItemToObject(call, "function", function);
	cJSON_AddItemToArray(calls, call);
	return call;
}

static void say_result(struct maker *m, const char *id, const char *text)
{
	cJSON *message = turn(m, "tool");

	cJSON_AddStringToObject(message, "tool_call_id", id);
	cJSON_AddStringToObject(message, "content", text);
}

/* Of the first call of that name that has none yet. */
static const char *id_of_call(struct maker *m, const char *name)
{
	for (int i = 0; i < m->calls && i < 32; i++)
		if (strcmp(m->pending[i], name) == 0) {
			m->pending[i][0] = '\0';
			return arena_fmt(m->arena, "call_%d", i);
		}
	buf_addf(m->unknown, " a-result-of-no-call");
	return "";
}

static void say_thought(struct maker *m, const char *text, const char *signature)
{
	cJSON *details = cJSON_AddArrayToObject(turn(m, "assistant"), "reasoning_details");
	cJSON *one = cJSON_CreateObject();

	cJSON_AddStringToObject(one, "type", "reasoning.text");
	cJSON_AddStringToObject(one, "text", text);
	cJSON_AddStringToObject(one, "signature", signature);
	cJSON_AddItemToArray(details, one);
}

static cJSON *list_in(cJSON *o, const char *name)
{
	cJSON *list = (cJSON *)(uintptr_t)at(o, name);

	return list ? list : cJSON_AddArrayToObject(o, name);
}

/* A description that says nothing is none, and so is a schema. */
static void add_tool(struct maker *m, const char *name, const char *words, const cJSON *schema)
{
	cJSON *tool = cJSON_CreateObject(), *function = cJSON_CreateObject();

	cJSON_AddStringToObject(tool, "type", "function");
	cJSON_AddStringToObject(function, "name", name);
	if (words[0] && strcmp(words, name) != 0)
		cJSON_AddStringToObject(function, "description", words);
	if (cJSON_GetArraySize(at(schema, "properties")))
		copy(function, "parameters", schema);
	cJSON_AddItemToObject(tool, "function", function);
	cJSON_AddItemToArray(list_in(m->root, "tools"), tool);
}

static void choose(struct maker *m, const char *word, const char *name)
{
	cJSON *choice, *function;

	if (!name[0]) {
		cJSON_AddStringToObject(m->root, "tool_choice", word);
		return;
	}
	choice = cJSON_AddObjectToObject(m->root, "tool_choice");
	cJSON_AddStringToObject(choice, "type", "function");
	function = cJSON_AddObjectToObject(choice, "function");
	cJSON_AddStringToObject(function, "name", name);
}

static void want_schema(struct maker *m, const cJSON *schema)
{
	cJSON *format = cJSON_AddObjectToObject(m->root, "response_format"), *inner;

	cJSON_AddStringToObject(format, "type", "json_schema");
	inner = cJSON_AddObjectToObject(format, "json_schema");
	cJSON_AddStringToObject(inner, "name", "answer");
	copy(inner, "schema", schema);
}

#endif
