/* replicate_image.c — an image or the edit of one as the input of a model
 *
 * Sizes are width and height or a ratio, several images are one prediction or several, pictures go by
 * one of six names: the model's schema says which. The pictures of a form go along as data URIs.
 */
#include "provider/replicate.h"

#include "base/form.h"
#include "base/json.h"
#include "provider/convert.h"
#include "provider/datauri.h"

bool replicate_check_image(struct call *c, struct err *err)
{
	return ask_check_image(c->arena, c->ask, c->model, err);
}

/* ---- what the client said ------------------------------------------------------------------ */

/* A field of a form as JSON: a number or a text. */
static struct str field_as_json(const struct call *c, struct str text)
{
	struct jval v;

	if (jscan_value(text, &v) && v.type == J_NUMBER && v.text.n == text.n)
		return text;
	return convert_quote(c->arena, text);
}

/* A member of the request as JSON, from its body or a field of its form; "" when it was not said. */
static struct str said(const struct call *c, const char *name)
{
	struct jval v;
	struct str text;

	if (c->ask->form) {
		text = form_text(c->ask->form, str_c(name));
		return text.n ? field_as_json(c, text) : text;
	}
	v = convert_param(c, name);
	return convert_given(v) ? v.text : STR("");
}

/* ---- size and number ----------------------------------------------------------------------- */

/* Edges are multiples of 32. */
static int64_t pixels(int64_t n)
{
	n = (n + 16) / 32 * 32;
	return n > 1440 ? 1440 : n < 32 ? 32 : n;
}

static void add_pixels(const struct replicate_schema *schema, int64_t width, int64_t height,
    struct buf *out)
{
	if (replicate_takes(schema, "aspect_ratio") && replicate_has_custom_ratio(schema))
		convert_add_raw(out, "aspect_ratio", STR("\"custom\""));
	json_add_name(out, "width");
	buf_add_int(out, pixels(width));
	json_add_name(out, "height");
	buf_add_int(out, pixels(height));
}

/* An edit keeps the size of its picture unless another is asked for. */
static void add_size(const struct call *c, const struct replicate_schema *schema, struct buf *out)
{
	struct str size = c->ask->size;
	size_t cross = str_find(size, 'x');
	int64_t width, height;

	if ((c->ask->mode == MODE_IMAGE_EDITS && !said(c, "size").n) || said(c, "aspect_ratio").n ||
	    said(c, "width").n || !str_to_int(str_slice(size, 0, cross), 1, 65536, &width) ||
	    !str_to_int(str_slice(size, cross + 1, size.n), 1, 65536, &height))
		return;
	if (replicate_takes(schema, "width") && replicate_takes(schema, "height")) {
		add_pixels(schema, width, height, out);
	} else if (replicate_takes(schema, "aspect_ratio")) {
		json_add_name(out, "aspect_ratio");
		json_add_str(out, str_c(replicate_ratio(schema, width, height)));
	} else if (replicate_takes(schema, "size")) {
		json_add_name(out, "size");
		json_add_str(out, size);
	}
}

/* Where the model has no number, the adaptor makes further predictions. */
static void add_number(const struct replicate_schema *schema, int64_t left, struct buf *out)
{
	static const char *const names[] = { "num_outputs", "number_of_images", "num_images",
		NULL };
	const char *name = replicate_first(schema, names);

	if (!name)
		return;
	json_add_name(out, name);
	buf_add_int(out, left < schema->outputs ? left : schema->outputs);
}

/* ---- pictures ------------------------------------------------------------------------------ */

/* An upload as a data URI. */
static bool add_upload(const struct form_part *part, struct buf *list, struct err *err)
{
	struct str type = convert_sniff(&(struct media_part){ .bytes = part->body });

	if (!str_starts(type, STR("image/")))
		return err_set(err, ERR_INVALID_IMAGE,
		    "an image is neither PNG, JPEG, GIF nor WebP");
	json_add_comma(list);
	buf_addf(list, "\"data:%.*s;base64,", STR_ARG(type));
	datauri_add_bytes(list, part->body);
	buf_add_char(list, '"');
	return true;
}

/* In a JSON body: a URL or a data URI, alone or as image_url. */
static bool add_reference(struct jval image, struct buf *list, struct err *err)
{
	if (image.type == J_OBJECT)
		image = convert_member(image, STR("image_url"));
	if (image.type == J_OBJECT)
		image = convert_member(image, STR("url"));
	if (image.type != J_STRING)
		return err_set(err, ERR_INVALID_IMAGE, "an image must be a URL for this channel");
	json_add_comma(list);
	buf_add(list, image.text);
	return true;
}

static bool list_uploads(const struct form *form, struct buf *list, size_t *n, struct err *err)
{
	for (size_t i = 0; i < form->count; i++) {
		const struct form_part *part = &form->parts[i];

		if (!part->is_file ||
		    (!str_eq_c(part->name, "image") && !str_eq_c(part->name, "image[]")))
			continue;
		if (!add_upload(part, list, err))
			return false;
		++*n;
	}
	return true;
}

static bool list_pictures(const struct call *c, struct buf *list, size_t *n, struct err *err)
{
	struct jval images, item;
	struct jiter it;

	if (c->ask->form)
		return list_uploads(c->ask->form, list, n, err);
	images = convert_param(c, "images");
	if (!convert_given(images))
		images = convert_param(c, "image");
	if (images.type != J_ARRAY) {
		*n = 1;
		return add_reference(images, list, err);
	}
	for (it = jscan_iter(images); jscan_next_item(&it, &item); ++*n)
		if (!add_reference(item, list, err))
			return false;
	return true;
}

/* The name that takes so many. */
static const char *name_for(const struct replicate_schema *schema, size_t n)
{
	static const char *const names[] = { "input_images", "image_input", "images", "input_image",
		"image", "image_prompt" };

	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (replicate_takes(schema, names[i]) &&
		    (n == 1 || replicate_takes_list(schema, names[i])))
			return names[i];
	return NULL;
}

static bool add_pictures(const struct call *c, const struct replicate_schema *schema,
    struct buf *out, struct err *err)
{
	struct buf list = buf_init(c->ask->body.n * 2 + 1024);
	const char *name;
	size_t n = 0;
	bool ok = list_pictures(c, &list, &n, err);

	name = name_for(schema, n);
	if (ok && !name)
		ok = err_set(err, ERR_INVALID_IMAGE,
		    name_for(schema, 1) ? "this model takes one image"
		                        : "this model takes no images");
	if (ok)
		replicate_add_list(schema, name, buf_str(&list), out);
	buf_release(&list);
	return ok;
}

/* What shall stay as it is; without it the whole picture would be painted anew. */
static bool add_mask(const struct call *c, const struct replicate_schema *schema, struct buf *out,
    struct err *err)
{
	const struct form_part *part = c->ask->form ? form_file(c->ask->form, STR("mask")) : NULL;
	struct jval mask = convert_param(c, "mask");
	struct buf one = buf_init(c->ask->body.n * 2 + 1024);
	bool ok = true;

	if (part)
		ok = add_upload(part, &one, err);
	else if (convert_given(mask))
		ok = add_reference(mask, &one, err);
	if (ok && one.len && !replicate_takes(schema, "mask"))
		ok = err_set(err, ERR_INVALID_IMAGE, "this model takes no mask");
	if (ok && one.len)
		convert_add_raw(out, "mask", buf_str(&one));
	buf_release(&one);
	return ok;
}

/* ---- all of it ----------------------------------------------------------------------------- */

static void add_format(const struct call *c, const struct replicate_schema *schema, struct buf *out)
{
	struct str format = said(c, "output_format");

	if (!format.n || !replicate_takes(schema, "output_format"))
		return;
	convert_add_raw(out, "output_format",
	    str_eq_c(format, "\"jpeg\"") ? STR("\"jpg\"") : format);
}

/* Extensions, by whichever of two names the model has. */
static bool add_extensions(const struct call *c, const struct replicate_schema *schema,
    struct buf *out, struct err *err)
{
	static const struct {
		const char *name, *other;
	} same[] = {
		{ "aspect_ratio", NULL },
		{ "width", NULL },
		{ "height", NULL },
		{ "seed", NULL },
		{ "guidance", "guidance_scale" },
		{ "guidance_scale", "guidance" },
		{ "steps", "num_inference_steps" },
		{ "num_inference_steps", "steps" },
		{ "safety_tolerance", NULL },
		{ "negative_prompt", NULL },
		{ "prompt_strength", NULL },
		{ "output_quality", NULL },
		{ "quality", NULL },
		{ "background", NULL },
		{ "style", NULL },
		{ "resolution", NULL },
	};

	for (size_t i = 0; i < COUNT_OF(same); i++) {
		struct str value = said(c, same[i].name);
		const char *name =
		    replicate_takes(schema, same[i].name) ? same[i].name : same[i].other;

		if (!value.n)
			continue;
		if (name && replicate_takes(schema, name))
			convert_add_raw(out, name, value);
		else if (!convert_drop_one(c, same[i].name, "the model has no such parameter", err))
			return false;
	}
	return true;
}

/* Pictures of a request for an image, which have no rule of OpenAI's: passed under their own names. */
static bool add_own_pictures(const struct call *c, const struct replicate_schema *schema,
    struct buf *out, struct err *err)
{
	static const char *const names[] = { "image", "input_image", "image_prompt", "image_input",
		"input_images", "images", "mask" };

	return replicate_add_same(c, schema, names, COUNT_OF(names), out, err);
}

bool replicate_add_image(struct call *c, const struct replicate_schema *schema, int64_t left,
    struct buf *out, struct err *err)
{
	static const char *const of_prompt[] = { "prompt", "text", "input", NULL };
	const char *prompt = replicate_first(schema, of_prompt);
	bool edits = c->ask->mode == MODE_IMAGE_EDITS;

	if (!prompt)
		return err_set(err, ERR_INVALID_IMAGE, "this model takes no prompt");
	json_add_name(out, prompt);
	if (c->ask->form)
		json_add_str(out, form_text(c->ask->form, STR("prompt")));
	else
		buf_add(out, c->ask->prompt.type == J_STRING ? c->ask->prompt.text : STR("\"\""));
	add_size(c, schema, out);
	add_number(schema, left, out);
	add_format(c, schema, out);
	if (!add_extensions(c, schema, out, err))
		return false;
	return edits ? add_pictures(c, schema, out, err) && add_mask(c, schema, out, err)
	             : add_own_pictures(c, schema, out, err);
}
