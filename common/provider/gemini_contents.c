/* gemini_contents.c — messages as systemInstruction and contents
 *
 * Gemini knows two roles, user and model; neighbours of one role are one turn. Results of calls stand
 * in a user turn, in the order of the calls, and name the function. A turn is opened by its first
 * part, so that what is empty leaves none.
 */
#include "provider/gemini.h"

#include "base/arena.h"
#include "base/json.h"

/* Calls that a result may still refer to. */
#define CALLS_KEPT 256
/* What Google takes in place of a signature that was lost. */
#define NO_SIGNATURE "\"skip_thought_signature_validator\""
/* The format of our own items of reasoning_details. */
#define DETAIL_FORMAT "google-gemini-v1"

struct past_call {
	struct str id;
	struct jval name;
	size_t turn; /* the message that made it */
};

struct result {
	struct jval message;
	struct str id;
	size_t index; /* of the message */
	bool older, done;
};

struct contents {
	struct gemini_writer *w;
	struct buf *out;
	const char *role; /* of the turn that is open, or NULL */

	struct past_call calls[CALLS_KEPT]; /* a ring */
	size_t call_count, last_turn;
	struct result *results;
	size_t result_count, result_cap;
};

static const char user[] = "user", model[] = "model";

/* ---- turns and parts ---------------------------------------------------------------------- */

static void close_turn(struct contents *t)
{
	if (t->role)
		buf_add(t->out, STR("]}"));
	t->role = NULL;
}

/* The place of the next part of that role. */
static void begin_part(struct contents *t, const char *role)
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
static void add_text(struct contents *t, const char *role, struct jval text, struct jval signature)
{
	if (text.type != J_STRING || (text.text.n <= 2 && signature.type != J_STRING))
		return;
	begin_part(t, role);
	buf_add(t->out, STR("{\"text\":"));
	buf_add(t->out, text.text);
	if (signature.type == J_STRING)
		convert_add_raw(t->out, "thoughtSignature", signature.text);
	buf_add_char(t->out, '}');
}

/* ---- media -------------------------------------------------------------------------------- */

static struct str type_by_ending(struct str name)
{
	static const struct {
		struct str ending, type;
	} known[] = {
		{ STR_INIT(".png"), STR_INIT("image/png") },
		{ STR_INIT(".jpg"), STR_INIT("image/jpeg") },
		{ STR_INIT(".jpeg"), STR_INIT("image/jpeg") },
		{ STR_INIT(".webp"), STR_INIT("image/webp") },
		{ STR_INIT(".gif"), STR_INIT("image/gif") },
		{ STR_INIT(".heic"), STR_INIT("image/heic") },
		{ STR_INIT(".pdf"), STR_INIT("application/pdf") },
		{ STR_INIT(".txt"), STR_INIT("text/plain") },
		{ STR_INIT(".md"), STR_INIT("text/markdown") },
		{ STR_INIT(".csv"), STR_INIT("text/csv") },
		{ STR_INIT(".html"), STR_INIT("text/html") },
		{ STR_INIT(".json"), STR_INIT("application/json") },
		{ STR_INIT(".mp3"), STR_INIT("audio/mp3") },
		{ STR_INIT(".wav"), STR_INIT("audio/wav") },
		{ STR_INIT(".ogg"), STR_INIT("audio/ogg") },
		{ STR_INIT(".flac"), STR_INIT("audio/flac") },
		{ STR_INIT(".m4a"), STR_INIT("audio/m4a") },
		{ STR_INIT(".mp4"), STR_INIT("video/mp4") },
		{ STR_INIT(".webm"), STR_INIT("video/webm") },
		{ STR_INIT(".mov"), STR_INIT("video/quicktime") },
	};

	name = str_slice(name, 0, str_find(name, '?'));
	for (size_t i = 0; i < COUNT_OF(known); i++)
		if (name.n >= known[i].ending.n &&
		    str_eq_nocase(str_slice(name, name.n - known[i].ending.n, name.n),
		        known[i].ending))
			return known[i].type;
	return (struct str){ 0 };
}

static struct str media_type(struct arena *a, const struct media_part *m)
{
	struct str type = m->mime;

	if (m->kind == MEDIA_AUDIO)
		return str_c(
		    arena_fmt(a, "audio/%.*s", STR_ARG(m->format.n ? m->format : STR("wav"))));
	if (!type.n)
		type = type_by_ending(m->filename.n ? m->filename : m->url);
	if (!type.n && m->kind == MEDIA_IMAGE)
		return STR("image/jpeg");
	if (!type.n && (m->kind == MEDIA_VIDEO || (m->url.n && gemini_finds(m->url))))
		return STR("video/mp4");
	return type;
}

/* A file by where Google finds it. */
static bool add_reference(struct contents *t, const struct media_part *m, struct str type)
{
	struct str uri = m->url;

	if (!uri.n && str_starts(m->file_id, STR("files/")))
		uri = str_c(arena_fmt(t->w->c->arena,
		    "https://generativelanguage.googleapis.com/v1beta/%.*s", STR_ARG(m->file_id)));
	if (!uri.n && (str_starts(m->file_id, STR("https://")) || gemini_finds(m->file_id)))
		uri = m->file_id;
	if (!uri.n)
		return false;
	buf_add(t->out, STR("{\"fileData\":{\"fileUri\":"));
	json_add_str(t->out, uri);
	if (type.n) {
		json_add_name(t->out, "mimeType");
		json_add_str(t->out, type);
	}
	buf_add(t->out, STR("}}"));
	return true;
}

/* The part itself, where begin_part has made room. */
static bool add_media_part(struct contents *t, const struct media_part *m, const char *place,
    struct err *err)
{
	struct str type = media_type(t->w->c->arena, m);

	if (!m->bytes.n && !m->encoded.n)
		return add_reference(t, m, type) ||
		    err_set(err, ERR_INVALID_TEXT,
		        "%s: this channel takes the data itself, not its id", place);
	if (!type.n)
		return err_set(err, ERR_INVALID_TEXT, "%s: the media type is not known", place);
	buf_add(t->out, STR("{\"inlineData\":{\"mimeType\":"));
	json_add_str(t->out, type);
	buf_add(t->out, STR(",\"data\":\""));
	if (!convert_add_media(t->out, m, place, err))
		return false;
	buf_add(t->out, STR("\"}}"));
	return true;
}

/* A part that is no text. */
static bool add_media(struct contents *t, const char *role, struct jval part, const char *place,
    struct err *err)
{
	struct media_part m;

	if (!convert_media(t->w->c, part, place, &m, err))
		return false;
	if (m.kind == MEDIA_NONE)
		return err_set(err, ERR_INVALID_TEXT, "%s: this channel cannot take such a part",
		    place);
	if (m.url.n && !m.bytes.n && !t->w->host->is_vertex && !gemini_finds(m.url) &&
	    !str_starts_nocase(m.url, STR("https://")))
		return err_set(err, ERR_INVALID_TEXT,
		    "%s: this is neither an https URL nor a data URI", place);
	begin_part(t, role);
	return add_media_part(t, &m, place, err);
}

/* ---- content ------------------------------------------------------------------------------ */

static bool is_text(struct jval part)
{
	struct jval type = convert_member(part, STR("type"));

	return jscan_is(type, STR("text")) || jscan_is(type, STR("refusal"));
}

static struct jval text_of(struct jval part)
{
	struct jval type = convert_member(part, STR("type"));

	return convert_member(part, jscan_is(type, STR("refusal")) ? STR("refusal") : STR("text"));
}

static size_t count_texts(struct jval parts)
{
	struct jiter it = jscan_iter(parts);
	struct jval part;
	size_t n = 0;

	while (jscan_next_item(&it, &part))
		n += is_text(part);
	return n;
}

/* The signature belongs to the last text. */
static bool add_parts(struct contents *t, const char *role, struct jval parts, size_t message,
    struct jval signature, struct err *err)
{
	size_t left = count_texts(parts);
	struct jiter it = jscan_iter(parts);
	struct jval part, none = { 0 };

	for (size_t i = 0; jscan_next_item(&it, &part); i++) {
		if (is_text(part)) {
			add_text(t, role, text_of(part), --left ? none : signature);
			continue;
		}
		if (!add_media(t, role, part,
		        arena_fmt(t->w->c->arena, "messages[%zu].content[%zu]", message, i), err))
			return false;
	}
	return true;
}

static bool add_content(struct contents *t, const char *role, struct jval content, size_t message,
    struct jval signature, struct err *err)
{
	if (content.type == J_ARRAY && (count_texts(content) || signature.type != J_STRING))
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

static struct jval signature_of(struct contents *t, struct jval message, struct jval holder,
    struct str id)
{
	struct jval v = own_signature(holder);

	return v.type == J_STRING ? v : detail_signature(t->w->c->arena, message, id);
}

/* ---- calls -------------------------------------------------------------------------------- */

static void note_call(struct contents *t, struct str id, struct jval name, size_t message)
{
	t->calls[t->call_count++ % CALLS_KEPT] = (struct past_call){ id, name, message };
	t->last_turn = message;
}

static const struct past_call *find_call(const struct contents *t, struct str id)
{
	size_t kept = t->call_count < CALLS_KEPT ? t->call_count : CALLS_KEPT;

	for (size_t i = 1; i <= kept; i++) {
		const struct past_call *call = &t->calls[(t->call_count - i) % CALLS_KEPT];

		if (str_eq(call->id, id))
			return call;
	}
	return NULL;
}

static void add_id(struct contents *t, struct str id)
{
	if (!id.n || t->w->host->is_vertex)
		return;
	convert_add_raw(t->out, "id", STR(""));
	json_add_str(t->out, id);
}

static void add_call(struct contents *t, struct jval message, struct jval call,
    struct jval function, size_t index, bool is_first)
{
	struct str id = jscan_text(t->w->c->arena, convert_member(call, STR("id")));
	struct jval name = convert_member(function, STR("name"));
	struct jval signature = signature_of(t, message, call, id);

	note_call(t, id, name, index);
	begin_part(t, model);
	buf_add(t->out, STR("{\"functionCall\":{"));
	add_id(t, id);
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

static bool add_calls(struct contents *t, struct jval message, size_t index, struct err *err)
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
static bool add_images(struct contents *t, struct jval message, size_t index, struct err *err)
{
	struct jval images = convert_member(message, STR("images")), image;
	struct jiter it = jscan_iter(images);

	for (size_t i = 0; images.type == J_ARRAY && jscan_next_item(&it, &image); i++)
		if (!add_media(t, model, image,
		        arena_fmt(t->w->c->arena, "messages[%zu].images[%zu]", index, i), err))
			return false;
	return true;
}

static bool add_assistant(struct contents *t, struct jval message, size_t index, struct err *err)
{
	struct jval content = convert_member(message, STR("content"));
	struct jval refusal = convert_member(message, STR("refusal"));

	if (!convert_given(content) && refusal.type == J_STRING)
		content = refusal;
	return add_content(t, model, content, index, signature_of(t, message, message, STR("")),
	           err) &&
	    add_images(t, message, index, err) && add_calls(t, message, index, err);
}

/* ---- results of calls --------------------------------------------------------------------- */

static void note_result(struct contents *t, struct jval message, size_t index, bool older)
{
	struct arena *a = t->w->c->arena;

	if (t->result_count == t->result_cap) {
		size_t cap = t->result_cap ? t->result_cap * 2 : 8;
		struct result *grown = arena_alloc(a, cap * sizeof(*grown));

		for (size_t i = 0; i < t->result_count; i++)
			grown[i] = t->results[i];
		t->results = grown;
		t->result_cap = cap;
	}
	t->results[t->result_count++] = (struct result){
		message,
		jscan_text(a, convert_member(message, STR("tool_call_id"))),
		index,
		older,
		false,
	};
}

/* The texts of a result as one. */
static struct str result_text(struct contents *t, struct jval content)
{
	struct arena *a = t->w->c->arena;
	struct jiter it = jscan_iter(content);
	struct buf joined = buf_init(content.text.n + 1);
	struct str text;
	struct jval part;

	if (content.type != J_ARRAY)
		return jscan_text(a, content);
	while (jscan_next_item(&it, &part)) {
		if (!is_text(part))
			continue;
		if (joined.len)
			buf_add_char(&joined, '\n');
		buf_add(&joined, jscan_text(a, text_of(part)));
	}
	text = arena_str(a, buf_str(&joined));
	buf_release(&joined);
	return text;
}

static void add_response(struct contents *t, struct jval message)
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
static bool add_result_media(struct contents *t, const struct result *r, bool inside,
    struct err *err)
{
	struct jval content = convert_member(r->message, STR("content")), part;
	struct jiter it = jscan_iter(content);
	struct media_part m;
	const char *place;

	for (size_t i = 0; content.type == J_ARRAY && jscan_next_item(&it, &part); i++) {
		if (is_text(part))
			continue;
		place = arena_fmt(t->w->c->arena, "messages[%zu].content[%zu]", r->index, i);
		if (!inside) {
			if (!add_media(t, user, part, place, err))
				return false;
			continue;
		}
		if (!convert_media(t->w->c, part, place, &m, err))
			return false;
		if (m.kind == MEDIA_NONE)
			return err_set(err, ERR_INVALID_TEXT,
			    "%s: this channel cannot take such a part", place);
		json_add_comma(t->out);
		if (!add_media_part(t, &m, place, err))
			return false;
	}
	return true;
}

static bool has_media(struct jval message)
{
	struct jval content = convert_member(message, STR("content"));

	return content.type == J_ARRAY && jscan_count(content) > count_texts(content);
}

static bool add_result(struct contents *t, struct result *r, struct err *err)
{
	const struct past_call *call = find_call(t, r->id);
	struct jval name = convert_member(r->message, STR("name"));

	if (call && !r->older)
		name = call->name;
	if (name.type != J_STRING)
		return err_set(err, ERR_INVALID_TEXT,
		    "messages[%zu]: no earlier message has a call with this tool_call_id",
		    r->index);
	r->done = true;
	begin_part(t, user);
	buf_add(t->out, STR("{\"functionResponse\":{"));
	add_id(t, r->id);
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
static bool add_in_order(struct contents *t, struct err *err)
{
	size_t from = t->call_count < CALLS_KEPT ? 0 : t->call_count - CALLS_KEPT;

	for (; from < t->call_count; from++) {
		const struct past_call *call = &t->calls[from % CALLS_KEPT];

		for (size_t i = 0; call->turn == t->last_turn && i < t->result_count; i++) {
			struct result *r = &t->results[i];

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
static bool flush_results(struct contents *t, struct err *err)
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
		if (!is_text(part))
			return err_set(err, ERR_INVALID_TEXT,
			    "messages[%zu].content[%zu]: a system message holds text only", index,
			    i);
		add_system_text(out, text_of(part));
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
static bool add_system_turn(struct contents *t, struct err *err)
{
	size_t start = t->out->len, before;

	begin_part(t, user);
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

static bool add_message(struct contents *t, struct jval message, size_t index, struct err *err)
{
	struct jval role = convert_member(message, STR("role")), none = { 0 };
	bool older = jscan_is(role, STR("function"));

	if (older || jscan_is(role, STR("tool"))) {
		note_result(t, message, index, older);
		return true;
	}
	if (is_system(message))
		return true;
	if (!flush_results(t, err))
		return false;
	if (jscan_is(role, STR("assistant")))
		return add_assistant(t, message, index, err);
	return add_content(t, user, convert_member(message, STR("content")), index, none, err);
}

static bool add_contents(struct contents *t, struct err *err)
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
	if (!flush_results(t, err))
		return false;
	if (t->out->len == before) { /* a system message alone: there must be a turn */
		begin_part(t, user);
		buf_add(t->out, STR("{\"text\":\"\"}"));
	}
	close_turn(t);
	buf_add_char(t->out, ']');
	return true;
}

bool gemini_add_messages(struct gemini_writer *w, struct err *err)
{
	struct contents *t = ARENA_NEW(w->c->arena, struct contents);

	t->w = w;
	t->out = w->out;
	return (w->model.is_gemma || add_instruction(w, err)) && add_contents(t, err);
}
