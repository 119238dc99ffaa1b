/* openai_reply.c — what is read of a reply that passes through, and whole replies
 *
 * Nothing is changed here. Usage is taken where it is reported; what the model wrote is metered, for
 * those that report none; images are counted, and audio is measured by what the reply says of its
 * length: usage.seconds, the duration of verbose_json, or the end of the last subtitle.
 */
#include "provider/openai.h"

#include <string.h>

#include "base/clock.h"
#include "provider/openai_manners.h"
#include "provider/providers.h"

/* ---- text -------------------------------------------------------------------------------- */

void openai_meter(struct call *c, struct jval v)
{
	if (v.type != J_STRING || v.text.n <= 2)
		return;
	if (adaptor_counts(c))
		token_meter_add_json(&c->meter, v);
	c->pieces++;
}

/* One of the texts of a reply; nothing is no turn. */
static void meter_as(struct call *c, enum token_turn turn, struct jval v)
{
	if (v.type != J_STRING || v.text.n <= 2)
		return;
	token_meter_turn(&c->meter, turn);
	openai_meter(c, v);
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
		if (value.type == J_OBJECT) {
			token_meter_turn(&c->meter, TURN_ARGUMENTS);
			token_meter_add(&c->meter, value.text);
		} else {
			meter_as(c, str_eq(name, STR("name")) ? TURN_NAME : TURN_ARGUMENTS, value);
		}
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
			meter_as(c, TURN_CONTENT, text);
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
		else if (str_eq(name, STR("content")))
			meter_as(c, TURN_CONTENT, value);
		else if (str_eq(name, STR("refusal")))
			meter_as(c, TURN_REFUSAL, value);
		else if (str_eq(name, STR("reasoning_content")) ||
		    (str_eq(name, STR("reasoning")) && reasoning.type != J_STRING))
			reasoning = value;
		else if (str_eq(name, STR("tool_calls")))
			meter_calls(c, value);
		else if (str_eq(name, STR("function_call")))
			meter_function(c, value);
	}
	meter_as(c, TURN_REASONING, reasoning);
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
			openai_meter(c, value);
		else if (str_eq(name, STR("finish_reason")) && value.type == J_STRING &&
		    value.text.n > 2)
			c->finished = true;
		else if (str_eq(name, STR("usage")) && !c->usage.reported)
			(void)openai_note_usage(c, value);
	}
}

/* ---- usage ------------------------------------------------------------------------------- */

static void note_seconds(struct call *c, struct jval v)
{
	struct jval number = { J_NUMBER, { 0 } };
	double seconds;

	if (v.type == J_STRING && v.text.n > 2) /* whisper writes its duration as text */
		number.text = str_slice(v.text, 1, v.text.n - 1);
	else if (v.type == J_NUMBER)
		number = v;
	if (number.text.n && jscan_double(number, &seconds) && seconds > 0 && seconds < 1e6)
		c->usage.audio_ms = (int64_t)(seconds * 1000 + 0.5);
}

/* The later report wins, since some upstreams send a running sum with every chunk; of several images
 * of a stream, the larger. False when it is no report. */
bool openai_note_usage(struct call *c, struct jval usage)
{
	const struct usage *old = &c->usage;
	struct usage u;
	struct jval seconds;

	if (openai_is_transcript(c->ask->mode) && usage.type == J_OBJECT &&
	    jscan_member(usage, STR("seconds"), &seconds))
		note_seconds(c, seconds);
	if (!adaptor_usage(usage, &u))
		return false;
	if (!u.reported || (old->images > 0 && old->completion_tokens > u.completion_tokens))
		return true;
	u.images = old->images;
	u.characters = old->characters;
	u.audio_ms = old->audio_ms;
	c->usage = u;
	return true;
}

static void read_chunk(struct jval root, struct openai_chunk *ch)
{
	struct jiter it = jscan_iter(root);
	struct jval value;
	struct str name;

	*ch = (struct openai_chunk){ 0 };
	while (jscan_next_member(&it, &name, &value)) {
		if (str_eq(name, STR("choices")))
			ch->choices = value;
		else if (str_eq(name, STR("id")))
			ch->id = value;
		else if (str_eq(name, STR("usage")))
			ch->usage = value;
		else if (str_eq(name, STR("error")))
			ch->error = value;
		else if (str_eq(name, STR("base_resp")))
			ch->base_resp = value;
		else if (str_eq(name, STR("x_groq")))
			ch->groq = value;
		else if (str_eq(name, STR("type")))
			ch->type = value;
		else if (str_eq(name, STR("object")))
			ch->is_error = str_eq(value.text, STR("\"error\""));
	}
}

/* Old models of Groq report only in a member of Groq's own. */
static void note_usage(struct call *c, const struct openai_chunk *ch)
{
	struct jval inner;

	if (!openai_note_usage(c, ch->usage) && ch->groq.type == J_OBJECT &&
	    jscan_member(ch->groq, STR("usage"), &inner))
		(void)openai_note_usage(c, inner);
}

static void note_choices(struct call *c, struct openai_chunk *ch)
{
	struct jiter it;
	struct jval choice;

	if (ch->choices.type != J_ARRAY)
		return;
	it = jscan_iter(ch->choices);
	while (jscan_next_item(&it, &choice)) {
		if (ch->has_choice)
			token_meter_break(&c->meter);
		ch->has_choice = true;
		note_choice(c, choice);
	}
}

/* ---- errors inside ------------------------------------------------------------------------- */

/* Codes of a response that failed, as the statuses they would have had (openai-responses.md
 * section 5). */
static int status_of_code(struct jval code)
{
	static const struct {
		struct str code;
		int status;
	} known[] = {
		{ STR_INIT("rate_limit_exceeded"), 429 },
		{ STR_INIT("insufficient_quota"), 402 },
		{ STR_INIT("invalid_prompt"), 400 },
		{ STR_INIT("context_length_exceeded"), 400 },
		{ STR_INIT("content_filter"), 400 },
		{ STR_INIT("invalid_api_key"), 401 },
		{ STR_INIT("server_is_overloaded"), 503 },
		{ STR_INIT("slow_down"), 503 },
	};

	for (size_t i = 0; i < COUNT_OF(known); i++)
		if (jscan_is(code, known[i].code))
			return known[i].status;
	return str_has(code.text, STR("image")) ? 400 : 502;
}

void openai_response_error(const struct call *c, struct jval error, struct err *err)
{
	struct jval code = { 0 };

	if (!jscan_member(error, STR("code"), &code) || code.type != J_STRING)
		(void)jscan_member(error, STR("type"), &code);
	adaptor_error(status_of_code(code), error.text, err);
	err->upstream_status = 200;
	adaptor_scrub(c, err);
}

static bool note_error(struct call *c, struct jval root, struct str body,
    const struct openai_chunk *ch, struct err *err)
{
	bool suspect = ch->is_error || ch->error.type == J_OBJECT || ch->error.type == J_STRING ||
	    ch->base_resp.type == J_OBJECT;

	if (!suspect)
		return false;
	if (c->ask->mode == MODE_RESPONSES && ch->error.type == J_OBJECT) {
		openai_response_error(c, ch->error, err);
		return true;
	}
	if (!adaptor_error_inside(root, body, err))
		return false;
	adaptor_scrub(c, err);
	return true;
}

bool openai_object(struct str body, struct jval *root)
{
	body = str_trim(body);
	if (body.n >= 2 && body.p[0] == '{' && body.p[body.n - 1] == '}' &&
	    !memchr(body.p, '\0', body.n)) {
		*root = (struct jval){ J_OBJECT, body };
		return true;
	}
	return jscan_value(body, root) && root->type == J_OBJECT;
}

bool openai_note(struct call *c, struct jval root, struct str body, struct openai_chunk *ch,
    struct err *err)
{
	read_chunk(root, ch);
	note_usage(c, ch);
	if (note_error(c, root, body, ch, err))
		return false;
	note_choices(c, ch);
	return true;
}

/* ---- whole replies, by mode ---------------------------------------------------------------- */

/* Is what the upstream made to be found there again? */
static bool is_kept(const struct call *c)
{
	struct jval store;

	return !jscan_member(c->ask->root, STR("store"), &store) || store.type != J_FALSE;
}

void openai_note_id(struct call *c, struct jval id)
{
	struct openai_state *s = c->state;
	struct str text = id.text;

	if (c->resource_id.n || id.type != J_STRING || text.n < 3 || !is_kept(c))
		return;
	text = str_slice(text, 1, text.n - 1);
	if (str_find(text, '\\') < text.n)
		return;
	if (s && text.n < sizeof(s->id)) {
		memcpy(s->id, text.p, text.n);
		c->resource_id = (struct str){ s->id, text.n };
	}
}

struct str openai_resource_id(struct arena *a, struct str body)
{
	struct jval root, id;

	if (jscan_value(body, &root) && root.type == J_OBJECT && jscan_member(root, STR("id"), &id))
		return jscan_text(a, id);
	return STR("");
}

static void meter_strings(struct call *c, struct jval item)
{
	static const struct str written[] = {
		STR_INIT("text"),
		STR_INIT("refusal"),
		STR_INIT("arguments"),
		STR_INIT("input"),
		STR_INIT("name"),
	};
	struct jiter it = jscan_iter(item);
	struct jval value;
	struct str name;

	while (item.type == J_OBJECT && jscan_next_member(&it, &name, &value))
		for (size_t i = 0; i < COUNT_OF(written); i++)
			if (str_eq(name, written[i]))
				openai_meter(c, value);
}

/* An item of a response's output: its own text, and that of its parts and summaries. */
static void meter_item(struct call *c, struct jval item)
{
	struct jiter it, parts;
	struct jval value, part;
	struct str name;

	meter_strings(c, item);
	it = jscan_iter(item);
	while (item.type == J_OBJECT && jscan_next_member(&it, &name, &value)) {
		if (value.type != J_ARRAY)
			continue;
		parts = jscan_iter(value);
		while (jscan_next_item(&parts, &part))
			meter_strings(c, part);
	}
}

static bool note_response(struct call *c, struct jval root, struct err *err)
{
	struct jval v, item;
	struct jiter it;

	if (c->ask->mode == MODE_RESPONSES && jscan_member(root, STR("id"), &v))
		openai_note_id(c, v);
	if (c->usage.reported || !jscan_member(root, STR("output"), &v) || v.type != J_ARRAY)
		return true;
	it = jscan_iter(v);
	while (jscan_next_item(&it, &item))
		meter_item(c, item);
	return true;
}

/* What was not delivered is not charged, and may come from another channel. */
static bool note_images(struct call *c, struct jval root, struct err *err)
{
	struct jval v;

	if ((jscan_member(root, STR("data"), &v) || jscan_member(root, STR("images"), &v)) &&
	    v.type == J_ARRAY)
		c->usage.images = (int64_t)jscan_count(v);
	return c->usage.images > 0 ||
	    err_set(err, ERR_UPSTREAM_BODY, "the upstream answered without an image");
}

static bool note_transcript(struct call *c, struct jval root, struct err *err)
{
	struct jval v;

	if (jscan_member(root, STR("text"), &v))
		openai_meter(c, v);
	if (c->usage.audio_ms == 0 && jscan_member(root, STR("duration"), &v))
		note_seconds(c, v);
	return true;
}

/* A report of only a sum: nothing was written. */
static bool note_input_only(struct call *c, struct jval root, struct err *err)
{
	c->usage.prompt_tokens += c->usage.completion_tokens;
	c->usage.completion_tokens = 0;
	return true;
}

static bool (*const whole_notes[MODE_COUNT])(struct call *, struct jval, struct err *) = {
	[MODE_EMBEDDINGS] = note_input_only,
	[MODE_MODERATIONS] = note_input_only,
	[MODE_RERANK] = note_input_only,
	[MODE_IMAGES] = note_images,
	[MODE_IMAGE_EDITS] = note_images,
	[MODE_IMAGE_VARIATIONS] = note_images,
	[MODE_TRANSCRIPTION] = note_transcript,
	[MODE_TRANSLATION] = note_transcript,
	[MODE_RESPONSES] = note_response,
	[MODE_RESPONSES_COMPACT] = note_response,
};

bool openai_note_whole(struct call *c, struct jval root, struct str body, struct openai_chunk *ch,
    struct err *err)
{
	enum mode mode = c->ask->mode;

	if (!openai_note(c, root, body, ch, err))
		return false;
	c->finished = true;
	return !whole_notes[mode] || whole_notes[mode](c, root, err);
}

/* ---- whole replies ------------------------------------------------------------------------- */

static bool note_plain(struct call *c, struct str body, struct err *err)
{
	if (whole_notes[c->ask->mode] == note_images)
		return err_set(err, ERR_UPSTREAM_BODY, "the upstream answered without an image");
	c->finished = true;
	if (!openai_is_transcript(c->ask->mode))
		return true;
	if (str_has(body, STR("-->"))) {
		openai_note_cues(c, body);
	} else {
		token_meter_add(&c->meter, str_trim(body));
		c->pieces++;
	}
	return true;
}

/* {"images":[{"url":…}], …} as OpenAI says it. */
static bool rename_images(const struct call *c, struct jval root, struct buf *out)
{
	struct jval images, data;

	if (!(c->provider->quirks & QUIRK_IMAGE_NAMES) || c->ask->mode != MODE_IMAGES ||
	    !jscan_member(root, STR("images"), &images) || jscan_member(root, STR("data"), &data))
		return false;
	buf_addf(out, "{\"created\":%lld,\"data\":", (long long)clock_unix());
	buf_add(out, images.text);
	buf_add_char(out, '}');
	return true;
}

enum step openai_decode(struct call *c, struct str body, struct buf *out, struct err *err)
{
	struct openai_chunk ch;
	struct jval root;
	bool is_object;

	if (openai_fetches(c))
		return openai_take_picture(c, body, out, err);
	body = openai_repair(c, body);
	is_object = openai_object(body, &root);

	if (is_object ? !openai_note_whole(c, root, body, &ch, err) : !note_plain(c, body, err))
		return STEP_FAILED;
	if (is_object && openai_wants_pictures(c))
		return openai_begin_pictures(c, root, err);
	if (!is_object || !rename_images(c, root, out))
		buf_add(out, body);
	return adaptor_done(buf_ok(out), err);
}
