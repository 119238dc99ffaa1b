/* recorded_request.h — a provider's request as the OpenAI request that asks for the same
 *
 * By the tests' own means and the other way round than the dialects go. What two requests of a provider
 * ask for is the same when what they become here is; names of members that this reader does not know go
 * to `unknown`, so that nothing is overlooked. Ids of calls are numbered where a dialect may leave them
 * out; texts of the system and of an assistant are joined.
 */
#ifndef TESTS_RECORDED_REQUEST_H
#define TESTS_RECORDED_REQUEST_H

#include "openai_maker.h"

enum shape { SHAPE_OPENAI, SHAPE_CLAUDE, SHAPE_CONVERSE, SHAPE_GEMINI, SHAPE_COHERE, SHAPE_EMBED };

/* ---- Anthropic ---------------------------------------------------------------------------------- */

static const char *claude_text(struct maker *m, const cJSON *content)
{
	const char *all = text_of(content);
	const cJSON *b;

	if (!cJSON_IsArray(content))
		return all;
	cJSON_ArrayForEach(b, content)
	{
		all = arena_fmt(m->arena, "%s%s", all, text_of(at(b, "text")));
	}
	return all;
}

static void claude_block(struct maker *m, const char *role, const cJSON *b)
{
	const char *type = text_of(at(b, "type"));
	const cJSON *source = at(b, "source");
	cJSON *image;

	if (strcmp(type, "text") == 0) {
		knows(m, b, "type,text,cache_control");
		say_text(m, role, text_of(at(b, "text")), at(b, "cache_control"));
	} else if (strcmp(type, "image") == 0 && at(source, "url")) {
		image = cJSON_CreateObject();
		cJSON_AddStringToObject(image, "url", text_of(at(source, "url")));
		add_part(m, "image_url", image, NULL);
	} else if (strcmp(type, "image") == 0) {
		say_media(m, text_of(at(source, "media_type")), text_of(at(source, "data")));
	} else if (strcmp(type, "tool_use") == 0) {
		say_call(m, text_of(at(b, "id")), text_of(at(b, "name")), at(b, "input"));
	} else if (strcmp(type, "tool_result") == 0) {
		if (cJSON_IsTrue(at(b, "is_error")))
			buf_addf(m->unknown, " is_error");
		say_result(m, text_of(at(b, "tool_use_id")), claude_text(m, at(b, "content")));
	} else if (strcmp(type, "thinking") == 0) {
		say_thought(m, text_of(at(b, "thinking")), text_of(at(b, "signature")));
	} else {
		buf_addf(m->unknown, " block:%s", type);
	}
}

static void claude_choice(struct maker *m, const cJSON *choice)
{
	static const char *const words[][2] = { { "auto", "auto" }, { "any", "required" },
		{ "none", "none" }, { "tool", "" } };

	knows(m, choice, "type,name");
	for (size_t i = 0; i < COUNT_OF(words); i++)
		if (strcmp(text_of(at(choice, "type")), words[i][0]) == 0)
			choose(m, words[i][1], text_of(at(choice, "name")));
}

static void read_claude(struct maker *m, const cJSON *body)
{
	const char *system = claude_text(m, at(body, "system"));
	const cJSON *one, *b;

	knows(m, body,
	    "model,max_tokens,messages,system,stop_sequences,stream,tools,tool_choice,"
	    "output_config,thinking,cache_control,anthropic_version");
	if (system[0])
		say_text(m, "system", system, NULL);
	cJSON_ArrayForEach(one, at(body, "messages"))
	{
		const char *role = text_of(at(one, "role"));

		if (cJSON_IsString(at(one, "content")))
			say_text(m, role, text_of(at(one, "content")), NULL);
		else
			cJSON_ArrayForEach(b, at(one, "content")) claude_block(m, role, b);
	}
	cJSON_ArrayForEach(one, at(body, "tools"))
	{
		if (str_starts(str_c(text_of(at(one, "type"))), STR("web_search_"))) {
			cJSON_AddObjectToObject(m->root, "web_search_options");
			continue;
		}
		knows(m, one, "name,description,input_schema,eager_input_streaming");
		add_tool(m, text_of(at(one, "name")), text_of(at(one, "description")),
		    at(one, "input_schema"));
	}
	if (at(body, "tool_choice"))
		claude_choice(m, at(body, "tool_choice"));
	copy(m->root, "max_tokens", at(body, "max_tokens"));
	copy(m->root, "stop", at(body, "stop_sequences"));
	copy(m->root, "thinking", at(body, "thinking"));
	copy(m->root, "cache_control", at(body, "cache_control"));
	if (json_at(body, "output_config.effort"))
		copy(cJSON_AddObjectToObject(m->root, "output_config"), "effort",
		    json_at(body, "output_config.effort"));
	if (json_at(body, "output_config.format"))
		want_schema(m, json_at(body, "output_config.format.schema"));
}

/* ---- Converse ----------------------------------------------------------------------------------- */

/* A mark stands behind what it marks: the last one of the list. */
static void mark_last(const cJSON *list)
{
	cJSON *part = cJSON_GetArrayItem(list, cJSON_GetArraySize(list) - 1);
	cJSON *mark = cJSON_AddObjectToObject(part, "cache_control");

	cJSON_AddStringToObject(mark, "type", "ephemeral");
}

static void converse_system(struct maker *m, const cJSON *list)
{
	const cJSON *one, *last = NULL;
	cJSON *parts, *part;

	cJSON_ArrayForEach(one, list)
	{
		knows(m, one, "text,cachePoint");
		if (at(one, "text"))
			say_text(m, "system", text_of(at(one, "text")), NULL);
		last = one;
	}
	if (!at(last, "cachePoint"))
		return;
	part = cJSON_CreateObject();
	cJSON_AddStringToObject(part, "type", "text");
	copy(part, "text", at(turn(m, "system"), "content"));
	cJSON_DeleteItemFromObject(turn(m, "system"), "content");
	parts = cJSON_AddArrayToObject(turn(m, "system"), "content");
	cJSON_AddItemToArray(parts, part);
	mark_last(parts);
}

/* Names are made to differ: what we put behind one is no part of it. */
static void converse_document(struct maker *m, const cJSON *document)
{
	struct str name = str_c(text_of(at(document, "name")));
	cJSON *file = cJSON_CreateObject();

	if (strcmp(text_of(at(document, "format")), "txt") != 0)
		buf_addf(m->unknown, " format");
	name = str_slice(name, 0, str_find_str(name, STR(" document ")));
	cJSON_AddStringToObject(file, "filename", str_dup(m->arena, name));
	cJSON_AddStringToObject(file, "file_data",
	    arena_fmt(m->arena, "data:text/plain;base64,%s",
	        text_of(json_at(document, "source.bytes"))));
	add_part(m, "file", file, NULL);
}

static void converse_block(struct maker *m, const char *role, const cJSON *b)
{
	const cJSON *image = at(b, "image"), *use = at(b, "toolUse"), *result = at(b, "toolResult");

	knows(m, b, "text,image,document,toolUse,toolResult,cachePoint");
	if (at(b, "text"))
		say_text(m, role, text_of(at(b, "text")), NULL);
	if (image)
		say_media(m, arena_fmt(m->arena, "image/%s", text_of(at(image, "format"))),
		    text_of(json_at(image, "source.bytes")));
	if (use)
		say_call(m, text_of(at(use, "toolUseId")), text_of(at(use, "name")),
		    at(use, "input"));
	if (result)
		say_result(m, text_of(at(result, "toolUseId")),
		    text_of(json_at(result, "content.0.text")));
	if (at(b, "document"))
		converse_document(m, at(b, "document"));
	if (at(b, "cachePoint"))
		mark_last(at(turn(m, "user"), "content"));
}

static void read_converse(struct maker *m, const cJSON *body)
{
	const cJSON *one, *b, *config = at(body, "inferenceConfig");
	const cJSON *choice = json_at(body, "toolConfig.toolChoice");

	knows(m, body,
	    "messages,system,inferenceConfig,toolConfig,additionalModelRequestFields,"
	    "guardrailConfig");
	knows(m, config, "maxTokens,temperature,topP,stopSequences");
	converse_system(m, at(body, "system"));
	cJSON_ArrayForEach(one, at(body, "messages"))
	{
		cJSON_ArrayForEach(b, at(one, "content"))
		{
			converse_block(m, text_of(at(one, "role")), b);
		}
	}
	cJSON_ArrayForEach(one, json_at(body, "toolConfig.tools"))
	{
		const cJSON *spec = at(one, "toolSpec");

		knows(m, one, "toolSpec,cachePoint");
		if (at(one, "cachePoint")) {
			mark_last(at(m->root, "tools"));
			continue;
		}
		add_tool(m, text_of(at(spec, "name")), text_of(at(spec, "description")),
		    json_at(spec, "inputSchema.json"));
	}
	knows(m, choice, "auto,any");
	if (choice)
		choose(m, at(choice, "auto") ? "auto" : "required", "");
	copy(m->root, "max_tokens", at(config, "maxTokens"));
	copy(m->root, "temperature", at(config, "temperature"));
	copy(m->root, "top_p", at(config, "topP"));
	copy(m->root, "stop", at(config, "stopSequences"));
	copy(m->root, "thinking", json_at(body, "additionalModelRequestFields.thinking"));
	copy(m->root, "guardrail", at(body, "guardrailConfig"));
}

/* ---- Gemini -------------------------------------------------------------------------------------- */

static void gemini_call(struct maker *m, const cJSON *part, const cJSON *call)
{
	cJSON *made = say_call(m, NULL, text_of(at(call, "name")), at(call, "args")), *google;
	const char *signature = text_of(either(part, "thoughtSignature", "thought_signature"));

	if (!signature[0])
		return;
	google = cJSON_AddObjectToObject(cJSON_AddObjectToObject(made, "extra_content"), "google");
	cJSON_AddStringToObject(google, "thought_signature", signature);
}

static void gemini_part(struct maker *m, const char *role, const cJSON *p)
{
	const cJSON *call = either(p, "functionCall", "function_call");
	const cJSON *result = either(p, "functionResponse", "function_response");
	const cJSON *data = at(p, "inlineData"), *file = at(p, "fileData");
	const char *name = text_of(at(result, "name"));

	knows(m, p,
	    "text,inlineData,fileData,functionCall,function_call,functionResponse,"
	    "function_response,thoughtSignature,thought_signature");
	if (at(p, "text"))
		say_text(m, strcmp(role, "model") == 0 ? "assistant" : role, text_of(at(p, "text")),
		    NULL);
	if (data)
		say_media(m, text_of(at(data, "mimeType")), text_of(at(data, "data")));
	if (file) {
		cJSON *image = cJSON_CreateObject();

		copy(image, "url", either(file, "fileUri", "file_uri"));
		add_part(m, "image_url", image, NULL);
	}
	if (call)
		gemini_call(m, p, call);
	knows(m, result, "id,name,response");
	if (result)
		say_result(m, id_of_call(m, name), json_print(m->arena, at(result, "response")).p);
}

/* The subset of JSON Schema that `parameters` has knows it not. */
static void drop_additional(cJSON *schema)
{
	cJSON *item;

	if (cJSON_IsObject(schema))
		cJSON_DeleteItemFromObjectCaseSensitive(schema, "additionalProperties");
	cJSON_ArrayForEach(item, schema) drop_additional(item);
}

static void gemini_tools(struct maker *m, const cJSON *body)
{
	const cJSON *config = json_at(body, "toolConfig.functionCallingConfig"), *tool, *f, *schema;
	const char *mode = text_of(at(config, "mode"));
	cJSON *plain;

	cJSON_ArrayForEach(tool, at(body, "tools"))
	{
		knows(m, tool, "functionDeclarations,googleSearch");
		if (at(tool, "googleSearch"))
			cJSON_AddObjectToObject(m->root, "web_search_options");
		cJSON_ArrayForEach(f, at(tool, "functionDeclarations"))
		{
			schema = either(f, "parametersJsonSchema", "parameters_json_schema");
			plain = cJSON_Duplicate(schema ? schema : at(f, "parameters"), 1);
			drop_additional(plain);
			add_tool(m, text_of(at(f, "name")), text_of(at(f, "description")), plain);
			cJSON_Delete(plain);
		}
	}
	if (mode[0])
		choose(m,
		    strcmp(mode, "ANY") == 0        ? "required"
		        : strcmp(mode, "NONE") == 0 ? "none"
		                                    : "auto",
		    text_of(json_at(config, "allowedFunctionNames.0")));
}

static void gemini_config(struct maker *m, const cJSON *body)
{
	const cJSON *config = at(body, "generationConfig"), *think = at(config, "thinkingConfig");
	cJSON *google = cJSON_CreateObject(), *own = cJSON_CreateObject();

	knows(m, config,
	    "maxOutputTokens,stopSequences,responseMimeType,responseJsonSchema,"
	    "responseModalities,thinkingConfig");
	copy(m->root, "max_tokens", at(config, "maxOutputTokens"));
	copy(m->root, "stop", at(config, "stopSequences"));
	if (at(config, "responseJsonSchema"))
		want_schema(m, at(config, "responseJsonSchema"));
	copy(own, "includeThoughts", either(think, "includeThoughts", "include_thoughts"));
	copy(own, "thinkingBudget", either(think, "thinkingBudget", "thinking_budget"));
	if (own->child)
		copy(google, "thinking_config", own);
	copy(google, "cached_content", at(body, "cachedContent"));
	if (google->child)
		copy(cJSON_AddObjectToObject(m->root, "extra_body"), "google", google);
	cJSON_Delete(google);
	cJSON_Delete(own);
}

static void read_gemini(struct maker *m, const cJSON *body)
{
	const cJSON *one, *part;

	knows(m, body,
	    "contents,systemInstruction,tools,toolConfig,generationConfig,safetySettings,"
	    "cachedContent,modelArmorConfig"); /* the last one is an account's own */
	cJSON_ArrayForEach(one, json_at(body, "systemInstruction.parts"))
	{
		say_text(m, "system", text_of(at(one, "text")), NULL);
	}
	cJSON_ArrayForEach(one, at(body, "contents"))
	{
		cJSON_ArrayForEach(part, at(one, "parts"))
		{
			gemini_part(m, text_of(at(one, "role")), part);
		}
	}
	gemini_tools(m, body);
	gemini_config(m, body);
}

/* ---- Cohere -------------------------------------------------------------------------------------- */

static void cohere_message(struct maker *m, const cJSON *one)
{
	const char *role = text_of(at(one, "role"));
	const cJSON *content = at(one, "content"), *part, *call;

	knows(m, one, "role,content,tool_calls,tool_call_id");
	if (strcmp(role, "tool") == 0) {
		say_result(m, text_of(at(one, "tool_call_id")), text_of(content));
		return;
	}
	if (cJSON_IsString(content))
		say_text(m, role, text_of(content), NULL);
	if (cJSON_IsArray(content)) {
		cJSON_ArrayForEach(part, content)
		{
			if (at(part, "thinking"))
				join(m, role, "reasoning_content", text_of(at(part, "thinking")));
			else
				say_text(m, role, text_of(at(part, "text")), NULL);
		}
	}
	cJSON_ArrayForEach(call, at(one, "tool_calls"))
	{
		cJSON *input = cJSON_Parse(text_of(json_at(call, "function.arguments")));

		say_call(m, text_of(at(call, "id")), text_of(json_at(call, "function.name")),
		    input);
		cJSON_Delete(input);
	}
}

static void read_cohere(struct maker *m, const cJSON *body)
{
	const cJSON *one;

	knows(m, body, "model,stream,messages,tools,stop_sequences");
	cJSON_ArrayForEach(one, at(body, "messages")) cohere_message(m, one);
	cJSON_ArrayForEach(one, at(body, "tools"))
	{
		add_tool(m, text_of(json_at(one, "function.name")),
		    text_of(json_at(one, "function.description")),
		    json_at(one, "function.parameters"));
	}
	copy(m->root, "stop", at(body, "stop_sequences"));
}

/* ---- embeddings ------------------------------------------------------------------------------------ */

static void read_embed(struct maker *m, const cJSON *body)
{
	const cJSON *one;

	knows(m, body,
	    "model,texts,input_type,truncate,output_dimension,embedding_types,requests,instances");
	copy(m->root, "input", at(body, "texts"));
	copy(m->root, "input_type", at(body, "input_type"));
	copy(m->root, "truncate", at(body, "truncate"));
	copy(m->root, "dimensions", at(body, "output_dimension"));
	cJSON_ArrayForEach(one, at(body, "requests"))
	{
		knows(m, one, "model,content,outputDimensionality,taskType");
		cJSON_AddItemToArray(list_in(m->root, "input"),
		    cJSON_Duplicate(json_at(one, "content.parts.0.text"), 1));
		copy(m->root, "dimensions", at(one, "outputDimensionality"));
		copy(m->root, "task_type", at(one, "taskType"));
	}
	cJSON_ArrayForEach(one, at(body, "instances"))
	{
		knows(m, one, "content,task_type");
		cJSON_AddItemToArray(list_in(m->root, "input"),
		    cJSON_Duplicate(at(one, "content"), 1));
		copy(m->root, "task_type", at(one, "task_type"));
	}
}

/* ---- any ------------------------------------------------------------------------------------------- */

/* Made with cJSON, for the caller to delete. */
static cJSON *as_openai(struct arena *a, enum shape shape, const cJSON *body, struct buf *unknown)
{
	static void (*const readers[])(struct maker *, const cJSON *) = {
		[SHAPE_CLAUDE] = read_claude,
		[SHAPE_CONVERSE] = read_converse,
		[SHAPE_GEMINI] = read_gemini,
		[SHAPE_COHERE] = read_cohere,
		[SHAPE_EMBED] = read_embed,
	};
	struct maker m = { .arena = a, .root = cJSON_CreateObject(), .unknown = unknown };

	if (shape == SHAPE_OPENAI) {
		cJSON_Delete(m.root);
		return cJSON_Duplicate(body, 1);
	}
	if (shape != SHAPE_EMBED)
		m.messages = cJSON_AddArrayToObject(m.root, "messages");
	readers[shape](&m, body);
	return m.root;
}

#endif
