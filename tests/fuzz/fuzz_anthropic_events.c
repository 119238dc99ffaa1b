/* fuzz_anthropic_events.c — dialect.h for the anthropic dialect */
#define FUZZED_TYPE 14
#include "dialect.h"
