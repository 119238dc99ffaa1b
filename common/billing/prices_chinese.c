/* prices_chinese.c — list prices of Chinese vendors: in dollars where the page is, else in yuan */
#include "billing/builtin_rows.h"

/* clang-format off */
/* Named after the first model that has them. */
static const struct price_extra kimi[] = {
	EXTRA(CACHE_WRITE_1H, 2), EXTRAS_END,
};
static const struct price_extra minimax[] = {
	EXTRA(CACHE_WRITE, 1.25), EXTRAS_END,
};
static const struct price_extra minimax_m3[] = {
	ABOVE(512000, 2, 2), EXTRAS_END,
};
static const struct price_extra qwen_flash[] = {
	ABOVE(256000, 5, 5), EXTRAS_END,
};
static const struct price_extra qwen_thinking[] = {
	EXTRA(REASONING, 10), EXTRAS_END,
};
static const struct price_extra qwen_plus[] = {
	EXTRA(REASONING, 10), ABOVE(256000, 3, 3), EXTRAS_END,
};
static const struct price_extra qwen3_coder_flash[] = {
	ABOVE(32000, 0.50 / 0.30, 2.50 / 1.50), ABOVE(128000, 0.80 / 0.30, 4.00 / 1.50),
	ABOVE(256000, 1.60 / 0.30, 6.4), EXTRAS_END,
};
static const struct price_extra qwen3_coder_plus[] = {
	ABOVE(32000, 1.8, 1.8), ABOVE(128000, 3, 3), ABOVE(256000, 6, 12), EXTRAS_END,
};
static const struct price_extra qwen3_max[] = {
	ABOVE(32000, 2, 2), ABOVE(128000, 2.5, 2.5), EXTRAS_END,
};
static const struct price_extra qwen3_vl_plus[] = {
	ABOVE(32000, 1.5, 1.5), ABOVE(128000, 3, 3), EXTRAS_END,
};
static const struct price_extra qwen3_5_plus[] = {
	ABOVE(256000, 1.25, 1.25), EXTRAS_END,
};
static const struct price_extra qwen3_7_plus[] = {
	ABOVE(256000, 3, 3), EXTRAS_END,
};
static const struct price_extra qwen3_8_flash[] = {
	EXTRA(CACHE_WRITE, 0.20 / 0.15), EXTRAS_END,
};
static const struct price_extra doubao_2_0_pro[] = {
	ABOVE(32000, 0.70 / 0.46, 3.50 / 2.30), ABOVE(128000, 1.40 / 0.46, 7.00 / 2.30), EXTRAS_END,
};
static const struct price_extra doubao_2_0_lite[] = {
	ABOVE(32000, 0.13 / 0.087, 1.5), ABOVE(128000, 0.26 / 0.087, 1.60 / 0.52), EXTRAS_END,
};
static const struct price_extra doubao_2_0_mini[] = {
	ABOVE(32000, 2, 2), ABOVE(128000, 0.12 / 0.029, 1.20 / 0.29), EXTRAS_END,
};
static const struct price_extra doubao_2_1_lite[] = {
	EXTRA(AUDIO_IN, 15), EXTRAS_END,
};

const struct builtin_price prices_chinese[] = {
	/* DeepSeek: api-docs.deepseek.com/quick_start/pricing, read November 2026 */
	USD("deepseek-chat",                  0.28,  0.028,   0.42, NULL),
	USD("deepseek-reasoner",              0.28,  0.028,   0.42, NULL),
	USD("deepseek-flash",                 0.30,  0.006,   1.20, NULL),
	USD("deepseek-v4-flash",              0.30,  0.006,   1.20, NULL),
	USD("deepseek-v4-pro",                1.32,  0.044,   3.96, NULL),
	USD("deepseek-v3.2",                  0.28,  0.028,   0.40, NULL),
	USD("deepseek-v3",                    0.27,   0.07,   1.10, NULL),
	USD("deepseek-r1",                    0.55,   0.14,   2.19, NULL),
	USD("deepseek-coder",                 0.14,  0.014,   0.28, NULL),

	/* Moonshot: platform.moonshot.ai/docs/pricing, read November 2026 (before: 12, 24 and 60
	 * yuan for moonshot-v1) */
	USD("kimi-k2.5",                         0.60,   0.10,   3.00, NULL),
	USD("kimi-k2.6",                         0.95,   0.16,   4.00, NULL),
	USD("kimi-k2.7-code",                    0.95,   0.19,   4.00, NULL),
	USD("kimi-k3",                           3.00,   0.30,  15.00, kimi),
	USD("kimi-k3.1-pro",                     2.00,   0.20,  10.00, kimi),
	USD("moonshot-v1-128k",                  2.00,   NONE,   5.00, NULL),
	USD("moonshot-v1-128k-vision-preview",   2.00,   NONE,   5.00, NULL),
	USD("moonshot-v1-32k",                   1.00,   NONE,   3.00, NULL),
	USD("moonshot-v1-32k-vision-preview",    1.00,   NONE,   3.00, NULL),
	USD("moonshot-v1-8k",                    0.20,   NONE,   2.00, NULL),
	USD("moonshot-v1-8k-vision-preview",     0.20,   NONE,   2.00, NULL),
	USD("moonshot-v1-auto",                  2.00,   NONE,   5.00, NULL),
	USD("kimi-k2-0711-preview",              0.60,   0.15,   2.50, NULL),
	USD("kimi-k2-0905-preview",              0.60,   0.15,   2.50, NULL),
	USD("kimi-k2-turbo-preview",             1.15,   0.15,   8.00, NULL),
	USD("kimi-k2-thinking",                  0.60,   0.15,   2.50, NULL),
	USD("kimi-k2-thinking-turbo",            1.15,   0.15,   8.00, NULL),
	USD("kimi-k2.7-code-highspeed",          1.90,   0.38,   8.00, NULL),
	USD("kimi-k3.1-pro-highspeed",           4.00,   0.20,  20.00, NULL),

	/* MiniMax: platform.minimax.io/docs/guides/pricing, read November 2026 */
	USD("MiniMax-M2",                     0.30,   0.03,   1.20, minimax),
	USD("MiniMax-M2.1",                   0.30,   0.03,   1.20, minimax),
	USD("MiniMax-M2.1-lightning",         0.30,   0.03,   2.40, minimax),
	USD("MiniMax-M2.5",                   0.30,   0.03,   1.20, minimax),
	USD("MiniMax-M2.5-lightning",         0.30,   0.03,   2.40, minimax),
	USD("MiniMax-M3",                     0.30,   0.06,   1.20, minimax_m3),
	SPOKEN(USD, "speech-02-hd",          100.00),
	SPOKEN(USD, "speech-02-turbo",        60.00),
	SPOKEN(USD, "speech-2.6-hd",         100.00),
	SPOKEN(USD, "speech-2.6-turbo",       60.00),
	USD("M2-her",                         0.30,   NONE,   1.20, NULL),
	USD("MiniMax-M2.1-highspeed",         0.60,   0.03,   2.40, NULL),
	USD("MiniMax-M2.5-highspeed",         0.60,   0.03,   2.40, NULL),
	USD("MiniMax-M2.7",                   0.30,   0.06,   1.20, NULL),
	USD("MiniMax-M2.7-highspeed",         0.60,   0.06,   2.40, NULL),
	USD("MiniMax-M3.1-Flash",             0.15,  0.015,   0.60, NULL),

	/* Zhipu: docs.z.ai/guides/overview/pricing, read November 2026 */
	USD("glm-4-32b-0414-128k",            0.10,   NONE,   0.10, NULL),
	USD("glm-4.5",                        0.60,   NONE,   2.20, NULL),
	USD("glm-4.5-air",                    0.20,   NONE,   1.10, NULL),
	USD("glm-4.5-airx",                   1.10,   NONE,   4.50, NULL),
	USD("glm-4.5-flash",                  0.00,   NONE,   0.00, NULL),
	USD("glm-4.5-x",                      2.20,   NONE,   8.90, NULL),
	USD("glm-4.5v",                       0.60,   NONE,   1.80, NULL),
	USD("glm-4.6",                        0.60,   0.11,   2.20, NULL),
	USD("glm-4.7",                        0.60,   0.11,   2.20, NULL),
	USD("glm-4.7-flash",                  0.00,   0.00,   0.00, NULL),
	USD("glm-5",                          1.00,   0.20,   3.20, NULL),
	USD("glm-5-code",                     1.20,   0.30,   5.00, NULL),
	USD("glm-5.1",                        1.40,   0.26,   4.40, NULL),
	USD("glm-5.2",                        1.40,   0.26,   4.40, NULL),
	USD("glm-5.3",                        1.40,   0.26,   4.40, NULL),
	USD("glm-5.3-flash",                  0.15,   0.03,   0.50, NULL),
	USD("glm-5v-turbo",                   1.20,   0.24,   4.00, NULL),

	/* Alibaba: alibabacloud.com/help/en/model-studio/model-pricing (international), read
	 * November 2026 */
	SPOKEN(USD, "qwen-audio-3.0-tts-flash",  15.00),
	SPOKEN(USD, "qwen-audio-3.0-tts-plus",  20.00),
	SPOKEN(USD, "qwen-audio-3.1-tts-plus",  30.00),
	USD("qwen-coder",                     0.30,   NONE,   1.50, NULL),
	USD("qwen-flash",                     0.05,   NONE,   0.40, qwen_flash),
	USD("qwen-flash-2025-07-28",          0.05,   NONE,   0.40, qwen_flash),
	IMAGE(USD, "qwen-image-2.0",          0.035, NULL),
	IMAGE(USD, "qwen-image-2.0-pro",      0.075, NULL),
	IMAGE(USD, "qwen-image-3.0",           0.03, NULL),
	USD("qwen-max",                       1.60,   NONE,   6.40, NULL),
	USD("qwen-plus",                      0.40,   NONE,   1.20, NULL),
	USD("qwen-plus-2025-01-25",           0.40,   NONE,   1.20, NULL),
	USD("qwen-plus-2025-04-28",           0.40,   NONE,   1.20, qwen_thinking),
	USD("qwen-plus-2025-07-14",           0.40,   NONE,   1.20, qwen_thinking),
	USD("qwen-plus-2025-07-28",           0.40,   NONE,   1.20, qwen_plus),
	USD("qwen-plus-2025-09-11",           0.40,   NONE,   1.20, qwen_plus),
	USD("qwen-plus-latest",               0.40,   NONE,   1.20, qwen_plus),
	USD("qwen-turbo",                     0.05,   NONE,   0.20, qwen_thinking),
	USD("qwen-turbo-2024-11-01",          0.05,   NONE,   0.20, NULL),
	USD("qwen-turbo-2025-04-28",          0.05,   NONE,   0.20, qwen_thinking),
	USD("qwen-turbo-latest",              0.05,   NONE,   0.20, qwen_thinking),
	USD("qwen3-coder-flash",              0.30,   0.08,   1.50, qwen3_coder_flash),
	USD("qwen3-coder-flash-2025-07-28",   0.30,   NONE,   1.50, qwen3_coder_flash),
	USD("qwen3-coder-plus",               1.00,   0.10,   5.00, qwen3_coder_plus),
	USD("qwen3-coder-plus-2025-07-22",    1.00,   NONE,   5.00, qwen3_coder_plus),
	USD("qwen3-max",                      1.20,   NONE,   6.00, qwen3_max),
	USD("qwen3-max-2026-01-23",           1.20,   NONE,   6.00, qwen3_max),
	USD("qwen3-max-preview",              1.20,   NONE,   6.00, qwen3_max),
	USD("qwen3-next-80b-a3b-instruct",    0.15,   NONE,   1.20, NULL),
	USD("qwen3-next-80b-a3b-thinking",    0.15,   NONE,   1.20, NULL),
	SPOKEN(USD, "qwen3-tts-flash",        10.00),
	USD("qwen3-vl-235b-a22b-instruct",    0.40,   NONE,   1.60, NULL),
	USD("qwen3-vl-235b-a22b-thinking",    0.40,   NONE,   4.00, NULL),
	USD("qwen3-vl-32b-instruct",          0.16,   NONE,   0.64, NULL),
	USD("qwen3-vl-32b-thinking",          0.16,   NONE,   2.87, NULL),
	USD("qwen3-vl-plus",                  0.20,   NONE,   1.60, qwen3_vl_plus),
	USD("qwen3.5-plus",                   0.40,   NONE,   2.40, qwen3_5_plus),
	USD("qwen3.7-max",                    2.50,   0.50,   7.50, minimax),
	USD("qwen3.7-plus",                   0.40,   0.08,   1.60, qwen3_7_plus),
	USD("qwen3.8-flash",                  0.15,  0.016,   0.47, qwen3_8_flash),
	USD("qwen3.8-max",                    2.00,   0.25,   6.00, NULL),
	USD("qwen3.8-omni-flash",             0.15,  0.016,   0.47, NULL),
	USD("qwq-plus",                       0.80,   NONE,   2.40, NULL),

	/* Volcengine: volcengine.com/docs/82379/1544106, read November 2026; yuan prices in
	 * dollars */
	USD("doubao-seed-2-0-code-preview-260215",   0.46,   NONE,   2.30, doubao_2_0_pro),
	USD("doubao-seed-2-0-lite-260215",          0.087,   NONE,   0.52, doubao_2_0_lite),
	USD("doubao-seed-2-0-mini-260215",          0.029,   NONE,   0.29, doubao_2_0_mini),
	USD("doubao-seed-2-0-pro-260215",            0.46,   NONE,   2.30, doubao_2_0_pro),
	USD("doubao-seed-2-1-lite-260915",          0.115,  0.023, 0.388126, doubao_2_1_lite),
	USD("doubao-seed-2-1-pro-260628",          0.8625, 0.1725, 4.3125, NULL),
	USD("doubao-seed-2-1-pro-260915",          0.8625, 0.1725, 4.3125, NULL),
	USD("doubao-seed-2-1-turbo-260628",        0.43125, 0.08625, 2.15625, NULL),

	/* Baidu: cloud.baidu.com/doc/WENXINWORKSHOP/s/hlqnms5rn, its edition of January 2024, which
	 * calls ERNIE-4.0-8K and ERNIE-3.5-8K by their old names; read November 2026. Since then
	 * both cost a fraction (s/plzknijh9 sells prepaid packages at 7 and 1.10 a million), but no
	 * page that we could read says what they cost by use */
	CNY("ERNIE-4.0-8K",                 120.00,   NONE, 120.00, NULL),
	CNY("ERNIE-3.5-8K",                  12.00,   NONE,  12.00, NULL),
	CNY("ERNIE-Bot-8K",                  24.00,   NONE,  48.00, NULL),
	/* ai.baidu.com/ai-doc/WENXINWORKSHOP/Rm6uq7jy9, read November 2026 */
	CNY("ernie-4.0-turbo-8k",             3.00,   1.20,   9.00, NULL),
	CNY("Embedding-V1",                   2.00,   NONE,   NONE, NULL),
	CNY("bge-large-zh",                   2.00,   NONE,   NONE, NULL),

	/* Baidu: one-api's figures, unconfirmed */
	CNY("ERNIE-3.5-8K-0205",             24.00,   NONE,  24.00, NULL),
	CNY("ERNIE-3.5-8K-1222",             12.00,   NONE,  12.00, NULL),
	CNY("ERNIE-3.5-4K-0205",             12.00,   NONE,  12.00, NULL),
	CNY("ERNIE-Speed-8K",                 4.00,   NONE,   4.00, NULL),
	CNY("ERNIE-Speed-128K",               4.00,   NONE,   4.00, NULL),
	CNY("ERNIE-Lite-8K-0922",             8.00,   NONE,   8.00, NULL),
	CNY("ERNIE-Lite-8K-0308",             3.00,   NONE,   3.00, NULL),
	CNY("ERNIE-Tiny-8K",                  1.00,   NONE,   1.00, NULL),
	CNY("BLOOMZ-7B",                      4.00,   NONE,   4.00, NULL),
	CNY("bge-large-en",                   2.00,   NONE,   NONE, NULL),
	CNY("tao-8k",                         2.00,   NONE,   NONE, NULL),

	/* Zhipu: docs.bigmodel.cn/cn/guide/models/text/glm-4, read November 2026 */
	CNY("glm-4-plus",                     5.00,   NONE,   5.00, NULL),

	/* Zhipu: one-api's figures, unconfirmed; images per image */
	CNY("glm-zero-preview",              10.00,   NONE,  10.00, NULL),
	CNY("glm-4-0520",                   100.00,   NONE, 100.00, NULL),
	CNY("glm-4-airx",                    10.00,   NONE,  10.00, NULL),
	CNY("glm-4-air",                      0.50,   NONE,   0.50, NULL),
	CNY("glm-4-long",                     1.00,   NONE,   1.00, NULL),
	CNY("glm-4-flashx",                   0.10,   NONE,   0.10, NULL),
	CNY("glm-4-flash",                    0.00,   NONE,   0.00, NULL),
	CNY("glm-4",                        100.00,   NONE, 100.00, NULL),
	CNY("glm-3-turbo",                    1.00,   NONE,   1.00, NULL),
	CNY("glm-4v-plus",                    4.00,   NONE,   4.00, NULL),
	CNY("glm-4v",                        50.00,   NONE,  50.00, NULL),
	CNY("glm-4v-flash",                   0.00,   NONE,   0.00, NULL),
	IMAGE(CNY, "cogview-3-plus",           0.06, NULL),
	IMAGE(CNY, "cogview-3",                0.10, NULL),
	IMAGE(CNY, "cogview-3-flash",          0.00, NULL),
	IMAGE(CNY, "cogviewx",                 0.50, NULL),
	IMAGE(CNY, "cogviewx-flash",           0.00, NULL),
	CNY("charglm-4",                      1.00,   NONE,   1.00, NULL),
	CNY("emohaa",                        15.00,   NONE,  15.00, NULL),
	CNY("codegeex-4",                     0.10,   NONE,   0.10, NULL),
	CNY("embedding-2",                    0.50,   NONE,   NONE, NULL),
	CNY("embedding-3",                    0.50,   NONE,   NONE, NULL),

	/* Alibaba, in China: help.aliyun.com/zh/model-studio, overview of models, read November 2026 */
	CNY("qwen-long",                       0.50,   NONE,   2.00, NULL),

	/* Alibaba: one-api's figures, unconfirmed; images per image */
	CNY("qwen-max-latest",                 2.40,   NONE,   2.40, NULL),
	CNY("qwen-max-longcontext",            0.50,   NONE,   0.50, NULL),
	CNY("qwen-vl-max",                     3.00,   NONE,   3.00, NULL),
	CNY("qwen-vl-max-latest",              3.00,   NONE,   3.00, NULL),
	CNY("qwen-vl-plus",                    1.50,   NONE,   1.50, NULL),
	CNY("qwen-vl-plus-latest",             1.50,   NONE,   1.50, NULL),
	CNY("qwen-vl-ocr",                     5.00,   NONE,   5.00, NULL),
	CNY("qwen-vl-ocr-latest",              5.00,   NONE,   5.00, NULL),
	CNY("qwen-audio-turbo",               20.00,   NONE,  20.00, NULL),
	CNY("qwen-math-plus",                  4.00,   NONE,   4.00, NULL),
	CNY("qwen-math-plus-latest",           4.00,   NONE,   4.00, NULL),
	CNY("qwen-math-turbo",                 2.00,   NONE,   2.00, NULL),
	CNY("qwen-math-turbo-latest",          2.00,   NONE,   2.00, NULL),
	CNY("qwen-coder-plus",                 3.50,   NONE,   3.50, NULL),
	CNY("qwen-coder-plus-latest",          3.50,   NONE,   3.50, NULL),
	CNY("qwen-coder-turbo",                2.00,   NONE,   2.00, NULL),
	CNY("qwen-coder-turbo-latest",         2.00,   NONE,   2.00, NULL),
	CNY("qwen-mt-plus",                   15.00,   NONE,  15.00, NULL),
	CNY("qwen-mt-turbo",                   1.00,   NONE,   1.00, NULL),
	CNY("qwq-32b-preview",                 2.00,   NONE,   2.00, NULL),
	CNY("qwen2.5-72b-instruct",            4.00,   NONE,   4.00, NULL),
	CNY("qwen2.5-32b-instruct",           30.00,   NONE,  30.00, NULL),
	CNY("qwen2.5-14b-instruct",            1.00,   NONE,   1.00, NULL),
	CNY("qwen2.5-7b-instruct",             0.50,   NONE,   0.50, NULL),
	CNY("qwen2.5-3b-instruct",             6.00,   NONE,   6.00, NULL),
	CNY("qwen2.5-1.5b-instruct",           0.30,   NONE,   0.30, NULL),
	CNY("qwen2.5-0.5b-instruct",           0.30,   NONE,   0.30, NULL),
	CNY("qwen2-72b-instruct",              4.00,   NONE,   4.00, NULL),
	CNY("qwen2-57b-a14b-instruct",         3.50,   NONE,   3.50, NULL),
	CNY("qwen2-7b-instruct",               1.00,   NONE,   1.00, NULL),
	CNY("qwen2-1.5b-instruct",             1.00,   NONE,   1.00, NULL),
	CNY("qwen2-0.5b-instruct",             1.00,   NONE,   1.00, NULL),
	CNY("qwen1.5-110b-chat",               7.00,   NONE,   7.00, NULL),
	CNY("qwen1.5-72b-chat",                5.00,   NONE,   5.00, NULL),
	CNY("qwen1.5-32b-chat",                3.50,   NONE,   3.50, NULL),
	CNY("qwen1.5-14b-chat",                2.00,   NONE,   2.00, NULL),
	CNY("qwen1.5-7b-chat",                 1.00,   NONE,   1.00, NULL),
	CNY("qwen1.5-1.8b-chat",               1.00,   NONE,   1.00, NULL),
	CNY("qwen1.5-0.5b-chat",               1.00,   NONE,   1.00, NULL),
	CNY("qwen-72b-chat",                  20.00,   NONE,  20.00, NULL),
	CNY("qwen-14b-chat",                   8.00,   NONE,   8.00, NULL),
	CNY("qwen-7b-chat",                    6.00,   NONE,   6.00, NULL),
	CNY("qwen-1.8b-chat",                  6.00,   NONE,   6.00, NULL),
	CNY("qwen-1.8b-longcontext-chat",      6.00,   NONE,   6.00, NULL),
	CNY("qvq-72b-preview",                12.00,   NONE,  12.00, NULL),
	CNY("qwen2.5-vl-72b-instruct",        16.00,   NONE,  16.00, NULL),
	CNY("qwen2.5-vl-7b-instruct",          2.00,   NONE,   2.00, NULL),
	CNY("qwen2.5-vl-3b-instruct",          1.20,   NONE,   1.20, NULL),
	CNY("qwen2-vl-7b-instruct",           16.00,   NONE,  16.00, NULL),
	CNY("qwen2-vl-2b-instruct",            2.00,   NONE,   2.00, NULL),
	CNY("qwen-vl-v1",                      2.00,   NONE,   2.00, NULL),
	CNY("qwen-vl-chat-v1",                 2.00,   NONE,   2.00, NULL),
	CNY("qwen2-audio-instruct",            2.00,   NONE,   2.00, NULL),
	CNY("qwen-audio-chat",                 2.00,   NONE,   2.00, NULL),
	CNY("qwen2.5-math-72b-instruct",       4.00,   NONE,   4.00, NULL),
	CNY("qwen2.5-math-7b-instruct",        1.00,   NONE,   1.00, NULL),
	CNY("qwen2.5-math-1.5b-instruct",      1.00,   NONE,   1.00, NULL),
	CNY("qwen2-math-72b-instruct",         4.00,   NONE,   4.00, NULL),
	CNY("qwen2-math-7b-instruct",          1.00,   NONE,   1.00, NULL),
	CNY("qwen2-math-1.5b-instruct",        1.00,   NONE,   1.00, NULL),
	CNY("qwen2.5-coder-32b-instruct",      2.00,   NONE,   2.00, NULL),
	CNY("qwen2.5-coder-14b-instruct",      2.00,   NONE,   2.00, NULL),
	CNY("qwen2.5-coder-7b-instruct",       1.00,   NONE,   1.00, NULL),
	CNY("qwen2.5-coder-3b-instruct",       1.00,   NONE,   1.00, NULL),
	CNY("qwen2.5-coder-1.5b-instruct",     1.00,   NONE,   1.00, NULL),
	CNY("qwen2.5-coder-0.5b-instruct",     1.00,   NONE,   1.00, NULL),
	CNY("text-embedding-v1",               0.70,   NONE,   NONE, NULL),
	CNY("text-embedding-v3",               0.70,   NONE,   NONE, NULL),
	CNY("text-embedding-v2",               0.70,   NONE,   NONE, NULL),
	CNY("text-embedding-async-v2",         0.70,   NONE,   NONE, NULL),
	CNY("text-embedding-async-v1",         0.70,   NONE,   NONE, NULL),
	IMAGE(CNY, "ali-stable-diffusion-xl",  0.112, NULL),
	IMAGE(CNY, "ali-stable-diffusion-v1.5",  0.112, NULL),
	IMAGE(CNY, "wanx-v1",                  0.112, NULL),
	CNY("deepseek-r1-distill-qwen-1.5b",   1.00,   NONE,   2.00, NULL),
	CNY("deepseek-r1-distill-qwen-7b",     0.50,   NONE,   1.00, NULL),
	CNY("deepseek-r1-distill-qwen-14b",    1.00,   NONE,   2.00, NULL),
	CNY("deepseek-r1-distill-qwen-32b",    2.00,   NONE,   4.00, NULL),
	CNY("deepseek-r1-distill-llama-8b",    0.50,   NONE,   1.00, NULL),
	CNY("deepseek-r1-distill-llama-70b",   4.00,   NONE,   8.00, NULL),

	/* iFlytek: one-api's figures, unconfirmed: xfyun.cn/doc/spark/BillingDescription refers to the
	 * console for them (November 2026) */
	CNY("SparkDesk",                     18.00,   NONE,  18.00, NULL),
	CNY("SparkDesk-v1.1",                18.00,   NONE,  18.00, NULL),
	CNY("SparkDesk-v2.1",                18.00,   NONE,  18.00, NULL),
	CNY("SparkDesk-v3.1",                18.00,   NONE,  18.00, NULL),
	CNY("SparkDesk-v3.1-128K",           18.00,   NONE,  18.00, NULL),
	CNY("SparkDesk-v3.5",                18.00,   NONE,  18.00, NULL),
	CNY("SparkDesk-v3.5-32K",            18.00,   NONE,  18.00, NULL),
	CNY("SparkDesk-v4.0",                18.00,   NONE,  18.00, NULL),

	/* 360: one-api's figures, unconfirmed */
	CNY("360GPT_S2_V9",                  12.00,   NONE,  12.00, NULL),
	CNY("embedding-bert-512-v1",          1.00,   NONE,   NONE, NULL),
	CNY("embedding_s1_v1",                1.00,   NONE,   NONE, NULL),
	CNY("semantic_similarity_s1_v1",      1.00,   NONE,   NONE, NULL),

	/* Tencent: one-api's figures, unconfirmed */
	CNY("hunyuan-turbo",                 15.00,   NONE,  15.00, NULL),
	CNY("hunyuan-large",                  4.00,   NONE,   4.00, NULL),
	CNY("hunyuan-large-longcontext",      6.00,   NONE,   6.00, NULL),
	CNY("hunyuan-standard",               0.80,   NONE,   0.80, NULL),
	CNY("hunyuan-standard-256K",          0.50,   NONE,   0.50, NULL),
	CNY("hunyuan-translation-lite",       5.00,   NONE,   5.00, NULL),
	CNY("hunyuan-role",                   4.00,   NONE,   4.00, NULL),
	CNY("hunyuan-functioncall",           4.00,   NONE,   4.00, NULL),
	CNY("hunyuan-code",                   4.00,   NONE,   4.00, NULL),
	CNY("hunyuan-turbo-vision",          80.00,   NONE,  80.00, NULL),
	CNY("hunyuan-vision",                18.00,   NONE,  18.00, NULL),
	CNY("hunyuan-embedding",              0.70,   NONE,   NONE, NULL),

	/* Baichuan: one-api's figures, unconfirmed */
	CNY("Baichuan2-Turbo",                8.00,   NONE,   8.00, NULL),
	CNY("Baichuan2-Turbo-192k",          16.00,   NONE,  16.00, NULL),
	CNY("Baichuan2-53B",                 20.00,   NONE,  20.00, NULL),

	/* MiniMax: one-api's figures, unconfirmed */
	CNY("abab6.5-chat",                  30.00,   NONE,  30.00, NULL),
	CNY("abab6.5s-chat",                 10.00,   NONE,  10.00, NULL),
	CNY("abab6-chat",                   100.00,   NONE, 100.00, NULL),
	CNY("abab5.5-chat",                  15.00,   NONE,  15.00, NULL),
	CNY("abab5.5s-chat",                  5.00,   NONE,   5.00, NULL),

	/* 01.AI: one-api's figures, unconfirmed */
	CNY("yi-34b-chat-0205",               2.50,   NONE,   2.50, NULL),
	CNY("yi-34b-chat-200k",              12.00,   NONE,  12.00, NULL),
	CNY("yi-vl-plus",                     6.00,   NONE,   6.00, NULL),

	/* StepFun: one-api's figures, a thousand times what it has (its comments say so),
	 * unconfirmed */
	CNY("step-1-8k",                      5.00,   NONE,   5.00, NULL),
	CNY("step-1-32k",                    15.00,   NONE,  15.00, NULL),
	CNY("step-1-128k",                   40.00,   NONE,  40.00, NULL),
	CNY("step-1-256k",                   95.00,   NONE,  95.00, NULL),
	CNY("step-1-flash",                   1.00,   NONE,   1.00, NULL),
	CNY("step-2-16k",                    38.00,   NONE,  38.00, NULL),
	CNY("step-1v-8k",                     5.00,   NONE,   5.00, NULL),
	CNY("step-1v-32k",                   15.00,   NONE,  15.00, NULL),
	{ 0 },
};
/* clang-format on */
