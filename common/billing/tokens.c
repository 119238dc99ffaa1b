/* tokens.c — see tokens.h
 *
 * A request is walked as text, once. Whatever is found is added to one counter, which knows the
 * bound of the whole; constants are added to its tokens. Encoded files are weighed by their size.
 */
#include "billing/tokens.h"

#include "billing/image_tokens.h"
#include "billing/tool_tokens.h"

/* Of the chat format. */
enum { PER_REPLY = 3, PER_MESSAGE = 3, PER_NAME = 1, PER_CALL = 3 };

/* Base64 bytes that make about one token: speech at ten tokens a second, pages of a document. */
enum { AUDIO_BYTES_PER_TOKEN = 1024, FILE_BYTES_PER_TOKEN = 40, UNSEEN_FILE = 1000 };

struct counting {
	struct text_counter text;
	struct str model;
};

static void start(struct counting *k, enum encoding e, struct str model)
{
	text_counter_init(&k->text, e);
	k->model = model;
}

static void add_tokens(struct counting *k, int64_t n)
{
	k->text.state.tokens += n;
}

static int64_t counted(const struct counting *k)
{
	return k->text.state.tokens;
}

/* ---- values ----------------------------------------------------------------------------------*/

typedef void value_fn(struct counting *k, struct jval v);

struct member_rule {
	struct str name;
	value_fn *add;
};

static void add_string(struct counting *k, struct jval v)
{
	text_add_json(&k->text, v);
	text_end(&k->text);
}

static void add_compact(struct counting *k, struct jval v)
{
	text_add_compact(&k->text, v.text);
	text_end(&k->text);
}

static void add_if_object(struct counting *k, struct jval v)
{
	if (v.type == J_OBJECT)
		add_compact(k, v);
}

/* What a model wrote as the input of a tool: text, from some clients an object. */
static void add_text_or_object(struct counting *k, struct jval v)
{
	if (v.type == J_STRING)
		add_string(k, v);
	else
		add_if_object(k, v);
}

/* One pass: a member that occurs twice counts twice, which errs on the safe side. */
static void add_members(struct counting *k, struct jval object, const struct member_rule *rules)
{
	struct jiter it = jscan_iter(object);
	struct jval value;
	struct str name;

	if (object.type != J_OBJECT)
		return;
	while (jscan_next_member(&it, &name, &value))
		for (const struct member_rule *r = rules; r->add; r++)
			if (jscan_name_is(name, r->name)) {
				r->add(k, value);
				break;
			}
}

/* ---- content parts ---------------------------------------------------------------------------*/

static void add_size(struct counting *k, struct jval data, int64_t bytes_per_token)
{
	if (data.type == J_STRING)
		add_tokens(k, (int64_t)data.text.n / bytes_per_token + 1);
}

static void add_text_part(struct counting *k, struct jval part)
{
	struct jval text;

	if (jscan_member(part, STR("text"), &text))
		add_string(k, text);
}

static void add_refusal_part(struct counting *k, struct jval part)
{
	struct jval text;

	if (jscan_member(part, STR("refusal"), &text))
		add_string(k, text);
}

/* Of a URL with the picture in it, or of bare base64; else unknown. */
static struct image_size size_in(struct jval part)
{
	struct image_size size = { 0 };
	struct jval v;

	if (jscan_at(part, "image_url.url", &v) || jscan_member(part, STR("image_url"), &v)) {
		if (v.type == J_STRING)
			(void)image_size_of_uri(str_slice(v.text, 1, v.text.n - 1), &size);
	} else if (jscan_at(part, "source.data", &v) && v.type == J_STRING) {
		(void)image_size_of_base64(str_slice(v.text, 1, v.text.n - 1), &size);
	}
	return size;
}

static void add_image_part(struct counting *k, struct jval part)
{
	static const char *const words[] = { "low", "high", "original" };
	enum image_detail detail = IMAGE_AUTO;
	struct jval v;

	if (!jscan_at(part, "image_url.detail", &v))
		(void)jscan_member(part, STR("detail"), &v);
	for (size_t i = 0; i < COUNT_OF(words); i++)
		if (jscan_is(v, str_c(words[i])))
			detail = image_detail_of(str_c(words[i]));
	add_tokens(k, image_tokens(k->model, size_in(part), detail));
}

static void add_audio_part(struct counting *k, struct jval part)
{
	struct jval data;

	(void)jscan_at(part, "input_audio.data", &data);
	add_size(k, data, AUDIO_BYTES_PER_TOKEN);
}

static void add_file_part(struct counting *k, struct jval part)
{
	struct jval data;

	if (!jscan_at(part, "file.file_data", &data))
		(void)jscan_member(part, STR("file_data"), &data);
	if (data.type == J_STRING)
		add_size(k, data, FILE_BYTES_PER_TOKEN);
	else
		add_tokens(k, UNSEEN_FILE);
}

/* clang-format off */
static const struct member_rule part_types[] = {
	{ STR_INIT("text"),        add_text_part },
	{ STR_INIT("image_url"),   add_image_part },
	{ STR_INIT("input_text"),  add_text_part },
	{ STR_INIT("output_text"), add_text_part },
	{ STR_INIT("input_image"), add_image_part },
	{ STR_INIT("image"),       add_image_part },
	{ STR_INIT("input_audio"), add_audio_part },
	{ STR_INIT("file"),        add_file_part },
	{ STR_INIT("input_file"),  add_file_part },
	{ STR_INIT("refusal"),     add_refusal_part },
};
/* clang-format on */

static void add_part(struct counting *k, struct jval part)
{
	struct jval type;

	if (part.type == J_STRING) {
		add_string(k, part);
		return;
	}
	if (jscan_member(part, STR("type"), &type))
		for (size_t i = 0; i < COUNT_OF(part_types); i++)
			if (jscan_is(type, part_types[i].name)) {
				part_types[i].add(k, part);
				return;
			}
	add_compact(k, part);
}

static void add_content(struct counting *k, struct jval content)
{
	struct jiter it;
	struct jval part;

	if (content.type == J_STRING)
		add_string(k, content);
	else if (content.type == J_OBJECT)
		add_part(k, content);
	if (content.type != J_ARRAY)
		return;
	it = jscan_iter(content);
	while (jscan_next_item(&it, &part))
		add_part(k, part);
}

/* ---- messages --------------------------------------------------------------------------------*/

static void add_name(struct counting *k, struct jval name)
{
	if (name.type != J_STRING)
		return;
	add_tokens(k, PER_NAME);
	add_string(k, name);
}

/* { "name": …, "arguments": … } */
static void add_function(struct counting *k, struct jval call)
{
	/* clang-format off */
	static const struct member_rule members[] = {
		{ STR_INIT("name"),      add_string },
		{ STR_INIT("arguments"), add_text_or_object },
		{ .add = NULL },
	};
	/* clang-format on */

	if (call.type != J_OBJECT)
		return;
	add_tokens(k, PER_CALL);
	add_members(k, call, members);
}

static void add_calls(struct counting *k, struct jval calls)
{
	struct jiter it = jscan_iter(calls);
	struct jval call, function;

	if (calls.type != J_ARRAY)
		return;
	while (jscan_next_item(&it, &call))
		if (jscan_member(call, STR("function"), &function)) {
			add_function(k, function);
		} else {
			add_tokens(k, PER_CALL);
			add_compact(k, call);
		}
}

/* Members of a message that the model reads. */
/* clang-format off */
static const struct member_rule message_members[] = {
	{ STR_INIT("content"),           add_content },
	{ STR_INIT("role"),              add_string },
	{ STR_INIT("name"),              add_name },
	{ STR_INIT("tool_calls"),        add_calls },
	{ STR_INIT("function_call"),     add_function },
	{ STR_INIT("tool_call_id"),      add_string },
	{ STR_INIT("reasoning_content"), add_string },
	{ STR_INIT("reasoning"),         add_string },
	{ STR_INIT("refusal"),           add_string },
	{ .add = NULL },
};

/* An item of a response's input: a message, or what a tool was called with and answered. */
static const struct member_rule item_members[] = {
	{ STR_INIT("content"),   add_content },
	{ STR_INIT("role"),      add_string },
	{ STR_INIT("name"),      add_name },
	{ STR_INIT("arguments"), add_text_or_object },
	{ STR_INIT("input"),     add_text_or_object },
	{ STR_INIT("output"),    add_content },
	{ STR_INIT("summary"),   add_content },
	{ .add = NULL },
};
/* clang-format on */

static void add_list(struct counting *k, struct jval list, const struct member_rule *members)
{
	struct jiter it = jscan_iter(list);
	struct jval item;

	add_tokens(k, PER_REPLY);
	while (jscan_next_item(&it, &item)) {
		add_tokens(k, PER_MESSAGE);
		add_members(k, item, members);
	}
}

static void add_messages(struct counting *k, struct jval messages)
{
	if (messages.type == J_ARRAY)
		add_list(k, messages, message_members);
}

/* A string is the content of one message of the user. */
static void add_response_input(struct counting *k, struct jval input)
{
	if (input.type == J_ARRAY)
		add_list(k, input, item_members);
	if (input.type != J_STRING)
		return;
	add_tokens(k, PER_REPLY + PER_MESSAGE);
	text_add(&k->text, STR("user"));
	text_end(&k->text);
	add_string(k, input);
}

/* A message of the system. */
static void add_instructions(struct counting *k, struct jval text)
{
	if (text.type != J_STRING)
		return;
	add_tokens(k, PER_MESSAGE);
	text_add(&k->text, STR("system"));
	text_end(&k->text);
	add_string(k, text);
}

/* ---- requests --------------------------------------------------------------------------------*/

static void add_tools(struct counting *k, struct jval tools)
{
	tool_tokens_add(&k->text, tools);
}

static void add_response_format(struct counting *k, struct jval format)
{
	struct jval schema;

	if (jscan_member(format, STR("json_schema"), &schema))
		add_if_object(k, schema);
}

/* text: { "format": { "type": "json_schema", "schema": … } } */
static void add_text_format(struct counting *k, struct jval text)
{
	struct jval schema;

	if (jscan_at(text, "format.schema", &schema))
		add_if_object(k, schema);
}

/* clang-format off */
static const struct member_rule chat_members[] = {
	{ STR_INIT("messages"),        add_messages },
	{ STR_INIT("tools"),           add_tools },
	{ STR_INIT("functions"),       add_tools },
	{ STR_INIT("tool_choice"),     add_if_object },
	{ STR_INIT("function_call"),   add_if_object },
	{ STR_INIT("response_format"), add_response_format },
	{ .add = NULL },
};

static const struct member_rule response_members[] = {
	{ STR_INIT("input"),        add_response_input },
	{ STR_INIT("instructions"), add_instructions },
	{ STR_INIT("tools"),        add_tools },
	{ STR_INIT("tool_choice"),  add_if_object },
	{ STR_INIT("text"),         add_text_format },
	{ .add = NULL },
};
/* clang-format on */

int64_t tokens_chat_in(enum encoding e, struct str model, struct jval request)
{
	struct counting k;

	start(&k, e, model);
	add_members(&k, request, chat_members);
	return counted(&k);
}

int64_t tokens_chat(struct str model, struct jval request)
{
	return tokens_chat_in(encoding_of_model(model), model, request);
}

int64_t tokens_response_in(enum encoding e, struct str model, struct jval request)
{
	struct counting k;

	start(&k, e, model);
	add_members(&k, request, response_members);
	return counted(&k);
}

int64_t tokens_response(struct str model, struct jval request)
{
	return tokens_response_in(encoding_of_model(model), model, request);
}

/* ---- prompts ---------------------------------------------------------------------------------*/

static void add_prompt(struct counting *k, struct jval item)
{
	if (item.type == J_NUMBER)
		add_tokens(k, 1);
	else if (item.type == J_ARRAY)
		add_tokens(k, (int64_t)jscan_count(item));
	else
		add_part(k, item);
}

int64_t tokens_input_in(enum encoding e, struct str model, struct jval input)
{
	struct counting k;
	struct jiter it = jscan_iter(input);
	struct jval item;

	start(&k, e, model);
	if (input.type == J_STRING)
		add_string(&k, input);
	while (input.type == J_ARRAY && jscan_next_item(&it, &item))
		add_prompt(&k, item);
	return counted(&k);
}

int64_t tokens_input(struct str model, struct jval input)
{
	return tokens_input_in(encoding_of_model(model), model, input);
}

int64_t tokens_text_in(enum encoding e, struct str text)
{
	struct text_counter c;

	text_counter_init(&c, e);
	text_add(&c, text);
	text_end(&c);
	return c.state.tokens;
}

int64_t tokens_text(struct str model, struct str text)
{
	return tokens_text_in(encoding_of_model(model), text);
}

int64_t tokens_json_string(struct str model, struct jval text)
{
	struct text_counter c;

	text_counter_init(&c, encoding_of_model(model));
	text_add_json(&c, text);
	text_end(&c);
	return c.state.tokens;
}
