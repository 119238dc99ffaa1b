/* fuzz_cohere_events.c — dialect.h for the cohere dialect */
#define FUZZED_TYPE 35
#include "dialect.h"
