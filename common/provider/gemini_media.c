/* gemini_media.c — pictures, sounds and files as parts of Gemini's contents
 *
 * Data goes inline; what Google finds by itself, by its place.
 */
#include "provider/gemini_contents.h"

#include "base/arena.h"
#include "base/json.h"

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
static bool add_reference(struct gemini_contents *t, const struct media_part *m, struct str type)
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

/* The part itself, where gemini_begin_part has made room. */
bool gemini_add_media_part(struct gemini_contents *t, const struct media_part *m, const char *place,
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
bool gemini_add_media(struct gemini_contents *t, const char *role, struct jval part,
    const char *place, struct err *err)
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
	gemini_begin_part(t, role);
	return gemini_add_media_part(t, &m, place, err);
}
