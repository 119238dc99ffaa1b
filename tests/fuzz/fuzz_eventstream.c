/* fuzz_eventstream.c — framing.h for AWS event streams */
#define FUZZED_INIT eventstream_init
#include "framing.h"
