/* bedrock_converse.c — the request of Converse, Bedrock's own neutral chat: tools and parameters
 *
 * Parameters that only some models know go to additionalModelRequestFields in those models' words.
 */
#include "provider/bedrock_converse.h"

#include "base/json.h"
#include "provider/catalog.h"
#include "provider/claude.h"
#include "provider/convert.h"

static const struct str param_names[CP_COUNT] = {
	[CP_TOOL_CHOICE] = STR_INIT("tool_choice"),
	[CP_FUNCTIONS] = STR_INIT("functions"),
	[CP_FUNCTION_CALL] = STR_INIT("function_call"),
	[CP_RESPONSE_FORMAT] = STR_INIT("response_format"),
	[CP_EFFORT] = STR_INIT("reasoning_effort"),
	[CP_STOP] = STR_INIT("stop"),
	[CP_TEMPERATURE] = STR_INIT("temperature"),
	[CP_TOP_P] = STR_INIT("top_p"),
	[CP_TOP_K] = STR_INIT("top_k"),
	[CP_SERVICE_TIER] = STR_INIT("service_tier"),
	[CP_METADATA] = STR_INIT("metadata"),
	[CP_THINKING] = STR_INIT("thinking"),
	[CP_SEED] = STR_INIT("seed"),
};

static const struct str dropped[] = {
	STR_INIT("frequency_penalty"),
	STR_INIT("presence_penalty"),
	STR_INIT("logit_bias"),
	STR_INIT("logprobs"),
	STR_INIT("top_logprobs"),
	STR_INIT("parallel_tool_calls"),
	STR_INIT("prediction"),
	STR_INIT("store"),
	STR_INIT("seed"),
};

/* ---- tools ------------------------------------------------------------------------------- */

static void open_tool(struct converse_writer *w, struct str name, struct jval description)
{
	bool described = description.type == J_STRING && description.text.n > 2;

	json_add_comma(w->out);
	buf_add(w->out, STR("{\"toolSpec\":{\"name\":"));
	buf_add(w->out, name);
	convert_add_raw(w->out, "description", described ? description.text : name);
	convert_add_raw(w->out, "inputSchema", STR("{\"json\":"));
}

static void add_tool(struct converse_writer *w, struct jval tool, struct jval function)
{
	struct jval name = convert_member(function, STR("name"));
	struct jval schema = convert_member(function, STR("parameters"));
	bool usable = schema.type == J_OBJECT && jscan_count(schema);

	if (name.type != J_STRING)
		return;
	w->b->claude->eager |= jscan_true(anthropic_eager(tool, function));
	open_tool(w, name.text, convert_member(function, STR("description")));
	buf_add(w->out, usable ? schema.text : STR("{\"type\":\"object\",\"properties\":{}}"));
	buf_add_char(w->out, '}');
	if (jscan_true(convert_member(function, STR("strict"))))
		convert_add_raw(w->out, "strict", STR("true"));
	buf_add(w->out, STR("}}"));
	converse_add_cache_point(w, tool);
}

/* The answer by a tool's arguments: for models that have no structured output. */
static void add_json_tool(struct converse_writer *w)
{
	struct jval format = convert_member(w->f[CP_RESPONSE_FORMAT], STR("json_schema"));
	struct jval schema = convert_member(format, STR("schema"));

	open_tool(w, STR("\"json_output\""),
	    (struct jval){ J_STRING, STR("\"Gives the final answer. Call it exactly once.\"") });
	buf_add(w->out,
	    schema.type == J_OBJECT ? schema.text : STR("{\"type\":\"object\",\"properties\":{}}"));
	buf_add(w->out, STR("}}}"));
	w->b->json_tool = true;
}

static bool is_off(const struct converse_writer *w)
{
	return jscan_is(w->f[CP_TOOL_CHOICE], STR("none")) ||
	    jscan_is(w->f[CP_FUNCTION_CALL], STR("none"));
}

static void add_choice(struct converse_writer *w)
{
	struct jval choice = w->f[CP_TOOL_CHOICE], name;

	if (!convert_given(choice))
		choice = w->f[CP_FUNCTION_CALL];
	name = convert_member(convert_member(choice, STR("function")), STR("name"));
	if (name.type != J_STRING)
		name = convert_member(choice, STR("name"));
	if (w->b->json_tool) {
		buf_add(w->out,
		    w->c->ask->tools.type == J_ARRAY
		        ? STR(",\"toolChoice\":{\"any\":{}}")
		        : STR(",\"toolChoice\":{\"tool\":{\"name\":\"json_output\"}}"));
	} else if (jscan_is(choice, STR("auto"))) {
		buf_add(w->out, STR(",\"toolChoice\":{\"auto\":{}}"));
	} else if (jscan_is(choice, STR("required"))) {
		buf_add(w->out, STR(",\"toolChoice\":{\"any\":{}}"));
	} else if (name.type == J_STRING) {
		buf_add(w->out, STR(",\"toolChoice\":{\"tool\":{\"name\":"));
		buf_add(w->out, name.text);
		buf_add(w->out, STR("}}"));
	}
}

static void add_tools(struct converse_writer *w)
{
	bool older = w->c->ask->tools.type != J_ARRAY, off = is_off(w), real;
	struct jval list = older ? w->f[CP_FUNCTIONS] : w->c->ask->tools, tool;
	struct jiter it = jscan_iter(list);
	size_t start = w->out->len, before;

	convert_add_raw(w->out, "toolConfig", STR("{\"tools\":["));
	before = w->out->len;
	/* With calls in the history the definitions must stay, whatever the choice. */
	while (list.type == J_ARRAY && (!off || w->name_count) && jscan_next_item(&it, &tool))
		add_tool(w, tool, older ? tool : convert_member(tool, STR("function")));
	real = w->out->len > before;
	for (size_t i = 0; !real && i < w->name_count; i++) {
		open_tool(w, w->names[i].text, (struct jval){ 0 });
		buf_add(w->out, STR("{\"type\":\"object\",\"properties\":{}}}}}"));
	}
	if (jscan_is(convert_member(w->f[CP_RESPONSE_FORMAT], STR("type")), STR("json_schema")))
		add_json_tool(w);
	if (w->out->len == before) {
		buf_truncate(w->out, start);
		return;
	}
	buf_add_char(w->out, ']');
	if (real || w->b->json_tool)
		add_choice(w);
	buf_add_char(w->out, '}');
}

/* ---- parameters -------------------------------------------------------------------------- */

static void add_stop(struct converse_writer *w)
{
	struct jval stop = w->f[CP_STOP], item;
	struct jiter it = jscan_iter(stop);
	size_t start = w->out->len, before;

	convert_add_raw(w->out, "stopSequences", STR("["));
	before = w->out->len;
	if (stop.type == J_STRING && stop.text.n > 2)
		buf_add(w->out, stop.text);
	while (stop.type == J_ARRAY && jscan_next_item(&it, &item)) {
		if (item.type != J_STRING || item.text.n <= 2)
			continue;
		json_add_comma(w->out);
		buf_add(w->out, item.text);
	}
	if (w->out->len == before)
		buf_truncate(w->out, start);
	else
		buf_add_char(w->out, ']');
}

static bool add_inference(struct converse_writer *w, struct err *err)
{
	const struct claude *claude =
	    bedrock_is(w->b, "anthropic") ? claude_find(w->b->model) : NULL;
	size_t start = w->out->len, before;
	int64_t most =
	    w->c->ask->max_tokens > 0 ? w->c->ask->max_tokens : w->c->channel->default_max_tokens;
	bool warm = w->f[CP_TEMPERATURE].type == J_NUMBER, top = w->f[CP_TOP_P].type == J_NUMBER;
	double d;

	if (claude && claude->sampling != SAMPLES_BOTH) {
		if (top && (warm || claude->sampling == SAMPLES_NOT)) {
			top = false;
			if (!convert_drop_one(w->c, "top_p", "this model does not take it", err))
				return false;
		}
		if (warm && claude->sampling == SAMPLES_NOT) {
			warm = false;
			if (!convert_drop_one(w->c, "temperature", "this model does not take it",
			        err))
				return false;
		}
	}
	convert_add_raw(w->out, "inferenceConfig", STR("{"));
	before = w->out->len;
	if (most > 0)
		buf_addf(w->out, "\"maxTokens\":%lld", (long long)most);
	if (warm)
		convert_add_raw(w->out, "temperature",
		    jscan_double(w->f[CP_TEMPERATURE], &d) && d > 1 ? STR("1")
		                                                    : w->f[CP_TEMPERATURE].text);
	if (top)
		convert_add_raw(w->out, "topP", w->f[CP_TOP_P].text);
	add_stop(w);
	if (w->out->len == before)
		buf_truncate(w->out, start);
	else
		buf_add_char(w->out, '}');
	return true;
}

static void add_claude_effort(struct converse_writer *w)
{
	const struct claude *model = claude_find(w->b->model);
	int64_t most = w->c->ask->max_tokens > 0 ? w->c->ask->max_tokens : model->max_tokens;
	const char *word;
	int64_t budget;

	if (w->f[CP_THINKING].type == J_OBJECT) {
		convert_add_raw(w->out, "thinking", w->f[CP_THINKING].text);
		return;
	}
	if (!anthropic_effort(w->f[CP_EFFORT], model, &word, &budget) || budget == 0 ||
	    model->thinking == THINKS_NOT)
		return;
	if (model->thinking >= THINKS_EITHER) {
		convert_add_raw(w->out, "thinking", STR("{\"type\":\"adaptive\"}"));
		buf_addf(w->out, ",\"output_config\":{\"effort\":\"%s\"}", word);
	} else if (most >= 2048) {
		convert_add_raw(w->out, "thinking",
		    STR("{\"type\":\"enabled\",\"budget_tokens\":"));
		buf_add_int(w->out, budget < most ? budget : most / 2);
		buf_add_char(w->out, '}');
	}
}

/* Effort in the words of each family. */
static void add_effort(struct converse_writer *w)
{
	struct jval effort = w->f[CP_EFFORT];
	bool none = jscan_is(effort, STR("none"));

	if (bedrock_is(w->b, "anthropic")) {
		add_claude_effort(w);
	} else if (effort.type == J_STRING && bedrock_is(w->b, "openai")) {
		convert_add_raw(w->out, "reasoning_effort", effort.text);
	} else if (effort.type == J_STRING && !none && bedrock_is(w->b, "amazon.nova")) {
		convert_add_raw(w->out, "reasoningConfig",
		    STR("{\"type\":\"enabled\",\"maxReasoningEffort\":"));
		buf_add(w->out, effort.text);
		buf_add_char(w->out, '}');
	}
}

static void add_betas(struct converse_writer *w)
{
	struct str rest = anthropic_betas(w->c, w->b->claude), beta;

	if (!rest.n || !bedrock_is(w->b, "anthropic"))
		return;
	convert_add_raw(w->out, "anthropic_beta", STR("["));
	while (str_next(&rest, ',', &beta)) {
		json_add_comma(w->out);
		json_add_str(w->out, beta);
	}
	buf_add_char(w->out, ']');
}

static void add_model_fields(struct converse_writer *w)
{
	struct jval top_k = w->f[CP_TOP_K];
	size_t start = w->out->len, before;

	convert_add_raw(w->out, "additionalModelRequestFields", STR("{"));
	before = w->out->len;
	if (top_k.type == J_NUMBER && bedrock_is(w->b, "amazon.nova"))
		buf_addf(w->out, "\"inferenceConfig\":{\"topK\":%.*s}", STR_ARG(top_k.text));
	else if (top_k.type == J_NUMBER)
		convert_add_raw(w->out, "top_k", top_k.text);
	add_effort(w);
	add_betas(w);
	if (w->out->len == before)
		buf_truncate(w->out, start);
	else
		buf_add_char(w->out, '}');
}

static void add_rest(struct converse_writer *w)
{
	const struct catalog_channel *ch = w->c->channel;
	struct jval tier = w->f[CP_SERVICE_TIER], metadata = w->f[CP_METADATA];

	if (jscan_is(tier, STR("priority")) || jscan_is(tier, STR("flex")) ||
	    jscan_is(tier, STR("default"))) {
		convert_add_raw(w->out, "serviceTier", STR("{\"type\":"));
		buf_add(w->out, tier.text);
		buf_add_char(w->out, '}');
	}
	if (metadata.type == J_OBJECT && jscan_count(metadata))
		convert_add_raw(w->out, "requestMetadata", metadata.text);
	if (!ch->guardrail_id.n)
		return;
	convert_add_raw(w->out, "guardrailConfig", STR("{\"guardrailIdentifier\":"));
	json_add_str(w->out, ch->guardrail_id);
	json_add_name(w->out, "guardrailVersion");
	json_add_str(w->out, ch->guardrail_version.n ? ch->guardrail_version : STR("DRAFT"));
	if (ch->guardrail_trace.n) {
		json_add_name(w->out, "trace");
		json_add_str(w->out, ch->guardrail_trace);
	}
	buf_add_char(w->out, '}');
}

bool bedrock_converse_body(struct call *c, struct buf *body, struct err *err)
{
	struct converse_writer *w = ARENA_NEW(c->arena, struct converse_writer);

	if (!convert_check_chat(c, 1, TOOLS_FUNCTIONS, err))
		return false;
	if (!convert_drop(c, dropped, COUNT_OF(dropped), err))
		return false;
	*w = (struct converse_writer){ .c = c, .b = c->state, .out = body };
	convert_pick(c->ask->root, param_names, w->f, CP_COUNT);
	buf_add_char(body, '{');
	if (!converse_add_system(w, err) || !converse_add_messages(w, err) ||
	    !add_inference(w, err))
		return false;
	add_tools(w);
	add_model_fields(w);
	add_rest(w);
	buf_add_char(body, '}');
	return true;
}
