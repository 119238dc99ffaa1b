/* bedrock.c — the dialect of AWS Bedrock: which surface, frames, errors
 *
 * A stream of InvokeModel wraps each of the model's own events in base64 within a frame; Converse has
 * events of its own. Either may end in an exception, named as the HTTP errors are.
 */
#include "provider/bedrock.h"

#include <stdio.h>

#include <openssl/evp.h>

#include "provider/catalog.h"
#include "provider/convert.h"
#include "provider/providers.h"

#define GROWTH_ROOM (64 * 1024)
#define BODY_MAX 25000000

/* ---- which surface ----------------------------------------------------------------------- */

static bool has_media(struct jval messages)
{
	struct jiter it = jscan_iter(messages), parts;
	struct jval message, content, part;

	while (messages.type == J_ARRAY && jscan_next_item(&it, &message)) {
		content = convert_member(message, STR("content"));
		parts = jscan_iter(content);
		while (content.type == J_ARRAY && jscan_next_item(&parts, &part))
			if (!jscan_is(convert_member(part, STR("type")), STR("text")))
				return true;
		if (convert_given(convert_member(message, STR("tool_calls"))))
			return true;
	}
	return false;
}

/* What Llama's own body has no place for. */
static bool needs_more_than_text(const struct ask *ask)
{
	static const struct str names[] = { STR_INIT("tools"), STR_INIT("functions"),
		STR_INIT("stop"), STR_INIT("response_format"), STR_INIT("reasoning_effort") };
	struct jval v[COUNT_OF(names)];

	convert_pick(ask->root, names, v, COUNT_OF(v));
	for (size_t i = 0; i < COUNT_OF(v); i++)
		if (convert_given(v[i]))
			return true;
	return has_media(ask->messages);
}

static const struct bedrock_surface *choose(const struct call *c, const struct bedrock *b)
{
	struct str style = c->channel->api_style;

	if (c->ask->mode == MODE_EMBEDDINGS)
		return &bedrock_embeddings;
	if (c->ask->mode == MODE_IMAGES)
		return &bedrock_images;
	if (str_eq_c(style, "converse"))
		return &bedrock_converse;
	if (bedrock_is(b, "anthropic"))
		return &bedrock_claude;
	if (bedrock_is(b, "meta.llama") &&
	    (str_eq_c(style, "invoke") || !needs_more_than_text(c->ask)))
		return &bedrock_llama;
	return &bedrock_converse;
}

/* Bytes are wanted of everything: no surface takes a URL but of S3. */
static bool wants_bytes(const struct call *c, struct str url)
{
	return true;
}

/* ---- request ----------------------------------------------------------------------------- */

static bool add_url(const struct call *c, const struct bedrock *b, struct str region,
    struct upstream_req *out, struct err *err)
{
	bool is_chinese = str_starts(region, STR("cn-"));

	if (c->channel->base_url.n) {
		buf_add(&out->url, c->channel->base_url);
	} else {
		if (!bedrock_region_ok(region))
			return err_set(err, ERR_CHANNEL_INVALID,
			    "this channel needs a region or a base URL");
		buf_addf(&out->url, "https://bedrock-runtime.%.*s.amazonaws.com%s", STR_ARG(region),
		    is_chinese ? ".cn" : "");
	}
	buf_add(&out->url, STR("/model/"));
	url_encode(&out->url, b->model);
	buf_addf(&out->url, "/%s", c->stream ? b->surface->stream_action : b->surface->action);
	return true;
}

static void add_headers(const struct call *c, const struct bedrock *b, struct upstream_req *out)
{
	bool invokes = b->surface != &bedrock_converse;
	const struct catalog_channel *ch = c->channel;

	headers_add(&out->headers, STR("Content-Type"), STR("application/json"));
	if (!c->stream)
		headers_add(&out->headers, STR("Accept"), STR("application/json"));
	else
		headers_add(&out->headers, STR("Accept"),
		    STR("application/vnd.amazon.eventstream"));
	if (c->stream && invokes)
		headers_add(&out->headers, STR("X-Amzn-Bedrock-Accept"), STR("application/json"));
	if (!invokes || !ch->guardrail_id.n)
		return;
	headers_add(&out->headers, STR("X-Amzn-Bedrock-GuardrailIdentifier"), ch->guardrail_id);
	headers_add(&out->headers, STR("X-Amzn-Bedrock-GuardrailVersion"),
	    ch->guardrail_version.n ? ch->guardrail_version : STR("DRAFT"));
	if (ch->guardrail_trace.n)
		headers_add(&out->headers, STR("X-Amzn-Bedrock-Trace"), ch->guardrail_trace);
}

static struct bedrock *begin(struct call *c)
{
	struct bedrock *b = ARENA_NEW(c->arena, struct bedrock);

	b->header_tokens = b->header_output = -1;
	bedrock_find_model(c, b);
	b->surface = choose(c, b);
	b->claude = anthropic_reply_new(c);
	if (c->ask->stream)
		sink_init(&b->sink, c->arena, NULL, c->ask, STR(""));
	return b;
}

static bool style_ok(struct str style)
{
	return !style.n || str_eq_c(style, "invoke") || str_eq_c(style, "converse");
}

static bool encode(struct call *c, struct upstream_req *out, struct err *err)
{
	struct bedrock_credentials with = bedrock_credentials(c);
	struct bedrock *b;
	struct buf body = buf_init(c->ask->body.n * 3 + c->system_prompt.n * 6 + GROWTH_ROOM);
	bool ok;

	if (!(c->provider->modes & 1u << c->ask->mode))
		return err_set(err, ERR_UNSUPPORTED_MODE, "channel type %s cannot do this",
		    c->provider->name);
	for (size_t i = 0; i < c->media_count; i++)
		body.limit += c->media[i].bytes.n * 2;
	if (!style_ok(c->channel->api_style))
		return err_set(err, ERR_CHANNEL_INVALID,
		    "api_style must be invoke, converse or mantle");
	if (c->step == 0)
		c->state = begin(c);
	b = c->state;
	out->method = "POST";
	ok = add_url(c, b, with.region, out, err) && b->surface->add_body(c, &body, err);
	if (ok && (!buf_ok(&body) || body.len > BODY_MAX))
		ok = err_set(err, ERR_TOO_LARGE, "the request body is too large");
	out->has_body = true;
	out->body = adaptor_keep(c->arena, &body);
	add_headers(c, b, out);
	return ok && bedrock_authorize(c, &with, "bedrock", out, err);
}

/* ---- replies ----------------------------------------------------------------------------- */

/* Counts and the id stand in the head, where the body has none. */
static void on_head(struct call *c, const struct headers *headers)
{
	struct bedrock *b = c->state;
	int64_t n;

	b->request_id = arena_str(c->arena, headers_get(headers, "x-amzn-requestid"));
	b->error_type = arena_str(c->arena, headers_get(headers, "x-amzn-errortype"));
	b->error_type.n = str_find(b->error_type, ':');
	if (c->ask->stream)
		sink_id(&b->sink, b->request_id);
	if (str_to_int(headers_get(headers, "x-amzn-bedrock-input-token-count"), 0, INT32_MAX, &n))
		b->header_tokens = n;
	if (str_to_int(headers_get(headers, "x-amzn-bedrock-output-token-count"), 0, INT32_MAX, &n))
		b->header_output = n;
}

void bedrock_note_meter(struct call *c, const struct bedrock *b)
{
	c->meter = b->sink.meter;
	c->pieces = (int64_t)b->sink.pieces;
}

void bedrock_finish(struct call *c, struct bedrock *b)
{
	struct usage shown;

	if (b->usage.prompt_tokens == 0 && b->header_tokens > 0)
		b->usage.prompt_tokens = b->header_tokens;
	if (b->usage.completion_tokens == 0 && b->header_output > 0)
		b->usage.completion_tokens = b->header_output;
	c->usage = b->usage;
	c->usage.reported = c->usage.prompt_tokens + c->usage.completion_tokens > 0;
	bedrock_note_meter(c, b);
	shown = adaptor_usage_shown(c);
	sink_finish(&b->sink, b->finish ? b->finish : "stop");
	sink_end(&b->sink, &shown);
	c->finished = true;
	c->done_sent = c->ask->stream;
}

static enum step decode(struct call *c, struct str body, struct buf *out, struct err *err)
{
	struct bedrock *b = c->state;

	return b->surface->decode(c, body, out, err);
}

/* ---- errors ------------------------------------------------------------------------------ */

/* An exception by the beginning of its name, in either spelling, and the status that it means. */
static const struct {
	const char *name;
	int status;
} exceptions[] = {
	{ "ValidationException", 400 },
	{ "AccessDenied", 403 },
	{ "UnrecognizedClient", 403 },
	{ "InvalidSignature", 403 },
	{ "ExpiredToken", 403 },
	{ "IncompleteSignature", 403 },
	{ "RequestExpired", 403 },
	{ "ResourceNotFound", 404 },
	{ "ModelTimeout", 408 },
	{ "ModelError", 424 },
	{ "ModelStreamError", 424 },
	{ "Throttling", 429 },
	{ "ModelNotReady", 429 },
	{ "ServiceQuotaExceeded", 429 },
	{ "ServiceUnavailable", 503 },
	{ "InternalServer", 500 },
};

static int status_of(struct str name, int fallback)
{
	for (size_t i = 0; i < COUNT_OF(exceptions); i++)
		if (str_starts_nocase(name, str_c(exceptions[i].name)))
			return exceptions[i].status;
	return fallback;
}

/* What the model's own server said, where it failed behind Bedrock. */
static int original_status(struct jval root)
{
	struct jval v = convert_member(root, STR("originalStatusCode"));
	int64_t status;

	return v.type == J_NUMBER && jscan_int(v, 400, 599, &status) ? (int)status : 502;
}

/* The name that the body gives: "…#ThrottlingException" or alone. */
static struct str name_in(struct arena *a, struct jval root)
{
	struct str name = jscan_text(a, convert_member(root, STR("__type")));
	size_t hash = str_find(name, '#');

	return hash < name.n ? str_slice(name, hash + 1, name.n) : name;
}

static void explain(struct call *c, struct str name, int status, struct str body, struct err *err)
{
	struct jval root = { 0 };
	struct str told = body;
	int meant;

	if (!jscan_value(body, &root))
		root = (struct jval){ 0 };
	if (!name.n)
		name = name_in(c->arena, root);
	meant = status_of(name, status);
	if (meant == 424)
		meant = original_status(root);
	if (str_has(body, STR("on-demand throughput isn")))
		meant = 404; /* this model wants an inference profile */
	if (convert_member(root, STR("message")).type != J_STRING &&
	    convert_member(root, STR("Message")).type == J_STRING)
		told = str_c(arena_fmt(c->arena, "{\"message\":%.*s}",
		    STR_ARG(convert_member(root, STR("Message")).text)));
	anthropic_error(c, meant, told, err);
	err->upstream_status = status;
	if (name.n && !err->upstream_type[0])
		(void)snprintf(err->upstream_type, sizeof(err->upstream_type), "%.*s",
		    STR_ARG(str_slice(name, 0, sizeof(err->upstream_type) - 1)));
	adaptor_scrub(c, err);
}

static void error(struct call *c, int status, struct str body, struct err *err)
{
	const struct bedrock *b = c->state;

	explain(c, b ? b->error_type : STR(""), status, body, err);
}

/* ---- streams ----------------------------------------------------------------------------- */

/* The model's own event out of `{"bytes":"…"}`; "" when there is none. */
static struct str unwrap(struct arena *a, struct str data)
{
	struct jval root;
	struct str text;
	unsigned char *to;
	int n;

	if (!jscan_value(data, &root))
		return STR("");
	text = jscan_text(a, convert_member(root, STR("bytes")));
	if (!text.n || text.n % 4 || text.n > INT32_MAX)
		return STR("");
	to = arena_alloc(a, text.n / 4 * 3 + 1);
	n = EVP_DecodeBlock(to, (const unsigned char *)text.p, (int)text.n);
	for (size_t i = text.n; n > 0 && i && text.p[i - 1] == '='; i--)
		n--;
	return (struct str){ (char *)to, n > 0 ? (size_t)n : 0 };
}

static bool on_event(struct call *c, const struct frame_event *event, struct buf *out,
    struct err *err)
{
	struct bedrock *b = c->state;
	struct str data = event->data;

	if (c->failed || c->done_sent)
		return true;
	if (!str_eq_c(event->id, "event")) {
		explain(c, event->name, status_of(event->name, 500), data, &c->failure);
		c->failure.upstream_status = 200;
		c->failed = true;
		return true;
	}
	if (b->surface != &bedrock_converse) {
		if (!str_eq_c(event->name, "chunk"))
			return true;
		data = unwrap(c->arena, data);
		if (!data.n)
			return err_set(err, ERR_UPSTREAM_BODY,
			    "the upstream sent a chunk that is not base64");
	}
	b->sink.out = out;
	return b->surface->event(c, event->name, data, out, err);
}

static bool on_end(struct call *c, struct buf *out, struct err *err)
{
	struct bedrock *b = c->state;

	b->sink.out = out;
	return b->surface->end(c, out, err);
}

bool bedrock_no_event(struct call *c, struct str name, struct str data, struct buf *out,
    struct err *err)
{
	return bedrock_no_end(c, out, err);
}

bool bedrock_no_end(struct call *c, struct buf *out, struct err *err)
{
	return err_set(err, ERR_UPSTREAM_BODY, "%s do not come as a stream",
	    c->ask->mode == MODE_IMAGES ? "images" : "embeddings");
}

const struct adaptor bedrock_adaptor = {
	.name = "bedrock",
	.modes = 1u << MODE_CHAT | 1u << MODE_EMBEDDINGS | 1u << MODE_IMAGES,
	.frame_init = eventstream_init,
	.stream_type = "application/vnd.amazon.eventstream",
	.wants_bytes = wants_bytes,
	.encode = encode,
	.on_head = on_head,
	.decode = decode,
	.on_event = on_event,
	.on_end = on_end,
	.error = error,
};

/* ---- Claude ------------------------------------------------------------------------------ */

static const struct anthropic_host claude_host = { .version = "bedrock-2023-05-31",
	.betas_in_body = true,
	.is_bedrock = true };

static bool claude_body(struct call *c, struct buf *body, struct err *err)
{
	const struct bedrock *b = c->state;

	return anthropic_add_body(c, &claude_host, b->claude, body, err);
}

static enum step claude_decode(struct call *c, struct str body, struct buf *out, struct err *err)
{
	const struct bedrock *b = c->state;

	return anthropic_decode(c, b->claude, body, out, err);
}

static bool claude_event(struct call *c, struct str name, struct str data, struct buf *out,
    struct err *err)
{
	const struct bedrock *b = c->state;

	return anthropic_event(c, b->claude, data, out, err);
}

static bool claude_end(struct call *c, struct buf *out, struct err *err)
{
	return anthropic_end(c, err);
}

const struct bedrock_surface bedrock_claude = { "invoke", "invoke-with-response-stream",
	claude_body, claude_decode, claude_event, claude_end };
