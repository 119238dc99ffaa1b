/* prices_openai.c — list prices of OpenAI, in dollars */
#include "billing/builtin_rows.h"

/* clang-format off */
static const struct price_extra dall_e_2[] = {
	SIZE("256x256", 1), SIZE("512x512", 1.125), SIZE("1024x1024", 1.25), EXTRAS_END,
};
static const struct price_extra dall_e_3[] = {
	SIZE("1024x1024", 1), SIZE("1024x1792", 2), SIZE("1792x1024", 2),
	SIZE("hd/1024x1024", 2), SIZE("hd/1024x1792", 3), SIZE("hd/1792x1024", 3), EXTRAS_END,
};
/* Tokens count when the reply reports them. The prices per image, from the image guide, are for
 * replies that do not, and for what is reserved. */
#define IMAGES(low, low_long, medium, medium_long, high, high_long) \
	PER_IMAGE("low/1024x1024", low), PER_IMAGE("low/1024x1536", low_long), \
	PER_IMAGE("low/1536x1024", low_long), PER_IMAGE("medium/1024x1024", medium), \
	PER_IMAGE("medium/1024x1536", medium_long), PER_IMAGE("medium/1536x1024", medium_long), \
	PER_IMAGE("high/1024x1024", high), PER_IMAGE("high/1024x1536", high_long), \
	PER_IMAGE("high/1536x1024", high_long), PER_IMAGE("*", high_long)
static const struct price_extra gpt_image_1[] = {
	EXTRA(IMAGE_IN, 2), IMAGES(0.011, 0.016, 0.042, 0.063, 0.167, 0.25), EXTRAS_END,
};
static const struct price_extra gpt_image_1_mini[] = {
	EXTRA(IMAGE_IN, 1.25), IMAGES(0.005, 0.006, 0.011, 0.015, 0.036, 0.052), EXTRAS_END,
};
static const struct price_extra gpt_image_1_5[] = {
	EXTRA(IMAGE_IN, 1.6), IMAGES(0.009, 0.013, 0.034, 0.05, 0.133, 0.2), EXTRAS_END,
};
/* No price per image is published: one that large images stay below. */
static const struct price_extra gpt_image_2[] = {
	EXTRA(IMAGE_IN, 1.6), PER_IMAGE("*", 0.25), EXTRAS_END,
};
/* A reply without usage: the page says about 1.5 cents a minute, at 850 characters a minute. */
static const struct price_extra gpt_4o_mini_tts[] = {
	EXTRA(PER_MILLION_CHARACTERS, 18), EXTRAS_END,
};
/* A reply without usage: the page's estimate per minute. */
static const struct price_extra gpt_4o_transcribe[] = { EXTRA(PER_MINUTE, 0.006), EXTRAS_END };
static const struct price_extra gpt_4o_mini_transcribe[] = { EXTRA(PER_MINUTE, 0.003), EXTRAS_END };

/* Named after the first model that has them. */
static const struct price_extra since_gpt_5_6[] = {
	EXTRA(CACHE_WRITE, 1.25), EXTRA(CACHE_WRITE_1H, 2.5), ABOVE(272000, 2, 1.5), EXTRAS_END,
};
static const struct price_extra search_1_cent[] = {
	EXTRA(PER_REQUEST, 0.01), EXTRAS_END,
};
static const struct price_extra long_272k[] = {
	ABOVE(272000, 2, 1.5), EXTRAS_END,
};
static const struct price_extra gpt_4o_audio[] = {
	EXTRA(AUDIO_IN, 16), EXTRA(AUDIO_OUT, 32), EXTRAS_END,
};
static const struct price_extra gpt_4o_mini_audio[] = {
	EXTRA(AUDIO_IN, 10.00 / 0.15), EXTRA(AUDIO_OUT, 20.00 / 0.15), EXTRAS_END,
};
static const struct price_extra search_25_mills[] = {
	EXTRA(PER_REQUEST, 0.025), EXTRAS_END,
};
/* Training, per million tokens: the page's fine-tuning section as of November 2025. */
#define TRAINED(name, usd) \
	static const struct price_extra name[] = { EXTRA(PER_MILLION_TRAINED, usd), EXTRAS_END }
TRAINED(trained_25, 25);
TRAINED(trained_8, 8);
TRAINED(trained_6, 6);
TRAINED(trained_5, 5);
TRAINED(trained_3, 3);
TRAINED(trained_1_50, 1.5);
TRAINED(trained_0_40, 0.4);
static const struct price_extra gpt_audio[] = {
	EXTRA(AUDIO_IN, 12.8), EXTRA(AUDIO_OUT, 25.6), EXTRAS_END,
};
static const struct price_extra gpt_audio_mini[] = {
	EXTRA(AUDIO_IN, 10.00 / 0.60), EXTRA(AUDIO_OUT, 20.00 / 0.60), EXTRAS_END,
};

const struct builtin_price prices_openai[] = {
	/* developers.openai.com/api/docs/pricing, read November 2026: text. The long cache
	 * writes of gpt-5.6 and later are those kept beyond 12 hours; the search models cost a
	 * fee per request. */
	USD("gpt-6-astra",                            10.00,   1.00,  50.00, since_gpt_5_6),
	USD("gpt-6-luna",                              0.10,   0.01,   0.50, since_gpt_5_6),
	USD("gpt-6-sol",                               2.00,   0.20,  10.00, since_gpt_5_6),
	USD("gpt-6.1-sol",                             2.00,   0.10,  10.00, since_gpt_5_6),
	USD("gpt-6.1-terra",                           1.00,   0.05,   5.00, since_gpt_5_6),
	USD("gpt-5",                                   1.25,  0.125,  10.00, NULL),
	USD("gpt-5-2025-08-07",                        1.25,  0.125,  10.00, NULL),
	USD("gpt-5-chat",                              1.25,  0.125,  10.00, NULL),
	USD("gpt-5-chat-latest",                       1.25,  0.125,  10.00, NULL),
	USD("gpt-5-codex",                             1.25,  0.125,  10.00, NULL),
	USD("gpt-5-mini",                              0.25,  0.025,   2.00, NULL),
	USD("gpt-5-mini-2025-08-07",                   0.25,  0.025,   2.00, NULL),
	USD("gpt-5-nano",                              0.05,  0.005,   0.40, NULL),
	USD("gpt-5-nano-2025-08-07",                   0.05,  0.005,   0.40, NULL),
	USD("gpt-5-pro",                              15.00,   NONE, 120.00, NULL),
	USD("gpt-5-pro-2025-10-06",                   15.00,   NONE, 120.00, NULL),
	USD("gpt-5-search-api",                        1.25,  0.125,  10.00, search_1_cent),
	USD("gpt-5-search-api-2025-10-14",             1.25,  0.125,  10.00, search_1_cent),
	USD("gpt-5.1",                                 1.25,  0.125,  10.00, NULL),
	USD("gpt-5.1-2025-11-13",                      1.25,  0.125,  10.00, NULL),
	USD("gpt-5.1-chat-latest",                     1.25,  0.125,  10.00, NULL),
	USD("gpt-5.1-codex",                           1.25,  0.125,  10.00, NULL),
	USD("gpt-5.1-codex-max",                       1.25,  0.125,  10.00, NULL),
	USD("gpt-5.1-codex-mini",                      0.25,  0.025,   2.00, NULL),
	USD("gpt-5.2",                                 1.75,  0.175,  14.00, NULL),
	USD("gpt-5.2-2025-12-11",                      1.75,  0.175,  14.00, NULL),
	USD("gpt-5.2-chat-latest",                     1.75,  0.175,  14.00, NULL),
	USD("gpt-5.2-codex",                           1.75,  0.175,  14.00, NULL),
	USD("gpt-5.2-pro",                            21.00,   NONE, 168.00, NULL),
	USD("gpt-5.2-pro-2025-12-11",                 21.00,   NONE, 168.00, NULL),
	USD("gpt-5.3-chat-latest",                     1.75,  0.175,  14.00, NULL),
	USD("gpt-5.3-codex",                           1.75,  0.175,  14.00, NULL),
	USD("gpt-5.4",                                 2.50,   0.25,  15.00, long_272k),
	USD("gpt-5.4-2026-03-05",                      2.50,   0.25,  15.00, long_272k),
	USD("gpt-5.4-mini",                            0.75,  0.075,   4.50, NULL),
	USD("gpt-5.4-mini-2026-03-17",                 0.75,  0.075,   4.50, NULL),
	USD("gpt-5.4-nano",                            0.20,   0.02,   1.25, NULL),
	USD("gpt-5.4-nano-2026-03-17",                 0.20,   0.02,   1.25, NULL),
	USD("gpt-5.4-pro",                            30.00,   NONE, 180.00, long_272k),
	USD("gpt-5.4-pro-2026-03-05",                 30.00,   NONE, 180.00, long_272k),
	USD("gpt-5.5",                                 5.00,   0.50,  30.00, long_272k),
	USD("gpt-5.5-2026-04-23",                      5.00,   0.50,  30.00, long_272k),
	USD("gpt-5.5-cyber",                          12.50,   1.25,  75.00, NULL),
	USD("gpt-5.5-cyber-preview",                  12.50,   1.25,  75.00, NULL),
	USD("gpt-5.5-pro",                            30.00,   NONE, 180.00, long_272k),
	USD("gpt-5.5-pro-2026-04-23",                 30.00,   NONE, 180.00, long_272k),
	USD("gpt-5.6",                                 4.00,   0.40,  20.00, since_gpt_5_6),
	USD("gpt-5.6-cyber",                          12.50,   1.25,  75.00, since_gpt_5_6),
	USD("gpt-5.6-luna",                            0.20,   0.02,   1.20, since_gpt_5_6),
	USD("gpt-5.6-sol",                             4.00,   0.40,  20.00, since_gpt_5_6),
	USD("gpt-5.6-terra",                           2.00,   0.20,  12.00, since_gpt_5_6),
	USD("chat-latest",                             5.00,   0.50,  30.00, NULL),
	USD("gpt-4.1",                                 2.00,   0.50,   8.00, NULL),
	USD("gpt-4.1-2025-04-14",                      2.00,   0.50,   8.00, trained_25),
	USD("gpt-4.1-mini",                            0.40,   0.10,   1.60, NULL),
	USD("gpt-4.1-mini-2025-04-14",                 0.40,   0.10,   1.60, trained_5),
	USD("gpt-4.1-nano",                            0.10,  0.025,   0.40, NULL),
	USD("gpt-4.1-nano-2025-04-14",                 0.10,  0.025,   0.40, trained_1_50),
	USD("gpt-4o",                                  2.50,   1.25,  10.00, NULL),
	USD("gpt-4o-2024-05-13",                       5.00,   NONE,  15.00, NULL),
	USD("gpt-4o-2024-08-06",                       2.50,   1.25,  10.00, trained_25),
	USD("gpt-4o-2024-11-20",                       2.50,   1.25,  10.00, NULL),
	USD("gpt-4o-audio-preview-2024-12-17",         2.50,   NONE,  10.00, gpt_4o_audio),
	USD("gpt-4o-audio-preview-2025-06-03",         2.50,   NONE,  10.00, gpt_4o_audio),
	USD("gpt-4o-mini",                             0.15,  0.075,   0.60, NULL),
	USD("gpt-4o-mini-2024-07-18",                  0.15,  0.075,   0.60, trained_3),
	USD("gpt-4o-mini-audio-preview-2024-12-17",    0.15,   NONE,   0.60, gpt_4o_mini_audio),
	USD("gpt-4o-mini-search-preview",              0.15,  0.075,   0.60, search_25_mills),
	USD("gpt-4o-mini-search-preview-2025-03-11",   0.15,  0.075,   0.60, search_25_mills),
	USD("gpt-4o-search-preview",                   2.50,   1.25,  10.00, search_25_mills),
	USD("gpt-4o-search-preview-2025-03-11",        2.50,   1.25,  10.00, search_25_mills),
	USD("gpt-4",                                  30.00,   NONE,  60.00, NULL),
	USD("gpt-4-0613",                             30.00,   NONE,  60.00, NULL),
	USD("gpt-4-1106-preview",                     10.00,   NONE,  30.00, NULL),
	USD("gpt-4-turbo",                            10.00,   NONE,  30.00, NULL),
	USD("gpt-4-turbo-2024-04-09",                 10.00,   NONE,  30.00, NULL),
	USD("gpt-3.5-turbo",                           0.50,   NONE,   1.50, trained_8),
	USD("gpt-3.5-turbo-0125",                      0.50,   NONE,   1.50, trained_8),
	USD("gpt-3.5-turbo-1106",                      1.00,   NONE,   2.00, trained_8),
	USD("gpt-3.5-turbo-16k",                       3.00,   NONE,   4.00, NULL),
	USD("gpt-audio",                               2.50,   NONE,  10.00, gpt_audio),
	USD("gpt-audio-1.5",                           2.50,   NONE,  10.00, gpt_audio),
	USD("gpt-audio-2025-08-28",                    2.50,   NONE,  10.00, gpt_audio),
	USD("gpt-audio-mini",                          0.60,   NONE,   2.40, gpt_audio_mini),
	USD("gpt-audio-mini-2025-10-06",               0.60,   NONE,   2.40, gpt_audio_mini),
	USD("gpt-audio-mini-2025-12-15",               0.60,   NONE,   2.40, gpt_audio_mini),
	USD("o1",                                     15.00,   7.50,  60.00, NULL),
	USD("o1-2024-12-17",                          15.00,   7.50,  60.00, NULL),
	USD("o1-pro",                                150.00,   NONE, 600.00, NULL),
	USD("o1-pro-2025-03-19",                     150.00,   NONE, 600.00, NULL),
	USD("o3",                                      2.00,   0.50,   8.00, NULL),
	USD("o3-2025-04-16",                           2.00,   0.50,   8.00, NULL),
	USD("o3-deep-research",                       10.00,   2.50,  40.00, NULL),
	USD("o3-deep-research-2025-06-26",            10.00,   2.50,  40.00, NULL),
	USD("o3-mini",                                 1.10,   0.55,   4.40, NULL),
	USD("o3-mini-2025-01-31",                      1.10,   0.55,   4.40, NULL),
	USD("o3-pro",                                 20.00,   NONE,  80.00, NULL),
	USD("o3-pro-2025-06-10",                      20.00,   NONE,  80.00, NULL),
	USD("o4-mini",                                 1.10,  0.275,   4.40, NULL),
	USD("o4-mini-2025-04-16",                      1.10,  0.275,   4.40, NULL),
	USD("o4-mini-deep-research",                   2.00,   0.50,   8.00, NULL),
	USD("o4-mini-deep-research-2025-06-26",        2.00,   0.50,   8.00, NULL),
	USD("computer-use-preview",                    3.00,   NONE,  12.00, NULL),
	USD("computer-use-preview-2025-03-11",         3.00,   NONE,  12.00, NULL),
	USD("gpt-4o-audio-preview",                    2.50,   NONE,  10.00, gpt_4o_audio),
	USD("gpt-4o-mini-audio-preview",               0.15,   NONE,   0.60, gpt_4o_mini_audio),

	/* the same: embeddings and moderation */
	USD("omni-moderation-2024-09-26",     0.00,   NONE,   0.00, NULL),
	USD("omni-moderation-latest",         0.00,   NONE,   0.00, NULL),
	USD("text-embedding-3-large",         0.13,   NONE,   NONE, NULL),
	USD("text-embedding-3-small",         0.02,   NONE,   NONE, NULL),
	USD("text-embedding-ada-002",         0.10,   NONE,   NONE, NULL),
	USD("text-embedding-ada-002-v2",      0.10,   NONE,   NONE, NULL),

	/* the same: images, by token or per image; dall-e-2 per 256x256 */
	USD("gpt-image-1",                         5.00,   1.25,  40.00, gpt_image_1),
	USD("gpt-image-1-mini",                    2.00,   0.20,   8.00, gpt_image_1_mini),
	USD("gpt-image-1.5",                       5.00,   1.25,  32.00, gpt_image_1_5),
	USD("gpt-image-1.5-2025-12-16",            5.00,   1.25,  32.00, gpt_image_1_5),
	USD("chatgpt-image-latest",                5.00,   1.25,  32.00, gpt_image_1_5),
	USD("gpt-image-2",                         5.00,   1.25,  30.00, gpt_image_2),
	USD("gpt-image-2-2026-04-21",              5.00,   1.25,  30.00, gpt_image_2),
	USD("gpt-image-2.5-flare",                 5.00,   1.25,  30.00, gpt_image_2),
	USD("gpt-image-2.5-flare-2026-09-08",      5.00,   1.25,  30.00, gpt_image_2),
	USD("gpt-image-2.5-sunburst",              5.00,   1.25,  30.00, gpt_image_2),
	USD("gpt-image-2.5-sunburst-2026-09-08",   5.00,   1.25,  30.00, gpt_image_2),
	IMAGE(USD, "dall-e-2",                     0.016, dall_e_2),
	IMAGE(USD, "dall-e-3",                      0.04, dall_e_3),

	/* the same: speech per million characters or by token, transcripts per minute or by
	 * token */
	SPOKEN(USD, "tts-1",                       15.00),
	SPOKEN(USD, "tts-1-1106",                  15.00),
	SPOKEN(USD, "tts-1-hd",                    30.00),
	SPOKEN(USD, "tts-1-hd-1106",               30.00),
	USD("gpt-4o-mini-tts",                     0.60,   NONE,  12.00, gpt_4o_mini_tts),
	USD("gpt-4o-mini-tts-2025-03-20",          0.60,   NONE,  12.00, gpt_4o_mini_tts),
	USD("gpt-4o-mini-tts-2025-12-15",          0.60,   NONE,  12.00, gpt_4o_mini_tts),
	USD("gpt-4o-transcribe",                   2.50,   NONE,  10.00, gpt_4o_transcribe),
	USD("gpt-4o-transcribe-diarize",           2.50,   NONE,  10.00, gpt_4o_transcribe),
	USD("gpt-4o-mini-transcribe",              1.25,   NONE,   5.00, gpt_4o_mini_transcribe),
	USD("gpt-4o-mini-transcribe-2025-03-20",   1.25,   NONE,   5.00, gpt_4o_mini_transcribe),
	USD("gpt-4o-mini-transcribe-2025-12-15",   1.25,   NONE,   5.00, gpt_4o_mini_transcribe),
	HEARD(USD, "whisper-1",                    0.006),
	HEARD(USD, "gpt-transcribe",              0.0045),

	/* the same page, models retired since: the last price they had */
	USD("gpt-4-32k",                     60.00,   NONE, 120.00, NULL),
	USD("chatgpt-4o-latest",              5.00,   NONE,  15.00, NULL),
	USD("gpt-4-vision-preview",          10.00,   NONE,  30.00, NULL),
	USD("gpt-3.5-turbo-0613",             1.50,   NONE,   2.00, trained_8),
	USD("gpt-3.5-turbo-instruct",         1.50,   NONE,   2.00, NULL),
	USD("o1-preview",                    15.00,   7.50,  60.00, NULL),
	USD("davinci-002",                    2.00,   NONE,   2.00, trained_6),
	USD("babbage-002",                    0.40,   NONE,   0.40, trained_0_40),
	USD("text-davinci-002",              20.00,   NONE,  20.00, NULL),
	USD("text-davinci-003",              20.00,   NONE,  20.00, NULL),
	USD("davinci",                       20.00,   NONE,  20.00, NULL),
	USD("curie",                          2.00,   NONE,   2.00, NULL),
	USD("babbage",                        0.50,   NONE,   0.50, NULL),
	USD("ada",                            0.40,   NONE,   0.40, NULL),
	USD("o1-mini",                        1.10,   0.55,   4.40, NULL),
	USD("gpt-4.5-preview",               75.00,  37.50, 150.00, NULL),

	/* list prices of November 2025, not on the page any more */
	USD("o1-mini-2024-09-12",             1.10,   NONE,   4.40, NULL),
	USD("gpt-4.5-preview-2025-02-27",    75.00,   NONE, 150.00, NULL),
	USD("codex-mini-latest",              1.50,   NONE,   6.00, NULL),

	/* one-api's figures, unconfirmed: models that no page lists any more */
	USD("gpt-4-0314",                    30.00,   NONE,  60.00, NULL),
	USD("gpt-4-32k-0314",                60.00,   NONE, 120.00, NULL),
	USD("gpt-4-32k-0613",                60.00,   NONE, 120.00, NULL),
	USD("gpt-4-0125-preview",            10.00,   NONE,  30.00, NULL),
	USD("gpt-4-turbo-preview",           10.00,   NONE,  30.00, NULL),
	USD("gpt-3.5-turbo-0301",             1.50,   NONE,   2.00, NULL),
	USD("gpt-3.5-turbo-16k-0613",         3.00,   NONE,   4.00, NULL),
	USD("o1-preview-2024-09-12",         15.00,   NONE,  60.00, NULL),
	USD("text-ada-001",                   0.40,   NONE,   0.40, NULL),
	USD("text-babbage-001",               0.50,   NONE,   0.50, NULL),
	USD("text-curie-001",                 2.00,   NONE,   2.00, NULL),
	USD("text-davinci-edit-001",         20.00,   NONE,  20.00, NULL),
	USD("code-davinci-edit-001",         20.00,   NONE,  20.00, NULL),
	USD("text-search-ada-doc-001",       20.00,   NONE,   NONE, NULL),
	USD("text-moderation-stable",         0.20,   NONE,   NONE, NULL),
	USD("text-moderation-latest",         0.20,   NONE,   NONE, NULL),
	{ 0 },
};
/* clang-format on */
