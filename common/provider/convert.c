/* convert.c — see convert.h */
#include "provider/convert.h"

#include <limits.h>
#include <string.h>

#include <openssl/evp.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/form.h"
#include "base/json.h"
#include "provider/adaptor.h"
#include "provider/catalog.h"
#include "provider/datauri.h"

struct jval convert_member(struct jval object, struct str name)
{
	struct jval v = { 0 };

	if (object.type == J_OBJECT)
		(void)jscan_member(object, name, &v);
	return v;
}

struct jval convert_at(struct jval root, const char *path)
{
	struct jval v = { 0 };

	(void)jscan_at(root, path, &v);
	return v;
}

struct jval convert_param(const struct call *c, const char *name)
{
	return convert_member(c->ask->root, str_c(name));
}

bool convert_has_role(struct jval message, const char *role)
{
	return jscan_is(convert_member(message, STR("role")), str_c(role));
}

struct str convert_quote(struct arena *a, struct str text)
{
	struct buf b = buf_init(text.n * 6 + 2);

	json_add_str(&b, text);
	return adaptor_keep(a, &b);
}

struct jval convert_content(struct jval message)
{
	struct jval content = convert_member(message, STR("content"));
	struct jval refusal = convert_member(message, STR("refusal"));

	return !convert_given(content) && refusal.type == J_STRING ? refusal : content;
}

void convert_pick(struct jval object, const struct str *names, struct jval *out, size_t n)
{
	struct jiter it = jscan_iter(object);
	struct jval value;
	struct str name;

	memset(out, 0, n * sizeof(*out));
	while (object.type == J_OBJECT && jscan_next_member(&it, &name, &value))
		for (size_t i = 0; i < n; i++)
			if (jscan_name_is(name, names[i]))
				out[i] = value;
}

int64_t convert_count(struct jval v)
{
	int64_t n;

	return v.type == J_NUMBER && jscan_int(v, 0, INT64_C(1) << 31, &n) ? n : 0;
}

void convert_add_raw(struct buf *out, const char *name, struct str raw)
{
	json_add_name(out, name);
	buf_add(out, raw);
}

void convert_add_compact(struct buf *out, struct str json)
{
	bool in_string = false;
	size_t from = 0;

	for (size_t i = 0; i < json.n; i++) {
		char c = json.p[i];

		if (in_string && c == '\\') {
			i++;
		} else if (c == '"') {
			in_string = !in_string;
		} else if (!in_string && (c == ' ' || c == '\t' || c == '\r' || c == '\n')) {
			buf_add(out, str_slice(json, from, i));
			from = i + 1;
		}
	}
	buf_add(out, str_slice(json, from, json.n));
}

void convert_add_arguments(struct buf *out, struct arena *a, struct jval arguments)
{
	struct err ignored = { 0 };
	struct jval root;
	struct str text;

	if (arguments.type == J_OBJECT) {
		buf_add(out, arguments.text);
		return;
	}
	text = str_trim(jscan_text(a, arguments));
	if (text.n == 0) {
		buf_add(out, STR("{}"));
	} else if (jscan_check(text, JSON_MAX_DEPTH / 2, &root, &ignored) &&
	    root.type == J_OBJECT) {
		buf_add(out, text);
	} else {
		buf_add(out, STR("{\"raw\":"));
		json_add_str(out, text);
		buf_add_char(out, '}');
	}
}

void convert_add_base64_floats(struct buf *out, struct jval numbers)
{
	struct jiter it = jscan_iter(numbers);
	unsigned char bytes[3 * 256];
	struct jval number;
	size_t n = 0;
	double d;

	buf_add_char(out, '"');
	while (jscan_next_item(&it, &number)) {
		float f = jscan_double(number, &d) ? (float)d : 0.0f;
		uint32_t word;

		memcpy(&word, &f, sizeof(word));
		for (int i = 0; i < 4; i++)
			bytes[n++] = (unsigned char)(word >> (8 * i));
		if (n == sizeof(bytes)) {
			datauri_add_bytes(out, (struct str){ (char *)bytes, n });
			n = 0;
		}
	}
	datauri_add_bytes(out, (struct str){ (char *)bytes, n });
	buf_add_char(out, '"');
}

void convert_add_vector(struct buf *out, struct jval numbers, bool base64)
{
	if (base64 && numbers.type == J_ARRAY)
		convert_add_base64_floats(out, numbers);
	else
		buf_add(out, numbers.text);
}

/* ---- media ------------------------------------------------------------------------------- */

/* What the first bytes tell, as they are and in base64. */
static const struct {
	struct str bytes, encoded, mime;
} signs[] = {
	{ STR_INIT("\x89PNG"), STR_INIT("iVBORw0KGgo"), STR_INIT("image/png") },
	{ STR_INIT("\xff\xd8\xff"), STR_INIT("/9j/"), STR_INIT("image/jpeg") },
	{ STR_INIT("GIF8"), STR_INIT("R0lGOD"), STR_INIT("image/gif") },
	{ STR_INIT("RIFF"), STR_INIT("UklGR"), STR_INIT("image/webp") },
	{ STR_INIT("%PDF-"), STR_INIT("JVBERi0"), STR_INIT("application/pdf") },
};

struct str convert_sniff(const struct media_part *m)
{
	for (size_t i = 0; i < COUNT_OF(signs); i++)
		if (str_starts(m->bytes, signs[i].bytes) ||
		    str_starts(m->encoded, signs[i].encoded))
			return signs[i].mime;
	return (struct str){ 0 };
}

static struct str lower(struct arena *a, struct str s)
{
	char *text = str_dup(a, s);

	for (size_t i = 0; i < s.n; i++)
		if (text[i] >= 'A' && text[i] <= 'Z')
			text[i] = (char)(text[i] - 'A' + 'a');
	return (struct str){ text, s.n };
}

static bool refuse(const char *place, const char *why, struct err *err)
{
	return err_set(err, ERR_INVALID_TEXT, "%s: %s", place, why);
}

/* A URL of whatever kind: data, fetched, or to be passed on. */
static bool locate(const struct call *c, struct str url, const char *place, struct media_part *m,
    struct err *err)
{
	const struct medium *fetched;

	if (datauri_is(url))
		return datauri_split(url, &m->mime, &m->encoded) ||
		    refuse(place, "the data URI is not base64", err);
	m->url = url;
	fetched = adaptor_medium(c, url);
	if (fetched) {
		m->mime = fetched->type;
		m->bytes = fetched->bytes;
	}
	return true;
}

static bool read_file(const struct call *c, struct jval file, const char *place,
    struct media_part *m, struct err *err)
{
	struct str data = jscan_text(c->arena, convert_member(file, STR("file_data")));
	struct str url = jscan_text(c->arena, convert_member(file, STR("file_url")));

	m->file_id = jscan_text(c->arena, convert_member(file, STR("file_id")));
	m->filename = jscan_text(c->arena, convert_member(file, STR("filename")));
	if (datauri_is(data) || str_has(str_slice(data, 0, 16), STR("://")))
		return locate(c, data, place, m, err);
	if (data.n)
		m->encoded = data;
	else if (url.n)
		return locate(c, url, place, m, err);
	else if (!m->file_id.n)
		return refuse(place, "the file has neither data nor id", err);
	return true;
}

static void read_audio(const struct call *c, struct jval audio, struct media_part *m)
{
	m->encoded = jscan_text(c->arena, convert_member(audio, STR("data")));
	m->format = jscan_text(c->arena, convert_member(audio, STR("format")));
}

bool convert_media(const struct call *c, struct jval part, const char *place,
    struct media_part *out, struct err *err)
{
	static const struct {
		struct str type;
		enum media_kind kind;
	} kinds[] = {
		{ STR_INIT("image_url"), MEDIA_IMAGE },
		{ STR_INIT("video_url"), MEDIA_VIDEO },
		{ STR_INIT("file"), MEDIA_FILE },
		{ STR_INIT("input_audio"), MEDIA_AUDIO },
	};
	struct jval type = convert_member(part, STR("type")), v;
	bool ok = true;

	*out = (struct media_part){ 0 };
	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		if (!jscan_is(type, kinds[i].type))
			continue;
		out->kind = kinds[i].kind;
		v = convert_member(part, kinds[i].type);
		if (out->kind == MEDIA_FILE)
			ok = read_file(c, v, place, out, err);
		else if (out->kind == MEDIA_AUDIO)
			read_audio(c, v, out);
		else
			ok = locate(c,
			    jscan_text(c->arena,
			        v.type == J_STRING ? v : convert_member(v, STR("url"))),
			    place, out, err);
	}
	out->encoded = str_trim(out->encoded);
	if (!out->mime.n || str_eq_nocase(out->mime, STR("application/octet-stream")))
		out->mime = convert_sniff(out);
	out->mime = lower(c->arena, out->mime);
	if (str_eq_c(out->mime, "image/jpg"))
		out->mime = STR("image/jpeg");
	return ok;
}

bool convert_add_media(struct buf *out, const struct media_part *m, const char *place,
    struct err *err)
{
	if (m->bytes.n) {
		datauri_add_bytes(out, m->bytes);
		return true;
	}
	return datauri_add_base64(out, m->encoded) || refuse(place, "the data is not base64", err);
}

bool convert_media_bytes(struct arena *a, const struct media_part *m, const char *place,
    struct str *out, struct err *err)
{
	struct buf b = buf_init(m->encoded.n + 8);
	unsigned char *to;
	int n;

	*out = m->bytes;
	if (m->bytes.n)
		return true;
	if (!datauri_add_base64(&b, m->encoded) || b.len > INT_MAX) {
		buf_release(&b);
		return refuse(place, "the data is not base64", err);
	}
	to = arena_alloc(a, b.len / 4 * 3 + 1);
	n = EVP_DecodeBlock(to, (unsigned char *)b.data, (int)b.len);
	for (size_t i = b.len; n > 0 && i && b.data[i - 1] == '='; i--)
		n--;
	*out = (struct str){ (char *)to, n > 0 ? (size_t)n : 0 };
	buf_release(&b);
	return n >= 0 || refuse(place, "the data is not base64", err);
}

/* ---- what is dropped --------------------------------------------------------------------- */

static bool means_nothing(struct jval v)
{
	double d;

	return !convert_given(v) || v.type == J_FALSE || (jscan_double(v, &d) && d == 0) ||
	    str_eq_c(v.text, "{}") || str_eq_c(v.text, "[]");
}

bool convert_drop_one(const struct call *c, const char *name, const char *why, struct err *err)
{
	return !c->channel->strict_params ||
	    err_set(err, ERR_BAD_REQUEST, "'%s' cannot be honoured: %s", name, why);
}

bool convert_drop(const struct call *c, const struct str *names, size_t n, struct err *err)
{
	struct jiter it = jscan_iter(c->ask->root);
	struct jval value;
	struct str name;

	if (!c->channel->strict_params)
		return true;
	while (jscan_next_member(&it, &name, &value))
		for (size_t i = 0; i < n; i++)
			if (jscan_name_is(name, names[i]) && !means_nothing(value))
				return convert_drop_one(c, str_dup(c->arena, names[i]),
				    "the provider has no such parameter", err);
	return true;
}

/* ---- forms ------------------------------------------------------------------------------- */

/* A line end in a name would begin a header of the form. */
static bool is_one_line(struct str s)
{
	return str_find(s, '\r') == s.n && str_find(s, '\n') == s.n;
}

bool convert_begin_form(const struct call *c, struct form_edit *e, struct err *err)
{
	if (!is_one_line(c->model))
		return err_set(err, ERR_INTERNAL, "the channel's name for the model is not valid");
	*e = form_edit_new(c->arena, c->ask->form);
	form_set(e, STR("model"), c->model);
	return true;
}

void convert_put_form(const struct call *c, const struct form_edit *e, struct upstream_req *out)
{
	struct str type = c->ask->content_type, *pieces;

	if (form_is_edited(e)) {
		form_pieces(e, &pieces, &out->piece_count, &type);
		out->pieces = pieces;
	} else {
		out->body = c->ask->body;
	}
	headers_add(&out->headers, STR("Content-Type"), type);
}
