/* openai_pictures.c — pictures that a provider only has URLs of, for clients that want their bytes
 *
 * OpenAI's b64_json, and its streams of images, hold the picture itself. A provider that answers
 * with URLs is asked once, then each picture is fetched, a call each, and put where its URL was.
 * The URLs are the upstream's word: they are followed over https, to public addresses only and
 * without the key; but below the channel's own base URL, which its operator named, to wherever that
 * is.
 */
#include "provider/openai.h"

#include "base/clock.h"
#include "base/json.h"
#include "provider/catalog.h"
#include "provider/convert.h"
#include "provider/datauri.h"
#include "provider/providers.h"

#define PICTURES_MOST 16
#define PICTURES_MAX_BYTES ((size_t)64 * 1024 * 1024)
#define URL_MAX 8192

struct openai_pictures {
	struct str urls[PICTURES_MOST];
	size_t count, fetched;
	struct buf data; /* the list that the client gets, as far as it is known */
};

bool openai_wants_pictures(const struct call *c)
{
	return c->provider->quirks & QUIRK_IMAGE_NAMES && c->ask->mode == MODE_IMAGES &&
	    (c->ask->stream || str_eq_c(c->ask->response_format, "b64_json"));
}

bool openai_fetches(const struct call *c)
{
	const struct openai_state *s = c->state;

	return openai_wants_pictures(c) && s && s->pictures;
}

/* ---- where they are ------------------------------------------------------------------------ */

static bool is_own(const struct call *c, struct str url)
{
	struct str base = c->channel->base_url;

	return base.n && str_starts(url, base) && url.n > base.n && url.p[base.n] == '/';
}

static bool may_follow(const struct call *c, struct str url)
{
	if (url.n > URL_MAX || (!str_starts_nocase(url, STR("https://")) && !is_own(c, url)))
		return false;
	for (size_t i = 0; i < url.n; i++)
		if (url.p[i] <= ' ' || url.p[i] > '~' || url.p[i] == '\\')
			return false;
	return true;
}

static void release(void *pictures)
{
	struct openai_pictures *p = pictures;

	buf_release(&p->data);
}

static struct openai_pictures *pictures_new(struct call *c)
{
	struct openai_state *s = c->state;

	s->pictures = ARENA_NEW(c->arena, struct openai_pictures);
	s->pictures->data = buf_init(PICTURES_MAX_BYTES);
	arena_defer(c->arena, release, s->pictures);
	return s->pictures;
}

static enum step refuse(const char *why, struct err *err)
{
	(void)err_set(err, ERR_UPSTREAM_BODY, "%s", why);
	err->upstream_status = 200;
	return STEP_FAILED;
}

enum step openai_begin_pictures(struct call *c, struct jval root, struct err *err)
{
	struct openai_pictures *p = pictures_new(c);
	struct jval list = convert_member(root, STR("images")), item;
	struct jiter it;

	if (list.type != J_ARRAY)
		list = convert_member(root, STR("data"));
	it = jscan_iter(list);
	while (list.type == J_ARRAY && p->count < PICTURES_MOST && jscan_next_item(&it, &item)) {
		struct str url = jscan_text(c->arena, convert_member(item, STR("url")));

		if (!may_follow(c, url))
			return refuse("an image lies at a place that is not followed", err);
		p->urls[p->count++] = arena_str(c->arena, url);
	}
	return p->count ? STEP_NEXT : refuse("the upstream answered without an image", err);
}

bool openai_fetch_picture(const struct call *c, struct upstream_req *out, struct err *err)
{
	static const struct str nowhere_else = { 0 };
	const struct openai_state *s = c->state;
	struct str url = s->pictures->urls[s->pictures->fetched];

	out->method = "GET";
	buf_add(&out->url, url);
	if (!is_own(c, url))
		out->public_or = &nowhere_else;
	return true;
}

/* ---- what they are ------------------------------------------------------------------------- */

static enum step deliver(struct call *c, struct openai_pictures *p, struct buf *out,
    struct err *err)
{
	struct buf made = buf_init(PICTURES_MAX_BYTES + 256);

	c->reply_type = "application/json"; /* the last call was a picture's */
	buf_addf(&made, "{\"created\":%lld,\"data\":[", (long long)clock_unix());
	buf_add(&made, buf_str(&p->data));
	buf_add(&made, STR("]}"));
	if (!buf_ok(&p->data) || !buf_ok(&made)) {
		buf_release(&made);
		return refuse("the upstream's images are too large", err);
	}
	if (c->ask->stream)
		return openai_stream_from_whole(c, adaptor_keep(c->arena, &made), out, err)
		    ? STEP_DONE
		    : STEP_FAILED;
	buf_add(out, buf_str(&made));
	buf_release(&made);
	return adaptor_done(buf_ok(out), err);
}

enum step openai_take_picture(struct call *c, struct str body, struct buf *out, struct err *err)
{
	struct openai_state *s = c->state;
	struct openai_pictures *p = s->pictures;

	if (body.n == 0)
		return refuse("an image is empty", err);
	json_add_comma(&p->data);
	buf_add(&p->data, STR("{\"b64_json\":\""));
	datauri_add_bytes(&p->data, body);
	buf_add(&p->data, STR("\"}"));
	return ++p->fetched < p->count ? STEP_NEXT : deliver(c, p, out, err);
}
