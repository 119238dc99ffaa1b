/* fuzz_openai_events.c — dialect.h for the openai dialect */
#define FUZZED_TYPE 1
#include "dialect.h"
