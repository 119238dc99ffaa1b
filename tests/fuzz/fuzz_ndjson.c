/* fuzz_ndjson.c — framing.h for lines of JSON */
#define FUZZED_INIT ndjson_init
#include "framing.h"
