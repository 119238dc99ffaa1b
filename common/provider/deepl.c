/* deepl.c — DeepL's translation, offered as chat: POST /v2/translate
 *
 * The model's name says into what (`deepl-pt-br`, `deepl-de-to-fr`), the last user message what is
 * translated, system messages are context. There is no stream: the translation becomes one here.
 * A text that is too long for one call goes in several, cut at the ends of paragraphs. What counts is
 * characters, as DeepL bills them, as prompt tokens.
 */
#include "provider/adaptor.h"

#include <string.h>

#include "base/json.h"
#include "provider/catalog.h"
#include "provider/convert.h"
#include "provider/providers.h"
#include "provider/sink.h"

/* A body may have 128 KiB; escapes may double a text. */
#define PIECE_BYTES ((size_t)40 * 1024)
#define PIECES_MAX 64
#define CONTEXT_BYTES ((size_t)16 * 1024)
#define BODY_ROOM (256 * 1024)
#define STATUS_NO_QUOTA 456

struct state {
	struct str rest, piece, gap; /* what comes, what was sent, the blanks between them */
	struct str context;          /* what system messages say */
	struct buf text;             /* translated so far */
	int64_t characters;
};

/* ---- the request ------------------------------------------------------------------------- */

/* The text parts of a content, joined by line feeds. */
static bool text_of(struct call *c, struct jval content, size_t message, struct buf *out,
    struct err *err)
{
	struct jiter it = jscan_iter(content);
	struct jval part, text;
	bool any = false;

	if (content.type == J_STRING)
		buf_add(out, jscan_text(c->arena, content));
	for (; content.type == J_ARRAY && jscan_next_item(&it, &part); any = true) {
		text = convert_member(part, STR("text"));
		if (text.type != J_STRING)
			return err_set(err, ERR_INVALID_TEXT,
			    "messages[%zu].content: this channel translates text only", message);
		buf_add(out, any ? STR("\n") : STR(""));
		buf_add(out, jscan_text(c->arena, text));
	}
	return true;
}

/* The last user message, and everything that system messages say. */
static bool read_messages(struct call *c, struct buf *text, struct buf *context, struct err *err)
{
	struct jiter it = jscan_iter(c->ask->messages);
	struct jval m, content;

	buf_add(context, c->system_prompt);
	c->system_prompt_reset = c->system_prompt.n > 0;
	for (size_t i = 0; jscan_next_item(&it, &m); i++) {
		content = convert_member(m, STR("content"));
		if (convert_has_role(m, "system") || convert_has_role(m, "developer")) {
			if (i == 0 && c->system_prompt.n) /* the channel's takes its place */
				continue;
			buf_add(context, context->len ? STR("\n") : STR(""));
			if (!text_of(c, content, i, context, err))
				return false;
		} else if (convert_has_role(m, "user")) {
			buf_clear(text);
			if (!text_of(c, content, i, text, err))
				return false;
		}
	}
	return text->len || err_set(err, ERR_INVALID_TEXT, "there is no text to translate");
}

static bool check(const struct call *c, struct err *err)
{
	struct jval format = convert_member(convert_param(c, "response_format"), STR("type"));

	if (c->ask->mode != MODE_CHAT)
		return err_set(err, ERR_UNSUPPORTED_MODE, "channel type %s cannot do this",
		    c->provider->name);
	if (!convert_check_chat(c, 1, TOOLS_NONE, err))
		return false;
	if (format.type == J_STRING && !jscan_is(format, STR("text")))
		return err_set(err, ERR_INVALID_TEXT, "this channel has no response_format");
	return true;
}

static struct str upper(struct arena *a, struct str s)
{
	char *text = str_dup(a, s);

	for (size_t i = 0; i < s.n; i++)
		if (text[i] >= 'a' && text[i] <= 'z')
			text[i] = (char)(text[i] - 'a' + 'A');
	return (struct str){ text, s.n };
}

/* Names that DeepL no longer takes bare. */
static struct str target_of(struct arena *a, struct str name)
{
	static const struct {
		struct str name, target;
	} known[] = {
		{ STR_INIT(""), STR_INIT("ZH-HANS") },
		{ STR_INIT("en"), STR_INIT("EN-US") },
		{ STR_INIT("pt"), STR_INIT("PT-BR") },
		{ STR_INIT("zh"), STR_INIT("ZH-HANS") },
	};

	for (size_t i = 0; i < COUNT_OF(known); i++)
		if (str_eq_nocase(name, known[i].name))
			return known[i].target;
	return upper(a, name);
}

/* deepl-TARGET or deepl-SOURCE-to-TARGET. */
static void add_languages(const struct call *c, struct buf *out)
{
	size_t dash = str_find(c->model, '-');
	struct str target = str_slice(c->model, dash + 1, c->model.n), source = { 0 };
	struct jval own = convert_param(c, "source_lang");
	size_t to = str_find_str(target, STR("-to-"));

	if (dash >= c->model.n)
		target = STR("");
	if (to < target.n) {
		source = str_slice(target, 0, to);
		target = str_slice(target, to + strlen("-to-"), target.n);
	}
	json_add_name(out, "target_lang");
	json_add_str(out, target_of(c->arena, target));
	if (own.type == J_STRING) {
		convert_add_raw(out, "source_lang", own.text);
	} else if (source.n) {
		json_add_name(out, "source_lang");
		json_add_str(out, upper(c->arena, source));
	}
}

/* What the client says of it, else what the channel's config does. */
static void add_own(const struct call *c, struct buf *out)
{
	static const char *const own[] = { "formality", "model_type", "glossary_id", "style_id",
		"tag_handling", "split_sentences", "preserve_formatting", "custom_instructions" };
	struct jval config, v;

	if (!jscan_value(c->channel->row.config, &config))
		config = (struct jval){ 0 };
	for (size_t i = 0; i < COUNT_OF(own); i++) {
		v = convert_param(c, own[i]);
		if (!convert_given(v))
			v = convert_member(config, str_c(own[i]));
		if (convert_given(v))
			convert_add_raw(out, own[i], v.text);
	}
}

/* The next piece: all that is left, or up to the last end of a paragraph, of a line, of a word, of a
 * character that fits. The blanks after it are not sent, but kept. */
static void next_piece(struct state *s)
{
	struct str fits = str_slice(s->rest, 0, PIECE_BYTES), trimmed;
	size_t cut = fits.n;

	if (s->rest.n > fits.n) {
		size_t paragraph = 0, line = 0, word = 0;

		for (size_t i = 1; i < fits.n; i++) {
			if (fits.p[i] == '\n')
				*(fits.p[i - 1] == '\n' ? &paragraph : &line) = i + 1;
			else if (fits.p[i] == ' ')
				word = i + 1;
		}
		while (cut > 1 && ((unsigned char)s->rest.p[cut] & 0xc0) == 0x80)
			cut--;
		cut = paragraph ? paragraph : line ? line : word ? word : cut;
	}
	trimmed = str_slice(s->rest, 0, cut);
	while (trimmed.n > 1 && strchr(" \t\r\n", trimmed.p[trimmed.n - 1]))
		trimmed.n--;
	s->piece = trimmed;
	s->gap = str_slice(s->rest, trimmed.n, cut);
	s->rest = str_slice(s->rest, cut, s->rest.n);
}

static void release_text(void *buf)
{
	buf_release(buf);
}

static bool begin(struct call *c, struct err *err)
{
	struct buf text = buf_init(PIECE_BYTES * PIECES_MAX), context = buf_init(CONTEXT_BYTES);
	struct state *s = ARENA_NEW(c->arena, struct state);
	bool ok = check(c, err) && read_messages(c, &text, &context, err);

	if (ok && (!buf_ok(&text) || !buf_ok(&context)))
		ok = err_set(err, ERR_TOO_LARGE, "the text is too long to be translated");
	s->rest = adaptor_keep(c->arena, &text);
	s->context = adaptor_keep(c->arena, &context);
	s->text = buf_init((size_t)16 * 1024 * 1024);
	arena_defer(c->arena, release_text, &s->text);
	c->state = s;
	c->stream = false;
	token_meter_init(&c->meter, c->model);
	return ok;
}

/* Keys of the free plan have a host of their own. */
static struct str base_of(const struct call *c)
{
	if (c->channel->row.base_url.n)
		return c->channel->base_url;
	return str_ends(c->key, STR(":fx")) ? STR("https://api-free.deepl.com")
	                                    : STR("https://api.deepl.com");
}

static bool encode(struct call *c, struct upstream_req *out, struct err *err)
{
	struct buf body = buf_init(BODY_ROOM + c->ask->body.n);
	struct state *s;

	if (!c->state && !begin(c, err)) {
		buf_release(&body);
		return false;
	}
	s = c->state;
	next_piece(s);
	buf_add(&body, STR("{\"text\":["));
	json_add_str(&body, s->piece);
	buf_add_char(&body, ']');
	add_languages(c, &body);
	if (s->context.n) {
		json_add_name(&body, "context");
		json_add_str(&body, s->context);
	}
	add_own(c, &body);
	convert_add_raw(&body, "show_billed_characters", STR("true"));
	buf_add_char(&body, '}');
	out->method = "POST";
	buf_add(&out->url, base_of(c));
	buf_add(&out->url, STR("/v2/translate"));
	headers_add(&out->headers, STR("Content-Type"), STR("application/json"));
	headers_add(&out->headers, STR("Authorization"),
	    str_c(arena_fmt(c->arena, "DeepL-Auth-Key %.*s", STR_ARG(c->key))));
	out->has_body = true;
	if (!buf_ok(&body)) {
		buf_release(&body);
		return err_set(err, ERR_TOO_LARGE, "the request body is too large");
	}
	out->body = adaptor_keep(c->arena, &body);
	return true;
}

/* ---- the reply ----------------------------------------------------------------------------- */

static bool take_translation(struct call *c, struct state *s, struct jval root)
{
	struct jval list = convert_member(root, STR("translations")), one, text;
	struct jiter it = jscan_iter(list);
	bool any = false;
	int64_t billed;

	while (list.type == J_ARRAY && jscan_next_item(&it, &one)) {
		text = convert_member(one, STR("text"));
		if (text.type != J_STRING)
			return false;
		any = true;
		buf_add(&s->text, jscan_text(c->arena, text));
		billed = convert_count(convert_member(one, STR("billed_characters")));
		s->characters += billed ? billed : (int64_t)str_code_points(s->piece);
	}
	buf_add(&s->text, s->gap);
	return any;
}

static enum step decode(struct call *c, struct str body, struct buf *out, struct err *err)
{
	struct state *s = c->state;
	struct jval root;
	struct sink sink;

	if (!jscan_value(body, &root) || !take_translation(c, s, root)) {
		(void)err_set(err, ERR_UPSTREAM_BODY, "the upstream's reply has no translation");
		return STEP_FAILED;
	}
	if (s->rest.n)
		return STEP_NEXT;
	c->usage.prompt_tokens = s->characters;
	c->usage.reported = s->characters > 0;
	sink_init(&sink, c->arena, out, c->ask, STR(""));
	sink_text(&sink, buf_str(&s->text));
	sink_finish(&sink, "stop");
	sink_end(&sink, &c->usage);
	c->finished = true;
	c->done_sent = c->ask->stream;
	c->pieces = (int64_t)sink.pieces;
	return adaptor_done(buf_ok(out) && buf_ok(&s->text), err);
}

static bool on_event(struct call *c, const struct frame_event *event, struct buf *out,
    struct err *err)
{
	return err_set(err, ERR_UPSTREAM_BODY, "the upstream does not stream");
}

static bool on_end(struct call *c, struct buf *out, struct err *err)
{
	return c->finished || err_set(err, ERR_UPSTREAM_TRUNCATED, "the upstream does not stream");
}

static void error(struct call *c, int status, struct str body, struct err *err)
{
	adaptor_error(status == STATUS_NO_QUOTA ? 402 : status == 414 ? 413 : status, body, err);
	err->upstream_status = status;
	adaptor_scrub(c, err);
}

const struct adaptor deepl_adaptor = {
	.name = "deepl",
	.modes = 1u << MODE_CHAT,
	.frame_init = sse_init,
	.encode = encode,
	.decode = decode,
	.on_event = on_event,
	.on_end = on_end,
	.error = error,
};
