/* anthropic_request.c — an OpenAI chat request as a body of the Messages API */
#include "provider/anthropic.h"

#include "base/json.h"
#include "provider/catalog.h"
#include "provider/claude.h"
#include "provider/convert.h"

#define FILES_BETA "files-api-2025-04-14"
#define EAGER_BETA "fine-grained-tool-streaming-2025-05-14"

static const struct str param_names[AP_COUNT] = {
	[AP_TOOL_CHOICE] = STR_INIT("tool_choice"),
	[AP_FUNCTIONS] = STR_INIT("functions"),
	[AP_FUNCTION_CALL] = STR_INIT("function_call"),
	[AP_PARALLEL] = STR_INIT("parallel_tool_calls"),
	[AP_RESPONSE_FORMAT] = STR_INIT("response_format"),
	[AP_EFFORT] = STR_INIT("reasoning_effort"),
	[AP_STOP] = STR_INIT("stop"),
	[AP_TEMPERATURE] = STR_INIT("temperature"),
	[AP_TOP_P] = STR_INIT("top_p"),
	[AP_TOP_K] = STR_INIT("top_k"),
	[AP_SERVICE_TIER] = STR_INIT("service_tier"),
	[AP_METADATA] = STR_INIT("metadata"),
	[AP_WEB_SEARCH] = STR_INIT("web_search_options"),
	[AP_THINKING] = STR_INIT("thinking"),
	[AP_OUTPUT_CONFIG] = STR_INIT("output_config"),
	[AP_CACHE_CONTROL] = STR_INIT("cache_control"),
	[AP_MCP_SERVERS] = STR_INIT("mcp_servers"),
	[AP_CONTAINER] = STR_INIT("container"),
	[AP_CONTEXT_MANAGEMENT] = STR_INIT("context_management"),
};

/* What the Messages API has no word for. */
static const struct str dropped[] = {
	STR_INIT("frequency_penalty"),
	STR_INIT("presence_penalty"),
	STR_INIT("seed"),
	STR_INIT("logit_bias"),
	STR_INIT("logprobs"),
	STR_INIT("top_logprobs"),
	STR_INIT("prediction"),
	STR_INIT("store"),
	STR_INIT("audio"),
	STR_INIT("verbosity"),
};

/* One text or a list of them; blank ones are refused. */
static void add_stop(struct anthropic_writer *w)
{
	struct jval stop = w->f[AP_STOP], item = stop;
	struct jiter it = jscan_iter(stop);
	size_t start = w->out->len, before;
	bool more = stop.type == J_STRING;

	if (stop.type != J_STRING && stop.type != J_ARRAY)
		return;
	convert_add_raw(w->out, "stop_sequences", STR("["));
	before = w->out->len;
	if (stop.type == J_ARRAY)
		more = jscan_next_item(&it, &item);
	while (more) {
		if (str_trim(jscan_text(w->c->arena, item)).n) {
			json_add_comma(w->out);
			buf_add(w->out, item.text);
		}
		more = stop.type == J_ARRAY && jscan_next_item(&it, &item);
	}
	if (w->out->len == before)
		buf_truncate(w->out, start);
	else
		buf_add_char(w->out, ']');
}

/* Who the client asks for. */
static void add_metadata(struct anthropic_writer *w)
{
	struct jval id = convert_member(w->f[AP_METADATA], STR("user_id"));

	if (id.type != J_STRING)
		id = w->c->ask->safety_identifier;
	if (id.type != J_STRING)
		id = w->c->ask->user;
	if (id.type != J_STRING || id.text.n <= 2)
		return;
	convert_add_raw(w->out, "metadata", STR("{\"user_id\":"));
	buf_add(w->out, id.text);
	buf_add_char(w->out, '}');
}

static void add_tier(struct anthropic_writer *w)
{
	struct jval tier = w->f[AP_SERVICE_TIER];

	if (w->host->is_bedrock)
		return;
	if (jscan_is(tier, STR("auto")) || jscan_is(tier, STR("priority")))
		convert_add_raw(w->out, "service_tier", STR("\"auto\""));
	else if (jscan_is(tier, STR("default")) || jscan_is(tier, STR("standard_only")))
		convert_add_raw(w->out, "service_tier", STR("\"standard_only\""));
}

/* Extensions that a client of this provider knows. */
static void add_extensions(struct anthropic_writer *w)
{
	static const enum anthropic_param passed[] = { AP_CACHE_CONTROL, AP_MCP_SERVERS,
		AP_CONTAINER, AP_CONTEXT_MANAGEMENT };

	for (size_t i = 0; i < COUNT_OF(passed); i++)
		if (convert_given(w->f[passed[i]]))
			convert_add_raw(w->out, str_dup(w->c->arena, param_names[passed[i]]),
			    w->f[passed[i]].text);
}

static int64_t max_tokens_of(const struct anthropic_writer *w)
{
	const struct call *c = w->c;

	if (c->ask->max_tokens > 0)
		return c->ask->max_tokens;
	return c->channel->default_max_tokens ? c->channel->default_max_tokens
	                                      : w->model->max_tokens;
}

static void add_betas(struct anthropic_writer *w)
{
	struct str rest = anthropic_betas(w->c, w->reply), beta;

	if (!rest.n)
		return;
	convert_add_raw(w->out, "anthropic_beta", STR("["));
	while (str_next(&rest, ',', &beta)) {
		json_add_comma(w->out);
		json_add_str(w->out, beta);
	}
	buf_add_char(w->out, ']');
}

static void add_head(struct anthropic_writer *w, int64_t max_tokens)
{
	buf_add_char(w->out, '{');
	if (w->host->version) {
		json_add_name(w->out, "anthropic_version");
		json_add_str(w->out, str_c(w->host->version));
	}
	if (w->host->has_model) {
		json_add_name(w->out, "model");
		json_add_str(w->out, w->c->model);
	}
	json_add_name(w->out, "max_tokens");
	buf_add_int(w->out, max_tokens);
	if (w->c->stream && (w->host->has_model || w->host->is_vertex))
		convert_add_raw(w->out, "stream", STR("true"));
}

struct anthropic_reply *anthropic_reply_new(struct call *c)
{
	struct anthropic_reply *reply = ARENA_NEW(c->arena, struct anthropic_reply);

	if (c->ask->stream)
		sink_init(&reply->sink, c->arena, NULL, c->ask, STR(""));
	return reply;
}

bool anthropic_add_body(struct call *c, const struct anthropic_host *host,
    struct anthropic_reply *reply, struct buf *body, struct err *err)
{
	struct anthropic_writer *w = ARENA_NEW(c->arena, struct anthropic_writer);
	bool thinking = false;
	int64_t max_tokens;

	if (!convert_check_chat(c, 1, TOOLS_ANY, err))
		return false;
	*w = (struct anthropic_writer){ .c = c, .host = host, .reply = reply, .out = body };
	w->model = claude_find(c->model);
	convert_pick(c->ask->root, param_names, w->f, AP_COUNT);
	max_tokens = max_tokens_of(w);
	add_head(w, max_tokens);
	if (!convert_drop(c, dropped, COUNT_OF(dropped), err) || !anthropic_add_messages(w, err) ||
	    !anthropic_add_thinking(w, max_tokens, &thinking, err) ||
	    !anthropic_add_tools(w, thinking, err))
		return false;
	add_stop(w);
	add_metadata(w);
	add_tier(w);
	add_extensions(w);
	if (host->betas_in_body)
		add_betas(w);
	buf_add_char(w->out, '}');
	return true;
}

/* ---- betas ------------------------------------------------------------------------------- */

static void collect(struct buf *out, struct str list)
{
	struct str beta;

	while (str_next(&list, ',', &beta)) {
		beta = str_trim(beta);
		if (!beta.n || str_list_has(buf_str(out), beta))
			continue;
		buf_add(out, out->len ? STR(",") : STR(""));
		buf_add(out, beta);
	}
}

struct str anthropic_betas(const struct call *c, const struct anthropic_reply *reply)
{
	struct buf all = buf_init(4096);
	struct str list;

	collect(&all, c->channel->anthropic_beta);
	if (c->ask->headers)
		collect(&all, headers_get(c->ask->headers, "anthropic-beta"));
	if (reply->needs_files)
		collect(&all, STR(FILES_BETA));
	if (reply->eager)
		collect(&all, STR(EAGER_BETA));
	list = arena_str(c->arena, buf_str(&all));
	buf_release(&all);
	return list;
}
