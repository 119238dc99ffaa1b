/* ollama_request.c — the bodies of Ollama's three surfaces: tools, options, prompts
 *
 * Streaming is the default, so it is always said; sampling parameters live in `options`.
 */
#include "provider/ollama.h"

#include "provider/catalog.h"
#include "provider/convert.h"

/* ---- members of the request ---------------------------------------------------------------- */

static const struct str param_names[OP_COUNT] = {
	[OP_TOOL_CHOICE] = STR_INIT("tool_choice"),
	[OP_FUNCTIONS] = STR_INIT("functions"),
	[OP_FUNCTION_CALL] = STR_INIT("function_call"),
	[OP_RESPONSE_FORMAT] = STR_INIT("response_format"),
	[OP_REASONING_EFFORT] = STR_INIT("reasoning_effort"),
	[OP_STOP] = STR_INIT("stop"),
	[OP_TEMPERATURE] = STR_INIT("temperature"),
	[OP_TOP_P] = STR_INIT("top_p"),
	[OP_TOP_K] = STR_INIT("top_k"),
	[OP_MIN_P] = STR_INIT("min_p"),
	[OP_SEED] = STR_INIT("seed"),
	[OP_PRESENCE_PENALTY] = STR_INIT("presence_penalty"),
	[OP_FREQUENCY_PENALTY] = STR_INIT("frequency_penalty"),
	[OP_REPETITION_PENALTY] = STR_INIT("repetition_penalty"),
	[OP_NUM_CTX] = STR_INIT("num_ctx"),
	[OP_LOGPROBS] = STR_INIT("logprobs"),
	[OP_TOP_LOGPROBS] = STR_INIT("top_logprobs"),
	[OP_KEEP_ALIVE] = STR_INIT("keep_alive"),
	[OP_TRUNCATE] = STR_INIT("truncate"),
	[OP_SHIFT] = STR_INIT("shift"),
	[OP_SUFFIX] = STR_INIT("suffix"),
	[OP_RAW] = STR_INIT("raw"),
	[OP_DIMENSIONS] = STR_INIT("dimensions"),
	[OP_ENCODING_FORMAT] = STR_INIT("encoding_format"),
};

void ollama_find_params(struct ollama_writer *w)
{
	convert_pick(w->c->ask->root, param_names, w->f, OP_COUNT);
}

/* ---- tools, options, the rest --------------------------------------------------------------- */

/* Is this function the one that tool_choice (or the older function_call) insists on? */
static bool is_chosen(const struct ollama_writer *w, struct jval function)
{
	struct jval choice = convert_member(w->f[OP_TOOL_CHOICE], STR("function")), name;

	if (choice.type != J_OBJECT)
		choice = w->f[OP_FUNCTION_CALL];
	name = convert_member(choice, STR("name"));
	return name.type != J_STRING ||
	    str_eq(name.text, convert_member(function, STR("name")).text);
}

static void add_tools(struct ollama_writer *w)
{
	bool older = w->c->ask->tools.type != J_ARRAY;
	struct jval list = older ? w->f[OP_FUNCTIONS] : w->c->ask->tools, tool;
	struct jiter it = jscan_iter(list);

	if (list.type != J_ARRAY || jscan_count(list) == 0 ||
	    jscan_is(w->f[OP_TOOL_CHOICE], STR("none")) ||
	    jscan_is(w->f[OP_FUNCTION_CALL], STR("none")))
		return;
	ollama_add_raw(w, "tools", STR("["));
	while (jscan_next_item(&it, &tool)) {
		if (!is_chosen(w, older ? tool : convert_member(tool, STR("function"))))
			continue;
		json_add_comma(&w->body);
		ollama_add(w, older ? STR("{\"type\":\"function\",\"function\":") : STR(""));
		ollama_add(w, tool.text);
		ollama_add(w, older ? STR("}") : STR(""));
	}
	buf_add_char(&w->body, ']');
}

static void add_think(struct ollama_writer *w)
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

	struct ollama_state *s = w->c->state;

	for (size_t i = 0; i < COUNT_OF(levels) && !s->no_think; i++) {
		if (!jscan_is(w->f[OP_REASONING_EFFORT], levels[i].effort))
			continue;
		ollama_add_raw(w, "think", levels[i].think);
		s->thinks = true;
	}
}

static void add_format(struct ollama_writer *w)
{
	struct jval type = convert_member(w->f[OP_RESPONSE_FORMAT], STR("type")), schema;

	if (jscan_is(type, STR("json_object")))
		ollama_add_raw(w, "format", STR("\"json\""));
	if (!jscan_is(type, STR("json_schema")))
		return;
	schema = convert_member(convert_member(w->f[OP_RESPONSE_FORMAT], STR("json_schema")),
	    STR("schema"));
	ollama_add_raw(w, "format", schema.type == J_OBJECT ? schema.text : STR("\"json\""));
}

/* One text or a list of them; empty ones would match everywhere. */
static void add_stop(struct ollama_writer *w)
{
	struct jval stop = w->f[OP_STOP], item;
	struct jiter it = jscan_iter(stop);
	size_t start = w->body.len, before;

	if (stop.type != J_STRING && stop.type != J_ARRAY)
		return;
	ollama_add_raw(w, "stop", STR("["));
	before = w->body.len;
	if (stop.type == J_STRING && stop.text.n > 2)
		ollama_add(w, stop.text);
	while (stop.type == J_ARRAY && jscan_next_item(&it, &item)) {
		if (item.type != J_STRING || item.text.n <= 2)
			continue;
		json_add_comma(&w->body);
		ollama_add(w, item.text);
	}
	if (w->body.len == before)
		buf_truncate(&w->body, start);
	else
		buf_add_char(&w->body, ']');
}

/* A default that the operator wrote into the channel's config. */
static struct jval channel_default(const struct ollama_writer *w, enum ollama_param param)
{
	struct jval root;

	if (!jscan_value(w->c->channel->row.config, &root))
		return (struct jval){ 0 };
	return convert_member(root, param_names[param]);
}

static void add_options(struct ollama_writer *w)
{
	static const struct {
		enum ollama_param param;
		const char *name;
	} numbers[] = {
		{ OP_TEMPERATURE, "temperature" },
		{ OP_TOP_P, "top_p" },
		{ OP_TOP_K, "top_k" },
		{ OP_MIN_P, "min_p" },
		{ OP_SEED, "seed" },
		{ OP_PRESENCE_PENALTY, "presence_penalty" },
		{ OP_FREQUENCY_PENALTY, "frequency_penalty" },
		{ OP_REPETITION_PENALTY, "repeat_penalty" },
		{ OP_NUM_CTX, "num_ctx" },
	};
	size_t start = w->body.len, before;

	if (w->f[OP_NUM_CTX].type != J_NUMBER)
		w->f[OP_NUM_CTX] = channel_default(w, OP_NUM_CTX);
	ollama_add_raw(w, "options", STR("{"));
	before = w->body.len;
	if (w->c->ask->max_tokens >= 0 && w->c->ask->mode != MODE_EMBEDDINGS) {
		json_add_name(&w->body, "num_predict");
		buf_add_int(&w->body, w->c->ask->max_tokens);
	}
	for (size_t i = 0; i < COUNT_OF(numbers); i++)
		if (w->f[numbers[i].param].type == J_NUMBER)
			ollama_add_raw(w, numbers[i].name, w->f[numbers[i].param].text);
	add_stop(w);
	if (w->body.len == before)
		buf_truncate(&w->body, start);
	else
		buf_add_char(&w->body, '}');
}

/* Members that both sides call the same. */
static void add_same(struct ollama_writer *w, const enum ollama_param *params, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct jval v = w->f[params[i]];

		if (params[i] == OP_KEEP_ALIVE && v.type != J_STRING && v.type != J_NUMBER)
			v = channel_default(w, OP_KEEP_ALIVE);
		if (convert_given(v))
			ollama_add_raw(w, str_dup(w->c->arena, param_names[params[i]]), v.text);
	}
}

/* ---- the three bodies ---------------------------------------------------------------------- */

static void add_start(struct ollama_writer *w)
{
	ollama_add(w, STR("{"));
	json_add_name(&w->body, "model");
	json_add_str(&w->body, w->c->model);
}

bool ollama_add_chat(struct ollama_writer *w, struct err *err)
{
	static const enum ollama_param same[] = { OP_LOGPROBS, OP_TOP_LOGPROBS, OP_KEEP_ALIVE,
		OP_TRUNCATE, OP_SHIFT };

	if (!convert_check_chat(w->c, 1, TOOLS_FUNCTIONS, err))
		return false;
	add_start(w);
	ollama_add_raw(w, "stream", w->c->stream ? STR("true") : STR("false"));
	add_think(w);
	add_format(w);
	add_same(w, same, COUNT_OF(same));
	if (!ollama_add_messages(w, err))
		return false;
	add_tools(w);
	add_options(w);
	ollama_add(w, STR("}"));
	return true;
}

/* The prompt is one text: there is no batch. */
bool ollama_add_generate(struct ollama_writer *w, struct err *err)
{
	static const enum ollama_param same[] = { OP_SUFFIX, OP_RAW, OP_KEEP_ALIVE, OP_TRUNCATE,
		OP_SHIFT };
	struct jval prompt = w->c->ask->prompt;
	struct jiter it = jscan_iter(prompt);

	if (prompt.type == J_ARRAY && jscan_count(prompt) == 1)
		(void)jscan_next_item(&it, &prompt);
	if (prompt.type != J_STRING)
		return err_set(err, ERR_INVALID_TEXT, "prompt must be one string for this channel");
	add_start(w);
	ollama_add_raw(w, "stream", w->c->stream ? STR("true") : STR("false"));
	add_think(w);
	add_format(w);
	add_same(w, same, COUNT_OF(same));
	ollama_add_raw(w, "prompt", prompt.text);
	add_options(w);
	ollama_add(w, STR("}"));
	return true;
}

bool ollama_add_embed(struct ollama_writer *w, struct err *err)
{
	static const enum ollama_param same[] = { OP_DIMENSIONS, OP_TRUNCATE, OP_KEEP_ALIVE };
	struct jval input = w->c->ask->input, item;
	struct jiter it = jscan_iter(input);

	while (input.type == J_ARRAY && jscan_next_item(&it, &item))
		if (item.type != J_STRING)
			return err_set(err, ERR_INVALID_TEXT,
			    "input must be text for this channel, not token numbers");
	add_start(w);
	ollama_add_raw(w, "input", input.text);
	add_same(w, same, COUNT_OF(same));
	add_options(w);
	ollama_add(w, STR("}"));
	return true;
}
