/* fuzz_mistral_events.c — dialect.h for the openai dialect with manners: parts, calls, endings */
#define FUZZED_TYPE 28
#include "dialect.h"
