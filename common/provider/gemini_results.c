/* gemini_results.c — results of calls as parts of Gemini's contents
 *
 * A run of results becomes one user turn, in the order of the calls; each names the function.
 */
#include "provider/gemini_contents.h"

#include "base/arena.h"
#include "base/json.h"

void gemini_note_result(struct gemini_contents *t, struct jval message, size_t index, bool older)
{
	struct arena *a = t->w->c->arena;

	if (t->result_count == t->result_cap) {
		size_t cap = t->result_cap ? t->result_cap * 2 : 8;
		struct gemini_result *grown = arena_alloc(a, cap * sizeof(*grown));

		for (size_t i = 0; i < t->result_count; i++)
			grown[i] = t->results[i];
		t->results = grown;
		t->result_cap = cap;
	}
	t->results[t->result_count++] = (struct gemini_result){
		message,
		jscan_text(a, convert_member(message, STR("tool_call_id"))),
		index,
		older,
		false,
	};
}

/* The texts of a result as one. */
static struct str result_text(struct gemini_contents *t, struct jval content)
{
	struct arena *a = t->w->c->arena;
	struct jiter it = jscan_iter(content);
	struct buf joined = buf_init(content.text.n + 1);
	struct str text;
	struct jval part;

	if (content.type != J_ARRAY)
		return jscan_text(a, content);
	while (jscan_next_item(&it, &part)) {
		if (!gemini_is_text(part))
			continue;
		if (joined.len)
			buf_add_char(&joined, '\n');
		buf_add(&joined, jscan_text(a, gemini_text_of(part)));
	}
	text = arena_str(a, buf_str(&joined));
	buf_release(&joined);
	return text;
}

static void add_response(struct gemini_contents *t, struct jval message)
{
	struct str text = result_text(t, convert_member(message, STR("content")));
	bool failed = jscan_true(convert_member(message, STR("is_error")));
	struct err ignored = { 0 };
	struct jval root = { 0 };

	json_add_name(t->out, "response");
	if (!failed && jscan_check(str_trim(text), JSON_MAX_DEPTH / 2, &root, &ignored) &&
	    root.type == J_OBJECT) {
		buf_add(t->out, root.text);
		return;
	}
	buf_add(t->out, failed ? STR("{\"error\":") : STR("{\"output\":"));
	json_add_str(t->out, text);
	buf_add_char(t->out, '}');
}

/* What of a result is no text, each as a part. inside: in the list that is open. */
static bool add_result_media(struct gemini_contents *t, const struct gemini_result *r, bool inside,
    struct err *err)
{
	struct jval content = convert_member(r->message, STR("content")), part;
	struct jiter it = jscan_iter(content);
	struct media_part m;
	const char *place;

	for (size_t i = 0; content.type == J_ARRAY && jscan_next_item(&it, &part); i++) {
		if (gemini_is_text(part))
			continue;
		place = arena_fmt(t->w->c->arena, "messages[%zu].content[%zu]", r->index, i);
		if (!inside) {
			if (!gemini_add_media(t, gemini_role_user, part, place, err))
				return false;
			continue;
		}
		if (!convert_media(t->w->c, part, place, &m, err))
			return false;
		if (m.kind == MEDIA_NONE)
			return err_set(err, ERR_INVALID_TEXT,
			    "%s: this channel cannot take such a part", place);
		json_add_comma(t->out);
		if (!gemini_add_media_part(t, &m, place, err))
			return false;
	}
	return true;
}

static bool has_media(struct jval message)
{
	struct jval content = convert_member(message, STR("content"));

	return content.type == J_ARRAY && jscan_count(content) > gemini_count_texts(content);
}

static bool add_result(struct gemini_contents *t, struct gemini_result *r, struct err *err)
{
	const struct gemini_call *call = gemini_find_call(t, r->id);
	struct jval name = convert_member(r->message, STR("name"));

	if (call && !r->older)
		name = call->name;
	if (name.type != J_STRING)
		return err_set(err, ERR_INVALID_TEXT,
		    "messages[%zu]: no earlier message has a call with this tool_call_id",
		    r->index);
	r->done = true;
	gemini_begin_part(t, gemini_role_user);
	buf_add(t->out, STR("{\"functionResponse\":{"));
	gemini_add_id(t, r->id);
	convert_add_raw(t->out, "name", name.text);
	add_response(t, r->message);
	if (t->w->model.generation >= 30 && has_media(r->message)) {
		convert_add_raw(t->out, "parts", STR("["));
		if (!add_result_media(t, r, true, err))
			return false;
		buf_add_char(t->out, ']');
	}
	buf_add(t->out, STR("}}"));
	return true;
}

/* The results of the last turn's calls, in the order of the calls. */
static bool add_in_order(struct gemini_contents *t, struct err *err)
{
	size_t from = t->call_count < GEMINI_CALLS_KEPT ? 0 : t->call_count - GEMINI_CALLS_KEPT;

	for (; from < t->call_count; from++) {
		const struct gemini_call *call = &t->calls[from % GEMINI_CALLS_KEPT];

		for (size_t i = 0; call->turn == t->last_turn && i < t->result_count; i++) {
			struct gemini_result *r = &t->results[i];

			if (r->done || r->older || !str_eq(r->id, call->id))
				continue;
			if (!add_result(t, r, err))
				return false;
			break;
		}
	}
	return true;
}

/* A run of results is complete. Older models want pictures behind all of them. */
bool gemini_flush_results(struct gemini_contents *t, struct err *err)
{
	if (t->result_count == 0)
		return true;
	if (!add_in_order(t, err))
		return false;
	for (size_t i = 0; i < t->result_count; i++)
		if (!t->results[i].done && !add_result(t, &t->results[i], err))
			return false;
	for (size_t i = 0; t->w->model.generation < 30 && i < t->result_count; i++)
		if (!add_result_media(t, &t->results[i], false, err))
			return false;
	t->result_count = 0;
	return true;
}
