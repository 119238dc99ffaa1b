/* fuzz_replicate_images.c — dialect.h for images of the replicate dialect: predictions of a bare version,
 * and what a deployment runs with its schema */
#define FUZZED_TYPE 46
#define FUZZED_MODE MODE_IMAGES
#define FUZZED_WHOLE                                                                               \
	"{\"model\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\","         \
	"\"prompt\":\"x\",\"response_format\":\"b64_json\"}"
#define FUZZED_STREAM "{\"model\":\"deployments/a/b\",\"prompt\":\"x\"}"
#define FUZZED_HAS_STREAMS false
#include "dialect.h"
