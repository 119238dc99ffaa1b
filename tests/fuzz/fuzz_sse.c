/* fuzz_sse.c — framing.h for text/event-stream */
#define FUZZED_INIT sse_init
#include "framing.h"
