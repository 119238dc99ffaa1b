/* fuzz_cohere_v1.c — dialect.h for the cohere dialect's older chat */
#define FUZZED_TYPE 35
#define FUZZED_CONFIG "{\"api_version\":\"v1\"}"
#include "dialect.h"
