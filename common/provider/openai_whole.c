/* openai_whole.c — a whole reply where a stream was asked for, as the events it would have been
 *
 * Some upstreams ignore `stream`; the client that asked for one gets one. What is not the object
 * that the mode promises is refused before any byte.
 */
#include "provider/openai.h"

#include <string.h>

#include "base/json.h"
#include "provider/openai_manners.h"

/* Line ends between the members of a pretty-printed reply would end the event's line. */
static void add_one_line(struct buf *out, struct str json)
{
	struct str line, piece;

	while (str_next(&json, '\n', &line))
		while (str_next(&line, '\r', &piece))
			buf_add(out, piece);
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

/* ---- completions ------------------------------------------------------------------------- */

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
		add_one_line(out, value.text);
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
			add_one_line(out, value.text);
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
			add_one_line(out, value.text);
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
		add_one_line(out, v.text);
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

static bool stream_completion(struct call *c, struct jval root, const struct openai_chunk *ch,
    struct buf *out, struct err *err)
{
	struct jiter it = jscan_iter(ch->choices);
	struct jval choice;

	if (!ch->has_choice)
		return refuse_whole(c, true, err);
	for (int64_t i = 0; jscan_next_item(&it, &choice); i++)
		if (choice.type == J_OBJECT)
			add_choice(c, out, root, choice, i);
	if (c->ask->wants_usage && ch->usage.type == J_OBJECT) {
		open_chunk(c, out, root);
		buf_add(out, STR("],\"usage\":"));
		add_one_line(out, ch->usage.text);
		buf_add(out, STR("}\n\n"));
	}
	return true;
}

/* ---- the other modes --------------------------------------------------------------------- */

/* Accumulators of clients want a beginning as well as an end. */
static bool stream_response(struct call *c, struct jval root, const struct openai_chunk *ch,
    struct buf *out, struct err *err)
{
	static const char *const events[] = { "response.created", "response.completed" };
	struct jval status;
	bool incomplete =
	    jscan_member(root, STR("status"), &status) && jscan_is(status, STR("incomplete"));

	if (!jscan_member(root, STR("output"), &status))
		return refuse_whole(c, true, err);
	for (size_t i = 0; i < COUNT_OF(events); i++) {
		const char *type = i && incomplete ? "response.incomplete" : events[i];

		buf_addf(out,
		    "event: %s\ndata: {\"type\":\"%s\",\"sequence_number\":%zu,\"response\":", type,
		    type, i);
		add_one_line(out, root.text);
		buf_add(out, STR("}\n\n"));
	}
	return true;
}

/* {"type":…, and then the members of an object. */
static void add_typed(struct buf *out, const char *type, struct jval object)
{
	struct jiter it = jscan_iter(object);
	struct jval value;
	struct str name;

	buf_addf(out, "event: %s\ndata: {\"type\":\"%s\"", type, type);
	while (object.type == J_OBJECT && jscan_next_member(&it, &name, &value)) {
		buf_addf(out, ",\"%.*s\":", STR_ARG(name));
		add_one_line(out, value.text);
	}
}

static bool stream_images(struct call *c, struct jval root, const struct openai_chunk *ch,
    struct buf *out, struct err *err)
{
	const char *type =
	    c->ask->mode == MODE_IMAGES ? "image_generation.completed" : "image_edit.completed";
	struct jval data, image;
	struct jiter it;

	if (!jscan_member(root, STR("data"), &data) || data.type != J_ARRAY)
		return refuse_whole(c, true, err);
	it = jscan_iter(data);
	for (size_t left = jscan_count(data); jscan_next_item(&it, &image); left--) {
		add_typed(out, type, image);
		if (left == 1 && ch->usage.type == J_OBJECT) {
			buf_add(out, STR(",\"usage\":"));
			add_one_line(out, ch->usage.text);
		}
		buf_add(out, STR("}\n\n"));
	}
	return true;
}

static bool stream_transcript(struct call *c, struct jval root, const struct openai_chunk *ch,
    struct buf *out, struct err *err)
{
	struct jval text;

	if (!jscan_member(root, STR("text"), &text) || text.type != J_STRING)
		return refuse_whole(c, true, err);
	add_typed(out, "transcript.text.done", root);
	buf_add(out, STR("}\n\n"));
	return true;
}

static bool (*const streams[MODE_COUNT])(struct call *, struct jval, const struct openai_chunk *,
    struct buf *, struct err *) = {
	[MODE_CHAT] = stream_completion,
	[MODE_COMPLETIONS] = stream_completion,
	[MODE_RESPONSES] = stream_response,
	[MODE_IMAGES] = stream_images,
	[MODE_IMAGE_EDITS] = stream_images,
	[MODE_TRANSCRIPTION] = stream_transcript,
};

bool openai_stream_from_whole(struct call *c, struct str body, struct buf *out, struct err *err)
{
	enum mode mode = c->ask->mode;
	struct openai_chunk ch;
	struct jval root;

	openai_state_new(c); /* what stands there may be another dialect's */
	body = openai_repair(c, body);
	if (!streams[mode] || !jscan_value(body, &root) || root.type != J_OBJECT)
		return refuse_whole(c, false, err);
	if (!openai_note_whole(c, root, body, &ch, err) || !streams[mode](c, root, &ch, out, err))
		return false;
	openai_send_done(c, out);
	return buf_ok(out) || err_set(err, ERR_UPSTREAM_BODY, "the upstream's reply is too large");
}
