/* gemini_request.c — a chat request as the body of generateContent */
#include "provider/gemini.h"

#include "base/arena.h"

/* Room for what a request gains: names of members, schemas written out, safety settings. */
#define GROWTH_ROOM (256 * 1024)

static const struct str param_names[GP_COUNT] = {
	[GP_TOOL_CHOICE] = STR_INIT("tool_choice"),
	[GP_FUNCTIONS] = STR_INIT("functions"),
	[GP_FUNCTION_CALL] = STR_INIT("function_call"),
	[GP_PARALLEL] = STR_INIT("parallel_tool_calls"),
	[GP_RESPONSE_FORMAT] = STR_INIT("response_format"),
	[GP_EFFORT] = STR_INIT("reasoning_effort"),
	[GP_THINKING] = STR_INIT("thinking"),
	[GP_STOP] = STR_INIT("stop"),
	[GP_TEMPERATURE] = STR_INIT("temperature"),
	[GP_TOP_P] = STR_INIT("top_p"),
	[GP_TOP_K] = STR_INIT("top_k"),
	[GP_SEED] = STR_INIT("seed"),
	[GP_PRESENCE] = STR_INIT("presence_penalty"),
	[GP_FREQUENCY] = STR_INIT("frequency_penalty"),
	[GP_LOGPROBS] = STR_INIT("logprobs"),
	[GP_TOP_LOGPROBS] = STR_INIT("top_logprobs"),
	[GP_MODALITIES] = STR_INIT("modalities"),
	[GP_WEB_SEARCH] = STR_INIT("web_search_options"),
	[GP_SERVICE_TIER] = STR_INIT("service_tier"),
	[GP_METADATA] = STR_INIT("metadata"),
	[GP_GOOGLE] = STR_INIT("google"),
	[GP_EXTRA_BODY] = STR_INIT("extra_body"),
};

static const struct str google_names[2][GG_COUNT] = {
	{ STR_INIT("cachedContent"), STR_INIT("safetySettings"), STR_INIT("thinkingConfig"),
	    STR_INIT("mediaResolution"), STR_INIT("speechConfig"), STR_INIT("imageConfig") },
	{ STR_INIT("cached_content"), STR_INIT("safety_settings"), STR_INIT("thinking_config"),
	    STR_INIT("media_resolution"), STR_INIT("speech_config"), STR_INIT("image_config") },
};

static void read_extension(struct gemini_writer *w)
{
	struct jval google = w->f[GP_GOOGLE], snake[GG_COUNT];

	if (google.type != J_OBJECT)
		google = convert_member(w->f[GP_EXTRA_BODY], STR("google"));
	convert_pick(google, google_names[0], w->google, GG_COUNT);
	convert_pick(google, google_names[1], snake, GG_COUNT);
	for (int i = 0; i < GG_COUNT; i++)
		if (!convert_given(w->google[i]))
			w->google[i] = snake[i];
}

bool gemini_add_chat(struct call *c, const struct gemini_host *host, struct gemini_reply *reply,
    struct buf *body, struct err *err)
{
	struct gemini_writer w = {
		.c = c,
		.host = host,
		.model = gemini_model(c->model),
		.reply = reply,
		.out = body,
	};

	if (!convert_check_chat(c, SINK_CHOICES, TOOLS_ANY, err))
		return false;
	convert_pick(c->ask->root, param_names, w.f, GP_COUNT);
	read_extension(&w);
	reply->wants_logprobs = jscan_true(w.f[GP_LOGPROBS]);
	buf_add_char(body, '{');
	if (!gemini_add_messages(&w, err) || !gemini_add_tools(&w, err) ||
	    !gemini_add_config(&w, err))
		return false;
	buf_add_char(body, '}');
	return true;
}

struct buf gemini_body(const struct call *c)
{
	size_t fetched = 0;

	for (size_t i = 0; i < c->media_count; i++)
		fetched += c->media[i].bytes.n;
	return buf_init(c->ask->body.n * 2 + c->system_prompt.n * 6 + fetched * 2 + GROWTH_ROOM);
}

bool gemini_send(struct call *c, struct buf *body, struct upstream_req *out, struct err *err)
{
	bool ok = buf_ok(body);

	out->has_body = true;
	out->body = adaptor_keep(c->arena, body);
	return ok || err_set(err, ERR_TOO_LARGE, "the request body is too large");
}
