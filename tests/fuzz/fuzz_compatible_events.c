/* fuzz_compatible_events.c — dialect.h for the rows that speak OpenAI's dialect with manners of their
 * own, and for the compatible ones without
 *
 * azure, openrouter, groq, deepseek, together, novita, siliconflow, xai, the generic one, Gemini's. */
#define FUZZED_TYPES 3, 20, 29, 36, 39, 41, 44, 45, 50, 51
#define FUZZED_BASE_URL "https://upstream.example"
#include "dialect.h"
