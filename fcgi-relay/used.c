#include "used.h"

/* Transcripts: bytes of a file for a second of audio, at least and usually (128 kbit/s). */
#define AUDIO_LEAST_BYTES_S 2000
#define AUDIO_USUAL_BYTES_S 16000
/* No mistake of an upstream may empty an account: even silence takes so many bytes for a second,
 * after the first ten minutes; and nobody makes so many images for each that was asked for. */
#define AUDIO_FEWEST_BYTES_S 32
#define AUDIO_SLACK_MS 600000
#define IMAGES_FACTOR 64
/* Tokens of a second: of the audio itself, and of the words in it, spoken fast. */
#define AUDIO_TOKENS_S 20
#define WORD_TOKENS_S 5
/* Text tokens to the audio tokens of their speech. */
#define SPEECH_TOKENS_PER_TOKEN 8
/* Tokens of one input image at high fidelity. */
#define INPUT_IMAGE_TOKENS 6500

/* Tokens of one output image at 1024x1536, the largest size. */
static const struct {
	const char *quality;
	int64_t tokens;
} image_tokens[] = {
	{ "low", 408 }, { "medium", 1584 }, { "", 6240 }, /* high, auto, not said */
};

static int64_t clamp(int64_t n)
{
	return n < 0 ? 0 : n < INT32_MAX ? n : INT32_MAX;
}

static int64_t times(int64_t n, int64_t factor)
{
	return n > INT32_MAX / factor ? INT32_MAX : n * factor;
}

/* Does the model write anything of its own? */
static bool writes(enum mode mode)
{
	return mode != MODE_EMBEDDINGS && mode != MODE_MODERATIONS && mode != MODE_RERANK;
}

/* Completions answer each prompt of a list n times. */
static int64_t answers(const struct ask *ask)
{
	struct jiter it;
	struct jval first;
	int64_t prompts = 1;

	if (ask->mode == MODE_COMPLETIONS && ask->prompt.type == J_ARRAY) {
		it = jscan_iter(ask->prompt);
		if (jscan_next_item(&it, &first) && first.type != J_NUMBER)
			prompts = (int64_t)jscan_count(ask->prompt);
	}
	return times(prompts, ask->n > 0 ? ask->n : 1);
}

int64_t used_most_written(const struct ask *ask, int64_t unsaid)
{
	int64_t most = ask->max_tokens < 0 ? unsaid : ask->max_tokens;

	return writes(ask->mode) ? times(clamp(most), answers(ask)) : 0;
}

static void bound_text(const struct exchange *x, struct usage *u)
{
	u->completion_tokens =
	    used_most_written(&x->ask, option_int(&x->catalog->options, OPT_PRE_CONSUMED_QUOTA));
}

static void count_images(const struct exchange *x, int64_t images, struct usage *u)
{
	size_t i = 0;

	while (*image_tokens[i].quality && !str_eq_c(x->ask.quality, image_tokens[i].quality))
		i++;
	u->images = images;
	u->image_completion_tokens = times(image_tokens[i].tokens, images);
	u->completion_tokens = u->image_completion_tokens;
}

static void bound_images(const struct exchange *x, struct usage *u)
{
	const struct ask *ask = &x->ask;

	count_images(x, ask->n > 0 ? ask->n : 1, u);
	if (ask->file_bytes > 0)
		u->image_prompt_tokens = INPUT_IMAGE_TOKENS;
	u->prompt_tokens += u->image_prompt_tokens;
}

static void bound_speech(const struct exchange *x, struct usage *u)
{
	u->characters = x->ask.characters;
	u->audio_completion_tokens = times(clamp(x->prompt_tokens), SPEECH_TOKENS_PER_TOKEN);
	u->completion_tokens = u->audio_completion_tokens;
}

static void audio_of_bytes(const struct exchange *x, int64_t bytes_s, struct usage *u)
{
	int64_t ms = clamp(x->ask.file_bytes * 1000 / bytes_s);

	u->audio_ms = ms;
	u->audio_prompt_tokens = ms * AUDIO_TOKENS_S / 1000;
	u->prompt_tokens += u->audio_prompt_tokens;
	u->completion_tokens = ms * WORD_TOKENS_S / 1000;
}

void used_bound(const struct exchange *x, struct usage *out)
{
	*out = (struct usage){ .prompt_tokens = x->prompt_tokens };
	switch (x->mode->price) {
	case PRICE_TOKENS:
		bound_text(x, out);
		break;
	case PRICE_IMAGE:
		bound_images(x, out);
		break;
	case PRICE_SPEECH:
		bound_speech(x, out);
		break;
	case PRICE_AUDIO:
		audio_of_bytes(x, AUDIO_LEAST_BYTES_S, out);
		break;
	case PRICE_CALL:
	case PRICE_TRAINING:
	case PRICE_NONE:
		*out = (struct usage){ 0 };
		break;
	}
}

static void so_far(const struct exchange *x, int64_t count(const struct token_meter *),
    struct usage *out)
{
	*out = x->call.usage;
	if (out->reported && out->completion_tokens > 0)
		return;
	if (!out->reported)
		out->prompt_tokens = x->prompt_tokens;
	if (x->mode->price == PRICE_SPEECH)
		bound_speech(x, out); /* all of it is being spoken */
	else
		out->completion_tokens = count(&x->call.meter);
}

void used_so_far(const struct exchange *x, struct usage *out)
{
	so_far(x, token_meter_count, out);
}

void used_about(const struct exchange *x, struct usage *out)
{
	so_far(x, token_meter_about, out);
}

/* An upstream that took the text speaks all of it, and counts all of it. */
static bool complete_speech(struct exchange *x)
{
	struct usage *u = &x->call.usage;

	if (!u->reported)
		bound_speech(x, u);
	u->characters = x->ask.characters;
	return true;
}

/* Nobody said how long it was: by the file, and at least by the words that were heard. */
static bool complete_audio(struct exchange *x)
{
	struct usage *u = &x->call.usage;
	int64_t words = u->completion_tokens, by_words = clamp(words) * 1000 / WORD_TOKENS_S;
	int64_t most = x->ask.file_bytes * 1000 / AUDIO_FEWEST_BYTES_S + AUDIO_SLACK_MS;

	if (u->audio_ms > most)
		u->audio_ms = most;
	if (u->reported || u->audio_ms > 0)
		return true;
	audio_of_bytes(x, AUDIO_USUAL_BYTES_S, u);
	u->completion_tokens = words;
	if (u->audio_ms < by_words)
		u->audio_ms = by_words;
	return false;
}

/* A stream of images that broke off had shown one in part, which is most of that one. */
static bool complete_images(struct exchange *x)
{
	struct usage *u = &x->call.usage;
	int64_t most = times(x->ask.n > 0 ? x->ask.n : 1, IMAGES_FACTOR);

	if (u->images > most)
		u->images = most;
	if (u->reported)
		return true;
	if (x->kind == REPLY_STREAM && x->committed && !x->call.finished)
		count_images(x, u->images + 1, u);
	return u->images > 0;
}

bool used_complete(struct exchange *x)
{
	struct usage *u = &x->call.usage;

	adaptor_complete_usage(&x->call, x->prompt_tokens);
	switch (x->mode->price) {
	case PRICE_SPEECH:
		return complete_speech(x);
	case PRICE_AUDIO:
		return complete_audio(x);
	case PRICE_IMAGE:
		return complete_images(x);
	case PRICE_CALL:
		*u = (struct usage){ 0 };
		return true;
	case PRICE_TOKENS:
	case PRICE_TRAINING:
	case PRICE_NONE:
		break;
	}
	return u->reported;
}
