/* prices_western.c — list prices of Anthropic, Google, xAI, Mistral, Cohere and others, in dollars */
#include "billing/builtin_rows.h"

/* clang-format off */
/* Named after the first model that has them. */
static const struct price_extra claude[] = {
	EXTRA(CACHE_WRITE, 1.25), EXTRA(CACHE_WRITE_1H, 2), EXTRAS_END,
};
static const struct price_extra claude_haiku_5_5[] = {
	EXTRA(CACHE_WRITE, 1.25), EXTRA(CACHE_WRITE_1H, 2), ABOVE(100000, 5, 5), EXTRAS_END,
};
static const struct price_extra claude_3_haiku[] = {
	EXTRA(CACHE_WRITE, 1.2), EXTRA(CACHE_WRITE_1H, 2), EXTRAS_END,
};
static const struct price_extra gemini_flash_audio[] = {
	EXTRA(AUDIO_IN, 1.00 / 0.30), EXTRAS_END,
};
static const struct price_extra gemini_2_5_flash_image[] = {
	EXTRA(AUDIO_IN, 1.00 / 0.30), EXTRA(IMAGE_OUT, 100), PER_IMAGE("*", 0.039), EXTRAS_END,
};
static const struct price_extra gemini_2_5_flash_lite[] = {
	EXTRA(AUDIO_IN, 3), EXTRAS_END,
};
static const struct price_extra gemini_tts[] = {
	EXTRA(PER_MILLION_CHARACTERS, 36), EXTRAS_END,
};
static const struct price_extra long_200k[] = {
	ABOVE(200000, 2, 1.5), EXTRAS_END,
};
static const struct price_extra audio_twice[] = {
	EXTRA(AUDIO_IN, 2), EXTRAS_END,
};
static const struct price_extra gemini_3_pro_image[] = {
	EXTRA(IMAGE_OUT, 60), PER_IMAGE("*", 0.24), EXTRAS_END,
};
static const struct price_extra gemini_3_1_flash_image[] = {
	EXTRA(IMAGE_OUT, 120), PER_IMAGE("*", 0.151), EXTRAS_END,
};
static const struct price_extra gemini_3_1_flash_lite_image[] = {
	EXTRA(IMAGE_OUT, 120), PER_IMAGE("*", 0.034), EXTRAS_END,
};
static const struct price_extra gemini_embedding_2[] = {
	EXTRA(AUDIO_IN, 32.5), EXTRA(IMAGE_IN, 2.25), EXTRAS_END,
};
static const struct price_extra grok[] = {
	ABOVE(200000, 2, 2), EXTRAS_END,
};
static const struct price_extra embed_v4_0[] = {
	EXTRA(IMAGE_IN, 0.47 / 0.12), EXTRAS_END,
};
static const struct price_extra rerank[] = {
	EXTRA(PER_REQUEST, 0.002), EXTRAS_END,
};
static const struct price_extra rerank_pro[] = {
	EXTRA(PER_REQUEST, 0.0025), EXTRAS_END,
};
static const struct price_extra sonar[] = {
	EXTRA(PER_REQUEST, 0.008), EXTRAS_END,
};
static const struct price_extra sonar_pro[] = {
	EXTRA(PER_REQUEST, 0.01), EXTRAS_END,
};
static const struct price_extra sonar_deep_research[] = {
	EXTRA(REASONING, 1.5), EXTRA(PER_REQUEST, 0.005), EXTRAS_END,
};

const struct builtin_price prices_western[] = {
	/* Anthropic: platform.claude.com/docs/en/about-claude/pricing, read November 2026. Cache
	 * writes: 5 minutes and 1 hour. Long prompts cost more with claude-haiku-5-5 only; the
	 * surcharge that claude-sonnet-4 and 4-5 had above 200k tokens is gone with their 1M window. */
	USD("claude-fable-5",                10.00,   1.00,  50.00, claude),
	USD("claude-fable-5-1",              10.00,   0.25,  50.00, claude),
	USD("claude-haiku-4-5",               1.00,   0.10,   5.00, claude),
	USD("claude-haiku-4-5-20251001",      1.00,   0.10,   5.00, claude),
	USD("claude-haiku-5-5",               0.10,   0.01,   0.50, claude_haiku_5_5),
	USD("claude-mythos-5",               10.00,   1.00,  50.00, claude),
	USD("claude-mythos-5-1",             10.00,   0.25,  50.00, claude),
	USD("claude-mythos-preview",         10.00,   1.00,  50.00, claude),
	USD("claude-opus-4-5",                5.00,   0.50,  25.00, claude),
	USD("claude-opus-4-5-20251101",       5.00,   0.50,  25.00, claude),
	USD("claude-opus-4-6",                5.00,   0.50,  25.00, claude),
	USD("claude-opus-4-6-20260205",       5.00,   0.50,  25.00, claude),
	USD("claude-opus-4-7",                5.00,   0.50,  25.00, claude),
	USD("claude-opus-4-7-20260416",       5.00,   0.50,  25.00, claude),
	USD("claude-opus-4-8",                5.00,   0.50,  25.00, claude),
	USD("claude-opus-5",                  5.00,   0.50,  25.00, claude),
	USD("claude-opus-5-5",                4.00,   0.20,  20.00, claude),
	USD("claude-sonnet-4-5",              3.00,   0.30,  15.00, claude),
	USD("claude-sonnet-4-5-20250929",     3.00,   0.30,  15.00, claude),
	USD("claude-sonnet-4-6",              3.00,   0.30,  15.00, claude),
	USD("claude-sonnet-5",                2.00,   0.20,  10.00, claude),
	USD("claude-sonnet-5-5",              2.00,   0.10,  10.00, claude),

	/* Anthropic, models retired since: the same page, earlier */
	USD("claude-instant-1.2",             0.80,   NONE,   2.40, NULL),
	USD("claude-2.0",                     8.00,   NONE,  24.00, NULL),
	USD("claude-2.1",                     8.00,   NONE,  24.00, NULL),
	USD("claude-3-haiku-20240307",        0.25,   0.03,   1.25, claude_3_haiku),
	USD("claude-3-sonnet-20240229",       3.00,   0.30,  15.00, claude),
	USD("claude-3-5-sonnet-20240620",     3.00,   0.30,  15.00, claude),
	USD("claude-3-5-sonnet-20241022",     3.00,   0.30,  15.00, claude),
	USD("claude-3-5-sonnet-latest",       3.00,   0.30,  15.00, claude),
	USD("claude-3-opus-20240229",        15.00,   1.50,  75.00, claude),
	USD("claude-3-5-haiku-20241022",      0.80,   0.08,   4.00, claude),
	USD("claude-3-5-haiku-latest",        0.80,   0.08,   4.00, claude),
	USD("claude-3-opus-latest",          15.00,   1.50,  75.00, claude),
	USD("claude-3-7-sonnet-20250219",     3.00,   0.30,  15.00, claude),
	USD("claude-3-7-sonnet-latest",       3.00,   0.30,  15.00, claude),
	USD("claude-sonnet-4-0",              3.00,   0.30,  15.00, claude),
	USD("claude-sonnet-4-20250514",       3.00,   0.30,  15.00, claude),
	USD("claude-opus-4-0",               15.00,   1.50,  75.00, claude),
	USD("claude-opus-4-20250514",        15.00,   1.50,  75.00, claude),
	USD("claude-opus-4-1",               15.00,   1.50,  75.00, claude),
	USD("claude-opus-4-1-20250805",      15.00,   1.50,  75.00, claude),

	/* Anthropic under Vertex AI's names */
	USD("claude-3-haiku@20240307",         0.25,   0.03,   1.25, claude_3_haiku),
	USD("claude-3-sonnet@20240229",        3.00,   0.30,  15.00, claude),
	USD("claude-3-opus@20240229",         15.00,   1.50,  75.00, claude),
	USD("claude-3-5-sonnet@20240620",      3.00,   0.30,  15.00, claude),
	USD("claude-3-5-sonnet-v2@20241022",   3.00,   0.30,  15.00, claude),
	USD("claude-3-5-haiku@20241022",       0.80,   0.08,   4.00, claude),

	/* Google: ai.google.dev/gemini-api/docs/pricing, read November 2026. gemini-3.6 to
	 * 3.8-flash and gemini-4-argon are sold at half price until the end of 2026; here stands
	 * what they cost after that. */
	USD("gemini-2.5-flash",                     0.30,   0.03,   2.50, gemini_flash_audio),
	USD("gemini-2.5-flash-image",               0.30,   0.03,   2.50, gemini_2_5_flash_image),
	USD("gemini-2.5-flash-lite",                0.10,   0.01,   0.40, gemini_2_5_flash_lite),
	USD("gemini-2.5-flash-preview-tts",         0.50,   NONE,  10.00, gemini_tts),
	USD("gemini-2.5-pro",                       1.25,  0.125,  10.00, long_200k),
	USD("gemini-2.5-pro-preview-tts",           1.00,  0.125,  20.00, gemini_tts),
	USD("gemini-3-flash-preview",               0.50,   0.05,   3.00, audio_twice),
	USD("gemini-3-pro-image",                   2.00,   NONE,  12.00, gemini_3_pro_image),
	USD("gemini-3-pro-image-preview",           2.00,   NONE,  12.00, gemini_3_pro_image),
	USD("gemini-3.1-flash-image",               0.50,   NONE,   3.00, gemini_3_1_flash_image),
	USD("gemini-3.1-flash-image-preview",       0.50,   NONE,   3.00, gemini_3_1_flash_image),
	USD("gemini-3.1-flash-lite",                0.25,  0.025,   1.50, audio_twice),
	USD("gemini-3.1-flash-lite-image",          0.25,   NONE,   1.50, gemini_3_1_flash_lite_image),
	USD("gemini-3.1-flash-lite-preview",        0.25,  0.025,   1.50, audio_twice),
	USD("gemini-3.1-flash-tts-preview",         1.00,   NONE,  20.00, gemini_tts),
	USD("gemini-3.1-pro-preview",               2.00,   0.20,  12.00, long_200k),
	USD("gemini-3.1-pro-preview-customtools",   2.00,   0.20,  12.00, long_200k),
	USD("gemini-3.5-flash",                     1.50,   0.15,   9.00, NULL),
	USD("gemini-3.5-flash-lite",                0.30,   0.03,   2.50, NULL),
	USD("gemini-3.6-flash",                     1.50,   0.15,   7.50, NULL),
	USD("gemini-3.7-flash",                     1.50,   0.15,   7.50, NULL),
	USD("gemini-3.8-flash",                     1.50,   0.15,   7.50, NULL),
	USD("gemini-3.8-flash-lite-tts",            1.00,   NONE,  12.00, gemini_tts),
	USD("gemini-3.8-flash-tts",                 1.00,   NONE,  18.00, gemini_tts),
	USD("gemini-4-argon",                       4.00,   0.20,  20.00, NULL),
	USD("gemini-embedding-001",                 0.15,   NONE,   NONE, NULL),
	USD("gemini-embedding-2",                   0.20,   NONE,   NONE, gemini_embedding_2),
	USD("gemini-embedding-2-preview",           0.20,   NONE,   NONE, gemini_embedding_2),
	USD("gemini-flash-latest",                  1.50,   0.15,   7.50, NULL),
	USD("gemini-flash-lite-latest",             0.30,   0.03,   2.50, NULL),
	USD("gemini-pro-latest",                    2.00,   0.20,  12.00, long_200k),
	USD("gemma-3-27b-it",                       0.00,   NONE,   0.00, NULL),
	USD("gemma-4-26b-a4b-it",                   0.00,   NONE,   0.00, NULL),
	USD("gemma-4-31b-it",                       0.00,   NONE,   0.00, NULL),

	/* Google, images */
	IMAGE(USD, "imagen-3.0-generate-001",   0.04, NULL),
	IMAGE(USD, "imagen-3.0-fast-generate-001",   0.02, NULL),

	/* Google, models retired since: the same page, earlier */
	USD("gemini-1.5-pro",                 1.25,   NONE,   5.00, NULL),
	USD("gemini-1.5-flash",              0.075, 0.01875,   0.30, NULL),
	USD("gemini-2.0-flash",               0.10,  0.025,   0.40, NULL),
	USD("gemini-2.0-flash-lite",         0.075,   NONE,   0.30, NULL),
	USD("gemini-3-pro-preview",           2.00,   0.20,  12.00, NULL),

	/* Google, list prices of November 2025 */
	USD("gemini-1.5-pro-001",             1.25,   NONE,   5.00, NULL),
	USD("gemini-1.5-pro-002",             1.25,   NONE,   5.00, NULL),
	USD("gemini-1.5-flash-001",          0.075,   NONE,   0.30, NULL),
	USD("gemini-1.5-flash-002",          0.075,   NONE,   0.30, NULL),
	USD("gemini-1.5-flash-8b",          0.0375,   NONE,   0.15, NULL),
	USD("gemini-2.0-flash-001",           0.10,   NONE,   0.40, NULL),
	USD("gemini-2.0-flash-lite-001",     0.075,   NONE,   0.30, NULL),

	/* Google, unconfirmed: one-api's figures, but gemini-pro at its last price by token and
	 * text-embedding-004 at what its successor costs */
	USD("gemini-1.5-pro-experimental",           1.25,   NONE,   5.00, NULL),
	USD("gemini-2.0-flash-exp",                 0.075,   NONE,   0.30, NULL),
	USD("gemini-2.0-flash-lite-preview-02-05",  0.075,   NONE,   0.30, NULL),
	USD("gemini-2.0-flash-thinking-exp-01-21",  0.075,   NONE,   0.30, NULL),
	USD("gemini-2.0-pro-exp-02-05",              1.25,   NONE,   5.00, NULL),
	USD("aqa",                                   2.00,   NONE,   2.00, NULL),
	USD("gemini-pro",                            0.50,   NONE,   1.50, NULL),
	USD("gemini-1.0-pro",                        0.50,   NONE,   1.50, NULL),
	USD("gemini-pro-vision",                     0.50,   NONE,   1.50, NULL),
	USD("gemini-exp-1206",                       0.30,   0.03,   2.50, NULL),
	USD("text-embedding-004",                    0.10,   NONE,   NONE, NULL),

	/* xAI: docs.x.ai/developers/models, read November 2026 */
	USD("grok-4.20",                        1.25,   0.20,   2.50, grok),
	USD("grok-4.20-multi-agent",            1.25,   0.20,   2.50, grok),
	USD("grok-4.20-multi-agent-latest",     1.25,   0.20,   2.50, grok),
	USD("grok-4.20-non-reasoning",          1.25,   0.20,   2.50, grok),
	USD("grok-4.20-non-reasoning-latest",   1.25,   0.20,   2.50, grok),
	USD("grok-4.20-reasoning",              1.25,   0.20,   2.50, grok),
	USD("grok-4.20-reasoning-latest",       1.25,   0.20,   2.50, grok),
	USD("grok-4.3",                         1.25,   0.20,   2.50, grok),
	USD("grok-4.3-latest",                  1.25,   0.20,   2.50, grok),
	USD("grok-4.5",                         2.00,   0.30,   6.00, grok),
	USD("grok-4.5-latest",                  2.00,   0.30,   6.00, grok),
	USD("grok-4.6",                         2.00,   0.50,   6.00, grok),
	USD("grok-4.7",                         2.00,   0.50,   6.00, grok),
	USD("grok-build-0.1",                   1.00,   0.20,   2.00, grok),
	USD("grok-build-latest",                2.00,   0.30,   6.00, grok),
	USD("grok-code-fast",                   1.00,   0.20,   2.00, grok),
	USD("grok-code-fast-1",                 1.00,   0.20,   2.00, grok),
	IMAGE(USD, "grok-imagine-image",         0.02, NULL),
	IMAGE(USD, "grok-imagine-image-2.0",     0.06, NULL),
	IMAGE(USD, "grok-imagine-image-pro",     0.05, NULL),
	IMAGE(USD, "grok-imagine-image-quality",   0.05, NULL),
	IMAGE(USD, "grok-imagine-image-quality-latest",   0.05, NULL),

	/* xAI, models retired since: the same page, earlier */
	USD("grok-2-1212",                    2.00,   NONE,  10.00, NULL),
	USD("grok-2-vision-1212",             2.00,   NONE,  10.00, NULL),
	USD("grok-3",                         3.00,   0.75,  15.00, NULL),
	USD("grok-3-fast",                    5.00,   1.25,  25.00, NULL),
	USD("grok-3-mini",                    0.30,  0.075,   0.50, NULL),
	USD("grok-3-mini-fast",               0.60,   0.15,   4.00, NULL),
	USD("grok-4-0709",                    3.00,   0.75,  15.00, NULL),
	USD("grok-4-fast-reasoning",          0.20,   0.05,   0.50, NULL),
	USD("grok-4-fast-non-reasoning",      0.20,   0.05,   0.50, NULL),
	USD("grok-4-1-fast-reasoning",        0.20,   0.05,   0.50, NULL),
	USD("grok-4-1-fast-non-reasoning",    0.20,   0.05,   0.50, NULL),

	/* xAI: one-api's figures and the aliases of their models, unconfirmed */
	USD("grok-beta",                      5.00,   NONE,  15.00, NULL),
	USD("grok-4",                         3.00,   NONE,  15.00, NULL),
	USD("grok-2",                         2.00,   NONE,  10.00, NULL),
	USD("grok-2-latest",                  2.00,   NONE,  10.00, NULL),
	USD("grok-2-vision",                  2.00,   NONE,  10.00, NULL),
	USD("grok-2-vision-latest",           2.00,   NONE,  10.00, NULL),
	USD("grok-vision-beta",               5.00,   NONE,  15.00, NULL),

	/* Mistral: mistral.ai/pricing, read November 2026; mistral-large-4 without its opening
	 * discount */
	USD("codestral-2508",                 0.30,   0.03,   0.90, NULL),
	USD("codestral-embed",                0.15,  0.015,   NONE, NULL),
	USD("codestral-embed-2505",           0.15,  0.015,   NONE, NULL),
	USD("codestral-latest",               0.30,   0.03,   0.90, NULL),
	USD("codestral-mamba-latest",         0.25,  0.025,   0.25, NULL),
	USD("devstral-latest",                0.40,   0.04,   2.00, NULL),
	USD("devstral-medium-latest",         0.40,   0.04,   2.00, NULL),
	USD("devstral-small-latest",          0.10,   0.01,   0.30, NULL),
	USD("magistral-medium-latest",        1.50,   0.15,   7.50, NULL),
	USD("magistral-small-latest",         0.15,  0.015,   0.60, NULL),
	USD("ministral-14b-2512",             0.20,   0.02,   0.20, NULL),
	USD("ministral-14b-latest",           0.20,   0.02,   0.20, NULL),
	USD("ministral-3-14b-2512",           0.20,   0.02,   0.20, NULL),
	USD("ministral-3-3b-2512",            0.10,   0.01,   0.10, NULL),
	USD("ministral-3-8b-2512",            0.15,  0.015,   0.15, NULL),
	USD("ministral-3b-2512",              0.10,   0.01,   0.10, NULL),
	USD("ministral-3b-latest",            0.10,   0.01,   0.10, NULL),
	USD("ministral-8b-2512",              0.15,  0.015,   0.15, NULL),
	USD("ministral-8b-latest",            0.15,  0.015,   0.15, NULL),
	USD("mistral-code-agent-latest",      0.40,   0.04,   2.00, NULL),
	USD("mistral-code-fim-latest",        0.30,   0.03,   0.90, NULL),
	USD("mistral-code-latest",            0.30,   0.03,   0.90, NULL),
	USD("mistral-embed",                  0.10,   NONE,   NONE, NULL),
	USD("mistral-embed-2312",             0.10,   NONE,   NONE, NULL),
	USD("mistral-large-2512",             0.50,   0.05,   1.50, NULL),
	USD("mistral-large-3",                0.50,   0.05,   1.50, NULL),
	USD("mistral-large-4",                1.36,   0.14,   4.18, NULL),
	USD("mistral-large-4-0",              1.36,   0.14,   4.18, NULL),
	USD("mistral-large-latest",           0.50,   0.05,   1.50, NULL),
	USD("mistral-medium",                 1.50,   0.15,   7.50, NULL),
	USD("mistral-medium-2604",            1.50,   0.15,   7.50, NULL),
	USD("mistral-medium-3",               1.50,   0.15,   7.50, NULL),
	USD("mistral-medium-3-5",             1.50,   0.15,   7.50, NULL),
	USD("mistral-medium-3.5",             1.50,   0.15,   7.50, NULL),
	USD("mistral-medium-latest",          1.50,   0.15,   7.50, NULL),
	USD("mistral-moderation-2603",        0.00,   NONE,   0.00, NULL),
	USD("mistral-small",                  0.10,   0.01,   0.30, NULL),
	USD("mistral-small-2603",             0.15,  0.015,   0.60, NULL),
	USD("mistral-small-latest",           0.15,  0.015,   0.60, NULL),
	USD("mistral-tiny",                   0.25,  0.025,   0.25, NULL),
	USD("mistral-vibe-cli-fast",          0.15,  0.015,   0.60, NULL),
	USD("mistral-vibe-cli-latest",        1.50,   0.15,   7.50, NULL),
	USD("mistral-vibe-cli-with-tools",    1.50,   0.15,   7.50, NULL),
	USD("open-mistral-nemo",              0.30,   0.03,   0.30, NULL),
	USD("pixtral-large-latest",           2.00,   0.20,   6.00, NULL),
	HEARD(USD, "voxtral-mini-2602",       0.003),
	HEARD(USD, "voxtral-mini-latest",     0.003),
	HEARD(USD, "voxtral-mini-transcribe-3", 0.0035),
	HEARD(USD, "voxtral-mini-transcribe-3-0", 0.0035),
	SPOKEN(USD, "voxtral-mini-tts-2603",  16.00),
	SPOKEN(USD, "voxtral-mini-tts-3",     13.00),
	SPOKEN(USD, "voxtral-mini-tts-3-0",   13.00),
	SPOKEN(USD, "voxtral-mini-tts-latest",  16.00),
	USD("voxtral-small-2507",             0.10,   0.01,   0.40, NULL),
	USD("voxtral-small-latest",           0.10,   0.01,   0.40, NULL),
	HEARD(USD, "voxtral-small-transcribe-3",  0.004),
	HEARD(USD, "voxtral-small-transcribe-3-0",  0.004),

	/* Mistral: list prices of November 2025, unconfirmed */
	USD("open-mistral-7b",                0.25,   NONE,   0.25, NULL),
	USD("open-mixtral-8x7b",              0.70,   NONE,   0.70, NULL),
	USD("mistral-large-2411",             2.00,   NONE,   6.00, NULL),
	USD("mistral-medium-2505",            0.40,   NONE,   2.00, NULL),
	USD("mistral-small-2503",             0.10,   NONE,   0.30, NULL),

	/* Cohere: cohere.com/pricing, read November 2026. Rerank costs per search. */
	USD("c4ai-aya-expanse-32b",           0.50,   NONE,   1.50, NULL),
	USD("embed-v4.0",                     0.12,   NONE,   NONE, embed_v4_0),
	USD("embed-v5.0-fast",                0.08,   NONE,   NONE, NULL),
	USD("embed-v5.0-pro",                 0.12,   NONE,   NONE, NULL),
	USD("command-a-03-2025",              2.50,   NONE,  10.00, NULL),
	USD("command-nightly",                1.00,   NONE,   2.00, NULL),
	USD("command-r-08-2024",              0.15,   NONE,   0.60, NULL),
	USD("command-r-plus-08-2024",         2.50,   NONE,  10.00, NULL),
	USD("command-r7b-12-2024",          0.0375,   NONE,   0.15, NULL),
	USD("embed-english-light-v3.0",       0.10,   NONE,   NONE, NULL),
	USD("embed-english-v3.0",             0.10,   NONE,   NONE, NULL),
	USD("embed-multilingual-v3.0",        0.10,   NONE,   NONE, NULL),
	USD("rerank-english-v3.0",            0.00,   NONE,   NONE, rerank),
	USD("rerank-multilingual-v3.0",       0.00,   NONE,   NONE, rerank),
	USD("rerank-v3.5",                    0.00,   NONE,   NONE, rerank),
	USD("rerank-v4.0-fast",               0.00,   NONE,   NONE, rerank),
	USD("rerank-v4.0-pro",                0.00,   NONE,   NONE, rerank_pro),
	USD("rerank-v5.0-fast",               0.02,   NONE,   NONE, NULL),
	USD("rerank-v5.0-pro",                0.05,   NONE,   NONE, NULL),

	/* Cohere: one-api's figures and list prices of November 2025, unconfirmed */
	USD("command",                        1.00,   NONE,   2.00, NULL),
	USD("command-light",                  1.00,   NONE,   2.00, NULL),
	USD("command-light-nightly",          1.00,   NONE,   2.00, NULL),
	USD("command-r",                      0.50,   NONE,   1.50, NULL),
	USD("command-r-plus",                 3.00,   NONE,  15.00, NULL),

	/* Perplexity: docs.perplexity.ai, read November 2026. With the fee per request at medium
	 * search depth. */
	USD("sonar",                          1.00,   NONE,   1.00, sonar),
	USD("sonar-pro",                      3.00,   NONE,  15.00, sonar_pro),
	USD("sonar-reasoning-pro",            2.00,   NONE,   8.00, sonar_pro),
	USD("sonar-deep-research",            2.00,   NONE,   8.00, sonar_deep_research),

	/* DeepL: one-api's figures, unconfirmed */
	USD("deepl-zh",                      25.00,   NONE,  25.00, NULL),
	USD("deepl-en",                      25.00,   NONE,  25.00, NULL),
	USD("deepl-ja",                      25.00,   NONE,  25.00, NULL),
	{ 0 },
};
/* clang-format on */
