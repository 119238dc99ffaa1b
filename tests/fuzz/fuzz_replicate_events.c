/* fuzz_replicate_events.c — dialect.h for the replicate dialect, whose models have owners. Nobody asks
 * for the schema of a deployment, so that the first reply is the prediction. */
#define FUZZED_TYPE 46
#define FUZZED_MODE MODE_CHAT
#define FUZZED_STREAM                                                                              \
	"{\"model\":\"deployments/a/"                                                              \
	"b\",\"stream\":true,\"stream_options\":{\"include_usage\":true},"                         \
	"\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}"
#define FUZZED_WHOLE "{\"model\":\"deployments/a/b\",\"messages\":[{\"content\":\"x\"}]}"
#include "dialect.h"
