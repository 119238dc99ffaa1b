/* openai_request.c — what is changed in a body that passes through
 *
 *	model			the channel's name for it
 *	stream_options		include_usage is always asked for, since usage is what is billed;
 *				the extra chunk is swallowed when the client did not ask.
 *				Providers that refuse the member lose it
 *	messages, instructions	the channel's forced system prompt
 *	max_tokens		max_completion_tokens on OpenAI's reasoning models, which refuse it
 *	others			as openai_manners.c says of the provider
 *	size, n			of images: the defaults that the price is made of, by the names of
 *				providers that have other ones
 *
 * Everything else keeps its bytes, and a form its files: only `model` is written anew, around views
 * of what the client sent.
 */
#include "provider/openai.h"

#include "base/form.h"
#include "provider/convert.h"
#include "provider/openai_manners.h"
#include "provider/providers.h"

/* Room that all edits together may add to a body, the forced prompt aside. */
#define EDIT_ROOM (64 * 1024)
#define TYPE_OPENAI 1
#define TYPE_AZURE 3

/* ---- members ----------------------------------------------------------------------------- */

/* Replaced also when the name occurs twice: which one counts is then the upstream's guess. */
static void edit_model(const struct call *c, struct jedit *e)
{
	struct jiter it = jscan_iter(c->ask->root);
	struct str name;
	struct jval value;
	int others = 0, same = 0;

	while (jscan_next_member(&it, &name, &value)) {
		if (!jscan_name_is(name, STR("model")))
			continue;
		if (jscan_is(value, c->model))
			same++;
		else
			others++;
	}
	if (others || same != 1)
		jedit_set(e, c->ask->root, STR("model"), convert_quote(c->arena, c->model));
}

static void edit_stream(const struct call *c, struct jedit *e)
{
	const struct ask *ask = c->ask;
	bool refused = (c->provider->quirks & QUIRK_NO_STREAM_USAGE) != 0;

	if (!openai_is_completion(ask->mode))
		return;
	if (c->stream != ask->stream)
		jedit_set(e, ask->root, STR("stream"), c->stream ? STR("true") : STR("false"));
	if (refused || (ask->stream && !c->stream)) {
		if (ask->stream_options.type != J_NONE)
			jedit_drop(e, ask->root, STR("stream_options"));
		return;
	}
	if (!c->stream || ask->wants_usage)
		return;
	if (ask->stream_options.type == J_OBJECT)
		jedit_set(e, ask->stream_options, STR("include_usage"), STR("true"));
	else
		jedit_set(e, ask->root, STR("stream_options"), STR("{\"include_usage\":true}"));
}

static void edit_system_prompt(struct call *c, struct jedit *e)
{
	struct jiter it;
	struct jval first, role;
	struct str text;

	if (c->system_prompt.n == 0)
		return;
	text = convert_quote(c->arena, c->system_prompt);
	if (c->ask->mode == MODE_RESPONSES) {
		jedit_set(e, c->ask->root, STR("instructions"), text);
		c->system_prompt_reset = true;
		return;
	}
	if (c->ask->mode != MODE_CHAT)
		return;
	it = jscan_iter(c->ask->messages);
	c->system_prompt_reset = true;
	if (jscan_next_item(&it, &first) && jscan_member(first, STR("role"), &role) &&
	    (jscan_is(role, STR("system")) || jscan_is(role, STR("developer")))) {
		jedit_set(e, first, STR("content"), text);
		return;
	}
	jedit_prepend(e, c->ask->messages,
	    str_c(arena_fmt(c->arena, "{\"role\":\"system\",\"content\":%.*s}", STR_ARG(text))));
}

static bool is_reasoning_model(struct str model)
{
	static const struct str prefixes[] = {
		STR_INIT("o1"),
		STR_INIT("o3"),
		STR_INIT("o4"),
		STR_INIT("gpt-5"),
	};

	for (size_t i = 0; i < COUNT_OF(prefixes); i++)
		if (str_starts(model, prefixes[i]))
			return !str_has(model, STR("-chat"));
	return false;
}

/* Only the name is touched; a max_completion_tokens beside it wins. */
static void edit_max_tokens(const struct call *c, struct jedit *e)
{
	int type = c->provider->id;
	struct jiter it = jscan_iter(c->ask->root);
	struct jval value;
	struct str name;

	if ((type != TYPE_OPENAI && type != TYPE_AZURE) || c->ask->mode != MODE_CHAT ||
	    !is_reasoning_model(c->model))
		return;
	if (jscan_member(c->ask->root, STR("max_completion_tokens"), &value)) {
		bool null = value.type == J_NULL;

		if (jscan_member(c->ask->root, STR("max_tokens"), &value))
			jedit_drop(e, c->ask->root,
			    null ? STR("max_completion_tokens") : STR("max_tokens"));
		if (!null)
			return;
	}
	while (jscan_next_member(&it, &name, &value))
		if (jscan_name_is(name, STR("max_tokens")))
			jedit_replace(e, (struct jval){ J_STRING, name },
			    STR("max_completion_tokens"));
}

/* ---- images ------------------------------------------------------------------------------ */

/* Does the client speak the provider's own names? */
static bool says(const struct call *c, struct str name)
{
	struct jval v;

	return jscan_member(c->ask->root, name, &v) && v.type != J_NULL;
}

static struct str number(const struct call *c, int64_t n)
{
	return str_c(arena_fmt(c->arena, "%lld", (long long)n));
}

/* What the client left open is priced by the default, so the default is what is asked for. */
static void write_defaults(const struct call *c, struct jedit *e)
{
	const struct ask *ask = c->ask;
	struct jval v;

	if (!says(c, STR("n")))
		jedit_set(e, ask->root, STR("n"), STR("1"));
	if (c->provider->quirks & QUIRK_NO_IMAGE_SIZE)
		return;
	if (!says(c, STR("size")) ||
	    (jscan_member(ask->root, STR("size"), &v) && jscan_is(v, STR(""))))
		jedit_set(e, ask->root, STR("size"), convert_quote(c->arena, ask->size));
}

static void rename_size(const struct call *c, struct jedit *e)
{
	if (says(c, STR("image_size")) && !says(c, STR("size")))
		return;
	jedit_drop(e, c->ask->root, STR("size"));
	jedit_drop(e, c->ask->root, STR("n"));
	jedit_set(e, c->ask->root, STR("image_size"), convert_quote(c->arena, c->ask->size));
	jedit_set(e, c->ask->root, STR("batch_size"), number(c, c->ask->n));
}

/* "1024x768" as two numbers; "auto" is left to the model. */
static void split_size(const struct call *c, struct jedit *e)
{
	struct str size = c->ask->size;
	size_t cross = str_find(size, 'x');
	int64_t width, height;

	if (says(c, STR("width")) && !says(c, STR("size")))
		return;
	jedit_drop(e, c->ask->root, STR("size"));
	if (cross == size.n || !str_to_int(str_slice(size, 0, cross), 1, 65536, &width) ||
	    !str_to_int(str_slice(size, cross + 1, size.n), 1, 65536, &height))
		return;
	jedit_set(e, c->ask->root, STR("width"), number(c, width));
	jedit_set(e, c->ask->root, STR("height"), number(c, height));
}

static void edit_image(const struct call *c, struct jedit *e)
{
	unsigned quirks = c->provider->quirks;

	if (c->ask->mode != MODE_IMAGES)
		return;
	if (quirks & QUIRK_NO_IMAGE_SIZE) {
		jedit_drop(e, c->ask->root, STR("size"));
		jedit_drop(e, c->ask->root, STR("quality"));
		jedit_drop(e, c->ask->root, STR("style"));
	}
	if (quirks & QUIRK_IMAGE_NAMES) {
		rename_size(c, e);
		jedit_drop(e, c->ask->root, STR("response_format"));
		jedit_drop(e, c->ask->root, STR("stream"));
		jedit_drop(e, c->ask->root, STR("partial_images"));
		return;
	}
	if (quirks & QUIRK_IMAGE_WIDTH) {
		split_size(c, e);
		if (str_eq_c(c->ask->response_format, "b64_json"))
			jedit_set(e, c->ask->root, STR("response_format"), STR("\"base64\""));
		return;
	}
	write_defaults(c, e);
}

/* ---- bodies ------------------------------------------------------------------------------ */

static void add_type(struct upstream_req *out, struct str type)
{
	headers_add(&out->headers, STR("Content-Type"), type);
}

/* Members by other names and pictures in place of their URLs may make a body longer. */
static size_t room_for(const struct call *c)
{
	size_t room = c->ask->body.n + c->system_prompt.n * 6 + EDIT_ROOM;

	for (size_t i = 0; i < c->media_count; i++)
		room += c->media[i].bytes.n * 2;
	return openai_manners(c->provider) ? room + 8 * c->ask->body.n : room;
}

static bool put_json(struct call *c, struct upstream_req *out, struct err *err)
{
	struct jedit e = jedit_new(c->arena, c->ask->root);
	struct buf edited;
	bool ok;

	add_type(out, STR("application/json"));
	edit_model(c, &e);
	edit_stream(c, &e);
	edit_system_prompt(c, &e);
	edit_max_tokens(c, &e);
	edit_image(c, &e);
	if (!openai_edit_fields(c, &e, err))
		return false;
	if (e.n == 0 && !e.spoilt) {
		out->body = c->ask->body;
		return true;
	}
	edited = buf_init(room_for(c));
	jedit_apply(&e, &edited);
	ok = buf_ok(&edited);
	out->body = adaptor_keep(c->arena, &edited);
	return ok || err_set(err, ERR_INVALID_TEXT, "the request body names one member too often");
}

static bool put_form(struct call *c, struct upstream_req *out, struct err *err)
{
	struct form_edit e;

	if (!convert_begin_form(c, &e, err))
		return false;
	convert_put_form(c, &e, out);
	return true;
}

static bool put_resource(struct call *c, struct upstream_req *out)
{
	out->body = c->ask->body;
	out->has_body = out->body.n > 0;
	if (out->has_body && c->ask->content_type.n)
		add_type(out, c->ask->content_type);
	return true;
}

bool openai_body(struct call *c, struct upstream_req *out, struct err *err)
{
	out->has_body = true;
	if (c->ask->mode == MODE_RESOURCE)
		return put_resource(c, out);
	return c->ask->form ? put_form(c, out, err) : put_json(c, out, err);
}
