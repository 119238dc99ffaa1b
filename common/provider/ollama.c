/* ollama.c — Ollama's native dialect: /api/chat, /api/generate, /api/embed
 *
 * Differs from OpenAI in these ways: streaming is the default and framed as one JSON object a line;
 * sampling parameters live in `options`; tool arguments are objects, not text; images are bare
 * base64 beside the text; the reply's last object carries counts instead of a usage object.
 *
 * The native surface is used, not /v1 of the same server, because only it can set the size of the
 * context (num_ctx): a longer prompt is otherwise cut silently from its front.
 *
 * Texts of the client are copied as the JSON strings that they are, without being decoded.
 */
#include "provider/adaptor.h"

#include <string.h>
#include <time.h>

#include "base/json.h"
#include "provider/catalog.h"
#include "provider/convert.h"
#include "provider/datauri.h"
#include "provider/providers.h"
#include "provider/sink.h"

/* Room for what a request gains: names of members, indices, the channel's defaults. */
#define GROWTH_ROOM (64 * 1024)
/* Tool calls that a result may still refer to. */
#define CALLS_KEPT 256

/* ---- members of the request ---------------------------------------------------------------- */

enum param {
	TOOL_CHOICE,
	FUNCTIONS,
	FUNCTION_CALL,
	RESPONSE_FORMAT,
	REASONING_EFFORT,
	STOP,
	TEMPERATURE,
	TOP_P,
	TOP_K,
	MIN_P,
	SEED,
	PRESENCE_PENALTY,
	FREQUENCY_PENALTY,
	REPETITION_PENALTY,
	NUM_CTX,
	LOGPROBS,
	TOP_LOGPROBS,
	KEEP_ALIVE,
	TRUNCATE,
	SHIFT,
	SUFFIX,
	RAW,
	DIMENSIONS,
	ENCODING_FORMAT,
	PARAM_COUNT
};

static const struct str param_names[PARAM_COUNT] = {
	[TOOL_CHOICE] = STR_INIT("tool_choice"),
	[FUNCTIONS] = STR_INIT("functions"),
	[FUNCTION_CALL] = STR_INIT("function_call"),
	[RESPONSE_FORMAT] = STR_INIT("response_format"),
	[REASONING_EFFORT] = STR_INIT("reasoning_effort"),
	[STOP] = STR_INIT("stop"),
	[TEMPERATURE] = STR_INIT("temperature"),
	[TOP_P] = STR_INIT("top_p"),
	[TOP_K] = STR_INIT("top_k"),
	[MIN_P] = STR_INIT("min_p"),
	[SEED] = STR_INIT("seed"),
	[PRESENCE_PENALTY] = STR_INIT("presence_penalty"),
	[FREQUENCY_PENALTY] = STR_INIT("frequency_penalty"),
	[REPETITION_PENALTY] = STR_INIT("repetition_penalty"),
	[NUM_CTX] = STR_INIT("num_ctx"),
	[LOGPROBS] = STR_INIT("logprobs"),
	[TOP_LOGPROBS] = STR_INIT("top_logprobs"),
	[KEEP_ALIVE] = STR_INIT("keep_alive"),
	[TRUNCATE] = STR_INIT("truncate"),
	[SHIFT] = STR_INIT("shift"),
	[SUFFIX] = STR_INIT("suffix"),
	[RAW] = STR_INIT("raw"),
	[DIMENSIONS] = STR_INIT("dimensions"),
	[ENCODING_FORMAT] = STR_INIT("encoding_format"),
};

/* A call of the conversation, so that its result can name the function. */
struct past_call {
	struct jval id, name;
};

/* What is needed while one request is written. */
struct writer {
	struct call *c;
	struct buf body;
	struct jval f[PARAM_COUNT];
	struct past_call calls[CALLS_KEPT]; /* a ring */
	size_t call_count;
};

/* What outlives encode. */
struct state {
	struct sink sink;
	int calls; /* tool calls so far: indices run over the whole reply */
	bool wants_logprobs, wants_base64, started;
	bool thinks, no_think; /* was told how hard to think; the model cannot */
};

static void find_params(struct writer *w)
{
	struct jiter it = jscan_iter(w->c->ask->root);
	struct str name;
	struct jval value;

	while (jscan_next_member(&it, &name, &value))
		for (int i = 0; i < PARAM_COUNT; i++)
			if (jscan_name_is(name, param_names[i]))
				w->f[i] = value;
}

static void add(struct writer *w, struct str text)
{
	buf_add(&w->body, text);
}

/* `"name":raw` */
static void add_raw(struct writer *w, const char *name, struct str raw)
{
	json_add_name(&w->body, name);
	add(w, raw);
}

/* ---- messages ---------------------------------------------------------------------------- */

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

static bool add_media(struct writer *w, struct str uri, struct str encoded, size_t message,
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

static bool add_images(struct writer *w, struct jval parts, size_t message, struct err *err)
{
	struct jiter it = jscan_iter(parts);
	struct str uri, encoded;
	struct jval part;
	bool any = false;

	for (size_t i = 0; jscan_next_item(&it, &part); i++) {
		if (!media_of(w->c->arena, part, &uri, &encoded))
			continue;
		if (!any)
			add_raw(w, "images", STR("["));
		any = true;
		if (!add_media(w, uri, encoded, message, i, err))
			return false;
	}
	if (any)
		buf_add_char(&w->body, ']');
	return true;
}

/* The text parts joined by line feeds, still escaped as they came. */
static bool add_joined_text(struct writer *w, struct jval parts, size_t message, struct err *err)
{
	struct jiter it = jscan_iter(parts);
	struct jval part, text;
	bool any = false;

	add_raw(w, "content", STR("\""));
	for (size_t i = 0; jscan_next_item(&it, &part); i++) {
		struct jval type = convert_member(part, STR("type"));

		if (jscan_is(type, STR("image_url")) || jscan_is(type, STR("input_audio")))
			continue;
		text = convert_member(part,
		    jscan_is(type, STR("refusal")) ? STR("refusal") : STR("text"));
		if (text.type != J_STRING)
			return refuse_part(message, i, "this channel cannot take such a part", err);
		if (any)
			add(w, STR("\\n"));
		any = true;
		add(w, convert_inside(text));
	}
	buf_add_char(&w->body, '"');
	return true;
}

static bool add_content(struct writer *w, struct jval content, size_t message, struct err *err)
{
	if (content.type == J_ARRAY)
		return add_joined_text(w, content, message, err) &&
		    add_images(w, content, message, err);
	add_raw(w, "content", content.type == J_STRING ? content.text : STR("\"\""));
	return true;
}

/* Text that should be an object becomes one; a history with broken arguments must stay acceptable
 * (R16). */
static void add_arguments(struct writer *w, struct jval arguments)
{
	struct err ignored = { 0 };
	struct jval root;
	struct str text;

	if (arguments.type == J_OBJECT) {
		add(w, arguments.text);
		return;
	}
	text = str_trim(jscan_text(w->c->arena, arguments));
	if (text.n == 0) {
		add(w, STR("{}"));
	} else if (jscan_check(text, JSON_MAX_DEPTH, &root, &ignored) && root.type == J_OBJECT) {
		add(w, text);
	} else {
		add(w, STR("{\"raw\":"));
		json_add_str(&w->body, text);
		buf_add_char(&w->body, '}');
	}
}

static void note_call(struct writer *w, struct jval id, struct jval name)
{
	w->calls[w->call_count++ % CALLS_KEPT] = (struct past_call){ id, name };
}

/* The function's name as raw text, J_NONE when no recent call has that id. */
static struct jval name_of_call(const struct writer *w, struct jval id)
{
	size_t kept = w->call_count < CALLS_KEPT ? w->call_count : CALLS_KEPT;

	for (size_t i = 1; i <= kept; i++) {
		const struct past_call *call = &w->calls[(w->call_count - i) % CALLS_KEPT];

		if (id.type == J_STRING && str_eq(call->id.text, id.text))
			return call->name;
	}
	return (struct jval){ 0 };
}

static void add_call(struct writer *w, struct jval id, struct jval function, int index)
{
	struct jval name = convert_member(function, STR("name"));

	note_call(w, id, name);
	json_add_comma(&w->body);
	add(w, STR("{"));
	if (id.type == J_STRING)
		add_raw(w, "id", id.text);
	add_raw(w, "function", STR("{\"index\":"));
	buf_add_int(&w->body, index);
	add_raw(w, "name", name.type == J_STRING ? name.text : STR("\"\""));
	json_add_name(&w->body, "arguments");
	add_arguments(w, convert_member(function, STR("arguments")));
	add(w, STR("}}"));
}

/* An id for a call of the older form, which has none: the message's number, the same for both. */
static struct jval made_up_id(struct writer *w)
{
	return (
	    struct jval){ J_STRING, str_c(arena_fmt(w->c->arena, "\"call_%zu\"", w->call_count)) };
}

static void add_calls(struct writer *w, struct jval message)
{
	struct jval calls = convert_member(message, STR("tool_calls")), call;
	struct jval older = convert_member(message, STR("function_call"));
	struct jiter it = jscan_iter(calls);
	int index = 0;

	if (calls.type == J_ARRAY && jscan_count(calls)) {
		add_raw(w, "tool_calls", STR("["));
		while (jscan_next_item(&it, &call))
			add_call(w, convert_member(call, STR("id")),
			    convert_member(call, STR("function")), index++);
		buf_add_char(&w->body, ']');
	} else if (older.type == J_OBJECT) {
		add_raw(w, "tool_calls", STR("["));
		add_call(w, made_up_id(w), older, 0);
		buf_add_char(&w->body, ']');
	}
}

static void add_assistant(struct writer *w, struct jval message)
{
	struct jval thinking = convert_member(message, STR("reasoning_content"));

	if (thinking.type != J_STRING)
		thinking = convert_member(message, STR("reasoning"));
	if (thinking.type == J_STRING && thinking.text.n > 2)
		add_raw(w, "thinking", thinking.text);
	add_calls(w, message);
}

/* The result of a call. The older form names the function and not the call: it is the last one. */
static void add_result(struct writer *w, struct jval message, bool older)
{
	struct jval id = convert_member(message, STR("tool_call_id"));
	struct jval own = convert_member(message, STR("name")), name;

	if (older && w->call_count)
		id = w->calls[(w->call_count - 1) % CALLS_KEPT].id;
	name = name_of_call(w, id);
	if (name.type != J_STRING)
		name = own;
	if (name.type == J_STRING)
		add_raw(w, "tool_name", name.text);
	if (id.type == J_STRING)
		add_raw(w, "tool_call_id", id.text);
}

static bool add_message(struct writer *w, struct jval message, size_t index, struct err *err)
{
	struct jval role = convert_member(message, STR("role"));
	bool older = jscan_is(role, STR("function"));
	struct str name = role.type == J_STRING ? role.text : STR("\"user\"");

	if (jscan_is(role, STR("developer")))
		name = STR("\"system\"");
	if (older)
		name = STR("\"tool\"");
	json_add_comma(&w->body);
	add(w, STR("{"));
	add_raw(w, "role", name);
	if (!add_content(w, convert_member(message, STR("content")), index, err))
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
static bool add_messages(struct writer *w, struct err *err)
{
	struct jiter it = jscan_iter(w->c->ask->messages);
	struct str forced = w->c->system_prompt;
	struct jval message;

	add_raw(w, "messages", STR("["));
	if (forced.n) {
		add(w, STR("{\"role\":\"system\",\"content\":"));
		json_add_str(&w->body, forced);
		add(w, STR("}"));
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

/* ---- tools, options, the rest --------------------------------------------------------------- */

/* Is this function the one that tool_choice (or the older function_call) insists on? */
static bool is_chosen(const struct writer *w, struct jval function)
{
	struct jval choice = convert_member(w->f[TOOL_CHOICE], STR("function")), name;

	if (choice.type != J_OBJECT)
		choice = w->f[FUNCTION_CALL];
	name = convert_member(choice, STR("name"));
	return name.type != J_STRING ||
	    str_eq(name.text, convert_member(function, STR("name")).text);
}

static void add_tools(struct writer *w)
{
	bool older = w->c->ask->tools.type != J_ARRAY;
	struct jval list = older ? w->f[FUNCTIONS] : w->c->ask->tools, tool;
	struct jiter it = jscan_iter(list);

	if (list.type != J_ARRAY || jscan_count(list) == 0 ||
	    jscan_is(w->f[TOOL_CHOICE], STR("none")) || jscan_is(w->f[FUNCTION_CALL], STR("none")))
		return;
	add_raw(w, "tools", STR("["));
	while (jscan_next_item(&it, &tool)) {
		if (!is_chosen(w, older ? tool : convert_member(tool, STR("function"))))
			continue;
		json_add_comma(&w->body);
		add(w, older ? STR("{\"type\":\"function\",\"function\":") : STR(""));
		add(w, tool.text);
		add(w, older ? STR("}") : STR(""));
	}
	buf_add_char(&w->body, ']');
}

static void add_think(struct writer *w)
{
	static const struct {
		struct str effort, think;
	} levels[] = {
		{ STR_INIT("none"), STR_INIT("false") },
		{ STR_INIT("minimal"), STR_INIT("\"low\"") },
		{ STR_INIT("low"), STR_INIT("\"low\"") },
		{ STR_INIT("medium"), STR_INIT("\"medium\"") },
		{ STR_INIT("high"), STR_INIT("\"high\"") },
		{ STR_INIT("xhigh"), STR_INIT("\"max\"") },
		{ STR_INIT("max"), STR_INIT("\"max\"") },
	};

	struct state *s = w->c->state;

	for (size_t i = 0; i < COUNT_OF(levels) && !s->no_think; i++) {
		if (!jscan_is(w->f[REASONING_EFFORT], levels[i].effort))
			continue;
		add_raw(w, "think", levels[i].think);
		s->thinks = true;
	}
}

static void add_format(struct writer *w)
{
	struct jval type = convert_member(w->f[RESPONSE_FORMAT], STR("type")), schema;

	if (jscan_is(type, STR("json_object")))
		add_raw(w, "format", STR("\"json\""));
	if (!jscan_is(type, STR("json_schema")))
		return;
	schema = convert_member(convert_member(w->f[RESPONSE_FORMAT], STR("json_schema")),
	    STR("schema"));
	add_raw(w, "format", schema.type == J_OBJECT ? schema.text : STR("\"json\""));
}

/* One text or a list of them; empty ones would match everywhere. */
static void add_stop(struct writer *w)
{
	struct jval stop = w->f[STOP], item;
	struct jiter it = jscan_iter(stop);
	size_t start = w->body.len, before;

	if (stop.type != J_STRING && stop.type != J_ARRAY)
		return;
	add_raw(w, "stop", STR("["));
	before = w->body.len;
	if (stop.type == J_STRING && stop.text.n > 2)
		add(w, stop.text);
	while (stop.type == J_ARRAY && jscan_next_item(&it, &item)) {
		if (item.type != J_STRING || item.text.n <= 2)
			continue;
		json_add_comma(&w->body);
		add(w, item.text);
	}
	if (w->body.len == before)
		buf_truncate(&w->body, start);
	else
		buf_add_char(&w->body, ']');
}

/* A default that the operator wrote into the channel's config. */
static struct jval channel_default(const struct writer *w, enum param param)
{
	struct jval root;

	if (!jscan_value(w->c->channel->row.config, &root))
		return (struct jval){ 0 };
	return convert_member(root, param_names[param]);
}

static void add_options(struct writer *w)
{
	static const struct {
		enum param param;
		const char *name;
	} numbers[] = {
		{ TEMPERATURE, "temperature" },
		{ TOP_P, "top_p" },
		{ TOP_K, "top_k" },
		{ MIN_P, "min_p" },
		{ SEED, "seed" },
		{ PRESENCE_PENALTY, "presence_penalty" },
		{ FREQUENCY_PENALTY, "frequency_penalty" },
		{ REPETITION_PENALTY, "repeat_penalty" },
		{ NUM_CTX, "num_ctx" },
	};
	size_t start = w->body.len, before;

	if (w->f[NUM_CTX].type != J_NUMBER)
		w->f[NUM_CTX] = channel_default(w, NUM_CTX);
	add_raw(w, "options", STR("{"));
	before = w->body.len;
	if (w->c->ask->max_tokens >= 0 && w->c->ask->mode != MODE_EMBEDDINGS) {
		json_add_name(&w->body, "num_predict");
		buf_add_int(&w->body, w->c->ask->max_tokens);
	}
	for (size_t i = 0; i < COUNT_OF(numbers); i++)
		if (w->f[numbers[i].param].type == J_NUMBER)
			add_raw(w, numbers[i].name, w->f[numbers[i].param].text);
	add_stop(w);
	if (w->body.len == before)
		buf_truncate(&w->body, start);
	else
		buf_add_char(&w->body, '}');
}

/* Members that both sides call the same. */
static void add_same(struct writer *w, const enum param *params, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct jval v = w->f[params[i]];

		if (params[i] == KEEP_ALIVE && v.type != J_STRING && v.type != J_NUMBER)
			v = channel_default(w, KEEP_ALIVE);
		if (v.type != J_NONE && v.type != J_NULL)
			add_raw(w, str_dup(w->c->arena, param_names[params[i]]), v.text);
	}
}

/* ---- the three bodies ---------------------------------------------------------------------- */

static void add_start(struct writer *w)
{
	add(w, STR("{"));
	json_add_name(&w->body, "model");
	json_add_str(&w->body, w->c->model);
}

static bool add_chat(struct writer *w, struct err *err)
{
	static const enum param same[] = { LOGPROBS, TOP_LOGPROBS, KEEP_ALIVE, TRUNCATE, SHIFT };

	add_start(w);
	add_raw(w, "stream", w->c->stream ? STR("true") : STR("false"));
	add_think(w);
	add_format(w);
	add_same(w, same, COUNT_OF(same));
	if (!add_messages(w, err))
		return false;
	add_tools(w);
	add_options(w);
	add(w, STR("}"));
	return true;
}

/* The prompt is one text: there is no batch. */
static bool add_generate(struct writer *w, struct err *err)
{
	static const enum param same[] = { SUFFIX, RAW, KEEP_ALIVE, TRUNCATE, SHIFT };
	struct jval prompt = w->c->ask->prompt;
	struct jiter it = jscan_iter(prompt);

	if (prompt.type == J_ARRAY && jscan_count(prompt) == 1)
		(void)jscan_next_item(&it, &prompt);
	if (prompt.type != J_STRING)
		return err_set(err, ERR_INVALID_TEXT, "prompt must be one string for this channel");
	add_start(w);
	add_raw(w, "stream", w->c->stream ? STR("true") : STR("false"));
	add_think(w);
	add_format(w);
	add_same(w, same, COUNT_OF(same));
	add_raw(w, "prompt", prompt.text);
	add_options(w);
	add(w, STR("}"));
	return true;
}

static bool add_embed(struct writer *w, struct err *err)
{
	static const enum param same[] = { DIMENSIONS, TRUNCATE, KEEP_ALIVE };
	struct jval input = w->c->ask->input, item;
	struct jiter it = jscan_iter(input);

	while (input.type == J_ARRAY && jscan_next_item(&it, &item))
		if (item.type != J_STRING)
			return err_set(err, ERR_INVALID_TEXT,
			    "input must be text for this channel, not token numbers");
	add_start(w);
	add_raw(w, "input", input.text);
	add_same(w, same, COUNT_OF(same));
	add_options(w);
	add(w, STR("}"));
	return true;
}

static const struct {
	const char *path;
	bool (*add_body)(struct writer *w, struct err *err);
} surfaces[MODE_COUNT] = {
	[MODE_CHAT] = { "/api/chat", add_chat },
	[MODE_COMPLETIONS] = { "/api/generate", add_generate },
	[MODE_EMBEDDINGS] = { "/api/embed", add_embed },
};

/* before: of the attempt's first call, which the model refused. */
static struct state *state_new(struct writer *w, const struct state *before)
{
	struct state *s = ARENA_NEW(w->c->arena, struct state);

	s->no_think = before && before->no_think;
	s->wants_logprobs = jscan_true(w->f[LOGPROBS]);
	s->wants_base64 = jscan_is(w->f[ENCODING_FORMAT], STR("base64"));
	if (w->c->ask->stream)
		sink_init(&s->sink, w->c->arena, NULL, w->c->ask, STR(""));
	return s;
}

static void add_head(const struct call *c, struct upstream_req *out)
{
	struct str key = c->key;

	out->method = "POST";
	buf_add(&out->url, c->channel->base_url);
	buf_add_c(&out->url, surfaces[c->ask->mode].path);
	headers_add(&out->headers, STR("Content-Type"), STR("application/json"));
	if (key.n)
		headers_add(&out->headers, STR("Authorization"),
		    str_c(arena_fmt(c->arena, "Bearer %.*s", STR_ARG(key))));
}

static bool encode(struct call *c, struct upstream_req *out, struct err *err)
{
	struct writer *w = ARENA_NEW(c->arena, struct writer);
	size_t fetched = 0;
	bool ok;

	for (size_t i = 0; i < c->media_count; i++)
		fetched += c->media[i].bytes.n;
	if (!(c->provider->modes & 1u << c->ask->mode))
		return err_set(err, ERR_UNSUPPORTED_MODE, "channel type %s cannot do this",
		    c->provider->name);
	if (c->ask->n > 1)
		return err_set(err, ERR_INVALID_TEXT, "n must be 1 for this channel");
	w->c = c;
	w->body = buf_init(c->ask->body.n * 2 + c->system_prompt.n * 6 + fetched * 2 + GROWTH_ROOM);
	find_params(w);
	c->state = state_new(w, c->state);
	add_head(c, out);
	ok = surfaces[c->ask->mode].add_body(w, err);
	if (ok && !buf_ok(&w->body))
		ok = err_set(err, ERR_TOO_LARGE, "the request body is too large");
	out->has_body = true;
	out->body = adaptor_keep(c->arena, &w->body);
	return ok;
}

/* ---- reading a reply ----------------------------------------------------------------------- */

/* One object of a stream, or the only one. */
struct reply {
	struct jval message, response, thinking, done, done_reason, created_at, logprobs;
	struct jval prompt_count, count, embeddings, model, error;
};

static void read_reply(struct jval root, struct reply *r)
{
	const struct {
		struct str name;
		struct jval *place;
	} wanted[] = {
		{ STR("message"), &r->message },
		{ STR("response"), &r->response },
		{ STR("thinking"), &r->thinking },
		{ STR("done"), &r->done },
		{ STR("done_reason"), &r->done_reason },
		{ STR("created_at"), &r->created_at },
		{ STR("logprobs"), &r->logprobs },
		{ STR("prompt_eval_count"), &r->prompt_count },
		{ STR("eval_count"), &r->count },
		{ STR("embeddings"), &r->embeddings },
		{ STR("model"), &r->model },
		{ STR("error"), &r->error },
	};
	struct jiter it = jscan_iter(root);
	struct str name;
	struct jval value;

	*r = (struct reply){ 0 };
	while (jscan_next_member(&it, &name, &value))
		for (size_t i = 0; i < COUNT_OF(wanted); i++)
			if (str_eq(name, wanted[i].name))
				*wanted[i].place = value;
}

/* "2023-11-14T22:13:20.5Z", also with an offset; 0 when it is no such time. */
static int64_t unix_time(struct str s)
{
	static const struct {
		size_t from, to;
		int min, max;
	} parts[] = { { 0, 4, 1970, 9999 }, { 5, 7, 1, 12 }, { 8, 10, 1, 31 }, { 11, 13, 0, 23 },
		{ 14, 16, 0, 59 }, { 17, 19, 0, 60 } };
	int64_t n[COUNT_OF(parts)], hours = 0, minutes = 0, offset;
	struct str zone;
	struct tm tm;

	for (size_t i = 0; i < COUNT_OF(parts); i++)
		if (!str_to_int(str_slice(s, parts[i].from, parts[i].to), parts[i].min,
		        parts[i].max, &n[i]))
			return 0;
	tm = (struct tm){ .tm_year = (int)n[0] - 1900,
		.tm_mon = (int)n[1] - 1,
		.tm_mday = (int)n[2],
		.tm_hour = (int)n[3],
		.tm_min = (int)n[4],
		.tm_sec = (int)n[5] };
	zone = str_slice(s, s.n > 6 ? s.n - 6 : 0, s.n);
	if ((zone.p[0] != '+' && zone.p[0] != '-') ||
	    !str_to_int(str_slice(zone, 1, 3), 0, 23, &hours) ||
	    !str_to_int(str_slice(zone, 4, 6), 0, 59, &minutes))
		hours = minutes = 0;
	offset = (hours * 60 + minutes) * 60;
	return (int64_t)timegm(&tm) - (zone.p[0] == '-' ? -offset : offset);
}

static int64_t count_of(struct jval v)
{
	int64_t n;

	return v.type == J_NUMBER && jscan_int(v, 0, INT64_C(1) << 31, &n) ? n : 0;
}

/* A prompt count of 0 means that the prefix came from the cache, not that there was none. */
static void note_usage(struct call *c, const struct reply *r)
{
	struct usage *u = &c->usage;

	u->prompt_tokens = count_of(r->prompt_count);
	u->completion_tokens = count_of(r->count);
	u->reported = u->prompt_tokens + u->completion_tokens > 0;
	if (u->reported && u->prompt_tokens == 0)
		u->prompt_tokens = ask_prompt_tokens(c->ask);
}

static const char *finish_reason(const struct state *s, struct jval done_reason)
{
	if (jscan_is(done_reason, STR("length")))
		return "length";
	return s->calls ? "tool_calls" : "stop";
}

/* ---- what a reply says ---------------------------------------------------------------------- */

/* JSON text without blanks between its parts, names in their order. */
static struct str compact(struct arena *a, struct str json)
{
	char *text = arena_alloc(a, json.n + 1);
	bool in_string = false;
	size_t n = 0;

	for (size_t i = 0; i < json.n; i++) {
		char c = json.p[i];

		if (!in_string && (c == ' ' || c == '\t' || c == '\r' || c == '\n'))
			continue;
		text[n++] = c;
		if (c == '"')
			in_string = !in_string;
		else if (c == '\\' && in_string && i + 1 < json.n)
			text[n++] = json.p[++i];
	}
	text[n] = '\0';
	return (struct str){ text, n };
}

static void say_calls(struct call *c, struct state *s, struct jval calls)
{
	struct jiter it = jscan_iter(calls);
	struct jval call, function, arguments;

	while (calls.type == J_ARRAY && jscan_next_item(&it, &call)) {
		function = convert_member(call, STR("function"));
		arguments = convert_member(function, STR("arguments"));
		sink_whole_call(&s->sink, s->calls++,
		    jscan_text(c->arena, convert_member(call, STR("id"))),
		    jscan_text(c->arena, convert_member(function, STR("name"))),
		    arguments.type == J_STRING ? jscan_text(c->arena, arguments)
		                               : compact(c->arena, arguments.text));
	}
}

static void say(struct call *c, struct state *s, const struct reply *r)
{
	bool chat = c->ask->mode == MODE_CHAT;
	struct jval thinking = chat ? convert_member(r->message, STR("thinking")) : r->thinking;
	struct jval content = chat ? convert_member(r->message, STR("content")) : r->response;
	int64_t created;

	if (!s->started) {
		s->started = true;
		created = unix_time(jscan_text(c->arena, r->created_at));
		if (created)
			s->sink.created = created;
	}
	sink_reasoning(&s->sink, jscan_text(c->arena, thinking));
	if (s->wants_logprobs && r->logprobs.type == J_ARRAY)
		sink_logprobs(&s->sink,
		    str_trim(str_slice(r->logprobs.text, 1, r->logprobs.text.n - 1)));
	sink_text(&s->sink, jscan_text(c->arena, content));
	say_calls(c, s, convert_member(r->message, STR("tool_calls")));
	c->meter = s->sink.meter;
	c->pieces = (int64_t)s->sink.pieces;
	/* The views end with this object; what no text took along is dropped. */
	s->sink.logprobs = (struct str){ 0 };
}

static void finish(struct call *c, struct state *s, const struct reply *r)
{
	struct usage shown;

	note_usage(c, r);
	shown = adaptor_usage_shown(c);
	sink_finish(&s->sink, finish_reason(s, r->done_reason));
	sink_end(&s->sink, &shown);
	c->finished = true;
	c->done_sent = c->ask->stream;
}

/* ---- embeddings -------------------------------------------------------------------------- */

/* Little-endian float32 in base64, as encoding_format asks for. */
static void add_base64_floats(struct buf *out, struct jval numbers)
{
	static const char alphabet[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	struct jiter it = jscan_iter(numbers);
	struct jval number;
	uint32_t word, bits = 0;
	int held = 0;
	double d;

	buf_add_char(out, '"');
	while (jscan_next_item(&it, &number)) {
		float f = jscan_double(number, &d) ? (float)d : 0.0f;

		memcpy(&word, &f, sizeof(word));
		for (int i = 0; i < 4; i++) {
			bits = bits << 8 | (word >> (8 * i) & 0xff);
			held += 8;
			for (; held >= 6; held -= 6)
				buf_add_char(out, alphabet[bits >> (held - 6) & 63]);
		}
	}
	if (held)
		buf_add_char(out, alphabet[bits << (6 - held) & 63]);
	buf_add_c(out, held == 2 ? "==\"" : held == 4 ? "=\"" : "\"");
}

static void add_embeddings(struct call *c, const struct state *s, const struct reply *r,
    struct buf *out)
{
	struct jiter it = jscan_iter(r->embeddings);
	struct jval vector;
	struct usage shown;
	int64_t index = 0;

	note_usage(c, r);
	shown = adaptor_usage_shown(c);
	buf_add(out, STR("{\"object\":\"list\",\"data\":["));
	for (; jscan_next_item(&it, &vector); index++) {
		json_add_comma(out);
		buf_add(out, STR("{\"object\":\"embedding\",\"index\":"));
		buf_add_int(out, index);
		buf_add(out, STR(",\"embedding\":"));
		if (s->wants_base64 && vector.type == J_ARRAY)
			add_base64_floats(out, vector);
		else
			buf_add(out, vector.text);
		buf_add_char(out, '}');
	}
	buf_add(out, STR("],\"model\":"));
	json_add_str(out, c->ask->model);
	buf_addf(out, ",\"usage\":{\"prompt_tokens\":%lld,\"total_tokens\":%lld}}",
	    (long long)shown.prompt_tokens, (long long)shown.prompt_tokens);
}

/* ---- the adaptor ------------------------------------------------------------------------- */

static enum step decode(struct call *c, struct str body, struct buf *out, struct err *err)
{
	struct state *s = c->state;
	struct jval root = { 0 };
	struct reply r;
	bool wanted;

	if (jscan_value(body, &root) && adaptor_error_inside(root, body, err)) {
		adaptor_scrub(c, err);
		return STEP_FAILED;
	}
	read_reply(root, &r);
	wanted =
	    c->ask->mode == MODE_EMBEDDINGS ? r.embeddings.type == J_ARRAY : r.done.type == J_TRUE;
	if (root.type != J_OBJECT || !wanted) {
		(void)err_set(err, ERR_UPSTREAM_BODY, "the upstream's reply is not complete");
		return STEP_FAILED;
	}
	if (c->ask->mode == MODE_EMBEDDINGS) {
		add_embeddings(c, s, &r, out);
		c->finished = true;
	} else {
		sink_init(&s->sink, c->arena, out, c->ask, STR(""));
		say(c, s, &r);
		finish(c, s, &r);
	}
	if (buf_ok(out))
		return STEP_DONE;
	(void)err_set(err, ERR_UPSTREAM_BODY, "the upstream's reply is too large");
	return STEP_FAILED;
}

static bool on_event(struct call *c, const struct frame_event *event, struct buf *out,
    struct err *err)
{
	struct state *s = c->state;
	struct jval root;
	struct reply r;

	if (c->failed || c->finished)
		return true;
	if (!jscan_value(event->data, &root) || root.type != J_OBJECT)
		return err_set(err, ERR_UPSTREAM_BODY, "the upstream sent a line that is not JSON");
	read_reply(root, &r);
	if (r.error.type != J_NONE && adaptor_error_inside(root, event->data, &c->failure)) {
		adaptor_scrub(c, &c->failure);
		c->failed = true;
		return true;
	}
	s->sink.out = out;
	say(c, s, &r);
	if (r.done.type == J_TRUE)
		finish(c, s, &r);
	return true;
}

static bool on_end(struct call *c, struct buf *out, struct err *err)
{
	return c->finished ||
	    err_set(err, ERR_UPSTREAM_TRUNCATED,
	        "the upstream's stream ended before its reply was complete");
}

/* Limits of the cloud service are limits, also where it speaks of payment. */
static void error(struct call *c, int status, struct str body, struct err *err)
{
	adaptor_error(status == 402 ? 429 : status, body, err);
	err->upstream_status = status;
	adaptor_scrub(c, err);
}

/* A model that cannot think is asked once more, without a word about it. */
static bool again(struct call *c, int status, struct str body)
{
	struct state *s = c->state;

	if (status != 400 || !s || !s->thinks || s->no_think ||
	    !str_has(body, STR("does not support thinking")))
		return false;
	return s->no_think = true;
}

/* Its server fetches nothing. */
static bool wants_bytes(const struct call *c, struct str url)
{
	return true;
}

const struct adaptor ollama_adaptor = {
	.name = "ollama",
	.modes = 1u << MODE_CHAT | 1u << MODE_COMPLETIONS | 1u << MODE_EMBEDDINGS,
	.frame_init = ndjson_init,
	.stream_type = "application/x-ndjson",
	.wants_bytes = wants_bytes,
	.encode = encode,
	.decode = decode,
	.on_event = on_event,
	.on_end = on_end,
	.again = again,
	.error = error,
};
