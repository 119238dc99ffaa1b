/* fuzz_replicate_events.c — dialect.h for the replicate dialect, whose models have owners */
#define FUZZED_TYPE 46
#define FUZZED_MODE MODE_CHAT
#define FUZZED_STREAM                                                                              \
	"{\"model\":\"a/b\",\"stream\":true,\"stream_options\":{\"include_usage\":true},"          \
	"\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}"
#define FUZZED_WHOLE "{\"model\":\"a/b\",\"messages\":[{\"content\":\"x\"}]}"
#include "dialect.h"
