/* gemini_contents.c — messages as systemInstruction and contents
 *
 * Gemini knows two roles, user and model; neighbours of one role are one turn. Results of calls stand
 * in a user turn, in the order of the calls, and name the function. A turn is opened by its first
 * part, so that what is empty leaves none. The files are listed in gemini_contents.h.
 */
#include "provider/gemini_contents.h"

#include "base/arena.h"
#include "base/json.h"

/* What Google takes in place of a signature that was lost. */
#define NO_SIGNATURE "\"skip_thought_signature_validator\""
/* The format of our own items of reasoning_details. */
#define DETAIL_FORMAT "google-gemini-v1"

const char gemini_role_user[] = "user", gemini_role_model[] = "model";

/* ---- turns and parts ---------------------------------------------------------------------- */

static void close_turn(struct gemini_contents *t)
{
	if (t->role)
		buf_add(t->out, STR("]}"));
	t->role = NULL;
}

/* The place of the next part of that role. */
void gemini_begin_part(struct gemini_contents *t, const char *role)
{
	if (t->role != role) {
		close_turn(t);
		json_add_comma(t->out);
		buf_addf(t->out, "{\"role\":\"%s\",\"parts\":[", role);
		t->role = role;
	}
	json_add_comma(t->out);
}

/* signature: a raw string, or J_NONE. */
static void add_text(struct gemini_contents *t, const char *role, struct jval text,
    struct jval signature)
{
	if (text.type != J_STRING || (text.text.n <= 2 && signature.type != J_STRING))
		return;
	gemini_begin_part(t, role);
	buf_add(t->out, STR("{\"text\":"));
	buf_add(t->out, text.text);
	if (signature.type == J_STRING)
		convert_add_raw(t->out, "thoughtSignature", signature.text);
	buf_add_char(t->out, '}');
}

/* ---- content ------------------------------------------------------------------------------ */

bool gemini_is_text(struct jval part)
{
	struct jval type = convert_member(part, STR("type"));

	return jscan_is(type, STR("text")) || jscan_is(type, STR("refusal"));
}

struct jval gemini_text_of(struct jval part)
{
	struct jval type = convert_member(part, STR("type"));

	return convert_member(part, jscan_is(type, STR("refusal")) ? STR("refusal") : STR("text"));
}

size_t gemini_count_texts(struct jval parts)
{
	struct jiter it = jscan_iter(parts);
	struct jval part;
	size_t n = 0;

	while (jscan_next_item(&it, &part))
		n += gemini_is_text(part);
	return n;
}

/* The signature belongs to the last text. */
static bool add_parts(struct gemini_contents *t, const char *role, struct jval parts,
    size_t message, struct jval signature, struct err *err)
{
	size_t left = gemini_count_texts(parts);
	struct jiter it = jscan_iter(parts);
	struct jval part, none = { 0 };

	for (size_t i = 0; jscan_next_item(&it, &part); i++) {
		if (gemini_is_text(part)) {
			add_text(t, role, gemini_text_of(part), --left ? none : signature);
			continue;
		}
		if (!gemini_add_media(t, role, part,
		        arena_fmt(t->w->c->arena, "messages[%zu].content[%zu]", message, i), err))
			return false;
	}
	return true;
}

static bool add_content(struct gemini_contents *t, const char *role, struct jval content,
    size_t message, struct jval signature, struct err *err)
{
	if (content.type == J_ARRAY && (gemini_count_texts(content) || signature.type != J_STRING))
		return add_parts(t, role, content, message, signature, err);
	if (content.type != J_STRING && signature.type == J_STRING)
		content = (struct jval){ J_STRING, STR("\"\"") };
	add_text(t, role, content, signature);
	return true;
}

/* ---- signatures --------------------------------------------------------------------------- */

static struct jval own_signature(struct jval holder)
{
	struct jval v = { 0 };

	if (holder.type == J_OBJECT)
		(void)jscan_at(holder, "extra_content.google.thought_signature", &v);
	return v.type == J_STRING && v.text.n > 2 ? v : (struct jval){ 0 };
}

/* From reasoning_details: the item of that call, id "": the one of the text. */
static struct jval detail_signature(struct arena *a, struct jval message, struct str id)
{
	struct jval list = convert_member(message, STR("reasoning_details")), item, data;
	struct jiter it = jscan_iter(list);

	while (list.type == J_ARRAY && jscan_next_item(&it, &item)) {
		if (!jscan_is(convert_member(item, STR("format")), STR(DETAIL_FORMAT)) ||
		    !str_eq(jscan_text(a, convert_member(item, STR("id"))), id))
			continue;
		data = convert_member(item, STR("data"));
		if (data.type == J_STRING && data.text.n > 2)
			return data;
	}
	return (struct jval){ 0 };
}

static struct jval signature_of(struct gemini_contents *t, struct jval message, struct jval holder,
    struct str id)
{
	struct jval v = own_signature(holder);

	return v.type == J_STRING ? v : detail_signature(t->w->c->arena, message, id);
}

/* ---- calls -------------------------------------------------------------------------------- */

static void note_call(struct gemini_contents *t, struct str id, struct jval name, size_t message)
{
	t->calls[t->call_count++ % GEMINI_CALLS_KEPT] = (struct gemini_call){ id, name, message };
	t->last_turn = message;
}

const struct gemini_call *gemini_find_call(const struct gemini_contents *t, struct str id)
{
	size_t kept = t->call_count < GEMINI_CALLS_KEPT ? t->call_count : GEMINI_CALLS_KEPT;

	for (size_t i = 1; i <= kept; i++) {
		const struct gemini_call *call = &t->calls[(t->call_count - i) % GEMINI_CALLS_KEPT];

		if (str_eq(call->id, id))
			return call;
	}
	return NULL;
}

void gemini_add_id(struct gemini_contents *t, struct str id)
{
	if (!id.n || t->w->host->is_vertex)
		return;
	convert_add_raw(t->out, "id", STR(""));
	json_add_str(t->out, id);
}

static void add_call(struct gemini_contents *t, struct jval message, struct jval call,
    struct jval function, size_t index, bool is_first)
{
	struct str id = jscan_text(t->w->c->arena, convert_member(call, STR("id")));
	struct jval name = convert_member(function, STR("name"));
	struct jval signature = signature_of(t, message, call, id);

	note_call(t, id, name, index);
	gemini_begin_part(t, gemini_role_model);
	buf_add(t->out, STR("{\"functionCall\":{"));
	gemini_add_id(t, id);
	convert_add_raw(t->out, "name", name.type == J_STRING ? name.text : STR("\"\""));
	json_add_name(t->out, "args");
	convert_add_arguments(t->out, t->w->c->arena, convert_member(function, STR("arguments")));
	buf_add_char(t->out, '}');
	if (signature.type == J_STRING)
		convert_add_raw(t->out, "thoughtSignature", signature.text);
	else if (is_first && t->w->model.generation >= 30)
		convert_add_raw(t->out, "thoughtSignature", STR(NO_SIGNATURE));
	buf_add_char(t->out, '}');
}

static bool add_calls(struct gemini_contents *t, struct jval message, size_t index, struct err *err)
{
	struct jval calls = convert_member(message, STR("tool_calls")), call, function;
	struct jval older = convert_member(message, STR("function_call"));
	struct jiter it = jscan_iter(calls);
	bool first = true;

	while (calls.type == J_ARRAY && jscan_next_item(&it, &call)) {
		function = convert_member(call, STR("function"));
		if (function.type != J_OBJECT)
			return err_set(err, ERR_INVALID_TEXT,
			    "messages[%zu].tool_calls: this channel takes calls of functions only",
			    index);
		add_call(t, message, call, function, index, first);
		first = false;
	}
	if (older.type == J_OBJECT && first)
		add_call(t, message, (struct jval){ 0 }, older, index, true);
	return true;
}

/* Pictures that the model made in an earlier turn. */
static bool add_images(struct gemini_contents *t, struct jval message, size_t index,
    struct err *err)
{
	struct jval images = convert_member(message, STR("images")), image;
	struct jiter it = jscan_iter(images);

	for (size_t i = 0; images.type == J_ARRAY && jscan_next_item(&it, &image); i++)
		if (!gemini_add_media(t, gemini_role_model, image,
		        arena_fmt(t->w->c->arena, "messages[%zu].images[%zu]", index, i), err))
			return false;
	return true;
}

static bool add_assistant(struct gemini_contents *t, struct jval message, size_t index,
    struct err *err)
{
	return add_content(t, gemini_role_model, convert_content(message), index,
	           signature_of(t, message, message, STR("")), err) &&
	    add_images(t, message, index, err) && add_calls(t, message, index, err);
}

/* ---- the system's words ------------------------------------------------------------------- */

static bool is_system(struct jval message)
{
	struct jval role = convert_member(message, STR("role"));

	return jscan_is(role, STR("system")) || jscan_is(role, STR("developer"));
}

static void add_system_text(struct buf *out, struct jval text)
{
	if (text.type != J_STRING || text.text.n <= 2)
		return;
	json_add_comma(out);
	buf_add(out, STR("{\"text\":"));
	buf_add(out, text.text);
	buf_add_char(out, '}');
}

static bool add_system_message(struct buf *out, struct jval message, size_t index, struct err *err)
{
	struct jval content = convert_member(message, STR("content")), part;
	struct jiter it = jscan_iter(content);

	add_system_text(out, content);
	for (size_t i = 0; content.type == J_ARRAY && jscan_next_item(&it, &part); i++) {
		if (!gemini_is_text(part))
			return err_set(err, ERR_INVALID_TEXT,
			    "messages[%zu].content[%zu]: a system message holds text only", index,
			    i);
		add_system_text(out, gemini_text_of(part));
	}
	return true;
}

/* The parts of all system messages; the channel's forced prompt takes the place of a leading one. */
static bool add_system_parts(struct gemini_writer *w, struct buf *out, struct err *err)
{
	struct jiter it = jscan_iter(w->c->ask->messages);
	struct str forced = w->c->system_prompt;
	struct jval message;

	if (forced.n) {
		json_add_comma(out);
		buf_add(out, STR("{\"text\":"));
		json_add_str(out, forced);
		buf_add_char(out, '}');
		w->c->system_prompt_reset = true;
	}
	for (size_t i = 0; jscan_next_item(&it, &message); i++)
		if (is_system(message) && !(i == 0 && forced.n) &&
		    !add_system_message(out, message, i, err))
			return false;
	return true;
}

static bool add_instruction(struct gemini_writer *w, struct err *err)
{
	size_t start = w->out->len, before;

	convert_add_raw(w->out, "systemInstruction", STR("{\"parts\":["));
	before = w->out->len;
	if (!add_system_parts(w, w->out, err))
		return false;
	if (w->out->len == before)
		buf_truncate(w->out, start);
	else
		buf_add(w->out, STR("]}"));
	return true;
}

/* For models that know no system: at the head of the first turn, which is the user's. */
static bool add_system_turn(struct gemini_contents *t, struct err *err)
{
	size_t start = t->out->len, before;

	gemini_begin_part(t, gemini_role_user);
	before = t->out->len;
	if (!add_system_parts(t->w, t->out, err))
		return false;
	if (t->out->len == before) {
		buf_truncate(t->out, start);
		t->role = NULL;
	}
	return true;
}

/* ---- the whole ---------------------------------------------------------------------------- */

static bool add_message(struct gemini_contents *t, struct jval message, size_t index,
    struct err *err)
{
	struct jval role = convert_member(message, STR("role")), none = { 0 };
	bool older = jscan_is(role, STR("function"));

	if (older || jscan_is(role, STR("tool"))) {
		gemini_note_result(t, message, index, older);
		return true;
	}
	if (is_system(message))
		return true;
	if (!gemini_flush_results(t, err))
		return false;
	if (jscan_is(role, STR("assistant")))
		return add_assistant(t, message, index, err);
	return add_content(t, gemini_role_user, convert_member(message, STR("content")), index,
	    none, err);
}

static bool add_contents(struct gemini_contents *t, struct err *err)
{
	struct jiter it = jscan_iter(t->w->c->ask->messages);
	struct jval message;
	size_t before;

	convert_add_raw(t->out, "contents", STR("["));
	before = t->out->len;
	if (t->w->model.is_gemma && !add_system_turn(t, err))
		return false;
	for (size_t i = 0; jscan_next_item(&it, &message); i++)
		if (!add_message(t, message, i, err))
			return false;
	if (!gemini_flush_results(t, err))
		return false;
	if (t->out->len == before) { /* a system message alone: there must be a turn */
		gemini_begin_part(t, gemini_role_user);
		buf_add(t->out, STR("{\"text\":\"\"}"));
	}
	close_turn(t);
	buf_add_char(t->out, ']');
	return true;
}

bool gemini_add_messages(struct gemini_writer *w, struct err *err)
{
	struct gemini_contents *t = ARENA_NEW(w->c->arena, struct gemini_contents);

	t->w = w;
	t->out = w->out;
	return (w->model.is_gemma || add_instruction(w, err)) && add_contents(t, err);
}
