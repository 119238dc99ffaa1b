/* gemini_work.c — embeddings, pictures and speech of Google's models
 *
 * Some of them answer one item a call where OpenAI takes many; then the items are asked for one after
 * the other and the reply is put together here:
 *
 *	embeddings	Gemini API batchEmbedContents, 100 a call; Vertex predict, 250 a call but one
 *			of the Gemini models, and embedContent for the newest
 *	pictures	Imagen predict, all in one call; Gemini image models one a call
 *	speech		generateContent, raw samples: 24,000 a second, 16 bit, one channel
 */
#include "provider/gemini.h"

#include <stdio.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/json.h"

#define ITEMS_MAX 2048
#define RATE_HZ 24000

typedef bool add_fn(struct call *c, struct gemini_work *work, struct buf *body, struct err *err);
typedef bool take_fn(struct call *c, struct gemini_work *work, struct jval root, struct err *err);

/* How one surface is asked and read. */
struct surface {
	const char *method;
	size_t per_call;
	add_fn *add;
	take_fn *take;
	void (*end)(struct call *c, struct gemini_work *work, struct buf *out);
};

struct gemini_work {
	const struct gemini_host *host;
	struct gemini_model model;
	const struct surface *surface;
	struct jval *items; /* embeddings: texts, and what is said of all of them */
	struct jval task_type, dimensions;
	size_t count; /* items to ask for */
	size_t next;  /* the first one not asked for */
	size_t asked; /* in the call that is under way */
	size_t taken; /* delivered */
	bool base64, filtered;
	struct usage usage; /* of all calls */
	struct buf data;    /* the reply's items */
	struct str format;  /* speech */
};

static void release(void *work)
{
	buf_release(&((struct gemini_work *)work)->data);
}

static void sum_usage(struct gemini_work *w, struct jval root)
{
	struct usage u;

	if (!gemini_usage(convert_member(root, STR("usageMetadata")), &u))
		return;
	w->usage.prompt_tokens += u.prompt_tokens;
	w->usage.completion_tokens += u.completion_tokens;
	w->usage.cached_tokens += u.cached_tokens;
	w->usage.reasoning_tokens += u.reasoning_tokens;
	w->usage.image_prompt_tokens += u.image_prompt_tokens;
	w->usage.image_completion_tokens += u.image_completion_tokens;
	w->usage.audio_completion_tokens += u.audio_completion_tokens;
}

/* ---- embeddings --------------------------------------------------------------------------- */

static bool read_texts(struct call *c, struct gemini_work *w, struct err *err)
{
	struct jval input = c->ask->input, item;
	struct jiter it = jscan_iter(input);

	w->count = input.type == J_ARRAY ? jscan_count(input) : 1;
	if (w->count == 0 || w->count > ITEMS_MAX)
		return err_set(err, ERR_INVALID_TEXT, "input must have 1 to %d items", ITEMS_MAX);
	w->task_type = convert_param(c, "task_type");
	w->dimensions = convert_param(c, "dimensions");
	w->items = arena_alloc(c->arena, w->count * sizeof(*w->items));
	w->items[0] = input;
	for (size_t i = 0; input.type == J_ARRAY && jscan_next_item(&it, &item); i++)
		w->items[i] = item;
	for (size_t i = 0; i < w->count; i++)
		if (w->items[i].type != J_STRING)
			return err_set(err, ERR_INVALID_TEXT,
			    "input must be text for this channel, not token numbers");
	return true;
}

static void add_whole_number(struct buf *body, const char *name, struct jval v)
{
	if (v.type == J_NUMBER)
		convert_add_raw(body, name, v.text);
}

static void add_embed_content(const struct gemini_work *w, size_t i, struct buf *body)
{
	convert_add_raw(body, "content", STR("{\"parts\":[{\"text\":"));
	buf_add(body, w->items[i].text);
	buf_add(body, STR("}]}"));
	add_whole_number(body, "outputDimensionality", w->dimensions);
	if (w->task_type.type == J_STRING)
		convert_add_raw(body, "taskType", w->task_type.text);
}

static bool add_batch(struct call *c, struct gemini_work *w, struct buf *body, struct err *err)
{
	const char *prefix = str_has(c->model, STR("/")) ? "" : "models/";

	buf_add(body, STR("{\"requests\":["));
	for (size_t i = w->next; i < w->next + w->asked; i++) {
		json_add_comma(body);
		buf_add(body, STR("{\"model\":"));
		json_add_str(body, str_c(arena_fmt(c->arena, "%s%.*s", prefix, STR_ARG(c->model))));
		add_embed_content(w, i, body);
		buf_add_char(body, '}');
	}
	buf_add(body, STR("]}"));
	return true;
}

static bool add_single(struct call *c, struct gemini_work *w, struct buf *body, struct err *err)
{
	buf_add_char(body, '{');
	add_embed_content(w, w->next, body);
	buf_add_char(body, '}');
	return true;
}

static bool add_instances(struct call *c, struct gemini_work *w, struct buf *body, struct err *err)
{
	buf_add(body, STR("{\"instances\":["));
	for (size_t i = w->next; i < w->next + w->asked; i++) {
		json_add_comma(body);
		buf_add(body, STR("{\"content\":"));
		buf_add(body, w->items[i].text);
		if (w->task_type.type == J_STRING)
			convert_add_raw(body, "task_type", w->task_type.text);
		buf_add_char(body, '}');
	}
	buf_add_char(body, ']');
	if (w->dimensions.type == J_NUMBER) {
		convert_add_raw(body, "parameters", STR("{\"outputDimensionality\":"));
		buf_add(body, w->dimensions.text);
		buf_add_char(body, '}');
	}
	buf_add_char(body, '}');
	return true;
}

static bool keep_vector(struct gemini_work *w, struct jval values)
{
	if (values.type != J_ARRAY)
		return false;
	if (w->data.len)
		buf_add_char(&w->data, ',');
	buf_addf(&w->data, "{\"object\":\"embedding\",\"index\":%zu,\"embedding\":", w->taken++);
	convert_add_vector(&w->data, values, w->base64);
	buf_add_char(&w->data, '}');
	return true;
}

static bool take_batch(struct call *c, struct gemini_work *w, struct jval root, struct err *err)
{
	struct jval list = convert_member(root, STR("embeddings")), item;
	struct jiter it = jscan_iter(list);

	sum_usage(w, root);
	while (list.type == J_ARRAY && jscan_next_item(&it, &item))
		if (!keep_vector(w, convert_member(item, STR("values"))))
			return false;
	return true;
}

static bool take_single(struct call *c, struct gemini_work *w, struct jval root, struct err *err)
{
	sum_usage(w, root);
	return keep_vector(w,
	    convert_member(convert_member(root, STR("embedding")), STR("values")));
}

static bool take_predictions(struct call *c, struct gemini_work *w, struct jval root,
    struct err *err)
{
	struct jval list = convert_member(root, STR("predictions")), item, count;
	struct jiter it = jscan_iter(list);

	while (list.type == J_ARRAY && jscan_next_item(&it, &item)) {
		item = convert_member(item, STR("embeddings"));
		if (!keep_vector(w, convert_member(item, STR("values"))))
			return false;
		count = convert_member(convert_member(item, STR("statistics")), STR("token_count"));
		w->usage.prompt_tokens += convert_count(count);
	}
	return true;
}

static void end_embeddings(struct call *c, struct gemini_work *w, struct buf *out)
{
	int64_t tokens;

	c->usage.prompt_tokens = w->usage.prompt_tokens;
	c->usage.reported = w->usage.prompt_tokens > 0;
	tokens = adaptor_usage_shown(c).prompt_tokens;
	buf_add(out, STR("{\"object\":\"list\",\"data\":["));
	buf_add(out, buf_str(&w->data));
	buf_add(out, STR("],\"model\":"));
	json_add_str(out, c->ask->model);
	buf_addf(out, ",\"usage\":{\"prompt_tokens\":%lld,\"total_tokens\":%lld}}",
	    (long long)tokens, (long long)tokens);
}

/* ---- pictures ----------------------------------------------------------------------------- */

/* imagen: it knows fewer ratios. */
static const struct {
	struct str size;
	const char *gemini, *imagen;
} ratios[] = {
	{ STR_INIT("1024x1024"), "1:1", "1:1" },
	{ STR_INIT("512x512"), "1:1", "1:1" },
	{ STR_INIT("256x256"), "1:1", "1:1" },
	{ STR_INIT("1536x1024"), "3:2", "4:3" },
	{ STR_INIT("1024x1536"), "2:3", "3:4" },
	{ STR_INIT("1792x1024"), "16:9", "16:9" },
	{ STR_INIT("1024x1792"), "9:16", "9:16" },
};

/* NULL: the model chooses. */
static const char *ratio(const struct call *c, bool imagen)
{
	for (size_t i = 0; i < COUNT_OF(ratios); i++)
		if (str_eq(c->ask->size, ratios[i].size))
			return imagen ? ratios[i].imagen : ratios[i].gemini;
	return NULL;
}

static bool add_imagen(struct call *c, struct gemini_work *w, struct buf *body, struct err *err)
{
	const char *aspect = ratio(c, true);
	struct jval format = convert_param(c, "output_format");

	buf_add(body, STR("{\"instances\":[{\"prompt\":"));
	buf_add(body, c->ask->prompt.type == J_STRING ? c->ask->prompt.text : STR("\"\""));
	buf_addf(body, "}],\"parameters\":{\"sampleCount\":%zu", w->asked);
	if (aspect)
		buf_addf(body, ",\"aspectRatio\":\"%s\"", aspect);
	if (jscan_is(format, STR("jpeg")) || jscan_is(format, STR("png")))
		buf_addf(body, ",\"outputOptions\":{\"mimeType\":\"image/%.*s\"}",
		    STR_ARG(jscan_text(c->arena, format)));
	buf_add(body, STR("}}"));
	return true;
}

static bool add_picture(struct call *c, struct gemini_work *w, struct buf *body, struct err *err)
{
	const char *aspect = ratio(c, false);

	buf_add(body, STR("{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":"));
	buf_add(body, c->ask->prompt.type == J_STRING ? c->ask->prompt.text : STR("\"\""));
	buf_add(body, STR("}]}],\"generationConfig\":{\"responseModalities\":[\"IMAGE\"]"));
	if (aspect)
		buf_addf(body, ",\"imageConfig\":{\"aspectRatio\":\"%s\"}", aspect);
	buf_add_char(body, '}');
	gemini_add_safety(body, c);
	buf_add_char(body, '}');
	return true;
}

static void keep_picture(struct gemini_work *w, struct jval encoded)
{
	if (encoded.type != J_STRING)
		return;
	if (w->data.len)
		buf_add_char(&w->data, ',');
	buf_add(&w->data, STR("{\"b64_json\":"));
	buf_add(&w->data, encoded.text);
	buf_add_char(&w->data, '}');
	w->taken++;
}

static bool take_imagen(struct call *c, struct gemini_work *w, struct jval root, struct err *err)
{
	struct jval list = convert_member(root, STR("predictions")), item, why;
	struct jiter it = jscan_iter(list);

	while (list.type == J_ARRAY && jscan_next_item(&it, &item)) {
		why = convert_member(item, STR("raiFilteredReason"));
		if (why.type == J_STRING)
			w->filtered = true;
		else
			keep_picture(w, convert_member(item, STR("bytesBase64Encoded")));
	}
	if (list.type != J_ARRAY)
		w->filtered = true; /* all were, and nothing is said of it */
	return true;
}

/* The inline data of all candidates. */
static struct jval next_data(struct jiter *parts, struct str *mime, struct arena *a)
{
	struct jval part, data;

	while (jscan_next_item(parts, &part)) {
		data = convert_member(part, STR("inlineData"));
		if (data.type != J_OBJECT || jscan_true(convert_member(part, STR("thought"))))
			continue;
		*mime = jscan_text(a, convert_member(data, STR("mimeType")));
		return convert_member(data, STR("data"));
	}
	return (struct jval){ 0 };
}

static struct jiter parts_of(struct jval root)
{
	struct jval parts = { 0 };

	(void)jscan_at(root, "candidates.0.content.parts", &parts);
	return jscan_iter(parts.type == J_ARRAY ? parts : (struct jval){ J_ARRAY, STR("[]") });
}

static bool take_picture(struct call *c, struct gemini_work *w, struct jval root, struct err *err)
{
	struct jiter it = parts_of(root);
	struct jval data;
	struct str mime;
	size_t before = w->taken;

	if (google_blocked(c, convert_member(root, STR("promptFeedback")), err))
		return false;
	sum_usage(w, root);
	while ((data = next_data(&it, &mime, c->arena)).type == J_STRING)
		keep_picture(w, data);
	w->filtered |= w->taken == before;
	return true;
}

static void end_pictures(struct call *c, struct gemini_work *w, struct buf *out)
{
	struct usage *u = &w->usage;
	long long prompt = (long long)u->prompt_tokens, answer = (long long)u->completion_tokens;

	u->images = (int64_t)w->taken;
	u->reported = prompt + answer > 0;
	c->usage = *u;
	buf_addf(out, "{\"created\":%lld,\"data\":[", (long long)clock_unix());
	buf_add(out, buf_str(&w->data));
	buf_add_char(out, ']');
	if (u->reported)
		buf_addf(out,
		    ",\"usage\":{\"input_tokens\":%lld,\"output_tokens\":%lld,\"total_tokens\":"
		    "%lld,\"input_tokens_details\":{\"text_tokens\":%lld,\"image_tokens\":%lld}}",
		    prompt, answer, prompt + answer, prompt - (long long)u->image_prompt_tokens,
		    (long long)u->image_prompt_tokens);
	buf_add_char(out, '}');
}

/* ---- speech ------------------------------------------------------------------------------- */

static bool add_speech(struct call *c, struct gemini_work *w, struct buf *body, struct err *err)
{
	struct jval voice = convert_param(c, "voice"), how = convert_param(c, "instructions");
	struct str text = jscan_text(c->arena, c->ask->input);

	buf_add(body, STR("{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":"));
	json_add_str(body,
	    how.type == J_STRING && how.text.n > 2
	        ? str_c(arena_fmt(c->arena, "%.*s: %.*s", STR_ARG(jscan_text(c->arena, how)),
	              STR_ARG(text)))
	        : text);
	buf_add(body, STR("}]}],\"generationConfig\":{\"responseModalities\":[\"AUDIO\"]"));
	if (voice.type == J_STRING) {
		convert_add_raw(body, "speechConfig",
		    STR("{\"voiceConfig\":{\"prebuiltVoiceConfig\":{\"voiceName\":"));
		buf_add(body, voice.text);
		buf_add(body, STR("}}}"));
	}
	buf_add(body, STR("}}"));
	return true;
}

static bool take_speech(struct call *c, struct gemini_work *w, struct jval root, struct err *err)
{
	struct jiter it = parts_of(root);
	struct media_part m = { 0 };
	struct jval data;
	struct str mime, bytes;

	if (google_blocked(c, convert_member(root, STR("promptFeedback")), err))
		return false;
	sum_usage(w, root);
	while ((data = next_data(&it, &mime, c->arena)).type == J_STRING) {
		m.encoded = jscan_text(c->arena, data);
		if (!convert_media_bytes(c->arena, &m, "audio", &bytes, err))
			return err_set(err, ERR_UPSTREAM_BODY,
			    "the upstream's audio is not base64");
		buf_add(&w->data, bytes);
		w->taken = 1;
	}
	return w->taken || err_set(err, ERR_UPSTREAM, "the upstream answered with no audio");
}

static void add_le(struct buf *out, uint32_t n, int bytes)
{
	for (int i = 0; i < bytes; i++)
		buf_add_char(out, (char)(n >> (8 * i) & 0xff));
}

/* RIFF WAVE, one chunk of format and one of samples. */
static void add_wav_head(struct buf *out, size_t bytes)
{
	buf_add(out, STR("RIFF"));
	add_le(out, (uint32_t)bytes + 36, 4);
	buf_add(out, STR("WAVEfmt "));
	add_le(out, 16, 4);
	add_le(out, 1, 2); /* PCM */
	add_le(out, 1, 2); /* channels */
	add_le(out, RATE_HZ, 4);
	add_le(out, RATE_HZ * 2, 4);
	add_le(out, 2, 2);
	add_le(out, 16, 2);
	buf_add(out, STR("data"));
	add_le(out, (uint32_t)bytes, 4);
}

static void end_speech(struct call *c, struct gemini_work *w, struct buf *out)
{
	bool raw = str_eq_c(w->format, "pcm");

	c->usage = w->usage;
	c->usage.reported = w->usage.prompt_tokens + w->usage.completion_tokens > 0;
	c->usage.characters = c->ask->characters;
	c->reply_type = raw ? "audio/pcm" : "audio/wav";
	if (!raw)
		add_wav_head(out, w->data.len);
	buf_add(out, buf_str(&w->data));
}

/* ---- choosing a surface ------------------------------------------------------------------- */

static const struct surface batch = { ":batchEmbedContents", 100, add_batch, take_batch,
	end_embeddings };
static const struct surface single = { ":embedContent", 1, add_single, take_single,
	end_embeddings };
static const struct surface predict = { ":predict", 250, add_instances, take_predictions,
	end_embeddings };
static const struct surface predict_one = { ":predict", 1, add_instances, take_predictions,
	end_embeddings };
static const struct surface imagen = { ":predict", 16, add_imagen, take_imagen, end_pictures };
static const struct surface picture = { ":generateContent", 1, add_picture, take_picture,
	end_pictures };
static const struct surface speech = { ":generateContent", 1, add_speech, take_speech, end_speech };

static const struct surface *surface_of(const struct call *c, const struct gemini_work *w)
{
	if (c->ask->mode == MODE_IMAGES)
		return w->model.is_imagen ? &imagen : &picture;
	if (c->ask->mode == MODE_SPEECH)
		return &speech;
	if (!w->host->is_vertex)
		return &batch;
	if (str_starts(c->model, STR("gemini-embedding-2")))
		return &single;
	return str_starts(c->model, STR("gemini-")) ? &predict_one : &predict;
}

struct gemini_work *gemini_work_new(struct call *c, const struct gemini_host *host)
{
	struct gemini_work *w = ARENA_NEW(c->arena, struct gemini_work);

	w->host = host;
	w->model = gemini_model(c->model);
	w->surface = surface_of(c, w);
	w->base64 = jscan_is(convert_param(c, "encoding_format"), STR("base64"));
	w->data = buf_init(64 * 1024 * 1024);
	w->format = c->ask->response_format;
	arena_defer(c->arena, release, w);
	return w;
}

const char *gemini_work_method(const struct gemini_work *w)
{
	return w->surface->method;
}

/* What is to be asked for, once. */
static bool begin(struct call *c, struct gemini_work *w, struct err *err)
{
	static const struct str modes[] = { STR_INIT(""), STR_INIT("wav"), STR_INIT("pcm") };
	bool known = c->ask->mode != MODE_SPEECH;

	if (c->ask->mode == MODE_EMBEDDINGS)
		return read_texts(c, w, err);
	for (size_t i = 0; i < COUNT_OF(modes); i++)
		known |= str_eq(w->format, modes[i]);
	if (!known)
		return err_set(err, ERR_INVALID_AUDIO,
		    "response_format must be wav or pcm for this channel");
	w->count = c->ask->mode == MODE_IMAGES ? (size_t)c->ask->n : 1;
	return true;
}

bool gemini_work_add(struct call *c, struct gemini_work *w, struct buf *body, struct err *err)
{
	if (w->count == 0 && !begin(c, w, err))
		return false;
	w->asked = w->count - w->next;
	if (w->asked > w->surface->per_call)
		w->asked = w->surface->per_call;
	return w->surface->add(c, w, body, err);
}

static bool end(struct call *c, struct gemini_work *w, struct buf *out, struct err *err)
{
	if (c->ask->mode == MODE_EMBEDDINGS && !convert_check_vectors(w->taken, w->count, err))
		return false;
	if (w->taken == 0 && w->filtered) {
		(void)err_set(err, ERR_BAD_REQUEST, "all pictures were filtered by the provider");
		(void)snprintf(err->code, sizeof(err->code), "content_filter");
		return false;
	}
	if (w->taken == 0)
		return err_set(err, ERR_UPSTREAM, "the upstream answered with nothing");
	if (!buf_ok(&w->data))
		return err_set(err, ERR_UPSTREAM_BODY, "the upstream's reply is too large");
	w->surface->end(c, w, out);
	c->finished = true;
	return true;
}

enum step gemini_work_take(struct call *c, struct gemini_work *w, struct str reply, struct buf *out,
    struct err *err)
{
	struct jval root = { 0 };

	if (jscan_value(reply, &root) && google_error_inside(c, root, reply, err))
		return STEP_FAILED;
	if (root.type != J_OBJECT) {
		(void)err_set(err, ERR_UPSTREAM_BODY, "the upstream's reply is not JSON");
		return STEP_FAILED;
	}
	err_clear(err);
	if (!w->surface->take(c, w, root, err)) {
		if (err->kind == ERR_NONE)
			(void)err_set(err, ERR_UPSTREAM_BODY,
			    "the upstream's reply is not complete");
		return STEP_FAILED;
	}
	w->next += w->asked;
	if (w->next < w->count)
		return STEP_NEXT;
	return end(c, w, out, err) ? STEP_DONE : STEP_FAILED;
}
