/* replicate_pictures.c — the pictures that predictions made, and how the client wants them
 *
 * URLs go on as they are; bytes are fetched, a call each and without the key, from Replicate's own
 * places only. A model that makes fewer at once than were asked for is asked again.
 */
#include "provider/replicate.h"

#include "base/clock.h"
#include "base/json.h"
#include "provider/convert.h"
#include "provider/datauri.h"

static void keep_image(struct call *c, struct replicate *s, struct jval image)
{
	if (image.type == J_STRING && s->image_count < REPLICATE_IMAGES_MAX)
		s->images[s->image_count++] = arena_str(c->arena, jscan_text(c->arena, image));
}

static enum step images_done(struct call *c, struct replicate *s, struct buf *out, struct err *err)
{
	c->usage.images = (int64_t)s->image_count;
	c->finished = true;
	buf_addf(out, "{\"created\":%lld,\"data\":[", (long long)clock_unix());
	buf_add(out, buf_str(&s->data));
	buf_add(out, STR("]}"));
	c->reply_type = "application/json"; /* the last call may have fetched a picture */
	if (buf_ok(&s->data) && buf_ok(out))
		return STEP_DONE;
	return replicate_give_up(err, ERR_UPSTREAM_BODY, "the upstream's reply is too large");
}

/* All images are known: the rest is how the client wants them. */
static enum step deliver(struct call *c, struct replicate *s, struct buf *out, struct err *err)
{
	for (; s->downloaded < s->image_count; s->downloaded++) {
		struct str url = s->images[s->downloaded], mime, encoded;

		json_add_comma(&s->data);
		if (datauri_is(url) && s->wants_bytes) {
			if (!datauri_split(url, &mime, &encoded))
				return replicate_give_up(err, ERR_UPSTREAM_BODY,
				    "an image is not base64");
			buf_add(&s->data, STR("{\"b64_json\":\""));
			(void)!datauri_add_base64(&s->data, encoded);
			buf_add(&s->data, STR("\"}"));
		} else if (s->wants_bytes) {
			if (!replicate_is_theirs(c, url, true))
				return replicate_give_up(err, ERR_UPSTREAM_BODY,
				    "an image lies at a place that is not Replicate's");
			s->phase = REPLICATE_DOWNLOAD;
			return STEP_NEXT;
		} else {
			buf_add(&s->data, STR("{\"url\":"));
			json_add_str(&s->data, url);
			buf_add_char(&s->data, '}');
		}
	}
	return images_done(c, s, out, err);
}

enum step replicate_downloaded(struct call *c, struct replicate *s, struct str body,
    struct buf *out, struct err *err)
{
	if (body.n == 0)
		return replicate_give_up(err, ERR_UPSTREAM_BODY, "an image is empty");
	buf_add(&s->data, STR("{\"b64_json\":\""));
	datauri_add_bytes(&s->data, body);
	buf_add(&s->data, STR("\"}"));
	s->downloaded++;
	return deliver(c, s, out, err);
}

enum step replicate_painted(struct call *c, struct replicate *s, struct jval root, struct buf *out,
    struct err *err)
{
	struct jval output = convert_member(root, STR("output")), image;
	struct jiter it = jscan_iter(output);
	size_t before = s->image_count;

	if (output.type == J_STRING)
		keep_image(c, s, output);
	while (output.type == J_ARRAY && jscan_next_item(&it, &image))
		keep_image(c, s, image);
	if (s->image_count == before)
		return replicate_give_up(err, ERR_UPSTREAM_BODY,
		    "the upstream answered without an image");
	if ((int64_t)s->image_count < c->ask->n && s->image_count < REPLICATE_IMAGES_MAX) {
		s->phase = REPLICATE_CREATE;
		s->polls = 0;
		return STEP_NEXT;
	}
	return deliver(c, s, out, err);
}
