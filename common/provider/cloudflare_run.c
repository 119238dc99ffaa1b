/* cloudflare_run.c — models that are run by name: completions, images, speech, transcripts
 *
 * Each family has an input of its own and answers with JSON in `result`, or with bare bytes.
 */
#include "provider/cloudflare.h"

#include <string.h>

#include "base/clock.h"
#include "base/form.h"
#include "base/json.h"
#include "base/secret.h"
#include "provider/convert.h"
#include "provider/datauri.h"

#define ROOM (64 * 1024)

static void add_same(const struct call *c, struct buf *out, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct jval v = convert_param(c, names[i]);

		if (convert_given(v))
			convert_add_raw(out, names[i], v.text);
	}
}

static bool put_json(struct call *c, struct upstream_req *out, struct buf *body, struct err *err)
{
	bool ok = buf_ok(body);

	headers_add(&out->headers, STR("Content-Type"), STR("application/json"));
	out->has_body = true;
	out->body = adaptor_keep(c->arena, body);
	return ok || err_set(err, ERR_TOO_LARGE, "the request body is too large");
}

/* ---- completions ------------------------------------------------------------------------- */

static bool add_completion(struct call *c, struct upstream_req *out, struct err *err)
{
	static const char *const same[] = { "temperature", "top_p", "top_k", "seed",
		"repetition_penalty", "frequency_penalty", "presence_penalty", "raw", "lora" };
	static const struct str dropped[] = { STR_INIT("logit_bias"), STR_INIT("logprobs"),
		STR_INIT("echo"), STR_INIT("suffix"), STR_INIT("stop"), STR_INIT("best_of") };
	struct jval prompt = c->ask->prompt;
	struct jiter it = jscan_iter(prompt);
	struct buf body;

	if (prompt.type == J_ARRAY && jscan_count(prompt) == 1)
		(void)jscan_next_item(&it, &prompt);
	if (prompt.type != J_STRING)
		return err_set(err, ERR_INVALID_TEXT, "prompt must be one string for this channel");
	if (!convert_check_choices(c, 1, err))
		return false;
	if (!convert_drop(c, dropped, COUNT_OF(dropped), err))
		return false;
	body = buf_init(c->ask->body.n + ROOM);
	buf_add(&body, STR("{\"prompt\":"));
	buf_add(&body, prompt.text);
	if (c->ask->max_tokens >= 0) {
		json_add_name(&body, "max_tokens");
		buf_add_int(&body, c->ask->max_tokens);
	}
	add_same(c, &body, same, COUNT_OF(same));
	convert_add_raw(&body, "stream", c->stream ? STR("true") : STR("false"));
	buf_add_char(&body, '}');
	return put_json(c, out, &body, err);
}

static void end_completion(struct call *c, struct cloudflare *s)
{
	struct usage shown;

	c->meter = s->sink.meter;
	c->pieces = (int64_t)s->sink.pieces;
	shown = adaptor_usage_shown(c);
	sink_finish(&s->sink, "stop");
	sink_end(&s->sink, &shown);
	c->finished = true;
	c->done_sent = c->ask->stream;
}

static void note_usage(struct call *c, struct jval usage)
{
	struct usage u;

	if (adaptor_usage(usage, &u) && u.reported)
		c->usage = u;
}

/* An object where a schema was asked for. */
static void say_response(struct call *c, struct cloudflare *s, struct jval response)
{
	sink_text(&s->sink,
	    response.type == J_OBJECT ? response.text : jscan_text(c->arena, response));
	c->meter = s->sink.meter;
	c->pieces = (int64_t)s->sink.pieces;
}

bool cloudflare_hear(struct call *c, struct str data, struct err *err)
{
	struct cloudflare *s = c->state;
	struct jval root, text = { 0 };

	if (str_eq_c(str_trim(data), "[DONE]")) {
		end_completion(c, s);
		return true;
	}
	if (!jscan_value(data, &root) || root.type != J_OBJECT)
		return err_set(err, ERR_UPSTREAM_BODY,
		    "the upstream sent an event that is not JSON");
	if (adaptor_error_inside(root, data, err))
		return false;
	say_response(c, s, convert_member(root, STR("response")));
	if (jscan_at(root, "choices.0.text", &text))
		say_response(c, s, text);
	note_usage(c, convert_member(root, STR("usage")));
	return true;
}

static enum step completed(struct call *c, struct jval result, struct str body, struct buf *out,
    struct err *err)
{
	struct cloudflare *s = c->state;
	struct jval response = convert_member(result, STR("response"));

	if (response.type != J_STRING && response.type != J_OBJECT &&
	    !jscan_at(result, "choices.0.text", &response)) {
		(void)err_set(err, ERR_UPSTREAM_BODY, "the upstream's reply is not complete");
		return STEP_FAILED;
	}
	sink_init(&s->sink, c->arena, out, c->ask, STR(""));
	note_usage(c, convert_member(result, STR("usage")));
	say_response(c, s, response);
	end_completion(c, s);
	return STEP_DONE;
}

/* ---- images ------------------------------------------------------------------------------ */

static bool has_size(const struct call *c, int64_t *width, int64_t *height)
{
	struct str size = c->ask->size;
	size_t cross = str_find(size, 'x');

	return str_to_int(str_slice(size, 0, cross), 1, 4096, width) &&
	    str_to_int(str_slice(size, cross + 1, size.n), 1, 4096, height);
}

/* The newest family wants a form instead of JSON. */
static bool put_form(struct call *c, struct upstream_req *out, int64_t width, int64_t height)
{
	static const char *const numbers[] = { "seed", "steps", "guidance" };
	struct buf body = buf_init(c->ask->body.n + ROOM);
	struct str prompt = jscan_text(c->arena, c->ask->prompt);
	char boundary[33];

	secret_random_alnum(boundary, 32);
	buf_addf(&body, "--%s\r\nContent-Disposition: form-data; name=\"prompt\"\r\n\r\n%.*s\r\n",
	    boundary, STR_ARG(prompt));
	for (size_t i = 0; i < COUNT_OF(numbers); i++)
		if (convert_param(c, numbers[i]).type == J_NUMBER)
			buf_addf(&body,
			    "--%s\r\nContent-Disposition: form-data; name=\"%s\"\r\n\r\n%.*s\r\n",
			    boundary, numbers[i], STR_ARG(convert_param(c, numbers[i]).text));
	if (width)
		buf_addf(&body,
		    "--%s\r\nContent-Disposition: form-data; name=\"width\"\r\n\r\n%lld\r\n"
		    "--%s\r\nContent-Disposition: form-data; name=\"height\"\r\n\r\n%lld\r\n",
		    boundary, (long long)width, boundary, (long long)height);
	buf_addf(&body, "--%s--\r\n", boundary);
	headers_add(&out->headers, STR("Content-Type"),
	    str_c(arena_fmt(c->arena, "multipart/form-data; boundary=%s", boundary)));
	out->has_body = true;
	out->body = adaptor_keep(c->arena, &body);
	return true;
}

static bool add_image(struct call *c, struct upstream_req *out, struct err *err)
{
	static const char *const same[] = { "negative_prompt", "seed", "guidance", "steps",
		"num_steps" };
	bool flux = str_has(c->model, STR("flux"));
	struct buf body = buf_init(c->ask->body.n + ROOM);
	int64_t width = 0, height = 0;

	if (!ask_check_image(c->arena, c->ask, c->model, err))
		return false;
	if (!has_size(c, &width, &height))
		width = height = 0;
	if (str_has(c->model, STR("flux-2")))
		return put_form(c, out, width, height);
	buf_add(&body, STR("{\"prompt\":"));
	buf_add(&body, c->ask->prompt.type == J_STRING ? c->ask->prompt.text : STR("\"\""));
	if (width && !(flux && convert_member(c->ask->root, STR("size")).type == J_NONE)) {
		json_add_name(&body, "width");
		buf_add_int(&body, width);
		json_add_name(&body, "height");
		buf_add_int(&body, height);
	}
	add_same(c, &body, same, COUNT_OF(same));
	buf_add_char(&body, '}');
	return put_json(c, out, &body, err);
}

/* A picture as JSON says it, in base64, or its bare bytes. */
static bool keep_image(struct call *c, struct cloudflare *s, struct jval result, struct str body)
{
	bool as_url = str_eq_c(c->ask->response_format, "url");
	struct jval image = convert_member(result, STR("image"));

	json_add_comma(&s->images);
	buf_add_c(&s->images,
	    !as_url                      ? "{\"b64_json\":\""
	        : image.type == J_STRING ? "{\"url\":\"data:image/jpeg;base64,"
	                                 : "{\"url\":\"data:image/png;base64,");
	if (image.type == J_STRING && !datauri_add_base64(&s->images, jscan_text(c->arena, image)))
		return false;
	if (image.type != J_STRING)
		datauri_add_bytes(&s->images, body);
	buf_add(&s->images, STR("\"}"));
	return image.type == J_STRING || (result.type == J_NONE && body.n > 0);
}

static enum step painted(struct call *c, struct jval result, struct str body, struct buf *out,
    struct err *err)
{
	struct cloudflare *s = c->state;

	if (!keep_image(c, s, result, body)) {
		(void)err_set(err, ERR_UPSTREAM_BODY, "the upstream answered without an image");
		return STEP_FAILED;
	}
	if (++s->made < c->ask->n)
		return STEP_NEXT;
	c->usage.images = s->made;
	c->finished = true;
	c->reply_type = "application/json";
	buf_addf(out, "{\"created\":%lld,\"data\":[", (long long)clock_unix());
	buf_add(out, buf_str(&s->images));
	buf_add(out, STR("]}"));
	return adaptor_done(buf_ok(&s->images) && buf_ok(out), err);
}

/* ---- speech ------------------------------------------------------------------------------ */

static bool add_speech(struct call *c, struct upstream_req *out, struct err *err)
{
	bool melo = str_has(c->model, STR("melotts"));
	struct jval voice = convert_param(c, "voice"), language = convert_param(c, "lang");
	struct buf body = buf_init(c->ask->body.n + ROOM);

	buf_add_char(&body, '{');
	convert_add_raw(&body, melo ? "prompt" : "text",
	    c->ask->input.type == J_STRING ? c->ask->input.text : STR("\"\""));
	if (melo && language.type == J_STRING)
		convert_add_raw(&body, "lang", language.text);
	else if (!melo && voice.type == J_STRING)
		convert_add_raw(&body, "speaker", voice.text);
	buf_add_char(&body, '}');
	return put_json(c, out, &body, err);
}

static enum step spoken(struct call *c, struct jval result, struct str body, struct buf *out,
    struct err *err)
{
	struct media_part audio = { .encoded = jscan_text(c->arena,
		                        convert_member(result, STR("audio"))) };
	struct str bytes = body;

	if (result.type != J_NONE) {
		c->reply_type = "audio/mpeg";
		if (!convert_media_bytes(c->arena, &audio, "audio", &bytes, err)) {
			(void)err_set(err, ERR_UPSTREAM_BODY,
			    "the upstream answered without audio");
			return STEP_FAILED;
		}
	}
	if (bytes.n == 0) {
		(void)err_set(err, ERR_UPSTREAM_BODY, "the upstream answered without audio");
		return STEP_FAILED;
	}
	buf_add(out, bytes);
	c->finished = true;
	return STEP_DONE;
}

/* ---- transcripts ------------------------------------------------------------------------- */

static void add_field(const struct call *c, struct buf *out, const char *field, const char *name)
{
	struct str text = form_text(c->ask->form, str_c(field));

	if (text.n) {
		json_add_name(out, name);
		json_add_str(out, text);
	}
}

static bool add_transcript(struct call *c, struct upstream_req *out, struct err *err)
{
	bool turbo = str_has(c->model, STR("turbo")), translate = c->ask->mode == MODE_TRANSLATION;
	const struct form_part *file = form_file(c->ask->form, STR("file"));
	struct buf body;

	if (str_eq_c(c->ask->response_format, "srt"))
		return err_set(err, ERR_INVALID_AUDIO, "this channel has no srt, only vtt");
	if (translate && !turbo)
		return err_set(err, ERR_UNSUPPORTED_MODE, "this model does not translate");
	if (!file)
		return err_set(err, ERR_INVALID_AUDIO, "field file is required");
	if (!turbo) {
		headers_add(&out->headers, STR("Content-Type"), STR("application/octet-stream"));
		out->has_body = true;
		out->body = file->body;
		return true;
	}
	body = buf_init(file->body.n * 2 + c->ask->body.n + ROOM);
	buf_add(&body, STR("{\"audio\":\""));
	datauri_add_bytes(&body, file->body);
	buf_addf(&body, "\",\"task\":\"%s\"", translate ? "translate" : "transcribe");
	add_field(c, &body, "language", "language");
	add_field(c, &body, "prompt", "initial_prompt");
	buf_add_char(&body, '}');
	return put_json(c, out, &body, err);
}

/* How long it was: as the reply says, else until the last word of it. */
static void note_length(struct call *c, struct jval result)
{
	struct jval v = { 0 }, words = convert_member(result, STR("words")), word;
	struct jiter it = jscan_iter(words);
	double seconds = 0;

	if (!jscan_at(result, "transcription_info.duration", &v) || !jscan_double(v, &seconds))
		while (words.type == J_ARRAY && jscan_next_item(&it, &word))
			(void)jscan_double(convert_member(word, STR("end")), &seconds);
	if (seconds > 0 && seconds < 1e6)
		c->usage.audio_ms = (int64_t)(seconds * 1000 + 0.5);
}

static void write_verbose(const struct call *c, struct jval result, struct buf *out)
{
	static const char *const lists[] = { "segments", "words" };
	struct jval language = { 0 };

	(void)jscan_at(result, "transcription_info.language", &language);
	buf_addf(out, "{\"task\":\"%s\",\"duration\":",
	    c->ask->mode == MODE_TRANSLATION ? "translate" : "transcribe");
	json_add_double(out, (double)c->usage.audio_ms / 1000);
	convert_add_raw(out, "text", convert_member(result, STR("text")).text);
	if (language.type == J_STRING)
		convert_add_raw(out, "language", language.text);
	for (size_t i = 0; i < COUNT_OF(lists); i++) {
		struct jval list = convert_member(result, str_c(lists[i]));

		if (list.type == J_ARRAY)
			convert_add_raw(out, lists[i], list.text);
	}
	buf_add_char(out, '}');
}

static enum step heard(struct call *c, struct jval result, struct str body, struct buf *out,
    struct err *err)
{
	struct str format = c->ask->response_format;
	struct jval text = convert_member(result, STR("text"));
	struct jval vtt = convert_member(result, STR("vtt"));

	if (text.type != J_STRING) {
		(void)err_set(err, ERR_UPSTREAM_BODY, "the upstream answered without a transcript");
		return STEP_FAILED;
	}
	note_length(c, result);
	token_meter_add(&c->meter, jscan_text(c->arena, text));
	c->pieces++;
	c->finished = true;
	if (str_eq_c(format, "text") || (str_eq_c(format, "vtt") && vtt.type == J_STRING)) {
		c->reply_type = "text/plain; charset=utf-8";
		buf_add(out, jscan_text(c->arena, str_eq_c(format, "vtt") ? vtt : text));
	} else if (str_eq_c(format, "verbose_json")) {
		write_verbose(c, result, out);
	} else {
		buf_add(out, STR("{\"text\":"));
		buf_add(out, text.text);
		buf_add_char(out, '}');
	}
	return STEP_DONE;
}

/* ---- by mode ----------------------------------------------------------------------------- */

static const struct {
	bool (*add)(struct call *c, struct upstream_req *out, struct err *err);
	enum step (*read)(struct call *c, struct jval result, struct str body, struct buf *out,
	    struct err *err);
} modes[MODE_COUNT] = {
	[MODE_COMPLETIONS] = { add_completion, completed },
	[MODE_IMAGES] = { add_image, painted },
	[MODE_SPEECH] = { add_speech, spoken },
	[MODE_TRANSCRIPTION] = { add_transcript, heard },
	[MODE_TRANSLATION] = { add_transcript, heard },
};

bool cloudflare_add_run(struct call *c, struct upstream_req *out, struct err *err)
{
	if (c->ask->mode != MODE_COMPLETIONS)
		c->stream = false;
	return modes[c->ask->mode].add(c, out, err);
}

enum step cloudflare_ran(struct call *c, struct str body, struct buf *out, struct err *err)
{
	struct jval root = { 0 }, result = { 0 };

	if (str_starts(str_trim(str_slice(body, 0, 64)), STR("{")) && jscan_value(body, &root) &&
	    root.type == J_OBJECT) {
		result = convert_member(root, STR("result"));
		if (result.type != J_OBJECT)
			result = root;
	}
	return modes[c->ask->mode].read(c, result, body, out, err);
}
