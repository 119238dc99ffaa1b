/* fuzz_replicate_events.c — dialect.h for the replicate dialect. Nobody asks for the schema of a bare
 * version, so that the first reply is the prediction. */
#define FUZZED_TYPE 46
#define FUZZED_MODE MODE_CHAT
#define FUZZED_VERSION "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define FUZZED_STREAM                                                                              \
	"{\"model\":\"" FUZZED_VERSION                                                             \
	"\",\"stream\":true,\"stream_options\":{\"include_usage\":true},"                          \
	"\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}"
#define FUZZED_WHOLE                                                                               \
	"{\"model\":\"" FUZZED_VERSION "\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}"
#include "dialect.h"
