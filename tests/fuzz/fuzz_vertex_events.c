/* fuzz_vertex_events.c — dialect.h for the vertex dialect */
#define FUZZED_TYPE 42
#include "dialect.h"
