/* gemini_config.c — sampling, structured output, thinking and safety: generationConfig and its like */
#include "provider/gemini.h"

#include "base/arena.h"
#include "base/json.h"
#include "provider/catalog.h"

/* ---- what is copied ----------------------------------------------------------------------- */

static const struct {
	enum gemini_param param;
	const char *name;
} numbers[] = {
	{ GP_TEMPERATURE, "temperature" },
	{ GP_TOP_P, "topP" },
	{ GP_TOP_K, "topK" },
	{ GP_PRESENCE, "presencePenalty" },
	{ GP_FREQUENCY, "frequencyPenalty" },
};

/* Theirs has 32 bits. */
static void add_seed(struct gemini_writer *w)
{
	int64_t seed;

	if (!jscan_int(w->f[GP_SEED], INT64_MIN, INT64_MAX, &seed))
		return;
	if (seed < INT32_MIN || seed > INT32_MAX)
		seed &= INT32_MAX;
	json_add_name(w->out, "seed");
	buf_add_int(w->out, seed);
}

static void add_numbers(struct gemini_writer *w)
{
	if (w->c->ask->max_tokens >= 0) {
		json_add_name(w->out, "maxOutputTokens");
		buf_add_int(w->out, w->c->ask->max_tokens);
	}
	for (size_t i = 0; i < COUNT_OF(numbers); i++)
		if (w->f[numbers[i].param].type == J_NUMBER)
			convert_add_raw(w->out, numbers[i].name, w->f[numbers[i].param].text);
	if (w->c->ask->n > 1) {
		json_add_name(w->out, "candidateCount");
		buf_add_int(w->out, w->c->ask->n);
	}
	add_seed(w);
	if (jscan_true(w->f[GP_LOGPROBS])) {
		convert_add_raw(w->out, "responseLogprobs", STR("true"));
		if (w->f[GP_TOP_LOGPROBS].type == J_NUMBER)
			convert_add_raw(w->out, "logprobs", w->f[GP_TOP_LOGPROBS].text);
	}
}

static void add_stop_text(struct buf *out, struct jval text)
{
	if (text.type != J_STRING || text.text.n <= 2)
		return;
	json_add_comma(out);
	buf_add(out, text.text);
}

static void add_stop(struct gemini_writer *w)
{
	struct jval stop = w->f[GP_STOP], item;
	struct jiter it = jscan_iter(stop);
	size_t start = w->out->len, before;

	convert_add_raw(w->out, "stopSequences", STR("["));
	before = w->out->len;
	add_stop_text(w->out, stop);
	while (stop.type == J_ARRAY && jscan_next_item(&it, &item))
		add_stop_text(w->out, item);
	if (w->out->len == before)
		buf_truncate(w->out, start);
	else
		buf_add_char(w->out, ']');
}

static void add_format(struct gemini_writer *w)
{
	struct jval type = convert_member(w->f[GP_RESPONSE_FORMAT], STR("type")), schema;
	bool is_schema = jscan_is(type, STR("json_schema"));

	if (!is_schema && !jscan_is(type, STR("json_object")))
		return;
	convert_add_raw(w->out, "responseMimeType", STR("\"application/json\""));
	schema = convert_member(convert_member(w->f[GP_RESPONSE_FORMAT], STR("json_schema")),
	    STR("schema"));
	if (!is_schema || schema.type != J_OBJECT)
		return;
	if (w->model.generation >= 25) {
		convert_add_raw(w->out, "responseJsonSchema", schema.text);
	} else if (gemini_schema_says(schema)) {
		json_add_name(w->out, "responseSchema");
		gemini_add_schema(w->out, w->c->arena, schema);
	}
}

static bool add_modalities(struct gemini_writer *w, struct err *err)
{
	struct jval list = w->f[GP_MODALITIES], item;
	struct jiter it = jscan_iter(list);
	bool image = false, text = false;

	while (list.type == J_ARRAY && jscan_next_item(&it, &item)) {
		image |= jscan_is(item, STR("image"));
		text |= jscan_is(item, STR("text"));
		if (jscan_is(item, STR("audio")))
			return err_set(err, ERR_INVALID_TEXT,
			    "modalities: this channel speaks only through /v1/audio/speech");
	}
	if (image)
		convert_add_raw(w->out, "responseModalities",
		    text ? STR("[\"TEXT\",\"IMAGE\"]") : STR("[\"IMAGE\"]"));
	return true;
}

/* ---- the extension `google` --------------------------------------------------------------- */

/* A member's name in camelCase, whichever way it came. */
static void add_camel(struct buf *out, struct str name)
{
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];

		if (c == '_' && i + 1 < name.n && name.p[i + 1] >= 'a' && name.p[i + 1] <= 'z') {
			i++;
			c = (char)(name.p[i] - 'a' + 'A');
		}
		buf_add_char(out, c);
	}
}

/* Depth is that of a checked body. */
static void add_value(struct buf *out, struct jval v)
{
	struct jiter it = jscan_iter(v);
	struct jval item;
	struct str name;

	if (v.type != J_OBJECT && v.type != J_ARRAY) {
		buf_add(out, v.text);
		return;
	}
	buf_add_char(out, v.type == J_ARRAY ? '[' : '{');
	while (v.type == J_ARRAY ? jscan_next_item(&it, &item)
	                         : jscan_next_member(&it, &name, &item)) {
		json_add_comma(out);
		if (v.type == J_OBJECT) {
			buf_add_char(out, '"');
			add_camel(out, name);
			buf_add(out, STR("\":"));
		}
		add_value(out, item);
	}
	buf_add_char(out, v.type == J_ARRAY ? ']' : '}');
}

static void add_extension(struct gemini_writer *w, enum google_member member, const char *name)
{
	if (!convert_given(w->google[member]))
		return;
	json_add_name(w->out, name);
	add_value(w->out, w->google[member]);
}

/* ---- thinking ----------------------------------------------------------------------------- */

enum effort { NO_EFFORT, EFFORT_NONE, MINIMAL, LOW, MEDIUM, HIGH };

static const struct {
	struct str name;
	enum effort effort;
} efforts[] = {
	{ STR_INIT("none"), EFFORT_NONE },
	{ STR_INIT("minimal"), MINIMAL },
	{ STR_INIT("low"), LOW },
	{ STR_INIT("medium"), MEDIUM },
	{ STR_INIT("high"), HIGH },
	{ STR_INIT("xhigh"), HIGH },
	{ STR_INIT("max"), HIGH },
};

static const int budgets[] = {
	[EFFORT_NONE] = 0,
	[MINIMAL] = 1024,
	[LOW] = 1024,
	[MEDIUM] = 8192,
	[HIGH] = 24576,
};

/* Gemini 2.5 Pro cannot stop thinking: its smallest budget. */
#define PRO_BUDGET_MIN 128

/* The names of Gemini 3's levels; not every model has all. */
static const char *level(const struct gemini_model *m, enum effort effort)
{
	bool has_minimal = m->is_lite || (!m->is_pro && m->generation < 35);

	if (effort == HIGH || (effort == MEDIUM && m->is_pro && m->generation == 30))
		return "HIGH";
	if (effort == MEDIUM)
		return "MEDIUM";
	return effort != LOW && has_minimal ? "MINIMAL" : "LOW";
}

static enum effort effort_of_budget(int64_t budget)
{
	if (budget <= budgets[LOW])
		return LOW;
	return budget <= budgets[MEDIUM] ? MEDIUM : HIGH;
}

static void add_thinking_config(struct gemini_writer *w, enum effort effort, int64_t budget)
{
	const struct gemini_model *m = &w->model;

	convert_add_raw(w->out, "thinkingConfig", STR("{"));
	if (budget < 0 && m->generation < 30 && effort != NO_EFFORT)
		budget = budgets[effort];
	if (effort == NO_EFFORT && budget < 0) {
		/* the model thinks as long as it likes */
	} else if (m->generation >= 30) {
		buf_addf(w->out, "\"thinkingLevel\":\"%s\"",
		    level(m, effort != NO_EFFORT ? effort : effort_of_budget(budget)));
	} else {
		if (m->is_pro && budget < PRO_BUDGET_MIN)
			budget = PRO_BUDGET_MIN;
		json_add_name(w->out, "thinkingBudget");
		buf_add_int(w->out, budget);
	}
	if (effort != EFFORT_NONE)
		convert_add_raw(w->out, "includeThoughts", STR("true"));
	buf_add_char(w->out, '}');
}

/* thinkingConfig wins over `thinking` (Anthropic's form), that over reasoning_effort. */
static bool add_thinking(struct gemini_writer *w, struct err *err)
{
	struct jval type = convert_member(w->f[GP_THINKING], STR("type")), tokens;
	enum effort effort = NO_EFFORT;
	int64_t budget = -1;
	bool asked = convert_given(type);

	if (convert_given(w->google[GG_THINKING])) {
		add_extension(w, GG_THINKING, "thinkingConfig");
		return true;
	}
	tokens = convert_member(w->f[GP_THINKING], STR("budget_tokens"));
	if (jscan_is(type, STR("disabled")))
		effort = EFFORT_NONE;
	else if (asked && !jscan_int(tokens, 0, INT32_MAX, &budget))
		budget = -1;
	for (size_t i = 0; !asked && i < COUNT_OF(efforts); i++)
		if (jscan_is(w->f[GP_EFFORT], efforts[i].name))
			effort = efforts[i].effort;
	if (!asked && effort == NO_EFFORT)
		return true;
	if (w->model.thinks)
		add_thinking_config(w, effort, budget);
	else if (effort != EFFORT_NONE)
		return convert_drop_one(w->c, asked ? "thinking" : "reasoning_effort",
		    "this model does not think", err);
	return true;
}

/* ---- safety ------------------------------------------------------------------------------- */

void gemini_add_safety(struct buf *out, const struct call *c)
{
	static const char *const categories[] = { "HARASSMENT", "HATE_SPEECH", "SEXUALLY_EXPLICIT",
		"DANGEROUS_CONTENT" };
	struct str threshold = c->channel->safety_threshold;

	if (!threshold.n)
		threshold = str_c(google_settings()->safety);
	if (!threshold.n)
		threshold = STR("BLOCK_NONE");
	convert_add_raw(out, "safetySettings", STR("["));
	for (size_t i = 0; i < COUNT_OF(categories); i++) {
		json_add_comma(out);
		buf_addf(out, "{\"category\":\"HARM_CATEGORY_%s\",\"threshold\":", categories[i]);
		json_add_str(out, threshold);
		buf_add_char(out, '}');
	}
	buf_add_char(out, ']');
}

/* ---- the whole ---------------------------------------------------------------------------- */

static void add_tier(struct gemini_writer *w)
{
	struct jval tier = w->f[GP_SERVICE_TIER];

	if (w->host->is_vertex)
		return; /* a header says it */
	if (jscan_is(tier, STR("flex")) || jscan_is(tier, STR("priority")))
		convert_add_raw(w->out, "serviceTier", tier.text);
	else if (jscan_is(tier, STR("default")))
		convert_add_raw(w->out, "serviceTier", STR("\"standard\""));
}

static bool add_dropped(struct gemini_writer *w, struct err *err)
{
	static const struct str dropped[] = { STR_INIT("user"), STR_INIT("logit_bias"),
		STR_INIT("store"), STR_INIT("prediction"), STR_INIT("verbosity"),
		STR_INIT("audio") };
	static const struct str metadata[] = { STR_INIT("metadata") };

	if (w->f[GP_PARALLEL].type == J_FALSE &&
	    !convert_drop_one(w->c, "parallel_tool_calls", "the provider has no such parameter",
	        err))
		return false;
	if (!convert_drop(w->c, dropped, COUNT_OF(dropped), err))
		return false;
	if (!w->host->is_vertex)
		return convert_drop(w->c, metadata, 1, err);
	if (w->f[GP_METADATA].type == J_OBJECT && jscan_count(w->f[GP_METADATA]))
		convert_add_raw(w->out, "labels", w->f[GP_METADATA].text);
	return true;
}

bool gemini_add_config(struct gemini_writer *w, struct err *err)
{
	size_t start = w->out->len, before;

	convert_add_raw(w->out, "generationConfig", STR("{"));
	before = w->out->len;
	add_numbers(w);
	add_stop(w);
	add_format(w);
	if (!add_modalities(w, err) || !add_thinking(w, err))
		return false;
	add_extension(w, GG_RESOLUTION, "mediaResolution");
	add_extension(w, GG_SPEECH, "speechConfig");
	add_extension(w, GG_IMAGE, "imageConfig");
	if (w->out->len == before)
		buf_truncate(w->out, start);
	else
		buf_add_char(w->out, '}');
	add_extension(w, GG_CACHED, "cachedContent");
	if (convert_given(w->google[GG_SAFETY]))
		add_extension(w, GG_SAFETY, "safetySettings");
	else
		gemini_add_safety(w->out, w->c);
	add_tier(w);
	return add_dropped(w, err);
}
