/* openai_stream.c — events of every mode, forwarded as they came
 *
 * Two families. Completions stream chunks of choices and end with [DONE]; not forwarded are a
 * usage-only chunk nobody asked for, Azure's first chunk (no choices, no usage) and a second [DONE].
 * Everything else (responses, images, speech, transcripts) streams events that name their type,
 * keeps the event line, and ends with an event of its own instead of [DONE].
 *
 * Errors inside a stream are failures of the call. What a response says of its own failure is
 * forwarded as well, masked, since clients of that API wait for such an event; done_sent then tells
 * that nothing may follow.
 */
#include "provider/openai.h"

#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "provider/catalog.h"
#include "provider/convert.h"
#include "provider/openai_manners.h"
#include "provider/providers.h"
#include "provider/sink.h"

/* ---- writing ----------------------------------------------------------------------------- */

static void forward(struct buf *out, struct str name, struct str data)
{
	struct str line;

	if (name.n) {
		buf_add(out, STR("event: "));
		buf_add(out, name);
		buf_add_char(out, '\n');
	}
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

/* Asked for, and the upstream counted nothing: the client is told what it is charged. */
static void add_usage(const struct call *c, struct buf *out)
{
	const struct openai_state *s = c->state;
	struct usage shown = adaptor_usage_shown(c);

	buf_addf(out,
	    "data: {\"id\":\"%s\",\"object\":\"%s\",\"created\":%lld,\"model\":", s ? s->id : "",
	    c->ask->mode == MODE_CHAT ? "chat.completion.chunk" : "text_completion",
	    (long long)clock_unix());
	json_add_str(out, c->ask->model);
	buf_add(out, STR(",\"choices\":[],\"usage\":"));
	sink_usage(out, &shown);
	buf_add(out, STR("}\n\n"));
}

void openai_send_done(struct call *c, struct buf *out)
{
	if (!c->done_sent && openai_is_completion(c->ask->mode)) {
		if (c->ask->wants_usage && !c->usage.reported)
			add_usage(c, out);
		buf_add(out, STR("data: [DONE]\n\n"));
	}
	c->done_sent = true;
}

/* Chunks without a choice: usage goes to those who asked, Azure's prompt filter to nobody. */
static bool is_for_client(const struct call *c, const struct openai_chunk *ch)
{
	bool lists_none = ch->choices.type == J_ARRAY || ch->choices.type == J_NULL;

	if (ch->has_choice)
		return true;
	if (ch->usage.type == J_OBJECT)
		return c->ask->wants_usage;
	return !lists_none;
}

/* An error beside `choices` in Groq's own member. */
static void note_groq_error(struct call *c, const struct openai_chunk *ch)
{
	struct jval error;

	if (ch->groq.type != J_OBJECT || !jscan_member(ch->groq, STR("error"), &error) ||
	    !adaptor_error_inside(ch->groq, ch->groq.text, &c->failure))
		return;
	adaptor_scrub(c, &c->failure);
	c->failed = true;
}

/* ---- chunks ------------------------------------------------------------------------------ */

/* One id for all chunks, those of ours among them. */
static void keep_id(struct openai_state *s, struct jval id)
{
	struct str text = convert_inside(id);

	if (!s || s->id[0] || text.n >= sizeof(s->id))
		return;
	memcpy(s->id, text.p, text.n);
	s->id[text.n] = '\0';
}

static void on_chunk(struct call *c, struct jval root, struct str data, struct buf *out)
{
	struct openai_chunk ch;

	if (!openai_note(c, root, data, &ch, &c->failure)) {
		c->failed = true;
		return;
	}
	note_groq_error(c, &ch);
	keep_id(c->state, ch.id);
	if (!c->failed && is_for_client(c, &ch))
		forward(out, STR(""), data);
}

/* ---- events with a type -------------------------------------------------------------------- */

/* Events after which a stream is complete. */
static const struct str last_events[] = {
	STR_INIT("response.completed"),
	STR_INIT("response.incomplete"),
	STR_INIT("response.failed"),
	STR_INIT("image_generation.completed"),
	STR_INIT("image_edit.completed"),
	STR_INIT("transcript.text.done"),
	STR_INIT("transcription.done"),
	STR_INIT("speech.audio.done"),
};

static bool is_last(struct jval type)
{
	for (size_t i = 0; i < COUNT_OF(last_events); i++)
		if (jscan_is(type, last_events[i]))
			return true;
	return false;
}

static bool ends_with(struct jval type, struct str ending)
{
	return type.type == J_STRING && type.text.n > 2 &&
	    str_ends(str_slice(type.text, 1, type.text.n - 1), ending);
}

/* One of several images is not the end. */
static void note_last(struct call *c, struct jval type)
{
	c->finished = true;
	if (jscan_is(type, STR("image_generation.completed")) ||
	    jscan_is(type, STR("image_edit.completed")))
		c->usage.images++;
	c->done_sent = c->usage.images == 0 || c->usage.images >= c->ask->n;
}

/* The event as the client may read it: with the message of the failure that we made of it. The
 * object that holds the message is the event itself, its error, or its response's. */
static void forward_failure(struct call *c, struct jval root, struct jval holder, struct str name,
    struct buf *out)
{
	struct buf text = buf_init(sizeof(c->failure.msg) * 6 + 2);
	struct buf code = buf_init(sizeof(c->failure.code) * 6 + 2);
	struct buf edited = buf_init(root.text.n + text.limit + code.limit + 64);
	struct jedit e = jedit_new(c->arena, root);

	json_add_str(&text, str_c(c->failure.msg));
	json_add_str(&code, str_c(err_code(&c->failure)));
	jedit_set(&e, holder, STR("message"), buf_str(&text));
	jedit_set(&e, holder, STR("code"), buf_str(&code));
	jedit_apply(&e, &edited);
	if (buf_ok(&edited))
		forward(out, name, buf_str(&edited));
	buf_release(&edited);
	buf_release(&code);
	buf_release(&text);
	c->done_sent = buf_ok(out);
}

/* response.failed and error of the Responses API. */
static bool on_failed_response(struct call *c, struct jval root, struct jval type,
    const struct frame_event *event, struct buf *out)
{
	struct jval holder, usage;

	if (jscan_is(type, STR("response.failed"))) {
		if (!jscan_at(root, "response.error", &holder) || holder.type != J_OBJECT)
			return false;
		if (jscan_at(root, "response.usage", &usage))
			(void)openai_note_usage(c, usage);
	} else if (jscan_is(type, STR("error"))) {
		if (!jscan_member(root, STR("error"), &holder) || holder.type != J_OBJECT)
			holder = root;
	} else {
		return false;
	}
	openai_response_error(c, holder, &c->failure);
	c->failed = c->finished = true;
	forward_failure(c, root, holder, event->name, out);
	return true;
}

static void note_response(struct call *c, struct jval root)
{
	struct jval response, v;

	if (!jscan_member(root, STR("response"), &response) || response.type != J_OBJECT)
		return;
	if (jscan_member(response, STR("id"), &v))
		openai_note_id(c, v);
	if (jscan_member(response, STR("usage"), &v))
		(void)openai_note_usage(c, v);
}

static void on_typed(struct call *c, struct jval root, const struct frame_event *event,
    struct str data, struct buf *out)
{
	bool responses = c->ask->mode == MODE_RESPONSES;
	struct openai_state *s = c->state;
	struct openai_chunk ch;
	struct jval type = { 0 }, delta;

	(void)jscan_member(root, STR("type"), &type);
	if (responses && on_failed_response(c, root, type, event, out))
		return;
	if (!openai_note(c, root, data, &ch, &c->failure)) {
		c->failed = true;
		return;
	}
	if (ends_with(type, STR(".delta")) && jscan_member(root, STR("delta"), &delta))
		openai_meter(c, delta);
	if (responses)
		note_response(c, root);
	if (s)
		s->events++;
	forward(out, event->name, data);
	if (is_last(type))
		note_last(c, type);
}

/* ---- the stream -------------------------------------------------------------------------- */

bool openai_on_event(struct call *c, const struct frame_event *event, struct buf *out,
    struct err *err)
{
	bool completion = openai_is_completion(c->ask->mode);
	struct str data = str_trim(event->data);
	struct jval root;

	if (data.n == 0 || c->failed || (completion && c->done_sent))
		return true;
	data = completion ? openai_repair(c, data) : data;
	if (str_eq(data, STR("[DONE]"))) {
		c->finished = true;
		openai_send_done(c, out);
		return true;
	}
	if (!openai_object(data, &root)) {
		if (!c->done_sent)
			forward(out, completion ? STR("") : event->name, data);
	} else if (completion) {
		on_chunk(c, root, data, out);
	} else if (!c->done_sent) {
		on_typed(c, root, event, data, out);
	}
	return true;
}

bool openai_on_end(struct call *c, struct buf *out, struct err *err)
{
	if (!c->finished)
		return err_set(err, ERR_UPSTREAM_TRUNCATED,
		    "the upstream's stream ended before its reply was complete");
	openai_send_done(c, out);
	return true;
}

/* ---- errors of ours ------------------------------------------------------------------------ */

/* Clients of the Responses API know an end only by an event of that API. */
void openai_stream_error(const struct call *c, const struct err *err, struct buf *out)
{
	const struct openai_state *s = c->state;
	bool ours = c->provider->adaptor == &openai_adaptor && s;

	if (c->ask->mode != MODE_RESPONSES) {
		sink_error_event(out, err);
		return;
	}
	buf_addf(out,
	    "event: response.failed\ndata: {\"type\":\"response.failed\",\"sequence_number\":%lld,"
	    "\"response\":{\"id\":",
	    ours ? (long long)s->events : 0);
	json_add_str(out, c->resource_id);
	buf_add(out, STR(",\"object\":\"response\",\"status\":\"failed\",\"error\":{\"code\":"));
	json_add_str(out, str_c(err_code(err)));
	buf_add(out, STR(",\"message\":"));
	json_add_str(out, str_c(err->msg));
	buf_add(out, STR("},\"incomplete_details\":null,\"model\":"));
	json_add_str(out, c->ask->model);
	buf_add(out, STR(",\"output\":[],\"usage\":null}}\n\n"));
}
