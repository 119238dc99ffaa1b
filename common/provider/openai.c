/* openai.c — the OpenAI dialect, spoken by our clients and by most providers
 *
 * Client and upstream speak alike, so bytes travel: the request is edited in place where something
 * must change and forwarded as it is where nothing must; replies and events are forwarded as they
 * came and only read on the side, for usage, errors and the end. Unknown members survive and
 * numbers keep their spelling in both directions.
 *
 * What is changed in a request:
 *	model			the channel's name for it
 *	stream_options		include_usage is always asked for, since usage is what is billed;
 *				the extra chunk is swallowed when the client did not ask.
 *				Providers that refuse the member lose it
 *	messages		the channel's forced system prompt
 *	max_tokens		max_completion_tokens on OpenAI's reasoning models, which refuse it
 *
 * What is not forwarded of a stream: a usage-only chunk nobody asked for, Azure's first chunk
 * (no choices, no usage), a second [DONE].
 */
#include "provider/adaptor.h"

#include <string.h>

#include "base/json.h"
#include "provider/catalog.h"
#include "provider/providers.h"

/* Room that all edits together may add to a body, the forced prompt aside. */
#define EDIT_ROOM (64 * 1024)
#define TYPE_OPENAI 1
#define TYPE_AZURE 3

/* ---- URL --------------------------------------------------------------------------------- */

static const struct str gateway_base = STR_INIT("https://gateway.ai.cloudflare.com");

/* What follows /v1/ in the client's path; /v1/engines/…/embeddings has become plain embeddings. */
static struct str task_of(const struct call *c)
{
	static const struct str tasks[MODE_COUNT] = {
		[MODE_CHAT] = STR_INIT("chat/completions"),
		[MODE_COMPLETIONS] = STR_INIT("completions"),
		[MODE_EMBEDDINGS] = STR_INIT("embeddings"),
	};

	return tasks[c->ask->mode];
}

static struct str base_of(const struct call *c)
{
	struct str base = c->channel->base_url;

	while (base.n && base.p[base.n - 1] == '/')
		base.n--;
	return base;
}

static bool has_path(struct str base)
{
	size_t scheme = str_find_str(base, STR("://"));
	size_t from = scheme < base.n ? scheme + 3 : 0;
	struct str rest = str_slice(base, from, base.n);

	return str_find(rest, '/') < rest.n;
}

/* base + middle + task */
static void put_url(struct buf *url, struct str base, const char *middle, struct str task)
{
	buf_add(url, base);
	buf_add_c(url, middle);
	buf_add(url, task);
}

/* A base that already ends in its version gets no second one. */
static void url_default(const struct call *c, struct buf *url)
{
	struct str base = base_of(c);
	bool versioned = str_ends(base, STR("/v1")) || str_starts(base, gateway_base);

	put_url(url, base, versioned ? "/" : "/v1/", task_of(c));
}

/* A base without any path is one where the operator left the version out. */
static void url_without_v1(const struct call *c, struct buf *url)
{
	struct str base = base_of(c);

	put_url(url, base, has_path(base) ? "/" : "/v1/", task_of(c));
}

static void url_novita(const struct call *c, struct buf *url)
{
	struct str base = base_of(c);
	bool current = str_ends(base, STR("/openai")) && !str_ends(base, STR("/v3/openai"));

	put_url(url, base, current ? "/v1/" : "/", task_of(c));
}

static void url_minimax(const struct call *c, struct buf *url)
{
	put_url(url, base_of(c), "/v1/text/", STR("chatcompletion_v2"));
}

/* Names of bots have a path of their own; a base may already end in the version. */
static void url_doubao(const struct call *c, struct buf *url)
{
	struct str base = base_of(c);
	bool bot = c->ask->mode == MODE_CHAT && str_starts(c->model, STR("bot"));

	buf_add(url, base);
	buf_add_c(url, str_ends(base, STR("/v3")) ? "/" : "/api/v3/");
	if (bot)
		buf_add(url, STR("bots/"));
	buf_add(url, task_of(c));
}

static void url_baidu_v2(const struct call *c, struct buf *url)
{
	put_url(url, base_of(c), "/v2/", task_of(c));
}

static void url_bailian(const struct call *c, struct buf *url)
{
	put_url(url, base_of(c), "/compatible-mode/v1/", task_of(c));
}

/* Azure's portal refused dots when gpt-3.5 was new, and only then. */
static void add_deployment(struct buf *url, struct str model)
{
	bool dotless = str_starts(model, STR("gpt-3.5"));
	struct str piece;

	if (!dotless) {
		url_encode(url, model);
		return;
	}
	while (str_next(&model, '.', &piece))
		url_encode(url, piece);
}

/* A dated version names a deployment in the path; none (or "v1", "preview") is the newer surface,
 * where the deployment is the body's model. */
static void url_azure(const struct call *c, struct buf *url)
{
	struct str base = base_of(c), version = c->channel->api_version;

	if (version.n == 0 || str_eq_c(version, "v1") || str_eq_c(version, "preview")) {
		put_url(url, base, "/openai/v1/", task_of(c));
		return;
	}
	buf_add(url, base);
	buf_add_c(url, str_starts(base, gateway_base) ? "/" : "/openai/deployments/");
	add_deployment(url, c->model);
	buf_add_char(url, '/');
	buf_add(url, task_of(c));
}

static void (*const url_rules[])(const struct call *, struct buf *) = {
	[URL_DEFAULT] = url_default,
	[URL_WITHOUT_V1] = url_without_v1,
	[URL_AZURE] = url_azure,
	[URL_MINIMAX] = url_minimax,
	[URL_DOUBAO] = url_doubao,
	[URL_NOVITA] = url_novita,
	[URL_BAIDU_V2] = url_baidu_v2,
	[URL_BAILIAN] = url_bailian,
	[URL_ADAPTOR] = url_default,
};

/* The client's parameters, but never its api-version where the channel decides that. */
static void add_query(const struct call *c, struct buf *url)
{
	bool azure = c->provider->url_rule == URL_AZURE;
	struct str rest = c->query, item;
	char separator = '?';

	while (str_next(&rest, '&', &item)) {
		if (item.n == 0 || (azure && str_starts(item, STR("api-version="))))
			continue;
		buf_add_char(url, separator);
		buf_add(url, item);
		separator = '&';
	}
	if (azure && c->channel->api_version.n) {
		buf_add_char(url, separator);
		buf_add(url, STR("api-version="));
		url_encode(url, c->channel->api_version);
	}
}

/* ---- headers ----------------------------------------------------------------------------- */

static void add_if_any(struct headers *h, const char *name, struct str value)
{
	if (value.n)
		headers_add(h, str_c(name), value);
}

static void add_headers(const struct call *c, struct upstream_req *out)
{
	const struct catalog_channel *channel = c->channel;

	headers_add(&out->headers, STR("Content-Type"), STR("application/json"));
	if (c->provider->url_rule == URL_AZURE)
		headers_add(&out->headers, STR("api-key"), channel->row.key);
	else
		headers_add(&out->headers, STR("Authorization"),
		    str_c(arena_fmt(c->arena, "Bearer %.*s", STR_ARG(channel->row.key))));
	if (c->stream)
		headers_add(&out->headers, STR("Accept"), STR("text/event-stream"));
	add_if_any(&out->headers, "OpenAI-Organization", channel->organization);
	add_if_any(&out->headers, "OpenAI-Project", channel->project);
	if (c->provider->quirks & QUIRK_REFERER) {
		add_if_any(&out->headers, "HTTP-Referer", channel->referer);
		add_if_any(&out->headers, "X-Title", channel->title);
	}
}

/* ---- body -------------------------------------------------------------------------------- */

static struct str quoted(struct arena *a, struct str text)
{
	struct buf b = buf_init(text.n * 6 + 2);

	json_add_str(&b, text);
	return adaptor_keep(a, &b);
}

/* Replaced also when the name occurs twice: which one counts is then the upstream's guess. */
static void edit_model(const struct call *c, struct jedit *e)
{
	struct jiter it = jscan_iter(c->ask->root);
	struct str name;
	struct jval value;
	int others = 0, same = 0;

	while (jscan_next_member(&it, &name, &value)) {
		if (!jscan_name_is(name, STR("model")))
			continue;
		if (jscan_is(value, c->model))
			same++;
		else
			others++;
	}
	if (others || same != 1)
		jedit_set(e, c->ask->root, STR("model"), quoted(c->arena, c->model));
}

static void edit_stream(const struct call *c, struct jedit *e)
{
	const struct ask *ask = c->ask;
	bool refused = (c->provider->quirks & QUIRK_NO_STREAM_USAGE) != 0;

	if (ask->mode == MODE_EMBEDDINGS)
		return;
	if (c->stream != ask->stream)
		jedit_set(e, ask->root, STR("stream"), c->stream ? STR("true") : STR("false"));
	if (refused || (ask->stream && !c->stream)) {
		if (ask->stream_options.type != J_NONE)
			jedit_drop(e, ask->root, STR("stream_options"));
		return;
	}
	if (!c->stream || ask->wants_usage)
		return;
	if (ask->stream_options.type == J_OBJECT)
		jedit_set(e, ask->stream_options, STR("include_usage"), STR("true"));
	else
		jedit_set(e, ask->root, STR("stream_options"), STR("{\"include_usage\":true}"));
}

static void edit_system_prompt(struct call *c, struct jedit *e)
{
	struct jiter it;
	struct jval first, role;
	struct str text;

	if (c->system_prompt.n == 0 || c->ask->mode != MODE_CHAT)
		return;
	text = quoted(c->arena, c->system_prompt);
	it = jscan_iter(c->ask->messages);
	c->system_prompt_reset = true;
	if (jscan_next_item(&it, &first) && jscan_member(first, STR("role"), &role) &&
	    (jscan_is(role, STR("system")) || jscan_is(role, STR("developer")))) {
		jedit_set(e, first, STR("content"), text);
		return;
	}
	jedit_prepend(e, c->ask->messages,
	    str_c(arena_fmt(c->arena, "{\"role\":\"system\",\"content\":%.*s}", STR_ARG(text))));
}

static bool is_reasoning_model(struct str model)
{
	static const struct str prefixes[] = {
		STR_INIT("o1"),
		STR_INIT("o3"),
		STR_INIT("o4"),
		STR_INIT("gpt-5"),
	};

	for (size_t i = 0; i < COUNT_OF(prefixes); i++)
		if (str_starts(model, prefixes[i]))
			return !str_has(model, STR("-chat"));
	return false;
}

/* Only the name is touched; a max_completion_tokens beside it wins. */
static void edit_max_tokens(const struct call *c, struct jedit *e)
{
	int type = c->provider->id;
	struct jiter it = jscan_iter(c->ask->root);
	struct jval value;
	struct str name;

	if ((type != TYPE_OPENAI && type != TYPE_AZURE) || c->ask->mode != MODE_CHAT ||
	    !is_reasoning_model(c->model))
		return;
	if (jscan_member(c->ask->root, STR("max_completion_tokens"), &value)) {
		bool null = value.type == J_NULL;

		if (jscan_member(c->ask->root, STR("max_tokens"), &value))
			jedit_drop(e, c->ask->root,
			    null ? STR("max_completion_tokens") : STR("max_tokens"));
		if (!null)
			return;
	}
	while (jscan_next_member(&it, &name, &value))
		if (jscan_name_is(name, STR("max_tokens")))
			jedit_replace(e, (struct jval){ J_STRING, name },
			    STR("max_completion_tokens"));
}

static bool put_body(struct call *c, struct upstream_req *out, struct err *err)
{
	struct jedit e = jedit_new(c->arena, c->ask->root);
	struct buf edited;
	bool ok;

	out->has_body = true;
	edit_model(c, &e);
	edit_stream(c, &e);
	edit_system_prompt(c, &e);
	edit_max_tokens(c, &e);
	if (e.n == 0 && !e.spoilt) {
		out->body = c->ask->body;
		return true;
	}
	edited = buf_init(c->ask->body.n + c->system_prompt.n * 6 + EDIT_ROOM);
	jedit_apply(&e, &edited);
	ok = buf_ok(&edited);
	out->body = adaptor_keep(c->arena, &edited);
	return ok || err_set(err, ERR_INVALID_TEXT, "the request body names one member too often");
}

static bool encode(struct call *c, struct upstream_req *out, struct err *err)
{
	if (!(c->provider->modes & 1u << c->ask->mode))
		return err_set(err, ERR_UNSUPPORTED_MODE, "channel type %s cannot do this",
		    c->provider->name);
	out->method = "POST";
	url_rules[c->provider->url_rule](c, &out->url);
	add_query(c, &out->url);
	add_headers(c, out);
	return put_body(c, out, err);
}

/* ---- reading what is forwarded -------------------------------------------------------------- */

static void meter_text(struct call *c, struct jval v)
{
	if (v.type != J_STRING || v.text.n <= 2)
		return;
	token_meter_add_json(&c->meter, v);
	c->pieces++;
}

/* A function of a tool call: `name` and `arguments` are what the model wrote. Some upstreams send
 * arguments as an object. */
static void meter_function(struct call *c, struct jval function)
{
	struct jiter it = jscan_iter(function);
	struct str name;
	struct jval value;

	if (function.type != J_OBJECT)
		return;
	while (jscan_next_member(&it, &name, &value)) {
		if (value.type == J_OBJECT)
			token_meter_add(&c->meter, value.text);
		else
			meter_text(c, value);
	}
}

static void meter_calls(struct call *c, struct jval calls)
{
	struct jiter it = jscan_iter(calls), members;
	struct jval call, value;
	struct str name;

	if (calls.type != J_ARRAY)
		return;
	while (jscan_next_item(&it, &call)) {
		if (call.type != J_OBJECT)
			continue;
		members = jscan_iter(call);
		while (jscan_next_member(&members, &name, &value))
			if (str_eq(name, STR("function")) || str_eq(name, STR("custom")))
				meter_function(c, value);
	}
}

/* A list of content parts, as some upstreams send them instead of a string. */
static void meter_parts(struct call *c, struct jval parts)
{
	struct jiter it = jscan_iter(parts);
	struct jval part, text;

	while (jscan_next_item(&it, &part))
		if (part.type == J_OBJECT && jscan_member(part, STR("text"), &text))
			meter_text(c, text);
}

/* A delta or a whole message. `reasoning` stands beside an equal `reasoning_content` in some
 * replies and is counted once. */
static void meter_message(struct call *c, struct jval message)
{
	struct jiter it = jscan_iter(message);
	struct jval value, reasoning = { 0 };
	struct str name;

	if (message.type != J_OBJECT)
		return;
	while (jscan_next_member(&it, &name, &value)) {
		if (str_eq(name, STR("content")) && value.type == J_ARRAY)
			meter_parts(c, value);
		else if (str_eq(name, STR("content")) || str_eq(name, STR("refusal")))
			meter_text(c, value);
		else if (str_eq(name, STR("reasoning_content")) ||
		    (str_eq(name, STR("reasoning")) && reasoning.type != J_STRING))
			reasoning = value;
		else if (str_eq(name, STR("tool_calls")))
			meter_calls(c, value);
		else if (str_eq(name, STR("function_call")))
			meter_function(c, value);
	}
	meter_text(c, reasoning);
}

static void note_choice(struct call *c, struct jval choice)
{
	struct jiter it = jscan_iter(choice);
	struct jval value;
	struct str name;

	if (choice.type != J_OBJECT)
		return;
	while (jscan_next_member(&it, &name, &value)) {
		if (str_eq(name, STR("delta")) || str_eq(name, STR("message")))
			meter_message(c, value);
		else if (str_eq(name, STR("text")))
			meter_text(c, value);
		else if (str_eq(name, STR("finish_reason")) && value.type == J_STRING &&
		    value.text.n > 2)
			c->finished = true;
		else if (str_eq(name, STR("usage")) && !c->usage.reported)
			(void)adaptor_usage(value, &c->usage);
	}
}

/* The members of a reply or chunk that matter to us. */
struct chunk {
	struct jval choices, usage, error, base_resp, groq;
	bool has_choice, is_error;
};

static void read_chunk(struct jval root, struct chunk *ch)
{
	struct jiter it = jscan_iter(root);
	struct jval value;
	struct str name;

	*ch = (struct chunk){ 0 };
	while (jscan_next_member(&it, &name, &value)) {
		if (str_eq(name, STR("choices")))
			ch->choices = value;
		else if (str_eq(name, STR("usage")))
			ch->usage = value;
		else if (str_eq(name, STR("error")))
			ch->error = value;
		else if (str_eq(name, STR("base_resp")))
			ch->base_resp = value;
		else if (str_eq(name, STR("x_groq")))
			ch->groq = value;
		else if (str_eq(name, STR("object")))
			ch->is_error = str_eq(value.text, STR("\"error\""));
	}
}

/* The later report wins: some upstreams send a running sum with every chunk. */
static void note_usage(struct call *c, const struct chunk *ch)
{
	struct usage u;
	struct jval inner;

	if (adaptor_usage(ch->usage, &u)) {
		if (u.reported)
			c->usage = u;
	} else if (ch->groq.type == J_OBJECT && jscan_member(ch->groq, STR("usage"), &inner) &&
	    adaptor_usage(inner, &u) && u.reported) {
		c->usage = u;
	}
}

static void note_choices(struct call *c, struct chunk *ch)
{
	struct jiter it;
	struct jval choice;

	if (ch->choices.type != J_ARRAY)
		return;
	it = jscan_iter(ch->choices);
	while (jscan_next_item(&it, &choice)) {
		ch->has_choice = true;
		note_choice(c, choice);
	}
}

/* False with err set when the body is an error in truth. */
static bool note_reply(struct call *c, struct jval root, struct str body, struct chunk *ch,
    struct err *err)
{
	bool suspect;

	read_chunk(root, ch);
	note_usage(c, ch);
	suspect = ch->is_error || ch->error.type == J_OBJECT || ch->error.type == J_STRING ||
	    ch->base_resp.type == J_OBJECT;
	if (suspect && adaptor_error_inside(root, body, err)) {
		adaptor_scrub(c, err);
		return false;
	}
	note_choices(c, ch);
	return true;
}

/* ---- whole replies ----------------------------------------------------------------------- */

static bool read_whole(struct call *c, struct jval root, struct str body, struct chunk *ch,
    struct err *err)
{
	if (!note_reply(c, root, body, ch, err))
		return false;
	c->finished = true;
	if (c->ask->mode == MODE_EMBEDDINGS) {
		c->usage.prompt_tokens += c->usage.completion_tokens;
		c->usage.completion_tokens = 0;
	}
	return true;
}

static enum step decode(struct call *c, struct str body, struct buf *out, struct err *err)
{
	struct jval root;
	struct chunk ch;

	if (jscan_value(body, &root) && root.type == J_OBJECT &&
	    !read_whole(c, root, body, &ch, err))
		return STEP_FAILED;
	buf_add(out, body);
	if (!buf_ok(out)) {
		(void)err_set(err, ERR_UPSTREAM_BODY, "the upstream's reply is too large");
		return STEP_FAILED;
	}
	return STEP_DONE;
}

/* ---- streams ----------------------------------------------------------------------------- */

static void forward(struct buf *out, struct str data)
{
	struct str line;

	if (!memchr(data.p, '\n', data.n)) {
		buf_add(out, STR("data: "));
		buf_add(out, data);
		buf_add(out, STR("\n\n"));
		return;
	}
	while (str_next(&data, '\n', &line)) {
		buf_add(out, STR("data: "));
		buf_add(out, line);
		buf_add_char(out, '\n');
	}
	buf_add_char(out, '\n');
}

static void send_done(struct call *c, struct buf *out)
{
	if (!c->done_sent)
		buf_add(out, STR("data: [DONE]\n\n"));
	c->done_sent = true;
}

/* Chunks without a choice: usage goes to those who asked, Azure's prompt filter to nobody. */
static bool is_for_client(const struct call *c, const struct chunk *ch)
{
	bool lists_none = ch->choices.type == J_ARRAY || ch->choices.type == J_NULL;

	if (ch->has_choice)
		return true;
	if (ch->usage.type == J_OBJECT)
		return c->ask->wants_usage;
	return !lists_none;
}

/* An error beside `choices` in Groq's own member. */
static void note_groq_error(struct call *c, const struct chunk *ch)
{
	struct jval error;

	if (ch->groq.type != J_OBJECT || !jscan_member(ch->groq, STR("error"), &error) ||
	    !adaptor_error_inside(ch->groq, ch->groq.text, &c->failure))
		return;
	adaptor_scrub(c, &c->failure);
	c->failed = true;
}

static bool on_event(struct call *c, const struct frame_event *event, struct buf *out,
    struct err *err)
{
	struct str data = str_trim(event->data);
	struct jval root;
	struct chunk ch;

	if (data.n == 0 || c->failed)
		return true;
	if (str_eq(data, STR("[DONE]"))) {
		c->finished = true;
		send_done(c, out);
		return true;
	}
	if (!jscan_value(data, &root) || root.type != J_OBJECT) {
		if (!c->done_sent)
			forward(out, data);
		return true;
	}
	if (!note_reply(c, root, data, &ch, &c->failure)) {
		c->failed = true;
		return true;
	}
	note_groq_error(c, &ch);
	if (!c->failed && !c->done_sent && is_for_client(c, &ch))
		forward(out, data);
	return true;
}

static bool on_end(struct call *c, struct buf *out, struct err *err)
{
	if (!c->finished)
		return err_set(err, ERR_UPSTREAM_TRUNCATED,
		    "the upstream's stream ended before its reply was complete");
	send_done(c, out);
	return true;
}

/* ---- a whole reply where a stream was asked for --------------------------------------------- */

/* Members of the reply that every chunk repeats, then `"choices":[`. */
static void open_chunk(const struct call *c, struct buf *out, struct jval root)
{
	static const struct str kept[] = {
		STR_INIT("id"),
		STR_INIT("created"),
		STR_INIT("model"),
		STR_INIT("system_fingerprint"),
		STR_INIT("service_tier"),
	};
	struct jval value;

	buf_add_c(out,
	    c->ask->mode == MODE_CHAT ? "data: {\"object\":\"chat.completion.chunk\""
	                              : "data: {\"object\":\"text_completion\"");
	for (size_t i = 0; i < COUNT_OF(kept); i++) {
		if (!jscan_member(root, kept[i], &value))
			continue;
		buf_addf(out, ",\"%.*s\":", STR_ARG(kept[i]));
		buf_add(out, value.text);
	}
	buf_add(out, STR(",\"choices\":["));
}

/* Calls of a message have no index; calls of a delta need one (R6). */
static void add_indexed_calls(struct buf *out, struct jval calls)
{
	struct jiter it = jscan_iter(calls), members;
	struct jval call, value;
	struct str name;
	int index = 0;

	buf_add_char(out, '[');
	while (jscan_next_item(&it, &call)) {
		if (call.type != J_OBJECT)
			continue;
		json_add_comma(out);
		buf_addf(out, "{\"index\":%d", index++);
		members = jscan_iter(call);
		while (jscan_next_member(&members, &name, &value)) {
			if (str_eq(name, STR("index")))
				continue;
			buf_addf(out, ",\"%.*s\":", STR_ARG(name));
			buf_add(out, value.text);
		}
		buf_add_char(out, '}');
	}
	buf_add_char(out, ']');
}

static void add_delta(struct buf *out, struct jval message)
{
	struct jiter it = jscan_iter(message);
	struct jval value;
	struct str name;

	buf_add(out, STR("\"delta\":{"));
	while (message.type == J_OBJECT && jscan_next_member(&it, &name, &value)) {
		json_add_comma(out);
		buf_addf(out, "\"%.*s\":", STR_ARG(name));
		if (str_eq(name, STR("tool_calls")) && value.type == J_ARRAY)
			add_indexed_calls(out, value);
		else
			buf_add(out, value.text);
	}
	buf_add_char(out, '}');
}

static void add_said(const struct call *c, struct buf *out, struct jval choice)
{
	struct jval v;

	if (c->ask->mode == MODE_CHAT) {
		(void)jscan_member(choice, STR("message"), &v);
		add_delta(out, v);
	} else {
		buf_add(out, STR("\"text\":"));
		buf_add(out, jscan_member(choice, STR("text"), &v) ? v.text : STR("\"\""));
	}
	if (jscan_member(choice, STR("logprobs"), &v)) {
		buf_add(out, STR(",\"logprobs\":"));
		buf_add(out, v.text);
	}
}

/* One choice as two chunks: all that was said, then how it ended. */
static void add_choice(const struct call *c, struct buf *out, struct jval root, struct jval choice,
    int64_t position)
{
	struct jval v;
	int64_t index = position;
	struct str finish = STR("\"stop\"");

	if (jscan_member(choice, STR("index"), &v))
		(void)jscan_int(v, 0, INT32_MAX, &index);
	open_chunk(c, out, root);
	buf_addf(out, "{\"index\":%d,", (int)index);
	add_said(c, out, choice);
	buf_add(out, STR(",\"finish_reason\":null}]}\n\n"));

	if (jscan_member(choice, STR("finish_reason"), &v) && v.type == J_STRING && v.text.n > 2)
		finish = v.text;
	open_chunk(c, out, root);
	buf_addf(out, "{\"index\":%d,%s,\"finish_reason\":%.*s}]}\n\n", (int)index,
	    c->ask->mode == MODE_CHAT ? "\"delta\":{}" : "\"text\":\"\"", STR_ARG(finish));
}

static bool refuse_whole(const struct call *c, bool is_object, struct err *err)
{
	(void)err_set(err, ERR_UPSTREAM_BODY,
	    is_object ? "the upstream answered without a completion"
	              : "the upstream did not answer with an event stream");
	err->upstream_status = 200;
	memcpy(err->code, "bad_response_content_type", sizeof("bad_response_content_type"));
	adaptor_scrub(c, err);
	return false;
}

bool openai_stream_from_whole(struct call *c, struct str body, struct buf *out, struct err *err)
{
	struct jval root, choice;
	struct chunk ch;
	struct jiter it;

	if (!jscan_value(body, &root) || root.type != J_OBJECT)
		return refuse_whole(c, false, err);
	if (!read_whole(c, root, body, &ch, err))
		return false;
	if (!ch.has_choice)
		return refuse_whole(c, true, err);
	it = jscan_iter(ch.choices);
	for (int64_t i = 0; jscan_next_item(&it, &choice); i++)
		if (choice.type == J_OBJECT)
			add_choice(c, out, root, choice, i);
	if (c->ask->wants_usage && ch.usage.type == J_OBJECT) {
		open_chunk(c, out, root);
		buf_add(out, STR("],\"usage\":"));
		buf_add(out, ch.usage.text);
		buf_add(out, STR("}\n\n"));
	}
	send_done(c, out);
	return buf_ok(out) || err_set(err, ERR_UPSTREAM_BODY, "the upstream's reply is too large");
}

/* ---- errors ------------------------------------------------------------------------------ */

static void error(struct call *c, int status, struct str body, struct err *err)
{
	adaptor_error(status, body, err);
	adaptor_scrub(c, err);
}

const struct adaptor openai_adaptor = {
	.name = "openai",
	.modes = 1u << MODE_CHAT | 1u << MODE_COMPLETIONS | 1u << MODE_EMBEDDINGS,
	.frame_init = sse_init,
	.stream_type = "text/event-stream",
	.encode = encode,
	.decode = decode,
	.on_event = on_event,
	.on_end = on_end,
	.error = error,
};
