/* fuzz_gemini_events.c — dialect.h for the gemini dialect */
#define FUZZED_TYPE 24
#include "dialect.h"
