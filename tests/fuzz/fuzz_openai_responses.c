/* fuzz_openai_responses.c — dialect.h for responses of the openai dialect */
#define FUZZED_TYPE 1
#define FUZZED_MODE MODE_RESPONSES
#define FUZZED_STREAM "{\"model\":\"m\",\"stream\":true,\"input\":\"x\"}"
#define FUZZED_WHOLE "{\"model\":\"m\",\"input\":\"x\"}"
#include "dialect.h"
