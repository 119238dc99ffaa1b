/* fuzz_bedrock_events.c — dialect.h for the bedrock dialect's Converse surface
 *
 * The input is lines of events (event_frames.h), so that checksums are right and what is fuzzed is
 * what the frames hold; fuzz_eventstream fuzzes the frames. */
#include "../unit/event_frames.h"

#define FUZZED_TYPE 33
#define FUZZED_CONFIG "{\"region\":\"us-east-1\",\"ak\":\"a\",\"sk\":\"s\"}"
#define FUZZED_FRAMES(arena, bytes) event_frames(arena, bytes)
#include "dialect.h"
