/* bedrock_llama.c — Llama 3 through InvokeModel: a prompt in Meta's template, text back
 *
 * For plain conversations only; with tools, pictures, stop texts or a schema the request goes through
 * Converse. Control tokens within a client's text are taken out, or it could forge turns.
 */
#include "provider/bedrock.h"

#include "base/json.h"
#include "provider/convert.h"

#define GEN_DEFAULT 2048

/* The text without `<|…|>`, escaped into the JSON string that is open. */
static void add_plain(struct buf *out, struct str text)
{
	while (text.n) {
		size_t at = str_find_str(text, STR("<|"));
		struct str rest = str_slice(text, at, text.n);
		size_t end = str_find_str(rest, STR("|>"));

		json_add_escaped(out, str_slice(text, 0, at));
		if (at == text.n)
			return;
		/* an opening without its end loses its teeth */
		text = end < rest.n ? str_slice(rest, end + 2, rest.n) : str_slice(rest, 2, rest.n);
	}
}

static void add_header(struct buf *out, struct str role)
{
	buf_add(out, STR("<|start_header_id|>"));
	json_add_escaped(out, role);
	buf_add(out, STR("<|end_header_id|>\\n\\n"));
}

static struct str role_of(struct jval message)
{
	struct jval role = convert_member(message, STR("role"));

	if (jscan_is(role, STR("system")) || jscan_is(role, STR("developer")))
		return STR("system");
	return jscan_is(role, STR("assistant")) ? STR("assistant") : STR("user");
}

static void add_turn(struct call *c, struct buf *out, struct jval message)
{
	struct jval content = convert_member(message, STR("content")), part;
	struct jiter it = jscan_iter(content);

	add_header(out, role_of(message));
	if (content.type == J_STRING)
		add_plain(out, jscan_text(c->arena, content));
	while (content.type == J_ARRAY && jscan_next_item(&it, &part))
		add_plain(out, jscan_text(c->arena, convert_member(part, STR("text"))));
	buf_add(out, STR("<|eot_id|>"));
}

static void add_prompt(struct call *c, struct buf *out)
{
	struct jiter it = jscan_iter(c->ask->messages);
	struct jval message;

	buf_add(out, STR("{\"prompt\":\"<|begin_of_text|>"));
	if (c->system_prompt.n) {
		add_header(out, STR("system"));
		add_plain(out, c->system_prompt);
		buf_add(out, STR("<|eot_id|>"));
		c->system_prompt_reset = true;
	}
	for (size_t i = 0; jscan_next_item(&it, &message); i++)
		if (!(i == 0 && c->system_prompt.n && str_eq_c(role_of(message), "system")))
			add_turn(c, out, message);
	add_header(out, STR("assistant"));
	buf_add_char(out, '"');
}

static bool add_body(struct call *c, struct buf *body, struct err *err)
{
	static const struct str dropped[] = { STR_INIT("frequency_penalty"),
		STR_INIT("presence_penalty"), STR_INIT("seed"), STR_INIT("logit_bias"),
		STR_INIT("logprobs"), STR_INIT("top_k") };
	static const struct str names[] = { STR_INIT("temperature"), STR_INIT("top_p") };
	struct jval v[COUNT_OF(names)];
	int64_t most = c->ask->max_tokens > 0 ? c->ask->max_tokens : GEN_DEFAULT;

	if (!convert_check_chat(c, 1, TOOLS_NONE, err))
		return false;
	if (!convert_drop(c, dropped, COUNT_OF(dropped), err))
		return false;
	convert_pick(c->ask->root, names, v, COUNT_OF(v));
	add_prompt(c, body);
	buf_addf(body, ",\"max_gen_len\":%lld",
	    (long long)(most < GEN_DEFAULT ? most : GEN_DEFAULT));
	if (v[0].type == J_NUMBER)
		convert_add_raw(body, "temperature", v[0].text);
	if (v[1].type == J_NUMBER)
		convert_add_raw(body, "top_p", v[1].text);
	buf_add_char(body, '}');
	return true;
}

/* ---- reply ------------------------------------------------------------------------------- */

enum { GENERATION, PROMPT_COUNT, COUNT, REASON, METRICS, NAMES };

static bool read(struct str data, struct jval v[NAMES])
{
	static const struct str names[NAMES] = { STR_INIT("generation"),
		STR_INIT("prompt_token_count"), STR_INIT("generation_token_count"),
		STR_INIT("stop_reason"), STR_INIT("amazon-bedrock-invocationMetrics") };
	struct jval root;

	if (!jscan_value(data, &root) || root.type != J_OBJECT)
		return false;
	convert_pick(root, names, v, NAMES);
	return v[GENERATION].type == J_STRING;
}

/* The template's two line feeds come back at the front. */
static void say(struct call *c, struct bedrock *b, const struct jval v[NAMES])
{
	struct str text = jscan_text(c->arena, v[GENERATION]);

	while (!b->trimmed && text.n && text.p[0] == '\n')
		text = str_slice(text, 1, text.n);
	b->trimmed |= text.n > 0;
	sink_text(&b->sink, text);
	if (v[PROMPT_COUNT].type == J_NUMBER)
		b->usage.prompt_tokens = convert_count(v[PROMPT_COUNT]);
	if (v[COUNT].type == J_NUMBER)
		b->usage.completion_tokens = convert_count(v[COUNT]);
	if (v[REASON].type == J_STRING)
		b->finish = jscan_is(v[REASON], STR("length")) ? "length" : "stop";
	if (!b->usage.prompt_tokens)
		b->usage.prompt_tokens =
		    convert_count(convert_member(v[METRICS], STR("inputTokenCount")));
}

static enum step decode(struct call *c, struct str body, struct buf *out, struct err *err)
{
	struct bedrock *b = c->state;
	struct jval v[NAMES];

	if (!read(body, v)) {
		(void)err_set(err, ERR_UPSTREAM_BODY, "the upstream's reply is not complete");
		return STEP_FAILED;
	}
	sink_init(&b->sink, c->arena, out, c->ask, b->request_id);
	say(c, b, v);
	bedrock_finish(c, b);
	return STEP_DONE;
}

static bool event(struct call *c, struct str name, struct str data, struct buf *out,
    struct err *err)
{
	struct bedrock *b = c->state;
	struct jval v[NAMES];

	if (!read(data, v))
		return err_set(err, ERR_UPSTREAM_BODY, "the upstream sent a chunk without text");
	sink_role(&b->sink);
	say(c, b, v);
	bedrock_note_meter(c, b);
	c->usage.prompt_tokens = b->usage.prompt_tokens;
	return true;
}

static bool end(struct call *c, struct buf *out, struct err *err)
{
	struct bedrock *b = c->state;

	if (!b->finish)
		return err_set(err, ERR_UPSTREAM_TRUNCATED,
		    "the upstream's stream ended before its reply was complete");
	bedrock_finish(c, b);
	return true;
}

const struct bedrock_surface bedrock_llama = { "invoke", "invoke-with-response-stream", add_body,
	decode, event, end };
