/* fuzz_cloudflare_run.c — dialect.h for the cloudflare dialect's own surface: completions */
#define FUZZED_TYPE 37
#define FUZZED_CONFIG "{\"user_id\":\"a\"}"
#define FUZZED_MODE MODE_COMPLETIONS
#define FUZZED_STREAM                                                                              \
	"{\"model\":\"m\",\"stream\":true,\"stream_options\":{\"include_usage\":true},"            \
	"\"prompt\":\"x\"}"
#define FUZZED_WHOLE "{\"model\":\"m\",\"prompt\":\"x\"}"
#include "dialect.h"
