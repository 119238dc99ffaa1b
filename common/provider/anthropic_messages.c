/* anthropic_messages.c — system and messages, as the Messages API wants them
 *
 * Every system message goes to the top. What remains alternates between user and assistant:
 * neighbours of one role are one turn, results of tools are blocks of the user's turn and come first
 * in it. A turn is opened by its first block, so a message without any leaves no trace: the API
 * refuses empty texts.
 */
#include "provider/anthropic.h"

#include <stdio.h>

#include "base/json.h"
#include "provider/convert.h"

#define PLACE_BYTES 64
/* Blocks of thinking in one message. */
#define THOUGHTS_MAX 64

static void open_turn(struct anthropic_writer *w, const char *role)
{
	if (w->turn == role) {
		json_add_comma(w->out);
		return;
	}
	if (w->turn)
		buf_add(w->out, STR("]}"));
	else if (str_eq_c(str_c(role), "assistant")) /* the first turn is the user's */
		buf_add(w->out,
		    STR("{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\".\"}]}"));
	json_add_comma(w->out);
	buf_addf(w->out, "{\"role\":\"%s\",\"content\":[", role);
	w->turn = role;
	w->turn_has_thinking = w->turn_has_calls = false;
}

static const char user[] = "user", assistant[] = "assistant";

/* Ends a block, with the marker of its part when it has one. */
static void close_block(struct anthropic_writer *w, struct jval marked)
{
	struct jval mark = convert_member(marked, STR("cache_control"));

	if (mark.type == J_OBJECT)
		convert_add_raw(w->out, "cache_control", mark.text);
	buf_add_char(w->out, '}');
}

/* trim: a final turn of the assistant may not end in blanks. */
static void add_text(struct anthropic_writer *w, const char *role, struct jval text,
    struct jval marked, bool trim)
{
	struct str plain = jscan_text(w->c->arena, text);

	if (str_trim(plain).n == 0)
		return;
	if (role)
		open_turn(w, role);
	else
		json_add_comma(w->out);
	buf_add(w->out, STR("{\"type\":\"text\",\"text\":"));
	if (trim) {
		while (plain.n && str_trim(str_slice(plain, plain.n - 1, plain.n)).n == 0)
			plain.n--;
		json_add_str(w->out, plain);
	} else {
		buf_add(w->out, text.text);
	}
	close_block(w, marked);
}

/* ---- media ------------------------------------------------------------------------------- */

static bool refuse(const char *place, const char *why, struct err *err)
{
	return err_set(err, ERR_INVALID_TEXT, "%s: %s", place, why);
}

static bool is_picture(struct str mime)
{
	return str_eq_c(mime, "image/jpeg") || str_eq_c(mime, "image/png") ||
	    str_eq_c(mime, "image/gif") || str_eq_c(mime, "image/webp");
}

static bool add_text_source(struct anthropic_writer *w, const struct media_part *m,
    const char *place, struct err *err)
{
	struct str text;

	if (!convert_media_bytes(w->c->arena, m, place, &text, err))
		return false;
	buf_add(w->out, STR("{\"type\":\"text\",\"media_type\":\"text/plain\",\"data\":"));
	json_add_str(w->out, text);
	buf_add_char(w->out, '}');
	return true;
}

static bool add_bytes_source(struct anthropic_writer *w, const struct media_part *m,
    const char *place, struct err *err)
{
	buf_add(w->out, STR("{\"type\":\"base64\",\"media_type\":"));
	json_add_str(w->out, m->mime);
	buf_add(w->out, STR(",\"data\":\""));
	if (!convert_add_media(w->out, m, place, err))
		return false;
	buf_add(w->out, STR("\"}"));
	return true;
}

static bool add_source(struct anthropic_writer *w, const struct media_part *m, const char *place,
    struct err *err)
{
	bool is_text = m->kind == MEDIA_FILE && str_starts(m->mime, STR("text/"));

	json_add_name(w->out, "source");
	if (m->bytes.n || m->encoded.n)
		return is_text ? add_text_source(w, m, place, err)
		               : add_bytes_source(w, m, place, err);
	if (!w->host->takes_urls)
		return refuse(place, "this channel takes data only, neither URLs nor file ids",
		    err);
	if (m->url.n) {
		buf_add(w->out, STR("{\"type\":\"url\",\"url\":"));
		json_add_str(w->out, m->url);
	} else {
		w->reply->needs_files = true;
		buf_add(w->out, STR("{\"type\":\"file\",\"file_id\":"));
		json_add_str(w->out, m->file_id);
	}
	buf_add_char(w->out, '}');
	return true;
}

static bool check_media(const struct media_part *m, const char *place, struct err *err)
{
	bool has_data = m->bytes.n || m->encoded.n;

	if (m->kind == MEDIA_AUDIO || m->kind == MEDIA_VIDEO)
		return refuse(place, "this model takes neither audio nor video", err);
	if (!has_data && !m->url.n && !m->file_id.n)
		return refuse(place, "the part is empty", err);
	if (has_data && m->kind == MEDIA_IMAGE && !is_picture(m->mime))
		return refuse(place, "images must be JPEG, PNG, GIF or WebP", err);
	if (has_data && m->kind == MEDIA_FILE && !is_picture(m->mime) &&
	    !str_eq_c(m->mime, "application/pdf") && !str_starts(m->mime, STR("text/")))
		return refuse(place, "files must be PDF, text or images", err);
	return true;
}

static bool add_media(struct anthropic_writer *w, const char *role, struct jval part,
    const struct media_part *m, const char *place, struct err *err)
{
	bool image = m->kind == MEDIA_IMAGE || is_picture(m->mime);

	if (!check_media(m, place, err))
		return false;
	if (role)
		open_turn(w, role);
	else
		json_add_comma(w->out);
	buf_addf(w->out, "{\"type\":\"%s\"", image ? "image" : "document");
	if (!add_source(w, m, place, err))
		return false;
	if (!image && m->filename.n) {
		json_add_name(w->out, "title");
		json_add_str(w->out, m->filename);
	}
	close_block(w, part);
	return true;
}

/* ---- content ----------------------------------------------------------------------------- */

/* One part as a block; role NULL: into a list that is open already. */
static bool add_part(struct anthropic_writer *w, const char *role, struct jval part, bool trim,
    const char *place, struct err *err)
{
	struct media_part m;
	struct jval text;

	if (part.type == J_STRING) {
		add_text(w, role, part, (struct jval){ 0 }, trim);
		return true;
	}
	if (!convert_media(w->c, part, place, &m, err))
		return false;
	if (m.kind != MEDIA_NONE)
		return add_media(w, role, part, &m, place, err);
	text = convert_member(part, STR("text"));
	if (text.type != J_STRING)
		text = convert_member(part, STR("refusal"));
	if (text.type != J_STRING)
		return refuse(place, "this channel cannot take such a part", err);
	add_text(w, role, text, part, trim);
	return true;
}

static bool add_content(struct anthropic_writer *w, const char *role, struct jval message,
    size_t index, bool trim, struct err *err)
{
	struct jval content = convert_content(message), part;
	struct jiter it = jscan_iter(content);
	size_t count = content.type == J_ARRAY ? jscan_count(content) : 0;

	if (content.type == J_STRING)
		add_text(w, role, content, message, trim);
	for (size_t i = 0; i < count && jscan_next_item(&it, &part); i++) {
		char place[PLACE_BYTES];

		(void)snprintf(place, sizeof(place), "messages[%zu].content[%zu]", index, i);
		if (!add_part(w, role, part, trim && i + 1 == count, place, err))
			return false;
	}
	return true;
}

/* ---- tools ------------------------------------------------------------------------------- */

/* Ids of other services hold characters that are refused here. */
static void add_id(struct anthropic_writer *w, const char *name, struct str id)
{
	json_add_name(w->out, name);
	buf_add_char(w->out, '"');
	for (size_t i = 0; i < id.n; i++) {
		char c = id.p[i];
		bool fine = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
		    (c >= 'A' && c <= 'Z') || c == '_' || c == '-';

		buf_add_char(w->out, fine ? c : '_');
	}
	buf_add_char(w->out, '"');
}

static void note_name(struct anthropic_writer *w, struct jval name)
{
	for (size_t i = 0; i < w->name_count; i++)
		if (str_eq(w->names[i].text, name.text))
			return;
	if (w->name_count < ANTHROPIC_NAMES_MAX)
		w->names[w->name_count++] = name;
}

static void add_call(struct anthropic_writer *w, struct str id, struct jval function,
    struct jval marked)
{
	struct jval name = convert_member(function, STR("name"));
	struct jval arguments = convert_member(function, STR("arguments"));

	if (name.type != J_STRING)
		return;
	open_turn(w, assistant);
	w->turn_has_calls = true;
	note_name(w, name);
	buf_add(w->out, STR("{\"type\":\"tool_use\""));
	add_id(w, "id", id);
	convert_add_raw(w->out, "name", name.text);
	json_add_name(w->out, "input");
	if (arguments.type == J_NONE) { /* a custom tool: its input is a text */
		arguments = convert_member(function, STR("input"));
		buf_add(w->out, STR("{\"input\":"));
		buf_add(w->out, arguments.type == J_STRING ? arguments.text : STR("\"\""));
		buf_add_char(w->out, '}');
	} else {
		convert_add_arguments(w->out, w->c->arena, arguments);
	}
	close_block(w, marked);
}

static struct str older_id(struct anthropic_writer *w)
{
	return str_c(arena_fmt(w->c->arena, "call_%zu", w->older_calls));
}

static void add_calls(struct anthropic_writer *w, struct jval message)
{
	struct jval calls = convert_member(message, STR("tool_calls")), call, function;
	struct jval older = convert_member(message, STR("function_call"));
	struct jiter it = jscan_iter(calls);

	while (calls.type == J_ARRAY && jscan_next_item(&it, &call)) {
		function = convert_member(call, STR("function"));
		if (function.type != J_OBJECT)
			function = convert_member(call, STR("custom"));
		add_call(w, jscan_text(w->c->arena, convert_member(call, STR("id"))), function,
		    call);
	}
	if (calls.type != J_ARRAY && older.type == J_OBJECT) {
		w->older_calls++;
		add_call(w, older_id(w), older, older);
	}
}

/* The older form names the function and not the call: it is the last one. */
static bool add_result(struct anthropic_writer *w, struct jval message, size_t index, bool older,
    struct err *err)
{
	struct jval content = convert_member(message, STR("content"));
	struct jval id = convert_member(message, STR("tool_call_id"));
	bool ok = true;

	open_turn(w, user);
	buf_add(w->out, STR("{\"type\":\"tool_result\""));
	add_id(w, "tool_use_id", older ? older_id(w) : jscan_text(w->c->arena, id));
	if (content.type == J_ARRAY) {
		json_add_name(w->out, "content");
		buf_add_char(w->out, '[');
		ok = add_content(w, NULL, message, index, false, err);
		buf_add_char(w->out, ']');
	} else if (content.type == J_STRING && content.text.n > 2) {
		convert_add_raw(w->out, "content", content.text);
	}
	if (jscan_true(convert_member(message, STR("is_error"))))
		convert_add_raw(w->out, "is_error", STR("true"));
	close_block(w, message);
	return ok;
}

/* ---- thinking ---------------------------------------------------------------------------- */

/* One block, put together from the items of reasoning_details that have its index. */
struct thought {
	int64_t index;
	struct str text, signature, data;
	bool has_text;
};

static struct str joined(struct arena *a, struct str first, struct str second)
{
	return first.n ? str_c(arena_fmt(a, "%.*s%.*s", STR_ARG(first), STR_ARG(second))) : second;
}

static struct thought *thought_at(struct thought *list, size_t *count, struct jval index)
{
	int64_t n;

	if (index.type != J_NUMBER || !jscan_int(index, 0, INT32_MAX, &n))
		n = -1 - (int64_t)*count; /* without an index each stands for itself */
	for (size_t i = 0; i < *count; i++)
		if (list[i].index == n)
			return &list[i];
	if (*count == THOUGHTS_MAX)
		return NULL;
	list[*count] = (struct thought){ .index = n };
	return &list[(*count)++];
}

static size_t read_thoughts(struct arena *a, struct jval details, struct thought *list)
{
	enum { INDEX, TEXT, SIGNATURE, DATA };
	static const struct str names[] = { STR_INIT("index"), STR_INIT("text"),
		STR_INIT("signature"), STR_INIT("data") };
	struct jiter it = jscan_iter(details);
	struct jval item, v[COUNT_OF(names)];
	struct thought *t;
	size_t count = 0;

	while (details.type == J_ARRAY && jscan_next_item(&it, &item)) {
		convert_pick(item, names, v, COUNT_OF(v));
		t = thought_at(list, &count, v[INDEX]);
		if (!t)
			break;
		t->has_text |= v[TEXT].type == J_STRING;
		t->text = joined(a, t->text, jscan_text(a, v[TEXT]));
		t->signature = joined(a, t->signature, jscan_text(a, v[SIGNATURE]));
		t->data = joined(a, t->data, jscan_text(a, v[DATA]));
	}
	return count;
}

/* The text of the one block that brought none is what the others leave of reasoning_content. */
static void fill_in(struct thought *list, size_t count, struct str all)
{
	size_t told = 0, silent = 0;
	struct thought *which = NULL;

	for (size_t i = 0; i < count; i++) {
		told += list[i].text.n;
		if (list[i].signature.n && !list[i].has_text) {
			silent++;
			which = which ? which : &list[i];
		}
	}
	if (silent == 0)
		return;
	if (told <= all.n)
		which->text = str_slice(all, 0, all.n - told);
}

static void add_thoughts(struct anthropic_writer *w, struct jval message)
{
	struct jval reasoning = convert_member(message, STR("reasoning_content"));
	struct thought list[THOUGHTS_MAX];
	size_t count =
	    read_thoughts(w->c->arena, convert_member(message, STR("reasoning_details")), list);

	if (reasoning.type != J_STRING)
		reasoning = convert_member(message, STR("reasoning"));
	fill_in(list, count, jscan_text(w->c->arena, reasoning));
	for (size_t i = 0; i < count; i++) {
		if (!list[i].signature.n && !list[i].data.n)
			continue;
		open_turn(w, assistant);
		if (list[i].data.n) {
			buf_add(w->out, STR("{\"type\":\"redacted_thinking\",\"data\":"));
			json_add_str(w->out, list[i].data);
		} else {
			w->turn_has_thinking = true;
			buf_add(w->out, STR("{\"type\":\"thinking\",\"thinking\":"));
			json_add_str(w->out, list[i].text);
			buf_add(w->out, STR(",\"signature\":"));
			json_add_str(w->out, list[i].signature);
		}
		buf_add_char(w->out, '}');
	}
}

/* ---- messages ---------------------------------------------------------------------------- */

static bool is_system(struct jval message)
{
	struct jval role = convert_member(message, STR("role"));

	return jscan_is(role, STR("system")) || jscan_is(role, STR("developer"));
}

static bool add_message(struct anthropic_writer *w, struct jval message, size_t index, bool last,
    struct err *err)
{
	struct jval role = convert_member(message, STR("role"));
	bool older = jscan_is(role, STR("function"));

	if (older || jscan_is(role, STR("tool")))
		return add_result(w, message, index, older, err);
	if (!jscan_is(role, STR("assistant")))
		return add_content(w, user, message, index, false, err);
	add_thoughts(w, message);
	if (!add_content(w, assistant, message, index, last, err))
		return false;
	add_calls(w, message);
	w->last_call_unsigned = w->turn == assistant && w->turn_has_calls && !w->turn_has_thinking;
	return true;
}

static bool wants_object(const struct anthropic_writer *w)
{
	return jscan_is(convert_member(w->f[AP_RESPONSE_FORMAT], STR("type")), STR("json_object"));
}

/* The channel's forced prompt takes the place of a leading system message. */
static bool add_system(struct anthropic_writer *w, struct err *err)
{
	struct jiter it = jscan_iter(w->c->ask->messages);
	struct str forced = w->c->system_prompt;
	size_t start = w->out->len, before;
	struct jval message;
	bool ok = true;

	convert_add_raw(w->out, "system", STR("["));
	before = w->out->len;
	if (forced.n) {
		buf_add(w->out, STR("{\"type\":\"text\",\"text\":"));
		json_add_str(w->out, forced);
		buf_add_char(w->out, '}');
		w->c->system_prompt_reset = true;
	}
	for (size_t i = 0; ok && jscan_next_item(&it, &message); i++)
		if (is_system(message) && !(i == 0 && forced.n))
			ok = add_content(w, NULL, message, i, false, err);
	if (wants_object(w)) {
		json_add_comma(w->out);
		buf_add(w->out,
		    STR("{\"type\":\"text\",\"text\":\"Answer with one JSON object and "
		        "nothing else.\"}"));
	}
	if (w->out->len == before)
		buf_truncate(w->out, start);
	else
		buf_add_char(w->out, ']');
	return ok;
}

bool anthropic_add_messages(struct anthropic_writer *w, struct err *err)
{
	struct jiter it = jscan_iter(w->c->ask->messages);
	size_t count = jscan_count(w->c->ask->messages);
	struct jval message;

	if (!add_system(w, err))
		return false;
	convert_add_raw(w->out, "messages", STR("["));
	for (size_t i = 0; jscan_next_item(&it, &message); i++)
		if (!is_system(message) && !add_message(w, message, i, i + 1 == count, err))
			return false;
	if (w->turn)
		buf_add(w->out, STR("]}"));
	buf_add_char(w->out, ']');
	return w->turn ||
	    err_set(err, ERR_INVALID_TEXT, "there must be a message of the user that is not empty");
}
