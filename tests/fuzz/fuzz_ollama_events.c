/* fuzz_ollama_events.c — dialect.h for the ollama dialect */
#define FUZZED_TYPE 30
#include "dialect.h"
