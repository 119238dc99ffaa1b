/* bedrock_messages.c — system and messages of a Converse request
 *
 * Messages are turns of blocks, as Anthropic has them; a turn is opened by its first block. Media are
 * bytes, or objects in S3.
 */
#include "provider/bedrock_converse.h"

#include <stdio.h>

#include <openssl/sha.h>

#include "base/json.h"
#include "provider/convert.h"

#define PLACE_BYTES 64

static const char user[] = "user", assistant[] = "assistant";

/* ---- turns and blocks -------------------------------------------------------------------- */

static void close_turn(struct converse_writer *w)
{
	if (!w->turn)
		return;
	if (w->turn_has_document && !w->turn_has_text) /* a document never comes alone */
		buf_add(w->out, STR(",{\"text\":\"See the document.\"}"));
	buf_add(w->out, STR("]}"));
	w->turn = NULL;
}

static void open_turn(struct converse_writer *w, const char *role)
{
	if (w->turn == role) {
		json_add_comma(w->out);
		return;
	}
	if (!w->turn && role == assistant)
		buf_add(w->out, STR("{\"role\":\"user\",\"content\":[{\"text\":\".\"}]}"));
	close_turn(w);
	json_add_comma(w->out);
	buf_addf(w->out, "{\"role\":\"%s\",\"content\":[", role);
	w->turn = role;
	w->turn_has_results = w->turn_has_text = w->turn_has_document = false;
}

static void open_block(struct converse_writer *w, const char *role)
{
	if (role)
		open_turn(w, role);
	else
		json_add_comma(w->out);
}

/* A cache_control marker is a block of its own behind the one it marks. */
void converse_add_cache_point(struct converse_writer *w, struct jval marked)
{
	struct jval mark = convert_member(marked, STR("cache_control"));
	struct jval ttl = convert_member(mark, STR("ttl"));

	if (mark.type != J_OBJECT)
		return;
	buf_add(w->out, STR(",{\"cachePoint\":{\"type\":\"default\""));
	if (ttl.type == J_STRING)
		convert_add_raw(w->out, "ttl", ttl.text);
	buf_add(w->out, STR("}}"));
}

static void add_text(struct converse_writer *w, const char *role, struct jval text,
    struct jval marked)
{
	if (str_trim(jscan_text(w->c->arena, text)).n == 0)
		return;
	open_block(w, role);
	w->turn_has_text = true;
	buf_add(w->out, STR("{\"text\":"));
	buf_add(w->out, text.text);
	buf_add_char(w->out, '}');
	converse_add_cache_point(w, marked);
}

/* ---- media ------------------------------------------------------------------------------- */

static bool refuse(const char *place, const char *why, struct err *err)
{
	return err_set(err, ERR_INVALID_TEXT, "%s: %s", place, why);
}

/* Converse's word for a type, by kind. */
static const struct {
	enum media_kind kind;
	struct str mime;
	const char *format;
} formats[] = {
	{ MEDIA_IMAGE, STR_INIT("image/png"), "png" },
	{ MEDIA_IMAGE, STR_INIT("image/jpeg"), "jpeg" },
	{ MEDIA_IMAGE, STR_INIT("image/gif"), "gif" },
	{ MEDIA_IMAGE, STR_INIT("image/webp"), "webp" },
	{ MEDIA_FILE, STR_INIT("application/pdf"), "pdf" },
	{ MEDIA_FILE, STR_INIT("text/csv"), "csv" },
	{ MEDIA_FILE, STR_INIT("text/html"), "html" },
	{ MEDIA_FILE, STR_INIT("text/markdown"), "md" },
	{ MEDIA_FILE, STR_INIT("text/plain"), "txt" },
	{ MEDIA_FILE, STR_INIT("application/msword"), "doc" },
	{ MEDIA_FILE, STR_INIT("application/vnd.ms-excel"), "xls" },
	{ MEDIA_FILE,
	    STR_INIT("application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
	    "docx" },
	{ MEDIA_FILE, STR_INIT("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
	    "xlsx" },
	{ MEDIA_VIDEO, STR_INIT("video/mp4"), "mp4" },
	{ MEDIA_VIDEO, STR_INIT("video/webm"), "webm" },
	{ MEDIA_VIDEO, STR_INIT("video/quicktime"), "mov" },
};

static const char *format_of(const struct call *c, const struct media_part *m)
{
	if (m->kind == MEDIA_AUDIO)
		return m->format.n ? str_dup(c->arena, m->format) : "wav";
	for (size_t i = 0; i < COUNT_OF(formats); i++)
		if (m->kind == formats[i].kind && str_eq(m->mime, formats[i].mime))
			return formats[i].format;
	if (m->kind == MEDIA_IMAGE && str_starts(m->url, STR("s3://")))
		return "png";
	return NULL;
}

/* Letters, digits, single blanks and a few marks are allowed; one name may not occur twice. */
static void add_document_name(struct converse_writer *w, struct str filename)
{
	char last = ' ';

	json_add_name(w->out, "name");
	buf_add_char(w->out, '"');
	filename = str_slice(filename, 0, 100);
	for (size_t i = 0; i < filename.n; i++) {
		char c = filename.p[i];
		bool fine = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
		    (c >= 'A' && c <= 'Z') || c == '-' || c == '(' || c == ')' || c == '[' ||
		    c == ']';

		c = fine ? c : ' ';
		if (c != ' ' || last != ' ')
			buf_add_char(w->out, c);
		last = c;
	}
	buf_addf(w->out, "%sdocument %zu\"", last == ' ' ? "" : " ", ++w->documents);
}

static bool add_media(struct converse_writer *w, const char *role, struct jval part,
    struct media_part *m, const char *place, struct err *err)
{
	static const char *const words[] = { [MEDIA_IMAGE] = "image",
		[MEDIA_FILE] = "document",
		[MEDIA_AUDIO] = "audio",
		[MEDIA_VIDEO] = "video" };
	const char *format;

	if (m->kind == MEDIA_FILE && str_starts(m->mime, STR("image/")))
		m->kind = MEDIA_IMAGE;
	format = format_of(w->c, m);
	if (!format)
		return refuse(place, "this channel does not take such a type of file", err);
	open_block(w, role);
	w->turn_has_document |= m->kind == MEDIA_FILE;
	buf_addf(w->out, "{\"%s\":{\"format\":", words[m->kind]);
	json_add_str(w->out, str_c(format));
	if (m->kind == MEDIA_FILE)
		add_document_name(w, m->filename);
	if (str_starts(m->url, STR("s3://"))) {
		convert_add_raw(w->out, "source", STR("{\"s3Location\":{\"uri\":"));
		json_add_str(w->out, m->url);
		buf_add(w->out, STR("}}}}"));
	} else {
		convert_add_raw(w->out, "source", STR("{\"bytes\":\""));
		if (!m->bytes.n && !m->encoded.n)
			return refuse(place, "this channel takes data only", err);
		if (!convert_add_media(w->out, m, place, err))
			return false;
		buf_add(w->out, STR("\"}}}"));
	}
	converse_add_cache_point(w, part);
	return true;
}

/* ---- content ----------------------------------------------------------------------------- */

static bool add_part(struct converse_writer *w, const char *role, struct jval part,
    const char *place, struct err *err)
{
	struct media_part m;
	struct jval text;

	if (!convert_media(w->c, part, place, &m, err))
		return false;
	if (m.kind != MEDIA_NONE)
		return add_media(w, role, part, &m, place, err);
	text = part.type == J_STRING ? part : convert_member(part, STR("text"));
	if (text.type != J_STRING)
		text = convert_member(part, STR("refusal"));
	if (text.type != J_STRING)
		return refuse(place, "this channel cannot take such a part", err);
	add_text(w, role, text, part);
	return true;
}

static bool add_content(struct converse_writer *w, const char *role, struct jval message,
    size_t index, struct err *err)
{
	struct jval content = convert_content(message), part;
	struct jiter it = jscan_iter(content);

	if (content.type == J_STRING)
		add_text(w, role, content, message);
	for (size_t i = 0; content.type == J_ARRAY && jscan_next_item(&it, &part); i++) {
		char place[PLACE_BYTES];

		(void)snprintf(place, sizeof(place), "messages[%zu].content[%zu]", index, i);
		if (!add_part(w, role, part, place, err))
			return false;
	}
	return true;
}

/* ---- tools in the history ---------------------------------------------------------------- */

/* Up to 64 of [a-zA-Z0-9_.:-]; Mistral's models want exactly nine letters or digits, which a hash
 * gives, for what ids begin with is the same in all of them. */
static void add_id(struct converse_writer *w, struct str id)
{
	static const char alphabet[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
	unsigned char hash[SHA256_DIGEST_LENGTH];

	json_add_name(w->out, "toolUseId");
	buf_add_char(w->out, '"');
	SHA256((const unsigned char *)(id.p ? id.p : ""), id.n, hash);
	if (bedrock_is(w->b, "mistral")) {
		for (size_t i = 0; i < 9; i++)
			buf_add_char(w->out, alphabet[hash[i] % (sizeof(alphabet) - 1)]);
	} else {
		for (size_t i = 0; i < id.n && i < 64; i++) {
			char c = id.p[i];
			bool fine = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
			    (c >= 'A' && c <= 'Z') || c == '_' || c == '-' || c == '.' || c == ':';

			buf_add_char(w->out, fine ? c : '_');
		}
	}
	buf_add_char(w->out, '"');
}

static void note_name(struct converse_writer *w, struct jval name)
{
	for (size_t i = 0; i < w->name_count; i++)
		if (str_eq(w->names[i].text, name.text))
			return;
	if (w->name_count < CONVERSE_NAMES_MAX)
		w->names[w->name_count++] = name;
}

static void add_call(struct converse_writer *w, struct str id, struct jval function)
{
	struct jval name = convert_member(function, STR("name"));

	if (name.type != J_STRING)
		return;
	open_turn(w, assistant);
	note_name(w, name);
	buf_add(w->out, STR("{\"toolUse\":{"));
	add_id(w, id);
	convert_add_raw(w->out, "name", name.text);
	json_add_name(w->out, "input");
	convert_add_arguments(w->out, w->c->arena, convert_member(function, STR("arguments")));
	buf_add(w->out, STR("}}"));
}

static struct str older_id(struct converse_writer *w)
{
	return str_c(arena_fmt(w->c->arena, "call_%zu", w->older_calls));
}

static void add_calls(struct converse_writer *w, struct jval message)
{
	struct jval calls = convert_member(message, STR("tool_calls")), call;
	struct jval older = convert_member(message, STR("function_call"));
	struct jiter it = jscan_iter(calls);

	while (calls.type == J_ARRAY && jscan_next_item(&it, &call))
		add_call(w, jscan_text(w->c->arena, convert_member(call, STR("id"))),
		    convert_member(call, STR("function")));
	if (calls.type != J_ARRAY && older.type == J_OBJECT) {
		w->older_calls++;
		add_call(w, older_id(w), older);
	}
}

static bool add_result(struct converse_writer *w, struct jval message, size_t index, bool older,
    struct err *err)
{
	struct jval content = convert_member(message, STR("content"));
	struct str id = jscan_text(w->c->arena, convert_member(message, STR("tool_call_id")));
	bool failed = jscan_true(convert_member(message, STR("is_error"))), had;
	size_t before;

	open_turn(w, user);
	had = w->turn_has_text;
	w->turn_has_results = true;
	buf_add(w->out, STR("{\"toolResult\":{"));
	add_id(w, older ? older_id(w) : id);
	convert_add_raw(w->out, "content", STR("["));
	before = w->out->len;
	if (content.type == J_OBJECT) {
		buf_add(w->out, STR("{\"json\":"));
		buf_add(w->out, content.text);
		buf_add_char(w->out, '}');
	} else if (!add_content(w, NULL, message, index, err)) {
		return false;
	}
	if (w->out->len == before)
		buf_add(w->out, STR("{\"text\":\" \"}"));
	w->turn_has_text = had;
	buf_addf(w->out, "],\"status\":\"%s\"}}", failed ? "error" : "success");
	return true;
}

/* ---- messages ---------------------------------------------------------------------------- */

/* Signed thinking of earlier turns goes back as it came. */
static void add_reasoning(struct converse_writer *w, struct jval message)
{
	struct jval details = convert_member(message, STR("reasoning_details")), item;
	struct jval content = convert_member(message, STR("reasoning_content"));
	struct jiter it = jscan_iter(details);
	struct jval text, signature, data;

	while (details.type == J_ARRAY && jscan_next_item(&it, &item)) {
		text = convert_member(item, STR("text"));
		signature = convert_member(item, STR("signature"));
		data = convert_member(item, STR("data"));
		if (signature.type != J_STRING && data.type != J_STRING)
			continue;
		open_turn(w, assistant);
		if (data.type == J_STRING) {
			buf_add(w->out, STR("{\"reasoningContent\":{\"redactedContent\":"));
			buf_add(w->out, data.text);
			buf_add(w->out, STR("}}"));
			continue;
		}
		if (text.type != J_STRING)
			text = content;
		buf_add(w->out, STR("{\"reasoningContent\":{\"reasoningText\":{\"text\":"));
		buf_add(w->out, text.type == J_STRING ? text.text : STR("\"\""));
		convert_add_raw(w->out, "signature", signature.text);
		buf_add(w->out, STR("}}}"));
	}
}

static bool is_system(struct jval message)
{
	struct jval role = convert_member(message, STR("role"));

	return jscan_is(role, STR("system")) || jscan_is(role, STR("developer"));
}

static bool add_message(struct converse_writer *w, struct jval message, size_t index,
    struct err *err)
{
	struct jval role = convert_member(message, STR("role"));
	bool older = jscan_is(role, STR("function"));

	if (older || jscan_is(role, STR("tool")))
		return add_result(w, message, index, older, err);
	if (!jscan_is(role, STR("assistant")))
		return add_content(w, user, message, index, err);
	add_reasoning(w, message);
	if (!add_content(w, assistant, message, index, err))
		return false;
	add_calls(w, message);
	return true;
}

bool converse_add_system(struct converse_writer *w, struct err *err)
{
	struct jiter it = jscan_iter(w->c->ask->messages);
	struct str forced = w->c->system_prompt;
	size_t start = w->out->len, before;
	struct jval message;

	convert_add_raw(w->out, "system", STR("["));
	before = w->out->len;
	if (forced.n) {
		buf_add(w->out, STR("{\"text\":"));
		json_add_str(w->out, forced);
		buf_add_char(w->out, '}');
		w->c->system_prompt_reset = true;
	}
	for (size_t i = 0; jscan_next_item(&it, &message); i++)
		if (is_system(message) && !(i == 0 && forced.n) &&
		    !add_content(w, NULL, message, i, err))
			return false;
	if (jscan_is(convert_member(w->f[CP_RESPONSE_FORMAT], STR("type")), STR("json_object"))) {
		json_add_comma(w->out);
		buf_add(w->out,
		    STR("{\"text\":\"Answer with one JSON object and nothing else.\"}"));
	}
	if (w->out->len == before)
		buf_truncate(w->out, start);
	else
		buf_add_char(w->out, ']');
	return true;
}

bool converse_add_messages(struct converse_writer *w, struct err *err)
{
	struct jiter it = jscan_iter(w->c->ask->messages);
	struct jval message;
	size_t before;

	convert_add_raw(w->out, "messages", STR("["));
	before = w->out->len;
	for (size_t i = 0; jscan_next_item(&it, &message); i++)
		if (!is_system(message) && !add_message(w, message, i, err))
			return false;
	close_turn(w);
	buf_add_char(w->out, ']');
	return w->out->len > before + 1 ||
	    err_set(err, ERR_INVALID_TEXT, "there must be a message that is not empty");
}
