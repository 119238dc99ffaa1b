/* openai.c — the OpenAI dialect, spoken by our clients and by most providers
 *
 * Client and upstream speak alike, so bytes travel: the request is edited in place where something
 * must change and forwarded as it is where nothing must; replies and events are forwarded as they
 * came and only read on the side, for usage, errors and the end. Unknown members survive and
 * numbers keep their spelling in both directions. The parts are listed in openai.h.
 */
#include "provider/openai.h"

#include <string.h>

#include "provider/catalog.h"
#include "provider/openai_manners.h"
#include "provider/providers.h"

/* Bytes quoted of what a model wrote. */
#define SLIP_MAX 120

bool openai_is_completion(enum mode mode)
{
	return mode == MODE_CHAT || mode == MODE_COMPLETIONS;
}

bool openai_is_transcript(enum mode mode)
{
	return mode == MODE_TRANSCRIPTION || mode == MODE_TRANSLATION;
}

/* ---- headers ----------------------------------------------------------------------------- */

static void add_if_any(struct headers *h, const char *name, struct str value)
{
	if (value.n)
		headers_add(h, str_c(name), value);
}

static void add_key(const struct call *c, struct upstream_req *out)
{
	bool azure = c->provider->url_rule == URL_AZURE;

	if (azure && !str_eq_nocase(c->channel->azure_auth, STR("entra")))
		headers_add(&out->headers, STR("api-key"), c->key);
	else
		headers_add(&out->headers, STR("Authorization"),
		    str_c(arena_fmt(c->arena, "Bearer %.*s", STR_ARG(c->key))));
}

/* Of a request that is forwarded as it is, what says how it is meant. */
static void add_client_headers(const struct call *c, struct upstream_req *out)
{
	static const char *const kept[] = {
		"Accept",
		"OpenAI-Beta",
		"Idempotency-Key",
		"Range",
	};

	if (c->ask->mode != MODE_RESOURCE || !c->ask->headers)
		return;
	for (size_t i = 0; i < COUNT_OF(kept); i++)
		add_if_any(&out->headers, kept[i], headers_get(c->ask->headers, kept[i]));
}

void openai_add_cache_header(const struct call *c, struct upstream_req *out)
{
	const struct openai_manners *m = openai_manners(c->provider);

	if (m && m->cache_header)
		add_if_any(&out->headers, m->cache_header,
		    jscan_text(c->arena, c->ask->prompt_cache_key));
}

static void add_headers(const struct call *c, struct upstream_req *out)
{
	const struct catalog_channel *channel = c->channel;

	add_key(c, out);
	if (c->stream)
		headers_add(&out->headers, STR("Accept"), STR("text/event-stream"));
	add_client_headers(c, out);
	add_if_any(&out->headers, "OpenAI-Organization", channel->organization);
	add_if_any(&out->headers, "OpenAI-Project", channel->project);
	openai_add_cache_header(c, out);
	if (c->provider->quirks & QUIRK_REFERER) {
		add_if_any(&out->headers, "HTTP-Referer", channel->referer);
		add_if_any(&out->headers, "X-Title", channel->title);
	}
}

/* ---- the request ------------------------------------------------------------------------- */

static bool is_image(enum mode mode)
{
	return mode == MODE_IMAGES || mode == MODE_IMAGE_EDITS || mode == MODE_IMAGE_VARIATIONS;
}

static bool put_method(struct call *c, struct upstream_req *out, struct err *err)
{
	out->method = "POST";
	if (c->ask->mode == MODE_RESOURCE)
		out->method = adaptor_method(c->arena, c->ask->method);
	return out->method || err_set(err, ERR_BAD_REQUEST, "the method is not valid");
}

static bool encode(struct call *c, struct upstream_req *out, struct err *err)
{
	enum mode mode = c->ask->mode;

	if (!(c->provider->modes & 1u << mode))
		return err_set(err, ERR_UNSUPPORTED_MODE, "channel type %s cannot do this",
		    c->provider->name);
	if (openai_fetches(c))
		return openai_fetch_picture(c, out, err);
	if (is_image(mode) && !ask_check_image(c->arena, c->ask, c->model, err))
		return false;
	openai_state_new(c);
	if (openai_wants_pictures(c))
		c->stream = false; /* decode makes it, when they are there */
	c->raw = mode == MODE_RESOURCE || (mode == MODE_SPEECH && !c->stream);
	token_meter_init(&c->meter, c->model);
	if (!put_method(c, out, err) || !openai_url(c, &out->url, err))
		return false;
	add_headers(c, out);
	return openai_body(c, out, err);
}

/* ---- errors ------------------------------------------------------------------------------ */

/* Did the model write a call or an object that its own server could not read? What it wrote, or
 * J_NONE. */
static bool slipped(const struct call *c, int status, struct str body, struct jval *wrote)
{
	static const struct str codes[] = { STR_INIT("tool_use_failed"),
		STR_INIT("json_validate_failed") };
	const struct openai_manners *m = openai_manners(c->provider);
	struct jval root, error, code = { 0 };

	if (status != 400 || !m || !(m->answers & ANSWER_SLIPS) || !jscan_value(body, &root) ||
	    !jscan_member(root, STR("error"), &error))
		return false;
	(void)jscan_member(error, STR("code"), &code);
	(void)jscan_member(error, STR("failed_generation"), wrote);
	return jscan_is(code, codes[0]) || jscan_is(code, codes[1]);
}

/* The next throw of the dice mostly can be read: once, and no matter of the channel's health. */
static bool again(struct call *c, int status, struct str body)
{
	struct jval wrote;

	return c->step == 0 && slipped(c, status, body, &wrote);
}

/* The beginning of what the model wrote says best what went wrong. */
static void quote_slip(struct call *c, struct jval wrote, struct err *err)
{
	struct str text = str_slice(str_trim(jscan_text(c->arena, wrote)), 0, SLIP_MAX);
	struct err whole = { 0 };

	while (text.n && !str_is_utf8(text))
		text.n--;
	if (text.n == 0)
		return;
	(void)err_set(&whole, err->kind, "%s failed_generation: %.*s", err->msg,
	    STR_ARG(adaptor_mask(c->arena, text)));
	memcpy(err->msg, whole.msg, sizeof(err->msg));
}

static void error(struct call *c, int status, struct str body, struct err *err)
{
	const struct openai_manners *m = openai_manners(c->provider);
	bool busy = m && m->answers & ANSWER_BUSY_413 && status == 413;
	struct jval wrote = { 0 };

	if (openai_fetches(c)) { /* whoever keeps them says nothing of the channel's key */
		(void)err_set(err, ERR_UPSTREAM_BODY, "an image could not be fetched");
		err->upstream_status = status;
		return;
	}
	adaptor_error(busy ? 429 : status, body, err);
	err->upstream_status = status;
	if (slipped(c, status, body, &wrote))
		quote_slip(c, wrote, err);
	adaptor_scrub(c, err);
}

const struct adaptor openai_adaptor = {
	.name = "openai",
	.modes = (1u << MODE_COUNT) - 1 - (1u << MODE_PROXY),
	.frame_init = sse_init,
	.stream_type = "text/event-stream",
	.encode = encode,
	.decode = openai_decode,
	.on_event = openai_on_event,
	.on_end = openai_on_end,
	.again = again,
	.error = error,
};
