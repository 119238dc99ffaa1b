/* ollama_messages.c — a conversation as Ollama's chat takes it
 *
 * Tool arguments are objects, not text; a result names its function; images and sounds are bare
 * base64 beside the text. Texts of the client are copied as the JSON strings that they are, without
 * being decoded.
 */
#include "provider/ollama.h"

#include "provider/convert.h"
#include "provider/datauri.h"

static bool refuse_part(size_t message, size_t part, const char *why, struct err *err)
{
	return err_set(err, ERR_INVALID_TEXT, "messages[%zu].content[%zu]: %s", message, part, why);
}

/* The base64 text of a part that is media; false for other parts. */
static bool media_of(struct arena *a, struct jval part, struct str *uri, struct str *encoded)
{
	struct jval type = convert_member(part, STR("type")), v;

	*uri = *encoded = (struct str){ 0 };
	if (jscan_is(type, STR("image_url"))) {
		v = convert_member(part, STR("image_url"));
		*uri = jscan_text(a, v.type == J_STRING ? v : convert_member(v, STR("url")));
		return true;
	}
	if (jscan_is(type, STR("input_audio"))) {
		v = convert_member(part, STR("input_audio"));
		*encoded = jscan_text(a, convert_member(v, STR("data")));
		return true;
	}
	return false;
}

static bool add_media(struct ollama_writer *w, struct str uri, struct str encoded, size_t message,
    size_t part, struct err *err)
{
	const struct medium *fetched = adaptor_medium(w->c, uri);
	struct str mime;

	if (fetched) {
		json_add_comma(&w->body);
		buf_add_char(&w->body, '"');
		datauri_add_bytes(&w->body, fetched->bytes);
		buf_add_char(&w->body, '"');
		return true;
	}
	if (uri.n && !datauri_is(uri))
		return refuse_part(message, part, "this is neither an http URL nor a data URI",
		    err);
	if (uri.n && !datauri_split(uri, &mime, &encoded))
		return refuse_part(message, part, "the data URI is not base64", err);
	json_add_comma(&w->body);
	buf_add_char(&w->body, '"');
	if (!datauri_add_base64(&w->body, encoded))
		return refuse_part(message, part, "the data is not base64", err);
	buf_add_char(&w->body, '"');
	return true;
}

static bool add_images(struct ollama_writer *w, struct jval parts, size_t message, struct err *err)
{
	struct jiter it = jscan_iter(parts);
	struct str uri, encoded;
	struct jval part;
	bool any = false;

	for (size_t i = 0; jscan_next_item(&it, &part); i++) {
		if (!media_of(w->c->arena, part, &uri, &encoded))
			continue;
		if (!any)
			ollama_add_raw(w, "images", STR("["));
		any = true;
		if (!add_media(w, uri, encoded, message, i, err))
			return false;
	}
	if (any)
		buf_add_char(&w->body, ']');
	return true;
}

/* The text parts joined by line feeds, still escaped as they came. */
static bool add_joined_text(struct ollama_writer *w, struct jval parts, size_t message,
    struct err *err)
{
	struct jiter it = jscan_iter(parts);
	struct jval part, text;
	bool any = false;

	ollama_add_raw(w, "content", STR("\""));
	for (size_t i = 0; jscan_next_item(&it, &part); i++) {
		struct jval type = convert_member(part, STR("type"));

		if (jscan_is(type, STR("image_url")) || jscan_is(type, STR("input_audio")))
			continue;
		text = convert_member(part,
		    jscan_is(type, STR("refusal")) ? STR("refusal") : STR("text"));
		if (text.type != J_STRING)
			return refuse_part(message, i, "this channel cannot take such a part", err);
		if (any)
			ollama_add(w, STR("\\n"));
		any = true;
		ollama_add(w, convert_inside(text));
	}
	buf_add_char(&w->body, '"');
	return true;
}

static bool add_content(struct ollama_writer *w, struct jval content, size_t message,
    struct err *err)
{
	if (content.type == J_ARRAY)
		return add_joined_text(w, content, message, err) &&
		    add_images(w, content, message, err);
	ollama_add_raw(w, "content", content.type == J_STRING ? content.text : STR("\"\""));
	return true;
}

/* Text that should be an object becomes one; a history with broken arguments must stay acceptable
 * (R16). */
static void add_arguments(struct ollama_writer *w, struct jval arguments)
{
	struct err ignored = { 0 };
	struct jval root;
	struct str text;

	if (arguments.type == J_OBJECT) {
		ollama_add(w, arguments.text);
		return;
	}
	text = str_trim(jscan_text(w->c->arena, arguments));
	if (text.n == 0) {
		ollama_add(w, STR("{}"));
	} else if (jscan_check(text, JSON_MAX_DEPTH, &root, &ignored) && root.type == J_OBJECT) {
		ollama_add(w, text);
	} else {
		ollama_add(w, STR("{\"raw\":"));
		json_add_str(&w->body, text);
		buf_add_char(&w->body, '}');
	}
}

static void note_call(struct ollama_writer *w, struct jval id, struct jval name)
{
	w->calls[w->call_count++ % OLLAMA_CALLS_KEPT] = (struct ollama_call){ id, name };
}

/* The function's name as raw text, J_NONE when no recent call has that id. */
static struct jval name_of_call(const struct ollama_writer *w, struct jval id)
{
	size_t kept = w->call_count < OLLAMA_CALLS_KEPT ? w->call_count : OLLAMA_CALLS_KEPT;

	for (size_t i = 1; i <= kept; i++) {
		const struct ollama_call *call = &w->calls[(w->call_count - i) % OLLAMA_CALLS_KEPT];

		if (id.type == J_STRING && str_eq(call->id.text, id.text))
			return call->name;
	}
	return (struct jval){ 0 };
}

static void add_call(struct ollama_writer *w, struct jval id, struct jval function, int index)
{
	struct jval name = convert_member(function, STR("name"));

	note_call(w, id, name);
	json_add_comma(&w->body);
	ollama_add(w, STR("{"));
	if (id.type == J_STRING)
		ollama_add_raw(w, "id", id.text);
	ollama_add_raw(w, "function", STR("{\"index\":"));
	buf_add_int(&w->body, index);
	ollama_add_raw(w, "name", name.type == J_STRING ? name.text : STR("\"\""));
	json_add_name(&w->body, "arguments");
	add_arguments(w, convert_member(function, STR("arguments")));
	ollama_add(w, STR("}}"));
}

/* An id for a call of the older form, which has none: the message's number, the same for both. */
static struct jval made_up_id(struct ollama_writer *w)
{
	return (
	    struct jval){ J_STRING, str_c(arena_fmt(w->c->arena, "\"call_%zu\"", w->call_count)) };
}

static void add_calls(struct ollama_writer *w, struct jval message)
{
	struct jval calls = convert_member(message, STR("tool_calls")), call;
	struct jval older = convert_member(message, STR("function_call"));
	struct jiter it = jscan_iter(calls);
	int index = 0;

	if (calls.type == J_ARRAY && jscan_count(calls)) {
		ollama_add_raw(w, "tool_calls", STR("["));
		while (jscan_next_item(&it, &call))
			add_call(w, convert_member(call, STR("id")),
			    convert_member(call, STR("function")), index++);
		buf_add_char(&w->body, ']');
	} else if (older.type == J_OBJECT) {
		ollama_add_raw(w, "tool_calls", STR("["));
		add_call(w, made_up_id(w), older, 0);
		buf_add_char(&w->body, ']');
	}
}

static void add_assistant(struct ollama_writer *w, struct jval message)
{
	struct jval thinking = convert_member(message, STR("reasoning_content"));

	if (thinking.type != J_STRING)
		thinking = convert_member(message, STR("reasoning"));
	if (thinking.type == J_STRING && thinking.text.n > 2)
		ollama_add_raw(w, "thinking", thinking.text);
	add_calls(w, message);
}

/* The result of a call. The older form names the function and not the call: it is the last one. */
static void add_result(struct ollama_writer *w, struct jval message, bool older)
{
	struct jval id = convert_member(message, STR("tool_call_id"));
	struct jval own = convert_member(message, STR("name")), name;

	if (older && w->call_count)
		id = w->calls[(w->call_count - 1) % OLLAMA_CALLS_KEPT].id;
	name = name_of_call(w, id);
	if (name.type != J_STRING)
		name = own;
	if (name.type == J_STRING)
		ollama_add_raw(w, "tool_name", name.text);
	if (id.type == J_STRING)
		ollama_add_raw(w, "tool_call_id", id.text);
}

static bool add_message(struct ollama_writer *w, struct jval message, size_t index, struct err *err)
{
	struct jval role = convert_member(message, STR("role"));
	bool older = jscan_is(role, STR("function"));
	struct str name = role.type == J_STRING ? role.text : STR("\"user\"");

	if (jscan_is(role, STR("developer")))
		name = STR("\"system\"");
	if (older)
		name = STR("\"tool\"");
	json_add_comma(&w->body);
	ollama_add(w, STR("{"));
	ollama_add_raw(w, "role", name);
	if (!add_content(w, convert_content(message), index, err))
		return false;
	if (jscan_is(role, STR("assistant")))
		add_assistant(w, message);
	else if (older || jscan_is(role, STR("tool")))
		add_result(w, message, older);
	buf_add_char(&w->body, '}');
	return true;
}

static bool is_system(struct jval message)
{
	struct jval role = convert_member(message, STR("role"));

	return jscan_is(role, STR("system")) || jscan_is(role, STR("developer"));
}

/* The channel's forced prompt takes the place of a leading system message. */
bool ollama_add_messages(struct ollama_writer *w, struct err *err)
{
	struct jiter it = jscan_iter(w->c->ask->messages);
	struct str forced = w->c->system_prompt;
	struct jval message;

	ollama_add_raw(w, "messages", STR("["));
	if (forced.n) {
		ollama_add(w, STR("{\"role\":\"system\",\"content\":"));
		json_add_str(&w->body, forced);
		ollama_add(w, STR("}"));
		w->c->system_prompt_reset = true;
	}
	for (size_t i = 0; jscan_next_item(&it, &message); i++) {
		if (i == 0 && forced.n && is_system(message))
			continue;
		if (!add_message(w, message, i, err))
			return false;
	}
	buf_add_char(&w->body, ']');
	return true;
}
