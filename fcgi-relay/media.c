#include "media.h"

#include "base/mem.h"
#include "net/fetch.h"

struct item {
	struct media *media;
	struct str url;
	struct fetched got;
};

/* Outlives its exchange while fetches run, and else goes with it. */
struct media {
	struct arena *arena;
	struct exchange *x; /* NULL: nobody waits any more */
	size_t count, running;
	size_t parts, inline_bytes; /* of the request, as counted last */
	struct fetch_share share;
	struct item items[MEDIA_MAX];
	struct medium ready[MEDIA_MAX];
	void (*then)(struct exchange *x, const struct err *err);
};

static void media_free(struct media *m)
{
	fetch_share_release(&m->share);
	arena_free(m->arena);
	mem_free(m);
}

static void let_go(void *media)
{
	struct media *m = media;

	m->x = NULL;
	if (m->running == 0)
		media_free(m);
}

/* ---- which URLs ------------------------------------------------------------------------------ */

static bool is_remote(struct str url)
{
	return str_starts_nocase(url, STR("http://")) || str_starts_nocase(url, STR("https://"));
}

/* The URL of a content part, chat's or the Responses API's; "" when it has none. */
static struct str url_of(struct arena *a, struct jval part)
{
	struct jval type, image, url;

	if (part.type != J_OBJECT || !jscan_member(part, STR("type"), &type) ||
	    !(jscan_is(type, STR("image_url")) || jscan_is(type, STR("input_image"))) ||
	    !jscan_member(part, STR("image_url"), &image))
		return STR("");
	if (image.type == J_OBJECT)
		return jscan_member(image, STR("url"), &url) ? jscan_text(a, url) : STR("");
	return image.type == J_STRING ? jscan_text(a, image) : STR("");
}

static struct media *media_of(struct exchange *x)
{
	if (!x->media) {
		x->media = MEM_NEW(struct media);
		x->media->x = x;
		x->media->arena = arena_new(4096);
	}
	return x->media;
}

static bool note_url(struct exchange *x, struct str url, struct err *err)
{
	struct media *m = media_of(x);

	for (size_t i = 0; i < m->count; i++) {
		if (str_eq(m->items[i].url, url))
			return true;
	}
	if (m->count == MEDIA_MAX)
		return err_set(err, ERR_INVALID_TEXT, "more than %d different URLs in one request",
		    MEDIA_MAX);
	m->items[m->count++] = (struct item){ .media = m, .url = arena_str(m->arena, url) };
	return true;
}

static bool too_large(const struct exchange *x, struct err *err)
{
	return err_set(err, ERR_TOO_LARGE,
	    "the images of this request have more than %zu bytes together",
	    x->relay->media.max_request_bytes);
}

/* What a data URI holds: three bytes in four characters, whatever stands before them. */
static bool note_inline(struct exchange *x, struct str url, struct err *err)
{
	struct media *m = media_of(x);

	m->inline_bytes += url.n / 4 * 3;
	return m->inline_bytes <= x->relay->media.max_request_bytes || too_large(x, err);
}

static bool note_part(struct exchange *x, struct jval part, struct err *err)
{
	struct str url = url_of(x->req->arena, part);

	if (url.n == 0)
		return true;
	if (++media_of(x)->parts > MEDIA_PARTS_MAX)
		return err_set(err, ERR_INVALID_TEXT, "more than %d images in one request",
		    MEDIA_PARTS_MAX);
	if (str_starts_nocase(url, STR("data:")))
		return note_inline(x, url, err);
	if (!is_remote(url) || !x->call.provider->adaptor->wants_bytes(&x->call, url))
		return true;
	return note_url(x, url, err);
}

static bool note_message(struct exchange *x, struct jval message, struct err *err)
{
	struct jval content, part;
	struct jiter it;

	if (message.type != J_OBJECT || !jscan_member(message, STR("content"), &content) ||
	    content.type != J_ARRAY)
		return true;
	it = jscan_iter(content);
	while (jscan_next_item(&it, &part)) {
		if (!note_part(x, part, err))
			return false;
	}
	return true;
}

static bool note_all(struct exchange *x, struct jval messages, struct err *err)
{
	struct jval message;
	struct jiter it;

	if (messages.type != J_ARRAY)
		return true;
	it = jscan_iter(messages);
	while (jscan_next_item(&it, &message)) {
		if (!note_message(x, message, err))
			return false;
	}
	return true;
}

bool media_missing(struct exchange *x, bool *missing, struct err *err)
{
	struct media *m;
	size_t ready = 0;

	*missing = false;
	if (!x->call.provider->adaptor->wants_bytes)
		return true;
	if (x->media)
		x->media->parts = x->media->inline_bytes = 0;
	if (!note_all(x, x->ask.messages, err) || !note_all(x, x->ask.input, err))
		return false;
	m = x->media;
	for (size_t i = 0; m && i < m->count; i++) {
		if (m->items[i].got.ok)
			m->ready[ready++] = (struct medium){ m->items[i].url,
				m->items[i].got.content_type, m->items[i].got.body };
		else
			*missing = true;
	}
	x->call.media = m ? m->ready : NULL;
	x->call.media_count = ready;
	return true;
}

/* ---- fetching -------------------------------------------------------------------------------- */

static void finish(struct media *m)
{
	struct exchange *x = m->x;

	if (!x) {
		media_free(m);
		return;
	}
	for (size_t i = 0; i < m->count; i++) {
		if (!m->items[i].got.ok) {
			m->then(x, &m->items[i].got.err);
			return;
		}
	}
	m->then(x, NULL);
}

static void on_fetched(void *arg, const struct fetched *result)
{
	struct item *item = arg;

	item->got = *result;
	if (--item->media->running == 0)
		finish(item->media);
}

void media_fetch(struct exchange *x, void (*then)(struct exchange *x, const struct err *err))
{
	struct media *m = x->media;

	m->then = then;
	if (!m->share.room)
		fetch_share_init(&m->share, &x->relay->media_room, &x->relay->media,
		    m->inline_bytes);
	for (size_t i = 0; i < m->count; i++) {
		struct item *item = &m->items[i];

		if (item->got.ok)
			continue;
		m->running++;
		item->got = (struct fetched){ 0 };
		fetch_url(exchange_wire(x), m->arena, item->url, &x->relay->media, &m->share,
		    on_fetched, item);
	}
}

void media_abandon(struct exchange *x)
{
	struct media *m = x->media;

	x->media = NULL;
	if (m)
		let_go(m);
}
