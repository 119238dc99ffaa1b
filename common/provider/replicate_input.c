/* replicate_input.c — a chat or an image as the input of a model
 *
 * Each model has an input of its own. What is written are the names that the families of models on
 * the platform share, and of them only what the client said, since some models refuse the others.
 */
#include "provider/replicate.h"

#include "base/json.h"
#include "provider/convert.h"

#define DEFAULT_TOKENS 512

static struct jval param(const struct call *c, const char *name)
{
	return convert_member(c->ask->root, str_c(name));
}

static bool has_role(struct jval m, const char *role)
{
	return jscan_is(convert_member(m, STR("role")), str_c(role));
}

static bool is_system(struct jval m)
{
	return has_role(m, "system") || has_role(m, "developer");
}

/* ---- chat -------------------------------------------------------------------------------- */

/* What the families call their members. */
static const struct family {
	struct str prefix;
	const char *max_tokens, *image;
	bool image_list;
} families[] = {
	{ STR_INIT("openai/"), "max_completion_tokens", "image_input", true },
	{ STR_INIT("google/"), "max_output_tokens", "images", true },
	{ STR_INIT(""), "max_tokens", "image", false },
};

static const struct family *family_of(struct str model)
{
	size_t i = 0;

	while (!str_starts(model, families[i].prefix))
		i++;
	return &families[i];
}

/* Texts of a content as they are escaped, joined by line feeds. Images are for add_images. */
static bool add_text(struct buf *out, struct jval content, size_t message, struct err *err)
{
	struct jiter it = jscan_iter(content);
	struct jval part, type, text;
	bool any = false;

	if (content.type == J_STRING)
		buf_add(out, convert_inside(content));
	while (content.type == J_ARRAY && jscan_next_item(&it, &part)) {
		type = convert_member(part, STR("type"));
		text = convert_member(part, STR("text"));
		if (jscan_is(type, STR("image_url")))
			continue;
		if (text.type != J_STRING)
			return err_set(err, ERR_INVALID_TEXT,
			    "messages[%zu].content: this channel takes text and images only",
			    message);
		buf_add(out, any ? STR("\\n") : STR(""));
		buf_add(out, convert_inside(text));
		any = true;
	}
	return true;
}

static size_t count_turns(const struct call *c)
{
	struct jiter it = jscan_iter(c->ask->messages);
	struct jval m;
	size_t n = 0;

	while (jscan_next_item(&it, &m))
		n += !is_system(m);
	return n;
}

/* One turn is its own text, several are a transcript that waits for the assistant. */
static bool add_prompt(const struct call *c, struct buf *out, struct err *err)
{
	bool transcript = count_turns(c) > 1;
	struct jiter it = jscan_iter(c->ask->messages);
	struct jval m;

	convert_add_raw(out, "prompt", STR("\""));
	for (size_t i = 0; jscan_next_item(&it, &m); i++) {
		if (is_system(m))
			continue;
		if (transcript)
			buf_add(out, has_role(m, "assistant") ? STR("Assistant: ") : STR("User: "));
		if (!add_text(out, convert_member(m, STR("content")), i, err))
			return false;
		if (transcript)
			buf_add(out, STR("\\n"));
	}
	buf_add(out, transcript ? STR("Assistant:\"") : STR("\""));
	return true;
}

static bool add_system(struct call *c, struct buf *out, struct err *err)
{
	struct jiter it = jscan_iter(c->ask->messages);
	struct jval m;
	bool any = false;

	if (c->system_prompt.n) {
		convert_add_raw(out, "system_prompt", STR("\""));
		json_add_escaped(out, c->system_prompt);
		any = c->system_prompt_reset = true;
	}
	for (size_t i = 0; jscan_next_item(&it, &m); i++) {
		if (!is_system(m) || (i == 0 && c->system_prompt.n))
			continue;
		if (any)
			buf_add(out, STR("\\n"));
		else
			convert_add_raw(out, "system_prompt", STR("\""));
		any = true;
		if (!add_text(out, convert_member(m, STR("content")), i, err))
			return false;
	}
	buf_add(out, any ? STR("\"") : STR(""));
	return true;
}

/* URLs or data URIs of all image parts. */
static size_t list_images(const struct call *c, struct buf *list)
{
	struct jiter it = jscan_iter(c->ask->messages), parts;
	struct jval m, content, part, image;
	size_t n = 0;

	while (jscan_next_item(&it, &m)) {
		content = convert_member(m, STR("content"));
		parts = jscan_iter(content);
		while (content.type == J_ARRAY && jscan_next_item(&parts, &part)) {
			image = convert_member(part, STR("image_url"));
			if (image.type == J_OBJECT)
				image = convert_member(image, STR("url"));
			if (image.type != J_STRING)
				continue;
			json_add_comma(list);
			buf_add(list, image.text);
			n++;
		}
	}
	return n;
}

static bool add_images(const struct call *c, struct buf *out, struct err *err)
{
	const struct family *family = family_of(c->model);
	struct buf list = buf_init(c->ask->body.n + 16);
	size_t n = list_images(c, &list);

	if (n && family->image_list) {
		convert_add_raw(out, family->image, STR("["));
		buf_add(out, buf_str(&list));
		buf_add_char(out, ']');
	} else if (n == 1) {
		convert_add_raw(out, family->image, buf_str(&list));
	}
	buf_release(&list);
	return n <= 1 || family->image_list ||
	    err_set(err, ERR_INVALID_TEXT, "this model takes one image");
}

/* One text, with commas between. */
static void add_stop(struct buf *out, struct jval stop)
{
	struct jiter it = jscan_iter(stop);
	struct jval item;
	bool any = false;

	if (stop.type == J_STRING && stop.text.n > 2)
		convert_add_raw(out, "stop_sequences", stop.text);
	while (stop.type == J_ARRAY && jscan_next_item(&it, &item)) {
		if (item.type != J_STRING || item.text.n <= 2)
			continue;
		if (any)
			buf_add_char(out, ',');
		else
			convert_add_raw(out, "stop_sequences", STR("\""));
		any = true;
		buf_add(out, convert_inside(item));
	}
	buf_add(out, any ? STR("\"") : STR(""));
}

static void add_same(const struct call *c, struct buf *out, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct jval v = param(c, names[i]);

		if (convert_given(v))
			convert_add_raw(out, names[i], v.text);
	}
}

static bool check_chat(const struct call *c, struct err *err)
{
	static const struct str dropped[] = { STR_INIT("logit_bias"), STR_INIT("prediction"),
		STR_INIT("modalities"), STR_INIT("audio") };
	struct jval format = convert_member(param(c, "response_format"), STR("type"));

	if (c->ask->tools.type == J_ARRAY && jscan_count(c->ask->tools))
		return err_set(err, ERR_INVALID_TEXT, "this channel has no tools");
	if (format.type == J_STRING && !jscan_is(format, STR("text")))
		return err_set(err, ERR_INVALID_TEXT, "this channel has no response_format");
	if (jscan_true(param(c, "logprobs")))
		return err_set(err, ERR_INVALID_TEXT, "this channel has no logprobs");
	if (c->ask->n > 1)
		return err_set(err, ERR_INVALID_TEXT, "n must be 1 for this channel");
	return convert_drop(c, dropped, COUNT_OF(dropped), err);
}

static bool add_chat(struct call *c, struct buf *out, struct err *err)
{
	static const char *const same[] = { "temperature", "top_p", "top_k", "presence_penalty",
		"frequency_penalty", "seed" };
	static const char *const of_openai[] = { "reasoning_effort", "verbosity" };

	if (!check_chat(c, err) || !add_system(c, out, err) || !add_prompt(c, out, err) ||
	    !add_images(c, out, err))
		return false;
	json_add_name(out, family_of(c->model)->max_tokens);
	buf_add_int(out, c->ask->max_tokens >= 0 ? c->ask->max_tokens : DEFAULT_TOKENS);
	add_same(c, out, same, COUNT_OF(same));
	if (str_starts(c->model, STR("openai/")))
		add_same(c, out, of_openai, COUNT_OF(of_openai));
	add_stop(out, param(c, "stop"));
	return true;
}

/* ---- images ------------------------------------------------------------------------------ */

/* Models that make several images at once, and such that are told width and height. */
int64_t replicate_images_per_call(const struct call *c)
{
	static const struct str several[] = { STR_INIT("flux-schnell"), STR_INIT("flux-dev"),
		STR_INIT("sdxl"), STR_INIT("stable-diffusion") };

	for (size_t i = 0; i < COUNT_OF(several); i++)
		if (str_has(c->model, several[i]) && !str_has(c->model, STR("diffusion-3")))
			return 4;
	return 1;
}

static bool takes_pixels(struct str model)
{
	return str_has(model, STR("sdxl")) ||
	    (str_has(model, STR("stable-diffusion")) && !str_has(model, STR("diffusion-3")));
}

/* The ratio that is nearest to the size, of those that most models take. */
static const char *ratio_of(int64_t width, int64_t height)
{
	static const struct {
		int w, h;
		const char *name;
	} ratios[] = {
		{ 1, 1, "1:1" },
		{ 16, 9, "16:9" },
		{ 9, 16, "9:16" },
		{ 3, 2, "3:2" },
		{ 2, 3, "2:3" },
		{ 4, 3, "4:3" },
		{ 3, 4, "3:4" },
		{ 5, 4, "5:4" },
		{ 4, 5, "4:5" },
		{ 21, 9, "21:9" },
		{ 9, 21, "9:21" },
	};
	double wanted = (double)width / (double)height, best = 1e9;
	const char *name = "1:1";

	for (size_t i = 0; i < COUNT_OF(ratios); i++) {
		double ratio = (double)ratios[i].w / ratios[i].h;
		double off = ratio > wanted ? ratio / wanted : wanted / ratio;

		if (off < best) {
			best = off;
			name = ratios[i].name;
		}
	}
	return name;
}

static int64_t pixels(int64_t n)
{
	n = (n + 16) / 32 * 32;
	return n > 1440 ? 1440 : n < 32 ? 32 : n;
}

static void add_size(const struct call *c, struct buf *out)
{
	struct str size = c->ask->size;
	size_t cross = str_find(size, 'x');
	int64_t width, height;

	if (convert_given(param(c, "aspect_ratio")) || convert_given(param(c, "width")) ||
	    !str_to_int(str_slice(size, 0, cross), 1, 65536, &width) ||
	    !str_to_int(str_slice(size, cross + 1, size.n), 1, 65536, &height))
		return;
	if (takes_pixels(c->model)) {
		json_add_name(out, "width");
		buf_add_int(out, pixels(width));
		json_add_name(out, "height");
		buf_add_int(out, pixels(height));
	} else {
		json_add_name(out, "aspect_ratio");
		json_add_str(out, str_c(ratio_of(width, height)));
	}
}

static bool add_image(struct call *c, struct buf *out, struct err *err)
{
	static const char *const same[] = { "aspect_ratio", "width", "height", "seed", "guidance",
		"steps", "safety_tolerance", "negative_prompt", "image", "input_image",
		"image_prompt", "mask" };
	struct jval format = param(c, "output_format");
	int64_t n = c->ask->n;

	if (!ask_check_image(c->arena, c->ask, c->model, err))
		return false;
	convert_add_raw(out, "prompt",
	    c->ask->prompt.type == J_STRING ? c->ask->prompt.text : STR("\"\""));
	add_size(c, out);
	if (replicate_images_per_call(c) > 1) {
		json_add_name(out, "num_outputs");
		buf_add_int(out, n < 4 ? n : 4);
	}
	if (jscan_is(format, STR("jpeg")))
		convert_add_raw(out, "output_format", STR("\"jpg\""));
	else if (format.type == J_STRING)
		convert_add_raw(out, "output_format", format.text);
	add_same(c, out, same, COUNT_OF(same));
	return true;
}

bool replicate_add_input(struct call *c, struct buf *out, struct err *err)
{
	bool ok;

	convert_add_raw(out, "input", STR("{"));
	ok = c->ask->mode == MODE_IMAGES ? add_image(c, out, err) : add_chat(c, out, err);
	buf_add_char(out, '}');
	return ok;
}
