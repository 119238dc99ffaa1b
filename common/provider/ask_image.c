/* ask_image.c — what requests for images must say, and what each model takes
 *
 * relay.md section 5. The model's own limits hold for the name after the channel's mapping, so they
 * are asked for by the dialect (ask_check_image), the rest when the request is read.
 */
#include "provider/ask_rules.h"

#include "base/form.h"

#define N_LIMIT 10
#define DEFAULT_SIZE "1024x1024"

/* ---- models ---------------------------------------------------------------------------- */

/* clang-format off */
static const struct image_model {
	struct str name;
	struct str sizes;       /* comma list; "": any */
	int most;               /* images in one request */
	size_t prompt_points;   /* characters of the prompt */
} image_models[] = {
	{ STR_INIT("dall-e-2"), STR_INIT("256x256,512x512,1024x1024"), 10, 1000 },
	{ STR_INIT("dall-e-3"), STR_INIT("1024x1024,1024x1792,1792x1024"), 1, 4000 },
	{ STR_INIT("gpt-image-1"), STR_INIT("auto,1024x1024,1536x1024,1024x1536"), 10, 32000 },
	{ STR_INIT("gpt-image-1-mini"), STR_INIT("auto,1024x1024,1536x1024,1024x1536"), 10, 32000 },
	{ STR_INIT("gpt-image-1.5"), STR_INIT("auto,1024x1024,1536x1024,1024x1536"), 10, 32000 },
	{ STR_INIT("gpt-image-2"), STR_INIT(""), 10, 32000 },
	{ STR_INIT("ali-stable-diffusion-xl"), STR_INIT("512x1024,1024x768,1024x1024,576x1024,1024x576"), 4, 4000 },
	{ STR_INIT("ali-stable-diffusion-v1.5"), STR_INIT("512x1024,1024x768,1024x1024,576x1024,1024x576"), 4, 4000 },
	{ STR_INIT("wanx-v1"), STR_INIT("1024x1024,720x1280,1280x720"), 4, 4000 },
	{ STR_INIT("cogview-3"), STR_INIT(""), 1, 833 },
	{ STR_INIT("step-1x-medium"), STR_INIT("256x256,512x512,768x768,1024x1024,1280x800,800x1280"), 1, 4000 },
};
/* clang-format on */

static const struct image_model *find_model(struct str name)
{
	for (size_t i = 0; i < COUNT_OF(image_models); i++)
		if (str_eq(image_models[i].name, name))
			return &image_models[i];
	return NULL;
}

static size_t prompt_points(struct arena *a, const struct ask *ask)
{
	struct str prompt =
	    ask->form ? form_text(ask->form, STR("prompt")) : jscan_text(a, ask->prompt);

	return str_code_points(prompt);
}

bool ask_check_image(struct arena *a, const struct ask *ask, struct str model, struct err *err)
{
	const struct image_model *m = find_model(model);

	if (!m)
		return true;
	if (m->sizes.n && !str_list_has(m->sizes, ask->size))
		return err_set(err, ERR_SIZE_UNSUPPORTED,
		    "size not supported for this image model");
	if (prompt_points(a, ask) > m->prompt_points)
		return err_set(err, ERR_PROMPT_TOO_LONG, "prompt is longer than %zu characters",
		    m->prompt_points);
	if (ask->n > m->most)
		return err_set(err, ERR_N_RANGE, "n must be between 1 and %d", m->most);
	return true;
}

/* ---- members ---------------------------------------------------------------------------- */

static bool check_n(struct asking *q, struct err *err)
{
	const struct form *form = q->ask->form;
	struct str text = form ? form_text(form, STR("n")) : STR("");
	bool ok = form ? text.n == 0 || str_to_int(text, 1, N_LIMIT, &q->ask->n)
	               : !asking_said(q->m.n) || jscan_int(q->m.n, 1, N_LIMIT, &q->ask->n);

	return ok || err_set(err, ERR_N_RANGE, "n must be between 1 and %d", N_LIMIT);
}

/* What all three routes have; n comes last. */
static bool check_common(struct asking *q, struct err *err)
{
	struct ask *ask = q->ask;

	if (!asking_text(q, q->m.size, "size", &ask->size, err) ||
	    !asking_text(q, q->m.quality, "quality", &ask->quality, err) ||
	    !asking_text(q, q->m.response_format, "response_format", &ask->response_format, err))
		return false;
	if (ask->size.n == 0)
		ask->size = STR(DEFAULT_SIZE);
	return check_n(q, err);
}

static bool need_prompt(struct asking *q, struct err *err)
{
	struct str prompt;

	if (!asking_text(q, q->m.prompt, "prompt", &prompt, err))
		return false;
	return prompt.n > 0 || err_set(err, ERR_PROMPT_MISSING, "prompt is required");
}

/* Uploads, or in JSON a list of URLs and ids; other providers take one as `image`. */
static bool need_image(struct asking *q, struct err *err)
{
	struct ask *ask = q->ask;
	struct jval image = asking_said(q->m.images) ? q->m.images : q->m.image;
	struct jiter it;
	struct jval first;
	bool some;

	if (ask->form) {
		some = form_files(ask->form, STR("image"), &ask->file_bytes) > 0;
		(void)form_files(ask->form, STR("mask"), &ask->file_bytes);
	} else {
		it = jscan_iter(image);
		some = asking_said(image) && !jscan_is(image, STR("")) &&
		    (image.type != J_ARRAY || jscan_next_item(&it, &first));
		ask->file_bytes = (int64_t)image.text.n;
	}
	return some || err_set(err, q->kind, "image is required");
}

bool ask_check_generation(struct asking *q, struct err *err)
{
	return need_prompt(q, err) && check_common(q, err);
}

bool ask_check_image_edit(struct asking *q, struct err *err)
{
	return need_image(q, err) && need_prompt(q, err) && check_common(q, err);
}

bool ask_check_variation(struct asking *q, struct err *err)
{
	return need_image(q, err) && check_common(q, err);
}
