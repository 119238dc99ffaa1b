/* fuzz_palm_events.c — dialect.h for the palm dialect in its own protocol */
#define FUZZED_TYPE 11
#define FUZZED_CONFIG "{\"palm\":\"native\"}"
#include "dialect.h"
