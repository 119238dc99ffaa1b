/* bedrock_image.c — pictures through InvokeModel: Nova Canvas and Titan, which share their words
 *
 * All pictures of a request come from one call, as base64: who asks for a URL gets the same, as with
 * OpenAI's own newer models. A picture that the moderation took away is an error of the request.
 */
#include "provider/bedrock.h"

#include "base/clock.h"
#include "base/json.h"
#include "provider/convert.h"

#define PICTURES_MOST 5
#define SIDE_MIN 256
#define SIDE_MAX 4096

/* "1024x768"; "auto" leaves the size to the model. */
static bool add_size(struct str size, struct buf *body, struct err *err)
{
	size_t x = str_find(size, 'x');
	int64_t width, height;

	if (str_eq_c(size, "auto"))
		return true;
	if (x == size.n || !str_to_int(str_slice(size, 0, x), SIDE_MIN, SIDE_MAX, &width) ||
	    !str_to_int(str_slice(size, x + 1, size.n), SIDE_MIN, SIDE_MAX, &height))
		return err_set(err, ERR_SIZE_UNSUPPORTED,
		    "size must be auto or WIDTHxHEIGHT, each side from %d to %d", SIDE_MIN,
		    SIDE_MAX);
	buf_addf(body, ",\"width\":%lld,\"height\":%lld", (long long)width, (long long)height);
	return true;
}

static bool is_premium(struct str quality)
{
	return str_eq_c(quality, "hd") || str_eq_c(quality, "high") || str_eq_c(quality, "premium");
}

static bool add_body(struct call *c, struct buf *body, struct err *err)
{
	struct jval seed = convert_param(c, "seed"), scale = convert_param(c, "cfg_scale");
	struct jval negative = convert_param(c, "negative_prompt");

	if (!bedrock_is(c->state, "amazon."))
		return err_set(err, ERR_UNSUPPORTED_MODE,
		    "this channel makes pictures with Amazon's models only");
	if (c->ask->n > PICTURES_MOST)
		return err_set(err, ERR_N_RANGE, "n must be between 1 and %d", PICTURES_MOST);
	buf_add(body, STR("{\"taskType\":\"TEXT_IMAGE\",\"textToImageParams\":{\"text\":"));
	buf_add(body, c->ask->prompt.text);
	if (negative.type == J_STRING)
		convert_add_raw(body, "negativeText", negative.text);
	buf_addf(body, "},\"imageGenerationConfig\":{\"numberOfImages\":%lld,\"quality\":\"%s\"",
	    (long long)c->ask->n, is_premium(c->ask->quality) ? "premium" : "standard");
	if (!add_size(c->ask->size, body, err))
		return false;
	if (seed.type == J_NUMBER)
		convert_add_raw(body, "seed", seed.text);
	if (scale.type == J_NUMBER)
		convert_add_raw(body, "cfgScale", scale.text);
	buf_add(body, STR("}}"));
	return true;
}

/* Why there are fewer pictures than asked for, in the upstream's words. */
static bool refuse(struct call *c, struct jval root, struct err *err)
{
	struct jval why = convert_member(root, STR("error"));

	if (why.type != J_STRING)
		why = convert_member(root, STR("status"));
	if (why.type != J_STRING)
		return err_set(err, ERR_UPSTREAM_BODY, "the upstream answered without an image");
	return err_set(err, ERR_BAD_REQUEST, "no image was made: %.*s",
	    STR_ARG(jscan_text(c->arena, why)));
}

static bool write(struct call *c, struct jval root, struct buf *out, struct err *err)
{
	struct jval images = convert_member(root, STR("images")), image;
	struct jiter it = jscan_iter(images);

	buf_addf(out, "{\"created\":%lld,\"data\":[", (long long)clock_unix());
	while (images.type == J_ARRAY && jscan_next_item(&it, &image)) {
		if (image.type != J_STRING || image.text.n <= 2)
			continue;
		json_add_comma(out);
		buf_add(out, STR("{\"b64_json\":"));
		buf_add(out, image.text);
		buf_add_char(out, '}');
		c->usage.images++;
	}
	buf_add(out, STR("]}"));
	return c->usage.images > 0 || refuse(c, root, err);
}

static enum step decode(struct call *c, struct str body, struct buf *out, struct err *err)
{
	struct jval root;

	if (!jscan_value(body, &root) || root.type != J_OBJECT) {
		(void)err_set(err, ERR_UPSTREAM_BODY, "the upstream's reply is not an object");
		return STEP_FAILED;
	}
	if (!write(c, root, out, err))
		return STEP_FAILED;
	c->finished = true;
	return adaptor_done(buf_ok(out), err);
}

const struct bedrock_surface bedrock_images = { "invoke", "invoke", add_body, decode,
	bedrock_no_event, bedrock_no_end };
