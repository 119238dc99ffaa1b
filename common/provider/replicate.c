/* replicate.c — Replicate: a prediction is made, then polled or streamed
 *
 *	first	GET the model, once in ten minutes, for the schema of its input; before it a
 *		deployment, for which model that is
 *	whole	POST predictions, which waits up to a minute itself; then GET urls.get until it is done
 *	stream	POST predictions, then GET urls.stream at once, then urls.get for the counts of
 *		tokens; without such a URL as above
 *	images	as whole; again for more images than a model makes at once; then GET each where the
 *		client wants bytes
 *
 * A prediction that nobody waits for any more ends by Cancel-After; one that takes too long is
 * cancelled.
 */
#include "provider/replicate.h"

#include <string.h>

#include "base/json.h"
#include "provider/catalog.h"
#include "provider/convert.h"
#include "provider/providers.h"
#include "provider/sink.h"

#define POLLS_MAX 120
#define POLL_FIRST_MS 500
#define POLL_LONGEST_MS 5000
#define DATA_MAX ((size_t)64 * 1024 * 1024)

/* The client waits for it with the end of its stream. */
#define COUNTS_MS 10000

/* ---- calls ----------------------------------------------------------------------------------- */

static void release_data(void *buf)
{
	buf_release(buf);
}

/* Whose schema it is: a private model is told to those who own it. */
static void find_schema(const struct call *c, struct replicate *s)
{
	struct str parts[] = { c->channel->base_url, c->key, c->model };

	s->phase = replicate_is_deployment(c->model) ? REPLICATE_DEPLOYMENT : REPLICATE_SCHEMA;
	s->model = c->model;
	if (!replicate_tells_schema(c->model)) {
		s->schema = replicate_schema_guess(c->model);
		s->phase = REPLICATE_CREATE;
		return;
	}
	token_cache_key(parts, COUNT_OF(parts), s->schema_key);
	if (replicate_schema_get(s->schema_key, &s->schema))
		s->phase = REPLICATE_CREATE;
}

static struct replicate *begin(struct call *c)
{
	struct replicate *s = ARENA_NEW(c->arena, struct replicate);

	find_schema(c, s);
	s->wants_bytes = str_eq_c(c->ask->response_format, "b64_json");
	s->data = buf_init(DATA_MAX);
	arena_defer(c->arena, release_data, &s->data);
	if (c->ask->stream)
		sink_init(&s->sink, c->arena, NULL, c->ask, STR(""));
	token_meter_init(&c->meter, c->model);
	c->reply_status = 200; /* theirs is 201, for the prediction that was made */
	c->state = s;
	return s;
}

static void add_key(const struct call *c, struct upstream_req *out)
{
	headers_add(&out->headers, STR("Authorization"),
	    str_c(arena_fmt(c->arena, "Bearer %.*s", STR_ARG(c->key))));
}

static bool create(struct call *c, struct upstream_req *out, struct err *err)
{
	struct replicate *s = c->state;
	struct buf body = buf_init(c->ask->body.n * 2 + c->system_prompt.n * 6 + 64 * 1024);
	bool ok;

	c->stream = false;
	out->method = "POST";
	replicate_add_create_url(c, &out->url);
	add_key(c, out);
	headers_add(&out->headers, STR("Content-Type"), STR("application/json"));
	if (!c->ask->stream)
		headers_add(&out->headers, STR("Prefer"), STR("wait=60"));
	headers_add(&out->headers, STR("Cancel-After"), STR("15m"));
	buf_add_char(&body, '{');
	if (replicate_is_versioned(c->model)) {
		json_add_name(&body, "version");
		json_add_str(&body, c->model);
	}
	ok = replicate_add_input(c, &s->schema, c->ask->n - (int64_t)s->image_count, &body, err);
	buf_add_char(&body, '}');
	if (ok && !buf_ok(&body))
		ok = err_set(err, ERR_TOO_LARGE, "the request body is too large");
	out->has_body = true;
	out->body = adaptor_keep(c->arena, &body);
	return ok;
}

static int poll_ms(int polls)
{
	int ms = POLL_FIRST_MS;

	while (polls-- > 0 && ms < POLL_LONGEST_MS)
		ms += ms / 2;
	return ms < POLL_LONGEST_MS ? ms : POLL_LONGEST_MS;
}

static bool encode(struct call *c, struct upstream_req *out, struct err *err)
{
	struct replicate *s = c->state;

	if (!(c->provider->modes & 1u << c->ask->mode))
		return err_set(err, ERR_UNSUPPORTED_MODE, "channel type %s cannot do this",
		    c->provider->name);
	if (!s) {
		if (!replicate_check_model(c->model, err) || !replicate_check(c, err))
			return false;
		s = begin(c);
	}
	if (s->phase == REPLICATE_CREATE)
		return create(c, out, err);
	out->method = s->phase == REPLICATE_CANCEL ? "POST" : "GET";
	c->stream = s->phase == REPLICATE_STREAM;
	switch (s->phase) {
	case REPLICATE_DEPLOYMENT:
		replicate_add_deployment_url(c, &out->url);
		break;
	case REPLICATE_SCHEMA:
		replicate_add_schema_url(c, s->model, &out->url);
		break;
	case REPLICATE_CREATE:
	case REPLICATE_POLL:
		buf_add(&out->url, s->get);
		out->wait_ms = poll_ms(s->polls++);
		break;
	case REPLICATE_STREAM:
		buf_add(&out->url, s->stream);
		headers_add(&out->headers, STR("Accept"), STR("text/event-stream"));
		headers_add(&out->headers, STR("Cache-Control"), STR("no-store"));
		break;
	case REPLICATE_COUNTS:
		buf_add(&out->url, s->get);
		out->limits.total_ms = COUNTS_MS;
		break;
	case REPLICATE_DOWNLOAD:
		buf_add(&out->url, s->images[s->downloaded]);
		return true; /* who delivers files needs no key */
	case REPLICATE_CANCEL:
		buf_add(&out->url, s->cancel);
		break;
	}
	add_key(c, out);
	return true;
}

/* ---- predictions --------------------------------------------------------------------------- */

static struct str url_at(struct call *c, struct jval root, const char *path)
{
	struct str url = jscan_text(c->arena, convert_at(root, path));

	return replicate_is_theirs(c, url, false) ? arena_str(c->arena, url) : STR("");
}

enum step replicate_give_up(struct err *err, enum err_kind kind, const char *why)
{
	(void)err_set(err, kind, "%s", why);
	err->upstream_status = 200;
	return STEP_FAILED;
}

/* What the model says of a prediction that failed. What it refuses to show is the client's matter. */
static enum step failed(struct call *c, struct jval root, struct err *err)
{
	static const struct str refusals[] = { STR_INIT("NSFW"), STR_INIT("sensitive"),
		STR_INIT("(E005)") };
	struct jval v = convert_member(root, STR("error"));
	struct str why = jscan_text(c->arena, v);
	bool refused = false;

	for (size_t i = 0; i < COUNT_OF(refusals); i++)
		refused |= str_has(why, refusals[i]);
	adaptor_error(refused ? 400 : 502, v.type == J_STRING ? v.text : STR("{}"), err);
	if (refused)
		memcpy(err->code, "content_filter", sizeof("content_filter"));
	err->upstream_status = 200;
	adaptor_scrub(c, err);
	return STEP_FAILED;
}

static void note_metrics(struct call *c, struct jval root)
{
	struct usage *u = &c->usage;

	u->prompt_tokens = convert_count(convert_at(root, "metrics.input_token_count"));
	u->completion_tokens = convert_count(convert_at(root, "metrics.output_token_count"));
	u->reported = u->prompt_tokens + u->completion_tokens > 0;
}

static void end_chat(struct call *c, struct replicate *s)
{
	int64_t most = c->ask->max_tokens;
	bool full = most > 0 && c->usage.reported && c->usage.completion_tokens >= most;
	struct usage shown;

	c->meter = s->sink.meter;
	c->pieces = (int64_t)s->sink.pieces;
	shown = adaptor_usage_shown(c);
	sink_finish(&s->sink, full ? "length" : "stop");
	sink_end(&s->sink, &shown);
	c->finished = true;
	c->done_sent = c->ask->stream;
}

static void say(struct call *c, struct replicate *s, struct jval output)
{
	struct jiter it = jscan_iter(output);
	struct jval piece;

	if (output.type == J_OBJECT)
		sink_text(&s->sink, output.text);
	else if (output.type == J_STRING)
		sink_text(&s->sink, jscan_text(c->arena, output));
	while (output.type == J_ARRAY && jscan_next_item(&it, &piece))
		sink_text(&s->sink, jscan_text(c->arena, piece));
}

static enum step chat_done(struct call *c, struct replicate *s, struct jval root, struct buf *out)
{
	sink_init(&s->sink, c->arena, out, c->ask,
	    jscan_text(c->arena, convert_member(root, STR("id"))));
	note_metrics(c, root);
	say(c, s, convert_member(root, STR("output")));
	end_chat(c, s);
	return STEP_DONE;
}

/* ---- replies ------------------------------------------------------------------------------- */

static enum step too_late(struct err *err)
{
	return replicate_give_up(err, ERR_UPSTREAM_TIMEOUT, "the prediction did not end in time");
}

/* It has begun: where it is to be heard from. */
static enum step wait_on(struct call *c, struct replicate *s, struct jval root, struct err *err)
{
	if (s->phase == REPLICATE_CREATE) {
		s->get = url_at(c, root, "urls.get");
		s->stream = url_at(c, root, "urls.stream");
		s->cancel = url_at(c, root, "urls.cancel");
		if (c->ask->stream)
			sink_id(&s->sink, jscan_text(c->arena, convert_member(root, STR("id"))));
	}
	if (!s->get.n)
		return replicate_give_up(err, ERR_UPSTREAM_BODY,
		    "the upstream's prediction has no URL");
	if (s->phase == REPLICATE_CREATE && c->ask->stream && s->stream.n) {
		s->phase = REPLICATE_STREAM;
		return STEP_NEXT;
	}
	s->phase = REPLICATE_POLL;
	if (s->polls < POLLS_MAX)
		return STEP_NEXT;
	if (!s->cancel.n)
		return too_late(err);
	s->phase = REPLICATE_CANCEL;
	return STEP_NEXT;
}

/* The model is known, or as well as it will be. */
static enum step take_schema(struct call *c, struct replicate *s, struct str body)
{
	s->schema = replicate_schema_read(body, s->model);
	replicate_schema_put(s->schema_key, &s->schema);
	s->phase = REPLICATE_CREATE;
	return STEP_NEXT;
}

/* What the deployment runs, if that can be named; else the schema is guessed. */
static enum step take_deployment(struct call *c, struct replicate *s, struct str body)
{
	struct str named = replicate_deployed(c->arena, body);

	if (!named.n)
		return take_schema(c, s, STR(""));
	s->model = named;
	s->phase = REPLICATE_SCHEMA;
	return STEP_NEXT;
}

/* The stream was through: what its prediction says of tokens, then the end. */
static enum step counted(struct call *c, struct replicate *s, struct str body, struct buf *out)
{
	struct jval root;

	if (jscan_value(body, &root) && root.type == J_OBJECT)
		note_metrics(c, root);
	s->sink.out = out;
	end_chat(c, s);
	return STEP_DONE;
}

static enum step decode(struct call *c, struct str body, struct buf *out, struct err *err)
{
	struct replicate *s = c->state;
	struct jval root, status;

	if (s->phase == REPLICATE_DEPLOYMENT)
		return take_deployment(c, s, body);
	if (s->phase == REPLICATE_SCHEMA)
		return take_schema(c, s, body);
	if (s->phase == REPLICATE_COUNTS)
		return counted(c, s, body, out);
	if (s->phase == REPLICATE_CANCEL)
		return too_late(err);
	if (s->phase == REPLICATE_DOWNLOAD)
		return replicate_downloaded(c, s, body, out, err);
	if (!jscan_value(body, &root) || root.type != J_OBJECT)
		return replicate_give_up(err, ERR_UPSTREAM_BODY,
		    "the upstream's reply is not JSON");
	status = convert_member(root, STR("status"));
	if (jscan_is(status, STR("succeeded")))
		return c->ask->mode != MODE_CHAT ? replicate_painted(c, s, root, out, err)
		                                 : chat_done(c, s, root, out);
	if (jscan_is(status, STR("starting")) || jscan_is(status, STR("processing")))
		return wait_on(c, s, root, err);
	if (jscan_is(status, STR("failed")))
		return failed(c, root, err);
	return replicate_give_up(err, ERR_UPSTREAM, "the prediction was cancelled");
}

/* ---- streams ------------------------------------------------------------------------------- */

static bool stream_failed(struct call *c, int status, struct str data)
{
	adaptor_error(status, data, &c->failure);
	c->failure.upstream_status = 200;
	adaptor_scrub(c, &c->failure);
	return c->failed = true;
}

/* A reason stands in it when the end is none. */
static bool on_done(struct call *c, struct replicate *s, struct str data)
{
	struct jval root, reason = { 0 };

	if (jscan_value(data, &root))
		reason = convert_member(root, STR("reason"));
	if (reason.type == J_STRING && !jscan_is(reason, STR("")))
		return stream_failed(c, 502,
		    jscan_is(reason, STR("canceled"))
		        ? STR("{\"detail\":\"the prediction was cancelled\"}")
		        : STR("{\"detail\":\"the prediction failed\"}"));
	s->phase = REPLICATE_COUNTS;
	c->more = true;
	return true;
}

static bool on_event(struct call *c, const struct frame_event *event, struct buf *out,
    struct err *err)
{
	struct replicate *s = c->state;
	struct jval root;
	struct str text = event->data;

	if (c->failed || s->phase == REPLICATE_COUNTS)
		return true;
	s->sink.out = out;
	if (str_eq_c(event->name, "output")) {
		sink_text(&s->sink, text);
		c->meter = s->sink.meter;
		c->pieces = (int64_t)s->sink.pieces;
		return true;
	}
	if (str_eq_c(event->name, "error")) {
		if (!jscan_value(text, &root) || root.type != J_OBJECT)
			text = convert_quote(c->arena, text);
		return stream_failed(c, 502, text);
	}
	return !str_eq_c(event->name, "done") || on_done(c, s, text);
}

/* Asked again when the prediction does not tell its counts: then they are our own. */
static bool on_end(struct call *c, struct buf *out, struct err *err)
{
	struct replicate *s = c->state;

	if (s->phase != REPLICATE_COUNTS)
		return err_set(err, ERR_UPSTREAM_TRUNCATED,
		    "the upstream's stream ended before its reply was complete");
	if (c->more)
		return true;
	s->sink.out = out;
	end_chat(c, s);
	return true;
}

/* ---- errors ------------------------------------------------------------------------------ */

/* A schema that is not to be had is guessed, and the prediction says what is wrong with the account or
 * the model. A stream that is not to be had is no end: the prediction can be polled. */
static bool again(struct call *c, int status, struct str body)
{
	struct replicate *s = c->state;

	if (s->phase == REPLICATE_SCHEMA || s->phase == REPLICATE_DEPLOYMENT)
		return take_schema(c, s, STR("")) == STEP_NEXT;
	if (s->phase != REPLICATE_STREAM)
		return false;
	s->phase = REPLICATE_POLL;
	c->stream = false;
	return true;
}

static void error(struct call *c, int status, struct str body, struct err *err)
{
	const struct replicate *s = c->state;

	if (s->phase == REPLICATE_CANCEL) {
		(void)too_late(err);
		return;
	}
	adaptor_error(status, body, err);
	adaptor_scrub(c, err);
}

const struct adaptor replicate_adaptor = {
	.name = "replicate",
	.modes = 1u << MODE_CHAT | 1u << MODE_IMAGES | 1u << MODE_IMAGE_EDITS,
	.frame_init = sse_init,
	.stream_type = "text/event-stream",
	.encode = encode,
	.decode = decode,
	.on_event = on_event,
	.on_end = on_end,
	.again = again,
	.error = error,
};
